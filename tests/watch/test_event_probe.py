"""Does the canary fall silent when, and only when, what happens is not told any more?"""

from collections.abc import Iterator

import pytest

from reeld.watch.event_probe import BEAT_S, LATE_S, Canary


class Clock:
    def __init__(self) -> None:
        self.s = 1000.0

    def __call__(self) -> float:
        return self.s

    def wall_ns(self) -> int:
        return int(self.s * 1e9)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def canary(clock: Clock) -> Iterator[Canary]:
    canary = Canary(clock, clock.wall_ns)
    yield canary
    canary.close()


def beat_for(canary: Canary, clock: Clock, seconds: float) -> None:
    end = clock.s + seconds
    while clock.s < end:
        canary.beat()
        clock.s += 1


def test_one_that_is_heard_is_never_silent(canary: Canary, clock: Clock) -> None:
    for _ in range(20):
        beat_for(canary, clock, BEAT_S)
        canary.hear()
        assert not canary.is_silent()


def test_one_that_is_not_heard_is_silent_within_half_a_minute(canary: Canary, clock: Clock) -> None:
    beat_for(canary, clock, 1)
    canary.hear()
    beat_for(canary, clock, BEAT_S + LATE_S + 2)
    assert canary.is_silent()
    assert BEAT_S + LATE_S + 2 <= 30


def test_one_that_was_not_changed_yet_is_not_silent(canary: Canary, clock: Clock) -> None:
    clock.s += 10 * LATE_S
    assert not canary.is_silent()


def test_whoever_was_away_himself_listens_anew(canary: Canary, clock: Clock) -> None:
    """A long walk, or a stopped process, keeps the listener away, not the canary."""
    canary.beat()
    clock.s += 10 * LATE_S
    canary.beat()
    assert not canary.is_silent()
    beat_for(canary, clock, LATE_S + 2)
    assert canary.is_silent()


def test_what_was_told_is_told_until_the_change_and_not_until_it_was_heard_of(canary: Canary, clock: Clock) -> None:
    changed_ns = clock.wall_ns()
    canary.beat()
    clock.s += 5
    assert canary.told_until_ns == 0
    canary.hear()
    assert canary.told_until_ns == changed_ns


def test_a_closed_one_changes_nothing_and_is_not_silent(canary: Canary, clock: Clock) -> None:
    canary.close()
    beat_for(canary, clock, BEAT_S + 10 * LATE_S)
    assert not canary.is_silent()
