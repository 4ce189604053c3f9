"""Chooses what to propose first where nothing is accepted: what guessit knows to be no title is left out."""

import re
from dataclasses import replace

from reeld.domain.identity import Reading
from reeld.identify.candidate import has_number
from reeld.identify.evidence import same_title
from reeld.identify.words import SEASON_WORDS

_SEASON = re.compile(rf"[\W_]+(?:{SEASON_WORDS})[\W_]*\d*(?:of\d+)?", re.IGNORECASE)
_EDITION = re.compile(r"[\W_]+(?:[^\W_]+[\W_]+){0,2}edition", re.IGNORECASE)


def better_proposal(own: Reading, guess: Reading | None) -> Reading:
    """Return our reading as guessit would correct it: a shorter title, a number where we have none."""
    if guess is None or guess.kind != own.kind or guess.title is None:
        return own
    reading = own
    if own.title and _is_cut_at_a_tag(own.title, guess):
        reading = replace(own, title=own.title[: len(guess.title)], edition=own.edition or guess.edition)
    is_open = own.kind == "episode" and not has_number(own) and not own.episode_numbers
    if is_open and has_number(guess) and same_title(reading.title, guess.title):
        season = guess.season_number if guess.season_number is not None else own.season_number
        reading = replace(
            reading,
            season_number=season,
            episode_numbers=guess.episode_numbers,
            absolute_numbers=guess.absolute_numbers,
            air_date=guess.air_date,
        )
    return reading


def _is_cut_at_a_tag(title: str, guess: Reading) -> bool:
    """Tell whether guessit's title begins ours, and a season or an edition follows: `Show - Temporada 4`."""
    shorter = guess.title or ""
    if len(shorter) < 2 or not title.casefold().startswith(shorter.casefold()):
        return False
    rest = title[len(shorter) :]
    return bool(
        _SEASON.fullmatch(rest) if guess.season_number is not None else guess.edition and _EDITION.fullmatch(rest)
    )
