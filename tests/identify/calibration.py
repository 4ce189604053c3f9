"""Measures what scores mean: of the proposals with about one score, that share should be right."""
# ruff: noqa: T201

import random
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

from reeld.domain.identity import Accepted, Ignored, Reading, Verdict
from tests.identify import second_round_figures
from tests.identify.corpus import Outcome, corpus_files, outcomes
from tests.identify.rows import Row

BINS = 10
_NUMBERS = {"episode_numbers", "absolute_numbers", "air_date", "counted"}


@dataclass(frozen=True, slots=True)
class Bin:
    names: int
    score: float
    """The mean."""
    right: float
    """The share that is right."""

    @property
    def off(self) -> float:
        return self.score - self.right


def unfitted() -> list[tuple[float, bool]]:
    """Return score, and whether it is right, of each first proposal about names that no score was fitted on."""
    every = [*(each for name in corpus_files() for each in outcomes(name)), *second_round_figures.outcomes()]
    return [scored for each in every if is_kept(each.row) and (scored := _scored(each)) is not None]


def is_kept(row: Row) -> bool:
    """Tell whether a row is of the half that was kept from fitting: a folder is so as a whole."""
    folder, _, name = row.clues.path.rpartition("/")
    return zlib.crc32((folder or name).encode()) % 2 == 1


def _scored(outcome: Outcome) -> tuple[float, bool] | None:
    """Return None where nothing is proposed, or where the row does not say enough."""
    first, row = first_of(outcome.verdict), outcome.row
    if first is None or row.must in ("ignore", "extra"):
        return None
    says_enough = not row.expected or row.expected.get("kind") == "movie" or row.expected.keys() & (_NUMBERS | {"year"})
    return (first.score, row.is_right(first)) if says_enough else None


def first_of(verdict: Verdict) -> Reading | None:
    match verdict:
        case Accepted(reading=reading):
            return reading
        case Ignored():
            return None
        case uncertain:
            return next(iter(uncertain.candidates), None)


def bins(scored: Iterable[tuple[float, bool]]) -> list[Bin]:
    """Return ten bins of as many names each, by rising score."""
    # Equal scores in no order of theirs: a corpus lists what is alike together.
    rising = sorted(random.Random(1).sample(every := list(scored), len(every)), key=lambda each: each[0])
    found = []
    for number in range(BINS):
        part = rising[number * len(rising) // BINS : (number + 1) * len(rising) // BINS]
        score, right = (sum(column) / len(part) for column in zip(*part, strict=True))
        found.append(Bin(len(part), score, right))
    return found


def print_bins() -> None:
    scored = unfitted()
    asked = [each for each in scored if each[0] < 0.99]
    print("what scores mean: ten bins of equal size, of names that the scores were not fitted on")
    for title, part in (("every first proposal", scored), ("those that are asked about", asked)):
        print(f"  {title:34} names     score     right       off")
        for each in bins(part):
            print(f"  {'':34} {each.names:5} {each.score:9.2f} {each.right:9.2f} {each.off:+9.2f}")
