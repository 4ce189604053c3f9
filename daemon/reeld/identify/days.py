"""Compares a name that carries a day with its siblings, which may carry days, too, and show their order."""

import re
from collections.abc import Iterable
from dataclasses import replace

from reeld.identify.names import normal, stem_of
from reeld.identify.strict_reader import read_structure
from reeld.identify.structure import Structure

LEAST_DAYS = 3
"""Siblings that are named by days, so that the folder is one of days."""

_DAY_OR_MONTH_FIRST = re.compile(r"(?<!\d)(\d\d)([ ._-])(\d\d)\2((?:19|20)\d\d)(?!\d)")


def with_order_of_siblings(read: Structure, name: str, siblings: Iterable[str]) -> Structure:
    """Return `read` with the day that the siblings' order of day and month makes of `04.11.2021`.

    They decide if one of them has a number above 12 in one of the two places, and none in the other.
    """
    own = _DAY_OR_MONTH_FIRST.search(name)
    if own is None or read.air_date is None or len(read.ambiguities) != 1:
        return read
    dates = [found for sibling in siblings if (found := _DAY_OR_MONTH_FIRST.search(sibling))]
    is_day_first, is_month_first = (any(int(date[place]) > 12 for date in dates) for place in (1, 3))
    if is_day_first == is_month_first:
        return read
    month, day = (own[3], own[1]) if is_day_first else (own[1], own[3])
    return replace(read, air_date=f"{own[4]}-{month}-{day}", ambiguities=())


def are_named_by_days(siblings: Iterable[str]) -> bool:
    """Tell whether several of the siblings carry a day, so that a number like one is a day."""
    return sum(read_structure(stem_of(normal(sibling))).air_date is not None for sibling in siblings) >= LEAST_DAYS
