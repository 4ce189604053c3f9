"""Does a large file's hash go on where it was, and never with anything but its own state?"""

import ctypes.util
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from reeld.content import resuming
from reeld.content.hashing import SLICE_BYTES, full_hash
from reeld.content.resuming import ResumableHash
from reeld.domain.content import HashProgress
from reeld.domain.files import FileStamp
from reeld.errors import Interrupted

LARGE_BYTES = SLICE_BYTES


def begun() -> ResumableHash:
    found = ResumableHash.new()
    assert found is not None
    return found


def memory_of(data: bytes) -> memoryview:
    return memoryview(bytearray(data))


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shelf") / "film.mkv"
    path.write_bytes(Random(1).randbytes(3 * SLICE_BYTES + 12_345))
    return path


class Attempt:
    """One try to hash the file; it is interrupted once so many bytes were read."""

    def __init__(self, path: Path, kept: HashProgress | None, *, stop_after: int | None = None) -> None:
        self.kept: list[HashProgress] = []
        self.read_bytes = 0
        self.file_hash: str | None = None
        self._stop_after = stop_after
        try:
            self.file_hash = full_hash(
                str(path),
                FileStamp.of(path.stat()),
                on_progress=self._on_progress,
                should_stop=lambda: self._stop_after is not None and self.read_bytes >= self._stop_after,
                kept=lambda: kept,
                keep=self.kept.append,
                large_bytes=LARGE_BYTES,
            )
        except Interrupted:
            assert stop_after is not None

    def _on_progress(self, count: int) -> None:
        self.read_bytes += count


def true_hash(path: Path) -> str:
    return xxhash.xxh3_128(path.read_bytes()).hexdigest()


def test_after_an_interruption_only_the_rest_is_read(film: Path) -> None:
    first = Attempt(film, None, stop_after=2 * SLICE_BYTES)
    assert [progress.done_bytes for progress in first.kept] == [SLICE_BYTES, 2 * SLICE_BYTES]
    second = Attempt(film, first.kept[-1])
    assert second.file_hash == true_hash(film)
    assert second.read_bytes == SLICE_BYTES + 12_345
    assert [progress.done_bytes for progress in second.kept] == [3 * SLICE_BYTES]


def test_of_smaller_files_nothing_is_kept_and_nobody_is_asked(film: Path, tmp_path: Path) -> None:
    path = tmp_path / "small.mkv"
    path.write_bytes(bytes(LARGE_BYTES))
    assert Attempt(path, None).kept == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda kept: replace(kept, stamp=replace(kept.stamp, ctime_ns=kept.stamp.ctime_ns + 1)),
        lambda kept: replace(kept, stamp=replace(kept.stamp, inode=kept.stamp.inode + 1)),
        lambda kept: replace(kept, made_by="libxxhash 799"),
        lambda kept: replace(kept, done_bytes=kept.stamp.size_bytes + 1),
        lambda kept: replace(kept, done_bytes=0),
        lambda kept: replace(kept, state=kept.state[:-1]),
        lambda kept: replace(kept, state=b""),
        # As a damaged catalogue might have it: more in the buffer than it holds, a stripe behind the block's end.
        lambda kept: replace(kept, state=kept.state[:320] + (257).to_bytes(4, "little") + kept.state[324:]),
        lambda kept: replace(kept, state=kept.state[:324] + (16).to_bytes(8, "little")),
        lambda kept: replace(kept, state=kept.state[:324] + b"\xff" * 8),
    ],
)
def test_what_was_kept_of_another_file_or_library_or_is_damaged_is_not_gone_on_with(
    film: Path, spoil: Callable[[HashProgress], HashProgress]
) -> None:
    kept = Attempt(film, None, stop_after=SLICE_BYTES).kept[-1]
    after = Attempt(film, spoil(kept))
    assert after.read_bytes == film.stat().st_size
    assert after.file_hash == true_hash(film)


def test_a_file_that_was_written_to_meanwhile_is_read_as_a_whole(film: Path, tmp_path: Path) -> None:
    path = tmp_path / "film.mkv"
    path.write_bytes(film.read_bytes())
    kept = Attempt(path, None, stop_after=2 * SLICE_BYTES).kept[-1]
    times = path.stat()
    with path.open("r+b") as file:
        file.write(b"another beginning")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))  # as a writer does that puts the time back
    after = Attempt(path, kept)
    assert after.read_bytes == path.stat().st_size
    assert after.file_hash == true_hash(path)


def test_another_process_goes_on(film: Path) -> None:
    kept = Attempt(film, None, stop_after=2 * SLICE_BYTES).kept[-1]
    script = (
        "import sys; from reeld.content.resuming import ResumableHash; path, state, done = sys.argv[1:]\n"
        "digest = ResumableHash.new(); assert digest.resume(bytes.fromhex(state), int(done))\n"
        "digest.update(memoryview(bytearray(open(path, 'rb').read()[int(done):]))); print(digest.hexdigest())"
    )
    command = [sys.executable, "-c", script, str(film), kept.state.hex(), str(kept.done_bytes)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert printed.strip() == true_hash(film)


@settings(max_examples=200, deadline=None)
@given(
    seed=st.integers(0, 1000),
    size=st.integers(300, 70_000),
    cuts=st.lists(st.floats(0, 1), max_size=5),
)
def test_wherever_it_is_cut_the_hash_is_that_of_the_whole(seed: int, size: int, cuts: list[float]) -> None:
    data = Random(seed).randbytes(size)
    digest, at = begun(), 0
    for end in sorted({int(cut * size) for cut in cuts} | {size}):
        digest.update(memory_of(data[at:end]))
        at = end
        following = begun()
        if following.resume(digest.state(), at):
            digest = following
        else:
            assert at <= 256, "only of so little nothing can be taken back"
    assert digest.hexdigest() == xxhash.xxh3_128(data).hexdigest()


def test_without_the_library_large_files_are_hashed_all_the_same(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resuming, "MODULE", "xxhash.of_another_kind")
    monkeypatch.setattr(resuming, "LIBRARY", "libxxhash.so.of-another-kind")
    resuming.library.cache_clear()
    try:
        attempt = Attempt(film, None)
    finally:
        monkeypatch.undo()
        resuming.library.cache_clear()
    assert attempt.file_hash == true_hash(film)
    assert attempt.kept == []


@pytest.mark.skipif(ctypes.util.find_library("xxhash") is None, reason="the system has no libxxhash")
def test_where_the_one_within_the_package_cannot_be_used_the_systems_is(
    film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Attempt(film, None, stop_after=2 * SLICE_BYTES)
    monkeypatch.setattr(resuming, "MODULE", "xxhash.of_another_kind")
    resuming.library.cache_clear()
    try:
        second = Attempt(film, replace(first.kept[-1], made_by=begun().made_by))
    finally:
        monkeypatch.undo()
        resuming.library.cache_clear()
    assert second.file_hash == true_hash(film)
    assert second.read_bytes == SLICE_BYTES + 12_345


def test_a_library_that_does_not_behave_as_its_header_says_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of another value for the known bytes it is said that the state was taken back wrongly."""
    monkeypatch.setattr(resuming, "KNOWN", (resuming.KNOWN[0], "0" * 32))
    resuming.library.cache_clear()
    try:
        assert ResumableHash.new() is None
    finally:
        monkeypatch.undo()
        resuming.library.cache_clear()
