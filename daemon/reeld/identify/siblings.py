"""Compares a name with the other videos of its folder: the number that counts, and parts of a stack."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from reeld.identify.names import normal, stem_of

_DIGITS = re.compile(r"\d+")
_OF = re.compile(r"(?<![^\W_])(?P<number>\d{1,2})[ ._-]?of[ ._-]?(?P<count>\d{1,2})(?![^\W_])", re.IGNORECASE)
LEAST_EPISODES = 4
"""With two or three, a film's parts or a trilogy may be numbered like this, too."""
_PART_WORD = re.compile(r"(?:cd|dvd|dis[ck]|part|pt|parte?|teil)[ ._-]?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The run of digits that differs between a name and its siblings.

    `prefix` and `suffix` surround it; `numbers` are those of all siblings and its own, ascending.
    """

    prefix: str
    number: int
    width: int
    suffix: str
    numbers: tuple[int, ...]

    def is_season_coded(self) -> bool:
        """Recognize 101, 102, 103, 201: the hundreds are seasons, and each begins near 1. 365, 366
        is not.
        """
        if self.width != 3 or any(not 100 <= number <= 999 for number in self.numbers):
            return False
        starts: dict[int, int] = {}
        for number in self.numbers:
            starts[number // 100] = min(starts.get(number // 100, 99), number % 100)
        return all(1 <= low <= 3 for low in starts.values())


# The files of a folder come one after the other, and each is compared with all others.
@lru_cache(maxsize=1024)
def _stem(name: str) -> str:
    return stem_of(normal(name))


def differing_run(name: str, siblings: Iterable[str]) -> Run | None:
    """Find the one number that differs from most siblings, while the text before it is the same."""
    stem = _stem(name)
    others = {_stem(sibling) for sibling in siblings} - {stem}
    best: tuple[int, int] | None = None
    found: Run | None = None
    for digits in _DIGITS.finditer(stem):
        numbers = _numbers_at(stem, digits, others)
        # Most siblings first; among equals the leftmost run.
        if numbers and (best is None or len(numbers) > best[0]):
            best = (len(numbers), digits.start())
            found = Run(
                prefix=stem[: digits.start()],
                number=int(digits[0]),
                width=len(digits[0]),
                suffix=stem[digits.end() :],
                numbers=tuple(sorted({*numbers, int(digits[0])})),
            )
    return found


def _numbers_at(stem: str, digits: re.Match[str], others: Iterable[str]) -> set[int]:
    prefix = stem[: digits.start()].casefold()
    numbers: set[int] = set()
    if len(digits[0]) > 4:
        return numbers
    for other in others:
        if other[: len(prefix)].casefold() != prefix:
            continue
        there = _DIGITS.match(other, len(prefix))
        if there and len(there[0]) <= 4 and int(there[0]) != int(digits[0]):
            numbers.add(int(there[0]))
    return numbers


def is_one_of_a_series(name: str, siblings: Iterable[str]) -> bool:
    """Tell whether it is `1of6` of something, with `2of6` and others of the same six beside it."""
    own = _OF.search(_stem(name))
    others = [found for sibling in siblings if (found := _OF.search(_stem(sibling)))]
    if own is None or not others or int(own["count"]) < LEAST_EPISODES:
        return False
    numbers = {int(found["number"]) for found in (own, *others)}
    is_one_count = {int(found["count"]) for found in others} == {int(own["count"])}
    return is_one_count and len(numbers) == len(others) + 1 and max(numbers) <= int(own["count"])


def has_other_half(name: str, siblings: Iterable[str]) -> bool:
    """Tell whether the other half of an episode lies beside it: `S01E01b` beside `S01E01a`."""
    stem = _stem(name).casefold()
    others = [_stem(sibling).casefold() for sibling in siblings]
    for letter in re.finditer(r"(?:(?<=\d)|(?<=\d[ ._]))[ab](?![^\W_])", stem):
        other_half = stem[: letter.start()] + ("b" if letter[0] == "a" else "a")
        if any(re.match(re.escape(other_half) + r"(?![^\W_])", other) for other in others):
            return True
    return False


def stacked_part(name: str, siblings: Iterable[str]) -> int | None:
    """Return a film's part number, if a sibling differs only by the number after `part` or `cd`."""
    stem = _stem(name).casefold()
    if lettered := re.search(r"(?<=[)\]][ ._])[a-d]$", stem):
        others = {_stem(sibling).casefold() for sibling in siblings} - {stem}
        heads = {other[:-1] for other in others if re.search(r"[a-d]$", other)}
        return "abcd".index(lettered[0]) + 1 if stem[:-1] in heads else None
    for digits in re.finditer(r"\d{1,2}|(?<![^\W_])[ab]$|(?<=cd|pt)[ab]$|(?<=part|disc)[ab]$", stem):
        if not _PART_WORD.search(stem[: digits.start()]):
            continue
        pattern = re.compile(re.escape(stem[: digits.start()]) + r"(?:\d{1,2}|[a-h])" + re.escape(stem[digits.end() :]))
        others = {_stem(sibling).casefold() for sibling in siblings} - {stem}
        if any(pattern.fullmatch(other) for other in others):
            return int(digits[0]) if digits[0].isdigit() else "ab".index(digits[0]) + 1
    return None
