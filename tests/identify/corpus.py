"""Reads the corpus of names, and judges the verdicts on them."""

import pathlib
import tomllib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from reeld.domain.identity import Accepted, Clues, Ignored, Uncertain, Verdict
from reeld.identify.verdict import identify
from tests.identify import titles
from tests.identify.rows import Row

ROWS_OF_A_PART = 250

FOLDER = pathlib.Path(__file__).parents[1] / "corpus"


@dataclass(frozen=True, slots=True)
class Outcome:
    row: Row
    verdict: Verdict

    @property
    def is_accepted(self) -> bool:
        return isinstance(self.verdict, Accepted)

    @property
    def is_wrongly_accepted(self) -> bool:
        return isinstance(self.verdict, Accepted) and not self.row.is_right(self.verdict.reading)

    @property
    def is_right(self) -> bool:
        """Whether the accepted reading, the first candidate or the ignoring is that of the row."""
        match self.verdict:
            case Accepted(reading=reading):
                return self.row.is_right(reading)
            case Uncertain(candidates=candidates):
                if not self.row.expected:
                    return self.row.must == "wait"
                return bool(candidates) and self.row.is_right(candidates[0])
            case Ignored():
                return self.row.must == "ignore"

    @property
    def complaint(self) -> str | None:
        """Say how this verdict breaks the row; None if it does not."""
        if self.is_wrongly_accepted:
            return "accepted wrongly"
        if isinstance(self.verdict, Ignored) != (self.row.must == "ignore"):
            return "ignored" if isinstance(self.verdict, Ignored) else "not ignored"
        if self.row.must == "wait" and self.is_accepted:
            return "accepted, although it must wait"
        if self.row.must == "accept" and not self.is_accepted:
            return "not accepted"
        return None


def rows(name: str) -> list[Row]:
    with (FOLDER / name).open("rb") as file:
        content = tomllib.load(file)
    if name == titles.FILE:
        return list(titles.generated(content))
    shapes = content["shape"]
    return [row_of(name, shape["name"], dict(row)) for shape in shapes for row in shape["rows"]]


def corpus_files() -> list[str]:
    return sorted(path.name for path in FOLDER.glob("*.toml"))


def parts(name: str) -> range:
    """Return where the parts of a file begin; each part alone is quick."""
    return range(0, len(_all_rows(name)), ROWS_OF_A_PART)


@lru_cache(maxsize=32)
def outcomes_of_part(name: str, begin: int) -> tuple[Outcome, ...]:
    return tuple(Outcome(row, identify(row.clues)) for row in _all_rows(name)[begin : begin + ROWS_OF_A_PART])


def outcomes(name: str) -> tuple[Outcome, ...]:
    return tuple(result for begin in parts(name) for result in outcomes_of_part(name, begin))


@lru_cache(maxsize=8)
def _all_rows(name: str) -> list[Row]:
    return rows(name)


def row_of(file: str, shape: str, row: dict[str, Any], *, set_name: str = "") -> Row:
    """Make a row of what a file of the corpus says about one name."""
    clues = Clues(
        path=row.pop("path"), siblings=tuple(row.pop("siblings", ())), library_kind=row.pop("library", "auto")
    )
    must, why = row.pop("must"), row.pop("why")
    names = {
        "season": "season_number",
        "episodes": "episode_numbers",
        "absolute": "absolute_numbers",
        "date": "air_date",
    }
    names |= {"tmdb": "tmdb_id", "tvdb": "tvdb_id", "imdb": "imdb_id"}
    expected = {names.get(key, key): tuple(value) if isinstance(value, list) else value for key, value in row.items()}
    return Row(file=file, shape=shape, clues=clues, must=must, expected=expected, why=why, set_name=set_name)
