"""What every command prints with `--json`, compared with `daemon/JSON.md`, key by key."""

import contextlib
import json
import os
import re
import shutil
import signal
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import typer.main

from reeld.cli.app import app
from reeld.domain.identity import Reading
from tests.service.harness import RunningDaemon, World, new_world
from tests.videos import make_video, video_bytes

Row = dict[str, Any]

pytestmark = pytest.mark.timeout(300)
"""A limit for what hangs: some seventy commands run before the first test."""

PAGE = (Path(__file__).parent.parent.parent / "daemon" / "JSON.md").read_text()

VIDEOS = (
    "Heat (1995) {tmdb-949} {imdb-tt0113277}.mkv",
    "Alien (1979) Director's Cut.mkv",
    "Kill Bill (2003)/Kill Bill (2003) - part1.mkv",
    "Kill Bill (2003)/Kill Bill (2003) - part2.mkv",
    "TV/The Office (US)/Season 3/The Office (US) - 3x10 - A Benihana Christmas.mkv",
    "TV/Friends/Season 10/Friends.S10E17E18.1080p.BluRay.mkv",
    "holiday.mkv",
    "xkcd.mkv",
    "thing.mkv",
    "wed\u2028ding\x9b31m \x85\u202e\x7f\u061c.mkv",
    "Heat (1995)-trailer.mkv",
)

SIDECARS = (
    "Kill Bill (2003)/Kill Bill (2003) - part1.en.forced.Signs.srt",
    "Kill Bill (2003)/Kill Bill (2003) - part1-poster.jpg",
    "Kill Bill (2003)/Kill Bill (2003) - part3.srt",
    "Heat (1995) {tmdb-949} {imdb-tt0113277}.de.sdh.default.srt",
    "TV/Friends/Season 10/Friends.S10E17E18.1080p.BluRay.nfo",
)

NEVER_SEEN = {
    ("movie", "original_title"),
    ("file details", "link_problem"),
    ("series", "original_title"),
    ("movie", "genres"),
    ("series", "genres"),
    ("file", "hdr"),
    ("file", "dolby_vision"),
    ("file", "hdr_fallback"),
    ("library status", "problem"),
    ("library status", "unreadable"),
    ("library", "reason"),
    ("scan", "unreadable"),
    ("scanned library", "reason"),
    ("watching", "reason"),
    ("wait", "held_since"),
    ("unreadable", "path"),
    ("unreadable", "reason"),
    ("status", "problems"),
    ("work", "files_per_s"),
    ("work", "hashed_bytes_per_s"),
    ("work", "seconds_left"),
    ("configured library", "ignore"),
    ("verified file", "offset"),
}
"""Values that only other disks, files or programs bring about; other tests do."""


# --- the page --------------------------------------------------------------------------------------------


def _objects() -> dict[str, dict[str, str]]:
    """The keys of each object of the page, with their types."""
    objects: dict[str, dict[str, str]] = {}
    for section in PAGE.split("\n## ")[2:]:
        heading, _, text = section.partition("\n")
        rows = re.findall(r"^\| (\w+) \| ([\w -]+) \| .*\|$", text, re.MULTILINE)
        if rows:
            inherited = re.search(r"^All keys of (.+), and:$", text, re.MULTILINE)
            objects[heading] = {**(objects[inherited[1]] if inherited else {}), **dict(rows[1:])}
    return objects


OBJECTS = _objects()
COMMANDS = PAGE.split("\n## ")[1]


class Seen:
    """Compares values with the page, and remembers which keys had one."""

    def __init__(self) -> None:
        self.objects: set[str] = set()
        self.keys: set[tuple[str, str]] = set()

    def compare(self, row: Row, name: str) -> None:
        assert row.keys() == OBJECTS[name].keys(), name
        self.objects.add(name)
        for key, kind in OBJECTS[name].items():
            self._compare_value(row[key], kind, (name, key))
            if row[key] not in (None, []):
                self.keys.add((name, key))

    def _compare_value(self, value: Any, kind: str, where: tuple[str, str]) -> None:
        if kind.endswith(" or null"):
            if value is not None:
                self._compare_value(value, kind.removesuffix(" or null"), where)
        elif kind.startswith("list of "):
            assert isinstance(value, list), where
            for each in value:
                self._compare_value(each, kind.removeprefix("list of "), where)
        elif kind in OBJECTS:
            self.compare(value, kind)
        else:
            assert _fits(value, kind, where), (*where, kind, value)


def _fits(value: Any, kind: str, where: tuple[str, str]) -> bool:
    match kind:
        case "any":
            return True
        case "text":
            return isinstance(value, str) and not re.match(r"\d{4}-\d\d-\d\dT", value)
        case "time":
            return re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", value) is not None
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "number":
            precise = {"confidence": 2, "share": 2, "seconds": 3}
            digits = 9 if "settings" in where[0] else precise.get(where[1], 1)
            return isinstance(value, (int, float)) and not isinstance(value, bool) and round(value, digits) == value
    raise AssertionError(f"{where}: JSON.md calls no type {kind}")


# --- real commands ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def seen() -> Iterator[Seen]:
    """What all commands print about one library, before and beside a daemon."""
    with new_world(patience_h=24.0) as world:
        for seed, name in enumerate(VIDEOS):
            (world.library / name).parent.mkdir(parents=True, exist_ok=True)
            make_video(world.library / name, seed=seed, padding_bytes=100_000 * (seed == 0), subtitle_language="ger")
        for name in SIDECARS:
            (world.library / name).parent.mkdir(parents=True, exist_ok=True)
            (world.library / name).write_text("not read")
        found = Seen()

        def look(*command: str, name: str) -> list[Row]:
            rows = world.rows(*command)
            for row in rows:
                found.compare(row, name)
            return rows

        look("scan", name="scan")
        _know_more(world)
        _look_in(world, look)
        _decide(world, look)
        _verify(world, look, found)
        _copy(world, look)
        _beside_a_daemon(world, look)
        yield found


def _know_more(world: World) -> None:
    """What names seldom say all at once, as reeld stores it."""
    reading = Reading(
        kind="episode",
        title="Dark",
        year=2017,
        country="DE",
        season_number=1,
        episode_numbers=(1,),
        absolute_numbers=(1,),
        air_date="2017-12-01",
        episode_title="Secrets",
        edition="Extended",
        part=1,
        tmdb_id=70523,
        tvdb_id=334824,
        imdb_id="tt5753856",
        tvmaze_id=17861,
        score=0.617,
        evidence=("the name says so",),
    )
    ids = "tmdb_id = 1, tvdb_id = 2, imdb_id = 'tt0386676', "
    with contextlib.closing(sqlite3.connect(world.database)) as connection, connection:
        connection.execute(
            "UPDATE pending_validations SET candidates = ? WHERE id = 1", (json.dumps([asdict(reading) | {"id": 1}]),)
        )
        connection.execute(f"UPDATE series SET {ids} tvmaze_id = 3, year = 2005")
        connection.execute("UPDATE movies SET tvdb_id = 2 WHERE tmdb_id IS NOT NULL")


def _look_in(world: World, look: Any) -> None:
    ids = defaultdict[str, list[Row]](list)
    for what, name in (
        ("files", "file"),
        ("ignored", "file"),
        ("movies", "movie"),
        ("series", "series"),
        ("episodes", "episode"),
        ("libraries", "library"),
        ("sidecars", "sidecar"),
    ):
        ids[name] += look("list", what, name=name)
        assert ids[name], what
    for row in ids["file"]:
        look("show", str(row["id"]), name="file details")
    for name in ("movie", "series", "episode"):
        (row,) = look("show", ids[name][0]["id"], name="series details" if name == "series" else name)
        assert {key: row[key] for key in ids[name][0]} == ids[name][0]
    for series in ids["series"]:
        look("show", series["id"], name="series details")
    assert look("search", "benihana", name="hit")
    assert look("pending", name="pending validation")
    names = ("The Office (US) - 3x10 - A Benihana Christmas.mkv", "Show/Show.2024.03.14.mkv", "xkcd.mkv")
    more = ("Bleach {tvdb-74796}/Bleach - 366.mkv", "Alien (1979) {imdb-tt0078748} Director's Cut.mkv", "a-trailer.mkv")
    known = ("Dark {tvmaze-17861}/Dark.S01E01.mkv", "Heat (1995) {tmdb-949}.mkv")
    parts = ("Kill Bill (2003)/Kill Bill (2003) - part1.mkv", "Kill Bill (2003)/Kill Bill (2003) - part2.mkv")
    look("identify", "--together", *names, *more, *parts, *known, name="identified name")
    look("config", "check", name="configuration")
    look("config", "drop-in", name="drop-in")
    look("doctor", name="finding")


def _decide(world: World, look: Any) -> None:
    (candidate, *_others, last) = look("pending", name="pending validation")
    look("validate", str(candidate["id"]), "--candidate", "1", name="file")
    aired = ("--series", "The Show", "--year", "1999", "--aired", "2024-03-14")
    look("validate", str(last["id"]), *aired, name="file")
    look("show", "The Show (1999)", name="series details")
    look("list", "episodes", name="episode")
    assert look("missing", name="missing episodes")
    look("validate", str(last["id"]), "--series", "The Show", "--absolute", "7", name="file")
    look("show", "the show", name="series details")
    look("list", "episodes", name="episode")
    look("reject", str(last["id"]), name="file")
    for path in (VIDEOS[0], VIDEOS[4]):
        look("reject", str(world.library / path), name="file")
    thrown = look("list", "trash", name="trash entry")
    assert {row["kind"] for row in thrown} == {"movie", "series", "episode"}
    look("show", thrown[0]["id"], name="trash entry")
    (movie,) = [row for row in thrown if row["kind"] == "movie"]
    (back,) = look("restore", movie["id"], name="restored")
    assert (back["id"], [file["path"] for file in back["files"]]) == (
        movie["work_id"],
        [str(world.library / VIDEOS[0])],
    )
    (details,) = look("show", str(candidate["id"]), name="file details")
    look("show", details["validations"][0]["id"], name="decision with its file")
    with contextlib.closing(sqlite3.connect(world.database)) as connection, connection:
        connection.execute(
            "INSERT INTO jobs (video_file_id, stage, lane, state, due_at_ms, attempts, last_error, created_at)"
            " VALUES (?, 'hash', 'heavy', 'failed', 0, 3, 'the disk failed', '2026-01-01T00:00:00.000Z')",
            (candidate["id"],),
        )
    look("retry", str(candidate["id"]), str(last["id"]), name="retried")
    (world.library / VIDEOS[1]).unlink()
    (world.library / VIDEOS[2]).rename(world.library / "Kill Bill (2003)" / "Kill.Bill.2003.part1.mkv")
    content = video_bytes("mp4", seed=30)
    (world.library / "Casablanca (1942).mp4").write_bytes(content[: len(content) * 3 // 4])
    (world.library / "Gilda (1946).mkv").write_bytes(b"no video")
    shutil.copy(world.library / VIDEOS[0], world.library / "Heat (1995) {tmdb-949} {imdb-tt0113277} - copy.mkv")
    make_video(world.library / "Heat (1995) {tmdb-949} {imdb-tt0113277} - 720p.mkv", seed=77, duration_s=4)
    os.link(world.library / VIDEOS[0], world.library / "Heat (1995) {tmdb-949} {imdb-tt0113277} - link.mkv")
    look("scan", name="scan")
    look("stats", name="sum")
    assert look("verify", name="verified file")
    assert look("search", "heat", name="hit")
    assert len(look("duplicates", name="duplicates")) > 1
    for row in look("list", "files", name="file"):
        look("show", str(row["id"]), name="file details")


def _verify(world: World, look: Any, seen: Seen) -> None:
    """Two copies of a film, one of them damaged; and a film that cannot be read, as reeld stores it."""
    make_video(world.library / "Ronin (1998).mkv", seed=40)
    make_video(world.library / "Ronin (1998) copy.mkv", seed=40)
    look("scan", name="scan")
    found = {os.path.basename(row["path"]): row["id"] for row in look("list", "files", name="file")}
    film = world.library / "Ronin (1998).mkv"
    status = film.stat()
    with film.open("r+b") as file:
        file.write(b"\0")
    os.utime(film, ns=(status.st_atime_ns, status.st_mtime_ns))
    with contextlib.closing(sqlite3.connect(world.database)) as connection, connection:
        sql = "UPDATE video_files SET ctime_ns = ? WHERE id = ?"
        connection.execute(sql, (film.stat().st_ctime_ns, found[film.name]))
        connection.execute(
            "UPDATE video_files SET verify_problem = 'unreadable', verify_details = ? WHERE path = ?",
            ('{"since":"2026-01-01T00:00:00Z","hash":null,"offset":4096,"reason":"Input/output error"}', VIDEOS[0]),
        )
    for row in look("list", "files", name="file"):
        look("show", str(row["id"]), name="file details")
    done = world.reeld("verify", "--json")
    assert done.returncode == os.EX_DATAERR
    for line in done.stdout.splitlines():
        seen.compare(json.loads(line), "verified file")
    look("show", str(found[film.name]), name="file details")


def _copy(world: World, look: Any) -> None:
    copy, other = str(world.root / "copy.db"), str(world.root / "other" / "reeld.db")
    look("backup", copy, name="backup made")
    exported = world.root / "export.jsonl"
    exported.write_text(world.said("export", "--json"))
    lines = exported.read_text().splitlines()
    assert all(line.isprintable() for line in lines)
    first, *rows, last = map(json.loads, lines)
    assert (first.keys(), last.keys()) == ({"format", "version", "schema", "last_ids"}, {"end"})
    assert all("table" in row for row in rows)
    look("import", str(exported), "--database", other, name="import")
    look("restore-backup", copy, "--database", other, name="backup restored")
    new = world.root / "new.toml"
    new.write_text(world.config.read_text().replace("[[library]]\n", '[[library]]\nkind = "series"\n'))
    assert look("config", "diff", str(new), name="difference")
    new.write_text(world.config.read_text() + "[hash]\nfull = false\n")
    assert look("config", "diff", str(new), name="difference")
    new.write_text(world.config.read_text() + '[queries]\nlarge = "size:>1GiB"\n')
    look("config", "check", str(new), name="configuration")


def _beside_a_daemon(world: World, look: Any) -> None:
    with contextlib.closing(sqlite3.connect(world.database)) as connection, connection:
        connection.execute(
            "INSERT INTO jobs (video_file_id, stage, lane, state, attempts, due_at_ms, created_at, interruptions)"
            " SELECT id, 'hash', 'heavy', 'waiting', 0, 0, first_seen_at, 3 FROM video_files WHERE path = ?",
            (VIDEOS[0],),
        )
        connection.execute(
            "INSERT INTO jobs (video_file_id, stage, lane, state, attempts, due_at_ms, created_at, changes)"
            " SELECT id, 'hash', 'heavy', 'waiting', 0, 0, first_seen_at, 2 FROM video_files WHERE path = ?",
            (VIDEOS[4],),
        )
    look("status", name="status")
    make_video(world.library / "Big (1988).mkv", seed=31, padding_bytes=8 << 20)
    good = world.config.read_text()
    world.config.write_text(f"{good}\n[hash]\nmax_mib_per_s = 0.25\n")
    with RunningDaemon(world) as daemon:
        # Its hash takes half a minute at this rate.
        daemon.wait_for("stage.finished", stage="probe", path="Big (1988).mkv")
        daemon.wait_until(lambda: world.rows("status")[0]["work"], "there is work left")
        daemon.wait_until(lambda: world.rows("status")[0]["libraries"][0]["waiting"], "a file waits for its end")
        world.config.write_text(f"{good}\n[nonsense]\n")
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("config.refused")
        look("status", name="status")
        world.config.write_text(good)
        look("list", "backups", name="backup")
        look("list", "files", name="file")


def test_every_command_prints_the_keys_and_types_of_the_page_and_no_other(seen: Seen) -> None:
    """Every command prints the keys and types of the page and the page names no other."""
    assert set(OBJECTS) - seen.objects <= {"counts", "unreadable"}, "each object of the page was printed"
    empty = {(name, key) for name in seen.objects for key in OBJECTS[name]} - seen.keys
    own = {(name, key) for name, key in empty if not _is_inherited(name, key)}
    assert own <= NEVER_SEEN, "each key of the page had a value"


def _is_inherited(name: str, key: str) -> bool:
    text = PAGE.split(f"\n## {name}\n")[1].split("\n## ")[0]
    return f"\n| {key} |" not in text


def test_the_page_names_every_command() -> None:
    first_cells = "\n".join(re.findall(r"^\| (`.*?) \|", COMMANDS, re.MULTILINE))
    named = set(re.findall(r"`([a-z -]+)`", first_cells))
    assert named == {" ".join(names) for names, command in tree() if not hasattr(command, "commands")}


def test_every_command_and_group_takes_json_and_config() -> None:
    found = tree()
    assert len(found) > 30
    for names, command in found:
        options = {option for parameter in command.params for option in parameter.opts}
        assert {"--json", "--config"} <= options, names


def tree() -> list[tuple[tuple[str, ...], Any]]:
    """All commands and groups, `reeld` itself first."""
    found: list[tuple[tuple[str, ...], Any]] = []
    pending: list[tuple[tuple[str, ...], Any]] = [((), typer.main.get_command(app))]
    while pending:
        names, command = pending.pop(0)
        found.append((names, command))
        if hasattr(command, "commands"):
            pending += [((*names, name), inner) for name, inner in command.commands.items()]
    return found


@pytest.mark.parametrize("before", ["", "--json", "--config"])
def test_the_options_of_a_group_count_as_those_of_its_commands(before: str, tmp_path: Path) -> None:
    with new_world() as world:
        assert world.reeld("scan").returncode == 0
        given = {"": [], "--json": ["--json"], "--config": ["--config", str(world.config)]}[before]
        done = world.reeld("list", *given, "libraries", config=tmp_path / "none.toml" if before == "--config" else None)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(b"{") == (before == "--json")


MISTAKES = (
    *("show 4711", "show m4711", "show /nowhere.mkv", "validate 4711 --movie X", "reject d1", "retry 4711", "retry"),
    *("restore t4711", "restore 4711", "libraries accept nowhere", "scan /nowhere", "backup /nowhere/x.db"),
    *("restore-backup /nowhere.db", "import /nowhere.jsonl", "config check /nowhere.toml", "config diff /nowhere.toml"),
)


def test_a_mistake_prints_nothing_on_standard_output_and_is_said_on_standard_error() -> None:
    """A mistake prints nothing on standard output and says on standard error what is wrong."""
    with new_world() as world:
        make_video(world.library / "Heat (1995).mkv")
        assert world.reeld("scan").returncode == 0
        for command in MISTAKES:
            done = world.reeld(*command.split(), "--json")
            assert done.returncode != 0, command
            assert done.stdout == b"", command
            assert done.stderr.count(b"\n") >= 1, command
        world.config.write_text("[nonsense]\n")
        for names, command in tree():
            if not hasattr(command, "commands"):
                arguments = ["x" for each in command.params if each.param_type_name == "argument" and each.required]
                done = world.reeld(*names, *arguments, "--json")
                assert done.returncode != 0, names
                assert [json.loads(line)["check"] for line in done.stdout.splitlines()] in ([], ["configuration"])
