"""How are reeld's real parts run in this process, one step after the other, under a clock that is moved by hand?

The one place of the model that knows reeld's constructors. Everything is what the daemon runs: its start, its watchers
(one tick at a time instead of a thread), its runner and stages, the catalogue on a real disk. Only three things are
other: no kernel tells of events (the model marks hints, or does not), the clock is moved, and names and headers are
read in this process, since these are our own harmless files.
"""

import contextlib
import json
import logging
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from functools import lru_cache
from types import SimpleNamespace
from typing import Any
from unittest import mock

import structlog

from reeld.catalog import assignments, libraries
from reeld.config import Config, Library, WatchSettings
from reeld.content import probe_child
from reeld.database.base import database
from reeld.database.connection import close_catalog, writing
from reeld.domain.identity import LibraryKind, Reading
from reeld.domain.records import FileRecord
from reeld.domain.titles import title_key
from reeld.identify import child as identify_child
from reeld.pipeline.context import StageContext
from reeld.pipeline.runner import Runner
from reeld.pipeline.stages import LANES, Stage, stages
from reeld.report.counters import Counters
from reeld.service.daemon import Daemon, open_owned_catalog
from reeld.service.stage_context import now_ms
from reeld.service.watcher import LibraryWatcher
from reeld.watch import observer_health as watching_module

QUIET_S = 5.0

# A walk of everything is due at the latest then; twice, for what must be seen absent twice.
WALK_S = 601.0
WATCH = WatchSettings(reconcile_s=600.0, full_walk_h=600.0 / 3600.0)


class Killed(BaseException):
    """What kill -9 is to a process; nothing may catch it."""


# --- the clock -------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Clock:
    """Real time, and what was added to it."""

    advance_s: float = 0.0

    def monotonic(self) -> float:
        return _real_monotonic() + self.advance_s

    def time_ns(self) -> int:
        return _real_time_ns() + int(self.advance_s * 1e9)

    def time(self) -> float:
        return self.time_ns() / 1e9


_real_monotonic, _real_time_ns = time.monotonic, time.time_ns


@contextlib.contextmanager
def moved(clock: Clock) -> Iterator[None]:
    """For as long as this lasts, reeld's modules take the time from `clock`."""
    moved_time: Any = SimpleNamespace(**vars(time))
    moved_time.monotonic, moved_time.time_ns, moved_time.time = clock.monotonic, clock.time_ns, clock.time
    patched = [module for name, module in list(sys.modules.items()) if name.startswith("reeld.")]
    patched = [module for module in patched if getattr(module, "time", None) is time]
    for module in patched:
        module.time = moved_time  # type: ignore[attr-defined]
    try:
        yield
    finally:
        for module in patched:
            module.time = time  # type: ignore[attr-defined]


def _move_defaults(value: Any, clock: Clock) -> None:
    """Fields whose default was a clock were bound to it when their class was made."""
    if not is_dataclass(value):
        return
    for each in fields(value):
        found = getattr(value, each.name)
        if found is _real_monotonic or found is _real_time_ns or found is time.time:
            object.__setattr__(value, each.name, getattr(clock, found.__name__))
        else:
            _move_defaults(found, clock)


# --- what is told, and what is read ----------------------------------------------------------------------


class ToldByHand:
    """In the place of the observer of one library: what there is to be told, the model marks itself."""

    events = 0
    delivered_until_ns = 0
    """Of nothing is it ever known that it was told: what was not is no fault here."""
    overflown: set[str] = set()  # noqa: RUF012 - of the class on purpose: the model reaches it without the instance

    def __init__(self, root: str, *_arguments: Any, **_more: Any) -> None:
        self.root = root

    def start(self) -> None:
        self.overflown.discard(self.root)

    def stop(self) -> None:
        pass

    def beat(self) -> None:
        pass

    def coverage(self, _directories: Iterable[Any]) -> set[Any]:
        return set()

    @property
    def has_overflowed(self) -> bool:
        return self.root in self.overflown

    def trouble(self) -> str | None:
        return "the kernel's queue overflowed" if self.root in self.overflown else None


class _NoAlarm:
    has_rung = False

    def arm(self) -> None:
        pass


def _ask_prober(_request: dict[str, Any], descriptors: Sequence[int]) -> dict[str, Any]:
    with open(os.dup(descriptors[0]), "rb") as file:
        file.seek(0)
        content = file.read()
    return json.loads(_probed(content, descriptors[0]))  # type: ignore[no-any-return]


@lru_cache(maxsize=4096)
def _probed(_content: bytes, descriptor: int) -> str:
    return json.dumps(probe_child.answer(_NoAlarm(), {}, (descriptor,)))  # type: ignore[arg-type]


def _ask_identifier(request: dict[str, Any]) -> dict[str, Any]:
    return json.loads(_identified(json.dumps(request)))  # type: ignore[no-any-return]


@lru_cache(maxsize=4096)
def _identified(request: str) -> str:
    return json.dumps(identify_child.answer(json.loads(request)))


# --- the daemon, by hand ---------------------------------------------------------------------------------


@dataclass(kw_only=True)
class Reeld:
    """The daemon without its threads: `turn` is what watchers do, `work` what workers do."""

    database_path: str
    roots: Mapping[str, str]
    clock: Clock
    hashed: Counter[str] = field(default_factory=Counter)
    """How often each content was hashed as a whole."""
    kills: int = 0
    kinds: dict[str, LibraryKind] = field(default_factory=dict)
    """What each library holds, by its name; "auto" if it does not stand here. Counts from the next start on."""
    _boundaries_left: int | None = None
    """How many times the edge of a transaction may yet be crossed before the process dies."""

    def __post_init__(self) -> None:
        self._guard_transactions()
        self.start()

    def start(self) -> None:
        configured = tuple(
            Library(
                name=name,
                path=path,
                kind=self.kinds.get(name, "auto"),
                extensions=("avi", "mkv", "mp4"),
                quiet_s=QUIET_S,
            )
            for name, path in self.roots.items()
        )
        config = Config(source=None, libraries=configured, database_path=self.database_path, watch=WATCH)
        nobody: Any = SimpleNamespace(fileno=lambda: -1)
        daemon = Daemon(config, open_owned_catalog(config), nobody, nobody, Counters())
        self._heartbeats = daemon._heartbeats
        self.watchers: list[LibraryWatcher] = daemon._make_watchers()
        daemon._watchers = self.watchers
        for watcher in self.watchers:
            _move_defaults(watcher.scanner, self.clock)
            watcher._observer_health._clock = self.clock.monotonic
        self._runner = Runner(
            stages=[self._counting(stage) for stage in stages()],
            tools=StageContext(
                ask_prober=_ask_prober,
                ask_identifier=_ask_identifier,
                should_stop=lambda: False,
                on_bytes_hashed=lambda _count: None,
                wall_ns=self.clock.time_ns,
            ),
            now_ms=now_ms,
            pause=lambda _seconds: None,
            rescan_directory=daemon._rescan_directory,
            rng=random.Random(0),
        )

    def stop(self) -> None:
        close_catalog()

    def kill(self) -> None:
        """Only what was committed is left, and the log of the database was not folded in."""
        self.kills += 1
        self._boundaries_left = None
        left = {path: _bytes_of(path) for path in (self.database_path, f"{self.database_path}-wal")}
        close_catalog()
        for path, content in left.items():
            if content is not None:
                with open(path, "wb") as file:
                    file.write(content)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{self.database_path}-shm")

    def kill_after(self, boundaries: int) -> None:
        self._boundaries_left = boundaries

    def close(self) -> None:
        close_catalog()
        del database.atomic

    # --- working -----------------------------------------------------------------------------------------

    def turn(self) -> None:
        """Each watcher checks its root, follows its hints, and takes what has settled."""
        with self._heartbeats.of_this_thread():
            for watcher in self.watchers:
                watcher.hints.wake()  # it would wait for news otherwise
                watcher._tick()

    def work(self, most: int | None = None) -> int:
        """Let the workers do at most so many jobs that are due, or all; how many."""
        done = 0
        while (most is None or done < most) and (any(self._runner.step(lane) for lane in LANES)):
            done += 1
        return done

    def tell(self, absolute: str, *, is_tree: bool) -> None:
        """What the observer would say: something came, went or changed in this folder."""
        for watcher in self.watchers:
            root = watcher.library.path
            if f"{absolute}/".startswith(f"{root}/"):
                watcher.hints.mark(absolute[len(root) + 1 :], is_recursive=is_tree)

    def overflow(self, name: str) -> None:
        """The kernel lost events of this library, and said so."""
        ToldByHand.overflown.add(self.roots[name])

    def forget_hints(self) -> None:
        """The kernel lost events, and said nothing."""
        for watcher in self.watchers:
            while watcher.hints.take() is not None:
                pass

    def is_idle(self) -> bool:
        """Whether nothing waits but what cannot be looked at."""
        return all(len(watcher.scanner.folder_scanner.new_files.settling) == 0 for watcher in self.watchers)

    def total_changes(self) -> int:
        return int(database.connection().total_changes)

    # --- a person ----------------------------------------------------------------------------------------

    def validate(self, question_id: int, title: str) -> None:
        said = Reading(kind="movie", title=title, year=2001, score=1.0, evidence=("a person said so",))
        with writing():
            assignments.validate(question_id, said, candidate=None, key_of=title_key, now_ms=now_ms())

    def reject(self, question_id: int) -> None:
        with writing():
            assignments.reject(question_id, now_ms())

    def accept(self, name: str) -> None:
        with writing():
            libraries.accept(name)

    # --- ending at a bad moment --------------------------------------------------------------------------

    def _guard_transactions(self) -> None:
        original = type(database).atomic

        @contextlib.contextmanager
        def atomic(*arguments: Any, **more: Any) -> Iterator[None]:
            self._cross()
            with original(database, *arguments, **more):
                yield
                self._cross()
            self._cross()

        database.atomic = atomic

    def _cross(self) -> None:
        if self._boundaries_left is not None:
            self._boundaries_left -= 1
            if self._boundaries_left < 0:
                raise Killed

    def _counting(self, stage: Stage) -> Stage:
        if stage.name != "hash":
            return stage

        def run(record: FileRecord, tools: StageContext) -> str:
            found: str = stage.run(record, tools)
            self.hashed[found] += 1
            return found

        return replace(stage, run=run)


@contextlib.contextmanager
def told_by_hand() -> Iterator[None]:
    """For as long as this lasts, no watcher asks the kernel for events."""
    try:
        with mock.patch.object(watching_module, "LibraryObserver", ToldByHand):
            yield
    finally:
        ToldByHand.overflown.clear()


@contextlib.contextmanager
def without_log() -> Iterator[None]:
    """For as long as this lasts, nothing is written of the millions of things that go well."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)


def _bytes_of(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None
