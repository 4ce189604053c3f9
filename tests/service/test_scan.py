"""`reeld scan`: one pass over the disks, without the daemon, that ends when nothing is left to do."""

import contextlib
import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from peewee import sqlite3

from reeld.catalog.models import VideoFile
from reeld.config import load_config
from reeld.scanner import library_scanner
from reeld.scanner.compare import FolderScanner
from reeld.scanner.library_scanner import LibraryScanner, make_folder_scanner
from reeld.service import scan
from reeld.service.workers import Workers
from reeld.watch.settle import Settling
from reeld.watch.walk import RootSeen
from tests.service.harness import DRIVER, PATIENCE_S, World, assert_catalogue_is_true, hash_of, new_world
from tests.videos import make_video, video_bytes

reconciling = importlib.import_module("reeld.scanner.reconcile")  # the package has a function of that name


@pytest.mark.parametrize("does_answer_at_once", [True, False])
def test_what_leaves_while_a_pass_goes_on_is_looked_for_where_the_pass_has_been(
    monkeypatch: pytest.MonkeyPatch, does_answer_at_once: bool
) -> None:
    """Its place was taken at once: whoever came there must not take over its row, and what was decided about it."""
    with new_world(level="info", quiet_s=0.01) as world:
        films, series = (world.root / name for name in ("films", "series"))
        for folder in (films, series):
            folder.mkdir()
        world.libraries = {"films": films, "series": series}
        world.write_config()
        known = make_video(series / "Heat (1995).mkv", seed=1)
        world.said("scan")
        (before,) = world.rows("list", "files")
        tick, ticked = LibraryScanner.tick, list[str]()

        def tick_and_move(self: LibraryScanner, now: float) -> None:
            tick(self, now)
            if not ticked:
                assert self.library.name == "films"
                known.rename(films / "Moved (1995).mkv")
                make_video(known, seed=2)
            ticked.append(self.library.name)

        rescan_all, check_root = LibraryScanner._rescan_all_if_due, reconciling.check_root
        failures: list[str] = []

        def rescan_and_linger(self: LibraryScanner, now: float) -> None:
            is_of_films = self.library.name == "films" and self.is_behind
            if is_of_films and not does_answer_at_once and not failures:
                failures.append(str(films))
            rescan_all(self, now)
            if self.library.name == "series":
                new_files = self.folder_scanner.new_files
                for step in range(1, 10):  # so long that all that may be taken for complete is
                    self._confirm_missing()
                    new_files.monotonic = partial(_later, step * 0.05)
                    new_files.settle_due()
                new_files.monotonic = time.monotonic

        def fail_once(path: str) -> RootSeen | str:
            if path in failures:
                failures[:] = ["once is enough"]
                return f"{path} cannot be read (Stale file handle)"
            found: RootSeen | str = check_root(path)
            return found

        monkeypatch.setattr(reconciling, "check_root", fail_once)
        monkeypatch.setattr(LibraryScanner, "_rescan_all_if_due", rescan_and_linger)
        monkeypatch.setattr(LibraryScanner, "tick", tick_and_move)
        config = load_config(str(world.config), os.environ)
        scan.run_scan(config, [])
        found = {os.path.basename(row["path"]): row["id"] for row in world.rows("list", "files")}
        assert found["Moved (1995).mkv"] == before["id"]
        assert found["Heat (1995).mkv"] != before["id"]
        assert does_answer_at_once or failures == ["once is enough"]
        assert_catalogue_is_true(world)


def _later(by_s: float) -> float:
    return time.monotonic() + by_s


def test_a_library_that_did_not_answer_for_a_moment_is_looked_through_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with new_world(quiet_s=0.01) as world:
        make_video(world.library / "Heat (1995).mkv", seed=1)
        check_root = reconciling.check_root
        failures = ["/ cannot be read (Stale file handle)"]

        def fail_once(path: str) -> RootSeen | str:
            return failures.pop() if failures else check_root(path)

        monkeypatch.setattr(reconciling, "check_root", fail_once)
        scan.run_scan(load_config(str(world.config), os.environ), [])
        assert not failures
        assert_catalogue_is_true(world)


def test_more_files_than_may_wait_at_once_are_taken_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    with new_world(quiet_s=0.3) as world:
        rejected: list[int] = []

        def make_small(*arguments: Any, **named: Any) -> FolderScanner:
            folder_scanner = make_folder_scanner(*arguments, **named)
            folder_scanner.new_files.settling = Settling(0.3, capacity=1)
            return folder_scanner

        rescan_rejected = LibraryScanner._rescan_rejected

        def note_and_rescan(self: LibraryScanner, now: float) -> None:
            rejected.append(len(self.folder_scanner.new_files.rejected))
            rescan_rejected(self, now)

        monkeypatch.setattr(scan, "make_folder_scanner", make_small)
        monkeypatch.setattr(library_scanner, "MOST_WAITING", 2)
        monkeypatch.setattr(LibraryScanner, "_rescan_rejected", note_and_rescan)
        for number in range(3):
            (world.library / f"{number}").mkdir()
            make_video(world.library / f"{number}" / f"Film {number} (1995).mkv", seed=number)
        _date_now(world.library)
        scan.run_scan(load_config(str(world.config), os.environ), [])
        assert any(rejected)
        assert len(world.rows("list", "files")) == 3
        assert_catalogue_is_true(world)


def _date_now(folder: Path) -> None:
    """As if all had been written a moment from now: none is complete at first sight."""
    now_ns = time.time_ns() + 500_000_000
    for path in folder.rglob("*.mkv"):
        os.utime(path, ns=(now_ns, now_ns))


def _many_films(world: World) -> None:
    for number in range(40):
        folder = world.library / f"Folder {number}"
        folder.mkdir()
        make_video(folder / f"Film {number} (1995).mkv", seed=number)


@pytest.mark.parametrize("patience_s", [20.0, 0.0])
def test_all_files_are_listed_before_the_work_on_them_begins_unless_that_takes_long(
    monkeypatch: pytest.MonkeyPatch, patience_s: float
) -> None:
    with new_world(quiet_s=0.01) as world:
        _many_films(world)
        listed: list[int] = []
        has_started = threading.Event()
        start, tick = Workers.start, LibraryScanner.tick

        def count_and_start(workers: Workers) -> None:
            listed.append(VideoFile.select().count())
            start(workers)
            has_started.set()

        def tick_of_a_slow_disk(scanner: LibraryScanner, now: float) -> None:
            assert patience_s or has_started.wait(PATIENCE_S)
            tick(scanner, now)

        monkeypatch.setattr(LibraryScanner, "tick", tick_of_a_slow_disk)
        monkeypatch.setattr(scan, "LISTING_S", patience_s)
        monkeypatch.setattr(Workers, "start", count_and_start)
        scan.run_scan(load_config(str(world.config), os.environ), [])
        assert (listed[0] == 40) == (patience_s > 0)
        assert_catalogue_is_true(world)


@pytest.fixture
def world() -> Iterator[World]:
    with new_world(level="info", has_catalog=False) as new:
        yield new


def test_one_pass_finds_everything_and_a_second_has_nothing_to_do(world: World) -> None:
    for seed, name in enumerate(["Heat (1995).mkv", "Severance.S02E01.mp4", "xkcd.avi", "Heat (1995)-trailer.mkv"]):
        make_video(world.library / name, seed=seed)
    done = world.reeld("scan")
    assert done.returncode == 0, done.stderr
    summary = done.stdout.decode()
    assert "4 files" in summary
    assert "1 movie, 1 series with 1 episode, 1 pending (reeld pending), 1 ignored" in summary
    assert_catalogue_is_true(world)
    assert b"file.finished" in done.stderr

    world.level = "debug"
    world.write_config()
    again = world.reeld("scan", "--json")
    assert again.returncode == 0
    assert b"stage.finished" not in again.stderr
    assert b'"bytes_hashed": 0' in again.stdout


def test_a_scan_says_what_it_sums_up_while_it_goes_on(world: World) -> None:
    """A scan of hours would else say it at its end alone. Here every event of a file is one too many at once."""
    make_video(world.library / "Heat (1995).mkv")
    at_once = json.dumps({"patience": {"reeld.log.FLOOD_S": 0.0, "reeld.log.MOST_NEWS": 0}})
    command = [sys.executable, DRIVER, at_once, "--config", str(world.config), "scan"]
    done = subprocess.run(command, capture_output=True, env=world.environment(), cwd=world.root, check=True)
    events = [json.loads(line) for line in done.stderr.splitlines()]
    names = [event["event"] for event in events]
    assert "file.finished" in [event.get("what") for event in events]
    assert not {"file.settled", "file.finished"} & set(names)
    assert names.index("log.summed_up") < names.index("catalog.backed_up")


def test_the_summary_has_stable_keys(world: World) -> None:
    path = make_video(world.library / "Heat (1995).mkv", padding_bytes=100_000_000)
    (summary,) = world.rows("scan")
    assert summary["bytes_hashed"] == path.stat().st_size, "each byte is counted once"
    assert (summary["present_count"], summary["missing_count"]) == (1, 0)
    assert (summary["movie_count"], summary["was_interrupted"]) == (1, False)
    assert summary["libraries"] == [{"name": "L", "was_scanned": True, "reason": None}]
    assert (summary["unsettled"], summary["unreadable"]) == ([], [])
    assert summary["seconds"] > 0


def test_a_path_inside_a_library_means_that_part_of_it(world: World) -> None:
    for folder in ("a", "b"):
        (world.library / folder).mkdir()
        make_video(world.library / folder / f"Film {folder} (1999).mkv", seed=ord(folder))
    world.said("scan")
    gone = world.library / "a" / "Film a (1999).mkv"
    gone.unlink()
    (world.library / "b" / "Film b (1999).mkv").unlink()
    world.said("scan", str(world.library / "b"))
    states = {os.path.basename(row["path"]): row["state"] for row in world.rows("list", "files")}
    assert states == {"Film a (1999).mkv": "present", "Film b (1999).mkv": "missing"}
    assert [row["path"] for row in world.rows("list", "libraries")] == [str(world.library)]


def test_a_part_may_be_named_by_way_of_a_link(world: World) -> None:
    (world.library / "a").mkdir()
    make_video(world.library / "a" / "Heat (1995).mkv")
    link = world.root / "link"
    link.symlink_to(world.library)
    world.said("scan", str(link / "a"))
    assert_catalogue_is_true(world)
    assert [row["path"] for row in world.rows("list", "libraries")] == [str(world.library)]


def test_a_path_elsewhere_is_a_library_of_its_own(world: World) -> None:
    make_video(world.library / "Heat (1995).mkv", seed=1)
    other = world.root / "other"
    other.mkdir()
    make_video(other / "Alien (1979).mkv", seed=2)
    world.said("scan", str(other))
    assert [row["path"] for row in world.rows("list", "files")] == [str(other / "Alien (1979).mkv")]
    assert {row["path"] for row in world.rows("list", "libraries")} == {str(world.library), str(other)}


def test_a_folder_that_contains_a_library_is_refused(world: World) -> None:
    """Each file would be known twice."""
    make_video(world.library / "Heat (1995).mkv")
    world.said("scan")
    done = world.reeld("scan", str(world.root))
    assert done.returncode == 64, done.stderr
    assert b"contains the library" in done.stderr
    assert_catalogue_is_true(world)


def test_a_path_that_is_not_there_is_said_to_be_so(world: World) -> None:
    done = world.reeld("scan", str(world.root / "nowhere"))
    assert done.returncode == 66
    assert "does not exist" in done.stderr.decode()
    os.rmdir(world.library)
    done = world.reeld("scan")
    assert done.returncode == 66
    assert "could not be scanned" in done.stderr.decode()


def test_a_pass_that_could_look_at_nothing_that_it_was_asked_for_says_so_by_its_code(world: World) -> None:
    """Another library is well, and was not asked for."""
    world.libraries |= {"second": world.home}
    world.write_config()
    make_video(world.library / "Heat (1995).mkv")
    world.said("scan")
    world.library.rename(world.root / "away")
    world.library.mkdir()
    (world.library / "empty").mkdir()
    done = world.reeld("scan", str(world.library / "empty"))
    assert done.returncode == 66, done.stdout
    assert b"library L could not be scanned" in done.stderr
    assert world.reeld("scan").returncode == 0, "some of it could be"


def test_a_file_outside_of_all_libraries_makes_no_library(world: World) -> None:
    path = make_video(world.root / "Heat (1995).mkv")
    done = world.reeld("scan", str(path))
    assert done.returncode == 64
    assert b"lies in no library\nhint: name the folder that it lies in" in done.stderr
    assert not world.database.exists()


def test_an_interrupted_pass_is_finished_by_the_next(world: World) -> None:
    path = make_video(world.library / "Napoleon (1927).mkv", seed=1)
    os.truncate(path, 4 << 30)
    small = make_video(world.library / "Heat (1995).mkv", seed=2)
    with _scanning(world) as scan:
        assert scan.stderr is not None
        # Files are taken in the order of their names, so the large one is being hashed, or is next.
        for line in scan.stderr:
            if b"verdict.accepted" in line and path.name.encode() in line:
                break
        scan.send_signal(signal.SIGINT)
        output, _ = scan.communicate(timeout=150)
    assert scan.returncode == 130
    assert b"2 files" in output
    assert world.file(path)["file_hash"] is None
    os.truncate(path, 2 << 20)
    world.said("scan")
    assert world.file(path)["file_hash"] == hash_of(path)
    assert world.file(small)["file_hash"] == hash_of(small)
    assert_catalogue_is_true(world)


def test_work_left_over_for_a_file_that_is_gone_does_not_hold_up_another_part(world: World) -> None:
    for folder in ("a", "b"):
        (world.library / folder).mkdir()
    path = make_video(world.library / "a" / "Napoleon (1927).mkv", seed=1)
    os.truncate(path, 4 << 30)
    with _scanning(world) as scan:
        assert scan.stderr is not None
        next(line for line in scan.stderr if b"verdict.accepted" in line)
        scan.kill()
    path.unlink()
    make_video(world.library / "b" / "Heat (1995).mkv", seed=2)
    world.said("scan", str(world.library / "b"))
    assert {row["state"] for row in world.rows("list", "files")} == {"missing", "present"}


def test_a_file_that_never_stops_growing_does_not_hold_the_pass_up(world: World) -> None:
    make_video(world.library / "Heat (1995).mkv", seed=1)
    path = make_video(world.library / "Live (2020).mkv", seed=2)
    done = threading.Event()

    def grow() -> None:
        while not done.wait(0.05):
            with open(path, "ab") as file:
                file.write(b"more")

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        outcome = world.reeld("scan")
    finally:
        done.set()
        writer.join()
    assert outcome.returncode == 0
    assert f"left for the next scan: {path}" in outcome.stderr.decode()
    assert [row["path"] for row in world.rows("list", "movies")[0]["files"]] == [str(world.library / "Heat (1995).mkv")]
    world.said("scan")
    assert_catalogue_is_true(world)


def test_a_pass_over_many_incomplete_files_says_how_many_wait() -> None:
    content = video_bytes("mp4", seed=1)
    with new_world(patience_h=24.0) as world:
        for number in range(25):
            (world.library / f"Film {number} (1999).mp4").write_bytes(content[: len(content) * 3 // 4 - number])
        outcome = world.reeld("scan")
        assert outcome.returncode == 0
        said = outcome.stderr.decode()
        assert said.count("left for the next scan: ") == 20
        assert "and 5 more, 25 files in all, are not complete yet" in said
        assert world.rows("status")[0]["awaited_count"] == 25


def test_a_file_that_changes_while_it_is_hashed_is_hashed_again(world: World) -> None:
    path = make_video(world.library / "Napoleon (1927).mkv", seed=1)
    os.truncate(path, 2 << 30)
    os.utime(path, (1, 1))
    with _scanning(world) as scan:
        assert scan.stderr is not None
        for line in scan.stderr:
            if b"verdict.accepted" in line:
                break
        path.write_bytes(video_bytes("mkv", seed=3))
        _, rest = scan.communicate(timeout=150)
    assert scan.returncode == 0
    assert b"file.changed" in rest
    assert_catalogue_is_true(world)


def _scanning(world: World) -> "subprocess.Popen[bytes]":
    """A scan under way; its log comes line by line."""
    command = world.command("--config", str(world.config), "scan")
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=world.environment())


def test_a_pass_ends_though_very_many_files_that_had_work_left_are_gone_at_once(world: World) -> None:
    """Whether they are really gone is a person's to say; until then nobody goes on looking for them."""
    paths = [make_video(world.library / f"Film {number} (1999).mkv", seed=number) for number in range(25)]
    world.said("scan")
    with contextlib.closing(sqlite3.connect(world.database)) as connection, connection:
        connection.execute(
            "INSERT INTO jobs (video_file_id, stage, lane, state, due_at_ms, attempts, created_at) "
            "SELECT id, 'fingerprint', 'light', 'waiting', 0, 0, first_seen_at FROM video_files"
        )
    for path in paths:
        path.unlink()
    (summary,) = world.rows("scan")
    assert "25 of 25 files are gone at once" in summary["libraries"][0]["reason"]
    assert world.ask_database("SELECT DISTINCT state FROM jobs") == [("paused",)]
    for number, path in enumerate(paths):
        make_video(path, seed=number)
    world.said("scan")
    assert world.ask_database("SELECT * FROM jobs") == []


def test_the_works_are_those_of_a_new_catalogue_whatever_came_first() -> None:
    """A question begins with the second series of a title, and ends when one of the two gets another name."""
    with new_world(quiet_s=0.01) as world:
        first, other, third = (
            world.library / f"{name}/Season 01/{name} S01E0{number}.mkv"
            for name, number in (("Fargo", 1), ("Fargo (1996)", 2), ("FARGO (2014)", 3))
        )
        for seed, path in enumerate((first, other)):
            path.parent.mkdir(parents=True)
            make_video(path, seed=seed)
        world.said("scan")
        assert _series_of(world) == {first: ("Fargo", 1996), other: ("Fargo", 1996)}
        third.parent.mkdir(parents=True)
        make_video(third, seed=3)
        world.said("scan")
        question = "2 works called 'Fargo' are known, of 1996 and 2014; the name does not say which"
        assert _series_of(world) == {first: question, other: ("Fargo", 1996), third: ("FARGO", 2014)}
        moved = world.library / "The Wire (2002)/Season 01/The Wire (2002) S01E02.mkv"
        moved.parent.mkdir(parents=True)
        other.rename(moved)
        world.said("scan")
        live = _series_of(world)
        assert live == {first: ("Fargo", 2014), moved: ("The Wire", 2002), third: ("Fargo", 2014)}
        shutil.rmtree(world.database.parent)
        world.said("scan")
        assert _series_of(world) == live


def _series_of(world: World) -> dict[Path, Any]:
    """Return title and year of the series of each file, or its question."""
    series = {row["id"]: (row["title"], row["year"]) for row in world.rows("list", "series")}
    found: dict[Path, Any] = {
        Path(file["path"]): series[row["series_id"]] for row in world.rows("list", "episodes") for file in row["files"]
    }
    return found | {Path(row["file"]["path"]): row["reason"] for row in world.rows("pending")}
