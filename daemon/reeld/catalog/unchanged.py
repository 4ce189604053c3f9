"""Tells which files change no work, and assigns them at once: most files of a library are such.

They are files that only repeat known claims, and files that nothing else in the catalogue can have
to do with. All others go through `titles.regroup`.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from peewee import chunked

from reeld.catalog.claims import SERIES_OF_FILE, Held, WorkKind, facts_in
from reeld.catalog.episodes import Episodes
from reeld.catalog.gathering import AMBIGUOUS, ANY_ID, KINDS, Kind, works_where
from reeld.catalog.models import VideoFile
from reeld.catalog.works import IDS
from reeld.database.base import Row
from reeld.database.fields import utc_from_ms
from reeld.database.statements import insert_row, rows, update_row

_HAS_ABSOLUTE = "claimed_episode GLOB '*\"absolute_number\": [0-9]*'"


def join_alike(video_file_id: int, kind: WorkKind, claims: Row, now_ms: int) -> bool:
    """Assign a file without a work to that of a file with the same claims, if this changes nothing else.

    Return False, and change nothing, if it may change more.
    """
    its, claimed = KINDS[kind], claims["claimed_work"]
    # By itself SQLite reads all accepted files that are present.
    of_index = "video_files INDEXED BY video_files_claimed_title"
    found = rows(
        f"SELECT {its.row_of_file} FROM {of_index} WHERE claimed_title_key = ? AND claimed_work = ? "  # noqa: S608
        f"AND {its.is_its_claim} AND id <> ? AND verdict = 'accepted' AND decided_by = 'reeld' "
        "AND state = 'present' LIMIT 1",
        claimed["title_key"],
        json.dumps(claimed),
        video_file_id,
    )
    if not found or found[0][0] is None:
        return False
    ((row_id,),) = found
    (row,) = works_where(its, "id = ?", row_id)
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
    its, claimed = KINDS[kind], claims["claimed_work"]
    if any(claimed.get(name) is not None for name in IDS):  # a work of another title may have them
        return False
    others = f"SELECT 1 FROM video_files WHERE claimed_title_key = ? AND id <> ? AND {its.is_its_claim} LIMIT 1"  # noqa: S608
    if rows(others, claimed["title_key"], video_file_id) or works_where(its, "title_key = ?", claimed["title_key"]):
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
    its, text = KINDS[held.kind], json.dumps(held.claims["claimed_work"])
    sql = f"SELECT 1 FROM video_files WHERE id <> ? AND {its.files_of_row} AND"  # noqa: S608 - conditions of ours
    is_alike = "claimed_work = ? AND decided_by = 'reeld' AND state = 'present'"
    alike = rows(f"{sql} {is_alike} LIMIT 1", video_file_id, held.row_id, text)
    other = "(claimed_work IS NOT ? OR decided_by <> 'reeld')"
    return bool(alike) and not rows(f"{sql} {other} LIMIT 1", video_file_id, held.row_id, text)


# --- files that come back or go missing -----------------------------------------------------------------


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
        if episode_ids or is_related or _is_related(KINDS[kind], row_id, claimed, text, asked_ids):
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


def _is_related(its: Kind, row_id: int | None, claimed: Row, text: str, asked_ids: set[tuple[str, Any]]) -> bool:
    """Tell whether a work may be of this claim and others."""
    same_title = f"claimed_title_key = ? AND {its.is_its_claim} AND (claimed_work <> ? OR decided_by IS 'user')"
    if rows(f"SELECT 1 FROM video_files WHERE {same_title} LIMIT 1", claimed["title_key"], text):  # noqa: S608
        return True
    if any(row["id"] != row_id for row in works_where(its, "title_key = ?", claimed["title_key"])):
        return True
    ids = {(name, value) for name, value in facts_in(claimed).items() if name in IDS}
    other_title = f"SELECT 1 FROM video_files WHERE {its.files_of_row} AND claimed_title_key IS NOT ? LIMIT 1"  # noqa: S608
    return bool(ids) and (not ids.isdisjoint(asked_ids) or bool(rows(other_title, row_id, claimed["title_key"])))


def _asked_ids() -> set[tuple[str, Any]]:
    """Return the ids that files in question claim."""
    sql = f"SELECT DISTINCT claimed_work FROM video_files WHERE {AMBIGUOUS} AND {ANY_ID} IS NOT NULL"  # noqa: S608
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
