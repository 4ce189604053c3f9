"""Does a library's watcher see all that comes and goes, whatever fails meanwhile? Its turns are made by hand."""

import contextlib
import errno
import importlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reeld.catalog.libraries import sync_libraries
from reeld.catalog.models import JobRow, VideoFile
from reeld.catalog.models import Library as LibraryRow
from reeld.config import Library, WatchMode, WatchSettings
from reeld.database.connection import writing
from reeld.domain.records import Place
from reeld.errors import CatalogBusy
from reeld.pipeline.stages import STAGES
from reeld.report.counters import Counters
from reeld.scanner import library_scanner, missing_files, new_files, root_check
from reeld.scanner.library_scanner import make_folder_scanner
from reeld.scanner.root_check import Root
from reeld.service import watcher as watcher_module
from reeld.service.heartbeat import Heartbeats
from reeld.service.stage_context import now_ms, stat_names_of
from reeld.service.watcher import LibraryWatcher
from reeld.watch import completeness, directories, walk
from reeld.watch.rules import Rules
from reeld.watch.settle import Settling
from reeld.watch.walk import Listing, RootSeen
from tests.catalog.rows import add_libraries
from tests.scanner.test_moved_files import decide

# The package has a function of this name, too.
reconciling = importlib.import_module("reeld.scanner.reconcile")

# More than whatever is under way needs: a look, a second one, and what follows from a search.
TURNS = 5

# Only to give up on what hangs.
PATIENCE_S = 150.0


class Watched:
    """A library and its watcher, which is told of nothing. Its files are complete at once, so that no turn waits."""

    def __init__(
        self,
        library_id: int,
        root: Path,
        roots: dict[int, Root],
        heartbeats: Heartbeats,
        on_evicted: Callable[[], Callable[[], bool]] = lambda: lambda: True,
        watch: WatchMode = "poll",
    ) -> None:
        self.library_id = library_id
        self.root = root
        root.mkdir()
        with writing():
            LibraryRow.update(path=str(root)).where(LibraryRow.id == library_id).execute()
        roots[library_id] = Root(place=Place(library_id, str(root)))
        library = Library(name=root.name, path=str(root), quiet_s=0, watch=watch)
        self.folder_scanner = make_folder_scanner(
            library,
            library_id,
            first_stage=STAGES[0],
            with_full_hash=True,
            stat_names=stat_names_of(roots),
            now_ms=now_ms,
            on_evicted=on_evicted,
        )
        self.watcher = LibraryWatcher(
            library,
            WatchSettings(),
            self.folder_scanner,
            roots[library_id],
            threading.Event(),
            lambda _error: None,
            heartbeats,
            Counters(),
            sees_mounts=lambda: self.sees_mounts,
        )
        self.sees_mounts = True

    def turn(self, times: int = TURNS) -> None:
        for _ in range(times):
            self.watcher.wake()  # it sleeps in none of them
            self.watcher._tick()

    def quick_scan(self) -> None:
        """The pass that comes by the clock, and whatever follows from it."""
        self.watcher.rescan_all(0.0)
        self.turn()

    def search(self) -> Callable[[], bool]:
        """Ask for one, as the other libraries do; gives whether it is over."""
        number = self.watcher.rescan_all(0.0)
        return lambda: self.watcher.scanner.has_rescanned_all(number)


@pytest.fixture(autouse=True)
def _nothing_needs_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(missing_files, "LEAST_PAUSE_S", 0.0)
    monkeypatch.setattr(watcher_module, "CATALOG_DELAY_S", 0.001)
    monkeypatch.setattr(library_scanner, "LONGEST_REJECTED_S", 0.0)


@pytest.fixture
def heartbeats() -> Iterator[Heartbeats]:
    heartbeats = Heartbeats()
    with heartbeats.of_this_thread():
        yield heartbeats


@pytest.fixture
def films(catalog: Path, tmp_path: Path, heartbeats: Heartbeats) -> Watched:
    return Watched(add_libraries("films")[0], tmp_path / "films", {}, heartbeats)


@pytest.fixture
def two(catalog: Path, tmp_path: Path, heartbeats: Heartbeats) -> tuple[Watched, Watched]:
    """Two libraries. Where something is unknown in the first, the second is searched for what was there."""
    first_id, second_id = add_libraries("first", "second")
    roots: dict[int, Root] = {}
    second = Watched(second_id, tmp_path / "second", roots, heartbeats)
    return Watched(first_id, tmp_path / "first", roots, heartbeats, on_evicted=second.search), second


@pytest.fixture
def _is_long_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever happened lies so far back that the folders' times are believed."""
    monkeypatch.setattr(directories, "YOUNG_NS", 0)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def states() -> dict[str, str]:
    return dict(VideoFile.select(VideoFile.path, VideoFile.state).tuples())


@contextlib.contextmanager
def _seen_as(relative: str, see: Callable[[Listing], Listing]) -> Iterator[None]:
    """As long as this lasts, whoever reads that directory sees what `see` makes of it."""
    read = walk._read_directory

    def read_directory(opened: int, at: str, rules: Rules) -> Listing:
        listing = read(opened, at, rules)
        return see(listing) if at == relative else listing

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(walk, "_read_directory", read_directory)
        yield


def _fail(_listing: Listing) -> Listing:
    raise OSError(errno.EIO, "Input/output error")


def _without_stat(listing: Listing) -> Listing:
    """No file of it could be asked what it is."""
    return replace(listing, files=(), unknown=tuple(seen.name for seen in listing.files))


# --- searches --------------------------------------------------------------------------------------------


def test_a_search_that_the_catalogue_did_not_let_end_is_made_again(
    films: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else whoever waits for it waits for ever: a file that may have been moved would never be taken."""
    (films.root / "sub").mkdir()
    films.turn()
    is_over = films.search()
    assert not is_over()
    reconcile, locks = reconciling.reconcile, [CatalogBusy("another program holds the lock")]

    def locked_once(*arguments: Any, **named: Any) -> Any:
        if locks:
            raise locks.pop()
        return reconcile(*arguments, **named)

    monkeypatch.setattr(library_scanner, "reconcile", locked_once)
    films.turn()
    assert not locks
    assert is_over()


@pytest.mark.parametrize("place", ["one.mkv", "new/one.mkv"])
def test_what_a_search_found_is_entered_before_it_is_over(two: tuple[Watched, Watched], place: str) -> None:
    """A pass finds a folder that is new, and leaves it to a later look; the newcomer would not have waited for that."""
    first, second = two
    second.turn()
    film = write(first.root / "a/one.mkv", "one")
    first.turn()
    file_id = VideoFile.get().id
    decide(file_id, "Decided")
    (second.root / place).parent.mkdir(exist_ok=True)
    os.rename(film, second.root / place)
    write(film, "another film")
    first.watcher.hints.mark("a")
    first.turn()
    assert VideoFile.get_by_id(file_id).path == "a/one.mkv"
    assert len(first.folder_scanner.new_files.settling) == 1, "what came there waits for the search"
    second.turn(1)
    first.turn()
    second.turn()
    row = VideoFile.get_by_id(file_id)
    assert (row.library_id, row.path, row.size_bytes) == (second.library_id, place, 3)
    assert VideoFile.get(VideoFile.library == first.library_id).path == "a/one.mkv"


# --- passes ----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("_is_long_ago")
def test_a_pass_finds_what_lies_in_a_folder_that_took_the_name_of_another(films: Watched, tmp_path: Path) -> None:
    """`mv Show elsewhere; mv elsewhere/new Show`, as who replaces a season does."""
    write(films.root / "Show/S1/one.mkv", "one")
    write(tmp_path / "new/S2/two.mkv", "two")
    films.turn()
    os.rename(films.root / "Show", tmp_path / "old")
    os.rename(tmp_path / "new", films.root / "Show")
    for _ in range(2):
        films.quick_scan()
    assert states() == {"Show/S1/one.mkv": "missing", "Show/S2/two.mkv": "present"}


@pytest.mark.usefixtures("_is_long_ago")
def test_a_folder_that_could_not_be_read_once_is_entered_by_the_next_pass(films: Watched) -> None:
    """A network disk answers with an error, once: what lies below that folder has never been seen."""
    write(films.root / "Show/S1/one.mkv", "one")
    with _seen_as("Show", _fail):
        films.turn()
    assert states() == {}
    films.quick_scan()
    assert states() == {"Show/S1/one.mkv": "present"}


@pytest.mark.usefixtures("_is_long_ago")
def test_a_file_that_could_not_be_looked_at_once_is_by_the_next_pass(films: Watched) -> None:
    """Its folder was listed, and its times tell of nothing since."""
    write(films.root / "a/one.mkv", "one")
    with _seen_as("a", _without_stat):
        films.turn()
    assert states() == {}
    films.quick_scan()
    assert states() == {"a/one.mkv": "present"}


@pytest.mark.usefixtures("_is_long_ago")
@pytest.mark.parametrize("has_come", [True, False], ids=["a file came", "a file went"])
def test_a_look_during_which_the_root_did_not_answer_is_made_again(
    films: Watched, monkeypatch: pytest.MonkeyPatch, has_come: bool
) -> None:
    """A stale handle, or a disk that is mounted anew: when its keeper looks, within seconds, the root is the same."""
    one = write(films.root / "a/one.mkv", "one")
    films.turn()
    assert states() == {"a/one.mkv": "present"}
    if has_come:
        write(films.root / "a/two.mkv", "two")
    else:
        one.unlink()
    check_root, answers = reconciling.check_root, ["Stale file handle; check the disk that it lies on"]

    def stale_once(root: str) -> RootSeen | str:
        found: RootSeen | str = answers.pop() if answers else check_root(root)
        return found

    monkeypatch.setattr(reconciling, "check_root", stale_once)
    films.watcher.hints.mark("a")
    films.turn()
    films.quick_scan()
    assert not answers
    expected = {"a/one.mkv": "present", "a/two.mkv": "present"} if has_come else {"a/one.mkv": "missing"}
    assert states() == expected


def _let_few_wait(films: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more than one; and one that is objected to waits already."""
    monkeypatch.setattr(library_scanner, "MOST_WAITING", 1)
    films.folder_scanner.new_files.settling = Settling(0, capacity=1)
    write(films.root / "1/one.mkv", "part")
    write(films.root / "1/one.mkv.aria2", "control")
    films.watcher.hints.mark("1")
    films.turn()
    assert [wait.key for wait in films.folder_scanner.new_files.settling.waiting()] == ["1/one.mkv"]


def test_a_file_that_was_turned_away_is_shown_again_though_the_others_go_on_waiting(
    films: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was held against it ends, and nothing tells of that."""
    _let_few_wait(films, monkeypatch)
    write(films.root / "2/two.mkv", "whole")
    control = write(films.root / "2/two.mkv.aria2", "control")
    films.watcher.hints.mark("2")
    films.turn()
    assert "2/two.mkv" not in films.folder_scanner.new_files.settling
    control.unlink()
    films.turn()
    assert states() == {"2/two.mkv": "present"}


def test_what_replaced_a_known_file_is_taken_though_very_many_wait(
    films: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(films.root / "2/two.mkv", "first")
    films.turn()
    _let_few_wait(films, monkeypatch)
    os.replace(write(films.root / "2/two.part", "another, and longer"), films.root / "2/two.mkv")
    films.watcher.hints.mark("2")
    films.turn()
    assert VideoFile.get().size_bytes == len("another, and longer")


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (root_check, "check_root"),
        (reconciling, "check_root"),
        (completeness.CompletenessChecks, "ask_of_listed"),
        (new_files.NewFiles, "_stamp_at"),
    ],
    ids=["is the root there", "is it still the same", "is the file complete", "is the file still there"],
)
def test_a_watcher_that_its_disk_held_until_others_took_over_writes_nothing_any_more(
    films: Watched, monkeypatch: pytest.MonkeyPatch, module: Any, name: str
) -> None:
    """The library was taken out of the configuration while the disk did not answer to this question."""
    write(films.root / "known" / "old.mkv", "old")
    films.turn()
    # A file beside a known one is compared with it. Those of a new folder are listed together.
    where = "new" if name == "ask_of_listed" else "known"
    write(films.root / where / "new.mkv", "new")
    films.watcher.hints.mark(where)
    asked, answers = threading.Event(), threading.Event()
    ask: Callable[..., object] = getattr(module, name)

    def stall(*arguments: object) -> object:
        asked.set()
        assert answers.wait(PATIENCE_S)
        return ask(*arguments)

    monkeypatch.setattr(module, name, stall)
    films.watcher.start()
    assert asked.wait(PATIENCE_S)
    films.watcher._stopping.set()
    with writing():
        sync_libraries([], now_ms())
    answers.set()
    films.watcher._thread.join(PATIENCE_S)
    assert not films.watcher._thread.is_alive()
    assert (LibraryRow.get().state, list(states())) == ("removed", ["known/old.mkv"])


# --- the rest --------------------------------------------------------------------------------------------


def _may_rest(watched: Watched) -> bool:
    """Turn until the events of these turns came back, then ask."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        watched.watcher._next_denied = 0.0  # each turn asks for files that were refused
        watched.turn(1)
        if watched.watcher._observer_health.is_quiet or time.monotonic() > deadline:
            return watched.watcher._may_rest()


@pytest.fixture
def with_events(catalog: Path, tmp_path: Path, heartbeats: Heartbeats) -> Iterator[Watched]:
    watched = Watched(add_libraries("films")[0], tmp_path / "films", {}, heartbeats, watch="events")
    yield watched
    watched.watcher._rescans.stop()


def test_a_library_that_is_well_lets_its_thread_rest(with_events: Watched) -> None:
    (with_events.root / "Heat (1995).mkv").write_bytes(b"x")
    with_events.turn()
    assert _may_rest(with_events)


def test_while_a_file_was_refused_its_thread_looks_for_the_right_to_read_it(with_events: Watched) -> None:
    (with_events.root / "Heat (1995).mkv").write_bytes(b"x")
    with_events.turn()
    with writing():
        JobRow.update(state="failed", is_denied=True).execute()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "access", lambda *_arguments: False)
        assert not _may_rest(with_events)


def test_while_another_thread_works_a_file_may_still_be_refused(with_events: Watched, heartbeats: Heartbeats) -> None:
    is_over, has_begun = threading.Event(), threading.Event()

    def work() -> None:
        with heartbeats.of_this_thread():
            has_begun.set()
            is_over.wait()

    with_events.turn()
    thread = threading.Thread(target=work, name="light-1")
    thread.start()
    has_begun.wait()
    assert not _may_rest(with_events)
    is_over.set()
    thread.join()
    assert _may_rest(with_events)


def test_where_mounts_are_not_reported_its_thread_looks_every_few_seconds(with_events: Watched) -> None:
    with_events.turn()
    assert _may_rest(with_events)
    with_events.sees_mounts = False
    assert not _may_rest(with_events)


def test_a_library_that_is_away_lets_its_thread_not_rest(with_events: Watched) -> None:
    with_events.turn()
    with_events.root.rename(with_events.root.with_name("elsewhere"))
    with_events.turn()
    assert not with_events.watcher._may_rest()


def test_a_library_that_is_polled_lets_its_thread_not_rest(films: Watched) -> None:
    films.turn()
    assert not films.watcher._may_rest()
