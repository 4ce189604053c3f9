"""How does a row go without being lost, and how does it come back?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reeld.catalog.models import Episode, Movie, Series, Trash
from reeld.catalog.works import IDS
from reeld.database.base import BaseModel, Row
from reeld.database.fields import utc_from_ms
from reeld.database.statements import change
from reeld.errors import NotFoundError

# Beside the columns of the row.
_FILES = "files"
_TAKEN_FOR = "taken_for"
_LEFT_WITH = "left_with"

_FACTS = ("year", "country", *IDS)

_TABLES: dict[str, type[BaseModel]] = {"movie": Movie, "series": Series, "episode": Episode}


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back: its type, its id, which was never given to another, and the files that it had at last."""

    entity_type: str
    id: int
    file_ids: Sequence[int]
    taken_for: Row
    """What those were of it, `part` and `edition`, and what they said of it, see `titles.py`."""
    left_with: Sequence[int]
    """The ids of the episodes that those were at once, this one among them."""


def discard(
    entity_type: str,
    ids: Sequence[int],
    reason: str,
    now_ms: int,
    *,
    file_id: int | None = None,
    taken_for: Row | None = None,
    left_with: Sequence[int] = (),
    made_since: datetime | None = None,
) -> None:
    """Move rows of the type movie, series or episode, which nothing refers to any more, to the trash.

    `file_id` is the file that they had until now, `taken_for` what it was of it, `left_with` the
    episodes that left it with them. What was made since that moment goes without a trace: it stood for a file that was
    none of it.
    """
    model = _TABLES[entity_type]
    had = {_FILES: [] if file_id is None else [file_id], _TAKEN_FOR: taken_for or {}, _LEFT_WITH: list(left_with)}
    if made_since is not None:
        model.delete().where(model.id.in_(ids), model.created_at >= made_since).execute()
    for row in model.select().where(model.id.in_(ids)).dicts():
        Trash.insert(
            entity_type=entity_type,
            original_id=row["id"],
            entity_metadata=_as_json(row) | had,
            deleted_at=utc_from_ms(now_ms),
            deletion_reason=reason,
        ).execute()
        model.delete().where(model.id == row["id"]).execute()


def take_out(trash_id: int) -> Restored:
    """Bring a row back as it was; its files do not belong to it yet."""
    entry = Trash.get_or_none(Trash.id == trash_id)
    if entry is None:
        raise NotFoundError(f"there is nothing with the number {trash_id} in the trash; see `reeld list trash`")
    model = _TABLES[entry.entity_type]
    values = dict(entry.entity_metadata)
    had = values.pop(_FILES, []), values.pop(_TAKEN_FOR, {}), values.pop(_LEFT_WITH, [])
    if entry.entity_type == "episode":
        values["series"] = _series_of(values)
        _require_its_place(values)
    else:
        _require_that_it_is_not_there(model, values)
    row_id = int(model.insert(**_from_json(values)).execute())
    entry.delete_instance()
    return Restored(entry.entity_type, row_id, *had)


def transfer(new_id: int, old_id: int, *, since: str) -> None:
    """What was discarded since that moment, as SQLite has it, with the file `new_id` comes back with `old_id`."""
    file = f"$.{_FILES}[0]"
    change(
        "UPDATE trash SET entity_metadata = json_set(entity_metadata, ?, ?) "
        "WHERE deleted_at >= ? AND json_extract(entity_metadata, ?) = ?",
        file,
        old_id,
        since,
        file,
        new_id,
    )


def _require_that_it_is_not_there(model: type[BaseModel], work: Row) -> None:
    """A second row of one film would make every later file of it ambiguous."""
    if _again(model, work).exists():
        raise NotFoundError(
            f"{work['title']} is there again, made by a file that came later; nothing is to be restored"
        )


def _again(model: type[BaseModel], work: Row) -> Any:
    """The rows that this work may have come again as: a file that came later need not have said all of it."""
    same = [model.title_key == work["title_key"]]
    for name in _FACTS:
        if work.get(name) is not None:
            field = getattr(model, name)
            same.append((field == work[name]) | field.is_null())
    return model.select().where(*same)


def _series_of(episode: Row) -> int:
    """The series of an episode: the one that it was of, else the one as which that came again."""
    series_id = int(episode["series"])
    if Series.select().where(Series.id == series_id).exists():
        return series_id
    entry = Trash.get_or_none(Trash.entity_type == "series", Trash.original_id == series_id)
    again = [] if entry is None else list(_again(Series, entry.entity_metadata))
    if entry is not None and not again:
        raise NotFoundError("the series of this episode is in the trash too; restore the series first")
    if len(again) != 1:
        raise NotFoundError(
            "of which series this episode is cannot be told any more; say what its file is with `reeld validate`"
        )
    return int(again[0].id)


def _require_its_place(episode: Row) -> None:
    names = ("absolute_number", "air_date") if episode["season_number"] is None else ("season_number", "episode_number")
    named = [[getattr(Episode, name) == episode[name] for name in names if episode[name] is not None]]
    if episode["absolute_number"] is not None:  # a file that came later may have named it by that alone
        named.append([Episode.season_number.is_null(), Episode.absolute_number == episode["absolute_number"]])
    if any(Episode.select().where(Episode.series == episode["series"], *same).exists() for same in named):
        raise NotFoundError("this episode is there again, made by a file that came later; nothing is to be restored")


def _as_json(row: Row) -> Row:
    return {key: value.isoformat() if isinstance(value, datetime) else value for key, value in row.items()}


def _from_json(row: Row) -> Row:
    times = {"created_at", "updated_at"}
    return {key: datetime.fromisoformat(value) if key in times else value for key, value in row.items()}
