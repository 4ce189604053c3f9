"""Does reeld say only what the numbers of episodes prove?"""

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.catalog.models import Episode, EpisodeFile, Series
from reeld.database.connection import writing
from reeld.query.find import find_works
from reeld.query.missing import _gaps, missing_episodes
from reeld.query.search_index import fill_index
from tests.catalog.listed import asked
from tests.query.shelf import NOW, Shelf


def gaps(**seasons: list[int]) -> dict[int, list[tuple[int, int]]]:
    runs = {int(name.removeprefix("s")): _runs(numbers) for name, numbers in seasons.items()}
    return dict(_gaps(runs))


def _runs(numbers: list[int]) -> list[tuple[int, int]]:
    starts = [number for number in numbers if number - 1 not in numbers]
    ends = [number for number in numbers if number + 1 not in numbers]
    return list(zip(sorted(starts), sorted(ends), strict=True))


@pytest.mark.parametrize(
    ("seasons", "lacking"),
    [
        ({"s1": [1, 2, 3]}, {}),
        ({"s1": [1, 2, 4, 7]}, {1: [(3, 3), (5, 6)]}),
        ({"s1": [3, 4]}, {1: [(1, 2)]}),
        ({"s1": [1], "s3": [1]}, {2: []}),
        ({"s2": [1]}, {1: []}),
        # The numbers go on from season to season.
        ({"s1": [1, 2, 3], "s2": [4, 5, 7]}, {2: [(6, 6)]}),
        ({"s1": [1, 2, 3], "s2": [2, 3]}, {2: [(1, 1)]}),
        # Seasons that are years.
        ({"s2019": [1, 2], "s2022": [1, 3]}, {2022: [(2, 2)]}),
    ],
)
def test_a_gap_is_told_by_the_numbers(seasons: dict[str, list[int]], lacking: dict[int, list[tuple[int, int]]]) -> None:
    assert gaps(**seasons) == lacking


@given(st.sets(st.integers(1, 30), min_size=1))
def test_what_is_there_and_what_lacks_make_the_whole(numbers: set[int]) -> None:
    lacking = {number for first, last in gaps(s1=sorted(numbers)).get(1, []) for number in range(first, last + 1)}
    assert lacking | numbers == set(range(1, max(numbers) + 1))
    assert not lacking & numbers


def test_nothing_is_invented(catalog: Path) -> None:
    """Specials, absolute numbers, days, double episodes and gone files leave no gap; a row without a file does."""
    assert catalog.exists()
    shelf = Shelf()
    shelf.episode("Fargo", 0, 5)
    shelf.episode("Fargo", 1, 1)
    both = shelf.episode("Fargo", 1, 2)
    shelf.episode("Fargo", 1, 4, state="missing")
    shelf.episode("Fargo", 1, 6)
    with writing():
        series = Series.get(Series.title == "Fargo")
        moments = {"created_at": NOW, "updated_at": NOW}
        third = Episode.create(series=series, season_number=1, episode_number=3, **moments)
        EpisodeFile.create(episode=third, video_file=both)
        Episode.create(series=series, season_number=1, episode_number=5, **moments)
        absolute = Episode.create(series=series, absolute_number=366, **moments)
        EpisodeFile.create(episode=absolute, video_file=both)
        daily = Episode.create(series=series, air_date="2024-03-14", **moments)
        EpisodeFile.create(episode=daily, video_file=both)
    (found,) = missing_episodes(find_works("series", asked()))
    assert found.as_row() == {
        "series_id": "s1",
        "series": "Fargo",
        "year": 2010,
        "country": None,
        "season_number": 1,
        "episode_ranges": [[5, 5]],
        "episode_count": 1,
    }


def test_series_come_in_the_order_that_is_asked_for(catalog: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert catalog.exists()
    monkeypatch.setattr("reeld.query.missing._PAGE", 2)
    shelf = Shelf()
    for title in ("Zulu", "The Alps", "Mad", "Nice", "Best"):
        shelf.episode(title, 1, 1)
        shelf.episode(title, 1, 3)
    assert fill_index(lambda: True)
    found = [each.series for each in missing_episodes(find_works("series", asked()))]
    assert found == ["The Alps", "Best", "Mad", "Nice", "Zulu"]


@pytest.mark.parametrize("has_bare_episodes", [False, True])
def test_one_look_at_all_series_tells_what_each_by_itself_does(
    catalog: Path, monkeypatch: pytest.MonkeyPatch, has_bare_episodes: bool
) -> None:
    """Odd numbers in many series: seasons with holes, without a beginning, of years, and rows that have no file."""
    assert catalog.exists()
    randomly = random.Random(5)
    shelf = Shelf()
    plain: dict[int, dict[int, list[int]]] = {}
    for title in range(40):
        for season in randomly.sample([0, 1, 2, 3, 5, 2019, 2021], randomly.randint(1, 4)):
            for number in randomly.sample(range(7), randomly.randint(1, 6)):
                shelf.episode(f"Series {title:02}", season, number)
    with writing():
        for each in Episode.select():
            if has_bare_episodes and randomly.random() < 0.2:
                EpisodeFile.delete().where(EpisodeFile.episode == each).execute()
            elif each.season_number and each.episode_number:
                plain.setdefault(each.series_id, {}).setdefault(each.season_number, []).append(each.episode_number)
    expected = {
        series_id: gaps(**{f"s{season}": sorted(numbers) for season, numbers in sorted(seasons.items())})
        for series_id, seasons in plain.items()
    }
    series = find_works("series", asked(), also_missing=True)
    for page, many in ((200, 1000), (1, 1), (7, 7)):
        monkeypatch.setattr("reeld.query.missing._PAGE", page)
        monkeypatch.setattr("reeld.query.missing._MANY", many)
        told: dict[int, dict[int, list[tuple[int, int]]]] = {}
        for lacking in missing_episodes(series):
            told.setdefault(lacking.series_id, {})[lacking.season_number] = list(lacking.ranges)
        assert told == {series_id: lacks for series_id, lacks in expected.items() if lacks}
