"""Reads the folders above a file: a work, its year, a season, or only a place."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from reeld.domain.identity import Kind
from reeld.domain.titles import title_key
from reeld.identify.ids import without_ids
from reeld.identify.names import is_dotted
from reeld.identify.strict_reader import read_structure
from reeld.identify.structure import Structure
from reeld.identify.title_text import read_title, title_ambiguities
from reeld.identify.words import GENERIC_FOLDERS, LANGUAGES, SEASON_WORDS, SPECIALS_FOLDER, STRONG_QUALITY, words

_DISC_FOLDER = re.compile(r"video_ts|audio_ts|bdmv|stream|backup|playlist|certificate|hvdvd_ts", re.IGNORECASE)
_PART_FOLDER = re.compile(r"(?:cd|dvd|dis[ck]|part)[ ._-]?\d{1,2}", re.IGNORECASE)
_DISC_IN_NAME = re.compile(r"(?<![^\W_])(?:cd|dvd|dis[ck])[ ._-]?\d{1,2}(?![^\W_])", re.IGNORECASE)
_TITLED_DISC = re.compile(r"(?P<title>.+?)[ ._-]+(?:cd|dvd|dis[ck])[ ._-]?(?P<number>\d{1,2})", re.IGNORECASE)
_YEAR_FOLDER = re.compile(r"(?:19|20)\d\d")
_SUBTITLE_FOLDER = re.compile(r"subs?|subtitles?", re.IGNORECASE)
# Season 1, Season 01 (2008), Staffel 2 - Title, S03; 2. Staffel, 1 сезон, 2nd Season; 第2季, シーズン2,
# 시즌 2.
_SEASON_FOLDER = re.compile(
    rf"(?:(?:{SEASON_WORDS})[ ._-]*(?P<a>\d{{1,4}})(?![^\W_]).*|s(?P<b>\d{{1,2}}|(?:19|20)\d\d)"
    rf"|(?P<c>\d{{1,2}})(?:\.|st|nd|rd|th|ª|a|-?й)?[ ._-]*(?:{SEASON_WORDS}|serie)"
    r"|第(?P<d>\d{1,2})[季期]|(?:シーズン|시즌) ?(?P<e>\d{1,2}))",
    re.IGNORECASE,
)
_NUMBER_WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_SEASON_IN_WORDS = re.compile(rf"(?:{SEASON_WORDS})[ ._-]+(?P<number>{'|'.join(_NUMBER_WORDS)})", re.IGNORECASE)
# Seasons 1-3, S01-S03, Season 1 & 2, and the same behind a title.
_SEVERAL_SEASONS = re.compile(
    rf"(?<![^\W_])(?:(?:{SEASON_WORDS})[ ._-]{{0,2}}|s)\d{{1,2}}"
    rf"[ ._]*(?:[-–~&+,]|(?:and|und|et|to|bis)(?![^\W_]))[ ._]*(?:(?:{SEASON_WORDS})[ ._-]{{0,2}}|s)?\d{{1,2}}"
    r"(?=$|[ ._]*[\[(]|\.)",
    re.IGNORECASE,
)
TV_PLACES = words(
    """tv tvshow tvshows tv-shows shows series serie serien séries seriál serials сериалы сериал 电视剧 television
    anime animes anime-series cartoons sonarr diziler dizi seriale
    sorozatok σειρέσ مسلسلات 剧集 劇集 드라마 ドラマ アニメ 动画 動畫 애니"""
)
FILM_PLACES = words(
    """film films movie movies cinema kino filme película películas peliculas filmes фильмы фильм radarr"""
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderReading:
    """The reading of the folders. `title` comes from the nearest folder that names a work.

    `is_firm` means that this folder is hardly a mere place: a season folder lies in it, it has a
    year in brackets, or it is a release. `release` is the reading of a folder that is named like
    a file.
    """

    name: str | None = None
    title: str | None = None
    likely_title: str | None = None
    """The title without what is as often a tag: `Show` of `Show Complete Season 2`."""
    year: int | None = None
    country: str | None = None
    season: int | None = None
    has_season_folder: bool = False
    has_several_seasons: bool = False
    """Whether one folder holds more than one season, so that a number alone says nothing."""
    is_part_of_season: bool = False
    """Whether the folder is one disc of a season: there the numbers start again at 1."""
    part: int | None = None
    """Which of a work's discs the folder is, if it has the work's title: `Film Disc 2` in `Film (1981)`."""
    season_conflict: bool = False
    kind: Kind | None = None
    is_firm: bool = False
    is_release_name: bool = False
    """Whether it is named as releases are. The same people named the file in it, so it confirms
    nothing.
    """
    release: Structure | None = None
    is_disc: bool = False
    is_direct: bool = True
    """Whether no other folder that may name a work lies around it."""
    in_tv_place: bool = False
    in_film_place: bool = False
    title_ambiguities: tuple[str, ...] = ()


# The files of a folder come one after the other.
@lru_cache(maxsize=256)
def read_folders(folders: tuple[str, ...]) -> FolderReading:
    """Read `folders`, outermost first. The nearest one that says something wins."""
    below = _Below()
    reading = FolderReading()
    named_at = -1
    for index in reversed(range(len(folders))):
        folder = without_ids(folders[index]).strip()
        if below.takes(folder, folders[index - 1] if index else None):
            continue
        if not is_generic(folder) or _is_named_like_a_place(folders, index):
            reading, named_at = _named(folder, below.season), index
            if reading.title:
                break
            below.season = reading.season if below.season is None else below.season
    reading = _with_places(below.added_to(reading), folders)
    outer = folders[named_at - 1] if named_at > 0 else None
    if outer is None or is_generic(outer):
        return reading
    return replace(_confirmed(reading, without_ids(outer)), is_direct=False)


@dataclass(slots=True)
class _Below:
    """What the folders below the work's own say: season, disc, part."""

    season: int | None = None
    part: int | None = None
    is_disc: bool = False
    has_several_seasons: bool = False
    is_part_of_season: bool = False

    def takes(self, folder: str, around: str | None) -> bool:
        """Tell whether `folder` names no work, and remember what it says. `around` is the folder around it."""
        if _DISC_FOLDER.fullmatch(folder):
            self.is_disc = True
        elif _PART_FOLDER.fullmatch(folder):
            self.is_part_of_season = True
        elif (disc := _disc_of(folder, around)) is not None:
            self.part, self.is_part_of_season = disc, True
        elif _SEVERAL_SEASONS.fullmatch(folder):
            self.has_several_seasons = True
        elif (season := _season_below(folder)) is not None:
            self.season = season if self.season is None else self.season
            self.is_part_of_season = self.is_part_of_season or _DISC_IN_NAME.search(folder) is not None
        else:
            is_year = _YEAR_FOLDER.fullmatch(folder) and around is not None and not is_generic(around)
            return bool(is_year) or _SUBTITLE_FOLDER.fullmatch(folder) is not None
        return True

    def added_to(self, reading: FolderReading) -> FolderReading:
        has_several = self.has_several_seasons or reading.has_several_seasons
        return replace(
            reading,
            is_disc=self.is_disc,
            has_several_seasons=has_several,
            is_part_of_season=self.is_part_of_season,
            part=self.part,
            has_season_folder=reading.has_season_folder or has_several,
            is_firm=reading.is_firm or has_several,
            season=None if has_several else reading.season,
        )


def _season_below(folder: str) -> int | None:
    of_episode = _season_of_episode(folder)
    return season_of(folder) if of_episode is None else of_episode


def _is_named_like_a_place(folders: Sequence[str], index: int) -> bool:
    """Recognize `TV/V/Season 1`, `Series/German/Season 2`: a letter or a language with a season is a
    series.

    Elsewhere such a folder is part of an index, or holds everything in that language.
    """
    name = folders[index].casefold().strip()
    holds_a_season = index + 1 < len(folders) and season_of(without_ids(folders[index + 1]).strip()) is not None
    among_series = index > 0 and "".join(folders[index - 1].casefold().split()) in TV_PLACES
    return holds_a_season and among_series and (len(name) == 1 or name in LANGUAGES) and name.isalpha()


def is_disc_folder(folder: str) -> bool:
    """Recognize a folder of a DVD or Blu-ray that was copied as it is."""
    return _DISC_FOLDER.fullmatch(folder) is not None


def season_of(folder: str) -> int | None:
    """Return the season that a folder's name means; 0 for specials, or None for other folders."""
    if SPECIALS_FOLDER.fullmatch(folder):
        return 0
    if in_words := _SEASON_IN_WORDS.fullmatch(folder):
        return _NUMBER_WORDS.index(in_words["number"].casefold()) + 1
    found = _SEASON_FOLDER.fullmatch(folder)
    return int(next(group for group in found.groups() if group)) if found else None


def _season_of_episode(folder: str) -> int | None:
    """Return the season of a folder that holds one episode, and is called by its number: `2x05 - Nets`.

    It names no work, and a year in it is none of the series'.
    """
    read = read_structure(folder)
    holds_one = read.kind == "episode" and read.style in ("SxxEyy", "NxNN", "words") and read.title is None
    return read.season if holds_one else None


def _disc_of(folder: str, around: str | None) -> int | None:
    """Return the number of a disc, if the folder repeats the title of the one around it."""
    found = _TITLED_DISC.fullmatch(folder)
    if found is None or around is None:
        return None
    title, work = read_title(found["title"]).title, _named(without_ids(around), None).title
    return int(found["number"]) if title and work and title_key(title) == title_key(work) else None


def is_generic(folder: str) -> bool:
    """Tell whether a folder names a place or a sort of thing, not a work."""
    key = "".join(folder.casefold().split())
    return key in GENERIC_FOLDERS or key.strip("_-.[]()") in GENERIC_FOLDERS or not any(char.isalnum() for char in key)


def _named(folder: str, season: int | None) -> FolderReading:
    """Read a folder that names a work: `Show (2010)`, `Film.2010.1080p-GRP`, `Show.S01.720p`, or a
    title.
    """
    read = read_structure(folder)
    has_season = season is not None
    if read.kind == "episode" and read.style in ("pack", "SxxEyy", "NxNN", "date"):
        own = read.season
        return FolderReading(
            name=folder,
            title=read.title,
            likely_title=read.likely_title,
            year=read.year,
            country=read.country,
            season=own if season is None else season,
            has_season_folder=has_season or read.style == "pack",
            season_conflict=has_season and own is not None and own != season,
            has_several_seasons=_SEVERAL_SEASONS.search(folder) is not None,
            kind="episode",
            is_firm=True,
            is_release_name=_is_release_name(folder),
            release=read if read.style != "pack" else None,
            title_ambiguities=read.title_ambiguities,
        )
    # `Space 1999` with a season folder in it: a bare number does not count as a year.
    if read.kind == "movie" and read.title and (read.year_is_bracketed or not has_season):
        is_release = STRONG_QUALITY.search(folder) is not None
        country_text = read_title(read.title)
        return FolderReading(
            name=folder,
            title=country_text.title if country_text.country else read.title,
            year=read.year,
            country=country_text.country,
            season=season,
            has_season_folder=has_season,
            kind="episode" if has_season else "movie" if is_release else None,
            is_firm=has_season or read.year_is_bracketed or is_release,
            is_release_name=not read.year_is_bracketed and _is_release_name(folder),
            release=None if has_season else read,
            title_ambiguities=(*read.title_ambiguities, *read.ambiguities),
        )
    text = read_title(folder)
    return FolderReading(
        name=folder,
        title=text.title,
        year=text.year,
        country=text.country,
        season=season,
        has_season_folder=has_season,
        kind="episode" if has_season else None,
        is_firm=has_season,
        title_ambiguities=text.ambiguities,
    )


def _is_release_name(folder: str) -> bool:
    return STRONG_QUALITY.search(folder) is not None or is_dotted(folder)


def _with_places(reading: FolderReading, folders: Sequence[str]) -> FolderReading:
    keys = {"".join(folder.casefold().split()) for folder in folders}
    return replace(reading, in_tv_place=bool(keys & TV_PLACES), in_film_place=bool(keys & FILM_PLACES))


def _confirmed(reading: FolderReading, outer: str) -> FolderReading:
    """Add year and country from the folder around it, if that one has the same title."""
    around = _named(outer, None)
    if not reading.title or not around.title:
        return reading
    if reading.likely_title and title_key(around.title) == title_key(reading.likely_title):
        reading = replace(reading, title=reading.likely_title, title_ambiguities=())
    if title_key(around.title) != title_key(reading.title or ""):
        return reading
    return replace(
        reading,
        year=reading.year or around.year,
        country=reading.country or around.country,
        title_ambiguities=tuple(title_ambiguities(around.title, around.title)) and reading.title_ambiguities,
    )
