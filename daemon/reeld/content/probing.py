"""Probes a video: container, duration, picture, sound and languages.

reeld's own reader is asked first. It is pure Python, reads at most 2 MiB, and answers only for what it
understands wholly. For all else the first bytes decide whether the file is passed to the prober at all. Text
under a video's name is the dangerous case: libmediainfo follows a playlist to other files and to the network.
"""

import os
from contextlib import suppress
from typing import Any, Literal

from reeld.content.headers.read_all import read_all
from reeld.content.opening import OpenVideo
from reeld.content.readings import READINGS, Ask, Readings
from reeld.domain.content import MediaFacts
from reeld.errors import WorkerError
from reeld.sandbox import MEMORY_SHARE

HEAD_BYTES = 2048

DOUBTFUL_SHARE = 0.6
"""Above this share of its memory limit, an allocation may have failed without the child's notice.
The library swallows that, and then its answer lacks the tracks that it had not read.
"""

_MP4_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot", b"styp", b"uuid")

_MAGIC = (
    b"\x1a\x45\xdf\xa3",  # EBML: Matroska, WebM
    b"FLV",
    b"OggS",
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",  # ASF: wmv, asf, dvr-ms
    b".RMF",
    b"\x00\x00\x01",  # MPEG start code: program streams (vob, mpg), elementary streams
    b"\x00\x00\x00\x01",
    b"\x06\x0e\x2b\x34",  # MXF
    b"DKIF",  # IVF
    b"\x1f\x07\x00",  # DV from a camera
)

_WHY_NO_LENGTH = {
    "not stated": "the container states none",
    "contradicted": "the container states one that its last picture contradicts",
    "jumps": "its time stamps jump, as where recordings were joined",
}

_OTHER_KINDS = (
    (b"#EXTM3U", "a playlist"),
    (b"Rar!", "a RAR archive; unpack it"),
    (b"PK\x03\x04", "a ZIP archive; unpack it"),
    (b"7z\xbc\xaf", "a 7-Zip archive; unpack it"),
    (b"MZ", "a program for Windows; do not run it"),
    (b"\x7fELF", "a program; do not run it"),
    (b"\xff\xd8\xff", "a picture"),
    (b"\x89PNG", "a picture"),
    (b"ID3", "sound without a picture"),
    (b"fLaC", "sound without a picture"),
)


def probe_open(video: OpenVideo, ask: Ask, readings: Readings = READINGS) -> MediaFacts:
    """Probe the file. The facts have a `problem` if there is no video, or if they are in doubt.

    The prober gets a descriptor, never a name. Raises OSError, and the errors of `ask` when the prober hangs
    or dies. The caller that opened the video checks afterwards that nothing changed it.
    """
    found, other = read_headers(video.descriptor), None
    if found is None:
        found = ask_prober(video.descriptor, readings.counting(ask))
    elif readings.count_own():
        with suppress(WorkerError):  # that the prober fails is no fault of a file whose facts are known
            other = ask_prober(video.descriptor, ask)
    if other:
        video.require_untouched()
        readings.compare(video.path, found, other)
    return found


def read_headers(descriptor: int) -> MediaFacts | None:
    """Return the facts of the open file, or None if only the prober can tell them.

    Never raises because of the bytes. Raises OSError if the disk fails.
    """
    answer = read_all(descriptor)
    return None if answer is None else _facts(answer)


def ask_prober(descriptor: int, ask: Ask) -> MediaFacts:
    """Return what the prober says of the open file, which it gets only if it begins like a video.

    Raises OSError, and the errors of `ask`.
    """
    head = os.pread(descriptor, HEAD_BYTES, 0)
    if problem := _not_a_video(head):
        # Zeros where every container has its mark: reserved space that is still to be filled.
        is_begun = bool(head) and not any(head)
        return MediaFacts(problem=problem, end="missing" if is_begun else "unknown")
    answer = ask({}, (descriptor,))
    if failed := _count(answer.get("read_errno")):
        raise OSError(failed, os.strerror(failed))
    return _facts(answer)


def _not_a_video(head: bytes) -> str | None:
    """Say why the prober must not see a file that begins with `head`, or return None if it may."""
    if _begins_like_a_video(head):
        return None
    if not head:
        return "empty file; delete it, or fetch it again"
    if not any(head):
        return "not a video: it begins with zeros, so it was never written to its end; fetch it again"
    for magic, kind in _OTHER_KINDS:
        if head.startswith(magic):
            return f"not a video: it is {kind}"
    return (
        "not a video: the first bytes are those of no video container that reeld knows; "
        "if a player shows it, convert it to Matroska or MP4"
    )


def _begins_like_a_video(head: bytes) -> bool:
    return (
        head.startswith(_MAGIC)
        or head[4:8] in _MP4_BOXES
        or (head[:4] == b"RIFF" and head[8:12] in (b"AVI ", b"CDXA"))
        or _is_transport_stream(head)
    )


def _is_transport_stream(head: bytes) -> bool:
    """Recognize five sync bytes, one packet apart: 188 bytes, 192 with time stamps, 204 with error
    correction.

    A recording may begin in the middle of a packet.
    """
    return any(
        len(packets := head[start : start + 5 * size : size]) == 5 and packets == b"GGGGG"
        for size in (188, 192, 204)
        for start in range(size)
    )


def _facts(answer: dict[str, Any]) -> MediaFacts:
    """Check each value: a child that parsed hostile bytes is not trusted."""
    return MediaFacts(
        container=_text(answer.get("container")),
        duration_ms=_count(answer.get("duration_ms")),
        width=_count(answer.get("width")),
        height=_count(answer.get("height")),
        codec_video=_text(answer.get("codec_video")),
        codec_audio=_text(answer.get("codec_audio")),
        hdr=_text(answer.get("hdr")),
        dolby_vision=_text(answer.get("dolby_vision")),
        hdr_fallback=_text(answer.get("hdr_fallback")),
        languages=_texts(answer.get("languages")),
        subtitle_languages=_texts(answer.get("subtitle_languages")),
        end=_end(answer),
        problem=_doubt(answer),
    )


def _end(answer: dict[str, Any]) -> Literal["there", "missing", "unknown"]:
    is_short = answer.get("is_truncated") is True
    has_track = answer.get("has_video") or answer.get("has_audio") or answer.get("names_streams") is True
    if is_short or not (has_track or _is_starved(answer)):
        return "missing"
    return "there" if answer.get("is_whole") is True else "unknown"


def _is_starved(answer: dict[str, Any]) -> bool:
    """Tell whether the prober may have left out tracks because it lacked memory."""
    return answer.get("ran_out_of_memory") is True or answer.get(MEMORY_SHARE, 0) > DOUBTFUL_SHARE


def _doubt(answer: dict[str, Any]) -> str | None:
    """Tell the user which of these facts are missing, and what to do."""
    if answer.get("is_truncated") is True:
        return "truncated: the container says that it is longer than the file; fetch the file again"
    if _is_starved(answer):
        return "doubtful: reading it used up the prober's memory, so tracks may be missing; remux the file"
    if not answer.get("has_video"):
        if answer.get("names_streams") is True and not answer.get("has_audio"):
            return "no video track: its streams are of kinds that reeld does not know; remux it to Matroska or MP4"
        found = "only sound" if answer.get("has_audio") else "no track"
        return f"no video track: {found} could be read in it; play it, and fetch it again if it is damaged"
    doubts = []
    if why := _WHY_NO_LENGTH.get(_text(answer.get("why_no_duration")) or ""):
        doubts.append(f"its length is not known: {why}; remux it to store one")
    if unread := _unread(answer):
        doubts.append(f"not known: {' and '.join(unread)}; its headers do not say; remux it to Matroska or MP4")
    return "; ".join(doubts) or None


def _unread(answer: dict[str, Any]) -> list[str]:
    """Name what the prober says that it did not find, of the tracks that it did find."""
    unread = []
    if answer.get("has_video") and answer.get("width", "") is None:
        unread.append("the size of its picture")
    if answer.get("has_audio") and answer.get("codec_audio", "") is None:
        unread.append("the codec of its sound")
    return unread


def _text(value: object) -> str | None:
    """Accept a short printable name, which SQLite and terminals can hold."""
    return value if isinstance(value, str) and value.isprintable() and 0 < len(value) <= 64 else None


def _texts(value: object) -> tuple[str, ...]:
    """Accept up to 200 short names: no disc has more tracks."""
    return tuple([text for one in value[:200] if (text := _text(one))]) if value and isinstance(value, list) else ()


def _count(value: object) -> int | None:
    """Accept a whole number above 0 of at most 53 bits, which every database and JSON reader can hold."""
    return value if type(value) is int and 0 < value < 1 << 53 else None
