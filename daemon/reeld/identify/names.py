"""Splits a path into its readable parts: folders, stem and words.

Names are compared in NFC: macOS writes `é` as two code points, and both spellings are one name.
"""

import re
import unicodedata
from itertools import pairwise

from reeld.identify.words import words

LONGEST_NAME = 300
"""Characters of a name that are read. A file system allows 255 bytes; the rest is hostile or noise."""

VIDEO_SUFFIXES = words(
    """.3g2 .3gp .asf .avi .divx .dv .evo .f4v .flv .iso .m2t .m2ts .m2v .m4v .mk3d .mkv .mov .mp2 .mp4 .mpe .mpeg
    .mpg .mts .mxf .nsv .ogg .ogm .ogv .qt .rm .rmvb .tp .ts .vob .webm .wmv .wtv .xvid .strm .img"""
)

# `[ www.site.com ] - Title`, `www.site.org - Title`: the site that published the file, not the
# work.
_SITE = re.compile(
    r"^\s*(?:[\[({【]\s*(?:www\.)?[\w-]+(?:\.[\w-]+)*\.[a-z]{2,6}\s*[\])}】]|www\.[\w-]+(?:\.[\w-]+)*?\.[a-z]{2,6}(?=[\s_-]))"
    r"\s*[-_.]*\s*",
    re.IGNORECASE,
)
_ALL_IN_BRACKETS = re.compile(
    r"\s*[\[【](?P<group>[^\]】]+)[\]】][ _]*"
    r"(?:[\[【](?P<boxed>[^\]】]*[^\W\d_][^\]】]*)[\]】]|(?P<title>[^\[\]【】]*[^\W\d_][^\[\]【】]*))"
    r"[ _]*[\[【](?:第)?(?P<number>\d{2,3}(?:v\d)?)(?:[话話集])?[\]】]"
)
# `20101222 2000 - Channel - Title`, as receivers with Enigma2 name what they record.
_RECORDED = re.compile(
    r"(?P<day>(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])) (?:[01]\d|2[0-3])[0-5]\d - [^-]+ - (?P<title>.+)"
)
_ACRONYM = re.compile(r"(?<![^\W_])(?:[A-Za-z]\.){2,}[A-Za-z](?![^\W_])\.?")
_HASH = re.compile(r"[0-9a-f]{16,}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_RANDOM = re.compile(r"[A-Za-z0-9]{18,}")


def split_path(path: str) -> tuple[tuple[str, ...], str]:
    """Return the folders, outermost first, and the base name, all in NFC and cut to LONGEST_NAME."""
    parts = [normal(part) for part in path.split("/") if part not in ("", ".")]
    return (tuple(parts[:-1]), parts[-1]) if parts else ((), "")


def normal(name: str) -> str:
    return unicodedata.normalize("NFC", name[:LONGEST_NAME])


def stem_of(name: str) -> str:
    """Return `name` without its suffix, if videos have that suffix."""
    head, dot, tail = name.rpartition(".")
    return head if dot and head and f".{tail.casefold()}" in VIDEO_SUFFIXES else name


def is_video(name: str) -> bool:
    """Tell whether videos have the suffix of `name`."""
    return stem_of(name) != name


def unbracketed(stem: str) -> str:
    """Return `[Group][Title][05][1080p]` as `[Group] Title - 05 [1080p]`, and `[Group] Title [05]` alike."""
    found = _ALL_IN_BRACKETS.match(stem)
    if found is None:
        return stem
    title = found["boxed"] or found["title"]
    return f"[{found['group']}] {title.strip()} - {found['number']} {stem[found.end() :].lstrip()}"


def title_in_front(stem: str) -> str:
    """Return the name that a receiver gave to a recording with its title first, and the day behind it."""
    found = _RECORDED.fullmatch(stem)
    return f"{found['title']} {found['day']}" if found else stem


def without_site(stem: str) -> str:
    """Return `stem` without a web address in front, unless nothing else would remain."""
    rest = _SITE.sub("", stem, count=1)
    return rest if any(char.isalnum() for char in rest) else stem


def spaced(text: str) -> str:
    """Return `text` in normal spelling: separators become spaces, `S.H.I.E.L.D` keeps its dots."""
    text = text.replace("_", " ")
    if is_dotted(text):
        kept = _ACRONYM.sub(lambda found: found[0].rstrip(".").replace(".", "\0") + " ", text)
        text = kept.replace(".", " ").replace("\0", ".")
    return " ".join(text.split()).strip(" -–—.,;:~+|/\\")


def is_dotted(text: str) -> bool:
    """Tell whether dots stand for spaces, as in releases. `Mr. Robot` is not dotted."""
    inner = text.strip(" .")
    return "." in inner and " " not in inner


def words_of(text: str) -> list[str]:
    """Return the words of `text`, casefolded, split at every separator and bracket."""
    return [word.replace("'", "").replace("’", "") for word in re.findall(r"[^\W_]+(?:['’][^\W_]+)*", text.casefold())]


def is_random_name(stem: str) -> bool:
    """Tell whether `stem` looks like a hash or a random string, not like words."""
    if _HASH.fullmatch(stem):
        return True
    if not _RANDOM.fullmatch(stem):
        return False
    changes = sum(_class(a) != _class(b) for a, b in pairwise(stem))
    # Glued words change their class of letters once per word; random strings at every second
    # character.
    return changes > len(stem) / 3


def _class(char: str) -> str:
    return "digit" if char.isdigit() else "upper" if char.isupper() else "lower"
