"""Does what the kernel says still reach us?

Threads can be alive and blocked, and a descriptor can be open and dumb. So something of ours is changed every few
seconds, and the event must come back all the way: through the same inotify descriptor, the same reader, the same
queue. inotify tells in order, so that the canary's event also proves that everything before it was told.

What is changed lies in memory alone: it needs no disk, so that a full or a lost one does not silence it.
"""

import os
import threading
import time
from collections.abc import Callable

# How often it is changed; and when it should have been heard of. A blocked thread is noticed in half a minute.
BEAT_S = 10.0
LATE_S = 10.0


class EventProbe:
    """`beat` and `is_silent` are for one thread, `hear` for any other."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, wall_ns: Callable[[], int] = time.time_ns) -> None:
        self._clock = clock
        self._wall_ns = wall_ns
        self._file = os.memfd_create("reeld-canary")
        self._closing = threading.Lock()
        self._touched: tuple[float, int] | None = None
        """When, by either clock, it was changed without having been heard of yet."""
        self._next_beat = 0.0
        self._last_beat = 0.0
        self.delivered_until_ns = 0
        """Whatever happened before this moment of the wall clock was told, if the kernel tells of it at all."""

    @property
    def path(self) -> bytes:
        """What to watch, while it is open."""
        return b"/proc/self/fd/%d" % self._file

    def close(self) -> None:
        """Any thread may call it, more than once: a number that is closed twice may be another's file by then."""
        with self._closing:
            file, self._file = self._file, -1
        if file >= 0:
            os.close(file)

    def beat(self) -> None:
        """Change the file if it is time for that. Call it every few seconds."""
        now = self._clock()
        # Whoever was away himself (a long walk, a stopped process) cannot say how long the other was silent.
        was_away = now - self._last_beat > LATE_S
        self._last_beat = now
        if self._touched is not None and was_away:
            self._touched = (now, self._touched[1])
        if self._touched is None and now >= self._next_beat and self._file >= 0:
            self._touched = (now, self._wall_ns())
            self._next_beat = now + BEAT_S
            os.utime(self._file)

    def hear(self) -> None:
        touched, self._touched = self._touched, None
        if touched is not None:
            self.delivered_until_ns = touched[1]

    def is_silent(self) -> bool:
        """Whether it was changed and the news of that did not come."""
        return self._touched is not None and self._clock() - self._touched[0] > LATE_S
