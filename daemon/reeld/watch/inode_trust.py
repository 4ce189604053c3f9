"""Tells on which mounts a file keeps its inode number, so that the number proves which file it is.

exFAT, FAT, sshfs, unionfs and others invent the numbers: at each mount, or when the kernel forgets
a file. Then another file has the number that this one had. So a mount is trusted by the type of
its file system, and only where all of its kind keep their numbers. Numbers that were kept prove
nothing: the same order of look-ups gives the same numbers again. Numbers that were not kept prove
that no later one counts.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Distrust = Literal["type", "renumbered", "setting"]
"""Why a mount's numbers do not count: its type, files that had others, or the user's word."""

# All of these keep the number as long as the file exists.
_LASTING = frozenset({
    "btrfs", "ext2", "ext3", "ext4", "f2fs", "hfsplus", "ntfs3", "squashfs", "tmpfs", "xfs", "zfs",
})  # fmt: skip

# ntfs-3g keeps them, and exfat-fuse does not. Both are called fuseblk; only ntfs-3g has this.
_NTFS_3G = ("fuseblk", "system.ntfs_crtime")

KEEPING_LOCAL_TIME = frozenset({"exfat", "fuseblk", "msdos", "vfat"})
"""FAT and its kin: another time zone shifts the times of all files. fuseblk is a driver of exFAT, too."""


def keeps_inodes(path: str, fs_type: str | None) -> bool:
    """Tell whether the file system at `path` keeps inode numbers, by its type as mountinfo has it."""
    if fs_type == _NTFS_3G[0]:
        try:
            os.getxattr(path, _NTFS_3G[1])
        except OSError:
            return False
        return True
    return fs_type in _LASTING


@dataclass(frozen=True, slots=True)
class Inodes:
    """Where the inode numbers of a library count: by mount, with "" for its root."""

    distrusted: Mapping[str, Distrust | None] = field(default_factory=dict)
    """By the relative path of each mount; None if it is trusted."""
    is_users_word: bool = False
    """Whether the user said so. Then nothing that is observed changes it."""

    def why_distrusted(self, relative: str) -> Distrust | None:
        """Tell why the numbers in this folder do not count. None if they do."""
        if not any(self.distrusted.values()):
            return None
        return self.distrusted.get(self.mount_of(relative))

    def mount_of(self, relative: str) -> str:
        """Return the mount of a folder: the nearest at or above it, or "" for the root's."""
        while relative and relative not in self.distrusted:
            relative = relative.rpartition("/")[0]
        return relative
