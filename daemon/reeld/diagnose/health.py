"""Checks reeld's health without touching a library's disk.

No check starts a process or reads the whole catalogue. `reeld status` shows what is wrong, `reeld doctor` everything.
A finding is good, a note (reeld copes by itself) or a problem (the user must act).
"""

import ctypes
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from shlex import quote
from typing import Any, Literal

from reeld.config import Config, InodeSetting, MetricsSettings
from reeld.database.backup import CLOCK_SLACK, backup_space_trouble, listing_trouble, newest_of
from reeld.database.sqlite_errors import DRIVER_VERSION, driver_trouble, space_trouble
from reeld.database.whose import of_another
from reeld.diagnose.metrics_reach import closed_folder, folder_trouble, port_trouble, unit_trouble
from reeld.diagnose.service_unit import lingers, service_user, systemctl
from reeld.domain.amounts import number_of
from reeld.domain.files import readable
from reeld.domain.states import LibraryState
from reeld.domain.status import RunningStatus, WatcherStatus, WatchStatus
from reeld.service.instance_lock import who_works
from reeld.watch.fs_identity import FilesystemIdentity
from reeld.watch.inode_trust import Distrust
from reeld.watch.limits import shortage

Row = dict[str, Any]

Level = Literal["good", "note", "problem"]

# The daemon makes at least one backup a week. Two days more allow for a machine that is off at the weekend.
OLD_BACKUP = timedelta(days=9)

# A message names at most this many unreadable folders.
MOST_NAMED = 3

_TIME_ERROR = 5  # adjtimex(2): no time service keeps the clock right


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The result of one check."""

    check: str
    """The name of the check. Scripts may rely on it."""
    level: Level
    about: str | None = None
    """The library's name, or None if the check is about no single library."""
    message: str
    """What is true."""
    hint: str | None = None
    """What the user can do, or None if there is nothing to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthInputs:
    """The facts that `quick_checks` judges."""

    config: Config
    running: RunningStatus | None
    """The status of the daemon or of a scan (`instance_lock.status_of`). None if neither is seen to run."""
    can_tell: bool = True
    """Whether this user may see if a process has the catalogue."""
    libraries: Sequence[Row] = ()
    """Rows of `overview.libraries`. Empty while the catalogue cannot be opened."""
    failed: int = 0
    """How many files failed for good."""
    problems: Mapping[str, int] = field(default_factory=dict)
    """How many files were not as their hashes when they were verified, by kind."""
    now: datetime


def quick_checks(inputs: HealthInputs) -> list[Finding]:
    """Run all quick checks. Good findings are returned too."""
    return [
        _running(inputs),
        *_own_service(inputs),
        *_reloaded(inputs),
        _space(inputs),
        *_catalog(inputs),
        _backups(inputs),
        _driver(),
        _clock(inputs),
        *watch_limit(_counted(inputs)),
        *_metrics(inputs),
        *(finding for row in inputs.libraries if _counts(inputs, row) for finding in _library(inputs, row)),
        *_failed(inputs),
        *_damaged(inputs),
    ]


def watch_limit(directories: int) -> Iterator[Finding]:
    """Check that the kernel lets us watch this many directories, in all libraries together. Yields nothing for 0."""
    if directories:
        trouble = shortage(directories)
        good = f"{directories} directories can be watched"
        yield Finding(check="limits", level="problem" if trouble else "good", message=trouble or good)


# --- the daemon ------------------------------------------------------------------------------------------


def _running(inputs: HealthInputs) -> Finding:
    catalog = inputs.config.database_path
    if not inputs.can_tell:
        message, theirs = "you may not see whether reeld runs", of_another(catalog)
        return Finding(check="daemon", level="note", message=message, hint=None if theirs is None else theirs.hint)
    if inputs.running is None:
        hint = f"start it: {systemctl('start', catalog) or 'reeld run'}"
        return Finding(check="daemon", level="note", message="reeld does not run", hint=hint)
    return Finding(check="daemon", level="good" if _is_watched(inputs) else "note", message=who_works(inputs.running))


def _own_service(inputs: HealthInputs) -> Iterator[Finding]:
    """Say that a user's own service does not run while the user is logged out."""
    name = service_user(inputs.config.database_path)
    if name is not None and not lingers(name):
        message = f"reeld is the own service of {name} (systemctl --user), and runs only while {name} is logged in"
        hint = f"to have it run from the start of the machine: loginctl enable-linger {name}"
        yield Finding(check="daemon", level="note", message=message, hint=hint)


def _is_watched(inputs: HealthInputs) -> bool:
    return inputs.running is not None and inputs.running.is_daemon


def _reloaded(inputs: HealthInputs) -> Iterator[Finding]:
    if inputs.running is not None and (complaint := inputs.running.config_error):
        command = systemctl("reload", inputs.config.database_path) or f"kill -HUP {inputs.running.pid or 'its process'}"
        yield Finding(
            check="configuration",
            level="problem",
            message=f"the running reeld refused its changed configuration and keeps the old one: {complaint}",
            hint=f"correct the file, then run: {command}",
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
        if (theirs := of_another(inputs.config.database_path)) is not None:
            message = "you may not see the backups of the catalogue"
            return Finding(check="backups", level="note", message=message, hint=theirs.hint)
        return Finding(check="backups", level="problem", message=trouble)
    newest = newest_of(inputs.config.database_path, inputs.now)
    if newest is None:
        message = "there is no backup of the catalogue yet"
        hint = "run reeld: it makes the first backup within an hour"
        return Finding(check="backups", level="note", message=message, hint=hint)
    made = f"the last backup was made on {newest.made_at:%Y-%m-%d %H:%M} UTC"
    if inputs.now - newest.made_at <= OLD_BACKUP:
        return Finding(check="backups", level="good", message=made)
    hint = "see reeld's log for the reason" if _is_watched(inputs) else "start reeld, or run: reeld backup FILE"
    return Finding(check="backups", level="problem", message=made, hint=hint)


def _driver() -> Finding:
    trouble = driver_trouble()
    good = f"SQLite {DRIVER_VERSION} does not have the fault by which several programs at once can damage a catalogue"
    return Finding(check="sqlite", level="note" if trouble else "good", message=trouble or good)


def _failed(inputs: HealthInputs) -> Iterator[Finding]:
    if inputs.failed:
        message = f"{number_of(inputs.failed, 'file')} failed"
        hint = "see reeld list files for the reasons; once these are gone, run: reeld retry --all"
        yield Finding(check="files", level="note", message=message, hint=hint)


def _damaged(inputs: HealthInputs) -> Iterator[Finding]:
    if any(inputs.problems.values()):
        counted = [f"{number_of(count, 'file')} {kind}" for kind, count in inputs.problems.items() if count]
        message = f"not as they were hashed: {', '.join(counted)}"
        hint = "see reeld list files damaged:yes for what to do; once that is done: reeld verify damaged:yes"
        yield Finding(check="damage", level="problem", message=message, hint=hint)


# --- the metrics ---------------------------------------------------------------------------------------


def _metrics(inputs: HealthInputs) -> Iterator[Finding]:
    """Check that Prometheus can read the figures, where these are wanted."""
    config = inputs.config
    running = inputs.running if _is_watched(inputs) else None
    if running is not None and running.config:
        config = replace(config, metrics=_metrics_in_force(running))
    metrics = config.metrics
    if not metrics.is_wanted:
        return
    troubles: list[tuple[str, str | None]] = (
        [(problem, None) for problem in running.metrics_problems] if running else []
    )
    if running is None:
        troubles += unit_trouble(config)
    elif metrics.port and not troubles and (trouble := port_trouble(metrics.port)) is not None:
        troubles.append(trouble)
    if metrics.textfile_directory:
        is_ours = running is None and _is_owner_of(os.path.dirname(config.database_path))
        if not troubles and (trouble := folder_trouble(metrics, is_ours=is_ours)) is not None:
            troubles.append(trouble)
        if not troubles and (closed := closed_folder(metrics)) is not None:
            message = (
                f"the metrics' folder {readable(metrics.textfile_directory)} may not be read by every user, because of "
                f"{readable(closed)}: node_exporter needs the right of its group there"
            )
            yield Finding(
                check="metrics", level="note", message=message, hint=f"or type: sudo chmod o+rx {quote(closed)}"
            )
    for message, hint in troubles:
        yield Finding(check="metrics", level="problem", message=message, hint=hint)
    if not troubles:
        yield Finding(
            check="metrics",
            level="good",
            message="the metrics can be read" if running else "nothing is in the way of the metrics",
        )


def _metrics_in_force(running: RunningStatus) -> MetricsSettings:
    """Return the running daemon's settings; nothing is wanted where it does not say them."""
    said = running.config.get("metrics") or {}
    try:
        return MetricsSettings(**said)
    except TypeError:  # of another version
        return MetricsSettings()


def _is_owner_of(folder: str) -> bool:
    try:
        return os.stat(folder).st_uid == os.geteuid()
    except OSError:
        return False


# --- the machine -----------------------------------------------------------------------------------------


def _clock(inputs: HealthInputs) -> Finding:
    """Check that the clock is not behind the newest backup or the last scan of a library.

    A running reeld renews both, so a clock that was once ahead is reported only for a while.
    """
    newest = newest_of(inputs.config.database_path, inputs.now)
    moments = [newest.made_at] if newest else []
    scans = [
        row["checked_at"] for row in inputs.libraries if row["state"] != LibraryState.REMOVED and row["checked_at"]
    ]
    moments += [datetime.fromisoformat(checked_at) for checked_at in scans]
    latest = max(moments, default=inputs.now)
    if latest > inputs.now + CLOCK_SLACK:
        message = (
            f"the clock says {inputs.now:%Y-%m-%d %H:%M} UTC, but reeld already worked at {latest:%Y-%m-%d %H:%M} UTC: "
            "it was ahead then, or is behind now"
        )
        return Finding(check="clock", level="problem", message=message, hint=_SET_CLOCK)
    if _is_clock_adrift():
        message = "no time service keeps the clock right, so it may drift"
        return Finding(check="clock", level="note", message=message, hint=_SET_CLOCK)
    return Finding(check="clock", level="good", message=f"the clock says {inputs.now:%Y-%m-%d %H:%M} UTC")


_SET_CLOCK = "switch on a time service: timedatectl set-ntp true"


def _is_clock_adrift() -> bool:
    timex = ctypes.create_string_buffer(256)  # a struct of 208 bytes: all zero, it changes nothing
    return bool(ctypes.CDLL(None).adjtimex(timex) == _TIME_ERROR)


# --- the libraries ---------------------------------------------------------------------------------------


def _watchers(inputs: HealthInputs) -> dict[str, WatcherStatus]:
    """Return the daemon's status of each library, by name."""
    return {watcher.name: watcher for watcher in (inputs.running.libraries if inputs.running else ())}


def _counted(inputs: HealthInputs) -> int:
    return sum(watcher.watching.directories for watcher in _watchers(inputs).values() if watcher.watching)


def _counts(inputs: HealthInputs, row: Row) -> bool:
    """Tell whether the library is watched, or would be after a start.

    The catalogue follows a changed configuration only when reeld starts.
    """
    is_left_out = inputs.running is None and row["name"] not in {library.name for library in inputs.config.libraries}
    return row["state"] != LibraryState.REMOVED and not is_left_out


def _library(inputs: HealthInputs, row: Row) -> Iterator[Finding]:
    """Report a library's state in the catalogue, and what only the daemon knows."""
    name = row["name"]
    told = _watchers(inputs).get(name)
    watcher, row = told or WatcherStatus(name=name), state_now(row, told)
    is_online = row["state"] == LibraryState.ONLINE
    reason = f": {row['state_reason']}" if row["state_reason"] else ""
    level: Level = "problem" if not is_online else "note" if row["state_reason"] else "good"
    if not is_online and inputs.running is None:
        level = "note"  # the state is as old as the last run
    state = row["state"].replace("_", " ")
    yield Finding(check="library", level=level, about=name, message=f"{state}{reason}")
    if watcher.trouble:
        yield Finding(check="library", level="problem", about=name, message=watcher.trouble)
    if watcher.watching:
        yield _watched(name, watcher.watching)
    if row.get("filesystem_identity"):
        settings = {library.name: library.inodes for library in inputs.config.libraries}
        identity = FilesystemIdentity.from_json(row["filesystem_identity"])
        yield from inode_numbers(name, identity, settings.get(name, "auto"))
    if watcher.unreadable:
        yield unreadable(name, [f"{readable(each.path)} ({each.why})" for each in watcher.unreadable])


def state_now(row: Row, watcher: WatcherStatus | None) -> Row:
    """Return a library's row as it is true now: what the last reeld recorded counts once the disk has answered."""
    if watcher is None or watcher.is_first_turn_over or row["state"] == LibraryState.REMOVED:
        return row
    return row | {"state": UNKNOWN, "state_reason": "its disk has not answered since reeld started"}


UNKNOWN = "unknown"
"""The state of a library whose disk has not answered since reeld started."""


def inode_numbers(name: str, identity: FilesystemIdentity, setting: InodeSetting) -> Iterator[Finding]:
    """Say where files are not known by their inode numbers. That is no fault: reeld copes."""
    for path, (fs_type, why) in identity.distrusted_mounts(setting).items():
        because = _DISTRUST[why].format(place=f"{readable(path)} ({fs_type})")
        message = f"{because}: files there are known by size and time, and by both ends where these do not suffice"
        hint = None if why == "setting" else 'if they do last there, set inodes = "trusted" for this library'
        yield Finding(check="inodes", level="note", about=name, message=message, hint=hint)


_DISTRUST: dict[Distrust, str] = {
    "type": "inode numbers may not last at {place}",
    "renumbered": "inode numbers did not last at {place}",
    "setting": "inode numbers do not count at {place}, as the configuration says",
}


def _watched(name: str, watching: WatchStatus) -> Finding:
    if watching.is_degraded:
        message = f"file events are unreliable here, so reeld polls: {watching.why}"
        return Finding(check="events", level="problem", about=name, message=message)
    if watching.why:
        return Finding(check="events", level="note", about=name, message=f"reeld polls: {watching.why}")
    return Finding(check="events", level="good", about=name, message="the daemon receives its file events")


def unreadable(name: str, folders: Sequence[str]) -> Finding:
    """Report folders that cannot be read."""
    named = "; ".join(folders[:MOST_NAMED])
    more = f", and {len(folders) - MOST_NAMED} more" if len(folders) > MOST_NAMED else ""
    return Finding(
        check="rights",
        level="problem",
        about=name,
        message=f"these folders cannot be read: {named}{more}",
        hint="give the user that runs reeld the right to read them, or name them under ignore",
    )


def utc_now() -> datetime:
    return datetime.fromtimestamp(time.time(), UTC)
