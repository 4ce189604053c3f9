"""Does `show` tell what is there of a work, and what else is on the disk of a file?"""

from pathlib import Path

import pytest

from reeld.catalog.models import PendingValidation
from reeld.catalog.twins import twins_of
from reeld.database.base import Row
from reeld.database.connection import writing
from reeld.domain.numbers import Thing
from reeld.query.search import works_called
from reeld.query.seasons import seasons_of
from tests.query.shelf import NOW, Shelf


@pytest.fixture
def shelf(catalog: Path) -> Shelf:
    assert catalog.exists()
    return Shelf()


def grid() -> dict[int | None, list[str]]:
    return {season["season_number"]: [_cell(each) for each in season["episodes"]] for season in seasons_of(1)}


def _cell(row: Row) -> str:
    return f"{row['episode_number']} {row['state']} {row['version_count']}"


def test_each_episode_has_its_state_in_the_grid(shelf: Shelf) -> None:
    shelf.episode("Fargo", 0, 1)
    shelf.episode("Fargo", 1, 1)
    shelf.episode("Fargo", 1, 1)
    shelf.episode("Fargo", 1, 2, state="missing")
    shelf.episode("Fargo", 1, 5)
    shelf.episode("Fargo", 3, 1)
    waiting = shelf.file("Fargo 1x04", verdict="pending", library=shelf.libraries["My Series"])
    reading = {"id": 1, "kind": "episode", "title": "FARGO", "season_number": 1, "episode_numbers": [4]}
    with writing():
        PendingValidation.create(video_file=waiting, candidates=[reading], reason="", created_at=NOW)
    assert grid() == {
        0: ["1 present 1"],
        1: ["1 present 2", "2 gone 0", "3 missing 0", "4 pending 0", "5 present 1"],
        2: [],
        3: ["1 present 1"],
    }


def test_a_candidate_of_another_series_is_not_in_the_grid(shelf: Shelf) -> None:
    shelf.episode("Fargo", 1, 1)
    waiting = shelf.file("x", verdict="pending", library=shelf.libraries["My Series"])
    other = {"kind": "episode", "season_number": 1, "episode_numbers": [2]}
    readings = [
        {"id": 1, **other, "title": "Dune"},
        {"id": 2, **other, "title": "Fargo", "is_withdrawn": True},
    ]
    with writing():
        PendingValidation.create(video_file=waiting, candidates=readings, reason="", created_at=NOW)
    assert grid() == {1: ["1 present 1"]}


def test_a_work_is_known_by_its_whole_title(shelf: Shelf) -> None:
    shelf.film("Heat", 1995)
    shelf.film("Heat", 1986)
    shelf.film("Heat and Dust", 1983)
    shelf.film("Airport (1970)", 1975)
    shelf.episode("The Office", 1, 1)
    assert works_called("heat") == [(Thing.MOVIE, 1, "Heat (1995)"), (Thing.MOVIE, 2, "Heat (1986)")]
    assert works_called("HEAT (1986)") == [(Thing.MOVIE, 2, "Heat (1986)")]
    assert works_called("Airport (1970)") == [(Thing.MOVIE, 4, "Airport (1970) (1975)")]
    assert works_called("office") == [(Thing.SERIES, 1, "The Office (2010)")]
    assert works_called("hea") == []


def test_other_names_and_copies_of_a_file_are_told(shelf: Shelf) -> None:
    one = shelf.film("One", file_hash="aa", inode=5, links=3)
    shelf.film("Two", file_hash="aa", inode=5, links=3)
    shelf.film("Three", file_hash="aa")
    shelf.film("Gone", file_hash="aa", state="missing")
    shelf.film("Doubtful", file_hash="aa", is_in_doubt=True)
    assert twins_of(one) == {
        "link_count": 3,
        "link_count_at": "2026-03-07T12:00:00Z",
        "link_problem": None,
        "link_paths": ["/disks/Films/folder/Two-2.mkv"],
        "copy_paths": ["/disks/Films/folder/Three-3.mkv"],
    }
    # Where numbers say nothing, a file with the same hash is a copy.
    alone = shelf.film("Alone", inode=0, links=2, file_hash="bb")
    shelf.film("Stranger", inode=0, links=2, file_hash="bb")
    copies = ["/disks/Films/folder/Stranger-7.mkv"]
    told = twins_of(alone)
    assert (told["link_count"], told["link_paths"], told["copy_paths"]) == (None, [], copies)
