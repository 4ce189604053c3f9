"""Makes tiny videos as FFmpeg's muxers write them, by the names of codecs, for the tests of what is read in them."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import av
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.stream import Disposition
from av.video.stream import VideoStream


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One picture track: by default two frames of 64x48."""

    codec: str = "mpeg4"
    size: tuple[int, int] = (64, 48)
    frames: int = 2
    tag: str | None = None
    """The FourCC, where the writer does not use FFmpeg's first one."""
    pixels: str | None = None
    options: Mapping[str, str] = field(default_factory=dict, hash=False)
    is_default: bool = False
    colours: tuple[int, int, int] | None = None
    """Primaries, transfer curve and matrix, by the numbers of ITU-T H.273."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """One sound track of a tenth of a second."""

    codec: str = "mp2"
    rate: int = 44_100
    layout: str = "mono"
    language: str | None = None
    is_default: bool = False


def content(container: str, pictures: Sequence[Picture], sounds: Sequence[Sound] = (), **options: str) -> bytes:
    """Write the tracks in their order, pictures first, in the container with this name of FFmpeg's."""
    file = io.BytesIO()
    strict = {"strict": "experimental"} | options
    with av.open(file, "w", format=container, options=strict) as output:
        videos = [(_picture(output, picture), picture) for picture in pictures]
        audios = [_sound(output, sound) for sound in sounds]
        for video, picture in videos:
            _encode_pictures(output, video, picture.frames)
        for audio in audios:
            _encode_silence(output, audio)
    return file.getvalue()


def _picture(output: OutputContainer, picture: Picture) -> VideoStream:
    stream = output.add_stream(picture.codec, rate=25, options={"strict": "experimental", **picture.options})
    assert isinstance(stream, VideoStream)
    context = stream.codec_context
    stream.width, stream.height = picture.size
    formats = context.codec.video_formats
    stream.pix_fmt = picture.pixels or (formats[0].name if formats else "yuv420p")
    if picture.tag is not None:
        context.codec_tag = picture.tag
    if picture.is_default:
        stream.disposition = Disposition.default
    if picture.colours is not None:
        context.color_primaries, context.color_trc, context.colorspace = picture.colours
    return stream


def _sound(output: OutputContainer, sound: Sound) -> AudioStream:
    stream = output.add_stream(sound.codec, rate=sound.rate, layout=sound.layout, options={"strict": "experimental"})
    assert isinstance(stream, AudioStream)
    stream.codec_context.bit_rate = 64_000
    if sound.language is not None:
        stream.metadata["language"] = sound.language
    if sound.is_default:
        stream.disposition = Disposition.default
    return stream


def _encode_pictures(output: OutputContainer, stream: VideoStream, frames: int) -> None:
    context = stream.codec_context
    for number in range(frames):
        frame = av.VideoFrame(context.width, context.height, context.pix_fmt or "yuv420p")
        for plane in frame.planes:
            plane.update(bytes([(40 + 60 * number) % 256]) * plane.buffer_size)
        frame.pts = number
        output.mux(stream.encode(frame))
    output.mux(stream.encode(None))


def _encode_silence(output: OutputContainer, stream: AudioStream) -> None:
    context = stream.codec_context
    size = context.frame_size or 1024
    for number in range(max(1, round(0.1 * context.sample_rate / size))):
        frame = av.AudioFrame(context.format.name, context.layout.name, size)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.rate = context.sample_rate
        frame.pts = number * size
        output.mux(stream.encode(frame))
    output.mux(stream.encode(None))


def with_box(video: bytes, name: bytes, body: bytes) -> bytes:
    """Add a box to the first sample entry of an MP4 file whose header is at its end, so that no offset changes."""
    path = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd")
    starts, start, end = [], 0, len(video)
    for wanted in path:
        start = _find_box(video, start, end, wanted)
        starts.append(start)
        end = start + _size(video, start)
        start += 8
    entry = start + 8  # behind version, flags and number of entries
    starts.append(entry)
    content = bytearray(video)
    box = (8 + len(body)).to_bytes(4, "big") + name + body
    place = entry + _size(video, entry)
    for at in starts:
        content[at : at + 4] = (_size(video, at) + len(box)).to_bytes(4, "big")
    content[place:place] = box
    return bytes(content)


def _find_box(video: bytes, start: int, end: int, name: bytes) -> int:
    while start < end:
        if video[start + 4 : start + 8] == name:
            return start
        start += _size(video, start)
    raise AssertionError(name)


def _size(video: bytes, at: int) -> int:
    return int.from_bytes(video[at : at + 4], "big")
