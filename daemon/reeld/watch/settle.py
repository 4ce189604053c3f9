"""Decides when a file has been quiet for long enough to be complete.

Pure: the caller brings stamps and times, and does the reading. `now` is the monotonic clock in
seconds, and only it measures the quiet period. The wall clock is used in one case, to save a
useless wait: a file whose last change is long past when it is first seen.

    see ──▶ settled                         an old file, as nearly all are at a start
     └────▶ waiting ─▶ due ─▶ confirm ──▶ settled
                 ▲                └─▶ waits again: it changed, or a check holds it back

Quiet is necessary, but not sufficient: a writer may pause. Other reasons to wait are a download's
control file, a process that may still write, and parts that were never written. The caller passes
them as a `HoldReason`. It keeps the file waiting, for good or until its patience ends, and says
why. A settled file may still change. Then it is seen again, and waits twice as long as before.
"""

import heapq
import math
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from reeld.domain.files import FileStamp

# Some 700 bytes each: 14 MB. Only hard-linking a whole library brings more at once. As many again
# may be held back, which can last for weeks and must not block the others.
MOST_WAITING = 20_000

# A file that is held back is checked again after a quiet period, then ever more rarely, up to
# this. A writer that closes the file causes an event, so its end is noticed sooner.
LONGEST_PAUSE_S = 60.0
SHORTEST_PAUSE_S = 1.0
PAUSE_FACTOR = 1.5

# A file that changes after it settled had settled too early: its writer pauses longer than the
# quiet period. Each time it waits twice as long as before, up to this factor. After an hour
# without a change that is forgotten.
LONGEST_BACKOFF = 8
BACKOFF_MEMORY_S = 3600.0
MOST_REMEMBERED = 1000

# So many timers may be left over from forgotten files, on top of one per file.
MOST_STALE_TIMERS = 20

_NS = 1_000_000_000


class SettleState(Enum):
    """The result of seeing a file."""

    SETTLED = "settled"
    WAITING = "waiting"
    REJECTED = "rejected"
    """Too many files wait already. Show it again later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldReason:
    """Why a file that does not change must still wait, as a phrase for the user."""

    why: str
    patience_s: float | None = None
    """The reason expires once the file has not changed for this long. None: never."""
    ends_by_itself: bool = False
    """The reason lasts for moments only, so it does not count against the capacity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A file that is not settled. Times are monotonic, in seconds."""

    key: str
    since: float
    """When the waiting began."""
    why: str
    held_since: float | None
    """Since when `why` holds it back, without a pause, or None if it is only not quiet yet."""


@dataclass(slots=True)
class _Wait:
    stamp: FileStamp
    since: float
    quiet_s: float
    quiet_since: float
    unchanged_since: float
    """As `quiet_since`, which starts when the file is first seen. By the wall clock this may be
    earlier.
    """
    hold_reason: HoldReason | None = None
    held_since: float = 0.0
    pause_s: float = 0.0
    not_before: float = 0.0
    """The file is held back: do not check it again before this time."""

    @property
    def next_check(self) -> float:
        return max(self.quiet_since + self.quiet_s, self.not_before)

    def is_expired(self, hold_reason: HoldReason, now: float) -> bool:
        return hold_reason.patience_s is not None and now - self.unchanged_since >= hold_reason.patience_s


class Settling:
    """The files of one library that wait until they are complete. For one thread."""

    def __init__(self, quiet_s: float, *, capacity: int = MOST_WAITING) -> None:
        self.quiet_s = quiet_s
        self._capacity = capacity
        self._waits: dict[str, _Wait] = {}
        self._held_back: set[str] = set()
        """The keys that are, or were, held back."""
        # Each key has one valid timer, the one in the dict. A restart moves the wait, not the
        # timer. The timer is put off when it fires. So a file that changes a thousand times a
        # second costs no memory.
        self._timers: list[tuple[float, str]] = []
        self._timer_of: dict[str, float] = {}
        self._settled_before: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """When each settled, and after which quiet period; the latest is last."""
        self._lowest_offset_ns: int | None = None

    def see(
        self,
        key: str,
        stamp: FileStamp,
        *,
        now: float,
        wall_ns: int,
        hold_reason: HoldReason | None = None,
        must_wait: bool = False,
    ) -> SettleState:
        """Note what a listing, or `stat`, shows of the file right now.

        Returns SETTLED only for a file that was not waiting, and does not remember it. With
        `must_wait`, a file whose last change is long past has to wait as well.
        """
        forward_ns = self._forward_jump_ns(now, wall_ns)
        wait = self._waits.get(key)
        if wait is not None:
            self._note_change(key, wait, stamp, now)
            return self._let_wait(key, wait, hold_reason, now)
        quiet_s = self._quiet_period_s(key, now)
        unchanged_s = (wall_ns - forward_ns - max(stamp.ctime_ns, stamp.mtime_ns)) / _NS
        wait = _Wait(stamp, now, quiet_s, quiet_since=now, unchanged_since=now - max(0.0, unchanged_s))
        if not must_wait and unchanged_s >= quiet_s and (hold_reason is None or wait.is_expired(hold_reason, now)):
            return SettleState.SETTLED
        if not _is_lasting(hold_reason) and len(self._waits) - len(self._held_back) >= self._capacity:
            return SettleState.REJECTED
        self._waits[key] = wait
        self._set_timer(key, now + quiet_s)
        return self._let_wait(key, wait, hold_reason, now)

    def unchanged_since_ns(self, now: float, wall_ns: int) -> int:
        """Return the time by which a file must have changed last to be settled when it is first seen now."""
        return wall_ns - self._forward_jump_ns(now, wall_ns) - int(self.quiet_s * _NS)

    @property
    def remembers_any(self) -> bool:
        """Whether a file waits, or waited before."""
        return bool(self._waits or self._settled_before)

    def is_first_seen(self, key: str) -> bool:
        """Tell whether nothing is remembered of this file: it neither waits, nor settled before."""
        return key not in self._waits and key not in self._settled_before

    def due(self, now: float) -> list[str]:
        """Return the keys to `stat` and `confirm` now, the longest due first. Unconfirmed ones
        return.
        """
        keys = []
        while (at := self.next_due()) is not None and at <= now:
            key = heapq.heappop(self._timers)[1]
            del self._timer_of[key]
            keys.append(key)
        for key in keys:
            self._set_timer(key, now + self._waits[key].quiet_s)
        return keys

    def stamp_of(self, key: str) -> FileStamp | None:
        """Return the last stamp of a file that waits."""
        wait = self._waits.get(key)
        return None if wait is None else wait.stamp

    def is_quiet(self, key: str, stamp: FileStamp, now: float) -> bool:
        """Tell whether the quiet period is over: the moment to run the completeness checks."""
        wait = self._waits.get(key)
        return wait is not None and _is_untouched(wait.stamp, stamp) and now - wait.quiet_since >= wait.quiet_s

    def confirm(self, key: str, stamp: FileStamp | None, now: float, *, hold_reason: HoldReason | None = None) -> bool:
        """Tell whether this second sample settles the file. `stamp` is None if the file is gone.

        A settled or vanished file is forgotten. Any other goes on waiting, unless too many are
        held back already: then it is rejected. An unknown key is not settled, since it was
        forgotten in the meantime.
        """
        wait = self._waits.get(key)
        if wait is None:
            return False
        if stamp is None:
            self.forget(key)
            return False
        self._note_change(key, wait, stamp, now)
        if hold_reason is not None and not wait.is_expired(hold_reason, now):
            self._pause(wait, now)
            self._let_wait(key, wait, hold_reason, now)
            return False
        if now - wait.quiet_since < wait.quiet_s:
            return False
        self.forget(key)
        self._remember(key, wait.quiet_s, now)
        return True

    def forget(self, key: str) -> None:
        """Stop waiting for a file that is gone or was renamed. An unknown key is fine."""
        self._waits.pop(key, None)
        self._timer_of.pop(key, None)
        self._held_back.discard(key)

    def next_due(self) -> float | None:
        """Return when `due` will next return something, or None if no file waits."""
        while self._timers:
            at, key = self._timers[0]
            if self._timer_of.get(key) != at:
                heapq.heappop(self._timers)
            elif (next_check := self._waits[key].next_check) > at:
                self._timer_of[key] = next_check
                heapq.heapreplace(self._timers, (next_check, key))
            else:
                return at
        return None

    def waiting(self) -> Iterator[Waiting]:
        """Yield the files that wait, the longest waiting first, with the reason."""
        for key, wait in sorted(self._waits.items(), key=lambda item: item[1].since):
            if wait.hold_reason is None:
                why = f"it changed less than {wait.quiet_s:g} s before it was last checked"
                yield Waiting(key=key, since=wait.since, why=why, held_since=None)
            else:
                yield Waiting(key=key, since=wait.since, why=wait.hold_reason.why, held_since=wait.held_since)

    def __len__(self) -> int:
        return len(self._waits)

    def __contains__(self, key: str) -> bool:
        return key in self._waits

    def _note_change(self, key: str, wait: _Wait, stamp: FileStamp, now: float) -> None:
        """Restart the quiet period if anything changed since the last sample.

        ctime counts here, although a rename changes it and no byte. A writer that sets the mtime
        back (rsync, cp -p) cannot forge it. The price is one more quiet period.
        """
        if not _is_untouched(wait.stamp, stamp):
            wait.stamp = stamp
            wait.quiet_since = wait.unchanged_since = now
            wait.pause_s = wait.not_before = 0.0
            self._set_timer(key, wait.next_check)

    def _let_wait(self, key: str, wait: _Wait, hold_reason: HoldReason | None, now: float) -> SettleState:
        """Store the hold reason, or forget the file if too many are held back."""
        if hold_reason is None:
            return SettleState.WAITING
        if _is_lasting(hold_reason) and key not in self._held_back:
            if len(self._held_back) >= self._capacity:
                self.forget(key)
                return SettleState.REJECTED
            self._held_back.add(key)
        if wait.hold_reason is None or wait.hold_reason.why != hold_reason.why:
            wait.held_since = now
        wait.hold_reason = hold_reason
        return SettleState.WAITING

    def _pause(self, wait: _Wait, now: float) -> None:
        longest_s = max(LONGEST_PAUSE_S, wait.quiet_s)
        wait.pause_s = min(max(wait.pause_s * PAUSE_FACTOR, wait.quiet_s, SHORTEST_PAUSE_S), longest_s)
        wait.not_before = now + wait.pause_s

    def _quiet_period_s(self, key: str, now: float) -> float:
        """Return the quiet period: longer for a file that settled and then changed again."""
        settled_at, quiet_s = self._settled_before.get(key, (0.0, 0.0))
        if not quiet_s or now - settled_at > BACKOFF_MEMORY_S:
            return self.quiet_s
        return min(2 * quiet_s, LONGEST_BACKOFF * self.quiet_s)

    def _remember(self, key: str, quiet_s: float, now: float) -> None:
        self._settled_before[key] = (now, quiet_s)
        self._settled_before.move_to_end(key)
        if len(self._settled_before) > MOST_REMEMBERED:
            self._settled_before.popitem(last=False)

    def _forward_jump_ns(self, now: float, wall_ns: int) -> int:
        """Return how far the wall clock jumped ahead of the monotonic one since its lowest offset.

        A file written before such a jump looks older than it is. Subtracting the jump errs
        towards waiting, the safe direction. The same holds after a suspend, which the monotonic
        clock does not count.
        """
        offset_ns = wall_ns - int(now * _NS)
        if self._lowest_offset_ns is None or offset_ns < self._lowest_offset_ns:
            self._lowest_offset_ns = offset_ns
        return offset_ns - self._lowest_offset_ns

    def _set_timer(self, key: str, at: float) -> None:
        """Set a timer for this time, unless an earlier one exists."""
        if at < self._timer_of.get(key, math.inf):
            self._timer_of[key] = at
            heapq.heappush(self._timers, (at, key))
            if len(self._timers) > 2 * len(self._timer_of) + MOST_STALE_TIMERS:
                self._timers = [(at, key) for key, at in self._timer_of.items()]
                heapq.heapify(self._timers)


def _is_lasting(hold_reason: HoldReason | None) -> bool:
    return hold_reason is not None and not hold_reason.ends_by_itself


def _is_untouched(before: FileStamp, after: FileStamp) -> bool:
    return before.has_same_content_as(after) and before.ctime_ns == after.ctime_ns
