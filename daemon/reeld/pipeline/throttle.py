"""Limit the reading of whole files: one reader for each disk, a rate limit, and a time window."""

import datetime as dt
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

LARGEST_BURST_S = 1.0
"""At most so much unused time counts: after a pause, a burst is no longer than this."""


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """The time of the day, local, within which the reading of a whole file may begin, in minutes since midnight.

    Equal bounds mean the whole day. A window whose end lies before its start spans midnight.
    """

    start_min: int = 0
    end_min: int = 0

    def has(self, now: dt.datetime) -> bool:
        """Whether this moment lies within the window."""
        minute = now.hour * 60 + now.minute
        if self.start_min == self.end_min:
            return True
        if self.start_min < self.end_min:
            return self.start_min <= minute < self.end_min
        return minute >= self.start_min or minute < self.end_min


class DeviceLocks:
    """Which devices have a reader of whole files. Any number of threads may use it.

    Two readers at once make a disk with moving heads slower than two in turn. `device` is st_dev of `stat`.
    """

    def __init__(self, has_moving_heads: Callable[[int], bool]) -> None:
        self._has_moving_heads = has_moving_heads
        self._lock = threading.Lock()
        self._readers: Counter[int] = Counter()

    @contextmanager
    def reading(self, device: int) -> Iterator[None]:
        """Count the calling thread as a reader of the device until the end of the block."""
        with self._lock:
            self._readers[device] += 1
        try:
            yield
        finally:
            with self._lock:
                self._readers[device] -= 1

    def busy(self) -> list[int]:
        """Return the devices with moving heads that have a reader."""
        with self._lock:
            return [device for device, count in self._readers.items() if count and self._has_moving_heads(device)]


@dataclass(slots=True, kw_only=True)
class RateLimit:
    """Keep all readers together below so many bytes a second."""

    bytes_per_s: float
    pause: Callable[[float], object]
    """Wait so many seconds, or until reeld ends."""
    clock: Callable[[], float] = time.monotonic
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _free_at: float = 0.0

    def keep(self, read_bytes: int) -> None:
        """Count bytes that were read, and wait until more may be read."""
        with self._lock:
            now = self.clock()
            self._free_at = max(self._free_at, now - LARGEST_BURST_S) + read_bytes / self.bytes_per_s
            wait_s = self._free_at - now
        if wait_s > 0:
            self.pause(wait_s)
