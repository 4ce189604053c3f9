"""Runs the daemon, from `reeld run` to the shutdown, in the order of its start."""

import os
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from reeld.catalog import copies, disagreements, queue, video_files
from reeld.catalog.libraries import of_another_kind, sync_libraries
from reeld.config import Config, Library, document_of, hours_of
from reeld.database.connection import close_catalog, is_disk_full, open_catalog, protect_catalog, reading, writing
from reeld.database.file_access import let_read
from reeld.database.maintenance import Maintenance
from reeld.database.sqlite_errors import driver_trouble
from reeld.domain.status import RunningStatus
from reeld.errors import (
    BackupFailed,
    CatalogBusy,
    CatalogCorrupt,
    CatalogError,
    CatalogFull,
    CatalogGone,
    CatalogUnavailable,
    ReeldError,
)
from reeld.log import get_logger, load_structlog
from reeld.pipeline.backfill import enqueue_backfill, enqueue_doubts
from reeld.pipeline.context import StageContext
from reeld.pipeline.disk_health import DiskHealth
from reeld.pipeline.retry import CATALOG_DELAY_S, delay_after_death_s
from reeld.pipeline.runner import Runner
from reeld.pipeline.stages import HASH, Stage, stages
from reeld.pipeline.throttle import TimeWindow
from reeld.query.search_index import fill_index
from reeld.report.counters import Counters, counted
from reeld.report.progress import ProgressEstimator
from reeld.report.sd_notify import notify, notify_reloading
from reeld.report.status_line import StatusLine
from reeld.scanner.former_places import FormerPlaces
from reeld.scanner.library_scanner import make_folder_scanner
from reeld.service.catalog_wait import CatalogWait
from reeld.service.heartbeat import Heartbeats
from reeld.service.instance_lock import InstanceLock, owned_files
from reeld.service.reload import Reloading
from reeld.service.shutdown import LONGEST_END_S, abandon, attempt, bound_the_end, join_all, leave
from reeld.service.signals import Signals
from reeld.service.stage_context import now_ms, open_stage_context, roots_of, stat_names_of
from reeld.service.supervisor import Supervisor
from reeld.service.timeouts import was_silent
from reeld.service.verify_thread import NAME as VERIFY_THREAD
from reeld.service.verify_thread import VerifyThread
from reeld.service.wakeups import Cause, Wakeups
from reeld.service.watcher import LibraryWatcher
from reeld.service.workers import LISTING_S, Workers, lane_threads

if TYPE_CHECKING:
    from reeld.report.prometheus import Metrics

log = get_logger()

# A start or reload usually takes a moment, so READY=1 should not come later.
READY_S = 0.1

# Each attempt checks the catalogue again.
LONGEST_OPENING_DELAY_S = 60.0

MAINTENANCE_S = 1.0

# The same while the catalogue is well. What happens to its files ends this sleep.
MAINTENANCE_REST_S = 60.0

# How often to look for files that may be read again: a doubt has a file read as a whole once a day.
DOUBTS_S = 600.0

# Copying and checking a backup of gigabytes takes minutes on a slow disk.
LONGEST_MAINTENANCE_S = 3600.0

OUR_THREADS = ("watch ", "names-", "light-", "heavy-", "maintenance", VERIFY_THREAD)
"""Prefixes of the names of the threads that reeld cannot work without."""


def run_daemon(config: Config, read_config: Callable[[], Config]) -> None:
    """Keep the catalogue equal to the disks until SIGTERM or SIGINT. On SIGHUP continue with `read_config()`.

    Raises CatalogError when the catalogue cannot be used, at the start or (damaged) later.
    """
    load_structlog()
    with ExitStack() as stack:
        signals = stack.enter_context(Signals())
        let_read(config.database_group)
        instance_lock = stack.enter_context(InstanceLock(config.database_path))
        try:
            library_ids = open_patiently(config, signals, instance_lock)
        except (CatalogCorrupt, CatalogGone):
            _tell_damage(config)
            raise
        if library_ids is None:
            return
        stack.callback(close_catalog)
        signals.take_over_the_end()
        reloading, counters = Reloading(config, read_config), Counters()
        daemon = Daemon(config, library_ids, signals, reloading, counters)
        while (
            daemon.run(instance_lock)
            and (taken := _take_over_again(reloading.config, signals, instance_lock)) is not None
        ):
            daemon = Daemon(reloading.config, taken, signals, reloading, counters)
    if daemon.failure is not None:
        raise daemon.failure


def _tell_damage(config: Config) -> None:
    """Say in the metrics' file that the catalogue is damaged or gone: no daemon runs that would."""
    if config.metrics.textfile_directory:
        from reeld.report.prometheus import tell_damage

        tell_damage(config.metrics)


def open_patiently(config: Config, signals: Signals, instance_lock: InstanceLock) -> dict[str, int] | None:
    """Open the catalogue. Wait while the disk is full or another program holds the lock.

    Return None if reeld is to end meanwhile.
    """
    delay_s = CATALOG_DELAY_S
    with CatalogWait(instance_lock, config, _first_status(config)) as wait:
        while True:
            try:
                return open_owned_catalog(config)
            except (BackupFailed, CatalogBusy, CatalogFull) as err:
                close_catalog()
                wait.failed(err, delay_s)
                # SIGTERM ends this wait in the kernel's own way, which is safe here.
                if signals.is_to_end(delay_s):
                    return None
                delay_s = min(2 * delay_s, LONGEST_OPENING_DELAY_S)


def _first_status(config: Config) -> RunningStatus:
    """Return what is known before the first thread runs."""
    return RunningStatus(
        started=round(time.time()),
        config_file=config.source and os.path.abspath(config.source),
        config=document_of(config),
        only_library=config.only_library,
    )


def open_owned_catalog(config: Config) -> dict[str, int]:
    """Open the catalogue as its only owner and recover its jobs. Return the library ids by name."""
    applied = open_catalog(config.database_path, create=True, backups_kept=config.backups_kept)
    if (advice := driver_trouble()) is not None:
        log.warning("catalog.driver_outdated", reason=advice)
    library_ids, recovered = _take_over(config)
    log.info("catalog.opened", path=config.database_path, migrations=applied, jobs_recovered=recovered)
    return library_ids


def _take_over(config: Config) -> tuple[dict[str, int], int]:
    """Make the libraries' rows equal to the configuration, and release jobs of a former process.

    Return the library ids by name, and the number of those jobs.
    """
    let_read(config.database_group)
    protect_catalog(config.database_path)
    with writing():
        _identify_again(of_another_kind(config.libraries))
        library_ids = sync_libraries(config.libraries, now_ms())
        recovered = queue.recover(lambda attempts: now_ms() + int(delay_after_death_s(attempts) * 1000))
        _enqueue_backfill(config)
        copies.ask_left_behind(now_ms())
        disagreements.settle(now_ms())
    return library_ids, recovered


def _take_over_again(config: Config, signals: Signals, instance_lock: InstanceLock) -> dict[str, int] | None:
    """Do the same after a reload, as soon as the catalogue is writable. Return None if reeld is to end meanwhile.

    Another reload that is requested meanwhile comes after this one.
    """
    with CatalogWait(instance_lock, config, _first_status(config)) as wait:
        while True:
            try:
                return _take_over(config)[0]
            except CatalogError as err:
                wait.failed(err, CATALOG_DELAY_S)
                if signals.is_to_end(CATALOG_DELAY_S):
                    return None


def _identify_again(library_ids: list[int]) -> None:
    """Identify the files of these libraries again, since their kind changed. The user's decisions stay."""
    for library_id in library_ids:
        for video_file_id in video_files.read_by_reeld(library_id):
            queue.read_name_again(video_file_id, now_ms())


def _enqueue_backfill(config: Config) -> None:
    """Queue known files for what they lack: the results of a new stage, or full hashes where these were switched on."""
    if not config.hash.full:
        queue.drop_stage(HASH.name)
    enqueue_backfill(stages(with_full_hash=config.hash.full), now_ms())


class Daemon:
    """The threads of a running reeld under one configuration: a watcher for each library, the workers, the caller's."""

    def __init__(
        self, config: Config, library_ids: dict[str, int], signals: Signals, reloading: Reloading, counters: Counters
    ) -> None:
        self._counters = counters
        self._progress_estimator = ProgressEstimator(counters, with_full_hash=config.hash.full)
        self._metrics: Metrics | None = None
        self.stopping = threading.Event()
        self.failure: ReeldError | None = None
        self._config = config
        self._document = document_of(config)
        self._maintenance = Maintenance(
            config.database_path, time.time(), self.stopping.is_set, backups_kept=config.backups_kept
        )
        self._ids = {library.path: library_ids[library.name] for library in config.libraries}
        self._roots = roots_of(config, library_ids)
        self._signals = signals
        self._reloading = reloading
        self._heartbeats = Heartbeats()
        self._disks = DiskHealth()
        self._former_places = FormerPlaces(
            does_answer=self._disks.is_answering,
            at_disk=lambda root, path: self._heartbeats.mine().at_other_disk(root, path),
            should_stop=self.stopping.is_set,
        )
        self._status_line = StatusLine()
        files = owned_files(config.database_path)
        # Another process that queues a job writes to the log.
        self._wakeups = Wakeups(signals.fileno(), files, [path for path in files if path.endswith("-wal")])
        self._was_woken = False
        """Whether something ended the last rest of the main thread."""
        self._maintenance_is_due = threading.Event()
        self._stages: tuple[Stage, ...] = tuple(
            counted(stage, counters) for stage in stages(with_full_hash=config.hash.full)
        )

    def run(self, instance_lock: InstanceLock) -> bool:
        """Start everything, wait, stop everything. Return whether to continue with another configuration.

        If a thread still waits for a dead disk at the end, the process exits here.
        """
        with (
            self._wakeups,
            open_stage_context(
                self._config,
                self.stopping,
                self._counters.hashed,
                heartbeats=self._heartbeats,
                former_places=self._former_places,
            ) as tools,
        ):
            self._start(tools)
            goes_on = False
            try:
                goes_on = self._stay(instance_lock)
            finally:
                abandoned = self._end(tools, is_last=not goes_on)
            if abandoned and not goes_on:
                leave(instance_lock, self.failure)
        return goes_on

    def _start(self, tools: StageContext) -> None:
        runner = Runner(
            stages=self._stages,
            tools=tools,
            now_ms=now_ms,
            pause=self._pause,
            rescan_directory=self._rescan_directory,
            disk_health=self._disks,
            hours=TimeWindow(*hours_of(self._config.hash.hours)),
        )
        self._workers = Workers(runner, self.stopping, self._fail, lane_threads(), self._heartbeats, is_supervised=True)
        self._verifying = VerifyThread(
            self._config.verify,
            runner,
            self.stopping,
            self._fail,
            self._heartbeats,
            self._disks,
            self._counters.verified,
        )
        self._watchers = self._make_watchers()
        self._supervisor = Supervisor(self._heartbeats, self._disks, self._workers, self._ids)
        self._heartbeats.on_work = self._wakeups.wake_soon
        threading.excepthook = self._crash
        self._list_until = time.monotonic() + LISTING_S
        for watcher in self._watchers:
            watcher.start()
        threading.Thread(target=self._maintain, name="maintenance").start()
        self._metrics = self._show_metrics()

    def _show_metrics(self) -> "Metrics | None":
        """Start the metrics. If they are not configured, load nothing and return None."""
        if not self._config.metrics.is_wanted:
            return None
        from reeld.report.prometheus import CatalogHealth, Metrics

        def health() -> CatalogHealth:
            return CatalogHealth(
                problem_count=len(self._maintenance.problems()),
                has_backup_failed=self._maintenance.has_backup_failed,
                is_disk_full=is_disk_full(),
                is_damaged=isinstance(self.failure, (CatalogCorrupt, CatalogGone)),
            )

        watchers = self._watchers
        metrics = Metrics(
            self._config.metrics,
            self._counters,
            self._config.database_path,
            lambda: [self._figures_of(watcher) for watcher in watchers],
            health,
        )
        metrics.start()
        return metrics

    def _figures_of(self, watcher: LibraryWatcher) -> dict[str, Any]:
        figures = watcher.figures()
        return {**figures, "is_answering": figures["has_answered"] and self._disks.is_answering(watcher.library.path)}

    def _make_watchers(self) -> list[LibraryWatcher]:
        return [
            LibraryWatcher(
                library,
                self._config.watch,
                make_folder_scanner(
                    library,
                    self._ids[library.path],
                    first_stage=self._stages[0],
                    with_full_hash=self._config.hash.full,
                    stat_names=stat_names_of(self._roots, self._disks.is_answering),
                    now_ms=now_ms,
                    on_evicted=partial(self._rescan_all, library.quiet_s / 2),
                    rescan_directory=self._rescan_directory,
                ),
                self._roots[self._ids[library.path]],
                self.stopping,
                self._fail,
                self._heartbeats,
                self._counters,
                lambda: self._wakeups.sees_mounts,
            )
            for library in self._config.libraries
        ]

    def _stay(self, instance_lock: InstanceLock) -> bool:
        """Wait until reeld is to end. Return True if it continues with another configuration."""
        is_ready, started = False, round(time.time())
        before: RunningStatus | None = None
        while not self.stopping.is_set():
            self._follow(self._wakeups.take())
            is_locked = False
            try:
                is_locked = instance_lock.keep()
                self._supervisor.check()
            except CatalogError as err:
                self._fail(err)
            was_ready, is_ready = is_ready, is_ready or self._is_watched_or_known_why_not()
            has_rested = self._rest_so_far(is_ready=is_ready and is_locked)
            status = self._status(started)
            if status != before:
                instance_lock.publish(status)
                before = status
            if is_ready and not was_ready:
                self._say_ready(status)
            elif is_ready:
                self._status_line.update(status)
            self._begin_work()
            self._wake_workers()
            self._sleep(has_rested, is_ready=is_ready)
            match self._signals.wait(0):
                case "end":
                    return False
                case "reload":
                    # In any case: a service manager may have sent the signal, and waits for the answer.
                    notify_reloading()
                    if self._reloading.has_found_another():
                        return True
                    if is_ready:
                        self._status_line.send_ready(self._status(started))
        return False

    def _follow(self, causes: set[Cause]) -> None:
        """Wake the threads that something concerns which happened outside."""
        if Cause.FILES in causes or Cause.CLOCK in causes:
            self._maintenance_is_due.set()
        if Cause.CLOCK in causes:
            self._workers.wake()  # they sleep until a moment of the wall clock
        if Cause.MOUNTS in causes:
            for watcher in self._watchers:
                watcher.mounts_changed()

    def _wake_workers(self) -> None:
        """Wake the workers if a job is due that none of them waits for: another process queued it."""
        if self._workers.have_started:
            try:
                self._workers.wake_if_due()
            except CatalogCorrupt as err:
                self._fail(err)
            except CatalogError:
                return  # the next time; other threads log the reason

    def _rest_so_far(self, *, is_ready: bool) -> Callable[[], bool]:
        """Return a function that tells whether nothing was to be supervised at any moment since this call."""
        begun = self._heartbeats.beginnings
        may_rest = is_ready and self._workers.have_started and self._wakeups.sees_files and self._supervisor.may_rest()
        return lambda: may_rest and self._heartbeats.beginnings == begun and self._supervisor.may_rest()

    def _sleep(self, has_rested: Callable[[], bool], *, is_ready: bool) -> None:
        """Sleep a second, or, where nothing is to be supervised, until something happens.

        What happens a hundred times a second, such as a clock that is set on and on, ends only one rest a second.
        """
        if self._signals.is_reload_due:
            return
        if has_rested() and not self._was_woken:
            self._was_woken = self._wakeups.rest(self._supervisor.rest_s(), has_rested)
        else:
            self._was_woken = False
            is_running = is_ready and self._workers.have_started
            self._wakeups.sleep(self._supervisor.pause_s() if is_running else READY_S)

    def _status(self, started: int) -> RunningStatus:
        """Return what `reeld status` shows in addition to the catalogue."""
        return RunningStatus(
            started=started,
            config_file=self._config.source and os.path.abspath(self._config.source),
            config=self._document,
            only_library=self._config.only_library,
            config_error=self._reloading.complaint,
            catalog_problems=self._maintenance.problems(),
            metrics_problems=self._metrics.problems() if self._metrics else (),
            libraries=tuple(
                replace(watcher.status(), trouble=self._disks.trouble(watcher.library.path))
                for watcher in self._watchers
            ),
            work=self._progress_estimator.status(),
        )

    def _begin_work(self) -> None:
        """Start the workers once every answering library is listed, or listing takes too long."""
        if self._workers.have_started:
            return
        unlisted = [each.library for each in self._watchers if not each.has_scanned.is_set()]
        is_worth_waiting = any(self._disks.is_answering(library.path) for library in unlisted)
        if not is_worth_waiting or time.monotonic() >= self._list_until:
            log.info("daemon.listed", not_listed=[library.name for library in unlisted])
            self._workers.start()
            if self._config.verify.period_d:
                self._verifying.start()

    def _late(self) -> list[Library]:
        return [watcher.library for watcher in self._watchers if not watcher.is_watched.is_set()]

    def _is_watched_or_known_why_not(self) -> bool:
        # Where reading the configuration waited in vain, no thread needs to find that out again.
        return not any(self._disks.is_answering(each.path) and not was_silent(each.path) for each in self._late())

    def _say_ready(self, status: RunningStatus) -> None:
        self._status_line.send_ready(status)
        names = [library.name for library in self._late()]
        log.info("daemon.ready", pid=os.getpid(), libraries=len(self._watchers), not_answering=names)

    def _end(self, tools: StageContext, *, is_last: bool) -> list[threading.Thread]:
        """Stop all threads. Return those that still wait for a disk."""
        self.stopping.set()
        self._maintenance_is_due.set()
        if is_last:
            attempt("bound", lambda: bound_the_end(lambda: self.failure.exit_code if self.failure else os.EX_OK))
            notify("STOPPING=1", "STATUS=finishing what is under way")
        until = time.monotonic() + LONGEST_END_S
        # A child may use minutes more, but the service manager does not wait that long.
        interrupting = threading.Thread(target=tools.interrupt, name="interrupt", daemon=True)
        interrupting.start()
        for watcher in self._watchers:
            attempt("watchers", watcher.wake)
        attempt("workers", self._workers.wake)
        if self._metrics is not None:
            attempt("metrics", self._metrics.stop)
        # Last, since writing the log may block.
        if is_last:
            log.info("daemon.stopping")
        else:
            log.info("daemon.reloading")
        # By name, because some may be left from before a reload.
        ours = [thread for thread in threading.enumerate() if thread.name.startswith(OUR_THREADS)]
        abandoned = join_all([interrupting, *ours], until, self._supervisor.found.silent_threads)
        threading.excepthook = threading.__excepthook__
        if abandoned:
            abandon(abandoned)
        if is_last:
            log.info("daemon.stopped")
        return abandoned

    def _maintain(self) -> None:
        """Run the maintenance. It has its own thread, since checking a large backup takes many seconds."""
        next_doubts = time.monotonic() + DOUBTS_S
        with self._heartbeats.of_this_thread() as heartbeat:
            while not self.stopping.is_set():
                heartbeat.beat(within_s=LONGEST_MAINTENANCE_S)
                try:
                    self._maintenance.tick(time.time())
                except CatalogError as err:
                    self._fail(err)
                if time.monotonic() >= next_doubts:
                    next_doubts = time.monotonic() + DOUBTS_S
                    self._resolve_doubts()
                self._ask_for_originals()
                is_indexed = self._fill_search_index()
                is_quiet = self._maintenance.is_quiet and is_indexed and not self._former_places.has_waiting
                pause_s = MAINTENANCE_REST_S if is_quiet and self._wakeups.sees_files else MAINTENANCE_S
                heartbeat.rest(within_s=pause_s)
                self._maintenance_is_due.wait(pause_s)
                self._maintenance_is_due.clear()

    def _resolve_doubts(self) -> None:
        """Queue the files that are still in doubt, or do so the next time if the catalogue cannot be written."""
        try:
            with writing():
                enqueue_doubts(self._stages, now_ms())
        except (CatalogBusy, CatalogFull, CatalogUnavailable) as err:
            log.warning("catalog.failed", reason=err.with_hint, retry_s=DOUBTS_S)

    def _ask_for_originals(self) -> None:
        """Queue copies of files of removed libraries: their originals may have gone meanwhile."""
        due = self._former_places.take_due()
        if not due:
            return
        try:
            with writing():
                copies.ask_left_behind(now_ms(), due)
        except (CatalogBusy, CatalogFull, CatalogUnavailable) as err:
            log.warning("catalog.failed", reason=err.with_hint)

    def _fill_search_index(self) -> bool:
        """Bring the search index up to date while no file has work to do. Return whether nothing is left."""
        try:
            return fill_index(self._has_time)
        except (CatalogBusy, CatalogFull, CatalogUnavailable) as err:
            log.warning("catalog.failed", reason=err.with_hint, retry_s=MAINTENANCE_S)
            return False

    def _has_time(self) -> bool:
        """Tell whether no file has work to do now."""
        with reading():
            return not self.stopping.is_set() and queue.live_count(now_ms(), most=1) == 0

    def _pause(self, seconds: float) -> None:
        self._heartbeats.mine().beat(within_s=seconds)
        self.stopping.wait(seconds)

    def _crash(self, crash: threading.ExceptHookArgs) -> None:
        """Handle a thread that died of a bug. If it is one of ours, end, so that reeld is restarted.

        The library's watcher takes care of watchdog's own threads.
        """
        name = crash.thread.name if crash.thread else "?"
        if name.startswith(OUR_THREADS):
            self._fail(ReeldError(f"a bug in reeld ended its thread {name!r}", "report it with the log"))
        for watcher in self._watchers:
            watcher.wake()  # it may have been one of its observer
        log.error("thread.crashed", thread=name, exc_info=crash.exc_value)

    def _fail(self, error: ReeldError) -> None:
        """Stop the daemon with this error, since going on could do harm."""
        is_first = self.failure is None
        if is_first:
            self.failure = error
        self.stopping.set()
        self._wakeups.wake()
        if is_first:
            log.error("daemon.failed", reason=error.with_hint)

    def _rescan_all(self, within_s: float) -> Callable[[], bool]:
        """Request a scan of all libraries. The result tells whether all that answer were scanned."""
        asked = [(watcher, watcher.rescan_all(within_s)) for watcher in self._watchers]
        return lambda: all(
            watcher.scanner.has_rescanned_all(number) or not self._disks.is_answering(watcher.library.path)
            for watcher, number in asked
        )

    def _rescan_directory(self, absolute_path: str) -> None:
        for watcher in self._watchers:
            watcher.scanner.rescan_directory_of(absolute_path)
