"""Are names kept without loss, whatever bytes they are made of, and found again?"""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from reeld.catalog import assignments, video_files
from reeld.catalog.models import Movie, VideoFile
from reeld.database.connection import writing
from reeld.database.fields import PathField, Unsigned64Field
from reeld.domain.identity import Accepted, Reading, Uncertain
from reeld.domain.titles import title_key
from tests.catalog.rows import NOW_MS, add_file, add_libraries, rows, stamp

# A name is any bytes but NUL and slash; half of the examples are names that people give.
NAMES = st.one_of(
    st.binary(min_size=1, max_size=12).map(lambda raw: raw.replace(b"\0", b"0").replace(b"/", b"0")),
    st.sampled_from([b"a", b"ab", b"a0", b"A", "Amélie".encode(), b"Am\xe9lie", b"\xff", b"a\xff", b"%", b"_"]),
)  # fmt: skip
PATHS = st.lists(NAMES, min_size=1, max_size=4).map(lambda names: os.fsdecode(b"/".join(names)))


@given(PATHS)
@example("line\nbreak\t\x1b[31m.mkv")
@example(os.fsdecode(b"\xed\xb3\xbf.mkv"))  # the bytes of a surrogate are not UTF-8 either
def test_a_path_of_any_bytes_comes_back_as_it_was(path: str) -> None:
    field = PathField()
    stored = field.db_value(path)
    assert field.python_value(stored) == path
    assert os.fsencode(path) == (stored if isinstance(stored, bytes) else stored.encode() if stored else None)


# The catalogue stays open from one example to the next, and each begins by clearing it.
in_one_catalog = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)


@pytest.fixture
def library(catalog: Path) -> int:
    return add_libraries("Films")[0]


def _clear() -> None:
    with writing():
        VideoFile.delete().execute()


@in_one_catalog
@given(st.sets(PATHS, min_size=1, max_size=6))
def test_every_path_is_found_by_itself_and_in_its_folder_and_no_other_is(library: int, paths: set[str]) -> None:
    _clear()
    ids = {path: add_file(library, path) for path in sorted(paths)}
    assert len(set(ids.values())) == len(paths)
    for path, file_id in ids.items():
        known = video_files.known_at(library, path)
        assert known is not None
        assert (known.id, known.path) == (file_id, path)
        assert video_files.file_record(file_id).path == path
        here = video_files.known_in_directory(library, os.path.dirname(path))
        assert set(here) == {other for other in paths if os.path.dirname(other) == os.path.dirname(path)}


@in_one_catalog
@given(st.sets(PATHS, min_size=1, max_size=6), PATHS)
@example({"a/b/x", "a0/x", "a.b/x", "a/x"}, "a")
@example({os.fsdecode(b"a/\xff/x"), os.fsdecode(b"a0/\xff/x"), "a/x", "a0/x"}, "a")
@example({os.fsdecode(b"\xff/a/x"), os.fsdecode(b"\xff0/x"), os.fsdecode(b"\xff/x")}, os.fsdecode(b"\xff"))
def test_the_folders_below_one_are_those_whose_path_begins_with_it(library: int, paths: set[str], below: str) -> None:
    _clear()
    for path in sorted(paths):
        add_file(library, path)
    directories = {os.path.dirname(path) for path in paths}
    inside = {name for name in directories if name == below or name.startswith(f"{below}/")}
    assert sorted(video_files.present_directories(library, below)) == sorted(inside)
    assert sorted(video_files.present_directories(library, "")) == sorted(directories)
    one_by_one: list[str] = []
    while some := video_files.present_directories(library, "", after=one_by_one[-1] if one_by_one else None, most=1):
        one_by_one += some
    assert one_by_one == video_files.present_directories(library, "")


def test_a_name_is_text_to_other_programs_or_its_bytes_where_it_is_none(catalog: Path, library: int) -> None:
    """A name that is text is text to other programs and one that is not is its bytes."""
    add_file(library, "Amélie.mkv")
    add_file(library, os.fsdecode(b"Am\xe9lie.mkv"))
    found = rows(catalog, "SELECT path, typeof(path) FROM video_files ORDER BY id")
    assert found == [("Amélie.mkv", "text"), (b"Am\xe9lie.mkv", "blob")]


def test_two_spellings_that_look_alike_are_two_files(library: int) -> None:
    composed, decomposed, raw = "Am\u00e9lie.mkv", "Ame\u0301lie.mkv", os.fsdecode(b"Am\xe9lie.mkv")
    assert len({add_file(library, name) for name in (composed, decomposed, raw, raw.upper())}) == 4


@given(st.integers(0, 2**64 - 1))
@example(2**63)
@example(2**63 - 1)
@example(2**64 - 1)
def test_an_inode_of_any_size_comes_back_and_fits_into_sqlite(number: int) -> None:
    field = Unsigned64Field()
    stored = field.db_value(number)
    assert stored is not None
    assert -(2**63) <= stored < 2**63
    assert field.python_value(stored) == number


def test_a_file_with_a_huge_inode_is_found_by_its_stamp(library: int) -> None:
    at = stamp(inode=2**63 + 12345, device=2**64 - 1)
    file_id = add_file(library, "a.mkv", at=at)
    (known,) = video_files.known_with_stamps([at])
    assert (known.id, known.stamp) == (file_id, at)


def test_a_title_with_stray_bytes_is_stored_readably_and_asks_readably(library: int) -> None:
    title = os.fsdecode(b"Am\xe9lie")
    reading = Reading(kind="movie", title=title, year=2001, edition=title, evidence=(title,))
    first, second, third = (add_file(library, name) for name in ("a.mkv", "b.mkv", "c.mkv"))
    with writing():
        assignments.store_verdict(first, Accepted(reading=reading), title_key, NOW_MS)
        assignments.store_verdict(second, Accepted(reading=reading), title_key, NOW_MS)
        assignments.store_verdict(third, Uncertain(reason=title, candidates=(reading,)), title_key, NOW_MS)
        question = assignments.open_validation(third, NOW_MS)
    (movie,) = Movie.select()
    assert movie.title == "Am\ufffdlie"
    assert VideoFile.get_by_id(first).movie_id == VideoFile.get_by_id(second).movie_id == movie.id
    assert VideoFile.get_by_id(third).reason == "Am\ufffdlie"
    # What a person is offered can be filed as it was read.
    assert assignments.candidates_of(question) == (reading,)
