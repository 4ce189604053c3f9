"""The command line: each command, and how its results appear."""
