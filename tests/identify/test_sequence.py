"""A folder of numbered files: the number that runs behind the folder's own title is the episode's."""

import re

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from reeld.domain.identity import Accepted, Clues, Ignored, Reading, Uncertain
from reeld.identify.verdict import identify
from tests.identify.test_classes import accepted, assert_title, titles

FORMS = (
    "{t} {n:02}", "{t} {n}", "{t} - {n:02}", "{t}_{n:02}_Nets", "{t} #{n}", "{n:02}. Nets", "{t} Kapitel {n}",
    "{t} ({n}) Ice", "[Gull] {t} {n:02} [720p]", "[Gull].{t}.-.{n:02}.[720p]", "[Gull][{t}][{n:02}][1080p]",
    "{t} E{n:02}", "Tập {n}", "{t} {n:02} vostfr",
)  # fmt: skip


def in_a_folder(folder: str, names: list[str]) -> list[Reading | None]:
    """Return what each of the files is accepted as."""
    return [accepted(f"{folder}/{name}", siblings=tuple(other for other in names if other != name)) for name in names]


@settings(deadline=None, max_examples=60)
@given(
    title=titles.filter(lambda title: not title[-1].isdigit()),
    form=st.sampled_from(FORMS),
    first=st.integers(1, 3),
    count=st.integers(4, 12),
    season=st.sampled_from([None, 1, 4]),
)
def test_the_number_that_runs_behind_the_folders_title_is_the_episodes(
    title: str, form: str, first: int, count: int, season: int | None
) -> None:
    numbers = range(first, first + count)
    names = [f"{form.format(t=title, n=number)}.mkv" for number in numbers]
    folder = f"TV/{title}" + (f"/Season {season}" if season else "")
    for number, reading in zip(numbers, in_a_folder(folder, names), strict=True):
        assert reading
        assert_title(reading, title)
        if season:
            assert (reading.season_number, reading.episode_numbers) == (season, (number,))
        else:
            assert (reading.season_number, reading.absolute_numbers) == (None, (number,))


@settings(deadline=None, max_examples=60)
@given(
    title=titles,
    form=st.sampled_from(["{t} {n}", "{t} {n:02}", "{n:02} - Ice", "{t} Part {n}"]),
    place=st.sampled_from(["Videos/{t}", "Movies/{t}", "Movies/{t} (2010)", "TV"]),
    count=st.integers(2, 9),
)
def test_numbered_files_elsewhere_are_asked_about(title: str, form: str, place: str, count: int) -> None:
    names = [f"{form.format(t=title, n=number)}.mkv" for number in range(1, count + 1)]
    for reading in in_a_folder(place.format(t=title), names):
        assert reading is None or reading.part is not None


@settings(deadline=None, max_examples=60)
@given(
    form=st.sampled_from(
        ["IMG_{n:04}", "VTS_{n:02}_1", "title_t{n:02}", "clip {n}", "Disc {n}", "Season {n}", "Trailer {n}",
         "Special {n}", "Salt Road Season {n}", "Salt Road Trailer {n}", "Salt Road OVA {n}",
         "Salt Road S{n:02}", "Salt Road {n}. Staffel", "Salt Road Returns {n:02}", "Salt Road II {n:02}",
         "Salt Road Minisode {n}", "MVI_{n:04}"]
    ),
    first=st.integers(1, 400),
)  # fmt: skip
@example(form="Salt Road {n}. Staffel", first=201)
def test_what_counts_something_else_is_no_episode(form: str, first: int) -> None:
    assume(first < 100 or not ("Returns" in form or "II" in form))  # 201 and on are season 2 of such a title
    names = [f"{form.format(n=number)}.mkv" for number in range(first, first + 6)]
    for season in ("", "/Season 2"):
        assert in_a_folder(f"TV/Salt Road{season}", names) == [None] * 6


def test_few_files_or_few_numbered_ones_are_no_run() -> None:
    assert in_a_folder("TV/Salt Road", ["Salt Road 05.mkv", "Salt Road 06.mkv"]) == [None, None]
    some = [f"Salt Road 0{number}.mkv" for number in range(1, 5)]
    others = [f"{word}.mkv" for word in ("Nets", "Ice", "Ebb", "Fog")]
    assert in_a_folder("TV/Salt Road", some + others)[:4] == [None] * 4


@settings(deadline=None, max_examples=30)
@given(order=st.permutations(range(1, 9)))
def test_a_folder_is_read_alike_in_any_order(order: list[int]) -> None:
    names = [f"Salt Road {number:02}.mkv" for number in order]
    clues = Clues(path=f"TV/Salt Road/{min(names)}", siblings=tuple(name for name in names if name != min(names)))
    verdict = identify(clues)
    assert isinstance(verdict, Accepted)
    assert verdict.reading.absolute_numbers == (1,)


def test_numbers_that_go_through_a_hundred_are_no_season_and_episode() -> None:
    names = [f"Salt Road {number}.mkv" for number in range(98, 110)]
    assert all(
        reading is None or reading.episode_numbers[0] > 97 for reading in in_a_folder("TV/Salt Road/Season 1", names)
    )
    assert in_a_folder("TV/Salt Road/Season 1", names[2:]) == [None] * 10
    coded = in_a_folder("TV/Salt Road/Season 1", names[3:])
    assert [reading.episode_numbers for reading in coded if reading] == [(number,) for number in range(1, 10)]


@settings(deadline=None, max_examples=40)
@given(
    title=titles.filter(lambda title: not title[-1].isdigit()),
    form=st.sampled_from(["{t} {n} ({y})", "{t}.{n}.{y}.1080p.BluRay.x264-GRP", "{t} {n} {y}"]),
    place=st.sampled_from(["{t}", "Films/{t}", "Films/{t} Collection", "TV/{t}"]),
    first=st.integers(2, 3),
    count=st.integers(4, 9),
)
def test_numbered_files_with_years_of_their_own_are_films(
    title: str, form: str, place: str, first: int, count: int
) -> None:
    names = [f"{form.format(t=title, n=number, y=1980 + 2 * number)}.mkv" for number in range(first, first + count)]
    for name in names:
        found = identify(Clues(path=f"{place.format(t=title)}/{name}", siblings=tuple({*names} - {name})))
        assert not isinstance(found, Ignored)
        reading = found.reading if isinstance(found, Accepted) else found.candidates[0]
        assert (reading.kind, reading.year) == ("movie", 1980 + 2 * (first + names.index(name)))


@settings(deadline=None, max_examples=60)
@given(
    title=titles.filter(lambda title: not title[-1].isdigit()),
    form=st.sampled_from(["{t} {n:02}", "{t} - {n:02}", "{t} Episode {n}", "[Gull] {t} - {n:02} [720p]"]),
    season=st.integers(2, 5),
    first=st.integers(7, 60),
)
def test_a_later_season_that_begins_far_behind_1_may_count_from_the_first_one_on(
    title: str, form: str, season: int, first: int
) -> None:
    names = [f"{form.format(t=title, n=number)}.mkv" for number in range(first, first + 6)]
    assert in_a_folder(f"Anime/{title}/Season {season}", names) == [None] * 6


def test_a_later_season_that_the_names_tell_does_not_count_from_the_first_one_on() -> None:
    for form in ("Salt Road 2x{}", "Salt Road S2 - {}", "[Gull] Salt Road S2 - {} [720p]"):
        readings = in_a_folder("TV/Salt Road/Season 2", [f"{form.format(number)}.mkv" for number in range(13, 19)])
        assert [reading and reading.episode_numbers for reading in readings] == [(number,) for number in range(13, 19)]


def test_a_run_that_may_hold_a_season_is_asked_about_in_a_folder_of_none() -> None:
    for form in ("Salt Road {}", "{} - Nets", "Salt Road Episode {}"):
        names = [f"{form.format(number)}.mkv" for number in range(101, 109)]
        assert in_a_folder("TV/Salt Road", names) == [None] * 8, form


def test_the_parts_of_a_film_are_no_episodes_however_many_they_are() -> None:
    for folder, form in (
        ("Movies/Salt Road (2004)", "Salt Road Part {}"),
        ("Movies/Salt Road (2004)", "Salt Road (2004) - pt{}"),
        ("Salt Road (2004)", "Salt Road Part {}"),
        ("Salt Road (2004)", "Salt.Road.2004.Part{}.720p.BluRay"),
    ):
        readings = in_a_folder(folder, [f"{form.format(part)}.avi" for part in range(1, 6)])
        assert [reading and (reading.kind, reading.year, reading.part) for reading in readings] == [
            ("movie", 2004, part) for part in range(1, 6)
        ], (folder, form)


def test_the_parts_of_a_series_with_its_year_are_its_episodes() -> None:
    names = [f"Salt Road (2004) Part {part}.avi" for part in range(1, 6)]
    for number, reading in enumerate(in_a_folder("TV/Salt Road (2004)", names), start=1):
        assert reading
        assert (reading.kind, reading.year, reading.absolute_numbers, reading.part) == (
            "episode",
            2004,
            (number,),
            None,
        )


def test_numbered_files_among_films_are_offered_as_films() -> None:
    names = [f"Salt Road {number}.mkv" for number in range(1, 6)]
    for name in names:
        verdict = identify(Clues(path=f"Movies/Salt Road/{name}", siblings=tuple({*names} - {name})))
        assert isinstance(verdict, Uncertain)
        assert (verdict.candidates[0].kind, verdict.candidates[0].title) == ("movie", name.removesuffix(".mkv"))


@pytest.mark.parametrize(
    ("form", "title"),
    [
        ("Downloads/Amiga numero {n}.avi", "Amiga"),
        ("TV/Amiga/Amiga numero {n}.avi", "Amiga"),
        ("Downloads/Orb Quest #{n}.mkv", "Orb Quest"),
        ("Orb/Orb.Quest.No.{n}.mkv", "Orb Quest"),
        ("x/{n}. Teil - Die Reise.mkv", "Die Reise"),
        ("y/Orb Quest Chapter {n}.mkv", "Orb Quest"),
        ("y/Orb Quest Day {n}.mkv", "Orb Quest Day"),
        ("Orb Quest/orbquest_{n:02}_final.mkv", "Orb Quest"),
    ],
)
def test_siblings_that_run_in_numbers_are_proposed_alike(form: str, title: str) -> None:
    """guessit takes one digit for the title's, and two for an episode's."""
    names = [form.format(n=number).rpartition("/")[2] for number in range(1, 26)]
    for number, name in enumerate(names, start=1):
        siblings = tuple(other for other in names if other != name)
        verdict = identify(Clues(path=form.format(n=number), siblings=siblings))
        assert isinstance(verdict, Uncertain)
        first = verdict.candidates[0]
        assert (first.kind, first.title, first.absolute_numbers) == ("episode", title, (number,))


@pytest.mark.parametrize("form", ["Movies/Orb/Orb numero {n}.mkv", "Camera/VTS_{n:02}_1.mkv"])
def test_numbered_films_and_names_of_devices_are_proposed_alike(form: str) -> None:
    names = [form.format(n=number).rpartition("/")[2] for number in range(1, 26)]
    found = set()
    for name in names:
        siblings = tuple(other for other in names if other != name)
        verdict = identify(Clues(path=f"{form.rpartition('/')[0]}/{name}", siblings=siblings))
        assert isinstance(verdict, Uncertain)
        first = verdict.candidates[0]
        found.add((first.kind, re.sub(r"\d+", "N", first.title or "")))
    assert len(found) == 1
