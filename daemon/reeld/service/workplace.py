"""What do the stages work with? The child processes for untrusted bytes, and a way to end."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from reeld.config import Config
from reeld.domain.records import KnownFile
from reeld.pipeline.tools import Tools
from reeld.sandbox import Limits
from reeld.service.child import WorkerPool
from reeld.watch.walk import check_root

MIB = 1 << 20


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0))


def identifier_pool(config: Config) -> WorkerPool:
    """Children that read names: one for each core, since reading is all computing."""
    limits = Limits(
        memory_bytes=config.identify.memory_mib * MIB, cpu_s=_whole(config.identify.timeout_s), descriptors=0
    )
    return WorkerPool("reeld.identify.child", cores(), limits)


def prober_pool(config: Config) -> WorkerPool:
    """Children that read the headers of videos."""
    limits = Limits(memory_bytes=config.probe.memory_mib * MIB, cpu_s=_whole(config.probe.timeout_s), descriptors=1)
    return WorkerPool("reeld.content.probe_child", cores(), limits)


@contextmanager
def open_tools(
    config: Config, stopping: threading.Event, on_bytes_hashed: Callable[[int], None] = lambda _count: None
) -> Iterator[Tools]:
    """The tools of the stages; their child processes end when the context does."""
    prober, identifier = prober_pool(config), identifier_pool(config)

    def ask_prober(request: dict[str, Any], descriptors: Sequence[int]) -> dict[str, Any]:
        return prober.call(request, descriptors, timeout_s=config.probe.timeout_s)

    def ask_identifier(request: dict[str, Any]) -> dict[str, Any]:
        return identifier.call(request, timeout_s=config.identify.timeout_s)

    def interrupt() -> None:
        prober.close()
        identifier.close()

    try:
        yield Tools(
            ask_prober=ask_prober,
            ask_identifier=ask_identifier,
            should_stop=stopping.is_set,
            on_bytes_hashed=on_bytes_hashed,
            interrupt=interrupt,
        )
    finally:
        interrupt()


def now_ms() -> int:
    """The wall clock in milliseconds: what job times and the catalogue's moments are counted in."""
    return time.time_ns() // 1_000_000


def absence(roots: Mapping[int, str]) -> Callable[[KnownFile], bool]:
    """Whether a known file is certainly not at its old path any more; `roots` by library id.

    Only a library that can be looked at right now says so: under the root of an unplugged disk everything
    seems absent. A path that holds another inode by now counts: what was there has gone elsewhere.
    """

    def is_absent(known: KnownFile) -> bool:
        root = roots.get(known.library_id)
        if root is None or isinstance(check_root(root), str):
            return False
        try:
            return os.lstat(os.path.join(root, known.path)).st_ino != known.stamp.inode
        except (FileNotFoundError, NotADirectoryError):
            return not isinstance(check_root(root), str)
        except OSError:
            return False

    return is_absent


def _whole(timeout_s: float) -> int:
    # A child that computes all the time is stopped by its own limit a second before the wall clock's is over.
    return max(1, int(timeout_s) - 1)
