"""Which work waits, who does it, and what became of it?

A file has at most one job. A job moves from stage to stage in the same transaction that stores what the stage
found, so a kill at any moment leaves a stage done or not begun. Whoever holds the job's token may finish it;
a new version of the file takes the token away and so voids whatever is still under way.
"""

import secrets
from collections.abc import Callable

from reeld.catalog.clock import utc_from_ms
from reeld.catalog.models import JobRow, Library, VideoFile
from reeld.catalog.statements import change, rows, update_row
from reeld.domain.records import Job


def enqueue(video_file_id: int, *, stage: str, lane: str, now_ms: int) -> None:
    """Let the file begin at `stage`; a job that it already has begins anew, and its worker works in vain."""
    change(
        """
        INSERT INTO jobs (video_file_id, stage, lane, due_at_ms, created_at, state, token, attempts, last_error)
        VALUES (?, ?, ?, ?, ?, 'waiting', NULL, 0, NULL)
        ON CONFLICT (video_file_id) DO UPDATE SET
            stage = excluded.stage, lane = excluded.lane, due_at_ms = excluded.due_at_ms,
            state = 'waiting', token = NULL, attempts = 0, last_error = NULL
        """,
        video_file_id,
        stage,
        lane,
        now_ms,
        JobRow.created_at.db_value(utc_from_ms(now_ms)),
    )


def claim(lane: str, now_ms: int) -> Job | None:
    """The lane's next due job, ours from here on.

    Its attempt is counted before the work starts, so that a file which kills its worker is given up after a
    few attempts instead of being tried for ever.
    """
    claimed = rows(
        """
        UPDATE jobs SET state = 'running', token = ?, attempts = attempts + 1
        WHERE id = (SELECT id FROM jobs WHERE lane = ? AND state = 'waiting' AND due_at_ms <= ?
                    ORDER BY due_at_ms, id LIMIT 1)
        RETURNING id, video_file_id, stage, token, attempts
        """,
        secrets.token_hex(8),
        lane,
        now_ms,
    )
    if not claimed:
        return None
    job_id, video_file_id, stage, token, attempts = claimed[0]
    return Job(id=job_id, video_file_id=video_file_id, stage=stage, token=token, attempts=attempts)


def holds(job: Job) -> bool:
    """Whether the job is still ours: neither reset by a newer version of the file nor gone with it."""
    return bool(rows("SELECT 1 FROM jobs WHERE id = ? AND token = ?", job.id, job.token))


def move_on(job: Job, *, stage: str, lane: str, keep: bool, now_ms: int) -> None:
    """The job's stage is done; the next may begin, with its attempts counted from the start.

    `keep`: the same worker goes straight on (its first attempt is counted here) instead of queueing again.
    """
    _update(
        job,
        stage=stage,
        lane=lane,
        attempts=1 if keep else 0,
        last_error=None,
        **({} if keep else {"state": "waiting", "token": None, "due_at_ms": now_ms}),
    )


def finish(job: Job) -> None:
    """All stages are done: the file needs no more work."""
    change("DELETE FROM jobs WHERE id = ? AND token = ?", job.id, job.token)


def put_back(job: Job, *, due_at_ms: int, error: str | None, counts: bool) -> None:
    """Try again later. `counts` is False where the file was not at fault."""
    attempts = job.attempts if counts else job.attempts - 1
    _update(job, state="waiting", token=None, due_at_ms=due_at_ms, last_error=error, attempts=attempts)


def set_aside(job: Job, *, error: str) -> None:
    """Give up on the file until it changes; a person sees the reason."""
    _update(job, state="set_aside", token=None, last_error=error)


def pause(library_id: int) -> None:
    """The library cannot be looked at: let its files' jobs wait, without attempts, until it can."""
    _of_library(library_id, "waiting", "paused")


def resume(library_id: int) -> None:
    """The library is back: its files' jobs may go on."""
    _of_library(library_id, "paused", "waiting")


def retry_set_aside(video_file_id: int, now_ms: int) -> int:
    """Something about the file changed: if it was given up, it gets its attempts anew. How many jobs: one or none."""
    return change(
        "UPDATE jobs SET state = 'waiting', token = NULL, attempts = 0, due_at_ms = ? "
        "WHERE video_file_id = ? AND state = 'set_aside'",
        now_ms,
        video_file_id,
    )


def retry_all_set_aside(now_ms: int) -> int:
    """A person says that what hindered them is mended; how many files get their attempts anew."""
    return change(
        "UPDATE jobs SET state = 'waiting', token = NULL, attempts = 0, due_at_ms = ? WHERE state = 'set_aside'", now_ms
    )


def drop_stage(stage: str) -> None:
    """This stage is not wanted any more."""
    JobRow.delete().where(JobRow.stage == stage).execute()


def drop(video_file_ids: list[int]) -> None:
    """These files need no work any more."""
    JobRow.delete().where(JobRow.video_file.in_(video_file_ids)).execute()


def recover(due_ms: Callable[[int], int]) -> int:
    """Give back what a process that ended left under way; how many jobs. For the catalogue's one owner.

    `due_ms` says when a job of so many attempts is due. The jobs of libraries that are not configured any more wait,
    as those of one that is away do.
    """
    under_way = rows("SELECT id, attempts FROM jobs WHERE state = 'running'")
    for job_id, attempts in under_way:
        update_row(JobRow, job_id, state="waiting", token=None, due_at_ms=due_ms(attempts))
    for library in Library.select(Library.id).where(Library.state == "removed"):
        pause(library.id)
    return len(under_way)


def next_due_ms(lane: str) -> int | None:
    """When the lane's next waiting job is due; None when it has none."""
    first = (
        JobRow.select(JobRow.due_at_ms)
        .where(JobRow.lane == lane, JobRow.state == "waiting")
        .order_by(JobRow.due_at_ms)
        .limit(1)
        .tuples()
    )
    return next((due for (due,) in first), None)


def live_count() -> int:
    """How many jobs wait or run; those that were set aside, or whose library is away, do not count."""
    return int(JobRow.select().where(JobRow.state.in_(["waiting", "running"])).count())


def _of_library(library_id: int, before: str, after: str) -> None:
    its_files = VideoFile.select(VideoFile.id).where(VideoFile.library == library_id)
    JobRow.update(state=after).where(JobRow.state == before, JobRow.video_file.in_(its_files)).execute()


def _update(job: Job, **values: object) -> None:
    if holds(job):
        update_row(JobRow, job.id, **values)
