"""The thread that verifies known files in the background, with `[verify] period_d`.

It gives way to all other work within a second, also in the middle of a file, and so to the other reader of a disk with
moving heads. If that work takes longer, it closes the file, which would keep a disk from being unmounted, and begins it
again later.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from reeld.config import VerifySettings, hours_of
from reeld.domain.records import FileRecord
from reeld.errors import CatalogCorrupt, CatalogError
from reeld.log import get_logger
from reeld.pipeline.disk_health import DiskHealth
from reeld.pipeline.retry import CATALOG_DELAY_S
from reeld.pipeline.runner import Runner
from reeld.pipeline.throttle import RateLimit, TimeWindow
from reeld.pipeline.verify import Verifier
from reeld.pipeline.verify_due import BUSY_PAUSE_S, DueFiles
from reeld.service.heartbeat import Heartbeats
from reeld.service.stage_context import MIB, now_ms
from reeld.watch.completeness import CompletenessChecks

log = get_logger()

NAME = "verify"

DAY_MS = 86_400_000

# How often a reading looks for other work.
LOOK_S = 1.0

# How long a file stays open while other work goes on.
LONGEST_WAIT_S = 30.0


class VerifyThread:
    """Verifies files from `start` on, until `stopping`."""

    def __init__(
        self,
        settings: VerifySettings,
        runner: Runner,
        stopping: threading.Event,
        on_fatal: Callable[[CatalogError], None],
        heartbeats: Heartbeats,
        disk_health: DiskHealth,
        on_bytes_read: Callable[[int], None],
    ) -> None:
        self._runner = runner
        self._stopping = stopping
        self._on_fatal = on_fatal
        self._heartbeats = heartbeats
        self._looked_at = 0.0
        self._gives_way = False
        self._pace = RateLimit(bytes_per_s=settings.max_mib_per_s * MIB, pause=self._wait)
        self._has_pace = settings.max_mib_per_s > 0
        checks = CompletenessChecks()
        self.verifier = Verifier(
            should_stop=lambda: self._gives_way or stopping.is_set(),
            has_writer=lambda path: checks.ask(path).writer == "some",
            on_bytes_read=on_bytes_read,
            limit_rate=self._limit_rate,
        )
        self._due = DueFiles(
            verifier=self.verifier,
            period_ms=round(settings.period_d * DAY_MS),
            is_idle=self._is_idle,
            now_ms=now_ms,
            hours=TimeWindow(*hours_of(settings.hours)),
            disk_health=disk_health,
            at_disk=self._at_disk,
        )

    def start(self) -> None:
        threading.Thread(target=self._run, name=NAME).start()

    def _run(self) -> None:
        with self._heartbeats.of_this_thread() as heartbeat:
            while not self._stopping.is_set():
                heartbeat.beat()
                pause_s = self._step()
                if pause_s:
                    heartbeat.rest(within_s=pause_s)
                    self._stopping.wait(pause_s)

    def _step(self) -> float:
        """Verify a file; return how long to wait. No error but a damaged catalogue ends this thread."""
        self._gives_way = False
        try:
            return self._due.step()
        except CatalogCorrupt as err:
            self._on_fatal(err)
        except CatalogError as err:
            log.warning("catalog.failed", reason=err.with_hint, retry_s=CATALOG_DELAY_S)
            return CATALOG_DELAY_S
        except Exception as err:  # as in the runner: no file ends the daemon
            log.error("verify.crashed", exc_info=err)  # noqa: TRY400 - Logger has no `exception`
        return BUSY_PAUSE_S

    @contextmanager
    def _at_disk(self, record: FileRecord) -> Iterator[None]:
        heartbeat = self._heartbeats.mine()
        heartbeat.at_disk(record.library_path, record.path)
        try:
            yield
        finally:
            heartbeat.beat()

    def _is_idle(self) -> bool:
        # Else a disk would be blamed in the middle of a file, when it is the catalogue that keeps this thread waiting.
        with self._heartbeats.mine().away(0.0):
            return self._runner.is_idle()

    def _limit_rate(self, read_bytes: int) -> None:
        if self._has_pace:
            self._pace.keep(read_bytes)
        if time.monotonic() - self._looked_at >= LOOK_S:
            self._let_others_go_first()
            self._looked_at = time.monotonic()

    def _let_others_go_first(self) -> None:
        """Wait while there is other work; if that takes long, have the file closed. Raises CatalogError."""
        began = time.monotonic()
        while not self._is_idle() and not self._stopping.is_set():
            if time.monotonic() - began >= LONGEST_WAIT_S:
                self._gives_way = True
                return
            self._wait(LOOK_S)

    def _wait(self, seconds: float) -> None:
        with self._heartbeats.mine().away(seconds):
            self._stopping.wait(seconds)
