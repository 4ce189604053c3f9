"""Which row does a configured library get, whatever its name and its path were before?"""

from pathlib import Path

from reeld.catalog import libraries, overview
from reeld.catalog.models import Library as LibraryRow
from reeld.config import Library
from reeld.database.connection import writing
from tests.catalog.rows import NOW_MS


def sync(**paths: str) -> dict[str, int]:
    with writing():
        return libraries.sync_libraries([Library(name=name, path=path) for name, path in paths.items()], NOW_MS)


def names() -> dict[int, str]:
    return dict(LibraryRow.select(LibraryRow.id, LibraryRow.name).tuples())


def test_a_renamed_library_keeps_its_row_also_under_a_name_that_was_used_before(catalog: Path) -> None:
    """A library that was renamed keeps its row also under a name that was used before."""
    ids = sync(Films="/disks/films", Kids="/disks/kids")
    sync(Films="/disks/films")  # Kids is given up
    assert sync(Kids="/disks/films") == {"Kids": ids["Films"]}
    assert names() == {ids["Films"]: "Kids", ids["Kids"]: f"Kids ({ids['Kids']})"}


def test_two_libraries_may_follow_each_other_under_one_name(catalog: Path) -> None:
    ids = sync(**{"Films": "/disks/films", "Kids": "/disks/kids", "Kids (2)": "/disks/more"})
    assert ids["Kids"] == 2
    sync(Films="/disks/films")
    assert sync(Kids="/disks/films") == {"Kids": ids["Films"]}
    assert names() == {1: "Kids", 2: "Kids (2) (2)", 3: "Kids (2)"}
    assert sync(Kids="/disks/films", Old="/disks/kids") == {"Kids": ids["Films"], "Old": ids["Kids"]}


def test_a_library_whose_path_changed_keeps_its_row(catalog: Path) -> None:
    ids = sync(Films="/disks/films")
    assert sync(Films="/disks/new") == ids
    sync()
    assert sync(Films="/disks/newer") == ids, "also if it was left out for a while"


def test_two_folders_whose_names_are_no_text_are_two_libraries(catalog: Path) -> None:
    paths = ["/disks/caf\udce8", "/disks/caf\udce9", "/disks/caf\ufffd"]
    ids = sync(**{path: path for path in paths})
    assert sorted(ids.values()) == [1, 2, 3]
    assert names() == {ids[path]: path for path in paths}
    assert sync(**{path: path for path in paths}) == ids
    assert [row["name"] for row in overview.libraries()] == ["/disks/caf\ufffd", *paths[:2]]


def test_a_folder_whose_name_is_no_text_and_was_known_by_less_of_it_keeps_its_row(catalog: Path) -> None:
    ids = sync(**{"/disks/caf\ufffd": "/disks/caf\udce9"})
    sync()
    assert list(sync(**{"/disks/caf\udce9": "/disks/caf\udce9"}).values()) == list(ids.values())
