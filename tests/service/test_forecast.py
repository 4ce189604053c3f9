"""Is what is foretold of the work true when it goes on as it did?"""

import json
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from reeld.catalog import content, queue
from reeld.catalog.database import writing
from reeld.catalog.views import WorkLeft, work_left
from reeld.domain.times import coarsely
from reeld.service.forecast import WINDOW_S, Forecast, Outlook
from reeld.service.tally import Tally
from tests.catalog.rows import NOW_MS, add_file, add_libraries, stamp
from tests.service.harness import RunningDaemon, new_world

MIB = 1 << 20


@dataclass
class Work:
    """Files that are read and hashed at a steady pace, and a clock."""

    now: float = 1000.0
    tally: Tally = field(default_factory=Tally)

    def go_on(self, seconds: float, *, files: int = 0, hashed_mib: int = 0) -> None:
        self.now += seconds
        for _ in range(files):
            with self.tally.stage("fingerprint"):
                pass
        self.tally.hashed(hashed_mib * MIB)

    def forecast(self, **settings: bool) -> Forecast:
        return Forecast(self.tally, clock=lambda: self.now, **settings)


def left(files: int, mib: int) -> WorkLeft:
    return WorkLeft(files=files, files_to_read=files, bytes_to_hash=mib * MIB)


def test_the_slower_lane_says_when_all_is_done() -> None:
    work = Work()
    forecast = work.forecast()
    assert forecast.look(left(1000, 5000)).seconds_left is None, "no rate is known yet"
    work.go_on(10, files=500, hashed_mib=100)
    assert forecast.look(left(1000, 5000)) == Outlook(
        files=1000, bytes_to_hash=5000 * MIB, files_per_s=50.0, hashed_bytes_per_s=10.0 * MIB, seconds_left=500.0
    )
    assert work.forecast().look(left(0, 0)).seconds_left == 0


def test_of_what_does_not_go_on_nobody_knows_the_end() -> None:
    work = Work()
    forecast = work.forecast()
    forecast.look(left(10, 10))
    work.go_on(10, files=5)
    assert forecast.look(left(5, 10)).seconds_left is None, "nothing is hashed, outside the hours for example"
    assert forecast.look(left(5, 0)).seconds_left == pytest.approx(10)


def test_only_the_last_minute_counts() -> None:
    work = Work()
    forecast = work.forecast()
    for _ in range(20):
        work.go_on(WINDOW_S / 10, files=60)
        forecast.look(left(1000, 0))
    for _ in range(11):
        work.go_on(WINDOW_S / 10, files=6)
        outlook = forecast.look(left(100, 0))
    assert outlook.files_per_s == pytest.approx(1.0)
    assert outlook.seconds_left == pytest.approx(100)


def test_without_full_hashes_no_bytes_are_waited_for() -> None:
    work = Work()
    forecast = work.forecast(with_full_hash=False)
    forecast.look(left(10, 10))
    work.go_on(10, files=5)
    assert forecast.look(left(5, 10)).bytes_to_hash == 0


def test_the_queue_tells_what_is_left_of_each_file(catalog: Path) -> None:
    (library_id,) = add_libraries("Films")
    for number, (stage, lane) in enumerate((("name", "names"), ("fingerprint", "light"), ("hash", "heavy"))):
        file_id = add_file(library_id, f"{number}.mkv", at=stamp(size_bytes=1000 * 10**number))
        with writing():
            queue.enqueue(file_id, stage=stage, lane=lane, now_ms=NOW_MS)
    with writing():
        hashed = add_file(library_id, "hashed.mkv")
        content.save_full_hash(hashed, "cafe")
        queue.enqueue(hashed, stage="identify", lane="names", now_ms=NOW_MS)
        queue.enqueue(add_file(library_id, "pair.mkv"), stage="pair", lane="light", now_ms=NOW_MS)
    assert work_left() == WorkLeft(files=5, files_to_read=3, bytes_to_hash=111_000)
    with writing():
        queue.pause(library_id)
    assert work_left() == WorkLeft(files=0, files_to_read=0, bytes_to_hash=0), "nobody can go on with them"


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0 s"), (90, "90 s"), (150, "2 min"), (7_300, "2 h"), (200_000, "2 days")]
)
def test_a_length_of_time_is_told_as_a_person_says_it(seconds: float, words: str) -> None:
    assert coarsely(seconds) == words


@pytest.fixture
def slow_daemon() -> Iterator[RunningDaemon]:
    """One that hashes so slowly that there is something to foretell."""
    with new_world() as world:
        (world.library / "Heat (1995).mkv").write_bytes(b"\x1a\x45\xdf\xa3" + bytes(8 << 20))
        with world.config.open("a") as config:
            config.write("\n[hash]\nmax_mib_per_s = 0.25\n")
        with RunningDaemon(world) as daemon:
            yield daemon


def test_status_shows_the_outlook_again_and_again_until_it_is_interrupted(slow_daemon: RunningDaemon) -> None:
    world = slow_daemon.world
    slow_daemon.wait_until(
        lambda: (world.rows("status")[0]["work"] or {}).get("bytes_to_hash"), "what is left to hash is told"
    )
    with subprocess.Popen(
        world.command("--config", str(world.config), "status", "--watch", "--json"),
        stdout=subprocess.PIPE,
        env=world.environment(),
    ) as watching:
        assert watching.stdout is not None
        reports = [json.loads(watching.stdout.readline()) for _ in range(2)]
        watching.send_signal(signal.SIGTERM)
        assert watching.wait() == -signal.SIGTERM
    assert [report["work"]["files"] for report in reports] == [1, 1]
    assert "to hash" in world.said("status")


def test_where_nothing_is_left_status_foretells_nothing(slow_daemon: RunningDaemon) -> None:
    """The daemon tells every few seconds, the catalogue at once."""
    world = slow_daemon.world
    slow_daemon.wait_until(
        lambda: (world.rows("status")[0]["work"] or {}).get("bytes_to_hash"), "what is left to hash is told"
    )
    (world.library / "Heat (1995).mkv").unlink()
    report = slow_daemon.wait_until(
        lambda: next((row for row in world.rows("status") if not row["queue"]), None), "its job is gone"
    )
    assert report["work"] is None
