"""Makes a catalogue of as many files as are asked for, without any file: for questions about it.

Of 100 files about 70 are episodes, 26 films, 3 pending. Two in a hundred are copies, two are links, three are missing.
Titles are made of a fixed vocabulary, in which few words are common. Each run makes the same.
"""

import itertools
import random
import sqlite3
from bisect import bisect
from collections.abc import Iterator
from pathlib import Path

from reeld.database.base import database
from reeld.database.connection import close_catalog, open_catalog
from reeld.domain.titles import title_key

LIBRARIES = ("Films", "Series", "Kids")


def _words(text: str) -> list[str]:
    return text.split()


_COMMON = _words(
    """the of and night day love dead man woman city blood house king last first dark light star war return secret lost
    girl boy world life death story road river fire ice black white red blue green golden silent quiet wild good bad
    great little big café été naïve straße 北京 東京 愛"""
)
_SYLLABLES = _words("ka ro mi ten sol var lin dor est pha qui zel mor an bri cha del fen gor hul")
_RARE_WORDS = 22_000

_PICTURES = ((1920, 1080), (1920, 800), (1280, 720), (3840, 2160), (3840, 1600), (720, 576), (640, 480), (720, 404))
_PICTURE_WEIGHTS = (40, 15, 20, 6, 4, 6, 5, 4)
_CODECS = ("h264", "hevc", "av1", "mpeg4", "mpeg2video")
_CODEC_WEIGHTS = (55, 32, 4, 7, 2)
_RANGES = (None, "HDR10", "Dolby Vision", "HDR10+", "HLG")
_RANGE_WEIGHTS = (30, 40, 20, 5, 2)
_LANGUAGES = ('["en"]', '["en", "fr"]', '["de", "en"]', '["fr"]', '["ja"]', "[]", '["es"]', '["hi"]', '["pt-BR"]')
_LANGUAGE_WEIGHTS = (60, 8, 8, 5, 6, 5, 3, 0.05, 5)
_SUBTITLES = ("[]", '["en"]', '["de", "en", "fr"]', '["fr"]')

_MOMENT = "2026-01-01T00:00:00.000Z"
_DONE = '{"name":1,"fingerprint":1,"probe":1,"identify":1,"hash":1,"match_copies":1}'
_BATCH = 5000

_FILE_COLUMNS = _words(
    """id library_id path directory filename size_bytes mtime_ns ctime_ns inode device links state first_seen_at
    changed_at missing_since kind movie_id verdict decided_by confidence evidence reason fingerprint oshash file_hash
    container duration_ms resolution_width resolution_height codec_video codec_audio hdr languages subtitle_languages
    stages_done is_in_doubt"""
)


def make_catalogue(path: Path, files: int, *, seed: int = 7) -> None:
    """Make the catalogue at `path`, and close it. The search index is not filled yet."""
    open_catalog(str(path), create=True)
    try:
        connection = database.connection()
        connection.execute("BEGIN IMMEDIATE")
        maker = _Maker(random.Random(seed), files)
        for table, columns, rows in maker.works():
            _insert(connection, table, columns, rows)
        batches = maker.files()
        while batch := list(itertools.islice(batches, _BATCH)):
            _insert(connection, "video_files", _FILE_COLUMNS, (row for row, _ in batch))
            links = ((episode, row[0]) for row, episode in batch if episode is not None)
            _insert(connection, "episode_files", ["episode_id", "video_file_id"], links)
        connection.execute("COMMIT")
    finally:
        close_catalog()


def _insert(connection: sqlite3.Connection, table: str, columns: list[str], rows: Iterator[tuple[object, ...]]) -> None:
    places = ", ".join("?" * len(columns))
    connection.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})", rows)


class _Maker:
    def __init__(self, randomly: random.Random, files: int) -> None:
        self._random = randomly
        self._files = files
        rare = {"".join(randomly.choices(_SYLLABLES, k=randomly.randint(2, 4))) for _ in range(_RARE_WORDS)}
        self._words = [*_COMMON, *sorted(rare)]
        # The n-th word is n times rarer than the first, as in real titles.
        self._weights = list(itertools.accumulate(1 / (rank + 1) for rank in range(len(self._words))))
        self._films: list[tuple[str, int]] = []
        self._series: list[str] = []
        self._episodes: list[tuple[int, int, int]] = []
        """The series, the season and the number of each."""

    def _title(self, most: int) -> str:
        count = self._random.randint(1, most)
        picked = (bisect(self._weights, self._random.random() * self._weights[-1]) for _ in range(count))
        return " ".join(self._words[place].title() for place in picked)

    def works(self) -> Iterator[tuple[str, list[str], Iterator[tuple[object, ...]]]]:
        """Yield tables with their columns and rows."""
        yield (
            "libraries",
            ["id", "name", "path", "kind", "state"],
            ((number, name, f"/srv/{name}", "auto", "online") for number, name in enumerate(LIBRARIES, 1)),
        )
        common = ["id", "title", "title_key", "year", "genres", "created_at", "updated_at"]
        yield "movies", [*common, "tmdb_id"], self._make_films(max(1, self._files * 6 // 100))
        yield "series", [*common, "tvdb_id"], self._make_series(max(1, self._files * 8 // 1000))
        columns = ["id", "series_id", "season_number", "episode_number", "title", "created_at", "updated_at"]
        yield "episodes", columns, self._make_episodes(self._files * 7 // 10)

    def _make_films(self, count: int) -> Iterator[tuple[object, ...]]:
        for number in range(1, count + 1):
            title, year = self._title(4), self._random.randint(1920, 2026)
            self._films.append((title, year))
            tmdb_id = number * 7 if self._random.random() < 0.7 else None
            yield number, title, title_key(title), year, "[]", _MOMENT, _MOMENT, tmdb_id

    def _make_series(self, count: int) -> Iterator[tuple[object, ...]]:
        for number in range(1, count + 1):
            title = self._title(3)
            self._series.append(title)
            yield number, title, title_key(title), self._random.randint(1950, 2026), "[]", _MOMENT, _MOMENT, number * 5

    def _make_episodes(self, count: int) -> Iterator[tuple[object, ...]]:
        numbers = itertools.count(1)
        for series in range(1, len(self._series) + 1):
            left = max(1, count // len(self._series))
            for season in itertools.count(1):
                length = min(left, self._random.choice([8, 10, 12, 22, 24]))
                for episode in range(1, length + 1):
                    # Some are missing.
                    if self._random.random() >= 0.005:
                        self._episodes.append((series, season, episode))
                        title = self._title(4) if self._random.random() < 0.63 else None
                        yield next(numbers), series, season, episode, title, _MOMENT, _MOMENT
                left -= length
                if left <= 0:
                    break

    def files(self) -> Iterator[tuple[tuple[object, ...], int | None]]:
        """Yield the rows of files, each with the episode that it holds."""
        content: tuple[int, str, int] | None = None
        episodes = itertools.cycle(range(1, len(self._episodes) + 1))
        for number in range(1, self._files + 1):
            what = self._random.random()
            size, file_hash, inode = (
                int(self._random.lognormvariate(21, 1)),
                f"{self._random.getrandbits(128):032x}",
                number,
            )
            links = 1
            same = self._random.random()
            if content is not None and same < 0.02:
                size, file_hash, _ = content
            elif content is not None and same < 0.04:
                (size, file_hash, inode), links = content, 2
            elif same < 0.05:
                links = 2  # with a name elsewhere
            content = size, file_hash, inode
            kind = movie = episode = reason = None
            verdict, library, folder = "accepted", 1, f"in/{number % 1000}"
            name = f"{self._title(4)} {number}"
            if what < 0.03:
                verdict, reason = "pending", "the year is not known"
            elif what < 0.035:
                verdict, reason, name = "ignored", "its name ends in '-trailer': not the work itself", f"{name}-trailer"
            elif what < 0.3:
                kind, movie, library = "movie", number * 7919 % len(self._films) + 1, 1 if number % 9 else 3
                title, year = self._films[movie - 1]
                folder = f"{title} ({year})"
                name = f"{folder} {number}"
            else:
                kind, episode, library = "episode", next(episodes), 2
                series, season, place = self._episodes[episode - 1]
                folder = f"{self._series[series - 1]} {series}/Season {season:02}"
                name = f"{self._series[series - 1]} - S{season:02}E{place:02} {number}"
            width, height = self._random.choices(_PICTURES, _PICTURE_WEIGHTS)[0]
            hdr = self._random.choices(_RANGES, _RANGE_WEIGHTS)[0] if width == 3840 else None
            is_missing = self._random.random() < 0.03
            day = self._random.randrange(5 * 360)
            seen = f"{2021 + day // 360}-{day % 360 // 30 + 1:02}-{day % 28 + 1:02}T12:{number % 60:02}:00.000Z"
            yield (
                (
                    number, library, f"{folder}/{name}.mkv", folder, f"{name}.mkv", size, 1, 1, inode, 7, links,
                    "missing" if is_missing else "present", seen, seen, _MOMENT if is_missing else None, kind, movie,
                    verdict, "reeld", 0.99, "[]", reason, file_hash[:16], file_hash[16:], file_hash, "matroska",
                    self._random.randint(1_200_000, 9_000_000), width, height,
                    self._random.choices(_CODECS, _CODEC_WEIGHTS)[0], "aac", hdr,
                    self._random.choices(_LANGUAGES, _LANGUAGE_WEIGHTS)[0], self._random.choice(_SUBTITLES), _DONE,
                    False,
                ),
                episode,
            )  # fmt: skip
