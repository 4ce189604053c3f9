"""Reads the .nfo files beside a video: XML of Kodi, Jellyfin and Emby, or a link in a scene's text.

A .nfo is untrusted: at most one MiB is read, XML with a DOCTYPE or an entity is refused, and
depth and number of elements are bounded. What people's programs write is read also where it is no
XML: in their encodings, with a bare `&`. XML that is refused, or broken otherwise, is a question.
"""

import codecs
import html
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import dataclass, replace
from encodings import normalize_encoding
from encodings.aliases import aliases
from typing import Literal

from reeld.domain.identity import Sidecar
from reeld.identify.ids import NO_IDS, Ids
from reeld.identify.names import stem_of
from reeld.identify.words import words

LARGEST_BYTES = 1 << 20
MOST_ELEMENTS = 20_000
DEEPEST = 32

MOST_EPISODES = 100
"""Of one file. A longer range is a mistake."""

_ROOT = re.compile(r"<(?:movie|tvshow|episodedetails)(?=[\s>])", re.IGNORECASE)
_END_OF_ROOT = re.compile(r"</(?:movie|tvshow|episodedetails)\s*>", re.IGNORECASE)
_FORBIDDEN = re.compile(r"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_DECLARED = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([\w.-]{1,40})[\"']", re.IGNORECASE)
_BARE_AMPERSAND = re.compile(r"&(?!#\d{1,7};|#x[0-9a-f]{1,6};|(?:amp|lt|gt|quot|apos);)", re.IGNORECASE)
_NO_XML_CHARACTER = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")

_ENCODINGS = words(
    """utf_8 ascii latin_1 iso8859_2 iso8859_5 iso8859_7 iso8859_9 iso8859_15 cp437 cp850 cp1250 cp1251 cp1252 cp1253
    cp1254 cp1255 cp1256 cp1257 cp949 koi8_r big5 gb2312 gbk gb18030 shift_jis euc_jp euc_kr"""
)
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, with which it begins
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
for _encoding in (*_ENCODINGS, *(encoding for _, encoding in _MARKS)):
    codecs.lookup(_encoding)  # loaded here, since the child may open no file later
_IMDB_URL = re.compile(
    rb"imdb\.(?:com|de|fr|es|it)/(?:[a-z]{2}(?:-[a-z]{2})?/)?(?:title/|Title\?)(tt\d{7,10})", re.IGNORECASE
)
_TMDB_URL = re.compile(rb"themoviedb\.org/(movie|tv)/(\d{1,9})", re.IGNORECASE)
_TVDB_URL = re.compile(rb"thetvdb\.com/(?:\S*[?&;](?:series)?id=|series/)(\d{1,9})(?!\w)", re.IGNORECASE)
_TVMAZE_URL = re.compile(rb"tvmaze\.com/shows/(\d{1,9})", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Nfo:
    """The content of one .nfo. For `episode` the title is the series' (`showtitle`), without ids.

    For `links`, `linked_kind` says whether the page is that of a film or a series, if its address
    shows it.
    """

    path: str
    kind: Literal["movie", "tvshow", "episode", "links", "broken"]
    title: str | None = None
    original_title: str | None = None
    year: int | None = None
    season: int | None = None
    episodes: tuple[int, ...] = ()
    episode_title: str | None = None
    ids: Ids = NO_IDS
    linked_kind: Literal["movie", "tv"] | None = None
    problem: str | None = None
    """Why nothing can be read of a `broken` one, though it is about a film or a series."""


def is_nfo(name: str) -> bool:
    """Tell whether the name, or the path, is that of a .nfo file."""
    return name[-4:].lower() == ".nfo"


def sidecar_names(path: str) -> tuple[str, ...]:
    """List the .nfo files, relative to the library, that may be about the video at `path`, nearest
    first.

    The video's own, `movie.nfo` in its folder, `tvshow.nfo` in its folder and up to two above.
    """
    folder, _, base = path.rpartition("/")
    names = [_join(folder, f"{stem_of(base)}.nfo"), _join(folder, "movie.nfo"), _join(folder, "tvshow.nfo")]
    for _ in range(2):
        if not folder:
            break
        folder = folder.rpartition("/")[0]
        names.append(_join(folder, "tvshow.nfo"))
    return tuple(dict.fromkeys(names))


def lone_nfo(path: str, names: Iterable[str]) -> str | None:
    """Return the .nfo in the folder of `path` if it is the only one there and has another name.

    `names` are those of all files of the folder. Scene releases have a `grp-film.nfo` beside any
    video name.
    """
    found = [name for name in names if is_nfo(name)]
    if len(found) != 1:
        return None
    lone = _join(path.rpartition("/")[0], found[0])
    return None if lone in sidecar_names(path) else lone


def read_lone_nfo(path: str, sidecars: Iterable[Sidecar]) -> Nfo | None:
    """Read the .nfo that lies beside `path` under another name, if there is one."""
    known, folder = sidecar_names(path), path.rpartition("/")[0]
    lone = [each for each in sidecars if each.path not in known and each.path.rpartition("/")[0] == folder]
    return _read(lone[0].path, lone[0].content) if len(lone) == 1 else None


def read_sidecars(path: str, sidecars: Iterable[Sidecar]) -> tuple[Nfo, ...]:
    """Read the .nfo files about `path`, nearest first, for any order of `sidecars`."""
    by_path = {sidecar.path: sidecar.content for sidecar in sidecars}
    read = (_read(name, by_path[name]) for name in sidecar_names(path) if name in by_path)
    return tuple(nfo for nfo in read if nfo)


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _read(path: str, content: bytes) -> Nfo | None:
    text = _decoded(content)
    if len(content) > LARGEST_BYTES:
        return _broken(path, "it is larger than 1 MiB") if _ROOT.search(text) else None
    return _read_xml(path, text) or _read_links(path, text.encode("utf-8", "replace"))


def _decoded(content: bytes) -> str:
    """Decode a .nfo as its byte order mark, its first bytes or its declaration say, else as UTF-8.

    Bytes that this does not fit become U+FFFD.
    """
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding, "replace")
    start = content[:4]
    if start[1:2] == b"\0" and start[:1] != b"\0":
        return content.decode("utf-16-le", "replace")
    if start[:1] == b"\0" and start[1:2] != b"\0":
        return content.decode("utf-16-be", "replace")
    declared = _DECLARED.match(content.lstrip()[:300])
    alias = normalize_encoding(declared[1].decode().lower()) if declared else ""
    encoding = aliases.get(alias, alias)
    if encoding == "latin_1":
        # As browsers do: programs that say ISO-8859-1 write the quotes and dashes of Windows.
        try:
            return content.decode("cp1252")
        except UnicodeDecodeError:
            return content.decode("latin-1")
    return content.decode(encoding if encoding in _ENCODINGS else "utf-8", "replace")


def _read_xml(path: str, text: str) -> Nfo | None:
    """Read the XML at the start of `text`. Kodi allows a URL after it, and several episodes in
    one file.
    """
    if not _ROOT.search(text):
        return None
    ends = list(_END_OF_ROOT.finditer(text))
    is_forbidden = _FORBIDDEN.search(text) is not None
    if is_forbidden or not ends:
        return _broken(path, "it declares a document type or an entity" if is_forbidden else "it ends in the middle")
    body = re.sub(r"<\?xml[^>]*\?>", "", text[: ends[-1].end()])
    body = _NO_XML_CHARACTER.sub("", _BARE_AMPERSAND.sub("&amp;", body))
    try:
        root = ET.fromstring(f"<nfo>{body}</nfo>")  # noqa: S314  # no DOCTYPE, no entity, bounded above
    except (ET.ParseError, ValueError, LookupError) as err:
        return _broken(path, f"it is no XML ({err})")
    works = [element for element in root if element.tag in ("movie", "tvshow", "episodedetails")]
    if not _is_bounded(root):
        return _broken(path, "it has too many elements")
    if not works:
        return None
    if works[0].tag == "episodedetails":
        read = _episodes(path, [work for work in works if work.tag == "episodedetails"])
    else:
        read = _with_links(_work(path, works[0]), text[ends[-1].end() :])
    is_garbled = read and any("\ufffd" in (name or "") for name in (read.title, read.original_title))
    return _broken(path, "its title is in another encoding than it says") if is_garbled else read


def _broken(path: str, problem: str) -> Nfo:
    return Nfo(path=path, kind="broken", problem=problem)


def _with_links(work: Nfo, behind: str) -> Nfo:
    """Add the ids of the page that is linked to behind the XML, if this has none itself."""
    if work.ids:
        return work
    links = _read_links(work.path, behind.encode("utf-8", "replace"))
    is_other_kind = links is not None and links.linked_kind not in (None, "movie" if work.kind == "movie" else "tv")
    return work if links is None or is_other_kind else replace(work, ids=links.ids)


def _is_bounded(root: ET.Element) -> bool:
    """Tell whether the tree is neither deep nor wide, without recursion."""
    level, total = [root], 0
    for _ in range(DEEPEST):
        total += len(level)
        if not level or total > MOST_ELEMENTS:
            return not level
        level = [child for element in level for child in element]
    return not level


def _work(path: str, element: ET.Element) -> Nfo:
    ids = _unique_ids(element)
    return Nfo(
        path=path,
        kind="movie" if element.tag == "movie" else "tvshow",
        title=_text(element, "title"),
        original_title=_text(element, "originaltitle"),
        year=_number(element, "year") or _year_of(_text(element, "premiered") or _text(element, "releasedate")),
        ids=Ids(
            tmdb=_as_number(ids.get("tmdb")),
            tvdb=_as_number(ids.get("tvdb")),
            imdb=ids.get("imdb"),
            tvmaze=_as_number(ids.get("tvmaze")) if element.tag == "tvshow" else None,
        ),
    )


def _episodes(path: str, works: list[ET.Element]) -> Nfo | None:
    """Read the episodes of one file: several elements of one season, or ranges.

    One without a number says nothing.
    """
    seasons = {_number(work, "season") for work in works}
    numbers = [_numbers(work) for work in works]
    if None in seasons or () in numbers:
        return None if len(works) == 1 else _broken(path, "some of its episodes have no number")
    if len(seasons) != 1:
        return _broken(path, "it holds episodes of several seasons")
    if None in numbers:
        return _broken(path, "its last episode comes before its first, or far behind it")
    return Nfo(
        path=path,
        kind="episode",
        title=_text(works[0], "showtitle"),
        season=seasons.pop(),
        episodes=tuple(sorted({number for each in numbers for number in each or ()})),
        episode_title=_text(works[0], "title") if len(works) == 1 else None,
    )


def _numbers(work: ET.Element) -> tuple[int, ...] | None:
    """Read the number of an episode, or its range as Jellyfin and Emby write it. None if that is none."""
    first, last = _number(work, "episode"), _number(work, "episodenumberend")
    if first is None or last is None:
        return () if first is None else (first,)
    return tuple(range(first, last + 1)) if first <= last < first + MOST_EPISODES else None


def _unique_ids(element: ET.Element) -> dict[str, str]:
    """Read `<uniqueid type="tmdb">`, and the older `<tmdbid>`, `<imdbid>`, `<id>tt…</id>`. Malformed
    ones are dropped.
    """
    found = {(node.get("type") or "").casefold(): (node.text or "").strip() for node in element.findall("uniqueid")}
    for kind in ("tmdb", "tvdb", "imdb", "tvmaze"):
        for tag in (f"{kind}id", f"{kind}_id"):
            found.setdefault(kind, _text(element, tag) or "")
    bare = _text(element, "id") or ""
    if not found.get("imdb") and bare.startswith("tt"):
        found["imdb"] = bare
    return {kind: value for kind, value in found.items() if _is_id(kind, value)}


def _is_id(kind: str, value: str) -> bool:
    pattern = r"tt\d{7,10}" if kind == "imdb" else r"[1-9]\d{0,8}"
    return re.fullmatch(pattern, value, re.ASCII) is not None


def _read_links(path: str, content: bytes) -> Nfo | None:
    """Read the one work that a text links to. Links to several works give None."""
    imdb, tvdb, tvmaze = (set(url.findall(content)) for url in (_IMDB_URL, _TVDB_URL, _TVMAZE_URL))
    tmdb = {(kind.lower(), number) for kind, number in _TMDB_URL.findall(content)}
    if max(len(imdb), len(tmdb), len(tvdb), len(tvmaze)) != 1:
        return None
    is_film = any(kind == b"movie" for kind, _ in tmdb)
    is_series = bool(tvdb or tvmaze or (tmdb and not is_film))
    if is_film and is_series:
        return None
    return Nfo(
        path=path,
        kind="links",
        ids=Ids(
            imdb=next(iter(imdb)).decode().casefold() if imdb else None,
            tmdb=int(next(iter(tmdb))[1]) if tmdb else None,
            tvdb=int(next(iter(tvdb))) if tvdb else None,
            tvmaze=int(next(iter(tvmaze))) if tvmaze else None,
        ),
        linked_kind="movie" if is_film else "tv" if is_series else None,
    )


def _text(element: ET.Element, tag: str) -> str | None:
    text = " ".join(html.unescape(element.findtext(tag) or "").split())
    return text[:300] or None


def _number(element: ET.Element, tag: str) -> int | None:
    return _as_number(_text(element, tag))


def _as_number(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch(r"\d{1,9}", text, re.ASCII) else None


def _year_of(date: str | None) -> int | None:
    return int(date[:4]) if date and re.match(r"\d{4}-", date, re.ASCII) else None
