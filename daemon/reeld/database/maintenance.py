"""Maintains the open catalogue: backups, its write-ahead log, and checks for lost files.

The catalogue's files may be removed or replaced under a running process, and SQLite would not
notice. Failures are reported and tried again. Only a loss or damage ends the owner.
"""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from reeld.config import BACKUPS_KEPT
from reeld.database import integrity
from reeld.database.backup import Backup, newest_of, save_backup, way_back
from reeld.database.base import database
from reeld.database.connection import maintaining, opened
from reeld.database.open_files import Loss
from reeld.database.sqlite_errors import space_trouble
from reeld.domain.files import readable
from reeld.errors import (
    BackupFailed,
    CatalogBusy,
    CatalogCorrupt,
    CatalogError,
    CatalogGone,
    CatalogLogLost,
    Interrupted,
)
from reeld.log import get_logger

log = get_logger()

# If something changed since the last one. A backup reads and checks every page, so one is made
# from time to time in any case.
BACKUP_S = 24 * 3600.0
BACKUP_UNCHANGED_S = 7 * BACKUP_S
# The first backup is made when the first scan is done, and not later than this.
QUIET_S = 60.0
FIRST_BACKUP_S = 3600.0
RETRY_BACKUP_S = 1800.0

CHECKPOINT_S = 60.0
# SQLite folds the log in by itself from 4 MiB on, but only as far as the oldest reader has read.
LOG_ALARM_BYTES = 64 << 20
# A log that grew once keeps its size. It is cut while there are no writes.
LOG_CUT_BYTES = 8 << 20

# A file may be renamed and back, so one missing look proves nothing.
CHECKS_BEFORE_LOST = 2

SPACE = "space"

Changes = tuple[int, int]
"""A number that grows with our own changes, and one that differs after changes by other processes."""


class Maintenance:
    """Maintains one open catalogue. One thread calls `tick` about once a second, or a minute while `is_quiet`.

    `now_s` is the wall clock, since the ages of backups outlive the process. A clock that jumps
    causes at most one extra backup.
    """

    def __init__(
        self, path: str, now_s: float, should_stop: Callable[[], bool], *, backups_kept: int = BACKUPS_KEPT
    ) -> None:
        self._path = path
        self._backups_kept = backups_kept
        self._should_stop = should_stop
        self._started_s = now_s
        self._checks_with_loss = 0
        self._checked_in_s: float | None = None
        self._last_try_s: float | None = None
        self._backup: Backup | None = newest_of(path, datetime.fromtimestamp(now_s, UTC))
        self._backed_up: Changes | None = None
        """The changes at the last backup, or None if this process has made none."""
        self._seen: Changes = (0, 0)
        self._changed_s = now_s
        self._has_files = False
        self._rescued: Backup | None = None
        self._problems: dict[str, str] = {}
        """The present problems, by subject."""

    def tick(self, now_s: float) -> None:
        """Do what is due. Raises CatalogGone, CatalogLogLost or CatalogCorrupt if going on could
        only do harm.
        """
        self._check_files(now_s)
        if _is_due(self._checked_in_s, CHECKPOINT_S, now_s):
            self._checked_in_s = now_s
            self._note(SPACE, space_trouble(self._path))
            self._attempt("log", lambda: self._bound_log(now_s))
        if self._is_backup_due(now_s):
            self._back_up(now_s)

    @property
    def is_quiet(self) -> bool:
        """Whether `tick` need not be called for a minute, unless something happens to the catalogue's files."""
        return self._checks_with_loss == 0 and not self._problems and self._checked_in_s is not None

    def back_up_at_end(self, now_s: float) -> None:
        """Make a backup at the end of `reeld scan`, if one is due: a scan is too short for `tick`."""
        if self._backup is None or _is_due(self._backup.made_at.timestamp(), BACKUP_S, now_s):
            self._back_up(now_s)

    def problems(self) -> tuple[str, ...]:
        """Return the present problems. Backups and free space are checked by `reeld status` itself."""
        catalog = opened()
        told = [
            catalog.refusal or catalog.trouble,
            *(why for what, why in list(self._problems.items()) if what != SPACE),
        ]
        return tuple(problem for problem in told if problem is not None)

    @property
    def has_backup_failed(self) -> bool:
        """Whether the last attempt at a backup failed."""
        return "backup" in self._problems

    # --- backups -----------------------------------------------------------------------------------------

    def _is_backup_due(self, now_s: float) -> bool:
        if not _is_due(self._last_try_s, RETRY_BACKUP_S, now_s):
            return False
        if self._backup is None:
            is_at_rest = _is_due(self._changed_s, QUIET_S, now_s)
            return self._has_files and (is_at_rest or _is_due(self._started_s, FIRST_BACKUP_S, now_s))
        period_s = BACKUP_UNCHANGED_S if self._seen == self._backed_up else BACKUP_S
        return _is_due(self._backup.made_at.timestamp(), period_s, now_s)

    def _back_up(self, now_s: float) -> None:
        self._last_try_s = now_s
        self._attempt("backup", lambda: self._save(now_s))

    def _save(self, now_s: float) -> None:
        at = datetime.fromtimestamp(now_s, UTC)
        with maintaining() as connection:
            before = _changes(connection)
        try:
            self._backup = save_backup(
                maintaining, self._path, at, kept=self._backups_kept, should_stop=self._should_stop
            )
        except CatalogCorrupt as err:
            # Either the catalogue is damaged, or the disk of the backup returned wrong data.
            with maintaining():
                integrity.require_sound(database, self._path)
            raise BackupFailed(
                f"{err}, so it was thrown away. The catalogue itself is sound", "check the disk of the backups"
            ) from err
        log.info("catalog.backed_up", path=self._backup.path)
        with maintaining(), database.atomic("IMMEDIATE"):
            integrity.note_checked(at)
        own, others = before
        self._backed_up = own + 1, others  # the note itself, which calls for no new backup

    # --- the log -----------------------------------------------------------------------------------------

    def _bound_log(self, now_s: float) -> None:
        with maintaining() as connection:
            changes = _changes(connection)
            is_idle = changes == self._seen
            if not is_idle:
                self._seen, self._changed_s = changes, now_s
            has_grown = _size(f"{self._path}-wal") > LOG_CUT_BYTES
            left_bytes = _checkpoint(connection, "TRUNCATE" if has_grown and is_idle else "PASSIVE")
            (self._has_files,) = connection.execute("SELECT EXISTS (SELECT 1 FROM video_files)").fetchone()
        grown = (
            f"{left_bytes >> 20} MiB of the log of the catalogue, {readable(self._path)}-wal, cannot be folded in, "
            "because another program began to read the catalogue and does not end; find it with fuser, and close it"
        )
        self._note("log size", grown if left_bytes > LOG_ALARM_BYTES else None)

    # --- the files ---------------------------------------------------------------------------------------

    def _check_files(self, now_s: float) -> None:
        catalog = opened()
        loss = catalog.files.loss()
        self._checks_with_loss = 0 if loss is None else self._checks_with_loss + 1
        if loss is None or self._checks_with_loss < CHECKS_BEFORE_LOST:
            return
        catalog.needs_full_check = True
        catalog.refusal = f"{readable(self._path)} was {loss.value}; nothing is written until reeld is started again"
        # The connection still sees everything while this process lives. So it lives until that is
        # saved.
        self._attempt("rescue", lambda: self._rescue(loss, now_s))

    def _rescue(self, loss: Loss, now_s: float) -> None:
        if self._rescued is None:
            at = datetime.fromtimestamp(now_s, UTC)
            self._rescued = save_backup(maintaining, self._path, at, is_rescued=True, kept=self._backups_kept)
            log.error("catalog.rescued", path=self._rescued.path, reason=loss.value)
        if loss is Loss.LOG_LOST and not opened().files.foreign():
            # No other program has begun a log meanwhile, so ours can still be folded in, and
            # nothing is missing.
            with maintaining() as connection:
                if _checkpoint(connection, "TRUNCATE"):
                    raise CatalogBusy("another program still reads the catalogue, so its log cannot be folded in yet")
                integrity.require_sound(database, self._path)
            raise CatalogLogLost(
                f"the log of the catalogue, {readable(self._path)}-wal, was removed while reeld ran. Nothing is lost: "
                f"its content is in the catalogue, and in {readable(self._rescued.path)}",
                "start reeld again, and leave the files beside the catalogue alone while it runs",
            )
        raise _gone(self._path, loss, self._rescued)

    # --- trouble -----------------------------------------------------------------------------------------

    def _attempt(self, about: str, do: Callable[[], None]) -> None:
        """Report a failure once, show it while it lasts, and try again."""
        try:
            do()
        except (CatalogCorrupt, CatalogGone, CatalogLogLost):
            raise
        except (CatalogBusy, Interrupted) as err:
            log.debug("catalog.maintenance_waited", about=about, reason=err.with_hint)
        except CatalogError as err:
            self._note(about, err.with_hint)
        else:
            self._note(about, None)

    def _note(self, about: str, problem: str | None) -> None:
        if problem is None:
            self._problems.pop(about, None)
            return
        if about not in self._problems:
            log.warning("catalog.troubled", about=about, reason=problem)
        self._problems[about] = problem


def _is_due(last_s: float | None, period_s: float, now_s: float) -> bool:
    """Tell whether it is due, also after the clock went back: rather once too often."""
    return last_s is None or not 0 <= now_s - last_s < period_s


def _changes(connection: Any) -> Changes:
    return connection.total_changes, connection.execute("PRAGMA data_version").fetchone()[0]


def _checkpoint(connection: Any, mode: str) -> int:
    """Fold the log in as far as open readers allow. Return how many bytes are left.

    It never waits for them: TRUNCATE would block all threads for as long as SQLite's timeout.
    """
    patience_ms, page_size = (connection.execute(f"PRAGMA {it}").fetchone()[0] for it in ("busy_timeout", "page_size"))
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        _is_busy, frames, folded_in = connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
    finally:
        connection.execute(f"PRAGMA busy_timeout = {patience_ms}")
    return int((frames - folded_in) * page_size)


def _size(path: str) -> int:
    try:
        return os.path.getsize(path)
    except OSError:
        return 0


def _gone(path: str, loss: Loss, rescued: Backup) -> CatalogGone:
    """Build the error for a catalogue that was removed or replaced while it was open."""
    if loss is Loss.CATALOG_REMOVED:
        return CatalogGone(
            f"{readable(path)} was removed while reeld ran. Its content was saved in {readable(rescued.path)}",
            way_back(path, rescued),
        )
    if loss is Loss.CATALOG_REPLACED:
        what = f"another file was put in the place of {readable(path)} while reeld ran"
    else:
        what = f"the log of {readable(path)} was removed while reeld ran, and another program has begun a new one"
    return CatalogGone(
        f"{what}. All that reeld knew was saved in {readable(rescued.path)}",
        f"start reeld again to go on with what is there now; or, {way_back(path, rescued)}",
    )
