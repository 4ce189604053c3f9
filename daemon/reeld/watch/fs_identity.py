"""Filesystem identity: tells whether the file system at a path is the one that was there before.

A library's root, and each mount point below it, has an identity: the facts it had when it was
last verified. No single fact serves everywhere (measured). The file system's id survives remounts
on ext4 and btrfs, is the device's number on xfs and vfat, random on tmpfs, and 0 on FUSE. The
device's number changes over boots and remounts. A root's inode is the same number on every ext4.
So two identities prove sameness, prove difference, or prove nothing. In the last case the files
must decide.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, Any, Self

from reeld.config import InodeSetting
from reeld.domain.files import readable
from reeld.watch.inode_trust import Distrust, Inodes, keeps_inodes
from reeld.watch.mounts import Mount, all_mounts, mount_of

if TYPE_CHECKING:  # `reeld status` reads stored identities, and walks nothing
    from reeld.watch.walk import RootSeen

_FACTS = ("real_path", "device", "inode", "fs_id", "fs_type", "source", "is_mount_point", "file_count",
          "keeps_inodes", "is_renumbered")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesystemIdentity:
    """The facts that identify a directory.

    None is unknown: an older reeld stored less, or /proc is not mounted.
    """

    real_path: str | None = None
    device: int | None = None
    inode: int | None = None
    fs_id: int | None = None
    """f_fsid of statvfs(3)."""
    fs_type: str | None = None
    source: str | None = None
    is_mount_point: bool | None = None
    file_count: int | None = None
    """How many files of the library were present after the last complete walk."""
    keeps_inodes: bool | None = None
    """Whether its type of file system keeps inode numbers. `inode` is None where it does not."""
    is_renumbered: bool | None = None
    """True once files were seen to have other inode numbers than before, or than their names."""
    below: Mapping[str, "FilesystemIdentity"] | None = field(default=None)
    """Mount points below a library's root, by relative path, or None if they were never listed."""
    away: tuple[str, ...] = ()
    """Those of them that cannot be checked at present."""
    rejected: "FilesystemIdentity | None" = None
    """The identity that was rejected when the path was last checked."""

    def to_json(self) -> dict[str, Any]:
        facts = {name: getattr(self, name) for name in _FACTS}
        json = {name: value for name, value in facts.items() if value is not None}
        if self.below is not None:
            json["below"] = {
                relative: filesystem_identity.to_json() for relative, filesystem_identity in self.below.items()
            }
        if self.rejected is not None:
            json["rejected"] = self.rejected.to_json()
        return json | ({"away": list(self.away)} if self.away else {})

    @classmethod
    def from_json(cls, json: Mapping[str, Any]) -> Self:
        # "instead" is its name in catalogues of older reelds.
        below, rejected = json.get("below"), json.get("rejected", json.get("instead"))
        return cls(
            **{name: json[name] for name in _FACTS if name in json},
            below=None if below is None else {relative: cls.from_json(facts) for relative, facts in below.items()},
            away=tuple(json.get("away", ())),
            rejected=None if rejected is None else cls.from_json(rejected),
        )

    def with_inodes_of(self, before: "FilesystemIdentity | None") -> "FilesystemIdentity":
        """Return this identity with what was observed of the inode numbers of the same mount before."""
        return self if before is None else replace(self, is_renumbered=before.is_renumbered)

    def why_distrusted(self, setting: InodeSetting) -> Distrust | None:
        """Tell why inode numbers on this mount prove nothing. None if they do prove which file it is."""
        if setting != "auto":
            return None if setting == "trusted" else "setting"
        if self.is_renumbered:
            return "renumbered"
        # An identity of an older reeld, or of a directory that could not be read, does not say.
        return "type" if self.keeps_inodes is False else None

    def distrusted_mounts(self, setting: InodeSetting) -> dict[str, tuple[str, Distrust]]:
        """Return the mounts of this root where inode numbers prove nothing: each one's type, and why, by path."""
        found = {}
        for relative, mount in {"": self, **(self.below or {})}.items():
            if why := mount.why_distrusted(setting):
                path = f"{(self.real_path or '').rstrip('/')}/{relative}".rstrip("/")
                found[path or "/"] = (mount.fs_type or "unknown", why)
        return found

    def inodes(self, setting: InodeSetting) -> Inodes:
        """Return where inode numbers count in the library with this root."""
        below = {relative: each.why_distrusted(setting) for relative, each in (self.below or {}).items()}
        return Inodes({"": self.why_distrusted(setting)} | below, is_users_word=setting != "auto")


class Match(Enum):
    """What the differences of two identities prove."""

    SAME = "the same directory of the same file system"
    OTHER = "another directory, or another file system"
    UNPROVEN = "nothing"


@dataclass(frozen=True, slots=True)
class Differences:
    """How an identity differs from an earlier one."""

    match: Match
    sentences: tuple[str, ...]
    """Sentences for the user; those that prove something come first."""


def differences(before: FilesystemIdentity, now: FilesystemIdentity) -> Differences:
    """Compare the facts of a directory with those it had before."""
    proofs = _proofs_of_another(before, now)
    if proofs:
        return Differences(Match.OTHER, tuple(proofs + _hints_of_another(before, now)))
    is_same_file_system = (before.fs_id, before.fs_type) == (now.fs_id, now.fs_type)
    # otherwise the inodes were a proof
    is_same_directory = before.inode is not None and now.inode is not None
    if is_same_file_system and is_same_directory and _has_own_id(before) and _has_own_id(now):
        return Differences(Match.SAME, tuple(_hints_of_another(before, now)))
    return Differences(Match.UNPROVEN, tuple(_hints_of_another(before, now)))


def is_unchanged(before: FilesystemIdentity, now: FilesystemIdentity) -> bool:
    """Tell whether all known facts are equal, or the identity is proven to be the same."""
    found = differences(before, now)
    return found.match is Match.SAME or not found.sentences


def _proofs_of_another(before: FilesystemIdentity, now: FilesystemIdentity) -> list[str]:
    proofs = []
    if before.is_mount_point and now.is_mount_point is False:
        proofs.append(f"nothing is mounted there, and {before.source or 'a disk'} was")
    if now.is_mount_point and before.is_mount_point is False:
        proofs.append(f"{now.source or 'a disk'} is mounted there, and nothing was")
    if _differ(before.fs_type, now.fs_type):
        proofs.append(f"the file system is {now.fs_type}, and was {before.fs_type}")
    elif _differ(before.fs_id, now.fs_id) and _has_own_id(before) and _has_own_id(now):
        # Also on tmpfs: its id is random at each mount, and its content does not survive an
        # unmount.
        proofs.append("it is another file system: its id is another one")
    if before.inode is not None and now.inode is not None and _unsigned(before.inode) != _unsigned(now.inode):
        proofs.append("it is another directory: its inode is another one")
    return proofs


def _hints_of_another(before: FilesystemIdentity, now: FilesystemIdentity) -> list[str]:
    """List the differences that a boot, or another order of plugging in disks, may cause."""
    hints = []
    if _differ(before.source, now.source):
        hints.append(f"it lies on {readable(now.source or '')}, and lay on {readable(before.source or '')}")
    if _differ(before.real_path, now.real_path):
        hints.append(
            f"the path leads to {readable(now.real_path or '')}, and led to {readable(before.real_path or '')}"
        )
    if before.device is not None and now.device is not None and _unsigned(before.device) != _unsigned(now.device):
        hints.append("its device number is another one")
    return hints


def _has_own_id(filesystem_identity: FilesystemIdentity) -> bool:
    """Tell whether the id belongs to the file system itself: it exists and is not the device's
    number.

    The kernel returns the device as the id of a file system without one (xfs, vfat, exfat,
    ntfs3).
    """
    return filesystem_identity.fs_id not in (None, 0, filesystem_identity.device)


def _differ(before: object, now: object) -> bool:
    return before is not None and now is not None and before != now


def _unsigned(number: int) -> int:
    # An earlier schema stored these as SQLite does: signed.
    return number % (1 << 64)


def identity_of_root(seen: "RootSeen") -> FilesystemIdentity:
    """Build the identity of a library's root as just seen, with the mount points below it."""
    mounts = all_mounts()
    prefix = seen.real_path.rstrip("/") + "/"
    relatives = dict.fromkeys(mount.mount_point.removeprefix(prefix) for mount in seen.mounts)
    below = {relative: identity_of_mount_point(prefix + relative, mounts) for relative in relatives}
    return _filesystem_identity(seen.real_path, seen.device, seen.inode, seen.fs_id, mounts, below)


def identity_of_mount_point(path: str, mounts: list[Mount]) -> FilesystemIdentity:
    """Build the identity of one directory. If it cannot be read, only the kernel's mount table is
    used.
    """
    try:
        status, fs_id = os.stat(path), os.statvfs(path).f_fsid
    except OSError:
        return _filesystem_identity(path, None, None, None, mounts, None)
    return _filesystem_identity(path, status.st_dev, status.st_ino, fs_id, mounts, None)


def _filesystem_identity(
    real_path: str,
    device: int | None,
    inode: int | None,
    fs_id: int | None,
    mounts: list[Mount],
    below: Mapping[str, FilesystemIdentity] | None,
) -> FilesystemIdentity:
    mount = mount_of(real_path, mounts)
    is_lasting = None if inode is None or mount is None else keeps_inodes(real_path, mount.fs_type)
    return FilesystemIdentity(
        real_path=real_path,
        device=device,
        inode=None if is_lasting is False else inode,
        keeps_inodes=is_lasting,
        fs_id=fs_id,
        fs_type=mount.fs_type if mount else None,
        source=mount.source if mount else None,
        is_mount_point=mount.mount_point == real_path if mount else None,
        below=below,
    )
