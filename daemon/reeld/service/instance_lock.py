"""The lock on a catalogue, and the status file of the process that holds it.

The process that runs the queue holds a lock on `reeld.db.lock` until it ends. The kernel releases the lock however
the process ends. What only that process knows (which files are settling) lies in `reeld.db.status`. It is replaced as
a whole, and counts only while the lock is held.
"""

import contextlib
import errno
import fcntl
import json
import os
import time
from dataclasses import replace
from typing import Self

from reeld.database.file_access import PRIVATE, create, protect
from reeld.database.file_owner import give_to_owner, make_folder
from reeld.database.open_files import SUFFIXES
from reeld.database.sqlite_errors import full
from reeld.database.whose import of_another
from reeld.domain.files import readable
from reeld.domain.status import Command, RunningStatus
from reeld.errors import CatalogInUse, CatalogUnavailable
from reeld.log import get_logger

log = get_logger()

# Half a second in all.
LOCK_ATTEMPTS = 10
LOCK_PAUSE_S = 0.05

# Errors of a file system without locks, such as a network mount whose lock service is down.
_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)


class InstanceLock:
    """The lock on a catalogue, and the status that goes with it."""

    def __init__(self, database_path: str, command: Command = "run") -> None:
        self._database_path = database_path
        self._command = command
        self._descriptor: int | None = None
        self._made: list[str] = []
        """The folders that we created, the innermost first."""

    def __enter__(self) -> Self:
        """Take the lock. Raises CatalogInUse if another process has it, CatalogFull or CatalogUnavailable."""
        try:
            self._made = make_folder(os.path.dirname(self._database_path))
            self._descriptor = self._take()
        except OSError as err:
            if err.errno in (errno.ENOSPC, errno.EDQUOT):
                raise full(self._database_path) from err
            if err.errno in _NO_LOCKS:
                raise CatalogUnavailable(
                    f"{readable(self._database_path)} cannot be locked ({err.strerror})",
                    "mount its disk with file locks, or name a folder on another disk under [database] path",
                ) from err
            if isinstance(err, PermissionError) and (theirs := of_another(self._database_path)) is not None:
                raise theirs from err
            raise CatalogUnavailable(
                f"{readable(self._database_path)} cannot be opened for writing ({err.strerror})",
                "give the user that runs reeld the right to write to its folder, or name another one under [database] "
                "path",
            ) from err
        self._publish_first_status()
        return self

    def _take(self) -> int:
        """Lock the file and return its descriptor. Raises CatalogInUse or OSError."""
        path = _lock_path(self._database_path)
        while True:
            descriptor = _open_lock(path)
            try:
                _lock(descriptor)
            except BlockingIOError as err:
                os.close(descriptor)
                raise _refusal(self._database_path) from err
            except OSError:
                os.close(descriptor)
                raise
            if not _has_lost_its_name(descriptor, path):
                return descriptor
            os.close(descriptor)

    def keep(self) -> bool:
        """Lock again if the lock's file was removed. Raises CatalogInUse if another process was faster.

        The lock belongs to the file, not to its name. A new file under that name could be locked by another process.
        Return False if the file cannot be made now: then call this again soon.
        """
        before = self._descriptor
        if before is None or not _has_lost_its_name(before, _lock_path(self._database_path)):
            return True
        try:
            self._descriptor = self._take()
        except CatalogInUse as err:
            os.close(before)
            self._descriptor = None
            raise CatalogInUse(
                f"{readable(_lock_path(self._database_path))}, the lock of the catalogue, was removed while reeld ran. "
                "Another reeld works on the catalogue now, so this one ends",
                "leave the files beside the catalogue alone while reeld runs",
            ) from err
        except OSError:
            return False  # the folder is gone or full
        os.close(before)
        log.warning("lock.renewed", path=_lock_path(self._database_path))
        return True

    def __exit__(self, *exception: object) -> None:
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.unlink(_status_path(self._database_path))
            if any(exception):
                self._remove_made()
            os.close(self._descriptor)
            self._descriptor = None

    def _publish_first_status(self) -> None:
        """Replace a stale status file. Unlink it first, since another user may own it."""
        for path in (_status_path(self._database_path), _draft_path(self._database_path)):
            with contextlib.suppress(OSError):
                os.unlink(path)
        self.publish(RunningStatus())

    def _remove_made(self) -> None:
        """Remove the folders that we created, if empty: the path may have been mistyped."""
        lock = _lock_path(self._database_path)
        with contextlib.suppress(OSError):
            if self._made and os.listdir(self._made[0]) == [os.path.basename(lock)]:
                os.unlink(lock)
                for folder in self._made:
                    os.rmdir(folder)

    def publish(self, status: RunningStatus) -> None:
        """Write the status for other processes to read.

        On a full disk the old status stays, since nothing depends on it. Without the lock nothing is written: the file
        then belongs to the process that has the lock.
        """
        if self._descriptor is None:
            return
        path = _status_path(self._database_path)
        draft = _draft_path(self._database_path)
        with contextlib.suppress(OSError):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(draft)
            descriptor = create(draft)
            give_to_owner(descriptor, os.path.dirname(draft))
            with open(descriptor, "w", encoding="utf-8") as file:
                json.dump(replace(status, pid=os.getpid(), command=self._command).to_json(), file)
            os.replace(draft, path)


def status_of(database_path: str) -> RunningStatus | None:
    """Read the status of the process that has the catalogue. None if no process has it."""
    if not _is_locked(database_path):
        return None
    try:
        with open(_status_path(database_path), encoding="utf-8") as file:
            return RunningStatus.from_json(json.load(file))
    except (OSError, ValueError):
        return RunningStatus()


def owned_files(database_path: str) -> list[str]:
    """Return the paths of the files that the process which has the catalogue must keep an eye on."""
    return [*(database_path + suffix for suffix in SUFFIXES), _lock_path(database_path)]


def can_tell(database_path: str) -> bool:
    """Tell whether this user may see if a process has the catalogue. Without that, `status_of` says None."""
    try:
        os.close(os.open(_lock_path(database_path), os.O_RDONLY | os.O_CLOEXEC))
    except PermissionError:
        return False
    except OSError:
        return True
    return True


def _open_lock(path: str) -> int:
    """Open the file, and create it if absent, owned by the owner of its folder."""
    try:
        descriptor = create(path)
    except FileExistsError:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE)
    give_to_owner(descriptor, os.path.dirname(path))
    protect(descriptor)
    return descriptor


def _has_lost_its_name(descriptor: int, path: str) -> bool:
    """Tell whether the name is gone or belongs to another file. If that is unknown, return False."""
    try:
        return not os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return True
    except OSError:
        return False


def who_works(status: RunningStatus) -> str:
    """Say which process has the catalogue."""
    process = f" as process {status.pid}" if status.pid else ""
    if status.command is None or status.is_daemon:
        return f"reeld runs{process}"
    return f"{_COMMANDS[status.command]} works on the catalogue{process}; the daemon does not run"


_COMMANDS: dict[Command, str] = {
    "run": "another reeld",
    "scan": "reeld scan",
    "restore": "reeld restore-backup or import",
}


def _lock(descriptor: int) -> None:
    """Take the lock. Raises BlockingIOError if another process keeps it, and OSError without file locks.

    A process that reads the status holds the lock too, for microseconds. So one refusal is not final.
    """
    for _ in range(LOCK_ATTEMPTS - 1):
        with contextlib.suppress(BlockingIOError):
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        time.sleep(LOCK_PAUSE_S)
    return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _is_locked(database_path: str) -> bool:
    try:
        descriptor = os.open(_lock_path(database_path), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # without file locks no process has it
        return False
    finally:
        os.close(descriptor)
    return False


def _refusal(database_path: str) -> CatalogInUse:
    status = status_of(database_path) or RunningStatus()
    process = f"(process {status.pid}) " if status.pid else ""
    who = _COMMANDS[status.command or "run"]
    hint = "it notices new files by itself" if status.is_daemon else "try again once it has ended"
    return CatalogInUse(f"{who} {process}works on {readable(database_path)}", hint)


def _lock_path(database_path: str) -> str:
    return f"{database_path}.lock"


def _status_path(database_path: str) -> str:
    return f"{database_path}.status"


def _draft_path(database_path: str) -> str:
    return f"{_status_path(database_path)}.new"
