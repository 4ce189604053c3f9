"""Reads how long the picture of an Ogg file lasts, which MediaInfo does not say of Theora without sound."""

from collections.abc import Iterator
from dataclasses import dataclass

from reeld.content.headers.source import Length, Source

_MARK = b"OggS"
_HEAD_BYTES = 64 << 10
_TAIL_BYTES = 256 << 10
_THEORA = b"\x80theora"


@dataclass(frozen=True, slots=True)
class _Page:
    stream: bytes
    frames_bits: int
    """The granule position: for Theora, the last key frame and the frames since, as two bit fields."""
    packets: int
    """How many packets end on the page."""
    content: bytes


def read(source: Source, told_ms: int | None) -> Length | None:
    """Count the frames where no other reader found the length, and those before the start. None if it is no Ogg."""
    if source.read(0, 4) != _MARK:
        return None
    pages = list(_pages(source, source.read(0, _HEAD_BYTES)))
    theora = next((page for page in pages if page.content.startswith(_THEORA)), None)
    if theora is None or len(theora.content) < 42:
        return Length(names_streams=bool(pages), duration_ms=told_ms)
    rate, scale = (int.from_bytes(theora.content[at : at + 4], "big") for at in (22, 26))
    shift = int.from_bytes(theora.content[40:42], "big") >> 5 & 31
    tail = _pages(source, source.read(max(0, source.size - _TAIL_BYTES), _TAIL_BYTES))
    counts = [
        (page, (page.frames_bits >> shift) + (page.frames_bits & (1 << shift) - 1))
        for page in (*pages, *tail)
        if page.stream == theora.stream and 0 < page.frames_bits < 1 << 63
    ]
    if not counts or not rate:
        return Length(names_streams=True, duration_ms=told_ms)
    first, begun = counts[0]
    before = max(0, begun - first.packets)
    duration_ms = round((counts[-1][1] - before) * scale * 1000 / rate)
    if told_ms:  # with sound; from 0 on, also where the film begins later
        duration_ms = told_ms - round(before * scale * 1000 / rate)
    return Length(names_streams=True, duration_ms=duration_ms if duration_ms > 0 else told_ms)


def _pages(source: Source, content: bytes) -> Iterator[_Page]:
    at = content.find(_MARK)
    while at >= 0:
        source.count_element()
        head = content[at : at + 27]
        if len(head) == 27:
            sizes = content[at + 27 : at + 27 + head[26]]
            body = at + 27 + head[26]
            yield _Page(
                stream=head[14:18],
                frames_bits=int.from_bytes(head[6:14], "little"),
                packets=sum(size < 255 for size in sizes),
                content=content[body : body + sum(sizes)],
            )
        at = content.find(_MARK, at + 4)
