"""Gives files beside the catalogue the owner of their folder, also when root creates them.

Root may repair things for the user that runs reeld, and must not lock that user out.
"""

import contextlib
import os

from reeld.database.file_access import FOLDER_PRIVATE, Readers, protect_folder


def make_folder(path: str) -> list[str]:
    """Create this folder and the missing ones above it. Return the new ones, innermost first.

    Each belongs to the owner of the folder above it. Raises OSError.
    """
    new, each = list[str](), path
    while not os.path.lexists(each):
        new.append(each)
        each = os.path.dirname(each)
    for folder in reversed(new):
        with contextlib.suppress(FileExistsError):  # another process was faster
            os.mkdir(folder, FOLDER_PRIVATE)
            os.chmod(folder, FOLDER_PRIVATE)  # under any umask
            give_to_owner(folder, os.path.dirname(folder))
            protect_folder(folder)
    os.makedirs(path, exist_ok=True)
    return new


def give_to_owner(what: str | int, folder: str) -> None:
    """Give a path or a descriptor the folder's owner, as far as the disk supports it. Only root can.

    A link's target is never changed, since it may belong to another user. A file of the group that
    may read the catalogue stays that group's.
    """
    if os.geteuid() == 0:
        with contextlib.suppress(OSError):
            owner, is_descriptor = os.stat(folder), isinstance(what, int)
            is_for_readers = os.stat(what, follow_symlinks=is_descriptor).st_gid == Readers.group
            os.chown(what, owner.st_uid, -1 if is_for_readers else owner.st_gid, follow_symlinks=is_descriptor)
