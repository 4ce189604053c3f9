"""Do the commands that take a query take it as it is typed, and print it in every shape?"""

import csv
import io
from collections.abc import Iterator

import pytest

from tests.service.harness import World, new_world
from tests.videos import make_video


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with new_world() as world:
        names = ("Heat (1995).mkv", "Up (2009).mkv", "=Cmd (2001).mkv", "TV/Quiet Kin/Quiet Kin - S01E02.mkv")
        for seed, name in enumerate(names):
            path = world.library / name
            path.parent.mkdir(parents=True, exist_ok=True)
            make_video(path, seed=seed)
        (world.library / "caf\udce9.mkv").write_bytes((world.library / "Heat (1995).mkv").read_bytes()[:-9])
        world.config.write_text(world.config.read_text() + '[queries]\nold = "year:<2000"\nnot-old = "-query:old"\n')
        world.said("scan")
        yield world


def titles(world: World, *words: str) -> list[str]:
    return [row["title"] or row["series"] for row in world.rows("list", "files", *words)]


def test_a_minus_makes_no_option_of_a_word(world: World) -> None:
    assert titles(world, "-heat", "kind:movie", "--sort", "-year") == ["Up", "=Cmd"]
    assert titles(world, "--sort", "year", "-kind:episode", "year:>1") == ["Heat", "=Cmd", "Up"]
    done = world.reeld("list", "files", "--limt", "3")
    assert done.returncode == 64
    assert b"--limt" in done.stderr


def test_quotes_that_the_shell_took_are_given_back(world: World) -> None:
    assert titles(world, "series:Quiet Kin") == ["Quiet Kin"]
    assert titles(world, "series:Kin Quiet") == []
    assert titles(world, "year:1995 or year:2009") == ["Heat", "Up"]


def test_saved_queries_have_names(world: World) -> None:
    assert titles(world, "query:old") == ["Heat"]
    assert "Heat" not in titles(world, "query:not-old", "kind:movie")
    done = world.reeld("list", "files", "query:odl")
    assert (done.returncode, b"has: not-old, old" in done.stderr) == (64, True)


def test_a_saved_query_that_is_wrong_is_told_by_the_check(world: World) -> None:
    wrong = world.root / "wrong.toml"
    wrong.write_text(world.config.read_text() + 'bad = "year:x"\n"a b" = "heat"\nempty = ""\n')
    done = world.reeld("config", "check", str(wrong))
    assert done.returncode == 78
    assert b"queries.a b: a name has letters" in done.stderr
    wrong.write_text(world.config.read_text() + 'bad = "year:x"\n')
    done = world.reeld("config", "check", str(wrong))
    assert done.returncode == 78
    assert b"queries.bad: year: has no value 'x'" in done.stderr


def test_csv_is_for_spreadsheets(world: World) -> None:
    said = world.said(
        "list", "files", "kind:movie", "--format", "csv", "--columns", "title,year,languages", "--sort", "year"
    )
    assert "\r\n" in said
    assert list(csv.reader(io.StringIO(said, newline=""))) == [
        ["title", "year", "languages"],
        ["Heat", "1995", "en"],
        ["'=Cmd", "2001", "en"],
        ["Up", "2009", "en"],
    ]


def test_paths_end_with_zero_bytes_and_keep_their_own(world: World) -> None:
    said = world.reeld("list", "files", "--format", "paths0").stdout
    assert said.endswith(b"\0")
    assert max(path.rpartition(b"/")[2] for path in said.split(b"\0")[:-1]) == b"caf\xe9.mkv"
    assert world.reeld("list", "movies", "heat", "--format", "paths0").stdout.count(b"\0") == 1
    assert world.reeld("list", "series", "--format", "paths0").returncode == 64


def test_columns_are_keys_in_every_shape(world: World) -> None:
    columns = ("--columns", "year,title", "heat")
    assert world.rows("list", "files", *columns) == [{"year": 1995, "title": "Heat"}]
    assert world.said("list", "files", *columns, "--header") == "year\ttitle\n1995\tHeat\n"
    assert "Heat" in world.said("list", "files", *columns, "--format", "table")
    done = world.reeld("list", "files", "--columns", "colour")
    assert (done.returncode, b"choose from id" in done.stderr) == (64, True)
    assert world.reeld("list", "files", "--json", "--format", "csv").returncode == 64
    assert world.reeld("list", "files", "--format", "xml").returncode == 64


def test_a_limit_cuts_off_and_zero_lists_nothing(world: World) -> None:
    assert len(titles(world, "--limit", "2")) == 2
    assert titles(world, "--limit", "0") == []
    assert world.reeld("list", "files", "--limit", "-1").returncode == 64


def test_show_takes_a_title_and_search_a_word(world: World) -> None:
    (row,) = world.rows("show", "heat")
    assert row["title"] == "Heat"
    (series,) = world.rows("show", "quiet kin")
    assert [each["state"] for each in series["seasons"][0]["episodes"]] == ["missing", "present"]
    assert [row["title"] for row in world.rows("search", "haet")] == ["Heat"]
    assert world.reeld("show", "nothing").returncode == 66
    assert world.reeld("search", "year:1995").returncode == 64
