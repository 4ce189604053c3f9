"""Runs the few statements that every file needs, without rendering them each time.

peewee renders a query to SQL at every call. That takes 0.1 to 0.3 ms: 40 % of the daemon's
processor time in a first scan. Statements that run for every file are rendered once, here, or are
written as SQL. They go to the driver directly, since peewee's way to it takes a quarter of their
time. Their errors are the driver's. Statements that run for a command, or once a decision, use peewee.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from reeld.database.base import database


def rows(sql: str, *parameters: object) -> list[tuple[Any, ...]]:
    """Run a query and return all its rows, with SQLite's own values."""
    found: list[tuple[Any, ...]] = _execute(sql, parameters).fetchall()
    return found


# Every version of SQLite takes this many parameters in one statement.
_MOST_PARAMETERS = 500


def rows_in(sql: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
    """Run a query that ends with a column, for the rows that have one of these values there."""
    found: list[tuple[Any, ...]] = []
    for start in range(0, len(values), _MOST_PARAMETERS):
        some = values[start : start + _MOST_PARAMETERS]
        found += rows(f"{sql} IN ({', '.join('?' * len(some))})", *some)
    return found


def change(sql: str, *parameters: object) -> int:
    """Run a statement that writes, and return how many rows it changed."""
    return int(_execute(sql, parameters).rowcount)


def insert_row(model: Any, **values: Any) -> int:
    """Insert a row with these model fields, and the defaults for the others. Return its id."""
    values |= _defaults(model, values)
    sql, fields = _rendered_insert(model, tuple(values))
    stored = (_stored(field, value) for field, value in zip(fields, values.values(), strict=True))
    return int(_execute(sql, tuple(stored)).lastrowid)


def insert_rows(
    model: Any, same: Mapping[str, Any], columns: Sequence[str], values: Iterable[Sequence[object]]
) -> None:
    """Insert many rows. All have the fields of `same`, and the defaults for others; `values` differ in the `columns`.

    `values` are as SQLite has them. The statement names what is the same as text, since SQLite binds each parameter
    again for each row.
    """
    same = {**same, **_defaults(model, (*same, *columns))}
    fields = [model._meta.fields[name] for name in same]  # noqa: SLF001 - peewee's documented way to ask
    texts = [_literal(_stored(field, value)) for field, value in zip(fields, same.values(), strict=True)]
    names = ", ".join((*(field.column_name for field in fields), *columns))
    places = ", ".join((*texts, *"?" * len(columns)))
    sql = f"INSERT INTO {model._meta.table_name} ({names}) VALUES ({places})"  # noqa: SLF001, S608 - ours
    database.connection().executemany(sql, values)


def update_row(model: Any, row_id: int, **values: Any) -> None:
    """Set these model fields of one row."""
    update_where(model, "id = ?", row_id, **values)


def update_where(model: Any, condition: str, *parameters: object, **values: Any) -> int:
    """Set these model fields of the rows that meet the condition, and return how many there are."""
    sql, fields = _rendered_update(model, tuple(values))
    stored = (_stored(field, value) for field, value in zip(fields, values.values(), strict=True))
    return change(f"{sql} WHERE {condition}", *stored, *parameters)


def _defaults(model: Any, given: Iterable[str]) -> dict[str, Any]:
    """Return the defaults of the fields that are not given."""
    others = (field for field in model._meta.sorted_fields if field.name not in given)  # noqa: SLF001 - see insert_rows
    return {
        field.name: field.default() if callable(field.default) else field.default
        for field in others
        if field.default is not None
    }


def _literal(value: Any) -> str:
    """Write a value of ours as SQL."""
    if value is None:
        return "NULL"
    return f"{value:d}" if isinstance(value, int) else "'{}'".format(str(value).replace("'", "''"))


def update_many(
    model: Any,
    names: Sequence[str],
    also: Sequence[str],
    changes: Iterable[tuple[int, Iterable[Any], Sequence[object]]],
) -> None:
    """Set the same model fields of many rows, one row after the other.

    `also` are further assignments, as SQL with a question mark each. Each change has the row's id, the values of
    `names`, and those of `also`.
    """
    fields = tuple(model._meta.fields[name] for name in names)  # noqa: SLF001 - peewee's documented way to ask
    assignments = ", ".join((*(f"{field.column_name} = ?" for field in fields), *also))
    database.connection().executemany(
        f"UPDATE {model._meta.table_name} SET {assignments} WHERE id = ?",  # noqa: SLF001, S608 - names of ours
        ((*map(_stored, fields, values), *more, row_id) for row_id, values, more in changes),
    )


def _execute(sql: str, parameters: tuple[object, ...]) -> Any:
    return database.connection().execute(sql, parameters)


@lru_cache(maxsize=64)
def _rendered_insert(model: Any, names: tuple[str, ...]) -> tuple[str, tuple[Any, ...]]:
    fields = tuple(model._meta.fields[name] for name in names)  # noqa: SLF001
    columns, places = ", ".join(field.column_name for field in fields), ", ".join("?" * len(fields))
    return f"INSERT INTO {model._meta.table_name} ({columns}) VALUES ({places})", fields  # noqa: SLF001, S608 - ours


@lru_cache(maxsize=64)
def _rendered_update(model: Any, names: tuple[str, ...]) -> tuple[str, tuple[Any, ...]]:
    fields = tuple(model._meta.fields[name] for name in names)  # noqa: SLF001 - peewee's documented way to ask
    assignments = ", ".join(f"{field.column_name} = ?" for field in fields)
    return f"UPDATE {model._meta.table_name} SET {assignments}", fields  # noqa: SLF001, S608 - names of ours


def _stored(field: Any, value: Any) -> Any:
    # A JSON field gives peewee an expression to render, not a value.
    return json.dumps(value) if field.field_type == "JSON" and value is not None else field.db_value(value)
