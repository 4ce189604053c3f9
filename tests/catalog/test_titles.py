"""Are the works, after whatever was renamed and decided, those that a fresh look at all files would make?"""

from collections.abc import Iterator, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from reeld.catalog import assignments, trash
from reeld.catalog.models import Episode, EpisodeFile, Movie, PendingValidation, Series, Trash, VideoFile
from reeld.catalog.titles import MERGED
from reeld.database.connection import writing
from reeld.domain.identity import Accepted, Reading
from reeld.domain.titles import title_key
from reeld.errors import NotFoundError
from tests.catalog.rows import NOW_MS, add_file, add_libraries


@pytest.fixture
def library(catalog: Path) -> int:
    return add_libraries("Films")[0]


def film(title: str, year: int | None = None, **more: Any) -> Reading:
    return Reading(kind="movie", title=title, year=year, score=0.9, **more)


def show(title: str, number: int, **more: Any) -> Reading:
    return Reading(kind="episode", title=title, season_number=1, episode_numbers=(number,), score=0.9, **more)


class Catalogue:
    """Files that are named, in any order, and what a person says of them."""

    def __init__(self, library: int) -> None:
        with writing():
            for model in (PendingValidation, EpisodeFile, VideoFile, Episode, Series, Movie, Trash):
                model.delete().execute()
        self._library, self._ids = library, dict[int, int]()

    def name(self, file: int, reading: Reading) -> None:
        if file not in self._ids:
            self._ids[file] = add_file(self._library, f"{file}.mkv")
        with writing():
            assignments.store_verdict(self._ids[file], Accepted(reading=reading), title_key, NOW_MS)

    def decide(self, file: int, reading: Reading, now_ms: int = NOW_MS) -> None:
        with writing():
            question = assignments.open_validation(self._ids[file], now_ms)
            assignments.validate(question, reading, candidate=None, key_of=title_key, now_ms=now_ms)

    def works(self) -> dict[Any, list[int]]:
        """All that is known of each film and each episode, with the files that it has; questions with theirs."""
        found: dict[Any, list[int]] = {}
        for file, file_id in sorted(self._ids.items()):
            for work in self._works_of(VideoFile.get_by_id(file_id)):
                found.setdefault(work, []).append(file)
        # No work is left without its files.
        assert Movie.select().count() + Episode.select().count() == len([work for work in found if work is not None])
        used = Episode.select(Episode.series)
        assert not Series.select().where(Series.id.not_in(used)).exists()
        return found

    def _works_of(self, row: Any) -> Iterator[Any]:
        if row.verdict != "accepted":
            assert row.verdict == "pending"
            yield None
        elif row.kind == "movie":
            movie = row.movie
            yield ("movie", movie.title_key, movie.year, movie.tmdb_id)
        else:
            for link in EpisodeFile.select().where(EpisodeFile.video_file == row.id):
                episode, series = link.episode, link.episode.series
                facts = (series.title_key, series.year, series.country, series.tmdb_id)
                yield ("episode", *facts, episode.season_number, episode.episode_number, episode.absolute_number)


def fresh(library: int, names: Sequence[tuple[int, Reading]], decisions: dict[int, Reading]) -> dict[Any, list[int]]:
    catalogue = Catalogue(library)
    for file, reading in names:
        catalogue.name(file, reading)
    for number, (file, reading) in enumerate(decisions.items()):
        catalogue.decide(file, reading, NOW_MS + number)
    return catalogue.works()


ALIEN = film("Alien", 1979)
FORGETTING: dict[str, list[tuple[int, Reading]]] = {
    "the film that knew the year is another": [
        *((0, film("Fargo")), (1, film("Fargo", 1996)), (2, film("Fargo", 2014))),
        (1, ALIEN),
    ],
    "the series that knew the year is another": [
        *((0, show("Fargo", 1)), (1, show("Fargo", 2, year=1996)), (2, show("Fargo", 1, year=2014))),
        (1, ALIEN),
    ],
    "the year is said no more": [
        *((0, film("Fargo")), (1, film("Fargo", 1996)), (2, film("Fargo", 2014))),
        (1, film("Fargo")),
    ],
    "the only file says its year no more": [(0, film("Fargo", 1996)), (1, film("Fargo", 2014)), (0, film("Fargo"))],
    "the only file says its id no more": [
        *((0, film("Fargo", tmdb_id=1)), (1, film("Fargo", 2014, tmdb_id=2))),
        (0, film("Fargo")),
    ],
    "the only file of a series": [
        *((0, show("Fargo", 1, year=1996)), (1, show("Fargo", 1, year=2014))),
        (0, show("Fargo", 1)),
    ],
    "another year, and another country": [
        *((0, show("Fargo", 1)), (1, show("Fargo", 2, year=1996)), (2, show("Fargo", 1, year=2014))),
        (1, show("Fargo", 2, country="US")),
    ],
    "the episode of both knows its absolute number in one": [
        (0, show("Fargo", 1, absolute_numbers=(1,), year=1996)),
        (1, Reading(kind="episode", title="Fargo", absolute_numbers=(1,), year=2014)),
        (2, show("Fargo", 2, year=2014)),
        (0, show("Fargo", 1, absolute_numbers=(1,))),
    ],
}


@pytest.mark.parametrize("steps", FORGETTING.values(), ids=[each.replace(" ", "-") for each in FORGETTING])
def test_a_work_that_nothing_tells_apart_any_more_is_merged(library: int, steps: list[tuple[int, Reading]]) -> None:
    catalogue = Catalogue(library)
    for file, reading in steps:
        catalogue.name(file, reading)
    found = catalogue.works()
    fresh_works = [fresh(library, order, {}) for order in permutations(dict(steps).items())]
    assert [look for look in fresh_works if look != found] == []


@pytest.mark.parametrize("persons", [0, 2])
def test_what_a_person_said_stands_when_works_are_merged(library: int, persons: int) -> None:
    catalogue = Catalogue(library)
    for file, reading in ((0, film("fargo")), (1, film("fargo", 1996)), (2, film("fargo", 2014))):
        catalogue.name(file, reading)
    catalogue.decide(persons, film("FARGO", 2014 if persons == 2 else None, tmdb_id=275))
    catalogue.name(1, ALIEN)
    catalogue.name(persons, ALIEN)  # which is a person's, and stays what that person said
    (fargo,) = Movie.select().where(Movie.title_key == title_key("Fargo"))
    assert (fargo.title, fargo.year, fargo.tmdb_id) == ("FARGO", 2014, 275)
    assert catalogue.works() == {("movie", "fargo", 2014, 275): [0, 2], ("movie", "alien", 1979, None): [1]}
    assert [row.decided_by for row in VideoFile.select().where(VideoFile.movie == fargo)].count("user") == 1


def test_what_was_merged_makes_no_second_work_when_it_is_restored(library: int) -> None:
    """What was merged lies in the trash and makes no second work when it is restored."""
    catalogue = Catalogue(library)
    for file, reading in ((0, film("Fargo", tmdb_id=1)), (1, film("Fargo", 2014, tmdb_id=2)), (0, film("Fargo"))):
        catalogue.name(file, reading)
    (merged,) = Trash.select()
    assert (merged.entity_metadata["title"], merged.deletion_reason) == ("Fargo", MERGED)
    with writing(), pytest.raises(NotFoundError, match="is there again"):
        trash.take_out(merged.id)
    assert catalogue.works() == {("movie", "fargo", 2014, 2): [0, 1]}
