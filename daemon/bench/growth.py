"""Measures how time and memory of a first scan grow with the library.

The videos are tiny (see material.py), so that the result is reeld's own work and not the disk's.
"""

import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.material import tiny_videos
from bench.measure import MIB, Goal, Line, seconds_of
from bench.processes import peak_bytes
from bench.world import World, reading, scan_command, write_config

LOOK_S = 0.1
LOOK_SHARE = 20
"""Counting 100,000 rows is slow, on the same cores: it takes one part in so many of the time."""
BAR = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """One first scan: seconds until all files were listed and identified, and the peak memory."""

    files: int
    listed_s: float
    identified_s: float
    done_s: float
    peak_mib: float
    find_s: float

    @property
    def ms_a_file(self) -> float:
        return 1000 * self.done_s / self.files


def run(world: World) -> Iterator[Line]:
    grown = [_scan(world, count) for count in sorted(world.sizes.growth)]
    least = grown[0]
    for each in grown:
        what = f"first scan of {each.files:,} tiny videos"
        yield Line(
            what=f"{what}: all are listed after",
            figure=each.listed_s,
            unit="s",
            yardstick="find -printf",
            yardstick_figure=each.find_s,
            goal=Goal(sense="<=", limit=4.0),
        )
        yield Line(what=f"{what}: all are identified after", figure=each.identified_s, unit="s")
        yield Line(
            what=f"{what}: time a file",
            figure=each.ms_a_file,
            unit="ms",
            yardstick=f"with {least.files:,} files",
            yardstick_figure=least.ms_a_file,
            goal=Goal(sense="<=", limit=1.15),
        )
        yield Line(
            what=f"{what}: peak RSS",
            figure=each.peak_mib,
            unit="MiB",
            yardstick=f"with {least.files:,} files",
            yardstick_figure=least.peak_mib,
            goal=Goal(sense="<=", limit=150, of="figure"),
        )
    print(plot("ms a file", [(each.files, each.ms_a_file) for each in grown]))
    print(plot("peak RSS in MiB", [(each.files, each.peak_mib) for each in grown]), flush=True)


def plot(what: str, points: Sequence[tuple[int, float]]) -> str:
    """Draw one bar per point; the longest has BAR characters."""
    most = max(value for _, value in points)
    bars = (
        f"  {files:>9,} files  {'#' * max(1, round(BAR * value / most)):<{BAR}}  {value:.1f}" for files, value in points
    )
    return "\n".join([f"  {what}", *bars])


def _scan(world: World, count: int) -> Growth:
    library = tiny_videos(world, count)
    find_s = seconds_of(["find", str(library.root), "-type", "f", "-printf", "%p %s %T@ %i\\n"])
    with world.corner("growth") as corner, open(corner / "stderr.log", "wb") as log:
        config, database = write_config(corner, library.root), corner / "reeld.db"
        started = time.perf_counter()
        with subprocess.Popen(scan_command(config), stdout=subprocess.DEVNULL, stderr=log) as process:
            moments: dict[str, float] = {}
            peak = 0
            looked_s = 0.0
            while process.poll() is None:
                time.sleep(max(LOOK_S, LOOK_SHARE * looked_s))
                stat_names_of = time.perf_counter()
                if process.poll() is None:
                    peak = max(peak, _peak(process.pid))
                if len(moments) < len(_LOOKS) and database.exists():
                    _look(database, count, moments, time.perf_counter() - started)
                looked_s = time.perf_counter() - stat_names_of
            done_s = time.perf_counter() - started
            if process.returncode != os.EX_OK:
                raise RuntimeError(f"the scan ended with status {process.returncode}; see {log.name}")
        with reading(database) as connection:
            (identified,) = connection.execute("SELECT count(*) FROM video_files WHERE verdict IS NOT NULL").fetchone()
        if identified != count:
            raise RuntimeError(f"the scan identified {identified} of {count} files")
    return Growth(
        files=count,
        listed_s=moments.get("listed", done_s),
        identified_s=moments.get("identified", done_s),
        done_s=done_s,
        peak_mib=peak / MIB,
        find_s=find_s,
    )


_LOOKS = {
    "listed": "SELECT count(*) FROM video_files",
    "identified": "SELECT count(*) FROM video_files WHERE verdict IS NOT NULL",
}


def _look(database: Path, count: int, moments: dict[str, float], now: float) -> None:
    with reading(database) as connection:
        for name, sql in _LOOKS.items():
            if name not in moments and connection.execute(sql).fetchone()[0] == count:
                moments[name] = now


def _peak(pid: int) -> int:
    try:
        return peak_bytes(pid)
    except (LookupError, OSError):
        return 0
