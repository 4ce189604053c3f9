"""Files are moved, copied, linked and exchanged beside the real daemon: does what is known follow the content?"""

import contextlib
import os
import shutil
import subprocess
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.scanner.test_moved_files import exchange
from tests.service.harness import Row, RunningDaemon, World, hash_of, new_world
from tests.videos import make_video

# A copy that was there before its original went waits for as long as a rename may take to be seen whole, and for a
# worker that sleeps.
PAIRING_S = 200.0

READING = ("probe", "hash")


@pytest.fixture(scope="module")
def running() -> Iterator[RunningDaemon]:
    with new_world() as world, RunningDaemon(world) as daemon:
        yield daemon


@pytest.fixture
def daemon(running: RunningDaemon) -> Iterator[RunningDaemon]:
    yield running
    running.assert_true()


@pytest.fixture
def folder(running: RunningDaemon, request: pytest.FixtureRequest) -> Path:
    path: Path = running.world.library / request.node.name[-60:]
    path.mkdir()
    return path


def present(world: World, path: Path) -> Row:
    """What `reeld show` says of the file that is at this path."""
    (row,) = world.rows("show", str(path))
    assert row["state"] == "present"
    return row


def identity(row: Row) -> tuple[object, ...]:
    return (row["id"], row["file_hash"], row["decided_by"], row["title"], row["first_seen_at"])


def films(daemon: RunningDaemon, *paths: Path, seed: int, decided: bool = True) -> list[Row]:
    """Make a video at each path; what is known of them once a person has said what each is."""
    mark = daemon.mark()
    for number, path in enumerate(paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        make_video(path, seed=seed + number)
    wait_until_finished(daemon, mark, *paths)
    for number, path in enumerate(paths if decided else ()):
        daemon.world.said("validate", str(path), "--movie", f"Film {seed + number}", "--year", "1999")
    return [present(daemon.world, path) for path in paths]


def wait_until_finished(daemon: RunningDaemon, mark: int, *paths: Path) -> None:
    """By the tables: the log writes a strange name as it can be read, which is another text."""
    daemon.wait_until(lambda: all(_is_finished(daemon.world, path) for path in paths), f"{paths} are known")
    assert daemon.find("stage.given_up", since=mark) is None


def _is_finished(world: World, path: Path) -> bool:
    rows = world.ask_database(
        "SELECT libraries.path, video_files.path, video_files.size_bytes FROM video_files JOIN libraries "
        "ON libraries.id = library_id LEFT JOIN jobs ON jobs.video_file_id = video_files.id "
        "WHERE video_files.state = 'present' AND file_hash IS NOT NULL AND NOT is_in_doubt AND jobs.id IS NULL"
    )
    known = {os.path.join(root, os.fsdecode(relative)): size for root, relative, size in rows}
    return known.get(str(path)) == path.stat().st_size


def assert_moved(daemon: RunningDaemon, mark: int, before: list[Row], after: list[Path]) -> None:
    """Each of these is at its new path with all that was known of it, and nothing was read again.

    But for its ends: a rename may cover up a rewrite of the moment before.
    """
    wait_until_finished(daemon, mark, *after)
    daemon.assert_true()
    rows = [present(daemon.world, path) for path in after]
    assert [identity(row) for row in rows] == [identity(row) for row in before]
    assert [stage for stage in READING if daemon.count("stage.finished", since=mark, stage=stage)] == []


# --- renames ---------------------------------------------------------------------------------------------


def test_a_swap_a_cycle_and_a_chain_across_folders_keep_every_identity(daemon: RunningDaemon, folder: Path) -> None:
    """I9."""
    swap = [folder / "a/Heat (1995).mkv", folder / "b/Ronin (1998).mkv"]
    cycle = [folder / f"{name}/Cycle {name} (1999).mkv" for name in "cde"]
    chain = [folder / f"{name}/Chain {name} (1999).mkv" for name in "fgh"]
    before = films(daemon, *swap, *cycle, *chain, seed=100)
    mark = daemon.mark()
    aside = daemon.world.root / "aside"
    os.rename(swap[0], aside)
    os.rename(swap[1], swap[0])
    os.rename(aside, swap[1])
    os.rename(cycle[2], aside)
    os.rename(cycle[1], cycle[2])
    os.rename(cycle[0], cycle[1])
    os.rename(aside, cycle[0])
    end = folder / "i/Chain i (1999).mkv"
    end.parent.mkdir()
    for source, target in zip(reversed(chain), reversed([*chain[1:], end]), strict=True):
        os.rename(source, target)
    assert_moved(daemon, mark, before, [swap[1], swap[0], cycle[1], cycle[2], cycle[0], *chain[1:], end])


@pytest.mark.parametrize(
    ("name", "renamed"),
    [
        ("Heat (1995).mkv", "HEAT (1995).mkv"),
        (unicodedata.normalize("NFC", "Amélie (2001).mkv"), unicodedata.normalize("NFD", "Amélie (2001).mkv")),
        ("Dune (2021).mkv", os.fsdecode(b"D\xfcne\n\xc4\xb0 (2021).mkv")),
        ("Up (2009).mkv", "U" * 251 + ".mkv"),
    ],
    ids=["case", "accents", "undecodable", "255 bytes"],
)
def test_a_rename_to_whatever_name_keeps_the_identity(
    running: RunningDaemon, tmp_path_factory: pytest.TempPathFactory, name: str, renamed: str
) -> None:
    """Row 19, I9."""
    folder = running.world.library / tmp_path_factory.mktemp("names").name
    before = films(running, folder / name, seed=120 + len(os.fsencode(renamed)))
    mark = running.mark()
    os.rename(folder / name, folder / renamed)
    assert_moved(running, mark, before, [folder / renamed])
    (link,) = present(running.world, folder / renamed)["history"]
    assert (link["event"], link["path"], link["path_before"]) == ("moved", str(folder / renamed), str(folder / name))
    text = running.world.said("show", str(before[0]["id"]))
    assert "moved from" in text
    assert "the same inode" in text


@pytest.mark.parametrize(
    "raw",
    [b"Am\xe9lie (2001).mkv", b"new\nline (2001).mkv", b"x" * 251 + b".mkv", "İ/ı (2001).mkv".encode()],
    ids=["undecodable", "newline", "255 bytes", "dotted I"],
)
def test_a_file_of_whatever_name_is_stored_shown_and_probed(daemon: RunningDaemon, folder: Path, raw: bytes) -> None:
    """Row 19."""
    path = folder / os.fsdecode(raw)
    (row,) = films(daemon, path, seed=300 + len(raw), decided=False)
    assert (row["path"], row["resolution_width"]) == (str(path), 64)
    assert row["file_hash"] == hash_of(path)


def test_a_folder_of_hundreds_of_files_is_renamed_without_reading_one(daemon: RunningDaemon, folder: Path) -> None:
    paths = [folder / "Show" / f"Show - S01E{number:03}.mkv" for number in range(1, 301)]
    before = films(daemon, *paths[:3], seed=400)
    content = paths[0].read_bytes()
    mark = daemon.mark()
    for path in paths[3:]:
        path.write_bytes(content + os.fsencode(path.name))
    wait_until_finished(daemon, mark, *paths)
    daemon.assert_true()
    ids = {row["path"]: row["id"] for row in daemon.world.rows("list", "files")}
    mark = daemon.mark()
    os.rename(folder / "Show", folder / "Renamed")
    renamed = [folder / "Renamed" / path.name for path in paths]
    assert_moved(daemon, mark, before, renamed[:3])
    after = {row["path"]: row["id"] for row in daemon.world.rows("list", "files")}
    assert [after[str(new)] for new in renamed] == [ids[str(old)] for old in paths]


def test_a_file_renamed_over_another_brings_its_row_along(daemon: RunningDaemon, folder: Path) -> None:
    """Row 22."""
    there, coming = folder / "Heat (1995).mkv", folder / "Heat 2160p (1995).mkv"
    old, new = films(daemon, there, coming, seed=130)
    mark = daemon.mark()
    os.replace(coming, there)
    assert_moved(daemon, mark, [new], [there])
    (gone,) = daemon.world.rows("show", str(old["id"]))
    assert (gone["state"], gone["decided_by"], gone["path"]) == ("missing", "user", str(there))
    assert [link["event"] for link in gone["history"]] == ["missing"]


def test_two_files_that_are_exchanged_at_once_keep_their_identities(daemon: RunningDaemon, folder: Path) -> None:
    """Row 22."""
    one, two = folder / "Heat (1995).mkv", folder / "Ronin (1998).mkv"
    before = films(daemon, one, two, seed=140)
    mark = daemon.mark()
    exchange(one, two)
    assert_moved(daemon, mark, before, [two, one])


def test_files_renamed_while_the_daemon_was_off_keep_their_identities(daemon: RunningDaemon, folder: Path) -> None:
    one, two = folder / "x/Heat (1995).mkv", folder / "y/Ronin (1998).mkv"
    before = films(daemon, one, two, seed=150)
    daemon.stop()
    exchange(one, two)
    os.rename(folder / "x", folder / "z")
    mark = daemon.mark()
    daemon.start()
    assert_moved(daemon, mark, before, [two, folder / "z" / one.name])


# --- links and copies ------------------------------------------------------------------------------------


def _reflink(source: Path, target: Path) -> None:
    # A copy where the file system cannot share: to reeld it is the same.
    subprocess.run(["cp", "--reflink=auto", source, target], check=True)


@pytest.mark.parametrize("duplicate", [os.link, _reflink, shutil.copyfile], ids=["link", "reflink", "copy"])
def test_one_content_at_several_paths_is_several_files_of_one_hash(
    running: RunningDaemon, tmp_path_factory: pytest.TempPathFactory, duplicate: Callable[[Path, Path], object]
) -> None:
    """Row 22."""
    folder = running.world.library / tmp_path_factory.mktemp("copies").name
    path, second = folder / "Heat (1995).mkv", folder / "again" / "Heat (1995).mkv"
    (before,) = films(running, path, seed=160 + len(folder.name))
    second.parent.mkdir()
    mark = running.mark()
    duplicate(path, second)
    wait_until_finished(running, mark, path, second)
    running.assert_true()
    one, two = present(running.world, path), present(running.world, second)
    assert identity(one) == identity(before)
    assert two["id"] != one["id"]
    assert two["file_hash"] == one["file_hash"]


@contextlib.contextmanager
def _tmpfs(path: Path) -> Iterator[None]:
    path.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "reeld-test", path], check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", path], check=True)


@pytest.fixture(scope="module")
def disk_health() -> Iterator[RunningDaemon]:
    """A daemon with two libraries, each in a folder of a disk of its own."""
    with new_world() as world, contextlib.ExitStack() as stack:
        for name in ("one", "two"):
            stack.enter_context(_tmpfs(world.root / name))
            (world.root / name / "films").mkdir()
        world.libraries = {name: world.root / name / "films" for name in ("one", "two")}
        world.write_config()
        yield stack.enter_context(RunningDaemon(world))


def _wait_until_paired(daemon: RunningDaemon, file_id: object, path: Path) -> Row:
    def is_there() -> bool:
        (row,) = daemon.world.rows("show", str(file_id))
        return (row["state"], row["path"]) == ("present", str(path))

    daemon.wait_until(is_there, f"file {file_id} is at {path}", timeout_s=PAIRING_S)
    return present(daemon.world, path)


@pytest.mark.needs_root
@pytest.mark.parametrize("decided", [True, False])
@pytest.mark.parametrize("is_copy_seen_first", [True, False])
def test_a_file_that_is_moved_to_another_disk_keeps_its_identity(
    disk_health: RunningDaemon, decided: bool, is_copy_seen_first: bool
) -> None:
    name = f"Heat {decided} {is_copy_seen_first} (1995).mkv"
    source, target = (library / name for library in disk_health.world.libraries.values())
    (before,) = films(disk_health, source, seed=170 + 2 * decided + is_copy_seen_first, decided=decided)
    mark = disk_health.mark()
    aside = disk_health.world.root / "two" / "aside"  # on the same disk, out of the library
    shutil.copyfile(source, aside)
    if is_copy_seen_first:
        os.rename(aside, target)
        wait_until_finished(disk_health, mark, target)
        assert present(disk_health.world, target)["id"] != before["id"]
        source.unlink()
    else:
        source.unlink()
        disk_health.wait_for("file.missing", since=mark)
        os.rename(aside, target)
    after = _wait_until_paired(disk_health, before["id"], target)
    assert identity(after) == identity(before)
    assert [link["event"] for link in after["history"]] == ["missing", "paired"]
    assert after["history"][-1]["path_before"] == str(source)
    disk_health.assert_true()
    assert [row for row in disk_health.world.rows("list", "files") if row["state"] == "missing"] == []


@pytest.mark.needs_root
def test_a_copy_of_a_file_whose_disk_is_away_is_another_file(disk_health: RunningDaemon) -> None:
    one, two = disk_health.world.libraries.values()
    source, target = one / "Ronin (1998).mkv", two / "Ronin (1998).mkv"
    (before,) = films(disk_health, source, seed=180, decided=False)
    backup = disk_health.world.root / "backup"
    shutil.copyfile(source, backup)
    mark = disk_health.mark()
    os.rename(one, one.with_name("away"))
    disk_health.wait_for("library.state_changed", since=mark, library="one", state="offline")
    shutil.copyfile(backup, target)
    wait_until_finished(disk_health, mark, target)
    copy = present(disk_health.world, target)
    assert copy["id"] != before["id"]
    assert identity(present(disk_health.world, source)) == identity(before)
    mark = disk_health.mark()
    os.rename(one.with_name("away"), one)
    disk_health.wait_for("library.state_changed", since=mark, library="one", state="online")
    disk_health.assert_true()
    assert identity(present(disk_health.world, source)) == identity(before)
    assert identity(present(disk_health.world, target)) == identity(copy)


# --- a rewrite that hides --------------------------------------------------------------------------------


def test_a_rewrite_in_place_that_puts_the_time_back_is_hashed_again(daemon: RunningDaemon, folder: Path) -> None:
    """I8."""
    path = folder / "Heat (1995).mkv"
    folder.mkdir(exist_ok=True)
    make_video(path, seed=190, padding_bytes=5 << 20)
    mark = daemon.mark()
    wait_until_finished(daemon, mark, path)
    before, status = present(daemon.world, path), path.stat()
    with open(path, "r+b") as file:
        file.seek(3 << 20)
        file.write(b"rewritten")
        os.utime(file.fileno(), ns=(status.st_atime_ns, status.st_mtime_ns))
    daemon.wait_until(
        lambda: present(daemon.world, path)["file_hash"] != before["file_hash"], "the hash is another one"
    )
    daemon.assert_true()
    after = present(daemon.world, path)
    assert (after["id"], after["file_hash"]) == (before["id"], hash_of(path))
    assert [link["event"] for link in after["history"]] == ["changed"]
