"""Every command, as scripts and as people use it. One catalogue for all of them, which they only look at."""

import json
import os
import pty
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from reeld.cli.tables import shortened
from reeld.service.instance_lock import InstanceLock
from tests.service.harness import REELD, RunningDaemon, World, new_world
from tests.videos import make_video

FILE_KEYS = {
    *(
        "library",
        "path",
        "size_bytes",
        "state",
        "kind",
        "fingerprint",
        "oshash",
        "file_hash",
        "title",
        "year",
        "series",
    ),
    *("season_number", "episode_numbers", "tmdb_id", "tvdb_id", "imdb_id", "part", "edition", "reason"),
}

IDENTIFY_KEYS = {
    *("path", "verdict", "kind", "title", "year", "season_number", "episode_numbers", "absolute_numbers", "air_date"),
    *("edition", "part", "tmdb_id", "tvdb_id", "imdb_id", "confidence", "evidence"),
}

LONG = "A Very Long Title That No Terminal Shows In One Line Because It Goes On And On (1999).mkv"


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with new_world(level="warning") as new:
        for seed, name in enumerate(
            [
                "Heat (1995) {tmdb-949}.mkv",
                "Friends.S10E17E18.mkv",
                "xkcd.mkv",
                LONG,
                "[bold]Tab\tbed (2001).mkv",
            ]
        ):
            make_video(new.library / name, seed=seed)
        (new.library / "Alien (1979).mkv").write_bytes(b"no video")
        make_video(new.library / "Heat (1995)-trailer.mkv", seed=50)
        done = new.reeld("scan")
        assert done.returncode == 0, done.stderr
        yield new


# --- for scripts -----------------------------------------------------------------------------------------


def test_a_file_has_its_keys_and_what_is_not_known_is_null(world: World) -> None:
    rows = {Path(row["path"]).name: row for row in world.rows("list", "files")}
    for row in rows.values():
        assert row.keys() >= FILE_KEYS
    heat = rows["Heat (1995) {tmdb-949}.mkv"]
    assert (heat["library"], heat["state"], heat["kind"]) == ("L", "present", "movie")
    assert (heat["title"], heat["year"], heat["tmdb_id"]) == ("Heat", 1995, 949)
    assert {key: heat[key] for key in ("series", "season_number", "episode_numbers", "tvdb_id", "part", "reason")} == (
        dict.fromkeys(("series", "season_number", "episode_numbers", "tvdb_id", "part", "reason"))
    )
    assert heat["size_bytes"] == (world.library / "Heat (1995) {tmdb-949}.mkv").stat().st_size
    assert (len(heat["fingerprint"]), len(heat["file_hash"])) == (16, 32)
    friends = rows["Friends.S10E17E18.mkv"]
    assert (friends["series"], friends["season_number"], friends["episode_numbers"]) == ("Friends", 10, [17, 18])
    assert rows["Alien (1979).mkv"]["reason"]
    assert rows["Alien (1979).mkv"]["kind"] is None


@pytest.mark.parametrize(
    ("command", "keys"),
    [
        (("list", "movies"), {"id", "title", "year", "tmdb_id", "imdb_id", "original_title", "genres", "files"}),
        (("list", "series"), {"id", "title", "year", "country", "season_count", "episode_count", "file_count"}),
        (("list", "episodes"), {"id", "series", "season_number", "episode_number", "absolute_number", "files"}),
        (("list", "files"), FILE_KEYS),
        (("list", "ignored"), FILE_KEYS),
        (("list", "libraries"), {"name", "path", "kind", "state", "reason", "file_count"}),
        (("pending",), {"id", "reason", "candidates", "file", "created_at"}),
        (("status",), {"running", "pid", "database", "present_count", "pending_count", "queue", "libraries"}),
        (("show", "1"), {*FILE_KEYS, "evidence", "validations", "first_seen_at"}),
        (("config", "check"), {"source", "libraries", "database_path"}),
    ],
)
def test_each_command_speaks_json_lines_with_stable_keys(
    world: World, command: tuple[str, ...], keys: set[str]
) -> None:
    rows = world.rows(*command)
    assert rows, command
    assert all(keys <= row.keys() for row in rows)


def test_options_may_stand_before_or_behind_the_command(world: World) -> None:
    for arguments in (("--json", "list", "movies"), ("list", "movies", "--json")):
        assert json.loads(world.said(*arguments).splitlines()[0])["title"]
    behind = subprocess.run(
        [*REELD, "list", "movies", "--config", str(world.config)],
        capture_output=True,
        text=True,
        env=world.environment(),
        check=True,
    )
    assert behind.stdout == world.said("list", "movies")
    both = world.reeld("list", "movies", "--config", str(world.root / "nowhere.toml"))
    assert both.returncode == 78, "the nearer one counts"


def test_a_pipe_gets_whole_lines_separated_by_tabs(world: World) -> None:
    lines = world.said("list", "files").splitlines()
    rows = world.rows("list", "files")
    assert len(lines) == len(rows)
    assert {line.count("\t") for line in lines} == {7}
    assert any(str(world.library / LONG) in line.split("\t") for line in lines), "nothing is cut off"
    assert any("Tab\\tbed" in line for line in lines)
    for command in (("list", "movies"), ("list", "series"), ("list", "episodes"), ("list", "libraries")):
        assert len(world.said(*command).splitlines()) == len(world.rows(*command))
    assert "candidate 1" in world.said("pending")
    assert "evidence" in world.said("show", str(world.library / "Heat (1995) {tmdb-949}.mkv"))


def test_a_backup_that_is_a_link_in_a_circle_ends_no_list(world: World) -> None:
    name = "reeld-20260101T000000Z-schema1.db"
    link = world.database.parent / "backups" / name
    link.symlink_to(name)
    try:
        rows = [json.loads(line) for line in world.said("list", "backups", "--json").splitlines()]
        assert [row["size_bytes"] for row in rows if row["path"] == str(link)] == [None]
        assert name in world.said("list", "backups")
    finally:
        link.unlink()


def test_an_empty_list_is_nothing_on_stdout_and_a_word_on_stderr(world: World) -> None:
    done = world.reeld("list", "trash")
    assert (done.returncode, done.stdout) == (0, b"")
    assert done.stderr == b"the trash is empty\n"
    assert world.said("list", "trash", "--json") == ""


@pytest.mark.parametrize(
    "command", [["list", "files"], ["list", "files", "--json"], ["identify", "-"], ["export"], ["status"], ["--help"]]
)
def test_a_reader_that_has_seen_enough_is_no_error(world: World, command: list[str]) -> None:
    names = world.root / "names"
    names.write_text("".join(f"Film {number} (1999).mkv\n" for number in range(3000)))
    with (
        open(names, "rb") as stdin,
        subprocess.Popen(
            [*REELD, "--config", str(world.config), *command],
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=world.environment(),
        ) as process,
    ):
        assert process.stdout is not None
        assert process.stderr is not None
        if command[0] == "identify":
            assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


@pytest.mark.parametrize(
    "command",
    [
        "export",
        "list files",
        "list files --json",
        "status",
        "status --watch",
        "show 1",
        "config check",
        "--help",
        "--version",
    ],
)
def test_an_output_that_takes_nothing_is_one_sentence_and_an_input_output_error(world: World, command: str) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*REELD, "--config", str(world.config), *command.split()],
            stdout=full,
            stderr=subprocess.PIPE,
            env=world.environment(),
            timeout=150,
            check=False,
        )
    assert done.returncode == os.EX_IOERR
    error, hint = done.stderr.decode().splitlines()
    assert error.startswith("error: standard output cannot be written to (No space left on device): ")
    assert hint.startswith("hint: check where the output goes")


@pytest.mark.parametrize(
    ("closed", "code", "complaint"),
    [
        ("0<&-", os.EX_OK, ""),
        ("1>&-", os.EX_IOERR, "error: standard output cannot be written to (Bad file descriptor)"),
        ("2>&-", os.EX_OK, ""),
        ("0<&- 1>&- 2>&-", os.EX_IOERR, ""),
    ],
)
def test_what_was_closed_before_is_missed_only_where_it_is_needed(
    world: World, closed: str, code: int, complaint: str
) -> None:
    command = ["bash", "-c", f'exec "$@" {closed}', "bash", *REELD, "--config", str(world.config), "list", "movies"]
    done = subprocess.run(command, env=world.environment(), capture_output=True, timeout=150, check=False)
    assert done.returncode == code
    assert bool(done.stdout) == (code == os.EX_OK)
    assert done.stderr.decode().startswith(complaint)
    assert done.stderr.count(b"\n") == (2 if complaint else 0), "an error and a hint"


@pytest.mark.parametrize("command", ["list trash", "show /nowhere.mkv"])
def test_a_complaint_that_nobody_reads_changes_no_exit_code(world: World, command: str) -> None:
    expected = world.reeld(*command.split()).returncode
    with subprocess.Popen(
        [*REELD, "--config", str(world.config), *command.split()], env=world.environment(), stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        process.stderr.close()
    assert process.returncode == expected


def test_a_terminal_gets_a_table_that_interprets_no_markup(world: World) -> None:
    shown = _on_a_terminal(world, "list", "files")
    assert "State" in shown
    assert "Path" in shown
    assert "[bold]" in shown.replace("\r\n", "")
    assert "\t" not in shown
    assert "Heat" in _on_a_terminal(world, "list", "movies")
    assert "reeld does not run" in _on_a_terminal(world, "status")


def test_a_table_has_hashes_only_if_they_are_asked_for(world: World) -> None:
    assert "Hash" not in _on_a_terminal(world, "list", "files")
    assert "file_hash" in _on_a_terminal(world, "list", "files", "--columns", "id,file_hash")
    assert "\t" in world.said("list", "files")


def _plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def test_a_table_fits_the_terminal_and_its_path_comes_last(world: World) -> None:
    for width in (80, 200):
        shown = _on_a_terminal(world, "list", "files", width=width)
        assert all(cell_len(_plain(line)) <= width for line in shown.splitlines())
        assert _plain(shown.splitlines()[0]).split()[-1] == "Path"
        assert ("Size" in shown) == (width == 200)
        assert "files on the disks" in shown


def test_a_table_names_files_below_their_library_and_lines_name_them_whole(world: World) -> None:
    shown = _plain(_on_a_terminal(world, "list", "files", "heat"))
    assert " Heat" in shown
    assert str(world.library) not in shown
    assert str(world.library) in world.said("list", "files", "heat")


def test_what_is_longer_than_the_terminal_is_paged_and_nothing_else(world: World, tmp_path: Path) -> None:
    pager = tmp_path / "pager"
    pager.write_text(f"#!/bin/sh\nsed 's/^/paged: /' | tee {shlex.quote(str(tmp_path / 'seen'))}\n")
    pager.chmod(0o755)
    for command in (("list", "files"), ("pending",)):
        plain = _on_a_terminal(world, *command, PAGER="cat", LINES="3")
        long = _on_a_terminal(world, *command, PAGER=str(pager), LINES="3")
        assert "paged:" not in plain
        assert "paged: " in long
        table = [line.removeprefix("paged: ").rstrip() for line in long.splitlines()]
        assert table == [line.rstrip() for line in plain.splitlines()]
        (tmp_path / "seen").unlink()
        assert _on_a_terminal(world, *command, PAGER=str(pager), LINES="500") == plain
        for wrong in ("/no/such/pager", "less '", "", "/etc"):
            assert _on_a_terminal(world, *command, PAGER=wrong, LINES="3") == plain
        assert not (tmp_path / "seen").exists()


def test_a_user_who_leaves_the_pager_ends_the_list(world: World, tmp_path: Path) -> None:
    pager = tmp_path / "pager"
    pager.write_text("#!/bin/sh\nread line; echo left at once\n")
    pager.chmod(0o755)
    shown = _on_a_terminal(world, "list", "files", PAGER=str(pager), LINES="1")
    assert "left at once" in shown
    assert "error" not in shown


@given(st.text(alphabet="ab/\u5343\u00e9 ", max_size=80), st.integers(8, 60))
def test_a_shortened_path_fits_and_keeps_both_ends(path: str, room: int) -> None:
    short = shortened(path, room)
    assert cell_len(short) <= max(room, 1)
    if short != path:
        head, tail = short.split("\u2026")
        assert path.startswith(head)
        assert path.endswith(tail)
    else:
        assert cell_len(path) <= room


def test_a_state_has_a_colour_unless_the_user_wants_none(world: World) -> None:
    assert "\x1b[32mpresent" in _on_a_terminal(world, "list", "files")
    assert "\x1b[32mpresent" not in _on_a_terminal(world, "list", "files", NO_COLOR="1")


def test_a_status_that_is_watched_begins_at_the_top_of_the_terminal_and_stays(world: World) -> None:
    """It was wiped out as soon as it stood there, until the next."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*REELD, "--config", str(world.config), "status", "--watch"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=world.environment(TERM="xterm"),
    ) as process:
        os.close(theirs)
        output = b""
        while b"reeld does not run" not in output:
            output += os.read(ours, 4096)
        process.send_signal(signal.SIGINT)
    os.close(ours)
    assert process.returncode == 130
    assert output.startswith(b"\x1b[H\x1b[2J")


def _on_a_terminal(world: World, *arguments: str, width: int = 200, **environment: str) -> str:
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*REELD, "--config", str(world.config), *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=world.environment(**{"TERM": "xterm", "COLUMNS": str(width), "PAGER": "cat"} | environment),
    ) as process:
        os.close(theirs)
        output = b""
        while True:
            try:
                piece = os.read(ours, 4096)
            except OSError:  # EIO: the other side is closed
                break
            if not piece:
                break
            output += piece
    os.close(ours)
    assert process.returncode == 0
    return output.decode()


# --- identify --------------------------------------------------------------------------------------------


def test_identify_says_what_it_makes_of_names_that_need_not_exist(world: World) -> None:
    rows = world.rows("identify", "/nowhere/Heat (1995).mkv", "Severance.S02E01.mkv", "xkcd.mkv", "Heat-trailer.mkv")
    for row in rows:
        assert row.keys() >= IDENTIFY_KEYS
        assert row["evidence"]
    assert [row["verdict"] for row in rows] == ["accepted", "accepted", "pending", "ignored"]
    assert [row["kind"] for row in rows] == ["movie", "episode", "movie", None]
    assert (rows[1]["title"], rows[1]["season_number"], rows[1]["episode_numbers"]) == ("Severance", 2, [1])
    assert rows[0]["season_number"] is None
    lines = world.said("identify", "/nowhere/Heat (1995).mkv").splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("accepted\tmovie\tHeat (1995)\t")


def test_identify_answers_three_hundred_lines_in_order(world: World) -> None:
    names = [f"Film {number} (19{number % 90 + 10}).mkv".encode() for number in range(298)]
    names += [b"Am\xe9lie (2001).mkv", b"\x1b[31mred (2000).mkv"]
    done = world.reeld("identify", "-", "--json", stdin=b"\n".join(names) + b"\r\n\n")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [os.fsencode(row["path"]) for row in rows] == names
    assert rows[5]["title"] == "Film 5"
    done = world.reeld("identify", "-", stdin=names[-1])
    assert b"\x1b" not in done.stdout


def test_identify_needs_neither_catalogue_nor_disk(world: World, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'[database]\npath = "{tmp_path}/state/reeld.db"\n[[library]]\nname = "L"\npath = "/nowhere"\n')
    done = world.reeld("identify", "Heat (1995).mkv", config=config)
    assert done.returncode == 0, done.stderr
    assert sorted(os.listdir(tmp_path)) == ["config.toml"]


def test_names_count_as_siblings_only_together(world: World) -> None:
    names = [f"/tv/Bleach/Bleach - {number:03}.mkv" for number in range(1, 30)]
    alone, together = world.rows("identify", *names), world.rows("identify", "--together", *names)
    assert [row["path"] for row in together] == [row["path"] for row in alone] == names
    confidence = sum(row["confidence"] or 0 for row in alone), sum(row["confidence"] or 0 for row in together)
    assert confidence[1] >= confidence[0]


def test_a_file_is_known_by_way_of_any_link_to_its_library() -> None:
    """The library is named by a link, and a person may stand in it, or come by another one."""
    with new_world(level="warning") as world:
        disk, other = world.root / "disk", world.root / "other"
        disk.mkdir()
        for link in (world.root / "Videos", other):
            link.symlink_to(disk)
        world.libraries = {"V": world.root / "Videos"}
        world.write_config()
        make_video(disk / "holiday.mkv")
        world.said("scan")
        for folder in (disk, other, world.root / "Videos"):
            (row,) = world.rows("show", str(folder / "holiday.mkv"))
            assert row["path"] == str(world.root / "Videos" / "holiday.mkv")
        assert world.reeld("show", str(other / "nothing.mkv")).returncode == os.EX_NOINPUT


# --- mistakes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (("nonsense",), 64, "error: No such command 'nonsense'\nhint: see `reeld --help`"),
        (("list", "movies", "--wat"), 64, "--wat"),
        (("list", "trash", "extra"), 64, "extra"),
        (("show",), 64, "ID|PATH"),
        (("identify",), 64, "PATH"),
        (("show", "4711"), 66, "4711"),
        (("show", "/nowhere.mkv"), 66, "/nowhere.mkv"),
        (("validate", "4711", "--movie", "X"), 66, "no file has the number 4711\nhint: see `reeld list files`"),
        (("restore", "t4711"), 66, "reeld list trash"),
        (("restore", "9" * 30), 66, "no file has the number"),
        (("restore", "t" + "9" * 30), 66, "no trash entry has the number t999"),
        (("restore", "4"), 64, "4 is the number of a file, not of a trash entry\nhint: type t4"),
        (("restore", "xyz"), 64, "is not the number of a trash entry\nhint: type it as t12"),
        (("show", "9" * 30), 66, "no file has the number 999"),
        (("show", "m4711"), 66, "no movie has the number m4711\nhint: see `reeld list movies`"),
        (
            ("validate", "m12", "--movie", "X"),
            64,
            "m12 is the number of a movie, not of a file\nhint: type a file's number",
        ),
        (("reject", "d9"), 64, "d9 is the number of a decision, not of a file"),
        (("retry", "T4"), 64, "t4 is the number of a trash entry, not of a file"),
        (("scan", "/nowhere"), 66, "does not exist"),
        (("scan", ""), 64, "empty"),
        (("list", "movies", "--config", ""), 64, "empty"),
        (("restore-backup", "/etc/hostname", "--database", ""), 64, "empty"),
        (("run", "--library", ""), 64, "empty"),
        (("config", "check", ""), 64, "empty"),
        (("config", "check", "/nowhere.toml"), 78, "/nowhere.toml"),
        (("config", "check", "/now\x1bhere.toml"), 78, "/now\\x1bhere.toml"),
    ],
)
def test_a_mistake_has_its_exit_code_and_one_clear_line(
    world: World, arguments: tuple[str, ...], status: int, message: str
) -> None:
    done = world.reeld(*arguments)
    assert done.returncode == status, done.stderr
    said = done.stderr.decode()
    assert message in said
    assert "Traceback" not in said
    assert done.stdout == b""


def test_what_cannot_be_looked_at_is_not_said_to_be_nowhere(world: World) -> None:
    circle = world.root / "circle"
    circle.symlink_to(circle)
    done = world.reeld("scan", str(circle / "films"))
    assert (done.returncode, done.stdout) == (os.EX_NOINPUT, b"")
    assert b"cannot be accessed (Too many levels of symbolic links)" in done.stderr


def test_help_is_given_where_it_is_asked_for_or_a_command_is_missing(world: World) -> None:
    for arguments in ("list", "config", "--help", "-h", "validate --help"):
        done = world.reeld(*arguments.split())
        assert done.returncode == (0 if "-h" in arguments else 64), arguments
        assert (done.stdout if "-h" in arguments else done.stderr).startswith(b"Usage: reeld")
        assert b"hint:" not in done.stderr
        assert b"Traceback" not in done.stderr
    alone = subprocess.run(REELD, capture_output=True, env=world.environment(), check=False)
    assert alone.returncode == 64
    assert b"Usage" in alone.stdout + alone.stderr


def test_a_bad_configuration_stops_every_command(world: World, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("[settle]\nquiet_s = -1\n[logg]\n")
    for command in (["config", "check"], ["run"], ["scan"], ["list", "movies"], ["status"], ["identify", "x.mkv"]):
        done = world.reeld(*command, config=config)
        assert done.returncode == 78, command
        said = done.stderr.decode()
        assert "2 errors" in said
        assert "settle.quiet_s = -1" in said
        assert 'did you mean "log"?' in said
    assert sorted(os.listdir(tmp_path)) == ["config.toml"], "and nothing else happened"


def test_a_good_configuration_is_said_to_be_good(world: World) -> None:
    said = world.said("config", "check")
    assert str(world.config) in said
    assert str(world.database) in said
    assert world.said("config", "check", str(world.config)) == said


def test_without_a_catalogue_it_is_said_how_to_get_one(world: World, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'[database]\npath = "{tmp_path}/reeld.db"\n')
    for command in (["list", "movies"], ["status"], ["show", "1"], ["pending"]):
        done = world.reeld(*command, config=config)
        assert done.returncode == 66, command
        assert b"reeld run" in done.stderr
    assert sorted(os.listdir(tmp_path)) == ["config.toml"]


def test_the_version_is_said(world: World) -> None:
    assert world.said("--version").startswith("reeld ")


# --- decisions, without a daemon ---------------------------------------------------------------------------


def test_decisions_work_without_a_daemon_and_can_be_taken_back() -> None:
    with new_world(level="warning") as world:
        path = make_video(world.library / "Heat (1995).mkv")
        world.said("scan")
        said = world.said("validate", str(path), "--series", "Heat", "--season", "0", "--episode", "1")
        assert said == f"{path}: Heat S00E01\n"
        (thrown,) = world.rows("list", "trash")
        assert (thrown["kind"], thrown["title"]) == ("movie", "Heat")
        assert "Heat" in world.said("list", "trash")
        (back,) = world.rows("restore", thrown["id"])
        assert back["kind"] == "movie"
        assert world.said("scan")
        assert world.file(path)["series"] == "Heat", "what a person said stands"


def test_the_installed_command_is_this_one(world: World) -> None:
    script = Path(sys.executable).parent / "reeld"
    if not script.exists():
        found = shutil.which("reeld")
        if found is None:
            pytest.skip("reeld is not installed as a command here")
        script = Path(found)
    done: Any = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == world.said("--version")


def test_beside_a_scan_no_command_speaks_of_a_daemon(world: World) -> None:
    with InstanceLock(str(world.database), "scan"):
        (report,) = world.rows("status")
        assert (report["running"], report["pid"], report["command"]) == (True, os.getpid(), "scan")
        who = f"reeld scan works on the catalogue as process {os.getpid()}; the daemon does not run"
        assert world.said("status").splitlines()[0] == who
        assert who in world.reeld("doctor").stdout.decode()
        for command in (["scan"], ["run"], ["restore-backup", str(world.database)]):
            refused = world.reeld(*command)
            assert refused.returncode == os.EX_TEMPFAIL
            assert f"reeld scan (process {os.getpid()}) works on" in refused.stderr.decode()
            assert b"notices new files" not in refused.stderr
        assert b"no reeld runs" in world.reeld("config", "diff", str(world.config)).stderr


def test_a_place_of_the_catalogue_that_none_can_be_is_complained_of_in_words(world: World) -> None:
    config = world.root / "nul.toml"
    config.write_text('[database]\npath = "a\\u0000b"\n')
    done = world.reeld("list", "files", config=config)
    assert done.returncode == os.EX_CONFIG
    assert done.stderr.startswith(b"error: ")
    assert b"database.path" in done.stderr


@pytest.mark.parametrize("is_path_said", [False, True], ids=["the default place", "a place of its own"])
@pytest.mark.parametrize("mistake", ["[settle]\nbad = 1\n", "[[settle\n"], ids=["a bad key", "no TOML"])
def test_a_mistake_in_the_file_of_a_reeld_that_runs_keeps_nobody_from_looking_in(
    mistake: str, is_path_said: bool
) -> None:
    with new_world() as world:
        if not is_path_said:
            world.database = world.root / "home" / ".local" / "state" / "reeld" / "reeld.db"
        world.write_config()
        make_video(world.library / "Heat (1995).mkv")
        before = world.config.read_text()
        with RunningDaemon(world) as daemon:
            daemon.assert_true()
            world.config.write_text(before.replace("[settle]\n", mistake))
            for command in (["status"], ["list", "files"]):
                done = world.reeld(*command)
                assert done.returncode == 0, done.stderr
                assert b"not in force, the running reeld keeps its old configuration" in done.stderr
                assert str(world.config).encode() in done.stderr
            assert b"Heat (1995)" in done.stdout
            other = world.root / "other.toml"
            other.write_text(mistake)
            assert world.reeld("status", config=other).returncode == os.EX_CONFIG, "another file's mistakes"
            assert world.reeld("status", config=world.root / "none.toml").returncode == os.EX_CONFIG
        assert world.reeld("status").returncode == os.EX_CONFIG, "no reeld runs any more"
        world.config.write_text(before)
