"""Who runs the queued jobs? A few threads for each lane, which sleep while there is nothing to do."""

import threading
from collections.abc import Callable, Mapping

from reeld.catalog import queue
from reeld.catalog.database import reading
from reeld.errors import CatalogCorrupt, CatalogError
from reeld.log import get_logger
from reeld.pipeline.policy import CATALOG_DELAY_S
from reeld.pipeline.runner import Runner
from reeld.pipeline.stages import Lane
from reeld.service.workplace import cores, now_ms

log = get_logger()

# A clock that jumped back must not let a due time lie hours away.
LONGEST_SLEEP_S = 30.0


def lane_threads() -> dict[Lane, int]:
    """One more than cores for the light lane: while a child computes, another thread writes or reads."""
    # One reader for whole files: two at a time make a spinning disk slower than one after the other.
    return {"light": cores() + 1, "heavy": 1}


class Workers:
    """The threads of all lanes, from `start` to `stop`."""

    def __init__(
        self,
        runner: Runner,
        stopping: threading.Event,
        on_fatal: Callable[[CatalogError], None],
        threads: Mapping[Lane, int],
    ) -> None:
        self._runner = runner
        self._stopping = stopping
        self._on_fatal = on_fatal
        self._work_came = threading.Condition()
        self._generation = 0
        self._threads = [
            threading.Thread(target=self._run, args=(lane,), name=f"{lane}-{number}")
            for lane, count in threads.items()
            for number in range(1, count + 1)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """There is new work, or reeld is to end."""
        with self._work_came:
            self._generation += 1
            self._work_came.notify_all()

    def join(self) -> None:
        """Wait until every thread has ended; `stopping` must be set."""
        self.wake()
        for thread in self._threads:
            thread.join()

    def _run(self, lane: Lane) -> None:
        while not self._stopping.is_set():
            generation = self._generation
            try:
                if self._runner.step(lane):
                    self.wake()  # what it finished may be the other lane's work
                else:
                    self._sleep(self._until_due_s(lane), generation)
            except CatalogCorrupt as err:
                self._on_fatal(err)
                return
            except CatalogError as err:
                log.warning("catalog.failed", reason=str(err), retry_s=CATALOG_DELAY_S)
                self._stopping.wait(CATALOG_DELAY_S)

    def _until_due_s(self, lane: Lane) -> float:
        with reading():
            due_ms = queue.next_due_ms(lane)
        if due_ms is None:
            return LONGEST_SLEEP_S
        return min(max((due_ms - now_ms()) / 1000, 0.0), LONGEST_SLEEP_S)

    def _sleep(self, timeout_s: float, generation: int) -> None:
        """Until woken; at once if that happened since `generation`, while the queue was being asked."""
        with self._work_came:
            self._work_came.wait_for(lambda: self._generation != generation, timeout_s)
