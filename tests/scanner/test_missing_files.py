"""Test when a file is missing, on real folders, with a clock that the test moves."""

import errno
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from reeld.catalog import libraries, video_files
from reeld.catalog.models import Library, VideoFile
from reeld.database.connection import call_when_work_comes, writing
from reeld.domain.files import FileStamp
from reeld.domain.records import Place
from reeld.scanner.missing_files import AT_ONCE_S, MOST_AT_ONCE
from reeld.scanner.root_check import JUDGE_S, Root, RootProblem
from reeld.watch.hints import Hint
from reeld.watch.walk import RootSeen
from tests.catalog.rows import NOW_MS, add_libraries
from tests.scanner.test_compare import QUIET_S, World
from tests.scanner.test_moved_files import decide


def _add(world: World, *paths: str) -> None:
    """Files that are known, as if they had gone through everything."""
    with writing():
        for path in paths:
            stamp = FileStamp.of(os.lstat(world.write(path, path)))
            video_files.record_settled(world.library_id, path, stamp, NOW_MS)


def _many(folder: str, count: int) -> list[str]:
    return [f"{folder}/{number}.mkv" for number in range(count)]


@pytest.fixture
def world(catalog: Path, tmp_path: Path) -> World:
    root = tmp_path / "films"
    root.mkdir()
    world = World(root, add_libraries("Films")[0])
    _add(world, "a/one.mkv", "a/two.mkv", "b/three.mkv")
    world.look()
    return world


def _missing(world: World) -> set[str]:
    return {path for path, state in world.states().items() if state == "missing"}


def _held(world: World) -> str | None:
    return world.folder_scanner.missing_files.held


# --- two looks -------------------------------------------------------------------------------------------


def test_a_file_is_missing_after_two_looks_a_quiet_period_apart(world: World) -> None:
    """I4."""
    (world.root / "a/one.mkv").unlink()
    world.look()
    due = world.folder_scanner.missing_files.next_due()
    assert due is not None
    assert _missing(world) == set()
    world.advance_s += QUIET_S - 1
    world.look()
    assert world.folder_scanner.missing_files.take_due() is None
    assert _missing(world) == set()
    assert world.folder_scanner.missing_files.next_due() == due, (
        "a scan that comes too early does not put the confirming scan off"
    )
    world.advance_s += 1
    assert world.folder_scanner.missing_files.take_due() == Hint(relative="a", is_recursive=False)
    assert world.folder_scanner.missing_files.take_due() is None, "each folder is asked for once"
    world.look(Hint(relative="a", is_recursive=False))
    assert _missing(world) == {"a/one.mkv"}
    assert world.folder_scanner.missing_files.next_due() is None


def test_a_file_that_is_back_before_the_second_look_was_never_missing(world: World, tmp_path: Path) -> None:
    changes = world.row("a/one.mkv").changed_at
    os.rename(world.root / "a", tmp_path / "a")
    world.look()
    os.rename(tmp_path / "a", world.root / "a")
    world.wait()
    assert _missing(world) == set()
    assert world.folder_scanner.missing_files.next_due() is None
    (world.root / "a/one.mkv").unlink()
    world.look()
    assert _missing(world) == set(), "the earlier scan does not count"
    assert world.row("a/one.mkv").changed_at == changes


def test_each_file_has_its_own_two_looks(world: World) -> None:
    (world.root / "a/one.mkv").unlink()
    world.look()
    world.advance_s += QUIET_S - 1
    (world.root / "a/two.mkv").unlink()
    world.look()
    world.wait(2)
    assert _missing(world) == {"a/one.mkv"}
    world.wait()
    assert _missing(world) == {"a/one.mkv", "a/two.mkv"}


def test_the_copy_of_a_file_that_went_missing_is_asked_about_at_once(world: World) -> None:
    """The copy of a file that went missing is asked about and whoever sleeps is woken.

    No worker wakes for a job that was queued silently; only the confirming scan queues it.
    """
    shutil.copy2(world.root / "a/one.mkv", world.root / "b/copy.mkv")
    with writing():
        stamp = FileStamp.of(os.lstat(world.root / "b/copy.mkv"))
        video_files.record_settled(world.library_id, "b/copy.mkv", stamp, NOW_MS)
    world.finish()
    VideoFile.update(fingerprint="f", file_hash="h").where(VideoFile.path.in_(["a/one.mkv", "b/copy.mkv"])).execute()
    (world.root / "a/one.mkv").unlink()
    world.look()
    woken: list[dict[str, str]] = []
    call_when_work_comes(lambda: woken.append(world.jobs()))
    world.wait()
    assert _missing(world) == {"a/one.mkv"}
    assert woken == [{"b/copy.mkv": "match_copies"}]


def test_a_restart_between_the_looks_begins_anew(world: World) -> None:
    (world.root / "a/one.mkv").unlink()
    world.look()
    world.restart()
    world.advance_s += QUIET_S + 1
    world.look()
    assert _missing(world) == set()
    world.wait()
    assert _missing(world) == {"a/one.mkv"}


def test_a_look_during_which_the_root_changed_is_neither_the_first_nor_the_second(world: World) -> None:
    """I4."""
    aside = world.root.with_name("aside")
    (world.root / "a/one.mkv").unlink()

    def swap() -> bool:
        # Back at once: what the scan says of its folders is right, and still does not count.
        if not aside.exists():
            world.root.rename(aside)
            world.root.mkdir()
        return False

    world.look(on_step=swap)
    world.root.rmdir()
    aside.rename(world.root)
    assert world.folder_scanner.missing_files.next_due() is None
    world.look()
    world.advance_s += QUIET_S + 1
    world.look(on_step=swap)
    world.root.rmdir()
    aside.rename(world.root)
    assert _missing(world) == set()
    world.look()
    assert _missing(world) == {"a/one.mkv"}


@pytest.mark.parametrize("is_decided", [False, True])
def test_the_files_of_an_excluded_folder_are_missing_once_it_is_deleted(world: World, is_decided: bool) -> None:
    """The files of a folder that the rules leave out are missing once it is deleted.

    It is not scanned; but a folder that is not there can be known.
    """
    world.finish()
    if is_decided:
        decide(world.row("a/one.mkv").id, "Decided")
    world.restart(ignore_patterns=("a",))
    world.be_quiet()
    assert _missing(world) == set()
    shutil.rmtree(world.root / "a")
    world.be_quiet()
    assert _missing(world) == {"a/one.mkv", "a/two.mkv"}


def test_one_file_that_leaves_an_excluded_folder_is_missing_and_no_other(world: World) -> None:
    """One file that leaves a folder that the rules leave out is missing and the others are not."""
    world.finish()
    world.restart(ignore_patterns=("a",))
    world.be_quiet()
    (world.root / "a/one.mkv").unlink()
    world.be_quiet()
    assert _missing(world) == {"a/one.mkv"}
    assert world.row("a/two.mkv").decided_by == "rules"


def test_a_folder_left_out_that_cannot_be_looked_into_says_nothing_of_its_files(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.finish()
    world.restart(ignore_patterns=("a",))
    world.be_quiet()
    (world.root / "a/one.mkv").unlink()
    real = os.stat

    def stat(path: Any, *args: Any, **how: Any) -> os.stat_result:
        if path == "one.mkv":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(path, *args, **how)

    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", stat)
        world.be_quiet()
    assert _missing(world) == set()
    world.be_quiet()
    assert _missing(world) == {"a/one.mkv"}


def test_a_second_look_that_cannot_be_made_is_asked_for_later_and_not_all_the_time(world: World) -> None:
    (world.root / "a/one.mkv").unlink()
    world.look()
    world.advance_s += QUIET_S + 1
    assert world.folder_scanner.missing_files.take_due() is not None, (
        "and no scan succeeds: the folder cannot be listed"
    )
    assert world.folder_scanner.missing_files.take_due() is None
    world.wait(60)
    assert _missing(world) == {"a/one.mkv"}


# --- so many at once -------------------------------------------------------------------------------------


def test_so_many_that_are_gone_at_once_are_held_until_they_return(world: World, tmp_path: Path) -> None:
    """I3."""
    _add(world, *_many("many", MOST_AT_ONCE + 1))
    os.rename(world.root / "many", tmp_path / "many")
    world.look_twice()
    held = _held(world)
    assert held is not None
    assert f"{MOST_AT_ONCE + 1} of {MOST_AT_ONCE + 4} files" in held
    world.write("new.mkv")
    (world.root / "a/one.mkv").unlink()
    world.wait(10 * AT_ONCE_S)
    world.look_twice()
    world.be_quiet()
    assert _missing(world) == set(), "a held library's losses wait, however few they are and however long it takes"
    assert world.row("new.mkv").state == "present"
    os.rename(tmp_path / "many", world.root / "many")
    world.look()
    assert _held(world) is None
    assert _missing(world) == {"a/one.mkv"}


def test_files_that_are_found_again_elsewhere_release_what_was_held(world: World, tmp_path: Path) -> None:
    _add(world, *_many("many", MOST_AT_ONCE + 1))
    os.rename(world.root / "many", tmp_path / "many")
    world.look_twice()
    assert _held(world) is not None
    os.rename(tmp_path / "many", world.root / "other")
    world.look(Hint(relative="other", is_recursive=True))
    assert _held(world) is None, "although the old folder was not scanned again"
    assert _missing(world) == set()


def test_twenty_or_a_tenth_of_the_library_are_simply_gone(world: World) -> None:
    _add(world, *_many("few", MOST_AT_ONCE - 3))
    shutil.rmtree(world.root / "few")
    (world.root / "few").mkdir()
    shutil.rmtree(world.root / "a")
    shutil.rmtree(world.root / "b")
    world.look_twice()
    assert len(_missing(world)) == MOST_AT_ONCE
    world.advance_s += AT_ONCE_S + 1
    _add(world, *_many("large", 300), *_many("tenth", 30))
    shutil.rmtree(world.root / "tenth")
    world.look_twice()
    assert len(_missing(world)) == MOST_AT_ONCE + 30
    assert _held(world) is None


def test_folders_that_go_one_after_the_other_within_a_minute_count_together(world: World) -> None:
    _add(world, *_many("c", 12), *_many("d", 12), *_many("e", 12))
    for folder in "cd":
        shutil.rmtree(world.root / folder)
        world.look_twice(Hint(relative=folder, is_recursive=True))
    assert _held(world) is not None
    assert _missing(world) == set(_many("c", 12))
    world.advance_s += 10 * AT_ONCE_S
    world.look_twice()
    assert _missing(world) == set(_many("c", 12)), "time does not decide what the user must"


def test_folders_that_go_over_the_days_do_not_count_together(world: World) -> None:
    _add(world, *_many("c", 12), *_many("d", 12), *_many("e", 12))
    for folder in "cde":
        shutil.rmtree(world.root / folder)
        world.look_twice()
        world.advance_s += AT_ONCE_S + 1
    assert len(_missing(world)) == 36


def test_a_large_folder_that_is_being_deleted_while_reeld_looks_is_held_as_one(world: World) -> None:
    """The first confirming scans find few files gone; the others were not found once, and are waited for."""
    _add(world, *_many("c", 15), *_many("d", 15))
    shutil.rmtree(world.root / "c")
    world.look()
    world.advance_s += QUIET_S
    shutil.rmtree(world.root / "d")
    world.look()
    assert _held(world) is None
    assert _missing(world) == set()
    world.wait()
    assert _held(world) is not None
    assert _missing(world) == set()


def test_a_renamed_folder_is_no_loss_whichever_of_its_names_is_looked_at_first(world: World) -> None:
    _add(world, *_many("m", MOST_AT_ONCE + 9))
    world.look()
    os.rename(world.root / "m", world.root / "z")
    (world.root / "a/one.mkv").unlink()
    world.look(Hint(relative="m", is_recursive=True))
    world.look(Hint(relative="a", is_recursive=True))
    world.look(Hint(relative="z", is_recursive=True))
    world.advance_s += QUIET_S + 1
    world.look(Hint(relative="a", is_recursive=True))
    world.wait()
    assert _held(world) is None
    assert _missing(world) == {"a/one.mkv"}
    assert len([path for path in world.states() if path.startswith("z/")]) == MOST_AT_ONCE + 9


def test_a_library_that_was_held_is_so_after_a_restart_until_all_of_it_was_looked_at(world: World) -> None:
    _add(world, *_many("many", MOST_AT_ONCE + 1))
    shutil.rmtree(world.root / "many")
    world.look_twice()
    assert _held(world) is not None
    world.restart()
    world.folder_scanner.missing_files.start_again(was_held=True)
    why = _held(world)
    assert why is not None
    assert "`reeld libraries accept Films`" in why
    (world.root / "a/one.mkv").unlink()
    world.look_twice(Hint(relative="a", is_recursive=True))
    assert (_held(world), _missing(world)) == (why, set())
    world.look()
    assert _held(world) == why
    world.wait()
    assert _held(world) is not None
    _add(world, *_many("many", MOST_AT_ONCE + 1))
    world.look()
    assert _held(world) is None


def _accept() -> None:
    with writing():
        Library.update(state="on_hold").execute()
        libraries.accept("Films")


def test_what_a_person_accepted_is_recorded_and_what_goes_later_is_another_matter(world: World) -> None:
    _add(world, *_many("many", 60), *_many("more", 40))
    shutil.rmtree(world.root / "many")
    world.look_twice()
    _accept()
    world.folder_scanner.missing_files.accept()
    (world.root / "a/one.mkv").unlink()
    world.look()
    assert _missing(world) == set(_many("many", 60))
    assert Library.get().is_accepted, "a/one.mkv was not found once only"
    world.wait()
    assert _missing(world) == {*_many("many", 60), "a/one.mkv"}
    assert not Library.get().is_accepted
    assert _held(world) is None
    shutil.rmtree(world.root / "more")
    world.look_twice()
    assert _held(world) is not None
    assert len(_missing(world)) == 61


# --- the root --------------------------------------------------------------------------------------------

needs_root = pytest.mark.needs_root
skip_without_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")


@pytest.fixture
def mount(request: pytest.FixtureRequest) -> Iterator[Callable[..., None]]:
    mounted: list[Path] = []

    def mount(at: Path, *source: str) -> None:
        subprocess.run(["mount", *(source or ("-t", "tmpfs", "reeld-test")), str(at)], check=True)
        mounted.append(at)

    yield mount
    for at in reversed(mounted):
        subprocess.run(["umount", "-l", str(at)], check=False, capture_output=True)


@needs_root
@skip_without_root
@pytest.mark.parametrize("at", range(1, 4))
@pytest.mark.parametrize("how", ["umount -l", "mount over", "umount -l below"])
def test_a_disk_that_goes_during_the_walk_makes_nothing_missing(
    world: World, tmp_path: Path, mount: Callable[..., None], at: int, how: str
) -> None:
    """Row 16. I3, I4."""
    shutil.copytree(world.root, tmp_path / "copy", copy_function=shutil.copy2)
    target = world.root / "a" if how.endswith("below") else world.root
    disk = tmp_path / "disk"
    disk.mkdir()
    mount(disk)
    shutil.copytree(target, disk, dirs_exist_ok=True)
    shutil.rmtree(target)
    target.mkdir()
    mount(target, "--bind", str(disk))
    with writing():
        VideoFile.delete().execute()
    world.restart()
    for _ in range(2):
        world.be_quiet()
    assert set(world.states().values()) == {"present"}
    root = Root(place=world.folder_scanner.place, monotonic=lambda: world.advance_s)
    assert isinstance(root.check(), RootSeen)
    steps = 0

    def go() -> bool:
        nonlocal steps
        steps += 1
        if steps == at:
            if how == "mount over":
                mount(target)
            else:
                subprocess.run(["umount", "-l", str(target)], check=True)
        return False

    world.look(on_step=go)
    assert steps >= at
    for _ in range(2):
        world.advance_s += QUIET_S + 1
        if isinstance(found := root.check(), RootSeen):
            world.look(seen=found)
    assert len(world.states()) == 3
    assert set(world.states().values()) == {"present"}


@pytest.mark.parametrize(("kept", "is_verified"), [(1.0, True), (0.9, True), (0.8, False), (0.0, False)])
def test_another_folder_is_verified_when_nine_in_ten_of_the_known_files_are_in_it(
    world: World, kept: float, is_verified: bool
) -> None:
    _add(world, *_many("a", 97))
    root = Root(place=world.folder_scanner.place, rng=Random(7))
    assert isinstance(root.check(), RootSeen)
    copy = world.root.with_name("copy")
    shutil.copytree(world.root, copy, copy_function=shutil.copy2)
    for path in sorted(copy.rglob("*.mkv"))[: round(100 * (1 - kept))]:
        path.unlink()
    world.root.rename(world.root.with_name("original"))
    copy.rename(world.root)
    assert isinstance(root.check(), RootSeen) is is_verified


def test_a_copy_that_lost_the_times_is_a_persons_to_accept(world: World) -> None:
    """By sizes alone an old backup would pass as well."""
    root = Root(place=world.folder_scanner.place)
    assert isinstance(root.check(), RootSeen)
    shutil.copytree(world.root, world.root.with_name("copy"), copy_function=shutil.copyfile)
    world.root.rename(world.root.with_name("original"))
    world.root.with_name("copy").rename(world.root)
    found = root.check()
    assert isinstance(found, RootProblem)
    assert found.state == "unverified"
    assert "`reeld libraries accept Films`" in found.reason
    with writing():
        Library.update(state="unverified").execute()
        libraries.accept("Films")
    assert isinstance(root.check(), RootSeen)
    assert Root(place=world.folder_scanner.place).check() == root.check(), "the passport is that of the new folder"


def test_an_acceptance_is_of_what_is_there_and_not_of_what_follows(world: World) -> None:
    root = Root(place=world.folder_scanner.place)
    root.check()
    with writing():
        Library.update(state="on_hold").execute()
        libraries.accept("Films")
    assert isinstance(root.check(), RootSeen)
    world.root.rename(world.root.with_name("unplugged"))
    world.root.mkdir()
    assert isinstance(root.check(), RootProblem)


def test_an_acceptance_of_what_is_held_makes_no_other_folder_the_library(world: World) -> None:
    """It was said while reeld was not running; at the next start the disk is away."""
    Root(place=world.folder_scanner.place).check()
    _accept()
    world.root.rename(world.root.with_name("unplugged"))
    world.root.mkdir()
    assert isinstance(Root(place=world.folder_scanner.place).check(), RootProblem)


def _suspect(world: World) -> None:
    """As a watcher notes it that does not believe the root."""
    with writing():
        Library.update(state="unverified").execute()


def _empty_place(world: World, name: str) -> None:
    world.root.rename(world.root.with_name(name))
    world.root.mkdir()


def test_a_root_that_was_accepted_is_not_the_empty_place_that_it_left(world: World) -> None:
    """The user accepts a copy on a new disk while reeld is not running; at the next start that disk is away."""
    Root(place=world.folder_scanner.place).check()
    shutil.copytree(world.root, world.root.with_name("copy"), copy_function=shutil.copyfile)
    world.root.rename(world.root.with_name("original"))
    world.root.with_name("copy").rename(world.root)
    assert isinstance(Root(place=world.folder_scanner.place).check(), RootProblem)
    _suspect(world)
    _accept()
    _empty_place(world, "the copy, unplugged")
    assert isinstance(Root(place=world.folder_scanner.place).check(), RootProblem)
    assert not Library.get().is_accepted
    world.root.rmdir()
    world.root.with_name("the copy, unplugged").rename(world.root)
    assert isinstance(Root(place=world.folder_scanner.place).check(), RootProblem), "it must be accepted again"
    _accept()
    assert isinstance(Root(place=world.folder_scanner.place).check(), RootSeen)


def test_an_acceptance_of_what_is_held_ends_when_another_root_comes(world: World) -> None:
    root = Root(place=world.folder_scanner.place)
    root.check()
    with writing():
        Library.update(state="on_hold").execute()
    _accept()
    assert isinstance(root.check(), RootSeen)
    world.folder_scanner.missing_files.accept()
    _empty_place(world, "unplugged")
    assert isinstance(root.check(), RootProblem)
    _suspect(world)
    assert not Library.get().is_accepted
    assert isinstance(Root(place=world.folder_scanner.place).check(), RootProblem), "neither at the next start"
    world.root.rmdir()
    world.root.with_name("unplugged").rename(world.root)
    assert isinstance(root.check(), RootSeen)
    world.folder_scanner.missing_files.start_again(was_held=False)
    assert (root.is_accepted, world.folder_scanner.missing_files.is_accepted) == (False, False)
    _empty_place(world, "unplugged for good")
    assert isinstance(root.check(), RootProblem)
    _suspect(world)
    _accept()
    assert isinstance(root.check(), RootSeen), "this is what was accepted now"


def test_where_the_passport_proves_nothing_one_file_with_its_inode_is_enough(world: World) -> None:
    """As on xfs: the library's own disk under another number, with most of its files deleted elsewhere meanwhile."""
    root = Root(place=world.folder_scanner.place)
    assert isinstance(root.check(), RootSeen)
    with writing():
        filesystem_identity = dict(Library.get().filesystem_identity)
        older = {"device": filesystem_identity["device"], "inode": filesystem_identity["inode"]}
        libraries.remember_filesystem_identity(world.library_id, older)
    for path in ("a/one.mkv", "b/three.mkv"):
        (world.root / path).unlink()
    assert isinstance(Root(place=world.folder_scanner.place).check(), RootSeen)
    with writing():
        libraries.remember_filesystem_identity(world.library_id, older)
    (world.root / "a/two.mkv").unlink()
    world.write("a/two.mkv", "another")
    assert isinstance(Root(place=world.folder_scanner.place).check(), RootProblem)


def test_files_that_are_put_back_into_a_doubtful_root_are_seen_before_long(world: World) -> None:
    root = Root(place=world.folder_scanner.place, monotonic=lambda: world.advance_s)
    root.check()
    original = world.root.with_name("original")
    world.root.rename(original)
    world.root.mkdir()
    assert isinstance(root.check(), RootProblem)
    shutil.copytree(original, world.root, copy_function=shutil.copy2, dirs_exist_ok=True)
    assert isinstance(root.check(), RootProblem)
    world.advance_s += JUDGE_S
    assert isinstance(root.check(), RootSeen)


def test_a_library_without_files_has_nothing_to_lose(catalog: Path, tmp_path: Path) -> None:
    (library_id,) = add_libraries("Empty")
    folder = tmp_path / "empty"
    folder.mkdir()
    root = Root(place=Place(library_id, str(folder)))
    assert isinstance(root.check(), RootSeen)
    folder.rename(tmp_path / "other")
    folder.mkdir()
    assert isinstance(root.check(), RootSeen)
