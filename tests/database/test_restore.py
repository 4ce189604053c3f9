"""Does going back to a backup ever leave neither the old catalogue nor the new one?"""

import contextlib
import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from peewee import sqlite3

from reeld.database.backup import save_backup
from reeld.database.connection import close_catalog, maintaining, open_catalog
from reeld.database.migrate import latest_version
from reeld.database.restore import restore
from reeld.errors import BackupFailed, CatalogCorrupt, CatalogGone, CatalogTooNew, NotFoundError, ReeldError, UsageError
from tests.catalog.rows import add_file, add_libraries, rows
from tests.database.test_backup import commands_of, type_in
from tests.privileges import humble
from tests.service.harness import RunningDaemon, World, new_world
from tests.videos import make_video

AT = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)

COUNT = "SELECT count(*) FROM video_files"


@pytest.fixture
def backup(catalog: Path) -> Path:
    """Of a catalogue with one file, to which two were added since; the process that did it was killed."""
    (library_id,) = add_libraries("Films")
    add_file(library_id, "Heat (1995).mkv")
    made = Path(save_backup(maintaining, str(catalog), AT).path)
    add_file(library_id, "Alien (1979).mkv")
    add_file(library_id, "xkcd.mkv")
    killed = catalog.parent / "killed"
    killed.mkdir()
    for path in catalog.parent.glob("reeld.db*"):
        shutil.copy(path, killed)
    close_catalog()
    for path in killed.iterdir():
        shutil.move(path, catalog.parent / path.name)
    killed.rmdir()
    assert (catalog.parent / "reeld.db-wal").stat().st_size > 0
    return made


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_backup_takes_the_place_and_what_was_there_lies_aside_with_its_log(catalog: Path, backup: Path) -> None:
    before, saved = everything(catalog.parent), backup.read_bytes()
    aside = restore(str(catalog), str(backup), AT)
    assert aside == str(catalog.parent / "replaced-20261123T150000Z")
    assert everything(Path(aside)) == {name: before[name] for name in ("reeld.db", "reeld.db-wal", "reeld.db-shm")}
    assert rows(catalog, COUNT) == [(1,)]
    assert backup.read_bytes() == saved
    assert open_catalog(str(catalog), create=True) == []
    close_catalog()
    assert restore(str(catalog), str(backup), AT) == f"{aside}-2", "nothing of before is ever overwritten"


def test_there_is_a_way_back_from_the_way_back(catalog: Path, backup: Path) -> None:
    """Also of what was only in the log, and does not lie in the file itself."""
    aside = restore(str(catalog), str(backup), AT)
    restore(str(catalog), os.path.join(str(aside), "reeld.db"), AT)
    assert rows(catalog, COUNT) == [(3,)]


def test_a_backup_that_may_not_be_read_is_not_said_to_be_damaged(catalog: Path, backup: Path) -> None:
    before = everything(catalog.parent)
    backup.chmod(0)
    with humble(), pytest.raises(NotFoundError, match=r"cannot be read \(Permission denied\)") as caught:
        restore(str(catalog), str(backup), AT)
    assert "check its rights" in str(caught.value.hint)
    assert everything(catalog.parent) == before


def test_where_the_catalogue_is_gone_nothing_is_moved(catalog: Path, backup: Path) -> None:
    for path in catalog.parent.glob("reeld.db*"):
        path.unlink()
    assert restore(str(catalog), str(backup), AT) is None
    assert rows(catalog, COUNT) == [(1,)]


KILLED = """
import os, sys
from datetime import UTC, datetime
from reeld.database.restore import restore
steps = int(sys.argv[1])
def dying(do):
    def step(*arguments, **named):
        global steps
        if steps == 0:
            os._exit(9)
        steps -= 1
        return do(*arguments, **named)
    return step
for name in ("rename", "mkdir", "fsync", "chown"):
    setattr(os, name, dying(getattr(os, name)))
restore(sys.argv[2], sys.argv[3], datetime(2026, 11, 23, 15, 0, tzinfo=UTC))
"""


def test_killed_between_any_two_steps_nothing_is_lost_and_it_can_be_done_again(
    catalog: Path, backup: Path, tmp_path: Path
) -> None:
    """Killed between any two steps nothing is lost nothing begins anew and it can be done again."""
    before = everything(catalog.parent)
    at_the_start = {name: content for name, content in before.items() if name.startswith("reeld.db")}
    for steps in range(100):
        folder = tmp_path / str(steps) / "state"
        shutil.copytree(catalog.parent, folder)
        mine, own_backup = folder / "reeld.db", folder / backup.relative_to(catalog.parent)
        command = [sys.executable, "-c", KILLED, str(steps), str(mine), str(own_backup)]
        done = subprocess.run(command, check=False)
        if done.returncode == 0:
            break
        assert done.returncode == 9
        found = everything(folder)
        assert all(content in found.values() for content in before.values()), "every byte is somewhere"
        if mine.exists():
            is_old = (folder / "reeld.db-wal").exists()
            looked_at = shutil.copytree(folder, tmp_path / f"{steps} looked at")
            assert rows(looked_at / "reeld.db", COUNT) == ([(3,)] if is_old else [(1,)]), (
                "never the old without its log"
            )
        else:
            with pytest.raises(CatalogGone):
                open_catalog(str(mine), create=True)
        restore(str(mine), str(own_backup), AT)
        assert rows(mine, COUNT) == [(1,)]
        old = [aside for each in folder.glob("replaced-*") if len(aside := everything(each)) > 1]
        assert old == [at_the_start], "what belongs together lies together"
    assert steps > 8, "it was killed at every step"


def test_an_interrupted_one_is_said_with_the_command_that_ends_it(catalog: Path, backup: Path) -> None:
    for path in catalog.parent.glob("reeld.db*"):
        path.unlink()
    draft = Path(shutil.copy(backup, f"{catalog}.restoring"))
    backup.unlink()
    with pytest.raises(CatalogGone, match="interrupted") as caught:
        open_catalog(str(catalog), create=True)
    (command,) = commands_of(str(caught.value.hint))
    type_in(command, catalog.parent.parent / "home")
    assert rows(catalog, COUNT) == [(1,)]
    assert not draft.exists()


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096 * 3 : 4096 * 9] = b"\xff" * 4096 * 6
    path.write_bytes(content)


def make_newer(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as newer:
        newer.execute(f"PRAGMA user_version = {latest_version() + 1}")


def make_foreign(path: Path) -> None:
    path.unlink()
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE a (b)")


@pytest.mark.parametrize(
    ("spoil", "error", "words"),
    [
        (damage, CatalogCorrupt, "is damaged"),
        (make_newer, CatalogTooNew, "made by a newer reeld.*install that version"),
        (make_foreign, CatalogCorrupt, "belongs to another program"),
        (lambda path: path.write_bytes(b""), CatalogCorrupt, "belongs to another program"),
        (lambda path: path.write_bytes(b"no database" * 1000), CatalogCorrupt, "is damaged"),
        (lambda path: path.unlink(), NotFoundError, "there is no backup.*reeld list backups"),
    ],
)  # fmt: skip
def test_a_backup_that_is_none_is_refused_and_nothing_changes(
    catalog: Path, backup: Path, spoil: object, error: type[ReeldError], words: str
) -> None:
    assert callable(spoil)
    spoil(backup)
    before = everything(catalog.parent)
    with pytest.raises(error) as caught:
        restore(str(catalog), str(backup), AT)
    assert re.search(words, caught.value.with_hint)
    assert everything(catalog.parent) == before


def test_the_catalogue_is_no_backup_of_itself(catalog: Path, backup: Path) -> None:
    with pytest.raises(UsageError, match="the catalogue itself"):
        restore(str(catalog), str(catalog), AT)


def test_what_a_kill_left_of_a_copy_is_cleared_away_by_the_next_try(catalog: Path, backup: Path) -> None:
    (catalog.parent / "reeld.db.restoring.part").write_bytes(b"half")
    restore(str(catalog), str(backup), AT)
    assert not list(catalog.parent.glob("*.part*"))


def test_where_there_is_no_room_or_right_nothing_changes(catalog: Path, backup: Path) -> None:
    (catalog.parent / "reeld.db.restoring.part").mkdir()
    before = everything(catalog.parent)
    with pytest.raises(BackupFailed):
        restore(str(catalog), str(backup), AT)
    assert everything(catalog.parent) == before


# --- the command -----------------------------------------------------------------------------------------


def test_a_person_lists_the_backups_and_goes_back_to_one_once_reeld_is_stopped() -> None:
    with new_world() as world:
        make_video(world.library / "Heat (1995).mkv", seed=1)
        assert world.reeld("scan").returncode == 0
        (listed,) = world.rows("list", "backups")
        assert listed.keys() == {"path", "made_at", "schema", "size_bytes", "is_rescued"}
        assert listed["schema"] == latest_version()
        assert listed["path"] in world.said("list", "backups")
        with RunningDaemon(World(root=world.root)) as daemon:
            make_video(world.library / "Alien (1979).mkv", seed=2)
            daemon.assert_true()
            refused = world.reeld("restore-backup", listed["path"])
            assert refused.returncode == os.EX_TEMPFAIL
            assert b"stop it first" in refused.stderr
            daemon.stop()
            (done,) = world.rows("restore-backup", listed["path"])
            assert done.keys() == {"database", "backup", "moved_to"}
            assert len(world.rows("list", "movies")) == 1
            assert (Path(done["moved_to"]) / "reeld.db").exists()
            daemon.start()
            daemon.assert_true()
            assert len(world.rows("list", "movies")) == 2
            daemon.stop()
        world.database.write_bytes(b"damaged")
        assert listed in world.rows("list", "backups"), "also while the catalogue cannot be opened"
