"""Which threads wait for a disk, and which hang? Real threads, and a clock that the test moves."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from reeld.service.heartbeat import DISK_PATIENCE_S, PATIENCE_S, SILENCE_S, Pulse, Pulses


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pulses(clock: Clock) -> Pulses:
    return Pulses(clock)


@contextmanager
def _thread(pulses: Pulses, name: str, says: Callable[[Pulse], None], *, is_busy: bool = False) -> Iterator[None]:
    """A thread that says something and then waits, or computes, until the end of the block."""
    has_spoken, is_over = threading.Event(), threading.Event()

    def run() -> None:
        with pulses.of_this_thread() as pulse:
            says(pulse)
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


def _look_until_still(pulses: Pulses) -> None:
    """Until the thread has come to rest, and used its last processor time, the clock stands still."""
    for _ in range(50):
        pulses.look()


def test_a_thread_that_waits_for_a_disk_is_first_silent_and_then_stalled_and_never_stuck(
    pulses: Pulses, clock: Clock
) -> None:
    with _thread(pulses, "light-1", lambda pulse: pulse.at_disk("/films", "Heat.mkv")):
        _look_until_still(pulses)
        clock.now += SILENCE_S
        found = pulses.look()
        assert found.silent == frozenset({"/films"})
        assert found.stalls == ()
        clock.now += DISK_PATIENCE_S - SILENCE_S
        (stall,) = pulses.look().stalls
        assert (stall.thread, stall.root, stall.what) == ("light-1", "/films", "Heat.mkv")
        clock.now += 100 * PATIENCE_S
        assert pulses.look().stuck == ()
    assert pulses.look().stalls == ()


def test_a_thread_that_gets_answers_is_not_stalled_however_long_it_takes(pulses: Pulses, clock: Clock) -> None:
    """Each answer costs a little processor time; it need not say so."""
    with _thread(pulses, "watch L", lambda pulse: pulse.at_disk("/films", "its folders"), is_busy=True):
        for _ in range(10):
            used = pulses._pulses["watch L"].processor_ns()
            while pulses._pulses["watch L"].processor_ns() == used:
                pass
            clock.now += DISK_PATIENCE_S
            assert pulses.look().stalls == ()


def test_a_thread_that_does_not_come_back_in_its_time_is_stuck(pulses: Pulses, clock: Clock) -> None:
    with _thread(pulses, "heavy-1", lambda pulse: pulse.beat(within_s=30)):
        clock.now += PATIENCE_S + 30
        assert pulses.look().stuck == ()
        clock.now += 1
        assert pulses.look().stuck == ("heavy-1",)
        assert pulses.look().stalls == ()


def test_a_thread_that_computes_for_ever_is_stuck_as_well(pulses: Pulses, clock: Clock) -> None:
    with _thread(pulses, "heavy-1", lambda pulse: pulse.beat(), is_busy=True):
        clock.now += PATIENCE_S + 1
        assert pulses.look().stuck == ("heavy-1",)


def test_while_a_child_is_asked_no_disk_is_to_blame_and_afterwards_it_is_again(pulses: Pulses, clock: Clock) -> None:
    with pulses.of_this_thread() as pulse:
        pulse.at_disk("/films", "Heat.mkv")
        with pulses.mine().away(40):
            pulses.look()
            clock.now += PATIENCE_S + 40
            assert pulses.look().silent == frozenset()
            assert pulses.look().stuck == ()
        assert (pulse.doing.root, pulse.doing.since) == ("/films", clock.now)


def test_a_thread_that_does_not_take_part_may_speak_and_is_not_looked_at(pulses: Pulses, clock: Clock) -> None:
    pulses.mine().at_disk("/films", "Heat.mkv")
    clock.now += 1000
    assert pulses.look().stalls == ()


def test_a_thread_that_an_error_ended_is_stuck_for_good(pulses: Pulses, clock: Clock) -> None:
    """Whoever reports its death may fail at that; nobody may believe that it lives."""
    with contextlib.suppress(ZeroDivisionError), pulses.of_this_thread():
        raise ZeroDivisionError
    with pulses.of_this_thread():
        pass
    assert pulses.look().stuck == (threading.current_thread().name,)
    clock.now += 1000
    assert pulses.look().stuck == (threading.current_thread().name,)
