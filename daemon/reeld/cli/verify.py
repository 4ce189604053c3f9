"""The command that looks for damage."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from reeld.catalog import verifications, video_files, views
from reeld.catalog.verifications import BROKEN, Due
from reeld.cli.options import ConfigFile, catalog_of
from reeld.cli.output import Row, complain
from reeld.cli.queries import Request, takes_query
from reeld.cli.tables import Column, print_rows
from reeld.content.verifying import Verified, verify
from reeld.database.connection import reading
from reeld.domain.amounts import number_of
from reeld.errors import DamageFound, UsageError
from reeld.query.find import find_files
from reeld.query.twins import twins_of

_COLUMNS: list[Column] = [
    ("ID", lambda row: row["id"]),
    ("State", lambda row: row["outcome"]),
    ("At", lambda row: row["offset"]),
    ("Reason", lambda row: row["reason"]),
    ("Copy", lambda row: row["copy_paths"][0] if row["copy_paths"] else None),
    ("Path", lambda row: row["path"]),
]
_CSV = ("id", "outcome", "offset", "reason", "path")


@takes_query
def verify_files(request: Request, config: ConfigFile = None) -> None:
    """Read files again and compare them with their hashes; the longest unverified first.

    It ends with 65 if a file is damaged or unreadable. Files without a full hash, in doubt, or with work left are not
    read. Each file's result is stored at once, so a verification that was cut off goes on where it was.
    """
    if request.order:
        raise UsageError("the longest unverified files come first", "leave --sort out")
    with catalog_of(config) as settings:
        query = request.understood(settings)
        waiting = verifications.due(list(find_files(query)))[: request.limit]
        counted: dict[str, int] = {}

        def results() -> Iterator[Row]:
            with _progress(sum(file.size_bytes for file in waiting)) as show:
                for row in _verified(waiting, show):
                    counted[row["outcome"]] = counted.get(row["outcome"], 0) + 1
                    if row["outcome"] != "same" or request.shape.form == "json":
                        yield row

        print_rows(results(), _COLUMNS, shape=request.shape_in(settings), csv_keys=_CSV, nothing="no damage was found")
        found = ", ".join(f"{count} {outcome}" for outcome, count in counted.items()) or "no file can be verified now"
        complain(f"{number_of(sum(counted.values()), 'file')} read: {found}", "info")
        if broken := sum(counted.get(outcome, 0) for outcome in BROKEN):
            raise DamageFound(broken)


def _verified(waiting: list[Due], show: Callable[[int], None]) -> Iterator[Row]:
    """Verify one file after the other. One with several names is read once."""
    known: dict[tuple[int, int], Verified] = {}
    for due in waiting:
        with reading():
            record = video_files.file_records([due.id]).get(due.id)
        if record is None or record.file_hash is None:
            continue
        path = os.path.join(record.library_path, record.path)
        result = known.get((due.device, due.inode)) if due.inode else None
        if result is None:
            result = verify(path, record.stamp, record.file_hash, on_progress=show)
            known[due.device, due.inode] = result
        if result.outcome in ("same", *BROKEN) and not verifications.record(
            due.id, record.file_hash, result.outcome, result.offset, int(time.time() * 1000)
        ):
            result = Verified(outcome="changed", reason="it changed while it was read")
        file = views.file_by_id(due.id)
        yield {
            "id": due.id,
            "path": path if file is None else file["path"],
            "outcome": result.outcome,
            "reason": result.reason,
            "offset": result.offset,
            "file_hash": record.file_hash,
            "found_hash": result.found_hash if result.outcome == "damaged" else None,
            "copy_paths": twins_of(due.id)["copy_paths"] if result.outcome in BROKEN else [],
        }


@contextmanager
def _progress(whole: int) -> Iterator[Callable[[int], None]]:
    """Show bytes, rate and time left on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _count: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    columns = (BarColumn(), DownloadColumn(binary_units=True), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("verifying", total=whole)
        yield lambda count: bar.advance(task, count)
