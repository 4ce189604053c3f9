"""Dead and dying disks, hanging threads, clocks that jump, new configurations: the rest goes on, and says so."""

import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from reeld.content.opening import open_video
from reeld.errors import MachineExhausted
from reeld.service.shutdown import LONGEST_END_S
from tests import fuse
from tests.fuse import FuseDisk, fuse_disk
from tests.service.harness import PATIENCE_S, READING_STAGES, RunningDaemon, World, new_world
from tests.videos import make_video

DRIVER = str(Path(__file__).parent / "driver.py")

needs_root = pytest.mark.needs_root
skip_without_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
skip_without_fuse = pytest.mark.skipif(fuse.why_unavailable() is not None, reason=str(fuse.why_unavailable()))

IMPATIENT = {
    "reeld.service.timeouts.LONGEST_ANSWER_S": 0.5,
    "reeld.service.heartbeat.DISK_PATIENCE_S": 1.0,
    "reeld.service.heartbeat.SILENCE_S": 0.5,
    "reeld.service.daemon.LONGEST_END_S": 1.0,
    "reeld.pipeline.retry.FIRST_DELAY_S": 0.05,
    "reeld.pipeline.disk_health.FIRST_PAUSE_S": 0.5,
    "reeld.service.workers.LONGEST_SLEEP_S": 0.2,
}


def _with_faults(*hooks: str, patience: dict[str, float] | None = None) -> Sequence[str]:
    """What to run instead of `reeld`."""
    return (sys.executable, DRIVER, json.dumps({"hooks": hooks, "patience": patience or {}}))


def _trouble(world: World, library: str) -> str | None:
    (status,) = world.rows("status")
    (trouble,) = [row["problem"] for row in status["libraries"] if row["name"] == library]
    return None if trouble is None else str(trouble)


# --- a disk that does not answer, or with errors ---------------------------------------------------------


@pytest.fixture
def two_disks() -> Iterator[tuple[World, FuseDisk, Path, Path]]:
    """A world of a library on a disk that can be made to fail, with twelve films, and of one on a sound disk."""
    with new_world(program=_with_faults(patience=IMPATIENT)) as world:
        weak, backing = world.root / "weak", world.root / "backing"
        world.libraries = {"weak": weak, "sound": world.library}
        world.write_config()
        backing.mkdir()
        for seed in range(12):
            make_video(backing / f"Film {seed} (1999).mkv", seed=seed)
        with fuse_disk(backing, weak) as disk:
            yield world, disk, weak, world.library


@needs_root
@skip_without_fuse
def test_a_disk_that_never_answers_a_read_holds_up_nobody_else(
    two_disks: tuple[World, FuseDisk, Path, Path],
) -> None:
    """I17. More of its files wait than there are workers."""
    world, disk, weak, sound = two_disks
    disk.stall("read")
    with RunningDaemon(world) as daemon:
        failed = daemon.wait_for("disk.failed", path=str(weak))
        assert "does not answer" in failed["reason"]
        assert any("hashing.py" in where for where in failed["threads"].values()), "the log says where"
        make_video(sound / "Heat (1995).mkv", seed=50)
        daemon.wait_for("file.finished", path="Heat (1995).mkv")
        assert "does not answer" in (_trouble(world, "weak") or "")
        assert "does not answer" in world.said("status")
        assert _trouble(world, "sound") is None

        disk.heal()
        daemon.wait_for("disk.recovered", path=str(weak))
        daemon.assert_true()
        daemon.wait_until(lambda: _trouble(world, "weak") is None, "nothing is wrong any more")
        assert daemon.count("stage.failed") == 0
        assert daemon.count("stage.given_up") == 0


@needs_root
@skip_without_fuse
def test_a_disk_that_never_answers_at_all_keeps_nobody_from_being_ready(
    two_disks: tuple[World, FuseDisk, Path, Path],
) -> None:
    """I16: ready is said when every other library is watched, with the name of the one that is not."""
    world, disk, _, sound = two_disks
    disk.stall("getattr", "lookup", "readdir", "open")
    with RunningDaemon(world) as daemon:
        assert daemon.wait_for("daemon.ready")["not_answering"] == ["weak"]
        make_video(sound / "Heat (1995).mkv", seed=50)
        daemon.wait_for("file.finished", path="Heat (1995).mkv")
        daemon.wait_until(lambda: "does not answer" in (_trouble(world, "weak") or ""), "the status says so")
        disk.heal()
        daemon.assert_true()


@needs_root
@skip_without_fuse
@pytest.mark.parametrize("operations", [("read",), ("getattr", "lookup", "readdir")])
def test_it_ends_in_time_while_threads_wait_for_a_dead_disk_and_loses_no_work(
    two_disks: tuple[World, FuseDisk, Path, Path], operations: tuple[str, ...]
) -> None:
    """I18, with the patience of the real thing."""
    world, disk, weak, sound = two_disks
    world.program = _with_faults(patience={**IMPATIENT, "reeld.service.daemon.LONGEST_END_S": LONGEST_END_S})
    disk.stall(*operations)
    with RunningDaemon(world) as daemon:
        make_video(sound / "Heat (1995).mkv", seed=50)
        daemon.wait_for("disk.failed", path=str(weak))
        daemon.wait_for("file.finished", path="Heat (1995).mkv")
        assert daemon.stop() <= 10
        left = daemon.wait_for("thread.abandoned")
        assert left["where"], "the log says where it waits"
        assert world.ask_database("PRAGMA integrity_check") == [("ok",)]
        assert world.ask_database("SELECT count(*) FROM jobs WHERE attempts > 0 OR state = 'running'") == [(0,)]
        disk.heal()
        daemon.start()
        daemon.assert_true()


def test_it_ends_though_a_pool_raises_where_it_is_closed() -> None:
    """I18. Every other step of the end is taken, and what was raised is said."""
    with new_world(program=_with_faults("raise_where_children_are_closed")) as world, RunningDaemon(world) as daemon:
        make_video(world.library / "Heat (1995).mkv", seed=50)
        daemon.assert_true()
        daemon.stop()
        assert daemon.wait_for("end.failed")["step"] == "children"
        assert daemon.find("daemon.stopped")
        assert daemon.find("end.forced") is None
        assert world.ask_database("SELECT count(*) FROM jobs") == [(0,)]


def test_it_ends_though_children_are_never_closed_and_the_clock_goes_back() -> None:
    """I18. The kernel bounds the end, and no arithmetic with a clock."""
    faults = "never_come_back_from_closing_children", "turn_the_clock_back_at_the_end"
    patience = {"reeld.service.shutdown.FORCED_END_S": 0.5}
    with new_world(program=_with_faults(*faults, patience=patience)) as world, RunningDaemon(world) as daemon:
        make_video(world.library / "Heat (1995).mkv", seed=50)
        daemon.assert_true()
        daemon.stop()
        assert "join_all" in daemon.wait_for("end.forced")["where"]
        assert world.ask_database("PRAGMA integrity_check") == [("ok",)]


def test_a_reload_goes_on_though_a_pool_cannot_be_closed() -> None:
    patience = {**IMPATIENT, "reeld.service.stage_context.LONGEST_CLOSE_S": 0.2}
    program = _with_faults("never_come_back_from_closing_children", patience=patience)
    with new_world(program=program) as world, RunningDaemon(world) as daemon:
        daemon.assert_true()
        world.extra = "[hash]\nfull = false\n"
        world.write_config()
        mark = daemon.mark()
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("daemon.ready", since=mark)
        make_video(world.library / "Heat (1995).mkv", seed=50)
        daemon.wait_for("file.finished", path="Heat (1995).mkv", since=mark)
        daemon.stop()


@needs_root
@skip_without_fuse
def test_a_library_whose_disk_is_dead_can_be_taken_out_of_the_configuration(
    two_disks: tuple[World, FuseDisk, Path, Path],
) -> None:
    """Row 39. The thread that waits for the disk is left behind; what it brings back later counts no more."""
    world, disk, weak, sound = two_disks
    disk.stall("read")
    with RunningDaemon(world) as daemon:
        daemon.wait_for("disk.failed", path=str(weak))
        world.libraries = {"sound": sound}
        world.write_config()
        mark = daemon.mark()
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("daemon.ready", since=mark)
        make_video(sound / "Heat (1995).mkv", seed=50)
        daemon.wait_for("file.finished", path="Heat (1995).mkv", since=mark)
        disk.heal()
        world.libraries["weak"] = weak
        world.write_config()
        daemon.signal(signal.SIGHUP)
        daemon.assert_true()


def _leave_behind(world: World, daemon: RunningDaemon, libraries: dict[str, Path]) -> int:
    """Go on with these libraries, without the watcher that waits for the weak disk; a mark of the moment before."""
    world.libraries = libraries
    world.write_config()
    mark = daemon.mark()
    daemon.signal(signal.SIGHUP)
    daemon.wait_for("thread.abandoned", since=mark, thread="watch weak")
    daemon.wait_for("daemon.ready", since=mark)
    return mark


def _states(world: World) -> dict[str, str]:
    return dict(world.ask_database("SELECT name, state FROM libraries"))


@needs_root
@skip_without_fuse
def test_a_library_that_was_taken_out_stays_so_when_its_disk_answers_again(
    two_disks: tuple[World, FuseDisk, Path, Path],
) -> None:
    """Nor is a file added to it that waited there until its download is over."""
    world, disk, weak, sound = two_disks
    world.program = _with_faults("tell_of_watchers_ends", patience=IMPATIENT)
    download = world.root / "backing" / "New (2001).mkv.aria2"
    download.touch()
    make_video(world.root / "backing" / "New (2001).mkv", seed=99)
    with RunningDaemon(world) as daemon:
        daemon.wait_until(lambda: "New (2001)" in world.said("status", "--json"), "it waits")
        disk.stall("getattr", "lookup", "readdir", "open")
        daemon.wait_for("disk.failed", path=str(weak))
        download.unlink()
        mark = _leave_behind(world, daemon, {"sound": sound})
        disk.heal()
        daemon.wait_for("test.ended", since=mark, library="weak")
        assert _states(world) == {"weak": "removed", "sound": "online"}
        assert world.ask_database("SELECT path FROM video_files WHERE filename LIKE 'New%'") == []


@needs_root
@skip_without_fuse
def test_a_moved_library_stays_suspect_when_its_old_disk_answers_again(
    two_disks: tuple[World, FuseDisk, Path, Path],
) -> None:
    """A library that was moved to another folder stays suspect when its old disk answers again."""
    world, disk, weak, sound = two_disks
    world.program = _with_faults("tell_of_watchers_ends", patience=IMPATIENT)
    elsewhere = world.root / "elsewhere"
    elsewhere.mkdir()
    make_video(elsewhere / "Other (2010).mkv", seed=77)
    with RunningDaemon(world) as daemon:
        daemon.assert_true()
    disk.stall("getattr", "lookup", "readdir", "open")
    with RunningDaemon(world) as daemon:
        daemon.wait_for("disk.failed", path=str(weak))
        mark = _leave_behind(world, daemon, {"weak": elsewhere, "sound": sound})
        daemon.wait_until(lambda: _states(world)["weak"] == "unverified", "another folder is there")
        filesystem_identity = world.ask_database("SELECT filesystem_identity FROM libraries WHERE name = 'weak'")
        disk.heal()
        daemon.wait_for("test.ended", since=mark, library="weak")
        assert _states(world)["weak"] == "unverified"
        assert (
            world.ask_database("SELECT filesystem_identity FROM libraries WHERE name = 'weak'") == filesystem_identity
        )


@needs_root
@skip_without_fuse
def test_one_file_that_cannot_be_read_is_tried_again_and_then_set_aside(
    two_disks: tuple[World, FuseDisk, Path, Path],
) -> None:
    """I7. Its beginning can be read, its end not."""
    world, disk, weak, _ = two_disks
    backing = world.root / "backing"
    make_video(backing / "Broken (2001).mkv", seed=60, padding_bytes=3 << 20)
    disk.fail_reads("Broken", offset=2 << 20)
    with RunningDaemon(world) as daemon:
        given_up = daemon.wait_for("stage.given_up", path="Broken (2001).mkv")
        assert given_up["attempts"] == 3
        assert daemon.count("stage.failed", path="Broken (2001).mkv") == 2
        daemon.wait_until(lambda: daemon.count("file.finished") == 12, "the others are done")
        assert "cannot be read" in world.file(weak / "Broken (2001).mkv")["reason"]
        assert _trouble(world, "weak") is None
        disk.heal()
        world.said("retry", "--all")
        daemon.assert_true()


@needs_root
@skip_without_fuse
def test_a_dying_disk_rests_and_sets_no_file_aside(two_disks: tuple[World, FuseDisk, Path, Path]) -> None:
    """I7, I17. Twelve files fail, more often than a file may fail."""
    world, disk, weak, sound = two_disks
    disk.fail_reads()
    with RunningDaemon(world) as daemon:
        failed = daemon.wait_for("disk.failed", path=str(weak))
        assert "read errors" in failed["reason"]
        daemon.wait_until(lambda: daemon.count("stage.failed") > 8, "it is tried again, now and then")
        make_video(sound / "Heat (1995).mkv", seed=50)
        daemon.wait_for("file.finished", path="Heat (1995).mkv")
        assert "read errors" in (_trouble(world, "weak") or "")
        disk.heal()
        daemon.wait_for("disk.recovered", path=str(weak))
        daemon.assert_true()
        assert daemon.count("stage.given_up") == 0


# --- the machine has no room -----------------------------------------------------------------------------


def test_running_out_of_descriptors_is_no_files_fault_and_passes() -> None:
    program = _with_faults("run_out_of_descriptors", patience=IMPATIENT)
    with new_world(program=program) as world, RunningDaemon(world) as daemon:
        make_video(world.library / "Heat (1995).mkv", seed=1)
        daemon.assert_true()
        daemon.signal(signal.SIGUSR1)
        daemon.wait_for("test.allowed", descriptors=3)
        mark = daemon.mark()
        for seed in range(2, 8):
            make_video(world.library / f"Film {seed} (1999).mkv", seed=seed)
        daemon.wait_until(lambda: daemon.log[mark:], "it is noticed")
        daemon.signal(signal.SIGUSR2)
        daemon.assert_true()
        assert daemon.count("stage.given_up") == 0
        assert daemon.count("file.missing") == 0
        assert not any(row["level"] == "error" for row in daemon.log if "level" in row)


def test_a_file_is_not_called_unreadable_because_too_many_are_open(tmp_path: Path) -> None:
    """A file that cannot be opened because too many are open is not called unreadable."""
    path = make_video(tmp_path / "a.mkv")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        with pytest.raises(MachineExhausted, match="out of memory or open files") as caught, open_video(str(path)):
            pass
        assert "LimitNOFILE" in str(caught.value.hint)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


# --- what it may write to --------------------------------------------------------------------------------


@needs_root
@skip_without_root
def test_no_thread_can_write_to_a_video_not_even_on_a_disk_that_is_mounted_later() -> None:
    """Row 41. I10: the daemon's own threads try it, as root."""
    with new_world(program=_with_faults("try_to_write_to_videos")) as world:
        disk = world.library / "disk"
        disk.mkdir()
        make_video(world.library / "Heat (1995).mkv", seed=1)
        with RunningDaemon(world) as daemon:
            assert daemon.wait_for("process.confined")["landlock_abi"] >= 1
            daemon.assert_true()
            subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=777", "reeld-test", str(disk)], check=True)
            try:
                late = make_video(disk / "Brazil (1985).mkv", seed=2)
                make_video(world.library / "Clue (1985).mkv", seed=3)
                daemon.signal(signal.SIGHUP)  # no event tells of a mount; a start walks
                world.quiet_s = 0.2
                world.write_config()
                daemon.signal(signal.SIGHUP)
                daemon.wait_for("test.tried", path=str(late))
                daemon.assert_true()
                names = {row["by"].rstrip("0123456789") for row in daemon.log if row["event"] == "test.tried"}
                assert names == {"light-", "watch L"}
                assert [row for row in daemon.log if row["event"] == "test.tried" and row["done"]] == []
                assert sorted(os.listdir(disk)) == [late.name]
            finally:
                subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_kernel_without_landlock_is_no_reason_not_to_work() -> None:
    with new_world(program=_with_faults("without_landlock")) as world, RunningDaemon(world) as daemon:
        assert "Landlock" in daemon.wait_for("process.not_confined")["reason"]
        make_video(world.library / "Heat (1995).mkv")
        daemon.assert_true()


def test_a_catalogue_within_a_library_can_be_written_and_children_go_first() -> None:
    """A catalogue within a library can still be written and children still go first.

    I11: what confines the daemon does not keep a child from offering itself to the memory killer.
    """
    with new_world(forks_children=False) as world:
        world.state = world.library / ".reeld"
        world.database = world.state / "deep" / "reeld.db"
        world.write_config()
        make_video(world.library / "Heat (1995).mkv")
        with RunningDaemon(world) as daemon:
            daemon.assert_true()
            children = Path(f"/proc/{daemon.pid}/task/{daemon.pid}/children").read_text().split()
            tasks = [path.name for path in Path(f"/proc/{daemon.pid}/task").iterdir()]
            for task in tasks:
                children += Path(f"/proc/{daemon.pid}/task/{task}/children").read_text().split()
            scores = {Path(f"/proc/{child}/oom_score_adj").read_text().strip() for child in children}
            assert scores == {"1000"}
        assert world.reeld("scan").returncode == 0


# --- is it alive? ----------------------------------------------------------------------------------------


def _beats(daemon: RunningDaemon) -> int:
    return daemon.told.count("WATCHDOG=1")


def _ten_beats_later(daemon: RunningDaemon) -> None:
    """The main thread, which answers each SIGHUP, has gone on for the time of ten beats since."""
    moments: list[datetime] = []
    while not moments or moments[-1] - moments[0] < timedelta(seconds=1):
        mark = daemon.mark()
        daemon.signal(signal.SIGHUP)
        answer = daemon.wait_for("config.read", since=mark, is_changed=False)
        moments.append(datetime.fromisoformat(answer["timestamp"]))


def test_a_daemon_that_is_stopped_beats_no_more_and_again_when_it_goes_on() -> None:
    """Row 38. I16."""
    with new_world() as world, RunningDaemon(world, WATCHDOG_USEC="200000") as daemon:
        daemon.wait_until(lambda: _beats(daemon) >= 2, "it beats")
        assert daemon.told.index("WATCHDOG=1") >= 0
        daemon.signal(signal.SIGSTOP)
        state = Path(f"/proc/{daemon.pid}/stat")
        daemon.wait_until(lambda: state.read_text().rpartition(")")[2].split()[0] == "T", "it is stopped")
        beats = _beats(daemon)
        daemon.signal(signal.SIGCONT)
        daemon.wait_until(lambda: _beats(daemon) > beats + 1, "it beats again")


def test_without_a_watchdog_nothing_beats() -> None:
    with new_world() as world, RunningDaemon(world) as daemon:
        _ten_beats_later(daemon)
        assert _beats(daemon) == 0


def test_a_thread_that_hangs_in_reeld_itself_stops_the_heartbeat() -> None:
    """Row 38. I16: the thread fails on a file, and never comes to say what follows from that."""
    patience = {"reeld.service.heartbeat.PATIENCE_S": 2.0}
    with new_world(program=_with_faults("hang_before_a_commit", patience=patience), is_humble=True) as world:
        daemon = RunningDaemon(world, WATCHDOG_USEC="200000").start()
        try:
            daemon.wait_until(lambda: _beats(daemon) >= 2, "it beats")
            secret = make_video(world.root / "Heat (1995).mkv")
            secret.chmod(0)
            secret.rename(world.library / secret.name)
            stuck = daemon.wait_for("thread.stuck")
            assert stuck["thread"].startswith("light-")
            assert "runner.py" in stuck["where"]
            beats = _beats(daemon)
            _ten_beats_later(daemon)
            assert _beats(daemon) == beats
        finally:
            daemon.kill()


def test_upkeep_that_hangs_stops_the_heartbeat() -> None:
    """Row 38. I16."""
    patience = {"reeld.service.heartbeat.PATIENCE_S": 1.0, "reeld.service.daemon.LONGEST_MAINTENANCE_S": 1.0}
    with new_world(program=_with_faults("hang_in_upkeep", patience=patience)) as world:
        daemon = RunningDaemon(world, WATCHDOG_USEC="200000").start()
        try:
            stuck = daemon.wait_for("thread.stuck")
            assert stuck["thread"] == "maintenance"
            beats = _beats(daemon)
            _ten_beats_later(daemon)
            assert _beats(daemon) == beats
        finally:
            daemon.kill()


def test_a_thread_that_dies_ends_reeld_also_where_nothing_can_be_logged() -> None:
    """Whatever starts it anew is better than a reeld that goes on half-blind."""
    with new_world(program=_with_faults("die_without_a_word")) as world:
        daemon = RunningDaemon(world).start(is_ready=False)
        assert daemon.wait_for_end() == os.EX_SOFTWARE


@pytest.mark.parametrize("log", ["on a full disk", "without a reader"])
def test_a_daemon_whose_log_cannot_be_written_learns_on_and_ends_when_it_is_asked_to(log: str) -> None:
    with new_world() as world:
        reader, writer = os.pipe()
        full = os.open("/dev/full", os.O_WRONLY)
        with subprocess.Popen(
            world.command("--config", str(world.config), "run"),
            stderr=full if log == "on a full disk" else writer,
            env=world.environment(),
            cwd=world.root,
        ) as process:
            for descriptor in (full, writer, reader):
                os.close(descriptor)
            try:
                for seed, name in enumerate(("Heat (1995).mkv", "Alien (1979).mkv")):
                    path = str(make_video(world.library / name, seed=seed))
                    _wait_until(lambda: path in _finished(world))  # noqa: B023 - it is called at once
                process.terminate()
                assert process.wait(PATIENCE_S) == 0
            finally:
                process.kill()
        scan = world.command("--config", str(world.config), "scan")
        make_video(world.library / "Clue (1985).mkv", seed=2)
        with open("/dev/full", "wb") as no_room:
            assert subprocess.run(scan, stderr=no_room, env=world.environment(), check=False).returncode == 0
        assert len(_finished(world)) == 3


def _finished(world: World) -> set[str]:
    """The files of which all is known."""
    done = world.reeld("list", "files", "--json")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return {row["path"] for row in rows if row["file_hash"] is not None}


def _wait_until(is_true: Callable[[], bool]) -> None:
    """For a process that says nothing."""
    until = time.monotonic() + PATIENCE_S
    pause = threading.Event()
    while not is_true():
        assert time.monotonic() < until, f"not within {PATIENCE_S:g} s"
        pause.wait(0.25)


def test_a_thread_that_keeps_the_catalogue_stops_the_heartbeat() -> None:
    """Row 38. I16: whoever needs the catalogue waits for that thread, the main thread as well."""
    with new_world(program=_with_faults("hang_within_a_commit")) as world:
        daemon = RunningDaemon(world, WATCHDOG_USEC="200000").start()
        try:
            daemon.wait_until(lambda: _beats(daemon) >= 2, "it beats")
            make_video(world.library / "Heat (1995).mkv")
            daemon.wait_for("test.hung")
            system_call = Path(f"/proc/{daemon.pid}/task/{daemon.pid}/syscall")
            seen = [""]

            def is_waiting() -> bool:
                seen.append(system_call.read_text())
                return seen[-1].startswith("202 ") and len(set(seen[-8:])) == 1  # futex, one and the same

            daemon.wait_until(is_waiting, "the main thread waits for the catalogue")
            beats = _beats(daemon)
            daemon.signal(signal.SIGHUP)
            seen.clear()
            daemon.wait_until(lambda: is_waiting() and len(seen) >= 8, "and goes on waiting")
            assert _beats(daemon) == beats
            assert daemon.find("config.read") is None
        finally:
            daemon.kill()


@needs_root
@skip_without_fuse
def test_a_dead_disk_does_not_stop_the_heartbeat(two_disks: tuple[World, FuseDisk, Path, Path]) -> None:
    """I16. Starting anew would not wake the disk, and would take the other libraries along, again and again."""
    world, disk, weak, _ = two_disks
    world.program = _with_faults(patience={**IMPATIENT, "reeld.service.heartbeat.PATIENCE_S": 1.0})
    disk.stall("read")
    with RunningDaemon(world, WATCHDOG_USEC="200000") as daemon:
        daemon.wait_for("disk.failed", path=str(weak))
        beats = _beats(daemon)
        daemon.wait_until(lambda: _beats(daemon) > beats + 20, "it beats on, for longer than the patience")
        assert daemon.find("thread.stuck") is None


# --- another configuration -------------------------------------------------------------------------------


def test_a_bad_configuration_is_refused_as_a_whole_and_the_old_one_stays() -> None:
    """Row 39. I17."""
    with new_world() as world, RunningDaemon(world) as daemon:
        good = world.config.read_text()
        mark = daemon.mark()
        world.config.write_text(good.replace("quiet_s", "quite_s").replace("[log]", "[log]\ncolour = 1"))
        daemon.signal(signal.SIGHUP)
        refused = daemon.wait_for("config.refused", since=mark)
        assert "quite_s" in refused["reason"]
        assert "colour" in refused["reason"], "all complaints at once"
        daemon.wait_until(lambda: "quite_s" in (_told(world)["config_error"] or ""), "the status says so")
        make_video(world.library / "Heat (1995).mkv")
        daemon.wait_for("file.finished")

        world.config.write_text(good.replace(str(world.database), str(world.root / "other.db")))
        daemon.signal(signal.SIGHUP)
        daemon.wait_until(lambda: "restart reeld" in str(daemon.log[-1].get("reason")), "another catalogue is refused")

        world.config.write_text(good)
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("config.read", since=mark, is_changed=False)
        daemon.wait_until(lambda: _told(world)["config_error"] is None, "nothing is to mend any more")
        daemon.assert_true()
        assert daemon.find("daemon.reloading") is None


def _told(world: World) -> dict[str, Any]:
    """What the daemon says of itself; `reeld status` would read the broken configuration as well."""
    status = world.state / "reeld.db.status"
    return dict(json.loads(status.read_text()))


def test_a_good_configuration_is_taken_over_without_losing_work_or_the_lock() -> None:
    """Row 39. A library more, one fewer, in the middle of the work; it stays ready for whoever asked."""
    with new_world() as world:
        second = world.root / "second"
        second.mkdir()
        for seed in range(10):
            make_video(world.library / f"Film {seed} (1999).mkv", seed=seed, padding_bytes=1 << 20)
        with RunningDaemon(world) as daemon:
            pid, mark = daemon.pid, daemon.mark()
            daemon.told.clear()
            make_video(second / "Heat (1995).mkv", seed=50)
            world.libraries = {"L": world.library, "second": second}
            world.write_config()
            daemon.signal(signal.SIGHUP)
            daemon.wait_for("daemon.reloading")
            daemon.wait_for("daemon.ready", since=mark)
            assert daemon.pid == pid
            daemon.assert_true()
            states = [line for message in daemon.told for line in message.split("\n")]
            assert states[0] == "RELOADING=1"
            assert states[1].startswith("MONOTONIC_USEC=")
            assert "READY=1" in states[2:]
            assert "STOPPING=1" not in states
            assert world.reeld("scan").returncode == os.EX_TEMPFAIL, "the lock was never given back"

            world.libraries = {"second": second}
            world.write_config()
            mark = daemon.mark()
            daemon.signal(signal.SIGHUP)
            daemon.wait_for("daemon.ready", since=mark)
            assert {row["name"]: row["state"] for row in world.rows("list", "libraries")} == {
                "L": "removed",
                "second": "online",
            }
            by_library = {row["library"]: row["state"] for row in world.rows("list", "files")}
            assert by_library == {"L": "library_removed", "second": "present"}
            make_video(second / "Clue (1985).mkv", seed=51)
            daemon.wait_for("file.finished", path="Clue (1985).mkv", since=mark)


# --- clocks ----------------------------------------------------------------------------------------------


def test_a_clock_that_jumps_a_day_reads_nothing_again_and_holds_nothing_up() -> None:
    """Row 40."""
    patience = {**IMPATIENT, "reeld.pipeline.retry.FIRST_DELAY_S": 1.0}
    often = "[watch]\nreconcile_s = 0.3\nfull_walk_h = 0.0001\n"
    with new_world(program=_with_faults("jump_in_time", patience=patience), extra=often, is_humble=True) as world:
        for seed in range(3):
            make_video(world.library / f"Film {seed} (1999).mkv", seed=seed)
        with RunningDaemon(world) as daemon:
            daemon.assert_true()
            mark = daemon.mark()
            daemon.signal(signal.SIGUSR1)
            daemon.wait_for("test.jumped", ahead_s=86_400)
            make_video(world.library / "Tomorrow (2005).mkv", seed=10)
            daemon.assert_true()
            # A job that failed tomorrow is due tomorrow: today it must not have to wait for that.
            secret = make_video(world.root / "Heat (1995).mkv", seed=11)
            secret.chmod(0)
            secret.rename(world.library / secret.name)
            daemon.wait_for("stage.failed", path=secret.name)
            daemon.signal(signal.SIGUSR2)
            daemon.wait_for("test.jumped", ahead_s=0)
            daemon.wait_for("stage.given_up", path=secret.name)
            make_video(world.library / "Today (2004).mkv", seed=12)
            daemon.wait_for("file.finished", path="Today (2004).mkv")
            done = [row for row in daemon.log[mark:] if row["event"] == "stage.finished"]
            # Names are read again where files came beside them.
            read = {row["path"] for row in done if row["stage"] in READING_STAGES}
            assert read == {"Tomorrow (2005).mkv", "Today (2004).mkv"}, "nothing is read again"
            assert daemon.count("file.missing") == 0


# --- floods ----------------------------------------------------------------------------------------------


def test_many_broken_files_do_not_flood_the_log_and_all_are_counted() -> None:
    """Row 42."""
    count = 150
    with new_world(is_humble=True) as world, RunningDaemon(world) as daemon:
        outside = world.root / "outside"
        outside.mkdir()
        for number in range(count):
            (outside / f"Film {number} (1999).mkv").write_bytes(b"secret %d" % number)
            (outside / f"Film {number} (1999).mkv").chmod(0)
        outside.rename(world.library / "closed")
        sql = "SELECT count(*) FROM jobs WHERE attempts > 0 AND state <> 'running'"
        daemon.wait_until(lambda: world.ask_database(sql) == [(count,)], "every file was tried")
        daemon.stop()
        shown = [row["reason"] for row in daemon.log if row["event"] == "stage.failed"]
        assert len(shown) == 50
        assert all("cannot be read" in reason for reason in shown)
        (left_out,) = [row for row in daemon.log if row["event"] == "log.left_out" and row["what"] == "stage.failed"]
        assert left_out["count"] >= count - 50


def test_files_given_up_because_their_folder_was_closed_are_read_once_it_is_open() -> None:
    """Files that were given up because their folder was closed are read once it is open.

    I7. Nothing about the files themselves changes, and no event tells of the right.
    """
    patience = {**IMPATIENT, "reeld.service.watcher.DENIED_S": 0.2}
    with new_world(program=_with_faults(patience=patience), is_humble=True) as world, RunningDaemon(world) as daemon:
        folder = world.library / "films"
        (world.root / "films").mkdir()
        for seed in range(40):
            make_video(world.root / "films" / f"Film {seed} (1999).mkv", seed=seed)
        (world.root / "films").rename(folder)
        daemon.wait_for("file.settled")
        folder.chmod(0)
        daemon.wait_for("stage.given_up")
        daemon.wait_until(lambda: world.rows("status")[0]["failed_count"], "the status says so")
        folder.chmod(0o755)
        daemon.assert_true()
        assert world.rows("status")[0]["failed_count"] == 0
