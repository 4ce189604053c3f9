"""What can go wrong, and what each kind of trouble means for the file at hand.

    ReeldError
    ├── ConfigError              the configuration cannot be used (78)
    ├── ImportRefused            an export that cannot be taken, or a place where it cannot go (65)
    ├── NotFoundError            a person asked for something that the catalogue does not hold (66)
    ├── UsageError               a command's arguments contradict each other (64)
    ├── OutputFailed             what a person asked for cannot be printed (74)
    ├── CatalogError             the database; the job at hand waits, nothing is lost
    │   ├── CatalogBusy          another process holds the write lock (75)
    │   ├── CatalogInUse         another reeld works on this catalogue (75)
    │   ├── CatalogFull          the disk is full (74)
    │   ├── CatalogUnavailable   it cannot be opened, read or written (74)
    │   ├── CatalogCorrupt       its content is damaged, or it is no catalogue of ours (65)
    │   ├── CatalogTooNew        written by a newer reeld (65)
    │   ├── CatalogGone          its file was removed or replaced; never begun anew without being asked (65)
    │   ├── CatalogLogLost       its write-ahead log was removed while it was open; folded in, to be started again (75)
    │   └── BackupFailed         no copy of it could be made (74)
    ├── FileError                one video; the others go on
    │   ├── FileVanished         not there any more; the walk will say what became of it
    │   ├── FileChanged          written to while we read it; goes back to settling
    │   ├── FileIncomplete       it ends before its container says so; perhaps the rest is still to come
    │   ├── FileNotRegular       a FIFO, a socket, a device or a link under a video's name
    │   └── FileUnreadable       permission, I/O error
    │       └── ClueUnreadable   of what lies beside it and may tell what it is
    ├── WorkerError              a child process that parses untrusted input; bare: it cannot be started
    │   ├── WorkerTimeout        it was given its time and was killed
    │   └── WorkerDied           it ended by itself: a crash or a limit
    ├── MachineExhausted         too many open files, or no memory: nobody's fault; tried again
    └── Interrupted              we are asked to stop; the job goes back as it was

The type decides the policy, in `pipeline/retry.py` and nowhere else. Numbers are sysexits.h codes for
the command line. A message says what happened, to which file, and what to do.
"""

import errno
import os

from reeld.domain.files import FileStamp, readable
from reeld.domain.identity import Uncertain


class ReeldError(Exception):
    """Anything that reeld itself raises."""

    exit_code = os.EX_SOFTWARE


class ConfigError(ReeldError):
    """The configuration has these complaints; each names key, value and what to write instead."""

    exit_code = os.EX_CONFIG

    def __init__(self, source: str, complaints: list[str]) -> None:
        self.source = source
        self.complaints = complaints
        super().__init__(
            "\n".join([f"{readable(source)}: {len(complaints)} to mend", *(f"  - {c}" for c in complaints)])
        )


class ImportRefused(ReeldError):
    exit_code = os.EX_DATAERR


class NotFoundError(ReeldError):
    exit_code = os.EX_NOINPUT


class UsageError(ReeldError):
    exit_code = os.EX_USAGE


class OutputFailed(ReeldError):
    exit_code = os.EX_IOERR

    def __init__(self, error: OSError) -> None:
        cause = error.strerror or type(error).__name__
        super().__init__(
            f"standard output cannot be written to ({cause}); see to where it goes, as to the room on that disk: what "
            "was printed is not whole"
        )


class CatalogError(ReeldError):
    exit_code = os.EX_IOERR


class CatalogBusy(CatalogError):
    exit_code = os.EX_TEMPFAIL


class CatalogInUse(CatalogError):
    exit_code = os.EX_TEMPFAIL


class CatalogFull(CatalogError):
    pass


class CatalogUnavailable(CatalogError):
    pass


class CatalogCorrupt(CatalogError):
    exit_code = os.EX_DATAERR


class CatalogTooNew(CatalogError):
    exit_code = os.EX_DATAERR


class CatalogGone(CatalogError):
    exit_code = os.EX_DATAERR


class CatalogLogLost(CatalogError):
    exit_code = os.EX_TEMPFAIL


class BackupFailed(CatalogError):
    pass


class FileError(ReeldError):
    """Something about one video. `path` is absolute."""

    exit_code = os.EX_NOINPUT

    def __init__(self, path: str, message: str) -> None:
        self.path = path
        super().__init__(message)


class FileVanished(FileError):
    def __init__(self, path: str) -> None:
        super().__init__(path, f"{readable(path)} is not there any more")


class FileChanged(FileError):
    def __init__(self, path: str, before: FileStamp, after: FileStamp) -> None:
        self.before = before
        self.after = after
        super().__init__(path, f"{readable(path)} was written to while it was read; waiting until it is complete")


class FileIncomplete(FileError):
    """It has not changed for `unchanged_s`, and is waited for until that is `patience_s`.

    Less than nothing: the clock was put back since.
    """

    def __init__(self, path: str, *, unchanged_s: float, patience_s: float) -> None:
        self.unchanged_s = unchanged_s
        self.patience_s = patience_s
        super().__init__(
            path,
            f"{readable(path)} ends before its container does; waiting for the rest until it has not changed for "
            f"{patience_s / 3600:g} h; if nobody writes to it any more, fetch it again",
        )


class FileNotRegular(FileError):
    def __init__(self, path: str) -> None:
        super().__init__(path, f"{readable(path)} is not a regular file; rename or remove it if it should be a video")


_TODO = {
    errno.EAGAIN: "another program has it to itself for now, and it is tried again",
    errno.ENAMETOOLONG: "shorten the names of the folders that it lies in",
    errno.ENOKEY: "unlock the encrypted folder that it lies in",
}
"""What a person can do about a file that its disk is not to blame for."""


class FileUnreadable(FileError):
    def __init__(self, path: str, error: OSError) -> None:
        self.errno = error.errno
        cause = error.strerror or type(error).__name__
        if isinstance(error, PermissionError):
            todo = "give the user that runs reeld the right to read it"
        else:
            todo = _TODO.get(error.errno or 0, "check the disk that it lies on")
        super().__init__(path, f"{readable(path)} cannot be read ({cause}); {todo}")


class ClueUnreadable(FileUnreadable):
    """A .nfo, or the list of a folder, that may tell what a video is: no verdict is safe without it.

    `question` is what to ask a person if it stays so.
    """

    def __init__(self, path: str, error: OSError, question: Uncertain) -> None:
        self.question = question
        super().__init__(path, error)


class WorkerError(ReeldError):
    pass


class WorkerTimeout(WorkerError):
    pass


class WorkerDied(WorkerError):
    pass


class MachineExhausted(ReeldError):
    """The kernel had no room for what was asked: no file is to blame, and each would fare alike."""

    exit_code = os.EX_OSERR

    ERRNOS = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS)

    def __init__(self, error: OSError) -> None:
        cause = error.strerror or type(error).__name__
        todo = "give reeld more memory" if error.errno == errno.ENOMEM else "raise LimitNOFILE= of its service"
        super().__init__(f"the machine refused reeld what it needs ({cause}); if this goes on, {todo}")


class Interrupted(ReeldError):
    """The work was given up half-way because reeld was asked to stop; nothing is wrong with the file."""
