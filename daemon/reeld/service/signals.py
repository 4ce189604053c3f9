"""Receives the signals that end the daemon or reload its configuration.

Python's handlers do nothing here. A handler that sets an event can deadlock: it may run while the main thread holds the
event's own lock. signal.sigtimedwait() invents a signal when a stopped process goes on (CPython 3.11 to 3.14). So the
number of each signal is read from a pipe.
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
    """Receives signals inside its block. For the main thread."""

    def __enter__(self) -> Self:
        """Receive SIGHUP. SIGTERM and SIGINT still end the process at once."""
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._had_terminal = os.isatty(2)
        self._is_reload_due = False
        self._wakeup_before = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        self._before: dict[int, Any] = {signal.SIGHUP: signal.signal(signal.SIGHUP, _do_nothing)}
        self._before[signal.SIGIO] = ignore_broken_leases()
        return self

    def fileno(self) -> int:
        """Return the descriptor that can be read once a signal came."""
        return self._read

    @property
    def is_reload_due(self) -> bool:
        """Whether `is_to_end` kept a reload for `wait`."""
        return self._is_reload_due

    def take_over_the_end(self) -> None:
        """Receive SIGTERM and SIGINT too: from now on an orderly shutdown is needed."""
        self._before |= {number: signal.signal(number, _do_nothing) for number in _ENDING}

    def __exit__(self, *_exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._wakeup_before)
        os.close(self._read)
        os.close(self._write)

    def wait(self, timeout_s: float) -> Literal["end", "reload"] | None:
        """Wait for a signal. Return what it asks for, or None after the timeout."""
        asked = self._hear(0 if self._is_reload_due else timeout_s)
        if asked is None and self._is_reload_due:
            asked = "reload"
        self._is_reload_due = False
        return asked

    def is_to_end(self, timeout_s: float) -> bool:
        """Wait for SIGTERM or SIGINT. Return whether one came. A reload is kept for `wait`."""
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
        # SIGHUP also comes when the terminal is closed. That asks for no reload.
        return "end" if self._had_terminal and not os.isatty(2) else "reload"


def _do_nothing(_number: int, _frame: FrameType | None) -> None:
    """The number is in the pipe."""


class ending_on_signals:  # noqa: N801 - a context manager that reads as a phrase
    """Remembers SIGTERM and SIGINT inside its block. `is_set` tells whether one came."""

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
