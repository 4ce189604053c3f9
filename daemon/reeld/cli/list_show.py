"""Commands that only look into the catalogue: `list`, `show`, `pending`."""

import os
from collections.abc import Callable, Iterable
from typing import Annotated, Any

import typer

from reeld.catalog import overview, views
from reeld.cli.numbers import not_found, parse, refusal
from reeld.cli.options import AsJson, ConfigFile, catalog_of, config_of, wants_json
from reeld.cli.output import (
    Column,
    Row,
    complain,
    duration,
    episode_code,
    print_json,
    print_rows,
    remark,
    say,
    second,
    shown,
    size,
    work_name,
)
from reeld.cli.rows import library_row, state_in_words
from reeld.database.backup import backups_of, listing_trouble
from reeld.database.whose import of_another
from reeld.domain.files import readable
from reeld.domain.numbers import Thing
from reeld.domain.states import FileState, FileVerdict
from reeld.domain.times import rfc3339
from reeld.errors import CatalogUnavailable, NotFoundError, UsageError
from reeld.service.timeouts import real_path_in_time

AlsoMissing = Annotated[bool, typer.Option("--all", help="List those whose files are all missing, too.")]


# --- lists -----------------------------------------------------------------------------------------------


def _of_first_file(name: str) -> Any:
    return lambda row: row["files"][0][name] if row["files"] else None


def _resolution(row: Row) -> str | None:
    width, height = row["resolution_width"], row["resolution_height"]
    return f"{width}x{height}" if width and height else None


def _media(row: Row) -> str:
    """The first file's media facts in one cell: `1920x1080 h264 1:52:03`."""
    if not row["files"]:
        return ""
    first = row["files"][0]
    facts = (_resolution(first), first["codec_video"], duration(first["duration_ms"]))
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


def list_movies(also_missing: AlsoMissing = False, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List movies with their files."""
    with catalog_of(config):
        rows = views.list_movies(also_missing=also_missing)
        print_rows(rows, _MOVIES, as_json=wants_json(as_json), nothing="no movies yet")


def list_series(also_missing: AlsoMissing = False, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List series with the number of their episodes."""
    with catalog_of(config):
        rows = views.list_series(also_missing=also_missing)
        print_rows(rows, _SERIES, as_json=wants_json(as_json), nothing="no series yet")


def list_episodes(also_missing: AlsoMissing = False, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List episodes with their files."""
    with catalog_of(config):
        rows = views.list_episodes(also_missing=also_missing)
        print_rows(rows, _EPISODES, as_json=wants_json(as_json), nothing="no episodes yet")


def list_files(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List every video that is not ignored, with what it is or the reason why that is not known."""
    with catalog_of(config):
        print_rows(views.list_files(), _FILES, as_json=wants_json(as_json), nothing="no files yet")


def list_ignored(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List ignored videos (samples, trailers, what the rules exclude) with the reason."""
    with catalog_of(config):
        rows = views.list_files(verdict=FileVerdict.IGNORED)
        print_rows(rows, _FILES, as_json=wants_json(as_json), nothing="nothing is ignored")


def list_libraries(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List the watched folders and their states."""
    # The other lists start faster without these.
    from reeld.diagnose.health import state_now
    from reeld.domain.status import RunningStatus
    from reeld.service.instance_lock import status_of

    with catalog_of(config) as settings:
        watchers = {each.name: each for each in (status_of(settings.database_path) or RunningStatus()).libraries}
        rows = (library_row(state_now(row, watchers.get(row["name"]))) for row in overview.libraries())
        print_rows(rows, _LIBRARIES, as_json=wants_json(as_json), nothing="no libraries")


def list_trash(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List removed movies, series and episodes; `reeld restore ID` brings one back."""
    with catalog_of(config):
        print_rows(views.list_trash(), _TRASH, as_json=wants_json(as_json), nothing="the trash is empty")


def list_backups(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List backups of the catalogue, newest first; `reeld restore-backup FILE` goes back to one.

    This works without a catalogue, too.
    """
    settings = config_of(config, asks_disks=False)
    if (trouble := listing_trouble(settings.database_path)) is not None:
        raise of_another(settings.database_path) or CatalogUnavailable(trouble)
    print_rows(_backup_rows(settings.database_path), _BACKUPS, as_json=wants_json(as_json), nothing="no backups yet")


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


# --- one thing -------------------------------------------------------------------------------------------


def show(
    what: Annotated[str, typer.Argument(metavar="ID|PATH", help="A number of any list, or a file's path.")],
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show all that is known of one file, and why. Also takes m12, s3, e7, t4, d9: a movie, ..., a decision."""
    with catalog_of(config):
        thing, number = parse(what) or (Thing.FILE, file_id_of(what))
        row = _FIND[thing](number)
        if row is None:
            raise not_found(thing, number)
        if wants_json(as_json):
            print_json([row])
        else:
            _print_details(thing, row)


_FIND: dict[Thing, Callable[[int], Row | None]] = {
    Thing.FILE: views.file_details,
    Thing.MOVIE: views.movie_by_id,
    Thing.SERIES: views.series_by_id,
    Thing.EPISODE: views.episode_by_id,
    Thing.TRASH: lambda number: next(views.list_trash(number), None),
    Thing.DECISION: views.decision_by_id,
    Thing.RULE: lambda _: None,
}


def file_id_of(what: str) -> int:
    """Return the id of the file that a number or a path names. A number is not looked up: there may be no such file.

    Raises UsageError for the number of another thing (`m12`), and for a path of several files. Raises NotFoundError for
    a path that the catalogue does not know, and for a number that is too large.
    """
    if (found := parse(what)) is not None:
        thing, number = found
        if thing is not Thing.FILE:
            raise refusal(Thing.FILE, thing, number)
        return number
    ids = views.file_ids_at(os.path.abspath(what), real_path_in_time)
    if not ids:
        raise NotFoundError(f"the catalogue does not know {readable(os.path.abspath(what))}", "see `reeld list files`")
    if len(ids) > 1:
        raise UsageError(f"{readable(what)} is the path of several files", f"type a number: {', '.join(map(str, ids))}")
    return ids[0]


_CHECKS: tuple[tuple[str, dict[str, str]], ...] = (
    ("writer", {"none": "no writer", "unknown": "a writer cannot be ruled out"}),
    ("holes", {"none": "no holes", "some": "has holes: parts left out or never written"}),
    ("end", {"there": "ends where its container does", "missing": "ends before its container does"}),
)


def _completeness(seen: Row) -> str:
    """What each completeness check said when the file had settled."""
    said = [words[seen[check]] for check, words in _CHECKS if seen.get(check) in words]
    return "; ".join([f"unchanged for {seen['quiet_s']:g} s", *said])


# How people read what a script wants exact.
_SHOWN: dict[str, Callable[[Any], str | None]] = {
    "size_bytes": size,
    "duration_ms": duration,
    "first_seen_at": second,
    "changed_at": second,
    "missing_since": second,
    "created_at": second,
    "deleted_at": second,
    "decided_at": second,
    "completeness": _completeness,
}

# Shown below the other facts, in their own form.
_BELOW = frozenset({"evidence", "history", "validations", "candidates", "files", "file"})


def _is_told(value: object) -> bool:
    """Whether a fact is shown. Zero is a value (the season of the specials); an empty list tells little."""
    return value is not None and value is not False and value != []


def _print_details(thing: Thing, row: Row) -> None:
    heading = "path" if thing is Thing.FILE else "id"
    say(readable(str(row[heading])))
    for name, value in row.items():
        if name != heading and name not in _BELOW and _is_told(value):
            label = name.removesuffix("_bytes").removesuffix("_ms").replace("_", " ")
            say(f"  {label:18} {_SHOWN.get(name, shown)(value)}")
    for file in row.get("files", [row["file"]] if "file" in row else []):
        say(f"  {'file ' + str(file['id']):18} {readable(file['path'])}")
    if row.get("evidence"):
        say("  evidence")
        for sentence in row["evidence"]:
            say(f"    - {readable(sentence)}")
    for link in row.get("history", []):
        _print_link(link)
    if thing is Thing.DECISION:
        _print_candidates(row["candidates"], row["selected"])
    for validation in row.get("validations", []):
        _print_validation(validation)


def _print_link(link: Row) -> None:
    came_from = f" from {readable(link['path_before'])}" if link["path_before"] else ""
    say(f"  {second(link['happened_at'])}: {link['event']}{came_from}")
    for sentence in link["evidence"]:
        say(f"    - {readable(sentence)}")


def _print_validation(validation: Row) -> None:
    if validation["id"] is None:
        say(f"  pending: {readable(validation['reason'])}")
    else:
        by = f"{validation['state']} by {validation['decided_by']}"
        say(f"  decision {validation['id']} ({by}): {readable(validation['reason'])}")
    _print_candidates(validation["candidates"], validation["selected"])


# --- pending validations ---------------------------------------------------------------------------------


def pending(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List the files that wait for your decision, with the candidates. Answer with `reeld validate` or `reject`."""
    with catalog_of(config):
        rows = views.list_pending()
        if wants_json(as_json):
            print_json(rows)
        else:
            _print_pending(rows)


def _print_pending(rows: Iterable[Row]) -> None:
    has_any = False
    for row in rows:
        has_any = True
        say(f"{row['id']}  {readable(row['file']['path'])}")
        say(f"    {readable(row['reason'])}")
        problem = row["file"]["media_problem"]
        if problem and problem not in row["reason"]:
            say(f"    {readable(problem)}")
        _print_candidates(row["candidates"], None)
    if has_any:
        remark("answer: reeld validate ID (--candidate N, --movie, --series), or reeld reject ID")
    else:
        complain("nothing is pending", "info")


def _print_candidates(candidates: list[Row], selected: int | None) -> None:
    for candidate in candidates:
        number, is_selected = candidate["number"], candidate["number"] == selected
        facts = f"{candidate['kind']}, {candidate['confidence']:.2f}{', selected' if is_selected else ''}"
        say(f"    candidate {number}: {work_name(candidate)}  [{facts}]")
        for sentence in candidate["evidence"]:
            say(f"        - {readable(sentence)}")
