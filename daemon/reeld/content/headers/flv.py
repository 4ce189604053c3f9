"""Reads how long a Flash video lasts, from the times of its first and last tags.

Its header may state a wrong length or none. The last sound may be padded to a whole frame, so its
start counts.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from reeld.content.headers.source import BoundReached, Length, Source

_AUDIO, _VIDEO = 8, 9
_AVC, _AAC = 7, 10
_TAIL_BYTES = 512 << 10
_MOST_TAGS = 200


@dataclass(frozen=True, slots=True)
class _Tag:
    kind: int
    at_ms: int
    end: int


def read(source: Source, told_ms: int | None) -> Length | None:
    """Read the times of the last tags; `told_ms` stays where they cannot be read. None if it is no Flash video."""
    head = source.read(0, 9)
    if head[:3] != b"FLV":
        return None
    duration_ms = None
    with suppress(BoundReached):
        duration_ms = _duration(source, int.from_bytes(head[5:9], "big") + 4)
    # Bit 0 and bit 2 say that there is picture and sound.
    return Length(names_streams=bool(head[4:5] and head[4] & 5), duration_ms=duration_ms or told_ms)


def _duration(source: Source, at: int) -> int | None:
    first = None
    for _ in range(_MOST_TAGS):
        tag = _tag(source, at)
        if tag is None or (tag.kind in (_AUDIO, _VIDEO) and not _is_set_up(tag.kind, source.read(at + 11, 2))):
            first = tag
            break
        at = tag.end + 4
    pictures: list[int] = []
    sound_ms = 0
    for tag in _tags_from_the_end(source):
        if tag.kind == _VIDEO and tag.at_ms not in pictures:
            pictures.append(tag.at_ms)
        elif tag.kind == _AUDIO:
            sound_ms = max(sound_ms, tag.at_ms)
        if len(pictures) == 2 and sound_ms:
            break
    if first is None or len(pictures) < 2:
        return None
    return max(2 * pictures[0] - pictures[1], sound_ms) - first.at_ms


def _is_set_up(kind: int, content: bytes) -> bool:
    """Tell whether the tag only sets up the codec: its time is 0 also where the film begins later."""
    if len(content) < 2:
        return True
    if kind == _AUDIO:
        return content[0] >> 4 == _AAC and content[1] == 0
    is_extended = bool(content[0] & 0x80)
    return content[0] & 15 == 0 if is_extended else content[0] & 15 == _AVC and content[1] == 0


def _tags_from_the_end(source: Source) -> Iterator[_Tag]:
    """Yield the last tags, the last one first. Behind each stands its size."""
    end = source.size
    source.read(max(0, end - _TAIL_BYTES), _TAIL_BYTES)
    for _ in range(_MOST_TAGS):
        size = int.from_bytes(source.read(end - 4, 4), "big")
        start = end - 4 - size
        tag = _tag(source, start) if size >= 11 and start >= max(0, source.size - _TAIL_BYTES) else None
        if tag is None or tag.end != end - 4:
            return
        yield tag
        end = start


def _tag(source: Source, at: int) -> _Tag | None:
    source.count_element()
    head = source.read(at, 11)
    if len(head) < 11:
        return None
    at_ms = head[7] << 24 | int.from_bytes(head[4:7], "big")
    return _Tag(head[0] & 31, at_ms, at + 11 + int.from_bytes(head[1:4], "big"))
