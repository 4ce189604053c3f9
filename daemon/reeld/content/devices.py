"""What kind of disk is this?"""

import os
from functools import lru_cache


@lru_cache(maxsize=64)
def has_moving_heads(device: int) -> bool:
    """Whether the block device that `stat` calls so is, or may be, a spinning disk.

    The kernel says so in sysfs, which asks no disk. What it does not know (network and overlay mounts, btrfs) may be
    one.
    """
    place = f"/sys/dev/block/{os.major(device)}:{os.minor(device)}"
    for path in (f"{place}/queue/rotational", f"{place}/../queue/rotational"):  # of a partition its disk says it
        try:
            with open(path, encoding="ascii") as file:
                return file.read().strip() != "0"
        except OSError:
            continue
    return True
