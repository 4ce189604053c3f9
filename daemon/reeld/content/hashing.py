"""Hash a file: quick hashes of its ends, and one hash of every byte.

The file is read, never mapped: truncating a mapped file would kill the whole daemon with SIGBUS.
"""

import errno
import fcntl
import mmap
import os
from collections.abc import Callable
from typing import ClassVar

import xxhash

from reeld.content.opening import OpenVideo
from reeld.domain.content import QuickHashes
from reeld.domain.files import FileStamp, readable
from reeld.errors import Interrupted, ReadFailed

END_BYTES = 1 << 20
"""How much of each end goes into the fingerprint."""

OSHASH_END_BYTES = 1 << 16
"""Given by https://trac.opensubtitles.org/projects/opensubtitles/wiki/HashSourceCodes, as is the sum."""

BUFFER_BYTES = 512 << 10
"""Fits the CPU's second-level cache, with the hash's state. 8 MiB buffers were a quarter slower."""

UNCACHED_BUFFER_BYTES = 2 << 20
"""For reads with RWF_DONTCACHE. With 512 KiB the kernel read too little ahead, and a cold file took 1.7 times as long.
With 4 MiB it took no less, and a warm one a twentieth more processor time.
"""

RWF_DONTCACHE = 0x80
"""Flag of preadv2(2), Linux 6.14 and newer: pages that this read brings into the page cache leave it at once."""

_FLAG_REFUSED = (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS)

BLOCK_BYTES = 4096
"""What a direct read must begin at and be a multiple of, on any disk that is sold."""

SLICE_BYTES = 32 << 20
"""How much of a file the page cache may hold behind the reader, and how often to check for a change."""


SMALL_BYTES = 2 * END_BYTES
"""A file of at most so many bytes has no other bytes than those of its ends."""


def quick_hashes(video: OpenVideo) -> QuickHashes:
    """Hash the first and the last MiB: two reads, however large the file is.

    The fingerprint is xxh3-64 of the first MiB, the last MiB and the size as 8 bytes, little endian; a file
    below 2 MiB goes in whole, once. Raises FileChanged if the file was touched while it was read, and OSError.
    """
    # Without this, read-ahead doubles what is read from the disk.
    os.posix_fadvise(video.descriptor, 0, 0, os.POSIX_FADV_RANDOM)
    size = video.stamp.size_bytes
    ends = bytearray(min(size, SMALL_BYTES))  # filled in place: fresh pages cost more than the hash
    with memoryview(ends) as view:
        got = _fill(video.descriptor, view[:END_BYTES], 0)
        got += _fill(video.descriptor, view[END_BYTES:], max(END_BYTES, size - END_BYTES))
    video.require_untouched()
    _require_complete(got, len(ends))
    video.ends = ends
    digest = xxhash.xxh3_64(ends)
    digest.update(size.to_bytes(8, "little"))
    return QuickHashes(fingerprint=digest.hexdigest(), oshash=_oshash(ends, size))


def full_hash(
    video: OpenVideo,
    *,
    on_progress: Callable[[int], None],
    should_stop: Callable[[], bool],
    limit_rate: Callable[[int], None] = lambda _count: None,
    from_disk: bool = False,
) -> str:
    """xxh3-128 of every byte, as 32 hexadecimal digits: what `xxhsum -H2` prints.

    Call `on_progress` with the number of bytes read since its last call, every 32 MiB and at the end. For each read,
    of 2 MiB at most, call `should_stop`, which raises Interrupted here once it returns True, and `limit_rate`, which
    may wait. A small file whose ends were read is not read again. With `from_disk`, what the page cache holds of the
    file is not asked, as far as its file system allows that.
    Raises FileChanged if the file was touched while it was read, and OSError; with `from_disk` ReadFailed, which says
    where.
    """
    size = video.stamp.size_bytes
    if video.ends is not None and size <= SMALL_BYTES:
        on_progress(size)
        return xxhash.xxh3_128(video.ends).hexdigest()
    os.posix_fadvise(video.descriptor, 0, 0, os.POSIX_FADV_SEQUENTIAL)
    reader = (_DiskReader if from_disk else _Reader)(video.descriptor, video.stamp)
    digest = xxhash.xxh3_128()
    done = 0
    while done < size:
        end = min(done + SLICE_BYTES, size)
        count = 0
        while done + count < end:
            if should_stop():
                raise Interrupted(f"{readable(video.path)} was not hashed to its end, because reeld was asked to stop")
            piece = reader.read(done + count, end)
            if not piece:
                break
            digest.update(piece)
            limit_rate(len(piece))
            count += len(piece)
        reader.forget(done, count)
        video.require_untouched()
        _require_complete(count, end - done)
        done = end
        on_progress(count)
    return digest.hexdigest()


class _Reader:
    """Reads a file once, and leaves the page cache to the film that is being played.

    With RWF_DONTCACHE the kernel keeps what was in the page cache before, and only that. Without it, all pages of
    the file are dropped: also those of a film that a user watches.
    """

    refusing: ClassVar[set[int]] = set()
    """Devices, as in `stat`, whose kernel or file system refused the flag. The first read of a device finds out."""

    def __init__(self, descriptor: int, stamp: FileStamp) -> None:
        self._descriptor = descriptor
        self._device = stamp.device
        self._knows_flag = stamp.device not in _Reader.refusing
        most = UNCACHED_BUFFER_BYTES if self._knows_flag else BUFFER_BYTES
        self._buffer = memoryview(bytearray(min(most, stamp.size_bytes)))

    def read(self, offset: int, end: int) -> memoryview:
        """Return some bytes from `offset` on, none beyond `end`; none at all at the end of the file.

        They stay until the next call.
        """
        view = self._buffer[: end - offset]
        if self._knows_flag:
            try:
                return view[: os.preadv(self._descriptor, [view], offset, RWF_DONTCACHE)]
            except (OSError, NotImplementedError) as err:  # NotImplementedError: a Python without preadv2
                if isinstance(err, OSError) and err.errno not in _FLAG_REFUSED:
                    raise
            _Reader.refusing.add(self._device)
            self._knows_flag, self._buffer = False, self._buffer[:BUFFER_BYTES]
            view = view[:BUFFER_BYTES]
        return view[: os.preadv(self._descriptor, [view], offset)]

    def forget(self, offset: int, count: int) -> None:
        """Drop what was read there from the page cache, where reading itself did not."""
        if not self._knows_flag:
            os.posix_fadvise(self._descriptor, offset, count, os.POSIX_FADV_DONTNEED)


class _DiskReader(_Reader):
    """Reads a file from its disk, past the page cache, and leaves alone what that holds of it.

    Bytes that go bad on the disk stay right in the cache, and those that go bad in memory stay right on the disk. Where
    the file system knows no direct reads, the file is dropped from the cache first. Pages that a player maps stay.
    On a fast disk this took a third longer, as nothing is read ahead, and a third less processor time. Larger buffers
    made it no faster.
    """

    def __init__(self, descriptor: int, stamp: FileStamp) -> None:
        super().__init__(descriptor, stamp)
        self._is_direct = _set_direct(descriptor, is_direct=True)
        if self._is_direct:
            # Memory of its own pages, since the kernel writes into whole blocks.
            self._buffer = memoryview(mmap.mmap(-1, UNCACHED_BUFFER_BYTES))
        else:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)

    def read(self, offset: int, end: int) -> memoryview:
        """As `_Reader.read`. Raises ReadFailed."""
        try:
            return self._read_direct(offset, end) if self._is_direct else super().read(offset, end)
        except OSError as err:
            if self._is_direct and err.errno == errno.EINVAL:
                # It accepts the flag and no such read, or its blocks are larger.
                self._is_direct = not _set_direct(self._descriptor, is_direct=False)
                os.posix_fadvise(self._descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
                return super().read(offset, end)
            raise ReadFailed(err, self._first_bad(offset, end)) from err

    def forget(self, offset: int, count: int) -> None:
        if not self._is_direct:
            super().forget(offset, count)

    def _read_direct(self, offset: int, end: int) -> memoryview:
        count = min(-(-(end - offset) // BLOCK_BYTES) * BLOCK_BYTES, len(self._buffer))
        got = os.preadv(self._descriptor, [self._buffer[:count]], offset)
        return self._buffer[: min(got, end - offset)]

    def _first_bad(self, offset: int, end: int) -> int:
        """Read block by block until one fails, and return where it begins; the failed read had many blocks."""
        for at in range(offset, min(end, offset + len(self._buffer)), BLOCK_BYTES):
            try:
                os.preadv(self._descriptor, [self._buffer[:BLOCK_BYTES]], at)
            except OSError:
                return at
        return offset


def _set_direct(descriptor: int, *, is_direct: bool) -> bool:
    """Let reads of this descriptor go past the page cache, or not; return whether its file system allows that."""
    flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETFL, flags | os.O_DIRECT if is_direct else flags & ~os.O_DIRECT)
    except OSError:
        return False
    return True


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
    with memoryview(ends) as view:
        total = size + _sum_of_words(view[:OSHASH_END_BYTES], view[-OSHASH_END_BYTES:])
    return f"{total % (1 << 64):016x}"


_EVERY_OTHER_WORD = int.from_bytes((b"\xff" * 8 + bytes(8)) * (OSHASH_END_BYTES // 16), "little")


def _sum_of_words(*ends: memoryview) -> int:
    """Return the sum of all 64-bit words, little endian, of these ends of OSHASH_END_BYTES.

    Each end is one large number, folded in half until one word is left. To add up thousands of small numbers takes
    Python three times as long, and was the dearest part of a file's quick hashes.
    """
    numbers = [int.from_bytes(end, "little") for end in ends]
    # Each word gets the room of two, so that no sum runs into the next.
    words = sum((number & _EVERY_OTHER_WORD) + ((number >> 64) & _EVERY_OTHER_WORD) for number in numbers)
    half = OSHASH_END_BYTES * 8 // 2
    while half >= 128:
        words = (words & ((1 << half) - 1)) + (words >> half)
        half //= 2
    return words
