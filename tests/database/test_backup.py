"""Is each backup whole, is none made that harms, and does one lead back?"""

import contextlib
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from peewee import sqlite3

from reeld.config import BACKUPS_KEPT
from reeld.database import backup
from reeld.database.backup import Backup, backups_of, copy_to, is_sound, newest_sound, save_backup
from reeld.database.base import database
from reeld.database.connection import close_catalog, maintaining, open_catalog
from reeld.database.migrate import all_migrations, latest_version, migrate
from reeld.database.restore import restore
from reeld.errors import BackupFailed, CatalogCorrupt, CatalogGone, CatalogTooNew
from tests.catalog.rows import add_file, add_libraries, rows
from tests.privileges import humble
from tests.service.harness import REELD

AT = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)


@pytest.fixture
def filled(catalog: Path) -> Path:
    (library_id,) = add_libraries("Films")
    for number in range(60):
        add_file(library_id, f"Film {number} (1999).mkv")
    return catalog


def _save(catalog: Path, at: datetime = AT) -> Backup:
    return save_backup(maintaining, str(catalog), at)


def _damage(path: Path) -> None:
    """The root of the files' table is no page of SQLite's any more."""
    ((root_page,),) = rows(path, "SELECT rootpage FROM sqlite_schema WHERE name = 'video_files'")
    content = bytearray(path.read_bytes())
    page_size = int.from_bytes(content[16:18], "big")
    content[(root_page - 1) * page_size : (root_page - 1) * page_size + 8] = b"\xff" * 8
    path.write_bytes(content)


# --- making ----------------------------------------------------------------------------------------------


def test_a_backup_is_one_whole_file_that_says_when_it_was_made_and_of_which_schema(filled: Path) -> None:
    """I14."""
    made = _save(filled)
    path = Path(made.path)
    assert path == filled.parent / "backups" / f"reeld-20261123T150000Z-schema{latest_version()}.db"
    assert os.listdir(path.parent) == [path.name], "no log, no draft"
    assert rows(path, "SELECT count(*) FROM video_files") == [(60,)]
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]
    assert rows(path, "SELECT sql FROM sqlite_schema ORDER BY 1") == rows(
        filled, "SELECT sql FROM sqlite_schema ORDER BY 1"
    )
    assert backups_of(str(filled)) == [made]


def test_what_another_program_is_about_to_write_is_not_in_it(filled: Path) -> None:
    with contextlib.closing(sqlite3.connect(filled, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("DELETE FROM video_files")
        made = _save(filled)
        other.execute("ROLLBACK")
    assert rows(Path(made.path), "SELECT count(*) FROM video_files") == [(60,)]


def test_seven_stay_with_the_last_of_each_earlier_schema_and_all_that_were_rescued(filled: Path) -> None:
    folder = filled.parent / "backups"
    first = Path(_save(filled, AT).path)
    for name in ("reeld-20250101T000000Z-schema1.db", "reeld-20250102T000000Z-schema1.db"):
        shutil.copy(first, folder / name)
    rescued = folder / "reeld-20250103T000000Z-schema2-rescued.db"
    shutil.copy(first, rescued)
    strangers = ["reeld-old-20200101T000000Z-schema1.db", "notes.txt"]
    for name in strangers:
        (folder / name).write_bytes(b"")
    days = [AT + timedelta(days=day) for day in range(1, 11)]
    for day in days:
        _save(filled, day)
    newest = [f"reeld-{day:%Y%m%dT%H%M%SZ}-schema{latest_version()}.db" for day in days[-BACKUPS_KEPT:]]
    assert sorted(os.listdir(folder)) == sorted(
        [*newest, "reeld-20250102T000000Z-schema1.db", rescued.name, *strangers]
    )


def test_catalogues_of_one_folder_whose_names_begin_alike_keep_their_backups_apart(tmp_path: Path) -> None:
    made = {}
    for name in ("reeld.db", "reeld.sqlite", "reeld", "reeld.db.old", "reeld-2.db"):
        catalog = tmp_path / name
        open_catalog(str(catalog), create=True)
        made[catalog] = [_save(catalog, AT + timedelta(days=day)) for day in range(8)][1:]
        close_catalog()
    now = AT + timedelta(days=8)
    assert [backups_of(str(catalog), now)[::-1] for catalog in made] == list(made.values())
    assert os.path.basename(made[tmp_path / "reeld.sqlite"][0].path) == (
        f"reeld-20261124T150000Z-schema{latest_version()}.sqlite"
    )


def test_backups_of_a_clock_that_was_ahead_go_before_those_of_the_right_one(filled: Path) -> None:
    ahead = [_save(filled, AT + timedelta(days=365 + day)) for day in range(8)]
    right = [_save(filled, AT + timedelta(days=day)) for day in range(8)]
    assert backups_of(str(filled), right[-1].made_at) == right[:0:-1]
    assert not any(os.path.exists(each.path) for each in ahead)


def test_the_way_back_leads_to_the_last_backup_of_the_right_clock(filled: Path) -> None:
    """The way back leads to the last backup of the right clock and not to one that was ahead."""
    now = datetime.now(UTC).replace(microsecond=0)
    right = _save(filled, now - timedelta(days=2))
    ahead = _save(filled, now + timedelta(days=365))
    assert newest_sound(str(filled), newest_schema=latest_version()) == right
    os.unlink(right.path)
    assert newest_sound(str(filled), newest_schema=latest_version()) == ahead, "better than none"


def test_a_draft_that_a_kill_left_is_cleared_away(filled: Path) -> None:
    folder = filled.parent / "backups"
    folder.mkdir()
    (folder / "reeld-20250101T000000Z-schema2.db.part").write_bytes(b"half")
    assert backups_of(str(filled)) == []
    made = _save(filled)
    assert os.listdir(folder) == [os.path.basename(made.path)]


@pytest.mark.parametrize("moment", ["20260231T000000Z", "20261399T996199Z", "٢٠٢٦١١٢٣T150000Z"])
def test_a_file_that_is_named_nearly_like_a_backup_is_none_and_stops_nothing(filled: Path, moment: str) -> None:
    folder = filled.parent / "backups"
    folder.mkdir()
    stranger = folder / f"reeld-{moment}-schema7.db"
    stranger.write_bytes(b"a copy that somebody renamed")
    made = _save(filled)
    assert backups_of(str(filled)) == [made]
    assert stranger.exists()


def test_a_path_that_begins_with_two_slashes_has_backups_and_a_way_back(filled: Path) -> None:
    """POSIX lets such a path be, and so does Python; in SQLite's URIs a name of a machine follows."""
    made = _save(Path(f"/{filled}"))
    assert is_sound(made.path)
    close_catalog()
    assert restore(f"/{filled}", made.path, AT) is not None
    assert is_sound(str(filled))


@pytest.mark.parametrize("is_damaged", [False, True])
def test_a_copy_leaves_alone_what_a_person_has_beside_under_the_name_of_a_draft(
    filled: Path, tmp_path: Path, is_damaged: bool
) -> None:
    mine = tmp_path / "copy.db.part"
    mine.write_bytes(b"a download of mine")
    os.symlink(filled, tmp_path / "copy.db.part-2")
    if is_damaged:
        close_catalog()
        _damage(filled)
        open_catalog(str(filled), create=False)
    with pytest.raises(CatalogCorrupt) if is_damaged else contextlib.nullcontext():
        copy_to(maintaining, str(tmp_path / "copy.db"))
    assert mine.read_bytes() == b"a download of mine"
    copies = [] if is_damaged else ["copy.db"]
    assert sorted(os.listdir(tmp_path)) == [*copies, "copy.db.part", "copy.db.part-2", "state"]


def test_a_damaged_catalogue_makes_no_backup(filled: Path) -> None:
    kept = _save(filled)
    close_catalog()
    _damage(filled)
    open_catalog(str(filled), create=False)
    with pytest.raises(CatalogCorrupt, match="is damaged"):
        _save(filled, AT + timedelta(days=1))
    assert [each.path for each in backups_of(str(filled))] == [kept.path]
    assert os.listdir(filled.parent / "backups") == [os.path.basename(kept.path)]


def test_a_copy_that_lacks_a_row_is_thrown_away(filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that lies: what is read back is not what was written."""
    honest = backup._facts
    monkeypatch.setattr(backup, "_facts", lambda connection: honest(connection) | {"video_files": id(connection)})
    with pytest.raises(BackupFailed, match="thrown away") as caught:
        _save(filled)
    assert "check the disk" in str(caught.value.hint)
    assert os.listdir(filled.parent / "backups") == []


def test_a_folder_that_cannot_be_made_is_said_with_what_to_do(filled: Path) -> None:
    (filled.parent / "backups").write_bytes(b"a file")
    with pytest.raises(BackupFailed, match="cannot be made") as caught:
        _save(filled)
    assert "the right to write" in str(caught.value.hint)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    try:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "reeld-test", disk], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"mounting needs root: {error}")
    yield disk
    subprocess.run(["umount", disk], check=True)


@pytest.mark.needs_root
def test_a_disk_that_a_copy_would_fill_is_left_alone(filled: Path, small_disk: Path) -> None:
    """Row 25."""
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes((1 << 20) - 2 * filled.stat().st_size))
    before = os.statvfs(small_disk).f_bavail
    with pytest.raises(BackupFailed, match="are free there") as caught:
        copy_to(maintaining, str(small_disk / "copy.db"))
    assert caught.value.hint == "free some space"
    assert os.listdir(small_disk) == ["ballast"]
    assert os.statvfs(small_disk).f_bavail == before
    ballast.unlink()
    copy_to(maintaining, str(small_disk / "copy.db"))
    assert is_sound(str(small_disk / "copy.db"))


# --- the way back ----------------------------------------------------------------------------------------


def commands_of(message: str) -> list[str]:
    """What a message tells a person to type: its indented lines."""
    return [line.strip() for line in message.splitlines() if line.startswith("  ")]


def type_in(command: str, home: Path) -> None:
    """Run what a person types, where `reeld` is the program of these tests and the home holds nothing of anybody's."""
    program = " ".join(map(shlex.quote, REELD))
    home.mkdir(exist_ok=True)
    environment = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    subprocess.run(
        re.sub("^reeld ", lambda _match: f"{program} ", command),
        shell=True,
        check=True,
        env={**environment, "HOME": str(home)},
    )


def test_the_commands_that_a_damaged_catalogue_prints_bring_back_a_backup(filled: Path) -> None:
    """The commands that a damaged catalogue prints bring back the newest sound backup. Row 27."""
    good = _save(filled)
    worse = Path(_save(filled, AT + timedelta(days=1)).path)
    close_catalog()
    _damage(worse)
    _damage(filled)
    damaged = filled.read_bytes()
    with pytest.raises(CatalogCorrupt, match="is damaged") as caught:
        open_catalog(str(filled), create=True)
    assert filled.read_bytes() == damaged
    message = caught.value.with_hint
    assert good.path in str(caught.value.hint)
    assert str(worse) not in message, "one that is damaged itself is no way back"
    (filled.parent / "reeld.db-wal").write_bytes(b"of the damaged one")
    (command,) = commands_of(message)
    type_in(command, filled.parent.parent / "home")
    assert open_catalog(str(filled), create=True) == []
    assert rows(filled, "SELECT count(*) FROM video_files") == [(60,)]
    (aside,) = filled.parent.glob("replaced-*")
    assert (aside / "reeld.db").read_bytes() == damaged
    assert (aside / "reeld.db-wal").exists()


@pytest.mark.parametrize("is_log_left", [True, False])
def test_where_a_catalogue_has_been_no_empty_one_is_made(filled: Path, is_log_left: bool) -> None:
    """Row 28. What lies beside, a backup or the log of a killed process, tells that there was one."""
    made = None if is_log_left else _save(filled)
    close_catalog()
    filled.unlink()
    if is_log_left:
        (filled.parent / "reeld.db-wal").write_bytes(b"commits")
    with pytest.raises(CatalogGone, match="any more") as caught:
        open_catalog(str(filled), create=True)
    assert not filled.exists()
    assert made is None or made.path in str(caught.value.hint)
    if made:
        type_in(commands_of(str(caught.value.hint))[-1], filled.parent.parent / "home")
        open_catalog(str(filled), create=True)
        assert rows(filled, "SELECT count(*) FROM video_files") == [(60,)]
    else:
        assert (filled.parent / "reeld.db-wal").read_bytes() == b"commits"


def test_whoever_wants_an_empty_catalogue_is_told_how(filled: Path) -> None:
    _save(filled)
    close_catalog()
    filled.unlink()
    with pytest.raises(CatalogGone) as caught:
        open_catalog(str(filled), create=True)
    command = str(caught.value.hint).split("empty one: ")[1].split("\n")[0]
    subprocess.run(command, shell=True, check=True)
    open_catalog(str(filled), create=True)
    assert rows(filled, "SELECT count(*) FROM video_files") == [(0,)]


def _make_newer(path: Path) -> Path:
    with contextlib.closing(sqlite3.connect(path)) as newer:
        newer.execute(f"PRAGMA user_version = {latest_version() + 1}")
    known, unknown = f"-schema{latest_version()}.", f"-schema{latest_version() + 1}."
    return path.rename(path.with_name(path.name.replace(known, unknown)))


def test_where_no_backup_is_of_use_no_empty_catalogue_is_made_and_it_is_said_why(filled: Path) -> None:
    _damage(Path(_save(filled).path))
    _make_newer(Path(_save(filled, AT + timedelta(days=1)).path))
    close_catalog()
    filled.unlink()
    with pytest.raises(CatalogGone, match="there is no catalogue at") as caught:
        open_catalog(str(filled), create=True)
    assert not filled.exists()
    assert f"1 of a newer reeld, of schema {latest_version() + 1}: install that version" in str(caught.value)
    assert "1 damaged" in str(caught.value)
    command = str(caught.value.hint).split("empty one: ")[1].split("\n")[0]
    subprocess.run(command, shell=True, check=True)
    open_catalog(str(filled), create=True)


@pytest.mark.parametrize("create", [True, False])
def test_where_backups_cannot_be_listed_no_empty_catalogue_is_made(filled: Path, create: bool) -> None:
    """Where backups cannot be listed no empty catalogue is made and none is said to be missing."""
    _save(filled)
    close_catalog()
    filled.unlink()
    (filled.parent / "backups").chmod(0)
    with humble(), pytest.raises(CatalogGone, match=r"cannot be listed \(Permission denied\)"):
        open_catalog(str(filled), create=create)
    assert not filled.exists()


def test_a_damaged_catalogue_is_not_said_to_have_no_backup_where_one_lies(filled: Path) -> None:
    newer = _make_newer(Path(_save(filled).path))
    close_catalog()
    _damage(filled)
    with pytest.raises(CatalogCorrupt, match="is damaged") as caught:
        open_catalog(str(filled), create=True)
    assert "1 of a newer reeld" in str(caught.value.hint)
    assert "there is no backup" not in caught.value.with_hint
    newer.unlink()
    with pytest.raises(CatalogCorrupt, match="is damaged") as caught:
        open_catalog(str(filled), create=True)
    assert "there is no backup" in str(caught.value.hint)
    newer.parent.chmod(0)
    with humble(), pytest.raises(CatalogCorrupt, match="is damaged") as caught:
        open_catalog(str(filled), create=True)
    assert "cannot be listed" in str(caught.value.hint)


# --- before a migration ----------------------------------------------------------------------------------


@pytest.fixture
def older(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A closed catalogue of the first schema with a film in it."""
    path, newest = tmp_path / "old" / "reeld.db", all_migrations()
    path.parent.mkdir()
    database.init(str(path))
    monkeypatch.setattr("reeld.database.migrate.all_migrations", lambda: newest[:1])
    migrate(database)
    monkeypatch.undo()
    columns = "(title, title_key, year, genres, created_at, updated_at)"
    database.execute_sql(f"INSERT INTO movies {columns} VALUES ('Heat', 'heat', 1995, '[]', '', '')")
    database.close()
    return path


def test_a_migration_starts_with_a_backup_of_the_schema_that_was(older: Path) -> None:
    """I14."""
    assert open_catalog(str(older), create=True) == [migration.name for migration in all_migrations()[1:]]
    close_catalog()
    (made,) = backups_of(str(older))
    assert made.schema == 1
    assert rows(Path(made.path), "PRAGMA user_version") == [(1,)]
    assert rows(Path(made.path), "SELECT title FROM movies") == [("Heat",)]
    assert rows(older, "SELECT title FROM movies") == [("Heat",)]


def test_without_a_backup_nothing_is_migrated(older: Path) -> None:
    (older.parent / "backups").write_bytes(b"a file where the folder should be")
    with pytest.raises(BackupFailed, match="not upgraded to") as caught:
        open_catalog(str(older), create=True)
    assert "the right to write" in str(caught.value.hint)
    assert str(caught.value.hint).endswith("then start reeld again")
    assert rows(older, "PRAGMA user_version") == [(1,)]
    (older.parent / "backups").unlink()
    open_catalog(str(older), create=True)
    close_catalog()
    assert rows(older, "PRAGMA user_version") == [(latest_version(),)]


def test_a_catalogue_of_a_newer_reeld_names_the_backup_from_before(older: Path) -> None:
    open_catalog(str(older), create=True)
    close_catalog()
    with contextlib.closing(sqlite3.connect(older)) as newer:
        newer.execute(f"PRAGMA user_version = {latest_version() + 1}")
    (made,) = backups_of(str(older))
    with pytest.raises(CatalogTooNew, match="newer reeld") as caught:
        open_catalog(str(older), create=True)
    assert made.path in str(caught.value.hint)
    assert newest_sound(str(older), newest_schema=0) is None


def test_a_backup_of_a_busy_catalogue_holds_a_moment_that_was(filled: Path) -> None:
    """Copied while its owner writes on, once the copying itself is over."""
    (library_id,) = add_libraries("Films")
    lent = 0

    @contextlib.contextmanager
    def lend() -> Iterator[sqlite3.Connection]:
        nonlocal lent
        with maintaining() as connection:
            yield connection
        lent += 1
        add_file(library_id, f"Later {lent} (2001).mkv")

    made = save_backup(lend, str(filled), AT)
    assert lent == 2
    assert rows(Path(made.path), "SELECT count(*) FROM video_files") == [(61,)]
    assert rows(filled, "SELECT count(*) FROM video_files") == [(62,)]
