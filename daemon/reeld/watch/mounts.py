"""Finds the file system of a path, and whether the kernel reports all changes on it.

Reads `/proc/self/mountinfo`, see proc_pid_mountinfo(5). That touches no disk, so a dead network
mount blocks nothing.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

# On these, others can write without an event here. Measured for FUSE (bindfs) and overlay, and
# true of every network file system by its nature.
_WITHOUT_EVENTS = frozenset({
    "9p", "afs", "ceph", "cifs", "coda", "davfs", "glusterfs", "mergerfs", "ncpfs", "nfs", "nfs4", "overlay",
    "smb3", "smbfs", "vboxsf", "virtiofs", "vmhgfs",
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A file system and the place where it is mounted."""

    mount_point: str
    fs_type: str
    source: str
    """The disk, the server's share or another source of the file system."""
    device: tuple[int, int]
    """Major and minor number of all files on it. On btrfs `stat` shows others for its subvolumes."""
    top: str = "/"
    """The directory of the file system that is visible there. A bind mount shows a part."""

    @property
    def delivers_all_events(self) -> bool:
        """Whether inotify reports all changes here, made by any program or machine."""
        return self.fs_type not in _WITHOUT_EVENTS and self.fs_type.partition(".")[0] not in ("fuse", "fuseblk")


def all_mounts() -> list[Mount]:
    """List every mount that this process sees, in the order of mounting; none without /proc."""
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as lines:
            return parse_mounts(lines)
    except OSError:
        return []


def mount_of(path: str, mounts: Iterable[Mount]) -> Mount | None:
    """Find the mount of an absolute path without links: the latest of those with the longest name."""
    found: Mount | None = None
    for mount in mounts:
        is_above = path == mount.mount_point or path.startswith(mount.mount_point.rstrip("/") + "/")
        if is_above and (found is None or len(mount.mount_point) >= len(found.mount_point)):
            found = mount
    return found


def device_of_mount(path: str, mounts: Iterable[Mount]) -> int | None:
    """Return the device number of the mount that holds this path, without asking its disk."""
    mount = mount_of(path, mounts)
    return None if mount is None else os.makedev(*mount.device)


def mount_points_below(root: str, mounts: Iterable[Mount]) -> list[Mount]:
    """List the mounts within a directory, without the directory itself."""
    prefix = root.rstrip("/") + "/"
    return [mount for mount in mounts if mount.mount_point.startswith(prefix) and mount.mount_point != prefix]


def mounted_below(root: str) -> tuple[Mount, ...]:
    """List the current mounts within a directory. Runs after each scan, so only matching lines are
    parsed.
    """
    try:
        with open("/proc/self/mountinfo", "rb", buffering=0) as file:
            return _mounted_below(root, file.read())
    except OSError:
        return ()


@lru_cache(maxsize=8)
def _mounted_below(root: str, table: bytes) -> tuple[Mount, ...]:
    # The table is read for each folder of a scan, and hardly ever changes.
    lines = table.decode("utf-8", "surrogateescape").split("\n")
    prefix = root.rstrip("/") + "/"
    near = [line for line in lines if line and _unescaped(line.split(" ", 5)[4]).startswith(prefix)]
    return tuple(mount_points_below(root, parse_mounts(near)))


def parse_mounts(lines: Iterable[str]) -> list[Mount]:
    """Parse lines like `36 35 98:0 / /mnt rw,noatime master:1 - ext3 /dev/root rw`; skip all others."""
    return [mount for line in lines if (mount := _parse(line)) is not None]


def _parse(line: str) -> Mount | None:
    before, dash, after = line.partition(" - ")
    facts, behind = before.split(" "), after.split(" ")
    if not dash or len(facts) < 5 or len(behind) < 2:
        return None
    major, _, minor = facts[2].partition(":")
    return Mount(
        mount_point=_unescaped(facts[4]),
        fs_type=behind[0],
        source=_unescaped(behind[1]),
        device=(int(major), int(minor)),
        top=_unescaped(facts[3]),
    )


def _unescaped(text: str) -> str:
    r"""Decode blank, tab, line end and backslash from `\040`, `\011`, `\012` and `\134`."""
    if "\\" not in text:
        return text
    raw = os.fsencode(text)
    for escaped, byte in ((b"\\040", b" "), (b"\\011", b"\t"), (b"\\012", b"\n"), (b"\\134", b"\\")):
        raw = raw.replace(escaped, byte)
    return os.fsdecode(raw)
