"""By what does one library get noticed: by events, or by the clock? And is that still true?

Nothing that hinders the events of a library is passed over, and nothing is believed for ever: what failed is tried
again, ever later; what was doubted is trusted again after a day. While there is any reason for doubt the library is
looked at by the clock, and the reason is shown.
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

# From one attempt to watch to the next, after 1, 2, 3 … failures in a row.
RETRY = (1.0, 300.0)
# An observer that held for so long has nothing to do with the failures before it.
HELD_S = 600.0
# How often the mounts are read anew: one may have come to lie below the library.
MOUNTS_S = 10.0
# A directory is blind when it is so twice: its creation may have been on its way to us the first time.
AUDIT_AGAIN_S = 2.0
# If so many new observers did not see all directories either, the next will not.
MOST_BLIND_OBSERVERS = 3
# A change that was not told may have an innocent reason that nobody thought of; two of them have not.
MOST_UNTOLD = 2
UNTOLD_S = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """How changes of a library are noticed at the moment."""

    has_events: bool
    is_polling: bool
    is_degraded: bool
    """Whether that is less than what its file system and its owner would allow."""
    why: str | None
    """What the polling is for; None without any."""

    @property
    def mode(self) -> WatchMode:
        """What `reeld status` calls it; scripts may rely on the words."""
        if not self.has_events:
            return "polling"
        return "events and polling" if self.is_polling else "events"


class ObserverHealth:
    """Keeps one library watched, from the first `tend` to `stop`. For the thread of that library alone."""

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
        """Of observers that were replaced."""
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
        self._limit_then: int | None = None
        """How many watches were allowed when they did not suffice."""
        self._mounts_read_at: float | None = None
        self._silent_mount: str | None = None
        self._audit_at: float | None = None
        self._suspects: frozenset[Identity] = frozenset()
        self._blind_observers = 0
        self._blind: str | None = None
        self._missed_event = 0
        self._untold_until: float | None = None
        self._untold_why: str | None = None

    # --- what holds now ----------------------------------------------------------------------------------

    def notice(self) -> Notice:
        by_choice = "its configuration says so" if self._library.watch == "poll" else None
        degraded = self._failure or self._blind or self._untold_why
        why = degraded or by_choice or self._silent_mount
        return Notice(
            has_events=self._observer is not None,
            is_polling=why is not None or self._observer is None,
            is_degraded=degraded is not None,
            why=why,
        )

    @property
    def events(self) -> int:
        """How many events the kernel told of."""
        return self._events_before + (0 if self._observer is None else self._observer.events)

    @property
    def delivered_until_ns(self) -> int:
        """Whatever happened before this moment of the wall clock, and is told at all, is marked in the hints."""
        return 0 if self._observer is None else self._observer.delivered_until_ns

    # --- keeping it so -----------------------------------------------------------------------------------

    def tend(self, directories: int) -> None:
        """Have an observer that works, if that can be; call it every few seconds while the library can be looked at.

        A new observer calls for a walk. `directories` is how many there are, as far as it is known.
        """
        now = self._clock()
        self._read_mounts(now)
        if self._untold_until is not None and now >= self._untold_until:
            self._trust_events()
        if self._observer is not None:
            self._observer.beat()
            if (trouble := self._observer.trouble()) is not None:
                self.overflows += self._observer.has_overflowed
                self._fail(trouble)
            elif now - self._built_at >= HELD_S:
                self._backoff.reset()
        is_time = now >= self._retry_at or self._is_limit_raised()
        if self._observer is None and self._library.watch != "poll" and is_time:
            self._build(directories)

    def stop(self) -> None:
        """Watch no more; the next `tend` begins anew, at once."""
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
            self._limit_then = most_watches() if err.errno == errno.ENOSPC else None
            self._fail(f"{err}{needed}; {err.hint}")
            return
        if self._failure is not None:
            log.info("watch.rebuilt", library=self._library.name)
            self.rebuilds += 1
        self._observer, self._built_at = observer, self._clock()
        self._failure, self._limit_then = None, None
        self._hints.mark_everything()

    def _require_watches(self, directories: int) -> None:
        """Whoever needs more than all there are does not take them from the other libraries first."""
        limit = most_watches()
        if limit is not None and directories > limit:
            raise CannotWatch(self._library.path, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))

    def _is_limit_raised(self) -> bool:
        limit = None if self._limit_then is None else most_watches()
        return limit is not None and self._limit_then is not None and limit > self._limit_then

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
        self._audit_at, self._suspects, self._missed_event = None, frozenset(), 0

    # --- file systems that do not tell -------------------------------------------------------------------

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
            why = f"{place} is a file system ({kind}) where files may change without the kernel's telling"
        if why is not None and why != self._silent_mount:
            log.info("watch.doubted", library=self._library.name, reason=why)
        self._silent_mount = why

    # --- directories without a watch ---------------------------------------------------------------------

    def audit_soon(self) -> None:
        """All directories have just been walked: are they watched?"""
        self._audit_at = self._clock()

    def audit(self, directories: KnownDirectories) -> None:
        """Compare what was walked with what the kernel watches; call it when no hint is left to be followed."""
        if self._audit_at is None or self._clock() < self._audit_at or self._observer is None:
            return
        # Where we poll anyway, overlay and network file systems may number their directories as they like.
        if self._silent_mount is not None:
            self._audit_at = None
            return
        there = dict(directories.still_there(os.path.realpath(self._library.path)))
        blind = self._observer.coverage(there.values())
        confirmed = self._suspects & blind
        if confirmed:
            self._find_blind(sorted(path for path, identity in there.items() if identity in confirmed))
        elif blind:
            self._suspects, self._audit_at = frozenset(blind), self._clock() + AUDIT_AGAIN_S
        else:
            self._audit_at, self._suspects, self._blind_observers, self._blind = None, frozenset(), 0, None

    def _find_blind(self, paths: list[str]) -> None:
        first = readable(paths[0]) or "the library itself"
        reason = f"of {number_of(len(paths), 'directory')} nothing would be told, {first} among them"
        self._blind_observers += 1
        if self._blind_observers < MOST_BLIND_OBSERVERS:
            self._fail(reason)
        else:
            self._audit_at, self._blind = None, reason
            log.warning("watch.doubted", library=self._library.name, reason=reason)

    # --- changes that were not told ----------------------------------------------------------------------

    def doubt(self, relative: str) -> None:
        """A look by the clock found a change here which should have been told, and was not; one call for each look."""
        if self._library.watch != "auto" or self._silent_mount is not None or self._observer is None:
            return
        self._missed_event += 1
        if self._missed_event >= MOST_UNTOLD and self._untold_until is None:
            self._untold_until = self._clock() + UNTOLD_S
            self._untold_why = (
                f"changes were found that the kernel had not told of, last in {readable(relative) or '.'}"
            )
            log.warning("watch.doubted", library=self._library.name, reason=self._untold_why)

    def _trust_events(self) -> None:
        self._missed_event, self._untold_until, self._untold_why = 0, None, None
