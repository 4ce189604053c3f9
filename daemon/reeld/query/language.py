"""Reads a query: `series:"Quiet Kin" season:2 -audio:fr or title:heat`.

Terms that stand side by side must all hold. `or` parts alternatives, brackets group them, and `-` before a term means
not. `name:value` is a field if reeld knows that name and something follows the colon. Everything else is text, so
`Mission: Impossible` and `[REC]` need no quotes. Quotes keep words together.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches

from reeld.domain.files import readable
from reeld.errors import QueryError

MOST_CHARACTERS = 4000
MOST_TERMS = 200
DEEPEST = 30

_OR = re.compile(r"or(?=[\s)]|$)", re.IGNORECASE)
_QUOTE = 'to search for it, put it into quotes: "{}"'
_NAME = re.compile(r"([^\W\d_][\w-]*):(?=[^\s)])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a term stands in the query, for messages that point at it."""

    query: str
    start: int
    end: int

    def error(self, message: str, hint: str | None = None) -> QueryError:
        """Return an error whose message has the query below it, and marks under the term."""
        shown, before = readable(self.query), readable(self.query[: self.start])
        marks = "^" * max(1, len(readable(self.query[self.start : self.end])))
        return QueryError(f"{message}\n  {shown}\n  {' ' * len(before)}{marks}", hint)


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """Words to look for in titles, and in the names of files that are not identified."""

    text: str
    is_phrase: bool
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """`name:value`. `name` is one of the known names, in lower case."""

    name: str
    value: str
    is_quoted: bool
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Not:
    term: "Term"


@dataclass(frozen=True, slots=True, kw_only=True)
class And:
    """All of these hold; without any the query asks for everything."""

    terms: tuple["Term", ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Or:
    terms: tuple["Term", ...]


Term = Text | Field | Not | And | Or


def read_query(query: str, names: Collection[str]) -> And | Or:
    """Read a query whose fields are `names`. Raises QueryError, which points at the term that is wrong."""
    if len(query) > MOST_CHARACTERS:
        raise QueryError(f"the query has {len(query)} characters, more than {MOST_CHARACTERS}", "ask a shorter one")
    return _Reader(query, names).read()


class _Reader:
    """Goes through the query once, from left to right. `_at` is where it stands."""

    def __init__(self, query: str, names: Collection[str]) -> None:
        self._query = query
        self._names = names
        self._at = 0
        self._terms = 0

    def read(self) -> And | Or:
        return self._alternatives(opened_at=None, depth=0)

    def _alternatives(self, opened_at: int | None, depth: int) -> And | Or:
        """Read up to the bracket that closes the one at `opened_at`, or to the end of the query."""
        alternatives: list[And] = []
        terms: list[Term] = []
        last_or: Place | None = None
        while self._is_at_a_term(is_inside=opened_at is not None):
            if (word := self._or()) is None:
                terms.append(self._term(opened_at is not None, depth))
                continue
            if not terms:
                raise word.error("there is nothing before this `or`", _QUOTE.format("or"))
            alternatives.append(And(terms=tuple(terms)))
            terms, last_or = [], word
        if opened_at is not None:
            self._close(opened_at, is_empty=not terms and last_or is None)
        if last_or is not None and not terms:
            raise last_or.error("there is nothing behind this `or`", _QUOTE.format("or"))
        last = And(terms=tuple(terms))
        return Or(terms=(*alternatives, last)) if alternatives else last

    def _is_at_a_term(self, *, is_inside: bool) -> bool:
        """Go to the next term. Tell whether there is one before the end, or the bracket that closes the group."""
        while self._at < len(self._query) and self._query[self._at].isspace():
            self._at += 1
        return self._at < len(self._query) and not (is_inside and self._query[self._at] == ")")

    def _or(self) -> Place | None:
        """Read the word `or`, if it stands here."""
        found = _OR.match(self._query, self._at)
        if found is None:
            return None
        self._at = found.end()
        return self._place(found.start())

    def _term(self, is_inside: bool, depth: int) -> Term:
        start = self._at
        self._terms += 1
        if self._terms > MOST_TERMS or depth > DEEPEST:
            self._at += 1
            raise self._place(start).error(
                f"the query has more than {MOST_TERMS} terms, or {DEEPEST} brackets in one another", "ask a shorter one"
            )
        is_not = re.match(r"-[^\s)]", self._query[start : start + 2]) is not None
        self._at += is_not
        term = self._positive_term(is_inside, depth)
        return Not(term=term) if is_not else term

    def _positive_term(self, is_inside: bool, depth: int) -> Term:
        start = self._at
        if self._query[start] == "(":
            self._at += 1
            return self._alternatives(start, depth + 1)
        name = _NAME.match(self._query, start)
        if name is not None and name[1].casefold() in self._names:
            self._at = name.end()
            value, is_quoted = self._value(is_inside=is_inside)
            return Field(name=name[1].casefold(), value=value, is_quoted=is_quoted, place=self._place(start))
        text, is_quoted = self._value(is_inside=is_inside)
        if name is not None:
            self._refuse_misspelled(name[1], self._place(start))
        return Text(text=text, is_phrase=is_quoted, place=self._place(start))

    def _value(self, *, is_inside: bool) -> tuple[str, bool]:
        """Read a word, or what stands in quotes, and whether it does. A word ends before the bracket of its group."""
        start = self._at
        if self._query[start] == '"':
            end = self._query.find('"', start + 1)
            if end == -1:
                raise Place(query=self._query, start=start, end=len(self._query)).error(
                    "this quotation mark is not closed", "close it, or leave it out"
                )
            self._at = end + 1
            return self._query[start + 1 : end], True
        open_brackets = 0
        while self._at < len(self._query) and not self._query[self._at].isspace():
            open_brackets += (self._query[self._at] == "(") - (self._query[self._at] == ")")
            if is_inside and open_brackets < 0:
                break
            self._at += 1
        return self._query[start : self._at], False

    def _close(self, opened_at: int, *, is_empty: bool) -> None:
        if self._at == len(self._query):
            place = Place(query=self._query, start=opened_at, end=opened_at + 1)
            raise place.error("this bracket is not closed", _QUOTE.format("("))
        self._at += 1
        if is_empty:
            raise self._place(opened_at).error("there is nothing in these brackets")

    def _refuse_misspelled(self, name: str, place: Place) -> None:
        """Raise if an unknown name is nearly a known one: `codecc:hevc`. Another one, as in `Re:Zero`, is text."""
        if near := get_close_matches(name.casefold(), self._names, n=1, cutoff=0.75):
            raise place.error(
                f"there is no field {readable(name)}:", f"did you mean {near[0]}:? Text needs quotes here"
            )

    def _place(self, start: int) -> Place:
        """The place from there to where the reader stands."""
        return Place(query=self._query, start=start, end=self._at)
