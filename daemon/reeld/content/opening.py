"""Opens a file that may be of any type, and checks that it is still the file that settled.

The file is opened once, and everything is read from the descriptor, never from the path: a name
may lead to another file by the next system call.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Self

from reeld.domain.files import FileStamp
from reeld.errors import FileChanged, FileNotRegular, FileUnreadable, FileVanished, MachineExhausted

# O_NONBLOCK: a FIFO without a writer would block for ever. O_NOCTTY: no terminal may become ours.
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC

_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ESTALE)
_NOT_A_FILE = (errno.ELOOP, errno.ENXIO)  # a symbolic link, a socket


@dataclass(slots=True)
class OpenVideo:
    """A file that was opened for reading, and its stamp from before anything was read."""

    path: str
    descriptor: int
    stamp: FileStamp
    ends: bytearray | None = None
    """Its first and its last bytes, once `content/hashing.py` has read them, for the next reader."""

    def require_untouched(self) -> None:
        """Raise FileChanged if anything changed the file since it was opened, even if only its ctime.

        A rename, a chmod or a new hard link changes ctime and no byte, and costs a second reading.
        That is worth it: only ctime reveals a writer that sets mtime back (rsync --inplace, cp -p).
        Later comparisons leave ctime out, so such a change would never be noticed.
        """
        status = os.fstat(self.descriptor)
        if not self.stamp.is_that_of(status):
            raise FileChanged(self.path, self.stamp, FileStamp.of(status))


class SharedOpening:
    """Opens a video once for several readers, one after the other. Each is told if it was touched by then."""

    def __init__(self, path: str, expected: FileStamp) -> None:
        self._path = path
        self._expected = expected
        self._video: OpenVideo | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._video is not None:
            with suppress(
                OSError
            ):  # each reader was told whether what it read is right: a failed close changes nothing
                os.close(self._video.descriptor)

    @contextmanager
    def video(self) -> Iterator[OpenVideo]:
        """Lend the video to one reader. Raises what `opened` does."""
        with _OwnErrors(self._path):
            video = self._video
            if video is None:
                video = self._video = self._open()
            try:
                yield video
            except OSError:
                video.require_untouched()  # which explains a read that failed
                raise
            video.require_untouched()

    def _open(self) -> OpenVideo:
        descriptor = _open_regular(self._path)
        try:
            return OpenVideo(self._path, descriptor, require_expected(self._path, descriptor, self._expected))
        except BaseException:
            os.close(descriptor)
            raise


@contextmanager
def opened(path: str, expected: FileStamp) -> Iterator[OpenVideo]:
    """Open the file that settled with the stamp `expected` for one reader.

    Raises FileChanged if it is another one, or was touched at the end of the block, and all that `open_video` raises.
    """
    with SharedOpening(path, expected) as opening, opening.video() as video:
        yield video


@contextmanager
def open_video(path: str) -> Iterator[int]:
    """Open the regular file at `path` for reading, and close it at the end of the block.

    Any OSError within the block counts as an error of reading this file. Raises FileVanished,
    FileNotRegular, MachineExhausted or FileUnreadable.
    """
    with _OwnErrors(path):
        descriptor = _open_regular(path)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def _open_regular(path: str) -> int:
    """Return a descriptor of the file. Raises OSError, and FileNotRegular."""
    descriptor = os.open(path, _FLAGS)
    is_regular = False
    try:
        is_regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
    finally:
        if not is_regular:
            os.close(descriptor)
    if not is_regular:
        raise FileNotRegular(path)
    return descriptor


class _OwnErrors:
    """Makes each OSError of the block one of reeld's own. A class, because a generator takes thrice the time."""

    __slots__ = ("_path",)

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, err: BaseException | None, _trace: object) -> None:
        if not isinstance(err, OSError):
            return
        if err.errno in _GONE:
            raise FileVanished(self._path) from err
        if err.errno in _NOT_A_FILE:
            raise FileNotRegular(self._path) from err
        if err.errno in MachineExhausted.ERRNOS:
            raise MachineExhausted(err) from err
        raise FileUnreadable(self._path, err) from err


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
