"""Runs the benchmarks: reeld against other ways to do the same work, on this machine, at the same
time.

`make bench` runs all of them; `make bench ARGS="--quick"` takes a minute or two. See
daemon/BENCHMARKS.md.

To add a benchmark: a module with `run(world)` that yields lines, and one entry in BENCHMARKS.
"""

import argparse
import datetime as dt
import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path

# Started as a file, Python knows this folder only: `bench` lies beside reeld, `tests` at the top.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench import (
    first_scan,
    full_hash,
    growth,
    identify_names,
    idle,
    latency,
    listing,
    peak_memory,
    probing,
    questions,
    queue_rate,
    reconcile,
    second_scan,
    start,
)
from bench.measure import HEADING, Line
from bench.world import QUICK, Sizes, World

BENCHMARKS: Mapping[str, Callable[[World], Iterator[Line]]] = {
    "hash": full_hash.run,
    "names": identify_names.run,
    "probing": probing.run,
    "first-scan": first_scan.run,
    "listing": listing.run,
    "growth": growth.run,
    "memory": peak_memory.run,
    "second-scan": second_scan.run,
    "reconcile": reconcile.run,
    "latency": latency.run,
    "idle": idle.run,
    "queue": queue_rate.run,
    "questions": questions.run,
    "start": start.run,
}
"""In this order, since some use the libraries and catalogues of those before."""

KEPT = Path(__file__).resolve().parents[2] / ".bench"


def main() -> None:
    asked = _arguments()
    with _folder(asked) as folder:
        world = World(folder=folder, sizes=_sizes(asked), picture=asked.svg)
        print(_about(world), HEADING, sep="\n", flush=True)
        for name in asked.only or BENCHMARKS:
            for line in BENCHMARKS[name](world):
                print(line, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="run.py", description="Measure reeld against yardsticks of the same run.")
    parser.add_argument("--quick", action="store_true", help="small sizes and one round: a look, not a measurement")
    parser.add_argument("--only", metavar="NAME", action="append", choices=BENCHMARKS, help=", ".join(BENCHMARKS))
    parser.add_argument("--dir", type=Path, help="make the temporary folder in here instead of $TMPDIR")
    parser.add_argument(
        "--keep", action="store_true", help=f"work in {KEPT} and leave the libraries there for the next run"
    )
    parser.add_argument("--svg", type=Path, metavar="PATH", help="write the picture of growth to this file")
    for size in fields(Sizes):
        kind = _counts if isinstance(size.default, tuple) else type(size.default)
        parser.add_argument(f"--{size.name.replace('_', '-')}", dest=size.name, type=kind)
    return parser.parse_args()


def _counts(text: str) -> tuple[int, ...]:
    """Parse sizes: `1000,10000` is two."""
    return tuple(int(count) for count in text.split(","))


def _sizes(asked: argparse.Namespace) -> Sizes:
    given = {size.name: value for size in fields(Sizes) if (value := getattr(asked, size.name)) is not None}
    return replace(QUICK if asked.quick else Sizes(), **given)


@contextmanager
def _folder(asked: argparse.Namespace) -> Iterator[Path]:
    if asked.keep:
        KEPT.mkdir(exist_ok=True)
        yield KEPT
    else:
        # Not TemporaryDirectory: its cleanup error would hide an error of the benchmark.
        path = Path(tempfile.mkdtemp(prefix="reeld-bench-", dir=asked.dir))
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)


def _about(world: World) -> str:
    """Describe the machine as far as it explains figures, with its load: figures of a busy one
    mislead.
    """
    file_system = subprocess.run(
        ["stat", "--file-system", "--format=%T", str(world.folder)], capture_output=True, text=True, check=True
    ).stdout.strip()
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)
    return (
        f"reeld {importlib.metadata.version('reeld')}, {dt.datetime.now().astimezone():%Y-%m-%d %H:%M %Z}, "
        f"{len(os.sched_getaffinity(0))} cores, {memory_gib:.0f} GiB, Linux {platform.release()}, "
        f"Python {platform.python_version()}, {file_system}, load {os.getloadavg()[0]:.2f}\n{world.sizes}"
    )


if __name__ == "__main__":
    main()
