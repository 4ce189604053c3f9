"""Prints rows: JSON Lines for scripts, CSV for spreadsheets, tables on a terminal, tab-separated lines in a pipe."""

import io
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from reeld.cli.output import Row, complain, print_json, say, write
from reeld.cli.words import shown
from reeld.domain.files import readable
from reeld.errors import UsageError

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

    @property
    def is_for_people(self) -> bool:
        """Whether sums may stand below."""
        return self.form == "table" or (self.form is None and sys.stdout.isatty())


# Rows that are measured before a table's columns get their widths.
_TABLE_ROWS = 5000


# In a narrower terminal these columns, and empty ones, leave their place to the others.
_WIDE = 120
_ONLY_WHERE_WIDE = frozenset({"Hash", "Media", "Size"})


def print_rows(
    rows: Iterable[Row], columns: Sequence[Column], *, nothing: str, shape: Shape, csv_keys: Sequence[str] = ()
) -> None:
    """Print rows in a shape. `columns` are what people see, `csv_keys` what spreadsheets get.

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
            _print_table(rows, columns, nothing)
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
