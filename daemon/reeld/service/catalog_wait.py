"""Tells the service manager, `reeld status` and Prometheus that the daemon waits for its catalogue.

A full disk may last for days. So a start counts as complete while the daemon waits, and the boot goes on. The reason
stands in the status line, and the metrics say that the disk is full.
"""

import os
import threading
import time
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Self

from reeld.config import Config
from reeld.domain.status import RunningStatus
from reeld.errors import BackupFailed, CatalogFull, ReeldError
from reeld.log import get_logger
from reeld.report.counters import Counters
from reeld.report.sd_notify import notify, watchdog_interval_s
from reeld.service.instance_lock import InstanceLock

if TYPE_CHECKING:
    # It loads much, and metrics are off by default.
    from reeld.report.prometheus import Metrics

log = get_logger()

# Checking a catalogue of gigabytes, or copying it before an upgrade, takes minutes on a slow disk.
LONGEST_ATTEMPT_S = 3600.0


class CatalogWait:
    """Says what the main thread waits for, and sends the watchdog what it expects meanwhile."""

    def __init__(self, instance_lock: InstanceLock, config: Config, status: RunningStatus) -> None:
        self._instance_lock = instance_lock
        self._config = config
        self._status = status
        self._error: ReeldError | None = None
        self._metrics: Metrics | None = None
        self._ended = threading.Event()
        self._beating: threading.Thread | None = None
        self._until = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._metrics is not None:
            self._metrics.stop()
        if self._beating is not None:
            self._beating.join()

    def failed(self, error: ReeldError, retry_s: float) -> None:
        """Say why the last attempt failed. The next one may take LONGEST_ATTEMPT_S."""
        log.warning("catalog.failed", reason=error.with_hint, retry_s=retry_s)
        self._error, self._until = error, time.monotonic() + retry_s + LONGEST_ATTEMPT_S
        notify("READY=1", f"STATUS=waiting: {error.with_hint}")
        if self._metrics is None and self._config.metrics.is_wanted:
            self._metrics = self._show_metrics()
        self._instance_lock.publish(
            replace(
                self._status,
                catalog_problems=(error.with_hint,),
                metrics_problems=self._metrics.problems() if self._metrics else (),
            )
        )
        if self._beating is None and (interval_s := watchdog_interval_s(os.environ)) is not None:
            self._beating = threading.Thread(target=self._beat, args=(interval_s,), name="wait", daemon=True)
            self._beating.start()

    def _show_metrics(self) -> "Metrics":
        from reeld.report.prometheus import CatalogHealth, Metrics

        def health() -> CatalogHealth:
            return CatalogHealth(
                problem_count=1,
                has_backup_failed=isinstance(self._error, BackupFailed),
                is_disk_full=isinstance(self._error, CatalogFull),
            )

        metrics = Metrics(
            self._config.metrics, Counters(), self._config.database_path, list, health, is_catalog_open=False
        )
        metrics.start()
        return metrics

    def _beat(self, interval_s: float) -> None:
        while time.monotonic() < self._until:
            notify("WATCHDOG=1")
            if self._ended.wait(interval_s):
                return
