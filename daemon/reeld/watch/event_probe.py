"""Event probe: proves that inotify events still arrive.

Threads can be alive and blocked, and a descriptor can be open and silent. So reeld changes a file
of its own every few seconds, or every minute while nothing happens. The event must come back
through the same inotify descriptor, reader and queue. inotify keeps the order, so the probe's event
also proves that all earlier events arrived.

The file lies in memory, so a full or lost disk does not silence the probe.
"""

import os
import threading
import time
from collections.abc import Callable

# How often the probe changes its file, and how late its event may be. A blocked thread is noticed
# within half a minute.
BEAT_S = 10.0
LATE_S = 10.0


class EventProbe:
    """`beat` and `is_silent` are for one thread, `hear` for any other."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, wall_ns: Callable[[], int] = time.time_ns) -> None:
        self._clock = clock
        self._wall_ns = wall_ns
        self._file = os.memfd_create("reeld-event-probe")
        self._closing = threading.Lock()
        self._touched: tuple[float, int] | None = None
        """When the file was changed, by both clocks, while the event is still due."""
        self._next_beat = 0.0
        self._last_beat = 0.0
        self.delivered_until_ns = 0
        """All events before this wall-clock time have arrived, if the kernel reports such events at
        all.
        """

    @property
    def path(self) -> bytes:
        """The path to watch while the probe is open."""
        return b"/proc/self/fd/%d" % self._file

    def close(self) -> None:
        """Close the file. Any thread may call this, more than once: a number that is closed twice
        may belong to another file by then.
        """
        with self._closing:
            file, self._file = self._file, -1
        if file >= 0:
            os.close(file)

    def beat(self) -> None:
        """Change the file if it is time. Call it every few seconds while `is_due`."""
        now = self._clock()
        # After a long pause of this thread (a long walk, a stopped process) the delay proves
        # nothing.
        was_away = now - self._last_beat > LATE_S
        self._last_beat = now
        if self._touched is not None and was_away:
            self._touched = (now, self._touched[1])
        if self._touched is None and now >= self._next_beat and self._file >= 0:
            self._touched = (now, self._wall_ns())
            self._next_beat = now + BEAT_S
            os.utime(self._file)

    @property
    def is_due(self) -> bool:
        """Whether the event of the last change has not come yet."""
        return self._touched is not None

    def hear(self) -> None:
        touched, self._touched = self._touched, None
        if touched is not None:
            self.delivered_until_ns = touched[1]

    def is_silent(self) -> bool:
        """Tell whether the event of the last change is overdue."""
        return self._touched is not None and self._clock() - self._touched[0] > LATE_S
