"""Says which dynamic range a picture has: HDR10, HDR10+, HLG, Dolby Vision, or none of these."""

import re
from dataclasses import dataclass

from reeld.content.headers.picture import PictureHeader
from reeld.content.tracks import Track, text

CURVES = {16: "HDR10", 18: "HLG"}
"""What a picture with the transfer curve of this number (ITU-T H.273) is shown as. All others are SDR."""

_NAMED_CURVES = {"PQ": "HDR10", "HLG": "HLG"}

_COMPATIBLE = {0: "none", 1: "HDR10", 2: "SDR", 4: "HLG", 6: "HDR10"}
_NAMED_COMPATIBLE = {"": 0, "HDR10": 1, "SDR": 2, "HLG": 4, "Blu-ray": 6}

_ALONE = (5, 10)
"""The profiles whose picture, if they are compatible with nothing, only Dolby Vision shows rightly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamicRange:
    """`name` is None for SDR. The others are None unless it is Dolby Vision."""

    name: str | None = None
    dolby_vision: str | None = None
    """The profile and what it is compatible with: `5`, `8.1`."""
    fallback: str | None = None
    """What a player without Dolby Vision shows: HDR10, HLG, SDR or none."""


def dynamic_range(video: Track, header: PictureHeader) -> DynamicRange:
    """Use the description, else the transfer curve: players show every PQ picture as HDR10."""
    curve = _curve(video, header)
    described = f"{text(video, 'HDR_Format')} {text(video, 'HDR_Format_Compatibility')}"
    if found := header.dolby_vision or _described_dolby_vision(video):
        return range_of_dolby_vision(*found, curve)
    # Without "HDR10+" where the metadata fit none of its profiles.
    for sought, name in (
        ("Dolby Vision", "Dolby Vision"),
        ("HDR10+", "HDR10+"),
        ("2094 App 4", "HDR10+"),
        ("HDR10", "HDR10"),
        ("HLG", "HLG"),
    ):
        if sought in described:
            return DynamicRange(name=name)
    return DynamicRange(name=curve)


def range_of_dolby_vision(profile: int, compatible: int, curve: str | None) -> DynamicRange:
    """Return the range of a profile that is compatible with what this number stands for."""
    return DynamicRange(
        name="Dolby Vision",
        dolby_vision=f"{profile}.{compatible}" if compatible else f"{profile}",
        fallback=_fallback(profile, compatible, curve),
    )


def _curve(video: Track, header: PictureHeader) -> str | None:
    """Name the range of the first curve that is no SDR: the container's, then the stream's.

    A broadcast of HLG says BT.2020 for old receivers, and HLG beside it: "HLG / BT.2020 (10-bit)".
    """
    for field in ("transfer_characteristics", "transfer_characteristics_Original"):
        for name in text(video, field).split(" / "):
            if name in _NAMED_CURVES:
                return _NAMED_CURVES[name]
    return None if header.transfer_curve is None else CURVES.get(header.transfer_curve)


def _described_dolby_vision(video: Track) -> tuple[int, int] | None:
    """Take profile and compatibility from MediaInfo's lists, at the place where it says Dolby Vision."""
    formats = text(video, "HDR_Format").split(" / ")
    if "Dolby Vision" not in formats:
        return None
    place = formats.index("Dolby Vision")
    profiles, compatible = (
        [*text(video, name).split(" / "), *[""] * len(formats)][place]
        for name in ("HDR_Format_Profile", "HDR_Format_Compatibility")
    )
    profile = re.match(r"\w+\.(\d\d)", profiles)
    return (int(profile[1]), _NAMED_COMPATIBLE.get(compatible, 0)) if profile else None


def _fallback(profile: int, compatible: int, curve: str | None) -> str | None:
    if compatible or profile in _ALONE:
        return _COMPATIBLE.get(compatible)
    return curve or "SDR"
