"""The options that every command takes, and the configuration and catalogue that they lead to."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from reeld.cli.output import print_error
from reeld.errors import ConfigError, UsageError
from reeld.log import configure_log

if TYPE_CHECKING:
    # Every command imports this module, and so does the help, which needs no configuration.
    from reeld.config import Config

T = TypeVar("T", bound=str | list[str] | None)


def no_empty_path(said: T) -> T:
    """Refuse an empty path, for typer: `--config "$FILE"` with FILE unset must not mean the default."""
    if said == "" or (isinstance(said, list) and "" in said):
        raise UsageError("empty path (unset shell variable?)", "give a path or drop the option")
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
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON Lines: one object a line.")]


class Asked:
    """The options given before the command's name: `reeld --config FILE --json list movies` works as well."""

    config_file: str | None = None
    as_json: bool = False


asked = Asked()


def remember_options(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Take the options of a group, such as `reeld list --json movies`. The nearer one to the command counts."""
    asked.config_file = config or asked.config_file
    asked.as_json = as_json or asked.as_json


def config_of(config_file: str | None, *, asks_disks: bool = True) -> "Config":
    """Read the configuration and set up the log as it says. Raises ConfigError.

    Without `asks_disks` it is not noticed that two libraries overlap through a link, and no disk can hold up the
    command.
    """
    from reeld.config import as_named, find_config_file, load_config
    from reeld.service.timeouts import real_paths_in_time

    path = find_config_file(config_file or asked.config_file, os.environ)
    config = load_config(path, os.environ, real_paths=real_paths_in_time if asks_disks else as_named)
    configure_log(config.log)
    return config


def wants_json(as_json: bool) -> bool:
    return as_json or asked.as_json


def _config_or_what_is_in_force(config_file: str | None) -> "Config":
    """Read the file; if it has mistakes, use the configuration of a running reeld. Raises ConfigError.

    A mistake in the file must not keep its user from looking into the catalogue.
    """
    try:
        return config_of(config_file, asks_disks=False)
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
        print_error(f"not in force, the running reeld keeps its old configuration: {err}", err.hint)
        configure_log(in_force.log)
        return in_force


@contextmanager
def catalog_of(config_file: str | None) -> "Iterator[Config]":
    """Open the catalogue, beside a daemon that may be running."""
    from reeld.database.connection import close_catalog, open_catalog, require_unchanged
    from reeld.database.file_access import let_read

    config = _config_or_what_is_in_force(config_file)
    let_read(config.database_group)
    open_catalog(config.database_path, create=False)
    try:
        yield config
        require_unchanged()
    finally:
        close_catalog()
