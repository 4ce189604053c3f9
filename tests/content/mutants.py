"""Makes files whose headers are damaged at random, from those of many writers."""

import os
import random
from collections.abc import Iterator
from functools import cache

from tests.content.kinds import Picture, Sound, content
from tests.videos import remux, video_bytes

_HEAD_BYTES = (120, 600, 3000, 1 << 20)
"""How near the begin the damage is. Nearly all of a header stands in the first bytes."""

_ODD_BYTES = (0, 1, 0x1F, 0x40, 0x7F, 0x80, 0xA3, 0xEC, 0xFF)


@cache
def originals() -> tuple[bytes, ...]:
    """Return whole files of the kinds that reeld reads itself."""
    sound = Sound(codec="aac", language="ger")
    quiet = {"x265-params": "log-level=0"}
    deep = Picture(codec="libx265", pixels="yuv420p10le", colours=(9, 16, 9), options=quiet, frames=1)
    return (
        *(video_bytes(container, subtitle_language="ger") for container in ("mkv", "mp4")),
        video_bytes("avi"),
        *(content(container, [Picture(codec="libx264")], [sound]) for container in ("matroska", "mp4", "mov", "avi")),
        content("matroska", [deep], [sound]),
        content("mp4", [Picture(codec="libsvtav1", frames=1)], [sound]),
        content("matroska", [Picture(codec="libsvtav1", frames=1)], [Sound(codec="libopus", rate=48_000)]),
        remux("matroska", to_pipe=True),
        remux("matroska", duration_s=5400),
        remux("mp4", options=(("movflags", "frag_keyframe+empty_moov"),)),
    )


def mutants(seed: int, count: int) -> Iterator[bytes]:
    """Yield so many damaged files, the same ones for each seed."""
    rng = random.Random(seed)
    for _ in range(count):
        damaged = bytearray(rng.choice(originals()))
        for _ in range(rng.choice((1, 1, 2, 4, 12))):
            _damage(damaged, rng)
        yield bytes(damaged)


def _damage(content: bytearray, rng: random.Random) -> None:
    at = rng.randrange(min(len(content), rng.choice(_HEAD_BYTES)))
    match rng.randrange(5):
        case 0:
            content[at] = rng.choice(_ODD_BYTES)
        case 1:
            content[at] ^= 1 << rng.randrange(8)
        case 2:
            content[at : at + rng.choice((1, 2, 4, 8))] = rng.randbytes(rng.choice((1, 2, 4, 8)))
        case 3:  # a piece of the file stands there once more
            piece = rng.randrange(min(len(content), 4000))
            content[at:at] = content[piece : piece + rng.choice((4, 40, 400))]
        case _:
            del content[at + 1 : at + rng.choice((2, 5, 40, 1 << 20))]


class Scratch:
    """A file in memory that holds one content after the other."""

    def __init__(self) -> None:
        self.descriptor = os.memfd_create("reeld-mutant")

    def hold(self, content: bytes) -> int:
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, content, 0)
        return self.descriptor

    def close(self) -> None:
        os.close(self.descriptor)
