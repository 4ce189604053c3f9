"""The SQLite database that all models share, and the table about the database itself."""

from typing import Any

from peewee import SQL, BooleanField, Model, SqliteDatabase

from reeld.database.fields import UtcField

# One connection for the whole process, guarded by `writing` and `reading` in connection.py.
# SQLite has one writer anyway, and its WAL-reset bug needs a second read-write connection.
database = SqliteDatabase(None, thread_safe=False)

# A row as a dict.
Row = dict[str, Any]


class BaseModel(Model):
    class Meta:
        database = database
        legacy_table_names = False


class Health(BaseModel):
    """The state of the database: one row, whose `id` is 1."""

    is_open = BooleanField(constraints=[SQL("DEFAULT 1")])
    """Whether a process has it open. A kill leaves it true; the next start then checks everything."""
    checked_at = UtcField(null=True)
    """When every page was last found sound."""

    class Meta:
        table_name = "catalog_health"
