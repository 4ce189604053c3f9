"""Is a catalogue of schema 8 migrated with every row and decision, and is nothing in it asked or read twice?

`schema_8.sql` is the dump of a catalogue that the last reeld of that schema wrote, by its commands alone.
Its four libraries held the tiny videos of `tests/videos.py`:
- `Films`: a user named DSC_0042.mkv (Stalker), which was renamed since, and two accepted films, whose first
  works went to the trash. The user rejected DSC_0043.mkv. One file was replaced, one deleted. One may not be
  read, so its job was set aside. One is a playlist, one a sample, and one name is no UTF-8.
- `Shows`: numbered, absolute and dated episodes.
- `Old`: another folder lies in its place (suspect).
- `Full`: 23 of 25 files were deleted at once (held).
"""

import contextlib
import json
import os
from pathlib import Path
from typing import Any

import pytest
from peewee import sqlite3

from reeld.catalog import assignments, overview, views
from reeld.config import load_config
from reeld.database.connection import close_catalog, open_catalog, writing
from reeld.service.scan import run_scan
from reeld.watch.fs_identity import identity_of_mount_point
from reeld.watch.mounts import all_mounts
from tests.catalog import listed
from tests.catalog.rows import NOW_MS, rows
from tests.videos import make_video

DUMP = Path(__file__).parent / "schema_8.sql"

RENAMED = {
    ("libraries", "passport"): "filesystem_identity",
    ("video_files", "said_of_work"): "claimed_work",
    ("video_files", "said_of_episode"): "claimed_episode",
}
WORDS = {
    ("libraries", "state"): {"suspect": "unverified", "held": "on_hold"},
    ("video_files", "decided_by"): {"person": "user"},
    ("jobs", "state"): {"set_aside": "failed"},
    ("jobs", "stage"): {"pair": "match_copies"},
}
DELETED = {("jobs", "hash_progress")}
NEW_TABLES = {"sidecars"}
OF_THE_PROCESS = {"catalog_health"}
"""Whether the catalogue is open is no row of a user's."""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "state" / "reeld.db"
    path.parent.mkdir()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript(DUMP.read_text("utf-8"))
    return path


def content_of(database: Path) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table but those of the search index and of kept sums."""
    tables = [name for (name,) in rows(database, "SELECT name FROM sqlite_schema WHERE type = 'table'")]
    return {
        table: [dict(zip(names, row, strict=True)) for row in rows(database, f"SELECT * FROM {table} ORDER BY rowid")]
        for table in tables
        if table not in OF_THE_PROCESS
        and table not in ("search_queue", "copied_contents", "file_sums", "language_sums", "file_years")
        and "_words" not in table
        and "_vocabulary" not in table
        for names in [[name for (name,) in rows(database, "SELECT name FROM pragma_table_info(?)", table)]]
    }


def _in_words_of_today(table: str, row: dict[str, Any]) -> dict[str, Any]:
    if table == "trash":
        text = row["entity_metadata"]
        for (_, before), now in RENAMED.items():
            text = text.replace(f'"{before}":', f'"{now}":')
        row = row | {"entity_metadata": text}
    return {
        RENAMED.get((table, name), name): WORDS.get((table, name), {}).get(value, value)
        for name, value in row.items()
        if (table, name) not in DELETED
    }


def migrate(database: Path) -> None:
    open_catalog(str(database), create=True)
    close_catalog()


def test_every_row_keeps_all_that_it_held(database: Path) -> None:
    before = content_of(database)
    assert all(before[table] for table in before), "the fixture has a row of every kind"
    migrate(database)
    after = content_of(database)
    assert after.keys() - before.keys() == NEW_TABLES
    for table, of_before in before.items():
        expected = [_in_words_of_today(table, row) for row in of_before]
        for row in expected:
            if row.get("content_before"):
                row["content_before"] = json.loads(row["content_before"])
        found = [{name: row[name] for name in wanted} for row, wanted in zip(after[table], expected, strict=True)]
        for row in found:
            if row.get("content_before"):
                row["content_before"] = json.loads(row["content_before"])
                # What the migration adds, as SQLite stores it.
                assert json.loads(row["content_before"].pop("stages_done")) == {"fingerprint": 1, "probe": 1, "hash": 1}
        assert found == expected, table


def test_every_decision_is_still_there(database: Path) -> None:
    open_catalog(str(database), create=True)
    try:
        files = {os.path.basename(row["path"]): row for row in listed.list_files()}
        questions = {os.path.basename(row["file"]["path"]) for row in views.list_pending()}
        trash = {row["title"] for row in views.list_trash()}
        states = {row["name"]: row["state"] for row in overview.libraries()}
        failed = overview.counts()["failed"]
    finally:
        close_catalog()
    by_user = {name: row["title"] for name, row in files.items() if row["decided_by"] == "user"}
    assert by_user == {
        "Stalker.mkv": "Stalker",
        "Dune (2021).mkv": "Jodorowsky's Dune",
        "Twelve Monkeys (1995).mkv": "12 Monkeys",
        "DSC_0043.mkv": None,
    }
    assert files["DSC_0043.mkv"]["verdict"] == "rejected"
    amelie = os.fsdecode(b"Am\xe9lie (2001).mkv")
    assert questions == {amelie, "Broken (1998).mkv", "DSC_0044.mkv", "Cowboy Bebop - 05.mkv"}
    assert trash == {"Twelve Monkeys", "Dune"}
    assert states == {"Films": "online", "Shows": "online", "Old": "unverified", "Full": "on_hold"}
    assert (failed, files["Gone (2001).mkv"]["state"]) == (1, "missing")
    assert files["Denied (1999).mkv"]["reason"].startswith("failed: ")


def test_a_film_that_went_to_the_trash_comes_back_with_its_file_and_claims(database: Path) -> None:
    ((text,),) = rows(database, "SELECT entity_metadata ->> '$.taken_for.said_of_work' FROM trash WHERE id = 2")
    open_catalog(str(database), create=True)
    try:
        with writing():
            (file_id,) = [row["id"] for row in listed.list_files() if row["path"].endswith("Dune (2021).mkv")]
            assignments.reject(assignments.open_validation(file_id, NOW_MS), NOW_MS)
            back = assignments.restore(2, NOW_MS)
        file = views.file_by_id(file_id)
    finally:
        close_catalog()
    assert back.file_ids == [file_id]
    assert file is not None
    assert (file["title"], file["year"], file["decided_by"]) == ("Dune", 2021, "user")
    ((claimed, episode),) = rows(
        database, "SELECT claimed_work, claimed_episode FROM video_files WHERE id = ?", file_id
    )
    assert (json.loads(claimed), episode) == (json.loads(text), None)


@pytest.fixture
def libraries(tmp_path: Path, database: Path) -> Path:
    """The folders of the fixture, as if they had always lain where they are now, with other bytes in each file.

    Where a file is read all the same, what is stored of it changes.
    """
    root = tmp_path / "disks"
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        for library_id, name in connection.execute("SELECT id, name FROM libraries").fetchall():
            folder = root / name
            folder.mkdir(parents=True)
            _make_files(connection, library_id, folder)
            identity = identity_of_mount_point(str(folder), all_mounts()).to_json() | {"below": {}}
            if name == "Old":
                identity = {**identity, "inode": identity["inode"] + 1, "instead": identity}
            connection.execute(
                "UPDATE libraries SET path = ?, passport = json_set(?, '$.file_count', passport ->> '$.file_count') "
                "WHERE id = ?",
                (str(folder), json.dumps(identity), library_id),
            )
        # Their folders did not change since.
        connection.execute("UPDATE video_files SET identified_at = '2100-01-01T00:00:00.000Z' WHERE identified_at > ''")
    config = tmp_path / "config.toml"
    blocks = [
        f'[[library]]\nname = "{name}"\npath = "{root / name}"\nquiet_s = 0.01\n'
        for name in ("Films", "Shows", "Old", "Full")
    ]
    config.write_text("".join(blocks) + f'[database]\npath = "{database}"\n')
    return config


def _make_files(connection: sqlite3.Connection, library_id: int, folder: Path) -> None:
    sql = "SELECT id, path, size_bytes, mtime_ns FROM video_files WHERE library_id = ? AND state = 'present'"
    for row_id, path, size_bytes, mtime_ns in connection.execute(sql, (library_id,)).fetchall():
        is_gone = folder.name == "Old" or (folder.name == "Full" and not path.startswith(("Film 73", "Film 74")))
        if is_gone:
            continue
        file = folder / os.fsdecode(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(bytes(size_bytes))
        os.utime(file, ns=(mtime_ns, mtime_ns))
        status = file.stat()
        connection.execute(
            "UPDATE video_files SET inode = ?, device = ?, ctime_ns = ? WHERE id = ?",
            (status.st_ino, status.st_dev, status.st_ctime_ns, row_id),
        )


KEPT = ("video_files", "movies", "series", "episodes", "episode_files", "pending_validations", "trash", "file_history")


def test_a_scan_after_the_upgrade_reads_and_asks_nothing_again(libraries: Path, database: Path) -> None:
    migrate(database)
    before = content_of(database)
    summary = run_scan(load_config(str(libraries), os.environ), [])
    after = content_of(database)
    assert summary.bytes_hashed == 0
    for row in (*before["video_files"], *after["video_files"]):
        # The first scan notes what lies beside the files, and how many names they have.
        del row["clues"], row["folder_clues"], row["links"], row["links_seen_at"]
    for table in KEPT:
        assert after[table] == before[table], table
    jobs = [(row["stage"], row["state"]) for row in after["jobs"] if not row["is_backfill"]]
    assert jobs == [("fingerprint", "failed")]
    # The probe finds more than it did then, which is filled in when there is time.
    assert {row["stage"] for row in after["jobs"] if row["is_backfill"]} == {"probe"}
    states = {row["name"]: row["state"] for row in after["libraries"]}
    assert states == {"Films": "online", "Shows": "online", "Old": "unverified", "Full": "on_hold"}


def test_a_file_that_changed_since_is_read_and_keeps_what_a_user_decided(libraries: Path, database: Path) -> None:
    """So that the test before proves something."""
    film = make_video(libraries.parent / "disks/Films/Stalker.mkv", seed=5)
    before = content_of(database)
    summary = run_scan(load_config(str(libraries), os.environ), [])
    after = content_of(database)
    assert summary.bytes_hashed == film.stat().st_size
    (changed,) = [row for row in after["video_files"] if row["path"] == "Stalker.mkv"]
    (old,) = [row for row in before["video_files"] if row["path"] == "Stalker.mkv"]
    assert changed["file_hash"] not in (None, old["file_hash"])
    assert (changed["verdict"], changed["decided_by"], changed["movie_id"]) == ("accepted", "user", old["movie_id"])
