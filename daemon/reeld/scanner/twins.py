"""Tell apart known files of one size and time, where no inode number says which of them is at a path.

On most disks a known file is the same while its inode number, size and time are. Where numbers prove nothing
(`watch/inode_trust.py`), size and time have to do, and are enough for most files: no two of them have both in common.
Of those that do, twins, each must have the fingerprint that its row says: when the disk was mounted since, when their
folder changed, and when an event named it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from reeld.catalog import video_files
from reeld.content.hashing import quick_hashes
from reeld.content.opening import opened
from reeld.database.connection import reading
from reeld.domain.files import FileStamp
from reeld.domain.records import KnownFile
from reeld.errors import ReeldError
from reeld.watch.walk import Listing, SeenFile


class InodesChanged(Exception):
    """The files of this folder have other inode numbers than before, or than their names."""

    def __init__(self, relative: str) -> None:
        super().__init__(relative)
        self.relative = relative


@dataclass(slots=True)
class Twins:
    """The folders of one library whose twins were compared with their rows. For one thread."""

    is_doubted: bool = False
    """Whether files with other inode numbers than before prove that their mount changes numbers."""
    _is_for_folder: bool = False
    _compared: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    """By folder: its mtime and ctime, and how many of its files were twins."""

    def start_again(self) -> None:
        """Compare all twins once more: the disk may have been mounted, or changed unseen."""
        self._compared.clear()

    def begin_scan(self, *, is_for_folder: bool, is_doubted: bool) -> None:
        """Begin a scan of everything, or of a folder because something happened there."""
        self._is_for_folder, self.is_doubted = is_for_folder, is_doubted

    def require_lasting(self, listing: Listing, rows: Mapping[str, KnownFile]) -> None:
        """Raise InodesChanged if this folder's mount is trusted to keep inode numbers, and does not.

        A new inode has a new ctime. So a file with the known size, mtime and ctime is the known one, and a number that
        is another says that the file system invents them. In a walk of everything, that is: while reeld watches, two
        folders may be exchanged, each with a file of the same moment.
        """
        if not self.is_doubted or not listing.has_inodes:
            return
        files = listing.files if rows and not self._is_for_folder else ()
        if listing.is_renumbered or any(_has_other_number(rows.get(seen.relative), seen.stamp) for seen in files):
            raise InodesChanged(listing.relative)

    def to_compare(self, listing: Listing, *, is_busy: bool) -> list[SeenFile]:
        """Return the files of the folder whose fingerprints must be compared with their rows now.

        While a file of the folder `is_busy` settling, its events say nothing of the others. They are compared later.
        """
        if listing.has_inodes or not listing.files:
            return []
        before = self._compared.get(listing.relative)
        if before is not None and before[:2] == _times(listing):
            if not before[2] or not self._is_for_folder:
                return []
            if is_busy:
                del self._compared[listing.relative]
                return []
        with reading():
            alike = video_files.twins_among([_size_and_time(seen) for seen in listing.files])
        twins = [seen for seen in listing.files if _size_and_time(seen) in alike]
        if not twins:
            self._compared[listing.relative] = (*_times(listing), 0)
        return twins

    def note(
        self,
        listing: Listing,
        rows: Mapping[str, KnownFile],
        twins: Collection[SeenFile],
        fingerprints: Mapping[str, str],
    ) -> None:
        """Remember that these twins were compared, unless one could not be read or was another file."""
        if not twins:
            return
        if all(_is_same(rows.get(seen.relative), fingerprints.get(seen.relative)) for seen in twins):
            self._compared[listing.relative] = (*_times(listing), len(twins))
        else:
            self._compared.pop(listing.relative, None)


def fingerprint_at(path: str, stamp: FileStamp) -> str | None:
    """Read the fingerprint of the file with this stamp, 2 MiB at most. None if it cannot be read, or is another."""
    try:
        with opened(path, stamp) as video:
            return quick_hashes(video).fingerprint
    except ReeldError:
        return None


def _has_other_number(known: KnownFile | None, now: FileStamp) -> bool:
    if known is None or not known.is_present or not known.stamp.has_other_inode(now):
        return False
    before = known.stamp
    return (before.size_bytes, before.mtime_ns, before.ctime_ns) == (now.size_bytes, now.mtime_ns, now.ctime_ns)


def _is_same(known: KnownFile | None, fingerprint: str | None) -> bool:
    """Whether nothing contradicts that the row describes the file. A row without a fingerprint will be read."""
    if known is None or known.fingerprint is None:
        return True
    return known.fingerprint == fingerprint


def _size_and_time(seen: SeenFile) -> tuple[int, int]:
    return (seen.status.st_size, seen.status.st_mtime_ns)


def _times(listing: Listing) -> tuple[int, int]:
    return (listing.mtime_ns, listing.ctime_ns)
