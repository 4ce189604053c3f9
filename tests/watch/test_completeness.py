"""What do the witnesses say of real files, and do they hold anybody up?"""

import contextlib
import fcntl
import mmap
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from reeld.domain.files import FileStamp
from reeld.watch.completeness import MOUNTS_S, CheckResults, CompletenessChecks, ignore_broken_leases
from reeld.watch.mounts import Mount, all_mounts
from tests.watch.conftest import RunAsOther


@pytest.fixture(autouse=True)
def _no_broken_lease_kills_us() -> Iterator[None]:
    before = ignore_broken_leases()
    yield
    signal.signal(signal.SIGIO, cast("signal.Handlers", before))


@pytest.fixture
def film(library: str) -> Path:
    path = Path(library) / "film.mkv"
    path.write_bytes(b"film" * 50_000)
    return path


def ask(path: Path, *, asks_writer: bool = True, asks_holes: bool = True) -> tuple[str, str]:
    said = CompletenessChecks(asks_writer=asks_writer, asks_holes=asks_holes).ask(str(path))
    return said.writer, said.holes


# --- the writer ------------------------------------------------------------------------------------------


def test_a_file_that_nobody_has_open_is_free(film: Path) -> None:
    said = CompletenessChecks().ask(str(film))
    assert said == CheckResults(stamp=FileStamp.of(film.stat()), writer="none", holes="none")


def test_whoever_only_reads_is_no_writer(film: Path) -> None:
    with film.open("rb"):
        assert ask(film)[0] == "none"


@pytest.mark.parametrize("mode", ["r+b", "ab"])
def test_an_open_descriptor_is_a_writer_until_it_is_closed(film: Path, mode: str) -> None:
    with film.open(mode):
        assert ask(film)[0] == "some"
    assert ask(film)[0] == "none"


def test_a_writable_mapping_is_a_writer_also_after_its_descriptor_was_closed(film: Path) -> None:
    """Row 20. libtorrent 2 writes so."""
    with film.open("r+b") as file:
        mapped = mmap.mmap(file.fileno(), 0)
    assert ask(film)[0] == "some"
    mapped.close()
    assert ask(film)[0] == "none"


def test_a_lease_of_another_program_is_waited_for_and_not_broken_by_force(film: Path) -> None:
    with film.open("r+b") as file:
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        assert ask(film)[0] == "some"
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)


def test_no_lease_is_left_behind(film: Path) -> None:
    """I10."""
    for _ in range(100):
        ask(film)
    # With O_NONBLOCK a leased file is refused at once instead of waited for.
    os.close(os.open(film, os.O_WRONLY | os.O_NONBLOCK))
    assert not [line for line in Path("/proc/locks").read_text().splitlines() if f":{film.stat().st_ino} " in line]


def test_writers_that_come_while_they_are_asked_are_neither_refused_nor_do_they_kill(film: Path) -> None:
    """I10. A lease that is broken sends SIGIO, whose default is to end the process."""
    code = "import os, sys\nfor _ in range(20_000): os.close(os.open(sys.argv[1], os.O_WRONLY))\nprint('done')"
    with subprocess.Popen([sys.executable, "-c", code, str(film)], stdout=subprocess.PIPE) as writer:
        answers = set()
        while writer.poll() is None:
            answers.add(ask(film)[0])
        assert writer.communicate()[0] == b"done\n"
    assert answers <= {"none", "some"}


def test_nobody_is_asked_where_a_broken_lease_would_kill(film: Path) -> None:
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    assert ask(film)[0] == "unknown"


@pytest.mark.parametrize("fs_type", ["nfs4", "fuse.mergerfs", "overlay", None])
def test_a_grant_is_not_believed_where_others_may_write_unseen(film: Path, fs_type: str | None) -> None:
    """A grant is not believed where others write unseen or where the file system is not known."""
    mounts = [Mount(mount_point="/", fs_type=fs_type, source="x", device=(0, 1))] if fs_type else []
    with film.open("r+b"):
        assert CompletenessChecks(mounts=lambda: mounts).ask(str(film)).writer == "unknown"


def test_a_device_number_that_becomes_another_file_systems_is_noticed(film: Path) -> None:
    now = 100.0
    fs_type = "fuse.sshfs"

    def mounts() -> list[Mount]:
        return [Mount(mount_point="/", fs_type=fs_type, source="x", device=(0, 1))]

    completeness_checks = CompletenessChecks(mounts=mounts, monotonic=lambda: now)
    assert completeness_checks.ask(str(film)).writer == "unknown"
    fs_type = "ext4"
    now += MOUNTS_S
    assert completeness_checks.ask(str(film)).writer == "none"


def test_a_folder_of_ten_thousand_files_reads_the_mounts_once(film: Path) -> None:
    asked = []

    def mounts() -> list[Mount]:
        asked.append(1)
        return all_mounts()

    completeness_checks = CompletenessChecks(mounts=mounts, monotonic=lambda: 100.0)
    for _ in range(50):
        completeness_checks.ask(str(film))
    assert len(asked) == 1


@pytest.mark.needs_root
@pytest.mark.skipif(os.geteuid() != 0, reason="giving a file to another user needs root")
def test_whether_another_users_file_is_written_to_is_unknown_without_the_capability(
    film: Path, run_as_other: RunAsOther
) -> None:
    code = """
import json, sys
from reeld.watch.completeness import CompletenessChecks, ignore_broken_leases
ignore_broken_leases()
print(json.dumps([CompletenessChecks().ask(path).writer for path in sys.argv[1:]]))
"""
    own = film.with_name("own.mkv")
    own.write_bytes(b"own")
    os.chown(film, 12345, 12345)
    assert run_as_other(code, str(film), str(own)) == ["unknown", "none"]
    assert ask(film)[0] == "none", "with the capability it is known"


# --- holes -----------------------------------------------------------------------------------------------


def test_what_was_reserved_and_not_written_is_a_hole_until_it_is_written(library: str) -> None:
    path = Path(library) / "film.mkv"
    with path.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, 1 << 20)
    assert ask(path) == ("none", "some")
    path.write_bytes(b"x" * (1 << 20))
    assert ask(path) == ("none", "none")


def test_zeros_that_were_written_are_no_hole_and_an_empty_file_has_none(library: str) -> None:
    path = Path(library) / "film.mkv"
    path.write_bytes(bytes(1 << 20))
    assert ask(path)[1] == "none"
    path.write_bytes(b"")
    assert ask(path)[1] == "none"


# --- who is asked ----------------------------------------------------------------------------------------


def test_a_witness_that_is_switched_off_is_not_asked(film: Path) -> None:
    with film.open("r+b") as file:
        os.truncate(film, 1 << 20)
        assert ask(film, asks_writer=False) == ("not asked", "some")
        assert ask(film, asks_holes=False) == ("some", "not asked")
        assert ask(film, asks_writer=False, asks_holes=False) == ("not asked", "not asked")
        assert not file.closed


def test_what_may_not_be_opened_is_unknown(film: Path, run_as_other: RunAsOther) -> None:
    film.chmod(0)
    code = """
import sys
from reeld.watch.completeness import CompletenessChecks
print(f'"{CompletenessChecks().ask(sys.argv[1]).writer}"')
"""
    assert run_as_other(code, str(film)) == "unknown"
    assert CompletenessChecks().ask(str(film.parent / "gone.mkv")) == CheckResults(
        stamp=None, writer="unknown", holes="unknown"
    )


def test_what_is_no_file_blocks_nobody(library: str) -> None:
    """Row 37."""
    folder = Path(library)
    os.mkfifo(folder / "pipe.mkv")
    (folder / "folder.mkv").mkdir()
    (folder / "link.mkv").symlink_to("pipe.mkv")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "socket.mkv"))
        answered: list[tuple[str, str]] = []
        names = ("pipe.mkv", "folder.mkv", "link.mkv", "socket.mkv")
        asking = threading.Thread(target=lambda: answered.extend(ask(folder / name) for name in names), daemon=True)
        asking.start()
        asking.join(10)
    assert answered == [("unknown", "unknown")] * 4


@pytest.mark.needs_root
@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_the_witnesses_know_tmpfs(tmpfs: str) -> None:
    path = Path(tmpfs) / "film.mkv"
    path.write_bytes(b"film")
    os.truncate(path, 1 << 20)
    with contextlib.closing(path.open("r+b")):
        assert ask(path) == ("some", "some")
    assert ask(path) == ("none", "some")
