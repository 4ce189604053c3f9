"""Serves the metrics at a local port, so that no client costs the daemon more than MOST_CONNECTIONS descriptors.

`run`, in a thread of its own, serves all. A client has LONGEST_S in all, however it divides its bytes. A new client
takes the place of the oldest where there are too many, so one that says nothing keeps no scrape away. While the
process has few descriptors left, none is taken: the libraries need them.
"""

import os
import resource
import selectors
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from reeld.log import get_logger

log = get_logger()

MOST_CONNECTIONS = 8
LONGEST_S = 5.0
LONGEST_REQUEST_BYTES = 8 << 10

KEPT_BACK = 64
"""Descriptors that must be free beyond the one of a new client."""

# How soon the thread notices that descriptors are free again, that a client's time is over, or that it is to end.
PERIOD_S = 0.5

_PIECE_BYTES = 64 << 10


@dataclass(slots=True)
class _Client:
    channel: socket.socket
    until: float
    request: bytes = b""
    answer: memoryview = field(default_factory=lambda: memoryview(b""))


class MetricsPort:
    """A server. `render` returns the page. Raises OSError if the port is taken."""

    def __init__(
        self,
        address: tuple[str, int],
        content_type: str,
        render: Callable[[], bytes],
        *,
        free_descriptors: Callable[[], int] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._content_type = content_type
        self._render = render
        self._free_descriptors = free_descriptors or descriptors_left
        self._clock = clock
        self._clients: dict[int, _Client] = {}
        """By descriptor, the oldest first."""
        self._stopping = threading.Event()
        self._selector = selectors.DefaultSelector()
        self._listener = socket.create_server(address, backlog=MOST_CONNECTIONS)
        self._listener.setblocking(False)
        self._is_listening = False
        self._has_ended = threading.Event()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def close(self) -> None:
        """End `run`, which another thread executes."""
        self._stopping.set()
        self._has_ended.wait(2 * PERIOD_S)

    # --- the thread --------------------------------------------------------------------------------------

    def run(self) -> None:
        """Serve until `close`."""
        try:
            while not self._stopping.is_set():
                self._listen_if_there_is_room()
                for key, _ in self._selector.select(PERIOD_S):
                    if key.fileobj is self._listener:
                        self._accept()
                    elif (client := self._clients.get(key.fd)) is not None:
                        self._go_on(client)
                self._drop_late()
        finally:
            for client in list(self._clients.values()):
                self._drop(client)
            self._selector.close()
            self._listener.close()
            self._has_ended.set()

    def _listen_if_there_is_room(self) -> None:
        """Leave new clients in the kernel's queue, which costs us no descriptor, while few are left."""
        has_room = self._free_descriptors() > KEPT_BACK
        if has_room and not self._is_listening:
            self._selector.register(self._listener, selectors.EVENT_READ)
        elif not has_room and self._is_listening:
            self._selector.unregister(self._listener)
        self._is_listening = has_room
        if not has_room and self._clients:
            self._drop(next(iter(self._clients.values())))

    def _accept(self) -> None:
        if len(self._clients) >= MOST_CONNECTIONS:
            self._drop(next(iter(self._clients.values())))
        try:
            channel, _ = self._listener.accept()
        except BlockingIOError:  # it has left the queue again
            return
        except OSError:  # the machine lacks descriptors or memory
            self._stopping.wait(PERIOD_S)
            return
        channel.setblocking(False)
        self._clients[channel.fileno()] = _Client(channel, self._clock() + LONGEST_S)
        self._selector.register(channel, selectors.EVENT_READ)

    def _go_on(self, client: _Client) -> None:
        try:
            if not client.answer and not self._has_asked(client):
                return
            client.answer = client.answer[client.channel.send(client.answer[:_PIECE_BYTES]) :]
        except BlockingIOError:
            return
        except OSError:  # the client has left
            self._drop(client)
        else:
            if not client.answer:
                self._drop(client)

    def _has_asked(self, client: _Client) -> bool:
        """Read on. Once the request is whole, compose the answer and return True."""
        piece = client.channel.recv(LONGEST_REQUEST_BYTES)
        client.request += piece
        if b"\r\n\r\n" in client.request:
            client.answer = memoryview(self._answer(client.request))
            self._selector.modify(client.channel, selectors.EVENT_WRITE)
            return True
        if not piece or len(client.request) > LONGEST_REQUEST_BYTES:
            self._drop(client)
        return False

    def _answer(self, request: bytes) -> bytes:
        method = request.split(b" ", 1)[0]
        if method not in (b"GET", b"HEAD"):
            return _head("405 Method Not Allowed", 0, "Allow: GET, HEAD")
        try:
            page = self._render()
        except Exception as err:  # noqa: BLE001 - a curve is worth no crash
            log.warning("metrics.failed", about="port", reason=repr(err))
            return _head("500 Internal Server Error", 0)
        return _head("200 OK", len(page), f"Content-Type: {self._content_type}") + (page if method == b"GET" else b"")

    def _drop_late(self) -> None:
        now = self._clock()
        for client in [each for each in self._clients.values() if each.until <= now]:
            self._drop(client)

    def _drop(self, client: _Client) -> None:
        if self._clients.pop(client.channel.fileno(), None) is None:
            return
        self._selector.unregister(client.channel)
        client.channel.close()


def _head(status: str, length: int, *more: str) -> bytes:
    lines = (f"HTTP/1.1 {status}", *more, f"Content-Length: {length}", "Connection: close")
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode()


def descriptors_left() -> int:
    """Count the descriptors that this process may still open."""
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        return most - len(os.listdir("/proc/self/fd"))
    except OSError:  # the list itself needs one
        return 0
