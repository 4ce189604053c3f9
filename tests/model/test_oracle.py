"""Would the oracle notice? Each kind of untruth is made on purpose, in a catalogue that was true a moment ago."""

import contextlib
import os
import random
from collections.abc import Iterator

import pytest
from peewee import sqlite3

from tests.model.bytes import content_of, unique_video
from tests.model.disk import Disk
from tests.model.expectations import KINDS
from tests.model.machine import Model, Untrue
from tests.model.oracle import changes_of

JOB_COLUMNS = "video_file_id, stage, lane, state, due_at_ms, attempts, created_at"


@pytest.fixture
def model() -> Iterator[Model]:
    """Three files of which all is known; about one a person was asked, and has decided."""
    machine = Model()
    try:
        for serial, name in enumerate(("Film 1 (1999).mkv", "Heat 2 (1995).mp4", "holiday.mkv"), start=1):
            os.makedirs(f"{machine.plugs['series'].path}/A", exist_ok=True)
            with open(f"{machine.plugs['series'].path}/A/{name}", "wb") as file:
                file.write(unique_video("mkv", serial, 100))
        with open(f"{machine.plugs['series'].path}/A/Film 1 (1999).en.srt", "w", encoding="utf-8") as file:
            file.write("1")
        machine.be_quiet()
        machine.decide(random.Random(1))
        machine.be_quiet()
        assert machine.compared == 6
        assert len(machine.memory.decisions) == 1
        yield machine
    finally:
        with contextlib.suppress(Untrue):
            machine.teardown()


def tamper(model: Model, sql: str) -> set[str]:
    """The kinds of untruth that are found after this was done to the database."""
    with contextlib.closing(sqlite3.connect(model.reeld.database_path)) as connection, connection:
        assert connection.execute(sql).rowcount > 0
    return {difference.kind for difference in model._differences(model._compare())}


@pytest.mark.parametrize(
    ("kind", "sql"),
    [
        ("unknown", "UPDATE video_files SET state = 'missing' WHERE filename LIKE 'Film%'"),
        ("phantom", "UPDATE video_files SET path = 'A/other.mkv' WHERE filename LIKE 'Film%'"),
        ("size", "UPDATE video_files SET size_bytes = 1 WHERE filename LIKE 'Film%'"),
        ("mtime", "UPDATE video_files SET mtime_ns = 1 WHERE filename LIKE 'Film%'"),
        ("damage", "UPDATE file_sums SET file_count = file_count + 1"),
        ("sidecar", "DELETE FROM sidecars"),
        ("sidecar", "UPDATE sidecars SET path = 'A/other.srt'"),
        ("sidecar", "UPDATE sidecars SET size_bytes = 9"),
        ("sidecar", "UPDATE sidecars SET video_path = 'A/holiday.mkv'"),
        ("hash", "UPDATE video_files SET file_hash = 'x' WHERE filename LIKE 'Film%'"),
        ("unread", "UPDATE video_files SET file_hash = NULL WHERE filename LIKE 'Film%'"),
        ("unread", "UPDATE video_files SET verdict = NULL WHERE filename LIKE 'Film%'"),
        ("question", "UPDATE video_files SET verdict = 'pending' WHERE filename LIKE 'Film%'"),
        ("question", "UPDATE pending_validations SET validation_status = 'pending'"),
        ("identity", "UPDATE video_files SET id = 99 WHERE filename LIKE 'Film%'"),
        ("decision", "UPDATE video_files SET decided_by = 'reeld' WHERE decided_by = 'user'"),
        ("job", f"INSERT INTO jobs ({JOB_COLUMNS}) SELECT id, 'hash', 'heavy', 'waiting', 0, 0, '' FROM video_files"),
    ],
)
def test_an_untruth_is_noticed(model: Model, kind: str, sql: str) -> None:
    found = tamper(model, sql)
    assert kind in found
    assert found <= KINDS.keys()


def test_a_new_file_in_the_row_of_one_that_is_gone_is_noticed(model: Model) -> None:
    root = model.plugs["series"].path
    os.unlink(f"{root}/A/Film 1 (1999).mkv")
    with open(f"{root}/A/New.mkv", "wb") as file:
        file.write(unique_video("mkv", 77, 100))
    assert "stolen" in tamper(model, "UPDATE video_files SET path = 'A/New.mkv' WHERE filename LIKE 'Film%'")


def test_a_row_that_changes_while_its_disk_is_away_is_noticed(model: Model) -> None:
    model.unplug("series", random.Random(1))
    found = tamper(model, "UPDATE video_files SET state = 'missing' WHERE filename LIKE 'Film%'")
    assert found == {"changed_in_the_dark"}
    model.dark_rows.clear()


def test_a_question_of_works_may_be_answered_while_its_disk_is_away() -> None:
    """Another disk says that there is only one of them, or tells of a second one."""
    asked = {"id": 1, "inode": 7, "device": 8, "claimed_work": "{}", "claimed_episode": None, "decided_by": "reeld"}
    asked |= {"verdict": "pending", "kind": None, "movie_id": None, "state": "present"}
    answered = asked | {"verdict": "accepted", "kind": "movie", "movie_id": 3}
    assert changes_of(asked, answered, []) == changes_of(answered, asked, []) == {}
    assert changes_of(asked, answered | {"state": "missing"}, []) == {"state": ("present", "missing")}
    assert changes_of(answered, answered | {"movie_id": None}, []) == {"movie_id": (3, None)}
    assert "verdict" in changes_of(asked, answered | {"claimed_work": '{"title": "Other"}'}, [])
    assert "verdict" in changes_of(asked, answered | {"decided_by": "user"}, [])


def test_a_file_that_was_hashed_twice_is_noticed(model: Model) -> None:
    content = next(iter(model.memory.owners))
    assert model.reeld.hashed[content] == 1
    model.reeld.hashed[content] += 1
    assert [difference.kind for difference in model._differences(model._compare())] == ["hashed_twice"]


def test_a_file_that_is_swapped_with_a_hidden_one_is_known_to_be_out_of_sight(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its row takes the other file's bytes, so a later find elsewhere is a new file to reeld, and is hashed again."""
    root = model.plugs["series"].path
    film, hidden = f"{root}/A/Film 1 (1999).mkv", f"{root}/A/.hidden.mkv"
    with open(hidden, "wb") as file:
        file.write(unique_video("mkv", 77, 100))
    content, names = content_of(film), iter((film, hidden))
    monkeypatch.setattr(Disk, "_a_file", lambda *_args: next(names))
    assert model.disk.swap(random.Random(1))
    assert content in model.memory.away
    model.be_quiet()
    os.rename(hidden, f"{root}/A/Back 9 (1999).mkv")
    model.be_quiet()
