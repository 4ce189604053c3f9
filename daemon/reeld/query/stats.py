"""Counts files, hours and bytes, by what they have in common. A file under several names is counted once in bytes.

Triggers of the schema keep sums of most facts (`0023_sums.sql`), so that a million files need not be looked at. What a
query asks beyond those facts is counted file by file.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from reeld.database.connection import reading
from reeld.database.statements import rows
from reeld.domain.files import readable
from reeld.errors import UsageError
from reeld.query.ask import Query
from reeld.query.conditions import CLASS, Condition
from reeld.query.find import present_files

_YEAR = "(SELECT year FROM file_years WHERE video_file_id = f.id)"

GROUPINGS: Mapping[str, str] = {
    "library": "f.library_id",
    "kind": "f.kind",
    "resolution": f"{CLASS} || 'p'",
    "codec": "f.codec_video",
    "hdr": "f.hdr",
    "language": "f.languages",
    "subtitle": "f.subtitle_languages",
    "decade": f"({_YEAR} / 10 * 10) || 's'",
    "year": _YEAR,
    "state": "f.state",
    "verdict": "f.verdict",
}
"""What files can be counted by, and its SQL about the file `f`. Languages are lists: a file counts for each of them."""

_KEPT = {
    "file_sums": ("library_id", "state", "verdict", "kind", "year", "resolution", "codec_video", "hdr"),
    "language_sums": ("library_id", "state", "verdict", "kind", "languages", "subtitle_languages"),
}
"""The tables of kept sums, and the facts that their rows are apart by."""

_LISTS = frozenset({"language", "subtitle"})


@dataclass(slots=True, kw_only=True)
class Sum:
    """`value` is None for files whose value is not known, or that have none."""

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
    found = {name: _Sums(by=name) for name in ("total", *groupings)}
    with reading():
        libraries = dict(rows("SELECT id, name FROM libraries"))
    for names, values, *amounts in _counted(query, groupings):
        for name, value in zip(names, values, strict=True):
            if name in _LISTS:
                for one in _as_list(value):
                    found[name].add(one, *amounts)
            else:
                found[name].add(libraries[value] if name == "library" else value, *amounts)
    return [one for each in found.values() for one in each.in_order()]


_as_list = lru_cache(maxsize=1024)(lambda value: json.loads(value or "[]") or [None])


Counted = tuple[Sequence[str], Sequence[Any], int, int, int]
"""Groupings, the values of some files in each, how many files these are, and their bytes and milliseconds."""


def _counted(query: Query, groupings: Sequence[str]) -> Iterator[Counted]:
    """Count from kept sums what these tell, and the rest file by file."""
    table, condition = present_files(query)
    left = ["total", *groupings]
    with reading():
        for kept, facts in _KEPT.items():
            if told := [name for name in left if _facts_of(_of_sums(_BY[name]), condition) <= set(facts)]:
                left = [name for name in left if name not in told]
                yield from _added_up(told, _source(kept, facts), _of_sums(condition.sql), condition, _of_sums)
        if left:
            yield from _added_up(left, table, condition.sql, condition, str)
        yield from _further_names(["total", *groupings], condition)


_BY = {"total": "'all'", **GROUPINGS}


def _of_sums(sql: str) -> str:
    """Write an expression about a file as one about kept sums."""
    return sql.replace(CLASS, "f.resolution").replace(_YEAR, "f.year")


def _facts_of(sql: str, condition: Condition) -> set[str]:
    return set(re.findall(r"\bf\.(\w+)", f"{sql} {_of_sums(condition.sql)}"))


def _source(table: str, facts: Sequence[str]) -> str:
    columns = ", ".join(f"nullif({fact}, '') AS {fact}" for fact in facts)
    return f"(SELECT {columns}, file_count, size_bytes, duration_ms FROM {table} WHERE file_count > 0) AS f"  # noqa: S608 - ours


def _added_up(
    names: Sequence[str], table: str, where: str, condition: Condition, written: Callable[[str], str]
) -> Iterator[Counted]:
    columns = ", ".join(written(_BY[name]) for name in names)
    count = "count(*)" if written is str else "sum(f.file_count)"
    places = ", ".join(str(place) for place in range(1, len(names) + 1))
    sums_of = f"{count}, coalesce(sum(f.size_bytes), 0), coalesce(sum(f.duration_ms), 0)"
    counted = rows(
        f"SELECT {columns}, {sums_of} FROM {table} WHERE {where} GROUP BY {places}",  # noqa: S608 - ours
        *condition.parameters,
    )
    for *values, files, size_bytes, duration_ms in counted:
        yield names, values, files, size_bytes, duration_ms


def _further_names(names: Sequence[str], condition: Condition) -> Iterator[Counted]:
    """Take the bytes of the further names of a file off again: of all but the one that was seen first."""
    columns = ", ".join(_BY[name] for name in names)
    linked = rows(
        f"""WITH several AS (
            SELECT device, inode FROM video_files INDEXED BY video_files_linked
            WHERE links > 1 AND inode <> 0 GROUP BY device, inode HAVING count(*) > 1
        ) SELECT {columns}, f.size_bytes, f.device, f.inode FROM several CROSS JOIN video_files AS f
            INDEXED BY video_files_linked ON f.device = several.device AND f.inode = several.inode AND f.links > 1
        WHERE {condition.sql} ORDER BY f.device, f.inode, f.first_seen_at, f.id""",  # noqa: S608 - ours
        *condition.parameters,
    )
    last: object = None
    for *values, size_bytes, device, inode in linked:
        if (device, inode) == last:
            yield names, values, 0, -size_bytes, 0
        last = device, inode
