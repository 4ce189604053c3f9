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
import os
from collections.abc import Callable, Sequence
from functools import cache, partial
from itertools import chain
from typing import Any, BinaryIO

import pymediainfo

from reeld.content.dynamic_range import dynamic_range
from reeld.content.headers.picture import PictureHeader, read_picture
from reeld.content.headers.read import read_length
from reeld.content.headers.source import PADDING_MS, Length
from reeld.content.headers.transport_tables import read_languages
from reeld.content.media_names import STILLS, WRAPPERS, audio_codec, container_name, video_codec
from reeld.content.tracks import Track, first, number, of_kind, preferred, text
from reeld.domain.languages import distinct_languages
from reeld.sandbox import Limits, serve

STATES_ITS_SIZE = frozenset({"mp4", "mov", "mxf"})

STATES_EACH_LENGTH = frozenset({"mp4", "mov"})
"""Containers whose header says exactly how long each track is."""

BUFFER = 64 << 10
SMALL_BUFFER = 4096
"""For a file that is smaller than a buffer: of one that it gets whole, libmediainfo does not read the
metadata of the pictures.
"""


def answer(alarm: "MemoryAlarm", _request: Track, descriptors: Sequence[int]) -> dict[str, Any]:
    """Return the facts of the one file, or the `read_errno` of its disk."""
    alarm.arm()
    try:
        with open(descriptors[0], "rb", buffering=0, closefd=False) as file:
            tracks = _report(file)
        _name_all_languages(descriptors[0], tracks)
        found = facts(tracks, _header(descriptors[0], tracks))
        length = read_length(descriptors[0], found["duration_ms"])
    except OSError as err:
        return {"read_errno": err.errno}
    return {**found, **lengths(found, length), "ran_out_of_memory": alarm.has_rung}


def lengths(found: dict[str, Any], length: Length) -> dict[str, Any]:
    """Say how long the film is, why that is not known, and whether the file was cut off.

    MediaInfo calls a file truncated that states no size at all. So it is only believed for
    containers that always state one, and only where our own reader found out nothing.
    """
    return length.answer(is_truncated=found["is_truncated"] and found["container"] in STATES_ITS_SIZE)


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


_JSON = json.JSONDecoder(strict=False)
"""Takes the control characters in tags as they are."""


class _MediaInfo(pymediainfo.MediaInfo):
    """Keeps the loaded library. Without this, each file has it looked for, loaded and declared again."""

    @classmethod
    @cache
    def _loaded(cls) -> tuple[Any, str, tuple[int, ...]]:
        library, handle, *version = super()._get_library()
        # This saves a third of the time: nothing is put into words that no report shows. As an option of
        # `parse` it would cost more, since that resets all options after each file.
        library.MediaInfo_Option(handle, "ReadByHuman", "0")
        library.MediaInfo_Delete(handle)
        return library, *version

    @classmethod
    def _get_library(cls, library_file: str | None = None) -> tuple[Any, Any, str, tuple[int, ...]]:  # noqa: ARG003
        library, *version = cls._loaded()
        return library, library.MediaInfo_New(), *version


def _report(file: BinaryIO) -> list[Track]:
    # Speed 0 reads headers only: 4 ms instead of 15, 20 ms instead of 2.5 s for a real film of 2
    # GiB.
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    report = _MediaInfo.parse(
        file,
        output="JSON",
        parse_speed=0,
        full=False,
        buffer_size=SMALL_BUFFER if size < BUFFER else BUFFER,
    )
    media = _JSON.decode(report)["media"]
    return list(media["track"]) if media else []


def _header(descriptor: int, tracks: Sequence[Track]) -> PictureHeader:
    """Read the header of the main picture, and add the tag that libmediainfo left out of its CodecID."""
    video = main_picture(tracks)
    if not video:
        return PictureHeader()
    header = read_picture(descriptor, number(video, "ID"), is_av1=text(video, "Format") == "AV1")
    if header.codec_tag and text(video, "CodecID") in WRAPPERS:
        video["CodecID"] += f" / {header.codec_tag}"
    return header


def facts(tracks: Sequence[Track], header: PictureHeader | None = None) -> dict[str, Any]:
    """Translate MediaInfo's tracks to `MediaFacts`, and say whether there is video or sound."""
    general, video, audios = first(tracks, "General"), main_picture(tracks), of_kind(tracks, "Audio")
    header = header or PictureHeader()
    width, height = _size(video, header)
    shown = dynamic_range(video, header)
    return {
        "has_video": bool(video),
        "has_audio": bool(audios),
        "container": container_name(general),
        "duration_ms": _told_ms(general, video),
        "width": width,
        "height": height,
        "codec_video": video_codec(general, video),
        "codec_audio": audio_codec(general, preferred(audios)),
        "hdr": shown.name,
        "dolby_vision": shown.dolby_vision,
        "hdr_fallback": shown.fallback,
        "languages": _languages(tracks, "Audio"),
        "subtitle_languages": _languages(tracks, "Text"),
        "is_truncated": text(general.get("extra"), "IsTruncated") == "Yes",
    }


def _told_ms(general: Track, video: Track) -> int | None:
    """Return how long the film is: as long as its picture, if sound is longer by its padding alone."""
    longest, picture = number(general, "Duration", 1000), number(video, "Duration", 1000)
    if container_name(general) in STATES_EACH_LENGTH and longest and picture and 0 < longest - picture <= PADDING_MS:
        return picture
    return longest or picture


def main_picture(tracks: Sequence[Track]) -> Track:
    """Return the picture track of the film; an empty one if there is none but a cover."""
    videos = of_kind(tracks, "Video")
    stills = [video for video in videos if video_codec(first(tracks, "General"), video) in STILLS]
    # The count of pictures may be only computed from the duration. So it counts where nothing else can be the film.
    if films := [video for video in videos if video not in stills]:
        return preferred(films)
    if films := [video for video in stills if (number(video, "FrameCount") or 1) > 1]:
        return preferred(films)
    if len(stills) == 1 and not (of_kind(tracks, "Audio") and number(stills[0], "FrameCount")):
        return stills[0]  # a lone picture, or one with sound that may hold more than it says
    return {}


def _size(video: Track, header: PictureHeader) -> tuple[int | None, int | None]:
    """Return width and height of what is to be seen. The clean aperture is a part of the picture."""
    width, height = number(video, "Width"), number(video, "Height")
    if header.clean_aperture and width and height:
        clean_width, clean_height = header.clean_aperture
        if 0 < clean_width <= width and 0 < clean_height <= height:
            return clean_width, clean_height
    return width, height


def _languages(tracks: Sequence[Track], kind: str) -> list[str]:
    """List the languages in track order, without repeats. One track may have several ("en / fr")."""
    return distinct_languages(
        chain.from_iterable(text(track, "Language").split(" / ") for track in of_kind(tracks, kind))
    )


def _name_all_languages(descriptor: int, tracks: Sequence[Track]) -> None:
    """Give the tracks of a transport stream that have several languages all of them."""
    if container_name(first(tracks, "General")) != "mpegts":
        return
    named = read_languages(descriptor)
    for track in [*of_kind(tracks, "Audio"), *of_kind(tracks, "Text")]:
        languages = named.get(number(track, "ID") or 0, [])
        if len(languages) > 1:
            track["Language"] = " / ".join(languages)


def main() -> None:
    alarm = MemoryAlarm()
    _report(io.BytesIO(b"\x1a\x45\xdf\xa3"))  # loads the library, which could not be opened later
    serve(partial(answer, alarm), Limits.inherited())


if __name__ == "__main__":
    main()
