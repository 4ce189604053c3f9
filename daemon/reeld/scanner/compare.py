"""Compare each listed folder with its rows, and apply the difference.

`diff` decides and is pure; `apply.py` writes. One `FolderScanner` serves one library, from one thread. A file that is
the same stays. One that was moved keeps its row (`moved_files.py`). One that is new or changed must settle before its
first stage is queued (`new_files.py`). One that is not there is missing after a second scan (`missing_files.py`).
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter, itemgetter

from reeld.catalog import new_rows, video_files
from reeld.database.connection import reading
from reeld.domain.files import FileStamp, readable
from reeld.domain.identity import LibraryKind, Mark
from reeld.domain.records import KnownFile, Place
from reeld.errors import CatalogBusy
from reeld.pipeline.surroundings import NFO_FOR_FOLDERS_BELOW
from reeld.scanner import reidentify
from reeld.scanner.apply import apply
from reeld.scanner.changes import Changes, InPlace, Skipped
from reeld.scanner.first_listing import FirstListing
from reeld.scanner.missing_files import MissingFiles
from reeld.scanner.moved_files import MoveEvidence, MoveFinder, NewFile, find_moves
from reeld.scanner.new_files import BATCH, NewFiles, Settled
from reeld.scanner.reidentify import Compared
from reeld.scanner.sidecars import FolderSidecars, Sidecars
from reeld.scanner.twins import Twins
from reeld.watch.hints import Hint
from reeld.watch.rules import Rules
from reeld.watch.walk import Listing, RootSeen, SeenFile, join

NOTHING_COMPARED = Compared()

MOST_TRIES = 5
"""How often changes are decided again because the rows changed meanwhile; more is no coincidence."""


# --- deciding --------------------------------------------------------------------------------------------


def diff(
    listing: Listing,
    rows: Mapping[str, KnownFile],
    rules: Rules,
    evidence: MoveEvidence,
    *,
    library_id: int,
    compared: Compared = NOTHING_COMPARED,
) -> Changes:
    """Put each listed video and each row of the folder into exactly one class of changes.

    Pure. The order of the files does not matter. `rows` are the folder's by path, `evidence` was gathered for its
    new files, and `compared` are the verdicts of the folder that were made from other clues.
    """
    files = _classified(listing, rows, rules, evidence.fingerprints)
    new_files = [each for _, each in files if isinstance(each, NewFile)]
    moves = find_moves(library_id, [*new_files, *_ignored_now(files, evidence.fingerprints)], evidence)
    destinations = {each.path for each in moves.relocations}
    taken = {each.known.id for each in moves.relocations} | {known.id for known in moves.evicted}
    if taken:
        files = [(seen, _with_row_left(seen, each, taken)) for seen, each in files if seen.relative not in destinations]
    in_place = [each for _, each in files if isinstance(each, InPlace)]
    by_rules = [each for _, each in files if isinstance(each, Skipped)]
    settling = [each for _, each in files if isinstance(each, NewFile)]
    other_endings, known_endings = _other_endings(listing, rows, rules, taken)
    to_skip = [each for each in by_rules if not _is_recorded(each)]
    unlisted = _unlisted(listing, rows, taken)
    could_not_stat = {join(listing.relative, name) for name in listing.unknown}
    written = taken | {each.known.id for each in to_skip if each.known} | {known.id for known, _ in other_endings}
    return Changes(
        directory=listing.relative,
        siblings=frozenset((*listing.file_names, *listing.companions)),
        unchanged=tuple(each for _, each in files if isinstance(each, KnownFile)),
        counted={
            each.id: seen.status.st_nlink
            for seen, each in files
            if isinstance(each, KnownFile) and each.stamp.links is None
        },
        touched=tuple(each for each in in_place if each.known.is_present),
        returned=tuple(each for each in in_place if not each.known.is_present),
        skipped=tuple(to_skip),
        other_endings=tuple(other_endings),
        left_alone=(*(each.known for each in by_rules if each.known and _is_recorded(each)), *known_endings),
        moved=tuple(moves.relocations),
        evicted=tuple(moves.evicted),
        new=tuple(each for each in settling if each.known is None),
        rewritten=tuple(each for each in settling if _is_version(each) and not each.has_replaced),
        replaced=tuple(each for each in settling if _is_version(each) and each.has_replaced),
        admitted=tuple(each for each in settling if each.known is not None and each.known.is_skipped),
        searched=frozenset(each.seen.relative for each in new_files if each.has_replaced) | moves.undecided,
        gone=tuple(known for known in unlisted if known.is_present and known.path not in could_not_stat),
        absent=tuple(known for known in unlisted if not known.is_present),
        unknown=tuple(known for known in unlisted if known.is_present and known.path in could_not_stat),
        compared=replace(compared, to_read=sorted(set(compared.to_read) - written)),
    )


_Classified = KnownFile | InPlace | Skipped | NewFile
"""A listed video compared with its path's row alone. It is the row itself if nothing differs."""


def _classified(
    listing: Listing, rows: Mapping[str, KnownFile], rules: Rules, fingerprints: Mapping[str, str]
) -> list[tuple[SeenFile, _Classified]]:
    above = f"{listing.relative}/" if listing.relative else ""
    return [
        (
            seen,
            _classify(
                seen,
                rows.get(path := above + seen.name),
                rules.why_ignore_file(path, seen.status.st_size),
                fingerprints.get(path),
            ),
        )
        for seen in sorted(listing.files, key=_NAME)
    ]


def _classify(seen: SeenFile, known: KnownFile | None, reason: str | None, fingerprint: str | None) -> _Classified:
    stamp = seen.stamp
    is_version = known is not None and not known.is_skipped
    if known is not None and is_version and _shows_same(known, stamp, fingerprint):
        if reason is not None:
            return Skipped(seen=seen, known=known, reason=reason)
        return known if known.is_present and known.stamp == stamp else InPlace(seen=seen, known=known)
    # A file that replaced a known one takes over its row when it is complete, even if the rules skip it then.
    if reason is not None and not is_version:
        return Skipped(seen=seen, known=known, reason=reason)
    return NewFile(seen=seen, known=known, fingerprint=fingerprint)


def _shows_same(known: KnownFile, stamp: FileStamp, fingerprint: str | None) -> bool:
    """Whether nothing shows that the row is another file's; `fingerprint` is None unless it was read."""
    if None not in (fingerprint, known.fingerprint) and fingerprint != known.fingerprint:
        return False
    return known.stamp.has_same_content_as(stamp)


def _ignored_now(files: Iterable[tuple[SeenFile, _Classified]], fingerprints: Mapping[str, str]) -> list[NewFile]:
    """The files at names that the rules ignore whose content is not what their rows say: it may be known content."""
    return [
        NewFile(seen=seen, known=each.known, is_ignored=True, fingerprint=fingerprint)
        for seen, each in files
        if isinstance(each, Skipped)
        for fingerprint in (fingerprints.get(seen.relative),)
        if not (each.known is not None and _is_left_as_known(each.known, seen.stamp, fingerprint))
    ]


def _is_left_as_known(known: KnownFile, stamp: FileStamp, fingerprint: str | None) -> bool:
    """Whether an ignored file is the row's. A row without a fingerprint says nothing where only the ends could tell."""
    return _shows_same(known, stamp, fingerprint) and (fingerprint is None or known.fingerprint is not None)


def _with_row_left(seen: SeenFile, each: _Classified, taken: Collection[int]) -> _Classified:
    """The file without its row, if that goes elsewhere: the path was taken since it was listed."""
    row = each if isinstance(each, KnownFile) else each.known
    if row is None or row.id not in taken:
        return each
    return replace(each, known=None) if isinstance(each, Skipped) else NewFile(seen=seen, known=None)


def _unlisted(listing: Listing, rows: Mapping[str, KnownFile], taken: Collection[int]) -> list[KnownFile]:
    """The rows of the folder whose files are not in its listing, and which do not move."""
    above = f"{listing.relative}/" if listing.relative else ""
    unlisted = rows.keys() - {above + name for name in (*listing.file_names, *listing.companions)}
    return [rows[path] for path in sorted(unlisted) if rows[path].id not in taken]


def _is_version(each: NewFile) -> bool:
    """Whether it takes over the row of a file that the rules did not skip."""
    return each.known is not None and not each.known.is_skipped


def _is_recorded(skipped: Skipped) -> bool:
    known = skipped.known
    is_as_seen = known is not None and known.is_present and known.stamp == skipped.seen.stamp
    return is_as_seen and known is not None and not _says_otherwise(known, skipped.reason)


def _says_otherwise(known: KnownFile, reason: str) -> bool:
    """Whether the row does not say yet that the rules leave the file alone. A user's decision stays there."""
    return not known.is_decided_by_user and known.reason != reason


def _other_endings(
    listing: Listing, rows: Mapping[str, KnownFile], rules: Rules, taken: Collection[int]
) -> tuple[list[tuple[KnownFile, str]], list[KnownFile]]:
    """Known files whose endings the library does not take any more: those to record as skipped, and the others."""
    to_record, others = [], []
    for name in sorted(listing.companions) if rows else ():
        known = rows.get(join(listing.relative, name))
        if known is None or known.id in taken:
            continue
        reason = rules.why_other_ending(name)
        if known.is_present and _says_otherwise(known, reason):
            to_record.append((known, reason))
        else:
            others.append(known)
    return to_record, others


_NAME = itemgetter(0)
"""Of a SeenFile; half the time of its attribute."""


# --- scanning --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Unrecorded:
    """A listed folder of which something may have to be recorded, and what was gathered to tell that."""

    listing: Listing
    around: reidentify.Surroundings | None = None
    """None if nothing was gathered, because the catalogue knew nothing that could be compared with it."""
    twins: Sequence[SeenFile] = ()
    sidecars: FolderSidecars | None = None
    """None if their rows are as the listing."""
    has_videos_as_known: bool = False
    """Whether only the sidecars have to be recorded."""


@dataclass(slots=True, kw_only=True)
class FolderScanner:
    """Takes listings of one library and brings its rows up to date."""

    place: Place
    rules: Rules
    new_files: NewFiles
    missing_files: MissingFiles
    move_finder: MoveFinder
    twins: Twins = field(default_factory=Twins)
    sidecars: Sidecars = field(init=False)
    with_full_hash: bool
    now_ms: Callable[[], int]
    kind: LibraryKind = "auto"
    on_evicted: Callable[[], Callable[[], bool]] = lambda: lambda: True
    """Called when a new file is where known content was, which may lie at any path by now, or when the new file may be
    known content itself: all libraries should be scanned soon. Returns a function that says whether they were. The
    file does not settle before."""
    _nfos_above: dict[str, Mark] = field(default_factory=dict)
    """The marks of the .nfo files that are about files below their folders, by folder, as they were last listed."""

    _listed_above: dict[str, Mark | None] = field(default_factory=dict)
    """The .nfo files that the folders above certainly lack, as this scan listed them."""
    _is_all_new: bool = False
    """Whether the catalogue had no row at or below the folder of this scan when it began."""

    def __post_init__(self) -> None:
        self.sidecars = Sidecars(place=self.place, rules=self.rules)

    def look(self, listing: Listing) -> Unrecorded | None:
        """Return the folder if something may have to be recorded of it. Nearly never so, but for a first scan."""
        sidecars = self.sidecars.look(listing)
        if self._is_all_new:
            return Unrecorded(listing, sidecars=sidecars) if listing.files or sidecars else None
        around = reidentify.Surroundings(self.place, self.kind, listing, self._listed_above)
        twins = [] if listing.has_inodes else self._twins_to_compare(listing)
        is_as_known = not twins and self._is_as_known(listing, around)
        if is_as_known and sidecars is None:
            return None
        return Unrecorded(listing, around, twins, sidecars, has_videos_as_known=is_as_known)

    def take(self, folders: Sequence[Unrecorded], is_same_root: Callable[[], bool]) -> None:
        """Record these folders: all that the catalogue does not know yet in one commit, each other one in its own.

        Nothing is committed if the library's root is another one by now, or has other disks mounted below it: another
        disk may have been mounted over a folder a moment ago. Raises CatalogError, and InodesChanged; then the folders
        must be listed again.
        """
        self.sidecars.record([each.sidecars for each in folders if each.sidecars is not None], is_same_root)
        first = FirstListing(self.new_files)
        first.sort(each.listing for each in folders if not each.has_videos_as_known)
        if not first.record(is_same_root):
            return
        others = {listing.relative for listing in first.others}
        for each in folders:
            if each.listing.relative in others:
                if not is_same_root():
                    return
                self._compare(each, is_same_root)

    def _compare(self, folder: Unrecorded, is_same_root: Callable[[], bool]) -> None:
        """Compare a folder with its rows, and commit the changes in one transaction."""
        listing, around, twins = folder.listing, folder.around, folder.twins
        if around is None:
            around = reidentify.Surroundings(self.place, self.kind, listing, self._listed_above)
            twins = [] if listing.has_inodes else self._twins_to_compare(listing)
        settled: dict[str, Settled] = {}
        for _ in range(MOST_TRIES):
            if self._take_changes(self.changes_of(listing, around, twins), settled, is_same_root):
                return
        raise CatalogBusy(f"the rows of files that were moved to {readable(self.place.root)} keep changing")

    def take_due(self) -> Hint | None:
        """Return a folder that must be scanned again now, if there is one."""
        return self.missing_files.take_due() or self.new_files.take_due()

    def begin_scan(self, below: str, root_seen: RootSeen) -> None:
        """Begin a scan at and below this folder. Forget what earlier scans listed: it may have changed since."""
        self._listed_above.clear()
        self.sidecars.begin_scan(below, root_seen)
        with reading():
            self._is_all_new = not new_rows.is_any_known(self.place.library_id, below)

    def must_look_below(self, listing: Listing) -> bool:
        """Whether a .nfo in this folder that is about files below came, changed or went since the last listing."""
        now = reidentify.nfo_for_folders_below(listing)
        if now is None and listing.directories and not listing.unknown:  # else it is looked at where it counts
            self._listed_above[join(listing.relative, NFO_FOR_FOLDERS_BELOW)] = None
        before = self._nfos_above.pop(listing.relative, None)
        if now is not None:
            self._nfos_above[listing.relative] = now
        return now != before

    def _is_as_known(self, listing: Listing, around: reidentify.Surroundings) -> bool:
        """Whether the folder holds exactly the files that its rows say, each unchanged. Nearly always so, and quick.

        A folder with a file that settles, or that a rule speaks of or spoke of, is compared in full.
        """
        settling = self.new_files.settling
        if len(settling) and any(seen.relative in settling for seen in listing.files):
            return False
        if self.rules.is_any_ignored(listing.relative, listing.file_names, listing.sizes):
            return False
        with reading():
            known = video_files.as_seen_in_directory(self.place.library_id, listing.relative, around.digest)
        here = [(name, *_stamp_of(status), False) for name, _, status in listing.files]
        # Most rows were made in the order of the listing. Sets take three times as long.
        return len(known) == len(here) and (known == here or set(known) == set(here))

    def _twins_to_compare(self, listing: Listing) -> list[SeenFile]:
        settling = self.new_files.settling
        is_busy = len(settling) > 0 and any(seen.relative in settling for seen in listing.files)
        return self.twins.to_compare(listing, is_busy=is_busy)

    def changes_of(
        self,
        listing: Listing,
        around: reidentify.Surroundings | None = None,
        twins: Collection[SeenFile] = (),
    ) -> Changes:
        """Gather what the catalogue and the disk say of the folder, and decide."""
        around = around or reidentify.Surroundings(self.place, self.kind, listing)
        with reading():
            rows = video_files.known_in_directory(self.place.library_id, listing.relative)
        self.twins.require_lasting(listing, rows)
        fingerprints = self.move_finder.fingerprints_of(twins)
        self.twins.note(listing, rows, twins, fingerprints)
        classified = _classified(listing, rows, self.rules, fingerprints)
        files = [each for _, each in classified]
        new_files = [each for each in files if isinstance(each, NewFile)] + _ignored_now(classified, fingerprints)
        in_place = {each.id for each in files if isinstance(each, KnownFile)}
        in_place |= {each.known.id for each in files if isinstance(each, InPlace)}
        evidence = self.move_finder.gather(new_files, in_place)
        compared = reidentify.compare(self.place, listing, around, rows)
        return diff(listing, rows, self.rules, evidence, library_id=self.place.library_id, compared=compared)

    def _take_changes(self, changes: Changes, settled: dict[str, Settled], is_same_root: Callable[[], bool]) -> bool:
        """Commit the changes. False if the rows were written to since they were read; then nothing was committed.

        `settled` keeps the files that were found complete from one try to the next. The first batch of a folder's new
        files shares the transaction of all other changes.
        """
        first, rest = changes.to_settle[:BATCH], changes.to_settle[BATCH:]
        self._let_settle(first, changes, settled)
        complete = {path: settled[path] for path in (each.seen.relative for each in first) if path in settled}
        if changes.has_writes:
            # Again, right before the commit: the completeness checks of many files take a while.
            if not is_same_root():
                return True
            complete = self.new_files.still_there(complete)
            if not apply(changes, complete, self.new_files, self.now_ms(), with_full_hash=self.with_full_hash):
                return False
            self.new_files.scan_links(changes.linked())
            self.new_files.after_commit(complete)
            for path in complete:  # one may still be held, as it was before, because its commit failed
                self.new_files.forget(path)
        for path in changes.paths_at_rest():
            self.new_files.forget(path)
        if not changes.has_writes:
            self.new_files.hold(complete)
        for batch in (rest[start : start + BATCH] for start in range(0, len(rest), BATCH)):
            complete = {}
            self._let_settle(batch, changes, complete)
            self.new_files.hold(complete)
        self.missing_files.note_gone(changes.directory, [known.id for known in changes.gone])
        return True

    def _let_settle(self, files: Sequence[NewFile], changes: Changes, settled: dict[str, Settled]) -> None:
        """Show these files to `new_files`, and add to `settled` those that are complete.

        A file that replaced a known one takes over its row, with all decisions, once it is complete: it is a new
        version of it. But the known file may only have been renamed, and its new path not listed yet. So it is searched
        for in all libraries first. A file that may have come from a path that cannot be read is no new file yet
        either: its disk may just have gone, and its library not know that.
        """
        for each in files:
            seen = each.seen
            path = seen.relative
            if path in settled:
                continue
            if path in changes.searched and not self.new_files.is_searched_for(seen):
                self.new_files.wait_for_search(seen, self.on_evicted())
            if (complete := self.new_files.see(seen, changes.siblings)) is not None:
                settled[path] = complete


_stamp_of = attrgetter("st_size", "st_mtime_ns", "st_ctime_ns", "st_ino", "st_dev")
"""As `video_files.as_seen_in_directory` has it; read of every file in every walk."""
