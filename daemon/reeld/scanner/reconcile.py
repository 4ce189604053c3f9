"""Make the rows of a library, or of one folder in it, equal to the disk: walk, compare, and only then subtract.

A file is not missing because it could not be scanned. So nothing is subtracted below an unreadable folder or below one
whose disk is away, and nothing at all unless the library's root was the same before and after the walk.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from reeld.domain.files import readable
from reeld.identify.sidecar_names import is_pack
from reeld.log import get_logger
from reeld.scanner.compare import FolderScanner, Unrecorded
from reeld.scanner.missing_files import ScanCoverage
from reeld.scanner.new_files import BATCH, BATCH_S
from reeld.scanner.root_check import is_at_or_below
from reeld.scanner.twins import InodesChanged
from reeld.watch.hints import EVERYTHING, Hint
from reeld.watch.walk import Listing, RootSeen, Unreadable, Vanished, check_root, join, walk

log = get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """What one scan could not do."""

    unreadable: tuple[Unreadable, ...]
    """The folders that could not be listed."""
    renumbered: str | None
    """A folder whose files have other inode numbers than before: the scan ended there."""
    was_same_root: bool
    """False if the root was another one, or did not answer: then all must be scanned again, even if it is back."""


def reconcile(
    folder_scanner: FolderScanner,
    hint: Hint,
    root_seen: RootSeen,
    should_stop: Callable[[], bool],
    on_scanned: Callable[[Listing | Vanished | Unreadable], None] = lambda _found: None,
) -> Reconciled:
    """Scan the hint's directory, with all below it if the hint is recursive, and make the rows equal to what is there.

    `root_seen` is the verified root. `on_scanned` gets each directory after its listing was recorded. Nothing is
    recorded once the root is another one than `root_seen`. Raises CatalogError; then the hint must be followed again.
    """
    walked: set[str] = set()
    unknown: set[str] = set(root_seen.away)
    below = {hint.relative}
    unreadable: list[Unreadable] = []
    was_stopped = False
    was_same_root = True
    renumbered: str | None = None
    folder_scanner.begin_scan(hint.relative, root_seen)
    folder_scanner.missing_files.begin_scan()
    folder_scanner.twins.begin_scan(is_for_folder=hint != EVERYTHING, is_doubted=not root_seen.inodes.is_users_word)

    def is_same_root() -> bool:
        nonlocal was_same_root
        is_same = root_seen.is_still(check_root(folder_scanner.place.root))
        was_same_root = was_same_root and is_same
        return is_same

    batch = _Batch(folder_scanner, is_same_root, on_scanned)
    try:
        for found in _walk(folder_scanner, hint, root_seen):
            if was_stopped := should_stop():
                break
            if any(is_at_or_below(found.relative, folder) for folder in root_seen.away):
                continue
            match found:
                case Listing(relative=relative):
                    walked.add(relative)
                    # A name whose stat failed may be a folder's.
                    not_entered = found.unknown if hint.is_recursive else (*found.unknown, *found.directories)
                    unknown.update(join(relative, name) for name in not_entered)
                case Unreadable(relative=relative, message=message):
                    log.warning("directory.unreadable", path=readable(relative), reason=message)
                    unknown.add(relative)
                    unreadable.append(found)
                case Vanished(relative=relative):
                    below.add(relative)
            batch.add(found)
        batch.take()
    except InodesChanged as err:
        renumbered, was_stopped, was_same_root = err.relative, True, False
    folder_scanner.new_files.flush()
    if not was_stopped and was_same_root and is_same_root():
        is_whole = hint == EVERYTHING and "" not in unknown
        coverage = ScanCoverage(walked=walked, below=below, unknown=unknown, is_whole=is_whole)
        folder_scanner.sidecars.apply_coverage(coverage)
        folder_scanner.missing_files.apply_coverage(coverage)
    return Reconciled(unreadable=tuple(unreadable), was_same_root=was_same_root, renumbered=renumbered)


@dataclass(slots=True)
class _Batch:
    """The folders that were listed and are not recorded yet. At most BATCH files wait, at most for BATCH_S."""

    folder_scanner: FolderScanner
    is_same_root: Callable[[], bool]
    on_scanned: Callable[[Listing | Vanished | Unreadable], None]
    _folders: list[Unrecorded] = field(default_factory=list)
    _files: int = 0
    _since: float = 0.0

    def add(self, found: Listing | Vanished | Unreadable) -> None:
        """Take note of what a folder was found to be. Raises CatalogError and InodesChanged, as `take` does."""
        folder = self.folder_scanner.look(found) if isinstance(found, Listing) else None
        if folder is None:
            self.on_scanned(found)
        else:
            if not self._folders:
                self._since = self._now()
            self._folders.append(folder)
            self._files += len(folder.listing.files)
        if self._files >= BATCH or (self._folders and self._now() >= self._since + BATCH_S):
            self.take()

    def take(self) -> None:
        """Record the folders that wait."""
        folders, self._folders, self._files = self._folders, [], 0
        if folders:
            self.folder_scanner.take(folders, self.is_same_root)
        for each in folders:
            self.on_scanned(each.listing)

    def _now(self) -> float:
        return self.folder_scanner.new_files.monotonic()


def _walk(folder_scanner: FolderScanner, hint: Hint, root_seen: RootSeen) -> Iterator[Listing | Vanished | Unreadable]:
    found = walk(folder_scanner.place.root, hint.relative, folder_scanner.rules, seen=root_seen)
    first = next(found, Vanished(relative=hint.relative))
    yield first
    must_look_below = isinstance(first, Listing) and folder_scanner.must_look_below(first)
    if hint.is_recursive or must_look_below:
        for below in found:
            yield below
            if isinstance(below, Listing):
                folder_scanner.must_look_below(below)
    elif isinstance(first, Listing):
        # The videos here decide to which of them the subtitles there belong.
        for pack in filter(is_pack, first.directories):
            yield from walk(folder_scanner.place.root, join(hint.relative, pack), folder_scanner.rules, seen=root_seen)
