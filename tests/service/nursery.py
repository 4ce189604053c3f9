"""`python -m tests.service.nursery DESCRIPTOR`: the warm process of `warm_start.py`, which forks for each request.

It imports reeld, starts no thread and opens no file: a fork of it has nothing but modules. Requests come as messages on
the socket DESCRIPTOR, each with three standard streams and a pipe for the exit status. The answer is the fork's number.
A fork calls `main` of the module that the request names. When the socket closes, the forks that still live are killed.
"""

import contextlib
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import sys
import warnings
from typing import Any

import reeld
from reeld.log import load_structlog

# Confined children load these, and `reeld run` and `reeld scan` never do; Prometheus only where it is configured.
_LEFT_OUT = ("reeld.__main__", "reeld.identify.child", "reeld.content.probe_child", "reeld.report.prometheus")


def main() -> None:
    channel = socket.socket(fileno=int(sys.argv[1]))
    _load()
    forks: dict[int, tuple[int, int]] = {}
    poll = select.poll()
    poll.register(channel, select.POLLIN)
    while True:
        for descriptor, _ in poll.poll():
            if descriptor in forks:
                poll.unregister(descriptor)
                _tell_status(descriptor, *forks.pop(descriptor))
                continue
            message, descriptors, _, _ = socket.recv_fds(channel, 1 << 20, 4)
            if not message:
                _end(forks)
            pid = os.fork()
            if pid == 0:
                return _become(json.loads(message), descriptors)
            *streams, status = descriptors
            for stream in streams:
                os.close(stream)
            pidfd = os.pidfd_open(pid)
            forks[pidfd] = pid, status
            poll.register(pidfd, select.POLLIN)
            channel.send(str(pid).encode())


def _load() -> None:
    """Import what a command or a daemon may import, and the driver that runs them."""
    for module in pkgutil.walk_packages(reeld.__path__, "reeld."):
        if module.name not in _LEFT_OUT:
            importlib.import_module(module.name)
    # typer loads pydantic with the first value that a command is given.
    with contextlib.suppress(ImportError):
        importlib.import_module("typer._adapters")
    load_structlog()
    importlib.import_module("tests.faults.driver")
    # What is loaded lives for ever: looking through it would copy its pages in every fork.
    gc.collect()
    gc.freeze()


def _become(request: dict[str, Any], descriptors: list[int]) -> None:
    """Be the process that was asked for, with nothing of the nursery's open."""
    for number, descriptor in enumerate(descriptors[:3]):
        os.dup2(descriptor, number)
    os.closerange(3, 1 << 16)
    os.chdir(request["directory"])
    os.environ.clear()
    os.environ.update(request["environment"])
    # A usage text names the program: that of a module would be `python -m ...`.
    sys.argv[0], sys.modules["__main__"].__package__ = "reeld", None
    if request["is_strict"]:
        warnings.simplefilter("error")
    importlib.import_module(request["module"]).main(request["arguments"])


def _tell_status(pidfd: int, pid: int, status: int) -> None:
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with contextlib.suppress(BrokenPipeError):  # its test has ended
        os.write(status, str(code).encode())
    os.close(status)
    os.close(pidfd)


def _end(forks: dict[int, tuple[int, int]]) -> None:
    for pid, _ in forks.values():
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    sys.exit()


if __name__ == "__main__":
    main()
