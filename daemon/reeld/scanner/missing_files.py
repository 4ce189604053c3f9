"""Mark known files missing once two scans did not find them, unless so many that the user must confirm.

Unknown is never absent. A file counts as gone only if its folder was listed to its end or is certainly not there, and
the library's root was the same before and after. One scan is not enough: a file is missing when a confirming scan, a
quiet period later, does not find it either. So a move under way, or a disk that comes back at once, costs nothing.
When very many files are gone at once (a mass deletion), the library is on hold until the user confirms.

One `MissingFiles` serves one library, from one thread. Its state lives as long as the process.
"""

import heapq
import math
import os
import time
from array import array
from collections import deque
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

from reeld.catalog import libraries, video_files
from reeld.database.connection import reading, writing
from reeld.domain.records import Place
from reeld.log import get_logger
from reeld.scanner.moved_files import StatNames
from reeld.scanner.root_check import accept_command
from reeld.watch.hints import Hint
from reeld.watch.rules import Rules

DIRECTORIES_AT_ONCE = 1000
"""So many folders of the catalogue are in memory at once, of the 40,000 that a library of 100,000 files may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanCoverage:
    """What a scan covered: the folders `walked`, and all of `below` that is not `unknown`."""

    walked: Collection[str]
    below: Collection[str]
    """Folders where each folder at or below was listed, is unknown, or is not there any more."""
    unknown: Collection[str] = frozenset()
    """Folders that could not be listed, were not entered or cannot be trusted, with all below."""
    is_whole: bool = False
    """Whether the whole library was walked."""

    def covers(self, directory: str) -> bool:
        """Whether it is known what the folder holds, including nothing because it is gone."""
        if is_below_any(directory, self.unknown):
            return False
        return directory in self.walked or is_below_any(directory, self.below)


def is_below_any(directory: str, folders: Collection[str]) -> bool:
    """Whether one of the folders is this one or lies above it. Costs the depth, however many folders there are."""
    while directory and directory not in folders:
        directory = directory.rpartition("/")[0]
    return directory in folders


log = get_logger()

# The user must confirm when more files than both of these are gone at once: a deleted season is less, a disk is more.
MOST_AT_ONCE = 20
SHARE_AT_ONCE = 0.1

AT_ONCE_S = 60.0
"""Deletions within this window count as one."""

LEAST_PAUSE_S = 0.1
"""The least time between two scans, for libraries without a quiet period."""

RETRY_S = 30.0
"""When to scan a folder again whose confirming scan did not succeed; the rescan of everything comes by as well."""


@dataclass(slots=True)
class _Folder:
    """The ids of a folder's files that scans did not find. Eight bytes each: there may be a million."""

    once: "list[tuple[float, array[int]]]"
    """When the first scan that did not find them had ended."""
    twice: "array[int]"
    rescan_at: float = math.inf


@dataclass(slots=True, kw_only=True)
class MissingFiles:
    """Counts the present files of one library that scans did not find."""

    place: Place
    rules: Rules
    stat_names: StatNames
    now_ms: Callable[[], int]
    quiet_s: float = 0.0
    monotonic: Callable[[], float] = time.monotonic
    held: str | None = None
    """Why the library is on hold and no file is marked missing now, for the user; None if it is not."""
    is_accepted: bool = False
    """Whether the user confirmed that all files that are not there are gone; see `accept`."""
    _gone: "dict[str, array[int]]" = field(default_factory=dict)
    """What the current scan did not find, by folder."""
    _begun_at: float = 0.0
    _folders: dict[str, _Folder] = field(default_factory=dict)
    _due: list[tuple[float, str]] = field(default_factory=list)
    """A heap of when to scan which folder again. Outdated entries are ignored."""
    _recently: "deque[tuple[float, array[int]]]" = field(default_factory=deque)
    """When which files were marked missing."""
    _walked_at: float | None = None
    """When the whole library was first scanned since `start_again` or `accept`."""

    # --- one scan ----------------------------------------------------------------------------------------

    def begin_scan(self) -> None:
        """Forget what an unfinished scan did not find."""
        self._gone = {}
        self._begun_at = self.monotonic()

    def note_gone(self, directory: str, gone: Collection[int]) -> None:
        """Note the ids of the folder's present files that its listing does not show and that were not moved."""
        if gone:
            self._gone[directory] = array("q", gone)

    def apply_coverage(self, look: ScanCoverage) -> None:
        """Count what a finished scan did not find. The root was the same before and after it."""
        gone, self._gone = self._gone, {}
        gone |= self._not_walked(look)
        for directory in {*self._folders, *gone}:
            if look.covers(directory):
                self._count(directory, gone.get(directory, array("q")))
            elif look.is_whole:
                self._folders.pop(directory, None)  # nothing is known of it, so the next scan is a first one
        if look.is_whole and self._walked_at is None:
            self._walked_at = self.monotonic()
        if self._first_due() > self.monotonic():
            self._decide()  # else the confirming scans that are due come first, and all of them count together

    def _not_walked(self, look: ScanCoverage) -> "dict[str, array[int]]":
        """By folder the present files in folders that were covered and not walked.

        Either such a folder is certainly not there any more, or the rules skip it.
        """
        gone: dict[str, array[int]] = {}
        for below in look.below:
            for directory in self._present_directories(below):
                is_asked = directory in look.walked or directory in gone
                if not is_asked and not is_below_any(directory, look.unknown):
                    gone[directory] = array("q", self._not_in(directory))
        return gone

    def _present_directories(self, below: str) -> Iterator[str]:
        """Yield the folders with present files, a few at a time: a large library has very many."""
        after: str | None = None
        while True:
            with reading():
                some = video_files.present_directories(
                    self.place.library_id, below, after=after, most=DIRECTORIES_AT_ONCE
                )
            yield from some
            if len(some) < DIRECTORIES_AT_ONCE:
                return
            after = some[-1]

    def _not_in(self, directory: str) -> list[int]:
        """The ids of the present files of an unwalked folder that are gone. The others are recorded as skipped."""
        reason = self.rules.why_skip_directory(directory)
        with reading():
            if reason is None:
                return video_files.present_in_directory(self.place.library_id, directory)
            known = video_files.known_in_directory(self.place.library_id, directory)
        ids = {os.path.basename(row.path): row.id for row in known.values() if row.is_present}
        found = self.stat_names(self.place.library_id, directory, ids)
        by_name = {} if found is None else found.by_name
        gone = {row_id for name, row_id in ids.items() if name in by_name and by_name[name] is None}
        with writing():
            video_files.record_all_skipped(
                [row_id for row_id in ids.values() if row_id not in gone], reason, self.now_ms()
            )
        return list(gone)

    def _count(self, directory: str, gone: "array[int]") -> None:
        """Count the files of one folder that the scan did not find: for the first or for the second time."""
        known = self._folders.pop(directory, None) or _Folder([], array("q"))
        if not gone:
            return
        left = set(gone)
        twice = array("q", left.intersection(known.twice))
        once = []
        for since, ids in known.once:
            still = left.intersection(ids)
            left -= still
            if self._begun_at >= since + self._pause_s:
                twice.extend(still)
            elif still:
                once.append((since, array("q", still)))
        if fresh := left.difference(twice):
            once.append((self.monotonic(), array("q", fresh)))
        self._folders[directory] = _Folder(once, twice)
        if once:
            self._rescan_directory(directory, once[0][0] + self._pause_s)

    def held_files(self) -> list[int]:
        """The ids of the files that two scans did not find and that are on hold."""
        return [] if self.held is None else [each for folder in self._folders.values() for each in folder.twice]

    # --- the confirming scan -----------------------------------------------------------------------------

    @property
    def _pause_s(self) -> float:
        return max(self.quiet_s, LEAST_PAUSE_S)

    def next_due(self) -> float | None:
        """When the next folder must be scanned again, in seconds of the monotonic clock; None if there is none."""
        first = self._first_due()
        return None if first == math.inf else first

    def take_due(self) -> Hint | None:
        """Return a folder that must be scanned again now; None if there is none yet.

        One at a time: a scan that finds a folder gone spares the scans of all folders below it.
        """
        if self._first_due() > self.monotonic():
            return None
        _, directory = heapq.heappop(self._due)
        self._rescan_directory(directory, self.monotonic() + RETRY_S)
        return Hint(relative=directory, is_recursive=False)

    def _first_due(self) -> float:
        while self._due:
            at, directory = self._due[0]
            if (folder := self._folders.get(directory)) is not None and folder.rescan_at == at:
                return at
            heapq.heappop(self._due)
        return math.inf

    def _rescan_directory(self, directory: str, at: float) -> None:
        self._folders[directory].rescan_at = at
        heapq.heappush(self._due, (at, directory))

    def start_again(self, *, was_held: bool) -> None:
        """Start again after the library, or reeld, was away: no earlier scan counts, and no earlier confirmation.

        A library that was on hold stays so until all of it was scanned.
        """
        self.is_accepted = False
        self._folders.clear()
        self._recently.clear()
        self._walked_at = None
        if was_held and self.held is None:
            self.held = (
                f"very many files were gone at the last scan, and none of them is marked missing yet; "
                f"{self._what_to_do()}"
            )

    def accept(self) -> None:
        """Take the user's word, from the next whole scan on, that all files that are not there are gone."""
        if not self.is_accepted:
            self.is_accepted, self._walked_at = True, None

    # --- deciding ----------------------------------------------------------------------------------------

    def _decide(self) -> None:
        """Mark files missing after two scans, unless so many that the user must confirm."""
        self._forget_long_ago()
        twice, once, recently = self._sums()
        if twice and not self.is_accepted and twice + once + recently > self._limit(recently):
            self._forget_moved()
            twice, once, recently = self._sums()
        limit = self._limit(recently) if twice else math.inf
        is_inherited = self.held is not None and self._walked_at is None
        if self.is_accepted or (twice + once + recently <= limit and not is_inherited):
            self._record()
        elif twice + recently > limit:
            self.held = self._why_held(twice)
        # Else so many were not found once that their confirming scan decides.
        if self._walked_at is not None:
            self._release()

    def _release(self) -> None:
        """End the hold, or the confirmation, once the whole library was scanned and nothing more is gone."""
        if self.is_accepted and not any(self._is_accepted_missing(folder) for folder in self._folders.values()):
            with writing():
                libraries.end_acceptance(self.place.library_id)
            self.is_accepted, self.held = False, None
            self._recently.clear()
        elif not any(folder.twice or folder.once for folder in self._folders.values()):
            self.held = None

    def _is_accepted_missing(self, folder: _Folder) -> bool:
        """Whether it lacks files since before the first whole scan after the confirmation had ended."""
        return bool(folder.twice) or any(since <= (self._walked_at or 0.0) for since, _ in folder.once)

    def _sums(self) -> tuple[int, int, int]:
        """How many were not found twice, not found once, and marked missing just now (and did not return since)."""
        folders = self._folders.values()
        with reading():
            recently = video_files.missing_count([each for _, ids in self._recently for each in ids])
        return (
            sum(len(folder.twice) for folder in folders),
            sum(len(ids) for folder in folders for _, ids in folder.once),
            recently,
        )

    def _limit(self, recently: int) -> float:
        with reading():
            present = video_files.present_count(self.place.library_id)
        return max(MOST_AT_ONCE, SHARE_AT_ONCE * (present + recently))

    def _forget_long_ago(self) -> None:
        while self.held is None and self._recently and self._recently[0][0] < self.monotonic() - AT_ONCE_S:
            self._recently.popleft()

    def _forget_moved(self) -> None:
        """Forget files that have other paths now: a renamed folder may be scanned before its new name is."""
        library_id = self.place.library_id
        for directory, folder in list(self._folders.items()):
            with reading():
                there = set(video_files.present_in_directory(library_id, directory))
            folder.twice = array("q", there.intersection(folder.twice))
            left = [(since, array("q", there.intersection(ids))) for since, ids in folder.once]
            folder.once = [(since, ids) for since, ids in left if ids]
            if not folder.twice and not folder.once:
                del self._folders[directory]

    def _record(self) -> None:
        gone = {directory: folder.twice for directory, folder in self._folders.items() if folder.twice}
        if not gone:
            return
        with writing():
            for directory, ids in gone.items():
                video_files.record_missing(ids, self.place.library_id, directory, self.now_ms())
        log.info("file.missing", count=sum(map(len, gone.values())))
        if not self.is_accepted:
            self._recently += [(self.monotonic(), ids) for ids in gone.values()]
        for directory in gone:
            folder = self._folders[directory]
            folder.twice = array("q")
            if not folder.once:
                del self._folders[directory]

    def _why_held(self, count: int) -> str:
        with reading():
            present = video_files.present_count(self.place.library_id)
        return (
            f"{count} of {present} files are gone at once, and none of them is marked missing yet; {self._what_to_do()}"
        )

    def _what_to_do(self) -> str:
        with reading():
            name = libraries.library_status(self.place.library_id).name
        return f"bring them back, or confirm that they are gone with {accept_command(name)}"
