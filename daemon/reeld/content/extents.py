"""Asks the file system which blocks a file shares with others: copies made by reflink, or by deduplication."""

import errno
import fcntl
import os
import struct

# FS_IOC_FIEMAP and its structures, linux/fiemap.h.
_FIEMAP = 0xC020660B
_HEAD = struct.Struct("=QQIIII")
_EXTENT = struct.Struct("=QQQQQIIII")
_LAST, _UNKNOWN, _SHARED = 0x1, 0x2, 0x2000
_AT_ONCE = 512

# Files of hundreds of thousands of pieces are not worth the time.
_MOST_EXTENTS = 100_000


def own_bytes(path: str) -> int | None:
    """Return how many bytes of a file lie in blocks that no other file shares; None if its file system does not tell.

    Raises OSError if the file cannot be opened.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return _own_bytes(descriptor)
    except OSError as err:
        if err.errno in (errno.EOPNOTSUPP, errno.ENOTTY, errno.EINVAL, errno.EBADR):
            return None
        raise
    finally:
        os.close(descriptor)


def _own_bytes(descriptor: int) -> int | None:
    own = start = seen = 0
    while seen < _MOST_EXTENTS:
        request = bytearray(_HEAD.size + _AT_ONCE * _EXTENT.size)
        _HEAD.pack_into(request, 0, start, (1 << 64) - 1 - start, 0, 0, _AT_ONCE, 0)
        fcntl.ioctl(descriptor, _FIEMAP, request)
        count = _HEAD.unpack_from(request)[3]
        if count == 0:
            return own
        for number in range(count):
            logical, _, length, _, _, flags, *_ = _EXTENT.unpack_from(request, _HEAD.size + number * _EXTENT.size)
            if flags & _UNKNOWN:
                return None
            own += 0 if flags & _SHARED else length
            start = logical + length
        seen += count
        if flags & _LAST:
            return own
    return None
