"""The pool of confined children: what happens to a question when its child hangs, dies or lies."""

import contextlib
import errno
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from reeld.errors import Interrupted, WorkerDied, WorkerError, WorkerTimeout
from reeld.sandbox import Limits
from reeld.service.worker_pool import WorkerPool

ECHO = "tests.service.echo_child"

MakePool = Callable[..., WorkerPool]


@pytest.fixture
def make_pool() -> Iterator[MakePool]:
    with contextlib.ExitStack() as stack:

        def make(size: int = 1, *, limits: Limits | None = None, **options: Any) -> WorkerPool:
            pool = WorkerPool(ECHO, size, limits or Limits(), **options)
            stack.callback(pool.close)
            return pool

        yield make


def _ask(pool: WorkerPool) -> dict[str, Any]:
    return pool.call({}, timeout_s=150)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_nothing_is_started_before_it_is_needed(make_pool: MakePool) -> None:
    assert make_pool(4).landlock_abi is None


def test_a_warm_child_serves_many_requests(make_pool: MakePool) -> None:
    pool = make_pool(2)
    assert len({_ask(pool)["pid"] for _ in range(20)}) == 1


def test_text_in_any_encoding_and_size_goes_through_and_back(make_pool: MakePool) -> None:
    request = {"title": "Amélie \udcff \U0001f39e", "nfo": "x" * 3_000_000}
    assert make_pool().call(request, timeout_s=150)["request"] == request


def test_many_threads_share_few_children(make_pool: MakePool) -> None:
    pool = make_pool(2)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda number: pool.call({"number": number}, timeout_s=150), range(100)))
    assert [answer["request"]["number"] for answer in answers] == list(range(100))
    assert len({answer["pid"] for answer in answers}) <= 2


def test_a_child_outlives_the_thread_whose_call_started_it(make_pool: MakePool) -> None:
    pool = make_pool()
    pids: list[int] = []
    thread = threading.Thread(target=lambda: pids.append(_ask(pool)["pid"]))
    thread.start()
    thread.join()
    assert _ask(pool)["pid"] == pids[0]


def test_a_child_that_hangs_is_killed_and_the_next_request_gets_another(make_pool: MakePool) -> None:
    pool = make_pool()
    first = _ask(pool)["pid"]
    with pytest.raises(WorkerTimeout, match=r"no answer after 0\.2 s"):
        pool.call({"hang": True}, timeout_s=0.2)
    assert not _is_alive(first)
    assert _ask(pool)["pid"] != first


def test_a_child_that_crashes_is_replaced_and_its_signal_is_named(make_pool: MakePool) -> None:
    pool = make_pool()
    with pytest.raises(WorkerDied, match="Segmentation fault"):
        pool.call({"signal": signal.SIGSEGV}, timeout_s=150)
    with pytest.raises(WorkerDied, match="memory"):
        pool.call({"signal": signal.SIGKILL}, timeout_s=150)
    assert _ask(pool)["request"] == {}


def test_the_last_words_of_a_child_are_in_the_message(make_pool: MakePool) -> None:
    with pytest.raises(WorkerDied, match=r"status 1 \(RuntimeError: no \\x1b\[31mcolours\)"):
        make_pool().call({"fail": "no \x1b[31mcolours"}, timeout_s=150)


def test_a_child_that_died_while_idle_is_nobodys_fault(make_pool: MakePool) -> None:
    pool = make_pool()
    first = _ask(pool)["pid"]
    watched = os.pidfd_open(first)
    os.kill(first, signal.SIGKILL)
    select.select([watched], [], [])
    os.close(watched)
    assert _ask(pool)["pid"] != first


def _wait_for_end(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        watched = os.pidfd_open(pid)
        select.select([watched], [], [])
        os.close(watched)


def test_a_child_without_work_is_ended_and_the_next_request_gets_another(make_pool: MakePool) -> None:
    pool = make_pool(idle_s=0.2)
    first = _ask(pool)["pid"]
    _wait_for_end(first)
    assert _ask(pool)["pid"] != first


def test_only_children_that_were_free_all_the_time_are_ended(make_pool: MakePool) -> None:
    now = 0.0
    pool = make_pool(2, idle_s=60.0, start_cost_s=0.0, clock=lambda: now)
    assert pool.end_idle() is None
    pids = _ask_two_at_once(pool)
    assert len(pids) == 2
    now = 59.0
    assert pool.end_idle() == 1.0
    kept = _ask(pool)["pid"]
    now = 60.0
    assert pool.end_idle() == 59.0
    (ended,) = pids - {kept}
    assert not _is_alive(ended)
    assert _ask(pool)["pid"] == kept
    now = 1000.0
    assert pool.end_idle() is None
    assert not _is_alive(kept)


def test_a_child_that_is_soon_free_is_waited_for(make_pool: MakePool) -> None:
    pool = make_pool(2, start_cost_s=150)
    with ThreadPoolExecutor(2) as threads, contextlib.ExitStack() as stack:
        ours, theirs = map(stack.enter_context, socket.socketpair())
        first = threads.submit(pool.call, {"await_word": True}, [theirs.fileno()], timeout_s=150)
        assert ours.recv(1) == b"!"
        second = threads.submit(_ask, pool)
        assert ours.send(b"!") == 1
        assert second.result()["pid"] == first.result()["pid"]


def test_closing_ends_the_wait_for_a_child(make_pool: MakePool) -> None:
    pool = make_pool(2, start_cost_s=150)
    with ThreadPoolExecutor(2) as threads, contextlib.ExitStack() as stack:
        ours, theirs = map(stack.enter_context, socket.socketpair())
        waiting = [threads.submit(pool.call, {"hang": True}, [theirs.fileno()], timeout_s=150)]
        assert ours.recv(1) == b"!"
        waiting.append(threads.submit(_ask, pool))
        pool.close()
        for each in waiting:
            with pytest.raises(Interrupted):
                each.result()


def _ask_two_at_once(pool: WorkerPool) -> set[int]:
    with ThreadPoolExecutor(2) as threads, contextlib.ExitStack() as stack:
        ends = [tuple(map(stack.enter_context, socket.socketpair())) for _ in range(2)]
        answers = [
            threads.submit(pool.call, {"await_word": True}, [theirs.fileno()], timeout_s=150) for _, theirs in ends
        ]
        for ours, _ in ends:
            assert ours.recv(1) == b"!"
        for ours, _ in ends:
            ours.send(b"!")
        return {answer.result()["pid"] for answer in answers}


def test_stop_signals_for_the_whole_group_leave_a_child_at_work(make_pool: MakePool) -> None:
    pool = make_pool()
    first = _ask(pool)["pid"]
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        os.kill(first, number)
    assert _ask(pool)["pid"] == first


def test_a_child_that_talks_without_end_blocks_nobody(make_pool: MakePool) -> None:
    pool = make_pool()
    for _ in range(5):
        pool.call({"complain": 1 << 20}, timeout_s=150)


@pytest.mark.parametrize("lie", ["no JSON", "[]", "[" * 100_000, "x" * 20_000])
def test_an_answer_that_is_none_ends_the_child(make_pool: MakePool, lie: str) -> None:
    pool = make_pool(limits=Limits(answer_bytes=200_000 if lie[0] == "[" else 10_000))
    with pytest.raises(WorkerDied, match="no proper answer"):
        pool.call({"lie": lie}, timeout_s=150)
    assert _ask(pool)["request"] == {}


def test_a_child_is_replaced_after_its_number_of_requests(make_pool: MakePool) -> None:
    pool = make_pool(requests_per_worker=2)
    pids = [_ask(pool)["pid"] for _ in range(6)]
    assert pids[0::2] == pids[1::2]
    assert len(set(pids)) == 3


def test_a_child_that_came_near_its_memory_limit_is_replaced(make_pool: MakePool) -> None:
    pool = make_pool(limits=Limits(memory_bytes=256 << 20))
    first = _ask(pool)["pid"]
    pool.call({"allocate": 128 << 20}, timeout_s=150)
    assert _ask(pool)["pid"] != first


def test_a_module_that_cannot_start_is_not_blamed_on_the_request() -> None:
    pool = WorkerPool("reeld.no_such_module", 1, Limits())
    with pytest.raises(WorkerError, match=r"No module named reeld\.no_such_module") as caught:
        pool.call({}, timeout_s=150)
    assert type(caught.value) is WorkerError
    pool.close()


def test_close_ends_every_child_also_one_at_work(make_pool: MakePool) -> None:
    pool = make_pool(2)
    arrived, tell = os.pipe()
    idle = _ask(pool)["pid"]
    with ThreadPoolExecutor(2) as threads:
        busy = [threads.submit(pool.call, {"hang": True}, [tell], timeout_s=30) for _ in range(2)]
        for _ in busy:
            os.read(arrived, 1)
        pool.close()
        for call in busy:
            assert isinstance(call.exception(), Interrupted)
    os.close(arrived)
    os.close(tell)
    assert not _is_alive(idle)
    with pytest.raises(Interrupted):
        _ask(pool)


def test_a_child_knows_only_what_it_needs(make_pool: MakePool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REELD_SECRET", "key")
    answer = _ask(make_pool())
    assert set(answer["environment"]) == {"LC_ALL", "PYTHONPATH"}
    assert answer["directory"] == "/"


def test_the_current_directory_may_be_hostile_or_gone(
    make_pool: MakePool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    trap = tmp_path / "trap"
    (trap / "reeld").mkdir(parents=True)
    for module in ("reeld/__init__.py", "json.py", "socket.py"):
        (trap / module).write_text("raise SystemExit('trapped')")
    monkeypatch.chdir(trap)
    assert str(trap) not in _ask(make_pool())["path"]
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert _ask(make_pool())["request"] == {}


_PARENT = """
import os, sys
from reeld.sandbox import Limits
from reeld.service.worker_pool import WorkerPool
pool = WorkerPool("tests.service.echo_child", 1, Limits())
print(pool.call({}, timeout_s=150)["pid"], flush=True)
pool.call({"hang": True}, [1], timeout_s=60)
"""


def test_a_child_dies_with_the_daemon_even_in_the_middle_of_its_work() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", _PARENT], stdout=subprocess.PIPE, env=environment) as parent:
        assert parent.stdout
        child = os.pidfd_open(int(parent.stdout.readline()))
        assert parent.stdout.read(1) == b"!"
        parent.kill()
        assert select.select([child], [], [], 10)[0], "the child lives on"
        os.close(child)


@pytest.mark.parametrize(
    ("spoil", "cause", "todo"),
    [
        (lambda path: path / "none", "No such file or directory", "install reeld again"),
        (lambda path: _file(path, "#!/none\n", 0o600), "Permission denied", "let the user that runs reeld run Python"),
        (lambda path: _file(path, "nonsense\n", 0o700), "Exec format error", "Python is damaged"),
        (lambda path: _file(path, "#!/bin/sh\necho no module >&2; exit 3\n", 0o700), "no module", "install reeld"),
        (
            lambda path: _file(
                path, "#!/bin/sh\necho 'Fatal Python error: x'>&2; echo '<no frame>'>&2; exit 1\n", 0o700
            ),
            "Fatal Python error: x",
            "install reeld again",
        ),
        (
            lambda path: _file(path, "#!/bin/sh\necho 'MemoryError'>&2; exit 1\n", 0o700),
            "MemoryError",
            "raise memory_mib",
        ),
    ],
)
def test_a_child_that_cannot_be_started_names_the_true_cause(
    make_pool: MakePool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: Any, cause: str, todo: str
) -> None:
    python = spoil(tmp_path)
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(WorkerError, match=cause) as caught:
        _ask(make_pool())
    assert "cannot be started" in str(caught.value)
    assert str(caught.value.hint).find(todo) >= 0, caught.value.hint


@pytest.mark.parametrize(
    ("limit", "cause", "todo"),
    [(errno.EAGAIN, "temporarily unavailable", "processes"), (errno.EMFILE, "Too many open files", "LimitNOFILE")],
)
def test_a_limit_that_keeps_a_child_from_starting_is_named(
    make_pool: MakePool, monkeypatch: pytest.MonkeyPatch, limit: int, cause: str, todo: str
) -> None:
    """The kernel's answer is put in its place: to reach the limit would take the machine's other programs along."""

    def refuse(*_arguments: Any, **_options: Any) -> None:
        raise OSError(limit, os.strerror(limit))

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with pytest.raises(WorkerError, match=cause) as caught:
        _ask(make_pool())
    assert todo in str(caught.value.hint)


def _file(folder: Path, text: str, mode: int) -> Path:
    path = folder / "python"
    path.write_text(text)
    path.chmod(mode)
    return path
