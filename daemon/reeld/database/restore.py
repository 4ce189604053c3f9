"""Restores a backup. At every moment either the old catalogue or the backup is complete; nothing is
deleted.

The order makes it safe. First a checked copy of the backup is put beside the catalogue, under its
own name. Then the catalogue moves aside, and its log after it, so that it is never opened without
its log. Then the copy takes its place. While such a copy exists, reeld refuses to create an empty
catalogue (`sqlite_errors.py`).
"""

import contextlib
import itertools
import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from peewee import sqlite3 as driver

from reeld.database.backup import MOMENT, copy_to, draft_of, sync, unchecked_draft_of, uri_of
from reeld.database.file_access import protect
from reeld.database.file_owner import give_to_owner, make_folder
from reeld.database.migrate import APPLICATION_ID, latest_version
from reeld.database.open_files import SUFFIXES
from reeld.database.whose import user_name
from reeld.domain.files import readable
from reeld.errors import BackupFailed, CatalogCorrupt, CatalogTooNew, NotFoundError, UsageError

_ASIDE = "replaced-"


def restore(catalog: str, backup: str, at: datetime) -> str | None:
    """Replace the catalogue by a copy of `backup`. Return the folder with the old one, None if there
    was none.

    Only for the process that holds the lock on the catalogue. After a kill it may be called
    again. Raises NotFoundError, UsageError, BackupFailed, or, for a damaged backup or a newer
    schema, CatalogCorrupt or CatalogTooNew. Then nothing has changed.
    """
    _require_readable(backup)
    if os.path.exists(catalog) and os.path.samefile(catalog, backup):
        raise UsageError(f"{readable(backup)} is the catalogue itself", "see `reeld list backups`")
    draft, folder = draft_of(catalog), os.path.dirname(catalog)
    try:
        make_folder(folder)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(unchecked_draft_of(draft))
        _copy(backup, draft)
        aside = _move_aside(catalog, at)
        for path in (draft, *([aside] if aside else [])):
            give_to_owner(path, folder)
        protect(draft)
        os.rename(draft, catalog)
        sync(folder)
    except OSError as err:
        raise BackupFailed(
            f"{readable(backup)} was not restored as {readable(catalog)} ({err.strerror})",
            "give the user that runs this the right to write to that folder, then try again",
        ) from err
    return aside


def _require_readable(backup: str) -> None:
    try:
        with open(backup, "rb") as file:
            if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        pass
    except PermissionError as err:
        name = user_name(os.geteuid())
        raise NotFoundError(
            f"{readable(backup)} cannot be read ({err.strerror}): {name} may not read it",
            f"check its rights and those of the folders above, or copy it to a folder that {name} may read",
        ) from err
    except OSError as err:
        raise NotFoundError(
            f"{readable(backup)} cannot be read ({err.strerror})", "check the disk that it lies on"
        ) from err
    raise NotFoundError(f"there is no backup {readable(backup)}", "see `reeld list backups`")


def _copy(backup: str, draft: str) -> None:
    """Make a checked copy of the backup, also of one that was used and has a log beside it."""
    try:
        with contextlib.closing(_open(backup)) as connection:
            _require_ours(connection, backup)
            copy_to(lambda: contextlib.nullcontext(connection), draft)
    except (CatalogCorrupt, driver.Error) as err:
        raise CatalogCorrupt(
            f"{readable(backup)} is damaged, or is no backup of reeld ({err}). Nothing was changed",
            "see `reeld list backups` for others",
        ) from err


def _open(backup: str) -> Any:
    # Without a log nothing else must be read, and SQLite need not create one, for which a right
    # may lack.
    how = "mode=ro" if os.path.exists(f"{backup}-wal") else "mode=ro&immutable=1"
    return driver.connect(uri_of(backup, how), uri=True, isolation_level=None)


def _require_ours(connection: Any, backup: str) -> None:
    owner, schema = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
    if owner != APPLICATION_ID:
        raise CatalogCorrupt("it is empty, or belongs to another program")
    if schema > latest_version():
        raise CatalogTooNew(
            f"{readable(backup)} was made by a newer reeld (schema {schema}; this one knows {latest_version()}). "
            "Nothing was changed",
            "install that version, or choose an older backup from `reeld list backups`",
        )


def _move_aside(catalog: str, at: datetime) -> str | None:
    """Move the catalogue and its log aside, the log last. Return the new folder."""
    there = [suffix for suffix in (*SUFFIXES, "-journal") if os.path.lexists(catalog + suffix)]
    if not there:
        return None
    aside = _aside_of_before(catalog, there) or _new_aside(catalog, at)
    for suffix in there:
        os.rename(catalog + suffix, os.path.join(aside, os.path.basename(catalog) + suffix))
        sync(aside)
        sync(os.path.dirname(catalog))
    return aside


def _aside_of_before(catalog: str, there: list[str]) -> str | None:
    """Return the folder of an interrupted attempt: the rest of the catalogue, its log, belongs
    there.
    """
    folder, name = os.path.split(catalog)
    if "" in there:
        return None
    earlier = sorted((each for each in os.listdir(folder) if each.startswith(_ASIDE)), reverse=True)
    for aside in (os.path.join(folder, each) for each in earlier):
        if not any(os.path.lexists(os.path.join(aside, name + suffix)) for suffix in there):
            return aside
    return None


def _new_aside(catalog: str, at: datetime) -> str:
    for aside in _names_aside(catalog, at):
        with contextlib.suppress(FileExistsError):
            os.mkdir(aside, mode=0o700)
            return aside
    raise AssertionError("there is always another name")


def _names_aside(catalog: str, at: datetime) -> Iterator[str]:
    first = os.path.join(os.path.dirname(catalog), f"{_ASIDE}{at.astimezone(UTC).strftime(MOMENT)}")
    yield first
    yield from (f"{first}-{number}" for number in itertools.count(2))
