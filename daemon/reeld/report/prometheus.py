"""Exports metrics in Prometheus' format, at a local port or as a file for node_exporter.

A thread reads the catalogue from time to time, and the port serves the last figures. Nothing here may harm the daemon:
a failure (the port is in use, the folder is gone, the catalogue is busy) is logged once and tried again. Only this
module imports prometheus_client. The daemon imports this module only if metrics are configured.
"""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector

from reeld.catalog import overview
from reeld.config import MetricsSettings
from reeld.domain.files import readable
from reeld.domain.states import JobState
from reeld.errors import CatalogError
from reeld.log import get_logger
from reeld.report.counters import Counters, Spent
from reeld.report.metrics_port import MetricsPort

log = get_logger()

HOST = "127.0.0.1"
FILE = "reeld.prom"
READABLE = 0o644
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

# How long the shutdown waits for a scrape under way.
LONGEST_END_S = 2.0

Row = dict[str, Any]


class Metrics(Collector):
    """The metrics, exported from `start` to `stop`. `libraries` returns the figures of each watcher."""

    def __init__(
        self, settings: MetricsSettings, counters: Counters, database_path: str, libraries: Callable[[], Sequence[Row]]
    ) -> None:
        self._settings = settings
        self._counters = counters
        self._database_path = database_path
        self._libraries = libraries
        self._registry = CollectorRegistry(auto_describe=False)
        self._counts: Row | None = None
        self._queue: Sequence[overview.Queued] = ()
        self._stopping = threading.Event()
        self._server: MetricsPort | None = None
        self._failing: set[str] = set()
        # A disk that does not answer must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="metrics", daemon=True)

    def start(self) -> None:
        self._registry.register(self)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(LONGEST_END_S)

    # --- the thread --------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._attempt("catalogue", self._read)
                if self._settings.port and self._server is None:
                    self._attempt("port", self._listen)
                if self._settings.textfile_directory:
                    self._attempt("file", self._write)
                self._stopping.wait(self._settings.period_s)
        finally:
            if self._server is not None:
                self._server.close()

    def _attempt(self, about: str, do: Callable[[], None]) -> None:
        """Run `do`, and log a failure once while it lasts. A failure costs only a point in the curves."""
        try:
            do()
        except Exception as err:  # noqa: BLE001 - a curve is worth no crash
            if about not in self._failing:
                log.warning("metrics.failed", about=about, reason=_reason(err))
            self._failing.add(about)
        else:
            self._failing.discard(about)

    def _read(self) -> None:
        self._counts, self._queue = overview.counts(), overview.queued()

    def _listen(self) -> None:
        self._server = MetricsPort((HOST, self._settings.port), CONTENT_TYPE, self._page)
        threading.Thread(target=self._server.run, name="metrics port", daemon=True).start()

    def _page(self) -> bytes:
        return generate_latest(self._registry)

    def _write(self) -> None:
        """Replace the file as a whole. Everyone may read it, as node_exporter runs as another user."""
        path = os.path.join(self._settings.textfile_directory, FILE)
        draft = f"{path}.new"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(draft)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, READABLE)
        with open(descriptor, "wb") as file:
            os.fchmod(descriptor, READABLE)  # under any umask
            file.write(self._page())
        os.replace(draft, path)

    # --- the figures -------------------------------------------------------------------------------------

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics. Any thread may call this, so it waits for no disk and no lock."""
        yield from self._of_catalog()
        yield from self._of_work()
        yield from self._of_libraries()
        yield from self._of_files()

    def _of_catalog(self) -> Iterator[Metric]:
        counts = self._counts
        if counts is None:
            return
        yield _gauge("reeld_files", "Video files that the catalogue knows.", "state", counts["files"])
        yield _gauge("reeld_verdicts", "Present video files.", "verdict", counts["verdicts"])
        yield GaugeMetricFamily("reeld_pending", "Files that wait for your review.", counts["verdicts"]["pending"])
        yield GaugeMetricFamily("reeld_in_doubt", "Files whose bytes may not be those of the hash.", counts["in_doubt"])
        yield GaugeMetricFamily("reeld_changing", "Files that change while they are read.", counts["changing"])
        works = {name: counts[name] for name in ("movies", "series", "episodes")}
        yield _gauge("reeld_works", "Works that have a file.", "kind", works)
        jobs = GaugeMetricFamily("reeld_jobs", "Files that still need this stage.", labels=("stage", "state"))
        age = GaugeMetricFamily(
            "reeld_oldest_job_seconds", "How long the oldest of them has waited.", labels=("stage",)
        )
        oldest: dict[str, float] = {}
        for queued in self._queue:
            jobs.add_metric((queued.stage, queued.state), queued.count)
            if queued.state in (JobState.WAITING, JobState.RUNNING):
                oldest[queued.stage] = max(oldest.get(queued.stage, 0.0), time.time() - queued.oldest_s)
        for stage, seconds in oldest.items():
            age.add_metric((stage,), max(0.0, seconds))
        yield from (jobs, age)

    def _of_work(self) -> Iterator[Metric]:
        yield _summary("reeld_stage_seconds", "Stages of files that ran.", "stage", self._counters.stages())
        yield _counter("reeld_errors", "Stages that failed.", "kind", self._counters.errors())
        yield CounterMetricFamily("reeld_hashed_bytes", "Bytes read for full hashes.", self._counters.bytes_hashed)

    def _of_libraries(self) -> Iterator[Metric]:
        watched = {row["name"]: row for row in self._libraries()}
        yield _summary("reeld_reconcile_seconds", "Scans of libraries.", "library", self._counters.scans())
        for name, help_text in (
            ("events", "Events of the kernel."),
            ("overflows", "Times that events were lost."),
            ("rebuilds", "Times that an observer was replaced."),
        ):
            yield _counter(f"reeld_{name}", help_text, "library", {one: it[name] for one, it in watched.items()})
        degraded = {one: int(it["is_degraded"]) for one, it in watched.items()}
        yield _gauge("reeld_degraded", "1 where file events are unreliable.", "library", degraded)

    def _of_files(self) -> Iterator[Metric]:
        for name, suffix, what in (("database", "", "the catalogue"), ("wal", "-wal", "its write-ahead log")):
            try:
                size_bytes = os.path.getsize(self._database_path + suffix)
            except OSError:
                continue
            yield GaugeMetricFamily(f"reeld_{name}_bytes", f"Size of {what}.", size_bytes)


def _gauge(name: str, help_text: str, label: str, values: dict[str, int]) -> Metric:
    family = GaugeMetricFamily(name, help_text, labels=(label,))
    for key, value in values.items():
        family.add_metric((readable(key),), value)
    return family


def _counter(name: str, help_text: str, label: str, values: dict[str, int]) -> Metric:
    family = CounterMetricFamily(name, help_text, labels=(label,))
    for key, value in values.items():
        family.add_metric((readable(key),), value)
    return family


def _summary(name: str, help_text: str, label: str, values: dict[str, Spent]) -> Metric:
    family = SummaryMetricFamily(name, help_text, labels=(label,))
    for key, spent in values.items():
        family.add_metric((readable(key),), count_value=spent.count, sum_value=spent.seconds)
    return family


def _reason(err: Exception) -> str:
    if isinstance(err, CatalogError):
        return str(err)
    if isinstance(err, PermissionError):
        return f"{err}; give the user that runs reeld the right to write there, then restart reeld"
    return f"{err!r}; see [metrics] in the configuration"
