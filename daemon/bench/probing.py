"""Measures reading the headers of videos, against `MediaInfo.parse` with its defaults, on the same files.

Both ways count processor time in this process, once all is loaded, and leave out hashing. reeld's opens a file,
checks that it is the one that it expects, reads its headers, and checks that nothing has touched it. A file that
reeld passes to the prober would cost what the prober takes, so such a file ends the benchmark.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Never

import pymediainfo

from bench.material import real_videos
from bench.measure import Goal, Line, alternate, compared, scaled
from bench.world import World
from reeld.content.opening import opened
from reeld.content.probing import probe_open
from reeld.content.readings import Readings
from reeld.domain.files import FileStamp

WARMING = 50


def run(world: World) -> Iterator[Line]:
    library = real_videos(world)
    paths = [str(library.root / relative) for relative in library.paths[: world.sizes.probed]]
    stamps = [FileStamp.of(os.stat(path)) for path in paths]
    ways = {
        "MediaInfo": lambda: _cpu_s(lambda: _parse(paths)),
        "reeld": lambda: _cpu_s(lambda: _read(paths, stamps)),
    }
    _parse(paths[:WARMING])
    _read(paths[:WARMING], stamps[:WARMING])
    taken = alternate(world.sizes.rounds, ways)
    yield compared(
        f"probing, the first {len(paths):,} of the real videos: processor time a file",
        scaled(1000 / len(paths), taken["reeld"].figures),
        "ms",
        "MediaInfo.parse",
        scaled(1000 / len(paths), taken["MediaInfo"].figures),
        Goal(sense="<=", limit=0.03),
    )


def _cpu_s(work: Callable[[], None]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def _parse(paths: Sequence[str]) -> None:
    for path in paths:
        pymediainfo.MediaInfo.parse(path)


def _read(paths: Sequence[str], stamps: Sequence[FileStamp]) -> None:
    # A scan has the prober read one of many files, too, in a child at low priority.
    readings = Readings(compare_every=len(paths) + 1)
    for path, stamp in zip(paths, stamps, strict=True):
        with opened(path, stamp) as video:
            probe_open(video, _refuse, readings)


def _refuse(_request: dict[str, Any], _descriptors: Sequence[int]) -> Never:
    raise RuntimeError("reeld does not read one of these files itself")
