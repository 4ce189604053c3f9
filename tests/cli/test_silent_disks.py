"""Checks that commands return, and name the disk, when the disk of a library does not answer."""

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from reeld.config import parse_config
from reeld.diagnose import config_diff
from reeld.service import timeouts
from reeld.service.timeouts import all_in_time
from tests import fuse
from tests.fuse import FuseDisk, fuse_disk
from tests.service.harness import RunningDaemon, World, new_world
from tests.videos import make_video

pytestmark = [
    pytest.mark.needs_root,
    pytest.mark.skipif(fuse.why_unavailable() is not None, reason=str(fuse.why_unavailable())),
]

CALLS = ("getattr", "lookup", "readdir", "open")


@pytest.fixture
def world() -> Iterator[World]:
    """A catalogue, and four disks that answer: each is a library, and the fourth is mounted below a fifth."""
    with new_world() as new:
        names = ("deaf", "stopped", "dead", "around")
        new.libraries |= {name: new.root / name for name in names}
        for name in names:
            new.libraries[name].mkdir()
        new.write_config()
        yield new


def disks_of(world: World, stack: ExitStack) -> dict[str, FuseDisk]:
    places = {name: world.root / name for name in ("deaf", "stopped", "dead")} | {"below": world.root / "around/usb"}
    return {
        name: stack.enter_context(fuse_disk(world.root / f"{name} backing", place)) for name, place in places.items()
    }


def silence(disks: dict[str, FuseDisk]) -> None:
    """Let no disk answer: one keeps a process from being killed, and one answers with an error."""
    for name in ("deaf", "below"):
        disks[name].stall(*CALLS, is_deaf=True)
    disks["stopped"].stop()
    disks["dead"].die()


def test_commands_come_back_while_disks_do_not_answer_and_name_them(world: World) -> None:
    with ExitStack() as stack:
        silence(disks_of(world, stack))
        lines = world.said("config", "check").splitlines()
        said = {line.split()[1].rstrip(":"): line.partition("(")[2] for line in lines if "  library" in line}
        assert said == {
            "L": "",
            "around": "",
            "deaf": "it does not answer; reeld waits for it)",
            "stopped": "it does not answer; reeld waits for it)",
            "dead": "it cannot be read now (Transport endpoint is not connected); reeld waits for it)",
        }
        done = world.reeld("doctor", "--json")
        assert done.returncode == os.EX_UNAVAILABLE
        found = [row for row in map(json.loads, done.stdout.splitlines()) if row["check"] == "library"]
        assert {row["library"]: row["message"] for row in found} == {
            "around": f"{world.root}/around/usb does not answer",
            "deaf": f"{world.root}/deaf does not answer",
            "stopped": f"{world.root}/stopped does not answer",
            "dead": f"{world.root}/dead cannot be read (Transport endpoint is not connected); check the disk that it "
            "lies on",
        }
        for command in (["status"], ["list", "libraries"], ["config", "drop-in"]):
            assert world.reeld(*command).returncode == 0, command


def test_a_configuration_is_taken_over_while_its_disks_do_not_answer(world: World) -> None:
    with ExitStack() as stack:
        silence(disks_of(world, stack))
        libraries, world.libraries = world.libraries, {"L": world.library}
        world.write_config()
        make_video(world.library / "Heat (1995).mkv", seed=1)
        with RunningDaemon(world) as daemon:
            world.libraries = libraries
            world.write_config()
            mark = daemon.mark()
            daemon.signal(signal.SIGHUP)
            daemon.wait_for("config.read", since=mark)
            daemon.wait_for("daemon.ready", since=mark)
            assert world.rows("status")[0]["present_count"] == 1
            stack.close()  # a daemon that a deaf disk holds could not end


def test_a_disk_that_was_silent_is_waited_for_no_second_time(world: World) -> None:
    """Neither by a start nor by a reload: that one may be typed because of the disk. Each wait would last for ever."""
    with fuse_disk(world.root / "backing", world.root / "stopped") as disk:
        disk.stall(*CALLS)
        world.libraries = {"stopped": world.root / "stopped"}
        world.write_config()
        world.hurry |= {"reeld.service.heartbeat.SILENCE_S": 1e6, "reeld.service.timeouts.LONGEST_ANSWER_S": 1.0}
        with RunningDaemon(world) as daemon:
            assert daemon.wait_for("daemon.ready")["not_answering"] == ["stopped"]
        patience = ("reeld.service.heartbeat.SILENCE_S", "reeld.service.heartbeat.DISK_PATIENCE_S")
        world.hurry |= dict.fromkeys(patience, 0.5) | {"reeld.service.daemon.LONGEST_END_S": 1e6}
        with RunningDaemon(world) as daemon:
            daemon.wait_for("disk.failed")
            mark = daemon.mark()
            world.quiet_s = 0.4
            world.write_config()
            daemon.signal(signal.SIGHUP)
            daemon.wait_for("thread.abandoned", since=mark)
            daemon.wait_for("daemon.ready", since=mark)
            disk.heal()


def test_a_comparison_asks_no_disk_that_was_silent_just_now(monkeypatch: pytest.MonkeyPatch) -> None:
    library = parse_config(
        {"library": [{"name": "N", "path": "/never"}]}, source=None, base="/", environment={}
    ).libraries[0]
    monkeypatch.setattr(timeouts, "_silent", {"/never"})
    monkeypatch.setattr(config_diff, "in_time", lambda *_: pytest.fail("it is asked again"))
    (change,) = config_diff._of_files(library, None, {}, None, has_moved=False)
    assert change.message == "/never does not answer; new files there are unknown"


def test_a_library_whose_disk_has_not_answered_yet_is_not_called_online() -> None:
    """Also where the last reeld recorded that it was."""
    with new_world() as world, fuse_disk(world.root / "backing", world.library) as disk:
        with RunningDaemon(world) as daemon:
            daemon.wait_for("library.state_changed", state="online")
        disk.stall(*CALLS)
        with RunningDaemon(world) as daemon:
            (status,), (listed,) = world.rows("status"), world.rows("list", "libraries")
            for row in (*status["libraries"], listed):
                assert (row["state"], row["reason"]) == ("unknown", "its disk has not answered since reeld started")
            assert "(0 files) unknown\n" in world.said("status")
            found = [row for row in status["findings"] if row["check"] == "library"]
            assert "unknown: its disk has not answered since reeld started" in {row["message"] for row in found}
            disk.heal()
            daemon.wait_until(lambda: world.rows("list", "libraries")[0]["state"] == "online", "it is online")


@pytest.mark.parametrize("threads", [1, 2])
def test_answers_come_back_also_beside_one_that_never_comes(
    threads: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(threading, "active_count", lambda: threads)
    never = threading.Event()
    try:
        asks: dict[str, Callable[[], object]] = {"a": lambda: [1], "b": never.wait, "c": lambda: "x" * 200_000}
        answers = all_in_time(asks, 1)
    finally:
        never.set()
    assert answers == {"a": [1], "c": "x" * 200_000}
    with pytest.raises(FileNotFoundError):
        all_in_time({"a": lambda: os.stat(tmp_path / "none")}, 150)
