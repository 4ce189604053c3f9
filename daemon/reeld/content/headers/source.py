"""Reads pieces of a file within fixed bounds, and keeps what a container says about its length."""

import os
from dataclasses import dataclass
from typing import Literal

MOST_BYTES = 2 << 20
MOST_READS = 64
MOST_ELEMENTS = 4000

_LEAST_READ = 4096
"""Neighbouring headers then cost one read."""

PADDING_MS = 120
"""Sound is stored in frames of up to 120 ms. The last one may go on behind the last picture, and is padding then."""

WhyNoLength = Literal["not stated", "contradicted", "jumps"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Length:
    """What a container says about its length, in bytes and in time."""

    is_stated: bool = False
    """Whether the container states where it ends."""
    is_cut: bool | None = None
    """Whether it states more bytes than there are. None: this was not found out."""
    names_streams: bool = False
    """Whether it names pictures or sound, perhaps of a kind that other readers do not know."""
    duration_ms: int | None = None
    why_no_duration: WhyNoLength | None = None


class BoundReached(Exception):
    """The file asks for more reads, bytes or elements than a header needs."""


class Source:
    """A file. At most 2 MiB of it are read, in at most 64 reads."""

    def __init__(self, descriptor: int) -> None:
        self.size = os.fstat(descriptor).st_size
        self._descriptor = descriptor
        self._bytes_left = MOST_BYTES
        self._reads_left = MOST_READS
        self._elements_left = MOST_ELEMENTS
        self._pieces: list[tuple[int, int, bytes]] = []
        """Where each begins and ends, and its bytes."""

    def read(self, at: int, length: int) -> bytes:
        """Return these bytes, fewer at the end of the file. Raises BoundReached, and OSError."""
        end = at + length
        for start, stop, content in reversed(self._pieces):
            if start <= at < end <= stop:
                return content[at - start : end - start]
        if end > self.size:
            return self.read(at, self.size - at) if 0 <= at < self.size else b""
        if at < 0 or end <= at:
            return b""
        wanted = min(max(length, _LEAST_READ), self.size - at, self._bytes_left)
        if self._reads_left == 0 or wanted < end - at:
            raise BoundReached
        content = os.pread(self._descriptor, wanted, at)
        self._reads_left -= 1
        self._bytes_left -= len(content)
        self._pieces.append((at, at + len(content), content))
        return content[: end - at]

    def count_element(self) -> None:
        """Count one more element. Raises BoundReached above 4,000."""
        if self._elements_left == 0:
            raise BoundReached
        self._elements_left -= 1
