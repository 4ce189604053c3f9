"""Commands that copy the catalogue: `backup`, `restore-backup`, `export`, `import`."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from typing import Annotated

import typer

from reeld.catalog.export import export
from reeld.catalog.import_ import import_catalog
from reeld.cli.options import AsJson, ConfigFile, catalog_of, config_of, no_empty_path, wants_json
from reeld.cli.output import print_json, say
from reeld.database.backup import copy_to
from reeld.database.connection import maintaining
from reeld.database.file_access import protect_if_shell_made
from reeld.database.restore import restore
from reeld.diagnose.service_unit import systemctl
from reeld.domain.amounts import number_of
from reeld.domain.files import readable
from reeld.domain.status import RunningStatus
from reeld.errors import CatalogInUse, NotFoundError, UsageError
from reeld.service.instance_lock import InstanceLock, status_of

Database = Annotated[
    str | None,
    typer.Option(
        metavar="PATH",
        help="Another catalogue than the configured one.",
        show_default=False,
        callback=no_empty_path,
    ),
]


def backup(
    destination: Annotated[str, typer.Argument(metavar="FILE", show_default=False)],
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Copy the catalogue into a new file, also while the daemon runs; the copy is checked."""
    path = os.path.abspath(destination)
    if os.path.lexists(path):
        raise UsageError(f"{readable(path)} exists", "name a new file")
    with catalog_of(config) as settings:
        copy_to(maintaining, path)
    if wants_json(as_json):
        print_json([{"database": settings.database_path, "backup": path}])
    else:
        say(f"{readable(path)}: a copy of {readable(settings.database_path)}, checked")


def restore_backup(
    file: Annotated[str, typer.Argument(metavar="FILE", help="As in `reeld list backups`.", show_default=False)],
    database: Database = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Go back to a backup, with reeld stopped. The present catalogue moves aside; it is not deleted.

    The backup is checked and copied; it stays as it is. reeld then brings its copy up to date with the disks. What you
    decided since is in the catalogue that moved aside.
    """
    catalog = _place(database, config)
    with _stopped(catalog):
        aside = restore(catalog, os.path.abspath(file), datetime.now(UTC))
    if wants_json(as_json):
        print_json([{"database": catalog, "backup": os.path.abspath(file), "moved_to": aside}])
        return
    say(f"{readable(catalog)} is a copy of {readable(file)}; start reeld, which brings it up to date")
    if aside:
        say(f"the catalogue before it is in {readable(aside)}")


def export_all(config: ConfigFile = None, as_json: AsJson = False) -> None:  # noqa: ARG001 - it prints JSON in any case
    """Print the whole catalogue as JSON Lines, also while the daemon runs; `reeld import` takes it back."""
    # Closed before the catalogue is, also when the reader of the pipe has left.
    with catalog_of(config), closing(export()) as rows:
        protect_if_shell_made(sys.stdout.fileno())
        print_json(rows)


def import_all(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="The output of `reeld export`.", show_default=False)],
    database: Database = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Make a new catalogue of an export, with reeld stopped. A catalogue that exists is refused and not touched."""
    catalog = _place(database, config)
    with _stopped(catalog):
        counts = import_catalog(_lines(file), catalog)
    if wants_json(as_json):
        tables = [{"name": name, "row_count": number} for name, number in counts.items()]
        print_json([{"database": catalog, "tables": tables}])
    else:
        files, movies = number_of(counts["video_files"], "file"), number_of(counts["movies"], "movie")
        say(f"{readable(catalog)}: {files}, {movies}, {counts['series']} series")


def _lines(file: str) -> Iterator[bytes]:
    if file == "-":
        yield from sys.stdin.buffer
        return
    try:
        with open(file, "rb") as opened:
            yield from opened
    except OSError as err:
        raise NotFoundError(
            f"{readable(file)} cannot be read ({err.strerror})", "check the path and its rights"
        ) from err


def _place(database: str | None, config: str | None) -> str:
    return os.path.abspath(database) if database else config_of(config).database_path


@contextmanager
def _stopped(catalog: str) -> Iterator[None]:
    """Keep every other reeld off the catalogue. Raises CatalogInUse."""
    with ExitStack() as stack:
        try:
            stack.enter_context(InstanceLock(catalog, "restore"))
        except CatalogInUse as err:
            if not (status_of(catalog) or RunningStatus()).is_daemon:
                raise
            raise CatalogInUse(
                f"a reeld works on {readable(catalog)}, so nothing was changed",
                f"stop it first: {systemctl('stop', catalog) or 'end its process with SIGTERM'}",
            ) from err
        yield
