"""Match copies: recognize a new file that was known elsewhere, copied from there and deleted.

A move across file systems is a copy and a deletion. reeld sees the two in any order, perhaps days apart.
Only the content shows that they belong together: the same size, fingerprint and full hash. Then the old row
adopts the new place, with its id, its history and the user's decision, and the new row is deleted. If the
copy had come to the path of another file, and so got its row, that row describes the other file again: as
missing.

Only a file that is certainly gone is matched: its row is `missing`, which a library that is away never
causes. Two present files are two files, also with the same content.

A library that is not configured any more is not scanned, so no scan finds its files missing. Such a file is a
candidate while its row is `library_removed`. The stage has its old place looked at (`scanner/former_places.py`),
and its row is missing once the file is certainly gone from there.
"""

import json
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from reeld.catalog import assignments, history, media, queue
from reeld.catalog.models import VideoFile
from reeld.database.base import Row
from reeld.database.fields import utc_from_ms
from reeld.database.statements import change, rows, update_row
from reeld.domain.files import readable
from reeld.domain.records import evicted, place_of
from reeld.domain.states import FileState

STAGE = "match_copies"
LANE: Literal["light"] = "light"

# Between the copy and the deletion, in either order. A file that was there beside the other for longer is what is left
# of two.
WITHIN_DAYS = 7

# A renamed file can be missing until its new folder is listed, so its copies must wait.
PATIENCE_MS = 15_000

_PLACE = "library_id, path, directory, filename"

# Both were read whole, and the new one was not touched since. The old one may have been touched before it
# was deleted: what is known and was decided about it belongs to the bytes that its row describes. A file that
# the rules ignore is not matched. If the user decided about the new file, both stay. A row that adopted a
# place is not new, until other bytes come there. What counts is when the bytes came. The row may be older, of
# another file that was at their path.
#
# A hard link counts as a copy: some programs rename by making a link and removing the first name. The inode cannot tell
# that from a file that was renamed and touched before reeld saw it.
#
# A row with `old.state` library_removed has no time at which it went, so now counts. The plus keeps SQLite from
# beginning with all files of all libraries.
_PAIRS = """
    FROM video_files AS new JOIN video_files AS old
        ON old.size_bytes = new.size_bytes AND old.file_hash = new.file_hash AND old.fingerprint = new.fingerprint
    WHERE new.state = 'present' AND old.state IN (?, ?)
        AND (old.changed_at, old.id) < (new.changed_at, new.id)
        AND NOT new.is_in_doubt
        AND +new.library_id IN (SELECT id FROM libraries WHERE state <> 'removed')
        AND new.verdict IS NOT NULL AND new.decided_by = 'reeld' AND COALESCE(old.decided_by, '') <> 'rules'
        AND ABS(julianday(COALESCE(old.missing_since, ?, new.changed_at)) - julianday(new.changed_at)) <= ?
        AND NOT EXISTS (
            SELECT 1 FROM file_history AS link WHERE video_file_id = new.id AND event = 'paired' AND NOT EXISTS (
                SELECT 1 FROM file_history WHERE video_file_id = new.id AND id > link.id AND content_before IS NOT NULL
            )
        )
"""
# Uses the index on the library, so that this costs nothing while no library is removed.
_OF_REMOVED_LIBRARY = "old.library_id IN (SELECT id FROM libraries WHERE state = 'removed')"

_AMONG = "new.id IN (SELECT value FROM json_each(?))"

_MISSING, _LEFT_BEHIND = FileState.MISSING, FileState.LIBRARY_REMOVED

# 1970 as a Julian day.
_EPOCH = 2440587.5


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftBehind:
    """A file of a library that is not configured any more. A new file may be its copy."""

    id: int
    library_id: int
    copied_at_ms: int
    """When the bytes of the new file came."""


def without_copy_to_match(video_file_ids: Collection[int]) -> set[int]:
    """Those of these files whose content no missing file, and no file of a removed library, had."""
    found = _pairs(_AMONG, [json.dumps(list(video_file_ids))], _MISSING, _LEFT_BEHIND)
    return set(video_file_ids) - {new_id for new_id, *_ in found}


def left_behind(video_file_id: int, now_ms: int) -> list[LeftBehind]:
    """Return the files of removed libraries whose rows this file takes if they are gone from their places now."""
    return [
        LeftBehind(id=old_id, library_id=library_id, copied_at_ms=copied_at_ms)
        for _new_id, old_id, library_id, copied_at_ms in _pairs(
            "new.id = ?", [video_file_id], _LEFT_BEHIND, now_ms=now_ms
        )
    ]


def ask_left_behind(now_ms: int, video_file_ids: Collection[int] | None = None) -> None:
    """Queue all files that may be copies of files of removed libraries, or those of `video_file_ids`."""
    if video_file_ids is None:
        found = _pairs(_OF_REMOVED_LIBRARY, [], _LEFT_BEHIND, now_ms=now_ms)
    else:
        these = json.dumps(list(video_file_ids))
        found = _pairs(_AMONG, [these], _LEFT_BEHIND, now_ms=now_ms)
    for new_id in dict.fromkeys(new_id for new_id, *_ in found):
        queue.enqueue_if_idle(new_id, stage=STAGE, lane=LANE, due_at_ms=now_ms, now_ms=now_ms)


def match_copy(video_file_id: int, now_ms: int) -> None:
    """If this file was known elsewhere, let the old row adopt its place.

    If it may be several, choose the one of the same name, then the one that was deleted last.
    """
    pairs = _pairs("new.id = ?", [video_file_id], _MISSING)
    if pairs:
        _new_id, old_id, *_ = pairs[0]
        _adopt(video_file_id, old_id, now_ms)


def ask_copies(missing_id: int, now_ms: int) -> None:
    """Queue the files that may be copies of this missing one, due a little later."""
    for new_id, *_ in _pairs("old.id = ?", [missing_id], _MISSING):
        queue.enqueue_if_idle(new_id, stage=STAGE, lane=LANE, due_at_ms=now_ms + PATIENCE_MS, now_ms=now_ms)


def _pairs(
    which: str, values: Sequence[object], *old_states: FileState, now_ms: int | None = None
) -> Sequence[tuple[Any, ...]]:
    """Return pairs of a new and an old file. Without `now_ms`, a copy of a file of a removed library has any age.

    The `values` are those of the condition `which`: SQLite prepares each other text again.
    """
    now = None if now_ms is None else VideoFile.changed_at.db_value(utc_from_ms(now_ms))
    return rows(
        f"SELECT new.id, old.id, old.library_id, "
        f"CAST((julianday(new.changed_at) - {_EPOCH}) * 86400000 AS INTEGER) {_PAIRS} AND {which} "
        "ORDER BY old.filename = new.filename DESC, old.missing_since DESC, old.id",
        *(old_states[0], old_states[-1]),
        now,
        WITHIN_DAYS,
        *values,
    )


def _adopt(new_id: int, old_id: int, now_ms: int) -> None:
    ((library_id, *place),) = rows(f"SELECT {_PLACE} FROM video_files WHERE id = ?", new_id)  # noqa: S608
    ((library_before, before),) = rows("SELECT library_id, path FROM video_files WHERE id = ?", old_id)
    path, before = (VideoFile.path.python_value(value) for value in (place[0], before))
    # What the old row adopts: the bytes as they were read at the new place.
    found = media.of_row(new_id)
    assignments.transfer(new_id, old_id, now_ms)
    replaced = _replaced(new_id, found["file_hash"])
    if replaced is None:
        change("DELETE FROM video_files WHERE id = ?", new_id)
    else:
        _restore_row(new_id, replaced, old_id, now_ms)
    media.give_to_row(old_id, found)
    change(
        f"UPDATE video_files SET ({_PLACE}) = (?, ?, ?, ?), state = 'present', missing_since = NULL WHERE id = ?",  # noqa: S608
        library_id,
        *place,
        old_id,
    )
    size_bytes, file_hash = found["size_bytes"], found["file_hash"]
    evidence = (
        f"the same {size_bytes} bytes, fingerprint and full hash {file_hash} as {readable(place_of(before))}",
        "the old path was gone, in a library that could be read",
        f"until now it was file {new_id}, about which the user had decided nothing",
    )
    history.record(
        old_id,
        "paired",
        library_id=library_id,
        path=path,
        before=(library_before, before),
        evidence=evidence,
        now_ms=now_ms,
    )
    if replaced is not None:
        ask_copies(new_id, now_ms)


def _replaced(video_file_id: int, file_hash: str) -> history.Replaced | None:
    """Return the other file that this row described before the bytes with this hash came to its path.

    The copy may have come in pieces, or twice. So choose the last one that has another hash. If no such one was read
    whole, choose the last one that was not. Return None if there was none, or if a row describes it by now.
    """
    others = [each for each in history.replaced(video_file_id) if each.content["file_hash"] != file_hash]
    read = [each for each in others if each.content["file_hash"] is not None]
    found = next(iter(read or others), None)
    return None if found is None or _is_known(found.content) else found


def _is_known(stamp: Row) -> bool:
    names: tuple[str, ...] = ("inode", "size_bytes", "mtime_ns", "device")
    # Without inode numbers, files of one size and time differ in their bytes alone.
    names += () if stamp["inode"] else ("fingerprint",)
    condition = " AND ".join(f"{name} IS ?" for name in names)
    return bool(rows(f"SELECT 1 FROM video_files WHERE {condition}", *(stamp[name] for name in names)))  # noqa: S608


def _restore_row(video_file_id: int, replaced: history.Replaced, copy_id: int, now_ms: int) -> None:
    """Restore the row of the file that was there before the copy came, and is missing since.

    The verdict went with the copy, so the file is identified again when it returns.
    """
    queue.drop([video_file_id])
    assignments.forget_verdict(video_file_id, now_ms)
    media.give_to_row(video_file_id, replaced.content)
    directory, filename = os.path.split(replaced.path)
    update_row(
        VideoFile,
        video_file_id,
        library=replaced.library_id,
        path=evicted(replaced.path, video_file_id),
        directory=directory,
        filename=filename,
        state=FileState.MISSING,
    )
    known = replaced.content
    change(
        "UPDATE video_files SET changed_at = ?, missing_since = ? WHERE id = ?",
        known["changed_at"],
        known["missing_since"] or replaced.happened_at,
        video_file_id,
    )
    why = f"what had its row since then turned out to be file {copy_id}, which was known before"
    history.record(
        video_file_id,
        "missing",
        library_id=replaced.library_id,
        path=replaced.path,
        evidence=(why,),
        now_ms=now_ms,
    )
