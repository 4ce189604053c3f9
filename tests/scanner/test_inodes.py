"""Test that rows stay with their content on disks whose inode numbers do not last."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reeld.catalog import assignments, history, libraries
from reeld.catalog.models import VideoFile
from reeld.catalog.twins import twins_of
from reeld.config import InodeSetting
from reeld.database.base import database
from reeld.database.connection import writing
from reeld.domain.files import FileStamp
from reeld.domain.identity import Accepted, Reading
from reeld.domain.titles import title_key
from reeld.pipeline.context import StageContext
from reeld.pipeline.runner import Runner
from reeld.pipeline.stages import LANES, STAGES
from reeld.scanner import root_check
from reeld.watch import fs_identity
from tests import fuse
from tests.catalog.rows import NOW_MS, add_libraries
from tests.content.reading import full_hash
from tests.scanner import test_library_scanner
from tests.scanner.test_moved_files import decide, exchange

pytestmark = [
    pytest.mark.needs_root,
    pytest.mark.skipif(fuse.why_unavailable() is not None, reason=str(fuse.why_unavailable())),
]

SIZE = 70_000
MOMENT_NS = 1_700_000_000 * 10**9


def _call_it_a_film(video_file_id: int, _nothing: None, now_ms: int) -> None:
    film = Reading(kind="movie", title=f"Film {video_file_id}", year=2000)
    assignments.store_verdict(video_file_id, Accepted(reading=film), title_key, now_ms)


# Names are not read: no children are needed.
READING_STAGES = [
    replace(stage, run=lambda _record, _tools: None, answer=None, save=_call_it_a_film)
    if stage.lane == "names"
    else stage
    for stage in STAGES
    if stage.name != "probe"
]


class Shelf:
    """A library on a disk whose server numbers the files as the test says, and how much of them is read."""

    def __init__(self, folder: Path, library_id: int) -> None:
        self.backing, self.library_id = folder / "backing", library_id
        self.world = test_library_scanner.World(folder / "films", library_id)
        self.inodes: InodeSetting = "auto"
        self._mounted = ExitStack()
        with writing():
            database.execute_sql("UPDATE libraries SET path = ? WHERE id = ?", (str(self.world.root), library_id))
        self.disk = self._mount()

    def write(self, path: str, letter: str, size: int = SIZE, mtime_ns: int = MOMENT_NS) -> Path:
        file = self.backing / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(letter * size)
        os.utime(file, ns=(mtime_ns, mtime_ns))
        return file

    def remount(self, numbering: fuse.Numbering | None = None, *, has_ctimes: bool = True) -> None:
        """Mount the disk again, perhaps with other numbers, and start reeld again."""
        self._mounted.close()
        self.disk = self._mount()
        if numbering is not None:
            self.disk.renumber(numbering)
        if not has_ctimes:
            self.disk.forget_ctimes()
        self.world.restart()

    def _mount(self) -> fuse.FuseDisk:
        return self._mounted.enter_context(fuse.fuse_disk(self.backing, self.world.root))

    def scan(self) -> int:
        """Scan once, and work until nothing is left to do. Returns how many bytes were read."""
        self.world.restart()
        self.world.scanner.root.inodes = self.inodes
        self.disk.reads()
        for _ in range(3):
            self.world.be_quiet()
            self._work()
        return self.disk.reads()

    def _work(self) -> None:
        tools = StageContext(
            ask_prober=lambda _request, _descriptors: {},
            ask_identifier=lambda _request: {},
            should_stop=lambda: False,
            on_bytes_hashed=lambda _count: None,
            limit_rate=lambda _count: None,
            patience_s=lambda _path: 0.0,
            interrupt=lambda: None,
        )
        runner = Runner(
            stages=READING_STAGES,
            tools=tools,
            now_ms=lambda: NOW_MS + int(self.world.advance_s * 1000) + 60_000,
            pause=lambda _seconds: None,
            rescan_directory=lambda _path: None,
        )
        while any(runner.step(lane) for lane in LANES):
            pass

    def rows(self) -> dict[str, Any]:
        return {row.path: row for row in VideoFile.select().where(VideoFile.state == "present")}

    def ids(self) -> dict[str, int]:
        return {path: row.id for path, row in self.rows().items()}

    def assert_true(self) -> None:
        """Every hash is that of the bytes at its path."""
        for path, row in self.rows().items():
            assert row.file_hash == hash_of(self.backing / path), path

    def close(self) -> None:
        self._mounted.close()


def hash_of(path: Path) -> str:
    stamp = FileStamp.of(path.stat())
    return full_hash(str(path), stamp, on_progress=lambda _count: None, should_stop=lambda: False)


@pytest.fixture
def shelf(catalog: Path, tmp_path: Path) -> Iterator[Shelf]:
    made = Shelf(tmp_path, add_libraries("Films")[0])
    yield made
    made.close()


def twins(shelf: Shelf) -> dict[str, int]:
    """Four files of one size and time; the user decided about one."""
    for letter in "abcd":
        shelf.write(f"{letter}/{letter}.mkv", letter)
    shelf.scan()
    ids = shelf.ids()
    decide(ids["d/d.mkv"], "Delta Decided")
    return ids


def decided(shelf: Shelf) -> list[str]:
    return [path for path, row in shelf.rows().items() if row.decided_by == "user"]


@pytest.mark.parametrize("numbering", ["shuffle", "count", "path"])
@pytest.mark.parametrize("has_ctimes", [True, False])
def test_files_of_one_size_and_time_keep_their_rows_when_a_mount_renumbers_them(
    shelf: Shelf, numbering: fuse.Numbering, has_ctimes: bool
) -> None:
    if not has_ctimes:
        shelf.disk.forget_ctimes()
    ids = twins(shelf)
    shelf.remount(numbering, has_ctimes=has_ctimes)
    assert shelf.scan() <= 4 * SIZE, "each is compared once"
    assert (shelf.ids(), decided(shelf)) == (ids, ["d/d.mkv"])
    shelf.assert_true()


def test_nothing_is_read_again_where_sizes_or_times_differ(shelf: Shelf) -> None:
    shelf.disk.forget_ctimes()
    for number, letter in enumerate("abc"):
        shelf.write(f"{letter}.mkv", letter, SIZE + number)
    shelf.write("d.mkv", "d", mtime_ns=MOMENT_NS + 10**9)
    shelf.scan()
    ids = shelf.ids()
    for numbering in ("shuffle", "count", "path"):
        shelf.remount(numbering, has_ctimes=False)
        assert shelf.scan() == 0
    assert shelf.ids() == ids


def test_twins_are_compared_once_for_each_mount_or_change(shelf: Shelf) -> None:
    shelf.disk.forget_ctimes()
    twins(shelf)
    shelf.scan()
    shelf.world.scanner.hints.mark_everything()
    shelf.world.be_quiet()
    assert shelf.disk.reads() == 0
    exchange(shelf.backing / "a/a.mkv", shelf.backing / "b/b.mkv")
    shelf.world.scanner.hints.mark_everything()
    shelf.world.be_quiet()
    shelf.assert_true()


@pytest.mark.parametrize("numbering", ["shuffle", "count", "path"])
def test_twins_that_took_each_others_places_while_away_take_their_rows_along(
    shelf: Shelf, numbering: fuse.Numbering
) -> None:
    shelf.disk.forget_ctimes()
    ids = twins(shelf)
    exchange(shelf.backing / "a/a.mkv", shelf.backing / "d/d.mkv")
    shelf.remount(numbering, has_ctimes=False)
    shelf.scan()
    assert shelf.ids() == ids | {"a/a.mkv": ids["d/d.mkv"], "d/d.mkv": ids["a/a.mkv"]}
    assert decided(shelf) == ["a/a.mkv"]
    shelf.assert_true()


@pytest.mark.parametrize("numbering", ["shuffle", "count", "path"])
def test_a_file_that_was_renamed_while_away_takes_its_row_along_and_is_not_hashed(
    shelf: Shelf, numbering: fuse.Numbering
) -> None:
    shelf.disk.forget_ctimes()
    shelf.write("a.mkv", "a", 5 << 20)
    shelf.write("b.mkv", "b")
    shelf.scan()
    ids = shelf.ids()
    decide(ids["a.mkv"], "Alpha Decided")
    (shelf.backing / "x").mkdir()
    os.rename(shelf.backing / "a.mkv", shelf.backing / "x/y.mkv")
    shelf.remount(numbering, has_ctimes=False)
    assert shelf.scan() <= 2 << 20, "only its ends"
    assert shelf.ids() == {"x/y.mkv": ids["a.mkv"], "b.mkv": ids["b.mkv"]}
    assert decided(shelf) == ["x/y.mkv"]
    assert [event["event"] for event in history.of_file(ids["a.mkv"])] == ["moved"]
    shelf.assert_true()


def test_another_film_of_the_same_size_and_time_takes_no_row_along(shelf: Shelf) -> None:
    shelf.disk.forget_ctimes()
    shelf.write("a.mkv", "a")
    shelf.write("c.mkv", "c", SIZE + 1)
    shelf.scan()
    decide(shelf.ids()["a.mkv"], "Alpha Decided")
    (shelf.backing / "a.mkv").unlink()
    shelf.write("b.mkv", "b")
    shelf.remount("shuffle", has_ctimes=False)
    shelf.scan()
    assert decided(shelf) == []
    shelf.assert_true()


def test_a_copy_with_its_time_is_another_file(shelf: Shelf) -> None:
    shelf.disk.forget_ctimes()
    shelf.write("a.mkv", "a")
    shelf.scan()
    ids = shelf.ids()
    shelf.write("b.mkv", "a")
    shelf.scan()
    assert shelf.ids()["a.mkv"] == ids["a.mkv"]
    assert len(shelf.ids()) == 2


def test_a_film_renamed_over_another_keeps_its_own_row(shelf: Shelf) -> None:
    shelf.disk.forget_ctimes()
    ids = twins(shelf)
    os.rename(shelf.backing / "d/d.mkv", shelf.backing / "a/a.mkv")
    shelf.remount("count", has_ctimes=False)
    shelf.scan()
    assert shelf.ids() == {"a/a.mkv": ids["d/d.mkv"], "b/b.mkv": ids["b/b.mkv"], "c/c.mkv": ids["c/c.mkv"]}
    assert VideoFile.get_by_id(ids["a/a.mkv"]).state == "missing"
    shelf.assert_true()


def test_numbers_that_an_older_reeld_stored_are_forgotten(shelf: Shelf) -> None:
    shelf.inodes = "trusted"
    ids = twins(shelf)
    assert all(row.inode for row in shelf.rows().values())
    shelf.inodes = "auto"
    shelf.remount("shuffle", has_ctimes=False)
    shelf.scan()
    assert all(row.inode == 0 for row in shelf.rows().values())
    assert (shelf.ids(), decided(shelf)) == (ids, ["d/d.mkv"])
    shelf.assert_true()


def test_files_on_a_disk_below_keep_their_numbers_while_it_is_away(shelf: Shelf) -> None:
    """Its numbers last, those of the mount that it lies in do not."""
    shelf.write("a.mkv", "a")
    (shelf.backing / "disk").mkdir()
    disk = shelf.world.root / "disk"
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "reeld-test", str(disk)], check=True)
    try:
        (disk / "b.mkv").write_text("b" * SIZE)
        os.utime(disk / "b.mkv", ns=(MOMENT_NS, MOMENT_NS))
        shelf.scan()
        before = shelf.rows()["disk/b.mkv"]
        assert before.inode
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    shelf.scan()
    after = shelf.rows()["disk/b.mkv"]
    assert (after.inode, after.device) == (before.inode, before.device)
    assert shelf.rows()["a.mkv"].inode == 0


def test_a_mount_that_the_user_trusts_is_known_by_its_numbers(shelf: Shelf) -> None:
    shelf.inodes = "trusted"
    shelf.write("a.mkv", "a", 5 << 20)
    shelf.write("c.mkv", "c")
    shelf.scan()
    ids = shelf.ids()
    os.rename(shelf.backing / "a.mkv", shelf.backing / "b.mkv")
    shelf.scan()
    assert shelf.ids() == {"b.mkv": ids["a.mkv"], "c.mkv": ids["c.mkv"]}
    assert shelf.rows()["b.mkv"].inode == (shelf.backing / "b.mkv").stat().st_ino


def test_names_are_counted_only_where_numbers_are_trusted(shelf: Shelf) -> None:
    shelf.write("a.mkv", "a")
    shelf.scan()
    (file_id,) = shelf.ids().values()
    told = twins_of(file_id)
    assert (told["link_count"], told["link_count_at"]) == (None, None)
    assert "no lasting numbers" in told["link_problem"]


@pytest.mark.parametrize("numbering", ["shuffle", "count", "path"])
def test_a_trusted_mount_that_changes_its_numbers_is_trusted_no_more(
    shelf: Shelf, numbering: fuse.Numbering, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is found out before any row moves, and remembered."""
    monkeypatch.setattr(fs_identity, "keeps_inodes", lambda _path, _fs_type: True)
    ids = twins(shelf)
    shelf.remount(numbering)
    shelf.scan()
    assert (shelf.ids(), decided(shelf)) == (ids, ["d/d.mkv"])
    assert all(row.inode == 0 for row in shelf.rows().values())
    shelf.remount()
    shelf.scan()
    assert all(row.inode == 0 for row in shelf.rows().values())
    shelf.assert_true()


@pytest.mark.parametrize("numbering", ["shuffle", "count"])
def test_a_row_that_was_moved_by_a_false_number_goes_back_once_the_ends_are_read(
    shelf: Shelf, numbering: fuse.Numbering
) -> None:
    """The user trusts a mount that does not deserve it: a decision still ends where it was made."""
    shelf.inodes = "trusted"
    ids = twins(shelf)
    shelf.remount(numbering)
    shelf.scan()
    shelf.scan()
    assert (shelf.ids()["d/d.mkv"], decided(shelf)) == (ids["d/d.mkv"], ["d/d.mkv"])
    shelf.assert_true()


def shift_all(shelf: Shelf, seconds: int) -> None:
    """Tell all times later, as a FAT disk does in another time zone."""
    for file in shelf.backing.rglob("*.mkv"):
        moment_ns = file.stat().st_mtime_ns + seconds * 10**9
        os.utime(file, ns=(moment_ns, moment_ns))


@pytest.mark.parametrize("minutes", [60, -45, 13 * 60])
def test_times_of_a_fat_disk_that_shifted_as_a_whole_are_no_change(
    shelf: Shelf, minutes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(root_check, "KEEPING_LOCAL_TIME", {"fuse"})
    shelf.disk.forget_ctimes()
    for number, letter in enumerate("abcde"):
        shelf.write(f"{letter}.mkv", letter, SIZE + number)
    shelf.scan()
    ids = shelf.ids()
    shift_all(shelf, minutes * 60)
    shelf.remount("count", has_ctimes=False)
    assert shelf.scan() <= 3 * (SIZE + 5), "the ends of three files"
    assert shelf.ids() == ids
    assert not any(history.of_file(row_id) for row_id in ids.values())
    shelf.assert_true()


def test_a_time_that_shifted_with_other_bytes_is_a_change(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(root_check, "KEEPING_LOCAL_TIME", {"fuse"})
    shelf.disk.forget_ctimes()
    shelf.write("a.mkv", "a")
    shelf.write("b.mkv", "b")
    shelf.scan()
    for name in "ab":
        shelf.write(f"{name}.mkv", name.upper(), mtime_ns=MOMENT_NS + 3600 * 10**9)
    shelf.remount(has_ctimes=False)
    shelf.scan()
    assert {row.mtime_ns for row in shelf.rows().values()} == {MOMENT_NS}, "it is not verified, so nothing changes"
    with writing():
        libraries.accept("Films")
    shelf.scan()
    shelf.assert_true()


# --- decisions, where a file goes to a name that is not listed ----------------------------------------------------


@pytest.mark.parametrize(
    ("hidden", "is_swapped"), [("a/film.mkv.old", True), (".trash/deep/film", True), (".trash/film.mkv", False)]
)
def test_a_decision_stays_with_bytes_at_a_name_not_listed_without_inodes(
    shelf: Shelf, hidden: str, is_swapped: bool
) -> None:
    shelf.disk.forget_ctimes()
    film = shelf.write("a/film.mkv", "a")
    for letter in "xyz":  # without them the disk would not be known
        shelf.write(f"{letter}.mkv", letter, SIZE + ord(letter))
    shelf.scan()
    before = shelf.ids()["a/film.mkv"]
    decide(before, "Alpha Decided")
    (shelf.backing / hidden).parent.mkdir(parents=True, exist_ok=True)
    film.rename(shelf.backing / hidden)
    if not is_swapped:
        shelf.scan()
    shelf.write("a/film.mkv", "b", SIZE + 1)
    shelf.scan()
    assert decided(shelf) == []
    assert VideoFile.get_by_id(before).decided_by == "user"
    (shelf.backing / hidden).rename(shelf.backing / "a/back.mkv")
    shelf.scan()
    assert decided(shelf) == ["a/back.mkv"]
    assert shelf.ids()["a/back.mkv"] == before
    shelf.assert_true()


@pytest.mark.parametrize("is_copied", [False, True])
def test_a_new_version_without_inodes_keeps_the_decision_once_the_old_is_gone(shelf: Shelf, is_copied: bool) -> None:
    """A copy with a row of its own is no reason to take the decision away."""
    shelf.disk.forget_ctimes()
    shelf.write("a/film.mkv", "a")
    for letter in "xyz":
        shelf.write(f"{letter}.mkv", letter, SIZE + ord(letter))
    if is_copied:
        shelf.write("copy.mkv", "a")
    shelf.scan()
    before = shelf.ids()["a/film.mkv"]
    decide(before, "Alpha Decided")
    shelf.write("a/film.mkv", "b", SIZE + 1)
    shelf.write("a/other.old", "c", SIZE)
    shelf.scan()
    assert (shelf.ids()["a/film.mkv"], decided(shelf)) == (before, ["a/film.mkv"])
    shelf.assert_true()


@pytest.mark.parametrize("size", [SIZE, SIZE + 1])
@pytest.mark.parametrize("is_known", [True, False])
def test_a_swap_with_an_ignored_name_takes_the_decision_along_without_inodes(
    shelf: Shelf, size: int, is_known: bool
) -> None:
    """Also where both have one size and time, if the ignored file was known when it had another name."""
    shelf.disk.forget_ctimes()
    shelf.world.ignore = () if is_known else ("ignored*",)
    film = shelf.write("a/film.mkv", "a")
    ignored = shelf.write("b/ignored.mkv", "b", size)
    for letter in "xyz":
        shelf.write(f"{letter}.mkv", letter, SIZE + ord(letter))
    shelf.scan()
    before = shelf.ids()["a/film.mkv"]
    decide(before, "Alpha Decided")
    shelf.world.ignore = ("ignored*",)
    shelf.scan()
    for at in ("b/ignored.mkv", "a/film.mkv"):
        exchange(film, ignored)
        shelf.scan()
        assert (shelf.ids()[at], decided(shelf)) == (before, [at])
