"""Which libraries are there, and could they be looked at?"""

from collections.abc import Sequence

from reeld.catalog.clock import utc_from_ms
from reeld.catalog.models import Library
from reeld.config import Library as ConfiguredLibrary
from reeld.errors import NotFoundError


def sync_libraries(configured: Sequence[ConfiguredLibrary]) -> dict[str, int]:
    """Make the rows match the configuration; the id of each configured library by its name.

    A library is known by its name: one whose path changed has moved, with all its files. One that is not
    configured any more keeps its row and its files' rows, and nothing more is learnt of them.
    """
    names = [library.name for library in configured]
    not_configured = {"state": "removed", "state_reason": "not in the configuration"}
    Library.update(**not_configured).where(Library.name.not_in(names)).execute()
    return {library.name: _sync(library, names) for library in configured}


def set_state(library_id: int, state: str, reason: str | None, now_ms: int) -> None:
    values = {"state": state, "state_reason": reason, "checked_at": utc_from_ms(now_ms)}
    Library.update(**values).where(Library.id == library_id).execute()


def root_of(library_id: int) -> tuple[int, int] | None:
    """Device and inode of the directory that the library was last seen in; None when it was not yet, or is accepted."""
    row = Library.get_by_id(library_id)
    return None if row.root_inode is None else (row.root_device, row.root_inode)


def remember_root(library_id: int, identity: tuple[int, int]) -> None:
    device, inode = identity
    Library.update(root_device=device, root_inode=inode).where(Library.id == library_id).execute()


def accept_root(name: str) -> None:
    """A person says that whatever is at the library's path now is the library. Raises NotFoundError."""
    if not Library.update(root_device=None, root_inode=None).where(Library.name == name).execute():
        raise NotFoundError(f"there is no library called {name}; see `reeld list libraries`")


def _sync(library: ConfiguredLibrary, names: Sequence[str]) -> int:
    row = Library.get_or_none(Library.name == library.name) or _renamed(library, names)
    state = {"state": "offline", "state_reason": "not looked at yet"}
    values = {"name": library.name, "path": library.path, "kind": library.kind}
    if row is None:
        return int(Library.insert(**values, **state).execute())
    moved_or_back = row.path != library.path or row.state == "removed"
    Library.update(**values, **(state if moved_or_back else {})).where(Library.id == row.id).execute()
    return int(row.id)


def _renamed(library: ConfiguredLibrary, names: Sequence[str]) -> Library | None:
    """The row of the same folder under a name that is not configured any more: it was only renamed.

    A second row would give every file in it a second identity, without the decisions about the first.
    """
    same_folder = Library.select().where(Library.path == library.path, Library.name.not_in(names))
    found: Library | None = same_folder.order_by(Library.id.desc()).first()
    return found
