"""Measures how time and memory of a first scan grow with the library.

The videos are tiny (see material.py), so that the result is reeld's own work and not the disk's. The benchmark does
not read the catalogue meanwhile, since counting its rows would slow the scan.
"""

import os
import statistics
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass

from bench.material import keep_catalog, tiny_videos
from bench.measure import MIB, Goal, Line
from bench.picture import Panel, draw
from bench.processes import peak_bytes
from bench.world import World, reading, scan_command, write_config

LOOK_S = 0.1
MORE_FILES = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """The first scans of one library: seconds of each round, and the highest peak memory."""

    files: int
    seconds: list[float]
    peak_mib: float

    @property
    def ms_a_file(self) -> float:
        return 1000 * statistics.median(self.seconds) / self.files


def run(world: World) -> Iterator[Line]:
    grown = [_scans(world, count) for count in sorted(world.sizes.growth)]
    least, most = grown[0], grown[-1]
    for each in grown:
        rounds = f"{len(each.seconds)} rounds" if len(each.seconds) > 1 else "one round"
        what = f"first scan, {each.files:,} tiny videos, {rounds}"
        lowest, highest = (
            1000 * spent / each.files / least.ms_a_file for spent in (min(each.seconds), max(each.seconds))
        )
        yield Line(
            what=f"{what}: elapsed a file",
            figure=each.ms_a_file,
            unit="ms",
            yardstick=f"with {least.files:,} files",
            yardstick_figure=least.ms_a_file,
            spread=(lowest, highest) if len(each.seconds) > 1 else None,
            goal=None if each is least else Goal(sense="<=", limit=1.1),
        )
        yield Line(
            what=f"{what}: peak RSS",
            figure=each.peak_mib,
            unit="MiB",
            goal=Goal(sense="<=", limit=150, of="figure"),
        )
    if most is not least:
        yield Line(
            what=f"first scan: memory for {MORE_FILES:,} more files, {least.files:,} to {most.files:,}",
            figure=(most.peak_mib - least.peak_mib) * MORE_FILES / (most.files - least.files),
            unit="MiB",
            goal=Goal(sense="<=", limit=8, of="figure"),
        )
    if world.picture:
        world.picture.write_text(_picture(grown), encoding="utf-8")


def _picture(grown: list[Growth]) -> str:
    return draw(
        "First scan of tiny videos",
        [
            Panel(
                title="Elapsed time, start included",
                unit="ms a file",
                points=[(each.files, each.ms_a_file) for each in grown],
            ),
            Panel(
                title="Peak memory of the scanning process",
                unit="MiB",
                points=[(each.files, each.peak_mib) for each in grown],
            ),
        ],
    )


def _scans(world: World, count: int) -> Growth:
    rounds = [_scan(world, count) for _ in range(world.sizes.rounds_of(count))]
    return Growth(
        files=count,
        seconds=[seconds for seconds, _ in rounds],
        peak_mib=max(peak for _, peak in rounds) / MIB,
    )


def _scan(world: World, count: int) -> tuple[float, int]:
    """Return the seconds and the peak memory of one scan. Its catalogue is kept for other benchmarks."""
    library = tiny_videos(world, count)
    with world.corner("growth") as corner, open(corner / "stderr.log", "wb") as log:
        config, database, peak = write_config(corner, library.root), corner / "reeld.db", 0
        started = time.perf_counter()
        with subprocess.Popen(scan_command(config), stdout=subprocess.DEVNULL, stderr=log) as process:
            while process.returncode is None:
                peak = max(peak, _peak(process.pid))
                try:
                    process.wait(LOOK_S)
                except subprocess.TimeoutExpired:
                    continue
            seconds = time.perf_counter() - started
        if process.returncode != os.EX_OK:
            raise RuntimeError(f"the scan ended with status {process.returncode}; see {log.name}")
        with reading(database) as connection:
            (identified,) = connection.execute("SELECT count(*) FROM video_files WHERE verdict IS NOT NULL").fetchone()
        if identified != count:
            raise RuntimeError(f"the scan identified {identified} of {count} files")
        keep_catalog(world, count, corner)
    return seconds, peak


def _peak(pid: int) -> int:
    try:
        return peak_bytes(pid)
    except (LookupError, OSError):
        return 0  # it has just ended
