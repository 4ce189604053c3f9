"""Measures how many names `reeld identify` reads a second on all cores, against guessit in one
process.

Both ways are whole processes, start and imports included.
"""

import sys
from collections.abc import Iterator
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
        seconds = alternate(
            world.sizes.rounds,
            {
                "guessit": lambda: seconds_of([sys.executable, "-c", GUESSIT], stdin=given),
                "reeld": lambda: _identify(config, given),
            },
        )
    yield Line(
        what=f"identify, {count:,} names",
        figure=count / seconds["reeld"],
        unit="names/s",
        yardstick="guessit, one process",
        yardstick_figure=count / seconds["guessit"],
        goal=Goal(sense=">=", limit=1.0),
    )


def _identify(config: Path, given: Path) -> float:
    with open(config.parent / "identified.jsonl", "wb") as output:
        spent = seconds_of((*REELD, "--config", str(config), "identify", "--json", "-"), stdin=given, stdout=output)
    if len((config.parent / "identified.jsonl").read_bytes().splitlines()) != len(given.read_bytes().splitlines()):
        raise RuntimeError("identify did not answer for every name")
    return spent
