"""What becomes of files that cannot be read for now, or never, through no fault of theirs? By the real stages."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from reeld.catalog.models import JobRow, VideoFile
from reeld.pipeline.disks import FILES_IN_A_ROW, Disks
from reeld.pipeline.stages import LANES
from reeld.pipeline.tools import Tools
from tests.catalog.rows import NOW_MS
from tests.pipeline.test_intake import World, _no_broken_lease_kills_us
from tests.pipeline.test_moves import runner_in, tools, work, world, worlds
from tests.pipeline.test_neighbours import NFO
from tests.videos import make_video, video_bytes

__all__ = ["_no_broken_lease_kills_us", "tools", "world", "worlds"]


def _make_deep(root: Path, count: int) -> None:
    """Films in a folder whose path is longer than any one call takes; name by name it can be entered."""
    folder = os.open(root, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("d" * 240, dir_fd=folder)
        below = os.open("d" * 240, os.O_RDONLY | os.O_DIRECTORY, dir_fd=folder)
        os.close(folder)
        folder = below
    for number in range(count):
        file = os.open(f"Film {number} (1999).mkv", os.O_CREAT | os.O_WRONLY, dir_fd=folder)
        os.write(file, video_bytes("mkv", seed=number))
        os.close(file)
    os.close(folder)


@contextlib.contextmanager
def _leased(*paths: Path) -> Iterator[None]:
    """Another program has the files to itself, as the servers of Samba and NFS do for those whom they serve."""
    with contextlib.ExitStack() as opened:
        for path in paths:
            file = opened.enter_context(path.open("r+b"))
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        yield


def _work(world: World, tools: Tools, disks: Disks, *, rounds: int = 20) -> None:
    """For so many minutes, or until nothing is due any more."""
    runner = runner_in(world, tools, disks)
    for _ in range(rounds):
        world.advance_s += 60
        if not any(runner.step(lane) for lane in LANES):
            return


def _states() -> set[str]:
    return {row.state for row in JobRow.select()}


def test_files_in_a_very_deep_folder_are_not_the_disks_fault(world: World, tools: Tools) -> None:
    """Else the whole library would rest for their sake, again and again."""
    _make_deep(world.root, FILES_IN_A_ROW + 1)
    world.advance_s += 3600
    world.be_quiet()
    assert VideoFile.select().count() == FILES_IN_A_ROW + 1
    disks = Disks()
    _work(world, tools, disks, rounds=40)
    assert disks.trouble(str(world.root)) is None


def test_files_that_another_program_has_to_itself_are_neither_the_disks_fault_nor_given_up(
    world: World, tools: Tools
) -> None:
    films = [make_video(world.root / f"Film {number} (1999).mkv", seed=number) for number in range(FILES_IN_A_ROW)]
    world.advance_s += 3600
    world.be_quiet()
    disks = Disks()
    with _leased(*films):
        _work(world, tools, disks)
    assert disks.trouble(str(world.root)) is None
    assert _states() == {"waiting"}


def test_a_file_that_another_program_had_to_itself_is_read_once_it_is_free(world: World, tools: Tools) -> None:
    film = make_video(world.root / "Film (1999).mkv", seed=1)
    world.advance_s += 3600
    world.be_quiet()
    with _leased(film):
        _work(world, tools, Disks())
        assert VideoFile.get().fingerprint is None
    world.look()  # the event of the closing
    for _ in range(10):
        _work(world, tools, Disks())
    assert _states() == set()
    assert VideoFile.get().file_hash is not None


def test_a_disk_that_goes_while_a_name_is_read_leaves_no_verdict_without_what_lies_beside_it(
    world: World, tools: Tools, tmp_path: Path
) -> None:
    """A folder that is not there has no neighbours and no .nfo, and nobody would come again once the name is read."""
    (world.root / "Heat").mkdir()
    make_video(world.root / "Heat/Heat.mkv", seed=1)
    (world.root / "Heat/Heat.nfo").write_text(NFO)
    world.advance_s = time.time() - NOW_MS / 1000 + 3600  # rows are dated by the clock that dates the folder
    world.look()
    assert world.jobs() == {"Heat/Heat.mkv": "name"}
    runner = runner_in(world, tools)
    world.root.rename(tmp_path / "unplugged")
    assert runner.step("names")
    (tmp_path / "unplugged").rename(world.root)
    for _ in range(3):
        world.advance_s += 600
        world.look()
        work(world, tools)
    assert _states() == set()
    assert VideoFile.get().verdict == "accepted", VideoFile.get().reason
