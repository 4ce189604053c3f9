"""Reads what the sidecars of a folder are, and to which video each belongs: by names and places alone.

The longest name of a video that a sidecar's name begins with counts, by whole words. A folder `Subs` belongs to the
folder around it. What fits two videos equally belongs to neither.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from reeld.domain.sidecars import SUBTITLE_SUFFIXES, Owner, SidecarKind, SidecarName
from reeld.domain.titles import title_key
from reeld.identify.extras import why_ignored
from reeld.identify.folders import season_of
from reeld.identify.ids import without_ids
from reeld.identify.sidecar_tags import TRACK_WORDS, Tags, read_last_tags, read_tags
from reeld.identify.strict_reader import read_structure
from reeld.identify.structure import Structure

READERS = 1
"""Raise it when this module reads names otherwise: then each sidecar is read once more."""

_PACK = re.compile(r"(?:vob)?subs?|subtitles?", re.IGNORECASE)

_KINDS: dict[str, SidecarKind] = {
    **dict.fromkeys(("poster", "folder", "cover", "default", "movie", "show"), "poster"),
    **dict.fromkeys(("fanart", "backdrop", "background", "art"), "fanart"),
    **dict.fromkeys(("thumb", "landscape"), "thumb"),
    **dict.fromkeys(("logo", "clearlogo"), "logo"),
    **dict.fromkeys(("disc", "discart", "cdart"), "disc"),
    "banner": "banner",
    "clearart": "clearart",
}
_KIND = "|".join(sorted(_KINDS, key=len, reverse=True))
_PICTURE = re.compile(rf"(?:(?P<video>.+)-)?(?P<kind>{_KIND})(?:-?\d{{1,2}})?", re.IGNORECASE)
_SEASON_PICTURE = re.compile(rf"season(?:\d+|-specials|-all)(?:[-_](?P<kind>{_KIND}))?", re.IGNORECASE)

_NFO_OF_FOLDER = frozenset({"tvshow", "season"})
_NFO_OF_FILM = "movie"


@dataclass(frozen=True, slots=True, kw_only=True)
class Videos:
    """A folder, relative to the library, and the names of its videos."""

    directory: str
    names: tuple[str, ...]


class _Around:
    """Videos as sidecars are compared with them."""

    def __init__(self, videos: Videos) -> None:
        self.videos = videos
        by_stem = defaultdict(list)
        for name in videos.names:
            by_stem[_key(_stem(name))].append(name)
        self._by_stem: Mapping[str, list[str]] = dict(by_stem)

    def named(self, stem: str) -> list[str]:
        """Return the videos of exactly this name."""
        return self._by_stem.get(_key(stem), [])

    def longest(self, stem: str) -> tuple[list[str], str]:
        """Return the videos with the longest name that this one begins with, and what follows that."""
        key = _key(stem)
        for end in range(len(key), 0, -1):
            if (end == len(key) or not key[end].isalnum()) and (found := self._by_stem.get(key[:end])):
                return found, key[end:] if len(key) != len(stem) else stem[end:]
        return [], stem

    @cached_property
    def lone(self) -> str | None:
        """The only video of a folder, apart from trailers and other extras. The library's root is no film's folder."""
        if not self.videos.directory:
            return None
        names = self.videos.names
        if len(names) > 1:
            folders = self.videos.directory.split("/")
            names = tuple(name for name in names if why_ignored(folders, name) is None)
        return names[0] if len(names) == 1 else None

    @cached_property
    def lone_film(self) -> str | None:
        """The same, where the folder is that of a film and not of a season or series."""
        if self.lone is None or season_of(_base(self.videos.directory)) is not None:
            return None
        return None if _structure(_stem(self.lone)).kind == "episode" else self.lone

    def path(self, name: str) -> str:
        return f"{self.videos.directory}/{name}" if self.videos.directory else name

    def is_same_work(self, text: str) -> bool:
        """Tell whether a name is that of the lone video in another spelling: title, year and episodes."""
        if self.lone is None:
            return False
        read, own = _structure(text), _structure(_stem(self.lone))
        says_itself = own.title is not None and (own.year is not None or bool(own.episodes))
        named = [own] if says_itself else [own, _structure(_base(self.videos.directory))]
        titles = {title_key(each.title) for each in named if each.title}
        years = {each.year for each in named if each.year}
        is_alike = title_key(read.title or text) in titles and _number(read) == _number(own)
        return is_alike and (read.year is None or not years or read.year in years)

    def is_other_work(self, text: str) -> bool:
        """Tell whether a name says that it is of another film or episode than the lone video."""
        read = _structure(text)
        return (read.year is not None or bool(read.episodes)) and not self.is_same_work(text)


def pack_around(directory: str) -> str | None:
    """Return the folder whose videos the subtitles of this one may belong to: that around a `Subs`; None if there is
    none.
    """
    around, _, base = directory.rpartition("/")
    if is_pack(base):
        return around
    above, _, pack = around.rpartition("/")
    return above if around and is_pack(pack) else None


def is_pack(folder: str) -> bool:
    """Tell whether a folder of this name holds the subtitles of the folder around it."""
    return _PACK.fullmatch(folder) is not None


def sidecars_among(names: Iterable[str], videos: Iterable[str]) -> list[str]:
    """Return those names that are of sidecars, given that all have a sidecar's suffix: of pictures only some are."""
    stems: set[str] | None = None
    found = []
    for name in names:
        stem, suffix = _split(name)
        if not stem:
            continue
        if (
            suffix in SUBTITLE_SUFFIXES
            or suffix == "nfo"
            or _PICTURE.fullmatch(stem)
            or _SEASON_PICTURE.fullmatch(stem)
        ):
            found.append(name)
        else:
            stems = {_key(_stem(video)) for video in videos} if stems is None else stems
            if _key(stem) in stems:
                found.append(name)
    return found


def read_folder(names: Collection[str], own: Videos, around: Videos | None) -> dict[str, SidecarName]:
    """Read the sidecars of a folder. `names` are as `sidecars_among` returns them.

    `own` are the folder's videos, `around` those of the folder that `pack_around` returns.
    """
    folder = _Folder(names=names, own=_Around(own), around=_Around(around) if around else None)
    read = {name: folder.read(name) for name in names}
    return {name: _with_hindi(each, read.values()) for name, each in read.items()} if folder.has_open_hi else read


_OPEN_HI = "hi?"
"""The language of a subtitle whose `hi` the others must explain; never returned."""


@dataclass(slots=True, kw_only=True)
class _Folder:
    names: Collection[str]
    own: _Around
    around: _Around | None
    has_open_hi: bool = False

    def read(self, name: str) -> SidecarName:
        stem, suffix = _split(name)
        if suffix in SUBTITLE_SUFFIXES:
            return self._subtitle(stem, "subtitle_index" if suffix == "idx" else "subtitle")
        return self._nfo(stem) if suffix == "nfo" else self._picture(stem)

    # --- subtitles ---------------------------------------------------------------------------------------

    def _subtitle(self, stem: str, kind: SidecarKind) -> SidecarName:
        found = self._by_name(self.own, stem) or (self._in_pack(self.around, stem) if self.around else None)
        if found is None and self.around is None:
            found = self._by_place(self.own, stem, is_pack=False)
        owner, video, tags = found or ("none", None, read_last_tags(stem))
        self.has_open_hi = self.has_open_hi or tags.is_hi_open
        return SidecarName(
            kind=kind,
            owner=owner,
            video=video,
            language=_OPEN_HI if tags.is_hi_open else tags.language,
            is_forced=tags.is_forced,
            is_sdh=tags.is_sdh,
            is_default=tags.is_default,
            title=tags.title,
        )

    def _in_pack(self, around: _Around, stem: str) -> "_Found | None":
        inside = _base(self.own.videos.directory)
        if is_pack(inside):
            return self._by_name(around, stem) or self._by_place(around, stem, is_pack=True)
        if videos := around.named(inside):
            _, rest = around.longest(stem)
            return _owned(around, videos, read_tags(rest))
        if read_tags(inside).words:  # it is the folder of another video, which is not there
            is_same = around.is_same_work(inside)
            return _owned(around, [around.lone], read_tags(stem)) if around.lone and is_same else None
        by_name = self._by_name(around, stem, inside)
        return by_name or self._by_place(around, stem, inside, is_pack=True)

    def _by_name(self, around: _Around, stem: str, *more: str) -> "_Found | None":
        videos, rest = around.longest(stem)
        if not videos:
            return None
        tags = read_tags(rest, *more)
        # `Alien.Resurrection.en` beside `Alien` is of another film. In a film's own folder it is a track's title.
        is_another = any(word.casefold() not in TRACK_WORDS for word in tags.words_in_front)
        if is_another and (around.lone is None or around.is_other_work(stem)):
            return None
        return _owned(around, videos, tags)

    def _by_place(self, around: _Around, stem: str, *more: str, is_pack: bool) -> "_Found | None":
        """A name without the video's counts beside a lone video if nothing says that it is of another one."""
        tags = read_tags(stem, *more)
        if not tags.words:
            is_one_of_several = around.lone is None and len(around.videos.names) > 1
            return ("several", None, tags) if is_one_of_several else _owned(around, [around.lone], tags)
        if around.lone is None:
            return None
        if around.is_same_work(stem):
            return _owned(around, [around.lone], read_last_tags(stem))
        is_from_pack = is_pack and not around.is_other_work(stem)
        return _owned(around, [around.lone], tags) if is_from_pack else None

    # --- .nfo files and pictures -------------------------------------------------------------------------

    def _nfo(self, stem: str) -> SidecarName:
        folded = stem.casefold()
        if folded in _NFO_OF_FOLDER:
            return SidecarName(kind="nfo", owner="folder")
        if folded == _NFO_OF_FILM:
            return self._of_folder("nfo")
        is_only = sum(_split(name)[1] == "nfo" for name in self.names) == 1
        return self._of_videos("nfo", self.own.named(stem) or ([self.own.lone] if is_only and self.own.lone else []))

    def _picture(self, stem: str) -> SidecarName:
        if videos := self.own.named(stem):
            is_episode = _structure(_stem(videos[0])).kind == "episode"
            return self._of_videos("thumb" if is_episode else "poster", videos)
        if found := _SEASON_PICTURE.fullmatch(stem):
            return SidecarName(kind=_KINDS[(found["kind"] or "poster").casefold()], owner="folder")
        found = _PICTURE.fullmatch(stem)
        kind = _KINDS[found["kind"].casefold()] if found else "poster"
        if found and found["video"]:
            return self._of_videos(kind, self.own.named(found["video"]))
        return self._of_folder(kind)

    def _of_folder(self, kind: SidecarKind) -> SidecarName:
        film = self.own.lone_film
        return self._of_videos(kind, [film]) if film else SidecarName(kind=kind, owner="folder")

    def _of_videos(self, kind: SidecarKind, videos: list[str]) -> SidecarName:
        owner, video, _ = _owned(self.own, videos, Tags()) or ("none", None, None)
        return SidecarName(kind=kind, owner=owner, video=video)


_Found = tuple[Owner, str | None, Tags]


def _owned(around: _Around, videos: list[str | None] | list[str], tags: Tags) -> _Found | None:
    """The owner and its path, if there is one video; None if there is none."""
    if len(videos) > 1:
        return "several", None, tags
    return ("video", around.path(videos[0]), tags) if videos and videos[0] is not None else None


def _with_hindi(read: SidecarName, all_read: Iterable[SidecarName]) -> SidecarName:
    """Decide what `hi` means: Hindi beside subtitles of the same video in other languages, else unknown."""
    if read.language != _OPEN_HI:
        return read
    others = {each.language for each in all_read if each.video == read.video}
    is_hindi = read.video is not None and bool(others - {None, _OPEN_HI, "hi"})
    return replace(read, language="hi" if is_hindi else None)


def _structure(text: str) -> Structure:
    return read_structure(without_ids(text).strip())


def _number(read: Structure) -> tuple[int | None, tuple[int, ...]]:
    return read.season, tuple(read.episodes)


def _split(name: str) -> tuple[str, str]:
    stem, _, suffix = name.rpartition(".")
    return stem, suffix.lower()


def _stem(name: str) -> str:
    return name.rpartition(".")[0]


def _base(directory: str) -> str:
    return directory.rpartition("/")[2]


def _key(stem: str) -> str:
    return unicodedata.normalize("NFC", stem).casefold()
