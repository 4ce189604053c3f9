"""How are the few statements that run several times for every file kept cheap?

peewee renders a query's objects to SQL at every call, which takes 0.1 to 0.3 ms: 40 % of the daemon's processor time in
a first scan. What runs for every file is rendered once, here, or stands as SQL where it is used; what runs for a
person, or once a decision, is written in peewee.
"""

import json
from functools import lru_cache
from typing import Any

from reeld.database.base import database


def rows(sql: str, *parameters: object) -> list[tuple[Any, ...]]:
    """All rows that a statement gives; the values are as SQLite has them."""
    return list(database.execute_sql(sql, parameters).fetchall())


def change(sql: str, *parameters: object) -> int:
    """Run a statement that writes; how many rows it changed."""
    return int(database.execute_sql(sql, parameters).rowcount)


def insert_row(model: Any, **values: Any) -> int:
    """Insert a row with these fields, named as in the model, and the model's defaults for the others; its id."""
    for field in model._meta.sorted_fields:  # noqa: SLF001 - peewee's documented way to ask
        if field.default is not None and field.name not in values:
            values[field.name] = field.default() if callable(field.default) else field.default
    sql, fields = _rendered_insert(model, tuple(values))
    stored = (_stored(field, value) for field, value in zip(fields, values.values(), strict=True))
    return int(database.execute_sql(sql, tuple(stored)).lastrowid)


def update_row(model: Any, row_id: int, **values: Any) -> None:
    """Set these fields of one row of a model's table, named as in the model, to values as the model takes them."""
    sql, fields = _rendered_update(model, tuple(values))
    change(sql, *(_stored(field, value) for field, value in zip(fields, values.values(), strict=True)), row_id)


@lru_cache(maxsize=64)
def _rendered_insert(model: Any, names: tuple[str, ...]) -> tuple[str, tuple[Any, ...]]:
    fields = tuple(model._meta.fields[name] for name in names)  # noqa: SLF001
    columns, places = ", ".join(field.column_name for field in fields), ", ".join("?" * len(fields))
    return f"INSERT INTO {model._meta.table_name} ({columns}) VALUES ({places})", fields  # noqa: SLF001, S608 - ours


@lru_cache(maxsize=64)
def _rendered_update(model: Any, names: tuple[str, ...]) -> tuple[str, tuple[Any, ...]]:
    fields = tuple(model._meta.fields[name] for name in names)  # noqa: SLF001 - peewee's documented way to ask
    assignments = ", ".join(f"{field.column_name} = ?" for field in fields)
    return f"UPDATE {model._meta.table_name} SET {assignments} WHERE id = ?", fields  # noqa: SLF001, S608 - names of ours


def _stored(field: Any, value: Any) -> Any:
    # A JSON field gives peewee an expression to render, not a value.
    return json.dumps(value) if field.field_type == "JSON" and value is not None else field.db_value(value)
