"""Is this the library that we know, or what is left in its place when the disk is away?

An unmounted disk leaves an empty folder behind, and another disk may be mounted where it was: everything would seem to
be missing. So a library remembers the directory that it was last seen in. Another directory is believed only when at
least one of the known files lies in it, or when a person says so (`reeld accept`).
"""

import os

from reeld.catalog import files, libraries
from reeld.catalog.database import reading, writing
from reeld.domain.files import readable
from reeld.domain.records import KnownFile
from reeld.watch.walk import RootSeen

# A library of which none of so many files is there any more is another one, or an empty one.
SAMPLE = 50


def why_doubtful(library_id: int, root: str, seen: RootSeen) -> str | None:
    """Why the directory at `root` is not believed to be the library, for a person; None if it is, or may be."""
    with reading():
        remembered = libraries.root_of(library_id)
        known = files.sample_of_present(library_id, SAMPLE)
    if remembered == seen.identity:
        return None
    if remembered is not None and known and not any(_is_there(root, file) for file in known):
        return (
            f"another directory is at {readable(root)}, and none of the files that reeld knows is in it; connect the "
            "disk, or, if they are really gone, say so with reeld accept and the library's name"
        )
    with writing():
        libraries.remember_root(library_id, seen.identity)
    return None


def _is_there(root: str, known: KnownFile) -> bool:
    # Not the time: a library that was copied to a new disk may have lost it.
    try:
        return os.lstat(os.path.join(root, known.path)).st_size == known.stamp.size_bytes
    except OSError:
        return False
