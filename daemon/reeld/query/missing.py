"""Finds the episodes that a series lacks by its numbers alone.

Nothing is known here of how many episodes there were. A number between two that are there lacks, and so do those before
the first of a season, unless the numbers go on from season to season. A season below another one lacks as a whole.
Nothing is said of specials, of absolute numbers, of days, and of what may come behind the last number. A file that is
gone is `state:gone`: its episode is known.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from reeld.database.connection import reading
from reeld.database.statements import rows
from reeld.domain.numbers import Thing, spelled

_PAGE = 200

# For so many series one look at all episodes is faster than one at those of each.
_MANY = 1000

# Seasons that are years are not counted one by one.
_FIRST_YEAR = 1900

_NUMBERED = "season_number > 0 AND episode_number > 0"
_IS_IN_PAGE = "series_id IN (SELECT value FROM json_each(?))"
_IS_HELD = "episodes.id IN (SELECT episode_id FROM episode_files)"

_SEASONS = """
    SELECT series_id, season_number, min(episode_number), max(episode_number), count(*)
    FROM episodes INDEXED BY episodes_series_id_season_number_episode_number
    WHERE {which} AND {numbered} GROUP BY series_id, season_number ORDER BY series_id, season_number
"""
"""Each season: its first and its last number, and how many numbers there are."""

_RUNS = f"""
    SELECT series_id, season_number, min(episode_number), max(episode_number)
    FROM (
        SELECT series_id, season_number, episode_number,
            episode_number - row_number() OVER (PARTITION BY series_id, season_number ORDER BY episode_number) AS run
        FROM json_each(?) AS season
        CROSS JOIN episodes INDEXED BY episodes_series_id_season_number_episode_number
            ON series_id = season.value ->> 0 AND season_number = season.value ->> 1
        WHERE {_NUMBERED} AND {_IS_HELD}
    )
    GROUP BY series_id, season_number, run ORDER BY series_id, season_number, 3
"""  # noqa: S608 - ours
"""Each run of numbers without a gap: its first and its last number. Only of seasons that have a gap."""

_ARE_ALL_HELD = "SELECT (SELECT count(*) FROM episodes) = (SELECT count(DISTINCT episode_id) FROM episode_files)"

_SERIES = "SELECT id, title, year, country FROM series WHERE id IN (SELECT value FROM json_each(?))"


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingEpisodes:
    """What one season lacks. Without `ranges` no episode of it is there."""

    series_id: int
    series: str
    year: int | None
    country: str | None
    season_number: int
    ranges: tuple[tuple[int, int], ...]
    """The first and the last number of each gap."""

    @property
    def count(self) -> int | None:
        """How many episodes lack, or None if that cannot be told."""
        return sum(last - first + 1 for first, last in self.ranges) or None

    def as_row(self) -> dict[str, object]:
        return {
            "series_id": spelled(Thing.SERIES, self.series_id),
            "series": self.series,
            "year": self.year,
            "country": self.country,
            "season_number": self.season_number,
            "episode_ranges": [list(each) for each in self.ranges],
            "episode_count": self.count,
        }


def missing_episodes(series_ids: Sequence[int]) -> Iterator[MissingEpisodes]:
    """Go through these series, in this order, and yield what each of their seasons lacks."""
    for start in range(0, len(series_ids), _PAGE):
        if start and len(series_ids) - start >= _MANY:
            # Not before the second page: a caller that takes the first gaps alone does not wait for this.
            yield from _missing_in_many(series_ids[start:])
            return
        page = series_ids[start : start + _PAGE]
        yield from _missing(page, _seasons(f"{_IS_IN_PAGE} AND {_IS_HELD}", page))


def _missing_in_many(series_ids: Sequence[int]) -> Iterator[MissingEpisodes]:
    with reading():
        ((are_all_held,),) = rows(_ARE_ALL_HELD)
    # To ask it of each episode takes longer than all the rest.
    seasons = _seasons("1" if are_all_held else _IS_HELD)
    for start in range(0, len(series_ids), _PAGE):
        yield from _missing(series_ids[start : start + _PAGE], seasons)


Season = tuple[int, int, int, int]
"""Its number, the first and the last episode, and how many there are."""


def _seasons(which: str, of_series: Sequence[int] | None = None) -> dict[int, list[Season]]:
    """Return the numbered seasons of the series, ascending, from the episodes that meet a condition."""
    found: dict[int, list[Season]] = defaultdict(list)
    with reading():
        told = rows(
            _SEASONS.format(which=which, numbered=_NUMBERED), *(() if of_series is None else (_as_json(of_series),))
        )
    for series_id, *season in told:
        found[series_id].append(tuple(season))
    return found


def _missing(series_ids: Sequence[int], seasons: dict[int, list[Season]]) -> Iterator[MissingEpisodes]:
    page = [series_id for series_id in series_ids if _lacks_some(seasons.get(series_id, []))]
    with_holes = [
        [series_id, season]
        for series_id in page
        for season, first, last, count in seasons[series_id]
        if last - first >= count
    ]
    runs: dict[tuple[int, int], Runs] = defaultdict(list)
    with reading():
        facts = {series_id: more for series_id, *more in rows(_SERIES, _as_json(page))} if page else {}
        for series_id, season, first, last in rows(_RUNS, _as_json(with_holes)) if with_holes else []:
            runs[series_id, season].append((first, last))
    for series_id in page:
        if series_id in facts:
            title, year, country = facts[series_id]
            its_runs = {
                season: runs.get((series_id, season), [(first, last)]) for season, first, last, _ in seasons[series_id]
            }
            for season, ranges in _gaps(its_runs):
                yield MissingEpisodes(
                    series_id=series_id,
                    series=title,
                    year=year,
                    country=country,
                    season_number=season,
                    ranges=tuple(ranges),
                )


def _lacks_some(seasons: Sequence[Season]) -> bool:
    """Tell whether a series may lack anything: not each of its seasons begins with 1, follows another and is whole."""
    return any(
        season != expected or first != 1 or last != count
        for expected, (season, first, last, count) in enumerate(seasons, 1)
    )


def _as_json(values: Sequence[object]) -> str:
    return json.dumps(list(values))


Runs = list[tuple[int, int]]


def _gaps(seasons: dict[int, Runs]) -> Iterator[tuple[int, Runs]]:
    """Yield each season that lacks something. `seasons` have their runs, both in ascending order."""
    last_season, highest = 0, 0
    for season, runs in seasons.items():
        if season < _FIRST_YEAR:
            yield from ((between, []) for between in range(last_season + 1, season))
        first = runs[0][0]
        goes_on = first > highest > 0
        before = [] if first == 1 or goes_on else [(1, first - 1)]
        between = [(one[1] + 1, other[0] - 1) for one, other in pairwise(runs)]
        if before or between:
            yield season, [*before, *between]
        last_season, highest = season, max(highest, runs[-1][1])
