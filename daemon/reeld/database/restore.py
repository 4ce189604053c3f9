"""How does the catalogue go back to a backup? At every moment the one or the other is whole, and nothing is deleted.

The order is what makes it safe. First a checked copy of the backup lies beside the catalogue, under a name of its own;
then the catalogue moves aside, and before its log, so that it is never opened without it; then the copy takes its
place. Whoever opens a catalogue refuses to begin anew while such a copy lies there (`sqlite_errors.py`).
"""

import contextlib
import itertools
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from peewee import sqlite3 as driver

from reeld.database.backup import MOMENT, copy_to, draft_of, sync, unchecked_draft_of, uri_of
from reeld.database.file_owner import give_to_owner, make_folder
from reeld.database.migrate import APPLICATION_ID, latest_version
from reeld.database.open_files import SUFFIXES
from reeld.domain.files import readable
from reeld.errors import BackupFailed, CatalogCorrupt, CatalogTooNew, NotFoundError, UsageError

_ASIDE = "replaced-"


def restore(catalog: str, backup: str, at: datetime) -> str | None:
    """Put a copy of `backup` in the catalogue's place; the folder in which what was there lies now, None if none was.

    For the one process that holds the lock on the catalogue. Killed at any moment it may be called again. Raises
    NotFoundError, UsageError, BackupFailed, and, when the backup is damaged or of a newer reeld, CatalogCorrupt or
    CatalogTooNew; nothing has changed then.
    """
    if not os.path.isfile(backup):
        raise NotFoundError(f"there is no backup {readable(backup)}", "see `reeld list backups`")
    try:
        with open(backup, "rb"):
            pass
    except OSError as err:
        raise NotFoundError(
            f"{readable(backup)} cannot be read ({err.strerror})", "check its rights, or see `reeld list backups`"
        ) from err
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
        os.rename(draft, catalog)
        sync(folder)
    except OSError as err:
        raise BackupFailed(
            f"{readable(backup)} was not restored as {readable(catalog)} ({err.strerror})",
            "give the user that runs this the right to write to that folder, then try again",
        ) from err
    return aside


def _copy(backup: str, draft: str) -> None:
    """A whole, checked copy of the backup. Also from one that was used meanwhile, and has a log beside it."""
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
    # Without a log there is nothing else to be read, and SQLite need not make one, for which it may lack the right.
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
    """The catalogue and its log leave their places, the log last; the folder that they are in."""
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
    """Where the catalogue went in a try that was killed half-way: what is left of it, its log, belongs there."""
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
