"""Measures a scan when nothing has changed.

The whole command includes Python's start and the check of the database. The scan itself reports
its own time.
"""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.material import catalogued
from bench.measure import Goal, Line, alternate, compared, scaled, seconds_of
from bench.world import World, copy_catalog, scan_command, write_config


def run(world: World) -> Iterator[Line]:
    count = world.sizes.catalogued
    stock = catalogued(world, count)
    find = ["find", str(stock.library.root), "-type", "f", "-printf", "%p %s %T@ %i\\n"]
    with world.corner("second") as corner:
        copy_catalog(stock.database, corner)
        config = write_config(corner, stock.library.root)
        taken = alternate(
            2 * world.sizes.rounds + 1,
            {
                "find": lambda: seconds_of(find),
                "pass": lambda: _pass_s(config),
                "whole": lambda: seconds_of(scan_command(config), log=corner / "stderr.log"),
            },
        )
    for name, what, goal in (
        ("pass", "the pass itself", Goal(sense="<=", limit=5.0)),
        ("whole", "the whole command", None),
    ):
        yield compared(
            f"second scan of {count:,} files, nothing changed, {what}",
            scaled(1000, taken[name].figures),
            "ms",
            "find -type f -printf",
            scaled(1000, taken["find"].figures),
            goal,
        )


def _pass_s(config: Path) -> float:
    with tempfile.TemporaryFile() as output:
        seconds_of(scan_command(config), stdout=output, log=config.parent / "stderr.log")
        output.seek(0)
        return float(json.load(output)["seconds"])
