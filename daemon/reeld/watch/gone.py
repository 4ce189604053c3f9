"""Finds the disk on which a file that is not at its path was.

An unmounted disk leaves an empty folder, so what is not found there is not gone.
"""

import os


def device_of_nearest_folder(path: str) -> int | None:
    """Return the device of the deepest folder above this path that exists; None if that cannot be known."""
    folder = os.path.dirname(path)
    while True:
        try:
            return os.stat(folder).st_dev
        except (FileNotFoundError, NotADirectoryError):
            folder = os.path.dirname(folder)
        except OSError:
            return None
