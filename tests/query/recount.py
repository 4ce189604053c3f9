"""Counts all files again, and compares that with the sums that triggers keep."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from reeld.database.statements import rows
from reeld.query.conditions import CLASS

_YEAR = """CASE f.kind
    WHEN 'movie' THEN (SELECT year FROM movies WHERE movies.id = f.movie_id)
    WHEN 'episode' THEN (
        SELECT series.year FROM episodes JOIN series ON series.id = series_id
        WHERE episodes.id = (SELECT min(episode_id) FROM episode_files WHERE video_file_id = f.id)
    ) END"""
_COUNT = "count(*), sum(size_bytes), sum(coalesce(duration_ms, 0))"
_OF_FILES = "library_id, state, coalesce(verdict, ''), coalesce(kind, '')"
_FACTS = f"{_OF_FILES}, coalesce({_YEAR}, ''), coalesce({CLASS}, ''), coalesce(codec_video, ''), coalesce(hdr, '')"
_LANGUAGES = f"{_OF_FILES}, languages, subtitle_languages"


def wrong_sums(ask: Callable[[str], list[Any]] = rows) -> list[tuple[Any, ...]]:
    """Return the rows of kept sums that are not what a recount gives, and the rows that lack.

    `ask` runs a query, and returns rows that can be made tuples.
    """
    kept = ask("SELECT * FROM file_sums WHERE (file_count, size_bytes, duration_ms) <> (0, 0, 0)")
    kept += ask("SELECT * FROM language_sums WHERE (file_count, size_bytes, duration_ms) <> (0, 0, 0)")
    counted = ask(f"SELECT {_FACTS}, {_COUNT} FROM video_files AS f GROUP BY 1, 2, 3, 4, 5, 6, 7, 8")
    counted += ask(f"SELECT {_LANGUAGES}, {_COUNT} FROM video_files GROUP BY 1, 2, 3, 4, 5, 6")
    kept += ask("SELECT video_file_id, year FROM file_years")
    counted += ask(f"SELECT f.id, {_YEAR} FROM video_files AS f")
    here, there = Counter(map(tuple, kept)), Counter(map(tuple, counted))
    return [*(here - there), *(there - here)]
