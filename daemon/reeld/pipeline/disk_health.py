"""Track which libraries' disks are in trouble, so that the jobs of their files pause.

A disk that does not respond would block one worker after the other. A disk that responds with errors would
fail thousands of files, though no file is at fault. Either way the library pauses: its jobs wait, without
counting an attempt, and the other libraries go on.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from reeld.domain.files import readable

# Read errors of so many files in a row, with none read in between, are the disk's fault; fewer are the files'.
FILES_IN_A_ROW = 3

# 30 s, a minute, and so on. This spares a dying disk, and notices within the hour that a disk works again.
FIRST_PAUSE_S = 30.0
LONGEST_PAUSE_S = 3600.0


@dataclass(slots=True)
class _Errors:
    """Read errors of one library since it last read a file without one."""

    files: set[int | str] = field(default_factory=set)
    pause_s: float = 0.0
    paused_until: float = 0.0

    @property
    def is_the_disk(self) -> bool:
        return len(self.files) >= FILES_IN_A_ROW


class DiskHealth:
    """What is known about each library's disk, by the library's path. Any number of threads may use it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._stalled: Mapping[str, str] = {}
        self._silent: frozenset[str] = frozenset()
        self._errors: dict[str, _Errors] = {}
        self._paused: set[str] = set()

    def must_pause(self, root: str) -> bool:
        """Whether no job of this library may begin now. The caller then pauses the jobs and calls `mark_paused`."""
        with self._lock:
            return self._must_pause(root)

    def mark_paused(self, root: str) -> None:
        """Record that the library's jobs are paused."""
        with self._lock:
            self._paused.add(root)

    def read_one(self, root: str) -> None:
        """Record that a file was read, so the disk works."""
        with self._lock:
            self._errors.pop(root, None)

    def failed_to_read(self, root: str, file: int | str) -> bool:
        """Record that a file could not be read; return whether that is the disk's fault, not the file's.

        `file` is a video's id, or the path of another file.
        """
        with self._lock:
            errors = self._errors.setdefault(root, _Errors())
            if not errors.is_the_disk:
                errors.files.add(file)
            if errors.is_the_disk and self._clock() >= errors.paused_until:
                errors.pause_s = min(max(FIRST_PAUSE_S, 2 * errors.pause_s), LONGEST_PAUSE_S)
                errors.paused_until = self._clock() + errors.pause_s
            return errors.is_the_disk

    def do_not_answer(self, stalled: Mapping[str, str], silent: frozenset[str]) -> None:
        """Replace the disks that keep a thread waiting: `stalled` for too long, each with what for; `silent` at all."""
        with self._lock:
            self._stalled, self._silent = stalled, silent

    def is_answering(self, root: str) -> bool:
        """Whether no thread waits for this disk, so that another may use it."""
        with self._lock:
            return root not in self._silent

    def may_resume(self) -> list[str]:
        """Return the libraries whose jobs are paused and may go on."""
        with self._lock:
            return [root for root in self._paused if not self._must_pause(root)]

    def mark_resumed(self, root: str) -> None:
        """Record that the library's jobs go on."""
        with self._lock:
            self._paused.discard(root)

    @property
    def is_calm(self) -> bool:
        """Whether every disk answers, and no library's jobs are paused."""
        with self._lock:
            return not (self._stalled or self._silent or self._paused)

    def trouble(self, root: str) -> str | None:
        """Say what is wrong with the disk, for the user; None if nothing is."""
        with self._lock:
            errors = self._errors.get(root)
            if root in self._stalled:
                what = readable(self._stalled[root])
                return f"its disk does not answer ({what}); its files wait until it does. Check the disk or the network"
            if errors is not None and errors.is_the_disk:
                return (
                    f"its disk answers with read errors; its files are tried again every {errors.pause_s / 60:g} min. "
                    "Check the disk, and have a copy of what lies on it"
                )
            return None

    def _must_pause(self, root: str) -> bool:
        errors = self._errors.get(root)
        return root in self._stalled or (errors is not None and self._clock() < errors.paused_until)
