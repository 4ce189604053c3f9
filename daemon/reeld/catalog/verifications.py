"""Keeps what `verify` found of each file, and says which are due.

A result is of one hash of a file. It says nothing any more once the file's bytes changed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from reeld.catalog.models import Verification
from reeld.database.connection import reading, writing
from reeld.database.fields import utc_from_ms
from reeld.database.statements import change, rows

BROKEN = ("damaged", "unreadable")

IS_BROKEN = """f.id IN (SELECT video_file_id FROM verifications WHERE result IN ('damaged', 'unreadable')) AND EXISTS (
    SELECT 1 FROM verifications AS last
    WHERE last.video_file_id = f.id AND last.file_hash = f.file_hash AND last.verified_at > f.changed_at
)"""
"""The condition, about the file `f`, that it was damaged or unreadable when it was last verified, and is still that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A file that can be verified."""

    id: int
    size_bytes: int
    device: int
    inode: int


def due(video_file_ids: Sequence[int]) -> list[Due]:
    """Return those of these files that have a full hash and are not in doubt, the longest unverified first."""
    with reading():
        found = rows(
            """SELECT f.id, f.size_bytes, f.device, f.inode
            FROM json_each(?) AS asked JOIN video_files AS f ON f.id = asked.value
                JOIN libraries ON libraries.id = f.library_id LEFT JOIN verifications ON video_file_id = f.id
            WHERE f.state = 'present' AND libraries.state = 'online' AND f.file_hash IS NOT NULL AND NOT f.is_in_doubt
                AND f.id NOT IN (SELECT video_file_id FROM jobs WHERE state <> 'failed')
            ORDER BY verified_at NULLS FIRST, f.first_seen_at, f.id""",
            f"[{','.join(map(str, video_file_ids))}]",
        )
    return [Due(id=row_id, size_bytes=size, device=device, inode=inode) for row_id, size, device, inode in found]


def record(video_file_id: int, file_hash: str, result: str, offset: int | None, now_ms: int) -> bool:
    """Store a result of these bytes. Return whether the row still has this hash; else nothing is stored."""
    with writing():
        return bool(
            change(
                """INSERT INTO verifications (video_file_id, verified_at, result, file_hash, offset_bytes)
                SELECT id, ?, ?, file_hash, ? FROM video_files
                WHERE id = ? AND file_hash = ? AND NOT is_in_doubt AND state = 'present'
                ON CONFLICT (video_file_id) DO UPDATE SET verified_at = excluded.verified_at, result = excluded.result,
                    file_hash = excluded.file_hash, offset_bytes = excluded.offset_bytes""",
                Verification.verified_at.db_value(utc_from_ms(now_ms)),
                result,
                offset,
                video_file_id,
                file_hash,
            )
        )


def count_broken() -> int:
    """Count the files that were damaged or unreadable when they were last verified."""
    with reading():
        ((count,),) = rows(f"SELECT count(*) FROM video_files AS f WHERE {IS_BROKEN} AND f.state = 'present'")  # noqa: S608 - ours
    return int(count)
