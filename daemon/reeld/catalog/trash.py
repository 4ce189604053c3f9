"""Moves works that lost their last file to the trash, and brings them back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reeld.catalog.models import Episode, Movie, Series, Trash
from reeld.catalog.works import IDS
from reeld.database.base import BaseModel, Row
from reeld.database.fields import utc_from_ms
from reeld.database.statements import change
from reeld.domain.numbers import Thing, spelled
from reeld.errors import NotFoundError

# Beside the columns of the row.
_FILES = "files"
_TAKEN_FOR = "taken_for"
_LEFT_WITH = "left_with"

_FACTS = ("year", "country", *IDS)

_TABLES: dict[str, type[BaseModel]] = {"movie": Movie, "series": Series, "episode": Episode}


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back: its type, its id, which no other row ever got, and its last files."""

    entity_type: str
    id: int
    file_ids: Sequence[int]
    taken_for: Row
    """The files' `part` and `edition`, and their claims, see `titles.py`."""
    left_with: Sequence[int]
    """The ids of all episodes that the files held together, this one among them."""


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
    """Move rows of the type movie, series or episode, to which nothing refers any more, to the trash.

    `file_id` is the file that they had until now, `taken_for` its part, edition and claims, `left_with` the episodes
    that lost it together. Rows made since `made_since` are deleted: they stood for a file that was none of it.
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
    """Bring a row back as it was, without its files."""
    entry = Trash.get_or_none(Trash.id == trash_id)
    if entry is None:
        raise NotFoundError(
            f"nothing in the trash has the number {spelled(Thing.TRASH, trash_id)}", "see `reeld list trash`"
        )
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
    """Let what was discarded with the file `new_id` since that moment come back with the file `old_id`."""
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
    """Refuse a second row of one work: it would make every later file of it ambiguous."""
    if _again(model, work).exists():
        raise NotFoundError(f"{work['title']} is there again, made by a later file", "there is nothing to restore")


def _again(model: type[BaseModel], work: Row) -> Any:
    """Find the rows that may be this work again; a later file need not have named all its facts."""
    same = [model.title_key == work["title_key"]]
    for name in _FACTS:
        if work.get(name) is not None:
            field = getattr(model, name)
            same.append((field == work[name]) | field.is_null())
    return model.select().where(*same)


def _series_of(episode: Row) -> int:
    """Find the series of an episode: its own, else the one row that is that series again."""
    series_id = int(episode["series"])
    if Series.select().where(Series.id == series_id).exists():
        return series_id
    entry = Trash.get_or_none(Trash.entity_type == "series", Trash.original_id == series_id)
    again = [] if entry is None else list(_again(Series, entry.entity_metadata))
    if entry is not None and not again:
        number = spelled(Thing.TRASH, entry.id)
        raise NotFoundError("the series of this episode is in the trash, too", f"type first `reeld restore {number}`")
    if len(again) != 1:
        raise NotFoundError(
            "the series of this episode is not known any more", "say what its file is with `reeld validate`"
        )
    return int(again[0].id)


def _require_its_place(episode: Row) -> None:
    names = ("absolute_number", "air_date") if episode["season_number"] is None else ("season_number", "episode_number")
    named = [[getattr(Episode, name) == episode[name] for name in names if episode[name] is not None]]
    if episode["absolute_number"] is not None:  # a later file may have named it by that alone
        named.append([Episode.season_number.is_null(), Episode.absolute_number == episode["absolute_number"]])
    if any(Episode.select().where(Episode.series == episode["series"], *same).exists() for same in named):
        raise NotFoundError("this episode is there again, made by a later file", "there is nothing to restore")


def _as_json(row: Row) -> Row:
    return {key: value.isoformat() if isinstance(value, datetime) else value for key, value in row.items()}


def _from_json(row: Row) -> Row:
    times = {"created_at", "updated_at"}
    return {key: datetime.fromisoformat(value) if key in times else value for key, value in row.items()}
