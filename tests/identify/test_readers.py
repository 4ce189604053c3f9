"""What each reader promises by itself: titles' keys, ids, .nfo files, siblings, folders."""

import codecs
import unicodedata

import pytest
from guessit.api import GuessItApi
from hypothesis import given
from hypothesis import strategies as st

from reeld.domain.identity import Clues, Sidecar, Uncertain
from reeld.domain.titles import title_key
from reeld.identify import guessit_reader
from reeld.identify.extras import why_ignored
from reeld.identify.folders import is_generic, season_of
from reeld.identify.ids import ids_in, without_ids
from reeld.identify.markers import find_marker
from reeld.identify.nfo import DEEPEST, LARGEST_BYTES, MOST_ELEMENTS, read_sidecars, sidecar_names
from reeld.identify.siblings import differing_run, stacked_part
from reeld.identify.verdict import identify
from tests.identify.corpus import rows

words = st.lists(st.text("abcdefgyzäéñøßжю千0123456789", min_size=1, max_size=6), min_size=1, max_size=4)


@given(words=words, separator=st.sampled_from([" ", ".", "_", " - ", ": "]))
def test_case_separators_and_unicode_form_do_not_change_the_key(words: list[str], separator: str) -> None:
    title = " ".join(words)
    key = title_key(title)
    assert title_key(separator.join(words)) == key
    assert title_key(title.upper()) == key
    assert title_key(unicodedata.normalize("NFD", title)) == key


@given(title=st.text(min_size=1))
def test_no_title_has_an_empty_key(title: str) -> None:
    assert title_key(title)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The Office", "Office, The"),
        ("Law & Order", "Law and Order"),
        ("Amélie", "amelie"),
        ("Ocean's Eleven", "Oceans.Eleven"),
        ("Spider-Man", "Spiderman"),
        ("S.W.A.T.", "SWAT"),
        ("Straße", "STRASSE"),
        ("A Beautiful Mind", "Beautiful Mind"),
        ("Łódź", "Lodz"),
    ],
)
def test_spellings_of_one_title_share_their_key(one: str, other: str) -> None:
    assert title_key(one) == title_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("Rocky 2", "Rocky 3"), ("Брат", "Брат 2"), ("が", "か"), ("!!!", "???"), ("The", "An"), ("йо", "ио")],
)
def test_different_titles_have_different_keys(one: str, other: str) -> None:
    assert title_key(one) != title_key(other)


@pytest.mark.parametrize("bracket", ["{{{}}}", "[{}]", "({})"])
@pytest.mark.parametrize("text", ["tmdb-603", "tmdbid=603", "TMDB=603", "tmdbid-603"])
def test_an_id_is_read_in_every_usual_spelling(bracket: str, text: str) -> None:
    name = f"The Matrix (1999) {bracket.format(text)}"
    assert ids_in([name]).tmdb == 603
    assert without_ids(name) == "The Matrix (1999)"


def test_the_nearest_id_wins_and_a_disagreement_is_told() -> None:
    found = ids_in(["Show {tvdb-1}", "Show {tvdb-2} [imdbid-tt0133093]"])
    assert (found.tvdb, found.imdb, found.conflicts) == (2, "tt0133093", ("tvdb",))
    assert not ids_in(["Room 237", "(603)", "{tmdb-}", "{tmdb-tt0133093}"])


def test_sidecars_are_those_beside_and_above_the_video() -> None:
    assert sidecar_names("TV/Dark/Season 1/a.mkv") == (
        "TV/Dark/Season 1/a.nfo",
        "TV/Dark/Season 1/movie.nfo",
        "TV/Dark/Season 1/tvshow.nfo",
        "TV/Dark/tvshow.nfo",
        "TV/tvshow.nfo",
    )
    assert sidecar_names("a.mkv") == ("a.nfo", "movie.nfo", "tvshow.nfo")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00",
        b"<episodedetails><title>x</title></episodedetails>",
        b"a scene's text" + b" " * LARGEST_BYTES,
        b"<!DOCTYPE html><html><title>x</title></html>",
        b"imdb.com/title/tt0133093 imdb.com/title/tt0133094",
        b"<html><title>x</title></html>",
    ],
    ids=range(7),
)
def test_a_nfo_that_is_about_no_work_says_nothing(content: bytes) -> None:
    assert read_sidecars("a.mkv", [Sidecar(path="a.nfo", content=content)]) == ()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("<!DOCTYPE m [<!ENTITY a 'b'>]><movie><title>&a;</title></movie>".encode("utf-16"), "an entity"),
        (b"<!DOCTYPE m [<!ENTITY a 'b'>]><movie><title>&a;</title></movie>", "an entity"),
        (b"<movie><title>x</title></movie>" + b" " * LARGEST_BYTES, "1 MiB"),
        (b"<movie>" + b"<a>" * DEEPEST + b"</a>" * DEEPEST + b"</movie>", "too many"),
        (b"<movie>" + b"<a/>" * MOST_ELEMENTS + b"</movie>", "too many"),
    ],
    ids=range(5),
)
def test_a_nfo_over_a_limit_is_asked_about(content: bytes, problem: str) -> None:
    (nfo,) = read_sidecars("a.mkv", [Sidecar(path="a.nfo", content=content)])
    assert nfo.kind == "broken"
    assert problem in (nfo.problem or "")


def test_an_nfo_may_hold_a_link_behind_its_xml_and_a_mark_in_front() -> None:
    content = "\ufeff<?xml version='1.0' encoding='UTF-8'?><movie><title>Amélie</title><id>tt0211915</id></movie>\nhttps://x.y".encode()
    (nfo,) = read_sidecars("a.mkv", [Sidecar(path="a.nfo", content=content)])
    assert (nfo.title, nfo.ids.imdb) == ("Amélie", "tt0211915")


def _episode(season: int, episode: object, last: object = "") -> str:
    end = f"<episodenumberend>{last}</episodenumberend>" if last else ""
    return f"<episodedetails><season>{season}</season><episode>{episode}</episode>{end}</episodedetails>"


@pytest.mark.parametrize(
    "content",
    [
        "<movie>",
        "<movie><title>x</movie>",
        "<movie><title>x < y</title></movie>",
        "<movie><title>Caf\udce9</title></movie>",
        _episode(1, 1) + _episode(2, 1),
        _episode(1, 1) + _episode(1, ""),
        _episode(1, 8, last=6),
        _episode(1, 1, last=9999),
    ],
    ids=range(8),
)
def test_a_nfo_about_a_work_that_cannot_be_read_is_asked_about_by_name(content: str) -> None:
    sidecar = Sidecar(path="Heat (1995).nfo", content=content.encode("utf-8", "surrogateescape"))
    verdict = identify(Clues(path="Heat (1995).mkv", sidecars=(sidecar,)))
    assert isinstance(verdict, Uncertain)
    assert "'Heat (1995).nfo' cannot be read: " in verdict.reason
    assert "correct it, or remove it" in verdict.reason


@pytest.mark.parametrize(
    ("declared", "encoding", "mark"),
    [
        ("utf-16", "utf-16-le", codecs.BOM_UTF16_LE),
        ("utf-16", "utf-16-be", codecs.BOM_UTF16_BE),
        ("UTF-16", "utf-16-le", b""),
        ("utf-16", "utf-16-be", b""),
        ("utf-16", "utf-8", b""),
        ("utf-8", "utf-8", codecs.BOM_UTF8),
        ("ISO-8859-1", "latin-1", b""),
        ("windows-1252", "cp1252", b""),
        ("Latin1", "cp1252", b""),
        ("ISO-8859-15", "iso-8859-15", b""),
        ("no-such-thing", "utf-8", b""),
    ],
)
def test_a_nfo_is_read_in_its_encoding(declared: str, encoding: str, mark: bytes) -> None:
    text = f'<?xml version="1.0" encoding="{declared}"?>\n<movie><title>Am\u00e9lie</title><year>2001</year></movie>'
    (nfo,) = read_sidecars("a.mkv", [Sidecar(path="a.nfo", content=mark + text.encode(encoding))])
    assert (nfo.kind, nfo.title, nfo.year) == ("movie", "Am\u00e9lie", 2001)


def test_what_is_no_xml_between_the_titles_of_a_nfo_is_read_all_the_same() -> None:
    text = (
        "<movie><title>Tom & Jerry &amp; Co &#33;</title><plot>Cat &nbsp; \x0c Mouse \udce9 a=1&b=2</plot></movie>\n"
        "https://www.imdb.com/title/tt0032138/?a=1&b=2"
    )
    (nfo,) = read_sidecars("a.mkv", [Sidecar(path="a.nfo", content=text.encode("utf-8", "surrogateescape"))])
    assert (nfo.kind, nfo.title, nfo.ids.imdb) == ("movie", "Tom & Jerry & Co !", "tt0032138")


@pytest.mark.parametrize(
    ("content", "episodes"),
    [
        (_episode(2, 1, last=2), (1, 2)),
        (_episode(2, 6, last=8), (6, 7, 8)),
        (_episode(2, 3, last=3), (3,)),
        (_episode(2, 3, last="-1"), (3,)),
        (_episode(2, 1, last=2) + _episode(2, 3), (1, 2, 3)),
    ],
)
def test_a_nfo_of_several_episodes_is_a_range_or_several_elements(content: str, episodes: tuple[int, ...]) -> None:
    (nfo,) = read_sidecars("a.mkv", [Sidecar(path="a.nfo", content=content.encode())])
    assert (nfo.kind, nfo.season, nfo.episodes) == ("episode", 2, episodes)


@pytest.mark.parametrize(
    ("folder", "season"),
    [
        ("Season 1", 1),
        ("season 02", 2),
        ("Staffel 3", 3),
        ("3. Staffel", 3),
        ("Saison 4", 4),
        ("Temporada 5", 5),
        ("S06", 6),
        ("1 сезон", 1),
        ("Сезон 2", 2),
        ("シーズン3", 3),
        ("第2季", 2),
        ("Season 2024", 2024),
        ("Specials", 0),
        ("Season 00", 0),
        ("Series 10", 10),
        ("2nd Season", 2),
        ("Season 05 - Vice", 5),
        ("Show", None),
        ("Seasonal Cooking", None),
        ("24", None),
    ],
)
def test_a_season_folder_is_known_in_the_usual_languages(folder: str, season: int | None) -> None:
    assert season_of(folder) == season


def test_places_are_no_works() -> None:
    assert all(is_generic(folder) for folder in ("TV Shows", "Movies", "downloads", "4K", "Фильмы", "[---]"))
    assert not any(is_generic(folder) for folder in ("Dark", "24", "Movies (2010)"))


def test_the_number_that_differs_is_found_whatever_else_is_a_number() -> None:
    run = differing_run("Apollo 13 - 02 - 1080p.mkv", ["Apollo 13 - 01 - 1080p.mkv", "Apollo 13 - 03 - 1080p.mkv"])
    assert run is not None
    assert (run.number, run.numbers) == (2, (1, 2, 3))
    assert differing_run("lost.102.avi", ["house.102.avi"]) is None


def test_hundreds_are_seasons_only_where_each_begins_near_one() -> None:
    coded = differing_run("lost.102.avi", ["lost.101.avi", "lost.201.avi"])
    absolute = differing_run("Bleach - 366.mkv", ["Bleach - 365.mkv"])
    assert coded is not None
    assert coded.is_season_coded()
    assert absolute is not None
    assert not absolute.is_season_coded()


def test_a_part_needs_a_sibling_that_differs_by_its_number_alone() -> None:
    assert stacked_part("Gandhi - cd2.avi", ["Gandhi - cd1.avi"]) == 2
    assert stacked_part("Film - part1.mkv", ["Other - part2.mkv"]) is None
    assert stacked_part("Harry Potter Part 1 (2010).mkv", ["Harry Potter Part 2 (2011).mkv"]) is None


@pytest.mark.parametrize(
    ("stem", "season", "episodes"),
    [
        ("a.S01E02", 1, (2,)),
        ("a.s1.e2", 1, (2,)),
        ("a S01 - E02", 1, (2,)),
        ("a.1x02", 1, (2,)),
        ("a.S10E17E18", 10, (17, 18)),
        ("a.S01E01-E03", 1, (1, 2, 3)),
        ("a.S02E15-16", 2, (15, 16)),
        ("a S01E01 & E02", 1, (1, 2)),
        ("a.1x01x02", 1, (1, 2)),
        ("a.1x01-02", 1, (1, 2)),
        ("a.S01E01-1080p", 1, (1,)),
        ("a.Season.2.Episode.3", 2, (3,)),
        ("a Staffel 2 Folge 3", 2, (3,)),
        ("a 2 сезон 3 серия", 2, (3,)),
        ("a.S2006E05", 2006, (5,)),
    ],
)
def test_markers_are_read_with_their_chains(stem: str, season: int, episodes: tuple[int, ...]) -> None:
    marker = find_marker(stem)
    assert marker is not None
    assert (marker.season, marker.episodes, marker.odd) == (season, episodes, None)


@pytest.mark.parametrize(
    "stem", ["a.S01E01E05", "a.S01E01-S02E02", "a.S01E05.5", "a.S01E05c", "a.S01E01-90", "a.S01E05.1x06", "a.S01E05.06"]
)
def test_what_is_not_plain_behind_a_marker_is_odd(stem: str) -> None:
    marker = find_marker(stem)
    assert marker is not None
    assert marker.odd


@pytest.mark.parametrize(
    ("folders", "base"),
    [
        (["TV", "Extras", "Season 1"], "Extras - S01E01.mkv"),
        (["Movies", "Shorts"], "Lifted (2006).mkv"),
        ([], "The.Sample.2013.mkv"),
        (["Movies"], "Trailer.Park.1999.mkv"),
        (["Movies", "Sample (2013)"], "Sample (2013).mkv"),
    ],
)
def test_a_word_alone_makes_no_extra(folders: list[str], base: str) -> None:
    assert why_ignored(folders, base) is None


def test_guessit_finds_the_same_with_its_rules_sorted_once() -> None:
    """The names come in the order of their corpus, so each meets what the ones before it left behind."""
    plain = GuessItApi()
    names = [row.clues.path.rpartition("/")[2] for row in rows("heldout_adversarial.toml")]
    assert len(names) > 100
    for name in names:
        assert guessit_reader._API.guessit(name, guessit_reader._OPTIONS) == plain.guessit(
            name, guessit_reader._OPTIONS
        ), name
