"""Does SQLite answer a query as it is meant to: by one index, and in the order of an index where it can?"""

from pathlib import Path

import pytest

from reeld.database.base import database
from reeld.database.statements import rows
from reeld.query.find import _files, find_files, find_works
from tests.catalog.listed import asked


def plan_of(query: str) -> str:
    condition = asked(query).condition
    sql = f"EXPLAIN QUERY PLAN SELECT f.id FROM {_files(condition)} WHERE {condition.sql}"
    return "\n".join(str(step) for *_, step in rows(sql, *condition.parameters))


@pytest.fixture(autouse=True)
def _open(catalog: Path) -> None:
    assert catalog.exists()


@pytest.mark.parametrize(
    "query",
    [
        "codec:hevc",
        "hdr:dv",
        "resolution:>=2160p",
        "audio:fr",
        "subtitle:de",
        "size:>1GiB",
        "duration:<10min",
        "bitrate:>1Mbit",
        "library:Films",
        "state:gone",
        "verdict:accepted",
        "kind:movie",
        "links:none",
        "damaged:no",
        "-codec:hevc",
        "codec:hevc or (audio:fr -hdr:any)",
    ],
)
def test_facts_are_asked_of_one_index_alone(query: str) -> None:
    assert "SCAN f USING COVERING INDEX video_files_facts" in plan_of(query)


def test_what_is_new_is_found_without_a_look_at_the_rest() -> None:
    assert "SEARCH f USING COVERING INDEX video_files_facts (first_seen_at>?)" in plan_of("added:<7d")


@pytest.mark.parametrize(
    "query",
    [
        "heat",
        "title:heat",
        "id:12",
        "verdict:pending",
        "state:failed",
        "damaged:yes",
        "tmdb:949",
        "series:fargo season:1",
    ],
)
def test_words_and_numbers_lead_to_their_files(query: str) -> None:
    steps = plan_of(query).split("\n")
    assert any(step.startswith("SEARCH f USING ") for step in steps)
    assert not any(step == "SCAN f" or step.startswith("SCAN f USING") for step in steps)


def test_names_are_asked_of_the_paths() -> None:
    assert "USING INDEX video_files_library_id_path" in plan_of("name:remux")
    assert "USING COVERING INDEX video_files_library_id_path" in plan_of("path:Kids/")


def _steps(do: object) -> list[str]:
    """The plans of all statements that this runs."""
    said: list[str] = []
    database.connection().set_trace_callback(said.append)
    try:
        assert callable(do)
        list(do())
    finally:
        database.connection().set_trace_callback(None)
    return [str(step) for sql in said if sql.startswith("SELECT") for *_, step in rows(f"EXPLAIN QUERY PLAN {sql}")]


@pytest.mark.parametrize("kind", ["movie", "series", "episode"])
def test_a_page_of_works_is_read_in_the_order_of_titles(kind: str) -> None:
    steps = _steps(lambda: find_works(kind, asked(), (), 50))
    assert not any("USE TEMP B-TREE FOR ORDER BY" in step for step in steps), steps


def test_a_list_of_files_is_read_in_the_order_of_paths() -> None:
    with database.atomic():
        database.execute_sql(
            "INSERT INTO libraries (name, path, kind, state, is_accepted) VALUES ('L', '/l', 'auto', 'online', 0)"
        )
    steps = _steps(lambda: find_files(asked()))
    assert any("video_files_library_id_path" in step for step in steps)
    assert not any("B-TREE" in step and "f." in step for step in steps), steps
