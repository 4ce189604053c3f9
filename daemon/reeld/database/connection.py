"""Opens the catalogue, checks that it is sound and ours, and guards all reading and writing.

Every change of the database happens inside `writing()`, in one IMMEDIATE transaction. (With the
default, deferred, 449 of 600 read-then-write transactions of four threads failed with "database
is locked". With IMMEDIATE none did.) SQLite's errors leave it as errors of reeld.
"""

import contextlib
import errno
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from reeld.config import BACKUPS_KEPT
from reeld.database import integrity
from reeld.database.backup import backups_of, folder_of, newest_sound, save_backup, uri_of, way_back
from reeld.database.base import database
from reeld.database.file_access import create, protect, protect_folder, protect_log
from reeld.database.file_owner import give_to_owner, make_folder
from reeld.database.migrate import APPLICATION_ID, application_id, latest_version, migrate, schema_version
from reeld.database.open_files import SUFFIXES, OpenFiles
from reeld.database.sqlite_errors import damaged, full, gone, own_errors
from reeld.domain.files import readable
from reeld.errors import (
    BackupFailed,
    CatalogBusy,
    CatalogCorrupt,
    CatalogError,
    CatalogFull,
    CatalogTooNew,
    CatalogUnavailable,
    Interrupted,
    NotFoundError,
)
from reeld.log import get_logger

# Another process (a command, a backup) holds the write lock for milliseconds. If one needs longer
# than this, our transaction fails as CatalogBusy and is tried again.
BUSY_TIMEOUT_S = 5

# The driver forgets a new statement before an old one once its cache is full: two that take turns are then prepared
# each time. The statements of all parts of reeld, with lists of every length, fit in so many.
STATEMENTS_KEPT = 2000

# How long maintenance waits for the other threads of this process. Then it is put off.
MAINTENANCE_PATIENCE_S = 1.0

# Set after the file is known to be ours, because the first of them writes to it.
_PRAGMAS = {
    # Readers never wait for the writer, nor the writer for them.
    "journal_mode": "wal",
    # NORMAL lost up to 184 acknowledged commits in a simulated power cut, FULL none.
    "synchronous": "full",
    "foreign_keys": 1,
    # The daemon may write in the catalogue's folder only, and SQLite's temporary files would lie
    # elsewhere.
    "temp_store": "memory",
    "trusted_schema": 0,
}

# What may lie beside the catalogue: its log, the owner's lock and status, and drafts that a kill left.
_BESIDE = (*SUFFIXES, "-journal", ".lock", ".status", ".status.new", ".new", ".importing", ".restoring")

log = get_logger()

# All threads of the process share one connection, one at a time.
_lock = threading.RLock()

_this_thread = threading.local()
"""Holds `may_write`, see `writing_only_while`."""


@dataclass(slots=True, kw_only=True)
class OpenCatalog:
    """The state of the open catalogue, shared by all threads under the lock."""

    path: str
    is_owned: bool
    """Whether this is the one process that may migrate it."""
    files: OpenFiles
    needs_full_check: bool = False
    """Whether an error calls for a full check at the next start."""
    refusal: str | None = None
    """Why all writes are refused from now on."""
    refused: CatalogError | None = None
    """Why it is open for reading alone, or None if it can be written."""
    version: tuple[int, int] | None = None
    """Size and time of the file when it was opened."""
    trouble: str | None = None
    """Why the last write failed, or None after one that succeeded."""
    is_disk_full: bool = False
    """Whether the last write failed for want of space."""
    on_work: Callable[[], None] = lambda: None
    """Called after the commit of a transaction that added work to the queue."""
    has_work: bool = False
    """Whether the current transaction adds work. After a rollback this costs one useless check."""


_opened: OpenCatalog | None = None


def open_catalog(
    path: str, *, create: bool, now: datetime | None = None, backups_kept: int = BACKUPS_KEPT
) -> list[str]:
    """Open the catalogue at `path` for this process. Return the names of the migrations that ran.

    With `create`, for the one owner, it is created if there never was one, checked and migrated.
    Without, for commands beside a daemon, it must exist with exactly this reeld's schema. A full
    disk, or a folder that cannot be written, does not keep it from being read. Raises CatalogGone
    if there once was one, and NotFoundError if there never was.
    """
    global _opened  # noqa: PLW0603 - one for the process, as the connection itself
    with own_errors(path):
        if create:
            _make_if_absent(path)
            protect_catalog(path)
        elif not os.path.exists(path):
            _refuse_if_gone(path)
            raise NotFoundError(
                f"there is no catalogue at {readable(path)} yet", "start `reeld run`, or `reeld scan` once"
            )
        refused: CatalogError | None = None
        try:
            try:
                _connect_to_write(path)
            except (CatalogFull, CatalogUnavailable) as err:
                if create or not _connect_to_read(path):
                    raise
                refused = err
            applied = _own(path, now or datetime.now(UTC), backups_kept) if create else _require_current(path)
        except BaseException:
            close_catalog()
            raise
        _opened = OpenCatalog(
            path=path, is_owned=create, files=OpenFiles(path), refused=refused, version=_version(path)
        )
        return applied


def require_unchanged() -> None:
    """Raise CatalogBusy if a catalogue that was opened for reading alone has changed since.

    SQLite then reads the file without a lock, so what was read may be of two moments.
    """
    catalog = opened()
    if catalog.refused is not None and _version(catalog.path) != catalog.version:
        raise CatalogBusy(
            f"{readable(catalog.path)} changed while it was read, so what was printed may be wrong", "try again"
        )


def protect_catalog(path: str) -> None:
    """Keep others from reading the catalogue and all that lies beside it. Log what more people could read before."""
    for each in (*(f"{path}{ending}" for ending in _BESIDE), *(backup.path for backup in backups_of(path))):
        if (mode := protect(each)) is not None:
            log.warning("catalog.protected", path=each, mode=f"{mode:04o}")
    protect_folder(folder_of(path))


def close_catalog() -> None:
    """Close this process' connection. SQLite folds the log into the file if it is the last one.

    An owner notes the proper end in the catalogue, which spares the next start a full check.
    """
    global _opened
    with _lock:
        ending, _opened = _opened, None
        if database.is_closed():
            return
        if ending is None:
            database.close()
            return
        if ending.is_owned and not ending.needs_full_check:
            # If that fails, on a full disk for example, the next owner checks everything.
            with contextlib.suppress(CatalogError), own_errors(ending.path), database.atomic("IMMEDIATE"):
                integrity.note_closed()
        with ending.files.sparing_others():
            database.close()


@contextlib.contextmanager
def writing() -> Iterator[None]:
    """Run one transaction: everything inside is committed at its end, or nothing.

    Raises `CatalogBusy`, `CatalogFull`, `CatalogUnavailable` or `CatalogCorrupt`. Then nothing
    was written, and the caller may try again. Inside `writing_only_while` also Interrupted.
    """
    with _lock, _recording_failure():
        if _opened is not None and _opened.refusal is not None:
            raise CatalogUnavailable(_opened.refusal)
        if _opened is not None and _opened.refused is not None:
            raise _opened.refused
        with own_errors(_place()), database.atomic("IMMEDIATE"):
            if not getattr(_this_thread, "may_write", _always)():
                raise Interrupted("nothing was written, because reeld was asked to stop")
            yield
        if _opened is not None and _opened.has_work:
            _opened.has_work = False
            _opened.on_work()


@contextlib.contextmanager
def writing_only_while(may_write: Callable[[], bool]) -> Iterator[None]:
    """Make every write of this thread raise Interrupted once `may_write` is false. Nothing is
    written then.

    For a thread that a dead disk may block until others have taken over its work. They do that in
    a transaction of their own, and `may_write` is asked within each, so none comes too late. The
    check is here, and not in each writer, so that none can forget it.
    """
    _this_thread.may_write = may_write
    try:
        yield
    finally:
        del _this_thread.may_write


def reading() -> contextlib.AbstractContextManager[None]:
    """Guard reads. Fetch everything inside: an open cursor keeps the log from being folded in."""
    return _READING


class _Reading(contextlib.AbstractContextManager[None]):
    """A class, since a scan enters it for each folder, and a generator takes several times as long."""

    def __enter__(self) -> None:
        _lock.acquire()

    def __exit__(self, _kind: object, err: BaseException | None, _trace: object) -> None:
        try:
            if err is not None:
                with _noticing_damage(), own_errors(_place()):
                    raise err
        finally:
            _lock.release()


_READING = _Reading()


@contextlib.contextmanager
def maintaining() -> Iterator[Any]:
    """Lend the driver's own connection for maintenance, without other users meanwhile.

    Raises CatalogBusy if the other threads of this process do not release it within a second.
    """
    if not _lock.acquire(timeout=MAINTENANCE_PATIENCE_S):
        raise CatalogBusy("the catalogue is in use, so its maintenance has to wait")
    try:
        with _noticing_damage(), own_errors(_place()):
            yield database.connection()
    finally:
        _lock.release()


def require_whole() -> int:
    """Check all of the open catalogue, and return its schema number.

    Raises CatalogCorrupt, with a hint how to restore.
    """
    with reading():
        integrity.require_sound(database, opened().path)
        if orphans := database.execute_sql("PRAGMA foreign_key_check").fetchall():
            raise damaged(opened().path, f"{len(orphans)} rows name others that are not there")
        return schema_version(database)


def call_when_work_comes(on_work: Callable[[], None]) -> None:
    """Set the function to call after each transaction that added work to the queue.

    It is called here, and not by each writer, so that none can forget to wake a worker.
    """
    opened().on_work = on_work


def work_has_come() -> None:
    """Note that the current transaction adds work to the queue, due now or later. For `queue.py`."""
    if _opened is not None:
        _opened.has_work = True


def opened() -> OpenCatalog:
    if _opened is None:
        raise CatalogUnavailable("no catalogue is open")
    return _opened


def is_disk_full() -> bool:
    """Tell whether the last write failed for want of space."""
    return _opened is not None and _opened.is_disk_full


def _place() -> str:
    """Return the path of the catalogue, which SQLite may know by a URI."""
    return database.database if _opened is None else _opened.path


def _always() -> bool:
    return True


@contextlib.contextmanager
def _recording_failure() -> Iterator[None]:
    """Remember the error of a failed write, for the status."""
    try:
        with _noticing_damage():
            yield
    except CatalogError as err:
        if _opened is not None:
            _opened.trouble, _opened.is_disk_full = err.with_hint, isinstance(err, CatalogFull)
        raise
    if _opened is not None:
        _opened.trouble, _opened.is_disk_full = None, False


@contextlib.contextmanager
def _noticing_damage() -> Iterator[None]:
    """Demand a full check at the next start after damage or a failing disk."""
    try:
        yield
    except (CatalogCorrupt, CatalogUnavailable):
        if _opened is not None:
            _opened.needs_full_check = True
        raise


def _make_if_absent(path: str) -> None:
    """Create a new catalogue, which gets its name only when it is complete.

    So an empty or half-made file under that name is damage, and reeld never fills it.
    """
    if os.path.exists(path):
        return
    _refuse_if_gone(path)
    draft = f"{path}.new"
    try:
        make_folder(os.path.dirname(path))
        for leftover in (draft, f"{draft}-wal", f"{draft}-shm", f"{path}-wal", f"{path}-shm"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(leftover)
        os.close(create(draft))
    except OSError as err:
        if err.errno in (errno.ENOSPC, errno.EDQUOT):
            raise full(path) from err
        raise CatalogUnavailable(
            f"{readable(path)} cannot be created ({err.strerror})",
            "give the user that runs reeld the right to write to that folder, or name another one under "
            "[database] path",
        ) from err
    _connect(draft)
    try:
        _set_pragmas()
        migrate(database)
    finally:
        database.close()
    give_to_owner(draft, os.path.dirname(path))
    protect(draft)
    os.rename(draft, path)
    _sync_directory(os.path.dirname(path))


def _refuse_if_gone(path: str) -> None:
    if (error := gone(path)) is not None:
        raise error


def _connect(path: str) -> None:
    database.init(path, timeout=BUSY_TIMEOUT_S, check_same_thread=False, cached_statements=STATEMENTS_KEPT)
    database.connect()


def _connect_to_write(path: str) -> None:
    """Connect, and have SQLite make the catalogue's log and its index. Raises CatalogError."""
    with own_errors(path):
        _connect(path)
        _refuse_foreign(path)
        _set_pragmas()
        protect_log(path, SUFFIXES[1:])


def _connect_to_read(path: str) -> bool:
    """Connect without making a file beside the catalogue. Return whether it can be read so."""
    with contextlib.suppress(OSError, CatalogError), own_errors(path):
        close_catalog()
        if _has_log(path):
            # SQLite keeps the log's index in memory for a connection that has the catalogue to itself.
            _connect(path)
            database.execute_sql("PRAGMA locking_mode = exclusive")
        else:
            database.init(uri_of(path, "mode=ro&immutable=1"), uri=True, check_same_thread=False)
            database.connect()
        return application_id(database) == APPLICATION_ID
    return False


def _has_log(path: str) -> bool:
    """Tell whether commits may lie in the log alone. Raises OSError if that is unknown."""
    try:
        return os.stat(f"{path}-wal").st_size > 0
    except FileNotFoundError:
        return False


def _version(path: str) -> tuple[int, int] | None:
    with contextlib.suppress(OSError):
        status = os.stat(path)
        return status.st_size, status.st_mtime_ns
    return None


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
    """Check it, migrate it, and note that it is open from now on."""
    checked_at = integrity.check(database, path, now)
    found = schema_version(database)
    if found < latest_version():
        _back_up_first(path, now, found, backups_kept)
    applied = migrate(database)
    with database.atomic("IMMEDIATE"):
        integrity.note_open(checked_at)
    return applied


def _back_up_first(path: str, now: datetime, schema: int, backups_kept: int) -> None:
    """Back up before a migration. Only this backup leads back, so without it nothing is migrated."""
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
    # A new name survives a power cut only after its directory was synced.
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
