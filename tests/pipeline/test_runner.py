"""How does a job fare whose stage fails, whose file changes, or whose result cannot be stored?"""

import contextlib
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from peewee import sqlite3
from structlog.testing import capture_logs

from reeld.catalog import media, overview, queue
from reeld.catalog.models import JobRow, VideoFile
from reeld.database.base import database
from reeld.database.connection import reading, writing
from reeld.domain.content import MediaFacts
from reeld.domain.records import FileRecord
from reeld.errors import (
    CatalogBusy,
    CatalogError,
    CatalogFull,
    CatalogUnavailable,
    FileChanged,
    FileIncomplete,
    FileNotRegular,
    FileUnreadable,
    FileVanished,
    Interrupted,
    WorkerDied,
    WorkerError,
    WorkerTimeout,
)
from reeld.pipeline.context import StageContext
from reeld.pipeline.retry import MAX_ATTEMPTS, MAX_DEATHS, RECHECK_S
from reeld.pipeline.runner import Runner
from reeld.pipeline.stages import Stage
from tests.catalog.rows import NOW_MS, add_file, add_libraries, claim_one, stamp

Run = Callable[[FileRecord, StageContext], Any]


def _store_container(video_file_id: int, text: str, _now_ms: int) -> None:
    media.save_media_facts(video_file_id, MediaFacts(container=text))


def _store_hash(video_file_id: int, text: str, _now_ms: int) -> None:
    media.save_full_hash(video_file_id, text)


def _without(reason: str) -> str:
    return f"given up: {reason}"


@dataclass
class Work:
    """A runner over two stages that do what a test says, its clock, and what it was told."""

    now_ms: int = NOW_MS
    is_stopping: bool = False
    pauses: list[float] = field(default_factory=list)
    looked_again: list[str] = field(default_factory=list)
    on_pause: Callable[[], None] = lambda: None

    def runner(self, first: Run, second: Run | None = None, **changes: Any) -> Runner:
        """The second stage runs in a lane of its own unless `lane` says otherwise."""
        lane = changes.pop("lane", "heavy")
        stages = [Stage(name="first", lane="light", run=first, save=_store_container, **changes)]
        if second is not None:
            stages.append(Stage(name="second", lane=lane, run=second, save=_store_hash))
        return Runner(
            stages=stages,
            tools=StageContext(
                ask_prober=lambda *_: {},
                ask_identifier=lambda *_: {},
                should_stop=lambda: self.is_stopping,
                on_bytes_hashed=lambda _: None,
            ),
            now_ms=lambda: self.now_ms,
            pause=self._pause,
            rescan_directory=self.looked_again.append,
            rng=random.Random(0),
        )

    def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.on_pause()

    def until_nothing_is_left(self, runner: Runner) -> int:
        """Let time pass from one due job to the next; the number of steps that found work."""
        for steps in range(50):
            due = [due for lane in ("light", "heavy") if (due := _next_due(lane)) is not None]
            if not due:
                return steps
            self.now_ms = max(self.now_ms, min(due))
            assert runner.step("light") or runner.step("heavy")
        raise AssertionError("there is no end to it")


def _next_due(lane: str) -> int | None:
    with reading():
        return queue.next_due_ms(lane)


@pytest.fixture
def file_id(catalog: Path) -> int:
    (library_id,) = add_libraries("Films")
    return new_file(library_id, "a.mkv")


def new_file(library_id: int, path: str) -> int:
    file_id = add_file(library_id, path)
    with writing():
        queue.enqueue(file_id, stage="first", lane="light", now_ms=NOW_MS)
    return file_id


def job() -> Any:
    """The only job as a row, or None."""
    return JobRow.get_or_none()


def row(file_id: int) -> Any:
    return VideoFile.get_by_id(file_id)


def fail(error: Exception) -> Run:
    def run(_record: FileRecord, _tools: StageContext) -> Any:
        raise error

    return run


def give(result: Any) -> Run:
    return lambda _record, _tools: result


# --- the way through -------------------------------------------------------------------------------------


def test_a_file_goes_through_all_stages_and_leaves_no_job(file_id: int) -> None:
    work = Work()
    runner = work.runner(give("mkv"), give("cafe"))
    assert runner.step("light")
    assert (job().stage, job().lane, job().state, job().attempts) == ("second", "heavy", "waiting", 0)
    assert not runner.step("light")
    assert runner.step("heavy")
    assert job() is None
    assert (row(file_id).container, row(file_id).file_hash) == ("mkv", "cafe")


def test_a_worker_goes_straight_on_to_the_next_stage_of_its_own_lane(file_id: int) -> None:
    """A worker goes straight on to a stage of its own lane with what was just stored."""
    seen: list[tuple[FileRecord, int]] = []

    def second(record: FileRecord, _tools: StageContext) -> str:
        seen.append((record, job().attempts))
        return "cafe"

    def first(_record: FileRecord, _tools: StageContext) -> str:
        return "mkv"

    runner = Work().runner(first, second, lane="light")
    runner = replace(runner, stages=[replace(runner.stages[0], save=_store_problem), runner.stages[1]])
    assert runner.step("light")
    assert [(record.media_problem, attempts) for record, attempts in seen] == [("mkv", 1)]
    assert job() is None


def _store_problem(video_file_id: int, text: str, _now_ms: int) -> None:
    media.save_media_facts(video_file_id, MediaFacts(problem=text))


def test_an_idle_lane_says_so(catalog: Path) -> None:
    assert not Work().runner(give("mkv")).step("light")


def test_the_attempt_is_counted_before_the_work_begins(file_id: int) -> None:
    seen = []

    def run(_record: FileRecord, _tools: StageContext) -> str:
        seen.append((job().attempts, job().state))
        return "mkv"

    Work().runner(run).step("light")
    assert seen == [(1, "running")]


# --- trouble ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [WorkerTimeout("it hung"), WorkerDied("it crashed"), ZeroDivisionError("a bug")])
def test_a_file_that_fails_again_and_again_is_set_aside_with_the_reason(file_id: int, error: Exception) -> None:
    work = Work()
    assert work.until_nothing_is_left(work.runner(fail(error))) == MAX_ATTEMPTS
    assert (job().state, job().attempts) == ("failed", MAX_ATTEMPTS)
    assert str(error) in job().last_error
    assert work.now_ms - NOW_MS >= (5 + 20) * 1000 / 2


def test_where_a_substitute_is_known_it_is_saved_and_the_file_goes_on(file_id: int) -> None:
    work = Work()
    runner = work.runner(fail(WorkerTimeout("it hung")), give("cafe"), give_up=_without)
    assert work.until_nothing_is_left(runner) == MAX_ATTEMPTS + 1
    assert job() is None
    assert (row(file_id).container, row(file_id).file_hash) == ("given up: it hung", "cafe")


def test_what_is_no_file_is_given_up_at_once(file_id: int) -> None:
    work = Work()
    assert work.until_nothing_is_left(work.runner(fail(FileNotRegular("/a.mkv")))) == 1
    assert job().state == "failed"


@pytest.mark.parametrize("error", [FileVanished("/x"), FileChanged("/x", stamp(), stamp())])
def test_a_file_that_is_not_what_it_was_is_looked_at_and_costs_no_attempt(file_id: int, error: Exception) -> None:
    """A file that is not what it was is looked at and its job waits without losing an attempt.

    One that goes on changing waits longer each time.
    """
    work = Work()
    runner = work.runner(fail(error))
    for turn in range(1, MAX_ATTEMPTS + 3):
        assert runner.step("light")
        assert (job().state, job().attempts) == ("waiting", 0)
        backoff_s = 30 * 2 ** (turn - 2) if isinstance(error, FileChanged) and turn > 1 else 0
        assert job().due_at_ms == work.now_ms + (RECHECK_S + backoff_s) * 1000
        assert work.looked_again == ["/disks/Films/a.mkv"] * turn
        assert not runner.step("light")
        work.now_ms = job().due_at_ms


def test_a_file_that_goes_on_changing_is_named_and_its_next_version_waits(file_id: int) -> None:
    """However often it settles between: up to an hour. The first change costs nothing."""
    work = Work()
    runner = work.runner(fail(FileChanged("/x", stamp(), stamp())))

    def change_and_settle() -> float:
        assert runner.step("light")
        with writing():
            queue.enqueue(file_id, stage="first", lane="light", now_ms=work.now_ms)
        waits_ms: int = job().due_at_ms - work.now_ms
        work.now_ms = max(work.now_ms, job().due_at_ms)
        return waits_ms / 1000

    assert change_and_settle() <= 0
    assert overview.changing() == []
    assert [change_and_settle() for _ in range(9)] == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]
    (named,) = overview.changing()
    assert (named["path"], named["change_count"], named["due"]) == ("/disks/Films/a.mkv", 10, work.now_ms / 1e3)
    assert overview.counts()["changing"] == 1
    assert work.until_nothing_is_left(work.runner(lambda *_: "mkv")) == 1
    assert (overview.changing(), overview.counts()["changing"]) == ([], 0)


def test_a_pass_looks_once_at_a_file_whose_end_may_still_come(file_id: int) -> None:
    """However long it takes for the others. The next start looks at once, and the daemon goes on looking."""
    work = Work()
    early = fail(FileIncomplete("/x", unchanged_s=10.0, patience_s=86_400.0))
    once = replace(work.runner(early), next_look_s=10_000.0)
    assert once.step("light")
    work.now_ms += 3_600_000
    assert not once.step("light")
    assert job().awaited_until_ms is not None
    with writing():
        queue.recover(lambda _attempts: work.now_ms)
    assert once.step("light")
    with writing():
        queue.recover(lambda _attempts: work.now_ms)
    assert work.runner(early).step("light")
    assert job().due_at_ms == work.now_ms + 60_000
    last = fail(FileIncomplete("/x", unchanged_s=86_395.0, patience_s=86_400.0))
    with writing():
        queue.recover(lambda _attempts: work.now_ms)
    assert replace(work.runner(last), next_look_s=10_000.0).step("light")
    assert job().due_at_ms == work.now_ms + 5_010, "the last look is waited for where it is near"


def test_work_that_is_interrupted_goes_back_as_it_was(file_id: int) -> None:
    (before,) = JobRow.select().dicts()
    Work().runner(fail(Interrupted("asked to stop"))).step("light")
    assert list(JobRow.select().dicts()) == [before | {"interruptions": 1}]


def test_that_no_child_can_be_started_is_no_files_fault(file_id: int) -> None:
    work = Work()
    runner = work.runner(fail(WorkerError("no memory for a process")))
    for _ in range(3 * MAX_ATTEMPTS):
        assert runner.step("light")
        assert (job().state, job().attempts) == ("waiting", 0)
        work.now_ms = job().due_at_ms


@pytest.mark.parametrize("error", [CatalogBusy, CatalogFull, CatalogUnavailable])
def test_a_job_whose_stage_got_no_answer_from_the_catalogue_is_done_later(
    file_id: int, error: type[CatalogError]
) -> None:
    """Whoever hashes a large file asks it for what is known already. Nobody else ends a job that is under way."""
    work, failures = Work(), [error("the disk of the catalogue gave no answer")]

    def run(_record: FileRecord, _tools: StageContext) -> str:
        if failures:
            raise failures.pop()
        return "mkv"

    runner = work.runner(run)
    with contextlib.suppress(CatalogError):  # the loop around takes it for a reason to wait
        runner.step("light")
    assert (job().state, job().attempts) == ("waiting", 0)
    work.until_nothing_is_left(runner)
    assert row(file_id).container == "mkv"


def test_a_bug_is_logged_with_its_traceback_and_the_next_file_goes_on(catalog: Path) -> None:
    (library_id,) = add_libraries("Films")
    bad, good = new_file(library_id, "bad.mkv"), new_file(library_id, "good.mkv")

    def run(record: FileRecord, _tools: StageContext) -> str:
        if record.path == "bad.mkv":
            raise ZeroDivisionError("division by zero")
        return "mkv"

    work = Work()
    with capture_logs() as logs:
        work.until_nothing_is_left(work.runner(run))
    crashes = [entry for entry in logs if entry["event"] == "stage.crashed"]
    assert [entry["attempt"] for entry in crashes] == list(range(1, MAX_ATTEMPTS + 1))
    assert all(isinstance(entry["exc_info"], ZeroDivisionError) for entry in crashes)
    assert all(entry["log_level"] == "error" for entry in crashes)
    assert row(good).container == "mkv"
    assert row(bad).container is None


@pytest.mark.parametrize("error", [ValueError("a bug"), UnicodeEncodeError("utf-8", "\udcff", 0, 1, "surrogates")])
def test_a_bug_while_a_result_is_stored_counts_like_one_while_it_was_found(file_id: int, error: Exception) -> None:
    def save(_video_file_id: int, _result: str, _now_ms: int) -> None:
        raise error

    work = Work()
    runner = work.runner(give("mkv"))
    runner = replace(runner, stages=[replace(runner.stages[0], save=save)])
    with capture_logs() as logs:
        assert work.until_nothing_is_left(runner) == MAX_ATTEMPTS
    assert [entry["event"] for entry in logs].count("stage.crashed") == MAX_ATTEMPTS
    assert job().state == "failed"
    assert type(error).__name__ in job().last_error


def test_a_bug_while_a_substitute_is_stored_sets_the_file_aside(file_id: int) -> None:
    def save(_video_file_id: int, _result: str, _now_ms: int) -> None:
        raise ValueError("a bug")

    work = Work()
    runner = work.runner(fail(WorkerDied("it crashed")), give_up=_without)
    runner = replace(runner, stages=[replace(runner.stages[0], save=save)])
    assert work.until_nothing_is_left(runner) == MAX_ATTEMPTS
    assert job().state == "failed"


def test_a_file_that_killed_the_whole_process_each_time_is_given_up(file_id: int) -> None:
    """A file that killed the whole process each time is given up without another try."""
    for _ in range(MAX_DEATHS):
        with writing():
            assert claim_one("light", NOW_MS) is not None
        with writing():
            assert queue.recover(lambda _attempts: NOW_MS) == 1
    tried = []

    def run(record: FileRecord, _tools: StageContext) -> str:
        tried.append(record.path)
        return "mkv"

    assert Work().runner(run).step("light")
    assert tried == []
    assert job().state == "failed"
    assert "ended while" in job().last_error


def test_a_job_at_a_stage_of_another_version_begins_anew(file_id: int) -> None:
    with writing():
        queue.enqueue(file_id, stage="of_another_version", lane="light", now_ms=NOW_MS)
    work = Work()
    work.until_nothing_is_left(work.runner(give("mkv"), give("cafe")))
    assert job() is None
    assert (row(file_id).container, row(file_id).file_hash) == ("mkv", "cafe")


# --- a file that changes meanwhile -----------------------------------------------------------------------


@pytest.mark.parametrize("outcome", ["result", "failure", "bug", "give up"])
def test_what_a_worker_found_in_an_older_version_is_thrown_away(file_id: int, outcome: str) -> None:
    """A new version comes while the stage runs."""

    def run(record: FileRecord, _tools: StageContext) -> str:
        with writing():
            queue.enqueue(record.id, stage="first", lane="light", now_ms=NOW_MS + 5)
        if outcome == "result":
            return "of the older version"
        raise {"failure": WorkerDied("x"), "bug": ZeroDivisionError(), "give up": FileNotRegular("/x")}[outcome]

    work = Work()
    assert work.runner(run, give_up=_without if outcome == "give up" else None).step("light")
    assert row(file_id).container is None
    fresh = (job().stage, job().state, job().attempts, job().due_at_ms, job().last_error)
    assert fresh == ("first", "waiting", 0, NOW_MS + 5, None)


def test_a_file_that_went_missing_while_its_stage_ran_stores_nothing(file_id: int) -> None:
    def run(record: FileRecord, _tools: StageContext) -> str:
        with writing():
            queue.drop([record.id])
        return "of a file that is gone"

    assert Work().runner(run, give("cafe"), lane="light").step("light")
    assert (row(file_id).container, row(file_id).file_hash, job()) == (None, None, None)


# --- a catalogue that cannot be written to ---------------------------------------------------------------


@contextlib.contextmanager
def _locked(catalog: Path) -> Any:
    database.execute_sql("PRAGMA busy_timeout = 20")
    with contextlib.closing(sqlite3.connect(catalog, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield lambda: other.execute("ROLLBACK") if other.in_transaction else None


def test_a_result_is_kept_until_the_lock_of_another_program_is_gone(catalog: Path, file_id: int) -> None:
    work, ran = Work(), []
    with contextlib.ExitStack() as stack:

        def run(_record: FileRecord, _tools: StageContext) -> str:
            ran.append(1)
            release = stack.enter_context(_locked(catalog))
            work.on_pause = lambda: release() if len(work.pauses) == 3 else None
            return "mkv"

        assert work.runner(run).step("light")
    assert (len(work.pauses), len(ran)) == (3, 1)
    assert row(file_id).container == "mkv"
    assert job() is None


def test_on_a_full_disk_a_result_is_kept_until_there_is_space(file_id: int) -> None:
    work = Work()

    def run(_record: FileRecord, _tools: StageContext) -> str:
        pages = database.execute_sql("PRAGMA page_count").fetchone()[0]
        database.execute_sql(f"PRAGMA max_page_count = {pages}")
        return "mkv" * 50_000

    def make_space() -> None:
        if len(work.pauses) == 2:
            database.execute_sql("PRAGMA max_page_count = 1000000")

    work.on_pause = make_space
    assert work.runner(run).step("light")
    assert len(work.pauses) == 2
    assert row(file_id).container == "mkv" * 50_000


def test_a_result_that_cannot_be_stored_is_found_again_at_the_next_start(catalog: Path, file_id: int) -> None:
    """A result that cannot be stored before the end is found again at the next start."""
    work = Work(is_stopping=True)
    with contextlib.ExitStack() as stack:

        def run(_record: FileRecord, _tools: StageContext) -> str:
            stack.enter_context(_locked(catalog))
            return "mkv"

        with pytest.raises(CatalogBusy):
            work.runner(run).step("light")
    assert work.pauses == []
    with writing():
        assert queue.recover(lambda _attempts: NOW_MS) == 1
    assert Work().runner(give("mkv")).step("light")
    assert row(file_id).container == "mkv"


def test_many_threads_do_each_job_once(catalog: Path) -> None:
    (library_id,) = add_libraries("Films")
    ids = [new_file(library_id, f"{number}.mkv") for number in range(40)]
    done: list[str] = []

    def run(record: FileRecord, _tools: StageContext) -> str:
        done.append(record.path)
        return record.path

    runner = Work().runner(run)

    def work_off() -> None:
        while runner.step("light"):
            pass

    threads = [threading.Thread(target=work_off) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == sorted(f"{number}.mkv" for number in range(40))
    assert [row(file_id).container for file_id in ids] == [f"{number}.mkv" for number in range(40)]


def test_what_was_read_of_a_file_that_cannot_be_read_any_more_is_in_doubt(file_id: int) -> None:
    """It was renamed, which may cover up that somebody wrote to it before, and nobody can compare its ends."""
    with writing():
        media.save_full_hash(file_id, "cafe")
    work = Work()
    work.until_nothing_is_left(
        work.runner(fail(FileUnreadable("a.mkv", PermissionError(13, "denied"))), reads_file=True)
    )
    assert job().state == "failed"
    assert row(file_id).is_in_doubt
    with writing():
        media.save_full_hash(file_id, "cafe")
        queue.retry_failed(file_id, work.now_ms)
    work.until_nothing_is_left(work.runner(fail(ValueError("a bug"))))
    assert job().state == "failed"
    assert not row(file_id).is_in_doubt, "a stage that reads no bytes says nothing of them"


def test_a_file_that_may_not_be_read_gets_no_substitute_and_is_read_once_it_may(file_id: int) -> None:
    """The right was taken away between two stages. "Its media facts could not be read" would stand for ever."""
    work = Work()
    denied = fail(FileUnreadable("a.mkv", PermissionError(13, "denied")))
    work.until_nothing_is_left(work.runner(denied, give_up=_without, reads_file=True))
    assert (job().state, job().is_denied) == ("failed", True)
    assert row(file_id).container is None
    with writing():
        queue.retry_failed(file_id, work.now_ms)
    work.until_nothing_is_left(work.runner(give("mkv")))
    assert row(file_id).container == "mkv"


# --- many files at once ----------------------------------------------------------------------------------


@pytest.fixture
def many(catalog: Path) -> list[int]:
    """So many files of one library wait that several are taken at once."""
    (library_id,) = add_libraries("Films")
    return [new_file(library_id, f"{number}.mkv") for number in range(4 * queue.SHARERS)]


def test_of_many_files_one_that_fails_costs_the_others_nothing(many: list[int]) -> None:
    commits: list[int] = []

    def run(record: FileRecord, _tools: StageContext) -> str:
        commits.append(VideoFile.select().where(VideoFile.container.is_null(False)).count())
        if record.path == "1.mkv":
            raise WorkerDied("it crashed")
        return "mkv"

    assert Work().runner(run).step("light")
    assert commits == [0, 0, 0, 0], "nothing is committed before all have gone through the stage"
    assert [row(file_id).container for file_id in many[:4]] == ["mkv", None, "mkv", "mkv"]
    failed = JobRow.get(JobRow.video_file == many[1])
    assert (failed.state, failed.attempts) == ("waiting", 1)


def test_of_many_results_one_that_cannot_be_stored_costs_the_others_nothing(many: list[int]) -> None:
    def store(video_file_id: int, text: str, _now_ms: int) -> None:
        _store_container(video_file_id, text, _now_ms)
        if video_file_id == many[2]:
            raise ValueError("a bug")

    runner = Work().runner(give("mkv"))
    assert replace(runner, stages=[replace(runner.stages[0], save=store)]).step("light")
    assert [row(file_id).container for file_id in many[:4]] == ["mkv", "mkv", None, "mkv"]
    assert "a bug" in JobRow.get(JobRow.video_file == many[2]).last_error


def test_what_was_taken_and_not_begun_is_given_back_uncounted_when_reeld_ends(many: list[int]) -> None:
    work = Work()

    def run(_record: FileRecord, _tools: StageContext) -> str:
        work.is_stopping = True
        return "mkv"

    assert work.runner(run).step("light")
    assert [row(file_id).container for file_id in many[:2]] == ["mkv", None]
    assert {(each.state, each.attempts) for each in JobRow.select()} == {("waiting", 0)}


def test_a_disk_that_fails_within_many_files_rests_at_once(many: list[int]) -> None:
    error = FileUnreadable("x.mkv", OSError(5, "Input/output error"))
    work = Work()
    runner = replace(work.runner(fail(error), reads_file=True))
    for _ in range(4):
        runner.step("light")
    assert {each.state for each in JobRow.select()} == {"paused"}
    assert sum(each.attempts for each in JobRow.select()) == 2, "the third in a row is the disk's fault"


# --- work that is cut off again and again ----------------------------------------------------------------


def test_a_full_hash_that_was_cut_off_three_times_is_said_until_it_is_done(file_id: int) -> None:
    """By a stop, by a crash, and by a stop again."""
    work = Work()
    with writing():
        queue.enqueue(file_id, stage="hash", lane="heavy", now_ms=NOW_MS)
    stopped = _hashing(work.runner(fail(Interrupted("asked to stop"))), fail(Interrupted("asked to stop")))
    stopped.step("heavy")
    with writing():
        assert claim_one("heavy", NOW_MS) is not None
    with writing():
        assert queue.recover(lambda _attempts: NOW_MS) == 1
    assert overview.interrupted() == []
    stopped.step("heavy")
    (row,) = overview.interrupted()
    assert (row["library"], row["path"]) == ("Films", "/disks/Films/a.mkv")
    assert (row["stage"], row["interruption_count"], row["size_bytes"]) == ("hash", 3, 5000)
    assert _hashing(stopped, give("h")).step("heavy")
    assert overview.interrupted() == []


def _hashing(runner: Runner, run: Run) -> Runner:
    return replace(runner, stages=[Stage(name="hash", lane="heavy", run=run, save=_store_hash)])


def test_a_new_version_of_a_file_forgets_how_often_the_old_one_was_cut_off(file_id: int) -> None:
    with writing():
        queue.enqueue(file_id, stage="hash", lane="heavy", now_ms=NOW_MS)
        JobRow.update(interruptions=5).execute()
        assert [row["interruption_count"] for row in overview.interrupted()] == [5]
        queue.enqueue(file_id, stage="name", lane="names", now_ms=NOW_MS)
    assert job().interruptions == 0


def test_a_stage_that_is_done_leaves_no_interruptions_to_the_next(file_id: int) -> None:
    with writing():
        JobRow.update(interruptions=5).execute()
    work = Work()
    assert work.runner(give("mkv"), give("h")).step("light")
    assert (job().stage, job().interruptions) == ("second", 0)
