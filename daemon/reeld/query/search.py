"""Searches for works, episodes and files by words: exact titles first, and forgiving to a typo.

A word that no title has stands for those that are one slip of the fingers away: a letter more, less, wrong or swapped.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from reeld.database.connection import reading
from reeld.database.statements import rows
from reeld.domain.files import readable
from reeld.domain.numbers import Thing, spelled
from reeld.domain.titles import search_words, title_key
from reeld.query.ask import Query
from reeld.query.find import keep_works
from reeld.query.search_index import KINDS

Match = Literal["title", "beginning", "words", "typo"]
"""How a hit was found: its whole title, how it begins, words of it, or nearly its words."""

_MOST = 200
"""Hits of one kind. Those behind the best two hundred are not what is looked for."""

# A word with more spellings than that says little.
_MOST_SPELLINGS = 50

_ORDER: dict[Match, int] = {"title": 0, "beginning": 1, "words": 2, "typo": 3}

_FACTS = {
    "movie": "SELECT id, title, year, NULL, NULL, NULL, title_key FROM movies WHERE id = ?",
    "series": "SELECT id, title, year, NULL, NULL, NULL, title_key FROM series WHERE id = ?",
    "episode": (
        "SELECT episodes.id, episodes.title, series.year, series.title, season_number, episode_number, NULL "
        "FROM episodes JOIN series ON series.id = series_id WHERE episodes.id = ?"
    ),
    "file": "SELECT id, filename, NULL, NULL, NULL, NULL, NULL FROM video_files WHERE id = ?",
}
_THINGS = {"movie": Thing.MOVIE, "series": Thing.SERIES, "episode": Thing.EPISODE, "file": Thing.FILE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A work, an episode or a file that is not identified, whose name stands as its title."""

    kind: str
    id: int
    title: str
    year: int | None
    series: str | None
    season_number: int | None
    episode_number: int | None
    match: Match
    likeness: float
    """How like the words the title is, 0 to 1."""

    def as_row(self) -> dict[str, object]:
        return {
            "id": self.id if self.kind == "file" else spelled(_THINGS[self.kind], self.id),
            "kind": self.kind,
            "title": self.title,
            "year": self.year,
            "series": self.series,
            "season_number": self.season_number,
            "episode_number": self.episode_number,
            "match": self.match,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """`hits` are the best first. `instead` are the words that were looked for in place of others, by those."""

    hits: tuple[Hit, ...]
    instead: dict[str, str]


def search(query: Query) -> Found:
    """Search for the words of a query. Its fields keep the hits that have a file which meets them.

    A number of four digits that no title has beside the other words is the year: `heat 1995`.
    """
    words = search_words(" ".join(query.words)).split()
    years = {int(word) for word in words if len(word) == len("1995") and word.isascii() and word.isdigit()}
    others = [word for word in words if not word.isdigit() or int(word) not in years]
    for kept, of_years in ((words, None), (others, years)):
        if plain := [
            hit for hit in _hits(query, [[word] for word in kept]) if of_years is None or hit.year in of_years
        ]:
            return Found(hits=_in_order(plain), instead={})
    spellings = [_spellings(word) for word in others]
    near = _in_order(hit for hit in _hits(query, spellings, is_typo=True) if not years or hit.year in years)
    if not near:
        return Found(hits=(), instead={})
    meant = {word: _word_of(near[0].title, found) for word, found in zip(others, spellings, strict=True)}
    return Found(hits=near, instead={word: other for word, other in meant.items() if word != other})


def _in_order(hits: Iterable[Hit]) -> tuple[Hit, ...]:
    return tuple(sorted(hits, key=lambda hit: (_ORDER[hit.match], KINDS.index(hit.kind), -hit.likeness, hit.title)))


def _hits(query: Query, spellings: Sequence[Sequence[str]], *, is_typo: bool = False) -> Iterator[Hit]:
    """Find what has one spelling of every word. The last word may go on."""
    if not all(spellings) or not spellings:
        return
    said = " ".join(found[0] for found in spellings)
    key = title_key(said)
    match = " AND ".join(
        f"({' OR '.join(_quoted(word, goes_on=not is_typo and place == len(spellings) - 1) for word in found)})"
        for place, found in enumerate(spellings)
    )
    for kind in KINDS:
        with reading():
            ids = [
                row_id
                for (row_id,) in rows(
                    f"SELECT rowid FROM {kind}_words WHERE {kind}_words MATCH ? ORDER BY rank LIMIT ?",  # noqa: S608 - ours
                    match,
                    _MOST,
                )
            ]
            if not is_typo and kind in ("movie", "series"):
                ids = list(dict.fromkeys([*_called(kind, key), *ids]))
        for row_id in keep_works(kind, ids, query):
            with reading():
                facts = rows(_FACTS[kind], row_id)
            for _, title, year, series, season, number, its_key in facts:
                yield Hit(
                    kind=kind,
                    id=row_id,
                    title=readable(title if isinstance(title, str) else str(title, "utf-8", "surrogateescape")),
                    year=year,
                    series=series,
                    season_number=season,
                    episode_number=number,
                    match="typo" if is_typo else _match(key, its_key),
                    likeness=SequenceMatcher(None, said, search_words(str(title))).ratio(),
                )


def _quoted(word: str, *, goes_on: bool) -> str:
    return f'"{word}" *' if goes_on else f'"{word}"'


def _called(kind: str, key: str) -> list[int]:
    """The works that are called just so: a title of common words may stand far behind in the order of the index."""
    table = {"movie": "movies", "series": "series"}[kind]
    return [row_id for (row_id,) in rows(f"SELECT id FROM {table} WHERE title_key = ? LIMIT ?", key, _MOST)]  # noqa: S608 - ours


def _match(key: str, its_key: str | None) -> Match:
    if its_key is None:
        return "words"
    return "title" if its_key == key else "beginning" if its_key.startswith(key) else "words"


_YEAR = re.compile(r"(?P<title>.+\S)\s*\((?P<year>\d{4})\)", re.ASCII)


def works_called(text: str) -> list[tuple[Thing, int, str]]:
    """Return the films and series of this whole title, however it is spelled, each with its number and title.

    A year in brackets belongs to the title only if no work has both.
    """
    found = _YEAR.fullmatch(text.strip())
    for title, year in ((found["title"], int(found["year"])) if found else (text, None), (text, None)):
        called = []
        for thing, table in ((Thing.MOVIE, "movies"), (Thing.SERIES, "series")):
            with reading():
                ids = rows(
                    f"SELECT id, title, year FROM {table} WHERE title_key = ? AND (? IS NULL OR year = ?) ORDER BY id",  # noqa: S608 - ours
                    title_key(title),
                    year,
                    year,
                )
            called += [(thing, number, f"{name} ({of})" if of else name) for number, name, of in ids]
        if called:
            return called
    return []


# --- typos -----------------------------------------------------------------------------------------------


def _spellings(word: str) -> list[str]:
    """Return the words of titles that are meant, the likeliest first: the word itself, and those one slip away."""
    with reading():
        known = rows(
            "SELECT term, sum(doc) FROM (SELECT term, doc FROM movie_vocabulary UNION ALL SELECT term, doc "
            "FROM series_vocabulary UNION ALL SELECT term, doc FROM episode_vocabulary) "
            "WHERE length(term) BETWEEN ? AND ? GROUP BY term",
            len(word) - 1,
            len(word) + 1,
        )
    near = [(term, count) for term, count in known if term == word or is_one_slip(word, term)]
    near.sort(key=lambda each: (each[0] != word, each[0][:1] != word[:1], -each[1], each[0]))
    return [term for term, _ in near[:_MOST_SPELLINGS]]


def is_one_slip(typed: str, meant: str) -> bool:
    """Tell whether one letter more, less or wrong, or two swapped ones, make one word of the other."""
    start = 0
    while start < min(len(typed), len(meant)) and typed[start] == meant[start]:
        start += 1
    one, other = typed[start:], meant[start:]
    while one and other and one[-1] == other[-1]:
        one, other = one[:-1], other[:-1]
    if len(one) == len(other) == 2:
        return one == other[::-1]
    return {len(one), len(other)} <= {0, 1} and one != other


def _word_of(title: str, spellings: Sequence[str]) -> str:
    """Return which of the spellings a title has."""
    has = search_words(title).split()
    return next((word for word in spellings if word in has), spellings[0])
