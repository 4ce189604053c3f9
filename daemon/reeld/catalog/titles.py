"""Makes the films and series of the catalogue those that `works.py` decides.

Each file keeps its claims: those of an assigned file, and those of a file that is pending because
it fits several works. When a file's claims come, change or go, `regroup` gathers the claims of all
files that may be of one work with it, and changes rows and assignments where they differ. A file
that only repeats known claims changes no work (`unchanged.py`).

The claims of missing files do not count: the works are those of a catalogue without these files.
But each missing file keeps a work that it may be of, so that it is there when the file returns. A
missing file that is in question stays so.

If a file's claims are unknown, since an older reeld assigned it, its work keeps all its facts. So
does a work that the user restored without a file.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from reeld.catalog.claims import COUNTS, Held, WorkKind, facts_in, held_by
from reeld.catalog.episodes import Episodes
from reeld.catalog.gathering import KINDS, Group, Member, works_where
from reeld.catalog.models import VideoFile
from reeld.catalog.trash import discard
from reeld.catalog.works import Claim, Work, fitting, partition
from reeld.database.base import Row
from reeld.database.fields import utc_from_ms
from reeld.database.statements import change, insert_row, rows, update_row

MERGED = "it is the same as another one, now that nothing tells them apart"


@dataclass(slots=True)
class Outcome:
    """What became of files: which are in question now, with reasons, and which are not any more."""

    asked: dict[int, str] = field(default_factory=dict)
    answered: list[int] = field(default_factory=list)


def regroup(
    kind: WorkKind, seeds: Iterable[Row], now_ms: int, *, left: Iterable[int] = (), renumbered: int | None = None
) -> Outcome:
    """Make the works with these claims, and all that may be one with them, those of their files.

    `left` are episodes that a file has left, `renumbered` a file whose claims on episodes are new.
    """
    group = Group(KINDS[kind])
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
    return works_where(KINDS[kind], "id = ?", row_id)


def recompute_episodes(episode_ids: Iterable[int], now_ms: int) -> None:
    """Recompute what these episodes are called, when a file without absolute numbers has left them."""
    episodes = Episodes(now_ms)
    for episode_id in episode_ids:
        episodes.grew(episode_id)
    episodes.finish()


def facts_beyond(video_file_id: int, claimed: Row) -> Row | None:
    """Return what is known of the file's work beyond this claim; None if that is nothing."""
    held = held_by(video_file_id)
    if held.kind is None or held.row_id is None:
        return None
    (row,) = works_where(KINDS[held.kind], "id = ?", held.row_id)
    return {name: value for name, value in facts_in(row).items() if claimed.get(name) is None} or None


class _Change:
    """The change of rows and assignments to what the claims of a group say."""

    def __init__(self, group: Group, now_ms: int) -> None:
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
        self, works: list[Work], members: dict[Claim, list[Member]], missing: dict[int, dict[Member, Claim]]
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
        self, missing: dict[int, dict[Member, Claim]], row_of_work: Sequence[tuple[Work, int]]
    ) -> Iterator[tuple[Member, int]]:
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

    def _ask(self, member: Member, reason: str) -> None:
        """Take these files out of their work, and note the reason, unless they are pending for it already."""
        for file_id, verdict, known_reason, _ in self._files_of(member):
            if member.row_id is None and (verdict, known_reason) == ("pending", reason):
                continue
            self._outcome.asked[file_id] = reason
            self._episodes.leave(file_id)

    def _move(self, moving: Sequence[tuple[Member, int]]) -> None:
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

    def _files_of(self, member: Member) -> list[tuple[int, str, str | None, bool]]:
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
