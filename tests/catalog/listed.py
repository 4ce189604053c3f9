"""What do lists without a query show?"""

from collections.abc import Iterator
from datetime import UTC, datetime

from reeld.catalog import views
from reeld.database.base import Row
from reeld.query.ask import Query, understand
from reeld.query.find import find_files, find_works


def asked(query: str = "") -> Query:
    return understand(query, {}, datetime.now(UTC))


def list_files(query: str = "") -> Iterator[Row]:
    return views.list_files(find_files(asked(query)))


def list_movies() -> Iterator[Row]:
    return views.list_movies(find_works("movie", asked()))


def list_series(*, also_missing: bool = False) -> Iterator[Row]:
    return views.list_series(find_works("series", asked(), also_missing=also_missing), also_missing=also_missing)


def list_episodes(*, also_missing: bool = False) -> Iterator[Row]:
    return views.list_episodes(find_works("episode", asked(), also_missing=also_missing))
