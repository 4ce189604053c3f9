"""Which libraries are there, and could they be looked at?"""

from collections.abc import Sequence

from reeld.catalog.clock import utc_from_ms
from reeld.catalog.models import Library
from reeld.config import Library as ConfiguredLibrary


def sync_libraries(configured: Sequence[ConfiguredLibrary]) -> dict[str, int]:
    """Make the rows match the configuration; the id of each configured library by its name.

    A library is known by its name: one whose path changed has moved, with all its files. One that is not
    configured any more keeps its row and its files' rows, and nothing more is learnt of them.
    """
    names = [library.name for library in configured]
    not_configured = {"state": "removed", "state_reason": "not in the configuration"}
    Library.update(**not_configured).where(Library.name.not_in(names)).execute()
    return {library.name: _sync(library) for library in configured}


def set_state(library_id: int, state: str, reason: str | None, now_ms: int) -> None:
    values = {"state": state, "state_reason": reason, "checked_at": utc_from_ms(now_ms)}
    Library.update(**values).where(Library.id == library_id).execute()


def _sync(library: ConfiguredLibrary) -> int:
    row = Library.get_or_none(Library.name == library.name)
    state = {"state": "offline", "state_reason": "not looked at yet"}
    values = {"path": library.path, "kind": library.kind}
    if row is None:
        return int(Library.insert(name=library.name, **values, **state).execute())
    moved_or_back = row.path != library.path or row.state == "removed"
    Library.update(**values, **(state if moved_or_back else {})).where(Library.id == row.id).execute()
    return int(row.id)
