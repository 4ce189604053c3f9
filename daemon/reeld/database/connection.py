"""Where is the catalogue, is it ours and whole, and how is it written to?

`writing()` is the one door: every change of the database happens inside it, in one IMMEDIATE transaction.
(With the default, deferred kind 449 of 600 read-then-write transactions of four threads failed with
"database is locked"; with IMMEDIATE none did.) Trouble leaves it as one of reeld's own errors.
"""

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from reeld.config import BACKUPS_KEPT
from reeld.database import integrity
from reeld.database.backup import newest_sound, save_backup, way_back
from reeld.database.base import database
from reeld.database.file_owner import give_to_owner, make_folder
from reeld.database.migrate import APPLICATION_ID, application_id, latest_version, migrate, schema_version
from reeld.database.open_files import OpenFiles
from reeld.database.sqlite_errors import damaged, gone, own_errors
from reeld.domain.files import readable
from reeld.errors import (
    BackupFailed,
    CatalogBusy,
    CatalogCorrupt,
    CatalogError,
    CatalogTooNew,
    CatalogUnavailable,
    Interrupted,
    NotFoundError,
)

# Another process (a person's decision, a backup) holds the write lock for milliseconds; whoever needs longer
# than this makes our transaction fail as CatalogBusy, and it is tried again.
BUSY_TIMEOUT_S = 5

# How long upkeep waits for the other threads of this process before it rather comes again.
MAINTENANCE_PATIENCE_S = 1.0

# Set once the file is known to be ours: the first of them writes to it.
_PRAGMAS = {
    # Readers never wait for the writer, nor the writer for them.
    "journal_mode": "wal",
    # NORMAL lost up to 184 acknowledged commits in a simulated power cut, FULL none.
    "synchronous": "full",
    "foreign_keys": 1,
    # The daemon may write in the catalogue's folder alone, and SQLite's temporary files would lie elsewhere.
    "temp_store": "memory",
    "trusted_schema": 0,
}

# The single connection is shared by all threads of the process, one at a time.
_door = threading.RLock()

_this_thread = threading.local()
"""`may_write`, see `writing_only_while`."""


@dataclass(slots=True, kw_only=True)
class OpenCatalog:
    """What this process knows of the catalogue that it has open; shared under the door."""

    path: str
    is_owned: bool
    """Whether this is the one process that may bring it up to date."""
    files: OpenFiles
    is_doubted: bool = False
    """Whether something was seen that calls for a full check at the next start."""
    refusal: str | None = None
    """Why nothing is written any more."""
    trouble: str | None = None
    """Why the last write failed; None once one succeeded."""
    on_work: Callable[[], None] = lambda: None
    """Told, after the commit, that a transaction gave the queue something to do."""
    has_work: bool = False
    """Whether the transaction under way does so; one that is rolled back only costs a look in vain."""


_opened: OpenCatalog | None = None


def open_catalog(
    path: str, *, create: bool, now: datetime | None = None, backups_kept: int = BACKUPS_KEPT
) -> list[str]:
    """Open the catalogue at `path` for this process; the names of the migrations that it needed.

    With `create` it is made when there is none and never was, checked and brought to the latest schema: for the one
    process that owns it. Without, it must be there with exactly this reeld's schema: for a look beside it.
    Raises CatalogGone where there was one, and NotFoundError where there never was.
    """
    global _opened  # noqa: PLW0603 - one for the process, as the connection itself
    with own_errors(path):
        if create:
            _make_if_absent(path)
        elif not os.path.exists(path):
            _refuse_if_gone(path)
            raise NotFoundError(
                f"there is no catalogue at {readable(path)} yet", "start `reeld run`, or `reeld scan` once"
            )
        _connect(path)
        try:
            _refuse_foreign(path)
            _set_pragmas()
            applied = _own(path, now or datetime.now(UTC), backups_kept) if create else _require_current(path)
        except BaseException:
            close_catalog()
            raise
        _opened = OpenCatalog(path=path, is_owned=create, files=OpenFiles(path))
        return applied


def close_catalog() -> None:
    """Close this process' connection; SQLite folds the log into the file when it is the last.

    An owner that ends here in order says so in the catalogue itself, and spares the next one a long check.
    """
    global _opened
    with _door:
        ending, _opened = _opened, None
        if database.is_closed():
            return
        if ending is None:
            database.close()
            return
        if ending.is_owned and not ending.is_doubted:
            # On a full disk, for example, it cannot be said: then the next owner checks all of it.
            with contextlib.suppress(CatalogError), own_errors(ending.path), database.atomic("IMMEDIATE"):
                integrity.note_closed()
        with ending.files.sparing_others():
            database.close()


@contextlib.contextmanager
def writing() -> Iterator[None]:
    """One transaction: all of what happens inside is committed at its end, or none of it.

    Raises `CatalogBusy`, `CatalogFull`, `CatalogUnavailable` or `CatalogCorrupt`; nothing was written then,
    and the caller may try the same again. Inside `writing_only_while` also Interrupted.
    """
    with _door, _recording_trouble():
        if _opened is not None and _opened.refusal is not None:
            raise CatalogUnavailable(_opened.refusal)
        with own_errors(database.database), database.atomic("IMMEDIATE"):
            if not getattr(_this_thread, "may_write", _always)():
                raise Interrupted("nothing was written, because reeld was asked to stop")
            yield
        if _opened is not None and _opened.has_work:
            _opened.has_work = False
            _opened.on_work()


@contextlib.contextmanager
def writing_only_while(may_write: Callable[[], bool]) -> Iterator[None]:
    """Inside, whatever this thread wants to write raises Interrupted, with nothing written, once this is not so.

    For a thread that a dead disk may hold until others have taken over. They do that in a transaction of their own, and
    this is asked within each, so none can come too late. It is here rather than at whoever writes, so that nobody can
    forget it.
    """
    _this_thread.may_write = may_write
    try:
        yield
    finally:
        del _this_thread.may_write


@contextlib.contextmanager
def reading() -> Iterator[None]:
    """Fetch everything inside: a cursor that stays open keeps the log from ever being folded in."""
    with _door, _noticing_doubt(), own_errors(database.database):
        yield


@contextlib.contextmanager
def maintaining() -> Iterator[Any]:
    """The driver's own connection, for upkeep: nobody else uses it inside.

    Raises CatalogBusy when the other threads of this process do not let go of it for a second.
    """
    if not _door.acquire(timeout=MAINTENANCE_PATIENCE_S):
        raise CatalogBusy("the catalogue is in use, so its maintenance has to wait")
    try:
        with _noticing_doubt(), own_errors(database.database):
            yield database.connection()
    finally:
        _door.release()


def require_whole() -> int:
    """Read and check all of the open catalogue, whatever the last end calls for; its schema's number.

    Raises CatalogCorrupt, which names the way back.
    """
    with reading():
        integrity.require_sound(database, opened().path)
        if orphans := database.execute_sql("PRAGMA foreign_key_check").fetchall():
            raise damaged(opened().path, f"{len(orphans)} rows name others that are not there")
        return schema_version(database)


def call_when_work_comes(on_work: Callable[[], None]) -> None:
    """Have this called after each transaction of this process that gave the queue something to do.

    Here rather than at whoever writes, so that nobody can forget it: a worker that is not woken sleeps on.
    """
    opened().on_work = on_work


def work_has_come() -> None:
    """The transaction under way gives the queue something to do, now or later. For `queue.py`."""
    if _opened is not None:
        _opened.has_work = True


def opened() -> OpenCatalog:
    if _opened is None:
        raise CatalogUnavailable("no catalogue is open")
    return _opened


def _always() -> bool:
    return True


@contextlib.contextmanager
def _recording_trouble() -> Iterator[None]:
    """What became of a write is remembered, to be shown."""
    try:
        with _noticing_doubt():
            yield
    except CatalogError as err:
        if _opened is not None:
            _opened.trouble = err.with_hint
        raise
    if _opened is not None:
        _opened.trouble = None


@contextlib.contextmanager
def _noticing_doubt() -> Iterator[None]:
    """After damage, or a disk that failed, the next owner must not believe that all is well."""
    try:
        yield
    except (CatalogCorrupt, CatalogUnavailable):
        if _opened is not None:
            _opened.is_doubted = True
        raise


def _make_if_absent(path: str) -> None:
    """A new catalogue appears under its name only when it is whole, and only where none has ever been.

    So an empty or half-made file under that name is never ours to fill: it is damage, and is said.
    """
    if os.path.exists(path):
        return
    _refuse_if_gone(path)
    try:
        make_folder(os.path.dirname(path))
    except OSError as err:
        raise CatalogUnavailable(
            f"{readable(path)} cannot be created ({err.strerror})",
            "give the user that runs reeld the right to write to that folder, or name another one under "
            "[database] path",
        ) from err
    draft = f"{path}.new"
    for leftover in (draft, f"{draft}-wal", f"{draft}-shm", f"{path}-wal", f"{path}-shm"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(leftover)
    _connect(draft)
    try:
        _set_pragmas()
        migrate(database)
    finally:
        database.close()
    give_to_owner(draft, os.path.dirname(path))
    os.rename(draft, path)
    _sync_directory(os.path.dirname(path))


def _refuse_if_gone(path: str) -> None:
    if (error := gone(path)) is not None:
        raise error


def _connect(path: str) -> None:
    database.init(path, timeout=BUSY_TIMEOUT_S, check_same_thread=False)
    database.connect()


def _set_pragmas() -> None:
    for pragma, value in _PRAGMAS.items():
        database.execute_sql(f"PRAGMA {pragma} = {value}")


def _refuse_foreign(path: str) -> None:
    if application_id(database) != APPLICATION_ID:
        raise CatalogCorrupt(
            f"{readable(path)} is not a catalogue of reeld (it is empty, or belongs to another program). "
            "Nothing was changed",
            "move it away, or name another file under [database] path",
        )
    if (found := schema_version(database)) > latest_version():
        backup = newest_sound(path, newest_schema=latest_version())
        restore = f"; or, {way_back(path, backup)}" if backup else ", or restore the backup from before the upgrade"
        raise CatalogTooNew(
            f"{readable(path)} was written by a newer reeld (schema {found}; this one knows {latest_version()}). "
            "Nothing was changed",
            f"install that version again{restore}",
        )


def _own(path: str, now: datetime, backups_kept: int) -> list[str]:
    """Check it, bring it up to date, and note that it is open from here on."""
    checked_at = integrity.check(database, path, now)
    found = schema_version(database)
    if found < latest_version():
        _back_up_first(path, now, found, backups_kept)
    applied = migrate(database)
    with database.atomic("IMMEDIATE"):
        integrity.note_open(checked_at)
    return applied


def _back_up_first(path: str, now: datetime, schema: int, backups_kept: int) -> None:
    """There is no way down from a migration but this copy, so without it nothing is migrated."""
    try:
        save_backup(lambda: contextlib.nullcontext(database.connection()), path, now, kept=backups_kept)
    except BackupFailed as err:
        raise BackupFailed(
            f"{readable(path)} has schema {schema} and is not upgraded to {latest_version()} without a backup: {err}. "
            "Nothing was changed",
            f"{err.hint}; then start reeld again",
        ) from err


def _require_current(path: str) -> list[str]:
    if schema_version(database) < latest_version():
        raise CatalogUnavailable(
            f"{readable(path)} has the schema of an older reeld",
            "start `reeld run` (or `reeld scan`) once, which upgrades it",
        )
    return []


def _sync_directory(path: str) -> None:
    # A new name survives a power cut only when its directory was synced.
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
