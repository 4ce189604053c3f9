"""The command that counts files, hours and bytes."""

import os
from collections.abc import Iterator
from functools import partial
from typing import Annotated

import typer

from reeld.catalog import overview
from reeld.cli.options import ConfigFile, catalog_of
from reeld.cli.output import Row
from reeld.cli.queries import Request, takes_query
from reeld.cli.tables import Column, print_rows
from reeld.cli.words import size
from reeld.errors import UsageError
from reeld.query.stats import GROUPINGS, sums
from reeld.service.timeouts import LONGEST_ANSWER_S, all_in_time

_DEFAULT = "library,kind,resolution,codec,hdr,language"

By = Annotated[
    str,
    typer.Option("--by", metavar="NAMES", help=f"Count by these: {', '.join(GROUPINGS)}; parted by commas."),
]

_BAR = 16
_MS_A_HOUR = 3_600_000


def _bar(share: float | None) -> str | None:
    if share is None:
        return None
    return "\u2588" * round(share * _BAR) or "\u258f"


_COLUMNS: list[Column] = [
    ("By", lambda row: row["by"]),
    ("Value", lambda row: "none or unknown" if row["value"] is None else row["value"]),
    ("Files", lambda row: row["file_count"]),
    ("Hours", lambda row: None if row["duration_ms"] is None else round(row["duration_ms"] / _MS_A_HOUR)),
    ("Bytes", lambda row: size(row["size_bytes"])),
    ("Free", lambda row: None if row["free_bytes"] is None else size(row["free_bytes"])),
    ("Share", lambda row: _bar(row["share"])),
]
_CSV = ("by", "value", "file_count", "duration_ms", "size_bytes", "free_bytes")


@takes_query
def stats(request: Request, by: By = _DEFAULT, config: ConfigFile = None) -> None:
    """Count files, hours and bytes by library, resolution, codec, language and more, and show the free space."""
    if request.order or request.limit is not None:
        raise UsageError("sums cannot be sorted or cut off", "leave --sort and --limit out")
    with catalog_of(config) as settings:
        query = request.understood(settings)
        groupings = [name.strip() for name in by.split(",") if name.strip()]

        def found() -> Iterator[Row]:
            whole = 0
            for one in sums(query, groupings):
                whole = one.size_bytes if one.by == "total" else whole
                yield {
                    "by": one.by,
                    "value": one.value,
                    "file_count": one.file_count,
                    "duration_ms": one.duration_ms,
                    "size_bytes": one.size_bytes,
                    "free_bytes": None,
                    "share": round(one.size_bytes / whole, 2) if whole and one.by != "total" else None,
                }
            yield from _disks()

        print_rows(found(), _COLUMNS, shape=request.shape_in(settings), csv_keys=_CSV, nothing="no files yet")


def _disks() -> Iterator[Row]:
    """The disks of the libraries, each once, as far as they answer."""
    roots = [library["path"] for library in overview.libraries()]
    answers = all_in_time({root: partial(_space, root) for root in roots}, LONGEST_ANSWER_S)
    seen: set[int] = set()
    for root, space in answers.items():
        if space is not None and space[0] not in seen:
            seen.add(space[0])
            _, whole, free = space
            yield {
                "by": "disk",
                "value": root,
                "file_count": None,
                "duration_ms": None,
                "size_bytes": whole,
                "free_bytes": free,
                "share": round((whole - free) / whole, 2) if whole else None,
            }


def _space(root: str) -> tuple[int, int, int] | None:
    """Return the device, and its bytes in all and free ones; None if it is away."""
    try:
        found = os.statvfs(root)
        return os.stat(root).st_dev, found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize
    except OSError:
        return None
