"""Estimates how much work is left and when it will be done.

Two lanes run at the same time, so the slower one decides. Names and headers are counted in files per second, whole
files in bytes per second. Rates cover the last minute. Until a rate is known there is no estimate.
"""

import contextlib
import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from reeld.catalog import overview
from reeld.domain.status import Estimate
from reeld.errors import CatalogError
from reeld.report.counters import Counters

PERIOD_S = 5.0
WINDOW_S = 60.0
LEAST_S = 2.0
"""A shorter time gives no rate."""
LIGHT_STAGE = "fingerprint"
"""Each new file goes through this stage once."""


@dataclass(frozen=True, slots=True)
class _Sample:
    at: float
    files: int
    hashed_bytes: int


class ProgressEstimator:
    """Takes a sample with each estimate. For one thread."""

    def __init__(
        self, counters: Counters, *, with_full_hash: bool = True, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._counters = counters
        self._with_full_hash = with_full_hash
        self._clock = clock
        self._samples: deque[_Sample] = deque()
        self._estimate: Estimate | None = None
        self._next = -math.inf

    def status(self) -> Estimate | None:
        """Estimate the work left, at most every PERIOD_S. None while no work is known."""
        if self._clock() >= self._next:
            self._next = self._clock() + PERIOD_S
            with contextlib.suppress(CatalogError):  # other threads log the reason
                self._estimate = self.estimate(overview.work_left())
        return self._estimate if self._estimate and self._estimate.files else None

    def estimate(self, left: overview.WorkLeft) -> Estimate:
        """Estimate now from what the queue holds."""
        self._sample()
        files_per_s, hashed_per_s = self._rates()
        bytes_to_hash = left.bytes_to_hash if self._with_full_hash else 0
        waits = [seconds_for(left.files_to_read, files_per_s), seconds_for(bytes_to_hash, hashed_per_s)]
        known = [wait for wait in waits if wait is not None]
        return Estimate(
            files=left.files,
            bytes_to_hash=bytes_to_hash,
            files_per_s=files_per_s,
            hashed_bytes_per_s=hashed_per_s,
            seconds_left=max(known) if len(known) == len(waits) else None,
        )

    def _sample(self) -> None:
        spent = self._counters.stages().get(LIGHT_STAGE)
        now = self._clock()
        self._samples.append(_Sample(now, spent.count if spent else 0, self._counters.bytes_hashed))
        while len(self._samples) > 2 and self._samples[1].at <= now - WINDOW_S:
            self._samples.popleft()

    def _rates(self) -> tuple[float | None, float | None]:
        first, last = self._samples[0], self._samples[-1]
        seconds = last.at - first.at
        if seconds < LEAST_S:
            return None, None
        return (last.files - first.files) / seconds, (last.hashed_bytes - first.hashed_bytes) / seconds


def seconds_for(left: int, per_s: float | None) -> float | None:
    """Return the seconds that this takes. None if there is no progress or no rate yet."""
    if left == 0:
        return 0.0
    return left / per_s if per_s else None
