"""Drops root's privileges over files, for tests of refused access: root may read and write
everything.

The user stays the same, only without CAP_DAC_OVERRIDE and CAP_LEASE. So the interpreter may lie
anywhere, also below /root.
"""

import contextlib
import ctypes
import os
from collections.abc import Iterator

HUMBLE = ["setpriv", "--bounding-set=-dac_override,-dac_read_search,-lease", "--inh-caps=-all", "--"]


def humbly(command: list[str]) -> list[str]:
    """Return the command without root's privileges over files, also over leases on others' files."""
    return [*HUMBLE, *command] if os.geteuid() == 0 else command


@contextlib.contextmanager
def humble() -> Iterator[None]:
    """Drop this thread's privileges over files inside the block; other threads keep theirs."""
    before = _capabilities()
    _set_capabilities(before[0] & ~_DAC, before)
    try:
        yield
    finally:
        _set_capabilities(before[0], before)


# CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH of capabilities(7).
_DAC = 1 << 1 | 1 << 2
_VERSION = 0x20080522
_libc = ctypes.CDLL(None, use_errno=True)


def _capabilities() -> list[int]:
    """Effective, permitted, inheritable; those below 32, then those above."""
    sets = (ctypes.c_uint32 * 6)()
    if _libc.capget((ctypes.c_uint32 * 2)(_VERSION, 0), sets) != 0:
        raise OSError(ctypes.get_errno(), "capget")
    return list(sets)


def _set_capabilities(effective: int, others: list[int]) -> None:
    sets = (ctypes.c_uint32 * 6)(effective, *others[1:])
    if _libc.capset((ctypes.c_uint32 * 2)(_VERSION, 0), sets) != 0:
        raise OSError(ctypes.get_errno(), "capset")
