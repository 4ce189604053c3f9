"""Reads the headers of a Matroska or WebM file, and how long its picture and sound last.

The Duration element may be wrong: it counts a late subtitle, and with FFmpeg a late start. So the
time stamps of the first and the last blocks are read, too.
"""

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from reeld.content.headers.ebml import BROKEN, Element, Id, elements, parts
from reeld.content.headers.source import BoundReached, Length, Source, WhyNoLength

VIDEO, AUDIO, SUBTITLE = 1, 2, 17

_PERHAPS_STILLS = ("V_MJPEG", "V_PNG", "V_MS/VFW/FOURCC")
"""Codecs that covers have as well, where they are stored as a track. Others go before them."""

_HEAD_BYTES = 32 << 10
_MOST_EBML_BYTES = 256
_MOST_TRACKS_BYTES = 512 << 10

_FLOATS = {4: ">f", 8: ">d"}

_TOLERANCE_MS = 100.0
"""The last audio frame may be partly padding, and a header may count it or not."""


@dataclass(slots=True, kw_only=True)
class Track:
    """A track as the header describes it."""

    number: int
    kind: int
    codec: str
    is_default: bool
    frame_ms: float | None
    """How long each frame lasts, if the header states it."""
    parts: Sequence[tuple[int, bytes]]
    """All elements of its entry."""
    told: Mapping[int, bytes]
    """The same by number; of several with one number the last."""


@dataclass(slots=True, kw_only=True)
class Matroska:
    """What the file states, as far as it could be read."""

    segment_body: int
    segment_end: int | None
    """None: the segment states no size."""
    document: bytes = b""
    """The kind of document: `matroska` or `webm`."""
    tracks: Sequence[Track] = ()
    scale_ns: int = 1_000_000
    stated_ms: float | None = None
    """The Duration element."""
    seek_head: bytes = b""
    """The content of the index of the headers."""
    cues_at: int | None = None
    """Where the cues begin, if they stand before the first cluster."""
    first_cluster: Element | None = None
    is_cut: bool | None = None
    """Whether an element states more bytes than there are. None: this was not found out."""
    is_broken: bool = False
    """Whether an element of the header ends beyond the one that it is in, or stands twice."""

    def main_tracks(self, main: Track | None) -> Mapping[int, Track]:
        """Return the main picture and all sound, by number. Covers and subtitles make no film longer."""
        return {track.number: track for track in self.tracks if track.kind == AUDIO or track is main}

    def main_picture(self) -> Track | None:
        pictures = [track for track in self.tracks if track.kind == VIDEO]
        if len(pictures) == 1:
            return pictures[0]
        return min(
            pictures, key=lambda track: (track.codec.startswith(_PERHAPS_STILLS), not track.is_default), default=None
        )


class Span(NamedTuple):
    """When picture and sound begin and end, as the time stamps of their blocks say."""

    start_ms: float
    end_ms: float
    slack_ms: float = 0.0
    """The end may be so much later: only the time of its cluster is known."""
    picture_ms: float | None = None
    """How long the main picture lasts, if only the padding of sound goes on behind it."""


def read_head(source: Source) -> Matroska | None:
    """Read what stands before the first cluster. None if the file is no Matroska."""
    document = b""
    try:
        source.piece(0, min(_HEAD_BYTES, source.size))
        for ident, _, body, end in elements(source, 0, source.size):
            if ident == Id.SEGMENT:
                # A size of 0 is a place where the size was to be filled in.
                found = Matroska(segment_body=body, segment_end=None if end == body else end, document=document)
                _read_segment(source, found)
                return found
            if ident == Id.EBML:
                document = _document(source.read(body, min((end or 0) - body, _MOST_EBML_BYTES)))
            elif ident not in (Id.VOID, Id.CRC32):
                return None
    except BoundReached:
        return None
    return None


def cues_place(source: Source, found: Matroska) -> int | None:
    """Return where the cues begin. None if that is not stated."""
    for ident, content in parts(found.seek_head, source):
        seek = dict(parts(content, source)) if ident == Id.SEEK else {}
        if _number(seek.get(Id.SEEK_ID, b"")) == Id.CUES:
            return found.segment_body + _number(seek.get(Id.SEEK_POSITION, b""))
    return found.cues_at


def length_of(found: Matroska, span: Span | None) -> Length:
    """Say how long the film is. The stated duration is exact, but must agree with the time stamps."""
    duration_ms, why = _duration(found.stated_ms, span)
    if duration_ms and span and span.picture_ms:
        duration_ms = min(duration_ms, span.picture_ms)
    return Length(
        is_stated=found.segment_end is not None,
        is_cut=found.is_cut,
        duration_ms=None if duration_ms is None else round(duration_ms),
        why_no_duration=why,
    )


def _duration(stated_ms: float | None, span: Span | None) -> tuple[float | None, WhyNoLength | None]:
    if span is None:
        return stated_ms, "not stated" if stated_ms is None else None
    found_ms = span.end_ms - span.start_ms
    if stated_ms is not None and -_TOLERANCE_MS <= stated_ms - found_ms <= span.slack_ms + _TOLERANCE_MS:
        return stated_ms, None
    if span.slack_ms:
        return None, "not stated" if stated_ms is None else "contradicted"
    return found_ms, None


def _read_segment(source: Source, found: Matroska) -> None:
    size = source.size
    if found.segment_end is not None:
        found.is_cut = found.segment_end > size
    try:
        for element in elements(source, found.segment_body, min(found.segment_end or size, size)):
            ident, _, _, end = element
            if ident == Id.CLUSTER:
                found.first_cluster = element
                return
            if end is not None and end > size:
                found.is_cut = True
                return
            if read := _PARTS.get(ident):
                read(source, element, found)
    except BoundReached:
        return  # what was found till then counts


@lru_cache(maxsize=64)
def _document(head: bytes) -> bytes:
    """Return the kind of document. Each writer begins all its files alike."""
    told = dict(parts(head))
    return b"" if BROKEN in told else told.get(Id.DOCUMENT_TYPE, b"matroska").rstrip(b"\0")


def _held(source: Source, element: Element) -> list[tuple[int, bytes]]:
    """Return the elements in one that states its size, and is no longer than a header may be."""
    length = -1 if element.end is None else element.end - element.body
    return parts(source.read(element.body, length), source) if 0 <= length <= _MOST_TRACKS_BYTES else [(BROKEN, b"")]


def _read_info(source: Source, element: Element, found: Matroska) -> None:
    ticks = 0.0
    for ident, value in _held(source, element):
        if ident == Id.TIMESTAMP_SCALE:
            found.scale_ns = _number(value) or found.scale_ns
        elif ident == Id.DURATION:
            kind = _FLOATS.get(len(value))
            ticks = struct.unpack(kind, value)[0] if kind else 0.0
        elif ident == BROKEN:
            found.is_broken = True
    stated_ms = ticks * found.scale_ns / 1e6
    found.stated_ms = stated_ms if math.isfinite(stated_ms) and stated_ms > 0 else None


def _read_tracks(source: Source, element: Element, found: Matroska) -> None:
    found.is_broken = found.is_broken or bool(found.tracks)
    entries = _held(source, element)
    found.is_broken = found.is_broken or (BROKEN, b"") in entries[-1:]
    found.tracks = [_track(parts(content, source)) for ident, content in entries if ident == Id.TRACK_ENTRY]


def _read_seek_head(source: Source, element: Element, found: Matroska) -> None:
    _, _, body, end = element
    found.seek_head = source.read(body, min((end or body) - body, _HEAD_BYTES))


def _read_cues(_source: Source, element: Element, found: Matroska) -> None:
    found.cues_at = element.start


_PARTS: Mapping[int, Callable[[Source, Element, Matroska], None]] = {
    Id.INFO: _read_info,
    Id.TRACKS: _read_tracks,
    Id.SEEK_HEAD: _read_seek_head,
    Id.CUES: _read_cues,
}
"""Reads an element of the segment. The others tell nothing that is needed."""


def _track(entry: Sequence[tuple[int, bytes]]) -> Track:
    told = dict(entry)
    frame_ns = _number(told.get(Id.DEFAULT_DURATION, b""))
    return Track(
        number=_number(told.get(Id.TRACK_NUMBER, b"")),
        kind=_number(told.get(Id.TRACK_TYPE, b"")),
        codec=_codec(told.get(Id.CODEC_ID, b"")[:64]),
        is_default=_number(told.get(Id.FLAG_DEFAULT, b"\1")) != 0,
        frame_ms=frame_ns / 1e6 or None,
        parts=entry,
        told=told,
    )


@lru_cache(maxsize=64)
def _codec(name: bytes) -> str:
    return name.rstrip(b"\0").decode("ascii", "replace")


def _number(content: bytes) -> int:
    """Return the content as a number without a sign; 0 if it is longer than one can be."""
    return int.from_bytes(content, "big") if len(content) <= 8 else 0
