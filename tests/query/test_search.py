"""Are titles found however they are typed, the right one first?"""

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.domain.titles import search_words, sort_key
from reeld.query.search import Found, is_one_slip, search
from reeld.query.search_index import fill_index
from tests.catalog.listed import asked
from tests.query.shelf import Shelf


@pytest.fixture
def shelf(catalog: Path) -> Shelf:
    assert catalog.exists()
    return Shelf()


def found(query: str) -> Found:
    assert fill_index(lambda: True)
    return search(asked(query))


def titles(query: str) -> list[str]:
    return [hit.title for hit in found(query).hits]


@pytest.mark.parametrize(
    ("title", "typed"),
    [
        ("Am\u00e9lie", "amelie"),
        ("Am\u00e9lie", "AME\u0301LIE"),
        ("Le Destin d'Am\u00e9lie", "amelie"),
        ("Le Destin d'Am\u00e9lie", "d'amelie"),
        ("Ocean\u2019s Eleven", "oceans"),
        ("Ocean's Eleven", "ocean's"),
        ("S.W.A.T.", "swat"),
        ("S.W.A.T.", "s.w.a.t."),
        ("M*A*S*H", "mash"),
        ("M*A*S*H", "m*a*s*h"),
        ("WALL\u00b7E", "walle"),
        ("WALL-E", "wall e"),
        ("Spider-Man", "spiderman"),
        ("Mission: Impossible", "Mission: Impossible"),
        ("[REC]", "[REC]"),
        ("\u00c6on Flux", "aeon"),
        ("L\u00f8rdag", "lordag"),
        ("Stra\u00dfe", "strasse"),
        ("\u5343\u3068\u5343\u5c0b", "\u5c0b"),
        ("\u5343\u3068\u5343\u5c0b", "\u3068\u5343"),
        ("\uae30\uc0dd\ucda9", "\uc0dd"),
        ("\uff28\uff45\uff41\uff54", "heat"),
        ("100% Wolf", "100%"),
        ("9\u00bd Weeks", "weeks"),
    ],
)
def test_a_title_is_found_as_it_is_typed(shelf: Shelf, title: str, typed: str) -> None:
    shelf.film(title)
    shelf.film("Something Else")
    assert titles(typed) == [title]


def test_words_in_quotes_stand_side_by_side_in_the_title(shelf: Shelf) -> None:
    """Not in two spellings of it."""
    shelf.film("Quiet Kin")
    shelf.film("L'Avventura")
    listed = [shelf.find(query) for query in ('"quiet kin"', '"kin quiet"', "title:=quietkin", '"avventura l"')]
    assert listed == [["Quiet Kin"], [], ["Quiet Kin"], []]
    assert shelf.find('title:"kin quiet"') == []


def test_whole_titles_come_first_and_then_those_that_begin_so(shelf: Shelf) -> None:
    for title in ("The Cold Heat", "Heathers", "Heat and Dust", "Heat", "Red Heat"):
        shelf.film(title)
    shelf.episode("Fargo", 1, 1, "Heat")
    shelf.episode("Heat", 1, 1, "Other")
    shelf.file("heat clip", verdict="pending")
    hits = found("heat").hits
    assert [(hit.kind, hit.title, hit.match) for hit in hits[:2]] == [
        ("movie", "Heat", "title"),
        ("series", "Heat", "title"),
    ]
    assert {hit.title for hit in hits[2:4]} == {"Heathers", "Heat and Dust"}
    assert [hit.match for hit in hits[2:4]] == ["beginning", "beginning"]
    assert [hit.kind for hit in hits[-2:]] == ["episode", "file"]


def test_an_exact_title_of_common_words_is_never_lost(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reeld.query.search._MOST", 2)
    for number in range(9):
        shelf.film(f"It It It {number}")
    shelf.film("It")
    assert titles("it")[0] == "It"


def test_a_number_of_four_digits_is_a_word_or_the_year(shelf: Shelf) -> None:
    shelf.film("Heat", 1995)
    shelf.film("Heat", 1986)
    shelf.film("Blade Runner 2049", 2017)
    assert [hit.year for hit in found("heat 1995").hits] == [1995]
    assert titles("blade 2049") == ["Blade Runner 2049"]
    assert titles("heta 1986") == ["Heat"]
    assert titles("heat 1999") == []


def test_fields_keep_the_hits_that_have_such_a_file(shelf: Shelf) -> None:
    shelf.film("Heat", codec_video="hevc")
    shelf.film("Red Heat")
    shelf.file("heat clip", verdict="pending", codec_video="hevc")
    assert titles("heat codec:hevc") == ["Heat", "heat clip-3.mkv"]
    assert titles("heat -codec:hevc") == ["Red Heat"]


def test_a_typo_is_told_and_the_right_work_is_among_the_first(shelf: Shelf) -> None:
    """Of 300 titles with one typo each."""
    randomly = random.Random(1)
    syllables = ["ka", "ro", "mi", "ten", "sol", "var", "lin", "dor", "est", "qui", "zel", "mor"]
    words = sorted({"".join(randomly.choices(syllables, k=randomly.randint(2, 3))) for _ in range(600)})
    for number in range(300):
        shelf.film(f"{randomly.choice(words).title()} {randomly.choice(words).title()}", number)
    assert fill_index(lambda: True)
    right = 0
    for name in list(shelf.names.values()):
        word = name.lower()
        at = randomly.randrange(1, len(word) - 1)
        kind = randomly.choice(["more", "less", "wrong", "swapped"])
        typed = {
            "more": word[:at] + "x" + word[at:],
            "less": word[:at] + word[at + 1 :],
            "wrong": f"{word[:at]}x{word[at + 1 :]}",
            "swapped": word[:at] + word[at + 1] + word[at] + word[at + 2 :],
        }[kind]
        right += name in [hit.title for hit in search(asked(f'"{typed}"')).hits[:3]]
    assert right >= 270


def test_what_was_looked_for_instead_is_said(shelf: Shelf) -> None:
    shelf.film("The Matrix")
    assert found("matirx").instead == {"matirx": "matrix"}
    assert found("matrix").instead == {}
    assert found("zzzzz") == Found(hits=(), instead={})


WORDS = st.text(alphabet="abc", max_size=5)


@given(WORDS, WORDS)
def test_a_slip_is_the_same_forth_and_back_and_none_makes_a_word_of_itself(one: str, other: str) -> None:
    assert is_one_slip(one, other) == is_one_slip(other, one)
    assert not is_one_slip(one, one)


@given(WORDS, st.integers(0, 5), st.sampled_from("abc"))
def test_every_slip_is_known_as_one(word: str, at: int, letter: str) -> None:
    at = min(at, len(word))
    for slipped in (
        word[:at] + letter + word[at:],
        word[:at] + word[at + 1 :],
        word[:at] + letter + word[at + 1 :],
        word[:at] + word[at + 1 : at + 2] + word[at : at + 1] + word[at + 2 :],
    ):
        assert slipped == word or is_one_slip(word, slipped)


@given(st.text(max_size=30))
def test_words_of_any_text_are_plain_and_stay_as_they_are(text: str) -> None:
    words = search_words(text)
    assert words == " ".join(words.split())
    assert search_words(words) == words


def test_numbers_sort_by_their_size() -> None:
    keys = ["2fast", "10things", "007", "7", "100", "a2", "a10", "a"]
    assert sorted(keys, key=sort_key) == ["2fast", "007", "7", "10things", "100", "a", "a2", "a10"]
