"""Describe a file as `stat` sees it, and how complete it was when it settled."""

import json
import os
from dataclasses import dataclass, field, replace
from typing import Literal, Self

WriterSeen = Literal["none", "some", "unknown", "not asked"]
"""Whether a process may write to the file, by a descriptor or a mapping."""

HolesSeen = Literal["none", "some", "unknown", "not asked"]
"""Whether parts of the file were never written, or left out because they are zeros."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileStamp:
    """What `stat` says of a file's content. Between two equal stamps the bytes were not touched."""

    size_bytes: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    """0 where the file system keeps no inode numbers, so that the number of a moment says nothing."""
    device: int
    links: int | None = field(default=None, compare=False)
    """How many names the file has, or None if unknown. It is no part of the content; it explains a ctime."""

    @classmethod
    def of(cls, status: os.stat_result) -> Self:
        return cls(
            size_bytes=status.st_size,
            mtime_ns=status.st_mtime_ns,
            ctime_ns=status.st_ctime_ns,
            inode=status.st_ino,
            device=status.st_dev,
            links=status.st_nlink,
        )

    def is_that_of(self, status: os.stat_result) -> bool:
        """Tell whether `FileStamp.of(status)` equals this one, without making it: each reader of a file asks."""
        return (
            self.ctime_ns == status.st_ctime_ns
            and self.mtime_ns == status.st_mtime_ns
            and self.size_bytes == status.st_size
            and self.inode == status.st_ino
            and self.device == status.st_dev
        )

    def has_got_or_lost_a_name(self, before: "FileStamp") -> bool:
        """Tell whether a hard link came or went since `before`, which moves the ctime and no byte."""
        return None not in (self.links, before.links) and self.links != before.links

    def has_same_content_as(self, other: "FileStamp") -> bool:
        """Tell whether both stamps belong to the same content, as far as `stat` shows.

        ctime is left out: a rename, a chmod or a new hard link changes it and no byte of the file. The device is left
        out: its number may differ after the next boot.
        """
        is_alike = (self.size_bytes, self.mtime_ns) == (other.size_bytes, other.mtime_ns)
        return is_alike and not self.has_other_inode(other)

    def has_other_inode(self, other: "FileStamp") -> bool:
        """Tell whether both have an inode number, and not the same."""
        return self.inode != other.inode and bool(self.inode and other.inode)

    def comparable_with(self, known: "FileStamp") -> "FileStamp":
        """Return this stamp as the file system of `known` makes it: without a number that proves nothing."""
        return self if known.inode else replace(self, inode=0, device=known.device)


@dataclass(frozen=True, slots=True, kw_only=True)
class Completeness:
    """Why a file counted as complete when it settled."""

    quiet_s: float
    """The least time, in seconds, that it had not changed for."""
    writer: WriterSeen
    holes: HolesSeen


def readable(path: str) -> str:
    """Make `path` safe to print: undecodable bytes as `\\xNN`, control characters escaped.

    A hostile name must not move a terminal's cursor, turn its text around or fake a line of a log.
    """
    if path.isprintable():
        return path
    return "".join(char if char.isprintable() else _escaped(char) for char in path)


def readable_lines(text: str) -> str:
    """Make a text of our own safe to print. Its line ends and tabs stay."""
    return "".join(char if char in "\n\t" else readable(char) for char in text)


def json_line(value: object) -> str:
    """Write a value as JSON in one line of printable characters; all others become `\\uXXXX`.

    JSON itself lets C1 controls, U+2028 and U+202E pass. A terminal obeys them, and
    `str.splitlines` breaks the line at some of them.
    """
    text = json.dumps(value, ensure_ascii=False)
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in text)


def _escaped(char: str) -> str:
    # os.fsdecode keeps a byte 0xNN that is not UTF-8 as the surrogate U+DCNN.
    if 0xDC80 <= ord(char) <= 0xDCFF:
        return f"\\x{ord(char) - 0xDC00:02x}"
    return char.encode("unicode_escape").decode()
