"""What does the daemon cost while nothing happens?

It stands on a catalogue of many cheap files, has just taken in a few real ones (so its child processes are
up), and is left alone until it rests before the clock starts.
"""

import time
from collections.abc import Iterator
from pathlib import Path

from bench.material import catalogued, real_content
from bench.measure import MIB, Goal, Line
from bench.processes import Usage, children, usage
from bench.world import Daemon, World, copy_catalog, running_daemon, write_config

NEWCOMERS = ("The.Bench.Warmer.2019.1080p.BluRay.x264-GRP.mkv", "Bench.Warmers.S01E02.720p.HDTV.x264-GRP.mkv")


def run(world: World) -> Iterator[Line]:
    stock = catalogued(world, world.sizes.catalogued)
    newcomers = [stock.library.root / "Arrivals" / name for name in NEWCOMERS]
    with world.corner("idle") as corner:
        database = copy_catalog(stock.database, corner)
        config = write_config(corner, stock.library.root, quiet_s=0.5)
        try:
            with running_daemon(config, database) as daemon:
                _give_work(daemon, newcomers, world.sizes.catalogued)
                yield from _watch(daemon, world)
        finally:
            for path in newcomers:
                path.unlink(missing_ok=True)


def _give_work(daemon: Daemon, newcomers: list[Path], already: int) -> None:
    for number, path in enumerate(newcomers):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(real_content(2_000_000 + number, path.name))
    daemon.wait_until_worked_off(already + len(newcomers))
    daemon.wait_until_resting()


def _watch(daemon: Daemon, world: World) -> Iterator[Line]:
    offspring = children(daemon.pid)
    before = {pid: usage(pid) for pid in (daemon.pid, *offspring)}
    started = time.monotonic()
    time.sleep(world.sizes.idle_s)
    spent_s = time.monotonic() - started
    after = {pid: usage(pid) for pid in (daemon.pid, *offspring)}
    own = after[daemon.pid]
    what = f"idle, {world.sizes.catalogued:,} files catalogued"
    cpu_s = sum(after[pid].cpu_s - before[pid].cpu_s for pid in after)
    wakeups = sum(after[pid].wakeups - before[pid].wakeups for pid in after)
    read_bytes = sum(after[pid].read_bytes - before[pid].read_bytes for pid in after)
    yield Line(
        what=f"{what}: processor, daemon and children",
        figure=100 * cpu_s / spent_s,
        unit="% of a core",
        goal=Goal(sense="<=", limit=0.2, of="figure"),
    )
    yield Line(what=f"{what}: processor a minute", figure=60 * cpu_s / spent_s, unit="s")
    yield Line(what=f"{what}: wake-ups", figure=wakeups / spent_s, unit="/s")
    yield Line(what=f"{what}: read from the disk", figure=read_bytes / MIB, unit="MiB")
    yield Line(what=f"{what}: inotify watches", figure=own.inotify_watches, unit="")
    yield from _memory(what, own, [after[pid] for pid in offspring])


def _memory(what: str, own: Usage, offspring: list[Usage]) -> Iterator[Line]:
    yield Line(what=f"{what}: daemon, RSS", figure=own.rss_bytes / MIB, unit="MiB")
    yield Line(what=f"{what}: daemon, PSS", figure=own.pss_bytes / MIB, unit="MiB")
    yield Line(
        what=f"{what}: daemon, peak RSS since its start",
        figure=own.peak_bytes / MIB,
        unit="MiB",
        goal=Goal(sense="<=", limit=150, of="figure"),
    )
    yield Line(
        what=f"{what}: its {len(offspring)} children together, PSS",
        figure=sum(child.pss_bytes for child in offspring) / MIB,
        unit="MiB",
    )
