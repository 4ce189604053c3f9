"""`python -m tests.identify.accuracy [file.toml …]`: precision, coverage, right readings by shape; the misses."""
# ruff: noqa: T201

import sys
import time
from collections import Counter
from dataclasses import dataclass

from reeld.domain.identity import Accepted, Ignored, Reading, Verdict
from tests.identify.corpus import Outcome, corpus_files, outcomes


@dataclass(frozen=True, slots=True)
class Figures:
    """Shares are of the rows that name a work; a row that must wait for a person is not asked for coverage."""

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
    """Print the figures; the exit status is the number of wrong acceptances."""
    wrong = 0
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
    return wrong


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
