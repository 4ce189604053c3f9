"""Names containers and codecs as FFmpeg does, because most other programs show its names.

libmediainfo names formats: one format may be several of FFmpeg's codecs ("MPEG-4 Visual", "ADPCM",
"YUV"). A format that is one codec for FFmpeg, too, names it, since the library reads it from the
stream. Else the tag that the container stores does, by FFmpeg's own tables.
"""

import re
from collections.abc import Mapping, Sequence

from reeld.content import codec_tags as tags
from reeld.content.tracks import Track, text

_CONTAINERS = {
    "BDAV": "mpegts",
    "DVR-MS": "asf",
    "Flash Video": "flv",
    "MPEG-4": "mp4",
    "MPEG-4 Visual": "m4v",
    "AVC": "h264",
    "RealMedia": "rm",
    "Windows Media": "asf",
}
"""Where MediaInfo's name in lower case without punctuation is not FFmpeg's. A container has one
name, also where FFmpeg groups several ("matroska,webm", "mov,mp4,m4a,3gp").
"""

_VIDEO_FORMATS = {
    "AIC": "aic",
    "AVC": "h264",
    "AVS Video": "cavs",
    "CineForm": "cfhd",
    "Dirac": "dirac",
    "H.261": "h261",
    "JPEG 2000": "jpeg2000",
    "JPEG XS": "jpegxs",
    "JPEG-LS": "jpegls",
    "ProRes": "prores",
    "ProRes RAW": "prores_raw",
    "RealVideo 1": "rv10",
    "RealVideo 2": "rv20",
    "RealVideo 3": "rv30",
    "RealVideo 4": "rv40",
    "Sorenson 1": "svq1",
    "Sorenson 3": "svq3",
    "Sorenson Spark": "flv1",
    "VC-3": "dnxhd",
    **{name: name.lower() for name in ("APV", "AV1", "AVS2", "AVS3", "EVC", "FFV1", "HEVC", "Theora")},
    **{name: name.lower() for name in ("VP3", "VP7", "VP8", "VP9", "VVC")},
}

_VIDEO_FALLBACKS = {
    "DV": "dvvideo",
    "H.263": "h263",
    "JPEG": "mjpeg",
    "MPEG-4 Visual": "mpeg4",
    "RGB": "rawvideo",
    "Raw": "rawvideo",
    "VC-1": "vc1",
    "YUV": "rawvideo",
}
"""Formats of several codecs, for tracks whose tag FFmpeg does not know."""

_AUDIO_FORMATS = {
    "AAC": "aac",
    "AC-3": "ac3",
    "AC-4": "ac4",
    "ALAC": "alac",
    "ALS": "mp4als",
    "DTS": "dts",
    "Dolby E": "dolby_e",
    "E-AC-3": "eac3",
    "FLAC": "flac",
    "MLP": "mlp",
    "MLP FBA": "truehd",
    "MPEG-H 3D Audio": "mpegh_3d_audio",
    "Monkey's Audio": "ape",
    "Musepack SV7": "musepack7",
    "Musepack SV8": "musepack8",
    "Opus": "opus",
    "QDesign 1": "qdmc",
    "QDesign 2": "qdm2",
    "TTA": "tta",
    "TwinVQ": "twinvq",
    "USAC": "aac",
    "Vorbis": "vorbis",
    "WavPack": "wavpack",
}

_AUDIO_VARIANTS = {
    ("AMR", "Narrow band"): "amr_nb",
    ("AMR", "Wide band"): "amr_wb",
    ("ADPCM", "A-Law"): "pcm_alaw",
    ("ADPCM", "U-Law"): "pcm_mulaw",
    ("MPEG Audio", "Layer 1"): "mp1",
    ("MPEG Audio", "Layer 2"): "mp2",
    ("MPEG Audio", "Layer 3"): "mp3",
    ("WMA", "Lossless"): "wmalossless",
    ("WMA", "Pro"): "wmapro",
    ("WMA", "Voice"): "wmavoice",
    ("WMA", "1"): "wmav1",
    ("WMA", "2"): "wmav2",
}
"""By format, and profile or version."""

_AUDIO_FALLBACKS = {"Cooker": "cook", "MPEG Audio": "mpegaudio", "fpcm": "pcm", "ipcm": "pcm"}

_RIFF_FORMATS = ("ADPCM", "G.723.1", "GSM 6.10")
"""QuickTime may store a format tag of RIFF. libmediainfo tells only its low byte, which names these rightly."""

_BITMAPS = {
    f"0x0{number}000000": codec for number, codec in enumerate(("rawvideo", "msrle", "msrle", "rawvideo", "mpeg4"))
}
"""The numbers that stand for a FourCC in Windows' bitmap header, as libmediainfo writes them."""

_SUBFORMAT_OF_A_TAG = re.compile(r"FFFE / 0*([0-9A-F]+)-0000-0010-8000-00AA00389B71", re.IGNORECASE)

_KINDS = {
    "AVI": "riff",
    "DVR-MS": "riff",
    "Flash Video": "flv",
    "MPEG-4": "mov",
    "Matroska": "matroska",
    "QuickTime": "mov",
    "RealMedia": "rm",
    "WebM": "matroska",
    "Windows Media": "riff",
}
"""Which tags a container has."""

WRAPPERS = {"A_MS/ACM": "riff", "A_QUICKTIME": "mov", "V_MS/VFW/FOURCC": "riff", "V_QUICKTIME": "mov"}
"""The codecs of Matroska that have a tag of another container."""

STILLS = frozenset({"bmp", "gif", "jpegls", "mjpeg", "png", "tiff", "webp"})
"""Codecs of covers: one picture of such a codec is no film where there is a film, or sound."""

_Tables = Sequence[Mapping[str, str]]


def container_name(general: Track) -> str | None:
    """Name the container of a file by its "General" track."""
    name = _format(general)
    is_quicktime = name == "MPEG-4" and text(general, "Format_Profile") == "QuickTime"
    return "mov" if is_quicktime else _CONTAINERS.get(name) or _plain(name)


def video_codec(general: Track, video: Track) -> str | None:
    """Name the codec of a picture track, whose container the "General" track names."""
    name = text(video, "Format")
    if name in _VIDEO_FORMATS:
        return _VIDEO_FORMATS[name]
    tag, tables = _tag(general, video, _VIDEO_TAGS)
    if name == "MPEG Video" and (version := text(video, "Format_Version")) and tag not in tags.MP4_VIDEO_OBJECTS:
        return f"mpeg{version}video"
    return _named(tag, tables) or _VIDEO_FALLBACKS.get(name) or _plain(name)


def audio_codec(general: Track, audio: Track) -> str | None:
    """Name the codec of a sound track. All linear PCM is `pcm`: samples differ, not the coding."""
    name = text(audio, "Format")
    if name in _AUDIO_FORMATS:
        return _AUDIO_FORMATS[name]
    if text(audio, "MuxingMode") == "SMPTE ST 302":
        return "s302m"
    for variant in ("Format_Profile", "Format_Version"):
        if found := _AUDIO_VARIANTS.get((name, text(audio, variant))):
            return found
    tag, tables = _tag(general, audio, _AUDIO_TAGS)
    if tables == _AUDIO_TAGS["mov"] and re.fullmatch(r"[0-9A-F]{1,4}", tag):
        found = tags.RIFF_AUDIO.get(tag) if name in _RIFF_FORMATS else None
    else:
        found = _named(tag, tables) or _AUDIO_FALLBACKS.get(name) or _plain(name)
    return "pcm" if found and re.match(r"pcm_[suf]\d", found) else found


_VIDEO_TAGS: Mapping[str, _Tables] = {
    "riff": (tags.RIFF_VIDEO, tags.MOV_VIDEO, _BITMAPS),
    "mov": (tags.MP4_VIDEO_OBJECTS, tags.MOV_VIDEO, tags.RIFF_VIDEO),
    "matroska": (tags.MATROSKA_VIDEO, tags.RIFF_VIDEO),
    "flv": (tags.FLV_VIDEO, tags.MOV_VIDEO),
    "rm": (tags.REAL_VIDEO,),
}

_AUDIO_TAGS: Mapping[str, _Tables] = {
    "riff": (tags.RIFF_AUDIO, tags.RIFF_SUBFORMATS),
    "mov": (tags.MP4_AUDIO_OBJECTS, tags.MOV_AUDIO),
    "matroska": (tags.MATROSKA_AUDIO, tags.RIFF_AUDIO),
    "flv": (tags.FLV_AUDIO, tags.MOV_AUDIO),
    "rm": (tags.REAL_AUDIO,),
}


def _format(general: Track) -> str:
    """Return MediaInfo's name of the container. It calls an MP4 with a brand that it does not know by the brand."""
    name = text(general, "Format")
    return "MPEG-4" if name and name == text(general, "CodecID") else name


def _tag(general: Track, track: Track, tables: Mapping[str, _Tables]) -> tuple[str, _Tables]:
    """Return the tag that the container stores for the track, and the tables that explain it."""
    tag = text(track, "CodecID")
    wrapper, _, wrapped = tag.partition(" / ")
    kind = WRAPPERS.get(wrapper) if wrapped else None
    if kind is not None:
        tag = wrapped
    if is_tag := _SUBFORMAT_OF_A_TAG.fullmatch(tag):
        tag = is_tag[1]
    return tag.removeprefix("FFFE / ").strip(), tables.get(kind or _KINDS.get(_format(general), ""), ())


def _named(tag: str, tables: _Tables) -> str | None:
    """Look the tag up as it is written, then in any case: `xvid` is XVID."""
    for table in tables:
        if tag in table:
            return table[tag]
    folded = tag.upper()
    return next((codec for table in tables for known, codec in table.items() if known.upper() == folded), None)


def _plain(name: str) -> str | None:
    """Return the name in lower case without punctuation; None if it is only a number, or says nothing."""
    plain = re.sub(r"^[va]_|[^a-z0-9]", "", name.lower())
    return None if plain.isdecimal() or plain in ("", "extensible", "msvfwfourcc", "quicktime") else plain
