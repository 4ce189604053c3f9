"""Reads the languages that a transport stream's tables name (ISO/IEC 13818-1, ETSI EN 300 468).

libmediainfo names one language of each track. A track with two sounds, or two subtitles, has two.
"""

from collections.abc import Iterator
from contextlib import suppress

from reeld.content.headers.source import BoundReached, Source

_PIECE = 64 << 10
_MOST_PIECES = 8
_SYNC = 0x47
_PACKET = 188
_STRIDES = (188, 192, 204)

_MOST_SECTION = 1024
_PROGRAMS, _TRACKS = 0, 2
"""The ids of the tables."""

_LANGUAGES = {0x0A: 4, 0x46: 5, 0x56: 5, 0x59: 8}
"""Descriptors that list languages: of sound, of teletext and of subtitles, with the length of an entry."""

_Sections = dict[int, bytearray]


def read_languages(descriptor: int) -> dict[int, list[str]]:
    """Return the languages of each track, by PID, as they are written.

    Never raises because of the bytes. Raises OSError if the disk fails.
    """
    source = Source(descriptor)
    found: dict[int, list[str]] = {}
    tables: set[int] = {0}
    """The PIDs of the tables that are still to be read."""
    sections: _Sections = {}
    with suppress(BoundReached):
        for packet in _packets(source):
            pid = int.from_bytes(packet[1:3], "big") & 0x1FFF
            if pid in tables and (section := _complete_section(sections, pid, packet)):
                tables.discard(pid)
                if section[0] == _PROGRAMS:
                    tables.update(_table_pids(section))
                elif section[0] == _TRACKS:
                    found.update(_languages(section))
                if not tables:
                    break
    return found


def _packets(source: Source) -> Iterator[bytes]:
    """Yield the packets of the first half MiB, from the first place on where several follow each other."""
    place = _first_packet(source.read(0, _PIECE))
    if place is None:
        return
    start, stride = place
    while start < _PIECE * _MOST_PIECES:
        piece = source.read(start, _PIECE // stride * stride)
        for at in range(0, len(piece) - _PACKET + 1, stride):
            if piece[at] == _SYNC:
                yield piece[at : at + _PACKET]
        if len(piece) < stride:
            return
        start += len(piece) // stride * stride


def _first_packet(head: bytes) -> tuple[int, int] | None:
    for stride in _STRIDES:
        for start in range(stride):
            if head[start : start + 5 * stride : stride] == bytes([_SYNC]) * 5:
                return start, stride
    return None


def _complete_section(sections: _Sections, pid: int, packet: bytes) -> bytes | None:
    """Add the packet's payload to the table's section, and return that once it is complete."""
    at = 4 if not packet[3] & 0x20 else 5 + packet[4]
    payload = packet[at:] if packet[3] & 0x10 else b""
    if packet[1] & 0x40 and payload:  # a section begins in it
        sections[pid] = bytearray(payload[1 + payload[0] :])
    elif pid in sections:
        sections[pid] += payload
    section = bytes(sections.get(pid, b""))
    length = 3 + (int.from_bytes(section[1:3], "big") & 0xFFF)
    if len(section) < 3 or length > _MOST_SECTION or len(section) < length:
        return None
    return section[: length - 4]  # without the checksum


def _table_pids(section: bytes) -> Iterator[int]:
    """Yield the PIDs of the programs' tables."""
    for at in range(8, len(section) - 3, 4):
        if section[at : at + 2] != b"\0\0":  # the network's
            yield int.from_bytes(section[at + 2 : at + 4], "big") & 0x1FFF


def _languages(section: bytes) -> Iterator[tuple[int, list[str]]]:
    """Yield each track's PID and languages."""
    at = 12 + (int.from_bytes(section[10:12], "big") & 0xFFF)
    while at + 5 <= len(section):
        pid = int.from_bytes(section[at + 1 : at + 3], "big") & 0x1FFF
        end = at + 5 + (int.from_bytes(section[at + 3 : at + 5], "big") & 0xFFF)
        languages = []
        at += 5
        while at + 2 <= min(end, len(section)):
            body = section[at + 2 : at + 2 + section[at + 1]]
            size = _LANGUAGES.get(section[at], 0)
            languages += [body[each : each + 3].decode("latin-1") for each in range(0, len(body), size or 1) if size]
            at += 2 + len(body)
        yield pid, languages
        at = end
