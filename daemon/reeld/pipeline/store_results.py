"""Store what stages found out about files, and move their jobs to the next stages: many files in one transaction.

Most results change nothing but their own columns. Those of all files are stored by one statement, and the next stages
are decided from one query. A result that has more to do, as one that contradicts what was stored, is saved alone.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reeld.catalog import media, queue, video_files
from reeld.domain.records import FileRecord, Job
from reeld.pipeline.stages import Stage, dependents

Work = tuple[Job, FileRecord]
"""A job at its next stage, and its file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageResult:
    """What a stage found out about a file, and when it began."""

    stage: Stage
    result: Any
    began_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FileResults:
    """What the stages of a job found out about its file, in order, at least one."""

    job: Job
    record: FileRecord
    results: Sequence[StageResult]
    failed: "Failed | None" = None
    """The error of the stage that came after these, if there was one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The error of a job's stage. `is_the_disks_fault`: other files there could not be read either."""

    job: Job
    record: FileRecord
    stage: Stage
    error: Exception
    is_the_disks_fault: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitResult:
    """What became of a file's results. `is_ours`: its job was not reset meanwhile. `work`: the same worker goes on."""

    is_ours: bool = True
    is_last: bool = False
    work: Work | None = None


def store_results(found: Sequence[FileResults], table: Sequence[Stage], now_ms: int) -> list[CommitResult]:
    """Save the results and move the jobs on, within the caller's transaction; return what became of each.

    The results of a job that was reset meanwhile are dropped. The others are dated when their stages began, since they
    may not have seen what changed later.
    """
    held = queue.held(each.job for each in found)
    ours = [each for each in found if each.job.id in held]
    _save(ours, table)
    became = _move_on(ours, table, now_ms)
    return [became.get(each.job.id, CommitResult(is_ours=False)) for each in found]


# --- saving ----------------------------------------------------------------------------------------------


def _save(found: Sequence[FileResults], table: Sequence[Stage]) -> None:
    plain = [each for each in found if all(result.stage.fill is not None for result in each.results)]
    records = video_files.file_records([each.record.id for each in plain]) if plain else {}
    filled = {each.job.id: row for each in plain if (row := _filled(each, records[each.record.id], table)) is not None}
    # Before the others, which may change rows that these were decided from.
    media.fill(filled.values())
    for each in found:
        if each.job.id not in filled:
            _save_alone(each, table)


def _filled(found: FileResults, record: FileRecord, table: Sequence[Stage]) -> media.Filled | None:
    """Return the columns of all results of a file as it is stored now; None if one of them has more to do."""
    columns: dict[str, Any] = {}
    done = dict(record.stages_done)
    end = None
    for each in found.results:
        filling = None if each.stage.fill is None else each.stage.fill(record, each.result)
        if filling is None:
            return None
        for dependent in dependents(each.stage, table):
            columns |= media.empty(dependent.columns)
            done.pop(dependent.name, None)
        columns |= filling.columns
        end = filling.end or end
        if each.stage.columns:
            done[each.stage.name] = each.stage.version
    return media.Filled(video_file_id=record.id, columns=columns, end=end, stages_done=done)


def _save_alone(found: FileResults, table: Sequence[Stage]) -> None:
    video_file_id = found.record.id
    for each in found.results:
        each.stage.save(video_file_id, each.result, each.began_ms)
        for dependent in dependents(each.stage, table):
            media.forget_stage(video_file_id, dependent.name, dependent.columns)
        if each.stage.columns:
            # The row may be another file's by now, and its job with it.
            if not queue.holds(found.job):
                return
            media.mark_done(video_file_id, each.stage.name, each.stage.version)


# --- moving on -------------------------------------------------------------------------------------------


def _move_on(found: Sequence[FileResults], table: Sequence[Stage], now_ms: int) -> dict[int, CommitResult]:
    """Move each job to its next stage, or finish it; return what became of it, by its id."""
    identified = [each.job for each in found if each.results[0].stage.name == queue.IDENTIFY_STAGE]
    resumed = queue.end_reading_in_between(identified)
    became = {each.job.id: CommitResult(is_last=each.job.id not in resumed) for each in found}
    # The row, and with it the job, may have gone: its file is one that was known before.
    held = queue.held(each.job for each in found if each.job.id not in resumed)
    left = [each for each in found if each.job.id in held]
    # Within this transaction: if a later read failed, the job would stay claimed without a worker.
    records = video_files.file_records([each.record.id for each in left]) if left else {}
    following = _next_stages(left, records, table, now_ms)
    queue.finish([each.job for each in left if each.record.id not in following])
    moving: dict[tuple[str, str, bool, bool], list[Job]] = defaultdict(list)
    for each in left:
        if (stage := following.get(each.record.id)) is None:
            continue
        record, keep = records[each.record.id], stage.lane == each.results[0].stage.lane
        is_reread = stage.reads_all and record.is_read_only_for_doubt
        moving[stage.name, stage.lane, keep, is_reread].append(each.job)
        work = (replace(each.job, stage=stage.name, attempts=1), record) if keep else None
        became[each.job.id] = CommitResult(work=work)
    for (name, lane, keep, is_reread), jobs in moving.items():
        queue.move_on(jobs, stage=name, lane=lane, keep=keep, now_ms=now_ms, is_last_in_line=is_reread)
    return became


def _next_stages(
    found: Sequence[FileResults], records: Mapping[int, FileRecord], table: Sequence[Stage], now_ms: int
) -> dict[int, Stage]:
    """Return the next stage that has something to do, by the file's id.

    This is an earlier one if that has never run for these bytes: because it is new to the catalogue, or because a
    stage found that the bytes changed.
    """
    following: dict[int, Stage] = {}
    position = {stage.name: at for at, stage in enumerate(table)}
    for at, stage in enumerate(table):
        later: list[FileRecord] = []
        for each in found:
            record = records[each.record.id]
            if record.id in following:
                continue
            is_behind = at < position[each.results[0].stage.name] or any(
                stage.name == result.stage.name for result in each.results
            )
            if not is_behind:
                later.append(record)
            elif stage.columns and not stage.has_run(record.stages_done):
                following[record.id] = stage
        following |= dict.fromkeys((record.id for record in who_need(stage, later, now_ms)), stage)
    return following


def who_need(stage: Stage, files: Sequence[FileRecord], now_ms: int) -> list[FileRecord]:
    """Return those of these files for which the stage runs now. A doubt alone has a file read at most once a day."""
    left_out = stage.can_be_left_out(files) if files else set()
    return [
        file
        for file in files
        if file.id not in left_out
        and not (stage.reads_all and file.is_read_only_for_doubt and media.was_reread_lately(file.id, now_ms))
    ]
