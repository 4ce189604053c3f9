"""Which file is this, and is it still the one we looked at?"""

import os
from dataclasses import dataclass
from typing import Literal, Self

WriterSeen = Literal["none", "some", "unknown", "not asked"]
"""Whether any process may write to the file, by a descriptor or a mapping."""

HolesSeen = Literal["none", "some", "unknown", "not asked"]
"""Whether parts of it were never written, or left out because they are zeros."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileStamp:
    """What `stat` says of a file's content; two equal stamps mean the bytes were not touched in between."""

    size_bytes: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    device: int

    @classmethod
    def of(cls, status: os.stat_result) -> Self:
        return cls(
            size_bytes=status.st_size,
            mtime_ns=status.st_mtime_ns,
            ctime_ns=status.st_ctime_ns,
            inode=status.st_ino,
            device=status.st_dev,
        )

    def has_same_content_as(self, other: "FileStamp") -> bool:
        """Whether the two stamps speak of the same bytes, as far as `stat` can tell.

        ctime is left out: a rename, a chmod or a new hard link changes it and no byte of the file. The
        device is left out: its number may differ after the next boot.
        """
        return (self.size_bytes, self.mtime_ns, self.inode) == (other.size_bytes, other.mtime_ns, other.inode)


@dataclass(frozen=True, slots=True, kw_only=True)
class Completeness:
    """Why a file was believed to be complete when it had settled."""

    quiet_s: float
    """It had not changed for so long, at least."""
    writer: WriterSeen
    holes: HolesSeen


def readable(path: str) -> str:
    """`path` for a person's eyes: undecodable bytes as `\\xNN`, control characters escaped.

    A hostile name must not be able to move a terminal's cursor or to fake a line of a log.
    """
    return "".join(char if char.isprintable() else _escaped(char) for char in path)


def _escaped(char: str) -> str:
    # os.fsdecode keeps the byte 0xNN that is not UTF-8 as the surrogate U+DCNN.
    if 0xDC80 <= ord(char) <= 0xDCFF:
        return f"\\x{ord(char) - 0xDC00:02x}"
    return char.encode("unicode_escape").decode()
