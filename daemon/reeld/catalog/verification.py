"""Which files are to be compared with their full hashes, and what came of that.

A file is verified as long as its row says what was hashed: it is present, has a full hash that is in no doubt, and its
library can be read. The oldest comparison comes first. The reading that made the hash counts as one, so a file that was
never compared stands where its bytes came.

What is stored never replaces a hash. It goes to the rows of all names of the file, since they are the same bytes, and
is forgotten with everything else about them when they change (`media.py`).
"""

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from heapq import merge
from itertools import islice
from typing import NamedTuple

from reeld.catalog import history, twins
from reeld.catalog.models import VideoFile
from reeld.database.base import Row
from reeld.database.connection import reading
from reeld.database.fields import utc_from_ms
from reeld.database.statements import rows
from reeld.domain.files import readable
from reeld.domain.records import FileRecord
from reeld.domain.times import rfc3339
from reeld.domain.verification import PROBLEMS, Comparison, Result

_SINCE = "COALESCE(verified_at, changed_at)"

_FITS = "file_hash IS NOT NULL AND NOT is_in_doubt AND state = 'present'"
"""As the index `video_files_verified_at` has it."""

_READABLE = "SELECT id FROM libraries WHERE state IN ('online', 'on_hold')"

# The same file under all its names, as long as no row of it was changed since it was read.
_SAME_BYTES = """
    (id = ? OR (inode <> 0 AND links > 1)) AND state = 'present' AND NOT is_in_doubt
    AND inode = ? AND device = ? AND size_bytes = ? AND mtime_ns = ? AND ctime_ns = ? AND file_hash = ?
"""


class Due(NamedTuple):
    """A file in the order of verification: since when it was not compared, as SQLite stores it, and its id."""

    since: str
    id: int


def due(before_ms: int, *, after: Due | None, most: int) -> list[Due]:
    """The next files that were not compared since that moment, the longest first, beyond `after`."""
    last = VideoFile.verified_at.db_value(utc_from_ms(before_ms))
    with reading():
        found = [
            rows(
                f"SELECT {_SINCE}, id FROM video_files WHERE {_FITS} AND library_id = ? "  # noqa: S608
                f"AND {_SINCE} <= ? AND ({_SINCE}, id) > (?, ?) ORDER BY {_SINCE}, id LIMIT ?",
                library_id,
                last,
                *(after or ("", 0)),
                most,
            )
            for (library_id,) in rows(_READABLE)
        ]
    return [Due(*row) for row in islice(merge(*found), most)]


def is_due(video_file_id: int, before_ms: int) -> bool:
    """Whether this file can be verified, and was not compared since that moment."""
    last = VideoFile.verified_at.db_value(utc_from_ms(before_ms))
    sql = f"SELECT 1 FROM video_files WHERE {_FITS} AND +library_id IN ({_READABLE}) AND {_SINCE} <= ? AND id = ?"  # noqa: S608
    return bool(rows(sql, last, video_file_id))


def in_order(video_file_ids: Collection[int]) -> list[int]:
    """Those of these files that can be verified, in the order of verification."""
    with reading():
        found = rows(
            f"SELECT id FROM video_files WHERE {_FITS} AND +library_id IN ({_READABLE}) "  # noqa: S608
            f"AND id IN (SELECT value FROM json_each(?)) ORDER BY {_SINCE}, id",
            json.dumps(list(video_file_ids)),
        )
    return [row_id for (row_id,) in found]


def size_of(video_file_ids: Collection[int]) -> int:
    """How many bytes these files have together; one with several names counts once."""
    with reading():
        ((size_bytes,),) = rows(
            "SELECT COALESCE(SUM(size_bytes), 0) FROM (SELECT MAX(size_bytes) AS size_bytes FROM video_files "
            "WHERE id IN (SELECT value FROM json_each(?)) GROUP BY IIF(links > 1 AND inode <> 0, inode, -id), device)",
            json.dumps(list(video_file_ids)),
        )
    return int(size_bytes)


def problems() -> dict[str, int]:
    """Count the present files with each problem. It asks an index."""
    with reading():
        found = dict(
            rows(
                "SELECT verify_problem, COUNT(*) FROM video_files "
                "WHERE verify_problem IS NOT NULL AND +state = 'present' GROUP BY verify_problem"
            )
        )
    return {problem.value: 0 for problem in PROBLEMS} | found


def oldest() -> datetime | None:
    """Since when the file was not compared that was not for the longest time; None where there is none. It is cheap."""
    with reading():
        found = [
            since
            for (library_id,) in rows(_READABLE)
            for (since,) in rows(
                f"SELECT {_SINCE} FROM video_files WHERE {_FITS} AND library_id = ? ORDER BY {_SINCE} LIMIT 1",  # noqa: S608
                library_id,
            )
        ]
    return VideoFile.verified_at.python_value(min(found)) if found else None


class Stored(NamedTuple):
    """A row that a result was stored in."""

    id: int
    was_damaged: bool
    """Whether the row said so until now."""


def store(record: FileRecord, compared: Comparison, now_ms: int) -> list[Stored]:
    """Store what came of reading a file, and return the rows that it was stored in: one for each name.

    There are none if the row does not describe what was read any more: then nothing may be said of the file. Call it in
    a transaction.
    """
    same = _rows_of(record)
    if not same:
        return []
    problem = compared.result if compared.result in PROBLEMS else None
    for row_id, library_id, path, before, known in same:
        since = json.loads(known)["since"] if before == problem and known else rfc3339(utc_from_ms(now_ms))
        details = None if problem is None else {"since": since, **details_of(compared)}
        values: Row = {"verify_problem": problem, "verify_details": details}
        if compared.result in (Result.SAME, Result.DAMAGED):
            values["verified_at"] = utc_from_ms(now_ms)
        VideoFile.update(**values).where(VideoFile.id == row_id).execute()
        if Result.DAMAGED in (before, problem) and before != problem and compared.result is not Result.UNSTABLE:
            _record(row_id, library_id, path, record, compared, now_ms)
    return [Stored(row_id, before == Result.DAMAGED) for row_id, _, _, before, _ in same]


def holds(record: FileRecord) -> bool:
    """Whether the row still describes what was read."""
    return bool(_rows_of(record))


def details_of(compared: Comparison) -> Row:
    return {"hash": compared.found_hash, "offset": compared.error_offset, "reason": compared.reason}


def _rows_of(record: FileRecord) -> Sequence[tuple[int, int, str, str | None, str | None]]:
    stamp = record.stamp
    return rows(
        f"SELECT id, library_id, path, verify_problem, verify_details FROM video_files WHERE {_SAME_BYTES}",  # noqa: S608
        record.id,
        VideoFile.inode.db_value(stamp.inode),
        VideoFile.device.db_value(stamp.device),
        stamp.size_bytes,
        stamp.mtime_ns,
        stamp.ctime_ns,
        record.file_hash,
    )


def _record(row_id: int, library_id: int, path: str, record: FileRecord, compared: Comparison, now_ms: int) -> None:
    """Write into the history that a file is damaged, or is not any more."""
    match compared.result:
        case Result.DAMAGED:
            event: history.Event = "damaged"
            evidence = [
                f"two readings gave the hash {compared.found_hash} instead of {record.file_hash}",
                "its inode, size, mtime and ctime are as they were",
            ]
        case Result.SAME:
            event, evidence = "whole", [f"all bytes were read, and have the hash {record.file_hash} again"]
        case _:
            return
    place = VideoFile.path.python_value(path)
    history.record(row_id, event, library_id=library_id, path=place, evidence=evidence, now_ms=now_ms)


def what_is_wrong(result: str, details: Row) -> str:
    """Say for the user what came of reading a file that is not as it was hashed."""
    match result:
        case Result.DAMAGED:
            return "its bytes are not those of its hash any more, though neither its size nor its times changed"
        case Result.ALTERED:
            return (
                "its bytes are not those of its hash any more, though its size and mtime did not change; its ctime "
                "did, so a program may have put the mtime back"
            )
        case Result.UNSTABLE:
            return "each reading gives other bytes, so nothing can be said of it"
        case _:
            at = "" if details["offset"] is None else f" at byte {details['offset']}"
            return f"it cannot be read{at} ({details['reason']})"


def with_advice(video_file_id: int, result: str, details: Row) -> str:
    """Say what is wrong with a file, and what to do: which copy is whole, for instance."""
    wrong = f"{result}: {what_is_wrong(result, details)}"
    match result:
        case Result.UNSTABLE:
            return f"{wrong}; check its disk, the cable of that, and the memory of this machine"
        case Result.UNREADABLE:
            return f"{wrong}; check its disk; {_whole_copy(video_file_id)}"
        case _:
            return f"{wrong}; {_whole_copy(video_file_id)}"


def _whole_copy(video_file_id: int) -> str:
    copies = twins.copies_of(video_file_id)
    if not copies:
        return "no other file with the same bytes is known: take it from a backup"
    return f"{readable(copies[0])} had the same bytes when it was last read: verify that, and copy it back"
