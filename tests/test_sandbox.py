"""What a confined child cannot do, tried by a real one."""

import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from reeld.errors import WorkerDied
from reeld.sandbox import MEMORY_SHARE, Limits
from reeld.service.child import WorkerPool

ECHO = "tests.service.echo_child"
WALL_TWO = "tests.service.wall_two_child"


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    pool = WorkerPool(ECHO, 1, Limits(memory_bytes=256 << 20, cpu_s=1))
    yield pool
    pool.close()


@pytest.fixture(scope="module")
def without_landlock() -> Iterator[WorkerPool]:
    pool = WorkerPool(WALL_TWO, 1, Limits(descriptors=0))
    yield pool
    pool.close()


def _landlock_works(pool: WorkerPool) -> bool:
    pool.call({}, timeout_s=10)
    return bool(pool.landlock_abi)


def test_a_child_cannot_open_a_file(pool: WorkerPool, tmp_path: Path) -> None:
    if not _landlock_works(pool):
        pytest.skip("this kernel has no Landlock")
    (tmp_path / "secret").write_text("secret")
    answer = pool.call({"open": str(tmp_path / "secret")}, timeout_s=10)
    assert answer["refused"] == errno.EACCES


def test_a_child_cannot_remove_a_file_or_start_a_program(pool: WorkerPool, tmp_path: Path) -> None:
    if not _landlock_works(pool):
        pytest.skip("this kernel has no Landlock")
    video = tmp_path / "film.mkv"
    video.write_text("precious")
    assert pool.call({"unlink": str(video)}, timeout_s=10)["refused"] == errno.EACCES
    assert pool.call({"execute": "/bin/true"}, timeout_s=10)["refused"] == errno.EACCES
    assert video.read_text() == "precious"


def test_a_child_reaches_no_server(pool: WorkerPool, without_landlock: WorkerPool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        port = server.getsockname()[1]
        assert without_landlock.call({"connect": port}, timeout_s=10)["refused"] == errno.EMFILE
        if _landlock_works(pool):
            assert pool.call({"connect": port}, timeout_s=10)["refused"] == errno.EACCES
        with pytest.raises(BlockingIOError):
            server.accept()


def test_a_child_cannot_write_even_through_a_writable_descriptor(pool: WorkerPool, tmp_path: Path) -> None:
    video = tmp_path / "film.mkv"
    video.write_text("precious")
    with video.open("r+b") as file:
        assert pool.call({"write": "changed"}, [file.fileno()], timeout_s=10)["refused"] == errno.EFBIG
    assert video.read_text() == "precious"


def test_without_landlock_there_is_still_no_descriptor_for_a_file(without_landlock: WorkerPool) -> None:
    assert without_landlock.call({"open": "/etc/passwd"}, timeout_s=10)["refused"] == errno.EMFILE
    assert without_landlock.landlock_abi == 0


def test_a_child_that_wants_too_much_memory_ends(pool: WorkerPool) -> None:
    with pytest.raises(WorkerDied, match="MemoryError"):
        pool.call({"allocate": 400 << 20}, timeout_s=10)


def test_a_child_reports_how_near_it_came_to_its_memory_limit(pool: WorkerPool) -> None:
    assert pool.call({}, timeout_s=10)[MEMORY_SHARE] < 0.4
    assert 0.5 < pool.call({"allocate": 128 << 20}, timeout_s=10)[MEMORY_SHARE] < 1


def test_processor_time_is_limited_for_each_request(pool: WorkerPool) -> None:
    with pytest.raises(WorkerDied, match="used up its 1 s of processor time"):
        pool.call({"spin": True}, timeout_s=30)


def test_an_answer_above_its_limit_is_not_sent() -> None:
    pool = WorkerPool(ECHO, 1, Limits(answer_bytes=10_000))
    try:
        with pytest.raises(WorkerDied, match="above the limit of 10000"):
            pool.call({"long": 10_001}, timeout_s=10)
    finally:
        pool.close()


def test_a_child_gives_way_to_everything_else(pool: WorkerPool) -> None:
    answer = pool.call({}, timeout_s=10)
    assert answer["nice"] == min(19, os.nice(0) + 10)
    score = Path(f"/proc/{answer['pid']}/oom_score_adj").read_text()
    assert int(score) == 1000


def test_a_child_reads_the_descriptor_that_it_is_given(pool: WorkerPool, tmp_path: Path) -> None:
    (tmp_path / "film.mkv").write_text("moving pictures")
    with (tmp_path / "film.mkv").open("rb") as file:
        assert pool.call({}, [file.fileno()], timeout_s=10)["texts"] == ["moving pictures"]


def test_limits_survive_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = Limits(memory_bytes=1, cpu_s=2, descriptors=3, answer_bytes=4)
    monkeypatch.setattr("sys.argv", ["child", limits.as_argument()])
    assert Limits.inherited() == limits
