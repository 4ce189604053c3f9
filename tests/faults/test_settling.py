"""Writers of every kind, each against the real daemon: nothing is taken for complete that is not, and nothing twice.

Rows 20, 21 and 37 of the fault matrix. A writer here pauses until the daemon says why it waits, which it does only
after the quiet period: however long that is, a pause ends by an event and not by a clock.
"""

import contextlib
import mmap
import os
import shutil
import socket
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.service.harness import Row, RunningDaemon, World, hash_of, new_world
from tests.videos import make_video, remux, video_bytes

DAY_H = 24.0
OPEN = "open for writing"
HOLES = "parts of it unwritten"


@pytest.fixture(scope="module")
def running() -> Iterator[RunningDaemon]:
    with new_world(patience_h=DAY_H) as world, RunningDaemon(world) as daemon:
        yield daemon


@pytest.fixture
def daemon(running: RunningDaemon) -> Iterator[RunningDaemon]:
    yield running
    running.assert_true()


@pytest.fixture
def library(running: RunningDaemon) -> Path:
    return running.world.library


def _void(size_bytes: int, seed: int) -> bytes:
    """A Matroska element that players skip. Anything else behind a film looks like one that was cut off."""
    return b"\xec" + (1 << 56 | size_bytes - 9).to_bytes(8) + bytes([1 + seed]) * (size_bytes - 9)


def _film(seed: int, size_bytes: int = 3_000_000) -> bytes:
    content = video_bytes("mkv", seed=seed)
    return content + _void(size_bytes - len(content), seed)


def _waiting(world: World) -> dict[str, Row]:
    return {wait["path"]: wait for library in world.rows("status")[0]["libraries"] for wait in library["waiting"]}


def _wait_for_objection(daemon: RunningDaemon, path: Path, words: str) -> None:
    def is_objected() -> bool:
        return words in _waiting(daemon.world).get(str(path), {"reason": ""})["reason"]

    daemon.wait_until(is_objected, f"{path.name} waits: {words}")


def _wait_for_end(daemon: RunningDaemon, path: Path, since: int = 0) -> None:
    daemon.wait_for("file.finished", path=str(path.relative_to(daemon.world.library)), since=since)


def _assert_taken_once(daemon: RunningDaemon, path: Path, *, since: int = 0) -> None:
    """One row, and no hash but that of the complete file: it settled once, and each stage was stored once."""
    _wait_for_end(daemon, path, since)
    name = str(path.relative_to(daemon.world.library))
    assert daemon.count("file.settled", path=name, since=since) == 1
    for stage in ("name", "fingerprint", "probe", "hash"):
        assert daemon.count("stage.finished", path=name, stage=stage, since=since) == 1, stage
    rows = [row for row in daemon.world.rows("list", "files") if row["path"] == str(path)]
    assert [row["file_hash"] for row in rows] == [hash_of(path)]


def _completeness(world: World, path: Path) -> Row:
    (row,) = world.rows("show", str(path))
    found: Row = row["completeness"]
    return found


# --- row 20: writers that pause --------------------------------------------------------------------------


def test_a_writer_that_pauses_with_the_file_open_is_waited_for(daemon: RunningDaemon, library: Path) -> None:
    """Row 20."""
    path, content = library / "Metropolis (1927).mkv", _film(1)
    with path.open("wb", buffering=0) as file:
        for begin in range(0, len(content), 1_000_000):
            file.write(content[begin : begin + 1_000_000])
            _wait_for_objection(daemon, path, OPEN)
    _assert_taken_once(daemon, path)
    assert _completeness(daemon.world, path) == {"quiet_s": 0.3, "writer": "none", "holes": "none", "end": "there"}


def test_space_that_was_reserved_is_no_film_yet(daemon: RunningDaemon, library: Path) -> None:
    """Row 20. The writer reserves all of it, holds the file, closes it half-way, and comes back for the rest."""
    path, content = library / "Nosferatu (1922).mkv", _film(2)
    with path.open("wb", buffering=0) as file:
        os.posix_fallocate(file.fileno(), 0, len(content))
        file.write(content[:1_500_000])
        _wait_for_objection(daemon, path, OPEN)
    _wait_for_objection(daemon, path, HOLES)
    with path.open("r+b") as file:
        file.seek(1_500_000)
        file.write(content[1_500_000:])
    _assert_taken_once(daemon, path)


def test_a_mapping_may_be_written_to_also_after_its_descriptor_was_closed(daemon: RunningDaemon, library: Path) -> None:
    """Row 20. libtorrent 2 writes so; the bytes that come through the mapping change no time until it is synced."""
    path, content = library / "Faust (1926).mkv", _film(3)
    with path.open("w+b") as file:
        file.write(bytes(len(content)))
        file.flush()
        mapped = mmap.mmap(file.fileno(), len(content))
    _wait_for_objection(daemon, path, OPEN)
    mapped[:] = content
    _wait_for_objection(daemon, path, OPEN)
    mapped.close()
    _assert_taken_once(daemon, path)


def test_a_file_that_is_opened_anew_for_each_piece_is_complete_with_the_last(
    daemon: RunningDaemon, library: Path
) -> None:
    """Row 20. Between two pieces nobody has it open: only the hole tells."""
    path, content = library / "Sunrise (1927).mkv", _film(4)
    with path.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, len(content))
    for begin in reversed(range(0, len(content), 1_000_000)):
        _wait_for_objection(daemon, path, HOLES)
        with path.open("r+b") as file:
            file.seek(begin)
            file.write(content[begin : begin + 1_000_000])
    _assert_taken_once(daemon, path)


def test_a_file_that_begins_with_zeros_is_waited_for_though_nothing_else_tells(
    daemon: RunningDaemon, library: Path
) -> None:
    """Row 20. All of it was written as zeros, and is opened anew for each piece; the first piece comes last."""
    path, content = library / "Greed (1924).mkv", _film(5)
    path.write_bytes(bytes(len(content)))
    daemon.wait_for("file.incomplete", path=path.name)
    assert "waits for the rest" in daemon.world.file(path)["reason"]
    path.write_bytes(content)
    _wait_for_end(daemon, path)
    assert daemon.count("stage.finished", path=path.name, stage="hash") == 1
    assert daemon.world.file(path)["file_hash"] == hash_of(path)


def test_a_download_counts_from_its_last_rename_on(daemon: RunningDaemon, library: Path) -> None:
    """Row 20. `.part`, as browsers and yt-dlp name it."""
    path, content = library / "Dracula (1931).mkv", _film(6)
    partial = path.with_name(path.name + ".part")
    partial.write_bytes(content[:1_000_000])
    other = make_video(library / "Freaks (1932).mkv", seed=60)
    _wait_for_end(daemon, other)  # a quiet period and more
    with partial.open("ab") as file:
        file.write(content[1_000_000:])
    os.rename(partial, path)
    _assert_taken_once(daemon, path)
    assert daemon.count("file.settled", path=partial.name) == 0


def test_a_download_that_is_renamed_before_it_is_closed_is_still_being_written(
    daemon: RunningDaemon, library: Path
) -> None:
    """Row 20. qBittorrent takes `.!qB` away and closes the file after that."""
    path, content = library / "Vampyr (1932).mkv", _film(7)
    partial = path.with_name(path.name + ".!qB")
    with partial.open("wb", buffering=0) as file:
        file.write(content[:2_000_000])
        os.rename(partial, path)
        _wait_for_objection(daemon, path, OPEN)
        file.write(content[2_000_000:])
    _assert_taken_once(daemon, path)


def _rsync(source: Path, target: Path) -> None:
    if shutil.which("rsync") is not None:
        subprocess.run(["rsync", "--archive", str(source), str(target)], check=True)
        return
    # What it does, by its own system calls.
    temporary = target.with_name(f".{target.name}.Ab3dE9")
    descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        file.write(source.read_bytes())
    status = source.stat()
    os.utime(temporary, ns=(status.st_mtime_ns, status.st_mtime_ns))
    temporary.chmod(stat.S_IMODE(status.st_mode))
    os.rename(temporary, target)


def test_a_copy_by_rsync_is_taken_under_its_last_name(daemon: RunningDaemon, library: Path) -> None:
    """Row 20. Its times are those of the source: an old file, that came just now."""
    source = daemon.world.root / "M (1931).mkv"
    source.write_bytes(_film(8))
    os.utime(source, (1_000_000_000, 1_000_000_000))
    _rsync(source, library / source.name)
    _assert_taken_once(daemon, library / source.name)
    assert {row["path"] for row in daemon.log if row["event"] == "file.settled" and "M (1931)" in row["path"]} == {
        source.name
    }


def test_a_rewrite_that_puts_the_time_back_while_it_settles_is_one_more_change(
    daemon: RunningDaemon, library: Path
) -> None:
    """Row 20. Only ctime tells."""
    path = library / "Ben-Hur (1925).mkv"
    with path.open("w+b", buffering=0) as file:
        file.write(_film(9))
        _wait_for_objection(daemon, path, OPEN)
        mtime_ns = path.stat().st_mtime_ns
        file.seek(0)
        file.write(_film(10))
        os.utime(file.fileno(), ns=(mtime_ns, mtime_ns))
    _assert_taken_once(daemon, path)
    assert path.stat().st_mtime_ns == mtime_ns


def test_a_file_that_grows_later_keeps_its_row_and_what_a_person_said(daemon: RunningDaemon, library: Path) -> None:
    """Row 20. As a recording that goes on the next day."""
    path = library / "holiday.mkv"
    path.write_bytes(_film(11))
    _wait_for_end(daemon, path)
    daemon.world.said("validate", str(path), "--movie", "Our Holidays", "--year", "1999")
    before, mark = daemon.world.file(path), daemon.mark()
    with path.open("ab") as file:
        file.write(_void(100_000, 12))
    _assert_taken_once(daemon, path, since=mark)
    after = daemon.world.file(path)
    assert after["file_hash"] != before["file_hash"]
    names = ("id", "title", "year", "verdict", "decided_by")
    assert {name: after[name] for name in names} == {name: before[name] for name in names}
    assert after["decided_by"] == "user"


def test_a_writer_that_outlives_a_restart_is_still_waited_for() -> None:
    """Row 20. The file lies there unchanged for long when the daemon starts, and somebody has it open."""
    with new_world(patience_h=DAY_H) as world:
        path = world.library / "Pandora's Box (1929).mkv"
        with path.open("wb", buffering=0) as file, RunningDaemon(world) as daemon:
            file.write(_film(12)[:2_000_000])
            _wait_for_objection(daemon, path, OPEN)
            daemon.restart()
            _wait_for_objection(daemon, path, OPEN)
            assert world.said("status").count(f"{path} ({OPEN} for ") == 1
            file.write(_film(12)[2_000_000:])
            file.close()
            _assert_taken_once(daemon, path)
            daemon.assert_true()


# --- row 20: what only the container's end tells ---------------------------------------------------------


def test_a_copy_that_was_killed_waits_and_goes_on_when_the_rest_comes() -> None:
    """Row 20. No process, no hole and no name tells; the container does."""
    with new_world(patience_h=DAY_H) as world, RunningDaemon(world) as daemon:
        path, content = world.library / "Casablanca (1942).mp4", video_bytes("mp4", seed=13)
        path.write_bytes(content[: len(content) * 3 // 4])
        daemon.wait_for("file.incomplete", path=path.name)
        row = world.file(path)
        assert (row["file_hash"], row["container"], row["stage"]) == (None, None, "probe")
        assert row["title"] == "Casablanca", "its name is known, and that it is not whole"
        assert "24 h" in row["reason"]
        daemon.restart()
        path.write_bytes(content)
        daemon.assert_true()
        assert world.file(path)["kind"] == "movie"
        assert daemon.count("stage.finished", path=path.name, stage="hash") == 1
        assert _completeness(world, path)["end"] == "there"


def test_a_copy_that_was_killed_is_called_truncated_once_nobody_came_back() -> None:
    """Row 20."""
    with new_world(patience_h=3 / 3600) as world, RunningDaemon(world) as daemon:
        path, content = world.library / "Casablanca (1942).mp4", video_bytes("mp4", seed=14)
        # The first file waits for the child processes to start, perhaps longer than the patience lasts.
        (world.library / "Rebecca (1940).mp4").write_bytes(content)
        daemon.assert_true()
        path.write_bytes(content[: len(content) * 3 // 4])
        daemon.wait_for("file.incomplete", path=path.name)
        daemon.assert_true()
        (row,) = world.rows("show", str(path))
        assert row["reason"].startswith("truncated")
        assert row["completeness"]["end"] == "missing"
        assert "ends before its container does" in world.said("show", str(path))
        assert daemon.find("stage.failed") is None, "waiting is no failure"


def test_a_stream_that_states_no_size_is_complete_once_it_is_quiet(daemon: RunningDaemon, library: Path) -> None:
    """A film that was written to a pipe, or recorded until it was stopped, has no end to miss."""
    films = {
        "Stagecoach (1939).mkv": remux("matroska", to_pipe=True),
        "Rebecca (1940).avi": remux("avi", to_pipe=True),
        "Suspicion (1941).mkv": remux("mpegts") + b"G" + bytes(50),
    }
    for name, content in films.items():
        (library / name).write_bytes(content)
    for name in films:
        _assert_taken_once(daemon, library / name)
        (row,) = daemon.world.rows("show", str(library / name))
        assert (row["completeness"]["end"], row["reason"]) == ("unknown", None)
        assert row["duration_ms"]


def test_a_file_with_holes_is_taken_once_nobody_filled_them_and_says_so() -> None:
    """Row 20. `rsync --sparse` leaves complete files like this one."""
    with new_world(patience_h=2 / 3600) as world, RunningDaemon(world) as daemon:
        path = world.library / "Rebecca (1940).mkv"
        path.write_bytes(video_bytes("mkv", seed=15))
        os.truncate(path, 3_000_000)
        _wait_for_objection(daemon, path, HOLES)
        daemon.assert_true()
        assert _completeness(world, path)["holes"] == "some"
        assert "has holes" in world.said("show", str(path))


def test_each_witness_can_be_switched_off() -> None:
    """Row 20."""
    with new_world(patience_h=DAY_H) as world:
        off = "open_for_writing = false\nholes = false\ncontainer_end = false"
        world.config.write_text(world.config.read_text().replace("[settle]", f"[settle]\n{off}"))
        path, content = world.library / "Gilda (1946).mp4", video_bytes("mp4", seed=16)
        with path.open("wb") as file, RunningDaemon(world) as daemon:
            file.write(content[: len(content) * 3 // 4])
            file.truncate(3_000_000)
            file.flush()
            daemon.assert_true()
            seen = _completeness(world, path)
            assert (seen["writer"], seen["holes"]) == ("not asked", "not asked")


def test_one_pass_leaves_what_is_not_complete_for_the_next() -> None:
    """Row 20. And does not wait for a day."""
    with new_world(patience_h=DAY_H) as world:
        short, content = world.library / "Casablanca (1942).mp4", video_bytes("mp4", seed=17)
        short.write_bytes(content[: len(content) * 3 // 4])
        held, complete = world.library / "Laura (1944).mkv", make_video(world.library / "Rope (1948).mkv", seed=18)
        with held.open("wb", buffering=0) as file:
            file.write(_film(19)[:1_000_000])
            (summary,) = world.rows("scan")
            assert sorted(summary["unsettled"]) == [str(short), str(held)]
            assert world.file(complete)["file_hash"] == hash_of(complete)
            assert world.file(short)["file_hash"] is None
            assert [row for row in world.rows("list", "files") if row["path"] == str(held)] == []
            file.write(_film(19)[1_000_000:])
        short.write_bytes(content)
        (summary,) = world.rows("scan")
        assert summary["unsettled"] == []
        assert {world.file(path)["file_hash"] for path in (short, held)} == {hash_of(short), hash_of(held)}


# --- without the capability ------------------------------------------------------------------------------


@pytest.mark.needs_root
@pytest.mark.skipif(os.geteuid() != 0, reason="giving a file to another user needs root")
def test_without_the_capability_another_users_writer_holds_nothing_up() -> None:
    """Without the capability the writer of another users file is unknown and holds nothing up."""
    with new_world(patience_h=DAY_H, is_humble=True) as world, RunningDaemon(world) as daemon:
        theirs, ours = world.library / "Laura (1944).mkv", world.library / "Gilda (1946).mkv"
        with theirs.open("wb", buffering=0) as their_file, ours.open("wb", buffering=0) as our_file:
            os.fchown(their_file.fileno(), 12345, 12345)
            their_file.write(_film(20))
            our_file.write(_film(21))
            _wait_for_end(daemon, theirs)
            _wait_for_objection(daemon, ours, OPEN)
            assert _completeness(world, theirs)["writer"] == "unknown"
            assert "a writer cannot be ruled out" in world.said("show", str(theirs))
        daemon.assert_true()


# --- row 21: while it is hashed --------------------------------------------------------------------------


def _replace(path: Path) -> None:
    other = path.with_name("other.new")
    other.write_bytes(_film(30))
    os.replace(other, path)


def _truncate(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(500_000)


def _overwrite(path: Path) -> None:
    status = path.stat()
    with path.open("r+b") as file:
        file.seek(1 << 29)
        file.write(b"other bytes")
    os.utime(path, ns=(status.st_mtime_ns, status.st_mtime_ns))
    os.truncate(path, 600_000_000)


@pytest.mark.parametrize("happen", [_replace, _truncate, _overwrite])
def test_what_was_hashed_of_a_file_that_changed_meanwhile_is_thrown_away(happen: Callable[[Path], None]) -> None:
    """Row 21. I8."""
    with new_world() as world, RunningDaemon(world) as daemon:
        path = make_video(world.library / "Napoleon (1927).mkv", seed=31)
        os.truncate(path, 16 << 30)  # nothing of it is on the disk, yet hashing takes many seconds
        daemon.wait_for("stage.finished", stage="probe", path=path.name)
        before = world.file(path)
        happen(path)
        daemon.wait_for("file.changed", stage="hash", path=path.name)
        daemon.assert_true()
        assert daemon.count("stage.finished", stage="hash", path=path.name) == 1
        after = world.file(path)
        assert (after["id"], after["file_hash"]) == (before["id"], hash_of(path))


# --- row 37: what is no file -----------------------------------------------------------------------------


@pytest.mark.needs_root
@pytest.mark.skipif(os.geteuid() != 0, reason="making a device node needs root")
def test_devices_pipes_and_sockets_named_like_videos_hold_nobody_up(daemon: RunningDaemon, library: Path) -> None:
    """Row 37."""
    odd = library / "odd"
    odd.mkdir()
    os.mkfifo(odd / "pipe.mkv")
    os.mknod(odd / "terminal.mkv", stat.S_IFCHR | 0o666, os.makedev(5, 0))
    os.mknod(odd / "disk.mkv", stat.S_IFBLK | 0o666, os.makedev(7, 255))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(odd / "socket.mkv"))
        film = make_video(odd / "Rope (1948).mkv", seed=40)
        _wait_for_end(daemon, film)
    assert [row["path"] for row in daemon.world.rows("list", "files") if "/odd/" in row["path"]] == [str(film)]


def test_a_file_that_becomes_a_pipe_while_it_settles_is_forgotten(daemon: RunningDaemon, library: Path) -> None:
    """Row 37."""
    path = library / "Rififi (1955).mkv"
    with path.open("wb", buffering=0) as file:
        file.write(_film(41))
        _wait_for_objection(daemon, path, OPEN)
        path.unlink()
        os.mkfifo(path)
    daemon.wait_until(lambda: str(path) not in _waiting(daemon.world), "nobody waits for a pipe")
    assert daemon.find("file.settled", path=path.name) is None
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
