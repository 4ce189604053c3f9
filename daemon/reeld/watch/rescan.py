"""Decide when a library is scanned although no event asked for it.

A quick scan compares the times of all known directories, and lists those that changed. A walk lists every directory.
When one of them finds a change that an event should have reported, the events are no longer relied on.
"""

import errno
import math
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from reeld.config import WatchSettings
from reeld.domain.status import WatchStatus
from reeld.watch.directories import KnownDirectories
from reeld.watch.hints import EVERYTHING, DirtyDirectories, Hint
from reeld.watch.observer_health import ObserverHealth
from reeld.watch.schedule import Schedule
from reeld.watch.walk import Listing, Unreadable, Vanished

# A directory's ctime can be one tick of the kernel's coarse clock older than its event.
TICK_NS = 1_000_000_000


class Rescans:
    """What marks the hints of one library, beside events and other threads. Here nothing is ever due."""

    def mark_all(self) -> None:
        """Mark all that is to be scanned."""

    def restart(self) -> None:
        """Mark all that is to be scanned, because the root appeared or is another directory than before."""
        self.mark_all()

    def stop(self) -> None:
        """End the watching, because the root cannot be scanned."""

    def tend(self, now: float, unreadable: Mapping[str, Unreadable]) -> None:
        """Prepare the next scan: keep the library watched, and mark what is due."""

    def remember(self, found: Listing | Vanished | Unreadable) -> None:
        """Note what a scan of one directory found, once the catalogue holds it."""

    def followed_all(self) -> None:
        """Note that no hint is left."""

    def walked(self, started: float, *, is_whole: bool) -> None:
        """Note that the library was walked. `is_whole` is False if its root could not be read."""

    def is_quick_scan_due(self, now: float) -> bool:  # noqa: ARG002 - for those that have a schedule
        return False

    def quick_scan(self, scan: Callable[[Hint], None], should_stop: Callable[[], bool]) -> None:  # noqa: ARG002
        """Have everything scanned that may have changed."""
        scan(EVERYTHING)

    def next_due(self) -> float:
        """Return when the next scan is due, by the monotonic clock."""
        return math.inf


class RequestedScan(Rescans):
    """Marks the folders of a library that `reeld scan` was asked to scan. It has no schedule: nothing falls due.

    It does not know what times the folders had. So `quick_scan`, called to look for files that were moved, walks the
    whole library.
    """

    def __init__(self, hints: DirtyDirectories, folders: Iterable[str]) -> None:
        self._hints = hints
        self._folders = tuple(folders)
        self._has_started = False

    def mark_all(self) -> None:
        for folder in self._folders:
            self._hints.mark(folder, is_recursive=True)

    def restart(self) -> None:
        """The first time, mark the requested folders. Later a root was replaced during the scan, so mark everything."""
        if self._has_started:
            self._hints.mark_everything()
        else:
            self._has_started = True
            self.mark_all()


@dataclass(slots=True, kw_only=True)
class RescanSchedule(Rescans):
    """The observer and the schedule of one watched library, for its thread alone."""

    root: str
    settings: WatchSettings
    hints: DirtyDirectories
    observer_health: ObserverHealth
    monotonic: Callable[[], float] = time.monotonic
    wall_ns: Callable[[], int] = time.time_ns
    directories: KnownDirectories = field(default_factory=KnownDirectories)
    """The library's directories as they were last listed."""
    _schedule: Schedule = field(init=False)
    _delivered_ns: int = 0
    """Events older than this moment of the wall clock are in the hints, or were followed."""
    _followed_ns: int = 0
    """Directories with events older than this moment of the wall clock were scanned."""
    _missed_event: str | None = None
    """A directory where the present scan found a change without an event."""
    _last_walk: float | None = None
    """A moment of the clock that is never set. The wall clock may be put right after the walk."""
    _last_quick_scan: float | None = None

    def __post_init__(self) -> None:
        self._schedule = Schedule(
            reconcile_s=self.settings.reconcile_s,
            walk_s=3600 * self.settings.full_walk_h,
            poll_s=self.settings.poll_s,
        )

    def status(self) -> WatchStatus:
        """Return how changes of the library are noticed now."""
        notice = self.observer_health.notice()
        return WatchStatus(
            mode=notice.mode,
            is_degraded=notice.is_degraded,
            why=notice.why,
            directories=len(self.directories),
            rebuilds=self.observer_health.rebuilds,
            last_walk=self._wall_s(self._last_walk),
            last_quick_scan=self._wall_s(self._last_quick_scan),
        )

    # --- when --------------------------------------------------------------------------------------------

    def mark_all(self) -> None:
        self.hints.mark_everything()

    def restart(self) -> None:
        self.observer_health.stop()
        self.mark_all()

    def stop(self) -> None:
        self.observer_health.stop()

    def tend(self, now: float, unreadable: Mapping[str, Unreadable]) -> None:
        """Keep an observer that works, and mark everything when a walk is due.

        No event reports a permission that was granted, so refused folders are asked again. They had no watch, hence a
        new observer, which marks everything.
        """
        if any(_is_readable_again(self.root, folder) for folder in unreadable.values()):
            self.observer_health.stop()
        self.observer_health.tend(len(self.directories))
        self._delivered_ns = self.observer_health.delivered_until_ns
        if now >= self._schedule.next_walk(is_polling=self._is_polling):
            self.hints.mark_everything()

    def is_quick_scan_due(self, now: float) -> bool:
        return now >= self._schedule.next_pass(is_polling=self._is_polling)

    def next_due(self) -> float:
        is_polling = self._is_polling
        return min(self._schedule.next_walk(is_polling=is_polling), self._schedule.next_pass(is_polling=is_polling))

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is to be done before `next_due`, unless the hints are woken."""
        return self.observer_health.is_quiet

    @property
    def _is_polling(self) -> bool:
        return self.observer_health.notice().is_polling

    # --- what was found ----------------------------------------------------------------------------------

    def remember(self, found: Listing | Vanished | Unreadable) -> None:
        match found:
            case Listing():
                self._remember_listing(found)
            case Vanished(relative=relative):
                self.directories.forget(relative)
            case Unreadable(relative=relative):
                self.directories.distrust(relative)

    def _remember_listing(self, listing: Listing) -> None:
        difference = self.directories.note(listing, wall_ns=self.wall_ns())
        if difference is None:
            return
        for relative in difference.unknown_directories:
            self.hints.mark(relative, is_recursive=True)
        if difference.relative is not None and listing.ctime_ns < self._followed_ns - TICK_NS:
            self._missed_event = listing.relative

    def followed_all(self) -> None:
        """Note that all delivered events were followed: a change that is found from now on had no event."""
        self._followed_ns = self._delivered_ns
        self.observer_health.audit(self.directories)

    def walked(self, started: float, *, is_whole: bool) -> None:
        self._report_missed_event()
        now = self.monotonic()
        if not is_whole:
            self._schedule.walk_failed(now)
            return
        self._schedule.walked(started, now)
        self._last_walk = self._last_quick_scan = now
        self.observer_health.audit_soon()

    def quick_scan(self, scan: Callable[[Hint], None], should_stop: Callable[[], bool]) -> None:
        """Scan the directories whose times say that something came or went."""
        started = self.monotonic()
        for relative in self.directories.changed(self.root, should_stop):
            if should_stop():
                return
            scan(Hint(relative=relative, is_recursive=False))
        self._report_missed_event()
        self._schedule.passed(started, self.monotonic())
        self._last_quick_scan = self.monotonic()

    def _report_missed_event(self) -> None:
        missed_event, self._missed_event = self._missed_event, None
        if missed_event is not None:
            self.observer_health.report_missed_event(missed_event)

    def _wall_s(self, moment: float | None) -> int | None:
        """Return when that was, by what the wall clock says now."""
        return None if moment is None else round(self.wall_ns() / 1e9 - (self.monotonic() - moment))


def _is_readable_again(root: str, folder: Unreadable) -> bool:
    """Return whether a folder that was refused for lack of permission may be read now."""
    is_refused = folder.errno in (errno.EACCES, errno.EPERM)
    return is_refused and os.access(os.path.join(root, folder.relative), os.R_OK | os.X_OK)
