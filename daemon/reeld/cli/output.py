"""Prints results: JSON Lines for scripts, tables on a terminal, tab-separated lines in a pipe."""

import io
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Any, TextIO

from reeld.domain.files import json_line, readable, readable_lines
from reeld.errors import OutputFailed
from reeld.journal import is_journal, with_priority
from reeld.log import StandardError

Row = dict[str, Any]
Column = tuple[str, Callable[[Row], object]]
"""A heading, and the cell that a row has under it."""

# Rows that are measured before a table's columns get their widths.
_TABLE_ROWS = 5000


# In a narrower terminal these columns, and empty ones, leave their place to the others.
_WIDE = 120
_ONLY_WHERE_WIDE = frozenset({"Hash", "Media", "Size"})


class ReaderLeft(Exception):
    """The program that reads our output (`head`, say) has closed the pipe."""


def print_json(rows: Iterable[Row]) -> None:
    """Print one object a line. A name that is not UTF-8 keeps its raw bytes as `\\udcNN` escapes."""
    for row in rows:
        _write(f"{json_line(row)}\n".encode())


def print_rows(rows: Iterable[Row], columns: Sequence[Column], *, as_json: bool, nothing: str) -> None:
    """Print rows as JSON Lines if `as_json`, as a table on a terminal, else as columns parted by tabs.

    An empty list prints `nothing` on stderr. As JSON it prints nothing at all.
    """
    if as_json:
        print_json(rows)
    elif sys.stdout.isatty():
        _print_table(rows, columns, nothing)
    else:
        _print_tabs(rows, columns, nothing)


def say(text: str = "") -> None:
    """Print a line for people on stdout."""
    _write(f"{readable_lines(text)}\n".encode())


def print_text(text: str) -> None:
    """Print a text that another program reads, such as a unit, byte for byte. On a terminal it is made safe."""
    if sys.stdout.isatty() and text != (safe := readable_lines(text)):
        say(safe)
        remark("some characters are shown escaped here; write this to a file with `>` to have them as they are")
    else:
        _write(f"{text}\n".encode(errors="surrogateescape"))


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


def _write(line: bytes) -> None:
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


def _print_table(rows: Iterable[Row], columns: Sequence[Column], nothing: str) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    is_narrow = console.width < _WIDE
    if is_narrow:
        columns = [column for column in columns if column[0] not in _ONLY_WHERE_WIDE]
    batch: list[list[str]] = []
    has_any = False

    def flush() -> None:
        kept = [place for place, cells in enumerate(zip(*batch, strict=True)) if any(cells) or not is_narrow]
        headings = [columns[place][0] for place in kept]
        table = Table(*headings, box=None, pad_edge=False, header_style="bold")
        for cells in batch:
            # Text: a title in square brackets is no markup.
            table.add_row(*(Text(cells[place], overflow="fold") for place in kept))
        console.print(table)
        batch.clear()

    for row in rows:
        has_any = True
        batch.append(_cells(row, columns))
        if len(batch) == _TABLE_ROWS:
            flush()
    if batch:
        flush()
    if not has_any:
        complain(nothing, "info")


def _print_tabs(rows: Iterable[Row], columns: Sequence[Column], nothing: str) -> None:
    has_any = False
    for row in rows:
        has_any = True
        say("\t".join(_cells(row, columns)))
    if not has_any:
        complain(nothing, "info")


def _cells(row: Row, columns: Sequence[Column]) -> list[str]:
    return [shown(value(row)) for _, value in columns]


# --- values for people -----------------------------------------------------------------------------------


def shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, (list, tuple)):
        return ",".join(shown(item) for item in value)
    return readable(str(value))


def clear_screen() -> None:
    """Clear the terminal; the next line begins at its top."""
    # Through the buffer, as lines are: text written to sys.stdout itself would come after them.
    _write(b"\x1b[H\x1b[2J")


def size(size_bytes: int) -> str:
    """Write a size for people: 1536 is "1.5 KiB"."""
    number = float(size_bytes)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} TiB"


def duration(duration_ms: int | None) -> str | None:
    """Write a duration for people: 5025000 is "1:23:45"."""
    if duration_ms is None:
        return None
    minutes, seconds = divmod(round(duration_ms / 1000), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


def minute(moment: str) -> str:
    """Write a moment, given as RFC 3339, as 2026-11-22 15:51 UTC."""
    return f"{moment[:10]} {moment[11:16]} UTC"


def second(moment: str) -> str:
    """Write a moment, given as RFC 3339, as 2026-11-22 15:51:15 UTC."""
    return f"{moment[:10]} {moment[11:19]} UTC"


def episode_code(season: int | None, numbers: Sequence[int] | None, absolute: Sequence[int] | None) -> str | None:
    """Write an episode as `S01E02E03`, or as `#366` when only its absolute number is known."""
    if season is not None and numbers:
        return f"S{season:02}" + "".join(f"E{number:02}" for number in numbers)
    if absolute:
        return " ".join(f"#{number}" for number in absolute)
    return None


def work_name(row: Row) -> str:
    """Name the work that a reading, a candidate or a file has: `Heat (1995)`, `Severance S02E01`.

    Without a title the name is `?`. Country, air date, edition and part follow where they are known.
    """
    name = str(row.get("series") or row.get("title") or "?")
    if row.get("country"):
        name += f" ({row['country']})"
    if row.get("year") is not None:
        name += f" ({row['year']})"
    code = episode_code(row.get("season_number"), row.get("episode_numbers"), row.get("absolute_numbers"))
    extras = [
        code,
        row.get("air_date"),
        row.get("edition"),
        f"part {row['part']}" if row.get("part") else None,
    ]
    return readable(" ".join([name, *(str(extra) for extra in extras if extra)]))
