"""The prober child with a stand-in for libmediainfo, which does what the file orders.

It shows that the guards hold against any parser, and needs no file that harms the real library. All else is the
real child: its preparations, its confinement, its way to report. A file without an order goes to the real library.
"""

import ctypes
import json
import os
import socket
import time
from collections.abc import Callable
from typing import Any, BinaryIO
from unittest import mock

from reeld.content import probe_child

MODULE = "tests.content.standin_prober"

_MARK = b"\x1a\x45\xdf\xa3do "
"""Begins like Matroska, so that the prober gets the file."""

PIECE_BYTES = 16 << 20


def order(deed: str, *arguments: Any) -> bytes:
    """Make the content of a file that orders this deed."""
    return _MARK + json.dumps([deed, *arguments]).encode() + b"\n"


def _sleep() -> None:
    while True:
        time.sleep(3600)


def _swell(size_bytes: int) -> None:
    """Take memory as C++ does, in pieces, until so much is taken or no more is given."""
    library = ctypes.CDLL(None)
    take, no_throw = library["_ZnwmRKSt9nothrow_t"], ctypes.c_char.in_dll(library, "_ZSt7nothrow")
    take.restype = ctypes.c_void_p
    for _ in range(size_bytes // PIECE_BYTES):
        piece = take(ctypes.c_size_t(PIECE_BYTES), ctypes.byref(no_throw))
        if piece is None:
            return
        ctypes.memset(piece, 1, PIECE_BYTES)


def _open(path: str) -> None:
    os.close(os.open(path, os.O_RDONLY))


def _write(path: str) -> None:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT))


def _connect(port: int) -> None:
    socket.create_connection(("127.0.0.1", port)).close()


_DEEDS: dict[str, Callable[..., None]] = {
    "sleep": _sleep,
    "swell": _swell,
    "die": os.abort,
    "open": _open,
    "write": _write,
    "connect": _connect,
}

_parse = probe_child._report


def _obey(file: BinaryIO) -> list[dict[str, Any]]:
    """Do what the file orders; a deed that is refused names the error as its container."""
    file.seek(0)
    head = file.read(4096)
    if not head.startswith(_MARK):
        return _parse(file)
    deed, *arguments = json.loads(head.removeprefix(_MARK).split(b"\n")[0])
    try:
        _DEEDS[deed](*arguments)
    except OSError as err:
        return [{"@type": "General", "Format": f"refused {err.errno}"}]
    return []


if __name__ == "__main__":
    ctypes.CDLL("libstdc++.so.6", mode=ctypes.RTLD_GLOBAL)
    with mock.patch("reeld.content.probe_child._report", _obey):
        probe_child.main()
