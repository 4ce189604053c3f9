"""Measures scans of a large unchanged library, and a burst of new files.

The scans run in a process of their own, which `run` starts with this very file, so that its
memory is its own. It alternates with `find`. The files are empty, and all are in the catalogue.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.material import DAY_S, SETTLED_S, tiny_videos
from bench.measure import MIB, Goal, Line, children_cpu_s, compared, scaled, seconds_of
from bench.processes import usage
from bench.world import World, running_daemon, scan_command, write_config

FILES_A_DIRECTORY = 20


def run(world: World) -> Iterator[Line]:
    yield from _scans(world)
    yield from _burst(world)


def _scans(world: World) -> Iterator[Line]:
    count = world.sizes.walked
    root, folder = _empty_files(world.folder / f"walked-{count}", count), world.folder / f"walked-catalog-{count}"
    folder.mkdir(exist_ok=True)
    command = (sys.executable, __file__, str(root), str(folder / "reeld.db"), str(world.sizes.rounds))
    paths = {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, stdout=subprocess.PIPE, env={**os.environ, **paths}, check=True)
    found = json.loads(done.stdout)
    what = f"{count:,} files in {found['directories']:,} folders, nothing changed"
    for name, said, yardstick, goal in (
        ("pass", "pass over the folders' times", "find -type d -printf", 1.5),
        ("walk", "full walk", "find -type f -printf", 4.0),
    ):
        yield compared(
            f"{what}: {said}",
            scaled(1000, found[name]),
            "ms cpu",
            yardstick,
            scaled(1000, found[yardstick]),
            Goal(sense="<=", limit=goal),
        )
    yield Line(
        what=f"{what}: memory for it",
        figure=found["grown_bytes"] / MIB,
        unit="MiB",
        goal=Goal(sense="<=", limit=10, of="figure"),
    )


def _burst(world: World) -> Iterator[Line]:
    """Copy the files in as fast as the disk allows."""
    count = world.sizes.burst
    library = tiny_videos(world, count)
    with world.corner("burst") as corner:
        seconds_of(_copy(library.root, corner / "library"))
        time.sleep(SETTLED_S)
        scan_s = seconds_of(scan_command(write_config(corner, corner / "library")), log=corner / "stderr.log")
    with world.corner("burst") as corner:
        (corner / "library").mkdir()
        with running_daemon(write_config(corner, corner / "library"), corner / "reeld.db") as daemon:
            started = time.perf_counter()
            seconds_of(_copy(library.root, corner / "library"))
            daemon.wait_until_worked_off(count, timeout_s=3600)
            burst_s = time.perf_counter() - started
    yield Line(
        what=f"burst: {count:,} tiny videos copied in while the daemon runs, one round",
        figure=burst_s,
        unit="s",
        yardstick="reeld scan of them",
        yardstick_figure=scan_s,
        goal=Goal(sense="<=", limit=1.5),
    )


def _copy(source: Path, target: Path) -> list[str]:
    return ["cp", "--archive", "--no-target-directory", str(source), str(target)]


def _empty_files(root: Path, count: int) -> Path:
    if not (done := root.with_suffix(".complete")).exists():
        shutil.rmtree(root, ignore_errors=True)
        past = time.time() - DAY_S
        for number in range(count // FILES_A_DIRECTORY):
            folder = root / f"{number // 100:03}" / f"Show {number:05}"
            folder.mkdir(parents=True)
            for episode in range(1, FILES_A_DIRECTORY + 1):
                path = folder / f"Show {number:05} S01E{episode:02}.mkv"
                path.touch()
                os.utime(path, (past, past))
        done.touch()
    return root


# --- the process that looks ------------------------------------------------------------------------------


def _look(root: str, database: str, rounds: int) -> None:
    # Imported here: the starting process must not open a catalogue.
    from reeld.catalog.libraries import sync_libraries
    from reeld.config import Library, LogSettings
    from reeld.database.connection import open_catalog, writing
    from reeld.log import configure_log
    from reeld.pipeline.stages import stages
    from reeld.scanner.library_scanner import make_folder_scanner
    from reeld.scanner.reconcile import reconcile
    from reeld.service.stage_context import now_ms
    from reeld.watch.directories import KnownDirectories
    from reeld.watch.hints import EVERYTHING
    from reeld.watch.walk import Listing, Unreadable, Vanished, check_root

    configure_log(LogSettings(level="error"))
    open_catalog(database, create=True)
    library = Library(name="bench", path=root, quiet_s=0)
    with writing():
        library_id = sync_libraries([library], now_ms())[library.name]
    folder_scanner = make_folder_scanner(
        library,
        library_id,
        first_stage=stages()[0],
        with_full_hash=False,
        stat_names=lambda _library_id, _directory, _names: None,
        now_ms=now_ms,
    )
    seen, directories = check_root(root), KnownDirectories()
    assert not isinstance(seen, str)

    def remember(found: Listing | Vanished | Unreadable) -> None:
        if isinstance(found, Listing):
            directories.note(found, wall_ns=time.time_ns())

    def walk() -> None:
        reconcile(folder_scanner, EVERYTHING, seen, lambda: False, remember)

    reconcile(folder_scanner, EVERYTHING, seen, lambda: False)  # the first one fills the catalogue, or loads its pages
    before = usage(os.getpid()).rss_bytes
    figures = _take_turns(
        rounds,
        {
            "walk": walk,
            "pass": lambda: directories.changed(root, lambda: False),
            "find -type f -printf": lambda: _find(root, "-type", "f", "-printf", "%p %s %T@ %i\\n"),
            "find -type d -printf": lambda: _find(root, "-type", "d", "-printf", "%T@ %i\\n"),
        },
    )
    grown = usage(os.getpid()).rss_bytes - before
    print(json.dumps({**figures, "directories": len(directories), "grown_bytes": grown}))


def _find(root: str, *tests: str) -> None:
    subprocess.run(("find", root, *tests), stdout=subprocess.DEVNULL, check=True)


def _take_turns(rounds: int, ways: dict[str, Callable[[], object]]) -> dict[str, list[float]]:
    """Measure processor time, with that of children: other load on the machine does not count."""
    samples: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            before = time.process_time() + children_cpu_s()
            way()
            samples[name].append(time.process_time() + children_cpu_s() - before)
    return samples


if __name__ == "__main__":
    _look(sys.argv[1], sys.argv[2], int(sys.argv[3]))
