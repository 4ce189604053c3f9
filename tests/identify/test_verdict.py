"""What a verdict promises beside the corpus: its evidence, ids, .nfo files, properties for any name at all."""

import os
import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reeld.domain.identity import Accepted, Clues, Ignored, Reading, Sidecar, Uncertain, Verdict
from reeld.identify.guessit_reader import LONGEST_NAME, WIDEST_RANGE, guess, is_hostile
from reeld.identify.verdict import identify

LONGEST_S = 3.0

pieces = st.sampled_from(
    [
        "Show",
        "S01E02",
        "1x02",
        "-",
        ".",
        " ",
        "1999",
        "(2010)",
        "[Group]",
        "1080p",
        "x264",
        "cd1",
        "Part 2",
        "S01-S202",
        "E01-",
        "2024-01-09",
        "The",
        "ß",
        "İ",
        "千",
        "é",
        "\udce9",
        "{tmdb-1}",
        "{",
        "Sample",
        "/",
        "Season 1",
        "Extras",
        "VIDEO_TS",
        "01",
        "of6",
        "AKA",
        "Folge 3",
    ],
)
names = st.one_of(
    st.text(max_size=60),
    st.lists(pieces, max_size=14).map("".join),
    st.binary(max_size=60).map(os.fsdecode),
)


def reading_of(verdict: Verdict) -> Reading:
    match verdict:
        case Accepted(reading=reading):
            return reading
        case Uncertain(candidates=(first, *_)):
            return first
        case other:
            pytest.fail(f"no reading in {other}")


@settings(deadline=None, max_examples=250)
@given(path=names, siblings=st.lists(names, max_size=3))
def test_no_name_raises_or_takes_long(path: str, siblings: list[str]) -> None:
    start = time.perf_counter()
    verdict = identify(Clues(path=path, siblings=tuple(siblings)))
    assert time.perf_counter() - start < LONGEST_S
    assert isinstance(verdict, (Accepted, Uncertain, Ignored))


@pytest.mark.parametrize(
    "name",
    [
        "S01-S202.mkv",
        "1x01-1x202.mkv",
        "S01E01-S02E202.mkv",
        "S10000-S10001.mkv",
        "E1-E202.mkv",
        "S01-S2019.mkv",
        "E01-S01-S202.mkv",
        "S10000-S10001E01.mkv",
        "S10000 to S10001.mkv",
        "S01E10000~E10001.mkv",
        "a" * (LONGEST_NAME + 1),
        "1-" * 131,
        "[" * (LONGEST_NAME + 1),
        "S01E01" * 44,
        "((((" * 65 + "1999",
        "x" * 200 + "-" * 55,
        "S1 - E2 - " * 25,
    ],
)
def test_hostile_names_are_read_quickly_and_never_accepted(name: str) -> None:
    start = time.perf_counter()
    verdict = identify(Clues(path=name))
    assert time.perf_counter() - start < LONGEST_S
    assert not isinstance(verdict, Accepted)


def test_guessit_is_not_asked_for_ranges_that_it_would_list() -> None:
    """Each range is just over a limit, and short or long ones within it are read."""
    assert is_hostile(f"Show.S01-S{WIDEST_RANGE + 2}.mkv")
    assert not is_hostile(f"Show.S01-S{WIDEST_RANGE + 1}.mkv")
    assert is_hostile("E01-S10000-S10001.")
    assert is_hostile("S10000-S10001E01-Folge 3")
    assert is_hostile("ep10000~Folge 10001")
    assert is_hostile("1x9800-9801")
    assert not is_hostile("Show.S2019E01-S2019E02.mkv")
    assert not is_hostile("Show.1x01-2160p.mkv")
    assert not is_hostile("Show - 12 - 20240310.mkv")
    assert is_hostile("x" * (LONGEST_NAME + 1))
    assert guess(f"Show.S01-S{WIDEST_RANGE + 2}.mkv") is None
    assert not is_hostile("Show.S01E01-1080p.mkv")
    assert not is_hostile("Show (2010-2015) - S01E01-E03.mkv")


@settings(deadline=None, max_examples=60)
@given(
    numbers=st.lists(st.integers(1, 999), min_size=2, max_size=6, unique=True),
    shape=st.sampled_from(["lost.{}.hdtv-lol.avi", "Show - {:02}.mkv", "{:02}.mkv", "Film (1990) - part{}.mkv"]),
    seed=st.randoms(use_true_random=False),
)
def test_the_order_of_siblings_changes_nothing(numbers: list[int], shape: str, seed: object) -> None:
    first, *others = (shape.format(number) for number in numbers)
    shuffled = sorted(others, key=lambda name: (hash((str(seed), name)), name))
    path = f"TV/Show/Season 1/{first}"
    assert identify(Clues(path=path, siblings=tuple(others))) == identify(Clues(path=path, siblings=tuple(shuffled)))


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("Movies/Heat (1995)", "Heat (1995)"),
        ("downloads", "The.Matrix.1999.1080p.BluRay.x264-GROUP"),
        ("", "Some Film AKA Other (1999)"),
        ("TV/Dark/Season 1", "Dark - S01E02"),
        ("", "Friends.S10E17E18.1080p"),
        ("TV/Bleach", "Bleach - 366"),
    ],
)
@pytest.mark.parametrize("tag", [" {tmdb-603}", " [imdbid=tt0133093]", " (tvdb-371980)"])
def test_a_true_id_never_lowers_the_reading(folder: str, name: str, tag: str) -> None:
    without, tagged = identify(Clues(path=f"{folder}/{name}.mkv")), identify(Clues(path=f"{folder}/{name}{tag}.mkv"))
    assert isinstance(tagged, Accepted) or not isinstance(without, Accepted)
    before, after = reading_of(without), reading_of(tagged)
    assert (before.kind, before.title, before.year) == (after.kind, after.title, after.year)
    assert before.episode_numbers == after.episode_numbers
    assert after.score >= before.score


def test_composed_and_decomposed_names_are_one() -> None:
    composed = "Movies/Amélie (2001)/Amélie (2001).mkv"
    assert identify(Clues(path=unicodedata.normalize("NFD", composed))) == identify(Clues(path=composed))


def test_a_name_that_is_not_utf_8_is_read_like_any_other() -> None:
    verdict = identify(Clues(path=os.fsdecode(b"Movies/Am\xe9lie (2001)/Am\xe9lie (2001).mkv")))
    assert reading_of(verdict).year == 2001


def test_every_verdict_says_why() -> None:
    for path, voice in (("Movies/Heat (1995)/Heat (1995).mkv", "folder"), ("Heat.1995.1080p.mkv", "guessit")):
        accepted = identify(Clues(path=path))
        assert isinstance(accepted, Accepted)
        assert any("the name has" in sentence for sentence in accepted.reading.evidence)
        assert any(voice in sentence for sentence in accepted.reading.evidence)
    uncertain = identify(Clues(path="Movies/Heat (1995)/Heat (1986).mkv"))
    assert isinstance(uncertain, Uncertain)
    assert "1995" in uncertain.reason
    assert "1986" in uncertain.reason
    assert 0 < uncertain.candidates[0].score < 1


def test_the_kind_of_the_library_is_evidence() -> None:
    film = "The.Matrix.1999.1080p.BluRay.x264-GROUP.mkv"
    assert isinstance(identify(Clues(path=film, library_kind="movies")), Accepted)
    assert isinstance(identify(Clues(path=film, library_kind="series")), Uncertain)
    assert isinstance(identify(Clues(path="Dark.S01E01.720p.mkv", library_kind="movies")), Uncertain)


def test_two_ids_of_one_kind_wait_for_a_person() -> None:
    verdict = identify(Clues(path="Movies/Heat (1995) {tmdb-949}/Heat (1995) {tmdb-950}.mkv"))
    assert isinstance(verdict, Uncertain)
    assert "two different tmdb ids" in verdict.reason


MOVIE_NFO = b"<movie><title>The Matrix</title><year>1999</year><uniqueid type='tmdb'>603</uniqueid></movie>"


def test_a_movie_nfo_names_a_film_whose_file_says_nothing() -> None:
    verdict = identify(
        Clues(path="stuff/abc/mtrx.mkv", sidecars=(Sidecar(path="stuff/abc/mtrx.nfo", content=MOVIE_NFO),))
    )
    reading = reading_of(verdict)
    assert (reading.title, reading.year, reading.tmdb_id) == ("The Matrix", 1999, 603)


def test_a_movie_nfo_that_agrees_settles_what_the_name_left_open() -> None:
    clues = Clues(path="Movies/The Matrix.mkv", sidecars=(Sidecar(path="Movies/The Matrix.nfo", content=MOVIE_NFO),))
    verdict = identify(clues)
    assert isinstance(verdict, Accepted)
    assert verdict.reading.year == 1999


def test_an_nfo_of_another_film_waits_for_a_person() -> None:
    clues = Clues(
        path="Movies/Heat (1995)/Heat (1995).mkv",
        sidecars=(Sidecar(path="Movies/Heat (1995)/movie.nfo", content=MOVIE_NFO),),
    )
    assert isinstance(identify(clues), Uncertain)


def test_the_nfo_of_episodes_numbers_a_file_that_has_no_mark() -> None:
    show = b"<tvshow><title>Dark</title><year>2017</year><uniqueid type='tvdb'>334824</uniqueid></tvshow>"
    episodes = b"".join(
        b"<episodedetails><title>x</title><season>2</season><episode>%d</episode></episodedetails>" % n for n in (3, 4)
    )
    clues = Clues(
        path="TV/Dark/Season 2/Geister.mkv",
        sidecars=(
            Sidecar(path="TV/Dark/tvshow.nfo", content=show),
            Sidecar(path="TV/Dark/Season 2/Geister.nfo", content=episodes),
        ),
    )
    verdict = identify(clues)
    assert isinstance(verdict, Accepted)
    reading = verdict.reading
    assert (reading.title, reading.season_number, reading.episode_numbers, reading.tvdb_id) == (
        "Dark",
        2,
        (3, 4),
        334824,
    )


def test_an_nfo_that_contradicts_the_mark_waits_for_a_person() -> None:
    details = b"<episodedetails><season>1</season><episode>9</episode></episodedetails>"
    clues = Clues(
        path="TV/Dark/Season 1/Dark - S01E02.mkv",
        sidecars=(Sidecar(path="TV/Dark/Season 1/Dark - S01E02.nfo", content=details),),
    )
    assert isinstance(identify(clues), Uncertain)


def test_the_link_in_a_scene_nfo_is_the_id_of_the_film() -> None:
    name = "The.Matrix.1999.1080p.BluRay.x264-GROUP"
    text = b"\xdb\xdb GROUP presents \xdb\xdb  http://www.imdb.com/title/tt0133093/"
    verdict = identify(Clues(path=f"{name}.mkv", sidecars=(Sidecar(path=f"{name}.nfo", content=text),)))
    assert isinstance(verdict, Accepted)
    assert verdict.reading.imdb_id == "tt0133093"


RELEASE = "The.Matrix.1999.1080p.BluRay.x264-SPARKS"
LINK = b"http://www.imdb.com/title/tt0133093/"


@pytest.mark.parametrize(
    ("nfo", "content", "imdb"),
    [
        ("sparks-thematrix.nfo", LINK, "tt0133093"),
        ("The Matrix.NFO", LINK, "tt0133093"),
        ("alien.nfo", LINK, None),
        ("readme.nfo", LINK, None),
        ("anything.nfo", b"<movie><title>The Matrix</title><id>tt0133093</id></movie>", "tt0133093"),
        ("anything.nfo", b"<movie><title>Alien</title><id>tt0133093</id></movie>", None),
    ],
)
def test_the_only_nfo_beside_a_lone_video_speaks_of_it_if_a_title_says_so(
    nfo: str, content: bytes, imdb: str | None
) -> None:
    path, sidecars = f"{RELEASE}/sparks-matrix.mkv", (Sidecar(path=f"{RELEASE}/{nfo}", content=content),)
    verdict = identify(Clues(path=path, sidecars=sidecars))
    assert isinstance(verdict, Accepted)
    assert verdict.reading.imdb_id == imdb
    beside_another = identify(Clues(path=path, sidecars=sidecars, siblings=("other.mkv",)))
    assert reading_of(beside_another).imdb_id is None


@pytest.mark.parametrize(
    ("link", "tmdb", "doubt"),
    [
        (b"https://www.themoviedb.org/movie/603", 603, None),
        (b"https://www.themoviedb.org/tv/603", None, "links to a series"),
        (b"https://www.tvmaze.com/shows/603", None, "links to a series"),
        (b"https://www.themoviedb.org/movie/603 https://www.tvmaze.com/shows/603", None, None),
    ],
)
def test_a_link_says_whether_it_leads_to_a_film_or_to_a_series(
    link: bytes, tmdb: int | None, doubt: str | None
) -> None:
    verdict = identify(Clues(path=f"{RELEASE}.mkv", sidecars=(Sidecar(path=f"{RELEASE}.nfo", content=link),)))
    assert reading_of(verdict).tmdb_id == tmdb
    assert isinstance(verdict, Uncertain) == (doubt is not None)
    assert doubt is None or (isinstance(verdict, Uncertain) and doubt in verdict.reason)


@pytest.mark.parametrize("tag", ["{tvmaze-123}", "[tvmazeid=123]"])
def test_the_id_of_tvmaze_is_that_of_the_series_and_of_no_film(tag: str) -> None:
    series = identify(Clues(path=f"TV/Dark {tag}/Season 1/Dark - S01E02.mkv"))
    assert isinstance(series, Accepted)
    assert series.reading.tvmaze_id == 123
    assert isinstance(identify(Clues(path=f"Heat (1995) {tag}/Heat (1995) {tag}.mkv")), Uncertain)


def _among(name: str, siblings: list[str], folder: str = "downloads") -> Verdict:
    return identify(Clues(path=f"{folder}/{name}", siblings=tuple(siblings)))


BREAKING = [f"Breaking.Bad.S01E0{number}.720p.BluRay.x264-GRP.mkv" for number in (1, 2, 4, 6)]


@pytest.mark.parametrize(
    ("name", "likely"),
    [
        ("Braking.Bad.S01E03.720p.BluRay.x264-GRP.mkv", "Breaking Bad"),
        ("Braking.Bad.S01E02.720p.BluRay.x264-GRP.mkv", None),  # its number is taken
        ("Braking.Bad.S02E03.720p.BluRay.x264-GRP.mkv", None),  # none of that season lies there
        ("Breaking.Bad.Two.S01E03.720p.BluRay.x264-GRP.mkv", None),  # a longer title is another one
        ("Dark.S01E03.720p.BluRay.x264-GRP.mkv", None),
    ],
)
def test_the_odd_one_out_may_be_misspelt(name: str, likely: str | None) -> None:
    verdict = _among(name, BREAKING)
    assert isinstance(verdict, Uncertain) == (likely is not None)
    if likely:
        assert reading_of(verdict).title == likely
        assert isinstance(_among(name, BREAKING[:2]), Accepted), "two may as well be the odd ones"
        assert isinstance(_among(name, BREAKING, "Braking Bad/Season 1"), Accepted), "the folder says the same"


@pytest.mark.parametrize(
    ("other", "is_contrary"),
    [
        ("Dark - S01E02 - Secrets.mkv", False),
        ("Dark - S01E02 - Secrets (1080p).mkv", False),
        ("Dark - S01E02.mkv", False),
        ("Dark - S01E02 - Past and Present.mkv", True),
        ("Dark - S02E02 - Past and Present.mkv", False),
    ],
)
def test_two_titles_under_one_number_are_for_a_person(other: str, is_contrary: bool) -> None:
    verdict = _among("Dark - S01E02 - Secrets.mkv", [other], "TV/Dark/Season 1")
    assert isinstance(verdict, Uncertain) == is_contrary
    assert is_contrary == any("same number and another title" in sentence for sentence in reading_of(verdict).evidence)


def test_the_episodes_beside_it_and_those_that_are_missing_are_told() -> None:
    said = reading_of(_among(BREAKING[0], BREAKING[1:])).evidence
    assert "beside it lie the episodes 1-2, 4, 6; missing between them: 3, 5" in said
    whole = reading_of(_among("Dark.S01E02.720p.mkv", ["Dark.S01E01.720p.mkv", "Dark.S01E03.720p.mkv"])).evidence
    assert not any("missing" in sentence for sentence in whole)


def test_a_number_far_behind_those_of_its_siblings_is_no_episodes() -> None:
    siblings = ["01 - Pilot.mkv", "02 - Two.mkv", "03 - Three.mkv"]
    assert isinstance(_among("12 - Twelve.mkv", siblings, "TV/Dark/Season 1"), Accepted)
    verdict = _among("100 - Things.mkv", siblings, "TV/Dark/Season 1")
    assert isinstance(verdict, Uncertain)
    verdict = _among("50 - Things.mkv", siblings, "TV/Dark/Season 1")
    assert isinstance(verdict, Uncertain)
    assert "far behind those of its siblings: 1-3" in verdict.reason


def test_a_title_with_bytes_that_are_no_text_is_for_a_person() -> None:
    verdict = identify(Clues(path=os.fsdecode(b"Movies/Am\xe9lie (2001)/Am\xe9lie (2001).mkv")))
    assert isinstance(verdict, Uncertain)
    assert "UTF-8" in verdict.reason


DVD = {"VIDEO_TS.VOB": 9, "VTS_01_0.VOB": 9, "VTS_01_1.VOB": 1000, "VTS_01_2.VOB": 700, "VTS_02_1.VOB": 90}


def _on_disc(name: str, sizes: dict[str, int], folder: str = "Heat (1995)/VIDEO_TS") -> Verdict:
    others = {other: size for other, size in sizes.items() if other != name}
    clues = Clues(
        path=f"Movies/{folder}/{name}",
        siblings=tuple(others),
        size_bytes=sizes[name],
        sibling_sizes=tuple(others.values()),
    )
    return identify(clues)


def test_a_dvd_is_one_film_whatever_files_it_is_cut_into() -> None:
    found = {name: _on_disc(name, DVD) for name in DVD}
    assert [name for name, verdict in found.items() if isinstance(verdict, Accepted)] == ["VTS_01_1.VOB"]
    film = reading_of(found.pop("VTS_01_1.VOB"))
    assert (film.title, film.year) == ("Heat", 1995)
    assert "it is by far the largest title of the disc" in film.evidence
    assert all(isinstance(verdict, Ignored) for verdict in found.values())


def test_a_blu_ray_is_its_largest_stream() -> None:
    streams = {"00001.m2ts": 50, "00800.m2ts": 9000, "00801.m2ts": 400}
    found = {name: _on_disc(name, streams, "Heat (1995)/BDMV/STREAM") for name in streams}
    assert {name: type(verdict) for name, verdict in found.items()} == {
        "00001.m2ts": Ignored,
        "00800.m2ts": Accepted,
        "00801.m2ts": Ignored,
    }


def test_a_disc_with_two_titles_of_one_size_is_for_a_person() -> None:
    """Episodes, or two versions of a film; each title asks once."""
    episodes = {"VTS_01_1.VOB": 1000, "VTS_01_2.VOB": 100, "VTS_02_1.VOB": 900}
    found = {name: _on_disc(name, episodes) for name in episodes}
    assert {name for name, verdict in found.items() if isinstance(verdict, Uncertain)} == {
        "VTS_01_1.VOB",
        "VTS_02_1.VOB",
    }


@pytest.mark.parametrize(
    ("name", "size", "is_sample"),
    [
        ("heat.1995.sample.1080p.bluray.mkv", 30, True),
        ("heat.1995.sample.1080p.bluray.mkv", 700, False),
        ("heat.1995.sample.720p.bluray.mkv", 30, False),
    ],
)
def test_a_sample_is_told_by_its_size_beside_the_file_that_it_is_one_of(name: str, size: int, is_sample: bool) -> None:
    sizes = {name: size, "heat.1995.1080p.bluray.mkv": 800}
    assert isinstance(_on_disc(name, sizes, "Heat"), Ignored) == is_sample


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("(500) Harbours of Autumn (2009).mkv", "500 Harbours of Autumn"),
        ("[OFF].2.2013.1080p.BluRay.x264-GRP.mkv", "OFF 2"),
        ("Kopie von Paper Boats (2014).mkv", "Paper Boats"),
        ("Paper Boats Collectors Edition (2014) cut.mkv", "Paper Boats"),
        ("Quiet Kin - Temporada 4 [HDTV][Cap.408].mkv", "Quiet Kin"),
    ],
)
def test_the_likeliest_title_is_proposed_first(name: str, title: str) -> None:
    verdict = identify(Clues(path=name))
    assert isinstance(verdict, Uncertain)
    assert verdict.candidates[0].title == title


@pytest.mark.parametrize(
    ("tag", "edition"),
    [
        ("directors cut", "Director's Cut"),
        ("Final.Cut", "Final Cut"),
        ("Ultimate Extended Edition", "Ultimate Extended Edition"),
        ("Fan Favourite", "Fan Favourite"),
    ],
)
def test_an_edition_in_braces_is_the_users_own_word_unless_it_is_a_usual_one(tag: str, edition: str) -> None:
    verdict = identify(Clues(path=f"Movies/Heat (1995)/Heat (1995) {{edition-{tag}}}.mkv"))
    assert isinstance(verdict, Accepted)
    assert verdict.reading.edition == edition


def test_a_recording_of_a_receiver_is_read_by_its_title_and_day() -> None:
    name = "20101222 2000 - Some Channel - Human Target.ts"
    asked, accepted = identify(Clues(path=name)), identify(Clues(path=f"Series/Human Target/{name}"))
    assert isinstance(asked, Uncertain)
    assert isinstance(accepted, Accepted)
    for reading in (asked.candidates[0], accepted.reading):
        assert (reading.kind, reading.title, reading.air_date) == ("episode", "Human Target", "2010-12-22")


@pytest.mark.parametrize("folder", ["Other", "Scenes", "Shorts", "clips", "Others"])
@pytest.mark.parametrize(
    "form",
    [
        "Brazil (1985)/{}/Brazil (1985).mkv",
        "Movies/Brazil (1985)/{}/Brazil (1985) - 1080p.mkv",
        "Brazil (1985)/{}/The Crimson Permanent Assurance (1983).mkv",
        "Lost (2004)/{}/Lost (2004) - s01e05 - Bits.mkv",
        "TV Shows/Lost (2004)/Season 01/{}/Lost (2004) - s01e07.mkv",
        "Lost/{}/Lost - s01e01.mkv",
        "Lost (2004)/{}/Lost (2004).mkv",
    ],
)
def test_what_lies_in_a_folder_for_extras_of_a_work_is_never_accepted(folder: str, form: str) -> None:
    """The name may be a work's, and media servers take each file there for an extra: so the user decides."""
    verdict = identify(Clues(path=form.format(folder)))
    assert isinstance(verdict, Uncertain)
    assert "extras" in verdict.reason


@pytest.mark.parametrize(
    "path", ["Shorts/Brazil (1985).mkv", "Movies/Other/Brazil (1985).mkv", "Clips/Lost S01E06.mkv"]
)
def test_a_folder_of_that_name_around_works_is_a_place(path: str) -> None:
    assert isinstance(identify(Clues(path=path)), Accepted)


@pytest.mark.parametrize(
    "path",
    [
        "Trailers/Brazil (1985).mkv",
        "Movies/Featurettes/Brazil (1985).mkv",
        "Movies/Deleted Scenes/Brazil (1985)/Brazil (1985).mkv",
        "Bonus/Lost S01E06.mkv",
    ],
)
def test_a_work_in_a_folder_that_can_only_hold_extras_is_asked_about(path: str) -> None:
    verdict = identify(Clues(path=path))
    assert isinstance(verdict, Uncertain)
    assert "extras" in verdict.reason


@pytest.mark.parametrize(
    "path",
    ["Extras (2005)/Season 01/Extras - s01e02.mkv", "Extras/Extras - S01E02.mkv", "Deleted/Deleted (2010).mkv"],
)
def test_a_work_that_is_called_like_a_folder_for_extras_is_accepted(path: str) -> None:
    assert isinstance(identify(Clues(path=path)), Accepted)


@pytest.mark.parametrize(
    "suffix", ["featurette", "interview", "trailer", "behindthescenes", "deleted", "scene", "other"]
)
def test_an_extra_beside_an_episode_is_no_other_episode_of_its_number(suffix: str) -> None:
    folder, name = "House (2004)/Season 02", "House (2004) - s02e01 - Return.mkv"
    extra = f"House (2004) - s02e01 - Cast Talk-{suffix}.mkv"
    assert isinstance(identify(Clues(path=f"{folder}/{name}", siblings=(extra,))), Accepted)
    assert isinstance(identify(Clues(path=f"{folder}/{extra}", siblings=(name,))), Ignored)
