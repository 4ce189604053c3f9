"""What the commands that only look print, for people and for scripts."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from reeld.content.hashing import full_hash
from reeld.domain.files import FileStamp
from tests.cli.conftest import Reeld

FILE_KEYS = {
    "library", "path", "size_bytes", "state", "kind", "fingerprint", "oshash", "file_hash", "title", "year", "series",
    "season_number", "episode_numbers", "tmdb_id", "tvdb_id", "imdb_id", "part", "edition", "reason",
}  # fmt: skip
COMMANDS = [
    ("status",),
    ("list", "movies"),
    ("list", "series"),
    ("list", "episodes"),
    ("list", "files"),
    ("list", "ignored"),
    ("list", "libraries"),
    ("list", "trash"),
    ("pending",),
    ("show", "1"),
    ("config", "check"),
    ("identify", "Heat (1995).mkv"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_prints_json_lines_and_text(reeld: Reeld, command: tuple[str, ...]) -> None:
    plain, as_json = reeld.run(*command), reeld.run(*command, "--json")
    assert (plain.returncode, as_json.returncode) == (0, 0)
    for line in as_json.stdout.splitlines():
        assert isinstance(json.loads(line), dict)
    assert as_json.stderr == b""


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_name_moves_the_cursor_of_a_terminal(reeld: Reeld, command: tuple[str, ...]) -> None:
    assert b"\x1b" not in reeld.run(*command).stdout
    assert b"\x1b" not in reeld.run(*command, "--json").stdout


def test_options_count_before_and_behind_the_command(reeld: Reeld) -> None:
    before = reeld.run("--json", "--config", str(reeld.config), "list", "movies", configured=False)
    assert before.stdout == reeld.run("list", "movies", "--json").stdout
    assert before.stdout


def test_a_file_has_the_promised_keys_and_unknown_is_null(reeld: Reeld) -> None:
    rows = reeld.json("list", "files")
    assert len(rows) == 10
    for row in rows:
        assert set(row) >= FILE_KEYS
        assert row["library"] == "V"
        assert row["state"] == "present"
        assert os.path.isabs(row["path"])
        assert "" not in row.values()
        assert [] not in [row["episode_numbers"], row["absolute_numbers"]]
    assert reeld.file("holiday.mkv")["title"] is None


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
    assert [(row["title"], row["country"], row["episodes"]) for row in reeld.json("list", "series")] == [
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


def test_a_question_shows_its_file_reason_and_candidates(reeld: Reeld) -> None:
    questions = {os.path.basename(row["file"]["path"]): row for row in reeld.json("pending")}
    question = questions["holiday.mkv"]
    assert question["reason"]
    assert [candidate["id"] for candidate in question["candidates"]] == [1]
    assert question["candidates"][0]["evidence"]
    text = reeld.run("pending").stdout.decode()
    assert "candidate 1: holiday" in text


def test_show_finds_a_file_by_number_and_by_path(reeld: Reeld) -> None:
    file = reeld.file("Heat (1995).mkv")
    by_number, by_path = reeld.json("show", str(file["id"])), reeld.json("show", file["path"])
    assert by_number == by_path
    assert by_number[0]["evidence"]
    assert "evidence" in reeld.run("show", file["path"]).stdout.decode()


def test_a_pipe_gets_whole_lines_with_tabs(reeld: Reeld) -> None:
    lines = reeld.run("list", "files").stdout.decode().splitlines()
    assert len(lines) == 10
    assert {line.count("\t") for line in lines} == {7}
    assert any("A Benihana Christmas.mkv" in line for line in lines)


def test_a_terminal_gets_a_table(reeld: Reeld) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", "from reeld.cli.app import main; main()", "list", "movies"]
    environment = os.environ | {"COLUMNS": "150", "TERM": "xterm"}
    process = subprocess.Popen([*command, "--config", reeld.config], stdout=theirs, env=environment)
    os.close(theirs)
    seen = bytearray()
    while True:
        try:
            piece = os.read(ours, 4096)
        except OSError:  # how a pty says that the other side is closed
            break
        if not piece:
            break
        seen += piece
    os.close(ours)
    assert process.wait() == 0
    assert b"Title" in seen
    assert b"The Matrix" in seen


def test_a_reader_that_has_seen_enough_is_no_error(reeld: Reeld) -> None:
    command = [sys.executable, "-c", "from reeld.cli.app import main; main()", "list", "files", "--json"]
    with subprocess.Popen(
        [*command, "--config", reeld.config], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("lst",), os.EX_USAGE, "list"),
        (("list", "film"), os.EX_USAGE, "film"),
        (("show",), os.EX_USAGE, "ID|PATH"),
        (("list", "movies", "--jsn"), os.EX_USAGE, "--json"),
        (("show", "999"), os.EX_NOINPUT, "list files"),
        (("show", "/no/such/file.mkv"), os.EX_NOINPUT, "/no/such/file.mkv"),
        (("restore", "7"), os.EX_NOINPUT, "list trash"),
        (("scan", "/no/such/folder"), os.EX_NOINPUT, "/no/such/folder"),
    ],
)
def test_a_mistake_says_what_to_do_and_has_its_exit_code(
    reeld: Reeld, arguments: tuple[str, ...], code: int, words: str
) -> None:
    result = reeld.run(*arguments)
    assert (result.returncode, result.stdout) == (code, b"")
    assert words in result.stderr.decode()
    assert "Traceback" not in result.stderr.decode()


def test_without_a_catalogue_a_look_says_how_to_make_one(tmp_path: Path) -> None:
    result = Reeld(tmp_path).run("list", "movies", configured=False)
    assert result.returncode == os.EX_NOINPUT
    assert "reeld run" in result.stderr.decode()
    assert not (tmp_path / ".local").exists()


def test_a_bad_configuration_stops_every_command(reeld: Reeld, tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("x = 1")
    result = reeld.run("--config", str(tmp_path / "bad.toml"), "list", "movies", configured=False)
    assert result.returncode == os.EX_CONFIG
    assert "x = 1" in result.stderr.decode()


def test_the_version_is_printed(reeld: Reeld) -> None:
    assert reeld.run("--version", configured=False).stdout.startswith(b"reeld ")
