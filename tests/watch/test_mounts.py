"""Is it known which file system a path lies on, and whether the kernel tells of changes there?"""

import os

import pytest

from reeld.watch.mounts import Mount, all_mounts, mount_of, mount_points_below, parse_mounts

LINES = r"""
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 22 0:30 / /mnt rw - tmpfs tmpfs rw
31 30 8:1 / /mnt/my\040films rw,noatime master:1 - xfs /dev/sda1 rw
32 31 0:44 / /mnt/my\040films/net rw - nfs4 nas:/export\134x rw
33 30 0:50 / /mnt rw - fuse.mergerfs a:b rw
nonsense
""".strip().splitlines()


def test_a_path_lies_on_the_last_made_of_the_nearest_mounts() -> None:
    mounts = parse_mounts(LINES)
    assert len(mounts) == 5

    def at(path: str) -> str | None:
        mount = mount_of(path, mounts)
        return mount.fs_type if mount else None

    assert at("/") == "ext4"
    assert at("/mntx/y") == "ext4"
    assert at("/mnt") == at("/mnt/other") == "fuse.mergerfs"
    assert at("/mnt/my films/a") == "xfs"
    assert at("/mnt/my films/net") == "nfs4"
    assert mounts[3].source == r"nas:/export\x"
    assert mounts[2].device == (8, 1)


def test_the_mounts_within_a_folder_do_not_hold_its_own() -> None:
    mounts = parse_mounts(LINES)
    assert [mount.mount_point for mount in mount_points_below("/mnt/my films", mounts)] == ["/mnt/my films/net"]
    assert len(mount_points_below("/", mounts)) == 4


@pytest.mark.parametrize(
    ("fs_type", "tells"),
    [("ext4", True), ("tmpfs", True), ("nfs", False), ("fuse", False), ("fuse.sshfs", False), ("fuseblk", False)],
)
def test_network_and_fuse_file_systems_tell_nothing(fs_type: str, tells: bool) -> None:
    mount = Mount(mount_point="/", fs_type=fs_type, source="x", device=(0, 1))
    assert mount.delivers_all_events is tells


def test_the_mounts_of_this_machine_are_those_that_stat_knows() -> None:
    for path in ("/proc", "/"):
        mount = mount_of(path, all_mounts())
        assert mount is not None
        assert os.makedev(*mount.device) == os.stat(path).st_dev or mount.fs_type == "btrfs"
