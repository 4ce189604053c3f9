"""Recognise that the times of all files on a FAT disk shifted by whole quarter hours, which changes no file.

FAT keeps local time, and so may exFAT. With another time zone, or summer time, the kernel or the FUSE driver tells all
times earlier or later by one amount.
"""

import os
from collections import Counter
from collections.abc import Sequence

from reeld.domain.files import FileStamp
from reeld.domain.records import KnownFile
from reeld.scanner.twins import fingerprint_at

QUARTER_NS = 900 * 10**9
MOST_NS = 26 * 3600 * 10**9
"""From UTC-12 to UTC+14."""

ENOUGH = 0.9
"""The share of the files that must have shifted alike; others may have changed meanwhile."""

MOST_READ = 3
"""The ends of so many files are compared. A film that was copied again may differ by a whole hour, too."""


def shift_ns(root: str, sample: Sequence[KnownFile]) -> int:
    """Return by how much the times of these known files are later now than their rows say; 0 if by no one amount."""
    pairs = [(known, there) for known in sample if (there := _stamp_at(os.path.join(root, known.path))) is not None]
    alike = [(known, there) for known, there in pairs if known.stamp.size_bytes == there.size_bytes]
    if not alike:
        return 0
    ((shift, count),) = Counter(there.mtime_ns - known.stamp.mtime_ns for known, there in alike).most_common(1)
    if shift == 0 or shift % QUARTER_NS or abs(shift) > MOST_NS or count < ENOUGH * len(alike):
        return 0
    shifted = [
        (known, there)
        for known, there in alike
        if there.mtime_ns - known.stamp.mtime_ns == shift and known.fingerprint is not None
    ][:MOST_READ]
    is_same = [fingerprint_at(os.path.join(root, known.path), there) == known.fingerprint for known, there in shifted]
    return shift if is_same and all(is_same) else 0


def _stamp_at(path: str) -> FileStamp | None:
    try:
        return FileStamp.of(os.lstat(path))
    except OSError:
        return None
