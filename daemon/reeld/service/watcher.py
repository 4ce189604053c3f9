"""Run the scanner of one watched library in a thread: tick, publish the status, sleep until something is due."""

import itertools
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from reeld.catalog import queue
from reeld.config import Library, WatchSettings
from reeld.database.connection import reading, writing, writing_only_while
from reeld.domain.status import UnreadableFolder, WaitingFile, WatcherStatus
from reeld.errors import CatalogCorrupt, CatalogError, Interrupted
from reeld.log import get_logger
from reeld.pipeline.retry import CATALOG_DELAY_S, LONGEST_CATALOG_DELAY_S
from reeld.report.counters import Counters
from reeld.scanner.compare import FolderScanner
from reeld.scanner.library_scanner import LibraryScanner
from reeld.scanner.root_check import Root
from reeld.service.heartbeat import Heartbeats
from reeld.watch.hints import DirtyDirectories
from reeld.watch.observer_health import ObserverHealth
from reeld.watch.rescan import RescanSchedule
from reeld.watch.schedule import Backoff

log = get_logger()

# The longest sleep: how long it takes at most to notice that a library's disk came, went or was replaced.
CHECK_S = 5.0
# The same while the library is well, and the kernel reports what could happen to it. This is the net below.
REST_S = 60.0
# How often, and for how many files, reeld checks whether files can be read that were refused for lack of permission.
DENIED_S = 15.0
MOST_DENIED = 500
# The status names this many of the files that settle, and of the folders that cannot be read.
MOST_SHOWN = 20


class LibraryWatcher:
    """Watches one library from `start` until `stopping` is set.

    Its thread writes nothing after that, even if its disk still holds it: the library may have another watcher by then.
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
        sees_mounts: Callable[[], bool] = lambda: False,
    ) -> None:
        """`sees_mounts` promises that `mounts_changed` is called after each mount."""
        self._sees_mounts = sees_mounts
        self._has_nothing_denied = False
        """Whether it is known since the last tick that no file was refused for lack of permission."""
        self.library = library
        self.is_watched = threading.Event()
        """Set once events are delivered, or it is known why not: from then on no change is missed."""
        self.has_scanned = threading.Event()
        """Set after the first tick: what could be scanned was scanned."""
        self.hints = DirtyDirectories()
        self._observer_health = ObserverHealth(library, self.hints, folder_scanner.rules)
        self._rescans = RescanSchedule(
            root=library.path, settings=settings, hints=self.hints, observer_health=self._observer_health
        )
        self.scanner = LibraryScanner(
            library=library,
            folder_scanner=folder_scanner,
            root=root,
            hints=self.hints,
            rescans=self._rescans,
            should_stop=stopping.is_set,
            on_progress=self._publish_in_time,
            measure=lambda: counters.scan(library.name),
        )
        self._stopping = stopping
        self._on_fatal = on_fatal
        self._heartbeats = heartbeats
        self._status = WatcherStatus(name=library.name)
        self._next_publication = 0.0
        self._next_denied = 0.0
        self._catalog_backoff = Backoff(CATALOG_DELAY_S, LONGEST_CATALOG_DELAY_S)
        self._catalog_retry_at: float | None = None
        self._thread = threading.Thread(target=self._run, name=f"watch {library.name}")

    # --- for any thread ----------------------------------------------------------------------------------

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """End the thread's sleep, so that it sees `stopping`, for example."""
        self.hints.wake()

    def mounts_changed(self) -> None:
        """Have the root and the mounts below it checked."""
        self._observer_health.mounts_changed()
        self.hints.wake()

    def rescan_all(self, within_s: float) -> int:
        """Request a scan for changes in the whole library, so many seconds from now; return the request's number."""
        return self.scanner.rescan_all(time.monotonic() + within_s)

    def status(self) -> WatcherStatus:
        """Return the status as it was published last."""
        return self._status

    def figures(self) -> dict[str, Any]:
        """Return the figures that change too often for the status: for `prometheus.py`."""
        health = self._observer_health
        return {
            "name": self.library.name,
            "events": health.events,
            "overflows": health.overflows,
            "rebuilds": health.rebuilds,
            "is_degraded": health.notice().is_degraded,
            "has_answered": self._status.is_first_turn_over,
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
                    self._tick()
            except CatalogCorrupt as err:
                self._on_fatal(err)
            finally:
                self._rescans.stop()

    def _tick(self) -> None:
        self._has_nothing_denied = False
        self._heartbeats.mine().at_disk(self.library.path, "its folders")
        now = time.monotonic()
        try:
            if self._can_write(now):
                self.scanner.tick(now)
                self.has_scanned.set()
                self._retry_denied(now)
                self._catalog_backoff.reset()
        except CatalogCorrupt:
            raise
        except CatalogError as err:
            self._back_off(err)
        self._publish()
        self._sleep()

    def _sleep(self) -> None:
        """Wait for a hint or for what is due; after catalogue trouble, until the next attempt."""
        now = time.monotonic()
        next_at = self.scanner.next_due() if self._catalog_retry_at is None else self._catalog_retry_at
        timeout_s = max(0.0, min(REST_S if self._may_rest() else CHECK_S, next_at - now))
        self._heartbeats.mine().rest(within_s=timeout_s)
        if self._catalog_retry_at is not None:
            self._stopping.wait(timeout_s)
        elif not self._stopping.is_set():
            self.hints.wait(timeout_s)

    def _may_rest(self) -> bool:
        is_well = self._has_nothing_denied and self._catalog_retry_at is None
        return is_well and self._sees_mounts() and self.scanner.is_quiet and self._rescans.is_quiet

    def _back_off(self, err: CatalogError) -> None:
        """Scan everything again once the catalogue can be written: something was seen and not recorded."""
        delay_s = self._catalog_backoff.next_s()
        log.warning("catalog.failed", library=self.library.name, reason=err.with_hint, retry_s=delay_s)
        self._catalog_retry_at = time.monotonic() + delay_s
        self.hints.mark_everything()

    def _can_write(self, now: float) -> bool:
        """Return whether the catalogue works, as far as is known. After trouble, test it with a small write."""
        if self._catalog_retry_at is None:
            return True
        if now < self._catalog_retry_at:
            return False
        self.scanner.record_state_again()
        self._catalog_retry_at = None
        return True

    def _retry_denied(self, now: float) -> None:
        """Queue files again that could not be read for lack of permission, and now can.

        A folder's permission may have been granted, which changes nothing about the file itself.
        """
        if now < self._next_denied or not self.scanner.is_online or self._stopping.is_set():
            return
        self._next_denied = now + DENIED_S
        is_last_word = self._heartbeats.are_at_rest()  # first: a job that is under way may be refused
        folder_scanner = self.scanner.folder_scanner
        with reading():
            denied = queue.denied(folder_scanner.place.library_id, MOST_DENIED)
        self._has_nothing_denied = is_last_word and not denied
        allowed = [row_id for row_id, path in denied if os.access(os.path.join(self.library.path, path), os.R_OK)]
        if allowed:
            with writing():
                folder_scanner.new_files.begin(allowed)

    # --- the status --------------------------------------------------------------------------------------

    def _publish_in_time(self) -> None:
        """Publish the status before the first scan, and now and then during a walk, which may take minutes."""
        if not self.is_watched.is_set():
            self._publish()
            self.is_watched.set()
        elif time.monotonic() >= self._next_publication:
            self._publish()

    def _publish(self) -> None:
        """Replace the status. Another thread may hold the old one, which stays as it is."""
        self._next_publication = time.monotonic() + CHECK_S
        settling = self.scanner.folder_scanner.new_files.settling
        offset = time.time() - time.monotonic()
        self._status = WatcherStatus(
            name=self.library.name,
            is_first_turn_over=True,
            watching=self._rescans.status() if self.scanner.is_online else None,
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
                for path, folder in itertools.islice(self.scanner.unreadable.items(), MOST_SHOWN)
            ),
        )
