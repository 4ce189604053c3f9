"""How does one pass over the disks go, without the daemon? Walk, let settle, work, until nothing is left."""

import os
import queue as queues
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reeld.catalog import libraries, queue, views
from reeld.catalog.database import close_catalog, reading, writing
from reeld.config import Config, Library, paths_overlap
from reeld.domain.files import readable
from reeld.errors import CatalogError, NotFoundError, UsageError
from reeld.pipeline.intake import Intake
from reeld.pipeline.reconcile import reconcile
from reeld.pipeline.roots import why_doubtful
from reeld.pipeline.runner import Runner
from reeld.pipeline.stages import stages
from reeld.service.daemon import ending_on_signals, open_owned_catalog
from reeld.service.presence import Presence
from reeld.service.watcher import make_intake
from reeld.service.workers import Workers, lane_threads
from reeld.service.workplace import absence, now_ms, open_tools
from reeld.watch.hints import Hint
from reeld.watch.walk import RootSeen, check_root

TICK_S = 0.1

# A file that somebody goes on writing to never settles; after so many quiet periods the pass ends without it.
PATIENCE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where the pass is: what is left, of all that it found to do."""

    settling: int
    left: dict[str, int]
    """Files whose next stage is this one, by stage."""
    bytes_hashed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """How the pass ended. `counts` is what `views.counts` says now."""

    seconds: float
    bytes_hashed: int
    unsettled: tuple[str, ...]
    """Files that were still being written to."""
    offline: dict[str, str]
    """Libraries that could not be looked at, by name, and why."""
    unreadable: dict[str, str]
    """Folders that could not be listed, by path, and why; nothing in them was touched."""
    was_interrupted: bool
    counts: dict[str, Any]


def choose_libraries(config: Config, paths: Sequence[str]) -> tuple[Config, dict[str, list[str]]]:
    """The configuration to scan these paths with, and which folder of which library to look at.

    A path inside a library means that part of it; any other folder is a library of its own, named by its
    path. Without paths everything configured is scanned. Raises NotFoundError for a path that is not there.
    """
    if not paths:
        return config, {library.name: [""] for library in config.libraries}
    wanted: dict[str, list[str]] = {}
    extra: list[Library] = []
    for path in (os.path.abspath(path) for path in paths):
        if not os.path.exists(path):
            raise NotFoundError(f"{readable(path)} does not exist; check the spelling, or connect its disk")
        home = next((library for library in (*config.libraries, *extra) if _holds(library, path)), None)
        if home is None:
            _refuse_overlap(path, (*config.libraries, *extra))
            home = library_at(path, config.settle.quiet_s)
            extra.append(home)
        # Either may have been named by way of a symbolic link.
        relative = os.path.relpath(os.path.realpath(path), os.path.realpath(home.path))
        wanted.setdefault(home.name, []).append("" if relative == "." else _folder(path, relative))
    return replace(config, libraries=(*config.libraries, *extra)), wanted


def library_at(path: str, quiet_s: float) -> Library:
    """A library that no configuration names: known by its path, which cannot be mistaken for another's."""
    absolute = os.path.abspath(path)
    return Library(name=absolute, path=absolute, quiet_s=quiet_s)


def with_library(config: Config, path: str) -> Config:
    """The configuration with this folder as its only library."""
    home = next((library for library in config.libraries if library.path == os.path.abspath(path)), None)
    return replace(config, libraries=(home or library_at(path, config.settle.quiet_s),))


def _holds(library: Library, path: str) -> bool:
    root = os.path.realpath(library.path)
    return os.path.commonpath((root, os.path.realpath(path))) == root


def _refuse_overlap(path: str, libraries: Sequence[Library]) -> None:
    """A file in two libraries would have two identities."""
    for library in libraries:
        if paths_overlap(library.path, path):
            raise UsageError(
                f"{readable(path)} contains the library {readable(library.name)} ({readable(library.path)}); "
                "scan that, or make this folder a library instead of it"
            )


def _folder(path: str, relative: str) -> str:
    return relative if os.path.isdir(path) else os.path.dirname(relative)


def run_scan(config: Config, paths: Sequence[str], show: Callable[[Progress], None]) -> Summary:
    """Bring the catalogue up to date once, telling `show` several times a second how far it is."""
    config, wanted = choose_libraries(config, paths)
    with Presence(config.database_path):
        library_ids = open_owned_catalog(config)
        try:
            return _Scan(config, library_ids, wanted).run(show)
        finally:
            close_catalog()


class _Scan:
    def __init__(self, config: Config, library_ids: dict[str, int], wanted: dict[str, list[str]]) -> None:
        self._config = config
        self._library_ids = library_ids
        self._wanted = wanted
        self._stopping = threading.Event()
        self._is_interrupted = threading.Event()
        self._failure: CatalogError | None = None
        self._bytes_hashed = 0
        self._offline: dict[str, str] = {}
        self._unreadable: dict[str, str] = {}
        self._roots_seen: dict[int, RootSeen] = {}
        self._changed: set[str] = set()
        """Files that changed under their job, which waits until they are complete."""
        self._to_look_again: queues.SimpleQueue[str] = queues.SimpleQueue()
        self._stages = tuple(stages(with_full_hash=config.hash.full))
        self._started = time.monotonic()

    def run(self, show: Callable[[Progress], None]) -> Summary:
        with (
            ending_on_signals(self._is_interrupted),
            open_tools(self._config, self._stopping, self._count) as tools,
        ):
            runner = Runner(
                stages=self._stages,
                tools=tools,
                now_ms=now_ms,
                pause=self._pause,
                look_again=self._to_look_again.put,
            )
            workers = Workers(runner, self._stopping, self._fail, lane_threads())
            workers.start()
            try:
                intakes = self._walk(workers)
                self._work_off(intakes, show)
            finally:
                self._stopping.set()
                tools.interrupt()
                workers.join()
        if self._failure is not None:
            raise self._failure
        return self._summary(intakes)

    def _walk(self, workers: Workers) -> list[Intake]:
        intakes = []
        roots = {self._library_ids[library.name]: library.path for library in self._config.libraries}
        for library in self._config.libraries:
            # Of the others only those files are looked at that still had work to be done.
            intake = make_intake(
                library,
                self._library_ids[library.name],
                first_stage=self._stages[0],
                with_full_hash=self._config.hash.full,
                is_absent=absence(roots),
                on_enqueued=workers.wake,
            )
            self._walk_library(library, intake)
            intakes.append(intake)
        return intakes

    def _walk_library(self, library: Library, intake: Intake) -> None:
        seen = check_root(library.path)
        library_id = intake.place.library_id
        if not isinstance(seen, str):
            seen = why_doubtful(library_id, library.path, seen) or seen
        with writing():
            if isinstance(seen, str):
                if library.name in self._wanted:
                    self._offline[library.name] = seen
                libraries.set_state(library_id, "offline", seen, now_ms())
                queue.pause(library_id)
            else:
                libraries.set_state(library_id, "online", None, now_ms())
                queue.resume(library_id)
        if isinstance(seen, str):
            return
        self._roots_seen[library_id] = seen
        for folder in self._wanted.get(library.name, ()):
            self._reconcile(intake, Hint(relative=folder, is_recursive=True))

    def _work_off(self, intakes: Sequence[Intake], show: Callable[[Progress], None]) -> None:
        """Until nothing settles and nothing is queued, or what settles has used up our patience."""
        quiet_s = max((library.quiet_s for library in self._config.libraries), default=0.0)
        last_work = time.monotonic()
        while not self._is_over():
            self._look_again(intakes)
            for intake in intakes:
                intake.settle_due()
            settling = sum(len(intake.settling) for intake in intakes)
            with reading():
                left = queue.live_count()
            show(Progress(settling=settling, left=views.counts()["queue"], bytes_hashed=self._bytes_hashed))
            if left > len(self._changed.intersection(_unsettled(intakes))):
                last_work = time.monotonic()
            elif not settling or time.monotonic() - last_work > PATIENCE * quiet_s + 1:
                return
            self._is_interrupted.wait(TICK_S)

    def _look_again(self, intakes: Sequence[Intake]) -> None:
        """List the folders of files that turned out to be gone, or changed, when their turn came."""
        while not self._to_look_again.empty():
            path = self._to_look_again.get()
            self._changed.add(path)
            for intake in intakes:
                relative = os.path.relpath(os.path.dirname(path), intake.place.root)
                if intake.place.library_id in self._roots_seen and relative.split("/")[0] != "..":
                    self._reconcile(intake, Hint(relative="" if relative == "." else relative, is_recursive=False))

    def _reconcile(self, intake: Intake, hint: Hint) -> None:
        root_seen = self._roots_seen[intake.place.library_id]
        for folder in reconcile(intake, hint, root_seen, self._is_over):
            self._unreadable[os.path.join(intake.place.root, folder.relative)] = folder.message

    def _summary(self, intakes: Sequence[Intake]) -> Summary:
        return Summary(
            seconds=time.monotonic() - self._started,
            bytes_hashed=self._bytes_hashed,
            unsettled=tuple(_unsettled(intakes)),
            offline=self._offline,
            unreadable=self._unreadable,
            was_interrupted=self._is_interrupted.is_set(),
            counts=views.counts(),
        )

    def _is_over(self) -> bool:
        return self._is_interrupted.is_set() or self._stopping.is_set()

    def _count(self, size_bytes: int) -> None:
        self._bytes_hashed += size_bytes

    def _pause(self, seconds: float) -> None:
        self._stopping.wait(seconds)

    def _fail(self, error: CatalogError) -> None:
        self._failure = self._failure or error
        self._stopping.set()


def _unsettled(intakes: Sequence[Intake]) -> list[str]:
    return [os.path.join(intake.place.root, wait.key) for intake in intakes for wait in intake.settling.waiting()]
