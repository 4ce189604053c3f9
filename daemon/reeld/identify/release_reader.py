"""Reads a release word by word: title, year or episode number, tags, group.

A second reader beside `strict_reader.py`, which looks for marks and skips the rest. This one
answers only if every word of a name has one possible place. It takes tens of microseconds, guessit
hundreds of times as long.
"""

import re

from reeld.domain.identity import Reading
from reeld.identify.title_text import plausible_year
from reeld.identify.words import (
    AMBIGUOUS_ENDS,
    BROADCASTERS,
    EDITIONS,
    LANGUAGES,
    STRONG_QUALITY,
    WEAK_QUALITY,
    words,
)

# Dots between all words, and a group behind the last hyphen.
_RELEASE = re.compile(r"(?P<words>[^\W_][^\s_]*)-(?P<group>(?=\d*[A-Za-z])[A-Za-z0-9]{2,16})")
_YEAR = re.compile(r"(?:18|19|20)\d\d")
_NUMBER = re.compile(r"S(?P<season>\d{2})(?P<episodes>(?:E\d{2})+)", re.IGNORECASE)
_LETTERS = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
# Channels follow a codec: `TrueHD.7.1.Atmos`, `DTS-HD.MA.5.1`.
_SOUND = re.compile(
    r"(?:dts-?hd[.](?:ma|hra)|dts-?x|dts|true-?hd|ddp?|dd\+|e?-?ac-?3|aac|flac|l?pcm|opus)(?:[.]?[1257][.][01])?(?![^.])",
    re.IGNORECASE,
)
_TAGS = (WEAK_QUALITY | LANGUAGES) - {tag for tag in WEAK_QUALITY if tag.isdigit()}
# Tags that no other rule of reeld needs to know; guessit takes them out of a title.
_OTHER_TAGS = words(
    """xxx vod ppv preair vhs laserdisc secam dvdivx mbcvod dth dm wp rc cc hr vfr vr oar dolby dolbydigital ddc vorbis
    lame widescreen ultrahd ahdtv ldtv avchd iso mpeg mpg rm ra ram asf wav wma wmv flv ogm ogv mka mov vob qt srt ssa
    idx torrent nzb asrequested legenda legendas subtitle subtitles subtitulado customsub customsubs customsubbed soft
    collector deluxe classic alternate alternative restore vita complet multiple reencoded enc prooffix extras
    minisode minisodes ncop nced trailer pob ron und ces mul brazilian swissgerman undetermined australia cap capitulo
    capitulos eps episodio episodios episodul aflevering afl folge avsnitt bolum odcinek seria serii serija"""
)
# Words with another place, or that might have one. A single letter may be part of an acronym, or a
# number.
_NO_TITLE_WORDS = WEAK_QUALITY | LANGUAGES | AMBIGUOUS_ENDS | BROADCASTERS | _OTHER_TAGS
_SHORT_TITLE_WORDS = frozenset({"a", "i"})
SHORTEST_END = 3
"""Letters of a title's last word: two may be the code of a country or a language."""


def read_release(stem: str) -> Reading | None:
    """Return the film or the episode that a release is; None if any word may mean something else."""
    release = _RELEASE.fullmatch(stem)
    if release is None or _is_tag(release["group"]):
        return None
    parts = release["words"].split(".")
    places = [index for index, word in enumerate(parts) if _NUMBER.fullmatch(word)]
    if places:
        return _episode(parts, places[0]) if len(places) == 1 else None
    years = [index for index, word in enumerate(parts) if _YEAR.fullmatch(word) and plausible_year(word)]
    return _film(parts, years[0]) if len(years) == 1 else None


def _film(parts: list[str], place: int) -> Reading | None:
    title = _title(parts[:place])
    if title is None or not _are_tags(parts[place + 1 :]):
        return None
    return Reading(kind="movie", title=title, year=int(parts[place]))


def _episode(parts: list[str], place: int) -> Reading | None:
    title = _title(parts[:place])
    number = _NUMBER.fullmatch(parts[place])
    behind = parts[place + 1 :]
    while behind and _LETTERS.fullmatch(behind[0]) and not _is_tag(behind[0]):
        behind = behind[1:]  # the episode's title
    if title is None or number is None or not _are_tags(behind):
        return None
    episodes = tuple(int(episode) for episode in re.findall(r"\d+", number["episodes"]))
    return Reading(kind="episode", title=title, season_number=int(number["season"]), episode_numbers=episodes)


def _title(parts: list[str]) -> str | None:
    """Return the title, if none of its words may be anything else."""
    if not parts or not all(map(_is_title_word, parts)) or len(parts[-1]) < SHORTEST_END:
        return None
    return " ".join(parts)


def _is_title_word(word: str) -> bool:
    folded = word.casefold()
    return (
        _LETTERS.fullmatch(word) is not None
        and (len(word) > 1 or folded in _SHORT_TITLE_WORDS)
        and folded not in _NO_TITLE_WORDS
        and not _is_tag(word)
    )


def _is_tag(word: str) -> bool:
    return word.casefold() in _TAGS or STRONG_QUALITY.fullmatch(word) is not None


def _are_tags(parts: list[str]) -> bool:
    """Tell whether all `parts` are tags, at least one of them of the quality."""
    text, at = ".".join(parts), 0
    while at < len(text):
        # From left to right without going back, so that the time grows with the length alone.
        end = _tag_end(text, at)
        if end is None:
            return False
        at = end + 1
    return STRONG_QUALITY.search(text) is not None


def _tag_end(text: str, start: int) -> int | None:
    """Return where the tag at `start` ends, before a dot or at the end of `text`."""
    for pattern in (_SOUND, STRONG_QUALITY, *(pattern for pattern, _ in EDITIONS)):
        found = pattern.match(text, start)
        if found and text[found.end() : found.end() + 1] in ("", "."):
            return found.end()
    end = text.find(".", start)
    end = len(text) if end < 0 else end
    return end if text[start:end].casefold() in _TAGS else None
