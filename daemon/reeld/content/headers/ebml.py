"""Reads the elements of EBML, the format below Matroska and WebM."""

from collections.abc import Iterator
from typing import NamedTuple

from reeld.content.headers.source import Source


class Id:
    """The elements that are read."""

    EBML = 0x1A45DFA3
    SEGMENT = 0x18538067
    VOID = 0xEC
    CRC32 = 0xBF

    SEEK_HEAD = 0x114D9B74
    SEEK = 0x4DBB
    SEEK_ID = 0x53AB
    SEEK_POSITION = 0x53AC

    INFO = 0x1549A966
    TIMESTAMP_SCALE = 0x2AD7B1
    DURATION = 0x4489

    TRACKS = 0x1654AE6B
    TRACK_ENTRY = 0xAE
    TRACK_NUMBER = 0xD7
    TRACK_TYPE = 0x83
    FLAG_DEFAULT = 0x88
    CODEC_ID = 0x86
    DEFAULT_DURATION = 0x23E383

    CUES = 0x1C53BB6B
    CUE_POINT = 0xBB
    CUE_POSITIONS = 0xB7
    CUE_TRACK = 0xF7
    CUE_CLUSTER = 0xF1

    CLUSTER = 0x1F43B675
    TIMESTAMP = 0xE7
    POSITION = 0xA7
    PREVIOUS_SIZE = 0xAB
    SILENT_TRACKS = 0x5854
    ENCRYPTED_BLOCK = 0xAF
    SIMPLE_BLOCK = 0xA3
    BLOCK_GROUP = 0xA0
    BLOCK = 0xA1
    BLOCK_DURATION = 0x9B

    CHAPTERS = 0x1043A770
    ATTACHMENTS = 0x1941A469
    TAGS = 0x1254C367


class Element(NamedTuple):
    """An element: where it starts, where its content does, and where it says that it ends.

    A tuple, because hundreds are made for each file.
    """

    ident: int
    start: int
    body: int
    end: int | None
    """None if the size is unknown: all its bits are set."""


_LENGTHS = bytes(9 - first.bit_length() for first in range(256))
"""How long a number is, by its first byte."""


def read_element(source: Source, at: int) -> Element | None:
    """Read the element's header. None if it is none, or if the file ends in it."""
    source.count_element()
    head = source.read(at, 12)
    if len(head) < 2 or head[0] < 0x10:
        return None
    ident = head[0]
    id_length = _LENGTHS[ident]
    if id_length > 1:
        ident = int.from_bytes(head[:id_length], "big")
        if len(head) <= id_length:
            return None
    size = head[id_length]
    size_length = _LENGTHS[size]
    body = at + id_length + size_length
    if size_length == 1:
        size &= 0x7F
        return Element(ident, at, body, None if size == 0x7F else body + size)
    if size == 0 or len(head) < id_length + size_length:
        return None
    all_ones = (1 << 7 * size_length) - 1
    size = int.from_bytes(head[id_length : id_length + size_length], "big") & all_ones
    return Element(ident, at, body, None if size == all_ones else body + size)


def elements(source: Source, start: int, end: int) -> Iterator[Element]:
    """Yield the elements from `start` on. One without a size, or that goes beyond `end`, is the last."""
    at: int | None = start
    while at is not None and at < end and (found := read_element(source, at)):
        yield found
        at = found.end


def children(source: Source, parent: Element) -> Iterator[Element]:
    """Yield the elements in one that states its size."""
    return elements(source, parent.body, parent.body if parent.end is None else min(parent.end, source.size))


def content(source: Source, element: Element, most: int = 8) -> bytes:
    """Return the element's content; nothing if it is longer than that."""
    length = most + 1 if element.end is None else element.end - element.body
    return source.read(element.body, length) if length <= most else b""


def number(source: Source, element: Element) -> int:
    """Return the content as a number without a sign."""
    return int.from_bytes(content(source, element), "big")
