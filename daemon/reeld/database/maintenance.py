"""What must be done for the catalogue itself, again and again, while an owner has it open?

It is backed up, its log is folded in, and its files are looked at: they may be removed or replaced under a running
process, and SQLite would not say so. What fails is said and tried again; only a loss or damage ends the owner.
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

# If something changed since the last one. It reads and checks every page, hence from time to time in any case.
BACKUP_S = 24 * 3600.0
BACKUP_UNCHANGED_S = 7 * BACKUP_S
# The first is made once the first scan has come to rest, and not later than this.
QUIET_S = 60.0
FIRST_BACKUP_S = 3600.0
RETRY_BACKUP_S = 1800.0

CHECKPOINT_S = 60.0
# SQLite folds the log in by itself from 4 MiB on, but only as far as the oldest reader has read.
LOG_ALARM_BYTES = 64 << 20
# A log that once grew keeps its size; it is cut when nobody writes.
LOG_CUT_BYTES = 8 << 20

# A name may be gone for the moment in which somebody renames a folder and back.
LOOKS_BEFORE_LOST = 2

SPACE = "space"

Changes = tuple[int, int]
"""A number that grows with our own changes, and one that differs after another process' changes."""


class Maintenance:
    """Keeps one open catalogue well. `tick` is called about once a second, by one thread.

    `now_s` is the wall clock, since the ages of backups outlive the process; a clock that jumps brings on at most one
    backup too many.
    """

    def __init__(
        self, path: str, now_s: float, should_stop: Callable[[], bool], *, backups_kept: int = BACKUPS_KEPT
    ) -> None:
        self._path = path
        self._backups_kept = backups_kept
        self._should_stop = should_stop
        self._started_s = now_s
        self._looks_at_loss = 0
        self._checked_in_s: float | None = None
        self._last_try_s: float | None = None
        self._backup: Backup | None = newest_of(path, datetime.fromtimestamp(now_s, UTC))
        self._backed_up: Changes | None = None
        """What had changed when the last backup was made; None when this process has not made one."""
        self._seen: Changes = (0, 0)
        self._changed_s = now_s
        self._has_files = False
        self._rescued: Backup | None = None
        self._problems: dict[str, str] = {}
        """What is wrong now, by what it is about."""

    def tick(self, now_s: float) -> None:
        """Do what is due. Raises CatalogGone, CatalogLogLost or CatalogCorrupt when going on could only do harm."""
        self._look_at_files(now_s)
        if _is_due(self._checked_in_s, CHECKPOINT_S, now_s):
            self._checked_in_s = now_s
            self._note(SPACE, space_trouble(self._path))
            self._attempt("log", lambda: self._bound_log(now_s))
        if self._is_backup_due(now_s):
            self._back_up(now_s)

    def back_up_at_end(self, now_s: float) -> None:
        """Of a scan, which is over before anything could come due."""
        if self._backup is None or _is_due(self._backup.made_at.timestamp(), BACKUP_S, now_s):
            self._back_up(now_s)

    def problems(self) -> tuple[str, ...]:
        """What is wrong with the catalogue, for `reeld status`, which checks backups and free space by itself."""
        catalog = opened()
        told = [
            catalog.refusal or catalog.trouble,
            *(why for what, why in list(self._problems.items()) if what != SPACE),
        ]
        return tuple(problem for problem in told if problem is not None)

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
            # The copy is damaged: because the catalogue is, or because the disk that it was written to lies.
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

    def _look_at_files(self, now_s: float) -> None:
        catalog = opened()
        loss = catalog.files.loss()
        self._looks_at_loss = 0 if loss is None else self._looks_at_loss + 1
        if loss is None or self._looks_at_loss < LOOKS_BEFORE_LOST:
            return
        catalog.is_doubted = True
        catalog.refusal = f"{readable(self._path)} was {loss.value}; nothing is written until reeld is started again"
        # The connection still sees everything, for as long as this process lives: so it lives until that is saved.
        self._attempt("rescue", lambda: self._rescue(loss, now_s))

    def _rescue(self, loss: Loss, now_s: float) -> None:
        if self._rescued is None:
            at = datetime.fromtimestamp(now_s, UTC)
            self._rescued = save_backup(maintaining, self._path, at, is_rescued=True, kept=self._backups_kept)
            log.error("catalog.rescued", path=self._rescued.path, reason=loss.value)
        if loss is Loss.LOG_LOST and not opened().files.foreign():
            # Nobody else has begun a log meanwhile: ours can still be folded in, and nothing is missing then.
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
        """Trouble is said once, shown while it lasts, and tried again."""
        try:
            do()
        except (CatalogCorrupt, CatalogGone, CatalogLogLost):
            raise
        except (CatalogBusy, Interrupted) as err:
            log.debug("catalog.upkeep_waited", about=about, reason=err.with_hint)
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
    """Also after the clock went back: better once too often."""
    return last_s is None or not 0 <= now_s - last_s < period_s


def _changes(connection: Any) -> Changes:
    return connection.total_changes, connection.execute("PRAGMA data_version").fetchone()[0]


def _checkpoint(connection: Any, mode: str) -> int:
    """Fold the log in, as far as readers of old let it be; how many bytes are left.

    Never waiting for them: TRUNCATE would hold everybody up for as long as SQLite's patience lasts.
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
