"""How is a file opened that may be anything, and is it still the file that was settled?

A descriptor is opened once and everything is asked of it, never of the path again: a name may point at
another file by the next system call.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from reeld.domain.files import FileStamp
from reeld.errors import FileChanged, FileNotRegular, FileUnreadable, FileVanished, MachineExhausted

# O_NONBLOCK: a FIFO without a writer would block for ever. O_NOCTTY: nor may a terminal become ours.
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC

_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ESTALE)
_NOT_A_FILE = (errno.ELOOP, errno.ENXIO)  # a symbolic link, a socket


@contextmanager
def open_video(path: str) -> Iterator[int]:
    """A descriptor of the regular file at `path`, for reading, closed at the end of the block.

    Any OSError within the block is taken for one of reading this file. Raises FileVanished, FileNotRegular,
    MachineExhausted or FileUnreadable.
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
    """What `fstat` says now; FileChanged if that is not the content that `expected` speaks of."""
    found = FileStamp.of(os.fstat(descriptor))
    if not found.has_same_content_as(expected):
        raise FileChanged(path, expected, found)
    return found


def require_untouched(path: str, descriptor: int, before: FileStamp) -> None:
    """FileChanged if anything touched the file since `before`, be it only its ctime.

    A rename, a chmod or a new hard link changes ctime and no byte, and costs a second reading. It is paid:
    ctime alone shows a writer that puts mtime back (rsync --inplace, cp -p), and nothing would ever look at
    such a file again, because later comparisons leave ctime out.
    """
    after = FileStamp.of(os.fstat(descriptor))
    if after != before:
        raise FileChanged(path, before, after)
