"""Chooses what to propose first where nothing is accepted: alike for all files of a set, without what is no title."""

import re
from dataclasses import replace

from reeld.domain.identity import Reading
from reeld.identify.candidate import Candidate, has_number
from reeld.identify.evidence import Evidence, abbreviates, same_title
from reeld.identify.folders import FolderReading
from reeld.identify.names import spaced
from reeld.identify.season import ranges
from reeld.identify.sequence import COUNTING_WORDS
from reeld.identify.siblings import Run
from reeld.identify.title_text import without_brackets_in_front
from reeld.identify.words import SEASON_WORDS

_SEASON = re.compile(rf"[\W_]+(?:{SEASON_WORDS})[\W_]*\d*(?:of\d+)?", re.IGNORECASE)
_COUNTING = re.compile(rf"[\W_]*(?<![^\W_])(?:{COUNTING_WORDS}|n[uú]m(?:ero|ber)?|n)?[\W_]*$", re.IGNORECASE)
_COUNTING_IN_FRONT = re.compile(rf"^[\W_]*(?:{COUNTING_WORDS})(?![^\W_])", re.IGNORECASE)
_EDITION = re.compile(r"[\W_]+(?:[^\W_]+[\W_]+){0,2}edition", re.IGNORECASE)


def candidate_of_run(run: Run, evidence: Evidence) -> Candidate:
    """Build the candidate of one of many files that are numbered alike: of one kind and title in all, never accepted.

    guessit reads `Show numero 9` otherwise than `Show numero 10`.
    """
    folder = evidence.folder
    title, source = _title_of_run(run, folder)
    season, number = divmod(run.number, 100) if run.is_season_coded() else (folder.season, run.number)
    reading = Reading(kind="episode", title=title, year=folder.year, country=folder.country)
    if season is None:
        reading = replace(reading, absolute_numbers=(number,))
    else:
        reading = replace(reading, season_number=season, episode_numbers=(number,))
    candidate = Candidate(reading)
    if title:
        candidate.supports(f"{source} {title!r}", "title")
    candidate.supports(f"its siblings run in numbers like it: {ranges(run.numbers)}", "number")
    candidate.identify(evidence.ids)
    candidate.add_objection("only the numbers of its siblings say what it is")
    return candidate


def _title_of_run(run: Run, folder: FolderReading) -> tuple[str | None, str]:
    """Return the title, and where it was found."""
    before = _COUNTING.sub("", spaced(without_brackets_in_front(run.prefix)))
    if folder.title and (not before or abbreviates(before, folder.title)):
        return folder.title, "the folder has the title"
    if before:
        return before, "before the number stands"
    return spaced(_COUNTING_IN_FRONT.sub("", run.suffix)) or None, "behind the number stands"


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
