"""Why can a library not be watched, and what can its owner do?"""

import errno
import os

from reeld.domain.files import readable
from reeld.errors import ReeldError

# What many desktop programs recommend; a watch costs the kernel about 1 KB, and only when it is used.
_USUAL_WATCHES = 524_288
_USUAL_INSTANCES = 1_024


class CannotWatch(ReeldError):
    """This library cannot be watched now; poll it and try again later. The message says what to do."""

    exit_code = os.EX_TEMPFAIL

    def __init__(self, root: str, error: OSError) -> None:
        self.errno = error.errno
        super().__init__(f"{readable(root)} cannot be watched: {remedy(error)}")


def remedy(error: OSError) -> str:
    """What hinders, and what its owner can do. The limits are those of inotify(7)."""
    match error.errno:
        case errno.ENOSPC:
            return _raise_limit("watches", "max_user_watches", _USUAL_WATCHES)
        case errno.EMFILE:
            return _raise_limit("instances", "max_user_instances", _USUAL_INSTANCES)
        case errno.EACCES:
            return "it may not be read; give the user that runs reeld the right to read it"
        case _:
            return f"{error.strerror or error}; check the disk that it lies on"


def _raise_limit(what: str, name: str, usual: int) -> str:
    """Suggests the double of the present limit, which may be hidden from a service, or the usual one."""
    try:
        with open(f"/proc/sys/fs/inotify/{name}", encoding="ascii") as file:
            usual = max(usual, 2 * int(file.read()))
    except OSError:
        pass
    return f"this user has no inotify {what} left; raise the limit: sudo sysctl -w fs.inotify.{name}={usual}"
