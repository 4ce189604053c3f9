"""How are disks plugged in and out, with and without root?

With root a library lies on a tmpfs of its own, which stays mounted in a drawer while it is "unplugged" from its path,
so that it comes back with the same files and inodes. Without root the library's folder is renamed.
"""

import contextlib
import ctypes
import os
import random
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuse import FuseDisk, Numbering, why_unavailable

CAN_MOUNT = os.geteuid() == 0
CAN_RENUMBER = why_unavailable() is None


_MS_BIND = 4096
_MNT_DETACH = 2
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(kw_only=True)
class FlashDrive:
    """A disk whose files have other inode numbers, and no true ctime, each time it is plugged in."""

    files: str
    """Where its files are changed."""
    path: str
    """Where reeld sees them."""
    _disk: FuseDisk | None = None

    def __post_init__(self) -> None:
        os.makedirs(self.files, exist_ok=True)
        mount_tmpfs(self.files, "256m")
        os.makedirs(self.path, exist_ok=True)
        self.plug("count")

    def plug(self, numbering: Numbering) -> None:
        self._pull()
        self._disk = FuseDisk(Path(self.files), Path(self.path))
        self._disk.renumber(numbering)
        self._disk.forget_ctimes()

    def close(self) -> None:
        self._pull()
        unmount(self.files)

    def _pull(self) -> None:
        if self._disk is not None:
            self._disk.close()
            self._disk = None

    def as_seen(self, path: str) -> str:
        """Return where reeld sees what is changed at this path, also if it lies on another disk."""
        is_here = f"{path}/".startswith(f"{self.files}/")
        return f"{self.path}{path.removeprefix(self.files)}" if is_here else path


def mount_tmpfs(path: str, size: str) -> None:
    """By the system call: a process for each of thousands of mounts would cost more than all else."""
    _check(_libc.mount(b"reeld-model", os.fsencode(path), b"tmpfs", 0, f"size={size},mode=755".encode()), path)


def mount_again(path: str, other: str) -> None:
    """What lies at `path` is at `other`, too."""
    _check(_libc.mount(os.fsencode(path), os.fsencode(other), None, _MS_BIND, None), other)


def unmount(path: str) -> None:
    """Now, whoever uses it."""
    _check(_libc.umount2(os.fsencode(path), _MNT_DETACH), path)


def _check(result: int, path: str) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), path)


@dataclass(kw_only=True)
class Plug:
    """A folder that can be there, or be away in several ways."""

    path: str
    drawer: str
    """Where its files are meanwhile; a tmpfs of its own if `is_mounted`."""
    is_mounted: bool
    _mounted: list[str] = field(default_factory=list)
    """What is mounted, the last one last."""
    is_away: bool = False

    def __post_init__(self) -> None:
        os.makedirs(self.path, exist_ok=True)
        if self.is_mounted:
            os.makedirs(self.drawer, exist_ok=True)
            mount_tmpfs(self.drawer, "256m")
            self._mounted.append(self.drawer)
            self.plug()

    def plug(self) -> None:
        """Everything is back as it was."""
        if self.is_mounted:
            while self._mounted[-1] == self.path:  # another disk lies over it
                unmount(self._mounted.pop())
            mount_again(self.drawer, self.path)
            self._mounted.append(self.path)
        elif self.is_away:
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(self.path)
            os.rename(self.drawer, self.path)
        self.is_away = False

    def unplug(self, rng: random.Random, *, may_leave_something: bool) -> str:
        """Take it away; how. What stays in its place is nothing, an empty folder, or somebody else's disk."""
        how = rng.choice(("nothing", "an empty folder", "another disk") if may_leave_something else ("nothing",))
        if self.is_mounted:
            how = "another disk" if how == "another disk" else "an empty folder"
            if how == "another disk":
                mount_tmpfs(self.path, "1m")
                self._mounted.append(self.path)
            else:
                unmount(self._mounted.pop())
        else:
            os.rename(self.path, self.drawer)
            if how != "nothing":
                os.mkdir(self.path)
        if how == "another disk":
            for number in range(2):
                with open(os.path.join(self.path, f"Stranger {number} (1970).mkv"), "wb") as file:
                    file.write(b"not of this library" * (number + 1))
        self.is_away = True
        return f"{self.path} is away, {how} is left"

    def close(self) -> None:
        while self._mounted:
            with contextlib.suppress(OSError):
                unmount(self._mounted.pop())
