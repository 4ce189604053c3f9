"""Is a changed library taken over by a reload, with all that was known and all work that was left?"""

import contextlib
import shutil
import signal
import sqlite3
import sys
from collections.abc import Iterator

from tests.service.harness import RunningDaemon, World, new_world
from tests.videos import make_video


def test_a_library_with_other_rules_and_kind_is_taken_over_with_no_file_missing() -> None:
    """A library with other rules and another kind is taken over without a file called missing."""
    with new_world() as world:
        for seed, name in enumerate(("Heat (1995).mkv", "Alien (1979).avi", "Clue.mkv", "1917.2019.mkv")):
            make_video(world.library / name, seed=seed, padding_bytes=1 << 20)
        with RunningDaemon(world) as daemon:
            daemon.assert_true()
            for seed in range(10, 20):
                make_video(world.library / f"Film {seed} (1999).mkv", seed=seed, padding_bytes=1 << 20)
            mark = daemon.mark()
            world.library_extra = 'extensions = ["mkv"]\nignore = ["1917*"]\nkind = "series"\n'
            world.write_config()
            daemon.signal(signal.SIGHUP)
            daemon.wait_for("daemon.ready", since=mark)
            daemon.wait_until(lambda: len(world.rows("list", "ignored")) == 2, "two are left alone")
            # Those that had not settled before the reload have no job yet: all 14 must be there.
            is_done = "SELECT (SELECT count(*) FROM video_files), (SELECT count(*) FROM jobs)"
            daemon.wait_until(lambda: world.ask_database(is_done) == [(14, 0)], "no work is left")
            ignored = {row["path"]: row["reason"] for row in world.rows("list", "ignored")}
            assert "none of the library's extensions" in ignored[str(world.library / "Alien (1979).avi")]
            assert "1917*" in ignored[str(world.library / "1917.2019.mkv")]
            files = world.rows("list", "files")
            assert len(files) == 12
            assert {row["state"] for row in files} == {"present"}
            assert all(row["file_hash"] for row in files)
            assert daemon.find("file.missing") is None
            assert {row["kind"] for row in world.rows("list", "libraries")} == {"series"}

            world.library_extra = ""
            world.write_config()
            mark = daemon.mark()
            daemon.signal(signal.SIGHUP)
            daemon.wait_for("file.finished", since=mark, path="Alien (1979).avi")
            daemon.wait_for("file.finished", since=mark, path="1917.2019.mkv")
            daemon.assert_true()
            assert world.file(world.library / "Alien (1979).avi")["title"] == "Alien"
            assert world.file(world.library / "Heat (1995).mkv")["title"] == "Heat"


BY_ITSELF = (sys.executable, "-c", "import sys; del sys.argv[1:3]; from reeld.cli.app import main; main()")
"""`reeld` that is not told where its configuration lies, as a person starts it."""


def test_a_configuration_that_is_gone_at_a_reload_changes_nothing() -> None:
    """A file that is gone at a reload changes nothing and no other file or default takes its place.

    An editor or a checkout took it away for a moment. The defaults name the same catalogue, and
    no library.
    """
    with new_world(program=BY_ITSELF) as world:
        world.database = world.home / ".local" / "state" / "reeld" / "reeld.db"
        world.config = world.home / ".config" / "reeld" / "config.toml"
        world.config.parent.mkdir(parents=True)
        world.write_config()
        make_video(world.library / "Heat (1995).mkv")
        with RunningDaemon(world) as daemon:
            daemon.assert_true()
            aside = shutil.move(world.config, world.root / "aside.toml")
            daemon.signal(signal.SIGHUP)
            refused = daemon.wait_for("config.refused")
            assert str(world.config) in refused["reason"]
            assert "No such file or directory" in refused["reason"]
            assert world.ask_database("SELECT name, state FROM libraries") == [("L", "online")]
            shutil.move(aside, world.config)
            daemon.signal(signal.SIGHUP)
            daemon.wait_for("config.read", is_changed=False)


@contextlib.contextmanager
def _keeping_the_lock(world: World) -> Iterator[None]:
    """Another program writes to the catalogue, and takes its time."""
    with contextlib.closing(sqlite3.connect(world.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def test_a_reload_asked_for_while_the_start_waits_comes_after_it() -> None:
    """A reload that is asked for while the start waits for the catalogue comes after it."""
    with new_world() as world, RunningDaemon(world) as daemon:
        daemon.stop()
        with _keeping_the_lock(world):
            daemon.start(is_ready=False)
            daemon.wait_for("catalog.failed")
            world.libraries |= {"second": world.home}
            world.write_config()
            daemon.signal(signal.SIGHUP)
        daemon.wait_for("library.state_changed", library="second", state="online")
