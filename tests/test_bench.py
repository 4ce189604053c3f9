"""What the benchmarks print and draw. `make bench` runs them; nothing here is measured."""

import contextlib
from pathlib import Path, PurePath
from xml.etree import ElementTree as ET

import pytest
from peewee import sqlite3

from bench.measure import Goal, Line, compared
from bench.million import make_catalogue
from bench.names import library_paths, loose_paths
from bench.picture import Panel, draw
from bench.questions import Question, questions

AT_MOST_TWICE = Goal(sense="<=", limit=2.0)


def test_a_figure_is_the_median_and_its_spread_that_of_the_ratios() -> None:
    line = compared("scan", [3.0, 9.0, 4.0], "s", "find", [2.0, 3.0, 2.0], AT_MOST_TWICE)
    assert (line.figure, line.yardstick_figure, line.ratio, line.is_met) == (4.0, 2.0, 2.0, True)
    assert line.spread == (1.5, 3.0)


def test_a_single_round_has_no_spread() -> None:
    assert compared("scan", [3.0], "s", "find", [2.0]).spread is None


def test_a_goal_stays_open_where_its_yardstick_is_missing() -> None:
    line = compared("scan", [3.0, 9.0], "s", "minidlnad is not installed", None, AT_MOST_TWICE)
    assert line.is_met is None
    assert str(line).endswith("ratio <= 2:")


@pytest.mark.parametrize(("figure", "is_met"), [(2.0, True), (2.1, False)])
def test_a_goal_of_a_figure_needs_no_yardstick(figure: float, *, is_met: bool) -> None:
    goal = Goal(sense="<=", limit=2.0, of="figure")
    assert Line(what="idle", figure=figure, unit="/s", goal=goal).is_met is is_met


def test_a_picture_is_svg_with_units_and_a_figure_at_each_point() -> None:
    panel = Panel(title="Time & start", unit="ms a file", points=[(1000, 2.5), (10_000, 1.25), (100_000, 1.0)])
    picture = draw("Growth", [panel, Panel(title="Memory", unit="MiB", points=[(1000, 50.0)])])
    drawing = ET.fromstring(picture)
    texts = [text.text for text in drawing.iter("{http://www.w3.org/2000/svg}text")]
    assert {"Time & start, ms a file", "Memory, MiB", "number of files", "1,000", "100,000", "2.5", "1.25"} <= set(
        texts
    )
    assert len(list(drawing.iter("{http://www.w3.org/2000/svg}circle"))) == 4
    assert "prefers-color-scheme: dark" in picture


def test_ten_times_the_files_are_equally_far_apart() -> None:
    drawing = ET.fromstring(draw("Growth", [Panel(title="T", unit="s", points=[(10, 1), (100, 1), (1000, 1)])]))
    places = [float(point.attrib["cx"]) for point in drawing.iter("{http://www.w3.org/2000/svg}circle")]
    assert places[1] - places[0] == pytest.approx(places[2] - places[1])


def test_loose_films_lie_beside_each_other() -> None:
    paths = loose_paths(200)
    loose = [path for path in paths if PurePath(path).parent == PurePath("Films")]
    assert len(set(paths)) == 200
    assert 20 <= len(loose) <= 80
    assert not [path for path in library_paths(200) if PurePath(path).parent == PurePath("Films")]


def test_a_catalogue_without_files_is_one_that_reeld_reads(tmp_path: Path) -> None:
    """Each run makes the same, and every link leads to a row."""
    found = []
    for name in ("one", "other"):
        path = tmp_path / name / "reeld.db"
        path.parent.mkdir()
        make_catalogue(path, 2000)
        with contextlib.closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
            found.append(connection.execute("SELECT * FROM video_files").fetchall())
            kinds = dict(connection.execute("SELECT kind, count(*) FROM video_files GROUP BY kind"))
    assert found[0] == found[1]
    assert len(found[0]) == 2000
    assert 1200 < kinds["episode"] < 1600
    assert 400 < kinds["movie"] < 700


def test_the_questions_are_those_of_the_page() -> None:
    assert len(questions()) >= 20
    assert Question("files", "codec:h264,mpeg4 bitrate:>20Mbit", ["-size"]) in questions()
