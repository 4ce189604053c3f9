"""Does one file of several with the same bytes keep its verdict, in any order of their coming and going?"""

from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reeld.catalog import assignments, disagreements, queue
from reeld.catalog.models import JobRow, VideoFile
from reeld.database.base import database
from reeld.database.connection import opened, writing
from reeld.database.statements import rows
from reeld.domain.identity import Accepted, Reading
from reeld.domain.titles import title_key
from tests.catalog.rows import NOW_MS, add_file, add_libraries

TITLES = ("Heat", "Ronin", "Big")


@dataclass
class Copy:
    """A file by what its name says, its place, and what is true of it."""

    id: int
    path: str
    said: Reading
    is_there: bool = True
    is_in_doubt: bool = False
    decided: str | None = None


class Shelf:
    """Files with the same bytes. Their names are read by hand whenever a job wants that."""

    def __init__(self) -> None:
        self.library = add_libraries("Films")[0]
        self.copies: list[Copy] = []

    def add(self, path: str, title: str, score: float) -> Copy:
        said = Reading(kind="movie", title=title, year=1990, score=score, evidence=("the name says so",))
        copy = Copy(id=add_file(self.library, path), path=path, said=said)
        self.copies.append(copy)
        self.change(copy, "size_bytes = 5000, file_hash = 'same'")
        self.read(copy)
        self.settle()
        return copy

    def change(self, copy: Copy, columns: str) -> None:
        with writing():
            database.execute_sql(f"UPDATE video_files SET {columns} WHERE id = ?", (copy.id,))

    def read(self, copy: Copy) -> None:
        with writing():
            assignments.store_verdict(copy.id, Accepted(reading=copy.said), title_key, NOW_MS)
            queue.drop([copy.id])

    def settle(self) -> None:
        """Read the names that are to be read again, until there are none."""
        for _ in range(20):
            with writing():
                disagreements.settle(NOW_MS)
                waiting = {file_id for (file_id,) in JobRow.select(JobRow.video_file).tuples()}
            if not waiting:
                return
            for copy in self.copies:
                if copy.id in waiting:
                    self.read(copy)
        pytest.fail("names are read again without end")

    def verdicts(self) -> dict[str, str]:
        return {row.path: row.verdict for row in VideoFile.select()}

    def expected(self) -> dict[str, str]:
        """What is asked by the words of the module: a plain second opinion."""
        counted = [copy for copy in self.copies if copy.is_there and not copy.is_in_doubt]
        decided = {copy.decided for copy in counted if copy.decided}
        undecided = [copy for copy in counted if not copy.decided]
        first = min(undecided, key=lambda copy: (-copy.said.score, copy.path), default=None)
        right: set[str | None] = {*decided} or {first.said.title if first else None}
        return {copy.path: "accepted" if copy.said.title in right else "pending" for copy in undecided}


@given(st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_outcome_depends_on_what_there_is_alone(catalog: Path, data: st.DataObject) -> None:
    assert catalog.exists()
    with writing():
        for table in ("jobs", "pending_validations", "file_history", "video_files", "movies", "trash"):
            database.execute_sql(f"DELETE FROM {table}")
    shelf = Shelf()
    names = data.draw(st.permutations([f"{letter}.mkv" for letter in "abcd"]))
    for name in names:
        shelf.add(name, data.draw(st.sampled_from(TITLES)), data.draw(st.sampled_from([0.8, 0.9])))
    for _ in range(data.draw(st.integers(0, 6))):
        copy = data.draw(st.sampled_from(shelf.copies))
        match data.draw(st.sampled_from(["go", "doubt", "decide", "rename"])):
            case "go":
                copy.is_there = not copy.is_there
                shelf.change(copy, f"state = '{'present' if copy.is_there else 'missing'}'")
            case "doubt":
                copy.is_in_doubt = not copy.is_in_doubt
                shelf.change(copy, f"is_in_doubt = {int(copy.is_in_doubt)}")
            case "decide":
                copy.decided = data.draw(st.sampled_from(TITLES))
                with writing():
                    question = assignments.open_validation(copy.id, NOW_MS)
                    film = Reading(kind="movie", title=copy.decided, year=1990)
                    assignments.validate(question, film, candidate=None, key_of=title_key, now_ms=NOW_MS)
            case "rename":
                before, copy.path = copy.path, f"{data.draw(st.sampled_from('xyz'))}{copy.path}"
                shelf.change(copy, f"path = '{copy.path}', filename = '{copy.path}'")
                assert before not in shelf.verdicts()
        shelf.settle()
    expected = shelf.expected()
    assert {path: verdict for path, verdict in shelf.verdicts().items() if path in expected} == expected


def test_other_bytes_end_a_question(catalog: Path) -> None:
    assert catalog.exists()
    shelf = Shelf()
    heat, ronin = shelf.add("a.mkv", "Heat", 0.9), shelf.add("b.mkv", "Ronin", 0.9)
    assert shelf.verdicts() == {"a.mkv": "accepted", "b.mkv": "pending"}
    shelf.change(heat, "file_hash = 'other'")
    shelf.settle()
    assert shelf.verdicts() == {"a.mkv": "accepted", "b.mkv": "accepted"}
    shelf.change(ronin, "file_hash = 'other'")
    shelf.settle()
    assert shelf.verdicts() == {"a.mkv": "accepted", "b.mkv": "pending"}
    with writing():
        assert rows("SELECT file_hash, is_to_compare FROM copied_contents") == [("other", 0)]


def test_what_is_left_to_compare_is_work_that_has_come(catalog: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread that found no job sleeps until it is told."""
    assert catalog.exists()
    shelf = Shelf()
    for name in ("a.mkv", "b.mkv"):
        shelf.add(name, "Heat", 0.9)
    for name in ("c.mkv", "d.mkv"):
        copy = shelf.add(name, "Ronin", 0.9)
        shelf.change(copy, "file_hash = 'other'")
    shelf.settle()
    with writing():
        database.execute_sql("UPDATE copied_contents SET is_to_compare = 1")
    told: list[int] = []
    monkeypatch.setattr(opened(), "on_work", lambda: told.append(1))
    monkeypatch.setattr(disagreements, "_AT_ONCE", 2)
    with writing():
        disagreements.settle(NOW_MS)
    assert told == [1]
    with writing():
        disagreements.settle(NOW_MS)
    assert told == [1]


def test_episodes_with_other_numbers_are_other_works(catalog: Path) -> None:
    assert catalog.exists()
    shelf = Shelf()
    for number, name in ((1, "a.mkv"), (1, "b.mkv"), (2, "c.mkv")):
        copy = Copy(
            id=add_file(shelf.library, name),
            path=name,
            said=Reading(kind="episode", title="Kin", season_number=1, episode_numbers=(number,), score=0.9),
        )
        shelf.copies.append(copy)
        shelf.change(copy, "size_bytes = 5000, file_hash = 'same'")
        shelf.read(copy)
    shelf.settle()
    assert shelf.verdicts() == {"a.mkv": "accepted", "b.mkv": "accepted", "c.mkv": "pending"}
