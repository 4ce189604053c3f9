"""Measures what a command's start costs in processor time, against `python -c pass`.

The catalogue is empty and the output goes into a pipe, so that hardly anything but the start is measured. The commands
take turns. A processor's time moves less on a busy machine than elapsed time, and the ratio less than either.
"""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from bench.measure import Goal, Line, alternate, compared, scaled
from bench.world import World, scan_command, write_config

ROUNDS = 8

YARDSTICK = "python -c pass"

GOALS = {"--version": 2.0, "--help": 12.0, "list files": 15.0, "status": 25.0}
"""By command, how many times the yardstick's time it may take."""


def run(world: World) -> Iterator[Line]:
    with world.corner("start") as corner:
        (corner / "library").mkdir()
        config = write_config(corner, corner / "library")
        subprocess.run(scan_command(config), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        spent = _spent(config)
    for command, limit in GOALS.items():
        yield compared(
            f"start, reeld {command}",
            spent[command],
            "ms cpu",
            YARDSTICK,
            spent[YARDSTICK],
            Goal(sense="<=", limit=limit),
        )


def _spent(config: Path) -> dict[str, list[float]]:
    """Return the milliseconds of each start, by command."""
    ways = {YARDSTICK: [sys.executable, "-c", "pass"]}
    for command in GOALS:
        # The version and the help need no configuration; to name one would be measured with them.
        about = [] if command.startswith("--") else ["--config", str(config)]
        # The console script itself, since its user pays for it, too.
        ways[command] = [str(Path(sys.executable).with_name("reeld")), *about, *command.split()]
    taken = alternate(ROUNDS, {name: partial(_run, argv) for name, argv in ways.items()})
    return {name: scaled(1000, way.cpu_s) for name, way in taken.items()}


def _run(argv: Sequence[str]) -> float:
    subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=True)
    return 0.0
