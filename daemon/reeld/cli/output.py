"""Writes results to standard output, and messages for people to standard error."""

import io
import os
import sys
from collections.abc import Iterable
from types import TracebackType
from typing import Any, TextIO

from reeld.domain.files import json_line, readable_lines
from reeld.errors import OutputFailed
from reeld.journal import is_journal, with_priority
from reeld.log import StandardError

Row = dict[str, Any]


class ReaderLeft(Exception):
    """The program that reads our output (`head`, say) has closed the pipe."""


def print_json(rows: Iterable[Row]) -> None:
    """Print one object a line. A name that is not UTF-8 keeps its raw bytes as `\\udcNN` escapes."""
    for row in rows:
        write(f"{json_line(row)}\n".encode())


def say(text: str = "") -> None:
    """Print a line for people on stdout."""
    write(f"{readable_lines(text)}\n".encode())


def print_text(text: str) -> None:
    """Print a text that another program reads, such as a unit, byte for byte. On a terminal it is made safe."""
    if sys.stdout.isatty() and text != (safe := readable_lines(text)):
        say(safe)
        remark("some characters are shown escaped here; write this to a file with `>` to have them as they are")
    else:
        write(f"{text}\n".encode(errors="surrogateescape"))


class _Output(io.FileIO):
    """Standard output that raises our own errors, also when typer or rich write to it."""

    def write(self, data: Any, /) -> int:
        """Raises ReaderLeft or OutputFailed."""
        try:
            return super().write(data)
        except BrokenPipeError as err:
            raise ReaderLeft from err
        except OSError as err:
            raise OutputFailed(err) from err


def take_over() -> None:
    """Make writing to stdout raise ReaderLeft or OutputFailed from here on, and writing to stderr nothing."""
    _fill_the_gaps()
    sys.stdout = _text(_Output(1, "wb", closefd=False), sys.stdout)
    sys.stderr = _text(StandardError(2), sys.stderr)
    sys.excepthook = _complain_of


def _complain_of(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
    """Print a traceback. Its message may quote any name."""
    import traceback

    complain("".join(traceback.format_exception(kind, error, where)).rstrip("\n"))


def _fill_the_gaps() -> None:
    """Open closed standard streams (`>&-`), or the next file that is opened would get their number.

    Standard output is opened for reading alone, so that writing to it fails. Standard error takes and drops all.
    """
    for descriptor, mode in ((0, os.O_RDONLY), (1, os.O_RDONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, mode)
    if sys.stdin is None:
        sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, closefd=False)))


def _text(raw: io.RawIOBase, old: TextIO | None) -> TextIO:
    """Wrap a stream as Python itself does."""
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=old.encoding if old else "utf-8",
        errors=old.errors if old else "backslashreplace",
        line_buffering=bool(getattr(old, "line_buffering", False)),
    )


def flush() -> None:
    """Write out what was printed. Raises ReaderLeft or OutputFailed."""
    if sys.stdout is not None:
        sys.stdout.flush()


def let_go() -> None:
    """Drop all further output. Python would otherwise report the same error again when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def write(line: bytes) -> None:
    sys.stdout.buffer.write(line)


def complain(text: str, level: str = "error") -> None:
    """Print lines about trouble on stderr. On the journal each has the priority of this level."""
    lines = readable_lines(text)
    if is_journal(sys.stderr, os.environ):
        lines = with_priority(level, lines)
    sys.stderr.write(f"{lines}\n")


def remark(text: str) -> None:
    """Print a line on stderr below the results so far. Raises ReaderLeft or OutputFailed."""
    flush()
    complain(text, "warning")


def print_error(message: str, hint: str | None = None) -> None:
    """Print `error: ...` on stderr and, if there is a hint, `hint: ...` below it."""
    complain(f"error: {message}")
    if hint is not None:
        complain(f"hint: {hint}")


def clear_screen() -> None:
    """Clear the terminal; the next line begins at its top."""
    # Through the buffer, as lines are: text written to sys.stdout itself would come after them.
    write(b"\x1b[H\x1b[2J")
