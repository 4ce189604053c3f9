"""Runs `reeld` without paying for Python's start each time: half a second of processor time, a thousand times.

A process that has imported reeld, and done nothing else, forks for each command and each daemon. The fork is a
process of its own with its own arguments, environment and standard streams, and ends as `reeld` ends.
"""

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parent.parent.parent

TIMEOUT_S = 150.0

NO_FAULTS = "{}"
"""The first argument of `faults/driver.py` where it is reeld and nothing else."""


class WarmProcess:
    """A fork of the warm process: what `subprocess.Popen` is for a process that is started by `exec`."""

    def __init__(self, pid: int, status: int, arguments: Sequence[str]) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._status = status
        self._arguments = arguments

    def poll(self) -> int | None:
        return self._read_status(0.0)

    def wait(self, timeout: float) -> int:
        code = self._read_status(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(list(self._arguments), timeout)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _read_status(self, timeout_s: float) -> int | None:
        if self.returncode is None and select.select([self._status], [], [], timeout_s)[0]:
            self.returncode = int(os.read(self._status, 100))
            os.close(self._status)
        return self.returncode


class WarmStart:
    """Starts with the first process that is asked for, and ends with the tests. Any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None

    def start(
        self,
        arguments: Sequence[str],
        *,
        streams: tuple[int, int, int],
        directory: Path,
        environment: Mapping[str, str],
        module: str = "tests.faults.driver",
        is_strict: bool = False,
    ) -> WarmProcess:
        """Start `python -m MODULE ARGUMENTS` with these descriptors as its standard streams.

        With `is_strict` each warning is an error, as with `-W error`.
        """
        request = {
            "module": module,
            "is_strict": is_strict,
            "arguments": list(arguments),
            "directory": str(directory),
            "environment": dict(environment),
        }
        status, theirs = os.pipe()
        try:
            with self._lock:
                channel = self._channel or self._start()
                socket.send_fds(channel, [json.dumps(request).encode()], [*streams, theirs])
                pid = int(channel.recv(100))
        except BaseException:
            os.close(status)
            raise
        finally:
            os.close(theirs)
        return WarmProcess(pid, status, arguments)

    def reeld(
        self, arguments: Sequence[str], *, stdin: bytes, directory: Path, environment: Mapping[str, str]
    ) -> "subprocess.CompletedProcess[bytes]":
        """Run `reeld ARGUMENTS` to its end, its output kept as bytes."""
        return self.run([NO_FAULTS, *arguments], stdin=stdin, directory=directory, environment=environment)

    def run(
        self,
        arguments: Sequence[str],
        *,
        stdin: bytes = b"",
        directory: Path,
        environment: Mapping[str, str],
        module: str = "tests.faults.driver",
        is_strict: bool = False,
    ) -> "subprocess.CompletedProcess[bytes]":
        """Run `python -m MODULE ARGUMENTS` to its end, its output kept as bytes."""
        with _file(stdin) as given, _file() as output, _file() as complaints:
            streams = (given.fileno(), output.fileno(), complaints.fileno())
            process = self.start(
                arguments,
                streams=streams,
                directory=directory,
                environment=environment,
                module=module,
                is_strict=is_strict,
            )
            try:
                code = process.wait(TIMEOUT_S)
            finally:
                process.kill()
            return subprocess.CompletedProcess(list(arguments), code, _content(output), _content(complaints))

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(TIMEOUT_S)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.service.nursery", str(theirs.fileno())],
                cwd=ROOT,
                pass_fds=[theirs.fileno()],
                env={**os.environ, "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"},
            )
        self._channel = ours
        atexit.register(self._stop)
        return ours

    def _stop(self) -> None:
        if self._channel is not None and self._process is not None:
            self._channel.close()
            self._process.wait(TIMEOUT_S)


def _file(content: bytes = b"") -> IO[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller's block closes it
    file.write(content)
    file.seek(0)
    return file


def _content(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()


warm_start = WarmStart()
