"""Test that a file of a removed library is taken along to another disk, once it certainly left its place."""

import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from reeld.catalog import copies, libraries
from reeld.catalog.models import JobRow, Library, VideoFile
from reeld.catalog.video_files import file_record
from reeld.config import Config
from reeld.config import Library as ConfiguredLibrary
from reeld.database.connection import writing
from reeld.domain.states import LibraryState
from reeld.errors import Interrupted
from reeld.pipeline.context import StageContext
from reeld.scanner.former_places import FormerPlaces
from reeld.scanner.root_check import Root
from reeld.service.heartbeat import Heartbeats
from reeld.service.stage_context import open_stage_context
from tests.catalog.rows import add_libraries
from tests.scanner.test_compare import World
from tests.scanner.test_moved_files import decide, events, work
from tests.videos import make_video

NAME = "Heat (1995)/Heat.mkv"


@dataclass
class Removal:
    """A library with a decided film and another film, which is not configured any more, and one that is."""

    former: World
    second: World
    film: Path
    id: int
    places: FormerPlaces
    tools: StageContext

    @property
    def copy(self) -> Path:
        return self.second.root / "copy (1995).mkv"

    def comes(self) -> None:
        """Let the copy come, and be read."""
        shutil.copyfile(self.film, self.copy)
        self.take()

    def leaves(self) -> None:
        """Move the film as `mv` does to another disk."""
        shutil.copyfile(self.film, self.copy)
        self.film.unlink()

    def take(self) -> None:
        self.second.be_quiet()
        work(self.second, self.tools)

    def original(self) -> tuple[str, str, str]:
        row = VideoFile.get_by_id(self.id)
        return row.path, row.state, row.decided_by

    def ask_again(self) -> None:
        """Ask what is due, as the daemon does, and work."""
        with writing():
            copies.ask_left_behind(self.second.now_ms(), self.places.take_due())
        work(self.second, self.tools)

    def configure(self, *worlds: World) -> None:
        configured = [ConfiguredLibrary(name=world.root.name, path=str(world.root)) for world in worlds]
        with writing():
            libraries.sync_libraries(configured, worlds[0].now_ms())
            for world in worlds:
                libraries.set_state(world.library_id, LibraryState.ONLINE, None, world.now_ms())


@pytest.fixture(scope="module")
def opened() -> Iterator[StageContext]:
    with open_stage_context(Config(source=None, libraries=(), database_path=""), threading.Event()) as opened:
        yield opened


@pytest.fixture
def removal(catalog: Path, tmp_path: Path, opened: StageContext) -> Removal:
    first, second = (World(tmp_path / name, row_id) for name, row_id in zip("ab", add_libraries("a", "b"), strict=True))
    places = FormerPlaces(now_ms=second.now_ms, monotonic=lambda: second.advance_s)
    tools = replace(opened, gone_from_former_place=places.gone)
    for world in (first, second):
        world.root.mkdir()
    film = first.root / NAME
    film.parent.mkdir()
    make_video(film, seed=1)
    make_video(first.root / "Alien (1979).mkv", seed=2)
    first.be_quiet()
    work(first, tools)
    Root(place=first.folder_scanner.place).check()
    row_id = VideoFile.get(VideoFile.path == NAME).id
    decide(row_id, "Decided")
    removal = Removal(first, second, film, row_id, places, tools)
    removal.configure(second)
    return removal


LEFT = (NAME, "library_removed", "user")
TAKEN = ("copy (1995).mkv", "present", "user")


def test_a_file_moved_from_a_removed_library_to_another_disk_takes_its_row_along(removal: Removal) -> None:
    removal.leaves()
    removal.take()
    assert removal.original() == TAKEN
    assert VideoFile.select().count() == 2
    assert events(removal.id) == ["missing", "paired"]
    assert JobRow.select().count() == 0


def test_a_link_where_the_file_was_is_no_file(removal: Removal) -> None:
    """Some users move a file or its folder to another disk and leave a link, so that a program finds it."""
    shutil.copyfile(removal.film, removal.copy)
    shutil.rmtree(removal.film.parent)
    removal.film.parent.symlink_to(removal.second.root)
    removal.copy.rename(removal.second.root / "Heat.mkv")
    removal.take()
    assert removal.original() == ("Heat.mkv", "present", "user")


def test_an_original_that_is_deleted_later_is_noticed(removal: Removal) -> None:
    """No event tells. So it is looked for when the copy is twice as old each time."""
    removal.comes()
    assert removal.original() == LEFT
    removal.film.unlink()
    assert removal.places.take_due() == []
    removal.second.advance_s += 86_400
    removal.ask_again()
    assert removal.original() == TAKEN


def test_a_copy_is_asked_about_for_a_week(removal: Removal) -> None:
    removal.comes()
    for _ in range(copies.WITHIN_DAYS):
        assert removal.places._waiting
        removal.second.advance_s += 86_400
        removal.ask_again()
    assert not removal.places._waiting
    removal.film.unlink()
    with writing():
        copies.ask_left_behind(removal.second.now_ms())
    assert JobRow.select().count() == 0


def test_an_original_that_was_deleted_while_reeld_was_not_running_is_noticed(removal: Removal) -> None:
    removal.comes()
    removal.film.unlink()
    with writing():
        copies.ask_left_behind(removal.second.now_ms())
    work(removal.second, removal.tools)
    assert removal.original() == TAKEN


def _is_there(removal: Removal) -> None:
    pass


def _is_touched(removal: Removal) -> None:
    with removal.film.open("ab") as file:
        file.write(b"a tag")


def _is_replaced(removal: Removal) -> None:
    make_video(removal.film.with_name("better.mkv"), seed=3).replace(removal.film)


def _is_renamed(removal: Removal) -> None:
    removal.film.rename(removal.former.root / "Heat.1995.mkv")


def _has_a_folder_that_cannot_be_read(removal: Removal) -> None:
    removal.film.parent.rename(removal.former.root.parent / "aside")
    removal.film.parent.symlink_to(removal.film.parent)


def _is_unmounted(removal: Removal) -> None:
    removal.former.root.rename(removal.former.root.parent / "aside")


def _leaves_an_empty_folder(removal: Removal) -> None:
    _is_unmounted(removal)
    removal.former.root.mkdir()


def _gets_a_backup_in_its_place(removal: Removal) -> None:
    _is_unmounted(removal)
    shutil.copytree(removal.former.root.parent / "aside", removal.former.root)
    removal.film.unlink()


def _had_a_disk_in_its_folder(removal: Removal) -> None:
    removal.film.unlink()
    _remember(removal, below={"Heat (1995)": {"fs_id": 7, "device": 9, "inode": 2, "is_mount_point": True}})


def _was_never_checked(removal: Removal) -> None:
    removal.film.unlink()
    Library.update(filesystem_identity=None).where(Library.id == removal.former.library_id).execute()


def _has_an_identity_that_proves_nothing_and_no_file(removal: Removal) -> None:
    _remember(removal, fs_id=0, source="another")
    shutil.rmtree(removal.film.parent)
    (removal.former.root / "Alien (1979).mkv").unlink()


def _remember(removal: Removal, **facts: Any) -> None:
    """Change what is recorded of the root of the removed library."""
    row = Library.get_by_id(removal.former.library_id)
    row.filesystem_identity = {**row.filesystem_identity, **facts}
    with writing():
        row.save()


@pytest.mark.parametrize(
    "what",
    [
        _is_there,
        _is_touched,
        _is_replaced,
        _is_renamed,
        _has_a_folder_that_cannot_be_read,
        _is_unmounted,
        _leaves_an_empty_folder,
        _gets_a_backup_in_its_place,
        _had_a_disk_in_its_folder,
        _was_never_checked,
        _has_an_identity_that_proves_nothing_and_no_file,
    ],
)
def test_an_original_that_is_not_certainly_gone_keeps_its_row(
    removal: Removal, what: Callable[[Removal], None]
) -> None:
    """Unknown is never gone, and a copy whose original is still there is just a copy."""
    shutil.copyfile(removal.film, removal.copy)
    what(removal)
    removal.take()
    assert removal.original() == LEFT
    assert VideoFile.get(VideoFile.path == "copy (1995).mkv").decided_by == "reeld"
    assert removal.places._waiting, "it is asked again"


@pytest.mark.parametrize("proof", ["a known file", "the same root"])
def test_a_disk_without_an_identity_is_known_by_its_files_or_its_root(removal: Removal, proof: str) -> None:
    """Such as xfs, where the id is the device's number. It may be emptied file by file, to the last one."""
    if proof == "a known file":
        _remember(removal, fs_id=0, source="another")
    else:
        _remember(removal, fs_id=0)
        (removal.former.root / "Alien (1979).mkv").unlink()
    removal.leaves()
    removal.take()
    assert removal.original() == TAKEN


def test_a_disk_that_does_not_answer_is_not_asked(removal: Removal) -> None:
    removal.places.does_answer = lambda root: root != str(removal.former.root)
    removal.leaves()
    removal.take()
    assert removal.original() == LEFT
    removal.places.does_answer = lambda _root: True
    removal.second.advance_s += 86_400
    removal.ask_again()
    assert removal.original() == TAKEN


def test_a_thread_that_waits_for_the_former_disk_says_so(removal: Removal) -> None:
    """Else the library with the copy would be said not to answer, and would rest."""
    heartbeats = Heartbeats()
    waiting = []

    def does_go_on() -> bool:
        waiting.append(heartbeats.mine().doing.root)
        return False

    removal.places.at_disk = lambda root, path: heartbeats.mine().at_other_disk(root, path)
    removal.places.should_stop = does_go_on
    removal.leaves()
    with heartbeats.of_this_thread() as heartbeat:
        heartbeat.at_disk(str(removal.second.root), "copy")
        removal.take()
        assert heartbeat.doing.root == str(removal.second.root)
    assert waiting
    assert set(waiting) == {str(removal.former.root)}


def test_a_search_of_a_former_disk_ends_with_reeld(removal: Removal) -> None:
    removal.comes()
    removal.film.unlink()
    copy = file_record(VideoFile.get(VideoFile.path == "copy (1995).mkv").id)
    removal.places.should_stop = lambda: True
    with pytest.raises(Interrupted):
        removal.places.gone(copy)
    removal.places.should_stop = lambda: False
    assert removal.places.gone(copy) == [removal.id]
