"""A file settles once it was left alone for a whole quiet period, and not a moment earlier."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from reeld.domain.files import FileStamp
from reeld.watch.settle import (
    BACKOFF_MEMORY_S,
    LONGEST_BACKOFF,
    LONGEST_PAUSE_S,
    MOST_REMEMBERED,
    SHORTEST_PAUSE_S,
    HoldReason,
    SettleState,
    Settling,
)

NS = 1_000_000_000
QUIET_S = 5.0
WALL_NS = 1_700_000_000 * NS
DAY_NS = 86_400 * NS


def stamped(changed_ns: int, size_bytes: int = 100, inode: int = 7) -> FileStamp:
    return FileStamp(size_bytes=size_bytes, mtime_ns=changed_ns, ctime_ns=changed_ns, inode=inode, device=1)


FRESH = stamped(WALL_NS)


def see(settling: Settling, stamp: FileStamp, now: float, hold_reason: HoldReason | None = None) -> SettleState:
    """See the file `x` while both clocks run alike."""
    return settling.see("x", stamp, now=now, wall_ns=WALL_NS + int(now * NS), hold_reason=hold_reason)


def test_an_old_file_is_settled_at_first_sight_and_not_remembered() -> None:
    settling = Settling(QUIET_S)
    assert see(settling, stamped(WALL_NS - 6 * NS), now=0) is SettleState.SETTLED
    assert len(settling) == 0
    assert settling.next_due() is None


def test_a_fresh_file_settles_after_the_quiet_period_with_its_second_sample() -> None:
    settling = Settling(QUIET_S)
    assert see(settling, FRESH, now=0) is SettleState.WAITING
    assert settling.next_due() == QUIET_S
    assert settling.due(4.9) == []
    assert not settling.confirm("x", FRESH, 4.9)
    assert settling.due(5.0) == ["x"]
    assert settling.confirm("x", FRESH, 5.0)
    assert len(settling) == 0


@pytest.mark.parametrize(
    "changed",
    [
        replace(FRESH, size_bytes=101),
        replace(FRESH, mtime_ns=FRESH.mtime_ns + 1),
        replace(FRESH, inode=8),
        replace(FRESH, ctime_ns=FRESH.ctime_ns + 1),  # written to, and the mtime put back
    ],
)
def test_any_change_starts_the_quiet_period_again(changed: FileStamp) -> None:
    settling = Settling(QUIET_S)
    see(settling, FRESH, now=0)
    assert settling.due(5) == ["x"]
    assert not settling.confirm("x", changed, 5)
    assert settling.next_due() == 10
    assert see(settling, changed, now=7) is SettleState.WAITING
    assert settling.due(10) == ["x"]
    assert settling.confirm("x", changed, 10)


def test_a_writer_that_pauses_for_less_than_the_quiet_period_never_settles() -> None:
    settling = Settling(QUIET_S)
    now = 0.0
    for piece in range(100):
        stamp = stamped(WALL_NS + int(now * NS), size_bytes=piece)
        see(settling, stamp, now)
        now += 4.9
        for key in settling.due(now):
            assert not settling.confirm(key, stamp, now)
    assert [waiting.since for waiting in settling.waiting()] == [0.0]


def test_a_file_rewritten_in_place_after_it_settled_waits_again() -> None:
    settling = Settling(QUIET_S)
    assert see(settling, stamped(WALL_NS - DAY_NS), now=0) is SettleState.SETTLED
    assert see(settling, stamped(WALL_NS + 99 * NS), now=100) is SettleState.WAITING


def test_a_change_in_the_future_is_no_evidence_but_does_not_wait_for_ever() -> None:
    settling = Settling(QUIET_S)
    odd = replace(stamped(WALL_NS - DAY_NS), mtime_ns=WALL_NS + 30 * DAY_NS)
    assert see(settling, odd, now=0) is SettleState.WAITING
    assert settling.due(5) == ["x"]
    assert settling.confirm("x", odd, 5)


def test_a_clock_that_jumps_ahead_makes_no_file_old() -> None:
    settling = Settling(QUIET_S)
    settling.see("other", FRESH, now=0, wall_ns=WALL_NS)
    just_written = stamped(WALL_NS + 9 * NS)
    assert settling.see("x", just_written, now=10, wall_ns=WALL_NS + DAY_NS) is SettleState.WAITING


def test_a_renamed_file_waits_under_its_new_name_and_the_old_one_is_forgotten() -> None:
    settling = Settling(QUIET_S)
    see(settling, FRESH, now=0)
    settling.forget("x")
    settling.see("y", FRESH, now=1, wall_ns=WALL_NS + NS)
    assert settling.due(5.5) == []
    assert settling.due(6) == ["y"]
    assert not settling.confirm("x", FRESH, 6)


def test_a_vanished_file_is_forgotten_and_one_that_comes_back_waits_in_full() -> None:
    settling = Settling(QUIET_S)
    see(settling, FRESH, now=0)
    assert not settling.confirm("x", None, 5)
    assert len(settling) == 0
    see(settling, stamped(WALL_NS + 4 * NS), now=5)
    assert settling.due(9.9) == []
    assert settling.due(10) == ["x"]


def test_an_objection_keeps_a_file_waiting_and_says_why() -> None:
    settling, old, beside = Settling(QUIET_S), stamped(WALL_NS - DAY_NS), HoldReason(why="x.aria2 lies beside it")
    assert see(settling, old, now=0, hold_reason=beside) is SettleState.WAITING
    assert settling.due(5) == ["x"]
    assert not settling.confirm("x", old, 5, hold_reason=beside)
    assert [(waiting.why, waiting.held_since) for waiting in settling.waiting()] == [(beside.why, 0)]
    assert settling.due(10) == ["x"]
    assert settling.confirm("x", old, 10)


OPEN = HoldReason(why="open for writing")
HOLES = HoldReason(why="it has holes", patience_s=100)


def test_who_objects_again_and_again_is_asked_ever_more_rarely() -> None:
    settling = Settling(QUIET_S)
    see(settling, FRESH, now=0)
    asked = []
    now = 0.0
    while now < 1000:
        now = settling.next_due() or 0.0
        assert settling.due(now) == ["x"]
        assert not settling.confirm("x", FRESH, now, hold_reason=OPEN)
        asked.append(now)
    pauses = [after - before for before, after in itertools.pairwise(asked)]
    assert pauses[0] == QUIET_S
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE_S


def test_without_a_quiet_period_an_objection_is_no_reason_to_ask_without_pause() -> None:
    settling = Settling(0)
    see(settling, FRESH, now=1, hold_reason=OPEN)
    assert settling.due(1) == ["x"]
    assert not settling.confirm("x", FRESH, 1, hold_reason=OPEN)
    assert settling.next_due() == 1 + SHORTEST_PAUSE_S


def test_whoever_sees_a_quiet_file_may_ask_about_it_before_it_is_due() -> None:
    """The writer closes it, which makes an event."""
    settling = Settling(QUIET_S)
    see(settling, FRESH, now=0)
    assert not settling.is_quiet("x", FRESH, 4)
    for now in range(5, 200):
        for key in settling.due(now):
            settling.confirm(key, FRESH, now, hold_reason=OPEN)
    assert settling.is_quiet("x", FRESH, 200)
    assert not settling.is_quiet("x", stamped(WALL_NS, size_bytes=5), 200)
    assert settling.confirm("x", FRESH, 200)
    # The far appointment of before does not hold up what comes next.
    see(settling, stamped(WALL_NS + 201 * NS), now=201)
    assert settling.due(201 + 2 * QUIET_S) == ["x"]


def test_a_change_ends_the_long_pauses() -> None:
    settling = Settling(QUIET_S)
    see(settling, FRESH, now=0)
    for now in range(5, 200):
        for key in settling.due(now):
            settling.confirm(key, FRESH, now, hold_reason=OPEN)
    changed = stamped(WALL_NS + 200 * NS)
    see(settling, changed, now=200)
    assert settling.due(200 + QUIET_S) == ["x"]
    assert settling.confirm("x", changed, 200 + QUIET_S)


def test_patience_with_an_objection_counts_from_the_last_change() -> None:
    settling = Settling(QUIET_S)
    see(settling, FRESH, now=0)
    assert not settling.confirm("x", FRESH, 50, hold_reason=HOLES)
    changed = stamped(WALL_NS + 60 * NS)
    assert not settling.confirm("x", changed, 60, hold_reason=HOLES)
    assert not settling.confirm("x", changed, 159, hold_reason=HOLES)
    assert settling.confirm("x", changed, 160, hold_reason=HOLES)


def test_patience_with_an_old_file_counts_what_it_waited_already() -> None:
    """Patience with an old file is over at first sight or counts what it waited already."""
    settling = Settling(QUIET_S)
    assert see(settling, stamped(WALL_NS - 100 * NS), now=0, hold_reason=HOLES) is SettleState.SETTLED
    assert see(settling, stamped(WALL_NS - DAY_NS), now=0, hold_reason=OPEN) is SettleState.WAITING
    settling.forget("x")
    younger = stamped(WALL_NS - 70 * NS)
    assert see(settling, younger, now=0, hold_reason=HOLES) is SettleState.WAITING
    assert not settling.confirm("x", younger, 29, hold_reason=HOLES)
    assert settling.confirm("x", younger, 31, hold_reason=HOLES)


@pytest.mark.parametrize("jump_ns", [-DAY_NS, DAY_NS])
def test_a_clock_that_jumps_ends_nobodys_patience(jump_ns: int) -> None:
    settling = Settling(QUIET_S)
    settling.see("other", FRESH, now=0, wall_ns=WALL_NS)
    just_written = stamped(WALL_NS + 9 * NS)
    sight = settling.see("x", just_written, now=10, wall_ns=WALL_NS + 10 * NS + jump_ns, hold_reason=HOLES)
    assert sight is SettleState.WAITING
    assert not settling.confirm("x", just_written, 100, hold_reason=HOLES)
    assert settling.confirm("x", just_written, 111, hold_reason=HOLES)


def test_the_status_tells_who_objects_and_since_when() -> None:
    settling = Settling(QUIET_S)
    see(settling, FRESH, now=0)
    for now, hold_reason in ((5, HOLES), (10, OPEN), (20, OPEN)):
        settling.confirm("x", FRESH, now, hold_reason=hold_reason)
    (waiting,) = settling.waiting()
    assert (waiting.since, waiting.why, waiting.held_since) == (0, OPEN.why, 10)


def _settle_anew(settling: Settling, at: float) -> float:
    """The file changes, and settles; how long that took."""
    stamp = stamped(WALL_NS + int(at * NS))
    assert see(settling, stamp, now=at) is SettleState.WAITING
    due = settling.next_due()
    assert due is not None
    assert settling.due(due) == ["x"]
    assert settling.confirm("x", stamp, due)
    return due - at


def test_a_file_that_changes_after_it_had_settled_must_be_quiet_twice_as_long() -> None:
    """A file that changes again after it had settled must be quiet for twice as long."""
    settling = Settling(QUIET_S)
    assert [_settle_anew(settling, at) for at in range(0, 600, 100)] == [5, 10, 20, 40, 40, 40]
    assert _settle_anew(settling, 600 + BACKOFF_MEMORY_S) == QUIET_S, "an hour later it is forgotten"


def test_what_settled_is_remembered_for_so_many_files_only() -> None:
    settling = Settling(QUIET_S)
    for number in range(2 * MOST_REMEMBERED):
        settling.see(str(number), FRESH, now=0, wall_ns=WALL_NS)
        assert settling.confirm(str(number), FRESH, 5)
    assert len(settling._settled_before) == MOST_REMEMBERED


def test_a_due_file_that_nobody_confirms_comes_up_again() -> None:
    settling = Settling(QUIET_S)
    see(settling, FRESH, now=0)
    assert settling.due(5) == ["x"]
    assert settling.due(9) == []
    assert settling.due(10) == ["x"]


def test_without_a_quiet_period_a_file_is_due_at_once_and_once() -> None:
    settling = Settling(0)
    future = stamped(WALL_NS + DAY_NS)
    assert see(settling, future, now=1) is SettleState.WAITING
    assert settling.due(1) == ["x"]
    assert settling.confirm("x", future, 1)


def test_waiting_files_are_told_the_longest_waiting_first_with_a_reason() -> None:
    settling = Settling(QUIET_S)
    settling.see("b", FRESH, now=0, wall_ns=WALL_NS)
    settling.see("a", FRESH, now=1, wall_ns=WALL_NS)
    settling.see("b", stamped(WALL_NS, size_bytes=5), now=2, wall_ns=WALL_NS)
    told = list(settling.waiting())
    assert [(waiting.key, waiting.since) for waiting in told] == [("b", 0), ("a", 1)]
    assert all("5 s" in waiting.why for waiting in told)


def test_memory_is_bounded_and_whoever_is_turned_away_may_come_again() -> None:
    settling = Settling(QUIET_S, capacity=2)
    sights = [settling.see(key, FRESH, now=0, wall_ns=WALL_NS) for key in "abc"]
    assert sights == [SettleState.WAITING, SettleState.WAITING, SettleState.REJECTED]
    for key in settling.due(5):
        assert settling.confirm(key, FRESH, 5)
    settling.next_due()
    assert settling.see("c", FRESH, now=5, wall_ns=WALL_NS) is SettleState.WAITING


def test_whoever_nobody_objects_to_has_a_place_though_very_many_are_objected_to() -> None:
    settling = Settling(QUIET_S, capacity=2)
    for key in "ab":
        settling.see(key, FRESH, now=0, wall_ns=WALL_NS, hold_reason=OPEN)
    assert settling.see("c", FRESH, now=0, wall_ns=WALL_NS, hold_reason=OPEN) is SettleState.REJECTED
    assert settling.see("d", FRESH, now=0, wall_ns=WALL_NS) is SettleState.WAITING


def test_of_those_that_are_objected_to_too_many_give_up_their_places() -> None:
    settling = Settling(QUIET_S, capacity=2)
    for now, keys in ((0, "ab"), (10, "cd")):
        for key in keys:
            assert settling.see(key, FRESH, now=now, wall_ns=WALL_NS) is SettleState.WAITING
        for key in keys:
            assert not settling.confirm(key, FRESH, now + 5, hold_reason=OPEN)
    assert [waiting.key for waiting in settling.waiting()] == ["a", "b"]
    assert settling.see("c", FRESH, now=15, wall_ns=WALL_NS) is SettleState.WAITING, "they may come again"
    assert settling.see("c", FRESH, now=16, wall_ns=WALL_NS, hold_reason=OPEN) is SettleState.REJECTED


def test_who_waits_for_what_ends_by_itself_keeps_the_place() -> None:
    settling = Settling(QUIET_S, capacity=1)
    settling.see("a", FRESH, now=0, wall_ns=WALL_NS, hold_reason=OPEN)
    settling.see("b", FRESH, now=0, wall_ns=WALL_NS)
    settling.confirm("b", FRESH, 5, hold_reason=HoldReason(why="a search", ends_by_itself=True))
    assert "b" in settling


def test_what_has_settled_leaves_its_place_at_once() -> None:
    settling = Settling(QUIET_S, capacity=1)
    settling.see("a", FRESH, now=0, wall_ns=WALL_NS)
    assert [settling.confirm(key, FRESH, 5) for key in settling.due(5)] == [True]
    assert settling.see("b", FRESH, now=5, wall_ns=WALL_NS) is SettleState.WAITING


def test_a_file_that_comes_and_goes_without_pause_costs_no_memory() -> None:
    settling = Settling(QUIET_S)
    for step in range(1000):
        see(settling, FRESH, now=step / 1000)
        settling.forget("x")
    assert len(settling._timers) < 50


def test_a_file_that_changes_without_pause_costs_no_memory() -> None:
    settling = Settling(QUIET_S)
    for step in range(1000):
        see(settling, stamped(WALL_NS, size_bytes=step), now=step / 1000)
        settling.forget("y")
    assert len(settling._timers) == 1


class Writers(RuleBasedStateMachine):
    """Real time passes, files are written, the wall clock jumps; a daemon looks and asks.

    The daemon takes note of the clock whenever it jumps, as one that looks every few seconds does.
    """

    def __init__(self) -> None:
        super().__init__()
        self.settling = Settling(QUIET_S)
        self.now = 1000.0
        self.wall_ns = WALL_NS
        self.size = 0
        self.stamps: dict[str, FileStamp] = {}
        self.changed_at: dict[str, float] = {}
        self.open: set[str] = set()

    @initialize()
    def the_daemon_looks_at_its_clock(self) -> None:
        self.settling.see("clock", FRESH, now=self.now, wall_ns=self.wall_ns)
        self.settling.forget("clock")

    @rule(key=st.sampled_from("abc"), keeps_mtime=st.booleans(), keeps_size=st.booleans())
    def write(self, key: str, keeps_mtime: bool, keeps_size: bool) -> None:
        self.size += 1
        before = self.stamps.get(key)
        # The kernel's clock moves on between two writes, if only by a tick.
        self.now += 0.01
        self.wall_ns += NS // 100
        after = stamped(self.wall_ns, size_bytes=self.size)
        if before is not None and keeps_mtime:
            after = replace(after, mtime_ns=before.mtime_ns)
        if before is not None and keeps_size:
            after = replace(after, size_bytes=before.size_bytes)
        self.stamps[key] = after
        self.changed_at[key] = self.now

    @rule(key=st.sampled_from("abc"))
    def look(self, key: str) -> None:
        if key not in self.stamps:
            return
        sight = self.settling.see(key, self.stamps[key], now=self.now, wall_ns=self.wall_ns)
        if sight is SettleState.SETTLED:
            self.must_be_quiet(key)
        elif self.settling.is_quiet(key, self.stamps[key], self.now):
            self.confirm(key)

    @rule(key=st.sampled_from("abc"))
    def open_or_close(self, key: str) -> None:
        self.open ^= {key}

    @rule(old=st.sampled_from("abc"), new=st.sampled_from("abc"))
    def rename(self, old: str, new: str) -> None:
        if old not in self.stamps or old == new:
            return
        self.stamps[new] = replace(self.stamps.pop(old), ctime_ns=self.wall_ns)
        self.changed_at[new] = self.changed_at.pop(old)
        self.settling.forget(old)

    @rule(key=st.sampled_from("abc"))
    def delete(self, key: str) -> None:
        self.stamps.pop(key, None)

    @rule(seconds=st.floats(0.01, 12))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.wall_ns += int(seconds * NS)

    @rule(jump_s=st.integers(-90_000, 90_000))
    def the_wall_clock_jumps(self, jump_s: int) -> None:
        self.wall_ns += jump_s * NS
        self.the_daemon_looks_at_its_clock()

    @precondition(lambda self: len(self.settling) > 0)
    @rule()
    def ask(self) -> None:
        for key in self.settling.due(self.now):
            self.confirm(key)

    def confirm(self, key: str) -> None:
        hold_reason = OPEN if key in self.open else None
        if self.settling.confirm(key, self.stamps.get(key), self.now, hold_reason=hold_reason):
            self.must_be_quiet(key)
            assert hold_reason is None

    def must_be_quiet(self, key: str) -> None:
        assert self.now - self.changed_at[key] >= QUIET_S - 1e-6

    @invariant()
    def something_is_due_while_something_waits(self) -> None:
        next_due = self.settling.next_due()
        assert (next_due is None) == (len(self.settling) == 0)
        assert next_due is None or next_due <= self.now + max(LONGEST_PAUSE_S, LONGEST_BACKOFF * QUIET_S)

    @invariant()
    def memory_is_bounded(self) -> None:
        assert len(self.settling._timers) <= 40


TestNoFileSettlesThatChangedWithinTheQuietPeriod = Writers.TestCase
TestNoFileSettlesThatChangedWithinTheQuietPeriod.settings = settings(
    max_examples=100, stateful_step_count=40, deadline=None
)
