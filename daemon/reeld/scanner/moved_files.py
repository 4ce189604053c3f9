"""Which of the files that a look shows were known elsewhere, and moved here?

Identity follows the content. A file is one that was known elsewhere if it has that one's inode, device, size and time,
and the old path is verifiably not that file any more. So a rename, a swap, a cycle and a chain of renames cost nothing
but updates: every row goes where its content is, and nothing is read again but the new name. A hard link moves nothing:
the old path is still there.

So it is where a file was renamed over another known one: the content that came keeps its own row, with its id, its
hashes and what was decided about it; the row of what was there is missing, and keeps what was decided about that. No
decision is ever applied to content that it was not made about, and none is lost: the old content may come back. (The
other rule, that a place keeps its row as an upgrade of the same film does, cannot be followed: in a chain of renames
across folders half of it is seen first, and looks just like that. Content that was never known does get the row of the
place where it appears.)

The device must be the same, since on another one the same inode, size and time may well be a copy's (`cp -a` to an
empty disk). Device numbers may change with a boot; what was moved in that very moment is paired by its content
(`catalog/copies.py`).

A library that is not configured any more cannot be looked at. A file of it that is seen in another with the very same
stamp, ctime included, was neither renamed nor linked since: a folder above it was, or the library is called or drawn
otherwise now. Its row moves, unless the file is to be seen at its old place as well. All else stays where it was known.
"""

import os
import stat
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from reeld.catalog import libraries, video_files
from reeld.database.connection import reading
from reeld.domain.files import FileStamp
from reeld.domain.records import KnownFile, Place, Relocation
from reeld.watch.rules import Rules
from reeld.watch.walk import Found, SeenFile

StatNames = Callable[[int, str, Collection[str]], Found | None]
"""What lies under these names of a library's folder now; None if that cannot be known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFile:
    """A file of the library whose content is not what is known at its path, and what is known there, if anything."""

    seen: SeenFile
    known: KnownFile | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MovePlan:
    """What is to be done in one transaction, see `catalog/video_files.py`."""

    relocations: Sequence[Relocation] = ()
    in_the_way: Sequence[KnownFile] = ()
    undecided: Collection[str] = ()
    """Paths of newcomers with the stamp of a file whose place cannot be looked at in this moment: it may have moved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveFinder:
    """Finds the files that were moved to places of one library, wherever they came from."""

    place: Place
    rules: Rules
    stat_names: StatNames

    def plan(self, new_files: Sequence[NewFile]) -> MovePlan:
        """Which of these were moved.

        Where a file has left lies perhaps another by now, whose folder is not looked at in this moment. It is taken
        along, so that one of two that swapped is never called missing.
        """
        found: dict[int, tuple[NewFile, KnownFile]] = {}
        wave, paths = list(new_files), {each.seen.relative for each in new_files}
        unseen: set[tuple[int, ...]] = set()
        while wave:
            left, unknown = self._vacated(wave)
            unseen |= {content_key(known.stamp) for known in unknown}
            new = _matched(wave, left, found)
            found |= new
            occupants = (self._occupant(known, left[known]) for _, known in new.values())
            wave = [each for each in occupants if each is not None and each.seen.relative not in paths]
            paths |= {each.seen.relative for each in wave}
        relocations = [
            Relocation(known=known, library_id=self.place.library_id, path=each.seen.relative, stamp=each.seen.stamp)
            for each, known in found.values()
        ]
        there = (each.known for each, _ in found.values() if each.known is not None)
        return MovePlan(
            relocations=relocations,
            in_the_way=[known for known in there if known.id not in found],
            undecided={each.seen.relative for each in new_files if content_key(each.seen.stamp) in unseen}
            - {each.path for each in relocations},
        )

    def _vacated(self, new_files: Iterable[NewFile]) -> tuple[dict[KnownFile, os.stat_result | None], list[KnownFile]]:
        """Of the files that had the stamp of one of these: those that are not at their place any more, with what lies
        there now; and those of which that cannot be known.
        """
        seen = {each.seen.stamp for each in new_files}
        with reading():
            candidates = video_files.known_with_stamps(list(seen))
        left: dict[KnownFile, os.stat_result | None] = {}
        unknown: list[KnownFile] = []
        folders: dict[tuple[int, str], list[KnownFile]] = defaultdict(list)
        for known in candidates:
            if known.is_evicted:
                left[known] = None
            elif not known.is_skipped:
                folders[known.library_id, os.path.dirname(known.path)].append(known)
        removed_libraries = _RemovedLibraries(self.place, new_files)
        for (library_id, directory), inhabitants in folders.items():
            now = self.stat_names(library_id, directory, [_name(known) for known in inhabitants])
            for known in inhabitants:
                if now is not None and _is_told_of(known, now):
                    if _has_left(known, now.by_name[_name(known)]):
                        left[known] = now.by_name[_name(known)]
                elif now is None and (self._has_left_unseen(known, seen) or removed_libraries.has_transferred(known)):
                    left[known] = None
                else:
                    unknown.append(known)
        return left, unknown

    def _has_left_unseen(self, known: KnownFile, seen: Collection[FileStamp]) -> bool:
        """Whether a file, whose place may not be looked at, is nevertheless not there.

        One that is missing was not there when somebody could look. With the same ctime, too, it was neither renamed nor
        linked: a folder above it was renamed, and holds it still.
        """
        has_come_with_its_folder = known.library_id == self.place.library_id and known.stamp in seen
        return not known.is_present or has_come_with_its_folder

    def _occupant(self, known: KnownFile, status: os.stat_result | None) -> NewFile | None:
        """What is at the place that this file has left, if it is a video of this library that counts."""
        if status is None or known.library_id != self.place.library_id or not stat.S_ISREG(status.st_mode):
            return None
        directory, name = os.path.split(known.path)
        is_left_alone = (
            not self.rules.is_video_name(name)
            or self.rules.why_skip_directory(directory) is not None
            or self.rules.why_ignore_file(known.path, status.st_size) is not None
        )
        return None if is_left_alone else NewFile(seen=SeenFile(name, directory, status), known=known)


class _RemovedLibraries:
    """The libraries that are not configured any more, for one that sees files."""

    def __init__(self, place: Place, new_files: Iterable[NewFile]) -> None:
        self._place = place
        self._newcomers = new_files
        self._roots: dict[int, str] | None = None
        self._by_stamp: defaultdict[FileStamp, list[NewFile]] = defaultdict(list)

    def has_transferred(self, known: KnownFile) -> bool:
        """Whether this file of one of them is now, and certainly, a newcomer of ours, and nowhere else."""
        if self._roots is None:
            with reading():
                self._roots = libraries.roots_not_configured()
            for each in self._newcomers:
                self._by_stamp[each.seen.stamp].append(each)
        root, same = self._roots.get(known.library_id), self._by_stamp.get(known.stamp)
        if root is None or same is None:
            return False
        return self._is_nowhere_else(os.path.join(root, known.was_at), known.stamp, same)

    def _is_nowhere_else(self, before: str, stamp: FileStamp, same: Iterable[NewFile]) -> bool:
        """Whether the old path shows the file no more, or is the place of a newcomer by another name.

        Asked only when the file was seen on its own disk: that one answers.
        """
        try:
            there = FileStamp.of(os.lstat(before))
        except (FileNotFoundError, NotADirectoryError):
            return True
        except OSError:
            return False  # what cannot be looked at is unknown, and unknown is not gone
        if (there.inode, there.device) != (stamp.inode, stamp.device):
            return True
        return any(_is_one_place(before, os.path.join(self._place.root, each.seen.relative)) for each in same)


def _is_one_place(one: str, other: str) -> bool:
    """Whether both are one name in one folder, by whatever links and mounts that is reached."""
    if os.path.basename(one) != os.path.basename(other):
        return False
    try:
        return os.path.samefile(os.path.dirname(one), os.path.dirname(other))
    except OSError:
        return False


def _matched(
    new_files: Iterable[NewFile],
    left: dict[KnownFile, os.stat_result | None],
    taken: Collection[int],
) -> dict[int, tuple[NewFile, KnownFile]]:
    """Each newcomer with the file that it was, by that one's id."""
    by_stamp: dict[tuple[int, ...], list[KnownFile]] = defaultdict(list)
    for known in left:
        if known.id not in taken:
            by_stamp[content_key(known.stamp)].append(known)
    found: dict[int, tuple[NewFile, KnownFile]] = {}
    for each in new_files:
        if candidates := by_stamp.get(content_key(each.seen.stamp)):
            known = max(_likely(candidates), key=lambda known: _likeness(known, each.seen.name))
            candidates.remove(known)
            found[known.id] = (each, known)
    return found


def _likely(candidates: Sequence[KnownFile]) -> Sequence[KnownFile]:
    """Of several with one stamp (hard links, say) those that may be it.

    One that is missing spoke of this inode before those did that are present, and so were seen at their places last;
    only a decision that none of them has speaks for it.
    """
    present = [known for known in candidates if known.is_present]
    decided = [known for known in candidates if known.is_decided_by_user]
    if any(known.is_present for known in decided):
        return present
    return [*present, *decided] or candidates


def _likeness(known: KnownFile, name: str) -> tuple[bool, bool, bool, int]:
    return (_name(known) == name, known.is_decided_by_user, known.is_present, -known.id)


def content_key(stamp: FileStamp) -> tuple[int, ...]:
    """Two places with the same key show one file, or two hard links to it."""
    return (stamp.device, stamp.inode, stamp.size_bytes, stamp.mtime_ns)


def _is_told_of(known: KnownFile, now: Found) -> bool:
    """A folder on another device says nothing of the file: what a disk that is away leaves behind is an empty one."""
    return now.device == known.stamp.device and _name(known) in now.by_name


def _has_left(known: KnownFile, there: os.stat_result | None) -> bool:
    return there is None or there.st_ino != known.stamp.inode


def _name(known: KnownFile) -> str:
    return os.path.basename(known.was_at)
