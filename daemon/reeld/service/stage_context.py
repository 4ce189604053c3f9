"""Build what the stages work with: child processes for untrusted bytes, a way to end, a clock, the libraries' roots."""

import os
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from reeld.config import Config, Library
from reeld.domain.records import FileRecord, Place
from reeld.log import get_logger
from reeld.pipeline.context import StageContext
from reeld.pipeline.throttle import RateLimit
from reeld.sandbox import Limits
from reeld.scanner.former_places import FormerPlaces
from reeld.scanner.moved_files import StatNames
from reeld.scanner.root_check import Root
from reeld.service.heartbeat import Heartbeats
from reeld.service.worker_pool import REAP_TIMEOUT_S, START_TIMEOUT_S, WorkerPool
from reeld.watch.walk import Found, stat_names

MIB = 1 << 20

# Two pools, each with a child that even SIGKILL does not end at once.
LONGEST_CLOSE_S = 2 * (REAP_TIMEOUT_S + 1.0)

log = get_logger()


def cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0))


def identifier_pool(config: Config) -> WorkerPool:
    """Build the pool of children that read names: one for each core, because reading is pure computing."""
    limits = Limits(
        memory_bytes=config.identify.memory_mib * MIB, cpu_s=_whole(config.identify.timeout_s), descriptors=0
    )
    return WorkerPool("reeld.identify.child", cores(), limits)


def prober_pool(config: Config) -> WorkerPool:
    """Build the pool of children that read the headers of videos."""
    limits = Limits(memory_bytes=config.probe.memory_mib * MIB, cpu_s=_whole(config.probe.timeout_s), descriptors=1)
    return WorkerPool("reeld.content.probe_child", cores(), limits)


@contextmanager
def open_stage_context(
    config: Config,
    stopping: threading.Event,
    on_bytes_hashed: Callable[[int], None] = lambda _count: None,
    heartbeats: Heartbeats | None = None,
    former_places: FormerPlaces | None = None,
) -> Iterator[StageContext]:
    """Yield the context of the stages. Its child processes end with it."""
    heartbeats = heartbeats or Heartbeats()
    former_places = former_places or FormerPlaces(should_stop=stopping.is_set)
    prober, identifier = prober_pool(config), identifier_pool(config)

    def ask_prober(request: dict[str, Any], descriptors: Sequence[int]) -> dict[str, Any]:
        with heartbeats.mine().away(_longest_call_s(config.probe.timeout_s)):
            return prober.call(request, descriptors, timeout_s=config.probe.timeout_s)

    def ask_identifier(request: dict[str, Any]) -> dict[str, Any]:
        with heartbeats.mine().away(_longest_call_s(config.identify.timeout_s)):
            return identifier.call(request, timeout_s=config.identify.timeout_s)

    @contextmanager
    def at_disk(record: FileRecord) -> Iterator[None]:
        heartbeat = heartbeats.mine()
        heartbeat.at_disk(record.library_path, record.path)
        try:
            yield
        finally:
            heartbeat.beat()

    def interrupt() -> None:
        for pool in (prober, identifier):
            try:
                pool.close()
            except Exception as err:
                log.error("end.failed", step="children", exc_info=err)  # noqa: TRY400 - Logger has no `exception`

    def wait(seconds: float) -> None:
        with heartbeats.mine().away(seconds):
            stopping.wait(seconds)

    pace = RateLimit(bytes_per_s=config.hash.max_mib_per_s * MIB, pause=wait)

    try:
        yield StageContext(
            ask_prober=ask_prober,
            ask_identifier=ask_identifier,
            should_stop=stopping.is_set,
            on_bytes_hashed=on_bytes_hashed,
            limit_rate=pace.keep if config.hash.max_mib_per_s else lambda _count: None,
            patience_s=_patience(config.libraries),
            gone_from_former_place=former_places.gone,
            at_disk=at_disk,
            interrupt=interrupt,
        )
    finally:
        # A pool that cannot be closed must not keep a reload, or the end, waiting.
        closing = threading.Thread(target=interrupt, name="close children", daemon=True)
        closing.start()
        closing.join(LONGEST_CLOSE_S)


def _patience(libraries: Sequence[Library]) -> Callable[[str], float]:
    """Return a function of a library's path: how long to wait for the rest of a file that ends too early."""
    by_path = {each.path: each.patience_h * 3600 if each.container_end else 0.0 for each in libraries}
    return lambda library_path: by_path.get(library_path, 0.0)


def now_ms() -> int:
    """Return the wall clock in milliseconds, as job times and the catalogue use it."""
    return time.time_ns() // 1_000_000


def roots_of(config: Config, library_ids: Mapping[str, int]) -> dict[int, Root]:
    """Return the roots of all libraries, by library id."""
    roots = [
        Root(place=Place(library_ids[library.name], library.path), inodes=library.inodes)
        for library in config.libraries
    ]
    return {root.place.library_id: root for root in roots}


def stat_names_of(roots: Mapping[int, Root], does_answer: Callable[[str], bool] = lambda _root: True) -> StatNames:
    """Return a function that stats names in a folder of a library, or returns None for unknown. `roots` by library id.

    Only a library whose root is verified right now is asked: below the root of an unplugged disk everything seems
    absent. A root whose disk does not answer, by `does_answer`, is not asked either: the call might never return.
    """

    def stat_in_library(library_id: int, directory: str, names: Collection[str]) -> Found | None:
        root = roots.get(library_id)
        if root is None or not does_answer(root.place.root):
            return None
        seen = root.verified_at(directory)
        if seen is None:
            return None
        found = stat_names(root.place.root, directory, names, seen=seen)
        return found if isinstance(found, Found) and root.verified_at(directory) == seen else None

    return stat_in_library


def _longest_call_s(timeout_s: float) -> float:
    """Allow for another thread's call that comes first, and for the start of a child for each."""
    return 2 * (timeout_s + START_TIMEOUT_S)


def _whole(timeout_s: float) -> int:
    # A child that computes all the time is stopped by its own limit a second before the wall clock's is over.
    return max(1, int(timeout_s) - 1)
