"""Reads pieces of a file within fixed bounds, and keeps what a container says about its length."""

import os
from typing import Any, Literal, NamedTuple

MOST_BYTES = 2 << 20
MOST_READS = 64
MOST_ELEMENTS = 4000

_LEAST_READ = 4096
"""Neighbouring headers then cost one read."""

PADDING_MS = 120
"""Sound is stored in frames of up to 120 ms. The last one may go on behind the last picture, and is padding then."""

WhyNoLength = Literal["not stated", "contradicted", "jumps"]


class Length(NamedTuple):
    """What a container says about its length, in bytes and in time."""

    is_stated: bool = False
    """Whether the container states where it ends."""
    is_cut: bool | None = None
    """Whether it states more bytes than there are. None: this was not found out."""
    names_streams: bool = False
    """Whether it names pictures or sound, perhaps of a kind that other readers do not know."""
    duration_ms: int | None = None
    why_no_duration: WhyNoLength | None = None

    def answer(self, *, is_truncated: bool) -> dict[str, Any]:
        """Return the part of the prober's answer. `is_truncated` counts where it was not found out."""
        return {
            "duration_ms": self.duration_ms,
            "why_no_duration": None if self.duration_ms else self.why_no_duration or "not stated",
            "is_truncated": is_truncated if self.is_cut is None else self.is_cut,
            "is_whole": self.is_stated and self.is_cut is False,
            "names_streams": self.names_streams,
        }


class BoundReached(Exception):
    """The file asks for more reads, bytes or elements than a header needs."""


class NotUnderstood(Exception):
    """The headers say something that reeld's own reader does not know. Another reader has to be asked."""


class Source:
    """A file. At most 2 MiB of it are read, in at most 64 reads, and at most so many elements."""

    def __init__(self, descriptor: int, most_elements: int = MOST_ELEMENTS) -> None:
        self.size = os.fstat(descriptor).st_size
        self._descriptor = descriptor
        self._bytes_left = MOST_BYTES
        self._reads_left = MOST_READS
        self.elements_left = most_elements
        self.is_exceeded = False
        """Whether BoundReached was raised. Some readers go on with what they have."""
        self._pieces: list[tuple[int, int, bytes]] = []
        """Where each begins and ends, and its bytes."""
        self.last = 0, 0, b""
        """The piece that was found last: the next bytes are mostly in it, too."""

    def read(self, at: int, length: int) -> bytes:
        """Return these bytes, fewer at the end of the file. Raises BoundReached, and OSError."""
        end = at + length
        start, stop, content = self.last
        if start <= at < end <= stop:
            return content[at - start : end - start]
        for start, stop, content in reversed(self._pieces):
            if start <= at < end <= stop:
                return content[at - start : end - start]
        if end > self.size:
            return self.read(at, self.size - at) if 0 <= at < self.size else b""
        if at < 0 or end <= at:
            return b""
        wanted = min(max(length, _LEAST_READ), self.size - at, self._bytes_left)
        if self._reads_left == 0 or wanted < end - at:
            self.is_exceeded = True
            raise BoundReached
        content = os.pread(self._descriptor, wanted, at)
        self._reads_left -= 1
        self._bytes_left -= len(content)
        self.last = at, at + len(content), content
        self._pieces.append(self.last)
        return content[: end - at]

    def piece(self, at: int, end: int) -> tuple[bytes, int]:
        """Return bytes that hold these ones, as far as the file does, and where in the file they begin. Copies none."""
        start, stop, content = self.last
        if start <= at and end <= stop:
            return content, start
        for start, stop, content in reversed(self._pieces):
            if start <= at and end <= stop:
                self.last = start, stop, content
                return content, start
        return self.read(at, end - at), at

    def count_element(self) -> None:
        """Count one more element. Raises BoundReached if there were too many."""
        if self.elements_left == 0:
            self.is_exceeded = True
            raise BoundReached
        self.elements_left -= 1
