"""What comes of reading a known file again and comparing it with its full hash."""

from dataclasses import dataclass
from enum import StrEnum


class Result(StrEnum):
    """How a file's bytes compare with the hash that is stored."""

    SAME = "same"
    DAMAGED = "damaged"
    """They differ, though inode, size, mtime and ctime do not; two readings agree."""
    ALTERED = "altered"
    """They differ under the same inode, size and mtime, and the ctime has moved; two readings agree. It is damage, or a
    program put the mtime back: nothing tells which."""
    UNSTABLE = "unstable"
    """Two readings differ from each other: the disk, its cable or the memory is at fault."""
    UNREADABLE = "unreadable"
    """The disk answered with an error."""


PROBLEMS = (Result.DAMAGED, Result.UNSTABLE, Result.UNREADABLE)
"""Those that the catalogue records. The next scan finds an altered file, and has it read again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A file that was read to its end, or to the first error."""

    result: Result
    found_hash: str | None = None
    """Of the bytes that are there, where two readings agree on it and the stored hash is another one."""
    error_offset: int | None = None
    """Of an unreadable file: where its first byte lies that cannot be read, as exactly as the disk's blocks tell."""
    reason: str | None = None
    """Of an unreadable file: what the system said."""


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """A file about which nothing is said now, and why."""

    reason: str
