"""A port that any program of this machine may connect to, and that costs the daemon next to nothing."""

import contextlib
import http.client
import os
import resource
import socket
import threading
from collections.abc import Iterator

import pytest

from reeld.report import metrics_port
from reeld.report.metrics_port import KEPT_BACK, LONGEST_REQUEST_BYTES, LONGEST_S, MOST_CONNECTIONS, MetricsPort
from tests.report.test_prometheus import free_port, scraped, with_port
from tests.service.harness import RunningDaemon, new_world
from tests.videos import make_video

PAGE = b"x " * 400_000
"""More than the kernel takes at once."""


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def free() -> list[int]:
    return [1000]


@pytest.fixture
def port(clock: Clock, free: list[int], monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(metrics_port, "PERIOD_S", 0.01)
    server = MetricsPort(("127.0.0.1", 0), "text/plain", lambda: PAGE, free_descriptors=lambda: free[0], clock=clock)
    with serving(server):
        yield server.port


@contextlib.contextmanager
def serving(server: MetricsPort) -> Iterator[None]:
    threading.Thread(target=server.run, daemon=True).start()
    with contextlib.closing(server):
        yield


def asked(port: int, method: str = "GET") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=150)
    with contextlib.closing(connection):
        connection.request(method, "/metrics")
        answer = connection.getresponse()
        return answer.status, answer.read()


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=150)


def is_closed(client: socket.socket) -> bool:
    """Wait until the server has closed the connection."""
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True


def test_a_page_comes_whole_and_only_reading_is_allowed(port: int) -> None:
    assert asked(port) == (200, PAGE)
    assert asked(port, "HEAD") == (200, b"")
    assert asked(port, "POST")[0] == 405


def test_clients_that_say_nothing_keep_no_scrape_away_and_the_oldest_goes(port: int) -> None:
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(connected(port)) for _ in range(3 * MOST_CONNECTIONS)]
        assert asked(port) == (200, PAGE)
        assert all(map(is_closed, clients[: 2 * MOST_CONNECTIONS]))


def test_a_client_that_sends_byte_by_byte_has_no_more_time_than_another(port: int, clock: Clock) -> None:
    with connected(port) as slow, connected(port) as other:
        slow.sendall(b"GET / HTTP/1.1\r\n")
        assert asked(port)[0] == 200
        slow.sendall(b"A: b\r\n")
        clock.now = LONGEST_S
        assert is_closed(slow)
        assert is_closed(other)
    assert asked(port)[0] == 200


def test_a_client_that_does_not_read_its_answer_is_left(port: int, clock: Clock) -> None:
    with connected(port) as client:
        client.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert client.recv(1) == b"H"
        clock.now = LONGEST_S
        with contextlib.suppress(ConnectionResetError):
            while client.recv(1 << 20):
                pass
    assert asked(port) == (200, PAGE)


def test_a_request_without_an_end_is_left(port: int) -> None:
    with connected(port) as client:
        with contextlib.suppress(OSError):
            client.sendall(b"x" * 2 * LONGEST_REQUEST_BYTES)
        assert is_closed(client)


def test_while_descriptors_are_few_none_is_taken_and_later_all_are_served(port: int, free: list[int]) -> None:
    with connected(port) as before:
        free[0] = KEPT_BACK
        assert is_closed(before), "what it holds is given back"
        with connected(port) as client:
            client.sendall(b"GET / HTTP/1.1\r\n\r\n")
            free[0] = KEPT_BACK + 1
            assert client.recv(12) == b"HTTP/1.1 200"


def test_an_error_in_a_figure_is_said_and_ends_nothing() -> None:
    def fail() -> bytes:
        raise ValueError("no figure")

    server = MetricsPort(("127.0.0.1", 0), "text/plain", fail)
    with serving(server):
        assert asked(server.port) == (500, b"")
        assert asked(server.port) == (500, b"")


def descriptors_of(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def test_hundreds_of_silent_connections_take_no_library_offline() -> None:
    """A daemon that has few descriptors finds and hashes what comes meanwhile, and answers a scrape."""
    port = free_port()
    with new_world() as world:
        with_port(world, port)
        with RunningDaemon(world) as daemon, contextlib.ExitStack() as clients:
            make_video(world.library / "Heat (1995).mkv", seed=1)
            daemon.wait_for("file.finished", path="Heat (1995).mkv")
            daemon.wait_until(lambda: scraped(port), "the port answers")
            before = descriptors_of(daemon.pid)
            _, hard = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)
            resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (before + KEPT_BACK + 2 * MOST_CONNECTIONS, hard))
            for _ in range(4 * KEPT_BACK):
                client = clients.enter_context(socket.socket())
                client.setblocking(False)
                client.connect_ex(("127.0.0.1", port))
            daemon.wait_until(lambda: scraped(port), "the port answers beside them")
            make_video(world.library / "Alien (1979).mkv", seed=2)
            daemon.wait_for("file.finished", path="Alien (1979).mkv")
            assert descriptors_of(daemon.pid) <= before + KEPT_BACK
            assert [row["state"] for row in world.rows("list", "libraries")] == ["online"]
            daemon.assert_true()
