"""Keep one library watched by file events, and say when events are not enough and it must be polled.

An observer that failed is built again, each time after a longer pause. Events that were found unreliable are relied on
again after a day. As long as there is a reason not to rely on events the library is polled, and the reason is shown.
"""

import errno
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from reeld.config import Library
from reeld.domain.amounts import number_of
from reeld.domain.files import readable
from reeld.domain.status import WatchMode
from reeld.log import get_logger
from reeld.watch.coverage import Identity
from reeld.watch.directories import KnownDirectories
from reeld.watch.hints import DirtyDirectories
from reeld.watch.limits import CannotWatch, most_watches
from reeld.watch.mounts import Mount, all_mounts, mount_of, mount_points_below
from reeld.watch.observer import LibraryObserver
from reeld.watch.rules import Rules
from reeld.watch.schedule import Backoff

log = get_logger()

# The pause after a failed attempt to watch: the first, and the longest after many failures in a row.
RETRY = (1.0, 300.0)
# An observer that worked for so long ends a row of failures.
HELD_S = 600.0
# How often the mounts are read again: a disk may have been mounted below the library.
MOUNTS_S = 10.0
# A directory counts as unwatched when two audits find it so. At the first its creation may not have been seen yet.
AUDIT_AGAIN_S = 2.0
# After this many observers that lack watches, the next one would lack them too.
MOST_INCOMPLETE_OBSERVERS = 3
# One change without an event can have an innocent reason, two cannot. Then events are unreliable for a day.
MOST_MISSED_EVENTS = 2
UNRELIABLE_S = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """How reeld notices the changes of a library at the moment."""

    has_events: bool
    is_polling: bool
    is_degraded: bool
    """Whether that is less than its file system and its configuration allow."""
    why: str | None
    """The reason for polling. None without polling."""

    @property
    def mode(self) -> WatchMode:
        """Return the word for `reeld status`. Scripts may rely on it."""
        if not self.has_events:
            return "polling"
        return "events and polling" if self.is_polling else "events"


class ObserverHealth:
    """Keeps an observer of one library at work, and says in `notice` whether the library must be polled.

    It polls nothing itself. `tend` builds the observer, and replaces one that failed. Only the library's thread may
    change it.
    """

    def __init__(
        self,
        library: Library,
        hints: DirtyDirectories,
        rules: Rules,
        *,
        mounts: Callable[[], list[Mount]] = all_mounts,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.rebuilds = 0
        """How often an observer had to be replaced because it failed."""
        self.overflows = 0
        """How often events were lost because there were too many at once."""
        self._events_before = 0
        """Events of the observers that were replaced."""
        self._library = library
        self._hints = hints
        self._rules = rules
        self._mounts = mounts
        self._clock = clock
        self._observer: LibraryObserver | None = None
        self._built_at = 0.0
        self._backoff = Backoff(*RETRY)
        self._retry_at = 0.0
        self._failure: str | None = None
        self._limit_before: int | None = None
        """The kernel's limit of watches when it was too low."""
        self._mounts_read_at: float | None = None
        self._mount_without_events: str | None = None
        self._audit_at: float | None = None
        self._unwatched_once: frozenset[Identity] = frozenset()
        self._incomplete_observers = 0
        self._unwatched: str | None = None
        self._missed_event = 0
        self._unreliable_until: float | None = None
        self._unreliable_why: str | None = None

    # --- what holds now ----------------------------------------------------------------------------------

    def notice(self) -> Notice:
        by_choice = 'its configuration says watch = "poll"' if self._library.watch == "poll" else None
        degraded = self._failure or self._unwatched or self._unreliable_why
        why = degraded or by_choice or self._mount_without_events
        return Notice(
            has_events=self._observer is not None,
            is_polling=why is not None or self._observer is None,
            is_degraded=degraded is not None,
            why=why,
        )

    @property
    def events(self) -> int:
        """How many events the kernel delivered. Callable from any thread."""
        # Read once: the library's thread may stop the observer between two reads.
        observer = self._observer
        return self._events_before + (0 if observer is None else observer.events)

    @property
    def delivered_until_ns(self) -> int:
        """Delivered events older than this moment of the wall clock are marked in the hints."""
        return 0 if self._observer is None else self._observer.delivered_until_ns

    @property
    def is_quiet(self) -> bool:
        """Whether events are enough, and nothing is to be checked soon. Then `tend` need not be called for a minute.

        But call it once the hints are woken, or a file system was mounted (`mounts_changed`).
        """
        is_observed = self._observer is not None and self._observer.is_quiet
        return is_observed and not self.notice().is_polling and self._audit_at is None

    # --- keeping it watched ------------------------------------------------------------------------------

    def tend(self, directories: int) -> None:
        """Keep an observer that works, if one can. Call this every few seconds while the library can be scanned.

        A new observer marks everything. `directories` is how many there are, as far as is known.
        """
        now = self._clock()
        self._read_mounts(now)
        if self._unreliable_until is not None and now >= self._unreliable_until:
            self._rely_on_events()
        if self._observer is not None:
            self._observer.beat()
            if (trouble := self._observer.trouble()) is not None:
                self.overflows += self._observer.has_overflowed
                self._fail(trouble)
            elif now - self._built_at >= HELD_S:
                self._backoff.reset()
        may_build = now >= self._retry_at or self._is_limit_raised()
        if self._observer is None and self._library.watch != "poll" and may_build:
            self._build(directories)

    def stop(self) -> None:
        """Stop watching. The next `tend` builds a new observer at once."""
        self._stop_observer()
        self._failure = None
        self._retry_at = 0.0

    def _build(self, directories: int) -> None:
        observer = LibraryObserver(self._library.path, self._hints, lambda _why: self._hints.wake(), rules=self._rules)
        try:
            self._require_watches(directories)
            observer.start()
        except CannotWatch as err:
            needed = f" ({directories} directories need one each)" if err.errno == errno.ENOSPC and directories else ""
            self._limit_before = most_watches() if err.errno == errno.ENOSPC else None
            self._fail(f"{err}{needed}; {err.hint}")
            return
        if self._failure is not None:
            log.info("watch.rebuilt", library=self._library.name)
            self.rebuilds += 1
        self._observer, self._built_at = observer, self._clock()
        self._failure, self._limit_before = None, None
        self._hints.mark_everything()

    def _require_watches(self, directories: int) -> None:
        """Raise CannotWatch if the kernel has too few watches, before those of other libraries are taken."""
        limit = most_watches()
        if limit is not None and directories > limit:
            raise CannotWatch(self._library.path, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))

    def _is_limit_raised(self) -> bool:
        limit = None if self._limit_before is None else most_watches()
        return limit is not None and self._limit_before is not None and limit > self._limit_before

    def _fail(self, reason: str) -> None:
        self._stop_observer()
        delay_s = self._backoff.next_s()
        self._failure, self._retry_at = reason, self._clock() + delay_s
        log.warning("watch.failed", library=self._library.name, reason=reason, retry_s=delay_s)

    def _stop_observer(self) -> None:
        if self._observer is not None:
            self._observer.stop()
            self._events_before += self._observer.events
            self._observer = None
        self._audit_at, self._unwatched_once, self._missed_event = None, frozenset(), 0

    # --- file systems without events ---------------------------------------------------------------------

    def mounts_changed(self) -> None:
        """Have the next `tend` read the mounts. Callable from any thread."""
        self._mounts_read_at = None

    def _read_mounts(self, now: float) -> None:
        if self._library.watch != "auto" or (
            self._mounts_read_at is not None and now < self._mounts_read_at + MOUNTS_S
        ):
            return
        self._mounts_read_at = now
        mounts, root = self._mounts(), os.path.realpath(self._library.path)
        own = mount_of(root, mounts)
        silent = [
            mount for mount in (own, *mount_points_below(root, mounts)) if mount and not mount.delivers_all_events
        ]
        why = None
        if silent:
            kind, place = silent[0].fs_type, readable(silent[0].mount_point)
            why = f"{place} is a file system ({kind}) where files may change without events"
        if why is not None and why != self._mount_without_events:
            log.info("watch.unreliable", library=self._library.name, reason=why)
        self._mount_without_events = why

    # --- directories without a watch ---------------------------------------------------------------------

    def audit_soon(self) -> None:
        """Have the next audit compare the directories with the kernel's watches: they have just been walked."""
        self._audit_at = self._clock()

    def audit(self, directories: KnownDirectories) -> None:
        """Find directories without a watch. Call this when no hint is left."""
        if self._audit_at is None or self._clock() < self._audit_at or self._observer is None:
            return
        # Overlay and network file systems may number directories as they like, and they are polled anyway.
        if self._mount_without_events is not None:
            self._audit_at = None
            return
        there = dict(directories.still_there(os.path.realpath(self._library.path)))
        unwatched = self._observer.coverage(there.values())
        confirmed = self._unwatched_once & unwatched
        if confirmed:
            self._report_unwatched(sorted(path for path, identity in there.items() if identity in confirmed))
        elif unwatched:
            self._unwatched_once, self._audit_at = frozenset(unwatched), self._clock() + AUDIT_AGAIN_S
        else:
            self._audit_at, self._unwatched_once = None, frozenset()
            self._incomplete_observers, self._unwatched = 0, None

    def _report_unwatched(self, paths: list[str]) -> None:
        first = readable(paths[0]) or "the library itself"
        reason = f"{number_of(len(paths), 'directory')} without a watch of the kernel, {first} among them"
        self._incomplete_observers += 1
        if self._incomplete_observers < MOST_INCOMPLETE_OBSERVERS:
            self._fail(reason)
        else:
            self._audit_at, self._unwatched = None, reason
            log.warning("watch.unreliable", library=self._library.name, reason=reason)

    # --- changes without an event ------------------------------------------------------------------------

    def report_missed_event(self, relative: str) -> None:
        """Note that a scan found a change in this directory that no event reported. Call it once for each scan."""
        if self._library.watch != "auto" or self._mount_without_events is not None or self._observer is None:
            return
        self._missed_event += 1
        if self._missed_event >= MOST_MISSED_EVENTS and self._unreliable_until is None:
            self._unreliable_until = self._clock() + UNRELIABLE_S
            self._unreliable_why = f"changes were found that no event had reported, last in {readable(relative) or '.'}"
            log.warning("watch.unreliable", library=self._library.name, reason=self._unreliable_why)

    def _rely_on_events(self) -> None:
        self._missed_event, self._unreliable_until, self._unreliable_why = 0, None, None
