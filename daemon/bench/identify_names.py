"""Measures how many names `reeld identify` reads a second, against guessit in one process.

Both ways are whole processes, start and imports included. The row of processor time counts all
processes of `reeld identify`; the other counts the time on all cores.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from unittest import mock

from tests.identify import corpus, second_round

from bench.measure import Goal, Line, alternate, compared, seconds_of, speeds
from bench.names import library_paths
from bench.world import REELD, World, write_config
from reeld.domain.identity import Clues
from reeld.identify.evidence import Evidence
from reeld.identify.verdict import identify

SEED = 3

GUESSIT = (
    "import json, os, sys, guessit\n"
    "sys.stdin.reconfigure(errors='surrogateescape')\n"
    "for line in sys.stdin:\n"
    "    try:\n"
    "        print(json.dumps(guessit.guessit(os.path.basename(line.rstrip())), default=str))\n"
    "    except guessit.api.GuessitException as err:\n"
    "        print(err)\n"
)


def run(world: World) -> Iterator[Line]:
    count = world.sizes.names
    names = library_paths(count, seed=SEED)
    what = f"reeld identify -, {count:,} names of seed {SEED}"
    yield from _against_guessit(world, what, names, Goal(sense=">=", limit=8.0), Goal(sense=">=", limit=1.0))
    yield Line(
        what=f"{what}: those that need guessit",
        figure=100 * _need_guessit(names) / count,
        unit="%",
        goal=Goal(sense="<=", limit=2.0, of="figure"),
    )
    kept = held_out_names()
    yield from _against_guessit(
        world, f"reeld identify -, {len(kept):,} held-out names", kept, Goal(sense=">=", limit=1.5)
    )
    sets = names_of_sets()
    what = f"reeld identify --together -, {len(sets):,} names in folders of twelve"
    yield from _against_guessit(world, what, sets, Goal(sense=">=", limit=4.0), options=("--together",))


def _against_guessit(
    world: World,
    what: str,
    names: Sequence[str],
    of_processor: Goal,
    of_elapsed: Goal | None = None,
    *,
    options: Sequence[str] = (),
) -> Iterator[Line]:
    with world.corner("names") as corner:
        given = corner / "names.txt"
        given.write_text("".join(f"{path}\n" for path in names), encoding="utf-8", errors="surrogateescape")
        config = write_config(corner, corner)
        ways = {
            "guessit": lambda: seconds_of([sys.executable, "-c", GUESSIT], stdin=given),
            "reeld": lambda: _identify(config, given, options),
        }
        taken = alternate(world.sizes.rounds, ways)
    for of, spent, goal in (
        ("a second of processor, all processes", {name: way.cpu_s for name, way in taken.items()}, of_processor),
        ("a second elapsed", {name: way.figures for name, way in taken.items()}, of_elapsed),
    ):
        yield compared(
            f"{what}: {of}",
            speeds(len(names), spent["reeld"]),
            "names",
            "guessit, one process",
            speeds(len(names), spent["guessit"]),
            goal,
        )


def held_out_names() -> list[str]:
    """Return the corpus' names of the files whose rows were written before the rules that they measure were seen."""
    files = [name for name in corpus.corpus_files() if name.startswith("heldout")]
    return list(dict.fromkeys(row.clues.path for name in files for row in corpus.rows(name)))


def names_of_sets() -> list[str]:
    return list(dict.fromkeys(row.clues.path for row in second_round.rows() if row.set_name))


def _need_guessit(names: Sequence[str]) -> int:
    with mock.patch.object(Evidence, "with_guess", autospec=True, side_effect=Evidence.with_guess) as asked:
        for name in names:
            identify(Clues(path=name))
    return asked.call_count


def _identify(config: Path, given: Path, options: Sequence[str]) -> float:
    command = (*REELD, "--config", str(config), "identify", *options, "--json", "-")
    with open(config.parent / "identified.jsonl", "wb") as output:
        spent = seconds_of(command, stdin=given, stdout=output)
    if len((config.parent / "identified.jsonl").read_bytes().splitlines()) != len(given.read_bytes().splitlines()):
        raise RuntimeError("identify did not answer for every name")
    return spent
