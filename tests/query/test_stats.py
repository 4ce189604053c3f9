"""Are the sums those of the files that a list shows?"""

from collections import Counter
from pathlib import Path

import pytest

from reeld.errors import UsageError
from reeld.query.stats import GROUPINGS, sums
from tests.catalog.listed import asked
from tests.query.shelf import GIB, Shelf


@pytest.fixture
def shelf(catalog: Path) -> Shelf:
    assert catalog.exists()
    shelf = Shelf()
    shelf.film("Heat", 1995, codec_video="hevc", resolution_width=3840, languages=["en", "fr"], hdr="HDR10")
    shelf.film("Up", 2009, languages=["en"])
    shelf.film("Gone", 2009, state="missing")
    shelf.film("Linked", 2011, inode=5, links=2)
    shelf.film("Linked", 2011, inode=5, links=2)
    shelf.film("Seeded", 2011, links=2)
    shelf.file("trailer", verdict="ignored")
    shelf.file("clip", verdict="pending", codec_video=None, duration_ms=None, resolution_width=None)
    shelf.episode("Fargo", 1, 1)
    return shelf


def counted(by: str, query: str = "") -> dict[str | None, int]:
    return {one.value: one.file_count for one in sums(asked(query), [by]) if one.by == by}


@pytest.mark.parametrize(
    ("by", "values"),
    [
        ("library", {"Films": 6, "My Series": 1}),
        ("kind", {"movie": 5, "episode": 1, None: 1}),
        ("codec", {"h264": 5, "hevc": 1, None: 1}),
        ("resolution", {"1080p": 5, "2160p": 1, None: 1}),
        ("hdr", {"HDR10": 1, None: 6}),
        ("language", {"en": 2, "fr": 1, None: 5}),
        ("decade", {"1990s": 1, "2000s": 1, "2010s": 4, None: 1}),
        ("year", {"1995": 1, "2009": 1, "2011": 3, "2010": 1, None: 1}),
        ("verdict", {"accepted": 6, "pending": 1}),
        ("state", {"present": 7}),
    ],
)
def test_files_are_counted_by_what_they_have(shelf: Shelf, by: str, values: dict[str | None, int]) -> None:
    assert shelf.names
    assert counted(by) == values


def test_a_file_with_two_names_counts_once_in_bytes(shelf: Shelf) -> None:
    assert shelf.names
    total, *_ = sums(asked(), [])
    assert (total.by, total.file_count, total.size_bytes, total.duration_ms) == ("total", 7, 6 * GIB, 6 * 6_000_000)
    films = next(one for one in sums(asked(), ["library"]) if one.value == "Films")
    assert films.size_bytes == 5 * GIB


def test_a_query_chooses_what_is_counted(shelf: Shelf) -> None:
    assert shelf.names
    assert counted("codec", "codec:hevc or state:gone") == {"hevc": 1, "h264": 1}
    assert counted("verdict", "verdict:ignored") == {"ignored": 1}
    assert sums(asked("year:1900"), ["codec"]) == []


def test_each_grouping_counts_every_file(shelf: Shelf) -> None:
    """Only a list may count a file more than once."""
    assert shelf.names
    whole = Counter({name: sum(counted(name).values()) for name in GROUPINGS})
    assert {name: number for name, number in whole.items() if number != 7} == {"language": 8}


def test_another_grouping_is_refused(shelf: Shelf) -> None:
    assert shelf.names
    with pytest.raises(UsageError, match="cannot be counted by colour"):
        sums(asked(), ["colour"])
