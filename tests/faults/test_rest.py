"""A daemon at rest, which looks at nothing for an hour: does it notice what happens, because the kernel says so?"""

import contextlib
import json
import os
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.harness import DRIVER, HURRY, RunningDaemon, World, new_world
from tests.videos import make_video

needs_root = pytest.mark.needs_root
skip_without_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")

# The nets below are an hour wide. What is away, or was refused, is looked for as often as in the other tests.
WITHOUT_NETS = {
    **HURRY,
    "reeld.service.watcher.DENIED_S": 0.2,
    "reeld.service.watcher.REST_S": 3600.0,
    "reeld.service.supervisor.REST_S": 3600.0,
    "reeld.service.daemon.MAINTENANCE_REST_S": 3600.0,
}

# The tests beside this one mount and unmount disks, which wakes every daemon that sees them.
PROGRAM = (sys.executable, DRIVER, json.dumps({"hooks": ["take_mounts_of_its_own"] if os.geteuid() == 0 else []}))

# A thread that is due each second, or twice a second, cannot stand still for so long.
STILL_S = 2.5


@contextlib.contextmanager
def _daemon_at_rest() -> Iterator[tuple[World, RunningDaemon]]:
    with new_world(hurry=dict(WITHOUT_NETS), program=PROGRAM) as world:
        make_video(world.library / "Heat (1995).mkv")
        with RunningDaemon(world) as daemon:
            daemon.assert_true()
            _wait_for_rest(daemon)
            yield world, daemon


def _wait_for_rest(daemon: RunningDaemon) -> None:
    """Until no thread was woken for STILL_S."""
    seen, since = -1, time.monotonic()

    def is_still() -> bool:
        nonlocal seen, since
        if (now := _wakeups(daemon.pid)) != seen:
            seen, since = now, time.monotonic()
        return time.monotonic() - since >= STILL_S

    daemon.wait_until(is_still, "no thread is woken")


def _wakeups(pid: int) -> int:
    statuses = [(task / "status").read_text() for task in Path("/proc", str(pid), "task").iterdir()]
    return sum(int(count) for status in statuses for count in re.findall(r"\nvoluntary_ctxt_switches:\s*(\d+)", status))


def test_a_daemon_at_rest_renews_its_lock_and_knows_where_its_library_went() -> None:
    """Row 28."""
    with _daemon_at_rest() as (world, daemon):
        Path(f"{world.database}.lock").unlink()
        daemon.wait_for("lock.renewed")
        _wait_for_rest(daemon)
        gone = world.library.with_name("gone")
        world.library.rename(gone)
        daemon.wait_for("library.state_changed", state="offline")
        mark = daemon.mark()
        gone.rename(world.library)
        daemon.wait_for("library.state_changed", since=mark, state="online")
        daemon.assert_true()


def test_a_daemon_at_rest_saves_a_catalogue_that_is_removed_and_ends() -> None:
    """Row 28."""
    with _daemon_at_rest() as (world, daemon):
        world.database.unlink()
        daemon.wait_for("catalog.rescued")
        assert daemon.wait_for_end() != 0
        assert any("was removed while reeld ran" in line for line in daemon.noise)
        daemon.noise.clear()


def test_a_daemon_at_rest_takes_new_files_and_rests_again() -> None:
    with _daemon_at_rest() as (world, daemon):
        for number in range(3):
            make_video(world.library / f"Film {number} (2001).mkv", seed=number)
            daemon.wait_for("file.finished", path=f"Film {number} (2001).mkv")
        daemon.assert_true()
        _wait_for_rest(daemon)


def test_a_daemon_at_rest_hears_of_a_job_that_another_process_queues() -> None:
    """Nothing wakes its threads but the write to the catalogue's log."""
    with _daemon_at_rest() as (world, daemon):
        mark = daemon.mark()
        with contextlib.closing(sqlite3.connect(world.database, timeout=150)) as connection, connection:
            connection.execute(
                "INSERT INTO jobs (video_file_id, stage, lane, state, due_at_ms, attempts, created_at) "
                "SELECT id, 'probe', 'light', 'waiting', 0, 0, '' FROM video_files"
            )
        daemon.wait_for("stage.finished", since=mark, stage="probe")


@needs_root
@skip_without_root
def test_a_daemon_at_rest_sees_what_is_mounted_over_its_library() -> None:
    """Rows 9 and 10."""
    with _daemon_at_rest() as (world, daemon):
        there = ["nsenter", "-t", str(daemon.pid), "-m"]
        subprocess.run([*there, "mount", "-t", "tmpfs", "tmpfs", world.library], check=True)
        daemon.wait_for("library.state_changed", state="unverified")
        mark = daemon.mark()
        daemon.unmount(world.library, as_seen_by_it=True)
        daemon.wait_for("library.state_changed", since=mark, state="online")
        daemon.assert_true()
