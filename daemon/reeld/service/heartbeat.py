"""Tracks what every thread does, to find threads that hang.

A call on a dead network mount may never return, and its thread cannot be ended. So each thread records what it does,
and the supervisor checks the records. A thread at a library's disk may wait for any time. It counts as a stall when it
uses no processor time, since each answer of the disk would use some. Any other thread must beat again within the time
that it named. One that does not is `stuck`, by a bug of ours.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

# A disk that slept needs up to 15 s to spin up. A dead disk should be reported within half a minute.
DISK_PATIENCE_S = 20.0

# Threads of other libraries leave a disk alone that has been silent for this long.
SILENCE_S = 10.0

# Covers the longest work between two beats: a transaction that waits for all others, on a slow disk.
PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Doing:
    """What a thread does. Times are monotonic, in seconds."""

    since: float
    within_s: float = 0.0
    """The next beat comes within this time, plus PATIENCE_S."""
    root: str | None = None
    """The library whose disk it may wait for, or None."""
    what: str = ""
    """What it reads there."""
    is_resting: bool = False
    """Whether it sleeps until there is something to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall:
    """A thread that waits for a library's disk. `since` is monotonic, in seconds."""

    thread: str
    root: str
    what: str
    since: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """The result of one check of all threads."""

    stalls: tuple[Stall, ...] = ()
    silent: frozenset[str] = frozenset()
    """Libraries whose disk has not answered some thread for SILENCE_S."""
    silent_threads: frozenset[str] = frozenset()
    """The names of these threads."""
    stuck: tuple[str, ...] = ()
    """Names of threads whose beat is overdue, or that died of a bug."""


class Heartbeat:
    """The record of one thread. Only that thread writes it, any thread may read it."""

    def __init__(self, clock: Callable[[], float], on_work: Callable[[], None] = lambda: None) -> None:
        self._clock = clock
        self._on_work = on_work
        self.doing = Doing(since=clock())
        # Only the thread itself may ask: for a thread that has ended the call crashes the process.
        self._processor_clock = time.pthread_getcpuclockid(threading.get_ident())

    def beat(self, within_s: float = 0.0) -> None:
        """Record that the thread is alive, at no disk, and beats again within this time."""
        self._set(Doing(since=self._clock(), within_s=within_s))

    def rest(self, within_s: float) -> None:
        """Record that the thread sleeps, until it is woken or this time is over."""
        self._set(Doing(since=self._clock(), within_s=within_s, is_resting=True))

    def at_disk(self, root: str, what: str) -> None:
        """Record that from now on the thread may wait for this library's disk."""
        self._set(Doing(since=self._clock(), root=root, what=what))

    @contextmanager
    def away(self, within_s: float) -> Iterator[None]:
        """Record other work that ends by itself within this time, then restore the former record."""
        before = self.doing
        self.beat(within_s)
        try:
            yield
        finally:
            self.doing = Doing(since=self._clock(), root=before.root, what=before.what)

    @contextmanager
    def at_other_disk(self, root: str, what: str) -> Iterator[None]:
        """Record that the thread may wait for another library's disk, then restore the former record."""
        before = self.doing
        self.at_disk(root, what)
        try:
            yield
        finally:
            self.doing = replace(before, since=self._clock())

    def _set(self, doing: Doing) -> None:
        had_rested = self.doing.is_resting
        self.doing = doing  # first: who is told now must see it
        if had_rested and not doing.is_resting:
            self._on_work()

    def processor_ns(self) -> int:
        """Return the processor time that the thread has used so far."""
        return time.clock_gettime_ns(self._processor_clock)


@dataclass(frozen=True, slots=True)
class _Progress:
    """What a thread did and had used, and when that was first seen."""

    doing: Doing
    processor_ns: int
    seen_at: float


class Heartbeats:
    """The heartbeats of all registered threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.on_work: Callable[[], None] = lambda: None
        """Called by a thread that begins to work after it rested, or that is new."""
        self.beginnings = 0
        """Differs after each such call."""
        self._clock = clock
        self._lock = threading.Lock()
        self._heartbeats: dict[str, Heartbeat] = {}
        self._died: list[str] = []
        """Threads that an error ended."""
        self._mine = threading.local()
        self._progress: dict[str, _Progress] = {}

    @contextmanager
    def of_this_thread(self) -> Iterator[Heartbeat]:
        """Register the calling thread until the end of the block."""
        name = threading.current_thread().name
        heartbeat = self._mine.heartbeat = Heartbeat(self._clock, self._note_work)
        with self._lock:
            self._heartbeats[name] = heartbeat
        self._note_work()
        try:
            yield heartbeat
        except BaseException:
            self._died.append(name)
            raise
        finally:
            with self._lock:
                del self._heartbeats[name]

    def _note_work(self) -> None:
        self.beginnings += 1
        self.on_work()

    def mine(self) -> Heartbeat:
        """Return the calling thread's heartbeat, or an unwatched one if it is not registered."""
        heartbeat: Heartbeat | None = getattr(self._mine, "heartbeat", None)
        return heartbeat or Heartbeat(self._clock)

    def are_at_rest(self) -> bool:
        """Return whether every registered thread but the calling one sleeps until there is something to do."""
        mine = getattr(self._mine, "heartbeat", None)
        with self._lock:
            return all(each.doing.is_resting for each in self._heartbeats.values() if each is not mine)

    def check(self) -> Findings:
        """Find what is wrong now. For one thread, which calls it periodically."""
        now = self._clock()
        with self._lock:
            seen = {name: (heartbeat.doing, heartbeat.processor_ns()) for name, heartbeat in self._heartbeats.items()}
        stuck = tuple(
            name
            for name, (doing, _) in seen.items()
            if doing.root is None and now - doing.since > doing.within_s + PATIENCE_S
        )
        waiting = list(self._waiting(seen, now))
        silent = [stall for stall in waiting if now - stall.since >= SILENCE_S]
        return Findings(
            stalls=tuple(stall for stall in waiting if now - stall.since >= DISK_PATIENCE_S),
            silent=frozenset(stall.root for stall in silent),
            silent_threads=frozenset(stall.thread for stall in silent),
            stuck=(*self._died, *stuck),
        )

    def _waiting(self, seen: dict[str, tuple[Doing, int]], now: float) -> Iterator[Stall]:
        """Yield all threads that are at a disk, with the time of their last progress."""
        before, self._progress = self._progress, {}
        for name, (doing, processor_ns) in seen.items():
            last = before.get(name)
            is_going_on = last is None or (last.doing, last.processor_ns) != (doing, processor_ns)
            progress = _Progress(doing, processor_ns, now) if last is None or is_going_on else last
            self._progress[name] = progress
            if doing.root is not None:
                yield Stall(thread=name, root=doing.root, what=doing.what, since=progress.seen_at)
