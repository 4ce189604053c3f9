"""A real `reeld run` in its own world, a witness of what it says, and an oracle of what it must know.

Nothing here asks reeld's code: the daemon and the commands are processes, the log is read from standard
error, and the oracle walks and hashes the disk by itself.
"""

import contextlib
import json
import os
import select
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import xxhash

from tests.privileges import humbly
from tests.service.warm_start import NO_FAULTS, WarmProcess, warm_start
from tests.template import copy_template

Row = dict[str, Any]

# What the installed `reeld` does, also where none is installed.
REELD = [sys.executable, "-c", "from reeld.cli.app import main; main()"]

# The same with faults inside: their JSON is the last argument before reeld's own.
DRIVER = str(Path(__file__).parent.parent / "faults" / "driver.py")

# A root that goes without an event is noticed in the next round: in reeld after five seconds.
HURRY = {"reeld.service.watcher.CHECK_S": 0.5}

# What the tests write; an oracle that read reeld's own list would believe whatever stands there.
ENDINGS = (".mkv", ".mp4", ".avi")
# The other stages read names, or nothing.
READING_STAGES = ("fingerprint", "probe", "hash")
LEFT_ALONE = ("@eaDir", "#recycle", "lost+found")

# What takes this long is broken, and not slow: a machine that does ten other things as well needs a minute.
PATIENCE_S = 150.0


# --- the world -------------------------------------------------------------------------------------------


@dataclass(kw_only=True)
class World:
    """Folders, a configuration and a catalogue that no other test shares; whose commands can be called."""

    root: Path
    libraries: dict[str, Path] = field(default_factory=dict)
    longest_command_s: float = 150.0
    quiet_s: float = 0.3
    patience_h: float = 0.0
    """None: tests make large files of holes, and cut videos off, that are to be taken as they are."""
    level: str = "debug"
    extra: str = ""
    """More lines of the configuration file, behind its last table."""
    library_extra: str = ""
    """More lines of each library's block."""
    program: Sequence[str] = tuple(REELD)
    """What runs as `reeld` where a process of its own is started."""
    is_humble: bool = False
    """Run everything without root's right to read and write whatever it likes."""
    hurry: dict[str, float] = field(default_factory=lambda: dict(HURRY))
    """Periods of the daemon that are shorter than in reeld; only where it is a fork of the warm process."""
    forks_children: bool = True
    """Let the confined children be forks too; False where it matters whose processes they are, or how they start."""
    has_catalog: bool = True
    """Begin with a catalogue that nothing was ever written to, as a first start makes it; else with none."""

    def __post_init__(self) -> None:
        self.state = self.root / "state"
        self.database = self.state / "reeld.db"
        self.config = self.root / "config.toml"
        self.home = self.root / "home"
        self.library = self.root / "library"
        if not self.libraries:
            self.libraries = {"L": self.library}
        for folder in (self.root, self.home, self.library, self.state):
            folder.mkdir(exist_ok=True)
        self.write_config()
        if self.has_catalog and not self.database.exists():
            copy_template(self.database)

    def write_config(self) -> None:
        blocks = [
            f"[[library]]\nname = {json.dumps(name)}\npath = {json.dumps(str(path))}\n{self.library_extra}"
            for name, path in self.libraries.items()
        ]
        self.config.write_text(
            "".join(blocks) + f"[database]\npath = {json.dumps(str(self.database))}\n"
            f"[settle]\nquiet_s = {self.quiet_s}\npatience_h = {self.patience_h}\n"
            f'[log]\nlevel = "{self.level}"\n{self.extra}'
        )

    def environment(self, **more: str) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
        return {**kept, "HOME": str(self.home), "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1", **more}

    def command(self, *arguments: str) -> list[str]:
        command = [*self.program, *arguments]
        return humbly(command) if self.is_humble else command

    def faults(self) -> str | None:
        """What a fork of the warm process needs to be what `command` names; None where none can be that."""
        if self.is_humble or type(self).command is not World.command:
            return None
        match self.program:
            case [sys.executable, driver, faults] if driver == DRIVER:
                return faults
        return NO_FAULTS if list(self.program) == REELD else None

    def reeld(
        self, *arguments: str, stdin: bytes = b"", config: Path | None = None, **environment: str
    ) -> "subprocess.CompletedProcess[bytes]":
        """Run one command, its output kept as bytes. Nothing is a terminal."""
        if not self.is_humble:
            command = ["--config", str(config or self.config), *arguments]
            return warm_start.reeld(
                command,
                stdin=stdin,
                directory=self.root,
                environment=self.environment(**environment),
                forks_children=self.forks_children,
            )
        return subprocess.run(
            self.command("--config", str(config or self.config), *arguments),
            input=stdin,
            capture_output=True,
            env=self.environment(**environment),
            cwd=self.root,
            timeout=self.longest_command_s,
            check=False,
        )

    def said(self, *arguments: str) -> str:
        """What a command that must succeed prints."""
        done = self.reeld(*arguments)
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        return done.stdout.decode()

    def rows(self, *arguments: str) -> list[Row]:
        """The objects that a command prints with --json, one a line, in printable characters alone."""
        lines = self.said(*arguments, "--json").splitlines()
        assert all(line.isprintable() for line in lines)
        return [json.loads(line) for line in lines]

    def file(self, path: Path) -> Row:
        """What `reeld list files` or `list ignored` says of this file; KeyError if nothing."""
        rows = [*self.rows("list", "files"), *self.rows("list", "ignored")]
        return {row["path"]: row for row in rows}[str(path)]

    def ask_database(self, sql: str) -> list[tuple[Any, ...]]:
        """Look into the catalogue beside everybody else."""
        with contextlib.closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=150)) as connection:
            return connection.execute(sql).fetchall()

    def change_database(self, sql: str) -> None:
        """Change the catalogue beside everybody else."""
        with contextlib.closing(sqlite3.connect(self.database, timeout=150)) as connection, connection:
            connection.execute(sql)


@contextlib.contextmanager
def new_world(**settings: Any) -> Iterator[World]:
    """A world in a short path (a socket's is limited to 107 bytes) that any user may enter; removed at the end."""
    root = Path(tempfile.mkdtemp(prefix="reeld-"))
    root.chmod(0o755)
    try:
        yield World(root=root, **settings)
    finally:
        for folder, names, _ in os.walk(os.fsencode(root)):
            for name in names:
                path = os.path.join(folder, name)
                if not os.path.islink(path):
                    os.chmod(path, 0o755)
        shutil.rmtree(os.fsencode(root), ignore_errors=True)


# --- the daemon ------------------------------------------------------------------------------------------


class RunningDaemon:
    """`reeld run` as a process, from `start` to the end of the block, however that comes."""

    def __init__(self, world: World, *arguments: str, **environment: str) -> None:
        self.world = world
        self.log: list[Row] = []
        """Every event so far, of all starts."""
        self.noise: list[str] = []
        """Lines of standard error that are no events: a traceback of a dead thread, for example."""
        self.told: list[str] = []
        """What the service manager was told, message by message."""
        self._arguments = arguments
        self._environment = environment
        self._news = threading.Condition()
        self._process: subprocess.Popen[bytes] | WarmProcess | None = None
        self._reader: threading.Thread | None = None
        self._notify_path = world.root / "notify"
        self._notify: socket.socket | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        try:
            if self.is_alive():
                self.stop()
        finally:
            self._clear_away()
        if kind is None:
            assert self.noise == [], "the daemon wrote something that is no event"
            assert self.find("stage.crashed") is None, self.find("stage.crashed")

    def start(self, *, is_ready: bool = True) -> Self:
        """Start the process; with `is_ready` wait until it says READY=1."""
        before = self.mark()
        self.told.clear()
        self._notify_path.unlink(missing_ok=True)
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.bind(str(self._notify_path))
        self._notify_path.chmod(0o777)
        log, stderr = os.pipe()
        try:
            self._process = self._spawn(stderr)
        except BaseException:
            os.close(log)
            raise
        finally:
            os.close(stderr)
        self._reader = threading.Thread(target=self._read, args=(log, self._notify))
        self._reader.start()
        if is_ready:
            self.wait_until_ready(before)
        return self

    def _spawn(self, stderr: int) -> "subprocess.Popen[bytes] | WarmProcess":
        arguments = ["--config", str(self.world.config), "run", *self._arguments]
        environment = self.world.environment(NOTIFY_SOCKET=str(self._notify_path), **self._environment)
        if (faults := self.world.faults()) is None:
            return subprocess.Popen(
                self.world.command(*arguments),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                env=environment,
                cwd=self.world.root,
            )
        given = json.loads(faults)
        hurried = {**given, "patience": {**self.world.hurry, **given.get("patience", {})}}
        # A fault may lie in the way to the children.
        is_sound = not given.get("hooks") and not given.get("code")
        with open(os.devnull, "r+b") as null:
            return warm_start.start(
                [json.dumps(hurried), *arguments],
                streams=(null.fileno(), null.fileno(), stderr),
                directory=self.world.root,
                environment=environment,
                forks_children=is_sound and self.world.forks_children,
            )

    def wait_until_ready(self, since: int) -> None:
        try:
            self.wait_until(lambda: any("READY=1" in message for message in self.told), "READY=1")
            self.wait_for("daemon.ready", since=since)
        except BaseException:
            self._clear_away()
            raise

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> float:
        """SIGTERM; gives the seconds until it had ended, by itself and with status 0."""
        started = time.monotonic()
        self.signal(signal.SIGTERM)
        assert self.wait_for_end() == 0, self._tail()
        return time.monotonic() - started

    def kill(self) -> None:
        """SIGKILL: what a power cut or the kernel's memory killer does."""
        self.signal(signal.SIGKILL)
        self.wait_for_end()

    def restart(self) -> Self:
        self.stop()
        return self.start()

    def signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def wait_for_end(self) -> int:
        """The exit status; negative is the signal that ended it."""
        assert self._process is not None
        try:
            return self._process.wait(PATIENCE_S)
        finally:
            self._clear_away()

    # --- what it says ------------------------------------------------------------------------------------

    def mark(self) -> int:
        """Where the log is now, for `since`."""
        with self._news:
            return len(self.log)

    def find(self, event: str, *, since: int = 0, **facts: Any) -> Row | None:
        return next((row for row in self.log[since:] if _fits(row, event, facts)), None)

    def count(self, event: str, *, since: int = 0, **facts: Any) -> int:
        return sum(_fits(row, event, facts) for row in self.log[since:])

    def wait_for(self, event: str, *, since: int = 0, timeout_s: float = PATIENCE_S, **facts: Any) -> Row:
        """The first event of this name, from `since` on, whose keys have these values."""
        found = self.wait_until(
            lambda: self.find(event, since=since, **facts), f"{event} {facts or ''}", timeout_s=timeout_s
        )
        assert isinstance(found, dict)
        return found

    def wait_until(self, is_true: Callable[[], Any], what: str, *, timeout_s: float = PATIENCE_S) -> Any:
        """What `is_true` gives once that is true; asked anew whenever the daemon says something."""
        deadline = time.monotonic() + timeout_s
        while True:
            with self._news:
                heard = len(self.log) + len(self.told)
            if found := is_true():
                return found
            left_s = deadline - time.monotonic()
            assert left_s > 0, f"{what}: not within {timeout_s:g} s\n{self._tail()}"
            with self._news:
                # Some things happen without a word; a look ten times a second finds them.
                self._news.wait_for(lambda: len(self.log) + len(self.told) != heard, min(left_s, 0.1))  # noqa: B023

    def unmount(self, path: Path, *, as_seen_by_it: bool = False) -> None:
        """As a disk's owner does: not lazily, and again while it is in use. A look of reeld's holds it for a moment."""
        inside = ["nsenter", "-t", str(self.pid), "-m"] if as_seen_by_it else []

        def is_done() -> bool:
            asked = subprocess.run([*inside, "umount", path], check=False, capture_output=True, text=True)
            assert asked.returncode == 0 or "busy" in asked.stderr, asked.stderr
            return asked.returncode == 0

        self.wait_until(is_done, f"{path} can be unmounted")

    def assert_true(self, **expectations: Any) -> None:
        """Wait until nothing is left to do, then ask the oracle."""
        self.wait_until(lambda: not _unfinished(self.world, **expectations), "the catalogue equals the disk")
        assert_catalogue_is_true(self.world, **expectations)

    def _tail(self) -> str:
        last = "\n".join(json.dumps(row) for row in self.log[-25:])
        missing = _unfinished(self.world) if self.world.database.exists() else ["no catalogue"]
        with contextlib.suppress(sqlite3.Error):
            missing += [str(job) for job in self.world.ask_database("SELECT * FROM jobs LIMIT 20")]
        return f"not true yet: {missing}\nnoise: {self.noise}\n{last}"

    def _read(self, log: int, notify: socket.socket) -> None:
        buffer = b""
        while True:
            ready, _, _ = select.select([log, notify.fileno()], [], [])
            if notify.fileno() in ready:
                message = notify.recv(4096).decode()
                with self._news:
                    self.told.append(message)
                    self._news.notify_all()
            if log in ready:
                piece = os.read(log, 1 << 16)
                if not piece:
                    os.close(log)
                    return
                *lines, buffer = (buffer + piece).split(b"\n")
                for line in lines:
                    self._hear(line)

    def _hear(self, line: bytes) -> None:
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        with self._news:
            if isinstance(row, dict):
                self.log.append(row)
            else:
                self.noise.append(line.decode(errors="backslashreplace"))
            self._news.notify_all()

    def _clear_away(self) -> None:
        """Nothing of ours is left: neither process nor thread nor descriptor."""
        if self._process is not None:
            if self._process.poll() is None:
                self._process.kill()
                self._process.wait(PATIENCE_S)
            if self._reader is not None:
                self._reader.join(PATIENCE_S)
        if self._notify is not None:
            self._drain(self._notify)
            self._notify.close()
            self._notify = None

    def _drain(self, notify: socket.socket) -> None:
        notify.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                self.told.append(notify.recv(4096).decode())


def _fits(row: Row, event: str, facts: Row) -> bool:
    return row.get("event") == event and all(row.get(key) == value for key, value in facts.items())


# --- the oracle ------------------------------------------------------------------------------------------


def truth(library: Path) -> dict[str, int]:
    """Every video below `library` that counts, by its path, with its size."""
    found: dict[str, int] = {}
    pending = [str(library)]
    while pending:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(pending.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if entry.name not in LEFT_ALONE and not entry.name.startswith("."):
                        pending.append(entry.path)
                elif entry.is_file(follow_symlinks=False) and entry.name.lower().endswith(ENDINGS):
                    found[entry.path] = entry.stat(follow_symlinks=False).st_size
    return found


def hash_of(path: str | Path) -> str:
    """xxh3-128 of the file's bytes, by the plainest loop there is."""
    digest = xxhash.xxh3_128()
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def assert_catalogue_is_true(world: World, *, unread: Collection[Path] = ()) -> None:
    """What the commands say equals the disk: paths, sizes and hashes, each once, and no work is left.

    `unread` are files that are there and cannot be read; they must say so instead of having a hash.
    """
    filed, ignored = world.rows("list", "files"), world.rows("list", "ignored")
    present = [row for row in [*filed, *ignored] if row["state"] == "present"]
    on_disk = {path: size for library in world.libraries.values() for path, size in truth(library).items()}
    assert sorted(row["path"] for row in present) == sorted(on_disk), "each file once, and no other"
    assert {row["path"]: row["size_bytes"] for row in present} == on_disk
    silent = {str(path) for path in unread}
    hashed = {row["path"]: row["file_hash"] for row in filed if row["state"] == "present"}
    assert hashed == {path: None if path in silent else hash_of(path) for path in hashed}
    assert [row for row in filed if row["path"] in silent and not row["reason"]] == []
    assert _unfinished(world, unread=unread) == []
    assert world.ask_database("PRAGMA integrity_check") == [("ok",)]
    assert world.ask_database("PRAGMA foreign_key_check") == []


def _unfinished(world: World, *, unread: Collection[Path] = ()) -> list[str]:
    """What the catalogue does not know yet; straight from its tables, because a command takes half a second."""
    try:
        roots: dict[int, str] = dict(world.ask_database("SELECT id, path FROM libraries WHERE state <> 'removed'"))
        rows = world.ask_database(
            "SELECT library_id, path, size_bytes, file_hash, COALESCE(verdict, '') FROM video_files"
            " WHERE state = 'present'"
        )
        jobs = world.ask_database("SELECT video_file_id FROM jobs WHERE state NOT IN ('failed', 'paused')")
    except sqlite3.Error as err:
        return [str(err)]
    on_disk = {path: size for library in world.libraries.values() for path, size in truth(library).items()}
    silent = {str(path) for path in unread}
    known = {
        os.path.join(roots[library], os.fsdecode(path)): (size, file_hash, verdict)
        for library, path, size, file_hash, verdict in rows
        if library in roots
    }
    left = [f"{path} has another size" for path, (size, *_) in known.items() if on_disk.get(path) not in (size, None)]
    left += [f"{path} is not known" for path in on_disk.keys() - known.keys()]
    left += [f"{path} is not there" for path in known.keys() - on_disk.keys()]
    left += [
        f"{path} has no hash"
        for path, (_, file_hash, verdict) in known.items()
        if file_hash is None and verdict != "ignored" and path not in silent
    ]
    if not silent:
        left += [f"file {video_file_id} has a job" for (video_file_id,) in jobs]
    return left
