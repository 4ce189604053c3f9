"""Finds the files and works that meet a query, in an order, as ids.

A query that few files meet is answered by one look through an index that holds all facts; then only those few are
sorted. One that many files meet is answered by a walk in the order itself, which ends when enough are found. No cursor
stays open while a caller does something else: the catalogue's log could not be folded in meanwhile.
"""

from collections.abc import Iterator, Sequence

from reeld.database.connection import reading
from reeld.database.statements import rows
from reeld.domain.states import FileState, FileVerdict
from reeld.query.ask import Query
from reeld.query.conditions import EVERYTHING, PATH, Condition, all_of
from reeld.query.order import FILE_ORDERS, WORK_ORDERS, sql_of_order

FEW = 10_000
"""A query that so many files meet is met often enough for a walk."""
FEW_BY_INDEX = 50_000
"""The same where an index leads to the files: they may lie together, far behind in the order of a walk."""

_PAGE = 1000
_LONGEST_PAGE = 100_000


_PRESENT = Condition(f"f.state = '{FileState.PRESENT}'")
_OF_STATE = frozenset({"state", "gone"})


# --- files -----------------------------------------------------------------------------------------------


def find_files(query: Query, order: Sequence[str] = (), limit: int | None = None) -> Iterator[int]:
    """Find files. Ignored ones are left out, unless the query asks for verdicts or for a number.

    `order` are names of FILE_ORDERS, each with a minus before it for the opposite order; the default is by library and
    path. Raises UsageError for another name.
    """
    condition = _listed(query)
    if query.is_empty and not order:
        return _walk_paths(condition, limit)
    few = _few(condition)
    if few is None and not order:
        return _walk_paths(condition, limit)
    joins, sort, _ = sql_of_order(order or ["library", "path"], FILE_ORDERS)
    if few is not None:
        table, condition = "video_files AS f", Condition("f.id IN (SELECT value FROM json_each(?))", (_as_json(few),))
    else:
        table = _files(condition)
    sql = f"SELECT f.id FROM {table} {joins} WHERE {condition.sql} ORDER BY {sort}, f.id LIMIT ?"  # noqa: S608 - ours
    return iter(_ids(sql, *condition.parameters, _limit(limit)))


def _listed(query: Query) -> Condition:
    """Leave ignored files out, unless the query asks for verdicts or for a number."""
    if query.fields & {"verdict", "id"}:
        return query.condition
    return _also(Condition(f"(f.verdict IS NULL OR f.verdict <> '{FileVerdict.IGNORED}')"), query.condition)


def present_files(query: Query) -> tuple[str, Condition]:
    """Return the table, as SQL, and the condition of the files that a list shows, for sums over them.

    Missing ones are left out, unless the query asks for states.
    """
    condition = _listed(query)
    if not query.fields & _OF_STATE:
        condition = _also(_PRESENT, condition)
    return _files(condition), condition


def _few(condition: Condition) -> list[int] | None:
    """Return the ids of all files that meet the condition, or None if they are many."""
    most = FEW_BY_INDEX if condition.is_narrow else FEW
    found = _ids(f"SELECT f.id FROM {_files(condition)} WHERE {condition.sql} LIMIT ?", *condition.parameters, most + 1)  # noqa: S608 - ours
    return None if len(found) > most else found


def _walk_paths(condition: Condition, limit: int | None) -> Iterator[int]:
    """Go through the libraries by name, and through each by path. The pages get longer, for a condition may be dear."""
    with reading():
        libraries = rows("SELECT id FROM libraries ORDER BY name")
    page = _PAGE if limit is None else min(limit, _PAGE)
    for (library_id,) in libraries:
        # Every path is greater than the empty text, also one that is no UTF-8: SQLite has bytes behind texts.
        last: object = ""
        while limit is None or limit > 0:
            with reading():
                found = rows(
                    "SELECT f.id, f.path FROM video_files AS f INDEXED BY video_files_library_id_path "  # noqa: S608 - ours
                    f"WHERE f.library_id = ? AND f.path > ? AND {condition.sql} ORDER BY f.path LIMIT ?",
                    library_id,
                    last,
                    *condition.parameters,
                    page,
                )
            yield from (row_id for row_id, _ in found[:limit])
            if len(found) < page:
                break
            limit = None if limit is None else limit - len(found)
            last, page = found[-1][1], min(2 * page, _LONGEST_PAGE)


# --- works -----------------------------------------------------------------------------------------------

_TABLES = {"movie": "movies", "series": "series", "episode": "episodes"}

_FILES_OF = {
    "movie": "video_files AS f WHERE f.movie_id = w.id",
    "episode": "episode_files JOIN video_files AS f ON f.id = video_file_id WHERE episode_id = w.id",
    "series": (
        "episodes JOIN episode_files ON episode_id = episodes.id JOIN video_files AS f ON f.id = video_file_id "
        "WHERE episodes.series_id = w.id"
    ),
}
"""The files of a work `w`."""

_WORKS_OF = {
    "movie": "SELECT movie_id FROM video_files WHERE id IN (SELECT value FROM json_each(?))",
    "episode": "SELECT episode_id FROM episode_files WHERE video_file_id IN (SELECT value FROM json_each(?))",
    "series": (
        "SELECT series_id FROM episode_files JOIN episodes ON episodes.id = episode_id "
        "WHERE video_file_id IN (SELECT value FROM json_each(?))"
    ),
}
"""The works of a few files."""


def find_works(
    kind: str, query: Query, order: Sequence[str] = (), limit: int | None = None, *, also_missing: bool = False
) -> list[int]:
    """Find movies, series or episodes with a file that meets the query. `order` is as in `find_files`, of WORK_ORDERS.

    Missing files count only if `also_missing`, or if the query asks for states. Without a query, works that have no
    file at all are found, too: all if `also_missing`, else series, whose episodes may have come back from the trash.
    """
    condition = query.condition
    if not also_missing and not query.fields & _OF_STATE:
        condition = _also(_PRESENT, condition)
    joins, sort, is_indexed = sql_of_order(order, WORK_ORDERS[kind])
    if query.is_empty and also_missing:
        wanted = Condition(EVERYTHING)
    elif (few := None if query.is_empty else _few(condition)) is not None:
        wanted = Condition(f"w.id IN ({_WORKS_OF[kind]})", (_as_json(few),))
    elif kind == "movie" and not (is_indexed and limit is not None):
        # One look through the index has the films of all files.
        files = f"SELECT f.movie_id FROM {_files(condition)} WHERE f.movie_id IS NOT NULL AND {condition.sql}"  # noqa: S608 - ours
        wanted = Condition(f"w.id IN ({files})", condition.parameters)
    else:
        # SQLite asks the files of one work after the other, in the order of an index until enough are found.
        wanted = Condition(f"EXISTS (SELECT 1 FROM {_FILES_OF[kind]} AND {condition.sql})", condition.parameters)  # noqa: S608 - ours
    sql = wanted.sql
    if query.is_empty and kind == "series" and not also_missing:
        sql += " OR NOT EXISTS (SELECT 1 FROM episodes JOIN episode_files ON episode_id = id WHERE series_id = w.id)"
    if joins:
        sql = f"w.series_id = series.id AND ({sql})"
    sql = f"SELECT w.id FROM {joins} {_TABLES[kind]} AS w WHERE ({sql}) ORDER BY {sort}, w.id LIMIT ?"  # noqa: S608 - ours
    return _ids(sql, *wanted.parameters, _limit(limit))


def keep_works(kind: str, ids: Sequence[int], query: Query) -> list[int]:
    """Keep those that have a file which meets the fields of the query, in order. `kind` may be file, too."""
    if query.filter.sql == EVERYTHING:
        return list(ids)
    if kind == "file":
        sql = f"SELECT f.id FROM video_files AS f WHERE f.id IN (SELECT value FROM json_each(?)) AND {query.filter.sql}"  # noqa: S608 - ours
    else:
        sql = (
            f"SELECT w.id FROM {_TABLES[kind]} AS w WHERE w.id IN (SELECT value FROM json_each(?)) "  # noqa: S608 - ours
            f"AND EXISTS (SELECT 1 FROM {_FILES_OF[kind]} AND {query.filter.sql})"
        )
    kept = set(_ids(sql, _as_json(ids), *query.filter.parameters))
    return [each for each in ids if each in kept]


# --- SQL -------------------------------------------------------------------------------------------------


def _also(first: Condition, second: Condition) -> Condition:
    return all_of(condition for condition in (first, second) if condition.sql != EVERYTHING)


def _files(condition: Condition) -> str:
    """Name the table, and the index that holds what a condition asks of each file."""
    if condition.is_narrow:
        return "video_files AS f"
    return (
        f"video_files AS f INDEXED BY {'video_files_library_id_path' if PATH in condition.sql else 'video_files_facts'}"
    )


def _ids(sql: str, *parameters: object) -> list[int]:
    with reading():
        return [row_id for (row_id,) in rows(sql, *parameters)]


def _limit(limit: int | None) -> int:
    return -1 if limit is None else limit


def _as_json(ids: Sequence[int]) -> str:
    return f"[{','.join(map(str, ids))}]"
