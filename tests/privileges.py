"""Root may read and write everything: what a test needs to see refused runs without that privilege.

It stays the same user, only without CAP_DAC_OVERRIDE and CAP_LEASE, so that the interpreter may lie anywhere, below
/root as well.
"""

import contextlib
import ctypes
import os
from collections.abc import Iterator

HUMBLE = ["setpriv", "--bounding-set=-dac_override,-dac_read_search,-lease", "--inh-caps=-all", "--"]


def humbly(command: list[str]) -> list[str]:
    """The command without root's privileges over files, leases on others' included; as it is for everybody else."""
    return [*HUMBLE, *command] if os.geteuid() == 0 else command


@contextlib.contextmanager
def humble() -> Iterator[None]:
    """For as long as this lasts, the calling thread is without root's privileges over files; only this thread."""
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
