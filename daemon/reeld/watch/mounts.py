"""Which file system does a path lie on, and does the kernel tell of what happens there?

Read from `/proc/self/mountinfo`, as proc_pid_mountinfo(5) describes it. Reading it touches no disk, so that a dead
network mount holds nobody up.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass

# Somebody else may write behind the mount, and the kernel here is not told: measured for FUSE (bindfs) and overlay,
# true of every network file system by its nature.
_TELL_NOTHING = frozenset({
    "9p", "afs", "ceph", "cifs", "coda", "davfs", "glusterfs", "mergerfs", "ncpfs", "nfs", "nfs4", "overlay",
    "smb3", "smbfs", "vboxsf", "virtiofs", "vmhgfs",
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A file system and where it is mounted."""

    mount_point: str
    fs_type: str
    source: str
    """The disk, the server's share or what else the file system lies on."""
    device: tuple[int, int]
    """Major and minor number, as of all files on it; btrfs shows `stat` others for its subvolumes."""
    top: str = "/"
    """Which directory of the file system is to be seen there; a bind mount shows a part."""

    @property
    def delivers_all_events(self) -> bool:
        """Whether inotify tells of all that happens here, whoever does it."""
        return self.fs_type not in _TELL_NOTHING and self.fs_type.partition(".")[0] not in ("fuse", "fuseblk")


def all_mounts() -> list[Mount]:
    """Every mount of this process' view, in the order in which they were made; none without /proc."""
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as lines:
            return parse_mounts(lines)
    except OSError:
        return []


def mount_of(path: str, mounts: Iterable[Mount]) -> Mount | None:
    """The mount that an absolute path without links lies on: the last made of those with the longest name."""
    found: Mount | None = None
    for mount in mounts:
        is_above = path == mount.mount_point or path.startswith(mount.mount_point.rstrip("/") + "/")
        if is_above and (found is None or len(mount.mount_point) >= len(found.mount_point)):
            found = mount
    return found


def mount_points_below(root: str, mounts: Iterable[Mount]) -> list[Mount]:
    """The mounts within a directory, itself not included."""
    prefix = root.rstrip("/") + "/"
    return [mount for mount in mounts if mount.mount_point.startswith(prefix) and mount.mount_point != prefix]


def mounted_below(root: str) -> tuple[Mount, ...]:
    """The mounts within a directory right now. Asked after each look: only the lines that matter are taken apart."""
    prefix = root.rstrip("/") + "/"
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as lines:
            near = [line for line in lines if _unescaped(line.split(" ", 5)[4]).startswith(prefix)]
    except OSError:
        return ()
    return tuple(mount_points_below(root, parse_mounts(near)))


def parse_mounts(lines: Iterable[str]) -> list[Mount]:
    """A line is `36 35 98:0 / /mnt rw,noatime master:1 - ext3 /dev/root rw`; those of another shape are left out."""
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
    r"""Blank, tab, line end and backslash stand as `\040`, `\011`, `\012` and `\134`."""
    if "\\" not in text:
        return text
    raw = os.fsencode(text)
    for escaped, byte in ((b"\\040", b" "), (b"\\011", b"\t"), (b"\\012", b"\n"), (b"\\134", b"\\")):
        raw = raw.replace(escaped, byte)
    return os.fsdecode(raw)
