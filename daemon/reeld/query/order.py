"""Says by what lists can be sorted, and makes the SQL of an order.

Titles are sorted without a leading article, and numbers in them by their size.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reeld.domain.files import readable
from reeld.errors import UsageError
from reeld.query.conditions import BITRATE, CLASS


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """`sql` are expressions about the row, the first one first.

    `joins` are the tables that they need: of a file behind its table, of a work `w` before it.
    """

    sql: tuple[str, ...]
    joins: str = ""
    is_indexed: bool = False
    """Whether an index has this order, with what is not known first."""


_LIBRARY = "JOIN libraries ON libraries.id = f.library_id"
_TITLE_OF_FILE = """LEFT JOIN movies ON movies.id = f.movie_id
    LEFT JOIN episodes ON episodes.id = (SELECT min(episode_id) FROM episode_files WHERE video_file_id = f.id)
    LEFT JOIN series ON series.id = episodes.series_id"""
_NUMBERS = ("{0}.season_number", "{0}.episode_number", "{0}.absolute_number", "{0}.air_date")

FILE_ORDERS: Mapping[str, Order] = {
    "library": Order(sql=("libraries.name",), joins=_LIBRARY),
    "path": Order(sql=("f.path",)),
    "title": Order(
        sql=(
            "coalesce(movies.sort_key, series.sort_key)",
            "coalesce(movies.year, series.year)",
            *(number.format("episodes") for number in _NUMBERS),
        ),
        joins=_TITLE_OF_FILE,
    ),
    "year": Order(sql=("coalesce(movies.year, series.year)",), joins=_TITLE_OF_FILE),
    "added": Order(sql=("f.first_seen_at",)),
    "changed": Order(sql=("f.changed_at",)),
    "gone": Order(sql=("f.missing_since",)),
    "size": Order(sql=("f.size_bytes",)),
    "duration": Order(sql=("f.duration_ms",)),
    "resolution": Order(sql=(f"({CLASS})", "f.resolution_width")),
    "bitrate": Order(sql=(f"({BITRATE})",)),
}


def _of_files(column: str, table: str) -> str:
    """A sum or a latest moment over the files of a work."""
    if table == "movie":
        return f"(SELECT {column} FROM video_files AS g WHERE g.movie_id = w.id)"  # noqa: S608 - ours
    if table == "episode":
        links = "episode_files WHERE episode_id = w.id"
    else:
        links = "episode_files JOIN episodes AS p ON p.id = episode_id WHERE p.series_id = w.id"
    return f"(SELECT {column} FROM video_files AS g WHERE g.id IN (SELECT video_file_id FROM {links}))"  # noqa: S608 - ours


def _work_orders(kind: str, title: Order, year: Order) -> Mapping[str, Order]:
    return {
        "title": title,
        "year": year,
        "added": Order(sql=(_of_files("max(g.first_seen_at)", kind),)),
        "size": Order(sql=(_of_files("sum(g.size_bytes)", kind),)),
        "files": Order(sql=(_of_files("count(*)", kind),)),
    }


_OWN_TITLE = Order(sql=("w.sort_key", "w.year"), is_indexed=True)
_OWN_YEAR = Order(sql=("w.year",))
# In this order SQLite goes through the series, and through the episodes of each.
_OF_SERIES = "series CROSS JOIN"

WORK_ORDERS: Mapping[str, Mapping[str, Order]] = {
    "movie": _work_orders("movie", _OWN_TITLE, _OWN_YEAR),
    "series": _work_orders("series", _OWN_TITLE, _OWN_YEAR),
    "episode": {
        **_work_orders(
            "episode",
            Order(
                sql=(
                    "series.sort_key", "series.year", "series.id",
                    *(number.format("w") for number in _NUMBERS),
                ),
                joins=_OF_SERIES,
                is_indexed=True,
            ),
            Order(sql=("series.year",), joins=_OF_SERIES),
        ),
        "aired": Order(sql=("w.air_date",)),
    },
}  # fmt: skip


def sql_of_order(names: Sequence[str], orders: Mapping[str, Order]) -> tuple[str, str, bool]:
    """Return the joins and the expressions of an order, and whether an index has it. Raises UsageError for other names.

    What is not known stands last, whichever way the order goes.
    """
    joins: dict[str, None] = {}
    parts: list[str] = []
    is_indexed = len(names or ["title"]) == 1
    for name in names or ["title"]:
        plain = name.removeprefix("-")
        if (order := orders.get(plain)) is None:
            raise UsageError(f"{readable(plain)} is nothing to sort by", f"choose from {', '.join(orders)}")
        joins[order.joins] = None
        is_indexed = is_indexed and order.is_indexed
        way = f"{' DESC' if name.startswith('-') else ''}{'' if order.is_indexed else ' NULLS LAST'}"
        parts += (f"{sql}{way}" for sql in order.sql)
    return " ".join(filter(None, joins)), ", ".join(parts), is_indexed
