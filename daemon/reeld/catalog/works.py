"""Finds the film, series or episode of a reading among those known, or creates it.

All spellings of a title have one key. Ids decide first. Then the key decides, together with the
year (and, for a series, the country): facts known on both sides must agree, and facts known on
one side are added to the other. If two known works fit equally well, neither is chosen.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from reeld.catalog.models import Episode, Movie, Series
from reeld.database.base import BaseModel, Row
from reeld.database.fields import utc_from_ms
from reeld.database.statements import insert_row, rows, update_row
from reeld.domain.identity import Reading

IDS = ("tmdb_id", "tvdb_id", "imdb_id", "tvmaze_id")


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """Several works fit, or none is named; `reason` says which."""

    reason: str


def find_or_make_movie(
    reading: Reading, title_key: str, now_ms: int, *, take_oldest: bool, leaving: int | None = None
) -> int | Ambiguous:
    """Return the id of the reading's film. `take_oldest` chooses among several that fit.

    `leaving` is the film that only this file had made so far: any other that fits is preferred.
    """
    facts = {"year": reading.year, **_ids(reading, Movie)}
    return _find_or_make(Movie, reading, title_key, facts, now_ms, take_oldest=take_oldest, leaving=leaving)


def find_or_make_episodes(
    reading: Reading, title_key: str, now_ms: int, *, take_oldest: bool, leaving: int | None = None
) -> tuple[int, ...] | Ambiguous:
    """Return the ids of the reading's episodes, in its order. `leaving` is a series, as for films."""
    if not (names := episode_names(reading)):
        return Ambiguous(f"the name does not say which episode of {reading.title!r} it is")
    facts = {"year": reading.year, "country": reading.country, **_ids(reading, Series)}
    series = _find_or_make(Series, reading, title_key, facts, now_ms, take_oldest=take_oldest, leaving=leaving)
    if isinstance(series, Ambiguous):
        return series
    return tuple(_find_or_make_episode(series, each, reading, now_ms) for each in names)


# --- films and series ------------------------------------------------------------------------------------


def matches_of(model: type[BaseModel], work_id: int) -> tuple[Row, list[Row]]:
    """Return the facts of this work, and the other works that it may be, oldest first."""
    columns = ("title_key", "year", *(["country"] if model is Series else []), *_ids_of(model))
    ((key, *values),) = rows(f"SELECT {', '.join(columns)} FROM {_table(model)} WHERE id = ?", work_id)  # noqa: S608
    facts = dict(zip(columns[1:], values, strict=True))
    return facts, _matches(model, key, facts, but=work_id)


def _find_or_make(
    model: type[BaseModel],
    reading: Reading,
    title_key: str,
    facts: Row,
    now_ms: int,
    *,
    take_oldest: bool,
    leaving: int | None,
) -> int | Ambiguous:
    matches = _matches(model, title_key, facts)
    matches = [row for row in matches if row["id"] != leaving] or matches
    if len(matches) > 1 and not take_oldest:
        return Ambiguous(_which(reading, matches))
    if matches:
        return learn(model, matches[0], facts, now_ms)
    now = utc_from_ms(now_ms)
    return insert_row(model, title=reading.title or "", title_key=title_key, created_at=now, updated_at=now, **facts)


def _matches(model: type[BaseModel], title_key: str, facts: Row, but: int | None = None) -> list[Row]:
    """Return the rows that may be this work, oldest first: by a shared id, else by the same key."""
    for name in _ids_of(model):
        if facts[name] is not None:
            found = _rows_with(model, name, facts[name], facts)
            if agreeing := [row for row in found if row["id"] != but and _ids_agree(row, facts)]:
                return agreeing
    found = _rows_with(model, "title_key", title_key, facts)
    agreeing = [row for row in found if row["id"] != but and _agree(row, facts)]
    # "The Office" of 2005 matches 2005 better than one of an unknown year.
    exact = [row for row in agreeing if row["year"] == facts["year"] and row.get("country") == facts.get("country")]
    return exact or agreeing


def _rows_with(model: type[BaseModel], name: str, value: object, facts: Row) -> list[Row]:
    columns = ("id", *facts)
    sql = f"SELECT {', '.join(columns)} FROM {_table(model)} WHERE {name} = ? ORDER BY id"  # noqa: S608 - names of ours
    return [dict(zip(columns, row, strict=True)) for row in rows(sql, value)]


def _table(model: type[BaseModel]) -> str:
    return str(model._meta.table_name)  # noqa: SLF001 - peewee's documented way to ask


def _ids_agree(row: Row, facts: Row) -> bool:
    return all(row[name] == fact for name, fact in facts.items() if name in IDS and None not in (row[name], fact))


def _agree(row: Row, facts: Row) -> bool:
    return all(row[name] == value for name, value in facts.items() if row[name] is not None and value is not None)


def learn(model: type[BaseModel], row: Row, facts: Row, now_ms: int) -> int:
    """Add the facts that the row lacks."""
    new = {name: value for name, value in facts.items() if row[name] is None and value is not None}
    if new:
        update_row(model, row["id"], updated_at=utc_from_ms(now_ms), **new)
    return int(row["id"])


def _which(reading: Reading, matches: Sequence[Row]) -> str:
    years = " and ".join(str(row["year"] or "an unknown year") for row in matches)
    return f"{len(matches)} works called {reading.title!r} are known, of {years}; the name does not say which"


def _ids(reading: Reading, model: type[BaseModel]) -> Row:
    return {name: getattr(reading, name) for name in _ids_of(model)}


def _ids_of(model: type[BaseModel]) -> list[str]:
    return [name for name in IDS if hasattr(model, name)]


# --- episodes --------------------------------------------------------------------------------------------


def episode_title(reading: Reading) -> str | None:
    """Return the title of a single episode: a file of several has one title, which is no episode's."""
    is_single = len(reading.episode_numbers) <= 1 and len(reading.absolute_numbers) <= 1
    return reading.episode_title if is_single else None


def episode_names(reading: Reading) -> list[Row]:
    """Return each episode's number: season and number, else absolute number, else air date."""
    if reading.season_number is not None and reading.episode_numbers:
        absolute = _paired(reading)
        return [
            {
                "season_number": reading.season_number,
                "episode_number": number,
                "absolute_number": absolute.get(number),
            }
            for number in reading.episode_numbers
        ]
    if reading.absolute_numbers:
        return [{"absolute_number": number} for number in reading.absolute_numbers]
    return [{"air_date": reading.air_date}] if reading.air_date is not None else []


def _paired(reading: Reading) -> dict[int, int]:
    if len(reading.absolute_numbers) != len(reading.episode_numbers):
        return {}
    return dict(zip(reading.episode_numbers, reading.absolute_numbers, strict=True))


def _find_or_make_episode(series_id: int, names: Row, reading: Reading, now_ms: int) -> int:
    facts = {**names, "title": episode_title(reading)}
    learnt = {name: value for name, value in facts.items() if value is not None}
    row = known_episode(series_id, names)
    if row is not None:
        return learn(Episode, row, learnt, now_ms)
    now = utc_from_ms(now_ms)
    return insert_row(Episode, series=series_id, created_at=now, updated_at=now, **learnt)


_EPISODE = ("id", "season_number", "episode_number", "absolute_number", "air_date", "title")


def known_episode(series_id: int, names: Row) -> Row | None:
    if "season_number" not in names:
        ((name, value),) = names.items()
        return _episode_where(f"{name} = ? ORDER BY season_number IS NULL, id", series_id, value)
    numbers = (names["season_number"], names["episode_number"])
    found = _episode_where("season_number = ? AND episode_number = ?", series_id, *numbers)
    if found is not None or names["absolute_number"] is None:
        return found
    # Else the episode that another file has by the same absolute number only: its season is added
    # now.
    return _episode_where("season_number IS NULL AND absolute_number = ?", series_id, names["absolute_number"])


def _episode_where(condition: str, *values: object) -> Row | None:
    found = rows(f"SELECT {', '.join(_EPISODE)} FROM episodes WHERE series_id = ? AND {condition} LIMIT 1", *values)  # noqa: S608 - names of ours
    return dict(zip(_EPISODE, found[0], strict=True)) if found else None
