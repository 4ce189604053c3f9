"""Test that a rename that changes only the case counts, on a disk that ignores the case.

Samba, exFAT, NTFS and APFS are such disks: the old name still leads to the file there.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from reeld.watch.rules import Rules
from reeld.watch.walk import Found, Listing, Vanished, stat_names, walk
from tests import fuse
from tests.catalog.rows import add_libraries
from tests.scanner.test_compare import World, _no_broken_lease_kills_us
from tests.scanner.test_moved_files import decide

__all__ = ["_no_broken_lease_kills_us"]

pytestmark = [
    pytest.mark.needs_root,
    pytest.mark.skipif(fuse.why_unavailable() is not None, reason=str(fuse.why_unavailable())),
]


@pytest.fixture
def films(catalog: Path, tmp_path: Path) -> Iterator[World]:
    """A library on such a disk."""
    with fuse.fuse_disk(_backing(tmp_path), tmp_path / "films", ignores_case=True):
        yield World(tmp_path / "films", add_libraries("Films")[0], inodes="trusted")


@pytest.fixture
def disk(films: World, tmp_path: Path) -> Path:
    """Where the library's files really are."""
    return _backing(tmp_path)


def _backing(tmp_path: Path) -> Path:
    return tmp_path / "backing"


def _write(path: Path, text: str = "film") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_the_disk_of_these_tests_is_what_it_says(films: World, disk: Path) -> None:
    _write(disk / "Heat.mkv")
    assert (films.root / "HEAT.MKV").samefile(films.root / "heat.mkv")
    assert os.listdir(films.root) == ["Heat.mkv"]


def test_the_files_of_a_folder_that_was_renamed_by_case_alone_are_the_same_files(films: World, disk: Path) -> None:
    _write(disk / "heat/one.mkv")
    _write(disk / "heat/two.mkv", "second")
    films.be_quiet()
    films.finish()
    before = films.row("heat/one.mkv").id
    decide(before, "Heat")
    os.rename(disk / "heat", disk / "Heat")
    films.be_quiet()
    assert films.states() == {"Heat/one.mkv": "present", "Heat/two.mkv": "present"}
    assert films.row("Heat/one.mkv").id == before


@pytest.mark.parametrize("is_told", [True, False], ids=["an event tells", "no event tells"])
def test_a_file_that_waits_and_is_renamed_by_case_alone_is_one_file(films: World, disk: Path, is_told: bool) -> None:
    _write(disk / "heat.mkv")
    films.look()
    films.wait(2)
    os.rename(disk / "heat.mkv", disk / "Heat.mkv")
    if is_told:
        films.look()
    films.wait()
    assert "heat.mkv" not in films.states(), "there is no such name any more"
    films.be_quiet()
    assert films.states() == {"Heat.mkv": "present"}


def test_a_file_that_is_renamed_by_case_alone_before_it_is_recorded_is_one_file(films: World, disk: Path) -> None:
    _write(disk / "heat.mkv")
    films.advance_s += 3600
    (listing,) = walk(str(films.root), "", films.rules)
    assert isinstance(listing, Listing)
    folder = films.folder_scanner.look(listing)
    assert folder is not None
    os.rename(disk / "heat.mkv", disk / "Heat.mkv")
    films.folder_scanner.take([folder], lambda: True)
    films.folder_scanner.new_files.flush()
    assert films.states() == {}
    films.be_quiet()
    assert films.states() == {"Heat.mkv": "present"}


def test_a_folder_counts_as_it_is_spelled(films: World, disk: Path) -> None:
    _write(disk / "Heat/one/film.mkv")
    root, rules = str(films.root), Rules()
    assert list(walk(root, "heat/one", rules)) == [Vanished(relative="heat")]
    assert list(walk(root, "Heat/One", rules)) == [Vanished(relative="Heat/One")]
    assert [type(found) for found in walk(root, "Heat/one", rules)] == [Listing]
    gone = stat_names(root, "heat/one", ["film.mkv"])
    there = stat_names(root, "Heat/one", ["film.mkv"])
    assert isinstance(gone, Found)
    assert isinstance(there, Found)
    assert gone.by_name == {"film.mkv": None}
    assert there.by_name["film.mkv"] is not None
