"""Write the changes of one folder into the catalogue, all in one transaction."""

from collections import defaultdict
from collections.abc import Mapping

from reeld.catalog import queue, video_files
from reeld.database.connection import writing
from reeld.log import get_logger
from reeld.pipeline.stages import IDENTIFY
from reeld.scanner import reidentify
from reeld.scanner.changes import Changes
from reeld.scanner.new_files import NewFiles, Settled

log = get_logger()


def apply(
    changes: Changes, settled: Mapping[str, Settled], new_files: NewFiles, now_ms: int, *, with_full_hash: bool
) -> bool:
    """Commit the changes, and the files that are `settled`, by path.

    False, and nothing was written, if a row is not what it was when the changes were decided: the user, a worker or
    another library's thread wrote to it. Raises CatalogError.
    """
    with writing():
        seen = (*changes.touched, *changes.returned)
        if not video_files.are_as_known(
            [*(each.known for each in seen), *(known for known, _ in changes.other_endings)]
        ):
            return False
        if changes.moved and not video_files.relocate(changes.moved, changes.evicted, now_ms):
            return False
        reidentify.enqueue(changes.compared.to_read, now_ms)
        video_files.record_compared(changes.compared.as_before, changes.compared.folder_digest)
        video_files.record_links(changes.counted)
        _skip(changes, new_files.place.library_id, now_ms)
        for each in seen:
            video_files.record_seen(each.known, each.stamp, now_ms)
        _enqueue_moved_and_touched(changes, new_files, now_ms, with_full_hash=with_full_hash)
        new_files.record(settled)
    _log(changes)
    return True


def _skip(changes: Changes, library_id: int, now_ms: int) -> None:
    for each in changes.skipped:
        video_files.record_skipped(library_id, each.seen.relative, each.seen.stamp, each.reason, now_ms)
    ids_by_reason: dict[str, list[int]] = defaultdict(list)
    for known, reason in changes.other_endings:
        ids_by_reason[reason].append(known.id)
    for reason, ids in ids_by_reason.items():
        video_files.record_all_skipped(ids, reason, now_ms)


def _enqueue_moved_and_touched(changes: Changes, new_files: NewFiles, now_ms: int, *, with_full_hash: bool) -> None:
    """Queue what is left to do for the files that are known and not as they were.

    A new name may say something else than the old one did. The content is known, unless the stages were not done or a
    ctime changed. A ctime that changed is no proof of new bytes (a permission, a hard link, an owner), and it is the
    only trace of a writer that puts the mtime back. So the ends are compared at once, and all bytes are read when
    nothing else is to be done, at most once a day, while all that is known stays and is in doubt: a `chmod -R` has its
    library read once. Less would not do: the ends can be the same where the middle is not, and a hash that may be false
    is worth nothing. A rename, or a hard link that came or went, changes the ctime as well. It may hide that the file
    was written to before, so its ends are compared. A renamed folder changes nothing of its files.
    A file that went missing lost its job, which may have been to read a new name. One whose new name the rules ignore
    is skipped, unless the user decided about it.
    """
    why_ignore = new_files.rules.why_ignore_file
    reasons = {each.known.id: why_ignore(each.path, each.stamp.size_bytes) for each in changes.moved}
    ignored = {row_id: reason for row_id, reason in reasons.items() if reason is not None}
    for row_id, reason in ignored.items():
        video_files.record_all_skipped([row_id], reason, now_ms)
    in_place = [each for each in changes.touched if each.known.stamp.ctime_ns != each.stamp.ctime_ns]
    seen = [*in_place, *changes.returned]
    # Without an inode number the ends were compared already, to find out that it was moved.
    touched = {
        each.known.id for each in changes.moved if each.known.stamp.ctime_ns != each.stamp.ctime_ns and each.stamp.inode
    }
    touched |= {each.known.id for each in in_place}
    ids = [*(each.known.id for each in changes.moved), *(each.known.id for each in seen)]
    unread = {*video_files.needing_work(ids, with_full_hash=with_full_hash), *touched}
    for row_id in ids:
        if row_id in ignored:
            continue
        stage = new_files.first_stage if row_id in unread else IDENTIFY
        queue.enqueue(row_id, stage=stage.name, lane=stage.lane, now_ms=now_ms)


def _log(changes: Changes) -> None:
    for each in changes.returned:
        log.info("file.returned", path=each.known.path)
    for each in changes.touched:
        if each.known.stamp.ctime_ns != each.stamp.ctime_ns:
            log.info("file.touched", path=each.known.path)
    for moved in changes.moved:
        log.info("file.moved", path=moved.path, before=moved.known.was_at)
