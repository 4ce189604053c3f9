"""Reads all facts of a file, if it is of a kind that reeld understands wholly."""

from typing import Any

from reeld.content.headers import avi_facts, matroska_facts, mp4_facts
from reeld.content.headers.source import BoundReached, NotUnderstood, Source


def read_all(descriptor: int) -> dict[str, Any] | None:
    """Return what the prober child would answer, or None if it has to be asked.

    Never raises because of the bytes. Raises OSError if the disk fails.
    """
    source = Source(descriptor)
    try:
        head = source.read(0, 8)
        if head.startswith(b"\x1a\x45\xdf\xa3"):
            found = matroska_facts.read(source)
        elif head[4:] == b"ftyp":
            found = mp4_facts.read(source)
        elif head.startswith(b"RIFF"):
            found = avi_facts.read(source)
        else:
            return None
    except (NotUnderstood, BoundReached):
        return None
    return found.answer() if found else None
