"""Commands that show one thing, or what waits for the user: `show`, `pending`."""

import os
from collections.abc import Callable, Iterable
from typing import Annotated, Any

import typer

from reeld.catalog import views
from reeld.cli.numbers import not_found, parse, refusal
from reeld.cli.options import AsJson, ConfigFile, catalog_of, wants_json
from reeld.cli.output import Row, complain, print_json, remark, say
from reeld.cli.words import duration, second, shown, size, work_name
from reeld.domain.files import readable
from reeld.domain.numbers import Thing
from reeld.errors import NotFoundError, UsageError
from reeld.service.timeouts import real_path_in_time


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
