"""Finds files by inode below folders, at every name, also where no walk of a library goes.

A walk leaves out folders that the rules skip, and names without a video's ending. A known file
whose path shows another one may still exist there.
"""

import os
from collections.abc import Callable, Collection, Iterable

from reeld.domain.files import FileStamp


def still_exist(
    stamps: Collection[FileStamp],
    folders: Iterable[str],
    *,
    apart_from: Collection[str] = (),
    on_folder: Callable[[], None] = lambda: None,
) -> set[FileStamp]:
    """Return those files that have any name in one of these folders or below, but not only at the paths `apart_from`.

    A file is known by device, inode and size. What cannot be read is left out, and links are not
    followed. A listing tells the inodes, so only the files that are found are looked at. A disk may
    hold a million folders, so `on_folder` is called before each. What it raises ends the search.
    """
    wanted = {(stamp.device, stamp.inode, stamp.size_bytes): stamp for stamp in stamps}
    inodes = {stamp.inode for stamp in stamps}
    found: set[FileStamp] = set()
    pending = list(folders)
    while pending and len(found) < len(wanted):
        on_folder()
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                    elif entry.inode() in inodes and entry.path not in apart_from:
                        status = entry.stat(follow_symlinks=False)
                        stamp = wanted.get((status.st_dev, status.st_ino, status.st_size))
                        found |= set() if stamp is None else {stamp}
        except OSError:
            continue
    return found
