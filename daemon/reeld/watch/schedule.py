"""When is a library looked at although nothing tells of a change?

Two ways to look: a pass over the directories' times (`directories.py`), which finds what came, went or was renamed, and
a walk, which compares every file. Neither ever takes more than a tenth of the time.
"""

from dataclasses import dataclass

# After a look that took a minute, at least nine minutes without one.
_REST = 9.0

# Where nothing is told, the walk, which is dearer than the pass, comes with every tenth of them.
_PASSES_A_WALK = 10


@dataclass(slots=True, kw_only=True)
class Schedule:
    """Of one library. All times are seconds of the caller's monotonic clock."""

    reconcile_s: float
    """From one pass to the next while events tell of all."""
    walk_s: float
    """From one walk to the next, likewise."""
    poll_s: float
    """From one pass to the next while they do not."""
    _walk_ended: float | None = None
    _walk_took_s: float = 0.0
    _look_ended: float = 0.0
    _pass_took_s: float = 0.0
    _not_before: float = 0.0

    def next_walk(self, *, is_polling: bool) -> float:
        if self._walk_ended is None:
            return self._not_before
        pause_s = min(self.walk_s, _PASSES_A_WALK * self.poll_s) if is_polling else self.walk_s
        return max(self._not_before, self._walk_ended + max(pause_s, _REST * self._walk_took_s))

    def next_pass(self, *, is_polling: bool) -> float:
        pause_s = min(self.reconcile_s, self.poll_s) if is_polling else self.reconcile_s
        return self._look_ended + max(pause_s, _REST * self._pass_took_s)

    def walked(self, started: float, ended: float) -> None:
        self._walk_ended = self._look_ended = ended
        self._walk_took_s = ended - started

    def walk_failed(self, now: float) -> None:
        """It was given up half-way; it is due again, not at once."""
        self._walk_ended = None
        self._not_before = now + self.poll_s

    def passed(self, started: float, ended: float) -> None:
        self._look_ended = ended
        self._pass_took_s = ended - started


@dataclass(slots=True)
class Backoff:
    """How long to wait before trying again what keeps failing: twice as long each time."""

    first_s: float
    longest_s: float
    _failures: int = 0

    def next_s(self) -> float:
        delay_s = min(self.first_s * 2.0 ** min(self._failures, 30), self.longest_s)
        self._failures += 1
        return delay_s

    def reset(self) -> None:
        self._failures = 0
