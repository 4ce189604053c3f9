"""Which file is verified next, and what keeps the others waiting."""

import os
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest
import xxhash
from structlog.testing import capture_logs

from reeld.catalog import libraries, media, verification, video_files
from reeld.catalog.models import VideoFile
from reeld.config import Library
from reeld.database.base import database
from reeld.database.connection import writing
from reeld.domain.files import FileStamp
from reeld.domain.records import FileRecord
from reeld.domain.states import LibraryState
from reeld.errors import CatalogFull
from reeld.pipeline import verify_due
from reeld.pipeline.disk_health import FILES_IN_A_ROW, DiskHealth
from reeld.pipeline.throttle import TimeWindow
from reeld.pipeline.verify import Verifier
from reeld.pipeline.verify_due import BUSY_PAUSE_S, REST_S, DueFiles
from tests import fuse
from tests.catalog.rows import NOW_MS, rows
from tests.fuse import fuse_disk

DAY_MS = 86_400_000
PERIOD_MS = 90 * DAY_MS


@dataclass
class Shelf:
    """A library of real files, whose rows say what a daemon stored so long ago."""

    folder: Path
    catalog: Path
    library_id: int
    now_ms: int = NOW_MS
    is_idle: bool = True
    is_stopping: bool = False
    read: list[str] = field(default_factory=list)
    """Names of the files that were read, in that order."""
    disk_health: DiskHealth = field(default_factory=DiskHealth)

    def add(self, name: str, *, days_ago: float, content: bytes | None = None) -> int:
        path = self.folder / name
        path.write_bytes(content or name.encode() * 1000)
        with writing():
            at_ms = self.now_ms - round(days_ago * DAY_MS)
            row_id = video_files.record_settled(self.library_id, name, FileStamp.of(path.stat()), at_ms)
            media.save_full_hash(row_id, xxhash.xxh3_128(path.read_bytes()).hexdigest())
        return row_id

    def lose(self, row_id: int) -> None:
        """Let the row know other bytes than the disk has."""
        with writing():
            media.save_full_hash(row_id, "0" * 32)

    def due(self, **changes: object) -> DueFiles:
        """What a daemon that starts now has to verify."""
        settings: dict[str, object] = {"verifier": Verifier(should_stop=self._stops, has_writer=lambda _path: False)}
        return DueFiles(
            **settings
            | {
                "period_ms": PERIOD_MS,
                "is_idle": lambda: self.is_idle,
                "now_ms": lambda: self.now_ms,
                "at_disk": self._at_disk,
                "disk_health": self.disk_health,
            }
            | changes  # type: ignore[arg-type]
        )

    def run(self, due: DueFiles) -> list[str]:
        """Verify until there is nothing to do; return what was read since the last call."""
        while due.step() == 0:
            pass
        read, self.read = self.read, []
        return read

    def problems(self) -> dict[str, str | None]:
        return dict(rows(self.catalog, "SELECT path, verify_problem FROM video_files"))

    def _stops(self) -> bool:
        return self.is_stopping

    def _at_disk(self, record: FileRecord) -> AbstractContextManager[None]:
        self.read.append(record.path)
        return nullcontext()


@pytest.fixture
def shelf(catalog: Path, tmp_path: Path) -> Shelf:
    return shelf_at(tmp_path / "films", catalog)


def shelf_at(folder: Path, catalog: Path) -> Shelf:
    folder.mkdir(exist_ok=True)
    with writing():
        (library_id,) = libraries.sync_libraries([Library(name="L", path=str(folder))], NOW_MS).values()
        libraries.set_state(library_id, LibraryState.ONLINE, None, NOW_MS)
    return Shelf(folder, catalog, library_id)


def test_the_file_that_was_not_compared_for_the_longest_time_comes_first(shelf: Shelf) -> None:
    for name, days_ago in (("b", 200), ("a", 91), ("c", 300), ("new", 89)):
        shelf.add(name, days_ago=days_ago)
    due = shelf.due()
    assert shelf.run(due) == ["c", "b", "a"]
    assert shelf.problems() == dict.fromkeys("abc", None) | {"new": None}
    shelf.now_ms += 2 * DAY_MS
    assert shelf.run(due) == ["new"]
    shelf.now_ms += PERIOD_MS
    assert shelf.run(due)[3:] == ["new"]


def test_a_start_goes_on_where_a_kill_cut_it_off(shelf: Shelf) -> None:
    for number in range(5):
        shelf.add(str(number), days_ago=200 - number)
    killed = shelf.due()
    for _ in range(3):
        assert killed.step() == 0
        shelf.now_ms += verify_due.STORE_MS
    shelf.read.clear()
    assert shelf.run(shelf.due()) == ["2", "3", "4"], "what was not stored within two seconds is read again"


def test_a_file_that_is_left_alone_is_tried_again_a_day_later(shelf: Shelf) -> None:
    shelf.add("gone", days_ago=200)
    shelf.add("there", days_ago=100)
    (shelf.folder / "gone").rename(shelf.folder / "elsewhere")
    due = shelf.due()
    assert shelf.run(due) == ["gone", "there"]
    shelf.now_ms += DAY_MS - 1
    assert shelf.run(due) == []
    (shelf.folder / "elsewhere").rename(shelf.folder / "gone")
    shelf.now_ms += 2
    assert shelf.run(due) == ["gone"]
    assert rows(shelf.catalog, "SELECT verified_at IS NULL FROM video_files WHERE path = 'gone'") == [(1,)], (
        "the rename has moved its ctime: the scan has to see it first"
    )


def test_damage_is_stored_and_logged_at_once_with_the_copy_to_take(shelf: Shelf) -> None:
    for name in ("film", "twin"):
        shelf.lose(shelf.add(name, days_ago=100, content=b"the same"))
    with capture_logs() as logged:
        due = shelf.due()
        assert due.step() == 0
    assert shelf.problems() == {"film": "damaged", "twin": None}
    (event,) = [each for each in logged if each["event"] == "file.damaged"]
    assert event["path"] == str(shelf.folder / "film")
    assert f"{shelf.folder}/twin had the same bytes when it was last read" in event["reason"]
    with writing():
        VideoFile.update(file_hash=xxhash.xxh3_128(b"the same").hexdigest()).execute()
    shelf.now_ms += PERIOD_MS + DAY_MS
    with capture_logs() as logged:
        shelf.run(due)
    assert [each["event"] for each in logged] == ["file.whole"]
    assert shelf.problems() == {"film": None, "twin": None}


def test_names_of_one_file_are_read_once(shelf: Shelf) -> None:
    shelf.add("one", days_ago=100)
    os.link(shelf.folder / "one", shelf.folder / "two")
    stamp = FileStamp.of((shelf.folder / "one").stat())
    with writing():
        for name in ("one", "two"):
            row_id = video_files.record_settled(shelf.library_id, name, stamp, NOW_MS - 100 * DAY_MS)
            media.save_full_hash(row_id, "0" * 32)
    due = shelf.due()
    assert len(shelf.run(due)) == 1
    assert shelf.problems() == {"one": "damaged", "two": "damaged"}


def test_no_file_is_begun_while_other_work_waits_or_outside_the_hours(shelf: Shelf) -> None:
    shelf.add("film", days_ago=100)
    shelf.is_idle = False
    due = shelf.due()
    assert (due.step(), shelf.read) == (BUSY_PAUSE_S, [])
    shelf.is_idle = True
    hour = datetime.fromtimestamp(NOW_MS / 1000).astimezone().hour
    closed = shelf.due(hours=TimeWindow((hour + 1) % 24 * 60, (hour + 2) % 24 * 60))
    assert (closed.step(), shelf.read) == (REST_S, [])
    assert shelf.run(due) == ["film"]


def test_a_file_that_gave_way_in_the_middle_is_begun_again(shelf: Shelf) -> None:
    shelf.add("film", days_ago=100)
    due = shelf.due()
    shelf.is_stopping = True
    assert due.step() == BUSY_PAUSE_S
    shelf.is_stopping = False
    assert shelf.run(due) == ["film", "film"]


@pytest.mark.parametrize(
    "what_is_so", [{"state": "missing"}, {"is_in_doubt": True}, {"file_hash": None}], ids=lambda so: next(iter(so))
)
def test_what_is_not_known_well_is_left_alone(shelf: Shelf, what_is_so: dict[str, object]) -> None:
    row_id = shelf.add("film", days_ago=100)
    with writing():
        VideoFile.update(**what_is_so).where(VideoFile.id == row_id).execute()
    assert shelf.run(shelf.due()) == []


@pytest.mark.parametrize("state", [LibraryState.OFFLINE, LibraryState.UNVERIFIED, LibraryState.REMOVED])
def test_a_library_that_cannot_be_read_is_left_alone(shelf: Shelf, state: LibraryState) -> None:
    shelf.add("film", days_ago=100)
    with writing():
        libraries.set_state(shelf.library_id, state, "it is away", NOW_MS)
    assert shelf.run(shelf.due()) == []


def test_a_row_that_changed_while_the_file_was_read_is_not_called_damaged(shelf: Shelf) -> None:
    """The daemon's other threads took a new version over meanwhile."""
    row_id = shelf.add("film", days_ago=100)
    shelf.lose(row_id)

    def take_over(_path: str) -> bool:
        with writing():
            media.save_full_hash(row_id, xxhash.xxh3_128((shelf.folder / "film").read_bytes()).hexdigest())
        return False

    with capture_logs() as logged:
        shelf.run(shelf.due(verifier=Verifier(should_stop=lambda: False, has_writer=take_over)))
    assert shelf.problems() == {"film": None}
    assert logged == []


def test_what_was_found_waits_until_the_catalogue_can_be_written(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    row_id = shelf.add("film", days_ago=100)
    shelf.lose(row_id)
    due = shelf.due()

    def full() -> AbstractContextManager[None]:
        raise CatalogFull("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(verify_due, "writing", full)
        with pytest.raises(CatalogFull):
            due.step()
        shelf.now_ms += verify_due.STORE_MS
        with pytest.raises(CatalogFull):
            due.step()
    shelf.read.clear()
    assert shelf.run(due) == []
    assert shelf.problems() == {"film": "damaged"}


@pytest.mark.needs_root
@pytest.mark.skipif(fuse.why_unavailable() is not None, reason=str(fuse.why_unavailable()))
def test_a_disk_that_cannot_read_anything_is_told_of_and_not_its_files(catalog: Path, tmp_path: Path) -> None:
    with fuse_disk(tmp_path / "backing", tmp_path / "disk") as disk:
        for number in range(FILES_IN_A_ROW + 3):
            (tmp_path / "backing" / str(number)).write_bytes(b"film" * 100)
        shelf = shelf_at(tmp_path / "disk", catalog)
        with writing():
            for path in sorted(shelf.folder.iterdir()):
                at_ms = NOW_MS - 100 * DAY_MS
                row_id = video_files.record_settled(shelf.library_id, path.name, FileStamp.of(path.stat()), at_ms)
                media.save_full_hash(row_id, xxhash.xxh3_128(path.read_bytes()).hexdigest())
        disk.fail_reads()
        due = shelf.due()
        assert len(shelf.run(due)) == FILES_IN_A_ROW, "then the disk rests"
        assert list(shelf.problems().values()).count("unreadable") == FILES_IN_A_ROW - 1
        assert shelf.disk_health.trouble(str(shelf.folder)) is not None


def test_what_is_due_and_what_is_damaged_is_asked_of_an_index(shelf: Shelf) -> None:
    """No sorting, and no look at every file: the daemon asks while a million of them lie there."""
    for number in range(100):
        shelf.add(str(number), days_ago=200)
    asked: list[str] = []
    database.connection().set_trace_callback(asked.append)
    try:
        verification.due(NOW_MS, after=verification.Due("2020", 7), most=10)
        verification.oldest()
        verification.problems()
    finally:
        database.connection().set_trace_callback(None)
    asked = [sql for sql in asked if "FROM libraries WHERE" not in sql]
    plans = ["; ".join(row[3] for row in database.execute_sql(f"EXPLAIN QUERY PLAN {sql}").fetchall()) for sql in asked]
    indexes = ("video_files_verified_at", "video_files_verified_at", "video_files_verify_problem")
    for plan, index in zip(plans, indexes, strict=True):
        assert f"SEARCH video_files USING INDEX {index}" in plan
    assert not any("TEMP B-TREE" in plan for plan in plans)


def test_the_libraries_that_can_be_read_are_verified_in_one_order(shelf: Shelf) -> None:
    """A library is asked by itself, so that the files of one that is away are not gone through again and again."""
    for name, days_ago in (("first", 300), ("third", 200)):
        shelf.add(name, days_ago=days_ago)
    other = shelf.folder.parent / "other"
    other.mkdir()
    with writing():
        both = [Library(name="L", path=str(shelf.folder)), Library(name="M", path=str(other))]
        libraries.sync_libraries(both, NOW_MS)
        libraries.set_state(shelf.library_id, LibraryState.ONLINE, None, NOW_MS)
        of_other = libraries.sync_libraries(both, NOW_MS)["M"]
        libraries.set_state(of_other, LibraryState.ON_HOLD, None, NOW_MS)
    second = Shelf(other, shelf.catalog, of_other)
    second.add("second", days_ago=250)
    assert shelf.run(shelf.due()) == ["first", "second", "third"]
    since = verification.oldest()
    assert since is not None
    assert since.timestamp() * 1000 == shelf.now_ms
