"""Reads the name of an episode around its marker: the series' title, the episode's, its part."""

import re

from reeld.identify.markers import Marker
from reeld.identify.names import spaced
from reeld.identify.structure import Structure
from reeld.identify.title_text import read_title
from reeld.identify.words import LANGUAGES, STRONG_QUALITY, WEAK_QUALITY

# `Title 2 - 11`, `Title Movie - 02`: the second season, or the second film, as often as a title.
_NOT_THE_SERIES = re.compile(r" (?:[2-9]|movies?|film|specials?|sp)$", re.IGNORECASE)
# `Title - 12 (1080p)`: groups that put their own name last write episodes like this.
_RESOLUTION_NEXT = re.compile(r" ?[(\[]\d{3,4}p[)\]]")


def read_episode(stem: str, marker: Marker, *, is_release: bool) -> Structure:
    """Read the name of an episode: the title before the `marker`, and the episode's behind it."""
    raw, tail = stem[: marker.start], stem[marker.end :]
    text = read_title(raw)
    season, title, episodes, absolute = marker.season, text.title, marker.episodes, marker.absolute
    if marker.style == "dash" and title and (found := re.search(r"\s+S(\d{1,2})$", title)):
        season, title, episodes, absolute = int(found[1]), title[: found.start()].rstrip(" -–"), absolute, ()
    ambiguities = [marker.odd] if marker.odd else []
    if marker.air_date and re.search(r"(?<![^\W_])(?:vs?|versus)(?![^\W_])", tail, re.IGNORECASE):
        ambiguities.append("it may be a match, which no database of series lists")
    if absolute and title and (end := _NOT_THE_SERIES.search(title)):
        ambiguities.append(f"{end[0].strip()!r} at the end of the title may say which season, or that it is a film")
    return Structure(
        kind="episode",
        style=marker.style,
        title=title,
        likely_title=text.likely if title == text.title else title,
        likely_year=text.likely_year,
        year=text.year,
        country=text.country,
        season=season,
        episodes=episodes,
        absolute=absolute,
        air_date=marker.air_date,
        episode_title=_episode_title(tail),
        part=marker.half,
        has_quality=STRONG_QUALITY.search(stem) is not None,
        group=raw.lstrip().startswith(("[", "【")) or bool(marker.style == "dash" and _RESOLUTION_NEXT.match(tail)),
        is_release=is_release,
        title_ambiguities=tuple(
            ambiguity for ambiguity in text.ambiguities if title == text.title or "season" not in ambiguity
        ),
        ambiguities=tuple(ambiguities),
    )


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
