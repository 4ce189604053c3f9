"""Find the pending files that must be identified again because their folder changed.

A name that said too little may say enough together with a later file: the second file of a series shows which number
counts, a .nfo says which film it is. So a pending file is identified again when its folder, a .nfo in it, or a .nfo in
a folder above changed after its name was read. If one of those could not be read, each scan does so. What was accepted
stays when a file is put beside it. Only the files of a disc are one item: with each file that comes or goes, another
one may be the film.
"""

import contextlib
import os
from collections.abc import Collection
from functools import partial

from reeld.catalog import queue, video_files
from reeld.database.connection import reading, writing
from reeld.domain.records import Place
from reeld.identify.folders import is_disc_folder
from reeld.pipeline.stages import AFTER_IDENTIFY, IDENTIFY
from reeld.watch.walk import Listing

SLACK_MS = 20
"""A folder's ctime lies up to a tick of the kernel's coarse clock before the change that it dates."""


def changed_ms(listing: Listing, now_ms: int) -> int:
    """When the folder changed last, in milliseconds: a file identified before may not have seen its present siblings.

    This is the ctime, since rsync and tar set a folder's mtime back. A ctime in the future is ignored: the clock was
    put back.
    """
    return _not_seen_before(listing.ctime_ns, now_ms)


def _not_seen_before(ctime_ns: int, now_ms: int) -> int:
    changed = ctime_ns // 1_000_000
    return 0 if changed > now_ms else changed + SLACK_MS


def has_nfo(listing: Listing) -> bool:
    return any(map(_is_nfo, listing.companions))


def _is_nfo(name: str) -> bool:
    return name.casefold().endswith(".nfo")


def read_again(place: Place, listing: Listing, now_ms: int) -> None:
    """Identify again the pending files whose names may say more with what the folder holds now."""
    if waiting := to_read_again(place, listing, now_ms):
        with writing():
            enqueue(waiting, now_ms)


def to_read_again(place: Place, listing: Listing, now_ms: int) -> list[int]:
    """The ids of this folder's pending files, and below a .nfo of those in the folders below."""
    before_ms = changed_ms(listing, now_ms)
    asked = partial(video_files.asked_about_before, place.library_id, listing.relative, is_below=has_nfo(listing))
    with reading():
        waiting = asked(before_ms)
        may_wait = has_nfo(listing) and asked(now_ms)
        if is_disc_folder(os.path.basename(listing.relative)):
            waiting += video_files.disc_read_before(place.library_id, listing.relative, before_ms)
    if may_wait:  # else the .nfo files need no stat
        with reading():
            waiting += asked(_nfo_changed_ms(place, listing, now_ms))
    return waiting


def _nfo_changed_ms(place: Place, listing: Listing, now_ms: int) -> int:
    """As `changed_ms`, of the .nfo files of the folder: one that is rewritten in place does not change the folder."""
    latest = 0
    for name in filter(_is_nfo, listing.companions):
        with contextlib.suppress(OSError):
            status = os.lstat(os.path.join(place.root, listing.relative, name))
            latest = max(latest, _not_seen_before(status.st_ctime_ns, now_ms))
    return latest


def read_discs_again(place: Place, settled_paths: Collection[str], now_ms: int) -> None:
    """Identify again the other files of the discs that these belong to; within the caller's transaction."""
    for directory in {os.path.dirname(path) for path in settled_paths}:
        if is_disc_folder(os.path.basename(directory)):
            enqueue(video_files.disc_read_before(place.library_id, directory, before_ms=0), now_ms)


def enqueue(video_file_ids: Collection[int], now_ms: int) -> None:
    """Identify these files again, unless their jobs come to that anyway; within the caller's transaction."""
    for video_file_id in video_file_ids:
        queue.enqueue_if_idle(
            video_file_id,
            stage=IDENTIFY.name,
            lane=IDENTIFY.lane,
            due_at_ms=now_ms,
            now_ms=now_ms,
            later=AFTER_IDENTIFY,
        )
