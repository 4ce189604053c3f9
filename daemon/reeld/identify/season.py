"""What do the other episodes of the folder say of this one: doubled, out of place, with gaps, or misspelt?

Nothing here confirms a reading. Files that agree say in plain words where this one stands among them; one that
contradicts them is a doubt, whoever of them is wrong.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache

from reeld.identify.ids import without_ids
from reeld.identify.names import normal, stem_of
from reeld.identify.strict_reader import read_structure
from reeld.identify.titles import title_key

LEAST_ALIKE = 3
"""Siblings of one title; two may as well be the odd ones."""
MISSPELT = 0.85
"""How alike two keys of titles are of which one is likely the other's misspelling (0 to 1)."""
FAR = 10
"""A bare number that lies further behind those of all siblings counts something else."""
MOST_FOR_GAPS = 40
"""Of a larger folder only the neighbours are known, and what seems a gap may lie further off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mate:
    """A sibling as an episode."""

    name: str
    title: str
    season: int
    episodes: tuple[int, ...]
    episode_title: str | None
    is_half: bool


def mates(siblings: Iterable[str]) -> tuple[Mate, ...]:
    """The siblings whose names carry a title, a season and episodes."""
    return tuple(mate for sibling in siblings if (mate := _mate(sibling)))


@lru_cache(maxsize=4096)
def _mate(sibling: str) -> Mate | None:
    read = read_structure(without_ids(stem_of(normal(sibling))).strip())
    if read.kind != "episode" or not read.title or read.season is None or not read.episodes:
        return None
    return Mate(
        name=sibling,
        title=read.title,
        season=read.season,
        episodes=read.episodes,
        episode_title=read.episode_title,
        is_half=read.part is not None,
    )


def likely_spelling(title: str, season: int, episodes: Sequence[int], others: Sequence[Mate]) -> str | None:
    """The title that most siblings have, when this one looks like its misspelling and its number fits in among them.

    `Braking Bad S01E03` among `Breaking Bad S01E01`, `S01E02` and `S01E04`. `The Office UK` beside `The Office US`
    has a number that is taken, and another beginning or another number is another series.
    """
    counts = Counter(title_key(mate.title) for mate in others)
    own = title_key(title)
    if not counts or own in counts:
        return None
    common = max(counts, key=lambda key: (counts[key], key))
    alike = [mate for mate in others if title_key(mate.title) == common]
    taken = {(mate.season, number) for mate in alike for number in mate.episodes}
    fits = any(mate.season == season for mate in alike) and not taken & {(season, number) for number in episodes}
    if len(alike) < LEAST_ALIKE or not fits or not _is_misspelt(own, common):
        return None
    return alike[0].title


def _is_misspelt(one: str, other: str) -> bool:
    if re.findall(r"\d+", one) != re.findall(r"\d+", other) or one.startswith(other) or other.startswith(one):
        return False
    return SequenceMatcher(None, one, other, autojunk=False).ratio() >= MISSPELT


def same_episode(
    title: str, season: int, episodes: Sequence[int], episode_title: str | None, others: Iterable[Mate]
) -> tuple[tuple[str, ...], str | None]:
    """The siblings that hold one of these episodes, and the one among them whose episode has another title."""
    same = [
        mate
        for mate in others
        if mate.season == season and set(mate.episodes) & set(episodes) and title_key(mate.title) == title_key(title)
    ]
    contrary = next((mate.name for mate in same if _differ(episode_title, mate.episode_title)), None)
    return tuple(mate.name for mate in same), contrary


def _differ(one: str | None, other: str | None) -> bool:
    """Whether both say what the episode is called, and neither says it in fewer words."""
    if not one or not other:
        return False
    mine, theirs = title_key(one), title_key(other)
    return mine not in theirs and theirs not in mine and SequenceMatcher(None, mine, theirs).ratio() < MISSPELT


def gaps(numbers: Iterable[int]) -> tuple[int, ...]:
    """The numbers that are missing between the least and the greatest."""
    known = set(numbers)
    return tuple(number for number in range(min(known), max(known)) if number not in known) if known else ()


def ranges(numbers: Iterable[int]) -> str:
    """`1-4, 6` for 1, 2, 3, 4 and 6."""
    parts: list[list[int]] = []
    for number in sorted(set(numbers)):
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    shown = [str(low) if low == high else f"{low}-{high}" for low, high in parts[:6]]
    return ", ".join([*shown, "…"] if len(parts) > 6 else shown)
