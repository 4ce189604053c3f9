"""Tells spinning disks from others."""

import os
from functools import lru_cache


@lru_cache(maxsize=64)
def has_moving_heads(device: int) -> bool:
    """Tell whether this block device is, or may be, a spinning disk. `device` is `stat`'s number.

    The kernel says so in sysfs, without access to a disk. Unknown devices (network and overlay
    mounts, btrfs) count as spinning.
    """
    place = f"/sys/dev/block/{os.major(device)}:{os.minor(device)}"
    # a partition has its disk's entry
    for path in (f"{place}/queue/rotational", f"{place}/../queue/rotational"):
        try:
            with open(path, encoding="ascii") as file:
                return file.read().strip() != "0"
        except OSError:
            continue
    return True
