"""Finds out whether a folder and its files can be written, and if not, why.

Rights alone do not say it: a mount, an attribute, a quota, a full disk or a security module may forbid it. So a file
without a name is written there. The kernel removes it when it is closed, so nothing is left behind.
"""

import contextlib
import errno
import fcntl
import os
import struct
import tempfile

from reeld.domain.files import readable

Trouble = tuple[str, str]
"""What is wrong, and what to do."""

# FS_IOC_GETFLAGS of ioctl_iflags(2) on 64-bit machines, and two of its flags.
_GET_ATTRIBUTES = 0x80086601
_ATTRIBUTES = {0x10: ("immutable", "i"), 0x20: ("append-only", "a")}

# A quota, or a full disk, lets a file be made and refuses its content.
_TRIED_BYTES = 64 << 10

_HINTS = {
    errno.EROFS: "mount it for writing, after a check of its log for errors of the disk",
    errno.ENOSPC: "free some space, or inodes, on that disk",
    errno.EDQUOT: "raise the quota of the user that runs reeld, or free some of it",
    errno.EIO: "check that disk",
}
_GRANT = "give the user that runs reeld the right to write there"


def folder_trouble(folder: str, *, tries: bool) -> Trouble | None:
    """Say why no file can be made and written in this folder, or return None.

    Without `tries` no file is made: only what is the same for every user is asked, and this user's rights are not
    (unless there is no other to ask about).
    """
    name = readable(folder)
    if not os.path.isdir(folder):
        return f"{name} is not a folder", "name a folder under [database] path, or move away what is there"
    try:
        if os.statvfs(folder).f_flag & os.ST_RDONLY:
            return f"{name} is not writable: its disk is mounted read-only", _HINTS[errno.EROFS]
        if (trouble := _attribute_trouble(folder)) is None and tries:
            _write_a_file_without_a_name(folder)
    except OSError as err:
        return _trouble(name, err)
    return trouble


def file_trouble(path: str) -> Trouble | None:
    """Say why an existing file cannot be written, or return None. Its content is not touched."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK))
    except FileNotFoundError:
        return None
    except OSError as err:
        if err.errno == errno.ELOOP:  # a link, which SQLite follows
            return None
        return _attribute_trouble(path) or _trouble(readable(path), err)
    return _attribute_trouble(path)


def _write_a_file_without_a_name(folder: str) -> None:
    try:
        descriptor = os.open(folder, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    except OSError as err:
        if err.errno not in (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL):
            raise
        # This file system knows no such files.
        descriptor, path = tempfile.mkstemp(prefix=".reeld-doctor-", dir=folder)
        os.unlink(path)
    try:
        os.write(descriptor, bytes(_TRIED_BYTES))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _attribute_trouble(path: str) -> Trouble | None:
    """Say which attribute of chattr(1) forbids writing. None also where the file system knows none."""
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            (flags,) = struct.unpack("l", fcntl.ioctl(descriptor, _GET_ATTRIBUTES, bytes(struct.calcsize("l"))))
        finally:
            os.close(descriptor)
        for flag, (what, letter) in _ATTRIBUTES.items():
            if flags & flag:
                return (
                    f"{readable(path)} is not writable: it is {what}",
                    f"type: sudo chattr -{letter} {readable(path)}",
                )
    return None


def _trouble(name: str, err: OSError) -> Trouble:
    return f"{name} is not writable ({err.strerror})", _HINTS.get(err.errno or 0, _GRANT)
