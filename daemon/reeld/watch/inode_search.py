"""Finds files by inode or by size below folders, at every name, also where no walk of a library goes.

A walk leaves out folders that the rules skip, and names without a video's ending. A known file
whose path shows another one may still exist there. What cannot be read is left out, and links are
not followed. A disk may hold a million folders, so `on_folder` is called before each. What it
raises ends the search.
"""

import os
import stat
from collections.abc import Callable, Collection, Iterable, Iterator

from reeld.domain.files import FileStamp

FileKey = tuple[int, int, int]
"""Device, inode and size of a file."""


def still_exist(
    stamps: Collection[FileStamp], folders: Iterable[str], *, on_folder: Callable[[], None] = lambda: None
) -> set[FileStamp]:
    """Return those files that have any name in one of these folders or below."""
    wanted = {(stamp.device, stamp.inode, stamp.size_bytes): stamp for stamp in stamps}
    return {wanted[key] for key in names_of(wanted, folders, on_folder=on_folder, is_one_enough=True)}


def names_of(
    wanted: Collection[FileKey],
    folders: Iterable[str],
    *,
    on_folder: Callable[[], None] = lambda: None,
    is_one_enough: bool = False,
) -> dict[FileKey, dict[str, os.stat_result]]:
    """Return all paths of these files, or at least one, in these folders and below, with what `stat` says.

    A listing tells the inodes, so only the files that are found are looked at.
    """
    inodes = {inode for _, inode, _ in wanted}
    found: dict[FileKey, dict[str, os.stat_result]] = {}
    unfinished = set(wanted)
    for entry in _files(folders, on_folder) if unfinished else ():
        status = _status(entry) if entry.inode() in inodes else None
        if status is None or (key := (status.st_dev, status.st_ino, status.st_size)) not in wanted:
            continue
        names = found.setdefault(key, {})
        names[entry.path] = status
        if is_one_enough or len(names) >= status.st_nlink:
            unfinished.discard(key)
            if not unfinished:
                break
    return found


def files_of_size(
    sizes: Collection[int], folders: Iterable[str], *, on_folder: Callable[[], None] = lambda: None
) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the paths of all files of one of these sizes in these folders and below, with what `stat` says."""
    for entry in _files(folders, on_folder):
        status = _status(entry)
        if status is not None and status.st_size in sizes:
            yield entry.path, status


def _files(folders: Iterable[str], on_folder: Callable[[], None]) -> Iterator[os.DirEntry[str]]:
    pending = list(folders)
    while pending:
        on_folder()
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
                    else:
                        yield entry
        except OSError:
            continue


def _status(entry: os.DirEntry[str]) -> os.stat_result | None:
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError:
        return None
    return status if stat.S_ISREG(status.st_mode) else None
