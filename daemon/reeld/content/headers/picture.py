"""Reads what a header states about a picture track that libmediainfo leaves out.

It leaves out the height of a clean aperture, some Dolby Vision configurations, and AV1's colours.
"""

from contextlib import suppress
from dataclasses import dataclass

from reeld.content.headers import av1
from reeld.content.headers.boxes import Box, boxes, inner
from reeld.content.headers.ebml import Element, Id, children, content, elements, number
from reeld.content.headers.source import BoundReached, Source

_HEAD_BYTES = 64 << 10
_MOST_CONFIGURATION = 4096

_TAG_PLACES = {b"V_QUICKTIME": 4, b"V_MS/VFW/FOURCC": 16}
"""Where the tag is: in a sample entry of QuickTime, and in the bitmap header of Windows."""

_MARKS = (b"V_AV1", *_TAG_PLACES, Id.BLOCK_ADDITION_MAPPING.to_bytes(2, "big"))

DOLBY_VISION = (b"dvcC", b"dvvC", b"dvwC")

BEFORE_CHILDREN = 8 + 78
"""The bytes of a VisualSampleEntry before the boxes in it."""


@dataclass(slots=True, kw_only=True)
class PictureHeader:
    """What was found; None where the header states nothing."""

    clean_aperture: tuple[int, int] | None = None
    """Width and height."""
    dolby_vision: tuple[int, int] | None = None
    """Profile, and the number of what it is compatible with."""
    transfer_curve: int | None = None
    """Of AV1, by its number in ITU-T H.273."""
    codec_tag: str | None = None
    """The tag of another container, where Matroska's codec is one that such a tag names."""


def read_picture(descriptor: int, track: int | None, *, is_av1: bool) -> PictureHeader:
    """Read the header of the track with this number. Never raises because of the bytes. Raises OSError."""
    found = PictureHeader()
    source = Source(descriptor)
    with suppress(BoundReached):
        head = source.read(0, 8)
        if head.startswith(b"\x1a\x45\xdf\xa3"):
            _read_matroska(source, track, found)
        elif head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"styp"):
            _read_mp4(source, track, found)
        elif is_av1:
            head = source.read(0, _HEAD_BYTES)
            at = head.find(b"av01\x81") if head.startswith(b"FLV") else -1
            found.transfer_curve = av1.transfer_curve_near(head) if at < 0 else av1.transfer_curve(head[at + 4 :])
    return found


def _read_matroska(source: Source, track: int | None, found: PictureHeader) -> None:
    for element in elements(source, 0, source.size):
        if element.ident != Id.SEGMENT:
            continue
        for part in elements(source, element.body, min(element.end or source.size, source.size)):
            if part.ident == Id.CLUSTER:
                return
            if part.ident == Id.TRACKS and _may_say_something(source, part):
                for entry in children(source, part):
                    _read_entry(source, entry, track, found)
        return


def _may_say_something(source: Source, tracks: Element) -> bool:
    """Tell whether the bytes hold one of the marks that are sought. Most files have none."""
    if tracks.end is None or tracks.end - tracks.body > _HEAD_BYTES:
        return True
    held = source.read(tracks.body, tracks.end - tracks.body)
    return any(mark in held for mark in _MARKS)


def _read_entry(source: Source, entry: Element, track: int | None, found: PictureHeader) -> None:
    parts = list(children(source, entry)) if entry.ident == Id.TRACK_ENTRY else []
    if track not in [number(source, part) for part in parts if part.ident == Id.TRACK_NUMBER]:
        return
    codec = b"".join(content(source, part, 64) for part in parts if part.ident == Id.CODEC_ID)
    for part in parts:
        if part.ident == Id.CODEC_PRIVATE:
            _read_private(codec, content(source, part, _MOST_CONFIGURATION), found)
        elif part.ident == Id.BLOCK_ADDITION_MAPPING:
            additions = {each.ident: content(source, each, _MOST_CONFIGURATION) for each in children(source, part)}
            if additions.get(Id.BLOCK_ADDITION_TYPE) in DOLBY_VISION:
                found.dolby_vision = dolby_vision_of(additions.get(Id.BLOCK_ADDITION_DATA, b""))


def _read_private(codec: bytes, private: bytes, found: PictureHeader) -> None:
    if codec == b"V_AV1":
        found.transfer_curve = av1.transfer_curve(private)
    elif place := _TAG_PLACES.get(codec):
        tag = private[place : place + 4]
        found.codec_tag = tag.decode("ascii") if tag.isascii() and min(tag, default=0) >= 32 else f"0x{tag.hex()}"


def _read_mp4(source: Source, track: int | None, found: PictureHeader) -> None:
    for movie in boxes(source, 0, source.size):
        for trak in boxes(source, *movie[1:]) if movie[0] == b"moov" else ():
            if trak[0] == b"trak" and _track_number(source, trak) == track:
                _read_trak(source, trak, found)


def _track_number(source: Source, trak: Box) -> int | None:
    header = inner(source, trak, b"tkhd")
    if header is None:
        return None
    at = header[1] + (20 if source.read(header[1], 1) == b"\x01" else 12)
    return int.from_bytes(source.read(at, 4), "big")


def _read_trak(source: Source, trak: Box, found: PictureHeader) -> None:
    table = inner(source, trak, b"mdia", b"minf", b"stbl", b"stsd")
    if table is None:
        return
    entry = table[1] + 8  # behind version, flags and the number of entries
    end = min(entry + int.from_bytes(source.read(entry, 4), "big"), table[2])
    for kind, start, stop in boxes(source, entry + BEFORE_CHILDREN, end):
        body = source.read(start, min(stop - start, _MOST_CONFIGURATION))
        if kind == b"clap":
            found.clean_aperture = clean_aperture_of(body)
        elif kind in DOLBY_VISION:
            found.dolby_vision = dolby_vision_of(body)
        elif kind == b"av1C":
            found.transfer_curve = av1.transfer_curve(body)


def clean_aperture_of(body: bytes) -> tuple[int, int] | None:
    """Divide the two fractions. They round to whole pixels."""
    width, width_divisor, height, height_divisor = (int.from_bytes(body[at : at + 4], "big") for at in (0, 4, 8, 12))
    if len(body) < 16 or not (width_divisor and height_divisor):
        return None
    return round(width / width_divisor), round(height / height_divisor)


def dolby_vision_of(record: bytes) -> tuple[int, int] | None:
    """Read profile and compatibility in a DOVIDecoderConfigurationRecord."""
    return None if len(record) < 5 else (record[2] >> 1, record[4] >> 4)
