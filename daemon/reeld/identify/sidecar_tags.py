"""Reads the tags in a subtitle's name: language, forced, for the hearing impaired, default.

`tests/corpus/sidecars/names.toml` says what is right, and which media server says so.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from reeld.domain.languages import is_uncertain_language, language_of
from reeld.identify.words import words

_FORCED = frozenset({"forced", "foreign"})
_SDH = frozenset({"sdh", "cc", "hoh"})
_HINDI_OR_SDH = "hi"
_DEFAULT = "default"
_FLAGS = _FORCED | _SDH | {_DEFAULT, _HINDI_OR_SDH}
_NAMELESS = frozenset({"und", "mis", "zxx"})
_NUMERALS = frozenset({"II", "III", "VI"})
"""In small letters they are Sichuan Yi and Vietnamese."""

# Words that say which of a language is meant: `Brazilian.por` is read as names of languages are.
_VARIANTS = {
    ("zh", "simplified"): "zh-Hans",
    ("zh", "traditional"): "zh-Hant",
    ("zh", "hans"): "zh-Hans",
    ("zh", "hant"): "zh-Hant",
    ("pt", "european"): "pt-PT",
    ("es", "european"): "es-ES",
    ("fr", "canadian"): "fr-CA",
}
_VARIANT_WORDS = frozenset(word for _, word in _VARIANTS)
_CHINESE = frozenset(word for language, word in _VARIANTS if language == "zh")

_LATIN_AMERICAN = re.compile(r"latin[ ._-]?americ(?:an|a)", re.IGNORECASE)
_CHUNKS = re.compile(r"[.\s()\[\]{},;+&]+")
_PARTS = re.compile(r"[-_]+")
_LONGEST_INDEX = 2
"""Digits of the number that packs put in front: `12_English`."""

TRACK_WORDS = words(
    "commentary commentaries director's directors signs songs full dialogue dialog karaoke lyrics complete normal"
)
"""What tracks are called, and no film is whose name begins with another one's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tags:
    """What the words of a name say."""

    language: str | None = None
    is_forced: bool = False
    is_sdh: bool = False
    is_default: bool = False
    is_hi_open: bool = False
    """Whether `hi` is Hindi, or for the hearing impaired: the names beside it may tell."""
    words: tuple[str, ...] = ()
    """Those that are no tags."""
    words_in_front: tuple[str, ...] = ()
    """Those of them, and the numbers, that stand before all tags."""

    @property
    def title(self) -> str | None:
        return " ".join(self.words) or None


NO_TAGS = Tags()


class _Reader:
    """Reads one word after the other."""

    def __init__(self) -> None:
        self.flags: set[str] = set()
        self.languages: list[str] = []
        self.variants: set[str] = set()
        self.words: list[str] = []
        self.words_in_front: list[str] = []
        self.has_tag = False

    def read(self, text: str) -> None:
        for chunk in _CHUNKS.split(_LATIN_AMERICAN.sub("latino", unicodedata.normalize("NFC", text))):
            parts = [part for part in _PARTS.split(chunk) if part]
            # A region may be written like a flag: `en-cc` is no English of the Cocos Islands.
            if (len(parts) > 1 and parts[-1].casefold() in _FLAGS) or not self._takes(chunk):
                for part in parts:
                    if not self._takes(part):
                        self._note(part)

    def _takes(self, word: str) -> bool:
        folded = word.casefold()
        if folded.isdecimal() and len(folded) <= _LONGEST_INDEX:
            if not self.has_tag:
                self.words_in_front.append(word)
            return True
        if word in _NUMERALS:
            return False
        if folded in _FLAGS:
            self.flags.add(folded)
        elif folded in _VARIANT_WORDS:
            self.variants.add(folded)
        elif (language := language_of(word)) is not None:
            self.languages.append(language)
        elif folded not in _NAMELESS and not is_uncertain_language(word):
            return not word
        self.has_tag = True
        return True

    def _note(self, word: str) -> None:
        self.words.append(word)
        if not self.has_tag:
            self.words_in_front.append(word)

    def tags(self) -> Tags:
        language, flags = _one_language(self.languages, self.variants), self.flags
        is_forced, is_sdh = not flags.isdisjoint(_FORCED), not flags.isdisjoint(_SDH)
        is_hi_open = False
        if _HINDI_OR_SDH in flags:
            if self.languages:
                is_sdh = True
            elif is_sdh or is_forced:
                language = "hi"
            else:
                is_hi_open = True
        return Tags(
            language=language,
            is_forced=is_forced,
            is_sdh=is_sdh,
            is_default=_DEFAULT in flags,
            is_hi_open=is_hi_open,
            words=tuple(self.words),
            words_in_front=tuple(self.words_in_front),
        )


def read_tags(*texts: str) -> Tags:
    """Read all words of these texts."""
    reader = _Reader()
    for text in texts:
        reader.read(text)
    return reader.tags()


def read_last_tags(stem: str) -> Tags:
    """Read the tags at the end of a name whose beginning is not known: it may be a title that ends in such a word.

    `this.is.it` may be in Italian. A code counts if it is in small letters and what stands before it is not.
    """
    whole = read_tags(stem)
    if not whole.words:
        return whole
    parts = stem.split(".")
    begin = len(parts)
    while begin > 1 and _is_tag(parts[begin - 1], parts[: begin - 1]):
        begin -= 1
    return read_tags(".".join(parts[begin:])) if begin < len(parts) else NO_TAGS


def _is_tag(word: str, before: Iterable[str]) -> bool:
    tags = read_tags(word)
    if not word or tags.words or word.isdecimal():
        return False
    is_small = word.islower() or len(word) > 3
    head = "".join(before)
    return is_small and (head != head.lower() or any(char.isdecimal() for char in head))


def _one_language(languages: Collection[str], variants: AbstractSet[str]) -> str | None:
    """Return the language if all name one, as exactly as one of them does."""
    bases = {language.partition("-")[0] for language in languages}
    if variants & _CHINESE and not bases:
        bases = {"zh"}
    if len(bases) != 1:
        return None
    (base,) = bases
    exact = {language for language in languages if language != base}
    exact |= {_VARIANTS[base, word] for word in variants if (base, word) in _VARIANTS}
    return base if not exact else exact.pop() if len(exact) == 1 else base
