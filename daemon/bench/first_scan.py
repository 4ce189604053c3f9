"""Measures the first scan of small real videos, and where its time goes.

Both ways are whole processes, start and imports included, on files in the page cache. The time by
stage comes from a separate scan, which does not count in the total.
"""

import json
import resource
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import minidlna
from bench.material import Library, real_videos
from bench.measure import Goal, Line, alternate, seconds_of
from bench.world import World, scan_command, write_config

PACKAGES = str(Path(__file__).parents[1])


def run(world: World) -> Iterator[Line]:
    library = real_videos(world)
    files = len(library.paths)
    parts: dict[str, float] = defaultdict(float)
    cpu: list[float] = []
    ways = {"plain": lambda: _plain(world, library, parts), "reeld": lambda: _scan(world, library, cpu)}
    if minidlna.is_there():
        ways["minidlna"] = lambda: minidlna.scan_s(world, library.root)
    seconds = alternate(world.sizes.rounds, ways)
    speeds = {name: files / value for name, value in seconds.items()}
    yield Line(
        what=f"first scan of {files:,} real videos",
        figure=speeds["reeld"],
        unit="files/s",
        yardstick="plain pipeline, one process",
        yardstick_figure=speeds["plain"],
    )
    yield Line(
        what="first scan: time a file",
        figure=1000 * seconds["reeld"] / files,
        unit="ms",
        yardstick="plain pipeline, one process",
        yardstick_figure=1000 * seconds["plain"] / files,
        goal=Goal(sense="<=", limit=0.25),
    )
    yield Line(
        what="first scan: time a file, with identification and hashes",
        figure=1000 * seconds["reeld"] / files,
        unit="ms",
        yardstick="minidlnad -R, without them" if minidlna.is_there() else "minidlnad is not installed",
        yardstick_figure=1000 * seconds["minidlna"] / files if minidlna.is_there() else None,
        goal=Goal(sense="<=", limit=1.5),
    )
    bare_s = sum(parts.values()) / world.sizes.rounds
    yield Line(
        what="first scan: processor time a file, all processes",
        figure=1000 * statistics.median(cpu) / files,
        unit="ms",
        yardstick="the plain pipeline's bare calls",
        yardstick_figure=1000 * bare_s / files,
    )
    for part, spent in parts.items():
        yield Line(what=f"  plain pipeline, {part}", figure=1000 * spent / world.sizes.rounds / files, unit="ms a file")
    yield from _by_stage(world, library)


def _plain(world: World, library: Library, parts: dict[str, float]) -> float:
    with world.corner("plain") as corner, tempfile.TemporaryFile() as output:
        command = [sys.executable, "-m", "bench.plain", str(library.root), str(corner / "plain.db")]
        spent = seconds_of(["env", f"PYTHONPATH={PACKAGES}", *command], stdout=output)
        output.seek(0)
        for part, value in json.load(output).items():
            parts[part] += value
        return spent


def _scan(world: World, library: Library, cpu: list[float]) -> float:
    before = _children_cpu_s()
    with world.corner("scan") as corner, tempfile.TemporaryFile() as output:
        spent = seconds_of(scan_command(write_config(corner, library.root)), stdout=output, log=corner / "stderr.log")
        output.seek(0)
        require_all_identified(json.load(output), len(library.paths))
    cpu.append(_children_cpu_s() - before)
    return spent


def require_all_identified(summary: dict[str, Any], files: int) -> None:
    """Refuse an incomplete scan: doing half of the work is not faster."""
    if summary["present_count"] != files or summary["accepted_count"] < files // 2:
        raise RuntimeError(f"the scan left work undone: {summary}")


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _by_stage(world: World, library: Library) -> Iterator[Line]:
    with world.corner("staged") as corner, open(corner / "stderr.log", "wb") as log:
        config = write_config(corner, library.root)
        done = subprocess.run(
            ["env", f"PYTHONPATH={PACKAGES}", sys.executable, "-m", "bench.staged", str(config)],
            stdout=subprocess.PIPE,
            stderr=log,
            check=True,
        )
    told = json.loads(done.stdout)
    for part, spent in told["parts"].items():
        yield Line(
            what=f"  thread time in {part}",
            figure=1000 * spent / told["files"],
            unit="ms a file",
            yardstick="elapsed",
            yardstick_figure=1000 * told["elapsed_s"] / told["files"],
        )
    for process, spent in told["processor"].items():
        yield Line(what=f"  processor time of {process}", figure=1000 * spent / told["files"], unit="ms a file")
