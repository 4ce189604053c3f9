"""How does the daemon end in time, also when a thread of it waits for a disk that never answers?

No thread can be ended from outside, and Python waits for all of them before it exits. So after a while the process
leaves without them. Nothing is lost: what they were at goes back to the queue, and nothing of it was committed.
"""

import contextlib
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable
from typing import NoReturn

from reeld.catalog import queue
from reeld.database.connection import close_catalog, writing
from reeld.errors import CatalogError, ReeldError
from reeld.log import get_logger, tell_left_out
from reeld.service.instance_lock import InstanceLock
from reeld.service.stage_context import now_ms

log = get_logger()

# Together below the 10 s after which a person, or a machine that shuts down, loses patience.
LONGEST_END_S = 7.0
LONGEST_CLOSE_S = 1.0


def join_all(threads: Iterable[threading.Thread], until: float) -> list[threading.Thread]:
    """Wait for the threads, at most until this moment of the monotonic clock; those that live on."""
    left_behind = []
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
        if thread.is_alive():
            left_behind.append(thread)
    return left_behind


def abandon(threads: Iterable[threading.Thread]) -> None:
    """Go on without these: say so, and take their jobs from them."""
    for thread in threads:
        log.error("thread.left_behind", thread=thread.name, where=position(thread.name))
    _in_time(_release_jobs)


def _release_jobs() -> None:
    with contextlib.suppress(CatalogError), writing():
        queue.release_all(now_ms())


def _in_time(deed: Callable[[], None]) -> None:
    """Do it if that is possible: one of the threads that wait may hold the catalogue."""
    doing = threading.Thread(target=deed, daemon=True)
    doing.start()
    doing.join(LONGEST_CLOSE_S)


def position(thread_name: str) -> str | None:
    """What a thread is at in reeld's own code, innermost first; None if it has ended."""
    idents = {thread.name: thread.ident for thread in threading.enumerate()}
    frame = sys._current_frames().get(idents.get(thread_name) or 0)  # noqa: SLF001 - documented, for looks like this
    ours = [
        f"{os.path.basename(called.filename)}:{called.lineno} {called.name}"
        for called in reversed(traceback.extract_stack(frame) if frame else ())
        if f"{os.sep}reeld{os.sep}" in called.filename
    ]
    return " < ".join(ours[:4]) or None


def leave(instance_lock: InstanceLock, failure: ReeldError | None) -> NoReturn:
    """End the process at once, after closing what can be closed."""
    _in_time(close_catalog)  # if not, SQLite finds its log whole at the next start
    instance_lock.__exit__()
    tell_left_out(is_last=True)
    sys.stderr.flush()
    os._exit(failure.exit_code if failure else 0)
