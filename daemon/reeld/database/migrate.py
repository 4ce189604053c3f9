"""Bring an older catalogue to the schema of this reeld, by numbered SQL files, forward only.

SQLite's own `user_version` is the number of the last migration that ran. A migration and its number
commit together, so a kill leaves the old schema or the new one.

peewee's playhouse.migrations is not used. It keeps its history in a table of its own, so reading the
version writes to a database of a newer reeld. It begins its transactions deferred. It drops the
triggers of a table that it rebuilds.
"""

import re
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path

from peewee import SqliteDatabase

from reeld.errors import CatalogCorrupt, ReeldError

# "REEL" in ASCII: tells our catalogue from any other SQLite file, also for `file reeld.db`.
APPLICATION_ID = 0x5245454C


@dataclass(frozen=True, slots=True, order=True)
class Migration:
    """One file of `migrations/`: `0001_initial.sql` leads to schema version 1."""

    version: int
    name: str
    sql: str


@cache
def all_migrations() -> tuple[Migration, ...]:
    """Return every migration that ships with this reeld, in order."""
    return migrations_in(Path(__file__).with_name("migrations"))


def migrations_in(folder: Path) -> tuple[Migration, ...]:
    """Read the migrations of a folder, in order. Raises ReeldError unless their numbers are 1 to n, each once."""
    found: list[Migration] = []
    for file in sorted(folder.glob("*.sql")):
        match = re.fullmatch(r"(\d{4})_\w+\.sql", file.name)
        if match is None:
            raise ReeldError(f"the migration {file.name} is not named as NNNN_what_changes.sql", _REPAIR)
        found.append(Migration(int(match[1]), file.name, file.read_text("utf-8")))
    for expected, migration in zip(count(1), found, strict=False):
        if migration.version < expected:
            twin = found[expected - 2].name
            raise ReeldError(f"the migrations {twin} and {migration.name} have one number", _REPAIR)
        if migration.version > expected:
            raise ReeldError(f"the migration {expected:04} is missing, and {migration.name} is there", _REPAIR)
    if not found:
        raise ReeldError("the migration 0001 is missing", _REPAIR)
    return tuple(found)


_REPAIR = "install reeld again, or give each migration the next number"


def latest_version() -> int:
    """Return the schema version of this reeld."""
    return all_migrations()[-1].version


def migrate(database: SqliteDatabase, *, up_to: int | None = None) -> list[str]:
    """Bring an open database to the latest schema, or to `up_to`; return the names of the migrations that ran."""
    applied = []
    for migration in all_migrations():
        if schema_version(database) < migration.version <= (migration.version if up_to is None else up_to):
            _apply(database, migration)
            applied.append(migration.name)
    return applied


def schema_version(database: SqliteDatabase) -> int:
    return int(database.execute_sql("PRAGMA user_version").fetchone()[0])


def application_id(database: SqliteDatabase) -> int:
    return int(database.execute_sql("PRAGMA application_id").fetchone()[0])


def _apply(database: SqliteDatabase, migration: Migration) -> None:
    # Rebuilding a table with foreign keys on would cascade into its children. The pragma does nothing inside a
    # transaction, so it comes first. foreign_key_check does the work of the keys before the commit.
    database.execute_sql("PRAGMA foreign_keys = OFF")
    try:
        with database.atomic("IMMEDIATE"):
            for statement in statements(migration.sql):
                database.execute_sql(statement)
            database.execute_sql(f"PRAGMA application_id = {APPLICATION_ID}")
            database.execute_sql(f"PRAGMA user_version = {migration.version}")
            if orphans := database.execute_sql("PRAGMA foreign_key_check").fetchall():
                raise CatalogCorrupt(
                    f"{migration.name} would leave {len(orphans)} rows without parents; nothing was changed"
                )
    finally:
        database.execute_sql("PRAGMA foreign_keys = ON")


def statements(sql: str) -> list[str]:
    """Split a migration into its statements: each ends with a semicolon at the end of a line.

    `executescript` cannot be used: it commits the open transaction before it starts.
    """
    without_comments = re.sub(r"^\s*--.*$", "", sql, flags=re.MULTILINE)
    return [part.strip() for part in re.split(r";\s*$", without_comments, flags=re.MULTILINE) if part.strip()]
