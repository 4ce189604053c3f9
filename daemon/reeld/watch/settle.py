"""Has this file been left alone for long enough?

Pure: the caller brings stamps and times, and does the looking. `now` is the monotonic clock in seconds; it
alone measures the quiet period. The wall clock is believed in one case, and only to save a wait that would
change nothing: a file whose last change is long past when it is first seen.

    see ──▶ settled                         an old file, as nearly all are at a start
     └────▶ waiting ─▶ due ─▶ confirm ──▶ settled
                 ▲                └─▶ waits again: it changed, or a witness objects

Quiet is necessary, not sufficient: a writer may pause. Anything else that speaks against a file (today: a
download's control file beside it) is an `objection`: a sentence that the caller passes along, and that
keeps the file waiting and says why. Whatever settles may still change; then it is seen
again, and waits again.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from reeld.domain.files import FileStamp

# Some 600 bytes each: 12 MB. More than this come at once only by hard-linking a library as a whole.
MOST_WAITING = 20_000

_NS = 1_000_000_000


class Sight(Enum):
    """What became of a file that was seen."""

    SETTLED = "settled"
    WAITING = "waiting"
    TURNED_AWAY = "turned away"
    """Too many wait already. Show it again once some have settled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A file that is not settled. `since` is monotonic, in seconds: when the waiting began."""

    key: str
    since: float
    why: str


@dataclass(slots=True)
class _Wait:
    stamp: FileStamp
    since: float
    quiet_since: float
    objection: str | None


class Settling:
    """The files of one library that wait until they are complete. For one thread."""

    def __init__(self, quiet_s: float, *, capacity: int = MOST_WAITING) -> None:
        self._quiet_s = quiet_s
        self._capacity = capacity
        self._waits: dict[str, _Wait] = {}
        # One appointment a key, at most: a restart moves the wait, not the appointment, which is put off
        # when its time comes. So a file that changes a thousand times a second costs no memory.
        self._appointments: list[tuple[float, str]] = []
        self._appointed: set[str] = set()
        self._lowest_offset_ns: int | None = None

    def see(self, key: str, stamp: FileStamp, *, now: float, wall_ns: int, objection: str | None = None) -> Sight:
        """Take note of what a listing, or `stat`, says of the file right now.

        SETTLED is said only of a file that was not waiting; it is not remembered.
        """
        forward_ns = self._forward_jump_ns(now, wall_ns)
        wait = self._waits.get(key)
        if wait is not None:
            self._look(wait, stamp, now, objection)
            return Sight.WAITING
        if objection is None and self._is_long_past(stamp, wall_ns - forward_ns):
            return Sight.SETTLED
        if len(self._appointed) >= self._capacity:
            return Sight.TURNED_AWAY
        self._waits[key] = _Wait(stamp=stamp, since=now, quiet_since=now, objection=objection)
        self._appoint(key, now + self._quiet_s)
        return Sight.WAITING

    def due(self, now: float) -> list[str]:
        """The keys to `stat` and `confirm` now, the longest due first. Ones not confirmed come up again."""
        keys = []
        while (at := self.next_due()) is not None and at <= now:
            keys.append(heapq.heappop(self._appointments)[1])
        for key in keys:
            heapq.heappush(self._appointments, (now + self._quiet_s, key))
        return keys

    def confirm(self, key: str, stamp: FileStamp | None, now: float, *, objection: str | None = None) -> bool:
        """Whether the file is settled, this being its second sample; None if it is not there any more.

        A settled or vanished file is forgotten; any other goes on waiting. An unknown key is not settled:
        somebody forgot it in the meantime.
        """
        wait = self._waits.get(key)
        if wait is None:
            return False
        if stamp is None:
            self.forget(key)
            return False
        self._look(wait, stamp, now, objection)
        if objection is not None or now - wait.quiet_since < self._quiet_s:
            return False
        self.forget(key)
        return True

    def forget(self, key: str) -> None:
        """Stop waiting for it: it is gone, or it has another name now. An unknown key is fine."""
        self._waits.pop(key, None)

    def next_due(self) -> float | None:
        """When `due` will next have something to say; None when nothing waits."""
        while self._appointments:
            at, key = self._appointments[0]
            wait = self._waits.get(key)
            if wait is None:
                heapq.heappop(self._appointments)
                self._appointed.discard(key)
            elif wait.quiet_since + self._quiet_s > at:
                heapq.heapreplace(self._appointments, (wait.quiet_since + self._quiet_s, key))
            else:
                return at
        return None

    def waiting(self) -> Iterator[Waiting]:
        """All that wait, the longest waiting first, with the reason."""
        for key, wait in sorted(self._waits.items(), key=lambda item: item[1].since):
            why = wait.objection or f"it changed less than {self._quiet_s:g} s before it was last looked at"
            yield Waiting(key=key, since=wait.since, why=why)

    def __len__(self) -> int:
        return len(self._waits)

    def _look(self, wait: _Wait, stamp: FileStamp, now: float, objection: str | None) -> None:
        """Start the quiet period again if anything changed since the last look.

        ctime counts here, though a rename changes it and no byte: it is the one time that a writer which
        puts the mtime back (rsync, cp -p) cannot forge, and the price is one more quiet period.
        """
        if not _is_untouched(wait.stamp, stamp):
            wait.stamp = stamp
            wait.quiet_since = now
        wait.objection = objection

    def _is_long_past(self, stamp: FileStamp, wall_ns: int) -> bool:
        """Whether the last change is a quiet period ago. A time in the future is no evidence: unknown."""
        return wall_ns - max(stamp.ctime_ns, stamp.mtime_ns) >= self._quiet_s * _NS

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
        if key not in self._appointed:
            self._appointed.add(key)
            heapq.heappush(self._appointments, (at, key))


def _is_untouched(before: FileStamp, after: FileStamp) -> bool:
    return before.has_same_content_as(after) and before.ctime_ns == after.ctime_ns
