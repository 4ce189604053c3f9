"""All errors that reeld raises, one class for each kind of trouble.

    ReeldError
    ├── ConfigError              the configuration is invalid (78)
    ├── ImportRefused            an export is invalid, or its target already exists (65)
    ├── NotFoundError            the user named something that the catalogue does not hold (66)
    ├── UsageError               a command's arguments contradict each other (64)
    │   └── QueryError           a query cannot be understood
    ├── DamageFound              `reeld verify` found files that are not as they were hashed (65)
    ├── OutputFailed             standard output cannot be written to (74)
    ├── CatalogError             the database failed; the job at hand waits, nothing is lost
    │   ├── CatalogBusy          another process holds the write lock (75)
    │   ├── CatalogInUse         another reeld has this catalogue open (75)
    │   ├── CatalogFull          the disk is full (74)
    │   ├── CatalogUnavailable   the file cannot be opened, read or written (74)
    │   ├── CatalogCorrupt       the file is damaged, or is no catalogue of reeld (65)
    │   ├── CatalogTooNew        the file was written by a newer reeld (65)
    │   ├── CatalogGone          the file was removed or replaced; reeld never starts an empty one unasked (65)
    │   ├── CatalogLogLost       its write-ahead log was removed while open; all was saved, a restart suffices (75)
    │   └── BackupFailed         a backup could not be made (74)
    ├── FileError                one video failed; the others go on
    │   ├── FileVanished         the file is gone; the next scan finds out what became of it
    │   ├── FileChanged          the file was written to while reeld read it; it settles again
    │   ├── FileIncomplete       the file ends before its container says so; the rest may still come
    │   ├── FileNotRegular       a FIFO, a socket, a device or a link has a video's name
    │   └── FileUnreadable       a missing right or an I/O error
    │       └── ClueUnreadable   the same, for a .nfo or a folder that may identify the video
    ├── WorkerError              a child process that parses untrusted input; bare: it did not start
    │   ├── WorkerTimeout        the child used up its time and was killed
    │   └── WorkerDied           the child ended by itself: a crash or a limit
    ├── MachineExhausted         too many open files, or no memory; no file is to blame, so retry
    └── Interrupted              reeld is asked to stop; the job goes back unchanged

`pipeline/retry.py` alone decides what follows from each type. Numbers are exit codes of sysexits.h.
A message says what happened and to which file. The hint says what the user can do.
"""

import errno
import os
from typing import TYPE_CHECKING

from reeld.domain.amounts import number_of
from reeld.domain.files import FileStamp, readable

if TYPE_CHECKING:
    from reeld.domain.identity import Uncertain


class ReeldError(Exception):
    """Base of all errors that reeld raises.

    `str(error)` is the message alone. `hint` says what the user can do, if anything.
    """

    exit_code = os.EX_SOFTWARE

    def __init__(self, message: str, hint: str | None = None) -> None:
        self.hint = hint
        super().__init__(message)

    @property
    def with_hint(self) -> str:
        """Return "message; hint", for the log and for stored reasons."""
        return f"{self}; {self.hint}" if self.hint else str(self)


class ConfigError(ReeldError):
    """The configuration is invalid. Each complaint names key, value and what to write instead."""

    exit_code = os.EX_CONFIG

    def __init__(self, source: str, complaints: list[str]) -> None:
        self.source = source
        self.complaints = complaints
        super().__init__(
            "\n".join([f"{readable(source)}: {number_of(len(complaints), 'error')}", *(f"  - {c}" for c in complaints)])
        )


class ImportRefused(ReeldError):
    exit_code = os.EX_DATAERR


class NotFoundError(ReeldError):
    exit_code = os.EX_NOINPUT


class UsageError(ReeldError):
    exit_code = os.EX_USAGE


class QueryError(UsageError):
    """The message shows the query, and points at the term that is wrong."""


class DamageFound(ReeldError):
    exit_code = os.EX_DATAERR

    def __init__(self, count: int) -> None:
        super().__init__(
            f"{number_of(count, 'file')} {'is' if count == 1 else 'are'} not as hashed",
            "bring what is damaged back from a copy, and check the disk; `reeld list files damaged:yes` says more",
        )


class OutputFailed(ReeldError):
    exit_code = os.EX_IOERR

    def __init__(self, error: OSError) -> None:
        cause = error.strerror or type(error).__name__
        super().__init__(
            f"standard output cannot be written to ({cause}): what was printed is incomplete",
            "check where the output goes, for example the free space on that disk",
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
    """Base of the errors about one video. `path` is absolute."""

    exit_code = os.EX_NOINPUT

    def __init__(self, path: str, message: str, hint: str | None = None) -> None:
        self.path = path
        super().__init__(message, hint)


class FileVanished(FileError):
    def __init__(self, path: str) -> None:
        super().__init__(path, f"{readable(path)} no longer exists")


class FileChanged(FileError):
    def __init__(self, path: str, before: FileStamp, after: FileStamp) -> None:
        self.before = before
        self.after = after
        super().__init__(
            path, f"{readable(path)} was written to while reeld read it", "reeld waits until it is complete"
        )


class FileIncomplete(FileError):
    """The file has not changed for `unchanged_s`; reeld waits for the rest until that reaches `patience_s`.

    A negative `unchanged_s` means that the clock was set back since.
    """

    def __init__(self, path: str, *, unchanged_s: float, patience_s: float) -> None:
        self.unchanged_s = unchanged_s
        self.patience_s = patience_s
        super().__init__(
            path,
            f"{readable(path)} ends before its container does; reeld waits for the rest until the file has not changed "
            f"for {patience_s / 3600:g} h",
            "if no program is still writing to it, fetch it again",
        )


class FileNotRegular(FileError):
    def __init__(self, path: str) -> None:
        super().__init__(path, f"{readable(path)} is not a regular file", "rename or remove it if it should be a video")


_HINTS = {
    errno.EAGAIN: "another program has locked it for now; reeld tries again by itself",
    errno.ENAMETOOLONG: "shorten the names of the folders above it",
    errno.ENOKEY: "unlock the encrypted folder that holds it",
}
"""Hints for read errors that are not the disk's fault."""


class ReadFailed(OSError):
    """A read of a file's bytes that failed; `offset` is where the first byte lies that cannot be read."""

    def __init__(self, error: OSError, offset: int) -> None:
        super().__init__(error.errno, error.strerror)
        self.offset = offset


class FileUnreadable(FileError):
    """`offset` is where the first byte lies that cannot be read, or None if that was not looked for."""

    def __init__(self, path: str, error: OSError) -> None:
        self.errno = error.errno
        self.offset = error.offset if isinstance(error, ReadFailed) else None
        cause = error.strerror or type(error).__name__
        if isinstance(error, PermissionError):
            hint = "give the user that runs reeld the right to read it"
        else:
            hint = _HINTS.get(error.errno or 0, "check the disk that it lies on")
        super().__init__(path, f"{readable(path)} cannot be read ({cause})", hint)


class ClueUnreadable(FileUnreadable):
    """A .nfo or a folder that may identify a video cannot be read, so no verdict would be safe.

    `question` is stored as the pending validation if this persists.
    """

    def __init__(self, path: str, error: OSError, question: "Uncertain") -> None:
        self.question = question
        super().__init__(path, error)


class WorkerError(ReeldError):
    pass


class WorkerTimeout(WorkerError):
    pass


class WorkerDied(WorkerError):
    pass


class MachineExhausted(ReeldError):
    """The kernel is out of memory or descriptors: no file is to blame, and every file would fail."""

    exit_code = os.EX_OSERR

    ERRNOS = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS)

    def __init__(self, error: OSError) -> None:
        cause = error.strerror or type(error).__name__
        remedy = "give reeld more memory" if error.errno == errno.ENOMEM else "raise LimitNOFILE= of its service"
        super().__init__(f"the machine is out of memory or open files ({cause})", f"if this goes on, {remedy}")


class Interrupted(ReeldError):
    """The work was stopped half-way because reeld was asked to stop; nothing is wrong with the file."""
