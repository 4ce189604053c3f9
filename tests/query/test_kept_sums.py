"""Do the sums that triggers keep equal a recount, whatever is written?"""

import contextlib
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reeld.database.connection import reading, writing
from reeld.database.statements import change, rows
from reeld.query.stats import GROUPINGS, _further_names, sums
from tests.catalog.listed import asked
from tests.query.recount import wrong_sums
from tests.query.shelf import Shelf

_VALUES: dict[str, list[Any]] = {
    "library_id": [1, 2],
    "state": ["present", "missing"],
    "verdict": [None, "accepted", "pending", "ignored"],
    "kind": [None, "movie", "episode"],
    "movie_id": [None, 1, 2, 3],
    "resolution_width": [None, 640, 1920, 3840],
    "resolution_height": [None, 300, 816, 1080],
    "codec_video": [None, "h264", "hevc"],
    "hdr": [None, "HDR10"],
    "size_bytes": [0, 1, 1 << 33],
    "duration_ms": [None, 0, 6_000_000],
    "languages": ["[]", '["en"]', '["en", "fr"]'],
    "subtitle_languages": ["[]", '["de"]'],
}
_YEARS = [None, 1995, 2009]


def _write(randomly: random.Random, shelf: Shelf) -> None:
    """Write one thing that reeld may write, or that it never does."""
    files = [row_id for (row_id,) in rows("SELECT id FROM video_files")]
    episodes = [row_id for (row_id,) in rows("SELECT id FROM episodes")]
    file_id, episode_id, work_id = randomly.choice(files), randomly.choice(episodes), randomly.randint(1, 3)
    year = randomly.choice(_YEARS)
    names = randomly.sample(list(_VALUES), randomly.randint(1, 5))
    values = [randomly.choice(_VALUES[name]) for name in names]
    setting = f"UPDATE video_files SET {', '.join(f'{name} = ?' for name in names)} WHERE id = ?"
    unlinking = ("DELETE FROM episode_files WHERE video_file_id = ?", file_id)
    writes: list[Callable[[], object]] = [
        lambda: shelf.film(f"Film {work_id}", year),
        lambda: shelf.episode(f"Series {work_id}", 1, randomly.randrange(4)),
        *[lambda: change(setting, *values, file_id)] * 3,
        lambda: change("INSERT OR IGNORE INTO episode_files VALUES (?, ?)", episode_id, file_id),
        lambda: change(
            "UPDATE OR IGNORE episode_files SET episode_id = ? WHERE video_file_id = ?", episode_id, file_id
        ),
        lambda: change(f"{unlinking[0]} AND episode_id <> ?", file_id, episode_id),
        lambda: change("UPDATE movies SET year = ? WHERE id = ?", year, work_id),
        lambda: change("UPDATE series SET year = ? WHERE id = ?", year, work_id),
        lambda: change("UPDATE OR IGNORE episodes SET series_id = ? WHERE id = ?", work_id, episode_id),
        lambda: change(*unlinking) and change("DELETE FROM video_files WHERE id = ?", file_id),
    ]
    randomly.choice(writes)()


@pytest.mark.parametrize("seed", range(6))
def test_kept_sums_equal_a_recount_after_whatever_is_written(catalog: Path, seed: int) -> None:
    assert catalog.exists()
    randomly = random.Random(seed)
    shelf = Shelf()
    for number in range(3):
        shelf.film(f"Film {number}")
        shelf.episode(f"Series {number}", 1, number)
    for _ in range(150):
        with writing():
            _write(randomly, shelf)
        with reading():
            assert wrong_sums() == []
    assert sums(asked(), list(GROUPINGS))


def test_what_is_undone_is_not_counted(catalog: Path) -> None:
    assert catalog.exists()
    shelf = Shelf()
    shelf.film("Heat")
    with contextlib.suppress(ZeroDivisionError), writing():
        shelf.film("Up")
        raise ZeroDivisionError
    with reading():
        assert wrong_sums() == []


_QUERIES = (
    "", "kind:movie", "codec:hevc or hdr:any", "resolution:>=1080p", "library:Films", "audio:en",
    "state:present -verdict:pending", "size:>1KiB", "state:gone",
)  # fmt: skip


@pytest.mark.parametrize("query", _QUERIES)
def test_kept_sums_tell_what_a_look_at_each_file_does(
    catalog: Path, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    assert catalog.exists()
    randomly, shelf = random.Random(3), Shelf()
    plain = ("state", "verdict", "resolution_width", "resolution_height", "codec_video", "hdr", "size_bytes")
    for number in range(60):
        facts = {name: randomly.choice(_VALUES[name]) for name in plain}
        facts["languages"] = randomly.choice([[], ["en"], ["en", "fr"]])
        facts["inode"] = randomly.choice([0, 5, 6, 100 + number])
        facts["links"] = randomly.choice([None, 1, 2, 3])
        if number % 2:
            shelf.film(f"Film {number % 7}", 1990 + number % 7, **facts)
        else:
            shelf.episode("Series", 1, number, **facts)
    kept = sums(asked(query), list(GROUPINGS))
    monkeypatch.setattr("reeld.query.stats._KEPT", {})
    assert kept == sums(asked(query), list(GROUPINGS))
    assert list(_further_names(["total"], asked("links:>1").condition))
