"""What keeps one library's rows equal to its disk? One thread, which waits for hints and walks.

Events are hints; the walk is the truth. Whenever the library cannot be looked at, it is offline and none of
its rows change; when it is back, all of it is walked.
"""

import errno
import itertools
import os
import threading
import time
from collections.abc import Callable
from typing import Any

from reeld.catalog import libraries, queue
from reeld.catalog.database import writing
from reeld.config import Library
from reeld.domain.records import KnownFile
from reeld.errors import CatalogCorrupt, CatalogError
from reeld.log import get_logger
from reeld.pipeline.intake import Intake, Place
from reeld.pipeline.policy import CATALOG_DELAY_S
from reeld.pipeline.reconcile import reconcile
from reeld.pipeline.roots import why_doubtful
from reeld.pipeline.stages import Stage
from reeld.service.workplace import now_ms
from reeld.watch.hints import EVERYTHING, DirtyDirectories, Hint
from reeld.watch.limits import CannotWatch
from reeld.watch.observer import LibraryObserver
from reeld.watch.rules import Rules
from reeld.watch.settle import MOST_WAITING, Settling
from reeld.watch.walk import RootSeen, Unreadable, check_root

log = get_logger()

# What no event tells (a lost one, a write through another mount) is found this often.
RECONCILE_S = 600.0
# Where nothing is told because the kernel's watches do not suffice.
POLL_S = 60.0
# How long it takes at most to notice that a library's disk came, went or was exchanged.
CHECK_S = 5.0
# Of the files that wait to be complete, so many are shown by name.
MOST_SHOWN = 20


def rules_of(library: Library) -> Rules:
    return Rules(
        extensions=frozenset(library.extensions),
        minimum_size_bytes=library.minimum_size_bytes,
        ignore_patterns=library.ignore,
    )


class LibraryWatcher:
    """Watches one library from `start` to `join`; all walking and all writing happens in its thread."""

    def __init__(
        self,
        library: Library,
        intake: Intake,
        stopping: threading.Event,
        on_fatal: Callable[[CatalogError], None],
    ) -> None:
        self.library = library
        self.hints = DirtyDirectories()
        self.is_settled_in = threading.Event()
        """Set once events are told of here, or it is known why not: nothing is missed from then on."""
        self._intake = intake
        self._stopping = stopping
        self._on_fatal = on_fatal
        self._root_seen: RootSeen | None = None
        self._observer: LibraryObserver | None = None
        self._unreadable: dict[str, Unreadable] = {}
        self._status: dict[str, Any] = {"name": library.name, "settling": 0, "waiting": [], "unreadable": []}
        self._is_polling = False
        self._next_walk = 0.0
        self._state: tuple[str, str | None] | None = None
        self._thread = threading.Thread(target=self._run, name=f"watch {library.name}")

    def start(self) -> None:
        self._thread.start()

    def join(self) -> None:
        self.hints.wake()
        self._thread.join()

    def look_at(self, absolute_path: str) -> None:
        """Something is not as the catalogue believes it to be at this path of the library."""
        self.hints.mark(os.path.dirname(os.path.relpath(absolute_path, self.library.path)))

    def status(self) -> dict[str, Any]:
        """What only this thread knows, for `reeld status`, as of its last turn."""
        return self._status

    # --- the thread --------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._turn()
        except CatalogCorrupt as err:
            self._on_fatal(err)
        finally:
            self._stop_observer()

    def _turn(self) -> None:
        try:
            is_online = self._check_root()
            if is_online:
                self._try_unreadable()
                self._watch()
            self.is_settled_in.set()
            if is_online:
                self._follow_hints()
                self._intake.settle_due()
                self._show_again_who_was_turned_away()
        except CatalogCorrupt:
            raise
        except CatalogError as err:
            # What was seen and could not be recorded must be seen again.
            log.warning("catalog.failed", library=self.library.name, reason=str(err), retry_s=CATALOG_DELAY_S)
            self.hints.mark_everything()
            self._stopping.wait(CATALOG_DELAY_S)
            return
        self._tell()
        if not self._stopping.is_set():
            self.hints.wait(self._timeout_s())

    def _tell(self) -> None:
        """Publish a new status; the old one may be in use by another thread and stays as it is."""
        settling = self._intake.settling
        offset = time.time() - time.monotonic()
        self._status = {
            "name": self.library.name,
            "settling": len(settling),
            "waiting": [
                {
                    "path": os.path.join(self.library.path, wait.key),
                    "since": round(offset + wait.since),
                    "why": wait.why,
                }
                for wait in itertools.islice(settling.waiting(), MOST_SHOWN)
            ],
            "unreadable": [
                {"path": os.path.join(self.library.path, path), "why": folder.message}
                for path, folder in itertools.islice(self._unreadable.items(), MOST_SHOWN)
            ],
        }

    def _show_again_who_was_turned_away(self) -> None:
        if self._intake.has_turned_away and len(self._intake.settling) < MOST_WAITING // 2:
            self._intake.has_turned_away = False
            self.hints.mark_everything()

    def _timeout_s(self) -> float:
        if self._root_seen is None:
            return CHECK_S
        due = self._intake.settling.next_due()
        moments = [self._next_walk, *([] if due is None else [due])]
        return max(0.0, min(CHECK_S, min(moments) - time.monotonic()))

    # --- the root ----------------------------------------------------------------------------------------

    def _check_root(self) -> bool:
        """Whether the library can be looked at. A root that became another directory is watched anew."""
        seen = check_root(self.library.path)
        if isinstance(seen, str):
            self._go_offline(seen)
            return False
        if self._root_seen is None or seen.identity != self._root_seen.identity:
            self._stop_observer()
            doubt = why_doubtful(self._intake.place.library_id, self.library.path, seen)
            if doubt is not None:
                self._go_offline(doubt)
                return False
            self._root_seen = seen
        return True

    def _go_offline(self, reason: str) -> None:
        self._stop_observer()
        self._root_seen = None
        self._record_state("offline", reason)

    def _record_state(self, state: str, reason: str | None) -> None:
        if self._state == (state, reason):
            return
        with writing():
            libraries.set_state(self._intake.place.library_id, state, reason, now_ms())
            if state == "online":
                queue.resume(self._intake.place.library_id)
            else:
                queue.pause(self._intake.place.library_id)
        self._state = (state, reason)
        tell = log.info if state == "online" and reason is None else log.warning
        tell("library.state_changed", library=self.library.name, state=state, reason=reason)

    # --- the observer ------------------------------------------------------------------------------------

    def _watch(self) -> None:
        """Have an observer that works, or walk more often; whatever is new about that calls for a walk."""
        if self._observer is not None and (trouble := self._observer.trouble()) is not None:
            log.warning("watch.rebuilt", library=self.library.name, reason=trouble)
            self._stop_observer()
        if self._observer is None and (not self._is_polling or time.monotonic() >= self._next_walk):
            self._start_observer()
        if time.monotonic() >= self._next_walk:
            self.hints.mark_everything()

    def _start_observer(self) -> None:
        observer = LibraryObserver(
            self.library.path, self.hints, lambda _why: self.hints.wake(), rules=self._intake.rules
        )
        try:
            observer.start()
        except CannotWatch as err:
            self._is_polling = True
            self._record_state("online", f"not watched, looked at every {POLL_S:g} s: {err}")
        else:
            self._is_polling = False
            self._observer = observer
            self._record_state("online", None)
        self.hints.mark_everything()

    def _stop_observer(self) -> None:
        if self._observer is not None:
            self._observer.stop()
            self._observer = None

    # --- walking -----------------------------------------------------------------------------------------

    def _reconcile(self, hint: Hint) -> None:
        if self._root_seen is None:
            return
        found = reconcile(self._intake, hint, self._root_seen, self._stopping.is_set)
        kept = {path: folder for path, folder in self._unreadable.items() if not _covers(hint, path)}
        self._unreadable = kept | {folder.relative: folder for folder in found}

    def _try_unreadable(self) -> None:
        """No event tells that a right was given, so whoever lacked one is asked again.

        What could not be read is not watched either: hence a new observer, which also calls for a walk.
        """
        for path, folder in self._unreadable.items():
            is_refused = folder.errno in (errno.EACCES, errno.EPERM)
            if is_refused and os.access(os.path.join(self.library.path, path), os.R_OK | os.X_OK):
                self._stop_observer()
                return

    def _follow_hints(self) -> None:
        while not self._stopping.is_set() and (hint := self.hints.take()) is not None:
            self._reconcile(hint)
            if hint == EVERYTHING:
                pause_s = POLL_S if self._is_polling else RECONCILE_S
                self._next_walk = time.monotonic() + pause_s


def _covers(hint: Hint, directory: str) -> bool:
    """Whether whoever follows the hint looks into this directory."""
    if not hint.is_recursive:
        return directory == hint.relative
    return hint.relative in ("", directory) or directory.startswith(f"{hint.relative}/")


def make_intake(
    library: Library,
    library_id: int,
    *,
    first_stage: Stage,
    with_full_hash: bool,
    is_absent: Callable[[KnownFile], bool],
    on_enqueued: Callable[[], None],
) -> Intake:
    return Intake(
        place=Place(library_id, library.path),
        rules=rules_of(library),
        settling=Settling(library.quiet_s),
        first_stage=first_stage,
        with_full_hash=with_full_hash,
        now_ms=now_ms,
        is_absent=is_absent,
        on_enqueued=on_enqueued,
    )
