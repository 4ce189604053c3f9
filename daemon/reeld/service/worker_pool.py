"""Sends requests to confined child processes, which may hang, crash or be hostile.

`WorkerPool` keeps a few confined children (see `sandbox.py`) warm, because starting one costs some 100 ms
and an answer 2 to 4 ms. Another one is started once requests have waited for as long as a start takes. A child is
replaced when it dies, exceeds its time, came near its memory limit, or has served its number of requests. One that had
nothing to do for a minute is ended: all of them together hold more memory than the daemon. A child starts by `exec`,
never by a bare `fork` of this threaded process.
"""

import contextlib
import errno
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

from reeld.domain.files import readable
from reeld.errors import Interrupted, WorkerDied, WorkerError, WorkerTimeout
from reeld.sandbox import HEADER, MEMORY_SHARE, Confinement, Limits

START_TIMEOUT_S = 30.0
"""Loading a parser takes 0.1 to 0.3 s here; a Raspberry Pi with a cold, slow card needs many times that."""

REAP_TIMEOUT_S = 2.0
"""SIGKILL ends a process at once unless it waits for a disk that does not answer; then it is left to die."""

GROWN_SHARE = 0.5
"""Above this share of its memory limit a child is replaced, so that no file pays for the one before."""

IDLE_S = 60.0
"""A child that was free for so long is ended. The next request waits 0.1 to 0.4 s for a new one."""

START_COST_S = 1.0
"""For so long, taken together, requests wait for children at work before another one is started. That is what starting
one takes on a busy machine: so a few requests start one child only, and many soon have them all.
"""

LAST_WORDS_BYTES = 2000


class WorkerPool:
    """At most `size` children that run `module`; any number of threads may call at the same time."""

    landlock_abi: int | None = None
    """How much of Landlock confines the children: 0 is none. None before the first child has started."""
    forbids_calls: bool | None = None
    """Whether a filter forbids the children all system calls that they do not need. None as above."""

    def __init__(
        self,
        module: str,
        size: int,
        limits: Limits,
        *,
        requests_per_worker: int = 1000,
        idle_s: float = IDLE_S,
        start_cost_s: float = START_COST_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._module = module
        self._size = size
        self._limits = limits
        self._requests_per_worker = requests_per_worker
        self._idle_s = idle_s
        self._start_cost_s = start_cost_s
        self._waited_s = 0.0
        """For how long requests waited for children at work, since the last child was started."""
        self._clock = clock
        self._is_closed = False
        self._changed = threading.Condition()
        self._live: set[_Worker] = set()
        # Last in, first out: the warm child is used again, and a second one never starts without need.
        self._free: list[_Worker | None] = [None] * size
        # A child dies with the THREAD that started it (PR_SET_PDEATHSIG), and callers' threads may end.
        self._keeper: threading.Thread | None = None
        self._orders: queue.SimpleQueue[Future[_Worker] | None] = queue.SimpleQueue()
        """Children that the keeper is to start; None is its end."""

    def call(self, request: dict[str, Any], descriptors: Sequence[int] = (), *, timeout_s: float) -> dict[str, Any]:
        """Return the child's answer to `request`. Waiting for a free child comes first and is not in `timeout_s`.

        The child gets copies of `descriptors`. Raises WorkerTimeout or WorkerDied when this request ended
        the child; a bare WorkerError when no child could be started, for which no request is to blame;
        Interrupted once the pool is closed.
        """
        worker = self._take()
        try:
            worker = self._ready(worker)
            return worker.ask(request, descriptors, timeout_s)
        except WorkerError as err:
            if self._is_closed:
                raise Interrupted(f"{self._module} was closed while it was at work") from err
            raise
        finally:
            self._give_back(self._if_fit(worker))

    def end_idle(self) -> float | None:
        """End the children that were free for `idle_s`. Return in how many seconds to ask again; None without any."""
        now = self._clock()
        with self._changed:
            idle = [worker for worker in self._free if worker and now - worker.free_since >= self._idle_s]
            kept = [worker for worker in self._free if worker not in idle]
            self._free = [*(None for _ in idle), *kept]
            self._waited_s = 0.0 if idle else self._waited_s
            since = [worker.free_since if worker in kept else now for worker in self._live if worker not in idle]
        for worker in idle:
            self._clear_away(worker)
        return max(0.0, min(since) + self._idle_s - now) if since else None

    def close(self) -> None:
        """End every child, also one that is at work: its caller gets Interrupted. Twice does no harm."""
        with self._changed:
            self._is_closed = True
            live = tuple(self._live)
        for worker in live:
            worker.kill()
        with self._changed:
            self._changed.wait_for(lambda: len(self._free) == self._size)  # then none is at work
            self._free = []  # another `close` waits until this one is over
            keeper, self._keeper = self._keeper, None
        if keeper is not None:
            self._orders.put(None)
            keeper.join()
        for worker in tuple(self._live):
            self._clear_away(worker)
        with self._changed:
            self._free = [None] * self._size
            self._changed.notify_all()

    def _take(self) -> "_Worker | None":
        """Return a free child; None if one is to be started."""
        with self._changed:
            self._changed.wait_for(lambda: self._free)
            while self._is_worth_waiting():
                began = time.monotonic()
                self._changed.wait(self._start_cost_s - self._waited_s)
                self._waited_s += time.monotonic() - began
                self._changed.wait_for(lambda: self._free)
            worker = self._free.pop()
            if worker is None:
                self._waited_s = 0.0
            return worker

    def _is_worth_waiting(self) -> bool:
        """Whether a child that is at work, or starts, may be free before another one were started."""
        is_any_at_work = len(self._free) < self._size and not self._is_closed
        return is_any_at_work and self._free[-1] is None and self._waited_s < self._start_cost_s

    def _give_back(self, worker: "_Worker | None") -> None:
        with self._changed:
            if worker is None:
                self._free.insert(0, None)
            else:
                worker.free_since = self._clock()
                self._free.append(worker)
            self._changed.notify_all()

    def _ready(self, worker: "_Worker | None") -> "_Worker":
        if self._is_closed:
            raise Interrupted(f"{self._module} was closed")
        if (fit := self._if_fit(worker)) is not None:
            return fit
        started: Future[_Worker] = Future()
        with self._changed:
            if self._keeper is None:
                self._keeper = self._start_keeper()
            self._orders.put(started)
        return started.result()

    def _start_keeper(self) -> threading.Thread:
        keeper = threading.Thread(target=self._keep, name=f"start {self._module}", daemon=True)
        try:
            keeper.start()
        except RuntimeError as err:  # so Python says that the machine has no thread left
            hint = "check free memory and the limit of processes, as TasksMax= of systemd"
            raise WorkerError(f"{self._module} cannot be started ({err})", hint) from err
        return keeper

    def _keep(self) -> None:
        """Start children, and end those that are idle. Without any child this thread sleeps."""
        while True:
            try:
                order = self._orders.get(timeout=self.end_idle())
            except queue.Empty:
                continue
            if order is None:
                return
            try:
                order.set_result(self._start())
            except BaseException as err:  # noqa: BLE001 - it is raised where the child is awaited
                order.set_exception(err)

    def _start(self) -> "_Worker":
        worker = _Worker(self._module, self._limits, self._requests_per_worker)
        with self._changed:
            self._live.add(worker)
            if self._is_closed:
                worker.kill()
        try:
            confinement = worker.greet()
            self.landlock_abi, self.forbids_calls = confinement.landlock_abi, confinement.forbids_calls
        except WorkerError:
            self._clear_away(worker)
            raise
        return worker

    def _if_fit(self, worker: "_Worker | None") -> "_Worker | None":
        if worker is None or worker.is_fit():
            return worker
        self._clear_away(worker)
        return None

    def _clear_away(self, worker: "_Worker") -> None:
        """One that even SIGKILL does not end (it waits for a dead disk) stays listed for `close`."""
        if worker.end():
            with self._changed:
                self._live.discard(worker)


class _Worker:
    """One child and our end of its socket; used by one thread at a time, except for `kill`."""

    def __init__(self, module: str, limits: Limits, requests: int) -> None:
        self._module = module
        self._limits = limits
        self._requests_left = requests
        self.free_since = 0.0
        """Since when it has nothing to do, by the pool's clock. The pool sets it."""
        try:
            self._channel, theirs = socket.socketpair()
        except OSError as err:
            raise _cannot_start(module, err) from err
        try:
            self._stderr, their_stderr = os.pipe()
        except OSError as err:
            self._channel.close()
            theirs.close()
            raise _cannot_start(module, err) from err
        self._last_words = b""
        # A child that says too much loses words; neither side ever waits for the other.
        os.set_blocking(self._stderr, False)
        os.set_blocking(their_stderr, False)
        try:
            self._process = _spawn(module, limits, theirs.fileno(), their_stderr)
        except OSError as err:
            self._close_ends()
            raise _cannot_start(module, err) from err
        finally:
            theirs.close()
            os.close(their_stderr)

    def greet(self) -> Confinement:
        """Wait until the child is confined, and return how."""
        try:
            return Confinement(**self._exchange(None, (), START_TIMEOUT_S))
        except WorkerError as err:
            raise WorkerError(f"{err}: it cannot be started", _why_no_greeting(err)) from err

    def ask(self, request: dict[str, Any], descriptors: Sequence[int], timeout_s: float) -> dict[str, Any]:
        self._requests_left -= 1
        answer = self._exchange(request, descriptors, timeout_s)
        if answer[MEMORY_SHARE] > GROWN_SHARE:
            self._requests_left = 0
        return answer

    def is_fit(self) -> bool:
        return self._requests_left > 0 and self._process.poll() is None

    def kill(self) -> None:
        """Kill the child and unblock its caller, even if it is stuck in I/O."""
        self._process.kill()
        with contextlib.suppress(OSError):  # closed already
            self._channel.shutdown(socket.SHUT_RDWR)

    def end(self) -> bool:
        """Kill the child if it lives, and forget it; False when it cannot even be killed yet."""
        self.kill()
        self._close_ends()
        return self._wait()

    def _exchange(self, request: dict[str, Any] | None, descriptors: Sequence[int], timeout_s: float) -> dict[str, Any]:
        """Exchange a request and an answer. After a failure the child is unfit: its next answer would be this one."""
        deadline = time.monotonic() + timeout_s
        left, self._requests_left = self._requests_left, 0
        try:
            if request is not None:
                self._send(request, descriptors, deadline)
            answer = self._read_answer(deadline)
        except TimeoutError as err:
            self.kill()
            raise WorkerTimeout(f"{self._module} had no answer after {timeout_s:g} s and was stopped") from err
        except (OSError, EOFError) as err:
            raise WorkerDied(self._cause_of_death()) from err
        except (ValueError, RecursionError) as err:
            self.kill()
            raise WorkerDied(f"{self._module} gave no proper answer ({err}) and was stopped") from err
        self._requests_left = left
        self._hear()
        return answer

    def _send(self, request: dict[str, Any], descriptors: Sequence[int], deadline: float) -> None:
        body = json.dumps(request).encode()
        self._channel.settimeout(_left(deadline))
        # The descriptors travel with the first byte; the child asks for them together with the header.
        socket.send_fds(self._channel, [HEADER.pack(len(body))], descriptors)
        self._channel.sendall(body)

    def _read_answer(self, deadline: float) -> dict[str, Any]:
        (length,) = HEADER.unpack(self._read(HEADER.size, deadline))
        if length > self._limits.answer_bytes:
            raise ValueError(f"{length} bytes")
        answer = json.loads(self._read(length, deadline))
        if not isinstance(answer, dict):
            raise ValueError(f"{type(answer).__name__} instead of an object")  # noqa: TRY004 (bad content)
        return answer

    def _read(self, length: int, deadline: float) -> bytes:
        content = bytearray()
        while len(content) < length:
            self._channel.settimeout(_left(deadline))
            piece = self._channel.recv(length - len(content))
            if not piece:
                raise EOFError
            content += piece
        return bytes(content)

    def _cause_of_death(self) -> str:
        if not self._wait():
            self.kill()
        how = _in_words(self._process.poll(), self._limits)
        self._hear()
        words = _last_error(self._last_words.decode(errors="replace"))
        return f"{self._module} {how}" + (f" ({readable(words)})" if words else "")

    def _hear(self) -> None:
        """Keep the end of what the child wrote to standard error."""
        with contextlib.suppress(BlockingIOError):
            self._last_words = (self._last_words + os.read(self._stderr, 1 << 16))[-LAST_WORDS_BYTES:]

    def _wait(self) -> bool:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(REAP_TIMEOUT_S)
        return self._process.returncode is not None

    def _close_ends(self) -> None:
        self._channel.close()
        if self._stderr >= 0:
            os.close(self._stderr)
            self._stderr = -1


def _cannot_start(module: str, err: OSError) -> WorkerError:
    about = f": {readable(os.fsdecode(err.filename))}" if err.filename else ""
    hint = _WHY_NO_START.get(err.errno or 0, "see whether the log of the machine says more")
    return WorkerError(f"{module} cannot be started ({err.strerror}{about})", hint)


_WHY_NO_START = {
    errno.ENOENT: "Python was moved or removed: install reeld again, then restart it",
    errno.ENOTDIR: "Python was moved or removed: install reeld again, then restart it",
    errno.ENOEXEC: "Python is damaged, or of another machine: install it and reeld again",
    errno.EACCES: "let the user that runs reeld run Python there; its disk must not be mounted with noexec",
    errno.EPERM: "let the user that runs reeld run Python there; its disk must not be mounted with noexec",
    errno.EMFILE: "raise the limit of open files, as LimitNOFILE= of systemd",
    errno.ENFILE: "the machine has too many open files: raise fs.file-max, or end the program that holds them",
    errno.EAGAIN: "raise the limit of processes, as TasksMax= of systemd or `ulimit -u`",
    errno.ENOMEM: "check free memory",
    errno.EIO: "check the disk that Python is installed on",
}


def _why_no_greeting(err: WorkerError) -> str:
    """Say what to do about a child that started and ended, or hung, before it was confined."""
    if isinstance(err, WorkerTimeout):
        return "the machine is overloaded, or the disk that Python is installed on does not answer"
    if any(words in str(err) for words in ("MemoryError", "memory", "failed to map segment")):
        return "check free memory, and raise memory_mib in the configuration if it was lowered"
    return "install reeld again if this goes on"


def _last_error(words: str) -> str:
    """Choose the line that names the cause: the last of a traceback, or the one of Python's own fatal error."""
    lines = words.strip().splitlines()
    fatal = [line for line in lines if line.startswith("Fatal Python error")]
    return (fatal or lines[-1:] or [""])[-1]


def _spawn(module: str, limits: Limits, stdin: int, stderr: int) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        # -P: nothing is imported from the current directory.
        [sys.executable, "-P", "-s", "-m", module, limits.as_argument()],
        stdin=stdin,
        stdout=subprocess.DEVNULL,
        stderr=stderr,
        cwd="/",
        env=_environment(),
        start_new_session=True,  # Ctrl-C in a terminal is for the daemon, which ends its children itself
    )


def _environment() -> dict[str, str]:
    """Pass on only the import path, so that the children start if reeld does."""
    return {
        "LC_ALL": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if os.path.isabs(path)),
    }


def _in_words(status: int | None, limits: Limits) -> str:
    """Describe the end of a child by its `Popen.returncode`. None is one that did not end by itself."""
    if status is None:
        return "closed its socket and was stopped"
    if status == -signal.SIGXCPU:
        return f"used up its {limits.cpu_s} s of processor time"
    if status == -signal.SIGKILL:
        return "was killed, most likely because the machine ran out of memory"
    if status < 0:
        return f"was ended by a signal ({signal.strsignal(-status)})"
    return f"ended by itself with status {status}"


def _left(deadline: float) -> float:
    left_s = deadline - time.monotonic()
    if left_s <= 0:
        raise TimeoutError
    return left_s
