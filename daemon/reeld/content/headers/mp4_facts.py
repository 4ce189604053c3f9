"""Reads all facts of an MP4 or QuickTime file, if nothing in its headers is unusual."""

import re
from collections.abc import Sequence
from functools import partial
from itertools import pairwise

from reeld.content import codec_tags as tags
from reeld.content.headers import coded_picture
from reeld.content.headers.boxes import BROKEN, Box, boxes, content, first_of, inner
from reeld.content.headers.coded_picture import Stated
from reeld.content.headers.facts import Facts, is_aac, plain_language, told_ms
from reeld.content.headers.messages import MOST_BYTES
from reeld.content.headers.mp4 import Layout, Movie, Track, length_of, read_layout, read_movie
from reeld.content.headers.picture import BEFORE_CHILDREN, DOLBY_VISION, clean_aperture_of, dolby_vision_of
from reeld.content.headers.source import NotUnderstood, Source
from reeld.content.media_names import STILLS

_BRANDS = re.compile(rb"isom|iso[2-9]|mp4[12]|avc1|M4V[ HP]|MSNV|dash|dby1|3gp[4-9]|3g2[abc]|qt  ")
_QUICKTIME = b"qt  "

_PICTURES = frozenset(
    (
        *("h264", "hevc", "av1", "vp8", "vp9", "mpeg4", "prores", "dnxhd", "qtrle", "cfhd", "svq1", "hap", "rpza"),
        *("mjpeg", "png", "jpeg2000", "v210", "dvvideo", "h263", "mpeg1video", "mpeg2video"),
    )
)
_CONFIGS = (b"avcC", b"hvcC", b"av1C")
_COLOURS = (b"colr", b"vpcC")
"""Boxes that tell the curve: of any picture, and of VP9."""
_UNSPECIFIED = 2
"""The number of a curve that is not told, in the table of ITU-T H.273."""
_MASTERING = (b"mdcv", b"SmDm")
_OTHER_LAYERS = (b"lhvC", b"hvcE", b"avcE", b"sinf")
"""What a picture for two eyes or in two layers has, and what is encrypted."""
_MOST_CONFIG_BYTES = 4096
_MOST_TRACKS = 100

_SOUND = {
    "ac-3": "ac3",
    "ec-3": "eac3",
    "Opus": "opus",
    "fLaC": "flac",
    "alac": "alac",
    ".mp3": "mp3",
    "mlpa": "truehd",
    **dict.fromkeys(("dtsc", "dtsh", "dtsl", "dtse"), "dts"),
    "samr": "amr_nb",
    "sawb": "amr_wb",
    "alaw": "pcm_alaw",
    "ulaw": "pcm_mulaw",
    "ima4": "adpcm_ima_qt",
    **dict.fromkeys(("sowt", "twos", "in24", "in32", "fl32", "fl64", "lpcm", "raw ", "ipcm", "fpcm"), "pcm"),
}
_MPEG4_SOUND = 0x40
_MPEG_SOUND = (0x69, 0x6B)
"""Sound of MPEG-1 and MPEG-2. Each frame begins with its layer."""
_LAYERS = {0xFFE2: "mp3", 0xFFE4: "mp2"}
_DOLBY_VISION_TAGS = ("dvh1", "dvhe")
"""H.265 if it has the configuration of it. DVCPRO HD has one of these tags, too."""

_NO_LANGUAGE = (0x7FFF, 0x55C4)
"""Unspecified in QuickTime's numbers, and `und` in three letters."""
_LEAST_LETTERS = 0x400
_MACINTOSH = ("eng", "fra", "deu", "ita", "nld", "swe", "spa", "dan", "por", "nor", "heb", "jpn", "ara", "fin", "ell")
"""QuickTime's numbers of languages, from 0 on."""

_SUBTITLES = (b"sbtl", b"subt", b"text", b"subp")
_NEITHER = (b"tmcd",)
"""Tracks that tell nothing of what is stored: the time code of a recording."""


def read(source: Source) -> Facts | None:
    """Return the facts; None if it is no MP4. Raises NotUnderstood and BoundReached."""
    if source.read(4, 4) != b"ftyp":
        return None
    brand = source.read(8, 4)
    layout = read_layout(source)
    if layout is None or layout.movie is None or layout.movies != 1 or not _BRANDS.fullmatch(brand):
        raise NotUnderstood
    if layout.is_cut is None or layout.has_fragments or layout.movie[2] > source.size:
        raise NotUnderstood
    movie = read_movie(source, layout.movie)
    if not movie.is_usual or not 0 < len(movie.tracks) <= _MOST_TRACKS:
        raise NotUnderstood
    return _facts(source, brand, layout, movie)


def _facts(source: Source, brand: bytes, layout: Layout, movie: Movie) -> Facts:
    tracks: dict[bytes, list[Track]] = {b"vide": [], b"soun": [], b"text": []}
    chapters = {number for track in movie.tracks for number in _chapters(source, track)}
    for track in _in_order(source, movie.tracks):
        if track.handler in _NEITHER or (chapters and _number(source, track) in chapters):
            continue
        kind = b"text" if track.handler in _SUBTITLES else track.handler
        if kind not in tracks:
            raise NotUnderstood
        tracks[kind].append(track)
    picture, codec, entry = _main_picture(source, tracks[b"vide"])
    size, shown = coded_picture.read(_stated(source, picture, codec, entry))
    told = told_ms(movie.stated_ms, picture.played_ms)
    is_quicktime = brand == _QUICKTIME
    return Facts(
        container="mov" if is_quicktime else "mp4",
        size=size,
        codec_video=codec,
        range=shown,
        sounds=[
            (_sound(source, track, is_quicktime=is_quicktime), _is_default(source, track)) for track in tracks[b"soun"]
        ],
        languages=[_language(source, track, is_quicktime=is_quicktime) for track in tracks[b"soun"]],
        subtitle_languages=[_language(source, track, is_quicktime=is_quicktime) for track in tracks[b"text"]],
        length=length_of(layout, told, round(movie.played_ms())),
    )


# --- tracks ----------------------------------------------------------------------------------------------


def _in_order(source: Source, tracks: Sequence[Track]) -> Sequence[Track]:
    """Return the tracks. Their order is only clear if their numbers rise."""
    numbers = [_number(source, track) for track in tracks]
    is_usual = all(track.is_usual for track in tracks)
    if not is_usual or 0 in numbers or any(first >= second for first, second in pairwise(numbers)):
        raise NotUnderstood
    return tracks


def _header(source: Source, track: Track) -> tuple[bytes, int]:
    """Return the head of the track's header, and whether its times are long, as how much longer they make it."""
    head = source.read(_box(track, b"tkhd")[1], 48)
    if len(head) < 48 or head[0] > 1:
        raise NotUnderstood
    return head, 12 * head[0]


def _box(track: Track, kind: bytes) -> Box:
    found = track.boxes.get(kind)
    if found is None:
        raise NotUnderstood
    return found


def _number(source: Source, track: Track) -> int:
    head, longer = _header(source, track)
    at = 12 + longer * 2 // 3
    return int.from_bytes(head[at : at + 4], "big")


def _is_default(source: Source, track: Track) -> bool | None:
    """Tell whether the track is on, and so chosen among its alternatives. None if there are none."""
    head, longer = _header(source, track)
    group = int.from_bytes(head[34 + longer : 36 + longer], "big")
    return (True if group else None) if head[3] & 1 else False


def _chapters(source: Source, track: Track) -> list[int]:
    """Return the numbers of the tracks that hold chapters of this one."""
    references = track.boxes.get(b"tref")
    found = first_of(boxes(source, *references[1:]), b"chap") if references else None
    held = content(source, found, 64) if found else b""
    return [int.from_bytes(held[at : at + 4], "big") for at in range(0, len(held), 4)]


def _language(source: Source, track: Track, *, is_quicktime: bool) -> str:
    if language := track.boxes.get(b"elng"):
        return plain_language(content(source, language, 64)[4:])
    head = source.read(_box(track, b"mdhd")[1], 34)
    if head[:1] not in (b"\0", b"\1"):
        raise NotUnderstood
    packed = int.from_bytes(head[32:34] if head[:1] == b"\1" else head[20:22], "big")
    if packed in _NO_LANGUAGE:
        return ""
    if packed < _LEAST_LETTERS:
        if not is_quicktime or packed >= len(_MACINTOSH):
            raise NotUnderstood
        return _MACINTOSH[packed]
    return plain_language(bytes(0x60 + (packed >> shift & 31) for shift in (10, 5, 0)))


def _sample_entry(source: Source, track: Track) -> Box:
    """Return the one description of all samples."""
    table = inner(source, _box(track, b"minf"), b"stbl", b"stsd")
    if table is None or source.read(table[1] + 4, 4) != b"\0\0\0\1":
        raise NotUnderstood
    entries = boxes(source, table[1] + 8, table[2])
    if len(entries) != 1 or entries[0][0] == BROKEN:
        raise NotUnderstood
    return entries[0]


# --- picture ---------------------------------------------------------------------------------------------


def _main_picture(source: Source, tracks: Sequence[Track]) -> tuple[Track, str, Box]:
    """Return the picture that players choose, its codec, and the description of its samples. Covers are none."""
    known = [(track, *_picture_codec(source, track)) for track in tracks]
    films = [one for one in known if one[1] not in STILLS] or [
        one for one in known if _sample_count(source, one[0]) > 1
    ]
    if not films:
        raise NotUnderstood
    return min(films, key=lambda one: _is_default(source, one[0]) is False) if len(films) > 1 else films[0]


def _picture_codec(source: Source, track: Track) -> tuple[str, Box]:
    entry = _sample_entry(source, track)
    tag = entry[0].decode("latin-1")
    if tag == "mp4v":
        described = _described(source, entry, BEFORE_CHILDREN - 8)
        name = tags.MP4_VIDEO_OBJECTS.get(f"mp4v-{described[0]:X}") if described else None
    elif tag in _DOLBY_VISION_TAGS:
        name = "hevc" if first_of(boxes(source, entry[1] + BEFORE_CHILDREN - 8, entry[2]), b"hvcC") else None
    else:
        name = tags.MOV_VIDEO.get(tag) or tags.MOV_VIDEO.get(tag.strip())
    if name not in _PICTURES:
        raise NotUnderstood
    return name, entry


def _sample_count(source: Source, track: Track) -> int:
    sizes = inner(source, _box(track, b"minf"), b"stbl", b"stsz")
    return int.from_bytes(source.read(sizes[1] + 8, 4), "big") if sizes else 0


def _stated(source: Source, track: Track, codec: str, entry: Box) -> Stated:
    _, start, end = entry
    head = source.read(start + 24, 4)
    size = int.from_bytes(head[:2], "big"), int.from_bytes(head[2:], "big")
    config, shown, has_mastering, dolby_vision = b"", None, False, None
    curves: set[int] = set()
    for box in boxes(source, start + BEFORE_CHILDREN - 8, end):
        kind = box[0]
        if kind in _CONFIGS:
            config = content(source, box, _MOST_CONFIG_BYTES)
        elif kind in _COLOURS:
            curves.add(_curve(source, box))
        elif kind == b"clap":
            shown = clean_aperture_of(content(source, box, 64))
        elif kind in DOLBY_VISION:
            is_first, dolby_vision = dolby_vision is None, dolby_vision_of(content(source, box, 64))
            if not (is_first and dolby_vision):
                raise NotUnderstood
        elif kind in _MASTERING:
            has_mastering = True
        elif kind in _OTHER_LAYERS or kind == BROKEN:
            raise NotUnderstood
    is_shown_inside = not shown or (0 < shown[0] <= size[0] and 0 < shown[1] <= size[1])
    if not is_shown_inside or len(curves - {0}) > 1:
        raise NotUnderstood
    return Stated(
        codec=codec,
        size=size,
        shown=shown,
        config=config,
        curve=max(curves, default=0) or None,
        has_mastering=has_mastering,
        dolby_vision=dolby_vision,
        first_frame=partial(_first_frame, source, track),
    )


def _curve(source: Source, box: Box) -> int:
    """Return the curve's number, see ITU-T H.273; 0 if the colours are told in another way, or not at all."""
    told = content(source, box, 1 << 20) if box[2] - box[1] < _MOST_CONFIG_BYTES else b""
    if box[0] == b"vpcC":
        return told[8] if len(told) > 8 and told[8] != _UNSPECIFIED else 0
    is_numbered = told[:4] in (b"nclx", b"nclc") and len(told) >= 10
    return int.from_bytes(told[6:8], "big") if is_numbered else 0


def _first_frame(source: Source, track: Track) -> bytes:
    """Return the begin of the first sample: the first one of the first chunk."""
    table = inner(source, _box(track, b"minf"), b"stbl")
    found = {kind: at for kind, at, _ in boxes(source, *table[1:])} if table else {}
    if b"stsz" not in found or not (b"stco" in found) ^ (b"co64" in found):
        raise NotUnderstood
    same, _, first = (int.from_bytes(source.read(found[b"stsz"] + at, 4), "big") for at in (4, 8, 12))
    width = 4 if b"stco" in found else 8
    at = int.from_bytes(source.read(found.get(b"stco", found.get(b"co64", 0)) + 8, width), "big")
    return source.read(at, min(same or first, MOST_BYTES))


# --- sound -----------------------------------------------------------------------------------------------


def _sound(source: Source, track: Track, *, is_quicktime: bool) -> str:
    entry = _sample_entry(source, track)
    tag = entry[0].decode("latin-1")
    if tag != "mp4a":
        name = _SOUND.get(tag)
    else:
        version = int.from_bytes(source.read(entry[1] + 8, 2), "big") if is_quicktime else 0
        before = {0: 28, 1: 44, 2: 64}.get(version)
        described = _described(source, entry, before) if before else None
        name = tags.MP4_AUDIO_OBJECTS.get(f"mp4a-{described[0]:X}") if described else None
        if described and described[0] == _MPEG4_SOUND and is_aac(described[1]):
            name = "aac"
        elif described and described[0] in _MPEG_SOUND:
            name = _LAYERS.get(int.from_bytes(_first_frame(source, track)[:2], "big") & 0xFFE6)
    if name is None:
        raise NotUnderstood
    return name


def _described(source: Source, entry: Box, before: int) -> tuple[int, bytes] | None:
    """Return the number of the kind of object that an `esds` describes, and what its decoder is told."""
    found = boxes(source, entry[1] + before, entry[2])
    if wave := first_of(found, b"wave"):  # of QuickTime
        found = boxes(source, *wave[1:])
    box = first_of(found, b"esds")
    if box is None:
        return None
    held = content(source, box, _MOST_CONFIG_BYTES)[4:]
    tag, held = _descriptor(held)
    if tag != 3 or len(held) < 3 or held[2] & 0xE0:  # it depends on another stream
        return None
    tag, held = _descriptor(held[3:])
    if tag != 4 or len(held) < 13:
        return None
    return held[0], _descriptor(held[13:])[1]


def _descriptor(held: bytes) -> tuple[int, bytes]:
    """Return the tag of a descriptor, and what stands behind its size, which has up to four bytes."""
    at, size = 1, 0
    for byte in held[1:5]:
        size = size << 7 | byte & 0x7F
        at += 1
        if byte < 0x80:
            break
    if at + size > len(held):
        raise NotUnderstood
    return held[0], held[at:]
