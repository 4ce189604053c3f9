"""Does the doctor find what is wrong, say what to do, and touch nothing?"""

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from peewee import sqlite3

from reeld.config import Config, Library, MetricsSettings
from reeld.diagnose import doctor, health
from reeld.diagnose.dropin import drop_in
from reeld.diagnose.health import Finding, HealthInputs, quick_checks
from reeld.diagnose.metrics_reach import SERVICE_CONFIG, unit_trouble
from reeld.diagnose.service_unit import systemctl
from reeld.domain.status import RunningStatus, WatcherStatus, WatchStatus
from reeld.sandbox import Limits
from reeld.service.worker_pool import WorkerPool
from reeld.watch.limits import CannotWatch, delivers_events, shortage
from reeld.watch.mounts import Mount
from reeld.watch.walk import RootSeen
from tests.privileges import humble, humbly
from tests.service.harness import RunningDaemon, World, new_world
from tests.videos import make_video, remux

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.fixture
def world() -> Iterator[World]:
    with new_world() as new:
        (new.library / "Heat (1995)").mkdir()
        make_video(new.library / "Heat (1995)" / "Heat (1995).mkv", seed=1)
        assert new.reeld("scan").returncode == 0
        yield new


def rows(world: World, *, code: int = 0) -> list[dict[str, Any]]:
    done = world.reeld("doctor", "--json")
    assert done.returncode == code, done.stdout.decode() + done.stderr.decode()
    return [json.loads(line) for line in done.stdout.splitlines()]


def problems(world: World, *, code: int = os.EX_UNAVAILABLE) -> list[dict[str, Any]]:
    return [row for row in rows(world, code=code) if row["level"] == "problem"]


# --- when all is well ------------------------------------------------------------------------------------


def test_all_is_well_without_the_daemon_and_nothing_is_written_into_the_library(world: World) -> None:
    world.forks_children = False
    before = {path: path.stat() for path in [world.library, *world.library.rglob("*")]}
    found = rows(world)
    assert [row for row in found if row["level"] == "problem"] == []
    assert {row["check"] for row in found} >= {
        *("configuration", "rights", "database", "daemon", "space", "backups", "sqlite", "clock", "library", "events"),
        *("limits", "children"),
    }
    assert all(row.keys() == {"check", "level", "library", "message", "hint"} for row in found)
    assert [row["level"] for row in found if row["check"] == "children"] == ["good", "good"]
    for path, status in before.items():
        now = path.stat()
        assert (now.st_mtime_ns, now.st_ctime_ns) == (status.st_mtime_ns, status.st_ctime_ns)


def test_beside_the_running_daemon_its_own_word_counts_as_well(world: World) -> None:
    with RunningDaemon(World(root=world.root)) as daemon:
        daemon.assert_true()
        found = rows(world)
        said = [(row["check"], row["message"]) for row in found if row["level"] == "good"]
        assert ("daemon", f"reeld runs as process {daemon.pid}") in said
        assert ("events", "the daemon receives its file events") in said
        assert ("limits", "2 directories can be watched") in said


def test_the_doctor_says_of_how_many_files_reeld_reads_the_headers_itself(world: World) -> None:
    (world.library / "Alien (1979).ts").write_bytes(remux("mpegts"))
    world.said("scan")
    (said,) = [row for row in rows(world) if row["check"] == "headers"]
    asks = "and asks its prober about the others"
    assert (said["level"], said["message"]) == ("good", f"reeld reads the headers of 1 of 2 files itself, {asks}")


def test_before_the_first_start_nothing_is_wrong() -> None:
    with new_world() as world:
        shutil.rmtree(world.state)
        found = rows(world)
        assert [row["level"] for row in found if row["check"] == "database"] == ["note"]
        assert not world.state.exists()


def test_a_person_reads_one_line_for_each_finding(world: World) -> None:
    lines = world.said("doctor").splitlines()
    assert "good     database: whole" in "\n".join(lines)
    assert all(line.split()[0] in ("good", "note", "hint:") for line in lines)


# --- when it is not --------------------------------------------------------------------------------------


def test_every_complaint_about_the_configuration_is_a_finding_and_78_the_exit_code(world: World) -> None:
    world.config.write_text('[settle]\nquiet_s = -1\n[hash]\nfull = "yes"\n')
    found = problems(world, code=os.EX_CONFIG)
    assert [row["check"] for row in found] == ["configuration", "configuration"]
    assert "quiet_s" in found[0]["message"]


def test_a_damaged_catalogue_is_found_and_the_way_back_said(world: World) -> None:
    with world.database.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 4096 * 10)
    (found,) = problems(world)
    assert found["check"] == "database"
    assert "reeld restore-backup" in found["hint"]
    screen = world.reeld("doctor").stdout.decode()
    assert "\\n" not in screen, "the commands have lines of their own"
    assert re.search(r"^ +reeld .*restore-backup", screen, re.MULTILINE), screen


@pytest.mark.parametrize("left", ["backups", "its log"])
def test_a_catalogue_that_is_gone_is_a_problem_told_with_the_way_back(world: World, left: str) -> None:
    """A catalogue that is gone is a problem and whoever looks is told the way back."""
    if left == "its log":
        shutil.rmtree(world.state / "backups")
        world.database.with_name("reeld.db-wal").write_bytes(b"x")
    world.database.unlink()
    todo = "reeld restore-backup" if left == "backups" else "put the file back"
    (found,) = problems(world)
    assert (found["check"], todo in found["hint"]) == ("database", True)
    for command in (["status"], ["list", "movies"], ["show", "1"], ["pending"], ["retry", "--all"]):
        done = world.reeld(*command)
        assert done.returncode == os.EX_DATAERR, command
        assert b"there is no catalogue at" in done.stderr
        assert b"any more" in done.stderr
        assert todo.encode() in done.stderr
    assert not world.database.exists()


def test_rows_that_name_others_that_are_not_there_are_found(world: World) -> None:
    with contextlib.closing(sqlite3.connect(world.database)) as other, other:
        other.execute("DELETE FROM libraries")
    assert any("1 rows name others" in row["message"] for row in problems(world))


def test_a_damaged_backup_is_found(world: World) -> None:
    (backup,) = (world.state / "backups").iterdir()
    backup.write_bytes(backup.read_bytes()[:9000])
    (found,) = problems(world)
    assert (found["check"], str(backup) in found["message"]) == ("backups", True)


def test_a_backup_that_is_too_old_is_said_by_doctor_and_status_alike(world: World) -> None:
    (backup,) = (world.state / "backups").iterdir()
    backup.rename(backup.with_name("reeld-20200101T000000Z-schema3.db"))
    (found,) = problems(world)
    assert "2020-01-01" in found["message"]
    assert found in world.rows("status")[0]["findings"]
    assert f"problem: {found['message']}\n    hint: {found['hint']}\n" in world.said("status")


def test_mounts_whose_inode_numbers_prove_nothing_are_named_and_no_fault(world: World) -> None:
    with contextlib.closing(sqlite3.connect(world.database)) as other, other:
        other.execute(
            "UPDATE libraries SET filesystem_identity = json_set(filesystem_identity, '$.below', json(?))",
            ('{"usb": {"fs_type": "exfat", "keeps_inodes": false}, "b": {"fs_type": "ext4", "is_renumbered": true}}',),
        )
    found = [row for row in world.rows("status")[0]["findings"] if row["check"] == "inodes"]
    assert [row["level"] for row in found] == ["note", "note"]
    texts = ("usb (exfat)", "may not last"), ("b (ext4)", "did not last")
    assert all(part in row["message"] for parts, row in zip(texts, found, strict=True) for part in parts)
    said = world.said("status")
    assert all(f"    {row['message']}\n" in said for row in found)
    assert not [row for row in rows(world) if row["level"] == "problem"]


def test_a_library_that_is_not_there_is_a_problem(world: World) -> None:
    world.library.rename(world.root / "elsewhere")
    (found,) = problems(world)
    assert (found["check"], found["library"]) == ("library", "L")
    assert "does not exist" in found["message"]


def test_a_library_that_is_away_is_told_of_once_beside_the_daemon_and_without_it(world: World) -> None:
    with RunningDaemon(World(root=world.root)) as daemon:
        daemon.assert_true()
        world.library.rename(world.root / "elsewhere")
        daemon.wait_until(lambda: world.rows("list", "libraries")[0]["state"] == "offline", "it is offline")
        (beside,) = (row for row in rows(world, code=os.EX_UNAVAILABLE) if row["check"] == "library")
    (without,) = (row for row in rows(world, code=os.EX_UNAVAILABLE) if row["check"] == "library")
    assert beside == without
    assert (beside["level"], "does not exist" in beside["message"]) == ("problem", True)


def test_a_library_that_is_away_since_reeld_stopped_is_not_called_good(world: World) -> None:
    world.library.rename(world.root / "elsewhere")
    assert [row["level"] for row in rows(world, code=os.EX_UNAVAILABLE) if row["check"] == "library"] == ["problem"]


def test_a_library_that_is_not_in_the_configuration_any_more_is_not_called_good(world: World) -> None:
    (world.root / "other").mkdir()
    world.libraries = {"other": world.root / "other"}
    world.write_config()
    assert "L" not in {row["library"] for row in rows(world)}


@pytest.mark.needs_root
def test_folders_that_may_not_be_read_are_named() -> None:
    humbly(["true"])
    with new_world(is_humble=True) as world:
        closed = world.library / "closed \x1b[31m"
        closed.mkdir()
        closed.chmod(0)
        for path in (world.root, world.library, world.state, world.home):
            path.chmod(0o777)
        try:
            found = problems(world)
        finally:
            closed.chmod(0o755)
        assert [(row["check"], row["library"]) for row in found] == [("rights", "L")]
        assert "closed \\x1b[31m" in found[0]["message"]


def test_what_the_daemon_refused_is_a_problem(world: World) -> None:
    with RunningDaemon(World(root=world.root)) as daemon:
        good = world.config.read_text()
        world.config.write_text(good + "\n[nonsense]\n")
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("config.refused")
        world.config.write_text(good)
        daemon.wait_until(lambda: world.rows("status")[0]["config_error"], "the status tells")
        (found,) = problems(world)
        assert found["check"] == "configuration"
        assert "nonsense" in found["message"]


# --- single checks ---------------------------------------------------------------------------------------


def test_too_many_directories_are_said_with_the_exact_line() -> None:
    said = shortage(2**40)
    assert said is not None
    assert f"={2 * 2**40} " in said
    assert "sudo sysctl -w " in said
    assert shortage(0) is None


def test_a_look_into_a_directory_is_told_and_no_file_can_be_watched(tmp_path: Path) -> None:
    assert delivers_events(str(tmp_path)) is True
    (tmp_path / "file").touch()
    with pytest.raises(CannotWatch):
        delivers_events(str(tmp_path / "file"))
    with pytest.raises(CannotWatch):
        delivers_events(str(tmp_path / "nowhere"))


def sight(tmp_path: Path, **more: Any) -> HealthInputs:
    config = Config(source=None, libraries=(), database_path=str(tmp_path / "reeld.db"))
    return HealthInputs(**{"config": config, "running": None, "now": NOW, **more})


@pytest.mark.parametrize(("count", "words"), [(1, "1 file failed"), (2, "2 files failed")])
def test_files_that_failed_are_counted_in_words_that_fit(tmp_path: Path, count: int, words: str) -> None:
    (found,) = of("files", quick_checks(sight(tmp_path, failed=count)))
    assert found.message == words
    assert found.hint is not None
    assert "reeld retry --all" in found.hint


def test_damaged_files_are_a_problem_that_says_what_to_do(tmp_path: Path) -> None:
    (found,) = of("damage", quick_checks(sight(tmp_path, problems={"damaged": 1, "unstable": 0, "unreadable": 2})))
    assert (found.level, found.message) == ("problem", "not as they were hashed: 1 file damaged, 2 files unreadable")
    assert found.hint is not None
    assert "reeld list files" in found.hint
    assert of("damage", quick_checks(sight(tmp_path, problems={"damaged": 0, "unstable": 0, "unreadable": 0}))) == []


def of(check: str, findings: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.check == check]


def row(**more: Any) -> dict[str, Any]:
    return {"name": "L", "state": "online", "state_reason": None, "checked_at": NOW.isoformat(), **more}


def test_how_reeld_is_started_and_reloaded_is_said_as_it_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = {"systemctl": [str(tmp_path / "system")], "systemctl --user": [str(tmp_path / "user")]}
    monkeypatch.setattr(health, "systemctl", lambda verb, catalog: systemctl(verb, catalog, folders))

    def said() -> list[str]:
        refused = sight(tmp_path, running=RunningStatus(pid=7, config_error="a mistake"))
        running, (reloaded,) = of("daemon", quick_checks(sight(tmp_path))), of("configuration", quick_checks(refused))
        assert running[0].hint is not None
        assert reloaded.hint is not None
        return [running[0].hint.split("start it: ")[1], reloaded.hint.split("then run: ")[1]]

    assert said() == ["reeld run", "kill -HUP 7"]
    for folder, command in (("user", "systemctl --user"), ("system", "systemctl")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "reeld.service").touch()
        assert said() == [f"{command} start reeld", f"{command} reload reeld"]


def with_metrics(state: Path, metrics: MetricsSettings, **more: Any) -> list[Finding]:
    config = Config(source=None, libraries=(), database_path=str(state / "reeld.db"), metrics=metrics)
    return of("metrics", quick_checks(sight(state, config=config, **more)))


def test_a_port_of_the_metrics_that_does_not_answer_is_a_problem(tmp_path: Path) -> None:
    """No drop-in lets it out of the unit, or another program has it."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = int(other.getsockname()[1])
        wanted = MetricsSettings(port=port)
        answering = threading.Thread(target=lambda: _answer(other))
        answering.start()
        (foreign,) = with_metrics(tmp_path, wanted, running=RunningStatus(pid=7, command="run"))
        answering.join()
    (refused,) = with_metrics(tmp_path, wanted, running=RunningStatus(pid=7, command="run"))
    assert (foreign.level, refused.level) == ("problem", "problem")
    assert f"port {port} answers something else" in foreign.message
    assert f"port {port} cannot be reached from here (Connection refused)" in refused.message
    assert refused.hint is not None
    assert "reeld config drop-in" in refused.hint
    in_force = RunningStatus(pid=7, command="run", config={"metrics": {"port": 0}})
    assert with_metrics(tmp_path, wanted, running=in_force) == [], "what is in force counts"
    assert [it.level for it in with_metrics(tmp_path, wanted)] == ["good"], "without reeld nothing listens"


def _answer(server: socket.socket) -> None:
    channel, _ = server.accept()
    with channel:
        channel.recv(1 << 16)
        channel.sendall(b"HTTP/1.1 200 OK\r\n\r\nnode_load1 7\n")


def test_a_unit_without_the_drop_in_of_the_metrics_is_a_problem(tmp_path: Path) -> None:
    metrics = MetricsSettings(port=9810, textfile_directory="/srv/my metrics")
    config = Config(source=SERVICE_CONFIG, libraries=(), database_path="/var/lib/reeld/reeld.db", metrics=metrics)
    units = tmp_path / "system"

    def said() -> list[str]:
        return [message for message, _ in unit_trouble(config, [str(units)])]

    assert said() == [], "no unit is installed"
    (units / "reeld.service.d").mkdir(parents=True)
    (units / "reeld.service").touch()
    assert [("no network" in line, "write nothing" in line) for line in said()] == [(True, False), (False, True)]
    (units / "reeld.service.d" / "libraries.conf").write_text(drop_in(config, str))
    assert said() == []
    (units / "reeld.service.d" / "libraries.conf").unlink()
    assert list(unit_trouble(replace(config, source="/home/ada/config.toml"), [str(units)])) == []


def test_a_folder_of_the_metrics_that_is_missing_or_closed_is_said(world: World) -> None:
    folder = world.root / "textfile"
    wanted = MetricsSettings(textfile_directory=str(folder))
    (missing,) = with_metrics(world.state, wanted)
    assert (missing.level, missing.message) == ("problem", f"the metrics' folder {folder} is missing")
    folder.mkdir(mode=0o555)
    with humble():
        (refused,) = with_metrics(world.state, wanted)
    assert (refused.level, refused.message) == ("problem", f"the metrics' folder {folder} cannot be written to")
    folder.chmod(0o750)
    closed, good = with_metrics(world.state, wanted)
    assert (closed.level, good.level) == ("note", "good")
    assert f"because of {folder}" in closed.message


def test_the_sqlite_that_runs_is_named_with_what_it_matters_for(tmp_path: Path) -> None:
    (found,) = of("sqlite", quick_checks(sight(tmp_path)))
    assert sqlite3.sqlite_version in found.message
    assert "damage" in found.message


def test_a_clock_that_was_put_back_is_a_problem(tmp_path: Path) -> None:
    (clock,) = of("clock", quick_checks(sight(tmp_path, libraries=[row()], now=NOW - timedelta(days=1))))
    assert clock.level == "problem"
    (clock,) = of("clock", quick_checks(sight(tmp_path, libraries=[row()])))
    assert clock.level != "problem"


def test_what_was_rescued_of_a_lost_catalogue_is_no_backup_of_the_present_one(tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    (folder / "reeld-20261123T120000Z-schema7-rescued.db").touch()
    (found,) = of("backups", quick_checks(sight(tmp_path)))
    assert "there is no backup of the catalogue yet" in found.message
    (folder / "reeld-20261023T120000Z-schema7.db").touch()
    (found,) = of("backups", quick_checks(sight(tmp_path)))
    assert (found.level, "made on 2026-10-23" in found.message) == ("problem", True)


def test_a_clock_that_was_ahead_is_no_problem_once_a_backup_was_made_since(tmp_path: Path) -> None:
    folder, right = tmp_path / "backups", f"reeld-{NOW - timedelta(hours=1):%Y%m%dT%H%M%SZ}-schema7.db"
    folder.mkdir()
    (folder / "reeld-20271124T120000Z-schema7.db").touch()
    removed = row(name="Old", state="removed", checked_at="2027-11-24T12:00:00+00:00")
    (clock,) = of("clock", quick_checks(sight(tmp_path, libraries=[removed])))
    assert clock.level == "problem"
    assert "was ahead then, or is behind now" in clock.message
    (folder / right).touch()
    found = quick_checks(sight(tmp_path, libraries=[row(), removed]))
    assert of("clock", found)[0].level != "problem"
    assert "made on 2026-11-24 11:00 UTC" in of("backups", found)[0].message


def test_what_the_daemon_says_of_a_library_is_a_finding(tmp_path: Path) -> None:
    watching = WatchStatus(mode="polling", is_degraded=True, why="no watches left", directories=5)
    watcher = WatcherStatus(name="L", is_first_turn_over=True, trouble="it does not answer", watching=watching)
    running = RunningStatus(pid=7, catalog_problems=("the disk is full",), libraries=(watcher,))
    found = quick_checks(sight(tmp_path, libraries=[row(state="on_hold", state_reason="gone")], running=running))
    assert [(each.check, each.about) for each in found if each.level == "problem"] == [
        ("database", None),
        ("library", "L"),
        ("library", "L"),
        ("events", "L"),
    ]
    assert "on hold: gone" in [each.message for each in found]


def test_a_network_file_system_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = [
        Mount(mount_point="/", fs_type="ext4", source="/dev/sda", device=(8, 1)),
        Mount(mount_point=str(tmp_path), fs_type="nfs4", source="nas:/films", device=(0, 40)),
    ]
    monkeypatch.setattr(doctor, "all_mounts", lambda: mounts)
    root = RootSeen(device=1, inode=1, real_path=str(tmp_path))
    (found,) = doctor._file_systems(Library(name="L", path=str(tmp_path)), root)
    assert (found.level, found.check) == ("note", "file system")
    assert list(doctor._file_systems(Library(name="L", path=str(tmp_path), watch="events"), root)) == []


def test_children_that_do_not_start_or_answer_wrongly_are_problems() -> None:
    gone = doctor._child(
        "reads", WorkerPool("reeld.nowhere", 1, Limits()), lambda pool: bool(pool.call({}, timeout_s=150))
    )
    assert gone.level == "problem"
    assert "cannot be started" in gone.message
    pool = WorkerPool("tests.service.echo_child", 1, Limits())
    assert doctor._child("reads", pool, lambda pool: "x" in pool.call({}, timeout_s=150)).level == "problem"


@pytest.mark.parametrize(
    ("module", "level"), [("tests.service.unfiltered_child", "note"), ("tests.service.echo_child", "good")]
)
def test_the_doctor_says_whether_a_filter_of_system_calls_is_in_force(module: str, level: str) -> None:
    pool = WorkerPool(module, 1, Limits())
    found = doctor._child("reads", pool, lambda pool: bool(pool.call({}, timeout_s=150)))
    if not pool.landlock_abi:
        pytest.skip("this kernel has no Landlock, which is said first")
    assert (found.level, "seccomp" in found.message) == (level, True)


def test_a_disk_that_does_not_answer_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = threading.Event()
    monkeypatch.setattr(doctor, "LONGEST_SCAN_S", 0.05)
    monkeypatch.setattr(doctor, "check_root", lambda _path: answers.wait(30))
    count, (found,) = doctor._check_library(Library(name="L", path="/dead"))
    answers.set()
    assert (count, found.level) == (0, "problem")
    assert "does not answer" in found.message
    assert found.hint is not None


# --- a catalogue that cannot be written ------------------------------------------------------------------


@pytest.fixture
def state(world: World) -> Iterator[Path]:
    """The folder of the catalogue, whose attributes and mounts are taken back at the end."""
    yield world.state
    subprocess.run(["chattr", "-R", "-f", "-i", "-a", world.state], check=False)
    subprocess.run(["umount", "-l", world.state], check=False, stderr=subprocess.DEVNULL)


def _run(*command: str | Path) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"{command[0]} does not work here: {done.stderr.strip()}")


def _on_a_small_disk(state: Path, *options: str) -> None:
    """Let the folder lie on a disk of 4 MiB, with all that it holds."""
    copy = state.with_name("copy")
    shutil.copytree(state, copy)
    _run("mount", "-t", "tmpfs", "-o", "size=4m,nr_inodes=64", "none", state)
    shutil.copytree(copy, state, dirs_exist_ok=True)
    for option in options:
        _run("mount", "-o", f"remount,{option}", state)


def _fill(state: Path) -> None:
    _on_a_small_disk(state)
    with contextlib.suppress(OSError), (state / "filling").open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass


def _take_all_inodes(state: Path) -> None:
    _on_a_small_disk(state)
    with contextlib.suppress(OSError):
        for number in range(100):
            (state / str(number)).touch()


@pytest.mark.needs_root
@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda state: _on_a_small_disk(state, "ro"), "mounted read-only"),
        (_take_all_inodes, "No space left"),
        (_fill, "No space left"),
        (lambda state: _run("chattr", "+i", state), "immutable"),
        (lambda state: _run("chattr", "+a", state), "append-only"),
        (lambda state: _run("chattr", "+i", state / "reeld.db"), "immutable"),
        (lambda state: _run("chattr", "+a", state / "reeld.db"), "append-only"),
    ],
    ids=["read-only", "no inode", "full", "immutable", "append-only", "immutable file", "append-only file"],
)
def test_a_folder_of_the_catalogue_that_cannot_be_written_is_found(
    world: World, state: Path, spoil: Callable[[Path], None], words: str
) -> None:
    spoil(state)
    found = problems(world)
    assert [row["hint"] for row in found if row["check"] == "rights" and words in row["message"]], found


def test_a_folder_of_the_catalogue_that_may_not_be_written_is_found() -> None:
    with new_world(is_humble=True) as world:
        world.state.chmod(0o555)
        (found,) = [row for row in problems(world) if row["check"] == "rights"]
        world.state.chmod(0o755)
        assert "is not writable (Permission denied)" in found["message"]


def test_a_folder_of_the_catalogue_that_cannot_be_made_is_found(tmp_path: Path) -> None:
    with new_world() as world:
        file = tmp_path / "file"
        file.touch()
        config = world.config.read_text()
        for below in ("reeld.db", "a/b/reeld.db"):
            world.config.write_text(config.replace(str(world.database), str(file / below)))
            assert next(row["check"] for row in problems(world)) == "rights"


@pytest.mark.needs_root
def test_a_folder_that_keeps_the_group_out_is_found(world: World) -> None:
    world.config.write_text(world.config.read_text().replace("[database]\n", '[database]\ngroup = "daemon"\n'))
    world.state.chmod(0o700)
    (found,) = problems(world)
    assert found["message"].startswith(f"the group daemon may not enter {world.state}")
    assert "chgrp daemon" in found["hint"]
    world.state.chmod(0o755)
    assert problems(world, code=os.EX_OK) == []
