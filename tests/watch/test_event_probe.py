"""Does the canary fall silent when, and only when, what happens is not told any more?"""

from collections.abc import Iterator

import pytest

from reeld.watch.event_probe import BEAT_S, LATE_S, EventProbe


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
def event_probe(clock: Clock) -> Iterator[EventProbe]:
    event_probe = EventProbe(clock, clock.wall_ns)
    yield event_probe
    event_probe.close()


def beat_for(event_probe: EventProbe, clock: Clock, seconds: float) -> None:
    end = clock.s + seconds
    while clock.s < end:
        event_probe.beat()
        clock.s += 1


def test_one_that_is_heard_is_never_silent(event_probe: EventProbe, clock: Clock) -> None:
    for _ in range(20):
        beat_for(event_probe, clock, BEAT_S)
        event_probe.hear()
        assert not event_probe.is_silent()


def test_one_that_is_not_heard_is_silent_within_half_a_minute(event_probe: EventProbe, clock: Clock) -> None:
    beat_for(event_probe, clock, 1)
    event_probe.hear()
    beat_for(event_probe, clock, BEAT_S + LATE_S + 2)
    assert event_probe.is_silent()
    assert BEAT_S + LATE_S + 2 <= 30


def test_one_that_was_not_changed_yet_is_not_silent(event_probe: EventProbe, clock: Clock) -> None:
    clock.s += 10 * LATE_S
    assert not event_probe.is_silent()


def test_whoever_was_away_himself_listens_anew(event_probe: EventProbe, clock: Clock) -> None:
    """A long walk, or a stopped process, keeps the listener away, not the canary."""
    event_probe.beat()
    clock.s += 10 * LATE_S
    event_probe.beat()
    assert not event_probe.is_silent()
    beat_for(event_probe, clock, LATE_S + 2)
    assert event_probe.is_silent()


def test_what_was_told_is_told_until_the_change_and_not_until_it_was_heard_of(
    event_probe: EventProbe, clock: Clock
) -> None:
    changed_ns = clock.wall_ns()
    event_probe.beat()
    clock.s += 5
    assert event_probe.delivered_until_ns == 0
    event_probe.hear()
    assert event_probe.delivered_until_ns == changed_ns


def test_a_closed_one_changes_nothing_and_is_not_silent(event_probe: EventProbe, clock: Clock) -> None:
    event_probe.close()
    beat_for(event_probe, clock, BEAT_S + 10 * LATE_S)
    assert not event_probe.is_silent()
