"""Measures the daemon's peak memory during the first scan of a library."""

import threading
from collections.abc import Iterator

from bench.material import real_videos
from bench.measure import MIB, Goal, Line
from bench.processes import children_pss_bytes, peak_bytes
from bench.world import World, running_daemon, write_config

SAMPLE_S = 0.25


def run(world: World) -> Iterator[Line]:
    library = real_videos(world)
    with world.corner("memory") as corner:
        config, database = write_config(corner, library.root), corner / "reeld.db"
        with running_daemon(config, database) as daemon:
            most, ended = 0, threading.Event()

            def sample() -> None:
                nonlocal most
                while not ended.wait(SAMPLE_S):
                    most = max(most, children_pss_bytes(daemon.pid))

            sampler = threading.Thread(target=sample)
            sampler.start()
            try:
                daemon.wait_until_worked_off(len(library.paths))
                own = peak_bytes(daemon.pid)
            finally:
                ended.set()
                sampler.join()
    what = f"first scan of {len(library.paths):,} real videos by the daemon"
    yield Line(
        what=f"{what}: its peak RSS",
        figure=own / MIB,
        unit="MiB",
        goal=Goal(sense="<=", limit=150, of="figure"),
    )
    yield Line(what=f"{what}: its children's peak, PSS", figure=most / MIB, unit="MiB")
