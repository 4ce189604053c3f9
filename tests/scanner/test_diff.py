"""Prove what `diff` and `apply` promise, over arbitrary listings and rows.

`diff` gets values; `apply` writes to a real catalogue.
"""

import os
import re
import stat
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reeld.catalog import assignments, video_files
from reeld.catalog.models import EpisodeFile, FileHistory, JobRow, Movie, PendingValidation, Trash, VideoFile
from reeld.database.base import database
from reeld.database.connection import writing
from reeld.domain.files import Completeness, FileStamp
from reeld.domain.identity import Reading
from reeld.domain.records import KnownFile, Place, evicted
from reeld.domain.titles import title_key
from reeld.pipeline.stages import STAGES
from reeld.scanner.apply import apply
from reeld.scanner.changes import Changes
from reeld.scanner.compare import FolderScanner, diff
from reeld.scanner.missing_files import MissingFiles
from reeld.scanner.moved_files import MoveEvidence, MoveFinder, NewFile, content_key, find_moves
from reeld.scanner.new_files import NewFiles, Settled
from reeld.scanner.reidentify import Compared
from reeld.watch.completeness import CompletenessChecks
from reeld.watch.rules import Rules
from reeld.watch.settle import Settling
from reeld.watch.walk import Found, Listing, SeenFile, join
from tests.catalog.rows import NOW_MS, add_libraries
from tests.scanner.test_compare import World, _no_broken_lease_kills_us, world

__all__ = ["_no_broken_lease_kills_us", "world"]

LIBRARY, AWAY = 1, 2
DEVICE, OLD_DEVICE = 7, 8
RULES = Rules(extensions=frozenset({"mkv"}), minimum_size_bytes=10, ignore_patterns=("raw*",))
VIDEOS = ["Heat.mkv", "HEAT.mkv", "b.mkv", os.fsdecode(b"\xff.mkv"), "raw.mkv", ".hidden.mkv"]
OTHERS = ["old.avi", "b.nfo"]
SIZES = [5, 100, 200]
"""The first is less than the rules take."""
MTIMES = [1_000_000_000, 2_000_000_000]
CTIMES = [3_000_000_000, 4_000_000_000]
INODES = range(1, 6)
COMPLETE = Completeness(quiet_s=5, writer="none", holes="none")


# --- values ----------------------------------------------------------------------------------------------

stamps = st.builds(
    FileStamp,
    size_bytes=st.sampled_from(SIZES),
    mtime_ns=st.sampled_from(MTIMES),
    ctime_ns=st.sampled_from(CTIMES),
    inode=st.sampled_from(INODES),
    device=st.sampled_from([DEVICE, DEVICE, OLD_DEVICE]),
)


def status_of(stamp: FileStamp) -> os.stat_result:
    times = {"st_mtime_ns": stamp.mtime_ns, "st_ctime_ns": stamp.ctime_ns, "st_atime_ns": 0}
    fields = (stat.S_IFREG | 0o644, stamp.inode, stamp.device, 1, 0, 0, stamp.size_bytes, 0, 0, 0)
    status = os.stat_result(fields, times)
    assert FileStamp.of(status) == stamp
    return status


def listing_of(
    directory: str, files: Mapping[str, FileStamp], *, companions: Collection[str] = (), unknown: Collection[str] = ()
) -> Listing:
    return Listing(
        relative=directory,
        device=DEVICE,
        inode=1,
        mtime_ns=0,
        ctime_ns=0,
        files=tuple(SeenFile(name, directory, status_of(files[name])) for name in sorted(files)),
        companions=tuple(sorted(companions)),
        directories=(),
        others=(),
        unknown=tuple(sorted(unknown)),
    )


def shuffled(listing: Listing, rng: Any) -> Listing:
    files, companions = list(listing.files), list(listing.companions)
    rng.shuffle(files)
    rng.shuffle(companions)
    return replace(listing, files=tuple(files), companions=tuple(companions))


@dataclass(frozen=True)
class Scene:
    """A folder's listing, its rows, rows elsewhere, and what was found at the old paths."""

    listing: Listing
    rows: Mapping[str, KnownFile]
    evidence: MoveEvidence
    pending: Sequence[int]

    def changes(self, listing: Listing | None = None) -> Changes:
        compared = Compared(to_read=self.pending)
        return diff(listing or self.listing, self.rows, RULES, self.evidence, library_id=LIBRARY, compared=compared)


@st.composite
def known_files(draw: st.DrawFn, row_id: int, path: str) -> KnownFile:
    kind = draw(
        st.sampled_from(["present", "present", "decided", "missing", "missing and decided", "evicted", "rules"])
    )
    return KnownFile(
        id=row_id,
        library_id=LIBRARY,
        path=evicted(path, row_id) if kind == "evicted" else path,
        stamp=draw(stamps),
        is_present=kind in ("present", "decided", "rules"),
        is_skipped=kind == "rules",
        is_decided_by_user="decided" in kind,
        reason="the library's ignore pattern 'raw*' matches it" if kind == "rules" else None,
    )


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    listed = draw(st.dictionaries(st.sampled_from(VIDEOS), stamps, max_size=6))
    others = draw(st.sets(st.sampled_from(OTHERS)))
    unknown = draw(st.sets(st.sampled_from(VIDEOS))) - listed.keys()
    names = draw(st.lists(st.sampled_from(VIDEOS + OTHERS), max_size=8))
    drawn = [draw(known_files(number, f"a/{name}")) for number, name in enumerate(names, start=1)]
    rows = {known.path: known for known in drawn}
    elsewhere = [draw(known_files(number, f"b/{number}.mkv")) for number in range(20, 20 + draw(st.integers(0, 4)))]
    vacated: dict[KnownFile, SeenFile | None] = {}
    not_known = set()
    for known in (*rows.values(), *elsewhere):
        found = "vacated" if known.is_evicted else draw(st.sampled_from(["vacated", "occupied", "unknown", "there"]))
        if known.is_skipped or found == "there":
            continue
        directory, name = os.path.split(known.path)
        if found == "unknown":
            not_known.add(known)
        elif found == "occupied" and RULES.is_video_name(name) and RULES.why_ignore_file(known.path, 100) is None:
            vacated[known] = SeenFile(name, directory, status_of(replace(draw(stamps), size_bytes=100)))
        else:
            vacated[known] = None
    pending = [known.id for known in rows.values() if draw(st.booleans())]
    listing = listing_of("a", listed, companions=others, unknown=unknown)
    return Scene(listing, rows, MoveEvidence(vacated=vacated, unknown=not_known), pending)


def classes_of_files(changes: Changes, listing: Listing) -> Iterator[str]:
    listed = {seen.relative for seen in listing.files}
    yield from (known.path for known in changes.unchanged)
    for each in (*changes.touched, *changes.returned):
        yield each.seen.relative
    for skipped in changes.skipped:
        yield skipped.seen.relative
    for new in (*changes.new, *changes.rewritten, *changes.replaced, *changes.admitted):
        yield new.seen.relative
    yield from (known.path for known in changes.left_alone if known.path in listed)
    yield from (moved.path for moved in changes.moved if moved.path in listed)


def classes_of_rows(changes: Changes, rows: Mapping[str, KnownFile]) -> Iterator[int]:
    here = {known.id for known in rows.values()}
    for each in (*changes.touched, *changes.returned):
        yield each.known.id
    for skipped in changes.skipped:
        if skipped.known is not None:
            yield skipped.known.id
    for new in (*changes.new, *changes.rewritten, *changes.replaced, *changes.admitted):
        if new.known is not None:
            yield new.known.id
    for known in (*changes.unchanged, *changes.left_alone, *changes.gone, *changes.absent, *changes.unknown):
        yield known.id
    yield from (known.id for known, _ in changes.other_endings)
    yield from (each.known.id for each in changes.moved if each.known.id in here)
    yield from (known.id for known in changes.evicted if known.id in here)


def assert_in_one_class_each(changes: Changes, listing: Listing, rows: Mapping[str, KnownFile]) -> None:
    assert Counter(classes_of_files(changes, listing)) == Counter(seen.relative for seen in listing.files)
    assert Counter(classes_of_rows(changes, rows)) == Counter(known.id for known in rows.values())


@settings(max_examples=400)
@given(scenes())
def test_each_listed_file_and_each_row_is_in_exactly_one_class(scene: Scene) -> None:
    assert_in_one_class_each(scene.changes(), scene.listing, scene.rows)


@settings(max_examples=200)
@given(scenes(), st.randoms())
def test_the_order_of_the_files_does_not_matter(scene: Scene, rng: Any) -> None:
    rows, vacated = list(scene.rows.items()), list(scene.evidence.vacated.items())
    rng.shuffle(rows)
    rng.shuffle(vacated)
    other = replace(scene, rows=dict(rows), evidence=replace(scene.evidence, vacated=dict(vacated)))
    assert other.changes(shuffled(scene.listing, rng)) == scene.changes()


@settings(max_examples=200)
@given(scenes())
def test_a_row_moves_only_to_its_own_content_and_to_a_path_of_its_own(scene: Scene) -> None:
    changes = scene.changes()
    assert all(content_key(each.known.stamp) == content_key(each.stamp) for each in changes.moved)
    assert len({each.path for each in changes.moved}) == len({each.known.id for each in changes.moved})
    assert len(changes.moved) == len({each.path for each in changes.moved})
    assert all(each.known in scene.evidence.vacated for each in changes.moved)


@settings(max_examples=200)
@given(scenes(), st.randoms())
def test_the_moves_do_not_depend_on_the_order_of_the_new_files(scene: Scene, rng: Any) -> None:
    new_files = [NewFile(seen=seen, known=scene.rows.get(seen.relative)) for seen in scene.listing.files]
    moves = find_moves(LIBRARY, new_files, scene.evidence)
    rng.shuffle(new_files)
    assert find_moves(LIBRARY, new_files, scene.evidence) == moves


@settings(max_examples=200)
@given(scenes())
def test_a_skipped_file_never_takes_the_row_of_other_content_at_once(scene: Scene) -> None:
    """That content may have been moved: the file waits like any other that replaced a known one."""
    for skipped in scene.changes().skipped:
        known = skipped.known
        assert known is None or known.is_skipped or known.stamp.has_same_content_as(skipped.seen.stamp)


@settings(max_examples=200)
@given(scenes())
def test_unknown_is_never_gone_and_gone_is_never_listed(scene: Scene) -> None:
    names = {os.path.basename(known.path) for known in scene.changes().gone}
    assert names.isdisjoint(scene.listing.unknown)
    assert names.isdisjoint(scene.listing.companions)
    assert names.isdisjoint(scene.listing.file_names)


# --- a disk of values, a real catalogue ------------------------------------------------------------------

FOLDERS = ["a", "b"]


@dataclass
class Disk:
    """A library's disk as values, with a second library whose disk is away."""

    files: dict[str, FileStamp]
    unknown: set[str]
    companions: set[str]

    def listing(self, directory: str) -> Listing:
        def inside(paths: Collection[str]) -> set[str]:
            return {os.path.basename(path) for path in paths if os.path.dirname(path) == directory}

        shown = self.files.keys() - self.unknown
        files = {name: self.files[join(directory, name)] for name in inside(shown)}
        return listing_of(directory, files, companions=inside(self.companions), unknown=inside(self.unknown))

    def stat_names(self, library_id: int, directory: str, names: Collection[str]) -> Found | None:
        if library_id != LIBRARY:
            return None
        found = {}
        for name in names:
            path = join(directory, name)
            if path not in self.unknown:
                found[name] = status_of(self.files[path]) if path in self.files else None
        return Found(device=DEVICE, by_name=found)


@dataclass(frozen=True)
class Before:
    """A row as it is written into the catalogue before the disk is scanned."""

    path: str
    kind: str
    stamp: FileStamp
    library_id: int = LIBRARY


@st.composite
def disks(draw: st.DrawFn) -> tuple[Disk, list[Before]]:
    """A disk on which each inode has one content at a time, and rows of what was there before."""

    def content(inode: int) -> FileStamp:
        size, mtime, ctime = (draw(st.sampled_from(each)) for each in (SIZES, MTIMES, CTIMES))
        return FileStamp(size_bytes=size, mtime_ns=mtime, ctime_ns=ctime, inode=inode, device=DEVICE)

    paths = [join(folder, name) for folder in FOLDERS for name in VIDEOS]
    now = {inode: content(inode) for inode in INODES}
    placed = draw(st.dictionaries(st.sampled_from(paths), st.sampled_from(INODES), max_size=8))
    unknown = draw(st.sets(st.sampled_from(paths), max_size=2))
    companions = {join(folder, name) for folder in FOLDERS for name in OTHERS if draw(st.booleans())}
    kinds = ["present", "present", "decided", "missing", "missing and decided", "evicted", "rules"]
    rows = []
    others = [join(folder, "old.avi") for folder in FOLDERS]
    for path in sorted(draw(st.sets(st.sampled_from([*paths, *others]), max_size=7))):
        inode = placed[path] if path in placed and draw(st.booleans()) else draw(st.sampled_from(INODES))
        is_as_now = draw(st.sampled_from([True, True, False]))
        stamp = now[inode] if is_as_now else draw(stamps)
        if is_as_now and draw(st.booleans()):
            stamp = replace(stamp, ctime_ns=draw(st.sampled_from(CTIMES)), device=draw(st.sampled_from([DEVICE, 8])))
        library = draw(st.sampled_from([LIBRARY] * 5 + [AWAY]))
        rows.append(Before(path, draw(st.sampled_from(kinds)), stamp, library))
    files = {path: now[inode] for path, inode in placed.items()}
    return Disk(files, unknown, companions), rows


def write_rows(rows: Sequence[Before]) -> None:
    with writing():
        for model in (JobRow, PendingValidation, EpisodeFile, FileHistory, VideoFile, Movie, Trash):
            model.delete().execute()
        for row in rows:
            _write_row(row)
        JobRow.delete().execute()


def _write_row(row: Before) -> None:
    if row.kind == "rules":
        video_files.record_skipped(row.library_id, row.path, row.stamp, "a rule of before", NOW_MS)
        return
    row_id = video_files.record_settled(row.library_id, row.path, row.stamp, NOW_MS, COMPLETE)
    if "decided" in row.kind:
        film = Reading(kind="movie", title=f"Film {row_id}", year=1999)
        question = assignments.open_validation(row_id, NOW_MS)
        assignments.validate(question, film, candidate=None, key_of=title_key, now_ms=NOW_MS)
    if "missing" in row.kind or row.kind == "evicted":
        video_files.record_missing([row_id], row.library_id, os.path.dirname(row.path), NOW_MS)
    if row.kind == "evicted":
        VideoFile.update(path=evicted(row.path, row_id)).where(VideoFile.id == row_id).execute()


def scanner_of(disk: Disk) -> FolderScanner:
    place = Place(LIBRARY, "/disks/Films")
    return FolderScanner(
        place=place,
        rules=RULES,
        new_files=NewFiles(
            place=place,
            rules=RULES,
            settling=Settling(5.0),
            completeness_checks=CompletenessChecks(),
            patience_s=0,
            first_stage=STAGES[0],
            now_ms=lambda: NOW_MS,
        ),
        missing_files=MissingFiles(place=place, rules=RULES, stat_names=disk.stat_names, now_ms=lambda: NOW_MS),
        move_finder=MoveFinder(place=place, rules=RULES, stat_names=disk.stat_names),
        with_full_hash=True,
        now_ms=lambda: NOW_MS,
    )


def take(scanner: FolderScanner, listing: Listing, *, is_searched: bool) -> Changes:
    """Decide and apply, as if all files had settled that need not be searched for any more."""
    with writing():
        rows = video_files.known_in_directory(LIBRARY, listing.relative)
    changes = scanner.changes_of(listing)
    assert_in_one_class_each(changes, listing, rows)
    settled = {
        each.seen.relative: Settled(stamp=each.seen.stamp, completeness=COMPLETE)
        for each in changes.to_settle
        if is_searched or each.seen.relative not in changes.searched
    }
    assert apply(changes, settled, scanner.new_files, NOW_MS, with_full_hash=True)
    return changes


def scan(disk: Disk, folders: Sequence[str]) -> FolderScanner:
    """Scan all folders, then once more: what must be searched for is taken then, and what neither finds is missing."""
    scanner = scanner_of(disk)
    for folder in folders:
        take(scanner, disk.listing(folder), is_searched=False)
    for folder in folders:
        take(scanner, disk.listing(folder), is_searched=True)
    for folder in folders:
        gone = [known.id for known in scanner.changes_of(disk.listing(folder)).gone]
        with writing():
            video_files.record_missing(gone, LIBRARY, folder, NOW_MS)
    return scanner


def present() -> dict[str, KnownFile]:
    found = [known for folder in FOLDERS for known in video_files.known_in_directory(LIBRARY, folder).values()]
    return {known.path: known for known in found if known.is_present}


def user_decisions() -> dict[int, int]:
    """By file the film that the user said it is."""
    decided = VideoFile.select(VideoFile.id, VideoFile.movie).where(VideoFile.decided_by == "user")
    return dict(decided.tuples())


with_catalog = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)


@pytest.fixture
def empty(catalog: Path) -> None:
    assert add_libraries("Films", "Away") == [LIBRARY, AWAY]


@with_catalog
@given(disks(), st.permutations(FOLDERS))
def test_applying_makes_the_rows_equal_the_listings(
    empty: None, drawn: tuple[Disk, list[Before]], folders: list[str]
) -> None:
    disk, rows = drawn
    write_rows(rows)
    could_not_stat = {path for path in present() if path in disk.unknown}
    scan(disk, folders)
    found = present()
    listed = {path: stamp for path, stamp in disk.files.items() if path not in disk.unknown}
    assert {path: found[path].stamp for path in listed} == listed
    assert found.keys() - listed.keys() <= could_not_stat | disk.companions
    for path, stamp in listed.items():
        is_ignored = RULES.why_ignore_file(path, stamp.size_bytes) is not None
        assert found[path].is_skipped == (is_ignored and not found[path].is_decided_by_user)


@with_catalog
@given(disks(), st.permutations(FOLDERS))
def test_applying_again_changes_nothing(empty: None, drawn: tuple[Disk, list[Before]], folders: list[str]) -> None:
    disk, rows = drawn
    write_rows(rows)
    scanner = scan(disk, folders)
    before = database.connection().total_changes
    for folder in folders:
        changes = take(scanner, disk.listing(folder), is_searched=True)
        assert not changes.has_writes
        assert not changes.to_settle
        assert not changes.gone
    assert database.connection().total_changes == before


@with_catalog
@given(disks(), st.randoms())
def test_what_is_decided_does_not_depend_on_the_order_of_the_files(
    empty: None, drawn: tuple[Disk, list[Before]], rng: Any
) -> None:
    disk, rows = drawn
    write_rows(rows)
    scanner = scanner_of(disk)
    for folder in FOLDERS:
        listing = disk.listing(folder)
        assert scanner.changes_of(shuffled(listing, rng)) == scanner.changes_of(listing)


def _content(stamp: FileStamp) -> tuple[int, int, int]:
    return (stamp.inode, stamp.size_bytes, stamp.mtime_ns)


@with_catalog
@given(disks(), st.permutations(FOLDERS))
def test_no_decision_is_dropped_and_each_row_goes_where_its_content_is(
    empty: None, drawn: tuple[Disk, list[Before]], folders: list[str]
) -> None:
    disk, rows = drawn
    write_rows(rows)
    decisions = user_decisions()
    before = {row.id: row for row in video_files.known_by_id([row_id for (row_id,) in _ids()]).values()}
    scan(disk, folders)
    assert user_decisions() == decisions
    rows_of = Counter(_content(known.stamp) for known in before.values())
    files_of = Counter(map(_content, disk.files.values()))
    now = present()
    for path, stamp in disk.files.items():
        is_taken = path not in disk.unknown and RULES.why_ignore_file(path, stamp.size_bytes) is None
        if not is_taken or not rows_of[_content(stamp)] == files_of[_content(stamp)] == 1:
            continue
        (owner,) = (known for known in before.values() if _content(known.stamp) == _content(stamp))
        is_reachable = owner.library_id == LIBRARY or not owner.is_present
        # At a name that is no video's any more, an undecided file is skipped before its content is looked for.
        is_skipped = owner.is_skipped or (owner.path in disk.companions and not owner.is_decided_by_user)
        can_be_told = owner.stamp.device == DEVICE and owner.path not in disk.unknown and not is_skipped
        if is_reachable and can_be_told:
            assert now[path].id == owner.id


def _ids() -> list[tuple[int]]:
    return list(VideoFile.select(VideoFile.id).tuples())


@with_catalog
@given(disks(), st.integers(0, 10))
def test_changes_that_were_overtaken_write_nothing(empty: None, drawn: tuple[Disk, list[Before]], which: int) -> None:
    """The user, or another library's thread, writes to a row between the reading and the transaction."""
    disk, rows = drawn
    write_rows(rows)
    scanner = scanner_of(disk)
    changes = scanner.changes_of(disk.listing("a"))
    read = [each.known.id for each in (*changes.touched, *changes.returned)]
    read += [*(each.known.id for each in changes.moved), *(known.id for known in changes.evicted)]
    if not read:
        return
    with writing():
        video_file_id = read[which % len(read)]
        VideoFile.update(mtime_ns=VideoFile.mtime_ns + 1).where(VideoFile.id == video_file_id).execute()
    before = database.connection().total_changes
    assert not apply(changes, {}, scanner.new_files, NOW_MS, with_full_hash=True)
    assert database.connection().total_changes == before


# --- on a real folder ------------------------------------------------------------------------------------


def writes_of(world: World) -> list[list[str]]:
    """Scan, and return the statements that changed files or jobs, by transaction."""
    transactions: list[list[str]] = [[]]

    def note(sql: str) -> None:
        if sql == "COMMIT":
            transactions.append([])
        # SQLite says a statement again for each trigger that it asks.
        elif transactions[-1][-1:] != [sql] and re.match(
            r"\s*(UPDATE|INSERT INTO|DELETE FROM) (video_files|jobs|file_history)\b", sql
        ):
            transactions[-1].append(sql)

    database.connection().set_trace_callback(note)
    world.look()
    database.connection().set_trace_callback(None)
    return [each for each in transactions if each]


def test_all_changes_of_a_folder_are_committed_in_one_transaction(world: World) -> None:
    """A rename, a swap, a touched file, one that returned, ones that the rules skip now, and new ones."""
    for name in ("renamed", "one", "two", "touched", "returned", "raw 1", "raw 2"):
        world.write(f"a/{name}.mkv", name)
    world.be_quiet()
    world.finish()
    (world.root / "a/returned.mkv").rename(world.root / "aside")
    world.look_twice()
    assert world.states()["a/returned.mkv"] == "missing"
    world.restart(ignore_patterns=("raw*",))
    folder = world.root / "a"
    (world.root / "aside").rename(folder / "returned.mkv")
    (folder / "renamed.mkv").rename(folder / "new name.mkv")
    (folder / "one.mkv").rename(folder / "aside")
    (folder / "two.mkv").rename(folder / "one.mkv")
    (folder / "aside").rename(folder / "two.mkv")
    (folder / "touched.mkv").chmod(0o600)
    world.write("a/new 1.mkv", "first")
    world.write("a/new 2.mkv", "second")
    world.advance_s += 3600
    assert len(writes_of(world)) == 1
    names = ("new 1", "new 2", "new name", "one", "raw 1", "raw 2", "returned", "touched", "two")
    assert world.states() == {f"a/{name}.mkv": "present" for name in names}


def test_a_folder_of_many_new_files_is_divided_but_not_its_renames(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reeld.scanner.compare.BATCH", 200)
    for number in range(300):
        world.write(f"a/{number}.mkv", str(number))
    world.advance_s += 3600
    world.look()
    world.finish()
    ids = {row.inode: row.id for row in VideoFile.select()}
    for number in range(300):
        (world.root / f"a/{number}.mkv").rename(world.root / f"a/renamed {number}.mkv")
        world.write(f"a/new {number}.mkv", f"new {number}")
    world.advance_s += 3600
    transactions = writes_of(world)
    moves = [sum("filename = 'renamed" in sql for sql in statements) for statements in transactions]
    assert moves == [300, 0]
    assert len(world.states()) == 600
    assert {row.inode: row.id for row in VideoFile.select() if row.inode in ids} == ids
