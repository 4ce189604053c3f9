"""Keep the rows of sidecars equal to the disk: subtitles, .nfo files and pictures, and which video each belongs to.

They need not settle, are never opened, and hold no decision, so a row goes with its file. Which video a sidecar belongs
to depends on the names of all videos around it. So each row has a digest of these, and a folder whose sidecars and
digest are as before costs one query. Folders without sidecars, and without rows of any, cost nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from reeld.catalog import sidecars
from reeld.catalog.sidecars import SeenSidecar
from reeld.database.connection import reading, writing
from reeld.domain.records import Place
from reeld.identify.names import is_video
from reeld.identify.sidecar_names import READERS, Videos, is_pack, pack_around, read_folder, sidecars_among
from reeld.pipeline.surroundings import hash_of
from reeld.scanner.missing_files import DIRECTORIES_AT_ONCE, ScanCoverage, is_below_any
from reeld.watch.rules import Rules, is_hidden
from reeld.watch.walk import Listing, RootSeen, list_directory


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderSidecars:
    """The sidecars of a listed folder whose rows say something else."""

    directory: str
    seen: Sequence[SeenSidecar]
    unknown: Sequence[str]
    """Names whose `stat` failed."""
    clues: int


@dataclass(slots=True, kw_only=True)
class Sidecars:
    """The sidecars of one library, for its thread."""

    place: Place
    rules: Rules
    _root_seen: RootSeen | None = None
    _has_rows: bool = False
    """Whether the catalogue has sidecars at or below the folder of this scan."""
    _videos_around: dict[str, Videos] = field(default_factory=dict)
    """The videos of the folders above that hold a folder of subtitles, as this scan listed them."""

    def begin_scan(self, below: str, root_seen: RootSeen) -> None:
        """Begin a scan at and below this folder. Forget what earlier scans listed: it may have changed since."""
        self._root_seen = root_seen
        self._videos_around.clear()
        with reading():
            self._has_rows = sidecars.is_any_known(self.place.library_id, below)

    def look(self, listing: Listing) -> FolderSidecars | None:
        """Return the folder's sidecars if their rows say something else; None, too, if that cannot be known."""
        if listing.directories and any(map(is_pack, listing.directories)):
            self._note_videos(listing)
        if not (listing.sidecars or self._has_rows):
            return None
        known = []
        if self._has_rows:
            with reading():
                known = sidecars.as_seen_in_directory(self.place.library_id, listing.relative)
        if not (listing.sidecars or known):
            return None
        own = _videos_of(listing)
        statuses = dict(listing.sidecars)
        names = sidecars_among(self.rules.counting_sidecars(listing.relative, statuses), own.names)
        directory_around = pack_around(listing.relative)
        around = None if directory_around is None else self._videos_in(directory_around)
        if directory_around is not None and around is None:
            return None
        clues = hash_of(repr((READERS, own, around)))
        here = {
            (sidecars.stored_name(name), status.st_size, status.st_mtime_ns, clues)
            for name in names
            for status in (statuses[name],)
        }
        if len(known) == len(here) and here.issuperset(known):
            return None
        read = read_folder(names, own, around)
        seen = [
            SeenSidecar(name=name, size_bytes=status.st_size, mtime_ns=status.st_mtime_ns, read=read[name])
            for name in names
            for status in (statuses[name],)
        ]
        return FolderSidecars(directory=listing.relative, seen=seen, unknown=listing.unknown, clues=clues)

    def record(self, folders: Sequence[FolderSidecars], is_same_root: Callable[[], bool]) -> None:
        """Write the rows of these folders in one commit, unless the library's root is another one by now."""
        if not folders or not is_same_root():
            return
        with writing():
            for each in folders:
                sidecars.record(
                    self.place.library_id, each.directory, each.seen, unknown=each.unknown, clues=each.clues
                )

    def apply_coverage(self, look: ScanCoverage) -> None:
        """Delete the rows of folders that certainly are not there any more, or are not entered.

        The scan is finished, and the root was the same before and after it.
        """
        if not self._has_rows:
            return
        gone = [
            directory
            for below in look.below
            for directory in self._directories(below)
            if directory not in look.walked and not is_below_any(directory, look.unknown)
        ]
        if gone:
            with writing():
                sidecars.forget(self.place.library_id, gone)

    def _directories(self, below: str) -> Iterator[str]:
        """Yield the folders with sidecars, a few at a time: a large library has very many."""
        after: str | None = None
        while True:
            with reading():
                some = sidecars.directories(self.place.library_id, below, after=after, most=DIRECTORIES_AT_ONCE)
            yield from some
            if len(some) < DIRECTORIES_AT_ONCE:
                return
            after = some[-1]

    def _note_videos(self, listing: Listing) -> None:
        """Keep the videos of a folder until the walk has left it. Those of the folders above it stay, too."""
        ancestors = (f"{directory}/" for directory in self._videos_around)
        left = [each[:-1] for each in ancestors if each != "/" and not listing.relative.startswith(each)]
        for directory in left:
            del self._videos_around[directory]
        self._videos_around[listing.relative] = _videos_of(listing)

    def _videos_in(self, directory: str) -> Videos | None:
        """Return the videos of a folder above. None if it cannot be read: then nothing is known of its subtitles."""
        if directory not in self._videos_around:
            found = list_directory(self.place.root, directory, self.rules, seen=self._root_seen)
            if not isinstance(found, Listing):
                return None
            self._videos_around[directory] = _videos_of(found)
        return self._videos_around[directory]


def _videos_of(listing: Listing) -> Videos:
    """Return all names of videos: also of those that reeld does not take, that are links, or cannot be looked at."""
    sidecar_names = {name for name, _ in listing.sidecars}
    others = {*listing.companions, *listing.others, *listing.unknown} - sidecar_names
    names = (name for name in (*listing.file_names, *filter(is_video, others)) if not is_hidden(name))
    return Videos(directory=listing.relative, names=tuple(sorted(names)))
