"""What is read in videos of many writers is what they wrote, under the names that FFmpeg has for it."""

import ctypes
import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import av
import pytest

from reeld.config import DEFAULT_EXTENSIONS
from reeld.content import codec_tags as tags
from reeld.domain.content import MediaFacts
from reeld.domain.languages import distinct_languages
from reeld.sandbox import Limits
from reeld.service.worker_pool import WorkerPool
from tests.content.both_readers import probe_by_both
from tests.content.kinds import Picture, Sound, content, with_box

Read = Callable[[bytes], MediaFacts]


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Read]:
    """Probe a file with these bytes as the daemon does, in one confined child for all tests of this file.

    The child must say the same of those that reeld reads itself.
    """
    folder, numbers = tmp_path_factory.mktemp("kinds"), itertools.count()
    pool = WorkerPool("reeld.content.probe_child", 1, Limits())

    def read(video: bytes) -> MediaFacts:
        path: Path = folder / f"{next(numbers)}.mkv"
        path.write_bytes(video)
        return probe_by_both(path, lambda request, files: pool.call(request, files, timeout_s=150))

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
        ("avi", Picture(codec="v410"), "v410"),
        ("avi", Picture(codec="speedhq"), "speedhq"),
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


@pytest.mark.parametrize("brand", [b"iso6", b"iso9", b"cmfc", b"dash", b"msdh", b"XAVC", b"M4V ", b"avc1", b"zzzz"])
def test_an_mp4_of_any_brand_is_an_mp4(read: Read, brand: bytes) -> None:
    """libmediainfo calls a file with a brand that it does not know by the brand."""
    film = bytearray(content("mp4", [Picture(codec="mpeg4")]))
    assert film[4:8] == b"ftyp"
    film[8:12] = brand
    found = read(bytes(film))
    assert (found.container, found.codec_video, found.problem) == ("mp4", "mpeg4", None)


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
            codec = names(codec_id).decode()
            if codec == key or key not in ("v308", "v408", "v410"):  # which newer versions call raw video, too
                theirs.setdefault(key, codec)
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
    found = read(content(container, [replace(each, frames=each.frames if each is COVER else 25) for each in pictures]))
    assert (found.codec_video, found.width, found.height) == ("mpeg4", 64, 48)
    if container != "avi":  # which states the length of its first track alone
        assert abs((found.duration_ms or 0) - 1000) <= 120


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


def test_a_codec_that_the_headers_do_not_name_is_said(read: Read) -> None:
    found = read(content("asf", [FILM], [Sound(codec="pcm_s24le")]))
    assert (found.codec_video, found.codec_audio) == ("mpeg4", None)
    assert found.problem
    assert "not known: the codec of its sound" in found.problem


def test_without_a_default_the_first_picture_is_the_films(read: Read) -> None:
    assert read(content("matroska", [FILM, SMALL])).width == 64


# --- languages -------------------------------------------------------------------------------------------


def test_all_languages_of_a_broadcasts_track_are_read(read: Read) -> None:
    sounds = [Sound(language="ger,eng"), Sound(codec="ac3", rate=48_000, language="fra"), Sound(language="mis,ita,eng")]
    found = read(content("mpegts", [Picture(codec="mpeg2video", frames=12)], sounds))
    assert found.languages == ("de", "en", "fr", "it")


@pytest.mark.parametrize("container", ["matroska", "mp4", "mpegts"])
def test_languages_that_are_none_are_left_out(read: Read, container: str) -> None:
    sounds = [Sound(language=code) for code in ("und", "mis", "mul", "zxx", "qaa", "chi", "nob")]
    found = read(content(container, [Picture(codec="mpeg2video", frames=12)], sounds))
    assert found.languages == ("mul", "zxx", "qaa", "zh", "nb")


@pytest.mark.parametrize(
    ("named", "languages"),
    [
        (["ger,eng", "deu"], ["de", "en"]),
        (["pt-br", "zh-hant-tw", "es-419"], ["pt-BR", "zh-Hant-TW", "es-419"]),
        (["de-x-foo", "tlh", "ENG"], ["de-x-foo", "tlh", "en"]),
        (["", "und", "mis"], []),
    ],
)
def test_languages_have_their_shortest_tag(named: list[str], languages: list[str]) -> None:
    assert distinct_languages(named) == languages


@pytest.mark.parametrize("container", ["dv", "mpegts"])
def test_damaged_headers_are_no_error(read: Read, container: str) -> None:
    picture = _DV if container == "dv" else _LONG
    video = bytearray(content(container, [picture]))
    chance = random.Random(1)
    for _ in range(20):
        for at in chance.choices(range(8, min(len(video), 2000)), k=40):
            video[at] = chance.randrange(256)
        read(bytes(video))


# --- other containers ------------------------------------------------------------------------------------


def test_a_recording_of_a_dv_camera_is_read(read: Read) -> None:
    found = read(content("dv", [replace(_DV, frames=5)]))
    assert (found.container, found.codec_video, found.width, found.problem) == ("dv", "dvvideo", 720, None)
    assert found.duration_ms == 200


_DV = Picture(codec="dvvideo", size=(720, 576), pixels="yuv420p")
_LONG = Picture(codec="mpeg2video", frames=12)

_WRITTEN_AS = {
    "dv": ("dv", _DV),
    "flv": ("flv", FILM),
    "m1v": ("mpeg1video", Picture(codec="mpeg1video", frames=12)),
    "m2v": ("mpeg2video", _LONG),
    "mxf": ("mxf", Picture(codec="libx264", frames=5)),
    **dict.fromkeys(("3g2", "3gp", "f4v", "m4v", "mp4"), ("mp4", FILM)),
    **dict.fromkeys(("asf", "wmv"), ("asf", FILM)),
    **dict.fromkeys(("avi", "divx", "xvid"), ("avi", FILM)),
    **dict.fromkeys(("m2p", "mpeg", "mpg", "vob"), ("vob", _LONG)),
    **dict.fromkeys(("m2ts", "mts", "ts"), ("mpegts", _LONG)),
    **dict.fromkeys(("mk3d", "mkv"), ("matroska", FILM)),
    **dict.fromkeys(("mov", "qt"), ("mov", FILM)),
    **dict.fromkeys(("rm", "rmvb"), ("rm", Picture(codec="rv20", size=(176, 144)))),
    "webm": ("webm", Picture(codec="libvpx")),
}
"""How FFmpeg writes a file with this ending. PyAV cannot write the Theora of Ogg."""


def test_no_ending_is_searched_for_that_cannot_be_read(read: Read) -> None:
    assert set(DEFAULT_EXTENSIONS) == {*_WRITTEN_AS, "ogm", "ogv"}
    assert read(content("ogg", [], [Sound(codec="vorbis", rate=48_000, layout="stereo")])).container == "ogg"
    for container, picture in set(_WRITTEN_AS.values()):
        found = read(content(container, [picture]))
        assert found.container, container
        assert found.codec_video, container


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
