"""What is read in videos of many writers is what they wrote, under the names that FFmpeg has for it."""

import ctypes
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import pytest

from reeld.content import codec_tags as tags
from reeld.content.probing import probe
from reeld.domain.content import MediaFacts
from reeld.domain.files import FileStamp
from reeld.sandbox import Limits
from reeld.service.worker_pool import WorkerPool
from tests.content.kinds import Picture, Sound, content, with_box

Read = Callable[[bytes], MediaFacts]


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Read]:
    """Probe a file with these bytes as the daemon does, in one confined child for all tests of this file."""
    folder, numbers = tmp_path_factory.mktemp("kinds"), itertools.count()
    pool = WorkerPool("reeld.content.probe_child", 1, Limits())

    def read(video: bytes) -> MediaFacts:
        path: Path = folder / f"{next(numbers)}.mkv"
        path.write_bytes(video)
        return probe(
            str(path), FileStamp.of(path.stat()), lambda request, files: pool.call(request, files, timeout_s=150)
        )

    yield read
    pool.close()


@pytest.mark.parametrize(
    ("container", "picture", "codec"),
    [
        ("avi", Picture(tag="XVID"), "mpeg4"),
        ("avi", Picture(tag="xvid"), "mpeg4"),
        ("avi", Picture(tag="DX50"), "mpeg4"),
        ("avi", Picture(codec="msmpeg4v2"), "msmpeg4v2"),
        ("avi", Picture(codec="msmpeg4"), "msmpeg4v3"),
        ("avi", Picture(codec="msmpeg4", tag="DIV4"), "msmpeg4v3"),
        ("avi", Picture(codec="wmv2"), "wmv2"),
        ("avi", Picture(codec="mjpeg"), "mjpeg"),
        ("avi", Picture(codec="huffyuv"), "huffyuv"),
        ("avi", Picture(codec="ffvhuff"), "ffvhuff"),
        ("avi", Picture(codec="utvideo"), "utvideo"),
        ("avi", Picture(codec="rawvideo", pixels="yuv420p"), "rawvideo"),
        ("avi", Picture(codec="msvideo1"), "msvideo1"),
        ("avi", Picture(codec="msrle"), "msrle"),
        ("avi", Picture(codec="magicyuv"), "magicyuv"),
        ("avi", Picture(codec="zmbv"), "zmbv"),
        ("avi", Picture(codec="asv2"), "asv2"),
        ("avi", Picture(codec="mpeg1video"), "mpeg1video"),
        ("avi", Picture(codec="h263p", size=(176, 144)), "h263"),
        ("avi", Picture(codec="dvvideo", size=(720, 576), pixels="yuv420p"), "dvvideo"),
        ("mov", Picture(codec="cfhd"), "cfhd"),
        ("mov", Picture(codec="dnxhd", size=(1280, 720), options={"profile": "dnxhr_lb"}, pixels="yuv422p"), "dnxhd"),
        ("mov", Picture(codec="smc"), "smc"),
        ("mov", Picture(codec="mpeg2video"), "mpeg2video"),
        ("mov", Picture(codec="prores"), "prores"),
        ("mov", Picture(codec="qtrle"), "qtrle"),
        ("mov", Picture(codec="rpza"), "rpza"),
        ("mov", Picture(codec="svq1"), "svq1"),
        ("mov", Picture(codec="v210"), "v210"),
        ("mp4", Picture(codec="jpeg2000"), "jpeg2000"),
        ("matroska", Picture(codec="ffv1"), "ffv1"),
        ("matroska", Picture(codec="snow"), "snow"),
        ("asf", Picture(codec="wmv1"), "wmv1"),
        ("flv", Picture(codec="flv"), "flv1"),
        ("flv", Picture(codec="flashsv"), "flashsv"),
        ("flv", Picture(codec="mpeg4"), "mpeg4"),
        ("rm", Picture(codec="rv10", size=(176, 144)), "rv10"),
        ("rm", Picture(codec="rv20", size=(176, 144)), "rv20"),
    ],
    ids=lambda value: value.tag or value.codec if isinstance(value, Picture) else value,
)
def test_a_picture_has_ffmpegs_name(read: Read, container: str, picture: Picture, codec: str) -> None:
    found = read(content(container, [picture]))
    assert (found.container, found.codec_video, found.problem) == (container, codec, None)
    assert (found.width, found.height) == picture.size


@pytest.mark.parametrize(
    ("container", "codec", "name"),
    [
        ("avi", "pcm_s16le", "pcm"),
        ("avi", "pcm_alaw", "pcm_alaw"),
        ("avi", "pcm_mulaw", "pcm_mulaw"),
        ("avi", "adpcm_ms", "adpcm_ms"),
        ("avi", "adpcm_ima_wav", "adpcm_ima_wav"),
        ("avi", "adpcm_yamaha", "adpcm_yamaha"),
        ("avi", "wmav1", "wmav1"),
        ("avi", "eac3", "eac3"),
        ("asf", "wmav2", "wmav2"),
        ("mov", "adpcm_ima_qt", "adpcm_ima_qt"),
        ("mov", "pcm_alaw", "pcm_alaw"),
        ("mov", "pcm_s24be", "pcm"),
        ("mp4", "alac", "alac"),
        ("mp4", "pcm_f32le", "pcm"),
        ("mp4", "vorbis", "vorbis"),
        ("matroska", "pcm_s16be", "pcm"),
        ("matroska", "pcm_f32le", "pcm"),
        ("matroska", "tta", "tta"),
        ("flv", "nellymoser", "nellymoser"),
        ("flv", "adpcm_swf", "adpcm_swf"),
    ],
)
def test_sound_has_ffmpegs_name(read: Read, container: str, codec: str, name: str) -> None:
    picture = Picture(codec="flv" if container == "flv" else "mpeg4")
    sound = Sound(
        codec=codec,
        layout="stereo" if codec == "vorbis" else "mono",
        rate=48_000 if codec in ("eac3", "vorbis") else 22_050,
    )
    assert read(content(container, [picture], [sound])).codec_audio == name


def test_the_tags_are_those_of_ffmpeg() -> None:
    """Compare with the library within PyAV. Another version may know more tags, never another name for one."""
    libraries = Path(av.__file__).parent.parent / "av.libs"
    names = ctypes.CDLL(str(next(libraries.glob("libavcodec-*")))).avcodec_get_name
    names.restype = ctypes.c_char_p
    formats = ctypes.CDLL(str(next(libraries.glob("libavformat-*"))))
    for table, ours in (
        ("riff_video", tags.RIFF_VIDEO),
        ("riff_audio", {int(tag, 16): codec for tag, codec in tags.RIFF_AUDIO.items()}),
        ("mov_video", tags.MOV_VIDEO),
        ("mov_audio", tags.MOV_AUDIO),
    ):
        theirs: dict[str | int, str] = {}
        for codec_id, tag in _tags_of(formats, table):
            key = tag if table == "riff_audio" else tag.to_bytes(4, "little").decode("latin-1").strip()
            theirs.setdefault(key, names(codec_id).decode())
        assert {tag: theirs.get(tag) for tag in ours} == ours


def _tags_of(library: ctypes.CDLL, table: str) -> Iterator[tuple[int, int]]:
    """List pairs of a codec's id and a tag up to the pair that ends the table."""
    function = library[f"avformat_get_{table}_tags"]
    function.restype = ctypes.POINTER(ctypes.c_uint)
    pairs = function()
    for at in itertools.count(0, 2):
        if pairs[at] == 0:
            return
        yield pairs[at], pairs[at + 1]


COVER = Picture(codec="mjpeg", size=(96, 128), frames=1, pixels="yuvj420p")
FILM = Picture()
SMALL = Picture(size=(32, 32))


@pytest.mark.parametrize("container", ["matroska", "mp4", "mov", "avi"])
@pytest.mark.parametrize("pictures", [(COVER, FILM), (FILM, COVER)], ids=["first", "last"])
def test_a_cover_is_not_the_picture_of_a_film(read: Read, container: str, pictures: tuple[Picture, ...]) -> None:
    found = read(content(container, pictures, [Sound()]))
    assert (found.codec_video, found.width, found.height) == ("mpeg4", 64, 48)


def test_a_cover_beside_sound_alone_makes_no_film(read: Read) -> None:
    found = read(content("matroska", [COVER], [Sound(language="eng")]))
    assert (found.codec_video, found.width, found.codec_audio, found.languages) == (None, None, "mp2", ("en",))
    assert found.problem
    assert found.problem.startswith("no video track: only sound")


def test_a_film_of_still_pictures_is_a_film(read: Read) -> None:
    found = read(content("matroska", [Picture(codec="mjpeg", pixels="yuvj420p")], [Sound()]))
    assert (found.codec_video, found.problem) == ("mjpeg", None)


def test_the_default_picture_and_sound_are_the_films(read: Read) -> None:
    pictures = [SMALL, Picture(is_default=True)]
    found = read(content("matroska", pictures, [Sound(), Sound(codec="ac3", rate=48_000, is_default=True)]))
    assert (found.width, found.height, found.codec_audio) == (64, 48, "ac3")


def test_without_a_default_the_first_picture_is_the_films(read: Read) -> None:
    assert read(content("matroska", [FILM, SMALL])).width == 64


# --- dynamic range and size ------------------------------------------------------------------------------

_BT2020, _PQ, _HLG, _BT2020_10_BIT, _BT2020_NCL = 9, 16, 18, 14, 9


@pytest.mark.parametrize(("curve", "name"), [(_PQ, "HDR10"), (_HLG, "HLG")])
@pytest.mark.parametrize(("container", "colours"), [("matroska", b"\x55\xb0"), ("mp4", b"colr")])
def test_the_colours_of_av1_are_read_where_the_container_names_none(
    read: Read, container: str, colours: bytes, curve: int, name: str
) -> None:
    picture = Picture(
        codec="libsvtav1",
        pixels="yuv420p10le",
        frames=1,
        options={"preset": "12"},
        colours=(_BT2020, curve, _BT2020_NCL),
    )
    video = content(container, [picture])
    assert colours in video
    without = video.replace(colours, b"\x55\xff" if container == "matroska" else b"free")
    assert (read(video).hdr, read(without).hdr) == (name, name)


def test_hlg_is_read_where_a_broadcast_names_another_curve_for_old_receivers(read: Read) -> None:
    parameters = "log-level=none:colorprim=bt2020:transfer=bt2020-10:colormatrix=bt2020nc:atc-sei=18:repeat-headers=1"
    picture = Picture(codec="libx265", pixels="yuv420p10le", frames=5, options={"x265-params": parameters})
    assert read(content("mpegts", [picture])).hdr == "HLG"


def _dolby_vision(profile: int, compatible: int) -> bytes:
    """A DOVIDecoderConfigurationRecord of level 6, with its RPU and base layer."""
    return bytes([1, 0, profile << 1, 6 << 3 | 5, compatible << 4]) + bytes(19)


@pytest.mark.parametrize(
    ("profile", "compatible", "name", "fallback"),
    [
        (5, 0, "5", "none"),
        (7, 6, "7.6", "HDR10"),
        (8, 1, "8.1", "HDR10"),
        (8, 2, "8.2", "SDR"),
        (8, 4, "8.4", "HLG"),
        (9, 2, "9.2", "SDR"),
        (10, 0, "10", "none"),
    ],
)
def test_dolby_vision_is_named_with_its_profile_and_what_others_show(
    read: Read, profile: int, compatible: int, name: str, fallback: str
) -> None:
    box = b"dvcC" if profile < 8 else b"dvvC"
    found = read(with_box(content("mp4", [FILM]), box, _dolby_vision(profile, compatible)))
    assert (found.hdr, found.dolby_vision, found.hdr_fallback) == ("Dolby Vision", name, fallback)


def _clean_aperture(width: int, height: int) -> bytes:
    return b"".join(number.to_bytes(4, "big") for number in (width, 1, height * 2, 2, 0, 1, 0, 1))


@pytest.mark.parametrize("container", ["mov", "mp4"])
@pytest.mark.parametrize(
    ("clean", "size"), [((64, 36), (64, 36)), ((60, 48), (60, 48)), ((64, 500), (64, 48)), ((0, 36), (64, 48))]
)
def test_the_clean_aperture_is_the_size(
    read: Read, container: str, clean: tuple[int, int], size: tuple[int, int]
) -> None:
    found = read(with_box(content(container, [FILM], [Sound(codec="aac")]), b"clap", _clean_aperture(*clean)))
    assert (found.width, found.height) == size


def test_a_header_of_nonsense_changes_nothing(read: Read) -> None:
    video = content("mp4", [FILM])
    for name in (b"clap", b"dvcC", b"av1C"):
        for body in (b"", b"\x81", b"\xff" * 3, bytes(40)):
            found = read(with_box(video, name, body))
            assert (found.codec_video, found.width, found.height) == ("mpeg4", 64, 48)
