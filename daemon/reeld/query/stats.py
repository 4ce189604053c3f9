"""Counts files, hours and bytes, by what they have in common. A file under several names is counted once in bytes."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from reeld.database.connection import reading
from reeld.database.statements import rows
from reeld.domain.files import readable
from reeld.errors import UsageError
from reeld.query.ask import Query
from reeld.query.conditions import CLASS
from reeld.query.find import present_files

_YEAR = """CASE f.kind
    WHEN 'movie' THEN (SELECT year FROM movies WHERE movies.id = f.movie_id)
    WHEN 'episode' THEN (
        SELECT series.year FROM episode_files JOIN episodes ON episodes.id = episode_id
        JOIN series ON series.id = series_id WHERE video_file_id = f.id LIMIT 1
    ) END"""

GROUPINGS: Mapping[str, str] = {
    "library": "f.library_id",
    "kind": "f.kind",
    "resolution": f"{CLASS} || 'p'",
    "codec": "f.codec_video",
    "hdr": "f.hdr",
    "language": "f.languages",
    "subtitle": "f.subtitle_languages",
    "decade": f"(({_YEAR}) / 10 * 10) || 's'",
    "year": f"({_YEAR})",
    "state": "f.state",
    "verdict": "f.verdict",
}
"""What files can be counted by, and its SQL about the file `f`. Languages are lists: a file counts for each of them.

Years and decades are not in the index that has all other facts: with a million files they take many seconds.
"""

_LISTS = frozenset({"language", "subtitle"})


@dataclass(slots=True, kw_only=True)
class Sum:
    """`value` is None for files of which it is not known, or that have none."""

    by: str
    value: str | None
    file_count: int = 0
    size_bytes: int = 0
    duration_ms: int = 0


@dataclass(slots=True, kw_only=True)
class _Sums:
    """The sums of one grouping, by value."""

    by: str
    found: dict[str | None, Sum] = field(default_factory=dict)

    def add(self, value: object, files: int, size_bytes: int, duration_ms: int) -> None:
        text = None if value is None else str(value)
        known = self.found.setdefault(text, Sum(by=self.by, value=text))
        known.file_count += files
        known.size_bytes += size_bytes
        known.duration_ms += duration_ms

    def in_order(self) -> list[Sum]:
        """The largest first."""
        return sorted(self.found.values(), key=lambda one: (-one.size_bytes, -one.file_count, one.value or ""))


def sums(query: Query, groupings: Sequence[str]) -> list[Sum]:
    """Return the whole, as `total`, and the sums of each grouping, the largest first. Raises UsageError for others.

    Missing files count only if the query asks for states, and ignored ones if it asks for verdicts.
    """
    if wrong := [name for name in groupings if name not in GROUPINGS]:
        raise UsageError(f"files cannot be counted by {readable(wrong[0])}", f"choose from {', '.join(GROUPINGS)}")
    whole = _Sums(by="total")
    found = [_Sums(by=name) for name in groupings]
    with reading():
        libraries = dict(rows("SELECT id, name FROM libraries"))
    for values, files, size_bytes, duration_ms in _counted(query, groupings):
        whole.add("all", files, size_bytes, duration_ms)
        for each, value in zip(found, values, strict=True):
            if each.by in _LISTS:
                for one in _as_list(value):
                    each.add(one, files, size_bytes, duration_ms)
            else:
                each.add(libraries[value] if each.by == "library" else value, files, size_bytes, duration_ms)
    return [one for each in (whole, *found) for one in each.in_order()]


_as_list = lru_cache(maxsize=1024)(lambda value: json.loads(value or "[]") or [None])


Counted = tuple[tuple[object, ...], int, int, int]
"""The values of some files in each grouping, how many files these are, and their bytes and milliseconds."""


def _counted(query: Query, groupings: Sequence[str]) -> Iterator[Counted]:
    """Count in one look. The further names of a file then take its bytes off again."""
    table, condition = present_files(query)
    columns = "".join(f"{GROUPINGS[name]}, " for name in groupings)
    sums_of = "count(*), coalesce(sum(f.size_bytes), 0), coalesce(sum(f.duration_ms), 0)"
    grouped = f"GROUP BY {', '.join(str(place) for place in range(1, len(groupings) + 1))}" if groupings else ""
    whole = f"SELECT {columns} {sums_of} FROM {table} WHERE {condition.sql} {grouped}"  # noqa: S608 - ours
    with reading():
        counted = rows(whole, *condition.parameters)
        linked = rows(
            f"SELECT {columns} f.device, f.inode, f.size_bytes FROM {table} WHERE f.links > 1 AND {condition.sql}",  # noqa: S608 - ours
            *condition.parameters,
        )
    for *values, files, size_bytes, duration_ms in counted:
        yield tuple(values), files, size_bytes, duration_ms
    seen: set[tuple[int, int]] = set()
    for *values, device, inode, size_bytes in linked:
        if inode and (device, inode) in seen:
            yield tuple(values), 0, -size_bytes, 0
        seen.add((device, inode))
