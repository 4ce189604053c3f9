"""Migrates an older catalogue to the schema of this reeld, with numbered SQL files, forward only.

SQLite's `user_version` is the catalogue's schema number. A migration and its number commit
together, so a kill leaves the old schema or the new one.

playhouse.migrations of peewee is not used. It keeps its history in a table of its own, so only
asking writes to the database of a newer reeld. It begins its transactions deferred. And it drops
the triggers of a table that it rebuilds.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from peewee import SqliteDatabase

from reeld.errors import CatalogCorrupt

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
    """Read every migration of this reeld, in order."""
    files = Path(__file__).with_name("migrations").iterdir()
    found = [(re.fullmatch(r"(\d{4})_\w+\.sql", file.name), file) for file in files]
    return tuple(sorted(Migration(int(match[1]), file.name, file.read_text("utf-8")) for match, file in found if match))


def latest_version() -> int:
    return all_migrations()[-1].version


def migrate(database: SqliteDatabase, *, up_to: int | None = None) -> list[str]:
    """Bring an open database to the latest schema, or `up_to` one. Return the names of the
    migrations that ran.
    """
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
    # Rebuilding a table with foreign keys on would cascade into its children. The pragma has no
    # effect inside a transaction, so it comes first. foreign_key_check replaces the keys before
    # the commit.
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
    """Split a migration into statements: each ends with a semicolon at the end of a line.

    `executescript` is not used: it first commits the open transaction.
    """
    without_comments = re.sub(r"^\s*--.*$", "", sql, flags=re.MULTILINE)
    return [part.strip() for part in re.split(r";\s*$", without_comments, flags=re.MULTILINE) if part.strip()]
