"""Runs the real pipeline over a folder once, and may kill its own process at a chosen moment.

`python -m tests.pipeline.crash_driver DATABASE ROOT STAGE MOMENT`: MOMENT is `before`, `unsaved` (the stage has
run and its result is being stored) or `committed`, and is that of the second file which gets there.
"""

import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from reeld.catalog import queue
from reeld.catalog.database import open_catalog, writing
from reeld.catalog.libraries import sync_libraries
from reeld.config import Config, Library
from reeld.domain.records import FileRecord, Job
from reeld.pipeline.reconcile import reconcile
from reeld.pipeline.runner import Following, Runner
from reeld.pipeline.stages import STAGES, Stage
from reeld.pipeline.tools import Tools
from reeld.service.watcher import make_intake
from reeld.service.workplace import absence, now_ms, open_tools
from reeld.watch.hints import EVERYTHING
from reeld.watch.walk import RootSeen, check_root

MOMENTS = ("before", "unsaved", "committed")

Tell = Callable[[str, str], None]
"""Called with the name of a stage and the moment that it has come to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TellingRunner(Runner):
    """A runner that tells when a stage's result is committed."""

    tell: Tell

    def _commit_result(self, job: Job, stage: Stage, record: FileRecord, result: Any) -> Following:
        following = Runner._commit_result(self, job, stage, record, result)
        self.tell(stage.name, "committed")
        return following


def run_pipeline(root: str, tools: Tools, tell: Tell) -> None:
    """Walk, let everything settle at once, and work until nothing is left, as `reeld scan` does."""
    library = Library(name="Videos", path=root, quiet_s=0.0)
    with writing():
        (library_id,) = sync_libraries([library]).values()
        queue.recover(lambda _attempts: 0)
    intake = make_intake(
        library,
        library_id,
        with_full_hash=True,
        first_stage=STAGES[0],
        is_absent=absence({library_id: root}),
        on_enqueued=lambda: None,
    )
    seen = check_root(root)
    assert isinstance(seen, RootSeen)
    reconcile(intake, EVERYTHING, seen, lambda: False)
    intake.settle_due()
    runner = TellingRunner(
        stages=[_telling(stage, tell) for stage in STAGES],
        tools=tools,
        now_ms=now_ms,
        pause=time.sleep,
        look_again=lambda _path: None,
        rng=random.Random(0),
        tell=tell,
    )
    while runner.step("light") or runner.step("heavy"):
        pass


def _telling(stage: Stage, tell: Tell) -> Stage:
    def run(record: FileRecord, tools: Tools) -> Any:
        tell(stage.name, "before")
        return stage.run(record, tools)

    def save(video_file_id: int, result: Any, at_ms: int) -> None:
        stage.save(video_file_id, result, at_ms)
        tell(stage.name, "unsaved")

    return replace(stage, run=run, save=save)


def main(arguments: Sequence[str]) -> None:
    database, root, stage, moment = arguments
    seen = 0

    def tell(*now: str) -> None:
        nonlocal seen
        seen += now == (stage, moment)
        if seen == 2:
            os.kill(os.getpid(), signal.SIGKILL)

    open_catalog(database, create=True)
    config = Config(source=None, libraries=(), database_path=database)
    with open_tools(config, threading.Event()) as tools:
        run_pipeline(root, tools, tell)


if __name__ == "__main__":
    main(sys.argv[1:])
