"""Reads where the boxes of an MP4 or QuickTime file say that they end, and how long picture and sound last."""

from collections.abc import Iterator
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
_TOLERANCE_MS = 100


@dataclass(slots=True)
class _Walk:
    at: int
    is_cut: bool | None = None
    is_open: bool = False
    """The last box goes to the end of the file, however long that is."""
    has_fragments: bool = False
    movie: tuple[int, int] | None = None
    """Where the content of the box with all tracks starts and ends."""


def read(source: Source, told_ms: int | None) -> Length | None:
    """Read where the file says that it ends. None if it is no MP4."""
    if source.read(0, 8)[4:] not in _KNOWN:
        return None
    walk = _Walk(0)
    with suppress(BoundReached):
        _walk(source, walk, _MOST_BOXES)
        if walk.is_cut is None:
            _walk_last_fragments(source, walk)
    if told_ms and walk.movie and not walk.has_fragments:
        with suppress(BoundReached):
            played_ms = _played_ms(source, *walk.movie)
            told_ms = min(told_ms, played_ms) if played_ms and told_ms - played_ms > _TOLERANCE_MS else told_ms
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
        if kind == b"moov":
            walk.movie = walk.at + 8, walk.at + size
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


# --- tracks ----------------------------------------------------------------------------------------------


def _played_ms(source: Source, start: int, end: int) -> int:
    """Return how long picture and sound last. The movie's own length counts late subtitles and an empty begin."""
    timescale, longest_ms = 0, 0.0
    for kind, at, stop in _boxes(source, start, end):
        if kind == b"mvhd":
            timescale, _ = _clock(source, at)
        elif kind == b"trak":
            longest_ms = max(longest_ms, _track_ms(source, at, stop, timescale))
    return round(longest_ms)


def _track_ms(source: Source, start: int, end: int, timescale: int) -> float:
    """Return how long the track lasts; 0 if it is neither picture nor sound."""
    handler, media_ms, edited_ms = b"", 0.0, 0.0
    nested = [(start, end)]
    while nested:
        for kind, at, stop in _boxes(source, *nested.pop()):
            match kind:
                case b"edts" | b"mdia":
                    nested.append((at, stop))
                case b"hdlr":
                    handler = source.read(at + 8, 4)
                case b"mdhd":
                    ticks_a_second, ticks = _clock(source, at)
                    media_ms = ticks * 1000 / ticks_a_second if ticks_a_second else 0.0
                case b"elst" if timescale:
                    edited_ms = _edited(source, at) * 1000 / timescale
    return (edited_ms or media_ms) if handler in (b"vide", b"soun") else 0.0


def _clock(source: Source, at: int) -> tuple[int, int]:
    """Return the ticks a second, and how many ticks it lasts."""
    content = source.read(at, 32)
    if content[:1] == b"\1":
        return int.from_bytes(content[20:24], "big"), int.from_bytes(content[24:32], "big")
    return int.from_bytes(content[12:16], "big"), int.from_bytes(content[16:20], "big")


def _edited(source: Source, at: int) -> int:
    """Add up the edits that show something."""
    head = source.read(at, 8)
    size, half = (20, 8) if head[:1] == b"\1" else (12, 4)
    total = 0
    for number in range(min(int.from_bytes(head[4:], "big"), _MOST_BOXES)):
        source.count_element()
        edit = source.read(at + 8 + number * size, size)
        if edit[half : 2 * half] != b"\xff" * half:  # else nothing is shown so long
            total += int.from_bytes(edit[:half], "big")
    return total


def _boxes(source: Source, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield each box between these places, with where its content starts and ends."""
    at = start
    while at + 8 <= end:
        source.count_element()
        head = source.read(at, 8)
        size = int.from_bytes(head[:4], "big")
        if size < 8 or at + size > end:
            return
        yield head[4:], at + 8, at + size
        at += size
