"""Runs the real pipeline over a folder once, and may kill its own process at a chosen moment.

`python -m tests.pipeline.crash_driver DATABASE ROOT STAGE MOMENT HOW KNOWN`: MOMENT is `before`, `unsaved` (the stage
has run and its result is being stored), `stored` (all is written, and the jobs have moved on) or `committed`, and is
that of the second file which gets there. HOW is `alone`, or `together` where all files that wait go through a stage,
and are committed, at once. The STAGE `toy` is added first. `listing` is no stage: it writes the rows of new files, two
folders in a commit, and its MOMENT is that of the commit whose number is HOW, and never `stored`. KNOWN is `some` where
the files of KNOWN_BEFORE are there, and else `none`.
"""

import importlib
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

from reeld.catalog import media, new_rows, queue, video_files
from reeld.catalog.libraries import sync_libraries
from reeld.config import Config, Library
from reeld.database.connection import open_catalog, writing
from reeld.domain.files import FileStamp
from reeld.domain.records import FileRecord, Place
from reeld.domain.states import LibraryState
from reeld.pipeline.backfill import enqueue_backfill
from reeld.pipeline.context import StageContext
from reeld.pipeline.runner import Runner
from reeld.pipeline.stages import LANES, Filling, Stage, stages
from reeld.pipeline.store_results import CommitResult, FileResults, Work
from reeld.scanner.first_listing import FirstListing
from reeld.scanner.library_scanner import make_folder_scanner, record_state
from reeld.scanner.reconcile import reconcile
from reeld.scanner.root_check import Root
from reeld.service.stage_context import now_ms, open_stage_context, stat_names_of
from reeld.watch.hints import EVERYTHING
from reeld.watch.walk import RootSeen
from tests.content.reading import full_hash, quick_hashes
from tests.pipeline import toy_stage

MOMENTS = ("before", "unsaved", "stored", "committed")

LISTING = "listing"

# Files that turn out to be ones that were known before, at another path: the stage for that has nothing to do with
# the others.
KNOWN_BEFORE = ("DSC_0042.mkv", "Fargo/Season 01/Fargo - S01E03.avi")

# Films by their names, and no videos: their names are read once more when that is known.
CONTRADICTED = ("Dune (2021).mkv", "Alien (1979).mkv")

Tell = Callable[[str, str], None]
"""Called with the name of a stage and the moment that it has come to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TellingRunner(Runner):
    """A runner that tells when a stage's result is stored, and when it is committed."""

    tell: Tell

    def _store(self, found: Sequence[FileResults]) -> list[CommitResult]:
        became = Runner._store(self, found)
        for each in found:
            for result in each.results:
                self.tell(result.stage.name, "stored")
        return became

    def _commit(self, found: Sequence[FileResults]) -> list[Work]:
        following = Runner._commit(self, found)
        for each in found:
            for result in each.results:
                self.tell(result.stage.name, "committed")
        return following


def run_pipeline(
    root: str,
    tools: StageContext,
    tell: Tell,
    table: Sequence[Stage] | None = None,
    known_before: Sequence[str] = KNOWN_BEFORE,
) -> None:
    """Walk, let everything settle at once, and work until nothing is left, as `reeld scan` does.

    `table` is the real one unless it is given.
    """
    table = stages() if table is None else table
    library = Library(name="Videos", path=root, quiet_s=0.0)
    with writing():
        (library_id,) = sync_libraries([library], now_ms()).values()
        queue.recover(lambda _attempts: 0)
        enqueue_backfill(table, now_ms())
        _know_before(library_id, root, known_before)
    place = Root(place=Place(library_id, root))
    folder_scanner = make_folder_scanner(
        library,
        library_id,
        with_full_hash=True,
        first_stage=table[0],
        stat_names=stat_names_of({library_id: place}),
        now_ms=now_ms,
    )
    seen = place.check()
    assert isinstance(seen, RootSeen)
    with writing():
        record_state(folder_scanner, LibraryState.ONLINE, None, seen)
    reconcile(folder_scanner, EVERYTHING, seen, lambda: False)
    folder_scanner.new_files.settle_due()
    runner = TellingRunner(
        stages=[_telling(stage, tell) for stage in table],
        tools=tools,
        now_ms=now_ms,
        pause=time.sleep,
        rescan_directory=lambda _path: None,
        rng=random.Random(0),
        tell=tell,
    )
    while any(runner.step(lane) for lane in LANES):
        pass


def _know_before(library_id: int, root: str, names: Sequence[str]) -> None:
    """If nothing is known yet: that files with the content of some have gone from a folder."""
    if video_files.known_in_directory(library_id, "before") or video_files.known_in_directory(library_id, ""):
        return
    gone = []
    for number, name in enumerate(names):
        path = os.path.join(root, name)
        stamp = FileStamp.of(os.stat(path))
        row_id = video_files.record_settled(library_id, f"before/{number}.mkv", replace(stamp, inode=number), now_ms())
        media.save_quick_hashes(row_id, quick_hashes(path, stamp))
        file_hash = full_hash(path, stamp, on_progress=lambda _count: None, should_stop=lambda: False)
        media.save_full_hash(row_id, file_hash)
        gone.append(row_id)
    video_files.record_missing(gone, library_id, "before", now_ms())


def _telling(stage: Stage, tell: Tell) -> Stage:
    def run(record: FileRecord, tools: StageContext) -> Any:
        tell(stage.name, "before")
        return stage.run(record, tools)

    def save(video_file_id: int, result: Any, at_ms: int) -> None:
        stage.save(video_file_id, result, at_ms)
        tell(stage.name, "unsaved")

    def fill(record: FileRecord, result: Any) -> Filling | None:
        filling = stage.fill(record, result) if stage.fill else None
        if filling is not None:
            tell(stage.name, "unsaved")
        return filling

    return replace(stage, run=run, save=save, fill=stage.fill and fill)


def main(arguments: Sequence[str]) -> None:
    database, root, stage, moment, how, known_before = arguments
    names = KNOWN_BEFORE if known_before == "some" else ()
    with toy_stage.installed() if stage == toy_stage.TOY.name else nullcontext():
        _run_until(database, root, stage, moment, how, names)


def _telling_of_listing(tell: Tell) -> None:
    """Let each commit of new files hold two folders at most, and tell of it."""
    scan: Any = importlib.import_module("reeld.scanner.reconcile")  # the package has a function of this name, too
    scan.BATCH = 2
    record, insert = FirstListing._record, new_rows.insert

    def record_and_tell(first: FirstListing, folders: Any) -> None:
        tell(LISTING, "before")
        record(first, folders)
        tell(LISTING, "committed")

    def insert_and_tell(*arguments: Any, **named: Any) -> None:
        insert(*arguments, **named)
        tell(LISTING, "unsaved")

    FirstListing._record = record_and_tell  # type: ignore[method-assign, assignment]
    new_rows.insert = insert_and_tell


def _run_until(database: str, root: str, stage: str, moment: str, how: str, known_before: Sequence[str]) -> None:
    last = 2
    if how == "together":
        queue.SHARERS = 1  # else only of very many files several are taken at once
    elif stage == LISTING:
        last = int(how)
    seen = 0

    def tell(*now: str) -> None:
        nonlocal seen
        seen += now == (stage, moment)
        if seen == last:
            os.kill(os.getpid(), signal.SIGKILL)

    if stage == LISTING:
        _telling_of_listing(tell)

    open_catalog(database, create=True)
    config = Config(source=None, libraries=(), database_path=database)
    with open_stage_context(config, threading.Event()) as tools:
        run_pipeline(root, tools, tell, known_before=known_before)


if __name__ == "__main__":
    main(sys.argv[1:])
