"""What can be told of reeld's health at a glance? `reeld status` shows what is wrong, the doctor all of it.

Nothing here touches a library's disk, starts a process or reads the whole catalogue. Each finding is good, a note
(reeld copes, or it is nobody's fault) or a problem (a person must act); its message ends with what to do.
"""

import ctypes
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from reeld.config import Config
from reeld.database.backup import CLOCK_SLACK, backup_space_trouble, listing_trouble, newest_of
from reeld.database.sqlite_errors import DRIVER_VERSION, driver_trouble, space_trouble
from reeld.diagnose.dropin import systemctl
from reeld.domain.amounts import number_of
from reeld.domain.files import readable
from reeld.domain.states import LibraryState
from reeld.domain.status import RunningStatus, WatcherStatus, WatchStatus
from reeld.service.instance_lock import who_works
from reeld.watch.limits import shortage

Row = dict[str, Any]

Level = Literal["good", "note", "problem"]

# The daemon makes one a week at least; two days more for a machine that is switched off at the weekend.
OLD_BACKUP = timedelta(days=9)

# Of folders that cannot be read so many are named.
MOST_NAMED = 3

_TIME_ERROR = 5  # of adjtimex(2): the clock is not kept by anything


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check showed. `about` is the library that it speaks of."""

    check: str
    """Which check: a word that scripts may rely on."""
    level: Level
    about: str | None = None
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthInputs:
    """What `quick_checks` needs to know."""

    config: Config
    running: RunningStatus | None
    """Of the daemon, or of a scan (`instance_lock.status_of`). None if neither runs."""
    libraries: Sequence[Row] = ()
    """As `views.libraries` has them; none while the catalogue cannot be opened."""
    failed: int = 0
    """How many files were given up."""
    now: datetime


def quick_checks(inputs: HealthInputs) -> list[Finding]:
    """All that can be told at once, the good as well."""
    return [
        _running(inputs),
        *_reloaded(inputs),
        _space(inputs),
        *_catalog(inputs),
        _backups(inputs),
        _driver(),
        _clock(inputs),
        *watch_limit(_counted(inputs)),
        *(finding for row in inputs.libraries if _counts(inputs, row) for finding in _library(inputs, row)),
        *_failed(inputs),
    ]


def watch_limit(directories: int) -> Iterator[Finding]:
    """Whether so many directories, of all libraries together, can be watched; nothing where none were counted."""
    if directories:
        trouble = shortage(directories)
        good = f"{directories} directories can be watched"
        yield Finding(check="limits", level="problem" if trouble else "good", message=trouble or good)


# --- the daemon ------------------------------------------------------------------------------------------


def _running(inputs: HealthInputs) -> Finding:
    if inputs.running is None:
        message = f"reeld does not run; start it: {systemctl('start') or 'reeld run'}"
        return Finding(check="daemon", level="note", message=message)
    return Finding(check="daemon", level="good" if _is_watched(inputs) else "note", message=who_works(inputs.running))


def _is_watched(inputs: HealthInputs) -> bool:
    return inputs.running is not None and inputs.running.is_daemon


def _reloaded(inputs: HealthInputs) -> Iterator[Finding]:
    if inputs.running is not None and (complaint := inputs.running.config_error):
        command = systemctl("reload") or f"kill -HUP {inputs.running.pid or 'its process'}"
        yield Finding(
            check="configuration",
            level="problem",
            message=f"the running reeld refused its changed configuration, and goes on with the old one: {complaint}; "
            f"mend it, then {command}",
        )


# --- the catalogue ---------------------------------------------------------------------------------------


def _space(inputs: HealthInputs) -> Finding:
    path = inputs.config.database_path
    trouble = space_trouble(path) or backup_space_trouble(path)
    good = "there is room for the catalogue and its next backup"
    return Finding(check="space", level="problem" if trouble else "good", message=trouble or good)


def _catalog(inputs: HealthInputs) -> Iterator[Finding]:
    for problem in inputs.running.catalog_problems if inputs.running else ():
        yield Finding(check="database", level="problem", message=problem)


def _backups(inputs: HealthInputs) -> Finding:
    if (trouble := listing_trouble(inputs.config.database_path)) is not None:
        return Finding(check="backups", level="problem", message=trouble)
    newest = newest_of(inputs.config.database_path, inputs.now)
    if newest is None:
        message = "there is no backup of the catalogue yet; a running reeld makes the first within an hour"
        return Finding(check="backups", level="note", message=message)
    made = f"the last backup was made on {newest.made_at:%Y-%m-%d %H:%M} UTC"
    if inputs.now - newest.made_at <= OLD_BACKUP:
        return Finding(check="backups", level="good", message=made)
    todo = "its log says why none is made" if _is_watched(inputs) else "start reeld, or use reeld backup FILE"
    return Finding(check="backups", level="problem", message=f"{made}; {todo}")


def _driver() -> Finding:
    trouble = driver_trouble()
    good = f"SQLite {DRIVER_VERSION} is free of the fault by which several programs at once can damage a catalogue"
    return Finding(check="sqlite", level="note" if trouble else "good", message=trouble or good)


def _failed(inputs: HealthInputs) -> Iterator[Finding]:
    if inputs.failed:
        message = (
            f"{number_of(inputs.failed, 'file')} {'was' if inputs.failed == 1 else 'were'} set aside; "
            "reeld list files says why, and reeld retry --all takes up the work again once that is mended"
        )
        yield Finding(check="files", level="note", message=message)


# --- the machine -----------------------------------------------------------------------------------------


def _clock(inputs: HealthInputs) -> Finding:
    """Against what is past if the clock was always right: the newest backup and the last looks at the libraries.

    A reeld that runs makes both anew: so a clock that was ahead once is not held against it for long.
    """
    newest = newest_of(inputs.config.database_path, inputs.now)
    moments = [newest.made_at] if newest else []
    looked_at = [
        row["checked_at"] for row in inputs.libraries if row["state"] != LibraryState.REMOVED and row["checked_at"]
    ]
    moments += [datetime.fromisoformat(checked_at) for checked_at in looked_at]
    latest = max(moments, default=inputs.now)
    if latest > inputs.now + CLOCK_SLACK:
        message = (
            f"the clock says {inputs.now:%Y-%m-%d %H:%M} UTC, and reeld worked at {latest:%Y-%m-%d %H:%M} UTC by it: "
            "it was ahead then, or is behind now; have it kept right: timedatectl set-ntp true"
        )
        return Finding(check="clock", level="problem", message=message)
    if _is_clock_adrift():
        message = "no time service keeps the clock, and it may drift; switch one on: timedatectl set-ntp true"
        return Finding(check="clock", level="note", message=message)
    return Finding(check="clock", level="good", message=f"the clock says {inputs.now:%Y-%m-%d %H:%M} UTC")


def _is_clock_adrift() -> bool:
    timex = ctypes.create_string_buffer(256)  # a struct of 208 bytes; all zero it only asks
    return bool(ctypes.CDLL(None).adjtimex(timex) == _TIME_ERROR)


# --- the libraries ---------------------------------------------------------------------------------------


def _watchers(inputs: HealthInputs) -> dict[str, WatcherStatus]:
    """What the daemon knows about each library, by name."""
    return {watcher.name: watcher for watcher in (inputs.running.libraries if inputs.running else ())}


def _counted(inputs: HealthInputs) -> int:
    return sum(watcher.watching.directories for watcher in _watchers(inputs).values() if watcher.watching)


def _counts(inputs: HealthInputs, row: Row) -> bool:
    """Whether it is watched, or would be; the catalogue learns of a change of the configuration from a start alone."""
    is_left_out = inputs.running is None and row["name"] not in {library.name for library in inputs.config.libraries}
    return row["state"] != LibraryState.REMOVED and not is_left_out


def _library(inputs: HealthInputs, row: Row) -> Iterator[Finding]:
    """Its state as the catalogue has it, and what only the daemon knows."""
    name = row["name"]
    watcher = _watchers(inputs).get(name, WatcherStatus(name=name))
    is_online = row["state"] == LibraryState.ONLINE
    reason = row["state_reason"] or "nothing is known against it"
    level: Level = "problem" if not is_online else "note" if row["state_reason"] else "good"
    if not is_online and inputs.running is None:
        level = "note"  # so it was when reeld last ran
    yield Finding(check="library", level=level, about=name, message=f"{row['state']}: {reason}")
    if watcher.trouble:
        yield Finding(check="library", level="problem", about=name, message=watcher.trouble)
    if watcher.watching:
        yield _watched(name, watcher.watching)
    if watcher.unreadable:
        yield unreadable(name, [f"{readable(each.path)} ({each.why})" for each in watcher.unreadable])


def _watched(name: str, watching: WatchStatus) -> Finding:
    if watching.is_degraded:
        message = f"events do not tell of all changes, so it is looked at by the clock: {watching.why}"
        return Finding(check="events", level="problem", about=name, message=message)
    if watching.why:
        message = f"it is looked at by the clock: {watching.why}"
        return Finding(check="events", level="note", about=name, message=message)
    return Finding(check="events", level="good", about=name, message="the daemon hears of its changes")


def unreadable(name: str, folders: Sequence[str]) -> Finding:
    named = "; ".join(folders[:MOST_NAMED])
    more = f", and {len(folders) - MOST_NAMED} more" if len(folders) > MOST_NAMED else ""
    message = (
        f"of these folders nothing is known: {named}{more}; give the user that runs reeld the right to read them, or "
        "name them under ignore"
    )
    return Finding(check="rights", level="problem", about=name, message=message)


def utc_now() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC)
