"""Can the user that reeld runs as go on with what root put beside the catalogue?"""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reeld.catalog.export import export
from reeld.catalog.import_ import import_catalog
from reeld.database.backup import save_backup
from reeld.database.connection import close_catalog, maintaining, open_catalog
from reeld.database.file_owner import give_to_owner, make_folder
from reeld.database.restore import restore
from reeld.service.instance_lock import InstanceLock
from tests.catalog.test_export_import import lines_of

AT = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)

SERVICE = 64_999
"""Of no user that a machine has."""


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A folder of the service's user, as systemd makes it."""
    folder = tmp_path / "state"
    folder.mkdir()
    try:
        os.chown(folder, SERVICE, SERVICE)
    except PermissionError as error:
        pytest.skip(f"giving a folder away needs root: {error}")
    return folder


def begin(catalog: str, _other: str) -> None:
    open_catalog(catalog, create=True)
    save_backup(maintaining, catalog, AT)
    close_catalog()


def requeue(catalog: str, other: str) -> None:
    begin(other, catalog)
    restore(catalog, other, AT)


def take_in(catalog: str, other: str) -> None:
    open_catalog(other, create=True)
    lines = lines_of(export())
    close_catalog()
    import_catalog(lines, catalog)


@pytest.mark.needs_root
@pytest.mark.parametrize("do", [begin, requeue, take_in])
@pytest.mark.parametrize("deeper", ["", "a/b"])
def test_what_root_puts_there_belongs_to_whoever_owns_the_folder(
    mine: Path, tmp_path: Path, do: Callable[[str, str], None], deeper: str
) -> None:
    catalog = mine / deeper / "reeld.db"
    with InstanceLock(str(catalog)):
        do(str(catalog), str(tmp_path / "roots" / "reeld.db"))
    found = {path.relative_to(mine).as_posix(): (path.stat().st_uid, path.stat().st_gid) for path in mine.rglob("*")}
    assert found.keys() >= {(Path(deeper) / name).as_posix() for name in ("reeld.db", "reeld.db.lock")}
    assert set(found.values()) == {(SERVICE, SERVICE)}, found


@pytest.mark.needs_root
def test_nothing_that_a_link_leads_to_is_given_away(mine: Path, tmp_path: Path) -> None:
    roots = tmp_path / "roots"
    roots.touch()
    (mine / "reeld.db.lock").symlink_to(roots)
    with InstanceLock(str(mine / "reeld.db")):
        pass
    give_to_owner(str(mine / "reeld.db.lock"), str(mine))
    assert roots.stat().st_uid == 0


def test_the_folders_that_were_made_are_told(tmp_path: Path) -> None:
    assert make_folder(str(tmp_path / "a" / "b")) == [str(tmp_path / "a" / "b"), str(tmp_path / "a")]
    assert make_folder(str(tmp_path / "a" / "b")) == []
