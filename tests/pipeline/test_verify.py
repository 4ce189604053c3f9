"""What is said of a file that is read again: of a damaged one that it is damaged, and of no other one."""

import errno
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace as replaced
from pathlib import Path

import pytest
import xxhash

from reeld.domain.files import FileStamp
from reeld.domain.records import FileRecord
from reeld.domain.verification import Comparison, LeftAlone, Result
from reeld.errors import Interrupted
from reeld.pipeline.verify import CHANGED, GONE, TOUCHED, WRITTEN, Verifier
from tests import fuse
from tests.fuse import fuse_disk
from tests.videos import flip

MIB = 1 << 20

BYTES = bytes(range(256)) * (5 * MIB // 256) + b"the end"
"""Several reads of 2 MiB, and an end that is no whole block."""

Meanwhile = Callable[[Path], object]


def known(path: Path) -> FileRecord:
    """The file as its row has it, whose hash was made of what is there now."""
    return FileRecord(
        id=1,
        library_path=str(path.parent),
        library_kind="auto",
        path=path.name,
        stamp=FileStamp.of(path.stat()),
        file_hash=xxhash.xxh3_128(path.read_bytes()).hexdigest(),
    )


def verified(
    record: FileRecord,
    *,
    meanwhile: Callable[[], object] = lambda: None,
    at_read: int = 2,
    reads_touched: bool = False,
    has_writer: bool = False,
) -> Comparison | LeftAlone:
    """What comes of it if something happens before this read; the first reading takes three, the second the rest."""
    reads = iter(range(1, 1000))

    def should_stop() -> bool:
        if next(reads) == at_read:
            meanwhile()
        return False

    verifier = Verifier(should_stop=should_stop, has_writer=lambda _path: has_writer, reads_touched=reads_touched)
    return verifier.verify(record)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.mkv"
    path.write_bytes(BYTES)
    return path


# --- damage ----------------------------------------------------------------------------------------------


@contextmanager
def mounted(image: Path, folder: Path) -> Iterator[Path]:
    folder.mkdir()
    done = subprocess.run(["mount", "-o", "loop", image, folder], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"loop devices are missing: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.mark.needs_root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_a_byte_that_a_disk_lost_is_damage_though_the_page_cache_has_it(tmp_path: Path) -> None:
    """Row 43. The byte is changed on the device below the file system: no time moves, and the kernel is not told."""
    if shutil.which("mkfs.ext4") is None:
        pytest.skip("mkfs.ext4 is not installed (Debian package e2fsprogs)")
    image, mark = tmp_path / "disk", b"a byte of this will change"
    with image.open("wb") as file:
        file.truncate(32 << 20)
    subprocess.run(["mkfs.ext4", "-q", image], check=True)
    with mounted(image, tmp_path / "films") as films:
        film = films / "film.mkv"
        film.write_bytes(BYTES[: 3 * MIB] + mark + BYTES[3 * MIB :])
        other = Path(shutil.copy(film, films / "other.mkv"))
        for path in (film, other):
            with path.open("rb") as file:
                os.fsync(file.fileno())
        record, whole = known(film), known(other)
        assert verified(record) == Comparison(result=Result.SAME)
        with image.open("r+b") as file:
            at = file.read().index(mark)
            file.seek(at)
            file.write(b"A")
        assert film.read_bytes()[3 * MIB : 3 * MIB + 1] == b"a", "a player still gets it from the page cache"
        assert FileStamp.of(film.stat()) == record.stamp
        found = verified(record)
        assert isinstance(found, Comparison)
        assert found.result == Result.DAMAGED
        assert found.found_hash not in (None, record.file_hash)
        assert verified(whole) == Comparison(result=Result.SAME)


def test_a_byte_that_changed_under_the_same_mtime_is_altered(film: Path) -> None:
    record = known(film)
    flip(film, 3 * MIB)
    assert verified(record) == LeftAlone(TOUCHED)
    found = verified(record, reads_touched=True)
    assert found == Comparison(result=Result.ALTERED, found_hash=xxhash.xxh3_128(film.read_bytes()).hexdigest())


def test_two_readings_that_differ_are_no_verdict(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a cable or a memory does it: each reading of the whole file gives other bytes."""
    record, real, wrong = known(film), os.preadv, iter(range(1, 200))

    def preadv(descriptor: int, buffers: list[memoryview], offset: int, *flags: int) -> int:
        got = real(descriptor, buffers, offset, *flags)
        if offset == 0:
            buffers[0][0] = next(wrong)
        return got

    monkeypatch.setattr("os.preadv", preadv)
    assert verified(record) == Comparison(result=Result.UNSTABLE)


def test_one_wrong_reading_among_right_ones_is_no_damage(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    record, real, wrong = known(film), os.preadv, iter([1])

    def preadv(descriptor: int, buffers: list[memoryview], offset: int, *flags: int) -> int:
        got = real(descriptor, buffers, offset, *flags)
        for byte in wrong:
            buffers[0][0] ^= byte
        return got

    monkeypatch.setattr("os.preadv", preadv)
    assert verified(record) == Comparison(result=Result.UNSTABLE)
    assert verified(record) == Comparison(result=Result.SAME)


@pytest.mark.needs_root
@pytest.mark.skipif(fuse.why_unavailable() is not None, reason=str(fuse.why_unavailable()))
@pytest.mark.parametrize("offset", [0, 2 * MIB + 8192, 5 * MIB])
def test_a_file_that_cannot_be_read_says_where(tmp_path: Path, offset: int) -> None:
    with fuse_disk(tmp_path / "backing", tmp_path / "disk") as disk:
        (tmp_path / "backing" / "film.mkv").write_bytes(BYTES)
        record = known(tmp_path / "disk" / "film.mkv")
        disk.fail_reads(offset=offset)
        found = verified(record)
        assert found == Comparison(result=Result.UNREADABLE, error_offset=offset, reason="Input/output error")
        disk.heal()
        disk.fail_reads(offset=offset, error=errno.ETIMEDOUT)
        left = verified(record)
        assert isinstance(left, LeftAlone), "a server that is away says nothing about the bytes"
        assert "Connection timed out" in left.reason
        disk.heal()
        assert verified(record) == Comparison(result=Result.SAME)


# --- and nothing else ------------------------------------------------------------------------------------


def append(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def rewrite(path: Path) -> None:
    path.write_bytes(bytes(len(BYTES)))


def replace(path: Path) -> None:
    draft = path.with_name("draft")
    draft.write_bytes(bytes(len(BYTES)))
    os.replace(draft, path)


def restore_over(path: Path) -> None:
    """As `cp -p` does it: other bytes in the same inode, of the same size and with an older mtime."""
    rewrite(path)
    os.utime(path, (1, 1))


def copy(path: Path) -> None:
    shutil.copy2(path, path.with_name("copy.mkv"))


def rename(path: Path) -> None:
    path.rename(path.with_name("renamed.mkv"))


def link(path: Path) -> None:
    os.link(path, path.with_name("link.mkv"))


def chmod(path: Path) -> None:
    path.chmod(0o400)


def remove(path: Path) -> None:
    path.unlink()


CHANGES = (append, rewrite, replace, restore_over, copy, rename, link, chmod, remove, flip)


ANOTHER_HASH = "0" * 32
"""In the row of a file whose bytes were lost."""


@pytest.mark.parametrize("reads_touched", [False, True])
@pytest.mark.parametrize("at_read", [1, 2, 3])
@pytest.mark.parametrize("change", CHANGES)
def test_nothing_is_said_against_a_file_that_changes_while_it_is_read(
    film: Path, change: Meanwhile, at_read: int, reads_touched: bool
) -> None:
    """Row 43."""
    found = verified(known(film), meanwhile=lambda: change(film), at_read=at_read, reads_touched=reads_touched)
    assert found == (Comparison(result=Result.SAME) if change is copy else LeftAlone(CHANGED))


@pytest.mark.parametrize("reads_touched", [False, True])
@pytest.mark.parametrize("at_read", [3, 4, 6])
@pytest.mark.parametrize("change", [each for each in CHANGES if each is not copy])
def test_a_file_that_changes_in_the_second_reading_is_not_damaged(
    film: Path, change: Meanwhile, at_read: int, reads_touched: bool
) -> None:
    """Row 43."""
    record = replaced(known(film), file_hash=ANOTHER_HASH)
    found = verified(record, meanwhile=lambda: change(film), at_read=at_read, reads_touched=reads_touched)
    assert found == LeftAlone(CHANGED)


@pytest.mark.parametrize("change", [each for each in CHANGES if each is not copy])
def test_a_file_that_changes_between_two_readings_is_not_damaged(film: Path, change: Meanwhile) -> None:
    """Row 43."""
    record = replaced(known(film), file_hash=ANOTHER_HASH)

    def has_writer(_path: str) -> bool:
        change(film)
        return False

    found = Verifier(should_stop=lambda: False, has_writer=has_writer, reads_touched=True).verify(record)
    assert found in (LeftAlone(CHANGED), LeftAlone(GONE))


def test_nothing_is_said_of_damage_while_a_program_may_be_writing(film: Path) -> None:
    record = replaced(known(film), file_hash=ANOTHER_HASH)
    assert verified(record, has_writer=True) == LeftAlone(WRITTEN)


@pytest.mark.parametrize("change", [each for each in CHANGES if each not in (copy, flip)])
def test_a_file_that_was_changed_before_is_left_to_the_scan(film: Path, change: Meanwhile) -> None:
    record = known(film)
    change(film)
    is_touched = change in (link, chmod)
    assert verified(record) == LeftAlone(TOUCHED if is_touched else GONE if change in (rename, remove) else CHANGED)
    if is_touched:
        assert verified(record, reads_touched=True) == Comparison(result=Result.SAME)


def test_a_reading_ends_when_reeld_does(film: Path) -> None:
    def should_stop() -> bool:
        return True

    with pytest.raises(Interrupted):
        Verifier(should_stop=should_stop, has_writer=lambda _path: False).verify(known(film))
