"""Which names should be read again, because something came to lie beside them?

A name that said too little may say enough together with what comes later: the second file of a series shows which
number counts, a .nfo says which film it is. So a file that waits for a person is identified anew when its folder has
changed since its name was read, or a .nfo in it, or in a folder above; and with each look, as long as one of those
could not be read. What was accepted stays: nobody takes back an answer because of what somebody else put beside it.
Only the files of a disc are one item: which of them is the film may be another one with each that comes or goes.
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

# A folder's ctime lies up to a tick of the kernel's coarse clock before what it dates.
SLACK_MS = 20


def changed_ms(listing: Listing, now_ms: int) -> int:
    """Whoever was identified before this moment, in milliseconds, may not have seen what the folder holds now.

    ctime, since rsync and tar set a folder's mtime back. One in the future says nothing: the clock was put back.
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
    """Let the files of this folder that wait for a person, and a .nfo's in folders below, be identified once more."""
    before_ms = changed_ms(listing, now_ms)
    asked = partial(video_files.asked_about_before, place.library_id, listing.relative, is_below=has_nfo(listing))
    with reading():
        waiting = asked(before_ms)
        may_wait = has_nfo(listing) and asked(now_ms)
        if is_disc_folder(os.path.basename(listing.relative)):
            waiting += video_files.disc_read_before(place.library_id, listing.relative, before_ms)
    if may_wait:  # else no .nfo need be looked at
        with reading():
            waiting += asked(_nfo_changed_ms(place, listing, now_ms))
    if waiting:
        with writing():
            _identify(waiting, now_ms)


def _nfo_changed_ms(place: Place, listing: Listing, now_ms: int) -> int:
    """As `changed_ms`, of the .nfo files of the folder: one that is rewritten in its place changes no folder."""
    latest = 0
    for name in filter(_is_nfo, listing.companions):
        with contextlib.suppress(OSError):
            status = os.lstat(os.path.join(place.root, listing.relative, name))
            latest = max(latest, _not_seen_before(status.st_ctime_ns, now_ms))
    return latest


def read_discs_again(place: Place, settled_paths: Collection[str], now_ms: int) -> None:
    """Let the other files of the discs be identified once more to which these belong; within the caller's
    transaction."""
    for directory in {os.path.dirname(path) for path in settled_paths}:
        if is_disc_folder(os.path.basename(directory)):
            _identify(video_files.disc_read_before(place.library_id, directory, before_ms=0), now_ms)


def _identify(video_file_ids: Collection[int], now_ms: int) -> None:
    for video_file_id in video_file_ids:
        queue.enqueue_if_idle(
            video_file_id,
            stage=IDENTIFY.name,
            lane=IDENTIFY.lane,
            due_at_ms=now_ms,
            now_ms=now_ms,
            later=AFTER_IDENTIFY,
        )
