"""Runs the queued jobs in a few threads for each lane, which sleep while there are none."""

import itertools
import threading
from collections.abc import Callable, Collection, Mapping

from reeld.database.connection import call_when_work_comes, reading
from reeld.errors import CatalogCorrupt, CatalogError
from reeld.log import get_logger
from reeld.pipeline.retry import CATALOG_DELAY_S
from reeld.pipeline.runner import Runner
from reeld.pipeline.stages import Lane
from reeld.service.heartbeat import Heartbeat, Heartbeats
from reeld.service.stage_context import cores, now_ms

log = get_logger()

# A clock that jumped back must not let a due time lie hours away.
LONGEST_SLEEP_S = 30.0

# The same for threads that the main thread wakes when something is due (`wake_if_due`).
SUPERVISED_SLEEP_S = 3600.0

MOST_READERS = 4

LISTING_S = 20.0
"""The first scan comes first, for at most this long: its results can be searched before jobs take the processor. On a
slow disk the scan of a large library would delay the jobs too much.
"""

# A library's dead disk may catch as many threads of a lane as there are before it is noticed. So many for each lane
# keep a handful of such libraries from bringing the others to rest, and a hundred from eating the memory.
MOST_SUBSTITUTES = 32


def lane_threads() -> dict[Lane, int]:
    """One more than cores for the light lane: while a child computes, another thread writes or reads.

    Whole files are read from several disks at once, but from a spinning one by one thread: see `pipeline/throttle.py`.
    """
    return {"names": cores(), "light": cores() + 1, "heavy": min(cores(), MOST_READERS)}


class Workers:
    """The threads of all lanes, from `start` to `join`; before, there are none."""

    def __init__(
        self,
        runner: Runner,
        stopping: threading.Event,
        on_fatal: Callable[[CatalogError], None],
        threads: Mapping[Lane, int],
        heartbeats: Heartbeats,
        *,
        is_supervised: bool = False,
    ) -> None:
        """`is_supervised` promises that `wake_if_due` is called every minute, and after each change of the clock."""
        self._longest_sleep_s = SUPERVISED_SLEEP_S if is_supervised else LONGEST_SLEEP_S
        self._runner = runner
        self._stopping = stopping
        self._on_fatal = on_fatal
        self._threads = threads
        self._wanted: Mapping[Lane, int] = {}
        self._heartbeats = heartbeats
        self._work_came = threading.Condition()
        self._generation = 0
        self._asleep = 0
        self._census = threading.Lock()
        self._numbers = itertools.count(1)
        self._lane_of: dict[threading.Thread, Lane] = {}
        self._stalled: frozenset[str] = frozenset()

    @property
    def have_started(self) -> bool:
        return bool(self._wanted)

    def start(self) -> None:
        """Start the threads. A second call does nothing, from any thread."""
        with self._census:
            if self.have_started:
                return
            self._wanted = self._threads
        call_when_work_comes(self.wake)
        self.relieve(())

    def relieve(self, stalled: Collection[str]) -> None:
        """Start substitutes for the named threads, which wait for a disk, until those are back."""
        with self._census:
            self._stalled = frozenset(stalled)
            for lane in self._wanted:
                for _ in range(self._shortage(lane)):
                    name = f"{lane}-{next(self._numbers)}"
                    thread = threading.Thread(target=self._run, args=(lane,), name=name)
                    self._lane_of[thread] = lane
                    thread.start()

    def wake(self) -> None:
        """Wake all threads, because of new work or the shutdown."""
        with self._work_came:
            self._generation += 1
            self._work_came.notify_all()

    def wait_until_idle(self, timeout_s: float) -> bool:
        """Wait until no thread finds a job that is due, at most so long; return whether that is so."""
        with self._work_came:
            return self._work_came.wait_for(lambda: self._asleep >= sum(self._wanted.values()), timeout_s)

    def wake_if_due(self) -> None:
        """Wake all threads if a job is due: by the clock as it is now, or because another process queued it.

        Raises CatalogError.
        """
        for lane in self._wanted:
            with reading():
                due_ms = self._runner.next_due_ms(lane)
            if due_ms is not None and due_ms <= now_ms():
                self.wake()
                return

    def join(self) -> None:
        """Wait until every thread has ended; `stopping` must be set."""
        self.wake()
        with self._census:
            threads = list(self._lane_of)
        for thread in threads:
            thread.join()

    def _run(self, lane: Lane) -> None:
        with self._heartbeats.of_this_thread() as heartbeat:
            try:
                while not self._stopping.is_set() and not self._is_spare(lane):
                    heartbeat.beat()
                    self._turn(lane, heartbeat)
            except CatalogCorrupt as err:
                self._on_fatal(err)
            finally:
                with self._census:
                    self._lane_of.pop(threading.current_thread(), None)

    def _turn(self, lane: Lane, heartbeat: Heartbeat) -> None:
        generation = self._generation
        try:
            if not self._runner.step(lane):
                self._sleep(self._until_due_s(lane), generation, heartbeat)
        except CatalogCorrupt:
            raise
        except CatalogError as err:
            log.warning("catalog.failed", reason=err.with_hint, retry_s=CATALOG_DELAY_S)
            self._stopping.wait(CATALOG_DELAY_S)

    def _shortage(self, lane: Lane) -> int:
        """Return how many threads the lane lacks. A negative number is how many it can spare."""
        threads = [thread for thread, its_lane in self._lane_of.items() if its_lane == lane]
        waiting = sum(thread.name in self._stalled for thread in threads)
        return self._wanted[lane] + min(waiting, MOST_SUBSTITUTES) - len(threads)

    def _is_spare(self, lane: Lane) -> bool:
        """Tell whether the calling thread is one too many. It is then no longer counted, and must end."""
        with self._census:
            if self._shortage(lane) >= 0:
                return False
            del self._lane_of[threading.current_thread()]
            return True

    def _until_due_s(self, lane: Lane) -> float:
        with reading():
            due_ms = self._runner.next_due_ms(lane)
        if due_ms is None:
            return self._longest_sleep_s
        return min(max((due_ms - now_ms()) / 1000, 0.0), self._longest_sleep_s)

    def _sleep(self, timeout_s: float, generation: int, heartbeat: Heartbeat) -> None:
        """Sleep until woken. Return at once if that happened since `generation`, while the queue was read."""
        heartbeat.rest(within_s=timeout_s)
        with self._work_came:
            self._asleep += 1
            if self._asleep == sum(self._wanted.values()):
                self._work_came.notify_all()  # for `wait_until_idle`
            # The shutdown may have begun, and have woken the threads, just before this one came here.
            self._work_came.wait_for(lambda: self._generation != generation or self._stopping.is_set(), timeout_s)
            self._asleep -= 1
