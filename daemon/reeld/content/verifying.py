"""Reads a file again, from the disk itself, and compares it with the full hash that is known of it."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from reeld.content.hashing import SLICE_BYTES, full_hash
from reeld.content.opening import OpenVideo, opened
from reeld.domain.files import FileStamp
from reeld.errors import FileChanged, FileNotRegular, FileUnreadable, FileVanished

Outcome = Literal["same", "damaged", "unstable", "unreadable", "changed"]
"""damaged: two readings agree with one another, and not with the hash. unstable: two readings disagree. changed: the
file was touched since it was hashed, so nothing can be said."""

_PROBE_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """`found_hash` is of a damaged file. `offset` is where an unreadable one cannot be read, if that is known."""

    outcome: Outcome
    found_hash: str | None = None
    offset: int | None = None
    reason: str | None = None


def verify(
    path: str,
    stamp: FileStamp,
    file_hash: str,
    *,
    on_progress: Callable[[int], None] = lambda _count: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Verified:
    """Compare the file at `path`, which had this stamp and hash. What differs is read twice before it is said.

    Raises MachineExhausted, and Interrupted once `should_stop` returns True.
    """
    first = _read(path, stamp, on_progress, should_stop)
    if first.outcome != "same" or first.found_hash == file_hash:
        return first
    second = _read(path, stamp, on_progress, should_stop)
    if second.outcome != "same":
        return second
    if second.found_hash != first.found_hash:
        return Verified(outcome="unstable", reason="two readings differ: check the disk, its cable and the memory")
    return Verified(
        outcome="damaged", found_hash=first.found_hash, reason="its bytes differ, and its size and times do not"
    )


def _read(path: str, stamp: FileStamp, on_progress: Callable[[int], None], should_stop: Callable[[], bool]) -> Verified:
    """Read it once. `same` says only that it could be read, with the hash that was found."""
    done = 0

    def note(count: int) -> None:
        nonlocal done
        done += count
        on_progress(count)

    try:
        with opened(path, stamp) as video:
            if video.stamp.ctime_ns != stamp.ctime_ns:
                # A program may have written, and put the time back. reeld reads such a file again by itself.
                return Verified(outcome="changed", reason="it was touched since it was hashed")
            # What lies in memory says nothing of the disk.
            os.posix_fadvise(video.descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            try:
                found = full_hash(video, on_progress=note, should_stop=should_stop)
            except OSError as err:
                video.require_untouched()
                offset = _first_unreadable(video, done)
                return Verified(outcome="unreadable", offset=offset, reason=err.strerror)
            return Verified(outcome="same", found_hash=found)
    except (FileChanged, FileVanished, FileNotRegular) as err:
        return Verified(outcome="changed", reason=str(err))
    except FileUnreadable as err:
        return Verified(outcome="unreadable", reason=str(err))


def _first_unreadable(video: OpenVideo, start: int) -> int | None:
    """Return the offset of the first block that cannot be read, from `start` on. None: now all can be read."""
    for offset in range(start, min(start + SLICE_BYTES, video.stamp.size_bytes), _PROBE_BYTES):
        try:
            os.pread(video.descriptor, _PROBE_BYTES, offset)
        except OSError:
            return offset
    return None
