"""Recognizes videos that are no work of their own: samples, trailers and extras.

Only positions count, never a word anywhere: "Trailer Park Boys", "The Sample", "Extras" and "The
Interview" are real titles.
"""

import re
from collections.abc import Mapping, Sequence

from reeld.domain.titles import title_key
from reeld.identify.folders import is_generic, season_of
from reeld.identify.ids import without_ids
from reeld.identify.names import stem_of
from reeld.identify.strict_reader import read_structure
from reeld.identify.words import STRONG_QUALITY, words

_SAMPLE_FOLDERS = frozenset({"sample", "samples", "proof"})
# Folders of media servers that can hold nothing but extras, and those whose names are also titles
# or places.
_EXTRAS_FOLDERS = words(
    """extras extra featurettes featurette trailers trailer bonus bonusmaterial bonusfeatures behindthescenes
    deletedscenes deleted interviews makingof specialfeatures backdrops theme-music themesongs teasers bloopers"""
)
_WEAK_FOLDERS = frozenset({"scenes", "shorts", "clips", "other", "others", "interview", "samples"})
# `Film (1999)-trailer`, `Film.1999.1080p-GRP-sample`: the suffixes of media servers, at the very
# end.
_SUFFIX = re.compile(
    r"(?P<join>[-._ ])(?P<word>trailer\d*|teaser|sample|behindthescenes|deleted(?:scene)?s?|featurette)$", re.IGNORECASE
)
_WEAK_SUFFIX = re.compile(r"-(?P<word>interview|scene|short|clip|other|extra)$")
_SAMPLE_WORD = re.compile(r"(?<![^\W_])sample(?![^\W_])[ ._-]*", re.IGNORECASE)
SAMPLE_SHARE = 0.1
"""A sample is a minute of an hour or two."""
_SAMPLE_PREFIX = re.compile(r"sample[-_]\S|sample$", re.IGNORECASE)


def why_ignored(folders: Sequence[str], base: str) -> str | None:
    """Return why this video is a sample, a trailer or an extra, or None if it may be a film or an episode.

    `folders` are the names of the folders above it, the outermost first. `base` is its file name.
    """
    stem = without_ids(stem_of(base))
    return _by_folder(folders, stem) or _by_suffix(folders, stem) or _by_prefix(folders, stem)


def objection_to_place(folders: Sequence[str], base: str) -> str | None:
    """Say that a video with a complete name lies where people and media servers keep extras.

    `Film (1999)/Shorts/Film (1999).mkv` and `Trailers/Film (1999).mkv` may be the film, or an extra of it: nothing but
    the user can tell.
    """
    own = read_structure(without_ids(stem_of(base))).title
    for index, folder in enumerate(folders):
        if _folded(folder) in _EXTRAS_FOLDERS and not _is_a_title(folders, index, own):
            return f"people keep extras in a folder called {folder!r}"
    if len(folders) < 2 or _folded(folders[-1]) not in _WEAK_FOLDERS:
        return None
    inside = without_ids(folders[-2])
    is_of_work = _is_work_folder(inside) or (own is not None and title_key(inside) == title_key(own))
    return f"media servers keep extras of {inside!r} in its folder {folders[-1]!r}" if is_of_work else None


def why_sample(base: str, sizes: Mapping[str, int]) -> str | None:
    """Say that `base` is a sample of a file beside it, whose name differs by that word only.

    `sizes` are those of all files there, by name. The word alone proves nothing: "Shomin Sample"
    is a series.
    """
    name = _without_sample(stem_of(base))
    for other, size in sizes.items():
        is_its_film = other != base and name is not None and title_key(stem_of(other)) == title_key(name)
        if is_its_film and sizes[base] < SAMPLE_SHARE * size:
            return f"it is called a sample of {other!r}, and has less than a tenth of its size"
    return None


def _without_sample(stem: str) -> str | None:
    """Return the stem without the word, or None if it has not exactly one, or nothing else."""
    rest, count = _SAMPLE_WORD.subn("", stem)
    return rest if count == 1 and any(char.isalnum() for char in rest) else None


def _by_folder(folders: Sequence[str], stem: str) -> str | None:
    for index in range(1, len(folders)):
        folder = _folded(folders[index])
        inside = without_ids(folders[index - 1])
        is_last = index == len(folders) - 1
        if folder in _SAMPLE_FOLDERS and is_last and not is_generic(inside):
            return f"it lies in the folder {folders[index]!r} of {inside!r}: a sample"
        if folder in _EXTRAS_FOLDERS and _holds_extras(folders, index, stem):
            return f"it lies in the folder {folders[index]!r} of {inside!r}: an extra, not a version of it"
        if folder in _WEAK_FOLDERS and is_last and _is_work_folder(inside) and not _stands_alone(stem):
            return f"it lies in the folder {folders[index]!r} of {inside!r}: an extra, not a version of it"
    return None


def _folded(folder: str) -> str:
    """Return a folder's name as the sets of such names above write it."""
    return "".join(folder.casefold().split())


def _holds_extras(folders: Sequence[str], index: int, stem: str) -> bool:
    """Tell whether the extras folder at `index` belongs to a work, and is no work of that name."""
    inside = without_ids(folders[index - 1])
    if is_generic(inside) or _is_a_title(folders, index, read_structure(stem).title):
        return False
    return _is_work_folder(inside) or not _stands_alone(stem)


def _is_a_title(folders: Sequence[str], index: int, own: str | None) -> bool:
    """Tell whether the extras folder at `index` is called so for a work of that title: the series "Extras"."""
    if any(season_of(below) is not None for below in folders[index + 1 :]):
        return True
    return own is not None and title_key(own) == title_key(folders[index])


def _is_work_folder(folder: str) -> bool:
    """Recognize the folder of one work (`Film (1999)`, `Season 2`, a release), not a collection."""
    read = read_structure(folder)
    return read.kind is not None or season_of(folder) is not None or STRONG_QUALITY.search(folder) is not None


def _stands_alone(stem: str) -> bool:
    """Tell whether the name is complete in itself: a title with a year or an episode's number."""
    read = read_structure(stem)
    return read.title is not None and (read.year is not None or bool(read.episodes and read.season is not None))


def _by_suffix(folders: Sequence[str], stem: str) -> str | None:
    found = _SUFFIX.search(stem)
    if found:
        head = stem[: found.start()]
        word = found["word"].casefold()
        # A bare word after a dot or a space may end a title: it must follow a year, a marker or
        # quality.
        if _is_called_so(head, found["join"]):
            return None
        complete = (_stands_alone(head) and not _ends_in_title(head)) or STRONG_QUALITY.search(head) is not None
        if complete or (found["join"] == "-" and (word != "sample" or _is_near_work(folders, head))):
            return f"its name ends in {found[0]!r}: not the work itself"
    weak = _WEAK_SUFFIX.search(stem)
    # A release group may be called OTHER or Scene: only the lower-case suffix after a plain title
    # counts.
    if weak is None or STRONG_QUALITY.search(stem) is not None:
        return None
    head = stem[: weak.start()]
    if _is_near_work(folders, head) or _stands_alone(head):
        return f"its name ends in {weak[0]!r}: an extra of the work"
    return None


def _is_called_so(head: str, join: str) -> bool:
    """Tell whether the word stands where an episode has its title: `S02E03 - Trailer`, not `S02E03-trailer`."""
    read = read_structure(head)
    is_suffix = join == "-" and head[-1:] not in " ._-"
    return read.kind == "episode" and read.style != "pack" and not read.has_quality and not is_suffix


def _ends_in_title(head: str) -> bool:
    """Tell whether `head` ends inside an episode's title: `S02E03 - Free` of `S02E03 - Free
    Trailer`.
    """
    return read_structure(head).episode_title is not None


def _is_near_work(folders: Sequence[str], head: str) -> bool:
    return bool(folders) and (_is_work_folder(without_ids(folders[-1])) or title_key(folders[-1]) == title_key(head))


def _by_prefix(folders: Sequence[str], stem: str) -> str | None:
    if not _SAMPLE_PREFIX.match(stem):
        return None
    if stem.casefold() == "sample" and not (folders and not is_generic(folders[-1])):
        return None
    return f"its name begins with {stem[:7]!r}: a sample"
