"""Commands that do the work, `run` and `scan`, and `config check` and `config drop-in`."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime
from functools import partial
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from reeld.catalog import overview
from reeld.cli.options import (
    AsJson,
    ConfigFile,
    asked,
    catalog_of,
    config_of,
    no_empty_path,
    wants_json,
)
from reeld.cli.output import Row, print_json, print_text, remark, say
from reeld.cli.rows import counts_row
from reeld.cli.words import size
from reeld.config import Config, Library, find_config_file, load_config
from reeld.domain.amounts import number_of
from reeld.domain.files import readable
from reeld.domain.states import LibraryState
from reeld.domain.times import coarsely
from reeld.errors import ConfigError, QueryError, ReeldError
from reeld.log import configure_log
from reeld.service.timeouts import LONGEST_ANSWER_S, all_in_time, real_paths_in_time, was_silent

# Unfinished files that a scan names.
MOST_NAMED = 20

if TYPE_CHECKING:
    # Loaded by the commands that run them: the others start in half the time.
    from reeld.service.scan import Progress, Summary


def run(
    library: Annotated[
        str | None,
        typer.Option(
            metavar="PATH", help="Watch this folder instead of the configured libraries.", callback=no_empty_path
        ),
    ] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,  # noqa: ARG001 - every command takes it; the log has a setting of its own
) -> None:
    """Watch the libraries until SIGTERM or Ctrl-C. This is the daemon; it stays in the foreground."""
    from reeld.report.sd_notify import notify
    from reeld.service.confinement import write_only_the_catalogue
    from reeld.service.daemon import run_daemon
    from reeld.service.scan import with_library

    file, name = config, None

    def read_config() -> Config:
        nonlocal file, name
        settings = config_of(file)
        file = settings.source  # once it is gone, no other one and no default takes its place
        if library is None:
            return settings
        settings = with_library(settings, library, name)
        name = settings.libraries[0].name  # a reload keeps it
        return settings

    try:
        settings = read_config()
        write_only_the_catalogue(settings.database_path, settings.metrics.textfile_directory)
        run_daemon(settings, read_config)
    except ReeldError as err:
        # It stands in `systemctl status` until the next start.
        notify("STATUS=" + " ".join(err.with_hint.split()))
        raise


def scan(
    paths: Annotated[
        list[str] | None, typer.Argument(metavar="[PATH]...", show_default=False, callback=no_empty_path)
    ] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Bring the catalogue up to date once, without the daemon; all libraries, or only these folders."""
    from reeld.service.confinement import write_only_the_catalogue
    from reeld.service.scan import run_scan

    settings = config_of(config)
    write_only_the_catalogue(settings.database_path)
    if sys.stderr.isatty() and settings.log.level == "info":
        # The progress bar shows what the log would; warnings still appear.
        configure_log(replace(settings.log, level="warning"))
    with _progress_bar() as show:
        summary = run_scan(settings, paths or [], show)
    with catalog_of(config):
        left_out = [row for row in overview.libraries() if row["state"] == LibraryState.REMOVED and row["files"]]
    if wants_json(as_json):
        print_json([_summary_row(summary, left_out)])
    else:
        _print_summary(summary)
        for row in left_out:
            remark(f"library {readable(row['name'])} was not scanned: {readable(_why_left_out(row))}")
    if summary.was_interrupted:
        raise typer.Exit(130)
    if summary.asked_for and summary.offline.keys() >= set(summary.asked_for):
        raise typer.Exit(os.EX_NOINPUT)


def check(
    file: Annotated[str | None, typer.Argument(metavar="[FILE]", show_default=False, callback=no_empty_path)] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Check a configuration file, and show every error in it at once."""
    path = find_config_file(file or config or asked.config_file, os.environ)
    settings = load_config(path, os.environ, real_paths=real_paths_in_time)
    _check_queries(settings)
    if wants_json(as_json):
        row = asdict(settings)
        del row["only_library"]  # no setting of the file
        print_json([row])
    else:
        _print_check(settings)


def _check_queries(settings: Config) -> None:
    from reeld.query.ask import understand

    saved, complaints = {each.name: each.query for each in settings.queries}, []
    for name, query in saved.items():
        try:
            understand(query, saved, datetime.now(UTC))
        except QueryError as err:
            complaints.append(f"queries.{name}: {err.with_hint}")
    if complaints:
        raise ConfigError(settings.source or "", complaints)


def _print_check(settings: Config) -> None:
    source = settings.source and readable(settings.source)
    say(f"{source or 'no configuration file, the built-in defaults'}: good")
    for library, trouble in _troubles(settings.libraries):
        remarked = f"  ({trouble}; reeld waits for it)" if trouble else ""
        say(f"  library {readable(library.name)}: {readable(library.path)}{remarked}")
    say(f"  catalogue: {readable(settings.database_path)}")


def _troubles(libraries: Sequence[Library]) -> Iterator[tuple[Library, str | None]]:
    """Say of each library why its folder cannot be read now, or None. Each disk is asked once for all."""
    asks = {library.path: partial(_trouble, library.path) for library in libraries if not was_silent(library.path)}
    found = all_in_time(asks, LONGEST_ANSWER_S)
    yield from ((library, found.get(library.path, "it does not answer")) for library in libraries)


def _trouble(path: str) -> str | None:
    try:
        with os.scandir(path):
            return None
    except (FileNotFoundError, NotADirectoryError):
        return "not there now"
    except PermissionError:
        return "it may not be read"
    except OSError as err:
        return f"it cannot be read now ({err.strerror})"


def print_drop_in(
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Print what this configuration adds to the systemd unit: the order of mounts, another catalogue."""
    from reeld.diagnose.dropin import STATE_DIRECTORY, drop_in

    path = find_config_file(config or asked.config_file, os.environ)
    settings = load_config(path, {**os.environ, "STATE_DIRECTORY": STATE_DIRECTORY}, real_paths=real_paths_in_time)
    real = real_paths_in_time([library.path for library in settings.libraries])
    text = drop_in(settings, real.__getitem__)
    if wants_json(as_json):
        print_json([{"drop_in": text}])
    else:
        print_text(text.rstrip("\n"))


# --- progress --------------------------------------------------------------------------------------------


@contextmanager
def _progress_bar() -> "Iterator[Callable[[Progress], None] | None]":
    """Show a bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("scanning", total=None)
        most = 0

        def show(progress: "Progress") -> None:
            nonlocal most
            left = sum(progress.left.values()) + progress.settling
            most = max(most, left)
            bar.update(task, total=most, completed=most - left, description=_describe(progress))

        yield show


def _describe(progress: "Progress") -> str:
    stages = [f"{stage} {count}" for stage, count in progress.left.items()]
    settling = [f"settling {progress.settling}"] if progress.settling else []
    hashed = [f"{size(progress.bytes_hashed)} hashed"] if progress.bytes_hashed else []
    estimate = progress.estimate
    if estimate.bytes_to_hash:
        hashed.append(f"{size(estimate.bytes_to_hash)} to hash")
    if estimate.files and estimate.seconds_left is not None:
        hashed.append(f"about {coarsely(estimate.seconds_left)} left")
    return ", ".join(settling + stages + hashed) or "scanning"


def _why_left_out(library: Row) -> str:
    return f"it is not in the configuration; `reeld scan {quote(library['path'])}` scans it"


def _summary_row(summary: "Summary", left_out: Sequence[Row]) -> Row:
    """As JSON. A library's reason says why it was not scanned, or what it waits for."""
    reasons = summary.doubts | summary.offline
    return {
        "seconds": round(summary.seconds, 3),
        "bytes_hashed": summary.bytes_hashed,
        "was_interrupted": summary.was_interrupted,
        "libraries": [
            {"name": name, "was_scanned": name not in summary.offline, "reason": reasons.get(name)}
            for name in summary.asked_for
        ]
        + [{"name": row["name"], "was_scanned": False, "reason": _why_left_out(row)} for row in left_out],
        "unsettled": list(summary.unsettled),
        "unreadable": [{"path": path, "reason": reason} for path, reason in summary.unreadable.items()],
        **counts_row(summary.counts),
    }


def _print_summary(summary: "Summary") -> None:
    counts = summary.counts
    hashed = ""
    if summary.bytes_hashed:
        hashed = f", {size(summary.bytes_hashed)} hashed ({size(round(summary.bytes_hashed / summary.seconds))}/s)"
    say(f"{number_of(counts['files']['present'], 'file')} in {summary.seconds:.1f} s{hashed}")
    say(
        f"{number_of(counts['movies'], 'movie')}, {counts['series']} series with "
        f"{number_of(counts['episodes'], 'episode')}, {counts['verdicts']['pending']} pending (reeld pending), "
        f"{counts['verdicts']['ignored']} ignored, {counts['files']['missing']} missing"
    )
    if counts["failed"]:
        remark(f"{number_of(counts['failed'], 'file')} failed; reeld list files says why")
    for path in summary.unsettled[:MOST_NAMED]:
        remark(f"not complete yet, left for the next scan: {readable(path)}")
    if (unnamed := len(summary.unsettled) - MOST_NAMED) > 0:
        remark(f"and {unnamed} more, {len(summary.unsettled)} files in all, are not complete yet")
    for path, reason in summary.unreadable.items():
        remark(f"folder {readable(path)} cannot be listed, so nothing in it changed: {readable(reason)}")
    for name, reason in summary.doubts.items():
        remark(f"library {readable(name)}: {readable(reason)}")
    for name, reason in summary.offline.items():
        remark(f"library {readable(name)} could not be scanned: {readable(reason)}")
