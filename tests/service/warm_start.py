"""Runs `reeld` commands without paying for Python's start each time: half a second, three hundred times.

A process that has imported the command line, and done nothing else, forks for each command. The fork is a
process of its own with its own arguments, environment and standard streams, and ends as `reeld` ends.
"""

import atexit
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO

TIMEOUT_S = 50.0

_NURSERY = """
import json, os, socket, sys
from reeld.cli.app import main
# What the commands load by themselves: here once for all of them.
import reeld.cli.backup_export, reeld.cli.config_commands, reeld.cli.health_commands, reeld.cli.identify
import reeld.cli.list_show, reeld.cli.review, reeld.cli.run_scan, reeld.cli.status
import reeld.diagnose.health, reeld.log, reeld.service.scan, typer._adapters
reeld.log.load_structlog()

channel = socket.socket(fileno=int(sys.argv[1]))
while True:
    message, descriptors, _, _ = socket.recv_fds(channel, 1 << 20, 3)
    if not message:
        sys.exit()
    child = os.fork()
    if child == 0:
        channel.close()
        for number, descriptor in enumerate(descriptors):
            os.dup2(descriptor, number)
            os.close(descriptor)
        request = json.loads(message)
        os.chdir(request["directory"])
        os.environ.clear()
        os.environ.update(request["environment"])
        sys.argv = ["reeld", *request["arguments"]]
        main()
    for descriptor in descriptors:
        os.close(descriptor)
    channel.send(str(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])).encode())
"""


class WarmStart:
    """Started with the first command, ended with the tests. Any thread may run a command; one runs at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None

    def run(
        self, arguments: list[str], *, stdin: bytes, directory: Path, environment: Mapping[str, str]
    ) -> "subprocess.CompletedProcess[bytes]":
        request = {"arguments": arguments, "directory": str(directory), "environment": dict(environment)}
        with self._lock, _file(stdin) as given, _file() as output, _file() as complaints:
            channel = self._channel or self._start()
            streams = [given.fileno(), output.fileno(), complaints.fileno()]
            socket.send_fds(channel, [json.dumps(request).encode()], streams)
            try:
                status = int(channel.recv(100))
            except TimeoutError:
                self._discard()  # or the next command would be given the answer to this one
                raise
            return subprocess.CompletedProcess(arguments, status, _content(output), _content(complaints))

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(TIMEOUT_S)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _NURSERY, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env={**os.environ, "LC_ALL": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"},
            )
        self._channel = ours
        atexit.register(self._stop)
        return ours

    def _discard(self) -> None:
        assert self._process is not None
        assert self._channel is not None
        self._process.kill()
        self._process.wait(TIMEOUT_S)
        self._channel.close()
        self._channel = None

    def _stop(self) -> None:
        if self._channel is not None and self._process is not None:
            self._channel.close()
            self._process.wait(TIMEOUT_S)


def _file(content: bytes = b"") -> IO[bytes]:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by the block of who asks for it
    file.write(content)
    file.seek(0)
    return file


def _content(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read()


warm_start = WarmStart()
