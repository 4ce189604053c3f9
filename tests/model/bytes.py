"""Which bytes shall a new video have? Real, tiny, like no other's, and made at the cost of writing them.

A few templates are encoded once; a serial number goes into padding that every player skips. The padding is
the last thing in the file, so that a piece of it may be cut off, or written over, and what is left is still a video.
"""

import itertools
import threading
from functools import lru_cache

import xxhash

from tests.videos import Container, video_bytes

SHORTEST_PADDING = 64
LONGEST_PADDING = 4096

_SEEDS = range(3)


class Serials:
    """Numbers that are given once; any thread may ask."""

    def __init__(self, first: int = 1) -> None:
        self._numbers = itertools.count(first)
        self._lock = threading.Lock()

    def next(self) -> int:
        with self._lock:
            return next(self._numbers)


def unique_video(container: Container, serial: int, padding: int) -> bytes:
    """A playable video whose last `padding` bytes, and nothing else, tell it from the others."""
    return _template(container, serial % len(_SEEDS)) + padded(container, serial, padding)


def padded(container: Container, serial: int, length: int) -> bytes:
    """`length` bytes, at least SHORTEST_PADDING, that hold the serial number again and again."""
    head = _heading(container, length)
    body = serial.to_bytes(8, "big") * (length // 8 + 1)
    return head + body[: length - len(head)]


def content_of(path: str) -> str:
    """xxh3-128 of the file's bytes: by which a content is known here."""
    digest = xxhash.xxh3_128()
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def content_of_bytes(content: bytes) -> str:
    return xxhash.xxh3_128_hexdigest(content)


EMPTY = content_of_bytes(b"")


def _heading(container: Container, length: int) -> bytes:
    match container:
        case "mkv":  # a Void element whose size is written in eight bytes
            return b"\xec\x01" + (length - 9).to_bytes(7, "big")
        case "mp4":
            return length.to_bytes(4, "big") + b"free"
        case "avi":
            return b"JUNK" + (length - 8).to_bytes(4, "little")


@lru_cache(maxsize=16)
def _template(container: Container, seed: int) -> bytes:
    return video_bytes(container, seed=seed, duration_s=0.4)
