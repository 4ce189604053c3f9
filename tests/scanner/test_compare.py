"""Test that the rows follow the disk, on real folders, with a clock that the test moves."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from peewee import JOIN, sqlite3

from reeld.catalog import assignments, media, queue, video_files
from reeld.catalog.models import EpisodeFile, JobRow, Movie, PendingValidation, Trash, VideoFile
from reeld.config import InodeSetting
from reeld.database.base import database
from reeld.database.connection import writing
from reeld.domain.content import QuickHashes
from reeld.domain.identity import Accepted, ClueDigests, Reading
from reeld.domain.records import Place
from reeld.domain.titles import title_key
from reeld.errors import CatalogBusy
from reeld.pipeline.identify_file import gather_clues
from reeld.pipeline.stages import STAGES
from reeld.scanner.compare import FolderScanner
from reeld.scanner.missing_files import MissingFiles
from reeld.scanner.moved_files import MoveFinder
from reeld.scanner.new_files import NewFiles
from reeld.scanner.reconcile import reconcile
from reeld.scanner.root_check import Root
from reeld.service.stage_context import stat_names_of
from reeld.watch.completeness import CompletenessChecks, ignore_broken_leases
from reeld.watch.hints import EVERYTHING, Hint
from reeld.watch.rules import Rules
from reeld.watch.settle import Settling
from reeld.watch.walk import Listing, RootSeen, check_root, walk
from tests.catalog import listed
from tests.catalog.rows import NOW_MS, add_libraries, claim_one

QUIET_S = 5.0
PATIENCE_S = 86_400.0
UNPRIVILEGED = 65534
RULES = Rules(extensions=frozenset({"mkv"}))


@dataclass
class World:
    """A library's folder, the scanner that brings its rows up to date, and the clocks of both."""

    root: Path
    library_id: int
    advance_s: float = 0.0
    rules: Rules = RULES
    capacity: int = 100
    inodes: InodeSetting = "auto"
    folder_scanner: FolderScanner = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self, **rules: Any) -> None:
        """Start again, as reeld does after a restart, perhaps with other rules."""
        self.rules = replace(self.rules, **rules)
        place = Place(self.library_id, str(self.root))
        stat_names = stat_names_of({self.library_id: Root(place=place, inodes=self.inodes)})
        self.folder_scanner = FolderScanner(
            place=place,
            rules=self.rules,
            new_files=NewFiles(
                place=place,
                rules=self.rules,
                settling=Settling(QUIET_S, capacity=self.capacity),
                completeness_checks=CompletenessChecks(),
                patience_s=PATIENCE_S,
                first_stage=STAGES[0],
                now_ms=self.now_ms,
                monotonic=lambda: time.monotonic() + self.advance_s,
                wall_ns=lambda: time.time_ns() + int(self.advance_s * 1e9),
            ),
            missing_files=MissingFiles(
                place=place,
                rules=self.rules,
                stat_names=stat_names,
                now_ms=self.now_ms,
                quiet_s=QUIET_S,
                monotonic=lambda: time.monotonic() + self.advance_s,
            ),
            with_full_hash=True,
            now_ms=self.now_ms,
            move_finder=MoveFinder(place=place, rules=self.rules, stat_names=stat_names),
        )

    def now_ms(self) -> int:
        return NOW_MS + int(self.advance_s * 1000)

    def write(self, path: str, text: str = "film") -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def write_just_now(self, path: str, text: str) -> Path:
        """By the clock of the test: it may run so far ahead that what is written seems to be old at once."""
        file = self.write(path, text)
        now_ns = self.folder_scanner.new_files.wall_ns()
        os.utime(file, ns=(now_ns, now_ns))
        return file

    def look(
        self, hint: Hint = EVERYTHING, seen: RootSeen | None = None, on_step: Callable[[], bool] = lambda: False
    ) -> None:
        if seen is None:
            found = check_root(str(self.root))
            assert isinstance(found, RootSeen)
            seen = found
        reconcile(self.folder_scanner, hint, seen, on_step)

    def wait(self, seconds: float = QUIET_S + 1) -> None:
        self.advance_s += seconds
        while (hint := self.folder_scanner.take_due()) is not None:
            self.look(hint)
        self.folder_scanner.new_files.settle_due()

    def look_twice(self, hint: Hint = EVERYTHING) -> None:
        """Scan, and once more when it is time: what neither scan finds is missing."""
        self.look(hint)
        self.wait()

    def be_quiet(self) -> None:
        """Scan and wait until nothing is new.

        Each round is a quiet period: a file at the path of a missing one is first searched for, then seen again.
        """
        for _ in range(5):
            self.look()
            self.wait()
        assert len(self.folder_scanner.new_files.settling) == 0

    def finish(self) -> None:
        """Write what all stages would: every present file is read, assigned to a film, and hashed."""
        with writing():
            wanted = VideoFile.verdict.is_null() | (VideoFile.verdict != "ignored")
            for row in list(VideoFile.select().where(VideoFile.state == "present", wanted)):
                _finish(row.id)
            JobRow.delete().execute()

    def digests(self, file_id: int) -> ClueDigests:
        """As the stage that reads the name finds them now."""
        record = replace(video_files.file_record(file_id), library_path=str(self.root))
        return gather_clues(record, {})[1]

    def states(self) -> dict[str, str]:
        return dict(VideoFile.select(VideoFile.path, VideoFile.state).tuples())

    def jobs(self) -> dict[str, str]:
        """The stage that waits, by path."""
        rows = JobRow.select(JobRow, VideoFile).join(VideoFile)
        return {row.video_file.path: row.stage for row in rows}

    def row(self, path: str) -> Any:
        return VideoFile.get(VideoFile.path == path)


def _finish(file_id: int) -> None:
    media.save_quick_hashes(file_id, QuickHashes(fingerprint=f"f{file_id}", oshash=None))
    media.save_full_hash(file_id, f"h{file_id}")
    reading = Reading(kind="movie", title=f"Film {file_id}", year=2000)
    assignments.store_verdict(file_id, Accepted(reading=reading), title_key, NOW_MS)


@pytest.fixture(autouse=True)
def _no_broken_lease_kills_us() -> Iterator[None]:
    before = ignore_broken_leases()
    yield
    signal.signal(signal.SIGIO, cast("signal.Handlers", before))


@pytest.fixture
def world(catalog: Path, tmp_path: Path) -> World:
    root = tmp_path / "films"
    root.mkdir()
    return World(root, add_libraries("Films")[0])


@pytest.fixture
def known(world: World) -> World:
    """A library with two files that went through all stages."""
    world.write("a/one.mkv", "one")
    world.write("a/two.mkv", "second")
    world.be_quiet()
    world.finish()
    return world


# --- new and changed -------------------------------------------------------------------------------------


def test_a_file_whose_commit_failed_is_recorded_only_as_it_was_seen_last(world: World) -> None:
    """It was still held with its former stamp when its folder's other changes were committed, and it with them."""
    world.write("known.mkv")
    world.be_quiet()
    world.advance_s += 86_400
    film = world.write("new.mkv", "half of it")
    take_listing(world)  # and the commit of all that is held fails
    assert not VideoFile.select().where(VideoFile.path == "new.mkv").exists()
    film.write_text("all of it, and more")
    (world.root / "known.mkv").chmod(0o600)
    take_listing(world)
    world.folder_scanner.new_files.flush()
    assert VideoFile.get(VideoFile.path == "new.mkv").size_bytes == film.stat().st_size


def test_a_disk_mounted_while_a_folder_is_compared_changes_no_row(world: World) -> None:
    """The root is checked again right before the commit."""
    world.write("known.mkv")
    world.be_quiet()
    before = world.row("known.mkv").ctime_ns
    (world.root / "known.mkv").chmod(0o600)
    answers = iter([True, False])
    take_listing(world, lambda: next(answers))
    assert next(answers, None) is None, "it was asked twice"
    assert world.row("known.mkv").ctime_ns == before
    take_listing(world)
    assert world.row("known.mkv").ctime_ns != before


def take_listing(world: World, is_same_root: Callable[[], bool] = lambda: True) -> None:
    """Compare the library's own folder with its rows."""
    seen = check_root(str(world.root))
    assert isinstance(seen, RootSeen)
    listing = next(walk(str(world.root), "", world.rules, seen=seen))
    assert isinstance(listing, Listing)
    folder = world.folder_scanner.look(listing)
    if folder is not None:
        world.folder_scanner.take([folder], is_same_root)


def test_a_new_file_is_queued_once_it_was_left_alone_for_the_quiet_period(world: World) -> None:
    world.write("a.mkv")
    world.look()
    world.wait(QUIET_S - 1)
    assert world.states() == {}
    world.wait(2)
    assert world.states() == {"a.mkv": "present"}
    assert world.jobs() == {"a.mkv": "name"}


def test_a_file_that_grows_is_not_queued_before_it_stops(world: World) -> None:
    world.write("a.mkv", "1")
    world.look()
    for size in range(2, 6):
        world.write("a.mkv", "x" * size)
        world.wait()
        assert world.jobs() == {}
    world.wait()
    assert world.row("a.mkv").size_bytes == 5


def test_a_file_that_lay_there_for_long_is_queued_at_the_first_look(world: World) -> None:
    world.write("a.mkv")
    world.advance_s += 3600
    world.look()
    assert world.jobs() == {"a.mkv": "name"}


def test_a_download_waits_for_as_long_as_its_control_file_is_there(world: World) -> None:
    """A download that its control file gives away waits for as long as that is there."""
    world.write("a.mkv")
    control = world.write("a.mkv.aria2")
    world.look()
    world.wait(1000)
    assert world.jobs() == {}
    control.unlink()
    world.be_quiet()
    assert world.jobs() == {"a.mkv": "name"}


def test_a_file_with_holes_waits_for_a_day_and_is_taken_then_with_a_note(world: World) -> None:
    os.truncate(world.write("a.mkv"), 1 << 20)
    world.look()
    world.wait(PATIENCE_S - 60)
    assert world.states() == {}
    assert [wait.why for wait in world.folder_scanner.new_files.settling.waiting()] == ["parts of it unwritten"]
    world.wait(120)
    assert world.row("a.mkv").completeness["holes"] == "some"


def test_an_old_file_with_holes_does_not_wait(world: World) -> None:
    os.truncate(world.write("a.mkv"), 1 << 20)
    world.advance_s += PATIENCE_S + 60
    world.look()
    assert world.jobs() == {"a.mkv": "name"}
    assert world.row("a.mkv").completeness["holes"] == "some"


def test_an_old_file_that_somebody_has_open_waits_until_that_is_closed(world: World) -> None:
    path = world.write("a.mkv")
    with path.open("r+b"):
        world.advance_s += PATIENCE_S + 60
        world.look()
        world.wait(PATIENCE_S)
        assert world.states() == {}
    world.look()  # the event of the closing
    assert world.states() == {"a.mkv": "present"}
    assert world.row("a.mkv").completeness == {"quiet_s": QUIET_S, "writer": "none", "holes": "none"}


def test_what_is_the_same_costs_not_one_write(known: World) -> None:
    known.look()  # the folder is compared with the verdicts once
    before = database.connection().total_changes
    known.be_quiet()
    assert database.connection().total_changes == before
    assert known.jobs() == {}


def test_new_content_forgets_what_was_read_from_the_old_and_is_read_again(known: World) -> None:
    file_id = known.row("a/one.mkv").id
    known.write("a/one.mkv", "other content")
    known.be_quiet()
    row = known.row("a/one.mkv")
    assert (row.id, row.fingerprint, row.file_hash, row.size_bytes) == (file_id, None, None, 13)
    assert known.jobs() == {"a/one.mkv": "name"}


def test_a_file_whose_ctime_alone_changed_is_read_again_and_keeps_what_is_known(known: World) -> None:
    """A file whose ctime alone changed is read again and meanwhile nothing is forgotten."""
    before = known.row("a/one.mkv")
    (known.root / "a/one.mkv").chmod(0o600)
    known.be_quiet()
    after = known.row("a/one.mkv")
    assert after.ctime_ns > before.ctime_ns
    assert (after.file_hash, after.verdict) == (before.file_hash, before.verdict)
    assert known.jobs() == {"a/one.mkv": "name"}
    assert not video_files.file_record(after.id).has_full_hash


def test_a_file_that_was_given_up_is_tried_again_when_a_right_was_given(world: World) -> None:
    world.write("a.mkv")
    world.be_quiet()
    with writing():
        job = claim_one("names", NOW_MS * 2)
        assert job is not None
        queue.fail(job, error="it may not be read")
    world.look()
    assert JobRow.get().state == "failed"
    (world.root / "a.mkv").chmod(0o600)
    world.look()
    assert (JobRow.get().state, JobRow.get().attempts) == ("waiting", 0)


@pytest.mark.parametrize("is_ignored", [False, True])
def test_a_rewrite_with_the_time_put_back_has_the_other_names_of_the_file_scanned(
    known: World, is_ignored: bool
) -> None:
    """Also where it was written under a name that the rules skip."""
    os.link(known.root / "a/one.mkv", known.root / "linked.mkv")
    known.be_quiet()
    known.finish()
    known.restart(ignore_patterns=("linked.mkv",) if is_ignored else ())
    known.be_quiet()
    before = known.row("a/one.mkv")
    linked = known.root / "linked.mkv"
    status = linked.stat()
    linked.write_text("two")
    os.utime(linked, ns=(status.st_atime_ns, status.st_mtime_ns))
    marked: list[str] = []
    known.folder_scanner.new_files.rescan_directory = marked.append
    known.look(Hint(relative="", is_recursive=False))
    assert marked == ["/disks/Films/a/one.mkv"]
    known.look(Hint(relative="a", is_recursive=False))
    assert known.row("a/one.mkv").ctime_ns > before.ctime_ns
    assert known.row("a/one.mkv").is_in_doubt
    assert len(marked) == 1, "now all rows know it"


# --- moved -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["a/renamed.mkv", "b/one.mkv", "0/deep/one.mkv", os.fsdecode(b"b/\xff.mkv")])
def test_a_moved_file_keeps_its_row_and_is_identified_anew_but_not_read(known: World, target: str) -> None:
    before = known.row("a/one.mkv")
    (known.root / target).parent.mkdir(parents=True, exist_ok=True)
    os.rename(known.root / "a/one.mkv", known.root / target)
    known.be_quiet()
    assert known.states() == {"a/two.mkv": "present", target: "present"}
    after = known.row(target)
    assert (after.id, after.fingerprint, after.file_hash) == (before.id, before.fingerprint, before.file_hash)
    assert (after.directory, after.filename) == os.path.split(target)
    assert known.jobs() == {target: "name"}, "a rename changes its ctime, so its ends are compared"


def test_a_file_that_was_renamed_is_never_called_missing(known: World) -> None:
    os.rename(known.root / "a/one.mkv", known.root / "a/renamed.mkv")
    known.look()
    assert known.states() == {"a/renamed.mkv": "present", "a/two.mkv": "present"}


def test_a_moved_folder_takes_its_files_rows_along(known: World) -> None:
    ids = {known.row("a/one.mkv").id, known.row("a/two.mkv").id}
    os.rename(known.root / "a", known.root / "Z")
    known.be_quiet()
    assert known.states() == {"Z/one.mkv": "present", "Z/two.mkv": "present"}
    assert {known.row(path).id for path in known.states()} == ids


def test_a_file_that_moves_while_it_is_worked_on_begins_anew_under_its_new_name(world: World) -> None:
    world.write("a.mkv")
    world.be_quiet()
    with writing():
        job = claim_one("names", NOW_MS * 2)
    assert job is not None
    os.rename(world.root / "a.mkv", world.root / "b.mkv")
    world.be_quiet()
    assert world.jobs() == {"b.mkv": "name"}
    assert not queue.holds(job)


def test_a_hard_link_is_a_second_file(known: World) -> None:
    os.link(known.root / "a/one.mkv", known.root / "linked.mkv")
    known.be_quiet()
    assert set(known.states()) == {"a/one.mkv", "a/two.mkv", "linked.mkv"}
    # The first one's ctime tells that it was touched, and not that it was by a link alone.
    assert known.jobs() == {"linked.mkv": "name", "a/one.mkv": "name"}
    assert known.row("linked.mkv").inode == known.row("a/one.mkv").inode


def test_a_file_that_was_replaced_by_another_is_read_again(known: World) -> None:
    file_id = known.row("a/one.mkv").id
    known.write("a/new.tmp", "better")
    os.replace(known.root / "a/new.tmp", known.root / "a/one.mkv")
    known.be_quiet()
    assert known.row("a/one.mkv").id == file_id
    assert known.jobs() == {"a/one.mkv": "name"}


def test_a_file_that_takes_the_name_of_one_that_was_moved_away_does_not_take_its_row(known: World) -> None:
    file_id = known.row("a/one.mkv").id
    os.rename(known.root / "a/one.mkv", known.root / "a/was one.mkv")
    known.write("a/one.mkv", "quite another")
    known.be_quiet()
    assert known.row("a/was one.mkv").id == file_id
    assert known.row("a/one.mkv").id != file_id
    assert known.jobs() == {"a/one.mkv": "name", "a/was one.mkv": "name"}


# --- gone and back ---------------------------------------------------------------------------------------


def test_a_file_that_is_gone_is_missing_and_keeps_what_is_known_of_it(known: World) -> None:
    (known.root / "a/one.mkv").unlink()
    known.look_twice()
    row = known.row("a/one.mkv")
    assert (row.state, row.verdict, row.file_hash is not None) == ("missing", "accepted", True)
    assert row.missing_since is not None
    assert known.states()["a/two.mkv"] == "present"


@pytest.mark.parametrize("how", ["whole folder", "file"])
def test_a_file_that_comes_back_is_known_again_and_nothing_is_forgotten(known: World, tmp_path: Path, how: str) -> None:
    path = "a" if how == "whole folder" else "a/one.mkv"
    os.rename(known.root / path, tmp_path / "elsewhere")
    known.look_twice()
    assert known.row("a/one.mkv").state == "missing"
    os.rename(tmp_path / "elsewhere", known.root / path)
    known.be_quiet()
    assert set(known.states().values()) == {"present"}
    assert known.row("a/one.mkv").missing_since is None
    # Its name is read again: the job that was to read a new one may have gone with it. Its bytes are, if its ctime
    # says that it was touched; the rename of a folder touches no file in it.
    # The name of the one beside it is read again, too: the folder is not what it was.
    assert known.jobs() == {"a/one.mkv": "identify" if how == "whole folder" else "name", "a/two.mkv": "identify"}
    assert known.row("a/one.mkv").file_hash is not None


def test_a_file_that_went_before_it_was_read_is_read_when_it_is_back(world: World, tmp_path: Path) -> None:
    world.write("a.mkv")
    world.be_quiet()
    os.rename(world.root / "a.mkv", tmp_path / "a.mkv")
    world.look_twice()
    assert world.jobs() == {}
    os.rename(tmp_path / "a.mkv", world.root / "a.mkv")
    world.be_quiet()
    assert world.jobs() == {"a.mkv": "name"}


def test_one_folder_that_is_looked_at_says_nothing_of_others(known: World) -> None:
    known.write("b/three.mkv")
    known.be_quiet()
    for path in ("a/one.mkv", "b/three.mkv"):
        (known.root / path).unlink()
    known.look_twice(Hint(relative="a", is_recursive=False))
    assert known.states() == {"a/one.mkv": "missing", "a/two.mkv": "present", "b/three.mkv": "present"}
    known.look_twice(Hint(relative="", is_recursive=False))
    assert known.states()["b/three.mkv"] == "present"
    known.look_twice()
    assert known.states()["b/three.mkv"] == "missing"


def test_a_link_or_a_folder_in_a_files_place_makes_it_missing(known: World) -> None:
    for name in ("one", "two"):
        (known.root / f"a/{name}.mkv").unlink()
    (known.root / "a/one.mkv").symlink_to("/dev/null")
    (known.root / "a/two.mkv").mkdir()
    known.be_quiet()
    assert set(known.states().values()) == {"missing"}


# --- rules -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rules", [{"ignore_patterns": ("one.mkv", "b")}, {"ignore_patterns": ("a", "b/")}])
def test_what_the_rules_leave_alone_is_ignored_and_taken_up_once_they_change(
    known: World, rules: dict[str, Any]
) -> None:
    """What the rules leave alone is ignored with the reason and taken up once they change."""
    known.restart(**rules)
    known.be_quiet()
    row = known.row("a/one.mkv")
    assert (row.state, row.verdict, row.decided_by, row.movie_id) == ("present", "ignored", "rules", None)
    assert "ignore pattern" in row.reason
    assert row.id not in {entry["id"] for entry in listed.list_files()}
    known.restart(ignore_patterns=())
    known.be_quiet()
    row = known.row("a/one.mkv")
    assert (row.verdict, row.decided_by, row.reason) == (None, None, None)
    assert known.jobs()["a/one.mkv"] == "name"


def test_what_is_ignored_already_costs_not_one_write(known: World) -> None:
    known.write("b/three.mkv")
    known.be_quiet()
    known.restart(ignore_patterns=("one.mkv", "b"))
    known.be_quiet()
    before = database.connection().total_changes
    known.be_quiet()
    assert database.connection().total_changes == before


def test_a_new_file_that_is_too_small_is_known_and_ignored_until_it_grows(world: World) -> None:
    world.restart(minimum_size_bytes=10)
    world.write("a.mkv", "tiny")
    world.be_quiet()
    assert (world.row("a.mkv").verdict, world.jobs()) == ("ignored", {})
    world.write("a.mkv", "large enough now")
    world.be_quiet()
    assert (world.row("a.mkv").verdict, world.jobs()) == (None, {"a.mkv": "name"})


def test_content_that_changed_while_it_was_left_alone_is_not_said_to_be_the_old(known: World) -> None:
    """Content that changed while the rules left it alone is not said to be the old."""
    known.restart(ignore_patterns=("one.mkv",))
    known.be_quiet()
    known.write("a/one.mkv", "other content")
    known.be_quiet()
    row = known.row("a/one.mkv")
    assert (row.size_bytes, row.fingerprint, row.file_hash) == (13, None, None)


def test_a_known_film_that_is_written_anew_is_not_too_small_while_that_begins(known: World) -> None:
    """A program that replaces it begins with an empty file: its film would go to the trash for that moment."""
    film = known.row("a/one.mkv").movie_id
    known.restart(minimum_size_bytes=2)
    known.write_just_now("a/one.mkv", "")
    known.look()
    row = known.row("a/one.mkv")
    assert (row.verdict, row.movie_id, Trash.select().count()) == ("accepted", film, 0)
    known.be_quiet()
    assert known.row("a/one.mkv").verdict == "ignored", "it stayed so"


# --- what cannot be read ---------------------------------------------------------------------------------


@contextlib.contextmanager
def _without_privileges(*reachable: Path) -> Iterator[None]:
    """Root may read everything, so a refused permission needs another user."""
    for path in reachable:
        for folder in (path, *path.parents[:-2]):
            folder.chmod(folder.stat().st_mode | 0o055)
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(UNPRIVILEGED)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_folder_that_may_not_be_read_makes_nothing_missing(known: World) -> None:
    known.write("a/b/three.mkv")
    known.write("c/four.mkv")
    known.be_quiet()
    (known.root / "c/four.mkv").unlink()
    (known.root / "a").chmod(0)
    with _without_privileges(known.root):
        known.look_twice()
    (known.root / "a").chmod(0o755)
    states = known.states()
    assert states.pop("c/four.mkv") == "missing"
    assert set(states.values()) == {"present"}


def test_a_folder_whose_files_may_not_be_looked_at_makes_nothing_missing(known: World) -> None:
    """Without the right to enter a folder its names can be read, and nothing else."""
    (known.root / "a").chmod(0o644)
    with _without_privileges(known.root):
        known.look_twice()
    assert set(known.states().values()) == {"present"}


def test_a_root_that_became_another_folder_before_the_walk_makes_nothing_missing(known: World) -> None:
    seen = check_root(str(known.root))
    assert isinstance(seen, RootSeen)
    known.root.rename(known.root.with_name("unplugged"))
    known.root.mkdir()
    for hint in (EVERYTHING, Hint(relative="a", is_recursive=True), Hint(relative="a", is_recursive=False)):
        known.look(hint, seen)
        known.wait()
    assert set(known.states().values()) == {"present"}


@pytest.mark.parametrize("at", range(1, 5))
@pytest.mark.parametrize("how", ["exchanged", "gone", "empty and back"])
def test_a_root_that_goes_during_the_walk_makes_nothing_missing(known: World, at: int, how: str) -> None:
    """It goes between one folder and the next; `reconcile` asks whether to stop just then."""
    known.write("b/three.mkv")
    known.write("c/four.mkv")
    known.be_quiet()
    steps = 0

    def on_step() -> bool:
        nonlocal steps
        steps += 1
        if steps == at:
            known.root.rename(known.root.with_name("unplugged"))
            if how != "gone":
                known.root.mkdir()
        return False

    known.look(on_step=on_step)
    known.wait()
    assert steps >= at
    assert set(known.states().values()) == {"present"}
    assert set(known.states()) == {"a/one.mkv", "a/two.mkv", "b/three.mkv", "c/four.mkv"}


def test_nothing_is_missing_if_the_root_is_another_folder_once_the_walk_is_over(known: World) -> None:
    """Not even what the walk did not find while the root was still there."""
    known.write("c/four.mkv")
    known.be_quiet()
    (known.root / "c/four.mkv").unlink()
    (known.root / "c").rmdir()
    steps = 0

    def on_step() -> bool:
        nonlocal steps
        steps += 1
        if steps == 2:  # the root and the folder a: the last one
            known.root.rename(known.root.with_name("unplugged"))
            known.root.mkdir()
        return False

    known.look(on_step=on_step)
    known.wait()
    assert steps == 2
    assert set(known.states().values()) == {"present"}


# --- names, limits, a catalogue that cannot be written to ------------------------------------------------


@pytest.mark.parametrize(
    "raw",
    [b"Am\xe9lie.mkv", b"\xff\xfe/\xfd.mkv", b"new\nline.mkv", b"x" * 251 + b".mkv", "İ/ı.mkv".encode(), b"%_[*].mkv"],
)
def test_a_name_of_any_bytes_is_taken_kept_and_missed(world: World, raw: bytes) -> None:
    path = os.fsdecode(raw)
    world.write(path)
    world.be_quiet()
    assert world.states() == {path: "present"}
    world.finish()
    world.be_quiet()
    assert world.jobs() == {}
    (world.root / path).unlink()
    world.look_twice()
    assert world.states() == {path: "missing"}


def test_files_beyond_what_may_wait_are_turned_away_and_taken_at_the_next_look(world: World) -> None:
    world.capacity = 3
    world.restart()
    for number in range(7):
        world.write(f"{number}.mkv")
    world.look()
    assert len(world.folder_scanner.new_files.rejected) == 1
    assert len(world.folder_scanner.new_files.settling) == 3
    world.be_quiet()
    assert len(world.states()) == 7


def test_a_complete_file_is_taken_though_very_many_wait_for_their_downloads(world: World) -> None:
    """A complete file is taken though very many wait for the rest of their downloads."""
    world.capacity = 3
    world.restart()
    for number in range(7):
        world.write(f"downloads/{number}.mkv")
        world.write(f"downloads/{number}.mkv.aria2")
    world.look()
    world.write("complete.mkv")
    world.look()
    world.wait()
    assert world.states() == {"complete.mkv": "present"}
    assert world.folder_scanner.new_files.rejected.take() == Hint(relative="downloads", is_recursive=False)


def test_who_is_turned_away_because_of_a_writer_is_to_be_shown_again(world: World) -> None:
    world.capacity = 1
    world.restart()
    world.write("downloads/1.mkv")
    world.write("downloads/1.mkv.aria2")
    with world.write("copies/2.mkv").open("r+b"):
        world.look()
        assert len(world.folder_scanner.new_files.rejected) == 0
        world.wait()
    assert world.folder_scanner.new_files.rejected.take() == Hint(relative="copies", is_recursive=False)
    world.look()
    world.wait()
    assert world.states() == {"copies/2.mkv": "present"}


def test_files_that_settled_while_the_catalogue_was_locked_are_recorded_afterwards(catalog: Path, world: World) -> None:
    world.write("a.mkv")
    world.look()
    database.execute_sql("PRAGMA busy_timeout = 20")
    with contextlib.closing(sqlite3.connect(catalog, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(CatalogBusy):
            world.wait()
    assert world.states() == {}
    world.folder_scanner.new_files.flush()
    assert world.jobs() == {"a.mkv": "name"}


# --- the law ---------------------------------------------------------------------------------------------

NAMES = st.sampled_from(["a.mkv", "b.mkv", "x/a.mkv", "x/y/a.mkv", os.fsdecode(b"x/\xff.mkv"), "z/a.mkv"])
FOLDERS = st.sampled_from(["x", "x/y", "z", "w"])
ACTS = st.one_of(
    st.tuples(st.sampled_from(["write", "delete"]), NAMES, NAMES),
    st.tuples(st.sampled_from(["rename", "link", "swap", "copy over"]), NAMES, NAMES),
    st.tuples(st.just("rename"), FOLDERS, FOLDERS),
    st.tuples(st.sampled_from(["scan", "scan one", "wait", "work", "restart", "ignore"]), NAMES, NAMES),
)


def _act(world: World, what: str, one: str, two: str, number: int) -> None:
    if what in ("scan", "scan one", "wait", "work", "restart", "ignore"):
        _let_reeld(world, what, one)
    else:
        _change_the_disk(world, what, one, two, number)


def _change_the_disk(world: World, what: str, one: str, two: str, number: int) -> None:
    first, second = world.root / one, world.root / two
    match what:
        case "write":
            world.write(one, f"content {number}")
        case "delete":
            first.unlink()
        case "rename":
            second.parent.mkdir(parents=True, exist_ok=True)
            os.rename(first, second)
        case "link":
            second.parent.mkdir(parents=True, exist_ok=True)
            os.link(first, second)
        case "swap":
            os.stat(second)
            os.rename(first, world.root / "aside")
            os.rename(second, first)
            os.rename(world.root / "aside", second)
        case "copy over":
            second.write_bytes(first.read_bytes())


def _let_reeld(world: World, what: str, one: str) -> None:
    match what:
        case "scan":
            world.look()
        case "scan one":
            world.look(Hint(relative=os.path.dirname(one), is_recursive=False))
        case "wait":
            world.wait()
        case "work":
            _work(world)
        case "restart":
            world.restart(ignore_patterns=())
        case "ignore":
            world.restart(ignore_patterns=(os.path.basename(one), "y/"))


def _work(world: World) -> None:
    """Every job: its file's content is what a fingerprint and a film are made of."""
    for _ in range(100):
        with writing():
            job = claim_one("names", NOW_MS * 2)
            if job is None:
                return
            row = VideoFile.get_by_id(job.video_file_id)
            file = world.root / row.path
            is_same = file.is_file() and file.stat().st_mtime_ns == row.mtime_ns and file.stat().st_ino == row.inode
            if is_same:
                if job.stage == "name":
                    hashes = QuickHashes(fingerprint=file.read_text(), oshash=None)
                    media.save_quick_hashes(row.id, hashes)
                    media.save_full_hash(row.id, file.read_text())
                reading = Reading(kind="movie", title=os.fsencode(row.path).hex(), year=2000)
                assignments.store_verdict(row.id, Accepted(reading=reading), title_key, NOW_MS)
            queue.finish([job])


def _empty(world: World) -> None:
    for entry in sorted(world.root.rglob("*"), reverse=True):
        entry.unlink() if entry.is_file() else entry.rmdir()
    with writing():
        for model in (JobRow, PendingValidation, EpisodeFile, VideoFile, Movie, Trash):
            model.delete().execute()
    world.restart(ignore_patterns=())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=80)
@given(st.lists(ACTS, max_size=14))
@example([("write", "a.mkv", ""), ("scan", "", ""), ("wait", "", ""), ("work", "", ""), ("rename", "a.mkv", "b.mkv")])
def test_after_quiet_the_catalogue_says_what_a_fresh_scan_would(world: World, acts: list[tuple[str, str, str]]) -> None:
    _empty(world)
    for number, (what, one, two) in enumerate(acts):
        with contextlib.suppress(OSError):
            _act(world, what, one, two, number)
    world.restart(ignore_patterns=())
    world.be_quiet()
    _work(world)
    world.be_quiet()
    assert world.jobs() == {}
    on_disk = {
        os.path.relpath(os.path.join(folder, name), world.root): Path(folder, name)
        for folder, _, names in os.walk(world.root)
        for name in names
        if name.endswith(".mkv")
    }
    present = list(VideoFile.select(VideoFile, Movie).join(Movie, JOIN.LEFT_OUTER).where(VideoFile.state == "present"))
    said = {row.path: (row.fingerprint, row.movie and row.movie.title) for row in present}
    assert said == {path: (file.read_text(), os.fsencode(path).hex()) for path, file in on_disk.items()}


def test_what_is_listed_while_another_disk_covers_the_folder_changes_nothing(known: World) -> None:
    """What is listed while another disk is mounted over the folder changes nothing.

    The root was the right one when the scan began, and is not when the folder was listed.
    """
    before = known.row("a/one.mkv").size_bytes
    seen = check_root(str(known.root))
    assert isinstance(seen, RootSeen)
    known.write("a/one.mkv", "a stranger's, of another size")
    known.advance_s += 3600
    known.look(seen=replace(seen, fs_id=seen.fs_id + 1))
    known.wait()
    assert known.row("a/one.mkv").size_bytes == before
    known.be_quiet()
    assert known.row("a/one.mkv").size_bytes != before
