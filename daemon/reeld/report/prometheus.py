"""Exports metrics in Prometheus' format, at a local port or as a file for node_exporter.

A thread reads the catalogue from time to time, and the port serves the last figures. Nothing here may harm the daemon:
a failure (the port is in use, the folder is gone, the catalogue is busy) is logged once and tried again. Only this
module imports prometheus_client. The daemon imports this module only if metrics are configured.
"""

import contextlib
import errno
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector

from reeld import __version__
from reeld.catalog import overview, verification
from reeld.config import MetricsSettings
from reeld.content.readings import READINGS
from reeld.database.backup import backup_space_trouble, listing_trouble, newest_of
from reeld.database.migrate import latest_version
from reeld.database.sqlite_errors import free_bytes, space_trouble
from reeld.domain.files import readable
from reeld.domain.states import JobState, LibraryState
from reeld.errors import CatalogError
from reeld.log import get_logger
from reeld.report.counters import Counters, Spent
from reeld.report.metrics_port import MetricsPort

log = get_logger()

HOST = "127.0.0.1"
FILE = "reeld.prom"
READABLE = 0o644
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

SPIN_UP_S = 30.0
SOON_S = 1.0

# How long the shutdown waits for a scrape under way.
LONGEST_END_S = 2.0

NOT_ANSWERING = "not_answering"
"""The state of a library whose disk does not answer, or has not yet answered since a start or a reload."""

STATES = (LibraryState.ONLINE, LibraryState.OFFLINE, LibraryState.UNVERIFIED, LibraryState.ON_HOLD, NOT_ANSWERING)

Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogHealth:
    """What the daemon knows of its catalogue."""

    problem_count: int = 0
    has_backup_failed: bool = False
    """Whether the last attempt at a backup failed."""
    is_disk_full: bool = False
    """Whether the last write failed for want of space. A quota may be used up on a disk that is not."""
    is_damaged: bool = False
    """Whether reeld ends because the catalogue is damaged or gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Disk:
    """What lies on the catalogue's disk."""

    free_bytes: int | None
    is_full: bool
    backed_up_s: float | None
    """When the newest backup was made, in seconds since 1970."""
    can_list_backups: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Figures:
    """What the catalogue said at one moment."""

    counts: Row
    queue: Sequence[overview.Queued]
    libraries: Sequence[Row]
    oldest: datetime | None
    """Since when the file was not compared with its hash that was not for the longest time."""


class Metrics(Collector):
    """The metrics, exported from `start` to `stop`. `libraries` returns the figures of each watcher.

    Without `is_catalog_open`, as while the daemon waits for its catalogue, they say nothing that only this knows.
    """

    def __init__(
        self,
        settings: MetricsSettings,
        counters: Counters,
        database_path: str,
        libraries: Callable[[], Sequence[Row]],
        health: Callable[[], CatalogHealth] = CatalogHealth,
        *,
        is_catalog_open: bool = True,
    ) -> None:
        self._settings = settings
        self._counters = counters
        self._database_path = database_path
        self._libraries = libraries
        self._health = health
        self._registry = CollectorRegistry(auto_describe=False)
        self._is_catalog_open = is_catalog_open
        self._renewed_s: float | None = None
        self._figures: _Figures | None = None
        self._disk: _Disk | None = None
        self._stopping = threading.Event()
        self._server: MetricsPort | None = None
        self._started = 0.0
        self._failing: dict[str, str] = {}
        """The reason of each failure that lasts."""
        # A disk that does not answer must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="metrics", daemon=True)

    def start(self) -> None:
        self._registry.register(self)
        self._started = time.monotonic()
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(LONGEST_END_S)

    def problems(self) -> tuple[str, ...]:
        """Say why the figures are not shown. Failures to read the catalogue are no problem of the metrics."""
        failing = dict(self._failing)
        return tuple(failing[about] for about in ("port", "file") if about in failing)

    # --- the thread --------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                have_answered = self._have_answered()  # before their states are read
                self._attempt("catalogue", self._read)
                self._attempt("disk", self._look)
                if self._settings.port and self._server is None:
                    self._attempt("port", self._listen)
                if self._settings.textfile_directory:
                    self._attempt("file", self._write)
                self._stopping.wait(self._settings.period_s if have_answered else SOON_S)
            if self._settings.textfile_directory and self._health().is_damaged:
                self._attempt("file", self._write)  # it stays there, and goes on to say so
        finally:
            if self._server is not None:
                self._server.close()

    def _have_answered(self) -> bool:
        """Tell whether all libraries have answered. After SPIN_UP_S a disk that did not counts as dead."""
        is_young = time.monotonic() - self._started < SPIN_UP_S
        return not is_young or all(row["is_answering"] for row in self._libraries())

    def _attempt(self, about: str, do: Callable[[], None]) -> None:
        """Run `do`, and log a failure once while it lasts. A failure costs only a point in the curves."""
        try:
            do()
        except Exception as err:  # noqa: BLE001 - a curve is worth no crash
            reason = _reason(err, self._settings)
            if about not in self._failing:
                log.warning("metrics.failed", about=about, reason=reason)
            self._failing[about] = reason
        else:
            self._failing.pop(about, None)

    def _read(self) -> None:
        if self._is_catalog_open:
            counts, queue, libraries = overview.counts(), overview.queued(), overview.libraries()
            oldest = verification.oldest()
            self._figures = _Figures(counts=counts, queue=queue, libraries=libraries, oldest=oldest)
        self._renewed_s = time.time()

    def _look(self) -> None:
        path = self._database_path
        newest = newest_of(path)
        self._disk = _Disk(
            free_bytes=free_bytes(path),
            is_full=bool(space_trouble(path) or backup_space_trouble(path)),
            backed_up_s=newest.made_at.timestamp() if newest else None,
            can_list_backups=listing_trouble(path) is None,
        )

    def _listen(self) -> None:
        self._server = MetricsPort((HOST, self._settings.port), CONTENT_TYPE, self._page)
        threading.Thread(target=self._server.run, name="metrics port", daemon=True).start()

    def _page(self) -> bytes:
        return generate_latest(self._registry)

    def _write(self) -> None:
        _replace_file(self._settings.textfile_directory, self._page())

    # --- the figures -------------------------------------------------------------------------------------

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics. Any thread may call this, so it waits for no disk and no lock."""
        health = self._health()
        yield _info()
        yield _damaged(is_damaged=health.is_damaged)
        if self._renewed_s is not None:
            yield GaugeMetricFamily(
                "reeld_updated_timestamp_seconds", "When these figures were renewed.", self._renewed_s
            )
        yield GaugeMetricFamily("reeld_period_seconds", "How often the figures are renewed.", self._settings.period_s)
        yield from self._of_catalog()
        yield from self._of_disk(health)
        yield from self._of_work()
        yield from self._of_libraries()
        yield from self._of_files()

    def _of_catalog(self) -> Iterator[Metric]:
        figures = self._figures
        if figures is None:
            return
        counts = figures.counts
        yield _gauge("reeld_files", "Video files that the catalogue knows.", "state", counts["files"])
        yield _gauge("reeld_verdicts", "Present video files.", "verdict", counts["verdicts"])
        yield GaugeMetricFamily("reeld_pending", "Files that wait for your review.", counts["verdicts"]["pending"])
        yield GaugeMetricFamily("reeld_failed", "Files that were given up.", counts["failed"])
        yield GaugeMetricFamily("reeld_in_doubt", "Files whose bytes may not be those of the hash.", counts["in_doubt"])
        yield GaugeMetricFamily("reeld_changing", "Files that change while they are read.", counts["changing"])
        yield _gauge("reeld_verify_problems", "Files that are not as they were hashed.", "problem", counts["problems"])
        if figures.oldest is not None:
            yield GaugeMetricFamily(
                "reeld_oldest_comparison_timestamp_seconds",
                "Since when the file was not compared with its hash that was not for the longest time.",
                figures.oldest.timestamp(),
            )
        works = {name: counts[name] for name in ("movies", "series", "episodes")}
        yield _gauge("reeld_works", "Works that have a file.", "kind", works)
        jobs = GaugeMetricFamily("reeld_jobs", "Files that still need this stage.", labels=("stage", "state"))
        age = GaugeMetricFamily(
            "reeld_oldest_job_seconds", "How long the oldest of them has waited.", labels=("stage",)
        )
        oldest: dict[str, float] = {}
        for queued in figures.queue:
            jobs.add_metric((queued.stage, queued.state), queued.count)
            if queued.state in (JobState.WAITING, JobState.RUNNING):
                oldest[queued.stage] = max(oldest.get(queued.stage, 0.0), time.time() - queued.oldest_s)
        for stage, seconds in oldest.items():
            age.add_metric((stage,), max(0.0, seconds))
        yield from (jobs, age)

    def _of_disk(self, health: CatalogHealth) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "reeld_catalog_problems", "Problems of the catalogue that reeld status names.", health.problem_count
        )
        disk = self._disk
        if disk is None:
            return
        if disk.free_bytes is not None:
            yield GaugeMetricFamily("reeld_disk_free_bytes", "Free on the catalogue's disk.", disk.free_bytes)
        yield GaugeMetricFamily(
            "reeld_disk_full",
            "1 where that disk has no room for the catalogue or its next backup.",
            int(disk.is_full or health.is_disk_full),
        )
        is_good = disk.can_list_backups and not health.has_backup_failed
        yield GaugeMetricFamily("reeld_backup_success", "0 where the last attempt at a backup failed.", int(is_good))
        yield GaugeMetricFamily("reeld_backup_timestamp_seconds", "When the newest backup was made.", disk.backed_up_s)

    def _of_work(self) -> Iterator[Metric]:
        yield _summary("reeld_stage_seconds", "Stages of files that ran.", "stage", self._counters.stages())
        yield _counter("reeld_errors", "Stages that failed.", "kind", self._counters.errors())
        read = READINGS.read
        yield _counter(
            "reeld_headers_read",
            "Files whose headers reeld read itself, or its prober.",
            "reader",
            {"own": read.own, "prober": read.prober},
        )
        yield CounterMetricFamily("reeld_headers_compared", "Files that both read.", read.compared)
        yield CounterMetricFamily("reeld_headers_disagreed", "Files that both read differently.", read.disagreed)
        yield CounterMetricFamily("reeld_hashed_bytes", "Bytes read for full hashes.", self._counters.bytes_hashed)
        verified = self._counters.bytes_verified
        yield CounterMetricFamily("reeld_verified_bytes", "Bytes read to compare files with their hashes.", verified)

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
        if self._figures is not None:
            yield from self._of_states(self._figures.libraries, watched)

    def _of_states(self, libraries: Sequence[Row], watched: dict[str, Row]) -> Iterator[Metric]:
        """Yield a 1 for the state of each library, and a 0 for each other state."""
        family = GaugeMetricFamily(
            "reeld_library_state", "1 for the state of each library.", labels=("library", "state")
        )
        incomplete: dict[str, int] = {}
        for row in libraries:
            if row["state"] == LibraryState.REMOVED:
                continue
            is_answering = row["name"] in watched and watched[row["name"]]["is_answering"]
            present = row["state"] if is_answering else NOT_ANSWERING
            for state in STATES:
                family.add_metric((readable(row["name"]), str(state)), int(state == present))
            incomplete[row["name"]] = int(present == LibraryState.ONLINE and row["state_reason"] is not None)
        yield family
        yield _gauge("reeld_library_incomplete", "1 where a part of the library is away.", "library", incomplete)

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


def _info() -> Metric:
    family = GaugeMetricFamily("reeld_info", "The running reeld.", labels=("version", "schema"))
    family.add_metric((__version__, str(latest_version())), 1)
    return family


def _damaged(*, is_damaged: bool) -> Metric:
    return GaugeMetricFamily(
        "reeld_database_damaged", "1 where reeld ended because the catalogue is damaged or gone.", int(is_damaged)
    )


class _OfDamage(Collector):
    def collect(self) -> Iterator[Metric]:
        yield from (_info(), _damaged(is_damaged=True))


def tell_damage(settings: MetricsSettings) -> None:
    """Replace the file by a page that says only this: no reeld runs that would serve or renew the figures."""
    if settings.textfile_directory:
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_OfDamage())
        try:
            _replace_file(settings.textfile_directory, generate_latest(registry))
        except OSError as err:
            log.warning("metrics.failed", about="file", reason=_reason(err, settings))


def _replace_file(folder: str, page: bytes) -> None:
    """Replace the file as a whole. Everyone may read it, as node_exporter runs as another user."""
    path = os.path.join(folder, FILE)
    draft = f"{path}.new"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(draft)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, READABLE)
    with open(descriptor, "wb") as file:
        os.fchmod(descriptor, READABLE)  # under any umask
        file.write(page)
    os.replace(draft, path)


def _reason(err: Exception, settings: MetricsSettings) -> str:
    """Say what failed, and what to do."""
    if isinstance(err, CatalogError):
        return str(err)
    if not isinstance(err, OSError):
        return f"{err!r}; report it with the log"
    cause = os.strerror(err.errno) if err.errno else type(err).__name__
    if err.filename is None:
        at = f"the metrics' port {settings.port} cannot be opened ({cause})"
        return f"{at}; {_PORT_HINTS.get(err.errno or 0, 'name another one as [metrics] port')}"
    folder = readable(settings.textfile_directory)
    if not os.path.isdir(settings.textfile_directory):
        return f"the metrics' folder {folder} is missing; make it, and let reeld's user write there, then restart reeld"
    hint = _FILE_HINTS.get(err.errno or 0, "see [metrics] in the configuration")
    return f"the metrics' folder {folder} cannot be written to ({cause}); {hint}"


_DROP_IN = "put in place what `reeld config drop-in` prints, as SYSTEMD.md shows, then restart reeld"
_PORT_HINTS = {
    errno.EAFNOSUPPORT: f"the systemd unit forbids the network: {_DROP_IN}",
    errno.EADDRINUSE: "another program has it: end that, or name another one as [metrics] port",
}
_RIGHT = "give the user that runs reeld the right to write there, then restart reeld"
_FILE_HINTS = {
    errno.EACCES: _RIGHT,
    errno.EPERM: _RIGHT,
    errno.EROFS: f"the systemd unit forbids it, or the disk is mounted read-only: {_DROP_IN}",
    errno.ENOSPC: "free some space on that disk",
}
