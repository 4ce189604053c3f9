"""Runs completeness checks on a quiet file: they look for a writer and for holes.

Both checks use a descriptor, never a path. Both were measured on ext4, xfs, btrfs and tmpfs.
Where a result would mean nothing it is "unknown", and unknown never holds a file back. The third
check, the container's end, runs in the probe stage. Only there a file's bytes are parsed.
"""

import ctypes
import errno
import fcntl
import os
import signal
import stat
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from operator import attrgetter, call

from reeld.domain.files import FileStamp, HolesSeen, WriterSeen
from reeld.watch.mounts import Mount, all_mounts, mount_of

# O_NONBLOCK: neither a FIFO that takes the file's name nor another program's lease may block us.
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC

_identity_of = attrgetter("st_mode", "st_ino", "st_dev", "st_size", "st_mtime_ns", "st_ctime_ns")

# A disk may be mounted at any time and reuse the number of another file system.
MOUNTS_S = 5.0

# PyDLL, unlike `fcntl.fcntl`, keeps the interpreter's lock during the call: see `_try_lease`.
_fcntl = ctypes.PyDLL(None, use_errno=True).fcntl
_fcntl.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResults:
    """The results for the file with this `stamp`."""

    stamp: FileStamp | None
    """None if nothing could be checked: the path is no regular file, or cannot be opened."""
    writer: WriterSeen
    holes: HolesSeen


@dataclass(slots=True, kw_only=True)
class CompletenessChecks:
    """Runs the checks on the files of one library. For one thread."""

    asks_writer: bool = True
    asks_holes: bool = True
    monotonic: Callable[[], float] = time.monotonic
    mounts: Callable[[], list[Mount]] = all_mounts
    _grants_mean: dict[int, bool] = field(default_factory=dict)
    """By device: whether a granted lease proves there that no writer is left."""
    _grants_known_at: float = 0.0

    def ask(self, path: str) -> CheckResults:
        """Check the file at this absolute path. Never waits for another program."""
        writer: WriterSeen = "unknown" if self.asks_writer else "not asked"
        holes: HolesSeen = "unknown" if self.asks_holes else "not asked"
        if not (self.asks_writer or self.asks_holes):
            return CheckResults(stamp=None, writer=writer, holes=holes)
        try:
            descriptor = os.open(path, _FLAGS)
        except OSError as err:
            # EAGAIN: another program holds a lease of its own, as Samba does for a client that
            # may write.
            is_leased = self.asks_writer and err.errno == errno.EAGAIN
            return CheckResults(stamp=None, writer="some" if is_leased else writer, holes=holes)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                return CheckResults(stamp=None, writer=writer, holes=holes)
            if self.asks_writer and _may_ask_writers() and self._is_grant_meant(path, status.st_dev):
                writer = _ask_writer(descriptor)
            if self.asks_holes:
                holes = _ask_holes(descriptor, status.st_size)
            return CheckResults(stamp=FileStamp.of(status), writer=writer, holes=holes)
        finally:
            os.close(descriptor)

    def ask_of_listed(
        self, folder: str, files: Sequence[tuple[str, str, os.stat_result]]
    ) -> list[tuple[WriterSeen, HolesSeen]] | None:
        """Check the files of a folder that were just listed: name, any text and status of each. None if one is held.

        None as well if one cannot be opened, or is not as it was listed. Then `ask` tells which. `folder` is absolute.
        """
        if not (self.asks_writer or self.asks_holes):
            return [("not asked", "not asked")] * len(files)
        can_ask = self.asks_writer and _may_ask_writers()
        unasked: WriterSeen = "unknown" if self.asks_writer else "not asked"
        found: list[tuple[WriterSeen, HolesSeen]] = []
        for name, _, listed in files:
            path = f"{folder}/{name}"
            try:
                descriptor = os.open(path, _FLAGS)
            except OSError:
                return None
            try:
                if _identity_of(os.fstat(descriptor)) != _identity_of(listed):
                    return None
                is_meant = can_ask and self._is_grant_meant(path, listed.st_dev)
                writer = _ask_writer(descriptor) if is_meant else unasked
                holes = _ask_holes(descriptor, listed.st_size) if self.asks_holes else "not asked"
            finally:
                os.close(descriptor)
            if writer == "some" or holes == "some":
                return None
            found.append((writer, holes))
        return found

    def _is_grant_meant(self, path: str, device: int) -> bool:
        """Tell whether a granted lease proves anything on this device.

        Others can write behind FUSE, overlay and network mounts. The kernel grants the lease
        there all the same (measured).
        """
        now = self.monotonic()
        if now - self._grants_known_at >= MOUNTS_S:
            self._grants_mean.clear()
            self._grants_known_at = now
        if device not in self._grants_mean:
            mount = mount_of(os.path.realpath(os.path.dirname(path)), self.mounts())
            self._grants_mean[device] = mount is not None and mount.delivers_all_events
        return self._grants_mean[device]


def ignore_broken_leases() -> object:
    """Ignore SIGIO in this process and return the previous handler. Call it in the main thread,
    first.

    The kernel sends SIGIO to the holder of a lease when a program opens the file for writing, and
    the default action is to kill. The lease is released within microseconds, so nothing else is
    needed.
    """
    return signal.signal(signal.SIGIO, signal.SIG_IGN)


def _may_ask_writers() -> bool:
    """Tell whether SIGIO is ignored here. Else a writer that comes while a lease is held would kill us."""
    return signal.getsignal(signal.SIGIO) is signal.SIG_IGN


def _ask_writer(descriptor: int) -> WriterSeen:
    match _try_lease(descriptor):
        case 0:
            return "none"
        case errno.EAGAIN:
            return "some"  # or a writable mapping, which may outlive its descriptor
        case _:
            return "unknown"  # another user's file without CAP_LEASE, or a file system without leases


def _try_lease(descriptor: int) -> int:
    """Take a read lease and release it at once. Return the errno, or 0.

    While the lease is held, a program that opens the file for writing waits, or is refused if it
    does not want to wait. Three calls in C keep that to 2 us. Between two lines of Python another
    thread may run: with three busy threads a lease was held for up to 25 ms (measured).
    """
    take = partial(_fcntl, descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    give_back = partial(_fcntl, descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    steps: tuple[Callable[[], int], ...] = (take, ctypes.get_errno, give_back)
    taken, error, _ = map(call, steps)
    return 0 if taken == 0 else error


def _ask_holes(descriptor: int, size_bytes: int) -> HolesSeen:
    """Look for holes. Preallocated space that was never written is a hole, too.

    A file system that does not support holes reports all as data.
    """
    if size_bytes == 0:
        return "none"
    try:
        return "some" if os.lseek(descriptor, 0, os.SEEK_HOLE) < size_bytes else "none"
    except OSError:
        return "unknown"
