"""Follows the numbers behind an episode's first one: ranges and chains, in every style.

`S03E04E05`, `S03E04-E06`, `S03E04-6`, `E07-08`, `S03E04&5&6`, `3x04x05`, `3x04-3x06`, `3x04_05` and
`04x05+06` are one thing. What may or may not be another number makes the marker `odd`.
"""

import re
from dataclasses import dataclass, replace

LONGEST_CHAIN = 12
"""Episodes in one file; the longest in use are mini-series in one piece."""
LONGEST_WITHOUT_SEASON = 4
"""A longer range that no season confirms is as likely what a whole folder holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """All numbers from the first one on, ascending, and where the last one ends."""

    numbers: tuple[int, ...]
    end: int
    half: int | None = None
    """1 for `S01E01a`, 2 for `S01E01b`."""
    odd: str | None = None


# E03, -E03, .S01E03, & E03: another number of the same chain.
_MARKED = re.compile(
    r"[ ._]{0,2}(?P<join>[-~&+]?)[ ._]{0,2}(?:s(?P<season>\d{1,4})[ ._]?)?ep?(?P<number>\d{1,4})(?!\d)", re.IGNORECASE
)
# x03, -x03: it stands close to the number before it, for `x264` may stand behind a space.
_CROSSED = re.compile(r"(?P<join>[-~&+]?)(?P<season>)x(?!26[456])(?P<number>\d{2,3})(?!\d)", re.IGNORECASE)
# -3x03, &3x3, .3x03: a whole marker.
_WITH_SEASON = re.compile(
    r"(?:[ ._]{1,2}|(?P<join>[-~&+]))(?P<season>\d{1,2})x(?!26[456])(?P<number>\d{1,3})(?!\d)", re.IGNORECASE
)
# -16, &6 directly after E15, with nothing stuck to it (so that -720p does not match).
_BARE = re.compile(r"(?P<join>[-~+&])(?P<number>\d{1,3})(?![^\W_])")
# 3x07_08. Behind other markers an underscore is a space as often as not.
_UNDERSCORED = re.compile(r"_(?P<number>\d{2,3})(?![^\W_])")
_GLUED = re.compile(r"[^\W_]+")
# `S01E05.06`: the next episode, or a title.
_LOOSE_NUMBER = re.compile(r"[ ._,-]{1,3}(\d{2,3})(?![^\W_])")
# `S01E05 & 06`, `05 and 06`: another number of the same chain, in words.
_AND_NUMBER = re.compile(
    r"[ ._]*(?:[&+,]|(?:and|und|et|y|e|en|och|to|bis|till?)(?![^\W_]))[ ._]*(?:ep?|x)?\d{1,3}(?![^\W_])", re.IGNORECASE
)
# ` - 06` and ` - 06 - Title`, followed by nothing else; ` - 24 Hours` and ` - 1-23-45` are
# titles.
_DASH_NUMBER = re.compile(
    r"[ _]*[-–~][ _]*(?:ep?[ ._]?|x)?(?P<number>\d{1,3})(?=[ ._]*(?:$|[\[(]|[ _][-–][ _]))", re.IGNORECASE
)
# After a bare number: `01-02 - Title`, `5_06`, `3.11 Title`, `24 05`.
_NEXT_TO = re.compile(r"(?:[-–._~] ?(?:ep?[ ._]?|x)?|[ _]+)\d{1,3}(?![^\W_])", re.IGNORECASE)
_VERSION = re.compile(r"v\d(?![^\W_])", re.IGNORECASE)
# S01E05.5, but not the channels of `S01E05.5.1`.
_DECIMAL = re.compile(r"\.\d(?![^\W_])(?!\.[01](?![^\W_]))")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Link:
    text: str
    number: int
    end: int
    is_range: bool
    season: int | None


def follow(stem: str, end: int, first: int, *, season: int | None = None, is_crossed: bool = False) -> Followed:
    """Read what follows the `first` number, which ends at `end`. `is_crossed` says that it is `3x04`."""
    numbers, odd = [first], None
    while link := _next_link(stem, end, numbers[-1], is_crossed=is_crossed):
        end = link.end
        is_other_season = link.season is not None and season is not None and link.season != season
        if is_other_season or not numbers[-1] < link.number <= numbers[-1] + LONGEST_CHAIN:
            odd = f"{link.text.strip()!r} behind the episode number is no plain range"
            break
        if link.is_range:
            numbers += range(numbers[-1] + 1, link.number)
        elif link.number != numbers[-1] + 1:
            odd = f"the episodes {numbers[-1]} and {link.number} do not follow one another"
        numbers.append(link.number)
    half, end, glued = _glued(stem, end, numbers[-1])
    return Followed(numbers=tuple(numbers), end=end, half=half, odd=odd or glued)


def follow_without_season(stem: str, end: int, first: int) -> Followed:
    """Read what follows a number that carries no season: `E07-08`, ` - 05-06`."""
    followed = follow(stem, end, first)
    odd = followed.odd or why_more_numbers(stem, followed.end, followed.numbers[-1])
    if len(followed.numbers) > LONGEST_WITHOUT_SEASON:
        odd = f"{first} to {followed.numbers[-1]} may be all episodes of a folder"
    return replace(followed, odd=odd)


def _next_link(stem: str, end: int, last: int, *, is_crossed: bool) -> _Link | None:
    marked = (_CROSSED, _WITH_SEASON) if is_crossed else (_MARKED, _CROSSED)
    if found := next((hit for pattern in marked if (hit := pattern.match(stem, end))), None):
        return _Link(
            text=found[0],
            number=int(found["number"]),
            end=found.end(),
            is_range=found["join"] in ("-", "~"),
            season=int(found["season"]) if found["season"] else None,
        )
    if found := _BARE.match(stem, end):
        return _Link(
            text=found[0], number=int(found["number"]), end=found.end(), is_range=found["join"] in "-~", season=None
        )
    found = _UNDERSCORED.match(stem, end) if is_crossed else None
    if found and last < int(found["number"]) <= last + LONGEST_CHAIN:
        return _Link(text=found[0], number=int(found["number"]), end=found.end(), is_range=False, season=None)
    return None


def _glued(stem: str, end: int, last: int) -> tuple[int | None, int, str | None]:
    """Read what is glued to the last number: a version is harmless, `a`/`b` is half an episode, all
    else is odd.
    """
    if version := _VERSION.match(stem, end):
        return None, version.end(), None
    if decimal := decimal_behind(stem, end):
        return None, decimal.end(), f"the episode number goes on with {decimal[0]!r}"
    another = _LOOSE_NUMBER.match(stem, end)
    if (another and int(another[1]) == last + 1) or (another := _next_number(stem, end, last)):
        return None, end, f"{another[0].strip()!r} behind the marker may be the next episode"
    letters = _GLUED.match(stem, end)
    if letters is None:
        return None, end, None
    if letters[0].lower() in ("a", "b"):
        return "ab".index(letters[0].lower()) + 1, letters.end(), None
    return None, letters.end(), f"{letters[0]!r} is stuck to the episode number"


def decimal_behind(stem: str, end: int) -> re.Match[str] | None:
    """Find the `.5` of an episode between two others."""
    return _DECIMAL.match(stem, end)


def why_more_numbers(stem: str, end: int, number: int) -> str | None:
    """Say that the text after the bare `number` looks like another number of the same sort.

    It may be a range, or the first may be the season's.
    """
    found = _next_number(stem, end, number) or _NEXT_TO.match(stem, end)
    return found and f"{found[0].strip()!r} behind the number may be another episode's"


def _next_number(stem: str, end: int, number: int) -> re.Match[str] | None:
    if found := _AND_NUMBER.match(stem, end):
        return found
    dashed = _DASH_NUMBER.match(stem, end)
    return dashed if dashed and number < int(dashed["number"]) <= number + LONGEST_CHAIN else None
