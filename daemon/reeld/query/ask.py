"""Understands a query: makes one condition of it, also of the saved queries that it names."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from reeld.domain.states import FileVerdict
from reeld.errors import QueryError
from reeld.query.conditions import EVERYTHING, Asked, Condition, all_of, any_of, condition_of_text
from reeld.query.fields import FIELDS, condition_of
from reeld.query.language import And, Field, Not, Or, Term, Text, read_query

SAVED = "query"
"""`query:name` stands for the query of that name in the configuration."""

_DEEPEST = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A query that was understood. `fields` are those that it asks for."""

    condition: Condition
    fields: frozenset[str]
    searches_words: bool
    """Whether it needs the search index."""
    words: tuple[str, ...]
    """The words that stand alone, for `search`."""
    filter: Condition
    """The condition of all else."""

    @property
    def is_empty(self) -> bool:
        return self.condition.sql == EVERYTHING


def only_ignored(query: Query) -> Query:
    """Ask for ignored files alone."""
    ignored = Condition(f"f.verdict = '{FileVerdict.IGNORED}'")
    condition = ignored if query.is_empty else all_of([ignored, query.condition])
    return replace(query, condition=condition, fields=query.fields | {"verdict"})


def understand(text: str, saved: Mapping[str, str], now: datetime) -> Query:
    """Understand a query. `saved` are the configuration's, by name. Raises QueryError."""
    return _Compiler(saved, Asked(now=now)).compile(text, depth=0)


class _Compiler:
    def __init__(self, saved: Mapping[str, str], asked: Asked) -> None:
        self._saved = saved
        self._asked = asked
        self._fields: set[str] = set()
        self._searches_words = False

    def compile(self, text: str, depth: int) -> Query:
        term = read_query(text, {*FIELDS, SAVED})
        condition = self._condition(term, depth)
        apart = term.terms if isinstance(term, And) else (term,)
        others = And(terms=tuple(each for each in apart if not isinstance(each, Text)))
        return Query(
            condition=condition,
            fields=frozenset(self._fields),
            searches_words=self._searches_words,
            words=tuple(each.text for each in apart if isinstance(each, Text)),
            filter=self._condition(others, depth),
        )

    def _condition(self, term: Term, depth: int) -> Condition:
        match term:
            case Text():
                self._searches_words = True
                return condition_of_text(term)
            case Field(name=name) if name == SAVED:
                return self._saved_query(term, depth)
            case Field():
                self._fields.add(term.name)
                self._searches_words |= term.name in ("title", "series")
                return condition_of(term, self._asked)
            case Not():
                inner = self._condition(term.term, depth)
                # What is not known does not meet the condition, so it meets the opposite.
                return Condition(f"NOT coalesce({inner.sql}, 0)", inner.parameters)
            case And():
                return all_of(self._condition(each, depth) for each in term.terms)
            case Or():
                return any_of([self._condition(each, depth) for each in term.terms])

    def _saved_query(self, field: Field, depth: int) -> Condition:
        if field.value not in self._saved:
            known = ", ".join(sorted(self._saved)) or "there are none"
            raise field.place.error(
                f"no query is saved as {field.value!r}", f"[queries] of the configuration has: {known}"
            )
        if depth == _DEEPEST:
            raise field.place.error("saved queries stand for one another in a circle", "correct [queries]")
        try:
            return self.compile(self._saved[field.value], depth + 1).condition
        except QueryError as err:
            raise QueryError(f"in the saved query {field.value!r}: {err}", err.hint) from err
