"""Keeps the search index: the words of titles, and of the names of files that are not identified. Keeps what titles are
sorted by, too.

Triggers of the schema note in `search_queue` which rows changed. Nothing is folded into words while a scan writes: the
daemon does that when no other work waits, and a command before it searches. Both do it in small commits, so a kill
loses nothing, and each row is done once.
"""

from collections.abc import Callable
from typing import Any

from reeld.catalog.models import VideoFile
from reeld.database.connection import reading, writing
from reeld.database.statements import change, rows, rows_in
from reeld.domain.titles import search_words, sort_key, spellings, title_key

BATCH = 2000

_TEXTS = {
    "movie": "SELECT id, title, original_title FROM movies WHERE id",
    "series": "SELECT id, title, original_title FROM series WHERE id",
    "episode": "SELECT id, title, NULL FROM episodes WHERE title IS NOT NULL AND id",
    "file": "SELECT id, NULL, filename FROM video_files WHERE verdict <> 'accepted' AND id",
}
KINDS = tuple(_TEXTS)
_COLUMNS = "words, parted, joined, other"
_SORTED = {"movie": "movies", "series": "series"}


def count_waiting() -> int:
    """Count the titles and names that are not in the index yet, also those of files that were not identified yet."""
    with reading():
        ((waiting,),) = rows("SELECT count(*) FROM search_queue")
        ((unread,),) = rows("SELECT count(*) FROM video_files WHERE verdict IS NULL AND state = 'present'")
    return int(waiting) + int(unread)


def fill_index(go_on: Callable[[], bool]) -> bool:
    """Bring the index up to date, batch by batch, as long as `go_on`. Return whether all is done.

    Raises CatalogError if the catalogue cannot be written.
    """
    with reading():
        has_more = bool(rows("SELECT 1 FROM search_queue LIMIT 1"))
    while has_more and go_on():
        with writing():
            has_more = _fill_batch()
    return not has_more


def _fill_batch() -> bool:
    """Do one batch in the open transaction. Return whether there may be more."""
    due = rows("SELECT kind, row_id FROM search_queue LIMIT ?", BATCH)
    for kind in KINDS:
        ids = [row_id for of_kind, row_id in due if of_kind == kind]
        for row_id in ids:
            change(f"DELETE FROM {kind}_words WHERE rowid = ?", row_id)  # noqa: S608 - a name of ours
        for row_id, title, other in rows_in(_TEXTS[kind], ids):
            words = _words(title, other)
            change(f"INSERT INTO {kind}_words (rowid, {_COLUMNS}) VALUES (?, ?, ?, ?, ?)", row_id, *words)  # noqa: S608
            if kind in _SORTED:
                change(f"UPDATE {_SORTED[kind]} SET sort_key = ? WHERE id = ?", sort_key(title_key(title)), row_id)  # noqa: S608
    for kind, row_id in due:
        change("DELETE FROM search_queue WHERE kind = ? AND row_id = ?", kind, row_id)
    return len(due) == BATCH


def _words(title: str | None, other: Any) -> tuple[str, str, str, str]:
    """The spellings of a title, and the words of the original one; of a file, which has no title, those of its name."""
    if title is None:
        return (*spellings(VideoFile.filename.python_value(other)), "")
    return (*spellings(title), "" if other is None else search_words(other))
