"""Are copies, candidates, versions and links told apart, and is what deleting would free no promise?"""

import os
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from reeld.content.extents import own_bytes
from reeld.query.duplicates import KINDS, Group, duplicates
from tests.query.shelf import GIB, Shelf
from tests.service.harness import new_world
from tests.videos import video_bytes


@pytest.fixture
def shelf(catalog: Path) -> Shelf:
    assert catalog.exists()
    return Shelf()


def found(*kinds: str) -> list[Group]:
    return list(duplicates([kind for kind in KINDS if kind in (kinds or KINDS)]))


def test_the_same_bytes_in_two_files_are_copies_and_one_of_them_can_go(shelf: Shelf) -> None:
    one = shelf.film("Heat", file_hash="aa")
    two = shelf.film("Heat again", file_hash="aa")
    shelf.film("Other", file_hash="aa", size_bytes=GIB + 1)
    shelf.film("Gone", file_hash="aa", state="missing")
    shelf.film("Doubtful", file_hash="aa", is_in_doubt=True)
    (group,) = found()
    assert group == Group(kind="copy", ids=(one, two), deletable_ids=(two,), bytes_freed=GIB)


def test_what_frees_most_comes_first_however_many_there_are(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """Groups are looked at page by page, by what they could free at most; names elsewhere make that less."""
    randomly = random.Random(5)
    for number in range(40):
        shelf.film(
            f"Film {number}",
            file_hash=f"{randomly.randrange(12)}",
            size_bytes=randomly.choice([1, 2, 3]) * GIB,
            inode=randomly.choice([100 + number, 5, 6]),
            links=randomly.choice([1, 1, 2, 9]),
        )
    whole = found("copy")
    assert len(whole) > 5
    assert whole == sorted(whole, key=lambda group: (-group.bytes_freed, group.ids))
    monkeypatch.setattr("reeld.query.duplicates._PAGE", 2)
    assert found("copy") == whole


def test_empty_files_are_no_copies(shelf: Shelf) -> None:
    shelf.film("One", file_hash="e", size_bytes=0)
    shelf.film("Two", file_hash="e", size_bytes=0)
    assert found() == []


def test_two_names_of_one_file_are_a_link_and_free_nothing(shelf: Shelf) -> None:
    one = shelf.film("Heat", file_hash="aa", inode=5, links=2)
    two = shelf.film("Heat", file_hash="aa", inode=5, links=2)
    (group,) = found()
    assert group == Group(kind="link", ids=(one, two), deletable_ids=(), bytes_freed=0)


def test_what_has_a_name_elsewhere_frees_nothing(shelf: Shelf) -> None:
    """A copy that is still seeded stays on the disk, so the other one is what can go."""
    shelf.film("Seeded", file_hash="aa", inode=5, links=2)
    plain = shelf.film("Plain", file_hash="aa")
    (group,) = found("copy")
    assert (group.deletable_ids, group.bytes_freed) == ((plain,), GIB)
    shelf.film("Seeded too", file_hash="bb", inode=6, links=2)
    shelf.film("Seeded as well", file_hash="bb", inode=7, links=3)
    assert [group.bytes_freed for group in found("copy")] == [GIB, 0]


def test_a_copy_with_two_names_in_the_libraries_frees_its_size_once(shelf: Shelf) -> None:
    kept = shelf.film("Plain", file_hash="aa")
    shelf.film("Linked", file_hash="aa", inode=6, links=2)
    shelf.film("Linked", file_hash="aa", inode=6, links=2)
    (group,) = found("copy")
    assert len(group.ids) == 3
    assert group.bytes_freed == GIB
    assert kept not in group.deletable_ids


def test_numbers_that_are_not_to_be_trusted_make_no_link(shelf: Shelf) -> None:
    shelf.film("One", file_hash="aa", inode=0, links=2)
    shelf.film("Two", file_hash="aa", inode=0, links=2)
    assert [(group.kind, group.bytes_freed) for group in found()] == [("copy", 0)]


def test_without_full_hashes_all_are_candidates(shelf: Shelf) -> None:
    hashed = shelf.film("Hashed", fingerprint="f", file_hash="aa")
    one = shelf.film("One", fingerprint="f")
    two = shelf.film("Two", fingerprint="f")
    shelf.film("Other", fingerprint="g")
    shelf.film("Longer", fingerprint="f", size_bytes=GIB + 1)
    (group,) = found()
    assert (group.kind, sorted(group.ids)) == ("candidate", [hashed, one, two])
    assert "full hash is not known" in str(group.reason)


def test_the_same_picture_and_length_in_one_work_is_a_candidate(shelf: Shelf) -> None:
    one = shelf.film("Heat", file_hash="aa")
    two = shelf.film("Heat", file_hash="bb", size_bytes=GIB + 5, container="mp4", duration_ms=6_000_400)
    (group,) = found()
    assert (group.kind, sorted(group.ids)) == ("candidate", [one, two])


def test_versions_stand_side_by_side_and_the_best_says_why(shelf: Shelf) -> None:
    def kinds() -> list[tuple[str, int | None, str | None]]:
        return [(group.kind, group.best_id, group.reason) for group in found()]

    shelf.film("Heat", file_hash="aa")
    sharp = shelf.film(
        "Heat", file_hash="bb", resolution_width=3840, resolution_height=1600, size_bytes=1, duration_ms=7_000_000
    )
    assert kinds() == [("version", sharp, "the highest resolution")]
    bright = shelf.film(
        "Heat", file_hash="cc", resolution_width=3840, resolution_height=1600, hdr="HDR10", duration_ms=6_500_000
    )
    assert kinds() == [("version", bright, "the widest dynamic range")]
    dense = shelf.film("Up", file_hash="dd", size_bytes=2 * GIB)
    shelf.film("Up", file_hash="ee", duration_ms=6_500_000)
    assert ("version", dense, "the highest bitrate") in kinds()
    (group,) = (each for each in found() if each.best_id == dense)
    assert group.bytes_freed == GIB


@pytest.mark.parametrize("differing", [{"edition": "Extended"}, {"part": 2}])
def test_editions_and_parts_are_no_versions_of_one_another(shelf: Shelf, differing: dict[str, Any]) -> None:
    shelf.film("Heat", file_hash="aa", part=1)
    shelf.film("Heat", file_hash="bb", **{"part": 1, **differing}, resolution_width=640)
    assert found() == []


def test_a_file_of_two_episodes_is_no_version_of_one(shelf: Shelf) -> None:
    from reeld.catalog.models import Episode, EpisodeFile
    from reeld.database.connection import writing

    both = shelf.episode("Fargo", 1, 1, file_hash="aa", resolution_width=640)
    shelf.episode("Fargo", 1, 1, file_hash="bb")
    shelf.episode("Fargo", 1, 2, file_hash="cc")
    with writing():
        second = Episode.get(Episode.episode_number == 2)
        EpisodeFile.create(episode=second, video_file=both)
    assert found() == []
    other = shelf.episode("Fargo", 1, 1, file_hash="dd", resolution_width=640)
    with writing():
        EpisodeFile.create(episode=second, video_file=other)
    (group,) = found("candidate")
    assert sorted(group.ids) == [both, other]


def test_a_query_leaves_out_groups_without_such_a_file(shelf: Shelf) -> None:
    one = shelf.film("Heat", file_hash="aa")
    shelf.film("Heat", file_hash="aa")
    shelf.film("Up", file_hash="bb")
    shelf.film("Up", file_hash="bb")
    assert [group.ids[0] for group in duplicates(["copy"], [one])] == [one]


# --- against the disk ------------------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("jdupes") is None, reason="jdupes is not installed (Debian package jdupes)")
def test_copies_are_those_that_jdupes_finds() -> None:
    with new_world() as world:
        for number in range(60):
            content = video_bytes("mkv", seed=number % 23)
            path = world.library / f"{number % 5}" / f"Film {number} (19{number % 23 + 10}).mkv"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content if number % 7 else content + bytes(number))
        os.link(world.library / "1" / "Film 1 (1911).mkv", world.library / "link (1950).mkv")
        os.link(world.library / "2" / "Film 2 (1912).mkv", world.root / "elsewhere.mkv")
        world.said("scan")
        said = subprocess.run(["jdupes", "-r", "-q", world.library], check=True, capture_output=True, text=True).stdout
        theirs = {frozenset(map(_inode, block.splitlines())) for block in said.strip().split("\n\n")}
        ours = world.rows("duplicates", "--kind", "copy")
        assert {frozenset(_inode(file["path"]) for file in group["files"]) for group in ours} == theirs
        assert len(theirs) > 10
        links = world.rows("duplicates", "--kind", "link")
        assert [len(group["files"]) for group in links] == [2]


def _inode(path: str) -> int:
    return os.stat(path).st_ino


@pytest.mark.needs_root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount")
@pytest.mark.skipif(shutil.which("mkfs.xfs") is None, reason="mkfs.xfs is not installed (Debian package xfsprogs)")
def test_blocks_that_two_files_share_are_not_counted(tmp_path: Path) -> None:
    image, at = tmp_path / "image", tmp_path / "at"
    at.mkdir()
    with open(image, "wb") as file:
        file.truncate(400 << 20)
    subprocess.run(["mkfs.xfs", "-q", "-m", "reflink=1", image], check=True)
    if subprocess.run(["mount", "-o", "loop", image, at], check=False, capture_output=True).returncode:
        pytest.skip("this kernel mounts no XFS")
    try:
        (at / "one").write_bytes(os.urandom(1 << 20))
        subprocess.run(["cp", "--reflink=always", at / "one", at / "shared"], check=True)
        subprocess.run(["cp", "--reflink=never", at / "one", at / "own"], check=True)
        os.sync()
        assert [own_bytes(str(at / name)) for name in ("one", "shared", "own")] == [0, 0, 1 << 20]
    finally:
        subprocess.run(["umount", "-l", at], check=True)


def test_a_file_system_that_cannot_tell_is_unknown(tmp_path: Path) -> None:
    assert own_bytes("/proc/self/status") is None
    with pytest.raises(FileNotFoundError):
        own_bytes(str(tmp_path / "none"))
