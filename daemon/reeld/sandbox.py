"""Confines reeld's processes: a child that parses untrusted bytes can only compute and answer.

The daemon itself may read everything and writes only its catalogue (`forbid_writing_outside`), so
that no bug can harm a video. The rest of this module is about the children, which are confined
further.

`service/worker_pool.py` starts a child with its end of a unix socket as standard input. The
child's module loads the parser, runs it once (so that everything is loaded), and calls `serve`.
From then on the process opens no file, reaches no network, and has bounded memory, processor time
and output. It ends when its parent closes the socket, and is killed when its parent dies.

There are three barriers. A seccomp filter refuses the system calls that open, connect, start or
change something (see `seccomp.py`). Landlock denies the file system and TCP. The limit on
descriptors leaves free exactly those that come with a request. So also where one is missing,
neither `open` nor `socket` can succeed while untrusted bytes are parsed.

A frame, in both directions, is four bytes of length (little endian) and that many bytes of JSON.
"""

import contextlib
import ctypes
import json
import math
import os
import re
import resource
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NoReturn, Self

from reeld.seccomp import forbid_calls

Answer = Callable[[dict[str, Any], Sequence[int]], dict[str, Any]]
"""Takes a request and its descriptors (`serve` closes them afterwards), and returns the answer."""

MEMORY_SHARE = "memory_share"
"""Key that `serve` adds to each answer: the peak of memory so far, as a share (0 to 1) of the limit."""

HEADER = struct.Struct("<I")

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_CAPABILITY_VERSION_3 = 0x20080522
_LANDLOCK_CREATE_RULESET = 444  # the same number on every architecture
_LANDLOCK_ADD_RULE = 445
_LANDLOCK_RESTRICT_SELF = 446

_WRITE_FILE = 1 << 1
_READ_OR_EXECUTE = 0b1101  # execute, read a file, read a directory

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much a child may use."""

    memory_bytes: int = 1 << 30
    """Address space: what the parser allocates, plus some 100 MB for Python and its libraries."""
    cpu_s: int = 15
    """Processor time for one request."""
    descriptors: int = 1
    """How many may come with one request. A child with 0 can never hold an open file."""
    answer_bytes: int = 4 << 20

    @classmethod
    def inherited(cls) -> Self:
        """Read the limits from the child's first argument, as the parent's pool set them."""
        return cls(**json.loads(sys.argv[1]))

    def as_argument(self) -> str:
        return json.dumps(asdict(self))


def serve(answer: Answer, limits: Limits) -> NoReturn:
    """Confine this process, then answer the parent's requests until it closes the socket.

    `answer` must have loaded everything it needs: call it once before. An exception that leaves
    it ends the process, on purpose. A parser that failed in an unknown way is not used again. The
    parent reads the last line of standard error.
    """
    _die_with_the_parent()
    channel = socket.socket(fileno=0)
    gauge = _MemoryGauge(limits.memory_bytes)
    _send(channel, asdict(confine(limits)), limits)
    while (received := _receive(channel, limits)) is not None:
        request, descriptors = received
        _allow_cpu(limits.cpu_s)
        try:
            answered = answer(request, descriptors)
        except Exception as err:  # noqa: BLE001
            # Not left to the interpreter: Python 3.13 cannot print a MemoryError here ("lost
            # sys.stderr").
            sys.exit(f"{type(err).__name__}: {err}")
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        _send(channel, {**answered, MEMORY_SHARE: gauge.share()}, limits)
    sys.exit()


@dataclass(frozen=True, slots=True, kw_only=True)
class Confinement:
    """Which barriers are in force."""

    landlock_abi: int
    """0 means that the kernel has no Landlock, or that the service's system call filter forbids it."""
    forbids_calls: bool
    """Whether the seccomp filter is in force."""


def confine(limits: Limits) -> Confinement:
    """Take from this process, for good, all rights that parsing does not need.

    Everything must be loaded before: neither a module nor a locale can be opened later.
    """
    with contextlib.suppress(OSError):  # no /proc in a minimal container
        _write("/proc/self/oom_score_adj", b"1000")
    # Nice also lowers the disk priority, to level 6 of the "best effort" class. The "idle" class
    # would make a probe wait up to 10 s for each read behind a busy disk (mq-deadline's
    # prio_aging_expire), and the time limit would blame the file. The unit's filter forbids nice,
    # and sets it for the whole daemon instead.
    with contextlib.suppress(PermissionError):
        os.nice(10)
    for kind, most in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (most, most))
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, *map(ctypes.c_ulong, (1, 0, 0, 0)))
    abi = _landlock()
    # After Landlock, which needs a descriptor for a moment: a child with 0 descriptors could not
    # use it.
    most = _lowest_free_descriptor() + limits.descriptors
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    # CAP_LEASE of the unit is for the daemon: with a film's descriptor, a child could block
    # writers.
    _libc.capset(struct.pack("=Ii", _CAPABILITY_VERSION_3, 0), bytes(24))
    return Confinement(landlock_abi=abi, forbids_calls=forbid_calls())


def forbid_writing_outside(*directories: str) -> int:
    """From now on, let this thread and all threads and processes that it starts write only below
    these directories.

    This holds for disks that are mounted later, and for every user. Reading and starting programs
    are not limited. Call it before the first thread is started: Landlock confines the calling
    thread, not threads that exist already. Returns the Landlock version. 0 means that nothing was
    forbidden, because this kernel has no Landlock, or a filter forbids it. Mode and times of a
    file are not covered: only its owner may change them.
    """
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, *map(ctypes.c_ulong, (1, 0, 0, 0)))
    abi = _landlock_abi()
    writing = _known_file_rights(abi) & ~_READ_OR_EXECUTE
    allowed = {os.fspath(directory): writing for directory in directories}
    # subprocess opens the first for unused streams. A child sets its own OOM score in the other.
    # Neither holds files of the user.
    allowed |= {path: _WRITE_FILE for path in (os.devnull, "/proc") if os.path.exists(path)}
    return abi if abi and _restrict(files=writing, allowed=allowed) else 0


def _landlock() -> int:
    """Deny every access to files, TCP, abstract sockets and foreign processes that the kernel can
    deny.
    """
    abi = _landlock_abi()
    net = 0b11 if abi >= 4 else 0
    scopes = 0b11 if abi >= 6 else 0
    return abi if abi and _restrict(files=_known_file_rights(abi), net=net, scopes=scopes) else 0


def _landlock_abi() -> int:
    return max(0, _syscall(_LANDLOCK_CREATE_RULESET, None, 0, 1))


def _known_file_rights(abi: int) -> int:
    """Return all known file rights of this version: version 1 has 13, each later one adds its own
    bit.
    """
    return (1 << 13) - 1 | (abi >= 2) << 13 | (abi >= 3) << 14 | (abi >= 5) << 15


def _restrict(*, files: int, net: int = 0, scopes: int = 0, allowed: Mapping[str, int] | None = None) -> bool:
    """Deny these rights for good, except those that `allowed` grants at and below its paths."""
    size = 24 if scopes else 16 if net else 8
    ruleset = _syscall(_LANDLOCK_CREATE_RULESET, struct.pack("=QQQ", files, net, scopes)[:size], size, 0)
    if ruleset < 0:
        return False
    try:
        for path, rights in (allowed or {}).items():
            _allow_below(ruleset, path, rights)
        return _syscall(_LANDLOCK_RESTRICT_SELF, ruleset, 0) == 0
    finally:
        os.close(ruleset)


def _allow_below(ruleset: int, path: str, rights: int) -> None:
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if _syscall(_LANDLOCK_ADD_RULE, ruleset, 1, struct.pack("=Qi", rights, place), 0) != 0:
            raise OSError(ctypes.get_errno(), "Landlock refused a rule", path)
    finally:
        os.close(place)


def _syscall(number: int, *arguments: int | bytes | None) -> int:
    _libc.syscall.restype = ctypes.c_long
    typed = (ctypes.c_long(a) if isinstance(a, int) else a for a in arguments)
    return int(_libc.syscall(ctypes.c_long(number), *typed))


def _die_with_the_parent() -> None:
    """Request SIGKILL for when the parent's thread ends; the pool keeps that thread while it lives.

    If the parent is gone already, it has closed the socket. Stop signals that a terminal or
    systemd sends to the whole group are ignored: the parent decides whether the current request
    is finished.
    """
    _libc.prctl(_PR_SET_PDEATHSIG, *map(ctypes.c_ulong, (signal.SIGKILL, 0, 0, 0)))
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)


def _allow_cpu(cpu_s: int) -> None:
    """Set the processor time limit. Above it SIGXCPU ends the process, even in a C++ loop."""
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    soft = math.ceil(time.process_time()) + cpu_s
    resource.setrlimit(resource.RLIMIT_CPU, (soft if most == resource.RLIM_INFINITY else min(soft, most), most))


class _MemoryGauge:
    """Measures how close this process came to its memory limit. Create it before the process is
    confined.

    It reads VmPeak, not ru_maxrss: the limit is on address space, and ru_maxrss starts with the
    parent's peak, which the kernel carries over `exec`.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._status = os.open("/proc/self/status", os.O_RDONLY | os.O_CLOEXEC)

    def share(self) -> float:
        found = re.search(rb"VmPeak:\s+(\d+) kB", os.pread(self._status, 8192, 0))
        peak_bytes = int(found[1]) * 1024 if found else 0
        return round(peak_bytes / self._limit_bytes, 3)


def _receive(channel: socket.socket, limits: Limits) -> tuple[dict[str, Any], list[int]] | None:
    """Read the next request, or return None when the parent has closed its end."""
    head, descriptors, _, _ = socket.recv_fds(channel, HEADER.size, limits.descriptors)
    head += _read(channel, HEADER.size - len(head))
    if len(head) < HEADER.size:
        return None
    (length,) = HEADER.unpack(head)
    body = _read(channel, length)
    return (json.loads(body), descriptors) if len(body) == length else None


def _read(channel: socket.socket, length: int) -> bytes:
    """Read `length` bytes, or fewer at the end of the stream."""
    pieces: list[bytes] = []
    while length > 0 and (piece := channel.recv(min(length, 1 << 20))):
        pieces.append(piece)
        length -= len(piece)
    return b"".join(pieces)


def _send(channel: socket.socket, message: dict[str, Any], limits: Limits) -> None:
    body = json.dumps(message).encode()
    if len(body) > limits.answer_bytes:
        raise ValueError(f"an answer of {len(body)} bytes is above the limit of {limits.answer_bytes}")
    channel.sendall(HEADER.pack(len(body)) + body)


def _lowest_free_descriptor() -> int:
    descriptor = os.dup(0)
    os.close(descriptor)
    return descriptor


def _write(path: str, content: bytes) -> None:
    # Not with open(), which also asks to truncate: a confined daemon has no right to that.
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, content)
    finally:
        os.close(descriptor)
