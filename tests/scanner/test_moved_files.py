"""Test that rows follow moved files, and no others, on real folders, with a clock that the test moves."""

import ctypes
import itertools
import os
import random
import shutil
import threading
import unicodedata
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reeld.catalog import assignments, copies, history, video_files, views
from reeld.catalog.models import EpisodeFile, FileHistory, JobRow, Library, Movie, PendingValidation, Trash, VideoFile
from reeld.config import Config
from reeld.database.base import database
from reeld.database.connection import writing
from reeld.domain.files import FileStamp
from reeld.domain.identity import Reading, Uncertain
from reeld.domain.records import Place
from reeld.domain.titles import title_key
from reeld.pipeline.context import StageContext
from reeld.pipeline.disk_health import DiskHealth
from reeld.pipeline.runner import Runner
from reeld.pipeline.stages import LANES, STAGES, Lane
from reeld.scanner.elsewhere import TICK_NS
from reeld.scanner.moved_files import MoveEvidence, MoveFinder, Moves, NewFile, find_moves
from reeld.scanner.root_check import Root
from reeld.service.stage_context import open_stage_context, stat_names_of
from reeld.watch.completeness import CompletenessChecks
from reeld.watch.hints import EVERYTHING, Hint
from reeld.watch.walk import Found, SeenFile
from tests.catalog import listed
from tests.catalog.rows import NOW_MS, add_libraries
from tests.content.reading import full_hash
from tests.scanner.test_compare import QUIET_S, World
from tests.videos import make_video

DAY_S = 86_400.0
AT_FDCWD, RENAME_EXCHANGE = -100, 2


def exchange(one: Path, two: Path) -> None:
    """renameat2: both names at once, without a moment at which either is free."""
    libc = ctypes.CDLL(None, use_errno=True)
    done = libc.renameat2(AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(two), RENAME_EXCHANGE)
    if done != 0:
        raise OSError(ctypes.get_errno(), "renameat2")


@pytest.fixture
def worlds(catalog: Path, tmp_path: Path) -> tuple[World, World]:
    """Two libraries; each can search the other for moved files."""
    ids = add_libraries("First", "Second")
    roots = {row_id: str(tmp_path / name) for row_id, name in zip(ids, ("first", "second"), strict=True)}
    places = {row_id: Root(place=Place(row_id, root)) for row_id, root in roots.items()}
    made = []
    for library_id, root in roots.items():
        Path(root).mkdir()
        world = World(Path(root), library_id)
        move_finder = MoveFinder(place=world.folder_scanner.place, rules=world.rules, stat_names=stat_names_of(places))
        world.folder_scanner = replace(world.folder_scanner, move_finder=move_finder)
        places[library_id].check()
        made.append(world)
    return made[0], made[1]


@pytest.fixture
def world(worlds: tuple[World, World]) -> World:
    return worlds[0]


@pytest.fixture
def known(world: World) -> World:
    """A library with two files of one size that went through all stages."""
    world.write("a/one.mkv", "one")
    world.write("a/two.mkv", "two")
    world.be_quiet()
    world.finish()
    return world


def decide(video_file_id: int, title: str) -> None:
    """Decide, as the user, which film the file is."""
    with writing():
        question = assignments.open_validation(video_file_id, NOW_MS)
        film = Reading(kind="movie", title=title, year=1999)
        assignments.validate(question, film, candidate=None, key_of=title_key, now_ms=NOW_MS)


def by_inode(world: World) -> dict[int, Any]:
    rows = VideoFile.select().where(VideoFile.state == "present", VideoFile.library == world.library_id)
    return {row.inode: row for row in rows}


def facts(row: Any) -> tuple[Any, ...]:
    """What must follow the content: the row, its hashes, and what was decided."""
    return (row.id, row.fingerprint, row.file_hash, row.verdict, row.decided_by, row.movie_id)


def moves_of(world: World, seen: SeenFile) -> Moves:
    """What the scanner would move if this were a new file."""
    new_files = [NewFile(seen=seen, known=None)]
    return find_moves(world.library_id, new_files, world.folder_scanner.move_finder.gather(new_files))


def events(video_file_id: int) -> list[str]:
    return [link["event"] for link in history.of_file(video_file_id)]


def test_a_number_that_was_given_to_another_film_moves_no_decision(known: World) -> None:
    """Both have one size and time. The time of birth tells them apart, before a decision is on other bytes."""
    film = known.root / "a/one.mkv"
    decide(known.row("a/one.mkv").id, "Decided")
    before, moment = film.stat(), film.stat().st_mtime_ns
    (known.root / "b").mkdir()
    film.unlink()
    other = known.write("b/other.mkv", "two")
    os.utime(other, ns=(moment, moment))
    if other.stat().st_ino != before.st_ino:
        pytest.skip("this file system gave the number to no other file")
    assert other.stat().st_size == before.st_size
    known.look(Hint(relative="b", is_recursive=False))
    known.be_quiet()
    assert known.row("b/other.mkv").decided_by != "user"
    assert known.row("a/one.mkv").state == "missing"


# --- renames ---------------------------------------------------------------------------------------------

PLACES = ["a.mkv", "b.mkv", "x/a.mkv", "x/b.mkv", "y/a.mkv", os.fsdecode(b"y/\xff.mkv"), "z/c.mkv", "x/y/d.mkv"]


def _rename_all(root: Path, targets: dict[str, str]) -> None:
    """Every file to its target, all at once."""
    for number, source in enumerate(targets):
        os.rename(root / source, root / f"aside{number}")
    for number, target in enumerate(targets.values()):
        (root / target).parent.mkdir(parents=True, exist_ok=True)
        os.rename(root / f"aside{number}", root / target)


def _empty(world: World) -> None:
    for entry in list(world.root.iterdir()):  # the folder itself stays: another one would not be verified
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    with writing():
        for model in (JobRow, PendingValidation, EpisodeFile, FileHistory, VideoFile, Movie, Trash):
            model.delete().execute()
    assert len(world.folder_scanner.new_files.settling) == 0


def _is_hashed_again(world: World, path: str) -> bool:
    return not video_files.file_record(world.row(path).id).has_full_hash


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.permutations(PLACES), st.integers(2, 6), st.sets(st.integers(0, 5)), st.booleans(), st.randoms())
def test_whatever_files_take_each_others_places_their_rows_go_where_their_content_is(
    world: World, places: list[str], count: int, decided: set[int], is_walked: bool, rng: random.Random
) -> None:
    """I9. Swaps, cycles and chains, seen by one walk or folder by folder in any order; nothing is read again."""
    _empty(world)
    sources = PLACES[:count]
    for source in sources:
        world.write(source, "same size")
    world.be_quiet()
    world.finish()
    for number in decided & set(range(count)):
        decide(world.row(sources[number]).id, f"Decided {number}")
    before = by_inode(world)
    targets = {source: place for source, place in zip(sources, places, strict=False) if source != place}
    _rename_all(world.root, targets)
    folders = sorted({os.path.dirname(place) for place in PLACES})
    rng.shuffle(folders)
    for folder in [] if is_walked else folders:
        world.look(Hint(relative=folder, is_recursive=False))
    world.look()
    world.be_quiet()
    after = by_inode(world)
    assert {inode: facts(row) for inode, row in after.items()} == {inode: facts(row) for inode, row in before.items()}
    assert {row.path for row in after.values()} == set(places[:count])
    assert all((world.root / row.path).stat().st_ino == inode for inode, row in after.items())
    assert VideoFile.select().count() == count
    assert not any(_is_hashed_again(world, path) for path in world.jobs())
    moved = {row.path for row in after.values() if row.path != before[row.inode].path}
    assert set(world.jobs()) >= moved


def test_one_look_at_one_folder_is_enough_for_a_swap_between_two(known: World) -> None:
    """And nothing is called missing in between."""
    known.write("b/other.mkv", "oth")
    known.be_quiet()
    known.finish()
    one, other = known.row("a/one.mkv").id, known.row("b/other.mkv").id
    exchange(known.root / "a/one.mkv", known.root / "b/other.mkv")
    known.look(Hint(relative="a", is_recursive=False))
    assert (known.row("b/other.mkv").id, known.row("a/one.mkv").id) == (one, other)
    assert events(one) == events(other) == ["moved"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Heat.mkv", "HEAT.mkv"),
        (unicodedata.normalize("NFC", "Amélie.mkv"), unicodedata.normalize("NFD", "Amélie.mkv")),
        ("i.mkv", "İ.mkv"),
    ],
)
def test_a_rename_to_another_spelling_of_the_name_is_a_rename(world: World, before: str, after: str) -> None:
    world.write(before)
    world.be_quiet()
    world.finish()
    row = world.row(before)
    os.rename(world.root / before, world.root / after)
    world.be_quiet()
    assert world.states() == {after: "present"}
    assert facts(world.row(after)) == facts(row)


def test_a_folder_of_many_files_is_moved_in_one_transaction(world: World) -> None:
    for number in range(300):
        world.write(f"a/{number}.mkv", str(number))
    world.advance_s += 3600
    world.look()
    world.finish()
    before = {inode: row.id for inode, row in by_inode(world).items()}
    os.rename(world.root / "a", world.root / "0")
    commits: list[str] = []
    database.connection().set_trace_callback(lambda sql: commits.append(sql) if sql == "COMMIT" else None)
    world.look()
    database.connection().set_trace_callback(None)
    assert {inode: row.id for inode, row in by_inode(world).items()} == before
    assert len(commits) == 1
    assert set(world.jobs().values()) == {"identify"}


def test_a_file_on_another_device_is_never_the_one_that_is_gone_from_this(known: World) -> None:
    """`cp -a` to a fresh disk makes copies with the same inode numbers, sizes and times."""
    one = known.row("a/one.mkv").id
    with writing():
        VideoFile.update(device=VideoFile.device + 1).where(VideoFile.id == one).execute()
    os.rename(known.root / "a/one.mkv", known.root / "a/renamed.mkv")
    known.be_quiet()
    assert known.row("a/renamed.mkv").id != one
    assert known.row("a/one.mkv").state == "missing"


def test_a_copy_with_the_same_inode_on_another_device_was_not_moved(known: World) -> None:
    status = os.stat(known.root / "a/one.mkv")
    os.unlink(known.root / "a/one.mkv")
    same = {name: getattr(status, name) for name in ("st_size", "st_mtime_ns", "st_ctime_ns", "st_ino", "st_nlink")}
    on_device = {
        device: SeenFile("copy.mkv", "", cast("Any", SimpleNamespace(**same, st_dev=device)))
        for device in (status.st_dev, status.st_dev + 1)
    }
    plans = {device: moves_of(known, seen) for device, seen in on_device.items()}
    assert [len(plan.relocations) for plan in plans.values()] == [1, 0]


def test_a_plan_that_somebody_was_faster_than_changes_nothing(known: World) -> None:
    os.rename(known.root / "a/one.mkv", known.root / "a/three.mkv")
    seen = SeenFile("three.mkv", "a", os.stat(known.root / "a/three.mkv"))
    plan = moves_of(known, seen)
    decide(known.row("a/one.mkv").id, "Decided")
    with writing():
        assert not video_files.relocate(plan.relocations, plan.evicted, NOW_MS)
    assert known.states() == {"a/one.mkv": "present", "a/two.mkv": "present"}


def test_a_plan_that_somebody_was_faster_than_is_made_again(known: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user, or a worker, writes to the row between the plan and its commit, and no event calls for another scan."""
    file_id = known.row("a/one.mkv").id
    gather = MoveFinder.gather
    overtaken: list[MoveEvidence] = []

    def gather_and_decide(finder: MoveFinder, new_files: Sequence[NewFile], in_place: Collection[int]) -> MoveEvidence:
        evidence = gather(finder, new_files, in_place)
        if evidence.vacated and not overtaken:
            overtaken.append(evidence)
            decide(file_id, "Decided")
        return evidence

    monkeypatch.setattr(MoveFinder, "gather", gather_and_decide)
    (known.root / "b").mkdir()
    os.rename(known.root / "a/one.mkv", known.root / "b/one.mkv")
    for folder in ("b", "a"):  # the two events
        known.look(Hint(relative=folder, is_recursive=False))
    for _ in range(5):
        known.wait(60)  # all that is due by itself
    assert len(overtaken) == 1
    row = VideoFile.get_by_id(file_id)
    assert (row.path, row.state, row.decided_by) == ("b/one.mkv", "present", "user")


def test_a_link_to_where_its_folder_went_does_not_keep_a_file_at_its_old_place(known: World) -> None:
    ids = {known.row("a/one.mkv").id, known.row("a/two.mkv").id}
    os.rename(known.root / "a", known.root / "b")
    (known.root / "a").symlink_to("b")
    known.be_quiet()
    assert known.states() == {"b/one.mkv": "present", "b/two.mkv": "present"}
    assert {known.row(path).id for path in known.states()} == ids


def test_a_file_moves_from_one_library_to_another(worlds: tuple[World, World]) -> None:
    first, second = worlds
    first.write("one.mkv")
    first.be_quiet()
    first.finish()
    row = first.row("one.mkv")
    os.rename(first.root / "one.mkv", second.root / "one.mkv")
    second.look()
    first.look()
    after = VideoFile.get()
    assert (facts(after), after.library_id, after.state) == (facts(row), second.library_id, "present")
    assert history.of_file(row.id)[0]["path_before"] == "/disks/First/one.mkv"


def test_a_library_that_cannot_be_looked_at_loses_nothing_to_another(worlds: tuple[World, World]) -> None:
    first, second = worlds
    first.write("one.mkv")
    first.be_quiet()
    first.finish()
    os.rename(first.root / "one.mkv", second.root / "one.mkv")
    first.root.rename(first.root.with_name("away"))
    second.be_quiet()
    rows = {(row.library_id, row.state) for row in VideoFile.select()}
    assert rows == {(first.library_id, "present"), (second.library_id, "present")}


def test_a_missing_file_is_known_again_elsewhere_also_while_its_library_is_away(worlds: tuple[World, World]) -> None:
    """It was seen to be gone while its library could be read."""
    first, second = worlds
    film = first.write("a/one.mkv")
    first.be_quiet()
    first.finish()
    before = first.row("a/one.mkv")
    film.rename(first.root.with_name("aside.mkv"))
    first.look_twice()
    assert first.states() == {"a/one.mkv": "missing"}
    first.root.rename(first.root.with_name("away"))
    first.root.with_name("aside.mkv").rename(second.root / "two.mkv")
    second.look()
    assert facts(second.row("two.mkv")) == facts(before)
    assert second.row("two.mkv").library_id == second.library_id
    assert VideoFile.select().count() == 1


def test_of_two_links_each_keeps_the_row_of_its_name(known: World) -> None:
    os.link(known.root / "a/one.mkv", known.root / "a/link.mkv")
    known.be_quiet()
    known.finish()
    ids = {name: known.row(f"a/{name}.mkv").id for name in ("one", "two", "link")}
    os.rename(known.root / "a", known.root / "b")
    known.be_quiet()
    assert {name: known.row(f"b/{name}.mkv").id for name in ids} == ids


# --- renames over a known file ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("is_there_decided", "is_coming_decided"), list(itertools.product([False, True], [False, True]))
)
def test_a_file_renamed_over_another_takes_its_row_and_no_decision_is_lost(
    known: World, is_there_decided: bool, is_coming_decided: bool
) -> None:
    """A file renamed over another takes its row along and no decision is lost or applied to other
    content.
    """
    there, coming = known.row("a/one.mkv").id, known.row("a/two.mkv").id
    if is_there_decided:
        decide(there, "There")
    if is_coming_decided:
        decide(coming, "Coming")
    before = {row.id: facts(row) for row in VideoFile.select()}
    os.replace(known.root / "a/two.mkv", known.root / "a/one.mkv")
    known.be_quiet()
    row = known.row("a/one.mkv")
    gone = VideoFile.get(VideoFile.state == "missing")
    assert (facts(row), facts(gone)) == (before[coming], before[there])
    assert known.jobs() == {"a/one.mkv": "name"}
    assert (events(there), events(coming)) == (["missing"], ["moved"])
    (shown,) = [row for row in listed.list_files() if row["id"] == there]
    assert shown["path"] == "/disks/First/a/one.mkv"


def test_a_file_whose_place_was_taken_is_known_again_where_it_comes_back(known: World, tmp_path: Path) -> None:
    one = known.row("a/one.mkv").id
    os.rename(known.root / "a/one.mkv", tmp_path / "aside")
    os.rename(known.root / "a/two.mkv", known.root / "a/one.mkv")
    known.be_quiet()
    os.rename(tmp_path / "aside", known.root / "back.mkv")
    known.be_quiet()
    assert known.row("back.mkv").id == one
    assert set(known.states().values()) == {"present"}


@pytest.mark.parametrize("is_decided", [False, True])
def test_a_renamed_file_keeps_its_row_though_a_missing_one_had_its_inode(known: World, is_decided: bool) -> None:
    """A renamed file keeps its row though a missing one of that name had its inode.

    Another file occupies the path of one of two hard links; the other link is renamed to that
    name.
    """
    os.link(known.root / "a/one.mkv", known.root / "a/link.mkv")
    known.be_quiet()
    known.finish()
    one, link = known.row("a/one.mkv").id, known.row("a/link.mkv").id
    if is_decided:
        decide(one, "Decided")
    os.rename(known.root / "a/two.mkv", known.root / "a/link.mkv")
    known.be_quiet()
    assert VideoFile.get_by_id(link).state == "missing"
    (known.root / "b").mkdir()
    os.rename(known.root / "a/one.mkv", known.root / "b/link.mkv")
    known.be_quiet()
    assert known.row("b/link.mkv").id == one
    assert VideoFile.get_by_id(link).state == "missing"


def test_a_missing_row_with_a_decision_gets_its_content_from_one_without(known: World) -> None:
    os.link(known.root / "a/one.mkv", known.root / "a/link.mkv")
    known.be_quiet()
    known.finish()
    link = known.row("a/link.mkv").id
    decide(link, "Decided")
    os.rename(known.root / "a/two.mkv", known.root / "a/link.mkv")
    known.be_quiet()
    os.rename(known.root / "a/one.mkv", known.root / "a/new.mkv")
    known.be_quiet()
    assert known.row("a/new.mkv").id == link


@pytest.mark.parametrize("name", ["b/one.mkv", "b/three.mkv"])
def test_of_two_missing_rows_of_one_file_the_later_one_gets_it_back(known: World, tmp_path: Path, name: str) -> None:
    """It has two where it was moved out of a folder that could not be read, which has no such file now."""
    first = known.row("a/one.mkv").id
    os.rename(known.root / "a/one.mkv", tmp_path / "aside")
    known.be_quiet()
    assert VideoFile.get_by_id(first).state == "missing"
    (known.root / "b").mkdir()
    os.rename(tmp_path / "aside", known.root / "b/three.mkv")
    with writing():  # as if nothing had told that the file was gone from its old folder
        database.execute_sql("UPDATE video_files SET inode = inode + 1000000 WHERE id = ?", (first,))
    known.be_quiet()
    known.finish()
    later = known.row("b/three.mkv")
    assert later.id != first
    with writing():
        database.execute_sql("UPDATE video_files SET inode = ? WHERE id = ?", (later.inode, first))
    os.rename(known.root / "b/three.mkv", tmp_path / "aside")
    known.be_quiet()
    assert VideoFile.get_by_id(later.id).state == "missing"
    os.rename(tmp_path / "aside", known.root / name)
    known.be_quiet()
    assert known.row(name).id == later.id
    assert VideoFile.get_by_id(first).state == "missing"


# --- only the ctime changed ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tools() -> Iterator[StageContext]:
    with open_stage_context(Config(source=None, libraries=(), database_path=""), threading.Event()) as opened:
        yield opened


def runner_in(world: World, tools: StageContext, disk_health: DiskHealth | None = None) -> Runner:
    """Run one of the real stages. Jobs that are due within a minute count as due."""
    # The rows of libraries in tests lead elsewhere.
    with writing():
        database.execute_sql("UPDATE libraries SET path = ? WHERE id = ?", (str(world.root), world.library_id))
    return Runner(
        stages=STAGES,
        tools=tools,
        now_ms=lambda: world.now_ms() + 60_000,
        pause=lambda _seconds: None,
        rescan_directory=lambda _path: None,
        disk_health=disk_health or DiskHealth(),
    )


def work(world: World, tools: StageContext, lanes: Sequence[Lane] = LANES) -> None:
    """All that is queued in these lanes, and all that will be due within a minute, by the real stages."""
    runner = runner_in(world, tools)
    while any(runner.step(lane) for lane in lanes):
        pass


def hash_of(path: Path) -> str:
    stamp = FileStamp.of(path.stat())
    return full_hash(str(path), stamp, on_progress=lambda _count: None, should_stop=lambda: False)


@pytest.fixture
def film(world: World, tools: StageContext) -> Path:
    """One film of some MiB that went through all stages."""
    path = make_video(world.root / "Heat (1995).mkv", seed=1, padding_bytes=5 << 20)
    world.be_quiet()
    work(world, tools)
    return path


@pytest.mark.parametrize("offset", [100, 3 << 20], ids=["in its head", "in its middle"])
def test_a_rewrite_in_place_that_puts_the_time_back_is_found(
    world: World, film: Path, tools: StageContext, offset: int
) -> None:
    """I8. The hash that was stored stays visible until it is known to be false."""
    status, before = film.stat(), VideoFile.get()
    with open(film, "r+b") as file:
        file.seek(offset)
        file.write(b"rewritten")
    os.utime(film, ns=(status.st_atime_ns, status.st_mtime_ns))
    world.be_quiet()
    assert VideoFile.get().file_hash == before.file_hash
    work(world, tools)
    after = VideoFile.get()
    assert after.id == before.id
    assert after.file_hash == hash_of(film) != before.file_hash
    assert (after.is_in_doubt, JobRow.select().count()) == (False, 0)
    (link,) = history.of_file(after.id)
    assert link["event"] == "changed"
    assert before.file_hash in link["evidence"][1] or before.fingerprint in link["evidence"][1]


def test_what_a_rewrite_in_the_middle_made_doubtful_is_read_anew(world: World, film: Path, tools: StageContext) -> None:
    """Only the hash finds it, which comes last; the headers that it contradicts are read before it."""
    status, before = film.stat(), VideoFile.get()
    with open(film, "r+b") as file:
        file.seek(3 << 20)
        file.write(b"rewritten")
    os.utime(film, ns=(status.st_atime_ns, status.st_mtime_ns))
    for _ in range(2):
        world.be_quiet()
        work(world, tools)
    after = VideoFile.get()
    assert JobRow.select().count() == 0
    assert after.file_hash == hash_of(film) != before.file_hash
    assert after.container == before.container is not None


def test_a_right_that_changed_is_no_change_of_the_file(world: World, film: Path, tools: StageContext) -> None:
    before = VideoFile.get()
    film.chmod(0o600)
    world.be_quiet()
    assert views.file_details(before.id)["is_in_doubt"]  # type: ignore[index]
    work(world, tools)
    after = VideoFile.get()
    assert (facts(after), after.is_in_doubt) == (facts(before), False)
    assert events(after.id) == []
    world.be_quiet()
    assert world.jobs() == {}


def test_a_file_in_doubt_that_is_moved_or_missing_stays_in_doubt_until_it_is_read(
    world: World, film: Path, tools: StageContext, tmp_path: Path
) -> None:
    film.chmod(0o600)
    world.look()
    os.rename(film, tmp_path / "aside")
    world.look_twice()
    assert world.jobs() == {}
    os.rename(tmp_path / "aside", world.root / "Heat.mkv")
    world.look()
    assert world.jobs() == {"Heat.mkv": "name"}
    assert not video_files.file_record(VideoFile.get().id).has_full_hash


# --- copied and deleted ----------------------------------------------------------------------------------


@pytest.fixture
def other(worlds: tuple[World, World]) -> World:
    return worlds[1]


def _copy(film: Path, to: World, name: str = "copy (1995).mkv") -> None:
    shutil.copyfile(film, to.root / name)


def _take(world: World, tools: StageContext) -> None:
    world.be_quiet()
    work(world, tools)


def test_a_copy_takes_the_place_of_a_file_that_was_touched_just_before_it_went(
    world: World, other: World, film: Path, tools: StageContext
) -> None:
    """Renamed, then moved to another disk: its hash was in doubt when it went, and the copy has it."""
    before = VideoFile.get()
    decide(before.id, "Decided")
    renamed = film.with_name("Renamed.mkv")
    film.rename(renamed)
    world.look()
    _copy(renamed, other)
    renamed.unlink()
    world.look_twice()
    assert VideoFile.get().is_in_doubt
    _take(other, tools)
    after = VideoFile.get()
    assert (after.id, after.path, after.is_in_doubt) == (before.id, "copy (1995).mkv", False)
    assert after.decided_by == "user"


@pytest.mark.parametrize("is_copy_seen_first", [False, True])
@pytest.mark.parametrize("is_decided", [False, True])
def test_a_copy_takes_the_place_of_the_file_that_is_gone(
    world: World, other: World, film: Path, tools: StageContext, is_copy_seen_first: bool, is_decided: bool
) -> None:
    before = VideoFile.get()
    if is_decided:
        decide(before.id, "Decided")
        before = VideoFile.get()
    _copy(film, other)
    if is_copy_seen_first:
        _take(other, tools)
        assert VideoFile.select().where(VideoFile.state == "present").count() == 2
        film.unlink()
        world.look_twice()
    else:
        film.unlink()
        world.look_twice()
        other.be_quiet()
    work(other, tools)
    after = VideoFile.get()
    assert VideoFile.select().count() == 1
    assert (after.id, after.state, after.library_id) == (before.id, "present", other.library_id)
    assert (after.path, after.file_hash, after.missing_since) == ("copy (1995).mkv", before.file_hash, None)
    assert (after.decided_by == "user") == is_decided
    title = "Decided" if is_decided else "copy"
    assert (after.movie.title if after.movie else title) == title
    assert events(after.id) == ["missing", "paired"]
    assert JobRow.select().count() == 0
    other.be_quiet()
    work(other, tools)
    assert VideoFile.get().id == before.id


def test_a_question_about_the_copy_keeps_its_number_and_is_one_about_the_old_file(
    world: World, other: World, film: Path, tools: StageContext
) -> None:
    before = VideoFile.get().id
    decide(before, "Decided")
    _copy(film, other, "thing.mkv")
    _take(other, tools)
    (pending,) = [row for row in views.list_pending() if row["file"]["path"].endswith("thing.mkv")]
    question = assignments.open_validation(pending["id"], 0)
    film.unlink()
    world.look_twice()
    work(other, tools)
    assert PendingValidation.get_by_id(question).video_file_id == before
    assert not assignments.is_open(question)


def test_what_was_taken_from_the_copy_comes_back_with_the_old_file(
    world: World, other: World, film: Path, tools: StageContext
) -> None:
    before = VideoFile.get().id
    _copy(film, other)
    _take(other, tools)
    copy = VideoFile.get(VideoFile.library == other.library_id)
    with writing():
        assignments.store_verdict(copy.id, Uncertain(reason="a doubt", candidates=()), title_key, world.now_ms())
    film.unlink()
    world.look_twice()
    work(other, tools)
    assert (VideoFile.get().id, VideoFile.select().count()) == (before, 1)
    with writing():
        (entry,) = [each for each in Trash.select() if each.entity_metadata["title"] == "copy"]
        assert list(assignments.restore(entry.id, world.now_ms()).file_ids) == [before]


def _decide_the_copy(_world: World, other: World, tools: StageContext) -> None:
    _take(other, tools)
    decide(VideoFile.get(VideoFile.library == other.library_id).id, "The copy")


def _wait_for_long(world: World, other: World, tools: StageContext) -> None:
    _take(other, tools)
    world.advance_s += 8 * DAY_S


def _ignore_the_copy(_world: World, other: World, _tools: StageContext) -> None:
    other.restart(ignore_patterns=("copy*",))


def _change_the_copy(_world: World, other: World, tools: StageContext) -> None:
    _take(other, tools)
    with open(other.root / "copy (1995).mkv", "ab") as file:
        file.write(b"more")


def _give_up_its_library(_world: World, other: World, tools: StageContext) -> None:
    """That library is not scanned any more: a file that came there would be present for ever."""
    _take(other, tools)
    with writing():
        Library.update(state="removed").where(Library.id == other.library_id).execute()


@pytest.mark.parametrize(
    "happen", [_decide_the_copy, _wait_for_long, _ignore_the_copy, _change_the_copy, _give_up_its_library]
)
def test_a_copy_that_is_a_file_of_its_own_stays_one(
    world: World, other: World, film: Path, tools: StageContext, happen: Any
) -> None:
    before = VideoFile.get().id
    _copy(film, other)
    happen(world, other, tools)
    film.unlink()
    world.look_twice()
    other.be_quiet()
    work(other, tools)
    assert VideoFile.get_by_id(before).state == "missing"
    assert VideoFile.get(VideoFile.library == other.library_id).state == "present"


def test_a_file_does_not_become_a_copy_of_it_that_has_gone(
    world: World, other: World, film: Path, tools: StageContext
) -> None:
    before = VideoFile.get().id
    _copy(film, other)
    _take(other, tools)
    (other.root / "copy (1995).mkv").unlink()
    other.look_twice()
    world.be_quiet()
    work(world, tools)
    assert world.row(film.name).id == before
    assert VideoFile.select().count() == 2


def test_a_copy_is_not_what_the_rules_left_alone(world: World, other: World, film: Path, tools: StageContext) -> None:
    before = VideoFile.get().id
    world.restart(ignore_patterns=("Heat*",))
    world.be_quiet()
    _copy(film, other)
    film.unlink()
    world.look_twice()
    _take(other, tools)
    assert VideoFile.get_by_id(before).state == "missing"
    assert VideoFile.get(VideoFile.state == "present").id != before


def test_two_files_with_one_content_are_two_files(world: World, other: World, film: Path, tools: StageContext) -> None:
    _copy(film, other)
    _take(other, tools)
    world.be_quiet()
    work(world, tools)
    assert sorted(row.state for row in VideoFile.select()) == ["present", "present"]


def test_a_file_that_is_renamed_by_a_link_and_a_removal_keeps_its_row(
    world: World, film: Path, tools: StageContext
) -> None:
    before = VideoFile.get().id
    os.link(film, world.root / "link.mkv")
    _take(world, tools)
    film.unlink()
    world.look_twice()
    work(world, tools)
    assert world.states() == {"link.mkv": "present"}
    assert VideoFile.get().id == before


@pytest.mark.parametrize("name", ["Alien (1979).mkv", "Show S01E02.mkv", "thing.mkv"])
@pytest.mark.parametrize("come_back", [shutil.move, shutil.copyfile], ids=["with its inode", "as a copy"])
@pytest.mark.parametrize("is_overwritten", [False, True], ids=["gone", "overwritten"])
@pytest.mark.parametrize("is_decided", [False, True], ids=["undecided", "decided"])
def test_a_file_that_another_known_one_replaced_in_disguise_keeps_its_row(
    worlds: tuple[World, World],
    film: Path,
    tools: StageContext,
    tmp_path: Path,
    name: str,
    come_back: Callable[[Path, Path], object],
    is_overwritten: bool,
    is_decided: bool,
) -> None:
    """The copy of a film that is gone comes to the path of another file: for a while, its content is unknown."""
    world, other = worlds
    place = make_video(other.root / name, seed=2)
    _take(other, tools)
    first, second = VideoFile.get(VideoFile.filename == film.name), VideoFile.get(VideoFile.filename == name)
    if is_decided:
        decide(first.id, "Decided")
    aside = tmp_path / "aside"
    place.rename(aside)
    if not is_overwritten:
        other.look_twice()
    shutil.copyfile(film, place)
    film.unlink()
    world.look_twice()
    _take(other, tools)
    assert other.row(name).id == first.id
    assert (other.row(name).file_hash, other.row(name).decided_by == "user") == (first.file_hash, is_decided)
    gone = VideoFile.get_by_id(second.id)
    assert (gone.state, gone.file_hash, gone.size_bytes) == ("missing", second.file_hash, second.size_bytes)
    assert events(gone.id)[-2:] == ["replaced", "missing"]
    come_back(aside, world.root / "back.mkv")
    _take(world, tools)
    back = world.row("back.mkv")
    assert (back.id, back.file_hash, back.duration_ms) == (second.id, second.file_hash, second.duration_ms)
    assert VideoFile.select().where(VideoFile.state == "present").count() == 2
    assert {row["file"]["id"] for row in views.list_pending()} == {
        row.id for row in VideoFile.select().where(VideoFile.verdict == "pending")
    }
    assert JobRow.select().count() == 0


@dataclass
class Disguise:
    """A film of the first library, and another file in the second, to whose place a copy of the film comes."""

    first: World
    second: World
    film: Path
    place: Path
    aside: Path
    tools: StageContext

    def __post_init__(self) -> None:
        self.film_id = self.first.row(self.film.name).id
        self.other_id = self.second.row(self.place.name).id

    def copy_comes(self, source: Path | None = None) -> None:
        """Under another name first, as programs do that copy: the inode is a new one."""
        part = self.place.with_suffix(".part")
        shutil.copyfile(source or self.film, part)
        part.rename(self.place)
        _take(self.second, self.tools)

    def film_goes(self) -> None:
        self.film.unlink()
        self.first.look_twice()
        _take(self.second, self.tools)

    def other_is_back_as(self) -> Any:
        self.aside.rename(self.first.root / "back.mkv")
        _take(self.first, self.tools)
        return self.first.row("back.mkv")


def _move_to_the_other_disk(source: Path, target: Path, first: World, second: World, tools: StageContext) -> None:
    """A copy, under another name first, and a deletion."""
    part = target.with_suffix(".part")
    shutil.copyfile(source, part)
    part.rename(target)
    source.unlink()
    for _ in range(2):
        second.be_quiet()
        first.look_twice()
        work(second, tools)
    work(second, tools)


def test_a_row_keeps_its_decision_over_many_moves_from_disk_to_disk(
    worlds: tuple[World, World], film: Path, tools: StageContext
) -> None:
    first, second = worlds
    before = VideoFile.get().id
    decide(before, "Decided")
    place = film
    for here, there, name in [
        (first, second, "b"),
        (second, first, "c"),
        (first, second, "b"),
        (second, first, "Heat"),
    ]:
        target = there.root / f"{name}.mkv"
        _move_to_the_other_disk(place, target, here, there, tools)
        place = target
        (row,) = VideoFile.select().where(VideoFile.state == "present")
        assert (row.id, row.path, row.decided_by) == (before, place.name, "user")


@pytest.mark.parametrize("came", ["by a rename", "from another disk"])
def test_a_better_version_that_is_moved_over_a_file_keeps_its_row(
    worlds: tuple[World, World], film: Path, tools: StageContext, came: str
) -> None:
    """A better version that is moved over a file keeps its row however that one had come."""
    downloads, archive = worlds
    place = archive.root / "thing.mkv"
    if came == "by a rename":
        film.rename(place)
        downloads.look_twice()
        _take(archive, tools)
    else:
        _move_to_the_other_disk(film, place, downloads, archive, tools)
    first = VideoFile.get()
    downloads.advance_s = 86_400.0
    better = make_video(downloads.root / "better.mkv", seed=7, padding_bytes=1 << 20)
    _take(downloads, tools)
    second = VideoFile.get(VideoFile.path == "better.mkv")
    decide(second.id, "Decided")
    downloads.advance_s = archive.advance_s = 2 * 86_400.0
    _move_to_the_other_disk(better, place, downloads, archive, tools)
    (there,) = VideoFile.select().where(VideoFile.state == "present")
    assert (there.path, there.id, there.decided_by) == ("thing.mkv", second.id, "user")
    assert VideoFile.get_by_id(first.id).state == "missing"


@pytest.fixture
def disguise(worlds: tuple[World, World], film: Path, tools: StageContext, tmp_path: Path) -> Disguise:
    place = make_video(worlds[1].root / "Alien (1979).mkv", seed=2)
    _take(worlds[1], tools)
    return Disguise(*worlds, film, place, tmp_path / "aside", tools)


def _once(disguise: Disguise) -> None:
    disguise.copy_comes()


def _twice(disguise: Disguise) -> None:
    disguise.copy_comes()
    disguise.copy_comes()


def _in_pieces(disguise: Disguise) -> None:
    disguise.place.write_bytes(disguise.film.read_bytes()[:100_000])
    disguise.second.be_quiet()
    disguise.copy_comes()


def _to_the_freed_inode(disguise: Disguise) -> None:
    status = disguise.place.stat()
    disguise.place.rename(disguise.place.with_suffix(".part"))
    disguise.second.look_twice()
    shutil.copy2(disguise.place.with_suffix(".part"), disguise.aside)
    shutil.copyfile(disguise.film, disguise.place.with_suffix(".part"))
    disguise.place.with_suffix(".part").rename(disguise.place)
    assert disguise.place.stat().st_ino == status.st_ino
    _take(disguise.second, disguise.tools)


def _after_a_month(disguise: Disguise) -> None:
    disguise.first.advance_s = disguise.second.advance_s = 30 * DAY_S
    disguise.copy_comes()


@pytest.mark.parametrize("come", [_once, _twice, _in_pieces, _to_the_freed_inode, _after_a_month])
def test_however_the_copy_came_the_other_file_is_known_when_it_is_back(
    disguise: Disguise, come: Callable[[Disguise], None]
) -> None:
    decide(disguise.film_id, "Decided")
    before = VideoFile.get_by_id(disguise.other_id)
    if come is not _to_the_freed_inode:
        disguise.place.rename(disguise.aside)
        disguise.second.look_twice()
    come(disguise)
    disguise.film_goes()
    assert disguise.second.row(disguise.place.name).id == disguise.film_id
    gone = VideoFile.get_by_id(disguise.other_id)
    assert (gone.state, gone.file_hash, gone.changed_at) == ("missing", before.file_hash, before.changed_at)
    if come is _to_the_freed_inode:
        shutil.copy2(disguise.aside, disguise.first.root / "back.mkv")
        _take(disguise.first, disguise.tools)
        assert disguise.first.row("back.mkv").id == disguise.other_id
    else:
        assert disguise.other_is_back_as().id == disguise.other_id


def test_it_is_so_also_where_the_other_file_was_known_before_the_film(
    worlds: tuple[World, World], tools: StageContext, tmp_path: Path
) -> None:
    first, second = worlds
    place = make_video(second.root / "Alien (1979).mkv", seed=2)
    _take(second, tools)
    film = make_video(first.root / "Heat (1995).mkv", seed=3)
    _take(first, tools)
    disguise = Disguise(first, second, film, place, tmp_path / "aside", tools)
    assert disguise.other_id < disguise.film_id
    decide(disguise.film_id, "Decided")
    place.rename(disguise.aside)
    second.look_twice()
    disguise.copy_comes()
    disguise.film_goes()
    assert (second.row(place.name).id, second.row(place.name).decided_by) == (disguise.film_id, "user")
    assert disguise.other_is_back_as().id == disguise.other_id


def test_a_copy_that_was_copied_again_leaves_no_file_that_never_was(disguise: Disguise) -> None:
    """The same bytes with another inode and time, in a place where nothing else ever was."""
    decide(disguise.film_id, "Decided")
    disguise.place = disguise.second.root / "copy (1995).mkv"
    _twice(disguise)
    disguise.film_goes()
    assert VideoFile.select().where(VideoFile.state == "missing").count() == 0
    back = disguise.first.root / disguise.place.name
    shutil.copyfile(disguise.place, back)
    _take(disguise.first, disguise.tools)
    disguise.place.unlink()
    disguise.second.look_twice()
    _take(disguise.first, disguise.tools)
    now = disguise.first.row(back.name)
    assert (now.id, now.decided_by) == (disguise.film_id, "user")


def test_a_file_that_was_back_before_has_one_row_and_keeps_its_decision(disguise: Disguise) -> None:
    disguise.place.rename(disguise.aside)
    disguise.second.look_twice()
    disguise.copy_comes()
    back = disguise.other_is_back_as()
    assert back.id != disguise.other_id
    decide(back.id, "Decided")
    disguise.film_goes()
    assert VideoFile.get_or_none(VideoFile.id == disguise.other_id) is None
    (disguise.first.root / "x").mkdir()
    (disguise.first.root / "back.mkv").rename(disguise.first.root / "x" / disguise.place.name)
    _take(disguise.first, disguise.tools)
    now = disguise.first.row(f"x/{disguise.place.name}")
    assert (now.id, now.decided_by) == (back.id, "user")


def test_a_file_is_missing_from_where_it_was_wherever_the_copy_went_since(disguise: Disguise) -> None:
    disguise.place.rename(disguise.aside)
    disguise.second.look_twice()
    since = VideoFile.get_by_id(disguise.other_id).missing_since
    disguise.copy_comes()
    disguise.place.rename(disguise.second.root / "Renamed (1995).mkv")
    _take(disguise.second, disguise.tools)
    disguise.film_goes()
    assert VideoFile.get_by_id(disguise.other_id).missing_since == since
    shown = views.file_details(disguise.other_id)
    assert shown is not None
    assert shown["path"] == str(disguise.second.root / "Alien (1979).mkv")
    last = shown["history"][-1]
    assert last["path"].endswith("Alien (1979).mkv")
    assert last["evidence"] == [
        f"what had its row since then turned out to be file {disguise.film_id}, which was known before"
    ]


def test_of_several_it_is_the_one_of_the_same_name_then_the_last_that_went(
    world: World, other: World, film: Path, tools: StageContext
) -> None:
    """Of several that it may be it is the one of the same name then the last that went."""
    for name in ("b.mkv", "copy (1995).mkv", "c.mkv"):
        _copy(film, world, name)
    _take(world, tools)
    ids = {row.path: row.id for row in VideoFile.select()}
    _copy(film, other)
    for name in ("b.mkv", "copy (1995).mkv", "c.mkv", film.name):
        world.advance_s += 60
        (world.root / name).unlink()
        world.look_twice()
    other.advance_s = world.advance_s
    _take(other, tools)
    assert VideoFile.get(VideoFile.library == other.library_id).id == ids["copy (1995).mkv"]
    _copy(other.root / "copy (1995).mkv", other, "d.mkv")
    _take(other, tools)
    assert VideoFile.get(VideoFile.path == "d.mkv").id == ids[film.name]
    # Once it has taken over a place, it is no new file that might be one of the others.
    os.rename(other.root / "copy (1995).mkv", other.root / "c.mkv")
    _take(other, tools)
    assert VideoFile.get(VideoFile.path == "c.mkv", VideoFile.state == "present").id == ids["copy (1995).mkv"]


def test_a_file_missing_for_a_moment_during_a_rename_takes_no_copys_place(
    world: World, other: World, film: Path, tools: StageContext
) -> None:
    """A file that is missing for a moment while it is renamed takes no copys place.

    Its old folder is scanned before its new one.
    """
    before = VideoFile.get().id
    _copy(film, other)
    _take(other, tools)
    (world.root / "new").mkdir()
    os.rename(film, world.root / "new" / film.name)
    world.look_twice(Hint(relative="", is_recursive=False))
    assert world.states()[film.name] == "missing"
    assert JobRow.get().due_at_ms == world.now_ms() + copies.PATIENCE_MS
    world.look(EVERYTHING)
    work(other, tools)
    assert world.row(f"new/{film.name}").id == before
    assert VideoFile.select().where(VideoFile.state == "present").count() == 2


def test_the_id_of_a_row_that_went_is_never_given_to_another_file(
    world: World, other: World, film: Path, tools: StageContext
) -> None:
    _copy(film, other)
    _take(other, tools)
    copy = VideoFile.get(VideoFile.library == other.library_id).id
    film.unlink()
    world.look_twice()
    work(other, tools)
    other.write("another.mkv")
    other.be_quiet()
    assert other.row("another.mkv").id > copy


# --- history ---------------------------------------------------------------------------------------------


def test_a_history_tells_what_happened_and_how_reeld_knows(known: World) -> None:
    one = known.row("a/one.mkv").id
    os.rename(known.root / "a/one.mkv", known.root / os.fsdecode(b"\xff.mkv"))
    known.be_quiet()
    path = known.root / os.fsdecode(b"\xff.mkv")
    aside = known.write("aside", "something else")  # while the old file is there: its inode must not be given again
    path.unlink()
    known.be_quiet()
    os.rename(aside, path)
    known.be_quiet()
    links = history.of_file(one)
    assert [link["event"] for link in links] == ["moved", "missing", "replaced"]
    assert links[0].keys() == {"happened_at", "event", "path", "path_before", "evidence"}
    assert links[0]["path_before"] == "/disks/First/a/one.mkv"
    assert links[1]["path"] == "/disks/First/" + os.fsdecode(b"\xff.mkv")
    assert all(link["evidence"] for link in links)
    assert views.file_details(one)["history"] == links  # type: ignore[index]


def test_a_history_keeps_what_happened_last(known: World) -> None:
    one = known.row("a/one.mkv").id
    with writing():
        for number in range(history.MOST_OF_A_FILE + 20):
            history.record(one, "moved", library_id=known.library_id, path=f"{number}.mkv", evidence=(), now_ms=NOW_MS)
    links = history.of_file(one)
    assert len(links) == history.MOST_OF_A_FILE
    assert links[-1]["path"] == "/disks/First/119.mkv"


def test_a_rewrite_that_a_rename_covers_up_is_found(world: World, film: Path, tools: StageContext) -> None:
    """I8. Both change the ctime, and only one of them was seen."""
    status, before = film.stat(), VideoFile.get()
    with open(film, "r+b") as file:
        file.write(b"\x1a\x45\xdf\xa3rewritten")
    os.utime(film, ns=(status.st_atime_ns, status.st_mtime_ns))
    renamed = film.rename(world.root / "Ronin (1998).mkv")
    world.be_quiet()
    work(world, tools)
    after = VideoFile.get()
    assert (after.id, after.path) == (before.id, renamed.name)
    assert after.file_hash == hash_of(renamed) != before.file_hash
    assert events(after.id) == ["moved", "changed"]


def test_a_file_missing_before_its_ends_were_compared_is_read_when_it_returns(known: World, tmp_path: Path) -> None:
    """A file that goes missing before its ends were compared is read when it returns.

    A rename covered up a rewrite, and the job that was to find it went with the file. Its folder
    alone was moved.
    """
    (known.root / "z").mkdir()
    renamed = known.root / "z/one.mkv"
    os.rename(known.root / "a/one.mkv", renamed)
    before = renamed.stat()
    renamed.write_text("ONE")
    os.utime(renamed, ns=(before.st_atime_ns, before.st_mtime_ns))
    known.look()
    assert known.jobs() == {"z/one.mkv": "name"}
    os.rename(known.root / "z", known.root / "y")
    known.look()
    assert known.jobs() == {"y/one.mkv": "name"}, "the folder's rename leaves that to be done"
    os.rename(known.root / "y", known.root / "z")
    known.look()
    os.rename(known.root / "z", tmp_path / "z")
    known.look_twice()
    assert known.jobs() == {}
    os.rename(tmp_path / "z", known.root / "z")
    known.look()
    assert known.states()["z/one.mkv"] == "present"
    assert known.jobs() == {"z/one.mkv": "name"}
    assert known.row("z/one.mkv").is_in_doubt


def test_what_is_unknown_in_a_known_files_place_waits_until_that_was_searched_for(known: World) -> None:
    """What is unknown in the place of a known file waits until that was searched for.

    Its own folder is scanned first, and the one that it was renamed to a quiet period later.
    """
    before = facts(known.row("a/one.mkv"))
    (known.root / "z").mkdir()
    os.rename(known.root / "a/one.mkv", known.root / "z/one.mkv")
    new_file = known.write("a/one.mkv", "of another film")
    os.utime(new_file, (1, 1))
    known.advance_s += 3600  # its last change is long past when it is first seen
    was_searched_for = False
    asked: list[bool] = []

    def on_evicted() -> Callable[[], bool]:
        asked.append(True)
        return lambda: was_searched_for

    known.folder_scanner = replace(known.folder_scanner, on_evicted=on_evicted)
    for _ in range(3):  # however long that takes: the other library's disk may be asleep
        known.look(Hint(relative="a", is_recursive=False))
        assert facts(known.row("a/one.mkv")) == before
        known.advance_s += 3600
        known.folder_scanner.new_files.settle_due()
    assert asked == [True], "no second search is asked for while the first runs"
    assert facts(known.row("a/one.mkv")) == before
    (wait,) = known.folder_scanner.new_files.settling.waiting()
    assert (
        wait.why == "all libraries are scanned first, because it, or the file that was at its path, may have been moved"
    )
    was_searched_for = True
    known.look(Hint(relative="z", is_recursive=False))
    known.be_quiet()
    assert facts(known.row("z/one.mkv")) == before
    assert known.row("a/one.mkv").id != before[0]


@pytest.mark.parametrize("is_decided", [False, True])
@pytest.mark.parametrize("target", ["a/one-renamed.mkv", "z/one.mkv"])
def test_what_is_too_small_in_the_place_of_a_known_file_does_not_take_its_row(
    known: World, target: str, is_decided: bool
) -> None:
    """A program leaves a placeholder where it moved a film away."""
    if is_decided:
        decide(known.row("a/one.mkv").id, "Decided")
    before = facts(known.row("a/one.mkv"))
    known.restart(minimum_size_bytes=2)
    (known.root / target).parent.mkdir(exist_ok=True)
    os.rename(known.root / "a/one.mkv", known.root / target)
    known.write("a/one.mkv", "")
    known.be_quiet()
    assert facts(known.row(target)) == before


def test_what_is_unknown_in_a_missing_files_place_waits_until_that_was_searched_for(
    worlds: tuple[World, World],
) -> None:
    """What is unknown in the place of a missing file waits until that was searched for.

    The other library has no events and is scanned each minute: here the file is missing before
    that.
    """
    first, second = worlds
    first.write("a/one.mkv", "one")
    first.write("a/two.mkv", "two")
    first.be_quiet()
    first.finish()
    decide(first.row("a/one.mkv").id, "Decided")
    before = facts(first.row("a/one.mkv"))
    second.look()
    os.rename(first.root / "a/one.mkv", second.root / "one.mkv")
    first.look_twice()
    assert first.row("a/one.mkv").state == "missing"

    def on_evicted() -> Callable[[], bool]:
        second.look()
        return lambda: True

    first.folder_scanner = replace(first.folder_scanner, on_evicted=on_evicted)
    first.write("a/one.mkv", "another film")
    first.be_quiet()
    second.be_quiet()
    assert facts(VideoFile.get(VideoFile.library == second.library_id)) == before
    assert first.row("a/one.mkv").id != before[0]


@pytest.mark.parametrize("step", range(8))
def test_a_file_whose_folder_is_renamed_while_it_is_walked_is_one_file(world: World, step: int) -> None:
    """It is seen under both names before the first is recorded, and takes over no row under the one that is free."""
    world.write("a/one.mkv", "of another film")
    world.be_quiet()
    world.finish()
    (world.root / "a/one.mkv").unlink()
    world.look_twice()
    gone = facts(world.row("a/one.mkv"))
    world.write("a/one.mkv", "one")
    (world.root / "z").mkdir()
    world.advance_s += 3600
    steps = itertools.count()

    def on_step() -> bool:
        if next(steps) == step:
            os.rename(world.root / "a", world.root / "z/a")
        return False

    world.look(on_step=on_step)
    world.be_quiet()
    mtime_ns = os.stat(next(world.root.rglob("one.mkv"))).st_mtime_ns  # an inode number may have been the other's
    assert VideoFile.select().where(VideoFile.mtime_ns == mtime_ns).count() == 1
    if VideoFile.select().count() > 1:
        assert facts(VideoFile.get_by_id(gone[0])) == gone


@dataclass
class Unasked:
    """A folder of the other library that cannot be read, and the search that is asked for."""

    folder: str = "a"
    is_dark: bool = True
    was_searched_for: bool = False
    wishes: int = 0

    def stand_between(self, world: World) -> None:
        look = world.folder_scanner.move_finder.stat_names

        def stat_names(library_id: int, directory: str, names: Collection[str]) -> Found | None:
            return None if self.is_dark and directory == self.folder else look(library_id, directory, names)

        move_finder = replace(world.folder_scanner.move_finder, stat_names=stat_names)
        world.folder_scanner = replace(world.folder_scanner, move_finder=move_finder, on_evicted=self._wish)

    def _wish(self) -> Callable[[], bool]:
        self.wishes += 1
        return lambda: self.was_searched_for


@pytest.fixture
def unasked(other: World) -> Unasked:
    """In the other library a film of that name is missing, and the user decided about it."""
    other.write("b/one.mkv", "of another film")
    other.be_quiet()
    other.finish()
    decide(VideoFile.get(VideoFile.path == "b/one.mkv").id, "Another")
    (other.root / "b/one.mkv").unlink()
    other.look_twice()
    unasked = Unasked()
    unasked.stand_between(other)
    return unasked


def test_what_may_be_a_file_whose_place_cannot_be_looked_at_now_is_not_taken_for_new(
    known: World, other: World, unasked: Unasked
) -> None:
    """A disk has just gone below the first library, which does not know yet what is left; that takes seconds."""
    gone = facts(VideoFile.get(VideoFile.library == other.library_id))
    decide(known.row("a/one.mkv").id, "Decided")
    mine = facts(known.row("a/one.mkv"))
    os.rename(known.root / "a/one.mkv", other.root / "b/one.mkv")
    other.advance_s += 3600
    for _ in range(3):
        other.look()
        other.wait(3600)
    assert unasked.wishes == 1
    assert facts(VideoFile.get(VideoFile.library == other.library_id)) == gone
    unasked.is_dark, unasked.was_searched_for = False, True
    other.wait(3600)
    assert len(other.folder_scanner.new_files.settling) == 0
    there = VideoFile.get(VideoFile.library == other.library_id, VideoFile.state == "present")
    assert facts(there) == mine
    assert there.path == "b/one.mkv"
    assert facts(VideoFile.get_by_id(gone[0])) == gone


@pytest.mark.parametrize("is_answered", [False, True])
def test_what_is_none_of_those_files_is_new_after_one_search(
    known: World, other: World, unasked: Unasked, is_answered: bool
) -> None:
    """What is none of those files or may never be asked about is new after one search.

    A hard link of a file that is still there; or a library that stays away, or is not configured
    any more.
    """
    mine, before = facts(known.row("a/one.mkv")), {row.id for row in VideoFile.select()}
    os.link(known.root / "a/one.mkv", other.root / "link.mkv")
    other.look()
    other.wait()
    assert {row.id for row in VideoFile.select()} == before
    unasked.is_dark, unasked.was_searched_for = not is_answered, True
    other.wait(3600)
    assert unasked.wishes == 1
    assert len(other.folder_scanner.new_files.settling) == 0
    assert known.row("link.mkv").id not in before
    assert facts(known.row("a/one.mkv")) == mine
    other.be_quiet()
    assert unasked.wishes == 1, "once the file is known, no search is asked for"


def test_another_file_in_the_place_of_one_that_waits_for_a_search_waits_for_its_own(
    known: World, other: World, unasked: Unasked
) -> None:
    os.rename(known.root / "a/one.mkv", other.root / "b/one.mkv")
    other.look()
    os.rename(known.root / "a/two.mkv", other.root / "b/one.mkv")
    other.look()
    assert unasked.wishes == 2


class _ExchangingChecks:
    """Two folders swap their names after the listing and before the first check of this kind."""

    def __init__(self, one: Path, other: Path, *, at: str) -> None:
        self.folders: tuple[Path, Path] | None = (one, other)
        self._at = at

    def ask_of_listed(self, folder: str, files: Any) -> Any:
        return CompletenessChecks().ask_of_listed(folder, files) if self._swapped("together") else None

    def ask(self, path: str) -> Any:
        self._swapped("alone")
        return CompletenessChecks().ask(path)

    def _swapped(self, now: str) -> bool:
        if now == self._at and self.folders is not None:
            exchange(*self.folders)
            self.folders = None
        return now == self._at


@pytest.mark.parametrize("at", ["together", "alone"])
def test_a_known_file_in_the_place_of_a_new_one_that_is_asked_about_keeps_its_row(known: World, at: str) -> None:
    """A known file that comes to the place of a new one while that is asked about keeps its row."""
    before = {path: known.row(path).id for path in ("a/one.mkv", "a/two.mkv")}
    known.write("b/one.mkv", "another one")
    known.advance_s += 600
    completeness_checks = _ExchangingChecks(known.root / "a", known.root / "b", at=at)
    known.folder_scanner.new_files.completeness_checks = cast("Any", completeness_checks)
    known.look()
    assert completeness_checks.folders is None
    known.be_quiet()
    assert {path: known.row(path).id for path in ("b/one.mkv", "b/two.mkv")} == {
        "b/one.mkv": before["a/one.mkv"],
        "b/two.mkv": before["a/two.mkv"],
    }
    assert known.row("a/one.mkv").id not in before.values()


def test_a_known_file_in_the_place_of_a_new_one_that_waits_keeps_its_row(known: World) -> None:
    """A known file that comes to the place of a new one while that waits keeps its row.

    Without events, there is no scan before the new file's second sample, which then shows another
    inode.
    """
    decide(known.row("a/one.mkv").id, "Decided")
    before = facts(known.row("a/one.mkv"))
    new_file = known.write_just_now("b/one.mkv", "another one")
    known.look()
    assert "b/one.mkv" in known.folder_scanner.new_files.settling
    os.rename(known.root / "a/one.mkv", new_file)
    for _ in range(4):
        known.advance_s += QUIET_S + 1
        known.folder_scanner.new_files.settle_due()
    known.be_quiet()
    assert facts(VideoFile.get(VideoFile.path == "b/one.mkv", VideoFile.state == "present")) == before


def test_a_copy_that_goes_with_its_original_is_no_work_any_more(
    world: World, film: Path, tools: StageContext, other: World
) -> None:
    _copy(film, world)
    _take(world, tools)
    for path in (film, world.root / "copy (1995).mkv"):
        path.unlink()
    world.look_twice()
    assert set(world.states().values()) == {"missing"}
    assert JobRow.select().count() == 0


def test_a_folder_exchanged_with_one_that_is_closed_has_its_files_known(known: World) -> None:
    """A folder that was exchanged with one that may not be entered has its files known.

    Whether the old place still holds them cannot be asked; but neither rename nor link of theirs
    changed a ctime.
    """
    known.write("b/one.mkv", "two")
    known.be_quiet()
    known.finish()
    decide(known.row("b/one.mkv").id, "Decided")
    mine, other = facts(known.row("a/one.mkv")), facts(known.row("b/one.mkv"))
    exchange(known.root / "a", known.root / "b")

    def stat_names(library_id: int, directory: str, names: Collection[str]) -> Found | None:
        return None if directory == "a" else look(library_id, directory, names)

    look = known.folder_scanner.move_finder.stat_names
    known.folder_scanner = replace(
        known.folder_scanner, move_finder=replace(known.folder_scanner.move_finder, stat_names=stat_names)
    )
    known.look(Hint(relative="b", is_recursive=False))
    known.wait()
    assert facts(known.row("b/one.mkv")) == mine
    known.be_quiet()
    assert facts(known.row("a/one.mkv")) == other


# --- names that the rules ignore -------------------------------------------------------------------------


def _rotate(root: Path, *names: str) -> None:
    """Give each file the next one's name, and the last one the first one's."""
    os.rename(root / names[-1], root / "aside.tmp")
    for name, target in reversed(list(itertools.pairwise(names))):
        os.rename(root / name, root / target)
    os.rename(root / "aside.tmp", root / names[0])


@pytest.mark.parametrize("first_listed", ["a", "b"])
@pytest.mark.parametrize(
    "names",
    [
        ("b/film.mkv", "a/ignored.mkv"),
        ("b/film.mkv", "a/.hidden.mkv"),
        ("b/film.mkv", "a/ignored.mkv", "b/other.mkv"),
        ("b/film.mkv", "b/other.mkv", "a/.hidden.mkv"),
        ("b/film.mkv", "a/.hidden.mkv", "a/ignored.mkv"),
    ],
    ids=" ".join,
)
def test_a_decision_stays_with_its_bytes_when_ignored_names_are_swapped(
    world: World, names: Sequence[str], first_listed: str
) -> None:
    for name in ("b/film.mkv", "b/other.mkv", "a/ignored.mkv", "a/.hidden.mkv"):
        world.write(name, name)
    world.be_quiet()
    world.finish()
    for name in ("b/film.mkv", "b/other.mkv"):
        decide(world.row(name).id, name)
    world.restart(ignore_patterns=("ignored*",))
    world.be_quiet()
    decided = {row.inode: row.movie_id for row in VideoFile.select() if row.decided_by == "user"}

    def now() -> dict[int, int]:
        """The film of each present file with a decision, by its inode on the disk."""
        present = VideoFile.select().where(VideoFile.state == "present", VideoFile.decided_by == "user")
        return {(world.root / row.path).lstat().st_ino: row.movie_id for row in present}

    for rotated in (names, names):
        _rotate(world.root, *rotated)
        world.look(Hint(relative=first_listed, is_recursive=False))
        world.be_quiet()
        assert now() == decided
    free = "b/free.mkv"
    film = next(name for name in names if (world.root / name).lstat().st_ino == min(decided))
    os.rename(world.root / film, world.root / free)
    world.be_quiet()
    assert now() == decided


def test_a_file_without_a_decision_that_takes_an_ignored_name_is_ignored(world: World) -> None:
    """It is ignored in the scan that sees the exchange, also where a file with a decision had that name until then."""
    film, other, ignored = world.write("film.mkv", "decided"), world.write("other.mkv"), world.root / "ignored.mkv"
    world.be_quiet()
    world.finish()
    decide(world.row("film.mkv").id, "Decided")
    world.restart(ignore_patterns=("ignored*",))
    film.rename(ignored)
    world.be_quiet()
    exchange(ignored, other)
    world.look()
    known, decided = world.row("ignored.mkv"), world.row("other.mkv")
    assert (known.verdict, known.decided_by, known.movie_id) == ("ignored", "rules", None)
    assert (decided.verdict, decided.decided_by) == ("accepted", "user")
    exchange(ignored, other)
    world.be_quiet()
    assert (world.row("other.mkv").decided_by, world.row("ignored.mkv").decided_by) == (None, "user")


@pytest.mark.parametrize("hidden", ["skipped/film.mkv", "b/film.mkv.old", ".trash/deep/film"])
@pytest.mark.parametrize("is_swapped", [True, False])
def test_a_decision_stays_with_bytes_that_went_to_a_name_that_is_not_listed(
    world: World, hidden: str, is_swapped: bool
) -> None:
    film, other = world.write("b/film.mkv", "decided"), world.root / hidden
    world.restart(ignore_patterns=("skipped",))
    world.be_quiet()
    world.finish()
    before = world.row("b/film.mkv")
    decide(before.id, "Decided")
    other.parent.mkdir(parents=True, exist_ok=True)
    film.rename(world.root / "aside.tmp")
    if not is_swapped:
        world.look_twice()
    world.write("b/film.mkv", "another film")
    (world.root / "aside.tmp").rename(other)
    world.be_quiet()
    world.finish()
    row = world.row("b/film.mkv")
    assert (row.id != before.id, row.decided_by) == (True, "reeld")
    kept = VideoFile.get_by_id(before.id)
    assert (kept.state, kept.decided_by, kept.inode) == ("missing", "user", before.inode)
    (world.root / hidden).rename(world.root / "b/back.mkv")
    world.be_quiet()
    assert (world.row("b/back.mkv").id, world.row("b/back.mkv").decided_by) == (before.id, "user")


def _require_that_a_better_version_keeps_the_decision(world: World, film: Path) -> None:
    """Decide which film it is, put a better version in its place, and check that the row and its decision stay."""
    world.be_quiet()
    world.finish()
    before = world.row(str(film.relative_to(world.root))).id
    decide(before, "Decided")
    os.replace(world.write("better.tmp", "better"), film)
    world.be_quiet()
    row = world.row(str(film.relative_to(world.root)))
    assert (row.id, row.decided_by, row.state) == (before, "user", "present")


@pytest.mark.parametrize("is_linked", [False, True])
def test_a_new_version_of_a_decided_film_keeps_its_decision_once_the_old_is_gone(world: World, is_linked: bool) -> None:
    """A hard link that is known as a file of its own is no reason to take the decision away."""
    film = world.write("b/film.mkv", "decided")
    if is_linked:
        os.link(film, world.root / "link.mkv")
    _require_that_a_better_version_keeps_the_decision(world, film)


def _linked_before(film: Path, link: Path) -> None:
    """As an import by hard link: the download comes first."""
    film.rename(link)
    os.link(link, film)


def _linked_later(film: Path, link: Path) -> None:
    os.link(film, link)


@pytest.mark.parametrize("do_link", [_linked_before, _linked_later])
def test_a_new_version_keeps_the_decision_beside_a_link_in_an_ignored_folder(
    world: World, do_link: Callable[[Path, Path], None]
) -> None:
    """The link is older than the new version, as the time of its folder shows. So the film did not go there."""
    film, link = world.write("b/film.mkv", "decided"), world.root / "skipped/torrent"
    link.parent.mkdir()
    do_link(film, link)
    world.restart(ignore_patterns=("skipped",))
    _require_that_a_better_version_keeps_the_decision(world, film)


def _moved(film: Path, link: Path) -> None:
    film.rename(link.with_name("moved"))


def _moved_and_link_removed(film: Path, link: Path) -> None:
    film.rename(link.with_name("moved"))
    link.unlink()


def _folder_moved(film: Path, link: Path) -> None:
    film.parent.parent.rename(link.with_name("moved"))
    film.parent.mkdir(parents=True)


def _folder_moved_and_link_removed(film: Path, link: Path) -> None:
    _folder_moved(film, link)
    link.unlink()


@pytest.mark.parametrize("move", [_moved, _moved_and_link_removed, _folder_moved, _folder_moved_and_link_removed])
def test_a_decision_goes_with_a_linked_film_into_an_ignored_folder(
    world: World, move: Callable[[Path, Path], None]
) -> None:
    film, link = world.write("c/b/film.mkv", "decided"), world.root / "skipped/torrent"
    link.parent.mkdir()
    film.rename(link)
    os.link(link, film)
    world.restart(ignore_patterns=("skipped",))
    world.be_quiet()
    world.finish()
    before = world.row("c/b/film.mkv").id
    decide(before, "Decided")
    probe = world.root / "skipped/probe"
    while not probe.exists() or probe.stat().st_ctime_ns <= film.stat().st_ctime_ns + TICK_NS:
        probe.write_bytes(b"")  # until the clock of the file system says that what follows is later
    move(film, link)
    world.write("c/b/film.mkv", "another film")
    world.be_quiet()
    world.finish()
    assert (world.row("c/b/film.mkv").id != before, world.row("c/b/film.mkv").decided_by) == (True, "reeld")
    kept = VideoFile.get_by_id(before)
    assert (kept.state, kept.decided_by) == ("missing", "user")
