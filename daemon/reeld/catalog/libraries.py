"""The rows of libraries: matched with the configuration, their states, and what users accepted."""

import contextlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from peewee import sqlite3 as driver

from reeld.catalog import assignments
from reeld.catalog.models import Library, VideoFile
from reeld.config import Library as ConfiguredLibrary
from reeld.database.connection import reading
from reeld.database.fields import utc_from_ms
from reeld.domain.files import readable
from reeld.domain.identity import LibraryKind
from reeld.domain.states import FileState, LibraryState
from reeld.errors import NotFoundError, UsageError


def sync_libraries(configured: Sequence[ConfiguredLibrary], now_ms: int) -> dict[str, int]:
    """Make the rows match the configuration; return the id of each configured library by its name.

    A library is known by its name: if its path changed, it moved with all its files. The exception is a folder whose
    library is not configured any more: that library was renamed. A library that is not configured any more keeps its
    row and its files' rows, whose present files get a state of their own. Files that turn up in another library move
    there (`scanner/moved_files.py`).
    """
    names = [library.name for library in configured]
    # Find all before changing any: rows in use until now differ from rows that were removed long ago.
    found = [(library, _row_of(library, names)) for library in configured]
    kept = [row.id for _, row in found if row is not None]
    not_configured = {"state": LibraryState.REMOVED, "state_reason": "not in the configuration"}
    Library.update(**not_configured).where(Library.id.not_in(kept)).execute()
    removed = Library.select(Library.id).where(Library.id.not_in(kept))
    changed = _change_states(VideoFile.library.in_(removed), FileState.PRESENT, FileState.LIBRARY_REMOVED)
    back = [row.id for _, row in found if row is not None and row.state == LibraryState.REMOVED]
    changed += _change_states(VideoFile.library.in_(back), FileState.LIBRARY_REMOVED, FileState.PRESENT)
    assignments.count_again(changed, now_ms)
    return {library.name: _sync(library, row) for library, row in found}


def _change_states(where: Any, before: FileState, after: FileState) -> list[int]:
    """Change the state of these files; return their ids."""
    changed = where & (VideoFile.state == before)
    ids = [row_id for (row_id,) in VideoFile.select(VideoFile.id).where(changed).tuples()]
    VideoFile.update(state=after).where(changed).execute()
    return ids


def name_of_folder(path: str, configured: Iterable[ConfiguredLibrary], database_path: str) -> str:
    """Name a library that no configuration names, by its last folder; a second one of that name gets ` (2)`.

    A folder that the catalogue knows keeps its name, unless that is the path, as it was formerly.
    """
    known = _names_and_paths(database_path)
    taken = {library.name for library in configured if library.path != path}
    taken |= {name for name, where in known if where != path}
    folder = os.path.basename(path) or path
    own = [name for name, where in known if where == path and name != path and name not in taken]
    name, number = own[-1] if own else folder, 2
    while name in taken:
        name, number = f"{folder} ({number})", number + 1
    return name


def _names_and_paths(database_path: str) -> list[tuple[str, str]]:
    """Read all libraries' names and paths, oldest first, before the catalogue is opened and of any schema.

    Empty where they cannot be read: the one who opens the catalogue says why.
    """
    with contextlib.suppress(driver.Error, OSError):
        with contextlib.closing(driver.connect(f"{Path(database_path).as_uri()}?mode=ro", uri=True)) as connection:
            found = connection.execute("SELECT name, path FROM libraries ORDER BY id").fetchall()
        return [(Library.name.python_value(name), Library.path.python_value(path)) for name, path in found]
    return []


def set_state(library_id: int, state: LibraryState, reason: str | None, now_ms: int) -> None:
    values = {"state": state, "state_reason": reason, "checked_at": utc_from_ms(now_ms)}
    Library.update(**values).where(Library.id == library_id).execute()


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryStatus:
    """A library's state when it was last checked, and whether a user accepted it since."""

    name: str
    state: LibraryState
    state_reason: str | None
    filesystem_identity: dict[str, Any] | None
    is_accepted: bool


def library_status(library_id: int) -> LibraryStatus:
    row = Library.get_by_id(library_id)
    return LibraryStatus(
        name=row.name,
        state=LibraryState(row.state),
        state_reason=row.state_reason,
        filesystem_identity=row.filesystem_identity,
        is_accepted=row.is_accepted,
    )


def all_roots() -> dict[int, str]:
    """The paths of all libraries by their ids, also of those that are not configured any more."""
    return dict(Library.select(Library.id, Library.path).tuples())


def roots_not_configured() -> dict[int, str]:
    """The paths of the libraries that are not configured any more, by their ids."""
    return dict(Library.select(Library.id, Library.path).where(Library.state == LibraryState.REMOVED).tuples())


def remember_filesystem_identity(library_id: int, filesystem_identity: dict[str, Any]) -> None:
    Library.update(filesystem_identity=filesystem_identity).where(Library.id == library_id).execute()


def accept(name: str) -> None:
    """Record that a user accepts what is at the library's path now; files that are not there are gone.

    The scanner of the library notices; see `end_acceptance`. Raises NotFoundError, and UsageError when nothing waits
    for this.
    """
    row = Library.get_or_none(Library.name == name)
    if row is None:
        raise NotFoundError(f"no library is called {readable(name)}", "see `reeld list libraries`")
    if not (
        row.state in (LibraryState.UNVERIFIED, LibraryState.ON_HOLD) or (row.filesystem_identity or {}).get("away")
    ):
        state = row.state.replace("_", " ")
        what = f"{state} ({row.state_reason})" if row.state_reason else state
        raise UsageError(
            f"{readable(name)} is {readable(what)}, so there is nothing to accept",
            "accept a library that is unverified or on hold, or that lacks a folder's disk",
        )
    Library.update(is_accepted=True).where(Library.id == row.id).execute()


def end_acceptance(library_id: int) -> None:
    """Forget the acceptance once all of it is recorded; later deletions need another."""
    Library.update(is_accepted=False).where(Library.id == library_id).execute()


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The row of a configured library."""

    id: int
    name: str
    path: str
    kind: LibraryKind
    state: LibraryState


def known_as(library: ConfiguredLibrary, names: Sequence[str]) -> Known | None:
    """Find the row that `sync_libraries` would use for this one of the configured `names`; None for a new one."""
    with reading():
        row = _row_of(library, names)
    if row is None:
        return None
    return Known(
        id=row.id, name=row.name, path=row.path, kind=cast("LibraryKind", row.kind), state=LibraryState(row.state)
    )


def of_another_kind(configured: Sequence[ConfiguredLibrary]) -> list[int]:
    """Find the ids of libraries whose kind changed: names in them may mean something else now."""
    names = [library.name for library in configured]
    found = [(library.kind, known_as(library, names)) for library in configured]
    return [known.id for kind, known in found if known is not None and known.kind != kind]


def _row_of(library: ConfiguredLibrary, names: Sequence[str]) -> Library | None:
    row: Library | None = Library.get_or_none(Library.name == library.name)
    if row is not None and row.path == library.path:
        return row
    # A removed library's name may be used again, for a library that is known under another name.
    renamed = _renamed(library, names)
    if row is None or row.state == "removed":
        return renamed or row
    # So may the name of one that is removed now. But a folder removed before may be the copy to which this one moves.
    return row if renamed is None or renamed.state == LibraryState.REMOVED else renamed


def _sync(library: ConfiguredLibrary, row: Library | None) -> int:
    state = {"state": LibraryState.OFFLINE, "state_reason": "not scanned yet"}
    values = {"name": library.name, "path": library.path, "kind": library.kind}
    if row is None or row.name != library.name:
        _give_up_name(library.name)
    if row is None:
        return int(Library.insert(**values, **state).execute())
    moved_or_back = row.path != library.path or row.state == LibraryState.REMOVED
    Library.update(**values, **(state if moved_or_back else {})).where(Library.id == row.id).execute()
    return int(row.id)


def _give_up_name(name: str) -> None:
    """Add its id to the name of a library that is not configured any more, to free the name."""
    namesake = Library.get_or_none(Library.name == name)
    if namesake is None:
        return
    other = f"{name} ({namesake.id})"
    while Library.get_or_none(Library.name == other) is not None:
        other = f"{other} ({namesake.id})"
    Library.update(name=other).where(Library.id == namesake.id).execute()


def _renamed(library: ConfiguredLibrary, names: Sequence[str]) -> Library | None:
    """Find the row of the same folder under a name that is not configured any more: it was only renamed.

    A second row would give every file in it a second identity, without the first one's decisions.
    """
    same_folder = Library.select().where(Library.path == library.path, Library.name.not_in(names))
    found: Library | None = same_folder.order_by(Library.id.desc()).first()
    return found
