"""How does one job go through its stages, whatever happens on the way?"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from reeld.catalog import content, files, queue
from reeld.catalog.database import writing
from reeld.domain.records import FileRecord, Job
from reeld.errors import (
    CatalogBusy,
    CatalogError,
    CatalogFull,
    CatalogUnavailable,
    FileUnreadable,
    ReeldError,
    WorkerDied,
)
from reeld.log import every_event_says, get_logger
from reeld.pipeline.disks import Disks
from reeld.pipeline.policy import (
    CATALOG_DELAY_S,
    MAX_DEATHS,
    AwaitEnd,
    GiveBack,
    GiveUp,
    LookAgain,
    Retry,
    consequence,
    explanation,
    is_denied,
    is_read_error,
)
from reeld.pipeline.stages import Lane, Stage
from reeld.pipeline.tools import Tools

log = get_logger()

T = TypeVar("T")

Following = tuple[Job, FileRecord] | None
"""The job at its next stage and its file, if the same worker goes on with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """Runs the jobs of a lane, one `step` after the other; any number of threads may call it."""

    stages: Sequence[Stage]
    tools: Tools
    now_ms: Callable[[], int]
    pause: Callable[[float], None]
    """Wait so many seconds, or until reeld ends."""
    look_again: Callable[[str], None]
    """Told the absolute path of a file that is not what the catalogue believes."""
    rng: random.Random = field(default_factory=random.Random)
    disks: Disks = field(default_factory=Disks)

    def step(self, lane: Lane) -> bool:
        """Take the lane's next due job as far as the lane goes; False when there is none.

        Raises CatalogError; the job is then still there, and is found again by `queue.recover` at the latest.
        """
        with writing():
            job = queue.claim(lane, self.now_ms())
            record = files.file_record(job.video_file_id) if job else None
            if job and record and self.disks.must_rest(record.library_path):
                queue.rest(job)
                self.disks.rests(record.library_path)
                return True
        if job is None or record is None:
            return False
        following: Following = job, record
        while following is not None:
            now_job, now_record = following
            with every_event_says(path=now_record.path, stage=self._stage(now_job).name):
                following = self._run_stage(now_job, now_record)
        return True

    def _run_stage(self, job: Job, record: FileRecord) -> Following:
        """Run the job's stage; the job at its next stage if this worker goes on with it."""
        stage = self._stage(job)
        if job.attempts > MAX_DEATHS:
            # No attempt came to an end that could be counted as a failure: each ended the process.
            died = WorkerDied(
                f"reeld itself ended while it worked on this file, {MAX_DEATHS} times; try it again with reeld retry"
            )
            return self._suffer(died, job, stage, record)
        return self._try(job, stage, record)

    def _try(self, job: Job, stage: Stage, record: FileRecord) -> Following:
        began_ms = self.now_ms()
        try:
            result = stage.run(record, self.tools)
            if stage.reads_file:
                self.disks.read_one(record.library_path)
            return self._commit_result(job, stage, record, result, began_ms)
        except CatalogError:
            raise
        except Exception as err:  # noqa: BLE001 - the one home of `except Exception`: no file ends the daemon
            return self._suffer(err, job, stage, record)

    def _commit_result(self, job: Job, stage: Stage, record: FileRecord, result: Any, began_ms: int) -> Following:
        """Store the result and move the job on, in one transaction; or nothing, if the job was reset.

        What was found is dated by when somebody began to look: what came since was perhaps not seen.
        """

        def commit() -> tuple[bool, Stage | None, FileRecord]:
            if not queue.holds(job):
                return False, None, record
            stage.save(job.video_file_id, result, began_ms)
            following = self._after(stage, job.video_file_id)
            if following is None:
                queue.finish(job)
            else:
                keep = following.lane == stage.lane
                queue.move_on(job, stage=following.name, lane=following.lane, keep=keep, now_ms=self.now_ms())
            # Read here: between two transactions a failing disk could leave the job claimed by nobody who works.
            # After the last stage the file may be known by another row, and this one gone.
            return True, following, files.file_record(job.video_file_id) if following else record

        is_ours, following, now_known = self._patiently(commit)
        log.debug("stage.finished", is_stored=is_ours)
        if is_ours and following is None:
            log.info("file.finished")
        if following is not None and following.lane == stage.lane:
            return replace(job, stage=following.name, attempts=1), now_known
        return None

    def _suffer(self, err: Exception, job: Job, stage: Stage, record: FileRecord) -> Following:
        reason = explanation(err)
        if not isinstance(err, (ReeldError, MemoryError)):
            log.error("stage.crashed", attempt=job.attempts, exc_info=err)
        is_the_disks_fault = is_read_error(err) and self.disks.failed_to_read(record.library_path, record.id)
        match consequence(err, job, self.rng, is_the_disks_fault=is_the_disks_fault):
            case GiveUp():
                return self._give_up(job, stage, record, err)
            case GiveBack():
                self._put_back(job, 0.0, None, counts=False)
            case Retry(delay_s=delay_s, counts=counts):
                log.warning("stage.failed", reason=reason, retry_s=round(delay_s))
                self._put_back(job, delay_s, reason, counts=counts)
            case LookAgain(delay_s=delay_s):
                log.info("file.changed", reason=reason)
                self._put_back(job, delay_s, reason, counts=False)
                self.look_again(record.absolute_path)
            case AwaitEnd(delay_s=delay_s):
                log.info("file.incomplete", reason=reason, retry_s=round(delay_s))
                self._put_back(job, delay_s, reason, counts=False)
        return None

    def _give_up(self, job: Job, stage: Stage, record: FileRecord, err: Exception) -> Following:
        reason = explanation(err)
        log.warning("stage.given_up", reason=reason, attempts=job.attempts)
        # A substitute says what is wrong with the file. That it cannot be read now says nothing, and may be mended.
        if stage.give_up is not None and not isinstance(err, FileUnreadable):
            substitute = stage.give_up(reason)
            return self._try(job, replace(stage, run=lambda _record, _tools: substitute, give_up=None), record)

        def set_aside() -> None:
            if stage.reads_file and queue.holds(job):
                content.doubt(job.video_file_id)
            queue.set_aside(job, error=reason, is_denied=is_denied(err))

        self._patiently(set_aside)
        return None

    def _put_back(self, job: Job, delay_s: float, reason: str | None, *, counts: bool) -> None:
        due_at_ms = self.now_ms() + int(delay_s * 1000)
        self._patiently(lambda: queue.put_back(job, due_at_ms=due_at_ms, error=reason, counts=counts))

    def _patiently(self, write: Callable[[], T]) -> T:
        """Commit `write`, trying again while the catalogue is locked or its disk is full.

        What was found out took work; it is given up only when reeld ends, and then found out again.
        """
        while True:
            try:
                with writing():
                    return write()
            except (CatalogBusy, CatalogFull, CatalogUnavailable) as err:
                if self.tools.should_stop():
                    raise
                log.warning("catalog.write_failed", reason=str(err), retry_s=CATALOG_DELAY_S)
                self.pause(CATALOG_DELAY_S)

    def _stage(self, job: Job) -> Stage:
        # A stage that only another version of reeld knows: the file begins anew.
        return next((stage for stage in self.stages if stage.name == job.stage), self.stages[0])

    def _after(self, stage: Stage, video_file_id: int) -> Stage | None:
        """The next stage that has something to do."""
        names = [each.name for each in self.stages]
        later = self.stages[names.index(stage.name) + 1 :]
        return next((each for each in later if not each.is_done(video_file_id)), None)
