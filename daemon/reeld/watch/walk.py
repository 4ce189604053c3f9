"""Which files does the disk show right now?

Unknown is never absent. `os.walk` and `os.path.exists` call a dead FUSE mount an empty place (measured: []
and False, no error), so neither is used: whatever cannot be read is `Unreadable`, and `Vanished` is said
only of a name that a directory which could be read does not hold.

Symbolic links are not followed, below the root: every directory is opened name by name, each relative to
the one above it. Nothing stays open between two listings, so that a disk can be unmounted during a walk.
"""

import errno
import os
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Literal, NamedTuple

from reeld.domain.files import FileStamp, readable
from reeld.watch.coverage import Identity
from reeld.watch.mounts import Mount, mounted_below
from reeld.watch.rules import Rules

# The root may be a link: it is what its owner wrote. With O_DIRECTORY, opening a FIFO fails and never waits.
_OPEN_ROOT = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_OPEN_BELOW = _OPEN_ROOT | os.O_NOFOLLOW

_FORMS: tuple[Literal["NFC", "NFD"], ...] = ("NFC", "NFD")

_NAME = itemgetter(0)  # of a SeenFile; half the time of its attribute


@dataclass(frozen=True, slots=True, kw_only=True)
class RootSeen:
    """The directory that a library's path leads to at the moment.

    Two that are equal speak of the same directory with the same disks mounted below it.
    """

    device: int
    inode: int
    fs_id: int = 0
    real_path: str = ""
    mounts: tuple[Mount, ...] = ()
    """Those below it."""
    away: tuple[str, ...] = field(default=(), compare=False)
    """Folders of which nothing is to be believed: the disk that belongs there is away, or another is in its place."""

    @property
    def identity(self) -> Identity:
        return (self.device, self.inode)


class SeenFile(NamedTuple):
    """A regular file that is named like a video, as it was a moment ago.

    A tuple, and its stamp made on demand, because a walk makes one for each file: with frozen dataclasses
    200,000 files took 7.5 times as long as `find -type f`, so 4.3 times.
    """

    name: str
    directory: str
    status: os.stat_result

    @property
    def relative(self) -> str:
        """Its path below the library."""
        return join(self.directory, self.name)

    @property
    def stamp(self) -> FileStamp:
        return FileStamp.of(self.status)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """All that one directory held while it was read. Every tuple is sorted by name."""

    relative: str
    device: int
    inode: int
    mtime_ns: int
    """Of the directory, taken before it was read: a name that came or went since has changed it."""
    ctime_ns: int
    """As `mtime_ns`; but nobody can set this one back."""
    files: tuple[SeenFile, ...]
    companions: tuple[str, ...]
    """Names of the other regular files: sidecars, subtitles, downloads. They were not looked at."""
    directories: tuple[str, ...]
    """Names of the directories below that the rules let a walk enter."""
    others: tuple[str, ...]
    """Names of links, FIFOs, sockets and devices: never opened, never followed."""
    unknown: tuple[str, ...]
    """Names whose `stat` failed although they are there: nothing is known of them, least of all absence."""

    @property
    def identity(self) -> Identity:
        return (self.device, self.inode)

    @property
    def file_names(self) -> tuple[str, ...]:
        return tuple(map(_NAME, self.files))

    @property
    def sizes(self) -> Iterator[int]:
        return (seen.status.st_size for seen in self.files)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vanished:
    """There is no directory `relative`; the one above it was read. So nothing is at `relative` or below."""

    relative: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """Nothing is known of `relative` and of all below it. '' is the root: nothing of the library is known.

    `relative` may lie above the directory that was asked for. `message` is for a person.
    """

    relative: str
    errno: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What lies under some names of one directory, or that there is no such directory."""

    device: int
    """Of the directory, or of the last one on the way to where it was."""
    by_name: Mapping[str, os.stat_result | None]
    """None: certainly nothing. A name of which nothing is known is not in it."""


def check_root(root: str) -> RootSeen | str:
    """The directory that `root` leads to, or a sentence that says why there is none to read."""
    try:
        with os.scandir(root):
            status = os.stat(root)
        fs_id = os.statvfs(root).f_fsid
        real_path = os.path.realpath(root, strict=True)
    except FileNotFoundError:
        return f"{readable(root)} does not exist; connect the disk, or correct the library's path"
    except NotADirectoryError:
        return f"{readable(root)} is not a directory; correct the library's path"
    except PermissionError:
        return f"{readable(root)} may not be read; give the user that runs reeld the right to read it"
    except OSError as error:
        return f"{readable(root)} cannot be read ({error.strerror}); check the disk that it lies on"
    return RootSeen(
        device=status.st_dev,
        inode=status.st_ino,
        fs_id=fs_id,
        real_path=real_path,
        mounts=mounted_below(real_path),
    )


def list_directory(
    root: str, relative: str, rules: Rules, *, seen: RootSeen | None = None, is_spelled: bool = False
) -> Listing | Vanished | Unreadable:
    """What the directory holds. Ask `rules.why_skip_directory` first: it is not asked here.

    With `seen`, nothing is said of a root that is another directory than that one: a disk that was
    unmounted leaves an empty directory behind, and its emptiness is no news of the files. `is_spelled`: the names on
    the way are those of listings; else they count as they are spelled, see `stat_names`.
    """
    opened = _open_directory(root, relative, seen, is_spelled=is_spelled)
    if not isinstance(opened, int):
        return opened
    try:
        return _read_directory(opened, relative, rules)
    except OSError as error:
        return _unreadable(relative, error)
    finally:
        os.close(opened)


def walk(
    root: str, start: str, rules: Rules, *, seen: RootSeen | None = None
) -> Iterator[Listing | Vanished | Unreadable]:
    """List `start` and every directory below it that the rules let in, each before those below it, by name.

    Without `seen`, the root is what it is when the walk begins. When the root goes, or becomes another
    directory, an `Unreadable` of '' is the last word. A directory that is one of its own ancestors (a
    bind mount) is not listed again. Remembers only the names that wait to be entered.
    """
    if seen is None:
        checked = _identify_root(root)
        if isinstance(checked, Unreadable):
            yield checked
            return
        seen = checked
    if rules.why_skip_directory(start) is not None:
        return
    pending: list[tuple[str, tuple[Identity, ...]]] = [(start, ())]
    while pending:
        relative, ancestors = pending.pop()
        found = list_directory(root, relative, rules, seen=seen, is_spelled=relative != start)
        if isinstance(found, Listing):
            if found.identity in ancestors:
                continue
            lineage = (*ancestors, found.identity)
            pending.extend((join(relative, name), lineage) for name in reversed(found.directories))
        yield found
        if isinstance(found, Unreadable) and found.relative == "":
            return


def stat_names(root: str, relative: str, names: Collection[str], *, seen: RootSeen | None = None) -> Found | Unreadable:
    """What lies under these names of one directory now, which costs a `stat` each and no more.

    A name counts as it is spelled, and those of the directories on the way: where a file system takes HEAT.mkv for
    Heat.mkv, or one form of an accent for the other, only the directory's own list tells which of them is there.
    """
    opened = _open_directory(root, relative, seen)
    by_name: dict[str, os.stat_result | None] = {}
    if isinstance(opened, Vanished):
        by_name, names = dict.fromkeys(names), ()
        opened = _open_directory(root, os.path.dirname(opened.relative), seen)
    if isinstance(opened, Vanished):
        return Unreadable(relative=relative, errno=errno.ESTALE, message="it changes while it is looked at")
    if isinstance(opened, Unreadable):
        return opened
    try:
        return Found(device=os.fstat(opened).st_dev, by_name=by_name | _stat_all(opened, names))
    except OSError as error:
        return _unreadable(relative, error)
    finally:
        os.close(opened)


def join(relative: str, name: str) -> str:
    """The path of `name` in the directory `relative`; '' is the root."""
    return f"{relative}/{name}" if relative else name


def _stat_all(opened: int, names: Collection[str]) -> dict[str, os.stat_result | None]:
    """Raises OSError when the directory's list cannot be read, and it is needed."""
    found: dict[str, os.stat_result | None] = {}
    for name in names:
        try:
            found[name] = os.stat(name, dir_fd=opened, follow_symlinks=False)
        except FileNotFoundError:
            found[name] = None
        except OSError:
            continue
    if any(found.values()):
        spelled = frozenset(os.listdir(opened))
        found = {name: status if name in spelled else None for name, status in found.items()}
    return found


def _identify_root(root: str) -> RootSeen | Unreadable:
    try:
        status = os.stat(root)
    except OSError as error:
        return _unreadable("", error)
    return RootSeen(device=status.st_dev, inode=status.st_ino)


def _open_directory(
    root: str, relative: str, seen: RootSeen | None, *, is_spelled: bool = False
) -> int | Vanished | Unreadable:
    """A descriptor of the directory, opened name by name from the root; the caller closes it."""
    opened = _open_root(root, seen)
    if isinstance(opened, Unreadable):
        return opened
    reached = ""
    for name in relative.split("/") if relative else ():
        reached = join(reached, name)
        try:
            below = _open_below(opened, name, is_spelled=is_spelled)
        except (FileNotFoundError, NotADirectoryError):
            return Vanished(relative=reached)
        except OSError as error:
            return _unreadable(reached, error)
        finally:
            os.close(opened)
        opened = below
    return opened


def _open_below(opened: int, name: str, *, is_spelled: bool) -> int:
    """Raises OSError; FileNotFoundError also if the directory there is spelled otherwise."""
    below = os.open(name, _OPEN_BELOW, dir_fd=opened)
    try:
        if is_spelled or not _has_other_spelling(opened, name) or name in os.listdir(opened):
            return below
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
    except OSError:
        os.close(below)
        raise


def _has_other_spelling(opened: int, name: str) -> bool:
    """Whether another spelling of the name leads somewhere as well, or may: nearly nowhere. A list of thousands of
    folders, for each of them, would be dear.
    """
    forms = (unicodedata.normalize(form, name) for form in _FORMS)
    for other in {name.swapcase(), *forms} - {name}:
        try:
            os.stat(other, dir_fd=opened, follow_symlinks=False)
        except FileNotFoundError:
            continue
        except OSError:
            pass
        return True
    return False


def _open_root(root: str, seen: RootSeen | None) -> int | Unreadable:
    try:
        opened = os.open(root, _OPEN_ROOT)
    except OSError as error:
        return _unreadable("", error)
    status = os.fstat(opened)
    if seen is None or seen.identity == (status.st_dev, status.st_ino):
        return opened
    os.close(opened)
    return Unreadable(relative="", errno=errno.ESTALE, message="another directory is at the library's path")


def _read_directory(opened: int, relative: str, rules: Rules) -> Listing:
    """Raises OSError when the directory cannot be read to its end: half a listing is not returned."""
    status = os.fstat(opened)
    files: list[SeenFile] = []
    companions: list[str] = []
    directories: list[str] = []
    others: list[str] = []
    unknown: list[str] = []
    # Of 200,000 files each call counts: SeenFile's own constructor is Python, a tuple's is not.
    is_video_name, make = rules.is_video_name, tuple.__new__
    with os.scandir(opened) as entries:
        for entry in entries:
            name = entry.name
            try:
                if entry.is_file(follow_symlinks=False):
                    if is_video_name(name):
                        files.append(make(SeenFile, (name, relative, entry.stat(follow_symlinks=False))))
                    else:
                        companions.append(name)
                elif entry.is_dir(follow_symlinks=False):
                    directories.append(name)
                else:
                    others.append(name)
            except FileNotFoundError:
                continue
            except OSError:
                unknown.append(name)
    return Listing(
        relative=relative,
        device=status.st_dev,
        inode=status.st_ino,
        mtime_ns=status.st_mtime_ns,
        ctime_ns=status.st_ctime_ns,
        files=tuple(sorted(files, key=_NAME)),
        companions=tuple(sorted(companions)),
        directories=tuple(
            name for name in sorted(directories) if rules.why_skip_directory(join(relative, name)) is None
        ),
        others=tuple(sorted(others)),
        unknown=tuple(sorted(unknown)),
    )


def _unreadable(relative: str, error: OSError) -> Unreadable:
    what = readable(relative) if relative else "the library's path"
    cause = error.strerror or type(error).__name__
    return Unreadable(relative=relative, errno=error.errno or errno.EIO, message=f"{what}: {cause}")
