"""Commands that show one thing, or what waits for the user: `show`, `pending`."""

import os
import shlex
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any

import typer

from reeld.catalog import views
from reeld.catalog.twins import twins_of
from reeld.cli.numbers import not_found, parse, refusal
from reeld.cli.options import AsJson, ConfigFile, catalog_of, wants_json
from reeld.cli.output import Row, complain, print_json, remark, say
from reeld.cli.pager import paged
from reeld.cli.words import duration, resolution, second, shown, sidecar_kind, size, work_name
from reeld.domain.files import readable
from reeld.domain.numbers import Thing, spelled
from reeld.domain.states import FileState
from reeld.errors import NotFoundError, UsageError
from reeld.query.search import works_called
from reeld.query.seasons import seasons_of
from reeld.service.timeouts import real_path_in_time


def show(
    what: Annotated[
        str, typer.Argument(metavar="ID|PATH|TITLE", help="A number of any list, a file's path, or a whole title.")
    ],
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show all that is known of a file, a movie or a series.

    Numbers: 12 is a file, m12 a movie, s3 a series, e7 an episode, t4 an entry of the trash, d9 a decision.
    """
    with catalog_of(config):
        thing, number = parse(what) or _named(what)
        row = _FIND[thing](number)
        if row is None:
            raise not_found(thing, number)
        if wants_json(as_json):
            print_json([row])
        else:
            with paged():
                _print_details(thing, row)


def _named(what: str) -> tuple[Thing, int]:
    """Find the file of this path, or the only work of this title, perhaps with its year: "Heat (1995)"."""
    if views.file_ids_at(os.path.abspath(what), real_path_in_time) or "/" in what:
        return Thing.FILE, file_id_of(what)
    found = works_called(what)
    if not found:
        raise NotFoundError(
            f"nothing is called {readable(what)}, and the catalogue knows no such file here",
            f"see `reeld search {shlex.quote(readable(what))}`",
        )
    if len(found) > 1:
        numbers = ", ".join(f"{spelled(thing, number)}: {readable(name)}" for thing, number, name in found)
        raise UsageError(f"{readable(what)} is the title of several works", f"type a number; {numbers}")
    ((thing, number, _),) = found
    return thing, number


def _file_details(number: int) -> Row | None:
    row = views.file_details(number)
    return None if row is None else row | twins_of(number)


def _series_details(number: int) -> Row | None:
    row = views.series_by_id(number)
    return None if row is None else row | {"seasons": seasons_of(number)}


_FIND: dict[Thing, Callable[[int], Row | None]] = {
    Thing.FILE: _file_details,
    Thing.MOVIE: views.movie_by_id,
    Thing.SERIES: _series_details,
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


def _problem(found: Row) -> str:
    """What came of reading a file again."""
    facts = [f"the hash of its bytes is {found['hash']}"] if found["hash"] else []
    if found["offset"] is not None:
        facts.append(f"it cannot be read at byte {found['offset']}")
    return "; ".join([f"since {second(found['since'])}", *facts])


# How people read what a script wants exact.
_SHOWN: dict[str, Callable[[Any], str | None]] = {
    "size_bytes": size,
    "duration_ms": duration,
    "first_seen_at": second,
    "link_count_at": second,
    "changed_at": second,
    "missing_since": second,
    "created_at": second,
    "deleted_at": second,
    "decided_at": second,
    "completeness": _completeness,
    "verified_at": second,
    "verify_details": _problem,
}

# Shown below the other facts, in their own form.
_BELOW = frozenset(
    {"evidence", "history", "validations", "candidates", "files", "file", "seasons", "sidecars"}
    | {"subtitle_file_count", "nfo_file_count", "picture_file_count"}
)


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
    _print_files(row.get("files", [row["file"]] if "file" in row else []))
    for season in row.get("seasons", []):
        _print_season(season)
    if any(each["state"] != "present" for season in row.get("seasons", []) for each in season["episodes"]):
        say(f"  {'':18} (gone)  -missing by its number-  pending?  x: versions")
    _print_sidecars(row.get("sidecars", []))
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


def _print_files(files: Sequence[Row]) -> None:
    """Print the files of a work, one below the other, so that versions can be compared."""
    facts = [_facts_of_file(file) for file in files]
    widths = [max(map(len, column)) for column in zip(*facts, strict=True)]
    for file, cells in zip(files, facts, strict=True):
        line = "  ".join(f"{cell:{width}}" for cell, width in zip(cells, widths, strict=True) if width)
        say(f"  {'file ' + str(file['id']):18} {line}".rstrip())
        say(f"  {'':18} {readable(file['path'])}")


def _facts_of_file(file: Row) -> list[str]:
    gone = None if file["state"] == FileState.PRESENT else file["state"]
    return [
        shown(each)
        for each in (
            gone,
            resolution(file),
            file["codec_video"],
            file["hdr"],
            duration(file["duration_ms"]),
            size(file["size_bytes"]),
            file["edition"],
            f"part {file['part']}" if file["part"] else None,
            file["languages"],
        )
    ]


# How each state stands in the grid of a series; what is there has its bare number.
_MARKS = {"present": "{}", "gone": "({})", "no file": "({})", "missing": "-{}-", "pending": "{}?"}


def _print_season(season: Row) -> None:
    """Print a season as a row of its episodes."""
    number = season["season_number"]
    name = "without a season" if number is None else "specials" if number == 0 else f"season {number}"
    cells = []
    for episode in season["episodes"]:
        which = next(each for each in (_number_of(episode), "?") if each)
        versions = f"x{episode['version_count']}" if episode["version_count"] > 1 else ""
        cells.append(_MARKS[episode["state"]].format(which) + versions)
    say(f"  {name:18} {' '.join(cells)}".rstrip() if cells else f"  {name:18} no episode is here")


def _number_of(episode: Row) -> str | None:
    number, absolute = episode["episode_number"], episode["absolute_number"]
    if number is not None:
        return str(number)
    return f"#{absolute}" if absolute is not None else episode["air_date"]


def _print_sidecars(sidecars: Sequence[Row]) -> None:
    if sidecars:
        say("  sidecars")
    for sidecar in sidecars:
        what = ", ".join(each for each in (sidecar_kind(sidecar), sidecar["language"]) if each)
        place = os.path.relpath(sidecar["path"], os.path.dirname(sidecar["video_path"]))
        say(f"    - {readable(place)}: {what}")


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
            with paged():
                has_any = _print_pending(rows)
            if has_any:
                remark("answer: reeld validate ID (--candidate N, --movie, --series), or reeld reject ID")
            else:
                complain("nothing is pending", "info")


def _print_pending(rows: Iterable[Row]) -> bool:
    """Return whether there was any."""
    has_any = False
    for row in rows:
        has_any = True
        say(f"{row['id']}  {readable(row['file']['path'])}")
        say(f"    {readable(row['reason'])}")
        problem = row["file"]["media_problem"]
        if problem and problem not in row["reason"]:
            say(f"    {readable(problem)}")
        _print_candidates(row["candidates"], None)
    return has_any


def _print_candidates(candidates: list[Row], selected: int | None) -> None:
    for candidate in candidates:
        number, is_selected = candidate["number"], candidate["number"] == selected
        facts = f"{candidate['kind']}, {candidate['confidence']:.2f}{', selected' if is_selected else ''}"
        say(f"    candidate {number}: {work_name(candidate)}  [{facts}]")
        for sentence in candidate["evidence"]:
            say(f"        - {readable(sentence)}")
