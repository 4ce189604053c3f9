"""Kills, power cuts, full disks, locks, damage: no commit is lost, and the catalogue is never silently empty."""

import contextlib
import json
import os
import random
import shutil
import signal
import sqlite3 as plain_sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from peewee import SqliteDatabase

from reeld.database.migrate import all_migrations, latest_version, migrate
from tests.catalog.rows import rows
from tests.database.test_backup import commands_of, type_in
from tests.service.harness import RunningDaemon, World, new_world
from tests.videos import make_video

ROOT = Path(__file__).parent.parent.parent

needs_root = pytest.mark.needs_root
skip_without_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")


def _writer(*arguments: object) -> list[str]:
    return [sys.executable, "-W", "error", "-m", "tests.faults.writer", *map(str, arguments)]


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "daemon"), str(ROOT)])}


def _sound(path: Path) -> bool:
    return rows(path, "PRAGMA integrity_check") == [("ok",)] and rows(path, "PRAGMA foreign_key_check") == []


# --- kills -----------------------------------------------------------------------------------------------


def test_forty_kills_lose_no_commit_and_no_job_and_do_nothing_twice(tmp_path: Path) -> None:
    """Row 23. I6, I13."""
    path = tmp_path / "reeld.db"
    done = subprocess.run(
        _writer("harry", path, 1, 40), env=_environment(), cwd="/", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    acknowledged = [line.split() for line in done.stdout.splitlines()]
    assert len(acknowledged) > 100
    filed = dict(rows(path, "SELECT title, year FROM movies"))
    settled = {f"{number}.mkv" for what, number in acknowledged if what == "settled"}
    assert settled <= {name for (name,) in rows(path, "SELECT path FROM video_files")}
    assert {number for what, number in acknowledged if what == "done"} <= filed.keys()
    assert set(filed.values()) == {1}, "each result is stored exactly once"
    assert rows(path, "SELECT count(*) FROM video_files") == [(len(filed),)], "and none is missing"
    assert rows(path, "SELECT * FROM jobs") == []
    assert _sound(path)


# --- power cuts ------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _mounted(image: Path, folder: Path) -> Iterator[Path]:
    folder.mkdir(exist_ok=True)
    done = subprocess.run(["mount", "-o", "loop", image, folder], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"loop devices are missing: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


@needs_root
@skip_without_root
def test_a_power_cut_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    """Row 24. I13. What the disk holds while the writer stands still is what a power cut would leave."""
    if shutil.which("mkfs.ext4") is None:
        pytest.skip("mkfs.ext4 is not installed (Debian package e2fsprogs)")
    rng, image = random.Random(2), tmp_path / "disk"
    with image.open("wb") as file:
        file.truncate(16 << 20)
    subprocess.run(["mkfs.ext4", "-q", image], check=True)
    acknowledged: list[str] = []
    with _mounted(image, tmp_path / "state") as state:
        command = _writer("work", state / "reeld.db")
        with subprocess.Popen(command, env=_environment(), cwd="/", stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            try:
                for cut in range(5):
                    acknowledged += [writer.stdout.readline().decode() for _ in range(rng.randrange(5, 60))]
                    writer.send_signal(signal.SIGSTOP)
                    os.waitpid(writer.pid, os.WUNTRACED)
                    copy = tmp_path / f"cut{cut}"
                    shutil.copy(image, copy)
                    _assert_survived(copy, tmp_path / "after", acknowledged)
                    writer.send_signal(signal.SIGCONT)
            finally:
                writer.kill()
    assert len(acknowledged) > 25


def _assert_survived(image: Path, folder: Path, acknowledged: list[str]) -> None:
    with _mounted(image, folder) as state:
        path = state / "reeld.db"
        settled = {name for (name,) in rows(path, "SELECT path FROM video_files")}
        filed = dict(rows(path, "SELECT title, year FROM movies"))
        for what, number in map(str.split, acknowledged):
            assert f"{number}.mkv" in settled
            assert what == "settled" or filed[number] == 1
        assert _sound(path)


# --- a migration -----------------------------------------------------------------------------------------

TABLES = ("libraries", "movies", "series", "episodes", "video_files", "episode_files", "pending_validations", "trash")


@pytest.fixture
def old_catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One of the first schema with rows in every table, each the child of another where that is possible."""
    path, newest = tmp_path / "template.db", all_migrations()
    old = SqliteDatabase(str(path))
    monkeypatch.setattr("reeld.database.migrate.all_migrations", lambda: newest[:1])
    migrate(old)
    monkeypatch.undo()
    with old.atomic():
        for table in (*TABLES, "jobs"):
            columns = [row[1:3] for row in old.execute_sql(f"PRAGMA table_info({table})").fetchall()]
            insert = f"INSERT INTO {table} VALUES ({', '.join('?' * len(columns))})"
            for number in range(1, 301):
                old.execute_sql(insert, [_value(name, kind, number) for name, kind in columns])
    assert old.execute_sql("PRAGMA foreign_key_check").fetchall() == []
    old.close()
    return path


def _value(name: str, kind: str, number: int) -> Any:
    if kind == "INTEGER":
        return number  # also each reference: row n of one table belongs to row n of another
    return f'["{name} {number}"]'


def test_a_kill_in_a_migration_leaves_the_old_schema_or_the_new_and_every_row(
    old_catalog: Path, tmp_path: Path
) -> None:
    """Row 30. Each migration commits with its number, so that between two of them the schema is that of the first."""
    counts = {
        table: rows(old_catalog, f"SELECT count(*), sum(id) FROM {table}")
        for table in TABLES
        if table != "episode_files"
    }
    folder = tmp_path / "killed"
    folder.mkdir()
    done = subprocess.run(
        _writer("migrate", old_catalog, folder, 3, 40), env=_environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = []
    for place in sorted(folder.iterdir()):
        path = place / "reeld.db"
        ((version,),) = rows(path, "PRAGMA user_version")
        found.append(version)
        assert _sound(path)
        assert {table: rows(path, f"SELECT count(*), sum(id) FROM {table}") for table in counts} == counts
        assert rows(path, "SELECT count(*) FROM episode_files JOIN video_files ON id = video_file_id") == [(300,)]
        columns = {name for (name,) in rows(path, "SELECT name FROM pragma_table_info('libraries')")}
        identity = "root_inode" if version == 1 else "passport" if version < 9 else "filesystem_identity"
        assert columns & {"root_inode", "passport", "filesystem_identity"} == {identity}
        columns = {name for (name,) in rows(path, "SELECT name FROM pragma_table_info('video_files')")}
        assert ("identified_at" in columns) == (version > 2)
        backups = list((place / "backups").glob("*.db")) if (place / "backups").exists() else []
        assert version == 1 or len(backups) == 1, "there was a backup before anything was migrated"
        assert all(rows(backup, "PRAGMA user_version") == [(1,)] for backup in backups)
    assert {1, latest_version()} <= set(found), "some were killed before the first commit, and some after the last"
    assert set(found) <= set(range(1, latest_version() + 1))


# --- the disk is full ------------------------------------------------------------------------------------


@pytest.fixture
def small_disk() -> Iterator[World]:
    """A world whose catalogue lies on a disk of 4 MiB."""
    with new_world() as world:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4M", "reeld-test", world.state], check=True)
        try:
            yield world
        finally:
            subprocess.run(["umount", "-l", world.state], check=True)


def _fill(world: World) -> None:
    with contextlib.suppress(OSError), (world.state / "filler").open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass


def _enlarge(world: World) -> None:
    subprocess.run(["mount", "-o", "remount,size=200M", world.state], check=True)


@needs_root
@skip_without_root
def test_a_disk_that_fills_up_is_waited_out_and_seen_and_no_file_is_forgotten(small_disk: World) -> None:
    """Row 25. I6, I17."""
    world = small_disk
    with RunningDaemon(world) as daemon:
        make_video(world.library / "Heat (1995).mkv", seed=1)
        daemon.assert_true()
        pid = daemon.pid
        _fill(world)
        for seed in range(20):
            make_video(world.library / f"Film {seed} (1999).mkv", seed=10 + seed)
        daemon.wait_until(
            lambda: daemon.find("catalog.failed") or daemon.find("catalog.write_failed"), "the full disk is logged"
        )
        assert len(world.rows("list", "movies")) >= 1, "looking still works"
        (problem,) = world.rows("status")[0]["problems"][:1]
        assert "free some space" in problem
        assert "free some space" in world.said("status")
        full = "STATUS=the disk of the catalogue is full; files: "
        daemon.wait_until(lambda: any(full in message for message in daemon.told), "the line begins with it")
        _enlarge(world)
        daemon.assert_true()
        assert len(world.rows("list", "movies")) == 21
        assert daemon.pid == pid
        assert daemon.is_alive()
        daemon.wait_until(lambda: world.rows("status")[0]["problems"] == [], "the status is published each second")


@needs_root
@skip_without_root
def test_a_disk_that_is_full_at_the_start_is_waited_for_without_a_loop_of_crashes(small_disk: World) -> None:
    """Row 25. I16."""
    world = small_disk
    with RunningDaemon(world, WATCHDOG_USEC="200000") as daemon:
        make_video(world.library / "Heat (1995).mkv", seed=1)
        daemon.assert_true()
        daemon.kill()
        _fill(world)
        make_video(world.library / "Alien (1979).mkv", seed=2)
        mark = daemon.mark()
        daemon.start(is_ready=False)
        event = daemon.wait_for("catalog.failed", since=mark)
        assert "full" in event["reason"]
        assert daemon.is_alive()
        # The boot goes on; the line says what is the matter, and the watchdog is content.
        daemon.wait_until(lambda: daemon.told.count("WATCHDOG=1") >= 2, "it beats")
        assert daemon.told[0].startswith(
            f"READY=1\nSTATUS=waiting: the disk of {world.database} is full; free some space"
        )
        (status,) = world.rows("status")
        assert status["running"]
        assert any("is full" in finding["message"] for finding in status["findings"])
        assert [Path(row["path"]).name for row in world.rows("list", "files")] == ["Heat (1995).mkv"]
        found = [json.loads(line) for line in world.reeld("doctor", "--json").stdout.splitlines()]
        assert ("database", "good") in {(row["check"], row["level"]) for row in found}
        assert any("is full" in row["message"] for row in found)
        _enlarge(world)
        daemon.wait_until_ready(mark)
        daemon.assert_true()
        assert len(world.rows("list", "movies")) == 2


@needs_root
@skip_without_root
def test_the_metrics_of_a_start_that_waits_say_that_the_disk_is_full(small_disk: World) -> None:
    """Row 25. What is renewed is of a reeld that runs, so no alarm says that it is down."""
    world = small_disk
    folder = world.root / "textfile"
    folder.mkdir()
    world.extra = f"[metrics]\ntextfile_directory = {json.dumps(str(folder))}\nperiod_s = 1\n"
    world.write_config()
    page = folder / "reeld.prom"

    def figures() -> dict[str, float]:
        lines = page.read_text().splitlines() if page.exists() else []
        return {name: float(value) for name, value in (line.split(" ") for line in lines if line[:1] not in ("#", ""))}

    with RunningDaemon(world) as daemon:
        daemon.assert_true()
        daemon.stop()  # nothing is left that a first attempt could free
        _fill(world)
        page.unlink(missing_ok=True)
        mark = daemon.mark()
        daemon.start(is_ready=False)
        daemon.wait_for("catalog.failed", since=mark)
        seen = daemon.wait_until(figures, "they are written")
        assert seen["reeld_disk_full"] == seen["reeld_catalog_problems"] == 1
        assert seen["reeld_database_damaged"] == 0
        assert seen["reeld_period_seconds"] == 1
        assert not any(name.startswith(("reeld_files", "reeld_library_state")) for name in seen), "it cannot know them"
        renewed = seen["reeld_updated_timestamp_seconds"]
        daemon.wait_until(lambda: figures()["reeld_updated_timestamp_seconds"] > renewed, "they are renewed")
        _enlarge(world)
        daemon.wait_until_ready(mark)
        daemon.wait_until(lambda: figures().get('reeld_library_state{library="L",state="online"}') == 1, "all is shown")
        daemon.wait_until(lambda: figures()["reeld_disk_full"] == 0, "and that there is room")


@needs_root
@skip_without_root
def test_a_start_that_a_full_disk_forbids_says_why_in_the_status_line() -> None:
    """Row 25. Not even the lock can be made: the start fails, and the service manager tries again."""
    with new_world(has_catalog=False) as world:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1M,nr_inodes=1", "reeld-test", world.state], check=True)
        try:
            daemon = RunningDaemon(world).start(is_ready=False)
            assert daemon.wait_for_end() == os.EX_IOERR
            assert daemon.told == [
                f"STATUS=the disk of {world.database} is full; free some space; a running reeld then goes on by itself"
            ]
        finally:
            subprocess.run(["umount", "-l", world.state], check=True)


# --- others ----------------------------------------------------------------------------------------------


def test_a_reload_that_waits_for_the_catalogue_says_so_and_feeds_the_watchdog() -> None:
    """Row 26. Longer than the watchdog waits: it would end a reeld that says nothing."""
    with new_world() as world, RunningDaemon(world, WATCHDOG_USEC="200000") as daemon:
        daemon.assert_true()
        second = world.root / "second"
        second.mkdir()
        world.libraries = {"L": world.library, "second": second}
        with contextlib.closing(plain_sqlite3.connect(world.database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            world.write_config()
            mark = daemon.mark()
            daemon.signal(signal.SIGHUP)
            daemon.wait_for("catalog.failed", since=mark)
            daemon.told.clear()
            daemon.wait_until(lambda: daemon.told.count("WATCHDOG=1") >= 2, "it beats")
            assert any("is locked" in problem for problem in world.rows("status")[0]["problems"])
            other.execute("ROLLBACK")
        daemon.wait_for("daemon.ready", since=mark)
        assert [row["name"] for row in world.rows("list", "libraries")] == ["L", "second"]


def test_a_lock_of_many_seconds_is_waited_out_while_others_may_look() -> None:
    """Row 26. Longer than SQLite itself waits, twice."""
    with new_world() as world, RunningDaemon(world) as daemon:
        make_video(world.library / "Heat (1995).mkv", seed=99)
        daemon.assert_true()
        began = time.monotonic()
        with contextlib.closing(plain_sqlite3.connect(world.database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            for seed in range(6):
                make_video(world.library / f"Film {seed} (1999).mkv", seed=seed)

            def complaints() -> int:
                return daemon.count("catalog.failed") + daemon.count("catalog.write_failed")

            daemon.wait_until(lambda: complaints() >= 2, "trouble is logged, and again")
            assert time.monotonic() - began > 9
            assert len(world.rows("list", "movies")) == 1
            daemon.wait_until(lambda: world.rows("status")[0]["problems"], "the status tells")
            assert any("locked" in problem for problem in world.rows("status")[0]["problems"])
            other.execute("ROLLBACK")
        daemon.assert_true()
        assert len(world.rows("list", "movies")) == 7
        daemon.wait_until(lambda: world.rows("status")[0]["problems"] == [], "the status is published each second")


def test_a_reader_that_does_not_end_holds_nobody_up() -> None:
    """Row 29."""
    with new_world() as world, RunningDaemon(world) as daemon:
        make_video(world.library / "Heat (1995).mkv", seed=99)
        daemon.assert_true()
        with contextlib.closing(plain_sqlite3.connect(world.database)) as reader:
            cursor = reader.execute("SELECT name FROM sqlite_schema")
            assert cursor.fetchone()
            for seed in range(3):
                make_video(world.library / f"Film {seed} (1999).mkv", seed=seed)
            daemon.assert_true()
        assert daemon.find("catalog.failed") is None


# --- backups ---------------------------------------------------------------------------------------------


def test_a_backup_of_two_days_ago_is_followed_by_one_at_the_start_or_when_asked() -> None:
    """A backup of two days ago is followed by one at the start and one can be had at any time.

    I14.
    """
    with new_world() as world:
        make_video(world.library / "Heat (1995).mkv", seed=1)
        assert world.reeld("scan").returncode == 0
        (first,) = (world.state / "backups").iterdir()
        old = first.with_name(f"reeld-20260102T030405Z-schema{latest_version()}.db")
        first.rename(old)
        assert world.rows("status")[0]["backed_up_at"] == "2026-01-02T03:04:05Z"
        with RunningDaemon(world) as daemon:
            event = daemon.wait_for("catalog.backed_up")
            assert {str(path) for path in old.parent.iterdir()} == {str(old), event["path"]}
            assert rows(Path(event["path"]), "SELECT title FROM movies") == [("Heat",)]
            copy = world.root / "copy.db"
            assert str(copy) in world.said("backup", str(copy))
            assert rows(copy, "SELECT title FROM movies") == [("Heat",)]
            before = copy.read_bytes()
            done = world.reeld("backup", str(copy))
            assert done.returncode == 64
            assert b"copy.db exists\n" in done.stderr
            assert copy.read_bytes() == before
            done = world.reeld("backup", str(world.root / "nowhere" / "copy.db"))
            assert done.returncode == 74
            assert b"cannot be made" in done.stderr


# --- damage ----------------------------------------------------------------------------------------------


def _damage(world: World, table: str) -> None:
    """Zero the page at which a table or an index begins, in the file itself."""
    with contextlib.closing(plain_sqlite3.connect(world.database)) as other:
        while other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            pass  # the daemon does the same just now
        ((page,),) = other.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)).fetchall()
        with world.database.open("r+b") as file:
            file.seek((page - 1) * 4096)
            file.write(bytes(4096))
        # What a process has read stays in its memory until another one writes.
        with other:
            other.execute("UPDATE libraries SET state_reason = 'touched'")


def _go_back(world: World, message: str) -> None:
    for command in commands_of(message):
        type_in(command, world.home)
    assert world.database.exists()


def test_damage_that_is_met_while_it_runs_ends_it_with_the_way_back_which_works() -> None:
    """Row 27. Nothing is mended silently, nothing begins anew."""
    with new_world() as world, RunningDaemon(World(root=world.root)) as daemon:
        daemon.stop()
        make_video(world.library / "Heat (1995).mkv", seed=1)
        assert world.reeld("scan").returncode == 0
        (backup,) = (world.state / "backups").iterdir()
        daemon.start()
        _damage(world, "video_files")
        make_video(world.library / "Alien (1979).mkv", seed=2)
        assert daemon.wait_for_end() == 65
        event = daemon.find("daemon.failed")
        assert event
        assert str(backup) in event["reason"]
        assert daemon.noise, "the message for a person follows the log"
        daemon.noise.clear()

        again = world.reeld("run")
        assert again.returncode == 65
        _go_back(world, again.stderr.decode())
        daemon.start()
        daemon.assert_true()
        assert len(world.rows("list", "movies")) == 2


def test_damage_is_found_at_the_start_after_a_kill() -> None:
    """Row 27. In an index, where a quick look does not see it."""
    with new_world() as world, RunningDaemon(world) as daemon:
        make_video(world.library / "Heat (1995).mkv", seed=1)
        daemon.assert_true()
        daemon.kill()
        with contextlib.closing(plain_sqlite3.connect(world.database)) as other:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        content = world.database.read_bytes()
        assert content.count(b"Heat (1995).mkv") > 1
        world.database.write_bytes(content.replace(b"Heat (1995).mkv", b"Heap (1995).mkv", 1))
        done = world.reeld("run")
        assert done.returncode == 65
        assert b"is damaged" in done.stderr
        assert b"Traceback" not in done.stderr


# --- files that go away ----------------------------------------------------------------------------------


def test_a_catalogue_that_is_removed_while_it_runs_is_saved_and_never_begun_anew() -> None:
    """Row 28."""
    with new_world() as world, RunningDaemon(world) as daemon:
        make_video(world.library / "Heat (1995).mkv", seed=1)
        daemon.assert_true()
        before = world.rows("list", "files")
        world.database.unlink()
        assert daemon.wait_for_end() == 65
        rescued = daemon.find("catalog.rescued")
        assert rescued
        daemon.noise.clear()
        for command in ("run", "scan"):
            done = world.reeld(command)
            assert done.returncode == 65
            assert rescued["path"] in done.stderr.decode()
            assert not world.database.exists()
        _go_back(world, done.stderr.decode())
        daemon.start()
        daemon.assert_true()
        assert world.rows("list", "files") == before


def test_a_log_that_is_removed_while_it_runs_costs_a_restart_and_nothing_else() -> None:
    """Row 28. The exit status is one at which the service manager starts it again."""
    with new_world() as world, RunningDaemon(world) as daemon:
        make_video(world.library / "Heat (1995).mkv", seed=1)
        daemon.assert_true()
        before = world.rows("list", "files")
        Path(f"{world.database}-wal").unlink()
        assert daemon.wait_for_end() == 75
        unit = (ROOT / "systemd" / "reeld.service").read_text()
        (final,) = (line for line in unit.splitlines() if line.startswith("RestartPreventExitStatus="))
        assert "65" in final
        assert "75" not in final
        daemon.noise.clear()
        mark = daemon.mark()
        daemon.start()
        daemon.assert_true()
        assert world.rows("list", "files") == before
        assert daemon.find("stage.finished", since=mark) is None, "nothing is read again"
