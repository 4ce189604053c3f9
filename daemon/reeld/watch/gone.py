"""Tells whether a file is certainly gone from its path.

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


def is_gone_from(path: str, device: int) -> bool:
    """Tell whether there is certainly no file at this path any more, on the disk with this device number."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return device_of_nearest_folder(path) == device
    except OSError:  # a path that cannot be read is unknown, and unknown is not gone
        return False
    return False
