"""Makes, checks and lists the backups of the catalogue.

A copy gets its name in `backups/`, beside the catalogue, only after it was checked. So every file
with a backup's name was sound when it was made.
"""

import contextlib
import itertools
import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from shlex import quote
from typing import Any

from peewee import sqlite3 as driver

from reeld.config import BACKUPS_KEPT
from reeld.database.file_access import create, protect
from reeld.database.file_owner import give_to_owner, make_folder
from reeld.domain.files import readable
from reeld.errors import BackupFailed, CatalogCorrupt, CatalogError, Interrupted

# In steps of SQLite's virtual machine: some milliseconds.
STEPS_BETWEEN_STOP_CHECKS = 100_000

_NAMED = r"-(\d{8}T\d{6}Z)-schema(\d+)(-rescued)?"
# A smaller difference may be another machine's clock, as on a network disk.
CLOCK_SLACK = timedelta(hours=1)

MOMENT = "%Y%m%dT%H%M%SZ"

Lend = Callable[[], AbstractContextManager[Any]]
"""Lends the driver's connection to the catalogue, which no other thread uses meanwhile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A backup, as its file name describes it."""

    path: str
    made_at: datetime
    schema: int
    is_rescued: bool
    """Taken from a catalogue whose file was lost. reeld never removes such a backup."""


def folder_of(catalog: str) -> str:
    """Return the folder of a catalogue's backups."""
    return os.path.join(os.path.dirname(catalog), "backups")


def backups_of(catalog: str, now: datetime | None = None) -> list[Backup]:
    """List the backups of this catalogue, newest first; none if the folder is missing or unreadable.

    A backup with a future date was made while the clock was ahead. Its real time is unknown, so
    it counts as the oldest. Otherwise it would displace backups made with the right clock.
    """
    latest = (now or datetime.now(UTC)) + CLOCK_SLACK
    try:
        names = os.listdir(folder_of(catalog))
    except OSError:
        return []
    found = [backup for name in names if (backup := _named(catalog, name)) is not None]
    return sorted(
        found,
        key=lambda backup: (backup.made_at <= latest, backup.made_at, backup.is_rescued, backup.path),
        reverse=True,
    )


def newest_of(catalog: str, now: datetime | None = None) -> Backup | None:
    """Return the last backup of the catalogue itself. A rescued one is of a catalogue that was lost."""
    return next((backup for backup in backups_of(catalog, now) if not backup.is_rescued), None)


def newest_sound(catalog: str, *, newest_schema: int) -> Backup | None:
    """Return the newest backup that this reeld can read and that is still sound."""
    return next(
        (backup for backup in backups_of(catalog) if backup.schema <= newest_schema and is_sound(backup.path)), None
    )


def why_none_is_sound(catalog: str, *, newest_schema: int) -> str | None:
    """Explain why `newest_sound` finds none although there are backups, or return None if there are none."""
    if (trouble := listing_trouble(catalog)) is not None:
        return trouble
    schemas = [backup.schema for backup in backups_of(catalog)]
    newer = [schema for schema in schemas if schema > newest_schema]
    reasons = []
    if newer:
        reasons.append(f"{len(newer)} of a newer reeld, of schema {max(newer)}: install that version")
    if worse := len(schemas) - len(newer):
        reasons.append(f"{worse} damaged or unreadable: check the disk, and the rights of the user that runs reeld")
    if not reasons:
        return None
    return f"no backup in {readable(folder_of(catalog))} can be restored by this reeld ({'; '.join(reasons)})"


def listing_trouble(catalog: str) -> str | None:
    """Explain why the backups cannot be listed, or return None if they can."""
    folder = folder_of(catalog)
    try:
        os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as err:
        return (
            f"the folder of the backups, {readable(folder)}, cannot be listed ({err.strerror}): give the user that "
            "runs this the right to read it, and check its disk"
        )
    return None


def save_backup(
    lend: Lend,
    catalog: str,
    at: datetime,
    *,
    is_rescued: bool = False,
    kept: int = BACKUPS_KEPT,
    should_stop: Callable[[], bool] = lambda: False,
) -> Backup:
    """Save a backup through the lent connection, and remove the oldest beyond `kept`.

    Raises BackupFailed, Interrupted, or CatalogCorrupt if the copied data is damaged.
    """
    folder = folder_of(catalog)
    with lend() as connection:
        schema = connection.execute("PRAGMA user_version").fetchone()[0]
    kind = "-rescued" if is_rescued else ""
    stem, ending = os.path.splitext(os.path.basename(catalog))
    path = os.path.join(folder, f"{stem}-{at.astimezone(UTC).strftime(MOMENT)}-schema{schema}{kind}{ending}")
    try:
        make_folder(folder)
        _remove_unfinished(catalog)
    except OSError as err:
        raise _failed(path, err.strerror) from err
    copy_to(lend, path, should_stop)
    give_to_owner(path, folder)
    protect(path)
    backup = Backup(path=path, made_at=at, schema=schema, is_rescued=is_rescued)
    _remove_old(catalog, backup, kept)
    return backup


def copy_to(lend: Lend, path: str, should_stop: Callable[[], bool] = lambda: False) -> None:
    """Write a complete, checked copy to `path`, replacing it; or change nothing.

    The connection is needed only for the copy (30 ms for 36 MB), not for the check and the sync.
    Raises BackupFailed, Interrupted, or CatalogCorrupt if the copied data is damaged.
    """
    try:
        with contextlib.ExitStack() as stack:
            with lend() as connection:
                _require_space(connection, os.path.dirname(path))
                draft = stack.enter_context(_new_draft(path))
                facts = _facts_of_copy(connection, draft)
            _check(draft, facts, should_stop)
            sync(draft)
            os.rename(draft, path)
            sync(os.path.dirname(path))
    except OSError as err:
        raise _failed(path, err.strerror) from err


def is_sound(path: str) -> bool:
    try:
        _check(path, None, lambda: False)
    except CatalogError:
        return False
    return True


def way_back(catalog: str, backup: Backup) -> str:
    """Explain how the user restores this backup."""
    return (
        f"to restore the sound backup of {backup.made_at:%Y-%m-%d %H:%M} UTC, stop reeld, then:\n"
        f"  {restoring_command(catalog, backup.path)}\n"
        "and start reeld, which finds all later changes on the disks by itself"
    )


def restoring_command(catalog: str, backup: str) -> str:
    """Return the command, with the catalogue's path: the user's configuration may differ from the
    service's.
    """
    return f"reeld restore-backup {quote(readable(backup))} --database {quote(readable(catalog))}"


def unchecked_draft_of(path: str) -> str:
    """Name the copy until it is checked. A kill leaves it there; the next backup removes it."""
    return f"{path}.part"


def draft_of(catalog: str) -> str:
    """Name the checked copy while the catalogue is moved aside for it (`restore.py`)."""
    return f"{catalog}.restoring"


# --- copying ---------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _new_draft(path: str) -> Iterator[str]:
    """Create an empty file beside `path` and remove it at the end, unless it was renamed.

    The folder may be the user's own, with files under any name.
    """
    first = unchecked_draft_of(path)
    for draft in itertools.chain([first], (f"{first}-{number}" for number in itertools.count(2))):
        with contextlib.suppress(FileExistsError):
            os.close(create(draft))
            break
    try:
        yield draft
    finally:
        with contextlib.suppress(OSError):
            os.unlink(draft)


Facts = dict[str, int]
"""What must be equal in the copy: the application, the schema, and the number of rows of each table."""


def _facts_of_copy(connection: Any, draft: str) -> Facts:
    """Copy in one step. SQLite restarts a copy of many steps at each write, and it never ended
    beside a busy writer.
    """
    try:
        with contextlib.closing(driver.connect(draft, isolation_level=None)) as target:
            # A crash leaves a draft, which is thrown away: so no journal, and one sync at the
            # end.
            target.execute("PRAGMA journal_mode = off")
            target.execute("PRAGMA synchronous = off")
            facts = _copy(connection, target)
            # One file that can be copied and opened anywhere, without a log beside it.
            target.execute("PRAGMA journal_mode = delete").fetchall()
    except driver.Error as err:
        if _is_damage(err):
            raise  # damage of the catalogue: there is nothing else to read here
        raise _failed(draft, str(err)) from err
    return facts


def _copy(connection: Any, target: Any) -> Facts:
    connection.execute("BEGIN")  # so that the counted rows are the copied rows
    try:
        facts = _facts(connection)
        connection.backup(target)
    finally:
        with contextlib.suppress(driver.Error):  # after some errors SQLite has rolled back already
            connection.execute("ROLLBACK")
    return facts


def _is_damage(err: driver.Error) -> bool:
    return getattr(err, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def _facts(connection: Any) -> Facts:
    pragmas = {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")}
    tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    count = "SELECT count(*) FROM "
    return pragmas | {name: connection.execute(f'{count}"{name}"').fetchone()[0] for (name,) in tables}


def _check(path: str, expected: Facts | None, should_stop: Callable[[], bool]) -> None:
    try:
        with contextlib.closing(driver.connect(uri_of(path, "mode=ro&immutable=1"), uri=True)) as copy:
            copy.set_progress_handler(should_stop, STEPS_BETWEEN_STOP_CHECKS)
            problems = [row[0] for row in copy.execute("PRAGMA integrity_check(3)").fetchall()]
            found = _facts(copy) if expected and problems == ["ok"] else expected
    except driver.Error as err:
        if should_stop():
            raise Interrupted("the backup was stopped half-way, because reeld was asked to stop") from err
        if not _is_damage(err):
            raise _failed(path, str(err)) from err
        problems = [str(err)]
    if problems != ["ok"]:
        raise CatalogCorrupt(f"{readable(path)} is damaged ({'; '.join(problems)})")
    if found != expected:
        raise BackupFailed(
            f"the backup {readable(path)} holds {found} instead of {expected}, so it was thrown away",
            "check the disk that it lies on",
        )


def uri_of(path: str, how: str) -> str:
    """Return SQLite's URI for the file at this absolute path."""
    escaped = path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    # The empty host name matters: in a path with two slashes the first folder would be taken as
    # the host.
    return f"file://{escaped}?{how}"


def _require_space(connection: Any, folder: str) -> None:
    """Require twice the copy's size: a copy that fills the disk would stop the catalogue itself."""
    page_count, page_size = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    if (shortage := _shortage_of_space(folder, page_count * page_size)) is not None:
        raise BackupFailed(f"no backup of the catalogue was made in {readable(folder)}: {shortage}", "free some space")


def backup_space_trouble(catalog: str) -> str | None:
    """Say that the next backup will not fit, or return None if it does, or the space is unknown."""
    folder = folder_of(catalog)
    try:
        place = folder if os.path.isdir(folder) else os.path.dirname(catalog)
        shortage = _shortage_of_space(place, os.path.getsize(catalog))
    except OSError:
        return None
    if shortage is None:
        return None
    return f"the next backup will not be made in {readable(folder)}: {shortage}; free some space"


def _shortage_of_space(folder: str, size_bytes: int) -> str | None:
    needed, room = 2 * size_bytes, os.statvfs(folder)
    if (free := room.f_bavail * room.f_frsize) >= needed:
        return None
    return f"{free >> 10} KiB are free there and {needed >> 10} are needed"


def sync(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _failed(path: str, reason: str | None) -> BackupFailed:
    return BackupFailed(
        f"the backup {readable(path)} cannot be made ({reason})",
        "give the user that runs reeld the right to write to that folder, and check its free space",
    )


# --- the folder ------------------------------------------------------------------------------------------


def _match(catalog: str, name: str, more: str = "") -> re.Match[str] | None:
    """Match a backup's name. Catalogues with another stem or ending have backups of their own."""
    stem, ending = map(re.escape, os.path.splitext(os.path.basename(catalog)))
    return re.fullmatch(f"{stem}{_NAMED}{ending}{more}", name, re.ASCII)


def _named(catalog: str, name: str) -> Backup | None:
    """Parse a backup's name, or return None if it is no backup of this catalogue."""
    if (match := _match(catalog, name)) is None:
        return None
    try:
        made_at = datetime.strptime(match[1], MOMENT).replace(tzinfo=UTC)
    except ValueError:  # no such date: the user chose this name
        return None
    path = os.path.join(folder_of(catalog), name)
    return Backup(path=path, made_at=made_at, schema=int(match[2]), is_rescued=match[3] is not None)


def _remove_unfinished(catalog: str) -> None:
    folder = folder_of(catalog)
    for name in os.listdir(folder):
        if _match(catalog, name, r"\.part"):
            os.unlink(os.path.join(folder, name))


def _remove_old(catalog: str, just_made: Backup, most: int) -> None:
    """Remove old backups. Keep the newest `most`, and the last of each earlier schema: the only way
    back to that reeld.
    """
    kept: list[Backup] = []
    for backup in backups_of(catalog, just_made.made_at):
        is_last_of_schema = backup.schema not in {each.schema for each in kept}
        ordinary = sum(not each.is_rescued for each in kept)
        if ordinary < most or is_last_of_schema or backup.is_rescued or backup.path == just_made.path:
            kept.append(backup)
        else:
            with contextlib.suppress(OSError):
                os.unlink(backup.path)
