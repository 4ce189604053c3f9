"""Measures how many names `reeld identify` reads a second, against guessit in one process.

Both ways are whole processes, start and imports included. The row of processor time counts all
processes of `reeld identify`; the other counts the time on all cores.
"""

import resource
import statistics
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.measure import Goal, Line, alternate, seconds_of
from bench.names import library_paths
from bench.world import REELD, World, write_config

GUESSIT = (
    "import json, os, sys, guessit\n"
    "for line in sys.stdin:\n"
    "    print(json.dumps(guessit.guessit(os.path.basename(line.rstrip())), default=str))\n"
)


def run(world: World) -> Iterator[Line]:
    count = world.sizes.names
    with world.corner("names") as corner:
        given = corner / "names.txt"
        given.write_text("".join(f"{path}\n" for path in library_paths(count, seed=3)), encoding="utf-8")
        config = write_config(corner, corner)
        cpu: dict[str, list[float]] = defaultdict(list)
        ways = {
            "guessit": lambda: seconds_of([sys.executable, "-c", GUESSIT], stdin=given),
            "reeld": lambda: _identify(config, given),
        }
        seconds = alternate(world.sizes.rounds, {name: _noting_cpu(way, cpu[name]) for name, way in ways.items()})
    cpu_s = {name: statistics.median(spent) for name, spent in cpu.items()}
    yield Line(
        what=f"identify, {count:,} names: processor time of all processes",
        figure=count / cpu_s["reeld"],
        unit="names/s",
        yardstick="guessit, one process",
        yardstick_figure=count / cpu_s["guessit"],
        goal=Goal(sense=">=", limit=8.0),
    )
    yield Line(
        what=f"identify, {count:,} names",
        figure=count / seconds["reeld"],
        unit="names/s",
        yardstick="guessit, one process",
        yardstick_figure=count / seconds["guessit"],
        goal=Goal(sense=">=", limit=1.0),
    )


def _noting_cpu(way: Callable[[], float], spent: list[float]) -> Callable[[], float]:
    """Return `way`, which also adds the processor seconds of its processes to `spent`."""

    def run() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = way()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        return seconds

    return run


def _identify(config: Path, given: Path) -> float:
    with open(config.parent / "identified.jsonl", "wb") as output:
        spent = seconds_of((*REELD, "--config", str(config), "identify", "--json", "-"), stdin=given, stdout=output)
    if len((config.parent / "identified.jsonl").read_bytes().splitlines()) != len(given.read_bytes().splitlines()):
        raise RuntimeError("identify did not answer for every name")
    return spent
