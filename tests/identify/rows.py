"""Reads the corpus' statement about one name."""

from dataclasses import dataclass
from typing import Any

from reeld.domain.identity import Clues, Reading
from reeld.identify.titles import title_key


@dataclass(frozen=True, slots=True)
class Row:
    """One name. `must` is accept, may, wait or ignore; `expected` holds the fields that the row
    states.
    """

    file: str
    shape: str
    clues: Clues
    must: str
    expected: dict[str, Any]
    why: str

    def is_right(self, reading: Reading) -> bool:
        """Tell whether every field that the row states is read so; without fields it never is."""
        return bool(self.expected) and all(
            title_key(reading.title or "") == title_key(value) if field == "title" else getattr(reading, field) == value
            for field, value in self.expected.items()
        )
