"""Reads sidecars for output: dicts whose keys scripts may rely on (`daemon/JSON.md`); unknown is None."""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from reeld.catalog.models import Library, Sidecar
from reeld.database.base import Row
from reeld.database.connection import reading
from reeld.database.statements import rows
from reeld.domain.sidecars import PICTURE_KINDS
from reeld.domain.times import rfc3339

_PAGE = 500

_COUNTS = """
    SELECT video_files.id, sidecars.kind, COUNT(*) FROM video_files
    JOIN sidecars ON sidecars.library_id = video_files.library_id AND sidecars.video_path = video_files.path
    WHERE video_files.id IN (SELECT value FROM json_each(?)) GROUP BY video_files.id, sidecars.kind
"""

_COLUMNS = """
    SELECT sidecars.id, libraries.name, libraries.path, sidecars.path, sidecars.kind, owner, video_path, video_files.id,
        language, is_forced, is_sdh, is_default, title, sidecars.size_bytes, sidecars.mtime_ns
    FROM sidecars JOIN libraries ON libraries.id = sidecars.library_id
    LEFT JOIN video_files ON video_files.library_id = sidecars.library_id AND video_files.path = video_path
"""

_WHY_ORPHAN = {
    "none": "its video is not there",
    "several": "several videos fit equally",
}

_CONFIGURED = "FROM sidecars JOIN libraries ON libraries.id = library_id WHERE libraries.state <> 'removed'"
_ARE_ORPHANS = " AND owner IN ('none', 'several')"


def counts_of_files(file_ids: Sequence[int]) -> dict[int, Row]:
    """Count the sidecars of these files; those without any are there, too."""
    counts = {
        file_id: dict.fromkeys(("subtitle_file_count", "nfo_file_count", "picture_file_count"), 0)
        for file_id in file_ids
    }
    for file_id, kind, count in rows(_COUNTS, json.dumps(list(file_ids))):
        if (name := _counted_as(kind)) is not None:
            counts[file_id][name] += count
    return counts


def _counted_as(kind: str) -> str | None:
    """The index of a subtitle is none of its own."""
    if kind in PICTURE_KINDS:
        return "picture_file_count"
    return f"{kind}_file_count" if kind in ("subtitle", "nfo") else None


def count_orphans() -> int:
    """Count the sidecars of all configured libraries that belong to no video."""
    with reading():
        ((count,),) = rows(f"SELECT count(*) {_CONFIGURED}{_ARE_ORPHANS}")
    return int(count)


def of_file(library_id: int, path: str) -> list[Row]:
    """List the sidecars of a video, by path. `path` is its own, relative to the library."""
    condition = "WHERE sidecars.library_id = ? AND video_path = ? ORDER BY sidecars.path"
    return [_row(row) for row in rows(_COLUMNS + condition, library_id, Sidecar.path.db_value(path))]


def list_sidecars(*, only_orphans: bool = False, of_files: Iterable[int] | None = None) -> Iterator[Row]:
    """List the sidecars of all configured libraries, by library and path.

    Of these only the orphans, which belong to no video; or those of some files.
    """
    with reading():
        if of_files is not None:
            found = rows(_IDS_OF_FILES, json.dumps(list(of_files)))
        else:
            found = rows(_IDS.format(_ARE_ORPHANS if only_orphans else ""))
    ids = [row_id for (row_id,) in found]
    for start in range(0, len(ids), _PAGE):
        page = ids[start : start + _PAGE]
        with reading():
            by_id = {row[0]: row for row in rows(_COLUMNS + _ON_PAGE, json.dumps(page))}
        yield from (_row(by_id[row_id]) for row_id in page if row_id in by_id)


_IDS = f"SELECT sidecars.id {_CONFIGURED}{{}} ORDER BY libraries.name, sidecars.path"
_IDS_OF_FILES = """
    SELECT sidecars.id FROM json_each(?) AS file JOIN video_files ON video_files.id = file.value
    JOIN sidecars ON sidecars.library_id = video_files.library_id AND sidecars.video_path = video_files.path
    JOIN libraries ON libraries.id = sidecars.library_id ORDER BY libraries.name, sidecars.path
"""
_ON_PAGE = "WHERE sidecars.id IN (SELECT value FROM json_each(?))"


def _row(stored: tuple[Any, ...]) -> Row:
    _, library, root, path, kind, owner, video, video_id, language, is_forced, is_sdh, is_default, *rest = stored
    title, size_bytes, mtime_ns = rest
    root = Library.path.python_value(root)
    return {
        "library": Library.name.python_value(library),
        "path": os.path.join(root, Sidecar.path.python_value(path)),
        "kind": kind,
        "belongs_to": owner,
        "video_path": None if video is None else os.path.join(root, Sidecar.path.python_value(video)),
        "video_id": video_id,
        "language": language,
        "is_forced": bool(is_forced),
        "is_sdh": bool(is_sdh),
        "is_default": bool(is_default),
        "title": title,
        "size_bytes": size_bytes,
        "modified_at": rfc3339(datetime.fromtimestamp(mtime_ns / 1e9, UTC)),
        "reason": _WHY_ORPHAN.get(owner),
    }
