"""Reads a name strictly: it reacts only to unmistakable marks.

It takes tens of microseconds, and knows nothing of guessit, folders or siblings. Without a mark
it says nothing. Text near a mark that may mean something else is an ambiguity.
"""

import re
from dataclasses import replace
from functools import lru_cache

from reeld.identify.episode_reader import read_episode
from reeld.identify.extra_words import extra_at_end, extra_behind_year
from reeld.identify.markers import Marker, find_marker
from reeld.identify.names import is_dotted, spaced, without_site, words_of
from reeld.identify.structure import Structure
from reeld.identify.title_text import (
    article_in_front,
    ends_in_its_own_year,
    likely_title,
    plausible_year,
    title_ambiguities,
    without_brackets_in_front,
)
from reeld.identify.words import ANY_EDITION, EDITIONS, LANGUAGES, RARER_LANGUAGES, STRONG_QUALITY, WEAK_QUALITY

# {edition-Final Cut}: the way media servers write it.
_EDITION_TAG = re.compile(r"\s*[{\[]edition[-=: ]\s*(?P<edition>[^}\]]+)[}\]]", re.IGNORECASE)
_BRACKET_YEAR = re.compile(r"[(\[](?P<year>\d{4})[)\]]")
_YEAR = re.compile(r"(?<![^\W_])(?P<year>\d{4})(?![^\W_])(?!-\d{4})")
# `(1995) Heat`, `1995 - Heat`.
_YEAR_IN_FRONT = re.compile(r"[(\[]?(?P<year>\d{4})(?:[)\]]\s*|\s+-\s+)(?=[^\W_])")
_NUMBER_WORDS = {"one": 1, "two": 2, "three": 3, "four": 4, "i": 1, "ii": 2, "iii": 3, "iv": 4, "v": 5, "a": 1, "b": 2}
# cd1, disc 2, part 1, pt.2 after the year.
_PART = re.compile(
    r"(?<![^\W_])(?P<word>cd|dvd|dis[ck]|part|pt|parte?|teil)[ ._-]?"
    r"(?P<number>\d{1,2}|[a-b]|i{1,3}|iv|one|two|three)(?![^\W_])",
    re.IGNORECASE,
)
# `Part Two`, `Vol. 2`, `Chapter Two` at the end of a title.
_TITLE_PART = re.compile(
    r"[ .:,-]*(?:part|pt|vol|volume|chapter)[ .]*(?P<number>\d{1,2}|[ivx]{1,4}|one|two|three|four|five)$", re.IGNORECASE
)


@lru_cache(maxsize=4096)
def read_structure(stem: str) -> Structure:
    """Read the marks of `stem`; `kind` is None if there is no mark."""
    stem, tagged = _take_edition_tag(without_site(stem))
    marker = find_marker(stem)
    # A number without its season is weaker than a year: `Star Wars Episode 4 (1977)`, `Disc
    # 1of2`.
    if marker and marker.style in ("episode", "of", "pack", "dash") and (film := _film(stem)):
        weak = "a number could be an episode's" if marker.style != "pack" else "it may be a whole season"
        read = replace(film, ambiguities=(*film.ambiguities, weak))
        if marker.style == "pack" or (
            marker.style == "dash" and film.year_is_bracketed and marker.start > film_end(stem)
        ):
            read = read_episode(stem, marker, is_release=_is_release(stem))
    elif marker:
        read = _marked(stem, marker)
    else:
        read = _film(stem) or Structure(kind=None, edition=edition_in(stem), is_release=_is_release(stem))
    return replace(read, edition=tagged, is_release=True) if tagged else read


def _marked(stem: str, marker: Marker) -> Structure:
    """Read `10x10.2018.1080p`, `11.14.2003.720p`: if a marker leaves no title, a film may have that
    name.
    """
    if marker.start == 0 and marker.style in ("NxNN", "date") and STRONG_QUALITY.search(stem) and (film := _film(stem)):
        return replace(film, ambiguities=(*film.ambiguities, "the title looks like the number of an episode"))
    return read_episode(stem, marker, is_release=_is_release(stem))


def film_end(stem: str) -> int:
    found = _find_year(stem)
    return found.end() if found else len(stem)


def edition_in(text: str) -> str | None:
    """Return the editions named in `text`, in their usual spelling, joined by a space."""
    if not ANY_EDITION.search(text):
        return None
    found = sorted((hit.start(), label) for pattern, label in EDITIONS if (hit := pattern.search(text)))
    return " ".join(dict.fromkeys(label for _, label in found)) or None


def _take_edition_tag(stem: str) -> tuple[str, str | None]:
    found = _EDITION_TAG.search(stem)
    if found is None:
        return stem, None
    label = " ".join(found["edition"].replace(".", " ").split())
    is_usual = any(pattern.fullmatch(label) for pattern, _ in EDITIONS)
    # Media servers show the user's own words: `{edition-Ultimate Extended Edition}`.
    return stem[: found.start()] + stem[found.end() :], edition_in(label) if is_usual else label or None


def _film(stem: str) -> Structure | None:
    found = _find_year(stem)
    if found is None:
        return _film_with_odd_year(stem)
    if stem[found.start() - 1] not in "([" and ends_in_its_own_year(stem[: found.end()]):
        return None
    raw, tail = stem[: found.start()], stem[found.end() :]
    raw = without_brackets_in_front(raw)
    title = article_in_front(spaced(raw.rstrip(" ._-([{")))
    is_bracketed = stem[found.start() - 1 : found.start()] in ("(", "[")
    part = _PART.search(tail)
    trailing_part = _TITLE_PART.search(title)
    ambiguities_of_title = title_ambiguities(title, raw.rstrip(" ._-(["))
    if (beside := re.search(r"\d{4}$", title)) and int(beside[0]) > int(found["year"]):
        # `Death Race 2000 1975`: no film is older than the year in its title, so the later number
        # is the title's.
        ambiguities_of_title = [ambiguity for ambiguity in ambiguities_of_title if "another year" not in ambiguity]
    if trailing_part:
        ambiguities_of_title = [ambiguity for ambiguity in ambiguities_of_title if "at the end" not in ambiguity]
    return Structure(
        kind="movie",
        title=title,
        likely_title=likely_title(raw.rstrip(" ._-([{")),
        year=int(found["year"]),
        edition=edition_in(tail),
        part=_number(part["number"]) if part else None,
        is_disc=bool(part and part["word"].casefold() in ("cd", "dvd", "disc", "disk")),
        title_part=_number(trailing_part["number"]) if trailing_part and trailing_part.start() > 0 else None,
        year_is_bracketed=is_bracketed,
        is_release=_is_release(stem),
        title_ambiguities=tuple(ambiguities_of_title),
        extra=extra_behind_year(tail),
        extra_at_end=extra_at_end(title),
        ambiguities=tuple(_film_ambiguities(stem, tail, is_bracketed=is_bracketed)),
    )


def _film_with_odd_year(stem: str) -> Structure | None:
    """Read a year in front, or after the quality. It is never certain, but worth offering."""
    if (front := _YEAR_IN_FRONT.match(stem)) and plausible_year(front["year"]):
        title, year = likely_title(stem[front.end() :]), front["year"]
    else:
        behind = [hit["year"] for hit in _YEAR.finditer(stem) if hit.start() > 0 and plausible_year(hit["year"])]
        quality = STRONG_QUALITY.search(stem)
        if len(behind) != 1 or quality is None or ends_in_its_own_year(stem[: quality.start()]):
            return None
        title, year = likely_title(stem[: quality.start()]), behind[0]
    if title is None:
        return None
    ambiguity = "the year does not stand behind the title"
    return Structure(
        kind="movie", title=title, likely_title=title, year=int(year), is_release=True, ambiguities=(ambiguity,)
    )


def _find_year(stem: str) -> re.Match[str] | None:
    """Find the year of a film: the bracketed one, else the last one between title and first quality
    word.
    """
    bracketed = [
        hit
        for hit in _BRACKET_YEAR.finditer(stem)
        if plausible_year(hit["year"]) and stem[: hit.start()].strip(" ._-([{")
    ]
    if bracketed:
        return _YEAR.search(stem, bracketed[0].start())
    quality = STRONG_QUALITY.search(stem)
    end = quality.start() if quality else len(stem)
    years = [
        hit
        for hit in _YEAR.finditer(stem, 0, end)
        if plausible_year(hit["year"]) and stem[: hit.start()].strip(" ._-([{")
    ]
    return years[-1] if years else None


def _film_ambiguities(stem: str, tail: str, *, is_bracketed: bool) -> list[str]:
    ambiguities: list[str] = []
    unknown = _unknown_words(tail)
    if unknown and not (len(unknown) == 1 and _is_tag(unknown[0], stem, tail)):
        ambiguities.append(f"behind the year stand words that are neither quality nor edition: {' '.join(unknown[:4])}")
    others = {hit["year"] for hit in _BRACKET_YEAR.finditer(stem) if plausible_year(hit["year"])}
    if len(others) > 1:
        ambiguities.append("several years stand in brackets")
    if re.search(r"(?<![^\W_])xxx(?![^\W_])", tail, re.IGNORECASE):
        ambiguities.append("it is not a film that databases of films know")
    if re.search(r"(?<![^\W_])(?:hdtv|pdtv|dsr|tvrip|dvb)(?![^\W_])", tail, re.IGNORECASE) and not is_bracketed:
        ambiguities.append("it was recorded from television, where a year does not make a film")
    if _COMPLETE.search(tail):
        ambiguities.append("it may be a whole series")
    return ambiguities


def _is_tag(word: str, stem: str, tail: str) -> bool:
    """Tell whether the only unknown word behind the year is a tag: no list of them ends.

    `Event.2019.Monaco.1080p` is one of many works of that year. So a tag must be a language, or be
    written as words of names are not, as LDRip or EAC3D, in a name that is not all capitals.
    """
    quality = STRONG_QUALITY.search(tail)
    if quality is None or _NO_TAG.match(word):
        return False
    if word in RARER_LANGUAGES or _LETTERS_AND_DIGITS.search(word):
        return True
    written = re.search(re.escape(word), tail[: quality.start()], re.IGNORECASE)
    is_like_a_tag = written is not None and _WRITTEN_AS_TAG.search(written[0]) is not None
    return is_like_a_tag and not stem[: len(stem) - len(tail)].isupper()


_LETTERS_AND_DIGITS = re.compile(r"[^\W\d_]\d|\d[^\W\d_]")
# Two capitals in a row, or one behind a small letter.
_WRITTEN_AS_TAG = re.compile(r"[A-Z]{2}|[a-z][A-Z]")
# COMPLETE.BLURAY is a whole disc.
_COMPLETE = re.compile(r"(?<![^\W_])complete(?![^\W_])(?![ ._-]*(?:m?blu-?ray|uhd|bd|dvd))", re.IGNORECASE)
# Words that say that it is another work, or none: extras, several films, another film's number.
_NO_TAG = re.compile(
    r"collection|\w+logy|saga|boxset|pack|part|vol|special|making|menu|recap|deleted|scene|commentary|clip|short"
    r"|webisode|minisode|prequel|sequel|finale|chapter|concert|live$|[ivx]+$"
)
_FILLERS = frozenset({"and", "edition", "cut", "version", "the"})


def _unknown_words(tail: str) -> list[str]:
    """List the words before the first quality word that are no quality, language or edition."""
    quality = STRONG_QUALITY.search(tail)
    text = tail[: quality.start()] if quality else re.sub(r"-[^\W_]+(?:\[[^\]]*\])?$", "", tail)
    for pattern, _ in EDITIONS if ANY_EDITION.search(text) else ():
        text = pattern.sub(" ", text)
    text = _PART.sub(" ", text)
    return [word for word in words_of(text) if word not in WEAK_QUALITY | LANGUAGES | _FILLERS and not word.isdigit()]


def _number(text: str) -> int:
    return int(text) if text.isdigit() else _NUMBER_WORDS.get(text.casefold(), 0)


def _is_release(stem: str) -> bool:
    return bool(
        STRONG_QUALITY.search(stem)
        or (is_dotted(stem) and stem.count(".") > 1)
        or _BRACKET_YEAR.search(stem)
        or edition_in(stem)
        or stem.startswith("[")
    )
