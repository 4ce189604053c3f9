"""Whose is what reeld puts beside the catalogue? The folder's owner's, also where root puts it there.

Root puts things right for the user that reeld runs as, and must not lock that one out.
"""

import contextlib
import os


def make_folder(path: str) -> list[str]:
    """Make this folder, and those above it that lack; those that were made, the innermost first. Raises OSError.

    Each belongs to the owner of the folder that it lies in.
    """
    new, each = list[str](), path
    while not os.path.lexists(each):
        new.append(each)
        each = os.path.dirname(each)
    os.makedirs(path, mode=0o700, exist_ok=True)
    for folder in reversed(new):
        give_to_owner(folder, os.path.dirname(folder))
    return new


def give_to_owner(what: str | int, folder: str) -> None:
    """What has this name, or this descriptor, as far as the disk knows of owners and lets root say whose it is.

    Never what a link leads to: that may be anybody's.
    """
    if os.geteuid() == 0:
        with contextlib.suppress(OSError):
            owner = os.stat(folder)
            os.chown(what, owner.st_uid, owner.st_gid, follow_symlinks=isinstance(what, int))
