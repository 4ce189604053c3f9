"""Is this the library that we know, or what is left in its place when the disk is away?

An unmounted disk leaves an empty folder behind, and another disk may be mounted where it was: everything would seem to
be missing. So a library keeps a passport of its root and of each mount point below (`watch/fs_identity.py`). Where that
does not prove that this is the directory of before, the known files decide, and if they are not there, a person does
(`reeld libraries accept`). A root that is not believed is not looked into; a mount point below it that is not
believed is left out, with all that lies there.
"""

import os
import shlex
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from random import Random

from reeld.catalog import libraries, video_files
from reeld.catalog.libraries import LibraryStatus
from reeld.config import Library
from reeld.database.connection import reading, writing
from reeld.domain.files import FileStamp, readable
from reeld.domain.records import KnownFile, Place
from reeld.watch.fs_identity import Differences, FilesystemIdentity, Match, differences, identity_of_root, is_unchanged
from reeld.watch.walk import RootSeen, check_root

# Of so many files drawn by chance, at least this share must be there, with their size and time. A copy of the library
# on a new disk passes when the copier kept the times, and is a person's to accept when it did not: by sizes alone an
# old backup, or a disk that was filled by another program, passes as well.
SAMPLE = 50
ENOUGH = 0.9

# How often what was not believed is judged again although nothing about it changed: files may have been put back.
JUDGE_S = 15.0

# So many folders are named in a sentence.
MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class RootProblem:
    """Why the library is not to be looked into. `state` is offline or suspect; `reason` is for a person."""

    state: str
    reason: str


@dataclass(slots=True, kw_only=True)
class Root:
    """The directory of one library, for whoever wants to look into it or to call something in it absent.

    Any thread may ask, outside of transactions (two locks in another order would never let go); one at a time is
    answered.
    """

    place: Place
    rng: Random = field(default_factory=Random)
    monotonic: Callable[[], float] = time.monotonic
    is_accepted: bool = False
    """Whether a person accepted what is there, and that was not taken in yet."""
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _seen: RootSeen | None = None
    _verdict: RootSeen | RootProblem | None = None
    _judge_again_at: float = 0.0

    def check(self) -> RootSeen | RootProblem:
        """The library's directory as it is now, if it is to be believed. Raises CatalogError."""
        with self._lock:
            seen = check_root(self.place.root)
            if isinstance(seen, str):
                self._seen, self._verdict = None, RootProblem("offline", seen)
                return self._verdict
            with reading():
                standing = libraries.library_status(self.place.library_id)
            # The acceptance is of what is there at that moment, not of what may follow before it is taken in.
            is_newly_accepted = standing.is_accepted and not self.is_accepted
            if self._verdict is None or self._must_judge(seen, is_newly_accepted):
                self._verdict = self._judge(seen, standing, is_newly_accepted)
                self._seen = seen
                self._judge_again_at = self.monotonic() + JUDGE_S
            self.is_accepted = standing.is_accepted
            if standing.is_accepted and isinstance(self._verdict, RootProblem):
                # It was said of what is held, of a disk below or of another root, and this is not where that is seen.
                with writing():
                    libraries.end_acceptance(self.place.library_id)
                self.is_accepted = False
            return self._verdict

    def dry_run(self, seen: RootSeen) -> RootProblem | None:
        """What `check` would have against this directory. Nothing is noted."""
        with reading():
            standing = libraries.library_status(self.place.library_id)
        return self._doubt(standing, identity_of_root(seen))

    def believed_at(self, relative: str) -> RootSeen | None:
        """The root, if what is not to be seen at this path of it is certainly not there; None if that is unknown."""
        believed = self._verdict or self.check()
        if isinstance(believed, RootProblem) or any(is_at_or_below(relative, folder) for folder in believed.away):
            return None
        return believed if check_root(self.place.root) == believed else None

    def remember_count(self) -> None:
        """All of the library was walked: note how many files are present."""
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
        is_doubtful = isinstance(self._verdict, RootProblem) or (self._verdict is not None and bool(self._verdict.away))
        return is_doubtful and self.monotonic() >= self._judge_again_at

    def _judge(self, seen: RootSeen, standing: LibraryStatus, is_newly_accepted: bool) -> RootSeen | RootProblem:
        now = identity_of_root(seen)
        before = (
            None if standing.filesystem_identity is None else FilesystemIdentity.from_json(standing.filesystem_identity)
        )
        # What is accepted is what was judged before: another root may be there since, or the empty place of that one.
        rejected = before.rejected if before is not None and is_newly_accepted else None
        is_accepted_as_root = rejected is not None and is_unchanged(rejected, now)
        if not is_accepted_as_root and (doubt := self._doubt(standing, now)) is not None:
            self._remember_instead(before, now)
            return doubt
        away = () if is_accepted_as_root or before is None else self._mounts_away(before, now)
        if is_newly_accepted and before is not None:
            away = tuple(relative for relative in away if relative not in before.away)
        self._remember(standing, before, now, away)
        return replace(seen, away=away)

    def _remember_instead(self, before: FilesystemIdentity | None, now: FilesystemIdentity) -> None:
        if before is not None and before.rejected != now:
            with writing():
                libraries.remember_filesystem_identity(self.place.library_id, replace(before, rejected=now).to_json())

    def _doubt(self, standing: LibraryStatus, now: FilesystemIdentity) -> RootProblem | None:
        if standing.filesystem_identity is None:
            return None
        reason = self._why_another(FilesystemIdentity.from_json(standing.filesystem_identity), now)
        return None if reason is None else RootProblem("unverified", f"{reason}; {_what_to_do(standing.name)}")

    def _why_another(self, before: FilesystemIdentity, now: FilesystemIdentity) -> str | None:
        """Why the root is not believed to be the one of before."""
        found = differences(before, now)
        mount_points = {*(before.below or ()), *(now.below or ())}
        sample = None if found.match is Match.SAME else self._sample("", mount_points)
        if sample is None or self._vouch(sample, found):
            return None
        # Files that came since the last walk are not in its count.
        has_count = before.file_count is not None and before.file_count > sample.drawn
        count = f" (of {before.file_count} in all)" if has_count else ""
        return f"{readable(self.place.root)} is not what it was: {_told(found)}; {_told_of(sample)}{count}"

    def _mounts_away(self, before: FilesystemIdentity, now: FilesystemIdentity) -> tuple[str, ...]:
        """The mount points, of before or of now, that are not believed to show what they showed."""
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
            found = Differences(Match.UNPROVEN, ())  # an older reeld did not note what was mounted
        else:
            found = Differences(Match.OTHER, ())  # something was mounted, or unmounted
        if found.match is Match.SAME:
            return True
        below_it = {other for other in others if other != relative and is_at_or_below(other, relative)}
        return self._vouch(self._sample(relative, below_it), found)

    def _sample(self, below: str, without: Iterable[str]) -> "_Sample":
        with reading():
            drawn = video_files.sample_of_present(
                self.place.library_id, below, without=without, count=SAMPLE, rng=self.rng
            )
        return _Sample.take(self.place.root, drawn)

    def _vouch(self, sample: "_Sample", found: Differences) -> bool:
        """Whether the known files say that this is their library.

        Where the passport speaks neither for nor against, one of them with its inode is enough: another disk has none.
        """
        if not sample.drawn or sample.alike >= ENOUGH * sample.drawn:
            return True
        return found.match is Match.UNPROVEN and sample.identical > 0

    def _remember(
        self, standing: LibraryStatus, before: FilesystemIdentity | None, now: FilesystemIdentity, away: tuple[str, ...]
    ) -> None:
        # What is away keeps the passport by which it is known when it comes back.
        known = (before.below if before else None) or {}
        below = {relative: facts for relative, facts in (now.below or {}).items() if relative not in away}
        below |= {relative: known[relative] for relative in away if relative in known}
        filesystem_identity = replace(
            now, file_count=before.file_count if before else None, below=below, away=away
        ).to_json()
        if filesystem_identity != standing.filesystem_identity:
            with writing():
                libraries.remember_filesystem_identity(self.place.library_id, filesystem_identity)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sample:
    """Of some files that should be there, how many are."""

    drawn: int
    alike: int
    """With the size and the time that are known."""
    identical: int
    """With the inode, too."""
    unknown: int
    """Which could not be looked at."""

    @classmethod
    def take(cls, root: str, drawn: Iterable[KnownFile]) -> "_Sample":
        seen = [(known.stamp, _stamp_at(os.path.join(root, known.path))) for known in drawn]
        pairs = [(known, stamp) for known, stamp in seen if isinstance(stamp, FileStamp)]
        return cls(
            drawn=len(seen),
            alike=sum(_is_alike(known, stamp) for known, stamp in pairs),
            identical=sum(known.has_same_content_as(stamp) for known, stamp in pairs),
            unknown=sum(isinstance(stamp, OSError) for _, stamp in seen),
        )


def why_away(seen: RootSeen, library: Library) -> str | None:
    """What is to be said, to a person, of the mount points that are not believed; None if there is none."""
    if not seen.away:
        return None
    named = ", ".join(readable(os.path.join(library.path, relative)) for relative in seen.away[:MOST_NAMED])
    more = f" and {len(seen.away) - MOST_NAMED} more" if len(seen.away) > MOST_NAMED else ""
    what_to_do = _what_to_do(library.name)
    return f"a disk is away, or another is in its place, at {named}{more}, and nothing below changes; {what_to_do}"


def accept_command(name: str) -> str:
    return f"`reeld libraries accept {shlex.quote(name)}`"


def is_at_or_below(path: str, folder: str) -> bool:
    return folder in ("", path) or path.startswith(f"{folder}/")


def _what_to_do(name: str) -> str:
    return f"connect the disk, or, if what is there now is all there is, say so with {accept_command(name)}"


def _told(found: Differences) -> str:
    return ", ".join(found.sentences) or "its file system cannot be told from others"


def _told_of(sample: _Sample) -> str:
    unknown = f", {sample.unknown} could not be looked at" if sample.unknown else ""
    return f"of {sample.drawn} known files {sample.alike} are there as they were{unknown}"


def _is_alike(known: FileStamp, seen: FileStamp) -> bool:
    return (known.size_bytes, known.mtime_ns) == (seen.size_bytes, seen.mtime_ns)


def _stamp_at(path: str) -> FileStamp | OSError | None:
    try:
        return FileStamp.of(os.lstat(path))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return error
