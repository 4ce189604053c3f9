"""Decides which films, or which series, there are: a function of what files claim and users decided.

The order in which files came does not count. `partition` takes the claims of all files that may be
of one work, and joins them in three steps. Each step joins what the step before has made:

1. Claims that share an id are one work, also with other titles and years.
2. Claims of one title that share the year, or the country, are one work.
3. Claims of one title are one work.

Two works that contradict each other are never joined: they state another value for one id, or,
from step 2 on, another year or country. A claim that fits two works which contradict each other
is a question. So a film without a year joins the only film of its title, and is a question if
there are two.

What a user decided is never a question. It goes to the work that the user saw, if that is one of
those that fit, and is a work of its own otherwise. If several fit when the user decides, the
oldest by year is meant.

A work is called as the user said last. Else a claim with an id goes before one without, then the
claim of more files, then a fixed order of spellings. Each fact comes from the first claim in this
order that states it. All spellings of a title have one key.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

IDS = ("tmdb_id", "tvdb_id", "imdb_id", "tvmaze_id")
FACTS = ("year", "country", *IDS)

Facts = dict[str, Any]
"""The year, the country and the ids that are known."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Claim:
    """What some files say alike about the film or series that they belong to."""

    title: str
    title_key: str
    facts: Facts
    file_count: int = 1
    decided_at: str | None = None
    """When the user said so; None if reeld read it."""
    meant: Facts | None = None
    """The facts of the work that the user saw, as far as the words lack them."""
    row_id: int | None = None
    """A work that the catalogue has without knowing why: it keeps its facts, and is no question."""

    @property
    def stands(self) -> bool:
        """Tell whether it is a work of its own rather than a question."""
        return self.decided_at is not None or self.row_id is not None


@dataclass(slots=True, eq=False)
class Work:
    """A film or series: the claims that are joined, and what follows from them."""

    claims: list[Claim]
    title: str = ""
    title_key: str = ""
    title_keys: set[str] = field(default_factory=set)
    facts: Facts = field(default_factory=dict)

    def __post_init__(self) -> None:
        ordered = _ranked(self.claims)
        self.title, self.title_key = ordered[0].title, ordered[0].title_key
        self.title_keys = {claim.title_key for claim in ordered}
        self.facts = {}
        for claim in ordered:
            self.facts = claim.facts | self.facts

    def take(self, claim: Claim) -> None:
        self.claims.append(claim)
        self.__post_init__()


@dataclass(frozen=True, slots=True)
class Question:
    """A claim that fits several works, and why the user must decide."""

    claim: Claim
    reason: str


def partition(claims: Iterable[Claim]) -> tuple[list[Work], list[Question]]:
    """Return the works of these claims, and the questions. Each claim is in one of both."""
    parts = _alike(claims)
    ambiguous: list[Work] = []
    for is_related, names in ((_share_an_id, IDS), (_share_year_or_country, FACTS), (_share_title, FACTS)):
        parts, bridges = _join(parts, is_related, names)
        ambiguous += bridges
    for part in sorted(ambiguous, key=_order):
        _let_decisions_stand(part, parts)
    return parts, [
        Question(claim, _why(claim, fitting(part, parts)))
        for part in ambiguous
        for claim in part.claims
        if not claim.stands
    ]


def contradict(first: Facts, second: Facts, names: Collection[str] = FACTS) -> bool:
    """Tell whether both state one of these facts, and state it differently."""
    return any(name in second and second[name] != value for name, value in first.items() if name in names)


def _alike(claims: Iterable[Claim]) -> list[Work]:
    alike: dict[Any, list[Claim]] = {}
    for claim in claims:
        alike.setdefault((claim.title_key, tuple(sorted(claim.facts.items()))), []).append(claim)
    return sorted((Work(each) for each in alike.values()), key=_order)


def _order(work: Work) -> tuple[Any, ...]:
    """Return a fixed order of works: by year, then by title, then by all else that is known."""
    return (work.facts.get("year", 9999), work.title_key, sorted(map(str, work.facts.items())), work.title)


# --- joining ---------------------------------------------------------------------------------------------


def _join(
    parts: Sequence[Work], is_related: Callable[[Work, Work], bool], names: Collection[str]
) -> tuple[list[Work], list[Work]]:
    """Join the parts that are related, directly or not, and return those that fit two which contradict each other.

    No two of what is joined contradict each other: of a chain between two that do, one part fits both.
    """
    joined: list[Work] = []
    bridges: list[Work] = []
    for component in _components(parts, is_related, names):
        apart = [pair for pair in combinations(component, 2) if contradict(pair[0].facts, pair[1].facts, names)]
        between = [part for part in component if any(_fits_both(part, pair, names) for pair in apart)]
        rest = [part for part in component if part not in between]
        bridges += between
        joined += map(_joined, _components(rest, is_related, names) if between else [component])
    return sorted(joined, key=_order), bridges


def _fits_both(part: Work, pair: tuple[Work, Work], names: Collection[str]) -> bool:
    return part not in pair and not any(contradict(part.facts, each.facts, names) for each in pair)


def _joined(parts: Sequence[Work]) -> Work:
    return parts[0] if len(parts) == 1 else Work([claim for part in parts for claim in part.claims])


def _components(
    parts: Sequence[Work], is_related: Callable[[Work, Work], bool], names: Collection[str]
) -> Iterator[list[Work]]:
    left = list(parts)
    while left:
        component = [left.pop(0)]
        for part in component:  # grows meanwhile
            near = [each for each in left if is_related(part, each) and not contradict(part.facts, each.facts, names)]
            component += near
            left = [each for each in left if each not in near]
        yield component


def _share_an_id(first: Work, second: Work) -> bool:
    return any(name in IDS and second.facts.get(name) == value for name, value in first.facts.items())


def _share_year_or_country(first: Work, second: Work) -> bool:
    shared = (name in first.facts and first.facts[name] == second.facts.get(name) for name in ("year", "country"))
    return _share_title(first, second) and any(shared)


def _share_title(first: Work, second: Work) -> bool:
    return not first.title_keys.isdisjoint(second.title_keys)


# --- what fits several -----------------------------------------------------------------------------------


def fitting(part: Work, works: Sequence[Work]) -> list[Work]:
    """Return those of the works which this one may be."""

    def fits(work: Work) -> bool:
        if _share_an_id(part, work):
            return not contradict(part.facts, work.facts, IDS)
        return _share_title(part, work) and not contradict(part.facts, work.facts)

    return sorted(filter(fits, works), key=_order)


def _let_decisions_stand(part: Work, works: list[Work]) -> None:
    """Give what the user decided to the work that the user saw, and the rest to a work of its own."""
    own: list[Claim] = []
    for claim in _ranked(part.claims):
        if claim.stands:
            seen = [work for work in fitting(Work([claim]), works) if _is_meant(claim, work)]
            seen[0].take(claim) if seen else own.append(claim)
    if own:
        works.append(Work(own))


def _is_meant(claim: Claim, work: Work) -> bool:
    if claim.meant is None:
        return False
    shared = any(work.facts.get(name) == value for name, value in claim.meant.items())
    return (shared or not claim.meant) and not contradict(claim.meant, work.facts)


def _why(claim: Claim, works: Sequence[Work]) -> str:
    years = " and ".join(str(work.facts.get("year", "an unknown year")) for work in works)
    if len(works) < 2:  # what it fits is in question itself
        return f"{claim.title!r} may be one of several works; the name does not say which"
    if all(claim.title_key in work.title_keys for work in works):
        return f"{len(works)} works called {claim.title!r} are known, of {years}; the name does not say which"
    return f"{len(works)} works that may be {claim.title!r} are known, of {years}; neither name nor ids say which"


# --- what a work is called -------------------------------------------------------------------------------


def _ranked(claims: Iterable[Claim]) -> list[Claim]:
    """Return the claims in the order in which they count."""
    ordered = sorted(
        claims,
        key=lambda claim: (
            claim.decided_at is None,
            claim.row_id is None,
            not any(name in claim.facts for name in IDS),
            -claim.file_count,
            spelling_order(claim.title),
            sorted(map(str, claim.facts.items())),
        ),
    )
    users = [claim for claim in ordered if claim.decided_at is not None]
    users.sort(key=lambda claim: claim.decided_at or "", reverse=True)
    return [*users, *ordered[len(users) :]]


def spelling_order(title: str) -> tuple[object, ...]:
    """Return what sorts the spellings of a title: both cases go before one, and accents before none."""
    return (title in (title.upper(), title.lower()), title.isascii(), title)
