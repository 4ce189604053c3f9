"""Run jobs through the stages: claim, run, commit, and handle every error."""

import datetime as dt
import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

from reeld.catalog import disagreements, media, queue, video_files
from reeld.content.devices import has_moving_heads
from reeld.content.opening import SharedOpening
from reeld.database.connection import reading, writing
from reeld.domain.records import FileRecord, Job
from reeld.errors import (
    CatalogBusy,
    CatalogError,
    CatalogFull,
    CatalogUnavailable,
    ClueUnreadable,
    FileChanged,
    FileUnreadable,
    FileVanished,
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
from reeld.pipeline.stages import LANES, Lane, Stage
from reeld.pipeline.store_results import CommitResult, Failed, FileResults, StageResult, Work, store_results
from reeld.pipeline.throttle import DeviceLocks, TimeWindow

log = get_logger()

T = TypeVar("T")

_PASSING = (CatalogBusy, CatalogFull, CatalogUnavailable)
"""Errors of the catalogue for which a job waits. Others end reeld."""

MOST_TOGETHER = 256
"""Batch size under load: one commit for so many files, because each commit costs an fsync."""
MOST_BYTES: dict[Lane, int | None] = {"names": None, "light": None, "heavy": 64 << 20}
"""Caps the hashing lost to a kill: so many bytes, or one file."""


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
                disagreements.settle(self.now_ms())
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
                following = self._run_all(following)
        return bool(work)

    def _claim(self, lane: Lane) -> list[Work]:
        jobs = queue.claim(
            lane,
            self.now_ms(),
            most=MOST_TOGETHER,
            most_bytes=MOST_BYTES[lane],
            busy=self._busy(lane),
            lanes=LANES,
        )
        records = video_files.file_records([job.video_file_id for job in jobs]) if jobs else {}
        return [(job, records[job.video_file_id]) for job in jobs]

    def next_due_ms(self, lane: Lane) -> int | None:
        """Return when `step` would find a job; None if there is none."""
        return queue.next_due_ms(lane, self._busy(lane)) if self._is_open(lane) else None

    def is_idle(self) -> bool:
        """Return whether no job runs, and none may begin now. Raises CatalogError."""
        now_ms = self.now_ms()
        with reading():
            due = [self.next_due_ms(lane) for lane in LANES]
            return not queue.running_count() and not any(due_ms is not None and due_ms <= now_ms for due_ms in due)

    def _busy(self, lane: Lane) -> list[int]:
        return self.device_locks.busy() if lane == "heavy" else []

    def _is_open(self, lane: Lane) -> bool:
        now = dt.datetime.fromtimestamp(self.now_ms() / 1000).astimezone()
        return lane != "heavy" or self.hours.has(now)

    def _run_all(self, work: Sequence[Work]) -> list[Work]:
        """Run each file's next stage, then commit once; return what the same worker goes on with."""
        found: list[FileResults] = []
        failed: list[Failed] = []
        left: Callable[[], None] | None = None
        for at, (job, record) in enumerate(work):
            # Check this first. A dead disk may hold a thread until after a reload. The library that it would pause
            # then is no longer scanned here, so nothing would resume it.
            if at and self.tools.should_stop():
                left = partial(queue.release, [job for job, _ in work[at:]], self.now_ms())
                break
            if at and self.disk_health.must_pause(record.library_path):
                left = partial(self._pause_library, work[at:])
                break
            # Around the opening and the closing as well: on a dead mount either may wait for ever.
            with every_event_says(path=record.path, stage=self._stage(job).name), self.tools.at_disk(record):
                each = self._run_job(job, record)
            if isinstance(each, Failed):
                failed.append(each)
            else:
                found.append(each)
        found = self._answer(found, failed)
        found += self._handle_errors(failed)
        if left is not None:
            # After the errors: what failed before the library rests, rests with it.
            self._patiently(left)
        return self._commit(found)

    def _answer(self, found: Sequence[FileResults], failed: list[Failed]) -> list[FileResults]:
        """Have the questions among these results answered, each stage's at once. Errors are added to `failed`."""
        answered: list[FileResults] = []
        asked: dict[str, list[FileResults]] = defaultdict(list)
        for each in found:
            last = each.results[-1]
            (answered if last.stage.answer is None else asked[last.stage.name]).append(each)
        for name, files in asked.items():
            with every_event_says(stage=name):
                answers = self._answers([each.results[-1] for each in files])
            for each, answer in zip(files, answers, strict=True):
                *before, last = each.results
                if isinstance(answer, Exception):
                    failed.append(self._failed(each.job, each.record, last.stage, answer))
                else:
                    answered.append(replace(each, results=[*before, replace(last, result=answer)]))
        return answered

    def _answers(self, asked: Sequence[StageResult]) -> Sequence[Any]:
        """Ask a stage for the answers to its questions. An error that is no single file's is that of all."""
        questions = [each.result for each in asked]
        answer = asked[0].stage.answer or (lambda questions, _tools: questions)
        try:
            return answer(questions, self.tools)
        except Exception as err:  # as in `_run_stages`
            if isinstance(err, CatalogError) and not isinstance(err, _PASSING):
                raise
            return [err] * len(questions)

    def _pause_library(self, work: Sequence[Work]) -> None:
        queue.release_and_pause([job for job, _ in work])
        self.disk_health.mark_paused(work[0][1].library_path)

    def _run_job(self, job: Job, record: FileRecord) -> FileResults | Failed:
        """Run the job's stage, and those that share the opening of the file with it."""
        first = self._stage(job)
        if job.attempts > MAX_DEATHS:
            # No attempt ended with an error: each ended the process.
            died = WorkerDied(
                f"reeld itself ended while it worked on this file, {MAX_DEATHS} times; try it again with reeld retry"
            )
            return self._failed(job, record, first, died)
        if not first.shares_opening(record):
            return self._run_stages([first], job, record, self.tools)
        with SharedOpening(record.absolute_path, record.stamp) as opening:
            tools = replace(self.tools, video=lambda _record: opening.video())
            return self._run_stages([first, *self._sharers(first, record)], job, record, tools)

    def _sharers(self, first: Stage, record: FileRecord) -> Iterator[Stage]:
        """Yield the later stages that the file needs and that run together with this one."""
        at = [stage.name for stage in self.stages].index(first.name)
        for stage in self.stages[at + 1 :]:
            if stage.shares_opening(record) and not stage.can_be_left_out([record]):
                yield stage

    def _run_stages(
        self, stages: Sequence[Stage], job: Job, record: FileRecord, tools: StageContext
    ) -> FileResults | Failed:
        """Run these stages until one fails."""
        results: list[StageResult] = []
        failed: Failed | None = None
        for stage in stages:
            began_ms = self.now_ms()
            try:
                result = stage.run(record, tools)
            except Exception as err:  # here and in `_commit`, and nowhere else: no file ends the daemon
                if isinstance(err, CatalogError) and not isinstance(err, _PASSING):
                    raise
                failed = self._failed(job, record, stage, err)
                break
            if stage.reads_file:
                self.disk_health.read_one(record.library_path)
            results.append(StageResult(stage=stage, result=result, began_ms=began_ms))
        if not results and failed is not None:
            return failed
        return FileResults(job=job, record=record, results=results, failed=failed)

    def _commit(self, found: Sequence[FileResults]) -> list[Work]:
        """Store the results and move the jobs on, in one transaction; return what this worker goes on with.

        If one result cannot be stored, store each half in a transaction of its own, so that the others do not fail.
        """
        if not found:
            return []
        try:
            became = self._patiently(partial(self._store, found))
        except CatalogError:
            raise
        except Exception as err:  # noqa: BLE001
            if len(found) > 1:
                half = len(found) // 2
                return [*self._commit(found[:half]), *self._commit(found[half:])]
            (each,) = found
            if len(each.results) > 1:
                # The others are found again, one by one.
                return self._commit([replace(each, results=each.results[:1], failed=None)])
            failed = self._failed(each.job, each.record, each.results[0].stage, err)
            return self._commit(self._handle_errors([failed]))
        return self._go_on(found, became)

    def _go_on(self, found: Sequence[FileResults], became: Sequence[CommitResult]) -> list[Work]:
        """Return what this worker goes on with, after a commit. Handle the errors of stages that came next."""
        following: list[Work] = []
        failed: list[Failed] = []
        for each, stored in zip(found, became, strict=True):
            self._tell(each, stored)
            if stored.work is None:
                continue
            job, record = stored.work
            if each.failed is not None and each.failed.stage.name == job.stage:
                failed.append(replace(each.failed, job=job, record=record))
            else:
                following.append(stored.work)
        return [*following, *self._commit(self._handle_errors(failed))]

    def _tell(self, found: FileResults, stored: CommitResult) -> None:
        about = {"path": found.record.path}
        for each in found.results:
            # After the commit: a change that comes later is compared with what is stored now.
            if each.stage.is_outdated is not None and each.stage.is_outdated(found.record, each.result):
                self.rescan_directory(found.record.absolute_path)
            log.debug("stage.finished", **about, stage=each.stage.name, is_stored=stored.is_ours)
        if stored.is_last:
            log.info("file.finished", **about, stage=found.results[-1].stage.name)

    def _store(self, found: Sequence[FileResults]) -> list[CommitResult]:
        return store_results(found, self.stages, self.now_ms())

    def _failed(self, job: Job, record: FileRecord, stage: Stage, error: Exception) -> Failed:
        # One .nfo may speak of a hundred videos, and is one file.
        culprit = error.path if isinstance(error, ClueUnreadable) else record.id
        is_the_disks = is_read_error(error) and self.disk_health.failed_to_read(record.library_path, culprit)
        return Failed(job=job, record=record, stage=stage, error=error, is_the_disks_fault=is_the_disks)

    def _handle_errors(self, failed: Sequence[Failed]) -> list[FileResults]:
        """Write what follows from these errors, in one transaction; return what to store in place of results."""
        outcomes = []
        for each in failed:
            with every_event_says(path=each.record.path, stage=each.stage.name):
                outcomes.append(self._outcome(each))
        writes = [each for each in outcomes if not isinstance(each, FileResults)]
        if writes:
            self._patiently(lambda: [write() for write in writes])
        for each in failed:
            if isinstance(each.error, (FileVanished, FileChanged)):
                self.rescan_directory(each.record.absolute_path)
        return [each for each in outcomes if isinstance(each, FileResults)]

    def _outcome(self, failed: Failed) -> FileResults | Callable[[], None]:
        """Decide what follows from an error: what to store in place of the result, or what to write of the job."""
        err, job = failed.error, failed.job
        reason = explanation(err)
        if isinstance(err, CatalogError):
            # Else the job would be running until the next start.
            return self._requeue(job, CATALOG_DELAY_S, reason, counts=False)
        if not isinstance(err, (ReeldError, MemoryError)):
            log.error("stage.crashed", attempt=job.attempts, exc_info=err)
        match consequence(err, job, self.rng, is_the_disks_fault=failed.is_the_disks_fault):
            case Fail():
                return self._give_up(failed)
            case Release():
                return self._requeue(job, 0.0, None, counts=False, was_interrupted=True)
            case Retry(delay_s=delay_s, counts=counts):
                log.warning("stage.failed", reason=reason, retry_s=round(delay_s))
                return self._requeue(job, delay_s, reason, counts=counts)
            case Rescan(delay_s=delay_s):
                log.info("file.changed", reason=reason)
                has_changed = isinstance(err, FileChanged)
                return self._requeue(job, delay_s, reason, counts=False, is_gone=True, has_changed=has_changed)
            case WaitForData(delay_s=delay_s, left_s=left_s):
                if self.next_look_s is not None and delay_s < left_s:
                    delay_s = self.next_look_s
                log.info("file.incomplete", reason=reason, retry_s=round(delay_s))
                return self._requeue(job, delay_s, reason, counts=False, awaited_s=left_s)

    def _give_up(self, failed: Failed) -> FileResults | Callable[[], None]:
        err, job, stage = failed.error, failed.job, failed.stage
        reason = explanation(err)
        log.warning("stage.given_up", reason=reason, attempts=job.attempts)
        substitute = _substitute(stage, err)
        if substitute is not None:
            # The job fails if even that cannot be stored.
            result = StageResult(stage=replace(stage, give_up=None), result=substitute, began_ms=self.now_ms())
            return FileResults(job=job, record=failed.record, results=[result])

        def fail() -> None:
            if stage.reads_file and queue.holds(job):
                media.doubt(job.video_file_id)
            queue.fail(job, error=reason, is_denied=is_denied(err))

        return fail

    def _requeue(
        self, job: Job, delay_s: float, reason: str | None, *, awaited_s: float | None = None, **how: Any
    ) -> Callable[[], None]:
        """Return a function that requeues the job; `how` as `queue.requeue` takes it."""
        now_ms = self.now_ms()
        return partial(
            queue.requeue,
            job,
            due_at_ms=now_ms + int(delay_s * 1000),
            error=reason,
            awaited_until_ms=None if awaited_s is None else now_ms + round(awaited_s * 1000),
            **how,
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
