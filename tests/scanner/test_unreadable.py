"""Test files that cannot be read now, or ever, for no fault of their own, with the real stages."""

import contextlib
import fcntl
import os
import resource
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from reeld.catalog import video_files
from reeld.catalog.models import JobRow, VideoFile
from reeld.errors import MachineExhausted
from reeld.pipeline.context import StageContext
from reeld.pipeline.disk_health import FILES_IN_A_ROW, DiskHealth
from reeld.pipeline.identify_file import identify_file
from reeld.pipeline.stages import LANES
from tests import fuse
from tests.catalog.rows import NOW_MS
from tests.privileges import humble
from tests.scanner.test_compare import World, _no_broken_lease_kills_us
from tests.scanner.test_moved_files import runner_in, tools, work, world, worlds
from tests.scanner.test_reidentify import NFO
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


def _work(world: World, tools: StageContext, disk_health: DiskHealth, *, rounds: int = 20) -> None:
    """For so many minutes, or until nothing is due any more."""
    runner = runner_in(world, tools, disk_health)
    for _ in range(rounds):
        world.advance_s += 60
        if not any(runner.step(lane) for lane in LANES):
            return


def _states() -> set[str]:
    return {row.state for row in JobRow.select()}


def test_files_in_a_very_deep_folder_are_not_the_disks_fault(world: World, tools: StageContext) -> None:
    """Else the whole library would rest for their sake, again and again."""
    _make_deep(world.root, FILES_IN_A_ROW + 1)
    world.advance_s += 3600
    world.be_quiet()
    assert VideoFile.select().count() == FILES_IN_A_ROW + 1
    disk_health = DiskHealth()
    _work(world, tools, disk_health, rounds=40)
    assert disk_health.trouble(str(world.root)) is None


def test_a_new_file_in_a_very_deep_folder_waits_no_longer_than_any_other(world: World) -> None:
    world.look()
    _make_deep(world.root, 1)
    world.look()
    assert len(world.folder_scanner.new_files.settling) == 1
    world.wait()
    assert (VideoFile.select().count(), len(world.folder_scanner.new_files.settling)) == (1, 0)


def test_a_file_that_goes_from_a_very_deep_folder_is_not_waited_for(world: World) -> None:
    _make_deep(world.root, 1)
    world.look()
    shutil.rmtree(world.root / ("d" * 240))
    world.wait()
    assert (VideoFile.select().count(), len(world.folder_scanner.new_files.settling)) == (0, 0)


def test_files_that_another_program_locks_are_no_fault_and_not_given_up(world: World, tools: StageContext) -> None:
    """Files that another program has to itself are neither the disks fault nor given up."""
    films = [make_video(world.root / f"Film {number} (1999).mkv", seed=number) for number in range(FILES_IN_A_ROW)]
    world.advance_s += 3600
    world.be_quiet()
    disk_health = DiskHealth()
    with _leased(*films):
        _work(world, tools, disk_health)
    assert disk_health.trouble(str(world.root)) is None
    assert _states() == {"waiting"}


def test_a_file_that_another_program_had_to_itself_is_read_once_it_is_free(world: World, tools: StageContext) -> None:
    film = make_video(world.root / "Film (1999).mkv", seed=1)
    world.advance_s += 3600
    world.be_quiet()
    with _leased(film):
        _work(world, tools, DiskHealth())
        assert VideoFile.get().fingerprint is None
    world.look()  # the event of the closing
    for _ in range(10):
        _work(world, tools, DiskHealth())
    assert _states() == set()
    assert VideoFile.get().file_hash is not None


def test_a_disk_that_goes_while_a_name_is_read_leaves_no_half_informed_verdict(
    world: World, tools: StageContext, tmp_path: Path
) -> None:
    """A disk that goes while a name is read leaves no verdict without what lies beside it.

    A folder that is not there has no siblings and no .nfo, and a name that was read is not read
    again.
    """
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


# --- what lies beside a video ----------------------------------------------------------------------------

ALIENS = "<movie><title>Aliens</title><year>1986</year><uniqueid type='tmdb' default='true'>679</uniqueid></movie>"
SHOW = "<tvshow><title>Show</title><year>1999</year></tvshow>"


def _look_and_work(world: World, tools: StageContext, disk_health: DiskHealth) -> None:
    """Dated by the clock that dates the folders, and an hour on."""
    world.advance_s = max(world.advance_s, time.time() - NOW_MS / 1000) + 3600
    world.look()
    _work(world, tools, disk_health, rounds=100)


@pytest.mark.parametrize(
    ("name", "nfo", "verdict"),
    [("Heat.mkv", NFO, "accepted"), ("Alien (1979).mkv", ALIENS, "pending")],
    ids=["one that says what it is", "one that says something else than the name"],
)
def test_a_nfo_that_may_not_be_read_is_asked_about_and_read_once_it_may_be(
    world: World, tools: StageContext, name: str, nfo: str, verdict: str
) -> None:
    """The .nfo is not touched when the user that runs reeld is put into its group."""
    make_video(world.root / name, seed=1)
    sidecar = (world.root / name).with_suffix(".nfo")
    sidecar.write_text(nfo)
    sidecar.chmod(0)
    disk_health = DiskHealth()
    with humble():
        _look_and_work(world, tools, disk_health)
    row = VideoFile.get()
    assert (row.verdict, row.movie, _states()) == ("pending", None, set())
    assert f"{sidecar} cannot be read (Permission denied); give the user" in row.reason
    assert row.reason.count("or remove it") == 1
    _look_and_work(world, tools, disk_health)  # as root, who may
    row = VideoFile.get()
    assert row.verdict == verdict, row.reason
    assert "cannot be read" not in (row.reason or "")
    assert disk_health.trouble(str(world.root)) is None
    seen_at = row.identified_at
    _look_and_work(world, tools, disk_health)
    assert VideoFile.get().identified_at == seen_at, "nothing came since"


def test_a_name_keeps_its_candidate_while_a_nfo_may_not_be_read(world: World, tools: StageContext) -> None:
    make_video(world.root / "Alien (1979).mkv", seed=1)
    (world.root / "Alien (1979).nfo").write_text(ALIENS)
    (world.root / "Alien (1979).nfo").chmod(0)
    with humble():
        _look_and_work(world, tools, DiskHealth())
        (question,) = VideoFile.get().validations
        assert [each["title"] for each in question.candidates] == ["Alien"]
        _look_and_work(world, tools, DiskHealth())
        (same,) = VideoFile.get().validations
    assert same.id == question.id, "a user who is about to answer answers this one"


def test_a_nfo_that_is_a_folder_a_link_or_a_pipe_says_nothing(world: World, tools: StageContext) -> None:
    make_video(world.root / "Heat (1995).mkv", seed=1)
    (world.root / "Heat (1995).nfo").mkdir()
    (world.root / "tvshow.nfo").symlink_to("tvshow.nfo")
    os.mkfifo(world.root / "movie.nfo")
    descriptors = len(os.listdir("/proc/self/fd"))
    _look_and_work(world, tools, DiskHealth())
    assert (VideoFile.get().verdict, _states()) == ("accepted", set())
    assert len(os.listdir("/proc/self/fd")) == descriptors


@pytest.mark.skipif(fuse.why_unavailable() is not None, reason=str(fuse.why_unavailable()))
def test_a_nfo_on_a_bad_sector_is_asked_about_and_read_once_it_can_be(
    world: World, tools: StageContext, tmp_path: Path
) -> None:
    """A nfo on a bad sector is one file that is asked about and read once it can be.

    It speaks of all episodes, which are neither set aside for it nor the proof of a bad disk.
    """
    backing = tmp_path / "backing"
    (backing / "Show/Season 1").mkdir(parents=True)
    (backing / "Show/tvshow.nfo").write_text(SHOW)
    for number in range(FILES_IN_A_ROW + 1):
        make_video(backing / f"Show/Season 1/Show S01E0{number + 1}.mkv", seed=number)
    disk_health = DiskHealth()
    with fuse.fuse_disk(backing, world.root) as disk:
        disk.fail_reads("tvshow.nfo")
        _look_and_work(world, tools, disk_health)
        assert (_states(), disk_health.trouble(str(world.root))) == (set(), None)
        rows = list(VideoFile.select())
        assert {row.verdict for row in rows} == {"pending"}
        assert all("Input/output error" in row.reason and row.file_hash for row in rows)
        disk.heal()
        _look_and_work(world, tools, disk_health)
        assert {row.verdict for row in VideoFile.select()} == {"accepted"}, VideoFile.get().reason


def test_without_descriptors_no_name_is_read_as_if_nothing_lay_beside_it(world: World, tools: StageContext) -> None:
    make_video(world.root / "Alien (1979).mkv", seed=1)
    world.be_quiet()
    runner_in(world, tools)
    record = video_files.file_record(VideoFile.get().id)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, before[1]))
    try:
        with pytest.raises(MachineExhausted):
            identify_file(record, tools)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
