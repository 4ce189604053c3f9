"""Detects that the catalogue's files were removed or replaced while this process has them open.

SQLite does not check this: the process would go on writing into a file without a name. Nothing
here opens a file, because closing any descriptor of the database would drop SQLite's own locks on
it.
"""

import contextlib
import os
from collections.abc import Iterator
from enum import Enum

SUFFIXES = ("", "-wal", "-shm")

Identity = tuple[int, int]
"""Device and inode. While a file is open, no other file gets its inode number."""


class Loss(Enum):
    CATALOG_REMOVED = "removed"
    CATALOG_REPLACED = "replaced"
    LOG_LOST = "without its log"


class OpenFiles:
    """The database, its write-ahead log and the log's index, as they were just after opening."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._identities = {suffix: _identity(path + suffix) for suffix in SUFFIXES}

    def loss(self) -> Loss | None:
        """Say what was lost. A name that cannot be checked is unknown, and unknown is never lost."""
        if not self._is_ours(""):
            return Loss.CATALOG_REPLACED if os.path.lexists(self._path) else Loss.CATALOG_REMOVED
        return None if self._is_ours("-wal") and self._is_ours("-shm") else Loss.LOG_LOST

    def foreign(self) -> list[str]:
        """List the log files beside the database that another program made."""
        names = [self._path + suffix for suffix in SUFFIXES[1:] if not self._is_ours(suffix)]
        return [name for name in names if os.path.lexists(name)]

    @contextlib.contextmanager
    def sparing_others(self) -> Iterator[None]:
        """Keep the log files of another program while the database is closed inside.

        SQLite removes the log by its name, even if the file is not ours.
        """
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
    """Return None if the name is free. Raises OSError if that is unknown."""
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status.st_dev, status.st_ino
