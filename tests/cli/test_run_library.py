"""Folders that only a command names: `run --library FOLDER`, `scan FOLDER`, and what other commands say of them."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.harness import RunningDaemon, World, new_world
from tests.videos import make_video


@pytest.fixture
def world() -> Iterator[World]:
    """One configured library, and two folders of one name elsewhere."""
    with new_world() as new:
        for seed, folder in enumerate((new.library, *folders(new))):
            folder.mkdir(parents=True, exist_ok=True)
            make_video(folder / f"Film {seed} (1999).mkv", seed=seed)
        yield new


def folders(world: World) -> tuple[Path, Path]:
    return world.root / "a" / "Films", world.root / "b" / "Films"


def names(world: World) -> dict[str, str]:
    """The libraries' names by their paths."""
    return {row["path"]: row["name"] for row in world.rows("list", "libraries")}


def test_a_folder_is_called_by_its_last_part_and_a_second_one_gets_a_number(world: World) -> None:
    """A folder is called by its last part and a second one of that name gets a number."""
    first, second = map(str, folders(world))
    for _ in range(2):
        world.said("scan", second)
        world.said("scan", first)
        assert names(world) == {str(world.library): "L", second: "Films", first: "Films (2)"}
    configured = world.root / "c" / "L"
    configured.mkdir(parents=True)
    world.said("scan", str(configured))
    assert names(world)[str(configured)] == "L (2)"


def test_a_folder_that_was_known_by_its_path_keeps_its_row_under_the_new_name(world: World) -> None:
    first, _second = map(str, folders(world))
    world.said("scan", first)
    before = world.ask_database("SELECT id, library_id, path FROM video_files")
    with contextlib.closing(sqlite3.connect(world.database)) as connection, connection:
        connection.execute("UPDATE libraries SET name = path WHERE name = 'Films'")
    world.said("scan", first)
    assert names(world)[first] == "Films"
    assert world.ask_database("SELECT id, library_id, path FROM video_files") == before


def test_commands_beside_a_daemon_of_one_folder_speak_of_that_folder(world: World) -> None:
    first, _second = map(str, folders(world))
    with RunningDaemon(world, "--library", first) as daemon:
        daemon.wait_for("file.finished")
        (library,) = world.rows("status")[0]["libraries"]
        assert (library["name"], library["path"], library["state"]) == ("Films", first, "online")
        assert library["watching"] is not None
        doctor = world.reeld("doctor")
        assert f"are those of the running reeld (process {daemon.pid}), not those of" in doctor.stdout.decode()
        assert b"(Films)" in doctor.stdout
        assert b"(L)" not in doctor.stdout
        diff = world.reeld("config", "diff", str(world.config))
        assert diff.stdout == b"", "a reload keeps the folder"
        assert f"reeld was started with --library {first}" in diff.stderr.decode()
        scan = world.reeld("scan")
        assert scan.returncode == 75
        assert b"notices new files by itself" in scan.stderr
        daemon.restart()
        assert names(world) == {first: "Films"}


def test_a_scan_says_which_folder_it_leaves_out_as_not_configured(world: World) -> None:
    """A scan says which folder it leaves out since the configuration does not name it."""
    first, _second = map(str, folders(world))
    world.said("scan", first)
    done = world.reeld("scan")
    assert f"library Films was not scanned: it is not in the configuration; `reeld scan {first}` scans it" in (
        done.stderr.decode()
    )
    (summary,) = world.rows("scan")
    assert [(row["name"], row["was_scanned"]) for row in summary["libraries"]] == [("L", True), ("Films", False)]
    assert len(world.rows("list", "files")) == 2, "and keeps its files"
