"""Checks everything that reeld needs, from outside the daemon, for `reeld doctor`.

It adds to the quick checks (`health.py`): rights, the integrity of the catalogue and its newest backup, each library's
folders and file system, the delivery of file events, and the confined children. It writes nothing. All disks have
LONGEST_SCAN_S to answer. What could not be checked by then is said.
"""

import contextlib
import os
import platform
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from shlex import quote
from typing import Any

from reeld.catalog import overview
from reeld.catalog.video_files import sample_of_present
from reeld.config import Config, Library
from reeld.content.opening import open_video
from reeld.content.probing import read_headers
from reeld.database.backup import is_sound, newest_of
from reeld.database.connection import close_catalog, open_catalog, reading, require_whole
from reeld.database.file_access import number_of_group
from reeld.database.whose import of_another, user_name
from reeld.diagnose.health import (
    MOST_NAMED,
    Finding,
    HealthInputs,
    inode_numbers,
    quick_checks,
    unreadable,
    utc_now,
    watch_limit,
)
from reeld.diagnose.writable import Trouble, file_trouble, folder_trouble
from reeld.domain.amounts import number_of
from reeld.domain.files import readable
from reeld.domain.identity import Accepted, Clues
from reeld.domain.records import KnownFile
from reeld.domain.states import LibraryState
from reeld.errors import CatalogError, NotFoundError, ReeldError
from reeld.identify.batch import identify_all
from reeld.scanner.library_scanner import rules_of
from reeld.scanner.root_check import SAMPLE, evidence, what_to_do, why_unmounted
from reeld.service.instance_lock import can_tell, status_of
from reeld.service.stage_context import identifier_pool, prober_pool
from reeld.service.timeouts import all_in_time, was_silent
from reeld.service.worker_pool import WorkerPool
from reeld.watch.fs_identity import FilesystemIdentity, identity_of_root
from reeld.watch.limits import CannotWatch, delivers_events
from reeld.watch.mounts import all_mounts, mount_of, mount_points_below
from reeld.watch.walk import Listing, RootSeen, Unreadable, check_root, walk

# For the folders of all libraries together.
LONGEST_SCAN_S = 4.0

# Of that time, for the listing of folders; the rest is for what else is asked of a library.
LISTING_SHARE = 0.75

# And for the headers of some files.
HEADERS_SHARE = 0.1

# The prober must answer for these bytes. They are no whole video, so nothing is decoded.
_NO_VIDEO = b"\x1a\x45\xdf\xa3" + bytes(4092)


def examine(config: Config) -> Iterator[Finding]:
    """Yield every finding, good or not, as soon as it is known. `config` is valid."""
    yield Finding(check="configuration", level="good", message=f"{config.source or 'the built-in defaults'}: good")
    yield from _state_directory(config)
    libraries: list[dict[str, Any]] = []
    records: dict[str, Record] = {}
    failed, problems = 0, dict[str, int]()
    try:
        open_catalog(config.database_path, create=False)
        libraries, counts = overview.libraries(), overview.counts()
        records = _records(config, libraries)
        failed, problems = counts["failed"], counts["problems"]
        yield _whole(sum(counts["files"].values()))
    except NotFoundError as err:
        yield Finding(check="database", level="note", message=str(err), hint=err.hint)
    except CatalogError as err:
        yield Finding(check="database", level="problem", message=str(err), hint=err.hint)
    finally:
        close_catalog()
    yield from _newest_backup(config)
    running = status_of(config.database_path)
    inputs = HealthInputs(
        config=config,
        running=running,
        can_tell=can_tell(config.database_path),
        libraries=libraries,
        failed=failed,
        problems=problems,
        now=utc_now(),
    )
    quick = quick_checks(inputs)
    names = {library.name for library in config.libraries}
    yield from (finding for finding in quick if finding.about not in names)
    directories = 0
    checks = _check_libraries(config.libraries, records)
    theirs = of_another(config.database_path)
    for library in config.libraries:
        count, findings = checks[library.path]
        if theirs is not None:
            findings = [_as_another_sees_it(each, theirs.hint) for each in findings]
        directories += count
        yield from (each for each in quick if each.about == library.name and not _is_outdated(each, findings))
        has_said_it = any(each.check == "inodes" and each.about == library.name for each in quick)
        yield from (each for each in findings if each.check != "inodes" or not has_said_it)
    if not any(finding.check == "limits" for finding in quick):
        yield from watch_limit(directories)
    yield from _children(config)


# --- the state directory ---------------------------------------------------------------------------------


def _state_directory(config: Config) -> Iterator[Finding]:
    folder = os.path.dirname(config.database_path)
    try:
        owner = os.stat(folder).st_uid
    except FileNotFoundError:
        yield _of_a_folder_to_come(folder)
        return
    except OSError as err:
        if isinstance(err, PermissionError) and of_another(config.database_path) is not None:
            return  # what is said of the catalogue itself says it
        message = f"{readable(folder)} cannot be checked ({err.strerror})"
        hint = "check [database] path, and the rights of the folders above"
        yield Finding(check="rights", level="problem", message=message, hint=hint)
        return
    is_ours = owner == os.geteuid()
    if (trouble := _write_trouble(folder, config.database_path, is_ours=is_ours)) is not None:
        yield Finding(check="rights", level="problem", message=trouble[0], hint=trouble[1])
    elif not is_ours:
        name = user_name(owner)
        message = (
            f"{readable(folder)} belongs to {name} and you are {user_name(os.geteuid())}, so reeld's rights are unknown"
        )
        hint = f"to check them, run: sudo -u {name} reeld doctor"
        yield Finding(check="rights", level="note", message=message, hint=hint)
    else:
        yield Finding(check="rights", level="good", message=f"{readable(folder)} is writable")
    if config.database_group:
        yield from _group_trouble(folder, config.database_group)
    mount = mount_of(os.path.realpath(folder), all_mounts())
    if mount is not None and not mount.delivers_all_events and mount.fs_type != "overlay":
        message = f"the catalogue is on a file system ({mount.fs_type}) on which SQLite's log does not work safely"
        hint = "name a folder on a local disk under [database] path"
        yield Finding(check="file system", level="problem", message=message, hint=hint)


def _of_a_folder_to_come(folder: str) -> Finding:
    """Check the nearest folder above, in which reeld will make this one."""
    above = os.path.dirname(folder)
    while not os.path.lexists(above):
        above = os.path.dirname(above)
    if (trouble := folder_trouble(above, tries=False)) is not None:
        message = f"{readable(folder)} is not there, and cannot be made: {trouble[0]}"
        return Finding(check="rights", level="problem", message=message, hint=trouble[1])
    message = f"{readable(folder)} is not there"
    hint = "nothing to do if reeld has never run: it creates the folder when it starts"
    return Finding(check="rights", level="note", message=message, hint=hint)


def _write_trouble(folder: str, catalog: str, *, is_ours: bool) -> Trouble | None:
    """Say why the catalogue, or a file beside it, cannot be written; None if it can, as far as this user sees."""
    files = [catalog + ending for ending in ("", "-wal", "-shm", ".lock")]
    return folder_trouble(folder, tries=is_ours) or next(
        filter(None, map(file_trouble, files if is_ours else ())), None
    )


def _group_trouble(folder: str, group: str) -> Iterator[Finding]:
    """Find what keeps the members of [database] group from the catalogue."""
    number = number_of_group(group)
    while number is not None:
        status = os.stat(folder)
        if not (status.st_mode & 0o001 or (status.st_gid == number and status.st_mode & 0o010)):
            message = f"the group {readable(group)} may not enter {readable(folder)}, so it cannot read the catalogue"
            at = quote(readable(folder))
            hint = f"type: sudo chgrp {quote(readable(group))} {at} && sudo chmod g+rx {at}"
            yield Finding(check="rights", level="problem", message=message, hint=hint)
        if folder == (folder := os.path.dirname(folder)):
            return


def _whole(files: int) -> Finding:
    schema = require_whole()
    return Finding(check="database", level="good", message=f"whole: schema {schema}, {files} files")


def _newest_backup(config: Config) -> Iterator[Finding]:
    newest = newest_of(config.database_path)
    is_for_us = of_another(config.database_path) is None
    if newest is not None and (is_for_us or os.access(newest.path, os.R_OK)) and not is_sound(newest.path):
        message = f"the newest backup, {readable(newest.path)}, is damaged or cannot be read"
        hint = "check the disk, then make another backup: reeld backup FILE"
        yield Finding(check="backups", level="problem", message=message, hint=hint)


# --- a library -------------------------------------------------------------------------------------------


Checked = tuple[int, list[Finding]]
"""The number of a library's folders, as far as they could be counted, and the findings."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What the catalogue knows of the disk of a library."""

    identity: FilesystemIdentity
    drawn: list[KnownFile]
    """A sample of the files that should lie there."""


def _records(config: Config, rows: Sequence[dict[str, Any]]) -> dict[str, Record]:
    """Read what the evidence needs, by the paths of the libraries, while the catalogue is open."""
    configured = {library.path for library in config.libraries}
    found = {}
    for row in rows:
        if row["path"] in configured and (recorded := row.get("filesystem_identity")):
            identity = FilesystemIdentity.from_json(recorded)
            with reading():
                drawn = sample_of_present(row["id"], "", without=identity.below or (), count=SAMPLE, rng=Random())  # noqa: S311
            found[row["path"]] = Record(identity=identity, drawn=drawn)
    return found


def _check_libraries(libraries: Sequence[Library], records: Mapping[str, Record]) -> dict[str, Checked]:
    """Check all libraries at once, by their paths."""
    asks: dict[str, Callable[[], object]] = {}
    for library in libraries:
        if not was_silent(library.path):
            asks[library.path] = partial(_check_answering, library, records.get(library.path))
            mounts = mount_points_below(library.path, all_mounts())
            asks |= {mount.mount_point: partial(_answers, mount.mount_point) for mount in mounts}
    found: dict[str, Any] = all_in_time(asks, LONGEST_SCAN_S)
    silent = asks.keys() - found.keys()
    return {library.path: found.get(library.path) or (0, [_silence(library, silent)]) for library in libraries}


def _check_library(library: Library) -> Checked:
    return _check_libraries([library], {})[library.path]


def _answers(place: str) -> bool:
    """Return once the disk at this mount point answers, be it with an error."""
    with contextlib.suppress(OSError), os.scandir(place) as entries:
        next(entries, None)
    return True


def _silence(library: Library, silent: Collection[str]) -> Finding:
    """Say which disk of a library does not answer: one that is mounted below it, or its own."""
    below = sorted(place for place in silent if place.startswith(f"{library.path.rstrip('/')}/"))
    message = f"{', '.join(map(readable, below[:MOST_NAMED] or [library.path]))} does not answer"
    hint = "check its disk, or the server that holds it; a disk that slept may answer when you try again"
    return Finding(check="library", level="problem", about=library.name, message=message, hint=hint)


def _check_answering(library: Library, record: Record | None) -> Checked:
    """Check a library whose disk may keep this waiting for ever."""
    root = check_root(library.path)
    if isinstance(root, str):
        return 0, [Finding(check="library", level="problem", about=library.name, message=root)]
    if record is not None:
        now = identity_of_root(root)
        if (problem := why_unmounted(library.path, record.identity, now)) is not None:
            why = evidence(library.path, record.identity, now, record.drawn)
            about, hint = library.name, what_to_do(library.name)
            return 0, [
                Finding(check="library", level="problem", about=about, message=problem, hint=hint),
                Finding(check="library", level="note", about=about, message=why),
            ]
    count, folders, is_whole = _count(library, root)
    found = [unreadable(library.name, folders)] if folders else [_readable(library, count, is_whole=is_whole)]
    return count, [
        *found,
        *_file_systems(library, root),
        *_event_delivery(library, root),
        *_inode_numbers(library, root),
        *(_header_readers(library, record.drawn) if record else ()),
    ]


def _as_another_sees_it(finding: Finding, hint: str | None) -> Finding:
    """Judge what this user may not read: the user that runs reeld may have other rights."""
    if finding.check not in ("rights", "library") or finding.level != "problem":
        return finding
    message = f"{finding.message}. So it is for {user_name(os.geteuid())}; the user that runs reeld may see more"
    return replace(finding, level="note", message=message, hint=hint)


def _is_outdated(known: Finding, seen: Sequence[Finding]) -> bool:
    """Tell whether the catalogue's state is older than our own check, which did not find the library."""
    is_about_state = known.check == "library" and known.message.partition(":")[0] in (
        LibraryState.ONLINE,
        LibraryState.OFFLINE,
        LibraryState.UNVERIFIED,
    )
    return is_about_state and any(finding.check == "library" and finding.level == "problem" for finding in seen)


def _readable(library: Library, count: int, *, is_whole: bool) -> Finding:
    if is_whole:
        return Finding(check="rights", level="good", about=library.name, message=f"{count} folders can be read")
    message = f"{count} folders can be read; the others were not checked in {LISTING_SHARE * LONGEST_SCAN_S:g} s"
    return Finding(check="rights", level="note", about=library.name, message=message)


def _count(library: Library, root: RootSeen) -> tuple[int, list[str], bool]:
    """Count the folders and list those that cannot be read. Say whether all were seen in time."""
    until = time.monotonic() + LISTING_SHARE * LONGEST_SCAN_S
    count, folders = 0, list[str]()
    for found in walk(library.path, "", rules_of(library), seen=root):
        count += isinstance(found, Listing)
        if isinstance(found, Unreadable):
            folders.append(f"{readable(os.path.join(library.path, found.relative))} ({found.message})")
        if time.monotonic() > until:
            return count, folders, False
    return count, folders, True


def _file_systems(library: Library, root: RootSeen) -> Iterator[Finding]:
    if library.watch != "auto":
        return
    mounts = all_mounts()
    for mount in (mount_of(root.real_path, mounts), *mount_points_below(root.real_path, mounts)):
        if mount is not None and not mount.delivers_all_events:
            message = (
                f"{readable(mount.mount_point)} is a file system ({mount.fs_type}) where other machines may write "
                "without an event, so reeld polls it"
            )
            hint = 'if no other machine writes there, set watch = "events"'
            yield Finding(check="file system", level="note", about=library.name, message=message, hint=hint)


def _inode_numbers(library: Library, root: RootSeen) -> Iterator[Finding]:
    """Say what holds for a library that was not scanned yet."""
    yield from inode_numbers(library.name, identity_of_root(root), library.inodes)


def _header_readers(library: Library, drawn: Sequence[KnownFile]) -> Iterator[Finding]:
    """Say of how many files, drawn at random, reeld reads the headers without its prober."""
    until = time.monotonic() + HEADERS_SHARE * LONGEST_SCAN_S
    are_own: list[bool] = []
    for known in drawn:
        if time.monotonic() > until:
            break
        with contextlib.suppress(ReeldError), open_video(os.path.join(library.path, known.path)) as descriptor:
            are_own.append(read_headers(descriptor) is not None)
    if are_own:
        message = f"reeld reads the headers of {sum(are_own)} of {number_of(len(are_own), 'file')} itself"
        if not all(are_own):
            message += ", and asks its prober about the others"
        yield Finding(check="headers", level="good", about=library.name, message=message)


def _event_delivery(library: Library, root: RootSeen) -> Iterator[Finding]:
    if library.watch == "poll":
        return
    for place in (root.real_path, *(mount.mount_point for mount in root.mounts)):
        try:
            is_delivered = delivers_events(place)
        except CannotWatch as err:
            yield Finding(check="events", level="problem", about=library.name, message=str(err), hint=err.hint)
            continue
        if is_delivered:
            message = f"the kernel delivers the events of {readable(place)}"
            yield Finding(check="events", level="good", about=library.name, message=message)
        else:
            message = f"the kernel does not deliver the events of {readable(place)}"
            hint = 'set watch = "poll" for this library'
            yield Finding(check="events", level="problem", about=library.name, message=message, hint=hint)


# --- the children ----------------------------------------------------------------------------------------


def _children(config: Config) -> Iterator[Finding]:
    yield _child("reads names", identifier_pool(config), lambda pool: _reads_a_name(pool, config))
    yield _child("reads headers", prober_pool(config), lambda pool: _reads_headers(pool, config))


def _child(what: str, pool: WorkerPool, ask: Callable[[WorkerPool], bool]) -> Finding:
    try:
        answered = ask(pool)
    except ReeldError as err:
        message = f"the child that {what} does not work: {err}"
        return Finding(check="children", level="problem", message=message, hint=err.hint or _REINSTALL)
    finally:
        pool.close()
    if not answered:
        message = f"the child that {what} gives a wrong answer"
        return Finding(check="children", level="problem", message=message, hint="install reeld again")
    if not pool.landlock_abi:
        message = (
            f"the child that {what} answers, but this kernel has no Landlock: only its resource limits keep it from "
            "opening files"
        )
        hint = "use a kernel with Landlock, 5.13 or newer"
        return Finding(check="children", level="note", message=message, hint=hint)
    if not pool.forbids_calls:
        message = (
            f"the child that {what} is confined and answers, but no filter of system calls (seccomp) is in force: "
            f"reeld has none for {platform.machine()}, or this kernel refuses it"
        )
        hint = "nothing needs to be done: Landlock and the resource limits confine it"
        return Finding(check="children", level="note", message=message, hint=hint)
    message = f"the child that {what} answers, confined by Landlock and a filter of system calls (seccomp)"
    return Finding(check="children", level="good", message=message)


_REINSTALL = "install reeld again if this goes on"


def _reads_a_name(pool: WorkerPool, config: Config) -> bool:
    known = Clues(path="Heat (1995)/Heat (1995).mkv", library_kind="movies")
    (verdict,) = identify_all([known], lambda request: pool.call(request, timeout_s=config.identify.timeout_s))
    return isinstance(verdict, Accepted) and verdict.reading.title == "Heat"


def _reads_headers(pool: WorkerPool, config: Config) -> bool:
    descriptor = os.memfd_create("reeld-doctor")
    try:
        os.write(descriptor, _NO_VIDEO)
        answer = pool.call({}, (descriptor,), timeout_s=config.probe.timeout_s)
    finally:
        os.close(descriptor)
    return "read_errno" not in answer
