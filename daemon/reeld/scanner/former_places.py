"""Tell whether files of libraries that are not configured any more have left their places.

A removed library is not scanned. A file that was moved from it to another disk is known by its content, once the copy
is hashed (`catalog/copies.py`). Then its old place is looked at. The file is gone only if its library's root, and the
disk of its folder, are certainly those of before, the folder can be read, and no other name in that library shows the
file. An unplugged disk, an unreadable folder, a disk that does not answer: all that is unknown.

A program may delete the original long after the copy was hashed. So where the original is still there, or nothing is
known, the same is asked again later.
"""

import os
import stat
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace

from reeld.catalog import copies, libraries, video_files
from reeld.database.connection import reading
from reeld.domain.files import FileStamp
from reeld.domain.records import FileRecord, KnownFile, Place
from reeld.errors import Interrupted
from reeld.scanner.root_check import Root
from reeld.watch.inode_search import still_exist
from reeld.watch.walk import Found, stat_names

# Ask again when a copy has become twice as old, so that a disk that sleeps is hardly woken.
SHORTEST_DELAY_S, LONGEST_DELAY_S = 15.0, 6 * 3600.0

# How long a thread waits for another one, which may wait for a dead disk.
LONGEST_WAIT_S = 5.0

# Copies that wait in memory. Those beyond are asked at the next start.
MOST_WAITING = 10_000


@dataclass(slots=True, kw_only=True)
class FormerPlaces:
    """Looks at the old places of files of removed libraries. Any thread may call it, but not within a transaction."""

    does_answer: Callable[[str], bool] = lambda _root: True
    """Whether this root's disk answers. One that does not is not asked: the call might never return."""
    at_disk: Callable[[str, str], AbstractContextManager[None]] = lambda _root, _path: nullcontext()
    """The context in which the thread may wait for this root's disk."""
    should_stop: Callable[[], bool] = lambda: False
    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    monotonic: Callable[[], float] = time.monotonic
    _disks: threading.Lock = field(default_factory=threading.Lock)
    """One thread at a time looks, so that a dead disk keeps only one waiting."""
    _waiting: dict[int, float] = field(default_factory=dict)
    """Copies to ask about again, by id, and when. A dict's single operations are atomic."""

    def gone(self, copy: FileRecord) -> Sequence[int]:
        """Return a file that this one may be a copy of and that is certainly gone, if any. Raises Interrupted."""
        now_ms = self.now_ms()
        with reading():
            candidates = copies.left_behind(copy.id, now_ms)
            roots = libraries.roots_not_configured()
            known = video_files.known_by_id([each.id for each in candidates])
        for each in candidates:
            if self._is_gone(roots.get(each.library_id), known[each.id], copy):
                return [each.id]
        if candidates and len(self._waiting) < MOST_WAITING:
            age_s = (now_ms - candidates[0].copied_at_ms) / 1000
            delay_s = min(max(SHORTEST_DELAY_S, age_s), LONGEST_DELAY_S)
            self._waiting[copy.id] = self.monotonic() + delay_s
        return ()

    @property
    def has_waiting(self) -> bool:
        """Whether `take_due` will return something."""
        return bool(self._waiting)

    def take_due(self) -> list[int]:
        """Return the copies that must be asked about again now."""
        now = self.monotonic()
        due = [video_file_id for video_file_id, at in list(self._waiting.items()) if at <= now]
        for video_file_id in due:
            self._waiting.pop(video_file_id, None)
        return due

    def _is_gone(self, root: str | None, known: KnownFile, copy: FileRecord) -> bool:
        if root is None or not self.does_answer(root):
            return False
        with self.at_disk(root, known.path):
            if not self._disks.acquire(timeout=LONGEST_WAIT_S):
                return False
            try:
                return self._has_left(Root(place=Place(known.library_id, root)), known, copy)
            finally:
                self._disks.release()

    def _has_left(self, root: Root, known: KnownFile, copy: FileRecord) -> bool:
        directory, name = os.path.split(known.was_at)
        seen = root.proven_at(directory)
        if seen is None:
            return False
        found = stat_names(root.place.root, directory, [name], seen=seen)
        if not isinstance(found, Found) or name not in found.by_name or _is_file(found.by_name[name]):
            return False
        # A walk follows no links. The user may have put one in the place of a folder, which leads to the file.
        if _leads_to_file(os.path.join(root.place.root, known.was_at), apart_from=copy.stamp):
            return False
        # A device's number may change with a boot.
        stamp = replace(known.stamp, device=found.device)
        if stamp.inode and still_exist([stamp], [root.place.root], on_folder=self._go_on):
            return False
        again = root.proven_at(directory)
        return again is not None and seen.is_still(again)

    def _go_on(self) -> None:
        if self.should_stop():
            raise Interrupted("the search for an original was not finished, because reeld was asked to stop")


def _is_file(status: os.stat_result | None) -> bool:
    return status is not None and stat.S_ISREG(status.st_mode)


def _leads_to_file(path: str, *, apart_from: FileStamp) -> bool:
    """Whether there is, or may be, a file at this path, other than the one with this stamp."""
    try:
        status = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True  # unknown is never gone
    return _is_file(status) and (status.st_dev, status.st_ino) != (apart_from.device, apart_from.inode)
