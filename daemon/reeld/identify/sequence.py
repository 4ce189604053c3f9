"""Reads the number that runs through the files of a folder, behind the title that the folder has.

`Show 05.mkv` beside `Show 04.mkv`, `Show 06.mkv` and more in the folder `Show`: no single name says
that 05 is an episode, and all together leave nothing else. One word may stand before the number; in
which language it says "episode" does not matter, since it is the same in all of them.
"""

import re
from dataclasses import dataclass

from reeld.domain.titles import title_key
from reeld.identify.folders import FolderReading
from reeld.identify.names import spaced, words_of
from reeld.identify.ranges import decimal_behind
from reeld.identify.siblings import Run
from reeld.identify.title_text import without_brackets_in_front
from reeld.identify.words import EPISODE_WORDS, GENERIC_STEMS, SEASON_WORDS, words

LEAST_IN_A_RUN = 4
"""With fewer, a film's parts, or a few films, may be numbered like this, too."""
LARGEST_SHARE_OF_GAPS = 0.5
LEAST_SHARE = 0.75
"""Of the files in the folder: else the numbered ones may be something that lies among the episodes."""
LONGEST_NUMBER = 3
"""Digits: four may be a year."""
HIGHEST_LONE_NUMBER = 50
"""Of a season; `Show 199` alone may as well be the 199th of all."""

_LONE_NUMBER = re.compile(
    r"(?P<before>[^\[(].*?[ ._-])(?P<number>\d{3,4})(?=$|[ ._-]+(?:[^\W\d_]|\d{3,4}[pP])|[ ._]*[\[(])"
)

_BRACKETED = re.compile(r"[\[(【]([^\])】]+)[\])】]")
_SEASON_BEFORE = re.compile(r"[\W_]*(?:s(?P<s>\d{1,2})[ ._-]*|(?P<x>\d{1,2})x)", re.IGNORECASE)
_YEAR = re.compile(r"[\W_]*[(\[]?(?:19|20)\d\d[)\]]?(?=[\W_])")
COUNTING_WORDS = (
    rf"{EPISODE_WORDS}|e|no|nr|part|pt|parte|partie|teil|deel|del|chapter|chapitre|kapitel|capitolo|الحلقة|επεισόδιο|第"
)
_COUNTING_WORD = re.compile(COUNTING_WORDS, re.IGNORECASE)
_SEASON_BEHIND = re.compile(rf"(?:\.|st|nd|rd|th)?[ ._-]*(?:{SEASON_WORDS}|serie)(?![^\W_])", re.IGNORECASE)
_SEASON_WORD = re.compile(SEASON_WORDS, re.IGNORECASE)
# What is numbered beside episodes, and what cameras and discs call their files.
_OTHERS = GENERIC_STEMS | words(
    """cd dvd disc disk disco vol volume img vid dsc dscn mvi mov gopr pxl clip clips scene scenes deleted minisode
    minisodes webisode webisodes outtake outtakes blooper bloopers promo making trailer trailers
    teaser sample extra extras bonus interview interviews featurette short shorts special specials sp ova oad ona movie
    film version take season seasons vts t title_t menu preview pv cm ncop nced"""
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """The number of one file among its siblings. `season` is None where nothing tells it."""

    number: int
    season: int | None
    has_title: bool
    """Whether the folder's title stands before the number."""
    behind: str
    """The text behind the number."""
    numbers: tuple[int, ...]
    is_coded: bool = False
    """Whether the season is the first digit of each number: 305."""
    says_season: bool = False
    """Whether a mark of the season stands before each number: `S3 - 05`, `3x5`."""


def read_sequence(name: str, run: Run | None, folder: FolderReading, sibling_count: int) -> Sequence | None:
    """Return the number of the file `name`, if it and its siblings run in numbers behind the folder's title."""
    if run is None or folder.title is None or folder.is_disc or not runs(run, sibling_count):
        return None
    if decimal_behind(name, len(run.prefix) + run.width) or not name.startswith(run.prefix):
        return None
    behind = _behind_title(run.prefix, folder.title)
    rest = run.prefix if behind is None else behind
    season = _SEASON_BEFORE.fullmatch(rest)
    if season is None and not _is_one_word(rest, has_title=behind is not None):
        return None
    if counts_seasons(run):
        return None
    # A group's releases count from the first one on.
    is_coded = not name.lstrip().startswith(("[", "【")) and _all_hold_season(run.numbers, folder.season)
    return Sequence(
        number=run.number % 100 if is_coded else run.number,
        season=int(season["s"] or season["x"]) if season else folder.season,
        has_title=behind is not None,
        behind=name[len(run.prefix) + run.width :],
        numbers=tuple(number % 100 for number in run.numbers) if is_coded else run.numbers,
        is_coded=is_coded,
        says_season=season is not None,
    )


def read_lone_number(name: str, folder: FolderReading) -> Sequence | None:
    """Return the number of `Show 305` in the folder of season 3: the only number behind the title, and coded."""
    if folder.title is None or not folder.season or folder.is_part_of_season:
        return None
    found = _LONE_NUMBER.match(name)
    behind = _behind_title(found["before"], folder.title) if found else None
    if found is None or behind is None or words_of(behind):
        return None
    season, episode = divmod(int(found["number"]), 100)
    if season != folder.season or not 0 < episode <= HIGHEST_LONE_NUMBER:
        return None
    return Sequence(
        number=episode,
        season=season,
        has_title=True,
        behind=name[found.end("number") :],
        numbers=(episode,),
        is_coded=True,
    )


def _all_hold_season(numbers: tuple[int, ...], season: int | None) -> bool:
    return season is not None and all(holds_season(number, season) for number in numbers)


def holds_season(number: int, season: int) -> bool:
    """Tell whether `number` is a season and an episode of it: 305 for season 3. There is no episode 0."""
    return number > 99 and number // 100 == season and number % 100 > 0


def runs(run: Run, sibling_count: int) -> bool:
    """Tell whether most files of the folder are numbered alike, with few gaps."""
    count, spread = len(run.numbers), run.numbers[-1] - run.numbers[0] + 1
    return (
        count >= LEAST_IN_A_RUN
        and count >= LEAST_SHARE * (sibling_count + 1)
        and spread - count <= LARGEST_SHARE_OF_GAPS * spread
        and run.width <= LONGEST_NUMBER
    )


def _behind_title(prefix: str, title: str) -> str | None:
    """Return what stands between the folder's title and the number; None if it does not stand there."""
    key = title_key(title)
    for bracketed in _BRACKETED.finditer(prefix):
        if title_key(bracketed[1]) == key:
            return prefix[bracketed.end() :]
    for text in (prefix, without_brackets_in_front(prefix)):
        for end in (word.end() for word in re.finditer(r"[^\W_]+[!?.]*", text)):
            if title_key(spaced(text[:end])) == key:
                rest = text[end:]
                year = _YEAR.match(rest)
                return rest[year.end() :] if year else rest
    return None


def counts_seasons(run: Run) -> bool:
    """Tell whether the number is a season's: `Show 2. Staffel`."""
    return _SEASON_BEHIND.match(run.suffix) is not None


def is_no_title(text: str) -> bool:
    """Tell whether all words are those of cameras and discs, or count something else than episodes."""
    return all(word in _OTHERS for word in words_of(text))


def _is_one_word(rest: str, *, has_title: bool) -> bool:
    """Tell whether at most one word stands there, and none that counts something else.

    Behind the folder's title an unknown one may belong to a longer title: `Show Returns 05`.
    """
    found = words_of(rest)
    if not found:
        return True
    word = found[0]
    if len(found) > 1 or not word.isalpha():
        return False
    if has_title:
        return _COUNTING_WORD.fullmatch(word) is not None
    return len(word) > 1 and word not in _OTHERS and not _SEASON_WORD.fullmatch(word)
