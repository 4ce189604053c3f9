"""Are the figures true, and does showing them never harm the daemon?"""

import contextlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from reeld import __version__
from reeld.domain.files import readable
from reeld.errors import FileVanished, Interrupted
from reeld.report.counters import Counters, Spent
from reeld.report.prometheus import STATES
from tests.report.monitoring import missing_in
from tests.service.harness import DRIVER, PATIENCE_S, RunningDaemon, World, new_world
from tests.videos import make_video, video_bytes

Figures = dict[tuple[str, ...], float]
"""By the sample's name and its labels' values."""


def parsed(text: str) -> Figures:
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def states(figures: Figures) -> dict[str, str]:
    """The state of each library; one alone is 1."""
    rows = [(key[1:], value) for key, value in figures.items() if key[0] == "reeld_library_state"]
    libraries = {library for (library, _), _ in rows}
    assert len(rows) == len(libraries) * len(STATES)
    present = [key for key, value in rows if value == 1]
    assert {library for library, _ in present} == libraries
    return dict(present)  # type: ignore[arg-type]


def check_by_promtool(page: str) -> None:
    """Have Prometheus' own reader read the page, where it is installed. Its hints about names end with 3."""
    if shutil.which("promtool"):
        done = subprocess.run(["promtool", "check", "metrics"], input=page, capture_output=True, text=True, check=False)
        assert done.returncode in (0, 3), done.stdout + done.stderr


def found(world: World) -> list[dict[str, Any]]:
    """What `reeld status` finds wrong with the metrics."""
    (report,) = world.rows("status")
    return [finding for finding in report["findings"] if finding["check"] == "metrics"]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def scraped(port: int) -> Figures | None:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=150) as answer:
            return parsed(answer.read().decode())
    except OSError:
        return None


def written(folder: Path) -> Figures:
    path = folder / "reeld.prom"
    return parsed(path.read_text()) if path.exists() else {}


@pytest.fixture
def world() -> Iterator[World]:
    with new_world() as new:
        for seed, name in enumerate(("Heat (1995).mkv", "Friends.S10E17E18.mkv", "xkcd.mkv")):
            make_video(new.library / name, seed=seed)
        (new.root / "textfile").mkdir()
        yield new


def with_file(world: World, period_s: int = 1) -> Path:
    folder = world.root / "textfile"
    world.extra = f"[metrics]\ntextfile_directory = {json.dumps(str(folder))}\nperiod_s = {period_s}\n"
    world.write_config()
    return folder


def with_port(world: World, port: int) -> None:
    world.extra = f"[metrics]\nport = {port}\nperiod_s = 1\n"
    world.write_config()


# --- true figures ----------------------------------------------------------------------------------------


def test_the_metrics_file_says_what_the_catalogue_says_from_a_confined_daemon(world: World) -> None:
    """The file says what the catalogue says also from a daemon that may write nowhere else."""
    folder = with_file(world)
    world.hurry |= {"reeld.database.maintenance.QUIET_S": 0.0, "reeld.database.maintenance.CHECKPOINT_S": 0.5}
    with RunningDaemon(world) as daemon:
        daemon.assert_true()
        make_video(world.library / "Alien (1979).mkv", seed=9)
        daemon.wait_for("file.finished", path="Alien (1979).mkv")
        daemon.assert_true()
        daemon.wait_until(lambda: written(folder).get(("reeld_files", "present")) == 4, "the file is written")
        daemon.wait_until(lambda: written(folder).get(("reeld_stage_seconds_count", "hash")) == 4, "all are hashed")
        figures = written(folder)
        assert figures["reeld_files", "missing"] == 0
        assert figures["reeld_pending",] == len(world.rows("pending"))
        assert figures["reeld_works", "movies"] == len(world.rows("list", "movies"))
        assert figures["reeld_hashed_bytes_total",] == sum(path.stat().st_size for path in world.library.iterdir())
        assert figures["reeld_headers_read_total", "own"] > 0
        assert figures["reeld_headers_read_total", "prober"] == 0
        assert figures["reeld_headers_compared_total",] == figures["reeld_headers_disagreed_total",] == 0
        assert figures["reeld_events_total", "L"] > 0
        assert figures["reeld_overflows_total", "L"] == 0
        assert figures["reeld_degraded", "L"] == 0
        assert figures["reeld_reconcile_seconds_count", "L"] > 0
        assert figures["reeld_stage_seconds_sum", "probe"] > 0
        assert figures["reeld_database_bytes",] == world.database.stat().st_size
        assert ("reeld_wal_bytes",) in figures
        made = daemon.wait_until(
            lambda: written(folder).get(("reeld_backup_timestamp_seconds",)), "the first backup is made"
        )
        assert 0 <= time.time() - made < PATIENCE_S
        assert figures["reeld_backup_success",] == 1
        assert figures["reeld_info", str(world.ask_database("PRAGMA user_version")[0][0]), __version__] == 1
        assert 0 <= time.time() - figures["reeld_updated_timestamp_seconds",] < PATIENCE_S
        assert figures["reeld_period_seconds",] == 1
        assert figures["reeld_disk_free_bytes",] > 0
        for name in ("disk_full", "failed", "database_damaged", "catalog_problems"):
            assert figures[f"reeld_{name}",] == 0
        assert states(figures) == {"L": "online"}
        assert figures["reeld_library_incomplete", "L"] == 0
        assert missing_in((folder / "reeld.prom").read_text()) == set(), "alerts and dashboard read what is there"
        assert [path.name for path in folder.iterdir()] == ["reeld.prom"]
        assert daemon.find("metrics.failed") is None
        documented = (Path(__file__).parents[2] / "config.toml").read_text()
        for name, *_ in figures:
            assert name.removesuffix("_count").removesuffix("_sum") in documented, "config.toml names every figure"


def test_trouble_shows_in_the_metrics_file_up_to_a_catalogue_that_is_gone(world: World) -> None:
    """A library is away, a file failed, the disk is full, a backup fails; at last the catalogue is removed."""
    hostile = 'a"b\\c{d="e"}\u202e'
    world.libraries[hostile] = world.root / "away"
    folder = with_file(world)
    (world.state / "backups").touch()
    world.hurry |= {
        "reeld.service.daemon.MAINTENANCE_S": 0.1,
        "reeld.database.maintenance.QUIET_S": 0.0,
        "reeld.database.maintenance.CHECKPOINT_S": 0.5,
    }
    little_space = "import reeld.database.sqlite_errors as it; it.LOW_SPACE_BYTES = 1 << 62"
    world.program = [sys.executable, DRIVER, json.dumps({"code": little_space})]
    with RunningDaemon(world) as daemon:
        daemon.assert_true()
        with contextlib.closing(sqlite3.connect(world.database)) as other, other:
            other.execute(
                "INSERT INTO jobs (video_file_id, stage, lane, state, due_at_ms, attempts, created_at, is_denied) "
                "VALUES (1, 'hash', 'heavy', 'failed', 0, 3, '2020-01-01T00:00:00.000Z', 0)"
            )
        figures = daemon.wait_until(
            lambda: (
                (seen := written(folder)).get(("reeld_failed",)) == 1
                and seen.get(("reeld_backup_success",)) == 0
                and seen.get(("reeld_library_state", "L", "online")) == 1
                and seen
            ),
            "the trouble shows",
        )
        assert states(figures) == {"L": "online", readable(hostile): "offline"}
        assert figures["reeld_disk_full",] == 1
        assert figures["reeld_catalog_problems",] == 1, "the backup"
        assert ("reeld_backup_timestamp_seconds",) not in figures
        check_by_promtool((folder / "reeld.prom").read_text())
        (world.state / "backups").unlink()
        world.database.unlink()
        assert daemon.wait_for_end() == os.EX_DATAERR
        assert written(folder)["reeld_database_damaged",] == 1
        (folder / "reeld.prom").unlink()
        daemon.start(is_ready=False)
        assert daemon.wait_for_end() == os.EX_DATAERR
        figures = written(folder)
        assert figures["reeld_database_damaged",] == 1
        assert {name for name, *_ in figures} == {"reeld_database_damaged", "reeld_info"}, "no figure of another day"
        daemon.noise.clear()


def test_work_that_waits_is_counted_with_its_age(world: World) -> None:
    """As of a file that failed, and is tried again in five minutes."""
    folder = with_file(world)
    with RunningDaemon(world) as daemon:
        daemon.assert_true()
        daemon.stop()
        with contextlib.closing(sqlite3.connect(world.database)) as other, other:
            other.execute(
                "INSERT INTO jobs (video_file_id, stage, lane, state, due_at_ms, attempts, created_at, is_denied) "
                "VALUES (1, 'hash', 'heavy', 'waiting', ?, 0, '2020-01-01T00:00:00.000Z', 0)",
                (round((time.time() + 300) * 1000),),
            )
        (folder / "reeld.prom").unlink()
        daemon.start()
        daemon.wait_until(lambda: ("reeld_jobs", "hash", "waiting") in written(folder), "it is counted")
        assert written(folder)["reeld_jobs", "hash", "waiting"] == 1
        assert written(folder)["reeld_oldest_job_seconds", "hash"] > 5 * 365 * 86_400


def test_what_waits_for_its_end_is_counted_apart_and_has_no_age_as_work(world: World) -> None:
    folder = with_file(world)
    world.patience_h = 24.0
    world.write_config()
    content = video_bytes("mp4", seed=7)
    (world.library / "Casablanca (1942).mp4").write_bytes(content[: len(content) * 3 // 4])
    with RunningDaemon(world) as daemon:
        daemon.wait_until(lambda: ("reeld_jobs", "probe", "awaited") in written(folder), "it is counted")
        figures = daemon.wait_until(
            lambda: (seen := written(folder)).get(("reeld_stage_seconds_count", "hash")) == 3 and seen, "all are hashed"
        )
    assert figures["reeld_jobs", "probe", "awaited"] == 1
    assert ("reeld_oldest_job_seconds", "probe") not in figures


def test_a_port_of_this_machine_alone_shows_them_and_a_reload_opens_and_closes_it(world: World) -> None:
    port = free_port()
    with RunningDaemon(world) as daemon:
        daemon.assert_true()
        assert scraped(port) is None, "off unless somebody wants it"
        with_port(world, port)
        daemon.signal(signal.SIGHUP)
        figures = daemon.wait_until(lambda: scraped(port), "the port answers")
        assert figures["reeld_files", "present"] == 3
        assert figures["reeld_stage_seconds_count", "hash"] == 3, "what was counted before the reload counts"
        listening = subprocess.run(["ss", "-ltnH"], capture_output=True, text=True, check=False).stdout
        assert f"0.0.0.0:{port}" not in listening
        world.extra = ""
        world.write_config()
        daemon.signal(signal.SIGHUP)
        daemon.wait_until(lambda: scraped(port) is None, "the port is closed")
        with_port(world, port)
        daemon.signal(signal.SIGHUP)
        daemon.wait_until(lambda: scraped(port), "the port answers again")


def test_nothing_of_prometheus_is_loaded_where_nobody_asks_for_it() -> None:
    code = (
        "import sys, reeld.service.daemon, reeld.service.scan, reeld.cli.app, reeld.cli.run_scan, reeld.cli.lists\n"
        "import reeld.cli.review, reeld.cli.show, reeld.cli.identify, reeld.cli.backup_export\n"
        "import reeld.cli.health_commands, reeld.cli.config_commands, reeld.cli.status\n"
        "print('prometheus_client' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


# --- no harm ---------------------------------------------------------------------------------------------


def test_a_port_that_is_taken_costs_the_daemon_nothing_and_is_tried_again(world: World) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = int(other.getsockname()[1])
        with_port(world, port)
        with RunningDaemon(world) as daemon:
            daemon.wait_for("metrics.failed", about="port")
            daemon.assert_true()
            assert daemon.count("metrics.failed") == 1, "said once while it lasts"
            reason = f"the metrics' port {port} cannot be opened (Address already in use); another program has it"
            daemon.wait_until(lambda: [reason in it["message"] for it in found(world)] == [True], "status says so")
            other.close()
            daemon.wait_until(lambda: scraped(port), "the port is free")
            daemon.wait_until(lambda: not found(world), "status is content")


@pytest.mark.parametrize("how", ["gone", "a file"])
def test_a_folder_that_cannot_be_written_to_costs_the_daemon_nothing(world: World, how: str) -> None:
    folder = with_file(world)
    folder.rmdir()
    if how == "a file":
        folder.touch()
    with RunningDaemon(world) as daemon:
        daemon.wait_for("metrics.failed", about="file")
        daemon.assert_true()
        (finding,) = daemon.wait_until(lambda: found(world), "status says so")
        assert finding["level"] == "problem"
        # Said by the daemon in one sentence, and until then by the command itself.
        said = f"{finding['message']}; {finding['hint']}"
        assert f"the metrics' folder {folder} is missing; make it" in said
        assert "problem: the metrics' folder" in world.said("status")


def test_a_folder_in_a_library_is_refused_since_reeld_writes_nothing_there(world: World) -> None:
    world.extra = f"[metrics]\ntextfile_directory = {json.dumps(str(world.library / 'below'))}\n"
    world.write_config()
    done = world.reeld("config", "check")
    assert done.returncode == os.EX_CONFIG
    assert b"writes nothing" in done.stderr


# --- counting --------------------------------------------------------------------------------------------


def test_errors_are_counted_by_kind_and_an_end_that_was_asked_for_is_none() -> None:
    now = 0.0
    counters = Counters(lambda: now)

    def fail(error: Exception) -> None:
        nonlocal now
        with counters.stage("probe"):
            now += 2.0
            raise error

    for error in (FileVanished("/a"), FileVanished("/b"), ValueError("x"), Interrupted("x")):
        with pytest.raises(type(error)):
            fail(error)
    with counters.scan("L"):
        now += 3.0
    counters.hashed(5)
    assert counters.errors() == {"FileVanished": 2, "ValueError": 1}
    assert counters.stages() == {"probe": Spent(4, 8.0)}
    assert counters.scans() == {"L": Spent(1, 3.0)}
    assert counters.bytes_hashed == 5
