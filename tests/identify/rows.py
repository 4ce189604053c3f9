"""Reads the corpus' statement about one name."""

from dataclasses import dataclass
from typing import Any

from reeld.domain.identity import Clues, Reading
from reeld.domain.titles import title_key


@dataclass(frozen=True, slots=True)
class Row:
    """One name. `must` is accept, may, wait, ignore or extra; `expected` holds the fields that the row
    states. An extra may be ignored or asked about. `counted` is a number without a season: the absolute one, or that
    of the first season. `spelled` is the title letter by letter.
    """

    file: str
    shape: str
    clues: Clues
    must: str
    expected: dict[str, Any]
    why: str
    set_name: str = ""
    """The set of siblings of which it is one; empty for a row by itself."""

    def is_right(self, reading: Reading) -> bool:
        """Tell whether every field that the row states is read so; without fields it never is."""
        return bool(self.expected) and all(_is_so(reading, field, value) for field, value in self.expected.items())


def _is_so(reading: Reading, field: str, value: Any) -> bool:
    match field:
        case "title":
            return title_key(reading.title or "") == title_key(value)
        case "spelled":
            return bool(reading.title == value)
        case "counted":
            in_first_season = (reading.season_number, reading.episode_numbers) == (1, value)
            return bool(in_first_season or (reading.season_number, reading.absolute_numbers) == (None, value))
        case _:
            return bool(getattr(reading, field) == value)
