"""Counts of the whole catalogue: what there is, what is left to do, what waits, and the libraries."""

import os
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from peewee import SQL, Case, fn

from reeld.catalog import sidecar_views, verification
from reeld.catalog.models import (
    Episode,
    EpisodeFile,
    JobRow,
    Library,
    VideoFile,
)
from reeld.database.base import Row
from reeld.database.connection import reading
from reeld.database.statements import rows
from reeld.domain.states import FileState, FileVerdict, JobState, LibraryState
from reeld.domain.times import rfc3339

_PRESENT = VideoFile.state == FileState.PRESENT

_LIVE_STATES = (JobState.WAITING, JobState.RUNNING)
_LIVE = JobRow.state.in_(_LIVE_STATES)
"""Jobs that go on without a user. Those of files whose end is awaited are no work: reeld can only wait."""

MANY_CHANGES = 2
_IS_CHANGING = (JobRow.changes >= MANY_CHANGES) & _LIVE

_IS_AWAITED = JobRow.awaited_until_ms.is_null(False)


def counts() -> Row:
    """Count everything there is, and the work that is left, by stage. Works count that have a present file.

    `awaited` counts files that end before their containers do and may go on; they are no work. `in_doubt` counts those
    whose bytes may be others than the hash says, `changing` those that go on changing while they are read. `problems`
    counts, by kind, those that were not as their hashes when they were verified,
    and `orphans` the sidecars without a video.
    """
    with reading():
        by_state = dict(VideoFile.select(VideoFile.state, fn.COUNT()).group_by(VideoFile.state).tuples())
        by_verdict = dict(
            VideoFile.select(fn.COALESCE(VideoFile.verdict, "unread"), fn.COUNT())
            .where(VideoFile.state == FileState.PRESENT)
            .group_by(VideoFile.verdict)
            .tuples()
        )
        work = _jobs_by_kind()
        # The plus keeps SQLite from reading all files by the index of their hashes.
        in_doubt = VideoFile.select().where(SQL("is_in_doubt"), _PRESENT, SQL("+file_hash IS NOT NULL")).count()
        changing = JobRow.select().where(_IS_CHANGING).count()
        movies = VideoFile.select(VideoFile.movie).where(_PRESENT, VideoFile.movie.is_null(False)).distinct()
        episodes = EpisodeFile.select(EpisodeFile.episode).join(VideoFile).where(_PRESENT).distinct()
        series = Episode.select(Episode.series).join(EpisodeFile).join(VideoFile).where(_PRESENT).distinct()
        works = {"movies": movies.count(), "series": series.count(), "episodes": episodes.count()}
    return {
        "files": {state.value: 0 for state in FileState} | by_state,
        "verdicts": {"accepted": 0, "pending": 0, "rejected": 0, "ignored": 0, "unread": 0} | by_verdict,
        **works,
        "queue": _by_stage(work),
        "in_doubt": in_doubt,
        "problems": verification.problems(),
        "changing": changing,
        "awaited": sum(number for _, state, is_awaited, number in work if is_awaited and state in _LIVE_STATES),
        "paused": sum(number for _, state, _, number in work if state == JobState.PAUSED),
        "failed": sum(number for _, state, _, number in work if state == JobState.FAILED),
        "orphans": sidecar_views.count_orphans(),
    }


def left_by_stage() -> dict[str, int]:
    """Count the files that are work, by their next stage: `counts()["queue"]` by itself."""
    with reading():
        return _by_stage(_jobs_by_kind())


def totals() -> Row:
    """Count for one line: present `files`, files in `work` or `failed`, and `pending` validations.

    `away` holds the state of each library that is not well, by name; online means that a part of it is away. Indexes
    answer all of it, so it is cheap.
    """
    with reading():
        by_verdict = dict(
            VideoFile.select(VideoFile.verdict, fn.COUNT())
            .where(VideoFile.state == FileState.PRESENT)
            .group_by(VideoFile.verdict)
            .tuples()
        )
        work = JobRow.select().where(_LIVE, ~_IS_AWAITED).count()
        failed = JobRow.select().where(JobRow.state == JobState.FAILED).count()
        is_well = (Library.state == LibraryState.ONLINE) & Library.state_reason.is_null()
        away = dict(
            Library.select(Library.name, Library.state).where(~is_well, Library.state != LibraryState.REMOVED).tuples()
        )
    return {
        "files": sum(by_verdict.values()),
        "work": work,
        "failed": failed,
        "pending": by_verdict.get(FileVerdict.PENDING, 0),
        "away": away,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkLeft:
    """What the queue holds and a worker may do now."""

    files: int
    files_to_read: int
    """Those whose names or headers are still to be read."""
    bytes_to_hash: int
    """The sizes of all files that will be read as a whole."""


def work_left() -> WorkLeft:
    """Sum up the queue. It reads all jobs: some 60 ms for 100,000."""
    with reading():
        ((files, to_read, to_hash),) = rows(
            """
            SELECT COUNT(*), COALESCE(SUM(lane <> 'heavy' AND stage <> 'match_copies'), 0),
                COALESCE(SUM(IIF(
                    stage = 'match_copies' OR (file_hash IS NOT NULL AND NOT is_in_doubt), 0, size_bytes
                )), 0)
            FROM jobs JOIN video_files ON video_files.id = video_file_id
            WHERE jobs.state IN ('waiting', 'running') AND awaited_until_ms IS NULL
            """
        )
    return WorkLeft(files=files, files_to_read=to_read, bytes_to_hash=to_hash)


def awaited() -> list[Row]:
    """List the files that end before their containers do and may go on, the longest unchanged first.

    `since` is the moment of a file's last change, `until` when reeld stops waiting, both in seconds since 1970.
    """
    columns = (Library.name, Library.path, VideoFile.path, VideoFile.ctime_ns, JobRow.awaited_until_ms)
    query = JobRow.select(*columns).join(VideoFile).join(Library).where(_LIVE, _IS_AWAITED)
    with reading():
        found = list(query.order_by(VideoFile.ctime_ns, VideoFile.id).tuples())
    return [
        {"library": name, "path": os.path.join(root, path), "since": ctime_ns / 1e9, "until": until_ms / 1e3}
        for name, root, path, ctime_ns, until_ms in found
    ]


MANY_INTERRUPTIONS = 3


def interrupted() -> list[Row]:
    """List the files whose full hash was cut off three times or more, since reeld ended or restarted."""
    columns = (Library.name, Library.path, VideoFile.path, VideoFile.size_bytes, JobRow.stage, JobRow.interruptions)
    query = JobRow.select(*columns).join(VideoFile).join(Library)
    often = (JobRow.lane == "heavy") & (JobRow.interruptions >= MANY_INTERRUPTIONS)
    with reading():
        found = list(
            query.where(often, JobRow.state != JobState.FAILED).order_by(Library.name, VideoFile.path).tuples()
        )
    keys = ("library", "path", "size_bytes", "stage", "interruption_count")
    return [
        dict(zip(keys, (name, os.path.join(root, path), *facts), strict=True)) for name, root, path, *facts in found
    ]


def changing() -> list[Row]:
    """List the files that changed twice or more while their job read them, the most restless first.

    `due` is when each is read again, in seconds since 1970.
    """
    columns = (Library.name, Library.path, VideoFile.path, JobRow.changes, JobRow.due_at_ms)
    query = JobRow.select(*columns).join(VideoFile).join(Library).where(_IS_CHANGING)
    with reading():
        found = list(query.order_by(JobRow.changes.desc(), VideoFile.id).tuples())
    return [
        {"library": name, "path": os.path.join(root, path), "change_count": changes, "due": due_ms / 1e3}
        for name, root, path, changes, due_ms in found
    ]


def job_of(video_file_id: int) -> Row | None:
    """Say what is left to do for a file: its next stage, the job's state, and until when (seconds) it is awaited."""
    columns = (JobRow.stage, JobRow.state, JobRow.awaited_until_ms)
    with reading():
        found = list(JobRow.select(*columns).where(JobRow.video_file == video_file_id).tuples())
    for stage, state, until_ms in found:
        return {"stage": stage, "state": state, "awaited_until": None if until_ms is None else until_ms / 1e3}
    return None


def _jobs_by_kind() -> list[tuple[str, str, bool, int]]:
    """Count jobs by stage, state and whether the file's end is awaited."""
    by_kind = (JobRow.stage, JobRow.state, _IS_AWAITED)
    return list(JobRow.select(*by_kind, fn.COUNT()).group_by(*by_kind).tuples())


def _by_stage(work: Sequence[tuple[str, str, bool, int]]) -> dict[str, int]:
    live: dict[str, int] = defaultdict(int)
    for stage, state, is_awaited, number in work:
        if state in _LIVE_STATES and not is_awaited:
            live[stage] += number
    return dict(live)


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """The jobs of one stage in one state; `awaited` where the files' ends are waited for."""

    stage: str
    state: str
    count: int
    oldest_s: float
    """When the oldest was made, in seconds since 1970."""


def queued() -> list[Queued]:
    state = Case(None, [(_LIVE & _IS_AWAITED, "awaited")], JobRow.state)
    columns = (JobRow.stage, state, fn.COUNT(), fn.MIN(JobRow.created_at))
    with reading():
        rows = list(JobRow.select(*columns).group_by(JobRow.stage, state).tuples())
    return [
        Queued(stage=stage, state=state, count=count, oldest_s=_moment(oldest).timestamp())
        for stage, state, count, oldest in rows
    ]


def _moment(value: datetime | str) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)


def libraries() -> list[Row]:
    """List all libraries with the number of their files; those that are missing do not count."""
    with reading():
        rows = list(Library.select().order_by(Library.name).dicts())
        files = dict(
            VideoFile.select(VideoFile.library, fn.COUNT())
            .where(VideoFile.state != FileState.MISSING)
            .group_by(VideoFile.library)
            .tuples()
        )
    return [_plain(row) | {"files": files.get(row["id"], 0)} for row in rows]


def _plain(row: Row) -> Row:
    """With times as text."""
    return {name: rfc3339(value) if isinstance(value, datetime) else value for name, value in row.items()}
