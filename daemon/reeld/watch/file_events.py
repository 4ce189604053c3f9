"""Tells when one of a few files came or went, or another was written to, so that they need not be checked each second.

The files lie in folders of our own, such as the catalogue's. Libraries have observers (`observer.py`), which follow
whole trees in threads of their own. Here one descriptor is read by the thread that polls it.
"""

import contextlib
import ctypes
import os
import struct
from collections.abc import Collection, Iterator

_IN_MODIFY = 0x2
_IN_MOVED_FROM = 0x40
_IN_MOVED_TO = 0x80
_IN_CREATE = 0x100
_IN_DELETE = 0x200
_IN_DELETE_SELF = 0x400
_IN_MOVE_SELF = 0x800
_IN_UNMOUNT = 0x2000
_IN_Q_OVERFLOW = 0x4000
_IN_IGNORED = 0x8000

_IN_FOLDER = _IN_MODIFY | _IN_MOVED_FROM | _IN_MOVED_TO | _IN_CREATE | _IN_DELETE
_ITSELF = _IN_MOVE_SELF | _IN_DELETE_SELF
_IS_LOST = _ITSELF | _IN_UNMOUNT | _IN_Q_OVERFLOW | _IN_IGNORED

_EVENT = struct.Struct("iIII")  # watch, mask, cookie, length of the name
_BUFFER_BYTES = 64 << 10

_libc = ctypes.CDLL(None, use_errno=True)


def way_to(path: str) -> list[str]:
    """List a path and every folder above it, as it is named and as its links lead, the outermost first.

    If none of them is moved or deleted, the path still means the same, unless something is mounted over it.
    """
    found: dict[str, None] = {}
    for each in (os.path.abspath(path), os.path.realpath(path)):
        parts = each.split("/")[1:]
        found |= dict.fromkeys("/" + "/".join(parts[: count + 1]) for count in range(len(parts)))
    return [each for each in found if each != "/"]


class FileEvents:
    """Watches files by their names, and the folders on the way to them. For one thread. A file need not exist.

    `paths` are the files that may come and go, `written` those of them whose every change counts.
    `is_complete` is False while that fails: then the caller must check the files itself, and call `renew`. Raises
    OSError if the kernel has no inotify left.
    """

    def __init__(self, paths: Collection[str], written: Collection[str] = ()) -> None:
        self.is_complete = False
        self._written = {os.fsencode(os.path.basename(path)) for path in {*written, *map(os.path.realpath, written)}}
        self._names: dict[str, set[bytes]] = {}
        for path in {*paths, *map(os.path.realpath, paths)}:
            folder, name = os.path.split(path)
            self._names.setdefault(folder, set()).add(os.fsencode(name))
        self._watches: dict[int, set[bytes]] = {}
        """By the kernel's number, the names that matter in a folder. Only the folder itself, where there are none."""
        self._descriptor: int = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._descriptor < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        self.renew()

    def fileno(self) -> int:
        return self._descriptor

    def close(self) -> None:
        os.close(self._descriptor)

    def renew(self) -> None:
        """Watch again what is at the paths now, if a watch was lost. Check the files after this call, not before."""
        if self.is_complete:
            return
        for watch in self._watches:
            _libc.inotify_rm_watch(self._descriptor, watch)
        self._watches = {}
        above = {folder for named in self._names for folder in way_to(named)} - self._names.keys()
        is_each_watched = [
            *(self._watch(folder, _ITSELF, set()) for folder in sorted(above)),
            *(self._watch(folder, _ITSELF | _IN_FOLDER, names) for folder, names in self._names.items()),
        ]
        self.is_complete = all(is_each_watched)

    def take(self) -> bool:
        """Return whether something happened to one of the files since the last call. It never waits."""
        has_happened = False
        for watch, mask, name in self._read():
            if mask & _IN_Q_OVERFLOW or (watch in self._watches and mask & _IS_LOST):
                self.is_complete, has_happened = False, True
            elif name in self._watches.get(watch, ()) and (mask != _IN_MODIFY or name in self._written):
                has_happened = True
        return has_happened

    def _watch(self, path: str, mask: int, names: set[bytes]) -> bool:
        watch = _libc.inotify_add_watch(self._descriptor, os.fsencode(path), mask)
        if watch < 0:
            return False
        self._watches.setdefault(watch, set()).update(names)
        return True

    def _read(self) -> Iterator[tuple[int, int, bytes]]:
        with contextlib.suppress(BlockingIOError):
            while True:
                events = os.read(self._descriptor, _BUFFER_BYTES)
                at = 0
                while at < len(events):
                    watch, mask, _cookie, length = _EVENT.unpack_from(events, at)
                    at += _EVENT.size + length
                    yield watch, mask, events[at - length : at].rstrip(b"\0")
