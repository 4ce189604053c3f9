"""How does one pass over the disks go, without the daemon? Walk, let settle, work, until nothing is left."""

import os
import queue as queues
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

from reeld.catalog import libraries, queue, views
from reeld.config import Config, Library, paths_overlap
from reeld.database.connection import close_catalog, reading, writing
from reeld.database.maintenance import Maintenance
from reeld.domain.files import readable
from reeld.domain.status import Estimate
from reeld.errors import CatalogError, NotFoundError, UsageError
from reeld.log import load_structlog
from reeld.pipeline.runner import Runner
from reeld.pipeline.stages import stages
from reeld.report.counters import Counters, counted
from reeld.report.progress import ProgressEstimator
from reeld.scanner.compare import FolderScanner
from reeld.scanner.reconcile import reconcile
from reeld.scanner.root_check import RootProblem, why_away
from reeld.service.daemon import open_owned_catalog
from reeld.service.heartbeat import Heartbeats
from reeld.service.instance_lock import InstanceLock
from reeld.service.signals import ending_on_signals
from reeld.service.stage_context import now_ms, open_stage_context, roots_of, stat_names_of
from reeld.service.watcher import make_folder_scanner, record_state
from reeld.service.workers import LISTING_S, Workers, lane_threads
from reeld.watch.hints import EVERYTHING, Hint
from reeld.watch.settle import MOST_WAITING
from reeld.watch.walk import RootSeen

TICK_S = 0.1

# Counting what is left reads the whole queue, which takes 0.1 s where 100,000 files wait: it takes one part in so many.
SHOW_S = 0.5
SHOW_SHARE = 20

# A file that somebody goes on writing to never settles; after so many quiet periods the pass ends without it.
PATIENCE = 3

# What failed is tried again within this, a file whose end may still be to come is not: the pass ends without it.
SOON_MS = 45_000

# A second look is due after one quiet period, and fails only where a folder cannot be listed any more.
SECOND_LOOK_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where the pass is: what is left, of all that it found to do."""

    settling: int
    left: dict[str, int]
    """Files whose next stage is this one, by stage."""
    bytes_hashed: int
    estimate: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """How the pass ended. `counts` is what `views.counts` says now."""

    seconds: float
    bytes_hashed: int
    unsettled: tuple[str, ...]
    """Files that were still being written to, or end before their container does."""
    asked_for: tuple[str, ...]
    """The libraries that were to be looked at, as a whole or in part."""
    offline: dict[str, str]
    """Libraries that could not be looked at, by name, and why."""
    doubts: dict[str, str]
    """Libraries of which something waits for a disk, or for a person's word, by name, and why."""
    unreadable: dict[str, str]
    """Folders that could not be listed, by path, and why; nothing in them was touched."""
    was_interrupted: bool
    counts: dict[str, Any]


def choose_libraries(config: Config, paths: Sequence[str]) -> tuple[Config, dict[str, list[str]]]:
    """The configuration to scan these paths with, and which folder of which library to look at.

    A path inside a library means that part of it; any other folder is a library of its own, called by its last
    folder. Without paths everything configured is scanned. Raises NotFoundError for a path that is not there.
    """
    if not paths:
        return config, {library.name: [""] for library in config.libraries}
    wanted: dict[str, list[str]] = {}
    extra: list[Library] = []
    for path in (os.path.abspath(path) for path in paths):
        _require(path)
        home = next((library for library in (*config.libraries, *extra) if _holds(library, path)), None)
        if home is None:
            if not os.path.isdir(path):
                raise UsageError(f"{readable(path)} lies in no library; name the folder that it lies in")
            _refuse_overlap(path, (*config.libraries, *extra))
            home = library_at(path, config, extra)
            extra.append(home)
        # Either may have been named by way of a symbolic link.
        relative = os.path.relpath(os.path.realpath(path), os.path.realpath(home.path))
        wanted.setdefault(home.name, []).append("" if relative == "." else _folder(path, relative))
    return replace(config, libraries=(*config.libraries, *extra)), wanted


def _require(path: str) -> None:
    """Raises NotFoundError for a path that is not there, or of which that is not known."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError) as err:
        raise NotFoundError(f"{readable(path)} does not exist; check the spelling, or connect its disk") from err
    except OSError as err:
        raise NotFoundError(
            f"{readable(path)} cannot be looked at ({err.strerror}); check the rights on the way to it, and its disk"
        ) from err


def library_at(path: str, config: Config, extra: Sequence[Library] = (), *, name: str | None = None) -> Library:
    """Make a library of a folder that the configuration does not name; it is called by its last folder."""
    absolute = os.path.abspath(path)
    name = name or libraries.name_of_folder(absolute, (*config.libraries, *extra), config.database_path)
    return Library(name=name, path=absolute, **asdict(config.settle))


def with_library(config: Config, path: str, name: str | None = None) -> Config:
    """The configuration with this folder as its only library, which may have a name already."""
    absolute = os.path.abspath(path)
    home = next((library for library in config.libraries if library.path == absolute), None)
    return replace(config, libraries=(home or library_at(path, config, name=name),), only_library=absolute)


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


Show = Callable[[Progress], None]


def run_scan(config: Config, paths: Sequence[str], show: Show | None = None) -> Summary:
    """Bring the catalogue up to date once, telling `show`, if anybody looks on, every now and then how far it is."""
    load_structlog()
    config, wanted = choose_libraries(config, paths)
    with InstanceLock(config.database_path, "scan"):
        library_ids = open_owned_catalog(config)
        try:
            summary = _Scan(config, library_ids, wanted).run(show)
            maintenance = Maintenance(
                config.database_path, time.time(), lambda: False, backups_kept=config.backups_kept
            )
            maintenance.back_up_at_end(time.time())
            return summary
        finally:
            close_catalog()


class _Scan:
    def __init__(self, config: Config, library_ids: dict[str, int], wanted: dict[str, list[str]]) -> None:
        self._config = config
        self._library_ids = library_ids
        self._wanted = wanted
        self._stopping = threading.Event()
        self._interruption = ending_on_signals()
        self._failure: CatalogError | None = None
        self._offline: dict[str, str] = {}
        self._doubts: dict[str, str] = {}
        self._unreadable: dict[str, str] = {}
        self._roots = roots_of(config, library_ids)
        self._roots_seen: dict[int, RootSeen] = {}
        self._changed: set[str] = set()
        """Files that changed under their job, which waits until they are complete."""
        self._to_rescan: queues.SimpleQueue[str] = queues.SimpleQueue()
        self._counters = Counters()
        self._progress_estimator = ProgressEstimator(self._counters, with_full_hash=config.hash.full)
        self._stages = tuple(counted(stage, self._counters) for stage in stages(with_full_hash=config.hash.full))
        self._wishes = self._fulfilled = 0
        self._was_another_root = False
        """Whether a library could not be looked through, while all were, though it can be looked at."""
        self._started = time.monotonic()

    def run(self, show: Show | None) -> Summary:
        with (
            self._interruption,
            open_stage_context(self._config, self._stopping, self._counters.hashed) as tools,
        ):
            runner = Runner(
                stages=self._stages,
                tools=tools,
                now_ms=now_ms,
                pause=self._pause,
                rescan_directory=self._to_rescan.put,
            )
            workers = Workers(runner, self._stopping, self._fail, lane_threads(), Heartbeats())
            try:
                takes_long = threading.Timer(LISTING_S, workers.start)
                takes_long.start()
                try:
                    folder_scanners = self._walk()
                finally:
                    takes_long.cancel()
                    takes_long.join()
                workers.start()
                self._work_off(folder_scanners, show)
                for library, folder_scanner in zip(self._config.libraries, folder_scanners, strict=True):
                    self._check(library, folder_scanner)
            finally:
                self._stopping.set()
                tools.interrupt()
                workers.join()
        if self._failure is not None:
            raise self._failure
        return self._summary(folder_scanners)

    def _walk(self) -> list[FolderScanner]:
        folder_scanners = []
        for library in self._config.libraries:
            # Of the others only those files are looked at that still had work to be done.
            folder_scanner = make_folder_scanner(
                library,
                self._library_ids[library.name],
                first_stage=self._stages[0],
                with_full_hash=self._config.hash.full,
                stat_names=stat_names_of(self._roots),
                on_evicted=self._request_rescan_all,
                rescan_directory=self._to_rescan.put,
            )
            self._walk_library(library, folder_scanner)
            folder_scanners.append(folder_scanner)
        return folder_scanners

    def _walk_library(self, library: Library, folder_scanner: FolderScanner) -> None:
        library_id = folder_scanner.place.library_id
        root = self._roots[library_id]
        with reading():
            before = libraries.library_status(library_id)
        folder_scanner.missing_files.begin_anew(was_held=before.state == "on_hold")
        if (seen := self._check(library, folder_scanner)) is None:
            return
        if root.is_accepted:
            folder_scanner.missing_files.accept()
        self._roots_seen[library_id] = seen
        for folder in self._wanted.get(library.name, ()):
            self._reconcile(library, folder_scanner, Hint(relative=folder, is_recursive=True))
        if "" in self._wanted.get(library.name, ()):
            root.remember_count()

    def _check(self, library: Library, folder_scanner: FolderScanner) -> RootSeen | None:
        """Record what the library is like; its root if that is to be looked into."""
        found, held = self._roots[folder_scanner.place.library_id].check(), folder_scanner.missing_files.held
        told = self._doubts
        if isinstance(found, RootProblem):
            state, reason, told = found.state, found.reason, self._offline
        else:
            state = "online" if held is None else "on_hold"
            reason = "; ".join(each for each in (held, why_away(found, library)) if each is not None)
        self._doubts.pop(library.name, None)
        if reason and library.name in self._wanted:
            told[library.name] = reason
        seen = None if isinstance(found, RootProblem) else found
        with writing():
            record_state(folder_scanner, state, reason or None, seen)
        return seen

    def _work_off(self, folder_scanners: Sequence[FolderScanner], show: Show | None) -> None:
        """Until nothing settles and nothing is queued, or what settles has used up our patience."""
        quiet_s = max((library.quiet_s for library in self._config.libraries), default=0.0)
        last_work, next_show = time.monotonic(), 0.0
        while not self._is_over():
            self._rescan_directory(folder_scanners)
            self._rescan_all(folder_scanners)
            for library, folder_scanner in zip(self._config.libraries, folder_scanners, strict=True):
                self._confirm_missing(library, folder_scanner)
                self._rescan_rejected(library, folder_scanner)
                folder_scanner.new_files.settle_due()
            settling = sum(len(folder_scanner.new_files.settling) for folder_scanner in folder_scanners)
            is_in_doubt = any(folder_scanner.missing_files.next_due() is not None for folder_scanner in folder_scanners)
            if show is not None and time.monotonic() >= next_show:
                began = time.monotonic()
                show(self._progress(settling))
                next_show = time.monotonic() + max(SHOW_S, SHOW_SHARE * (time.monotonic() - began))
            if self._has_work(folder_scanners):
                last_work = time.monotonic()
            elif not (settling or is_in_doubt) or time.monotonic() - last_work > PATIENCE * quiet_s + (
                SECOND_LOOK_S if is_in_doubt else 1
            ):
                return
            time.sleep(TICK_S)

    def _has_work(self, folder_scanners: Sequence[FolderScanner]) -> bool:
        """Whether there are more jobs than those that wait for their file, which is waited for anyway."""
        idle = len(self._changed.intersection(_unsettled(folder_scanners))) if self._changed else 0
        with reading():
            return queue.live_count(now_ms() + SOON_MS, most=idle + 1) > idle

    def _progress(self, settling: int) -> Progress:
        return Progress(
            settling=settling,
            left=views.left_by_stage(),
            bytes_hashed=self._counters.bytes_hashed,
            estimate=self._progress_estimator.look(views.work_left()),
        )

    def _rescan_directory(self, folder_scanners: Sequence[FolderScanner]) -> None:
        """List the folders of files that turned out to be gone, or changed, when their turn came."""
        while not self._to_rescan.empty():
            path = self._to_rescan.get()
            self._changed.add(path)
            for library, folder_scanner in zip(self._config.libraries, folder_scanners, strict=True):
                relative = os.path.relpath(os.path.dirname(path), folder_scanner.place.root)
                if folder_scanner.place.library_id in self._roots_seen and relative.split("/")[0] != "..":
                    # It may be gone with its disk: then its job waits for that, and the pass does not.
                    self._check(library, folder_scanner)
                    self._reconcile(
                        library, folder_scanner, Hint(relative="" if relative == "." else relative, is_recursive=False)
                    )

    def _request_rescan_all(self) -> Callable[[], bool]:
        """Unknown content stands where known content stood, which may have gone to where this pass has been already."""
        self._wishes += 1
        wish = self._wishes
        return lambda: self._fulfilled >= wish

    def _rescan_all(self, folder_scanners: Sequence[FolderScanner]) -> None:
        wish = self._wishes
        if self._fulfilled < wish:
            self._was_another_root = False
            for library, folder_scanner in zip(self._config.libraries, folder_scanners, strict=True):
                if folder_scanner.place.library_id in self._roots_seen:
                    self._reconcile(library, folder_scanner, EVERYTHING)
            if not self._was_another_root:  # else whoever waits for it goes on waiting
                self._fulfilled = wish

    def _confirm_missing(self, library: Library, folder_scanner: FolderScanner) -> None:
        """Nothing is missing that was looked for only once. When very much is, its jobs wait for a person's word."""
        held = folder_scanner.missing_files.held
        while not self._is_over() and (hint := folder_scanner.take_due()) is not None:
            self._reconcile(library, folder_scanner, hint)
        if folder_scanner.missing_files.held != held:
            self._check(library, folder_scanner)

    def _rescan_rejected(self, library: Library, folder_scanner: FolderScanner) -> None:
        new_files = folder_scanner.new_files
        while len(new_files.settling) < MOST_WAITING // 2 and not self._is_over():
            hint = new_files.rejected.take()
            if hint is None:
                return
            self._reconcile(library, folder_scanner, hint)

    def _reconcile(self, library: Library, folder_scanner: FolderScanner, hint: Hint) -> None:
        root_seen = self._roots_seen[folder_scanner.place.library_id]
        look_anew = partial(self._reverify_root, library, folder_scanner)
        for folder in reconcile(folder_scanner, hint, root_seen, self._is_over, on_another_root=look_anew):
            self._unreadable[os.path.join(folder_scanner.place.root, folder.relative)] = folder.message

    def _reverify_root(self, library: Library, folder_scanner: FolderScanner) -> None:
        """The root was another one for a moment, and nothing was recorded: if it is to be believed, it is looked at."""
        if (seen := self._check(library, folder_scanner)) is not None:
            self._roots_seen[folder_scanner.place.library_id] = seen
            self._was_another_root = True
            self._request_rescan_all()

    def _summary(self, folder_scanners: Sequence[FolderScanner]) -> Summary:
        return Summary(
            seconds=time.monotonic() - self._started,
            bytes_hashed=self._counters.bytes_hashed,
            unsettled=(*_unsettled(folder_scanners), *self._put_off()),
            asked_for=tuple(self._wanted),
            offline=self._offline,
            doubts=self._doubts,
            unreadable=self._unreadable,
            was_interrupted=self._interruption.is_set(),
            counts=views.counts(),
        )

    def _put_off(self) -> list[str]:
        with reading():
            return queue.put_off(now_ms() + SOON_MS)

    def _is_over(self) -> bool:
        return self._interruption.is_set() or self._stopping.is_set()

    def _pause(self, seconds: float) -> None:
        self._stopping.wait(seconds)

    def _fail(self, error: CatalogError) -> None:
        self._failure = self._failure or error
        self._stopping.set()


def _unsettled(folder_scanners: Sequence[FolderScanner]) -> list[str]:
    return [
        os.path.join(folder_scanner.place.root, wait.key)
        for folder_scanner in folder_scanners
        for wait in folder_scanner.new_files.settling.waiting()
    ]
