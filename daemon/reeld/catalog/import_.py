"""Import an export (`export.py`) as a new catalogue, which gets its name when it is complete.

It is made with the schema that the export was written with, and then migrated as any other catalogue is. So an export
serves later versions of reeld as well as a backup does.
"""

import contextlib
import json
import os
from collections.abc import Iterable, Iterator
from itertools import groupby, islice
from typing import Any

from peewee import IntegrityError, PeeweeException, SqliteDatabase

from reeld.catalog.export import FORMAT, TABLES, VERSION
from reeld.database.backup import is_sound, sync
from reeld.database.base import Row
from reeld.database.file_access import create, protect
from reeld.database.file_owner import give_to_owner, make_folder
from reeld.database.migrate import latest_version, migrate
from reeld.database.open_files import SUFFIXES
from reeld.domain.files import readable
from reeld.errors import CatalogTooNew, CatalogUnavailable, ImportRefused

# Rows that are inserted together.
BATCH = 250

# In exports of earlier schemas: a later migration moves its rows elsewhere.
_FORMER = ("verifications",)

_NAMES = (*(model._meta.table_name for model in TABLES), *_FORMER)  # noqa: SLF001 - peewee's documented way to ask

Numbered = tuple[int, Row]
"""The number of a line, from 1, and its object."""


def import_catalog(lines: Iterable[bytes], catalog: str) -> dict[str, int]:
    """Make a new catalogue at `catalog` from an export's lines; return how many rows each table got.

    For the one process that holds the lock on it. Raises ImportRefused, CatalogTooNew or CatalogUnavailable, and has
    then changed nothing.
    """
    if there := next((catalog + suffix for suffix in SUFFIXES if os.path.lexists(catalog + suffix)), None):
        raise ImportRefused(
            f"{readable(there)} is there already. Nothing was changed",
            "move it to another place first, since its content would be lost, or name another with --database",
        )
    draft, folder = f"{catalog}.importing", os.path.dirname(catalog)
    try:
        make_folder(folder)
        _remove(draft)
        os.close(create(draft))
        counts = _fill(draft, lines)
        if not is_sound(draft):
            raise ImportRefused(f"{readable(draft)} was damaged while it was written", "check the disk")
        sync(draft)
        give_to_owner(draft, folder)
        protect(draft)
        os.rename(draft, catalog)
        sync(folder)
    except OSError as err:
        raise CatalogUnavailable(
            f"{readable(catalog)} cannot be made ({err.strerror})",
            "give the user that runs this the right to write to that folder, and free space on its disk",
        ) from err
    finally:
        with contextlib.suppress(OSError):
            _remove(draft)
    return counts


def _fill(draft: str, lines: Iterable[bytes]) -> dict[str, int]:
    objects = _objects(lines)
    schema, last_ids = _read_head(objects)
    # The next import deletes a draft that a crash leaves. So it needs no journal, and one sync at the end.
    database = SqliteDatabase(draft, pragmas={"journal_mode": "off", "synchronous": "off"})
    try:
        migrate(database, up_to=schema)
        database.execute_sql("PRAGMA foreign_keys = ON")
        counts = _Filling(database).take(objects, last_ids)
        migrate(database)
    except PeeweeException as err:
        raise CatalogUnavailable(f"{readable(draft)} cannot be written ({err})", "check the disk") from err
    finally:
        database.close()
    return counts


def _objects(lines: Iterable[bytes]) -> Iterator[Numbered]:
    for number, line in enumerate(lines, start=1):
        try:
            found = json.loads(line)
        except (ValueError, RecursionError) as err:
            raise _refusal(number, f"it is no JSON ({err})") from err
        if not isinstance(found, dict):
            raise _refusal(number, "it is no object")
        yield number, found


def _read_head(objects: Iterator[Numbered]) -> tuple[int, dict[str, int]]:
    _, head = next(objects, (1, {}))
    version, schema, last_ids = head.get("version"), head.get("schema"), head.get("last_ids")
    if head.get("format") != FORMAT or not isinstance(version, int) or not isinstance(schema, int):
        raise _refusal(1, f'it does not say {{"format": "{FORMAT}"}}: this is no export of reeld\'s')
    if version > VERSION or schema > latest_version():
        raise CatalogTooNew(
            f"the export was written by a newer reeld (format {version}, schema {schema}; this one has {VERSION} and "
            f"{latest_version()}). Nothing was changed",
            "install that version",
        )
    if schema < 1 or not isinstance(last_ids, dict) or not all(map(_is_last_id, last_ids.items())):
        raise _refusal(1, "its schema or its last_ids make no sense")
    return schema, last_ids


def _is_last_id(of_table: tuple[str, Any]) -> bool:
    table, last = of_table
    return table.isidentifier() and isinstance(last, int) and 0 <= last < 1 << 63


class _Filling:
    """Insert rows into an empty catalogue, and count them by table."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database
        self._columns = {
            name: {row[1] for row in database.execute_sql(f"PRAGMA table_info({name})").fetchall()} for name in _NAMES
        }
        self._counts = dict.fromkeys((name for name in _NAMES if self._columns[name]), 0)
        self._end: Row | None = None

    def take(self, objects: Iterator[Numbered], last_ids: dict[str, int]) -> dict[str, int]:
        """Insert all rows in one transaction; return how many each table got."""
        with self._database.atomic():
            for (table, columns), rows in groupby(self._checked(objects), key=lambda row: (row[1], row[2])):
                while batch := list(islice(rows, BATCH)):
                    self._insert(table, columns, batch)
            if self._end != self._counts:
                raise ImportRefused(
                    f"the export ends too early, or lacks lines: it has {self._counts}, and should have "
                    f"{self._end or 'an end'}. Nothing was changed",
                    "make the export again",
                )
            for table, last in last_ids.items():
                self._database.execute_sql("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?", (last, table))
                # A table that is empty now, but had rows once, has no line there yet.
                self._database.execute_sql(
                    "INSERT INTO sqlite_sequence (name, seq) SELECT ?, ? "
                    "WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = ?)",
                    (table, last, table),
                )
        return self._counts

    def _checked(self, objects: Iterator[Numbered]) -> Iterator[tuple[int, str, tuple[str, ...], list[Any]]]:
        for number, row in objects:
            if self._end is not None:
                raise _refusal(number, "it is behind the end")
            if isinstance(row.get("end"), dict):
                self._end = row["end"]
                continue
            table = row.pop("table", None)
            if not isinstance(table, str) or table not in self._counts:
                raise _refusal(number, f"there is no table {table!r}")
            if unknown := row.keys() - self._columns[table]:
                raise _refusal(number, f"{table} has no column {min(unknown)!r}")
            try:
                values = [_stored(value) for value in row.values()]
            except UnicodeEncodeError as err:
                raise _refusal(number, f"it holds bytes that are no text ({err})") from err
            self._counts[table] += 1
            yield number, table, tuple(row), values

    def _insert(self, table: str, columns: tuple[str, ...], batch: list[Any]) -> None:
        marks = ", ".join("?" * len(columns))
        sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608 - names of the schema's
        for number, _, _, values in batch:
            try:
                self._database.execute_sql(sql, values)
            except (IntegrityError, OverflowError) as err:
                raise _refusal(number, f"it does not fit in with the others ({err})") from err


def _stored(value: Any) -> Any:
    """Return the value as SQLite stores it; reverses what `export.py` makes of each kind of column."""
    if isinstance(value, (list, dict)):
        return json.dumps(value)
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return value.encode("utf-8", "surrogateescape")
    if isinstance(value, int) and 1 << 63 <= value < 1 << 64:
        return value - (1 << 64)
    return value


def _refusal(number: int, why: str) -> ImportRefused:
    return ImportRefused(
        f"line {number} of the export cannot be taken: {readable(why)}. Nothing was changed", "make the export again"
    )


def _remove(draft: str) -> None:
    for suffix in (*SUFFIXES, "-journal"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(draft + suffix)
