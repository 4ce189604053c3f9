"""How do the rows of a library, or of a part of it, become equal to the disk? Walk, compare, and only then subtract.

Nothing is called missing because it could not be looked at: not what lies below an unreadable folder, and nothing at
all unless the library's root was the same directory before and after.
"""

from collections.abc import Callable, Iterator

from reeld.domain.files import readable
from reeld.log import get_logger
from reeld.pipeline.intake import Intake
from reeld.watch.hints import Hint
from reeld.watch.walk import Listing, RootSeen, Unreadable, Vanished, check_root, join, walk

log = get_logger()


def reconcile(
    intake: Intake, hint: Hint, root_seen: RootSeen, should_stop: Callable[[], bool]
) -> tuple[Unreadable, ...]:
    """Look where the hint points and make the rows equal to what is there; the folders that could not be read.

    `root_seen` is what `check_root` said before. Raises CatalogError; the same hint must be followed again then.
    """
    walked: set[str] = set()
    unknown: list[str] = []
    absent: list[str] = []
    unreadable: list[Unreadable] = []
    for found in _look(intake, hint, root_seen):
        if should_stop():
            return tuple(unreadable)
        match found:
            case Listing(relative=relative):
                walked.add(relative)
                intake.take_listing(found)
                # A name whose stat failed may be a folder's.
                not_looked_into = found.unknown if hint.is_recursive else (*found.unknown, *found.directories)
                unknown += [join(relative, name) for name in not_looked_into]
            case Unreadable(relative=relative, message=message):
                log.warning("directory.unreadable", path=readable(relative), reason=message)
                unknown.append(relative)
                unreadable.append(found)
            case Vanished(relative=relative):
                absent.append(relative)
    if _is_same_root(check_root(intake.place.root), root_seen):
        for relative in absent:
            intake.take_absent_directory(relative)
        intake.take_walked(hint.relative, walked, unknown)
    return tuple(unreadable)


def _is_same_root(now: RootSeen | str, before: RootSeen) -> bool:
    return not isinstance(now, str) and now.identity == before.identity


def _look(intake: Intake, hint: Hint, root_seen: RootSeen) -> Iterator[Listing | Vanished | Unreadable]:
    found = walk(intake.place.root, hint.relative, intake.rules, seen=root_seen)
    if hint.is_recursive:
        yield from found
    else:
        yield next(found, Vanished(relative=hint.relative))
