"""Hashes are right, depend on what they say, and never belong to a file that moved under the reader."""

import errno
import fcntl
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from reeld.content import hashing
from reeld.content.hashing import END_BYTES, SLICE_BYTES
from reeld.domain.files import FileStamp
from reeld.errors import (
    FileChanged,
    FileNotRegular,
    FileUnreadable,
    FileVanished,
    Interrupted,
)
from tests.content.reading import full_hash, quick_hashes
from tests.page_cache import cached_bytes, drop

MIB = 1 << 20


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all examples of a property."""
    return tmp_path_factory.mktemp("shelf")


def _write(path: Path, content: bytes) -> Path:
    """A file that is older than anything that a test does to it, by the file system's own clock."""
    path.write_bytes(content)
    born = path.stat().st_ctime_ns
    clock = path.with_name("clock")
    clock.touch()
    while clock.stat().st_ctime_ns <= born:  # on kernels before 6.13 the clock ticks every 4 ms
        clock.touch()
    clock.unlink()
    return path


def _noise(size: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size)


def _stamp(path: Path) -> FileStamp:
    return FileStamp.of(path.stat())


def _full(path: Path, *, meanwhile: Callable[[], object] = lambda: None) -> str:
    """The full hash, with something that happens after the first reading."""
    calls = iter(range(1_000_000))

    def should_stop() -> bool:
        if next(calls) == 1:
            meanwhile()
        return False

    return full_hash(str(path), _stamp(path), on_progress=lambda _done: None, should_stop=should_stop)


def _naive_oshash(content: bytes) -> str:
    """As the page of OpenSubtitles explains it, byte by byte."""
    total = len(content)
    for chunk in (content[:65536], content[-65536:]):
        for start in range(0, 65536, 8):
            total = (total + int.from_bytes(chunk[start : start + 8], "little")) & 0xFFFFFFFFFFFFFFFF
    return f"{total:016x}"


@pytest.mark.parametrize(
    ("content", "expected"),
    [  # from the test vectors of the xxHash project
        (b"", "99aa06d3014798d86001c324468d497f"),
        (b"abc", "06b05ab6733a618578af5f94892f3950"),
    ],
)
def test_the_full_hash_of_known_bytes_is_the_known_value(tmp_path: Path, content: bytes, expected: str) -> None:
    assert _full(_write(tmp_path / "a.mkv", content)) == expected


@pytest.mark.skipif(shutil.which("xxhsum") is None, reason="xxhsum is not installed")
@pytest.mark.parametrize("size", [1, 511 << 10, 512 << 10, (512 << 10) + 1, SLICE_BYTES, SLICE_BYTES + 1])
def test_the_full_hash_is_what_xxhsum_prints(tmp_path: Path, size: int) -> None:
    path = _write(tmp_path / "a.mkv", _noise(size))
    printed = subprocess.run(["xxhsum", "-H2", path], capture_output=True, text=True, check=True).stdout
    assert _full(path) == printed.split()[0]


# --- the page cache --------------------------------------------------------------------------------------

FILM_BYTES = SLICE_BYTES + 5 * MIB + 123


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """A film of several reads, on a disk."""
    return _write(tmp_path / "film.mkv", _noise(FILM_BYTES))


@pytest.fixture(autouse=True)
def unknown_devices() -> Iterator[None]:
    """Nothing is known of any device, before a test and after it."""
    hashing._Reader.refusing.clear()
    yield
    hashing._Reader.refusing.clear()


@pytest.fixture
def needs_dontcache(tmp_path: Path) -> None:
    probe = _write(tmp_path / "probe", b"abc")
    with probe.open("rb") as file:
        try:
            os.preadv(file.fileno(), [bytearray(3)], 0, hashing.RWF_DONTCACHE)
        except (OSError, NotImplementedError) as err:
            pytest.skip(f"RWF_DONTCACHE is not known on the disk of {tmp_path}: {err}")


def _refusing_flag(errno_of_it: int) -> Callable[..., int]:
    """`os.preadv` of a kernel or a file system that does not know a flag."""
    real = os.preadv

    def preadv(descriptor: int, buffers: list[memoryview], offset: int, flags: int = 0) -> int:
        if flags:
            raise OSError(errno_of_it, os.strerror(errno_of_it))
        return real(descriptor, buffers, offset)

    return preadv


@pytest.mark.usefixtures("needs_dontcache")
def test_a_warm_film_is_warm_after_it_was_hashed(film: Path) -> None:
    expected = xxhash.xxh3_128(film.read_bytes()).hexdigest()
    warm = cached_bytes(film)
    assert warm >= FILM_BYTES
    assert _full(film) == expected
    assert cached_bytes(film) == warm


@pytest.mark.usefixtures("needs_dontcache")
def test_a_cold_film_is_cold_after_it_was_hashed(film: Path) -> None:
    expected = xxhash.xxh3_128(film.read_bytes()).hexdigest()
    drop(film)
    assert cached_bytes(film) == 0
    assert _full(film) == expected
    assert cached_bytes(film) <= 4 * MIB


@pytest.mark.parametrize("refusal", [errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS])
def test_without_dontcache_the_hash_is_the_same_and_the_file_is_cold_afterwards(
    film: Path, monkeypatch: pytest.MonkeyPatch, refusal: int
) -> None:
    expected = xxhash.xxh3_128(film.read_bytes()).hexdigest()
    drop(film)
    monkeypatch.setattr("os.preadv", _refusing_flag(refusal))
    assert _full(film) == expected
    assert cached_bytes(film) <= 4 * MIB


def test_a_device_that_refused_dontcache_is_asked_once(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refusing, flags_of = _refusing_flag(errno.EOPNOTSUPP), []

    def preadv(descriptor: int, buffers: list[memoryview], offset: int, flags: int = 0) -> int:
        flags_of.append(flags)
        return refusing(descriptor, buffers, offset, flags)

    monkeypatch.setattr("os.preadv", preadv)
    assert _full(film) == _full(film)
    assert sum(flags_of) == hashing.RWF_DONTCACHE


@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="there is no tmpfs at /dev/shm")
def test_a_film_on_a_tmpfs_is_hashed_whether_it_knows_dontcache_or_not() -> None:
    """A tmpfs of Linux 6.18 refuses the flag: its page cache is the file."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        path = _write(Path(folder) / "film.mkv", _noise(5 * MIB))
        assert _full(path) == xxhash.xxh3_128(path.read_bytes()).hexdigest()


def _from_disk(path: Path) -> str:
    return full_hash(str(path), _stamp(path), from_disk=True)


@pytest.mark.parametrize("size", [0, 1, 4095, 4096, 4097, 2 * MIB, 2 * MIB + 1, FILM_BYTES])
def test_a_file_has_the_same_hash_when_it_is_read_from_its_disk(tmp_path: Path, size: int) -> None:
    path = _write(tmp_path / "a.mkv", _noise(size))
    assert _from_disk(path) == xxhash.xxh3_128(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("is_warm", [False, True])
def test_reading_from_the_disk_leaves_the_page_cache_as_it_is(film: Path, is_warm: bool) -> None:
    drop(film)
    if is_warm:
        film.read_bytes()
    before = cached_bytes(film)
    _from_disk(film)
    assert cached_bytes(film) == before


def test_a_file_system_without_direct_reads_is_read_past_the_page_cache(
    film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It refuses the flag, or takes it and refuses the reads."""
    drop(film)  # what is not written yet stays in the cache
    expected = xxhash.xxh3_128(film.read_bytes()).hexdigest()
    real, refused = os.preadv, []

    def preadv(descriptor: int, buffers: list[memoryview], offset: int, *flags: int) -> int:
        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_DIRECT:
            refused.append(offset)
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return real(descriptor, buffers, offset, *flags)

    monkeypatch.setattr("os.preadv", preadv)
    assert _from_disk(film) == expected
    assert refused == [0]
    assert cached_bytes(film) <= 4 * MIB
    monkeypatch.undo()
    film.read_bytes()
    monkeypatch.setattr(hashing, "_set_direct", lambda _descriptor, *, is_direct: not is_direct)
    assert _from_disk(film) == expected
    assert cached_bytes(film) <= 4 * MIB


def test_progress_tells_of_every_byte_once(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.mkv", bytes(SLICE_BYTES + 5))
    done: list[int] = []
    full_hash(str(path), _stamp(path), on_progress=done.append, should_stop=lambda: False)
    assert done == [SLICE_BYTES, 5]


def test_hashing_stops_when_it_is_asked_to(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.mkv", bytes(MIB))
    with pytest.raises(Interrupted, match=r"a\.mkv"):
        full_hash(str(path), _stamp(path), on_progress=lambda _: None, should_stop=lambda: True)


def test_the_fingerprint_of_known_bytes_is_the_known_value(tmp_path: Path) -> None:
    """xxh3-64 of "abc" and of eight bytes of size, as `xxhsum -H3` hashes those eleven bytes."""
    path = _write(tmp_path / "a.mkv", b"abc")
    assert quick_hashes(str(path), _stamp(path)).fingerprint == "56c0f20a2e4aacd9"


@pytest.mark.skipif(shutil.which("xxhsum") is None, reason="xxhsum is not installed")
@settings(max_examples=25, deadline=None)
@given(size=st.integers(0, 3 * MIB), seed=st.integers(0, 99))
def test_the_fingerprint_is_xxh3_of_both_ends_and_the_size(shelf: Path, size: int, seed: int) -> None:
    content = _noise(size, seed)
    path = shelf / "a.mkv"
    path.write_bytes(content)
    ends = content if size < 2 * MIB else content[:MIB] + content[-MIB:]
    hashed = shelf / "hashed"
    hashed.write_bytes(ends + struct.pack("<Q", size))
    printed = subprocess.run(["xxhsum", "-H3", hashed], capture_output=True, text=True, check=True).stdout
    assert quick_hashes(str(path), _stamp(path)).fingerprint == printed.split()[-1]


@settings(max_examples=40, deadline=None)
@given(size=st.integers(1, 4 * MIB), where=st.floats(0, 1, exclude_max=True))
def test_the_fingerprint_depends_on_the_ends_and_on_nothing_between(shelf: Path, size: int, where: float) -> None:
    path = shelf / "a.mkv"
    content = bytearray(_noise(size))
    path.write_bytes(content)
    before = quick_hashes(str(path), _stamp(path)).fingerprint
    changed = int(where * size)
    content[changed] ^= 0xFF
    path.write_bytes(content)
    after = quick_hashes(str(path), _stamp(path)).fingerprint
    assert (after == before) == (END_BYTES <= changed < size - END_BYTES)


@settings(max_examples=20, deadline=None)
@given(size=st.integers(2 * MIB + 1, 3 * MIB))
def test_the_fingerprint_depends_on_the_size(shelf: Path, size: int) -> None:
    path = shelf / "a.mkv"
    path.write_bytes(bytes(size))
    one = quick_hashes(str(path), _stamp(path))
    path.write_bytes(bytes(size - 1))
    assert quick_hashes(str(path), _stamp(path)).fingerprint != one.fingerprint


@settings(max_examples=40, deadline=None)
@given(size=st.one_of(st.integers(65536, 140_000), st.integers(65536, 3 * MIB)), seed=st.integers(0, 99))
def test_the_oshash_is_that_of_opensubtitles(shelf: Path, size: int, seed: int) -> None:
    content = _noise(size, seed)
    path = shelf / "a.avi"
    path.write_bytes(content)
    assert quick_hashes(str(path), _stamp(path)).oshash == _naive_oshash(content)


def test_a_file_below_64_kib_has_no_oshash(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.avi", bytes(65535))
    assert quick_hashes(str(path), _stamp(path)).oshash is None


def _grow(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"more")


def _rewrite_and_put_mtime_back(path: Path) -> None:
    before = path.stat()
    with path.open("r+b") as file:
        file.write(b"other bytes")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _replace(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    other.replace(path)


@pytest.mark.parametrize(
    "meanwhile",
    [
        _grow,
        lambda path: os.truncate(path, 600_000),
        lambda path: os.truncate(path, 0),
        _rewrite_and_put_mtime_back,
        _replace,
        lambda path: path.unlink(),
        lambda path: path.rename(path.with_name("renamed.mkv")),
    ],
    ids=["grows", "shrinks", "emptied", "mtime put back", "replaced", "removed", "renamed"],
)
def test_a_file_that_is_touched_while_it_is_hashed_gets_no_hash(
    tmp_path: Path, meanwhile: Callable[[Path], object]
) -> None:
    path = _write(tmp_path / "a.mkv", _noise(9 * MIB))  # more than one read
    with pytest.raises(FileChanged):
        _full(path, meanwhile=lambda: meanwhile(path))


def test_a_file_that_is_not_the_settled_one_gets_no_hash(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.mkv", b"old")
    expected = _stamp(path)
    _grow(path)
    with pytest.raises(FileChanged) as caught:
        quick_hashes(str(path), expected)
    assert caught.value.before == expected
    assert caught.value.after == _stamp(path)


def test_a_link_made_before_hashing_does_not_count_as_a_change(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.mkv", b"abc")
    expected = _stamp(path)
    os.link(path, tmp_path / "b.mkv")
    assert quick_hashes(str(path), expected) == quick_hashes(str(path), _stamp(path))


def test_a_file_that_went_away_is_said_to_be_gone(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.mkv", b"abc")
    expected = _stamp(path)
    path.unlink()
    with pytest.raises(FileVanished):
        quick_hashes(str(path), expected)


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _link(path: Path) -> None:
    _write(path.with_name("target"), b"abc")
    path.symlink_to("target")


@pytest.mark.parametrize("make", [_fifo, _link, Path.mkdir], ids=["fifo", "symbolic link", "directory"])
def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path: Path, make: Callable[[Path], None]) -> None:
    path = tmp_path / "a.mkv"
    make(path)
    with pytest.raises(FileNotRegular):
        quick_hashes(str(path), FileStamp.of(os.lstat(path)))


_AS_NOBODY = """
import os, sys
from reeld.content.opening import opened
from reeld.domain.files import FileStamp
from reeld.errors import FileUnreadable
expected = FileStamp.of(os.stat(sys.argv[1]))
if os.geteuid() == 0:
    os.seteuid(65534)
try:
    with opened(sys.argv[1], expected):
        print("it was opened")
except FileUnreadable as err:
    print(err, err.hint, sep="\\n")
"""


def test_a_file_without_permission_is_unreadable_and_the_message_says_what_to_do(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.mkv", b"abc")
    path.chmod(0)
    done = subprocess.run([sys.executable, "-c", _AS_NOBODY, path], capture_output=True, text=True, check=True)
    message, hint = done.stdout.splitlines()
    assert message.endswith("a.mkv cannot be read (Permission denied)")
    assert hint.startswith("give the user that runs reeld the right")


def test_a_file_on_a_broken_disk_is_unreadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _write(tmp_path / "a.mkv", b"abc")

    def broken(*_arguments: object) -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("os.preadv", broken)
    with pytest.raises(FileUnreadable, match="cannot be read") as caught:
        quick_hashes(str(path), _stamp(path))
    assert "check the disk" in str(caught.value.hint)


@pytest.mark.parametrize("hashes", [lambda path: quick_hashes(str(path), _stamp(path)), _full], ids=["ends", "whole"])
def test_a_file_that_ends_before_its_size_gets_no_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hashes: Callable[[Path], object]
) -> None:
    path = _write(tmp_path / "a.mkv", b"abc")
    monkeypatch.setattr("os.preadv", lambda *_arguments: 0)
    with pytest.raises(FileUnreadable):
        hashes(path)


@pytest.mark.parametrize("name", [b"\xff\xfe caf\xe9.mkv", b"x" * 251 + b".mkv", b"a\nb\t.mkv"])
def test_any_name_that_a_disk_can_hold_is_read(tmp_path: Path, name: bytes) -> None:
    path = _write(tmp_path / os.fsdecode(name), b"abc")
    assert _full(path) == "06b05ab6733a618578af5f94892f3950"
    assert quick_hashes(str(path), _stamp(path)).oshash is None
