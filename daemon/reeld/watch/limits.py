"""Explains why a library cannot be watched, and which limit to raise."""

import ctypes
import errno
import os
import select
from contextlib import suppress

from reeld.domain.files import readable
from reeld.errors import ReeldError

# The value that many desktop programs recommend. A watch costs the kernel about 1 KB, once it is
# used.
_USUAL_WATCHES = 524_288
_USUAL_INSTANCES = 1_024

# Both limits apply. The second belongs to the namespace (a container). Outside of any namespace
# both are the same number.
_WATCHES = ("fs.inotify.max_user_watches", "user.max_inotify_watches")
_INSTANCES = ("fs.inotify.max_user_instances", "user.max_inotify_instances")


class CannotWatch(ReeldError):
    """This library cannot be watched now. Poll it, and try again later."""

    exit_code = os.EX_TEMPFAIL

    def __init__(self, root: str, error: OSError) -> None:
        self.errno = error.errno
        cause, hint = cause_and_hint(error)
        super().__init__(f"{readable(root)} cannot be watched: {cause}", hint)


def cause_and_hint(error: OSError) -> tuple[str, str]:
    """Explain why the kernel refused a watch. The limits are those of inotify(7)."""
    match error.errno:
        case errno.ENOSPC:
            return "this user has no inotify watches left", _raise_limit(_WATCHES, _USUAL_WATCHES)
        case errno.EMFILE:
            return "this user has no inotify instances left", _raise_limit(_INSTANCES, _USUAL_INSTANCES)
        case errno.EACCES:
            return "reeld may not read it", "give the user that runs reeld the right to read it"
        case _:
            return error.strerror or str(error), "check the disk that it lies on"


def most_watches() -> int | None:
    """Return how many watches this user may have in all, or None if the limit is hidden from us."""
    limits = [limit for name in _WATCHES if (limit := _limit(name)) is not None]
    return min(limits, default=None)


def shortage(directories: int) -> str | None:
    """Explain that the limit is too low for so many directories, or return None if it suffices or is hidden."""
    limits = {name: limit for name in _WATCHES if (limit := _limit(name)) is not None}
    if not limits or min(limits.values()) > directories:
        return None
    name = min(limits, key=lambda name: limits[name])
    value = max(_USUAL_WATCHES, 2 * directories)
    return (
        f"{directories} directories need an inotify watch each, and this user may have {limits[name]} in all; raise "
        f"the limit: sudo sysctl -w {name}={value} (and for the next boot: "
        f"echo {name}={value} | sudo tee /etc/sysctl.d/90-reeld.conf)"
    )


def _raise_limit(names: tuple[str, str], usual: int) -> str:
    """Name the lower of the limits and suggest its double, or the usual one if a service cannot see it."""
    limits = {name: limit for name in names if (limit := _limit(name)) is not None}
    name = min(limits, key=lambda name: limits[name], default=names[0])
    value = max(usual, 2 * limits.get(name, 0))
    return f"raise the limit: sudo sysctl -w {name}={value}"


def _limit(name: str) -> int | None:
    try:
        with open("/proc/sys/" + name.replace(".", "/"), encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return None


# The event is in the queue before `close` returns. The time is for a machine that swaps.
PATIENCE_S = 2.0

_IN_CLOSE_NOWRITE = 0x10
_IN_OPEN = 0x20
_IN_ONLYDIR = 0x01000000

_libc = ctypes.CDLL(None, use_errno=True)


def delivers_events(directory: str) -> bool:
    """Tell whether opening the directory caused an event. Raises CannotWatch if it cannot be
    watched.
    """
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
        ready, _, _ = select.select([queue], [], [], PATIENCE_S)
        return bool(ready)
    finally:
        with suppress(OSError):
            os.close(queue)


def _last_error() -> OSError:
    number = ctypes.get_errno() or errno.EIO
    return OSError(number, os.strerror(number))
