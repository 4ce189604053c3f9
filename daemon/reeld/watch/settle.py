"""Has this file been left alone for long enough?

Pure: the caller brings stamps and times, and does the looking. `now` is the monotonic clock in seconds; it
alone measures the quiet period. The wall clock is believed in one case, and only to save a wait that would
change nothing: a file whose last change is long past when it is first seen.

    see ──▶ settled                         an old file, as nearly all are at a start
     └────▶ waiting ─▶ due ─▶ confirm ──▶ settled
                 ▲                └─▶ waits again: it changed, or a witness objects

Quiet is necessary, not sufficient: a writer may pause. Whatever else speaks against a file (a download's control file
beside it, a process that may still write to it, parts that were never written) is an `HoldReason` that the caller
brings: it keeps the file waiting, for good or for as long as its patience lasts, and says why. Whatever settles may
still change; then it is seen again, and waits again, twice as long as before.
"""

import heapq
import math
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from reeld.domain.files import FileStamp

# Some 700 bytes each: 14 MB. More than this come at once only by hard-linking a library as a whole. As many more may
# be objected to, which can last for weeks, and takes nobody's place.
MOST_WAITING = 20_000

# A file that somebody objects to is asked about again after a quiet period, then ever more rarely, up to this. A writer
# that closes it is noticed sooner: that makes an event, and whoever follows it sees the file.
LONGEST_PAUSE_S = 60.0
SHORTEST_PAUSE_S = 1.0
PAUSE_FACTOR = 1.5

# A file that changes after it had settled was complete too early: its writer pauses for longer than the quiet period.
# Each time it waits twice as long as before, up to so many times. Forgotten after an hour without one.
MOST_CAUTION = 8
CAUTION_S = 3600.0
MOST_REMEMBERED = 1000

# So many appointments may be left from files that were forgotten, beside as many as there are files.
MOST_STALE = 20

_NS = 1_000_000_000


class Sight(Enum):
    """What became of a file that was seen."""

    SETTLED = "settled"
    WAITING = "waiting"
    TURNED_AWAY = "turned away"
    """Too many wait already. Show it again later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldReason:
    """What speaks against a file that does not change, in words that a person reads behind its name."""

    why: str
    patience_s: float | None = None
    """It is overruled once the file has not changed for so long; None: never."""
    ends_by_itself: bool = False
    """It is a matter of moments, and reeld's own: the file keeps its place however many are objected to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A file that is not settled. Times are monotonic, in seconds."""

    key: str
    since: float
    """When the waiting began."""
    why: str
    held_since: float | None
    """Since when `why` is objected, without a pause; None while it is only not quiet."""


@dataclass(slots=True)
class _Wait:
    stamp: FileStamp
    since: float
    quiet_s: float
    quiet_since: float
    unchanged_since: float
    """As `quiet_since`, which begins with the first sight; this may lie before it, as far as the wall clock knows."""
    hold_reason: HoldReason | None = None
    held_since: float = 0.0
    pause_s: float = 0.0
    not_before: float = 0.0
    """Somebody objected: nobody is asked again before this."""

    @property
    def next_look(self) -> float:
        return max(self.quiet_since + self.quiet_s, self.not_before)

    def is_expired(self, hold_reason: HoldReason, now: float) -> bool:
        return hold_reason.patience_s is not None and now - self.unchanged_since >= hold_reason.patience_s


class Settling:
    """The files of one library that wait until they are complete. For one thread."""

    def __init__(self, quiet_s: float, *, capacity: int = MOST_WAITING) -> None:
        self.quiet_s = quiet_s
        self._capacity = capacity
        self._waits: dict[str, _Wait] = {}
        self._objected: set[str] = set()
        """Those of them that are objected to, or were."""
        # One appointment a key counts, the one in the dict. A restart moves the wait, not the appointment, which is put
        # off when its time comes. So a file that changes a thousand times a second costs no memory.
        self._appointments: list[tuple[float, str]] = []
        self._appointed: dict[str, float] = {}
        self._settled_before: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """When, and after which quiet period; the latest at the end."""
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
    ) -> Sight:
        """Take note of what a listing, or `stat`, says of the file right now.

        SETTLED is said only of a file that was not waiting; it is not remembered. `must_wait`: not even of one whose
        last change is long past.
        """
        forward_ns = self._forward_jump_ns(now, wall_ns)
        wait = self._waits.get(key)
        if wait is not None:
            self._look(key, wait, stamp, now)
            return self._let_wait(key, wait, hold_reason, now)
        quiet_s = self._quiet_period_s(key, now)
        unchanged_s = (wall_ns - forward_ns - max(stamp.ctime_ns, stamp.mtime_ns)) / _NS
        wait = _Wait(stamp, now, quiet_s, quiet_since=now, unchanged_since=now - max(0.0, unchanged_s))
        if not must_wait and unchanged_s >= quiet_s and (hold_reason is None or wait.is_expired(hold_reason, now)):
            return Sight.SETTLED
        if not _is_lasting(hold_reason) and len(self._waits) - len(self._objected) >= self._capacity:
            return Sight.TURNED_AWAY
        self._waits[key] = wait
        self._appoint(key, now + quiet_s)
        return self._let_wait(key, wait, hold_reason, now)

    def due(self, now: float) -> list[str]:
        """The keys to `stat` and `confirm` now, the longest due first. Ones not confirmed come up again."""
        keys = []
        while (at := self.next_due()) is not None and at <= now:
            key = heapq.heappop(self._appointments)[1]
            del self._appointed[key]
            keys.append(key)
        for key in keys:
            self._appoint(key, now + self._waits[key].quiet_s)
        return keys

    def stamp_of(self, key: str) -> FileStamp | None:
        """What was last seen of a file that waits."""
        wait = self._waits.get(key)
        return None if wait is None else wait.stamp

    def is_quiet(self, key: str, stamp: FileStamp, now: float) -> bool:
        """Whether the file waits for nothing but that nobody objects: the moment to ask the witnesses."""
        wait = self._waits.get(key)
        return wait is not None and _is_untouched(wait.stamp, stamp) and now - wait.quiet_since >= wait.quiet_s

    def confirm(self, key: str, stamp: FileStamp | None, now: float, *, hold_reason: HoldReason | None = None) -> bool:
        """Whether the file is settled, this being its second sample; None if it is not there any more.

        A settled or vanished file is forgotten; any other goes on waiting, unless so many are objected to already that
        it is turned away. An unknown key is not settled: somebody forgot it in the meantime.
        """
        wait = self._waits.get(key)
        if wait is None:
            return False
        if stamp is None:
            self.forget(key)
            return False
        self._look(key, wait, stamp, now)
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
        """Stop waiting for it: it is gone, or it has another name now. An unknown key is fine."""
        self._waits.pop(key, None)
        self._appointed.pop(key, None)
        self._objected.discard(key)

    def next_due(self) -> float | None:
        """When `due` will next have something to say; None when nothing waits."""
        while self._appointments:
            at, key = self._appointments[0]
            if self._appointed.get(key) != at:
                heapq.heappop(self._appointments)
            elif (next_look := self._waits[key].next_look) > at:
                self._appointed[key] = next_look
                heapq.heapreplace(self._appointments, (next_look, key))
            else:
                return at
        return None

    def waiting(self) -> Iterator[Waiting]:
        """All that wait, the longest waiting first, with the reason."""
        for key, wait in sorted(self._waits.items(), key=lambda item: item[1].since):
            if wait.hold_reason is None:
                why = f"it changed less than {wait.quiet_s:g} s before it was last looked at"
                yield Waiting(key=key, since=wait.since, why=why, held_since=None)
            else:
                yield Waiting(key=key, since=wait.since, why=wait.hold_reason.why, held_since=wait.held_since)

    def __len__(self) -> int:
        return len(self._waits)

    def __contains__(self, key: str) -> bool:
        return key in self._waits

    def _look(self, key: str, wait: _Wait, stamp: FileStamp, now: float) -> None:
        """Start the quiet period again if anything changed since the last look.

        ctime counts here, though a rename changes it and no byte: it is the one time that a writer which
        puts the mtime back (rsync, cp -p) cannot forge, and the price is one more quiet period.
        """
        if not _is_untouched(wait.stamp, stamp):
            wait.stamp = stamp
            wait.quiet_since = wait.unchanged_since = now
            wait.pause_s = wait.not_before = 0.0
            self._appoint(key, wait.next_look)

    def _let_wait(self, key: str, wait: _Wait, hold_reason: HoldReason | None, now: float) -> Sight:
        """Note what is held against the file; or forget it, where too many are objected to."""
        if hold_reason is None:
            return Sight.WAITING
        if _is_lasting(hold_reason) and key not in self._objected:
            if len(self._objected) >= self._capacity:
                self.forget(key)
                return Sight.TURNED_AWAY
            self._objected.add(key)
        if wait.hold_reason is None or wait.hold_reason.why != hold_reason.why:
            wait.held_since = now
        wait.hold_reason = hold_reason
        return Sight.WAITING

    def _pause(self, wait: _Wait, now: float) -> None:
        longest_s = max(LONGEST_PAUSE_S, wait.quiet_s)
        wait.pause_s = min(max(wait.pause_s * PAUSE_FACTOR, wait.quiet_s, SHORTEST_PAUSE_S), longest_s)
        wait.not_before = now + wait.pause_s

    def _quiet_period_s(self, key: str, now: float) -> float:
        """How long this file must be quiet: longer if it was believed to be complete and then changed again."""
        settled_at, quiet_s = self._settled_before.get(key, (0.0, 0.0))
        if not quiet_s or now - settled_at > CAUTION_S:
            return self.quiet_s
        return min(2 * quiet_s, MOST_CAUTION * self.quiet_s)

    def _remember(self, key: str, quiet_s: float, now: float) -> None:
        self._settled_before[key] = (now, quiet_s)
        self._settled_before.move_to_end(key)
        if len(self._settled_before) > MOST_REMEMBERED:
            self._settled_before.popitem(last=False)

    def _forward_jump_ns(self, now: float, wall_ns: int) -> int:
        """By how much the wall clock ran ahead of the monotonic one since the lowest that was seen.

        A file written before such a jump looks older than it is, by the jump. Counting it off errs towards
        waiting (also after a suspend, which the monotonic clock does not count): the safe direction.
        """
        offset_ns = wall_ns - int(now * _NS)
        if self._lowest_offset_ns is None or offset_ns < self._lowest_offset_ns:
            self._lowest_offset_ns = offset_ns
        return offset_ns - self._lowest_offset_ns

    def _appoint(self, key: str, at: float) -> None:
        """An appointment at this time, or sooner if there is one already."""
        if at < self._appointed.get(key, math.inf):
            self._appointed[key] = at
            heapq.heappush(self._appointments, (at, key))
            if len(self._appointments) > 2 * len(self._appointed) + MOST_STALE:
                self._appointments = [(at, key) for key, at in self._appointed.items()]
                heapq.heapify(self._appointments)


def _is_lasting(hold_reason: HoldReason | None) -> bool:
    return hold_reason is not None and not hold_reason.ends_by_itself


def _is_untouched(before: FileStamp, after: FileStamp) -> bool:
    return before.has_same_content_as(after) and before.ctime_ns == after.ctime_ns
