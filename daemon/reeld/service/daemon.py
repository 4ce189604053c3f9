"""What runs from `reeld run` until somebody ends it? This is the whole of it, in the order of its start."""

import os
import signal
import threading
import time
from contextlib import ExitStack
from types import FrameType
from typing import Any

from reeld.catalog import files, queue
from reeld.catalog.database import close_catalog, open_catalog, writing
from reeld.catalog.libraries import sync_libraries
from reeld.config import Config
from reeld.errors import ReeldError
from reeld.log import get_logger
from reeld.pipeline.policy import delay_after_death_s
from reeld.pipeline.runner import Runner
from reeld.pipeline.stages import Stage, stages
from reeld.pipeline.tools import Tools
from reeld.service.notify import notify
from reeld.service.presence import Presence
from reeld.service.watcher import LibraryWatcher, make_intake
from reeld.service.workers import Workers, lane_threads
from reeld.service.workplace import absence, now_ms, open_tools

log = get_logger()

STATUS_S = 1.0

OUR_THREADS = ("watch ", "light-", "heavy-")
"""What the names of watchers' and workers' threads begin with."""


def run_daemon(config: Config) -> None:
    """Keep the catalogue equal to the disks until SIGTERM or SIGINT.

    Raises CatalogError when the catalogue cannot be used, at the start or (damaged) later.
    """
    with ExitStack() as stack:
        presence = stack.enter_context(Presence(config.database_path))
        library_ids = open_owned_catalog(config)
        stack.callback(close_catalog)
        daemon = Daemon(config, library_ids)
        with ending_on_signals(daemon.stopping):
            tools = stack.enter_context(open_tools(config, daemon.stopping))
            daemon.run(tools, presence)
    if daemon.failure is not None:
        raise daemon.failure


def open_owned_catalog(config: Config) -> dict[str, int]:
    """Open the catalogue as its one owner and pick up what the last owner left; library ids by name."""
    applied = open_catalog(config.database_path, create=True)
    with writing():
        library_ids = sync_libraries(config.libraries)
        recovered = queue.recover(lambda attempts: now_ms() + int(delay_after_death_s(attempts) * 1000))
        _enqueue_unhashed(config)
    log.info("catalog.opened", path=config.database_path, migrations=applied, jobs_recovered=recovered)
    return library_ids


def _enqueue_unhashed(config: Config) -> None:
    """The full hash was switched on since: files that lack it get it now, those that wait for it no more."""
    stage = stages()[-1]
    if config.hash.full:
        for video_file_id in files.without_full_hash():
            queue.enqueue(video_file_id, stage=stage.name, lane=stage.lane, now_ms=now_ms())
    else:
        queue.drop_stage(stage.name)


class ending_on_signals:  # noqa: N801 - a context manager that reads as a phrase
    """SIGTERM and SIGINT set the event; the handlers of before come back at the end."""

    def __init__(self, stopping: threading.Event) -> None:
        self._stopping = stopping
        self._before: dict[int, Any] = {}

    def __enter__(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            self._before[number] = signal.signal(number, self._end)

    def __exit__(self, *_exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping.set()


class Daemon:
    """The threads of a running reeld: one watcher for each library, the workers, and the caller's."""

    def __init__(self, config: Config, library_ids: dict[str, int]) -> None:
        self.stopping = threading.Event()
        self.failure: ReeldError | None = None
        self._config = config
        self._library_ids = library_ids
        self._stages: tuple[Stage, ...] = tuple(stages(with_full_hash=config.hash.full))

    def run(self, tools: Tools, presence: Presence) -> None:
        """Start everything, wait for the end, stop everything."""
        runner = Runner(stages=self._stages, tools=tools, now_ms=now_ms, pause=self._pause, look_again=self._look_again)
        workers = Workers(runner, self.stopping, self._fail, lane_threads())
        self._watchers = self._make_watchers(workers)
        threading.excepthook = self._crash
        for watcher in self._watchers:
            watcher.start()
        workers.start()
        try:
            self._be_ready()
            self._stay(presence)
        finally:
            self.stopping.set()
            notify("STOPPING=1", "STATUS=finishing what is under way")
            log.info("daemon.stopping")
            tools.interrupt()  # a child may have minutes left of its time, and the service manager has not
            for watcher in self._watchers:
                watcher.join()
            workers.join()
            threading.excepthook = threading.__excepthook__
            log.info("daemon.stopped")

    def _make_watchers(self, workers: Workers) -> list[LibraryWatcher]:
        roots = {self._library_ids[library.name]: library.path for library in self._config.libraries}
        return [
            LibraryWatcher(
                library,
                make_intake(
                    library,
                    self._library_ids[library.name],
                    first_stage=self._stages[0],
                    with_full_hash=self._config.hash.full,
                    is_absent=absence(roots),
                    on_enqueued=workers.wake,
                ),
                self.stopping,
                self._fail,
            )
            for library in self._config.libraries
        ]

    def _be_ready(self) -> None:
        """Say so once every library is watched, or it is known why it is not."""
        for watcher in self._watchers:
            while not watcher.is_settled_in.wait(STATUS_S) and not self.stopping.is_set():
                pass
        if not self.stopping.is_set():
            notify("READY=1", f"STATUS=libraries watched: {len(self._watchers)}")
            log.info("daemon.ready", pid=os.getpid(), libraries=len(self._watchers))

    def _stay(self, presence: Presence) -> None:
        started, before = round(time.time()), None
        while not self.stopping.is_set():
            status = {"started": started, "libraries": [watcher.status() for watcher in self._watchers]}
            if status != before:
                presence.tell(status)
                before = status
            self.stopping.wait(STATUS_S)

    def _pause(self, seconds: float) -> None:
        self.stopping.wait(seconds)

    def _crash(self, crash: threading.ExceptHookArgs) -> None:
        """A thread died of a bug. Without one of ours reeld would go on half-blind: rather end, and be restarted.

        watchdog's own threads are looked after by their library's watcher.
        """
        name = crash.thread.name if crash.thread else "?"
        log.error("thread.crashed", thread=name, exc_info=crash.exc_value)
        if name.startswith(OUR_THREADS):
            self._fail(ReeldError(f"an error in reeld itself ended its thread {name!r}; please report it with the log"))

    def _fail(self, error: ReeldError) -> None:
        """Going on could only make it worse."""
        if self.failure is None:
            self.failure = error
            log.error("daemon.failed", reason=str(error))
        self.stopping.set()

    def _look_again(self, absolute_path: str) -> None:
        for watcher in self._watchers:
            if absolute_path.startswith(watcher.library.path.rstrip("/") + "/"):
                watcher.look_at(absolute_path)
