"""Which libraries' disks are in trouble, so that their files' jobs had better wait?

A disk that does not answer would take one worker after the other; one that answers with errors would have thousands
of files set aside, one after the other, for what is no file's fault. Either way the library rests: its jobs wait,
without attempts, and the others go on.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from reeld.domain.files import readable

# Read errors of so many files, one after the other and none read in between, are the disk's. Of fewer, the files'.
FILES_IN_A_ROW = 3

# 30 s, a minute, and so on: nobody wears out a dying disk, and one that is well again is noticed the same hour.
FIRST_REST_S = 30.0
LONGEST_REST_S = 3600.0


@dataclass(slots=True)
class _Errors:
    """Read errors of one library since it last read a file without one."""

    files: set[int | str] = field(default_factory=set)
    rest_s: float = 0.0
    rests_until: float = 0.0

    @property
    def is_the_disk(self) -> bool:
        return len(self.files) >= FILES_IN_A_ROW


class DiskHealth:
    """What is known of each library's disk, by the library's path. For any number of threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._stalled: Mapping[str, str] = {}
        self._silent: frozenset[str] = frozenset()
        self._errors: dict[str, _Errors] = {}
        self._paused: set[str] = set()

    def must_rest(self, root: str) -> bool:
        """Whether no job of this library may begin now. Whoever is told so lets them wait, and says `rests`."""
        with self._lock:
            return self._is_resting(root)

    def rests(self, root: str) -> None:
        """Its jobs wait from now on."""
        with self._lock:
            self._paused.add(root)

    def read_one(self, root: str) -> None:
        """A file was read: whatever was wrong with this disk is over."""
        with self._lock:
            self._errors.pop(root, None)

    def failed_to_read(self, root: str, file: int | str) -> bool:
        """A video, by its id, or another file, by its path, could not be read; whether that is the disk's fault rather
        than the file's.
        """
        with self._lock:
            errors = self._errors.setdefault(root, _Errors())
            if not errors.is_the_disk:
                errors.files.add(file)
            if errors.is_the_disk and self._clock() >= errors.rests_until:
                errors.rest_s = min(max(FIRST_REST_S, 2 * errors.rest_s), LONGEST_REST_S)
                errors.rests_until = self._clock() + errors.rest_s
            return errors.is_the_disk

    def do_not_answer(self, stalled: Mapping[str, str], silent: frozenset[str]) -> None:
        """These, and no others, keep a thread waiting: for something of theirs, and the `silent` not for long yet."""
        with self._lock:
            self._stalled, self._silent = stalled, silent

    def is_answering(self, root: str) -> bool:
        """Whether no thread waits for this disk, so that another may ask it something."""
        with self._lock:
            return root not in self._silent

    def rested(self) -> list[str]:
        """The libraries whose jobs wait and need to no longer."""
        with self._lock:
            return [root for root in self._paused if not self._is_resting(root)]

    def goes_on(self, root: str) -> None:
        """Its jobs wait no more."""
        with self._lock:
            self._paused.discard(root)

    def trouble(self, root: str) -> str | None:
        """What is wrong with the disk, for a person; None while nothing is."""
        with self._lock:
            errors = self._errors.get(root)
            if root in self._stalled:
                what = readable(self._stalled[root])
                return f"its disk does not answer ({what}); its files wait until it does. Check the disk or the network"
            if errors is not None and errors.is_the_disk:
                return (
                    f"its disk answers with read errors; its files are tried again every {errors.rest_s / 60:g} min. "
                    "Check the disk, and have a copy of what lies on it"
                )
            return None

    def _is_resting(self, root: str) -> bool:
        errors = self._errors.get(root)
        return root in self._stalled or (errors is not None and self._clock() < errors.rests_until)
