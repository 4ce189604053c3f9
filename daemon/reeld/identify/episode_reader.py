"""Reads the name of an episode around its marker: the series' title, the episode's, its part."""

import re

from reeld.identify.extra_words import special_behind_number
from reeld.identify.markers import Marker
from reeld.identify.names import is_dotted, spaced
from reeld.identify.structure import Structure
from reeld.identify.title_text import read_title
from reeld.identify.words import FIRST_YEAR, LANGUAGES, STRONG_QUALITY, WEAK_QUALITY

# `Title 2 - 11`, `Title Movie - 02`: the second season, or the second film, as often as a title.
_NOT_THE_SERIES = re.compile(
    r" (?:[2-9]|movies?|film|specials?|sp|o[vn]a|oad|pv|cm|menu|recap|preview|nc(?:op|ed)\d?)$", re.IGNORECASE
)
# `Title - 12 (1080p)`: groups that put their own name last write episodes like this.
_RESOLUTION_NEXT = re.compile(r" ?[(\[]\d{3,4}p[)\]]")
# `Part 2`, `pt2` directly behind the marker; `Title - pt2`, where nothing stands between word and
# number, since `The Chase - Part 2` is as often the title of a whole episode.
_PART = re.compile(
    r"[ ._-]*(?:part|pt|cd|dis[ck]|teil|parte)[ ._-]?(?P<number>\d)(?![^\W_])(?P<title>.*)", re.IGNORECASE
)
_PART_AT_END = re.compile(r"(?P<title>.*[^\W_])[ ._]*[-._ ][ ._]*(?:part|pt|cd|dis[ck])(?P<number>\d)$", re.IGNORECASE)
# `S02E05.a`: half an episode, if the other half lies beside it.
_LETTER = re.compile(r"[ ._](?P<letter>[ab])$", re.IGNORECASE)
# `62. Title`, `#11 Title`, `Title 062`: a number that may count all episodes.
_COUNT_IN_FRONT = re.compile(r"(?P<sign>#?)(?P<count>\d{1,4})[ .]+(?P<title>(?=[^\W\d_]).*)")
_COUNT_AT_END = re.compile(r"(?P<title>.*[^\W\d_][!?]?) #?(?P<count>\d{1,4})")
_ARTICLES = ("the", "a", "an")
_RELEASE_END = re.compile(r"-[A-Za-z0-9]+$")


def read_episode(stem: str, marker: Marker, *, is_release: bool) -> Structure:
    """Read the name of an episode: the title before the `marker`, and the episode's behind it."""
    raw, tail = stem[: marker.start], stem[marker.end :]
    if raw.rstrip()[-1:] in ("[", "(", "{", "【"):
        tail = tail.lstrip(" ._-").removeprefix({"[": "]", "(": ")", "{": "}", "【": "】"}[raw.rstrip()[-1]])
    text = read_title(raw.rstrip("【"))
    season, title, episodes, absolute = marker.season, text.title, marker.episodes, marker.absolute
    if marker.style == "dash" and title and (found := re.search(r"\s+S(\d{1,2})$", title, re.IGNORECASE)):
        season, title, episodes, absolute = int(found[1]), title[: found.start()].rstrip(" -–"), absolute, ()
    group = raw.lstrip().startswith(("[", "【")) or bool(marker.style == "dash" and _RESOLUTION_NEXT.match(tail))
    counted, why_counted = _without_count(title, season, episodes, stem=stem, group=group)
    part, is_split, tail = _part_of(tail, marker)
    special = special_behind_number(tail) if absolute or marker.style == "episode" else None
    return Structure(
        kind="episode",
        style=marker.style,
        title=title,
        likely_title=counted if why_counted else text.likely if title == text.title else title,
        likely_year=text.likely_year,
        counted_title=counted,
        year=text.year,
        country=text.country,
        season=season,
        episodes=episodes,
        absolute=absolute,
        air_date=marker.air_date,
        episode_title=_episode_title(tail),
        part=part,
        is_split=is_split,
        has_quality=STRONG_QUALITY.search(stem) is not None,
        group=group,
        is_release=is_release,
        title_ambiguities=(
            *(ambiguity for ambiguity in text.ambiguities if title == text.title or "season" not in ambiguity),
            *why_counted,
        ),
        ambiguities=tuple(_ambiguities(marker, title if absolute else None, tail, special)),
    )


def _ambiguities(marker: Marker, counted_on: str | None, tail: str, special: str | None) -> list[str]:
    """Say why the number may be another one. `counted_on` is the title before an absolute number."""
    ambiguities = [marker.odd] if marker.odd else []
    if marker.air_date and re.search(r"(?<![^\W_])(?:vs?|versus)(?![^\W_])", tail, re.IGNORECASE):
        ambiguities.append("it may be a match, which no database of series lists")
    if counted_on and (end := _NOT_THE_SERIES.search(counted_on)):
        ambiguities.append(f"{end[0].strip()!r} at the end of the title may say which season, or that it is a film")
    if special:
        ambiguities.append(f"{special!r} behind the number says that it is none of the numbered episodes")
    return ambiguities


def _part_of(tail: str, marker: Marker) -> tuple[int | None, bool, str]:
    """Return which part of an episode it is, whether a word says so, and the text without it."""
    end = STRONG_QUALITY.search(tail)
    text = (tail[: end.start()] if end else tail).rstrip(" ._-[(")
    if marker.half or marker.season is None:
        return marker.half, False, tail
    if found := _PART.fullmatch(text) or _PART_AT_END.fullmatch(text):
        return int(found["number"]), True, found["title"]
    if letter := _LETTER.fullmatch(text):
        return "ab".index(letter["letter"].lower()) + 1, False, ""
    return None, False, tail


def _without_count(
    title: str | None, season: int | None, episodes: tuple[int, ...], *, stem: str, group: bool
) -> tuple[str | None, tuple[str, ...]]:
    """Return the title without a number that may count all episodes, and why it likely is such a one.

    `62. Title` as season 4, episode 8: a number that fits, and that no title needs.
    """
    if title is None or season is None or not episodes:
        return None, ()
    front = _COUNT_IN_FRONT.fullmatch(title)
    found = front or _COUNT_AT_END.fullmatch(title)
    if found is None or found["title"].casefold() in _ARTICLES:
        return None, ()
    count = found["count"]
    is_padded = count.startswith("0") or bool(front and front["sign"])
    is_plausible = is_padded or _may_count_all(int(count), season, episodes[0])
    if not is_plausible and not (season > 1 and episodes[0] < int(count) < FIRST_YEAR):
        return None, ()
    # Releases of groups that put their name last count no episodes before the title, and never
    # behind it.
    is_scene = is_dotted(stem) and STRONG_QUALITY.search(stem) and _RELEASE_END.search(stem)
    # `Room 104 - 3x10` and `30 Rock - 3x10`: in titles such numbers are usual.
    is_usual = not front or (len(count) < 3 and not is_dotted(stem))
    is_likely = is_plausible and (is_padded or group or not (is_scene or is_usual))
    return found["title"], ("a number that counts all episodes may stand beside the title",) if is_likely else ()


def _may_count_all(count: int, season: int, episode: int) -> bool:
    """Tell whether the episode may be the `count`th of all, with 5 to 60 in each season before it."""
    if season < 2:
        return season == 1 and count == episode
    return episode + 5 * (season - 1) <= count <= episode + 60 * (season - 1)


def _episode_title(tail: str) -> str | None:
    """Return the words between the marker and the first quality word or bracket, if any."""
    end = STRONG_QUALITY.search(tail)
    text = tail[: end.start()] if end else tail
    text = re.split(r"[\[({]", text, maxsplit=1)[0]
    words = re.split(r"(?<=[ ._])", text)
    kept = len(words)
    while kept and words[kept - 1].strip(" ._-").casefold() in WEAK_QUALITY | LANGUAGES | {""}:
        kept -= 1
    title = spaced("".join(words[:kept]) if end else text)
    return title or None
