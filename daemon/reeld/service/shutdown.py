"""Ends the daemon in time, even if a thread waits for a disk that never answers.

A thread cannot be ended from outside, and Python waits for all threads before it exits. So after LONGEST_END_S the
process exits without them. Nothing is lost: their jobs go back to the queue, and no partial result was committed.
"""

import contextlib
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Collection, Iterable
from typing import NoReturn

from reeld.catalog import queue
from reeld.database.connection import close_catalog, writing
from reeld.errors import CatalogError, ReeldError
from reeld.log import get_logger, tell_left_out
from reeld.service.instance_lock import InstanceLock
from reeld.service.stage_context import now_ms

log = get_logger()

# Together below 10 s, after which a user or a shutting-down machine may kill the process.
LONGEST_END_S = 7.0
LONGEST_CLOSE_S = 1.0
LONGEST_FAREWELL_S = 0.3
"""How long to wait for a thread whose disk has been silent."""

# In all, from the beginning of the end. Then the process exits in the middle of what it does.
FORCED_END_S = 9.0
# The kernel kills it then, even if Python itself is stuck.
KILLED_END_S = 10.0
LONGEST_LAST_WORD_S = 0.3


def bound_the_end(exit_code: Callable[[], int]) -> None:
    """Make the process exit within FORCED_END_S from now, in any case.

    The end must not depend on what it ends. A pool may raise where it is closed, a thread may wait for ever, and a
    clock may stand still or jump. So the bound is a wait in the kernel, which asks no clock of Python.
    """
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, KILLED_END_S)
    threading.Thread(target=_force_the_end, args=(exit_code,), name="end", daemon=True).start()


def _force_the_end(exit_code: Callable[[], int]) -> None:
    code = os.EX_SOFTWARE
    try:
        never = threading.Lock()
        never.acquire()
        never.acquire(timeout=FORCED_END_S)
        code = exit_code()
        saying = threading.Thread(target=lambda: log.error("end.forced", where=position("MainThread")), daemon=True)
        saying.start()
        saying.join(LONGEST_LAST_WORD_S)
    finally:
        os._exit(code)


def attempt(step: str, do: Callable[[], object]) -> None:
    """Take a step of the end. An error in it is logged, and keeps no other step from being taken."""
    try:
        do()
    except Exception as err:
        log.error("end.failed", step=step, exc_info=err)  # noqa: TRY400 - Logger has no `exception`


def join_all(
    threads: Iterable[threading.Thread], until: float, hopeless: Collection[str] = ()
) -> list[threading.Thread]:
    """Wait for the threads until this monotonic time, for the `hopeless` ones only a moment. Return those that run."""
    abandoned = []
    for thread in sorted(threads, key=lambda each: each.name in hopeless):
        left_s = max(0.0, until - time.monotonic())
        thread.join(min(left_s, LONGEST_FAREWELL_S) if thread.name in hopeless else left_s)
        if thread.is_alive():
            abandoned.append(thread)
    return abandoned


def abandon(threads: Iterable[threading.Thread]) -> None:
    """Log these threads and release their jobs."""
    for thread in threads:
        log.error("thread.abandoned", thread=thread.name, where=position(thread.name))
    _in_time(_release_jobs)


def _release_jobs() -> None:
    with contextlib.suppress(CatalogError), writing():
        queue.release_all(now_ms())


def _in_time(action: Callable[[], None]) -> None:
    """Wait for `action` at most LONGEST_CLOSE_S: a waiting thread may hold the catalogue."""
    doing = threading.Thread(target=action, daemon=True)
    doing.start()
    doing.join(LONGEST_CLOSE_S)


def position(thread_name: str) -> str | None:
    """Return a thread's position in reeld's code, innermost call first. None if it has ended."""
    idents = {thread.name: thread.ident for thread in threading.enumerate()}
    frame = sys._current_frames().get(idents.get(thread_name) or 0)  # noqa: SLF001 - documented for debugging
    ours = [
        f"{os.path.basename(called.filename)}:{called.lineno} {called.name}"
        for called in reversed(traceback.extract_stack(frame) if frame else ())
        if f"{os.sep}reeld{os.sep}" in called.filename
    ]
    return " < ".join(ours[:4]) or None


def leave(instance_lock: InstanceLock, failure: ReeldError | None) -> NoReturn:
    """Exit at once, after closing what can be closed."""
    _in_time(close_catalog)  # if that fails, SQLite recovers from its log at the next start
    instance_lock.__exit__()
    tell_left_out(is_last=True)
    sys.stderr.flush()
    os._exit(failure.exit_code if failure else 0)
