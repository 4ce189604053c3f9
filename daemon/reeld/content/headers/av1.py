"""Reads the transfer curve in an AV1 sequence header (AV1 bitstream specification, 5.5)."""

from collections.abc import Iterator

from reeld.content.headers.bits import Bits

_SEQUENCE_HEADER = 1
_METADATA = 5
_OF_ITU_T_T35 = 4
_FRAMES = (3, 6)
"""Open bitstream units: a frame's header, and a frame."""
_MOST_UNITS = 16


def transfer_curve(config: bytes) -> int | None:
    """Return the curve's number of ITU-T H.273 from an AV1CodecConfigurationRecord, `av1C`."""
    return _curve_of_units(config[4:]) if config[:1] == b"\x81" else None


def transfer_curve_near(head: bytes) -> int | None:
    """Return the curve from the first temporal unit in these bytes of a container that stores no `av1C`."""
    at = head.find(b"\x12\x00\x0a")  # an empty temporal delimiter, then a sequence header
    return None if at < 0 else _curve_of_units(head[at + 2 :])


def has_described_frames(units: bytes) -> bool:
    """Tell whether these bytes of a stream hold metadata of HDR10+ or the like, before the first frame.

    Raises IndexError where they end before it.
    """
    for kind, content in _units(units):
        if kind == _METADATA and _leb128(content[:8])[0] == _OF_ITU_T_T35:
            return True
        if kind in _FRAMES:
            return False
    raise IndexError


def _curve_of_units(units: bytes) -> int | None:
    """Search the open bitstream units for the sequence header."""
    try:
        for kind, content in _units(units):
            if kind == _SEQUENCE_HEADER:
                return _curve(Bits(content))
    except IndexError:  # the bytes end within it
        pass
    return None


def _units(content: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    for _ in range(_MOST_UNITS):
        if at >= len(content):
            return
        head = content[at]
        at += 2 if head & 4 else 1
        size, length = _leb128(content[at : at + 8]) if head & 2 else (len(content) - at, 0)
        at += length
        yield head >> 3 & 15, content[at : at + size]
        at += size


def _leb128(content: bytes) -> tuple[int, int]:
    """Return the number and how many bytes it takes."""
    value = 0
    for place, byte in enumerate(content):
        value |= (byte & 127) << 7 * place
        if byte < 128:
            return value, place + 1
    raise IndexError


def _curve(bits: Bits) -> int | None:
    """Go through the fields before the colours. The names are those of the specification."""
    profile = bits.take(3)
    bits.take(1)  # still_picture
    is_reduced = bits.take_flag()
    if is_reduced:
        bits.take(5)  # seq_level_idx
    else:
        _skip_operating_points(bits)
    width_bits, height_bits = bits.take(4) + 1, bits.take(4) + 1
    bits.take(width_bits + height_bits)
    if not is_reduced and bits.take_flag():  # frame_id_numbers_present_flag
        bits.take(4 + 3)
    bits.take(3)  # use_128x128_superblock, enable_filter_intra, enable_intra_edge_filter
    if not is_reduced:
        _skip_tools(bits)
    bits.take(3)  # enable_superres, enable_cdef, enable_restoration
    is_deep = bits.take_flag()
    if profile == 2 and is_deep:
        bits.take(1)  # twelve_bit
    if profile != 1:
        bits.take(1)  # mono_chrome
    if not bits.take_flag():  # color_description_present_flag
        return None
    bits.take(8)  # color_primaries
    return bits.take(8)


def _skip_operating_points(bits: Bits) -> None:
    delay_bits = 0
    if bits.take_flag():  # timing_info_present_flag
        bits.take(32 + 32)
        if bits.take_flag():  # equal_picture_interval
            bits.skip_uvlc()
        if bits.take_flag():  # decoder_model_info_present_flag
            delay_bits = bits.take(5) + 1
            bits.take(32 + 5 + 5)
    has_initial_delay = bits.take_flag()
    for _ in range(bits.take(5) + 1):
        bits.take(12)  # operating_point_idc
        if bits.take(5) > 7:
            bits.take(1)
        if delay_bits and bits.take_flag():
            bits.take(2 * delay_bits + 1)
        if has_initial_delay and bits.take_flag():
            bits.take(4)


def _skip_tools(bits: Bits) -> None:
    bits.take(4)  # enable_interintra_compound to enable_dual_filter
    has_order_hint = bits.take_flag()
    if has_order_hint:
        bits.take(2)  # enable_jnt_comp, enable_ref_frame_mvs
    chooses_screen_tools = bits.take_flag()
    may_have_screen_tools = chooses_screen_tools or bits.take_flag()
    if may_have_screen_tools and not bits.take_flag():  # seq_choose_integer_mv
        bits.take(1)
    if has_order_hint:
        bits.take(3)
