"""Says what else is on the disk of a file's bytes: its other names, and its copies."""

import os
from typing import Any

from reeld.catalog.models import Library, VideoFile
from reeld.database.base import Row
from reeld.database.connection import reading
from reeld.database.statements import rows
from reeld.domain.times import rfc3339

_ITSELF = (
    "SELECT size_bytes, file_hash, device, inode, links, coalesce(links_seen_at, first_seen_at), is_in_doubt "
    "FROM video_files WHERE id = ?"
)

_OTHERS = (
    "SELECT libraries.path, f.path FROM video_files AS f JOIN libraries ON libraries.id = library_id "
    "WHERE f.id <> ? AND f.state = 'present' AND "
)
_LINKS = f"{_OTHERS} f.inode = ? AND f.size_bytes = ? AND f.device = ? ORDER BY 1, 2"
_COPIES = (
    f"{_OTHERS} f.file_hash = ? AND f.size_bytes = ? AND NOT f.is_in_doubt AND f.verify_problem IS NULL "
    "AND (f.inode = 0 OR (f.inode, f.device) <> (?, ?)) "
    "ORDER BY COALESCE(f.verified_at, f.changed_at) DESC, libraries.path, f.path"
)


_WHY_UNKNOWN = (
    "the file system has no lasting numbers of files, so other names of this one cannot be told; see `reeld status`"
)


def twins_of(video_file_id: int) -> Row:
    """Return how many names the file has and since when, the names that are known, and copies with the same hash.

    Each scan compares the number with the disk's. `link_problem` says why it is not to be trusted; then it is None.
    """
    with reading():
        ((size_bytes, _, device, inode, links, seen_at, is_in_doubt),) = rows(_ITSELF, video_file_id)
        linked = rows(_LINKS, video_file_id, inode, size_bytes, device) if inode and links and links > 1 else []
    is_counted = bool(inode) and links is not None
    seen = VideoFile.first_seen_at.python_value(seen_at)
    return {
        "link_count": links if is_counted else None,
        "link_count_at": rfc3339(seen) if seen is not None and is_counted else None,
        "link_problem": None if inode else _WHY_UNKNOWN,
        "link_paths": [_joined(*each) for each in linked],
        "copy_paths": [] if is_in_doubt else copies_of(video_file_id),
    }


def copies_of(video_file_id: int) -> list[str]:
    """Return the paths of other files that have the bytes which this one should have by its full hash.

    Nothing is known to be wrong with them. The one that was compared with its hash last comes first. There are none of
    a file without a full hash, or whose row is gone.
    """
    with reading():
        return [
            _joined(*each)
            for size_bytes, file_hash, device, inode, *_ in rows(_ITSELF, video_file_id)
            if file_hash is not None
            for each in rows(_COPIES, video_file_id, file_hash, size_bytes, inode, device)
        ]


def _joined(root: Any, path: Any) -> str:
    return str(os.path.join(Library.path.python_value(root), VideoFile.path.python_value(path)))
