"""Measures fairly: alternating ways, medians, and lines that name what was compared."""

import math
import resource
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
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
    spread: tuple[float, float] | None = None
    """The lowest and the highest ratio of the rounds, or figure where there is no yardstick. None: one round."""
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
        ratio = "" if self.ratio is None else shown(self.ratio)
        spread = "" if self.spread is None else f"{shown(self.spread[0])} to {shown(self.spread[1])}"
        verdict = {True: "met", False: "MISSED", None: ""}[self.is_met]
        goal = f"{self.goal}: {verdict}" if self.goal else ""
        cells = (
            f"{self.what:<72} {shown(self.figure):>8} {self.unit:<11} {compared:<38} {ratio:>6}  {spread:<16} {goal}"
        )
        return cells.rstrip()


def compared(
    what: str,
    figures: Sequence[float],
    unit: str,
    yardstick: str,
    yardstick_figures: Sequence[float] | None,
    goal: Goal | None = None,
) -> Line:
    """Return the line of the medians of the rounds, with the spread of their ratios.

    Both ways were measured in the same rounds. `yardstick_figures` is None if there is no yardstick.
    """
    ratios = [figure / other for figure, other in zip(figures, yardstick_figures or (), strict=False)]
    return Line(
        what=what,
        figure=statistics.median(figures),
        unit=unit,
        yardstick=yardstick,
        yardstick_figure=statistics.median(yardstick_figures) if yardstick_figures else None,
        spread=(min(ratios), max(ratios)) if len(ratios) > 1 else None,
        goal=goal,
    )


HEADING = f"{'what':<72} {'figure':>8} {'unit':<11} {'yardstick':<38} {'ratio':>6}  {'spread':<16} goal"


def shown(value: float) -> str:
    """Format three significant digits, never with an exponent."""
    digits = 0 if abs(value) >= 100 or value == 0 else 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3
    return f"{value:,.{digits}f}"


@dataclass(frozen=True, slots=True)
class Taken:
    """What one way took in each round."""

    figures: list[float] = field(default_factory=list)
    """What it returned: as a rule the seconds from start to end."""
    cpu_s: list[float] = field(default_factory=list)
    """The processor time of all processes that it started and waited for, with theirs."""


def alternate(rounds: int, ways: Mapping[str, Callable[[], float]]) -> dict[str, Taken]:
    """Return what each way took. The ways take turns, so that a noisy minute affects all of them."""
    taken = {name: Taken() for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            before = children_cpu_s()
            taken[name].figures.append(way())
            taken[name].cpu_s.append(children_cpu_s() - before)
    return taken


def children_cpu_s() -> float:
    """Return the processor time of all processes that ended and were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def scaled(factor: float, figures: Sequence[float]) -> list[float]:
    return [factor * figure for figure in figures]


def speeds(amount: float, seconds: Sequence[float]) -> list[float]:
    return [amount / spent for spent in seconds]


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
