"""Measures the first scan of small videos, and where its time goes.

All ways are whole processes, start and imports included, on files in the page cache. The time by stage
and the number of statements come from separate scans, which do not count in the total.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from bench import minidlna
from bench.material import Library, loose_videos, real_videos, tiny_videos
from bench.measure import Goal, Line, Taken, alternate, compared, scaled, seconds_of
from bench.world import World, scan_command, write_config

PACKAGES = str(Path(__file__).parents[1])


def run(world: World) -> Iterator[Line]:
    yield from _real(world)
    yield from _few(world)
    yield from _tiny(world)
    yield from _statements(world)
    yield from _by_stage(world)


def _real(world: World) -> Iterator[Line]:
    library = real_videos(world)
    parts: dict[str, list[float]] = defaultdict(list)
    ways: dict[str, Callable[[], float]] = {
        "plain": lambda: _plain_s(world, library, parts),
        "reeld": lambda: _scan_s(world, library),
    }
    cores = os.sched_getaffinity(0)
    if len(cores) > 1:
        ways["one core"] = lambda: _scan_s(world, library, ("taskset", "--cpu-list", str(min(cores))))
    taken = alternate(world.sizes.rounds, _with_minidlna(world, library, ways))
    files = len(library.paths)
    what = f"first scan, {files:,} real videos"
    yield _against_minidlna(what, files, taken, 1.5)
    yield _processor(what, files, taken, 0.12)
    yield compared(
        f"{what}: elapsed a file",
        _ms(files, taken["reeld"].figures),
        "ms",
        "plain pipeline, one process",
        _ms(files, taken["plain"].figures),
        Goal(sense="<=", limit=0.25),
    )
    yield compared(
        f"{what}: elapsed a file, {len(cores)} cores",
        _ms(files, taken["reeld"].figures),
        "ms",
        "reeld scan on one core" if len(cores) > 1 else "there is one core only",
        _ms(files, taken["one core"].figures) if len(cores) > 1 else None,
        Goal(sense="<=", limit=0.75),
    )
    for part, spent in parts.items():
        yield Line(what=f"  plain pipeline: {part}", figure=statistics.median(_ms(files, spent)), unit="ms a file")


def _few(world: World) -> Iterator[Line]:
    library = loose_videos(world)
    ways = {"plain": lambda: _plain_s(world, library), "reeld": lambda: _scan_s(world, library)}
    taken = alternate(world.sizes.rounds, ways)
    files = len(library.paths)
    yield _processor(f"first scan, {files:,} real videos, loose films among them", files, taken, 0.25)


def _tiny(world: World) -> Iterator[Line]:
    library = tiny_videos(world, world.sizes.tiny)
    ways = _with_minidlna(world, library, {"reeld": lambda: _scan_s(world, library)})
    files = len(library.paths)
    yield _against_minidlna(f"first scan, {files:,} tiny videos", files, alternate(world.sizes.rounds, ways), 1.0)


def _with_minidlna(
    world: World, library: Library, ways: dict[str, Callable[[], float]]
) -> dict[str, Callable[[], float]]:
    if not minidlna.is_there():
        return ways
    return {**ways, "minidlna": lambda: minidlna.scan_s(world, library.root)}


def _against_minidlna(what: str, files: int, taken: dict[str, Taken], limit: float) -> Line:
    return compared(
        f"{what}: elapsed a file",
        _ms(files, taken["reeld"].figures),
        "ms",
        "minidlnad -R, no identify, no hash" if minidlna.is_there() else "minidlnad is not installed",
        _ms(files, taken["minidlna"].figures) if minidlna.is_there() else None,
        Goal(sense="<=", limit=limit),
    )


def _processor(what: str, files: int, taken: dict[str, Taken], limit: float) -> Line:
    return compared(
        f"{what}: processor a file",
        _ms(files, taken["reeld"].cpu_s),
        "ms",
        "plain pipeline, one process",
        _ms(files, taken["plain"].cpu_s),
        Goal(sense="<=", limit=limit),
    )


def _ms(files: int, seconds: Sequence[float]) -> list[float]:
    return scaled(1000 / files, seconds)


def _plain_s(world: World, library: Library, parts: dict[str, list[float]] | None = None) -> float:
    with world.corner("plain") as corner, tempfile.TemporaryFile() as output:
        command = [sys.executable, "-m", "bench.plain", str(library.root), str(corner / "plain.db")]
        spent = seconds_of(["env", f"PYTHONPATH={PACKAGES}", *command], stdout=output)
        output.seek(0)
        for part, value in json.load(output).items():
            if parts is not None:
                parts[part].append(value)
        return spent


def _scan_s(world: World, library: Library, prefix: Sequence[str] = ()) -> float:
    with world.corner("scan") as corner, tempfile.TemporaryFile() as output:
        command = (*prefix, *scan_command(write_config(corner, library.root)))
        spent = seconds_of(command, stdout=output, log=corner / "stderr.log")
        output.seek(0)
        _require_all_identified(json.load(output), len(library.paths))
    return spent


def _require_all_identified(summary: dict[str, Any], files: int) -> None:
    """Refuse an incomplete scan: doing half of the work is not faster."""
    if summary["present_count"] != files or summary["accepted_count"] < files // 2:
        raise RuntimeError(f"the scan left work undone: {summary}")


def _statements(world: World) -> Iterator[Line]:
    for kind, library in (("real", real_videos(world)), ("tiny", tiny_videos(world, world.sizes.tiny))):
        told = _told_by(world, "bench.counted", library)
        for of, limit in (("statements", 20.0), ("commits", 0.02)):
            yield Line(
                what=f"first scan, {told['files']:,} {kind} videos: {of}",
                figure=told[of] / told["files"],
                unit="a file",
                goal=Goal(sense="<=", limit=limit, of="figure"),
            )


def _by_stage(world: World) -> Iterator[Line]:
    told = _told_by(world, "bench.staged", real_videos(world))
    elapsed_ms = 1000 * told["elapsed_s"] / told["files"]
    for part, spent in told["parts"].items():
        yield Line(
            what=f"  thread time in {part}",
            figure=1000 * spent / told["files"],
            unit="ms a file",
            yardstick="elapsed",
            yardstick_figure=elapsed_ms,
        )
    for process, spent in told["processor"].items():
        yield Line(what=f"  processor time of {process}", figure=1000 * spent / told["files"], unit="ms a file")


def _told_by(world: World, module: str, library: Library) -> dict[str, Any]:
    """Run a first scan that is watched from inside, and return what it tells."""
    with world.corner("watched") as corner, open(corner / "stderr.log", "wb") as log:
        config = write_config(corner, library.root)
        command = ["env", f"PYTHONPATH={PACKAGES}", sys.executable, "-m", module, str(config)]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=log, check=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told
