"""Reads the text before a year or marker: title, year, country, and its ambiguities."""

import html
import re
from dataclasses import dataclass
from urllib.parse import unquote

from reeld.domain.titles import title_key
from reeld.identify.names import is_dotted, spaced, words_of
from reeld.identify.words import (
    AMBIGUOUS_ENDS,
    BARE_COUNTRIES,
    BROADCASTERS,
    COUNTRIES,
    EPISODE_WORDS,
    FIRST_YEAR,
    LANGUAGES,
    LAST_YEAR,
    STRONG_QUALITY,
    TITLES_WITH_A_YEAR,
)

_LEADING_BRACKETS = re.compile(r"^(?:\s*(?:\[[^\]]*\]|【[^】]*】)[ ._-]*)+")
_BRACKETS = re.compile(r"[\[({][^\])}]*[\])}]?")
# `(500) Days of Summer`: no group is called so.
_NUMBER_IN_FRONT = re.compile(r"^[\[(](\d{1,3})[\])](?=[ ._]+[^\W\d_])")
_BRACKET_YEAR = re.compile(r"[ ._-]*[(\[](\d{4})(?:[-–]\d{0,4})?[)\]]$")
_BARE_YEAR = re.compile(r"(?<=[^\W_])[ ._,-]+(\d{4})$")
_BRACKET_COUNTRY = re.compile(r"[ ._-]*[(\[]([A-Za-z]{2,3})[)\]]$")
_BARE_COUNTRY = re.compile(r"(?<=[^\W_])[ ._]+(US|UK|AU|NZ|GB)$")
# Two letters of Latin, and any of Cyrillic, Hebrew, Arabic, Thai, Chinese, Japanese, Korean.
_SCRIPTS = (
    re.compile(r"[A-Za-z]{2}"),
    re.compile(r"[\u0400-\u06ff\u0e00-\u0e7f\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]"),
)
_YEAR = re.compile(r"(?<![^\W_])(\d{4})(?![^\W_])")

# A year after a series' title distinguishes it from an older one of that name. Older numbers are
# as often part of the title itself ("Space: 1999", "Galactica 1980").
FIRST_SAFE_BARE_YEAR = 2003

IN_TWO_HALVES = "the title is in two halves"
A_COPY = "it calls itself a copy"
WITH_ESCAPES = "it is written with the escapes of web addresses or pages"

_AMBIGUOUS = (
    (re.compile(r"[\[\](){}<>【】]"), "there are brackets in the title"),
    (re.compile(r"(?<![^\W_])a\.?k\.?a(?![^\W_])", re.IGNORECASE), "it carries an alternate title"),
    (re.compile(r" [-–—~|/+] |/|\\|\|"), IN_TWO_HALVES),
    (STRONG_QUALITY, "a quality word stands before the marker"),
    (re.compile(r"(?<!\d)\d{6,}"), "a long number is in the title"),
    (
        re.compile(
            r"(?<![^\W_])(?:s\d{1,2}(?:e\d+)?|e\d{2,3}|\d{1,2}x\d{2}|\d+ ?of ?\d+"
            r"|(?:season|saison|staffel|episode|ep)[ .]?\d+|(?:1st|2nd|3rd|\dth) season)(?![^\W_])",
            re.IGNORECASE,
        ),
        "the title itself speaks of a season or an episode",
    ),
)
"""What must not be in a title, and what it means if it is."""
_TAGS_AT_END = frozenset({"proper", "repack", "internal", "limited", "complete", "extended", "uncut", "unrated", "dc"})
_QUALITY_IN_FRONT = re.compile(rf"^(?:{STRONG_QUALITY.pattern})[ ._-]+", STRONG_QUALITY.flags)
_RUNNING_NUMBER = re.compile(r"0\d|\d+[.)]\s|\d+\s*[-–_]\s*\D")
# `x7-title`, `4k-Some-Title`: hyphens stand for spaces, and the first word may be a group's.
_GROUP_IN_FRONT = re.compile(r"[a-z0-9]+-[^\W\d_][^\s]*$")
# Stricter than `unquote`: `100%` is a word.
_ESCAPED = re.compile(r"%[0-9a-f]{2}|&(?:amp|quot|apos|lt|gt|nbsp|#\d{1,5});", re.IGNORECASE)
# UTF-8 that was decoded as another encoding once: `LÃ©on`, `Am├⌐lie`.
_GARBLED = re.compile("[\u00c2\u00c3][\u0080-\u00bf]|[\u2500-\u257f\u2310]")
_COPY_OF = re.compile(r"(?:copy of|kopie von|copia de|copie de|backup)(?:[ ._-]+)(?=[^\W_])", re.IGNORECASE)
_SITE_IN_FRONT = re.compile(
    r"@|(?:[^\W_][^\W_-]*\.)+(?:com|net|org|info|to|me|mx|cc|se|ru|nu|eu|tv|ag)[_ ]", re.IGNORECASE
)
_SITE = re.compile(r"\w\.(?:com|net|org|info|to|me|mx|cc|se|ru|nu|eu|tv|ag|in|am|ws)(?![^\W_])", re.IGNORECASE)


_EPISODE_WORD = re.compile(EPISODE_WORDS, re.IGNORECASE)
# `Film, The`, `Film, L'`; `die` and `a` are other words, too.
_ARTICLE_BEHIND = re.compile(r"(?P<title>.+), (?P<article>The|An|Les?|La|L['’]|El|L[oa]s|Der|Das|Il|Gli|Het)")


@dataclass(frozen=True, slots=True, kw_only=True)
class TitleText:
    """`ambiguities` are reasons not to trust the title unless another reader confirms it.

    `likely` is the title without the ambiguous parts: the one to offer if no reader confirms it.
    """

    title: str | None
    likely: str | None = None
    likely_year: int | None = None
    year: int | None = None
    country: str | None = None
    ambiguities: tuple[str, ...] = ()


def read_title(raw: str) -> TitleText:
    """Read the text before a marker. A year or country after the title is split off."""
    text = without_brackets_in_front(raw).rstrip(" ._-–—:([{")
    year, country = None, None
    for _ in range(2):  # finds both `(US) (2005)` and `(2005) (US)`
        if year is None:
            text, year = _take_year(text)
        if country is None:
            text, country = _take_country(text)
    title = article_in_front(spaced(text))
    if not title or _EPISODE_WORD.fullmatch(title):
        return TitleText(title=None, year=year, country=country)
    old = _BARE_YEAR.search(text) if year is None and not ends_in_its_own_year(text) else None
    old_year = int(old[1]) if old and plausible_year(old[1]) else None
    likely = likely_title(text[: old.start()] if old and old_year else text)
    return TitleText(
        title=title,
        likely=likely,
        likely_year=old_year,
        year=year,
        country=country,
        ambiguities=tuple(title_ambiguities(title, text)),
    )


def article_in_front(title: str) -> str:
    """Return `Film, The` as `The Film`."""
    found = _ARTICLE_BEHIND.fullmatch(title)
    if found is None:
        return title
    if title.startswith(f"{found['article']} "):
        return found["title"]
    return found["article"] + ("" if found["article"][-1] in "'’" else " ") + found["title"]


def without_brackets_in_front(raw: str) -> str:
    """Return `raw` without the group in front of it; `[REC] 2` is a title."""
    text = _LEADING_BRACKETS.sub("", raw)
    return text if any(char.isalpha() for char in text) or not any(char.isalpha() for char in raw) else raw


def likely_title(raw: str) -> str | None:
    """Return `raw` without running number, group, alternate title, quality words, and edition or
    language at the end.
    """
    text = _COPY_OF.sub("", html.unescape(unquote(raw)))
    text = re.sub(r"^\s*(?:0\d+|\d+(?=[.)] |\s+-\s))[.)]?\s*[-–._]*\s*(?=[^\W_])", "", text)
    text = re.split(r"[ ._(\[]+a\.?k\.?a[ ._]+", text, maxsplit=1, flags=re.IGNORECASE)[0]
    text = _QUALITY_IN_FRONT.sub("", text)
    text = re.sub(r"^[a-z0-9]+-(?=[^\W\d_])", "", text) if _GROUP_IN_FRONT.match(text) else text
    if (quality := STRONG_QUALITY.search(text)) and quality.start() > 0:
        text = text[: quality.start()]
    text = _NUMBER_IN_FRONT.sub(r"\1", text)
    title = spaced(_BRACKETS.sub(" ", text))
    if not any(char.isalpha() for char in title) and is_dotted(text):  # `[REC].2`, but `[Group] 86`
        title = spaced(re.sub(r"[\[\](){}]", "", text))
    words = title.split()
    while len(words) > 1 and words[-1].casefold() in LANGUAGES | _TAGS_AT_END:
        words.pop()
    return article_in_front(" ".join(words)) or None


def ends_in_its_own_year(text: str) -> bool:
    """Tell whether the number at the end of `text` is known to be part of that title."""
    return title_key(text) in TITLES_WITH_A_YEAR


def plausible_year(digits: str) -> bool:
    return FIRST_YEAR <= int(digits) <= LAST_YEAR


def _take_year(text: str) -> tuple[str, int | None]:
    if (found := _BRACKET_YEAR.search(text)) and plausible_year(found[1]) and text[: found.start()].strip(" ._-"):
        return text[: found.start()], int(found[1])
    if ends_in_its_own_year(text):
        return text, None
    if (found := _BARE_YEAR.search(text)) and FIRST_SAFE_BARE_YEAR <= int(found[1]) <= LAST_YEAR:
        return text[: found.start()], int(found[1])
    return text, None


def _take_country(text: str) -> tuple[str, str | None]:
    found = _BRACKET_COUNTRY.search(text)
    if found and found[1].casefold() in COUNTRIES and text[: found.start()].strip(" ._-"):
        return text[: found.start()], COUNTRIES[found[1].casefold()]
    found = _BARE_COUNTRY.search(text)
    # In a name that is all capitals "US" may be the word "us".
    if found and not text[: found.start()].isupper():
        return text[: found.start()], BARE_COUNTRIES[found[1]]
    return text, None


def title_ambiguities(title: str, raw: str) -> list[str]:
    """Say why `title` may hold more, or less, than the title. `raw` is its source text."""
    found = [reason for pattern, reason in _AMBIGUOUS if pattern.search(title)]
    checks = (
        (_may_hold_a_site(raw), "a web address is in the title"),
        (_RUNNING_NUMBER.match(raw.strip()), "a running number may stand before the title"),
        (_several_years(title), "there is another year in the title"),
        (_GROUP_IN_FRONT.match(raw.strip()), "a release group may stand before the title"),
        (not any(char.isalnum() for char in title), "the title has no letters"),
        (_COPY_OF.match(raw.strip()), A_COPY),
        (_ESCAPED.search(raw), WITH_ESCAPES),
        (_GARBLED.search(raw), "its letters were garbled"),
        (_SCRIPTS[0].search(title) and _SCRIPTS[1].search(title), "the title is written in two scripts"),
    )
    return [*found, *(reason for holds, reason in checks if holds), *_ambiguous_ends(words_of(title))]


def _ambiguous_ends(words: list[str]) -> list[str]:
    """Find first and last words that often are no part of the title."""
    if len(words) < 2:
        return []
    first, last = words[0], words[-1]
    checks = (
        (last in AMBIGUOUS_ENDS, objection_to_end(last)),
        (last in LANGUAGES, f"the language {last!r} at the end may not be the title's"),
        (first in BROADCASTERS, f"{first!r} may be who broadcast it"),
    )
    return [reason for holds, reason in checks if holds]


def objection_to_end(word: str) -> str:
    return f"{word!r} at the end may not be the title's"


def _may_hold_a_site(raw: str) -> bool:
    # In dotted names every word follows a dot; only a `www` or a spaced name makes `.com` an
    # address.
    if _SITE_IN_FRONT.match(raw.strip()):
        return True
    is_plain = is_dotted(raw) and not raw.casefold().startswith("www.")
    return not is_plain and _SITE.search(raw) is not None


def _several_years(title: str) -> bool:
    years = [found for found in _YEAR.finditer(title) if plausible_year(found[1])]
    return any(found.start() > 0 for found in years) and not ends_in_its_own_year(title)
