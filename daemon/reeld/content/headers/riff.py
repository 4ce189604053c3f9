"""Reads an AVI's sizes, and counts its frames where the header does not."""

import struct
from contextlib import suppress
from dataclasses import dataclass

from reeld.content.headers.source import BoundReached, Length, Source

UNKNOWN = (0, 0xFFFFFFFF)
"""What a writer leaves that cannot go back to fill in the size."""

_COUNTED_BYTES = 1536 << 10
_SLACK_BYTES = 8
"""Some writers state the whole file's size, and so count the first header twice."""


@dataclass(slots=True, kw_only=True)
class _Header:
    """The picture's stream, as the header list describes it."""

    stream: int | None = None
    frame_ms: float = 0.0
    movie_at: int | None = None
    movie_end: int | None = None
    """None: the list of frames states no size."""


def read(source: Source, told_ms: int | None) -> Length | None:
    """Read where the AVI says that it ends. `told_ms` is what another reader found. None if it is no AVI."""
    head = source.read(0, 12)
    if head[:4] != b"RIFF" or head[8:12] != b"AVI ":
        return None
    with suppress(BoundReached):
        at = 0
        while (chunk := source.read(at, 8))[:4] == b"RIFF" and len(chunk) == 8:
            source.count_element()
            size = int.from_bytes(chunk[4:], "little")
            if size in UNKNOWN:
                return _open_ended(source, at)
            at += 8 + size + size % 2
        return Length(is_stated=True, is_cut=at > source.size + _SLACK_BYTES, duration_ms=told_ms)
    return Length(duration_ms=told_ms)


def _open_ended(source: Source, at: int) -> Length:
    """Count the frames of a file that states no size, if it is short enough. Its header was never filled in."""
    header, frames, is_cut = _Header(), 0, None
    with suppress(BoundReached):
        if at == 0:  # else only a later part is open, and all the frames before it are too many to count
            _read_header(source, 12, source.size, header)
        if header.movie_end is not None and header.movie_end > source.size:
            is_cut = True
        elif header.movie_at is not None and source.size - header.movie_at <= _COUNTED_BYTES:
            source.read(header.movie_at, _COUNTED_BYTES)
            frames, is_cut = _count_frames(source, header)
    duration_ms = round(header.frame_ms * frames)
    return Length(is_cut=is_cut, duration_ms=duration_ms or None, why_no_duration=None if duration_ms else "not stated")


def _read_header(source: Source, at: int, end: int, header: _Header) -> None:
    """Read the chunks up to the list of frames."""
    streams = 0
    while at < end:
        source.count_element()
        chunk = source.read(at, 12)
        name, size = chunk[:4], int.from_bytes(chunk[4:8], "little")
        if len(chunk) < 12:
            return
        if name == b"LIST" and chunk[8:] == b"movi":
            header.movie_at = at + 12
            header.movie_end = None if size in UNKNOWN else at + 8 + size
            return
        if name == b"LIST" and chunk[8:] in (b"hdrl", b"strl"):
            at += 12
            continue
        if name == b"strh":
            if chunk[8:] == b"vids" and header.stream is None:
                header.stream = streams
                _read_stream(source.read(at + 8, 48), header)
            streams += 1
        at += 8 + size + size % 2


def _read_stream(content: bytes, header: _Header) -> None:
    scale, rate = struct.unpack_from("<2I", content.ljust(48, b"\0"), 20)
    header.frame_ms = scale * 1000 / rate if rate else 0.0


def _count_frames(source: Source, header: _Header) -> tuple[int, bool | None]:
    """Count the picture's chunks. Also tell whether the last chunk states more bytes than there are."""
    at, frames = header.movie_at or 0, 0
    end = header.movie_end or source.size
    names = () if header.stream is None else (b"%02ddc" % header.stream, b"%02ddb" % header.stream)
    while at < end:
        source.count_element()
        chunk = source.read(at, 8)
        if len(chunk) < 8 or chunk[:4] in (b"idx1", b"RIFF"):
            break
        if chunk[:4] == b"LIST":  # groups chunks that are to be read at once
            at += 12
            continue
        if not chunk[:4].isascii():
            return 0, None
        if chunk[:4] in names:
            frames += 1
        at += 8 + int.from_bytes(chunk[4:], "little")
        at += at % 2
    return frames, at > source.size + 1
