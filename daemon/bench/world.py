"""Prepares the benchmarks' folders and sizes, and starts reeld there. Never touches the user's
files.
"""

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.processes import usage

REELD = (sys.executable, "-c", "from reeld.cli.app import main; main()")
"""The console script, whether or not it is on the PATH."""

# A daemon with an empty queue that used less processor time than this in a second is at rest.
RESTING_CPU_S = 0.03


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much is measured."""

    hash_gib: float = 2.0
    names: int = 2000
    probed: int = 1000
    videos: int = 5000
    few: int = 600
    tiny: int = 20_000
    listed: int = 100_000
    growth: tuple[int, ...] = (1000, 10_000, 100_000)
    catalogued: int = 10_000
    walked: int = 200_000
    burst: int = 40_000
    new_files: int = 200
    arrivals_per_s: float = 5.0
    idle: tuple[int, ...] = (10_000, 100_000)
    idle_s: float = 60.0
    rest_s: float = 210.0
    jobs: int = 10_000
    asked: int = 1_000_000
    rounds: int = 3

    def rounds_of(self, files: int) -> int:
        """Return how many rounds a first scan of so many files gets: one if it takes minutes."""
        return self.rounds if files < LONG_FILES else 1


LONG_FILES = 40_000
"""A first scan of so many files is measured once: its rounds would take most of the half hour."""

QUICK = Sizes(
    hash_gib=0.25,
    names=200,
    probed=100,
    videos=100,
    few=60,
    tiny=300,
    listed=1000,
    growth=(100, 300, 1000),
    catalogued=300,
    walked=2000,
    burst=300,
    new_files=20,
    idle=(300,),
    idle_s=10.0,
    rest_s=5.0,
    jobs=500,
    asked=5000,
    rounds=1,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A folder to work in, and the sizes to work with."""

    folder: Path
    sizes: Sizes
    picture: Path | None = None
    """Where to write a picture of how time and memory grow; None: nowhere."""

    @contextlib.contextmanager
    def corner(self, name: str) -> Iterator[Path]:
        """Make an empty folder for one run of one benchmark, and remove it afterwards."""
        path = self.folder / "runs" / name
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        try:
            yield path
        finally:
            shutil.rmtree(path)


def write_config(folder: Path, library: Path, *, database: Path | None = None, quiet_s: float = 1.0) -> Path:
    """Write a configuration with its catalogue in `folder`; all else is the default."""
    path = folder / "config.toml"
    path.write_text(
        f'[[library]]\nname = "bench"\npath = {json.dumps(str(library))}\nquiet_s = {quiet_s}\n'
        f"[database]\npath = {json.dumps(str(database or folder / 'reeld.db'))}\n"
        '[log]\nlevel = "info"\nformat = "json"\n',
        encoding="utf-8",
    )
    return path


def scan_command(config: Path) -> tuple[str, ...]:
    return (*REELD, "--config", str(config), "--json", "scan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Daemon:
    """A `reeld run` that this benchmark started."""

    process: "subprocess.Popen[bytes]"
    database: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def require_alive(self) -> None:
        if self.process.poll() is not None:
            raise RuntimeError(f"the daemon ended with status {self.process.returncode}; its log is in stderr.log")

    def wait_until_worked_off(self, files: int, timeout_s: float = 900.0) -> None:
        """Wait until so many files are in the catalogue and no jobs are left."""
        deadline = time.monotonic() + timeout_s
        with reading(self.database) as connection:
            while time.monotonic() < deadline:
                self.require_alive()
                if _is_worked_off(connection, files):
                    return
                time.sleep(0.1)
        raise TimeoutError(f"{files} files were not worked off within {timeout_s:g} s")

    def wait_until_resting(self, timeout_s: float = 120.0) -> None:
        """Wait until it does next to nothing for two seconds in a row."""
        deadline, calm = time.monotonic() + timeout_s, 0
        while calm < 2:
            if time.monotonic() > deadline:
                raise TimeoutError(f"the daemon was still busy after {timeout_s:g} s")
            self.require_alive()
            before = usage(self.pid).cpu_s
            time.sleep(1.0)
            calm = calm + 1 if usage(self.pid).cpu_s - before < RESTING_CPU_S else 0


@contextlib.contextmanager
def running_daemon(config: Path, database: Path, prefix: Sequence[str] = ()) -> Iterator[Daemon]:
    """Run a daemon with this configuration, by way of the command `prefix`; the block starts when it is ready."""
    log = config.parent / "stderr.log"
    with open(log, "wb") as stderr:
        process = subprocess.Popen(
            (*prefix, *REELD, "--config", str(config), "run"), stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr
        )
    daemon = Daemon(process=process, database=database)
    try:
        deadline = time.monotonic() + 60
        while b'"daemon.ready"' not in log.read_bytes():
            daemon.require_alive()
            if time.monotonic() > deadline:
                raise TimeoutError("the daemon was not ready after 60 s")
            time.sleep(0.02)
        yield daemon
    finally:
        _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextlib.contextmanager
def reading(database: Path) -> Iterator[sqlite3.Connection]:
    """Open the catalogue read-only, beside its writer."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, isolation_level=None)
    try:
        yield connection
    finally:
        connection.close()


_WORKED_OFF = """
    SELECT CASE WHEN EXISTS (SELECT 1 FROM jobs WHERE state != 'failed') THEN 0
    ELSE (SELECT count(*) FROM video_files) END
"""
"""The number of files, but 0 while there is work: then one row is read, and not all of a table that is being filled."""


def _is_worked_off(connection: sqlite3.Connection, files: int) -> bool:
    return bool(connection.execute(_WORKED_OFF).fetchone()[0] >= files)


def copy_catalog(source: Path, folder: Path) -> Path:
    """Copy a closed catalogue, for one run to change."""
    target = folder / "reeld.db"
    for ending in ("", "-wal"):
        if os.path.exists(f"{source}{ending}"):
            shutil.copyfile(f"{source}{ending}", f"{target}{ending}")
    return target
