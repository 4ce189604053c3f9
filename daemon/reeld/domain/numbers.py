"""The numbers by which commands and their output name things.

A file's number is bare: `12`. Every other number begins with the letter of its thing: `m12` is a movie.
"""

from enum import StrEnum


class Thing(StrEnum):
    """What a number names; the value is its letter."""

    FILE = ""
    MOVIE = "m"
    SERIES = "s"
    EPISODE = "e"
    TRASH = "t"
    DECISION = "d"
    RULE = "r"
    """Reserved."""


THING_OF_KIND = {"movie": Thing.MOVIE, "series": Thing.SERIES, "episode": Thing.EPISODE}
"""By the words that the catalogue has for works."""


def spelled(thing: Thing, number: int | str) -> str:
    """Spell a number as commands take it: `m12`."""
    return f"{thing}{number}"
