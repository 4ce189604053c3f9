"""Numbers the candidates of a pending validation, so that a number never comes to mean another reading."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from reeld.catalog.claims import reading_from
from reeld.database.base import Row
from reeld.domain.identity import Reading

MOST = 100
"""Numbers of one validation. A name that gave more readings than that gets a new validation."""

_NOT_COMPARED = frozenset({"id", "is_withdrawn", "score", "evidence"})


def renumbered(stored: Sequence[Row], readings: Sequence[Reading]) -> list[Row]:
    """Return the rows of these readings, best first, under the numbers that they have in `stored`.

    A reading that is new gets a number of its own. One that reeld proposes no longer stays behind the others, marked
    as withdrawn: a user who has seen its number may still answer with it.
    """
    numbers = [(_facts(row), int(row["id"])) for row in stored]
    following = max((number for _facts_of_it, number in numbers), default=0) + 1
    offered: list[Row] = []
    for reading in readings:
        row = asdict(reading)
        facts = _facts(row)
        number = next((number for known, number in numbers if known == facts), None)
        if number is None:
            number, following = following, following + 1
            numbers.append((facts, number))
        offered.append({"id": number, **row})
    taken = {row["id"] for row in offered}
    return [*offered, *({**row, "is_withdrawn": True} for row in stored if row["id"] not in taken)]


def is_offered(row: Mapping[str, Any]) -> bool:
    """Tell whether reeld proposes the candidate now."""
    return not row.get("is_withdrawn")


def reading_of(row: Mapping[str, Any]) -> Reading:
    """Return the reading of a stored candidate."""
    return reading_from({key: value for key, value in row.items() if key not in ("id", "is_withdrawn")})


def _facts(row: Mapping[str, Any]) -> Row:
    """Return what two rows of one reading have in common. JSON knows no tuples, and an older reeld not all fields."""
    return {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in row.items()
        if key not in _NOT_COMPARED and value not in (None, (), [])
    }
