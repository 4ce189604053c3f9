"""Measures how soon all files of a new library are in the catalogue, against `find -printf`.

It counts from the start of `reeld scan`, Python's start included. The scan is ended there.
"""

import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from bench.material import Library, tiny_videos
from bench.measure import Goal, Line, alternate, compared, seconds_of
from bench.world import World, reading, scan_command, write_config

LOOK_S = 0.02
PATIENCE_S = 600.0


def run(world: World) -> Iterator[Line]:
    library = tiny_videos(world, world.sizes.listed)
    find = ["find", str(library.root), "-type", "f", "-printf", "%p %s %T@ %i\\n"]
    taken = alternate(
        world.sizes.rounds, {"find": lambda: seconds_of(find), "reeld": lambda: _until_listed_s(world, library)}
    )
    yield compared(
        f"listing {len(library.paths):,} tiny videos of a new library, start included",
        taken["reeld"].figures,
        "s",
        "find -type f -printf",
        taken["find"].figures,
        Goal(sense="<=", limit=5.0),
    )


def _until_listed_s(world: World, library: Library) -> float:
    with world.corner("listing") as corner, open(corner / "stderr.log", "wb") as log:
        config, database = write_config(corner, library.root), corner / "reeld.db"
        started = time.perf_counter()
        with subprocess.Popen(scan_command(config), stdout=subprocess.DEVNULL, stderr=log) as process:
            try:
                while _last_row(database) < len(library.paths):
                    if process.poll() is not None or time.perf_counter() - started > PATIENCE_S:
                        raise RuntimeError(f"the scan did not list all files; see {log.name}")
                    time.sleep(LOOK_S)
                spent = time.perf_counter() - started
            finally:
                process.send_signal(signal.SIGTERM)
        with reading(database) as connection:
            (listed,) = connection.execute("SELECT count(*) FROM video_files").fetchone()
        if listed != len(library.paths):
            raise RuntimeError(f"the scan listed {listed} of {len(library.paths)} files")
        return spent


def _last_row(database: Path) -> int:
    """Return the highest id. Unlike counting it reads one row, so that it costs the scan nothing."""
    if not database.exists():
        return 0
    try:
        with reading(database) as connection:
            return int(connection.execute("SELECT coalesce(max(id), 0) FROM video_files").fetchone()[0])
    except sqlite3.OperationalError:
        return 0  # its tables are just being made
