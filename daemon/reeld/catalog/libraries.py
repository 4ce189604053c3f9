"""Which libraries are there, and could they be looked at?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from reeld.catalog.models import Library
from reeld.config import Library as ConfiguredLibrary
from reeld.database.connection import reading
from reeld.database.fields import utc_from_ms
from reeld.domain.files import readable
from reeld.domain.identity import LibraryKind
from reeld.errors import NotFoundError, UsageError


def sync_libraries(configured: Sequence[ConfiguredLibrary]) -> dict[str, int]:
    """Make the rows match the configuration; the id of each configured library by its name.

    A library is known by its name: one whose path changed has moved, with all its files; unless the folder was until
    now that of a library which is not configured any more, and so took over the name. One that is not configured any
    more keeps its row and its files' rows, and nothing more is learnt of them; what is seen in another library moves
    there (`scanner/moved_files.py`).
    """
    names = [library.name for library in configured]
    # All are found before any is changed: what was configured until now is told from what was given up long ago.
    found = [(library, _row_of(library, names)) for library in configured]
    kept = [row.id for _, row in found if row is not None]
    not_configured = {"state": "removed", "state_reason": "not in the configuration"}
    Library.update(**not_configured).where(Library.id.not_in(kept)).execute()
    return {library.name: _sync(library, row) for library, row in found}


def set_state(library_id: int, state: str, reason: str | None, now_ms: int) -> None:
    values = {"state": state, "state_reason": reason, "checked_at": utc_from_ms(now_ms)}
    Library.update(**values).where(Library.id == library_id).execute()


@dataclass(frozen=True, slots=True, kw_only=True)
class LibraryStatus:
    """What a library was like when it was last looked at, and what a person said since."""

    name: str
    state: str
    state_reason: str | None
    filesystem_identity: dict[str, Any] | None
    is_accepted: bool


def library_status(library_id: int) -> LibraryStatus:
    row = Library.get_by_id(library_id)
    return LibraryStatus(
        name=row.name,
        state=row.state,
        state_reason=row.state_reason,
        filesystem_identity=row.filesystem_identity,
        is_accepted=row.is_accepted,
    )


def roots_not_configured() -> dict[int, str]:
    """Where the libraries were that are not configured any more, by their ids."""
    return dict(Library.select(Library.id, Library.path).where(Library.state == "removed").tuples())


def remember_filesystem_identity(library_id: int, filesystem_identity: dict[str, Any]) -> None:
    Library.update(filesystem_identity=filesystem_identity).where(Library.id == library_id).execute()


def accept(name: str) -> None:
    """A person says that what is at the library's path now is the library, and that what is not there is gone.

    Whoever looks after the library notices; see `end_acceptance`. Raises NotFoundError, and UsageError when there is
    nothing that waits for such a word.
    """
    row = Library.get_or_none(Library.name == name)
    if row is None:
        raise NotFoundError(f"there is no library called {readable(name)}; see `reeld list libraries`")
    if not (row.state in ("unverified", "on_hold") or (row.filesystem_identity or {}).get("away")):
        what = f"{row.state} ({row.state_reason})" if row.state_reason else row.state
        raise UsageError(
            f"{readable(name)} is {readable(what)}; only what is suspect or held, or lacks a folder's disk, can be "
            "accepted"
        )
    Library.update(is_accepted=True).where(Library.id == row.id).execute()


def end_acceptance(library_id: int) -> None:
    """All that a person accepted is recorded; what goes from here on is another matter."""
    Library.update(is_accepted=False).where(Library.id == library_id).execute()


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a configured library is known as so far."""

    id: int
    name: str
    path: str
    kind: LibraryKind
    state: str


def known_as(library: ConfiguredLibrary, names: Sequence[str]) -> Known | None:
    """What `sync_libraries` would take this one of the configured `names` for; None: for a new one."""
    with reading():
        row = _row_of(library, names)
    if row is None:
        return None
    return Known(id=row.id, name=row.name, path=row.path, kind=cast("LibraryKind", row.kind), state=row.state)


def of_another_kind(configured: Sequence[ConfiguredLibrary]) -> list[int]:
    """The ids of libraries that are known as of another kind: names in them may say something else now."""
    names = [library.name for library in configured]
    found = [(library.kind, known_as(library, names)) for library in configured]
    return [known.id for kind, known in found if known is not None and known.kind != kind]


def _row_of(library: ConfiguredLibrary, names: Sequence[str]) -> Library | None:
    row: Library | None = Library.get_or_none(Library.name == library.name)
    if row is not None and row.path == library.path:
        return row
    # A name that was given up may be used again, for a library that is known under another one.
    renamed = _renamed(library, names)
    if row is None or row.state == "removed":
        return renamed or row
    # So may one that is given up now. But a folder that was given up before may be the copy to which this one moves.
    return row if renamed is None or renamed.state == "removed" else renamed


def _sync(library: ConfiguredLibrary, row: Library | None) -> int:
    state = {"state": "offline", "state_reason": "not looked at yet"}
    values = {"name": library.name, "path": library.path, "kind": library.kind}
    if row is None or row.name != library.name:
        _give_up_name(library.name)
    if row is None:
        return int(Library.insert(**values, **state).execute())
    moved_or_back = row.path != library.path or row.state == "removed"
    Library.update(**values, **(state if moved_or_back else {})).where(Library.id == row.id).execute()
    return int(row.id)


def _give_up_name(name: str) -> None:
    """A library of this name that is not configured any more is known by its number as well from now on."""
    namesake = Library.get_or_none(Library.name == name)
    if namesake is None:
        return
    other = f"{name} ({namesake.id})"
    while Library.get_or_none(Library.name == other) is not None:
        other = f"{other} ({namesake.id})"
    Library.update(name=other).where(Library.id == namesake.id).execute()


def _renamed(library: ConfiguredLibrary, names: Sequence[str]) -> Library | None:
    """The row of the same folder under a name that is not configured any more: it was only renamed.

    A second row would give every file in it a second identity, without the decisions about the first.
    """
    same_folder = Library.select().where(Library.path == library.path, Library.name.not_in(names))
    found: Library | None = same_folder.order_by(Library.id.desc()).first()
    return found
