"""Hash a file: quick hashes of its ends, and one hash of every byte.

The file is read, never mapped: truncating a mapped file would kill the whole daemon with SIGBUS.
"""

import errno
import os
import struct
from collections.abc import Callable

import xxhash

from reeld.content.opening import open_video, require_expected, require_untouched
from reeld.domain.content import QuickHashes
from reeld.domain.files import FileStamp, readable
from reeld.errors import Interrupted

END_BYTES = 1 << 20
"""How much of each end goes into the fingerprint."""

OSHASH_END_BYTES = 1 << 16
"""Given by https://trac.opensubtitles.org/projects/opensubtitles/wiki/HashSourceCodes, as is the sum."""

BUFFER_BYTES = 512 << 10
"""Fits the CPU's second-level cache, with the hash's state. 8 MiB buffers were a quarter slower."""

SLICE_BYTES = 32 << 20
"""How much of a file the page cache may hold behind the reader, and how often to check for a change."""


def quick_hashes(path: str, expected: FileStamp) -> QuickHashes:
    """Hash the first and the last MiB: two reads, however large the file is.

    The fingerprint is xxh3-64 of the first MiB, the last MiB and the size as 8 bytes, little endian; a file
    below 2 MiB goes in whole, once. Raises FileChanged if the file is not `expected`, or was touched
    while it was read, and all that `open_video` raises.
    """
    with open_video(path) as descriptor:
        before = require_expected(path, descriptor, expected)
        # Without this, read-ahead doubles what is read from the disk.
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_RANDOM)
        size = before.size_bytes
        ends = bytearray(min(size, 2 * END_BYTES))  # filled in place: fresh pages cost more than the hash
        with memoryview(ends) as view:
            got = _fill(descriptor, view[:END_BYTES], 0)
            got += _fill(descriptor, view[END_BYTES:], max(END_BYTES, size - END_BYTES))
        require_untouched(path, descriptor, before)
        _require_complete(got, len(ends))
    digest = xxhash.xxh3_64(ends)
    digest.update(size.to_bytes(8, "little"))
    return QuickHashes(fingerprint=digest.hexdigest(), oshash=_oshash(ends, size))


def full_hash(
    path: str,
    expected: FileStamp,
    *,
    on_progress: Callable[[int], None],
    should_stop: Callable[[], bool],
    limit_rate: Callable[[int], None] = lambda _count: None,
) -> str:
    """xxh3-128 of every byte, as 32 hexadecimal digits: what `xxhsum -H2` prints.

    Call `on_progress` with the number of bytes read since its last call, every 32 MiB and at the end. Every 512 KiB,
    call `should_stop`, which raises Interrupted here once it returns True, and `limit_rate`, which may wait.
    Raises FileChanged if the file is not `expected`, or was touched while it was read, and all that `open_video`
    raises.
    """
    with open_video(path) as descriptor:
        before = require_expected(path, descriptor, expected)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)
        buffer = memoryview(bytearray(BUFFER_BYTES))
        digest = xxhash.xxh3_128()
        done = 0
        while done < before.size_bytes:
            count = _hash_slice(path, descriptor, buffer, digest, should_stop, limit_rate)
            # Leave the page cache to the film that is being played. A cold file is even read a tenth faster than by
            # `cat`, whose pages must push out others; a warm one some 5 % slower.
            os.posix_fadvise(descriptor, done, count, os.POSIX_FADV_DONTNEED)
            done += count
            require_untouched(path, descriptor, before)
            _require_complete(count, min(SLICE_BYTES, before.size_bytes - done + count))
            on_progress(count)
    return digest.hexdigest()


def _hash_slice(
    path: str,
    descriptor: int,
    buffer: memoryview,
    digest: xxhash.xxh3_128,
    should_stop: Callable[[], bool],
    limit_rate: Callable[[int], None],
) -> int:
    """Hash the next SLICE_BYTES; return how many bytes, fewer at the end of the file."""
    count = 0
    while count < SLICE_BYTES:
        if should_stop():
            raise Interrupted(f"{readable(path)} was not hashed to its end, because reeld was asked to stop")
        got = os.readv(descriptor, [buffer[: SLICE_BYTES - count]])
        if got == 0:
            break
        digest.update(buffer[:got])
        limit_rate(got)
        count += got
    return count


def _fill(descriptor: int, view: memoryview, offset: int) -> int:
    """Read from `offset` until `view` is full; return how many bytes, fewer at the end of the file."""
    done = 0
    while done < len(view) and (got := os.preadv(descriptor, [view[done:]], offset + done)):
        done += got
    return done


def _require_complete(got: int, expected: int) -> None:
    """Raise OSError if an untouched file ends before its size: its disk or network mount is broken."""
    if got != expected:
        raise OSError(errno.EIO, "it ends before the size that its file system tells")


def _oshash(ends: bytearray, size: int) -> str | None:
    """Return the size plus the 64-bit words of the first and the last 64 KiB, little endian, modulo 2**64."""
    if size < OSHASH_END_BYTES:
        return None
    words = struct.Struct(f"<{OSHASH_END_BYTES // 8}Q")
    total = size + sum(words.unpack_from(ends)) + sum(words.unpack(ends[-OSHASH_END_BYTES:]))
    return f"{total % (1 << 64):016x}"
