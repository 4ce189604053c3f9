"""Asks the kernel how much of a file lies in its page cache, and drops it from there."""

import ctypes
import mmap
import os
from pathlib import Path

_LOWEST_BIT = bytes(value & 1 for value in range(256))
"""The other bits of mincore's answer are reserved."""


def cached_bytes(path: Path) -> int:
    """Count the bytes of this file in the page cache, with mincore(2). /proc/meminfo counts all
    files.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    # Opened for writing, because the kernel shows a file's pages only to those who may write to
    # it.
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as mapped:
        pages = (ctypes.c_ubyte * -(-len(mapped) // mmap.PAGESIZE))()
        anchor = ctypes.c_char.from_buffer(mapped)
        failed = libc.mincore(ctypes.c_void_p(ctypes.addressof(anchor)), ctypes.c_size_t(len(mapped)), pages)
        del anchor  # a mapping with a pointer into it cannot be closed
        if failed:
            raise OSError(ctypes.get_errno(), "mincore")
        return bytes(pages).translate(_LOWEST_BIT).count(1) * mmap.PAGESIZE


def drop(path: Path) -> None:
    """Write the file to its disk and drop it from the page cache. Pages that another program maps stay."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(descriptor)
