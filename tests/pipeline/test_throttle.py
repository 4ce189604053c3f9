"""Is the reading of whole files kept slow, to its hours, and to one reader a disk where heads move?"""

import datetime as dt
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from peewee import sqlite3

from reeld.catalog import queue
from reeld.catalog.models import JobRow
from reeld.config import hours_of
from reeld.content.devices import has_moving_heads
from reeld.database.base import database
from reeld.database.connection import writing
from reeld.domain.files import FileStamp
from reeld.domain.records import FileRecord
from reeld.errors import CatalogError
from reeld.pipeline.context import StageContext
from reeld.pipeline.throttle import LARGEST_BURST_S, DeviceLocks, RateLimit, TimeWindow
from tests.catalog.rows import NOW_MS, add_file, add_libraries, stamp
from tests.content.reading import full_hash
from tests.pipeline.test_runner import Work, give


@pytest.mark.parametrize(
    ("text", "at", "is_open"),
    [
        ("", "12:00", True),
        ("01:00-07:00", "00:59", False),
        ("01:00-07:00", "01:00", True),
        ("01:00 - 07:00", "06:59", True),
        ("01:00-07:00", "07:00", False),
        ("22:30-06:00", "23:00", True),
        ("22:30-06:00", "05:59", True),
        ("22:30-06:00", "12:00", False),
        ("05:00-05:00", "12:00", True),
    ],
)
def test_whole_files_are_begun_within_their_hours(text: str, at: str, is_open: bool) -> None:
    now = dt.datetime.fromisoformat(f"2026-03-01T{at}:30").astimezone()
    assert TimeWindow(*hours_of(text)).has(now) == is_open


@pytest.mark.parametrize("text", ["1:00-7:00", "01:00", "24:00-01:00", "01:60-02:00", "night", "01:00-07:00-09:00"])
def test_what_are_no_hours_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=text):
        hours_of(text)


@given(st.lists(st.tuples(st.integers(1, 1 << 22), st.floats(0, 5)), min_size=1, max_size=50))
def test_no_more_is_read_than_the_pace_allows(pieces: list[tuple[int, float]]) -> None:
    """Whatever each piece takes by itself: over any time, but for one burst."""
    now = 100.0

    def pause(seconds: float) -> None:
        nonlocal now
        now += seconds

    pace = RateLimit(bytes_per_s=1 << 20, pause=pause, clock=lambda: now)
    began, total = now, 0
    for size, takes_s in pieces:
        now += takes_s
        pace.keep(size)
        total += size
        assert total <= (now - began + LARGEST_BURST_S) * (1 << 20) + 1


def test_a_whole_file_is_read_piece_by_piece_at_its_pace(tmp_path: Path) -> None:
    path = tmp_path / "film.mkv"
    path.write_bytes(bytes(9_000_000))
    pieces: list[int] = []
    found = full_hash(
        str(path),
        FileStamp.of(os.stat(path)),
        on_progress=lambda _count: None,
        should_stop=lambda: False,
        limit_rate=pieces.append,
    )
    assert len(found) == 32
    assert sum(pieces) == 9_000_000
    assert max(pieces) <= 2 << 20


def test_the_kernel_says_which_disk_has_moving_heads(tmp_path: Path) -> None:
    has_moving_heads.cache_clear()
    assert has_moving_heads(os.makedev(0, 12345)), "one that is not known may be one"
    for name in os.listdir("/sys/dev/block"):
        major, _, minor = name.partition(":")
        said = Path(f"/sys/dev/block/{name}/queue/rotational")
        if said.exists():
            assert has_moving_heads(os.makedev(int(major), int(minor))) == (said.read_text().strip() == "1")


def _two_disks() -> dict[int, list[int]]:
    """Files of one library on two devices, each of which waits to be read as a whole."""
    (library_id,) = add_libraries("Films")
    made: dict[int, list[int]] = {7: [], 8: []}
    for device, ids in made.items():
        for number in range(2):
            file_id = add_file(library_id, f"{device}-{number}.mkv", at=stamp(device=device))
            with writing():
                queue.enqueue(file_id, stage="second", lane="heavy", now_ms=NOW_MS)
            ids.append(file_id)
    return made


@pytest.mark.parametrize("moving", [{7, 8}, set()])
def test_a_disk_with_moving_heads_has_one_reader_at_a_time(catalog: Path, moving: set[int]) -> None:
    _two_disks()
    begun: list[tuple[int, ...]] = []
    work = Work()

    def second(record: FileRecord, _tools: StageContext) -> str:
        """While it reads, other readers come along."""
        begun.append((*(begun[-1] if begun else ()), record.stamp.device))
        if len(begun) < 4:
            runner.step("heavy")
        return "cafe"

    runner = replace(work.runner(give("mkv"), second), device_locks=DeviceLocks(lambda device: device in moving))
    assert runner.step("heavy")
    assert len(begun) == (2 if moving else 4)
    assert not moving or set(begun[-1]) == {7, 8}, "the other disk has its own reader"
    assert JobRow.select().count() == 4 - len(begun)
    assert (runner.next_due_ms("heavy") is None) == (not moving), "and is done afterwards"
    while runner.step("heavy"):
        pass
    assert JobRow.select().count() == 0


def test_who_waits_for_a_busy_disk_does_not_ask_again_and_again(catalog: Path) -> None:
    _two_disks()
    runner = replace(Work().runner(give("mkv"), give("cafe")), device_locks=DeviceLocks(lambda _device: True))
    with runner.device_locks.reading(7):
        with runner.device_locks.reading(8):
            assert runner.next_due_ms("heavy") is None
            assert not runner.step("heavy")
        assert runner.next_due_ms("heavy") == NOW_MS


def test_a_claim_that_cannot_be_committed_leaves_no_disk_taken(catalog: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _two_disks()
    runner = replace(Work().runner(give("mkv"), give("cafe")), device_locks=DeviceLocks(lambda _device: True))

    def refuse(*_arguments: object) -> None:
        raise sqlite3.OperationalError("database is locked")

    with monkeypatch.context() as failing:
        failing.setattr(type(database), "commit", refuse)
        with pytest.raises(CatalogError):
            runner.step("heavy")
    assert runner.device_locks.busy() == []
    assert runner.step("heavy")


def test_outside_the_hours_no_whole_file_is_begun_and_all_else_goes_on(catalog: Path) -> None:
    _two_disks()
    work = Work()
    local = dt.datetime.fromtimestamp(NOW_MS / 1000).astimezone()
    minute = local.hour * 60 + local.minute
    closed = TimeWindow((minute + 60) % 1440, (minute + 120) % 1440)
    runner = replace(work.runner(give("mkv"), give("cafe")), hours=closed)
    assert not runner.step("heavy")
    assert runner.next_due_ms("heavy") is None
    assert _is_light_work_done(runner.step)
    work.now_ms += 90 * 60_000
    assert runner.step("heavy")


def _is_light_work_done(step: Callable[..., bool]) -> bool:
    (library_id,) = add_libraries("Films")
    file_id = add_file(library_id, "new.mkv")
    with writing():
        queue.enqueue(file_id, stage="first", lane="light", now_ms=NOW_MS)
    return step("light")
