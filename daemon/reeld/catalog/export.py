"""Export all that reeld knows as JSON objects, which `import_.py` reads back.

There is one object for each row, after all rows that it refers to. A head says what the export is. An end
says how many rows each table had, so that a truncated export is recognized. Tables and columns have the
names of the catalogue. Values are those of JSON: a list is a list, not a text that holds one. A path that
is no UTF-8 keeps its bytes as lone surrogates, which JSON writes as `\\udcNN`.
"""

import json
from collections.abc import Callable, Generator, Iterator
from typing import Any

from reeld.catalog.models import ALL_MODELS, JobRow
from reeld.database.base import BaseModel, Health, Row, database
from reeld.database.connection import reading
from reeld.database.fields import PathField, Unsigned64Field
from reeld.database.migrate import latest_version
from reeld.domain.states import JobState

FORMAT = "reeld catalogue"
VERSION = 1

# Parents first. Health describes the database file, not videos, so it is left out.
TABLES: tuple[type[BaseModel], ...] = tuple(model for model in ALL_MODELS if model is not Health)


def export() -> Generator[Row]:
    """Yield everything as it was at one moment, also while a daemon writes. Needs the memory of one row."""
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
    """Read rows as SQLite stores them: an instance of the model for each would take four times as long."""
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
    """Return the job as one that waits: no worker runs it where it is imported."""
    return job | {"state": JobState.WAITING, "token": None} if job["state"] == JobState.RUNNING else job


def _reader(field: Any) -> Callable[[Any], Any]:
    if field.field_type == "JSON":
        return lambda value: None if value is None else json.loads(value)
    if field.field_type == "BOOL":
        return lambda value: None if value is None else bool(value)
    if isinstance(field, (PathField, Unsigned64Field)):
        return field.python_value
    return lambda value: value


def _last_ids() -> dict[str, int]:
    """Return the highest id that each table ever gave, where ids are never given twice."""
    return dict(database.execute_sql("SELECT name, seq FROM sqlite_sequence ORDER BY name").fetchall())


def _name(model: type[BaseModel]) -> str:
    return str(model._meta.table_name)  # noqa: SLF001
