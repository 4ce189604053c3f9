"""The command that lists missing episodes."""

from collections.abc import Iterator

from reeld.cli.options import ConfigFile, catalog_of
from reeld.cli.output import Row, remark
from reeld.cli.queries import Request, takes_query
from reeld.cli.tables import Column, print_rows
from reeld.cli.words import work_name
from reeld.domain.amounts import number_of
from reeld.query.find import find_works
from reeld.query.missing import missing_episodes

_COLUMNS: list[Column] = [
    ("ID", lambda row: row["series_id"]),
    ("Series", lambda row: work_name({name: row[name] for name in ("series", "year", "country")})),
    ("Season", lambda row: row["season_number"]),
    ("Missing", lambda row: row["episode_count"] or "all"),
    ("Episodes", lambda row: ", ".join(_range(*each) for each in row["episode_ranges"]) or "the whole season"),
]
_CSV = ("series_id", "series", "year", "season_number", "episode_count")


def _range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"


@takes_query
def missing(request: Request, config: ConfigFile = None) -> None:
    """List the episodes that series lack by their numbers; specials and what comes last are not known."""
    with catalog_of(config) as settings:
        ids = find_works("series", request.understood(settings), request.order)
        counted = [0, 0]

        def found() -> Iterator[Row]:
            for season in missing_episodes(ids):
                if request.limit is not None and counted[0] >= request.limit:
                    return
                counted[0] += 1
                counted[1] += season.count or 0
                yield season.as_row()

        print_rows(
            found(),
            _COLUMNS,
            shape=request.shape_in(settings),
            csv_keys=_CSV,
            nothing="by their numbers no episodes lack",
        )
        if counted[0] and request.shape.is_for_people:
            seasons, episodes = number_of(counted[0], "season"), number_of(counted[1], "episode")
            remark(f"{seasons} with {episodes} missing, told by their numbers alone")
