"""Verifies the files that were not compared with their hashes for a period, one after the other, behind all other work.

`step` is called by a thread of its own (`service/verify_thread.py`), and not by the workers of a lane: a verification
takes weeks, and no job may wait for one. So one file is read at a time, on all disks together, and only while no job
runs and none may begin.
"""

import datetime as dt
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from reeld.catalog import verification, video_files
from reeld.catalog.verification import Due
from reeld.database.connection import reading, writing
from reeld.domain.files import readable
from reeld.domain.records import FileRecord
from reeld.domain.verification import Comparison, LeftAlone, Result
from reeld.errors import CatalogError, Interrupted, MachineExhausted
from reeld.log import every_event_says, get_logger
from reeld.pipeline.disk_health import DiskHealth
from reeld.pipeline.throttle import TimeWindow
from reeld.pipeline.verify import Verifier

log = get_logger()

# While jobs run, or the machine is exhausted: how soon to look again.
BUSY_PAUSE_S = 10.0

# The same while nothing is due, or the hours are over.
REST_S = 600.0

# Files that are looked up at once.
PAGE = 50

# Whole files that were read within this time share a commit. A kill loses no more than this reading.
STORE_MS = 2_000

# A file that was left alone, or cannot be read, stays due. It is tried again a day later.
AGAIN_MS = 86_400_000


@dataclass(slots=True, kw_only=True)
class DueFiles:
    """For one thread."""

    verifier: Verifier
    period_ms: int
    """How long a comparison counts."""
    is_idle: Callable[[], bool]
    """Whether no other work is to be done now. May raise CatalogError."""
    now_ms: Callable[[], int]
    hours: TimeWindow = field(default_factory=TimeWindow)
    """When the reading of a file may begin."""
    disk_health: DiskHealth = field(default_factory=DiskHealth)
    at_disk: Callable[[FileRecord], AbstractContextManager[None]]
    """A context within which the thread may wait for the file's disk for any time."""
    _page: deque[Due] = field(default_factory=deque)
    _after: Due | None = None
    """The last file of this round, which goes once through all that are due."""
    _round_ms: int = 0
    """When this round began."""
    _next_round_ms: int = 0
    _found: list[tuple[FileRecord, Comparison]] = field(default_factory=list)
    """What is not stored yet."""
    _stored_ms: int = 0

    def step(self) -> float:
        """Verify the next file; return how many seconds to wait before the next step.

        Raises CatalogError. What was found is kept, and stored by a later step.
        """
        if self._found and self.now_ms() - self._stored_ms >= STORE_MS:
            self._store()
        now = dt.datetime.fromtimestamp(self.now_ms() / 1000).astimezone()
        if not self.hours.has(now):
            self._store()
            return REST_S
        if not self.is_idle():
            self._store()
            return BUSY_PAUSE_S
        due = self._next()
        if due is None:
            self._store()
            return REST_S
        try:
            self._verify(due)
        except (Interrupted, MachineExhausted):
            self._page.appendleft(due)
            return BUSY_PAUSE_S
        except CatalogError:
            self._page.appendleft(due)
            raise
        return 0.0

    def _next(self) -> Due | None:
        """Return the next file of this round; at its end, and until the next one, None."""
        if self._page:
            return self._page.popleft()
        now_ms = self.now_ms()
        if self._after is None:
            if now_ms < self._next_round_ms:
                return None
            self._round_ms = now_ms
        self._store()  # else the files whose results wait would be found again
        found = verification.due(now_ms - self.period_ms, after=self._after, most=PAGE)
        if not found:
            if self._after is not None:
                self._after, self._next_round_ms = None, self._round_ms + AGAIN_MS
            return None
        self._page.extend(found)
        self._after = found[-1]
        return self._page.popleft()

    def _verify(self, due: Due) -> None:
        with reading():
            is_due = verification.is_due(due.id, self.now_ms() - self.period_ms)
            record = video_files.file_record(due.id) if is_due else None
        if record is None:
            return  # another name of it was read meanwhile, or it changed
        root = record.library_path
        if self.disk_health.must_pause(root) or not self.disk_health.is_answering(root):
            return
        with every_event_says(path=readable(record.path)), self.at_disk(record):
            outcome = self.verifier.verify(record)
        if isinstance(outcome, LeftAlone):
            log.debug("file.left_alone", path=readable(record.path), reason=readable(outcome.reason))
            return
        if outcome.result is not Result.UNREADABLE:
            self.disk_health.read_one(root)
        elif self.disk_health.failed_to_read(root, record.id):
            return  # the disk is at fault, and not this file
        self._found.append((record, outcome))
        if outcome.result is not Result.SAME or (record.stamp.links or 0) > 1:
            self._store()

    def _store(self) -> None:
        """Store what was found, and say what is wrong, or is not any more."""
        if self._found:
            with writing():
                stored = [(each, verification.store(*each, self.now_ms())) for each in self._found]
            for (record, compared), rows in stored:
                if rows and (compared.result is not Result.SAME or rows[0].was_damaged):
                    _tell(record, compared)
            self._found.clear()
        self._stored_ms = self.now_ms()


def _tell(record: FileRecord, compared: Comparison) -> None:
    path = readable(record.absolute_path)
    reason = verification.with_advice(record.id, compared.result, verification.details_of(compared))
    match compared.result:
        case Result.DAMAGED:
            log.error("file.damaged", path=path, reason=reason)
        case Result.UNSTABLE:
            log.error("file.unstable", path=path, reason=reason)
        case Result.UNREADABLE:
            log.error("file.unreadable", path=path, reason=reason)
        case _:
            log.info("file.whole", path=path)
