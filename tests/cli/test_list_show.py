"""What the commands that only look print, for people and for scripts."""

import contextlib
import os
from collections.abc import Callable

import pytest
from peewee import sqlite3

from reeld.domain.amounts import number_of
from reeld.domain.files import FileStamp
from tests.cli.conftest import Reeld
from tests.content.kinds import Sound, content
from tests.content.reading import full_hash


def test_a_film_with_two_files_is_one_film(reeld: Reeld) -> None:
    films = {row["title"]: row for row in reeld.json("list", "movies")}
    assert set(films) == {"The Matrix", "Heat"}
    assert films["The Matrix"]["year"] == 1999
    assert {os.path.splitext(file["path"])[1] for file in films["The Matrix"]["files"]} == {".mkv", ".mp4"}
    assert films["Heat"]["tmdb_id"] == 949
    file = films["Heat"]["files"][0]
    assert (file["codec_video"], file["languages"], file["subtitle_languages"]) == ("mpeg4", ["en"], ["de"])
    assert file["duration_ms"] >= 1000


def test_a_file_of_two_episodes_is_listed_with_both(reeld: Reeld) -> None:
    rows = reeld.json("list", "episodes")
    assert [(row["series"], row["season_number"], row["episode_number"]) for row in rows] == [
        ("Friends", 10, 17),
        ("Friends", 10, 18),
        ("The Office", 3, 10),
    ]
    assert rows[0]["files"] == rows[1]["files"]
    assert rows[0]["files"][0]["episode_numbers"] == [17, 18]
    assert rows[2]["title"] == "A Benihana Christmas"
    assert [(row["title"], row["country"], row["episode_count"]) for row in reeld.json("list", "series")] == [
        ("Friends", None, 2),
        ("The Office", "US", 1),
    ]


def test_hashes_are_those_of_the_bytes(reeld: Reeld) -> None:
    for row in reeld.json("list", "files"):
        stamp = FileStamp.of(os.stat(row["path"]))
        assert row["file_hash"] == full_hash(row["path"], stamp, on_progress=lambda _: None, should_stop=lambda: False)


def test_what_is_ignored_says_why(reeld: Reeld) -> None:
    reasons = {os.path.basename(row["path"]): row["reason"] for row in reeld.json("list", "ignored")}
    assert set(reasons) == {".hidden.mkv", "sample-heat.mkv"}
    assert "hidden" in reasons[".hidden.mkv"]
    assert "sample" in reasons["sample-heat.mkv"]


def test_sidecars_are_listed_with_their_video_and_counted_and_orphans_are_named(
    undecided: Callable[..., Reeld],
) -> None:
    reeld = undecided("Heat (1995)/Heat (1995).mkv", "Alien (1979)/Alien (1979).mkv")
    for name in (
        *("Heat (1995)/Heat (1995).pt_BR.forced.srt", "Heat (1995)/poster.jpg", "Heat (1995)/movie.nfo"),
        *("Heat (1995)/Subs/2_French.idx", "Heat (1995)/Subs/2_French.sub", "Alien 3.en.srt"),
    ):
        (reeld.videos / name).parent.mkdir(exist_ok=True)
        (reeld.videos / name).write_text("12")
    assert reeld.run("scan").returncode == 0
    heat, alien = reeld.file("Heat (1995).mkv"), reeld.file("Alien (1979).mkv")
    counts = ("subtitle_file_count", "nfo_file_count", "picture_file_count")
    assert [[row[name] for name in counts] for row in (heat, alien)] == [[2, 1, 1], [0, 0, 0]]
    (details,) = reeld.json("show", str(heat["id"]))
    listed = reeld.json("list", "sidecars")
    assert [row for row in listed if row["video_id"] == heat["id"]] == details["sidecars"]
    (subtitle,) = [row for row in listed if row["is_forced"]]
    assert (subtitle["kind"], subtitle["language"], subtitle["size_bytes"]) == ("subtitle", "pt-BR", 2)
    assert (subtitle["belongs_to"], subtitle["video_path"]) == ("video", heat["path"])
    assert reeld.json("list", "sidecars", "has:nfo", "title:heat") == details["sidecars"]
    assert reeld.json("list", "sidecars", "title:alien") == []
    assert len(reeld.json("list", "sidecars", "--limit", "2")) == 2
    assert reeld.run("list", "sidecars", "heat", "--orphans").returncode == 64
    assert reeld.run("list", "sidecars", "--sort", "size").returncode == 64
    assert reeld.json("status")[0]["orphan_count"] == 1
    (orphan,) = reeld.json("list", "sidecars", "--orphans")
    assert (os.path.basename(orphan["path"]), orphan["video_id"]) == ("Alien 3.en.srt", None)
    assert orphan["reason"]
    text = reeld.run("show", str(heat["id"])).stdout.decode()
    assert "- Heat (1995).pt_BR.forced.srt: subtitle, forced, pt-BR" in text
    assert "- Subs/2_French.sub: subtitle, fr" in text


def test_without_orphans_the_list_says_so(reeld: Reeld) -> None:
    done = reeld.run("list", "sidecars", "--orphans")
    assert (done.returncode, done.stdout, done.stderr.decode().strip()) == (0, b"", "no orphans")


def test_a_question_shows_its_file_reason_and_candidates(reeld: Reeld) -> None:
    questions = {os.path.basename(row["file"]["path"]): row for row in reeld.json("pending")}
    question = questions["holiday.mkv"]
    assert question["reason"]
    assert [candidate["number"] for candidate in question["candidates"]] == [1]
    assert question["candidates"][0]["evidence"]
    text = reeld.run("pending").stdout.decode()
    assert "candidate 1: holiday" in text


def test_show_finds_a_file_by_number_and_by_path(reeld: Reeld) -> None:
    file = reeld.file("Heat (1995).mkv")
    by_number, by_path = reeld.json("show", str(file["id"])), reeld.json("show", file["path"])
    assert by_number == by_path
    assert by_number[0]["evidence"]
    assert "evidence" in reeld.run("show", file["path"]).stdout.decode()


def test_show_tells_values_that_are_zero_and_leaves_out_only_what_is_not_known(
    undecided: Callable[..., Reeld],
) -> None:
    reeld = undecided("Friends.S00E01.1080p.BluRay.x264-GRP.mkv")
    empty = reeld.videos / "Heat (1995).mkv"
    empty.touch()
    assert reeld.run("scan").returncode == 0
    special = reeld.run("show", str(reeld.videos / "Friends.S00E01.1080p.BluRay.x264-GRP.mkv")).stdout.decode()
    assert "  season number      0\n" in special
    assert "  size               0 B\n" in reeld.run("show", str(empty)).stdout.decode()
    for unknown in ("None", "tmdb id", "missing since", "stage", "in doubt", "subtitle languages  \n"):
        assert unknown not in special


@pytest.mark.parametrize(
    ("count", "thing", "words"),
    [
        (0, "movie", "0 movies"),
        (1, "movie", "1 movie"),
        (1234, "file", "1234 files"),
        (1, "series", "1 series"),
        (2, "series", "2 series"),
        (1, "library", "1 library"),
        (2, "library", "2 libraries"),
    ],
)
def test_a_number_of_things_is_told_as_a_person_says_it(count: int, thing: str, words: str) -> None:
    assert number_of(count, thing) == words


def test_status_says_one_movie_and_one_file(undecided: Callable[..., Reeld]) -> None:
    status = undecided("Heat.1995.1080p.BluRay.x264-GRP.mkv").run("status").stdout.decode()
    assert "works      1 movie, 0 series, 0 episodes\n" in status
    assert "library    V (1 file) online" in status


def test_status_says_which_full_hash_was_cut_off_three_times_and_what_to_do(undecided: Callable[..., Reeld]) -> None:
    reeld = undecided("Heat.1995.1080p.BluRay.x264-GRP.mkv")
    assert "cut off" not in reeld.run("status").stdout.decode()
    assert reeld.json("status")[0]["interrupted"] == []
    with contextlib.closing(sqlite3.connect(reeld.home / "state/reeld.db")) as connection, connection:
        connection.execute(
            "INSERT INTO jobs (video_file_id, stage, lane, state, due_at_ms, attempts, created_at, interruptions) "
            "SELECT id, 'hash', 'heavy', 'waiting', 0, 0, '2026-11-30T12:00:00.000Z', 3 FROM video_files"
        )
    (row,) = reeld.json("status")[0]["interrupted"]
    assert row["path"] == str(reeld.videos / "Heat.1995.1080p.BluRay.x264-GRP.mkv")
    assert (row["library"], row["stage"], row["interruption_count"]) == ("V", "hash", 3)
    text = reeld.run("status").stdout.decode()
    assert f"cut off    hash of {row['path']}\n           {row['reason']}\n" in text
    assert "3 times" in row["reason"]
    assert "set full = false in [hash]" in row["reason"]


@pytest.mark.parametrize("command", ["--help", "list --help", "list movies --help", "status --help", "retry --help"])
def test_help_shows_a_flag_as_one_that_takes_no_value(reeld: Reeld, command: str) -> None:
    text = reeld.run(*command.split(), configured=False).stdout.decode()
    assert "--help" in text
    assert "bool" not in text.lower()
    assert "--json" in text or command == "list --help"
    assert "..." not in text.partition("Commands:")[2], "and each command's sentence is whole"


def test_what_is_wrong_with_the_content_is_shown_beside_a_doubtful_name(undecided: Callable[..., Reeld]) -> None:
    reeld = undecided("Heat.1995.1080p.BluRay.x264-GRP.mkv")
    (reeld.videos / "holiday.mkv").write_bytes(content("matroska", [], [Sound()]))
    assert reeld.run("scan").returncode == 0
    row = reeld.file("holiday.mkv")
    problem = row["media_problem"]
    assert problem.startswith("no video track: only sound")
    assert row["reason"].endswith(f"; {problem}")
    assert not row["reason"].startswith(problem)
    for command in (("list", "files"), ("show", str(row["id"])), ("pending",)):
        assert "no video track: only sound" in reeld.run(*command).stdout.decode(), command
