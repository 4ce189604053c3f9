"""Tells the service manager, and `reeld status`, that the daemon waits for its catalogue.

A full disk may last for days. So a start counts as complete while the daemon waits, and the boot goes on. The reason
stands in the status line.
"""

import os
import threading
import time
from dataclasses import replace
from types import TracebackType
from typing import Self

from reeld.domain.status import RunningStatus
from reeld.errors import ReeldError
from reeld.log import get_logger
from reeld.report.sd_notify import notify, watchdog_interval_s
from reeld.service.instance_lock import InstanceLock

log = get_logger()

# Checking a catalogue of gigabytes, or copying it before an upgrade, takes minutes on a slow disk.
LONGEST_ATTEMPT_S = 3600.0


class CatalogWait:
    """Says what the main thread waits for, and sends the watchdog what it expects meanwhile."""

    def __init__(self, instance_lock: InstanceLock, status: RunningStatus) -> None:
        self._instance_lock = instance_lock
        self._status = status
        self._ended = threading.Event()
        self._beating: threading.Thread | None = None
        self._until = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._beating is not None:
            self._beating.join()

    def failed(self, error: ReeldError, retry_s: float) -> None:
        """Say why the last attempt failed. The next one may take LONGEST_ATTEMPT_S."""
        log.warning("catalog.failed", reason=error.with_hint, retry_s=retry_s)
        self._until = time.monotonic() + retry_s + LONGEST_ATTEMPT_S
        notify("READY=1", f"STATUS=waiting: {error.with_hint}")
        self._instance_lock.publish(replace(self._status, catalog_problems=(error.with_hint,)))
        if self._beating is None and (interval_s := watchdog_interval_s(os.environ)) is not None:
            self._beating = threading.Thread(target=self._beat, args=(interval_s,), name="wait", daemon=True)
            self._beating.start()

    def _beat(self, interval_s: float) -> None:
        while time.monotonic() < self._until:
            notify("WATCHDOG=1")
            if self._ended.wait(interval_s):
                return
