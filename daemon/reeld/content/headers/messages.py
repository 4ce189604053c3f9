"""Reads what the first picture of an H.265 stream says of its dynamic range: HDR10+ and HLG stand in no header."""

from collections.abc import Iterator
from dataclasses import dataclass

from reeld.content.headers.parameter_sets import unescaped

MOST_BYTES = 16 << 10

_PREFIX_MESSAGE = 39
_PICTURES = 32
"""Units below this number are slices of pictures."""

_REGISTERED = 4
"""A message of user data that ITU-T T.35 registers."""
_MASTERING = 137
_OTHER_CURVE = 147

_HDR10_PLUS = bytes.fromhex("b5003c000104")
_CAPTIONS = bytes.fromhex("b50031")


@dataclass(slots=True)
class Messages:
    """What was said."""

    is_hdr10_plus: bool = False
    curve: int | None = None
    """The curve for receivers that know it, beside the one for old ones."""
    has_mastering: bool = False
    """Whether the colours of the screen are told on which the film was made, as HDR10 does."""
    is_unknown: bool = False
    """Whether there is user data of another kind."""


def read_units(units: Iterator[bytes], said: Messages) -> bool:
    """Add what the messages before the first slice say. Tell whether there was a slice."""
    for unit in units:
        kind = unit[0] >> 1 if len(unit) > 2 else _PICTURES
        if kind < _PICTURES:
            return True
        if kind == _PREFIX_MESSAGE:
            _read_message(unescaped(unit[2:]), said)
    return False


def units_of(frame: bytes, length_bytes: int) -> Iterator[bytes]:
    """Yield the units of a frame as MP4 and Matroska store them. The last one may be shortened."""
    at = 0
    while at + length_bytes + 2 < len(frame):
        size = int.from_bytes(frame[at : at + length_bytes], "big")
        at += length_bytes
        if size < 2:
            return
        if frame[at] >> 1 >= _PICTURES and at + size > len(frame):
            return  # it goes on behind the bytes that were read
        yield frame[at : at + size]
        at += size


def _read_message(content: bytes, said: Messages) -> None:
    at = 0
    while at + 2 < len(content):  # the last bits mark the end
        kind, at = _sum(content, at)
        size, at = _sum(content, at)
        body = content[at : at + size]
        if kind == _MASTERING:
            said.has_mastering = True
        elif kind == _OTHER_CURVE and body:
            said.curve = body[0]
        elif kind == _REGISTERED and body.startswith(_HDR10_PLUS):
            said.is_hdr10_plus = True
        elif kind == _REGISTERED and not body.startswith(_CAPTIONS):
            said.is_unknown = True
        at += size


def _sum(content: bytes, at: int) -> tuple[int, int]:
    """Add up the bytes of a number, and return where it ends."""
    total = 0
    while at < len(content) and content[at] == 0xFF:
        total += 0xFF
        at += 1
    return total + (content[at] if at < len(content) else 0), at + 1
