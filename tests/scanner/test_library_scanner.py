"""Drive `LibraryScanner.tick` over real folders, with a clock that is moved by hand."""

import errno
import importlib
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from reeld.catalog import libraries
from reeld.catalog.models import JobRow, VideoFile
from reeld.catalog.models import Library as LibraryRow
from reeld.config import Library, WatchSettings
from reeld.database.connection import writing
from reeld.domain.records import Place
from reeld.errors import Interrupted
from reeld.pipeline.stages import STAGES
from reeld.scanner import library_scanner
from reeld.scanner.library_scanner import LONGEST_TICK_S, LibraryScanner, make_folder_scanner
from reeld.scanner.root_check import JUDGE_S, Root
from reeld.service.stage_context import stat_names_of
from reeld.watch import walk
from reeld.watch.hints import DirtyDirectories
from reeld.watch.observer_health import ObserverHealth
from reeld.watch.rescan import RequestedScan, Rescans, RescanSchedule
from reeld.watch.rules import Rules
from reeld.watch.settle import Settling
from reeld.watch.walk import Listing, RootSeen
from tests.catalog.rows import NOW_MS, add_libraries

QUIET_S = 5.0

# The package has a function of this name, too.
reconciling = importlib.import_module("reeld.scanner.reconcile")


@dataclass
class World:
    """A library with its scanner. Without `watch` it is scanned as `reeld scan` does, else as the daemon does."""

    root: Path
    library_id: int
    watch: WatchSettings | None = None
    folders: Sequence[str] = ("",)
    advance_s: float = 0.0
    is_stopped: bool = False
    ignore: tuple[str, ...] = ()
    scanner: LibraryScanner = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """As after a new start of reeld: nothing is remembered but what the catalogue holds."""
        library = Library(name="films", path=str(self.root), quiet_s=QUIET_S, watch="poll", ignore=self.ignore)
        root = Root(place=Place(self.library_id, str(self.root)), monotonic=self.now)
        hints = DirtyDirectories()
        folder_scanner = make_folder_scanner(
            library,
            self.library_id,
            first_stage=STAGES[0],
            with_full_hash=True,
            stat_names=stat_names_of({self.library_id: root}),
            now_ms=lambda: NOW_MS + int(self.advance_s * 1000),
        )
        folder_scanner.new_files.monotonic = folder_scanner.missing_files.monotonic = self.now
        folder_scanner.new_files.wall_ns = self.wall_ns
        self.scanner = LibraryScanner(
            library=library,
            folder_scanner=folder_scanner,
            root=root,
            hints=hints,
            rescans=self._rescans(library, hints),
            should_stop=lambda: self.is_stopped,
            monotonic=self.now,
        )

    def _rescans(self, library: Library, hints: DirtyDirectories) -> Rescans:
        if self.watch is None:
            return RequestedScan(hints, self.folders)
        return RescanSchedule(
            root=library.path,
            settings=self.watch,
            hints=hints,
            observer_health=ObserverHealth(library, hints, library_scanner.rules_of(library), clock=self.now),
            monotonic=self.now,
            wall_ns=self.wall_ns,
        )

    def now(self) -> float:
        return time.monotonic() + self.advance_s

    def wall_ns(self) -> int:
        return time.time_ns() + int(self.advance_s * 1e9)

    def tick(self, after_s: float = 0.0) -> None:
        self.advance_s += after_s
        self.scanner.tick(self.now())

    def be_quiet(self) -> None:
        """Tick until what was found is settled or confirmed."""
        for _ in range(3):
            self.tick(QUIET_S + 1)

    def write(self, path: str, *, is_old: bool = True) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(path)
        if not is_old:
            os.utime(file, ns=(self.wall_ns(), self.wall_ns()))
        else:
            os.utime(file, (1, 1))
        return file

    def write_many(self, count: int) -> list[Path]:
        files = [self.write(f"{number}.mkv") for number in range(count)]
        self.be_quiet()
        return files

    def state(self) -> str:
        return str(libraries.library_status(self.library_id).state)


def states() -> dict[str, str]:
    return dict(VideoFile.select(VideoFile.path, VideoFile.state).tuples())


def job_states() -> set[str]:
    return {row.state for row in JobRow.select()}


@pytest.fixture
def make_world(catalog: Path, tmp_path: Path) -> Callable[..., World]:
    def make(**settings: object) -> World:
        (library_id,) = add_libraries("films")
        root = tmp_path / "films"
        root.mkdir()
        with writing():
            LibraryRow.update(path=str(root)).where(LibraryRow.id == library_id).execute()
        return World(root, library_id, **settings)  # type: ignore[arg-type]

    return make


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    return make_world()


# --- files -----------------------------------------------------------------------------------------------


def test_a_new_file_is_queued_once_its_quiet_period_is_over(world: World) -> None:
    world.write("a/one.mkv", is_old=False)
    world.tick()
    assert states() == {}
    due = world.scanner.next_due() - world.now()
    assert 0 < due <= QUIET_S
    world.tick(due + 0.5)
    assert states() == {"a/one.mkv": "present"}
    assert [row.stage for row in JobRow.select()] == [STAGES[0].name]


def test_a_file_is_missing_after_two_scans_a_quiet_period_apart(world: World) -> None:
    (film,) = world.write_many(1)
    film.unlink()
    world.scanner.rescan_directory_of(str(film))
    world.tick()
    assert states() == {"0.mkv": "present"}
    world.tick(world.scanner.next_due() - world.now())
    assert states() == {"0.mkv": "missing"}
    assert world.scanner.next_due() == math.inf


def test_a_file_that_came_back_before_the_second_scan_stays(world: World, tmp_path: Path) -> None:
    (film,) = world.write_many(1)
    film.rename(tmp_path / "elsewhere.mkv")
    world.scanner.rescan_directory_of(str(film))
    world.tick()
    (tmp_path / "elsewhere.mkv").rename(film)
    world.be_quiet()
    assert states() == {"0.mkv": "present"}


def test_only_the_requested_folders_are_scanned(make_world: Callable[..., World]) -> None:
    world = make_world(folders=("a",))
    world.write("a/deep/one.mkv")
    world.write("b/two.mkv")
    world.be_quiet()
    assert states() == {"a/deep/one.mkv": "present"}


def test_a_library_of_which_nothing_was_requested_has_its_state_recorded(make_world: Callable[..., World]) -> None:
    world = make_world(folders=())
    world.write("one.mkv")
    world.be_quiet()
    assert (states(), world.state()) == ({}, "online")


def test_a_folder_outside_of_the_library_is_not_marked(world: World) -> None:
    world.be_quiet()
    world.scanner.rescan_directory_of(f"{world.root}2/one.mkv")
    assert not world.scanner.is_behind


def test_files_that_were_rejected_at_capacity_are_taken_once_there_is_room(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library_scanner, "MOST_WAITING", 2)
    new_files = world.scanner.folder_scanner.new_files
    new_files.settling = Settling(QUIET_S, capacity=1)
    for number in range(3):
        world.write(f"{number}/film.mkv", is_old=False)
    world.tick()
    assert (len(new_files.settling), len(new_files.rejected)) == (1, 2)
    for _ in range(4):
        world.tick(QUIET_S + 1)
        world.tick()
    assert set(states().values()) == {"present"}
    assert len(states()) == 3


# --- the root --------------------------------------------------------------------------------------------


def test_nothing_changes_while_the_root_is_away_and_all_is_scanned_when_it_is_back(
    world: World, tmp_path: Path
) -> None:
    world.write_many(2)
    world.root.rename(tmp_path / "away")
    world.tick()
    assert (world.state(), job_states(), world.scanner.is_online) == ("offline", {"paused"}, False)
    assert world.scanner.next_due() == math.inf
    world.be_quiet()
    assert set(states().values()) == {"present"}
    (tmp_path / "away").rename(world.root)
    (world.root / "0.mkv").unlink()
    world.write("new.mkv")
    world.be_quiet()
    assert states() == {"0.mkv": "missing", "1.mkv": "present", "new.mkv": "present"}
    assert (world.state(), job_states()) == ("online", {"waiting"})


def test_an_empty_folder_in_place_of_the_root_is_not_scanned_until_accepted(world: World, tmp_path: Path) -> None:
    """An empty folder in the place of the root is not scanned until it is accepted."""
    world.write_many(3)
    world.root.rename(tmp_path / "away")
    world.root.mkdir()
    world.be_quiet()
    assert (world.state(), set(states().values())) == ("unverified", {"present"})
    with writing():
        libraries.accept("films")
    world.tick(JUDGE_S + 1)
    world.be_quiet()
    assert (world.state(), set(states().values())) == ("online", {"missing"})


def test_a_root_that_was_another_one_during_a_scan_is_scanned_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing was recorded meanwhile, and at the next tick the root is as ever."""
    world.write_many(1)
    check_root, answers = reconciling.check_root, ["Stale file handle"]

    def stale_once(root: str) -> RootSeen | str:
        found: RootSeen | str = answers.pop() if answers else check_root(root)
        return found

    monkeypatch.setattr(reconciling, "check_root", stale_once)
    film = world.write("a/two.mkv")
    world.scanner.rescan_directory_of(str(film))
    world.tick()
    assert (answers, states()) == ([], {"0.mkv": "present"})
    assert world.scanner.is_behind
    world.be_quiet()
    assert states() == {"0.mkv": "present", "a/two.mkv": "present"}
    assert not world.scanner.is_behind


# --- on hold ---------------------------------------------------------------------------------------------


def _delete_most(world: World) -> None:
    for film in world.write_many(30)[1:]:
        film.unlink()
    world.scanner.hints.mark_everything()
    world.be_quiet()


def test_a_library_that_lost_very_many_files_at_once_is_on_hold_also_after_a_restart(world: World) -> None:
    """The new process must not take the first confirmed files as all that are gone."""
    _delete_most(world)
    assert (world.state(), set(states().values())) == ("on_hold", {"present"})
    assert job_states() == {"paused", "waiting"}
    world.restart()
    world.tick()
    assert (world.state(), set(states().values())) == ("on_hold", {"present"})
    world.be_quiet()
    assert (world.state(), set(states().values())) == ("on_hold", {"present"})


def test_a_scan_of_one_folder_does_not_release_a_library_on_hold(make_world: Callable[..., World]) -> None:
    world = make_world()
    world.write("part/film.mkv")
    _delete_most(world)
    world.folders = ("part",)
    world.restart()
    world.be_quiet()
    assert (world.state(), set(states().values())) == ("on_hold", {"present"})


def test_an_accepted_deletion_is_recorded_and_the_hold_is_released(world: World) -> None:
    _delete_most(world)
    with writing():
        libraries.accept("films")
    world.be_quiet()
    assert world.state() == "online"
    assert sorted(states().values()) == ["missing"] * 29 + ["present"]
    assert not libraries.library_status(world.library_id).is_accepted


# --- requests --------------------------------------------------------------------------------------------


def test_a_request_is_not_fulfilled_before_the_root_was_checked(world: World) -> None:
    """A file that may have been moved here waits for the answer. Unknown is not away."""
    number = world.scanner.rescan_all(at=world.now())
    assert not world.scanner.has_rescanned_all(number)
    world.tick(0.1)
    assert world.scanner.has_rescanned_all(number)


def test_a_request_is_made_when_it_is_due_and_finds_what_came(world: World) -> None:
    world.be_quiet()
    world.write("a/one.mkv")
    number = world.scanner.rescan_all(at=world.now() + 10)
    world.tick()
    assert not world.scanner.has_rescanned_all(number)
    assert 9 < world.scanner.next_due() - world.now() <= 10
    world.tick(10.1)
    assert world.scanner.has_rescanned_all(number)
    assert states() == {"a/one.mkv": "present"}


def test_a_request_to_a_library_that_is_away_holds_nothing_up(world: World, tmp_path: Path) -> None:
    """A request that cannot be fulfilled because the library is away holds nothing up."""
    world.root.rename(tmp_path / "away")
    world.tick()
    number = world.scanner.rescan_all(at=world.now())
    assert world.scanner.has_rescanned_all(number)
    (tmp_path / "away").rename(world.root)
    later = world.scanner.rescan_all(at=world.now())
    world.tick(0.1)
    assert world.scanner.has_rescanned_all(later)


def test_a_request_that_was_interrupted_is_made_again(world: World) -> None:
    world.write("a/one.mkv")
    world.be_quiet()

    def stop() -> None:
        world.is_stopped = True

    number = world.scanner.rescan_all(at=world.now())
    world.scanner.on_progress = stop
    world.tick(0.1)
    assert not world.scanner.has_rescanned_all(number)
    world.is_stopped, world.scanner.on_progress = False, lambda: None
    world.tick(0.1)
    assert world.scanner.has_rescanned_all(number)


# --- ticks -----------------------------------------------------------------------------------------------


def test_progress_is_reported_before_anything_is_scanned_and_then_for_each_folder(world: World) -> None:
    world.write("a/one.mkv")
    seen: list[tuple[bool, int]] = []
    world.scanner.on_progress = lambda: seen.append((world.scanner.is_online, len(world.scanner.hints)))
    world.tick()
    assert seen == [(True, 1), (True, 0), (True, 0)]


def test_a_tick_ends_after_a_while_and_leaves_its_other_hints_to_the_next(make_world: Callable[..., World]) -> None:
    """The root is to be checked every few seconds."""
    world = make_world(folders=("a", "b"))
    world.write("a/one.mkv")
    world.write("b/two.mkv")

    def take_long() -> None:
        world.advance_s += LONGEST_TICK_S + 1

    world.tick()
    world.scanner.on_progress = take_long
    for folder in ("a", "b"):
        world.scanner.hints.mark(folder)
    world.tick()
    assert len(world.scanner.hints) == 1
    assert world.scanner.is_behind
    world.tick()
    assert not world.scanner.is_behind


def test_a_stopped_scanner_records_nothing(world: World) -> None:
    world.write("one.mkv")
    world.is_stopped = True
    world.tick()
    assert states() == {}


# --- a watched library -----------------------------------------------------------------------------------


def test_a_polled_library_is_scanned_by_the_clock(make_world: Callable[..., World]) -> None:
    world = make_world(watch=WatchSettings(poll_s=60, reconcile_s=600, full_walk_h=24))
    world.tick()
    world.write("a/one.mkv")
    world.tick(30)
    assert states() == {}
    assert 29 < world.scanner.next_due() - world.now() <= 30
    world.tick(31)  # the quick scan marks the new folder
    world.be_quiet()
    assert states() == {"a/one.mkv": "present"}


def test_a_polled_library_is_walked_by_the_clock(make_world: Callable[..., World]) -> None:
    """What a quick scan cannot see: a file that changed in its place."""
    world = make_world(watch=WatchSettings(poll_s=60, reconcile_s=600, full_walk_h=24))
    film = world.write("a/one.mkv")
    world.be_quiet()
    film.write_text("longer than before")
    os.utime(film, (2, 2))
    for _ in range(12):
        world.tick(60)
    assert VideoFile.get().size_bytes == len("longer than before")


def test_a_folder_that_could_not_be_listed_is_known_until_it_can_be(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network disk answers with an error, once."""
    film = world.write("a/one.mkv")
    read, failures = walk._read_directory, [OSError(errno.EIO, "Input/output error")]

    def fail_once(opened: int, relative: str, rules: Rules) -> Listing:
        if relative == "a" and failures:
            raise failures.pop()
        return read(opened, relative, rules)

    monkeypatch.setattr(walk, "_read_directory", fail_once)
    world.tick()
    assert list(world.scanner.unreadable) == ["a"]
    world.scanner.rescan_directory_of(str(film))
    world.be_quiet()
    assert world.scanner.unreadable == {}
    assert states() == {"a/one.mkv": "present"}


def test_a_search_through_all_libraries_goes_on_in_sight_and_ends_with_reeld(world: World) -> None:
    """It reads every folder of the disk, also of those that a walk skips. A large or slow disk takes minutes."""
    film = world.write("a/film.mkv")
    folders = 50
    for number in range(folders):
        (world.root / f".skipped/{number}").mkdir(parents=True)
    world.be_quiet()
    VideoFile.update(verdict="accepted", decided_by="user").execute()
    os.replace(world.write("another.tmp"), film)
    before, calls = VideoFile.get(), 0

    def on_progress() -> None:
        nonlocal calls
        calls += 1
        world.is_stopped = calls == folders // 2

    world.scanner.on_progress = on_progress
    world.scanner.rescan_directory_of(str(film))
    with pytest.raises(Interrupted):
        world.be_quiet()
    assert calls == folders // 2
    assert VideoFile.get().inode == before.inode, "what was not searched to the end is not recorded"
    world.is_stopped = False
    world.be_quiet()
    assert calls > folders
    assert VideoFile.get().inode == film.stat().st_ino
