"""Find the files that were known at another place and lie in the listed folder now.

Identity follows the content. A listed file is a known one if both have the same inode, device, size and mtime, and
the old path verifiably shows another file or none. So a rename, a swap, a cycle and a chain of renames only update
rows: each row goes where its content is, and only the new name is read. A hard link moves no row, because the old
path still shows the file.

The same holds for a file that was renamed over another known one. The file that came keeps its own row, with its id,
its hashes and its decisions. The row of the file that was there is evicted: it is missing and keeps its decisions. So
no decision is applied to content that it was not made about, and none is lost: the old content may come back. The
other rule, that a path keeps its row as an upgrade of the same film does, is not possible: half of a chain of renames
across folders is seen first and looks just like an upgrade. Content that was never known does get the row of the path
where it appears.

The device must be the same: on another device the same inode, size and mtime may be a copy's (`cp -a` to an empty
disk). Device numbers may change with a boot. A file that was moved at that moment is matched by its content
(`catalog/copies.py`).

A removed library is not scanned. If one of its files is seen in another library, its row moves there unless its old
path shows the file as well. A file with a single name has left its old path. For one with several names the old path
must tell: the nearest folder that is left of it lies on the file's disk.

A name that the rules ignore takes part only for files about which the user decided. Their rows go where their content
is, so that no decision stays at a path that shows other content now.

`MoveFinder.gather` asks the catalogue and the disk. `find_moves` decides and is pure.
"""

import os
import stat
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from reeld.catalog import libraries, video_files
from reeld.database.connection import reading
from reeld.domain.files import FileStamp
from reeld.domain.records import KnownFile, Place, Relocation
from reeld.scanner.twins import fingerprint_at
from reeld.watch.birth import birth_ns
from reeld.watch.gone import device_of_nearest_folder
from reeld.watch.rules import Rules
from reeld.watch.walk import Found, SeenFile

ContentKey = tuple[int, int, int, int, str | None]

StatNames = Callable[[int, str, Collection[str]], Found | None]
"""Stat these names in a folder of a library. None if the result cannot be trusted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFile:
    """A listed file whose content is not what its path's row says, and that row, if there is one."""

    seen: SeenFile
    known: KnownFile | None
    is_ignored: bool = False
    """Whether the rules ignore its name: it takes over a row only from a user's decision that was made about it."""
    fingerprint: str | None = None
    """If it was read already, because no inode number says which file it is."""

    @property
    def has_replaced(self) -> bool:
        """Whether it is, or may be, another file than the one known at its path; that one may have been moved."""
        if self.known is None:
            return False
        return not self.known.stamp.inode or self.known.stamp.inode != self.seen.status.st_ino


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveEvidence:
    """What was found at the old paths of the known files that have the stamp of a new file."""

    vacated: Mapping[KnownFile, SeenFile | None] = field(default_factory=dict)
    """Files that are not at their paths any more, each with the video that occupies its path now, if any."""
    unknown: Collection[KnownFile] = ()
    """Files whose paths cannot be read now."""
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    """Those of listed files whose inode numbers prove nothing, by path, as far as they were read."""
    unborn: Collection[int] = ()
    """The ids of files that were renamed or touched, and whose file system does not say when a file was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """Rows that must change their paths in one transaction, see `catalog/video_files.py`."""

    relocations: Sequence[Relocation] = ()
    evicted: Sequence[KnownFile] = ()
    """Rows at the new paths whose own content is not found: other known content occupies their paths."""
    undecided: frozenset[str] = frozenset()
    """Paths of new files that may have been moved: a file with the same stamp is known, and its path is unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveFinder:
    """Gathers the evidence of moves into one library, from any path of any library."""

    place: Place
    rules: Rules
    stat_names: StatNames
    read_fingerprint: Callable[[str, FileStamp], str | None] = fingerprint_at
    """Reads the ends of the file with this absolute path and stamp, or returns None."""

    def fingerprints_of(self, files: Iterable[SeenFile]) -> dict[str, str]:
        """Read the fingerprints of these files of the library, by path; those that can be read."""
        found = {seen.relative: self.read_fingerprint(self._absolute(seen.relative), seen.stamp) for seen in files}
        return {path: fingerprint for path, fingerprint in found.items() if fingerprint is not None}

    def _absolute(self, path: str) -> str:
        return os.path.join(self.place.root, path)

    def gather(self, new_files: Sequence[NewFile], in_place: Collection[int] = ()) -> MoveEvidence:
        """Look at the old paths of all known files that may be one of these, and of what occupies those paths.

        An occupant's folder is not listed now. It is followed, so that one of two swapped files is never called
        missing. `in_place` are the ids of the rows that the listing shows at their paths.
        """
        read = {each.seen.relative: each.fingerprint for each in new_files if each.fingerprint is not None}
        vacated: dict[KnownFile, SeenFile | None] = {}
        unknown: set[KnownFile] = set()
        unborn: set[int] = set()
        wave, paths = list(new_files), {each.seen.relative for each in new_files}
        while wave:
            found, not_known = self._vacated(wave, vacated, in_place, read, unborn)
            vacated |= found
            unknown |= not_known
            occupants = [occupant for occupant in found.values() if occupant is not None]
            wave = [NewFile(seen=seen, known=None) for seen in occupants if seen.relative not in paths]
            paths |= {each.seen.relative for each in wave}
        return MoveEvidence(vacated=vacated, unknown=unknown, fingerprints=read, unborn=unborn)

    def _vacated(
        self,
        new_files: Sequence[NewFile],
        already: Collection[KnownFile],
        in_place: Collection[int],
        read: dict[str, str],
        unborn: set[int],
    ) -> tuple[dict[KnownFile, SeenFile | None], set[KnownFile]]:
        """Of the known files with one of these stamps: those that left their paths, and those not known to have."""
        seen = {each.seen.stamp for each in new_files}
        with reading():
            candidates = video_files.known_with_stamps(seen)
        candidates = self._with_fingerprints(self._of_same_birth(candidates, new_files, unborn), new_files, read)
        vacated: dict[KnownFile, SeenFile | None] = {}
        unknown: set[KnownFile] = set()
        folders: dict[tuple[int, str], list[KnownFile]] = defaultdict(list)
        for known in candidates:
            if known in already:
                continue
            if known.is_evicted:
                vacated[known] = None
            elif not known.is_skipped:
                folders[known.library_id, os.path.dirname(known.path)].append(known)
        removed_libraries = _RemovedLibraries(self.place, new_files, read)
        for (library_id, directory), inhabitants in folders.items():
            now = self.stat_names(library_id, directory, [_name(known) for known in inhabitants])
            for known in inhabitants:
                if now is not None and _is_on_same_device(known, now):
                    status = now.by_name[_name(known)]
                    if known.id not in in_place and self._has_left(known, status, read):
                        vacated[known] = self._occupant(known, status)
                elif now is None and (
                    self._has_left_unseen(known, seen, in_place) or removed_libraries.has_left(known)
                ):
                    vacated[known] = None
                else:
                    unknown.add(known)
        return vacated, unknown

    def _of_same_birth(
        self, candidates: Sequence[KnownFile], new_files: Sequence[NewFile], unborn: set[int]
    ) -> list[KnownFile]:
        """Drop the candidates whose inode number another file has by now: a listed one that was made later.

        A file is never older than its ctime. With the ctime of before it is the same: only its folder was renamed.
        Candidates whose file system does not say when files are made are added to `unborn`.
        """
        listed = {content_key(each.seen.stamp): each.seen for each in new_files if each.seen.stamp.inode}
        same = []
        for known in candidates:
            seen = listed.get(content_key(known.stamp))
            if seen is not None and seen.stamp.ctime_ns != known.stamp.ctime_ns:
                birth = birth_ns(self._absolute(seen.relative))
                if birth is None:
                    unborn.add(known.id)
                elif known.stamp.ctime_ns < birth <= seen.stamp.ctime_ns:
                    continue
            same.append(known)
        return same

    def _with_fingerprints(
        self, candidates: Sequence[KnownFile], new_files: Sequence[NewFile], read: dict[str, str]
    ) -> list[KnownFile]:
        """Drop the candidates that have no inode number and another fingerprint than each of these files.

        So these files are read, and added to `read`, where a candidate is known.
        """
        wanted = {_size_and_mtime(known.stamp) for known in candidates if not known.stamp.inode}
        if not wanted:
            return list(candidates)
        alike = [
            each.seen for each in new_files if not each.seen.stamp.inode and _size_and_mtime(each.seen.stamp) in wanted
        ]
        read |= self.fingerprints_of(seen for seen in alike if seen.relative not in read)
        found = {(_size_and_mtime(seen.stamp), read.get(seen.relative)) for seen in alike}
        return [
            known
            for known in candidates
            if known.stamp.inode
            or (known.fingerprint is not None and (_size_and_mtime(known.stamp), known.fingerprint) in found)
        ]

    def _has_left(self, known: KnownFile, status: os.stat_result | None, read: dict[str, str]) -> bool:
        """Whether the path, which leads to `status` now, does not show this file any more.

        Without inode numbers a file of the same size and mtime is the same, unless its ends are read and are not.
        """
        if status is None:
            return True
        if known.stamp.inode:
            return status.st_ino != known.stamp.inode
        there = FileStamp.of(status)
        if _size_and_mtime(there) != _size_and_mtime(known.stamp):
            return True
        if known.library_id != self.place.library_id:
            return False
        path = known.was_at
        if path not in read and (found := self.read_fingerprint(self._absolute(path), there)) is not None:
            read[path] = found
        return read.get(path, known.fingerprint) != known.fingerprint

    def _has_left_unseen(self, known: KnownFile, seen: Collection[FileStamp], in_place: Collection[int]) -> bool:
        """Whether a file certainly left its path, although the path cannot be read now.

        A missing file was not there when its path could be read. A file of this library with the same ctime was
        neither renamed nor linked: a folder above it was renamed and still holds it.
        """
        if known.id in in_place:
            return False
        has_come_with_its_folder = (
            known.library_id == self.place.library_id and bool(known.stamp.inode) and known.stamp in seen
        )
        return not known.is_present or has_come_with_its_folder

    def _occupant(self, known: KnownFile, status: os.stat_result | None) -> SeenFile | None:
        """The file at the vacated path, if it is a video of this library that the rules take."""
        if status is None or known.library_id != self.place.library_id or not stat.S_ISREG(status.st_mode):
            return None
        directory, name = os.path.split(known.path)
        is_left_alone = (
            not self.rules.is_video_name(name)
            or self.rules.why_skip_directory(directory) is not None
            or self.rules.why_ignore_file(known.path, status.st_size) is not None
        )
        return None if is_left_alone else SeenFile(name, directory, status)


class _RemovedLibraries:
    """The libraries that are not configured any more, for a library that lists new files."""

    def __init__(self, place: Place, new_files: Iterable[NewFile], fingerprints: Mapping[str, str]) -> None:
        self._place = place
        self._new_files = new_files
        self._fingerprints = fingerprints
        self._roots: dict[int, str] | None = None
        self._by_content: defaultdict[ContentKey, list[NewFile]] = defaultdict(list)

    def has_left(self, known: KnownFile) -> bool:
        """Whether this file of a removed library is now, and certainly, one of the new files and nowhere else."""
        if self._roots is None:
            with reading():
                self._roots = libraries.roots_not_configured()
            for each in self._new_files:
                self._by_content[_key_of(each, self._fingerprints)].append(each)
        root = self._roots.get(known.library_id)
        same = self._by_content.get(content_key(known.stamp, known.fingerprint))
        if root is None or same is None:
            return False
        return self._is_nowhere_else(os.path.join(root, known.was_at), known.stamp, same)

    def _is_nowhere_else(self, before: str, stamp: FileStamp, same: Sequence[NewFile]) -> bool:
        """Whether the old path no longer shows the file, or is another name of a new file's path.

        Asked only when the file was seen on its own disk, so that disk answers.
        """
        has_single_name = all(each.seen.status.st_nlink == 1 for each in same)
        try:
            there = FileStamp.of(os.lstat(before))
        except (FileNotFoundError, NotADirectoryError):
            return has_single_name or device_of_nearest_folder(before) == stamp.device
        except OSError:
            return False  # a path that cannot be read is unknown, and unknown is not gone
        if stamp.inode:
            shows_other = (there.inode, there.device) != (stamp.inode, stamp.device)
        else:
            shows_other = _size_and_mtime(there) != _size_and_mtime(stamp)
        if shows_other:
            return has_single_name or there.device == stamp.device
        return any(_is_one_place(before, os.path.join(self._place.root, each.seen.relative)) for each in same)


def find_moves(library_id: int, new_files: Sequence[NewFile], evidence: MoveEvidence) -> Moves:
    """Decide which of these files were moved, and which occupants of vacated paths are moved with them.

    Pure. The result does not depend on the order of the files.
    """
    if not evidence.vacated and not evidence.unknown:
        return Moves()
    by_content: dict[ContentKey, list[KnownFile]] = defaultdict(list)
    for known in evidence.vacated:
        by_content[content_key(known.stamp, known.fingerprint)].append(known)
    found: dict[int, tuple[NewFile, KnownFile]] = {}
    wave, paths = sorted(new_files, key=_path), {each.seen.relative for each in new_files}
    while wave:
        matched = _matched(wave, by_content, evidence.fingerprints)
        found |= matched
        occupants = ((known, evidence.vacated[known]) for _, known in matched.values())
        wave = sorted(
            (
                NewFile(seen=seen, known=known)
                for known, seen in occupants
                if seen is not None and seen.relative not in paths
            ),
            key=_path,
        )
        paths |= {each.seen.relative for each in wave}
    relocations = sorted(
        (
            Relocation(
                known=known,
                library_id=library_id,
                path=each.seen.relative,
                stamp=each.seen.stamp,
                is_doubtful=known.id in evidence.unborn,
            )
            for each, known in found.values()
        ),
        key=lambda each: each.path,
    )
    moved = {each.path for each in relocations}
    unknown = {content_key(known.stamp, known.fingerprint) for known in evidence.unknown}
    occupied = (each.known for each, _ in found.values() if each.known is not None)
    return Moves(
        relocations=relocations,
        evicted=sorted((known for known in occupied if known.id not in found), key=lambda known: known.id),
        undecided=frozenset(
            each.seen.relative
            for each in new_files
            if not each.is_ignored
            and each.seen.relative not in moved
            and _key_of(each, evidence.fingerprints) in unknown
        ),
    )


def _matched(
    new_files: Iterable[NewFile],
    vacated: Mapping[ContentKey, list[KnownFile]],
    fingerprints: Mapping[str, str],
) -> dict[int, tuple[NewFile, KnownFile]]:
    """Match each new file with the known file that it was, by that file's id; each is taken out of `vacated`."""
    found: dict[int, tuple[NewFile, KnownFile]] = {}
    for each in new_files:
        candidates = vacated.get(_key_of(each, fingerprints), [])
        if each.is_ignored and not any(known.is_decided_by_user for known in candidates):
            continue
        if candidates:
            known = max(_likely(candidates), key=lambda known: _rank(known, each.seen.name))
            candidates.remove(known)
            found[known.id] = (each, known)
    return found


def _likely(candidates: Sequence[KnownFile]) -> Sequence[KnownFile]:
    """Of several rows with one stamp (hard links, say) those that may be the file.

    A missing row had this inode before the present rows did, and those were seen at their paths last. Only a decision
    that no present row has makes a missing row likely.
    """
    present = [known for known in candidates if known.is_present]
    decided = [known for known in candidates if known.is_decided_by_user]
    if any(known.is_present for known in decided):
        return present
    return [*present, *decided] or candidates


def _rank(known: KnownFile, name: str) -> tuple[bool, bool, bool, str, bool, int]:
    """Among hard links the name tells. A file with one name was at the path that it was last missing from.

    It has a second, older row where it was moved out of a folder that could not be read at that time.
    """
    has_same_name = _name(known) == name
    has_links = known.stamp.inode == 0 or known.stamp.links != 1
    return (
        has_links and has_same_name,
        known.is_decided_by_user,
        known.is_present,
        known.missing_since,
        has_same_name,
        -known.id,
    )


def content_key(stamp: FileStamp, fingerprint: str | None = None) -> ContentKey:
    """What two paths have in common if they show one file, or two hard links to it.

    Where inode numbers prove nothing, this is the fingerprint.
    """
    return (stamp.device, stamp.inode, stamp.size_bytes, stamp.mtime_ns, None if stamp.inode else fingerprint)


def _key_of(each: NewFile, fingerprints: Mapping[str, str]) -> ContentKey:
    # A file that was not read has no fingerprint in common with any: "" is none.
    return content_key(each.seen.stamp, fingerprints.get(each.seen.relative, ""))


def _size_and_mtime(stamp: FileStamp) -> tuple[int, int]:
    return (stamp.size_bytes, stamp.mtime_ns)


def _is_one_place(one: str, other: str) -> bool:
    """Whether both paths are one name in one folder, reached by different links or mounts."""
    if os.path.basename(one) != os.path.basename(other):
        return False
    try:
        return os.path.samefile(os.path.dirname(one), os.path.dirname(other))
    except OSError:
        return False


def _is_on_same_device(known: KnownFile, now: Found) -> bool:
    """Whether the folder can tell where the file is. One on another device cannot: an unmounted disk leaves an empty
    folder."""
    return now.device == known.stamp.device and _name(known) in now.by_name


def _name(known: KnownFile) -> str:
    return os.path.basename(known.was_at)


def _path(each: NewFile) -> str:
    return each.seen.relative
