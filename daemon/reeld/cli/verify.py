"""`verify`: reads files again and compares them with their hashes, now and by hand.

It works beside a daemon, and without one, as the user's decisions do: it needs no lock, since a result is stored only
where the row still says what was read. While a file is read, the catalogue is not open. It is opened for each page of
files and each result, so that a verification of days holds up neither the daemon nor `reeld restore-backup`.
"""

import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from reeld.catalog import verification, video_files
from reeld.catalog.twins import copies_of
from reeld.cli.options import ConfigFile, catalog_of
from reeld.cli.output import Row, complain
from reeld.cli.queries import Request, takes_query
from reeld.cli.tables import Column, print_rows
from reeld.cli.words import size
from reeld.config import Config
from reeld.database.connection import close_catalog, open_catalog, reading, writing
from reeld.domain.amounts import number_of
from reeld.domain.records import FileRecord
from reeld.domain.times import coarsely
from reeld.domain.verification import Comparison, LeftAlone, Result
from reeld.errors import DamageFound, UsageError
from reeld.pipeline.verify import Verifier
from reeld.query.find import find_files
from reeld.service.stage_context import now_ms
from reeld.watch.completeness import CompletenessChecks, ignore_broken_leases

# Files whose records are read at once.
PAGE = 50

# Whole files that were read within this time share a commit. A kill loses no more than this reading.
STORE_S = 2.0

_LEFT_ALONE = "left_alone"

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

    It ends with 65 if a file is not as it was hashed. Files that are missing, in doubt or without a full hash are not
    read, nor those on a disk that is away. Nothing is said on the word of one reading, no video is touched, and no hash
    is replaced. Results are stored as they come, so a verification that was cut off goes on where it was.
    """
    if request.order:
        raise UsageError("the longest unverified files come first", "leave --sort out")
    ignore_broken_leases()
    with catalog_of(config) as settings:
        found = list(find_files(request.understood(settings)))
        waiting = verification.in_order(found)
        unfit_count = len(found) - len(waiting)
        waiting = waiting[: request.limit]
        size_bytes = verification.size_of(waiting)
    run = _Run(settings=settings, tells_all=request.shape.form == "json")
    nothing = "no damage was found" if waiting else "no file can be verified now"
    print_rows(
        run.rows(waiting, size_bytes),
        _COLUMNS,
        shape=request.shape_in(settings),
        csv_keys=_CSV,
        nothing=nothing,
        is_paged=False,
    )
    complain(run.summary(unfit_count), "info")
    if run.was_interrupted:
        raise KeyboardInterrupt
    if run.wrong_count:
        raise DamageFound(run.wrong_count)


class _NoBar:
    """Stands in for a progress bar where there is no terminal."""

    def advance(self, size_bytes: int) -> None:
        pass

    def count(self, counts: Counter[str]) -> None:
        pass

    @contextmanager
    def hidden(self) -> Iterator[None]:
        yield


@dataclass(slots=True, kw_only=True)
class _Run:
    """One call of the command: what was found so far, and what is not stored yet."""

    settings: Config
    tells_all: bool
    """Whether files that are the same have a row, too."""
    was_interrupted: bool = False
    """Whether Ctrl-C ended it. What was found until then is stored and shown."""
    _bar: _NoBar = field(default_factory=_NoBar)
    _counts: Counter[str] = field(default_factory=Counter)
    _size_bytes: int = 0
    _began: float = field(default_factory=time.monotonic)
    _found: list[tuple[FileRecord, Comparison | LeftAlone]] = field(default_factory=list)
    """What is not stored yet."""
    _stored_at: float = field(default_factory=time.monotonic)
    _seen: set[object] = field(default_factory=set)
    """Files with several names, which are read once."""
    _checks: CompletenessChecks = field(default_factory=CompletenessChecks)

    def rows(self, ids: Sequence[int], size_bytes: int) -> Iterator[Row]:
        """Compare these files, store what comes of it, and yield it: one row for a file with several names."""
        with _progress_bar(len(ids), size_bytes) as self._bar:
            try:
                for start in range(0, len(ids), PAGE):
                    page = ids[start : start + PAGE]
                    with _catalog(self.settings), reading():
                        records = video_files.file_records(page)
                    for record in (records[each] for each in page if each in records):
                        if record.has_full_hash and self._compare(record):
                            yield from self._stored()
                    yield from self._stored()
            except KeyboardInterrupt:
                self.was_interrupted = True
                yield from self._stored()

    def _compare(self, record: FileRecord) -> bool:
        """Read a file. Return whether what was found is to be stored now."""
        if record.stamp.inode and (record.stamp.links or 0) > 1:
            same_file = (record.stamp, record.file_hash)
            if same_file in self._seen:
                return False
            self._seen.add(same_file)
        done = 0

        def count(read_bytes: int) -> None:
            nonlocal done
            fresh = max(0, min(read_bytes, record.stamp.size_bytes - done))  # a second reading moves no bar
            done += fresh
            self._bar.advance(fresh)

        found = Verifier(
            should_stop=lambda: False,
            has_writer=lambda path: self._checks.ask(path).writer == "some",
            on_bytes_read=count,
            reads_touched=True,
        ).verify(record)
        self._bar.advance(record.stamp.size_bytes - done)
        self._size_bytes += done
        self._found.append((record, found))
        is_whole = isinstance(found, Comparison) and found.result is Result.SAME
        return not is_whole or time.monotonic() - self._stored_at >= STORE_S

    def _stored(self) -> Iterator[Row]:
        """Store what was found, and yield what is to be told."""
        if not self._found:
            return
        with _catalog(self.settings):
            with writing():
                became = [(record, self._store(record, found)) for record, found in self._found]
            rows = [_row(record, found) for record, found in became if self.tells_all or _is_worth_telling(found)]
        self._found.clear()
        self._stored_at = time.monotonic()
        self._counts.update(_outcome(found) for _, found in became)
        self._bar.count(self._counts)
        for row in rows:
            with self._bar.hidden():
                yield row

    def _store(self, record: FileRecord, found: Comparison | LeftAlone) -> Comparison | LeftAlone:
        """Return what may be said after all: the catalogue may have taken over another version meanwhile."""
        if isinstance(found, LeftAlone):
            return found
        # The next scan sees the ctime of an altered file, and records what came of it.
        is_altered = found.result is Result.ALTERED
        holds = verification.holds(record) if is_altered else verification.store(record, found, now_ms())
        return found if holds else LeftAlone("the catalogue knows another version of it by now")

    @property
    def wrong_count(self) -> int:
        return sum(self._counts[result] for result in Result if result is not Result.SAME)

    def summary(self, unfit_count: int) -> str:
        seconds = time.monotonic() - self._began
        rate = f", {size(round(self._size_bytes / seconds))}/s" if seconds >= 1 else ""
        took = f"{seconds:.1f} s" if seconds < 60 else coarsely(seconds)
        told = [(result.value, self._counts[result]) for result in Result] + [("left alone", self._counts[_LEFT_ALONE])]
        counts = ", ".join(f"{count} {outcome}" for outcome, count in told if count)
        unfit = (
            f"{number_of(unfit_count, 'file')} of the query cannot be verified now: missing, in doubt, without a full "
            "hash, or on a disk that is away"
        )
        read = f"{number_of(self._counts.total(), 'file')} ({size(self._size_bytes)}) in {took}{rate}: {counts}"
        return "\n".join([*([read] if counts else []), *([unfit] if unfit_count else [])]) or "no file was read"


def _outcome(found: Comparison | LeftAlone) -> str:
    return found.result.value if isinstance(found, Comparison) else _LEFT_ALONE


def _is_worth_telling(found: Comparison | LeftAlone) -> bool:
    return isinstance(found, LeftAlone) or found.result is not Result.SAME


def _row(record: FileRecord, found: Comparison | LeftAlone) -> Row:
    reason, found_hash, offset, copies = None, None, None, list[str]()
    match found:
        case LeftAlone():
            reason = found.reason
        case Comparison() if found.result is not Result.SAME:
            reason = verification.what_is_wrong(found.result, verification.details_of(found))
            found_hash, offset = found.found_hash, found.error_offset
            copies = copies_of(record.id)
    return {
        "id": record.id,
        "path": record.absolute_path,
        "outcome": _outcome(found),
        "reason": reason,
        "offset": offset,
        "file_hash": record.file_hash,
        "found_hash": found_hash,
        "copy_paths": copies,
    }


@contextmanager
def _catalog(settings: Config) -> Iterator[None]:
    open_catalog(settings.database_path, create=False)
    try:
        yield
    finally:
        close_catalog()


# --- progress --------------------------------------------------------------------------------------------


@contextmanager
def _progress_bar(file_count: int, whole_bytes: int) -> Iterator[_NoBar]:
    """Show bytes, rate, time left and what was found on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty() or not file_count:
        yield _NoBar()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
    from rich.table import Column as TableColumn
    from rich.text import Text

    class Read(ProgressColumn):
        def render(self, task: Task) -> Text:
            rate = f", {size(round(task.speed))}/s" if task.speed else ""
            return Text(f"{size(round(task.completed))} of {size(whole_bytes)}{rate}")

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        Read(TableColumn(no_wrap=True)),
        TimeRemainingColumn(),
    )
    progress = Progress(*columns, console=Console(stderr=True), transient=True)
    task = progress.add_task(number_of(file_count, "file"), total=whole_bytes)

    class Bar(_NoBar):
        def advance(self, size_bytes: int) -> None:
            progress.advance(task, size_bytes)

        def count(self, counts: Counter[str]) -> None:
            wrong = [f"{counts[result]} {result}" for result in Result if result is not Result.SAME and counts[result]]
            progress.update(task, description=", ".join([number_of(file_count, "file"), *wrong]))

        @contextmanager
        def hidden(self) -> Iterator[None]:
            progress.stop()
            try:
                yield
                sys.stdout.flush()
            finally:
                progress.start()

    with progress:
        yield Bar()
