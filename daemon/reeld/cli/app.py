"""`reeld`: the commands, and what becomes of their errors."""

import os
import sys

import typer

from reeld import __version__
from reeld.cli import deciding, health, keeping, looking, naming, running
from reeld.cli.options import AsJson, ConfigFile, asked
from reeld.cli.output import ReaderLeft, complain, flush
from reeld.errors import ReeldError
from reeld.log import tell_left_out

app = typer.Typer(
    name="reeld",
    help="Keeps a catalogue of the films and series on your disks that is always true.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
running.add_to(app)
looking.add_to(app)
deciding.add_to(app)
naming.add_to(app)
keeping.add_to(app)
health.add_to(app)


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
    asked.config_file = config
    asked.as_json = as_json


def main() -> None:
    """Run one command. Exit codes follow sysexits.h; a message for a person goes to stderr."""
    try:
        code = app(standalone_mode=False)
        flush()
    except ReeldError as err:
        complain(f"reeld: {err}")
        code = err.exit_code
    except typer.TyperException as err:
        # Without any command the help was printed, and nothing is left to say.
        if message := err.format_message().rstrip("."):
            complain(f"reeld: {message}; see reeld --help")
        code = os.EX_USAGE
    except typer.Abort:
        code = 130
    except ReaderLeft:
        # Python would complain again when it flushes at exit, so there is nothing to flush to any more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = os.EX_OK
    except KeyboardInterrupt:
        code = 130
    tell_left_out(is_last=True)
    sys.exit(code or os.EX_OK)
