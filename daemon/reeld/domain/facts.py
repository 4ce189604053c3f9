"""The facts of a reading, under the keys by which all output shows them."""

from collections.abc import Mapping
from typing import Any

_READING = (
    "kind",
    "title",
    "year",
    "country",
    "season_number",
    "episode_numbers",
    "absolute_numbers",
    "air_date",
    "episode_title",
    "edition",
    "part",
    "tmdb_id",
    "tvdb_id",
    "imdb_id",
    "tvmaze_id",
)


def reading_row(reading_: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the facts of a reading, given as `asdict` makes it; all None without one."""
    facts = {name: (reading_ or {}).get(name) for name in _READING}
    for name in ("episode_numbers", "absolute_numbers"):
        facts[name] = list(facts[name] or ()) or None
    return facts | {"confidence": confidence(reading_["score"]) if reading_ else None}


def confidence(value: float | None) -> float | None:
    """Round a confidence to two digits."""
    return None if value is None else round(value, 2)
