"""Reads a name with guessit.

guessit gets the base name only: whole paths take twice the time and mislead it. This is the only
module that imports guessit, and it must run where it can be killed: a hostile name may still cost
a second.
"""

import datetime as dt
import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Any

from guessit.api import GuessItApi, GuessitException
from guessit.rules import rebulk_builder
from rebulk import Rebulk
from rebulk.match import Matches
from rebulk.pattern import Pattern
from rebulk.rules import CustomRule, Rules, execute_rule, toposort_rules

from reeld.domain.identity import Reading
from reeld.identify.words import EPISODE_WORDS, FIRST_YEAR, LAST_YEAR, SEASON_WORDS

_OPTIONS = {"no_user_config": True, "date_year_first": True, "name_only": True}


class _SortedRules(Rules):
    """Rules in the order in which they run."""

    def execute_all_rules(self, matches: Matches, context: dict[str, Any] | None) -> list[tuple[CustomRule, Any]]:
        done = ((rule, execute_rule(rule, matches, context)) for rule in self)
        return [(rule, response) for rule, response in done if response is not None]


def _sorted_rules(rules: Rules) -> _SortedRules:
    ordered = _SortedRules()
    for _priority, equal in groupby(sorted(rules), key=lambda rule: rule.priority):
        for independent in toposort_rules(list(equal)):
            ordered.extend(sorted(independent, key=rules.index))
    return ordered


def _build_rebulk(config: dict[str, Any]) -> Rebulk:
    """Build guessit's rules, and sort them once: rebulk 6.0 does it for each name, a fifth of guessit's time."""
    built = rebulk_builder(config)
    find_rules, find_patterns = built.effective_rules, built.effective_patterns
    rules: list[_SortedRules] = []
    patterns: list[list[Pattern]] = []

    # The options, on which both depend, are always the same.
    def effective_rules(context: dict[str, Any] | None = None) -> Rules:
        if not rules:
            rules.append(_sorted_rules(find_rules(context)))
        return rules[0]

    def effective_patterns(context: dict[str, Any] | None = None) -> list[Pattern]:
        if not patterns:
            patterns.append(find_patterns(context))
        return patterns[0]

    built.effective_rules = effective_rules  # type: ignore[method-assign]
    built.effective_patterns = effective_patterns  # type: ignore[method-assign]
    return built


_API = GuessItApi()
_API.configure(_OPTIONS, rules_builder=_build_rebulk)

LONGEST_NAME = 260
"""guessit's time grows with the square of the length; a file system allows 255 bytes."""
WIDEST_RANGE = 200
"""guessit lists every number of a range, so its time and memory grow with it."""

# A number of five or more digits, soon after a join and another number, with any word between.
# Eight digits may be a date.
_FAR = re.compile(
    r"\d[\s._]*(?:[-~&+]|(?<![^\W_])(?:to|a)(?![^\W_]))[^\d\[(]{0,12}(?!(?:19|20)\d{6}(?!\d))\d{5,}", re.IGNORECASE
)
# 1x01-9901: no year, and no resolution.
_BARE_END = re.compile(r"[ex]\d+\s*[-~](?!(?:19|20)\d\d(?!\d))\d{4,}(?![\dpi])", re.IGNORECASE)
# Two numbers joined as a range, the second with or without a marker: S01-S99, E01-E99, 1x01-1x99,
# 1-99, 1 to 99. Nothing is consumed, since the second number may begin the next range:
# E01-S01-S99.
_RANGE = re.compile(
    r"(?<!\d)(?=(?P<first>\d+)\s*[._]?(?:-|~|to|a)[._]?\s*"
    rf"(?P<marker>(?:s\d+[ ._-]*x?e|\d+x|{SEASON_WORDS}|{EPISODE_WORDS}|xe|ex|s|e|x|d)[\s._-]*)?(?P<last>\d+))",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guess:
    """guessit's result."""

    reading: Reading
    part: int | None = None


def guess(name: str) -> Guess | None:
    """Return guessit's reading, or None if it finds nothing, fails or must not see the name."""
    return None if is_hostile(name) else _guess(name)


def is_hostile(name: str) -> bool:
    """Tell whether guessit would list the members of a huge range."""
    if len(name) > LONGEST_NAME:
        return True
    return any(pattern.search(name) for pattern in (_FAR, _BARE_END)) or any(
        _too_wide(found) for found in _RANGE.finditer(name)
    )


def _too_wide(found: re.Match[str]) -> bool:
    first, last = found["first"], found["last"]
    # S01-S99E01: the number in the marker ends a range of seasons. Seasons may be years.
    inner = re.search(r"\d+", found["marker"] or "")
    if inner and len(inner[0]) > 3 and not FIRST_YEAR <= int(inner[0][:9]) <= LAST_YEAR:
        return True
    if len(last) > 4 or len(first) > 8:
        return bool(found["marker"]) or len(last) > 8
    # `S01E01-1080p` and `2010-2015` are no ranges of episodes: only a second marker makes guessit
    # count.
    return bool(found["marker"]) and (len(last) > 3 or int(last) - int(first) > WIDEST_RANGE)


@lru_cache(maxsize=4096)
def _guess(name: str) -> Guess | None:
    try:
        found = _API.guessit(name, _OPTIONS)
    except GuessitException:  # it wraps all inner errors, and a reader that fails says nothing
        return None
    return _as_guess(found)


def _as_guess(found: dict[str, Any]) -> Guess | None:
    title = found.get("title")
    title = title if isinstance(title, str) and title else None
    air_date = found.get("date")
    numbers = _numbers(found.get("episode"))
    seasons = _numbers(found.get("season"))
    reading = Reading(
        kind="episode" if found.get("type") == "episode" else "movie",
        title=title,
        year=_year(found),
        country=_country(found.get("country")),
        season_number=seasons[0] if len(seasons) == 1 else None,
        episode_numbers=numbers if len(seasons) == 1 else (),
        absolute_numbers=_numbers(found.get("absolute_episode")) or (numbers if not seasons else ()),
        air_date=air_date.isoformat() if isinstance(air_date, dt.date) else None,
        episode_title=_text(found.get("episode_title")),
        edition=_text(found.get("edition")),
    )
    return Guess(
        reading=reading,
        part=next(iter(_numbers(found.get("part")) or _numbers(found.get("volume"))), None),
    )


def _year(found: dict[str, Any]) -> int | None:
    year = found.get("year")
    if not isinstance(year, int) or found.get("season") == year:  # `S2006E05`: it repeats the season
        return None
    return year if FIRST_YEAR <= year <= LAST_YEAR else None


def _country(value: Any) -> str | None:
    alpha2 = getattr(value, "alpha2", None)
    return alpha2 if isinstance(alpha2, str) else None


def _text(value: Any) -> str | None:
    if isinstance(value, list):
        return " ".join(str(item) for item in value) or None
    return str(value) if value else None


def _numbers(value: Any) -> tuple[int, ...]:
    if isinstance(value, int):
        return (value,)
    if isinstance(value, list):
        return tuple(sorted({item for item in value if isinstance(item, int)}))
    return ()
