"""What ends the sleep of the main thread, so that it need not look each second.

While threads work, it looks at them each second, and collects what else happened. At rest it sleeps until a signal, a
change of the mounts, of the clock or of the catalogue's files, the next moment, or until a second after a thread began
to work.
"""

import ctypes
import errno
import os
import select
import threading
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack, suppress
from enum import Enum, auto
from typing import Self

from reeld.watch.file_events import FileEvents

_CLOCK_REALTIME, _CLOCK_MONOTONIC = 0, 1
_TFD_TIMER_ABSTIME, _TFD_TIMER_CANCEL_ON_SET = 1, 2

_FAR_S = 10 * 365 * 86_400
"""The timer is never to expire. Setting the clock cancels it."""

WORK_S = 1
"""A thread that worked for so long is looked at."""

_READABLE = select.EPOLLIN

_libc = ctypes.CDLL(None, use_errno=True)


class Cause(Enum):
    """What happened."""

    MOUNTS = auto()
    """Something was mounted or unmounted."""
    CLOCK = auto()
    """The wall clock was set, or the machine slept."""
    FILES = auto()
    """One of the watched files came or went, or was written to."""


class Wakeups:
    """The descriptors that the main thread sleeps at. All but `wake` and `wake_soon` are for that thread alone."""

    def __init__(self, signals: int, files: Collection[str], written: Collection[str]) -> None:
        """`signals` is a descriptor that can be read once a signal came. For the files see `FileEvents`."""
        self._signals = signals
        self._files, self._written = files, written
        self._closing = threading.Lock()
        self._bell = self._alarm = -1
        self._mounts: int | None = None
        self._file_events: FileEvents | None = None
        self._is_resting = self._is_armed = False
        self._causes: set[Cause] = set()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
            stack.callback(os.close, self._bell)
            self._alarm = _open_timer(_CLOCK_MONOTONIC, stack)
            stack.callback(self._forget)  # the last is the first at the end: no thread writes to a closed number
            self._mounts = _open_mounts(stack)
            self._clock = _open_clock(stack)
            self._file_events = _open_file_events(self._files, self._written, stack)
            self._at_work = _open_poll({self._signals: _READABLE, self._bell: _READABLE}, stack)
            on_mount = {} if self._mounts is None else {self._mounts: select.EPOLLPRI}
            others = [each.fileno() for each in (self._file_events,) if each is not None]
            others += [each for each in (self._clock, self._signals, self._bell, self._alarm) if each >= 0]
            self._at_rest = _open_poll(on_mount | dict.fromkeys(others, _READABLE), stack)
            self._mount_poll = _open_poll(on_mount, stack)
            self._closing_all = stack.pop_all()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._closing_all.close()

    # --- for any thread ----------------------------------------------------------------------------------

    def wake(self) -> None:
        """End the present sleep, or the next one."""
        with self._closing:
            if self._bell >= 0:
                os.eventfd_write(self._bell, 1)

    def wake_soon(self) -> None:
        """End the present rest in WORK_S. A sleep among working threads ends soon enough by itself."""
        if not self._is_resting or self._is_armed:
            return
        with self._closing:
            self._is_armed = self._alarm >= 0 and _set_timer(self._alarm, 0, WORK_S)
        if not self._is_armed:
            self.wake()

    # --- for the main thread -----------------------------------------------------------------------------

    @property
    def sees_mounts(self) -> bool:
        """Whether the kernel reports mounts."""
        return self._mounts is not None

    @property
    def sees_files(self) -> bool:
        """Whether the kernel reports what happens to the files."""
        return self._file_events is not None and self._file_events.is_complete

    def sleep(self, timeout_s: float) -> None:
        """Sleep among working threads."""
        self._at_work.poll(timeout_s)

    def rest(self, timeout_s: float, may_rest: Callable[[], bool]) -> bool:
        """Sleep while all threads rest. Return whether something ended that which may come again at once.

        `may_rest` is asked after that from which on threads call `wake_soon`.
        """
        self._is_armed, self._is_resting = False, True
        try:
            until = time.monotonic() + timeout_s
            while not self._causes:
                if not may_rest() and not self._is_armed:
                    return True
                if (left_s := until - time.monotonic()) <= 0:
                    return False
                ready = {descriptor for descriptor, _ in self._at_rest.poll(left_s)}
                # First: the kernel reports a mount to one poll alone, so `take` would not see it any more.
                if self._mounts in ready:
                    self._causes.add(Cause.MOUNTS)
                if self._alarm in ready:
                    with suppress(BlockingIOError):
                        os.read(self._alarm, 8)
                    return False
                if not ready.isdisjoint((self._signals, self._bell)):
                    return True
                self._collect()
            return True
        finally:
            self._is_resting = False

    def take(self) -> set[Cause]:
        """Return what happened since the last call. It never waits. What it returns must be checked after it."""
        with suppress(BlockingIOError):
            os.eventfd_read(self._bell)
        if self._mount_poll.poll(0):
            self._causes.add(Cause.MOUNTS)
        self._collect()
        if self._file_events is not None:
            self._file_events.renew()
        causes, self._causes = self._causes, set()
        return causes

    def _collect(self) -> None:
        if self._file_events is not None and self._file_events.take():
            self._causes.add(Cause.FILES)
        if self._clock >= 0 and _was_set(self._clock):
            self._causes.add(Cause.CLOCK)

    def _forget(self) -> None:
        with self._closing:
            self._bell = self._alarm = -1


def _open_poll(events: Mapping[int, int], stack: ExitStack) -> select.epoll:
    """Poll some descriptors. poll(2) would fail once the limit of descriptors is lowered below their number."""
    poll = stack.enter_context(select.epoll())
    for descriptor, mask in events.items():
        poll.register(descriptor, mask)
    return poll


def _open_mounts(stack: ExitStack) -> int | None:
    """Open the list of mounts, which poll(2) reports as urgent after each change; see proc(5)."""
    try:
        descriptor = os.open("/proc/self/mountinfo", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    stack.callback(os.close, descriptor)
    return descriptor


def _open_clock(stack: ExitStack) -> int:
    """Make a timer that is cancelled when the clock is set. Return -1 if the kernel has none left."""
    clock = _open_timer(_CLOCK_REALTIME, stack)
    if clock >= 0:
        _watch_clock(clock)
    return clock


def _open_timer(clock: int, stack: ExitStack) -> int:
    """Make a timer; see timerfd_create(2)."""
    descriptor: int = _libc.timerfd_create(clock, os.O_NONBLOCK | os.O_CLOEXEC)
    if descriptor >= 0:
        stack.callback(os.close, descriptor)
    return descriptor


def _open_file_events(files: Collection[str], written: Collection[str], stack: ExitStack) -> FileEvents | None:
    try:
        events = FileEvents(files, written)
    except OSError:
        return None
    stack.callback(events.close)
    return events


def _was_set(clock: int) -> bool:
    try:
        os.read(clock, 8)
    except BlockingIOError:
        return False
    except OSError as err:
        if err.errno != errno.ECANCELED:
            raise
    _watch_clock(clock)
    return True


def _watch_clock(clock: int) -> None:
    _set_timer(clock, _TFD_TIMER_ABSTIME | _TFD_TIMER_CANCEL_ON_SET, int(time.time()) + _FAR_S)


def _set_timer(timer: int, flags: int, seconds: int) -> bool:
    at = (ctypes.c_long * 4)(0, 0, seconds, 0)  # interval and expiry: seconds and nanoseconds
    return bool(_libc.timerfd_settime(timer, flags, at, None) == 0)
