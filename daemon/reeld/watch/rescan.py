"""When is a library looked at without having been told of a change, and what does that say of the telling?

Remembers its directories as they were last listed, so that a pass over them finds what changed; and doubts the events
when a look by the clock finds what they should have told of.
"""

import time
from collections.abc import Callable

from reeld.config import WatchSettings
from reeld.domain.status import WatchStatus
from reeld.watch.directories import KnownDirectories
from reeld.watch.hints import DirtyDirectories
from reeld.watch.observer_health import ObserverHealth
from reeld.watch.schedule import Schedule
from reeld.watch.walk import Listing, Unreadable, Vanished

# A directory's ctime lies up to a tick of the kernel's coarse clock before the event that it belongs to.
TICK_NS = 1_000_000_000


class RescanSchedule:
    """Of one library, for its thread alone."""

    def __init__(self, settings: WatchSettings, hints: DirtyDirectories, watching: ObserverHealth) -> None:
        self.directories = KnownDirectories()
        self._hints = hints
        self._watching = watching
        self._schedule = Schedule(
            reconcile_s=settings.reconcile_s, walk_s=3600 * settings.full_walk_h, poll_s=settings.poll_s
        )
        self._delivered_until_ns = 0
        """Whatever was told of the time before this moment of the wall clock was looked at."""
        self._missed_event: str | None = None
        """A directory of which the look at hand found what should have been told."""
        self._last_walk: int | None = None
        self._last_quick_scan: int | None = None

    def status(self) -> WatchStatus:
        """How changes of the library are noticed now."""
        notice = self._watching.notice()
        return WatchStatus(
            mode=notice.mode,
            is_degraded=notice.is_degraded,
            why=notice.why,
            directories=len(self.directories),
            rebuilds=self._watching.rebuilds,
            last_walk=self._last_walk,
            last_quick_scan=self._last_quick_scan,
        )

    # --- when --------------------------------------------------------------------------------------------

    def is_walk_due(self) -> bool:
        return time.monotonic() >= self._schedule.next_walk(is_polling=self._is_polling)

    def is_quick_scan_due(self) -> bool:
        return time.monotonic() >= self._schedule.next_pass(is_polling=self._is_polling)

    def next_due(self) -> float:
        """The moment of the monotonic clock at which the next look is due."""
        is_polling = self._is_polling
        return min(self._schedule.next_walk(is_polling=is_polling), self._schedule.next_pass(is_polling=is_polling))

    @property
    def _is_polling(self) -> bool:
        return self._watching.notice().is_polling

    # --- what was seen -----------------------------------------------------------------------------------

    def remember(self, found: Listing | Vanished | Unreadable) -> None:
        """A directory was looked at, and the catalogue knows what was seen there."""
        match found:
            case Listing():
                self._remember_listing(found)
            case Vanished(relative=relative):
                self.directories.forget(relative)
            case Unreadable(relative=relative):
                self.directories.distrust(relative)

    def _remember_listing(self, listing: Listing) -> None:
        difference = self.directories.note(listing, wall_ns=time.time_ns())
        if difference is None:
            return
        for relative in difference.unknown_directories:
            self._hints.mark(relative, is_recursive=True)
        if difference.relative is not None and listing.ctime_ns < self._delivered_until_ns - TICK_NS:
            self._missed_event = listing.relative

    def followed_all(self, delivered_until_ns: int) -> None:
        """No hint is left, and until that moment of the wall clock all was told: now that can be held against it."""
        self._delivered_until_ns = delivered_until_ns
        self._watching.audit(self.directories)

    def walked(self, started: float, *, is_whole: bool) -> None:
        """The library was walked; not to its end when its root could not be read any more."""
        self._doubt_events()
        now = time.monotonic()
        if not is_whole:
            self._schedule.walk_failed(now)
            return
        self._schedule.walked(started, now)
        self._last_walk = self._last_quick_scan = round(time.time())
        self._watching.audit_soon()

    def quick_scan(self, root: str, look: Callable[[str], None], should_stop: Callable[[], bool]) -> None:
        """Have all those directories looked at whose times say that something came or went."""
        started = time.monotonic()
        for relative in self.directories.changed(root, should_stop):
            if should_stop():
                return
            look(relative)
        self._doubt_events()
        self._schedule.passed(started, time.monotonic())
        self._last_quick_scan = round(time.time())

    def _doubt_events(self) -> None:
        untold, self._missed_event = self._missed_event, None
        if untold is not None:
            self._watching.report_missed_event(untold)
