"""Turns SQLite's errors into errors of reeld, with a hint what the user can do."""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from shlex import quote

from peewee import IntegrityError, PeeweeException, ProgrammingError
from peewee import sqlite3 as driver

from reeld.database.backup import draft_of, folder_of, newest_sound, restoring_command, way_back, why_none_is_sound
from reeld.database.migrate import latest_version
from reeld.database.whose import of_another
from reeld.domain.files import readable
from reeld.errors import CatalogBusy, CatalogCorrupt, CatalogError, CatalogFull, CatalogGone, CatalogUnavailable

# Below this a warning is given: at the start, in the log and by `reeld status`.
LOW_SPACE_BYTES = 64 << 20

# SQLite allocates it in one piece.
LOG_INDEX_BYTES = 32 << 10

# SQLite 3.7.0 to 3.51.2 can corrupt a WAL database that several connections write to. Fixed in
# this version, and in two older branches.
FIXED_IN = (3, 51, 3)
FIXED_EARLIER = {(3, 50): 7, (3, 44): 6}  # version: patch

DRIVER_VERSION: str = driver.sqlite_version


@contextlib.contextmanager
def own_errors(path: str) -> Iterator[None]:
    """Turn SQLite's errors about the catalogue at `path` into a CatalogError. Our own bugs stay as
    they are.
    """
    try:
        yield
    except (IntegrityError, ProgrammingError, driver.IntegrityError, driver.ProgrammingError):
        raise  # a bug of ours, not trouble with the database
    except (PeeweeException, driver.Error) as err:
        # peewee translates errors of executing a statement. Errors of fetching rows, which most
        # damage and most read errors cause, come as the driver's own.
        raise _classified(path, err) from err


def damaged(path: str, what: str) -> CatalogCorrupt:
    """Build the error for a damaged catalogue; its hint has the commands to restore a backup."""
    if (theirs := of_another(path)) is not None:
        return CatalogCorrupt(f"{readable(path)} is damaged ({what}); {theirs}", theirs.hint)
    return CatalogCorrupt(f"{readable(path)} is damaged ({what}). Nothing was changed", _hint_for_damage(path))


def _hint_for_damage(path: str) -> str:
    if (backup := newest_sound(path, newest_schema=latest_version())) is not None:
        return way_back(path, backup)
    if (reason := why_none_is_sound(path, newest_schema=latest_version())) is not None:
        return f"{reason}; or, to start with an empty catalogue, move it aside together with its backups"
    return "there is no backup: move the file aside, then let reeld scan everything again"


def space_trouble(path: str) -> str | None:
    """Warn of little free space on the catalogue's disk, or return None if it suffices or is unknown."""
    if has_no_room(path):
        return full(path).with_hint
    free = free_bytes(path)
    if free is None or free >= LOW_SPACE_BYTES:
        return None
    return (
        f"only {free / (1 << 20):.1f} MiB are free on the disk of the catalogue, {readable(path)}; free some space: "
        "when it is used up reeld waits, and goes on by itself"
    )


def has_no_room(path: str) -> bool:
    """Tell whether the disk has no room for the log's index, or no inode for a file.

    SQLite then says only "I/O error", or "unable to open database file".
    """
    try:
        room = os.statvfs(os.path.dirname(path))
    except OSError:
        return False
    has_no_inodes = room.f_files > 0 and room.f_favail == 0
    return has_no_inodes or room.f_bavail * room.f_frsize < LOG_INDEX_BYTES


def driver_trouble(version: tuple[int, ...] = driver.sqlite_version_info) -> str | None:
    """Warn of a SQLite version that can damage the catalogue, or return None if it is a good one."""
    major, minor, patch = version[:3]
    if version >= FIXED_IN or patch >= FIXED_EARLIER.get((major, minor), patch + 1):
        return None
    return (
        f"SQLite {'.'.join(map(str, version))} can, very rarely, damage a catalogue that a second program writes to; "
        "install the Python package pysqlite3 0.6.1 or newer beside reeld, or a system with SQLite 3.51.3 or newer"
    )


def gone(path: str) -> CatalogError | None:
    """Return the error if a catalogue was once at the now empty `path`, or None if a new one may be created.

    An empty catalogue in its place would look as if reeld had never known anything. What cannot be
    looked at may be there.
    """
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as err:
        return of_another(path) or CatalogUnavailable(
            f"{readable(path)} cannot be accessed ({err.strerror}). Nothing was changed",
            "run this as the user that reeld runs as, or as a member of [database] group",
        )
    error = _gone_for_its_owner(path)
    if error is not None and (theirs := of_another(path)) is not None:
        # The user cannot see all of it, and may change nothing there.
        return CatalogGone(f"there is no catalogue at {readable(path)} any more; {theirs}", theirs.hint)
    return error


def _gone_for_its_owner(path: str) -> CatalogError | None:
    """Return the error with the way back, which only the owner of the catalogue can go."""
    if os.path.exists(draft := draft_of(path)):
        return CatalogGone(
            f"restoring a backup as {readable(path)} was interrupted",
            f"finish it:\n  {restoring_command(path, draft)}",
        )
    folder = folder_of(path)
    empty_one = f"to start with an empty one: mv {quote(readable(folder))} {quote(readable(f'{folder}.old'))}"
    if (backup := newest_sound(path, newest_schema=latest_version())) is not None:
        return CatalogGone(
            f"there is no catalogue at {readable(path)} any more, but there are backups of it",
            f"{way_back(path, backup)}\nor, {empty_one}",
        )
    if (reason := why_none_is_sound(path, newest_schema=latest_version())) is not None:
        return CatalogGone(f"there is no catalogue at {readable(path)}, and {reason}", empty_one)
    if os.path.exists(log := f"{path}-wal") and os.path.getsize(log):
        return CatalogGone(
            f"there is no catalogue at {readable(path)} any more, but its log is",
            "put the file back; or, to start with an empty one: "
            f"mv {quote(readable(log))} {quote(readable(path + '.old-wal'))}",
        )
    return None


def _classified(path: str, err: BaseException) -> CatalogError:
    """Choose our error by SQLite's code. Extended codes share their family's last byte."""
    code, message = _sqlite_cause(err)
    name = readable(path)
    match code & 0xFF:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return CatalogBusy(f"{name} is locked by another program ({message})", "try again when it is done")
        case sqlite3.SQLITE_FULL:
            return full(path)
        case sqlite3.SQLITE_IOERR | sqlite3.SQLITE_CANTOPEN if code == sqlite3.SQLITE_IOERR_SHMSIZE or (
            code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN) and has_no_room(path)
        ):
            # The log's index cannot grow. On a full disk a write through the map would be SIGBUS.
            return full(path)
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return damaged(path, message)
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            return of_another(path) or CatalogUnavailable(
                f"{name} cannot be opened for writing ({message}). Nothing was changed",
                "run this as the user that reeld runs as, who needs the right to write to it and to its folder; "
                "[database] group lets others read it",
            )
        case _:
            return CatalogUnavailable(f"{name} cannot be used ({message})", "check the disk that it lies on")


def free_bytes(path: str) -> int | None:
    """Return the free bytes on the catalogue's disk, or None if unknown."""
    try:
        room = os.statvfs(os.path.dirname(path))
    except OSError:
        return None
    return room.f_bavail * room.f_frsize


def full(path: str) -> CatalogFull:
    """Build the error for a disk without space for the catalogue at `path`."""
    return CatalogFull(
        f"the disk of {readable(path)} is full", "free some space; a running reeld then goes on by itself"
    )


def _sqlite_cause(err: BaseException) -> tuple[int, str]:
    """Find the first SQLite error behind `err`.

    On a full disk peewee's failing rollback raises "cannot rollback" and hides "database or disk
    is full" in the chain of contexts, so the deepest error counts.
    """
    code, message = 0, str(err)
    link: BaseException | None = err
    while link is not None:
        if found := getattr(link, "sqlite_errorcode", None):
            code, message = found, str(link)
        link = link.__cause__ or link.__context__
    return code, message
