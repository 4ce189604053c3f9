"""Does `reeld verify` find damage, and nothing else?"""

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from reeld.content.verifying import verify
from reeld.domain.files import FileStamp
from tests.fuse import FuseDisk, why_unavailable
from tests.service.harness import World, new_world
from tests.videos import make_video

pytestmark = [
    pytest.mark.needs_root,
    pytest.mark.skipif(why_unavailable() is not None, reason=f"no FUSE: {why_unavailable()}"),
]

FILMS = ("Heat (1995).mkv", "Up (2009).mkv", "Ronin (1998).mkv", "Big (1988).mkv")


class Shelf:
    """A library on a disk that tells no ctime, so that what happens below it leaves no trace."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.files = world.root / "files"
        self.files.mkdir()
        for number, name in enumerate(FILMS):
            make_video(self.files / name, seed=number, padding_bytes=64 << 10)
        shutil.copy(self.files / FILMS[0], self.files / "Heat (1995) - copy.mkv")
        self.disk = FuseDisk(self.files, world.library)
        self.disk.forget_ctimes()

    def rot(self, name: str, at: int = 40_000) -> None:
        """Change one byte and nothing else, as a failing disk does. A second time heals it."""
        path = self.files / name
        before = path.stat()
        with open(path, "r+b") as file:
            file.seek(at)
            (byte,) = file.read(1)
            file.seek(at)
            file.write(bytes([byte ^ 1]))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    def verified(self, *query: str, code: int = 0) -> dict[str, dict[str, object]]:
        """The outcomes by file name."""
        done = self.world.reeld("verify", "--json", *query)
        assert done.returncode == code, done.stderr
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        return {os.path.basename(row["path"]): row for row in rows}


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    with new_world() as world:
        shelf = Shelf(world)
        with contextlib.closing(shelf.disk):
            world.said("scan")
            yield shelf


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
        "Up (2009).mkv": "changed",
        "Ronin (1998).mkv": "changed",
        "Big (1988).mkv": "changed",
    }
    damaged = found["Heat (1995).mkv"]
    assert damaged["found_hash"] != damaged["file_hash"]
    assert damaged["copy_paths"] == [str(shelf.world.library / "Heat (1995) - copy.mkv")]
    listed = shelf.world.rows("list", "files", "damaged:yes")
    assert [row["path"] for row in listed] == [str(shelf.world.library / "Heat (1995).mkv")]
    assert listed[0]["file_hash"] == damaged["file_hash"]
    findings = map(json.loads, shelf.world.reeld("doctor", "--json").stdout.splitlines())
    (finding,) = (row for row in findings if row["check"] == "damage")
    assert "1 file could not be read" in finding["message"]
    assert shelf.world.rows("status")[0]["damaged_count"] == 1


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


def test_what_cannot_be_read_is_told_with_its_place(shelf: Shelf) -> None:
    shelf.disk.fail_reads(FILMS[1], offset=16_384)
    found = shelf.verified(code=65)[FILMS[1]]
    assert (found["outcome"], found["offset"]) == ("unreadable", 16_384)
    assert "Input/output error" in str(found["reason"])
    shown = shelf.world.reeld("verify").stdout.decode()
    assert [line.split("\t")[1:3] for line in shown.splitlines()] == [["unreadable", "16384"]]


def test_the_longest_unverified_come_first(shelf: Shelf) -> None:
    first = shelf.verified("--limit", "2")
    second = shelf.verified("--limit", "3")
    assert len(first) == 2
    assert not first.keys() & second.keys()
    assert shelf.verified("--limit", "2").keys() == first.keys()
    assert shelf.verified("year:2009").keys() == {"Up (2009).mkv"}


def test_files_without_a_full_hash_or_with_work_left_are_not_read(shelf: Shelf) -> None:
    shelf.world.change_database("UPDATE video_files SET file_hash = NULL WHERE filename LIKE 'Up%'")
    shelf.world.change_database("UPDATE video_files SET is_in_doubt = 1 WHERE filename LIKE 'Big%'")
    shelf.world.change_database("UPDATE libraries SET state = 'online'")
    assert not {"Up (2009).mkv", "Big (1988).mkv"} & shelf.verified().keys()
    shelf.world.change_database("UPDATE libraries SET state = 'offline'")
    assert shelf.verified() == {}


def test_two_readings_that_differ_are_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second reading gives other bytes than the first, as with broken memory or a bad cable."""
    path = tmp_path / "film.mkv"
    path.write_bytes(b"a" * 5000)
    stamp = FileStamp.of(path.stat())
    hashes = iter(["1", "2"])
    monkeypatch.setattr("reeld.content.verifying.full_hash", lambda *_args, **_options: next(hashes))
    assert verify(str(path), stamp, "0").outcome == "unstable"
    hashes = iter(["1", "0"])
    assert verify(str(path), stamp, "0").outcome == "unstable"


def test_a_file_whose_ctime_moved_is_left_to_reeld(tmp_path: Path) -> None:
    path = tmp_path / "film.mkv"
    path.write_bytes(b"a" * 5000)
    stamp = FileStamp.of(path.stat())
    path.chmod(0o600)
    assert verify(str(path), stamp, "0").outcome == "changed"
