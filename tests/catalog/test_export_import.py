"""Is an export all that reeld knows, and is a catalogue that was made of it the same as before?"""

import json
import os
import shlex
import subprocess
import tracemalloc
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from peewee import SqliteDatabase

from reeld.catalog.export import TABLES, export
from reeld.catalog.import_ import import_catalog
from reeld.catalog.models import (
    ALL_MODELS,
    Episode,
    EpisodeFile,
    FileHistory,
    JobRow,
    Library,
    Movie,
    PendingValidation,
    Series,
    Trash,
    VideoFile,
)
from reeld.database.base import Health
from reeld.database.connection import close_catalog, open_catalog, writing
from reeld.database.fields import utc_from_ms
from reeld.database.migrate import all_migrations, latest_version, migrate
from reeld.errors import CatalogTooNew, ImportRefused
from tests.catalog.rows import NOW_MS, add_file, add_libraries, rows
from tests.service.harness import RunningDaemon, World, new_world
from tests.videos import make_video

NAMES = st.binary(min_size=1, max_size=12).map(
    lambda raw: os.fsdecode(raw.replace(b"/", b"").replace(b"\0", b"") or b"a")
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12)
MOMENTS = st.integers(0, 4_000_000_000_000).map(utc_from_ms)
BIG = st.integers(0, 2**64 - 1)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
LISTS, DICTS = st.lists(JSON, max_size=3), st.dictionaries(TEXTS, JSON, max_size=3)


def value_for(field: Any, number: int) -> st.SearchStrategy[Any]:
    """Whatever the column may hold; `number` where it must differ from row to row."""
    kind = type(field).__name__
    if field.name in ("season_number", "episode_number", "absolute_number"):
        return st.just(number)
    if kind == "PathField":
        return NAMES.map(lambda name: f"{number} {name}")
    made: st.SearchStrategy[Any] = {
        "AutoIncrementField": st.just(number),
        "AutoField": st.just(number),
        "ForeignKeyField": st.just(number),
        "PlainTextField": TEXTS.map(lambda text: f"{text} {number}"),
        "TextField": TEXTS,
        "IntegerField": st.integers(-(2**40), 2**62),
        "Unsigned64Field": BIG,
        "FloatField": st.floats(allow_nan=False, allow_infinity=False),
        "BooleanField": st.booleans(),
        "UtcField": MOMENTS,
        "JSONField": DICTS if field.name in ("filesystem_identity", "completeness", "entity_metadata") else LISTS,
    }[kind]
    return st.none() | made if field.null and kind != "ForeignKeyField" else made


@st.composite
def catalogues(draw: st.DrawFn) -> list[tuple[Any, dict[str, Any]]]:
    """Rows of every table, parents first; row N of each refers to row N of the others."""
    made = []
    for model in TABLES:
        count = 3 if model in (Library, Movie, Series, Episode, VideoFile) else draw(st.integers(0, 3))
        fields = model._meta.sorted_fields
        for number in range(1, count + 1):
            made += [(model, {field.name: draw(value_for(field, number)) for field in fields})]
    return made


def lines_of(objects: Iterable[dict[str, Any]]) -> list[bytes]:
    return [json.dumps(each).encode() + b"\n" for each in objects]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(catalogues())
def test_an_export_of_what_was_imported_is_the_export(made: list[tuple[Any, dict[str, Any]]]) -> None:
    with TemporaryDirectory() as folder:
        first, second = Path(folder) / "one" / "reeld.db", Path(folder) / "two" / "reeld.db"
        try:
            open_catalog(str(first), create=True)
            with writing():
                for model, values in made:
                    model.insert(**values).execute()
            exported = lines_of(export())
            close_catalog()
            counts = import_catalog(exported, str(second))
            assert sum(counts.values()) == len(made)
            open_catalog(str(second), create=True)
            again = lines_of(export())
        finally:
            close_catalog()
        assert again == [_as_imported(line) for line in exported]
        kinds = "SELECT id, typeof(path), hex(path), typeof(inode), inode FROM video_files"
        assert rows(first, kinds) == rows(second, kinds)


def _as_imported(line: bytes) -> bytes:
    """Nobody works on a job of a new catalogue."""
    each = json.loads(line)
    is_under_way = each.get("table") == "jobs" and each["state"] == "running"
    return lines_of([{**each, "state": "waiting"}])[0] if is_under_way else line


def test_every_table_that_a_person_would_miss_is_exported_parents_first() -> None:
    """Every table with anything that a person would miss is exported parents first."""
    assert set(ALL_MODELS) - set(TABLES) == {Health}
    for at, model in enumerate(TABLES):
        assert {key.rel_model for key in model._meta.refs} <= set(TABLES[:at])


@pytest.fixture
def filled(catalog: Path) -> Path:
    (library_id,) = add_libraries("Films")
    file_id = add_file(library_id, os.fsdecode(b"caf\xe9 (2004).mkv"))
    other_id = add_file(library_id, "xkcd.mkv")
    at = utc_from_ms(NOW_MS)
    with writing():
        movie = Movie.insert(title="Café", title_key="cafe", created_at=at, updated_at=at).execute()
        VideoFile.update(movie=movie, verdict="accepted", decided_by="user").where(VideoFile.id == file_id).execute()
        PendingValidation.insert(
            video_file=other_id, candidates=[{"id": 1, "title": "X"}], reason="who knows", created_at=at
        ).execute()
        FileHistory.insert(
            video_file=file_id, happened_at=at, event="moved", library_id=library_id, path="b", path_before="a"
        ).execute()
        JobRow.insert(
            video_file=other_id, stage="hash", lane="heavy", state="running", token="t", due_at_ms=5, created_at=at
        ).execute()
        gone = Movie.insert(title="Gone", title_key="gone", created_at=at, updated_at=at).execute()
        Movie.delete().where(Movie.id == gone).execute()
        series = Series.insert(title="S", title_key="s", created_at=at, updated_at=at).execute()
        episode = Episode.insert(series=series, season_number=1, created_at=at, updated_at=at).execute()
        EpisodeFile.insert(episode=episode, video_file=other_id).execute()
        Trash.insert(
            entity_type="movie", original_id=gone, entity_metadata={"title": "Gone"}, deleted_at=at,
            deletion_reason="test",
        ).execute()  # fmt: skip
    return catalog


def test_an_export_is_plain_json_that_says_what_it_is_and_where_it_ends(filled: Path) -> None:
    exported = list(export())
    assert exported[0] == {
        "format": "reeld catalogue",
        "version": 1,
        "schema": latest_version(),
        "last_ids": {"episodes": 1, "movies": 2, "series": 1, "trash": 1, "video_files": 2},
    }
    assert exported[-1]["end"]["video_files"] == 2
    (first, _second) = [row for row in exported if row.get("table") == "video_files"]
    assert first["path"] == "caf\udce9 (2004).mkv"
    assert (first["languages"], first["is_in_doubt"]) == ([], False)
    (job,) = [row for row in exported if row.get("table") == "jobs"]
    assert (job["state"], job["token"]) == ("waiting", None), "nobody works on it where it is taken in"


def test_an_id_that_was_given_once_is_not_given_again_after_an_import(filled: Path, tmp_path: Path) -> None:
    """What lies in the trash keeps its own."""
    lines = lines_of(export())
    close_catalog()
    import_catalog(lines, str(tmp_path / "other" / "reeld.db"))
    open_catalog(str(tmp_path / "other" / "reeld.db"), create=True)
    at = utc_from_ms(NOW_MS)
    with writing():
        assert Movie.insert(title="New", title_key="new", created_at=at, updated_at=at).execute() == 3


def test_an_export_of_an_earlier_schema_becomes_a_catalogue_of_the_latest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, newest = tmp_path / "old.db", all_migrations()
    monkeypatch.setattr("reeld.database.migrate.all_migrations", lambda: newest[:1])
    migrate(old := SqliteDatabase(str(path)))
    old.close()
    monkeypatch.undo()
    library = {"id": 4, "name": "L", "path": "/l", "kind": "auto", "state": "online", "root_device": 7, "root_inode": 9}
    head = {"format": "reeld catalogue", "version": 1, "schema": 1, "last_ids": {}}
    tables = ("libraries", "movies", "series", "episodes", "video_files", "episode_files", "pending_validations")
    end = dict.fromkeys((*tables, "trash", "jobs"), 0) | {"libraries": 1}
    lines = lines_of([head, {"table": "libraries", **library}, {"end": end}])
    import_catalog(lines, str(tmp_path / "reeld.db"))
    assert rows(tmp_path / "reeld.db", "SELECT id, filesystem_identity FROM libraries") == [
        (4, '{"device":7,"inode":9}')
    ]
    assert rows(tmp_path / "reeld.db", "PRAGMA user_version") == [(latest_version(),)]


def test_what_an_export_of_schema_18_says_of_verifications_is_kept(tmp_path: Path) -> None:
    """They had a table of their own."""
    library = {"id": 1, "name": "L", "path": "/l", "kind": "auto", "state": "online", "is_accepted": False}
    file = {"id": 2, "library_id": 1, "path": "a", "directory": "", "filename": "a", "state": "present"}
    file |= dict.fromkeys(("size_bytes", "mtime_ns", "ctime_ns", "inode", "device"), 1)
    file |= {"languages": [], "subtitle_languages": [], "evidence": [], "file_hash": "aa"}
    file |= dict.fromkeys(("first_seen_at", "changed_at"), "2026-01-01T00:00:00.000Z")
    found = {"video_file_id": 2, "verified_at": "2026-02-01T00:00:00.000Z", "result": "same", "file_hash": "aa"}
    tables = ("libraries", "movies", "series", "episodes", "video_files", "episode_files", "file_history")
    end = dict.fromkeys((*tables, "pending_validations", "trash", "jobs"), 0)
    lines = lines_of(
        [
            {"format": "reeld catalogue", "version": 1, "schema": 18, "last_ids": {}},
            {"table": "libraries", **library},
            {"table": "video_files", **file},
            {"table": "verifications", **found},
            {"end": end | {"libraries": 1, "video_files": 1, "verifications": 1}},
        ]
    )
    import_catalog(lines, str(tmp_path / "reeld.db"))
    assert rows(tmp_path / "reeld.db", "SELECT id, verified_at FROM video_files") == [(2, found["verified_at"])]


def spoilt(lines: list[bytes]) -> dict[str, tuple[list[bytes], str]]:
    head, *middle, end = lines
    files = [number for number, line in enumerate(lines) if b'"video_files"' in line and b'"end"' not in line]
    orphan = json.dumps(json.loads(lines[files[0]]) | {"library_id": 99, "id": 77, "path": "z"}).encode()
    return {
        "nothing": ([], "no export of reeld's"),
        "no head": (middle, "no export of reeld's"),
        "another program's": ([b'{"format": "other"}'], "no export of reeld's"),
        "no JSON": ([head, b"{", end], "line 2"),
        "no object": ([head, b"[]", end], "line 2"),
        "cut off": (lines[:-1], "ends too early"),
        "a line less": ([*lines[: files[0]], *lines[files[0] + 1 :]], "cannot be taken|lacks lines"),
        "a line twice": ([head, middle[0], *middle, end], "does not fit in"),
        "more behind the end": ([*lines, middle[0]], "is behind the end"),
        "a strange table": ([head, b'{"table": "sqlite_master", "name": 1}', end], "no table 'sqlite_master'"),
        "a strange column": ([head, b'{"table": "movies", "id); DROP TABLE movies": 1}', end], "has no column"),
        "a row without its parent": ([*lines[:-1], orphan, end], "cannot be taken"),
        "a text for a number": ([head, b'{"table": "movies", "id": "x"}', end], "does not fit in"),
        "a huge number": ([head, b'{"table": "movies", "id": 1%s}' % (b"0" * 50), end], "does not fit in"),
        "a list for a table": ([head, b'{"table": []}', end], "line 2.*no table"),
        "half a letter": ([head, b'{"table": "movies", "title": "\\ud800x"}', end], "line 2.*bytes that are no text"),
        "a last id that is huge": (
            [head.replace(b'"last_ids": {', b'"last_ids": {"x": 1%s, ' % (b"0" * 50)), end],
            "line 1",
        ),
        "terminal": ([head, b'{"table": "\\u001b[31m"}', end], r"\\x1b"),
    }


@pytest.mark.parametrize("how", spoilt([b"{}", b'{"table": "video_files"}', b"{}"]))
def test_what_is_no_whole_export_is_refused_and_makes_nothing(filled: Path, tmp_path: Path, how: str) -> None:
    lines, words = spoilt(lines_of(export()))[how]
    target = tmp_path / "other" / "reeld.db"
    with pytest.raises(ImportRefused, match=words):
        import_catalog(lines, str(target))
    assert os.listdir(target.parent) == []


def test_an_export_of_a_newer_reeld_is_refused(filled: Path, tmp_path: Path) -> None:
    lines = lines_of(export())
    newer = [json.dumps(json.loads(lines[0]) | {"schema": latest_version() + 1}).encode(), *lines[1:]]
    with pytest.raises(CatalogTooNew, match="written by a newer reeld") as caught:
        import_catalog(newer, str(tmp_path / "other" / "reeld.db"))
    assert caught.value.hint == "install that version"


@pytest.mark.parametrize("suffix", ["", "-wal"])
def test_nothing_is_imported_over_what_is_there(filled: Path, tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"reeld.db{suffix}"
    target.write_bytes(b"precious")
    with pytest.raises(ImportRefused, match="there already"):
        import_catalog(lines_of(export()), str(tmp_path / "reeld.db"))
    assert target.read_bytes() == b"precious"


@pytest.mark.soak
def test_memory_does_not_grow_with_the_catalogue(catalog: Path, tmp_path: Path) -> None:
    (library_id,) = add_libraries("Films")
    with writing():
        for number in range(5_000):
            add_file(library_id, f"{number} {'x' * 200}.mkv")

    def peak_of_export() -> int:
        tracemalloc.start()
        with open(tmp_path / "export", "wb") as file:
            file.writelines(json.dumps(row).encode() + b"\n" for row in export())
        return tracemalloc.get_traced_memory()[1]

    def peak_of_import() -> int:
        tracemalloc.start()
        with open(tmp_path / "export", "rb") as file:
            import_catalog(file, str(tmp_path / "other" / "reeld.db"))
        return tracemalloc.get_traced_memory()[1]

    try:
        assert peak_of_export() < 1 << 20
        tracemalloc.stop()
        assert (tmp_path / "export").stat().st_size > 5 << 20
        assert peak_of_import() < 4 << 20
    finally:
        tracemalloc.stop()


# --- the commands ----------------------------------------------------------------------------------------


def test_a_person_takes_all_that_reeld_knows_to_a_new_catalogue() -> None:
    with new_world() as world:
        for seed, name in enumerate(("Heat (1995).mkv", "Friends.S10E17E18.mkv", "xkcd.mkv")):
            make_video(world.library / name, seed=seed)
        with RunningDaemon(World(root=world.root)) as daemon:
            daemon.assert_true()
            world.said("validate", world.rows("pending")[0]["file"]["path"], "--movie", "Xkcd", "--year", "2006")
            exported = world.reeld("export").stdout
            assert len(exported.splitlines()) > 10
            (world.root / "export.jsonl").write_bytes(exported)
            refused = world.reeld("import", "export.jsonl")
            assert (refused.returncode, b"stop it first" in refused.stderr) == (os.EX_TEMPFAIL, True)
            daemon.stop()
            before = [world.rows("list", what) for what in ("movies", "episodes", "files")]
            refused = world.reeld("import", "export.jsonl")
            assert (refused.returncode, b"there already" in refused.stderr) == (os.EX_DATAERR, True)
            for path in world.state.glob("reeld.db*"):
                path.unlink()
            assert "3 files, 2 movies, 1 series" in world.said("import", "export.jsonl")
            assert [world.rows("list", what) for what in ("movies", "episodes", "files")] == before
            since = daemon.mark()
            daemon.start()
            daemon.assert_true()
            assert daemon.count("stage.finished", since=since) == 0, "no file is read again"
            daemon.stop()
        seen_enough = subprocess.run(
            f"{' '.join(map(shlex.quote, world.command('--config', str(world.config), 'export')))} | head -c 1",
            shell=True,
            env=world.environment(),
            capture_output=True,
            check=True,
        )
        assert (seen_enough.stdout, seen_enough.stderr) == (b"{", b""), "whoever reads may leave"
        other = str(world.root / "other" / "reeld.db")
        done = world.reeld("import", "-", "--database", other, "--json", stdin=exported)
        tables = {table["name"]: table["row_count"] for table in json.loads(done.stdout)["tables"]}
        assert tables["video_files"] == 3
