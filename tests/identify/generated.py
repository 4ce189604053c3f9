"""Generates names of the classes that invite a wrong reading or a needless question.

Each shape is written with several titles, scripts, separators, cases and numbers. All of it is counted out and nothing
is drawn by chance, so a row has the same name in each run.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from reeld.domain.identity import Clues
from tests.identify.rows import Row

FILE = "generated.py"

LATIN = ("Copper Lane", "The Glass Meadow", "Winterkeep", "Velvet Signal", "Marrow Hill", "Ninth Lantern")
ACCENTS = ("Les Îles Grises", "Šedý Vlk", "Cœur de Craie", "Überfahrt", "Señales de Humo", "Skúmaskot")
CYRILLIC = ("Белая роща", "Старый мост", "Ветер с юга")
GREEK = ("Η Άλλη Ακτή", "Μπλε Δρόμος")
JAPANESE = ("青い灯籠", "雨の停留所")
CHINESE = ("雾中的桥", "旧城来信")
KOREAN = ("겨울 정거장", "종이 등불")
ARABIC = ("نهر الزجاج", "ظل الجبل")
EVERY_SCRIPT = (LATIN, CYRILLIC, ACCENTS, JAPANESE, GREEK, CHINESE, KOREAN, ARABIC)
WESTERN = (LATIN, ACCENTS, CYRILLIC, GREEK)
WITH_NUMBERS = (("Dock 44", "Gate 21", "Ulica 5", "Линия 9", "Kvarter 3", "Tor 17"),)

CHOICES = {
    "word": ("Frost", "Long Shadows", "The Ledger", "Embers", "Under Glass"),
    "other": ("Kupfergasse", "Vallée Claire", "Dom nad Rzeką", "Il Segnale"),
    "unknown": ("KASHUBIAN", "Tagalog", "OV2", "MALTESE", "RERIP4", "EAC3DX", "BOLIVIAN", "ReGrade9"),
    "size": ("1918x798", "1280x534", "3840x1604", "2040x856", "1908x804"),
    "special": ("OVA", "Special", "OAD", "SP"),
    "credits": ("NCOP", "NCED", "PV", "CM", "NCOP2"),
    "extra": (
        "Bonus Disc", "Featurette", "Deleted Scenes", "Making Of", "Behind The Scenes", "Outtakes",
        "Theatrical Trailer",
    ),
    "like_extra": ("Trailer", "Sample", "Teaser", "Interview", "Scenes"),
    "season_word": ("Staffel", "Season", "Saison", "Sezon", "Temporada", "Сезон", "Säsong"),
    "ordinal_word": ("serie", "sezona", "Staffel", "řada", "évad", "sezon"),
    "episode_word": ("Jakso", "Episodul", "Puntata", "Afsnit", "Tập", "Эпизод"),
    "disc_word": ("Disk", "CD", "Disc", "DVD"),
    "in_front": ("4k", "k9", "hd", "8bit"),
    "number_word": ("One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight"),
    "suffix": ("behindthescenes", "deleted", "featurette", "interview", "scene", "short", "trailer", "other"),
    "folder": ("Featurettes", "Behind The Scenes", "Deleted Scenes", "Interviews", "Shorts", "Trailers", "Scenes"),
    "stack": ("part", "cd", "pt", "disc"),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """The title and the numbers of one row; `words` are those of CHOICES. `episode` < `end` <= 9."""

    title: str
    season: int
    episode: int
    end: int
    absolute: int
    year: int
    day: int
    part: int
    words: dict[str, str]

    @property
    def fields(self) -> dict[str, Any]:
        numbers = {"s": self.season, "e": self.episode, "g": self.episode + 1, "f": self.end, "a": self.absolute}
        numbers |= {"y": self.year, "m": self.day % 9 + 1, "d": self.day, "p": self.part, "q": 3 - self.part}
        words = {**self.words, "number_word": CHOICES["number_word"][self.season - 1]}
        return {
            "T": self.title,
            "U": self.title.upper(),
            **numbers,
            **words,
            "later": self.season + 2,
            "id": 700_000 + self.absolute,
        }

    @property
    def date(self) -> str:
        return f"{self.year}-{self.day % 9 + 1:02}-{self.day:02}"


Expected = Callable[[Drawn], dict[str, Any]]


def _nothing(_drawn: Drawn) -> dict[str, Any]:
    return {}


def _film(drawn: Drawn) -> dict[str, Any]:
    return {"kind": "movie", "title": drawn.title, "year": drawn.year}


def _show(drawn: Drawn) -> dict[str, Any]:
    return {"kind": "episode", "title": drawn.title}


def _special(drawn: Drawn) -> dict[str, Any]:
    return {**_show(drawn), "season_number": 0}


def _counted(drawn: Drawn) -> dict[str, Any]:
    return {**_show(drawn), "counted": (drawn.episode,)}


def _absolute(drawn: Drawn) -> dict[str, Any]:
    return {**_show(drawn), "absolute_numbers": (drawn.absolute,)}


def _dated(drawn: Drawn) -> dict[str, Any]:
    return {**_show(drawn), "air_date": drawn.date}


def _episode(drawn: Drawn) -> dict[str, Any]:
    return {**_show(drawn), "season_number": drawn.season, "episode_numbers": (drawn.episode,)}


def _titled(drawn: Drawn) -> dict[str, Any]:
    return {**_episode(drawn), "episode_title": drawn.words["word"]}


def _two(drawn: Drawn) -> dict[str, Any]:
    return {**_episode(drawn), "episode_numbers": (drawn.episode, drawn.episode + 1)}


def _range(drawn: Drawn) -> dict[str, Any]:
    return {**_episode(drawn), "episode_numbers": tuple(range(drawn.episode, drawn.end + 1))}


def _part_of_episode(drawn: Drawn) -> dict[str, Any]:
    return {**_episode(drawn), "part": drawn.part}


def _part_of_film(drawn: Drawn) -> dict[str, Any]:
    return {**_film(drawn), "part": drawn.part}


def _film_of_id(drawn: Drawn) -> dict[str, Any]:
    return {"kind": "movie", "year": drawn.year, "tmdb_id": drawn.fields["id"]}


def _film_in_halves(drawn: Drawn) -> dict[str, Any]:
    return {**_film(drawn), "title": f"{drawn.title} - {drawn.words['word']}"}


def _numbered_film(drawn: Drawn) -> dict[str, Any]:
    return {**_film(drawn), "title": f"{drawn.title} {drawn.season}"}


ANY = (" ", ".", "_")
"""What may stand between the words of a file's name."""
SPACES = (" ",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One form of names. In `path` stand the fields of Drawn; the folders stay as they are written.

    `{t}` is the title in the file's name, where separators and cases change.
    """

    name: str
    path: str
    must: str
    expected: Expected = _nothing
    scripts: tuple[tuple[str, ...], ...] = EVERY_SCRIPT
    separators: tuple[str, ...] = ANY
    cases: tuple[Callable[[str], str], ...] = (str, str.lower, str.upper)
    siblings: tuple[str, ...] = ()
    rows: int = 4


def _shapes(name: str, must: str, expected: Expected, *paths: str, **options: Any) -> list[Shape]:
    return [Shape(name=name, path=path, must=must, expected=expected, **options) for path in paths]


AS_IT_IS: dict[str, Any] = {"separators": SPACES, "cases": (str,)}

ADVERSARIAL = [
    *_shapes(
        "adversarial: A. the end of a range", "accept", _range,
        "TV/{T}/Season {s}/{t} S{s:02}E{e:02}-{f} 1080p.mkv",
        "TV/{T}/Season {s:02}/{t} - S{s:02}E{e:02}-{f} - {word}.mkv",
        "TV/{T}/{t} {s}x{e:02}-{f} {word}.avi",
        "TV/{T}/Season {s}/{t} S{s:02}E{e:02}-E{f} {word}.mkv",
        scripts=WESTERN,
    ),
    *_shapes(
        "adversarial: A. the end of a range", "accept", _range,
        "{t} Season {s} Episode {e}-{f} WEBRip.mkv", scripts=(LATIN,),
    ),
    *_shapes(
        "adversarial: B. a special behind an absolute number", "may", _special,
        "[Gull] {t} - {e:02} - {special} [1080p].mkv",
        "[Gull] {t} {special} - {e:02} [BD 720p].mkv",
    ),
    *_shapes(
        "adversarial: B. a special behind an absolute number", "wait", _show,
        "[Gull] {t} - {e:02}.5 [1080p].mkv", separators=SPACES, rows=3,
    ),
    *_shapes(
        "adversarial: B. a special behind an absolute number", "extra", _nothing,
        "[Gull] {t} - {e:02} - {credits} [BD 1080p].mkv", separators=(" ", "_"),
    ),
    *_shapes(
        "adversarial: C. an absolute number before the marker", "accept", _episode,
        "TV/{T}/Season {s}/{a} {t} S{s:02}E{e:02}.mkv",
        "TV/{T}/Season {s}/[Gull] {t} {a} {s}x{e:02}.mkv",
        "TV/{T}/Season {s}/#{a} {t} s{s:02}e{e:02} {word}.mkv",
        scripts=WESTERN,
    ),
    *_shapes(
        "adversarial: D. an extra named before the year", "extra", _nothing,
        "{t} {extra} {y} 1080p BluRay x264-GULL.mkv", scripts=WESTERN, rows=7,
    ),
    *_shapes(
        "adversarial: E. a folder for each episode", "accept", _episode,
        "TV/{T}/{U} - {s}. {ordinal_word}/{s}x{e:02} - {word}/{s}x{e:02} - {word}.avi",
        "TV/{T}/{T} - {s}. {ordinal_word}/S{s:02}E{e:02} {word}/{t} S{s:02}E{e:02}.mkv",
        scripts=WESTERN, separators=SPACES,
    ),
    *_shapes(
        "adversarial: F. a group before the title", "may", _episode,
        "{in_front} {t} s{s:02}e{e:02} 720p.mkv", scripts=(LATIN, ACCENTS), separators=("-",),
        cases=(str.lower, str),
    ),
    *_shapes(
        "adversarial: G. a title that ends in a number", "accept", _episode,
        "TV/{T}/{T} {season_word} {s}/{e:02} - {word}.mkv",
        "TV/{T}/{T} - {season_word} {s}/Episode {e:02}.mkv",
        "TV/{T}/{T} {season_word} {s}/{t} S{s:02}E{e:02}.mkv",
        scripts=WITH_NUMBERS,
    ),
    *_shapes(
        "adversarial: H. numbers that begin anew", "wait", _show,
        "TV/{T}/Season {s}/{disc_word} {p}/{e:02}.mkv",
        "TV/{T}/Seasons 1-{s}/Episode {e:02}.mkv",
        "TV/{T}/S01-S{s:02}/{e:02} {word}.mkv",
        rows=3,
    ),
    *_shapes(
        "adversarial: I. season and episode in one number", "accept", _episode,
        "Series/{T}/Temporada {s}/{t} Cap.{s}{e:02}.avi",
        "TV/{T}/Season {s}/{t} - {s}{e:02} - {word}.mkv",
        "TV/{T}/Season {s}/{t} {s}{e:02} 720p.mkv",
        scripts=WESTERN,
    ),
    *_shapes(
        "adversarial: I. season and episode in one number", "wait", _show,
        "TV/{T}/Season {later}/{t} - {s}{e:02} - {word}.mkv", scripts=WESTERN,
    ),
    *_shapes(
        "adversarial: J. an episode called like an extra", "may", _episode,
        "TV/{T}/Season {s}/{t} - S{s:02}E{e:02} - {like_extra}.mkv", rows=6,
    ),
    *_shapes(
        "adversarial: K. brackets around the marker", "accept", _titled,
        "TV/{T}/{t} [{s}x{e:02}] {word}.mkv",
        "TV/{T}/{t} ({s}x{e:02}) {word}.mkv",
        "TV/{T}/Season {s}/[S{s:02}E{e:02}] {word}.mkv",
        "{t} [S{s:02}E{e:02}] - {word}.mkv",
        scripts=WESTERN, cases=(str,), rows=3,
    ),
]  # fmt: skip

LIBRARY = [
    *_shapes(
        "library: one unknown word behind the year", "accept", _film,
        "Movies/{T} ({y})/{t} {y} {unknown} 1080p BluRay x264-GULL.mkv", rows=8,
    ),
    *_shapes("library: a size", "accept", _film, "Movies/{T} ({y})/{t} ({y}) {size}.mkv", rows=5),
    *_shapes(
        "library: a size", "accept", _episode,
        "TV/{T}/Season {s}/{t} S{s:02}E{e:02} {size}.mkv", rows=3,
    ),
    *_shapes(
        "library: another title, and the work's id", "accept", _film_of_id,
        "Movies/{T} ({y}) {{tmdb-{id}}}/{other} {y} 720p BluRay x264-GULL.mkv", rows=6,
    ),
    *_shapes(
        "library: a title in two halves", "accept", _film_in_halves,
        "Movies/{T} - {word} ({y})/{t} - {word} ({y}).mkv", rows=4,
    ),
    *_shapes(
        "library: a number behind a dash", "accept", _numbered_film,
        "Movies/{T} {s} ({y})/{t} - {s} ({y}).mkv", rows=4,
    ),
    *_shapes(
        "library: a second title behind AKA", "accept", _film,
        "Movies/{T} ({y})/{t} AKA {other} ({y}).mkv", rows=4,
    ),
    *_shapes(
        "library: no season in the show's folder", "accept", _counted,
        "TV/{T}/{t} E{e:02}.mkv", rows=5,
    ),
    *_shapes(
        "library: a season in words", "accept", _episode,
        "TV/{T}/Season {number_word}/Episode {e:02}.mkv", rows=3,
    ),
    *_shapes(
        "library: a version of the release", "accept", _episode,
        "TV/{T}/{t} S{s:02}E{e:02}v2.mkv", "TV/{T}/{t} {s}x{e:02}v3.avi", rows=3,
    ),
    *_shapes(
        "library: ranges and chains", "accept", _two,
        "TV/{T}/{t} S{s:02}E{e:02}&{g:02}.mkv",
        "TV/{T}/{t} {s:02}x{e:02}+{g:02}.mkv",
        "TV/{T}/{t} {s}x{e}-{s}x{g}.avi",
        rows=3,
    ),
    *_shapes(
        "library: ranges and chains", "accept", _range,
        "TV/{T}/Season {s}/E{e:02}-{f:02} {word}.mkv",
        "TV/{T}/{t} S{s} - {e:02}-{f:02}.mkv",
        rows=3,
    ),
    *_shapes(
        "library: compact dates", "accept", _dated,
        "TV/{T}/{t} {y}{m:02}{d:02}.ts", "TV/{T}/Season {y}/{t} - {y}{m:02}{d:02}.ts", rows=3,
    ),
]  # fmt: skip

SCENE = [
    *_shapes(
        "scene: one unknown word", "accept", _film,
        "{t} {y} {unknown} 1080p WEB-DL DDP5.1 H.264-GULL.mkv",
        "{t} {y} 1080p WEB-DL {unknown} H.264-GULL.mkv",
        separators=(".", " "), rows=8,
    ),
    *_shapes("scene: a film that was recorded", "accept", _film, "{t} {y} 720p HDTV x264-GULL.mkv", separators=(".",)),
    *_shapes(
        "scene: a version of the release", "accept", _episode,
        "{t} S{s:02}E{e:02}v2 720p WEB-DL.mkv", separators=(".", " "),
    ),
    *_shapes(
        "scene: all in brackets", "accept", _absolute,
        "[Gull][{T}][{a}][1080p][CHT].mkv", rows=8, **AS_IT_IS,
    ),
]  # fmt: skip

CONVENTIONS = [
    *_shapes(
        "conventions: parts of episodes", "accept", _part_of_episode,
        "TV/{T} ({y})/Season {s:02}/{t} ({y}) - s{s:02}e{e:02} - pt{p}.mkv",
        "TV/{T} ({y})/Season {s:02}/{t} S{s:02}E{e:02} Part {p}.mkv",
        rows=3,
    ),
    *_shapes(
        "conventions: parts of films", "accept", _part_of_film,
        "Movies/{T} ({y})/{t} ({y}) - {stack}{p}.mkv", siblings=("{t} ({y}) - {stack}{q}.mkv",), rows=4,
    ),
    *_shapes(
        "conventions: two episodes", "accept", _two,
        "TV/{T}/Season {s}/{t} {s}x{e:02}_{g:02}.mkv",
        "TV/{T}/Season {s}/{t} S{s:02}E{e:02}x{g:02}.mkv",
        rows=3,
    ),
    *_shapes(
        "conventions: discs", "accept", _episode,
        "TV/{T}/Season {s}/{T} S{s:02}E{e:02}/VIDEO_TS/VTS_01_1.VOB", rows=4, **AS_IT_IS,
    ),
    *_shapes(
        "conventions: discs", "accept", _part_of_film,
        "Movies/{T} ({y})/{T} Disc {p}/VIDEO_TS/VTS_01_1.VOB", rows=4, **AS_IT_IS,
    ),
    *_shapes(
        "conventions: a folder of days", "accept", _dated,
        "TV/{T}/{y}-{m:02}-{d:02}.mp4", siblings=("{y}-{m:02}-02.mp4", "{y}-{m:02}-09.mp4"), rows=4,
    ),
    *_shapes(
        "extras: folders and suffixes", "ignore", _nothing,
        "Movies/{T} ({y})/{word}-{suffix}.mkv",
        "Movies/{T} ({y})/{folder}/{word}.mkv",
        "TV/{T}/Season {s}/{folder}/{word}.mkv",
        cases=(str,), rows=7,
    ),
    *_shapes(
        "extras: named in the file", "extra", _nothing,
        "Movies/{T} ({y})/{t} ({y}) - {extra}.mkv",
        "{t} {y} {extra} 720p WEB-DL x264-GULL.mkv",
        scripts=WESTERN, rows=7,
    ),
]  # fmt: skip

SETS = [
    *_shapes("sets: a bare number behind the folder's title", "accept", _counted, "Anime/{T}/{t} {e:02}.mkv", rows=6),
    *_shapes(
        "sets: a bare number behind the folder's title", "accept", _episode,
        "TV/{T}/Season {s}/{t} {e:02}.mkv", "TV/{T}/Season {s}/{t} {e:02} {word}.mkv", rows=2,
    ),
    *_shapes(
        "sets: a group, and a bare number", "accept", _counted,
        "Anime/{T}/[Gull] {t} - {e:02} [720p].mkv", "Anime/{T}/[Gull] {t} {e:02} (BD 1080p).mkv", rows=2,
    ),
    *_shapes(
        "sets: a locale's word or sign", "accept", _episode,
        "TV/{T}/Season {s}/{episode_word} {e}.mkv", scripts=WESTERN, separators=SPACES,
    ),
    *_shapes("sets: one digit beside two", "accept", _episode, "TV/{T}/{t} {s}x{e}.avi", rows=2),
    *_shapes(
        "sets: a word without a season", "accept", _counted,
        "TV/{T}/{t} Ep{e:02}.mkv", "TV/{T}/{t} Part {e}.mkv", rows=2,
    ),
]  # fmt: skip

SIBLINGS_IN_A_SET = 12


def rows() -> Iterator[Row]:
    """Yield every row, always in the same order."""
    for number, shape in enumerate([*ADVERSARIAL, *LIBRARY, *SCENE, *CONVENTIONS]):
        for variant in range(shape.rows):
            drawn = _draw(shape, number, variant)
            path, *siblings = (_written(shape, form, drawn, number + variant) for form in (shape.path, *shape.siblings))
            yield _row(shape, drawn, path, tuple(siblings))
    for number, shape in enumerate(SETS):
        for variant in range(shape.rows):
            yield from _set(shape, number, variant)


def _set(shape: Shape, number: int, variant: int) -> Iterator[Row]:
    one = _draw(shape, number, variant)
    drawn = [_numbered(one, count) for count in range(1, SIBLINGS_IN_A_SET + 1)]
    paths = [_written(shape, shape.path, each, number + variant) for each in drawn]
    names = [path.rpartition("/")[2] for path in paths]
    for each, path, own in zip(drawn, paths, names, strict=True):
        siblings = tuple(name for name in names if name != own)
        yield _row(shape, each, path, siblings, f"{shape.path} of {one.title}")


def _draw(shape: Shape, number: int, variant: int) -> Drawn:
    """Count out a title and numbers: other ones for each shape, and for each variant of it."""
    count = 7 * number + 5 * variant
    script = shape.scripts[variant % len(shape.scripts)]
    episode = 2 + 3 * count % 5
    return Drawn(
        title=script[(number + variant // len(shape.scripts)) % len(script)],
        season=2 + count % 6,
        episode=episode,
        end=episode + 2 - count % 2,
        absolute=23 + 13 * count % 300,
        year=2003 + 11 * count % 20,
        day=13 + count % 15,
        part=1 + variant % 2,
        words={name: choices[(number + variant) % len(choices)] for name, choices in CHOICES.items()},
    )


def _numbered(one: Drawn, episode: int) -> Drawn:
    titles = CHOICES["word"]
    words = {**one.words, "word": titles[episode % len(titles)] + " Again" * (episode // len(titles))}
    return Drawn(
        title=one.title, season=one.season, episode=episode, end=episode, absolute=one.absolute, year=one.year,
        day=one.day, part=one.part, words=words,
    )  # fmt: skip


def _written(shape: Shape, form: str, drawn: Drawn, count: int) -> str:
    """Fill in a form. Separators and cases change in the file's name alone, and not in its ending."""
    folders, slash, name = form.format(**drawn.fields, t=drawn.title).rpartition("/")
    stem, dot, ending = name.rpartition(".")
    separator = shape.separators[count % len(shape.separators)]
    case = shape.cases[count // len(shape.separators) % len(shape.cases)]
    return folders + slash + case(stem.replace(" ", separator)) + dot + ending


def _row(shape: Shape, drawn: Drawn, path: str, siblings: tuple[str, ...], set_name: str = "") -> Row:
    return Row(
        file=FILE,
        shape=shape.name,
        clues=Clues(path=path, siblings=siblings),
        must=shape.must,
        expected=shape.expected(drawn),
        why=shape.path,
        set_name=set_name,
    )
