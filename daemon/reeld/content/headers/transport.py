"""Reads which streams a transport stream names, and whether its clock jumps.

It states no length. Other readers take the first and the last time for it, which is wrong where
recordings were joined. A short file is read whole, and its parts are added up. Of a long one only
samples are read, so that a jump is noticed and its length is not known.
"""

import math
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from reeld.content.headers.source import BoundReached, Length, Source

_SYNC = 0x47
_SIZES = (188, 192, 204)
_HEAD_BYTES = 256 << 10
_WHOLE_BYTES = 1600 << 10
_SAMPLE_BYTES = 96 << 10
_SAMPLES = 8
_HALVINGS = 6
_CLOCK_MS = 90
_WRAP = 1 << 33
_SHORTEST_STEP_MS = 3
_LONGEST_STEP_MS, _LONGEST_STEP_BACK_MS = 10_000, 1000
"""Between two pictures, which need not be stored in the order in which they are shown. The rest is a jump."""

# By the number of the stream type. Private streams (6) may be pictures as well as anything else.
_PICTURES = frozenset((0x01, 0x02, 0x10, 0x1B, 0x1E, 0x20, 0x21, 0x24, 0x33, 0x42, 0xD1, 0xEA))


@dataclass(frozen=True, slots=True)
class _Packet:
    at: int
    pid: int
    starts: bool
    body: bytes
    clock_ms: float | None


@dataclass(slots=True)
class _Programme:
    """The first programme."""

    map_pid: int | None = None
    pids: dict[int, int] = field(default_factory=dict)
    """The type of each stream."""

    def picture(self) -> int | None:
        return next((pid for pid, kind in self.pids.items() if kind in _PICTURES), None)


def read(source: Source, told_ms: int | None) -> Length | None:
    """Check the length that another reader told. None if the file is no transport stream."""
    grid = _grid(source.read(0, 2048))
    if grid is None:
        return None
    start, size = grid
    length_ms, jumps, programme = told_ms, False, _Programme()
    with suppress(BoundReached):
        if source.size > _WHOLE_BYTES:
            programme = _programme(_packets(source.read(0, _HEAD_BYTES), start, size))
            jumps = _jumps(source, start, size)
        else:
            packets = list(_packets(source.read(0, _WHOLE_BYTES), start, size))
            programme = _programme(packets)
            picture = programme.picture()
            parts = _parts([packet for packet in packets if packet.pid == picture])
            if len(parts) > 1 or (parts and not told_ms):
                length_ms = round(sum(parts))
    return Length(
        names_streams=bool(programme.pids),
        duration_ms=None if jumps else length_ms,
        why_no_duration="jumps" if jumps else None,
        is_cut=False,
    )


# --- packets ---------------------------------------------------------------------------------------------


def _grid(head: bytes) -> tuple[int, int] | None:
    """Return where the first whole packet starts, and the distance of packets."""
    for size in _SIZES:
        for start in range(size):
            if (marks := head[start : start + 5 * size : size]) == b"GGGGG" and len(marks) == 5:
                return start, size
    return None


def _packets(content: bytes, start: int, size: int) -> Iterator[_Packet]:
    """Yield the packets that may hold a time or a table."""
    at = start
    while at + 188 <= len(content):
        if content[at] != _SYNC:  # a broken place: go on behind it
            found = _grid(content[at : at + 2048])
            if found is None:
                at += 1024
                continue
            at += found[0]
        if content[at + 1] & 0x40 or content[at + 3] & 0x20:
            yield _packet(at, content[at : at + 188])
        at += size


def _packet(at: int, packet: bytes) -> _Packet:
    pid = (packet[1] & 31) << 8 | packet[2]
    body, clock_ms = 4, None
    if packet[3] & 0x20:
        body = 5 + packet[4]
        if packet[4] >= 7 and packet[5] & 0x10:
            clock_ms = (int.from_bytes(packet[6:11], "big") >> 7) / _CLOCK_MS
    return _Packet(at, pid, bool(packet[1] & 0x40), packet[body:] if packet[3] & 0x10 else b"", clock_ms)


def _programme(packets: Iterable[_Packet]) -> _Programme:
    found = _Programme()
    for packet in packets:
        if not packet.starts or not packet.body:
            continue
        section = packet.body[1 + packet.body[0] :]
        if packet.pid == 0 and found.map_pid is None and section[:1] == b"\0":
            entries = (section[at : at + 4] for at in range(8, len(section) - 3, 4))
            found.map_pid = next(
                (_pid(entry[2:]) for entry in entries if entry[:2] not in (b"\0\0", b"\xff\xff")), None
            )
        elif packet.pid == found.map_pid and section[:1] == b"\x02":
            _read_map(section, found)
            return found
    return found


def _read_map(section: bytes, found: _Programme) -> None:
    end = min(3 + _low12(section[1:3]) - 4, len(section))
    at = 12 + _low12(section[10:12])
    while at + 5 <= end:
        found.pids[_pid(section[at + 1 : at + 3])] = section[at]
        at += 5 + _low12(section[at + 3 : at + 5])


def _pid(pair: bytes) -> int:
    return int.from_bytes(pair, "big") & 0x1FFF


def _low12(pair: bytes) -> int:
    return int.from_bytes(pair, "big") & 0xFFF


# --- time ------------------------------------------------------------------------------------------------


def _parts(packets: list[_Packet]) -> list[float]:
    """Return how long each part of the picture lasts, in milliseconds. A part ends where the time jumps."""
    parts: list[list[tuple[int, int]]] = []
    for packet in packets:
        if packet.starts and (times := _times(packet.body)):
            step_ms = _signed(times[1] - parts[-1][-1][1]) / _CLOCK_MS if parts else math.inf
            if not -_LONGEST_STEP_BACK_MS <= step_ms <= _LONGEST_STEP_MS:
                parts.append([])
            parts[-1].append(times)
    steps = [_signed(later - earlier) for part in parts for (_, earlier), (_, later) in pairwise(part)]
    # Some writers number the pictures of a codec that they do not know: one tick each.
    is_number = bool(steps) and median(steps) < _SHORTEST_STEP_MS * _CLOCK_MS
    return [] if is_number else [_lasts(part) for part in parts]


def _lasts(part: list[tuple[int, int]]) -> float:
    """Return the time from the first picture that is shown to the end of the last one."""
    origin = part[0][1]
    shown = [_signed(shown - origin) for shown, _ in part]
    steps = [_signed(later - earlier) for (_, earlier), (_, later) in pairwise(part)]
    return (max(shown) - min(shown) + (median(steps) if steps else 0)) / _CLOCK_MS


def _signed(ticks: int) -> int:
    return (ticks + _WRAP // 2) % _WRAP - _WRAP // 2


def _times(body: bytes) -> tuple[int, int] | None:
    """Return when the picture is shown and when it is decoded, in ticks of 90 kHz."""
    if body[:3] != b"\0\0\1" or len(body) < 19 or not body[7] & 0x80:
        return None
    shown = _stamp(body[9:14])
    return shown, _stamp(body[14:19]) if body[7] & 0x40 else shown


def _stamp(content: bytes) -> int:
    bits = int.from_bytes(content, "big")
    return (bits >> 33 & 7) << 30 | (bits >> 17 & 0x7FFF) << 15 | bits >> 1 & 0x7FFF


def _jumps(source: Source, start: int, size: int) -> bool:
    """Tell whether the clock goes back, or on too fast, between places all over the file."""
    last = source.size - _SAMPLE_BYTES
    places = [_clock_near(source, last * number // _SAMPLES, start, size) for number in range(_SAMPLES + 1)]
    known = [place for place in places if place is not None]
    steps = [_step(early, late) for early, late in pairwise(known)]
    if any(step is None for step in steps):
        return True
    rates = [(late[0] - early[0]) / step for early, late, step in zip(known, known[1:], steps, strict=False) if step]
    if not rates:
        return False
    usual = median(rates)
    for early, late, step in zip(known, known[1:], steps, strict=False):
        if step and (late[0] - early[0]) / step < usual / 1.5:
            return _is_jump(source, early, late, usual, (start, size))
    return False


def _step(early: tuple[int, float], late: tuple[int, float]) -> float | None:
    """Return the milliseconds between two places. None if the clock went back."""
    step = (late[1] - early[1]) % (_WRAP / _CLOCK_MS)
    return step if step < _WRAP / _CLOCK_MS / 2 else None


def _is_jump(
    source: Source, early: tuple[int, float], late: tuple[int, float], rate: float, grid: tuple[int, int]
) -> bool:
    """Halve the distance again and again: a picture that needs fewer bytes is none, a jump stays as long."""
    for _ in range(_HALVINGS):
        middle = _clock_near(source, (early[0] + late[0]) // 2, *grid)
        if middle is None or not early[0] < middle[0] < late[0]:
            break
        first, second = _step(early, middle), _step(middle, late)
        if first is None or second is None:
            return True
        is_in_first = first - (middle[0] - early[0]) / rate > second - (late[0] - middle[0]) / rate
        early, late = (early, middle) if is_in_first else (middle, late)
    step = _step(early, late)
    return step is None or step - (late[0] - early[0]) / rate > max(_LONGEST_STEP_MS, 4 * (late[0] - early[0]) / rate)


def _clock_near(source: Source, at: int, start: int, size: int) -> tuple[int, float] | None:
    """Return the first time of the clock behind this place, and where it stands."""
    at += (start - at) % size
    for packet in _packets(source.read(at, _SAMPLE_BYTES), 0, size):
        if packet.clock_ms is not None:
            return at + packet.at, packet.clock_ms
    return None
