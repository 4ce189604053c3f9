"""Lays out a series: its seasons, and in each the episodes that are there, gone, missing or pending."""

import json
from collections import defaultdict
from collections.abc import Iterator

from reeld.catalog import candidates
from reeld.database.base import Row
from reeld.database.connection import reading
from reeld.database.statements import rows
from reeld.domain.numbers import Thing, spelled
from reeld.domain.states import FileState
from reeld.domain.titles import title_key
from reeld.query.missing import missing_episodes

_EPISODES = """
    SELECT episodes.id, season_number, episode_number, absolute_number, air_date, title,
        count(f.id) FILTER (WHERE f.state = 'present'), count(f.id)
    FROM episodes LEFT JOIN episode_files ON episode_id = episodes.id LEFT JOIN video_files AS f ON f.id = video_file_id
    WHERE series_id = ? GROUP BY episodes.id
    ORDER BY season_number NULLS LAST, episode_number, absolute_number, air_date
"""

# Files that are pending in the folders of the series, each with what reeld proposed.
_PENDING = """
    SELECT f.id, candidates FROM pending_validations JOIN video_files AS f ON f.id = pending_validations.video_file_id
    WHERE validation_status = 'pending' AND f.state = 'present' AND (f.library_id, f.directory) IN (
        SELECT library_id, directory FROM video_files WHERE id IN (
            SELECT video_file_id FROM episode_files JOIN episodes ON episodes.id = episode_id WHERE series_id = ?
        )
    )
"""


def seasons_of(series_id: int) -> list[Row]:
    """Return the seasons of a series, ascending; that without a number comes last. Specials are season 0.

    Each has its episodes as `daemon/JSON.md` tells: `present`, `gone` (all its files are missing), `no file`,
    `missing` (told by the numbers alone) or `pending` (a file waits whose first candidate it is).
    """
    seasons: dict[int | None, list[Row]] = defaultdict(list)
    with reading():
        known = rows(_EPISODES, series_id)
        ((key,),) = rows("SELECT title_key FROM series WHERE id = ?", series_id) or [("",)]
        waiting = rows(_PENDING, series_id)
    for row_id, season, number, absolute, air_date, title, present, files in known:
        state = FileState.PRESENT if present else "gone" if files else "no file"
        seasons[season].append(_episode(row_id, number, absolute, air_date, title, state, present))
    pending = set(_proposed(waiting, key))
    for season, number in pending - {(season, row["episode_number"]) for season, of in seasons.items() for row in of}:
        seasons[season].append(_episode(None, number, None, None, None, "pending", 0))
    for gap in missing_episodes([series_id]):
        numbers = {number for first, last in gap.ranges for number in range(first, last + 1)}
        taken = {row["episode_number"] for row in seasons[gap.season_number]}
        seasons[gap.season_number] += (
            _episode(None, number, None, None, None, "missing", 0) for number in sorted(numbers - taken)
        )
    return [
        {"season_number": season, "episodes": sorted(seasons[season], key=_place)}
        for season in sorted(seasons, key=lambda season: (season is None, season))
    ]


def _episode(
    row_id: int | None,
    number: int | None,
    absolute: int | None,
    air_date: str | None,
    title: str | None,
    state: str,
    version_count: int,
) -> Row:
    return {
        "id": None if row_id is None else spelled(Thing.EPISODE, row_id),
        "episode_number": number,
        "absolute_number": absolute,
        "air_date": air_date,
        "title": title,
        "state": str(state),
        "version_count": version_count,
    }


def _place(row: Row) -> tuple[int, int, str]:
    return row["episode_number"] or 0, row["absolute_number"] or 0, row["air_date"] or ""


def _proposed(waiting: list[tuple[int, str]], key: str) -> Iterator[tuple[int | None, int]]:
    """The season and number of each episode of this series that is the first candidate of a pending file."""
    for _, stored in waiting:
        offered = [row for row in json.loads(stored) if candidates.is_offered(row)]
        if offered and offered[0]["kind"] == "episode" and title_key(offered[0]["title"] or "") == key:
            for number in offered[0]["episode_numbers"]:
                yield offered[0]["season_number"], number
