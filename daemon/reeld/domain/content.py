"""The facts about a file's content that its bytes show."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class QuickHashes:
    """Hashes that need only the ends of a file; lower-case hexadecimal, 16 digits each.

    `fingerprint` is xxh3-64 over the first MiB, the last MiB and the size (smaller files whole).
    `oshash` is the 64-bit hash of OpenSubtitles, or None for a file below 64 KiB, where it is not defined.
    """

    fingerprint: str
    oshash: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaFacts:
    """The prober's facts about a file. A file without a video has a `problem`."""

    container: str | None = None
    duration_ms: int | None = None
    width: int | None = None
    height: int | None = None
    codec_video: str | None = None
    codec_audio: str | None = None
    hdr: str | None = None
    """HDR10, HDR10+, HLG or Dolby Vision."""
    dolby_vision: str | None = None
    """The profile and the number of what it is compatible with: `5`, `8.1`."""
    hdr_fallback: str | None = None
    """What a player without Dolby Vision shows of such a picture: HDR10, HLG, SDR or none."""
    languages: tuple[str, ...] = ()
    """Audio languages as the container names them (BCP 47), in track order, without repeats."""
    subtitle_languages: tuple[str, ...] = ()
    end: Literal["there", "missing", "unknown"] = "unknown"
    """Whether the file is as long as its container says. A file without any track yet is missing its
    end, too.
    """
    problem: str | None = None
    """For the user: why these facts are missing or in doubt, and what to do. None if all is well."""
