"""Is this film, series or episode one that we know already?

Two spellings of one title have one key. Ids decide first; then the key together with the year (and, for a
series, the country): what both sides know must agree, what one side does not know is learnt from the other.
Where two known works fit equally well nothing is guessed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from reeld.catalog.clock import utc_from_ms
from reeld.catalog.models import BaseModel, Episode, Movie, Row, Series
from reeld.domain.identity import Reading

_IDS = ("tmdb_id", "tvdb_id", "imdb_id", "tvmaze_id")


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """Several works fit, or none is named; `reason` says which."""

    reason: str


def find_or_make_movie(reading: Reading, title_key: str, now_ms: int, *, take_oldest: bool) -> int | Ambiguous:
    """The id of the film of this reading. `take_oldest` settles what would be ambiguous."""
    facts = {"year": reading.year, **_ids(reading, Movie)}
    return _find_or_make(Movie, reading, title_key, facts, now_ms, take_oldest=take_oldest)


def find_or_make_episodes(
    reading: Reading, title_key: str, now_ms: int, *, take_oldest: bool
) -> tuple[int, ...] | Ambiguous:
    """The ids of all episodes of this reading, in its order, and their series with them."""
    if not (names := _episode_names(reading)):
        return Ambiguous(f"the name does not say which episode of {reading.title!r} it is")
    facts = {"year": reading.year, "country": reading.country, **_ids(reading, Series)}
    series = _find_or_make(Series, reading, title_key, facts, now_ms, take_oldest=take_oldest)
    if isinstance(series, Ambiguous):
        return series
    return tuple(_find_or_make_episode(series, each, reading, now_ms) for each in names)


# --- films and series ------------------------------------------------------------------------------------


def _find_or_make(
    model: type[BaseModel], reading: Reading, title_key: str, facts: Row, now_ms: int, *, take_oldest: bool
) -> int | Ambiguous:
    matches = _matches(model, title_key, facts)
    if len(matches) > 1 and not take_oldest:
        return Ambiguous(_which(reading, matches))
    if matches:
        return _learn(model, matches[0], facts, now_ms)
    now = utc_from_ms(now_ms)
    values = {"title": reading.title or "", "title_key": title_key, **facts}
    return int(model.insert(created_at=now, updated_at=now, **values).execute())


def _matches(model: type[BaseModel], title_key: str, facts: Row) -> list[Row]:
    """The rows that this may be, oldest first: those that share an id, else those of the same key."""
    shared = [getattr(model, name) == facts[name] for name in _ids_of(model) if facts[name] is not None]
    for condition in shared:
        rows = list(model.select().where(condition).order_by(model.id).dicts())
        if agreeing := [row for row in rows if _ids_agree(row, facts)]:
            return agreeing
    rows = list(model.select().where(model.title_key == title_key).order_by(model.id).dicts())
    agreeing = [row for row in rows if _agree(row, facts)]
    # "The Office" of 2005 is a better match for 2005 than one whose year nobody knows.
    exact = [row for row in agreeing if row["year"] == facts["year"] and row.get("country") == facts.get("country")]
    return exact or agreeing


def _ids_agree(row: Row, facts: Row) -> bool:
    return all(row[name] == fact for name, fact in facts.items() if name in _IDS and None not in (row[name], fact))


def _agree(row: Row, facts: Row) -> bool:
    return all(row[name] == value for name, value in facts.items() if row[name] is not None and value is not None)


def _learn(model: type[BaseModel], row: Row, facts: Row, now_ms: int) -> int:
    """Fill in what the row did not know yet."""
    new = {name: value for name, value in facts.items() if row[name] is None and value is not None}
    if new:
        model.update(updated_at=utc_from_ms(now_ms), **new).where(model.id == row["id"]).execute()
    return int(row["id"])


def _which(reading: Reading, matches: Sequence[Row]) -> str:
    years = " and ".join(str(row["year"] or "an unknown year") for row in matches)
    return f"{len(matches)} works called {reading.title!r} are known, of {years}; the name does not say which"


def _ids(reading: Reading, model: type[BaseModel]) -> Row:
    return {name: getattr(reading, name) for name in _ids_of(model)}


def _ids_of(model: type[BaseModel]) -> list[str]:
    return [name for name in _IDS if hasattr(model, name)]


# --- episodes --------------------------------------------------------------------------------------------


def _episode_names(reading: Reading) -> list[Row]:
    """What each episode is known by: season and number, else absolute number, else the day it was aired."""
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
    title = reading.episode_title if _is_single(reading) else None
    learnt = {name: value for name, value in {**names, "title": title}.items() if value is not None}
    row = _known_episode(series_id, names)
    if row is not None:
        return _learn(Episode, row, learnt, now_ms)
    now = utc_from_ms(now_ms)
    return int(Episode.insert(series=series_id, created_at=now, updated_at=now, **learnt).execute())


def _known_episode(series_id: int, names: Row) -> Row | None:
    its_episodes = Episode.select().where(Episode.series == series_id)
    if "season_number" not in names:
        ((name, value),) = names.items()
        named = its_episodes.where(getattr(Episode, name) == value)
        found: Row | None = named.order_by(Episode.season_number.is_null(), Episode.id).dicts().first()
        return found
    numbered = (Episode.season_number == names["season_number"]) & (Episode.episode_number == names["episode_number"])
    # Else the one that another file named by the same absolute number alone: it learns its season now.
    absolute = Episode.season_number.is_null() & (Episode.absolute_number == names["absolute_number"])
    is_known = names["absolute_number"] is not None
    found = its_episodes.where(numbered).dicts().first()
    return found if found is not None or not is_known else its_episodes.where(absolute).dicts().first()


def _is_single(reading: Reading) -> bool:
    """A file of several episodes has one title for all of them, which is none of theirs."""
    return len(reading.episode_numbers) <= 1 and len(reading.absolute_numbers) <= 1
