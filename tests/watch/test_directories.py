"""Does a pass over the directories' times find every directory that must be listed again, and no other?"""

import os
import time
from pathlib import Path

import pytest

from reeld.watch.directories import YOUNG_NS, Difference, KnownDirectories
from reeld.watch.rules import Rules
from reeld.watch.walk import Listing, Unreadable, walk

# So long after all that a test does that no time is young any more.
LATER_NS = 10 * YOUNG_NS


class Known:
    """Directories below `root`, walked once and long ago."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.directories = KnownDirectories()
        for relative in ("", "a", "a/b", "a/b/c", "d"):
            (root / relative).mkdir(exist_ok=True)
        (root / "a/b/film.mkv").touch()
        self.walk("")

    def walk(self, start: str, *, after_ns: int = LATER_NS) -> list[Difference]:
        found = []
        for listing in walk(str(self.root), start, Rules()):
            assert isinstance(listing, Listing)
            found.append(self.directories.note(listing, wall_ns=time.time_ns() + after_ns))
        return [difference for difference in found if difference is not None]

    def list_one(self, relative: str) -> Difference | None:
        listing = next(walk(str(self.root), relative, Rules()))
        assert isinstance(listing, Listing)
        return self.directories.note(listing, wall_ns=time.time_ns() + LATER_NS)

    def changed(self) -> set[str]:
        return set(self.directories.changed(str(self.root), lambda: False))


@pytest.fixture
def known(tmp_path: Path) -> Known:
    return Known(tmp_path)


def test_what_is_as_it_was_is_not_listed_again(known: Known) -> None:
    assert known.changed() == set()
    assert len(known.directories) == 5


def test_a_name_that_comes_goes_or_changes_marks_its_directory(known: Known) -> None:
    (known.root / "d" / "new.mkv").touch()
    (known.root / "a/b/film.mkv").rename(known.root / "a/b/c/film.mkv")
    assert known.changed() == {"d", "a/b", "a/b/c"}
    (known.root / "other").mkdir()
    assert known.changed() == {"", "d", "a/b", "a/b/c"}
    known.walk("")
    assert known.changed() == set()


def test_a_directory_whose_time_was_put_back_is_found_by_its_ctime(known: Known) -> None:
    """rsync and tar set a directory's mtime when they have filled it."""
    before = os.stat(known.root / "d")
    (known.root / "d" / "new.mkv").touch()
    os.utime(known.root / "d", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert known.changed() == {"d"}


def test_a_directory_that_changed_just_before_its_listing_is_listed_again(known: Known) -> None:
    """A name that came in the same tick of the clock, after the listing, left no trace in the times."""
    known.walk("d", after_ns=0)
    assert known.changed() == {"d"}
    known.walk("d")
    assert known.changed() == set()


def test_of_a_tree_that_is_gone_only_the_top_is_looked_at_and_the_rest_forgotten(known: Known) -> None:
    (known.root / "a").rename(known.root.parent / f"{known.root.name}-elsewhere")
    assert known.changed() == {"", "a"}
    known.directories.forget("a")
    known.walk("")
    assert known.changed() == set()
    assert len(known.directories) == 2


def test_another_directory_or_a_link_in_the_place_of_one_is_found(known: Known) -> None:
    (known.root / "d").rename(known.root / "e")
    (known.root / "d").mkdir()
    (known.root / "a/b/c").rmdir()
    os.symlink(known.root / "e", known.root / "a/b/c")
    assert known.changed() == {"", "d", "a/b", "a/b/c"}


def test_a_root_that_is_a_link_is_compared_where_it_leads(known: Known) -> None:
    link = known.root.parent / f"{known.root.name}-link"
    os.symlink(known.root, link)
    assert known.directories.changed(str(link), lambda: False) == []


def test_what_could_not_be_listed_is_listed_again(known: Known) -> None:
    found = Unreadable(relative="d", errno=13, message="d: refused")
    known.directories.distrust(found.relative)
    assert known.changed() == {"d"}


def test_a_pass_ends_when_it_is_told_to(known: Known) -> None:
    (known.root / "d" / "new.mkv").touch()
    assert known.directories.changed(str(known.root), lambda: True) == []


def test_a_listing_says_whether_files_came_or_went_since_the_one_before(known: Known) -> None:
    assert known.walk("") == []
    (known.root / "d" / "new.mkv").touch()
    (known.root / "d" / "below").mkdir()
    assert known.list_one("d") == Difference(relative="d", has_other_names=True, unknown_directories=("d/below",))
    known.walk("d/below")
    assert known.walk("") == []


def test_content_that_changed_and_rights_that_were_given_are_no_other_names(known: Known) -> None:
    (known.root / "a/b/film.mkv").write_bytes(b"longer")
    (known.root / "d").chmod(0o700)
    assert known.changed() == {"d"}
    assert known.walk("") == []


def test_only_directories_that_are_where_they_were_count_for_the_audit(known: Known) -> None:
    (known.root / "d").rename(known.root / "e")
    status = os.stat(known.root / "a")
    there = dict(known.directories.still_there(str(known.root)))
    assert set(there) == {"", "a", "a/b", "a/b/c"}
    assert there["a"] == (status.st_dev, status.st_ino)
