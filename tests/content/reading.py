"""Hashes or probes a file by its path, as a stage does that runs alone."""

from collections.abc import Callable

from reeld.content import hashing
from reeld.content.opening import opened
from reeld.content.probing import probe_open
from reeld.content.readings import READINGS, Ask, Readings
from reeld.domain.content import MediaFacts, QuickHashes
from reeld.domain.files import FileStamp


def quick_hashes(path: str, expected: FileStamp) -> QuickHashes:
    with opened(path, expected) as video:
        return hashing.quick_hashes(video)


def full_hash(
    path: str,
    expected: FileStamp,
    *,
    on_progress: Callable[[int], None] = lambda _count: None,
    should_stop: Callable[[], bool] = lambda: False,
    limit_rate: Callable[[int], None] = lambda _count: None,
    from_disk: bool = False,
) -> str:
    with opened(path, expected) as video:
        return hashing.full_hash(
            video, on_progress=on_progress, should_stop=should_stop, limit_rate=limit_rate, from_disk=from_disk
        )


def probe(path: str, expected: FileStamp, ask: Ask, readings: Readings = READINGS) -> MediaFacts:
    with opened(path, expected) as video:
        return probe_open(video, ask, readings)
