"""Starts the command `reeld`, and answers `--version` before anything else is loaded."""

import os
import sys
from types import TracebackType

from reeld import __version__


def main() -> None:
    if sys.argv[1:] == ["--version"] and _print_version():
        return
    sys.excepthook = _complain_of
    from reeld.cli.app import main as run_command

    run_command()


def _complain_of(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
    """Print the traceback of a module that cannot be loaded, as when a file of the installation is missing.

    Once all is loaded, `take_over` of cli/output.py replaces this.
    """
    import traceback

    from reeld.journal import is_journal, with_priority

    if sys.stderr is not None:
        text = "".join(traceback.format_exception(kind, error, where)).rstrip("\n")
        is_for_journal = is_journal(sys.stderr, os.environ)
        sys.stderr.write(f"{with_priority('error', text) if is_for_journal else text}\n")


def _print_version() -> bool:
    """Print the version. Return False if that failed: then the command line tries again, and reports it."""
    try:
        os.write(1, f"reeld {__version__}\n".encode())
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
