"""Disks go, rights are missing, space runs out: reeld says so, nothing else suffers, and it goes on by itself."""

import contextlib
import os
import sqlite3
import subprocess
from pathlib import Path

import pytest

from tests.service.harness import RunningDaemon, new_world
from tests.videos import make_video

needs_root = pytest.mark.needs_root
skip_without_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")


def test_libraries_that_are_not_there_are_waited_for_and_their_files_stay_known() -> None:
    with new_world() as world:
        late, here = world.root / "late", world.library
        world.libraries = {"L": here, "late": late}
        world.write_config()
        with RunningDaemon(world) as daemon:
            daemon.wait_for("library.state_changed", library="late", state="offline")
            states = {row["name"]: row for row in world.rows("status")[0]["libraries"]}
            assert states["late"]["state"] == "offline"
            assert "does not exist" in states["late"]["reason"]
            assert str(late) in world.said("status")
            paths = [make_video(here / f"Film {seed} (1999).mkv", seed=seed) for seed in range(3)]
            daemon.assert_true()
            before = world.rows("list", "files")
            changes = world.ask_database("SELECT id, state, missing_since, changed_at FROM video_files ORDER BY id")

            mark = daemon.mark()
            os.rename(here, world.root / "unplugged")
            late.mkdir()
            daemon.wait_for("library.state_changed", library="L", state="offline", since=mark)
            daemon.wait_for("library.state_changed", library="late", state="online", since=mark)
            make_video(late / "Late (2001).mkv", seed=9)
            daemon.wait_for("file.finished", path="Late (2001).mkv")
            assert [row for row in world.rows("list", "files") if row["library"] == "L"] == before
            (late / "Late (2001).mkv").unlink()

            os.rename(world.root / "unplugged", here)
            daemon.wait_for("library.state_changed", library="L", state="online", since=mark)
            daemon.wait_until(lambda: daemon.find("file.missing", since=mark), "the deleted file is missing")
            daemon.assert_true()
            assert [row for row in world.rows("list", "files") if row["library"] == "L"] == before
            after = world.ask_database("SELECT id, state, missing_since, changed_at FROM video_files ORDER BY id")
            assert after[: len(changes)] == changes
            reads = [row["path"] for row in daemon.log[mark:] if row["event"] == "stage.finished"]
            assert set(reads) == {"Late (2001).mkv"}, "nothing of the library that came back is read again"

            # One that is not configured any more keeps its rows, and is not looked at.
            daemon.stop()
            world.libraries = {"late": late}
            world.write_config()
            paths[0].unlink()
            daemon.start()
            rows = {row["path"]: row for row in world.rows("list", "files") if row["library"] == "L"}
            assert [row["state"] for row in rows.values()] == ["library_removed"] * 3
            states = {row["name"]: row["state"] for row in world.rows("list", "libraries")}
            assert states == {"L": "removed", "late": "online"}


def test_what_may_not_be_read_says_so_and_is_read_once_it_may() -> None:
    with new_world(is_humble=True) as world, RunningDaemon(world) as daemon:
        closed = world.library / "closed"
        closed.mkdir()
        inside = make_video(closed / "Alien (1979).mkv", seed=1)
        closed.chmod(0)
        secret = make_video(world.root / "Brazil (1985).mkv", seed=2)
        secret.chmod(0)
        secret = secret.rename(world.library / secret.name)
        fine = make_video(world.library / "Clue (1985).mkv", seed=3)
        daemon.wait_for("file.finished", path=fine.name)
        daemon.wait_for("directory.unreadable", path="closed")
        daemon.wait_for("stage.failed", path=secret.name)
        row = world.file(secret)
        assert "cannot be read" in row["reason"]
        assert "right to read" in row["reason"]
        assert world.file(fine)["file_hash"]

        def is_told() -> bool:
            (library,) = world.rows("status")[0]["libraries"]
            return [folder["path"] for folder in library["unreadable"]] == [str(closed)]

        daemon.wait_until(is_told, "the status names the folder")
        assert str(closed) in world.said("status")

        secret.chmod(0o644)
        closed.chmod(0o755)
        daemon.assert_true()
        assert world.file(inside)["kind"] == "movie"
        mark = daemon.mark()
        make_video(closed / "Dune (1984).mkv", seed=4)
        daemon.wait_for("file.finished", path="closed/Dune (1984).mkv", since=mark)
        daemon.assert_true()


def test_a_folder_that_may_not_be_written_to_is_said_at_the_start() -> None:
    with new_world(is_humble=True) as world:
        world.state.chmod(0o555)
        for command in ("run", "scan"):
            done = world.reeld(command)
            assert done.returncode == 74, done.stderr
            message = done.stderr.decode()
            assert str(world.database) in message
            assert "right to write" in message
            assert "Traceback" not in message
        world.state.chmod(0o755)


@pytest.mark.parametrize("damage", ["garbage", "empty", "page", "cut short", "newer", "foreign"])
def test_a_damaged_catalogue_is_refused_and_left_untouched(damage: str) -> None:
    """Row 27."""
    with new_world(has_catalog=False) as world:
        if damage == "garbage":
            world.database.write_bytes(os.urandom(8192))
        elif damage == "empty":
            world.database.write_bytes(b"")
        elif damage == "foreign":
            with contextlib.closing(sqlite3.connect(world.database)) as other:
                other.execute("CREATE TABLE theirs (x)")
        elif damage == "newer":
            assert world.reeld("scan").returncode == 0
            with contextlib.closing(sqlite3.connect(world.database)) as newer:
                newer.execute("PRAGMA user_version = 9999")
        elif damage == "cut short":
            assert world.reeld("scan").returncode == 0
            os.truncate(world.database, world.database.stat().st_size // 2)
        else:
            assert world.reeld("scan").returncode == 0
            content = bytearray(world.database.read_bytes())
            content[3 * 4096 : 12 * 4096] = bytes(9 * 4096)
            world.database.write_bytes(content)
        before = world.database.read_bytes()
        for command in ("run", "scan"):
            done = world.reeld(command)
            assert done.returncode == 65, done.stderr
            message = done.stderr.decode()
            assert str(world.database) in message
            assert "Nothing was changed" in message
            assert "Traceback" not in message
            assert world.database.read_bytes() == before


@needs_root
@skip_without_root
def test_a_disk_that_is_unmounted_and_mounted_again_is_not_read_again(tmp_path: Path) -> None:
    with new_world() as world:
        disk = world.root / "image"
        with open(disk, "wb") as file:
            file.truncate(8 << 20)
        subprocess.run(["mkfs.ext4", "-q", str(disk)], check=True, capture_output=True)
        mount = ["mount", "-o", "loop", str(disk), str(world.library)]
        subprocess.run(mount, check=True)
        try:
            with RunningDaemon(world) as daemon:
                make_video(world.library / "Heat (1995).mkv")
                daemon.assert_true()
                before, mark = world.rows("list", "files"), daemon.mark()
                daemon.unmount(world.library)
                daemon.wait_until(lambda: daemon.log[mark:], "the disk's absence is noticed")
                subprocess.run(mount, check=True)
                daemon.assert_true()
                assert world.rows("list", "files") == before
                assert daemon.find("stage.finished", since=mark) is None
        finally:
            subprocess.run(["umount", "-l", str(world.library)], check=False)
