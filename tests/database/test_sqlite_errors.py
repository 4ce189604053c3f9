"""What becomes of a write when the disk is full, another program holds the lock, or many write at once?"""

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from peewee import sqlite3

from reeld.catalog import video_files
from reeld.catalog.models import Library, Movie, VideoFile
from reeld.database.base import database
from reeld.database.connection import close_catalog, open_catalog, reading, require_unchanged, writing
from reeld.database.fields import utc_from_ms
from reeld.errors import CatalogBusy, CatalogCorrupt, CatalogFull
from tests.catalog.rows import NOW_MS, add_file, add_libraries, rows, stamp
from tests.template import copy_template

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two MiB."""
    with _disk(tmp_path, "size=2m") as disk:
        yield disk


@contextlib.contextmanager
def _disk(tmp_path: Path, options: str) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    try:
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "reeld-test", disk], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"mounting needs root: {error}")
    try:
        yield disk
    finally:
        close_catalog()
        subprocess.run(["umount", disk], check=True)


def _fill(disk: Path) -> Path:
    ballast = disk / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    return ballast


def _add_until_refused(library_id: int, acknowledged: list[str]) -> None:
    for number in range(5000):
        add_file(library_id, f"{number}.mkv")
        acknowledged.append(f"{number}.mkv")


@pytest.mark.needs_root
def test_on_a_full_disk_nothing_acknowledged_is_lost(small_disk: Path) -> None:
    """On a full disk nothing acknowledged is lost and work goes on once there is space."""
    path = small_disk / "reeld.db"
    open_catalog(str(path), create=True)
    (library_id,) = add_libraries("Films")
    ballast = _fill(small_disk)
    acknowledged: list[str] = []
    with pytest.raises(CatalogFull, match="is full") as caught:
        _add_until_refused(library_id, acknowledged)
    assert "free some space" in str(caught.value.hint)
    refused = f"{len(acknowledged)}.mkv"
    with pytest.raises(CatalogFull):  # and not some other error the second time
        add_file(library_id, refused)
    with reading():  # looking still works
        assert {row.path for row in VideoFile.select()} == set(acknowledged)
    ballast.unlink()
    add_file(library_id, refused)
    close_catalog()
    assert open_catalog(str(path), create=True) == []
    with reading():
        assert {row.path for row in VideoFile.select()} == {*acknowledged, refused}


@pytest.mark.needs_root
def test_a_catalogue_that_does_not_fit_on_the_disk_is_said_and_not_left_half_made(small_disk: Path) -> None:
    ballast = _fill(small_disk)
    with pytest.raises(CatalogFull):
        open_catalog(str(small_disk / "reeld.db"), create=True)
    assert not (small_disk / "reeld.db").exists()
    ballast.unlink()
    open_catalog(str(small_disk / "reeld.db"), create=True)


@pytest.mark.needs_root
def test_a_catalogue_on_a_full_disk_is_not_called_broken_when_it_is_opened(small_disk: Path) -> None:
    """Nobody has it open: to look into it SQLite makes the index of its log anew, and says only "disk I/O error"."""
    path = small_disk / "reeld.db"
    open_catalog(str(path), create=True)
    add_libraries("Films")
    close_catalog()
    _fill(small_disk)
    with pytest.raises(CatalogFull, match="is full") as caught:
        open_catalog(str(path), create=True)
    assert "free some space" in str(caught.value.hint)
    close_catalog()
    open_catalog(str(path), create=False)
    _assert_read_only_for_want_of_space()


@pytest.mark.needs_root
@pytest.mark.parametrize("lacks", ["bytes", "inodes"])
@pytest.mark.parametrize("has_log", [False, True])
def test_a_catalogue_on_a_full_disk_can_be_read(tmp_path: Path, lacks: str, has_log: bool) -> None:
    """Also what a killed process left in the log alone."""
    with _disk(tmp_path, "size=2m,nr_inodes=20") as disk:
        path, log = disk / "reeld.db", disk / "reeld.db-wal"
        copy_template(path)
        open_catalog(str(path), create=True)
        add_libraries("Films")
        before = path.read_bytes(), log.read_bytes()
        close_catalog()
        if has_log:
            for file, content in zip((path, log), before, strict=True):
                file.write_bytes(content)
        if lacks == "bytes":
            _fill(disk)
        else:
            with contextlib.suppress(OSError):
                for number in range(20):
                    (disk / str(number)).touch()
        names = sorted(os.listdir(disk))
        open_catalog(str(path), create=False)
        _assert_read_only_for_want_of_space()
        close_catalog()
        assert {*os.listdir(disk)} <= {*names, "reeld.db-shm", "reeld.db-wal"}


@pytest.mark.needs_root
def test_what_was_read_without_a_lock_while_it_changed_is_not_called_true(small_disk: Path) -> None:
    path = small_disk / "reeld.db"
    open_catalog(str(path), create=True)
    close_catalog()
    _fill(small_disk)
    open_catalog(str(path), create=False)
    require_unchanged()
    os.utime(path)
    with pytest.raises(CatalogBusy, match="changed while it was read"):
        require_unchanged()


def _assert_read_only_for_want_of_space() -> None:
    with reading():
        assert [library.name for library in Library.select()] == ["Films"]
    with pytest.raises(CatalogFull, match="is full"), writing():
        Library.update(kind="movies").execute()


def test_a_lock_held_by_another_program_is_said_and_passes(catalog: Path) -> None:
    add_libraries("Films")
    database.execute_sql("PRAGMA busy_timeout = 50")
    with contextlib.closing(sqlite3.connect(catalog, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(CatalogBusy, match="locked by another program"), writing():
            Library.update(kind="movies").execute()
        with reading():  # looking never waits
            assert Library.get().kind == "auto"
        other.execute("ROLLBACK")
    with writing():
        Library.update(kind="movies").execute()
    assert rows(catalog, "SELECT kind FROM libraries") == [("movies",)]


def test_damage_that_shows_only_while_rows_are_fetched_is_said_as_damage(catalog: Path) -> None:
    (library_id,) = add_libraries("Films")
    with writing():
        for number in range(400):
            video_files.record_settled(library_id, f"{number:0100}.mkv", stamp(), NOW_MS)
    close_catalog()
    ((root_page,),) = rows(catalog, "SELECT rootpage FROM sqlite_schema WHERE name = 'video_files'")
    content = bytearray(catalog.read_bytes())
    page_size = int.from_bytes(content[16:18], "big")
    root = (root_page - 1) * page_size
    second_cell = int.from_bytes(content[root + 14 : root + 16], "big")
    leaf = (int.from_bytes(content[root + second_cell : root + second_cell + 4], "big") - 1) * page_size
    content[leaf : leaf + 8] = b"\xff" * 8
    catalog.write_bytes(content)
    open_catalog(str(catalog), create=False)
    with pytest.raises(CatalogCorrupt, match="is damaged"), reading():
        list(VideoFile.select(VideoFile.evidence).tuples())


def _fail_halfway(library_id: int) -> None:
    with writing():
        video_files.record_settled(library_id, "a.mkv", stamp(), NOW_MS)
        raise ZeroDivisionError


def test_what_fails_in_the_middle_leaves_nothing_of_itself(catalog: Path) -> None:
    (library_id,) = add_libraries("Films")
    with pytest.raises(ZeroDivisionError):
        _fail_halfway(library_id)
    assert rows(catalog, "SELECT count(*) FROM video_files") == [(0,)]
    add_file(library_id, "b.mkv")
    assert rows(catalog, "SELECT path FROM video_files") == [("b.mkv",)]


def test_what_is_not_committed_is_not_seen_by_others(catalog: Path) -> None:
    (library_id,) = add_libraries("Films")
    with writing():
        video_files.record_settled(library_id, "a.mkv", stamp(), NOW_MS)
        assert rows(catalog, "SELECT count(*) FROM video_files") == [(0,)]
    assert rows(catalog, "SELECT count(*) FROM video_files") == [(1,)]


# --- many at once ----------------------------------------------------------------------------------------

_COUNT = """
import sys
from reeld.database.connection import open_catalog, writing
from reeld.catalog.models import Movie

open_catalog(sys.argv[1], create=False)
print("ready", flush=True)
sys.stdin.readline()
for _ in range(int(sys.argv[2])):
    with writing():
        year = Movie.get().year
        Movie.update(year=year + 1).execute()
"""


def _year() -> int:
    with reading():
        return int(Movie.get().year)


@pytest.fixture
def counter(catalog: Path) -> Path:
    """The catalogue with one film, whose year is counted up."""
    now = utc_from_ms(NOW_MS)
    with writing():
        Movie.insert(title="counter", title_key="counter", year=0, created_at=now, updated_at=now).execute()
    return catalog


def test_no_update_is_lost_among_threads_that_read_and_then_write(counter: Path) -> None:
    def count() -> None:
        for _ in range(50):
            with writing():
                Movie.update(year=Movie.get().year + 1).execute()

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert _year() == 200


def test_no_update_is_lost_among_processes_that_read_and_then_write(counter: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "daemon")}
    children = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", _COUNT, str(counter), "100"],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for _ in range(3)
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
    for child in children:  # all at once, now that all are ready
        assert child.stdin is not None
        child.stdin.write(b"go\n")
        child.stdin.flush()
    for child in children:
        child.communicate(timeout=150)
    assert [child.returncode for child in children] == [0, 0, 0]
    assert _year() == 300
