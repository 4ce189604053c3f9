"""The numbers that commands take."""

import pytest

from reeld.cli.numbers import not_found, parse, parse_as, refusal
from reeld.domain.numbers import Thing, spelled
from reeld.errors import NotFoundError, UsageError


@pytest.mark.parametrize("thing", list(Thing))
def test_a_number_is_read_as_it_is_spelled(thing: Thing) -> None:
    assert parse(spelled(thing, 12)) == (thing, 12)
    assert parse_as(thing, spelled(thing, 12)) == 12


@pytest.mark.parametrize(
    "text", ["", "m", "-5", "m-1", "12x", "x12", "mm1", "m 1", " 12", "1.5", "١٢", "12.mkv", "a/m12"]
)
def test_other_text_is_no_number(text: str) -> None:
    assert parse(text) is None
    with pytest.raises(UsageError, match="not the number of a trash entry"):
        parse_as(Thing.TRASH, text)


def test_capitals_and_leading_zeros_do_not_count() -> None:
    assert parse("M012") == (Thing.MOVIE, 12)


@pytest.mark.parametrize("text", ["9" * 19, "t" + "9" * 5000])
def test_a_number_that_sqlite_cannot_hold_is_that_of_nothing(text: str) -> None:
    with pytest.raises(NotFoundError, match=r"has the number t?9{19}"):
        parse(text)
    with pytest.raises(NotFoundError, match=r"has the number t?9{19}"):
        parse_as(Thing.SERIES, text)


def test_a_number_of_another_thing_says_what_to_type() -> None:
    of_file, of_trash = refusal(Thing.FILE, Thing.MOVIE, 12), refusal(Thing.TRASH, Thing.FILE, 4)
    assert (str(of_file), of_file.exit_code) == ("m12 is the number of a movie, not of a file", 64)
    assert of_file.hint == "type a file's number, which has no letter, or its path; see `reeld list files`"
    assert of_trash.hint == "type t4, if that is meant; see `reeld list trash`"
    unknown = not_found(Thing.EPISODE, 7)
    assert (str(unknown), unknown.hint) == ("no episode has the number e7", "see `reeld list episodes`")
    assert unknown.exit_code == 66
