"""What is read of a file whose ctime alone moved: by a right, by a hard link, or by a writer that put the time back."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from reeld.catalog import overview, video_files, views
from reeld.catalog.models import JobRow, VideoFile
from reeld.catalog.twins import twins_of
from reeld.database.connection import reading, writing
from reeld.domain.times import rfc3339
from reeld.pipeline.backfill import enqueue_backfill, enqueue_doubts
from reeld.pipeline.context import StageContext
from reeld.pipeline.stages import STAGES
from reeld.watch.hints import Hint
from tests.scanner.test_compare import World
from tests.scanner.test_moved_files import film, hash_of, tools, work, world, worlds
from tests.videos import make_video

__all__ = ["film", "tools", "world", "worlds"]  # the fixtures of test_moved_files.py

DAY_S = 86_400.0


class Reader:
    """Works on what is queued, and counts the bytes that are read for full hashes."""

    def __init__(self, world: World, tools: StageContext) -> None:
        self.world = world
        self.read: list[int] = []
        self.tools = replace(tools, on_bytes_hashed=self.read.append)

    def now_ms(self) -> int:
        """The time at which the stages of `work` run."""
        return self.world.now_ms() + 60_000

    def take(self) -> int:
        """Bring the catalogue up to date; return how many bytes were read."""
        self.read.clear()
        self.world.be_quiet()
        work(self.world, self.tools)
        assert JobRow.select().count() == 0
        return sum(self.read)


@pytest.fixture
def reader(world: World, film: Path, tools: StageContext) -> Reader:
    return Reader(world, tools)


def rewrite(path: Path, offset: int = 3 << 20) -> None:
    """Write into the middle, and put the time back."""
    status = path.stat()
    with open(path, "r+b") as file:
        file.seek(offset)
        file.write(b"rewritten")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


# --- hard links ------------------------------------------------------------------------------------------


def test_a_film_that_is_imported_by_a_hard_link_is_not_read_again(reader: Reader, film: Path) -> None:
    """Neither under its old name nor under the new one; nor is it when the old name goes."""
    before = VideoFile.get()
    other = film.with_name("Heat again (1995).mkv")
    os.link(film, other)
    assert reader.take() == 0
    assert [(row.file_hash, row.is_in_doubt, row.links) for row in VideoFile.select()] == [
        (before.file_hash, False, 2),
        (before.file_hash, False, 2),
    ]
    assert before.links_seen_at is None, "it is counted since the file was first seen"
    counted_at = VideoFile.get_by_id(before.id).links_seen_at
    assert counted_at is not None
    assert twins_of(before.id)["link_count_at"] == rfc3339(counted_at)
    film.unlink()
    assert reader.take() == 0
    assert {row.file_hash for row in VideoFile.select()} == {before.file_hash}
    assert not VideoFile.get(VideoFile.path == other.name).is_in_doubt


def test_a_film_of_an_older_catalogue_is_not_read_again_for_a_link_either(reader: Reader, film: Path) -> None:
    """The first walk notes how many names it has."""
    with writing():
        VideoFile.update(links=None).execute()
    assert reader.take() == 0
    os.link(film, film.with_name("Heat again (1995).mkv"))
    assert reader.take() == 0


def test_the_ends_of_a_file_that_got_a_name_are_compared(reader: Reader, film: Path) -> None:
    before = VideoFile.get()
    rewrite(film, offset=100)
    os.link(film, film.with_name("Heat again (1995).mkv"))
    assert reader.take() == film.stat().st_size, "once, for both names"
    assert {row.file_hash for row in VideoFile.select()} == {hash_of(film)} != {before.file_hash}


@pytest.mark.parametrize("seen_first", ["", "below"])
def test_a_rewrite_is_found_under_all_names_of_the_file(reader: Reader, film: Path, seen_first: str) -> None:
    folder = film.parent / "below"
    folder.mkdir()
    os.link(film, folder / "Heat again (1995).mkv")
    os.link(film, folder / "Heat once more (1995).mkv")
    reader.take()
    rewrite(film)
    now = hash_of(film)
    reader.world.look(Hint(relative=seen_first, is_recursive=False))
    work(reader.world, reader.tools, ["names", "light"])
    assert 0 < reader.take() <= 2 * film.stat().st_size
    assert [(row.file_hash, row.is_in_doubt) for row in VideoFile.select()] == [(now, False)] * 3


def test_a_name_whose_hash_another_name_contradicts_is_read_again(reader: Reader, film: Path) -> None:
    """Here its own comparison of the ends was lost."""
    other = film.with_name("Heat again (1995).mkv")
    os.link(film, other)
    reader.take()
    rewrite(film, offset=100)
    reader.world.be_quiet()
    with writing():
        theirs = VideoFile.get(VideoFile.path == other.name)
        VideoFile.update(is_in_doubt=False).where(VideoFile.id == theirs.id).execute()
        JobRow.delete().where(JobRow.video_file == theirs.id).execute()
    reader.take()
    assert [(row.file_hash, row.is_in_doubt) for row in VideoFile.select()] == [(hash_of(film), False)] * 2


def test_a_link_explains_nothing_while_another_name_is_in_doubt(reader: Reader, film: Path) -> None:
    """Both were seen in turns: the one when it was written to, the other when it got a name."""
    folder = film.parent / "below"
    folder.mkdir()
    os.link(film, folder / "Heat again (1995).mkv")
    reader.take()
    rewrite(film)
    reader.world.look(Hint(relative="", is_recursive=False))
    assert [row.is_in_doubt for row in VideoFile.select()] == [True, True]
    os.link(film, film.parent / "Heat once more (1995).mkv")
    reader.world.look(Hint(relative="below", is_recursive=False))
    reader.take()
    assert [(row.file_hash, row.is_in_doubt) for row in VideoFile.select()] == [(hash_of(film), False)] * 3


# --- a ctime that moved alone ----------------------------------------------------------------------------


def test_a_file_that_is_touched_again_and_again_is_read_once_a_day(reader: Reader, film: Path) -> None:
    size_bytes, before = film.stat().st_size, VideoFile.get()
    film.chmod(0o600)
    assert reader.take() == size_bytes
    film.chmod(0o640)
    assert reader.take() == 0
    after = VideoFile.get()
    assert (after.file_hash, after.is_in_doubt) == (before.file_hash, True), "it says that its hash may be old"
    assert "it is read again after" in str(views.file_details(after.id)["reason"])  # type: ignore[index]
    assert overview.counts()["in_doubt"] == 1
    with writing():
        assert enqueue_doubts(STAGES, reader.now_ms()) == 0
        assert enqueue_backfill(STAGES, reader.now_ms()) == 0, "nor at a start"
    reader.world.advance_s += DAY_S + 60
    with writing():
        assert enqueue_doubts(STAGES, reader.now_ms()) == 1
    assert reader.take() == size_bytes
    assert not VideoFile.get().is_in_doubt
    assert overview.counts()["in_doubt"] == 0
    with writing():
        assert enqueue_doubts(STAGES, reader.now_ms()) == 0


def test_a_rewrite_that_is_noticed_by_the_ends_is_read_at_any_time(reader: Reader, film: Path) -> None:
    film.chmod(0o600)
    reader.take()
    rewrite(film, offset=100)
    assert reader.take() == film.stat().st_size
    assert VideoFile.get().file_hash == hash_of(film)


def test_a_file_in_doubt_is_read_behind_all_others(reader: Reader, film: Path) -> None:
    film.chmod(0o600)
    reader.world.be_quiet()
    work(reader.world, reader.tools, ["names", "light"])
    assert [(job.stage, job.is_backfill) for job in JobRow.select()] == [("hash", True)]
    # So large that it is not hashed with its ends.
    make_video(film.with_name("Ronin (1998).mkv"), seed=2, padding_bytes=3 << 20)
    reader.world.be_quiet()
    work(reader.world, reader.tools, ["names", "light"])
    with reading():
        waiting = {job.video_file.path: job.is_backfill for job in JobRow.select()}
    assert waiting == {film.name: True, "Ronin (1998).mkv": False}
    reader.take()
    assert video_files.file_record(VideoFile.get(VideoFile.path == film.name).id).has_full_hash
