"""Tell which decided files, whose paths show other files now, still exist at names that no walk shows.

Such a name lies in a folder that the rules skip, or has no video's ending. So every name in all libraries on the disk
is compared. This reads all their folders, and is done only for a file about which the user decided.

The inode number tells where the file is. Where numbers prove nothing, its size and its fingerprint tell.

A file may have had several names all along: hard links. When a better version replaces it at its path, the others are
left. A link with a row of its own is no place to which the file went. Any other name may be one, unless its folder has
not changed since the file was seen at its path.
"""

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from reeld.catalog import libraries, video_files
from reeld.database.connection import reading
from reeld.domain.files import FileStamp
from reeld.domain.records import KnownFile, Place
from reeld.scanner.twins import fingerprint_at
from reeld.watch.inode_search import files_of_size, names_of
from reeld.watch.mounts import all_mounts, device_of_mount

TICK_NS = 10_000_000
"""The clock of the kernel's file times goes on in steps of 10 ms at most. One call may set times of two steps."""

SHIFT_NS = 15 * 60 * 10**9
"""FAT keeps local time, which another time zone shifts by quarter hours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Replaced:
    """A decided file, and the stamp of the file that is at its path now."""

    known: KnownFile
    there: FileStamp

    @property
    def is_numbered(self) -> bool:
        return bool(self.known.stamp.inode and self.there.inode)


def decided_elsewhere(place: Place, there: Mapping[str, FileStamp], on_folder: Callable[[], None]) -> Mapping[str, int]:
    """Return the ids of the decided files that exist elsewhere, by the paths at which they were known.

    `there` are the stamps of the files that replaced them. `on_folder` is called before each folder that is read. What
    it raises ends the search.
    """
    if not there:
        return {}
    with reading():
        rows = video_files.known_at_paths(place.library_id, list(there))
        decided = [_Replaced(known=known, there=there[known.path]) for known in rows if known.is_decided_by_user]
        replaced = [each for each in decided if not (each.is_numbered and each.known.stamp.inode == each.there.inode)]
        if not replaced:
            return {}
        roots = libraries.all_roots() | {place.library_id: place.root}
        links = video_files.present_links([each.known.stamp for each in replaced if each.is_numbered])
        alike = video_files.present_with_sizes([each.known.stamp.size_bytes for each in replaced])
    devices = {stamp.device for each in replaced for stamp in (each.known.stamp, each.there)}
    mounts = all_mounts()
    folders = {place.root} | {root for root in roots.values() if device_of_mount(root, mounts) in devices}

    def absolute(known: KnownFile) -> str:
        return os.path.join(roots[known.library_id], known.path)

    found = _with_number([each for each in replaced if each.is_numbered], folders, set(map(absolute, links)), on_folder)
    own_rows = {absolute(known) for known in alike if known.fingerprint and not known.is_skipped}
    own_rows |= {os.path.join(place.root, path) for path in there}
    found += _by_content([each for each in replaced if not each.is_numbered], folders, own_rows, on_folder)
    return {known.path: known.id for known in found}


def _with_number(
    replaced: Sequence[_Replaced], folders: Collection[str], linked: Collection[str], on_folder: Callable[[], None]
) -> list[KnownFile]:
    """Return those whose inodes have a name without a row, to which the file may have gone."""
    # The number of a disk may change with a boot. The file that is at the path is on the same disk.
    wanted = {
        (device, each.known.stamp.inode, each.known.stamp.size_bytes): each
        for each in replaced
        for device in (each.known.stamp.device, each.there.device)
    }
    names = names_of(wanted, folders, on_folder=on_folder)
    found = {}
    for key, by_path in names.items():
        known = wanted[key].known
        unlisted = [path for path in by_path if path not in linked]
        is_all = all(status.st_nlink == len(by_path) for status in by_path.values())
        links = max(status.st_nlink for status in by_path.values())
        if unlisted and not (is_all and all(_is_older_name(path, known, links) for path in unlisted)):
            found[known.id] = known
    return list(found.values())


def _is_older_name(path: str, known: KnownFile, links: int) -> bool:
    """Tell whether a file surely had this name when it was seen at its own path, so that it did not go there.

    A file that went somewhere has as many names as before; one that was replaced has fewer. Who gives a file a name
    changes the folder's ctime, which no program can set. A folder that is moved keeps the names in it and its own name,
    or its ctime changes, too.
    """
    if known.stamp.links is None or links >= known.stamp.links:
        return False
    folder = os.path.dirname(path)
    if _tail(path) == _tail(known.path):
        return False
    try:
        changed_ns = os.lstat(folder).st_ctime_ns
    except OSError:
        return False
    # The link itself changed both times, and one name less than then is left.
    is_made_then = known.stamp.links == links + 1 and changed_ns <= known.stamp.ctime_ns + TICK_NS
    return changed_ns < known.stamp.ctime_ns or is_made_then


def _tail(path: str) -> list[str]:
    return path.rsplit("/", 2)[-2:]


def _by_content(
    replaced: Sequence[_Replaced], folders: Collection[str], own_rows: Collection[str], on_folder: Callable[[], None]
) -> list[KnownFile]:
    """Return those whose bytes are at a name without a row. What cannot be read may be the file."""
    sizes = {each.known.stamp.size_bytes for each in replaced}
    found: dict[int, KnownFile] = {}
    for path, status in files_of_size(sizes, folders, on_folder=on_folder) if sizes else ():
        if path in own_rows:
            continue
        stamp = FileStamp.of(status)
        found |= {
            each.known.id: each.known
            for each in replaced
            if each.known.id not in found and _may_be(each.known, path, stamp)
        }
    return list(found.values())


def _may_be(known: KnownFile, path: str, stamp: FileStamp) -> bool:
    if stamp.size_bytes != known.stamp.size_bytes:
        return False
    if known.fingerprint is None:
        return (stamp.mtime_ns - known.stamp.mtime_ns) % SHIFT_NS == 0
    return fingerprint_at(path, stamp) in (known.fingerprint, None)
