"""Reads the second corpus: names of classes that were collected before any rule was written for them.

Half of it stands in `tests/corpus/second_round/`, the other half is generated. `must` says what is right for a name:
"accept" it as stated; "may", which is that or a question; "wait", a question and nothing else; "ignore" it; "extra",
to ignore it or to ask.
"""

import tomllib
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

from tests.identify import generated
from tests.identify.corpus import FOLDER, row_of
from tests.identify.generated import SIBLINGS_IN_A_SET
from tests.identify.rows import Row

SECOND_ROUND = FOLDER / "second_round"


@lru_cache(maxsize=1)
def rows() -> tuple[Row, ...]:
    """Return all rows, those of a set one after the other."""
    return (*_written_rows(), *generated.rows())


def _written_rows() -> Iterator[Row]:
    for path in sorted(SECOND_ROUND.glob("*.toml")):
        content = tomllib.loads(path.read_text("utf-8"))
        for shape in content.get("shape", []):
            stated = {key: value for key, value in shape.items() if key not in ("name", "rows")}
            for row in shape["rows"]:
                yield _row(path.name, shape["name"], {**stated, **row})
        for several in content.get("set", []):
            stated = {key: value for key, value in several.items() if key not in ("name", "sets")}
            for one in several["sets"]:
                yield from _set(path.name, several["name"], {**stated, **one})


def _set(file: str, shape: str, stated: dict[str, Any]) -> Iterator[Row]:
    form, first, month = stated.pop("file"), stated.pop("first", 1), stated.pop("month", "")
    number = stated.pop("number", None)
    counts = range(first, first + SIBLINGS_IN_A_SET)
    paths = {count: form.format(n=count, t=_title_of(count)) for count in counts}
    names = {count: path.rpartition("/")[2] for count, path in paths.items()}
    for count in counts:
        own: dict[str, Any] = {}
        if number == "day":
            own = {"date": f"{month}-{count:02}"}
        elif number:
            own = {number: [count]}
        siblings = [name for other, name in names.items() if other != count]
        row = {**stated, **own, "path": paths[count], "siblings": siblings}
        yield _row(file, shape, row, set_name=form)


def _row(file: str, shape: str, stated: dict[str, Any], *, set_name: str = "") -> Row:
    """Make a row. A kind alone, which most rows have from their shape, names no work."""
    row = row_of(file, shape, stated, set_name=set_name)
    names_a_work = row.must not in ("ignore", "extra") and row.expected.keys() != {"kind"}
    return row if names_a_work else replace(row, expected={})


def _title_of(count: int) -> str:
    """Return the title of an episode: another one for each of a set."""
    titles = ("Nets", "Ice", "Low Tide", "Ebb", "Cold Iron", "The Pier", "Gulls", "A Letter", "Fog", "Salt", "Rope")
    return titles[count % len(titles)] + (" 2" if count > len(titles) else "")
