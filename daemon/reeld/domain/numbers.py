"""The numbers by which commands and their output name things.

A file's number is bare: `12`. Every other number begins with the letter of its thing: `m12` is a movie.
"""

import re
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


_NUMBER = re.compile(r"([a-z]?)([0-9]+)", re.ASCII | re.IGNORECASE)


def split_number(text: str) -> tuple[Thing, str] | None:
    """Split `m12` into the thing and the digits, which may be too many for a number; None for any other text."""
    found = _NUMBER.fullmatch(text)
    letter = found[1].lower() if found else None
    return (Thing(letter), found[2]) if found and letter in set(Thing) else None


def spelled(thing: Thing, number: int | str) -> str:
    """Spell a number as commands take it: `m12`."""
    return f"{thing}{number}"
