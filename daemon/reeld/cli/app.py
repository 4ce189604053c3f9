"""The `reeld` command: its subcommands, and the exit codes of their errors."""

import gc
import os
import sys
from collections.abc import Callable
from functools import partial

import typer

from reeld import __version__
from reeld.cli.commands import Group
from reeld.cli.options import AsJson, ConfigFile, remember_options
from reeld.cli.output import ReaderLeft, complain, flush, let_go, print_error, take_over
from reeld.domain.files import readable
from reeld.errors import OutputFailed, ReeldError
from reeld.log import tell_left_out

app = typer.Typer(
    cls=Group,
    name="reeld",
    help="Keep a catalogue of the films and series on your disks that is always true.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    # With its markup typer says `--json <bool>`, as though a value were to follow.
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(value: bool) -> None:
    if value:
        typer.echo(f"reeld {__version__}")
        raise typer.Exit


@app.callback()
def _before(
    config: ConfigFile = None,
    as_json: AsJson = False,
    _version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version."
    ),
) -> None:
    remember_options(config, as_json)


def main() -> None:
    """Run one command. Exit codes follow sysexits.h; messages for people go to stderr."""
    take_over()
    code = _exit_code(partial(app, standalone_mode=False))
    # Writing out the buffered output may fail as well, also behind another error.
    code = _exit_code(flush) or code
    tell_left_out(is_last=True)
    # Otherwise Python looks for garbage in everything once more at its end: a fifth of the time of a `reeld list`.
    gc.freeze()
    sys.exit(code)


def _exit_code(do: Callable[[], int | None]) -> int:
    """Turn a command's end into its exit code; errors become messages here and nowhere else."""
    try:
        return do() or os.EX_OK
    except OutputFailed as err:
        let_go()
        print_error(str(err), err.hint)
        return err.exit_code
    except ReeldError as err:
        print_error(str(err), err.hint)
        return err.exit_code
    except typer.TyperException as err:
        # Without a command the message is the help.
        message = err.format_message()
        if message.startswith("Usage:"):
            complain(message)
        else:
            print_error(readable(message.rstrip(".")), "see `reeld --help`")
        return os.EX_USAGE
    except ReaderLeft:
        let_go()
        return os.EX_OK
    except (typer.Abort, KeyboardInterrupt):
        return 130
