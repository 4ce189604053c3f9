"""Does the main thread wake for all that may happen, and for nothing else?"""

import os
import resource
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reeld.service import wakeups as wakeups_module
from reeld.service.wakeups import Cause, Wakeups

LONG_S = 300.0
"""No test takes so long: a rest that nothing ends fails by the suite's own limit."""


@pytest.fixture
def signals() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe2(os.O_NONBLOCK)
    yield reader, writer
    os.close(reader)
    os.close(writer)


@pytest.fixture(autouse=True)
def _no_mounts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests mount and unmount on this machine meanwhile. `tests/faults/test_rest.py` mounts for real."""
    monkeypatch.setattr(wakeups_module, "_open_mounts", lambda _stack: None)


@pytest.fixture
def wakeups(tmp_path: Path, signals: tuple[int, int]) -> Iterator[Wakeups]:
    log = str(tmp_path / "reeld.db-wal")
    with Wakeups(signals[0], [str(tmp_path / "reeld.db"), log], [log]) as wakeups:
        assert wakeups.sees_files
        wakeups.take()
        yield wakeups


def _rest(wakeups: Wakeups, happening: Callable[[], object]) -> set[Cause]:
    """Let something happen while the thread rests, or just before; return the causes that it wakes with."""
    is_asked = threading.Event()

    def may_rest() -> bool:
        is_asked.set()
        return True

    def happen() -> None:
        is_asked.wait()
        happening()

    thread = threading.Thread(target=happen)
    thread.start()
    assert wakeups.rest(LONG_S, may_rest)
    thread.join()
    return wakeups.take()


def test_a_signal_ends_the_rest(wakeups: Wakeups, signals: tuple[int, int]) -> None:
    assert _rest(wakeups, lambda: os.write(signals[1], b"!")) == set()


def test_a_thread_that_begins_to_work_ends_the_rest(wakeups: Wakeups) -> None:
    def may_rest() -> bool:
        wakeups.wake_soon()
        return True

    assert not wakeups.rest(LONG_S, may_rest)
    assert wakeups.take() == set()


def test_a_call_to_wake_ends_the_rest(wakeups: Wakeups) -> None:
    assert _rest(wakeups, wakeups.wake) == set()


def test_a_thread_that_began_before_the_rest_keeps_it_from_beginning(wakeups: Wakeups) -> None:
    wakeups.wake_soon()  # too early: nobody rests yet
    assert wakeups.rest(LONG_S, lambda: False)


def test_a_thread_that_begins_to_work_among_others_wakes_nobody(wakeups: Wakeups) -> None:
    wakeups.wake_soon()
    assert not wakeups.rest(0.0, lambda: True)
    assert wakeups.take() == set()


@pytest.mark.parametrize(
    "happen",
    [lambda folder: (folder / "reeld.db").touch(), lambda folder: (folder / "reeld.db-wal").write_text("new")],
    ids=["created", "written"],
)
def test_what_happens_to_the_catalogue_ends_the_rest(
    tmp_path: Path, wakeups: Wakeups, happen: Callable[[Path], object]
) -> None:
    assert _rest(wakeups, lambda: happen(tmp_path)) == {Cause.FILES}
    assert wakeups.take() == set()


def test_what_happened_among_working_threads_is_told_as_well(tmp_path: Path, wakeups: Wakeups) -> None:
    (tmp_path / "reeld.db").touch()
    wakeups.sleep(0.0)
    assert wakeups.take() == {Cause.FILES}


def test_a_clock_that_was_set_ends_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A timer that can be read stands in for one that the kernel cancelled: a test must not set the machine's clock."""
    reader, writer = os.pipe2(os.O_NONBLOCK)
    monkeypatch.setattr(wakeups_module, "_open_clock", lambda _stack: reader)
    monkeypatch.setattr(wakeups_module, "_watch_clock", lambda _clock: None)
    with Wakeups(os.eventfd(0), [str(tmp_path / "reeld.db")], []) as wakeups:
        assert _rest(wakeups, lambda: os.write(writer, b"!")) == {Cause.CLOCK}
    os.close(reader)
    os.close(writer)


def test_a_limit_of_few_descriptors_ends_no_sleep_with_an_error(wakeups: Wakeups) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1, hard))
    try:
        wakeups.sleep(0.0)
        wakeups.rest(0.001, lambda: True)
        wakeups.take()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_nothing_is_written_to_a_descriptor_that_was_closed(tmp_path: Path) -> None:
    with Wakeups(os.eventfd(0), [str(tmp_path / "reeld.db")], []) as wakeups:
        pass
    reader, writer = os.pipe2(os.O_NONBLOCK)  # has a number that was free
    wakeups.wake()
    wakeups.wake_soon()
    with pytest.raises(BlockingIOError):
        os.read(reader, 1)
    os.close(reader)
    os.close(writer)


_MOUNTING = """
import os, subprocess, sys
from reeld.service.wakeups import Wakeups

def happen():
    wakeups.wake()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", sys.argv[1]], check=True)
    return True

with Wakeups(os.eventfd(0), [sys.argv[1] + "/reeld.db"], []) as wakeups:
    wakeups.take()
    wakeups.rest(60, happen)
    print(*(cause.name for cause in wakeups.take()))
"""


def test_a_mount_is_told_that_comes_together_with_a_call_to_wake(tmp_path: Path) -> None:
    """The kernel reports it to one poll alone, and the rest ends for the call that came first."""
    done = subprocess.run(
        ["unshare", "-Urm", sys.executable, "-W", "error", "-c", _MOUNTING, tmp_path],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    if done.returncode != 0 and "unshare" in done.stderr:
        pytest.skip(f"no user namespaces here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["MOUNTS"]
