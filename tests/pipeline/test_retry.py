"""Does each kind of trouble have the consequence that its name calls for?"""

import errno
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld import errors
from reeld.domain.records import Job
from reeld.errors import (
    FileChanged,
    FileIncomplete,
    FileNotRegular,
    FileUnreadable,
    FileVanished,
    Interrupted,
    MachineExhausted,
    WorkerDied,
    WorkerError,
    WorkerTimeout,
)
from reeld.pipeline.retry import (
    DELAY_FACTOR,
    FIRST_DELAY_S,
    FIRST_LOOK_S,
    LONGEST_DEATH_DELAY_S,
    LONGEST_LOOK_S,
    MAX_ATTEMPTS,
    MAX_DEATHS,
    Consequence,
    Fail,
    Release,
    Rescan,
    Retry,
    WaitForData,
    consequence,
    delay_after_death_s,
    explanation,
    is_read_error,
)
from tests.catalog.rows import stamp

PATH = "/films/a.mkv"
TRANSIENT: list[Exception] = [
    FileUnreadable(PATH, OSError(errno.EIO, "Input/output error")),
    FileUnreadable(PATH, PermissionError(errno.EACCES, "Permission denied")),
    WorkerTimeout("it hung"),
    WorkerDied("it crashed"),
    ZeroDivisionError("a bug"),
    UnicodeError("a bug"),
]


def _job(attempts: int) -> Job:
    return Job(id=1, video_file_id=1, stage="probe", token="t", attempts=attempts)


def _follows(error: Exception, attempts: int = 1, seed: int = 0) -> Consequence:
    return consequence(error, _job(attempts), random.Random(seed))


@pytest.mark.parametrize("attempts", [1, MAX_ATTEMPTS, MAX_ATTEMPTS + 5])
def test_what_is_not_the_files_fault_never_costs_it_its_attempts(attempts: int) -> None:
    assert _follows(Interrupted("asked to stop"), attempts) == Release()
    assert _follows(FileVanished(PATH), attempts) == Rescan()
    assert _follows(FileChanged(PATH, stamp(), stamp()), attempts) == Rescan()
    cannot_start = _follows(WorkerError("no process can be made"), attempts)
    assert isinstance(cannot_start, Retry)
    assert not cannot_start.counts


def test_a_file_that_may_still_grow_is_looked_at_ever_more_rarely() -> None:
    """A file that may still grow is looked at ever more rarely and when its patience is over."""
    patience_s = 86_400.0
    unchanged_s, pauses = 0.0, []
    while unchanged_s < patience_s:
        awaited = _follows(FileIncomplete(PATH, unchanged_s=unchanged_s, patience_s=patience_s), MAX_ATTEMPTS + 5)
        assert isinstance(awaited, WaitForData)
        assert unchanged_s + awaited.left_s == patience_s, "it is told until when"
        pauses.append(awaited.delay_s)
        unchanged_s += awaited.delay_s
    assert pauses[:-1] == sorted(pauses[:-1])
    assert (pauses[0], max(pauses)) == (FIRST_LOOK_S, LONGEST_LOOK_S)
    assert unchanged_s == pytest.approx(patience_s, abs=0.1)


@pytest.mark.parametrize("attempts", [1, MAX_ATTEMPTS, MAX_ATTEMPTS + 5])
@pytest.mark.parametrize(
    "error",
    [*(MachineExhausted(OSError(number, "no room")) for number in MachineExhausted.ERRNOS), MemoryError()],
    ids=str,
)
def test_a_machine_without_room_is_no_files_fault(error: Exception, attempts: int) -> None:
    again = _follows(error, attempts)
    assert isinstance(again, Retry)
    assert not again.counts
    assert "please report" not in explanation(error)


def test_a_read_error_on_a_disk_that_gives_nothing_else_costs_no_attempt() -> None:
    error = FileUnreadable(PATH, OSError(errno.EIO, "Input/output error"))
    again = consequence(error, _job(MAX_ATTEMPTS), random.Random(0), is_the_disks_fault=True)
    assert isinstance(again, Retry)
    assert not again.counts


def test_a_missing_right_says_nothing_of_the_disk() -> None:
    assert is_read_error(FileUnreadable(PATH, OSError(errno.EIO, "Input/output error")))
    assert not is_read_error(FileUnreadable(PATH, PermissionError(errno.EACCES, "Permission denied")))
    assert not is_read_error(FileVanished(PATH))


def test_what_is_no_file_will_not_become_one_by_waiting() -> None:
    assert _follows(FileNotRegular(PATH)) == Fail()


@pytest.mark.parametrize("error", TRANSIENT, ids=lambda error: type(error).__name__)
def test_what_may_pass_is_tried_as_often_as_the_cap_says_and_then_given_up(error: Exception) -> None:
    for attempt in range(1, MAX_ATTEMPTS):
        again = _follows(error, attempt)
        assert isinstance(again, Retry)
        assert again.counts
    assert _follows(error, MAX_ATTEMPTS) == Fail()
    assert _follows(error, MAX_ATTEMPTS + 1) == Fail()


@given(st.integers(1, MAX_ATTEMPTS - 1), st.integers())
def test_each_wait_lies_around_its_step_and_a_seed_gives_the_same_wait(attempt: int, seed: int) -> None:
    again = _follows(WorkerDied("it crashed"), attempt, seed)
    assert isinstance(again, Retry)
    step_s = FIRST_DELAY_S * DELAY_FACTOR ** (attempt - 1)
    assert 0.5 * step_s <= again.delay_s <= 1.5 * step_s
    assert again == _follows(WorkerDied("it crashed"), attempt, seed)


def test_files_that_failed_together_do_not_come_back_together() -> None:
    rng = random.Random(1)
    waits = [consequence(WorkerDied("it crashed"), _job(1), rng) for _ in range(100)]
    assert len({round(wait.delay_s, 1) for wait in waits if isinstance(wait, Retry)}) > 30


def test_every_error_about_a_file_or_a_worker_has_a_consequence_of_its_own_kind() -> None:
    """A new kind of error must be given its place here and in the policy."""
    decided = {FileVanished, FileChanged, FileIncomplete, FileNotRegular, FileUnreadable}
    decided |= {WorkerTimeout, WorkerDied, Interrupted}
    leaves = {*errors.FileError.__subclasses__(), *WorkerError.__subclasses__(), Interrupted}
    assert leaves == decided


def test_our_errors_speak_for_themselves_and_any_other_is_called_a_bug() -> None:
    assert explanation(WorkerTimeout("it hung; try again")) == "it hung; try again"
    said = explanation(ZeroDivisionError("division by zero"))
    assert "ZeroDivisionError: division by zero" in said
    assert "please report it" in said


def test_after_a_death_a_job_goes_on_at_once_and_then_ever_later() -> None:
    delays = [delay_after_death_s(attempts) for attempts in range(1, MAX_DEATHS + 1)]
    assert delays[:4] == [0, 5, 10, 20]
    assert delays == sorted(delays)
    assert delays[-1] == LONGEST_DEATH_DELAY_S
