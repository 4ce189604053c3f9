"""Test that a name is read again when its folder changed, and only then."""

import os
from pathlib import Path

import pytest

from reeld.catalog import assignments, queue
from reeld.catalog.models import JobRow, VideoFile
from reeld.database.connection import writing
from reeld.database.fields import utc_from_ms
from reeld.domain.identity import Accepted, Reading, Uncertain, Verdict
from reeld.identify.titles import title_key
from reeld.pipeline.context import StageContext
from reeld.scanner.reidentify import SLACK_MS
from reeld.watch.hints import Hint
from tests.catalog.rows import add_libraries
from tests.scanner.test_compare import World
from tests.scanner.test_moved_files import tools, work
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
    changed_ms = os.stat(world.root / row.directory).st_ctime_ns // 1_000_000
    with writing():
        assignments.store_verdict(row.id, verdict, title_key, changed_ms - 1 if long_ago else changed_ms + SLACK_MS)
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


def test_what_was_accepted_or_decided_stays(world: World) -> None:
    film = Reading(kind="movie", title="One of Six", year=2001)
    _identify(world, Accepted(reading=film), long_ago=True)
    world.look()
    assert world.jobs() == {}
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
    make_video(films.root / "Heat.mkv", seed=1)
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


def test_a_folder_of_the_future_is_no_reason_to_read_for_ever(world: World) -> None:
    world.advance_s -= 7200  # the clock was put back
    world.look()
    assert world.jobs() == {}


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
    world.finish()
    (root / streams[2]).unlink()
    long_ago = utc_from_ms(os.stat(root / "Heat (1995)/BDMV/STREAM").st_ctime_ns // 1_000_000 - 1)
    with writing():
        VideoFile.update(changed_at=long_ago, identified_at=long_ago).execute()
    world.look()
    assert world.jobs()[streams[1]] == "identify", "another one may be the largest now"


def _let_come(world: World, path: str) -> None:
    """Another file, once all that was there is read."""
    world.finish()
    film = Reading(kind="movie", title="Heat", year=1995)
    with writing():
        for row in list(VideoFile.select()):
            assignments.store_verdict(row.id, Accepted(reading=film), title_key, world.now_ms())
    world.advance_s += 1
    world.write(path, path)
    world.be_quiet()
