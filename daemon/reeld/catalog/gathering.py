"""Gathers the claims of all files that may be of one film or series, and the rows of these works."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from reeld.catalog.claims import COUNTS, SERIES_OF_FILE, WorkKind, facts_in
from reeld.catalog.models import Movie, Series
from reeld.catalog.works import FACTS, IDS, Claim
from reeld.database.base import BaseModel, Row
from reeld.database.statements import rows

ANY_ID = (
    "COALESCE(json_extract(claimed_work, '$.tmdb_id'), json_extract(claimed_work, '$.tvdb_id'), "
    "json_extract(claimed_work, '$.imdb_id'), json_extract(claimed_work, '$.tvmaze_id'))"
)
# These are the words of the index.
AMBIGUOUS = "verdict = 'pending' AND claimed_work IS NOT NULL"

_DECIDED_AT = """CASE WHEN decided_by = 'user' THEN COALESCE(
    (SELECT MAX(resolved_at) FROM pending_validations WHERE video_file_id = video_files.id), '') END
"""


@dataclass(frozen=True, slots=True)
class Kind:
    """What differs between films and series."""

    name: WorkKind
    model: type[BaseModel]
    table: str
    facts: tuple[str, ...]
    is_its_claim: str
    row_of_file: str
    files_of_row: str


KINDS: dict[WorkKind, Kind] = {
    "movie": Kind(
        name="movie",
        model=Movie,
        table="movies",
        facts=tuple(name for name in FACTS if hasattr(Movie, name)),
        is_its_claim="claimed_episode IS NULL",
        row_of_file="movie_id",
        files_of_row="movie_id = ?",
    ),
    "series": Kind(
        name="series",
        model=Series,
        table="series",
        facts=FACTS,
        is_its_claim="claimed_episode IS NOT NULL",
        row_of_file=SERIES_OF_FILE,
        files_of_row=(
            "id IN (SELECT video_file_id FROM episodes JOIN episode_files ON episode_id = episodes.id "
            "WHERE series_id = ?)"
        ),
    ),
}


def works_where(its: Kind, condition: str, value: object) -> list[Row]:
    names = ("id", "title", "title_key", *its.facts)
    found = rows(f"SELECT {', '.join(names)} FROM {its.table} WHERE {condition} ORDER BY id", value)  # noqa: S608
    return [dict(zip(names, row, strict=True)) for row in found]


@dataclass(frozen=True, slots=True)
class Member:
    """Some files with the same claims and the same work, or with none yet."""

    text: str | None
    """The claims; None if they are unknown."""
    is_users: bool
    row_id: int | None
    counts: bool
    """False if these files are missing."""
    file_count: int
    decided_at: str | None


class Group:
    """The claims of all files that may be of one work, directly or by way of others, and their works."""

    def __init__(self, its: Kind) -> None:
        self.its = its
        self.members: dict[tuple[str | None, bool, int | None, bool], Member] = {}
        self.rows: dict[int, Row] = {}
        self._known: set[tuple[str, Any]] = set()
        self._waiting: list[tuple[str, Any]] = []

    def gather(self, claims: Iterable[Row]) -> None:
        for claimed in claims:
            self._follow(claimed)
        while self._waiting:
            name, value = self._waiting.pop()
            if name == "id":
                self._add_members(self.its.files_of_row, value, row_of_file="?1")
                continue
            if name == "title_key":
                self._add_members(f"claimed_title_key = ? AND {self.its.is_its_claim}", value)
            else:
                self._add_ambiguous(name, value)
            for row in works_where(self.its, f"{name} = ?", value):
                self._add_row(row)

    def _follow(self, claimed: Row) -> None:
        """Look for all with the title and the ids of this claim."""
        wanted = [("title_key", claimed["title_key"])]
        wanted += [(name, claimed[name]) for name in self.its.facts if name in IDS and claimed.get(name) is not None]
        for each in wanted:
            if each not in self._known:
                self._known.add(each)
                self._waiting.append(each)

    def _add_row(self, row: Row) -> None:
        if row["id"] not in self.rows:
            self.rows[row["id"]] = row
            self._waiting.append(("id", row["id"]))
            self._follow(row)

    def _add_members(self, condition: str, value: object, row_of_file: str | None = None) -> None:
        sql = (
            f"SELECT claimed_work, decided_by IS 'user', {row_of_file or self.its.row_of_file} AS work, {COUNTS}, "  # noqa: S608
            f"COUNT(*), MAX({_DECIDED_AT}) FROM video_files WHERE {condition.replace('?', '?1')} GROUP BY 1, 2, 3, 4"
        )
        for text, is_users, row_id, counts, count, decided_at in rows(sql, value):
            key = (text, bool(is_users), row_id, bool(counts))
            if key in self.members or (row_id is None and not counts):
                continue
            self.members[key] = Member(text, bool(is_users), row_id, bool(counts), count, decided_at)
            if text is not None:
                self._follow(json.loads(text))
            if row_id is not None and row_id not in self.rows:
                self._add_row(*works_where(self.its, "id = ?", row_id))

    def _add_ambiguous(self, name: str, value: object) -> None:
        """Follow the claims with this id of files that have no work."""
        sql = f"SELECT DISTINCT claimed_work FROM video_files WHERE {AMBIGUOUS} AND {ANY_ID} IS NOT NULL"  # noqa: S608
        for (text,) in rows(f"{sql} AND {self.its.is_its_claim}"):
            claimed = json.loads(text)
            if claimed[name] == value:
                self._follow(claimed)

    def claims(self) -> Iterator[tuple[Claim, list[Member]]]:
        """Yield each claim that counts, with the files that state it."""
        by_claim: dict[tuple[str, bool], list[Member]] = defaultdict(list)
        for member in self.members.values():
            if member.text is not None and member.counts:
                by_claim[member.text, member.is_users].append(member)
        for (text, is_users), members in by_claim.items():
            claimed = json.loads(text)
            decided_at = max(member.decided_at or "" for member in members) if is_users else None
            claim = self._claim(claimed, sum(member.file_count for member in members))
            yield replace(claim, decided_at=decided_at, meant=claimed.get("meant")), members
        for row_id, row in self.rows.items():
            its = [member for member in self.members.values() if member.row_id == row_id]
            unknown = [member for member in its if member.text is None]
            if unknown or not its:
                yield replace(self._claim(row, len(unknown)), row_id=row_id), unknown

    def missing(self) -> dict[int, dict[Member, Claim]]:
        """Return the claims of missing files, by the rows of their works."""
        found: dict[int, dict[Member, Claim]] = defaultdict(dict)
        for member in self.members.values():
            if not member.counts and member.text is not None and member.row_id is not None:
                found[member.row_id][member] = self._claim(json.loads(member.text), member.file_count)
        return found

    def _claim(self, claimed: Row, file_count: int) -> Claim:
        return Claim(
            title=claimed["title"], title_key=claimed["title_key"], facts=facts_in(claimed), file_count=file_count
        )
