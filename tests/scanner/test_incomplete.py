"""Test that the probe stage waits for a file's end exactly as long as its library's patience lasts."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from reeld.domain.content import MediaFacts
from reeld.domain.files import FileStamp
from reeld.domain.records import FileRecord
from reeld.errors import FileIncomplete
from reeld.pipeline.context import StageContext
from reeld.pipeline.stages import STAGES
from tests.videos import remux

NS = 1_000_000_000
PATIENCE_S = 3600.0
PROBE = next(stage for stage in STAGES if stage.name == "probe")


@pytest.fixture
def record(tmp_path: Path) -> FileRecord:
    path = tmp_path / "a.mkv"
    path.write_bytes(remux("mpegts"))  # of which only the prober tells the end
    stamp = FileStamp.of(path.stat())
    return FileRecord(id=1, library_path=str(tmp_path), library_kind="auto", path="a.mkv", stamp=stamp)


def _tools(now_ns: int, patience_s: float = PATIENCE_S, *, is_truncated: bool = True) -> StageContext:
    answer = {"has_video": True, "container": "matroska", "is_truncated": is_truncated}
    return StageContext(
        ask_prober=lambda *_: answer,
        ask_identifier=lambda *_: {},
        should_stop=lambda: False,
        on_bytes_hashed=lambda _: None,
        patience_s=lambda _library_path: patience_s,
        wall_ns=lambda: now_ns,
    )


def test_a_file_that_ends_too_early_is_waited_for_until_the_patience_is_over(record: FileRecord) -> None:
    changed_ns = record.stamp.ctime_ns
    for passed_s in (0, 1, PATIENCE_S - 1):
        with pytest.raises(FileIncomplete) as caught:
            PROBE.run(record, _tools(changed_ns + int(passed_s * NS)))
        assert caught.value.unchanged_s == passed_s
        assert "fetch it again" in str(caught.value.hint)
    found = PROBE.run(record, _tools(changed_ns + int(PATIENCE_S * NS)))
    assert isinstance(found, MediaFacts)
    assert (found.end, found.container) == ("missing", "matroska")


@pytest.mark.parametrize(
    "tools",
    [
        lambda now_ns: _tools(now_ns, is_truncated=False),
        lambda now_ns: _tools(now_ns, patience_s=0.0),
        # The clock was put back by more than the patience: a change in the far future says nothing.
        lambda now_ns: _tools(now_ns - int((PATIENCE_S + 1) * NS)),
    ],
)
def test_a_whole_file_is_not_waited_for_nor_one_whose_clock_knows_nothing(
    record: FileRecord, tools: Callable[[int], StageContext]
) -> None:
    """Nobody waits for what is whole or where nobody shall or where the clock knows nothing."""
    assert PROBE.run(record, tools(record.stamp.ctime_ns)).container == "matroska"


def test_a_time_that_a_copy_brought_along_does_not_count(record: FileRecord) -> None:
    """`cp -p` makes yesterday's copy look ten years old: only ctime says when it came."""
    os.utime(record.absolute_path, (1_000_000_000, 1_000_000_000))
    stamp = FileStamp.of(os.stat(record.absolute_path))
    touched = FileRecord(id=1, library_path=record.library_path, library_kind="auto", path="a.mkv", stamp=stamp)
    with pytest.raises(FileIncomplete):
        PROBE.run(touched, _tools(stamp.ctime_ns + NS))
