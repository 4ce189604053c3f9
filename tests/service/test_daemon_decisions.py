"""A person decides, beside the running daemon: it takes effect at once, and for good."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.harness import Row, RunningDaemon, World, new_world
from tests.videos import make_video


@pytest.fixture(scope="module")
def daemon() -> Iterator[RunningDaemon]:
    with new_world() as world, RunningDaemon(world) as running:
        yield running
        running.assert_true()


@pytest.fixture
def world(daemon: RunningDaemon) -> World:
    return daemon.world


def _doubtful(daemon: RunningDaemon, name: str, seed: int) -> tuple[Path, Row]:
    """A file that nobody can name, and the question about it."""
    path = make_video(daemon.world.library / name, seed=seed)
    daemon.wait_for("file.finished", path=name)
    (question,) = [row for row in daemon.world.rows("pending") if row["file"]["path"] == str(path)]
    return path, question


def test_a_candidate_is_taken_by_its_number(daemon: RunningDaemon, world: World) -> None:
    path, question = _doubtful(daemon, "thing.mkv", 1)
    (said,) = world.rows("validate", str(question["id"]), "--candidate", "1")
    assert (said["verdict"], said["decided_by"], said["title"]) == ("accepted", "user", "thing")
    (details,) = world.rows("show", str(path))
    (asked,) = details["validations"]
    assert (asked["state"], asked["selected"], asked["decided_by"]) == ("validated", 1, "user")
    assert str(path) not in [row["file"]["path"] for row in world.rows("pending")]


def test_what_waits_is_settled_by_what_comes_to_lie_beside_it(daemon: RunningDaemon, world: World) -> None:
    """A second file of the series, and a .nfo."""
    planet, films = world.library / "planet", world.library / "some films"
    planet.mkdir()
    path, _question = _doubtful(daemon, "planet/Planet.Earth.1of6.Pole.to.Pole.mkv", 31)
    make_video(planet / "Planet.Earth.2of6.Mountains.mkv", seed=32)
    daemon.wait_until(lambda: world.file(path)["verdict"] == "accepted", "the sibling settles it")
    assert (world.file(path)["series"], world.file(path)["episode_numbers"]) == ("Planet Earth", [1])
    films.mkdir()
    path, _question = _doubtful(daemon, "some films/night train.mkv", 33)
    (films / "night train.nfo").write_text("<movie><title>Night Train</title><year>1959</year></movie>")
    daemon.wait_until(lambda: world.file(path)["verdict"] == "accepted", "the .nfo settles it")
    assert (world.file(path)["title"], world.file(path)["year"]) == ("Night Train", 1959)


def test_a_film_can_be_named(daemon: RunningDaemon, world: World) -> None:
    path, question = _doubtful(daemon, "holiday.mkv", 2)
    world.rows("validate", str(question["id"]), "--movie", "Roman Holiday", "--year", "1953", "--edition", "Restored")
    (movie,) = [row for row in world.rows("list", "movies") if row["title"] == "Roman Holiday"]
    assert movie["year"] == 1953
    assert [(row["path"], row["edition"]) for row in movie["files"]] == [(str(path), "Restored")]


def test_a_file_can_be_several_episodes(daemon: RunningDaemon, world: World) -> None:
    path, question = _doubtful(daemon, "xyz.mkv", 3)
    series = ("--series", "Twin Peaks", "--year", "1990", "--season", "2")
    world.rows("validate", str(question["id"]), *series, "--episode", "2", "--episode", "1", "--episode", "2")
    row = world.file(path)
    assert (row["series"], row["year"], row["season_number"]) == ("Twin Peaks", 1990, 2)
    assert row["episode_numbers"] == [1, 2]
    assert len([row for row in world.rows("list", "episodes") if row["series"] == "Twin Peaks"]) == 2


def test_a_rejected_file_is_not_filed_and_not_asked_about_again(daemon: RunningDaemon, world: World) -> None:
    path, question = _doubtful(daemon, "qqq.mkv", 4)
    world.rows("reject", str(question["id"]))
    row = world.file(path)
    assert (row["verdict"], row["kind"], row["decided_by"]) == ("rejected", None, "user")
    assert str(path) not in [row["file"]["path"] for row in world.rows("pending")]


def test_an_accepted_file_is_decided_anew_by_its_path(daemon: RunningDaemon, world: World) -> None:
    path = make_video(world.library / "Heat (1986).mkv", seed=5)
    daemon.wait_for("file.finished", path=path.name)
    assert world.file(path)["decided_by"] == "reeld"
    world.said("validate", str(path), "--movie", "Heat", "--year", "1995")
    assert [row["year"] for row in world.rows("list", "movies") if row["title"] == "Heat"] == [1995]
    assert [row["title"] for row in world.rows("list", "trash")] == ["Heat"]
    world.said("reject", str(path))
    assert world.file(path)["verdict"] == "rejected"
    world.said("validate", os.path.relpath(path, world.root), "--movie", "Heat", "--year", "1995")
    assert world.file(path)["kind"] == "movie"


def test_a_decision_survives_a_rename_new_content_and_a_restart(daemon: RunningDaemon, world: World) -> None:
    path, question = _doubtful(daemon, "zzz.mkv", 6)
    world.said("validate", str(question["id"]), "--movie", "Notorious", "--year", "1946")
    before = world.file(path)

    mark = daemon.mark()
    renamed = path.with_name("www.mkv")
    os.rename(path, renamed)
    daemon.wait_for("file.finished", path=renamed.name, since=mark)
    assert world.file(renamed) == before | {"path": str(renamed)}
    for stage in ("probe", "hash"):
        assert daemon.find("stage.finished", stage=stage, since=mark) is None, "what was only renamed is not read again"

    mark = daemon.mark()
    mark = daemon.mark()
    make_video(renamed, seed=7)
    daemon.wait_for("file.finished", path=renamed.name, since=mark)
    after = world.file(renamed)
    assert after["file_hash"] != before["file_hash"]
    assert (after["id"], after["title"], after["decided_by"]) == (before["id"], "Notorious", "user")

    daemon.restart()
    assert world.file(renamed) == after


@pytest.fixture(scope="module")
def doubtful(daemon: RunningDaemon) -> int:
    """The number of a question that stays open."""
    return int(_doubtful(daemon, "mmm.mkv", 8)[1]["id"])


@pytest.mark.parametrize(
    ("arguments", "status", "complaint"),
    [
        (("--candidate", "9"), 64, "has no candidate 9, but 1"),
        (("--candidate", "0"), 64, "has no candidate 0, but 1"),
        ((), 64, "--candidate N, --movie TITLE or --series TITLE"),
        (("--movie", "X", "--candidate", "1"), 64, "one of"),
        (("--movie", "X", "--series", "Y"), 64, "one of"),
        (("--movie", "X", "--season", "1"), 64, "--season"),
        (("--movie", "X", "--episode", "1"), 64, "--episode"),
        (("--candidate", "1", "--year", "1999"), 64, "--year"),
        (("--candidate", "1", "--edition", "Uncut"), 64, "--edition"),
        (("--movie", "  "), 64, "title"),
        (("--series", "", "--season", "1", "--episode", "1"), 64, "title"),
        (("--series", "X"), 64, "--season S --episode E"),
        (("--series", "X", "--episode", "1"), 64, "--season S --episode E"),
        (("--series", "X", "--season", "1"), 64, "--season S --episode E"),
        (("--series", "X", "--season", "-1", "--episode", "1"), 64, "--season"),
        (("--series", "X", "--season", "9" * 20, "--episode", "1"), 64, "--season"),
        (("--series", "X", "--season", "1", "--episode", "9" * 20), 64, "--episode"),
        (("--series", "X", "--absolute", "9" * 20), 64, "--absolute"),
        (("--series", "X", "--aired", "yesterday"), 64, "2024-03-14"),
        (("--movie", "X", "--year", "99999999999"), 64, "--year"),
        (("--movie", "X", "--year", "soon"), 64, "--year"),
    ],
)
def test_a_decision_that_cannot_be_meant_changes_nothing(
    world: World, doubtful: int, arguments: tuple[str, ...], status: int, complaint: str
) -> None:
    before = world.ask_database("SELECT * FROM pending_validations")
    done = world.reeld("validate", str(doubtful), *arguments)
    assert done.returncode == status, done.stderr
    assert complaint in done.stderr.decode()
    assert b"Traceback" not in done.stderr
    assert done.stdout == b""
    assert world.ask_database("SELECT * FROM pending_validations") == before


@pytest.mark.parametrize("question", ["4711", "9" * 20, "9" * 5000, "nowhere.mkv"])
def test_what_is_not_known_is_said_to_be_so(world: World, question: str) -> None:
    for command in (("validate", question, "--movie", "X"), ("reject", question), ("show", question)):
        done = world.reeld(*command)
        assert done.returncode == 66, done.stderr[-500:]
        assert b"Traceback" not in done.stderr
