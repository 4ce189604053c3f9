"""What a service manager hears of a real daemon, in which order, and what its one line says."""

import itertools
import json
import re
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from reeld.domain.status import WatcherStatus, WatchStatus
from reeld.report.status_line import status_line
from tests.service.harness import RunningDaemon, new_world
from tests.videos import make_video

OFTEN = (
    sys.executable,
    str(Path(__file__).parent.parent / "faults" / "driver.py"),
    json.dumps({"hooks": [], "patience": {"reeld.report.status_line.PERIOD_S": 0.1}}),
)
"""`reeld`, whose line is never older than a tenth of a second."""


def _states(daemon: RunningDaemon) -> list[str]:
    return [state for message in daemon.told for state in message.split("\n")]


def _turns(daemon: RunningDaemon) -> list[str]:
    """READY, RELOADING and STOPPING, in the order in which they were told."""
    return [state for state in _states(daemon) if state in ("READY=1", "RELOADING=1", "STOPPING=1")]


def test_who_hears_that_it_is_ready_finds_in_the_status_how_each_library_is_watched() -> None:
    with new_world() as world:
        second = world.root / "second"
        second.mkdir()
        world.config.write_text(world.config.read_text() + f'[[library]]\nname = "second"\npath = "{second}"\n')
        for _ in range(5):
            with RunningDaemon(world):
                told = world.rows("status")[0]["libraries"]
                assert [library["watching"]["mode"] for library in told] == ["events", "events"]


def test_each_turn_of_a_daemons_life_is_told_in_order() -> None:
    """Also of a reload that changes nothing, or is refused: whoever sent the signal may wait for the answer."""
    with new_world() as world, RunningDaemon(world, WATCHDOG_USEC="200000") as daemon:
        good = world.config.read_text()
        second = world.root / "second"
        second.mkdir()
        another = good + f'[[library]]\nname = "second"\npath = "{second}"\n'
        expected = ["READY=1"]
        for text, event in ((good, "config.read"), ("quiet = 3\n", "config.refused"), (another, "daemon.ready")):
            mark, before_us = daemon.mark(), time.monotonic_ns() // 1000
            world.config.write_text(text)
            daemon.signal(signal.SIGHUP)
            expected += ["RELOADING=1", "READY=1"]
            daemon.wait_until(lambda: _turns(daemon) == expected, "it says that it reloads, and when it has")  # noqa: B023
            daemon.wait_for(event, since=mark)
            told = [message for message in daemon.told if message.startswith("RELOADING=1")][-1]
            moment = re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=(\d+)", told)
            assert moment is not None
            assert before_us <= int(moment[1]) <= time.monotonic_ns() // 1000
        beats = daemon.told.count("WATCHDOG=1")
        daemon.wait_until(lambda: daemon.told.count("WATCHDOG=1") > beats, "it beats on")
        daemon.stop()
        assert _turns(daemon) == [*expected, "STOPPING=1"]
        last = next(number for number, message in enumerate(daemon.told) if message.startswith("STOPPING=1"))
        assert last == len(daemon.told) - 1, "nothing is told after that it ends"


def test_a_kill_is_told_by_nobody_and_the_next_start_is_ready_again() -> None:
    with new_world() as world, RunningDaemon(world) as daemon:
        daemon.kill()
        assert _turns(daemon) == ["READY=1"]
        daemon.start()
        assert _turns(daemon) == ["READY=1"]


def test_the_line_follows_what_happens() -> None:
    with new_world(program=OFTEN) as world:
        second = world.root / "second"
        second.mkdir()
        world.libraries = {"L": world.library, "second": second}
        world.write_config()
        with RunningDaemon(world) as daemon:

            def wait_for(line: str) -> None:
                daemon.wait_until(lambda: f"STATUS={line}" in _states(daemon), line)

            wait_for("files: 0, in work: 0, pending: 0")
            make_video(world.library / "Heat (1995).mkv", seed=1)
            make_video(world.library / "holiday.mkv", seed=2)
            wait_for("files: 2, in work: 0, pending: 1")
            shutil.rmtree(second)
            wait_for("files: 2, in work: 0, pending: 1; library second is offline (reeld status says why)")
            second.mkdir()
            daemon.told.clear()
            wait_for("files: 2, in work: 0, pending: 1")
            world.config.write_text("nonsense = 1")
            daemon.signal(signal.SIGHUP)
            daemon.wait_until(
                lambda: "the configuration file is not in force" in _states(daemon)[-1], "the line says so"
            )
            lines = [state for state in _states(daemon) if state.startswith("STATUS=")]
            assert all(line != following for line, following in itertools.pairwise(lines)), "only changes are told"


def _library(name: str, **status: Any) -> WatcherStatus:
    return WatcherStatus(**{"name": name, "is_first_turn_over": True, "watching": WatchStatus(mode="events"), **status})


@pytest.mark.parametrize(
    ("library", "away", "words"),
    [
        (_library("L"), {}, None),
        (_library("L", trouble="its disk does not answer"), {}, "library L has a failing disk"),
        (_library("L"), {"L": "on_hold"}, "library L is on hold"),
        (_library("L"), {"L": "online"}, "library L lacks a disk"),
        (_library("L", watching=None), {"L": "offline"}, "library L is offline"),
        (_library("L", watching=WatchStatus(mode="polling", is_degraded=True)), {}, "library L is watched poorly"),
        # Not looked at yet: nobody knows.
        (WatcherStatus(name="L"), {"L": "offline"}, None),
        (_library("a\nREADY=1"), {"a\nREADY=1": "on_hold"}, r"library a\nREADY=1 is on hold"),
    ],
)
def test_the_line_names_each_library_that_is_not_well(
    library: WatcherStatus, away: dict[str, str], words: str | None
) -> None:
    totals = {"files": 3, "work": 2, "failed": 0, "pending": 1, "away": away}
    line = status_line(totals, [library], None)
    more = f"; {words} (reeld status says why)" if words else ""
    assert line == f"files: 3, in work: 2, pending: 1{more}"


def test_the_line_begins_with_a_full_disk_of_the_catalogue_and_failed_files() -> None:
    totals = {"files": 3, "work": 2, "failed": 1, "pending": 1, "away": {"L": "offline"}}
    line = status_line(totals, [_library("L")], None, catalog="the disk of the catalogue is full")
    assert line.startswith(
        "the disk of the catalogue is full, 1 file failed; files: 3, in work: 2, pending: 1; library L"
    )


def test_figures_that_are_not_known_are_not_made_up() -> None:
    assert status_line(None, [], None) == "the catalogue cannot be read now"
