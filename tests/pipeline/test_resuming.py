"""Does the stage that reads whole files go on where it was when reeld ended?"""

import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from reeld.catalog import media, queue
from reeld.catalog.models import JobRow, VideoFile
from reeld.config import Config
from reeld.content.hashing import SLICE_BYTES, full_hash
from reeld.database.base import database
from reeld.database.connection import reading, writing
from reeld.pipeline import stages
from reeld.pipeline.context import StageContext
from reeld.service.stage_context import open_stage_context
from tests.scanner.test_compare import World
from tests.scanner.test_moved_files import hash_of, work, worlds
from tests.videos import make_video

__all__ = ["worlds"]


@pytest.fixture
def tools() -> Iterator[StageContext]:
    with open_stage_context(Config(source=None, libraries=(), database_path=""), threading.Event()) as opened:
        yield opened


@pytest.fixture
def film(worlds: tuple[World, World], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of several pieces, where that is large."""
    monkeypatch.setattr(stages, "full_hash", partial(full_hash, large_bytes=SLICE_BYTES))
    path = make_video(worlds[0].root / "Heat (1995).mkv", seed=1, padding_bytes=4 * SLICE_BYTES)
    worlds[0].be_quiet()
    return path


def interrupted_once(tools: StageContext, after_bytes: int, hashed: list[int]) -> StageContext:
    """As if reeld ended once so many bytes were hashed, and was started again; `hashed` gets what is read."""
    asked: list[bool] = []

    def should_stop() -> bool:
        if sum(hashed) < after_bytes or asked:
            return False
        asked.append(True)
        return True

    return replace(tools, should_stop=should_stop, on_bytes_hashed=hashed.append)


def test_each_byte_of_a_large_file_is_read_once_although_reeld_ended_between(
    worlds: tuple[World, World], film: Path, tools: StageContext
) -> None:
    hashed: list[int] = []
    work(worlds[0], interrupted_once(tools, 2 * SLICE_BYTES, hashed))
    assert sum(hashed) == film.stat().st_size
    assert VideoFile.get().file_hash == hash_of(film)
    assert JobRow.select().count() == 0


def test_what_cannot_be_understood_of_what_was_kept_costs_no_more_than_that(
    worlds: tuple[World, World], film: Path, tools: StageContext
) -> None:
    hashed: list[int] = []
    keeps = replace(interrupted_once(tools, 3 * SLICE_BYTES, hashed), kept_hash=_spoilt)
    work(worlds[0], keeps)
    assert sum(hashed) == film.stat().st_size + 3 * SLICE_BYTES
    assert VideoFile.get().file_hash == hash_of(film)


def _spoilt(video_file_id: int) -> None:
    """What is kept, after something else wrote nonsense into it."""
    for nonsense in ("", "{", "[]", "{}", '{"stamp": 1}', '{"stamp": {}, "done_bytes": "x"}'):
        with writing():
            database.execute_sql("UPDATE jobs SET hash_progress = ?", (nonsense,))
        with reading():
            assert media.hash_progress(video_file_id) is None


def test_what_was_kept_goes_with_the_job(worlds: tuple[World, World], film: Path, tools: StageContext) -> None:
    hashed: list[int] = []
    kept: list[int] = []

    def keep(video_file_id: int, progress: object) -> None:
        tools.keep_hash(video_file_id, progress)  # type: ignore[arg-type]
        with reading():
            assert media.hash_progress(video_file_id) == progress
        kept.append(video_file_id)

    work(worlds[0], replace(tools, keep_hash=keep, on_bytes_hashed=hashed.append))
    assert len(kept) == 4
    with writing():
        queue.enqueue(kept[0], stage="hash", lane="heavy", now_ms=worlds[0].now_ms())
    with reading():
        assert media.hash_progress(kept[0]) is None
