"""Makes rows for tests through the catalogue's own lock, and reads them as another program would."""

import contextlib
import itertools
from pathlib import Path
from typing import Any

from peewee import sqlite3

from reeld.catalog import libraries, queue, video_files
from reeld.config import Library
from reeld.database.connection import writing
from reeld.domain.files import FileStamp
from reeld.domain.records import Job
from reeld.domain.states import LibraryState

NOW_MS = 1_750_000_000_000

_inodes = itertools.count(1000)


def stamp(**changes: int) -> FileStamp:
    """Make a unique stamp, except for the given fields."""
    values = {"size_bytes": 5000, "mtime_ns": 1_700_000_000_000_000_000, "ctime_ns": 1_700_000_000_000_000_001}
    return FileStamp(**{**values, "inode": next(_inodes), "device": 7, **changes})


def add_libraries(*names: str) -> list[int]:
    """Add libraries of these names, all reachable, and return their ids.

    Libraries that are not named are removed from the configuration.
    """
    configured = [Library(name=name, path=f"/disks/{name}") for name in names]
    with writing():
        ids = list(libraries.sync_libraries(configured, NOW_MS).values())
        for library_id in ids:
            libraries.set_state(library_id, LibraryState.ONLINE, None, NOW_MS)
        return ids


def claim_one(lane: str, now_ms: int) -> Job | None:
    """Claim the lane's next job, within the caller's transaction."""
    return next(iter(queue.claim(lane, now_ms)), None)


def add_file(library_id: int, path: str, *, at: FileStamp | None = None, now_ms: int = NOW_MS) -> int:
    with writing():
        return video_files.record_settled(library_id, path, at or stamp(), now_ms)


def rows(catalog: Path, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """Read rows as another program does.

    Never with Python's own sqlite3 while the catalogue is open here. If reeld brings a newer
    SQLite, one process would hold two copies of it, and closing a file in one drops the locks of
    the other.
    """
    with contextlib.closing(sqlite3.connect(catalog)) as connection:
        found: list[tuple[Any, ...]] = connection.execute(sql, values).fetchall()
        return found
