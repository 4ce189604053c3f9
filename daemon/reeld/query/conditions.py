"""Makes the SQL conditions about one file that the fields of a query stand for.

Inside a condition `f` is the row of `video_files`. What a field takes is read here, too: a maker raises ValueError for
a value that the field does not have.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from reeld.domain.numbers import Thing, split_number
from reeld.domain.sidecars import SidecarKind
from reeld.domain.titles import search_words, title_key
from reeld.query import values
from reeld.query.language import Text
from reeld.query.values import Reader, Span


class Condition(NamedTuple):
    """SQL about the file `f`, and the values of its question marks."""

    sql: str
    parameters: tuple[object, ...] = ()
    is_narrow: bool = False
    """Whether SQLite finds the files by an index of what is asked for. Otherwise each file is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """When the query was asked."""

    now: datetime


Make = Callable[[str, Asked], Condition]


EVERYTHING = "1"
PATH = "f.path"
_NOTHING = "0"


def all_of(conditions: Iterable[Condition]) -> Condition:
    return _joined(" AND ", conditions, EVERYTHING, any)


def any_of(conditions: Iterable[Condition]) -> Condition:
    return _joined(" OR ", conditions, _NOTHING, all)


def _joined(
    word: str, conditions: Iterable[Condition], of_none: str, is_narrow: Callable[[Iterable[bool]], bool]
) -> Condition:
    found = list(conditions)
    if not found:
        return Condition(of_none)
    if len(found) == 1:
        return found[0]
    sql = word.join(condition.sql for condition in found)
    parameters = tuple(each for condition in found for each in condition.parameters)
    return Condition(f"({sql})", parameters, is_narrow(condition.is_narrow for condition in found))


def narrow(sql: str, parameters: tuple[object, ...] = ()) -> Condition:
    return Condition(sql, parameters, is_narrow=True)


# --- text ------------------------------------------------------------------------------------------------

OF_MOVIE = "f.movie_id IN (SELECT rowid FROM movie_words WHERE movie_words MATCH ?)"
OF_EPISODE = (
    "f.id IN (SELECT video_file_id FROM episode_files "
    "WHERE episode_id IN (SELECT rowid FROM episode_words WHERE episode_words MATCH ?))"
)
OF_SERIES = (
    "f.id IN (SELECT video_file_id FROM episode_files JOIN episodes ON episodes.id = episode_id "
    "WHERE series_id IN (SELECT rowid FROM series_words WHERE series_words MATCH ?))"
)
_OF_NAME = "f.id IN (SELECT rowid FROM file_words WHERE file_words MATCH ?)"


def match_text(text: str, *, is_phrase: bool) -> str:
    """Write words for SQLite's full-text search. A phrase is meant as it stands; else its last word may go on.

    Raises ValueError if there is no letter and no digit.
    """
    if not (folded := search_words(text)):
        raise ValueError(text)
    return f'"{folded}"' if is_phrase else f'"{folded}" *'


def condition_of_text(text: Text) -> Condition:
    """Titles of films, series and episodes, names of files that are not identified, and years."""
    try:
        match = match_text(text.text, is_phrase=text.is_phrase)
    except ValueError:
        raise text.place.error("there is no letter and no digit in this text", "search for a word of a title") from None
    found = [narrow(sql, (match,)) for sql in (OF_MOVIE, OF_SERIES, OF_EPISODE, _OF_NAME)]
    if not text.is_phrase and len(text.text) == len("1999") and text.text.isascii() and text.text.isdigit():
        found.append(by_year(text.text))
    return any_of(found)


def by_title(*conditions: str, tables: tuple[str, ...]) -> Make:
    """A title that has these words; after `=` the whole title, however it is spelled."""

    def make(value: str, _: Asked) -> Condition:
        if value.startswith("="):
            return any_of([_titled(table, value[1:]) for table in tables])
        match = match_text(value, is_phrase=False)
        return any_of([narrow(sql, (match,)) for sql in conditions])

    return make


def _titled(table: str, title: str) -> Condition:
    key = title_key(title)
    if table == "movies":
        return narrow("f.movie_id IN (SELECT id FROM movies WHERE title_key = ?)", (key,))
    if table == "series":
        return narrow(in_episodes("series_id IN (SELECT id FROM series WHERE title_key = ?)"), (key,))
    return narrow(in_episodes("episodes.title = ?"), (title,))


def in_episodes(condition: str) -> str:
    return (
        "f.id IN (SELECT video_file_id FROM episode_files JOIN episodes ON episodes.id = episode_id "  # noqa: S608 - ours
        f"WHERE {condition})"
    )


def containing(column: str, before: str | None = None) -> Make:
    """A path or name with these characters in it, blind to the case of A to Z.

    `before` is a condition that each such file meets, and that an index answers: the whole path has them, too.
    """

    def make(value: str, _: Asked) -> Condition:
        pattern = "%{}%".format("".join(f"\\{char}" if char in "\\%_" else char for char in value))
        like = Condition(f"CAST({column} AS TEXT) LIKE ? ESCAPE '\\'", (pattern,))
        if before is None:
            return like
        if before == PATH:
            return all_of([Condition(like.sql.replace(column, PATH), like.parameters), like])
        return all_of([narrow(before), like])

    return make


# --- numbers ---------------------------------------------------------------------------------------------


def _in_span(expression: str, span: Span) -> Condition:
    low, high = span
    if low is not None and high is not None:
        return Condition(f"({expression} >= ? AND {expression} < ?)", (low, high))
    return Condition(f"{expression} {'>= ?' if high is None else '< ?'}", (low if high is None else high,))


def within(expression: str, read: Reader, *, is_measure: bool = False) -> Make:
    return lambda value, _: _in_span(expression, values.read_span(value, read, is_measure=is_measure))


def by_episode(column: str) -> Make:
    def make(value: str, _: Asked) -> Condition:
        inner = _in_span(f"episodes.{column}", values.read_span(value, values.whole_number))
        return narrow(in_episodes(inner.sql), inner.parameters)

    return make


def by_year(value: str, _: Asked | None = None) -> Condition:
    span = values.read_span(value, values.whole_number)
    movie, series = _in_span("year", span), _in_span("series.year", span)
    sql = f"f.movie_id IN (SELECT id FROM movies WHERE {movie.sql})"  # noqa: S608 - ours
    of_series = in_episodes(f"series_id IN (SELECT id FROM series WHERE {series.sql})")  # noqa: S608 - ours
    return narrow(f"({sql} OR {of_series})", (*movie.parameters, *series.parameters))


def by_air_date(value: str, asked: Asked) -> Condition:
    days = [
        None if second is None else datetime.fromtimestamp(second).astimezone().date().isoformat()
        for second in values.Moments(asked.now).read_span(value)
    ]
    bounds = [(sign, day) for sign, day in zip((">=", "<"), days, strict=True) if day is not None]
    inner = " AND ".join(f"episodes.air_date {sign} ?" for sign, _ in bounds)
    return narrow(in_episodes(inner), tuple(day for _, day in bounds))


def by_moment(column: str) -> Make:
    def make(value: str, asked: Asked) -> Condition:
        low, high = values.Moments(asked.now).read_span(value)
        bounds = [(">=", low), ("<", high)]
        kept = [(sign, values.as_stored(second)) for sign, second in bounds if second is not None]
        sql = " AND ".join(f"{column} {sign} ?" for sign, _ in kept)
        return Condition(f"({sql})", tuple(second for _, second in kept))

    return make


CLASS = """CASE
    WHEN f.resolution_width IS NULL OR f.resolution_height IS NULL THEN NULL
    WHEN f.resolution_width >= 6000 OR f.resolution_height >= 3200 THEN 4320
    WHEN f.resolution_width >= 3000 OR f.resolution_height >= 1620 THEN 2160
    WHEN f.resolution_width >= 2240 OR f.resolution_height >= 1260 THEN 1440
    WHEN f.resolution_width >= 1600 OR f.resolution_height >= 900 THEN 1080
    WHEN f.resolution_width >= 1100 OR f.resolution_height >= 620 THEN 720
    WHEN f.resolution_height > 500 THEN 576
    WHEN f.resolution_width >= 600 OR f.resolution_height > 380 THEN 480
    WHEN f.resolution_height > 260 THEN 360
    ELSE 240 END"""
"""The class of a picture by its longer side, whichever fits: 1920x800 and 1440x1080 are 1080p."""

# In bits a second: bytes * 8 / (ms / 1000).
BITRATE = "f.size_bytes * 8000 / nullif(f.duration_ms, 0)"


def by_resolution(value: str, _: Asked) -> Condition:
    width, times, height = value.partition("x")
    if times and width.isdigit() and height.isdigit():
        return Condition("(f.resolution_width = ? AND f.resolution_height = ?)", (int(width), int(height)))
    return _in_span(f"({CLASS})", values.read_span(value, values.resolution))


def bits(value: str) -> tuple[int, int]:
    """Read `8Mbit` or `640kbit`, a second."""
    plain = value.casefold().removesuffix("/s").removesuffix("ps").removesuffix("it").removesuffix("b")
    unit = {"k": 1000, "m": 1_000_000}.get(plain[-1:], 1)
    start = int(float(plain.rstrip("km")) * unit)
    if start < 0:
        raise ValueError(value)
    return start, start + unit


# --- one of a few ----------------------------------------------------------------------------------------


def one_of(conditions: Mapping[str, Condition | str]) -> Make:
    def make(value: str, _: Asked) -> Condition:
        if (found := conditions.get(value.casefold())) is None:
            raise ValueError(value)
        return Condition(found) if isinstance(found, str) else found

    return make


def equal(column: str, aliases: dict[str, str]) -> Make:
    def make(value: str, _: Asked) -> Condition:
        plain = value.casefold().replace(".", "")
        return Condition(f"{column} = ?", (aliases.get(plain, plain),))

    return make


def speaking(column: str, has_tracks: str | None) -> Make:
    """A language by its shortest tag; `zh` means `zh-TW` as well. `und`: there is a track, and none has a language."""

    def make(value: str, _: Asked) -> Condition:
        if value.casefold() == "und" and has_tracks is not None:
            return Condition(f"(f.container IS NOT NULL AND {has_tracks} AND {column} = '[]')")
        if not value.replace("-", "").isalnum() or value.casefold() == "und":
            raise ValueError(value)
        tag = _tag(value)
        return Condition(f"(instr({column}, ?) OR instr({column}, ?))", (f'"{tag}"', f'"{tag}-'))

    return make


def _tag(value: str) -> str:
    language, *rest = value.split("-")
    return "-".join([language.casefold(), *rest])


_OF_SIDECARS = (
    "f.id IN (SELECT video.id FROM sidecars JOIN video_files AS video "
    "ON video.library_id = sidecars.library_id AND video.path = sidecars.video_path WHERE {})"
)


def beside(kinds: Iterable[SidecarKind]) -> Condition:
    """The file has a sidecar of one of these kinds."""
    wanted = ", ".join(f"'{kind}'" for kind in kinds)
    return Condition(_OF_SIDECARS.format(f"sidecars.kind IN ({wanted})"))


def subtitled(value: str, asked: Asked) -> Condition:
    """A language of the subtitles, inside the file or beside it."""
    inside = speaking("f.subtitle_languages", None)(value, asked)
    tag = _tag(value)
    # What follows the minus sorts before the full stop.
    of_language = (
        "sidecars.kind = 'subtitle' AND (sidecars.language = ? OR sidecars.language >= ? AND sidecars.language < ?)"
    )
    return any_of([inside, Condition(_OF_SIDECARS.format(of_language), (tag, f"{tag}-", f"{tag}."))])


def by_library(value: str, _: Asked) -> Condition:
    return Condition("f.library_id IN (SELECT id FROM libraries WHERE name = ? COLLATE NOCASE)", (value,))


def by_id(value: str, _: Asked) -> Condition:
    spelling = split_number(value)
    if spelling is None:
        raise ValueError(value)
    thing, number = spelling[0], int(spelling[1])
    match thing:
        case Thing.FILE:
            return narrow("f.id = ?", (number,))
        case Thing.MOVIE:
            return narrow("f.movie_id = ?", (number,))
        case Thing.SERIES:
            return narrow(in_episodes("series_id = ?"), (number,))
        case Thing.EPISODE:
            return narrow(in_episodes("episodes.id = ?"), (number,))
    raise ValueError(value)


def by_provider(column: str) -> Make:
    def make(value: str, _: Asked) -> Condition:
        number: object = value.casefold() if column == "imdb_id" else int(value)
        movie = f"f.movie_id IN (SELECT id FROM movies WHERE {column} = ?)"  # noqa: S608 - ours
        series = in_episodes(f"series_id IN (SELECT id FROM series WHERE {column} = ?)")  # noqa: S608 - ours
        return narrow(f"({movie} OR {series})", (number, number))

    return make


ELSEWHERE = """f.state = 'present' AND f.links > 1 AND f.inode <> 0 AND f.links > (
    SELECT count(*) FROM video_files AS name
    WHERE name.inode = f.inode AND name.size_bytes = f.size_bytes AND name.device = f.device AND name.state = 'present'
)"""
"""The file has more names than the catalogue knows: one lies outside the libraries, as while it is still seeded."""


def by_links(value: str, _: Asked) -> Condition:
    """The number of its names. It says nothing where the file system's numbers of files are not to be trusted."""
    match value.casefold():
        case "none":
            return Condition("(f.links = 1 AND f.inode <> 0)")
        case "elsewhere":
            return Condition(f"({ELSEWHERE})")
        case "unknown":
            return Condition("(f.links IS NULL OR f.inode = 0)")
    counted = _in_span("f.links", values.read_span(value, values.whole_number))
    return all_of([counted, Condition("f.inode <> 0")])
