"""Measures the hash of every byte of a large file, and what remains in the page cache.

The warm file was read to its end just before. The cold one was dropped from this machine's page
cache. In a virtual machine the host may still hold it: the ratio counts, not the speed.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.page_cache import cached_bytes, drop

from bench.material import large_file
from bench.measure import MIB, Goal, Line, alternate, compared, seconds_of, speeds
from bench.world import World
from reeld.content.hashing import full_hash
from reeld.content.opening import opened
from reeld.domain.files import FileStamp

SAMPLE_EVERY = 4
"""How often to sample: the hash asks whether to stop before each read, so this is every 8 MiB, or 2 MiB."""


def run(world: World) -> Iterator[Line]:
    path = large_file(world)
    size_mib = path.stat().st_size / MIB
    ways = _ways(path)
    for state, prepare in (("warm", _warm), ("cold", _cool)):
        taken = alternate(world.sizes.rounds, {name: _prepared(path, prepare, way) for name, way in ways.items()})
        rates = {name: speeds(size_mib, each.figures) for name, each in taken.items()}
        what = f"full hash, {state}, one file of {world.sizes.hash_gib:g} GiB"
        yield compared(
            what,
            rates["reeld"],
            "MiB/s",
            "cat > /dev/null",
            rates["cat"],
            Goal(sense=">=", limit=0.95 if state == "warm" else 1.0),
        )
        there = "xxhsum -H2" if "xxhsum" in rates else "xxhsum is missing (Debian: xxhash)"
        yield compared(what, rates["reeld"], "MiB/s", there, rates.get("xxhsum"))
    yield from _page_cache(path)


def _ways(path: Path) -> dict[str, Callable[[], float]]:
    ways: dict[str, Callable[[], float]] = {
        "cat": lambda: seconds_of(["cat", str(path)]),
        "reeld": lambda: _seconds_of_hash(path),
    }
    if shutil.which("xxhsum"):
        ways["xxhsum"] = lambda: seconds_of(["xxhsum", "-H2", str(path)])
    return ways


def _prepared(path: Path, prepare: Callable[[Path], object], way: Callable[[], float]) -> Callable[[], float]:
    def prepared() -> float:
        prepare(path)
        return way()

    return prepared


def _seconds_of_hash(path: Path) -> float:
    started = time.perf_counter()
    _hash(path, lambda: False)
    return time.perf_counter() - started


def _hash(path: Path, should_stop: Callable[[], bool]) -> str:
    stamp = FileStamp.of(os.stat(path))
    with opened(str(path), stamp) as video:
        return full_hash(video, on_progress=lambda _done: None, should_stop=should_stop)


def _warm(path: Path) -> None:
    seconds_of(["cat", str(path)])


def _cool(path: Path) -> None:
    drop(path)
    if left := cached_bytes(path):
        raise RuntimeError(f"{left} bytes of {path} stay in the page cache: the cold figures would be warm ones")


# --- page cache ------------------------------------------------------------------------------------------


def _page_cache(path: Path) -> Iterator[Line]:
    _cool(path)
    most, asked = 0, 0

    def look() -> bool:
        nonlocal most, asked
        asked += 1
        if asked % SAMPLE_EVERY == 0:
            most = max(most, cached_bytes(path))
        return False

    _hash(path, look)
    left = cached_bytes(path)
    _cool(path)
    _warm(path)
    by_cat = cached_bytes(path) / MIB
    goal = Goal(sense="<=", limit=64, of="figure")
    for what, figure in (("left behind", left), ("at most, meanwhile", most)):
        yield Line(
            what=f"full hash: page cache of the cold file, {what}",
            figure=figure / MIB,
            unit="MiB",
            yardstick="after cat",
            yardstick_figure=by_cat,
            goal=goal,
        )
    _warm(path)
    _hash(path, lambda: False)
    yield Line(
        what="full hash: page cache of the warm file, afterwards",
        figure=cached_bytes(path) / MIB,
        unit="MiB",
        yardstick="after cat",
        yardstick_figure=by_cat,
        goal=Goal(sense=">=", limit=0.99),
    )
