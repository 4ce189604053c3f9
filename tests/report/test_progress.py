"""Is what is foretold of the work true when it goes on as it did?"""

import json
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reeld.catalog import media, queue
from reeld.catalog.overview import WorkLeft, awaited, counts, totals, work_left
from reeld.database.connection import writing
from reeld.domain.status import Estimate
from reeld.domain.times import coarsely
from reeld.report.counters import Counters
from reeld.report.progress import WINDOW_S, ProgressEstimator
from tests.catalog.rows import NOW_MS, add_file, add_libraries, claim_one, stamp
from tests.service.harness import Row, RunningDaemon, World, new_world
from tests.videos import video_bytes

MIB = 1 << 20


@dataclass
class Work:
    """Files that are read and hashed at a steady pace, and a clock."""

    now: float = 1000.0
    counters: Counters = field(default_factory=Counters)

    def go_on(self, seconds: float, *, files: int = 0, hashed_mib: int = 0) -> None:
        self.now += seconds
        for _ in range(files):
            with self.counters.stage("fingerprint"):
                pass
        self.counters.hashed(hashed_mib * MIB)

    def progress_estimator(self, **settings: bool) -> ProgressEstimator:
        return ProgressEstimator(self.counters, clock=lambda: self.now, **settings)


def left(files: int, mib: int) -> WorkLeft:
    return WorkLeft(files=files, files_to_read=files, bytes_to_hash=mib * MIB)


def test_the_slower_lane_says_when_all_is_done() -> None:
    work = Work()
    progress_estimator = work.progress_estimator()
    assert progress_estimator.estimate(left(1000, 5000)).seconds_left is None, "no rate is known yet"
    work.go_on(10, files=500, hashed_mib=100)
    assert progress_estimator.estimate(left(1000, 5000)) == Estimate(
        files=1000, bytes_to_hash=5000 * MIB, files_per_s=50.0, hashed_bytes_per_s=10.0 * MIB, seconds_left=500.0
    )
    assert work.progress_estimator().estimate(left(0, 0)).seconds_left == 0


def test_of_what_does_not_go_on_nobody_knows_the_end() -> None:
    work = Work()
    progress_estimator = work.progress_estimator()
    progress_estimator.estimate(left(10, 10))
    work.go_on(10, files=5)
    assert progress_estimator.estimate(left(5, 10)).seconds_left is None, "nothing is hashed, as outside the hours"
    assert progress_estimator.estimate(left(5, 0)).seconds_left == pytest.approx(10)


def test_only_the_last_minute_counts() -> None:
    work = Work()
    progress_estimator = work.progress_estimator()
    for _ in range(20):
        work.go_on(WINDOW_S / 10, files=60)
        progress_estimator.estimate(left(1000, 0))
    for _ in range(11):
        work.go_on(WINDOW_S / 10, files=6)
        estimate = progress_estimator.estimate(left(100, 0))
    assert estimate.files_per_s == pytest.approx(1.0)
    assert estimate.seconds_left == pytest.approx(100)


def test_without_full_hashes_no_bytes_are_waited_for() -> None:
    work = Work()
    progress_estimator = work.progress_estimator(with_full_hash=False)
    progress_estimator.estimate(left(10, 10))
    work.go_on(10, files=5)
    assert progress_estimator.estimate(left(5, 10)).bytes_to_hash == 0


def test_the_queue_tells_what_is_left_of_each_file(catalog: Path) -> None:
    (library_id,) = add_libraries("Films")
    for number, (stage, lane) in enumerate((("name", "names"), ("fingerprint", "light"), ("hash", "heavy"))):
        file_id = add_file(library_id, f"{number}.mkv", at=stamp(size_bytes=1000 * 10**number))
        with writing():
            queue.enqueue(file_id, stage=stage, lane=lane, now_ms=NOW_MS)
    with writing():
        hashed = add_file(library_id, "hashed.mkv")
        media.save_full_hash(hashed, "cafe")
        queue.enqueue(hashed, stage="identify", lane="names", now_ms=NOW_MS)
        queue.enqueue(add_file(library_id, "pair.mkv"), stage="match_copies", lane="light", now_ms=NOW_MS)
    assert work_left() == WorkLeft(files=5, files_to_read=3, bytes_to_hash=111_000)
    with writing():
        queue.pause(library_id)
    assert work_left() == WorkLeft(files=0, files_to_read=0, bytes_to_hash=0), "nobody can go on with them"


def test_what_only_waits_for_its_end_is_no_work(catalog: Path) -> None:
    (library_id,) = add_libraries("Films")
    until_ms = NOW_MS + 86_400_000

    def has_only_waits() -> bool:
        is_work = counts()["queue"] or totals()["work"] or work_left().files
        return not is_work and counts()["awaited"] == 1

    file_id = add_file(library_id, "cut.mkv", at=stamp(ctime_ns=NOW_MS * 1_000_000))
    with writing():
        queue.enqueue(file_id, stage="probe", lane="light", now_ms=NOW_MS)
    assert not has_only_waits()
    with writing():
        job = claim_one("light", NOW_MS)
        assert job
        queue.requeue(job, due_at_ms=NOW_MS + 60_000, error="it ends early", counts=False, awaited_until_ms=until_ms)
    assert has_only_waits()
    assert awaited() == [
        {"library": "Films", "path": "/disks/Films/cut.mkv", "since": NOW_MS / 1000, "until": until_ms / 1000}
    ]
    with writing():
        again = claim_one("light", NOW_MS + 60_000)
        assert again
    assert has_only_waits(), "also while somebody looks whether it has come"
    with writing():
        queue.move_on([again], stage="hash", lane="heavy", keep=False, now_ms=NOW_MS)
    assert work_left() == WorkLeft(files=1, files_to_read=0, bytes_to_hash=5000)
    assert (counts()["awaited"], awaited()) == (0, [])


@pytest.mark.parametrize("change", ["a new version", "another failure", "it was set aside"])
def test_whatever_else_becomes_of_a_job_its_end_is_not_awaited_any_more(catalog: Path, change: str) -> None:
    (library_id,) = add_libraries("Films")
    file_id = add_file(library_id, "cut.mkv")
    with writing():
        queue.enqueue(file_id, stage="probe", lane="light", now_ms=NOW_MS)
        job = claim_one("light", NOW_MS)
        assert job
        queue.requeue(job, due_at_ms=NOW_MS, error="it ends early", counts=False, awaited_until_ms=NOW_MS + 1)
    with writing():
        if change == "a new version":
            queue.enqueue(file_id, stage="name", lane="names", now_ms=NOW_MS)
        elif (again := claim_one("light", NOW_MS)) and change == "another failure":
            queue.requeue(again, due_at_ms=NOW_MS, error="it hiccuped", counts=True)
        elif again:
            queue.fail(again, error="it is broken")
    assert (counts()["awaited"], awaited()) == (0, [])


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
    assert [report["work"]["file_count"] for report in reports] == [1, 1]
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


@pytest.fixture
def cut_off() -> Iterator[World]:
    """A library with a copy that was killed, and a file that is whole."""
    with new_world(patience_h=24.0) as world:
        content = video_bytes("mp4", seed=1)
        (world.library / "Casablanca (1942).mp4").write_bytes(content[: len(content) * 3 // 4])
        (world.library / "Heat (1995).mp4").write_bytes(video_bytes("mp4", seed=2))
        yield world


def _seconds(moment: str) -> float:
    """Since 1970."""
    return datetime.fromisoformat(moment).timestamp()


def test_status_names_what_waits_for_its_end_and_foretells_nothing_of_it(cut_off: World) -> None:
    path = cut_off.library / "Casablanca (1942).mp4"
    changed = path.stat().st_ctime
    (summary,) = cut_off.rows("scan")
    assert (summary["queue"], summary["awaited_count"]) == ([], 1)

    def is_told(report: Row) -> bool:
        (library,) = report["libraries"]
        (wait,) = library["waiting"]
        assert wait.keys() == {"path", "since", "reason", "held_since", "until"}
        assert (wait["path"], wait["held_since"]) == (str(path), None)
        assert "ends before its container does" in wait["reason"]
        assert _seconds(wait["since"]) == pytest.approx(changed, abs=1)
        assert _seconds(wait["until"]) == pytest.approx(changed + 86_400, abs=1)
        return (report["queue"], report["awaited_count"], report["work"], library["awaited_count"]) == ([], 1, None, 1)

    assert is_told(cut_off.rows("status")[0]), "also without a daemon"
    said = cut_off.said("status")
    assert "to do      nothing; 1 waits for its end, 0 paused" in said
    until = datetime.fromtimestamp(changed + 86_400, UTC)
    assert f"until {until:%Y-%m-%d %H:%M} UTC: {path} (it ends before its container does" in said
    assert "left" not in said
    with RunningDaemon(cut_off) as daemon:
        daemon.wait_until(
            lambda: daemon.find("file.incomplete") or cut_off.rows("status")[0]["libraries"][0]["watching"],
            "it was looked at",
        )
        assert is_told(cut_off.rows("status")[0])
        assert "1 waits for its end" in cut_off.said("status")
