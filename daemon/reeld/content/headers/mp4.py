"""Reads where the boxes of an MP4 or QuickTime file say that they end, and how long picture and sound last."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from reeld.content.headers.boxes import Box, boxes
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


_OF_A_MOVIE = frozenset((b"udta", b"meta", b"iods", b"free", b"skip", b"uuid"))
"""Not `mvex`: a film in fragments goes on behind boxes of the outermost level that are not known here."""
_NESTED = frozenset((b"edts", b"mdia"))
_OF_A_TRACK = frozenset((b"tkhd", b"tref", b"elst", b"mdhd", b"hdlr", b"elng", b"minf")) | _NESTED
_PERHAPS_SEVERAL = frozenset((b"udta", b"meta", b"free", b"skip", b"uuid", b"tapt", b"load", b"trgr"))
"""Boxes that tell nothing of what is read."""

_MOVIE_BYTES = 64 << 10
"""Of most films the headers and the tables of one minute, read at once."""


@dataclass(slots=True)
class Layout:
    """The boxes of the outermost level."""

    at: int
    """Where those end that were looked at."""
    is_cut: bool | None = None
    is_open: bool = False
    """The last box goes to the end of the file, however long that is."""
    has_fragments: bool = False
    movie: Box | None = None
    """The box with all tracks."""
    movies: int = 0
    """How many of these there are."""


@dataclass(slots=True, kw_only=True)
class Track:
    """A track as its boxes describe it."""

    boxes: Mapping[bytes, Box]
    """Those of the track and of its media, by kind."""
    handler: bytes
    media_ms: float
    edited_ms: float
    """How long the edits last that show something; 0 if there are none."""
    is_usual: bool
    """Whether each of its boxes is known, ends within the one that it is in, and stands there once."""

    @property
    def played_ms(self) -> float:
        return self.edited_ms or self.media_ms


@dataclass(slots=True, kw_only=True)
class Movie:
    """All tracks."""

    stated_ms: float = 0.0
    """How long the longest track lasts, late subtitles and an empty begin included."""
    tracks: Sequence[Track] = ()
    is_usual: bool = True

    def played_ms(self) -> float:
        """Return how long picture and sound last."""
        return max((track.played_ms for track in self.tracks if track.handler in (b"vide", b"soun")), default=0.0)


def read(source: Source, told_ms: int | None) -> Length | None:
    """Read where the file says that it ends. None if it is no MP4."""
    layout = read_layout(source)
    if layout is None:
        return None
    played_ms = 0.0
    if told_ms and layout.movie and not layout.has_fragments:
        with suppress(BoundReached):
            played_ms = read_movie(source, layout.movie).played_ms()
    return length_of(layout, told_ms, round(played_ms))


def read_layout(source: Source) -> Layout | None:
    """Read the outermost boxes. None if the file is no MP4."""
    if source.read(0, 8)[4:] not in _KNOWN:
        return None
    layout = Layout(0)
    with suppress(BoundReached):
        _walk(source, layout, _MOST_BOXES)
        if layout.is_cut is None:
            _walk_last_fragments(source, layout)
    return layout


def length_of(layout: Layout, told_ms: int | None, played_ms: int) -> Length:
    """Say how long the film is. `told_ms` may count what is neither picture nor sound."""
    if told_ms and played_ms and told_ms - played_ms > _TOLERANCE_MS:
        told_ms = played_ms
    # Of a film in fragments that was cut, the header still states how long it was to be, or nothing.
    is_partial = layout.is_cut is True and layout.has_fragments
    return Length(is_stated=not layout.is_open, is_cut=layout.is_cut, duration_ms=None if is_partial else told_ms)


def _walk(source: Source, layout: Layout, most: int) -> None:
    """Go from box to box. `is_cut` stays unknown if there are more than `most`."""
    for _ in range(most):
        source.count_element()
        head = source.read(layout.at, 16)
        size, kind = int.from_bytes(head[:4], "big"), head[4:8]
        if kind not in _KNOWN:
            layout.is_cut = False
            return
        if size == 0:
            layout.is_open, layout.is_cut = True, False
            return
        head_size = 8
        if size == 1:
            size, head_size = int.from_bytes(head[8:], "big"), 16
        if size < 8:
            return
        layout.has_fragments = layout.has_fragments or kind == b"moof"
        if kind == b"moov":
            layout.movie = b"moov", layout.at + head_size, layout.at + size
            layout.movies += 1
        layout.at += size
        if layout.at >= source.size:
            layout.is_cut = layout.at > source.size
            return


def _walk_last_fragments(source: Source, layout: Layout) -> None:
    """Find the last fragments, of thousands, from the end."""
    start = max(layout.at, source.size - _TAIL_BYTES)
    tail = source.read(start, _TAIL_BYTES)
    at = len(tail)
    while layout.is_cut is None and (at := tail.rfind(b"moof\0\0\0\x10mfhd", 0, at)) >= 4:
        layout.at = start + at - 4
        _walk(source, layout, _MOST_BOXES)


# --- tracks ----------------------------------------------------------------------------------------------


def read_movie(source: Source, place: Box) -> Movie:
    """Read the headers of all tracks. Raises BoundReached."""
    _, start, end = place
    source.piece(start, min(end, start + _MOVIE_BYTES))
    movie, timescale, tracks = Movie(), 0, []
    for kind, at, stop in boxes(source, start, end):
        if kind == b"mvhd":
            timescale, ticks = clock(source, at)
            movie.stated_ms = ticks * 1000 / timescale if timescale else 0.0
        elif kind == b"trak":
            tracks.append(_read_track(source, at, stop, timescale))
        elif kind not in _OF_A_MOVIE:
            movie.is_usual = False
    movie.tracks = tracks
    return movie


def _read_track(source: Source, start: int, end: int, timescale: int) -> Track:
    found: dict[bytes, Box] = {}
    nested, is_usual = [(start, end)], True
    while nested:
        for box in boxes(source, *nested.pop()):
            kind = box[0]
            is_usual = is_usual and (kind in _PERHAPS_SEVERAL or (kind in _OF_A_TRACK and kind not in found))
            found[kind] = box
            if kind in _NESTED:
                nested.append(box[1:])
    media_ms = edited_ms = 0.0
    if header := found.get(b"mdhd"):
        ticks_a_second, ticks = clock(source, header[1])
        media_ms = ticks * 1000 / ticks_a_second if ticks_a_second else 0.0
    if timescale and (edits := found.get(b"elst")):
        edited_ms = _edited(source, edits[1]) * 1000 / timescale
    handler = found.get(b"hdlr")
    return Track(
        boxes=found,
        handler=source.read(handler[1] + 8, 4) if handler else b"",
        media_ms=media_ms,
        edited_ms=edited_ms,
        is_usual=is_usual,
    )


def clock(source: Source, at: int) -> tuple[int, int]:
    """Return the ticks a second, and how many ticks it lasts (0: unknown), of a movie's or a track's header."""
    content = source.read(at, 32)
    rate, ticks = (content[20:24], content[24:32]) if content[:1] == b"\1" else (content[12:16], content[16:20])
    # All bits are set where the writer did not know it (ISO/IEC 14496-12, 8.2.2).
    is_known = any(byte != 0xFF for byte in ticks)
    return int.from_bytes(rate, "big"), int.from_bytes(ticks, "big") if is_known else 0


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
