"""Is what is due done, what fails said, and does only loss or damage end the owner?"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from peewee import sqlite3
from structlog.testing import capture_logs

from reeld.database import maintenance as module
from reeld.database.backup import backups_of
from reeld.database.base import database
from reeld.database.connection import close_catalog, open_catalog, writing
from reeld.database.maintenance import BACKUP_S, BACKUP_UNCHANGED_S, CHECKPOINT_S, FIRST_BACKUP_S, QUIET_S, Maintenance
from reeld.database.sqlite_errors import driver_trouble
from reeld.errors import CatalogCorrupt, CatalogGone, CatalogLogLost, CatalogUnavailable, ReeldError
from tests.catalog.rows import add_file, add_libraries, rows

T0 = 1_800_000_000.0


@pytest.fixture
def library_id(catalog: Path) -> int:
    (library_id,) = add_libraries("Films")
    for number in range(60):
        add_file(library_id, f"Film {number} (1999).mkv")
    return library_id


@pytest.fixture
def maintenance(catalog: Path, library_id: int) -> Maintenance:
    return Maintenance(str(catalog), T0, lambda: False)


def _made(catalog: Path) -> list[float]:
    return sorted(each.made_at.timestamp() for each in backups_of(str(catalog)))


def _live(maintenance: Maintenance, start_s: float, end_s: float) -> None:
    """A tick each minute."""
    now_s = start_s
    while now_s <= end_s:
        maintenance.tick(now_s)
        now_s += 60


# --- backups ---------------------------------------------------------------------------------------------


def test_the_first_backup_waits_until_the_first_scan_has_come_to_rest(
    catalog: Path, library_id: int, maintenance: Maintenance
) -> None:
    for minute in range(20):
        add_file(library_id, f"New {minute} (2001).mkv")
        maintenance.tick(T0 + 60 * minute)
    assert _made(catalog) == []
    _live(maintenance, T0 + 1200, T0 + 1200 + 2 * QUIET_S)
    assert len(_made(catalog)) == 1


def test_the_first_backup_does_not_wait_for_ever(catalog: Path, library_id: int, maintenance: Maintenance) -> None:
    for minute in range(62):
        add_file(library_id, f"New {minute} (2001).mkv")
        maintenance.tick(T0 + 60 * minute)
    assert _made(catalog) == [T0 + FIRST_BACKUP_S]


def test_a_catalogue_that_holds_nothing_yet_is_not_worth_a_backup(catalog: Path) -> None:
    _live(Maintenance(str(catalog), T0, lambda: False), T0, T0 + 2 * FIRST_BACKUP_S)
    assert _made(catalog) == []


def test_a_backup_is_never_older_than_a_day_while_something_changes(
    catalog: Path, library_id: int, maintenance: Maintenance
) -> None:
    """I14."""
    _live(maintenance, T0, T0 + 3600)
    (first,) = _made(catalog)
    _live(maintenance, T0 + 3600, first + 2 * BACKUP_S)
    assert _made(catalog) == [first], "nothing has changed"
    add_file(library_id, "New (2001).mkv")
    _live(maintenance, first + 2 * BACKUP_S, first + 2 * BACKUP_S + 120)
    *_, second = _made(catalog)
    assert second > first
    with contextlib.closing(sqlite3.connect(catalog)) as other, other:
        other.execute("UPDATE video_files SET reason = 'a person, through another process'")
    _live(maintenance, second, second + BACKUP_S + 60)
    assert len(_made(catalog)) == 3


def test_a_catalogue_that_does_not_change_is_read_and_checked_each_week(
    catalog: Path, maintenance: Maintenance
) -> None:
    _live(maintenance, T0, T0 + 3600)
    (first,) = _made(catalog)
    maintenance.tick(first + BACKUP_UNCHANGED_S - 1)
    assert len(_made(catalog)) == 1
    maintenance.tick(first + BACKUP_UNCHANGED_S)
    assert len(_made(catalog)) == 2
    ((checked_at,),) = rows(catalog, "SELECT unixepoch(checked_at) FROM catalog_health")
    assert checked_at == first + BACKUP_UNCHANGED_S


def test_a_backup_of_yesterday_is_followed_by_one_at_the_start(catalog: Path, maintenance: Maintenance) -> None:
    _live(maintenance, T0, T0 + 3600)
    later = T0 + 2 * BACKUP_S
    Maintenance(str(catalog), later, lambda: False).tick(later)
    assert _made(catalog)[-1] == later


def test_a_clock_that_jumps_back_makes_one_backup_more_and_not_one_each_second(
    catalog: Path, maintenance: Maintenance
) -> None:
    _live(maintenance, T0, T0 + 3600)
    for second in range(30):
        maintenance.tick(T0 - 100 * BACKUP_S + second)
    assert len(_made(catalog)) == 2


def test_a_backup_that_cannot_be_made_is_said_once_shown_and_tried_again(
    catalog: Path, maintenance: Maintenance
) -> None:
    """Row 25. Nothing else suffers."""
    obstacle = catalog.parent / "backups"
    obstacle.write_bytes(b"")
    with capture_logs() as logged:
        _live(maintenance, T0, T0 + 3 * 3600)
    (event,) = [row for row in logged if row["event"] == "catalog.troubled"]
    assert event["about"] == "backup"
    (problem,) = maintenance.problems()
    assert "cannot be made" in problem
    obstacle.unlink()
    _live(maintenance, T0 + 3 * 3600, T0 + 4 * 3600)
    assert len(_made(catalog)) == 1
    assert maintenance.problems() == ()


def test_a_backup_is_given_up_when_reeld_is_to_stop(catalog: Path, library_id: int) -> None:
    with writing():
        database.execute_sql(
            "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 20000) INSERT INTO movies"
            " (title, title_key, genres, created_at, updated_at) SELECT x, x, '[]', '', '' FROM n"
        )
    asked = 0

    def should_stop() -> bool:
        nonlocal asked
        asked += 1
        return True

    maintenance = Maintenance(str(catalog), T0, should_stop)
    with capture_logs() as logged:
        _live(maintenance, T0, T0 + 600)
    assert asked
    assert [row["event"] for row in logged] == ["catalog.maintenance_waited"]
    assert os.listdir(catalog.parent / "backups") == []


def test_damage_that_a_backup_meets_ends_the_owner_with_the_way_back(catalog: Path, library_id: int) -> None:
    """Row 27. Found while it runs, in a table that nobody asks for."""
    maintenance = Maintenance(str(catalog), T0, lambda: False)
    _live(maintenance, T0, T0 + 3600)
    (sound,) = backups_of(str(catalog))
    close_catalog()
    ((root_page,),) = rows(catalog, "SELECT rootpage FROM sqlite_schema WHERE name = 'trash'")
    with catalog.open("r+b") as file:
        file.seek((root_page - 1) * 4096)
        file.write(b"\xff" * 8)
    open_catalog(str(catalog), create=False)
    add = Maintenance(str(catalog), T0 + 2 * BACKUP_S, lambda: False)
    with pytest.raises(CatalogCorrupt, match="is damaged") as caught:
        add.tick(T0 + 2 * BACKUP_S)
    assert sound.path in str(caught.value.hint)
    assert [each.path for each in backups_of(str(catalog))] == [sound.path]


# --- the log ---------------------------------------------------------------------------------------------


@pytest.fixture
def reader(catalog: Path, library_id: int) -> Iterator[sqlite3.Connection]:
    """Another program that began to read and does not end."""
    with contextlib.closing(sqlite3.connect(catalog)) as connection:
        cursor = connection.execute("SELECT * FROM video_files")
        cursor.fetchone()
        yield connection


def _grow(catalog: Path, bytes_: int) -> None:
    while os.path.getsize(f"{catalog}-wal") < bytes_:
        with writing():
            database.execute_sql("UPDATE video_files SET reason = hex(randomblob(10000))")


def test_a_reader_that_does_not_end_is_told_of_and_the_log_is_cut_once_it_has(
    catalog: Path, maintenance: Maintenance, reader: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row 29. Writing goes on all the while."""
    monkeypatch.setattr(module, "LOG_ALARM_BYTES", 2 << 20)
    monkeypatch.setattr(module, "LOG_CUT_BYTES", 2 << 20)
    with capture_logs() as logged:
        maintenance.tick(T0)
        assert maintenance.problems() == ()
        _grow(catalog, 6 << 20)
        maintenance.tick(T0 + CHECKPOINT_S)
        maintenance.tick(T0 + 2 * CHECKPOINT_S)
    (event,) = [row for row in logged if row["event"] == "catalog.troubled"]
    assert "does not end" in event["reason"]
    assert len(maintenance.problems()) == 1
    reader.close()
    maintenance.tick(T0 + 3 * CHECKPOINT_S)
    maintenance.tick(T0 + 4 * CHECKPOINT_S)
    assert maintenance.problems() == ()
    assert os.path.getsize(f"{catalog}-wal") < 1 << 20


# --- the files -------------------------------------------------------------------------------------------


def _end(maintenance: Maintenance, kind: type[ReeldError]) -> str:
    maintenance.tick(T0)  # a name may be gone for a moment
    with pytest.raises(kind) as caught:
        maintenance.tick(T0 + 1)
    with pytest.raises(CatalogUnavailable, match="nothing is written"), writing():
        pass
    return caught.value.with_hint


@pytest.mark.parametrize("how", ["removed", "replaced"])
def test_a_catalogue_that_was_removed_or_replaced_is_saved_before_the_end(
    catalog: Path, library_id: int, maintenance: Maintenance, how: str
) -> None:
    """Row 28."""
    if how == "replaced":
        (catalog.parent / "other").write_bytes(b"somebody else's")
        (catalog.parent / "other").rename(catalog)
    else:
        catalog.unlink()
    add_file(library_id, "Written when nobody had noticed (2001).mkv")
    message = _end(maintenance, CatalogGone)
    (rescued,) = backups_of(str(catalog))
    assert rescued.is_rescued
    assert rescued.path in message
    assert rows(Path(rescued.path), "SELECT count(*) FROM video_files") == [(61,)]
    close_catalog()
    assert not catalog.exists() if how == "removed" else catalog.read_bytes() == b"somebody else's"


def test_a_name_that_is_gone_for_a_moment_ends_nothing(
    catalog: Path, library_id: int, maintenance: Maintenance
) -> None:
    aside = catalog.with_name("aside")
    for turn in range(3):
        catalog.rename(aside)
        maintenance.tick(T0 + 2 * turn)
        aside.rename(catalog)
        maintenance.tick(T0 + 2 * turn + 1)
    add_file(library_id, "Later (2001).mkv")
    assert not [each for each in backups_of(str(catalog)) if each.is_rescued]


@pytest.mark.parametrize("suffix", ["-wal", "-shm"])
def test_a_log_that_was_removed_is_folded_in_and_nothing_is_lost(
    catalog: Path, library_id: int, maintenance: Maintenance, suffix: str
) -> None:
    """Row 28."""
    os.unlink(f"{catalog}{suffix}")
    add_file(library_id, "Written when nobody had noticed (2001).mkv")
    message = _end(maintenance, CatalogLogLost)
    assert "Nothing is lost" in message
    assert "start reeld again" in message
    close_catalog()
    assert rows(catalog, "SELECT count(*) FROM video_files") == [(61,)]
    assert rows(catalog, "PRAGMA integrity_check") == [("ok",)]
    assert open_catalog(str(catalog), create=True) == []


def test_a_log_that_another_program_began_anew_is_neither_overwritten_nor_removed(
    catalog: Path, maintenance: Maintenance
) -> None:
    for suffix in ("-wal", "-shm"):
        os.unlink(f"{catalog}{suffix}")
        Path(f"{catalog}{suffix}").write_bytes(b"theirs")
    message = _end(maintenance, CatalogGone)
    (rescued,) = backups_of(str(catalog))
    assert rescued.path in message
    close_catalog()
    assert Path(f"{catalog}-wal").read_bytes() == b"theirs"


def test_the_process_lives_until_what_it_knows_is_saved(catalog: Path, maintenance: Maintenance) -> None:
    """Row 28. The only copy is in files without a name: they vanish with the process."""
    obstacle = catalog.parent / "backups"
    obstacle.write_bytes(b"")
    catalog.unlink()
    for second in range(5):
        maintenance.tick(T0 + second)
    assert any("cannot be made" in problem for problem in maintenance.problems())
    assert any("nothing is written" in problem for problem in maintenance.problems())
    obstacle.unlink()
    with pytest.raises(CatalogGone):
        maintenance.tick(T0 + 5)
    assert len(backups_of(str(catalog))) == 1


# --- SQLite itself ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "is_good"),
    [
        ((3, 40, 1), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 50, 6), False),
        ((3, 50, 7), True),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 53, 4), True),
    ],
)
def test_a_sqlite_that_can_damage_a_catalogue_is_told_of(version: tuple[int, ...], is_good: bool) -> None:
    """I12."""
    advice = driver_trouble(version)
    assert (advice is None) == is_good
    assert advice is None or "pysqlite3" in advice
