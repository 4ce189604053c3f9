"""Which options does every command take, and what do they stand for?"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from reeld.cli.output import complain
from reeld.errors import ConfigError, UsageError
from reeld.log import configure_log

if TYPE_CHECKING:
    # Every command imports this module, and so does the help, which needs no configuration.
    from reeld.config import Config

T = TypeVar("T", bound=str | list[str] | None)


def no_empty_path(said: T) -> T:
    """For typer: `--config "$FILE"` with no FILE set is no wish for the default, nor `scan "$DIR"` for this folder."""
    if said == "" or (isinstance(said, list) and "" in said):
        raise UsageError("a path is empty, as when a variable is not set; say it, or leave it out")
    return said


ConfigFile = Annotated[
    str | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="Use this configuration file.",
        show_default=False,
        callback=no_empty_path,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON Lines: one object a line, with stable keys.")]


class Asked:
    """What stood before the command's name: `reeld --config FILE --json list movies` works as well."""

    config_file: str | None = None
    as_json: bool = False


asked = Asked()


def config_of(config_file: str | None) -> "Config":
    """The configuration of this call, with the log set up as it says. Raises ConfigError."""
    from reeld.config import find_config_file, load_config
    from reeld.service.timeouts import real_path_in_time

    path = find_config_file(config_file or asked.config_file, os.environ)
    config = load_config(path, os.environ, real_path=real_path_in_time)
    configure_log(config.log)
    return config


def wants_json(as_json: bool) -> bool:
    return as_json or asked.as_json


def _config_or_what_is_in_force(config_file: str | None) -> "Config":
    """What the file says; if it has mistakes, what a reeld that runs since before goes on with. Raises ConfigError.

    Whoever made a mistake must still be able to look in.
    """
    try:
        return config_of(config_file)
    except ConfigError as err:
        from reeld.config import database_path_in, find_config_file
        from reeld.service.instance_lock import status_of
        from reeld.service.reload import config_in_force

        path = find_config_file(config_file or asked.config_file, os.environ)
        daemon = None if path is None else status_of(database_path_in(path, os.environ))
        if path is None or daemon is None or daemon.config_file != os.path.abspath(path):
            raise
        if (in_force := config_in_force(daemon)) is None:
            raise
        complain(f"reeld: not in force, and the reeld that runs goes on with what was before: {err}")
        configure_log(in_force.log)
        return in_force


@contextmanager
def catalog_of(config_file: str | None) -> "Iterator[Config]":
    """The catalogue, open beside a daemon that may be running."""
    from reeld.database.connection import close_catalog, open_catalog

    config = _config_or_what_is_in_force(config_file)
    open_catalog(config.database_path, create=False)
    try:
        yield config
    finally:
        close_catalog()
