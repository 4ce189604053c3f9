"""Finds the episodes that a series lacks by its numbers alone.

Nothing is known here of how many episodes there were. A number between two that are there lacks, and so do those before
the first of a season, unless the numbers go on from season to season. A season below another one lacks as a whole.
Nothing is said of specials, of absolute numbers, of days, and of what may come behind the last number. A file that is
gone is `state:gone`: its episode is known.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from reeld.database.connection import reading
from reeld.database.statements import rows
from reeld.domain.numbers import Thing, spelled

_PAGE = 200

# Seasons that are years are not counted one by one.
_FIRST_YEAR = 1900

_RUNS = """
    SELECT series_id, season_number, min(episode_number), max(episode_number)
    FROM (
        SELECT series_id, season_number, episode_number,
            episode_number - row_number() OVER (PARTITION BY series_id, season_number ORDER BY episode_number) AS run
        FROM episodes
        WHERE series_id IN (SELECT value FROM json_each(?)) AND season_number > 0 AND episode_number > 0
            AND id IN (SELECT episode_id FROM episode_files)
    )
    GROUP BY series_id, season_number, run ORDER BY series_id, season_number, 3
"""
"""Each run of numbers without a gap: its first and its last number."""

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
        page = list(series_ids[start : start + _PAGE])
        ids = f"[{','.join(map(str, page))}]"
        seasons: dict[int, dict[int, list[tuple[int, int]]]] = defaultdict(lambda: defaultdict(list))
        with reading():
            facts = {series_id: more for series_id, *more in rows(_SERIES, ids)}
            for series_id, season, first, last in rows(_RUNS, ids):
                seasons[series_id][season].append((first, last))
        for series_id in page:
            if series_id in facts:
                title, year, country = facts[series_id]
                for season, ranges in _gaps(seasons[series_id]):
                    yield MissingEpisodes(
                        series_id=series_id,
                        series=title,
                        year=year,
                        country=country,
                        season_number=season,
                        ranges=tuple(ranges),
                    )


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
