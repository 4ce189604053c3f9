"""Hostile files in a library of the real daemon: each costs its own time, and nothing else.

The parser is a stand-in that does what a file orders (`tests/content/standin_prober.py`). The pool and the confinement
around it are real.
"""

import errno
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from reeld.errors import Interrupted
from reeld.identify import nfo
from reeld.sandbox import Limits
from reeld.service.worker_pool import WorkerPool
from tests import fuse
from tests.content import standin_prober
from tests.content.standin_prober import order
from tests.service.harness import RunningDaemon, World, new_world
from tests.videos import make_video

DRIVER = str(Path(__file__).parent / "driver.py")
SOON = {"patience": {"reeld.pipeline.retry.FIRST_DELAY_S": 0.05}, "hooks": ["obey_files"]}


@pytest.fixture
def world() -> Iterator[World]:
    with new_world(program=(sys.executable, DRIVER, json.dumps(SOON))) as new:
        yield new


def _most_memory_mib(pid: int) -> float:
    """The most that the process ever had in memory."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) / 1024


def test_a_file_that_hangs_the_prober_is_given_up_after_three_attempts(world: World) -> None:
    """A file that hangs the prober is given up after three attempts and the others go on.

    Row 32. I7, I11. Each attempt is ended by the limits on its child; the default ones are 20 s.
    """
    world.extra = "[probe]\ntimeout_s = 2\n"
    world.write_config()
    endless = world.library / "Endless (2001).mkv"
    endless.write_bytes(order("sleep"))
    with RunningDaemon(world) as daemon:
        daemon.wait_for("stage.failed", path=endless.name, stage="probe")
        make_video(world.library / "Heat (1995).mkv")
        daemon.wait_for("file.finished", path="Heat (1995).mkv")
        given_up = daemon.wait_for("stage.given_up", path=endless.name)
        assert given_up["attempts"] == 3
        assert daemon.count("stage.failed", path=endless.name) == 2
        daemon.assert_true()
        row = world.file(endless)
        assert row["file_hash"], "its bytes are known all the same"
        assert "media facts could not be read" in row["reason"]
        assert row["verdict"] == "pending", "and a person is asked what it is"


def test_a_memory_bomb_costs_its_child_and_not_the_daemon(world: World) -> None:
    """Row 33. The parser asks for half a gigabyte; the child may have less."""
    world.extra = "[probe]\nmemory_mib = 256\n"
    world.write_config()
    bomb = world.library / "Bomb (2001).mkv"
    bomb.write_bytes(order("swell", 512 << 20))
    make_video(world.library / "Heat (1995).mkv")
    with RunningDaemon(world) as daemon:
        daemon.wait_for("file.finished", path=bomb.name)
        daemon.wait_for("file.finished", path="Heat (1995).mkv")
        assert _most_memory_mib(daemon.pid) < 200
        sql = "SELECT media_problem FROM video_files WHERE path LIKE 'Bomb%'"
        ((problem,),) = world.ask_database(sql)
        assert problem, "what was found, if anything, is not trusted"


def test_a_parser_that_opens_and_connects_reaches_no_server_and_no_other_file(world: World) -> None:
    """Row 34. I11. Text is refused by its first bytes; what the parser tries with other files is refused."""
    other = make_video(world.root / "other.mkv", seed=9)
    playlist = world.library / "Playlist (2001).mkv"
    playlist.write_bytes(b"#EXTM3U\n")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        for deed, argument in (("connect", server.getsockname()[1]), ("open", str(other))):
            (world.library / f"Film {deed} (2001).mkv").write_bytes(order(deed, argument))
        read_before = other.stat().st_atime_ns
        with RunningDaemon(world) as daemon:
            daemon.wait_until(lambda: daemon.count("file.finished") == 3, "all three are done")
        with pytest.raises(BlockingIOError):
            server.accept()
        assert other.stat().st_atime_ns == read_before
    found = dict(world.ask_database("SELECT path, container FROM video_files"))
    assert found.pop(playlist.name) is None
    assert set(found.values()) == {f"refused{errno.EPERM}"}
    assert "playlist" in world.file(playlist)["reason"]


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_the_prober_opens_nothing_that_a_file_makes_it_try(tmp_path: Path) -> None:
    """Row 34. The kernel's own account of what the parser tried."""
    trace = tmp_path / "trace"
    pool = WorkerPool(standin_prober.MODULE, 1, Limits())
    try:
        pool.call({}, [0], timeout_s=150)
        (child,) = [each._process.pid for each in pool._live]
        strace = subprocess.Popen(
            ["strace", "-f", "-e", "trace=open,openat,connect,socket", "-o", str(trace), "-p", str(child)],
            stderr=subprocess.PIPE,
        )
        assert strace.stderr is not None
        strace.stderr.readline()  # it says that it is attached
        with (tmp_path / "film.mkv").open("w+b") as file:
            file.write(order("open", "/etc/hostname"))
            file.flush()
            pool.call({}, [file.fileno()], timeout_s=150)
    finally:
        pool.close()
    strace.communicate(timeout=150)
    assert "/etc/hostname" in trace.read_text()
    opened = [line for line in trace.read_text().splitlines() if "= " in line and "= -1" not in line]
    assert [line for line in opened if "open" in line or "socket" in line] == []


@pytest.mark.parametrize(
    "content",
    [
        b'<!DOCTYPE m [<!ENTITY a "b">]><movie><title>&a;</title></movie>',
        b"<movie><title " + b"a" * nfo.LARGEST_BYTES + b"></title></movie>",
        b"<movie>" + b"<a/>" * nfo.MOST_ELEMENTS + b"</movie>",
        b"<movie>" + b"<a>" * nfo.DEEPEST + b"</a>" * nfo.DEEPEST + b"</movie>",
        b"<!DOCTYPE m><movie><title>x</title></movie>",
    ],
    ids=["entity", "too long", "too many elements", "too deep", "document type"],
)
def test_a_nfo_over_a_limit_is_asked_about_and_costs_nothing(world: World, content: bytes) -> None:
    """Row 35."""
    make_video(world.library / "Heat (1995).mkv")
    (world.library / "Heat (1995).nfo").write_bytes(content)
    with RunningDaemon(world) as daemon:
        daemon.assert_true()
        ((question,),) = world.ask_database("SELECT reason FROM pending_validations")
        assert "Heat (1995).nfo" in question
        assert _most_memory_mib(daemon.pid) < 200
        assert daemon.count("stage.failed") == 0, "no child died of it"


@pytest.mark.parametrize(
    "name",
    ["S01-S202", "1x01-1x202", "S01E01-S02E202", "S10000-S10001", "Show " + "S01E01 " * 30, "\u0130" * 100],
    ids=["seasons", "episodes", "both", "long numbers", "repeated", "dotted"],
)
def test_a_name_over_a_limit_is_answered_with_what_can_be_read(world: World, name: str) -> None:
    """Row 36. Without a guess the name goes to a person; no child dies of it, and none grows."""
    path = make_video(world.library / f"{name}.mkv")
    with RunningDaemon(world) as daemon:
        daemon.assert_true()
        assert daemon.count("stage.failed") == 0
        assert world.file(path)["verdict"] in ("pending", "accepted")
        assert _most_memory_mib(daemon.pid) < 200


@pytest.mark.needs_root
@pytest.mark.skipif(fuse.why_unavailable() is not None, reason=str(fuse.why_unavailable()))
def test_a_child_that_cannot_even_be_killed_does_not_keep_its_pool_from_closing(tmp_path: Path) -> None:
    """I18. It waits for a disk; its caller does not wait for it."""
    (tmp_path / "backing").mkdir()
    (tmp_path / "backing" / "film.mkv").write_bytes(b"film")
    pool = WorkerPool("tests.service.echo_child", 1, Limits())
    pool.call({}, timeout_s=150)
    ended: list[Exception] = []

    def ask(descriptor: int) -> None:
        try:
            pool.call({}, [descriptor], timeout_s=600)
        except Interrupted as err:
            ended.append(err)

    with fuse.fuse_disk(tmp_path / "backing", tmp_path / "disk") as disk:
        descriptor = os.open(tmp_path / "disk" / "film.mkv", os.O_RDONLY)
        disk.stall("read", is_deaf=True)
        caller = threading.Thread(target=ask, args=(descriptor,))
        caller.start()
        disk.wait_until_stalled("read")
        pool.close()
        caller.join(20)
        assert len(ended) == 1
        disk.heal()
        os.close(descriptor)
        pool.close()  # now it can end
