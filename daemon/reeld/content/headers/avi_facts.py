"""Reads all facts of an AVI, if nothing in its headers is unusual."""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from reeld.content.dynamic_range import DynamicRange
from reeld.content.headers import riff
from reeld.content.headers.facts import Facts, picture_of_tag, plain_language, sound_of_tag
from reeld.content.headers.source import NotUnderstood, Source
from reeld.content.media_names import STILLS

_PARAMETERS_IN_STREAM = frozenset(
    ("av1", "h264", "hevc", "mpeg1video", "mpeg2video", "theora", "vc1", "vp8", "vp9", "vvc", "wmv3")
)
"""Codecs whose size the stream says, and the container may contradict."""

_MOST_HEADER_BYTES = 256 << 10
_MOST_CHUNKS = 24
_MAIN_HEADER = b"avih" + (56).to_bytes(4, "little")
_LANGUAGES = tuple(b"IAS%d" % number for number in range(1, 10))

_LONGER_SOUND_MS = 500
"""If sound is said to last longer than the picture by more, one of both is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stream:
    kind: bytes
    milliseconds: float
    count: int
    """How many frames, or other pieces, it has."""
    form: bytes
    """The description of its format."""


def read(source: Source) -> Facts | None:
    """Return the facts; None if it is no AVI. Raises NotUnderstood and BoundReached."""
    head = source.read(0, 12)
    if head[:4] != b"RIFF" or head[8:] != b"AVI ":
        return None
    is_open = int.from_bytes(head[4:8], "little") in riff.UNKNOWN
    header, languages = _read_top(source)
    streams = list(_streams(header, is_open=is_open))
    pictures = [stream for stream in streams if stream.kind == b"vids"]
    sounds = [stream for stream in streams if stream.kind == b"auds"]
    if len(pictures) != 1 or len(sounds) + 1 != len(streams) or len(languages) > len(sounds):
        raise NotUnderstood
    (picture,) = pictures
    size, codec = _picture(picture)
    longest_ms = max(stream.milliseconds for stream in streams)
    if longest_ms - picture.milliseconds > _LONGER_SOUND_MS and not is_open:
        raise NotUnderstood
    length = riff.read(source, None if is_open else round(longest_ms))
    if length is None:
        raise NotUnderstood
    return Facts(
        container="avi",
        size=size,
        codec_video=codec,
        range=DynamicRange(),
        sounds=[(sound_of_tag(sound.form), None) for sound in sounds],
        languages=languages,
        subtitle_languages=(),
        length=length,
    )


def _read_top(source: Source) -> tuple[bytes, Sequence[str]]:
    """Return the header list, and the languages that stand before the list of frames."""
    header, at = b"", 12
    languages: list[str] = []
    for _ in range(_MOST_CHUNKS):
        source.count_element()
        head = source.read(at, 12)
        if len(head) < 12:
            raise NotUnderstood
        size = int.from_bytes(head[4:8], "little")
        if head[:4] == b"LIST" and head[8:] == b"movi":
            return header, languages
        if head[:4] == b"LIST" and (head[8:] == b"INFO" or (head[8:] == b"hdrl" and not header)):
            if not 4 <= size <= _MOST_HEADER_BYTES:
                raise NotUnderstood
            held = source.read(at + 12, size - 4)
            if head[8:] == b"hdrl":
                header = held
            else:
                languages = _languages(held)
        at += 8 + size + size % 2
    raise NotUnderstood


def _languages(info: bytes) -> list[str]:
    named = {kind: plain_language(content) for kind, content in _chunks(info) if kind in _LANGUAGES}
    if list(named) != list(_LANGUAGES[: len(named)]):
        raise NotUnderstood
    return list(named.values())


def _chunks(held: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the name and the content of each chunk. Raises NotUnderstood if one ends beyond the bytes."""
    at = 0
    for _ in range(200):
        if at + 8 > len(held):
            return
        size = int.from_bytes(held[at + 4 : at + 8], "little")
        if at + 8 + size > len(held):
            raise NotUnderstood
        yield held[at : at + 4], held[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    raise NotUnderstood


def _streams(header: bytes, *, is_open: bool) -> Iterator[_Stream]:
    frames, total = 0, int.from_bytes(header[24:28], "little")
    if header[:8] != _MAIN_HEADER:
        raise NotUnderstood
    for kind, content in _chunks(header):
        if kind == b"LIST" and content[:4] == b"strl":
            stream = _stream(dict(_chunks(content[4:])), is_open=is_open)
            frames = stream.count if stream.kind == b"vids" else frames
            yield stream
        elif kind == b"LIST" and content[:4] == b"odml":
            # The main header counts the first part of a film that has several.
            total = int.from_bytes(dict(_chunks(content[4:])).get(b"dmlh", b"")[:4], "little") or total
    if total != frames and not is_open:
        raise NotUnderstood


def _stream(chunks: dict[bytes, bytes], *, is_open: bool) -> _Stream:
    head, form = chunks.get(b"strh", b""), chunks.get(b"strf", b"")
    if len(head) < 48:
        raise NotUnderstood
    scale, rate, _, count = struct.unpack_from("<4I", head, 20)
    if not (scale and rate and count) and not is_open:
        raise NotUnderstood
    milliseconds = 1000 * scale * count / rate if rate else 0.0
    return _Stream(kind=head[:4], milliseconds=milliseconds, count=count, form=form)


def _picture(stream: _Stream) -> tuple[tuple[int, int], str]:
    form = stream.form
    if len(form) < 40:
        raise NotUnderstood
    width, height = struct.unpack_from("<2i", form, 4)
    codec = picture_of_tag(form[16:20])
    if codec in _PARAMETERS_IN_STREAM or (codec in STILLS and stream.count < 2) or width <= 0 or height == 0:
        raise NotUnderstood
    return (width, abs(height)), codec
