"""Does anything but the clock say that a quiet file is not complete?

Two witnesses are asked of a descriptor, never of a path: may somebody still write to the file, and were parts of it
never written? Both were measured on ext4, xfs, btrfs and tmpfs; where an answer would mean nothing it is "unknown",
and unknown is no objection. The third witness, the container's end, speaks in the probe stage: only there are a file's
bytes parsed, by a child process.
"""

import ctypes
import errno
import fcntl
import os
import signal
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from operator import call

from reeld.domain.files import FileStamp, HolesSeen, WriterSeen
from reeld.watch.mounts import Mount, all_mounts, mount_of

# O_NONBLOCK: a FIFO that takes the file's name meanwhile must not block, nor another program's lease on the file.
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC

# A disk may be mounted at any time, and its number be another file system's a moment ago.
MOUNTS_S = 5.0

# PyDLL, unlike `fcntl.fcntl`, keeps the interpreter's lock during the call: see `_try_lease`.
_fcntl = ctypes.PyDLL(None, use_errno=True).fcntl
_fcntl.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResults:
    """What the witnesses said of the file that `stamp` speaks of."""

    stamp: FileStamp | None
    """None where nobody could be asked: the file may not be opened, or is none."""
    writer: WriterSeen
    holes: HolesSeen


@dataclass(slots=True, kw_only=True)
class CompletenessChecks:
    """Asks about the files of one library. For one thread."""

    asks_writer: bool = True
    asks_holes: bool = True
    monotonic: Callable[[], float] = time.monotonic
    mounts: Callable[[], list[Mount]] = all_mounts
    _grants_mean: dict[int, bool] = field(default_factory=dict)
    """By device: whether a lease that is granted there says that nobody writes."""
    _grants_known_at: float = 0.0

    def ask(self, path: str) -> CheckResults:
        """What speaks for and against the file at this absolute path. Never waits for another program."""
        writer: WriterSeen = "unknown" if self.asks_writer else "not asked"
        holes: HolesSeen = "unknown" if self.asks_holes else "not asked"
        if not (self.asks_writer or self.asks_holes):
            return CheckResults(stamp=None, writer=writer, holes=holes)
        try:
            descriptor = os.open(path, _FLAGS)
        except OSError as err:
            # Another program holds a lease of its own, as Samba does for a client that may write.
            is_leased = self.asks_writer and err.errno == errno.EAGAIN
            return CheckResults(stamp=None, writer="some" if is_leased else writer, holes=holes)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                return CheckResults(stamp=None, writer=writer, holes=holes)
            if self.asks_writer and self._is_grant_meant(path, status.st_dev):
                writer = _ask_writer(descriptor)
            if self.asks_holes:
                holes = _ask_holes(descriptor, status.st_size)
            return CheckResults(stamp=FileStamp.of(status), writer=writer, holes=holes)
        finally:
            os.close(descriptor)

    def _is_grant_meant(self, path: str, device: int) -> bool:
        """Behind FUSE, overlay and network mounts others write unseen: the lease is granted all the same (measured)."""
        now = self.monotonic()
        if now - self._grants_known_at >= MOUNTS_S:
            self._grants_mean.clear()
            self._grants_known_at = now
        if device not in self._grants_mean:
            mount = mount_of(os.path.realpath(os.path.dirname(path)), self.mounts())
            self._grants_mean[device] = mount is not None and mount.delivers_all_events
        return self._grants_mean[device]


def ignore_broken_leases() -> object:
    """Let SIGIO do nothing in this process, and give what it did; for the main thread, before anybody is asked.

    The kernel sends it to the holder of a lease when somebody wants to write, and its default is to kill. The lease is
    given back within microseconds anyway, so there is nothing to do.
    """
    return signal.signal(signal.SIGIO, signal.SIG_IGN)


def _ask_writer(descriptor: int) -> WriterSeen:
    if signal.getsignal(signal.SIGIO) is not signal.SIG_IGN:
        return "unknown"  # `ignore_broken_leases` was not called here, and a writer that comes now would kill us
    match _try_lease(descriptor):
        case 0:
            return "none"
        case errno.EAGAIN:
            return "some"  # or a mapping that may be written to, also after its descriptor was closed
        case _:
            return "unknown"  # another user's file and no CAP_LEASE; a file system without leases


def _try_lease(descriptor: int) -> int:
    """Take a read lease and give it back at once; the error's number, or 0.

    While it is held, whoever opens the file for writing waits, or is refused if it would not wait. Three calls in C
    keep that to 2 us: between two lines of Python, another thread may run first, and with three of them computing a
    lease was held for up to 25 ms (measured).
    """
    take = partial(_fcntl, descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    give_back = partial(_fcntl, descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    steps: tuple[Callable[[], int], ...] = (take, ctypes.get_errno, give_back)
    taken, error, _ = map(call, steps)
    return 0 if taken == 0 else error


def _ask_holes(descriptor: int, size_bytes: int) -> HolesSeen:
    """Preallocated and not written is a hole too; where the file system does not know, all is data."""
    if size_bytes == 0:
        return "none"
    try:
        return "some" if os.lseek(descriptor, 0, os.SEEK_HOLE) < size_bytes else "none"
    except OSError:
        return "unknown"
