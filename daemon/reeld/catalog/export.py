"""How does all that reeld knows leave it, in a form that anybody can read and that `import_.py` takes back?

As objects, one for each row, in the order in which they can be put back: what a row refers to comes before it. First
stands what this is, at the end how many rows of each table there were, so that a part is never taken for the whole.
Names of tables and columns are those of the catalogue, values are JSON's own: a list is a list, not a text that holds
one. A path that is no UTF-8 keeps its bytes as lone surrogates, which JSON writes as `\\udcNN`.
"""

import json
from collections.abc import Callable, Generator, Iterator
from typing import Any

from reeld.catalog.models import ALL_MODELS, JobRow
from reeld.database.base import BaseModel, Health, Row, database
from reeld.database.connection import reading
from reeld.database.fields import PathField, Unsigned64Field
from reeld.database.migrate import latest_version

FORMAT = "reeld catalogue"
VERSION = 1

# Parents first. What tells of the file itself, and not of anybody's videos, stays.
TABLES: tuple[type[BaseModel], ...] = tuple(model for model in ALL_MODELS if model is not Health)


def export() -> Generator[Row]:
    """Everything, as it was at one moment, also beside a daemon that writes on. Needs the memory of one row."""
    with reading():
        database.execute_sql("BEGIN")
        try:
            yield {"format": FORMAT, "version": VERSION, "schema": latest_version(), "last_ids": _last_ids()}
            counts = {}
            for model in TABLES:
                name, counts[_name(model)] = _name(model), 0
                for row in _rows(model):
                    counts[name] += 1
                    yield {"table": name, **row}
            yield {"end": counts}
        finally:
            database.execute_sql("ROLLBACK")


def _rows(model: type[BaseModel]) -> Iterator[Row]:
    """As SQLite has them: a model's instance for each would take four times as long."""
    fields = model._meta.sorted_fields  # noqa: SLF001 - peewee's documented way to ask
    names = [field.column_name for field in fields]
    turn = [_reader(field) for field in fields]
    key = "id" if "id" in names else ", ".join(names)
    for row in database.execute_sql(f"SELECT {', '.join(names)} FROM {_name(model)} ORDER BY {key}"):  # noqa: S608 - names of ours
        values = (to_json(value) for to_json, value in zip(turn, row, strict=True))
        yield (
            _at_rest(dict(zip(names, values, strict=True)))
            if model is JobRow
            else dict(zip(names, values, strict=True))
        )


def _at_rest(job: Row) -> Row:
    """Nobody works on it where it is taken in."""
    return job | {"state": "waiting", "token": None} if job["state"] == "running" else job


def _reader(field: Any) -> Callable[[Any], Any]:
    if field.field_type == "JSON":
        return lambda value: None if value is None else json.loads(value)
    if field.field_type == "BOOL":
        return lambda value: None if value is None else bool(value)
    if isinstance(field, (PathField, Unsigned64Field)):
        return field.python_value
    return lambda value: value


def _last_ids() -> dict[str, int]:
    """The highest id that each table ever gave, where ids are never given twice."""
    return dict(database.execute_sql("SELECT name, seq FROM sqlite_sequence ORDER BY name").fetchall())


def _name(model: type[BaseModel]) -> str:
    return str(model._meta.table_name)  # noqa: SLF001
