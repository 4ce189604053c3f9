"""Reads size, depth and transfer curve in the sequence parameter sets of H.264 and H.265 (ITU-T, 7.3)."""

from dataclasses import dataclass
from functools import lru_cache

from reeld.content.headers.bits import Bits

MOST_BYTES = 256
"""Parameter sets have some 30 to 100 bytes."""

_MOST_REFERENCES = 64

_AVC_WITH_CHROMA = (44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244)
_ANY_SHAPE = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """What a sequence parameter set says of each picture."""

    size: tuple[int, int]
    """Width and height of what is to be shown."""
    bits: int
    """How many each sample of brightness has."""
    curve: int | None
    """The transfer curve's number of ITU-T H.273."""


@lru_cache(maxsize=64)
def read_avc(unit: bytes) -> Sequence | None:
    """Read the set of H.264. None if it is none that is known. The same set stands in all episodes of a series."""
    try:
        return _avc(Bits(unescaped(unit[1:]))) if len(unit) <= MOST_BYTES else None
    except IndexError:
        return None


@lru_cache(maxsize=64)
def read_hevc(unit: bytes) -> Sequence | None:
    """Read the set of H.265. None if it is none that is known."""
    is_base_layer = len(unit) > 2 and not (unit[0] & 1 or unit[1] & 0xF8)
    try:
        return _hevc(Bits(unescaped(unit[2:]))) if is_base_layer and len(unit) <= MOST_BYTES else None
    except IndexError:
        return None


def unescaped(unit: bytes) -> bytes:
    """Take out the bytes that keep a unit's content from looking like the start of another."""
    return unit.replace(b"\0\0\3", b"\0\0")


def _avc(bits: Bits) -> Sequence:
    profile = bits.take(8)
    bits.take(8 + 8)  # constraints, level_idc
    bits.take_golomb()  # seq_parameter_set_id
    chroma, depth = 1, 8
    if profile in _AVC_WITH_CHROMA:
        chroma = bits.take_golomb()
        if chroma == 3:
            bits.take(1)  # separate_colour_plane_flag
        depth = 8 + bits.take_golomb()
        bits.take_golomb()  # bit_depth_chroma_minus8
        bits.take(1)  # qpprime_y_zero_transform_bypass_flag
        if bits.take_flag():  # seq_scaling_matrix_present_flag
            for number in range(12 if chroma == 3 else 8):
                if bits.take_flag():
                    _skip_avc_scaling(bits, 16 if number < 6 else 64)
    bits.take_golomb()  # log2_max_frame_num_minus4
    _skip_avc_order(bits)
    bits.take_golomb()  # max_num_ref_frames
    bits.take(1)  # gaps_in_frame_num_value_allowed_flag
    width, height = 16 * (1 + bits.take_golomb()), 16 * (1 + bits.take_golomb())
    fields = 1 if bits.take_flag() else 2  # frame_mbs_only_flag
    if fields == 2:
        bits.take(1)  # mb_adaptive_frame_field_flag
    bits.take(1)  # direct_8x8_inference_flag
    across, down = (1 if chroma in (0, 3) else 2), fields * (2 if chroma == 1 else 1)
    size = _cropped(bits, width, fields * height, across, down)
    return Sequence(size=size, bits=depth, curve=_curve(bits))


def _cropped(bits: Bits, width: int, height: int, across: int, down: int) -> tuple[int, int]:
    """Take the cropping, which counts in units of so many samples."""
    if not bits.take_flag():
        return width, height
    left, right, top, bottom = (bits.take_golomb() for _ in range(4))
    return width - across * (left + right), height - down * (top + bottom)


def _skip_avc_scaling(bits: Bits, size: int) -> None:
    last, following = 8, 8
    for _ in range(size):
        if following:
            following = (last + _signed(bits.take_golomb())) % 256
        last = following or last


def _signed(number: int) -> int:
    return (number + 1) // 2 if number % 2 else -(number // 2)


def _skip_avc_order(bits: Bits) -> None:
    kind = bits.take_golomb()  # pic_order_cnt_type
    if kind == 0:
        bits.take_golomb()  # log2_max_pic_order_cnt_lsb_minus4
    elif kind == 1:
        bits.take(1)  # delta_pic_order_always_zero_flag
        bits.take_golomb()  # offset_for_non_ref_pic
        bits.take_golomb()  # offset_for_top_to_bottom_field
        for _ in range(min(bits.take_golomb(), 255)):
            bits.take_golomb()  # offset_for_ref_frame


def _curve(bits: Bits) -> int | None:
    """Take the first fields of the video usability information, if there is one."""
    if not bits.take_flag():  # vui_parameters_present_flag
        return None
    if bits.take_flag() and bits.take(8) == _ANY_SHAPE:  # aspect_ratio_info_present_flag
        bits.take(16 + 16)
    if bits.take_flag():  # overscan_info_present_flag
        bits.take(1)
    if not bits.take_flag():  # video_signal_type_present_flag
        return None
    bits.take(3 + 1)  # video_format, video_full_range_flag
    if not bits.take_flag():  # colour_description_present_flag
        return None
    bits.take(8)  # colour_primaries
    return bits.take(8)


def _hevc(bits: Bits) -> Sequence:
    bits.take(4)  # sps_video_parameter_set_id
    layers = bits.take(3)  # sps_max_sub_layers_minus1
    bits.take(1)
    _skip_profiles(bits, layers)
    bits.take_golomb()  # sps_seq_parameter_set_id
    chroma = bits.take_golomb()
    if chroma == 3:
        bits.take(1)  # separate_colour_plane_flag
    width, height = bits.take_golomb(), bits.take_golomb()
    size = _cropped(bits, width, height, 2 if chroma in (1, 2) else 1, 2 if chroma == 1 else 1)
    depth = 8 + bits.take_golomb()
    bits.take_golomb()  # bit_depth_chroma_minus8
    order_bits = 4 + bits.take_golomb()
    for _ in range(layers + 1 if bits.take_flag() else 1):  # sps_sub_layer_ordering_info_present_flag
        for _ in range(3):
            bits.take_golomb()
    for _ in range(6):  # the sizes of blocks
        bits.take_golomb()
    if bits.take_flag() and bits.take_flag():  # scaling_list_enabled_flag, sps_scaling_list_data_present_flag
        _skip_hevc_scaling(bits)
    bits.take(2)  # amp_enabled_flag, sample_adaptive_offset_enabled_flag
    if bits.take_flag():  # pcm_enabled_flag
        bits.take(4 + 4)
        bits.take_golomb()
        bits.take_golomb()
        bits.take(1)
    _skip_references(bits)
    if bits.take_flag():  # long_term_ref_pics_present_flag
        for _ in range(min(bits.take_golomb(), 32)):
            bits.take(order_bits + 1)
    bits.take(2)  # sps_temporal_mvp_enabled_flag, strong_intra_smoothing_enabled_flag
    return Sequence(size=size, bits=depth, curve=_curve(bits))


def _skip_profiles(bits: Bits, layers: int) -> None:
    bits.take(88 + 8)
    if layers:
        present = [(bits.take_flag(), bits.take_flag()) for _ in range(layers)]
        bits.take(2 * (8 - layers))
        for has_profile, has_level in present:
            bits.take(88 * has_profile + 8 * has_level)


def _skip_hevc_scaling(bits: Bits) -> None:
    for size in range(4):
        for _ in range(2 if size == 3 else 6):
            if not bits.take_flag():  # scaling_list_pred_mode_flag
                bits.take_golomb()
                continue
            for _ in range(min(64, 1 << (4 + 2 * size)) + (size > 1)):
                bits.take_golomb()


def _skip_references(bits: Bits) -> None:
    """Skip the sets of short-term reference pictures."""
    references = 0
    for number in range(min(bits.take_golomb(), _MOST_REFERENCES)):
        if number and bits.take_flag():  # inter_ref_pic_set_prediction_flag
            bits.take(1)  # delta_rps_sign
            bits.take_golomb()
            # used_by_curr_pic_flag, else use_delta_flag
            references = sum(bits.take_flag() or bits.take_flag() for _ in range(references + 1))
        else:
            references = bits.take_golomb() + bits.take_golomb()
            if references > _MOST_REFERENCES:
                raise IndexError
            for _ in range(references):
                bits.take_golomb()
                bits.take(1)
