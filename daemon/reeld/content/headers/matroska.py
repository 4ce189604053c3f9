"""Reads the headers of a Matroska or WebM file, and how long its picture and sound last.

The Duration element may be wrong: it counts a late subtitle, and with FFmpeg a late start. So the
time stamps of the first and the last blocks are read, too.
"""

import math
import struct
from contextlib import suppress
from dataclasses import dataclass

from reeld.content.headers.ebml import Element, Id, children, content, elements, number
from reeld.content.headers.source import BoundReached, Length, Source, WhyNoLength

VIDEO, AUDIO = 1, 2

_PERHAPS_STILLS = ("V_MJPEG", "V_PNG", "V_MS/VFW/FOURCC")
"""Codecs that covers have as well, where they are stored as a track. Others go before them."""

_HEAD_BYTES = 32 << 10

_TOLERANCE_MS = 100.0
"""The last audio frame may be partly padding, and a header may count it or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """A track as the header describes it."""

    number: int
    kind: int
    codec: str
    is_default: bool
    frame_ms: float | None
    """How long each frame lasts, if the header states it."""


@dataclass(slots=True, kw_only=True)
class Matroska:
    """What the file states, as far as it could be read."""

    segment_body: int
    segment_end: int | None
    """None: the segment states no size."""
    tracks: tuple[Track, ...] = ()
    scale_ns: int = 1_000_000
    stated_ms: float | None = None
    """The Duration element."""
    cues_at: int | None = None
    first_cluster: int | None = None
    is_cut: bool | None = None
    """Whether an element states more bytes than there are. None: this was not found out."""

    def main_tracks(self) -> dict[int, Track]:
        """Return the main picture and all sound, by number. Covers and subtitles make no film longer."""
        main = self.main_picture()
        return {track.number: track for track in self.tracks if track.kind == AUDIO or track is main}

    def main_picture(self) -> Track | None:
        pictures = [track for track in self.tracks if track.kind == VIDEO]
        return min(
            pictures, key=lambda track: (track.codec.startswith(_PERHAPS_STILLS), not track.is_default), default=None
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """When picture and sound begin and end, as the time stamps of their blocks say."""

    start_ms: float
    end_ms: float
    slack_ms: float = 0.0
    """The end may be so much later: only the time of its cluster is known."""
    picture_ms: float | None = None
    """How long the main picture lasts, if only the padding of sound goes on behind it."""


def read_head(source: Source) -> Matroska | None:
    """Read what stands before the first cluster. None if the file is no Matroska."""
    with suppress(BoundReached):
        source.read(0, _HEAD_BYTES)
        for element in elements(source, 0, source.size):
            if element.ident == Id.SEGMENT:
                # A size of 0 is a place where the size was to be filled in.
                found = Matroska(
                    segment_body=element.body, segment_end=None if element.end == element.body else element.end
                )
                _read_segment(source, found)
                return found
            if element.ident not in (Id.EBML, Id.VOID, Id.CRC32):
                return None
    return None


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
    if found.segment_end is not None:
        found.is_cut = found.segment_end > source.size
    with suppress(BoundReached):
        for element in elements(source, found.segment_body, min(found.segment_end or source.size, source.size)):
            if element.ident == Id.CLUSTER:
                found.first_cluster = element.start
                return
            if element.end is not None and element.end > source.size:
                found.is_cut = True
                return
            _read_part(source, element, found)


def _read_part(source: Source, element: Element, found: Matroska) -> None:
    match element.ident:
        case Id.INFO:
            _read_info(source, element, found)
        case Id.TRACKS:
            entries = [one for one in children(source, element) if one.ident == Id.TRACK_ENTRY]
            found.tracks = tuple(_track(source, entry) for entry in entries)
        case Id.SEEK_HEAD:
            position = _cues_position(source, element)
            found.cues_at = found.cues_at if position is None else found.segment_body + position
        case Id.CUES:
            found.cues_at = element.start


def _read_info(source: Source, info: Element, found: Matroska) -> None:
    ticks = 0.0
    for element in children(source, info):
        if element.ident == Id.TIMESTAMP_SCALE:
            found.scale_ns = number(source, element) or found.scale_ns
        elif element.ident == Id.DURATION:
            value = content(source, element)
            kind = {4: ">f", 8: ">d"}.get(len(value))
            ticks = struct.unpack(kind, value)[0] if kind else 0.0
    stated_ms = ticks * found.scale_ns / 1e6
    found.stated_ms = stated_ms if math.isfinite(stated_ms) and stated_ms > 0 else None


def _track(source: Source, entry: Element) -> Track:
    ident, kind, codec, is_default, frame_ns = 0, 0, "", True, 0
    for element in children(source, entry):
        match element.ident:
            case Id.TRACK_NUMBER:
                ident = number(source, element)
            case Id.TRACK_TYPE:
                kind = number(source, element)
            case Id.FLAG_DEFAULT:
                is_default = number(source, element) != 0
            case Id.CODEC_ID:
                codec = content(source, element, 64).decode("ascii", "replace")
            case Id.DEFAULT_DURATION:
                frame_ns = number(source, element)
    return Track(number=ident, kind=kind, codec=codec, is_default=is_default, frame_ms=frame_ns / 1e6 or None)


def _cues_position(source: Source, seek_head: Element) -> int | None:
    for seek in children(source, seek_head):
        ident, position = 0, 0
        for element in children(source, seek):
            if element.ident == Id.SEEK_ID:
                ident = number(source, element)
            elif element.ident == Id.SEEK_POSITION:
                position = number(source, element)
        if seek.ident == Id.SEEK and ident == Id.CUES:
            return position
    return None
