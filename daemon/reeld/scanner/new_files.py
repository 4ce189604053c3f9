"""When is a new or changed file complete, and how does its work begin?

From the first sight of the file, through its waiting in `watch/settle.py`, to the commit that holds its row and the job
of its first stage. A file that is quiet is complete if no name beside it and no witness objects. One `NewFiles` serves
one library, from one thread.
"""

import errno
import os
import stat
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from reeld.catalog import queue, video_files
from reeld.database.connection import reading, writing
from reeld.domain.files import Completeness, FileStamp
from reeld.domain.records import Place
from reeld.log import get_logger
from reeld.pipeline.stages import Stage
from reeld.scanner import reidentify
from reeld.watch.completeness import CheckResults, CompletenessChecks
from reeld.watch.hints import DirtyDirectories, Hint
from reeld.watch.rules import Rules, why_incomplete
from reeld.watch.settle import HoldReason, SettleState, Settling
from reeld.watch.walk import Found, SeenFile, stat_names

log = get_logger()

# One commit for so many files at a first scan: each commit waits for the disk, 200 of them at once do not.
BATCH = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class _Settled:
    """A file that is complete, and not recorded yet."""

    stamp: FileStamp
    completeness: Completeness


@dataclass(slots=True)
class _Search:
    """For what a newcomer may have been, or for what it stands in the place of."""

    inode: int
    """Of the newcomer."""
    is_over: Callable[[], bool]
    is_answered: bool = False
    """Whether what was found was held against the newcomer."""


@dataclass(slots=True, kw_only=True)
class NewFiles:
    """The files of one library that are new or changed, until their first stage is queued."""

    place: Place
    rules: Rules
    settling: Settling
    completeness_checks: CompletenessChecks
    patience_s: float
    """For how long a file with holes is waited for, while it does not change."""
    first_stage: Stage
    now_ms: Callable[[], int]
    monotonic: Callable[[], float] = time.monotonic
    wall_ns: Callable[[], int] = time.time_ns
    rescan_directory: Callable[[str], None] = lambda _path: None
    """Told the absolute path of a file that is not what the catalogue believes."""
    rejected: DirtyDirectories = field(default_factory=DirtyDirectories)
    """Where files lie that came when too many waited already: a later look must show them again."""
    _settled: dict[str, _Settled] = field(default_factory=dict)
    _searches: dict[str, _Search] = field(default_factory=dict)
    """For what files may have been, or what stood in their places, that were seen there."""

    def wait_for_search(self, seen: SeenFile, is_over: Callable[[], bool]) -> None:
        """This file, which is about to be seen, is taken a quiet period from now, and not before all libraries were
        looked through and its own folder after them (`take_due`).
        """
        self._searches[seen.relative] = _Search(seen.stamp.inode, is_over)

    def is_searched_for(self, seen: SeenFile) -> bool:
        search = self._searches.get(seen.relative)
        return search is not None and search.inode == seen.stamp.inode

    def take_due(self) -> Hint | None:
        """A folder that is to be looked at now: the libraries were looked through for a file that waits there."""
        for path, search in self._searches.items():
            if not search.is_answered and search.is_over():
                search.is_answered = True
                return Hint(relative=os.path.dirname(path), is_recursive=False)
        return None

    def see(self, seen: SeenFile, names: Collection[str]) -> None:
        """A file that is new, or not what we know, and the names of all that lies beside it."""
        path, stamp = seen.relative, seen.stamp
        named = _hold_reason_of_names(seen.name, names)
        match self._show(path, stamp, named, must_wait=path in self._searches):
            case SettleState.SETTLED:
                self._run_completeness_checks(path, stamp)
            case SettleState.WAITING if named is None and self.settling.is_quiet(path, stamp, self.monotonic()):
                # Something happened in its folder: perhaps the writer that was waited for has closed it.
                self._confirm(path, stamp)

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

    def _run_completeness_checks(self, path: str, stamp: FileStamp) -> None:
        """A file that has not changed for long when it is first seen: only a witness can make it wait."""
        testimony = self._ask(path)
        hold_reason, found = self._hold_reason_of(testimony), testimony.stamp or stamp
        if not _is_same_file(found, stamp):
            # Another file has come to its place since the look, perhaps one that is known: the next look finds out.
            self._searches[path] = _Search(found.inode, lambda: True)
            self._show(path, found, hold_reason, must_wait=True)
            return
        is_as_seen = hold_reason is None and found == stamp
        if is_as_seen or self._show(path, found, hold_reason) is SettleState.SETTLED:
            self._accept(path, found, testimony)

    def _confirm(self, path: str, stamp: FileStamp | None, named: HoldReason | None = None) -> None:
        """The file's second sample. The witnesses are asked last, and only of a file that is quiet."""
        now = self.monotonic()
        if stamp is not None:
            self._doubt_another(path, stamp)
        named = named or self._hold_reason_of_search(path)
        if stamp is None or named is not None or not self.settling.is_quiet(path, stamp, now):
            self._is_settled(path, stamp, now, named)
            return
        testimony = self._ask(path)
        # Of the same descriptor: a writer that came and went between the two looks has left its mark there.
        stamp = testimony.stamp or stamp
        self._doubt_another(path, stamp)
        hold_reason = self._hold_reason_of(testimony) or self._hold_reason_of_search(path)
        if self._is_settled(path, stamp, now, hold_reason):
            self._accept(path, stamp, testimony)

    def _is_settled(self, path: str, stamp: FileStamp | None, now: float, hold_reason: HoldReason | None) -> bool:
        """Where it is not, it goes on waiting, or is turned away: then a later look must show it again."""
        is_settled = self.settling.confirm(path, stamp, now, hold_reason=hold_reason)
        if not is_settled and stamp is not None and path not in self.settling:
            self.rejected.mark(os.path.dirname(path))
        return is_settled

    def _doubt_another(self, path: str, stamp: FileStamp) -> None:
        """Another file has come to its place since the look, perhaps one that is known: the next look finds out."""
        before = self.settling.stamp_of(path)
        if before is not None and not _is_same_file(before, stamp):
            self._searches[path] = _Search(stamp.inode, lambda: True)

    def _hold_reason_of_search(self, path: str) -> HoldReason | None:
        search = self._searches.get(path)
        if search is None or search.is_answered:
            return None
        return HoldReason(
            why="it, or what was in its place, may have been moved, which is looked into first", ends_by_itself=True
        )

    def _ask(self, path: str) -> CheckResults:
        return self.completeness_checks.ask(os.path.join(self.place.root, path))

    def _hold_reason_of(self, testimony: CheckResults) -> HoldReason | None:
        if testimony.writer == "some":
            return HoldReason(why="open for writing")
        if testimony.holes == "some":
            return HoldReason(why="parts of it unwritten", patience_s=self.patience_s)
        return None

    def _accept(self, path: str, stamp: FileStamp, testimony: CheckResults) -> None:
        completeness = Completeness(quiet_s=self.settling.quiet_s, writer=testimony.writer, holes=testimony.holes)
        self._settled[path] = _Settled(stamp=stamp, completeness=completeness)
        self._searches.pop(path, None)
        if len(self._settled) >= BATCH:
            self.flush()

    def forget(self, path: str) -> None:
        """It is known by now, or left alone."""
        self.settling.forget(path)
        self._searches.pop(path, None)

    def settle_due(self) -> None:
        """Look again at the files whose quiet period is over, and queue those that did not change."""
        names_in = self._names_in()
        for path in self.settling.due(self.monotonic()):
            directory, name = os.path.split(path)
            names = names_in(directory)
            try:
                stamp = self._stamp_at(path, names)
            except OSError:
                continue  # unknown is not gone: a folder that was closed meanwhile may be opened without a word
            self._confirm(path, stamp, _hold_reason_of_names(name, names))
        for path in [path for path in self._searches if path not in self.settling]:
            del self._searches[path]  # it went, or was turned away
        self.flush()

    def flush(self) -> None:
        """Record what has settled, and queue its first stage, in one transaction.

        If that fails the files are still in the list, and the next flush tries again. What is not in its place any more
        by then is not recorded: it may have been seen in another since, and would be two files.
        """
        names_in = self._names_in()
        for path, settled in list(self._settled.items()):
            if self._has_gone(path, settled.stamp, names_in(os.path.dirname(path))):
                del self._settled[path]
        if not self._settled:
            return
        with writing():
            for path, settled in self._settled.items():
                self._record(path, settled)
            reidentify.read_discs_again(self.place, self._settled, self.now_ms())
        for path in self._settled:
            log.info("file.settled", path=path)
        self._tell_links()
        self._settled.clear()

    def _tell_links(self) -> None:
        """Whoever writes to a file under one of its names changes it under all of them, and no event tells that."""
        linked = [
            settled.stamp
            for path, settled in self._settled.items()
            if _has_other_names(os.path.join(self.place.root, path))
        ]
        if linked:
            with reading():
                others = video_files.links_of_before(linked)
            for other in others:
                self.rescan_directory(other)

    def _record(self, path: str, settled: _Settled) -> None:
        stamp = settled.stamp
        # What took a known file's place waited here, whatever the rules say of it.
        if (reason := self.rules.why_ignore_file(path, stamp.size_bytes)) is not None:
            video_files.record_skipped(self.place.library_id, path, stamp, reason, self.now_ms())
            return
        row_id = video_files.record_settled(self.place.library_id, path, stamp, self.now_ms(), settled.completeness)
        self.enqueue(row_id, self.first_stage, changed_ms=max(stamp.mtime_ns, stamp.ctime_ns) // 1_000_000)

    def _has_gone(self, path: str, stamp: FileStamp, names: Collection[str]) -> bool:
        """Whether the file is certainly not there, in the folder that holds these names."""
        try:
            there = self._stamp_at(path, names)
        except OSError:
            return False
        return there is None or not _is_same_file(there, stamp)

    def _stamp_at(self, path: str, names: Collection[str]) -> FileStamp | None:
        """None if there is no such file in the folder that holds these names, if they are known. Raises OSError if that
        cannot be known. A file system may take HEAT.mkv for Heat.mkv: only its list tells which of them is there.
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
            status = self._look_name_by_name(path, err)
        return FileStamp.of(status) if status is not None and stat.S_ISREG(status.st_mode) else None

    def _look_name_by_name(self, path: str, err: OSError) -> os.stat_result | None:
        """As a walk does, for a path that is longer than one call takes. Raises `err` if nothing can be known so."""
        directory, name = os.path.split(path)
        found = stat_names(self.place.root, directory, [name])
        if not isinstance(found, Found) or name not in found.by_name:
            raise err
        return found.by_name[name]

    def _names_in(self) -> Callable[[str], frozenset[str]]:
        """What a folder holds; empty if that cannot be known. Many files of one come together: it is listed once."""

        @lru_cache(maxsize=8)
        def names_in(directory: str) -> frozenset[str]:
            try:
                return frozenset(os.listdir(os.path.join(self.place.root, directory)))
            except OSError:
                return frozenset()

        return names_in

    def begin(self, video_file_ids: Iterable[int]) -> None:
        """Let the work on these files begin anew; within the caller's transaction."""
        for video_file_id in video_file_ids:
            self.enqueue(video_file_id, self.first_stage)

    def enqueue(self, video_file_id: int, stage: Stage, changed_ms: int = 0) -> None:
        """Let the file's work begin at this stage, whatever it was at; within the caller's transaction."""
        queue.enqueue(video_file_id, stage=stage.name, lane=stage.lane, now_ms=self.now_ms(), changed_ms=changed_ms)


def _has_other_names(path: str) -> bool:
    try:
        return os.lstat(path).st_nlink > 1
    except OSError:
        return False


def _is_same_file(one: FileStamp, other: FileStamp) -> bool:
    return (one.inode, one.device) == (other.inode, other.device)


def _hold_reason_of_names(name: str, names: Collection[str]) -> HoldReason | None:
    why = why_incomplete(name, names)
    return None if why is None else HoldReason(why=why)
