"""`status`: the daemon, the libraries, the counts, and the work that is left."""

import sys
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import typer

from reeld.catalog import overview, verification
from reeld.cli.options import AsJson, ConfigFile, catalog_of, wants_json
from reeld.cli.output import Row, clear_screen, print_json, say
from reeld.cli.rows import WHY_AWAITED, counts_row, estimate_row, finding_row, library_row, moment, state_in_words
from reeld.cli.words import minute, second, size
from reeld.config import Config
from reeld.database.backup import newest_of
from reeld.database.sqlite_errors import space_trouble
from reeld.diagnose.health import HealthInputs, quick_checks, state_now, utc_now
from reeld.domain.amounts import number_of
from reeld.domain.files import readable
from reeld.domain.status import RunningStatus, WaitingFile, WatcherStatus, WatchStatus
from reeld.domain.times import coarsely, rfc3339
from reeld.service.instance_lock import can_tell, status_of, who_works

WATCH_S = 2.0

# Files of one library whose end is awaited; the daemon names as many of those that settle.
MOST_NAMED = 20

# Findings that the first lines, or those of their library, show already.
_SHOWN_ELSEWHERE = frozenset({"daemon", "configuration", "library", "events", "rights", "files"})


def status(
    config: ConfigFile = None,
    watch: Annotated[bool, typer.Option("--watch", help="Show it again every two seconds, until Ctrl-C.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show whether reeld runs, how the libraries are, what the catalogue holds, and what work is left."""
    while True:
        # Opened each time: a catalogue that stays open keeps its log from being folded in.
        with catalog_of(config) as settings:
            report = _report(settings)
        if wants_json(as_json):
            print_json([report])
        else:
            if watch and sys.stdout.isatty():
                clear_screen()
            _print_status(report, is_verifying=settings.verify.period_d > 0)
        if not watch:
            return
        sys.stdout.flush()
        time.sleep(WATCH_S)


# --- the report ------------------------------------------------------------------------------------------


def _report(settings: Config) -> Row:
    running, libraries, counts = status_of(settings.database_path), overview.libraries(), overview.counts()
    inputs = HealthInputs(
        config=settings,
        running=running,
        can_tell=can_tell(settings.database_path),
        libraries=libraries,
        failed=counts["failed"],
        problems=counts["problems"],
        now=utc_now(),
    )
    said = running or RunningStatus()
    oldest = verification.oldest()
    return {
        "running": running is not None if inputs.can_tell else None,
        "pid": said.pid,
        "command": said.command,
        "started_at": moment(said.started),
        "config_error": said.config_error,
        **_catalog_report(settings.database_path, said.catalog_problems),
        **counts_row(counts),
        # The daemon's estimate is some seconds old: if the queue is empty by now, nothing is left.
        "work": estimate_row(said.work) if said.work and counts["queue"] else None,
        "oldest_comparison_at": oldest and rfc3339(oldest),
        "interrupted": [row | {"reason": _why_interrupted(row)} for row in overview.interrupted()],
        "changing": [
            {
                "library": row["library"],
                "path": row["path"],
                "change_count": row["change_count"],
                "due_at": moment(row["due"]),
                "reason": _why_changing(row),
            }
            for row in overview.changing()[:MOST_NAMED]
        ],
        "libraries": _libraries(libraries, said.libraries, overview.awaited()),
        "findings": [finding_row(finding) for finding in quick_checks(inputs) if finding.level != "good"],
    }


def _why_interrupted(row: Row) -> str:
    return (
        f"reeld ended or restarted {row['interruption_count']} times before it had read all {size(row['size_bytes'])}; "
        "keep it running until it has, or set full = false in [hash]"
    )


def _why_changing(row: Row) -> str:
    return (
        f"it changed {row['change_count']} times while it was read, so reeld waits longer each time; "
        "end the program that writes to it"
    )


def _catalog_report(path: str, told: Sequence[str]) -> Row:
    """The catalogue's place, its last backup and its problems.

    A daemon cannot report that its disk is full, so the free space is checked here.
    """
    newest = newest_of(path)
    return {
        "database": path,
        "backup": newest and newest.path,
        "backed_up_at": newest and rfc3339(newest.made_at),
        "problems": [problem for problem in (space_trouble(path), *told) if problem is not None],
    }


def _libraries(rows: Sequence[Row], told: Sequence[WatcherStatus], awaited: Sequence[Row]) -> list[Row]:
    """Each library as the catalogue has it, with what only the daemon knows and its files that wait for their end."""
    by_name = {watcher.name: watcher for watcher in told}
    return [
        library_row(state_now(row, by_name.get(row["name"])))
        | _from_daemon(
            by_name.get(row["name"], WatcherStatus(name=row["name"])),
            [wait for wait in awaited if wait["library"] == row["name"]],
        )
        for row in rows
    ]


def _from_daemon(watcher: WatcherStatus, awaited: Sequence[Row]) -> Row:
    ends = [
        WaitingFile(path=wait["path"], since=round(wait["since"]), why=WHY_AWAITED, until=round(wait["until"]))
        for wait in awaited[:MOST_NAMED]
    ]
    return {
        "problem": watcher.trouble,
        "watching": _watching(watcher.watching),
        "settling_count": watcher.settling,
        "awaited_count": len(awaited),
        "waiting": [_wait(wait) for wait in (*watcher.waiting, *ends)],
        "unreadable": [{"path": folder.path, "reason": folder.why} for folder in watcher.unreadable],
    }


def _wait(wait: WaitingFile) -> Row:
    return {
        "path": wait.path,
        "reason": wait.why,
        "since": moment(wait.since),
        "held_since": moment(wait.held_since),
        "until": moment(wait.until),
    }


def _watching(watching: WatchStatus | None) -> Row | None:
    if watching is None:
        return None
    return {
        "mode": watching.mode,
        "is_degraded": watching.is_degraded,
        "reason": watching.why,
        "directory_count": watching.directories,
        "rebuild_count": watching.rebuilds,
        "walked_at": moment(watching.last_walk),
        "scanned_at": moment(watching.last_quick_scan),
    }


# --- for people ------------------------------------------------------------------------------------------


def _print_status(report: Row, *, is_verifying: bool) -> None:
    say(_who_works(report))
    for line in (report["config_error"] or "").splitlines():
        say(f"not in force: {readable(line)}")
    backup = second(report["backed_up_at"]) if report["backed_up_at"] else "none yet"
    say(f"catalogue  {readable(report['database'])}")
    say(f"           last backup: {backup}")
    for finding in report["findings"]:
        if finding["level"] == "problem" and finding["check"] not in _SHOWN_ELSEWHERE:
            _say_all("    problem: ", finding["message"])
            if finding["hint"]:
                _say_all("    hint: ", finding["hint"])
    kinds = f"{report['ignored_count']} ignored, {report['rejected_count']} rejected"
    say(f"files      {report['present_count']} present, {report['missing_count']} missing, {kinds}")
    if removed := report["library_removed_count"]:
        say(f"           {removed} in libraries that are not configured any more")
    works = [number_of(report[f"{thing}_count"], thing) for thing in ("movie", "series", "episode")]
    say(f"works      {', '.join(works)}")
    say(f"pending    {report['pending_count']} to review (reeld pending)")
    work = ", ".join(f"{each['stage']} {each['file_count']}" for each in report["queue"]) or "nothing"
    # Files that wait for their end are named below, with their library.
    ends = {0: "", 1: "1 waits for its end, "}.get(
        report["awaited_count"], f"{report['awaited_count']} wait for their end, "
    )
    stopped = f"{report['paused_count']} paused, {report['failed_count']} failed"
    say(f"to do      {work}; {ends}{stopped}")
    if report["failed_count"]:
        say("           reeld list files says why")
    if is_verifying and report["oldest_comparison_at"]:
        say(f"verified   the oldest comparison of a file with its hash is of {minute(report['oldest_comparison_at'])}")
    if report["work"]:
        _print_estimate(report["work"])
    _print_restless(report)
    for library in report["libraries"]:
        _print_library(library, report["findings"])


def _say_all(head: str, text: str) -> None:
    """Print a message of ours; its further lines hold commands to type."""
    first, *more = text.splitlines()
    say(head + readable(first))
    for line in more:
        say(f"{' ' * len(head)}{readable(line)}")


def _print_restless(report: Row) -> None:
    """Name the files whose full hash does not come to its end, and say how many hashes may be old.

    Sidecars without a video wait for someone, too.
    """
    if report["orphan_count"]:
        say(f"sidecars   {report['orphan_count']} belong to no video (reeld list sidecars --orphans)")
    for row in report["interrupted"]:
        say(f"cut off    {row['stage']} of {readable(row['path'])}")
        say(f"           {row['reason']}")
    for row in report["changing"]:
        say(f"changing   {readable(row['path'])}, read again at {minute(row['due_at'])}")
        say(f"           {row['reason']}")
    if report["changing_count"] > len(report["changing"]):
        say(f"           and {report['changing_count'] - len(report['changing'])} more")
    if report["in_doubt_count"]:
        files = number_of(report["in_doubt_count"], "file")
        say(f"in doubt   {files} with a hash that may be old, since something touched them; read again once a day")


def _who_works(report: Row) -> str:
    if report["running"] is None:
        return "you may not see whether reeld runs"
    if not report["running"]:
        return "reeld does not run"
    return who_works(RunningStatus(pid=report["pid"], command=report["command"]))


def _print_estimate(work: Row) -> None:
    rates = [f"{work['files_per_s']:.0f} files/s"] if work["files_per_s"] else []
    if work["bytes_to_hash"]:
        rates.append(f"{size(work['bytes_to_hash'])} to hash")
    if work["hashed_bytes_per_s"]:
        rates.append(f"{size(work['hashed_bytes_per_s'])}/s")
    if work["seconds_left"] is not None:
        rates.append(f"about {coarsely(work['seconds_left'])} left")
    if rates:
        say(f"           {', '.join(rates)}")


def _print_library(library: Row, findings: Sequence[Row]) -> None:
    state = state_in_words(library["state"])
    say(f"library    {readable(library['name'])} ({number_of(library['file_count'], 'file')}) {state}")
    if library["reason"]:
        say(f"    {readable(library['reason'])}")
    if library["problem"]:
        say(f"    {readable(library['problem'])}")
    if library["watching"]:
        say(f"    {_how_watched(library['watching'])}")
    for finding in findings:
        if (finding["check"], finding["library"]) == ("inodes", library["name"]):
            say(f"    {finding['message']}")
    for wait in library["waiting"]:
        _print_wait(wait)
    for folder in library["unreadable"]:
        say(f"    not readable, nothing in it changes: {readable(folder['path'])} ({readable(folder['reason'])})")
    unnamed = library["settling_count"] + library["awaited_count"] - len(library["waiting"])
    if unnamed > 0:
        say(f"    and {unnamed} more")


def _print_wait(wait: Row) -> None:
    named = f"{readable(wait['path'])} ({readable(wait['reason'])}"
    if wait["until"] is not None:
        say(f"    unchanged {_since(wait['since'])}, its end is awaited until {minute(wait['until'])}: {named})")
        return
    held = "" if wait["held_since"] is None else f" {_since(wait['held_since'])}"
    say(f"    settling {_since(wait['since'])}: {named}{held})")


# A daemon's clock and that of a command are read at two moments, and rounded.
CLOCK_SLACK_S = 5.0


def _since(moment: str) -> str:
    """Write "for 3 min". A moment that is still to come was told by a clock that was put back since."""
    age_s = _age_s(moment)
    return (
        f"since {minute(moment)} (by a clock that was put back)" if age_s < -CLOCK_SLACK_S else f"for {coarsely(age_s)}"
    )


def _ago(moment: str) -> str:
    """Write "3 min ago"."""
    age_s = _age_s(moment)
    return f"at {minute(moment)} (by a clock that was put back)" if age_s < -CLOCK_SLACK_S else f"{coarsely(age_s)} ago"


def _age_s(moment: str) -> float:
    return (utc_now() - datetime.fromisoformat(moment)).total_seconds()


_MODES = {"events": "watched", "events and polling": "watched and polled", "polling": "polling"}


def _how_watched(watching: Row) -> str:
    how = _MODES[watching["mode"]]
    reason = f": {readable(watching['reason'])}" if watching["reason"] else ""
    walked = f"walked {_ago(watching['walked_at'])}" if watching["walked_at"] else "not walked yet"
    return f"{'degraded: ' if watching['is_degraded'] else ''}{how}{reason}; {walked}"
