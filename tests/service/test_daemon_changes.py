"""Files change, vanish and are replaced while reeld looks at them. What is stored belongs to what is there."""

import os
import random
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.service.harness import RunningDaemon, hash_of, new_world
from tests.videos import make_video, video_bytes


@pytest.fixture(scope="module")
def running() -> Iterator[RunningDaemon]:
    with new_world() as world, RunningDaemon(world) as daemon:
        yield daemon


@pytest.fixture
def daemon(running: RunningDaemon) -> Iterator[RunningDaemon]:
    yield running
    running.assert_true()


@pytest.fixture
def library(running: RunningDaemon) -> Path:
    return running.world.library


def test_new_content_under_the_same_name_gets_a_new_hash(daemon: RunningDaemon, library: Path) -> None:
    path = make_video(library / "Heat (1995).mkv", seed=1)
    daemon.wait_for("file.finished", path=path.name)
    before, mark = daemon.world.file(path), daemon.mark()
    content = video_bytes("mkv", seed=2)
    path.write_bytes(content)
    daemon.wait_for("file.finished", path=path.name, since=mark)
    after = daemon.world.file(path)
    assert after["id"] == before["id"]
    assert after["file_hash"] == hash_of(path) != before["file_hash"]


def test_a_video_that_is_replaced_by_a_rename_gets_a_new_hash(daemon: RunningDaemon, library: Path) -> None:
    path = make_video(library / "Ronin (1998).mkv", seed=3)
    daemon.wait_for("file.finished", path=path.name)
    mark = daemon.mark()
    better = make_video(daemon.world.root / "better.mkv", seed=4)
    os.utime(better, ns=(path.stat().st_mtime_ns, path.stat().st_mtime_ns))
    os.replace(better, path)
    daemon.wait_for("file.finished", path=path.name, since=mark)


def test_two_files_that_exchange_their_names_keep_what_is_true(daemon: RunningDaemon, library: Path) -> None:
    first, second = make_video(library / "Alien (1979).mkv", seed=5), make_video(library / "Aliens (1986).mkv", seed=6)
    for path in (first, second):
        daemon.wait_for("file.finished", path=path.name)
    aside = daemon.world.root / "aside"
    os.rename(first, aside)
    os.rename(second, first)
    os.rename(aside, second)


def test_a_file_that_grows_while_it_is_hashed_is_hashed_again(daemon: RunningDaemon, library: Path) -> None:
    path = make_video(library / "Napoleon (1927).mkv", seed=7)
    os.truncate(path, 2 << 30)
    daemon.wait_for("stage.finished", stage="probe", path=path.name)
    with open(path, "ab") as file:
        file.write(b"more")
    daemon.wait_for("file.changed", stage="hash", path=path.name)
    os.truncate(path, 100_000)
    daemon.wait_for("file.finished", path=path.name)
    assert daemon.world.file(path)["file_hash"] == hash_of(path)


def _vanish(path: Path) -> None:
    path.unlink()


def _be_replaced(path: Path) -> None:
    other = path.with_suffix(".new")
    other.write_bytes(video_bytes("mkv", seed=99))
    os.replace(other, path)


def _be_moved(path: Path) -> None:
    os.rename(path, path.with_name(f"moved {path.name}"))


def _shrink(path: Path) -> None:
    # By a descriptor, as programs do: truncate(2) on a path sends no close event, and waits for the next walk.
    with open(path, "r+b") as file:
        file.truncate(10)


def _become_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("happen", [_vanish, _be_replaced, _be_moved, _shrink, _become_a_folder])
def test_whatever_becomes_of_a_file_at_any_stage_the_end_is_true(
    daemon: RunningDaemon, library: Path, happen: Callable[[Path], None]
) -> None:
    """Each file is hit when one of its stages has just ended: during the next, or between the two."""
    folder = library / happen.__name__
    folder.mkdir()
    moments = ["", "name", "fingerprint", "probe", "hash"]
    paths = {}
    for seed, stage in enumerate(moments, start=10):
        paths[stage] = make_video(folder / f"{stage or 'settled'} (1999).mkv", seed=seed, padding_bytes=5_000_000)
    for stage, path in paths.items():
        relative = str(path.relative_to(library))
        if stage:
            daemon.wait_for("stage.finished", stage=stage, path=relative)
        else:
            daemon.wait_for("file.settled", path=relative)
        happen(path)
    daemon.assert_true()


def test_a_storm_of_changes_ends_in_the_truth() -> None:
    """I1. Of 18 paths, so that what is gone in the end is never so much that a person must say so."""
    with new_world() as world, RunningDaemon(world) as daemon:
        _storm(world.library)
        daemon.assert_true()


def _storm(library: Path) -> None:
    rng = random.Random(20)
    storm = library / "storm"
    storm.mkdir()
    contents = [video_bytes("mkv", seed=seed) for seed in range(30, 36)]
    pause = threading.Event()

    def act(step: int) -> None:
        path = storm / rng.choice(["a", "b", ""]) / f"Film {rng.randrange(6)} (1999).mkv"
        path.parent.mkdir(exist_ok=True)
        match rng.randrange(6):
            case 0 | 1 | 2:
                path.write_bytes(rng.choice(contents) + bytes(rng.randrange(100)))
            case 3:
                path.unlink(missing_ok=True)
            case 4 if path.exists():
                os.rename(path, storm / f"Film {rng.randrange(6)} (1999).mkv")
            case _:
                if step % 10 == 0:
                    shutil.rmtree(path.parent if path.parent != storm else storm / "a", ignore_errors=True)

    for step in range(250):
        act(step)
        pause.wait(rng.choice([0, 0, 0, 0.005, 0.02, 0.05]))  # the storm's own pace
