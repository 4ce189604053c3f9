"""How does what a walk saw become what the catalogue says?

One `Intake` serves one library, from one thread. It compares each folder's listing with the rows of that
folder: a file that is the same stays, one that was moved keeps its row, one that is not there any more is
missing, and one that is new or changed must settle before its first stage is queued. What could not be looked
at changes nothing: unknown is never absent.
"""

import os
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from reeld.catalog import files, queue
from reeld.catalog.database import reading, writing
from reeld.domain.files import FileStamp
from reeld.domain.records import KnownFile
from reeld.log import get_logger
from reeld.pipeline.stages import IDENTIFY, Stage
from reeld.watch.rules import Rules, why_incomplete
from reeld.watch.settle import Settling, Sight
from reeld.watch.walk import Listing, SeenFile, join

log = get_logger()

# One commit for so many files at a first scan: each commit waits for the disk, 200 of them at once do not.
BATCH = 200


@dataclass(frozen=True, slots=True)
class Place:
    """A library as intake needs it: the row's id and the folder's path."""

    library_id: int
    root: str


@dataclass(slots=True, kw_only=True)
class Intake:
    """Takes listings of one library and brings its rows up to date."""

    place: Place
    rules: Rules
    settling: Settling
    first_stage: Stage
    with_full_hash: bool = True
    now_ms: Callable[[], int]
    is_absent: Callable[[KnownFile], bool]
    """Whether a file that we know is certainly not at its old path: its library could be looked at."""
    on_enqueued: Callable[[], None]
    monotonic: Callable[[], float] = time.monotonic
    wall_ns: Callable[[], int] = time.time_ns
    has_turned_away: bool = False
    """Whether more files came at once than can wait; once some have settled, a walk must show them again."""
    _settled: dict[str, FileStamp] = field(default_factory=dict)
    """Complete, and not recorded yet."""

    # --- one folder --------------------------------------------------------------------------------------

    def take_listing(self, listing: Listing) -> None:
        """Compare a folder with its rows, and record what is different."""
        self._forget_what_vanished(listing)
        known = self._known_in(listing)
        names = {seen.name for seen in listing.files} | set(listing.companions)
        videos = {seen.relative: seen for seen in listing.files}
        for seen in videos.values():
            self._take_file(seen, known.get(seen.relative), names)
        if _gone(known, videos, listing):
            # Asked again: a file that was renamed within the folder has its new path by now, and is not gone.
            self._record_missing(_gone(self._known_in(listing), videos, listing), listing.relative)
        self.flush()

    def _forget_what_vanished(self, listing: Listing) -> None:
        """What settled while the catalogue could not be written to may be gone by now."""
        if self._settled:
            names = {seen.relative for seen in listing.files}
            for path in [path for path in self._settled if os.path.dirname(path) == listing.relative]:
                if path not in names:
                    del self._settled[path]

    def _known_in(self, listing: Listing) -> dict[str, KnownFile]:
        with reading():
            return files.known_in_directory(self.place.library_id, listing.relative)

    def _take_file(self, seen: SeenFile, known: KnownFile | None, names: Collection[str]) -> None:
        skipped = self.rules.why_ignore_file(seen.relative, seen.stamp.size_bytes)
        if skipped is not None:
            self._skip(seen, known, skipped)
        elif known is not None and not known.is_skipped and known.stamp.has_same_content_as(seen.stamp):
            self._see_again(seen, known)
        elif known is None and (moved := self._moved_from(seen.stamp)) is not None:
            self._move(seen, moved)
        else:
            self._settle(seen.relative, seen.stamp, why_incomplete(seen.name, names))

    def _skip(self, seen: SeenFile, known: KnownFile | None, reason: str) -> None:
        self.settling.forget(seen.relative)
        if known is None or not known.is_present or known.stamp != seen.stamp or _is_told_otherwise(known, reason):
            with writing():
                files.record_skipped(self.place.library_id, seen.relative, seen.stamp, reason, self.now_ms())

    def _see_again(self, seen: SeenFile, known: KnownFile) -> None:
        self.settling.forget(seen.relative)
        if known.is_present and known.stamp == seen.stamp:
            return
        with writing():
            files.record_seen(known, self.place.library_id, seen.relative, seen.stamp)
            if known.is_present:
                # Only its ctime or device changed: a right was given, perhaps the one that its job lacked.
                queue.retry_set_aside(known.id, self.now_ms())
            else:
                # When it went missing it lost its job, which may have been to read a new name.
                self._enqueue_what_is_left(known)
        if not known.is_present:
            log.info("file.returned", path=seen.relative)

    def _moved_from(self, stamp: FileStamp) -> KnownFile | None:
        """The file that was renamed to become this one: same inode, size and time, gone from its place."""
        with reading():
            candidates = files.known_with_stamp(stamp)
        return next((known for known in candidates if not known.is_skipped and self.is_absent(known)), None)

    def _move(self, seen: SeenFile, known: KnownFile) -> None:
        with writing():
            if files.known_at(known.library_id, known.path) != known:
                return  # another library's thread was faster; the next walk sees what became of it
            files.record_seen(known, self.place.library_id, seen.relative, seen.stamp)
            self._enqueue_what_is_left(known)
        log.info("file.moved", path=seen.relative, before=known.path)

    def _enqueue_what_is_left(self, known: KnownFile) -> None:
        """A new name may say something else than the old one did. What lies in the file is known, unless its stages
        were not done: then whoever is at work must look under the new name.
        """
        needs_all = files.needs_work(known.id, with_full_hash=self.with_full_hash)
        self._enqueue(known.id, self.first_stage if needs_all else IDENTIFY)

    # --- settling ----------------------------------------------------------------------------------------

    def _settle(self, path: str, stamp: FileStamp, objection: str | None) -> None:
        sight = self.settling.see(path, stamp, now=self.monotonic(), wall_ns=self.wall_ns(), objection=objection)
        if sight is Sight.TURNED_AWAY:
            self.has_turned_away = True
        elif sight is Sight.SETTLED:
            self._settled[path] = stamp
            if len(self._settled) >= BATCH:
                self.flush()

    def settle_due(self) -> None:
        """Look again at the files whose quiet period is over, and queue those that did not change."""
        names_in = lru_cache(maxsize=8)(_names_in)  # a folder's files come due together: it is listed once
        for path in self.settling.due(self.monotonic()):
            absolute = os.path.join(self.place.root, path)
            directory, name = os.path.split(absolute)
            stamp = _stamp_at(absolute)
            objection = why_incomplete(name, names_in(directory))
            if self.settling.confirm(path, stamp, self.monotonic(), objection=objection) and stamp:
                self._settled[path] = stamp
        self.flush()

    def flush(self) -> None:
        """Record what has settled, and queue its first stage, in one transaction.

        If that fails the files are still in the list, and the next flush tries again.
        """
        if not self._settled:
            return
        with writing():
            for path, stamp in self._settled.items():
                settled = files.record_settled(self.place.library_id, path, stamp, self.now_ms())
                self._enqueue(settled, self.first_stage)
        for path in self._settled:
            log.info("file.settled", path=path)
        self._settled.clear()

    def _enqueue(self, video_file_id: int, stage: Stage) -> None:
        queue.enqueue(video_file_id, stage=stage.name, lane=stage.lane, now_ms=self.now_ms())
        self.on_enqueued()

    # --- absence -----------------------------------------------------------------------------------------

    def take_absent_directory(self, relative: str) -> None:
        """This folder is certainly not there any more, nor is anything below it."""
        self.take_walked(relative, walked=())

    def take_walked(self, below: str, walked: Collection[str], unknown: Iterable[str] = ()) -> None:
        """All folders at and below `below` have been listed (`walked`) or could not be (`unknown`).

        Whatever the catalogue believes to lie in any other is not there any more.
        """
        unknown_roots = tuple(unknown)
        with reading():
            believed = files.present_directories(self.place.library_id, below)
        for directory in believed:
            if directory not in walked and not any(_is_at_or_below(directory, root) for root in unknown_roots):
                self._take_unwalked(directory)

    def _take_unwalked(self, directory: str) -> None:
        with reading():
            its_files = files.present_in_directory(self.place.library_id, directory)
        if (reason := self.rules.why_skip_directory(directory)) is None:
            self._record_missing(its_files, directory)
        else:
            with writing():
                files.record_all_skipped(its_files, reason, self.now_ms())

    def _record_missing(self, video_file_ids: list[int], directory: str) -> None:
        if video_file_ids:
            with writing():
                files.record_missing(video_file_ids, self.place.library_id, directory, self.now_ms())
            log.info("file.missing", count=len(video_file_ids))


def _is_told_otherwise(known: KnownFile, reason: str) -> bool:
    """Whether the row does not say yet that the rules leave the file alone. A person's word stays there."""
    return not known.is_decided_by_person and known.reason != reason


def _gone(known: Mapping[str, KnownFile], videos: Collection[str], listing: Listing) -> list[int]:
    """The ids of those that we believe present and that are not there."""
    # What could not be looked at is unknown, never absent.
    unknown = {join(listing.relative, name) for name in listing.unknown}
    return [row.id for path, row in known.items() if row.is_present and path not in videos and path not in unknown]


def _is_at_or_below(directory: str, root: str) -> bool:
    return root in ("", directory) or directory.startswith(f"{root}/")


def _names_in(directory: str) -> frozenset[str]:
    try:
        return frozenset(os.listdir(directory))
    except OSError:
        return frozenset()


def _stamp_at(path: str) -> FileStamp | None:
    try:
        return FileStamp.of(os.lstat(path))
    except OSError:
        # Gone, or not to be looked at: either way it has not settled; the walk will say which.
        return None
