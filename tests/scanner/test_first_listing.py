"""Are folders of which nothing is known recorded together, and as if each had been compared alone?"""

import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reeld.catalog import video_files
from reeld.catalog.models import JobRow, VideoFile
from reeld.database.base import database
from reeld.database.connection import writing
from reeld.scanner import first_listing
from reeld.scanner.compare import FolderScanner, Unrecorded
from reeld.watch.completeness import CompletenessChecks
from reeld.watch.hints import EVERYTHING, Hint
from reeld.watch.walk import RootSeen, check_root
from tests.catalog.rows import stamp
from tests.scanner.test_compare import RULES, World, _no_broken_lease_kills_us, world

__all__ = ["_no_broken_lease_kills_us", "world"]

# The package has a function of this name, too.
reconciling = importlib.import_module("reeld.scanner.reconcile")

FOLDERS = 6


@pytest.fixture
def old(world: World) -> World:
    """A library of a few folders with two files each, all unchanged for long."""
    for number in range(FOLDERS):
        world.write(f"{number}/one.mkv", f"one {number}")
        world.write(f"{number}/two.mkv", f"second {number}")
    world.advance_s += 3600
    return world


@pytest.fixture
def of_four(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch holds two of these folders."""
    monkeypatch.setattr(reconciling, "BATCH", 4)
    monkeypatch.setattr(reconciling, "BATCH_S", 3600)


def everything() -> list[tuple[Any, ...]]:
    """All columns of all files and jobs, but for the ids, which follow the order of the commits."""
    found = []
    for model, columns in ((VideoFile, ()), (JobRow, (VideoFile.path,))):
        fields = [field for field in model._meta.sorted_fields if field.name not in ("id", "video_file")]
        query = model.select(*columns, *fields)
        found += list((query.join(VideoFile) if columns else query).order_by(VideoFile.path).tuples())
    return found


def commits_of(do: Callable[[], object]) -> int:
    commits: list[str] = []
    database.connection().set_trace_callback(lambda sql: commits.append(sql) if sql == "COMMIT" else None)
    do()
    database.connection().set_trace_callback(None)
    return len(commits)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Each check of the root, while a scan is under way."""
    asked: list[str] = []

    def check(root: str) -> RootSeen | str:
        asked.append(root)
        return check_root(root)

    monkeypatch.setattr(reconciling, "check_root", check)
    return asked


def test_new_folders_share_a_commit_and_a_check_of_the_root(old: World, asked: list[str]) -> None:
    assert commits_of(old.look) == 1
    assert len(asked) == 2, "before the commit, and at the end of the scan"
    assert len(old.states()) == len(old.jobs()) == 2 * FOLDERS


def test_the_rows_are_those_that_a_comparison_makes(old: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """In every column, and the jobs as well; also for names that are no UTF-8, or not ASCII."""
    old.write("Amélie (2001)/Amélie (2001).mkv")
    old.write(os.fsdecode(b"Am\xe9lie/Am\xe9lie's.mkv"))
    old.write("at the top's.mkv", "")
    new = old.write_just_now("later/later.mkv", "changed some minutes ago")
    os.utime(new, ns=(0, old.folder_scanner.new_files.wall_ns() - 600 * 10**9))
    old.look()
    together = everything()
    with writing():
        JobRow.delete().execute()
        VideoFile.delete().execute()
    monkeypatch.setattr(first_listing.FirstListing, "_new_folder", lambda *_: None)
    old.look()
    alone = everything()
    assert together == alone
    assert len(together) == 2 * (2 * FOLDERS + 4)


@pytest.mark.usefixtures("of_four")
def test_a_root_that_changes_within_a_batch_has_nothing_of_the_batch_recorded(
    old: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([True, False])

    def check(root: str) -> RootSeen | str:
        return check_root(root) if next(answers, True) else "Stale file handle"

    monkeypatch.setattr(reconciling, "check_root", check)
    scanned: list[str] = []
    seen = check_root(str(old.root))
    assert isinstance(seen, RootSeen)
    done = reconciling.reconcile(
        old.folder_scanner, EVERYTHING, seen, lambda: False, lambda found: scanned.append(found.relative)
    )
    assert not done.was_same_root, "all is scanned again"
    there = old.states()
    assert {path.split("/")[0] for path in there} == {"0", "1", "4", "5"}, "the batch of 2 and 3 was dropped"
    assert not {"2", "3"}.intersection(path.split("/")[0] for path in old.jobs())
    assert scanned == ["", "0", "1", "2", "3", "4", "5"]
    old.look()
    assert len(old.states()) == len(old.jobs()) == 2 * FOLDERS


@pytest.mark.usefixtures("of_four")
def test_another_disk_at_the_root_within_a_batch_leaves_what_was_listed_unrecorded(old: World, tmp_path: Path) -> None:
    steps = 0

    def exchange() -> bool:
        nonlocal steps
        steps += 1
        if steps == 5:  # the folders 2 and 3 are in one batch, and one of them is listed
            old.root.rename(tmp_path / "away")
            (old.root / "other").mkdir(parents=True)
            (old.root / "other/other.mkv").write_text("of another disk")
        return False

    old.look(on_step=exchange)
    assert {path.split("/")[0] for path in old.states()} == {"0", "1"}


def test_files_of_one_batch_that_are_not_complete_wait_and_the_others_do_not(old: World) -> None:
    open_file = (old.root / "0/one.mkv").open("ab")
    old.write("1/one.mkv.part", "beside it")
    with (old.root / "2/one.mkv").open("wb") as sparse:
        sparse.truncate(1 << 20)
    young = old.write_just_now("3/young.mkv", "just now")
    with open_file:
        old.look()
        waiting = {"0/one.mkv", "1/one.mkv", "2/one.mkv", "3/young.mkv"}
        assert {wait.key for wait in old.folder_scanner.new_files.settling.waiting()} == waiting
        everything = {str(path.relative_to(old.root)) for path in (*old.root.rglob("*.mkv"), young)}
        assert set(old.states()) == set(old.jobs()) == everything - waiting


def test_a_file_that_changes_after_it_was_listed_waits(old: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ask = CompletenessChecks.ask_of_listed

    def write_first(self: CompletenessChecks, folder: str, files: Any) -> Any:
        if folder.endswith("/2"):
            with open(f"{folder}/one.mkv", "a") as file:
                file.write("more")
        return ask(self, folder, files)

    monkeypatch.setattr(CompletenessChecks, "ask_of_listed", write_first)
    old.look()
    assert len(old.states()) == 2 * FOLDERS
    assert old.row("2/one.mkv").size_bytes == (old.root / "2/one.mkv").stat().st_size


def test_a_file_that_is_renamed_within_a_batch_is_one_file(old: World) -> None:
    steps = 0

    def rename() -> bool:
        nonlocal steps
        steps += 1
        if steps == 3:  # the folder 0 is listed, and waits
            os.rename(old.root / "0/one.mkv", old.root / "5/from elsewhere.mkv")
        return False

    old.look(on_step=rename)
    old.be_quiet()
    present = [path for path, state in old.states().items() if state == "present"]
    assert "5/from elsewhere.mkv" in present
    assert len(old.states()) == len(present) == 2 * FOLDERS, "the row moved along"


def test_hard_links_in_new_folders_are_files_of_their_own(old: World) -> None:
    os.link(old.root / "0/one.mkv", old.root / "0/link.mkv")
    os.link(old.root / "1/one.mkv", old.root / "5/link.mkv")
    old.advance_s += 3600
    old.look()
    assert len(old.states()) == 2 * FOLDERS + 2
    assert {row.links for row in VideoFile.select().where(VideoFile.filename == "link.mkv")} == {2}


def test_a_known_file_that_comes_to_a_new_folder_keeps_its_row(old: World) -> None:
    old.look()
    moved = old.row("3/one.mkv").id
    (old.root / "new").mkdir()
    os.rename(old.root / "3/one.mkv", old.root / "new/one.mkv")
    old.write("new/other.mkv", "not known")
    old.advance_s += 3600
    old.look()
    assert old.row("new/one.mkv").id == moved
    assert old.states()["new/other.mkv"] == "present"


def test_a_folder_that_gets_a_row_before_the_commit_is_compared(old: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user, beside the daemon, takes back a move into it."""
    inserted: list[int] = []
    known = first_listing.FirstListing._known_folders

    def interfere(self: first_listing.FirstListing, folders: Any) -> set[str]:
        found = known(self, folders)
        if not inserted:
            with writing():
                inserted.append(video_files.record_settled(old.library_id, "4/one.mkv", stamp(), old.now_ms()))
        return found

    monkeypatch.setattr(first_listing.FirstListing, "_known_folders", interfere)
    old.look()
    old.be_quiet()
    assert len(old.states()) == 2 * FOLDERS
    assert old.row("4/one.mkv").id == inserted[0]
    assert old.row("4/one.mkv").inode == (old.root / "4/one.mkv").stat().st_ino


def test_new_folders_of_a_known_library_share_a_commit(old: World) -> None:
    old.look()
    for number in range(FOLDERS):
        old.write(f"new {number}/one.mkv", f"new one {number}")
    old.advance_s += 3600
    assert commits_of(old.look) == 1
    assert len(old.states()) == len(old.jobs()) == 3 * FOLDERS


def test_what_the_rules_skip_in_a_new_folder_is_recorded_as_skipped(old: World) -> None:
    old.restart(minimum_size_bytes=6)
    old.look()
    assert {row.filename for row in VideoFile.select().where(VideoFile.decided_by == "rules")} == {"one.mkv"}
    assert {path.split("/")[1] for path in old.jobs()} == {"two.mkv"}


def test_a_file_that_settled_before_and_changed_waits_longer(old: World) -> None:
    """The times of files that waited count, also where no row is left."""
    young = old.write_just_now("young/young.mkv", "just now")
    old.look()
    old.wait()
    assert "young/young.mkv" in old.states()
    with writing():
        JobRow.delete().execute()
        VideoFile.delete().execute()
    now_ns = old.folder_scanner.new_files.wall_ns() - int(1.5 * 5 * 10**9)
    os.utime(young, ns=(now_ns, now_ns))
    old.look(Hint(relative="young", is_recursive=False))
    assert old.states() == {}


@pytest.fixture(params=["a walk", "a large folder"])
def many(request: pytest.FixtureRequest, world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(reconciling, "BATCH", 3)
    for number in range(10):
        folder = number if request.param == "a walk" else "all"
        world.write(f"{folder}/{number}.mkv", str(number))
    world.advance_s += 3600
    return world


def test_a_commit_holds_whole_folders(many: World) -> None:
    commits = commits_of(many.look)
    assert len(many.states()) == 10
    assert commits == (1 if (many.root / "all").exists() else 4)


def test_the_extensions_that_end_in_part_names_are_not_taken_at_once(world: World) -> None:
    """A library may take .tmp files. Then a name in the list of videos may hold another one."""
    world.restart(extensions=frozenset({*RULES.extensions, "tmp"}))
    world.write("a/one.mkv")
    world.write("a/one.mkv.tmp")
    world.advance_s += 3600
    world.look()
    assert "a/one.mkv" not in world.jobs()


def test_a_root_that_changes_while_folders_are_compared_has_no_more_of_them_recorded(
    old: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    old.look()
    for number in range(FOLDERS):
        old.write(f"{number}/three.mkv", f"the third {number}")
    old.advance_s += 3600
    compare = FolderScanner._compare
    compared: list[str] = []

    def check(root: str) -> RootSeen | str:
        return "Stale file handle" if len(compared) == 2 else check_root(root)

    def note(self: FolderScanner, folder: Unrecorded, is_same_root: Callable[[], bool]) -> None:
        compare(self, folder, is_same_root)
        compared.append(folder.listing.relative)

    monkeypatch.setattr(FolderScanner, "_compare", note)
    monkeypatch.setattr(reconciling, "check_root", check)
    old.look()
    assert compared == ["0", "1"]
    assert {path for path in old.states() if path.endswith("three.mkv")} == {"0/three.mkv", "1/three.mkv"}
