"""Is a library looked at often enough, and never for more than a tenth of the time?"""

from hypothesis import given
from hypothesis import strategies as st

from reeld.watch.schedule import Backoff, Schedule


def schedule() -> Schedule:
    return Schedule(reconcile_s=600, walk_s=86_400, poll_s=60)


def test_the_first_walk_is_due_at_once() -> None:
    assert schedule().next_walk(is_polling=False) == 0


def test_with_events_a_pass_comes_every_ten_minutes_and_a_walk_every_day() -> None:
    it = schedule()
    it.walked(0, 1)
    assert it.next_pass(is_polling=False) == 601
    assert it.next_walk(is_polling=False) == 86_401
    it.passed(601, 602)
    assert it.next_pass(is_polling=False) == 1202


def test_without_events_a_pass_comes_every_minute_and_a_walk_every_ten() -> None:
    it = schedule()
    it.walked(0, 1)
    assert it.next_pass(is_polling=True) == 61
    assert it.next_walk(is_polling=True) == 601


def test_polling_is_never_rarer_than_without_it() -> None:
    it = Schedule(reconcile_s=5, walk_s=30, poll_s=60)
    it.walked(0, 1)
    assert (it.next_pass(is_polling=True), it.next_walk(is_polling=True)) == (6, 31)


@given(took_s=st.floats(0, 100_000), is_polling=st.booleans())
def test_looking_never_takes_more_than_a_tenth_of_the_time(took_s: float, is_polling: bool) -> None:
    it = schedule()
    it.walked(0, took_s)
    assert it.next_walk(is_polling=is_polling) >= 9.99 * took_s
    it.passed(took_s, 2 * took_s)
    assert it.next_pass(is_polling=is_polling) >= 2 * took_s + 8.99 * took_s


def test_a_walk_that_was_given_up_is_due_again_but_not_at_once() -> None:
    it = schedule()
    it.walked(0, 1)
    it.walk_failed(100)
    assert it.next_walk(is_polling=False) == 160


def test_what_keeps_failing_is_tried_ever_later_and_anew_after_a_reset() -> None:
    backoff = Backoff(1, 300)
    assert [backoff.next_s() for _ in range(11)] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    backoff.reset()
    assert backoff.next_s() == 1
