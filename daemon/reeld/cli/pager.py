"""Shows what is longer than the terminal page by page, in the program that `PAGER` names, else in `less`.

Nothing is started for what fits: output is held back until it is longer than the terminal.
"""

import io
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import IO, Any, BinaryIO

from reeld.cli.output import ReaderLeft, flush


@contextmanager
def paged() -> Iterator[None]:
    """Page what is printed on standard output within this context, if that is a terminal.

    A user who leaves the pager ends the output, and so this context. `PAGER=cat` and an empty `PAGER` page nothing.
    """
    command = _command(os.environ)
    if not command or not sys.stdout.isatty():
        yield
        return
    flush()
    terminal = sys.stdout
    pages = _Pages(command, terminal.buffer, height=shutil.get_terminal_size().lines)
    paging = io.TextIOWrapper(io.BufferedWriter(pages), encoding=terminal.encoding, errors=terminal.errors)
    sys.stdout = paging
    try:
        yield
        paging.flush()
    except ReaderLeft:
        if pages.pager is None:
            raise
    finally:
        sys.stdout = terminal
        with suppress(ReaderLeft):
            paging.close()
        pages.end()
        flush()


def _command(environment: Mapping[str, str]) -> list[str]:
    """Return the pager's words; none if the user wants no pager, or there is none that can be understood."""
    try:
        words = shlex.split(environment.get("PAGER", "less"))
    except ValueError:  # a quote is not closed
        return []
    if not words or words == ["cat"] or shutil.which(words[0]) is None:
        return []
    return words


class _Pages(io.RawIOBase):
    """A terminal that starts the pager as soon as it is full."""

    def __init__(self, command: list[str], terminal: BinaryIO, *, height: int) -> None:
        self.pager: subprocess.Popen[bytes] | None = None
        self._command = command
        self._terminal = terminal
        self._height = height
        self._held = bytearray()
        self._out: IO[bytes] | None = None
        """Where output goes since it was longer than the terminal."""
        self._on_interrupt: Any = None

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        """Raises ReaderLeft once the user has left the pager."""
        piece = bytes(data)
        if self._out is None:
            self._held += piece
            if self._held.count(b"\n") < self._height:
                return len(piece)
            self._out, piece = self._start(), bytes(self._held)
        try:
            self._out.write(piece)
            self._out.flush()
        except BrokenPipeError as err:
            raise ReaderLeft from err
        return len(data)

    def end(self) -> None:
        """Wait until the user leaves the pager, or print what fits the terminal."""
        if self._out is None:
            self._terminal.write(bytes(self._held))
        if self.pager is not None:
            self.pager.communicate()
            signal.signal(signal.SIGINT, self._on_interrupt)

    def _start(self) -> IO[bytes]:
        # Colours as they are, nothing is wiped at the end, and one page needs no key.
        environment = {"LESS": "FRX", "LESSCHARSET": "utf-8", **os.environ}
        try:
            self.pager = subprocess.Popen(self._command, stdin=subprocess.PIPE, env=environment)
        except OSError:
            return self._terminal
        # Ctrl-C is for the pager, which stops waiting for more and stays.
        self._on_interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)
        return self.pager.stdin or self._terminal
