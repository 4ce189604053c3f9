"""Makes the key under which all spellings of a title are one work."""

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
