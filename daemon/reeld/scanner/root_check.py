"""Verify that a library's root is the directory that it was, before anything in it is scanned.

An unmounted disk leaves an empty folder, and another disk may be mounted in its place: all files would seem missing. So
a library keeps the filesystem identity of its root and of each mount point below it (`watch/fs_identity.py`). Where the
identity proves nothing, a sample of the known files decides. If they are not there, the user decides with
`reeld libraries accept`. An unverified root is not scanned. An unverified mount point below it is left out.
"""

import os
import shlex
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random

from reeld.catalog import libraries, video_files
from reeld.catalog.libraries import LibraryStatus
from reeld.config import InodeSetting, Library
from reeld.database.connection import reading, writing
from reeld.domain.files import FileStamp, readable
from reeld.domain.records import KnownFile, Place
from reeld.domain.states import LibraryState
from reeld.log import get_logger
from reeld.scanner.shifted_times import shift_ns
from reeld.watch.fs_identity import Differences, FilesystemIdentity, Match, differences, identity_of_root, is_unchanged
from reeld.watch.inode_trust import KEEPING_LOCAL_TIME
from reeld.watch.mounts import all_mounts
from reeld.watch.walk import RootSeen, check_root

log = get_logger()

# Of a random sample of files, this share must be there with its size and time. A copy of the library on a new disk
# passes if the times were copied, else the user must accept it. By sizes alone an old backup would pass as well.
SAMPLE = 50
ENOUGH = 0.9

# How often an unverified root is judged again although it is the same directory: files may have been put back.
JUDGE_S = 15.0

# A message names at most this many folders.
MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class RootProblem:
    """Why the library is not scanned. `state` is offline or unverified. `reason` is shown to the user."""

    state: LibraryState
    reason: str


@dataclass(slots=True, kw_only=True)
class Root:
    """The root of one library. Any thread may call it, but not within a transaction.

    It takes its own lock and then the catalogue's. A caller that holds the catalogue's lock could wait for ever.
    """

    place: Place
    inodes: InodeSetting = "auto"
    """What the user says of the library's inode numbers."""
    rng: Random = field(default_factory=Random)
    monotonic: Callable[[], float] = time.monotonic
    is_accepted: bool = False
    """Whether the user accepted what is there, and the scanner has not finished acting on it."""
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _seen: RootSeen | None = None
    _verdict: RootSeen | RootProblem | None = None
    _judge_again_at: float = 0.0

    def check(self) -> RootSeen | RootProblem:
        """Return the root as it is now, if it is verified, else the problem. Raises CatalogError."""
        with self._lock:
            seen = self._as_before(check_root(self.place.root))
            if isinstance(seen, str):
                self._seen, self._verdict = None, RootProblem(LibraryState.OFFLINE, self._why_absent() or seen)
                return self._verdict
            with reading():
                status = libraries.library_status(self.place.library_id)
            # The user accepted what was there at that moment, not what came since.
            is_newly_accepted = status.is_accepted and not self.is_accepted
            if self._verdict is None or self._must_judge(seen, is_newly_accepted):
                self._verdict = self._judge(seen, status, is_newly_accepted)
                self._seen = seen
                self._judge_again_at = self.monotonic() + JUDGE_S
            self.is_accepted = status.is_accepted
            if status.is_accepted and isinstance(self._verdict, RootProblem):
                # The user accepted a hold, a disk below or another root. The acceptance does not cover this root.
                with writing():
                    libraries.end_acceptance(self.place.library_id)
                self.is_accepted = False
            return self._verdict

    def _as_before(self, seen: RootSeen | str) -> RootSeen | str:
        """Return the verified root for one that differs from it in nothing but an inode number without a meaning."""
        verified = self._verdict
        is_same = isinstance(verified, RootSeen) and self._seen is not None and verified.is_still(seen)
        return self._seen if is_same and self._seen is not None else seen

    def dry_run(self, seen: RootSeen) -> RootProblem | None:
        """Return the problem that `check` would find with this directory. Nothing is recorded."""
        with reading():
            status = libraries.library_status(self.place.library_id)
        return self._problem(status, identity_of_root(seen))

    def proven_at(self, relative: str) -> RootSeen | None:
        """Return the root if it and the disk of this path are certainly those of before. Else None. Records nothing.

        For a library that is not configured any more. So there is no user who accepts what is there, and where the
        files must decide, it is not enough that none of them is known.
        """
        seen = check_root(self.place.root)
        with reading():
            recorded = libraries.library_status(self.place.library_id).filesystem_identity
        if isinstance(seen, str) or recorded is None:
            return None
        before = FilesystemIdentity.from_json(recorded)
        now = identity_of_root(seen).with_inodes_of(before)
        known = {"": before, **(before.below or {})}
        present = {"": now, **(now.below or {})}
        mounts = {*known, *present}
        is_proven = all(
            self._is_proven(mount, known.get(mount), present.get(mount), mounts)
            for mount in mounts
            if is_at_or_below(relative, mount)
        )
        return replace(seen, inodes=now.inodes(self.inodes)) if is_proven else None

    def _is_proven(
        self, relative: str, before: FilesystemIdentity | None, now: FilesystemIdentity | None, mounts: set[str]
    ) -> bool:
        if before is None or now is None:
            return False
        found = differences(before, now)
        if found.match is not Match.UNPROVEN:
            return found.match is Match.SAME
        # Such as a disk with xfs. Its root has the number that it had, on the same device and from the same source.
        if before.inode is not None and now.inode is not None and not found.sentences:
            return True
        below_it = {mount for mount in mounts if mount != relative and is_at_or_below(mount, relative)}
        sample = self._sample(relative, below_it)
        return sample.drawn > 0 and self._is_confirmed_by(sample, found, before, now)

    def verified_at(self, relative: str) -> RootSeen | None:
        """Return the root if it and this path of it are verified: what is not found there is not there. Else None."""
        verified = self._verdict or self.check()
        if isinstance(verified, RootProblem) or any(is_at_or_below(relative, folder) for folder in verified.away):
            return None
        return verified if verified.is_still(check_root(self.place.root)) else None

    def remember_count(self) -> None:
        """Record how many files are present, after a walk of the whole library."""
        with reading():
            filesystem_identity = libraries.library_status(self.place.library_id).filesystem_identity
            count = video_files.present_count(self.place.library_id)
        if filesystem_identity is not None and filesystem_identity.get("file_count") != count:
            with writing():
                libraries.remember_filesystem_identity(
                    self.place.library_id, filesystem_identity | {"file_count": count}
                )

    # --- judging -----------------------------------------------------------------------------------------

    def _must_judge(self, seen: RootSeen, is_newly_accepted: bool) -> bool:
        if seen != self._seen or is_newly_accepted:
            return True
        verdict = self._verdict
        is_unverified = isinstance(verdict, RootProblem) or (verdict is not None and bool(verdict.away))
        return is_unverified and self.monotonic() >= self._judge_again_at

    def _judge(self, seen: RootSeen, status: LibraryStatus, is_newly_accepted: bool) -> RootSeen | RootProblem:
        now = identity_of_root(seen)
        before = (
            None if status.filesystem_identity is None else FilesystemIdentity.from_json(status.filesystem_identity)
        )
        if before is not None:
            self._follow_shifted_times(before, now)
        # The user accepted the root that was rejected before. Another one may be there by now.
        rejected = before.rejected if before is not None and is_newly_accepted else None
        is_accepted_as_root = rejected is not None and is_unchanged(rejected, now)
        if not is_accepted_as_root and (problem := self._problem(status, now)) is not None:
            self._remember_rejected(before, now)
            return problem
        away = () if is_accepted_as_root or before is None else self._mounts_away(before, now)
        if is_newly_accepted and before is not None:
            away = tuple(relative for relative in away if relative not in before.away)
        now = self._remember(status, before, now, away, is_new=is_accepted_as_root)
        return replace(seen, away=away, inodes=now.inodes(self.inodes))

    def _follow_shifted_times(self, before: FilesystemIdentity, now: FilesystemIdentity) -> None:
        """Move the times of all rows on a FAT mount whose files' times all shifted by some quarter hours."""
        below = now.below or {}
        for relative, mount in {"": now, **below}.items():
            if mount.fs_type not in KEEPING_LOCAL_TIME:
                continue
            others = _within(relative, {*below, *(before.below or ())})
            drawn = self._drawn(relative, others)
            if shift := shift_ns(self.place.root, drawn):
                with writing():
                    video_files.shift_times(self.place.library_id, relative, without=others, shift_ns=shift)
                path = os.path.join(self.place.root, relative)
                log.info("library.times_shifted", path=readable(path), minutes=shift // (60 * 10**9))

    def _remember_rejected(self, before: FilesystemIdentity | None, now: FilesystemIdentity) -> None:
        if before is not None and before.rejected != now:
            with writing():
                libraries.remember_filesystem_identity(self.place.library_id, replace(before, rejected=now).to_json())

    def _problem(self, status: LibraryStatus, now: FilesystemIdentity) -> RootProblem | None:
        if status.filesystem_identity is None:
            return None
        before = FilesystemIdentity.from_json(status.filesystem_identity)
        if (reason := self._why_another(before, now)) is None:
            return None
        # `reeld doctor` shows the evidence, and what else the user can do.
        short = why_unmounted(self.place.root, before, now)
        return RootProblem(LibraryState.UNVERIFIED, short or f"{reason}; {what_to_do(status.name)}")

    def _why_absent(self) -> str | None:
        """Say that the library's disk is not mounted, if its folder is not there and that is certain."""
        try:
            os.lstat(self.place.root)
        except FileNotFoundError:
            pass
        except OSError:
            return None
        else:
            return None
        with reading():
            recorded = libraries.library_status(self.place.library_id).filesystem_identity
        return (
            None if recorded is None else why_unmounted(self.place.root, FilesystemIdentity.from_json(recorded), None)
        )

    def _why_another(self, before: FilesystemIdentity, now: FilesystemIdentity) -> str | None:
        """Return why the root is not the one of before, or None if it is."""
        found = differences(before, now)
        mount_points = {*(before.below or ()), *(now.below or ())}
        sample = None if found.match is Match.SAME else self._sample("", mount_points)
        if sample is None or self._is_confirmed_by(sample, found, before, now):
            return None
        return _describe_another(self.place.root, before, found, sample)

    def _mounts_away(self, before: FilesystemIdentity, now: FilesystemIdentity) -> tuple[str, ...]:
        """Return the mount points, of before or of now, that are not verified."""
        known, present = before.below or {}, now.below or {}
        return tuple(
            relative
            for relative in sorted({*known, *present})
            if not self._shows_the_same(
                relative, before, known.get(relative), present.get(relative), {*known, *present}
            )
        )

    def _shows_the_same(
        self,
        relative: str,
        root_before: FilesystemIdentity,
        before: FilesystemIdentity | None,
        now: FilesystemIdentity | None,
        others: set[str],
    ) -> bool:
        if before is not None and now is not None:
            found = differences(before, now)
        elif root_before.below is None:
            found = Differences(Match.UNPROVEN, ())  # an older reeld did not record the mounts
        else:
            found = Differences(Match.OTHER, ())  # something was mounted, or unmounted
        if found.match is Match.SAME:
            return True
        return self._is_confirmed_by(self._sample(relative, _within(relative, others)), found, before, now)

    def _sample(self, below: str, without: Iterable[str]) -> "_Sample":
        return _Sample.take(self.place.root, self._drawn(below, without))

    def _drawn(self, below: str, without: Iterable[str]) -> list[KnownFile]:
        with reading():
            return video_files.sample_of_present(
                self.place.library_id, below, without=without, count=SAMPLE, rng=self.rng
            )

    def _is_confirmed_by(
        self,
        sample: "_Sample",
        found: Differences,
        before: FilesystemIdentity | None,
        now: FilesystemIdentity | None,
    ) -> bool:
        """Return whether the sample of known files shows that this is their library.

        If the filesystem identity is unproven, one file with its inode is enough: another disk has none. Where
        inode numbers prove nothing, half of the files and the source of before have to do: a server's name, say.
        """
        if not sample.drawn or sample.alike >= ENOUGH * sample.drawn:
            return True
        if found.match is not Match.UNPROVEN:
            return False
        if now is None or now.why_distrusted(self.inodes) is None:
            return sample.identical > 0
        has_same_source = before is not None and before.source is not None and before.source == now.source
        return has_same_source and 2 * sample.alike >= sample.drawn

    def _remember(
        self,
        status: LibraryStatus,
        before: FilesystemIdentity | None,
        now: FilesystemIdentity,
        away: tuple[str, ...],
        *,
        is_new: bool,
    ) -> FilesystemIdentity:
        """Record the verified identity, and return it with what was observed of the same mounts before.

        `is_new` means that the user accepted another root.
        """
        # A mount point that is away keeps its identity, by which it is recognised when it comes back.
        known = (before.below if before else None) or {}
        below = {
            relative: facts if is_new else facts.with_inodes_of(known.get(relative))
            for relative, facts in (now.below or {}).items()
            if relative not in away
        }
        self._forget_inodes(now if is_new else now.with_inodes_of(before), below, away)
        below |= {relative: known[relative] for relative in away if relative in known}
        found = replace(
            now if is_new else now.with_inodes_of(before),
            file_count=before.file_count if before else None,
            below=below,
            away=away,
        )
        filesystem_identity = found.to_json()
        if filesystem_identity != status.filesystem_identity:
            with writing():
                libraries.remember_filesystem_identity(self.place.library_id, filesystem_identity)
        return found

    def _forget_inodes(
        self, root: FilesystemIdentity, below: Mapping[str, FilesystemIdentity], away: Iterable[str]
    ) -> None:
        """Forget the inode numbers of files on mounts where they prove nothing, and note the mounts' devices.

        The numbers are of an older reeld, or of a mount that was trusted. Such a mount has another device each time.
        Files on a disk that is away keep what is known of them.
        """
        for relative, mount in {"": root, **below}.items():
            if mount.why_distrusted(self.inodes) is None or mount.device is None:
                continue
            others = _within(relative, {*below, *away})
            with writing():
                video_files.forget_inodes(self.place.library_id, relative, without=others, device=mount.device)

    def distrust_inodes(self, mount: str) -> None:
        """Record that files on this mount have other inode numbers than before, and judge the root again."""
        with self._lock:
            with reading():
                status = libraries.library_status(self.place.library_id)
            known = status.filesystem_identity
            if known is None:
                return
            identity = FilesystemIdentity.from_json(known)
            if mount:
                below = dict(identity.below or {})
                if mount in below:
                    below[mount] = replace(below[mount], is_renumbered=True)
                identity = replace(identity, below=below)
            else:
                identity = replace(identity, is_renumbered=True)
            with writing():
                libraries.remember_filesystem_identity(self.place.library_id, identity.to_json())
            log.warning("library.inodes_distrusted", library=status.name, mount=os.path.join(self.place.root, mount))
            self._verdict = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sample:
    """How many of some known files are there."""

    drawn: int
    alike: int
    """Files with the known size and time."""
    identical: int
    """Files with the known inode, too."""
    unknown: int
    """Files that could not be checked."""

    @classmethod
    def take(cls, root: str, drawn: Iterable[KnownFile]) -> "_Sample":
        seen = [(known.stamp, _stamp_at(os.path.join(root, known.path))) for known in drawn]
        pairs = [(known, stamp) for known, stamp in seen if isinstance(stamp, FileStamp)]
        return cls(
            drawn=len(seen),
            alike=sum(_is_alike(known, stamp) for known, stamp in pairs),
            identical=sum(bool(known.inode) and known.has_same_content_as(stamp) for known, stamp in pairs),
            unknown=sum(isinstance(stamp, OSError) for _, stamp in seen),
        )


def why_unmounted(root: str, before: FilesystemIdentity, now: FilesystemIdentity | None) -> str | None:
    """Say in one short sentence that the disk of a library is not mounted, or return None if that is not certain.

    `now` is None where nothing is at the path.
    """
    is_named = before.source is not None and (before.source.startswith("/") or ":" in before.source)
    name = f" {readable(before.source or '')}" if is_named else ""
    if is_named and before.source not in {mount.source for mount in all_mounts()}:
        return f"its disk{name} is not mounted"
    if before.is_mount_point and (now is None or now.is_mount_point is False):
        return f"its disk{name} is not mounted at {readable(root)}"
    return None


def evidence(root: str, before: FilesystemIdentity, now: FilesystemIdentity, drawn: Sequence[KnownFile]) -> str:
    """Say what shows that a directory is not the one that a library was. Nothing is recorded."""
    return _describe_another(root, before, differences(before, now), _Sample.take(root, drawn))


def _describe_another(root: str, before: FilesystemIdentity, found: Differences, sample: _Sample) -> str:
    # The count is of the last walk, and lacks the files that came since.
    has_count = before.file_count is not None and before.file_count > sample.drawn
    count = f" (of {before.file_count} in all)" if has_count else ""
    why = f"{_describe(found)}; {_describe_sample(sample)}{count}"
    return f"{readable(root)} is not the directory that it was: {why}"


def why_away(seen: RootSeen, library: Library) -> str | None:
    """Return the message about mount points that are not verified; None if all are."""
    if not seen.away:
        return None
    mounted = {mount.mount_point for mount in seen.mounts}
    is_each_absent = all(f"{seen.real_path.rstrip('/')}/{relative}" not in mounted for relative in seen.away)
    named = ", ".join(readable(os.path.join(library.path, relative)) for relative in seen.away[:MOST_NAMED])
    more = f" and {len(seen.away) - MOST_NAMED} more" if len(seen.away) > MOST_NAMED else ""
    if is_each_absent:
        what = f"the disk at {named} is" if len(seen.away) == 1 else f"the disks at {named}{more} are"
        return f"{what} not mounted; no file below changes; {what_to_do(library.name)}"
    return f"another disk is at {named}{more}, or none; no file below changes; {what_to_do(library.name)}"


def accept_command(name: str) -> str:
    return f"`reeld libraries accept {shlex.quote(name)}`"


def is_at_or_below(path: str, folder: str) -> bool:
    return folder in ("", path) or path.startswith(f"{folder}/")


def _within(folder: str, mounts: Iterable[str]) -> list[str]:
    """Return the mount points within a folder, without the folder itself."""
    return [mount for mount in mounts if mount != folder and is_at_or_below(mount, folder)]


def what_to_do(name: str) -> str:
    """Say what the user can do about a disk that is away."""
    return f"connect the disk, or accept what is there now with {accept_command(name)}"


def _describe(found: Differences) -> str:
    return ", ".join(found.sentences) or "its file system has no identity of its own"


def _describe_sample(sample: _Sample) -> str:
    unknown = f", {sample.unknown} could not be checked" if sample.unknown else ""
    return f"{sample.alike} of {sample.drawn} known files are unchanged{unknown}"


def _is_alike(known: FileStamp, seen: FileStamp) -> bool:
    return (known.size_bytes, known.mtime_ns) == (seen.size_bytes, seen.mtime_ns)


def _stamp_at(path: str) -> FileStamp | OSError | None:
    try:
        return FileStamp.of(os.lstat(path))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return error
