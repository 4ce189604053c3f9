"""Are the files under the catalogue's names still those that this process has open?

SQLite does not ask: whoever removes the file, or puts another in its place, lets a running process write on into a
file that nobody will ever see again. Nothing here opens a file: closing any descriptor of the database would drop
SQLite's own locks on it.
"""

import contextlib
import os
from collections.abc import Iterator
from enum import Enum

SUFFIXES = ("", "-wal", "-shm")

Identity = tuple[int, int]
"""Device and inode. An open file keeps its inode number from being given to another."""


class Loss(Enum):
    CATALOG_REMOVED = "removed"
    CATALOG_REPLACED = "replaced"
    LOG_LOST = "without its log"


class OpenFiles:
    """The database, its write-ahead log and the log's index, as they were when they had just been opened."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._identities = {suffix: _identity(path + suffix) for suffix in SUFFIXES}

    def loss(self) -> Loss | None:
        """What is not ours any more. A name that cannot be looked at is unknown, and unknown is never lost."""
        if not self._is_ours(""):
            return Loss.CATALOG_REPLACED if os.path.lexists(self._path) else Loss.CATALOG_REMOVED
        return None if self._is_ours("-wal") and self._is_ours("-shm") else Loss.LOG_LOST

    def foreign(self) -> list[str]:
        """The files beside the database, under its log's names, that somebody else made."""
        names = [self._path + suffix for suffix in SUFFIXES[1:] if not self._is_ours(suffix)]
        return [name for name in names if os.path.lexists(name)]

    @contextlib.contextmanager
    def sparing_others(self) -> Iterator[None]:
        """Close the database inside: SQLite removes the log by its name, also one that is not ours."""
        spared = [(name, f"{name}.spared") for name in self.foreign()]
        for name, other in spared:
            with contextlib.suppress(OSError):
                os.link(name, other)
        try:
            yield
        finally:
            for name, other in spared:
                with contextlib.suppress(OSError):
                    os.rename(other, name)

    def _is_ours(self, suffix: str) -> bool:
        try:
            return _identity(self._path + suffix) == self._identities[suffix]
        except OSError:
            return True


def _identity(path: str) -> Identity | None:
    """None when nothing has that name. Raises OSError when that cannot be told."""
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status.st_dev, status.st_ino
