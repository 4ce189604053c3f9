"""What do the disks hold, and what does the catalogue say? Read by the plainest means, without reeld's code."""

import contextlib
import os
import stat
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from peewee import sqlite3

from tests.model.bytes import content_of
from tests.query.recount import wrong_sums
from tests.service.harness import ENDINGS, LEFT_ALONE

Row = dict[str, Any]


# --- the disk --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Seen:
    size_bytes: int
    mtime_ns: int
    content: str
    """Empty where we may not read it either."""
    is_readable: bool
    dark_since_ns: int = 0
    """When a folder above it was closed or got its name, by the wall clock; 0 where none is closed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What a library's disk holds. Of what is dark the daemon can know nothing; we may, where we are root."""

    name: str
    lit: Mapping[str, Seen]
    dark: Mapping[str, Seen] = field(default_factory=dict)
    dark_folders: tuple[str, ...] = ()
    """All at and below these; "" is the whole library."""
    hidden: Mapping[str, Seen] = field(default_factory=dict)
    """Videos whose names the rules leave alone; a known file that got such a name may keep its row."""
    sidecars: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Size and mtime of each subtitle and .nfo that the daemon can look at."""
    named: frozenset[str] = frozenset()
    """All that has a video's name there, also links."""

    def is_dark(self, path: str) -> bool:
        return any(folder in ("", path) or path.startswith(f"{folder}/") for folder in self.dark_folders)


def look_at(name: str, root: str, *, dark_folders: Collection[str] = (), is_dark: bool = False) -> Sight:
    """Walk the library. `dark_folders`: relative paths of disks that are away; `is_dark`: the whole library is."""
    if is_dark:
        return Sight(name=name, lit={}, dark_folders=("",))
    lit: dict[str, Seen] = {}
    dark: dict[str, Seen] = {}
    forbidden = set(dark_folders)
    hidden: dict[str, Seen] = {}
    sidecars: dict[str, tuple[int, int]] = {}
    named: set[str] = set()
    pending = [("", 0, 0)]
    while pending:
        relative, changed_ns, dark_since_ns = pending.pop()
        folder = os.path.join(root, relative) if relative else root
        with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError), os.scandir(folder) as entries:
            for entry in entries:
                path = f"{relative}/{entry.name}" if relative else entry.name
                if not dark_since_ns:
                    _note_beside(entry, path, sidecars, named)
                if entry.is_dir(follow_symlinks=False):
                    if _is_left_alone(entry.name):
                        continue
                    status = entry.stat(follow_symlinks=False)
                    newest_ns = max(changed_ns, status.st_ctime_ns)
                    may_enter = status.st_mode & 0o500 == 0o500
                    if not may_enter:
                        forbidden.add(path)
                    pending.append((path, newest_ns, 0 if may_enter and not dark_since_ns else newest_ns))
                elif entry.is_file(follow_symlinks=False) and _is_hidden_video(entry.name):
                    hidden[path] = _see(entry, dark_since_ns)
                elif entry.is_file(follow_symlinks=False) and _is_video(entry.name):
                    (dark if dark_since_ns else lit)[path] = _see(entry, dark_since_ns)
    dark_and_closed = tuple(sorted(forbidden))
    return Sight(
        name=name,
        lit=lit,
        dark=dark,
        dark_folders=dark_and_closed,
        hidden=hidden,
        sidecars=sidecars,
        named=frozenset(named),
    )


def _note_beside(entry: "os.DirEntry[str]", path: str, sidecars: dict[str, tuple[int, int]], named: set[str]) -> None:
    if _is_video(entry.name) and not entry.is_dir(follow_symlinks=False):
        named.add(path)
    if _is_sidecar(entry.name) and entry.is_file(follow_symlinks=False):
        status = entry.stat(follow_symlinks=False)
        sidecars[path] = (status.st_size, status.st_mtime_ns)


def _see(entry: "os.DirEntry[str]", dark_since_ns: int) -> Seen:
    status = entry.stat(follow_symlinks=False)
    try:
        content = content_of(entry.path)
    except PermissionError:
        content = ""
    return Seen(status.st_size, status.st_mtime_ns, content, bool(stat.S_IMODE(status.st_mode) & 0o400), dark_since_ns)


def _is_video(name: str) -> bool:
    return name.endswith(ENDINGS) and not name.startswith(".")


def _is_sidecar(name: str) -> bool:
    return name.endswith((".srt", ".nfo")) and not name.startswith(".")


def _is_hidden_video(name: str) -> bool:
    return name.endswith(ENDINGS) and name.startswith(".")


def _is_left_alone(name: str) -> bool:
    return name in LEFT_ALONE or (name.startswith(".") and not name.startswith("...")) or name.startswith("_UNPACK_")


# --- the catalogue ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    rows: Mapping[int, Row]
    """Of video_files by id; with `library` (its name), `path` as os.fsdecode gives it, and `movie_title`."""
    jobs: Mapping[int, Row]
    """By the file's id."""
    questions: Sequence[Row]
    """Those that are open."""
    states: Mapping[str, str]
    """Of libraries by name."""
    sidecars: Sequence[Row]
    damage: tuple[str, ...]

    def present(self, library: str) -> list[Row]:
        return [row for row in self.rows.values() if row["library"] == library and row["state"] == "present"]


def read_catalogue(path: str) -> Catalogue:
    """What another program reads; by the driver that reeld uses: two copies of SQLite in one process lose locks."""
    with contextlib.closing(sqlite3.connect(path, timeout=10)) as connection:
        connection.row_factory = sqlite3.Row
        connection.execute("BEGIN")

        def ask(sql: str) -> list[Row]:
            return [dict(row) for row in connection.execute(sql)]

        rows = ask(
            "SELECT video_files.*, libraries.name AS library, movies.title AS movie_title FROM video_files "
            "JOIN libraries ON libraries.id = library_id LEFT JOIN movies ON movies.id = movie_id"
        )
        damage = [str(row) for row in ask("PRAGMA foreign_key_check")]
        sums = wrong_sums(lambda sql: connection.execute(sql).fetchall())
        damage += [f"a kept sum is not what a recount gives: {row}" for row in sums]
        damage += [text for row in ask("PRAGMA quick_check") if (text := str(*row.values())) != "ok"]
        return Catalogue(
            rows={row["id"]: row | {"path": _decoded(row["path"])} for row in rows},
            jobs={row["video_file_id"]: row for row in ask("SELECT * FROM jobs")},
            questions=ask("SELECT * FROM pending_validations WHERE validation_status = 'pending'"),
            sidecars=_sidecars(connection),
            states={row["name"]: row["state"] for row in ask("SELECT name, state FROM libraries")},
            damage=tuple(damage),
        )


def read_sidecars(path: str) -> dict[tuple[str, str], Row]:
    """Read the sidecars by library and path, without their ids: these tell in which order they came."""
    with contextlib.closing(sqlite3.connect(path, timeout=10)) as connection:
        connection.row_factory = sqlite3.Row
        return {(row["library"], row["path"]): row for row in _sidecars(connection)}


def _sidecars(connection: Any) -> list[Row]:
    found = connection.execute(
        "SELECT sidecars.*, libraries.name AS library FROM sidecars JOIN libraries ON libraries.id = library_id"
    )
    rows = [dict(row) for row in found]
    paths = ("path", "directory", "filename", "video_path")
    return [
        {name: value for name, value in row.items() if name not in ("id", "library_id", *paths)}
        | {name: None if row[name] is None else _decoded(row[name]) for name in paths}
        for row in rows
    ]


Verdicts = Mapping[tuple[str, str], Row]
"""What the catalogue says each file is, by library and path."""


def read_verdicts(path: str) -> Verdicts:
    """Read the work of each file, in words: ids of rows depend on the order of arrival."""
    with contextlib.closing(sqlite3.connect(path, timeout=10)) as connection:
        connection.row_factory = sqlite3.Row
        found = connection.execute(
            """
            SELECT libraries.name AS library, video_files.path, video_files.state, file_hash, verdict,
                decided_by, video_files.kind, part, edition, video_files.reason, movies.title, movies.year,
                movies.tmdb_id, min(series.title) AS series,
                group_concat(series.title || ' ' || COALESCE(series.year, '') || ' ' || COALESCE(series.tmdb_id, '')
                    || ' ' || COALESCE(season_number, '') || ' ' || COALESCE(episode_number, '') || ' '
                    || COALESCE(episodes.absolute_number, ''), ' and ') AS episodes
            FROM video_files JOIN libraries ON libraries.id = library_id
            LEFT JOIN movies ON movies.id = movie_id
            LEFT JOIN episode_files ON video_file_id = video_files.id
            LEFT JOIN episodes ON episodes.id = episode_id LEFT JOIN series ON series.id = series_id
            GROUP BY video_files.id
            """
        )
        rows = [dict(row) for row in found]
        return {(row.pop("library"), _decoded(row.pop("path"))): row for row in rows}


def _decoded(path: str | bytes) -> str:
    return os.fsdecode(path) if isinstance(path, bytes) else path
