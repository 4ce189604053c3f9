"""Does the real daemon keep the catalogue true while everything happens to it at once?

In rounds: some seconds of operations by several threads, bursts and churn, while the daemon is killed, stopped, paused,
given too small a queue or too few watches, its disks are pulled and a person decides; then quiet, and everything is
compared.
"""

import contextlib
import json
import os
import random
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Self

from tests.model.bytes import content_of, unique_video
from tests.model.disk import OPERATIONS, Disk
from tests.model.expectations import SWITCHED_OFF
from tests.model.memory import Decision, Memory
from tests.model.mounts import CAN_MOUNT, Plug
from tests.model.oracle import Comparison, Difference, changes_of, unlike
from tests.model.sights import Row, Sight, look_at, read_catalogue, read_verdicts
from tests.service.harness import RunningDaemon, World

QUIET_BOUND_S = 90.0
# A lost event costs at most one walk, and each start begins with one.
LATE_BOUND_S = 60.0
# Of how many files a round may leave the disks; each of them is hashed by us, too, after each round.
MOST_FILES = 4000
QUEUE_LIMIT = Path("/proc/sys/fs/inotify/max_queued_events")

# watchdog's own words, past the log: no event, and nothing that a person need do.
KNOWN_NOISE = ("Inotify queue overflowed; filesystem events were lost",)

_FAULTS = (
    *("kill", "kill", "stop", "pause", "reload", "reload", "unplug", "plug", "below"),
    *("decide", "decide", "decide", "nothing"),
)


@dataclass(kw_only=True)
class SoakWorld(World):
    """A world whose daemon may be started in a namespace with too few watches."""

    most_watches: int | None = None
    longest_command_s: float = 300.0  # a pass over thousands of new files, beside everything else

    def command(self, *arguments: str) -> list[str]:
        command = super().command(*arguments)
        if self.most_watches is None or "run" not in arguments:
            return command
        limit = f'echo {self.most_watches} > /proc/sys/user/max_inotify_watches; exec "$@"'
        return ["unshare", "--user", "--map-root-user", "sh", "-c", limit, "sh", *command]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """What the daemon costs at rest."""

    rss_mib: int
    threads: int
    descriptors: int

    def is_more_than_flat(self, first: "Weight") -> bool:
        return (
            self.rss_mib > 2 * first.rss_mib + 100
            or self.threads > first.threads + 10
            or self.descriptors > first.descriptors + 40
        )


@dataclass(slots=True, kw_only=True)
class Totals:
    rounds: int = 0
    operations: int = 0
    kills: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    files_compared: int = 0
    decisions_compared: int = 0
    late: int = 0
    """Rounds that became true only after a walk: an event was lost and nobody knew."""
    excused: Counter[str] = field(default_factory=Counter)
    """Differences of kinds that are switched off."""
    differences: int = 0


class Rounds:
    """The world of one soak, round after round, until something is wrong or somebody has seen enough."""

    def __init__(self, root: str, seed: int, tell: Callable[[str], None]) -> None:
        self.totals = Totals()
        self.problems: list[Difference] = []
        self._seed, self._tell, self._root = seed, tell, root
        self._stack = contextlib.ExitStack()
        self._lock = threading.Lock()
        self._memory = Memory()
        self._decided = 0
        self._dark_rows: dict[int, Row] = {}
        self._first_weight: Weight | None = None

    def __enter__(self) -> Self:
        os.chmod(self._root, 0o755)
        self._plugs = {name: self._plug(name, is_mounted=False) for name in ("films", "series")}
        self._below: Plug | None = None
        if CAN_MOUNT:
            self._plugs["disk"] = self._plug("disk", is_mounted=True)
            self._below = self._plug("below", is_mounted=True, path=f"{self._plugs['films'].path}/below")
        outside = os.path.join(self._root, "outside")
        os.mkdir(outside)
        roots = {name: plug.path for name, plug in self._plugs.items()}
        self._disk = Disk(libraries=roots, outside=outside, memory=self._memory, variety=25)
        if self._below is not None:
            self._disk.mount_points[self._below.path] = True
        self._world = SoakWorld(
            root=Path(self._root),
            libraries={name: Path(path) for name, path in roots.items()},
            level="info",
            is_humble=True,
        )
        self._daemon = RunningDaemon(self._world)
        self._operations_log: IO[str] = self._stack.enter_context(open(f"{self._root}/operations.log", "w"))
        self._daemon_log: IO[str] = self._stack.enter_context(open(f"{self._root}/daemon.log", "w"))
        self._daemon.start()
        self._stack.callback(self._end_daemon)
        return self

    def __exit__(self, *_exception: object) -> None:
        self._stack.close()

    def _plug(self, name: str, *, is_mounted: bool, path: str | None = None) -> Plug:
        drawer = os.path.join(self._root, f"drawer of {name}")
        plug = Plug(path=path or os.path.join(self._root, name), drawer=drawer, is_mounted=is_mounted)
        self._stack.callback(plug.close)
        return plug

    def _end_daemon(self) -> None:
        if self._daemon.is_alive():
            self._daemon.signal(signal.SIGCONT)
            self._daemon.stop()
        self._write_daemon_log()

    # --- one round ---------------------------------------------------------------------------------------

    def round(self) -> bool:
        """Operate, become quiet, compare; whether all is well."""
        totals = self.totals
        totals.rounds += 1
        rng = random.Random(f"{self._seed} {totals.rounds}")
        operations, faults = totals.operations, totals.faults.total()
        self._say(f"--- round {totals.rounds}")
        with self._hardship(rng):
            self._operate(rng)
        self._heal(rng)
        started = time.monotonic()
        found, comparison = self._wait_until_true()
        totals.excused.update(each.kind for each in found if each.kind in SWITCHED_OFF)
        wrong = [each for each in found if each.kind not in SWITCHED_OFF] + self._trouble_in_the_log()
        if not wrong:
            comparison.remember()
        files = sum(len(sight.lit) for sight in comparison.sights)
        totals.files_compared += files
        totals.decisions_compared += len(self._memory.decisions)
        weight = self._weigh()
        self._first_weight = self._first_weight or weight
        if weight.is_more_than_flat(self._first_weight):
            wrong.append(Difference(kind="weight", text=f"{weight}, and at first {self._first_weight}"))
        totals.differences += len(wrong)
        self.problems += wrong
        self._tell(
            f"round {totals.rounds}: {totals.operations - operations} operations, "
            f"{totals.faults.total() - faults} faults ({totals.kills} kills so far), true after "
            f"{time.monotonic() - started:.1f} s, {files} files and {len(self._memory.decisions)} decisions compared, "
            f"{totals.differences} differences so far; "
            f"RSS {weight.rss_mib} MiB, {weight.threads} threads, {weight.descriptors} descriptors"
        )
        self._write_daemon_log()
        return not wrong

    def compare_with_fresh(self) -> bool:
        """End the daemon; whether a scan into a new catalogue says the same of each file.

        All may be read by then. Of a closed folder each catalogue knows what could be read while it was there.
        """
        if "fresh" in SWITCHED_OFF or any(plug.is_away for plug in self._plugs.values()):
            return True
        while (done := self._disk.allow(random.Random(self._seed))) is not None:
            self._say(done.text)
        found, _ = self._wait_until_true()
        self.problems += [each for each in found if each.kind not in SWITCHED_OFF]
        self._daemon.stop()
        before, path = read_verdicts(str(self._world.database)), Path(self._root) / "fresh" / "reeld.db"
        self._world.database = path
        self._world.write_config()
        self._world.reeld("scan")
        differences = unlike(before, read_verdicts(str(path)))
        self.problems += differences
        self.totals.differences += len(differences)
        self._tell(f"{len(before)} files compared with a new catalogue, {len(differences)} differences")
        return not self.problems

    @contextlib.contextmanager
    def _hardship(self, rng: random.Random) -> Iterator[None]:
        """In some rounds the kernel gives the daemon less than it needs."""
        kind = rng.choices(("none", "queue", "watches"), (6, 2, 1))[0]
        if kind == "none" or not CAN_MOUNT:
            yield
            return
        self.totals.faults[f"too small: {kind}"] += 1
        self._say(f"too small: {kind}")
        self._daemon.stop()
        if kind == "queue":
            # The value counts when the queue is made, so it need not stay for longer than that.
            with lowered_queue(rng.choice((16, 128))):
                self._daemon.start()
            yield
        else:
            self._world.most_watches = rng.choice((5, 10))
            self._daemon.start()
            yield
            self._world.most_watches = None
            self._make_alive()
            self._daemon.restart()

    def _operate(self, rng: random.Random) -> None:
        until = time.monotonic() + rng.uniform(3, 9)
        works = [self._operate_at_random] * rng.randrange(1, 4) + [self._churn] * rng.randrange(2)
        works += [self._burst] * rng.choice((0, 0, 1, 2))
        threads = [
            threading.Thread(target=work, args=(random.Random(f"{rng.random()}"), until), name=work.__name__)
            for work in works
        ]
        for thread in threads:
            thread.start()
        is_calm = rng.random() < 0.25  # an older daemon is heavier, if it leaks
        while time.monotonic() < until:
            time.sleep(rng.uniform(0.1, 1.2))
            fault = rng.choice(("decide", "nothing") if is_calm else _FAULTS)
            if fault != "nothing" and self._inflict(fault, rng):
                self.totals.faults[fault] += 1
        for thread in threads:
            thread.join()

    def _operate_at_random(self, rng: random.Random, until: float) -> None:
        names = sorted(OPERATIONS)
        while time.monotonic() < until:
            name = rng.choice(names) if rng.random() < 0.6 else "create"
            # One at a time, so that it is known what was done to which file; bursts and churn go on beside it.
            with self._lock, contextlib.suppress(OSError, shutil.Error):
                done = OPERATIONS[name](self._disk, rng)
                if done is not None:
                    self._say(done.text)
                    self.totals.operations += 1
            time.sleep(rng.choice((0.0, 0.001, 0.02)))

    def _burst(self, rng: random.Random, until: float) -> None:
        """Hundreds of files in a moment, some of them in folders that were made in the same one."""
        folder = os.path.join(rng.choice(self._fixed_roots()), f"burst {rng.randrange(3)}")
        count = rng.randrange(100, 700)
        self._say(f"burst of {count} files in {folder}")
        for number in range(count):
            if time.monotonic() > until + 2:
                return
            below = os.path.join(folder, str(number % 7))
            with contextlib.suppress(OSError):
                os.makedirs(below, exist_ok=True)
                serial = self._disk.serials.next()
                with open(os.path.join(below, f"Burst {serial} (2003).mkv"), "xb") as file:
                    file.write(unique_video("mkv", serial, 100))
                self.totals.operations += 1

    def _churn(self, rng: random.Random, until: float) -> None:
        """What made observers blind: folders that go out and come in, names that are used again, unpacking."""
        root = rng.choice(self._fixed_roots())
        name, number = os.path.join(root, "churn"), 0
        away = os.path.join(self._disk.outside, "0 churn")
        while time.monotonic() < until:
            number += 1
            steps: tuple[Callable[[], object], ...] = (
                lambda: os.makedirs(os.path.join(root, "_UNPACK_churn", "sub")),
                lambda: self._write(os.path.join(root, "_UNPACK_churn", "sub")),
                lambda: os.rename(os.path.join(root, "_UNPACK_churn"), name),
                lambda: self._write(os.path.join(name, "sub")),
                lambda: self._disk.note_all_away(name),
                lambda: os.rename(name, away),
                lambda: os.makedirs(os.path.join(name, "sub")),
                lambda: self._write(os.path.join(name, "sub")),
                lambda: shutil.rmtree(name),
                lambda: os.rename(away, name),
                lambda: self._write(name),
                lambda: shutil.rmtree(name if rng.random() < 0.7 else away),
            )
            for step in steps:
                with self._lock, contextlib.suppress(OSError, shutil.Error):
                    step()
                    self.totals.operations += 1
                time.sleep(rng.choice((0.0, 0.002, 0.05)))

    def _write(self, folder: str) -> None:
        serial = self._disk.serials.next()
        with open(os.path.join(folder, f"Churn {serial} (2004).mkv"), "xb") as file:
            file.write(unique_video("mkv", serial, 100))

    def _fixed_roots(self) -> list[str]:
        return [self._plugs[name].path for name in ("films", "series")]

    # --- faults ------------------------------------------------------------------------------------------

    def _inflict(self, fault: str, rng: random.Random) -> bool:
        """Whether it was possible."""
        self._say(f"fault: {fault}")
        match fault:
            case "kill":
                self._daemon.kill()
                self.totals.kills += 1
                self._scan_and_start(rng)
            case "stop":
                self._daemon.stop()
                self._scan_and_start(rng)
            case "pause":
                self._daemon.signal(signal.SIGSTOP)
                time.sleep(rng.uniform(0.2, 1.5))
                self._daemon.signal(signal.SIGCONT)
            case "reload":
                return self._reload(rng)
            case "unplug":
                return self._unplug(rng)
            case "plug":
                return self._plug_in()
            case "below":
                return self._change_below(rng)
            case "decide":
                return self._decide(rng)
        return True

    def _reload(self, rng: random.Random) -> bool:
        """Another configuration, the same once more, or one with a mistake in it, which changes nothing."""
        if not self._daemon.is_alive():
            return False
        kind = rng.choice(("the same", "another", "another kind", "wrong"))
        if kind == "another kind":
            self._world.library_extra = f'kind = "{rng.choice(("auto", "movies", "series"))}"\n'
        self._world.write_config()
        with self._world.config.open("a") as config:
            if kind == "another":
                config.write(f"[hash]\nmax_mib_per_s = {rng.choice((200, 400, 800))}\n")
            elif kind == "wrong":
                config.write("quiet = 'of course'\n")
        self._say(f"reload: {kind}")
        self._daemon.signal(signal.SIGHUP)
        if kind == "wrong":
            # Whoever mends it later need not reload; and a start must not meet the mistake.
            time.sleep(rng.uniform(0.0, 0.5))
            self._world.write_config()
        return True

    def _scan_and_start(self, rng: random.Random) -> None:
        if rng.random() < 0.2:
            self._world.reeld("scan")
        self._daemon.start()

    def _unplug(self, rng: random.Random) -> bool:
        plug = self._plugs.get("disk")
        if plug is None or plug.is_away or not self._daemon.is_alive():
            return False
        has_rows = bool(read_catalogue(str(self._world.database)).present("disk"))
        with self._lock:
            self._disk.unplugged.add("disk")
            self._disk.note_all_away(plug.path)
            for done in self._disk.finish_slowly():
                self._say(done.text)
            self._say(plug.unplug(rng, may_leave_something=has_rows))
        deadline = time.monotonic() + 30
        while read_catalogue(str(self._world.database)).states["disk"] == "online":
            if time.monotonic() > deadline:
                self.problems.append(Difference(kind="unnoticed", text="a disk was away for 30 s, and nobody noticed"))
                return True
            time.sleep(0.2)
        rows = self._rows_once_nobody_works_on("disk")
        self._dark_rows = {row["id"]: row for row in rows.values() if row["library"] == "disk"}
        return True

    def _rows_once_nobody_works_on(self, library: str) -> Mapping[int, Row]:
        """What a worker had read before, it may still store; on a busy machine that takes a while."""
        deadline = time.monotonic() + 60
        while True:
            time.sleep(1)
            now = read_catalogue(str(self._world.database))
            under_way = {file_id for file_id, job in now.jobs.items() if job["state"] == "running"}
            if time.monotonic() > deadline or not any(now.rows[each]["library"] == library for each in under_way):
                return now.rows

    def _plug_in(self) -> bool:
        plug = self._plugs.get("disk")
        if plug is None or not plug.is_away:
            return False
        self.problems += self._changed_in_the_dark()
        self._dark_rows = {}
        with self._lock:
            plug.plug()
            self._disk.unplugged.discard("disk")
        return True

    def _changed_in_the_dark(self) -> list[Difference]:
        found = []
        now = read_catalogue(str(self._world.database)).rows
        for row_id, before in self._dark_rows.items():
            after = now.get(row_id)
            is_there = after is not None and (after["library"], after["path"]) == ("disk", before["path"])
            if is_there and after is not None and (changed := changes_of(before, after, now.values())):
                found.append(Difference(kind="changed_in_the_dark", text=f"{before['path']!a}: {changed}"))
        return found

    def _change_below(self, rng: random.Random) -> bool:
        if self._below is None:
            return False
        with self._lock:
            if self._below.is_away:
                self._below.plug()
            else:
                self._disk.note_all_away(self._below.path)
                for done in self._disk.finish_slowly():
                    self._say(done.text)
                self._below.unplug(rng, may_leave_something=False)
            self._disk.mount_points[self._below.path] = not self._below.is_away
        return True

    def _decide(self, rng: random.Random) -> bool:
        """As a person does it, by the command line, beside the daemon."""
        questions = read_catalogue(str(self._world.database)).questions
        if not questions:
            return False
        question = rng.choice(questions)
        self._decided += 1
        title = f"Decided Thing {self._decided}" if rng.random() < 0.7 else None
        number = str(question["video_file_id"])
        command = ["reject", number] if title is None else ["validate", number, "--movie", title, "--year", "2001"]
        done = self._world.reeld(*command)
        if done.returncode != 0:
            self._say(f"{command} was refused: {done.stderr.decode(errors='replace').strip()}")
            return False
        row = read_catalogue(str(self._world.database)).rows[question["video_file_id"]]
        path, spoken_of = os.path.join(self._plugs[row["library"]].path, row["path"]), row["file_hash"]
        with contextlib.suppress(OSError):
            spoken_of = content_of(path)
        decision = Decision(title=title, content=row["file_hash"], row_id=row["id"])
        self._memory.decide(decision, spoken_of=spoken_of)
        self._dark_rows.pop(row["id"], None)
        self._say(f"{self._memory.decisions[-1]} at {row['library']}:{row['path']!a}")
        return True

    # --- quiet -------------------------------------------------------------------------------------------

    def _make_alive(self) -> None:
        if not self._daemon.is_alive():
            self.problems.append(Difference(kind="death", text="the daemon ended by itself"))
            self._daemon.start()

    def _heal(self, rng: random.Random) -> None:
        """Nobody writes any more. A disk may stay away, rights may stay refused: they are compared as such."""
        self._make_alive()
        if rng.random() < 0.7:
            self._plug_in()
        if self._below is not None and self._below.is_away:
            self._change_below(rng)
        for done in self._disk.finish_slowly():
            self._say(done.text)
        self._thin_out(rng)

    def _thin_out(self, rng: random.Random) -> None:
        for root in self._fixed_roots():
            folders = [entry.path for entry in os.scandir(root) if entry.is_dir() and entry.name.startswith("burst")]
            if folders and sum(len(names) for _, _, names in os.walk(root)) > MOST_FILES // 3:
                folder = rng.choice(sorted(folders))
                self._say(f"delete folder {folder}")
                shutil.rmtree(folder, ignore_errors=True)

    def _wait_until_true(self) -> tuple[list[Difference], Comparison]:
        """Until nothing is wrong but what is switched off, or time is over; with one more walk before that is said."""
        found, comparison = self._wait(QUIET_BOUND_S)
        if _counts(found):
            before = [difference for difference in found if difference.kind not in SWITCHED_OFF]
            self._say(f"not true after {QUIET_BOUND_S:g} s: {before}")
            self._daemon.restart()
            found, comparison = self._wait(LATE_BOUND_S)
            if not _counts(found):
                self.totals.late += 1
                self._tell("  true only after a restart: an event was lost, and nobody knew:")
                for difference in before[:5]:
                    self._tell(f"    {difference.kind}: {difference.text}")
        return found, comparison

    def _wait(self, bound_s: float) -> tuple[list[Difference], Comparison]:
        deadline = time.monotonic() + bound_s
        while True:
            self._accept_what_was_deleted()
            comparison = self._compare()
            found = comparison.differences() + self._changed_in_the_dark()
            if not _counts(found) or time.monotonic() > deadline:
                return found, comparison
            time.sleep(1)

    def _accept_what_was_deleted(self) -> None:
        states = read_catalogue(str(self._world.database)).states
        for name, plug in self._plugs.items():
            if not plug.is_away and states[name] not in ("online", "offline"):
                self._say(f"accept {name}, which is {states[name]}")
                self._world.reeld("libraries", "accept", name)

    def _compare(self) -> Comparison:
        sights = [self._sight(name) for name in self._plugs]
        return Comparison(sights, read_catalogue(str(self._world.database)), self._memory)

    def _sight(self, name: str) -> Sight:
        plug = self._plugs[name]
        return look_at(name, plug.path, is_dark=plug.is_away)

    def _trouble_in_the_log(self) -> list[Difference]:
        bad = [row for row in self._daemon.log if row["event"] in ("stage.crashed", "thread.crashed", "daemon.failed")]
        noise = [Difference(kind="noise", text=line) for line in self._daemon.noise if line not in KNOWN_NOISE]
        self._daemon.noise.clear()
        early, self.problems = self.problems, []
        return [*early, *noise, *(Difference(kind="crash", text=json.dumps(row)) for row in bad)]

    def _weigh(self) -> Weight:
        status = Path(f"/proc/{self._daemon.pid}/status").read_text()
        facts = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
        return Weight(
            rss_mib=int(facts["VmRSS"].split()[0]) >> 10,
            threads=int(facts["Threads"]),
            descriptors=len(os.listdir(f"/proc/{self._daemon.pid}/fd")),
        )

    # --- telling -----------------------------------------------------------------------------------------

    def _say(self, text: str) -> None:
        print(f"{time.time():.3f} {threading.current_thread().name}: {text!a}", file=self._operations_log, flush=True)

    def _write_daemon_log(self) -> None:
        """All that it said since the last time; kept in a file, or an hour of it would fill the memory."""
        rows: list[dict[str, Any]] = list(self._daemon.log)
        del self._daemon.log[: len(rows)]
        self._daemon_log.writelines(json.dumps(row) + "\n" for row in rows)
        self._daemon_log.flush()


@contextlib.contextmanager
def lowered_queue(limit: int) -> Iterator[None]:
    """For as long as this lasts, new inotify queues of this machine hold so few events."""
    before = QUEUE_LIMIT.read_text()
    try:
        QUEUE_LIMIT.write_text(str(limit))
        yield
    finally:
        QUEUE_LIMIT.write_text(before)


def _counts(found: list[Difference]) -> bool:
    return any(difference.kind not in SWITCHED_OFF for difference in found)
