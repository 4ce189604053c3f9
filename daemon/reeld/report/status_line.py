"""Composes the line that `systemctl status reeld` shows: what the user must mend, files, work left, problems."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from reeld.catalog import overview
from reeld.database.connection import opened
from reeld.database.sqlite_errors import has_no_room
from reeld.domain.amounts import number_of
from reeld.domain.files import readable
from reeld.domain.states import LibraryState
from reeld.domain.status import RunningStatus, WatcherStatus
from reeld.domain.times import coarsely
from reeld.errors import CatalogError
from reeld.report.sd_notify import is_asked_for, notify

PERIOD_S = 10.0
"""The line is renewed this often. Counting 100,000 files takes 5 ms."""


class StatusLine:
    """Send the line to the service manager when it changes. For the main thread alone."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._next = -math.inf
        self._sent: str | None = None

    def update(self, status: RunningStatus) -> None:
        """Send the line if it changed and the last one is old enough."""
        if self._now() >= self._next and is_asked_for():
            self._send(status)

    def send_ready(self, status: RunningStatus) -> None:
        """Send the line now, together with READY=1."""
        self._sent = None
        self._send(status, "READY=1")

    def _send(self, status: RunningStatus, *states: str) -> None:
        self._next = self._now() + PERIOD_S
        seconds_left = status.work.seconds_left if status.work else None
        line = status_line(_totals(), status.libraries, status.config_error, seconds_left, catalog=_catalog_trouble())
        if line != self._sent:
            notify(*states, f"STATUS={line}")
            self._sent = line


def _totals() -> Mapping[str, Any] | None:
    try:
        return overview.totals()
    except CatalogError:
        return None  # other threads log why


def _catalog_trouble() -> str | None:
    """Say in a few words that the catalogue's disk is full, or that it cannot be written for another reason."""
    try:
        catalog = opened()
    except CatalogError:
        return None
    if catalog.is_disk_full or has_no_room(catalog.path):
        return "the disk of the catalogue is full"
    return "the catalogue cannot be written" if catalog.refusal or catalog.trouble else None


def status_line(
    totals: Mapping[str, Any] | None,
    libraries: Sequence[WatcherStatus],
    complaint: str | None,
    seconds_left: float | None = None,
    *,
    catalog: str | None = None,
) -> str:
    """Compose the line. `totals` comes from `overview.totals`; None if the catalogue cannot be read."""
    figures, away = ["the catalogue cannot be read now"], {}
    first = [] if catalog is None else [catalog]
    if totals is not None:
        when = f" (some {coarsely(seconds_left)} left)" if seconds_left and totals["work"] else ""
        figures = [f"files: {totals['files']}", f"in work: {totals['work']}{when}", f"pending: {totals['pending']}"]
        away = totals["away"]
        if totals["failed"]:
            first.append(f"{number_of(totals['failed'], 'file')} failed")
    troubles = [
        f"library {readable(library.name)} {how}" for library in libraries if (how := _how(library, away)) is not None
    ]
    if complaint is not None:
        troubles.append("the configuration file is not in force")
    more = f"; {', '.join(troubles)} (reeld status says why)" if troubles else ""
    before = f"{', '.join(first)}; " if first else ""
    return f"{before}{', '.join(figures)}{more}"


def _how(library: WatcherStatus, away: Mapping[str, str]) -> str | None:
    """What is wrong with a library, in a few words. None if nothing is."""
    if library.trouble:
        return "has a failing disk"
    if not library.is_first_turn_over:
        return None
    if library.name in away:
        state = away[library.name]
        return "lacks a disk" if state == LibraryState.ONLINE else f"is {state.replace('_', ' ')}"
    return "is watched poorly" if library.watching and library.watching.is_degraded else None
