"""Describe a file that belongs to a video by its name: a subtitle, a .nfo, a picture."""

from dataclasses import dataclass
from typing import Literal, get_args

SidecarKind = Literal[
    "subtitle", "subtitle_index", "nfo", "poster", "fanart", "thumb", "banner", "logo", "clearart", "disc"
]
"""`subtitle_index` is the .idx of a VobSub subtitle, whose .sub is the subtitle."""

PICTURE_KINDS = frozenset(get_args(SidecarKind)) - {"subtitle", "subtitle_index", "nfo"}

Owner = Literal["video", "folder", "several", "none"]
"""A video; the folder of a film, season or series as a whole; several videos that fit equally; none that is there."""

SUBTITLE_SUFFIXES = frozenset({"srt", "ass", "ssa", "sub", "idx", "sup", "vtt", "smi"})
PICTURE_SUFFIXES = frozenset({"jpg", "jpeg", "png", "webp", "gif", "tbn"})
SIDECAR_SUFFIXES = SUBTITLE_SUFFIXES | PICTURE_SUFFIXES | {"nfo"}
"""In lower case, without the dot. Of the pictures only those with certain names are sidecars."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SidecarName:
    """What a sidecar is by its name and its place."""

    kind: SidecarKind
    owner: Owner
    video: str | None = None
    """The path of the video that it belongs to, relative to the library; only for the owner `video`."""
    language: str | None = None
    """BCP 47. None: the name says none, says two, or may mean something else."""
    is_forced: bool = False
    is_sdh: bool = False
    """For the deaf and hard of hearing."""
    is_default: bool = False
    title: str | None = None
    """The words of a subtitle's name that are none of these."""
