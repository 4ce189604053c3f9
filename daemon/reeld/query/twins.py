"""Says what else is on the disk of a file's bytes: its other names, and its copies."""

import os
from typing import Any

from reeld.catalog.models import Library, VideoFile
from reeld.database.base import Row
from reeld.database.connection import reading
from reeld.database.statements import rows

_ITSELF = "SELECT size_bytes, file_hash, device, inode, links, is_in_doubt FROM video_files WHERE id = ?"

_OTHERS = (
    "SELECT libraries.path, f.path FROM video_files AS f JOIN libraries ON libraries.id = library_id "
    "WHERE f.id <> ? AND f.state = 'present' AND "
)
_LINKS = f"{_OTHERS} f.inode = ? AND f.size_bytes = ? AND f.device = ? ORDER BY 1, 2"
_COPIES = (
    f"{_OTHERS} f.file_hash = ? AND f.size_bytes = ? AND NOT f.is_in_doubt "
    "AND (f.inode = 0 OR (f.inode, f.device) <> (?, ?)) ORDER BY 1, 2"
)


def twins_of(video_file_id: int) -> Row:
    """Return `link_count` (as the file system said), and the paths of known links and of copies with the same hash."""
    with reading():
        ((size_bytes, file_hash, device, inode, links, is_in_doubt),) = rows(_ITSELF, video_file_id)
        linked = rows(_LINKS, video_file_id, inode, size_bytes, device) if inode and links and links > 1 else []
        is_known = file_hash is not None and not is_in_doubt
        copies = rows(_COPIES, video_file_id, file_hash, size_bytes, inode, device) if is_known else []
    return {
        "link_count": links,
        "link_paths": [_joined(*each) for each in linked],
        "copy_paths": [_joined(*each) for each in copies],
    }


def _joined(root: Any, path: Any) -> str:
    return str(os.path.join(Library.path.python_value(root), VideoFile.path.python_value(path)))
