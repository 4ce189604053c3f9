"""Names the fields of a query, and what each means. Documents and completion are made of this table."""

from collections.abc import Mapping
from dataclasses import dataclass

from reeld.domain.sidecars import PICTURE_KINDS
from reeld.domain.states import FileState, FileVerdict
from reeld.query import values
from reeld.query.conditions import (
    BITRATE,
    OF_EPISODE,
    OF_MOVIE,
    OF_SERIES,
    PATH,
    Asked,
    Condition,
    Make,
    any_of,
    beside,
    bits,
    by_air_date,
    by_episode,
    by_id,
    by_library,
    by_links,
    by_moment,
    by_provider,
    by_resolution,
    by_title,
    by_year,
    containing,
    equal,
    in_episodes,
    narrow,
    one_of,
    speaking,
    subtitled,
    within,
)
from reeld.query.language import Field


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldMeaning:
    """`meaning` is for people, as are `examples`. `make` raises ValueError for a value that the field does not have."""

    meaning: str
    examples: str
    make: Make
    values: tuple[str, ...] = ()
    """All values that it can have, if they are few: for completion and messages."""
    is_list: bool = True
    """Whether commas part alternatives: `codec:hevc,av1`."""


def condition_of(field: Field, asked: Asked) -> Condition:
    """Make the condition of a field. Raises QueryError, which points at it."""
    meaning = FIELDS[field.name]
    parts = field.value.split(",") if meaning.is_list and not field.is_quoted else [field.value]
    try:
        return any_of([meaning.make(part, asked) for part in parts])
    except (ValueError, OverflowError) as err:
        raise field.place.error(f"{field.name}: has no value {field.value!r}", f"write {meaning.examples}") from err


_STATES: dict[str, Condition | str] = {
    "present": f"f.state = '{FileState.PRESENT}'",
    "gone": f"f.state = '{FileState.MISSING}'",
    "missing": f"f.state = '{FileState.MISSING}'",
    "removed": f"f.state = '{FileState.LIBRARY_REMOVED}'",
    "library_removed": f"f.state = '{FileState.LIBRARY_REMOVED}'",
    "failed": narrow("f.id IN (SELECT video_file_id FROM jobs WHERE state = 'failed')"),
    "working": narrow("f.id IN (SELECT video_file_id FROM jobs WHERE state <> 'failed')"),
}
# Few files have these: an index leads to them. Most are accepted, and each file is asked.
_VERDICTS: dict[str, Condition | str] = {
    **{verdict.value: narrow(f"f.verdict = '{verdict}'") for verdict in FileVerdict},
    FileVerdict.ACCEPTED.value: f"f.verdict = '{FileVerdict.ACCEPTED}'",
    "none": "f.verdict IS NULL",
}
_HDR = {
    "any": "f.hdr IS NOT NULL",
    "dv": "f.hdr = 'Dolby Vision'",
    "hdr10": "f.hdr = 'HDR10'",
    "hdr10+": "f.hdr = 'HDR10+'",
    "hlg": "f.hdr = 'HLG'",
    "none": "(f.hdr IS NULL AND f.codec_video IS NOT NULL)",
}
_SERIES_WITH_ID = in_episodes(
    "series_id IN (SELECT id FROM series WHERE coalesce(tmdb_id, tvdb_id, imdb_id, tvmaze_id) IS NOT NULL)"
)
_WITH_ID = (
    "CASE f.kind WHEN 'movie' "  # noqa: S608 - ours
    "THEN f.movie_id IN (SELECT id FROM movies WHERE coalesce(tmdb_id, tvdb_id, imdb_id) IS NOT NULL) "
    f"WHEN 'episode' THEN {_SERIES_WITH_ID} END"
)
_HAS: dict[str, Condition | str] = {
    "hash": "f.file_hash IS NOT NULL",
    "audio": "f.codec_audio IS NOT NULL",
    "subtitle": any_of([Condition("f.subtitle_languages <> '[]'"), beside(["subtitle"])]),
    "subtitlefile": beside(["subtitle"]),
    "nfo": beside(["nfo"]),
    "picture": beside(sorted(PICTURE_KINDS)),
    "edition": narrow("f.edition IS NOT NULL"),
    "part": "f.part IS NOT NULL",
    "hdr": "f.hdr IS NOT NULL",
    "problem": narrow("f.media_problem IS NOT NULL"),
    "id": _WITH_ID,
}
_DAMAGED: dict[str, Condition | str] = {
    "yes": narrow("f.verify_problem IS NOT NULL"),
    "no": "f.id NOT IN (SELECT id FROM video_files WHERE verify_problem IS NOT NULL)",
}
_KINDS: dict[str, Condition | str] = {
    "movie": "f.kind = 'movie'",
    "episode": "f.kind = 'episode'",
    "special": narrow(in_episodes("episodes.season_number = 0")),
    "none": "f.kind IS NULL",
}
_CODECS = {"h265": "hevc", "x265": "hevc", "avc": "h264", "x264": "h264", "xvid": "mpeg4", "divx": "mpeg4"}
_SOUNDS = {"ac-3": "ac3", "dd": "ac3", "e-ac-3": "eac3", "ddp": "eac3", "dd+": "eac3"}


def _of_few(name: str, meaning: str, conditions: Mapping[str, Condition | str]) -> FieldMeaning:
    examples = ", ".join(f"{name}:{value}" for value in conditions)
    return FieldMeaning(meaning=meaning, examples=examples, make=one_of(conditions), values=tuple(conditions))


def _text(meaning: str, examples: str, make: Make) -> FieldMeaning:
    return FieldMeaning(meaning=meaning, examples=examples, make=make, is_list=False)


def _other(meaning: str, examples: str, make: Make) -> FieldMeaning:
    return FieldMeaning(meaning=meaning, examples=examples, make=make)


FIELDS: dict[str, FieldMeaning] = {
    "title": _text(
        "words of the title of a film or an episode; after = the whole title",
        'title:heat, title:"quiet kin", title:=Heat',
        by_title(OF_MOVIE, OF_EPISODE, tables=("movies", "episodes")),
    ),
    "series": _text(
        "words of the title of a series; after = the whole title",
        'series:"quiet kin", series:=Severance',
        by_title(OF_SERIES, tables=("series",)),
    ),
    "year": _other("of the film, or the first of the series", "year:1995, year:1990..1999, year:>=2020", by_year),
    "season": _other("its number; 0 holds the specials", "season:2, season:1..3", by_episode("season_number")),
    "episode": _other("its number in the season", "episode:7, episode:<=3", by_episode("episode_number")),
    "absolute": _other("its number in the series", "absolute:366", by_episode("absolute_number")),
    "aired": _other(
        "the day of a broadcast that the name has", "aired:2024-03-14, aired:2024-03, aired:<30d", by_air_date
    ),
    "kind": _of_few("kind", "what the file is", _KINDS),
    "resolution": _other(
        "the class of the picture, or its exact size",
        "resolution:2160p, resolution:>=1080p, resolution:<720p, resolution:sd, resolution:1920x800",
        by_resolution,
    ),
    "codec": _other("of the picture", "codec:hevc, codec:av1,vp9", equal("f.codec_video", _CODECS)),
    "audiocodec": _other(
        "of the first sound track", "audiocodec:truehd, audiocodec:aac", equal("f.codec_audio", _SOUNDS)
    ),
    "container": _other(
        "the format of the file", "container:matroska, container:mp4", equal("f.container", {"mkv": "matroska"})
    ),
    "hdr": _of_few("hdr", "the dynamic range of the picture", _HDR),
    "audio": _other(
        "a language of the sound; und: it has sound, and no language is named",
        "audio:fr, audio:en,de, audio:pt-BR, audio:und",
        speaking("f.languages", "f.codec_audio IS NOT NULL"),
    ),
    "subtitle": _other(
        "a language of the subtitles inside the file or beside it",
        "subtitle:de, subtitle:zh-TW",
        subtitled,
    ),
    "duration": _other(
        "how long it plays",
        "duration:<10min, duration:>2h30min, duration:1:30:00..2:00:00",
        within("f.duration_ms", values.duration, is_measure=True),
    ),
    "size": _other(
        "of the file", "size:>20GiB, size:700MB, size:1GiB..2GiB", within("f.size_bytes", values.size, is_measure=True)
    ),
    "bitrate": _other(
        "size by length", "bitrate:>20Mbit, bitrate:<1500kbit", within(f"({BITRATE})", bits, is_measure=True)
    ),
    "added": _other(
        "when reeld first saw it",
        "added:<7d, added:>1y, added:today, added:2026-11, added:2026-11-05..",
        by_moment("f.first_seen_at"),
    ),
    "changed": _other("when its bytes last changed", "changed:<24h, changed:2026", by_moment("f.changed_at")),
    "gone": _other("since when it is missing", "gone:>30d", by_moment("f.missing_since")),
    "state": _of_few("state", "whether the file is there, and whether work on it is left", _STATES),
    "verdict": _of_few("verdict", "what became of its name", _VERDICTS),
    "library": _text("the name of its library", "library:Films", by_library),
    "path": _text("characters of the path below the library", "path:Kids/", containing("f.path")),
    "name": _text("characters of the file's name", "name:remux", containing("f.filename", before=PATH)),
    "edition": _text(
        "characters of the edition", "edition:director", containing("f.edition", before="f.edition IS NOT NULL")
    ),
    "links": _other(
        "its other names: none, elsewhere (outside the libraries, as while it is seeded), unknown, or their number",
        "links:none, links:elsewhere, links:>=2",
        by_links,
    ),
    "damaged": _of_few("damaged", "whether a verification found it damaged, unstable or unreadable", _DAMAGED),
    "has": _of_few("has", "what else is known of it, or lies beside it", _HAS),
    "id": _other("a number of any list", "id:12, id:m3, id:s4, id:e7", by_id),
    "tmdb": _other("the number at TMDB", "tmdb:949", by_provider("tmdb_id")),
    "tvdb": _other("the number at TheTVDB", "tvdb:371980", by_provider("tvdb_id")),
    "imdb": _other("the number at IMDb", "imdb:tt0113277", by_provider("imdb_id")),
}
