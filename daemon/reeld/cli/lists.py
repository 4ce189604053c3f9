"""Commands that list what the catalogue holds."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Annotated, Any

import typer

from reeld.catalog import overview, sidecar_views, views
from reeld.cli.options import AsJson, ConfigFile, catalog_of, config_of
from reeld.cli.output import Row, remark
from reeld.cli.queries import Request, plain_shape, takes_query
from reeld.cli.rows import library_row, state_in_words
from reeld.cli.tables import Column, Shape, print_rows
from reeld.cli.words import duration, episode_code, resolution, second, sidecar_kind, size, work_name
from reeld.database.backup import backups_of, listing_trouble
from reeld.database.whose import of_another
from reeld.domain.amounts import number_of
from reeld.domain.states import FileState
from reeld.domain.times import rfc3339
from reeld.errors import CatalogUnavailable, UsageError
from reeld.query.ask import Query, only_ignored
from reeld.query.find import find_files, find_works
from reeld.query.stats import sums

# What a spreadsheet gets without --columns.
_CSV_OF_MOVIES = ("id", "title", "year", "tmdb_id", "imdb_id", "genres")
_CSV_OF_SERIES = ("id", "title", "year", "country", "season_count", "episode_count", "file_count", "tvdb_id", "tmdb_id")
_CSV_OF_EPISODES = ("id", "series", "season_number", "episode_number", "absolute_number", "air_date", "title")
_CSV_OF_FILES = (
    "id", "library", "path", "kind", "title", "year", "series", "season_number", "episode_numbers", "edition",
    "state", "verdict", "size_bytes", "duration_ms", "resolution_width", "resolution_height", "codec_video",
    "codec_audio", "hdr", "languages", "subtitle_languages", "file_hash",
)  # fmt: skip
_CSV_OF_SIDECARS = (
    "library", "path", "kind", "belongs_to", "video_id", "video_path", "language", "is_forced", "is_sdh", "is_default",
    "title", "size_bytes",
)  # fmt: skip

OnlyOrphans = Annotated[bool, typer.Option("--orphans", help="List those that belong to no video which is there.")]
AlsoMissing = Annotated[bool, typer.Option("--all", help="List those whose files are all missing, too.")]


# --- lists -----------------------------------------------------------------------------------------------


def _of_first_file(name: str) -> Any:
    return lambda row: row["files"][0][name] if row["files"] else None


def _media(row: Row) -> str:
    """The first file's media facts in one cell: `1920x1080 h264 1:52:03`."""
    if not row["files"]:
        return ""
    first = row["files"][0]
    facts = (resolution(first), first["codec_video"], duration(first["duration_ms"]))
    return " ".join(str(fact) for fact in facts if fact)


def _verdict(row: Row) -> str | None:
    """The verdict, or the work to do; a missing file that was never read has neither."""
    if row["verdict"] or row["stage"]:
        return str(row["verdict"] or f"to do: {row['stage']}")
    return "failed" if row["state"] == FileState.PRESENT else None


_MOVIES: list[Column] = [
    ("ID", lambda row: row["id"]),
    ("Title", lambda row: row["title"]),
    ("Year", lambda row: row["year"]),
    ("Files", lambda row: len(row["files"])),
    ("Media", _media),
    ("Hash", _of_first_file("file_hash")),
    ("Path", _of_first_file("path")),
]

_EPISODES: list[Column] = [
    ("ID", lambda row: row["id"]),
    (
        "Series",
        lambda row: work_name({"series": row["series"], "year": row["year"], "country": row["country"]}),
    ),
    ("Episode", lambda row: _code(row) or row["air_date"]),
    ("Title", lambda row: row["title"]),
    ("Files", lambda row: len(row["files"])),
    ("Media", _media),
    ("Hash", _of_first_file("file_hash")),
    ("Path", _of_first_file("path")),
]

_SERIES: list[Column] = [
    ("ID", lambda row: row["id"]),
    ("Title", lambda row: row["title"]),
    ("Country", lambda row: row["country"]),
    ("Year", lambda row: row["year"]),
    ("Seasons", lambda row: row["season_count"]),
    ("Episodes", lambda row: row["episode_count"]),
    ("Files", lambda row: row["file_count"]),
]

_FILES: list[Column] = [
    ("ID", lambda row: row["id"]),
    ("State", lambda row: state_in_words(row["state"])),
    ("Verdict", _verdict),
    ("What", lambda row: work_name(row) if row["kind"] else None),
    ("Size", lambda row: size(row["size_bytes"])),
    ("Hash", lambda row: row["file_hash"]),
    ("Path", lambda row: row["path"]),
    ("Reason", lambda row: row["reason"]),
]

_SIDECARS: list[Column] = [
    ("Kind", sidecar_kind),
    ("Language", lambda row: row["language"]),
    ("Of", lambda row: row["video_id"]),
    ("Size", lambda row: size(row["size_bytes"])),
    ("Path", lambda row: row["path"]),
    ("Reason", lambda row: row["reason"]),
]

_LIBRARIES: list[Column] = [
    ("Name", lambda row: row["name"]),
    ("Kind", lambda row: row["kind"]),
    ("State", lambda row: state_in_words(row["state"])),
    ("Files", lambda row: row["file_count"]),
    ("Path", lambda row: row["path"]),
    ("Reason", lambda row: row["reason"]),
]


def _title_of_trash(row: Row) -> str:
    """The title; of an episode its series and number, too."""
    title, year = row["title"], row["year"]
    named = f"{title} ({year})" if title and year else title
    code = (_code(row) or row["air_date"]) if row["kind"] == "episode" else None
    return " ".join(part for part in (row["series"], code, named) if part)


_TRASH: list[Column] = [
    ("ID", lambda row: row["id"]),
    ("Kind", lambda row: row["kind"]),
    ("Title", _title_of_trash),
    ("Deleted", lambda row: second(row["deleted_at"])),
    ("Reason", lambda row: row["reason"]),
]

_BACKUPS: list[Column] = [
    ("Made", lambda row: second(row["made_at"])),
    ("Schema", lambda row: row["schema"]),
    ("Size", lambda row: None if row["size_bytes"] is None else size(row["size_bytes"])),
    ("File", lambda row: row["path"]),
    ("Remark", lambda row: "of a catalogue that was lost" if row["is_rescued"] else None),
]


def _code(row: Row) -> str | None:
    numbers = [row["episode_number"]] if row["episode_number"] is not None else None
    absolute = [row["absolute_number"]] if row["absolute_number"] is not None else None
    return episode_code(row["season_number"], numbers, absolute)


@takes_query
def list_movies(request: Request, also_missing: AlsoMissing = False, config: ConfigFile = None) -> None:
    """List movies with their files."""
    with _works("movie", request, config, also_missing=also_missing) as (ids, nothing, shape):
        print_rows(views.list_movies(ids), _MOVIES, shape=shape, csv_keys=_CSV_OF_MOVIES, nothing=nothing)


@takes_query
def list_series(request: Request, also_missing: AlsoMissing = False, config: ConfigFile = None) -> None:
    """List series with the number of their episodes."""
    with _works("series", request, config, also_missing=also_missing) as (ids, nothing, shape):
        rows = views.list_series(ids, also_missing=also_missing)
        print_rows(rows, _SERIES, shape=shape, csv_keys=_CSV_OF_SERIES, nothing=nothing)


@takes_query
def list_episodes(request: Request, also_missing: AlsoMissing = False, config: ConfigFile = None) -> None:
    """List episodes with their files."""
    with _works("episode", request, config, also_missing=also_missing) as (ids, nothing, shape):
        rows = views.list_episodes(ids)
        print_rows(rows, _EPISODES, shape=shape, csv_keys=_CSV_OF_EPISODES, nothing=nothing)


@contextmanager
def _works(
    kind: str, request: Request, config: str | None, *, also_missing: bool
) -> Iterator[tuple[Sequence[int], str, Shape]]:
    """Open the catalogue, and find the works that are asked for; the text is for a list without any."""
    with catalog_of(config) as settings:
        query = request.understood(settings)
        ids = find_works(kind, query, request.order, request.limit, also_missing=also_missing)
        plural = {"movie": "movies", "series": "series", "episode": "episodes"}[kind]
        yield ids, f"no {plural} yet" if query.is_empty else f"no {plural} match", request.shape_in(settings)


@takes_query
def list_files(request: Request, config: ConfigFile = None) -> None:
    """List every video that is not ignored, with what it is or the reason why that is not known."""
    with catalog_of(config) as settings:
        query = request.understood(settings)
        rows = views.list_files(find_files(query, request.order, request.limit))
        nothing = "no files yet" if query.is_empty else "no files match"
        print_rows(rows, _FILES, shape=request.shape_in(settings), csv_keys=_CSV_OF_FILES, nothing=nothing)
        if request.limit is None and request.shape.is_for_people:
            _remark_sum(query)


def _remark_sum(query: Query) -> None:
    """Say below a table how much it is."""
    for total in sums(query, []):
        if total.file_count:
            hours = round(total.duration_ms / 3_600_000)
            files = number_of(total.file_count, "file")
            remark(f"{files} on the disks, {size(total.size_bytes)}, {number_of(hours, 'hour')}")


@takes_query
def list_ignored(request: Request, config: ConfigFile = None) -> None:
    """List ignored videos (samples, trailers, what the rules exclude) with the reason."""
    with catalog_of(config) as settings:
        query = only_ignored(request.understood(settings))
        rows = views.list_files(find_files(query, request.order, request.limit))
        print_rows(rows, _FILES, shape=request.shape_in(settings), csv_keys=_CSV_OF_FILES, nothing="nothing is ignored")


@takes_query
def list_sidecars(request: Request, only_orphans: OnlyOrphans = False, config: ConfigFile = None) -> None:
    """List subtitles, .nfo files and pictures with the video to which each belongs. A query chooses by the videos."""
    if request.order:
        raise UsageError("sidecars are listed by their paths", "leave --sort out")
    if only_orphans and request.words:
        raise UsageError("orphans belong to no video that a query could be about", "leave the query out")
    with catalog_of(config) as settings:
        query = request.understood(settings)
        of_files = None if query.is_empty else find_files(query)
        rows = islice(sidecar_views.list_sidecars(only_orphans=only_orphans, of_files=of_files), request.limit)
        nothing = "no orphans" if only_orphans else "no sidecars yet" if query.is_empty else "no sidecars match"
        print_rows(rows, _SIDECARS, shape=request.shape_in(settings), csv_keys=_CSV_OF_SIDECARS, nothing=nothing)


def list_libraries(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List the watched folders and their states."""
    # The other lists start faster without these.
    from reeld.diagnose.health import state_now
    from reeld.domain.status import RunningStatus
    from reeld.service.instance_lock import status_of

    with catalog_of(config) as settings:
        watchers = {each.name: each for each in (status_of(settings.database_path) or RunningStatus()).libraries}
        rows = (library_row(state_now(row, watchers.get(row["name"]))) for row in overview.libraries())
        print_rows(rows, _LIBRARIES, shape=plain_shape(as_json), nothing="no libraries")


def list_trash(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List removed movies, series and episodes; `reeld restore ID` brings one back."""
    with catalog_of(config):
        print_rows(views.list_trash(), _TRASH, shape=plain_shape(as_json), nothing="the trash is empty")


def list_backups(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List backups of the catalogue, newest first; `reeld restore-backup FILE` goes back to one.

    This works without a catalogue, too.
    """
    settings = config_of(config, asks_disks=False)
    if (trouble := listing_trouble(settings.database_path)) is not None:
        raise of_another(settings.database_path) or CatalogUnavailable(trouble)
    print_rows(_backup_rows(settings.database_path), _BACKUPS, shape=plain_shape(as_json), nothing="no backups yet")


def _backup_rows(database_path: str) -> Iterable[Row]:
    for backup in backups_of(database_path):
        size_bytes = None
        try:
            size_bytes = os.path.getsize(backup.path)
        except FileNotFoundError:  # it was removed just now
            continue
        except OSError:  # it is there, and its size cannot be read
            pass
        yield {
            "path": backup.path,
            "made_at": rfc3339(backup.made_at),
            "schema": backup.schema,
            "size_bytes": size_bytes,
            "is_rescued": backup.is_rescued,
        }
