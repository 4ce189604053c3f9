"""Keeps the catalogue and all files beside it readable for their owner alone, or for one group, too.

What someone owns and watches is private. The process' umask does not count: it can be anything. SQLite gives its log
and the log's index the rights of the database.
"""

import contextlib
import grp
import os
import stat
from collections.abc import Sequence
from typing import ClassVar

PRIVATE, FOR_GROUP = 0o600, 0o640

FOLDER_PRIVATE, FOLDER_FOR_GROUP = 0o700, 0o750


class Readers:
    """Who else may read: `[database] group`. One for the process, as the catalogue itself is."""

    group: ClassVar[int | None] = None


def let_read(group: str) -> None:
    """Let the members of this group read what `protect` gets from now on. With "", the owner alone."""
    Readers.group = number_of_group(group) if group else None


def number_of_group(name: str) -> int | None:
    """Return the number of a group; None if this machine has none of that name."""
    try:
        return grp.getgrnam(name).gr_gid
    except (KeyError, ValueError, OSError):
        return None


def create(path: str) -> int:
    """Create a protected file and return its descriptor. Raises FileExistsError or OSError."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE)
    with contextlib.suppress(OSError):  # a disk without rights
        os.fchmod(descriptor, PRIVATE)
    protect(descriptor)
    return descriptor


def protect_if_shell_made(descriptor: int) -> None:
    """Protect the file of `> FILE` if it is empty and has the mode that the shell gave it, not one of its own."""
    os.umask(umask := os.umask(0))
    with contextlib.suppress(OSError):
        status = os.fstat(descriptor)
        if status.st_size == 0 and stat.S_IMODE(status.st_mode) == 0o666 & ~umask:
            protect(descriptor)


def protect(what: str | int) -> int | None:
    """Let only the owner and the group, if one is configured, at a file. The owner's own rights stay.

    Return the former mode if more people had access. A link, another user's file and a disk without rights stay as
    they are. A file that cannot be given to the group stays private.
    """
    with contextlib.suppress(OSError):
        before = os.stat(what, follow_symlinks=isinstance(what, int))
        if not stat.S_ISREG(before.st_mode) or os.geteuid() not in (0, before.st_uid):
            return None
        of_others = (FOR_GROUP if _is_given_to_group(what, before.st_gid) else PRIVATE) & 0o077
        was = stat.S_IMODE(before.st_mode)
        if was & 0o077 != of_others:
            os.chmod(what, was & 0o700 | of_others)
            is_now = stat.S_IMODE(os.stat(what, follow_symlinks=isinstance(what, int)).st_mode)
            return was if was & 0o077 & ~is_now else None
    return None


def protect_log(path: str, suffixes: Sequence[str]) -> None:
    """Give the catalogue's group to its log, which SQLite makes at the first read with that of the process.

    Call it before anything is written. The catalogue says which group it is: the configuration of a command may
    differ from that of the daemon.
    """
    with contextlib.suppress(OSError):
        catalog = os.stat(path)
        for log in (path + suffix for suffix in suffixes):
            with contextlib.suppress(FileNotFoundError):
                if (before := os.lstat(log)).st_gid != catalog.st_gid and before.st_uid == os.geteuid():
                    os.chmod(log, PRIVATE)
                    os.chown(log, -1, catalog.st_gid, follow_symlinks=False)
                    os.chmod(log, stat.S_IMODE(catalog.st_mode))


def protect_folder(path: str) -> None:
    """Let the group, if one is configured, list a folder that reeld made."""
    with contextlib.suppress(OSError):
        before = os.lstat(path)
        is_ours = stat.S_ISDIR(before.st_mode) and os.geteuid() in (0, before.st_uid)
        if is_ours and Readers.group is not None and _is_given_to_group(path, before.st_gid):
            os.chmod(path, stat.S_IMODE(before.st_mode) | FOLDER_FOR_GROUP)


def _is_given_to_group(what: str | int, present: int) -> bool:
    if Readers.group is None:
        return False
    if present != Readers.group:
        try:
            os.chown(what, -1, Readers.group, follow_symlinks=isinstance(what, int))
        except OSError:  # only members may give a file to their group
            return False
    return True
