"""What is inside a file, as far as reading its bytes can tell."""

from dataclasses import dataclass
from typing import Literal

from reeld.domain.files import FileStamp


@dataclass(frozen=True, slots=True, kw_only=True)
class QuickHashes:
    """Hashes that need only the ends of a file; lower-case hexadecimal, 16 digits each.

    `fingerprint` is xxh3-64 over the first MiB, the last MiB and the size (smaller files whole).
    `oshash` is the 64-bit hash of OpenSubtitles; None for a file below 64 KiB, where it is not defined.
    """

    fingerprint: str
    oshash: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HashProgress:
    """How far the full hash of a large file is, to be gone on with after a restart."""

    stamp: FileStamp
    """Of the file when it was read; of any other, this says nothing."""
    done_bytes: int
    state: bytes
    """Of the hash, for whoever `made_by` names."""
    made_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaFacts:
    """What the media prober read from a file. A file in which it found no video has a `problem`."""

    container: str | None = None
    duration_ms: int | None = None
    width: int | None = None
    height: int | None = None
    codec_video: str | None = None
    codec_audio: str | None = None
    hdr: str | None = None
    languages: tuple[str, ...] = ()
    """Audio languages as the container names them (BCP 47), in track order, without repeats."""
    subtitle_languages: tuple[str, ...] = ()
    end: Literal["there", "missing", "unknown"] = "unknown"
    """Whether the file is as long as its container says. Missing is also what was begun and holds no track yet."""
    problem: str | None = None
    """For a person: why these facts are missing or doubtful, and what to do. None when all is well."""
