"""Parses the numbers that commands take: `12` is a file, `m12` a movie, `t4` an entry of the trash."""

import re

from reeld.domain.files import readable
from reeld.domain.numbers import Thing, spelled
from reeld.errors import NotFoundError, UsageError

# SQLite holds signed integers of 64 bits: one of 18 digits always fits.
MOST_DIGITS = 18

_NUMBER = re.compile(r"([a-z]?)([0-9]+)", re.ASCII | re.IGNORECASE)

_WORDS = {
    Thing.FILE: ("a file", "reeld list files"),
    Thing.MOVIE: ("a movie", "reeld list movies"),
    Thing.SERIES: ("a series", "reeld list series"),
    Thing.EPISODE: ("an episode", "reeld list episodes"),
    Thing.TRASH: ("a trash entry", "reeld list trash"),
    Thing.DECISION: ("a decision", "reeld show FILE"),
    Thing.RULE: ("a rule", "reeld --help"),
}
"""How messages call each thing, and the command that lists its numbers."""


def parse(text: str) -> tuple[Thing, int] | None:
    """The thing and the number that `text` spells; None for any other text. Raises UsageError for too many digits."""
    found = _NUMBER.fullmatch(text)
    if found is None or found[1].lower() not in set(Thing):
        return None
    if len(found[2]) > MOST_DIGITS:
        shown = text if len(text) < 40 else f"{text[:20]}..."
        raise UsageError(
            f"{shown} is too large: no number has more than {MOST_DIGITS} digits", "type a number of a list"
        )
    return Thing(found[1].lower()), int(found[2])


def parse_as(wanted: Thing, text: str) -> int:
    """The number of a thing of the wanted kind. Raises UsageError for any other text or thing."""
    what, where = _WORDS[wanted]
    found = parse(text)
    if found is None:
        example = spelled(wanted, 12)
        raise UsageError(f"{readable(text)} is not the number of {what}", f"type it as {example}, see `{where}`")
    if found[0] is not wanted:
        raise refusal(wanted, *found)
    return found[1]


def refusal(wanted: Thing, given: Thing, number: int) -> UsageError:
    """The error for a number of another thing than the command takes; it says what to type."""
    is_given, (is_wanted, where) = _WORDS[given][0], _WORDS[wanted]
    if wanted is Thing.FILE:
        todo = f"type a file's number, which has no letter, or its path; see `{where}`"
    else:
        todo = f"type {spelled(wanted, number)}, if that is meant; see `{where}`"
    return UsageError(f"{spelled(given, number)} is the number of {is_given}, not of {is_wanted}", todo)


def not_found(thing: Thing, number: int) -> NotFoundError:
    """The error for a number that the catalogue does not hold."""
    what, where = _WORDS[thing]
    return NotFoundError(f"no {what.split(maxsplit=1)[1]} has the number {spelled(thing, number)}", f"see `{where}`")
