"""Measures how soon the first page of an answer is there, in a process that runs already.

The questions are those of daemon/QUERIES.md. The yardstick runs the same SQL in SQLite alone.
"""

import itertools
import shlex
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from peewee import sqlite3 as driver

from bench.measure import Goal, Line, compared, scaled
from bench.million import make_catalogue
from bench.world import World
from reeld.catalog import views
from reeld.database.base import database
from reeld.database.connection import close_catalog, open_catalog
from reeld.query.ask import understand
from reeld.query.duplicates import duplicates
from reeld.query.find import find_files, find_works
from reeld.query.missing import missing_episodes
from reeld.query.search import search
from reeld.query.search_index import fill_index
from reeld.query.stats import sums

PAGE = 50
PAGE_OF_QUERIES = Path(__file__).resolve().parents[1] / "QUERIES.md"
NOW = datetime(2026, 1, 5, tzinfo=UTC)
"""Some files of the catalogue are new then."""

_GROUPINGS = ("library", "resolution", "codec", "language")
_KINDS = {"movies": "movie", "series": "series", "episodes": "episode"}


class Question(NamedTuple):
    kind: str
    query: str
    order: list[str]


def run(world: World) -> Iterator[Line]:
    with world.corner("questions") as corner:
        path = corner / "reeld.db"
        started = time.perf_counter()
        make_catalogue(path, world.sizes.asked)
        made_s = time.perf_counter() - started
        open_catalog(str(path), create=False)
        try:
            yield Line(what=f"a catalogue of {world.sizes.asked:,} files is made", figure=made_s, unit="s")
            yield Line(what="its search index is filled", figure=_seconds(lambda: fill_index(lambda: True)), unit="s")
            yield from _pages(world, path)
            yield from _others(world)
        finally:
            close_catalog()


def questions() -> list[Question]:
    """The lists of the page's last part. The catalogue has no sidecars."""
    part = PAGE_OF_QUERIES.read_text("utf-8").split("## What people ask")[1]
    found = []
    for line in part.splitlines():
        words = shlex.split(line) if line.startswith("reeld list ") and "sidecars" not in line else []
        query, order = [], []
        rest = iter(words[3:])
        for word in rest:
            if word == "--sort":
                order = next(rest).split(",")
            elif word.startswith("--"):
                next(rest)
            else:
                query.append(word)
        if words:
            found.append(Question(words[2], " ".join(query), order))
    return found


def _pages(world: World, path: Path) -> Iterator[Line]:
    """The first fifty of each question."""
    found: list[tuple[float, Question]] = []
    ours: list[list[float]] = [[] for _ in range(world.sizes.rounds)]
    theirs: list[list[float]] = [[] for _ in range(world.sizes.rounds)]
    bare = driver.connect(path)
    try:
        for question in questions():
            statements = _statements(question)
            taken = []
            for turn in range(world.sizes.rounds):
                taken.append(_seconds(lambda question=question: _ids(question)))
                ours[turn].append(taken[-1])
                theirs[turn].append(
                    _seconds(lambda statements=statements: [bare.execute(sql).fetchall() for sql in statements])
                )
            found.append((statistics.median(taken), question))
    finally:
        bare.close()
    whole = [sum(each) for each in ours]
    of_page = f"the first {PAGE} of a query"
    yield Line(
        what=f"{of_page}, median of {len(found)}",
        figure=1000 * statistics.median(taken for taken, _ in found),
        unit="ms",
        goal=Goal(sense="<=", limit=50, of="figure"),
    )
    worst, question = max(found)
    name = f"{question.kind} {question.query} {','.join(question.order)}".strip()
    yield Line(
        what=f"{of_page}, worst: {name}", figure=1000 * worst, unit="ms", goal=Goal(sense="<=", limit=150, of="figure")
    )
    yield compared(
        "all queries together",
        scaled(1000, whole),
        "ms",
        "sqlite3 with the same SQL",
        scaled(1000, [sum(each) for each in theirs]),
        Goal(sense="<=", limit=1.3),
    )


def _run(bare: Any, statements: list[str]) -> None:
    for sql in statements:
        bare.execute(sql).fetchall()


def _ids(question: Question) -> list[int]:
    query = understand(question.query, {}, NOW)
    if question.kind in _KINDS:
        return find_works(_KINDS[question.kind], query, question.order, PAGE)
    return list(find_files(query, question.order, PAGE))


def _statements(question: Question) -> list[str]:
    """The SQL that a question runs, with its values."""
    said: list[str] = []
    database.connection().set_trace_callback(said.append)
    try:
        _ids(question)
    finally:
        database.connection().set_trace_callback(None)
    return [sql for sql in said if sql.startswith("SELECT")]


def _others(world: World) -> Iterator[Line]:
    everything = understand("", {}, NOW)
    series = find_works("series", everything)
    rounds = world.sizes.rounds
    for what, ask, limit_ms in (
        (f"the first {PAGE} gaps", lambda: itertools.islice(missing_episodes(series), PAGE), 50),
        ("all gaps", lambda: missing_episodes(series), 100),
        (f"the first {PAGE} groups of copies", lambda: itertools.islice(duplicates(["copy"]), PAGE), 50),
        (f"the first {PAGE} works with several versions", lambda: itertools.islice(duplicates(["version"]), PAGE), 50),
        ("sums by library, resolution, codec, language", lambda: sums(everything, _GROUPINGS), 200),
        ("a search for a word of many titles", lambda: search(understand("night", {}, NOW)).hits, 50),
        ("a search with a typo", lambda: search(understand("nihgt blodo", {}, NOW)).hits, 50),
    ):
        taken = [_seconds(lambda ask=ask: list(ask())) for _ in range(rounds)]
        yield Line(
            what=what,
            figure=1000 * statistics.median(taken),
            unit="ms",
            spread=(1000 * min(taken), 1000 * max(taken)) if rounds > 1 else None,
            goal=Goal(sense="<=", limit=limit_ms, of="figure"),
        )
    count = min(world.sizes.asked, 100_000)
    spent = _seconds(lambda: sum(1 for _ in views.list_files(itertools.islice(find_files(everything), count))))
    yield Line(
        what=f"{count:,} files streamed as rows",
        figure=count / spent,
        unit="rows/s",
        goal=Goal(sense=">=", limit=200_000, of="figure"),
    )


def _seconds(do: Callable[[], object]) -> float:
    started = time.perf_counter()
    do()
    return time.perf_counter() - started
