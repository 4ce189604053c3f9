"""What a confined child cannot do, tried by a real one."""

import errno
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reeld import seccomp
from reeld.domain.identity import Clues
from reeld.errors import WorkerDied
from reeld.identify.json_codec import clues_to_wire
from reeld.sandbox import MEMORY_SHARE, Limits
from reeld.service.worker_pool import WorkerPool

ECHO = "tests.service.echo_child"
UNFILTERED = "tests.service.unfiltered_child"
WALL_TWO = "tests.service.wall_two_child"


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    pool = WorkerPool(ECHO, 1, Limits(memory_bytes=256 << 20, cpu_s=1))
    yield pool
    pool.close()


@pytest.fixture(scope="module")
def without_filter() -> Iterator[WorkerPool]:
    pool = WorkerPool(UNFILTERED, 1, Limits(memory_bytes=256 << 20, cpu_s=1))
    yield pool
    pool.close()


@pytest.fixture(scope="module")
def without_landlock() -> Iterator[WorkerPool]:
    pool = WorkerPool(WALL_TWO, 1, Limits(descriptors=0))
    yield pool
    pool.close()


def _landlock_works(pool: WorkerPool) -> bool:
    pool.call({}, timeout_s=150)
    return bool(pool.landlock_abi)


def test_a_child_that_may_hold_no_descriptor_is_confined_by_landlock_as_well(pool: WorkerPool) -> None:
    if not _landlock_works(pool):
        pytest.skip("this kernel has no Landlock")
    without_descriptors = WorkerPool(ECHO, 1, Limits(memory_bytes=256 << 20, cpu_s=1, descriptors=0))
    try:
        assert _landlock_works(without_descriptors)
    finally:
        without_descriptors.close()


def test_a_child_cannot_open_a_file(pool: WorkerPool, without_filter: WorkerPool, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    assert pool.call({"open": str(tmp_path / "secret")}, timeout_s=150)["refused"] == errno.EPERM
    if not _landlock_works(without_filter):
        pytest.skip("this kernel has no Landlock")
    answer = without_filter.call({"open": str(tmp_path / "secret")}, timeout_s=150)
    assert answer["refused"] == errno.EACCES


def test_a_child_cannot_remove_a_file_or_start_a_program(
    pool: WorkerPool, without_filter: WorkerPool, tmp_path: Path
) -> None:
    video = tmp_path / "film.mkv"
    video.write_text("precious")
    for each, refused in ((pool, errno.EPERM), (without_filter, errno.EACCES)):
        if each is without_filter and not _landlock_works(each):
            pytest.skip("this kernel has no Landlock")
        assert each.call({"unlink": str(video)}, timeout_s=150)["refused"] == refused
        assert each.call({"execute": "/bin/true"}, timeout_s=150)["refused"] == refused
    assert video.read_text() == "precious"


def test_a_child_reaches_no_server(pool: WorkerPool, without_filter: WorkerPool, without_landlock: WorkerPool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        port = server.getsockname()[1]
        assert pool.call({"connect": port}, timeout_s=150)["refused"] == errno.EPERM
        assert without_landlock.call({"connect": port}, timeout_s=150)["refused"] == errno.EMFILE
        if _landlock_works(without_filter):
            assert without_filter.call({"connect": port}, timeout_s=150)["refused"] == errno.EACCES
        with pytest.raises(BlockingIOError):
            server.accept()


def _real_answer(module: str) -> tuple[dict[str, Any], bytes]:
    """A request to this child and what its descriptor holds."""
    if "identify" in module:
        return {"clues": [clues_to_wire(Clues(path="Heat (1995)/Heat (1995).mkv"))]}, b""
    return {}, bytes.fromhex("1a45dfa3")


@pytest.mark.skipif(seccomp.number_of("openat") is None, reason="no table of system calls for this machine")
@pytest.mark.parametrize("module", ["tests.service.trying_probe_child", "tests.service.trying_identify_child"])
def test_a_real_child_may_make_none_of_the_forbidden_calls(module: str, tmp_path: Path) -> None:
    """I11. Each is tried after the child's first real answer, and the child goes on answering."""
    request, content = _real_answer(module)
    (tmp_path / "film.mkv").write_bytes(content)
    pool = WorkerPool(module, 1, Limits(descriptors=1 if content else 0))
    with (tmp_path / "film.mkv").open("rb") as file:
        descriptors = [file.fileno()] if content else []
        try:
            first = pool.call(request, descriptors, timeout_s=150)
            assert pool.forbids_calls is True
            names = [name for name in (*seccomp.FORBIDDEN, *seccomp.ONLY_FOR_ITSELF) if seccomp.number_of(name)]
            errors = pool.call({"try": names, "pid": os.getpid()}, timeout_s=150)["errors"]
            again = pool.call(request, descriptors, timeout_s=150)
        finally:
            pool.close()
    assert errors == dict.fromkeys(names, errno.EPERM)
    assert {**first, MEMORY_SHARE: 0} == {**again, MEMORY_SHARE: 0}


@pytest.mark.skipif(seccomp.number_of("openat") is None, reason="no table of system calls for this machine")
@pytest.mark.parametrize(
    ("number", "ends"), [(seccomp.NEWEST + 1, False), (0x40000000, True)], ids=["unknown call", "x32 call"]
)
def test_a_call_of_another_table_or_of_a_later_kernel_is_refused(pool: WorkerPool, number: int, ends: bool) -> None:
    if not ends:
        assert pool.call({"system_call": number}, timeout_s=150)["refused"] == errno.ENOSYS
        return
    with pytest.raises(WorkerDied, match="Bad system call"):
        pool.call({"system_call": number}, timeout_s=150)


def test_a_machine_without_a_table_of_system_calls_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    assert seccomp.number_of("openat") is None
    assert seccomp.forbid_calls() is False


def test_a_child_cannot_write_even_through_a_writable_descriptor(pool: WorkerPool, tmp_path: Path) -> None:
    video = tmp_path / "film.mkv"
    video.write_text("precious")
    with video.open("r+b") as file:
        assert pool.call({"write": "changed"}, [file.fileno()], timeout_s=150)["refused"] == errno.EFBIG
    assert video.read_text() == "precious"


@pytest.mark.needs_root
@pytest.mark.skipif(os.geteuid() != 0, reason="giving a file to another user needs root")
def test_a_child_has_none_of_its_parents_capabilities(pool: WorkerPool, tmp_path: Path) -> None:
    """With the daemon's CAP_LEASE it could keep the file's owner from writing to it."""
    video = tmp_path / "film.mkv"
    video.write_text("precious")
    os.chown(video, 12345, 12345)
    with video.open("rb") as file:
        assert pool.call({"lease": True}, [file.fileno()], timeout_s=150)["refused"] == errno.EACCES


def test_without_landlock_there_is_still_no_descriptor_for_a_file(without_landlock: WorkerPool) -> None:
    assert without_landlock.call({"open": "/etc/passwd"}, timeout_s=150)["refused"] == errno.EMFILE
    assert without_landlock.landlock_abi == 0


def test_a_child_that_wants_too_much_memory_ends(pool: WorkerPool) -> None:
    with pytest.raises(WorkerDied, match="MemoryError"):
        pool.call({"allocate": 400 << 20}, timeout_s=150)


def test_a_child_reports_how_near_it_came_to_its_memory_limit(pool: WorkerPool) -> None:
    assert pool.call({}, timeout_s=150)[MEMORY_SHARE] < 0.4
    assert 0.5 < pool.call({"allocate": 128 << 20}, timeout_s=150)[MEMORY_SHARE] < 1


def test_processor_time_is_limited_for_each_request(pool: WorkerPool) -> None:
    with pytest.raises(WorkerDied, match="used up its 1 s of processor time"):
        pool.call({"spin": True}, timeout_s=150)


def test_an_answer_above_its_limit_is_not_sent() -> None:
    pool = WorkerPool(ECHO, 1, Limits(answer_bytes=10_000))
    try:
        with pytest.raises(WorkerDied, match="above the limit of 10000"):
            pool.call({"long": 10_001}, timeout_s=150)
    finally:
        pool.close()


def test_a_child_gives_way_to_everything_else(pool: WorkerPool) -> None:
    answer = pool.call({}, timeout_s=150)
    assert answer["nice"] == min(19, os.nice(0) + 10)
    score = Path(f"/proc/{answer['pid']}/oom_score_adj").read_text()
    assert int(score) == 1000


def test_a_child_reads_the_descriptor_that_it_is_given(pool: WorkerPool, tmp_path: Path) -> None:
    (tmp_path / "film.mkv").write_text("moving pictures")
    with (tmp_path / "film.mkv").open("rb") as file:
        assert pool.call({}, [file.fileno()], timeout_s=150)["texts"] == ["moving pictures"]


def test_limits_survive_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = Limits(memory_bytes=1, cpu_s=2, descriptors=3, answer_bytes=4)
    monkeypatch.setattr("sys.argv", ["child", limits.as_argument()])
    assert Limits.inherited() == limits


_CONFINED = """
import json, os, sys, threading
from reeld.sandbox import Limits, forbid_writing_outside
from reeld.service.worker_pool import WorkerPool

state, films = sys.argv[1:]
abi = forbid_writing_outside(state)
done, refusals = [], []

def attempt(name, deed):
    try:
        deed()
        done.append(name)
    except OSError as err:
        refusals.append(err.errno)

def attempts():
    attempt("append", lambda: open(films + "/a.mkv", "ab").close())
    attempt("truncate", lambda: os.truncate(films + "/a.mkv", 0))
    attempt("unlink", lambda: os.unlink(films + "/a.mkv"))
    attempt("rename", lambda: os.rename(films + "/a.mkv", films + "/b.mkv"))
    attempt("take away", lambda: os.rename(films + "/a.mkv", state + "/a.mkv"))
    attempt("link", lambda: os.link(films + "/a.mkv", state + "/a.mkv"))
    attempt("make", lambda: os.mkdir(films + "/new"))
    attempt("read", lambda: open(films + "/a.mkv", "rb").read())
    os.makedirs(state + "/backups", exist_ok=True)
    attempt("write", lambda: open(state + "/backups/new", "wb").write(b"x"))
    attempt("move", lambda: os.replace(state + "/backups/new", state + "/moved"))
    attempt("remove", lambda: os.unlink(state + "/moved"))
    os.system("true >> " + films + "/a.mkv")

thread = threading.Thread(target=attempts)
thread.start()
thread.join()
refused = []
for module in ("tests.service.unfiltered_child", "tests.service.echo_child"):
    pool = WorkerPool(module, 1, Limits())
    refused.append(pool.call({"open": films + "/a.mkv"}, timeout_s=150)["refused"])
    pool.close()
said = {"child": refused[0], "filtered_child": refused[1], "child_abi": pool.landlock_abi}
print(json.dumps({"abi": abi, "done": done, "refusals": refusals, **said}))
"""


def test_a_process_that_may_write_in_one_folder_writes_nowhere_else(tmp_path: Path) -> None:
    """A process that may write in one folder writes nowhere else and its children less.

    I10, I11. Also its later threads; and walls can be built within walls.
    """
    state, films = tmp_path / "state", tmp_path / "films"
    state.mkdir()
    films.mkdir()
    (films / "a.mkv").write_bytes(b"precious")
    root = str(Path(__file__).parent.parent)
    done = subprocess.run(
        [sys.executable, "-c", _CONFINED, str(state), str(films)],
        capture_output=True,
        check=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([root, *sys.path])},
    )
    said = json.loads(done.stdout)
    if not said["abi"]:
        pytest.skip("this kernel has no Landlock")
    assert said["done"] == ["read", "write", "move", "remove"]
    assert set(said["refusals"]) <= {errno.EACCES, errno.EXDEV}
    assert (said["child"], said["child_abi"]) == (errno.EACCES, said["abi"])
    assert said["filtered_child"] == errno.EPERM
    assert (films / "a.mkv").read_bytes() == b"precious"
    assert [path.name for path in films.iterdir()] == ["a.mkv"]


_LARGE = """
import sys
sys.modules["pysqlite3"] = None  # the system's SQLite, which keeps temporary files on disk unless it is told otherwise
from reeld.database.connection import open_catalog, writing
from reeld.database.base import database
from reeld.sandbox import forbid_writing_outside

forbid_writing_outside(sys.argv[1])
open_catalog(sys.argv[1] + "/reeld.db", create=True)
numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000) "
with writing():
    database.execute_sql("CREATE TABLE large (a INTEGER PRIMARY KEY, b TEXT, c TEXT UNIQUE)")
    database.execute_sql(numbers + "INSERT INTO large SELECT i, hex(randomblob(50)), hex(randomblob(50)) FROM n")
    database.execute_sql("CREATE INDEX large_b ON large (b, c)")
    database.execute_sql("UPDATE large SET b = b || 'x', c = c || 'x'")
print(len(database.execute_sql("SELECT * FROM large ORDER BY b || c").fetchall()))
"""


def test_a_large_statement_needs_no_temporary_file_elsewhere(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _LARGE, str(tmp_path)],
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.stdout.split() == [b"60000"], done.stderr.decode()
