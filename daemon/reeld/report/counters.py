"""Counters and durations since reeld started. Any thread may add to them, and prometheus.py shows them."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from reeld.domain.records import FileRecord
from reeld.errors import Interrupted
from reeld.pipeline.context import StageContext
from reeld.pipeline.stages import Stage


@dataclass(frozen=True, slots=True)
class Spent:
    """How often something was done, and its total duration."""

    count: int = 0
    seconds: float = 0.0


class Counters:
    """The counters of the process. A reload does not reset them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._bytes_hashed = 0
        self._bytes_verified = 0
        self._stages: dict[str, Spent] = defaultdict(Spent)
        self._errors: dict[str, int] = defaultdict(int)
        self._scans: dict[str, Spent] = defaultdict(Spent)

    def hashed(self, size_bytes: int) -> None:
        with self._lock:
            self._bytes_hashed += size_bytes

    def verified(self, size_bytes: int) -> None:
        with self._lock:
            self._bytes_verified += size_bytes

    @contextmanager
    def stage(self, name: str, count: int = 1) -> Iterator[None]:
        """Measure one run of a stage, or a part of it, with `count` 0.

        Count its error by type, except Interrupted, which we asked for.
        """
        started = self._clock()
        try:
            yield
        except Interrupted:
            raise
        except Exception as err:
            self.failed([err])
            raise
        finally:
            self._add(self._stages, name, self._clock() - started, count)

    def failed(self, errors: Iterable[Exception]) -> None:
        """Count errors of stages by type."""
        with self._lock:
            for err in errors:
                self._errors[type(err).__name__] += 1

    @contextmanager
    def scan(self, library: str) -> Iterator[None]:
        """Measure a scan of a library, or of a part of it."""
        started = self._clock()
        try:
            yield
        finally:
            self._add(self._scans, library, self._clock() - started)

    @property
    def bytes_hashed(self) -> int:
        return self._bytes_hashed

    @property
    def bytes_verified(self) -> int:
        return self._bytes_verified

    def stages(self) -> dict[str, Spent]:
        return self._copy(self._stages)

    def errors(self) -> dict[str, int]:
        return self._copy(self._errors)

    def scans(self) -> dict[str, Spent]:
        return self._copy(self._scans)

    def _add(self, to: dict[str, Spent], name: str, seconds: float, count: int = 1) -> None:
        with self._lock:
            to[name] = Spent(to[name].count + count, to[name].seconds + seconds)

    def _copy(self, counted: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            return dict(counted)


def counted(stage: Stage, counters: Counters) -> Stage:
    """Wrap a stage so that its runs and errors are counted."""

    def run(record: FileRecord, tools: StageContext) -> Any:
        with counters.stage(stage.name):
            return stage.run(record, tools)

    ask = stage.answer
    if ask is None:
        return replace(stage, run=run)

    def answer(questions: Sequence[Any], tools: StageContext) -> Sequence[Any]:
        with counters.stage(stage.name, 0):
            answers = ask(questions, tools)
        counters.failed(each for each in answers if isinstance(each, Exception))
        return answers

    return replace(stage, run=run, answer=answer)
