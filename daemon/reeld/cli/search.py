"""The command that searches for titles."""

from reeld.cli.options import ConfigFile, catalog_of
from reeld.cli.output import Row, remark
from reeld.cli.queries import Request, takes_query
from reeld.cli.tables import Column, print_rows
from reeld.cli.words import episode_code
from reeld.domain.files import readable
from reeld.errors import UsageError
from reeld.query.search import search


def _code(row: Row) -> str | None:
    return episode_code(row["season_number"], [row["episode_number"]], None)


_COLUMNS: list[Column] = [
    ("ID", lambda row: row["id"]),
    ("Kind", lambda row: row["kind"]),
    ("Title", lambda row: row["title"]),
    ("Year", lambda row: row["year"]),
    ("Series", lambda row: row["series"]),
    (
        "Episode",
        lambda row: episode_code(row["season_number"], [row["episode_number"]], None) if row["series"] else None,
    ),
]
_CSV = ("id", "kind", "title", "year", "series", "season_number", "episode_number", "match")

_MOST = 50


@takes_query
def search_titles(request: Request, config: ConfigFile = None) -> None:
    """Search for films, series, episodes, and files that are not identified; exact titles come first."""
    if request.order:
        raise UsageError("hits cannot be sorted: the best come first", "leave --sort out, or use `reeld list`")
    with catalog_of(config) as settings:
        query = request.understood(settings)
        if not query.words:
            raise UsageError(
                "there is no word to search for", "write a word of a title; `reeld list` takes fields alone"
            )
        found = search(query)
        for word, other in found.instead.items():
            remark(f"no title has {readable(word)!r}; these have {readable(other)!r}")
        limit = _MOST if request.limit is None else request.limit
        rows = (hit.as_row() for hit in found.hits[:limit])
        print_rows(rows, _COLUMNS, shape=request.shape_in(settings), csv_keys=_CSV, nothing="nothing is called so")
        if len(found.hits) > limit and request.shape.is_for_people:
            remark(f"the first {limit} hits; --limit shows more")
