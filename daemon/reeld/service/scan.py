"""Run `reeld scan`: scan the libraries once, without the daemon, and work until nothing is left."""

import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

from reeld.catalog import libraries, overview, queue
from reeld.config import Config, Library, paths_overlap
from reeld.database.connection import close_catalog, reading
from reeld.database.file_access import let_read
from reeld.database.maintenance import Maintenance
from reeld.domain.files import readable
from reeld.domain.status import Estimate
from reeld.errors import CatalogError, Interrupted, NotFoundError, UsageError
from reeld.log import load_structlog, tell_left_out
from reeld.pipeline.runner import Runner
from reeld.pipeline.stages import stages
from reeld.report.counters import Counters, counted
from reeld.report.progress import ProgressEstimator
from reeld.scanner.library_scanner import LibraryScanner, make_folder_scanner
from reeld.scanner.moved_files import StatNames
from reeld.scanner.root_check import Root
from reeld.service.daemon import open_owned_catalog
from reeld.service.heartbeat import Heartbeats
from reeld.service.instance_lock import InstanceLock
from reeld.service.signals import ending_on_signals
from reeld.service.stage_context import now_ms, open_stage_context, roots_of, stat_names_of
from reeld.service.workers import LISTING_S, Workers, lane_threads
from reeld.watch.hints import DirtyDirectories
from reeld.watch.rescan import RequestedScan

TICK_S = 0.1
BUSY_TICK_S = 1.0
"""How often libraries are looked after while there is work."""

# Counting what is left reads the whole queue: 0.1 s for 100,000 waiting files. So it takes one part in 20 of the time.
SHOW_S = 0.5
SHOW_SHARE = 20

# A file that is being written all the time never settles. The scan waits this many quiet periods, and ends without it.
PATIENCE = 3

# A failed job that is due again within this time is waited for. A file whose end may still come is not.
SOON_MS = 45_000

# A file whose end may still come is looked at once in a pass. Shorter than `queue.FARTHEST_DUE_MS`. The next start of
# reeld looks at once.
NEXT_LOOK_S = 10_000.0

# A confirming scan is due after one quiet period. Only a folder that cannot be listed any more keeps the scan waiting.
CONFIRMING_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the scan is: what is left to do."""

    settling: int
    left: dict[str, int]
    """The number of files by their next stage."""
    bytes_hashed: int
    estimate: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The result of the scan. `counts` is that of `overview.counts`."""

    seconds: float
    bytes_hashed: int
    unsettled: tuple[str, ...]
    """Files that are still being written, or end before their container does."""
    asked_for: tuple[str, ...]
    """The libraries that were to be scanned, as a whole or in part."""
    offline: dict[str, str]
    """Libraries that could not be scanned, by name, and why."""
    doubts: dict[str, str]
    """Libraries on hold or with a disk away, by name, and why."""
    unreadable: dict[str, str]
    """Folders that could not be listed, by path, and why. No row of a file in them was changed."""
    was_interrupted: bool
    counts: dict[str, Any]


def choose_libraries(config: Config, paths: Sequence[str]) -> tuple[Config, dict[str, list[str]]]:
    """Return the configuration to scan these paths with, and the folders to scan by library.

    A path inside a library means that part of it. Any other folder is a library of its own, called by its last folder.
    Without paths all configured libraries are scanned. Raises NotFoundError for a path that does not exist.
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
                raise UsageError(f"{readable(path)} lies in no library", "name the folder that it lies in")
            _refuse_overlap(path, (*config.libraries, *extra))
            home = library_at(path, config, extra)
            extra.append(home)
        # Either path may contain a symbolic link.
        relative = os.path.relpath(os.path.realpath(path), os.path.realpath(home.path))
        wanted.setdefault(home.name, []).append("" if relative == "." else _folder(path, relative))
    return replace(config, libraries=(*config.libraries, *extra)), wanted


def _require(path: str) -> None:
    """Raise NotFoundError if the path does not exist, or if that cannot be known."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError) as err:
        raise NotFoundError(f"{readable(path)} does not exist", "check the spelling, or connect its disk") from err
    except OSError as err:
        raise NotFoundError(
            f"{readable(path)} cannot be accessed ({err.strerror})",
            "check the permissions of its folders, and its disk",
        ) from err


def library_at(path: str, config: Config, extra: Sequence[Library] = (), *, name: str | None = None) -> Library:
    """Return a library for a folder that is not configured. It is called by its last folder."""
    absolute = os.path.abspath(path)
    name = name or libraries.name_of_folder(absolute, (*config.libraries, *extra), config.database_path)
    return Library(name=name, path=absolute, **asdict(config.settle))


def with_library(config: Config, path: str, name: str | None = None) -> Config:
    """Return the configuration with this folder as its only library, which may have a name already."""
    absolute = os.path.abspath(path)
    home = next((library for library in config.libraries if library.path == absolute), None)
    return replace(config, libraries=(home or library_at(path, config, name=name),), only_library=absolute)


def _holds(library: Library, path: str) -> bool:
    root = os.path.realpath(library.path)
    return os.path.commonpath((root, os.path.realpath(path))) == root


def _refuse_overlap(path: str, libraries: Sequence[Library]) -> None:
    """Raise UsageError if the path overlaps a library: a file in two libraries would have two rows."""
    for library in libraries:
        if paths_overlap(library.path, path):
            raise UsageError(
                f"{readable(path)} contains the library {readable(library.name)} ({readable(library.path)})",
                "scan that library, or make this folder a library instead of it",
            )


def _folder(path: str, relative: str) -> str:
    return relative if os.path.isdir(path) else os.path.dirname(relative)


Show = Callable[[Progress], None]


def run_scan(config: Config, paths: Sequence[str], show: Show | None = None) -> Summary:
    """Bring the catalogue up to date once. `show` is called now and then with the progress, if it is given."""
    load_structlog()
    config, wanted = choose_libraries(config, paths)
    let_read(config.database_group)
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
        self._wanted = wanted
        self._stopping = threading.Event()
        self._interruption = ending_on_signals()
        self._failure: CatalogError | None = None
        self._offline: dict[str, str] = {}
        self._changed: set[str] = set()
        """Files that changed during their job, which waits until they are complete."""
        self._counters = Counters()
        self._progress_estimator = ProgressEstimator(self._counters, with_full_hash=config.hash.full)
        self._stages = tuple(counted(stage, self._counters) for stage in stages(with_full_hash=config.hash.full))
        self._scanners = self._make_scanners(library_ids)
        self._started = time.monotonic()

    def _make_scanners(self, library_ids: dict[str, int]) -> list[LibraryScanner]:
        roots = roots_of(self._config, library_ids)
        return [
            self._make_scanner(library, roots[library_ids[library.name]], stat_names_of(roots))
            for library in self._config.libraries
        ]

    def _make_scanner(self, library: Library, root: Root, stat_names: StatNames) -> LibraryScanner:
        """Build a library's scanner. One that was not asked for scans only files that still had work to be done."""
        hints = DirtyDirectories()
        return LibraryScanner(
            library=library,
            folder_scanner=make_folder_scanner(
                library,
                root.place.library_id,
                first_stage=self._stages[0],
                with_full_hash=self._config.hash.full,
                stat_names=stat_names,
                now_ms=now_ms,
                on_evicted=self._rescan_all,
                rescan_directory=self._rescan_directory,
            ),
            root=root,
            hints=hints,
            rescans=RequestedScan(hints, self._wanted.get(library.name, ())),
            should_stop=self._is_over,
        )

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
                rescan_directory=self._rescan_directory,
                next_look_s=NEXT_LOOK_S,
            )
            workers = Workers(runner, self._stopping, self._fail, lane_threads(), Heartbeats())
            try:
                takes_long = threading.Timer(LISTING_S, workers.start)
                takes_long.start()
                try:
                    self._list_all()
                finally:
                    takes_long.cancel()
                    takes_long.join()
                workers.start()
                self._work_off(workers, show)
                self._check_roots()
            finally:
                self._stopping.set()
                tools.interrupt()
                workers.join()
        if self._failure is not None:
            raise self._failure
        return self._summary()

    def _list_all(self) -> None:
        """Scan all that was asked for. The work on the files begins after that, or after LISTING_S."""
        self._tick()
        while self._is_behind() and not self._is_over() and time.monotonic() < self._started + LISTING_S:
            self._tick()

    def _tick(self) -> None:
        for scanner in self._scanners:
            if self._is_over():
                return
            with suppress(Interrupted):
                scanner.tick(time.monotonic())
            self._note_offline(scanner)

    def _is_behind(self) -> bool:
        return any(scanner.is_behind for scanner in self._scanners)

    def _note_offline(self, scanner: LibraryScanner) -> None:
        """Note for the summary whether the library, if it was asked for, could be scanned at last."""
        if scanner.is_online:
            self._offline.pop(scanner.library.name, None)
        elif scanner.library.name in self._wanted and scanner.state is not None:
            self._offline[scanner.library.name] = scanner.state.reason or scanner.state.state

    def _check_roots(self) -> None:
        """Record the libraries' states once more. One that came back only now was not scanned, and stays offline."""
        for scanner in self._scanners:
            if not scanner.check_root():
                self._note_offline(scanner)

    def _work_off(self, workers: Workers, show: Show | None) -> None:
        """Tick until nothing settles and nothing is queued, or until our patience with what settles is used up."""
        quiet_s = max((library.quiet_s for library in self._config.libraries), default=0.0)
        last_work, next_show = time.monotonic(), 0.0
        while not self._is_over():
            self._tick()
            tell_left_out()
            online = [scanner.folder_scanner for scanner in self._scanners if scanner.is_online]
            settling = sum(len(folder_scanner.new_files.settling) for folder_scanner in online)
            must_confirm = any(folder_scanner.missing_files.next_due() is not None for folder_scanner in online)
            if show is not None and time.monotonic() >= next_show:
                began = time.monotonic()
                show(self._progress(settling))
                next_show = time.monotonic() + max(SHOW_S, SHOW_SHARE * (time.monotonic() - began))
            if self._has_work():
                last_work = time.monotonic()
            elif not (settling or must_confirm or self._is_behind()) or time.monotonic() - last_work > (
                PATIENCE * quiet_s + (CONFIRMING_S if must_confirm else 1)
            ):
                return
            self._rest(workers)

    def _rest(self, workers: Workers) -> None:
        """Wait a moment; longer while the workers are busy, which need the processor more."""
        busy_until = time.monotonic() + BUSY_TICK_S
        while time.monotonic() < busy_until and not self._is_over():
            if workers.wait_until_idle(TICK_S):
                break
        time.sleep(TICK_S)

    def _has_work(self) -> bool:
        """Return whether there are jobs whose file does not settle. Those others are waited for anyway."""
        idle = len(self._changed.intersection(self._unsettled())) if self._changed else 0
        with reading():
            return queue.live_count(now_ms() + SOON_MS, most=idle + 1) > idle

    def _progress(self, settling: int) -> Progress:
        return Progress(
            settling=settling,
            left=overview.left_by_stage(),
            bytes_hashed=self._counters.bytes_hashed,
            estimate=self._progress_estimator.estimate(overview.work_left()),
        )

    def _rescan_directory(self, absolute_path: str) -> None:
        """Have a file's folder scanned: the file was missing or changed when its job ran. For any thread."""
        self._changed.add(absolute_path)
        for scanner in self._scanners:
            scanner.rescan_directory_of(absolute_path)

    def _rescan_all(self) -> Callable[[], bool]:
        """Have all libraries scanned for a file that was replaced by another; return whether that was done.

        The replaced file may have been moved to a folder that this scan has left behind.
        """
        requests = [(scanner, scanner.rescan_all(at=time.monotonic())) for scanner in self._scanners]
        return lambda: all(scanner.has_rescanned_all(number) for scanner, number in requests)

    def _summary(self) -> Summary:
        with reading():
            put_off = queue.put_off(now_ms() + SOON_MS)
        return Summary(
            seconds=time.monotonic() - self._started,
            bytes_hashed=self._counters.bytes_hashed,
            unsettled=(*self._unsettled(), *put_off),
            asked_for=tuple(self._wanted),
            offline=self._offline,
            doubts={
                scanner.library.name: scanner.state.reason
                for scanner in self._scanners
                if scanner.is_online and scanner.state and scanner.state.reason and scanner.library.name in self._wanted
            },
            unreadable={
                os.path.join(scanner.library.path, relative): folder.message
                for scanner in self._scanners
                for relative, folder in scanner.unreadable.items()
            },
            was_interrupted=self._interruption.is_set(),
            counts=overview.counts(),
        )

    def _unsettled(self) -> list[str]:
        return [
            os.path.join(scanner.library.path, wait.key)
            for scanner in self._scanners
            for wait in scanner.folder_scanner.new_files.settling.waiting()
        ]

    def _is_over(self) -> bool:
        return self._interruption.is_set() or self._stopping.is_set()

    def _pause(self, seconds: float) -> None:
        self._stopping.wait(seconds)

    def _fail(self, error: CatalogError) -> None:
        self._failure = self._failure or error
        self._stopping.set()
