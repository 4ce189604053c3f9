"""How does one pass over the disks go, without the daemon? Walk, let settle, work, until nothing is left."""

import os
import queue as queues
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

from reeld.catalog import libraries, queue, views
from reeld.config import Config, Library, SettleSettings, paths_overlap
from reeld.database.connection import close_catalog, reading, writing
from reeld.database.maintenance import Upkeep
from reeld.domain.files import readable
from reeld.errors import CatalogError, NotFoundError, UsageError
from reeld.pipeline.runner import Runner
from reeld.pipeline.stages import stages
from reeld.report.counters import Tally, counted
from reeld.report.progress import Forecast, Outlook
from reeld.scanner.compare import Intake
from reeld.scanner.reconcile import reconcile
from reeld.scanner.root_check import Doubt, why_away
from reeld.service.daemon import open_owned_catalog
from reeld.service.heartbeat import Pulses
from reeld.service.instance_lock import Presence
from reeld.service.signals import ending_on_signals
from reeld.service.stage_context import looking, now_ms, open_tools, roots_of
from reeld.service.watcher import make_intake, record_state
from reeld.service.workers import LISTING_S, Workers, lane_threads
from reeld.watch.hints import EVERYTHING, Hint
from reeld.watch.settle import MOST_WAITING
from reeld.watch.walk import RootSeen

TICK_S = 0.1

# Counting what is left reads the whole queue, which takes 0.1 s where 100,000 files wait: it takes one part in so many.
SHOW_S = 0.5
SHOW_SHARE = 20

# A file that somebody goes on writing to never settles; after so many quiet periods the pass ends without it.
PATIENCE = 3

# What failed is tried again within this, a file whose end may still be to come is not: the pass ends without it.
SOON_MS = 45_000

# A second look is due after one quiet period, and fails only where a folder cannot be listed any more.
SECOND_LOOK_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where the pass is: what is left, of all that it found to do."""

    settling: int
    left: dict[str, int]
    """Files whose next stage is this one, by stage."""
    bytes_hashed: int
    outlook: Outlook


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """How the pass ended. `counts` is what `views.counts` says now."""

    seconds: float
    bytes_hashed: int
    unsettled: tuple[str, ...]
    """Files that were still being written to, or end before their container does."""
    asked_for: tuple[str, ...]
    """The libraries that were to be looked at, as a whole or in part."""
    offline: dict[str, str]
    """Libraries that could not be looked at, by name, and why."""
    doubts: dict[str, str]
    """Libraries of which something waits for a disk, or for a person's word, by name, and why."""
    unreadable: dict[str, str]
    """Folders that could not be listed, by path, and why; nothing in them was touched."""
    was_interrupted: bool
    counts: dict[str, Any]


def choose_libraries(config: Config, paths: Sequence[str]) -> tuple[Config, dict[str, list[str]]]:
    """The configuration to scan these paths with, and which folder of which library to look at.

    A path inside a library means that part of it; any other folder is a library of its own, named by its
    path. Without paths everything configured is scanned. Raises NotFoundError for a path that is not there.
    """
    if not paths:
        return config, {library.name: [""] for library in config.libraries}
    wanted: dict[str, list[str]] = {}
    extra: list[Library] = []
    for path in (os.path.abspath(path) for path in paths):
        _require(path)
        home = next((library for library in (*config.libraries, *extra) if _holds(library, path)), None)
        if home is None:
            if not os.path.isdir(path):
                raise UsageError(f"{readable(path)} lies in no library; name the folder that it lies in")
            _refuse_overlap(path, (*config.libraries, *extra))
            home = library_at(path, config.settle)
            extra.append(home)
        # Either may have been named by way of a symbolic link.
        relative = os.path.relpath(os.path.realpath(path), os.path.realpath(home.path))
        wanted.setdefault(home.name, []).append("" if relative == "." else _folder(path, relative))
    return replace(config, libraries=(*config.libraries, *extra)), wanted


def _require(path: str) -> None:
    """Raises NotFoundError for a path that is not there, or of which that is not known."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError) as err:
        raise NotFoundError(f"{readable(path)} does not exist; check the spelling, or connect its disk") from err
    except OSError as err:
        raise NotFoundError(
            f"{readable(path)} cannot be looked at ({err.strerror}); check the rights on the way to it, and its disk"
        ) from err


def library_at(path: str, settle: SettleSettings) -> Library:
    """A library that no configuration names: known by its path, which cannot be mistaken for another's."""
    absolute = os.path.abspath(path)
    return Library(name=absolute, path=absolute, **asdict(settle))


def with_library(config: Config, path: str) -> Config:
    """The configuration with this folder as its only library."""
    home = next((library for library in config.libraries if library.path == os.path.abspath(path)), None)
    return replace(config, libraries=(home or library_at(path, config.settle),))


def _holds(library: Library, path: str) -> bool:
    root = os.path.realpath(library.path)
    return os.path.commonpath((root, os.path.realpath(path))) == root


def _refuse_overlap(path: str, libraries: Sequence[Library]) -> None:
    """A file in two libraries would have two identities."""
    for library in libraries:
        if paths_overlap(library.path, path):
            raise UsageError(
                f"{readable(path)} contains the library {readable(library.name)} ({readable(library.path)}); "
                "scan that, or make this folder a library instead of it"
            )


def _folder(path: str, relative: str) -> str:
    return relative if os.path.isdir(path) else os.path.dirname(relative)


Show = Callable[[Progress], None]


def run_scan(config: Config, paths: Sequence[str], show: Show | None = None) -> Summary:
    """Bring the catalogue up to date once, telling `show`, if anybody looks on, every now and then how far it is."""
    config, wanted = choose_libraries(config, paths)
    with Presence(config.database_path, "scan"):
        library_ids = open_owned_catalog(config)
        try:
            summary = _Scan(config, library_ids, wanted).run(show)
            upkeep = Upkeep(config.database_path, time.time(), lambda: False, backups_kept=config.backups_kept)
            upkeep.back_up_at_end(time.time())
            return summary
        finally:
            close_catalog()


class _Scan:
    def __init__(self, config: Config, library_ids: dict[str, int], wanted: dict[str, list[str]]) -> None:
        self._config = config
        self._library_ids = library_ids
        self._wanted = wanted
        self._stopping = threading.Event()
        self._interruption = ending_on_signals()
        self._failure: CatalogError | None = None
        self._offline: dict[str, str] = {}
        self._doubts: dict[str, str] = {}
        self._unreadable: dict[str, str] = {}
        self._roots = roots_of(config, library_ids)
        self._roots_seen: dict[int, RootSeen] = {}
        self._changed: set[str] = set()
        """Files that changed under their job, which waits until they are complete."""
        self._to_look_again: queues.SimpleQueue[str] = queues.SimpleQueue()
        self._tally = Tally()
        self._forecast = Forecast(self._tally, with_full_hash=config.hash.full)
        self._stages = tuple(counted(stage, self._tally) for stage in stages(with_full_hash=config.hash.full))
        self._wishes = self._fulfilled = 0
        self._was_another_root = False
        """Whether a library could not be looked through, while all were, though it can be looked at."""
        self._started = time.monotonic()

    def run(self, show: Show | None) -> Summary:
        with (
            self._interruption,
            open_tools(self._config, self._stopping, self._tally.hashed) as tools,
        ):
            runner = Runner(
                stages=self._stages,
                tools=tools,
                now_ms=now_ms,
                pause=self._pause,
                look_again=self._to_look_again.put,
            )
            workers = Workers(runner, self._stopping, self._fail, lane_threads(), Pulses())
            try:
                takes_long = threading.Timer(LISTING_S, workers.start)
                takes_long.start()
                try:
                    intakes = self._walk()
                finally:
                    takes_long.cancel()
                    takes_long.join()
                workers.start()
                self._work_off(intakes, show)
                for library, intake in zip(self._config.libraries, intakes, strict=True):
                    self._check(library, intake)
            finally:
                self._stopping.set()
                tools.interrupt()
                workers.join()
        if self._failure is not None:
            raise self._failure
        return self._summary(intakes)

    def _walk(self) -> list[Intake]:
        intakes = []
        for library in self._config.libraries:
            # Of the others only those files are looked at that still had work to be done.
            intake = make_intake(
                library,
                self._library_ids[library.name],
                first_stage=self._stages[0],
                with_full_hash=self._config.hash.full,
                look_for=looking(self._roots),
                on_displaced=self._wish_to_look_around,
                look_again=self._to_look_again.put,
            )
            self._walk_library(library, intake)
            intakes.append(intake)
        return intakes

    def _walk_library(self, library: Library, intake: Intake) -> None:
        library_id = intake.place.library_id
        root = self._roots[library_id]
        with reading():
            before = libraries.standing_of(library_id)
        intake.absences.begin_anew(was_held=before.state == "held")
        if (seen := self._check(library, intake)) is None:
            return
        if root.is_accepted:
            intake.absences.accept()
        self._roots_seen[library_id] = seen
        for folder in self._wanted.get(library.name, ()):
            self._reconcile(library, intake, Hint(relative=folder, is_recursive=True))
        if "" in self._wanted.get(library.name, ()):
            root.remember_count()

    def _check(self, library: Library, intake: Intake) -> RootSeen | None:
        """Record what the library is like; its root if that is to be looked into."""
        found, held = self._roots[intake.place.library_id].check(), intake.absences.held
        told = self._doubts
        if isinstance(found, Doubt):
            state, reason, told = found.state, found.reason, self._offline
        else:
            state = "online" if held is None else "held"
            reason = "; ".join(each for each in (held, why_away(found, library)) if each is not None)
        self._doubts.pop(library.name, None)
        if reason and library.name in self._wanted:
            told[library.name] = reason
        seen = None if isinstance(found, Doubt) else found
        with writing():
            record_state(intake, state, reason or None, seen)
        return seen

    def _work_off(self, intakes: Sequence[Intake], show: Show | None) -> None:
        """Until nothing settles and nothing is queued, or what settles has used up our patience."""
        quiet_s = max((library.quiet_s for library in self._config.libraries), default=0.0)
        last_work, next_show = time.monotonic(), 0.0
        while not self._is_over():
            self._look_again(intakes)
            self._look_around(intakes)
            for library, intake in zip(self._config.libraries, intakes, strict=True):
                self._look_once_more(library, intake)
                self._show_again_who_was_turned_away(library, intake)
                intake.arrivals.settle_due()
            settling = sum(len(intake.arrivals.settling) for intake in intakes)
            is_in_doubt = any(intake.absences.next_due() is not None for intake in intakes)
            if show is not None and time.monotonic() >= next_show:
                began = time.monotonic()
                show(self._progress(settling))
                next_show = time.monotonic() + max(SHOW_S, SHOW_SHARE * (time.monotonic() - began))
            if self._has_work(intakes):
                last_work = time.monotonic()
            elif not (settling or is_in_doubt) or time.monotonic() - last_work > PATIENCE * quiet_s + (
                SECOND_LOOK_S if is_in_doubt else 1
            ):
                return
            time.sleep(TICK_S)

    def _has_work(self, intakes: Sequence[Intake]) -> bool:
        """Whether there are more jobs than those that wait for their file, which is waited for anyway."""
        idle = len(self._changed.intersection(_unsettled(intakes))) if self._changed else 0
        with reading():
            return queue.live_count(now_ms() + SOON_MS, most=idle + 1) > idle

    def _progress(self, settling: int) -> Progress:
        return Progress(
            settling=settling,
            left=views.left_by_stage(),
            bytes_hashed=self._tally.bytes_hashed,
            outlook=self._forecast.look(views.work_left()),
        )

    def _look_again(self, intakes: Sequence[Intake]) -> None:
        """List the folders of files that turned out to be gone, or changed, when their turn came."""
        while not self._to_look_again.empty():
            path = self._to_look_again.get()
            self._changed.add(path)
            for library, intake in zip(self._config.libraries, intakes, strict=True):
                relative = os.path.relpath(os.path.dirname(path), intake.place.root)
                if intake.place.library_id in self._roots_seen and relative.split("/")[0] != "..":
                    # It may be gone with its disk: then its job waits for that, and the pass does not.
                    self._check(library, intake)
                    self._reconcile(
                        library, intake, Hint(relative="" if relative == "." else relative, is_recursive=False)
                    )

    def _wish_to_look_around(self) -> Callable[[], bool]:
        """Unknown content stands where known content stood, which may have gone to where this pass has been already."""
        self._wishes += 1
        wish = self._wishes
        return lambda: self._fulfilled >= wish

    def _look_around(self, intakes: Sequence[Intake]) -> None:
        wish = self._wishes
        if self._fulfilled < wish:
            self._was_another_root = False
            for library, intake in zip(self._config.libraries, intakes, strict=True):
                if intake.place.library_id in self._roots_seen:
                    self._reconcile(library, intake, EVERYTHING)
            if not self._was_another_root:  # else whoever waits for it goes on waiting
                self._fulfilled = wish

    def _look_once_more(self, library: Library, intake: Intake) -> None:
        """Nothing is missing that was looked for only once. When very much is, its jobs wait for a person's word."""
        held = intake.absences.held
        while not self._is_over() and (hint := intake.take_due()) is not None:
            self._reconcile(library, intake, hint)
        if intake.absences.held != held:
            self._check(library, intake)

    def _show_again_who_was_turned_away(self, library: Library, intake: Intake) -> None:
        arrivals = intake.arrivals
        while len(arrivals.settling) < MOST_WAITING // 2 and not self._is_over():
            hint = arrivals.turned_away.take()
            if hint is None:
                return
            self._reconcile(library, intake, hint)

    def _reconcile(self, library: Library, intake: Intake, hint: Hint) -> None:
        root_seen = self._roots_seen[intake.place.library_id]
        look_anew = partial(self._look_anew, library, intake)
        for folder in reconcile(intake, hint, root_seen, self._is_over, on_another_root=look_anew):
            self._unreadable[os.path.join(intake.place.root, folder.relative)] = folder.message

    def _look_anew(self, library: Library, intake: Intake) -> None:
        """The root was another one for a moment, and nothing was recorded: if it is to be believed, it is looked at."""
        if (seen := self._check(library, intake)) is not None:
            self._roots_seen[intake.place.library_id] = seen
            self._was_another_root = True
            self._wish_to_look_around()

    def _summary(self, intakes: Sequence[Intake]) -> Summary:
        return Summary(
            seconds=time.monotonic() - self._started,
            bytes_hashed=self._tally.bytes_hashed,
            unsettled=(*_unsettled(intakes), *self._put_off()),
            asked_for=tuple(self._wanted),
            offline=self._offline,
            doubts=self._doubts,
            unreadable=self._unreadable,
            was_interrupted=self._interruption.is_set(),
            counts=views.counts(),
        )

    def _put_off(self) -> list[str]:
        with reading():
            return queue.put_off(now_ms() + SOON_MS)

    def _is_over(self) -> bool:
        return self._interruption.is_set() or self._stopping.is_set()

    def _pause(self, seconds: float) -> None:
        self._stopping.wait(seconds)

    def _fail(self, error: CatalogError) -> None:
        self._failure = self._failure or error
        self._stopping.set()


def _unsettled(intakes: Sequence[Intake]) -> list[str]:
    return [
        os.path.join(intake.place.root, wait.key) for intake in intakes for wait in intake.arrivals.settling.waiting()
    ]
