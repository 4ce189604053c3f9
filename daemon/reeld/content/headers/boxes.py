"""Finds the boxes of MP4 and QuickTime files."""

import struct

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
    while at + 8 <= end:
        place = at - first
        if place < 0 or place + 16 > len(held):
            held, first = source.piece(at, min(end, at + 16))
            place = at - first
        source.count_element()
        if place + 8 > len(held):  # the file ends here
            found.append((BROKEN, at, end))
            break
        size, kind = _HEAD(held, place)
        body = at + 8
        if size == 1:
            size = int.from_bytes(held[place + 8 : place + 16], "big")
            body = at + 16
        elif size == 0:
            size = end - at
        stop = at + size
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


def content(source: Source, box: Box, most: int) -> bytes:
    """Return the content of the box. Raises BoundReached if it is longer than that."""
    _, start, end = box
    if end - start > most:
        raise BoundReached
    return source.read(start, end - start)
