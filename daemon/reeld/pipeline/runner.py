"""Run jobs through the stages: claim, run, commit, and handle every error."""

import datetime as dt
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from typing import Any, TypeVar

from reeld.catalog import media, queue, video_files
from reeld.content.devices import has_moving_heads
from reeld.database.connection import writing
from reeld.domain.records import FileRecord, Job
from reeld.errors import (
    CatalogBusy,
    CatalogError,
    CatalogFull,
    CatalogUnavailable,
    ClueUnreadable,
    FileChanged,
    FileUnreadable,
    ReeldError,
    WorkerDied,
)
from reeld.log import every_event_says, get_logger
from reeld.pipeline.context import StageContext
from reeld.pipeline.disk_health import DiskHealth
from reeld.pipeline.retry import (
    CATALOG_DELAY_S,
    MAX_DEATHS,
    Fail,
    Release,
    Rescan,
    Retry,
    WaitForData,
    consequence,
    explanation,
    is_denied,
    is_read_error,
)
from reeld.pipeline.stages import Lane, Stage, dependents
from reeld.pipeline.throttle import DeviceLocks, TimeWindow

log = get_logger()

T = TypeVar("T")

Work = tuple[Job, FileRecord]
"""A job at its next stage, and its file."""

MOST_TOGETHER = 32
"""Batch size under load: one commit for up to 32 files, because each commit costs an fsync."""
MOST_BYTES: dict[Lane, int | None] = {"names": None, "light": None, "heavy": 64 << 20}
"""Caps the hashing lost to a kill: so many bytes, or one file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageResult:
    """What a stage found out about a file, and when it began."""

    job: Job
    record: FileRecord
    stage: Stage
    result: Any
    began_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitResult:
    """What became of a result. `is_ours`: the job was not reset meanwhile. `work`: the same worker goes on with it."""

    is_ours: bool = True
    is_last: bool = False
    work: Work | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """Run the jobs of a lane, one `step` after the other. Any number of threads may call it."""

    stages: Sequence[Stage]
    tools: StageContext
    now_ms: Callable[[], int]
    pause: Callable[[float], None]
    """Wait so many seconds, or until reeld ends."""
    rescan_directory: Callable[[str], None]
    """Scan the folder of this file, by absolute path: it is not what the catalogue says."""
    rng: random.Random = field(default_factory=random.Random)
    disk_health: DiskHealth = field(default_factory=DiskHealth)
    device_locks: DeviceLocks = field(default_factory=lambda: DeviceLocks(has_moving_heads))
    hours: TimeWindow = field(default_factory=TimeWindow)
    """When the reading of a whole file may begin."""
    next_look_s: float | None = None
    """When a file whose end may still come is looked at again, for a pass that looks once. None: see `retry.py`."""

    def step(self, lane: Lane) -> bool:
        """Run the lane's next due job, or a batch, as far as the lane goes; return False if there is none.

        Raises CatalogError. The jobs are then still queued, and `queue.recover` releases them at the next start.
        """
        if not self._is_open(lane):
            return False
        with ExitStack() as stack:
            with writing():
                work = self._claim(lane)
                if work and self.disk_health.must_pause(work[0][1].library_path):
                    self._pause_library(work)
                    return True
                if lane == "heavy":
                    # Before the transaction ends: after it another thread may claim a job.
                    for _, record in work:
                        stack.enter_context(self.device_locks.reading(record.stamp.device))
            following = work
            while following:
                following = self._run_stages(following)
        return bool(work)

    def _claim(self, lane: Lane) -> list[Work]:
        jobs = queue.claim(lane, self.now_ms(), most=MOST_TOGETHER, most_bytes=MOST_BYTES[lane], busy=self._busy(lane))
        return [(job, video_files.file_record(job.video_file_id)) for job in jobs]

    def next_due_ms(self, lane: Lane) -> int | None:
        """Return when `step` would find a job; None if there is none."""
        return queue.next_due_ms(lane, self._busy(lane)) if self._is_open(lane) else None

    def _busy(self, lane: Lane) -> list[int]:
        return self.device_locks.busy() if lane == "heavy" else []

    def _is_open(self, lane: Lane) -> bool:
        now = dt.datetime.fromtimestamp(self.now_ms() / 1000).astimezone()
        return lane != "heavy" or self.hours.has(now)

    def _run_stages(self, work: Sequence[Work]) -> list[Work]:
        """Run each file's next stage, then commit once; return what the same worker goes on with."""
        found: list[StageResult] = []
        for at, (job, record) in enumerate(work):
            if at and self.disk_health.must_pause(record.library_path):
                self._patiently(partial(self._pause_library, work[at:]))
                break
            if at and self.tools.should_stop():
                self._requeue(job, 0.0, None, counts=False)
            else:
                with every_event_says(path=record.path, stage=self._stage(job).name):
                    each = self._run_stage(job, record)
                if each is not None:
                    found.append(each)
        return self._commit(found)

    def _pause_library(self, work: Sequence[Work]) -> None:
        queue.release_and_pause([job for job, _ in work])
        self.disk_health.mark_paused(work[0][1].library_path)

    def _run_stage(self, job: Job, record: FileRecord) -> StageResult | None:
        """Run the job's stage; return None if it failed, and the error is handled."""
        stage = self._stage(job)
        if job.attempts > MAX_DEATHS:
            # No attempt ended with an error: each ended the process.
            died = WorkerDied(
                f"reeld itself ended while it worked on this file, {MAX_DEATHS} times; try it again with reeld retry"
            )
            return self._handle_error(died, job, stage, record)
        began_ms = self.now_ms()
        try:
            result = stage.run(record, self.tools)
        except (CatalogBusy, CatalogFull, CatalogUnavailable) as err:
            # Else the job would be running until the next start.
            self._requeue(job, CATALOG_DELAY_S, explanation(err), counts=False)
            return None
        except CatalogError:
            raise
        except Exception as err:  # noqa: BLE001 - here and in `_commit`, and nowhere else: no file ends the daemon
            return self._handle_error(err, job, stage, record)
        if stage.reads_file:
            self.disk_health.read_one(record.library_path)
        return StageResult(job=job, record=record, stage=stage, result=result, began_ms=began_ms)

    def _commit(self, found: Sequence[StageResult]) -> list[Work]:
        """Store the results and move the jobs on, in one transaction; return what this worker goes on with.

        If one result cannot be stored, store each in a transaction of its own, so that the others do not fail.
        """
        if not found:
            return []
        try:
            followed = self._patiently(lambda: [self._store(each) for each in found])
        except CatalogError:
            raise
        except Exception as err:  # noqa: BLE001
            if len(found) > 1:
                return [work for each in found for work in self._commit([each])]
            (each,) = found
            with every_event_says(path=each.record.path, stage=each.stage.name):
                substitute = self._handle_error(err, each.job, each.stage, each.record)
            return self._commit([substitute]) if substitute else []
        for each in found:
            # After the commit: a change that comes later is compared with what is stored now.
            if each.stage.is_outdated is not None and each.stage.is_outdated(each.record, each.result):
                self.rescan_directory(each.record.absolute_path)
        for each, stored in zip(found, followed, strict=True):
            about = {"path": each.record.path, "stage": each.stage.name}
            log.debug("stage.finished", **about, is_stored=stored.is_ours)
            if stored.is_last:
                log.info("file.finished", **about)
        return [stored.work for stored in followed if stored.work is not None]

    def _store(self, found: StageResult) -> CommitResult:
        """Save a result and move its job to the next stage, within the caller's transaction.

        A result whose job was reset meanwhile is dropped. The others are dated when their stage began, since it may
        not have seen what changed later.
        """
        job, stage = found.job, found.stage
        if not queue.holds(job):
            return CommitResult(is_ours=False)
        stage.save(job.video_file_id, found.result, found.began_ms)
        self._forget_dependents(stage, job.video_file_id)
        if stage.name == queue.IDENTIFY_STAGE and queue.end_reading_in_between(job):
            return CommitResult()
        # The row, and with it the job, may have gone: its file is one that was known before.
        following = self._next_stage(stage, job.video_file_id) if queue.holds(job) else None
        if following is None:
            queue.finish(job)
            return CommitResult(is_last=True)
        keep = following.lane == stage.lane
        is_reread = following.reads_all and media.is_read_only_for_doubt(job.video_file_id)
        queue.move_on(
            job, stage=following.name, lane=following.lane, keep=keep, now_ms=self.now_ms(), is_last_in_line=is_reread
        )
        if not keep:
            return CommitResult()
        # Within this transaction: if a later read failed, the job would stay claimed without a worker.
        record = video_files.file_record(job.video_file_id)
        return CommitResult(work=(replace(job, stage=following.name, attempts=1), record))

    def _handle_error(self, err: Exception, job: Job, stage: Stage, record: FileRecord) -> StageResult | None:
        reason = explanation(err)
        if not isinstance(err, (ReeldError, MemoryError)):
            log.error("stage.crashed", attempt=job.attempts, exc_info=err)
        # One .nfo may speak of a hundred videos, and is one file.
        culprit = err.path if isinstance(err, ClueUnreadable) else record.id
        is_the_disks_fault = is_read_error(err) and self.disk_health.failed_to_read(record.library_path, culprit)
        match consequence(err, job, self.rng, is_the_disks_fault=is_the_disks_fault):
            case Fail():
                return self._give_up(job, stage, record, err)
            case Release():
                self._requeue(job, 0.0, None, counts=False, was_interrupted=True)
            case Retry(delay_s=delay_s, counts=counts):
                log.warning("stage.failed", reason=reason, retry_s=round(delay_s))
                self._requeue(job, delay_s, reason, counts=counts)
            case Rescan(delay_s=delay_s):
                log.info("file.changed", reason=reason)
                has_changed = isinstance(err, FileChanged)
                self._requeue(job, delay_s, reason, counts=False, is_gone=True, has_changed=has_changed)
                self.rescan_directory(record.absolute_path)
            case WaitForData(delay_s=delay_s, left_s=left_s):
                if self.next_look_s is not None and delay_s < left_s:
                    delay_s = self.next_look_s
                log.info("file.incomplete", reason=reason, retry_s=round(delay_s))
                self._requeue(job, delay_s, reason, counts=False, awaited_s=left_s)
        return None

    def _give_up(self, job: Job, stage: Stage, record: FileRecord, err: Exception) -> StageResult | None:
        reason = explanation(err)
        log.warning("stage.given_up", reason=reason, attempts=job.attempts)
        substitute = _substitute(stage, err)
        if substitute is not None:
            # The job fails if even that cannot be stored.
            final = replace(stage, give_up=None)
            return StageResult(job=job, record=record, stage=final, result=substitute, began_ms=self.now_ms())

        def fail() -> None:
            if stage.reads_file and queue.holds(job):
                media.doubt(job.video_file_id)
            queue.fail(job, error=reason, is_denied=is_denied(err))

        self._patiently(fail)
        return None

    def _requeue(
        self,
        job: Job,
        delay_s: float,
        reason: str | None,
        *,
        counts: bool,
        awaited_s: float | None = None,
        was_interrupted: bool = False,
        is_gone: bool = False,
        has_changed: bool = False,
    ) -> None:
        now_ms = self.now_ms()
        due_at_ms = now_ms + int(delay_s * 1000)
        until_ms = None if awaited_s is None else now_ms + round(awaited_s * 1000)
        self._patiently(
            lambda: queue.requeue(
                job,
                due_at_ms=due_at_ms,
                error=reason,
                counts=counts,
                awaited_until_ms=until_ms,
                was_interrupted=was_interrupted,
                is_gone=is_gone,
                has_changed=has_changed,
            )
        )

    def _patiently(self, write: Callable[[], T]) -> T:
        """Commit `write`, trying again while the catalogue is locked or its disk is full.

        The result took work, so it is lost only when reeld ends. The next start finds it out again.
        """
        while True:
            try:
                with writing():
                    return write()
            except (CatalogBusy, CatalogFull, CatalogUnavailable) as err:
                if self.tools.should_stop():
                    raise
                log.warning("catalog.write_failed", reason=err.with_hint, retry_s=CATALOG_DELAY_S)
                self.pause(CATALOG_DELAY_S)

    def _stage(self, job: Job) -> Stage:
        # A stage that only another version of reeld has: the file begins with the first one.
        return next((stage for stage in self.stages if stage.name == job.stage), self.stages[0])

    def _forget_dependents(self, stage: Stage, video_file_id: int) -> None:
        """Forget what other stages made of the stage's earlier result."""
        for dependent in dependents(stage, self.stages):
            media.forget_stage(video_file_id, dependent.name, dependent.columns)

    def _next_stage(self, stage: Stage, video_file_id: int) -> Stage | None:
        """Record that the stage has run, and return the next stage that has something to do.

        This is an earlier one if that has never run for these bytes: because it is new to the catalogue, or because
        this stage found that the bytes changed.
        """
        if stage.columns:
            done = media.mark_done(video_file_id, stage.name, stage.version)
        else:
            done = media.stages_done(video_file_id)
        at = [each.name for each in self.stages].index(stage.name)
        earlier = (each for each in self.stages[:at] if each.columns and not each.has_run(done))
        later = (each for each in self.stages[at + 1 :] if self._has_to_run(each, video_file_id, done))
        return next(chain(earlier, later), None)

    def _has_to_run(self, stage: Stage, video_file_id: int, done: Mapping[str, int]) -> bool:
        """Whether the stage runs now. A doubt alone has a file read as a whole at most once a day."""
        if stage.can_be_left_out(video_file_id, done):
            return False
        return not (stage.reads_all and media.was_reread_lately(video_file_id, self.now_ms()))


def _substitute(stage: Stage, err: Exception) -> Any:
    """Return what to store in place of the stage's result; None if there is nothing."""
    match err:
        case ClueUnreadable(question=question):
            return question
        case FileUnreadable():
            # A read error tells nothing about the content, and may pass: store nothing.
            return None
        case _:
            return None if stage.give_up is None else stage.give_up(explanation(err))
