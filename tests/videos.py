"""Makes real, tiny videos: a grey picture that depends on the seed, silence, and subtitles if asked.

Two videos with different arguments differ in their bytes; two with the same arguments are equal.
"""

import io
import math
import os
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Literal

import av
from av.audio.stream import AudioStream
from av.bitstream import BitStreamFilterContext
from av.container import OutputContainer
from av.stream import Stream
from av.video.stream import VideoStream

Container = Literal["mkv", "mp4", "avi"]

_FORMATS: dict[str, str] = {"mkv": "matroska", "mp4": "mp4", "avi": "avi"}
_FRAMES_PER_S = 5
_SAMPLES_PER_S = 16_000


def make_video(
    path: Path,
    *,
    seed: int = 0,
    duration_s: float = 1.0,
    audio_language: str | None = "eng",
    subtitle_language: str | None = None,
    padding_bytes: int = 0,
) -> Path:
    """Write a video. Its container follows from the name's ending (.mkv, .mp4, .avi; any other is
    .mkv).

    Languages are ISO 639-2 codes ("eng", "ger"). AVI can hold neither these nor subtitles.
    `padding_bytes` of zeros follow the end, for tests that need a size.
    """
    suffix = path.suffix.removeprefix(".").lower()
    container: Container = "mp4" if suffix == "mp4" else "avi" if suffix == "avi" else "mkv"
    content = video_bytes(
        container,
        seed=seed,
        duration_s=duration_s,
        audio_language=audio_language,
        subtitle_language=subtitle_language,
    )
    path.write_bytes(content + bytes(padding_bytes))
    return path


@lru_cache(maxsize=256)
def video_bytes(
    container: Container = "mkv",
    *,
    seed: int = 0,
    duration_s: float = 1.0,
    audio_language: str | None = "eng",
    subtitle_language: str | None = None,
) -> bytes:
    """Return the content that `make_video` writes."""
    file = io.BytesIO()
    with av.open(file, "w", format=_FORMATS[container], options={"fflags": "+bitexact"}) as output:
        output.metadata["comment"] = f"seed {seed}"
        picture = _picture(output)
        sound = output.add_stream("mp2" if container == "avi" else "aac", rate=_SAMPLES_PER_S, layout="mono")
        sound.metadata["language"] = audio_language or ""
        text = _subtitles(output, container, subtitle_language) if subtitle_language else None
        _encode_picture(output, picture, seed, duration_s)
        _encode_silence(output, sound, min(duration_s, 2.0))
        if text is not None:
            output.mux(text)
    return file.getvalue()


class _Pipe:
    """What a muxer cannot go back in."""

    def __init__(self) -> None:
        self.content = bytearray()

    def write(self, piece: bytes) -> int:
        self.content += piece
        return len(piece)


@lru_cache(maxsize=64)
def remux(
    kind: str,
    *,
    duration_s: float = 2.0,
    to_pipe: bool = False,
    starts_ms: int = 0,
    subtitle_ms: tuple[int, int] | None = None,
    picture_ms: float = math.inf,
    options: tuple[tuple[str, str], ...] = (),
) -> bytes:
    """Copy a small video's packets into a container of this FFmpeg `kind`.

    `subtitle_ms` is the time of one subtitle and how long it is shown. A pipe is what a muxer cannot go back in.
    The picture ends at `picture_ms`.
    """
    pipe, file = _Pipe(), io.BytesIO()
    with (
        av.open(io.BytesIO(video_bytes("mkv", duration_s=duration_s)), "r") as source,
        av.open(pipe if to_pipe else file, "w", format=kind, options=dict(options)) as target,
    ):
        wanted = list(source.streams)
        streams: dict[int, Stream] = {one.index: target.add_stream_from_template(one) for one in wanted}
        text = target.add_mux_stream("mov_text" if kind == "mp4" else "subrip") if subtitle_ms else None
        # A transport stream has no place for headers but the stream itself.
        repeated = BitStreamFilterContext("dump_extra", source.streams.video[0]) if kind == "mpegts" else None
        for read in source.demux(wanted):
            packet = read
            if read.stream.type == "video" and read.pts is not None and read.pts >= picture_ms:
                continue
            if repeated is not None and read.stream.type == "video" and read.pts is not None:
                (packet,) = repeated.filter(read)
                packet.stream = read.stream
            if packet.pts is not None and packet.dts is not None:
                packet.stream = streams[packet.stream.index]
                packet.pts += starts_ms  # Matroska counts milliseconds
                packet.dts += starts_ms
                target.mux(packet)
        if text is not None and subtitle_ms:
            text.time_base = Fraction(1, 1000)
            line = av.Packet(b"\0\4late" if kind == "mp4" else b"late")
            line.stream, line.time_base = text, Fraction(1, 1000)
            line.pts = line.dts = subtitle_ms[0]
            line.duration = subtitle_ms[1]
            target.mux(line)
    return bytes(pipe.content) if to_pipe else file.getvalue()


def _picture(output: OutputContainer) -> VideoStream:
    stream = output.add_stream("mpeg4", rate=_FRAMES_PER_S)
    stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
    return stream


def _subtitles(output: OutputContainer, container: Container, language: str) -> "av.Packet[Stream]":
    """Add the stream, and return its one line, to be muxed once all streams exist."""
    stream = output.add_mux_stream("mov_text" if container == "mp4" else "subrip")
    stream.metadata["language"] = language
    stream.time_base = Fraction(1, 1000)
    packet = av.Packet(b"\0\5hello" if container == "mp4" else b"hello")
    packet.stream, packet.time_base = stream, Fraction(1, 1000)
    packet.pts, packet.dts, packet.duration = 0, 0, 500
    return packet


def _encode_picture(output: OutputContainer, stream: VideoStream, seed: int, duration_s: float) -> None:
    """Encode at most some ten frames, so that a film of two hours is as quick to make as a clip."""
    frames = max(1, round(duration_s * _FRAMES_PER_S))
    for number in sorted({*range(0, frames, max(1, frames // 10)), frames - 1}):
        frame = av.VideoFrame(64, 48, "yuv420p")
        for plane in frame.planes:
            plane.update(bytes([(seed * 7 + number * 3) % 256]) * plane.buffer_size)
        frame.pts = number
        output.mux(stream.encode(frame))
    output.mux(stream.encode(None))


def _encode_silence(output: OutputContainer, stream: AudioStream, duration_s: float) -> None:
    codec = stream.codec_context
    size = codec.frame_size or 1024
    for number in range(max(1, round(duration_s * _SAMPLES_PER_S / size))):
        frame = av.AudioFrame(codec.format.name, "mono", size)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.rate = _SAMPLES_PER_S
        frame.pts = number * size
        output.mux(stream.encode(frame))
    output.mux(stream.encode(None))


def flip(path: Path, at: int | None = None) -> None:
    """Change a byte in the middle, and put the mtime back: only the ctime tells. A second time heals it."""
    before = path.stat()
    at = before.st_size // 2 if at is None else at
    with path.open("r+b") as file:
        file.seek(at)
        (byte,) = file.read(1)
        file.seek(at)
        file.write(bytes([byte ^ 1]))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
