"""Test that a name is read again when its folder changed, and only then."""

import os
import random
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from zlib import crc32

import pytest

from reeld.catalog import assignments, queue
from reeld.catalog.claims import readings_by
from reeld.catalog.models import Episode, EpisodeFile, JobRow, Library, Series, VideoFile
from reeld.database.connection import writing
from reeld.database.fields import utc_from_ms
from reeld.domain.identity import Accepted, ClueDigests, Clues, Ignored, Reading, Uncertain, Verdict
from reeld.domain.records import FileRecord
from reeld.domain.titles import title_key
from reeld.errors import FileNotRegular
from reeld.identify.verdict import identify
from reeld.pipeline import identify_file as identify_module
from reeld.pipeline.context import StageContext
from reeld.pipeline.identify_file import NameQuestion, identify_file
from reeld.pipeline.stages import HASH, IDENTIFY, LANES, STAGES, Stage
from reeld.pipeline.surroundings import NEIGHBOURS_EACH_SIDE
from reeld.watch.hints import EVERYTHING, Hint
from tests.catalog.rows import add_libraries
from tests.scanner.test_compare import World
from tests.scanner.test_moved_files import runner_in, tools, work
from tests.videos import make_video

__all__ = ["tools"]

UNCERTAIN = Uncertain(reason="the season is not known")
NFO = "<movie><title>Heat</title><year>1995</year><uniqueid type='tmdb' default='true'>949</uniqueid></movie>"


class NowWorld(World):
    """One whose rows are dated by the clock that dates its folders, too."""

    def now_ms(self) -> int:
        return os.stat(self.root).st_ctime_ns // 1_000_000 + 3_600_000 + int(self.advance_s * 1000)


@pytest.fixture
def world(catalog: Path, tmp_path: Path) -> World:
    root = tmp_path / "series"
    (root / "Show/Season 1").mkdir(parents=True)
    world = NowWorld(root, add_libraries("Series")[0])
    world.write("Show/Season 1/1of6.mkv")
    world.be_quiet()
    world.finish()
    _identify(world, UNCERTAIN, long_ago=True)
    return world


@pytest.fixture
def films(catalog: Path, tmp_path: Path) -> World:
    """An empty library."""
    root = tmp_path / "films"
    root.mkdir()
    return NowWorld(root, add_libraries("Films")[0])


def _identify(world: World, verdict: Verdict, *, long_ago: bool = False) -> None:
    """As the stage does, now or before the folder came to be what it is."""
    row = world.row("Show/Season 1/1of6.mkv")
    digests = ClueDigests(file=1, folder=1) if long_ago else world.digests(row.id)
    with writing():
        assignments.store_verdict(row.id, verdict, title_key, world.now_ms(), digests)
        JobRow.delete().execute()


def test_a_file_that_waits_for_a_person_is_identified_again_if_its_folder_changes(world: World) -> None:
    """A file that waits for a person is identified anew once its folder has changed."""
    world.look()
    assert world.jobs() == {"Show/Season 1/1of6.mkv": "identify"}
    _identify(world, UNCERTAIN)
    world.look()
    assert world.jobs() == {}, "nothing came since"


def test_a_nfo_above_is_read_for_the_files_below(world: World) -> None:
    _identify(world, UNCERTAIN)
    (world.root / "Show/tvshow.nfo").write_text("<tvshow/>")
    world.advance_s += 60
    world.look(Hint(relative="Show", is_recursive=False))
    assert world.jobs() == {"Show/Season 1/1of6.mkv": "identify"}


def test_a_walk_looks_for_no_nfo_that_it_has_just_listed_not_to_be(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    _identify(world, UNCERTAIN)
    looked_for: list[str] = []
    really = os.lstat

    def lstat(path: str) -> os.stat_result:
        looked_for.append(os.path.basename(path))
        return really(path)

    monkeypatch.setattr(os, "lstat", lstat)
    world.look(Hint(relative="Show/Season 1", is_recursive=False))
    assert "tvshow.nfo" in looked_for, "a scan of one folder knows nothing of those above"
    looked_for.clear()
    world.look()
    assert "tvshow.nfo" not in looked_for


def test_what_was_accepted_is_judged_again_and_what_was_decided_stays(world: World) -> None:
    film = Reading(kind="movie", title="One of Six", year=2001)
    _identify(world, Accepted(reading=film), long_ago=True)
    world.look()
    assert world.jobs() == {"Show/Season 1/1of6.mkv": "identify"}
    _identify(world, Accepted(reading=film))
    world.look()
    assert world.jobs() == {}, "nothing came since"
    _identify(world, UNCERTAIN, long_ago=True)
    with writing():
        assignments.reject(assignments.open_validation(world.row("Show/Season 1/1of6.mkv").id, 0), world.now_ms())
    world.look()
    assert world.jobs() == {}


def test_a_job_that_is_under_way_is_not_begun_anew(world: World) -> None:
    row = world.row("Show/Season 1/1of6.mkv")
    with writing():
        world.folder_scanner.new_files.begin([row.id])
    world.look()
    assert world.jobs() == {row.path: "name"}


@pytest.mark.parametrize("stage", ["hash", "match_copies"])
def test_a_job_that_is_past_the_name_begins_anew_with_it(world: World, stage: str) -> None:
    row = world.row("Show/Season 1/1of6.mkv")
    with writing():
        queue.enqueue(row.id, stage=stage, lane="heavy", now_ms=world.now_ms())
    world.look()
    assert world.jobs() == {row.path: "identify"}


def test_a_nfo_is_read_though_the_file_waits_for_its_hash(films: World, tools: StageContext) -> None:
    """That waits for its hours, or behind thousands of others, for days."""
    films.advance_s -= 7200
    make_video(films.root / "Heat.mkv", seed=1, padding_bytes=3 << 20)
    films.be_quiet()
    work(films, tools, lanes=("names", "light"))
    assert (films.row("Heat.mkv").verdict, films.jobs()) == ("pending", {"Heat.mkv": "hash"})
    (films.root / "Heat.nfo").write_text(NFO)
    films.advance_s += 7200
    films.look()
    work(films, tools, lanes=("names", "light"))
    row = films.row("Heat.mkv")
    assert (row.verdict, films.jobs()) == ("accepted", {"Heat.mkv": "hash"}), row.reason
    work(films, tools)
    assert JobRow.select().count() == 0


def test_a_nfo_that_is_rewritten_in_its_place_is_read_again(films: World, tools: StageContext) -> None:
    """Its folder does not change by that."""
    make_video(films.root / "Heat.mkv", seed=1)
    nfo = films.root / "Heat.nfo"
    nfo.write_text("")
    films.be_quiet()
    work(films, tools)
    assert films.row("Heat.mkv").verdict == "pending"
    films.look()
    assert films.jobs() == {}, "nothing came since"
    folder_ns = os.stat(films.root).st_ctime_ns
    nfo.write_text(NFO)
    long_ago = utc_from_ms(os.stat(nfo).st_ctime_ns // 1_000_000 - 1)
    with writing():
        VideoFile.update(identified_at=long_ago).execute()
    assert folder_ns == os.stat(films.root).st_ctime_ns
    films.look()
    work(films, tools)
    assert films.row("Heat.mkv").verdict == "accepted", films.row("Heat.mkv").reason


def test_the_clock_is_no_reason_to_read_again_and_none_not_to(world: World) -> None:
    """A server's clock may be ahead of ours, and ours is put back now and then."""
    world.advance_s -= 7200
    _identify(world, UNCERTAIN)
    world.look()
    assert world.jobs() == {}
    world.advance_s += 14_400
    world.look()
    assert world.jobs() == {}
    (world.root / "Show/Season 1/1of6.nfo").write_text("<movie/>")
    world.advance_s -= 14_400
    world.look()
    assert world.jobs() == {"Show/Season 1/1of6.mkv": "identify"}


def test_a_disc_is_read_again_with_each_file_that_comes_to_it(films: World) -> None:
    """The first one to be complete is the largest one as long as it lies alone."""
    world, root = films, films.root
    streams = [f"Heat (1995)/BDMV/STREAM/{name}.mkv" for name in ("00001", "00002", "00800")]
    _let_come(world, streams[0])
    _let_come(world, streams[1])
    assert world.jobs() == {streams[0]: "identify", streams[1]: "name"}
    with writing():
        assignments.reject(assignments.open_validation(world.row(streams[0]).id, 0), world.now_ms())
    _let_come(world, streams[2])
    assert world.jobs() == {streams[1]: "identify", streams[2]: "name"}, "what the user decided stays"
    _let_come(world, "Heat (1995)/other.mkv")
    assert world.jobs() == {"Heat (1995)/other.mkv": "name"}, "nothing came to the disc"
    _judge(world)
    (root / streams[2]).unlink()
    world.look()
    assert world.jobs() == {streams[1]: "identify"}, "another one may be the largest now"


def _let_come(world: World, path: str) -> None:
    """Another file, once all that was there is read."""
    _judge(world)
    world.advance_s += 1
    world.write(path, path)
    world.be_quiet()


def _judge(world: World) -> None:
    world.finish()
    film = Reading(kind="movie", title="Heat", year=1995)
    with writing():
        for row in list(VideoFile.select().where(VideoFile.state == "present")):
            assignments.store_verdict(row.id, Accepted(reading=film), title_key, world.now_ms(), world.digests(row.id))


# --- at each stage of the job ----------------------------------------------------------------------------

STAGES_AND_STATES = [
    ("name", "waiting"),
    ("name", "failed"),
    ("fingerprint", "waiting"),
    ("fingerprint", "failed"),
    ("probe", "waiting"),
    ("probe", "failed"),
    ("identify", "failed"),
    ("hash", "waiting"),
    ("hash", "failed"),
    ("match_copies", "waiting"),
]


@pytest.mark.parametrize(("stage", "state"), STAGES_AND_STATES)
def test_a_nfo_is_heard_at_each_stage_of_the_job(films: World, tools: StageContext, stage: str, state: str) -> None:
    row = _film(films, tools, "Heat.mkv")
    assert row.verdict == "pending"
    with writing():
        lane = next(each.lane for each in STAGES if each.name == stage)
        queue.enqueue(row.id, stage=stage, lane=lane, now_ms=films.now_ms())
        JobRow.update(state=state, attempts=3, awaited_until_ms=films.now_ms() + 86_400_000).execute()
        JobRow.update(due_at_ms=films.now_ms() + (0 if stage == "name" else 3_600_000)).execute()
    before = _jobs()
    (films.root / "Heat.nfo").write_text(NFO)
    films.look()
    work(films, tools, lanes=("names",))
    assert films.row("Heat.mkv").verdict == "accepted", films.row("Heat.mkv").reason
    if stage not in ("name", "identify"):
        assert _jobs() == before, "it is what it was: no attempt more, and no other time"


def _jobs() -> list[dict[str, Any]]:
    return list(JobRow.select().dicts())


def test_the_job_of_a_library_that_is_away_is_not_woken_by_a_nfo(films: World, tools: StageContext) -> None:
    row = _film(films, tools, "Heat.mkv")
    with writing():
        queue.enqueue(row.id, stage="probe", lane="light", now_ms=films.now_ms())
        queue.pause(films.library_id)
        queue.read_name_again(row.id, films.now_ms())
    job = JobRow.get()
    assert (job.stage, job.state) == ("identify", "paused")


def test_the_result_of_a_reading_that_began_before_the_nfo_came_is_discarded(films: World, tools: StageContext) -> None:
    """Its event is over, and no other may ever come."""
    row = _film(films, tools, "Heat.mkv")
    with writing():
        queue.enqueue(row.id, stage="identify", lane="names", now_ms=films.now_ms())

    def read_late(record: FileRecord, context: StageContext) -> NameQuestion:
        question = identify_file(record, context)
        if not (films.root / "Heat.nfo").exists():
            (films.root / "Heat.nfo").write_text(NFO)
            films.look()
        return question

    _work_with(films, tools, replace(IDENTIFY, run=read_late))
    assert films.row("Heat.mkv").verdict == "accepted", films.row("Heat.mkv").reason


@pytest.fixture
def old_folders(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each folder be so old that its times show each change of its names."""
    monkeypatch.setattr(identify_module, "YOUNG_NS", -(1 << 62))


@pytest.mark.usefixtures("old_folders")
@pytest.mark.parametrize("place", ["Heat/Heat.nfo", "Heat/movie.nfo", "tvshow.nfo", None])
def test_a_folder_whose_times_stay_is_listed_once_for_a_name(
    films: World, tools: StageContext, monkeypatch: pytest.MonkeyPatch, place: str | None
) -> None:
    """It shows what came to it or went. Each .nfo that there was, or that is sought above, shows its own changes."""
    (films.root / "Heat").mkdir()
    make_video(films.root / "Heat/Heat.mkv", seed=1)
    if place is not None:
        (films.root / place).write_text("<movie/>")
    films.be_quiet()
    listed: list[str] = []
    really = os.scandir

    def scandir(path: Any) -> Any:
        listed.append(path)
        return really(path)

    def read_among_many(record: FileRecord, context: StageContext) -> NameQuestion:
        question = identify_file(record, context)
        identify_module._listed.cache_clear()
        return question

    scanned: list[str] = []
    stages = [replace(stage, run=read_among_many) if stage.name == "name" else stage for stage in STAGES]
    runner = replace(runner_in(films, tools), stages=stages, rescan_directory=scanned.append)
    with monkeypatch.context() as patched:
        patched.setattr(os, "scandir", scandir)
        assert runner.step("names")
    assert listed == [str(films.root / "Heat")]
    assert scanned == []


@pytest.mark.usefixtures("old_folders")
@pytest.mark.parametrize("place", ["Heat/Heat.nfo", "Heat/movie.nfo", "tvshow.nfo"])
@pytest.mark.parametrize("change", ["comes", "is rewritten", "goes"])
def test_a_nfo_that_changes_while_a_name_is_read_is_heard_though_the_folder_is_old(
    films: World, tools: StageContext, place: str, change: str
) -> None:
    (films.root / "Heat").mkdir()
    make_video(films.root / "Heat/Heat.mkv", seed=1)
    if change != "comes":
        (films.root / place).write_text("<movie/>")
    films.be_quiet()
    scanned: list[str] = []

    def read_late(record: FileRecord, context: StageContext) -> NameQuestion:
        question = identify_file(record, context)
        if change == "goes":
            (films.root / place).unlink()
        else:
            (films.root / place).write_text(NFO)
        return question

    stages = [replace(stage, run=read_late) if stage.name == "name" else stage for stage in STAGES]
    runner = replace(runner_in(films, tools), stages=stages, rescan_directory=scanned.append)
    assert runner.step("names")
    assert scanned == [str(films.root / "Heat/Heat.mkv")]


def test_a_nfo_that_comes_while_a_name_is_read_for_the_first_time_is_heard(films: World, tools: StageContext) -> None:
    """No verdict is stored yet that its event could be compared with."""
    make_video(films.root / "Heat.mkv", seed=1)
    films.be_quiet()
    scanned: list[str] = []

    def read_late(record: FileRecord, context: StageContext) -> NameQuestion:
        question = identify_file(record, context)
        (films.root / "Heat.nfo").write_text(NFO)
        films.look()
        return question

    stages = [replace(stage, run=read_late) if stage.name == "name" else stage for stage in STAGES]
    runner = replace(runner_in(films, tools), stages=stages, rescan_directory=scanned.append)
    assert runner.step("names")
    assert scanned == [str(films.root / "Heat.mkv")]
    films.look()
    work(films, tools)
    assert films.row("Heat.mkv").verdict == "accepted", films.row("Heat.mkv").reason


@pytest.mark.parametrize("fails", [False, True])
def test_a_full_hash_under_way_goes_on_and_the_name_is_read_after_it(
    films: World, tools: StageContext, *, fails: bool
) -> None:
    """In a folder that changes all the time a large file would never be hashed."""
    make_video(films.root / "Heat.mkv", seed=1, padding_bytes=3 << 20)
    films.be_quiet()
    runs = []

    def hash_while_a_nfo_comes(record: FileRecord, context: StageContext) -> str:
        runs.append(record.path)
        if len(runs) == 1:
            (films.root / "Heat.nfo").write_text(NFO)
            films.look()
            if fails:
                raise FileNotRegular(record.absolute_path)
        return str(HASH.run(record, context))

    _work_with(films, tools, replace(HASH, run=hash_while_a_nfo_comes))
    row = films.row("Heat.mkv")
    assert (row.verdict, row.file_hash is None) == ("accepted", fails), row.reason
    assert len(runs) == 1
    assert [(job.stage, job.state) for job in JobRow.select()] == ([("hash", "failed")] if fails else [])


def test_another_kind_of_library_is_heard(films: World, tools: StageContext) -> None:
    assert _film(films, tools, "Heat (1995).mkv").verdict == "accepted"
    with writing():
        Library.update(kind="series").execute()
    films.folder_scanner = replace(films.folder_scanner, kind="series")
    films.look()
    work(films, tools)
    assert films.row("Heat (1995).mkv").verdict == "pending"
    films.look()
    assert films.jobs() == {}


# --- after the file was accepted -------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["Heat (1995)/Heat (1995).nfo", "Heat (1995)/movie.nfo"])
def test_a_nfo_that_comes_changes_and_goes_is_heard_after_the_file_was_accepted(
    films: World, tools: StageContext, path: str
) -> None:
    """Managers write it after the video."""
    video, nfo = "Heat (1995)/Heat (1995).mkv", films.root / path
    row = _film(films, tools, video)
    assert (row.verdict, row.movie.tmdb_id) == ("accepted", None)

    nfo.write_text(NFO)
    row = _look_and_work(films, tools, video)
    assert (row.verdict, row.movie.tmdb_id) == ("accepted", 949)

    films.restart()
    _rewrite(nfo, NFO.replace("949", "948"))
    row = _look_and_work(films, tools, video)
    assert (row.verdict, row.movie.tmdb_id) == ("accepted", 948), "a rewrite while reeld was stopped, the time put back"

    nfo.write_text(NFO.replace("Heat", "Alien").replace("1995", "1979"))
    row = _look_and_work(films, tools, video)
    assert (row.verdict, row.movie) == ("pending", None)
    assert path in row.reason

    nfo.rename(nfo.with_name("old.txt"))
    row = _look_and_work(films, tools, video)
    assert (row.verdict, row.movie.title, row.movie.tmdb_id) == ("accepted", "Heat", None)


@pytest.mark.parametrize("is_stopped", [False, True])
@pytest.mark.parametrize("folder", ["", "Season 1"])
def test_the_nfo_of_a_series_is_heard_by_the_episodes_below(
    films: World, tools: StageContext, folder: str, *, is_stopped: bool
) -> None:
    video = "Kin/Season 1/Kin S01E01.mkv"
    nfo = films.root / "Kin" / folder / "tvshow.nfo"
    hint = EVERYTHING if is_stopped else Hint(relative=os.path.relpath(nfo.parent, films.root), is_recursive=False)
    _film(films, tools, video)
    assert _tvdb_id(films, video) is None
    for text, expected in ((SHOW, 366), (SHOW.replace("366", "367"), 367), (None, None)):
        if text is None:
            nfo.unlink()
        else:
            nfo.write_text(text)
        if is_stopped:
            films.restart()
        _look_and_work(films, tools, video, hint)
        assert _tvdb_id(films, video) == expected


SETS = {
    "a number behind the folder's title": "Anime/Kumo to Tori/[Moriya].Kumo.to.Tori.-.{:02}.[720p].mkv",
    "a number before a title": "TV/Salt Road/Season 2/{:02} Low Tide.mkv",
    "a marker without a season": "TV/Harbour Lights/Harbour Lights E{:02}.mkv",
    "days whose order siblings tell": "TV/The Morning Call/The Morning Call {:02}.11.2014.mkv",
    "a number in a folder of another name": "Downloads/Blue Harbour {:02}.mkv",
    "numbers of a disc": "TV/Northline/Season 2/title_t{:02}.mkv",
    "films with a number": "Films/Saw/Saw {:02} (2005).mkv",
}


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("form", SETS.values(), ids=SETS)
def test_a_set_is_read_the_same_in_whatever_order_its_files_come_and_go(
    films: World, tools: StageContext, form: str, seed: int
) -> None:
    """After each scan every file is what it would be if all had come at once."""
    numbers = list(range(8, 16))
    random.Random(seed).shuffle(numbers)
    there: list[str] = []
    for number in numbers:
        there.append(form.format(number))
        _film(films, tools, there[-1])
        assert _as_stored(films, there) == _as_if_all_had_come_at_once(there)
    for path in there[:6]:
        (films.root / path).unlink()
        there.remove(path)
        films.be_quiet()
        work(films, tools)
        assert _as_stored(films, there) == _as_if_all_had_come_at_once(there)


def _as_stored(world: World, paths: list[str]) -> dict[str, tuple[str, list[Reading]]]:
    found: dict[str, tuple[str, list[Reading]]] = {}
    for path in paths:
        row = world.row(path)
        if row.verdict == "accepted":
            readings = readings_by(row.id)[:1]
        else:
            readings = assignments.candidates_of(assignments.open_validation(row.id, 0))
        found[path] = row.verdict, [_facts(each) for each in readings]
    return found


def _as_if_all_had_come_at_once(paths: list[str]) -> dict[str, tuple[str, list[Reading]]]:
    names = {path: path.rpartition("/")[2] for path in paths}
    found: dict[str, tuple[str, list[Reading]]] = {}
    for path in paths:
        siblings = tuple(name for other, name in names.items() if other != path)
        match identify(Clues(path=path, siblings=siblings)):
            case Accepted(reading=reading):
                found[path] = "accepted", [_facts(reading)]
            case Uncertain(candidates=candidates):
                found[path] = "pending", [_facts(each) for each in candidates]
            case Ignored():
                found[path] = "ignored", []
    return found


def _facts(reading: Reading) -> Reading:
    return replace(reading, score=0.0, evidence=(), episode_title=None)


def test_what_a_user_decided_stands_against_a_nfo(films: World, tools: StageContext) -> None:
    row = _film(films, tools, "Heat (1995).mkv")
    decided = Reading(kind="movie", title="Heat", year=1995, tmdb_id=1)
    with writing():
        question = assignments.open_validation(row.id, films.now_ms())
        assignments.validate(question, decided, candidate=None, key_of=title_key, now_ms=films.now_ms())
    (films.root / "Heat (1995).nfo").write_text(NFO)
    row = _look_and_work(films, tools, "Heat (1995).mkv")
    assert (row.decided_by, row.movie.tmdb_id) == ("user", 1)


def test_an_acceptance_becomes_a_question_while_a_contradiction_lies_beside_it(
    films: World, tools: StageContext
) -> None:
    one, other = (films.root / f"Kin/Season 1/Kin S01E01 - {title}.mkv" for title in ("Pilot", "Dinner"))
    path = os.path.relpath(one, films.root)
    assert _film(films, tools, path).verdict == "accepted"
    make_video(other, seed=2)
    assert _look_and_work(films, tools, path).verdict == "pending"
    other.rename(other.with_name("Kin S01E02 - Dinner.mkv"))
    row = _look_and_work(films, tools, path)
    assert row.verdict == "accepted", row.reason


def test_one_file_that_comes_to_a_large_folder_has_only_its_neighbours_read_again(films: World) -> None:
    count = 3 * NEIGHBOURS_EACH_SIDE
    for number in range(count):
        films.write(f"Clip {number:04}.mkv", str(number))
    films.be_quiet()
    _judge(films)
    films.look()
    assert films.jobs() == {}
    films.write("Clip 9999.mkv")
    films.look()
    near = [f"Clip {number:04}.mkv" for number in range(count - NEIGHBOURS_EACH_SIDE, count)]
    assert set(films.jobs()) - {"Clip 9999.mkv"} == set(near)
    _judge(films)
    films.look()
    assert set(films.jobs()) <= {"Clip 9999.mkv"}, "the others were compared"


def test_what_was_accepted_before_there_were_digests_stands_until_something_changes(
    films: World, tools: StageContext
) -> None:
    """An update asks nothing again. Only a .nfo that is younger than the verdict is read."""
    alien, heat = "Alien/Alien (1979).mkv", "Heat/Heat (1995).mkv"
    for path in (alien, heat):
        _film(films, tools, path)
    nfo = films.root / "Heat/Heat (1995).nfo"
    nfo.write_text(NFO)
    before_ms = os.stat(nfo).st_ctime_ns // 1_000_000 - 1
    with writing():
        VideoFile.update(clues=None, folder_clues=None, identified_at=utc_from_ms(before_ms)).execute()
    films.look()
    assert films.jobs() == {heat: "identify"}
    work(films, tools)
    assert films.row(heat).movie.tmdb_id == 949
    films.look()
    assert films.jobs() == {}
    (films.root / "Alien/Alien (1979).nfo").write_text("<movie/>")
    films.look()
    assert films.jobs() == {alien: "identify"}


SHOW = "<tvshow><title>Kin</title><uniqueid type='tvdb' default='true'>366</uniqueid></tvshow>"


def _film(world: World, tools: StageContext, path: str) -> Any:
    """One that went through all stages."""
    (world.root / path).parent.mkdir(parents=True, exist_ok=True)
    make_video(world.root / path, seed=crc32(path.encode()))
    world.be_quiet()
    work(world, tools)
    return world.row(path)


def _look_and_work(world: World, tools: StageContext, path: str, hint: Hint = EVERYTHING) -> Any:
    world.look(hint)
    work(world, tools)
    return world.row(path)


def _work_with(world: World, tools: StageContext, changed: Stage) -> None:
    stages = [changed if stage.name == changed.name else stage for stage in STAGES]
    runner = replace(runner_in(world, tools), stages=stages)
    while any(runner.step(lane) for lane in LANES):
        pass


def _rewrite(file: Path, text: str) -> None:
    """In its place, with a time of before."""
    before = file.stat()
    file.write_text(text)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file.stat().st_size == before.st_size


def _tvdb_id(world: World, path: str) -> int | None:
    (series,) = Series.select().join(Episode).join(EpisodeFile).where(EpisodeFile.video_file == world.row(path).id)
    return cast("int | None", series.tvdb_id)
