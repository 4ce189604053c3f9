"""When is a file that we know certainly gone?

Unknown is never absent: only what lies in a folder that was listed to its end, or in one that is certainly not there,
counts, while the library's root is the same before and after. And once is not enough: a file is missing when a second
look, a quiet period later, does not find it either, so that a move under way, or a disk that comes back at once, costs
nothing. When very many are gone at once, the library is held, and a person says whether that is so.

One `MissingFiles` serves one library, from one thread. It forgets all of this with the process, and begins anew.
"""

import heapq
import math
import os
import time
from array import array
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from reeld.catalog import libraries, video_files
from reeld.database.connection import reading, writing
from reeld.domain.records import KnownFile, Place
from reeld.log import get_logger
from reeld.scanner.moved_files import StatNames
from reeld.scanner.root_check import accept_command
from reeld.watch.hints import Hint
from reeld.watch.rules import Rules
from reeld.watch.walk import Listing, join


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanCoverage:
    """Where somebody looked: at the folders `walked`, and so at all of `below` that is not `unknown`."""

    walked: Collection[str]
    below: Collection[str]
    """Folders whose every folder was listed, is unknown, or is not there any more."""
    unknown: Collection[str] = frozenset()
    """Folders that could not be listed, were not looked into or are not to be believed, with all below."""
    is_whole: bool = False
    """Whether it was a walk of the whole library."""

    def covers(self, directory: str) -> bool:
        """Whether it is known what the folder holds, be it nothing because it is gone."""
        if is_below_any(directory, self.unknown):
            return False
        return directory in self.walked or is_below_any(directory, self.below)


def is_below_any(directory: str, folders: Collection[str]) -> bool:
    """Whether one of the folders is this one or lies above it. Costs the depth, however many folders there are."""
    while directory and directory not in folders:
        directory = directory.rpartition("/")[0]
    return directory in folders


log = get_logger()

# More than these at once are a person's to confirm: a season that is deleted is not, a disk's folder is.
MOST_AT_ONCE = 20
SHARE_AT_ONCE = 0.1

# What goes within so long goes at once: whoever deletes three folders one after the other means one thing.
AT_ONCE_S = 60.0

# Between two looks at the least, for libraries whose files count as complete at once.
LEAST_PAUSE_S = 0.1

# A folder whose second look did not succeed is looked at again; the walk of everything comes by as well.
RETRY_S = 30.0


@dataclass(slots=True)
class _Folder:
    """The ids of a folder's files that looks did not find. Eight bytes each: there may be a million."""

    once: "list[tuple[float, array[int]]]"
    """When the first look that did not find them had ended."""
    twice: "array[int]"
    rescan_at: float = math.inf


@dataclass(slots=True, kw_only=True)
class MissingFiles:
    """What the catalogue believes to be in one library and looks did not find."""

    place: Place
    rules: Rules
    stat_names: StatNames
    now_ms: Callable[[], int]
    quiet_s: float = 0.0
    monotonic: Callable[[], float] = time.monotonic
    held: str | None = None
    """Why nothing is recorded as missing at present, for a person; None when that is not so."""
    is_accepted: bool = False
    """Whether a person said that all that is not there is gone; see `accept`."""
    _gone: "dict[str, array[int]]" = field(default_factory=dict)
    """What the look under way did not find, by folder."""
    _begun_at: float = 0.0
    _folders: dict[str, _Folder] = field(default_factory=dict)
    _due: list[tuple[float, str]] = field(default_factory=list)
    """A heap of when to look at which folder again. What is not true any more is passed over."""
    _recently: "deque[tuple[float, array[int]]]" = field(default_factory=deque)
    """When which were recorded."""
    _walked_at: float | None = None
    """When all of the library was first looked at since `begin_anew` or `accept`."""

    # --- one look ----------------------------------------------------------------------------------------

    def begin_scan(self) -> None:
        self._gone = {}
        self._begun_at = self.monotonic()

    def take_listing(self, listing: Listing) -> None:
        """Note which files of this folder are not in its listing.

        After the listing's files were taken: one that was renamed within the folder has its new path by now.
        """
        with reading():
            known = video_files.known_in_directory(self.place.library_id, listing.relative)
        if gone := gone_from(listing, known):
            self._gone[listing.relative] = array("q", gone)

    def apply_coverage(self, look: ScanCoverage) -> None:
        """The look is over, and the root was the same before and after: what it did not find counts."""
        gone, self._gone = self._gone, {}
        gone |= self._not_walked(look)
        for directory in {*self._folders, *gone}:
            if look.covers(directory):
                self._count(directory, gone.get(directory, array("q")))
            elif look.is_whole:
                self._folders.pop(directory, None)  # nothing is known of it, so the next look is a first one
        if look.is_whole and self._walked_at is None:
            self._walked_at = self.monotonic()
        if self._first_due() > self.monotonic():
            self._decide()  # else the second looks that are due come first: what they find counts together

    def _not_walked(self, look: ScanCoverage) -> "dict[str, array[int]]":
        """By folder the files that are believed to be there, in folders that were not walked and yet are no secret.

        Either the folder is certainly not there any more, or the rules leave it out.
        """
        believed: dict[str, None] = {}
        for below in look.below:
            with reading():
                believed |= dict.fromkeys(video_files.present_directories(self.place.library_id, below))
        gone = {}
        for directory in believed:
            if directory not in look.walked and not is_below_any(directory, look.unknown):
                gone[directory] = array("q", self._not_in(directory))
        return gone

    def _not_in(self, directory: str) -> list[int]:
        """Of a folder that nobody walked: the ids of the files that have gone, with it or out of it."""
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
        """Of one folder: what was not found once before was not found twice now, what was found is there."""
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
        """The ids of the files that are not called missing, although two looks did not find them."""
        return [] if self.held is None else [each for folder in self._folders.values() for each in folder.twice]

    # --- the second look ---------------------------------------------------------------------------------

    @property
    def _pause_s(self) -> float:
        return max(self.quiet_s, LEAST_PAUSE_S)

    def next_due(self) -> float | None:
        """When a folder must be looked at again, in seconds of the monotonic clock; None: there is none."""
        first = self._first_due()
        return None if first == math.inf else first

    def take_due(self) -> Hint | None:
        """A folder that is to be looked at now; None: there is none yet.

        One at a time: a look that finds that a folder above is gone spares those at all below it.
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

    def begin_anew(self, *, was_held: bool) -> None:
        """The library was away, or reeld was: no earlier look counts, and no acceptance that is not said again.

        If it was held, it is until all was looked at.
        """
        self.is_accepted = False
        self._folders.clear()
        self._recently.clear()
        self._walked_at = None
        if was_held and self.held is None:
            self.held = (
                f"very many files were gone when reeld last looked, and none of them is called missing yet; "
                f"{self._what_to_do()}"
            )

    def accept(self) -> None:
        """A person says that what is not there is gone: as of the next walk of everything, that is so."""
        if not self.is_accepted:
            self.is_accepted, self._walked_at = True, None

    # --- deciding ----------------------------------------------------------------------------------------

    def _decide(self) -> None:
        """Record what was not found twice; or nothing, while it is so much that a person must say so."""
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
        # Else so many were not found once that the second look at them decides.
        if self._walked_at is not None:
            self._release()

    def _release(self) -> None:
        """All of the library was looked at: is it held no more, and the acceptance used up?"""
        if self.is_accepted and not any(self._is_accepted_missing(folder) for folder in self._folders.values()):
            with writing():
                libraries.end_acceptance(self.place.library_id)
            self.is_accepted, self.held = False, None
            self._recently.clear()
        elif not any(folder.twice or folder.once for folder in self._folders.values()):
            self.held = None

    def _is_accepted_missing(self, folder: _Folder) -> bool:
        """Whether it lacks files since before the walk that took stock after the acceptance had ended."""
        return bool(folder.twice) or any(since <= (self._walked_at or 0.0) for since, _ in folder.once)

    def _sums(self) -> tuple[int, int, int]:
        """How many were not found twice, not found once, and recorded a moment ago (without those that returned)."""
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
        """A folder that was renamed may have been looked at before its new name was: its files are not gone."""
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
            f"{count} of {present} files are gone at once, and none of them is called missing yet; {self._what_to_do()}"
        )

    def _what_to_do(self) -> str:
        with reading():
            name = libraries.library_status(self.place.library_id).name
        return f"bring them back, or say that they are really gone with {accept_command(name)}"


def gone_from(listing: Listing, known: Mapping[str, KnownFile]) -> list[int]:
    """The ids of the folder's known files that we believe present and that its listing does not show."""
    # What could not be looked at is unknown, never absent; what is no video by its ending any more is there as well.
    others = (*listing.unknown, *listing.companions)
    there = {seen.relative for seen in listing.files} | {join(listing.relative, name) for name in others}
    return [row.id for path, row in known.items() if row.is_present and path not in there]
