"""Is a query read as people mean it, and does an error point at the word that is wrong?"""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.errors import QueryError
from reeld.query.language import (
    DEEPEST,
    MOST_CHARACTERS,
    MOST_TERMS,
    And,
    Field,
    Not,
    Or,
    Term,
    Text,
    read_query,
)

NAMES = ("title", "codec", "year", "series")


def said(term: Term) -> str:
    """The query with all its brackets, fields in angles and text in quotes."""
    match term:
        case Text():
            return f'"{term.text}"' if term.is_phrase else f"'{term.text}'"
        case Field():
            return f"<{term.name}={term.value}>"
        case Not():
            return f"not {said(term.term)}"
        case And() | Or():
            word = " and " if isinstance(term, And) else " or "
            return f"({word.join(map(said, term.terms))})"


@pytest.mark.parametrize(
    ("query", "meant"),
    [
        ("", "()"),
        ("  ", "()"),
        ("heat", "('heat')"),
        ("heat 1995", "('heat' and '1995')"),
        ("codec:hevc", "(<codec=hevc>)"),
        ("CODEC:hevc", "(<codec=hevc>)"),
        ('series:"Quiet Kin" -codec:hevc', "(<series=Quiet Kin> and not <codec=hevc>)"),
        ("a or b c", "(('a') or ('b' and 'c'))"),
        ("a OR b", "(('a') or ('b'))"),
        ("(a or b) c", "((('a') or ('b')) and 'c')"),
        ("-(a b)", "(not ('a' and 'b'))"),
        ('"ready or not"', '("ready or not")'),
        ("orca for", "('orca' and 'for')"),
        ('"or"', '("or")'),
        # Titles are text.
        ("Mission: Impossible", "('Mission:' and 'Impossible')"),
        ("Title: Heat", "('Title:' and 'Heat')"),
        ("Re:Zero", "('Re:Zero')"),
        ("[REC]", "('[REC]')"),
        ("M*A*S*H", "('M*A*S*H')"),
        ("S.W.A.T.", "('S.W.A.T.')"),
        ("it's", "('it\\'s')".replace("\\", "")),
        ("100%", "('100%')"),
        ("^x", "('^x')"),
        ("Spider-Man", "('Spider-Man')"),
        ("a - b", "('a' and '-' and 'b')"),
        ("-", "('-')"),
        (")", "(')')"),
        ("Alien (1979)", "('Alien' and ('1979'))"),
        ("film(2)", "('film(2)')"),
        ("(film(2))", "(('film(2)'))"),
        ("12:30", "('12:30')"),
        ("\u5343\u3068", "('\u5343\u3068')"),
        ("title:a:b", "(<title=a:b>)"),
        ("title:(a)", "(<title=(a)>)"),
        ("(title:a)", "((<title=a>))"),
        ("codec:-x", "(<codec=-x>)"),
    ],
)
def test_a_query_is_read_as_it_is_meant(query: str, meant: str) -> None:
    assert said(read_query(query, NAMES)) == meant


@pytest.mark.parametrize(
    ("query", "marked", "message"),
    [
        ("heat (a or b", "(", "not closed"),
        ('x "quiet kin', '"quiet kin', "not closed"),
        ("a or", "or", "nothing behind"),
        ("or a", "or", "nothing before"),
        ("a or or b", "or", "nothing before"),
        ("(a or) b", "or", "nothing behind"),
        ("a () b", "()", "nothing in"),
        ("x codecc:hevc y", "codecc:hevc", "no field codecc:"),
        ("serie:x", "serie:x", "no field serie:"),
    ],
)
def test_an_error_points_at_the_term(query: str, marked: str, message: str) -> None:
    with pytest.raises(QueryError, match=message) as caught:
        read_query(query, NAMES)
    _, shown, marks = str(caught.value).split("\n")
    assert shown == f"  {query}"
    start = marks.index("^")
    assert shown[start : start + marks.count("^")] == marked


def test_marks_stand_right_below_names_that_are_shown_escaped() -> None:
    with pytest.raises(QueryError) as caught:
        read_query("a\x1bb codecc:x", NAMES)
    _, shown, marks = str(caught.value).split("\n")
    assert shown[marks.index("^") :] == "codecc:x"
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    "query", ["(" * (DEEPEST + 2) + "a" + ")" * (DEEPEST + 2), "a " * (MOST_TERMS + 1), "a" * (MOST_CHARACTERS + 1)]
)
def test_a_query_has_bounds(query: str) -> None:
    with pytest.raises(QueryError, match="more than"):
        read_query(query, NAMES)


@given(st.text(alphabet='ab():" -\t\u00e9or\ud800\x00', max_size=60) | st.text(max_size=60))
def test_any_text_is_a_query_or_an_error_of_ours(query: str) -> None:
    with contextlib.suppress(QueryError):
        said(read_query(query, NAMES))


_words = st.text(alphabet="abc", min_size=1, max_size=4).map(lambda word: f"'{word}'")
_fields = st.sampled_from(["<codec=hevc>", "<year=1995>", "<series=Quiet Kin>"])


def _written(meant: str) -> str:
    return {"<codec=hevc>": "codec:hevc", "<year=1995>": "year:1995", "<series=Quiet Kin>": 'series:"Quiet Kin"'}.get(
        meant, meant.strip("'")
    )


@given(st.lists(st.lists(st.tuples(st.booleans(), _words | _fields), min_size=1, max_size=4), min_size=1, max_size=4))
def test_all_that_is_written_is_read_back(alternatives: list[list[tuple[bool, str]]]) -> None:
    written = " or ".join(
        " ".join(f"{'-' if is_not else ''}{_written(term)}" for is_not, term in terms) for terms in alternatives
    )
    meant = [f"({' and '.join(('not ' if is_not else '') + term for is_not, term in terms)})" for terms in alternatives]
    assert said(read_query(written, NAMES)) == (meant[0] if len(meant) == 1 else f"({' or '.join(meant)})")
