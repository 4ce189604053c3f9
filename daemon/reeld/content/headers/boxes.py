"""Finds the boxes of MP4 and QuickTime files."""

import struct
from collections.abc import Sequence

from reeld.content.headers.source import BoundReached, Source

Box = tuple[bytes, int, int]
"""The kind of a box, and where in the file its content begins and ends."""

_HEAD = struct.Struct(">I4s").unpack_from
"""The size of a box, and its kind."""

BROKEN = b""
"""No box is of this kind."""


def boxes(source: Source, start: int, end: int, *, until: bytes | None = None) -> list[Box]:
    """Return the boxes between these places, up to the first one of the kind `until`.

    The last one is BROKEN if one ends beyond them, or is none. Raises BoundReached.
    """
    found: list[Box] = []
    at, held, first = start, b"", 0
    sure = start - 1  # boxes up to here have their head in the piece that is held
    while at + 8 <= end:
        source.count_element()
        if at > sure:
            held, first = source.piece(at, min(end, at + 16))
            sure = first + len(held) - 16
        place = at - first
        if at > sure and place + 8 > len(held):  # the file ends here
            found.append((BROKEN, at, end))
            break
        size, kind = _HEAD(held, place)
        body, stop = at + 8, at + size
        if size == 1:
            body, stop = at + 16, at + int.from_bytes(held[place + 8 : place + 16], "big")
        elif size == 0:
            stop = end
        if stop < body or stop > end:
            found.append((BROKEN, at, end))
            break
        found.append((kind, body, stop))
        if kind == until:
            break
        at = stop
    return found


def inner(source: Source, place: Box | None, *path: bytes) -> Box | None:
    """Return the first box that this path of kinds leads to from within another box."""
    for kind in path:
        if place is None:
            return None
        found = boxes(source, place[1], place[2], until=kind)
        place = found[-1] if found and found[-1][0] == kind else None
    return place


def first_of(found: Sequence[Box], kind: bytes) -> Box | None:
    """Return the first box of this kind."""
    for box in found:
        if box[0] == kind:
            return box
    return None


def content(source: Source, box: Box, most: int) -> bytes:
    """Return the content of the box. Raises BoundReached if it is longer than that."""
    _, start, end = box
    if end - start > most:
        raise BoundReached
    return source.read(start, end - start)
