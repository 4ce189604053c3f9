"""Parses the numbers that commands take: `12` is a file, `m12` a movie, `t4` an entry of the trash."""

from reeld.domain.files import readable
from reeld.domain.numbers import Thing, spelled, split_number
from reeld.errors import NotFoundError, UsageError

# SQLite holds signed integers of 64 bits: one of 18 digits always fits.
MOST_DIGITS = 18

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
    """Read the thing and the number that `text` spells; None for any other text.

    Raises NotFoundError for a number that is larger than any in a catalogue.
    """
    spelling = split_number(text)
    return None if spelling is None else (spelling[0], _number(*spelling))


def parse_as(wanted: Thing, text: str) -> int:
    """Read the number of a thing of the wanted kind. Raises UsageError for other text or things, or NotFoundError."""
    if (spelling := split_number(text)) is None:
        what, where = _WORDS[wanted]
        example = spelled(wanted, 12)
        raise UsageError(f"{readable(text)} is not the number of {what}", f"type it as {example}, see `{where}`")
    number = _number(*spelling)
    if spelling[0] is not wanted:
        raise refusal(wanted, spelling[0], number)
    return number


def _number(thing: Thing, digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise not_found(thing, digits if len(digits) < 40 else f"{digits[:20]}...")
    return int(digits)


def refusal(wanted: Thing, given: Thing, number: int | str) -> UsageError:
    """The error for a number of another thing than the command takes; it says what to type."""
    is_given, (is_wanted, where) = _WORDS[given][0], _WORDS[wanted]
    if wanted is Thing.FILE:
        todo = f"type a file's number, which has no letter, or its path; see `{where}`"
    else:
        todo = f"type {spelled(wanted, number)}, if that is meant; see `{where}`"
    return UsageError(f"{spelled(given, number)} is the number of {is_given}, not of {is_wanted}", todo)


def not_found(thing: Thing, number: int | str) -> NotFoundError:
    """The error for a number that the catalogue does not hold."""
    what, where = _WORDS[thing]
    return NotFoundError(f"no {what.split(maxsplit=1)[1]} has the number {spelled(thing, number)}", f"see `{where}`")
