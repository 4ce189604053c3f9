"""Does all that concerns a stage's columns follow from its line in the table?

Each test runs for the toy stage of `toy_stage.py`, which is in the table and nowhere else but for its migration and the
fields of its columns, and for every real stage that has columns, which is taken out of the table and put back.
"""

import json
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from reeld.catalog import media, queue, video_files, views
from reeld.catalog.export import export
from reeld.catalog.models import JobRow, VideoFile, stage_columns
from reeld.cli import show
from reeld.cli.output import print_json
from reeld.config import Config
from reeld.database.connection import close_catalog, open_catalog, reading, writing
from reeld.domain.numbers import Thing
from reeld.domain.records import FileRecord
from reeld.pipeline.backfill import enqueue_backfill
from reeld.pipeline.context import StageContext
from reeld.pipeline.stages import IDENTIFY, STAGES, Stage, stages
from reeld.service.stage_context import now_ms, open_stage_context
from tests.catalog import listed
from tests.catalog.rows import NOW_MS, add_file, add_libraries, claim_one, rows
from tests.pipeline import toy_stage
from tests.pipeline.crash_driver import run_pipeline
from tests.videos import make_video

EVERY_STAGE = [*(stage.name for stage in STAGES if stage.columns), toy_stage.TOY.name]
FILM, COPY = "Heat (1995).mkv", "Copied (2001).mkv"


@pytest.fixture(scope="module")
def context() -> Iterator[StageContext]:
    with open_stage_context(Config(source=None, libraries=(), database_path=""), threading.Event()) as opened:
        yield opened


@dataclass
class Library:
    """A folder of videos, its catalogue, and what happened in it."""

    root: Path
    database: Path
    context: StageContext
    before: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    """For every stage that ran in the last work: its name, the file, and the values of all stages before it ran."""

    def work(self, table: Sequence[Stage], known_before: Sequence[str] = ()) -> list[str]:
        """Start reeld with this table and let it do all work; the stages that ran, each with its file."""
        told: list[str] = []
        self.before.clear()

        def noting(stage: Stage) -> Stage:
            def run(record: FileRecord, context: StageContext) -> Any:
                told.append(f"{stage.name} of {record.path}")
                self.before.append((stage.name, record.path, values_of(record.path)))
                return stage.run(record, context)

            return replace(stage, run=run)

        open_catalog(str(self.database), create=True)
        try:
            run_pipeline(
                str(self.root), self.context, lambda *_: None, [noting(stage) for stage in table], known_before
            )
            assert JobRow.select().count() == 0
        finally:
            close_catalog()
        return told

    def value(self, column: str, path: str = FILM) -> Any:
        ((value,),) = rows(self.database, f"SELECT {column} FROM video_files WHERE path = ?", path)
        return value

    def change(self, write: Callable[[], Any]) -> None:
        """Write while the catalogue is open."""
        open_catalog(str(self.database), create=False)
        try:
            with writing():
                write()
        finally:
            close_catalog()


def values_of(path: str) -> dict[str, Any]:
    with reading():
        (row,) = VideoFile.select().where(VideoFile.path == path).dicts()
    return {name: row[name] for name in stage_columns()}


@pytest.fixture
def library(tmp_path: Path, context: StageContext) -> Library:
    root = tmp_path / "videos"
    root.mkdir()
    make_video(root / FILM, seed=1)
    make_video(root / "Alien (1979).mp4", seed=2, audio_language="ger")
    make_video(root / COPY, seed=3)
    # No video: the probe finds a problem, and the toy stage nothing.
    (root / "Dune (2021).mkv").write_bytes(b"#EXTM3U\nhttp://example.invalid/\n")
    return Library(root, tmp_path / "state" / "reeld.db", context)


@pytest.fixture(params=EVERY_STAGE)
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """A stage with columns; the toy stage is in the table, and its columns in the schema, in its own tests alone."""
    if request.param == toy_stage.TOY.name:
        with toy_stage.installed():
            yield toy_stage.TOY
    else:
        yield next(stage for stage in STAGES if stage.name == request.param)


def without(stage: Stage) -> Sequence[Stage]:
    return [each for each in stages() if each.name != stage.name]


# --- the table and the model -----------------------------------------------------------------------------


def test_every_column_of_stages_belongs_to_exactly_one_stage(stage: Stage) -> None:
    """A column without a stage would never be filled in; one of two stages would be undone with both."""
    owned = [column for each in stages() for column in each.columns]
    assert sorted(owned) == sorted(stage_columns())
    assert set(stage.columns) <= set(VideoFile._meta.fields)


def test_a_stage_needs_only_stages_before_it_and_marks_itself_by_a_plain_name(stage: Stage) -> None:
    names = [each.name for each in stages()]
    assert all(names.index(needed) < names.index(stage.name) for needed in stage.needs)
    assert all(name.isidentifier() for name in names)
    assert len(set(names)) == len(names)


# --- other bytes -----------------------------------------------------------------------------------------


def test_replaced_bytes_leave_no_old_value_before_the_stage_runs_again(library: Library, stage: Stage) -> None:
    library.work(stages())
    old = {column: library.value(column) for column in stage.columns}
    assert any(value not in (None, "[]") for value in old.values())
    make_video(library.root / FILM, seed=7, duration_s=3.0, audio_language="fre")
    told = library.work(stages())
    assert f"{stage.name} of {FILM}" in told
    ((_, _, before),) = [each for each in library.before if each[:2] == (stage.name, FILM)]
    assert [before[column] for column in stage.columns] == [media.forgotten()[column] for column in stage.columns]
    assert {column: library.value(column) for column in stage.columns} != old


@pytest.mark.parametrize("padding_bytes", [0, 6 << 20])
def test_bytes_that_changed_behind_an_old_time_leave_no_value_of_theirs(
    library: Library, stage: Stage, padding_bytes: int
) -> None:
    """Of a small file the fingerprint finds it, of a large one the full hash, which runs last."""
    film = make_video(library.root / FILM, seed=1, padding_bytes=padding_bytes)
    library.work(stages())
    status, before = film.stat(), library.value("file_hash")
    with open(film, "r+b") as file:
        file.seek(padding_bytes // 2 or 1000)
        file.write(b"rewritten")
    os.utime(film, ns=(status.st_atime_ns, status.st_mtime_ns))
    told = library.work(stages())
    assert told.count(f"{stage.name} of {FILM}") <= 2
    assert library.value("file_hash") != before
    assert library.value("container") is not None
    assert library.value("is_in_doubt") == 0
    if stage is toy_stage.TOY:
        ((_, _, values),) = [each for each in library.before if each[:2] == ("toy", FILM)]
        assert (values["toy_seconds"], values["toy_marks"]) == (None, None)
        assert json.loads(library.value("toy_marks")) == toy_stage.run(_record(library), library.context).marks
    assert library.work(stages()) == []


def _record(library: Library) -> FileRecord:
    from reeld.catalog import video_files

    open_catalog(str(library.database), create=False)
    try:
        with reading():
            return video_files.file_record(VideoFile.get(VideoFile.path == FILM).id)
    finally:
        close_catalog()


# --- an older catalogue ----------------------------------------------------------------------------------


def test_a_stage_that_is_new_to_a_catalogue_runs_once_for_every_known_file(library: Library, stage: Stage) -> None:
    """Also where it finds nothing; and again with its next version."""
    dependent = {each.name for each in stages() if stage.name in each.needs}
    older = [each for each in without(stage) if each.name not in dependent]
    library.work(older)
    assert all(library.value(column) in (None, "[]") for column in stage.columns)
    told = library.work(stages())
    paths = [path.name for path in library.root.iterdir()]
    assert sorted(each for each in told if each.startswith(f"{stage.name} of ")) == sorted(
        f"{stage.name} of {path}" for path in paths
    )
    assert any(library.value(column) not in (None, "[]") for column in stage.columns)
    assert library.work(stages()) == []
    later = [replace(each, version=each.version + 1) if each.name == stage.name else each for each in stages()]
    told = library.work(later)
    assert sorted(each for each in told if each.startswith(f"{stage.name} of ")) == sorted(
        f"{stage.name} of {path}" for path in paths
    )
    assert library.work(later) == []


def test_only_the_added_stage_runs_and_what_follows_from_it(library: Library) -> None:
    library.work(stages())
    with toy_stage.installed():
        told = library.work(stages())
    assert {each.partition(" of ")[0] for each in told} == {"toy"}


def test_the_columns_of_an_added_stage_come_by_its_migration(library: Library) -> None:
    library.work(stages())
    with toy_stage.installed():
        library.work(stages())
        assert json.loads(library.value("toy_marks"))[0] == "toy"
        assert library.value("toy_seconds") == 1
        assert library.value("toy_marks", "Dune (2021).mkv") is None


def test_a_file_that_was_missing_gets_what_it_lacks_when_it_returns(library: Library, tmp_path: Path) -> None:
    library.work(stages())
    os.rename(library.root / FILM, tmp_path / "aside")
    library.change(lambda: _mark_missing(FILM))
    with toy_stage.installed():
        assert f"toy of {FILM}" not in library.work(stages())
        os.rename(tmp_path / "aside", library.root / FILM)
        assert f"toy of {FILM}" in library.work(stages())
        assert library.value("toy_seconds") == 1


def _mark_missing(path: str) -> None:
    from reeld.catalog import video_files

    row = VideoFile.get(VideoFile.path == path)
    video_files.record_missing([row.id], row.library_id, row.directory, now_ms())


def test_what_is_filled_in_waits_for_all_other_work(catalog: Path) -> None:
    (library_id,) = add_libraries("Films")
    old, new = add_file(library_id, "old.mkv"), add_file(library_id, "new.mkv")
    day_ms = 86_400_000
    with writing():
        VideoFile.update(stages_done={"fingerprint": 1}, verdict="accepted").where(VideoFile.id == old).execute()
        assert enqueue_backfill(stages(), NOW_MS) == 1
        assert enqueue_backfill(stages(), NOW_MS) == 0
        queue.enqueue(new, stage="probe", lane="light", now_ms=NOW_MS + 5 * day_ms)
        assert queue.next_due_ms("light") == NOW_MS
        first = claim_one("light", NOW_MS + 6 * day_ms)
        second = claim_one("light", NOW_MS + 6 * day_ms)
    assert first is not None
    assert second is not None
    assert (first.video_file_id, second.video_file_id) == (new, old)


def test_a_file_that_changes_while_it_waits_to_be_filled_in_waits_no_longer(catalog: Path) -> None:
    (library_id,) = add_libraries("Films")
    file_id = add_file(library_id, "old.mkv")
    with writing():
        VideoFile.update(stages_done={"fingerprint": 1}, verdict="accepted").execute()
        for enqueue in (_enqueue_anew, _identify_again):
            JobRow.delete().execute()
            assert enqueue_backfill(stages(), NOW_MS) == 1
            assert JobRow.get().is_backfill
            enqueue(file_id)
            assert not JobRow.get().is_backfill


def _enqueue_anew(file_id: int) -> None:
    queue.enqueue(file_id, stage="name", lane="names", now_ms=NOW_MS)


def _identify_again(file_id: int) -> None:
    queue.enqueue_if_idle(file_id, stage=IDENTIFY.name, lane=IDENTIFY.lane, due_at_ms=NOW_MS, now_ms=NOW_MS)


def test_nothing_is_filled_in_for_files_that_are_away_unread_or_at_work(catalog: Path) -> None:
    (library_id,) = add_libraries("Films")
    done = {"stages_done": {"fingerprint": 1}, "verdict": "accepted"}
    ids = {name: add_file(library_id, f"{name}.mkv") for name in ("missing", "unread", "at work")}
    with writing():
        VideoFile.update(**done).where(VideoFile.id != ids["unread"]).execute()
        VideoFile.update(state="missing").where(VideoFile.id == ids["missing"]).execute()
        queue.enqueue(ids["at work"], stage="name", lane="names", now_ms=NOW_MS)
        assert enqueue_backfill(stages(), NOW_MS) == 0


def test_nothing_is_filled_in_for_files_that_the_rules_skip(catalog: Path) -> None:
    """Their content is not read. The stages after that would read the name, and so overrule the rules."""
    (library_id,) = add_libraries("Films")
    file_id = add_file(library_id, "old.mkv")
    with writing():
        VideoFile.update(stages_done={"fingerprint": 1}, verdict="pending").execute()
        video_files.record_all_skipped([file_id], "a pattern of the library ignores it", NOW_MS)
        assert enqueue_backfill(stages(), NOW_MS) == 0


def test_a_job_to_fill_something_in_that_is_dropped_throws_no_doubt_on_what_was_read(catalog: Path) -> None:
    """Else a file that goes and returns would be read as a whole, without need."""
    (library_id,) = add_libraries("Films")
    file_id = add_file(library_id, "old.mkv")
    with writing():
        VideoFile.update(stages_done={"hash": 1}, verdict="accepted", file_hash="f").execute()
        assert enqueue_backfill(stages(), NOW_MS) == 1
        queue.drop([file_id])
        assert not VideoFile.get().is_in_doubt


# --- another row -----------------------------------------------------------------------------------------


def test_a_row_that_adopts_a_file_keeps_what_the_stage_found(library: Library, stage: Stage) -> None:
    library.work(stages())
    alone = {column: library.value(column, COPY) for column in stage.columns}
    library.database.unlink()
    told = library.work(stages(), known_before=[COPY])
    assert f"match_copies of {COPY}" in told
    assert rows(library.database, "SELECT COUNT(*) FROM file_history WHERE event = 'paired'") == [(1,)]
    assert {column: library.value(column, COPY) for column in stage.columns} == alone
    assert json.loads(library.value("stages_done", COPY))[stage.name] == stage.version
    assert library.work(stages()) == []


def test_a_row_that_gets_its_old_content_back_gets_what_the_stage_found_in_it(library: Library, stage: Stage) -> None:
    """Also where that was stored before the stage was there: then the stage runs again."""
    library.work(stages())

    def give_back() -> None:
        film, other = (VideoFile.get(VideoFile.path == path).id for path in (FILM, COPY))
        known = media.of_row(film)
        expected = {name: known[name] for name in media.content_columns()}
        media.give_to_row(other, known)
        assert {name: media.of_row(other)[name] for name in media.content_columns()} == expected
        older = {name: value for name, value in known.items() if name not in stage.columns}
        older["stages_done"] = json.dumps({})
        media.give_to_row(other, older)
        assert media.stages_done(other) == {}
        forgotten = media.forgotten()
        row = VideoFile.get_by_id(other)
        assert [getattr(row, name) for name in stage.columns] == [forgotten[name] for name in stage.columns]

    library.change(give_back)


# --- a stage that another one undoes ---------------------------------------------------------------------


def test_a_stage_runs_again_when_one_that_it_needs_does(library: Library) -> None:
    with toy_stage.installed():
        library.work(stages())
        later = [replace(each, version=each.version + 1) if each.name == "probe" else each for each in stages()]
        told = library.work(later)
        # The one that is no video is identified once more with each reading of its headers.
        assert {each.partition(" of ")[0] for each in told} <= {"probe", "toy", "identify"}
        for path in library.root.iterdir():
            assert told.count(f"probe of {path.name}") == told.count(f"toy of {path.name}") == 1
        befores = [values for name, _, values in library.before if name == "toy"]
        assert all(values["toy_seconds"] is None and values["toy_marks"] is None for values in befores)
        assert library.value("toy_seconds") == 1


# --- what people see -------------------------------------------------------------------------------------


def test_show_and_export_print_what_the_stage_found(
    library: Library, stage: Stage, capfd: pytest.CaptureFixture[str]
) -> None:
    library.work(stages())
    open_catalog(str(library.database), create=False)
    try:
        row = VideoFile.get(VideoFile.path == FILM)
        details = views.file_details(row.id)
        exported = next(each for each in export() if each.get("table") == "video_files" and each["id"] == row.id)
        (in_list,) = [each for each in listed.list_files() if each["id"] == row.id]
    finally:
        close_catalog()
    assert details is not None
    capfd.readouterr()
    print_json([details])
    shown = json.loads(capfd.readouterr().out)
    show._print_details(Thing.FILE, details)
    text = capfd.readouterr().out
    for column in stage.columns:
        value = getattr(row, column)
        assert in_list[column] == exported[column] == shown[column] == value
        heading = column.removesuffix("_ms").replace("_", " ")
        assert (f"  {heading} " in text) == (value not in (None, []))
