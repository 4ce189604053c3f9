"""What each command tells the user that runs reeld, root, a member of [database] group, and any other user."""

import grp
import json
import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reeld.cli.commands import TABLE, Commands
from reeld.diagnose import service_unit
from reeld.diagnose.service_unit import systemctl
from tests.service.harness import World, new_world
from tests.service.warm_start import warm_start
from tests.videos import make_video

pytestmark = [
    pytest.mark.needs_root,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user"),
]

OWNER = "daemon"
"""A user that every machine has stands in for `reeld`."""
GROUP = "games"
OTHER = 64_998
"""A user that no machine has."""

READING = (
    ("status",),
    ("list", "movies"),
    ("list", "series"),
    ("list", "episodes"),
    ("list", "files"),
    ("list", "ignored"),
    ("list", "sidecars"),
    ("list", "libraries"),
    ("list", "trash"),
    ("list", "backups"),
    ("show", "1"),
    ("pending",),
    ("search", "heat"),
    ("missing",),
    ("duplicates",),
    ("stats",),
    ("export",),
    ("backup", "{home}/copy.db"),
    ("config", "diff", "{config}"),
)
DECIDING = (
    ("reject", "1"),
    ("validate", "1", "--movie", "Heat", "--year", "1995"),
    ("retry", "--all"),
    ("restore", "t1"),
    ("libraries", "accept", "L"),
    ("verify",),
)
OWNING = (
    ("run",),
    ("scan",),
    ("restore-backup", "{backup}"),
    ("import", "{home}/export.jsonl"),
)
STARTING_CHILDREN = (("identify", "Heat (1995).mkv"), ("doctor",))
WITHOUT_CATALOGUE = (("config", "check"), ("config", "drop-in"))


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """A catalogue of another user, which no reeld has open; the group may read it."""
    with new_world() as new:
        make_video(new.library / "Heat (1995).mkv", seed=1)
        assert new.reeld("scan").returncode == 0
        (new.home / "export.jsonl").write_text(new.said("export"))
        shutil.copy(next((new.state / "backups").iterdir()), new.home / "mine.db")
        (new.home / "mine.db").chmod(0o600)
        new.home.chmod(0o777)
        number, group = pwd.getpwnam(OWNER).pw_uid, grp.getgrnam(GROUP).gr_gid
        for path in (new.state, *new.state.rglob("*")):
            os.chown(path, number, group)
            path.chmod(0o750 if path.is_dir() else 0o640)
        yield new


def typed_by(
    world: World, user: int | str, groups: tuple[str, ...], *words: str
) -> "subprocess.CompletedProcess[bytes]":
    """What a user with these groups is told who types these words."""
    number = user if isinstance(user, int) else pwd.getpwnam(user).pw_uid
    numbers = [grp.getgrnam(group).gr_gid for group in groups]
    own = numbers[0] if numbers else OTHER
    code = (
        "import os, _strptime; from reeld.database.migrate import all_migrations; all_migrations();"
        f"os.setgroups({numbers}); os.setresgid({own}, {own}, {own}); os.setresuid({number}, {number}, {number})"
    )
    backup = next((world.state / "backups").glob("*.db"))
    places = {"home": world.home, "config": world.config, "backup": backup}
    said = [word.format(**places) for word in words]
    (world.home / "copy.db").unlink(missing_ok=True)
    return warm_start.run(
        [json.dumps({"code": code}), "--config", str(world.config), *said],
        directory=Path("/"),
        environment=world.environment(),
    )


def test_every_command_is_tried() -> None:
    known = {
        (name, *more)
        for name, entry in TABLE.items()
        for more in ([(each,) for each in entry.commands] if isinstance(entry, Commands) else [()])
    }
    tried = {words[:2] if words[0] in ("list", "config", "libraries") else words[:1] for words in
             (*READING, *DECIDING, *OWNING, *STARTING_CHILDREN, *WITHOUT_CATALOGUE)}  # fmt: skip
    assert known == tried


@pytest.mark.parametrize("words", [*READING, *DECIDING, *OWNING], ids=" ".join)
def test_any_other_user_is_told_whose_the_catalogue_is_and_what_to_type(world: World, words: tuple[str, ...]) -> None:
    done = typed_by(world, OTHER, (), *words)
    said = done.stderr.decode()
    assert done.returncode == os.EX_IOERR, said
    assert f"error: the catalogue {world.database} belongs to {OWNER}, and you are user {OTHER}\n" in said
    assert f"hint: type: sudo -u {OWNER} reeld --config {world.config} {words[0]}" in said
    for false in ("does not run", "no reeld runs", "there is no catalogue", "mv ", "give the user"):
        assert false not in said + done.stdout.decode()


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_a_member_of_the_group_may_look(world: World, words: tuple[str, ...]) -> None:
    done = typed_by(world, OTHER, (GROUP,), *words)
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.parametrize("words", [*DECIDING, *OWNING], ids=" ".join)
def test_a_member_of_the_group_may_not_decide(world: World, words: tuple[str, ...]) -> None:
    done = typed_by(world, OTHER, (GROUP,), *words)
    if words[:1] in (("restore",), ("retry",), ("libraries",)) and done.returncode in (0, os.EX_NOINPUT, os.EX_USAGE):
        return  # there is nothing to do
    assert done.returncode == os.EX_IOERR, done.stderr.decode()
    assert f"belongs to {OWNER}, and you are user {OTHER}\nhint: type: sudo -u {OWNER} reeld" in done.stderr.decode()


@pytest.mark.parametrize("user", ["root", OWNER])
@pytest.mark.parametrize("words", [*READING, *WITHOUT_CATALOGUE], ids=" ".join)
def test_root_and_the_owner_may_look(world: World, user: str, words: tuple[str, ...]) -> None:
    done = typed_by(world, user, (), *words)
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.parametrize("groups", [(), (GROUP,)], ids=["another", "a member"])
@pytest.mark.parametrize("words", WITHOUT_CATALOGUE, ids=" ".join)
def test_what_needs_no_catalogue_serves_everybody(
    world: World, groups: tuple[str, ...], words: tuple[str, ...]
) -> None:
    done = typed_by(world, OTHER, groups, *words)
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.parametrize("user", ["root", OWNER, OTHER])
def test_names_are_identified_for_everybody(world: World, user: int | str) -> None:
    if user != "root" and not Path(sys.executable).resolve().is_relative_to("/usr"):
        pytest.skip("another user may perhaps not start this Python, so no child of it either")
    assert typed_by(world, user, (), "identify", "Heat (1995).mkv").returncode == 0


def test_doctor_gives_any_other_user_no_advice_that_is_for_the_owner(world: World) -> None:
    world.library.chmod(0o700)
    try:
        done = typed_by(world, OTHER, (), "doctor", "--json")
    finally:
        world.library.chmod(0o755)
    assert done.returncode == os.EX_UNAVAILABLE
    found = [row for row in map(json.loads, done.stdout.splitlines()) if row["check"] != "children"]
    (problem,) = [row for row in found if row["level"] == "problem"]
    assert (problem["check"], f"belongs to {OWNER}" in problem["message"]) == ("database", True)
    assert {row["message"] for row in found if row["check"] == "daemon"} == {"you may not see whether reeld runs"}
    assert [row["level"] for row in found if row["check"] in ("backups", "library")] == ["note", "note"]
    said = done.stdout.decode()
    assert "mv " not in said
    assert "give the user that runs this" not in said
    hints = [row["hint"] for row in found if row["check"] in ("database", "daemon", "backups", "library")]
    assert all(f"sudo -u {OWNER} reeld" in hint for hint in hints)


@pytest.mark.parametrize("groups", [(), (GROUP,)], ids=["another", "a member"])
@pytest.mark.parametrize("lost", ["the catalogue", "its pages"])
def test_the_way_back_is_for_the_owner_alone(world: World, groups: tuple[str, ...], lost: str) -> None:
    kept = world.database.read_bytes()
    aside = world.database.with_name("aside")
    world.database.rename(aside)
    if lost == "its pages":
        world.database.write_bytes(b"\xff" * len(kept))
        shutil.copystat(aside, world.database)
        os.chown(world.database, aside.stat().st_uid, aside.stat().st_gid)
    try:
        done = typed_by(world, OTHER, groups, "status")
        owner = typed_by(world, OWNER, (), "status")
    finally:
        aside.rename(world.database)
    assert "mv " in owner.stderr.decode() or "restore-backup" in owner.stderr.decode()
    said = done.stderr.decode()
    assert f"belongs to {OWNER}" in said
    assert f"hint: type: sudo -u {OWNER} reeld --config {world.config} status" in said
    assert "mv " not in said
    assert "restore-backup" not in said


def test_a_backup_that_may_not_be_read_is_not_called_absent(world: World) -> None:
    file = world.home / "mine.db"
    done = typed_by(world, OWNER, (), "restore-backup", str(file))
    assert done.returncode == os.EX_NOINPUT
    assert f"{file} cannot be read (Permission denied): {OWNER} may not read it" in done.stderr.decode()
    closed = world.home / "closed"
    closed.mkdir(mode=0o700, exist_ok=True)
    shutil.copy(file, closed)
    done = typed_by(world, OWNER, (), "restore-backup", str(closed / "mine.db"))
    assert f"{closed}/mine.db cannot be read (Permission denied): {OWNER} may not read it" in done.stderr.decode()


def test_the_command_for_the_service_is_one_that_the_user_may_type(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folders = {"systemctl": [str(tmp_path)], "systemctl --user": ["~/.reeld-test"]}
    (tmp_path / "reeld.service").touch()
    assert systemctl("start", str(world.database), folders) == "systemctl start reeld"
    monkeypatch.setattr(os, "geteuid", lambda: OTHER)
    assert systemctl("start", str(world.database), folders) == "sudo systemctl start reeld"
    monkeypatch.setattr(os.path, "expanduser", lambda path: path.replace(f"~{OWNER}", str(tmp_path / "home")))
    (tmp_path / "home" / ".reeld-test").mkdir(parents=True)
    (tmp_path / "home" / ".reeld-test" / "reeld.service").touch()
    assert systemctl("stop", str(world.database), folders) == f"sudo systemctl --user -M {OWNER}@ stop reeld"
    monkeypatch.setattr(os, "geteuid", lambda: pwd.getpwnam(OWNER).pw_uid)
    assert systemctl("stop", str(world.database), folders) == "systemctl --user stop reeld"
    assert service_unit.service_user(str(world.database), folders) == OWNER
