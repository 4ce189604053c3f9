"""Measures the cost of a daemon while nothing happens.

Its catalogue has many tiny videos. It has just taken in a few real ones, so that its child processes
ran. The clock starts once they have ended and it has come to rest. A change of the mounts wakes a daemon.
As root it gets mounts of its own, so that those of other programs do not count.
"""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import minidlna
from bench.material import Library, catalogued, real_content
from bench.measure import MIB, Goal, Line
from bench.processes import Usage, children, usage
from bench.world import Daemon, World, copy_catalog, running_daemon, write_config

OWN_MOUNTS = ("unshare", "--mount", "--propagation", "private")

MOST_PSS_MIB = {10_000: 60.0, 100_000: 75.0}
"""Goals, by the number of files."""

NEWCOMERS = ("The.Bench.Warmer.2019.1080p.BluRay.x264-GRP.mkv", "Bench.Warmers.S01E02.720p.HDTV.x264-GRP.mkv")


def run(world: World) -> Iterator[Line]:
    for count in sorted(world.sizes.idle):
        yield from _idle(world, count, with_peer=count == min(world.sizes.idle))


def _idle(world: World, count: int, *, with_peer: bool) -> Iterator[Line]:
    stock = catalogued(world, count)
    new_files = [stock.library.root / "Arrivals" / name for name in NEWCOMERS]
    with world.corner("idle") as corner:
        database = copy_catalog(stock.database, corner)
        config = write_config(corner, stock.library.root, quiet_s=0.5)
        try:
            with running_daemon(config, database, OWN_MOUNTS if os.geteuid() == 0 else ()) as daemon:
                _give_work(daemon, new_files, count)
                _wait_for_rest(daemon, world.sizes.rest_s)
                pids = [daemon.pid, *children(daemon.pid)]
                rest, after = _rest_of(pids, world.sizes.idle_s)
        finally:
            for path in new_files:
                path.unlink(missing_ok=True)
    peer = _peer(world, stock.library) if with_peer and minidlna.is_there() else None
    yield from _lines(f"idle, {count:,} files catalogued", rest, peer)
    yield from _memory(f"idle, {count:,} files catalogued", count, after[pids[0]], [after[pid] for pid in pids[1:]])


def _give_work(daemon: Daemon, new_files: list[Path], already: int) -> None:
    for number, path in enumerate(new_files):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(real_content(2_000_000 + number, path.name))
    daemon.wait_until_worked_off(already + len(new_files))
    daemon.wait_until_resting()


def _wait_for_rest(daemon: Daemon, seconds: float) -> None:
    """Wait until children have ended, after a minute without work, and for the first backup, after two minutes."""
    until = time.monotonic() + seconds
    while time.monotonic() < until or (children(daemon.pid) and time.monotonic() < until + seconds):
        daemon.require_alive()
        time.sleep(1.0)


def _lines(what: str, rest: "Rest", peer: "Rest | None") -> Iterator[Line]:
    yield Line(
        what=f"{what}: processor, daemon and children",
        figure=rest.cpu_percent,
        unit="% of a core",
        yardstick="minidlnad" if peer else None,
        yardstick_figure=peer.cpu_percent if peer else None,
        goal=Goal(sense="<=", limit=0.05, of="figure"),
    )
    yield Line(
        what=f"{what}: wake-ups",
        figure=rest.wakeups_per_s,
        unit="/s",
        yardstick="minidlnad" if peer else None,
        yardstick_figure=peer.wakeups_per_s if peer else None,
        goal=Goal(sense="<=", limit=0.2, of="figure"),
    )
    yield Line(what=f"{what}: read from the disk", figure=rest.read_mib, unit="MiB")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """What some processes together use while nothing happens."""

    cpu_percent: float
    wakeups_per_s: float
    read_mib: float


def _rest_of(pids: list[int], seconds: float) -> tuple[Rest, dict[int, Usage]]:
    before = {pid: usage(pid) for pid in pids}
    started = time.monotonic()
    time.sleep(seconds)
    spent_s = time.monotonic() - started
    after = {pid: usage(pid) for pid in pids}
    return Rest(
        cpu_percent=100 * sum(after[pid].cpu_s - before[pid].cpu_s for pid in pids) / spent_s,
        wakeups_per_s=sum(after[pid].wakeups - before[pid].wakeups for pid in pids) / spent_s,
        read_mib=sum(after[pid].read_bytes - before[pid].read_bytes for pid in pids) / MIB,
    ), after


def _peer(world: World, library: Library) -> Rest:
    """Measure minidlnad on the same library."""
    with minidlna.scanned(world, library.root) as pid:
        return _rest_of([pid], world.sizes.idle_s)[0]


def _memory(what: str, count: int, own: Usage, offspring: list[Usage]) -> Iterator[Line]:
    yield Line(what=f"{what}: inotify watches", figure=own.inotify_watches, unit="")
    yield Line(what=f"{what}: daemon, PSS", figure=own.pss_bytes / MIB, unit="MiB")
    yield Line(
        what=f"{what}: daemon, peak RSS since its start",
        figure=own.peak_bytes / MIB,
        unit="MiB",
        goal=Goal(sense="<=", limit=150, of="figure"),
    )
    most = MOST_PSS_MIB.get(count)
    yield Line(
        what=f"{what}: with its {len(offspring)} children, PSS",
        figure=(own.pss_bytes + sum(child.pss_bytes for child in offspring)) / MIB,
        unit="MiB",
        goal=None if most is None else Goal(sense="<=", limit=most, of="figure"),
    )
