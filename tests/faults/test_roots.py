"""Disks go, come back and are exchanged: nothing that is known suffers, and nothing is missing but what is gone."""

import contextlib
import ctypes
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.service.harness import READING_STAGES, Row, RunningDaemon, World, new_world
from tests.videos import video_bytes

pytestmark = [
    pytest.mark.needs_root,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount"),
]


HASHED = ("stage.finished", "hash")


def _run(*command: str | Path) -> str:
    return subprocess.run([*map(str, command)], check=True, capture_output=True, text=True).stdout.strip()


@contextlib.contextmanager
def disk_health(*paths: Path) -> Iterator[None]:
    """A new tmpfs at each of these; whatever is mounted at or below them afterwards goes at the end."""
    try:
        for path in paths:
            path.mkdir(exist_ok=True)
            _run("mount", "-t", "tmpfs", "reeld-test", path)
        yield
    finally:
        for path in reversed(paths):
            subprocess.run(["umount", "-l", "-R", str(path)], check=False, capture_output=True)


@contextlib.contextmanager
def plugged_in(disk: Path, at: Path) -> Iterator[None]:
    """The disk is (also) to be seen there; what is mounted there in the end, layer by layer, goes."""
    at.mkdir(exist_ok=True)
    plug_in(disk, at)
    try:
        yield
    finally:
        while subprocess.run(["umount", "-l", str(at)], check=False, capture_output=True).returncode == 0:
            pass


def plug_in(disk: Path, at: Path) -> None:
    _run("mount", "--bind", disk, at)


def mount_dead_fuse(at: Path) -> None:
    """A file system whose server has died: the kernel answers ENOTCONN."""
    libc = ctypes.CDLL(None, use_errno=True)
    device = os.open("/dev/fuse", os.O_RDWR)
    try:
        data = f"fd={device},rootmode=40000,user_id=0,group_id=0".encode()
        if libc.mount(b"dead", os.fsencode(at), b"fuse", 0, data) != 0:
            raise OSError(ctypes.get_errno(), "cannot mount FUSE")
    finally:
        os.close(device)


def rows_of(world: World) -> list[tuple[Any, ...]]:
    return world.ask_database("SELECT * FROM video_files ORDER BY id")


def wait_until_missing(daemon: RunningDaemon, count: int) -> None:
    """So many in all; how many at once depends on how fast they went."""
    ask = "SELECT COUNT(*) FROM video_files WHERE state = 'missing'"
    daemon.wait_until(lambda: daemon.world.ask_database(ask) == [(count,)], f"{count} files are missing")


def state_of(world: World, name: str = "L") -> Row:
    (row,) = [row for row in world.rows("list", "libraries") if row["name"] == name]
    return row


def films(folder: Path, count: int) -> list[Path]:
    """So many videos, each with other bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    one = video_bytes("mkv", seed=1)
    paths = [folder / f"Film {number} (1999).mkv" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_bytes(one + os.fsencode(folder) + bytes([number]))
    return paths


# --- the root --------------------------------------------------------------------------------------------


class Witness:
    """That no row changes while a library goes and comes back."""

    def __init__(self, daemon: RunningDaemon) -> None:
        self.daemon, self.world = daemon, daemon.world
        self.before = rows_of(self.world)
        self.start = self.since = daemon.mark()

    def expect(self, library: str, state: str, *, stir: Path | None = None) -> str:
        """The library is said to be in this state now; why."""
        if stir is not None:
            # What happens on the disk that went still wakes reeld, which then does not wait for its next round.
            (stir / "stirred").touch()
            (stir / "stirred").unlink()
        told = self.daemon.wait_for("library.state_changed", library=library, state=state, since=self.since)
        self.since = self.daemon.mark()
        assert rows_of(self.world)[: len(self.before)] == self.before
        return str(told["reason"])

    def expect_nothing_was_read(self) -> None:
        assert self.daemon.find("stage.finished", since=self.start) is None


def test_a_disk_that_is_unmounted_or_covered_changes_no_row_and_is_not_read_again() -> None:
    """Rows 9, 10, 11, 13. I3, I17."""
    with new_world() as world:
        disk, stranger, other = world.root / "disk", world.root / "stranger", world.root / "other"
        world.libraries = {"L": world.library, "other": other}
        other.mkdir()
        world.write_config()
        with disk_health(disk, stranger), plugged_in(disk, world.library), RunningDaemon(world) as daemon:
            films(stranger, 3)
            films(disk / "a", 3)
            daemon.assert_true()
            witness = Witness(daemon)

            daemon.unmount(world.library)
            reason = witness.expect("L", "unverified", stir=disk)
            assert re.fullmatch(rf"its disk( \S+)? is not mounted at {world.library}", reason)
            assert reason == state_of(world)["reason"]
            problem, evidence = (
                row for row in doctor_rows(world) if row["check"] == "library" and row["library"] == "L"
            )
            assert (problem["message"], evidence["level"]) == (reason, "note")
            assert "`reeld libraries accept L`" in problem["hint"]
            assert "0 of 3 known files are unchanged" in evidence["message"]
            assert reason in world.said("status")
            plug_in(disk, world.library)
            witness.expect("L", "online")
            _run("umount", "-l", world.library)
            witness.expect("L", "unverified", stir=disk)
            plug_in(stranger, world.library)
            daemon.wait_until(lambda: _shows_the_stranger(_reason(world)), "the stranger is seen")
            daemon.unmount(world.library)
            plug_in(disk, world.library)
            witness.expect("L", "online")
            mount_dead_fuse(world.library)
            assert "cannot be read" in witness.expect("L", "offline", stir=disk)
            assert state_of(world, "other")["state"] == "online"
            _run("umount", "-l", world.library)
            witness.expect("L", "online")
            daemon.assert_true()
            witness.expect_nothing_was_read()
            assert state_of(world)["reason"] is None


def doctor_rows(world: World) -> list[Row]:
    return [json.loads(line) for line in world.reeld("doctor", "--json").stdout.splitlines()]


def _shows_the_stranger(reason: str) -> bool:
    return "its id is another one" in reason and "nothing is mounted there" not in reason


def _reason(world: World) -> str:
    ((reason,),) = world.ask_database("SELECT COALESCE(state_reason, '') FROM libraries WHERE name = 'L'")
    return str(reason)


def test_a_root_that_is_renamed_or_replaced_is_noticed_and_changes_no_row() -> None:
    """Row 15. I3."""
    with new_world() as world, RunningDaemon(world) as daemon:
        aside, stranger = world.root / "aside", world.root / "stranger"
        films(world.library, 3)
        films(stranger, 3)
        daemon.assert_true()
        witness = Witness(daemon)
        world.library.rename(aside)
        witness.expect("L", "offline", stir=aside)
        world.library.mkdir()
        witness.expect("L", "unverified")
        world.library.rmdir()
        world.library.symlink_to(stranger)
        daemon.wait_until(lambda: str(stranger) in _reason(world), "the link is seen")
        world.library.unlink()
        world.library.symlink_to(aside)
        witness.expect("L", "online")
        witness.expect_nothing_was_read()
        # It is watched again, under its new path.
        films(aside / "new", 1)
        daemon.assert_true()


def test_a_disk_that_is_not_there_at_boot_is_waited_for() -> None:
    """A disk that is not there at boot is waited for while another library goes on.

    Rows 10, 12. I3.
    """
    with new_world() as world:
        disk, other = world.root / "disk", world.root / "other"
        world.libraries = {"L": world.library, "other": other}
        other.mkdir()
        world.write_config()
        with disk_health(disk):
            with plugged_in(disk, world.library), RunningDaemon(world) as daemon:
                films(disk, 3)
                daemon.assert_true()
            before = rows_of(world)
            with RunningDaemon(world) as daemon:
                daemon.wait_for("library.state_changed", library="L", state="unverified")
                # Its inode, size and time are those of a file that L knows; whether that is gone nobody can tell.
                (disk / "Film 2 (1999).mkv").rename(disk / "aside")
                _run("cp", "-p", disk / "aside", other / "Copy (2001).mkv")
                daemon.wait_for("file.finished", path="Copy (2001).mkv")
                (disk / "aside").rename(disk / "Film 2 (1999).mkv")
                assert rows_of(world)[:3] == before
                with plugged_in(disk, world.library):
                    daemon.wait_for("library.state_changed", library="L", state="online")
                    daemon.assert_true()
                    hashed = {row["path"] for row in daemon.log if (row["event"], row.get("stage")) == HASHED}
                    # Two renames that nobody saw have changed its ctime: its bytes are verified.
                    assert hashed == {"Copy (2001).mkv", "Film 2 (1999).mkv"}
                    daemon.stop()


def test_a_file_of_a_library_that_is_away_is_not_taken_for_a_moved_one() -> None:
    """A file of a library that is away is not taken for one that was moved elsewhere. Row 12."""
    with new_world() as world:
        other, unplugged = world.root / "other", world.root / "unplugged"
        world.libraries = {"L": world.library, "other": other}
        other.mkdir()
        world.write_config()
        with RunningDaemon(world) as daemon:
            paths = films(world.library, 3)
            daemon.assert_true()
            before = rows_of(world)
            world.library.rename(unplugged)
            daemon.wait_for("library.state_changed", library="L", state="offline")
            (unplugged / paths[0].name).rename(other / "Moved (2001).mkv")
            daemon.wait_for("file.finished", path="Moved (2001).mkv")
            assert rows_of(world)[:3] == before
            unplugged.rename(world.library)
            wait_until_missing(daemon, 1)
            daemon.assert_true()


def test_a_disk_that_comes_back_under_another_device_number_is_the_same_disk() -> None:
    """Row 9. On ext4, whose id stays; the number is that of the loop device."""
    with new_world() as world:
        image = world.root / "image"
        with open(image, "wb") as file:
            file.truncate(8 << 20)
        _run("mkfs.ext4", "-q", image)
        loops: list[str] = []
        try:
            for start in range(2):
                loops.append(_run("losetup", "-f", "--show", image))
                _run("mount", loops[-1], world.library)
                with RunningDaemon(world) as daemon:
                    if start == 0:
                        films(world.library, 2)
                    daemon.assert_true()
                    assert daemon.count("stage.finished", stage="hash") == (2 if start == 0 else 0)
                    devices = world.ask_database("SELECT DISTINCT device FROM video_files")
                    assert devices == [(os.stat(world.library).st_dev,)]
                _run("umount", world.library)
            assert loops[0] != loops[1]
        finally:
            subprocess.run(["umount", "-l", str(world.library)], check=False, capture_output=True)
            for loop in loops:
                subprocess.run(["losetup", "-d", loop], check=False)


# --- below the root --------------------------------------------------------------------------------------


def test_a_disk_below_the_root_that_goes_or_is_covered_changes_nothing_below_it() -> None:
    """Row 11 below the root. I3, I17."""
    with new_world() as world:
        disk, stranger = world.root / "disk", world.root / "stranger"
        below, plain = world.library / "disk", world.library / "plain"
        with disk_health(disk, stranger), plugged_in(disk, below), RunningDaemon(world) as daemon:
            films(stranger, 3)
            films(disk / "films", 3)
            films(plain, 3)
            gone = films(world.library / "rest", 3)
            daemon.assert_true()
            before, start = rows_of(world), daemon.mark()

            daemon.unmount(below)
            told = daemon.wait_for("library.state_changed", since=start)
            assert (told["state"], str(below) in told["reason"]) == ("online", True)
            assert f"the disk at {below} is not mounted; no file below changes" in told["reason"]
            assert "`reeld libraries accept L`" in world.said("status")
            gone[0].unlink()
            wait_until_missing(daemon, 1)
            states = [row["state"] for row in world.rows("list", "files")]
            assert (states.count("present"), states.count("missing")) == (8, 1)

            # A restart knows it, too.
            daemon.restart()
            assert str(below) in state_of(world)["reason"]
            since = daemon.mark()
            plug_in(disk, below)
            daemon.wait_for("library.state_changed", since=since, state="online", reason=None)

            since = daemon.mark()
            plug_in(stranger, plain)
            told = daemon.wait_for("library.state_changed", since=since)
            assert str(plain) in told["reason"]
            daemon.unmount(plain)
            daemon.wait_for("library.state_changed", since=since, state="online", reason=None)
            daemon.assert_true()
            assert rows_of(world)[:6] == before[:6]
            left = "SELECT path, state FROM video_files WHERE id IN (8, 9) ORDER BY id"
            assert world.ask_database(left) == [(row[2], "present") for row in before[7:9]]
            # Of the files beside the one that went, the names are read again.
            assert all(daemon.find("stage.finished", stage=stage, since=start) is None for stage in READING_STAGES)

            since = daemon.mark()
            daemon.unmount(below)
            daemon.wait_for("library.state_changed", since=since)
            world.said("libraries", "accept", "L")
            wait_until_missing(daemon, 4)
            daemon.wait_until(lambda: state_of(world)["is_accepted"] is False, "the acceptance is used up")
            assert state_of(world)["reason"] is None
            daemon.assert_true()


# --- what is gone ----------------------------------------------------------------------------------------


def test_very_many_files_that_are_gone_at_once_are_a_persons_to_confirm() -> None:
    """Row 14. I3."""
    with new_world() as world:
        small, aside = world.root / "small", world.root / "aside"
        world.libraries = {"L": world.library, "small": small}
        small.mkdir()
        world.write_config()
        with RunningDaemon(world) as daemon:
            films(world.library / "many", 24)
            films(world.library / "few", 16)
            for path in (paths := films(small, 3)):
                assert path.exists()
            daemon.assert_true()

            # A few are simply gone, and so is all of a small library.
            since = daemon.mark()
            for path in paths:
                path.unlink()
            wait_until_missing(daemon, 3)
            assert state_of(world, "small")["state"] == "online"

            # A folder that was renamed is none that is gone.
            since = daemon.mark()
            (world.library / "many").rename(world.library / "renamed")
            daemon.assert_true()
            assert daemon.count("file.moved", since=since) == 24

            since = daemon.mark()
            shutil.move(world.library / "renamed", aside)
            held = daemon.wait_for("library.state_changed", since=since, state="on_hold")
            assert "24 of 40 files" in held["reason"]
            assert "`reeld libraries accept L`" in held["reason"]
            assert held["reason"] in world.said("status")
            (world.library / "few" / "Film 3 (1999).mkv").unlink()
            films(world.library / "new", 1)
            (world.library / "few" / "Film 4 (1999).mkv").rename(world.library / "few" / "Else (1999).mkv")
            daemon.wait_for("file.finished", path="new/Film 0 (1999).mkv", since=since)
            daemon.wait_for("file.moved", path="few/Else (1999).mkv", since=since)
            assert world.ask_database("SELECT COUNT(*) FROM video_files WHERE state = 'missing'") == [(3,)]

            daemon.restart()
            assert state_of(world)["state"] == "on_hold"
            since = daemon.mark()
            shutil.move(aside, world.library / "renamed")
            daemon.wait_for("library.state_changed", since=since, state="online", reason=None)
            wait_until_missing(daemon, 4)
            daemon.assert_true()
            assert {row["path"] for row in daemon.log[since:] if row["event"] == "stage.finished"} == set()

            since = daemon.mark()
            shutil.rmtree(world.library / "renamed")
            daemon.wait_for("library.state_changed", since=since, state="on_hold")
            world.said("libraries", "accept", "L")
            wait_until_missing(daemon, 28)
            daemon.wait_for("library.state_changed", since=since, state="online", reason=None)
            daemon.assert_true()
            assert daemon.find("library.state_changed", library="small", state="on_hold") is None


def test_what_may_not_be_read_any_more_is_unknown_and_not_missing() -> None:
    """Row 17. I3."""
    with new_world(is_humble=True) as world, RunningDaemon(world) as daemon:
        closed = films(world.library / "closed", 2)[0].parent
        open_ = films(world.library / "open", 2)
        daemon.assert_true()
        before = rows_of(world)
        closed.chmod(0)
        daemon.stop()
        open_[0].unlink()
        start = daemon.mark()
        daemon.start()
        daemon.wait_for("directory.unreadable", path="closed", since=start)
        wait_until_missing(daemon, 1)
        assert rows_of(world)[:2] == before[:2]
        closed.chmod(0o755)
        daemon.assert_true()
        assert all(daemon.find("stage.finished", stage=stage, since=start) is None for stage in READING_STAGES)


def test_links_that_lead_in_circles_are_not_followed() -> None:
    """Row 18."""
    with new_world() as world:
        films(world.library / "a", 2)
        (world.library / "a" / "loop").symlink_to(world.library)
        (world.library / "a" / "loop2").symlink_to(".")
        with RunningDaemon(world) as daemon:
            daemon.assert_true()
            assert len(rows_of(world)) == 2
