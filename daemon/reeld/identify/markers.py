"""Finds the marker of an episode in a name, and its numbers.

Only shapes that cannot mean anything else are markers. Text right after one that may or may not
belong to it makes it `odd`. Then the user decides.
"""

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from reeld.domain.titles import title_key
from reeld.identify.ranges import follow, follow_without_season
from reeld.identify.words import EPISODE_WORDS, SEASON_WORDS, TITLES_WITH_A_NUMBER

Style = Literal["SxxEyy", "NxNN", "words", "date", "dash", "episode", "of", "pack"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Marker:
    """A marker and its span in the stem. `episodes` count within `season`, `absolute` from the
    first.
    """

    style: Style
    start: int
    end: int
    season: int | None = None
    episodes: tuple[int, ...] = ()
    absolute: tuple[int, ...] = ()
    air_date: str | None = None
    half: int | None = None
    """1 for `S01E01a`, 2 for `S01E01b`."""
    odd: str | None = None


# S01E02, s1e2, S01.E02, S01 - E02, S01EP02, S2006E05, S013E18, S104E02; `ranges.py` reads what
# follows.
_SE = re.compile(
    r"(?<![^\W_])se?(?P<season>(?:19|20)\d\d|\d{1,3})[ ._-]{0,3}x?e(?:p|pisode)?[ ._]?(?P<first>\d{1,4})(?!\d)",
    re.IGNORECASE,
)
# 3x10, 03x10, also 3x10x11, 3x10-11, 3x10-3x11; 2016x03 is a year's season (1920x1080 has more
# digits, and 2008x12.13 may be a date).
_X = re.compile(
    r"(?<![^\W_])(?P<season>\d{1,2}|(?:19|20)\d\d(?=[x×]\d\d(?!\d|\.\d)))[x×](?!26[456])(?P<first>\d{2,3})(?!\d)",
    re.IGNORECASE,
)
# 3x4-3x5: two markers of one digit each confirm each other.
_X_PAIR = re.compile(
    r"(?<![^\W_])(?P<season>\d{1,2})[x×](?P<first>\d)(?=[-~&+](?P=season)[x×]\d(?![^\W_]))", re.IGNORECASE
)
# Season 2 Episode 3, Saison 2 Épisode 3, Staffel 2 Folge 3; 2 сезон 3 серия, 2. Staffel 3. Folge.
_WORDS = re.compile(
    rf"(?<![^\W_])(?:{SEASON_WORDS})[ ._-]{{0,2}}(?P<season>\d{{1,4}})[ ._,-]{{0,4}}"
    rf"(?:{EPISODE_WORDS})[ ._-]{{0,2}}(?P<first>\d{{1,4}})(?![^\W_])",
    re.IGNORECASE,
)
_NUMBERS_FIRST = re.compile(
    rf"(?<![^\W_])(?P<season>\d{{1,2}})[ ._-]{{0,2}}(?:{SEASON_WORDS})[ ._,-]{{0,4}}"
    rf"(?P<first>\d{{1,4}})[ ._-]{{0,2}}(?:{EPISODE_WORDS})(?![^\W_])(?![ ._-]{{0,2}}\d)",
    re.IGNORECASE,
)
# 第二季 第3集, シーズン2 第3話: season and episode with the sign that counts each.
_COUNTED = re.compile(
    r"(?:第(?P<season>[\d一二三四五六七八九十]{1,3})[季期]|(?:シーズン|시즌) ?(?P<other>\d{1,2}))"
    r"[ ._-]{0,3}第(?P<first>[\d一二三四五六七八九十]{1,4})[集話话回]"
)
_COUNTED_ONE = re.compile(r"第(?P<first>\d{1,4})[集話话回]")
_HAN_DIGITS = {char: number for number, char in enumerate("一二三四五六七八九", start=1)}
# [Cap.105]: season 1, episode 5, as Spanish releases write it.
_CAP = re.compile(r"(?<=\[)Cap[. ]?(?P<season>\d{1,2})(?P<first>\d{2})(?=\])", re.IGNORECASE)
_CHAINS: tuple[tuple[re.Pattern[str], Style], ...] = (
    (_SE, "SxxEyy"),
    (_X, "NxNN"),
    (_X_PAIR, "NxNN"),
    (_WORDS, "words"),
    (_NUMBERS_FIRST, "words"),
    (_CAP, "words"),
)
_ISO_DATE = re.compile(r"(?<![^\W_])((?:19|20)\d\d)([ ._-])(\d\d)\2(\d\d)(?![^\W_])")
# 20150312, as recorders write it; in brackets it is the day of the release.
_COMPACT_DATE = re.compile(r"(?<![^\W_])(?<![\[(])((?:19|20)\d\d)([01]\d)([0-3]\d)(?![^\W_])")
_DAY_FIRST = re.compile(r"(?<![^\W_])(\d\d)([ ._-])(\d\d)\2((?:19|20)\d\d)(?![^\W_])")
# ` - 12`, ` - 12v2`, followed only by brackets, a title after another dash, or the end.
_DASH = re.compile(
    r"(?<=[ _])[-–][ _](?:#|ep\.? ?|e)?(?P<first>\d{1,4})(?P<more>[-~&+]\d{1,3})?(?:v\d)?(?: ?END)?"
    r"(?=[ _]*(?:[\[(]|[ _][-–][ _]|$))",
    re.IGNORECASE,
)
# `[Group] Title 05 [1080p]`, `[Group]_Title_16v2_[AC3]`, `[Group] Title #3`: only brackets follow
# a number that titles do not end in.
_BEHIND_GROUP = re.compile(
    r"^\s*[\[【].*[^\W\d_][!?.~]?[ _]#?(?P<first>0\d{1,2}(?:v\d)?|\d{2,3}v\d|(?<=#)\d{1,3}(?:v\d)?)"
    r"(?: ?END)?[ _]*(?=[\[(]|$)",
    re.IGNORECASE,
)
# Episode 5, Ep.05, E05, Folge 5: a number without its season.
_EPISODE = re.compile(
    rf"(?<![^\W_])(?:{EPISODE_WORDS}|e)[ ._-]{{0,2}}(?P<first>\d{{1,4}})(?:v\d)?(?![^\W_])", re.IGNORECASE
)
# Signs of names that count episodes from the first one on: a group in front, a checksum at the
# end, the tag of French subtitles.
_COUNTS_ON = re.compile(r"^\s*[\[【]|[\[(][0-9A-F]{8}[\])]\s*$|(?<![^\W_])VOSTFR(?![^\W_])", re.IGNORECASE)
LEAST_COUNTED_ON = 100
"""No season has so many episodes: such a number counts from the first one on."""
_OF = re.compile(r"(?<![^\W_])(?P<first>\d{1,2})[ ._-]?of[ ._-]?(?P<count>\d{1,2})(?![^\W_])", re.IGNORECASE)
# A whole season: S01, Season 1, 1. Staffel; the 7 of `Pier 7 Season 2` is the title's.
_PACK = re.compile(
    rf"(?<![^\W_])(?:s(?P<a>\d{{1,2}})|(?:{SEASON_WORDS})[ ._-]{{0,2}}(?P<b>\d{{1,2}})"
    rf"|(?P<c>\d{{1,2}})(?:\.|st|nd|rd|th)?[ ._]?(?:{SEASON_WORDS}|serie)(?![ ._-]{{0,2}}\d))(?![^\W_])",
    re.IGNORECASE,
)


def find_marker(stem: str) -> Marker | None:
    """Find the one marker of `stem`, strongest shape first; `odd` if another one contradicts it."""
    chains = list(_chains(stem))
    if chains:
        return _agreed(chains)
    weaker = (_counted, _dated, _dashed, _behind_group, _single, _compact_date, _packed)
    return next((marker for look in weaker if (marker := look(stem))), None)


def _chains(stem: str) -> Iterator[Marker]:
    for pattern, style in _CHAINS:
        position = 0
        while found := pattern.search(stem, position):
            marker = _chain(stem, found, style)
            yield marker
            position = marker.end


def _chain(stem: str, found: re.Match[str], style: Style) -> Marker:
    season = int(found["season"])
    followed = follow(stem, found.end(), int(found["first"]), season=season, is_crossed=style == "NxNN")
    return Marker(
        style=style,
        start=found.start(),
        end=followed.end,
        season=season,
        episodes=followed.numbers,
        half=followed.half,
        odd=followed.odd,
    )


def _agreed(chains: list[Marker]) -> Marker:
    first = chains[0]
    for other in chains[1:]:
        if (other.season, other.episodes) != (first.season, first.episodes):
            odd = f"two markers contradict each other: {_shown(first)} and {_shown(other)}"
            return Marker(
                style=first.style,
                start=first.start,
                end=first.end,
                season=first.season,
                episodes=first.episodes,
                odd=odd,
            )
    return first


def _shown(marker: Marker) -> str:
    return f"season {marker.season} episode {'-'.join(map(str, marker.episodes))}"


def _dated(stem: str) -> Marker | None:
    if found := _ISO_DATE.search(stem):
        date, odd = _date(found[1], found[3], found[4]), None
    elif found := _DAY_FIRST.search(stem):
        # 15.01.2024 can only have its day first; 05.01.2024 may be May or January.
        first, second = int(found[1]), int(found[3])
        date = (
            _date(found[4], found[3], found[1])
            if first > 12
            else _date(found[4], found[1], found[3])
            if second > 12
            else None
        )
        odd = None
        if first <= 12 and second <= 12 and first == second:
            date = _date(found[4], found[3], found[1])
        elif date is None and (date := _date(found[4], found[3], found[1])):
            odd = "day and month of the date could be the other way round"
    else:
        return None
    if re.fullmatch(r"[\W\d_]+", stem[: found.start()]):
        odd = "the date may be the end of a title of numbers"
    return Marker(style="date", start=found.start(), end=found.end(), air_date=date, odd=odd) if date else None


def _compact_date(stem: str) -> Marker | None:
    found = _COMPACT_DATE.search(stem)
    date = _date(found[1], found[2], found[3]) if found else None
    return Marker(style="date", start=found.start(), end=found.end(), air_date=date) if found and date else None


def _date(year: str, month: str, day: str) -> str | None:
    try:
        return dt.date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        return None


def _counted(stem: str) -> Marker | None:
    if found := _COUNTED.search(stem):
        season, first = _han(found["season"] or found["other"]), _han(found["first"])
        return Marker(style="words", start=found.start(), end=found.end(), season=season, episodes=(first,))
    if found := _COUNTED_ONE.search(stem):
        return Marker(style="episode", start=found.start(), end=found.end(), absolute=(int(found["first"]),))
    return None


def _han(text: str) -> int:
    """Read a number below a hundred, in digits of either kind."""
    if text.isdigit():
        return int(text)
    tens, ten, ones = text.rpartition("十")
    return (_HAN_DIGITS.get(tens, 1) if ten else 0) * 10 + _HAN_DIGITS.get(ones, 0)


def _behind_group(stem: str) -> Marker | None:
    found = _BEHIND_GROUP.search(stem)
    if found is None or int(number := found["first"].lower().partition("v")[0]) == 0:
        return None
    start = found.start("first")
    if (
        title_key(re.sub(r"^\s*(?:[\[【][^\]】]*[\]】][ ._]*)+", "", stem[: start + len(number)]))
        in TITLES_WITH_A_NUMBER
    ):
        return None
    return Marker(style="dash", start=start, end=found.end(), absolute=(int(number),))


def _dashed(stem: str) -> Marker | None:
    found = list(_DASH.finditer(stem))
    if not found or (len(found[0]["first"]) == 4 and found[0]["first"][:2] in ("19", "20")):
        return None
    first = found[0]
    followed = follow_without_season(stem, first.end("first"), int(first["first"])) if first["more"] else None
    odd = "two numbers stand behind dashes" if len(found) > 1 else followed.odd if followed else None
    numbers = followed.numbers if followed else (int(first["first"]),)
    return Marker(style="dash", start=first.start(), end=first.end(), absolute=numbers, odd=odd)


def _single(stem: str) -> Marker | None:
    if found := _OF.search(stem):
        return Marker(style="of", start=found.start(), end=found.end(), episodes=(int(found["first"]),))
    found = _EPISODE.search(stem)
    if found is None:
        return None
    number = int(found["first"])
    followed = follow_without_season(stem, found.end(), number)
    counts_on = number >= LEAST_COUNTED_ON or _COUNTS_ON.search(stem)
    return Marker(
        style="episode",
        start=found.start(),
        end=followed.end,
        episodes=() if counts_on else followed.numbers,
        absolute=followed.numbers if counts_on else (),
        odd=followed.odd,
    )


def _packed(stem: str) -> Marker | None:
    found = _PACK.search(stem)
    if found is None:
        return None
    season = int(found["a"] or found["b"] or found["c"])
    return Marker(style="pack", start=found.start(), end=found.end(), season=season)
