"""Gathers the evidence for one file: each reader runs once, before anything is weighed."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from reeld.domain.identity import Clues, Reading
from reeld.domain.titles import title_key
from reeld.identify.days import with_order_of_siblings
from reeld.identify.folders import FolderReading, read_folders
from reeld.identify.guessit_reader import Guess, guess
from reeld.identify.ids import Ids, ids_in, without_ids
from reeld.identify.names import (
    is_random_name,
    normal,
    spaced,
    split_path,
    stem_of,
    title_in_front,
    unbracketed,
    without_site,
    words_of,
)
from reeld.identify.nfo import Nfo, read_lone_nfo, read_sidecars
from reeld.identify.release_reader import read_release
from reeld.identify.sequence import Sequence, read_lone_number, read_sequence
from reeld.identify.siblings import Run, differing_run, stacked_part
from reeld.identify.strict_reader import read_structure
from reeld.identify.structure import Structure
from reeld.identify.title_text import A_COPY, WITH_ESCAPES
from reeld.identify.words import GENERIC_STEMS, LANGUAGES, STRONG_QUALITY, WEAK_QUALITY

_TECHNICAL_TAIL = re.compile(r"[\[({].*$|[ ._-]+(?:cd|dis[ck]|dvd|part|pt)[ ._-]?(?:\d{1,2}|[a-d])$", re.IGNORECASE)
# `S02E05v2`, in which guessit sees no episode, and `1918x798`, in which it sees one.
_AGAINST_GUESSIT = re.compile(r"(?<=[ex]\d\d)v\d(?![^\W_])|(?<![^\W_])\d{3,4}x\d{3,4}(?![^\W_])", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The results of all readers for one file.

    `name` is what is read as the file's name. If the file's own name says nothing, it is the
    release folder's, and `substituted` is true. `release` and guessit, the slow one, run only if
    the others do not suffice.
    """

    clues: Clues
    name: str
    structure: Structure
    folder: FolderReading
    ids: Ids
    nfos: tuple[Nfo, ...]
    run: Run | None
    stacked: int | None
    sequence: Sequence | None = None
    """The number of this file among its siblings, all numbered behind the folder's title."""
    release: Reading | None = None
    is_guess_asked: bool = False
    guess: Guess | None = None
    folder_guess: Guess | None = None
    substituted: bool = False
    is_generic_name: bool = False
    """The name has no words of its own: a hash, `movie`, `01`."""

    def with_release(self) -> "Evidence | None":
        """Return the same evidence with the reading of a whole release; None if the name is not
        understood.
        """
        release = read_release(self.name)
        return replace(self, release=release) if release else None

    def with_guess(self) -> "Evidence":
        """Return the same evidence with guessit's reading."""
        name, is_dated = self.folder.name, self.folder.year and self.structure.year is None
        return replace(
            self,
            is_guess_asked=True,
            guess=guess(_AGAINST_GUESSIT.sub("", without_site(self.name))),
            folder_guess=guess(name) if name and is_dated else None,
        )

    @property
    def work_nfo(self) -> Nfo | None:
        return next((nfo for nfo in self.nfos if nfo.kind in ("movie", "tvshow")), None)

    @property
    def episode_nfo(self) -> Nfo | None:
        return next((nfo for nfo in self.nfos if nfo.kind == "episode"), None)

    @property
    def link_nfo(self) -> Nfo | None:
        return next((nfo for nfo in self.nfos if nfo.kind == "links"), None)


def gather(clues: Clues) -> Evidence:
    """Run every reader but guessit on `clues`."""
    folders, base = split_path(clues.path)
    ids = ids_in((*folders, base))
    name = title_in_front(unbracketed(without_ids(stem_of(base)).strip() or stem_of(base)))
    folder = read_folders(folders)
    is_generic = is_generic_name(name)
    release = _release_for(name, folder, is_generic=is_generic)
    if release:
        index = max(at for at, part in enumerate(folders) if without_ids(part).strip() == release)
        outer = read_folders(folders[:index])
        name, folders, folder = release, folders[:index], outer
    structure = with_order_of_siblings(read_structure(name), name, clues.siblings)
    run = None if release else differing_run(base, clues.siblings)
    stacked = None if release else stacked_part(base, clues.siblings)
    may_run = not release and not _is_among_films(clues, folder, stacked)
    sequence = _sequence(stem_of(base), structure, folder, run, clues.siblings) if may_run else None
    if sequence and structure.kind != "episode":
        # A year or a part beside the number is none of a film's.
        structure = replace(structure, kind=None, title=None, year=None, part=None)
    return Evidence(
        clues=clues,
        name=name,
        structure=structure,
        folder=folder,
        ids=ids,
        nfos=read_sidecars(clues.path, clues.sidecars) or _lone_nfo(clues, name, structure, folder),
        run=run,
        sequence=sequence,
        stacked=stacked,
        substituted=release is not None,
        is_generic_name=is_generic,
    )


def _is_among_films(clues: Clues, folder: FolderReading, stacked: int | None) -> bool:
    """Tell whether numbers are those of films, or of a film's parts: no season, and no series' place around them."""
    if folder.has_season_folder or folder.in_tv_place or clues.library_kind == "series":
        return False
    return stacked is not None or folder.in_film_place or clues.library_kind == "movies"


def _sequence(
    stem: str, read: Structure, folder: FolderReading, run: Run | None, siblings: Collection[str]
) -> Sequence | None:
    """Read the number behind the folder's title, if the name has no marker, or one that may count on."""
    is_open = (
        read.kind != "episode" or read.style == "pack" or (read.style in ("episode", "dash") and read.season is None)
    )
    if not is_open or _are_films_of_their_own(read, siblings):
        return None
    return read_sequence(stem, run, folder, len(siblings)) if run else read_lone_number(stem, folder)


def _are_films_of_their_own(read: Structure, siblings: Iterable[str]) -> bool:
    """Tell whether the files have different years, as no series' do: `Saw 2 (2005)` beside `Saw 3 (2006)`."""
    if read.kind != "movie" or read.year is None:
        return False
    others = (read_structure(without_ids(stem_of(normal(sibling))).strip()) for sibling in siblings)
    return any(other.kind == "movie" and other.year not in (None, read.year) for other in others)


def _lone_nfo(clues: Clues, name: str, read: Structure, folder: FolderReading) -> tuple[Nfo, ...]:
    """Find a single .nfo of another name beside a lone video, if it is about the same work.

    It may be left over from a film that has left the folder. So a title must confirm it: its own,
    or that of its file name (`sparks-inception.nfo` in the release folder).
    """
    nfo = None if clues.siblings else read_lone_nfo(clues.path, clues.sidecars)
    if nfo is None:
        return ()
    titles = [title for title in (read.title, folder.title) if title]
    if nfo.kind == "broken":
        return (nfo,)
    if nfo.kind == "links":
        stem = without_ids(stem_of(split_path(nfo.path)[1][: -len(".nfo")]))
        own = read_structure(stem).title or plain_title(stem)
        speaks = any(same_title(own, title) or abbreviates(own, title, f"{name} {folder.name}") for title in titles)
    else:
        speaks = any(same_title(text, title) for text in (nfo.title, nfo.original_title) for title in titles)
    return (nfo,) if speaks else ()


def is_generic_name(stem: str) -> bool:
    words = words_of(stem)
    return is_random_name(stem) or all(word.isdigit() for word in words) or spaced(stem).casefold() in GENERIC_STEMS


def _release_for(name: str, folder: FolderReading, *, is_generic: bool) -> str | None:
    """Find the release folder that must be read in place of a file name that says little."""
    if folder.is_disc:
        return folder.name if folder.release and folder.release.episodes else None  # the disc of an episode
    if folder.release is None or folder.name is None or not STRONG_QUALITY.search(folder.name):
        return None
    own = read_structure(name)
    if own.kind is not None:
        return folder.name if _shortens_release(own, folder.release) else None
    return (
        folder.name if is_generic or abbreviates(plain_title(name), folder.title or folder.name, folder.name) else None
    )


def _shortens_release(own: Structure, release: Structure) -> bool:
    """Tell whether the file name is a short form of its release folder: `grp-bb.s01e02`."""
    if own.title is None or release.title is None or same_title(own.title, release.title) or own.kind != release.kind:
        return False
    same_place = (own.season, own.episodes, own.air_date) == (release.season, release.episodes, release.air_date)
    if not same_place or own.year not in (None, release.year):
        return False
    return abbreviates(re.sub(r"^[a-z0-9]+-", "", own.title, flags=re.IGNORECASE), release.title)


def plain_title(stem: str) -> str:
    """Return the words of a name without year and marker, without its technical tail."""
    quality = STRONG_QUALITY.search(stem)
    text = stem[: quality.start()] if quality else stem
    return spaced(_TECHNICAL_TAIL.sub("", text))


def abbreviates(short: str, title: str, context: str = "") -> bool:
    """Tell whether `short` abbreviates `title`: `oceans11`, `bb`, `thematrix`, `sparks-incep`.

    Words of `context`, the whole name with the title, may stand beside it (the release group).
    """
    words = [word for word in words_of(short) if word not in WEAK_QUALITY and word not in LANGUAGES]
    parts, whole = words_of(title), title_key(title)
    if not words:
        return False
    if "".join(words) == "".join(word[0] for word in parts):
        return True
    beside = {word for word in words_of(context) if word not in parts}
    own = [word for word in words if word not in beside]
    return bool(own) and all(word in parts or _begins(word, (*parts, whole, "".join(parts))) for word in own)


def _begins(word: str, longer: tuple[str, ...]) -> bool:
    """Tell whether `word`, without its number, begins one of `longer`, which goes on in the number's
    place.

    `oceans11` stands for "oceanseleven"; `rocky2` is not "rocky".
    """
    letters = word.rstrip("0123456789")
    least = len(letters) + (2 if letters != word else 0)
    return len(letters) > 3 and any(other.startswith(letters) and len(other) >= least for other in longer)


def same_title(one: str | None, other: str | None) -> bool:
    return bool(one and other) and title_key(one or "") == title_key(other or "")


def guess_has_title(guess: Guess | None, read: Structure) -> bool:
    """Tell whether guessit reads the same title. It moves `Part Two` to a field of its own."""
    if guess is None or read.title is None:
        return False
    title = guess.reading.title
    if title is None or read.title == str(guess.reading.year):
        # It read the only word as a year, or as a quality. No other title precedes the marker.
        return guess.reading.year is not None and len(words_of(read.title)) == 1
    # `Sealab 2021`: it reads the number as a year. We know better, and the words are the same.
    if same_title(title, read.title) or same_title(f"{title} {guess.reading.year}", read.title):
        return True
    if guess.part is None or guess.part != read.title_part:
        return False
    return title_key(read.title).startswith(title_key(title))


def title_to_offer(guess: Guess | None, read: Structure) -> str | None:
    """Choose the title to offer if it is ambiguous and unconfirmed: without the ambiguous parts, or
    as it is.
    """
    if read.likely_title and {A_COPY, WITH_ESCAPES}.intersection(read.title_ambiguities):
        return read.likely_title
    if read.likely_title is None or (guess and same_title(guess.reading.title, read.likely_title)):
        return read.likely_title or read.title
    return read.title if guess_has_title(guess, read) else read.likely_title


def guessed(guess: Guess | None) -> Reading | None:
    return guess.reading if guess else None
