"""Reads what a container states about its length, whichever of the known ones it is."""

from contextlib import suppress

from reeld.content.headers import matroska, matroska_blocks, mp4, riff
from reeld.content.headers.source import BoundReached, Length, Source


def read_length(descriptor: int, told_ms: int | None) -> Length:
    """Return the file's length. `told_ms` is what another reader found; it stays where nothing contradicts it.

    Never raises because of the bytes. Raises OSError if the disk fails.
    """
    source = Source(descriptor)
    with suppress(BoundReached):
        if found := matroska.read_head(source):
            # The stated length of a file that was cut off is all that is known of what is missing.
            is_told = bool(found.is_cut and found.stated_ms)
            return matroska.length_of(found, None if is_told else matroska_blocks.read_span(source, found))
        for read in (riff.read, mp4.read):
            if length := read(source, told_ms):
                return length
    return Length(duration_ms=told_ms)
