"""Reads all facts of a Matroska or WebM file, if nothing in its headers is unusual."""

from collections.abc import Sequence
from functools import lru_cache, partial

from reeld.content import codec_tags as tags
from reeld.content.headers import coded_picture, matroska_blocks
from reeld.content.headers.coded_picture import Stated
from reeld.content.headers.ebml import BROKEN, Id, parts
from reeld.content.headers.facts import Facts, is_aac, picture_of_tag, plain_language, sound_of_tag
from reeld.content.headers.matroska import AUDIO, SUBTITLE, VIDEO, Matroska, Track, read_head
from reeld.content.headers.messages import MOST_BYTES
from reeld.content.headers.picture import DOLBY_VISION, dolby_vision_of
from reeld.content.headers.source import NotUnderstood, Source
from reeld.content.media_names import STILLS

_CONTAINERS = {b"matroska": "matroska", b"webm": "webm"}

_SOUND = {
    **{f"A_{name}": name.lower() for name in ("AAC", "AC3", "EAC3", "TRUEHD", "MLP", "DTS", "FLAC", "OPUS", "VORBIS")},
    "A_ALAC": "alac",
    "A_TTA1": "tta",
    "A_WAVPACK4": "wavpack",
    "A_MPEG/L3": "mp3",
    "A_MPEG/L2": "mp2",
    "A_MPEG/L1": "mp1",
    "A_PCM/INT/LIT": "pcm",
    "A_PCM/INT/BIG": "pcm",
    "A_PCM/FLOAT/IEEE": "pcm",
}
_WRAPPED_SOUND, _WRAPPED_PICTURE = "A_MS/ACM", "V_MS/VFW/FOURCC"

_MOST_PICTURE_BYTES = 512
"""A picture with all its colours takes some 120."""

_DEFAULT_LANGUAGE = b"eng"


def read(source: Source) -> Facts | None:
    """Return the facts; None if it is no Matroska. Raises NotUnderstood and BoundReached."""
    found = read_head(source)
    if found is None:
        return None
    container = _CONTAINERS.get(found.document)
    if container is None or found.is_broken or found.first_cluster is None:
        raise NotUnderstood
    tracks: dict[int, list[Track]] = {VIDEO: [], AUDIO: [], SUBTITLE: []}
    for track in found.tracks:
        if track.kind not in tracks or not _is_usual(track):
            raise NotUnderstood
        tracks[track.kind].append(track)
    picture, codec = _main_picture(tracks[VIDEO])
    size, shown = coded_picture.read(_stated(source, found, picture, codec))
    return Facts(
        container=container,
        size=size,
        codec_video=codec,
        range=shown,
        sounds=[(_sound(track), track.is_default) for track in tracks[AUDIO]],
        languages=[_language(track) for track in tracks[AUDIO]],
        subtitle_languages=[_language(track) for track in tracks[SUBTITLE]],
        length=matroska_blocks.read_length(source, found),
    )


def _is_usual(track: Track) -> bool:
    """Tell whether the track's entry is whole, and says nothing twice: of its elements only one may stand there
    several times.
    """
    told = track.told
    doubles = len(track.parts) - len(told)
    if doubles and doubles != sum(ident == Id.BLOCK_ADDITION_MAPPING for ident, _ in track.parts) - 1:
        return False
    return not (BROKEN in told or Id.TRACK_OPERATION in told or told.get(Id.FLAG_ENABLED, b"\1") != b"\1")


def _main_picture(tracks: Sequence[Track]) -> tuple[Track, str]:
    """Return the picture that players choose, and its codec. Covers are none."""
    films = [(track, codec) for track in tracks if (codec := _picture_codec(track)) not in STILLS]
    if not films:
        raise NotUnderstood
    return min(films, key=lambda film: not film[0].is_default) if len(films) > 1 else films[0]


def _picture_codec(track: Track) -> str:
    if track.codec == _WRAPPED_PICTURE:
        return picture_of_tag(track.told.get(Id.CODEC_PRIVATE, b"")[16:20])
    name = tags.MATROSKA_VIDEO.get(track.codec)
    if name is None:
        raise NotUnderstood
    return name


def _stated(source: Source, found: Matroska, track: Track, codec: str) -> Stated:
    entry = track.told
    picture = entry.get(Id.PICTURE, b"")
    if len(picture) > _MOST_PICTURE_BYTES:
        raise NotUnderstood
    size, shown, curve, has_mastering = _picture(picture)
    has_more = Id.BLOCK_ADDITION_MAPPING in entry or Id.MOST_BLOCK_ADDITIONS in entry
    if codec == "vp9" and has_more and curve:  # HDR10+ may stand beside the frames
        raise NotUnderstood
    is_readable = track.number < 0x7F and Id.CONTENT_ENCODINGS not in entry
    return Stated(
        codec=codec,
        size=size,
        shown=shown,
        config=entry.get(Id.CODEC_PRIVATE, b"") if track.codec != _WRAPPED_PICTURE else b"",
        curve=curve,
        has_mastering=has_mastering,
        dolby_vision=_dolby_vision(source, track) if Id.BLOCK_ADDITION_MAPPING in entry else None,
        first_frame=partial(matroska_blocks.read_first_frame, source, found, track.number, MOST_BYTES)
        if is_readable
        else bytes,
    )


@lru_cache(maxsize=64)
def _picture(content: bytes) -> tuple[tuple[int, int], tuple[int, int] | None, int | None, bool]:
    """Return the size, what is left of it after cropping, the curve, and whether the mastering is described.

    Most films of one size have the same bytes here.
    """
    picture = dict(parts(content))
    colour = dict(parts(picture.get(Id.COLOUR, b"")))
    if BROKEN in picture or BROKEN in colour:
        raise NotUnderstood
    width, height = _number(picture, Id.WIDTH), _number(picture, Id.HEIGHT)
    across = _number(picture, Id.CROP_LEFT) + _number(picture, Id.CROP_RIGHT)
    down = _number(picture, Id.CROP_TOP) + _number(picture, Id.CROP_BOTTOM)
    shown = (width - across, height - down) if across or down else None
    return (width, height), shown, _number(colour, Id.TRANSFER) or None, Id.MASTERING in colour


def _dolby_vision(source: Source, track: Track) -> tuple[int, int] | None:
    """Read the configuration beside the frames. Other kinds of what may stand there change no fact, but HDR10+ does."""
    found = None
    for ident, content in track.parts:
        if ident == Id.BLOCK_ADDITION_MAPPING:
            mapping = dict(parts(content, source))
            if mapping.get(Id.BLOCK_ADDITION_TYPE) not in DOLBY_VISION:
                continue
            if found or (found := dolby_vision_of(mapping.get(Id.BLOCK_ADDITION_DATA, b""))) is None:
                raise NotUnderstood
    return found


def _sound(track: Track) -> str:
    codec, private = track.codec, track.told.get(Id.CODEC_PRIVATE)
    name = _SOUND.get(codec) or ("aac" if codec.startswith("A_AAC/") else None)
    if codec == _WRAPPED_SOUND:
        name = sound_of_tag(private or b"")
    if name is None or (name == "aac" and private is not None and codec != _WRAPPED_SOUND and not is_aac(private)):
        raise NotUnderstood
    return name


def _language(track: Track) -> str:
    """Return the language as the newer element names it, else the older one."""
    entry = track.told
    return plain_language(entry.get(Id.LANGUAGE_BCP47) or entry.get(Id.LANGUAGE, _DEFAULT_LANGUAGE))


def _number(entry: dict[int, bytes], ident: int) -> int:
    return int.from_bytes(entry.get(ident, b"")[:8], "big")
