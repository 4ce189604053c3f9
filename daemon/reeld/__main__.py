"""Starts the command `reeld`, and answers `--version` before anything else is loaded."""

import os
import sys

from reeld import __version__


def main() -> None:
    if sys.argv[1:] == ["--version"] and _print_version():
        return
    from reeld.cli.app import main as run_command

    run_command()


def _print_version() -> bool:
    """Print the version. Return False if that failed: then the command line tries again, and reports it."""
    try:
        os.write(1, f"reeld {__version__}\n".encode())
    except OSError:
        return False
    return True


if __name__ == "__main__":
    main()
