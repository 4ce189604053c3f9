"""Lists kinds of videos as real tools write them, each with the commands that write it and what must be read in it.

What must be read follows from the commands, never from a program that reads videos.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What must be read. By default that of the film that most kinds copy: 2 s, 320x180, h264, aac in German."""

    container: str
    duration_ms: int | None = 2020
    tolerance_ms: int = 120
    size: tuple[int, int] | None = (320, 180)
    video: str | None = "h264"
    audio: str | None = "aac"
    languages: tuple[str, ...] = ("de",)
    subtitles: tuple[str, ...] = ()
    hdr: str | None = None
    fallback: str | None = None
    problem: str | None = None
    """What the problem must begin with. Without one there may be none; with one, facts may be missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind. Its commands are run one after the other in the folder of all kinds.

    The last one writes the file `name`, or prints it. A kind is skipped if a program is missing, or does not know a
    codec or an option, as older versions do.
    """

    name: str
    commands: Sequence[str]
    facts: Facts


_SOURCE = "ffmpeg -f lavfi -i testsrc2=size=320x180:rate=25:duration=2"
_SINE = "-f lavfi -i sine=440:duration=2"
_X264 = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p"
_X265 = "-c:v libx265 -preset ultrafast -pix_fmt yuv420p10le -t 0.4"
_BT2020 = "-color_primaries bt2020 -colorspace bt2020nc"
_PQ = "log-level=0:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc"
_MASTERING = (
    "hdr10=1:repeat-headers=1:master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
)

_CAPTURE = (
    f"{_SOURCE} {_SINE} -i french.mka -map 0 -map 1 -map 2 {_X264} -g 10 -c:a:0 mp2 -c:a:1 copy"
    " -metadata:s:a:0 language=ger -metadata:s:a:1 language=eng capture.ts"
)

SOURCES: Sequence[Kind] = tuple(
    Kind(name=name, commands=(command,), facts=Facts(container=""))
    for name, command in (
        ("picture.mkv", f"{_SOURCE} {_X264} -g 25 picture.mkv"),
        ("sound.mka", f"ffmpeg {_SINE} -c:a aac sound.mka"),
        ("french.mka", f"ffmpeg {_SINE} -c:a ac3 french.mka"),
        (
            "film.mkv",
            "ffmpeg -i picture.mkv -i sound.mka -map 0 -map 1 -c copy -metadata:s:a:0 language=ger film.mkv",
        ),
        ("small.mkv", f"ffmpeg -f lavfi -i testsrc2=size=192x108:rate=5:duration=1 {_X264} small.mkv"),
        ("cover.jpg", "ffmpeg -f lavfi -i color=red:size=300x400 -frames:v 1 cover.jpg"),
        ("cover.mkv", "ffmpeg -loop 1 -i cover.jpg -frames:v 1 -c:v copy cover.mkv"),
        ("capture.ts", _CAPTURE),
        ("line.srt", "printf '1\\n00:00:00,100 --> 00:00:01,500\\nhello\\n'"),
        ("late.srt", "printf '1\\n13:15:00,500 --> 13:15:01,500\\nlate\\n'"),
        ("pq.mkv", f"{_SOURCE} {_X265} -x265-params {_PQ}:{_MASTERING} {_BT2020} -color_trc smpte2084 pq.mkv"),
        ("plain10.mkv", f"{_SOURCE} {_X265} -x265-params log-level=0 plain10.mkv"),
    )
)
"""What the kinds are made of."""

_MKV = Facts(container="matroska")
_MP4 = Facts(container="mp4")
_TS = Facts(container="mpegts")
_SILENT: dict[str, Any] = {"audio": None, "languages": ()}
_HEVC: dict[str, Any] = {"video": "hevc", "duration_ms": 400, **_SILENT}
_IPTV = replace(_TS, duration_ms=2000, audio="mp2", languages=("de", "en"))


def _kind(name: str, facts: Facts, *commands: str) -> Kind:
    return Kind(name=name, commands=commands, facts=facts)


def _facts(base: Facts, **changes: Any) -> Facts:
    return replace(base, **changes)


def _codec(container: str, ending: str, codec: str, size: str = "320x180", options: str = "") -> Kind:
    """A picture of one codec, in two or five frames."""
    width, height = map(int, size.split("x"))
    name = codec.partition(":")[2] or codec
    encoder = codec.partition(":")[0]
    return _kind(
        f"codec_{encoder}.{ending}",
        Facts(container=container, duration_ms=200, size=(width, height), video=name, audio=None, languages=()),
        f"ffmpeg -f lavfi -i testsrc2=size={size}:rate=25:duration=0.2 -strict -2 -c:v {encoder} {options}"
        f" codec_{encoder}.{ending}",
    )


def _sound(container: str, ending: str, codec: str, name: str, options: str = "", picture: str = "mpeg4") -> Kind:
    video = "flv1" if picture == "flv" else picture
    return _kind(
        f"sound_{codec}.{ending}",
        Facts(container=container, duration_ms=2000, video=video, audio=name, languages=()),
        f"{_SOURCE} {_SINE} -strict -2 -c:v {picture} -c:a {codec} {options} sound_{codec}.{ending}",
    )


KINDS: Sequence[Kind] = (
    # --- Matroska and WebM
    _kind("ffmpeg.mkv", _MKV, "ffmpeg -i film.mkv -c copy ffmpeg.mkv"),
    _kind("mkvmerge.mkv", _MKV, "mkvmerge -o mkvmerge.mkv film.mkv"),
    _kind("pipe.mkv", _MKV, "ffmpeg -i film.mkv -map 0 -c copy -f matroska -"),
    _kind("pipe_encoded.mkv", _MKV, f"{_SOURCE} {_SINE} {_X264} -c:a aac -metadata:s:a:0 language=ger -f matroska -"),
    _kind(
        "browser.webm",
        Facts(container="webm", duration_ms=2000, video="vp8", audio="opus", languages=()),
        f"{_SOURCE} {_SINE} -c:v libvpx -deadline realtime -cpu-used 8 -c:a libopus -f webm -",
    ),
    _kind(
        "killed.mkv", _facts(_MKV, problem="truncated"), "mkvmerge -o whole.mkv film.mkv", "head -c 120000 whole.mkv"
    ),
    _kind("late.mkv", _MKV, "ffmpeg -i film.mkv -c copy -output_ts_offset 100 late.mkv"),
    _kind("late_subtitle.mkv", _MKV, "mkvmerge -o late_subtitle.mkv film.mkv late.srt"),
    _kind("cover_first.mkv", _MKV, "mkvmerge -o cover_first.mkv cover.mkv film.mkv"),
    _kind("cover_last.mkv", _MKV, "mkvmerge -o cover_last.mkv film.mkv cover.mkv"),
    _kind("cover_attached.mkv", _MKV, "mkvmerge -o cover_attached.mkv film.mkv --attach-file cover.jpg"),
    _kind(
        "cover_and_sound.mkv",
        _facts(_MKV, size=None, video=None, problem="no video track"),
        "ffmpeg -i film.mkv -i cover.jpg -map 0:a -map 1 -c copy cover_and_sound.mkv",
    ),
    _kind("small_second.mkv", _MKV, "mkvmerge -o small_second.mkv film.mkv small.mkv"),
    _kind(
        "small_first.mkv",
        _MKV,
        "mkvmerge -o small_first.mkv --default-track-flag 0:no small.mkv --default-track-flag 0:yes film.mkv",
    ),
    _kind(
        "cropped.mkv",
        _facts(_MKV, size=(320, 140)),
        "mkvmerge -o cropped.mkv --cropping 0:0,20,0,20 --display-dimensions 0:320x140 film.mkv",
    ),
    _kind(
        "languages.mkv",
        _facts(_MKV, languages=("pt-BR", "mul", "zxx"), subtitles=("zh-Hant",)),
        "mkvmerge -o languages.mkv --language 1:pt-BR film.mkv --language 0:mul sound.mka --language 0:zxx sound.mka"
        " --language 0:zh-Hant line.srt --language 0:mis line.srt",
    ),
    _kind(
        "second_default.mkv",
        _facts(_MKV, audio="ac3", languages=("en", "fr")),
        "mkvmerge -o second_default.mkv --default-track-flag 1:no --language 1:eng film.mkv"
        " --default-track-flag 0:yes --language 0:fre french.mka --track-order 0:0,0:1,1:0",
    ),
    # --- MP4 and QuickTime
    _kind("ffmpeg.mp4", _MP4, "ffmpeg -i film.mkv -c copy ffmpeg.mp4"),
    _kind("fragments.mp4", _MP4, "ffmpeg -i film.mkv -c copy -movflags frag_keyframe+empty_moov fragments.mp4"),
    _kind(
        "no_header.mp4",
        Facts(container="mp4", duration_ms=None, size=None, video=None, audio=None, languages=(), problem="truncated"),
        "head -c 120000 ffmpeg.mp4",
    ),
    _kind("cover_track.mp4", _MP4, "ffmpeg -i cover.mkv -i film.mkv -map 0 -map 1 -c copy cover_track.mp4"),
    _kind(
        "cover.mp4",
        _MP4,
        "ffmpeg -i film.mkv -i cover.jpg -map 0 -map 1 -c copy -disposition:v:1 attached_pic cover.mp4",
    ),
    _kind("artwork.mp4", _MP4, "AtomicParsley ffmpeg.mp4 --artwork cover.jpg -o artwork.mp4"),
    _kind(
        "clean_aperture.mov",
        _facts(_MP4, container="mov", size=(320, 140)),
        "ffmpeg9 -i cropped.mkv -c copy clean_aperture.mov",
    ),
    _kind("turned.mp4", _MP4, "ffmpeg9 -display_rotation 90 -i film.mkv -c copy turned.mp4"),
    # --- transport and program streams
    _kind("ffmpeg.ts", _TS, "ffmpeg -i film.mkv -c copy ffmpeg.ts"),
    _kind("capture_copy.ts", _IPTV, "cat capture.ts"),
    _kind("within_packet.ts", _facts(_IPTV, duration_ms=1900, tolerance_ms=400), "tail -c +2000 capture.ts"),
    _kind(
        "two_languages.ts",
        _facts(_IPTV, languages=("en", "fr")),
        "ffmpeg -i capture.ts -map 0:v -map 0:a:0 -c copy -metadata:s:a:0 language=eng,fra two_languages.ts",
    ),
    _kind(
        "radio.ts",
        _facts(_IPTV, size=None, video=None, languages=("de",), problem="no video track"),
        "ffmpeg -i capture.ts -map 0:a:0 -c copy radio.ts",
    ),
    _kind(
        "dvd.vob",
        Facts(container="mpegps", duration_ms=1000, size=(720, 576), video="mpeg2video", audio="ac3", languages=()),
        "ffmpeg -f lavfi -i testsrc2=size=720x576:rate=25:duration=1 -f lavfi -i sine=440:duration=1"
        " -target pal-dvd dvd.vob",
    ),
    # --- AVI, ASF, FLV and others
    _kind(
        "xvid.avi",
        Facts(container="avi", duration_ms=2000, video="mpeg4", audio="mp3", languages=()),
        f"{_SOURCE} {_SINE} -c:v libxvid -c:a libmp3lame xvid.avi",
    ),
    _kind(
        "pipe.avi",
        Facts(container="avi", duration_ms=2000, video="mpeg4", audio="mp3", languages=()),
        f"{_SOURCE} {_SINE} -c:v mpeg4 -c:a libmp3lame -f avi -",
    ),
    _kind(
        "languages.avi",
        Facts(container="avi", duration_ms=2000, video="mpeg4", audio="ac3", languages=("de", "en")),
        f"{_SOURCE} {_SINE} {_SINE} -map 0 -map 1 -map 2 -c:v mpeg4 -c:a:0 ac3 -c:a:1 libmp3lame"
        " -metadata IAS1=ger -metadata IAS2=eng languages.avi",
    ),
    _kind(
        "theora.ogv",
        Facts(container="ogg", duration_ms=2000, video="theora", audio="vorbis", languages=()),
        f"{_SOURCE} {_SINE} -c:v libtheora -c:a libvorbis theora.ogv",
    ),
    _kind("flash.flv", Facts(container="flv", languages=()), "ffmpeg -i film.mkv -c copy flash.flv"),
    _kind(
        "camera.dv",
        Facts(container="dv", duration_ms=200, size=(720, 576), video="dvvideo", audio="pcm", languages=()),
        "ffmpeg -f lavfi -i testsrc2=size=720x576:rate=25:duration=0.2 -f lavfi -i sine=440:duration=0.2"
        " -target pal-dv camera.dv",
    ),
    *(
        _codec("avi", "avi", codec)
        for codec in (
            *("asv1", "asv2", "cinepak", "ffv1", "ffvhuff", "jpeg2000", "magicyuv", "mjpeg", "msmpeg4v2", "msvideo1"),
            *("msmpeg4:msmpeg4v3", "png", "rawvideo", "snow", "utvideo", "wmv1", "wmv2", "zmbv", "ljpeg:mjpeg"),
        )
    ),
    *(_codec("mov", "mov", codec) for codec in ("qtrle", "rpza", "smc", "svq1", "v210", "png", "mjpeg")),
    *(_codec("matroska", "mkv", codec) for codec in ("cinepak", "huffyuv", "msrle", "svq1", "utvideo", "wmv2", "zmbv")),
    _codec("mov", "mov", "hap"),
    _codec("mov", "mov", "prores_ks:prores"),
    _codec("mov", "mov", "cfhd", options="-pix_fmt yuv422p10le"),
    _codec("mov", "mov", "dnxhd", "1280x720", "-profile:v dnxhr_lb -pix_fmt yuv422p"),
    _codec("mov", "mov", "dvvideo", "720x576"),
    _codec("mov", "mov", "h263", "176x144"),
    _codec("rm", "rm", "rv10", "176x144"),
    _codec("rm", "rm", "rv20", "176x144"),
    _codec("flv", "flv", "flashsv"),
    *(
        _sound("avi", "avi", codec, codec.replace("pcm_s16le", "pcm"))
        for codec in ("adpcm_ima_wav", "adpcm_ms", "pcm_alaw", "pcm_mulaw", "pcm_s16le", "wmav1")
    ),
    _sound("asf", "wmv", "wmav2", "wmav2", picture="wmv2"),
    _sound("matroska", "mkv", "tta", "tta"),
    _sound("matroska", "mkv", "wavpack", "wavpack"),
    _sound("matroska", "mkv", "pcm_f32le", "pcm"),
    *(_sound("mov", "mov", codec, codec) for codec in ("adpcm_ima_qt", "adpcm_ms", "pcm_alaw", "adpcm_ima_wav")),
    _sound("mp4", "mp4", "alac", "alac"),
    _sound("flv", "flv", "nellymoser", "nellymoser", "-ar 11025 -ac 1", "flv"),
    _sound("mpegts", "ts", "s302m", "s302m", "-ar 48000 -ac 2", "mpeg2video"),
    _sound("mpegts", "ts", "libopus", "opus", picture="mpeg2video"),
    _kind(
        "phone.3gp",
        Facts(container="mp4", duration_ms=1000, size=(176, 144), video="h263", audio="amr_nb", languages=()),
        "ffmpeg9 -f lavfi -i testsrc2=size=176x144:rate=25:duration=1 -f lavfi -i sine=440:duration=1"
        " -c:v h263 -ar 8000 -ac 1 -c:a libopencore_amrnb phone.3gp",
    ),
    # --- dynamic range
    _kind("hdr10.mkv", _facts(_MKV, hdr="HDR10", **_HEVC), "cat pq.mkv"),
    _kind("hdr10.mp4", _facts(_MP4, hdr="HDR10", **_HEVC), "ffmpeg -i pq.mkv -c copy -tag:v hvc1 hdr10.mp4"),
    _kind("hdr10.ts", _facts(_TS, hdr="HDR10", **_HEVC), "ffmpeg -i pq.mkv -c copy hdr10.ts"),
    _kind("ten_bits.mkv", _facts(_MKV, **_HEVC), "cat plain10.mkv"),
    _kind(
        "hdr10_by_container.mkv",
        _facts(_MKV, hdr="HDR10", **_HEVC),
        "mkvmerge -o hdr10_by_container.mkv --colour-transfer-characteristics 0:16 --colour-primaries 0:9"
        " --colour-matrix-coefficients 0:9 plain10.mkv",
    ),
    _kind(
        "hlg.mp4",
        _facts(_MP4, hdr="HLG", **_HEVC),
        f"{_SOURCE} {_X265} -tag:v hvc1"
        " -x265-params log-level=0:colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc"
        f" {_BT2020} -color_trc arib-std-b67 hlg.mp4",
    ),
    _kind(
        "hlg_broadcast.ts",
        _facts(_TS, hdr="HLG", **_HEVC),
        f"{_SOURCE} {_X265} -x265-params"
        " log-level=0:colorprim=bt2020:transfer=bt2020-10:colormatrix=bt2020nc:atc-sei=18:repeat-headers=1"
        " hlg_broadcast.ts",
    ),
    _kind(
        "av1_by_bitstream.mkv",
        _facts(_MKV, hdr="HDR10", **(_HEVC | {"video": "av1"})),
        "ffmpeg9 -f lavfi -i testsrc2=size=320x180:rate=25:duration=0.4 -pix_fmt yuv420p10le -c:v libsvtav1 -preset 11"
        " -svtav1-params color-primaries=9:transfer-characteristics=16:matrix-coefficients=9 av1.ivf",
        "mkvmerge -o av1_by_bitstream.mkv av1.ivf",
    ),
    _kind(
        "av1_hlg.mp4",
        _facts(_MP4, hdr="HLG", **(_HEVC | {"video": "av1"})),
        "ffmpeg9 -f lavfi -i testsrc2=size=320x180:rate=25:duration=0.4 -pix_fmt yuv420p10le -c:v libsvtav1 -preset 11"
        " -vf setparams=color_primaries=bt2020:color_trc=arib-std-b67:colorspace=bt2020nc av1_hlg.mp4",
    ),
)
