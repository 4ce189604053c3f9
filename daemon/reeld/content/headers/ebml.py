"""Reads the elements of EBML, the format below Matroska and WebM."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from reeld.content.headers.source import BoundReached, Source


class Id:
    """The elements that are read."""

    EBML = 0x1A45DFA3
    DOCUMENT_TYPE = 0x4282
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
    FLAG_ENABLED = 0xB9
    CODEC_PRIVATE = 0x63A2
    LANGUAGE = 0x22B59C
    LANGUAGE_BCP47 = 0x22B59D
    TRACK_OPERATION = 0xE2
    CONTENT_ENCODINGS = 0x6D80
    BLOCK_ADDITION_MAPPING = 0x41E4
    BLOCK_ADDITION_TYPE = 0x41E7
    BLOCK_ADDITION_DATA = 0x41ED
    MOST_BLOCK_ADDITIONS = 0x55EE

    PICTURE = 0xE0
    WIDTH = 0xB0
    HEIGHT = 0xBA
    CROP_BOTTOM = 0x54AA
    CROP_TOP = 0x54BB
    CROP_LEFT = 0x54CC
    CROP_RIGHT = 0x54DD
    COLOUR = 0x55B0
    TRANSFER = 0x55BA
    MASTERING = 0x55D0

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
"""How long a number is, by its first byte. None is as long as 0 says."""

_ALL_ONES = tuple((1 << 7 * length) - 1 for length in range(10))
"""What stands for an unknown size, by the length of the number."""


_element: Callable[[tuple[int, int, int, int | None]], Element] = partial(tuple.__new__, Element)
"""Makes an element in a third of the time of a call with four arguments."""


def read_element(source: Source, at: int) -> Element | None:
    """Read the element's header. None if it is none, or if the file ends in it."""
    source.count_element()
    start, stop, head = source.last
    if at < start or at + 12 > stop:
        head, start = source.piece(at, at + 12)
        stop = start + len(head)
    place = at - start
    if place + 2 > len(head) or (ident := head[place]) < 0x10:
        return None
    size_at = place + _LENGTHS[ident]
    if ident < 0x80:
        ident = int.from_bytes(head[place:size_at], "big")
        if start + size_at >= stop:
            return None
    size = head[size_at]
    body = size_at + 1
    if size >= 0x80:
        size &= 0x7F
        is_unknown = size == 0x7F
    else:
        length = _LENGTHS[size]
        body = size_at + length
        if size == 0 or start + body > stop:
            return None
        size = int.from_bytes(head[size_at:body], "big") & _ALL_ONES[length]
        is_unknown = size == _ALL_ONES[length]
    body += start
    return _element((ident, at, body, None if is_unknown else body + size))


_MOST_PARTS = 64

BROKEN = 0
"""No element has this number."""


def parts(held: bytes, source: Source | None = None) -> list[tuple[int, bytes]]:
    """Return the number and the content of each element in these bytes. The last one is BROKEN if it ends beyond them.

    One loop without a call for each element, since a header has a hundred of them. Raises BoundReached if there
    are more than the source may still have, or more than 64 without one.
    """
    found: list[tuple[int, bytes]] = []
    at, end = 0, len(held)
    beyond = end + 1
    for _ in range(source.elements_left if source else _MOST_PARTS):
        if at + 2 > end:
            break
        ident, size_at = held[at], at + 1
        if ident < 0x80:
            length = _LENGTHS[ident]
            size_at = at + length
            ident = int.from_bytes(held[at:size_at], "big") if length <= 4 else BROKEN
        size = held[size_at] if size_at < end else 0
        at = size_at + 1
        if size >= 0x80:
            size = size & 0x7F if size < 0xFF else beyond
        else:
            length = _LENGTHS[size]
            at = size_at + length
            size = int.from_bytes(held[size_at:at], "big") & _ALL_ONES[length]
            size = beyond if length > 8 or size == _ALL_ONES[length] else size
        stop = at + size
        if stop > end or ident == BROKEN:
            at = beyond
            break
        found.append((ident, held[at:stop]))
        at = stop
    else:
        if at < end:
            if source:
                source.is_exceeded = True
            raise BoundReached
    if at != end:
        found.append((BROKEN, b""))
    if source:
        source.elements_left -= min(len(found), source.elements_left)
    return found


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
