"""Which directories have changed since they were last listed? One `stat` for each answers, and none is read.

A name that comes or goes changes its directory's times. So a pass over the known directories finds every file that was
created, renamed or deleted, for a twentieth of what a walk costs; only what happened inside a file escapes it.
"""

import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from reeld.watch.coverage import Identity
from reeld.watch.walk import Listing, join

# File systems keep times in ticks, of up to 2 seconds (FAT): what happened in the tick of the listing, but after it,
# leaves no trace in the times. So a directory that changed this shortly before it was listed is listed again.
YOUNG_NS = 3_000_000_000

# mtime, ctime, device, inode, names, whether the times can be trusted. Packed, because 10,000 directories are many
# objects otherwise: 2.9 MB with it.
_SEEN = struct.Struct("<qqQQq?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What a listing showed that the one before it did not."""

    relative: str | None
    """None: it is another directory than before, or could not be listed then, which nobody need have told."""
    has_other_names: bool
    """Whether a file came or went. Directories do not count: their coming is told without naming this one."""
    unknown_directories: tuple[str, ...]
    """Directories, relative to the library, of which nothing was known."""


class KnownDirectories:
    """The directories of one library as they were when last listed. For one thread."""

    def __init__(self) -> None:
        self._seen: dict[str, bytes] = {}

    def __len__(self) -> int:
        return len(self._seen)

    def note(self, listing: Listing, *, wall_ns: int) -> Difference | None:
        """Remember the directory as it was listed, at this moment of the wall clock, and say what is new.

        None when this very directory was not known, or shows the same names and known directories.
        """
        before = self._seen.get(listing.relative)
        # ctime, not mtime: rsync and tar set a directory's mtime back, and every clock tick changes both.
        is_sure = listing.ctime_ns < wall_ns - YOUNG_NS and not listing.unknown
        names = hash((listing.file_names, listing.companions, listing.others))
        self._seen[listing.relative] = _SEEN.pack(
            listing.mtime_ns, listing.ctime_ns, listing.device, listing.inode, names, is_sure
        )
        if before is None:
            return None
        _, _, device, inode, names_before, _ = _SEEN.unpack(before)
        below = (join(listing.relative, name) for name in listing.directories)
        unknown = tuple(path for path in below if path not in self._seen)
        if (device, inode) != listing.identity:
            return Difference(relative=None, has_other_names=False, unknown_directories=unknown) if unknown else None
        if names == names_before and not unknown:
            return None
        return Difference(relative=listing.relative, has_other_names=names != names_before, unknown_directories=unknown)

    def distrust(self, relative: str) -> None:
        """It could not be listed, so it must be listed by the next pass, whatever its times say."""
        self._seen[relative] = _SEEN.pack(0, 0, 0, 0, 0, False)

    def forget(self, relative: str) -> None:
        """It is certainly not there. What was below it is forgotten by the next pass."""
        self._seen.pop(relative, None)

    def changed(self, root: str, should_stop: Callable[[], bool]) -> list[str]:
        """Look at each directory without reading it; those to be listed, because they changed, went or are unsure."""
        changed: list[str] = []
        gone: set[str] = set()
        for relative, seen in self._seen.items():
            if should_stop():
                break
            if relative.rpartition("/")[0] in gone:
                gone.add(relative)  # whoever lists the one above finds out
                continue
            mtime_ns, ctime_ns, device, inode, _, is_sure = _SEEN.unpack(seen)
            try:
                # The slash makes a root that is a link count as what it leads to, and any other link as no directory.
                now = os.lstat(f"{root}/{relative}")
            except FileNotFoundError:
                gone.add(relative)
                changed.append(relative)
            except OSError:
                changed.append(relative)
            else:
                if not is_sure or (now.st_mtime_ns, now.st_ctime_ns, now.st_dev, now.st_ino) != (
                    mtime_ns, ctime_ns, device, inode
                ):  # fmt: skip
                    changed.append(relative)
        for relative in gone.difference(changed):
            del self._seen[relative]
        return changed

    def still_there(self, root: str) -> Iterator[tuple[str, Identity]]:
        """The directories, with their identities, that are still where they were listed; unreadable ones are not."""
        for relative, seen in list(self._seen.items()):
            _, _, device, inode, _, _ = _SEEN.unpack(seen)
            try:
                now = os.lstat(f"{root}/{relative}")
            except OSError:
                continue
            if (now.st_dev, now.st_ino) == (device, inode):
                yield relative, (device, inode)
