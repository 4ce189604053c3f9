"""Opens a file that may be of any type, and checks that it is still the file that settled.

The file is opened once, and everything is read from the descriptor, never from the path: a name
may lead to another file by the next system call.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from reeld.domain.files import FileStamp
from reeld.errors import FileChanged, FileNotRegular, FileUnreadable, FileVanished, MachineExhausted

# O_NONBLOCK: a FIFO without a writer would block for ever. O_NOCTTY: no terminal may become ours.
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC

_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ESTALE)
_NOT_A_FILE = (errno.ELOOP, errno.ENXIO)  # a symbolic link, a socket


@contextmanager
def open_video(path: str) -> Iterator[int]:
    """Open the regular file at `path` for reading, and close it at the end of the block.

    Any OSError within the block counts as an error of reading this file. Raises FileVanished,
    FileNotRegular, MachineExhausted or FileUnreadable.
    """
    try:
        descriptor = os.open(path, _FLAGS)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise FileNotRegular(path)
            yield descriptor
        finally:
            os.close(descriptor)
    except OSError as err:
        if err.errno in _GONE:
            raise FileVanished(path) from err
        if err.errno in _NOT_A_FILE:
            raise FileNotRegular(path) from err
        if err.errno in MachineExhausted.ERRNOS:
            raise MachineExhausted(err) from err
        raise FileUnreadable(path, err) from err


def require_expected(path: str, descriptor: int, expected: FileStamp) -> FileStamp:
    """Return the present stamp. Raises FileChanged if the content is not that of `expected`."""
    found = FileStamp.of(os.fstat(descriptor))
    if not found.has_same_content_as(expected):
        raise FileChanged(path, expected, found)
    return found


def is_as_linked(path: str, stamp: FileStamp) -> bool:
    """Whether the file has several names, and nothing touched it since `stamp`, which all of them showed."""
    with open_video(path) as descriptor:
        status = os.fstat(descriptor)
        return status.st_nlink > 1 and FileStamp.of(status) == stamp


def require_untouched(path: str, descriptor: int, before: FileStamp) -> None:
    """Raise FileChanged if anything changed the file since `before`, even if only its ctime.

    A rename, a chmod or a new hard link changes ctime and no byte, and costs a second reading.
    That is worth it: only ctime reveals a writer that sets mtime back (rsync --inplace, cp -p).
    Later comparisons leave ctime out, so such a change would never be noticed.
    """
    after = FileStamp.of(os.fstat(descriptor))
    if after != before:
        raise FileChanged(path, before, after)
