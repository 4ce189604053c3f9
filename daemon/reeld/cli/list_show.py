"""Commands that only look: `status`, `list`, `show`, `pending`."""

import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

import typer

from reeld.catalog import views
from reeld.cli.options import AsJson, ConfigFile, catalog_of, config_of, wants_json
from reeld.cli.output import (
    Column,
    Row,
    clear_screen,
    complain,
    duration,
    episode_code,
    minute,
    print_json,
    print_rows,
    say,
    shown,
    size,
    work_name,
)
from reeld.config import Config
from reeld.database.backup import backups_of, newest_of
from reeld.database.sqlite_errors import space_trouble
from reeld.domain.amounts import number_of
from reeld.domain.files import readable
from reeld.domain.status import RunningStatus, WatcherStatus
from reeld.domain.times import coarsely
from reeld.errors import NotFoundError, UsageError
from reeld.service.timeouts import real_path_in_time

AlsoMissing = Annotated[bool, typer.Option("--all", help="Also those whose files are all missing.")]


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
    """Of a file that is missing, and was not read before that, there is none, and nothing is to be done."""
    if row["verdict"] or row["stage"]:
        return str(row["verdict"] or f"to do: {row['stage']}")
    return "set aside" if row["state"] == "present" else None


WATCH_S = 2.0

# Of the files of a library whose end is awaited; as many as the daemon names of those that settle.
MOST_NAMED = 20

WHY_AWAITED = "it ends before its container does; if nobody writes to it any more, fetch it again"

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
    ("Seasons", lambda row: row["seasons"]),
    ("Episodes", lambda row: row["episodes"]),
    ("Files", lambda row: row["files"]),
]

_FILES: list[Column] = [
    ("ID", lambda row: row["id"]),
    ("State", lambda row: row["state"]),
    ("Verdict", _verdict),
    ("What", lambda row: work_name(row) if row["kind"] else None),
    ("Size", lambda row: size(row["size_bytes"])),
    ("Hash", lambda row: row["file_hash"]),
    ("Path", lambda row: row["path"]),
    ("Reason", lambda row: row["reason"]),
]

_LIBRARIES: list[Column] = [
    ("ID", lambda row: row["id"]),
    ("Name", lambda row: row["name"]),
    ("Kind", lambda row: row["kind"]),
    ("State", lambda row: row["state"]),
    ("Files", lambda row: row["files"]),
    ("Path", lambda row: row["path"]),
    ("Reason", lambda row: row["state_reason"]),
]


def _title_of_trash(row: Row) -> str:
    """Of an episode its series and its number, where nobody knows its title."""
    was = row["entity_metadata"]
    title, year = was.get("title"), was.get("year")
    named = f"{title} ({year})" if title and year else title
    code = (_code(was) or was["air_date"]) if "season_number" in was else None
    return " ".join(part for part in (row["series"], code, named) if part)


_TRASH: list[Column] = [
    ("ID", lambda row: row["id"]),
    ("Type", lambda row: row["entity_type"]),
    ("Title", _title_of_trash),
    ("Deleted", lambda row: row["deleted_at"]),
    ("Reason", lambda row: row["deletion_reason"]),
]

_BACKUPS: list[Column] = [
    ("Made", lambda row: _moment(row["made_at"])),
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
    """Films with their files."""
    with catalog_of(config):
        rows = views.list_movies(also_missing=also_missing)
        print_rows(rows, _MOVIES, as_json=wants_json(as_json), nothing="no movies yet")


def list_series(also_missing: AlsoMissing = False, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Series with the number of their episodes."""
    with catalog_of(config):
        rows = views.list_series(also_missing=also_missing)
        print_rows(rows, _SERIES, as_json=wants_json(as_json), nothing="no series yet")


def list_episodes(also_missing: AlsoMissing = False, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Episodes with their files."""
    with catalog_of(config):
        rows = views.list_episodes(also_missing=also_missing)
        print_rows(rows, _EPISODES, as_json=wants_json(as_json), nothing="no episodes yet")


def list_files(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Every video that is not ignored, with what it is or why that is not known."""
    with catalog_of(config):
        print_rows(views.list_files(), _FILES, as_json=wants_json(as_json), nothing="no files yet")


def list_ignored(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Videos that are left alone (samples, trailers, what the rules exclude), and why."""
    with catalog_of(config):
        rows = views.list_files(verdict="ignored")
        print_rows(rows, _FILES, as_json=wants_json(as_json), nothing="nothing is ignored")


def list_libraries(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """The folders that are watched, and whether they can be looked at."""
    with catalog_of(config):
        print_rows(views.libraries(), _LIBRARIES, as_json=wants_json(as_json), nothing="no libraries")


def list_trash(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Movies, series and episodes that were removed; `reeld restore ID` brings one back."""
    with catalog_of(config):
        print_rows(views.list_trash(), _TRASH, as_json=wants_json(as_json), nothing="the trash is empty")


def list_backups(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Copies of the catalogue, newest first; `reeld restore-backup FILE` goes back to one. Also without a catalogue."""
    settings = config_of(config)
    print_rows(_backup_rows(settings.database_path), _BACKUPS, as_json=wants_json(as_json), nothing="no backups yet")


def _backup_rows(database_path: str) -> Iterable[Row]:
    for backup in backups_of(database_path):
        size_bytes = None
        try:
            size_bytes = os.path.getsize(backup.path)
        except FileNotFoundError:  # it was let go just now
            continue
        except OSError:  # it is there, and nobody may or can look at it
            pass
        yield {
            "path": backup.path,
            "made_at": _iso(backup.made_at),
            "schema": backup.schema,
            "size_bytes": size_bytes,
            "is_rescued": backup.is_rescued,
        }


def _iso(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


# --- one file --------------------------------------------------------------------------------------------


def show(
    what: Annotated[str, typer.Argument(metavar="ID|PATH")],
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """All that is known of one file, and why it is believed. ID as in `reeld list files`."""
    with catalog_of(config):
        row = views.file_details(file_id_of(what))
        if row is None:
            raise no_such_number(what)
        if wants_json(as_json):
            print_json([row])
        else:
            _print_details(row)


def file_id_of(what: str) -> int:
    """The file that a person means by its number or its path. Raises NotFoundError."""
    number = number_in(what)
    if number is not None and not os.path.exists(what):
        return number
    ids = views.file_ids_at(os.path.abspath(what), real_path_in_time)
    if not ids:
        raise NotFoundError(f"the catalogue does not know {readable(os.path.abspath(what))}; see `reeld list files`")
    if len(ids) > 1:
        raise UsageError(f"several files are known under {readable(what)}: numbers {', '.join(map(str, ids))}")
    return ids[0]


def no_such_number(what: str) -> NotFoundError:
    return NotFoundError(f"there is no file with the number {what}; see `reeld list files`")


def number_in(text: str) -> int | None:
    """The number of a row that `text` is; None if it is none. SQLite's have at most 19 digits."""
    return int(text) if text.isdecimal() and len(text) < 19 else None


def _moment(text: str) -> str:
    """2026-11-22T15:51:15.317000+00:00 as 2026-11-22 15:51:15 UTC."""
    return f"{text[:10]} {text[11:19]} UTC"


def _completeness(seen: Row) -> str:
    """What each witness said when the file had settled; whoever said nothing is left out."""
    words: tuple[tuple[str, dict[str, str]], ...] = (
        ("writer", {"none": "nobody had it open for writing", "unknown": "whether anybody wrote to it is not known"}),
        ("holes", {"none": "no holes", "some": "it has holes: parts that were left out or never written"}),
        ("end", {"there": "it ends where its container does", "missing": "it ends before its container does"}),
    )
    said = [of[seen[witness]] for witness, of in words if seen.get(witness) in of]
    return "; ".join([f"unchanged for {seen['quiet_s']:g} s", *said])


# How a person reads what a script wants exact.
_SHOWN: dict[str, Callable[[Any], str | None]] = {
    "size_bytes": size,
    "duration_ms": duration,
    "first_seen_at": _moment,
    "changed_at": _moment,
    "missing_since": _moment,
    "completeness": _completeness,
}


def _is_told(value: object) -> bool:
    """Zero is a value: the season of the specials. A list without anything may be that of a file that was not read."""
    return value is not None and value is not False and value != []


def _print_details(row: Row) -> None:
    say(readable(row["path"]))
    for name, value in row.items():
        if name not in ("path", "evidence", "history", "questions") and _is_told(value):
            heading = name.removesuffix("_bytes").removesuffix("_ms").replace("_", " ")
            say(f"  {heading:18} {_SHOWN.get(name, shown)(value)}")
    if row["evidence"]:
        say("  evidence")
        for sentence in row["evidence"]:
            say(f"    - {readable(sentence)}")
    for link in row["history"]:
        _print_link(link)
    for question in row["questions"]:
        say(f"  question {question['id']} ({question['validation_status']}): {readable(question['reason'])}")
        _print_candidates(question["candidates"])


def _print_link(link: Row) -> None:
    came_from = f" from {readable(link['path_before'])}" if link["path_before"] else ""
    say(f"  {_moment(link['happened_at'])}: {link['event']}{came_from}")
    for sentence in link["evidence"]:
        say(f"    - {readable(sentence)}")


# --- questions -------------------------------------------------------------------------------------------


def pending(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """What waits for a person, with the candidates. Answer with `reeld validate` or `reeld reject`."""
    with catalog_of(config):
        questions = views.list_pending()
        if wants_json(as_json):
            print_json(questions)
        else:
            _print_questions(questions)


def _print_questions(questions: Iterable[Row]) -> None:
    has_any = False
    for question in questions:
        has_any = True
        say(f"{question['id']}  {readable(question['file']['path'])}")
        say(f"    {readable(question['reason'])}")
        _print_candidates(question["candidates"])
    if has_any:
        complain("answer with reeld validate NUMBER --candidate N (or --movie, --series), or with reeld reject NUMBER")
    else:
        complain("nothing waits for you")


def _print_candidates(candidates: list[Row]) -> None:
    for candidate in candidates:
        say(f"    candidate {candidate['id']}: {work_name(candidate)}  [{candidate['kind']}, {candidate['score']:.2f}]")
        for sentence in candidate["evidence"]:
            say(f"        - {readable(sentence)}")


# --- status ----------------------------------------------------------------------------------------------


def status(
    config: ConfigFile = None,
    watch: Annotated[bool, typer.Option("--watch", help="Show it anew every two seconds, until Ctrl-C.")] = False,
    as_json: AsJson = False,
) -> None:
    """Whether a daemon runs, what the libraries are like, what there is, and what is left to do and when it is done."""
    while True:
        # Opened anew each time: a catalogue that is kept open keeps its log from being folded in.
        with catalog_of(config) as settings:
            report = _report(settings)
        if wants_json(as_json):
            print_json([report])
        else:
            if watch and sys.stdout.isatty():
                clear_screen()
            _print_status(report)
        if not watch:
            return
        sys.stdout.flush()
        time.sleep(WATCH_S)


def _report(settings: Config) -> Row:
    # Here, since the lists need none of this, and loading it takes a tenth of their time.
    from reeld.diagnose.health import HealthInputs, quick_checks, utc_now
    from reeld.service.instance_lock import status_of

    running, libraries, counts = status_of(settings.database_path), views.libraries(), views.counts()
    inputs = HealthInputs(config=settings, running=running, libraries=libraries, failed=counts["failed"], now=utc_now())
    said = running or RunningStatus()
    return {
        "running": running is not None,
        "pid": said.pid,
        "command": said.command,
        "config_error": said.config_error,
        "database": settings.database_path,
        "catalog": _catalog_report(settings.database_path, said.catalog_problems),
        **counts,
        # The daemon's estimate is some seconds old: if the queue is empty by now, nothing is left.
        "work": asdict(said.work) if said.work and counts["queue"] else None,
        "libraries": _with_waiting(libraries, said.libraries, views.awaited()),
        "findings": [asdict(finding) for finding in quick_checks(inputs) if finding.level != "good"],
    }


def _catalog_report(path: str, told: Sequence[str]) -> Row:
    """The last backup and what is wrong. A daemon whose disk is full cannot say so, so it is checked here."""
    newest = newest_of(path)
    return {
        "backup": newest and newest.path,
        "backed_up_at": newest and _iso(newest.made_at),
        "problems": [problem for problem in (space_trouble(path), *told) if problem is not None],
    }


def _with_waiting(rows: list[Row], told: Sequence[WatcherStatus], awaited: list[Row]) -> list[Row]:
    """What the catalogue knows about each library, its files that wait for their end, and what the daemon knows."""
    by_name = {watcher.name: watcher for watcher in told}
    return [
        _with_awaited(
            row | _watcher_report(by_name.get(row["name"], WatcherStatus(name=row["name"]))),
            [wait for wait in awaited if wait["library"] == row["name"]],
        )
        for row in rows
    ]


def _watcher_report(watcher: WatcherStatus) -> Row:
    report = asdict(watcher)
    return {key: report[key] for key in ("trouble", "watching", "settling", "waiting", "unreadable")}


def _with_awaited(library: Row, awaited: list[Row]) -> Row:
    waits = [
        {
            "path": wait["path"],
            "since": round(wait["since"]),
            "why": WHY_AWAITED,
            "held_since": None,
            "until": round(wait["until"]),
        }
        for wait in awaited[:MOST_NAMED]
    ]
    return library | {"awaited": len(awaited), "waiting": [*library["waiting"], *waits]}


# What a line of its own, or the lines of its library, say already.
_SHOWN_WITH_LIBRARIES = frozenset({"daemon", "configuration", "library", "events", "rights", "files"})


_WORKS = (("movies", "movie"), ("series", "series"), ("episodes", "episode"))


def _print_status(report: Row) -> None:
    from reeld.service.instance_lock import who_works

    running = RunningStatus(pid=report["pid"], command=report["command"]) if report["running"] else None
    say(who_works(running) if running else "reeld does not run")
    for line in (report["config_error"] or "").splitlines():
        say(f"not in force: {readable(line)}")
    say(f"catalogue  {readable(report['database'])}, last backup: {report['catalog']['backed_up_at'] or 'none yet'}")
    for finding in report["findings"]:
        if finding["level"] == "problem" and finding["check"] not in _SHOWN_WITH_LIBRARIES:
            say(f"    problem: {readable(finding['message'])}")
    files, verdicts = report["files"], report["verdicts"]
    kinds = f"{verdicts['ignored']} ignored, {verdicts['rejected']} rejected"
    say(f"files      {files['present']} present, {files['missing']} missing, {kinds}")
    works = [number_of(report[kind], thing) for kind, thing in _WORKS]
    say(f"works      {', '.join(works)}")
    say(f"questions  {verdicts['pending']} waiting for you (reeld pending)")
    work = ", ".join(f"{stage} {count}" for stage, count in report["queue"].items()) or "nothing"
    # What waits for its end is named below, with its library.
    ends = {0: "", 1: "1 waits for its end, "}.get(report["awaited"], f"{report['awaited']} wait for their end, ")
    stopped = f"{report['paused']} paused, {report['failed']} set aside"
    say(f"to do      {work}; {ends}{stopped} (reeld list files says why)")
    if report["work"]:
        _print_estimate(report["work"])
    for library in report["libraries"]:
        _print_library(library)


def _print_estimate(work: Row) -> None:
    """How fast the work goes, and when it will be done."""
    rates = [f"{work['files_per_s']:.0f} files/s"] if work["files_per_s"] else []
    if work["bytes_to_hash"]:
        rates.append(f"{size(work['bytes_to_hash'])} to hash")
    if work["hashed_bytes_per_s"]:
        rates.append(f"{size(round(work['hashed_bytes_per_s']))}/s")
    if work["seconds_left"] is not None:
        rates.append(f"some {coarsely(work['seconds_left'])} left")
    if rates:
        say(f"           {', '.join(rates)}")


def _age(since_s: float) -> str:
    return coarsely(time.time() - since_s)


def _print_library(library: Row) -> None:
    reason = f": {readable(library['state_reason'])}" if library["state_reason"] else ""
    say(f"library    {readable(library['name'])} ({number_of(library['files'], 'file')}) {library['state']}{reason}")
    if library["trouble"]:
        say(f"    {readable(library['trouble'])}")
    if library["watching"]:
        say(f"    {_how_watched(library['watching'])}")
    for wait in library["waiting"]:
        _print_wait(wait)
    for folder in library["unreadable"]:
        say(f"    not readable, nothing in it changes: {readable(folder['path'])} ({readable(folder['why'])})")
    if (unnamed := library["settling"] + library["awaited"] - len(library["waiting"])) > 0:
        say(f"    and {unnamed} more")


def _print_wait(wait: Row) -> None:
    named = f"{readable(wait['path'])} ({readable(wait['why'])}"
    if wait["until"] is not None:
        say(f"    unchanged for {_age(wait['since'])}, its end is awaited until {minute(wait['until'])}: {named})")
        return
    objected = "" if wait["held_since"] is None else f" for {_age(wait['held_since'])}"
    say(f"    settling for {_age(wait['since'])}: {named}{objected})")


def _how_watched(watching: Row) -> str:
    how = {
        "events": "watched",
        "events and polling": "watched, and looked at by the clock",
        "polling": "looked at by the clock",
    }[watching["mode"]]
    why = f": {readable(watching['why'])}" if watching["why"] else ""
    walked = "not walked yet"
    if watching["last_walk"]:
        walked = f"walked {duration(round(1000 * max(0, time.time() - watching['last_walk'])))} ago"
    return f"{'degraded: ' if watching['is_degraded'] else ''}{how}{why}; {walked}"
