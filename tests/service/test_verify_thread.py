"""A real daemon reads known files again within `[verify]`, behind all other work."""

import contextlib
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import xxhash

from reeld.catalog import queue
from reeld.config import VerifySettings
from reeld.database import connection
from reeld.domain.files import FileStamp
from reeld.domain.records import FileRecord
from reeld.domain.verification import Comparison, Result
from reeld.errors import Interrupted
from reeld.pipeline.disk_health import DiskHealth
from reeld.pipeline.runner import Runner
from reeld.pipeline.stages import STAGES
from reeld.service import verify_thread
from reeld.service.heartbeat import Heartbeats
from reeld.service.verify_thread import VerifyThread
from tests.service.harness import RunningDaemon, World, new_world
from tests.videos import make_video

NAMES = ("Heat (1995).mkv", "Ronin (1998).mkv", "Alien (1979).mkv")

LONG_AGO = "2020-01-01T00:00:00.000Z"


@pytest.fixture
def world() -> Iterator[World]:
    """A catalogue of films that were hashed years ago."""
    with new_world(extra="[verify]\nperiod_d = 1\n") as new:
        for seed, name in enumerate(NAMES):
            make_video(new.library / name, seed=seed, padding_bytes=4 << 20)
        assert new.reeld("scan").returncode == 0
        change(new, "UPDATE video_files SET changed_at = ?", LONG_AGO)
        yield new


def change(world: World, sql: str, *values: str) -> None:
    with contextlib.closing(sqlite3.connect(world.database, timeout=60)) as connection, connection:
        connection.execute(sql, values)


def figures(world: World) -> str:
    file = world.root / "figures" / "reeld.prom"
    return file.read_text() if file.exists() else ""


def verified(world: World) -> set[str]:
    return {name for (name,) in world.ask_database("SELECT path FROM video_files WHERE verified_at IS NOT NULL")}


def test_a_daemon_compares_what_is_due_and_names_what_is_damaged(world: World) -> None:
    """Row 43."""
    (world.root / "figures").mkdir()
    world.extra += f'[metrics]\ntextfile_directory = "{world.root}/figures"\nperiod_s = 1\n'
    world.write_config()
    change(world, "UPDATE video_files SET file_hash = ? WHERE path = ?", "0" * 32, NAMES[1])
    with RunningDaemon(world) as daemon:
        damaged = daemon.wait_for("file.damaged")
        assert damaged["path"] == str(world.library / NAMES[1])
        daemon.wait_until(lambda: verified(world) == set(NAMES), "all are compared")
        assert daemon.count("file.damaged") == 1
        assert world.file(world.library / NAMES[1])["verify_problem"] == "damaged"
        assert world.file(world.library / NAMES[0])["verify_problem"] is None
        (status,) = world.rows("status")
        assert (status["damaged_count"], status["unreadable_count"]) == (1, 0)
        assert status["oldest_comparison_at"] > LONG_AGO
        (found,) = [each for each in status["findings"] if each["check"] == "damage"]
        assert found["level"] == "problem"
        assert "verified   the oldest comparison" in world.said("status")
        daemon.wait_until(lambda: 'reeld_verify_problems{problem="damaged"} 1.0' in figures(world), "it is counted")
        assert "reeld_verified_bytes_total 0.0" not in figures(world)
        make_video(world.library / NAMES[1], seed=99)
        daemon.wait_until(
            lambda: world.file(world.library / NAMES[1])["verify_problem"] is None, "a new version is not damaged"
        )
        daemon.assert_true()


def test_a_new_video_does_not_wait_for_a_verification(world: World) -> None:
    """The verification waits in the middle of a file. A kill there loses nothing, and nothing false is said."""
    world.extra = "[verify]\nperiod_d = 1\nmax_mib_per_s = 0.001\n"
    world.write_config()
    with RunningDaemon(world) as daemon:
        daemon.wait_for("daemon.listed")
        make_video(world.library / "Big (1988).mkv", seed=50)
        daemon.wait_for("file.finished", path="Big (1988).mkv")
        assert verified(world) == set()
        daemon.kill()
        assert verified(world) == set()
        world.extra = "[verify]\nperiod_d = 1\n"
        world.write_config()
        daemon.start()
        daemon.wait_until(lambda: verified(world) == set(NAMES), "all are compared but the new one")
        daemon.assert_true()


def test_without_a_period_nothing_is_compared(world: World) -> None:
    world.extra = ""
    world.write_config()
    with RunningDaemon(world) as daemon:
        make_video(world.library / "Big (1988).mkv", seed=50)
        daemon.wait_for("file.finished", path="Big (1988).mkv")
        daemon.assert_true()
    assert verified(world) == set()


def test_a_daemon_ends_and_reloads_in_the_middle_of_a_slow_reading(world: World) -> None:
    """The reading waits for its rate, for half an hour."""
    world.extra = "[verify]\nperiod_d = 1\nmax_mib_per_s = 0.001\n"
    world.write_config()
    with RunningDaemon(world) as daemon:
        daemon.wait_until(lambda: is_verifying(daemon), "a file is open")
        world.extra = ""
        world.write_config()
        daemon.signal(signal.SIGHUP)
        daemon.wait_for("daemon.reloading")
        daemon.wait_until(lambda: not is_verifying(daemon), "the thread has ended")
        daemon.assert_true()
        world.extra = "[verify]\nperiod_d = 1\nmax_mib_per_s = 0.001\n"
        world.write_config()
        daemon.signal(signal.SIGHUP)
        daemon.wait_until(lambda: is_verifying(daemon), "a file is open again")
        daemon.stop()
        assert (daemon.count("thread.abandoned"), daemon.count("end.forced")) == (0, 0)
    assert verified(world) == set()


def is_verifying(daemon: RunningDaemon) -> bool:
    """Whether the daemon holds one of the videos open."""
    links = Path(f"/proc/{daemon.pid}/fd").iterdir()
    with contextlib.suppress(OSError):
        return any(link.readlink().suffix == ".mkv" for link in links)
    return False


# --- the thread alone ------------------------------------------------------------------------------------


def thread_of(is_idle: Callable[[], bool], stopping: threading.Event, heartbeats: Heartbeats) -> VerifyThread:
    """A thread beside other work that is there as `is_idle` says."""

    class Work:
        def is_idle(self) -> bool:
            return is_idle()

    work: Any = Work()
    failed: Any = pytest.fail
    return VerifyThread(
        VerifySettings(period_d=1), work, stopping, failed, heartbeats, DiskHealth(), lambda _count: None
    )


@pytest.fixture
def film(tmp_path: Path) -> FileRecord:
    path = tmp_path / "film.mkv"
    path.write_bytes(bytes(5 << 20))
    return FileRecord(
        id=1,
        library_path=str(tmp_path),
        library_kind="auto",
        path=path.name,
        stamp=FileStamp.of(path.stat()),
        file_hash=xxhash.xxh3_128(path.read_bytes()).hexdigest(),
    )


def test_a_reading_waits_for_other_work_and_then_goes_on(film: FileRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_thread, "LOOK_S", 0.0)
    answers = iter([True, False, False, True, True, True, True])
    thread = thread_of(lambda: next(answers), threading.Event(), Heartbeats())
    assert thread.verifier.verify(film) == Comparison(result=Result.SAME)
    assert len(list(answers)) == 2, "once for each of three reads, and until the work was done"


def test_a_reading_closes_its_file_if_other_work_takes_long(film: FileRecord, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_thread, "LONGEST_WAIT_S", 0.0)
    thread = thread_of(lambda: False, threading.Event(), Heartbeats())
    with pytest.raises(Interrupted):
        thread.verifier.verify(film)


def test_an_end_while_other_work_goes_on_ends_a_reading_at_once(
    film: FileRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify_thread, "LOOK_S", 1e6)
    monkeypatch.setattr(verify_thread, "LONGEST_WAIT_S", 1e9)
    stopping = threading.Event()

    def is_idle() -> bool:
        stopping.set()
        return False

    thread = thread_of(is_idle, stopping, Heartbeats())
    monkeypatch.setattr(thread, "_looked_at", -1e9)
    with pytest.raises(Interrupted):
        thread.verifier.verify(film)


def test_no_disk_is_blamed_while_the_catalogue_keeps_a_reading_waiting(film: FileRecord) -> None:
    """Else a commit that takes long in another thread would have its library paused."""
    roots = []

    def is_idle() -> bool:
        roots.append(heartbeats.mine().doing.root)
        return True

    heartbeats = Heartbeats()
    thread = thread_of(is_idle, threading.Event(), heartbeats)
    with heartbeats.of_this_thread() as heartbeat:
        heartbeat.at_disk(film.library_path, film.path)
        thread.verifier.verify(film)
        assert heartbeat.doing.root == film.library_path
    assert roots == [None]


def test_whether_other_work_is_there_is_asked_under_the_lock_of_the_catalogue(
    catalog: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All threads share one connection. Two that use it at once see what is not committed, and block each other."""
    assert catalog.exists()
    is_free: list[bool] = []
    tools: Any = None  # there is no work that could need them
    runner = Runner(
        stages=STAGES, tools=tools, now_ms=lambda: 0, pause=lambda _seconds: None, rescan_directory=lambda _path: None
    )

    def try_lock() -> None:
        is_free.append(connection._lock.acquire(blocking=False))
        if is_free[-1]:
            connection._lock.release()

    def asked_meanwhile(ask: Any) -> Any:
        def asking(*arguments: Any) -> Any:
            other = threading.Thread(target=try_lock)
            other.start()
            other.join()
            return ask(*arguments)

        return asking

    for name in ("running_count", "next_due_ms"):
        monkeypatch.setattr(queue, name, asked_meanwhile(getattr(queue, name)))
    assert runner.is_idle()
    assert set(is_free) == {False}
