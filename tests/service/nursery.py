"""`python -m tests.service.nursery DESCRIPTOR LOAD`: a warm process of `warm_start.py`, which forks for each request.

It imports what LOAD names, starts no thread and opens no file: a fork of it has nothing but modules. Requests come as
messages on the socket DESCRIPTOR, each with three standard streams and a socket. The answers on that socket are the
fork's number, and its exit status once it has ended. A request may bring the channel to another warm process with it.
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
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from unittest import mock

import reeld
from reeld.log import load_structlog
from reeld.sandbox import Limits
from tests.service.warm_start import fork_child

# Confined children load these, and `reeld run` and `reeld scan` never do; Prometheus only where it is configured.
_LEFT_OUT = ("reeld.__main__", "reeld.identify.child", "reeld.content.probe_child", "reeld.report.prometheus")


@dataclass(frozen=True, slots=True)
class _Fork:
    pid: int
    pidfd: int
    status: socket.socket


def main() -> None:
    channel = socket.socket(fileno=int(sys.argv[1]))
    _LOADS[sys.argv[2]]()
    # What is loaded lives for ever: looking through it would copy its pages in every fork.
    gc.collect()
    gc.freeze()
    forks: dict[int, _Fork] = {}
    poll = select.poll()
    poll.register(channel, select.POLLIN)
    while True:
        # First the ends that were asked for, then those that came, then requests: what one of them closes is not met
        # again in the same round, nor is its number as that of another fork.
        heard = sorted((descriptor for descriptor, _ in poll.poll()), key=lambda each: _rank(each, channel, forks))
        for descriptor in heard:
            if descriptor == channel.fileno():
                message, descriptors, _, _ = socket.recv_fds(channel, 1 << 20, 5)
                if not message:
                    _end(forks)
                request = json.loads(message)
                pid = os.fork()
                if pid == 0:
                    return _become(request, descriptors)
                fork = _keep(pid, descriptors)
                forks[fork.pidfd] = fork
                poll.register(fork.pidfd, select.POLLIN)
                if request["is_child"]:
                    poll.register(fork.status, select.POLLIN)
            elif descriptor in forks:
                fork = forks.pop(descriptor)
                poll.unregister(descriptor)
                with contextlib.suppress(KeyError):
                    poll.unregister(fork.status)
                _tell_status(fork)
            else:
                # The starter is gone, or wants the fork to end.
                poll.unregister(descriptor)
                os.kill(next(fork.pid for fork in forks.values() if fork.status.fileno() == descriptor), signal.SIGKILL)


def _rank(descriptor: int, channel: socket.socket, forks: Collection[int]) -> int:
    return 2 if descriptor == channel.fileno() else int(descriptor in forks)


def _load_reeld() -> None:
    """Import what a command or a daemon may import, and the driver that runs them."""
    for module in pkgutil.walk_packages(reeld.__path__, "reeld."):
        if module.name not in _LEFT_OUT:
            importlib.import_module(module.name)
    # typer loads pydantic with the first value that a command is given.
    with contextlib.suppress(ImportError):
        importlib.import_module("typer._adapters")
    load_structlog()
    importlib.import_module("tests.faults.driver")


def _load_children() -> None:
    """Let the confined children do all that comes before they serve: a fork is ready where they would begin."""
    for name in ("reeld.identify.child", "reeld.content.probe_child"):
        module = importlib.import_module(name)
        with mock.patch.object(module, "serve"), mock.patch.object(sys, "argv", [name, Limits().as_argument()]):
            module.main()


_LOADS = {"reeld": _load_reeld, "children": _load_children}


def _become(request: dict[str, Any], descriptors: Sequence[int]) -> None:
    """Be the process that was asked for, with nothing of the nursery's open but the channel to another."""
    *streams, _status = descriptors[:4]
    for number, descriptor in enumerate(streams):
        os.dup2(descriptor, number)
    has_channel = len(descriptors) == 5
    if has_channel:
        os.dup2(descriptors[4], 3, inheritable=False)
    os.closerange(3 + has_channel, 1 << 16)
    os.chdir(request["directory"])
    os.environ.clear()
    os.environ.update(request["environment"])
    if request["is_strict"]:
        warnings.simplefilter("error")
    module, arguments = importlib.import_module(request["module"]), request["arguments"]
    if request["is_child"]:
        os.setsid()
        sys.argv[:] = [request["module"], *arguments]
        module.main()
        return
    if has_channel:
        # The confined children of this process are forks of the other warm process.
        mock.patch("reeld.service.worker_pool._spawn", partial(fork_child, socket.socket(fileno=3))).start()
    # A usage text names the program: that of a module would be `python -m ...`.
    sys.argv[0], sys.modules["__main__"].__package__ = "reeld", None
    module.main(arguments)


def _keep(pid: int, descriptors: Sequence[int]) -> _Fork:
    for descriptor in (*descriptors[:3], *descriptors[4:]):
        os.close(descriptor)
    fork = _Fork(pid, os.pidfd_open(pid), socket.socket(fileno=descriptors[3]))
    with contextlib.suppress(ConnectionError):  # its starter has ended, perhaps before it read the number
        fork.status.send(str(pid).encode())
    return fork


def _tell_status(fork: _Fork) -> None:
    code = os.waitstatus_to_exitcode(os.waitpid(fork.pid, 0)[1])
    with contextlib.suppress(ConnectionError):  # its starter has ended, perhaps before it read the number
        fork.status.send(str(code).encode())
    fork.status.close()
    os.close(fork.pidfd)


def _end(forks: dict[int, _Fork]) -> None:
    for fork in forks.values():
        os.kill(fork.pid, signal.SIGKILL)
        os.waitpid(fork.pid, 0)
    sys.exit()


if __name__ == "__main__":
    main()
