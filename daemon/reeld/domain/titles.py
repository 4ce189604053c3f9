"""Makes the key under which all spellings of a title are one work, and the words by which people search for it."""

import re
import unicodedata
from functools import lru_cache

_WORD = re.compile(r"[^\W_]+")
_TRAILING_ARTICLE = re.compile(r",\s*(?:the|a|an)\s*$")
# Letters that Unicode does not decompose, and how they are typed without such a key.
_PLAIN = str.maketrans({"æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "þ": "th", "ı": "i", "ħ": "h"})


@lru_cache(maxsize=8192)
def title_key(title: str) -> str:
    """Return the key of a title: equal for all its usual spellings, empty only for an empty title.

    Candidate, accents of Latin letters, punctuation, spaces, dots, a leading or trailing English
    article and `&`/`and` do not count. Other scripts keep their marks: in them a mark makes
    another letter.
    """
    text = _TRAILING_ARTICLE.sub("", _plain(title))
    text = re.sub(r"['’‘`´]", "", text).replace("&", " and ")
    words = _WORD.findall(text)
    if len(words) > 1 and words[0] in ("the", "a", "an"):
        words = words[1:]
    kept = [word for word in words if word != "and"] or words
    return "".join(kept) or "".join(_plain(title).split()) or title


_DIGITS = re.compile(r"0*([0-9]+)")


def sort_key(key: str) -> str:
    """Return what sorts a title key with numbers by their size: "2fast" before "10things"."""
    return _DIGITS.sub(lambda found: f"{len(found[1]):03}{found[1]}", key)


# Each sign of these scripts is a word: Han, kana, Hangul.
_SIGN = re.compile(r"([\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff])")
_APOSTROPHE = re.compile(r"['’‘`´ʼ]")
# S.W.A.T., M*A*S*H: letters that a sign parts are one word.
_SPELLED_OUT = re.compile(r"(?<![^\W_])[^\W\d_](?:[.*·][^\W\d_])+(?![^\W_])")


def search_words(text: str) -> str:
    """Return the words of a title or a name with a blank between two, as the search index and a query have them.

    Case, accents of Latin letters, Unicode form, apostrophes and punctuation do not count. Empty if there is no letter
    and no digit.
    """
    plain = _APOSTROPHE.sub("", _plain(text))
    joined = _SPELLED_OUT.sub(lambda found: re.sub(r"[.*·]", "", found[0]), plain)
    return " ".join(_WORD.findall(_SIGN.sub(r" \1 ", joined)))


def spellings(title: str) -> tuple[str, str, str]:
    """Return the words of `search_words`, and other ones under which a title is found.

    An apostrophe may stand between two words: "d'Amélie". The whole title is one word, too: `walle` finds "WALL·E".
    What is no other spelling is empty.
    """
    words, parted, joined = search_words(title), search_words(_APOSTROPHE.sub(" ", title)), title_key(title)
    return words, parted if parted != words else "", joined if joined != words else ""


def _plain(title: str) -> str:
    folded = unicodedata.normalize("NFKC", title).casefold()
    return unicodedata.normalize("NFC", _without_latin_marks(unicodedata.normalize("NFKD", folded))).translate(_PLAIN)


def _without_latin_marks(text: str) -> str:
    kept: list[str] = []
    base_is_latin = False
    for char in text:
        if not unicodedata.combining(char):
            base_is_latin = char < "\u0250"
            kept.append(char)
        elif not base_is_latin:
            kept.append(char)
    return "".join(kept)
