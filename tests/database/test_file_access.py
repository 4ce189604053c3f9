"""Test who may read the catalogue and the files beside it, with any umask."""

import grp
import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reeld.catalog.import_ import import_catalog
from reeld.database.backup import copy_to, save_backup
from reeld.database.connection import close_catalog, maintaining, open_catalog
from reeld.database.file_access import Readers, let_read, protect
from reeld.database.restore import restore
from reeld.domain.status import RunningStatus
from reeld.service.instance_lock import InstanceLock
from tests.catalog.test_export_import import lines_of
from tests.report.test_prometheus import with_file
from tests.service.harness import DRIVER, RunningDaemon, World, new_world
from tests.service.warm_start import warm_start
from tests.videos import make_video

AT = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)

OTHER = 64_998
"""A user that no machine has."""

MEMBERS = 64_997
"""A group that no machine has; root may give files to it all the same."""


@pytest.fixture(params=[0o000, 0o022, 0o777], ids=oct)
def _umask(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.fixture(autouse=True)
def _nobody_stays_let_in() -> Iterator[None]:
    yield
    let_read("")


def use_all(folder: Path) -> None:
    """Make every file that may lie beside a catalogue: a lock, a log, backups, an import, a restored one."""
    catalog = str(folder / "a" / "reeld.db")
    with InstanceLock(catalog) as lock:
        open_catalog(catalog, create=True)
        backup = save_backup(maintaining, catalog, AT)
        copy_to(maintaining, str(folder / "a" / "copy"))
        lock.publish(RunningStatus(started=1))
        assert_modes(folder)
        from reeld.catalog.export import export

        lines = lines_of(export())
        close_catalog()
        import_catalog(lines, str(folder / "a" / "other.db"))
        restore(catalog, backup.path, AT)
        open_catalog(catalog, create=True)
        assert_modes(folder)
        close_catalog()


def assert_modes(folder: Path) -> None:
    wanted = (0o600, 0o700) if Readers.group is None else (0o640, 0o750)
    for path in folder.rglob("*"):
        if "replaced-" in path.as_posix():  # closed to all others by its folder
            continue
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == wanted[path.is_dir()], f"{path}: {mode:o}"
        if Readers.group is not None:
            assert path.stat().st_gid == Readers.group, path


@pytest.mark.usefixtures("_umask")
def test_everything_is_its_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    use_all(tmp_path)
    names = {path.name for path in (tmp_path / "a").rglob("*")}
    assert names >= {"reeld.db", "reeld.db.lock", "backups", "copy", "other.db"}


@pytest.mark.needs_root
@pytest.mark.usefixtures("_umask")
def test_everything_is_the_groups_as_well_where_one_is_configured(tmp_path: Path) -> None:
    Readers.group = MEMBERS
    use_all(tmp_path)


@pytest.mark.needs_root
def test_what_root_writes_beside_a_catalogue_keeps_the_configured_group(tmp_path: Path) -> None:
    """Its owner is that of the folder, but not its group: that may be another one, whose members are not let in."""
    Readers.group = MEMBERS
    path = tmp_path / "reeld.db"
    with InstanceLock(str(path)) as lock:
        open_catalog(str(path), create=True)
        lock.publish(RunningStatus(started=1))
        backup = save_backup(maintaining, str(path), AT).path
        close_catalog()
        groups = {each: os.stat(each).st_gid for each in (path, f"{path}.status", f"{path}.lock", backup)}
    assert set(groups.values()) == {MEMBERS}, groups


def test_what_an_older_reeld_left_open_is_closed_at_the_start_with_a_word() -> None:
    with new_world() as world:
        open_catalog(str(world.database), create=True)
        backup = save_backup(maintaining, str(world.database), AT).path
        close_catalog()
        for path in (world.database, Path(backup)):
            path.chmod(0o644)
        with RunningDaemon(world) as daemon:
            daemon.assert_true()
            told = {event["path"]: event["mode"] for event in daemon.log if event["event"] == "catalog.protected"}
            assert told == {str(world.database): "0644", backup: "0644"}
            beside = [*world.state.iterdir(), *world.state.glob("backups/*")]
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in beside if path.is_file()}
            assert modes.keys() >= {f"reeld.db{ending}" for ending in ("", "-wal", "-shm", ".lock", ".status")}
            assert set(modes.values()) == {0o600}, modes
            daemon.stop()
            mark = daemon.mark()
            daemon.start()
            assert daemon.find("catalog.protected", since=mark) is None


def test_what_its_owner_may_not_write_stays_so_and_a_link_is_not_followed(tmp_path: Path) -> None:
    file, link = tmp_path / "file", tmp_path / "link"
    file.touch(0o444)
    link.symlink_to(file)
    assert protect(str(link)) is None
    assert protect(str(file)) == 0o444
    assert stat.S_IMODE(file.stat().st_mode) == 0o400
    assert protect(str(file)) is None
    assert protect(str(tmp_path / "none")) is None


def test_a_group_that_is_none_is_refused() -> None:
    with new_world() as world:
        world.config.write_text(world.config.read_text().replace("[database]\n", '[database]\ngroup = "no such"\n'))
        done = world.reeld("config", "check")
        assert done.returncode == os.EX_CONFIG
        assert b"the name of a group of this machine" in done.stderr


@pytest.mark.needs_root
def test_a_member_of_the_group_reads_beside_the_daemon_and_others_do_not() -> None:
    """The group comes with a reload, and goes with the next."""
    with new_world() as world:
        make_video(world.library / "Heat (1995).mkv", seed=1)
        world.state.chmod(0o755)
        alone = world.config.read_text()
        shared = alone.replace("[database]\n", '[database]\ngroup = "daemon"\n')
        with RunningDaemon(world) as daemon:
            daemon.assert_true()
            world.config.write_text(shared)
            assert read_as(world, "daemon", "list", "files").returncode == os.EX_IOERR
            daemon.signal(1)
            daemon.wait_for("config.read")
            daemon.wait_until(lambda: (world.database.stat().st_mode & 0o777) == 0o640, "the group is let in")
            listed = read_as(world, "daemon", "list", "files")
            assert listed.returncode == os.EX_OK, listed.stderr
            assert json.loads(listed.stdout)["path"] == str(world.library / "Heat (1995).mkv")
            (seen,) = map(json.loads, read_as(world, "daemon", "status").stdout.splitlines())
            assert seen["running"] is True
            refused = read_as(world, "daemon", "reject", "1")
            assert refused.returncode == os.EX_IOERR
            assert read_as(world, "nogroup", "list", "files").returncode == os.EX_IOERR
            world.config.write_text(alone)
            daemon.signal(1)
            daemon.wait_until(lambda: (world.database.stat().st_mode & 0o777) == 0o600, "it is not any more")


def read_as(world: World, group: str, *command: str) -> "subprocess.CompletedProcess[bytes]":
    """What a user who is a member of this group alone is told."""
    number = grp.getgrnam(group).gr_gid
    code = (
        "import os; from reeld.database.migrate import all_migrations; all_migrations(); os.setgroups([]);"
        f"os.setresgid({number}, {number}, {number}); os.setresuid({OTHER}, {OTHER}, {OTHER})"
    )
    return warm_start.run(
        [json.dumps({"code": code}), "--config", str(world.config), *command, "--json"],
        directory=Path("/"),
        environment=world.environment(),
    )


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_everyone_may_read_the_metrics_file_and_it_alone(umask: int) -> None:
    with new_world() as world:
        (world.root / "textfile").mkdir()
        file = with_file(world, period_s=3600) / "reeld.prom"
        world.program = [sys.executable, DRIVER, json.dumps({"code": f"import os; os.umask({umask})"})]
        with RunningDaemon(world) as daemon:
            daemon.wait_until(file.exists, "the file is written")
            # Not an hour after its disk has answered.
            daemon.wait_until(lambda: 'library="L",state="online"} 1.0' in file.read_text(), "the library is online")
            assert stat.S_IMODE(file.stat().st_mode) == 0o644
            if os.geteuid() == 0:  # as node_exporter, which is another user
                other = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "cat", str(file)]
                assert b"reeld_info" in subprocess.run(other, capture_output=True, check=True).stdout


@pytest.mark.parametrize(("created", "after"), [(None, 0o600), (0o604, 0o604)])
def test_an_export_in_a_file_that_the_shell_made_is_private(tmp_path: Path, created: int | None, after: int) -> None:
    with new_world() as world:
        target = tmp_path / "export.jsonl"
        if created is not None:
            target.touch()
            target.chmod(created)
        command = " ".join(map(json.dumps, world.command("--config", str(world.config), "export")))
        subprocess.run(["sh", "-c", f"umask 022; {command} > {target}"], env=world.environment(), check=True)
        assert target.stat().st_size
        assert stat.S_IMODE(target.stat().st_mode) == after
