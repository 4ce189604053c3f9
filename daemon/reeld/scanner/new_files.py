"""Hold new and changed files until they are complete, then write their rows and queue their first stage.

A file waits in `watch/settle.py` from its first listing on. Once it is quiet, it is complete unless a sibling's name
or a completeness check holds it. Its row and its first job are committed together. One `NewFiles` serves one library,
from one thread.
"""

import errno
import os
import stat
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from operator import attrgetter

from reeld.catalog import new_rows, queue, video_files
from reeld.catalog.new_rows import NewRow
from reeld.database.connection import reading, writing
from reeld.domain.files import Completeness, FileStamp, HolesSeen, WriterSeen
from reeld.domain.records import Place
from reeld.log import tell_of_each
from reeld.pipeline.stages import Stage
from reeld.scanner import reidentify
from reeld.scanner.elsewhere import decided_elsewhere
from reeld.watch.completeness import CheckResults, CompletenessChecks
from reeld.watch.hints import DirtyDirectories, Hint
from reeld.watch.rules import Rules, may_be_incomplete, why_incomplete
from reeld.watch.settle import HoldReason, SettleState, Settling
from reeld.watch.walk import Found, Listing, SeenFile, stat_names

BATCH, BATCH_S = 5000, 0.25
"""At most so many files are in one commit, and none waits for others longer, because each commit waits for the disk."""

_stamp_of = attrgetter("size_bytes", "mtime_ns", "ctime_ns", "inode", "device", "links")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A file that is complete and not recorded yet."""

    stamp: FileStamp
    completeness: Completeness
    has_replaced: bool = False
    """Whether all libraries were searched for the file that was known at its path, or for itself."""
    is_no_version_of: int | None = None
    """The row of the file that was known at its path, if the user decided about that and it exists elsewhere."""


@dataclass(slots=True)
class _Search:
    """A scan of all libraries, for the known file that a new file may be, or whose path it occupies."""

    inode: int
    """Of the new file."""
    is_over: Callable[[], bool]
    is_answered: bool = False
    """Whether the new file's folder was listed again after the search."""


@dataclass(slots=True, kw_only=True)
class NewFiles:
    """Holds the files of one library that are new or changed, until their first stage is queued."""

    place: Place
    rules: Rules
    settling: Settling
    completeness_checks: CompletenessChecks
    patience_s: float
    """How long a file with holes waits while it does not change."""
    first_stage: Stage
    now_ms: Callable[[], int]
    monotonic: Callable[[], float] = time.monotonic
    wall_ns: Callable[[], int] = time.time_ns
    rescan_directory: Callable[[str], None] = lambda _path: None
    """Called with the absolute path of a file that is not what its row says."""
    on_searched: Callable[[], None] = lambda: None
    """Called before each folder of a search through all libraries, which may take minutes. It may raise Interrupted."""
    rejected: DirtyDirectories = field(default_factory=DirtyDirectories)
    """Folders with files that were rejected because too many waited: they must be listed again."""
    _settled: dict[str, Settled] = field(default_factory=dict)
    _held_since: float = 0.0
    _searches: dict[str, _Search] = field(default_factory=dict)
    """By the path of the new file."""

    # --- searches ----------------------------------------------------------------------------------------

    def wait_for_search(self, seen: SeenFile, is_over: Callable[[], bool]) -> None:
        """Hold this file, which is about to be seen, until all libraries were scanned, and its own folder after them.

        It waits for a quiet period at least. See `take_due`.
        """
        self._searches[seen.relative] = _Search(seen.stamp.inode, is_over)

    def is_searched_for(self, seen: SeenFile) -> bool:
        """Whether the search for what this file may be has begun, or is over."""
        search = self._searches.get(seen.relative)
        return search is not None and search.inode == seen.stamp.inode

    def take_due(self) -> Hint | None:
        """Return a folder that must be scanned again now: all libraries were scanned for a file that waits there."""
        for path, search in self._searches.items():
            if not search.is_answered and search.is_over():
                search.is_answered = True
                return Hint(relative=os.path.dirname(path), is_recursive=False)
        return None

    # --- first sight -------------------------------------------------------------------------------------

    def unchanged_since_ns(self) -> int:
        """Return the time by which a file must have changed last to be settled when it is first seen now."""
        return self.settling.unchanged_since_ns(self.monotonic(), self.wall_ns())

    def check_at_first_sight(self, listing: Listing) -> list[str] | None:
        """Check the files of a folder, which did not change for long. None unless each is complete and first seen.

        For each file it returns what the row says of that, see `new_rows.as_text`. None as well if a rule skips one, or
        a name beside it may hold it. Then `see` tells what each waits for.
        """
        # A video that is named as a download is ignored.
        if self.rules.is_any_ignored(listing.relative, listing.file_names, listing.sizes):
            return None
        if may_be_incomplete(listing.companions):
            return None
        if not (self._remembers_none or all(map(self._is_first_seen, (seen.relative for seen in listing.files)))):
            return None
        folder = f"{self.place.root}/{listing.relative}" if listing.relative else self.place.root
        checked = self.completeness_checks.ask_of_listed(folder, listing.files)
        if checked is None:
            return None
        texts = {results: new_rows.as_text(self._completeness(*results)) for results in set(checked)}
        return [texts[results] for results in checked]

    @property
    def _remembers_none(self) -> bool:
        return not (self._settled or self._searches or self.settling.remembers_any)

    def _is_first_seen(self, path: str) -> bool:
        return self.settling.is_first_seen(path) and path not in self._settled and path not in self._searches

    # --- settling ----------------------------------------------------------------------------------------

    def see(self, seen: SeenFile, names: Collection[str]) -> Settled | None:
        """Take note of a listed file that is new or changed; what to record of it if it is complete.

        `names` are those of all files in its folder.
        """
        path, stamp = seen.relative, seen.stamp
        named = _hold_reason_of_names(seen.name, names)
        match self._show(path, stamp, named, must_wait=path in self._searches):
            case SettleState.SETTLED:
                return self._run_completeness_checks(path, stamp)
            case SettleState.WAITING if named is None and self.settling.is_quiet(path, stamp, self.monotonic()):
                # Something happened in its folder: the writer that was waited for may have closed it.
                return self._confirm(path, stamp)
        return None

    def _show(
        self, path: str, stamp: FileStamp, hold_reason: HoldReason | None, *, must_wait: bool = False
    ) -> SettleState:
        sight = self.settling.see(
            path,
            stamp,
            now=self.monotonic(),
            wall_ns=self.wall_ns(),
            hold_reason=hold_reason,
            must_wait=must_wait,
        )
        if sight is SettleState.REJECTED:
            self.rejected.mark(os.path.dirname(path))
        return sight

    def _run_completeness_checks(self, path: str, stamp: FileStamp) -> Settled | None:
        """Check a file that was unchanged for long when it was first seen: only a completeness check can hold it."""
        checks = self._check(path, stamp)
        hold_reason, found = self._hold_reason_of(checks), checks.stamp or stamp
        if not _is_same_file(found, stamp):
            # Another file came to the path since the listing, perhaps a known one: the next scan finds out.
            self._searches[path] = _Search(found.inode, lambda: True)
            self._show(path, found, hold_reason, must_wait=True)
            return None
        is_as_seen = hold_reason is None and found == stamp
        if is_as_seen or self._show(path, found, hold_reason) is SettleState.SETTLED:
            return self._accept(path, found, checks)
        return None

    def _confirm(self, path: str, stamp: FileStamp | None, named: HoldReason | None = None) -> Settled | None:
        """Take the file's second sample. The completeness checks run last, and only on a file that is quiet."""
        now = self.monotonic()
        if stamp is not None:
            stamp = stamp.comparable_with(self.settling.stamp_of(path) or stamp)
            self._search_if_another(path, stamp)
        named = named or self._hold_reason_of_search(path)
        if stamp is None or named is not None or not self.settling.is_quiet(path, stamp, now):
            self._is_settled(path, stamp, now, named)
            return None
        checks = self._check(path, stamp)
        # Of the same descriptor: a writer that came and went between the two samples has left its mark there.
        stamp = checks.stamp or stamp
        self._search_if_another(path, stamp)
        hold_reason = self._hold_reason_of(checks) or self._hold_reason_of_search(path)
        return self._accept(path, stamp, checks) if self._is_settled(path, stamp, now, hold_reason) else None

    def _is_settled(self, path: str, stamp: FileStamp | None, now: float, hold_reason: HoldReason | None) -> bool:
        """Whether the file is settled. If not it waits on, or is rejected and must be listed again."""
        is_settled = self.settling.confirm(path, stamp, now, hold_reason=hold_reason)
        if not is_settled and stamp is not None and path not in self.settling:
            self.rejected.mark(os.path.dirname(path))
        return is_settled

    def _search_if_another(self, path: str, stamp: FileStamp) -> None:
        """Search if another file came to the path since the listing, perhaps a known one: the next scan finds out."""
        before = self.settling.stamp_of(path)
        if before is not None and not _is_same_file(before, stamp):
            self._searches[path] = _Search(stamp.inode, lambda: True)

    def _hold_reason_of_search(self, path: str) -> HoldReason | None:
        search = self._searches.get(path)
        if search is None or search.is_answered:
            return None
        return HoldReason(
            why="all libraries are scanned first, because it, or the file that was at its path, may have been moved",
            ends_by_itself=True,
        )

    def _check(self, path: str, stamp: FileStamp) -> CheckResults:
        checks = self.completeness_checks.ask(os.path.join(self.place.root, path))
        return checks if checks.stamp is None else replace(checks, stamp=checks.stamp.comparable_with(stamp))

    def _hold_reason_of(self, checks: CheckResults) -> HoldReason | None:
        if checks.writer == "some":
            return HoldReason(why="open for writing")
        if checks.holes == "some":
            return HoldReason(why="parts of it unwritten", patience_s=self.patience_s)
        return None

    def _accept(self, path: str, stamp: FileStamp, checks: CheckResults) -> Settled:
        was_searched_for = self._searches.pop(path, None) is not None
        completeness = self._completeness(checks.writer, checks.holes)
        return Settled(stamp=stamp, completeness=completeness, has_replaced=was_searched_for)

    def _completeness(self, writer: WriterSeen, holes: HolesSeen) -> Completeness:
        return Completeness(quiet_s=self.settling.quiet_s, writer=writer, holes=holes)

    def forget(self, path: str) -> None:
        """Stop waiting for the file at this path: it is known by now, or left alone."""
        self.settling.forget(path)
        self._searches.pop(path, None)
        self._settled.pop(path, None)

    def settle_due(self) -> None:
        """Sample the files whose quiet period is over, and queue those that did not change."""
        names_in = self._names_in()
        for path in self.settling.due(self.monotonic()):
            directory, name = os.path.split(path)
            names = names_in(directory)
            try:
                stamp = self._stamp_at(path, names)
            except OSError:
                continue  # unknown is not gone: a folder that was closed meanwhile may be opened without an event
            settled = self._confirm(path, stamp, _hold_reason_of_names(name, names))
            if settled is not None:
                self.hold({path: settled})
        for path in [path for path in self._searches if path not in self.settling]:
            del self._searches[path]  # it went, or was rejected
        self.flush()

    # --- recording ---------------------------------------------------------------------------------------

    def hold(self, settled: Mapping[str, Settled]) -> None:
        """Record these with the next batch. Files that are held together are recorded together."""
        if not self._settled:
            self._held_since = self.monotonic()
        self._settled |= settled
        if len(self._settled) >= BATCH or self.monotonic() >= self._held_since + BATCH_S:
            self.flush()

    def flush(self) -> None:
        """Record the files that are held, and queue their first stage, in one transaction.

        If that fails they are still held, and the next flush tries again.
        """
        self._settled = self.still_there(self._settled)
        if not self._settled:
            return
        with writing():
            self.record(self._settled)
        self.after_commit(self._settled)
        self._settled.clear()

    def still_there(self, settled: Mapping[str, Settled]) -> dict[str, Settled]:
        """Those that did not leave their paths. One that did may be seen at another, and would be two files."""
        names_in = self._names_in()
        there = {
            path: each
            for path, each in settled.items()
            if not self._has_gone(path, each.stamp, names_in(os.path.dirname(path)))
        }
        replaced = {path: each.stamp for path, each in there.items() if each.has_replaced}
        elsewhere = decided_elsewhere(self.place, replaced, self.on_searched)
        return there | {path: replace(there[path], is_no_version_of=known) for path, known in elsewhere.items()}

    def record(self, settled: Mapping[str, Settled]) -> None:
        """Write the rows of these files and queue their first stage; within the caller's transaction."""
        known = {each.path for each in video_files.known_at_paths(self.place.library_id, list(settled))}
        new: list[NewRow] = []
        for path, each in settled.items():
            # A file that replaced a known one waits here even if the rules skip it.
            if (reason := self.rules.why_ignore_file(path, each.stamp.size_bytes)) is not None:
                self._skip(path, each, reason)
            elif path in known:
                self._record_version(path, each)
            else:
                new.append(
                    new_rows.new_row(*os.path.split(path), _stamp_of(each.stamp), new_rows.as_text(each.completeness))
                )
        self.record_new(new)
        reidentify.read_again_after(self.place, settled, self.now_ms())

    def record_new(self, rows: Sequence[NewRow]) -> None:
        """Write these rows, whose paths have none, and queue their first stage; within the caller's transaction."""
        if rows:
            stage = self.first_stage
            new_rows.insert(self.place.library_id, rows, stage=stage.name, lane=stage.lane, now_ms=self.now_ms())

    def after_commit(self, settled: Mapping[str, Settled]) -> None:
        """Tell that these files are recorded now."""
        stamps = (each.stamp for each in settled.values())
        self.tell_recorded(settled, len(settled), [stamp for stamp in stamps if stamp.links != 1])

    def tell_recorded(self, paths: Iterable[str], count: int, linked: Sequence[FileStamp]) -> None:
        """Log the files at so many paths, and have the other hard links of those that have several names scanned.

        What changes a file under one name changes it under all names, without an event for the others.
        """
        tell_of_each("file.settled", paths, count)
        self.scan_links(linked)

    def scan_links(self, linked: Sequence[FileStamp]) -> None:
        """Have the folders of other hard links scanned, in all libraries, unless their rows have these stamps already.

        `linked` are the stamps of files that have several names.
        """
        if not linked:
            return
        with reading():
            others = video_files.links_of_before(linked)
        for other in others:
            self.rescan_directory(other)

    def _skip(self, path: str, settled: Settled, reason: str) -> None:
        self._evict(path, settled)
        video_files.record_skipped(self.place.library_id, path, settled.stamp, reason, self.now_ms())

    def _record_version(self, path: str, settled: Settled) -> None:
        self._evict(path, settled)
        stamp = settled.stamp
        row_id = video_files.record_settled(self.place.library_id, path, stamp, self.now_ms(), settled.completeness)
        self.enqueue(row_id, self.first_stage, changed_ms=max(stamp.mtime_ns, stamp.ctime_ns) // 1_000_000)

    def _evict(self, path: str, settled: Settled) -> None:
        if settled.is_no_version_of is not None:
            video_files.evict_decided(settled.is_no_version_of, self.place.library_id, path, self.now_ms())

    def _has_gone(self, path: str, stamp: FileStamp, names: Collection[str]) -> bool:
        """Whether the file certainly left its path, in the folder that holds these names."""
        try:
            there = self._stamp_at(path, names)
        except OSError:
            return False
        return there is None or not _is_same_file(there.comparable_with(stamp), stamp)

    def _stamp_at(self, path: str, names: Collection[str]) -> FileStamp | None:
        """Stat the file; None if there is none in the folder that holds these names. Raises OSError if unknown.

        `names` is empty if they are unknown. A file system may take HEAT.mkv for Heat.mkv: only its list tells which of
        the two exists.
        """
        if names and os.path.basename(path) not in names:
            return None
        try:
            status: os.stat_result | None = os.lstat(os.path.join(self.place.root, path))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as err:
            if err.errno != errno.ENAMETOOLONG:
                raise
            status = self._stat_name_by_name(path, err)
        return FileStamp.of(status) if status is not None and stat.S_ISREG(status.st_mode) else None

    def _stat_name_by_name(self, path: str, err: OSError) -> os.stat_result | None:
        """Stat a path that is too long for one call, as a walk does. Raises `err` if that fails as well."""
        directory, name = os.path.split(path)
        found = stat_names(self.place.root, directory, [name])
        if not isinstance(found, Found) or name not in found.by_name:
            raise err
        return found.by_name[name]

    def _names_in(self) -> Callable[[str], frozenset[str]]:
        """Return a function that lists a folder's names once, since its files come together; empty if unknown."""

        @lru_cache(maxsize=8)
        def names_in(directory: str) -> frozenset[str]:
            try:
                return frozenset(os.listdir(os.path.join(self.place.root, directory)))
            except OSError:
                return frozenset()

        return names_in

    def begin(self, video_file_ids: Iterable[int]) -> None:
        """Queue the first stage of these files; within the caller's transaction."""
        for video_file_id in video_file_ids:
            self.enqueue(video_file_id, self.first_stage)

    def enqueue(self, video_file_id: int, stage: Stage, changed_ms: int = 0) -> None:
        """Queue the file at this stage, instead of any other; within the caller's transaction."""
        queue.enqueue(video_file_id, stage=stage.name, lane=stage.lane, now_ms=self.now_ms(), changed_ms=changed_ms)


def _is_same_file(one: FileStamp, other: FileStamp) -> bool:
    return (one.inode, one.device) == (other.inode, other.device)


def _hold_reason_of_names(name: str, names: Collection[str]) -> HoldReason | None:
    why = why_incomplete(name, names)
    return None if why is None else HoldReason(why=why)
