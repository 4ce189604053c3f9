"""How thoroughly must the catalogue be checked at a start, and what did the check find?

Its own row in `catalog_health` says whether the last owner ended in order. A kill, a power cut, an I/O error and a copy
that was put back leave the row as it is while the catalogue is open: then all of it is checked.
"""

from datetime import datetime, timedelta

from peewee import SqliteDatabase

from reeld.database.base import Health
from reeld.database.sqlite_errors import damaged

# All of it is read, and each index compared with its table, this often at least: 1.3 to 1.9 s for a million rows,
# against 0.2 to 0.3 s for the quick look, which sees damaged pages and not what contradicts each other.
FULL_CHECK_AFTER = timedelta(days=7)


def check(database: SqliteDatabase, path: str, now: datetime) -> datetime | None:
    """Look as closely as the last end calls for; when all of it was last found sound. Raises CatalogCorrupt."""
    checked_at = _last_full_check(database)
    is_recent = checked_at is not None and timedelta(0) <= now - checked_at < FULL_CHECK_AFTER
    require_sound(database, path, "quick_check" if is_recent else "integrity_check")
    return checked_at if is_recent else now


def require_sound(database: SqliteDatabase, path: str, pragma: str = "integrity_check") -> None:
    """Raises CatalogCorrupt, which names the first problems and the way back."""
    problems = [row[0] for row in database.execute_sql(f"PRAGMA {pragma}(3)").fetchall()]
    if problems != ["ok"]:
        raise damaged(path, "; ".join(problems))


def note_open(checked_at: datetime | None) -> None:
    Health.update(is_open=True, checked_at=checked_at).execute()


def note_closed() -> None:
    Health.update(is_open=False).execute()


def note_checked(checked_at: datetime) -> None:
    Health.update(checked_at=checked_at).execute()


def _last_full_check(database: SqliteDatabase) -> datetime | None:
    """None when it must be done now: nobody knows of one, or the last owner did not end in order."""
    if not database.table_exists(Health):
        return None  # of an earlier schema
    row = Health.get_or_none(Health.id == 1)
    return row.checked_at if row is not None and not row.is_open else None
