"""Makes the films and series of the catalogue those that `works.py` decides.

Each file keeps its claims: those of an assigned file, and those of a file that is pending because
it fits several works. When a file's claims come, change or go, `regroup` gathers the claims of all
files that may be of one work with it, and changes rows and assignments where they differ. A file
that only repeats known claims changes no work (`join_alike`, `is_one_of_many`).

The claims of missing files do not count: the works are those of a catalogue without these files.
But each missing file keeps a work that it may be of, so that it is there when the file returns. A
missing file that is in question stays so.

If a file's claims are unknown, since an older reeld assigned it, its work keeps all its facts. So
does a work that the user restored without a file.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from peewee import chunked

from reeld.catalog.claims import COUNTS, SERIES_OF_FILE, Held, WorkKind, facts_in, held_by
from reeld.catalog.episodes import Episodes
from reeld.catalog.models import Movie, Series, VideoFile
from reeld.catalog.trash import discard
from reeld.catalog.works import FACTS, IDS, Claim, Work, fitting, partition
from reeld.database.base import BaseModel, Row
from reeld.database.fields import utc_from_ms
from reeld.database.statements import change, insert_row, rows, update_row

MERGED = "it is the same as another one, now that nothing tells them apart"

_ANY_ID = (
    "COALESCE(json_extract(claimed_work, '$.tmdb_id'), json_extract(claimed_work, '$.tvdb_id'), "
    "json_extract(claimed_work, '$.imdb_id'), json_extract(claimed_work, '$.tvmaze_id'))"
)
_HAS_ABSOLUTE = "claimed_episode GLOB '*\"absolute_number\": [0-9]*'"
# These are the words of the index.
_AMBIGUOUS = "verdict = 'pending' AND claimed_work IS NOT NULL"

_DECIDED_AT = """CASE WHEN decided_by = 'user' THEN COALESCE(
    (SELECT MAX(resolved_at) FROM pending_validations WHERE video_file_id = video_files.id), '') END
"""


@dataclass(frozen=True, slots=True)
class _Kind:
    """What differs between films and series."""

    name: WorkKind
    model: type[BaseModel]
    table: str
    facts: tuple[str, ...]
    is_its_claim: str
    row_of_file: str
    files_of_row: str


_KINDS: dict[WorkKind, _Kind] = {
    "movie": _Kind(
        name="movie",
        model=Movie,
        table="movies",
        facts=tuple(name for name in FACTS if hasattr(Movie, name)),
        is_its_claim="claimed_episode IS NULL",
        row_of_file="movie_id",
        files_of_row="movie_id = ?",
    ),
    "series": _Kind(
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


@dataclass(slots=True)
class Outcome:
    """What became of files: which are in question now, with reasons, and which are not any more."""

    asked: dict[int, str] = field(default_factory=dict)
    answered: list[int] = field(default_factory=list)


# --- what changes no work --------------------------------------------------------------------------------


def join_alike(video_file_id: int, kind: WorkKind, claims: Row, now_ms: int) -> bool:
    """Assign a file without a work to that of a file with the same claims, if this changes nothing else.

    Return False, and change nothing, if it may change more.
    """
    its, claimed = _KINDS[kind], claims["claimed_work"]
    found = rows(
        f"SELECT {its.row_of_file} FROM video_files WHERE claimed_title_key = ? AND claimed_work = ? "  # noqa: S608
        f"AND {its.is_its_claim} AND id <> ? AND verdict = 'accepted' AND decided_by = 'reeld' "
        "AND state = 'present' LIMIT 1",
        claimed["title_key"],
        json.dumps(claimed),
        video_file_id,
    )
    if not found or found[0][0] is None:
        return False
    ((row_id,),) = found
    (row,) = _rows_of(its, "id = ?", row_id)
    # One more voice for what the work says already changes nothing.
    if row["title"] != claimed["title"] or any(row[name] != value for name, value in facts_in(claimed).items()):
        return False
    if kind == "movie":
        update_row(VideoFile, video_file_id, movie=row_id)
        return True
    episodes = Episodes(now_ms)
    if not episodes.is_simple(row_id, claims["claimed_episode"]):
        return False
    episodes.place(video_file_id, row_id)
    episodes.finish()
    return True


def make_alone(video_file_id: int, kind: WorkKind, claims: Row, now_ms: int) -> bool:
    """Make the work of a file that no other file, and no known work, can have to do with.

    Return False, and change nothing, if any may.
    """
    its, claimed = _KINDS[kind], claims["claimed_work"]
    if any(claimed.get(name) is not None for name in IDS):  # a work of another title may have them
        return False
    others = f"SELECT 1 FROM video_files WHERE claimed_title_key = ? AND id <> ? AND {its.is_its_claim} LIMIT 1"  # noqa: S608
    if rows(others, claimed["title_key"], video_file_id) or _rows_of(its, "title_key = ?", claimed["title_key"]):
        return False
    now, facts = utc_from_ms(now_ms), {name: claimed.get(name) for name in its.facts}
    title = {"title": claimed["title"], "title_key": claimed["title_key"]}
    row_id = insert_row(its.model, **title, created_at=now, updated_at=now, **facts)
    if kind == "movie":
        update_row(VideoFile, video_file_id, movie=row_id)
    else:
        episodes = Episodes(now_ms)
        episodes.place(video_file_id, row_id)
        episodes.finish()
    return True


def is_one_of_many(video_file_id: int, held: Held) -> bool:
    """Tell whether the file's work stays as it is without it: all its other files claim the same."""
    if held.row_id is None or held.kind is None or held.claims["claimed_work"] is None:
        return False
    if any(names.get("absolute_number") is not None for names in held.claims["claimed_episode"] or ()):
        return False
    its, text = _KINDS[held.kind], json.dumps(held.claims["claimed_work"])
    sql = f"SELECT 1 FROM video_files WHERE id <> ? AND {its.files_of_row} AND"  # noqa: S608 - conditions of ours
    is_alike = "claimed_work = ? AND decided_by = 'reeld' AND state = 'present'"
    alike = rows(f"{sql} {is_alike} LIMIT 1", video_file_id, held.row_id, text)
    other = "(claimed_work IS NOT ? OR decided_by <> 'reeld')"
    return bool(alike) and not rows(f"{sql} {other} LIMIT 1", video_file_id, held.row_id, text)


@dataclass(slots=True)
class Affected:
    """Claims of one title whose works may be others, since files that state them came back or went missing."""

    kind: WorkKind
    claims: list[Row] = field(default_factory=list)
    episode_ids: set[int] = field(default_factory=set)


def affected(video_file_ids: Sequence[int]) -> list[Affected]:
    """Return what may change with these files; for most files that is nothing.

    A film whose files all claim the same has no other claim of its title, and no id that a question has.
    """
    found: dict[tuple[WorkKind, str], Affected] = {}
    asked_ids = _asked_ids()
    for kind, row_id, text, is_related, file_ids in _groups_of(video_file_ids):
        claimed = json.loads(text)
        episode_ids = [] if kind == "movie" else _episodes_that_change(file_ids)
        if episode_ids or is_related or _is_related(_KINDS[kind], row_id, claimed, text, asked_ids):
            its = found.setdefault((kind, claimed["title_key"]), Affected(kind))
            its.claims.append(claimed)
            its.episode_ids.update(episode_ids)
    return list(found.values())


def _groups_of(video_file_ids: Sequence[int]) -> Iterator[tuple[WorkKind, int | None, str, bool, list[int]]]:
    """Yield these files by work and claims, and whether others may depend on any of them. Decided ones are left out."""
    groups: dict[tuple[WorkKind, int | None, str], list[tuple[int, bool]]] = defaultdict(list)
    for ids in chunked(video_file_ids, 500):
        marks = ", ".join("?" * len(ids))
        for file_id, text, is_film, movie_id, series_id, may_change in rows(
            f"SELECT id, claimed_work, claimed_episode IS NULL, movie_id, {SERIES_OF_FILE}, "  # noqa: S608
            f"verdict = 'pending' OR COALESCE({_HAS_ABSOLUTE}, 0) FROM video_files "
            f"WHERE decided_by IS NOT 'user' AND claimed_work IS NOT NULL AND id IN ({marks})",
            *ids,
        ):
            kind: WorkKind = "movie" if is_film else "series"
            groups[kind, movie_id if is_film else series_id, text].append((file_id, bool(may_change)))
    for (kind, row_id, text), files in groups.items():
        yield kind, row_id, text, any(may_change for _, may_change in files), [file_id for file_id, _ in files]


def _is_related(its: _Kind, row_id: int | None, claimed: Row, text: str, asked_ids: set[tuple[str, Any]]) -> bool:
    """Tell whether a work may be of this claim and others."""
    same_title = f"claimed_title_key = ? AND {its.is_its_claim} AND (claimed_work <> ? OR decided_by IS 'user')"
    if rows(f"SELECT 1 FROM video_files WHERE {same_title} LIMIT 1", claimed["title_key"], text):  # noqa: S608
        return True
    if any(row["id"] != row_id for row in _rows_of(its, "title_key = ?", claimed["title_key"])):
        return True
    ids = {(name, value) for name, value in facts_in(claimed).items() if name in IDS}
    other_title = f"SELECT 1 FROM video_files WHERE {its.files_of_row} AND claimed_title_key IS NOT ? LIMIT 1"  # noqa: S608
    return bool(ids) and (not ids.isdisjoint(asked_ids) or bool(rows(other_title, row_id, claimed["title_key"])))


def _asked_ids() -> set[tuple[str, Any]]:
    """Return the ids that files in question claim."""
    sql = f"SELECT DISTINCT claimed_work FROM video_files WHERE {_AMBIGUOUS} AND {_ANY_ID} IS NOT NULL"  # noqa: S608
    claims = [facts_in(json.loads(text)) for (text,) in rows(sql)]
    return {(name, value) for facts in claims for name, value in facts.items() if name in IDS}


def _episodes_that_change(video_file_ids: Sequence[int]) -> list[int]:
    """Return those episodes of these files which other files have, too, or which have an absolute number."""
    found: list[int] = []
    for ids in chunked(video_file_ids, 500):
        marks = ", ".join("?" * len(ids))
        sql = (
            "SELECT episode_id FROM episode_files AS its JOIN video_files ON video_files.id = video_file_id "  # noqa: S608
            f"WHERE video_file_id IN ({marks}) AND ({_HAS_ABSOLUTE} OR EXISTS (SELECT 1 FROM episode_files AS other "
            "WHERE other.episode_id = its.episode_id AND other.video_file_id <> its.video_file_id))"
        )
        found += [episode_id for (episode_id,) in rows(sql, *ids)]
    return found


def facts_beyond(video_file_id: int, claimed: Row) -> Row | None:
    """Return what is known of the file's work beyond this claim; None if that is nothing."""
    held = held_by(video_file_id)
    if held.kind is None or held.row_id is None:
        return None
    (row,) = _rows_of(_KINDS[held.kind], "id = ?", held.row_id)
    return {name: value for name, value in facts_in(row).items() if claimed.get(name) is None} or None


# --- regrouping ------------------------------------------------------------------------------------------


def regroup(
    kind: WorkKind, seeds: Iterable[Row], now_ms: int, *, left: Iterable[int] = (), renumbered: int | None = None
) -> Outcome:
    """Make the works with these claims, and all that may be one with them, those of their files.

    `left` are episodes that a file has left, `renumbered` a file whose claims on episodes are new.
    """
    group = _Group(_KINDS[kind])
    group.gather(seeds)
    return _Change(group, now_ms).apply(left, renumbered)


def seeds_of(held: Held) -> list[Row]:
    """Return the claims from which `regroup` reaches all that this file has to do with."""
    claimed = held.claims["claimed_work"]
    if claimed is not None:
        return [claimed]
    return [] if held.kind is None or held.row_id is None else seeds_of_row(held.kind, held.row_id)


def seeds_of_row(kind: WorkKind, row_id: int) -> list[Row]:
    """Return the same for a work."""
    return _rows_of(_KINDS[kind], "id = ?", row_id)


def recompute_episodes(episode_ids: Iterable[int], now_ms: int) -> None:
    """Recompute what these episodes are called, when a file without absolute numbers has left them."""
    episodes = Episodes(now_ms)
    for episode_id in episode_ids:
        episodes.grew(episode_id)
    episodes.finish()


def _rows_of(its: _Kind, condition: str, value: object) -> list[Row]:
    names = ("id", "title", "title_key", *its.facts)
    found = rows(f"SELECT {', '.join(names)} FROM {its.table} WHERE {condition} ORDER BY id", value)  # noqa: S608
    return [dict(zip(names, row, strict=True)) for row in found]


@dataclass(frozen=True, slots=True)
class _Member:
    """Some files with the same claims and the same work, or with none yet."""

    text: str | None
    """The claims; None if they are unknown."""
    is_users: bool
    row_id: int | None
    counts: bool
    """False if these files are missing."""
    file_count: int
    decided_at: str | None


class _Group:
    """The claims of all files that may be of one work, directly or by way of others, and their works."""

    def __init__(self, its: _Kind) -> None:
        self.its = its
        self.members: dict[tuple[str | None, bool, int | None, bool], _Member] = {}
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
            for row in _rows_of(self.its, f"{name} = ?", value):
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
            self.members[key] = _Member(text, bool(is_users), row_id, bool(counts), count, decided_at)
            if text is not None:
                self._follow(json.loads(text))
            if row_id is not None and row_id not in self.rows:
                self._add_row(*_rows_of(self.its, "id = ?", row_id))

    def _add_ambiguous(self, name: str, value: object) -> None:
        """Follow the claims with this id of files that have no work."""
        sql = f"SELECT DISTINCT claimed_work FROM video_files WHERE {_AMBIGUOUS} AND {_ANY_ID} IS NOT NULL"  # noqa: S608
        for (text,) in rows(f"{sql} AND {self.its.is_its_claim}"):
            claimed = json.loads(text)
            if claimed[name] == value:
                self._follow(claimed)

    def claims(self) -> Iterator[tuple[Claim, list[_Member]]]:
        """Yield each claim that counts, with the files that state it."""
        by_claim: dict[tuple[str, bool], list[_Member]] = defaultdict(list)
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

    def missing(self) -> dict[int, dict[_Member, Claim]]:
        """Return the claims of missing files, by the rows of their works."""
        found: dict[int, dict[_Member, Claim]] = defaultdict(dict)
        for member in self.members.values():
            if not member.counts and member.text is not None and member.row_id is not None:
                found[member.row_id][member] = self._claim(json.loads(member.text), member.file_count)
        return found

    def _claim(self, claimed: Row, file_count: int) -> Claim:
        return Claim(
            title=claimed["title"], title_key=claimed["title_key"], facts=facts_in(claimed), file_count=file_count
        )


class _Change:
    """The change of rows and assignments to what the claims of a group say."""

    def __init__(self, group: _Group, now_ms: int) -> None:
        self._group, self._its, self._now_ms = group, group.its, now_ms
        self._episodes = Episodes(now_ms)
        self._outcome = Outcome()

    def apply(self, left: Iterable[int], renumbered: int | None) -> Outcome:
        members, missing = dict(self._group.claims()), self._group.missing()
        works, questions = partition(members)
        row_of_work = list(zip(works, self._rows_of_works(works, members, missing), strict=True))
        for work, row_id in row_of_work:
            self._update(work, row_id)
        for question in questions:
            for member in members[question.claim]:
                self._ask(member, question.reason)
        for episode_id in left:
            self._episodes.grew(episode_id)
        self._move(
            [
                (member, row_id)
                for work, row_id in row_of_work
                for claim in work.claims
                for member in members[claim]
                if member.row_id != row_id
            ]
            + list(self._places_of_missing(missing, row_of_work))
        )
        if renumbered is not None and self._its.name == "series" and renumbered not in self._outcome.asked:
            self._renumber(renumbered)
        for work, row_id in row_of_work:
            for claim in work.claims:
                if claim.row_id not in (None, row_id):
                    self._merge(claim.row_id, row_id)
        self._episodes.finish()
        self._outcome.asked |= self._episodes.asked
        self._outcome.answered = [each for each in self._outcome.answered if each not in self._outcome.asked]
        return self._outcome

    def _rows_of_works(
        self, works: list[Work], members: dict[Claim, list[_Member]], missing: dict[int, dict[_Member, Claim]]
    ) -> list[int]:
        """Return the row of each work: the one that has most of its files, else that of missing files, or a new one."""
        votes: dict[int, dict[int, tuple[bool, int]]] = defaultdict(dict)
        for place, work in enumerate(works):
            for claim in work.claims:
                held = [(member.row_id, member.file_count) for member in members[claim]]
                for row_id, count in [*held, (claim.row_id, 0)]:
                    if row_id is not None:
                        fixed, before = votes[row_id].get(place, (False, 0))
                        votes[row_id][place] = (fixed or claim.row_id == row_id, before + count)
        for row_id, claims in missing.items():
            fits = fitting(Work(list(claims.values())), works)
            if row_id not in votes and len(fits) == 1:
                votes[row_id][works.index(fits[0])] = (False, 0)
        won: dict[int, list[tuple[tuple[bool, int], int]]] = defaultdict(list)
        for row_id, by_work in votes.items():
            place = max(by_work, key=lambda each: (by_work[each], -each))
            won[place].append((by_work[place], -row_id))
        return [-max(won[place])[1] if place in won else self._insert(work) for place, work in enumerate(works)]

    def _insert(self, work: Work) -> int:
        now = utc_from_ms(self._now_ms)
        facts = {name: work.facts.get(name) for name in self._its.facts}
        return insert_row(
            self._its.model, title=work.title, title_key=work.title_key, created_at=now, updated_at=now, **facts
        )

    def _update(self, work: Work, row_id: int) -> None:
        facts: Row = {"title": work.title, "title_key": work.title_key}
        facts |= {name: work.facts.get(name) for name in self._its.facts}
        row = self._group.rows.get(row_id)
        if row is not None and any(row[name] != value for name, value in facts.items()):
            update_row(self._its.model, row_id, updated_at=utc_from_ms(self._now_ms), **facts)

    def _places_of_missing(
        self, missing: dict[int, dict[_Member, Claim]], row_of_work: Sequence[tuple[Work, int]]
    ) -> Iterator[tuple[_Member, int]]:
        """Yield the missing files that must leave their work, each with the row of another.

        A work of missing files alone becomes the only one that it fits, if there is one, and else keeps its row.
        """
        row_of, work_of = dict(row_of_work), {row_id: work for work, row_id in row_of_work}
        for row_id, claims in missing.items():
            if row_id not in work_of:
                alone = Work(list(claims.values()))
                fits = fitting(alone, list(row_of))
                if len(fits) == 1:
                    yield from ((member, row_of[fits[0]]) for member in claims)
                else:
                    self._update(alone, row_id)
                continue
            for member, claim in claims.items():
                alone = Work([claim])
                fits = fitting(alone, list(row_of))
                if work_of[row_id] not in fits:
                    yield member, row_of[fits[0]] if fits else self._insert(alone)

    # --- assignments -------------------------------------------------------------------------------------

    def _ask(self, member: _Member, reason: str) -> None:
        """Take these files out of their work, and note the reason, unless they are pending for it already."""
        for file_id, verdict, known_reason, _ in self._files_of(member):
            if member.row_id is None and (verdict, known_reason) == ("pending", reason):
                continue
            self._outcome.asked[file_id] = reason
            self._episodes.leave(file_id)

    def _move(self, moving: Sequence[tuple[_Member, int]]) -> None:
        targets: dict[int, set[int]] = defaultdict(set)
        for member, row_id in moving:
            if member.row_id is not None:
                targets[member.row_id].add(row_id)
        leaving = {id(member) for member, _ in moving}
        for old_id, new_ids in targets.items():
            its = [each for each in self._group.members.values() if each.row_id == old_id]
            if len(new_ids) == 1 and all(id(each) in leaving for each in its):
                self._merge(old_id, *new_ids)
        files = [(*file, row_id) for member, row_id in moving for file in self._files_of(member)]
        # What has a season comes first, since an absolute number alone may mean it.
        for file_id, verdict, _, _, row_id in sorted(files, key=lambda file: (not file[3], file[0])):
            self._assign(file_id, row_id)
            if verdict == "pending":
                self._outcome.answered.append(file_id)
        for old_id in targets:
            self._discard_if_empty(old_id)

    def _files_of(self, member: _Member) -> list[tuple[int, str, str | None, bool]]:
        """Return id, verdict, reason, and whether a season is claimed, of each of these files."""
        value: Any = member.row_id
        where = self._its.files_of_row
        if member.row_id is None:
            value = None if member.text is None else json.loads(member.text)["title_key"]
            where = f"claimed_title_key = ? AND {self._its.is_its_claim}"
            where += f" AND {self._its.row_of_file} IS NULL"
        found = rows(
            "SELECT id, verdict, reason, COALESCE(claimed_episode LIKE '%\"season_number\"%', 0) FROM video_files "  # noqa: S608
            f"WHERE {where} AND claimed_work IS ? AND (decided_by IS 'user') = ? AND {COUNTS} = ? ORDER BY id",
            value,
            member.text,
            member.is_users,
            member.counts,
        )
        return [(file_id, verdict, reason, bool(has_season)) for file_id, verdict, reason, has_season in found]

    def _assign(self, video_file_id: int, row_id: int) -> None:
        if self._its.name == "movie":
            update_row(VideoFile, video_file_id, movie=row_id)
        else:
            self._episodes.move(video_file_id, row_id)

    def _renumber(self, video_file_id: int) -> None:
        row_id = held_by(video_file_id).row_id
        if row_id is not None:
            self._episodes.renumber(video_file_id, row_id)

    def _merge(self, old_id: int, new_id: int) -> None:
        """Give all files of a work to another one."""
        if self._its.name == "movie":
            change("UPDATE video_files SET movie_id = ? WHERE movie_id = ?", new_id, old_id)
        else:
            self._episodes.take_over(old_id, new_id, MERGED)
        self._discard_if_empty(old_id)

    def _discard_if_empty(self, row_id: int) -> None:
        holders = "video_files WHERE movie_id" if self._its.name == "movie" else "episodes WHERE series_id"
        if not rows(f"SELECT 1 FROM {holders} = ? LIMIT 1", row_id):  # noqa: S608 - names of ours
            discard(self._its.name, [row_id], MERGED, self._now_ms)
