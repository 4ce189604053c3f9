"""How do rows follow files that were moved, also where two take each other's places?

All that one look found goes into one transaction: within it a row that stands where another one moves to is first put
aside, so that swaps, cycles and chains need no order.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence

from reeld.catalog import files, history, queue
from reeld.catalog.models import VideoFile
from reeld.catalog.statements import update_row
from reeld.domain.records import KnownFile, Relocation, displaced


def relocate(relocations: Sequence[Relocation], in_the_way: Collection[KnownFile], now_ms: int) -> bool:
    """Give these rows their new places; False, and nothing was done, if one is not what it was when that was planned.

    `in_the_way` are the files at those places that are not among them: other content is in their place, so they are
    missing, and keep all that was decided about them.
    """
    movers = {each.known.id: each.known for each in relocations}
    expected = movers | {known.id: known for known in in_the_way}
    if files.known_by_id(list(expected)) != expected:
        return False  # another library's thread was faster, or a person decided
    occupants = _occupants(relocations)
    if any(row.id not in expected for row in occupants):
        return False
    for row in occupants:
        update_row(VideoFile, row.id, path=displaced(row.path, row.id))
    for each in relocations:
        place, stamp = files.place_columns(each.library_id, each.path), files.stamp_columns(each.stamp)
        update_row(VideoFile, each.known.id, state="present", missing_since=None, **place, **stamp)
        _tell(each, now_ms)
    queue.drop([row.id for row in occupants if row.id not in movers])
    gone = {row.id: (row.library_id, row.path) for row in occupants if row.id not in movers and row.is_present}
    files.mark_missing(gone, ("another file that was known has taken its place",), now_ms)
    return True


def _occupants(relocations: Sequence[Relocation]) -> list[KnownFile]:
    by_library: dict[int, list[str]] = defaultdict(list)
    for each in relocations:
        by_library[each.library_id].append(each.path)
    return [row for library, paths in by_library.items() for row in files.known_at_paths(library, paths)]


def _tell(moved: Relocation, now_ms: int) -> None:
    known = moved.known
    evidence = (
        f"the same inode {moved.stamp.inode}, device, size and time",
        _why_not_at_the_old_path(moved),
    )
    history.record(
        known.id,
        "moved",
        library_id=moved.library_id,
        path=moved.path,
        before=(known.library_id, known.path),
        evidence=evidence,
        now_ms=now_ms,
    )


def _why_not_at_the_old_path(moved: Relocation) -> str:
    if not moved.known.is_present:
        return "it was missing: not at the old path when somebody could look there"
    if moved.stamp == moved.known.stamp:
        return (
            "not even its ctime is another: not it, but a folder above it was renamed, or the library that it was in "
            "is not configured any more"
        )
    return "the old path is not this file any more, in a library that can be looked at"
