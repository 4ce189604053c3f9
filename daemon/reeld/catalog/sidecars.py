"""Read and write the rows of sidecars as scans see them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from reeld.catalog.folders import sidecars_inside
from reeld.catalog.models import Sidecar
from reeld.database.statements import change, insert_rows, rows
from reeld.domain.sidecars import SidecarName

_SEEN = "SELECT filename, size_bytes, mtime_ns, clues FROM sidecars WHERE library_id = ? AND directory = ?"

_COLUMNS = (
    *("path", "directory", "filename", "kind", "owner", "video_path", "language", "is_forced", "is_sdh", "is_default"),
    *("title", "size_bytes", "mtime_ns", "clues"),
)
_IN_DIRECTORY = f"SELECT id, {', '.join(_COLUMNS)} FROM sidecars WHERE library_id = ? AND directory = ?"  # noqa: S608

_path = Sidecar.path.db_value
_text = Sidecar.title.db_value


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenSidecar:
    """A sidecar in a listing, and what its name says."""

    name: str
    size_bytes: int
    mtime_ns: int
    read: SidecarName


def is_any_known(library_id: int, below: str) -> bool:
    """Tell whether the catalogue has a sidecar at or below this folder; "" is the whole library."""
    return bool(Sidecar.select(Sidecar.id).where(sidecars_inside(library_id, below)).limit(1).tuples())


def as_seen_in_directory(library_id: int, directory: str) -> list[tuple[Any, ...]]:
    """Name, size, mtime and clues of the folder's sidecars, with SQLite's own values."""
    return rows(_SEEN, library_id, _path(directory))


def stored_name(name: str) -> Any:
    """Return the name as `as_seen_in_directory` has it."""
    return name if name.isascii() else _path(name)


def record(
    library_id: int, directory: str, seen: Sequence[SeenSidecar], *, unknown: Collection[str], clues: int
) -> None:
    """Make the rows of a folder those of its sidecars; within the caller's transaction.

    The rows of the `unknown` names, whose `stat` failed, stay as they are.
    """
    before = {row[3]: (row[0], row[1:]) for row in rows(_IN_DIRECTORY, library_id, _path(directory))}
    now = {row[2]: row for row in (_row(directory, each, clues) for each in seen)}
    kept = {_path(name) for name in unknown}
    for name, (row_id, row) in before.items():
        if name in now and row[:-1] == now[name][:-1]:
            if row != now.pop(name):
                change("UPDATE sidecars SET clues = ? WHERE id = ?", clues, row_id)
        elif name not in kept:
            change("DELETE FROM sidecars WHERE id = ?", row_id)
    insert_rows(Sidecar, {"library": library_id}, _COLUMNS, now.values())


def _row(directory: str, seen: SeenSidecar, clues: int) -> tuple[Any, ...]:
    read = seen.read
    place = (_path(f"{directory}/{seen.name}" if directory else seen.name), _path(directory), _path(seen.name))
    flags = (int(read.is_forced), int(read.is_sdh), int(read.is_default))
    what = (read.kind, read.owner, _path(read.video), read.language, *flags, _text(read.title))
    return (*place, *what, seen.size_bytes, seen.mtime_ns, clues)


def directories(library_id: int, below: str, *, after: str | None, most: int) -> list[str]:
    """List folders at or below this one that have sidecars, in SQLite's order, behind `after`."""
    wanted = sidecars_inside(library_id, below)
    if after is not None:
        wanted &= Sidecar.directory > after
    found = Sidecar.select(Sidecar.directory).where(wanted).distinct().order_by(Sidecar.directory).limit(most)
    return [directory for (directory,) in found.tuples()]


def forget(library_id: int, gone: Collection[str]) -> None:
    """Delete the rows of these folders; within the caller's transaction."""
    for directory in gone:
        change("DELETE FROM sidecars WHERE library_id = ? AND directory = ?", library_id, _path(directory))
