"""Measures the second corpus by group, beside guessit alone on the same names and their folders."""
# ruff: noqa: T201

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

from guessit.api import GuessItApi, GuessitException

from reeld.domain.identity import Accepted, Ignored, Reading, Uncertain
from reeld.identify import guessit_reader
from reeld.identify.verdict import identify
from tests.identify.corpus import Outcome
from tests.identify.rows import Row
from tests.identify.second_round import rows

NAME = "second_round"

_GUESSIT = GuessItApi()
_OPTIONS = {"no_user_config": True, "date_year_first": True}
_IDS = {"tmdb_id", "tvdb_id", "imdb_id"}


@lru_cache(maxsize=1)
def outcomes() -> tuple[Outcome, ...]:
    return tuple(Outcome(row, identify(row.clues)) for row in rows())


def group_of(row: Row) -> str:
    return row.shape.partition(":")[0]


def is_wrongly_accepted(outcome: Outcome) -> bool:
    """Tell whether a name was accepted that must not be, or was accepted as something else."""
    match outcome.verdict:
        case Accepted(reading=reading):
            return outcome.row.must not in ("accept", "may") or not outcome.row.is_right(reading)
        case _:
            return False


def is_wrongly_ignored(outcome: Outcome) -> bool:
    return isinstance(outcome.verdict, Ignored) and outcome.row.must not in ("ignore", "extra")


def is_right_or_first(outcome: Outcome) -> bool:
    """Tell whether what was accepted, or else is offered first, is what the row states."""
    return outcome.is_right and not is_wrongly_accepted(outcome)


@dataclass(frozen=True, slots=True)
class Figures:
    """Each share is None where no row is of its sort."""

    rows: int
    accepted: int
    wrong: int
    """Accepted or ignored wrongly."""
    coverage: float | None
    """Of the rows that must be accepted: accepted, and rightly."""
    asked: float | None
    """Of the rows that must be asked about."""
    kept_out: float | None
    """Of the extras: ignored, or asked about where that is right, too."""
    first: float | None
    """Of the rows that name a work: accepted rightly, or the first candidate is right."""

    @classmethod
    def of(cls, results: Iterable[Outcome]) -> "Figures":
        every = list(results)
        return cls(
            rows=len(every),
            accepted=sum(each.is_accepted for each in every),
            wrong=sum(is_wrongly_accepted(each) or is_wrongly_ignored(each) for each in every),
            coverage=_share(every, ("accept",), lambda each: each.is_accepted and each.is_right),
            asked=_share(every, ("wait",), lambda each: isinstance(each.verdict, Uncertain)),
            kept_out=_share(every, ("ignore", "extra"), _is_kept_out),
            first=_share([each for each in every if each.row.expected], None, is_right_or_first),
        )


def _share(results: Iterable[Outcome], musts: tuple[str, ...] | None, holds: Callable[[Outcome], bool]) -> float | None:
    held = [holds(each) for each in results if musts is None or each.row.must in musts]
    return sum(held) / len(held) if held else None


def _is_kept_out(outcome: Outcome) -> bool:
    return isinstance(outcome.verdict, Ignored) or (outcome.row.must == "extra" and not outcome.is_accepted)


def whole_sets(results: Iterable[Outcome]) -> tuple[int, int]:
    """Return how many sets are accepted rightly from first to last, and how many should be."""
    sets: dict[str, list[bool]] = defaultdict(list)
    for each in results:
        if each.row.set_name and each.row.must == "accept":
            sets[each.row.set_name].append(each.is_accepted and each.is_right)
    return sum(all(right) for right in sets.values()), len(sets)


def is_right_for_guessit(row: Row) -> bool:
    """Tell whether guessit alone reads the path as the row says. It reads no ids, so they do not count."""
    reading = _guessed(row.clues.path)
    stated = {field: value for field, value in row.expected.items() if field not in _IDS}
    return reading is not None and replace(row, expected=stated).is_right(reading)


def _guessed(path: str) -> Reading | None:
    try:
        guess = guessit_reader._as_guess(_GUESSIT.guessit(path, _OPTIONS))
    except GuessitException:
        return None
    return replace(guess.reading, part=guess.part) if guess else None


def print_figures(*, with_misses: bool) -> None:
    """Print the table by group, and what is wrong by class; `with_misses` prints each miss, too."""
    results = outcomes()
    print(
        f"{'the second corpus':38}  rows   acc wrong  accepted     asked  kept out     first   guessit"
        "   (shares of the rows where that is right)"
    )
    guessed = {each.row.clues.path: is_right_for_guessit(each.row) for each in results if each.row.expected}
    for group in dict.fromkeys(group_of(each.row) for each in results):
        _print_line(group, [each for each in results if group_of(each.row) == group], guessed)
    for half, is_generated in (("by hand", False), ("generated", True)):
        _print_line(half, [each for each in results if (each.row.file == "generated.py") is is_generated], guessed)
    _print_line("all", list(results), guessed)
    right, every = whole_sets(results)
    print(f"  sets accepted rightly from first to last: {right} of {every}")
    for said, holds in (("accepted", is_wrongly_accepted), ("ignored", is_wrongly_ignored)):
        print(
            f"  wrongly {said}, by class:", dict(Counter(each.row.shape for each in results if holds(each))) or "none"
        )
    if with_misses:
        _print_misses(results)


def _print_line(name: str, results: list[Outcome], guessed: dict[str, bool]) -> None:
    figures = Figures.of(results)
    alone = [guessed[each.row.clues.path] for each in results if each.row.expected]
    theirs = sum(alone) / len(alone) if alone else None
    shares = (figures.coverage, figures.asked, figures.kept_out, figures.first, theirs)
    shown = " ".join(f"{'-' if share is None else f'{share:.1%}':>9}" for share in shares)
    print(f"  {name:34} {figures.rows:5} {figures.accepted:5} {figures.wrong:5} {shown}")


def _print_misses(results: Iterable[Outcome]) -> None:
    for each in results:
        must = each.row.must
        if is_wrongly_accepted(each) or is_wrongly_ignored(each):
            said = "wrong"
        elif (must == "accept" and not each.is_accepted) or (
            must == "ignore" and not isinstance(each.verdict, Ignored)
        ):
            said = "not accepted" if must == "accept" else "not ignored"
        else:
            continue
        first = "" if is_right_or_first(each) or not each.row.expected else ", and the first candidate is not right"
        print(f"    [{each.row.shape}: {said}{first}] {each.row.clues.path}")
