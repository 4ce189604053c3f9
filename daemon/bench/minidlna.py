"""Measures minidlnad's first scan. This media server in C lists files and reads their headers.

It neither identifies nor hashes. It is a yardstick if it is installed (Debian package minidlna).
"""

import contextlib
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from bench.world import World

FINISHED = " finished ("
PATIENCE_S = 600.0


def is_there() -> bool:
    return shutil.which("minidlnad") is not None


def scan_s(world: World, library: Path) -> float:
    """Measure the seconds from minidlnad's start until it reports the end of its scan."""
    started = time.perf_counter()
    with scanned(world, library):
        return time.perf_counter() - started


@contextlib.contextmanager
def scanned(world: World, library: Path) -> Iterator[int]:
    """Run a minidlnad that has scanned the library and watches it. Yields its process id."""
    with world.corner("minidlna") as corner:
        log = corner / "minidlna.log"
        config = corner / "minidlna.conf"
        config.write_text(
            f"media_dir=V,{library}\ndb_dir={corner}\nlog_dir={corner}\nlog_level=general,scanner=info\n"
            f"network_interface=lo\nport={_free_port()}\ninotify=yes\n"
        )
        command = ["minidlnad", "-R", "-S", "-f", str(config), "-P", str(corner / "pid")]
        with open(corner / "stderr.log", "wb") as stderr:
            process = subprocess.Popen(command, stdout=stderr, stderr=stderr)
        try:
            until = time.monotonic() + PATIENCE_S
            while not _has_finished(log, corner / "stderr.log"):
                if process.poll() is not None:
                    raise RuntimeError(f"minidlnad ended with status {process.returncode}")
                if time.monotonic() > until:
                    raise TimeoutError("minidlnad did not finish its scan")
                time.sleep(0.02)
            yield process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _has_finished(*logs: Path) -> bool:
    return any(FINISHED in log.read_text(errors="replace") for log in logs if log.exists())
