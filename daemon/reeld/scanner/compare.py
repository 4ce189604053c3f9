"""Compare each listed folder with its rows, and record what is different.

One `FolderScanner` serves one library, from one thread. A file that is the same stays. One that was moved keeps its
row (`moved_files.py`). One that is new or changed must settle before its first stage is queued (`new_files.py`). One
that is not there is missing (`missing_files.py`).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

from reeld.catalog import queue, video_files
from reeld.database.connection import reading, writing
from reeld.domain.files import FileStamp, readable
from reeld.domain.records import KnownFile, Place
from reeld.errors import CatalogBusy
from reeld.log import get_logger
from reeld.pipeline.stages import IDENTIFY
from reeld.scanner import reidentify
from reeld.scanner.missing_files import MissingFiles, gone_from
from reeld.scanner.moved_files import MoveFinder, MovePlan, NewFile
from reeld.scanner.new_files import NewFiles
from reeld.watch.hints import Hint
from reeld.watch.rules import Rules
from reeld.watch.walk import Listing, SeenFile, join

log = get_logger()

MOST_TRIES = 5
"""A plan of moves that somebody overtook is made anew; who comes so often in between is no coincidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderScanner:
    """Takes listings of one library and brings its rows up to date."""

    place: Place
    rules: Rules
    new_files: NewFiles
    missing_files: MissingFiles
    move_finder: MoveFinder
    with_full_hash: bool
    now_ms: Callable[[], int]
    on_evicted: Callable[[], Callable[[], bool]] = lambda: lambda: True
    """Told that a newcomer is where known content was, which may lie anywhere by now, or may be known content itself:
    all libraries should be looked through soon. Gives whether they were: until then it is not taken for new."""

    def take_listing(self, listing: Listing, is_same_root: Callable[[], bool]) -> None:
        """Compare a folder with its rows, and record what is different.

        Nothing is, if the library's root turns out to be another one by now, or to have other disks mounted below it:
        what was listed may be a stranger's, mounted over the folder a moment ago. Raises CatalogError.
        """
        is_as_known = self._is_as_known(listing)
        if not is_as_known or reidentify.has_nfo(listing):
            reidentify.read_again(self.place, listing, self.now_ms())
        if is_as_known or not is_same_root():
            return
        for _ in range(MOST_TRIES):
            if self._take_difference(listing):
                return
        raise CatalogBusy(f"the rows of files that were moved to {readable(self.place.root)} go on changing")

    def _take_difference(self, listing: Listing) -> bool:
        """False, and nothing was moved, if somebody wrote to the rows between being read and being moved."""
        with reading():
            known = video_files.known_in_directory(self.place.library_id, listing.relative)
        again: list[tuple[KnownFile, FileStamp]] = []
        new_files: list[NewFile] = []
        for seen in listing.files:
            self._take_file(seen, known.get(seen.relative), again, new_files)
        self._see_again(again)
        self._leave_other_endings(listing, known)
        names = {seen.name for seen in listing.files} | set(listing.companions)
        plan = self.move_finder.plan(new_files)
        if not self._move(plan):
            return False
        moved = {each.path for each in plan.relocations}
        for each in new_files:
            if each.seen.relative not in moved:
                self._let_settle(each, names, may_have_moved=each.seen.relative in plan.undecided)
        if gone_from(listing, known):
            self.missing_files.take_listing(listing)
        return True

    def _is_as_known(self, listing: Listing) -> bool:
        """Whether the folder holds just the files that we know to be there, each as it was; nearly always so.

        One that waits to be complete, or that a rule speaks of, or spoke of, is for the long way.
        """
        settling = self.new_files.settling
        if len(settling) and any(seen.relative in settling for seen in listing.files):
            return False
        if self.rules.is_any_ignored(listing.relative, listing.file_names, listing.sizes):
            return False
        with reading():
            asked_before_ms = reidentify.changed_ms(listing, self.now_ms())
            known = video_files.as_seen_in_directory(self.place.library_id, listing.relative, asked_before_ms)
        return known == {(name, *_stamp_of(status), False) for name, _, status in listing.files}

    def _take_file(
        self,
        seen: SeenFile,
        known: KnownFile | None,
        again: list[tuple[KnownFile, FileStamp]],
        new_files: list[NewFile],
    ) -> None:
        """Deal with the file, or put it to those that are dealt with together: each commit waits for the disk."""
        skipped = self.rules.why_ignore_file(seen.relative, seen.stamp.size_bytes)
        # What replaced a known file takes its row over when it is complete, also to be left alone from then on.
        if skipped is not None and not _has_been_replaced(seen, known):
            self._skip(seen, known, skipped)
        elif known is not None and not known.is_skipped and known.stamp.has_same_content_as(seen.stamp):
            self.new_files.forget(seen.relative)
            if not known.is_present or known.stamp != seen.stamp:
                again.append((known, seen.stamp))
        else:
            new_files.append(NewFile(seen=seen, known=known))

    def _skip(self, seen: SeenFile, known: KnownFile | None, reason: str) -> None:
        self.new_files.forget(seen.relative)
        if known is None or not known.is_present or known.stamp != seen.stamp or _is_told_otherwise(known, reason):
            with writing():
                video_files.record_skipped(self.place.library_id, seen.relative, seen.stamp, reason, self.now_ms())

    def _leave_other_endings(self, listing: Listing, known: Mapping[str, KnownFile]) -> None:
        """Known files whose ending the library does not take any more: they are there, and left alone."""
        for name in listing.companions:
            row, reason = known.get(join(listing.relative, name)), self.rules.why_other_ending(name)
            if row is not None and row.is_present and _is_told_otherwise(row, reason):
                with writing():
                    video_files.record_all_skipped([row.id], reason, self.now_ms())

    def _see_again(self, seen_again: Sequence[tuple[KnownFile, FileStamp]]) -> None:
        """Files in their places with their sizes and times, that were missing, or that somebody touched.

        A ctime that changed is no proof of new bytes (a right, a hard link, an owner), and the only trace of a writer
        that puts the time back. So the file is read again, as a whole and once for each such change, while all that is
        known stays; a `chmod -R` has its library read once. That is heavy, and no less would do: the ends can be the
        same where the middle is not, and a hash that may be false is worth nothing. Only a rename that was seen
        explains a ctime, since else each renamed folder would be read.
        """
        if not seen_again:
            return
        with writing():
            for known, stamp in seen_again:
                video_files.record_seen(known, stamp, self.now_ms())
            # When one went missing it lost its job, which may have been to read a new name.
            self._enqueue_what_is_left(
                [
                    known.id
                    for known, stamp in seen_again
                    if not known.is_present or known.stamp.ctime_ns != stamp.ctime_ns
                ]
            )
        for known, stamp in seen_again:
            if not known.is_present:
                log.info("file.returned", path=known.path)
            elif known.stamp.ctime_ns != stamp.ctime_ns:
                log.info("file.touched", path=known.path)

    def take_due(self) -> Hint | None:
        """A folder that is to be looked at once more, now."""
        return self.missing_files.take_due() or self.new_files.take_due()

    def _let_settle(self, new_file: NewFile, names: Collection[str], *, may_have_moved: bool) -> None:
        """A file that replaced a known one takes over its row, with all that was decided, once it is complete: it is a
        new version of it. Unless the known one was only renamed, which may have been seen here first, or not yet where
        it went though it is missing here: so it is looked for everywhere before. Nor is a file new that may be one
        whose old place could not be looked at, as when a disk has just gone somewhere below that library, and it does
        not know yet what is left.
        """
        known = new_file.known
        has_replaced = known is not None and known.stamp.inode != new_file.seen.stamp.inode
        if (has_replaced or may_have_moved) and not self.new_files.is_searched_for(new_file.seen):
            self.new_files.wait_for_search(new_file.seen, self.on_evicted())
        self.new_files.see(new_file.seen, names)

    def _move(self, plan: MovePlan) -> bool:
        """Let the rows of files that were moved follow them, all in one transaction.

        False, and nothing was done, if the rows are others by now: a person, a worker or another library's thread was
        faster. The plan was made for what they said before.
        """
        if not plan.relocations:
            return True
        with writing():
            if not video_files.relocate(plan.relocations, plan.in_the_way, self.now_ms()):
                return False
            # A rename changes the file's ctime, and so may have covered up that somebody wrote to it before: its ends
            # are compared. That of a folder changes nothing of the files in it.
            touched = {each.known.id for each in plan.relocations if each.known.stamp.ctime_ns != each.stamp.ctime_ns}
            self._enqueue_what_is_left([each.known.id for each in plan.relocations], touched)
        for each in plan.relocations:
            self.new_files.forget(each.path)
            log.info("file.moved", path=each.path, before=each.known.was_at)
        return True

    def _enqueue_what_is_left(self, video_file_ids: Sequence[int], touched: Collection[int] = ()) -> None:
        """A new name may say something else than the old one did. What lies in the file is known, unless its stages
        were not done: then whoever is at work must look under the new name. Those that were `touched` begin anew.
        """
        unread = {*video_files.needing_work(video_file_ids, with_full_hash=self.with_full_hash), *touched}
        for row_id in video_file_ids:
            stage = self.new_files.first_stage if row_id in unread else IDENTIFY
            queue.enqueue(row_id, stage=stage.name, lane=stage.lane, now_ms=self.now_ms())


_stamp_of = attrgetter("st_size", "st_mtime_ns", "st_ctime_ns", "st_ino", "st_dev")
"""As `files.as_seen_in_directory` has it; asked of every file in every walk."""


def _has_been_replaced(seen: SeenFile, known: KnownFile | None) -> bool:
    """Whether it lies where other content is known, which may have gone elsewhere, or is just being written anew."""
    return known is not None and not known.is_skipped and not known.stamp.has_same_content_as(seen.stamp)


def _is_told_otherwise(known: KnownFile, reason: str) -> bool:
    """Whether the row does not say yet that the rules leave the file alone. A person's word stays there."""
    return not known.is_decided_by_user and known.reason != reason
