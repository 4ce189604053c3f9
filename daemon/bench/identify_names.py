"""Measures how many names `reeld identify` reads a second, against guessit in one process.

Both ways are whole processes, start and imports included. The row of processor time counts all
processes of `reeld identify`; the other counts the time on all cores.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from unittest import mock

from bench.measure import Goal, Line, alternate, compared, seconds_of, speeds
from bench.names import library_paths
from bench.world import REELD, World, write_config
from reeld.domain.identity import Clues
from reeld.identify.evidence import Evidence
from reeld.identify.verdict import identify

SEED = 3

GUESSIT = (
    "import json, os, sys, guessit\n"
    "for line in sys.stdin:\n"
    "    print(json.dumps(guessit.guessit(os.path.basename(line.rstrip())), default=str))\n"
)


def run(world: World) -> Iterator[Line]:
    count = world.sizes.names
    names = library_paths(count, seed=SEED)
    with world.corner("names") as corner:
        given = corner / "names.txt"
        given.write_text("".join(f"{path}\n" for path in names), encoding="utf-8")
        config = write_config(corner, corner)
        ways = {
            "guessit": lambda: seconds_of([sys.executable, "-c", GUESSIT], stdin=given),
            "reeld": lambda: _identify(config, given),
        }
        taken = alternate(world.sizes.rounds, ways)
    what = f"reeld identify -, {count:,} names of seed {SEED}"
    for of, spent, limit in (
        ("a second of processor, all processes", {name: way.cpu_s for name, way in taken.items()}, 8.0),
        ("a second elapsed", {name: way.figures for name, way in taken.items()}, 1.0),
    ):
        yield compared(
            f"{what}: {of}",
            speeds(count, spent["reeld"]),
            "names",
            "guessit, one process",
            speeds(count, spent["guessit"]),
            Goal(sense=">=", limit=limit),
        )
    yield Line(
        what=f"{what}: those that need guessit",
        figure=100 * _need_guessit(names) / count,
        unit="%",
        goal=Goal(sense="<=", limit=2.0, of="figure"),
    )


def _need_guessit(names: Sequence[str]) -> int:
    with mock.patch.object(Evidence, "with_guess", autospec=True, side_effect=Evidence.with_guess) as asked:
        for name in names:
            identify(Clues(path=name))
    return asked.call_count


def _identify(config: Path, given: Path) -> float:
    with open(config.parent / "identified.jsonl", "wb") as output:
        spent = seconds_of((*REELD, "--config", str(config), "identify", "--json", "-"), stdin=given, stdout=output)
    if len((config.parent / "identified.jsonl").read_bytes().splitlines()) != len(given.read_bytes().splitlines()):
        raise RuntimeError("identify did not answer for every name")
    return spent
