"""How is the reading of whole files kept from being a burden: one at a time from each disk, slowly, and at night?"""

import datetime as dt
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

LARGEST_BURST_S = 1.0
"""After a pause no more than this is made up for."""


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """The hours of the day, in local time, at which whole files may be begun; from one to another minute of the day.

    The same two are the whole day, and the second may lie before the first: then midnight is between them.
    """

    start_min: int = 0
    end_min: int = 0

    def has(self, now: dt.datetime) -> bool:
        minute = now.hour * 60 + now.minute
        if self.start_min == self.end_min:
            return True
        if self.start_min < self.end_min:
            return self.start_min <= minute < self.end_min
        return minute >= self.start_min or minute < self.end_min


class DeviceLocks:
    """Which disks are being read from end to end; for any number of threads.

    Two such readers make a disk whose heads move slower than one after the other. `device` is what `stat` calls so.
    """

    def __init__(self, has_moving_heads: Callable[[int], bool]) -> None:
        self._has_moving_heads = has_moving_heads
        self._lock = threading.Lock()
        self._readers: Counter[int] = Counter()

    @contextmanager
    def reading(self, device: int) -> Iterator[None]:
        """The calling thread reads from it until the end of the block."""
        with self._lock:
            self._readers[device] += 1
        try:
            yield
        finally:
            with self._lock:
                self._readers[device] -= 1

    def busy(self) -> list[int]:
        """The devices that are better left alone until their reader is done."""
        with self._lock:
            return [device for device, count in self._readers.items() if count and self._has_moving_heads(device)]


@dataclass(slots=True, kw_only=True)
class RateLimit:
    """Keeps all readers together below so many bytes a second."""

    bytes_per_s: float
    pause: Callable[[float], object]
    """Wait so many seconds, or until reeld ends."""
    clock: Callable[[], float] = time.monotonic
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _free_at: float = 0.0

    def keep(self, read_bytes: int) -> None:
        """Told of bytes that were read; waits until more may be."""
        with self._lock:
            now = self.clock()
            self._free_at = max(self._free_at, now - LARGEST_BURST_S) + read_bytes / self.bytes_per_s
            wait_s = self._free_at - now
        if wait_s > 0:
            self.pause(wait_s)
