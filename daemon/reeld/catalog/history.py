"""Record what happened to a file after it was first seen, and the evidence for it.

Each event is written in the transaction of the change, with its evidence as sentences for the user. The first sight has
no event: the file's own row has its time.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from reeld.catalog.models import FileHistory, Library, VideoFile
from reeld.database.base import Row
from reeld.database.fields import utc_from_ms
from reeld.database.statements import change, rows
from reeld.domain.records import place_of
from reeld.domain.times import rfc3339

Event = Literal["moved", "changed", "missing", "returned", "paired", "replaced", "damaged", "whole"]

# A disk that comes and goes every day for months must not fill the catalogue.
MOST_OF_A_FILE = 100


@dataclass(frozen=True, slots=True)
class Replaced:
    """A file whose row now describes another file, which came to its path."""

    library_id: int
    path: str
    """Where it was."""
    happened_at: str
    """When the other file was seen there, as SQLite stores it."""
    content: Row
    """What was known about its bytes, see `media.py`."""


def record(
    video_file_id: int,
    event: Event,
    *,
    library_id: int,
    path: str,
    evidence: Sequence[str],
    now_ms: int,
    before: tuple[int, str] | None = None,
    content_before: Row | None = None,
) -> None:
    """Add an event, and delete the oldest of too many. `before` is the library and the path that the file left.

    Names in the evidence must be `readable`.
    """
    library_before, path_before = before or (None, None)
    change(
        """
        INSERT INTO file_history
            (video_file_id, happened_at, event, library_id, path, library_id_before, path_before, evidence,
             content_before)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        video_file_id,
        FileHistory.happened_at.db_value(utc_from_ms(now_ms)),
        event,
        library_id,
        VideoFile.path.db_value(place_of(path)),
        library_before,
        VideoFile.path.db_value(place_of(path_before)) if path_before is not None else None,
        json.dumps(list(evidence)),
        json.dumps(content_before) if content_before is not None else None,
    )
    change(
        """
        DELETE FROM file_history WHERE video_file_id = ? AND id <=
            (SELECT id FROM file_history WHERE video_file_id = ? ORDER BY id DESC LIMIT 1 OFFSET ?)
        """,
        video_file_id,
        video_file_id,
        MOST_OF_A_FILE,
    )


def replaced(video_file_id: int) -> list[Replaced]:
    """Return the files that this one's row described before, the last one first."""
    found = rows(
        "SELECT library_id, path, happened_at, content_before FROM file_history "
        "WHERE video_file_id = ? AND content_before IS NOT NULL ORDER BY id DESC",
        video_file_id,
    )
    return [
        Replaced(library_id, VideoFile.path.python_value(path), happened_at, json.loads(content))
        for library_id, path, happened_at, content in found
    ]


def of_file(video_file_id: int) -> list[Row]:
    """Return all events of a file, oldest first, with absolute paths."""
    roots = dict(Library.select(Library.id, Library.path).tuples())
    links = FileHistory.select().where(FileHistory.video_file == video_file_id).order_by(FileHistory.id)
    return [
        {
            "happened_at": rfc3339(link["happened_at"]),
            "event": link["event"],
            "path": _absolute(roots, link["library_id"], link["path"]),
            "path_before": _absolute(roots, link["library_id_before"], link["path_before"]),
            "evidence": link["evidence"],
        }
        for link in links.dicts()
    ]


def _absolute(roots: dict[int, str], library_id: int | None, path: str | None) -> Any:
    return None if path is None or library_id is None else os.path.join(roots[library_id], path)
