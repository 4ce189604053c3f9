"""Lists the directories of a library, and never reports the unknown as absent.

`os.walk` and `os.path.exists` report a dead FUSE mount as an empty place (measured: [] and False,
no error), so neither is used. Everything that cannot be read is `Unreadable`. `Vanished` is
returned only for a name that is missing from a directory which was read.

Symbolic links below the root are not followed. Every directory is opened name by name, each
relative to the one above. Nothing stays open between two listings, so a disk can be unmounted
during a walk.
"""

import errno
import os
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Literal, NamedTuple

from reeld.domain.files import FileStamp, readable
from reeld.domain.sidecars import SIDECAR_SUFFIXES
from reeld.watch.coverage import Identity
from reeld.watch.inode_trust import Inodes
from reeld.watch.mounts import Mount, mounted_below
from reeld.watch.rules import Rules

# The root may be a link, as the user configured it. With O_DIRECTORY, opening a FIFO fails at
# once.
_OPEN_ROOT = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_OPEN_BELOW = _OPEN_ROOT | os.O_NOFOLLOW

_FORMS: tuple[Literal["NFC", "NFD"], ...] = ("NFC", "NFD")

_NAME = itemgetter(0)  # of a SeenFile; takes half the time of its attribute


@dataclass(frozen=True, slots=True, kw_only=True)
class RootSeen:
    """The directory that a library's path leads to at the moment.

    Two equal values mean the same directory with the same disks mounted below it.
    """

    device: int
    inode: int
    fs_id: int = 0
    real_path: str = ""
    mounts: tuple[Mount, ...] = ()
    """The mounts below the root."""
    away: tuple[str, ...] = field(default=(), compare=False)
    """Folders whose content must not be trusted: their disk is away, or another is in its place."""
    inodes: Inodes = field(default=Inodes(), compare=False)
    """Where the inode numbers of files count."""

    @property
    def identity(self) -> Identity:
        return (self.device, self.inode)

    def is_still(self, other: "RootSeen | str") -> bool:
        """Tell whether this directory, with its disks, is what was found later at the same path."""
        if isinstance(other, str):
            return False
        return self == (replace(other, inode=self.inode) if self.inodes.why_distrusted("") else other)


class SeenFile(NamedTuple):
    """A regular file with a video's name, as it was a moment ago.

    A tuple, with its stamp made on demand, because a walk makes one for each file. With frozen
    dataclasses 200,000 files took 7.5 times as long as `find -type f`, this way 4.3 times.
    """

    name: str
    directory: str
    status: os.stat_result

    @property
    def relative(self) -> str:
        """The path below the library."""
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
    """The directory's mtime, taken before reading: a later change of its names changes it."""
    ctime_ns: int
    """As `mtime_ns`, but no program can set it back."""
    files: tuple[SeenFile, ...]
    companions: tuple[str, ...]
    """Names of the other regular files: sidecars, downloads, and what has nothing to do with videos."""
    sidecars: tuple[tuple[str, os.stat_result], ...] = ()
    """Those of the companions that may be sidecars, as far as their suffixes tell, with their status; unsorted."""
    nfos: tuple[tuple[str, os.stat_result], ...] = ()
    """Those of the sidecars that are .nfo files: they count for names."""
    directories: tuple[str, ...]
    """Names of the subdirectories that the rules let a walk enter."""
    others: tuple[str, ...]
    """Names of links, FIFOs, sockets and devices: never opened, never followed."""
    unknown: tuple[str, ...]
    """Names that exist but whose `stat` failed: nothing is known, least of all absence."""
    has_inodes: bool = True
    """Whether the files have inode numbers. Those that prove nothing are 0."""
    is_renumbered: bool = False
    """Whether a file's number is not that of its name: then its file system invents numbers."""

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
    """`relative` and all below it is gone: the directory above was read and lacks it."""

    relative: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """`relative` and all below it is unknown. '' is the root: the whole library is unknown.

    `relative` may lie above the requested directory. `message` is for the user.
    """

    relative: str
    errno: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What some names of one directory lead to, or that there is no such directory."""

    device: int
    """Of the directory, or of the last existing one above it."""
    by_name: Mapping[str, os.stat_result | None]
    """None: certainly absent. An unknown name is missing from the mapping."""


def check_root(root: str) -> RootSeen | str:
    """Return the directory that `root` leads to, or a sentence why it cannot be read."""
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
    """List one directory. Check `rules.why_skip_directory` first: this does not.

    With `seen`, a root that is another directory yields `Unreadable`: an unmounted disk leaves an
    empty directory behind, and its emptiness says nothing about the files. `is_spelled` means
    that the names on the way come from listings. Otherwise their spelling is checked, see
    `stat_names`.
    """
    opened = _open_directory(root, relative, seen, is_spelled=is_spelled)
    if not isinstance(opened, int):
        return opened
    try:
        found = _read_directory(opened, relative, rules)
        return found if seen is None or seen.inodes.why_distrusted(relative) is None else _without_inodes(found)
    except OSError as error:
        return _unreadable(relative, error)
    finally:
        os.close(opened)


def walk(
    root: str, start: str, rules: Rules, *, seen: RootSeen | None = None
) -> Iterator[Listing | Vanished | Unreadable]:
    """List `start` and every directory below it that the rules allow, each before those below it, by
    name.

    Without `seen`, the root at the start of the walk counts. If the root goes, or becomes another
    directory, an `Unreadable` of '' comes last. A directory that is its own ancestor (a bind
    mount) is not listed again. Only the names still to enter are kept in memory.
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
    """Find what these names of one directory lead to now, at one `stat` each.

    The exact spelling counts, also of the directories on the way. A file system may accept
    HEAT.mkv for Heat.mkv, or one form of an accent for the other. Only the directory's listing
    shows which one exists.
    """
    opened = _open_directory(root, relative, seen)
    by_name: dict[str, os.stat_result | None] = {}
    if isinstance(opened, Vanished):
        by_name, names = dict.fromkeys(names), ()
        opened = _open_directory(root, os.path.dirname(opened.relative), seen)
    if isinstance(opened, Vanished):
        return Unreadable(relative=relative, errno=errno.ESTALE, message="it changed while it was listed")
    if isinstance(opened, Unreadable):
        return opened
    try:
        device = os.fstat(opened).st_dev
        found = _stat_all(opened, names)
        if seen is not None and seen.inodes.why_distrusted(relative):
            found = {name: status and _without_inode(status, device) for name, status in found.items()}
        return Found(device=device, by_name=by_name | found)
    except OSError as error:
        return _unreadable(relative, error)
    finally:
        os.close(opened)


def join(relative: str, name: str) -> str:
    """Return the path of `name` in the directory `relative`; '' is the root."""
    return f"{relative}/{name}" if relative else name


def _stat_all(opened: int, names: Collection[str]) -> dict[str, os.stat_result | None]:
    """Raises OSError if the directory's listing is needed and cannot be read."""
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
    """Open the directory name by name from the root. The caller closes the descriptor."""
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
    """Raises OSError; also FileNotFoundError if the directory has another spelling."""
    below = os.open(name, _OPEN_BELOW, dir_fd=opened)
    try:
        if is_spelled or not _has_other_spelling(opened, name) or name in os.listdir(opened):
            return below
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), name)
    except OSError:
        os.close(below)
        raise


def _has_other_spelling(opened: int, name: str) -> bool:
    """Tell whether another spelling of the name exists, or may. That is rare.

    So the listing, which is dear for thousands of folders, is read only then.
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
    if seen.inodes.why_distrusted("") and seen.device == status.st_dev:
        return opened
    os.close(opened)
    return Unreadable(relative="", errno=errno.ESTALE, message="another directory is at the library's path")


def _read_directory(opened: int, relative: str, rules: Rules) -> Listing:
    """Raises OSError if the directory cannot be read to its end: half a listing is not returned."""
    status = os.fstat(opened)
    files: list[SeenFile] = []
    companions: list[str] = []
    sidecars: list[tuple[str, os.stat_result]] = []
    nfos: list[tuple[str, os.stat_result]] = []
    directories: list[str] = []
    others: list[str] = []
    unknown: list[str] = []
    # With 200,000 files each call counts. SeenFile's own constructor is Python, a tuple's is not. This asks what
    # `rules.is_video_name` answers.
    extensions, make = rules.extensions, tuple.__new__
    last: os.DirEntry[str] | None = None
    with os.scandir(opened) as entries:
        for entry in entries:
            name = entry.name
            try:
                if entry.is_file(follow_symlinks=False):
                    if (dot := name.rfind(".", 1)) > 0 and name[dot + 1 :].lower() in extensions:
                        files.append(make(SeenFile, (name, relative, entry.stat(follow_symlinks=False))))
                        last = entry
                    else:
                        if (suffix := name[name.rfind(".") + 1 :].lower()) in SIDECAR_SUFFIXES:
                            sidecars.append((name, entry.stat(follow_symlinks=False)))
                            if suffix == "nfo":
                                nfos.append(sidecars[-1])
                        companions.append(name)
                elif entry.is_dir(follow_symlinks=False):
                    directories.append(name)
                else:
                    others.append(name)
            except FileNotFoundError:
                continue
            except OSError:
                unknown.append(name)
    # One of them tells: a file system that invents numbers does so for all (measured). But a file may have been
    # replaced since its name was read.
    is_renumbered = last is not None and last.inode() != files[-1].status.st_ino and _invents_inodes(opened)
    return Listing(
        relative=relative,
        device=status.st_dev,
        inode=status.st_ino,
        mtime_ns=status.st_mtime_ns,
        ctime_ns=status.st_ctime_ns,
        files=tuple(sorted(files, key=_NAME)),
        companions=tuple(sorted(companions)),
        sidecars=tuple(sidecars),
        nfos=tuple(nfos),
        directories=tuple(name for name in sorted(directories) if rules.why_not_enter(join(relative, name)) is None),
        others=tuple(sorted(others)),
        unknown=tuple(sorted(unknown)),
        is_renumbered=is_renumbered,
    )


def _invents_inodes(opened: int) -> bool:
    """Tell whether no file of the directory has the number of its name, twice in a row. Raises OSError."""
    for _ in range(2):
        with os.scandir(opened) as entries:
            for entry in entries:
                with suppress(FileNotFoundError):
                    if not entry.is_file(follow_symlinks=False):
                        continue
                    if entry.inode() == entry.stat(follow_symlinks=False).st_ino:
                        return False
    return True


def _without_inodes(found: Listing) -> Listing:
    files = tuple(SeenFile(name, folder, _without_inode(status, found.device)) for name, folder, status in found.files)
    return replace(found, files=files, has_inodes=False, is_renumbered=False)


def _without_inode(status: os.stat_result, device: int) -> os.stat_result:
    """Return the status without its inode number, which proves nothing, and on the folder's device.

    An overlay of two file systems gives files other devices than their folders.
    """
    times = {"st_mtime_ns": status.st_mtime_ns, "st_ctime_ns": status.st_ctime_ns}
    return os.stat_result((status.st_mode, 0, device, *status[3:10]), times)


def _unreadable(relative: str, error: OSError) -> Unreadable:
    what = readable(relative) if relative else "the library's path"
    cause = error.strerror or type(error).__name__
    return Unreadable(relative=relative, errno=error.errno or errno.EIO, message=f"{what}: {cause}")
