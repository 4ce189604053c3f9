"""Schedules the scans that run without any event.

There are two kinds: a quick scan of the directories' times (`directories.py`), which finds
created, deleted and renamed files, and a walk, which compares every file. Neither takes more than
a tenth of the time.
"""

from dataclasses import dataclass

# After a scan of one minute, at least nine minutes pause.
_REST = 9.0

# Without events, every tenth quick scan is a walk, which is dearer.
_QUICK_SCANS_PER_WALK = 10


@dataclass(slots=True, kw_only=True)
class Schedule:
    """The schedule of one library. Times are seconds of the caller's monotonic clock."""

    reconcile_s: float
    """Pause between quick scans while all events are delivered."""
    walk_s: float
    """Pause between walks, likewise."""
    poll_s: float
    """Pause between quick scans while events are not delivered."""
    _walk_ended: float | None = None
    _walk_took_s: float = 0.0
    _scan_ended: float = 0.0
    _quick_scan_took_s: float = 0.0
    _not_before: float = 0.0

    def next_walk(self, *, is_polling: bool) -> float:
        if self._walk_ended is None:
            return self._not_before
        pause_s = min(self.walk_s, _QUICK_SCANS_PER_WALK * self.poll_s) if is_polling else self.walk_s
        return max(self._not_before, self._walk_ended + max(pause_s, _REST * self._walk_took_s))

    def next_pass(self, *, is_polling: bool) -> float:
        pause_s = min(self.reconcile_s, self.poll_s) if is_polling else self.reconcile_s
        return self._scan_ended + max(pause_s, _REST * self._quick_scan_took_s)

    def walked(self, started: float, ended: float) -> None:
        self._walk_ended = self._scan_ended = ended
        self._walk_took_s = ended - started

    def walk_failed(self, now: float) -> None:
        """Reschedule a walk that stopped half-way: it is due again, but not at once."""
        self._walk_ended = None
        self._not_before = now + self.poll_s

    def passed(self, started: float, ended: float) -> None:
        self._scan_ended = ended
        self._quick_scan_took_s = ended - started


@dataclass(slots=True)
class Backoff:
    """The delay before the next attempt: twice as long after each failure."""

    first_s: float
    longest_s: float
    _failures: int = 0

    def next_s(self) -> float:
        delay_s = min(self.first_s * 2.0 ** min(self._failures, 30), self.longest_s)
        self._failures += 1
        return delay_s

    def reset(self) -> None:
        self._failures = 0
