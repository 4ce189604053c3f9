"""Test that works depend on claims and decisions, and not on the order in which files came."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reeld.catalog import assignments, candidates, video_files
from reeld.catalog.models import Episode, EpisodeFile, Movie, PendingValidation, Series, Trash, VideoFile
from reeld.database.connection import writing
from reeld.domain.identity import Accepted, Ignored, Reading, Uncertain, Verdict
from reeld.domain.titles import title_key
from tests.catalog.rows import NOW_MS, add_file, add_libraries

in_one_catalog = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)


@dataclass(frozen=True)
class Event:
    """What happens to a file: it is read, decided about, lost, back, or skipped by the rules of its library."""

    verdict: Verdict | None = None
    decision: Reading | None = None
    is_lost: bool = False
    is_back: bool = False


@pytest.fixture
def library(catalog: Path) -> int:
    return add_libraries("Films")[0]


def film(title: str, year: int | None = None, **more: Any) -> Reading:
    return Reading(kind="movie", title=title, year=year, score=0.9, evidence=("its name says so",), **more)


def show(title: str, season: int | None, *episodes: int, **more: Any) -> Reading:
    return Reading(kind="episode", title=title, season_number=season, episode_numbers=episodes, score=0.9, **more)


class Catalogue:
    """Files in an empty catalogue."""

    def __init__(self, library: int) -> None:
        with writing():
            for model in (PendingValidation, EpisodeFile, VideoFile, Episode, Series, Movie, Trash):
                model.delete().execute()
        self._library, self._ids = library, dict[int, int]()

    def id_of(self, file: int) -> int:
        if file not in self._ids:
            self._ids[file] = add_file(self._library, f"{file}.mkv")
        return self._ids[file]

    def read(self, file: int, verdict: Verdict) -> None:
        """Store a verdict. A name is read only of a file that is there."""
        self.come_back(file)
        file_id = self.id_of(file)
        with writing():
            assignments.store_verdict(file_id, verdict, title_key, NOW_MS)

    def decide(self, file: int, reading: Reading, now_ms: int = NOW_MS) -> None:
        file_id = self.id_of(file)
        with writing():
            question = assignments.open_validation(file_id, now_ms)
            assignments.validate(question, reading, candidate=None, key_of=title_key, now_ms=now_ms)

    def lose(self, file: int) -> None:
        file_id = self.id_of(file)
        with writing():
            video_files.record_missing([file_id], self._library, "", NOW_MS)

    def come_back(self, file: int) -> None:
        (known,) = video_files.known_by_id([self.id_of(file)]).values()
        if not known.is_present:
            with writing():
                video_files.record_seen(known, known.stamp, NOW_MS)

    def skip(self, file: int) -> None:
        file_id = self.id_of(file)
        with writing():
            video_files.record_all_skipped([file_id], "the pattern '*.mkv' matches it", NOW_MS)

    def happen(self, file: int, event: Event) -> None:
        if event.verdict is not None:
            self.read(file, event.verdict)
        elif event.decision is not None:
            self.decide(file, event.decision, NOW_MS + file)
        elif event.is_lost:
            self.lose(file)
        elif event.is_back:
            self.come_back(file)
        else:
            self.skip(file)

    def found(self) -> dict[int, Any]:
        """Return the verdict of each file, its question, and all that is known of its works."""
        used = {row.movie_id for row in VideoFile.select()}
        linked = {link.episode_id for link in EpisodeFile.select()}
        assert {row.id for row in Movie.select()} == used - {None}, "a film without a file"
        assert {row.id for row in Episode.select()} == linked, "an episode without a file"
        assert {row.id for row in Series.select()} == {row.series_id for row in Episode.select()}
        return {file: self._found(VideoFile.get_by_id(file_id)) for file, file_id in sorted(self._ids.items())}

    def _found(self, row: Any) -> Any:
        works = [] if row.movie is None else [_facts(row.movie)]
        links = EpisodeFile.select().where(EpisodeFile.video_file == row.id)
        works += [(_facts(link.episode), _facts(link.episode.series)) for link in links]
        open_ones = PendingValidation.select().where(
            PendingValidation.video_file == row.id, PendingValidation.validation_status == "pending"
        )
        questions = [(each.reason, _offered(each.candidates)) for each in open_ones]
        return (row.verdict, row.decided_by, row.reason, row.kind, row.edition, sorted(works, key=repr), questions)


def _offered(stored: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the candidates that are proposed now. Their numbers tell of the ones that were proposed before."""
    return [{key: value for key, value in row.items() if key != "id"} for row in stored if candidates.is_offered(row)]


def _facts(row: Any) -> tuple[Any, ...]:
    """Return all facts of a work, and the number of its row, which says what else belongs to it."""
    hidden = {"created_at", "updated_at", "genres", "series", "id"}
    return tuple((name, value) for name, value in sorted(row.__data__.items()) if name not in hidden)


def grouped(found: dict[int, Any], catalogue: Catalogue) -> Any:
    """Add to what was found which files have a film, and which have an episode.

    Missing files that the user did not decide about are left out: they have a say in nothing.
    """
    holders: dict[Any, list[int]] = {}
    for file in list(found):
        row = VideoFile.get_by_id(catalogue.id_of(file))
        if row.state == "missing" and row.decided_by != "user":
            verdict, *_, works, _ = found.pop(file)
            assert (verdict == "accepted") == bool(works)
    for file in found:
        row = VideoFile.get_by_id(catalogue.id_of(file))
        for link in EpisodeFile.select().where(EpisodeFile.video_file == row.id):
            holders.setdefault(("episode", link.episode_id), []).append(file)
            holders.setdefault(("series", link.episode.series_id), []).append(file)
        if row.movie_id is not None:
            holders.setdefault(("movie", row.movie_id), []).append(file)
    return found, sorted((kind, tuple(dict.fromkeys(files))) for (kind, _), files in holders.items())


def after(library: int, events: Sequence[tuple[int, Event]]) -> Any:
    catalogue = Catalogue(library)
    for file, event in events:
        catalogue.happen(file, event)
    return grouped(catalogue.found(), catalogue)


# --- the law ---------------------------------------------------------------------------------------------

TITLES = st.sampled_from(["Dune", "DUNE", "The Dune", "Düne"])
OTHER_TITLES = st.sampled_from(["Dune", "dune", "Arrakis"])
SOME_YEAR = st.sampled_from([None, None, 1984, 2021])
SOME_ID = st.sampled_from([None, None, None, 1, 2])

FILMS = st.builds(
    film,
    st.one_of(TITLES, OTHER_TITLES),
    SOME_YEAR,
    tmdb_id=SOME_ID,
    imdb_id=st.sampled_from([None, None, None, "tt0000001", "tt0000002"]),
    edition=st.sampled_from([None, "Extended"]),
)
NUMBERS = st.sampled_from(
    [
        {"season": 1, "episodes": (1,)},
        {"season": 1, "episodes": (1,), "episode_title": "Pilot"},
        {"season": 1, "episodes": (1,), "episode_title": "PILOT"},
        {"season": 1, "episodes": (2,)},
        {"season": 1, "episodes": (1, 2), "episode_title": "Pilot & More"},
        {"season": 1, "episodes": (2,), "absolute_numbers": (5,)},
        {"season": 2, "episodes": (1,), "absolute_numbers": (5,)},
        {"season": 2, "episodes": (1,), "absolute_numbers": (6,)},
        {"season": None, "episodes": (), "absolute_numbers": (5,)},
        {"season": None, "episodes": (), "absolute_numbers": (5,), "episode_title": "Five"},
        {"season": None, "episodes": (), "absolute_numbers": (5, 6)},
        {"season": None, "episodes": (), "air_date": "2024-03-14"},
    ]
)


def _episode(title: str, year: int | None, country: str | None, tvdb_id: int | None, numbers: Any) -> Reading:
    more = {name: value for name, value in numbers.items() if name not in ("season", "episodes")}
    return show(title, numbers["season"], *numbers["episodes"], year=year, country=country, tvdb_id=tvdb_id, **more)


EPISODES = st.builds(_episode, TITLES, SOME_YEAR, st.sampled_from([None, None, "US"]), SOME_ID, NUMBERS)
READINGS = st.one_of(FILMS, EPISODES)
OTHERS = st.sampled_from([(), (film("Something Else", 2000),)])
VERDICTS: st.SearchStrategy[Verdict] = st.one_of(
    st.builds(lambda reading, others: Accepted(reading=reading, others=others), READINGS, OTHERS),
    st.builds(lambda reading: Uncertain(reason="who knows", candidates=(reading,)), READINGS),
    st.just(Ignored(reason="a sample")),
)
# A decision that names the year and all ids fits no two works. For the others see below.
DECISIONS = st.builds(
    film,
    TITLES,
    st.sampled_from([1984, 2021]),
    tmdb_id=st.sampled_from([1, 2]),
    imdb_id=st.sampled_from(["tt0000001", "tt0000002"]),
)


EVENTS = st.one_of(
    st.builds(Event, verdict=VERDICTS),
    st.builds(Event, verdict=st.builds(Accepted, reading=READINGS)),
    st.just(Event(is_lost=True)),
    st.just(Event(is_back=True)),
)
LAST_EVENTS: st.SearchStrategy[list[Event]] = st.one_of(
    st.just([]),
    st.just([]),
    st.builds(lambda reading: [Event(decision=reading)], DECISIONS),
    st.just([Event()]),
)
HISTORIES = st.lists(
    st.builds(lambda events, last: [*events, *last], st.lists(EVENTS, min_size=1, max_size=3), LAST_EVENTS),
    min_size=2,
    max_size=6,
)


@in_one_catalog
@given(st.data(), HISTORIES)
def test_the_works_are_the_same_in_every_order_of_events(
    library: int, data: st.DataObject, histories: list[list[Event]]
) -> None:
    """Names, .nfo files, renames, losses and decisions of several files come in two orders."""
    files = [file for file, events in enumerate(histories) for _ in events]
    one, other = (_interleaved(histories, data.draw(st.permutations(files))) for _ in range(2))
    assert after(library, one) == after(library, other)


def _interleaved(histories: Sequence[Sequence[Event]], files: Sequence[int]) -> list[tuple[int, Event]]:
    waiting = [iter(events) for events in histories]
    return [(file, next(waiting[file])) for file in files]


@in_one_catalog
@given(st.data(), st.lists(st.lists(READINGS, min_size=1, max_size=3), min_size=2, max_size=6))
def test_after_renames_the_works_are_those_of_a_fresh_scan(
    library: int, data: st.DataObject, names: list[list[Reading]]
) -> None:
    histories = [[Event(verdict=Accepted(reading=reading)) for reading in each] for each in names]
    files = [file for file, events in enumerate(histories) for _ in events]
    live = _interleaved(histories, data.draw(st.permutations(files)))
    fresh = [(file, events[-1]) for file, events in enumerate(histories)]
    assert after(library, live) == after(library, fresh)


@in_one_catalog
@given(st.data(), HISTORIES, st.sets(st.integers(0, 5)))
def test_missing_files_have_a_say_in_nothing(
    library: int, data: st.DataObject, histories: list[list[Event]], lost: set[int]
) -> None:
    """The works are those of a catalogue that never knew the missing files. When these return, it is as before."""
    files = [file for file, events in enumerate(histories) for _ in events]
    events = _interleaved(histories, data.draw(st.permutations(files)))
    decided = {file for file, event in events if event.decision is not None}
    gone = sorted(lost & set(files) - decided)
    losses, returns = ([(file, event) for file in gone] for event in (Event(is_lost=True), Event(is_back=True)))
    there = after(library, [*events, *returns])
    losses = data.draw(st.permutations(losses))
    assert after(library, [*events, *losses]) == after(library, [each for each in events if each[0] not in gone])
    assert after(library, [*events, *losses, *data.draw(st.permutations(returns))]) == there


# --- what a person would call right ----------------------------------------------------------------------


def films(found: dict[int, Any]) -> dict[int, Any]:
    """Return title and year of each file's film, or its question."""
    shown = {}
    for file, (_, _, reason, _, _, works, _) in found.items():
        facts = [dict(each) for each in works]
        shown[file] = [(each["title"], each["year"], each["tmdb_id"]) for each in facts] or reason
    return shown


def named(library: int, *readings: Reading) -> tuple[Catalogue, dict[int, Any]]:
    catalogue = Catalogue(library)
    for file, reading in enumerate(readings):
        catalogue.read(file, Accepted(reading=reading))
    return catalogue, films(catalogue.found())


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_film_without_a_year_is_a_question_where_two_are_known(library: int, order: Sequence[int]) -> None:
    """It joined the film whose year came first. A question outlived one of the two films."""
    readings = [film("Dune"), film("Dune", 1984), film("Dune", 2021)]
    catalogue = Catalogue(library)
    for file in order:
        catalogue.read(file, Accepted(reading=readings[file]))
    question = "2 works called 'Dune' are known, of 1984 and 2021; the name does not say which"
    assert films(catalogue.found()) == {0: question, 1: [("Dune", 1984, None)], 2: [("Dune", 2021, None)]}
    catalogue.read(1, Accepted(reading=film("Alien", 1979)))
    assert films(catalogue.found()) == {
        0: [("Dune", 2021, None)],
        1: [("Alien", 1979, None)],
        2: [("Dune", 2021, None)],
    }
    catalogue.read(1, Accepted(reading=readings[1]))
    assert films(catalogue.found())[0] == question


def test_a_missing_file_is_judged_again_when_it_returns(library: int) -> None:
    """It keeps its claims: nothing needs to be read."""
    catalogue, _ = named(library, film("Dune"), film("Dune", 1984))
    catalogue.lose(0)
    catalogue.read(2, Accepted(reading=film("Dune", 2021)))
    assert films(catalogue.found())[0] == [("Dune", 1984, None)]
    catalogue.come_back(0)
    assert "2 works" in films(catalogue.found())[0]
    catalogue.lose(0)
    catalogue.skip(1)
    assert "2 works" in films(catalogue.found())[0]
    catalogue.come_back(0)
    assert films(catalogue.found())[0] == [("Dune", 2021, None)]


def test_a_question_ends_when_one_of_two_films_goes_missing(library: int) -> None:
    """It stayed for ever, and so did the id that only a missing file states."""
    catalogue, found = named(library, film("Dune"), film("Dune", 1984), film("Dune", 2021, tmdb_id=1))
    asked = found[0]
    assert "2 works" in asked
    catalogue.lose(1)
    assert films(catalogue.found())[0] == [("Dune", 2021, 1)]
    catalogue.read(3, Accepted(reading=film("Dune", 2021)))
    catalogue.lose(2)
    assert films(catalogue.found())[0] == [("Dune", 2021, None)]
    catalogue.come_back(1)
    assert films(catalogue.found())[0] == asked


def test_files_of_a_removed_library_have_no_say(catalog: Path) -> None:
    first, second = add_libraries("Films", "Other")
    both = Catalogue(first)
    both.read(0, Accepted(reading=film("Dune")))
    both.read(1, Accepted(reading=film("Dune", 1984)))
    elsewhere = add_file(second, "2.mkv")
    with writing():
        assignments.store_verdict(elsewhere, Accepted(reading=film("Dune", 2021)), title_key, NOW_MS)
    asked = films(both.found())
    assert "2 works" in asked[0]
    add_libraries("Films")
    assert films(both.found())[0] == [("Dune", 1984, None)]
    add_libraries("Films", "Other")
    assert films(both.found()) == asked


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_one_id_under_unlike_names_has_the_name_of_most_files(library: int, order: Sequence[int]) -> None:
    """It had the title that came first."""
    leon, other = film("Leon", 1994, tmdb_id=101), film("The Professional", 1994, tmdb_id=101)
    readings = [other, leon, leon, film("The Professional", 1994)]
    _, found = named(library, *(readings[place] for place in order))
    assert set(map(str, found.values())) == {str([("Leon", 1994, 101)])}


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_title_is_spelled_as_most_files_spell_it_and_else_in_both_cases(library: int, order: Sequence[int]) -> None:
    spellings = ["AMELIE", "amelie", "Am\u00e9lie"]
    _, found = named(library, *(film(spellings[place], 2001) for place in order))
    assert found[0] == [("Am\u00e9lie", 2001, None)]
    _, found = named(library, *(film(spellings[place], 2001) for place in order), film("AMELIE", 2001))
    assert found[0] == [("AMELIE", 2001, None)]


def test_ids_that_come_later_join_two_works_and_split_one(library: int) -> None:
    catalogue, found = named(library, film("Leon", 1994), film("The Professional", 1995))
    assert found == {0: [("Leon", 1994, None)], 1: [("The Professional", 1995, None)]}
    catalogue.read(0, Accepted(reading=film("Leon", 1994, tmdb_id=101)))
    catalogue.read(1, Accepted(reading=film("The Professional", 1995, tmdb_id=101)))
    assert films(catalogue.found()) == {0: [("Leon", 1994, 101)], 1: [("Leon", 1994, 101)]}
    catalogue.read(1, Accepted(reading=film("The Professional", 1995, tmdb_id=7)))
    assert films(catalogue.found()) == {0: [("Leon", 1994, 101)], 1: [("The Professional", 1995, 7)]}


def test_a_film_that_is_asked_about_offers_what_was_read_and_all_else(library: int) -> None:
    """The question about an accepted file has the candidates that a fresh scan would give it."""
    other = film("Something Else", 2000)
    reading = film("Dune", edition="Extended", part=2)
    catalogue = Catalogue(library)
    catalogue.read(0, Accepted(reading=reading, others=(other,)))
    for file, year in ((1, 1984), (2, 2021)):
        catalogue.read(file, Accepted(reading=film("Dune", year)))
    with writing():
        question = assignments.open_validation(catalogue.id_of(0), NOW_MS)
        assert assignments.is_open(question)
        assert assignments.candidates_of(question) == (reading, other)


# --- decisions -------------------------------------------------------------------------------------------


def test_a_decision_stays_with_the_film_that_the_user_saw(library: int) -> None:
    """The user said "Dune" when one was known. That another comes later changes nothing."""
    catalogue, _ = named(library, film("Dune", 2021), film("Nothing Known"))
    catalogue.decide(1, film("Dune"))
    catalogue.read(2, Accepted(reading=film("Dune", 1984)))
    catalogue.read(3, Accepted(reading=film("Dune")))
    found = films(catalogue.found())
    assert found[1] == [("Dune", 2021, None)]
    assert "2 works" in found[3]


@pytest.mark.parametrize("years", [(1984, 2021), (2021, 1984)])
def test_a_decision_that_meant_no_known_film_is_a_film_of_its_own(library: int, years: Sequence[int]) -> None:
    """Which of two films it is remains unsaid, in either order, and it never becomes a question."""
    catalogue, _ = named(library, film("Nothing Known"))
    catalogue.decide(0, film("Dune"))
    for file, year in enumerate(years, start=1):
        catalogue.read(file, Accepted(reading=film("Dune", year)))
    found = catalogue.found()
    assert films(found)[0] == [("Dune", None, None)]
    assert found[0][:2] == ("accepted", "user")


def test_a_restored_film_makes_a_film_without_a_year_a_question_again(library: int) -> None:
    catalogue, found = named(library, film("Dune"), film("Dune", 1984), film("Dune", 2021))
    asked = found[0]
    with writing():
        assignments.reject(assignments.open_validation(catalogue.id_of(1), NOW_MS), NOW_MS)
    assert films(catalogue.found())[0] == [("Dune", 2021, None)]
    with writing():
        assignments.restore(Trash.get().id, NOW_MS)
    assert films(catalogue.found())[0] == asked


def test_a_file_by_absolute_number_alone_is_a_question_where_two_episodes_have_it(library: int) -> None:
    catalogue = Catalogue(library)
    catalogue.read(0, Accepted(reading=show("Bleach", None, absolute_numbers=(5,))))
    catalogue.read(1, Accepted(reading=show("Bleach", 1, 5, absolute_numbers=(5,))))
    assert catalogue.found()[0][5] == catalogue.found()[1][5]
    catalogue.read(2, Accepted(reading=show("Bleach", 2, 1, absolute_numbers=(5,))))
    assert catalogue.found()[0][2] == (
        "2 episodes have the absolute number 5, S01E05 and S02E01; the name does not say which"
    )
    catalogue.read(1, Ignored(reason="a sample"))
    assert catalogue.found()[0][5] == catalogue.found()[2][5]
