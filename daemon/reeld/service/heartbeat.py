"""Is every thread alive, and which of them wait for a disk that does not answer?

A call on a dead network mount may never return, and nothing can end the thread that made it. So each thread says what
it is at, and somebody else looks. At a library's disk a thread is excused for as long as it takes: it has `stalled`
when it uses no processor time, which each answer of the disk would cost it a little of. Anywhere else it must say
something again within the time that it named: one that does not is `stuck`, by a bug of ours.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

# A disk that slept needs up to 15 s to turn again. What is wrong should be told within half a minute.
DISK_PATIENCE_S = 20.0

# A disk that kept a thread waiting for so long is not asked by the threads of other libraries.
SILENCE_S = 10.0

# For whatever a thread does between two words of its own: a transaction behind those of all others, on a slow disk.
PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Doing:
    """What a thread is at. Moments are monotonic, in seconds."""

    since: float
    within_s: float = 0.0
    """By when, from then, it says something again, besides PATIENCE_S."""
    root: str | None = None
    """The library whose disk it is at; None: at none."""
    what: str = ""
    """What of that library."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall:
    """A thread that waits for a library's disk. `since` is monotonic, in seconds."""

    thread: str
    root: str
    what: str
    since: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What a look at all threads showed."""

    stalls: tuple[Stall, ...] = ()
    silent: frozenset[str] = frozenset()
    """Libraries whose disk has not answered some thread for SILENCE_S."""
    stuck: tuple[str, ...] = ()
    """Names of threads that should have said something by now, or died of a bug."""


class Heartbeat:
    """What one thread says of itself: written by that thread alone, read by any."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.doing = Doing(since=clock())
        # Asked for by the thread itself: from elsewhere it could have ended, and that crashes the process.
        self._processor_clock = time.pthread_getcpuclockid(threading.get_ident())

    def beat(self, within_s: float = 0.0) -> None:
        """Alive, at no library's disk, and back after at most so many seconds."""
        self.doing = Doing(since=self._clock(), within_s=within_s)

    def at_disk(self, root: str, what: str) -> None:
        """From now on whatever this thread does may wait for this library's disk."""
        self.doing = Doing(since=self._clock(), root=root, what=what)

    @contextmanager
    def away(self, within_s: float) -> Iterator[None]:
        """At something else that ends by itself after at most so many seconds; afterwards at what it was at."""
        before = self.doing
        self.beat(within_s)
        try:
            yield
        finally:
            self.doing = Doing(since=self._clock(), root=before.root, what=before.what)

    def processor_ns(self) -> int:
        """Processor time that the thread has used so far."""
        return time.clock_gettime_ns(self._processor_clock)


@dataclass(frozen=True, slots=True)
class _Progress:
    """What a thread was at, and had used, when that was first seen."""

    doing: Doing
    processor_ns: int
    seen_at: float


class Heartbeats:
    """The pulses of all threads that take part."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._heartbeats: dict[str, Heartbeat] = {}
        self._died: list[str] = []
        """Threads that an error ended: none of them says anything any more."""
        self._mine = threading.local()
        self._progress: dict[str, _Progress] = {}

    @contextmanager
    def of_this_thread(self) -> Iterator[Heartbeat]:
        """The calling thread takes part until the end of the block."""
        name = threading.current_thread().name
        heartbeat = self._mine.heartbeat = Heartbeat(self._clock)
        with self._lock:
            self._heartbeats[name] = heartbeat
        try:
            yield heartbeat
        except BaseException:
            self._died.append(name)
            raise
        finally:
            with self._lock:
                del self._heartbeats[name]

    def mine(self) -> Heartbeat:
        """The calling thread's; one that nobody looks at if it does not take part."""
        heartbeat: Heartbeat | None = getattr(self._mine, "heartbeat", None)
        return heartbeat or Heartbeat(self._clock)

    def look(self) -> Findings:
        """What is wrong now; for one thread that asks again and again."""
        now = self._clock()
        with self._lock:
            seen = {name: (heartbeat.doing, heartbeat.processor_ns()) for name, heartbeat in self._heartbeats.items()}
        stuck = tuple(
            name
            for name, (doing, _) in seen.items()
            if doing.root is None and now - doing.since > doing.within_s + PATIENCE_S
        )
        waiting = list(self._waiting(seen, now))
        return Findings(
            stalls=tuple(stall for stall in waiting if now - stall.since >= DISK_PATIENCE_S),
            silent=frozenset(stall.root for stall in waiting if now - stall.since >= SILENCE_S),
            stuck=(*self._died, *stuck),
        )

    def _waiting(self, seen: dict[str, tuple[Doing, int]], now: float) -> Iterator[Stall]:
        """All threads that are at a disk, with the moment of their last sign of progress."""
        before, self._progress = self._progress, {}
        for name, (doing, processor_ns) in seen.items():
            last = before.get(name)
            is_going_on = last is None or (last.doing, last.processor_ns) != (doing, processor_ns)
            progress = _Progress(doing, processor_ns, now) if last is None or is_going_on else last
            self._progress[name] = progress
            if doing.root is not None:
                yield Stall(thread=name, root=doing.root, what=doing.what, since=progress.seen_at)
