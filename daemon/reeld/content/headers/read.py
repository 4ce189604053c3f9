"""Reads what a container states about its length, if it is one of those that are known."""

from contextlib import suppress

from reeld.content.headers import asf, flv, matroska, matroska_blocks, mp4, ogg, riff, transport
from reeld.content.headers.source import BoundReached, Length, Source

_READERS = (riff.read, mp4.read, ogg.read, asf.read, flv.read, transport.read)


def read_length(descriptor: int, told_ms: int | None) -> Length:
    """Return the file's length. `told_ms` is what another reader found; it stays where nothing contradicts it.

    Never raises because of the bytes. Raises OSError if the disk fails.
    """
    found = _read(Source(descriptor), told_ms)
    is_possible = found.duration_ms is not None and found.duration_ms > 0
    return found if is_possible else found._replace(duration_ms=None)


def _read(source: Source, told_ms: int | None) -> Length:
    with suppress(BoundReached):
        if found := matroska.read_head(source):
            return matroska_blocks.read_length(source, found)
        for read in _READERS:
            if length := read(source, told_ms):
                return length
    return Length(duration_ms=told_ms)
