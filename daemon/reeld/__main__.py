"""`python -m reeld` is the command `reeld`."""

from reeld.cli.app import main

if __name__ == "__main__":
    main()
