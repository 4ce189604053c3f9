"""What the service manager hears, and that its absence is no trouble."""

import contextlib
import os
import socket
import time
from pathlib import Path

import pytest

from reeld.report.sd_notify import notify, watchdog_interval_s


@pytest.mark.parametrize("kind", ["path", "abstract"])
def test_states_arrive_as_one_datagram(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"reeld-test-{os.getpid()}"
    address = str(tmp_path / "n") if kind == "path" else f"\0{name}"
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as manager:
        manager.bind(address)
        monkeypatch.setenv("NOTIFY_SOCKET", address if kind == "path" else f"@{name}")
        notify("READY=1", "STATUS=watching 1 libraries", "STATUS=\n\x9b\u2028")
        manager.settimeout(5)
        assert manager.recv(1000) == b"READY=1\nSTATUS=watching 1 libraries\nSTATUS=\\n\\x9b\\u2028"


@pytest.mark.parametrize("address", [None, "", "/nowhere/notify", "x" * 300])
def test_a_manager_that_is_not_there_is_no_trouble(address: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    if address is not None:
        monkeypatch.setenv("NOTIFY_SOCKET", address)
    notify("READY=1")


def test_a_manager_that_does_not_read_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as manager:
        manager.bind(str(tmp_path / "n"))
        with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as other:
            other.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    other.sendto(b"STATUS=more and more", str(tmp_path / "n"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "n"))
        started = time.monotonic()
        notify("READY=1")
        assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("environment", "interval_s"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "60000000"}, 30.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}, 30.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_it_beats_twice_as_often_as_is_asked_of_it(environment: dict[str, str], interval_s: float | None) -> None:
    assert watchdog_interval_s(environment) == interval_s
