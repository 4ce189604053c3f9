"""A child that does what it is told, good or bad: `python -m tests.service.echo_child`."""

import contextlib
import ctypes
import fcntl
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from reeld import sandbox

BORN = {
    "directory": os.getcwd(),
    "environment": dict(os.environ),
    "path": sys.path,
}


def _attempt(deed: Callable[[], object]) -> dict[str, Any]:
    try:
        deed()
    except OSError as err:
        return {"refused": err.errno}
    return {"refused": None}


def _open(path: str, _descriptors: Sequence[int]) -> dict[str, Any]:
    return _attempt(lambda: os.close(os.open(path, os.O_RDONLY)))


def _connect(port: int, _descriptors: Sequence[int]) -> dict[str, Any]:
    return _attempt(lambda: socket.create_connection(("127.0.0.1", port)).close())


def _write(text: str, descriptors: Sequence[int]) -> dict[str, Any]:
    return _attempt(lambda: os.pwrite(descriptors[0], text.encode(), 0))


def _lease(_how: bool, descriptors: Sequence[int]) -> dict[str, Any]:
    return _attempt(lambda: fcntl.fcntl(descriptors[0], fcntl.F_SETLEASE, fcntl.F_RDLCK))


def _unlink(path: str, _descriptors: Sequence[int]) -> dict[str, Any]:
    return _attempt(lambda: os.unlink(path))


def _execute(path: str, _descriptors: Sequence[int]) -> dict[str, Any]:
    return _attempt(lambda: os.execv(path, [path]))


def _system_call(number: int, _descriptors: Sequence[int]) -> dict[str, Any]:
    libc = ctypes.CDLL(None, use_errno=True)
    result = libc.syscall(*map(ctypes.c_long, (number, -1, 0, 0, 0, 0, 0)))
    return {"refused": ctypes.get_errno() if result == -1 else None}


def _complain(size: int, _descriptors: Sequence[int]) -> dict[str, Any]:
    with contextlib.suppress(BlockingIOError):
        os.write(2, b"x" * size)
    return {}


def _fail(words: str, _descriptors: Sequence[int]) -> NoReturn:
    raise RuntimeError(words)


def _signal(number: int, _descriptors: Sequence[int]) -> dict[str, Any]:
    os.kill(os.getpid(), number)
    return {}


def _hang(_how: bool, descriptors: Sequence[int]) -> NoReturn:
    for descriptor in descriptors:  # tells the test that the request has arrived
        os.write(descriptor, b"!")
    while True:
        signal.pause()


def _await_word(_how: bool, descriptors: Sequence[int]) -> dict[str, Any]:
    """Say over a socket that the request has arrived, and wait for a byte."""
    os.write(descriptors[0], b"!")
    os.read(descriptors[0], 1)
    return {"pid": os.getpid()}


def _spin(_how: bool, _descriptors: Sequence[int]) -> NoReturn:
    while True:
        pass


def _lie(text: str, _descriptors: Sequence[int]) -> dict[str, Any]:
    os.write(0, sandbox.HEADER.pack(len(text)) + text.encode())
    return {}


_DEEDS: dict[str, Callable[[Any, Sequence[int]], dict[str, Any]]] = {
    "open": _open,
    "connect": _connect,
    "write": _write,
    "lease": _lease,
    "unlink": _unlink,
    "execute": _execute,
    "system_call": _system_call,
    "allocate": lambda size, _: {"allocated": len(bytes(size))},
    "long": lambda size, _: {"text": "x" * size},
    "complain": _complain,
    "fail": _fail,
    "signal": _signal,
    "hang": _hang,
    "await_word": _await_word,
    "spin": _spin,
    "lie": _lie,
}


def answer(request: dict[str, Any], descriptors: Sequence[int]) -> dict[str, Any]:
    """Do the one deed that the request names; otherwise tell about the request and the child."""
    for name, value in request.items():
        if deed := _DEEDS.get(name):
            return deed(value, descriptors)
    texts = [os.pread(descriptor, 100, 0).decode() for descriptor in descriptors]
    return {"request": request, "texts": texts, "pid": os.getpid(), "nice": os.getpriority(os.PRIO_PROCESS, 0), **BORN}


if __name__ == "__main__":
    sandbox.serve(answer, sandbox.Limits.inherited())
