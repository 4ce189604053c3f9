"""Is a file one row, with its decision, when its library is called, drawn or configured otherwise?"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.harness import Row, RunningDaemon, World, new_world
from tests.videos import make_video


@pytest.fixture
def world() -> Iterator[World]:
    """A library that holds one film, about which a person decided."""
    with new_world(quiet_s=0.01) as world:
        make_decided(world, world.library / "Heat (1995)" / "Heat.mkv")
        yield world


def make_decided(world: World, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    make_video(path, seed=1)
    world.said("scan")
    world.said("validate", str(path), "--movie", "Decided", "--year", "1999")


def configure(world: World, **libraries: Path) -> None:
    world.libraries = libraries
    world.write_config()


def all_rows(world: World) -> list[tuple[str, str, str, str]]:
    """Library, path, state and who decided, of all files, whether their library is configured or not."""
    return sorted(
        world.ask_database(
            "SELECT libraries.name, video_files.path, video_files.state, decided_by "
            "FROM video_files JOIN libraries ON libraries.id = library_id"
        )
    )


def history_of(world: World) -> list[Row]:
    (row,) = world.rows("list", "files")
    (shown,) = world.rows("show", str(row["id"]))
    history: list[Row] = shown["history"]
    return history


HEAT = "Heat (1995)/Heat.mkv"


@pytest.mark.parametrize("way", ["restart", "reload"])
def test_a_library_renamed_and_moved_in_one_edit_keeps_its_rows_and_decisions(world: World, way: str) -> None:
    """A library that is renamed and moved in one edit keeps its files rows and decisions."""
    films = world.root / "films"
    with RunningDaemon(world) as daemon:
        if way == "restart":
            daemon.stop()
        since = daemon.mark()
        world.library.rename(films)
        configure(world, Movies=films)
        if way == "restart":
            daemon.start()
        else:
            daemon.signal(1)
        daemon.wait_for("file.moved", since=since)
        daemon.assert_true()
    assert all_rows(world) == [("Movies", HEAT, "present", "user")]


def test_the_same_folder_by_way_of_a_link_and_under_another_name_is_the_same(world: World) -> None:
    other = world.root / "other"
    other.symlink_to(world.library)
    configure(world, Movies=other / "Heat (1995)")
    world.said("scan")
    assert all_rows(world) == [("Movies", "Heat.mkv", "present", "user")]


def test_a_library_that_takes_a_name_removed_in_the_same_edit_keeps_its_rows(world: World) -> None:
    """A library that takes the name of one removed in the same edit keeps its rows."""
    kids = world.root / "kids"
    configure(world, L=world.library, Kids=kids)
    make_decided(world, kids / "Up (2009)" / "Up.mkv")
    configure(world, L=kids)
    world.said("scan")
    assert all_rows(world) == [
        ("L", "Up (2009)/Up.mkv", "present", "user"),
        ("L (1)", HEAT, "library_removed", "user"),
    ]
    configure(world, L=kids, Films=world.library)
    world.said("scan")
    assert [row[0] for row in all_rows(world)] == ["Films", "L"]


def test_a_folder_scanned_before_and_after_its_parent_is_one_file_in_each(world: World) -> None:
    """A folder that is scanned after and before the one above it is one file in each."""
    configure(world)
    folder = world.library / "Heat (1995)"
    for scanned in (folder, world.library, folder, world.library.parent / "library"):
        world.said("scan", str(scanned))
        path = str((folder / "Heat.mkv").relative_to(scanned))
        # The catalogue knows the folder of the fixture's library, and keeps its name.
        name = "L" if scanned == world.library else scanned.name
        assert all_rows(world) == [(name, path, "present", "user")]
    assert any("not configured any more" in line for each in history_of(world) for line in each["evidence"])


def test_a_file_that_is_still_where_its_former_library_was_is_not_handed_over(world: World) -> None:
    """A hard link: both are there, and the person decided about that one. Nor is a copy, of which nobody knows."""
    linked, copied = world.root / "linked", world.root / "copied"
    linked.mkdir()
    os.link(world.library / HEAT, linked / "Heat.mkv")
    world.said("scan")  # a link changes the ctime
    configure(world, Linked=linked)
    world.said("scan")
    shutil.copytree(world.library, copied)
    configure(world, Copied=copied)
    world.said("scan")
    assert [row for row in all_rows(world) if row[0] == "L"] == [("L", HEAT, "library_removed", "user")]
    assert {row[3] for row in all_rows(world) if row[0] != "L"} == {"reeld"}


def test_a_file_whose_old_place_cannot_be_looked_at_is_not_handed_over(world: World) -> None:
    films = world.root / "films"
    world.library.rename(films)
    world.library.symlink_to(world.library)
    configure(world, Movies=films)
    world.said("scan")
    assert [row for row in all_rows(world) if row[0] == "L"] == [("L", HEAT, "library_removed", "user")]


@pytest.mark.parametrize("way", ["restart", "reload"])
def test_a_file_moved_out_of_a_removed_library_keeps_its_row_and_decision(world: World, way: str) -> None:
    """Its old path is gone from a disk that is there. Other files of that library are not called present."""
    former, films = world.library, world.root / "films"
    films.mkdir()
    shutil.copy(former / HEAT, former / "Heat copy.mkv")
    world.said("scan")
    with RunningDaemon(world) as daemon:
        if way == "restart":
            daemon.stop()
        since = daemon.mark()
        configure(world, Films=films)
        if way == "restart":
            (former / HEAT).rename(films / "Heat.mkv")
            daemon.start()
        else:
            daemon.signal(1)
            daemon.wait_for("library.state_changed", since=since)
            (former / HEAT).rename(films / "Heat.mkv")
        daemon.wait_for("file.moved", since=since)
    moved, left = ("Films", "Heat.mkv", "present", "user"), ("L", "Heat copy.mkv", "library_removed", "reeld")
    assert all_rows(world) == [moved, left]
    assert [row["state"] for row in world.rows("list", "files")] == ["present", "library_removed"]
    (counts,) = world.rows("status")
    assert [counts[f"{state}_count"] for state in ("present", "missing", "library_removed")] == [1, 0, 1]
    configure(world, Films=films, L=former)
    world.said("scan")
    assert all_rows(world) == [moved, ("L", "Heat copy.mkv", "present", "reeld")]


@pytest.mark.parametrize("what_is_left", ["nothing", "the file", "another disk"])
def test_a_copy_out_of_a_removed_library_takes_the_decision_along(world: World, what_is_left: str) -> None:
    """So programs move a file to another disk."""
    former, films = world.library, world.root / "films"
    films.mkdir()
    configure(world, Films=films)
    world.said("scan")
    shutil.copy(former / HEAT, films / "Heat.mkv")
    if what_is_left == "nothing":
        (former / HEAT).unlink()
    elif what_is_left == "another disk":
        former.rename(world.root / "hidden")
        former.symlink_to("/proc/self/fdinfo")  # a folder of another file system
    world.said("scan")
    if what_is_left == "nothing":
        assert all_rows(world) == [("Films", "Heat.mkv", "present", "user")]
    else:
        assert all_rows(world) == [("Films", "Heat.mkv", "present", "reeld"), ("L", HEAT, "library_removed", "user")]


@pytest.mark.parametrize("way", ["scan", "reload"])
def test_a_copy_takes_the_row_from_a_removed_library_once_the_original_is_gone(world: World, way: str) -> None:
    """A move to another disk is a copy, which is hashed, and a deletion, perhaps much later."""
    former, films = world.library / HEAT, world.root / "films"
    copy = films / "Heat.mkv"
    films.mkdir()
    both = [("Films", "Heat.mkv", "present", "reeld"), ("L", HEAT, "library_removed", "user")]
    moved = [("Films", "Heat.mkv", "present", "user")]
    world.hurry["reeld.scanner.former_places.SHORTEST_DELAY_S"] = 0.2
    if way == "scan":
        configure(world, Films=films)
        shutil.copyfile(former, copy)
        world.said("scan")
        assert all_rows(world) == both
        former.unlink()
        world.said("scan")
        assert all_rows(world) == moved
        return
    with RunningDaemon(world) as daemon:
        since = daemon.mark()
        configure(world, Films=films)
        daemon.signal(1)
        daemon.wait_for("library.state_changed", since=since)
        shutil.copyfile(former, copy)
        daemon.wait_for("file.finished", since=since, path="Heat.mkv", stage="match_copies")
        assert all_rows(world) == both
        former.unlink()
        daemon.wait_until(lambda: all_rows(world) == moved, "the row is where the copy is")
    assert any("not configured any more" in line for each in history_of(world) for line in each["evidence"])


def test_a_file_of_a_removed_library_whose_disk_is_away_is_not_handed_over(world: World) -> None:
    """A link to it elsewhere proves nothing while another disk is where its library was."""
    films = world.root / "films"
    films.mkdir()
    os.link(world.library / HEAT, films / "Heat.mkv")
    world.said("scan")
    hidden = world.library.rename(world.root / "hidden")
    world.library.symlink_to("/proc/self/fdinfo")  # a folder of another file system
    configure(world, Films=films)
    world.said("scan")
    assert ("L", HEAT, "library_removed", "user") in all_rows(world)
    world.library.unlink()
    hidden.rename(world.library)
    configure(world, Films=films, L=world.library)
    world.said("scan")
    assert ("L", HEAT, "present", "user") in all_rows(world)
