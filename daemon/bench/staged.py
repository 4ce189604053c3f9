"""Runs a real first scan with a clock around each stage.

`python -m bench.staged CONFIG` prints, as JSON, the thread-seconds of each stage's `run` (reading
the file, waiting for a child process included) and `save` (storing, inside the transaction), and
those around them: claiming jobs, waiting for the catalogue's lock, and commits. It adds processor
time by kind of process.
"""

import json
import os
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, ParamSpec, TypeVar
from unittest import mock

from bench.processes import cpu_s
from reeld.config import load_config
from reeld.log import configure_log
from reeld.pipeline import stages as pipeline
from reeld.pipeline.runner import Runner
from reeld.service import scan, worker_pool

P = ParamSpec("P")
T = TypeVar("T")


class Clock:
    """Thread-seconds by name; any number of threads may use it."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._lock = threading.Lock()

    def timed(self, name: str, function: Callable[P, T]) -> Callable[P, T]:
        def around(*args: P.args, **kwargs: P.kwargs) -> T:
            started = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                spent = time.perf_counter() - started
                with self._lock:
                    self.seconds[name] += spent

        return around


def main() -> None:
    config = load_config(sys.argv[1], os.environ)
    configure_log(config.log)
    clock = Clock()

    def timed_stages(*, with_full_hash: bool = True) -> Sequence[pipeline.Stage]:
        return [_timed(stage, clock) for stage in pipeline.stages(with_full_hash=with_full_hash)]

    processor: dict[str, float] = defaultdict(float)

    def note_and_end(worker: Any) -> bool:
        with suppress(OSError):  # it has ended by itself
            processor[worker._module] += cpu_s(worker._process.pid)  # noqa: SLF001
        return bool(end(worker))

    step: Any = clock.timed("steps", Runner.step)
    end = worker_pool._Worker.end  # noqa: SLF001 - the only moment at which all that it has done is done
    with (
        mock.patch.object(scan, "stages", timed_stages),
        mock.patch.object(Runner, "step", step),
        mock.patch.object(worker_pool._Worker, "end", note_and_end),  # noqa: SLF001
    ):
        started, own = time.perf_counter(), time.process_time()
        summary = scan.run_scan(config, [])
        elapsed_s = time.perf_counter() - started
        processor["reeld"] = time.process_time() - own
    inside = sum(spent for name, spent in clock.seconds.items() if name != "steps")
    parts = {name: spent for name, spent in clock.seconds.items() if name != "steps"}
    parts["queue, door and commits"] = clock.seconds["steps"] - inside
    files = summary.counts["files"]["present"]
    print(json.dumps({"files": files, "elapsed_s": elapsed_s, "parts": parts, "processor": processor}))


def _timed(stage: pipeline.Stage, clock: Clock) -> pipeline.Stage:
    return replace(
        stage,
        run=clock.timed(f"{stage.name}: run", stage.run),
        answer=stage.answer and clock.timed(f"{stage.name}: answer", stage.answer),
        save=clock.timed(f"{stage.name}: save", stage.save),
    )


if __name__ == "__main__":
    main()
