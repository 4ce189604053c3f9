"""Is the schema that the migrations make the one that the models speak of, and are the promised indexes there?"""

import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peewee import IntegrityError, SqliteDatabase, sqlite3

from reeld.catalog import overview
from reeld.catalog.models import ALL_MODELS, Movie, Trash, VideoFile
from reeld.database.base import database
from reeld.database.connection import BUSY_TIMEOUT_S, writing
from reeld.database.fields import utc_from_ms
from reeld.database.migrate import (
    APPLICATION_ID,
    all_migrations,
    latest_version,
    migrate,
    migrations_in,
    statements,
)
from reeld.errors import ReeldError
from reeld.pipeline.backfill import enqueue_doubts
from reeld.pipeline.stages import STAGES
from tests.catalog.rows import NOW_MS, add_file, add_libraries, rows

TABLES = sorted(model._meta.table_name for model in ALL_MODELS)


def _columns(connection: sqlite3.Connection, table: str) -> dict[str, Any]:
    """Type, obligation, default, place in the key and hiddenness of each column, by name."""
    return {row[1]: row[2:] for row in connection.execute(f"PRAGMA table_xinfo({table})")}


def _indexes(connection: sqlite3.Connection, table: str) -> set[tuple[Any, ...]]:
    """Each index as (unique, origin, partial, columns with their order and collation, condition)."""
    found = set()
    for _, name, unique, origin, partial in connection.execute(f"PRAGMA index_list({table})").fetchall():
        keys = [row for row in connection.execute(f"PRAGMA index_xinfo({name})") if row[5]]
        columns = tuple((column, descending, collation) for _, _, column, descending, collation, _ in keys)
        found.add((unique, origin, partial, columns, _condition(connection, name)))
    return found


def _condition(connection: sqlite3.Connection, index: str) -> str | None:
    sql = connection.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (index,)).fetchone()[0] or ""
    condition: str = " ".join(sql.upper().replace('"', "").split()).partition(" WHERE ")[2].strip("()")
    return condition or None


def _foreign_keys(connection: sqlite3.Connection, table: str) -> set[tuple[Any, ...]]:
    return {row[2:] for row in connection.execute(f"PRAGMA foreign_key_list({table})")}


def _schema(path: Path) -> dict[str, Any]:
    """All tables but those of the search index and of kept sums, which hold nothing that other tables do not."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return {
            table: {
                "columns": _columns(connection, table),
                "indexes": _indexes(connection, table),
                "foreign keys": _foreign_keys(connection, table),
                "ids are never given twice": "AUTOINCREMENT" in _sql(connection, table),
            }
            for table in names
            if not table.startswith("sqlite_")
            and table not in ("search_queue", "copied_contents", "file_sums", "language_sums", "file_years")
            and "_words" not in table
            and "_vocabulary" not in table
        }


def _sql(connection: sqlite3.Connection, table: str) -> str:
    return str(connection.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (table,)).fetchone()[0])


@pytest.fixture
def from_models(tmp_path: Path) -> Path:
    """A database whose tables peewee made from the models."""
    path = tmp_path / "models.db"
    other = SqliteDatabase(str(path))
    with other.bind_ctx(ALL_MODELS):
        other.create_tables(ALL_MODELS)
    other.close()
    return path


def test_the_migrations_make_the_schema_of_the_models(catalog: Path, from_models: Path) -> None:
    assert _schema(catalog) == _schema(from_models)
    assert sorted(_schema(catalog)) == TABLES


def test_an_index_more_or_a_column_less_would_be_noticed(catalog: Path, from_models: Path) -> None:
    for change in ("CREATE INDEX more ON movies (year DESC)", "ALTER TABLE jobs DROP COLUMN last_error"):
        before = _schema(from_models)
        with contextlib.closing(sqlite3.connect(from_models)) as connection, connection:
            connection.execute(change)
        assert _schema(from_models) != before


@pytest.mark.parametrize(
    ("table", "columns", "unique"),
    [
        ("movies", ("title",), False),
        ("movies", ("tmdb_id",), False),
        ("movies", ("tvdb_id",), False),
        ("movies", ("imdb_id",), False),
        ("series", ("title",), False),
        ("series", ("tmdb_id",), False),
        ("series", ("tvdb_id",), False),
        ("series", ("imdb_id",), False),
        ("series", ("tvmaze_id",), False),
        ("episodes", ("title",), False),
        ("episodes", ("series_id",), False),
        ("episodes", ("series_id", "season_number", "episode_number"), True),
        ("video_files", ("file_hash",), False),
        ("video_files", ("path",), False),
        ("video_files", ("size_bytes", "file_hash"), False),
        ("video_files", ("library_id", "path"), True),
        ("jobs", ("video_file_id",), True),
    ],
)
def test_users_and_scripts_find_the_promised_index(
    catalog: Path, table: str, columns: tuple[str, ...], unique: bool
) -> None:
    indexes = _schema(catalog)[table]["indexes"]
    assert [index for index in indexes if tuple(key[0] for key in index[3]) == columns and bool(index[0]) == unique]


def test_the_question_which_file_is_next_is_answered_by_an_index(catalog: Path) -> None:
    plan = rows(
        catalog,
        "EXPLAIN QUERY PLAN SELECT id FROM jobs WHERE lane = 'light' AND state = 'waiting' AND is_backfill = 0"
        " AND due_at_ms <= 5 ORDER BY due_at_ms, id LIMIT 1",
    )
    assert "jobs_lane_state_is_backfill_due_at_ms" in plan[0][3]
    assert not any("TEMP B-TREE" in step[3] for step in plan)


@pytest.mark.parametrize(
    ("condition", "index"),
    [
        ("file_hash = ?", "video_files_file_hash"),
        ("size_bytes = ? AND file_hash = ?", "video_files_size_bytes_file_hash"),
        ("movie_id = ?", "video_files_movie_id"),
        ("library_id = ?", "video_files_library_id_"),
        ("inode = 0 AND size_bytes = ?", "video_files_inode_size_bytes"),
    ],
)
def test_what_is_asked_of_files_is_answered_by_an_index(catalog: Path, condition: str, index: str) -> None:
    """Also where an index holds only the rows with a value."""
    sql = f"EXPLAIN QUERY PLAN SELECT path FROM video_files WHERE {condition}"
    plan = rows(catalog, sql, *"12"[: condition.count("?")])
    assert f"INDEX {index}" in plan[0][3]


def test_a_film_with_a_file_cannot_be_deleted_and_an_index_finds_the_file(catalog: Path) -> None:
    """The index of the films of files holds only the files that have one."""
    file_id = add_file(add_libraries("Films")[0], "a.mkv")
    with writing():
        movie = Movie.create(title="A", title_key="a", created_at=utc_from_ms(NOW_MS), updated_at=utc_from_ms(NOW_MS))
        VideoFile.update(movie=movie).where(VideoFile.id == file_id).execute()
    with pytest.raises(IntegrityError), writing():
        movie.delete_instance()
    assert Movie.select().count() == 1


@pytest.mark.parametrize("ask", [overview.counts, lambda: enqueue_doubts(STAGES, NOW_MS)], ids=["status", "the clock"])
def test_which_files_are_in_doubt_is_answered_by_an_index(catalog: Path, ask: Callable[[], object]) -> None:
    """It is asked again and again, of a catalogue with very many files and hardly a doubt."""
    asked: list[str] = []
    file_id = add_file(add_libraries("Films")[0], "a.mkv")
    with writing():
        VideoFile.update(is_in_doubt=True).where(VideoFile.id == file_id).execute()
        database.connection().set_trace_callback(asked.append)
        ask()
        database.connection().set_trace_callback(None)
    about_doubts = [sql for sql in asked if "is_in_doubt" in sql]
    assert about_doubts
    for sql in about_doubts:
        plan = " ".join(step[3] for step in rows(catalog, f"EXPLAIN QUERY PLAN {sql}"))
        assert "USING INDEX video_files_in_doubt" in plan


def test_the_open_database_is_set_to_lose_nothing(catalog: Path) -> None:
    def pragma(name: str) -> Any:
        return database.execute_sql(f"PRAGMA {name}").fetchone()[0]

    assert pragma("journal_mode") == "wal"
    assert pragma("synchronous") == 2  # FULL
    assert pragma("foreign_keys") == 1
    assert pragma("trusted_schema") == 0
    assert pragma("busy_timeout") == BUSY_TIMEOUT_S * 1000
    assert pragma("application_id") == APPLICATION_ID
    assert pragma("user_version") == latest_version()


def test_the_name_reel_can_be_read_in_the_file_itself(catalog: Path) -> None:
    assert catalog.read_bytes()[68:72] == b"REEL"


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["0001_one.sql", "0003_three.sql"], "0002 is missing"),
        (["0002_two.sql"], "0001 is missing"),
        (["0001_one.sql", "0002_too.sql", "0002_two.sql"], "0002_too.sql and 0002_two.sql have one number"),
        (["0001_one.sql", "2_two.sql"], "2_two.sql"),
        (["0001_one.sql", "0002-two.sql"], "0002-two.sql"),
        ([], "0001 is missing"),
    ],
)
def test_migrations_with_a_gap_or_a_double_number_are_refused(tmp_path: Path, names: list[str], words: str) -> None:
    for name in names:
        (tmp_path / name).write_text("CREATE TABLE a (x INTEGER);")
    with pytest.raises(ReeldError, match=words):
        migrations_in(tmp_path)


def test_other_files_beside_the_migrations_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "0001_one.sql").write_text("CREATE TABLE a (x INTEGER);")
    (tmp_path / "README.md").write_text("not a migration")
    (tmp_path / "__pycache__").mkdir()
    assert [migration.version for migration in migrations_in(tmp_path)] == [1]


def test_migrations_are_numbered_without_gaps_and_run_once(tmp_path: Path) -> None:
    assert [migration.version for migration in all_migrations()] == list(range(1, latest_version() + 1))
    other = SqliteDatabase(str(tmp_path / "other.db"))
    assert migrate(other) == [migration.name for migration in all_migrations()]
    assert migrate(other) == []
    other.close()


def test_a_migration_that_fails_leaves_the_schema_of_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    *sound, last = all_migrations()
    sql = "CREATE TABLE half (id INTEGER);\nCREATE TABLE movies (id INTEGER);"
    broken = type(last)(last.version + 1, "9999_broken.sql", sql)
    path = tmp_path / "other.db"
    other = SqliteDatabase(str(path))
    migrate(other)
    before = _schema(path)
    monkeypatch.setattr("reeld.database.migrate.all_migrations", lambda: [*sound, last, broken])
    with pytest.raises(Exception, match="movies already exists"):
        migrate(other)
    other.close()
    assert _schema(path) == before
    assert rows(path, "PRAGMA user_version") == [(last.version,)]


def _fill(other: SqliteDatabase, path: Path) -> dict[str, dict[str, Any]]:
    """Put a row into each table, with all its columns set; the rows, by table."""
    made = {}
    for table, facts in _schema(path).items():
        if not other.execute_sql(f"SELECT 1 FROM {table}").fetchall():
            names = list(facts["columns"])
            values = [1 if facts["columns"][name][0] in ("INTEGER", "REAL") else "[]" for name in names]
            marks = ", ".join("?" * len(names))
            other.execute_sql(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", values)
        cursor = other.execute_sql(f"SELECT * FROM {table}")
        made[table] = dict(zip([column[0] for column in cursor.description], cursor.fetchone(), strict=True))
    return made


RENAMED = {
    "passport": "filesystem_identity",
    "said_of_work": "claimed_work",
    "said_of_episode": "claimed_episode",
}
"""Columns by their names before schema 9."""

DELETED = {"libraries": {"root_device", "root_inode"}, "jobs": {"hash_progress"}}
"""Columns whose feature is gone, or that another one replaces, by table."""

MOVED = {"verifications"}
"""Tables whose rows are part of another one now; a test of its own says how."""


@pytest.mark.parametrize("version", range(1, latest_version() + 1))
def test_a_catalogue_of_every_earlier_schema_keeps_all_its_rows(
    tmp_path: Path, from_models: Path, monkeypatch: pytest.MonkeyPatch, version: int
) -> None:
    """A catalogue of every schema that was keeps all its rows on the way to the latest."""
    path, newest = tmp_path / "old.db", all_migrations()
    other = SqliteDatabase(str(path), pragmas={"foreign_keys": 0})
    monkeypatch.setattr("reeld.database.migrate.all_migrations", lambda: newest[:version])
    migrate(other)
    other.execute_sql("PRAGMA foreign_keys = OFF")
    before = _fill(other, path)
    monkeypatch.undo()
    assert migrate(other) == [migration.name for migration in newest[version:]]
    assert other.execute_sql("PRAGMA foreign_key_check").fetchall() == []
    assert _schema(path) == _schema(from_models)
    for table, row in before.items():
        if table in MOVED:
            continue
        cursor = other.execute_sql(f"SELECT * FROM {table}")
        after = dict(zip([column[0] for column in cursor.description], cursor.fetchone(), strict=True))
        assert cursor.fetchone() is None
        gone = DELETED.get(table, set())
        expected = {RENAMED.get(name, name): value for name, value in row.items() if name not in gone}
        assert expected.items() <= after.items()
        assert not gone & after.keys()
    other.close()


def test_what_verify_found_until_schema_18_is_still_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, newest = tmp_path / "old.db", all_migrations()
    other = SqliteDatabase(str(path), pragmas={"foreign_keys": 1})
    monkeypatch.setattr("reeld.database.migrate.all_migrations", lambda: newest[:18])
    migrate(other)
    changed, compared = "2026-01-01T00:00:00.000Z", "2026-02-03T04:05:06.789Z"
    other.execute_sql(
        "INSERT INTO libraries (id, name, path, kind, state, is_accepted) VALUES (1, 'L', '/', '', '', 0)"
    )
    for name, result, offset, file_hash, at in (
        ("same", "same", None, "aa", compared),
        ("damaged", "damaged", None, "aa", compared),
        ("unreadable", "unreadable", 4096, "aa", compared),
        ("another hash", "damaged", None, "bb", compared),
        ("other bytes since", "damaged", None, "aa", "2025-12-31T00:00:00.000Z"),
        ("never", None, None, None, None),
    ):
        (file_id,) = other.execute_sql(
            "INSERT INTO video_files (library_id, path, directory, filename, size_bytes, mtime_ns, ctime_ns, inode, "
            "device, file_hash, state, languages, subtitle_languages, evidence, first_seen_at, changed_at) "
            "VALUES (1, ?, '', ?, 1, 1, 1, 1, 1, 'aa', 'present', '[]', '[]', '[]', ?, ?) RETURNING id",
            (name, name, changed, changed),
        ).fetchone()
        if result is not None:
            columns = "(video_file_id, verified_at, result, file_hash, offset_bytes)"
            values = (file_id, at, result, file_hash, offset)
            other.execute_sql(f"INSERT INTO verifications {columns} VALUES (?, ?, ?, ?, ?)", values)
    monkeypatch.undo()
    migrate(other)
    other.close()
    found = rows(path, "SELECT path, verified_at, verify_problem, verify_details FROM video_files ORDER BY id")
    since = {"since": "2026-02-03T04:05:06Z", "hash": None}
    assert [(*rest, details and json.loads(details)) for *rest, details in found] == [
        ("same", compared, None, None),
        ("damaged", compared, "damaged", since | {"offset": None, "reason": None}),
        ("unreadable", None, "unreadable", since | {"offset": 4096, "reason": "the disk answered with an error"}),
        ("another hash", None, None, None),
        ("other bytes since", None, None, None),
        ("never", None, None, None),
    ]


def test_a_root_that_the_first_schema_remembered_is_still_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, newest = tmp_path / "old.db", all_migrations()
    other = SqliteDatabase(str(path))
    monkeypatch.setattr("reeld.database.migrate.all_migrations", lambda: newest[:1])
    migrate(other)
    columns = "(name, path, kind, state, root_device, root_inode)"
    other.execute_sql(
        f"INSERT INTO libraries {columns} VALUES ('A', '/a', 'auto', 'online', 64, 2), "
        "('B', '/b', 'auto', 'offline', NULL, NULL)"
    )
    monkeypatch.setattr("reeld.database.migrate.all_migrations", lambda: newest)
    migrate(other)
    other.close()
    assert rows(path, "SELECT name, filesystem_identity, is_accepted FROM libraries ORDER BY name") == [
        ("A", '{"device":64,"inode":2}', 0),
        ("B", None, 0),
    ]


def test_states_of_the_eighth_schema_get_their_plain_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, newest = tmp_path / "old.db", all_migrations()
    other = SqliteDatabase(str(path), pragmas={"foreign_keys": 0})
    monkeypatch.setattr("reeld.database.migrate.all_migrations", lambda: newest[:8])
    migrate(other)
    other.execute_sql("PRAGMA foreign_keys = OFF")
    before = _fill(other, path)
    values = {
        ("libraries", "state"): [("suspect", "unverified"), ("held", "on_hold"), ("offline", "offline")],
        ("video_files", "decided_by"): [("person", "user"), ("reeld", "reeld"), ("rules", "rules")],
        ("jobs", "state"): [("set_aside", "failed"), ("waiting", "waiting")],
        ("jobs", "stage"): [("pair", "match_copies"), ("hash", "hash")],
    }
    for number in range(3):
        for (table, column), pairs in values.items():
            other.execute_sql(f"UPDATE {table} SET {column} = ?", (pairs[number % len(pairs)][0],))
        copy = SqliteDatabase(str(tmp_path / f"{number}.db"), pragmas={"foreign_keys": 0})
        other.execute_sql(f"VACUUM INTO '{tmp_path / f'{number}.db'}'")
        monkeypatch.setattr("reeld.database.migrate.all_migrations", lambda: newest)
        migrate(copy)
        for (table, column), pairs in values.items():
            found = copy.execute_sql(f"SELECT {column} FROM {table}").fetchall()
            assert found == [(pairs[number % len(pairs)][1],)], (table, column)
        copy.close()
    assert values.keys() <= {(table, column) for table, row in before.items() for column in row}
    other.close()


def test_a_migration_is_taken_apart_at_semicolons_that_end_a_line() -> None:
    sql = "-- a; comment;\nCREATE TABLE a (\n  x TEXT DEFAULT ';' CHECK (x != 1)\n);\n\nCREATE TABLE b (y);\n"
    parts = statements(sql)
    assert [part.split("(")[0].strip() for part in parts] == ["CREATE TABLE a", "CREATE TABLE b"]


def test_lists_and_dicts_come_back_as_such_and_are_json_to_other_programs(catalog: Path) -> None:
    (library_id,) = add_libraries("Films")
    file_id = add_file(library_id, "a.mkv")
    languages, nothing = ["de", "pt-BR", "日本語"], list[str]()
    metadata = {"title": "Amélie", "genres": ["Comédie"], "year": None, "n": 1.5, "nested": {"a": [1, {"b": []}]}}
    kept = {"entity_type": "movie", "original_id": 1, "deletion_reason": "test", "deleted_at": utc_from_ms(NOW_MS)}
    with writing():
        VideoFile.update(languages=languages, subtitle_languages=nothing).where(VideoFile.id == file_id).execute()
        Trash.insert(entity_metadata=metadata, **kept).execute()
    row = VideoFile.get_by_id(file_id)
    assert (row.languages, row.subtitle_languages) == (languages, nothing)
    assert Trash.get().entity_metadata == metadata
    (stored,) = rows(catalog, "SELECT languages, subtitle_languages FROM video_files")
    assert [json.loads(text) for text in stored] == [languages, nothing]
    assert rows(catalog, "SELECT json_extract(entity_metadata, '$.nested.a[0]') FROM trash") == [(1,)]


@given(st.recursive(st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(), st.lists, max_leaves=8))
def test_whatever_json_can_say_is_kept(value: Any) -> None:
    field = Trash.entity_metadata
    assert field.python_value(field.db_value({"it": value})) == {"it": value}
