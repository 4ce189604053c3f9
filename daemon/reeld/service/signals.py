"""What do signals ask of the daemon? To end, or to read its configuration again.

Python's handlers do nothing here. One that set an event would run between any two instructions of the main thread, also
while that holds the event's own lock, and wait for it for ever; and signal.sigtimedwait() makes up a signal when the
process is stopped and goes on (CPython 3.11 to 3.14). So the number of each signal is read from a pipe.
"""

import contextlib
import os
import select
import signal
import time
from types import FrameType
from typing import Any, Literal, Self

from reeld.watch.completeness import ignore_broken_leases

_ENDING = (signal.SIGTERM, signal.SIGINT)


class Signals:
    """From the beginning to the end of the block; for the main thread."""

    def __enter__(self) -> Self:
        """Hear SIGHUP. What asks for the end still ends the process at once, in the kernel's own way."""
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._had_terminal = os.isatty(2)
        self._is_reload_due = False
        self._wakeup_before = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        self._before: dict[int, Any] = {signal.SIGHUP: signal.signal(signal.SIGHUP, _do_nothing)}
        self._before[signal.SIGIO] = ignore_broken_leases()
        return self

    def take_over_the_end(self) -> None:
        """From here on there is something to be brought to an end in order."""
        self._before |= {number: signal.signal(number, _do_nothing) for number in _ENDING}

    def __exit__(self, *_exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup_before)
        os.close(self._read)
        os.close(self._write)

    def wait(self, timeout_s: float) -> Literal["end", "reload"] | None:
        """What was asked for, as soon as that happens; None if nothing was."""
        asked = self._hear(0 if self._is_reload_due else timeout_s)
        if asked is None and self._is_reload_due:
            asked = "reload"
        self._is_reload_due = False
        return asked

    def is_to_end(self, timeout_s: float) -> bool:
        """Wait for so long, or until the end is asked for. A reload that is asked for is kept for `wait`."""
        until = time.monotonic() + timeout_s
        while (left_s := until - time.monotonic()) > 0:
            match self._hear(left_s):
                case "end":
                    return True
                case "reload":
                    self._is_reload_due = True
        return False

    def _hear(self, timeout_s: float) -> Literal["end", "reload"] | None:
        select.select([self._read], [], [], timeout_s)
        came = b""
        with contextlib.suppress(BlockingIOError):
            came = os.read(self._read, 4096)
        if any(number in came for number in _ENDING):
            return "end"
        if signal.SIGHUP not in came:
            return None
        # The window in which it was started was closed: that is no wish for another configuration.
        return "end" if self._had_terminal and not os.isatty(2) else "reload"


def _do_nothing(_number: int, _frame: FrameType | None) -> None:
    """The number is in the pipe."""


class ending_on_signals:  # noqa: N801 - a context manager that reads as a phrase
    """Until the end of the block SIGTERM and SIGINT are remembered; `is_set` tells whether one came."""

    def __init__(self) -> None:
        self._has_come = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in _ENDING:
            self._before[number] = signal.signal(number, self._end)
        self._before[signal.SIGIO] = ignore_broken_leases()
        return self

    def __exit__(self, *_exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def is_set(self) -> bool:
        return self._has_come

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        self._has_come = True
