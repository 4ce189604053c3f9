"""The queue of jobs: enqueue, claim, move on, requeue, pause, fail.

A file has at most one job. A job moves from stage to stage in the transaction that stores the stage's
result, so a kill leaves a stage done or not begun. Only the worker that holds the job's token may finish
it. A new version of the file takes the token away, so that the result of a running stage is discarded.

Each function that lets a job wait calls `work_has_come`, which wakes the sleeping workers after the commit.
"""

import json
import os
import secrets
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

from peewee import chunked

from reeld.catalog.folders import files_inside
from reeld.catalog.media import reread_lately
from reeld.catalog.models import JobRow, Library, VideoFile
from reeld.database.connection import work_has_come
from reeld.database.fields import utc_from_ms
from reeld.database.statements import change, rows, update_row, update_where
from reeld.domain.records import Job
from reeld.domain.states import JobState, LibraryState

NOT_READING_STAGES = ("identify", "match_copies")
"""The stages that compare no bytes with what is stored, and come after one that did. Every other one reads the file."""

IDENTIFY_STAGE, NAMES_LANE = "identify", "names"

_IN_DOUBT = "is_in_doubt AND COALESCE(reread_at, '') NOT BETWEEN ? AND ?"
"""Between two moments, see `media.reread_lately`."""

_READS_NO_NAME = "stage NOT IN ('name', 'identify')"

_READ_NAME_IN_BETWEEN = f"""
    UPDATE jobs SET
        resumes = json_object(
            'stage', stage, 'lane', lane, 'state', IIF(state = 'failed', 'failed', 'waiting'), 'attempts', attempts,
            'due_at_ms', due_at_ms, 'last_error', last_error, 'awaited_until_ms', awaited_until_ms,
            'interruptions', interruptions, 'is_backfill', is_backfill, 'is_denied', is_denied),
        stage = '{IDENTIFY_STAGE}', lane = '{NAMES_LANE}', state = IIF(state = 'paused', 'paused', 'waiting'),
        attempts = 0, due_at_ms = ?, last_error = NULL, awaited_until_ms = NULL, interruptions = 0, is_backfill = 0,
        is_denied = 0, is_name_stale = 0
"""  # noqa: S608 - constants

_THESE = "id IN (SELECT value FROM json_each(?)) AND token = ?"

_MOVE_ON = f"""
    UPDATE jobs SET
        stage = ?, lane = ?, state = 'waiting', token = NULL, attempts = 0, due_at_ms = min(due_at_ms, ?),
        last_error = NULL, awaited_until_ms = NULL, interruptions = 0, is_backfill = is_backfill OR ?
    WHERE {_THESE} RETURNING id, is_name_stale
"""  # noqa: S608 - constants

_KEEP = f"""
    UPDATE jobs SET
        stage = ?, lane = ?, attempts = 1, last_error = NULL, awaited_until_ms = NULL, interruptions = 0,
        is_backfill = is_backfill OR ?
    WHERE {_THESE}
"""  # noqa: S608 - constants

_READ_NAME_AT_LAST = f"""
    UPDATE jobs SET
        stage = '{IDENTIFY_STAGE}', lane = '{NAMES_LANE}', state = 'waiting', token = NULL, attempts = 0,
        is_name_stale = 0
    WHERE {_THESE}
"""  # noqa: S608 - constants

SHARERS = 4
"""One worker claims at most this fraction of the waiting jobs at once, so that the others have their share."""

CROWD = 1000
"""Where so many jobs wait in all lanes, a worker claims all that it may: then each commit counts, not who waits."""

FARTHEST_DUE_MS = 10_800_000
"""Three hours: several times the longest delay of pipeline/retry.py."""

LAST_MOMENT_MS = (1 << 63) - 1
"""The largest number that SQLite holds."""


HEAD_START_MS = 86_400_000
"""A day. So much earlier a file that has just changed is due than one that is years old."""


FIRST_CHANGE_DELAY_MS, LONGEST_CHANGE_DELAY_MS = 30_000, 3_600_000
"""How long a file waits that changed twice while its job read it. Each time it waits twice as long, up to an hour."""

_CHANGE_DELAY_MS = (
    f"IIF(changes < 2, 0, MIN({FIRST_CHANGE_DELAY_MS} << MIN(changes - 2, 20), {LONGEST_CHANGE_DELAY_MS}))"
)


def enqueue(video_file_id: int, *, stage: str, lane: str, now_ms: int, changed_ms: int = 0) -> None:
    """Queue the file at `stage`. A job that it already has begins again, and the result of its worker is discarded.

    The file that changed last comes first, since the user may be looking for it. All are due at once. Each second of a
    file's age puts it a millisecond behind, until the head start is used up. Only a file that goes on changing while it
    is read is due later.
    """
    age_s = max(0, now_ms - changed_ms) // 1000
    change(
        f"""
        INSERT INTO jobs (video_file_id, stage, lane, due_at_ms, created_at, state, token, attempts, last_error)
        VALUES (?, ?, ?, ?, ?, 'waiting', NULL, 0, NULL)
        ON CONFLICT (video_file_id) DO UPDATE SET
            stage = excluded.stage, lane = excluded.lane,
            due_at_ms = IIF(changes < 2, excluded.due_at_ms, ? + {_CHANGE_DELAY_MS}),
            state = 'waiting', token = NULL, attempts = 0, last_error = NULL, awaited_until_ms = NULL,
            interruptions = 0, is_backfill = 0, is_name_stale = 0, resumes = NULL
        """,  # noqa: S608 - numbers of ours
        video_file_id,
        stage,
        lane,
        now_ms - HEAD_START_MS + min(age_s, HEAD_START_MS),
        JobRow.created_at.db_value(utc_from_ms(now_ms)),
        now_ms,
    )
    work_has_come()


def enqueue_new(after_id: int, *, stage: str, lane: str, now_ms: int) -> None:
    """Queue all files whose ids are beyond this one, and which have no jobs, as `enqueue` queues one of them."""
    age_s = "MAX(0, ? - MAX(mtime_ns, ctime_ns) / 1000000) / 1000"
    change(
        f"""
        INSERT INTO jobs (video_file_id, stage, lane, due_at_ms, created_at, state, attempts)
        SELECT id, ?, ?, ? + MIN({age_s}, {HEAD_START_MS}), ?, 'waiting', 0 FROM video_files WHERE id > ?
        """,  # noqa: S608 - numbers of ours
        stage,
        lane,
        now_ms - HEAD_START_MS,
        now_ms,
        JobRow.created_at.db_value(utc_from_ms(now_ms)),
        after_id,
    )
    work_has_come()


def enqueue_if_idle(video_file_id: int, *, stage: str, lane: str, due_at_ms: int, now_ms: int) -> None:
    """Queue the file at `stage`, due at that time, unless it has a job, which comes to this stage anyway."""
    _insert(video_file_id, stage, lane, due_at_ms, now_ms)
    # Else a job that only fills something in comes to its stages behind all others.
    change("UPDATE jobs SET is_backfill = 0 WHERE video_file_id = ? AND is_backfill", video_file_id)
    work_has_come()


def _insert(video_file_id: int, stage: str, lane: str, due_at_ms: int, now_ms: int) -> None:
    """Queue the file if it has no job."""
    change(
        "INSERT OR IGNORE INTO jobs (video_file_id, stage, lane, due_at_ms, created_at, state, attempts) "
        "VALUES (?, ?, ?, ?, ?, 'waiting', 0)",
        video_file_id,
        stage,
        lane,
        due_at_ms,
        JobRow.created_at.db_value(utc_from_ms(now_ms)),
    )


def read_name_again(video_file_id: int, now_ms: int) -> None:
    """Let the file's name be read again soon, at each stage of its job, since what the verdict came from changed.

    A job that reads the name begins again. Another one reads the name in between, and then is again what it was, also
    one that failed or awaits the file's end. One that is running goes on first: in a folder that changes often a large
    file would never be hashed.
    """
    _insert(video_file_id, IDENTIFY_STAGE, NAMES_LANE, now_ms, now_ms)
    its = "video_file_id = ?"
    change(f"UPDATE jobs SET is_name_stale = 1 WHERE {its} AND state = 'running' AND {_READS_NO_NAME}", video_file_id)  # noqa: S608
    change(
        f"""
        UPDATE jobs SET state = 'waiting', token = NULL, attempts = 0, last_error = NULL, due_at_ms = ?
        WHERE {its} AND state IN ('running', 'failed') AND NOT ({_READS_NO_NAME})
        """,  # noqa: S608 - constants
        now_ms,
        video_file_id,
    )
    change(f"{_READ_NAME_IN_BETWEEN} WHERE {its} AND state <> 'running' AND {_READS_NO_NAME}", now_ms, video_file_id)
    work_has_come()


def end_reading_in_between(jobs: Sequence[Job]) -> set[int]:
    """Let the jobs that read the name in between be again what they were. Return the ids of those."""
    by_id = {job.id: job for job in jobs}
    found = [
        each
        for ids, token in _by_token(jobs)
        for each in rows(f"SELECT id, resumes FROM jobs WHERE {_THESE} AND resumes IS NOT NULL", ids, token)  # noqa: S608
    ]
    for job_id, text in found:
        before = json.loads(text)
        state = JobState.PAUSED if _is_away(by_id[job_id]) else before.pop("state")
        update_row(JobRow, job_id, **{**before, "state": state, "token": None, "resumes": None})
        work_has_come()
    return {job_id for job_id, _ in found}


def _read_stale_names(job_id: int | None = None) -> None:
    """Let those jobs read the name in between, or this job, whose running stage is over now."""
    its, values = ("", ()) if job_id is None else ("AND id = ?", (job_id,))
    if change(f"{_READ_NAME_IN_BETWEEN} WHERE is_name_stale AND state <> 'running' {its}", 0, *values):
        work_has_come()


def enqueue_lacking(*, stage: str, lane: str, version: int, also_in_doubt: bool, now_ms: int) -> int:
    """Queue every known file at a stage whose `version` has not run for its bytes; return how many.

    `also_in_doubt` adds those of `enqueue_in_doubt`. Left out are files that are missing, or were never read, or that
    the rules skip, or have a job, which comes to this stage anyway. The jobs wait for all others.
    """
    lacking = "COALESCE(json_extract(stages_done, ?), 0) < ?"
    if also_in_doubt:
        lacking = f"({lacking} OR ({_IN_DOUBT}))"
    parameters = (f"$.{stage}", version, *(reread_lately(now_ms) if also_in_doubt else ()))
    return _enqueue_behind("video_files", lacking, parameters, stage, lane, now_ms)


def enqueue_in_doubt(*, stage: str, lane: str, now_ms: int) -> int:
    """Queue the known files whose bytes may have changed, unless they were read for that within a day; return how many.

    It asks an index, and costs nothing where no file is in doubt.
    """
    # By itself SQLite reads all files of each library.
    of_index = "video_files INDEXED BY video_files_in_doubt"
    return _enqueue_behind(of_index, _IN_DOUBT, reread_lately(now_ms), stage, lane, now_ms)


def _enqueue_behind(
    table: str, condition: str, parameters: Sequence[object], stage: str, lane: str, now_ms: int
) -> int:
    queued = change(
        f"""
        INSERT INTO jobs (video_file_id, stage, lane, state, due_at_ms, attempts, created_at, is_backfill)
        SELECT video_files.id, ?, ?, IIF(libraries.state IN ('online', 'on_hold'), 'waiting', 'paused'), ?, 0, ?, 1
        FROM {table} JOIN libraries ON libraries.id = library_id
        WHERE video_files.state = 'present' AND libraries.state <> 'removed' AND verdict IS NOT NULL
            AND stages_done <> '{{}}' AND COALESCE(decided_by, '') <> 'rules' AND {condition}
            AND NOT EXISTS (SELECT 1 FROM jobs WHERE video_file_id = video_files.id)
        """,  # noqa: S608 - conditions of ours
        stage,
        lane,
        now_ms,
        JobRow.created_at.db_value(utc_from_ms(now_ms)),
        *parameters,
    )
    work_has_come()
    return queued


def claim(
    lane: str,
    now_ms: int,
    *,
    most: int = 1,
    most_bytes: int | None = None,
    busy: Sequence[int] = (),
    lanes: Sequence[str] = (),
) -> list[Job]:
    """Claim the next due jobs of a lane; under load a batch of one library.

    `lanes` are all lanes: where very many jobs wait in them together, a batch is as large as it may be.

    A batch has at most `most` jobs, and beyond the first at most `most_bytes` of files. None is on a `busy` device.
    Attempts are counted before the work starts, so that a file that kills its worker fails after a few attempts. A job
    that was attempted before is claimed alone, so that no other file pays for it. A job that is due later than any can
    be is due now: the clock was put back.
    """
    far_ms = now_ms + FARTHEST_DUE_MS
    due = next(
        filter(
            None,
            (
                _due(lane, from_ms, until_ms, most, busy, lanes, is_backfill=is_backfill)
                for is_backfill in (False, True)
                for from_ms, until_ms in ((0, now_ms), (far_ms, LAST_MOMENT_MS))
            ),
        ),
        [],
    )
    chosen = _batch(due, most_bytes)
    if not chosen:
        return []
    token = secrets.token_hex(8)
    ids = json.dumps([job.id for job in chosen])
    change(
        "UPDATE jobs SET state = 'running', token = ?, attempts = attempts + 1 "
        "WHERE id IN (SELECT value FROM json_each(?))",
        token,
        ids,
    )
    return [
        Job(
            id=job.id,
            video_file_id=job.video_file_id,
            stage=job.stage,
            token=token,
            attempts=job.attempts + 1,
        )
        for job in chosen
    ]


def holds(job: Job) -> bool:
    """Whether the job is still claimed by this token: neither reset nor deleted."""
    return bool(held([job]))


def held(jobs: Iterable[Job]) -> set[int]:
    """The ids of those jobs that are still claimed by their tokens: neither reset nor deleted."""
    return {
        job_id
        for ids, token in _by_token(jobs)
        for (job_id,) in rows(f"SELECT id FROM jobs WHERE {_THESE}", ids, token)  # noqa: S608 - constants
    }


def move_on(
    jobs: Sequence[Job], *, stage: str, lane: str, keep: bool, now_ms: int, is_last_in_line: bool = False
) -> None:
    """Move jobs to their next stage, with their attempts counted from zero.

    `keep`: the same worker goes straight on, and its first attempt is counted here. Else a job keeps its place in
    the queue, or, with `is_last_in_line`, waits until no other job of its lane is due.
    """
    for ids, token in _by_token(jobs):
        if keep:
            change(_KEEP, stage, lane, is_last_in_line, ids, token)
            continue
        for job_id, is_name_stale in rows(_MOVE_ON, stage, lane, now_ms, is_last_in_line, ids, token):
            if is_name_stale:
                _read_stale_names(job_id)
        work_has_come()


def finish(jobs: Sequence[Job]) -> None:
    """Delete jobs whose stages are all done, unless the name must be read again."""
    for ids, token in _by_token(jobs):
        change(f"DELETE FROM jobs WHERE {_THESE} AND NOT is_name_stale", ids, token)  # noqa: S608 - constants
        if change(_READ_NAME_AT_LAST, ids, token):
            work_has_come()


def release(jobs: Iterable[Job], now_ms: int) -> None:
    """Release jobs that were not begun, without counting an attempt. Those of a library that went away are paused."""
    for job in jobs:
        requeue(job, due_at_ms=now_ms, error=None, counts=False)


def _by_token(jobs: Iterable[Job]) -> Iterator[tuple[str, str]]:
    """Yield each token with the ids of its jobs, as JSON. The jobs of one claim share theirs."""
    by_token: dict[str, list[int]] = defaultdict(list)
    for job in jobs:
        by_token[job.token].append(job.id)
    for token, ids in by_token.items():
        yield json.dumps(ids), token


def requeue(
    job: Job,
    *,
    due_at_ms: int,
    error: str | None,
    counts: bool,
    awaited_until_ms: int | None = None,
    was_interrupted: bool = False,
    is_gone: bool = False,
    has_changed: bool = False,
) -> None:
    """Run the stage again later. `counts` is False where the file was not at fault, as when its library went away.

    `awaited_until_ms`: the file ends too early, and its end is awaited until then, checked again at `due_at_ms`.
    `was_interrupted`: reeld ends, or restarts. `is_gone`: the file was not found as it is known. If its library is on
    hold, the job is paused, as `pause_files` pauses those that were not running when the hold began. `has_changed`: it
    changed while it was read, and is due later each time.
    """
    if has_changed:
        change("UPDATE jobs SET changes = changes + 1 WHERE id = ? AND token = ?", job.id, job.token)
        due_at_ms += sum(delay_ms for (delay_ms,) in rows(f"SELECT {_CHANGE_DELAY_MS} FROM jobs WHERE id = ?", job.id))  # noqa: S608
    if was_interrupted:
        change("UPDATE jobs SET interruptions = interruptions + 1 WHERE id = ? AND token = ?", job.id, job.token)
    is_away = _is_away(job)
    attempts = job.attempts if counts and not is_away else job.attempts - 1
    state = JobState.PAUSED if is_away or (is_gone and _is_on_hold(job)) else JobState.WAITING
    awaited = {"awaited_until_ms": awaited_until_ms}
    _update(job, state=state, token=None, due_at_ms=due_at_ms, last_error=error, attempts=attempts, **awaited)
    _read_stale_names(job.id)
    work_has_come()


def fail(job: Job, *, error: str, is_denied: bool = False) -> None:
    """Fail the job until the file changes, with the reason for the user. If its library went away, pause it instead.

    `is_denied`: only the right to read the file is missing, and no event says when it is given.
    """
    state = JobState.PAUSED if _is_away(job) else JobState.FAILED
    _update(job, state=state, token=None, last_error=error, is_denied=is_denied, awaited_until_ms=None)
    _read_stale_names(job.id)


def denied(library_id: int, most: int) -> list[tuple[int, str]]:
    """Return the ids and relative paths of at most so many files whose jobs failed for a missing right."""
    found = rows(
        "SELECT video_files.id, path FROM jobs JOIN video_files ON video_files.id = video_file_id "
        "WHERE jobs.state = 'failed' AND is_denied AND library_id = ? LIMIT ?",
        library_id,
        most,
    )
    return [(row_id, VideoFile.path.python_value(path)) for row_id, path in found]


def pause(library_id: int, below: str = "") -> None:
    """Pause the jobs of a library, or of a folder of it, that cannot be read, without counting attempts.

    Running jobs go on until they end, or fail and are requeued.
    """
    _of_library(library_id, below, [JobState.WAITING], state=JobState.PAUSED)


def pause_files(library_id: int, video_file_ids: Collection[int]) -> None:
    """Pause the jobs of files that are not at their paths, until it is known whether they are gone."""
    if not video_file_ids:
        return
    of_library = JobRow.select(JobRow.video_file).join(VideoFile).where(VideoFile.library == library_id)
    waiting = {row_id for (row_id,) in of_library.where(JobRow.state == JobState.WAITING).tuples()}
    for ids in chunked(waiting.intersection(video_file_ids), 500):
        JobRow.update(state=JobState.PAUSED).where(
            JobRow.video_file.in_(ids), JobRow.state == JobState.WAITING
        ).execute()


def release_and_pause(jobs: Sequence[Job]) -> None:
    """Release these jobs without counting an attempt, and pause all jobs of their library."""
    for job in jobs:
        _update(job, state=JobState.PAUSED, token=None, attempts=job.attempts - 1)
        _read_stale_names(job.id)
    pause(VideoFile.get_by_id(jobs[0].video_file_id).library_id)


def resume(library_id: int, *, is_back: bool) -> None:
    """Resume the jobs of a library that can be read.

    `is_back`: the library was away. Then failed jobs are tried again too, since its disk may have been the cause.
    """
    _of_library(library_id, "", [JobState.PAUSED], state=JobState.WAITING)
    if is_back:
        _of_library(library_id, "", [JobState.FAILED], state=JobState.WAITING, attempts=0)
        its_files = "AND video_file_id IN (SELECT id FROM video_files WHERE library_id = ?)"
        change(f"{_RESUME_NOT_FAILED} {its_files}", library_id)
    work_has_come()


def resume_jobs(library_id: int) -> None:
    """Resume the jobs of a library whose disk works again, unless the library cannot be read."""
    library = Library.get_by_id(library_id)
    if library.state in (LibraryState.ONLINE, LibraryState.ON_HOLD):
        resume(library_id, is_back=False)
        for folder in (library.filesystem_identity or {}).get("away", ()):
            pause(library_id, below=folder)


_RETRY = """
    UPDATE jobs SET token = NULL, attempts = 0, due_at_ms = ?, state = (
        SELECT IIF(libraries.state IN ('online', 'on_hold'), 'waiting', 'paused')
        FROM video_files JOIN libraries ON libraries.id = library_id WHERE video_files.id = video_file_id)
    WHERE state = 'failed'
"""
"""Jobs of a library that is away are paused until it is back."""

_RESUME_NOT_FAILED = """
    UPDATE jobs SET resumes = json_set(resumes, '$.state', 'waiting', '$.attempts', 0)
    WHERE json_extract(resumes, '$.state') = 'failed'
"""
"""Jobs that failed, and read their names in between, are tried again after that."""


def retry_failed(video_file_id: int, now_ms: int) -> int:
    """Try the file's job again if it failed, with its attempts counted from zero; return how many jobs, 0 or 1."""
    work_has_come()
    its = "AND video_file_id = ?"
    return change(f"{_RETRY} {its}", now_ms, video_file_id) or change(f"{_RESUME_NOT_FAILED} {its}", video_file_id)


def retry_all_failed(now_ms: int) -> int:
    """Try all failed jobs again, since the user removed the cause; return how many."""
    work_has_come()
    return change(_RETRY, now_ms) + change(_RESUME_NOT_FAILED)


def drop_stage(stage: str) -> None:
    """Delete all jobs at `stage`. A job that reads its name in between does not go back to it."""
    JobRow.delete().where(JobRow.stage == stage).execute()
    change("UPDATE jobs SET resumes = NULL WHERE json_extract(resumes, '$.stage') = ?", stage)


def drop(video_file_ids: list[int]) -> None:
    """Delete the jobs of files that are gone or ignored.

    A job may have been going to check whether the bytes changed. Then they are in doubt from here on.
    """
    theirs = JobRow.select(JobRow.video_file).where(
        JobRow.video_file.in_(video_file_ids),
        JobRow.stage.not_in(NOT_READING_STAGES) | JobRow.resumes.is_null(False),
        ~JobRow.is_backfill,
    )
    was_read = VideoFile.file_hash.is_null(False)
    VideoFile.update(is_in_doubt=True).where(VideoFile.id.in_(theirs), was_read).execute()
    JobRow.delete().where(JobRow.video_file.in_(video_file_ids)).execute()


def recover(due_ms: Callable[[int], int]) -> int:
    """Release the jobs that an ended process left running; return how many. For the catalogue's one owner.

    `due_ms` says when a job of so many attempts is due. Files whose end is awaited are looked at now. Jobs of libraries
    that are no longer configured are paused.
    """
    under_way = rows("SELECT id, attempts, interruptions FROM jobs WHERE state = 'running'")
    for job_id, attempts, interruptions in under_way:
        values = {"state": JobState.WAITING, "token": None, "due_at_ms": due_ms(attempts)}
        update_row(JobRow, job_id, **values, interruptions=interruptions + 1)
    _read_stale_names()
    sooner = "UPDATE jobs SET due_at_ms = MIN(due_at_ms, ?) WHERE state = 'waiting' AND awaited_until_ms IS NOT NULL"
    change(sooner, due_ms(0))
    for library in Library.select(Library.id).where(Library.state == LibraryState.REMOVED):
        pause(library.id)
    work_has_come()
    return len(under_way)


def release_all(now_ms: int) -> None:
    """Release all running jobs without counting an attempt; late results are discarded."""
    change(
        "UPDATE jobs SET state = 'waiting', token = NULL, attempts = attempts - 1, due_at_ms = ? "
        "WHERE state = 'running'",
        now_ms,
    )
    _read_stale_names()
    work_has_come()


def next_due_ms(lane: str, busy: Sequence[int] = ()) -> int | None:
    """Return when the lane's next waiting job is due that is on none of these devices; None when it has none."""
    # Each of the two by the index.
    sql = "SELECT due_at_ms FROM jobs WHERE lane = ? AND state = 'waiting' AND is_backfill = ?"
    if busy:
        sql = (
            "SELECT due_at_ms FROM jobs JOIN video_files ON video_files.id = video_file_id "  # noqa: S608 - question marks
            f"WHERE lane = ? AND jobs.state = 'waiting' AND is_backfill = ? AND {_not_on(busy)}"
        )
    first = f"{sql} ORDER BY due_at_ms LIMIT 1"
    found = [rows(first, lane, is_backfill, *_as_stored(busy)) for is_backfill in (False, True)]
    return min((due for each in found for (due,) in each), default=None)


def live_count(before_ms: int, *, most: int) -> int:
    """Count the jobs that run, or are due before then, up to `most`.

    Failed jobs, and those of a library that is away, do not count.
    """
    is_due = (JobRow.state == JobState.WAITING) & (JobRow.due_at_ms < before_ms)
    return len(JobRow.select(JobRow.id).where(is_due | (JobRow.state == JobState.RUNNING)).limit(most).tuples())


def running_count() -> int:
    return int(rows("SELECT COUNT(*) FROM jobs WHERE state = 'running'")[0][0])


def put_off(until_ms: int) -> list[str]:
    """Return the absolute paths of the files whose jobs are not due before then."""
    later = JobRow.select(Library.path, VideoFile.path).join(VideoFile).join(Library)
    later = later.where(JobRow.state == JobState.WAITING, JobRow.due_at_ms >= until_ms).order_by(
        Library.path, VideoFile.path
    )
    return [os.path.join(root, path) for root, path in later.tuples()]


class _Due(NamedTuple):
    """A waiting job that may be claimed."""

    id: int
    video_file_id: int
    stage: str
    attempts: int
    library_id: int
    size_bytes: int


def _due(
    lane: str,
    from_ms: int,
    until_ms: int,
    most: int,
    busy: Sequence[int],
    lanes: Sequence[str],
    *,
    is_backfill: bool,
) -> list[_Due]:
    """Return the lane's first jobs that are due between these moments: one worker's share of all."""
    where = "lane = ? AND jobs.state = 'waiting' AND is_backfill = ? AND due_at_ms BETWEEN ? AND ?"
    which: tuple[object, ...] = (lane, is_backfill, from_ms, until_ms)
    tables = "jobs"
    if busy:
        tables += " JOIN video_files ON video_files.id = video_file_id"
        where += f" AND {_not_on(busy)}"
        which += tuple(_as_stored(busy))
    # Counted by the index alone, and no further than it matters.
    ((waiting,),) = rows(f"SELECT COUNT(*) FROM (SELECT 1 FROM {tables} WHERE {where} LIMIT ?)", *which, most * SHARERS)  # noqa: S608
    if not waiting:
        return []
    found = rows(
        f"""
        SELECT jobs.id, video_file_id, stage, attempts, library_id, size_bytes
        FROM jobs JOIN video_files ON video_files.id = video_file_id
        WHERE {where} ORDER BY due_at_ms, jobs.id LIMIT ?
        """,  # noqa: S608 - question marks
        *which,
        min(most, waiting) if waiting > SHARERS and _is_crowded(lanes) else max(1, waiting // SHARERS),
    )
    return [_Due(*row) for row in found]


def _is_crowded(lanes: Sequence[str]) -> bool:
    """Whether very many jobs wait in these lanes, as the index tells."""
    sql = f"SELECT 1 FROM jobs WHERE lane IN ({', '.join('?' * len(lanes))}) AND state = 'waiting' AND is_backfill = 0"  # noqa: S608
    return len(rows(f"{sql} LIMIT ?", *lanes, CROWD)) == CROWD


def _not_on(devices: Sequence[int]) -> str:
    return f"device NOT IN ({', '.join('?' * len(devices))})" if devices else "1"


def _as_stored(devices: Sequence[int]) -> list[object]:
    return [VideoFile.device.db_value(device) for device in devices]


def _batch(due: Sequence[_Due], most_bytes: int | None) -> list[_Due]:
    """Choose the jobs that one worker takes together: the first, and those after it that are alike."""
    chosen: list[_Due] = []
    total_bytes = 0
    for job in due:
        total_bytes += job.size_bytes
        is_alike = job.library_id == due[0].library_id and not job.attempts and not due[0].attempts
        if chosen and not (is_alike and (most_bytes is None or total_bytes <= most_bytes)):
            break
        chosen.append(job)
    return chosen


def _of_library(library_id: int, below: str, before: list[str], **values: object) -> None:
    its_files = VideoFile.select(VideoFile.id).where(files_inside(library_id, below))
    JobRow.update(**values).where(JobRow.state.in_(before), JobRow.video_file.in_(its_files)).execute()


def _is_on_hold(job: Job) -> bool:
    return bool(
        VideoFile.select(VideoFile.id)
        .join(Library)
        .where(VideoFile.id == job.video_file_id, Library.state == LibraryState.ON_HOLD)
        .tuples()
    )


def _is_away(job: Job) -> bool:
    """Whether the file's library, or its folder, cannot be read, so that the file is not to blame."""
    file = VideoFile.select(VideoFile, Library).join(Library).where(VideoFile.id == job.video_file_id).get()
    away = (
        [""]
        if file.library.state in (LibraryState.OFFLINE, LibraryState.UNVERIFIED, LibraryState.REMOVED)
        else (file.library.filesystem_identity or {}).get("away")
    )
    return any(folder in ("", file.directory) or file.directory.startswith(f"{folder}/") for folder in away or ())


def _update(job: Job, **values: object) -> None:
    update_where(JobRow, "id = ? AND token = ?", job.id, job.token, **values)
