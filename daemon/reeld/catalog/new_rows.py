"""Write the rows of many new files, and queue them, with a few statements for all.

A first scan lists thousands of files in a second. Each of them needs a row and a job, and nothing that is known yet.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from typing import Any

from reeld.catalog import queue
from reeld.catalog.folders import files_inside
from reeld.catalog.models import VideoFile
from reeld.database.fields import utc_from_ms
from reeld.database.statements import insert_rows, rows, rows_in
from reeld.domain.files import Completeness
from reeld.domain.states import FileState

Content = tuple[int, int, int]
"""Inode number, size in bytes and mtime in nanoseconds."""

Stamp = tuple[int, int, int, int, int, int]
"""Size in bytes, mtime and ctime in nanoseconds, inode, device, and number of names."""

NewRow = tuple[Any, ...]
"""The values of the columns in which new files differ, as SQLite has them; the last but one is the number of names."""

_COLUMNS = (
    *("path", "directory", "filename", "size_bytes", "mtime_ns", "ctime_ns", "inode", "device", "links"),
    "completeness",
)

_SIGNED = 1 << 63

_path = VideoFile.path.db_value
_number = VideoFile.inode.db_value


def new_row(directory: str, name: str, stamp: Stamp, completeness: str) -> NewRow:
    """Return the row of a file that is complete and not known.

    `directory` is relative to the library, and `completeness` is as `as_text` makes it.
    """
    path = f"{directory}/{name}" if directory else name
    size_bytes, mtime_ns, ctime_ns, inode, device, links = stamp
    numbers = (inode, device) if inode < _SIGNED and device < _SIGNED else (_number(inode), _number(device))
    # Nearly all paths are ASCII, and that is known at once.
    place = (path, directory, name) if path.isascii() else (_path(path), _path(directory), _path(name))
    return (*place, size_bytes, mtime_ns, ctime_ns, *numbers, links, completeness)


@lru_cache(maxsize=64)
def as_text(completeness: Completeness) -> str:
    """Return what the row of a file says of the checks that found it complete. Most files have that in common."""
    return json.dumps(asdict(completeness))


def is_any_known(library_id: int, below: str) -> bool:
    """Tell whether the catalogue has a row, present or missing, at or below this folder; "" is the whole library."""
    return bool(VideoFile.select(VideoFile.id).where(files_inside(library_id, below)).limit(1).tuples())


def known_directories(library_id: int, directories: Collection[str]) -> set[str]:
    """Return those of these folders, which are relative to the library, that have rows, also of missing files."""
    sql = f"SELECT DISTINCT directory FROM video_files WHERE library_id = {library_id:d} AND directory"  # noqa: S608
    found = rows_in(sql, [_path(directory) for directory in directories])
    return {VideoFile.directory.python_value(directory) for (directory,) in found}


def known_contents(contents: Collection[Content]) -> set[Content]:
    """Return those of these that rows of any library have: the file may have been moved, or have another name."""
    sql = "SELECT inode, size_bytes, mtime_ns FROM video_files WHERE inode"
    found = rows_in(sql, [_number(inode) for inode, _, _ in contents])
    return {(VideoFile.inode.python_value(inode), size, mtime_ns) for inode, size, mtime_ns in found}.intersection(
        contents
    )


def insert(library_id: int, new: Sequence[NewRow], *, stage: str, lane: str, now_ms: int) -> None:
    """Write these rows, whose paths have none, and queue the files at `stage`; within the caller's transaction."""
    ((last_id,),) = rows("SELECT COALESCE(MAX(id), 0) FROM video_files")
    now = utc_from_ms(now_ms)
    same: Mapping[str, Any] = {
        "library": library_id,
        "state": FileState.PRESENT,
        "first_seen_at": now,
        "changed_at": now,
    }
    insert_rows(VideoFile, same, _COLUMNS, new)
    # Ids are never given twice: the new rows are those beyond the last one.
    queue.enqueue_new(last_id, stage=stage, lane=lane, now_ms=now_ms)
