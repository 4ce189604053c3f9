"""A full hash that can be kept half done, and gone on with after a restart.

Python's xxhash gives no state away. The C library that it wraps has its state's layout in its public header
(`XXH3_state_s` in xxhash.h, unchanged in all of 0.8). So the largest files are hashed by that library itself: the one
within Python's xxhash, or the system's. Where neither can be used, or behaves as that header says, they begin anew
after a restart.

Of a kept state only what the bytes made of it is taken back, into a state that the library made itself, and not before
it is certain that no number in it leads out of its buffers: the catalogue is a file, and may be damaged.
"""

import ctypes
import struct
from functools import lru_cache
from importlib.util import find_spec
from typing import Any, Self

MODULE, LIBRARY = "xxhash._xxhash", "libxxhash.so.0"

_SUMS, _BUFFER, _COUNTS = slice(0, 64), slice(256, 512), struct.Struct("<IIQQQ")
"""Of the state: eight sums; what is not summed up yet; and then, at 512, how much that is, a flag, the stripes of this
block, the bytes in all, and how many stripes a block has."""
_KEPT = struct.Struct("<64s256sIQ")
_STATE_BYTES = 544
"""Up to where it is looked at. Behind that lie constants and an address, which belong to one process."""

# xxh3-128 of the numbers from 0 to 255, 1,031 times.
KNOWN = (bytes(range(256)) * 1031, "cd6b40c1921a5558323c0730e176da5b")


class _Digest(ctypes.Structure):
    _fields_ = (("low", ctypes.c_uint64), ("high", ctypes.c_uint64))


class ResumableHash:
    """xxh3-128, as `xxhash.xxh3_128`. For one thread."""

    def __init__(self, library: ctypes.CDLL) -> None:
        self._library = library
        # The one that uses what this processor has, if there is one.
        self._update = getattr(library, "XXH3_128bits_update_dispatch", library.XXH3_128bits_update)
        self._address: int | None = library.XXH3_createState()
        if self._address is None:
            raise MemoryError
        library.XXH3_128bits_reset(self._address)

    @classmethod
    def new(cls) -> Self | None:
        """None where no library can be used for it."""
        found = library()
        return None if found is None else cls(found)

    def update(self, data: memoryview) -> None:
        """`data` must be writable memory, as that of a bytearray is."""
        self._update(self._address, (ctypes.c_char * len(data)).from_buffer(data), len(data))

    def hexdigest(self) -> str:
        digest = self._library.XXH3_128bits_digest(self._address)
        return f"{digest.high:016x}{digest.low:016x}"

    @property
    def made_by(self) -> str:
        """A state is for the same version alone."""
        return f"libxxhash {self._library.XXH_versionNumber()}"

    def state(self) -> bytes:
        """What `resume` needs to go on from here."""
        raw = self._raw()
        buffered, _, stripes, _, _ = _COUNTS.unpack_from(raw, _BUFFER.stop)
        return _KEPT.pack(raw[_SUMS], raw[_BUFFER], buffered, stripes)

    def resume(self, state: bytes, done_bytes: int) -> bool:
        """Go on after so many bytes, of a new hash; False, and nothing is changed, if that state cannot be one."""
        if len(state) != _KEPT.size:
            return False
        raw = self._raw()
        sums, buffer, buffered, stripes = _KEPT.unpack(state)
        _, flag, _, _, stripes_of_block = _COUNTS.unpack_from(raw, _BUFFER.stop)
        if buffered > len(buffer) or stripes >= stripes_of_block or done_bytes <= len(buffer):
            return False
        raw[_SUMS], raw[_BUFFER] = sums, buffer
        _COUNTS.pack_into(raw, _BUFFER.stop, buffered, flag, stripes, done_bytes, stripes_of_block)
        ctypes.memmove(self._address or 0, bytes(raw), len(raw))
        return True

    def _raw(self) -> bytearray:
        return bytearray(ctypes.string_at(self._address or 0, _STATE_BYTES))

    def __del__(self) -> None:
        self._library.XXH3_freeState(self._address)


@lru_cache(maxsize=1)
def library() -> ctypes.CDLL | None:
    module = find_spec(MODULE)
    for path in (module and module.origin, LIBRARY):
        try:
            found = ctypes.CDLL(path) if path else None
            if found is not None and _declare(found) and _behaves(found):
                return found
        except (OSError, AttributeError):  # it is not there, or without these functions
            continue
    return None


def _declare(library: Any) -> bool:
    """Whether it is one whose states are known. Raises AttributeError if it lacks a function."""
    library.XXH_versionNumber.restype = ctypes.c_uint
    library.XXH3_createState.restype = ctypes.c_void_p
    library.XXH3_freeState.argtypes = (ctypes.c_void_p,)
    library.XXH3_128bits_reset.argtypes = (ctypes.c_void_p,)
    library.XXH3_128bits_update.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
    if hasattr(library, "XXH3_128bits_update_dispatch"):
        library.XXH3_128bits_update_dispatch.argtypes = library.XXH3_128bits_update.argtypes
    library.XXH3_128bits_digest.argtypes = (ctypes.c_void_p,)
    library.XXH3_128bits_digest.restype = _Digest
    return bool(800 <= library.XXH_versionNumber() < 900)


def _behaves(library: ctypes.CDLL) -> bool:
    """Whether a state of this very library, taken apart and put together, goes on to the known value."""
    data, expected = memoryview(bytearray(KNOWN[0])), KNOWN[1]
    half = len(data) // 2 + 13
    first, second = ResumableHash(library), ResumableHash(library)
    first.update(data[:half])
    if not second.resume(first.state(), half):
        return False
    second.update(data[half:])
    return second.hexdigest() == expected
