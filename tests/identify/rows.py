"""What does the corpus say of one name?"""

from dataclasses import dataclass
from typing import Any

from reeld.domain.identity import Clues, Reading
from reeld.identify.titles import title_key


@dataclass(frozen=True, slots=True)
class Row:
    """One name. `must` is accept, may, wait or ignore; `expected` holds the fields that the row states."""

    file: str
    shape: str
    clues: Clues
    must: str
    expected: dict[str, Any]
    why: str

    def is_right(self, reading: Reading) -> bool:
        """Whether every field that the row states is read so; a row that states nothing is never read right."""
        return bool(self.expected) and all(
            title_key(reading.title or "") == title_key(value) if field == "title" else getattr(reading, field) == value
            for field, value in self.expected.items()
        )
