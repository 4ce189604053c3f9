"""Remembers the directories of a library that should be listed soon.

A hint is only a reason to list: it may come too often, too early or for a directory that is gone.
No hint may be lost. The memory is bounded by directories, not by events: 60,000 events in one
folder are one hint. (Measured: a queue of events grew to 300,000 entries and 85 MB.)
"""

import threading
from collections import OrderedDict
from dataclasses import dataclass

# With this many directories marked, a full walk is no dearer than listing each. About 2 MB.
MOST_HINTS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """A directory to list; with `is_recursive`, all below it too. '' is the root."""

    relative: str
    is_recursive: bool


EVERYTHING = Hint(relative="", is_recursive=True)


class DirtyDirectories:
    """The directories of one library that should be listed. Any thread may call any method."""

    def __init__(self, *, capacity: int = MOST_HINTS) -> None:
        self._capacity = capacity
        self._pending: OrderedDict[str, bool] = OrderedDict()
        self._changed = threading.Condition()
        self._is_woken = False

    def mark(self, relative: str, *, is_recursive: bool = False) -> None:
        """Mark a directory. Beyond the capacity, all hints together become one full walk."""
        with self._changed:
            if self._is_covered(relative):
                return
            self._pending[relative] = is_recursive or self._pending.get(relative, False)
            if len(self._pending) > self._capacity:
                self._pending.clear()
                self._pending[EVERYTHING.relative] = EVERYTHING.is_recursive
            self._changed.notify_all()

    def mark_everything(self) -> None:
        """Request a walk of the whole library."""
        self.mark(EVERYTHING.relative, is_recursive=EVERYTHING.is_recursive)

    def take(self) -> Hint | None:
        """Return the oldest hint, or None.

        The hint is removed before the listing starts. An event that arrives during the listing
        marks the directory again, so it is not lost. A hint below a tree that is still due for a
        walk is dropped.
        """
        with self._changed:
            while self._pending:
                relative, is_recursive = self._pending.popitem(last=False)
                if not self._is_covered(relative):
                    return Hint(relative=relative, is_recursive=is_recursive)
            return None

    def wait(self, timeout_s: float | None) -> bool:
        """Wait for a hint, for `wake` or for the timeout. Return whether there is a hint."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._pending) or self._is_woken, timeout_s)
            self._is_woken = False
            return bool(self._pending)

    def wake(self) -> None:
        """Make the present `wait`, or the next one, return at once."""
        with self._changed:
            self._is_woken = True
            self._changed.notify_all()

    def __len__(self) -> int:
        with self._changed:
            return len(self._pending)

    def _is_covered(self, relative: str) -> bool:
        """Tell whether a tree above is marked for a walk. Goes upwards only, so it costs the depth."""
        while relative:
            relative = relative.rpartition("/")[0]
            if self._pending.get(relative, False):
                return True
        return False
