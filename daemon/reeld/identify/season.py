"""Compares an episode with the others of its folder: doubled, out of place, with gaps, or misspelt.

Nothing here confirms a reading. If the files agree, the evidence says where this one stands among
them. If they contradict each other, that is an objection, whichever of them is wrong.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache

from reeld.domain.titles import title_key
from reeld.identify.ids import without_ids
from reeld.identify.names import normal, stem_of
from reeld.identify.strict_reader import read_structure
from reeld.identify.structure import Structure

LEAST_ALIKE = 3
"""Siblings of one title; two may as well be the odd ones."""
MISSPELT = 0.85
"""How alike two title keys are if one is likely a misspelling of the other (0 to 1)."""
FAR = 10
"""A bare number further above those of all siblings counts something else."""
MOST_FOR_GAPS = 40
"""In a larger folder only the nearest siblings are known, so a gap may not be one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiblingEpisode:
    """A sibling as an episode."""

    name: str
    title: str
    season: int
    episodes: tuple[int, ...]
    episode_title: str | None
    is_half: bool


def sibling_episodes(siblings: Iterable[str]) -> tuple[SiblingEpisode, ...]:
    """Return the siblings whose names have a title, a season and episodes."""
    return tuple(episode for sibling in siblings if (episode := _as_episode(sibling)))


@lru_cache(maxsize=4096)
def _as_episode(sibling: str) -> SiblingEpisode | None:
    read = read_structure(without_ids(stem_of(normal(sibling))).strip())
    if read.kind != "episode" or not read.title or read.season is None or not read.episodes:
        return None
    return SiblingEpisode(
        name=sibling,
        title=read.title,
        season=read.season,
        episodes=read.episodes,
        episode_title=read.episode_title,
        is_half=read.part is not None,
    )


def likely_spelling(title: str, season: int, episodes: Sequence[int], others: Sequence[SiblingEpisode]) -> str | None:
    """Return the title of most siblings, if this one looks like its misspelling and its number is
    still free.

    `Braking Bad S01E03` beside `Breaking Bad S01E01`, `S01E02` and `S01E04`. `The Office UK`
    beside `The Office US` has a number that is in use. Another beginning or another number is
    another series.
    """
    counts = Counter(title_key(sibling.title) for sibling in others)
    own = title_key(title)
    if not counts or own in counts:
        return None
    common = max(counts, key=lambda key: (counts[key], key))
    alike = [sibling for sibling in others if title_key(sibling.title) == common]
    taken = {(sibling.season, number) for sibling in alike for number in sibling.episodes}
    fits = any(sibling.season == season for sibling in alike) and not taken & {(season, number) for number in episodes}
    if len(alike) < LEAST_ALIKE or not fits or not _is_misspelt(own, common):
        return None
    return alike[0].title


def _is_misspelt(one: str, other: str) -> bool:
    if re.findall(r"\d+", one) != re.findall(r"\d+", other) or one.startswith(other) or other.startswith(one):
        return False
    return SequenceMatcher(None, one, other, autojunk=False).ratio() >= MISSPELT


def same_episode(
    title: str, season: int, episodes: Sequence[int], episode_title: str | None, others: Iterable[SiblingEpisode]
) -> tuple[tuple[str, ...], str | None]:
    """Return the names of siblings that hold one of these episodes.

    The second value is one of them that calls the episode by another title, if there is one.
    """
    same = [
        sibling
        for sibling in others
        if sibling.season == season
        and set(sibling.episodes) & set(episodes)
        and title_key(sibling.title) == title_key(title)
    ]
    contrary = next((sibling.name for sibling in same if _differ(episode_title, sibling.episode_title)), None)
    return tuple(sibling.name for sibling in same), contrary


def _differ(one: str | None, other: str | None) -> bool:
    """Tell whether both name the episode, and neither name is part of the other."""
    if not one or not other:
        return False
    mine, theirs = title_key(one), title_key(other)
    return mine not in theirs and theirs not in mine and SequenceMatcher(None, mine, theirs).ratio() < MISSPELT


def is_part_a_title(own: Structure, others: Iterable[SiblingEpisode]) -> bool:
    """Tell whether `Part 2` is what an episode is called: those before and behind it are called so, too."""
    parts = [other for other in others if other.is_half and other.season == own.season]
    return bool(parts) and all(other.episodes != own.episodes for other in parts)


def gaps(numbers: Iterable[int]) -> tuple[int, ...]:
    """Return the numbers that are missing between the least and the greatest."""
    known = set(numbers)
    return tuple(number for number in range(min(known), max(known)) if number not in known) if known else ()


def ranges(numbers: Iterable[int]) -> str:
    """Format `1-4, 6` for 1, 2, 3, 4 and 6."""
    parts: list[list[int]] = []
    for number in sorted(set(numbers)):
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    shown = [str(low) if low == high else f"{low}-{high}" for low, high in parts[:6]]
    return ", ".join([*shown, "…"] if len(parts) > 6 else shown)
