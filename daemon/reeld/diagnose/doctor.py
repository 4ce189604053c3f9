"""Is all well, as thoroughly as it can be told from outside the daemon? `reeld doctor` asks this.

Beside what can be told at a glance (`health.py`): rights, the integrity of the catalogue and of its newest backup,
each library's folders and file system, whether the kernel tells of what happens there, and whether the confined
children start and answer. Nothing is written anywhere; a disk that does not answer is left alone after some seconds.
"""

import os
import pwd
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from reeld.catalog import views
from reeld.config import Config, Library
from reeld.database.backup import is_sound, newest_of
from reeld.database.connection import close_catalog, open_catalog, require_whole
from reeld.diagnose.health import Finding, HealthInputs, quick_checks, unreadable, utc_now, watch_limit
from reeld.domain.files import readable
from reeld.domain.identity import Accepted, Clues
from reeld.errors import CatalogError, NotFoundError, ReeldError
from reeld.identify.batch import identify_all
from reeld.scanner.library_scanner import rules_of
from reeld.service.instance_lock import status_of
from reeld.service.stage_context import identifier_pool, prober_pool
from reeld.service.timeouts import in_time
from reeld.service.worker_pool import WorkerPool
from reeld.watch.limits import CannotWatch, delivers_events
from reeld.watch.mounts import all_mounts, mount_of, mount_points_below
from reeld.watch.walk import Listing, RootSeen, Unreadable, check_root, walk

# For the folders of one library; a disk that slept needs 15 s to turn again.
LONGEST_LOOK_S = 60.0

# Space that a video's header could be in, which the prober must answer for; no video, so that nothing is decoded.
_NO_VIDEO = b"\x1a\x45\xdf\xa3" + bytes(4092)


def examine(config: Config) -> Iterator[Finding]:
    """Every finding, good or not, as soon as it is there. `config` was found to be good already."""
    yield Finding(check="configuration", level="good", message=f"{config.source or 'the built-in defaults'}: good")
    yield from _state_directory(config)
    libraries: list[dict[str, Any]] = []
    failed = 0
    try:
        open_catalog(config.database_path, create=False)
        libraries, counts = views.libraries(), views.counts()
        failed = counts["failed"]
        yield _whole(sum(counts["files"].values()))
    except NotFoundError as err:
        yield Finding(check="database", level="note", message=err.with_hint)
    except CatalogError as err:
        yield Finding(check="database", level="problem", message=err.with_hint)
    finally:
        close_catalog()
    yield from _newest_backup(config)
    running = status_of(config.database_path)
    inputs = HealthInputs(config=config, running=running, libraries=libraries, failed=failed, now=utc_now())
    glance = quick_checks(inputs)
    names = {library.name for library in config.libraries}
    yield from (told for told in glance if told.about not in names)
    directories = 0
    for library in config.libraries:
        count, findings = _look_at(library)
        directories += count
        yield from (told for told in glance if told.about == library.name and not _is_overtaken(told, findings))
        yield from findings
    if not any(finding.check == "limits" for finding in glance):
        yield from watch_limit(directories)
    yield from _children(config)


# --- the state directory ---------------------------------------------------------------------------------


def _state_directory(config: Config) -> Iterator[Finding]:
    folder = os.path.dirname(config.database_path)
    try:
        owner = os.stat(folder).st_uid
    except OSError as err:
        message = f"{readable(folder)} cannot be looked at ({err.strerror}); reeld makes it when it starts"
        yield Finding(check="rights", level="note", message=message)
        return
    if owner != os.geteuid():
        name = _user(owner)
        message = (
            f"{readable(folder)} belongs to {name}, and you are {_user(os.geteuid())}: whether reeld has the rights "
            f"that it needs is told by sudo -u {name} reeld doctor"
        )
        yield Finding(check="rights", level="note", message=message)
    elif not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        message = f"{readable(folder)} may not be written to; give the user that runs reeld the right to"
        yield Finding(check="rights", level="problem", message=message)
    else:
        yield Finding(check="rights", level="good", message=f"{readable(folder)} may be written to")
    mount = mount_of(os.path.realpath(folder), all_mounts())
    if mount is not None and not mount.delivers_all_events and mount.fs_type != "overlay":
        message = (
            f"the catalogue lies on a file system ({mount.fs_type}) on which SQLite's log does not work safely; name a "
            "folder on a local disk under [database] path"
        )
        yield Finding(check="file system", level="problem", message=message)


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"


def _whole(files: int) -> Finding:
    schema = require_whole()
    return Finding(check="database", level="good", message=f"whole: schema {schema}, {files} files")


def _newest_backup(config: Config) -> Iterator[Finding]:
    newest = newest_of(config.database_path)
    if newest is not None and not is_sound(newest.path):
        message = (
            f"the newest backup, {readable(newest.path)}, is damaged, or cannot be read; check the disk, and make "
            "another: reeld backup FILE"
        )
        yield Finding(check="backups", level="problem", message=message)


# --- a library -------------------------------------------------------------------------------------------


def _look_at(library: Library) -> tuple[int, list[Finding]]:
    """How many folders it has, as far as they could be counted, and what was found."""
    root = in_time(lambda: check_root(library.path), LONGEST_LOOK_S)
    if root is None:
        message = f"{readable(library.path)} does not answer; check its disk, or the server that it lies on"
        return 0, [Finding(check="library", level="problem", about=library.name, message=message)]
    if isinstance(root, str):
        return 0, [Finding(check="library", level="problem", about=library.name, message=root)]
    count, folders = _count(library, root)
    found = [unreadable(library.name, folders)] if folders else [_readable(library, count)]
    return count, [*found, *_file_systems(library, root), *_telling(library, root)]


def _is_overtaken(told: Finding, seen: Sequence[Finding]) -> bool:
    """Whether the catalogue's word on whether a library is there is older than a look that did not find it just now."""
    is_about_being_there = told.check == "library" and told.message.startswith(("online: ", "offline: "))
    return is_about_being_there and any(finding.check == "library" for finding in seen)


def _readable(library: Library, count: int) -> Finding:
    return Finding(check="rights", level="good", about=library.name, message=f"{count} folders can be read")


def _count(library: Library, root: RootSeen) -> tuple[int, list[str]]:
    """Its folders, and those that cannot be read, as far as there is time."""
    until = time.monotonic() + LONGEST_LOOK_S
    count, folders = 0, list[str]()

    def look() -> bool:
        nonlocal count
        for found in walk(library.path, "", rules_of(library), seen=root):
            count += isinstance(found, Listing)
            if isinstance(found, Unreadable):
                folders.append(f"{readable(os.path.join(library.path, found.relative))} ({found.message})")
            if time.monotonic() > until:
                break
        return True

    in_time(look, LONGEST_LOOK_S)
    return count, list(folders)


def _file_systems(library: Library, root: RootSeen) -> Iterator[Finding]:
    if library.watch != "auto":
        return
    mounts = all_mounts()
    for mount in (mount_of(root.real_path, mounts), *mount_points_below(root.real_path, mounts)):
        if mount is not None and not mount.delivers_all_events:
            message = (
                f"{readable(mount.mount_point)} is a file system ({mount.fs_type}) where others may write without this "
                'kernel\'s telling, so it is looked at by the clock; write watch = "events" if nobody else writes there'
            )
            yield Finding(check="file system", level="note", about=library.name, message=message)


def _telling(library: Library, root: RootSeen) -> Iterator[Finding]:
    if library.watch == "poll":
        return
    for place in (root.real_path, *(mount.mount_point for mount in root.mounts)):
        try:
            is_told = in_time(lambda place=place: delivers_events(place), LONGEST_LOOK_S)  # type: ignore[misc]
        except CannotWatch as err:
            yield Finding(check="events", level="problem", about=library.name, message=err.with_hint)
            continue
        message = f"the kernel tells of what is done in {readable(place)}"
        if not is_told:
            message = (
                f'the kernel does not tell of what is done in {readable(place)}; set watch = "poll" for this library, '
                "and it is looked at by the clock alone"
            )
        yield Finding(check="events", level="good" if is_told else "problem", about=library.name, message=message)


# --- the children ----------------------------------------------------------------------------------------


def _children(config: Config) -> Iterator[Finding]:
    yield _child("reads names", identifier_pool(config), lambda pool: _reads_a_name(pool, config))
    yield _child("reads headers", prober_pool(config), lambda pool: _reads_headers(pool, config))


def _child(what: str, pool: WorkerPool, ask: Callable[[WorkerPool], bool]) -> Finding:
    try:
        answered = ask(pool)
    except ReeldError as err:
        message = f"the child that {what} does not work: {err.with_hint}; install reeld again if this goes on"
        return Finding(check="children", level="problem", message=message)
    finally:
        pool.close()
    if not answered:
        message = f"the child that {what} answers, but wrongly; install reeld anew"
        return Finding(check="children", level="problem", message=message)
    if not pool.landlock_abi:
        message = (
            f"the child that {what} answers, and this kernel has no Landlock to confine it with: its limits alone keep "
            "it from opening files; a kernel from 5.13 on, with Landlock, would forbid it"
        )
        return Finding(check="children", level="note", message=message)
    return Finding(check="children", level="good", message=f"the child that {what} is confined, and answers")


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
