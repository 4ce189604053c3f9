"""Does the kernel tell us of what happens in a directory? Asked without changing anything there.

Opening a directory is an event as well, so a watch can be tried by looking: what writes would be told by comes the same
way. It proves the way from this machine's kernel to us, and says nothing of what others do behind a network mount.
"""

import ctypes
import errno
import os
import select
from contextlib import suppress

from reeld.watch.limits import CannotWatch

# The event is in the queue before `close` returns; the rest is for a machine that swaps.
PATIENCE_S = 2.0

_IN_CLOSE_NOWRITE = 0x10
_IN_OPEN = 0x20
_IN_ONLYDIR = 0x01000000

_libc = ctypes.CDLL(None, use_errno=True)


def tells_of_a_look(directory: str) -> bool:
    """Whether opening the directory brought an event. Raises CannotWatch when it cannot even be watched."""
    queue = _libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
    if queue < 0:
        raise CannotWatch(directory, _last_error())
    try:
        mask = _IN_OPEN | _IN_CLOSE_NOWRITE | _IN_ONLYDIR
        if _libc.inotify_add_watch(queue, os.fsencode(directory), ctypes.c_uint32(mask)) < 0:
            raise CannotWatch(directory, _last_error())
        try:
            os.close(os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
        except OSError as err:
            raise CannotWatch(directory, err) from err
        told, _, _ = select.select([queue], [], [], PATIENCE_S)
        return bool(told)
    finally:
        with suppress(OSError):
            os.close(queue)


def _last_error() -> OSError:
    number = ctypes.get_errno() or errno.EIO
    return OSError(number, os.strerror(number))
