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

from reeld.database.file_owner import give_to_owner, make_folder
from reeld.domain.files import readable
from reeld.domain.status import Command, RunningStatus
from reeld.errors import CatalogInUse, CatalogUnavailable
from reeld.log import get_logger

log = get_logger()

# Half a second in all.
LOCK_ATTEMPTS = 10
LOCK_PAUSE_S = 0.05

# What a disk says that knows no locks, such as one of another machine whose lock service is down.
_NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)


class InstanceLock:
    """The lock on a catalogue, and the status that goes with it."""

    def __init__(self, database_path: str, command: Command = "run") -> None:
        self._database_path = database_path
        self._command = command
        self._descriptor: int | None = None
        self._made: list[str] = []
        """The folders that were not there before, the innermost first."""

    def __enter__(self) -> Self:
        """Take the lock. Raises CatalogInUse if another process has it."""
        try:
            self._made = make_folder(os.path.dirname(self._database_path))
            self._descriptor = self._take()
        except OSError as err:
            if err.errno in _NO_LOCKS:
                raise CatalogUnavailable(
                    f"{readable(self._database_path)} cannot be kept from others ({err.strerror}); mount its disk so "
                    "that files can be locked there, or name a folder on another one under [database] path"
                ) from err
            raise CatalogUnavailable(
                f"{readable(self._database_path)} cannot be opened for writing ({err.strerror}); give the user"
                " that runs reeld the right to write to its folder, or name another one under [database] path"
            ) from err
        self._tell_who_works()
        return self

    def _take(self) -> int:
        """The descriptor of the file that has the lock's name, locked. Raises CatalogInUse, or OSError."""
        path = _lock_path(self._database_path)
        while True:
            descriptor = _open_lock(path)
            try:
                _lock(descriptor)
            except BlockingIOError as err:
                os.close(descriptor)
                raise CatalogInUse(_refusal(self._database_path)) from err
            except OSError:
                os.close(descriptor)
                raise
            if not _has_lost_its_name(descriptor, path):
                return descriptor
            os.close(descriptor)

    def keep(self) -> None:
        """Take the lock anew where its file was removed. Raises CatalogInUse if another process was faster.

        The lock is on the file and not on its name: whoever makes another file under that name would get a lock, too.
        """
        before = self._descriptor
        if before is None or not _has_lost_its_name(before, _lock_path(self._database_path)):
            return
        try:
            self._descriptor = self._take()
        except CatalogInUse as err:
            os.close(before)
            self._descriptor = None
            raise CatalogInUse(
                f"{readable(_lock_path(self._database_path))}, which keeps others off the catalogue, was removed while "
                "reeld ran, and another reeld works on it now; reeld ends, so that there are not two. Leave the files "
                "beside the catalogue alone while it runs"
            ) from err
        except OSError:
            return  # the folder is gone, or full: at the next look
        os.close(before)
        log.warning("lock.renewed", path=_lock_path(self._database_path))

    def __exit__(self, *exception: object) -> None:
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.unlink(_status_path(self._database_path))
            if any(exception):
                self._remove_made()
            os.close(self._descriptor)
            self._descriptor = None

    def _tell_who_works(self) -> None:
        """In the place of what the last owner said, which may have been killed, or another user with a full disk."""
        for path in (_status_path(self._database_path), _draft_path(self._database_path)):
            with contextlib.suppress(OSError):
                os.unlink(path)
        self.tell(RunningStatus())

    def _remove_made(self) -> None:
        """Whoever was refused, for a mistyped path perhaps, leaves no folders behind in which nothing else lies."""
        lock = _lock_path(self._database_path)
        with contextlib.suppress(OSError):
            if self._made and os.listdir(self._made[0]) == [os.path.basename(lock)]:
                os.unlink(lock)
                for folder in self._made:
                    os.rmdir(folder)

    def tell(self, status: RunningStatus) -> None:
        """Let others read this until the next time, or until this process ends.

        On a full disk the old status stays: it is a convenience, and nothing depends on it. Where another process has
        the lock by now, it is that one's.
        """
        if self._descriptor is None:
            return
        path = _status_path(self._database_path)
        draft = _draft_path(self._database_path)
        with contextlib.suppress(OSError):
            with open(draft, "w", encoding="utf-8") as file:
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


def _open_lock(path: str) -> int:
    """The descriptor of the file, which is made where it lacks, for the user whose folder it is."""
    how = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    try:
        descriptor = os.open(path, how | os.O_EXCL, 0o600)
    except FileExistsError:
        return os.open(path, how, 0o600)
    give_to_owner(descriptor, os.path.dirname(path))
    return descriptor


def _has_lost_its_name(descriptor: int, path: str) -> bool:
    """Whether that is another file's, or nobody's. What cannot be looked at is unknown, and unknown is not lost."""
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
    """Take the lock for good. Raises BlockingIOError if another process keeps it, and OSError where there are no locks.

    Whoever asks for the status holds it too, for microseconds: that must not turn a daemon away.
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
    except OSError:  # where no lock can be, nobody has it
        return False
    finally:
        os.close(descriptor)
    return False


def _refusal(database_path: str) -> str:
    status = status_of(database_path) or RunningStatus()
    process = f"(process {status.pid}) " if status.pid else ""
    who = _COMMANDS[status.command or "run"]
    why = "it notices new files by itself" if status.is_daemon else "try again once it has ended"
    return f"{who} {process}works on {readable(database_path)}; {why}"


def _lock_path(database_path: str) -> str:
    return f"{database_path}.lock"


def _status_path(database_path: str) -> str:
    return f"{database_path}.status"


def _draft_path(database_path: str) -> str:
    return f"{_status_path(database_path)}.new"
