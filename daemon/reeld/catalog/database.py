"""Where is the catalogue, is it ours and whole, and how is it written to?

`writing()` is the one door: every change of the database happens inside it, in one IMMEDIATE transaction.
(With the default, deferred kind 449 of 600 read-then-write transactions of four threads failed with
"database is locked"; with IMMEDIATE none did.) Trouble leaves it as one of reeld's own errors.
"""

import contextlib
import os
import sqlite3
import threading
from collections.abc import Iterator

from peewee import IntegrityError, PeeweeException, ProgrammingError
from peewee import sqlite3 as driver

from reeld.catalog.migrate import APPLICATION_ID, application_id, latest_version, migrate, schema_version
from reeld.catalog.models import database
from reeld.domain.files import readable
from reeld.errors import (
    CatalogBusy,
    CatalogCorrupt,
    CatalogError,
    CatalogFull,
    CatalogTooNew,
    CatalogUnavailable,
    NotFoundError,
)

# Another process (a person's decision, a backup) holds the write lock for milliseconds; whoever needs longer
# than this makes our transaction fail as CatalogBusy, and it is tried again.
BUSY_TIMEOUT_S = 5

# Set once the file is known to be ours: the first of them writes to it.
_PRAGMAS = {
    # Readers never wait for the writer, nor the writer for them.
    "journal_mode": "wal",
    # NORMAL lost up to 184 acknowledged commits in a simulated power cut, FULL none.
    "synchronous": "full",
    "foreign_keys": 1,
    "trusted_schema": 0,
}

# The single connection is shared by all threads of the process, one at a time.
_door = threading.RLock()


def open_catalog(path: str, *, create: bool) -> list[str]:
    """Open the catalogue at `path` for this process; the names of the migrations that it needed.

    With `create` it is made when there is none, checked whole and brought to the latest schema: for the one
    process that owns it. Without, it must be there with exactly this reeld's schema: for a look beside it.
    """
    with _own_errors(path):
        if create:
            _make_if_absent(path)
        elif not os.path.exists(path):
            raise NotFoundError(
                f"there is no catalogue at {readable(path)} yet; start `reeld run`, or `reeld scan` once"
            )
        _connect(path)
        try:
            _refuse_foreign(path)
            _set_pragmas()
            return _make_current(path) if create else _require_current(path)
        except BaseException:
            close_catalog()
            raise


def close_catalog() -> None:
    """Close this process' connection; SQLite folds the log into the file when it is the last."""
    with _door:
        if not database.is_closed():
            database.close()


@contextlib.contextmanager
def writing() -> Iterator[None]:
    """One transaction: all of what happens inside is committed at its end, or none of it.

    Raises `CatalogBusy`, `CatalogFull`, `CatalogUnavailable` or `CatalogCorrupt`; nothing was written then,
    and the caller may try the same again.
    """
    with _door, _own_errors(database.database), database.atomic("IMMEDIATE"):
        yield


@contextlib.contextmanager
def reading() -> Iterator[None]:
    """Fetch everything inside: a cursor that stays open keeps the log from ever being folded in."""
    with _door, _own_errors(database.database):
        yield


def _make_if_absent(path: str) -> None:
    """A new catalogue appears under its name only when it is whole.

    So an empty or half-made file under that name is never ours to fill: it is damage, and is said.
    """
    if os.path.exists(path):
        return
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    except OSError as err:
        raise CatalogUnavailable(_cannot_make(path, err)) from err
    draft = f"{path}.new"
    for leftover in (draft, f"{draft}-wal", f"{draft}-shm", f"{path}-wal", f"{path}-shm"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(leftover)
    _connect(draft)
    try:
        _set_pragmas()
        migrate(database)
    finally:
        close_catalog()
    os.rename(draft, path)
    _sync_directory(os.path.dirname(path))


def _connect(path: str) -> None:
    database.init(path, timeout=BUSY_TIMEOUT_S, check_same_thread=False)
    database.connect()


def _set_pragmas() -> None:
    for pragma, value in _PRAGMAS.items():
        database.execute_sql(f"PRAGMA {pragma} = {value}")


def _refuse_foreign(path: str) -> None:
    if application_id(database) != APPLICATION_ID:
        raise CatalogCorrupt(
            f"{readable(path)} is not a catalogue of reeld (it is empty, or belongs to another program); "
            "move it away, or name another file under [database] path. Nothing was changed"
        )
    if (found := schema_version(database)) > latest_version():
        raise CatalogTooNew(
            f"{readable(path)} was written by a newer reeld (schema {found}; this one knows "
            f"{latest_version()}); install that version again, or restore the backup from before the upgrade."
            " Nothing was changed"
        )


def _make_current(path: str) -> list[str]:
    problems = [row[0] for row in database.execute_sql("PRAGMA integrity_check(3)").fetchall()]
    if problems != ["ok"]:
        raise CatalogCorrupt(_damaged(path, "; ".join(problems)))
    return migrate(database)


def _require_current(path: str) -> list[str]:
    if schema_version(database) < latest_version():
        raise CatalogUnavailable(
            f"{readable(path)} has the schema of an older reeld; start `reeld run` (or `reeld scan`) once, "
            "which brings it up to date"
        )
    return []


def _sync_directory(path: str) -> None:
    # A new name survives a power cut only when its directory was synced.
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# --- errors ----------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _own_errors(path: str) -> Iterator[None]:
    try:
        yield
    except (IntegrityError, ProgrammingError, driver.IntegrityError, driver.ProgrammingError):
        raise  # a bug of ours, not trouble with the database
    except (PeeweeException, driver.Error) as err:
        # peewee translates what executing a statement raises; what fetching its rows raises (most damage and
        # most read errors show there) comes as the driver's own error.
        raise _classified(path, err) from err


def _classified(path: str, err: BaseException) -> CatalogError:
    """Which of our errors SQLite's means, by its code; extended codes share their family's last byte."""
    code, message = _sqlite_cause(err)
    name = readable(path)
    match code & 0xFF:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return CatalogBusy(f"{name} is locked by another program ({message}); it is tried again")
        case sqlite3.SQLITE_FULL:
            return CatalogFull(f"the disk of {name} is full; free some space, reeld goes on by itself then")
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return CatalogCorrupt(_damaged(path, message))
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            return CatalogUnavailable(
                f"{name} cannot be opened for writing ({message}); give the user that runs reeld the right "
                "to write to it and to its folder"
            )
        case _:
            return CatalogUnavailable(f"{name} cannot be used ({message}); check the disk that it lies on")


def _sqlite_cause(err: BaseException) -> tuple[int, str]:
    """The first SQLite error behind `err`.

    On a full disk peewee's failing rollback raises "cannot rollback" and hides "database or disk is full" in
    the chain of contexts, so the deepest error counts.
    """
    code, message = 0, str(err)
    link: BaseException | None = err
    while link is not None:
        if found := getattr(link, "sqlite_errorcode", None):
            code, message = found, str(link)
        link = link.__cause__ or link.__context__
    return code, message


def _damaged(path: str, what: str) -> str:
    return (
        f"{readable(path)} is damaged ({what}); stop reeld, copy the file away, then put back a backup, or "
        "move it aside and let reeld scan anew. Nothing was changed"
    )


def _cannot_make(path: str, err: OSError) -> str:
    return (
        f"{readable(path)} cannot be made ({err.strerror}); give the user that runs reeld the right to write "
        "to that folder, or name another one under [database] path"
    )
