"""Checks all threads on the main thread: every second while one of them works.

The jobs of a library whose disk does not answer are paused until it does. Substitutes do the work of threads that wait
for it. A thread that hangs elsewhere is a bug. Then the watchdog gets no more messages, so systemd restarts reeld.
"""

import os
import time
from collections.abc import Mapping

from reeld.catalog import queue
from reeld.database.connection import reading, writing
from reeld.errors import CatalogCorrupt, CatalogError
from reeld.log import get_logger, is_to_tell_left_out, tell_left_out
from reeld.pipeline.disk_health import DiskHealth
from reeld.report.sd_notify import notify, watchdog_interval_s
from reeld.service.heartbeat import Findings, Heartbeats
from reeld.service.shutdown import position
from reeld.service.workers import Workers

log = get_logger()

STATUS_S = 1.0
"""How long the main thread waits between two checks."""

REST_S = 60.0
"""The same while every thread sleeps. A thread that begins to work wakes the main thread; this is the net below."""


class Supervisor:
    """For the main thread alone."""

    def __init__(
        self, heartbeats: Heartbeats, disk_health: DiskHealth, workers: Workers, library_ids: Mapping[str, int]
    ) -> None:
        self._heartbeats = heartbeats
        self._disks = disk_health
        self._workers = workers
        self._library_ids = library_ids
        self._found = Findings()
        self._troubles: dict[str, str] = {}
        self._watchdog_s = watchdog_interval_s(os.environ)
        self._next_beat = 0.0

    def may_rest(self) -> bool:
        """Return whether there is nothing to supervise: all threads sleep, all disks answer, all is told."""
        is_well = not (self._found.stalls or self._found.silent or self._found.stuck)
        return is_well and self._disks.is_calm and not is_to_tell_left_out() and self._heartbeats.are_at_rest()

    def pause_s(self) -> float:
        """Return how long to wait until the next check while threads work."""
        return STATUS_S if self._watchdog_s is None else min(STATUS_S, self._watchdog_s / 2)

    @property
    def found(self) -> Findings:
        """What the last check found."""
        return self._found

    def rest_s(self) -> float:
        """Return the same while `may_rest`: systemd's watchdog must not wait."""
        return REST_S if self._watchdog_s is None else max(0.0, min(REST_S, self._next_beat - time.monotonic()))

    def check(self) -> None:
        """Check all threads. Raises CatalogCorrupt. Any other catalogue error is tried again at the next check."""
        before, self._found = self._found, self._heartbeats.check()
        self._disks.do_not_answer({stall.root: stall.what for stall in self._found.stalls}, self._found.silent)
        self._workers.relieve([stall.thread for stall in self._found.stalls])
        self._report_troubles()
        for thread in set(self._found.stuck) - set(before.stuck):
            log.error("thread.stuck", thread=thread, where=position(thread))
        self._wake_who_rested()
        self._beat()
        tell_left_out()

    def _report_troubles(self) -> None:
        now = {root: trouble for root in self._library_ids if (trouble := self._disks.trouble(root)) is not None}
        for root in now.keys() - self._troubles.keys():
            threads = {stall.thread: position(stall.thread) for stall in self._found.stalls if stall.root == root}
            log.warning("disk.failed", path=root, reason=now[root], threads=threads)
        for root in self._troubles.keys() - now.keys():
            log.info("disk.recovered", path=root)
        self._troubles = now

    def _wake_who_rested(self) -> None:
        for root in self._disks.may_resume():
            self._disks.mark_resumed(root)  # first: a worker that must still let it rest says so again
            if root not in self._library_ids:
                continue  # not configured any more
            try:
                with writing():
                    queue.resume_jobs(self._library_ids[root])
            except CatalogCorrupt:
                raise
            except CatalogError as err:
                self._disks.mark_paused(root)
                log.warning("catalog.failed", reason=err.with_hint, retry_s=STATUS_S)

    def _beat(self) -> None:
        """Notify the watchdog that all threads are alive. Without this systemd restarts reeld."""
        if self._watchdog_s is None or self._found.stuck or time.monotonic() < self._next_beat:
            return
        with reading():  # where a thread that holds the catalogue hangs, so do we
            pass
        notify("WATCHDOG=1")
        self._next_beat = time.monotonic() + self._watchdog_s
