"""What keeps one library's rows equal to its disk? One thread, which waits for hints and walks.

Events are hints; the walk is the truth. Whenever the library cannot be looked at, it is offline and none of
its rows change; when it is back, all of it is walked.
"""

import errno
import itertools
import math
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from reeld.catalog import libraries, queue
from reeld.config import Library, WatchSettings
from reeld.database.connection import reading, writing, writing_only_while
from reeld.domain.records import Place
from reeld.domain.status import UnreadableFolder, WaitingFile, WatcherStatus
from reeld.errors import CatalogCorrupt, CatalogError, Interrupted
from reeld.log import get_logger
from reeld.pipeline.retry import CATALOG_DELAY_S, LONGEST_CATALOG_DELAY_S
from reeld.pipeline.stages import Stage
from reeld.report.counters import Counters
from reeld.scanner.compare import FolderScanner
from reeld.scanner.missing_files import MissingFiles
from reeld.scanner.moved_files import MoveFinder, StatNames
from reeld.scanner.new_files import NewFiles
from reeld.scanner.reconcile import reconcile
from reeld.scanner.root_check import Root, RootProblem, why_away
from reeld.service.heartbeat import Heartbeats
from reeld.service.stage_context import now_ms
from reeld.watch.completeness import CompletenessChecks
from reeld.watch.hints import EVERYTHING, DirtyDirectories, Hint
from reeld.watch.observer_health import ObserverHealth
from reeld.watch.rescan import RescanSchedule
from reeld.watch.rules import Rules
from reeld.watch.schedule import Backoff
from reeld.watch.settle import MOST_WAITING, Settling
from reeld.watch.walk import Listing, RootSeen, Unreadable, Vanished

log = get_logger()

# How long it takes at most to notice that a library's disk came, went or was exchanged.
CHECK_S = 5.0
# How often it is asked whether files may be read that might not be, and of how many.
DENIED_S = 15.0
MOST_DENIED = 500
# Folders of files that came when too many waited are looked at again after this and a quiet period, then more rarely.
SHORTEST_REJECTED_S = 1.0
LONGEST_REJECTED_S = 60.0
# Of the files that wait to be complete, so many are shown by name.
MOST_SHOWN = 20


def rules_of(library: Library) -> Rules:
    return Rules(
        extensions=frozenset(library.extensions),
        minimum_size_bytes=library.minimum_size_bytes,
        ignore_patterns=library.ignore,
    )


class LibraryWatcher:
    """Watches one library from `start` until `stopping`; all walking and all writing happens in its thread.

    From that moment on it writes nothing: its disk may hold it until the library has another watcher, or none.
    """

    def __init__(
        self,
        library: Library,
        settings: WatchSettings,
        folder_scanner: FolderScanner,
        root: Root,
        stopping: threading.Event,
        on_fatal: Callable[[CatalogError], None],
        heartbeats: Heartbeats,
        counters: Counters,
    ) -> None:
        self.library = library
        self._counters = counters
        self.hints = DirtyDirectories()
        self.is_settled_in = threading.Event()
        """Set once events are told of here, or it is known why not: nothing is missed from then on."""
        self.has_looked = threading.Event()
        """Set once all that can be seen here was seen for the first time."""
        self._folder_scanner = folder_scanner
        self._stopping = stopping
        self._on_fatal = on_fatal
        self._root = root
        self._heartbeats = heartbeats
        self._root_seen: RootSeen | None = None
        self._watching = ObserverHealth(library, self.hints, folder_scanner.rules)
        self._rescan_schedule = RescanSchedule(settings, self.hints, self._watching)
        self._was_another_root = False
        """Whether a look found another root than it was told of, and so recorded nothing; it may be the same again."""
        self._next_tell = 0.0
        self._next_denied = 0.0
        self._rescan_all_at = math.inf
        self._wishes = threading.Lock()
        self._rescan_all_requests = 0
        self._rescanned_all = 0
        self._catalog_backoff = Backoff(CATALOG_DELAY_S, LONGEST_CATALOG_DELAY_S)
        self._catalog_retry_at: float | None = None
        self._rejected_backoff = Backoff(library.quiet_s + SHORTEST_REJECTED_S, LONGEST_REJECTED_S)
        self._rescan_rejected_at: float | None = None
        self._unreadable: dict[str, Unreadable] = {}
        self._status = WatcherStatus(name=library.name)
        self._state: tuple[str, str | None, tuple[str, ...]] | None = None
        self._thread = threading.Thread(target=self._run, name=f"watch {library.name}")

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """There is something to be seen: `stopping`, for example."""
        self.hints.wake()

    def rescan_all(self, within_s: float) -> int:
        """Something may have been moved here: see what changed anywhere in the library. For any thread.

        Gives the number of this wish, for `has_rescanned_all`.
        """
        with self._wishes:
            self._rescan_all_requests += 1
            self._rescan_all_at = min(self._rescan_all_at, time.monotonic() + within_s)
            self.hints.wake()
            return self._rescan_all_requests

    def has_rescanned_all(self, number: int) -> bool:
        """Whether that wish was fulfilled, or cannot be: the library is away. For any thread."""
        return self._rescanned_all >= number or self._root_seen is None

    def look_at(self, absolute_path: str) -> None:
        """Something is not as the catalogue believes it to be at this path of the library."""
        self.hints.mark(os.path.dirname(os.path.relpath(absolute_path, self.library.path)))

    def status(self) -> WatcherStatus:
        """What only this thread knows, as of its last turn. Callable from any thread."""
        return self._status

    def figures(self) -> dict[str, Any]:
        """What changes too often for the status: for `prometheus.py`."""
        watching = self._watching
        return {
            "name": self.library.name,
            "events": watching.events,
            "overflows": watching.overflows,
            "rebuilds": watching.rebuilds,
            "is_degraded": watching.notice().is_degraded,
        }

    # --- the thread --------------------------------------------------------------------------------------

    def _run(self) -> None:
        with (
            self._heartbeats.of_this_thread(),
            suppress(Interrupted),
            writing_only_while(lambda: not self._stopping.is_set()),
        ):
            try:
                while not self._stopping.is_set():
                    self._turn()
            except CatalogCorrupt as err:
                self._on_fatal(err)
            finally:
                self._watching.stop()

    def _turn(self) -> None:
        self._heartbeats.mine().at_disk(self.library.path, "its folders")
        try:
            if self._can_write():
                self._work()
                self._catalog_backoff.reset()
        except CatalogCorrupt:
            raise
        except CatalogError as err:
            self._put_off(err)
        self._tell()
        timeout_s = self._timeout_s()
        if self._catalog_retry_at is not None:
            timeout_s = min(CHECK_S, max(0.0, self._catalog_retry_at - time.monotonic()))
        self._heartbeats.mine().beat(within_s=timeout_s)
        if self._catalog_retry_at is not None:
            self._stopping.wait(timeout_s)
        elif not self._stopping.is_set():
            self.hints.wait(timeout_s)

    def _work(self) -> None:
        is_online = self._check_root() and not self._stopping.is_set()
        if is_online:
            self._try_unreadable()
            self._try_denied()
            self._watch()
        if not self.is_settled_in.is_set():
            self._tell()
            self.is_settled_in.set()
        if is_online:
            self._follow_hints()
            self._quick_scan_if_due()
            self._rescan_all()
            self._confirm_missing()
            self._folder_scanner.new_files.settle_due()
            self._rescan_rejected()
            self._record_online()
        self.has_looked.set()

    def _put_off(self, err: CatalogError) -> None:
        """What was seen and could not be recorded must be seen again; but not before something can be recorded."""
        delay_s = self._catalog_backoff.next_s()
        log.warning("catalog.failed", library=self.library.name, reason=err.with_hint, retry_s=delay_s)
        self._catalog_retry_at = time.monotonic() + delay_s
        self.hints.mark_everything()

    def _can_write(self) -> bool:
        """Whether the catalogue works, as far as it is known; after trouble a small write tells, or raises."""
        if self._catalog_retry_at is None:
            return True
        if time.monotonic() < self._catalog_retry_at:
            return False
        if self._state is not None:
            with writing():
                libraries.set_state(self._folder_scanner.place.library_id, *self._state[:2], now_ms())
        self._catalog_retry_at = None
        return True

    def _tell(self) -> None:
        """Publish a new status; the old one may be in use by another thread and stays as it is."""
        settling = self._folder_scanner.new_files.settling
        offset = time.time() - time.monotonic()
        self._next_tell = time.monotonic() + CHECK_S
        self._status = WatcherStatus(
            name=self.library.name,
            is_first_turn_over=True,
            watching=None if self._root_seen is None else self._rescan_schedule.status(),
            settling=len(settling),
            waiting=tuple(
                WaitingFile(
                    path=os.path.join(self.library.path, wait.key),
                    since=round(offset + wait.since),
                    why=wait.why,
                    held_since=None if wait.held_since is None else round(offset + wait.held_since),
                )
                for wait in itertools.islice(settling.waiting(), MOST_SHOWN)
            ),
            unreadable=tuple(
                UnreadableFolder(path=os.path.join(self.library.path, path), why=folder.message)
                for path, folder in itertools.islice(self._unreadable.items(), MOST_SHOWN)
            ),
        )

    def _rescan_rejected(self) -> None:
        """Once there is room, and every now and then: what was held against them may have ended."""
        rejected, now = self._folder_scanner.new_files.rejected, time.monotonic()
        has_room = len(self._folder_scanner.new_files.settling) < MOST_WAITING // 2
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

    def _timeout_s(self) -> float:
        if self._root_seen is None:
            return CHECK_S
        due = (self._folder_scanner.new_files.settling.next_due(), self._folder_scanner.missing_files.next_due())
        moments = [
            self._rescan_schedule.next_due(),
            self._rescan_all_at,
            *(moment for moment in due if moment is not None),
        ]
        return max(0.0, min(CHECK_S, min(moments) - time.monotonic()))

    # --- the root ----------------------------------------------------------------------------------------

    def _check_root(self) -> bool:
        """Whether the library can be looked at. A root that is not what it was is watched, and walked, anew."""
        found = self._root.check()
        if isinstance(found, RootProblem):
            self._go_away(found)
            return False
        if self._root_seen is None:
            self._come_back()
        is_same = self._root_seen is not None and (found, found.away) == (self._root_seen, self._root_seen.away)
        if self._was_another_root or not is_same:
            self._was_another_root = False
            self._watching.stop()
            self._root_seen = found
            self.hints.mark_everything()
        if self._root.is_accepted and not self._folder_scanner.missing_files.is_accepted:
            self._folder_scanner.missing_files.accept()
            self.hints.mark_everything()
        return True

    def _go_away(self, doubt: RootProblem) -> None:
        self._watching.stop()
        self._root_seen = None
        self._record_state(doubt.state, doubt.reason)

    def _come_back(self) -> None:
        """No earlier look counts. A library that was held is, until all of it was looked at."""
        with reading():
            before = libraries.library_status(self._folder_scanner.place.library_id)
        self._folder_scanner.missing_files.begin_anew(was_held=before.state == "on_hold")

    def _record_online(self) -> None:
        """The library can be looked at; it may be held, or a disk below it be away."""
        held = self._folder_scanner.missing_files.held
        away = why_away(self._root_seen, self.library) if self._root_seen else None
        reasons = "; ".join(each for each in (held, away) if each is not None)
        self._record_state("online" if held is None else "on_hold", reasons or None)

    def _record_state(self, state: str, reason: str | None) -> None:
        away = self._root_seen.away if self._root_seen else ()
        if self._state == (state, reason, away):
            return
        with writing():
            record_state(self._folder_scanner, state, reason, self._root_seen)
        self._state = (state, reason, away)
        tell = log.info if state == "online" and reason is None else log.warning
        tell("library.state_changed", library=self.library.name, state=state, reason=reason)

    # --- looking -----------------------------------------------------------------------------------------

    def _watch(self) -> None:
        """Keep the library watched, and mark all of it when it is time for a walk."""
        self._watching.tend(len(self._rescan_schedule.directories))
        self._record_online()
        if self._rescan_schedule.is_walk_due():
            self.hints.mark_everything()

    def _follow_hints(self) -> None:
        """Follow them until there are none, or until other things must be seen to."""
        delivered_until_ns, deadline = self._watching.delivered_until_ns, time.monotonic() + CHECK_S
        while not self._stopping.is_set() and time.monotonic() < deadline:
            hint = self.hints.take()
            if hint is None:
                self._rescan_schedule.followed_all(delivered_until_ns)
                return
            self._follow(hint)

    def _follow(self, hint: Hint) -> None:
        started = time.monotonic()
        self._reconcile(hint)
        if hint == EVERYTHING:
            self._rescan_schedule.walked(started, is_whole="" not in self._unreadable)

    def _quick_scan_if_due(self) -> None:
        if self._rescan_schedule.is_quick_scan_due():
            self._quick_scan()

    def _quick_scan(self) -> None:
        self._rescan_schedule.quick_scan(
            self.library.path,
            lambda relative: self._reconcile(Hint(relative=relative, is_recursive=False)),
            self._stopping.is_set,
        )

    def _reconcile(self, hint: Hint) -> None:
        if self._root_seen is None:
            return
        with self._counters.look(self.library.name):
            found = reconcile(
                self._folder_scanner,
                hint,
                self._root_seen,
                self._stopping.is_set,
                on_looked_at=self._remember,
                on_another_root=self._reverify_root,
            )
        if hint == EVERYTHING and not self._stopping.is_set():
            self._root.remember_count()
        kept = {path: folder for path, folder in self._unreadable.items() if not _covers(hint, path)}
        self._unreadable = kept | {folder.relative: folder for folder in found}

    def _reverify_root(self) -> None:
        self._was_another_root = True

    def _remember(self, found: Listing | Vanished | Unreadable) -> None:
        self._rescan_schedule.remember(found)
        if time.monotonic() >= self._next_tell:  # a walk may take minutes
            self._tell()

    def _try_unreadable(self) -> None:
        """No event tells that a right was given, so whoever lacked one is asked again.

        What could not be read is not watched either: hence a new observer, which also calls for a walk.
        """
        for path, folder in self._unreadable.items():
            is_refused = folder.errno in (errno.EACCES, errno.EPERM)
            if is_refused and os.access(os.path.join(self.library.path, path), os.R_OK | os.X_OK):
                self._watching.stop()
                return

    def _try_denied(self) -> None:
        """Files that were given up because they may not be read, which may be a folder's fault: may they by now?"""
        if time.monotonic() < self._next_denied:
            return
        self._next_denied = time.monotonic() + DENIED_S
        with reading():
            denied = queue.denied(self._folder_scanner.place.library_id, MOST_DENIED)
        allowed = [row_id for row_id, path in denied if os.access(os.path.join(self.library.path, path), os.R_OK)]
        if allowed:
            with writing():
                self._folder_scanner.new_files.begin(allowed)

    def _rescan_all(self) -> None:
        """Somewhere unknown content is in the place of known content: has that come here?"""
        if time.monotonic() < self._rescan_all_at:
            return
        with self._wishes:
            number, self._rescan_all_at = self._rescan_all_requests, math.inf
        was_whole = False
        try:
            self._quick_scan()
            self._enter_what_was_found()
            was_whole = not (self._stopping.is_set() or self._was_another_root)
        finally:
            if was_whole:
                self._rescanned_all = number
            else:  # whoever waits for it goes on waiting
                with self._wishes:
                    self._rescan_all_at = min(self._rescan_all_at, time.monotonic())

    def _enter_what_was_found(self) -> None:
        """A pass marks folders that are new to it, and does not enter them. What is marked meanwhile can wait."""
        for _ in range(len(self.hints)):
            if not self._stopping.is_set() and (hint := self.hints.take()) is not None:
                self._follow(hint)

    def _confirm_missing(self) -> None:
        """Nothing is missing that was looked for only once, and nothing new that may have been moved."""
        while not self._stopping.is_set() and (hint := self._folder_scanner.take_due()) is not None:
            self._reconcile(hint)


def record_state(folder_scanner: FolderScanner, state: str, reason: str | None, seen: RootSeen | None) -> None:
    """Within a transaction: what the library is like, and which of its files' jobs go on."""
    library_id = folder_scanner.place.library_id
    before = libraries.library_status(library_id).state
    libraries.set_state(library_id, state, reason, now_ms())
    if seen is None:
        queue.pause(library_id)
    else:
        queue.resume(library_id, is_back=before not in ("online", "on_hold"))
        for folder in seen.away:
            queue.pause(library_id, below=folder)
        queue.pause_files(library_id, folder_scanner.missing_files.held_files())


def _covers(hint: Hint, directory: str) -> bool:
    """Whether whoever follows the hint looks into this directory."""
    if not hint.is_recursive:
        return directory == hint.relative
    return hint.relative in ("", directory) or directory.startswith(f"{hint.relative}/")


def make_folder_scanner(
    library: Library,
    library_id: int,
    *,
    first_stage: Stage,
    with_full_hash: bool,
    stat_names: StatNames,
    on_evicted: Callable[[], Callable[[], bool]] = lambda: lambda: True,
    rescan_directory: Callable[[str], None] = lambda _path: None,
) -> FolderScanner:
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
        on_evicted=on_evicted,
        move_finder=MoveFinder(place=place, rules=rules, stat_names=stat_names),
    )
