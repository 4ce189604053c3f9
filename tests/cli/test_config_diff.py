"""Does `config diff` foretell what a scan under the new configuration then does?"""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.service.harness import RunningDaemon, World, new_world
from tests.videos import make_video

NAMES = (
    "Heat (1995).mkv",
    "Kids/Totoro (1988).mkv",
    "Old/Alien (1979).avi",
    "Friends.S10E17E18.mkv",
    "1917.2019.mkv",
    "Show/Show - 01.mkv",
    "Show/Show - 02.mkv",
    os.fsdecode(b"caf\xe9 (2004).mkv"),
)


@pytest.fixture
def world() -> Iterator[World]:
    with new_world() as new:
        for seed, name in enumerate(NAMES):
            (new.library / name).parent.mkdir(exist_ok=True)
            make_video(new.library / name, seed=seed, padding_bytes=(1 << 16) if name.startswith("Heat") else 0)
        yield new


def write_new(world: World, *, libraries: dict[str, Path] | None = None, extra: str = "", more: str = "") -> Path:
    """The same configuration with other libraries, or with these lines in each library's block, or behind all."""
    new, good = world.root / "new.toml", world.config.read_text()
    before = world.libraries, world.library_extra, world.extra
    world.libraries, world.library_extra, world.extra = libraries or world.libraries, extra, more
    world.write_config()
    new.write_text(world.config.read_text())
    world.config.write_text(good)
    world.libraries, world.library_extra, world.extra = before
    return new


def foretold(world: World, new: Path) -> list[dict[str, Any]]:
    return world.rows("config", "diff", str(new))


def paths(changes: list[dict[str, Any]], what: str) -> set[str]:
    return {below(change["path"]) for change in changes if change["what"] == what}


def below(path: str) -> str:
    """A file's path below its library, whatever this is called here."""
    return re.split("/(?:library|second|elsewhere)/", path, maxsplit=1)[1]


def standing(world: World) -> dict[str, tuple[Any, ...]]:
    """What the catalogue says of each file, by its path below its library."""
    rows = [*world.rows("list", "files"), *world.rows("list", "ignored")]
    facts = ("state", "verdict", "kind", "title", "series", "year", "season_number", "episode_numbers")
    return {
        os.path.relpath(row["path"], world.libraries.get(row["library"], world.library)): tuple(
            tuple(value) if isinstance(value := row[fact], list) else value for fact in facts
        )
        for row in rows
    }


def scan(world: World, config: Path) -> None:
    world.config.write_text(config.read_text())
    done = world.reeld("scan")
    assert done.returncode == 0, done.stderr.decode()


def counted(rows: dict[str, tuple[Any, ...]]) -> set[str]:
    return {path for path, row in rows.items() if row[0] == "present" and row[1] != "ignored"}


RULES = {
    "nothing": "",
    "a folder": 'ignore = ["/Kids"]\n',
    "a name": 'ignore = ["Show - 01.mkv"]\n',
    "an ending less": 'extensions = ["mkv"]\n',
    "a size": "minimum_size_bytes = 60000\n",
    "all of it": 'extensions = ["avi"]\nignore = ["*.avi"]\n',
}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("nothing", "nothing"),
        ("nothing", "a name"),
        ("nothing", "all of it"),
        ("a folder", "nothing"),
        ("a folder", "an ending less"),
        ("an ending less", "a size"),
        ("a size", "a folder"),
    ],
)
def test_what_other_rules_would_bring_and_take_is_what_a_scan_then_shows(world: World, before: str, after: str) -> None:
    scan(world, write_new(world, extra=RULES[before]))
    old = standing(world)
    new = write_new(world, extra=RULES[after])
    changes = foretold(world, new)
    if before == after:
        assert changes == []
    scan(world, new)
    now = standing(world)
    assert paths(changes, "newly ignored") == counted(old) - counted(now)
    assert paths(changes, "newly seen") == counted(now) - counted(old)
    assert {row[0] for row in now.values()} == {"present"}, "what is there is never called missing"


@pytest.mark.parametrize("kind", ["movies", "series"])
def test_what_another_kind_makes_of_names_is_what_a_scan_then_makes(world: World, kind: str) -> None:
    scan(world, world.config)
    world.said("validate", str(world.library / "Show" / "Show - 02.mkv"), "--movie", "Mine", "--year", "2001")
    old = standing(world)
    new = write_new(world, extra=f'kind = "{kind}"\n')
    changes = foretold(world, new)
    scan(world, new)
    now = standing(world)
    identities = [change for change in changes if change["what"] == "identity"]
    assert paths(identities, "identity") == {path for path in now if now[path] != old[path]}
    assert identities, "such names are among them"
    for change in identities:
        assert change["after"]["verdict"] == now[below(change["path"])][1]
    assert now["Show/Show - 02.mkv"] == old["Show/Show - 02.mkv"], "a person's word stands"


def test_libraries_that_come_go_are_renamed_or_move_are_told_with_their_files(world: World) -> None:
    scan(world, world.config)
    second, elsewhere = world.root / "second", world.root / "elsewhere"
    second.mkdir()
    make_video(second / "Clue (1985).mkv", seed=30)
    changes = foretold(world, write_new(world, libraries={"L": world.library, "second": second}))
    assert [(change["what"], change["library"], change["path"]) for change in changes] == [
        ("library added", "second", str(second)),
        ("newly seen", "second", str(second / "Clue (1985).mkv")),
    ]
    changes = foretold(world, write_new(world, libraries={"second": second}))
    assert [change["what"] for change in changes] == ["library added", "newly seen", "library removed"]
    assert "8 files stay known" in changes[-1]["message"]

    changes = foretold(world, write_new(world, libraries={"Films": world.library}))
    assert [(change["what"], change["before"], change["after"]) for change in changes] == [
        ("library renamed", "L", "Films")
    ]
    world.library.rename(elsewhere)
    (elsewhere / "1917.2019.mkv").unlink()
    make_video(elsewhere / "New (2020).mkv", seed=31)
    changes = foretold(world, write_new(world, libraries={"L": elsewhere}))
    assert [(change["what"], change["path"]) for change in changes] == [
        ("library moved", None),
        ("newly seen", str(elsewhere / "New (2020).mkv")),
        ("not there", str(elsewhere / "1917.2019.mkv")),
    ]
    changes = foretold(world, write_new(world, libraries={"L": world.root / "nowhere"}))
    assert [change["what"] for change in changes] == ["library moved", "not scanned"]


def test_settings_that_differ_are_told_one_by_one(world: World) -> None:
    scan(world, world.config)
    changes = foretold(world, write_new(world, extra="quiet_s = 7.0\n", more="[hash]\nfull = false\n"))
    told = {(change["library"], change["setting"]): (change["before"], change["after"]) for change in changes}
    assert told == {("L", "library.quiet_s"): (0.3, 7.0), (None, "hash.full"): (True, False)}
    new = write_new(world)
    new.write_text(new.read_text().replace("reeld.db", "other.db"))
    (change,) = foretold(world, new)
    assert "a reload refuses it" in change["message"]


def test_a_new_configuration_with_mistakes_is_refused_with_all_of_them(world: World) -> None:
    scan(world, world.config)
    new = world.root / "new.toml"
    new.write_text('[settle]\nquite_s = 1\n[log]\nlevel = "loud"\n')
    done = world.reeld("config", "diff", str(new))
    assert done.returncode == os.EX_CONFIG
    assert b"quite_s" in done.stderr
    assert b"loud" in done.stderr


def test_it_works_beside_the_daemon_and_with_a_broken_present_file(world: World) -> None:
    """It works beside the daemon and when the present file is broken and reads well."""
    with RunningDaemon(world) as daemon:
        daemon.assert_true()
        new = write_new(world, extra='ignore = ["/Kids", "caf*"]\n')
        said = world.said("config", "diff", str(new))
        assert "newly ignored (L): Kids/Totoro (1988).mkv: the library's ignore pattern '/Kids' matches it" in said
        assert "newly ignored (L): caf\\xe9 (2004).mkv" in said
        good = world.config.read_text()
        world.config.write_text("[nonsense]\n")
        done = world.reeld("config", "diff", str(new), "--json")
        assert {json.loads(line)["what"] for line in done.stdout.splitlines()} == {"setting", "newly ignored"}
        assert b"nonsense" in done.stderr
        world.config.write_text(good)
        assert world.reeld("config", "diff", str(world.config)).stdout == b""


def test_a_configuration_edited_in_place_is_compared_with_the_one_in_force(world: World) -> None:
    """A file that was edited in its place is compared with what the running reeld has in force."""
    with RunningDaemon(world) as daemon:
        daemon.assert_true()
        world.library_extra, world.extra = 'ignore = ["/Kids"]\n', "[hash]\nfull = false\n"
        world.write_config()
        done = world.reeld("config", "diff", str(world.config), "--json")
        assert [(row["what"], row["setting"] or row["path"]) for row in map(json.loads, done.stdout.splitlines())] == [
            ("setting", "hash.full"),
            ("setting", "library.ignore"),
            ("newly ignored", str(world.library / "Kids" / "Totoro (1988).mkv")),
        ]
        assert done.stderr.decode() == f"compared with what reeld (process {daemon.pid}) has in force\n"
        daemon.signal(signal.SIGHUP)
        daemon.wait_until(lambda: foretold(world, world.config) == [], "nothing is different any more")


def test_without_a_file_it_says_what_a_reload_would_change(world: World) -> None:
    """It also does so where the command by itself would read another file than the running reeld."""
    with RunningDaemon(world) as daemon:
        daemon.assert_true()
        assert world.reeld("config", "diff").stdout == b""
        world.library_extra = RULES["a folder"]
        world.write_config()
        expected = [("setting", "library.ignore"), ("newly ignored", str(world.library / "Kids" / "Totoro (1988).mkv"))]

        def told(done: "subprocess.CompletedProcess[bytes]") -> list[tuple[str, str]]:
            assert done.stderr.decode() == f"compared with what reeld (process {daemon.pid}) has in force\n"
            return [(row["what"], row["setting"] or row["path"]) for row in map(json.loads, done.stdout.splitlines())]

        assert told(world.reeld("config", "diff", "--json")) == expected
        own = world.root / "home" / ".config" / "reeld" / "config.toml"
        own.parent.mkdir(parents=True)
        own.write_text(f'database.path = "{world.database}"\n')
        command = [sys.executable, "-m", "reeld", "config", "diff", "--json"]
        home = {"HOME": str(world.root / "home"), "PATH": os.environ["PATH"]}
        assert told(subprocess.run(command, env=home, capture_output=True, check=True)) == expected
        world.config.write_text("[nonsense]\n")
        done = world.reeld("config", "diff")
        assert (done.returncode, done.stdout) == (os.EX_CONFIG, b"")
        assert b"nonsense" in done.stderr


def test_without_a_running_reeld_the_first_line_says_what_is_compared(world: World) -> None:
    scan(world, write_new(world, extra='ignore = ["/Kids"]\n'))

    def said(new: Path) -> tuple[set[str], str]:
        done = world.reeld("config", "diff", str(new))
        return set(done.stdout.decode().splitlines()), done.stderr.decode().splitlines()[0]

    new = write_new(world, extra="quiet_s = 7.0\n" + RULES["a folder"])
    assert said(new) == ({"setting (L): library.quiet_s: 0.3 -> 7.0"}, f"compared with {world.config}; no reeld runs")
    world.write_config()
    changes, first = said(world.config)
    assert changes == {"newly seen (L): Kids/Totoro (1988).mkv: it is not known yet"}
    assert first == "compared with the catalogue alone, which knows no settings; no reeld runs"


def test_a_library_that_moves_up_needs_a_word_first_and_then_knows_its_files_again(world: World) -> None:
    disk = world.library
    (disk / "series").mkdir()
    for name in {Path(name).parts[0] for name in NAMES}:
        (disk / name).rename(disk / "series" / name)
    (disk / "series" / "Kids" / "Ponyo (2008).mkv").hardlink_to(disk / "series" / "Kids" / "Totoro (1988).mkv")
    world.libraries = {"L": disk / "series"}
    world.write_config()
    scan(world, world.config)
    ids = {Path(row["path"]).name: row["id"] for row in world.rows("list", "files")}
    (disk / "series" / "1917.2019.mkv").unlink()
    make_video(disk / "New (2020).mkv", seed=40)
    (disk / "series" / "Show" / "A link (2001).mkv").hardlink_to(disk / "series" / "Show" / "Show - 01.mkv")
    new = write_new(world, libraries={"L": disk}, extra='ignore = ["*.avi"]\n')
    moved, setting, suspect, *seen, again, one_gone, other_gone = foretold(world, new)
    assert "reeld keeps everything that it knows about its files" in moved["message"]
    assert (setting["what"], suspect["what"], again["what"]) == ("setting", "library unverified", "known again")
    assert "`reeld libraries accept L`" in suspect["message"]
    assert "7 files" in again["message"]
    assert {row["what"] for row in seen} == {"newly seen"}
    left = [below(one_gone["path"]), below(other_gone["path"])]
    assert left == ["1917.2019.mkv", "Old/Alien (1979).avi"]

    world.libraries = {"L": disk}
    world.config.write_text(new.read_text())
    assert world.reeld("scan").returncode == os.EX_NOINPUT
    (library,) = world.rows("list", "libraries")
    assert suspect["message"].startswith(library["reason"])
    world.said("libraries", "accept", "L")
    world.said("scan")
    rows = world.rows("list", "files")
    present = {os.path.relpath(row["path"], disk): row["id"] for row in rows if row["state"] == "present"}
    assert {path for path, number in present.items() if number not in ids.values()} == paths(seen, "newly seen")
    kept = set(present.values()) & set(ids.values())
    assert len(kept) == 7
    gone = {os.path.relpath(row["path"], disk) for row in rows if row["state"] == "missing"}
    assert gone == set(left)


def test_the_sums_and_one_file_are_told_as_a_person_says_them() -> None:
    with new_world() as world:
        make_video(world.library / "Heat (1995).mkv")
        scan(world, world.config)
        others = {name: world.root / name for name in ("second", "third")}
        for folder in others.values():
            folder.mkdir()
        done = world.reeld("config", "diff", str(write_new(world, libraries=others)))
        assert b"its 1 file stays known, and reeld no longer follows changes there" in done.stdout
        assert done.stderr.endswith(b"in all: library added 2, library removed 1\n")
