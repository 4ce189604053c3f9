"""Finds when picture and sound of a Matroska or WebM file begin and end, from the times of blocks.

The last blocks are found from the end of the file, since a film has far more blocks than may be
read. Where the last cluster is longer than what may be read, the cues lead to it.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from reeld.content.headers.ebml import Element, Id, children, elements, number, read_element
from reeld.content.headers.matroska import Matroska, Span, Track, cues_place, length_of
from reeld.content.headers.source import MOST_ELEMENTS, PADDING_MS, BoundReached, Length, Source

_OF_A_SEGMENT = frozenset(
    (Id.SEEK_HEAD, Id.INFO, Id.TRACKS, Id.CUES, Id.CLUSTER, Id.CHAPTERS, Id.ATTACHMENTS, Id.TAGS, Id.VOID, Id.CRC32)
)
_OF_A_CLUSTER = frozenset(
    (
        *(Id.TIMESTAMP, Id.SIMPLE_BLOCK, Id.BLOCK_GROUP, Id.POSITION, Id.PREVIOUS_SIZE, Id.SILENT_TRACKS),
        *(Id.ENCRYPTED_BLOCK, Id.VOID, Id.CRC32),
    )
)
_ENDS_A_CLUSTER = (_OF_A_SEGMENT | {Id.EBML, Id.SEGMENT}) - {Id.VOID, Id.CRC32}
_BEHIND_CLUSTERS = _OF_A_SEGMENT - {Id.CLUSTER}
_BLOCK_MARK = re.compile(b"[%c%c]" % (Id.SIMPLE_BLOCK, Id.BLOCK_GROUP))
_CLUSTER_ID = Id.CLUSTER.to_bytes(4, "big")

_FIRST_BYTES = 64 << 10
_FIRST_BLOCKS = 60
_TAIL_BYTES = (256 << 10, 1280 << 10)
_BIG_CLUSTER_BYTES = 128 << 10
"""Of a cluster above this, only the last bytes are read."""
_SHORTEST_BLOCK = 12
"""Fewer bytes than that at the end of a file are a header that was cut off: it states nothing."""
_BLOCK_HEAD_BYTES = 16
"""The mark, the size, the track, the time, the flags and the number of frames of a block take no more."""
_UNKNOWN = 0x3FFF
"""What stands for an unknown size, in two bytes."""
_SURE_CHAIN = 3
"""A chain of so many blocks, without a gap between them, is taken for blocks."""
_CUE_BYTES = 2048
_MOST_HOPS = 24
_MOST_GUESSES = 40
_LACING = 0x06
"""The bits of a block that has several frames, and says how many."""
_ROUNDING_MS = 2.0
"""The times of blocks are whole milliseconds, mostly."""
_LONGEST_CLUSTER_MS = 32_768.0
"""A block's time counts from its cluster's, as a signed number of 16 bits; in milliseconds nearly always."""


class _End(NamedTuple):
    at_ms: float
    slack_ms: float = 0.0
    """It may be so much later."""
    picture_ms: float | None = None
    """When the picture ends, if that is earlier."""


@dataclass(slots=True)
class _Times:
    """The times of blocks of the main picture and of sound."""

    tracks: Mapping[int, Track]
    scale_ms: float
    picture: Track | None
    first_ms: dict[int, float] = field(default_factory=dict)
    """By track."""
    ends: dict[int, list[tuple[float, float]]] = field(default_factory=dict)
    """By track: the two latest blocks, each with the time and the length that it states (or 0)."""

    def empty(self) -> "_Times":
        """Return one of the same tracks, without any times."""
        return _Times(self.tracks, self.scale_ms, self.picture)

    def add(self, track: int, ticks: int, duration_ticks: int, frames: int) -> None:
        if track in self.tracks:
            at_ms, length_ms = ticks * self.scale_ms, duration_ticks * self.scale_ms
            if frames > 1 and not length_ms:
                length_ms = frames * (self.tracks[track].frame_ms or 0.0)
            latest, new = self.ends.get(track), (at_ms, length_ms)
            if latest is None:
                self.first_ms[track], self.ends[track] = at_ms, [new]
            elif new > latest[-1]:
                self.ends[track] = [latest[-1], new]
            else:  # stored before an earlier one
                self.first_ms[track] = min(at_ms, self.first_ms[track])
                self.ends[track] = sorted({*latest, new})[-2:]

    def end(self) -> "_End | None":
        """Return the end of the last frame, and that of the picture if only the padding of sound is behind it."""
        ends = {track: self._end(track, latest) for track, latest in self.ends.items()}
        if not ends:
            return None
        last_ms = max(ends.values())
        picture_ms = ends.get(self.picture.number) if self.picture and self._is_known(self.picture.number) else None
        has_padding = picture_ms is not None and _ROUNDING_MS < last_ms - picture_ms <= PADDING_MS
        return _End(last_ms, picture_ms=picture_ms if has_padding else None)

    def _end(self, track: int, latest: list[tuple[float, float]]) -> float:
        """Add the last frame's length: as stated, or as that of the frame before it."""
        at_ms, stated_ms = latest[-1]
        between_ms = at_ms - latest[0][0]
        return at_ms + (stated_ms or self.tracks[track].frame_ms or between_ms)

    def is_enough(self, *, with_picture: bool = False) -> bool:
        """Tell whether the length of the last frame is known, too."""
        if with_picture and self.picture:
            return self._is_known(self.picture.number)
        return any(map(self._is_known, self.ends))

    def _is_known(self, track: int) -> bool:
        latest = self.ends.get(track, [])
        return len(latest) > 1 or bool(latest and (latest[-1][1] or self.tracks[track].frame_ms))


def read_length(source: Source, found: Matroska) -> Length:
    """Say how long the film is."""
    # The stated length of a file that was cut off is all that is known of what is missing.
    is_told = bool(found.is_cut and found.stated_ms)
    return length_of(found, None if is_told else read_span(source, found))


def read_span(source: Source, found: Matroska) -> Span | None:
    """Read when picture and sound begin and end. None if it was not found out.

    Sets `is_cut` of `found` where the segment states no size but an element at its end does.
    """
    picture = found.main_picture()
    tracks = found.main_tracks(picture)
    if found.first_cluster is None or not tracks:
        return None
    times = _Times(tracks, found.scale_ns / 1e6, picture)
    reached = _read_first(source, found.first_cluster, times)
    end = _read_end(source, found, times, reached)
    if end is None:
        return None
    return Span(
        start_ms=min(times.first_ms.values(), default=0.0),
        end_ms=end.at_ms,
        slack_ms=end.slack_ms,
        picture_ms=_lasts(times, end.picture_ms),
    )


def read_first_frame(source: Source, found: Matroska, track: int, most: int) -> bytes:
    """Return so many bytes of the track's first block in the first cluster; nothing if there is none near its begin."""
    cluster = found.first_cluster
    if cluster is None:
        return b""
    end = min(cluster.end or source.size, source.size)
    for element in islice(elements(source, cluster.body, end), _FIRST_BLOCKS):
        block = element
        if element.ident == Id.BLOCK_GROUP:
            block = next((child for child in children(source, element) if child.ident == Id.BLOCK), element)
        if block.ident in (Id.SIMPLE_BLOCK, Id.BLOCK) and block.end is not None:
            head = source.read(block.body, 4)
            is_simple = len(head) == 4 and head[0] == 0x80 | track and not head[3] & _LACING
            if is_simple:
                return source.read(block.body + 4, min(block.end - block.body - 4, most))
    return b""


def _lasts(first: _Times, picture_end_ms: float | None) -> float | None:
    """Return how long the picture lasts. `first` are the times of the first blocks."""
    start_ms = first.first_ms.get(first.picture.number) if first.picture else None
    return None if picture_end_ms is None or start_ms is None else picture_end_ms - start_ms


def _read_first(source: Source, cluster: Element, times: _Times) -> int | None:
    """Read the first blocks, and return where the first cluster ends if they are all that it has."""
    limit = min(cluster.start + _FIRST_BYTES, source.size)
    try:
        source.piece(cluster.start, limit)
        reached = _walk(source, cluster, limit, times, most=_FIRST_BLOCKS)
    except BoundReached:
        return None
    return reached if reached == cluster.end and reached is not None and reached <= limit else None


def _read_end(source: Source, found: Matroska, times: _Times, reached: int | None) -> _End | None:
    """Return the end of the last frame. `times` are those of the first cluster, if it was read up to `reached`."""
    try:
        if reached is not None and times.ends and _is_last_cluster(source, found, reached):
            return times.end()
        return _read_last(source, found, times.empty())
    except BoundReached:
        return None


def _is_last_cluster(source: Source, found: Matroska, at: int) -> bool:
    """Tell whether the segment states where it ends, and no cluster follows from there on."""
    if found.segment_end is None or found.is_cut:
        return False
    for element in elements(source, at, found.segment_end):
        if element.ident not in _BEHIND_CLUSTERS or element.end is None:
            return False
        at = element.end
    return at == found.segment_end


def _read_last(source: Source, found: Matroska, times: _Times) -> _End | None:
    """Return the end of the last frame. None if no frame was found. `times` has none yet."""
    first = found.first_cluster.start if found.first_cluster else 0
    end = min(found.segment_end or source.size, source.size)
    small, large = _TAIL_BYTES
    _read_tail(source, found, max(first, end - small), end, times)
    if times.ends:
        return times.end()
    with suppress(BoundReached):
        if last := _from_cues(source, found, end, times):
            return last
    if end - small > first:
        _read_tail(source, found, max(first, end - large), end, times)
        if found.is_cut is None:
            found.is_cut = _is_last_block_cut(source, end - small)
    return times.end()


# --- blocks ----------------------------------------------------------------------------------------------


def _walk(source: Source, cluster: Element, limit: int, times: _Times, most: int = MOST_ELEMENTS) -> int | None:
    """Read the times of the cluster's blocks, and return where it ends. None if it is no cluster.

    The end lies beyond the file if the cluster, or a block in it, states more bytes than there are.
    If the cluster goes on after `most` blocks, return where the last one that was read ends.
    """
    stop = limit if cluster.end is None else min(cluster.end, limit)
    at = cluster.body
    held, start = source.piece(at, stop) if at < stop else (b"", at)
    sure = min(start + len(held) - _BLOCK_HEAD_BYTES, stop - 1)
    length, base = _begin(source, held, at - start, sure - start)
    at += length
    while at < stop and most > 0:
        if base is not None and at <= sure and (length := _add_simple(held, at - start, base, times)):  # nearly always
            source.count_element()
            most -= 1
            at += length
            continue
        element = read_element(source, at)
        if element is None:
            return stop if stop - at < _SHORTEST_BLOCK else None
        if cluster.end is None and element.ident in _ENDS_A_CLUSTER:
            return at
        if element.ident not in _OF_A_CLUSTER or element.end is None:
            return None
        if element.ident == Id.TIMESTAMP:
            base = number(source, element)
        elif element.ident in (Id.SIMPLE_BLOCK, Id.BLOCK_GROUP):
            if base is None:
                return None
            _add_block(source, element, base, times)
            most -= 1
        at = element.end
    is_left = most <= 0 and at < stop
    return at if cluster.end is None or is_left else max(at, cluster.end)


def _begin(source: Source, held: bytes, at: int, sure: int) -> tuple[int, int | None]:
    """Read the cluster's time if it stands first, or behind a checksum, as nearly always.

    Return how long these elements are, and the time. Up to `sure` 16 bytes are there.
    """
    first, time = at, None
    while time is None and at <= sure:
        ident, length, body = held[at], held[at + 1] - 0x80, at + 2
        if ident not in (Id.TIMESTAMP, Id.CRC32) or not 0 < length <= 8:
            break
        source.count_element()
        at = body + length
        time = int.from_bytes(held[body:at], "big") if ident == Id.TIMESTAMP else None
    return at - first, time


def _add_simple(held: bytes, at: int, base: int, times: _Times) -> int:
    """Add the frames of the block that begins here, and return its length. 0 if it is none, or a long one.

    Its first 16 bytes are there.
    """
    body, size = at + 2, held[at + 1]
    if 0x80 <= size < 0xFF:
        size &= 0x7F
    elif 0x40 <= size < 0x80:
        size = (size & 0x3F) << 8 | held[body]
        body += 1
    else:
        return 0
    if held[at] != Id.SIMPLE_BLOCK or size == _UNKNOWN or held[body] < 0x80:  # or the track's number is long
        return 0
    ticks = held[body + 1] << 8 | held[body + 2]
    if ticks >= 0x8000:
        ticks -= 0x10000
    times.add(held[body] & 0x7F, base + ticks, 0, held[body + 4] + 1 if held[body + 3] & _LACING else 1)
    return body + size - at


def _add_block(source: Source, element: Element, base: int, times: _Times) -> None:
    block, duration = element, 0
    if element.ident == Id.BLOCK_GROUP:
        for child in children(source, element):
            if child.ident == Id.BLOCK:
                block = child
            elif child.ident == Id.BLOCK_DURATION:
                duration = number(source, child)
    _add_frames(source, block.body, base, duration, times)


def _add_frames(source: Source, at: int, base: int, duration: int, times: _Times) -> None:
    head = source.read(at, 12)
    if head and head[0]:
        length = 9 - head[0].bit_length()
        track = int.from_bytes(head[:length], "big") & ((1 << 7 * length) - 1)
        ticks = base + int.from_bytes(head[length : length + 2], "big", signed=True)
        flags, count = (*head[length + 2 : length + 4], 0, 0)[:2]
        times.add(track, ticks, duration, count + 1 if flags & _LACING else 1)


# --- the last cluster ------------------------------------------------------------------------------------


def _read_tail(source: Source, found: Matroska, start: int, end: int, times: _Times) -> None:
    """Read the clusters that begin from `start` on, the last one first, until one has a block that counts.

    The padding of sound may have a cluster of its own, so the one before is read as well.
    """
    held, first = source.piece(start, end)
    at, known_from = end, end
    for _ in range(_MOST_GUESSES):
        at = first + held.rfind(_CLUSTER_ID, start - first, at - first)
        if at < start:
            return
        cluster = read_element(source, at)
        before, was_enough = times.ends, times.is_enough()
        times.ends = dict(before)
        try:
            reached = None if cluster is None else _walk(source, cluster, known_from, times)
        except BoundReached:
            times.ends = before
            if was_enough:
                return
            raise
        if reached is None:  # four bytes of a picture that look like a cluster's mark
            times.ends = before
            continue
        if known_from == end and found.segment_end is None:
            found.is_cut = _is_cut_after(source, reached)
        known_from = at
        if was_enough or times.is_enough(with_picture=True):
            return


def _is_cut_after(source: Source, at: int) -> bool | None:
    """Tell whether the last cluster, which ends there, or an element after it states more bytes than there are."""
    for element in elements(source, at, source.size):
        if element.ident not in _OF_A_SEGMENT or element.end is None:
            return None
        at = element.end
    return at > source.size


def _is_last_block_cut(source: Source, start: int) -> bool | None:
    """Tell whether the last block states more bytes than there are, where its cluster began too far before.

    None if not: its cluster may still do so.
    """
    tail = source.read(start, source.size - start)
    for at in _block_marks(tail):
        blocks = list(elements(source, start + at, source.size))
        if len(blocks) >= _SURE_CHAIN and all(block.ident in (Id.SIMPLE_BLOCK, Id.BLOCK_GROUP) for block in blocks):
            last = blocks[-1].end
            return True if last is not None and last > source.size else None
    return None


def _from_cues(source: Source, found: Matroska, end: int, times: _Times) -> _End | None:
    """Follow the last cue of picture or sound to its cluster, and go on from there to the last cluster."""
    at = _last_cued_cluster(source, found)
    clusters: list[Element] = []
    for _ in range(_MOST_HOPS):
        element = read_element(source, at) if at is not None and at < end else None
        if element is None or element.end is None or element.ident not in _OF_A_SEGMENT:
            break
        if element.ident == Id.CLUSTER:
            clusters.append(element)
        at = element.end
    for cluster in reversed(clusters):
        if last := _end_of_cluster(source, cluster, times.empty()):
            return last
    return None


def _last_cued_cluster(source: Source, found: Matroska) -> int | None:
    place = cues_place(source, found)
    cues = None if place is None else read_element(source, place)
    if cues is None or cues.ident != Id.CUES or cues.end is None or cues.end > source.size:
        return None
    tracks = found.main_tracks(found.main_picture())
    last = -1
    for point in _last_cue_points(source, cues, cues.end):
        for positions in children(source, point):
            if positions.ident == Id.CUE_POSITIONS:
                of = {one.ident: number(source, one) for one in children(source, positions)}
                if of.get(Id.CUE_TRACK) in tracks:
                    last = max(last, of.get(Id.CUE_CLUSTER, -1))
    return None if last < 0 else found.segment_body + last


def _last_cue_points(source: Source, cues: Element, end: int) -> list[Element]:
    """Return the cue points at the end of the cues. They are found as a chain that ends with the cues."""
    start = max(cues.body, end - _CUE_BYTES)
    tail = source.read(start, end - start)
    at = tail.find(Id.CUE_POINT)
    while at >= 0:
        points = list(elements(source, start + at, end))
        if points[-1:] and points[-1].end == end and all(point.ident == Id.CUE_POINT for point in points):
            return points
        at = tail.find(Id.CUE_POINT, at + 1)
    return []


def _end_of_cluster(source: Source, cluster: Element, times: _Times) -> _End | None:
    """Return the end of its last frame. None if it has no picture and no sound."""
    end = min(cluster.end or source.size, source.size)
    if end - cluster.start <= _BIG_CLUSTER_BYTES:
        source.read(cluster.start, end - cluster.start)
        _walk(source, cluster, end, times)
    else:
        base = _cluster_time(source, cluster)
        if base is None:
            return None
        _read_last_blocks(source, end, base, times)
        if not times.ends:
            return _End(base * times.scale_ms, _LONGEST_CLUSTER_MS)
    return times.end()


def _cluster_time(source: Source, cluster: Element) -> int | None:
    for element in elements(source, cluster.body, min(cluster.body + 64, source.size)):
        if element.ident == Id.TIMESTAMP:
            return number(source, element)
        if element.ident not in _OF_A_CLUSTER:
            return None
    return None


def _read_last_blocks(source: Source, end: int, base: int, times: _Times) -> None:
    """Read the blocks at the end of a cluster. They are found as a chain that ends with the cluster."""
    start = end - _BIG_CLUSTER_BYTES
    tail = source.read(start, _BIG_CLUSTER_BYTES)
    for at in _block_marks(tail):
        if chain := _chain(source, start + at, end):
            for element in chain:
                _add_block(source, element, base, times)
            return


def _block_marks(content: bytes) -> Iterator[int]:
    """Yield where a block may begin."""
    return (found.start() for found in _BLOCK_MARK.finditer(content))


def _chain(source: Source, at: int, end: int) -> list[Element]:
    """Return the blocks from there on if they end exactly at `end`."""
    found: list[Element] = []
    for element in elements(source, at, end):
        if element.ident not in (Id.SIMPLE_BLOCK, Id.BLOCK_GROUP) or element.end is None:
            return []
        found.append(element)
    return found if found and found[-1].end == end else []
