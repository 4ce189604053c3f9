"""Which threads wait for a disk, and which hang? Real threads, and a clock that the test moves."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from reeld.service.heartbeat import DISK_PATIENCE_S, PATIENCE_S, SILENCE_S, Heartbeat, Heartbeats


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def heartbeats(clock: Clock) -> Heartbeats:
    return Heartbeats(clock)


@contextmanager
def _thread(
    heartbeats: Heartbeats, name: str, says: Callable[[Heartbeat], None], *, is_busy: bool = False
) -> Iterator[None]:
    """A thread that says something and then waits, or computes, until the end of the block."""
    has_spoken, is_over = threading.Event(), threading.Event()

    def run() -> None:
        with heartbeats.of_this_thread() as heartbeat:
            says(heartbeat)
            has_spoken.set()
            while is_busy and not is_over.is_set():
                pass
            is_over.wait()

    thread = threading.Thread(target=run, name=name)
    thread.start()
    has_spoken.wait()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def _look_until_still(heartbeats: Heartbeats) -> None:
    """Until the thread has come to rest, and used its last processor time, the clock stands still."""
    for _ in range(50):
        heartbeats.check()


def test_a_thread_that_waits_for_a_disk_is_silent_then_stalled_and_never_stuck(
    heartbeats: Heartbeats, clock: Clock
) -> None:
    """A thread that waits for a disk is first silent and then stalled and never stuck."""
    with _thread(heartbeats, "light-1", lambda heartbeat: heartbeat.at_disk("/films", "Heat.mkv")):
        _look_until_still(heartbeats)
        clock.now += SILENCE_S
        found = heartbeats.check()
        assert found.silent == frozenset({"/films"})
        assert found.stalls == ()
        clock.now += DISK_PATIENCE_S - SILENCE_S
        (stall,) = heartbeats.check().stalls
        assert (stall.thread, stall.root, stall.what) == ("light-1", "/films", "Heat.mkv")
        clock.now += 100 * PATIENCE_S
        assert heartbeats.check().stuck == ()
    assert heartbeats.check().stalls == ()


def test_a_thread_that_gets_answers_is_not_stalled_however_long_it_takes(heartbeats: Heartbeats, clock: Clock) -> None:
    """Each answer costs a little processor time; it need not say so."""
    with _thread(heartbeats, "watch L", lambda heartbeat: heartbeat.at_disk("/films", "its folders"), is_busy=True):
        for _ in range(10):
            used = heartbeats._heartbeats["watch L"].processor_ns()
            while heartbeats._heartbeats["watch L"].processor_ns() == used:
                pass
            clock.now += DISK_PATIENCE_S
            assert heartbeats.check().stalls == ()


def test_a_thread_that_does_not_come_back_in_its_time_is_stuck(heartbeats: Heartbeats, clock: Clock) -> None:
    with _thread(heartbeats, "heavy-1", lambda heartbeat: heartbeat.beat(within_s=30)):
        clock.now += PATIENCE_S + 30
        assert heartbeats.check().stuck == ()
        clock.now += 1
        assert heartbeats.check().stuck == ("heavy-1",)
        assert heartbeats.check().stalls == ()


def test_a_thread_that_computes_for_ever_is_stuck_as_well(heartbeats: Heartbeats, clock: Clock) -> None:
    with _thread(heartbeats, "heavy-1", lambda heartbeat: heartbeat.beat(), is_busy=True):
        clock.now += PATIENCE_S + 1
        assert heartbeats.check().stuck == ("heavy-1",)


def test_while_a_child_is_asked_no_disk_is_to_blame_and_afterwards_it_is_again(
    heartbeats: Heartbeats, clock: Clock
) -> None:
    with heartbeats.of_this_thread() as heartbeat:
        heartbeat.at_disk("/films", "Heat.mkv")
        with heartbeats.mine().away(40):
            heartbeats.check()
            clock.now += PATIENCE_S + 40
            assert heartbeats.check().silent == frozenset()
            assert heartbeats.check().stuck == ()
        assert (heartbeat.doing.root, heartbeat.doing.since) == ("/films", clock.now)


def test_a_thread_that_does_not_take_part_may_speak_and_is_not_looked_at(heartbeats: Heartbeats, clock: Clock) -> None:
    heartbeats.mine().at_disk("/films", "Heat.mkv")
    clock.now += 1000
    assert heartbeats.check().stalls == ()


def test_a_thread_that_an_error_ended_is_stuck_for_good(heartbeats: Heartbeats, clock: Clock) -> None:
    """Whoever reports its death may fail at that; nobody may believe that it lives."""
    with contextlib.suppress(ZeroDivisionError), heartbeats.of_this_thread():
        raise ZeroDivisionError
    with heartbeats.of_this_thread():
        pass
    assert heartbeats.check().stuck == (threading.current_thread().name,)
    clock.now += 1000
    assert heartbeats.check().stuck == (threading.current_thread().name,)


def test_a_thread_that_begins_to_work_says_so_once(heartbeats: Heartbeats) -> None:
    begun: list[int] = []
    heartbeats.on_work = lambda: begun.append(heartbeats.are_at_rest())
    with _thread(heartbeats, "light-1", lambda heartbeat: heartbeat.rest(within_s=3600)):
        assert len(begun) == 1, "it is new"
        assert heartbeats.are_at_rest()
        begun.clear()
        with heartbeats.of_this_thread() as heartbeat:
            heartbeat.rest(within_s=60)
            begun.clear()
            before = heartbeats.beginnings
            heartbeat.at_disk("/films", "Heat.mkv")
            heartbeat.beat()
            assert len(begun) == 1
            assert heartbeats.beginnings == before + 1


def test_while_one_thread_works_not_all_are_at_rest(heartbeats: Heartbeats) -> None:
    with _thread(heartbeats, "light-1", lambda heartbeat: heartbeat.rest(within_s=3600)):
        with _thread(heartbeats, "light-2", lambda heartbeat: heartbeat.at_disk("/films", "Heat.mkv")):
            assert not heartbeats.are_at_rest()
        assert heartbeats.are_at_rest()


def test_a_thread_that_rests_for_longer_than_it_said_is_stuck(heartbeats: Heartbeats, clock: Clock) -> None:
    with _thread(heartbeats, "watch films", lambda heartbeat: heartbeat.rest(within_s=60)):
        clock.now += PATIENCE_S + 60
        assert heartbeats.check().stuck == ()
        clock.now += 1
        assert heartbeats.check().stuck == ("watch films",)
