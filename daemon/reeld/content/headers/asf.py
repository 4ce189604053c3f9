"""Reads where an ASF file (wmv, asf) says that it ends, and how long it lasts if its header does not say."""

from contextlib import suppress

from reeld.content.headers.source import BoundReached, Length, Source

_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_DATA = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")
_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_IS_BROADCAST = 1
_LATE_MS = 1000
_FIELD_BYTES = (0, 1, 2, 4)


def read(source: Source, told_ms: int | None) -> Length | None:
    """Compare the stated size of the data with the file. None if it is no ASF."""
    head = source.read(0, 30)
    if head[:16] != _HEADER:
        return None
    with suppress(BoundReached):
        data_at = _number(head[16:24])
        data = source.read(data_at, 50)
        properties = _properties(source, data_at)
        if data[:16] == _DATA and properties:
            size = _number(data[16:24])
            is_stated = size > 50 and not _number(properties[88:92]) & _IS_BROADCAST
            is_cut = data_at + size > source.size if is_stated else False
            packet_bytes = _number(properties[96:100])
            duration_ms = _duration(source, data_at + 50, packet_bytes, told_ms)
            return Length(is_stated=is_stated, is_cut=is_cut, duration_ms=duration_ms)
    return Length(duration_ms=told_ms)


def _properties(source: Source, end: int) -> bytes | None:
    at = 30
    while at < end:
        source.count_element()
        head = source.read(at, 24)
        if head[:16] == _PROPERTIES:
            return source.read(at, 104)
        at += max(24, _number(head[16:24]))
    return None


def _duration(source: Source, start: int, packet_bytes: int, told_ms: int | None) -> int | None:
    """Take the time from the first packet to the end of the last one. All packets have the same size."""
    first = _sent(source.read(start, 64))
    if first is None:
        return told_ms
    if told_ms:  # from 0 on, also where the film begins later
        return told_ms - first[0] if _LATE_MS < first[0] < told_ms else told_ms
    count = (source.size - start) // packet_bytes if packet_bytes else 0
    last = _sent(source.read(start + (count - 1) * packet_bytes, 64)) if count else None
    return None if last is None else last[0] + last[1] - first[0]


def _sent(packet: bytes) -> tuple[int, int] | None:
    """Return when the packet is sent and for how long, in milliseconds."""
    at = 1 + (packet[0] & 15) if packet and packet[0] & 0x80 else 0
    if len(packet) < 32:
        return None
    flags = packet[at]
    at += 2 + sum(_FIELD_BYTES[flags >> shift & 3] for shift in (5, 1, 3))
    return _number(packet[at : at + 4]), _number(packet[at + 4 : at + 6])


def _number(content: bytes) -> int:
    return int.from_bytes(content, "little")
