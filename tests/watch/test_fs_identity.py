"""Do two passports prove what they prove, and no more? One value for each kind of file system, as measured."""

import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.watch.fs_identity import FilesystemIdentity, Match, differences, identity_of_root
from reeld.watch.walk import RootSeen, check_root

EXT4 = FilesystemIdentity(
    real_path="/films", device=2065, inode=2, fs_id=0xABCDEF, fs_type="ext4", source="/dev/sdb1", is_mount_point=True
)
XFS = replace(EXT4, fs_type="xfs", inode=128, fs_id=EXT4.device)
FUSE = replace(EXT4, fs_type="fuse.mergerfs", inode=1, fs_id=0, source="pool", device=50)
TMPFS = replace(EXT4, fs_type="tmpfs", inode=1, fs_id=0x1234, source="tmpfs", device=51)
FOLDER = replace(EXT4, inode=4711, is_mount_point=False)
OLDER = FilesystemIdentity(device=2065, inode=2)


@pytest.mark.parametrize(
    ("before", "now", "match"),
    [
        (EXT4, EXT4, Match.SAME),
        # Plugged in again, after another disk: number and name are others, the id is not.
        (EXT4, replace(EXT4, device=2081, source="/dev/sdc1"), Match.SAME),
        (EXT4, replace(EXT4, real_path="/mnt/films"), Match.SAME),
        (EXT4, replace(EXT4, file_count=7), Match.SAME),
        # Another ext4 in its place: everything but the id is the same.
        (EXT4, replace(EXT4, fs_id=0xFEDCBA), Match.OTHER),
        (TMPFS, replace(TMPFS, fs_id=0x4321), Match.OTHER),
        (EXT4, XFS, Match.OTHER),
        # Nothing is mounted any more, or only now.
        (EXT4, replace(FOLDER, inode=2), Match.OTHER),
        (replace(FOLDER, inode=2), EXT4, Match.OTHER),
        # The folder was made anew, on the same disk.
        (FOLDER, replace(FOLDER, inode=4712), Match.OTHER),
        (XFS, replace(XFS, inode=129), Match.OTHER),
        # The id is the number of the device, or none: neither sameness nor difference proves anything.
        (XFS, XFS, Match.UNPROVEN),
        (XFS, replace(XFS, device=2081, fs_id=2081, source="/dev/sdc1"), Match.UNPROVEN),
        (FUSE, FUSE, Match.UNPROVEN),
        (FUSE, replace(FUSE, device=60), Match.UNPROVEN),
        # What an older reeld remembered.
        (OLDER, EXT4, Match.UNPROVEN),
        (OLDER, replace(EXT4, inode=3), Match.OTHER),
        (FilesystemIdentity(), EXT4, Match.UNPROVEN),
    ],
)
def test_two_passports_prove_sameness_otherness_or_nothing(
    before: FilesystemIdentity, now: FilesystemIdentity, match: Match
) -> None:
    found = differences(before, now)
    assert found.match is match
    assert (match is not Match.OTHER) or found.sentences, "who is not believed is told why"


def test_an_inode_that_sqlite_kept_as_a_negative_number_is_the_same_inode() -> None:
    high = (1 << 64) - 5
    assert differences(FilesystemIdentity(inode=-5, device=1), replace(EXT4, inode=high)).match is Match.UNPROVEN


FACTS = st.builds(
    FilesystemIdentity,
    real_path=st.none() | st.text(max_size=5) | st.just(os.fsdecode(b"\xff")),
    device=st.none() | st.integers(0, 3),
    inode=st.none() | st.integers(0, 3) | st.just((1 << 64) - 1),
    fs_id=st.none() | st.integers(0, 4),
    fs_type=st.none() | st.sampled_from(["ext4", "xfs"]),
    source=st.none() | st.sampled_from(["/dev/a", "/dev/b"]),
    is_mount_point=st.none() | st.booleans(),
    file_count=st.none() | st.integers(0, 3),
    away=st.lists(st.text(max_size=3), max_size=2).map(tuple),
)


@given(FACTS, FACTS, st.none() | st.dictionaries(st.text(max_size=3), FACTS, max_size=2))
def test_a_passport_is_read_as_it_was_written(
    one: FilesystemIdentity, other: FilesystemIdentity, below: dict[str, FilesystemIdentity] | None
) -> None:
    with_below = replace(one, below=below)
    assert FilesystemIdentity.from_json(json.loads(json.dumps(with_below.to_json()))) == with_below
    # Whoever is the same in one direction is so in the other, and nothing is both.
    assert differences(one, other).match is differences(other, one).match


@given(FACTS)
def test_nothing_differs_from_itself(filesystem_identity: FilesystemIdentity) -> None:
    found = differences(filesystem_identity, filesystem_identity)
    assert found.match is not Match.OTHER
    assert found.sentences == ()


def _seen(path: Path) -> RootSeen:
    seen = check_root(str(path))
    assert isinstance(seen, RootSeen)
    return seen


@pytest.fixture
def mount(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[..., Path]:
    def mount(name: str, *source: str) -> Path:
        at = tmp_path / name
        at.mkdir(exist_ok=True)
        subprocess.run(["mount", *(source or ("-t", "tmpfs", "reeld-test")), str(at)], check=True)
        request.addfinalizer(lambda: subprocess.run(["umount", "-l", str(at)], check=False, capture_output=True))
        return at

    return mount


@pytest.mark.needs_root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_the_passport_of_a_real_mount_tells_it_from_another_and_knows_it_again(
    mount: Callable[..., Path], tmp_path: Path
) -> None:
    disk, root = mount("disk"), tmp_path / "root"
    root.mkdir()
    empty = identity_of_root(_seen(root))
    mount("root", "--bind", str(disk))
    (root / "below").mkdir()
    first = identity_of_root(_seen(root))
    assert (first.is_mount_point, first.fs_type, first.source, first.below) == (True, "tmpfs", "reeld-test", {})
    assert differences(empty, first).match is Match.OTHER
    subprocess.run(["umount", str(root)], check=True)
    assert differences(first, identity_of_root(_seen(root))).match is Match.OTHER
    mount("root", "--bind", str(disk))
    before = _seen(root)
    assert differences(first, identity_of_root(before)).match is Match.SAME
    mount("root/below")
    covered = _seen(root)
    assert covered != before, "a mount below the root is no other root, and not the same sight"
    below = identity_of_root(covered).below
    assert below is not None
    assert (list(below), below["below"].is_mount_point) == (["below"], True)
    mount("root")
    assert differences(first, identity_of_root(_seen(root))).match is Match.OTHER
