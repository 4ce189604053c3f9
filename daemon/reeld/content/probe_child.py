"""The prober child: reads a video's facts with libmediainfo. Run as a confined process, never
imported.

The library hangs on some files, takes gigabytes for others, and opens files and URLs that a
playlist names. So it runs here, where it can be killed, is bounded, and has neither files nor
network (see `sandbox.py`).
"""

import contextlib
import ctypes
import io
import json
import re
from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from typing import Any, BinaryIO

import pymediainfo

from reeld.content.headers.read import read_length
from reeld.content.headers.source import Length
from reeld.sandbox import Limits, serve

Track = dict[str, Any]

# The names are those of FFmpeg, because most other programs show them. Most are MediaInfo's own
# in lower case without punctuation (hevc, av1, eac3, matroska, avi). These are not. A container
# has one name, also where FFmpeg groups several ("matroska,webm", "mov,mp4,m4a,3gp").
CONTAINERS = {
    "MPEG-4": "mp4",
    "BDAV": "mpegts",
    "Flash Video": "flv",
    "Windows Media": "asf",
    "DVR-MS": "asf",
}
VIDEO_CODECS = {"AVC": "h264", "MPEG-4 Visual": "mpeg4", "Sorenson Spark": "flv1", "JPEG": "mjpeg"}
AUDIO_CODECS = {"MLP FBA": "truehd"}
MPEG_AUDIO = {"Layer 1": "mp1", "Layer 2": "mp2", "Layer 3": "mp3", "50": "mp2", "55": "mp3"}
"""By profile. Where reading only headers finds no profile, by AVI's codec number."""

STATES_ITS_SIZE = frozenset({"mp4", "mov", "mxf"})

HDR_NAMES = (("Dolby Vision", "Dolby Vision"), ("HDR10+", "HDR10+"), ("HDR10", "HDR10"), ("HLG", "HLG"))
"""What to search in MediaInfo's long description, the most specific first."""


def answer(alarm: "MemoryAlarm", _request: Track, descriptors: Sequence[int]) -> dict[str, Any]:
    """Return the facts of the one file, or the `read_errno` of its disk."""
    alarm.arm()
    try:
        with open(descriptors[0], "rb", buffering=0, closefd=False) as file:
            found = facts(_report(file))
        length = read_length(descriptors[0], found["duration_ms"])
    except OSError as err:
        return {"read_errno": err.errno}
    return {**found, **lengths(found, length), "ran_out_of_memory": alarm.has_rung}


def lengths(found: dict[str, Any], length: Length) -> dict[str, Any]:
    """Say how long the film is, why that is not known, and whether the file was cut off.

    MediaInfo calls a file truncated that states no size at all. So it is only believed for
    containers that always state one, and only where our own reader found out nothing.
    """
    is_truncated = found["is_truncated"] and found["container"] in STATES_ITS_SIZE
    return {
        "duration_ms": length.duration_ms,
        "why_no_duration": None if length.duration_ms else length.why_no_duration or "not stated",
        "is_truncated": is_truncated if length.is_cut is None else length.is_cut,
        "is_whole": length.is_stated and length.is_cut is False,
    }


class MemoryAlarm:
    """Notices when libmediainfo is refused memory.

    The library swallows std::bad_alloc and goes on without the tracks that it had not read. One
    huge request that fails leaves no trace in the peak. C++ calls the "new handler" before it
    throws. A handler that removes itself lets the exception be thrown as usual.
    """

    def __init__(self) -> None:
        self.has_rung = False
        self._ring_pointer = ctypes.CFUNCTYPE(None)(self._ring)
        self._set_handler: Callable[[Any], object] = lambda _handler: None
        # libmediainfo with its own copy of the C++ library: no alarm
        with contextlib.suppress(OSError):
            self._set_handler = ctypes.CDLL("libstdc++.so.6")["_ZSt15set_new_handlerPFvvE"]

    def arm(self) -> None:
        self.has_rung = False
        self._set_handler(self._ring_pointer)

    def _ring(self) -> None:
        self.has_rung = True
        self._set_handler(None)


def _report(file: BinaryIO) -> list[Track]:
    # Speed 0 reads headers only: 4 ms instead of 15, 20 ms instead of 2.5 s for a real film of 2
    # GiB.
    report = pymediainfo.MediaInfo.parse(file, output="JSON", parse_speed=0, full=False)
    media = json.loads(report, strict=False)["media"]
    return list(media["track"]) if media else []


def facts(tracks: Sequence[Track]) -> dict[str, Any]:
    """Translate MediaInfo's tracks to `MediaFacts`, and say whether there is video or sound."""
    general, video = _first(tracks, "General"), _first(tracks, "Video")
    audios = [track for track in tracks if track["@type"] == "Audio"]
    audio = next((track for track in audios if _field(track, "Default") == "Yes"), _first(audios, "Audio"))
    return {
        "has_video": bool(video),
        "has_audio": bool(audios),
        "container": _container(general),
        "duration_ms": _number(general, "Duration", 1000) or _number(video, "Duration", 1000),
        "width": _number(video, "Width"),
        "height": _number(video, "Height"),
        "codec_video": _video_codec(video),
        "codec_audio": _audio_codec(audio),
        "hdr": _hdr(video),
        "languages": _languages(tracks, "Audio"),
        "subtitle_languages": _languages(tracks, "Text"),
        "is_truncated": _field(general.get("extra"), "IsTruncated") == "Yes",
    }


def _field(track: object, name: str) -> str:
    """Return a text field; empty if it is missing, or an object, as MediaInfo returns invalid text."""
    value = track.get(name) if isinstance(track, dict) else None
    return value if isinstance(value, str) else ""


def _first(tracks: Sequence[Track], kind: str) -> Track:
    return next((track for track in tracks if track["@type"] == kind), {})


def _container(general: Track) -> str | None:
    name = _field(general, "Format")
    is_quicktime = name == "MPEG-4" and _field(general, "Format_Profile") == "QuickTime"
    return "mov" if is_quicktime else CONTAINERS.get(name) or _plain(name)


def _video_codec(video: Track) -> str | None:
    name = _field(video, "Format")
    if name == "MPEG Video":
        return f"mpeg{_field(video, 'Format_Version')}video"
    if _field(video, "CodecID") in (
        "DIV3",
        "DIV4",
        "MP43",
    ):  # MediaInfo counts them as MPEG-4, players do not
        return "msmpeg4v3"
    return VIDEO_CODECS.get(name) or _plain(name)


def _audio_codec(audio: Track) -> str | None:
    name = _field(audio, "Format")
    if name == "MPEG Audio":
        layer = _field(audio, "Format_Profile") or _field(audio, "CodecID")
        return MPEG_AUDIO.get(layer, "mpegaudio")
    return AUDIO_CODECS.get(name) or _plain(name)


def _hdr(video: Track) -> str | None:
    """Use the description, else the transfer curve: players show every PQ picture as HDR10."""
    described = f"{_field(video, 'HDR_Format')} {_field(video, 'HDR_Format_Compatibility')}"
    for sought, name in HDR_NAMES:
        if sought in described:
            return name
    return {"PQ": "HDR10", "HLG": "HLG"}.get(_field(video, "transfer_characteristics"))


def _languages(tracks: Sequence[Track], kind: str) -> list[str]:
    """List the languages in track order, without repeats. One track may have several ("en / fr")."""
    named = [_field(track, "Language").split(" / ") for track in tracks if track["@type"] == kind]
    return [name for name in dict.fromkeys(chain.from_iterable(named)) if name not in ("", "und")]


def _number(track: Track, field: str, factor: int = 1) -> int | None:
    try:
        return round(float(_field(track, field)) * factor)
    except (ValueError, OverflowError):  # missing, or no number; infinite
        return None


def _plain(name: str) -> str | None:
    return re.sub(r"^[va]_|[^a-z0-9]", "", name.lower()) or None


def main() -> None:
    alarm = MemoryAlarm()
    _report(io.BytesIO(b"\x1a\x45\xdf\xa3"))  # loads the library, which could not be opened later
    serve(partial(answer, alarm), Limits.inherited())


if __name__ == "__main__":
    main()
