"""Measures fairly: alternating ways, medians, and lines that name what was compared."""

import math
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

MIB = 1 << 20
GIB = 1 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """The required value of a figure, or of its ratio to the yardstick."""

    sense: Literal["<=", ">="]
    limit: float
    of: Literal["figure", "ratio"] = "ratio"

    def __str__(self) -> str:
        return f"{self.of} {self.sense} {self.limit:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One result. `ratio` is figure / yardstick: above 1 is good for a speed, below 1 for a time."""

    what: str
    figure: float
    unit: str
    yardstick: str | None = None
    yardstick_figure: float | None = None
    """In the same unit, or None if the yardstick is not available, and `yardstick` says why."""
    goal: Goal | None = None

    @property
    def ratio(self) -> float | None:
        return self.figure / self.yardstick_figure if self.yardstick_figure else None

    @property
    def is_met(self) -> bool | None:
        """Tell whether the goal is reached; None without a goal or a yardstick."""
        value = self.ratio if self.goal and self.goal.of == "ratio" else self.figure
        if self.goal is None or value is None or math.isnan(value):
            return None
        return value <= self.goal.limit if self.goal.sense == "<=" else value >= self.goal.limit

    def __str__(self) -> str:
        compared = self.yardstick or ""
        if self.yardstick_figure is not None:
            compared += f" {shown(self.yardstick_figure)}"
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        verdict = {True: "met", False: "MISSED", None: ""}[self.is_met]
        goal = f"{self.goal}: {verdict}" if self.goal else ""
        return f"{self.what:<62} {shown(self.figure):>9} {self.unit:<12} {compared:<40} {ratio:>7}  {goal}".rstrip()


HEADING = f"{'what':<62} {'figure':>9} {'unit':<12} {'yardstick':<40} {'ratio':>7}  goal"


def shown(value: float) -> str:
    """Format three significant digits, never with an exponent."""
    digits = 0 if abs(value) >= 100 or value == 0 else 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3
    return f"{value:,.{digits}f}"


def alternate(rounds: int, ways: Mapping[str, Callable[[], float]]) -> dict[str, float]:
    """Return each way's median. The ways alternate, so that a noisy minute affects all of them."""
    samples: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            samples[name].append(way())
    return {name: statistics.median(values) for name, values in samples.items()}


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that this share (0 to 1) of all values does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def seconds_of(
    argv: Sequence[str], *, stdin: Path | None = None, stdout: IO[bytes] | None = None, log: Path | None = None
) -> float:
    """Time a command from start to end. A command that fails ends the benchmark."""
    with open(stdin or "/dev/null", "rb") as given, open(log or "/dev/null", "wb") as errors:
        started = time.perf_counter()
        subprocess.run(argv, stdin=given, stdout=stdout or subprocess.DEVNULL, stderr=errors, check=True)
        return time.perf_counter() - started
