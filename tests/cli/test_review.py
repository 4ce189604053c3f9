"""What a person says counts at once, for good, and only when it makes sense."""

import contextlib
import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from tests.cli.conftest import Reeld
from tests.service.warm_start import warm_start

Undecided = Callable[..., Reeld]


def question_about(reeld: Reeld, name: str) -> str:
    (question,) = [row for row in reeld.json("pending") if os.path.basename(row["file"]["path"]) == name]
    return str(question["id"])


def facts(row: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


def test_a_person_names_a_film(undecided: Undecided) -> None:
    reeld = undecided("holiday.mkv")
    (row,) = reeld.json("validate", question_about(reeld, "holiday.mkv"), "--movie", "Holiday", "--year", "1938")
    assert facts(row, "kind", "title", "year", "verdict", "decided_by") == (
        "movie", "Holiday", 1938, "accepted", "user",
    )  # fmt: skip
    assert reeld.json("pending") == []
    assert [film["title"] for film in reeld.json("list", "movies")] == ["Holiday"]


def test_a_person_names_episodes(undecided: Undecided) -> None:
    reeld = undecided("holiday.mkv")
    path = str(reeld.videos / "holiday.mkv")
    said = ("--series", "Our Holidays", "--year", "2020", "--season", "0", "--episode", "2", "--episode", "1")
    (row,) = reeld.json("validate", path, *said)
    assert facts(row, "kind", "series", "season_number", "episode_numbers") == ("episode", "Our Holidays", 0, [1, 2])
    (row,) = reeld.json("validate", path, "--series", "Our Holidays", "--absolute", "7")
    assert facts(row, "season_number", "episode_numbers", "absolute_numbers") == (None, None, [7])
    (row,) = reeld.json("validate", path, "--series", "Our Holidays", "--aired", "2024-03-14")
    assert facts(row, "series", "air_date") == ("Our Holidays", "2024-03-14")
    # The episodes that it is not any more are in the trash, and can come back.
    gone = reeld.json("list", "trash")
    assert [entry["kind"] for entry in gone] == ["episode", "episode", "episode"]
    assert reeld.json("restore", gone[0]["id"]) == [{"kind": "episode", "id": gone[0]["work_id"], "files": []}]
    assert len(reeld.json("list", "trash")) == 2


def test_a_person_takes_a_candidate(undecided: Undecided) -> None:
    reeld = undecided("Unknown Show/S01E02.mkv", "holiday.mkv")
    (question,) = [row for row in reeld.json("pending") if row["file"]["path"].endswith("holiday.mkv")]
    (row,) = reeld.json("validate", str(question["id"]), "--candidate", "1")
    assert facts(row, "kind", "title") == ("movie", question["candidates"][0]["title"])


def test_a_number_of_a_candidate_never_comes_to_mean_another_one(undecided: Undecided) -> None:
    """A user may answer by what `pending` showed before reeld found other candidates."""
    reeld = undecided("holiday.mkv")
    (before,) = reeld.json("pending")
    with contextlib.closing(sqlite3.connect(reeld.home / "state" / "reeld.db")) as connection, connection:
        connection.execute("UPDATE pending_validations SET validation_status = 'rejected', auto_validated = 1")
        connection.execute(
            "INSERT INTO pending_validations"
            " (video_file_id, candidates, reason, auto_validated, validation_status, created_at)"
            " SELECT video_file_id, replace(candidates, 'holiday', 'Casablanca'), reason, 0, 'pending', created_at"
            " FROM pending_validations"
        )
    (pending,) = reeld.json("pending")
    assert pending["id"] == before["id"]
    assert [row["number"] for row in before["candidates"] + pending["candidates"]] == [1, 2]
    refused = reeld.run("validate", str(before["id"]), "--candidate", "1")
    assert refused.returncode == os.EX_USAGE
    assert b"has no candidate 1, but 2" in refused.stderr
    (row,) = reeld.json("validate", str(before["id"]), "--candidate", "2")
    assert row["title"] == "Casablanca"
    (details,) = reeld.json("show", str(before["id"]))
    assert [(each["decided_by"], each["selected"]) for each in details["validations"]] == [("reeld", None), ("user", 2)]


def test_a_person_rejects(undecided: Undecided) -> None:
    reeld = undecided("holiday.mkv")
    (row,) = reeld.json("reject", question_about(reeld, "holiday.mkv"))
    assert facts(row, "verdict", "decided_by", "kind") == ("rejected", "user", None)
    assert reeld.json("pending") == []
    assert (reeld.videos / "holiday.mkv").exists()


def test_a_person_corrects_what_reeld_accepted(undecided: Undecided) -> None:
    reeld = undecided("Heat.1995.1080p.BluRay.x264-GRP.mkv")
    path = str(reeld.videos / "Heat.1995.1080p.BluRay.x264-GRP.mkv")
    assert reeld.json("list", "movies")[0]["title"] == "Heat"
    reeld.json("validate", path, "--movie", "Heat", "--year", "1986")
    assert [(film["title"], film["year"]) for film in reeld.json("list", "movies")] == [("Heat", 1986)]
    (trashed,) = reeld.json("list", "trash")
    assert trashed["year"] == 1995


def test_a_decision_outlives_a_rename_new_content_and_another_scan(undecided: Undecided) -> None:
    reeld = undecided("holiday.mkv", "Heat.1995.1080p.BluRay.x264-GRP.mkv")
    before = reeld.json("validate", str(reeld.videos / "holiday.mkv"), "--movie", "Holiday", "--year", "1938")[0]
    shutil.move(reeld.videos / "holiday.mkv", reeld.videos / "Up (2009).mkv")
    assert reeld.run("scan").returncode == 0
    moved = reeld.file("Up (2009).mkv")
    assert facts(moved, "id", "title", "file_hash") == facts(before, "id", "title", "file_hash")
    shutil.copyfile(reeld.videos / "Heat.1995.1080p.BluRay.x264-GRP.mkv", reeld.videos / "Up (2009).mkv")
    assert reeld.run("scan").returncode == 0
    rewritten = reeld.file("Up (2009).mkv")
    assert facts(rewritten, "id", "title", "decided_by") == (before["id"], "Holiday", "user")
    assert rewritten["file_hash"] == reeld.file("Heat.1995.1080p.BluRay.x264-GRP.mkv")["file_hash"]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ((), "--candidate N, --movie TITLE or --series TITLE"),
        (("--candidate", "1", "--movie", "Heat"), "one of"),
        (("--candidate", "9"), "no candidate 9, but 1"),
        (("--movie", "  "), "is empty"),
        (("--movie", "H\udcff"), "is not UTF-8"),
        (("--series", "\udcff", "--season", "1", "--episode", "1"), "is not UTF-8"),
        (("--movie", "Heat", "--edition", "\udcff"), "is not UTF-8"),
        (("--series", "Heat"), "which episode"),
        (("--series", "Heat", "--season", "1"), "which episode"),
        (("--series", "Heat", "--aired", "yesterday"), "2024-03-14"),
        (("--series", "Heat", "--season", "2", "--absolute", "5"), "--season does not fit"),
        (("--series", "Heat", "--episode", "3", "--aired", "2024-03-14"), "--episode does not fit"),
        (("--series", "Heat", "--season", "1", "--episode", "2", "--aired", "2024-03-14"), "--aired does not fit"),
        (("--series", "Heat", "--absolute", "7", "--aired", "2024-03-14"), "--aired does not fit"),
        (
            ("--series", "Heat", "--season", "1", "--episode", "2", "--episode", "3", "--absolute", "7"),
            "one for each --episode",
        ),
        (("--movie", "Heat", "--year", "12"), "1870"),
        (("--series", "Heat", "--season", "-1", "--episode", "1"), "0"),
    ],
)
def test_what_makes_no_sense_changes_nothing(reeld: Reeld, said: tuple[str, ...], words: str) -> None:
    before = reeld.json("list", "files"), reeld.json("pending")
    result = reeld.run("validate", question_about(reeld, "holiday.mkv"), *said)
    assert (result.returncode, result.stdout) == (os.EX_USAGE, b"")
    assert words in result.stderr.decode()
    assert (reeld.json("list", "files"), reeld.json("pending")) == before


def test_a_question_or_file_that_is_not_there_is_said_to_be_so(reeld: Reeld) -> None:
    for arguments in (("validate", "99", "--movie", "Heat"), ("reject", "99"), ("reject", "/no/such.mkv")):
        result = reeld.run(*arguments)
        assert result.returncode == os.EX_NOINPUT
        assert result.stderr.startswith(b"error: ")
        assert b"see `reeld " in result.stderr


def test_files_that_were_set_aside_are_worked_on_again_when_a_person_says_so(undecided: Undecided) -> None:
    reeld = undecided("holiday.mkv")
    file = reeld.file("holiday.mkv")
    with contextlib.closing(sqlite3.connect(reeld.home / "state" / "reeld.db")) as connection, connection:
        connection.execute("UPDATE video_files SET file_hash = NULL")
        connection.execute(
            "INSERT INTO jobs (video_file_id, stage, lane, state, due_at_ms, attempts, last_error, created_at)"
            " VALUES (?, 'hash', 'heavy', 'failed', 0, 3, 'the disk failed', '2026-01-01T00:00:00.000Z')",
            (file["id"],),
        )
    assert reeld.file("holiday.mkv")["reason"] == "failed: the disk failed"
    assert reeld.run("retry").returncode == os.EX_USAGE
    assert reeld.json("retry", file["path"]) == [{"retried_count": 1, "not_retried": []}]
    assert reeld.json("retry", "--all") == [{"retried_count": 0, "not_retried": []}]
    assert reeld.run("scan").returncode == 0
    assert reeld.file("holiday.mkv")["file_hash"] == file["file_hash"]


@pytest.mark.parametrize(
    ("state", "awaited_until_ms", "words"),
    [
        (None, None, "all work is done"),
        ("waiting", None, "in work already, at stage probe"),
        ("waiting", 1_900_000_000_000, "its end is awaited until 2030-03-17 17:46 UTC"),
        ("paused", None, "`reeld status`"),
    ],
)
def test_where_nothing_can_be_tried_again_it_is_said_why(
    undecided: Undecided, state: str | None, awaited_until_ms: int | None, words: str
) -> None:
    reeld = undecided("holiday.mkv", "Heat (1995).mkv")
    path, number = str(reeld.videos / "holiday.mkv"), str(reeld.file("holiday.mkv")["id"])
    if state:
        with contextlib.closing(sqlite3.connect(reeld.home / "state" / "reeld.db")) as connection, connection:
            connection.execute(
                "INSERT INTO jobs (video_file_id, stage, lane, state, due_at_ms, attempts, awaited_until_ms,"
                " created_at) VALUES (?, 'probe', 'light', ?, 1900000000000, 0, ?, '2026-01-01T00:00:00.000Z')",
                (number, state, awaited_until_ms),
            )
    result = reeld.run("retry", number, path)
    assert (result.returncode, result.stdout) == (0, b"nothing to retry\n")
    (line,) = result.stderr.decode().splitlines()
    assert line.startswith(f"{path}: nothing to retry: ")
    assert words in line
    ((left,),) = [row["not_retried"] for row in reeld.json("retry", number)]
    assert (left["file"]["id"], left["file"]["path"]) == (int(number), path)
    assert words in left["reason"]


def test_of_files_that_are_missing_or_ignored_nothing_is_tried_again(undecided: Undecided) -> None:
    reeld = undecided("holiday.mkv", "Heat (1995)-trailer.mkv")
    (reeld.videos / "holiday.mkv").unlink()
    reeld.run("scan")
    said = reeld.run("retry", *(str(reeld.videos / name) for name in ("holiday.mkv", "Heat (1995)-trailer.mkv")))
    missing, ignored = said.stderr.decode().splitlines()
    assert "it is missing" in missing
    assert "it is ignored" in ignored


def test_files_that_are_not_there_cannot_be_tried_again_and_nothing_else_is(undecided: Undecided) -> None:
    reeld = undecided("holiday.mkv")
    number = str(reeld.file("holiday.mkv")["id"])
    with contextlib.closing(sqlite3.connect(reeld.home / "state" / "reeld.db")) as connection, connection:
        connection.execute(
            "INSERT INTO jobs (video_file_id, stage, lane, state, due_at_ms, attempts, last_error, created_at)"
            " VALUES (?, 'hash', 'heavy', 'failed', 0, 3, 'the disk failed', '2026-01-01T00:00:00.000Z')",
            (number,),
        )
    result = reeld.run("retry", number, "7000", "/nowhere.mkv", "7001")
    assert (result.returncode, result.stdout) == (os.EX_NOINPUT, b"")
    said = result.stderr.decode()
    assert all(name in said for name in ("number 7000", "/nowhere.mkv", "number 7001"))
    assert reeld.file("holiday.mkv")["reason"] == "failed: the disk failed"


def test_works_without_a_file_do_not_count_in_the_status(undecided: Undecided) -> None:
    reeld = undecided("Heat.1995.1080p.BluRay.x264-GRP.mkv", "Friends.S10E17E18.1080p.BluRay.x264-GRP.mkv")
    (status,) = reeld.json("status")
    assert facts(status, "movie_count", "series_count", "episode_count") == (1, 1, 2)
    for path in reeld.videos.iterdir():
        path.unlink()
    assert reeld.run("scan").returncode == 0
    (status,) = reeld.json("status")
    assert facts(status, "movie_count", "series_count", "episode_count") == (0, 0, 0)
    assert reeld.json("list", "movies") == []
    assert len(reeld.json("list", "movies", "--all")) == 1


def test_an_answer_to_a_question_that_is_not_open_any_more_must_be_said_in_full(undecided: Undecided) -> None:
    reeld = undecided("holiday.mkv")
    number = question_about(reeld, "holiday.mkv")
    reeld.json("reject", number)
    result = reeld.run("validate", number, "--candidate", "1")
    assert result.returncode == os.EX_USAGE
    assert b"nothing is pending" in result.stderr
    assert reeld.json("validate", number, "--movie", "Holiday")[0]["title"] == "Holiday"


def test_an_empty_folder_in_place_of_the_disk_changes_nothing_until_accepted(undecided: Undecided) -> None:
    """An empty folder in place of the disk changes nothing until a person accepts it."""
    reeld = undecided("Heat.1995.1080p.BluRay.x264-GRP.mkv", "holiday.mkv")
    before = reeld.json("list", "files"), reeld.json("pending")
    disk = reeld.home / "unplugged"
    reeld.videos.rename(disk)
    reeld.videos.mkdir()
    assert reeld.run("scan").returncode == os.EX_NOINPUT
    assert (reeld.json("list", "files"), reeld.json("pending")) == before
    (library,) = reeld.json("list", "libraries")
    assert library["state"] == "unverified"
    assert "`reeld libraries accept V`" in library["reason"]
    # The disk is back.
    reeld.videos.rmdir()
    disk.rename(reeld.videos)
    assert reeld.run("scan").returncode == 0
    assert (reeld.json("list", "files"), reeld.json("pending")) == before
    # The files are really gone.
    reeld.videos.rename(disk)
    reeld.videos.mkdir()
    assert reeld.run("scan").returncode == os.EX_NOINPUT
    assert reeld.run("libraries", "accept", "W").returncode == os.EX_NOINPUT
    accepted = reeld.json("libraries", "accept", "V")
    assert [(row["name"], row["is_accepted"]) for row in accepted] == [("V", True)]
    assert reeld.run("scan").returncode == 0
    assert {row["state"] for row in reeld.json("list", "files")} == {"missing"}
    (library,) = reeld.json("list", "libraries")
    assert (library["state"], library["reason"], library["is_accepted"]) == ("online", None, False)
    # What is well needs nobody's word, and gets none that would count later.
    refused = reeld.run("libraries", "accept", "V")
    assert refused.returncode == os.EX_USAGE
    assert b"V is online" in refused.stderr
    assert reeld.json("list", "libraries") == [library]


def test_a_library_that_is_called_otherwise_keeps_its_files_and_decisions(undecided: Undecided) -> None:
    reeld = undecided("holiday.mkv")
    before = reeld.json("validate", str(reeld.videos / "holiday.mkv"), "--movie", "Holiday", "--year", "1938")[0]
    reeld.config.write_text(reeld.config.read_text().replace('name = "V"', 'name = "Films"'))
    assert reeld.run("scan").returncode == 0
    assert reeld.json("list", "files") == [before | {"library": "Films"}]
    assert [row["name"] for row in reeld.json("list", "libraries")] == ["Films"]


def test_what_came_again_by_itself_is_not_restored_beside_it(undecided: Undecided) -> None:
    reeld = undecided("Heat.1995.1080p.BluRay.x264-GRP.mkv")
    path = str(reeld.videos / "Heat.1995.1080p.BluRay.x264-GRP.mkv")
    reeld.json("validate", path, "--movie", "Something")
    (gone,) = reeld.json("list", "trash")
    reeld.json("validate", path, "--movie", "Heat", "--year", "1995")
    result = reeld.run("restore", str(gone["id"]))
    assert result.returncode == os.EX_NOINPUT
    assert b"is there again" in result.stderr


def test_a_film_that_was_rejected_by_mistake_comes_back_with_its_file(undecided: Undecided) -> None:
    reeld = undecided("Heat.1995.1080p.BluRay.x264-GRP.mkv")
    path = str(reeld.videos / "Heat.1995.1080p.BluRay.x264-GRP.mkv")
    reeld.json("reject", path)
    assert reeld.json("list", "movies") == []
    (gone,) = reeld.json("list", "trash")
    assert "Heat (1995)" in reeld.run("list", "trash").stdout.decode()
    said = reeld.run("restore", str(gone["id"])).stdout.decode().splitlines()
    assert said == [f"movie {gone['work_id']} is back", f"    {path}"]
    (film,) = reeld.json("list", "movies")
    assert (film["title"], [file["path"] for file in film["files"]]) == ("Heat", [path])


def test_a_series_without_episodes_is_listed(undecided: Undecided) -> None:
    reeld = undecided("Friends.S10E17E18.1080p.BluRay.x264-GRP.mkv")
    reeld.json("reject", str(reeld.videos / "Friends.S10E17E18.1080p.BluRay.x264-GRP.mkv"))
    (series,) = [row for row in reeld.json("list", "trash") if row["kind"] == "series"]
    reeld.json("restore", str(series["id"]))
    assert [(row["title"], row["episode_count"]) for row in reeld.json("list", "series")] == [("Friends", 0)]


def test_what_was_rejected_is_counted_in_the_status(undecided: Callable[..., Reeld]) -> None:
    reeld = undecided("Heat (1995).mkv")
    reeld.json("reject", str(reeld.videos / "Heat (1995).mkv"))
    assert "1 present, 0 missing, 0 ignored, 1 rejected" in reeld.run("status").stdout.decode()


def test_a_name_of_a_library_reaches_no_terminal_raw(undecided: Callable[..., Reeld]) -> None:
    reeld = undecided("Heat (1995).mkv")
    reeld.config.write_text(reeld.config.read_text().replace('name = "V"', r'name = "V\u001b[31m"'))
    assert reeld.run("scan").returncode == 0
    commands = [reeld.run("config", "check"), reeld.run("libraries", "accept", "V\x1b[31m")]
    reeld.videos.rename(reeld.home / "away")
    reeld.videos.mkdir()
    reeld.run("scan")
    commands += [reeld.run("libraries", "accept", name) for name in ("V\x1b[31m", "W\x1b[31m")]
    assert [done.returncode for done in commands] == [0, os.EX_USAGE, 0, os.EX_NOINPUT]
    for done in commands:
        assert b"\x1b" not in done.stdout + done.stderr
        assert rb"\x1b[31m" in done.stdout + done.stderr


@pytest.mark.parametrize("lock", ["BEGIN IMMEDIATE", "PRAGMA locking_mode = exclusive; BEGIN EXCLUSIVE"])
def test_a_decision_that_a_lock_refuses_says_that_nothing_was_changed(
    undecided: Callable[..., Reeld], lock: str
) -> None:
    reeld = undecided("thing.mkv")
    before = reeld.json("list", "files")
    commands: list[tuple[str, ...]] = [("validate", "1", "--movie", "The Hat", "--year", "1930"), ("reject", "1")]
    commands += [("retry", "--all"), ("restore", "t1"), ("libraries", "accept", "V")]
    impatient = json.dumps({"patience": {"reeld.database.connection.BUSY_TIMEOUT_S": 0}})
    with contextlib.closing(sqlite3.connect(reeld.home / "state" / "reeld.db", isolation_level=None)) as other:
        for statement in lock.split("; "):
            other.execute(statement).fetchall()
        for command in commands:
            done = warm_start.run(
                [impatient, *command, "--config", str(reeld.config)],
                directory=reeld.home,
                environment={**os.environ, "HOME": str(reeld.home)},
            )
            assert done.returncode == os.EX_TEMPFAIL, command
            assert b"Nothing was changed\nhint: try again" in done.stderr, command
    assert reeld.json("list", "files") == before
