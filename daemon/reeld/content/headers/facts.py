"""What reeld's own reader finds in a file that it understands wholly."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from reeld.content import codec_tags as tags
from reeld.content.dynamic_range import DynamicRange
from reeld.content.headers.source import PADDING_MS, Length, NotUnderstood
from reeld.domain.languages import distinct_languages

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")

_AAC_OBJECTS = (1, 2, 3, 4, 5, 6, 23, 29, 39, 42)
"""Of what MPEG-4 calls audio object types, those that are AAC."""
_WITHDRAWN = ("scc", "scr", "mol")
"""Codes that had a language, and that not every reader knows."""

_FOLDED = {tag.upper(): codec for tag, codec in reversed(tags.RIFF_VIDEO.items())}

_RANKS = {True: 0, None: 1, False: 2}
"""Which sound goes first, by whether it is marked as default."""

_SOUND = frozenset(
    ("aac", "ac3", "adpcm_ima_wav", "adpcm_ms", "dts", "mp2", "mp3", "pcm_alaw", "pcm_mulaw", "wmav1", "wmav2")
)
"""Codecs of Windows' sounds that are what their number says."""


class Facts(NamedTuple):
    """All facts of a file with a picture."""

    container: str
    size: tuple[int, int]
    codec_video: str
    range: DynamicRange
    sounds: Sequence[tuple[str, bool | None]]
    """The codec of each sound track, and whether it is marked as default (None: nothing is said)."""
    languages: Sequence[str]
    subtitle_languages: Sequence[str]
    length: Length

    def answer(self) -> dict[str, Any]:
        """Return them as the prober child would."""
        return {
            "has_video": True,
            "has_audio": bool(self.sounds),
            "container": self.container,
            "width": self.size[0],
            "height": self.size[1],
            "codec_video": self.codec_video,
            "codec_audio": _preferred(self.sounds),
            "hdr": self.range.name,
            "dolby_vision": self.range.dolby_vision,
            "hdr_fallback": self.range.fallback,
            "languages": distinct_languages(self.languages),
            "subtitle_languages": distinct_languages(self.subtitle_languages),
            **self.length.answer(is_truncated=False),
        }


def _preferred(sounds: Sequence[tuple[str, bool | None]]) -> str | None:
    """Return the codec of the sound that players choose."""
    if not sounds:
        return None
    return sounds[0][0] if len(sounds) == 1 else min(sounds, key=lambda sound: _RANKS[sound[1]])[0]


def told_ms(longest_ms: float, picture_ms: float) -> int | None:
    """Return how long the film is: as long as its picture, if sound is longer by its padding alone."""
    longest, picture = round(longest_ms), round(picture_ms)
    if longest and picture and 0 < longest - picture <= PADDING_MS:
        return picture
    return longest or picture or None


@lru_cache(maxsize=256)
def plain_language(code: bytes) -> str:
    """Return a code that means the same to every reader; nothing if none is named. Raises NotUnderstood."""
    text = code.rstrip(b"\0").decode("latin-1")
    if text and (not _LANGUAGE.fullmatch(text) or text[:3].lower() in _WITHDRAWN):
        raise NotUnderstood
    return text


def picture_of_tag(tag: bytes) -> str:
    """Name the codec of a FourCC in Windows' description of a picture, in any case of its letters."""
    text = tag.decode("latin-1")
    name = tags.RIFF_VIDEO.get(text) or _FOLDED.get(text.upper())
    if name is None:
        raise NotUnderstood
    return name


def sound_of_tag(form: bytes) -> str:
    """Name the codec of Windows' description of a sound, `WAVEFORMATEX`."""
    name = tags.RIFF_AUDIO.get(f"{int.from_bytes(form[:2], 'little'):X}", "")
    name = "pcm" if re.match(r"pcm_[suf]\d", name) else name
    if len(form) < 14 or name not in _SOUND | {"pcm"}:
        raise NotUnderstood
    return name


def is_aac(told: bytes) -> bool:
    """Tell whether an MPEG-4 decoder that is told this has to decode AAC: it begins with an audio object type."""
    bits = int.from_bytes(told[:2].ljust(2, b"\0"), "big")
    kind = bits >> 11
    return (32 + (bits >> 5 & 63) if kind == 31 else kind) in _AAC_OBJECTS
