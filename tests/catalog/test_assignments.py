"""Do files find their film or episodes, once each, and do a person's words stand?"""

import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reeld.catalog import assignments, candidates, media, video_files, views
from reeld.catalog.models import Episode, EpisodeFile, Movie, PendingValidation, Series, Trash, VideoFile
from reeld.database.base import Row, database
from reeld.database.connection import reading, writing
from reeld.database.fields import utc_from_ms
from reeld.domain.content import MediaFacts
from reeld.domain.identity import Accepted, Ignored, Reading, Uncertain, Verdict
from reeld.domain.titles import title_key
from reeld.errors import NotFoundError
from tests.catalog import listed
from tests.catalog.rows import NOW_MS, add_file, add_libraries, stamp

in_one_catalog = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)


@pytest.fixture
def library(catalog: Path) -> int:
    return add_libraries("Films")[0]


def film(title: str, year: int | None = None, **more: Any) -> Reading:
    return Reading(kind="movie", title=title, year=year, score=0.9, evidence=("the name says so",), **more)


def show(title: str, season: int | None, *episodes: int, **more: Any) -> Reading:
    more = {"score": 0.9, **more}
    return Reading(kind="episode", title=title, season_number=season, episode_numbers=episodes, **more)


def accept(file_id: int, reading: Reading) -> None:
    give(file_id, Accepted(reading=reading))


def give(file_id: int, verdict: Verdict) -> None:
    with writing():
        assignments.store_verdict(file_id, verdict, title_key, NOW_MS)


def ask(file_id: int, *readings: Reading, reason: str = "two voices disagree") -> int:
    """The number of the question."""
    give(file_id, Uncertain(reason=reason, candidates=readings))
    with writing():
        return assignments.open_validation(file_id, NOW_MS)


def question_about(file_id: int) -> int:
    with writing():
        return assignments.open_validation(file_id, NOW_MS)


def validate(question: int, reading: Reading, candidate: int | None = None, now_ms: int = NOW_MS) -> None:
    with writing():
        assignments.validate(question, reading, candidate=candidate, key_of=title_key, now_ms=now_ms)


def reject(question: int) -> None:
    with writing():
        assignments.reject(question, NOW_MS)


def arrive(library: int, readings: Sequence[Reading]) -> list[int]:
    """One accepted file for each reading, in this order."""
    ids = []
    for number, one in enumerate(readings):
        ids.append(add_file(library, f"{number}.mkv"))
        accept(ids[-1], one)
    return ids


def file_row(file_id: int) -> Any:
    return VideoFile.get_by_id(file_id)


def movies() -> list[tuple[str, int | None]]:
    return sorted((row.title, row.year) for row in Movie.select())


def episodes_of(file_id: int) -> list[tuple[str, int | None, int | None]]:
    """The series, season and number of each episode in the file."""
    links = EpisodeFile.select(EpisodeFile, Episode, Series).join(Episode).join(Series)
    found = [link.episode for link in links.where(EpisodeFile.video_file == file_id)]
    return sorted((episode.series.title, episode.season_number, episode.episode_number) for episode in found)


def _steps_of(action: Callable[[], object]) -> int:
    """How many instructions SQLite ran, to the nearest ten."""
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 10
        return 0

    connection = database.connection()
    connection.set_progress_handler(count, 10)
    try:
        action()
    finally:
        connection.set_progress_handler(None, 0)
    return steps


@pytest.mark.parametrize("reading", [film("Harbour", 1999), show("Orb Quest", 1, 900)], ids=["a film", "an episode"])
def test_a_file_costs_no_more_where_many_are_known(library: int, reading: Reading) -> None:
    def cost() -> int:
        """That of a work's first file, and of one more."""
        arrive(library, [replace(reading, title=f"{reading.title} {next(numbers)}")])
        first, second = (add_file(library, f"new {next(numbers)}.mkv") for _ in range(2))
        new = replace(reading, title=f"{reading.title} {next(numbers)}")
        more = replace(new, episode_numbers=(901,)) if new.episode_numbers else new

        def accept_both() -> None:
            accept(first, new)
            accept(second, more)

        return _steps_of(accept_both)

    numbers = itertools.count()
    few = cost()
    arrive(library, [film(f"Other {number}") for number in range(300)])
    assert few > 0
    assert cost() < 2 * few


# --- one work, once --------------------------------------------------------------------------------------


def test_two_files_of_one_film_are_one_movie(library: int) -> None:
    first, second = arrive(library, [film("Heat", 1995), film("Heat", 1995, edition="Director's Cut")])
    assert movies() == [("Heat", 1995)]
    assert file_row(first).movie_id == file_row(second).movie_id
    assert [file_row(first).edition, file_row(second).edition] == [None, "Director's Cut"]
    (row,) = listed.list_movies()
    assert [entry["id"] for entry in row["files"]] == [first, second]


SPELLINGS = ("The Lord of the Rings", "the lord of the rings", "Lord of the Rings, The", "The.Lord.of.the.Rings!")


@in_one_catalog
@given(st.permutations(SPELLINGS))
def test_spellings_of_a_title_are_one_work_in_whatever_order_they_come(library: int, titles: list[str]) -> None:
    _empty()
    ids = arrive(library, [film(title, 1978) for title in titles])
    assert len({file_row(file_id).movie_id for file_id in ids}) == 1
    assert len(movies()) == 1


def test_a_year_or_an_id_that_a_later_file_knows_is_learnt(library: int) -> None:
    arrive(
        library, [film("Heat"), film("Heat", 1995), film("Heat", 1995, tmdb_id=949), film("Heat", imdb_id="tt0113277")]
    )
    (movie,) = Movie.select()
    assert (movie.year, movie.tmdb_id, movie.imdb_id) == (1995, 949, "tt0113277")


def test_ids_decide_against_title_and_year(library: int) -> None:
    first, second, third = arrive(
        library,
        [film("Léon", 1994, tmdb_id=101), film("The Professional", 1995, tmdb_id=101), film("Léon", 1994, tmdb_id=7)],
    )
    assert file_row(first).movie_id == file_row(second).movie_id != file_row(third).movie_id


def test_works_of_one_title_and_different_years_stay_apart(library: int) -> None:
    arrive(library, [film("Dune", 1984), film("Dune", 2021), film("Dune", 2021)])
    assert movies() == [("Dune", 1984), ("Dune", 2021)]


def test_a_work_of_the_very_year_is_meant_rather_than_one_whose_year_nobody_knows(library: int) -> None:
    first, _second, again, plain = arrive(
        library, [film("Heat", tmdb_id=1), film("Heat", tmdb_id=2), film("Heat", 1995, tmdb_id=1), film("Heat", 1995)]
    )
    assert Movie.select().count() == 2
    assert file_row(plain).movie_id == file_row(again).movie_id == file_row(first).movie_id


def test_a_film_and_a_series_of_one_name_are_two_works(library: int) -> None:
    arrive(library, [film("Fargo", 1996), show("Fargo", 1, 1, year=2014)])
    assert (Movie.select().count(), Series.select().count()) == (1, 1)


# --- order of arrival ------------------------------------------------------------------------------------


def _empty() -> None:
    with writing():
        VideoFile.update(movie=None).execute()
        for model in (PendingValidation, EpisodeFile, VideoFile, Episode, Series, Movie, Trash):
            model.delete().execute()


def _filed(library: int, readings: Sequence[Reading]) -> set[Any]:
    """What the catalogue says once all have come: the works with their facts, each with what its files said."""
    _empty()
    ids = arrive(library, readings)
    by_work: dict[Any, set[Reading]] = {}
    for file_id, one in zip(ids, readings, strict=True):
        row = file_row(file_id)
        links = EpisodeFile.select().where(EpisodeFile.video_file == file_id)
        works = [row.movie_id] if row.kind == "movie" else sorted(link.episode_id for link in links)
        for work in works or [row.verdict]:
            by_work.setdefault((row.kind, work), set()).add(one)
    return {(kind, _facts(kind, work), frozenset(said)) for (kind, work), said in by_work.items()}


def _facts(kind: str | None, work: Any) -> Any:
    if kind == "movie":
        movie = Movie.get_by_id(work)
        return (movie.title_key, movie.year, movie.tmdb_id, movie.tvdb_id, movie.imdb_id)
    if kind == "episode":
        episode = Episode.get_by_id(work)
        numbers = (episode.season_number, episode.episode_number, episode.absolute_number, episode.air_date)
        return (episode.series.title_key, episode.series.year, episode.series.country, *numbers)
    return work


OFFICES = (
    show("The Office", 1, 1, year=2005, country="US"),
    show("The Office", 1, 2, year=2005, country="US"),
    show("The Office", 1, 1, year=2001),
    show("The Office", 2, 1, year=2001),
)


@in_one_catalog
@given(st.permutations(OFFICES))
def test_the_two_offices_stay_apart_in_every_order_of_arrival(library: int, readings: list[Reading]) -> None:
    assert _filed(library, readings) == _filed(library, OFFICES)
    assert sorted((row.year, row.country) for row in Series.select()) == [(2001, None), (2005, "US")]
    assert Episode.select().count() == 4


# Titles in two spellings, each with its year: what the design promises to file alike in every order.
WITH_YEARS = st.builds(
    film,
    st.sampled_from(["Heat", "HEAT", "The Heat", "Dune"]),
    st.sampled_from([1984, 2021]),
    edition=st.sampled_from([None, "Extended"]),
)
NUMBERED = st.builds(
    lambda title, year, season, numbers: show(title, season, *sorted(numbers), year=year),
    st.sampled_from(["Fargo", "The Office"]),
    st.sampled_from([2001, 2014]),
    st.integers(0, 2),
    st.sets(st.integers(1, 3), min_size=1, max_size=3),
)
ABSOLUTE = st.builds(lambda number: show("One Piece", None, absolute_numbers=(number,)), st.integers(1, 3))
DATED = st.builds(lambda day: show("The Daily Show", None, air_date=f"2024-03-1{day}"), st.integers(1, 3))


@in_one_catalog
@given(st.data(), st.lists(st.one_of(WITH_YEARS, NUMBERED, ABSOLUTE, DATED), min_size=2, max_size=6))
def test_files_that_name_their_year_or_number_are_filed_alike_in_every_order(
    library: int, data: st.DataObject, readings: list[Reading]
) -> None:
    other_order = data.draw(st.permutations(readings))
    assert _filed(library, readings) == _filed(library, other_order)


# --- episodes --------------------------------------------------------------------------------------------


def test_a_file_of_several_episodes_belongs_to_each_and_an_episode_to_all_its_files(library: int) -> None:
    both, second = arrive(library, [show("Fargo", 1, 1, 2), show("Fargo", 1, 2, episode_title="The Rooster Prince")])
    assert episodes_of(both) == [("Fargo", 1, 1), ("Fargo", 1, 2)]
    assert episodes_of(second) == [("Fargo", 1, 2)]
    assert Episode.select().count() == 2
    titles = dict(Episode.select(Episode.episode_number, Episode.title).tuples())
    assert titles == {1: None, 2: "The Rooster Prince"}


def test_the_title_of_a_file_of_several_episodes_is_none_of_theirs(library: int) -> None:
    arrive(library, [show("Fargo", 1, 1, 2, episode_title="Pilot & Rooster")])
    assert [row.title for row in Episode.select()] == [None, None]


def test_season_zero_is_a_season_and_not_an_unknown_one(library: int) -> None:
    special, absolute = arrive(library, [show("Fargo", 0, 1), show("Fargo", None, absolute_numbers=(1,))])
    assert episodes_of(special) == [("Fargo", 0, 1)]
    assert episodes_of(absolute) == [("Fargo", None, None)]
    assert Series.select().count() == 1


def test_episodes_by_absolute_number_and_by_day_are_known_again(library: int) -> None:
    arrive(library, [show("One Piece", None, absolute_numbers=(1100,))] * 2)
    arrive_again = [show("The Daily Show", None, air_date="2024-03-14")] * 2
    for number, one in enumerate(arrive_again):
        accept(add_file(library, f"day {number}.mkv"), one)
    found = sorted((row.absolute_number or 0, row.air_date or "") for row in Episode.select())
    assert found == [(0, "2024-03-14"), (1100, "")]


def test_an_absolute_number_beside_season_and_episode_finds_the_same_episode(library: int) -> None:
    """An absolute number that stands beside season and episode finds the same episode."""
    numbered, absolute = arrive(
        library, [show("Naruto", 2, 3, absolute_numbers=(29,)), show("Naruto", None, absolute_numbers=(29,))]
    )
    assert episodes_of(absolute) == episodes_of(numbered) == [("Naruto", 2, 3)]


def test_an_episode_known_by_its_absolute_number_alone_learns_its_season(library: int) -> None:
    absolute, numbered = arrive(
        library, [show("Naruto", None, absolute_numbers=(29,)), show("Naruto", 2, 3, absolute_numbers=(29,))]
    )
    assert episodes_of(absolute) == episodes_of(numbered) == [("Naruto", 2, 3)]
    assert Episode.select().count() == 1


@pytest.mark.parametrize("empty", [show("Fargo", None), show("Fargo", 1)])
def test_a_reading_that_names_no_episode_is_a_question_and_never_some_episode(library: int, empty: Reading) -> None:
    known, vague = arrive(library, [show("Fargo", 1, 1), empty])
    assert episodes_of(known) == [("Fargo", 1, 1)]
    assert episodes_of(vague) == []
    assert file_row(vague).verdict == "pending"
    assert Episode.select().count() == 1


# --- doubt -----------------------------------------------------------------------------------------------


def test_where_two_works_fit_a_person_is_asked_and_nothing_is_linked(library: int) -> None:
    *_, doubtful = arrive(library, [film("Dune", 1984), film("Dune", 2021), film("Dune")])
    row = file_row(doubtful)
    assert (row.verdict, row.movie_id, row.decided_by) == ("pending", None, "reeld")
    assert "1984 and 2021" in row.reason
    (question,) = views.list_pending()
    assert question["file"]["id"] == doubtful
    assert [candidate["title"] for candidate in question["candidates"]] == ["Dune"]


def test_a_doubt_about_a_series_leaves_no_series_behind(library: int) -> None:
    arrive(
        library, [show("The Office", 1, 1, year=2001), show("The Office", 1, 1, year=2005), show("The Office", 7, 7)]
    )
    assert (Series.select().count(), Episode.select().count()) == (2, 2)


def test_a_question_with_the_same_candidates_stays_the_same_question(library: int) -> None:
    file_id = add_file(library, "a.mkv")
    first = ask(file_id, film("Heat", 1995))
    assert ask(file_id, film("Heat", 1995), reason="still unclear") == first
    assert [question["reason"] for question in views.list_pending()] == ["still unclear"]


def test_a_candidate_keeps_its_number_while_the_question_lives(library: int) -> None:
    """A user, or a script, may answer by what `pending` showed before more was known."""
    file_id = add_file(library, "a.mkv")
    question = ask(file_id, film("Heat", 1995), film("Heat", 1972))
    assert (
        ask(file_id, film("Heat", 1986), replace(film("Heat", 1995), evidence=("more",)), reason="still unclear")
        == question
    )
    (shown,) = views.list_pending()
    assert shown["reason"] == "still unclear"
    assert [(each["number"], each["year"]) for each in shown["candidates"]] == [(3, 1986), (1, 1995)]
    assert shown["candidates"][1]["evidence"] == ["more"]
    assert ask(file_id, film("Heat", 1972)) == question
    (shown,) = views.list_pending()
    assert [(each["number"], each["year"]) for each in shown["candidates"]] == [(2, 1972)]


def test_a_user_may_answer_with_a_number_that_was_withdrawn_meanwhile(library: int) -> None:
    file_id = add_file(library, "a.mkv")
    question = ask(file_id, film("Heat", 1995))
    ask(file_id, film("Heat", 1986))
    withdrawn = assignments.candidate_of(question, 1)
    assert withdrawn is not None
    validate(question, withdrawn, candidate=1)
    assert file_row(file_id).movie.year == 1995
    (answered,) = (views.file_details(file_id) or {})["validations"]
    assert (answered["selected"], [each["year"] for each in answered["candidates"]]) == (1, [1986, 1995])


def test_an_answer_is_to_the_pending_question_though_a_later_one_was_closed(library: int) -> None:
    """The row of a copy takes its question along when it becomes the row of the file that was known before."""
    old, new = add_file(library, "old.mkv"), add_file(library, "new.mkv")
    asked_of_new = ask(new, film("Heat", 1995))
    asked_of_old = ask(old, film("Heat", 1986))
    with writing():
        assignments.transfer(new, old, NOW_MS)
    assert asked_of_old > asked_of_new
    assert question_about(old) == asked_of_new
    (shown,) = views.list_pending()
    assert (shown["id"], [each["year"] for each in shown["candidates"]]) == (old, [1995])


def test_a_question_with_very_many_readings_makes_way_for_another(library: int) -> None:
    file_id = add_file(library, "a.mkv")
    questions = {ask(file_id, film("Heat", year)) for year in range(1900, 1900 + candidates.MOST + 1)}
    assert len(questions) == 2
    (shown,) = views.list_pending()
    assert [each["number"] for each in shown["candidates"]] == [candidates.MOST + 1]


PROPOSED = st.lists(
    st.sampled_from([film("Heat", 1986), film("Heat", 1995), film("Heat"), show("Heat", 1, 1), show("Heat", 1, 1, 2)]),
    max_size=4,
    unique=True,
)


@given(st.lists(PROPOSED, min_size=1, max_size=8), st.floats(0, 1))
def test_no_number_ever_means_two_readings(asked: list[list[Reading]], score: float) -> None:
    rows: list[Row] = []
    meant: dict[int, Reading] = {}
    for readings in asked:
        rows = json.loads(json.dumps(candidates.renumbered(rows, [replace(each, score=score) for each in readings])))
        offered = [row for row in rows if candidates.is_offered(row)]
        assert [replace(candidates.reading_of(row), score=0.9) for row in offered] == readings
        for row in rows:
            reading = replace(candidates.reading_of(row), score=0.9)
            assert meant.setdefault(row["id"], reading) == reading
    assert sorted(row["id"] for row in rows) == list(range(1, len(rows) + 1))
    assert len(set(meant.values())) == len(meant)


def test_evidence_that_comes_later_answers_the_question_and_says_that_no_person_did(library: int) -> None:
    file_id = add_file(library, "a.mkv")
    question = PendingValidation.get_by_id(ask(file_id, film("Heat")))
    accept(file_id, film("Heat", 1995))
    question = PendingValidation.get_by_id(question.id)
    assert (question.validation_status, question.auto_validated) == ("validated", True)
    assert question.resolved_at is not None
    assert list(views.list_pending()) == []


def test_candidates_are_numbered_from_one_and_come_back_whole(library: int) -> None:
    readings = (show("Fargo", 1, 1, 2, tvdb_id=269613, evidence=("one", "two")), film("Fargo", 1996, part=2))
    question = ask(add_file(library, "a.mkv"), *readings)
    assert assignments.candidates_of(question) == readings
    (shown,) = views.list_pending()
    assert [candidate["number"] for candidate in shown["candidates"]] == [1, 2]


def test_a_sample_is_ignored_and_what_was_asked_about_it_is_closed(library: int) -> None:
    file_id = add_file(library, "a.mkv")
    ask(file_id, film("Heat", 1995))
    give(file_id, Ignored(reason="it is a sample", evidence=("its name says so",)))
    row = file_row(file_id)
    assert (row.verdict, row.reason, row.evidence) == ("ignored", "it is a sample", ["its name says so"])
    assert list(views.list_pending()) == []


# --- a person's word -------------------------------------------------------------------------------------

VERDICTS: list[Verdict] = [
    Accepted(reading=film("Something Else", 2000)),
    Accepted(reading=show("Something Else", 1, 1)),
    Uncertain(reason="who knows", candidates=(film("Something Else", 2000),)),
    Ignored(reason="a sample"),
]


def _everything(file_id: int) -> Any:
    row = VideoFile.select().where(VideoFile.id == file_id).dicts().get()
    questions = list(PendingValidation.select().where(PendingValidation.video_file == file_id).dicts())
    return row, episodes_of(file_id), questions, movies(), Episode.select().count()


@pytest.mark.parametrize("verdict", VERDICTS)
@pytest.mark.parametrize("said", [film("Heat", 1995), show("Fargo", 1, 1, 2), None])
def test_what_a_person_decided_no_later_verdict_changes(library: int, said: Reading | None, verdict: Verdict) -> None:
    file_id = add_file(library, "a.mkv")
    question = ask(file_id, film("Heat", 1986))
    if said is None:
        reject(question)
    else:
        validate(question, said)
    before = _everything(file_id)
    give(file_id, verdict)
    assert _everything(file_id) == before


@in_one_catalog
@given(st.lists(st.sampled_from(VERDICTS), max_size=4), st.booleans())
def test_a_person_may_change_what_reeld_decided(library: int, verdicts: list[Verdict], is_rejected: bool) -> None:
    _empty()
    file_id = add_file(library, "a.mkv")
    for verdict in verdicts:
        give(file_id, verdict)
    with writing():
        question = assignments.open_validation(file_id, NOW_MS)
    if is_rejected:
        reject(question)
        assert (movies(), episodes_of(file_id), file_row(file_id).verdict) == ([], [], "rejected")
    else:
        validate(question, film("Heat", 1995))
        assert (movies(), episodes_of(file_id), file_row(file_id).verdict) == ([("Heat", 1995)], [], "accepted")
    assert file_row(file_id).decided_by == "user"
    assert (Episode.select().count(), Series.select().count()) == (0, 0)
    assert list(views.list_pending()) == []


def test_a_person_may_think_again(library: int) -> None:
    file_id = add_file(library, "a.mkv")
    question = ask(file_id, film("Heat", 1995), film("Heat", 1986))
    validate(question, film("Heat", 1995), candidate=1)
    assert PendingValidation.get_by_id(question).selected_candidate_id == 1
    reject(question)
    row = PendingValidation.get_by_id(question)
    assert (row.validation_status, row.selected_candidate_id) == ("rejected", None)
    assert movies() == []
    validate(question, film("Heat", 1986), candidate=2)
    assert movies() == [("Heat", 1986)]
    assert file_row(file_id).movie.title == "Heat"
    assert PendingValidation.select().count() == 1


def test_an_answer_to_an_old_question_answers_the_open_one_too(library: int) -> None:
    file_id = add_file(library, "a.mkv")
    old = ask(file_id, film("Heat"))
    accept(file_id, film("Heat", 1995))
    new = ask(file_id, film("Heat", 1986))
    assert new != old
    validate(old, film("Heat", 1995))
    assert list(views.list_pending()) == []


def test_where_two_works_fit_a_persons_words_the_older_one_is_meant(library: int) -> None:
    older, _newer = arrive(library, [film("Dune", 1984), film("Dune", 2021)])
    file_id = add_file(library, "a.mkv")
    validate(ask(file_id), film("Dune"))
    assert file_row(file_id).movie_id == file_row(older).movie_id


def test_a_question_that_nobody_asked_is_not_there(library: int) -> None:
    for ask_for_it in (reject, assignments.candidates_of):
        with pytest.raises(NotFoundError, match="99") as caught:
            ask_for_it(99)
        assert "reeld pending" in str(caught.value.hint)


def test_new_content_under_the_name_keeps_what_a_person_said(library: int) -> None:
    file_id = add_file(library, "a.mkv")
    validate(ask(file_id), film("Heat", 1995))
    assert add_file(library, "a.mkv", at=stamp(size_bytes=9)) == file_id
    give(file_id, Uncertain(reason="who knows"))
    assert (file_row(file_id).movie.title, file_row(file_id).decided_by) == ("Heat", "user")


# --- what the rules leave alone --------------------------------------------------------------------------


def _skip(library: int, file_id: int, *, at_once: bool) -> None:
    row = file_row(file_id)
    with writing():
        if at_once:
            video_files.record_all_skipped([file_id], "the pattern 'raw' matches it", NOW_MS)
        else:
            video_files.record_skipped(
                library, row.path, video_files.file_record(file_id).stamp, "the pattern '*.mkv' matches it", NOW_MS
            )


@pytest.mark.parametrize("at_once", [True, False])
def test_a_file_that_the_rules_now_leave_alone_belongs_to_no_work_and_asks_nothing(library: int, at_once: bool) -> None:
    """A file that the rules leave alone from now on belongs to no work and asks nothing."""
    watched, episode = arrive(library, [film("Heat", 1995), show("Fargo", 1, 1)])
    asked = add_file(library, "asked.mkv")
    ask(asked, film("Dune"))
    for file_id in (watched, episode, asked):
        _skip(library, file_id, at_once=at_once)
        row = file_row(file_id)
        assert (row.verdict, row.decided_by, row.movie_id, row.kind) == ("ignored", "rules", None, None)
    assert list(views.list_pending()) == []
    assert (movies(), Series.select().count(), Episode.select().count()) == ([], 0, 0)
    assert {row.entity_type for row in Trash.select()} == {"movie", "series", "episode"}


@pytest.mark.parametrize("at_once", [True, False])
def test_what_a_person_decided_no_rule_changes(library: int, at_once: bool) -> None:
    file_id = add_file(library, "a.mkv")
    validate(ask(file_id), film("Heat", 1995))
    _skip(library, file_id, at_once=at_once)
    assert (file_row(file_id).verdict, file_row(file_id).decided_by) == ("accepted", "user")
    assert movies() == [("Heat", 1995)]


def test_series_and_their_numbers_are_of_present_files_unless_all_are_asked_for(library: int) -> None:
    """Series and their numbers are of the files that are there unless all are asked for."""
    ids = arrive(library, [show("Fargo", 1, 1), show("Fargo", 2, 1), show("The Wire", 1, 1)])
    with writing():
        video_files.record_missing([ids[1]], library, "", NOW_MS)
        video_files.record_missing([ids[2]], library, "", NOW_MS)

    def found(**options: bool) -> list[tuple[str, int, int, int]]:
        rows = listed.list_series(**options)
        return [(row["title"], row["season_count"], row["episode_count"], row["file_count"]) for row in rows]

    assert found() == [("Fargo", 1, 1, 1)]
    assert found(also_missing=True) == [("Fargo", 2, 2, 2), ("The Wire", 1, 1, 1)]


# --- what a work is called -------------------------------------------------------------------------------


def works() -> list[tuple[Any, ...]]:
    """All that is known of all works, but their numbers."""
    films = [(row.title, row.title_key, row.year, row.tmdb_id, row.imdb_id) for row in Movie.select()]
    series = [(row.title, row.title_key, row.year, row.country, row.tvdb_id, row.tvmaze_id) for row in Series.select()]
    episodes = [
        (row.series.title, row.season_number, row.episode_number, row.absolute_number, row.air_date, row.title)
        for row in Episode.select(Episode, Series).join(Series)
    ]
    return sorted((*films, *series, *episodes), key=repr)


def forget_all() -> None:
    with writing():
        for model in (PendingValidation, EpisodeFile, VideoFile, Episode, Series, Movie, Trash):
            model.delete().execute()


FARGO = show("Fargo", 1, 1)
SAID_BEFORE_AND_AFTER = {
    "a year mended": ([FARGO, show("Fargo", 1, 2, year=1996)], [FARGO, show("Fargo", 1, 2, year=2014)]),
    "the file that knew the year is another film": (
        [FARGO, show("Fargo", 1, 2, year=2014, country="US", tvdb_id=1)],
        [FARGO, film("Alien", 1979)],
    ),
    "the file that knew the year is nothing known": (
        [FARGO, show("Fargo", 1, 2, year=2014)],
        [FARGO, Uncertain(reason="what is it?", candidates=(film("Alien", 1979), film("Aliens", 1986)))],
    ),
    "another file knows it as well": (
        [FARGO, show("Fargo", 1, 2, year=2014), show("Fargo", 1, 3, year=2014)],
        [FARGO, Ignored(reason="a sample"), show("Fargo", 1, 3, year=2014)],
    ),
    "an episode's title mended": (
        [show("Fargo", 1, 1, episode_title="The Crocodil")],
        [show("Fargo", 1, 1, episode_title="The Crocodile's Dilemma")],
    ),
    "an episode's title of two files": (
        [show("Fargo", 1, 1, episode_title="One"), show("Fargo", 1, 1, episode_title="Two")],
        [show("Fargo", 1, 1), show("Fargo", 1, 1, episode_title="Two")],
    ),
    "an absolute number taken back": ([show("Bleach", 2, 5, absolute_numbers=(25,))], [show("Bleach", 2, 5)]),
    "by absolute number alone": (
        [show("Bleach", None, absolute_numbers=(25,), episode_title="A")],
        [show("Bleach", None, absolute_numbers=(25,), episode_title="B")],
    ),
    "by day": (
        [show("News", None, air_date="2026-11-27", episode_title="A")],
        [show("News", None, air_date="2026-11-27", episode_title="B")],
    ),
    "several episodes in a file": (
        [show("FRIENDS", 10, 17, 18, absolute_numbers=(235, 236))],
        [show("Friends", 10, 17, 18, absolute_numbers=(234, 235))],
    ),
    "the case of a series": ([show("FARGO", 1, 1), show("FARGO", 1, 2)], [FARGO, show("Fargo", 1, 2)]),
    "the case of a film": ([film("heat", 1995)], [film("Heat", 1995)]),
    "an accent": ([film("Amelie", 2001)], [film("Am\u00e9lie", 2001)]),
    "another id": ([film("Heat", 1995, tmdb_id=1)], [film("Heat", 1995, tmdb_id=949)]),
    "no id": ([film("Heat", 1995, tmdb_id=1)], [film("Heat", 1995)]),
    "no year": ([film("Heat", 1995)], [film("Heat")]),
    "the same": ([film("Heat", 1995), film("heat", 1995, tmdb_id=949)], [film("Heat", 1995)] * 2),
}


@pytest.mark.parametrize(
    ("before", "after"), SAID_BEFORE_AND_AFTER.values(), ids=[each.replace(" ", "-") for each in SAID_BEFORE_AND_AFTER]
)
def test_when_files_say_something_else_the_works_are_those_of_a_fresh_look(
    library: int, before: list[Reading], after: list[Reading | Verdict]
) -> None:
    verdicts = [Accepted(reading=each) if isinstance(each, Reading) else each for each in after]
    for file_id, verdict in zip(arrive(library, before), verdicts, strict=True):
        give(file_id, verdict)
    found = works()
    forget_all()
    for number, verdict in enumerate(verdicts):
        give(add_file(library, f"{number}.mkv"), verdict)
    assert found == works()


def test_a_work_is_called_what_a_person_called_it_last_whatever_files_come_after(library: int) -> None:
    first, second, third = arrive(
        library, [film("amelie", 2001), film("AMELIE", 2001), film("Amelie", 2001, tmdb_id=1)]
    )
    question = question_about(second)
    validate(question, film("The Fabulous Destiny of Amelie", 2001))
    validate(question, film("Am\u00e9lie", 2001))
    assert movies() == [("Am\u00e9lie", 2001)]
    accept(first, film("AmElIe", 2001))
    accept(add_file(library, "fourth.mkv"), film("amelie", 2001))
    assert movies() == [("Am\u00e9lie", 2001)]
    validate(question_about(third), film("Am\u00c9lie", 2001), now_ms=NOW_MS + 1000)
    assert movies() == [("Am\u00c9lie", 2001)]


def test_a_person_takes_back_an_id_and_a_year(library: int) -> None:
    (heat, one, two) = arrive(library, [film("Heat", 1995, tmdb_id=1), FARGO, show("Fargo", 1, 2)])
    validate(question_about(heat), film("Heat", 1995))
    assert Movie.get().tmdb_id is None
    validate(question_about(two), show("Fargo", 1, 2, year=1996))
    validate(question_about(two), show("Fargo", 1, 2, year=2014))
    assert [(row.title, row.year) for row in Series.select()] == [("Fargo", 2014)]
    assert {series for series, *_ in (*episodes_of(one), *episodes_of(two))} == {"Fargo"}


def test_what_an_older_reeld_filed_forgets_nothing(library: int) -> None:
    one, two = arrive(library, [FARGO, show("Fargo", 1, 2, year=2014)])
    with writing():
        VideoFile.update(claimed_work=None, claimed_episode=None).where(VideoFile.id == one).execute()
    give(two, Ignored(reason="a sample"))
    assert [row.year for row in Series.select()] == [2014]


def test_an_episode_that_came_back_without_a_file_counts_only_among_all(library: int) -> None:
    """An episode that came back without a file counts only where all are asked for."""
    (file_id,) = arrive(library, [show("Fargo", 1, 1)])
    accept(file_id, film("Up", 2009))
    _restore("series")
    _restore("episode")
    for also_missing, number in ((False, 0), (True, 1)):
        (series,) = listed.list_series(also_missing=also_missing)
        assert series["episode_count"] == len(list(listed.list_episodes(also_missing=also_missing))) == number


@pytest.mark.parametrize("kind", ["movie", "episode"])
def test_a_list_goes_on_when_a_work_goes_between_two_pages(
    library: int, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(views, "_PAGE", 2)
    one_of_four = [film(f"Film {n}") if kind == "movie" else show("Fargo", 1, n) for n in range(4)]
    ids = arrive(library, one_of_four)
    listing = listed.list_movies() if kind == "movie" else listed.list_episodes()
    seen = [next(listing), next(listing)]
    give(ids[3], Ignored(reason="a sample"))
    seen += listing
    assert [row["files"][0]["id"] for row in seen] == ids[:3]


def test_a_question_that_is_answered_while_the_list_is_read_does_not_wait(
    library: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "_PAGE", 2)
    files = [add_file(library, f"{n}.mkv") for n in range(4)]
    questions = [ask(file_id, film(f"Film {n}")) for n, file_id in enumerate(files)]
    listing = views.list_pending()
    seen = [next(listing), next(listing)]
    reject(questions[3])
    seen += listing
    assert [row["id"] for row in seen] == files[:3]


# --- the trash -------------------------------------------------------------------------------------------


def _restore(entity_type: str) -> tuple[str, int]:
    with writing():
        back = assignments.restore(Trash.get(Trash.entity_type == entity_type).id, NOW_MS)
    return back.entity_type, back.id


def test_a_work_goes_to_the_trash_with_its_last_file_and_no_sooner(library: int) -> None:
    """A work that loses its last file goes to the trash and one that keeps another stays."""
    first, second = arrive(library, [film("Heat", 1995, tmdb_id=949)] * 2)
    accept(first, film("Dune", 2021))
    assert movies() == [("Dune", 2021), ("Heat", 1995)]
    accept(second, film("Dune", 2021))
    assert movies() == [("Dune", 2021)]
    (entry,) = Trash.select()
    assert (entry.entity_type, entry.entity_metadata["title"]) == ("movie", "Heat")


def test_a_movie_comes_back_from_the_trash_as_it_was(library: int) -> None:
    (file_id,) = arrive(library, [film("Heat", 1995, tmdb_id=949, imdb_id="tt0113277")])
    with writing():
        Movie.update(genres=["Crime"]).execute()
    before = Movie.select().dicts().get()
    give(file_id, Ignored(reason="a sample"))
    assert movies() == []
    assert _restore("movie") == ("movie", before["id"])
    assert Movie.select().dicts().get() == before
    assert Trash.select().count() == 0


def test_a_series_and_its_episode_come_back_in_this_order(library: int) -> None:
    (file_id,) = arrive(library, [show("Fargo", 1, 1, year=2014, episode_title="The Crocodile's Dilemma")])
    before = Series.select().dicts().get(), Episode.select().dicts().get()
    give(file_id, Ignored(reason="a sample"))
    with pytest.raises(NotFoundError, match="the series of this episode is in the trash"):
        _restore("episode")
    _restore("series")
    _restore("episode")
    assert (Series.select().dicts().get(), Episode.select().dicts().get()) == before


def test_the_number_of_a_work_in_the_trash_is_never_given_to_another(library: int) -> None:
    (file_id,) = arrive(library, [show("Fargo", 1, 1, year=2014)])
    give(file_id, Ignored(reason="a sample"))
    accept(file_id, show("The Wire", 1, 2, year=2002))
    with pytest.raises(NotFoundError, match="the series of this episode is in the trash"):
        _restore("episode")  # and does not become an episode of The Wire
    _restore("series")
    _restore("episode")
    found = {(row.series.title, row.season_number, row.episode_number) for row in Episode.select()}
    assert found == {("Fargo", 1, 1), ("The Wire", 1, 2)}


def test_what_comes_back_has_its_file_again(library: int) -> None:
    (file_id,) = arrive(library, [film("Heat", 1995)])
    with writing():
        reject(assignments.open_validation(file_id, NOW_MS))
    with writing():
        back = assignments.restore(Trash.get().id, NOW_MS)
    assert (back.entity_type, list(back.file_ids)) == ("movie", [file_id])
    row = file_row(file_id)
    assert (row.verdict, row.decided_by, row.kind, row.movie_id) == ("accepted", "user", "movie", back.id)
    assert row.evidence == [assignments.BROUGHT_BACK]


@pytest.mark.parametrize(
    "reading", [film("Ben-Hur", 1959, part=2, edition="Restored"), show("Friends", 10, 17, 18, edition="Extended")]
)
def test_what_comes_back_has_its_file_with_the_part_and_the_edition_that_it_was(library: int, reading: Reading) -> None:
    (file_id,) = arrive(library, [reading])
    with writing():
        reject(assignments.open_validation(file_id, NOW_MS))
    assert (file_row(file_id).part, file_row(file_id).edition) == (None, None)
    for kind in ("movie",) if reading.kind == "movie" else ("series", "episode", "episode"):
        _restore(kind)
    row = file_row(file_id)
    assert (row.kind, row.part, row.edition) == (reading.kind, reading.part, reading.edition)
    assert row.claimed_work["title"] == reading.title
    assert (row.claimed_episode is None) == (reading.kind == "movie")


def test_all_episodes_of_a_file_come_back_to_it_and_its_question_is_answered(library: int) -> None:
    (file_id,) = arrive(library, [show("Friends", 10, 17, 18)])
    question = ask(file_id)
    assert assignments.is_open(question)
    _restore("series")
    _restore("episode")
    _restore("episode")
    links = EpisodeFile.select().where(EpisodeFile.video_file == file_id)
    assert {link.episode.episode_number for link in links} == {17, 18}
    assert (file_row(file_id).kind, file_row(file_id).decided_by) == ("episode", "user")
    assert not assignments.is_open(question)


@pytest.mark.parametrize("corrected", [show("The Wire", 1, 1), show("Fargo", 1, 2)], ids=["series", "number"])
def test_what_a_person_had_corrected_does_not_come_back_beside_what_is_right(library: int, corrected: Reading) -> None:
    file_id = add_file(library, "a.mkv")
    question = ask(file_id)
    validate(question, show("Fargo", 1, 1))
    validate(question, corrected)
    reject(question)
    for entry in Trash.select().order_by(Trash.entity_type.desc(), Trash.id.desc()):
        with writing():
            assignments.restore(entry.id, NOW_MS)
    assert Episode.select().count() == 2
    (number,) = corrected.episode_numbers
    assert episodes_of(file_id) == [(corrected.title, 1, number)]


def test_a_file_that_is_something_else_by_now_stays_that(library: int) -> None:
    (file_id,) = arrive(library, [film("Heat", 1995)])
    accept(file_id, show("Fargo", 1, 1))
    with writing():
        assert list(assignments.restore(Trash.get().id, NOW_MS).file_ids) == []
    assert (file_row(file_id).kind, file_row(file_id).movie_id, file_row(file_id).decided_by) == (
        "episode",
        None,
        "reeld",
    )
    assert movies() == [("Heat", 1995)]


def test_an_episode_that_was_made_anew_meanwhile_is_not_restored_beside_itself(library: int) -> None:
    first, second = arrive(library, [show("Fargo", 1, 1, absolute_numbers=(1,)), show("Fargo", 1, 2)])
    accept(first, show("Fargo", 1, 2))
    accept(second, show("Fargo", 1, 1))
    entries = list(Trash.select())
    assert [entry.entity_type for entry in entries] == ["episode"]
    with pytest.raises(NotFoundError, match="there again"), writing():
        assignments.restore(entries[0].id, NOW_MS)
    assert Trash.select().count() == 1


@pytest.mark.parametrize(
    ("before", "again"),
    [
        (film("Heat", 1995, tmdb_id=949), film("Heat", 1995)),
        (show("Fargo", 1, 1, year=2014, tvdb_id=7), show("Fargo", 1, 2, year=2014)),
        (film("Heat", 1995), film("Heat")),
        (show("The Office", 1, 1, year=2005, country="US"), show("The Office", 1, 2, year=2005)),
    ],
    ids=["a film", "a series", "a film without its year", "a series without its country"],
)
def test_a_work_that_came_again_with_fewer_facts_is_not_restored_beside_itself(
    library: int, before: Reading, again: Reading
) -> None:
    """Of two such works no later file would know which it belongs to."""
    (old,) = arrive(library, [before])
    give(old, Ignored(reason="a sample"))
    accept(add_file(library, "new.mkv"), again)
    with pytest.raises(NotFoundError, match="there again"):
        _restore("movie" if before.kind == "movie" else "series")
    third = add_file(library, "third.mkv")
    accept(third, again)
    assert file_row(third).verdict == "accepted", file_row(third).reason


def test_an_episode_whose_series_came_again_comes_back_as_one_of_that(library: int) -> None:
    (rejected,) = arrive(library, [show("Fargo", 1, 1, year=2014)])
    with writing():
        reject(assignments.open_validation(rejected, NOW_MS))
    accept(add_file(library, "new.mkv"), show("Fargo", 1, 2, year=2014))
    _restore("episode")
    assert episodes_of(rejected) == [("Fargo", 1, 1)]
    assert Series.select().count() == 1
    with pytest.raises(NotFoundError, match="there again"):
        _restore("series")


def test_an_episode_that_may_be_of_two_series_is_no_episode_of_one_of_them(library: int) -> None:
    (old,) = arrive(library, [show("Fargo", 1, 1)])
    give(old, Ignored(reason="a sample"))
    for year in (1996, 2014):
        accept(add_file(library, f"{year}.mkv"), show("Fargo", 1, 2, year=year))
    with pytest.raises(NotFoundError, match="is not known any more"):
        _restore("episode")
    assert Episode.select().count() == 2


def test_an_episode_that_came_again_by_absolute_number_is_not_restored_twice(library: int) -> None:
    """An episode that came again by its absolute number alone is not restored beside itself."""
    old, *_ = arrive(library, [show("Bleach", 1, 5, absolute_numbers=(5,)), show("Bleach", 9, 9)])
    give(old, Ignored(reason="a sample"))
    accept(add_file(library, "new.mkv"), show("Bleach", None, absolute_numbers=(5,)))
    with pytest.raises(NotFoundError, match="there again"):
        _restore("episode")


def test_an_episode_comes_back_beside_one_that_is_known_by_the_day_it_was_aired(library: int) -> None:
    old, dated = arrive(library, [show("Bleach", 1, 5), show("Bleach", None, air_date="2004-11-02")])
    give(old, Ignored(reason="a sample"))
    _restore("episode")
    assert (episodes_of(old), episodes_of(dated)) == ([("Bleach", 1, 5)], [("Bleach", None, None)])


def test_the_trash_says_of_which_series_an_episode_was(library: int) -> None:
    """Whether that is in the trash too, or is there still."""
    fargo, wire, _ = arrive(library, [show("Fargo", 1, 1), show("The Wire", 1, 1), show("The Wire", 1, 2)])
    for file_id in (fargo, wire):
        give(file_id, Ignored(reason="a sample"))
    said = [row["series"] for row in views.list_trash() if row["kind"] == "episode"]
    assert said == ["Fargo", "The Wire"]


def test_what_is_not_in_the_trash_cannot_come_back(library: int) -> None:
    with pytest.raises(NotFoundError, match="nothing in the trash has the number t"), writing():
        assignments.restore(5, NOW_MS)
    with reading():
        assert list(views.list_trash()) == []


def test_what_was_filed_by_its_name_and_holds_no_video_leaves_no_trace_of_the_work(library: int) -> None:
    """Unless the work was known before, or another file has it."""
    ids = arrive(library, [film("Dune", 2021), film("Heat", 1995), film("Heat", 1995)])
    problem = "not a video: it is a playlist"
    with writing():
        for file_id in ids:
            media.save_media_facts(file_id, MediaFacts(problem=problem))
            assignments.store_verdict(file_id, Uncertain(reason=problem), title_key, NOW_MS + 1)
    assert (Movie.select().count(), Trash.select().count()) == (0, 0)
    (known,) = arrive(library, [film("Alien", 1979)])
    with writing():
        Movie.update(created_at=utc_from_ms(NOW_MS - 86_400_000)).execute()
        media.save_media_facts(known, MediaFacts(problem=problem))
        assignments.store_verdict(known, Uncertain(reason=problem), title_key, NOW_MS + 2)
    assert [entry.entity_metadata["title"] for entry in Trash.select()] == ["Alien"]


def test_a_film_that_a_person_made_for_a_file_without_video_goes_to_the_trash(library: int) -> None:
    file_id = add_file(library, "a.mkv")
    with writing():
        media.save_media_facts(file_id, MediaFacts(problem="no video in it"))
    question = ask(file_id, reason="no video in it")
    validate(question, film("My Holiday", 1999))
    reject(question)
    assert [entry.entity_metadata["title"] for entry in Trash.select()] == ["My Holiday"]
