"""Does the queue do what a dozen lines of plain Python would do, and never lose, double or confuse work?"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from reeld.catalog import libraries, media, queue, video_files
from reeld.catalog.models import JobRow, VideoFile
from reeld.database.connection import call_when_work_comes, close_catalog, open_catalog, reading, writing
from reeld.domain.content import QuickHashes
from reeld.domain.records import Job
from reeld.domain.states import LibraryState
from reeld.pipeline.retry import (
    DELAY_FACTOR,
    FIRST_DELAY_S,
    LONGEST_DEATH_DELAY_S,
    LONGEST_LOOK_S,
    MAX_ATTEMPTS,
    RECHECK_S,
)
from reeld.pipeline.stages import STAGES as STAGES_OF_THE_PIPELINE
from tests.catalog import listed
from tests.catalog.rows import NOW_MS, add_file, add_libraries, claim_one, rows, stamp
from tests.template import copy_template

LANES = ("light", "heavy")
STAGES = ("fingerprint", "hash")
LIBRARIES = ("Films", "Series")


@dataclass(slots=True)
class Expected:
    """A job as it should be."""

    stage: str
    lane: str
    due_at_ms: int
    state: str = "waiting"
    attempts: int = 0
    last_error: str | None = None
    holder: str | None = None


class QueueMachine(RuleBasedStateMachine):
    """Random histories of one catalogue with some files in two libraries, and of a dict that says what is right.

    Workers are `Job` values that somebody holds: also long after their job was taken from them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now_ms = NOW_MS
        self.jobs: dict[int, Expected] = {}
        self.workers: list[Job] = []
        self.stored: dict[int, str | None] = {}
        self.folder = TemporaryDirectory()
        self.away: set[int] = set()
        self.was_woken = False
        self.waited: set[tuple[int, str, int]] = set()

    @initialize()
    def open(self) -> None:
        path = Path(self.folder.name) / "reeld.db"
        copy_template(path)
        open_catalog(str(path), create=True)
        self.library_ids = add_libraries(*LIBRARIES)
        self.files = {
            add_file(library_id, f"{number}.mkv"): library_id for library_id in self.library_ids for number in range(8)
        }
        self.stored = dict.fromkeys(self.files)
        call_when_work_comes(self._wake)

    def _wake(self) -> None:
        self.was_woken = True

    def teardown(self) -> None:
        close_catalog()
        self.folder.cleanup()

    # --- who brings work -----------------------------------------------------------------------------------

    def _file(self, index: int) -> int:
        return sorted(self.files)[index]

    def _expect_new(self, file_id: int, stage: str, lane: str) -> None:
        self.jobs[file_id] = Expected(stage, lane, self.now_ms)

    @rule(index=st.integers(0, 15), stage=st.sampled_from(STAGES), lane=st.sampled_from(LANES))
    def enqueue(self, index: int, stage: str, lane: str) -> None:
        with writing():
            queue.enqueue(self._file(index), stage=stage, lane=lane, now_ms=self.now_ms)
        self._expect_new(self._file(index), stage, lane)

    @rule(index=st.integers(0, 15))
    def a_new_version_comes(self, index: int) -> None:
        file_id = self._file(index)
        with writing():
            known = video_files.file_record(file_id)
            again = video_files.record_settled(self.files[file_id], known.path, stamp(), self.now_ms)
            queue.enqueue(again, stage=STAGES[0], lane=LANES[0], now_ms=self.now_ms)
        assert again == file_id
        self.stored[file_id] = None
        self._expect_new(file_id, STAGES[0], LANES[0])

    @rule(index=st.integers(0, 15))
    def a_file_goes_missing(self, index: int) -> None:
        with writing():
            file_id = self._file(index)
            directory = os.path.dirname(video_files.file_record(file_id).path)
            video_files.record_missing([file_id], self.files[file_id], directory, self.now_ms)
        self.jobs.pop(self._file(index), None)

    @rule(seconds=st.integers(0, 60))
    def time_passes(self, seconds: int) -> None:
        self.now_ms += seconds * 1000

    # --- who works -----------------------------------------------------------------------------------------

    @rule(lane=st.sampled_from(LANES), most=st.integers(1, 4))
    def claim(self, lane: str, most: int) -> None:
        with writing():
            jobs = queue.claim(lane, self.now_ms, most=most)
        due = {
            file_id: expected
            for file_id, expected in self.jobs.items()
            if expected.lane == lane and expected.state == "waiting" and expected.due_at_ms <= self.now_ms
        }
        assert bool(jobs) == bool(due)
        first_due = sorted(expected.due_at_ms for expected in due.values())
        taken = [due[job.video_file_id] for job in jobs]
        assert [expected.due_at_ms for expected in taken] == first_due[: len(jobs)]
        assert len(jobs) <= max(1, min(most, len(due) // queue.SHARERS)), "the others have their share"
        assert len({self.files[job.video_file_id] for job in jobs}) <= 1, "a disk holds up its own library only"
        assert len(jobs) < 2 or not any(expected.attempts for expected in taken), "what failed pays for itself"
        for job, mine in zip(jobs, taken, strict=True):
            mine.state, mine.holder, mine.attempts = "running", job.token, mine.attempts + 1
            assert (job.stage, job.attempts) == (mine.stage, mine.attempts)
            self.workers.append(job)

    def _owned(self, job: Job) -> Expected | None:
        """What the model says of a worker's job; None if it is not his any more."""
        expected = self.jobs.get(job.video_file_id)
        return expected if expected is not None and expected.holder == job.token else None

    @precondition(lambda self: self.workers)
    @rule(data=st.data())
    def a_worker_stores_what_it_found_and_moves_on(self, data: st.DataObject) -> None:
        job = data.draw(st.sampled_from(self.workers))
        keep, lane = data.draw(st.booleans()), data.draw(st.sampled_from(LANES))
        expected = self._owned(job)
        with writing():
            holds = queue.holds(job)
            if holds:
                _store(job)
                queue.move_on([job], stage=STAGES[1], lane=lane, keep=keep, now_ms=self.now_ms)
        assert holds == (expected is not None)
        if expected is not None:
            self.stored[job.video_file_id] = job.token
            expected.stage, expected.lane, expected.last_error = STAGES[1], lane, None
            if keep:
                expected.attempts = 1
            else:
                expected.state, expected.holder, expected.attempts = "waiting", None, 0
                expected.due_at_ms = min(expected.due_at_ms, self.now_ms)  # its place is what it was

    @precondition(lambda self: self.workers)
    @rule(data=st.data())
    def a_worker_finishes(self, data: st.DataObject) -> None:
        job = data.draw(st.sampled_from(self.workers))
        expected = self._owned(job)
        with writing():
            if queue.holds(job):
                _store(job)
            queue.finish([job])
        if expected is not None:
            self.stored[job.video_file_id] = job.token
            del self.jobs[job.video_file_id]

    @precondition(lambda self: self.workers)
    @rule(data=st.data(), seconds=st.integers(0, 90), counts=st.booleans())
    def a_worker_puts_it_back(self, data: st.DataObject, seconds: int, counts: bool) -> None:
        job = data.draw(st.sampled_from(self.workers))
        expected = self._owned(job)
        due_at_ms = self.now_ms + seconds * 1000
        with writing():
            queue.requeue(job, due_at_ms=due_at_ms, error="it hiccuped", counts=counts)
        if expected is not None:
            expected.holder, expected.due_at_ms, expected.last_error = None, due_at_ms, "it hiccuped"
            is_away = self.files[job.video_file_id] in self.away
            expected.state = "paused" if is_away else "waiting"
            expected.attempts = job.attempts if counts and not is_away else job.attempts - 1

    @precondition(lambda self: self.workers)
    @rule(data=st.data())
    def a_worker_gives_up(self, data: st.DataObject) -> None:
        job = data.draw(st.sampled_from(self.workers))
        expected = self._owned(job)
        with writing():
            queue.fail(job, error="it is broken")
        if expected is not None:
            is_away = self.files[job.video_file_id] in self.away
            expected.state = "paused" if is_away else "failed"
            expected.holder, expected.last_error = None, "it is broken"

    # --- what else happens ---------------------------------------------------------------------------------

    @rule(index=st.integers(0, 15))
    def something_about_the_file_changed(self, index: int) -> None:
        with writing():
            queue.retry_failed(self._file(index), self.now_ms)
        expected = self.jobs.get(self._file(index))
        if expected is not None and expected.state == "failed":
            expected.state = "paused" if self.files[self._file(index)] in self.away else "waiting"
            expected.attempts, expected.due_at_ms = 0, self.now_ms

    @rule(index=st.integers(0, 1), is_back=st.booleans())
    def a_disk_goes_or_comes_back(self, index: int, is_back: bool) -> None:
        library_id = self.library_ids[index]
        with writing():
            libraries.set_state(
                library_id, LibraryState.ONLINE if is_back else LibraryState.UNVERIFIED, None, self.now_ms
            )
            if is_back:
                queue.resume(library_id, is_back=library_id in self.away)
            else:
                queue.pause(library_id)
        was_away = library_id in self.away
        self.away = self.away - {library_id} if is_back else self.away | {library_id}
        for file_id, expected in self.jobs.items():
            if self.files[file_id] == library_id:
                if is_back and expected.state == "paused":
                    expected.state = "waiting"
                elif is_back and was_away and expected.state == "failed":
                    expected.state, expected.attempts = "waiting", 0
                elif not is_back and expected.state == "waiting":
                    expected.state = "paused"

    @rule()
    def the_process_dies_and_another_starts(self) -> None:
        with writing():
            recovered = queue.recover(lambda attempts: self.now_ms + attempts)
        running = [expected for expected in self.jobs.values() if expected.state == "running"]
        assert recovered == len(running)
        for expected in running:
            expected.state, expected.holder = "waiting", None
            expected.due_at_ms = self.now_ms + expected.attempts

    # --- what must always hold -----------------------------------------------------------------------------

    @invariant()
    def the_table_is_what_it_should_be(self) -> None:
        if not hasattr(self, "files"):
            return
        with reading():
            found = list(JobRow.select().dicts())
            fingerprints = dict(VideoFile.select(VideoFile.id, VideoFile.fingerprint).tuples())
        assert len({row["video_file"] for row in found}) == len(found)
        assert {
            row["video_file"]: (
                row["stage"],
                row["lane"],
                row["state"],
                row["token"],
                row["due_at_ms"],
                row["attempts"],
                row["last_error"],
            )
            for row in found
        } == {
            file_id: (
                expected.stage,
                expected.lane,
                expected.state,
                expected.holder,
                expected.due_at_ms,
                expected.attempts,
                expected.last_error,
            )
            for file_id, expected in self.jobs.items()
        }
        assert fingerprints == self.stored

    @invariant()
    def whoever_sleeps_is_woken_when_something_comes_to_wait(self) -> None:
        waiting = {
            (file_id, expected.lane, expected.due_at_ms)
            for file_id, expected in self.jobs.items()
            if expected.state == "waiting"
        }
        assert self.was_woken or waiting <= self.waited
        self.was_woken, self.waited = False, waiting

    @invariant()
    def it_says_when_to_come_again(self) -> None:
        waiting = [expected for expected in self.jobs.values() if expected.state == "waiting"]
        for lane in LANES:
            with reading():
                due_ms = queue.next_due_ms(lane)
            assert due_ms == min((expected.due_at_ms for expected in waiting if expected.lane == lane), default=None)


def _store(job: Job) -> None:
    """As a stage's save does: what this very worker found."""
    media.save_quick_hashes(job.video_file_id, QuickHashes(fingerprint=job.token, oshash=None))


def test_the_jobs_of_a_library_no_longer_configured_wait_until_it_is_again(catalog: Path) -> None:
    """The jobs of a library that is not configured any more wait until it is again."""
    kept, left = add_libraries("Films", "Series")
    for number, library_id in enumerate((kept, left, left)):
        file_id = add_file(library_id, f"{number}.mkv")
        with writing():
            queue.enqueue(file_id, stage="fingerprint", lane="light", now_ms=NOW_MS + number)
    with writing():
        assert claim_one("light", NOW_MS + 1)
        assert claim_one("light", NOW_MS + 1)
    add_libraries("Films")
    with writing():
        assert queue.recover(lambda _attempts: NOW_MS) == 2
    with writing():
        jobs = [claim_one("light", NOW_MS + 9), claim_one("light", NOW_MS + 9)]
    assert [job is None for job in jobs] == [False, True]
    add_libraries("Films", "Series")
    with writing():
        queue.resume(left, is_back=True)
        assert claim_one("light", NOW_MS + 9)
        assert claim_one("light", NOW_MS + 9)


def test_a_library_that_is_not_configured_any_more_gets_no_full_hashes(catalog: Path) -> None:
    kept, left = add_libraries("Films", "Series")
    ids = [add_file(library_id, "a.mkv") for library_id in (kept, left)]
    with writing():
        VideoFile.update(stages_done={"fingerprint": 1}, verdict="accepted").execute()
    assert _queued_for_full_hashes() == ids
    add_libraries("Films")
    with writing():
        JobRow.delete().execute()
    assert _queued_for_full_hashes() == ids[:1]


def _queued_for_full_hashes() -> list[int]:
    with writing():
        queue.enqueue_lacking(stage="hash", lane="heavy", version=1, also_in_doubt=True, now_ms=NOW_MS)
    return [row_id for (row_id,) in JobRow.select(JobRow.video_file).order_by(JobRow.id).tuples()]


def test_a_job_that_is_due_impossibly_late_is_due_because_the_clock_was_put_back(catalog: Path) -> None:
    """Row 40."""
    (library_id,) = add_libraries("Films")
    late, soon = (add_file(library_id, f"{number}.mkv") for number in range(2))
    day_ms = 86_400_000
    with writing():
        queue.enqueue(late, stage="fingerprint", lane="light", now_ms=NOW_MS + day_ms)
        queue.enqueue(soon, stage="fingerprint", lane="light", now_ms=NOW_MS + queue.FARTHEST_DUE_MS - 1)
        job = claim_one("light", NOW_MS)
        assert job
        assert job.video_file_id == late
        assert claim_one("light", NOW_MS) is None, "what is put off for less than three hours waits its time"


def test_no_delay_is_so_long_that_its_job_seems_to_be_due() -> None:
    longest_s = max(LONGEST_LOOK_S, LONGEST_DEATH_DELAY_S, RECHECK_S, FIRST_DELAY_S * DELAY_FACTOR**MAX_ATTEMPTS * 1.5)
    assert 2 * longest_s * 1000 < queue.FARTHEST_DUE_MS


def test_files_are_taken_together_only_where_very_many_wait_and_within_the_bytes(catalog: Path) -> None:
    """Files are taken together only where very many wait and no more bytes than allowed."""
    (library_id,) = add_libraries("Films")

    def claimed(most: int, most_bytes: int | None) -> int:
        with writing():
            jobs = queue.claim("heavy", NOW_MS, most=most, most_bytes=most_bytes)
            for job in jobs:
                queue.finish([job])
        return len(jobs)

    with writing():
        for number in range(40):
            size = 1000 if number < 39 else 10**12
            file_id = video_files.record_settled(library_id, f"{number}.mkv", stamp(size_bytes=size), NOW_MS)
            queue.enqueue(file_id, stage="hash", lane="heavy", now_ms=NOW_MS)
    assert claimed(8, None) == 8
    assert claimed(8, 3500) == 3
    assert claimed(8, 0) == 1, "the first is taken whatever its size"
    assert claimed(8, None) == 28 // queue.SHARERS
    assert claimed(1, None) == 1
    while claimed(8, None):
        pass
    with writing():
        assert queue.live_count(1 << 62, most=100) == 0


def test_a_library_that_rests_is_worked_on_again_only_if_it_is_there(catalog: Path) -> None:
    (library_id,) = add_libraries("Films")
    with writing():
        libraries.set_state(library_id, LibraryState.OFFLINE, None, NOW_MS)
    for number in range(3):
        with writing():
            queue.enqueue(add_file(library_id, f"{number}.mkv"), stage="hash", lane="heavy", now_ms=NOW_MS)
    with writing():
        job = claim_one("heavy", NOW_MS)
        assert job
        queue.release_and_pause([job])
        assert claim_one("heavy", NOW_MS) is None
        assert not queue.holds(job)
        queue.resume_jobs(library_id)
        assert claim_one("heavy", NOW_MS) is None, "it is offline"
        libraries.set_state(library_id, LibraryState.ONLINE, None, NOW_MS)
        queue.resume_jobs(library_id)
        again = [claim_one("heavy", NOW_MS) for _ in range(3)]
    assert [each.attempts for each in again if each] == [1, 1, 1], "and no attempt was counted"


@pytest.mark.parametrize(("state", "is_gone", "expected"), [
    (LibraryState.ON_HOLD, True, "paused"),
    (LibraryState.ON_HOLD, False, "waiting"),
    (LibraryState.ONLINE, True, "waiting"),
])  # fmt: skip
def test_a_running_job_whose_file_is_gone_waits_for_the_end_of_the_hold(
    catalog: Path, state: LibraryState, is_gone: bool, expected: str
) -> None:
    """`pause_files` pauses waiting jobs only. Without this, a job that ran at that moment would be tried for ever."""
    (library_id,) = add_libraries("Films")
    file_id = add_file(library_id, "Heat (1995).mkv")
    with writing():
        queue.enqueue(file_id, stage="fingerprint", lane="light", now_ms=NOW_MS)
        job = claim_one("light", NOW_MS)
        libraries.set_state(library_id, state, "a reason", NOW_MS)
        queue.pause_files(library_id, [file_id])
        assert job is not None
        queue.requeue(job, due_at_ms=NOW_MS, error="it is gone", counts=False, is_gone=is_gone)
    assert rows(catalog, "SELECT state, attempts FROM jobs") == [(expected, 0)]
    with writing():
        queue.resume(library_id, is_back=False)
    assert rows(catalog, "SELECT state FROM jobs") == [("waiting",)]


def test_a_library_that_comes_back_has_its_files_tried_again(catalog: Path) -> None:
    here, elsewhere = add_libraries("Films", "Series")
    for library_id in (here, elsewhere):
        with writing():
            libraries.set_state(library_id, LibraryState.ONLINE, None, NOW_MS)
            queue.enqueue(add_file(library_id, "a.mkv"), stage="hash", lane="heavy", now_ms=NOW_MS)
            job = claim_one("heavy", NOW_MS)
            assert job
            queue.fail(job, error="cannot be read")
    with writing():
        queue.resume(here, is_back=True)
        assert claim_one("heavy", NOW_MS)
        assert claim_one("heavy", NOW_MS) is None


@pytest.mark.parametrize("state", ["unverified", "removed"])
@pytest.mark.parametrize("is_of_all", [False, True], ids=["of one", "of all"])
def test_who_retries_begins_no_work_in_a_library_that_is_away(catalog: Path, is_of_all: bool, state: str) -> None:
    """What lies there now would be read, and said of the files that are away; nobody would look at them either."""
    (library_id,) = add_libraries("Films")
    file_id = add_file(library_id, "a.mkv")
    with writing():
        queue.enqueue(file_id, stage="identify", lane="names", now_ms=NOW_MS)
        job = claim_one("names", NOW_MS)
        assert job
        queue.fail(job, error="it hung three times")
        libraries.set_state(library_id, LibraryState(state), "another disk", NOW_MS)
        queue.pause(library_id)
        retried = queue.retry_all_failed(NOW_MS) if is_of_all else queue.retry_failed(file_id, NOW_MS)
        assert retried == 1
        assert claim_one("names", NOW_MS) is None
        libraries.set_state(library_id, LibraryState.ONLINE, None, NOW_MS)
        queue.resume(library_id, is_back=True)
        assert claim_one("names", NOW_MS), "but once it is back"


def _fail_at_hash_and_read_the_name_again(library_id: int) -> int:
    """Return a file whose job failed at its full hash, and reads the name in between."""
    file_id = add_file(library_id, "a.mkv")
    queue.enqueue(file_id, stage="hash", lane="heavy", now_ms=NOW_MS)
    job = claim_one("heavy", NOW_MS)
    assert job
    queue.fail(job, error="it hung three times")
    queue.read_name_again(file_id, NOW_MS)
    return file_id


@pytest.mark.parametrize("is_of_all", [False, True], ids=["of one", "of all"])
def test_a_failed_job_that_reads_its_name_in_between_is_tried_again(catalog: Path, is_of_all: bool) -> None:
    (library_id,) = add_libraries("Films")
    with writing():
        file_id = _fail_at_hash_and_read_the_name_again(library_id)
        retried = queue.retry_all_failed(NOW_MS) if is_of_all else queue.retry_failed(file_id, NOW_MS)
        assert retried == 1
        name = claim_one("names", NOW_MS)
        assert name
        assert queue.end_reading_in_between([name])
        assert claim_one("heavy", NOW_MS)


@pytest.mark.parametrize(
    "end",
    [lambda job: queue.finish([job]), lambda job: queue.fail(job, error="broken")],
    ids=["finished", "failed"],
)
def test_the_workers_are_woken_for_a_name_that_is_read_after_a_stage_has_ended(
    catalog: Path, end: Callable[[Job], None]
) -> None:
    """They sleep until they are woken."""
    (library_id,) = add_libraries("Films")
    with writing():
        file_id = add_file(library_id, "a.mkv")
        queue.enqueue(file_id, stage="hash", lane="heavy", now_ms=NOW_MS)
        (job,) = queue.claim("heavy", NOW_MS)
        queue.read_name_again(file_id, NOW_MS)
    woken: list[str] = []
    call_when_work_comes(lambda: woken.append("names"))
    with writing():
        end(job)
    assert woken == ["names"]
    with writing():
        assert claim_one("names", NOW_MS)


def test_a_job_resumes_no_stage_that_is_switched_off_meanwhile(catalog: Path) -> None:
    (library_id,) = add_libraries("Films")
    with writing():
        _fail_at_hash_and_read_the_name_again(library_id)
        queue.drop_stage("hash")
        name = claim_one("names", NOW_MS)
        assert name, "the name is still to be read"
        assert not queue.end_reading_in_between([name])


def test_what_waits_for_its_library_says_so(catalog: Path) -> None:
    (library_id,) = add_libraries("Films")
    file_id = add_file(library_id, "a.mkv")
    with writing():
        queue.enqueue(file_id, stage="name", lane="names", now_ms=NOW_MS)
    (row,) = listed.list_files()
    assert (row["stage"], row["reason"]) == ("name", None)
    with writing():
        libraries.sync_libraries([], NOW_MS)
        queue.recover(lambda _attempts: NOW_MS)
    (row,) = listed.list_files()
    assert (row["stage"], row["reason"]) == (
        "name",
        "paused until it and its library can be read; see `reeld status`",
    )


TestQueue = QueueMachine.TestCase
TestQueue.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)


def test_the_queue_knows_which_stages_read_a_files_bytes() -> None:
    """Every stage counts as one that does, but for those that are named; never the first, which comes before them."""
    others = {stage.name for stage in STAGES_OF_THE_PIPELINE[1:] if not stage.reads_file}
    assert set(queue.NOT_READING_STAGES) <= others


def test_what_was_changed_last_comes_first_through_all_lanes(catalog: Path) -> None:
    library = add_libraries("Films")[0]
    ages_s = {"old.mkv": 400 * 86_400, "new.mkv": 0, "older.mkv": 4000 * 86_400, "recent.mkv": 3_600}
    with writing():
        for path, age_s in ages_s.items():
            row_id = video_files.record_settled(library, path, stamp(), NOW_MS)
            queue.enqueue(row_id, stage="name", lane="names", now_ms=NOW_MS, changed_ms=NOW_MS - age_s * 1000)
    expected = ["new.mkv", "recent.mkv", "old.mkv", "older.mkv"]
    for lane, following in (("names", "light"), ("light", "heavy")):
        order = []
        for _ in expected:
            with writing():
                (job,) = queue.claim(lane, NOW_MS)
                order.append(video_files.file_record(job.video_file_id).path)
                queue.move_on([job], stage="hash", lane=following, keep=False, now_ms=NOW_MS)
        assert order == expected


def test_what_has_waited_for_days_is_not_put_off_by_what_keeps_coming(catalog: Path) -> None:
    library = add_libraries("Films")[0]
    later_ms = NOW_MS + 2 * queue.HEAD_START_MS
    with writing():
        for path, now_ms, changed_ms in (("old.mkv", NOW_MS, 0), ("new.mkv", later_ms, later_ms)):
            row_id = video_files.record_settled(library, path, stamp(), NOW_MS)
            queue.enqueue(row_id, stage="name", lane="names", now_ms=now_ms, changed_ms=changed_ms)
        (job,) = queue.claim("names", later_ms)
        assert video_files.file_record(job.video_file_id).path == "old.mkv"


def test_where_very_many_wait_in_all_lanes_a_worker_takes_all_that_it_may(
    catalog: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "CROWD", 30)
    (library_id,) = add_libraries("Films")
    with writing():
        for number in range(40):
            file_id = video_files.record_settled(library_id, f"{number}.mkv", stamp(), NOW_MS)
            lane = "names" if number < 25 else "light"
            queue.enqueue(file_id, stage="name", lane=lane, now_ms=NOW_MS)

        def claimed(lane: str) -> int:
            return len(queue.claim(lane, NOW_MS, most=10, lanes=("names", "light", "heavy")))

        assert claimed("light") == 10, "40 wait"
        assert claimed("light") == 5, "30 wait"
        assert claimed("names") == 25 // queue.SHARERS, "25 wait"
