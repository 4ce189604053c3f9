"""Keep the rows of one library equal to its disk: check the root, follow hints, confirm, settle, record the state.

Events are only hints about where to scan. While the library cannot be scanned it is offline, and none of its rows
change. When it is back, all of it is scanned. The daemon calls `LibraryScanner.tick` from one thread for each library,
`reeld scan` in a loop. They differ in the `Rescans` that they bring.
"""

import math
import os
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from reeld.catalog import libraries, queue
from reeld.config import Library
from reeld.database.connection import reading, writing
from reeld.domain.records import Place
from reeld.domain.states import LibraryState
from reeld.errors import Interrupted
from reeld.log import get_logger
from reeld.pipeline.stages import Stage
from reeld.scanner.compare import FolderScanner
from reeld.scanner.missing_files import MissingFiles
from reeld.scanner.moved_files import MoveFinder, StatNames
from reeld.scanner.new_files import NewFiles
from reeld.scanner.reconcile import reconcile
from reeld.scanner.root_check import Root, RootProblem, is_at_or_below, why_away
from reeld.watch.completeness import CompletenessChecks
from reeld.watch.hints import EVERYTHING, DirtyDirectories, Hint
from reeld.watch.rescan import Rescans
from reeld.watch.rules import Rules
from reeld.watch.schedule import Backoff
from reeld.watch.settle import MOST_WAITING, Settling
from reeld.watch.walk import Listing, RootSeen, Unreadable, Vanished

log = get_logger()

# A tick follows hints for at most this long, and then checks the root again. A walk of everything is one hint.
LONGEST_TICK_S = 5.0

# Folders with files that were rejected at capacity are scanned again after this and a quiet period, then more rarely.
SHORTEST_REJECTED_S = 1.0
LONGEST_REJECTED_S = 60.0


@dataclass(frozen=True, slots=True)
class RecordedState:
    """What the catalogue says of the library itself."""

    state: LibraryState
    reason: str | None
    away: tuple[str, ...]
    """Folders whose disk is away."""


@dataclass(slots=True, kw_only=True)
class LibraryScanner:
    """Scans one library. One thread calls `tick`; any thread may request scans and read properties."""

    library: Library
    folder_scanner: FolderScanner
    root: Root
    hints: DirtyDirectories
    rescans: Rescans
    should_stop: Callable[[], bool]
    on_progress: Callable[[], None] = lambda: None
    """Called after the root check of each tick, before anything is scanned, and after each scanned directory."""
    measure: Callable[[], AbstractContextManager[None]] = nullcontext
    """The context in which each scan runs, to measure it."""
    monotonic: Callable[[], float] = time.monotonic
    unreadable: dict[str, Unreadable] = field(default_factory=dict)
    """Folders that could not be listed when they were last scanned."""
    state: RecordedState | None = None
    """None before the first check of the root."""
    _root_seen: RootSeen | None = None
    """The verified root. None while the library cannot be scanned."""
    _is_away: bool = False
    """Whether the root was checked and cannot be scanned."""
    _must_reverify_root: bool = False
    """Whether a scan found another root, and so recorded nothing. It may be the right one again by now."""
    _requests: threading.Lock = field(default_factory=threading.Lock)
    _rescan_all_at: float = math.inf
    _rescans_requested: int = 0
    _rescans_done: int = 0
    """The number of the latest request that was fulfilled."""
    _rejected_backoff: Backoff = field(init=False)
    _rescan_rejected_at: float | None = None

    def __post_init__(self) -> None:
        self._rejected_backoff = Backoff(self.library.quiet_s + SHORTEST_REJECTED_S, LONGEST_REJECTED_S)
        self.folder_scanner.new_files.on_searched = self._go_on_searching

    # --- for any thread ----------------------------------------------------------------------------------

    @property
    def is_online(self) -> bool:
        """Whether the library could be scanned when its root was last checked."""
        return self._root_seen is not None

    @property
    def is_behind(self) -> bool:
        """Whether a scan was marked or requested that was not made yet, though the library is online."""
        has_request = self._rescan_all_at < math.inf
        return self.is_online and (len(self.hints) > 0 or has_request or self._must_reverify_root)

    @property
    def is_quiet(self) -> bool:
        """Whether `tick` has nothing to do before `next_due`, unless the hints are woken."""
        folders = self.folder_scanner
        is_well = self.state is not None and self.state.state == LibraryState.ONLINE and self.state.reason is None
        has_work = self.is_behind or folders.new_files.rejected or folders.new_files.settling or self.unreadable
        return self.is_online and is_well and not has_work and folders.missing_files.next_due() is None

    def rescan_all(self, at: float) -> int:
        """Request a scan for changes in the whole library, at this time of the monotonic clock.

        Return the request's number, for `has_rescanned_all`.
        """
        with self._requests:
            self._rescans_requested += 1
            self._rescan_all_at = min(self._rescan_all_at, at)
            self.hints.wake()
            return self._rescans_requested

    def has_rescanned_all(self, number: int) -> bool:
        """Return whether that request was fulfilled, or cannot be because the library is away."""
        return self._rescans_done >= number or self._is_away

    def rescan_directory_of(self, absolute_path: str) -> None:
        """Have the file's folder scanned, if it lies in this library: the file is not what the catalogue says."""
        if absolute_path.startswith(self.library.path.rstrip("/") + "/"):
            self.hints.mark(os.path.dirname(os.path.relpath(absolute_path, self.library.path)))

    # --- for the thread of the library -------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Do all that is due now. Raises CatalogError; then everything must be scanned again.

        Raises Interrupted if it is to stop in the middle of a search.
        """
        is_online = self.check_root() and not self.should_stop()
        if is_online:
            self.rescans.tend(now, self.unreadable)
        self.on_progress()
        if is_online:
            self._follow_hints()
            self._quick_scan_if_due(now)
            self._rescan_all_if_due(now)
            self._confirm_missing()
            self.folder_scanner.new_files.settle_due()
            self._rescan_rejected(now)
            self._record_online()

    def next_due(self) -> float:
        """Return when `tick` has something to do, by the monotonic clock, unless a hint comes before."""
        if self._root_seen is None:
            return math.inf
        due = (self.folder_scanner.new_files.settling.next_due(), self.folder_scanner.missing_files.next_due())
        return min(self.rescans.next_due(), self._rescan_all_at, *(each for each in due if each is not None))

    # --- the root ----------------------------------------------------------------------------------------

    def check_root(self) -> bool:
        """Record whether the library can be scanned, and return it. Mark everything if its root is another one."""
        found = self.root.check()
        if isinstance(found, RootProblem):
            self._go_away(found)
            return False
        if self._root_seen is None:
            self._come_back()
        before = self._root_seen
        is_same = before is not None and (found, found.away, found.inodes) == (before, before.away, before.inodes)
        if self._must_reverify_root or not is_same:
            self._must_reverify_root = False
            self._root_seen, self._is_away = found, False
            self.folder_scanner.twins.start_again()
            self.rescans.restart()
        missing_files = self.folder_scanner.missing_files
        if self.root.is_accepted and not missing_files.is_accepted:
            missing_files.accept()
            self.rescans.mark_all()
        self._record_online()
        return True

    def _go_away(self, problem: RootProblem) -> None:
        self.rescans.stop()
        self._root_seen, self._is_away = None, True
        self._record(problem.state, problem.reason)

    def _come_back(self) -> None:
        """Forget all earlier scans. A library that was on hold stays so until all of it was scanned."""
        with reading():
            before = libraries.library_status(self.folder_scanner.place.library_id)
        self.folder_scanner.missing_files.start_again(was_held=before.state == LibraryState.ON_HOLD)

    def _record_online(self) -> None:
        """Record that the library can be scanned, though it may be on hold, or a disk below it be away."""
        held = self.folder_scanner.missing_files.held
        away = why_away(self._root_seen, self.library) if self._root_seen else None
        reasons = "; ".join(each for each in (held, away) if each is not None)
        self._record(LibraryState.ONLINE if held is None else LibraryState.ON_HOLD, reasons or None)

    def _record(self, state: LibraryState, reason: str | None) -> None:
        new = RecordedState(state, reason, self._root_seen.away if self._root_seen else ())
        if self.state == new:
            return
        with writing():
            record_state(self.folder_scanner, state, reason, self._root_seen)
        self.state = new
        if state == LibraryState.ONLINE and reason is None:
            log.info("library.state_changed", library=self.library.name, state=state, reason=reason)
        else:
            log.warning("library.state_changed", library=self.library.name, state=state, reason=reason)

    def record_state_again(self) -> None:
        """Write the library's state once more. Raises CatalogError while the catalogue cannot be written."""
        if self.state is not None:
            with writing():
                libraries.set_state(
                    self.folder_scanner.place.library_id,
                    self.state.state,
                    self.state.reason,
                    self.folder_scanner.now_ms(),
                )

    # --- scanning ----------------------------------------------------------------------------------------

    def _follow_hints(self) -> None:
        """Scan what is marked, until nothing is, or until the root is to be checked again."""
        deadline = self.monotonic() + LONGEST_TICK_S
        while not self.should_stop() and self.monotonic() < deadline:
            hint = self.hints.take()
            if hint is None:
                self.rescans.followed_all()
                return
            self._follow(hint)

    def _follow(self, hint: Hint) -> None:
        started = self.monotonic()
        self._scan(hint)
        if hint == EVERYTHING:
            self.rescans.walked(started, is_whole="" not in self.unreadable)

    def _scan(self, hint: Hint) -> None:
        if self._root_seen is None:
            return
        with self.measure():
            done = reconcile(self.folder_scanner, hint, self._root_seen, self.should_stop, self._note_scanned)
        if not done.was_same_root:
            self._must_reverify_root = True
        if done.renumbered is not None:
            self.root.distrust_inodes(self._root_seen.inodes.mount_of(done.renumbered))
        if hint == EVERYTHING and not self.should_stop():
            self.root.remember_count()
        kept = {path: folder for path, folder in self.unreadable.items() if not _covers(hint, path)}
        self.unreadable = kept | {folder.relative: folder for folder in done.unreadable}

    def _note_scanned(self, found: Listing | Vanished | Unreadable) -> None:
        self.rescans.remember(found)
        self.on_progress()

    def _go_on_searching(self) -> None:
        self.on_progress()
        if self.should_stop():
            raise Interrupted("a search through all libraries was not finished, because reeld was asked to stop")

    def _quick_scan_if_due(self, now: float) -> None:
        if self.rescans.is_quick_scan_due(now):
            self.rescans.quick_scan(self._scan, self.should_stop)

    def _rescan_all_if_due(self, now: float) -> None:
        """Search the library for a file that another one replaced elsewhere: it may have been moved here."""
        if now < self._rescan_all_at:
            return
        with self._requests:
            number, self._rescan_all_at = self._rescans_requested, math.inf
        was_whole = False
        try:
            self.rescans.quick_scan(self._scan, self.should_stop)
            self._enter_new_folders()
            was_whole = not (self.should_stop() or self._must_reverify_root)
        finally:
            if was_whole:
                self._rescans_done = number
            else:  # the file that waits for this scan goes on waiting
                with self._requests:
                    self._rescan_all_at = min(self._rescan_all_at, now)

    def _enter_new_folders(self) -> None:
        """Follow the present hints: a quick scan marks folders that it does not know. Later hints can wait."""
        for _ in range(len(self.hints)):
            if not self.should_stop() and (hint := self.hints.take()) is not None:
                self._follow(hint)

    def _confirm_missing(self) -> None:
        """Scan folders again that lacked a file, and folders with a new file that may have been moved."""
        while not self.should_stop() and (hint := self.folder_scanner.take_due()) is not None:
            self._scan(hint)

    def _rescan_rejected(self, now: float) -> None:
        """Mark the folders of files that were rejected at capacity.

        They are marked once there is room. Without room too, now and then: what held a file there may have ended.
        """
        rejected = self.folder_scanner.new_files.rejected
        has_room = len(self.folder_scanner.new_files.settling) < MOST_WAITING // 2
        if has_room:
            self._rejected_backoff.reset()
        if not rejected:
            return
        if self._rescan_rejected_at is None:
            self._rescan_rejected_at = now + self._rejected_backoff.next_s()
        if has_room or now >= self._rescan_rejected_at:
            self._rescan_rejected_at = None
            while (hint := rejected.take()) is not None:
                self.hints.mark(hint.relative, is_recursive=hint.is_recursive)


def _covers(hint: Hint, directory: str) -> bool:
    """Return whether a scan of the hint enters this directory."""
    return is_at_or_below(directory, hint.relative) if hint.is_recursive else directory == hint.relative


def record_state(folder_scanner: FolderScanner, state: LibraryState, reason: str | None, seen: RootSeen | None) -> None:
    """Record the library's state, and pause or resume the jobs of its files; within the caller's transaction."""
    library_id = folder_scanner.place.library_id
    before = libraries.library_status(library_id).state
    libraries.set_state(library_id, state, reason, folder_scanner.now_ms())
    if seen is None:
        queue.pause(library_id)
    else:
        queue.resume(library_id, is_back=before not in (LibraryState.ONLINE, LibraryState.ON_HOLD))
        for folder in seen.away:
            queue.pause(library_id, below=folder)
        queue.pause_files(library_id, folder_scanner.missing_files.held_files())


def rules_of(library: Library) -> Rules:
    """Return the library's rules for which files are taken."""
    return Rules(
        extensions=frozenset(library.extensions),
        minimum_size_bytes=library.minimum_size_bytes,
        ignore_patterns=library.ignore,
    )


def make_folder_scanner(
    library: Library,
    library_id: int,
    *,
    first_stage: Stage,
    with_full_hash: bool,
    stat_names: StatNames,
    now_ms: Callable[[], int],
    on_evicted: Callable[[], Callable[[], bool]] = lambda: lambda: True,
    rescan_directory: Callable[[str], None] = lambda _path: None,
) -> FolderScanner:
    """Build the folder scanner of a library from its configuration."""
    place, rules = Place(library_id, library.path), rules_of(library)
    return FolderScanner(
        place=place,
        rules=rules,
        new_files=NewFiles(
            place=place,
            rules=rules,
            settling=Settling(library.quiet_s),
            completeness_checks=CompletenessChecks(asks_writer=library.open_for_writing, asks_holes=library.holes),
            patience_s=library.patience_h * 3600,
            first_stage=first_stage,
            now_ms=now_ms,
            rescan_directory=rescan_directory,
        ),
        missing_files=MissingFiles(
            place=place, rules=rules, stat_names=stat_names, now_ms=now_ms, quiet_s=library.quiet_s
        ),
        with_full_hash=with_full_hash,
        now_ms=now_ms,
        kind=library.kind,
        on_evicted=on_evicted,
        move_finder=MoveFinder(place=place, rules=rules, stat_names=stat_names),
    )
