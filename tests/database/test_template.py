"""The catalogue that the tests copy is the one that reeld makes."""

import contextlib
import os
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from peewee import sqlite3

from reeld.database.connection import close_catalog, open_catalog
from tests.template import copy_template

NOW = datetime(2026, 1, 1, tzinfo=UTC)

PRAGMAS = ("application_id", "user_version", "journal_mode", "page_size", "encoding", "auto_vacuum", "page_count")


def _all_of(path: Path) -> dict[str, Any]:
    """What makes this database, its rows and settings, and how its file may be used."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        settings = {name: connection.execute(f"PRAGMA {name}").fetchone() for name in PRAGMAS}
        tables = connection.execute("SELECT * FROM sqlite_schema ORDER BY type, name").fetchall()
        rows = {
            name: connection.execute(f"SELECT * FROM {name}").fetchall() for kind, name, *_ in tables if kind == "table"
        }
    return {"tables": tables, "rows": rows, "settings": settings, "file": _file(path)}


def _file(path: Path) -> tuple[int, int, int]:
    found = os.stat(path)
    return stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid


def test_a_copy_of_the_template_equals_a_catalogue_that_was_made_anew(tmp_path: Path) -> None:
    """Opened for the first time, kept open, and closed in order: the two never differ in anything."""
    made, copied = tmp_path / "made" / "reeld.db", tmp_path / "copied" / "reeld.db"
    copy_template(copied)
    found = {}
    for path in (made, copied):
        applied = open_catalog(str(path), create=True, now=NOW)
        opened = _all_of(path)
        close_catalog()
        found[path] = (applied, opened, _all_of(path), sorted(os.listdir(path.parent)))
    assert found[made] == found[copied]
    assert found[made][1]["rows"]["video_files"] == []
    assert len(found[made][1]["rows"]["catalog_health"]) == 1
