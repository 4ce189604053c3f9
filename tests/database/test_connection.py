"""What is opened as a catalogue, what is refused, and is what is refused left alone?"""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from peewee import sqlite3 as driver

from reeld.catalog.models import VideoFile
from reeld.database.base import database
from reeld.database.connection import close_catalog, open_catalog, reading
from reeld.database.migrate import APPLICATION_ID, latest_version
from reeld.errors import CatalogCorrupt, CatalogError, CatalogTooNew, CatalogUnavailable, NotFoundError
from tests.catalog.rows import add_file, add_libraries, rows
from tests.privileges import humble, humbly

HERE = Path(__file__).parent
ROOT = HERE.parent.parent


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """A closed catalogue that holds files."""
    path = tmp_path / "whole.db"
    open_catalog(str(path), create=True)
    (library_id,) = add_libraries("Films")
    for number in range(60):
        add_file(library_id, f"Film {number}/Film {number} (19{number:02}).mkv")
    close_catalog()
    return path


def _refused(path: Path, kind: type[CatalogError], *, create: bool = True) -> CatalogError:
    """The refusal, after which the file and its folder are as before."""
    before, beside = path.read_bytes(), sorted(os.listdir(path.parent))
    with pytest.raises(kind) as caught:
        open_catalog(str(path), create=create)
    assert type(caught.value) is kind
    assert path.read_bytes() == before
    assert sorted(os.listdir(path.parent)) == beside
    assert database.is_closed()
    return caught.value


# --- what is refused -------------------------------------------------------------------------------------


@pytest.mark.parametrize("create", [True, False])
@pytest.mark.parametrize("content", [b"", b"not a database, just a text\n" * 100, bytes(8192)])
def test_an_empty_file_a_text_and_zeros_are_refused_and_not_touched(
    tmp_path: Path, content: bytes, create: bool
) -> None:
    path = tmp_path / "reeld.db"
    path.write_bytes(content)
    message = str(_refused(path, CatalogCorrupt, create=create))
    assert str(path) in message
    assert "Nothing was changed" in message


@pytest.mark.parametrize("create", [True, False])
def test_the_database_of_another_program_is_refused_and_not_touched(tmp_path: Path, create: bool) -> None:
    path = tmp_path / "firefox.db"
    with contextlib.closing(sqlite3.connect(path)) as other, other:
        other.execute("CREATE TABLE bookmarks (url)")
    assert "belongs to another program" in str(_refused(path, CatalogCorrupt, create=create))


@pytest.mark.parametrize("create", [True, False])
def test_a_newer_schema_is_refused_with_what_to_do_and_not_touched(whole: Path, create: bool) -> None:
    with contextlib.closing(sqlite3.connect(whole)) as newer:
        newer.execute(f"PRAGMA user_version = {latest_version() + 1}")
    error = _refused(whole, CatalogTooNew, create=create)
    assert f"schema {latest_version() + 1}; this one knows {latest_version()}" in str(error)
    assert "install that version again" in str(error.hint)


@pytest.mark.parametrize("kept", [50, 100, 4096, 0.5, 0.99])
def test_a_catalogue_that_was_cut_short_is_refused_and_not_touched(whole: Path, kept: float) -> None:
    size = whole.stat().st_size
    os.truncate(whole, int(kept if kept > 1 else size * kept))
    _refused(whole, CatalogCorrupt)


@pytest.mark.parametrize("how", ["zeroed", "flipped"])
def test_a_catalogue_with_a_damaged_page_is_refused_and_not_touched(whole: Path, how: str) -> None:
    """Every page that holds a table or an index, one after the other."""
    content = whole.read_bytes()
    page_size = int.from_bytes(content[16:18], "big")
    for start in range(page_size, len(content), page_size):
        page = content[start : start + page_size]
        # Of a flipped page only the head is changed: SQLite has no sums over what a row says.
        worse = bytes(page_size) if how == "zeroed" else bytes(byte ^ 0xFF for byte in page[:12]) + page[12:]
        whole.write_bytes(content[:start] + worse + content[start + page_size :])
        assert "is damaged" in str(_refused(whole, CatalogCorrupt))


@pytest.mark.parametrize("how", ["killed", "a week ago", "the clock went back"])
def test_a_flipped_bit_is_found_after_a_disorderly_end_and_once_a_week(whole: Path, how: str) -> None:
    """A bit that flipped in an indexed text is found after a disorderly end and once a week.

    What a quick look does not see. Row 27.
    """
    change = {"killed": "is_open = 1", "a week ago": f"checked_at = '{_days_ago(7)}'"}
    with contextlib.closing(driver.connect(whole)) as connection, connection:
        set_to = change.get(how, f"checked_at = '{_days_ago(-1)}'")
        connection.execute(f"UPDATE catalog_health SET {set_to}")
    content = bytearray(whole.read_bytes())
    at = content.index(b"Film 33 (1933).mkv")
    content[at] ^= 0x20
    whole.write_bytes(content)
    assert "is damaged" in str(_refused(whole, CatalogCorrupt))


def test_an_orderly_end_is_noted_and_any_other_is_not(whole: Path) -> None:
    def is_open() -> bool:
        return rows(whole, "SELECT is_open FROM catalog_health") == [(1,)]

    assert not is_open()
    open_catalog(str(whole), create=True)
    assert is_open()
    close_catalog()
    assert not is_open()
    open_catalog(str(whole), create=True)
    with pytest.raises(CatalogCorrupt), reading():
        raise driver_error(driver.SQLITE_CORRUPT)
    close_catalog()
    assert is_open(), "whoever saw damage leaves it to the next to look closely"


def driver_error(code: int) -> driver.DatabaseError:
    error = driver.DatabaseError("database disk image is malformed")
    error.sqlite_errorcode = code
    return error


def _days_ago(days: float) -> str:
    return f"{datetime.now(UTC) - timedelta(days=days, minutes=1):%Y-%m-%dT%H:%M:%S.000Z}"


def test_an_older_schema_is_only_read_by_whoever_may_bring_it_up_to_date(whole: Path) -> None:
    with contextlib.closing(sqlite3.connect(whole)) as older:
        older.execute("PRAGMA user_version = 0")
    with pytest.raises(CatalogUnavailable, match="older reeld") as caught:
        open_catalog(str(whole), create=False)
    assert "reeld run" in str(caught.value.hint)


def test_looking_at_a_catalogue_that_is_not_there_makes_none(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no catalogue") as caught:
        open_catalog(str(tmp_path / "reeld.db"), create=False)
    assert "reeld run" in str(caught.value.hint)
    assert os.listdir(tmp_path) == []


def test_a_whole_catalogue_opens_again_with_all_it_held(whole: Path) -> None:
    assert open_catalog(str(whole), create=True) == []
    with reading():
        assert VideoFile.select().count() == 60
    close_catalog()
    assert open_catalog(str(whole), create=False) == []
    close_catalog()


def test_closing_folds_the_log_into_the_file(whole: Path) -> None:
    assert sorted(os.listdir(whole.parent)) == ["whole.db"]


# --- making ----------------------------------------------------------------------------------------------

_KILLED_WHILE_MAKING = """
import os, signal, sys
from peewee import SqliteDatabase
from reeld.database import connection as door

number, seen, execute = int(sys.argv[2]), 0, SqliteDatabase.execute_sql

def counting(self, *arguments, **options):
    global seen
    seen += 1
    if seen == number:
        os.kill(os.getpid(), signal.SIGKILL)
    return execute(self, *arguments, **options)

SqliteDatabase.execute_sql = counting
rename = os.rename
def renaming(*names):
    global seen
    seen += 1
    if seen == number:
        os.kill(os.getpid(), signal.SIGKILL)
    rename(*names)
os.rename = renaming
door.open_catalog(sys.argv[1], create=True)
print(seen)
"""


def _run(code: str, *arguments: str, is_humble: bool = False) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-W", "error", "-c", code, *arguments]
    if is_humble:
        command = humbly(command)
    path = os.pathsep.join([str(ROOT / "daemon"), str(ROOT)])
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True, timeout=150, check=False)


def test_killed_while_it_is_made_it_leaves_nothing_under_its_name(tmp_path: Path) -> None:
    """Killed while it is made leaves nothing under its name and the next start makes it."""
    undisturbed = _run(_KILLED_WHILE_MAKING, str(tmp_path / "undisturbed.db"), "0")
    assert undisturbed.returncode == 0, undisturbed.stderr
    steps = int(undisturbed.stdout)
    assert steps > 40
    path = tmp_path / "reeld.db"
    for number in (1, 3, 6, 9, steps // 2, steps - 1, steps):
        killed = _run(_KILLED_WHILE_MAKING, str(path), str(number))
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        if path.exists():  # once it has its name it is whole
            assert rows(path, "PRAGMA user_version") == [(latest_version(),)]
            assert rows(path, "PRAGMA application_id") == [(APPLICATION_ID,)]
            path.unlink()
    assert open_catalog(str(path), create=True) == []
    close_catalog()
    assert [name for name in os.listdir(tmp_path) if name.startswith("reeld.db")] == ["reeld.db"]


_OPEN = """
import json, sys
from reeld.database.connection import open_catalog
try:
    open_catalog(sys.argv[1], create=True)
except Exception as err:
    print(json.dumps([type(err).__name__, str(err), err.hint]))
"""


def _opened_without_privileges(path: Path) -> Any:
    for folder in (path.parent, *path.parent.parents[:-2]):
        os.chmod(folder, os.stat(folder).st_mode | 0o055)
    done = _run(_OPEN, str(path), is_humble=os.geteuid() == 0)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("exists", [True, False])
def test_a_folder_that_may_not_be_written_to_is_refused_with_what_to_do(tmp_path: Path, exists: bool) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    path = folder / "reeld.db"
    if exists:
        open_catalog(str(path), create=True)
        close_catalog()
        path.chmod(0o444)
    folder.chmod(0o555)
    kind, message, hint = _opened_without_privileges(path)
    folder.chmod(0o755)
    assert kind == "CatalogUnavailable"
    assert "for writing" in message or "cannot be created" in message
    assert "the right to write" in hint


def test_a_state_folder_that_cannot_be_made_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(CatalogUnavailable, match="cannot be created") as caught:
        open_catalog(str(tmp_path / "file" / "state" / "reeld.db"), create=True)
    assert "the right to write" in str(caught.value.hint)


def test_a_draft_that_a_full_disk_left_behind_does_not_stop_the_next_start(tmp_path: Path) -> None:
    (tmp_path / "reeld.db.new").write_bytes(b"half")
    open_catalog(str(tmp_path / "reeld.db"), create=True)
    close_catalog()
    assert os.listdir(tmp_path) == ["reeld.db"]


@pytest.mark.parametrize("create", [False, True])
def test_a_catalogue_in_a_folder_that_may_not_be_entered_is_not_called_gone(tmp_path: Path, create: bool) -> None:
    """It is said that it cannot be accessed, and no hint says how to begin an empty one."""
    path = tmp_path / "closed" / "reeld.db"
    path.parent.mkdir(mode=0o700)
    open_catalog(str(path), create=True)
    close_catalog()
    path.parent.chmod(0o000)
    try:
        with humble(), pytest.raises(CatalogUnavailable, match=r"cannot be accessed \(Permission denied\)") as caught:
            open_catalog(str(path), create=create)
    finally:
        path.parent.chmod(0o700)
    assert "as a member of [database] group" in str(caught.value.hint)
