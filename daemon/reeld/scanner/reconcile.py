"""How do the rows of a library, or of a part of it, become equal to the disk? Walk, compare, and only then subtract.

Nothing is called absent because it could not be looked at: not what lies below an unreadable folder or one whose disk
is away, and nothing at all unless the library's root was the same before and after.
"""

from collections.abc import Callable, Iterator

from reeld.domain.files import readable
from reeld.log import get_logger
from reeld.scanner.compare import FolderScanner
from reeld.scanner.missing_files import ScanCoverage
from reeld.scanner.root_check import is_at_or_below
from reeld.watch.hints import EVERYTHING, Hint
from reeld.watch.walk import Listing, RootSeen, Unreadable, Vanished, check_root, join, walk

log = get_logger()


def reconcile(
    folder_scanner: FolderScanner,
    hint: Hint,
    root_seen: RootSeen,
    should_stop: Callable[[], bool],
    on_looked_at: Callable[[Listing | Vanished | Unreadable], None] = lambda _found: None,
    on_another_root: Callable[[], None] = lambda: None,
) -> tuple[Unreadable, ...]:
    """Look where the hint points and make the rows equal to what is there; the folders that could not be read.

    `root_seen` is what the root was before, and believed to be. `on_looked_at` is told of every directory, once its
    listing was recorded. Raises CatalogError; the same hint must be followed again then. When the root is another one
    meanwhile, or does not answer, nothing is recorded from then on, and `on_another_root` is told: it may be the same
    again before its keeper looks, so all of it must be looked at anew.
    """
    walked: set[str] = set()
    unknown: set[str] = set(root_seen.away)
    below = {hint.relative}
    unreadable: list[Unreadable] = []
    was_stopped = False
    was_another = False
    folder_scanner.missing_files.begin_scan()

    def is_same_root() -> bool:
        nonlocal was_another
        is_same = check_root(folder_scanner.place.root) == root_seen
        was_another = was_another or not is_same
        return is_same

    for found in _look(folder_scanner, hint, root_seen):
        if was_stopped := should_stop():
            break
        if any(is_at_or_below(found.relative, folder) for folder in root_seen.away):
            continue
        match found:
            case Listing(relative=relative):
                walked.add(relative)
                folder_scanner.take_listing(found, is_same_root)
                # A name whose stat failed may be a folder's.
                not_looked_into = found.unknown if hint.is_recursive else (*found.unknown, *found.directories)
                unknown.update(join(relative, name) for name in not_looked_into)
            case Unreadable(relative=relative, message=message):
                log.warning("directory.unreadable", path=readable(relative), reason=message)
                unknown.add(relative)
                unreadable.append(found)
            case Vanished(relative=relative):
                below.add(relative)
        on_looked_at(found)
    folder_scanner.new_files.flush()
    if not was_stopped and is_same_root():
        is_whole = hint == EVERYTHING and "" not in unknown
        folder_scanner.missing_files.apply_coverage(
            ScanCoverage(walked=walked, below=below, unknown=unknown, is_whole=is_whole)
        )
    if was_another:
        on_another_root()
    return tuple(unreadable)


def _look(folder_scanner: FolderScanner, hint: Hint, root_seen: RootSeen) -> Iterator[Listing | Vanished | Unreadable]:
    found = walk(folder_scanner.place.root, hint.relative, folder_scanner.rules, seen=root_seen)
    if hint.is_recursive:
        yield from found
    else:
        yield next(found, Vanished(relative=hint.relative))
