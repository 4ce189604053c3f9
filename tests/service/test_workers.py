"""Do the threads of the lanes start, sleep and end when they should?"""

import threading
from pathlib import Path
from typing import Any

import pytest

from reeld.pipeline.runner import Runner
from reeld.pipeline.stages import STAGES
from reeld.service import workers
from reeld.service.heartbeat import Heartbeat, Heartbeats
from reeld.service.workers import Workers

PATIENCE_S = 150.0


def _runner(catalog: Path) -> Runner:
    del catalog
    tools: Any = None  # there is no work that could need them
    return Runner(
        stages=STAGES, tools=tools, now_ms=lambda: 0, pause=lambda _seconds: None, rescan_directory=lambda _path: None
    )


def test_a_thread_that_goes_to_sleep_after_the_waking_to_the_end_ends_as_well(
    catalog: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has seen that it is not to end; then the end comes, and wakes everybody; then it goes to sleep."""
    monkeypatch.setattr(workers, "LONGEST_SLEEP_S", 1e6)
    stopping = threading.Event()
    failures: list[Exception] = []
    pool = Workers(_runner(catalog), stopping, failures.append, {"light": 2}, Heartbeats())
    beat = Heartbeat.beat

    def beat_and_end(heartbeat: Heartbeat, *arguments: Any, **named: Any) -> None:
        beat(heartbeat, *arguments, **named)
        if not stopping.is_set():
            stopping.set()
            pool.wake()

    monkeypatch.setattr(Heartbeat, "beat", beat_and_end)
    pool.start()
    pool.join()
    assert failures == []


def test_there_are_no_threads_before_the_start_and_a_second_start_makes_no_more(catalog: Path) -> None:
    stopping = threading.Event()
    pool = Workers(_runner(catalog), stopping, lambda _error: None, {"light": 2}, Heartbeats())
    before = threading.active_count()
    pool.relieve(())
    assert (threading.active_count(), pool.have_started) == (before, False)
    pool.start()
    pool.start()
    assert (threading.active_count(), pool.have_started) == (before + 2, True)
    stopping.set()
    pool.join()


def test_a_job_that_another_process_queued_wakes_the_threads(catalog: Path) -> None:
    """Nothing in this process calls `work_has_come` for it."""
    stopping, has_stepped = threading.Event(), threading.Event()
    steps: list[str] = []

    class Once:
        """A runner that notes each step, and finds no job."""

        def step(self, lane: str) -> bool:
            steps.append(lane)
            has_stepped.set()
            return False

        def next_due_ms(self, _lane: str) -> int | None:
            return due_ms

    due_ms: int | None = None
    heartbeats = Heartbeats()
    runner: Any = Once()
    pool = Workers(runner, stopping, lambda _error: None, {"light": 1}, heartbeats, is_supervised=True)
    pool.start()
    assert has_stepped.wait(PATIENCE_S)
    has_stepped.clear()
    pool.wake_if_due()
    assert steps == ["light"]
    due_ms = 0
    pool.wake_if_due()
    assert has_stepped.wait(PATIENCE_S)
    stopping.set()
    pool.join()
