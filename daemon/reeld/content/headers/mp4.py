"""Reads where the boxes of an MP4 or QuickTime file say that they end."""

from contextlib import suppress
from dataclasses import dataclass

from reeld.content.headers.source import BoundReached, Length, Source

_KNOWN = frozenset(
    (
        *(b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"uuid", b"pnot", b"PICT", b"meta", b"udta"),
        *(b"styp", b"sidx", b"ssix", b"moof", b"mfra", b"prft", b"emsg", b"imda", b"pdin", b"junk"),
    )
)
"""The boxes of the outermost level. Bytes behind them that look like another are none of the file."""

_MOST_BOXES = 40
_TAIL_BYTES = 1 << 20


@dataclass(slots=True)
class _Walk:
    at: int
    is_cut: bool | None = None
    is_open: bool = False
    """The last box goes to the end of the file, however long that is."""
    has_fragments: bool = False


def read(source: Source, told_ms: int | None) -> Length | None:
    """Read where the file says that it ends. None if it is no MP4."""
    if source.read(0, 8)[4:] not in _KNOWN:
        return None
    walk = _Walk(0)
    with suppress(BoundReached):
        _walk(source, walk, _MOST_BOXES)
        if walk.is_cut is None:
            _walk_last_fragments(source, walk)
    # Of a film in fragments that was cut, the header still states how long it was to be, or nothing.
    is_partial = walk.is_cut is True and walk.has_fragments
    return Length(is_stated=not walk.is_open, is_cut=walk.is_cut, duration_ms=None if is_partial else told_ms)


def _walk(source: Source, walk: _Walk, most: int) -> None:
    """Go from box to box. `is_cut` stays unknown if there are more than `most`."""
    for _ in range(most):
        source.count_element()
        head = source.read(walk.at, 16)
        size, kind = int.from_bytes(head[:4], "big"), head[4:8]
        if kind not in _KNOWN:
            walk.is_cut = False
            return
        if size == 0:
            walk.is_open, walk.is_cut = True, False
            return
        if size == 1:
            size = int.from_bytes(head[8:], "big")
        if size < 8:
            return
        walk.has_fragments = walk.has_fragments or kind == b"moof"
        walk.at += size
        if walk.at >= source.size:
            walk.is_cut = walk.at > source.size
            return


def _walk_last_fragments(source: Source, walk: _Walk) -> None:
    """Find the last fragments, of thousands, from the end."""
    start = max(walk.at, source.size - _TAIL_BYTES)
    tail = source.read(start, _TAIL_BYTES)
    at = len(tail)
    while walk.is_cut is None and (at := tail.rfind(b"moof\0\0\0\x10mfhd", 0, at)) >= 4:
        walk.at = start + at - 4
        _walk(source, walk, _MOST_BOXES)
