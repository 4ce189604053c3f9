"""Says how large a picture is and which dynamic range it has, from what its container and its stream state."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from reeld.content.dynamic_range import CURVES, DynamicRange, range_of_dolby_vision
from reeld.content.headers import av1, messages, parameter_sets
from reeld.content.headers.source import NotUnderstood

_SIZED_BY_CONTAINER = frozenset(
    (
        *(
            "vp8",
            "vp9",
            "mpeg4",
            "mpeg1video",
            "mpeg2video",
            "theora",
            "ffv1",
            "prores",
            "dnxhd",
            "cfhd",
            "mjpeg",
            "png",
        ),
        *("msmpeg4v2", "msmpeg4v3", "wmv1", "wmv2", "h263", "dvvideo", "jpeg2000", "v210", "qtrle", "svq1", "hap"),
        *("rpza", "cinepak", "huffyuv", "ffvhuff", "utvideo", "zmbv", "msvideo1"),
    )
)
"""Codecs whose size in the stream no container is known to contradict."""

_SEVERAL_VIEWS = (118, 128)
"""The profiles of H.264 whose pictures are for two eyes."""

_SDR = DynamicRange()


class Stated(NamedTuple):
    """What a container states of a picture."""

    codec: str
    """By FFmpeg's name."""
    size: tuple[int, int]
    """Width and height before anything is cut off."""
    first_frame: Callable[[], bytes]
    """Reads the begin of the first frame. It is empty if that was not found."""
    shown: tuple[int, int] | None = None
    """What is left after that."""
    config: bytes = b""
    """The record from which a decoder starts: `avcC`, `hvcC` or `av1C`."""
    curve: int | None = None
    """The transfer curve's number of ITU-T H.273."""
    has_mastering: bool = False
    """Whether the screen is described on which the film was made."""
    dolby_vision: tuple[int, int] | None = None
    """Profile, and the number of what it is compatible with."""


def read(stated: Stated) -> tuple[tuple[int, int], DynamicRange]:
    """Return the size of what is shown, and its range. Raises NotUnderstood."""
    width, height = stated.shown or stated.size
    if not (0 < width <= stated.size[0] and 0 < height <= stated.size[1]):
        raise NotUnderstood
    match stated.codec:
        case "h264":
            shown = _read_avc(stated)
        case "hevc":
            shown = _read_hevc(stated)
        case "av1":
            shown = _read_av1(stated)
        case codec if codec in _SIZED_BY_CONTAINER:
            shown = _range(stated, (stated.curve,))
            if shown.name and codec != "vp9":
                raise NotUnderstood
        case _:
            raise NotUnderstood
    return stated.shown or stated.size, shown


def _read_avc(stated: Stated) -> DynamicRange:
    config = stated.config
    if len(config) < 8 or config[0] != 1 or config[1] in _SEVERAL_VIEWS:
        raise NotUnderstood
    sets = [unit for unit in _take_units(config, 6, config[5] & 31) if unit[:1] and unit[0] & 31 == 7]
    sequence = _only(stated, [parameter_sets.read_avc(unit) for unit in sets])
    shown = _range(stated, (stated.curve, sequence.curve))
    if shown.name not in (None, "Dolby Vision"):
        raise NotUnderstood
    return shown


def _read_hevc(stated: Stated) -> DynamicRange:
    config = stated.config
    if len(config) < 23 or config[0] != 1:
        raise NotUnderstood
    units = list(_hevc_units(config))
    sets = [unit for unit in units if unit[0] >> 1 == 33]
    sequence = _only(stated, [parameter_sets.read_hevc(unit) for unit in sets])
    curves = (stated.curve, sequence.curve)
    is_plain = sequence.bits == 8 and not any(curve in CURVES for curve in curves)
    if stated.dolby_vision or (is_plain and not stated.has_mastering):
        return _range(stated, curves)
    said = messages.Messages()
    messages.read_units((unit for unit in units if unit[0] >> 1 >= 32), said)
    frame = stated.first_frame()[: messages.MOST_BYTES]
    if not messages.read_units(messages.units_of(frame, (config[21] & 3) + 1), said) or said.is_unknown:
        raise NotUnderstood
    shown = _range(stated, (*curves, said.curve))
    if (said.has_mastering or said.is_hdr10_plus) and shown.name != "HDR10":
        raise NotUnderstood
    return DynamicRange(name="HDR10+") if said.is_hdr10_plus else shown


def _read_av1(stated: Stated) -> DynamicRange:
    if len(stated.config) < 5:  # without the stream's own header
        raise NotUnderstood
    shown = _range(stated, (stated.curve, av1.transfer_curve(stated.config)))
    if shown.name == "HDR10":
        try:
            if av1.has_described_frames(stated.first_frame()):
                raise NotUnderstood
        except IndexError:
            raise NotUnderstood from None
    return shown


def _range(stated: Stated, curves: Sequence[int | None]) -> DynamicRange:
    """Use the first curve that is no SDR, as players do: they show every PQ picture as HDR10."""
    curve = next((CURVES[curve] for curve in curves if curve in CURVES), None)
    if stated.dolby_vision:
        shown = range_of_dolby_vision(*stated.dolby_vision, curve)
        if shown.fallback is None:
            raise NotUnderstood
        return shown
    if stated.has_mastering and curve != "HDR10":
        raise NotUnderstood
    return DynamicRange(name=curve) if curve else _SDR


def _only(stated: Stated, sequences: Sequence[parameter_sets.Sequence | None]) -> parameter_sets.Sequence:
    """Return the one description of all pictures, which must agree with the container."""
    found = sequences[0] if sequences and all(one == sequences[0] for one in sequences) else None
    if found is None or found.size != stated.size:
        raise NotUnderstood
    return found


def _hevc_units(config: bytes) -> Iterator[bytes]:
    """Yield the units in an `hvcC`. Raises NotUnderstood if it is shorter than they say."""
    at = 23
    for _ in range(config[22]):
        if at + 3 > len(config):
            raise NotUnderstood
        count = int.from_bytes(config[at + 1 : at + 3], "big")
        at += 3
        for unit in _take_units(config, at, count):
            at += 2 + len(unit)
            yield unit


def _take_units(config: bytes, at: int, count: int) -> Iterator[bytes]:
    """Yield as many units, each behind its length. Raises NotUnderstood if one is empty, or ends beyond the bytes."""
    for _ in range(count):
        size = int.from_bytes(config[at : at + 2], "big")
        at += 2
        if size == 0 or at + size > len(config):
            raise NotUnderstood
        yield config[at : at + size]
        at += size
