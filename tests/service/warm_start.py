"""Runs `reeld` without paying for Python's start each time: half a second of processor time, a thousand times.

A process that has imported reeld, and done nothing else, forks for each command and each daemon. The fork is a
process of its own with its own arguments, environment and standard streams, and ends as `reeld` ends.
A second process does the same for the confined children of reeld, which need as long to load their parsers. A fork
confines itself and serves as a child that was started does; tests of the children themselves start them.
"""

import atexit
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from reeld.sandbox import Limits

ROOT = Path(__file__).parent.parent.parent

TIMEOUT_S = 150.0

NO_FAULTS = "{}"
"""The first argument of `faults/driver.py` where it is reeld and nothing else."""


class WarmProcess:
    """A fork of a warm process: what `subprocess.Popen` is for a process that is started by `exec`."""

    def __init__(self, pid: int, status: socket.socket, arguments: Sequence[str]) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._status = status.detach()
        # Not before: another thread may be waiting for it.
        weakref.finalize(self, os.close, self._status)
        self._arguments = arguments
        self._lock = threading.Lock()

    def poll(self) -> int | None:
        return self._read_status(0.0)

    def wait(self, timeout: float) -> int:
        code = self._read_status(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(list(self._arguments), timeout)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _read_status(self, timeout_s: float) -> int | None:
        if self.returncode is None and _is_readable(self._status, timeout_s):
            with self._lock:
                if self.returncode is None:
                    self.returncode = int(os.read(self._status, 100))
        return self.returncode


def fork_child(channel: socket.socket, module: str, limits: Limits, stdin: int, stderr: int) -> WarmProcess:
    """Start a confined child of reeld as a fork of the warm process behind `channel`.

    It is for `reeld.service.worker_pool._spawn`. The child begins where it would begin to serve. It dies with reeld.
    """
    with open(os.devnull, "r+b") as null:
        return _fork(
            channel,
            [stdin, null.fileno(), stderr],
            module=module,
            arguments=[limits.as_argument()],
            directory="/",
            environment={"LC_ALL": "C.UTF-8"},
            is_strict=False,
            is_child=True,
        )


def _fork(channel: socket.socket, descriptors: Sequence[int], *others: int, **request: Any) -> WarmProcess:
    """Send a request to a warm process: these are the fork's standard streams, and what else it gets."""
    status, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        with theirs:
            socket.send_fds(channel, [json.dumps(request).encode()], [*descriptors, theirs.fileno(), *others])
        status.settimeout(TIMEOUT_S)
        return WarmProcess(int(status.recv(100)), status, request["arguments"])
    except BaseException:
        status.close()
        raise


def _is_readable(descriptor: int, timeout_s: float) -> bool:
    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    return bool(waiting.poll(timeout_s * 1000))


class WarmStart:
    """Starts with the first process that is asked for, and ends with the tests. Any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._nurseries: dict[str, tuple[socket.socket, subprocess.Popen[bytes]]] = {}

    def start(
        self,
        arguments: Sequence[str],
        *,
        streams: tuple[int, int, int],
        directory: Path,
        environment: Mapping[str, str],
        module: str = "tests.faults.driver",
        is_strict: bool = False,
        forks_children: bool = False,
    ) -> WarmProcess:
        """Start `python -m MODULE ARGUMENTS` with these descriptors as its standard streams.

        With `is_strict` each warning is an error, as with `-W error`. With `forks_children` the confined children are
        forks as well.
        """
        others = [self._channel("children").fileno()] if forks_children else []
        return _fork(
            self._channel("reeld"),
            streams,
            *others,
            module=module,
            is_strict=is_strict,
            is_child=False,
            arguments=list(arguments),
            directory=str(directory),
            environment=dict(environment),
        )

    def reeld(
        self,
        arguments: Sequence[str],
        *,
        stdin: bytes,
        directory: Path,
        environment: Mapping[str, str],
        forks_children: bool,
    ) -> "subprocess.CompletedProcess[bytes]":
        """Run `reeld ARGUMENTS` to its end, its output kept as bytes."""
        return self.run(
            [NO_FAULTS, *arguments],
            stdin=stdin,
            directory=directory,
            environment=environment,
            forks_children=forks_children,
        )

    def run(
        self,
        arguments: Sequence[str],
        *,
        stdin: bytes = b"",
        directory: Path,
        environment: Mapping[str, str],
        module: str = "tests.faults.driver",
        is_strict: bool = False,
        forks_children: bool = False,
    ) -> "subprocess.CompletedProcess[bytes]":
        """Run `python -m MODULE ARGUMENTS` to its end, its output kept as bytes."""
        with _file(stdin) as given, _file() as output, _file() as complaints:
            process = self.start(
                arguments,
                streams=(given.fileno(), output.fileno(), complaints.fileno()),
                directory=directory,
                environment=environment,
                module=module,
                is_strict=is_strict,
                forks_children=forks_children,
            )
            try:
                code = process.wait(TIMEOUT_S)
            finally:
                process.kill()
            return subprocess.CompletedProcess(list(arguments), code, _content(output), _content(complaints))

    def _channel(self, load: str) -> socket.socket:
        with self._lock:
            if load not in self._nurseries:
                self._nurseries[load] = self._start(load)
            return self._nurseries[load][0]

    def _start(self, load: str) -> tuple[socket.socket, "subprocess.Popen[bytes]"]:
        if not self._nurseries:
            atexit.register(self._stop)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.service.nursery", str(theirs.fileno()), load],
                cwd=ROOT,
                pass_fds=[theirs.fileno()],
                env={**os.environ, "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"},
            )
        return ours, process

    def _stop(self) -> None:
        # The children's own comes last: who still holds its channel is a fork of reeld's.
        for load in ("reeld", "children"):
            if load in self._nurseries:
                channel, process = self._nurseries[load]
                channel.close()
                process.wait(TIMEOUT_S)


def _file(content: bytes = b"") -> IO[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller's block closes it
    file.write(content)
    file.seek(0)
    return file


def _content(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()


warm_start = WarmStart()
