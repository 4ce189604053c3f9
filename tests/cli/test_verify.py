"""Does `reeld verify` find damage, and nothing else?"""

import contextlib
import fcntl
import json
import os
import pty
import re
import shutil
import signal
import sqlite3
import struct
import subprocess
import termios
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import fuse
from tests.cli.conftest import Reeld
from tests.fuse import FuseDisk, fuse_disk
from tests.service.harness import PATIENCE_S, REELD, RunningDaemon, World, new_world
from tests.videos import flip, make_video

Undecided = Callable[..., Reeld]

NAMES = ("Heat (1995)/Heat (1995).mkv", "Ronin (1998).mkv", "Alien (1979).mkv")

needs_fuse = pytest.mark.skipif(fuse.why_unavailable() is not None, reason=str(fuse.why_unavailable()))


def tell_ctime(reeld: Reeld, path: Path) -> None:
    """Let the row know the ctime that the file has now: no program can change a byte without moving it."""
    with contextlib.closing(sqlite3.connect(reeld.home / "state" / "reeld.db")) as connection, connection:
        status = path.stat()
        sql = "UPDATE video_files SET ctime_ns = ? WHERE inode = ?"
        assert connection.execute(sql, (status.st_ctime_ns, status.st_ino)).rowcount


def rot(reeld: Reeld, path: Path) -> None:
    """Change a byte as a disk does it."""
    flip(path)
    tell_ctime(reeld, path)


def verify(reeld: Reeld, *query: str) -> tuple[int, list[dict[str, Any]]]:
    """The exit code, and what was printed as JSON."""
    done = reeld.run("verify", *query, "--json")
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def outcomes(rows: list[dict[str, Any]]) -> dict[str, str]:
    return {os.path.basename(row["path"]): row["outcome"] for row in rows}


def by_id(reeld: Reeld, name: str) -> str:
    return f"id:{reeld.file(name)['id']}"


ALL_SAME = dict.fromkeys((os.path.basename(name) for name in NAMES), "same")


# --- damage ----------------------------------------------------------------------------------------------


def test_a_library_that_is_whole_is_the_same(undecided: Undecided) -> None:
    reeld = undecided(*NAMES)
    code, rows = verify(reeld)
    assert (code, outcomes(rows)) == (0, ALL_SAME)
    assert all(row["reason"] is row["offset"] is row["found_hash"] is None for row in rows)
    done = reeld.run("verify")
    assert (done.returncode, done.stdout) == (0, b"")
    assert b"no damage was found" in done.stderr
    assert b"3 files (" in done.stderr
    assert b": 3 same" in done.stderr
    (details,) = reeld.json("show", str(reeld.file("Ronin (1998).mkv")["id"]))
    assert details["verified_at"] is not None
    assert (details["verify_problem"], details["verify_details"]) == (None, None)


def test_a_damaged_file_is_shown_until_it_is_whole_again(undecided: Undecided) -> None:
    """Row 43."""
    reeld = undecided(*NAMES)
    film, backup = reeld.videos / NAMES[1], reeld.home / "backup"
    shutil.copy2(film, backup)
    before = reeld.file(film.name)
    rot(reeld, film)
    code, rows = verify(reeld)
    assert (code, outcomes(rows)) == (os.EX_DATAERR, ALL_SAME | {film.name: "damaged"})
    (finding,) = [row for row in rows if row["outcome"] == "damaged"]
    assert (finding["path"], finding["file_hash"]) == (str(film), before["file_hash"])
    assert finding["found_hash"] not in (None, before["file_hash"])

    row = reeld.file(film.name)
    assert (row["verify_problem"], row["file_hash"]) == ("damaged", before["file_hash"]), "the hash is what it was"
    assert "its bytes are not those of its hash" in row["reason"]
    assert "take it from a backup" in row["reason"]
    (details,) = reeld.json("show", str(row["id"]))
    assert details["verify_details"]["hash"] == finding["found_hash"]
    assert [event["event"] for event in details["history"]] == ["damaged"]
    since = details["verify_details"]["since"]
    assert verify(reeld, "damaged:yes")[0] == os.EX_DATAERR
    (details,) = reeld.json("show", str(row["id"]))
    assert details["verify_details"]["since"] == since
    assert len(details["history"]) == 1, "the same damage is one event"

    # As `cp` restores it, and as a tool does that puts the times back.
    shutil.copy2(backup, film)
    tell_ctime(reeld, film)
    assert verify(reeld)[0] == 0
    (details,) = reeld.json("show", str(row["id"]))
    assert (details["verify_problem"], details["verify_details"]) == (None, None)
    assert [event["event"] for event in details["history"]] == ["damaged", "whole"]


def test_a_damaged_file_names_the_copy_that_it_can_be_copied_from(undecided: Undecided) -> None:
    reeld = undecided(*NAMES)
    film, copy = reeld.videos / NAMES[1], reeld.videos / "copies" / "Ronin (1998) copy.mkv"
    copy.parent.mkdir()
    shutil.copy2(film, copy)
    os.link(film, reeld.videos / "Ronin (1998) again.mkv")
    assert reeld.run("scan").returncode == 0
    rot(reeld, film)
    code, rows = verify(reeld)
    assert code == os.EX_DATAERR
    (damaged,) = [row for row in rows if row["outcome"] == "damaged"]
    assert damaged["copy_paths"] == [str(copy)], "another name of the damaged bytes is no copy"
    assert str(copy) in reeld.file(film.name)["reason"]
    assert reeld.file("Ronin (1998) again.mkv")["verify_problem"] == "damaged"
    shown = reeld.run("verify", by_id(reeld, film.name)).stdout.decode()
    assert shown.split("\t")[1] == "damaged"
    assert shown.rstrip("\n").split("\t")[-2:] == [str(copy), str(film)]
    # Neither of two damaged copies is offered.
    rot(reeld, copy)
    code, rows = verify(reeld, "path:Ronin")
    assert [(row["outcome"], row["copy_paths"]) for row in rows] == [("damaged", [])] * 2
    assert "take it from a backup" in reeld.file(film.name)["reason"]


@pytest.mark.parametrize("is_of_schema_18", [False, True])
def test_a_chmod_of_a_damaged_file_does_not_make_its_damage_right(undecided: Undecided, is_of_schema_18: bool) -> None:
    """Row 43. The scan sees the ctime, and has the file read again: it is what was found damaged.

    Until schema 18 nothing was stored of what a damaged file holds.
    """
    reeld = undecided(*NAMES)
    film = reeld.videos / NAMES[1]
    before = reeld.file(film.name)
    rot(reeld, film)
    assert verify(reeld)[0] == os.EX_DATAERR
    if is_of_schema_18:
        with contextlib.closing(sqlite3.connect(reeld.home / "state" / "reeld.db")) as connection, connection:
            connection.execute("UPDATE video_files SET verify_details = json_set(verify_details, '$.hash', NULL)")
    film.chmod(0o400)
    assert reeld.run("scan").returncode == 0
    (row,) = reeld.json("show", str(before["id"]))
    assert (row["verify_problem"], row["file_hash"], row["is_in_doubt"]) == ("damaged", before["file_hash"], False)
    assert row["verify_details"]["hash"] not in (None, before["file_hash"])
    assert verify(reeld)[0] == os.EX_DATAERR


@pytest.mark.parametrize("keeps_mtime", [False, True])
def test_a_scan_finds_that_a_damaged_file_was_restored(undecided: Undecided, keeps_mtime: bool) -> None:
    reeld = undecided(*NAMES)
    film, backup = reeld.videos / NAMES[1], reeld.home / "backup"
    shutil.copy2(film, backup)
    before = reeld.file(film.name)
    rot(reeld, film)
    assert verify(reeld)[0] == os.EX_DATAERR
    (shutil.copy2 if keeps_mtime else shutil.copy)(backup, film)
    assert reeld.run("scan").returncode == 0
    row = reeld.file(film.name)
    assert (row["verify_problem"], row["file_hash"]) == (None, before["file_hash"])
    assert verify(reeld)[0] == 0


def test_a_byte_that_changed_under_the_same_mtime_is_told(undecided: Undecided) -> None:
    reeld = undecided(*NAMES)
    film = reeld.videos / NAMES[1]
    before = reeld.file(film.name)
    flip(film)
    code, (finding,) = verify(reeld, by_id(reeld, film.name))
    assert (code, finding["outcome"]) == (os.EX_DATAERR, "altered")
    assert reeld.file(film.name)["verify_problem"] is None, "it is the scan's to record"
    assert reeld.run("scan").returncode == 0
    row = reeld.file(film.name)
    assert row["file_hash"] == finding["found_hash"] != before["file_hash"]
    (details,) = reeld.json("show", str(row["id"]))
    assert "its size and time are as before, its ctime was not" in details["history"][-1]["evidence"]
    assert verify(reeld)[0] == 0


def test_a_terminal_shows_the_progress_and_what_is_wrong(undecided: Undecided) -> None:
    reeld = undecided(*NAMES)
    rot(reeld, reeld.videos / NAMES[1])
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 160, 0, 0))
    command = [*REELD, "--config", str(reeld.config), "verify"]
    environment = {**os.environ, "TERM": "xterm", "HOME": str(reeld.home)}
    with subprocess.Popen(command, stdout=its, stderr=its, env=environment) as running:
        os.close(its)
        shown = b""
        # The terminal's end is an error of its own.
        with contextlib.suppress(OSError):
            while piece := os.read(ours, 65_536):
                shown += piece
        os.close(ours)
    assert running.returncode == os.EX_DATAERR
    text = shown.decode()
    assert re.search(r"3 files.* of \d\.\d KiB", text), "how much is read of how much"
    assert "3 files, 1 damaged" in text, "what was found until now"
    assert re.search(r"damaged.*its bytes are not those of its hash", text)
    assert "2 same, 1 damaged" in text


# --- and nothing else ------------------------------------------------------------------------------------


def test_nothing_is_said_of_a_tree_that_changed_since_it_was_scanned(undecided: Undecided) -> None:
    """Row 43."""
    reeld = undecided(*NAMES, "Up (2009).mkv", "Big (1988).mkv", "Them (1954).mkv")
    videos = reeld.videos
    shutil.copy2(videos / NAMES[0], videos / "Heat (1995) copy.mkv")
    (videos / NAMES[1]).rename(videos / "Ronin (1998) renamed.mkv")
    make_video(videos / NAMES[2], seed=99)
    os.link(videos / "Up (2009).mkv", videos / "Up (2009) link.mkv")
    (videos / "Big (1988).mkv").unlink()
    (videos / "Them (1954).mkv").chmod(0o400)
    code, rows = verify(reeld)
    assert code == 0
    assert {row["reason"] for row in rows if row["outcome"] == "left_alone"} == {
        "it is not at its path any more",
        "it was changed, so its hash is not of what is there now",
    }
    assert sorted(outcomes(rows).values()) == ["left_alone"] * 3 + ["same"] * 3
    assert b": 3 same, 3 left alone" in reeld.run("verify").stderr
    assert reeld.run("scan").returncode == 0
    code, rows = verify(reeld)
    assert (code, set(outcomes(rows).values())) == (0, {"same"})


def test_what_cannot_be_verified_is_counted(undecided: Undecided) -> None:
    reeld = undecided(*NAMES)
    film = reeld.videos / NAMES[1]
    film.unlink()
    assert reeld.run("scan").returncode == 0
    done = reeld.run("verify", f"{by_id(reeld, film.name)} or heat")
    assert done.returncode == 0
    assert b": 1 same\n1 file of the query cannot be verified now: missing, in doubt" in done.stderr
    done = reeld.run("verify", by_id(reeld, film.name))
    assert (done.returncode, done.stdout) == (0, b"")
    assert b"no file can be verified now" in done.stderr
    assert b"damage" not in done.stderr


def test_a_query_chooses_what_is_read(undecided: Undecided) -> None:
    reeld = undecided(*NAMES)
    for name in NAMES[:2]:
        rot(reeld, reeld.videos / name)
    assert outcomes(verify(reeld, "path:Heat")[1]) == {"Heat (1995).mkv": "damaged"}
    assert outcomes(verify(reeld, by_id(reeld, "Ronin (1998).mkv"))[1]) == {"Ronin (1998).mkv": "damaged"}
    assert outcomes(verify(reeld, "damaged:no")[1]) == {"Alien (1979).mkv": "same"}
    assert outcomes(verify(reeld, "damaged:yes")[1]) == dict.fromkeys(
        ("Heat (1995).mkv", "Ronin (1998).mkv"), "damaged"
    )
    assert verify(reeld, "year:red")[0] == os.EX_USAGE
    assert reeld.run("verify", "--sort", "path").returncode == os.EX_USAGE


# --- on a disk that tells no ctime, so that what happens below it leaves no trace ------------------------

FILMS = ("Heat (1995).mkv", "Up (2009).mkv", "Ronin (1998).mkv", "Big (1988).mkv")


class Shelf:
    """A library on such a disk."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.files = world.root / "files"
        self.files.mkdir()
        for number, name in enumerate(FILMS):
            make_video(self.files / name, seed=number, padding_bytes=64 << 10)
        shutil.copy(self.files / FILMS[0], self.files / "Heat (1995) - copy.mkv")
        self.disk = FuseDisk(self.files, world.library)
        self.disk.forget_ctimes()

    def rot(self, name: str) -> None:
        flip(self.files / name, 40_000)

    def verified(self, *query: str, code: int = 0) -> dict[str, dict[str, object]]:
        """The rows by file name."""
        done = self.world.reeld("verify", "--json", *query)
        assert done.returncode == code, done.stderr
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        return {os.path.basename(row["path"]): row for row in rows}


@pytest.fixture
def world() -> Iterator[World]:
    with new_world() as new:
        yield new


@pytest.fixture
def shelf(world: World) -> Iterator[Shelf]:
    shelf = Shelf(world)
    with contextlib.closing(shelf.disk):
        world.said("scan")
        yield shelf


@pytest.mark.needs_root
@needs_fuse
def test_a_damaged_byte_under_an_unchanged_time_is_found_and_nothing_else(shelf: Shelf) -> None:
    assert {row["outcome"] for row in shelf.verified().values()} == {"same"}
    shelf.rot("Heat (1995).mkv")
    os.utime(shelf.files / "Up (2009).mkv")
    make_video(shelf.files / "Ronin (1998).mkv", seed=99)
    (shelf.files / "Big (1988).mkv").rename(shelf.files / "Big again (1988).mkv")
    found = shelf.verified(code=65)
    assert {name: row["outcome"] for name, row in found.items()} == {
        "Heat (1995).mkv": "damaged",
        "Heat (1995) - copy.mkv": "same",
        "Up (2009).mkv": "left_alone",
        "Ronin (1998).mkv": "left_alone",
        "Big (1988).mkv": "left_alone",
    }
    damaged = found["Heat (1995).mkv"]
    assert damaged["found_hash"] != damaged["file_hash"]
    assert damaged["copy_paths"] == [str(shelf.world.library / "Heat (1995) - copy.mkv")]
    listed = shelf.world.rows("list", "files", "damaged:yes")
    assert [row["path"] for row in listed] == [str(shelf.world.library / "Heat (1995).mkv")]
    assert listed[0]["file_hash"] == damaged["file_hash"]
    findings = map(json.loads, shelf.world.reeld("doctor", "--json").stdout.splitlines())
    (finding,) = (row for row in findings if row["check"] == "damage")
    assert "1 file damaged" in finding["message"]
    assert shelf.world.rows("status")[0]["damaged_count"] == 1


@pytest.mark.needs_root
@needs_fuse
def test_what_is_healed_is_damaged_no_more(shelf: Shelf) -> None:
    shelf.rot(FILMS[0])
    shelf.verified(code=65)
    shelf.rot(FILMS[0])
    assert shelf.verified()[FILMS[0]]["outcome"] == "same"
    assert shelf.world.rows("list", "files", "damaged:yes") == []
    shelf.rot(FILMS[0])
    shelf.verified(code=65)
    make_video(shelf.files / FILMS[0], seed=55)
    shelf.world.said("scan")
    assert shelf.world.rows("list", "files", "damaged:yes") == []


@pytest.mark.needs_root
@needs_fuse
def test_what_cannot_be_read_is_told_with_its_place(shelf: Shelf) -> None:
    shelf.disk.fail_reads(FILMS[1], offset=16_384)
    found = shelf.verified(code=65)[FILMS[1]]
    assert (found["outcome"], found["offset"]) == ("unreadable", 16_384)
    assert "Input/output error" in str(found["reason"])
    shown = shelf.world.reeld("verify").stdout.decode()
    assert [line.split("\t")[1:3] for line in shown.splitlines()] == [["unreadable", "16384"]]
    assert [row["verify_problem"] for row in shelf.world.rows("list", "files", "damaged:yes")] == ["unreadable"]
    shelf.disk.heal()
    assert {row["outcome"] for row in shelf.verified().values()} == {"same"}
    assert shelf.world.rows("list", "files", "damaged:yes") == []


@pytest.mark.needs_root
@needs_fuse
def test_the_longest_unverified_come_first(shelf: Shelf) -> None:
    first = shelf.verified("--limit", "2")
    second = shelf.verified("--limit", "3")
    assert len(first) == 2
    assert not first.keys() & second.keys()
    assert shelf.verified("--limit", "2").keys() == first.keys()
    assert shelf.verified("year:2009").keys() == {"Up (2009).mkv"}


@pytest.mark.needs_root
@needs_fuse
def test_files_without_a_full_hash_in_doubt_or_away_are_not_read(shelf: Shelf) -> None:
    shelf.world.change_database("UPDATE video_files SET file_hash = NULL WHERE filename LIKE 'Up%'")
    shelf.world.change_database("UPDATE video_files SET is_in_doubt = 1 WHERE filename LIKE 'Big%'")
    shelf.world.change_database("UPDATE libraries SET state = 'online'")
    assert shelf.verified().keys() == {"Heat (1995).mkv", "Heat (1995) - copy.mkv", "Ronin (1998).mkv"}
    shelf.world.change_database("UPDATE libraries SET state = 'offline'")
    assert shelf.verified() == {}


# --- beside others ---------------------------------------------------------------------------------------


@pytest.mark.needs_root
@needs_fuse
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_a_verification_that_was_cut_off_goes_on(world: World, end: signal.Signals) -> None:
    backing = world.root / "backing"
    with fuse_disk(backing, world.library) as disk:
        for seed, name in enumerate(NAMES):
            (backing / name).parent.mkdir(exist_ok=True)
            make_video(backing / name, seed=seed, padding_bytes=3 << 20)
        assert world.reeld("scan").returncode == 0
        first, second, third = sorted(world.rows("list", "files"), key=lambda row: int(row["id"]))
        assert world.reeld("verify", f"id:{first['id']}").returncode == 0
        world.change_database("UPDATE video_files SET changed_at = '2020-01-01T00:00:00.000Z'")
        world.change_database(
            f"UPDATE video_files SET file_hash = '{'0' * 32}', changed_at = '2019-01-01T00:00:00.000Z' "
            f"WHERE id = {second['id']}"
        )
        disk.stall("read", name=os.path.basename(third["path"]))
        command = [*REELD, "--config", str(world.config), "verify"]
        running = subprocess.Popen(command, env=world.environment(), cwd=world.root, stdout=subprocess.PIPE, text=True)
        try:
            disk.wait_until_stalled("read")
            running.send_signal(end)
            shown, _ = running.communicate(timeout=PATIENCE_S)
        finally:
            running.kill()  # else a test that fails here would wait for the disk for ever
            running.wait()
        if end is signal.SIGINT:
            assert running.returncode == 130
            assert shown.split("\t")[1] == "damaged", "what was found until then is shown"
        disk.heal()
        rows = [json.loads(line) for line in world.reeld("verify", "--json").stdout.splitlines()]
        assert [row["id"] for row in rows] == [third["id"], first["id"], second["id"]], "the damage was stored at once"


def test_a_verification_beside_a_daemon_finds_damage(world: World) -> None:
    for seed, name in enumerate(NAMES):
        (world.library / name).parent.mkdir(exist_ok=True)
        make_video(world.library / name, seed=seed)
    with RunningDaemon(world) as daemon:
        daemon.assert_true()
        world.change_database(f"UPDATE video_files SET file_hash = '{'0' * 32}' WHERE filename LIKE 'Ronin%'")
        done = world.reeld("verify", "--json")
        assert done.returncode == os.EX_DATAERR
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        assert outcomes(rows) == ALL_SAME | {"Ronin (1998).mkv": "damaged"}
        assert world.file(world.library / NAMES[1])["verify_problem"] == "damaged"
