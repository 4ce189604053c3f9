"""Prints rows: JSON Lines for scripts, CSV for spreadsheets, tables on a terminal, tab-separated lines in a pipe."""

import io
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from reeld.cli.output import Row, complain, print_json, say, write
from reeld.cli.pager import paged
from reeld.cli.words import shown
from reeld.domain.files import readable
from reeld.errors import UsageError

if TYPE_CHECKING:
    # Loaded where a table is printed.
    from rich.table import Table

Column = tuple[str, Callable[[Row], object]]
"""A heading, and the cell that a row has under it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How results are printed."""

    form: str | None = None
    """json, csv, table, tabs or paths0. None: a table on a terminal, else tabs."""
    keys: Sequence[str] = ()
    """The keys of the rows that are printed. Empty: those that the list shows by itself."""
    has_header: bool = False
    roots: Sequence[str] = ()
    """The libraries' paths, which tables leave out."""

    @property
    def is_for_people(self) -> bool:
        """Whether sums may stand below."""
        return self.form == "table" or (self.form is None and sys.stdout.isatty())


# Rows that are measured before a table's columns get their widths.
_TABLE_ROWS = 5000


# In a narrower terminal these columns leave their place to the others.
_WIDE = 120
_ONLY_WHERE_WIDE = frozenset({"Languages", "Media", "Size"})
# A table has them only if `--columns` names them.
_ONLY_IN_LINES = frozenset({"Hash"})


def print_rows(
    rows: Iterable[Row],
    columns: Sequence[Column],
    *,
    nothing: str,
    shape: Shape,
    csv_keys: Sequence[str] = (),
    is_paged: bool = True,
) -> None:
    """Print rows in a shape. `columns` are what people see, `csv_keys` what spreadsheets get.

    A long table on a terminal is paged, unless rows come so slowly that each is wanted at once.

    An empty list prints `nothing` on stderr; as JSON, as CSV or as paths it prints no row at all. Raises UsageError for
    keys that the rows do not have.
    """
    form = shape.form or ("table" if sys.stdout.isatty() else "tabs")
    keys = shape.keys or (csv_keys if form == "csv" else ())
    if keys:
        columns = [(key, partial(_value, key)) for key in keys]
    match form:
        case "json":
            print_json(_with_keys(row, shape.keys) for row in rows)
        case "paths0":
            _print_paths(rows)
        case "csv":
            _print_csv(rows, columns)
        case "table":
            with paged() if is_paged else nullcontext():
                _print_table(rows, columns, nothing, shape.roots)
        case _:
            if shape.has_header:
                say("\t".join(heading for heading, _ in columns))
            _print_tabs(rows, columns, nothing)


def _value(key: str, row: Row) -> object:
    if key not in row:
        raise UsageError(f"there is no column {readable(key)!r}", f"choose from {', '.join(row)}")
    return row[key]


def _with_keys(row: Row, keys: Sequence[str]) -> Row:
    return {key: _value(key, row) for key in keys} if keys else row


def _print_paths(rows: Iterable[Row]) -> None:
    """Print the paths of files, and of all files of works, each with a zero byte behind it, for `xargs -0`."""
    for row in rows:
        for file in row.get("files", [row]):
            if "path" not in file:
                raise UsageError("these have no paths", "list files, movies or episodes")
            write(os.fsencode(file["path"]) + b"\0")


# What a spreadsheet takes for a formula when it stands first in a cell.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def _print_csv(rows: Iterable[Row], columns: Sequence[Column]) -> None:
    """Print RFC 4180, always with a header. A text that a spreadsheet would run gets an apostrophe before it."""
    import csv

    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")

    def out(cells: Iterable[object]) -> None:
        writer.writerow(cells)
        write(text.getvalue().encode(errors="surrogateescape"))
        text.seek(0)
        text.truncate()

    out(heading for heading, _ in columns)
    for row in rows:
        out(_csv_cell(value(row)) for _, value in columns)


def _csv_cell(value: object) -> object:
    if isinstance(value, (list, tuple)):
        value = ",".join(str(item) for item in value if not isinstance(item, dict)) if value else ""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return {True: "true", False: "false"}.get(value, value) if isinstance(value, bool) else value


# The colours of states.
_STYLES = {
    **dict.fromkeys(("present", "online", "accepted"), "green"),
    **dict.fromkeys(("pending", "on hold", "unverified", "candidate"), "yellow"),
    **dict.fromkeys(
        ("missing", "failed", "offline", "rejected", "damaged", "altered", "unstable", "unreadable"), "red"
    ),
    **dict.fromkeys(("ignored", "removed", "library removed"), "dim"),
}
_OF_STATES = frozenset({"State", "Verdict", "Kind"})

# A path has at least this part of the width: one that is shortened more tells nothing.
_PART_OF_PATH = 0.35
_SHORT = 12
_BETWEEN = 2
"""Blanks between two columns."""


def _print_table(rows: Iterable[Row], columns: Sequence[Column], nothing: str, roots: Sequence[str]) -> None:
    """Print a table that fits the terminal: empty columns are left out, and the path comes last.

    It is that below its library, and shortened.
    """
    from rich.console import Console

    console = Console(highlight=False)
    left_out = _ONLY_IN_LINES if console.width >= _WIDE else _ONLY_IN_LINES | _ONLY_WHERE_WIDE
    columns = [column for column in columns if column[0] not in left_out]
    columns = [(heading, partial(_below, roots, value) if heading == "Path" else value) for heading, value in columns]
    columns = sorted(columns, key=lambda column: column[0] == "Path")
    has_any = False
    found = iter(rows)
    while batch := [_cells(row, columns) for row in islice(found, _TABLE_ROWS)]:
        has_any = True
        console.print(_table([heading for heading, _ in columns], batch, console.width))
    if not has_any:
        complain(nothing, "info")


def _below(roots: Sequence[str], value: Callable[[Row], object], row: Row) -> object:
    """Return the path below its library, if it is below one."""
    path = value(row)
    found = [root for root in roots if isinstance(path, str) and path.startswith(f"{root.rstrip('/')}/")]
    return str(path)[len(max(found, key=len).rstrip("/")) + 1 :] if found else path


def _table(headings: Sequence[str], batch: Sequence[Sequence[str]], width: int) -> "Table":
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    kept = [place for place, cells in enumerate(zip(*batch, strict=True)) if any(cells)]
    widths = [max(map(cell_len, (headings[place], *(cells[place] for cells in batch)))) for place in kept]
    room = max(round(_PART_OF_PATH * width), width - sum(widths[:-1]) - _BETWEEN * (len(kept) - 1))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for place, wide in zip(kept, widths, strict=True):
        # Long texts are folded first: a path was shortened already, and numbers and states are short.
        table.add_column(headings[place], no_wrap=headings[place] == "Path" or wide <= _SHORT)
    for cells in batch:
        texts = []
        for place in kept:
            style = _STYLES.get(cells[place], "") if headings[place] in _OF_STATES else ""
            text = shortened(cells[place], room) if headings[place] == "Path" else cells[place]
            # Text: a title in square brackets is no markup.
            texts.append(Text(text, overflow="fold", style=style))
        table.add_row(*texts)
    return table


def shortened(path: str, room: int) -> str:
    """Leave out the middle of a path that is too long for `room` cells of a terminal."""
    from rich.cells import cell_len

    if cell_len(path) <= room:
        return path
    # The end tells more than the beginning.
    head, tail = path[: room // 4], path[-(room - room // 4) :]
    while cell_len(head) + 1 + cell_len(tail) > room:
        head, tail = (head[:-1], tail) if len(head) > len(tail) else (head, tail[1:])
    return f"{head}\u2026{tail}"


def _print_tabs(rows: Iterable[Row], columns: Sequence[Column], nothing: str) -> None:
    has_any = False
    for row in rows:
        has_any = True
        say("\t".join(_cells(row, columns)))
    if not has_any:
        complain(nothing, "info")


def _cells(row: Row, columns: Sequence[Column]) -> list[str]:
    return [shown(value(row)) for _, value in columns]
