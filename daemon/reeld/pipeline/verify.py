"""Reads a known file again and compares it with its full hash: the same, damaged, unstable or unreadable.

This is no stage, and has no job. A stage fills columns once for a version of a file's bytes, and what it finds replaces
what was there. A job that fails puts the file among the failed ones, and its hash in doubt. A verification comes back
for as long as the file is there, and replaces nothing. So it takes one file after the other in the order of
`catalog/verification.py`, which is all the state there is: a file that was not read to its end is read again.

Damage is what no program does: other bytes under the same inode, size, mtime and ctime. A write through the file system
moves the ctime, also one that puts the mtime back. Such a file is `altered`, which only `reeld verify` says. The
scan that sees its ctime puts its hash in doubt, and has it read again.

Nothing is said on the word of one reading. The second opens the file again. Both go to the disk, past the page cache.
Before and after each, `stat` must show the file as its row has it.
"""

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass

from reeld.content.hashing import full_hash
from reeld.content.opening import opened
from reeld.domain.files import FileStamp
from reeld.domain.records import FileRecord
from reeld.domain.verification import Comparison, LeftAlone, Result
from reeld.errors import FileChanged, FileError, FileNotRegular, FileUnreadable, FileVanished

# What the kernel answers where a disk has lost a block, or a checksum of the file system does not fit. Any other error,
# such as that of a server that is away, says nothing about the bytes.
_BAD_BLOCK = (errno.EIO, errno.ENODATA, errno.EILSEQ, errno.EREMOTEIO, errno.EBADMSG, errno.EUCLEAN)

CHANGED = "it was changed, so its hash is not of what is there now"
GONE = "it is not at its path any more"
WRITTEN = "a program has it open for writing"
TOUCHED = "something touched it since it was read, so the next scan has it read again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verifier:
    """Reads files, and stores nothing. `verify` raises Interrupted, and MachineExhausted."""

    should_stop: Callable[[], bool]
    """Whether reeld was asked to end."""
    has_writer: Callable[[str], bool]
    """Whether a program may be writing to the file at this path."""
    on_bytes_read: Callable[[int], None] = lambda _count: None
    """Count the bytes of a piece that was read."""
    limit_rate: Callable[[int], None] = lambda _count: None
    """Count the bytes of a piece, and wait if the rate limit, or other work, says so."""
    reads_touched: bool = False
    """Whether to read a file if only its ctime has moved."""

    def verify(self, record: FileRecord) -> Comparison | LeftAlone:
        """Compare a file, which has a full hash, with that."""
        try:
            return self._compare(record)
        except (FileError, _Touched) as err:
            return _what_follows(err)

    def _compare(self, record: FileRecord) -> Comparison | LeftAlone:
        first, seen = self._read(record)
        if first == record.file_hash:
            return Comparison(result=Result.SAME)
        if self.has_writer(record.absolute_path):
            return LeftAlone(WRITTEN)
        second, seen_again = self._read(record)
        if seen != seen_again:
            return LeftAlone(CHANGED)
        if first != second:
            return Comparison(result=Result.UNSTABLE)
        is_altered = seen.ctime_ns != record.stamp.ctime_ns
        return Comparison(result=Result.ALTERED if is_altered else Result.DAMAGED, found_hash=first)

    def _read(self, record: FileRecord) -> tuple[str, FileStamp]:
        """Return the hash of all bytes as they are on the disk, and what `stat` said before and after it."""
        with opened(record.absolute_path, record.stamp) as video:
            # That inode, size and mtime are as in the row is what opening it asks.
            if video.stamp.ctime_ns != record.stamp.ctime_ns and not self.reads_touched:
                raise _Touched
            found = full_hash(
                video,
                on_progress=self.on_bytes_read,
                should_stop=self.should_stop,
                limit_rate=self.limit_rate,
                from_disk=True,
            )
        return found, video.stamp


class _Touched(Exception):
    """Only the file's ctime has moved."""


def _what_follows(error: FileError | _Touched) -> Comparison | LeftAlone:
    match error:
        case _Touched():
            return LeftAlone(TOUCHED)
        case FileChanged():
            return LeftAlone(CHANGED)
        case FileVanished() | FileNotRegular():
            return LeftAlone(GONE)
        case FileUnreadable(errno=number) if number in _BAD_BLOCK:
            cause = os.strerror(number or errno.EIO)
            return Comparison(result=Result.UNREADABLE, error_offset=error.offset, reason=cause)
        case _:
            return LeftAlone(str(error))
