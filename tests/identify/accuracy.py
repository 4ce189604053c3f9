"""Measures the corpus, as `make accuracy`: names accepted, accepted wrongly, read correctly, and
missed.

`make accuracy ARGS="films.toml"` measures one file of the corpus, and `ARGS="second_round"` lists the
misses of the second corpus, which has no part in the exit status yet. That is 1 if a name of the first
was accepted wrongly, or a goal was missed.
"""
# ruff: noqa: T201

import sys
import time
from collections import Counter
from dataclasses import dataclass

from reeld.domain.identity import Accepted, Ignored, Reading, Verdict
from tests.identify import calibration, second_round_figures
from tests.identify.corpus import Outcome, corpus_files, outcomes

GOALS = {"adversarial": (0.60, 0.88), "ordinary": (0.85, 0.95), "layout": (0.95, 0.98)}
"""The share accepted, and the share read correctly, by how hard the names are."""
SHAPES = {
    "release films": "ordinary",
    "release episodes": "ordinary",
    "dated shows": "ordinary",
    "anime": "adversarial",
    "hazards of film titles": "adversarial",
    "hazards of series titles": "adversarial",
    "media server films": "layout",
    "media server series": "layout",
    "held out: release films": "ordinary",
    "held out: release episodes": "ordinary",
    "held out: library layouts": "layout",
    "held out: whole releases of films": "ordinary",
    "held out: whole releases of episodes": "ordinary",
    "held out: other names": "adversarial",
    "held out: adversarial films": "adversarial",
    "held out: adversarial episodes": "adversarial",
    "titles: releases": "ordinary",
    "titles: releases with a language": "ordinary",
    "titles: film folders": "layout",
    "titles: film folders with quality": "layout",
    "titles: bare names": "adversarial",
    "titles: episodes": "ordinary",
    "titles: episodes with titles": "ordinary",
    "titles: season folders": "layout",
    "titles: season folders, thin names": "layout",
    "titles: bare episodes": "adversarial",
}
"""How hard the names of a shape are. Names that are no film are counted separately."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Shares are of the rows that name a work. A row that must wait for the user does not count."""

    rows: int
    accepted: int
    wrong: int
    coverage: float
    right: float

    @classmethod
    def of(cls, results: tuple[Outcome, ...]) -> "Figures":
        works = [result for result in results if result.row.expected]
        coverable = [result for result in works if result.row.must != "wait"]
        accepted = sum(result.is_accepted for result in results)
        return cls(
            rows=len(results),
            accepted=accepted,
            wrong=sum(result.is_wrongly_accepted for result in results),
            coverage=_share(sum(result.is_accepted for result in coverable), len(coverable)),
            right=_share(sum(result.is_right for result in works), len(works)),
        )

    def __str__(self) -> str:
        precision = _share(self.accepted - self.wrong, self.accepted)
        return f"{self.rows:5} {self.accepted:5} {self.wrong:5} {precision:9.1%} {self.coverage:9.1%} {self.right:9.1%}"


def by_shape(results: tuple[Outcome, ...]) -> dict[str, Figures]:
    shapes = dict.fromkeys(result.row.shape for result in results)
    return {shape: Figures.of(tuple(result for result in results if result.row.shape == shape)) for shape in shapes}


def main(names: list[str]) -> int:
    """Print the figures; return whether a goal was missed."""
    if names == [second_round_figures.NAME]:
        second_round_figures.print_figures(with_misses=True)
        return 0
    wrong = 0
    by_hardness: dict[str, list[Outcome]] = {hardness: [] for hardness in GOALS}
    for name in names or corpus_files():
        start = time.perf_counter()
        results = outcomes(name)
        seconds = time.perf_counter() - start
        print(f"{name:38}  rows   acc wrong precision  coverage     right   ({len(results) / seconds:.0f} names/s)")
        for shape, figures in by_shape(results).items():
            print(f"  {shape:34} {figures}")
        total = Figures.of(results)
        print(f"  {'all':34} {total}")
        _print_misses(results)
        wrong += total.wrong
        for result in results:
            if hardness := SHAPES.get(result.row.shape):
                by_hardness[hardness].append(result)
    is_enough = _is_enough(by_hardness)
    if not names:
        second_round_figures.print_figures(with_misses=False)
        calibration.print_bins()
    return int(not is_enough or wrong > 0)


def _is_enough(by_hardness: dict[str, list[Outcome]]) -> bool:
    """Print the sums beside their goals; return whether all were reached."""
    reached = True
    print(f"{'by how hard they are':38}  rows   acc wrong precision  coverage     right")
    for hardness, results in by_hardness.items():
        if results:
            figures, (coverage, right) = Figures.of(tuple(results)), GOALS[hardness]
            is_reached = figures.wrong == 0 and figures.coverage >= coverage and figures.right >= right
            reached = reached and is_reached
            said = "reached" if is_reached else "MISSED"
            print(f"  {hardness:34} {figures}   goal: 0 wrong, {coverage:.0%}, {right:.0%}: {said}")
    return reached


def _print_misses(results: tuple[Outcome, ...]) -> None:
    complaints = Counter(result.complaint for result in results if result.complaint)
    print("  misses:", dict(complaints) or "none")
    for result in results:
        if result.complaint or not result.is_right:
            print(f"    [{result.complaint or 'read wrongly'}] {result.row.clues.path}  -> {_in_short(result.verdict)}")


def _in_short(verdict: Verdict) -> str:
    match verdict:
        case Accepted(reading=reading):
            return _shown(reading)
        case Ignored(reason=reason):
            return reason
        case uncertain:
            first = _shown(uncertain.candidates[0]) if uncertain.candidates else "nothing"
            return f"{first} because {uncertain.reason}"


def _shown(reading: Reading) -> str:
    number = reading.air_date or reading.absolute_numbers or (reading.season_number, reading.episode_numbers)
    return f"{reading.kind} {reading.title!r} {reading.year} {number if reading.kind == 'episode' else ''}"


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
