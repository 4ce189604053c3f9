"""Tells how likely a proposal is right: of those with a score of 0.7, seven in ten are.

The numbers are log odds. They were fitted, by logistic regression with little shrinkage, on half of the questions that
reeld has about the project's corpora and about the names of guessit's own test suite, and rounded. The other half was
kept to see whether they hold; `make accuracy` prints that for the corpora.
"""

import math
from dataclasses import dataclass

ACCEPTED = 0.99
"""Of 1000 names that are accepted at most two may be wrong; nothing that was measured says more."""

_START = 1.7
_NO_TITLE = -2.2
_BARE_NAME = -2.0
_NO_YEAR = -0.7
_ONE_READER_OF_THE_YEAR = -0.8
_NO_NUMBER = -0.3
_TITLE_IN_TWO_HALVES = -0.7
_OBJECTION = -0.4
_MOST_OBJECTIONS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubts:
    """What is wrong with a proposal."""

    has_title: bool
    lacks_year: bool
    """It is a film without a year."""
    has_year_of_one_reader: bool
    lacks_number: bool
    """It is an episode without a number, so that it can only be right as far as it goes."""
    is_bare_name: bool
    """Its title is a word of the name, and nothing else says that it is one."""
    has_title_in_two_halves: bool
    objections: int
    """The other objections."""


def confidence(doubts: Doubts) -> float:
    """Return how likely the proposal is right, above 0 and below 1."""
    odds = (
        _START
        + _NO_TITLE * (not doubts.has_title)
        + _NO_YEAR * doubts.lacks_year
        + _ONE_READER_OF_THE_YEAR * doubts.has_year_of_one_reader
        + _NO_NUMBER * doubts.lacks_number
        + _BARE_NAME * doubts.is_bare_name
        + _TITLE_IN_TWO_HALVES * doubts.has_title_in_two_halves
        + _OBJECTION * min(doubts.objections, _MOST_OBJECTIONS)
    )
    return 1 / (1 + math.exp(-odds))
