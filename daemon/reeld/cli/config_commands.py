"""`config diff`: shows what another configuration would change for the catalogue."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from reeld.cli.options import AsJson, ConfigFile, asked, config_of, no_empty_path, wants_json
from reeld.cli.output import Row, complain, print_error, print_json, remark, say
from reeld.cli.words import work_name
from reeld.config import Config, database_path_in, find_config_file, load_config
from reeld.database.connection import close_catalog, open_catalog
from reeld.database.whose import of_another
from reeld.diagnose.config_diff import Change, changes
from reeld.domain.files import readable
from reeld.domain.status import RunningStatus
from reeld.errors import ConfigError
from reeld.service.instance_lock import can_tell, status_of
from reeld.service.reload import config_in_force
from reeld.service.timeouts import real_paths_in_time


def diff(
    new: Annotated[str | None, typer.Argument(metavar="[NEW.toml]", show_default=False, callback=no_empty_path)] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show what a new configuration would change for the catalogue, by names alone; nothing is changed.

    Without NEW.toml, it shows what a reload of the present file would change. The file is compared with the
    configuration that a running reeld has in force, else with the present file. So the file may be edited in its
    place. The list names files that would be newly seen, newly ignored or identified otherwise,
    libraries that come, go, move or are renamed, and settings. Folders of libraries with other rules are read; no
    video is opened.
    """
    new = new or _file_to_reload(config)
    after = load_config(new, os.environ, real_paths=real_paths_in_time)
    present = _present(config)
    catalog = (present or after).database_path
    if not can_tell(catalog) and (theirs := of_another(catalog)) is not None:
        raise theirs
    daemon = status_of(catalog)
    before = _before(new, present, daemon)
    if before is not None and before.only_library is not None:
        from reeld.service.scan import with_library

        complain(
            f"reeld was started with --library {readable(before.only_library)}, so a reload keeps that library", "info"
        )
        after = with_library(after, before.only_library, before.libraries[0].name)
    open_catalog((before or present or after).database_path, create=False)
    try:
        found = changes(before, after)
        if wants_json(as_json):
            roots = {library.name: library.path for library in after.libraries}
            print_json(_row(change, roots) for change in found)
        else:
            _print(found)
    finally:
        close_catalog()


def _file_to_reload(config: str | None) -> str | None:
    """Find the file that a running reeld would read again, else the one that it would read at its start."""
    given = config or asked.config_file
    path = find_config_file(given, os.environ)
    if given is None and path is not None:
        daemon = status_of(database_path_in(path, os.environ))
        if daemon is not None and daemon.config_file is not None:
            return daemon.config_file
    return path


def _present(config: str | None) -> Config | None:
    """The present configuration; None where it cannot be read, which the new one may mend."""
    try:
        return config_of(config)
    except ConfigError as err:
        print_error(f"the present configuration cannot be used: {err}", err.hint)
        return None


def _before(new: str | None, present: Config | None, daemon: RunningStatus | None) -> Config | None:
    """The configuration to compare with, which is named on stderr; None for the catalogue alone.

    A file that is compared with itself would always seem to change nothing.
    """
    if daemon is not None and (in_force := config_in_force(daemon)) is not None:
        complain(f"compared with what reeld (process {daemon.pid}) has in force", "info")
        return in_force
    why = (
        "no reeld runs"
        if daemon is None or not daemon.is_daemon
        else "the configuration of the running reeld is not known"
    )
    if present is None or _is_same_file(new, present.source):
        complain(f"compared with the catalogue alone, which knows no settings; {why}", "info")
        return None
    complain(f"compared with {readable(present.source or 'the built-in defaults')}; {why}", "info")
    return present


def _is_same_file(new: str | None, present: str | None) -> bool:
    """None stands for the built-in defaults."""
    if new is None or present is None:
        return new is present
    return os.path.samefile(new, present)


def _row(change: Change, roots: Mapping[str, str]) -> Row:
    """As JSON. A file's path is absolute there, as in every other command; a setting's name has a key of its own."""
    is_setting = change.what == "setting"
    path = None if is_setting or change.path is None else os.path.join(roots.get(change.library or "", ""), change.path)
    return {
        "what": change.what,
        "library": change.library,
        "path": path,
        "setting": change.path if is_setting else None,
        "before": change.before,
        "after": change.after,
        "message": change.message,
    }


def _print(found: Iterator[Change]) -> None:
    counts: Counter[str] = Counter()
    for change in found:
        counts[change.what] += 1
        say(_line(change))
    sums = ", ".join(f"{what} {count}" for what, count in counts.items())
    remark(f"in all: {sums}" if sums else "no difference")


def _line(change: Change) -> str:
    library = f" ({readable(change.library)})" if change.library else ""
    path = f" {readable(change.path)}:" if change.path and not change.what.startswith("library") else ""
    message = readable(change.message)
    if change.what == "identity":
        message = f"{_what(change.before)} -> {_what(change.after)}"
    return f"{change.what}{library}:{path} {message}"


def _what(said: dict[str, Any]) -> str:
    if said["verdict"] == "accepted":
        return f"{said['kind']} {work_name(said)}"
    return str(said["verdict"])
