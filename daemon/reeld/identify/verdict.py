"""Decides which film or episodes a file is: accepted, uncertain or ignored, with reasons.

The clearest mark (an episode's marker, a year, a season folder) makes the candidate. Every reader
then supports its fields or objects. The candidate is accepted if at least two independent readers
support each field and no objection is left. Only evidence resolves an objection; a majority never
does.
"""

from dataclasses import replace

from reeld.domain.identity import Accepted, Clues, Ignored, Reading, Uncertain, Verdict
from reeld.domain.titles import title_key
from reeld.identify.candidate import Candidate, has_number
from reeld.identify.discs import DiscFile, read_disc_file
from reeld.identify.evidence import Evidence, gather, guessed, plain_title, same_title
from reeld.identify.extras import objection_to_place, why_ignored, why_sample
from reeld.identify.films import film_candidate
from reeld.identify.folders import FolderReading
from reeld.identify.names import split_path
from reeld.identify.proposals import better_proposal, candidate_of_run
from reeld.identify.sequence import is_no_title, runs
from reeld.identify.show_numbers import numbered
from reeld.identify.shows import show_candidate
from reeld.identify.siblings import Run

MOST_CANDIDATES = 5


def identify(clues: Clues) -> Verdict:
    """Return the verdict on one file: a pure function of `clues`, which never raises for any name."""
    folders, base = split_path(clues.path)
    if not base:
        return Uncertain(reason="the file has no name")
    sizes = _sizes(clues, base)
    disc = read_disc_file(folders, base, sizes)
    if reason := why_ignored(folders, base) or why_sample(base, sizes) or (disc and disc.ignored):
        return Ignored(reason=reason)
    evidence = gather(clues)
    # If all others agree, guessit cannot change the result, and it takes a hundred times as long
    # as they do.
    for others in (evidence, evidence.with_release()):
        if others and isinstance(verdict := _judge(others, disc), Accepted):
            return verdict
    return _judge(evidence.with_guess(), disc)


def _judge(evidence: Evidence, disc: DiscFile | None) -> Accepted | Uncertain:
    number = numbered(evidence)
    candidate = show_candidate(evidence, number) if _is_episode(evidence, number) else film_candidate(evidence)
    if evidence.structure.kind is None and number is None:
        if run := _run_of_episodes(evidence):
            candidate = candidate_of_run(run, evidence)
        else:
            _offer_guess(candidate, evidence)
    if disc:
        _weigh_disc(candidate, disc)
    _weigh_whole_path(candidate, evidence)
    if candidate.is_doubtful():
        candidate.reading = better_proposal(candidate.reading, guessed(evidence.guess))
    return candidate.decide(_others(candidate, evidence))


def _weigh_whole_path(candidate: Candidate, evidence: Evidence) -> None:
    """Add the doubts that hold for films and episodes: its place, its ids, a broken .nfo, a name that is no text."""
    if place := objection_to_place(*split_path(evidence.clues.path)):
        candidate.add_objection(place)
    if evidence.ids.conflicts:
        candidate.add_objection(f"the names carry two different {' and '.join(evidence.ids.conflicts)} ids")
    for nfo in evidence.nfos:
        if nfo.problem:
            candidate.add_objection(f"{nfo.path!r} cannot be read: {nfo.problem}; correct it, or remove it")
    if evidence.substituted:
        candidate.evidence.insert(0, f"the file's own name says nothing: its folder {evidence.name!r} was read instead")
    if any("\udc80" <= char <= "\udcff" for char in candidate.reading.title or ""):
        candidate.add_objection("the title holds bytes that are not UTF-8")


def _sizes(clues: Clues, base: str) -> dict[str, int]:
    """Return sizes in bytes by name, of the file and its siblings; empty if unknown."""
    if clues.size_bytes is None or len(clues.sibling_sizes) != len(clues.siblings):
        return {}
    return {**dict(zip(clues.siblings, clues.sibling_sizes, strict=True)), base: clues.size_bytes}


def _weigh_disc(candidate: Candidate, disc: DiscFile) -> None:
    if disc.objection:
        candidate.add_objection(disc.objection)
    if disc.evidence:
        candidate.supports(disc.evidence)


def _run_of_episodes(evidence: Evidence) -> Run | None:
    """Return the numbers in which the file and its siblings run, unless they are those of films or of a device."""
    run, folder, clues = evidence.run, evidence.folder, evidence.clues
    if run is None or not runs(run, len(clues.siblings)) or evidence.stacked is not None or evidence.work_nfo:
        return None
    are_films = folder.in_film_place or clues.library_kind == "movies" or folder.year is not None or folder.is_disc
    return None if are_films or is_no_title(run.prefix + run.suffix) else run


def _offer_guess(candidate: Candidate, evidence: Evidence) -> None:
    """Offer guessit's episode if no other reader sees one, and no folder another title. It is never accepted."""
    guess, folder = guessed(evidence.guess), evidence.folder
    if evidence.run and runs(evidence.run, len(evidence.clues.siblings)):
        # It reads `Saw 9` otherwise than `Saw 10`, but they are of one kind.
        if candidate.reading.kind == "movie" and candidate.reading.year is None:
            candidate.reading = replace(candidate.reading, title=plain_title(evidence.name) or None)
        return
    if guess is None or not (guess.title or folder.title):
        return
    if folder.title and guess.title and not same_title(guess.title, folder.title):
        return
    is_series = folder.has_season_folder or folder.in_tv_place or (folder.year is None and not folder.in_film_place)
    if folder.title and not (has_number(guess) and is_series):
        return
    if has_number(guess) or guess.kind == "episode":
        candidate.reading = replace(_in_folder(guess, folder), evidence=())
        candidate.add_objection(
            "guessit alone sees an episode's number" if has_number(guess) else "guessit alone sees a series"
        )


def _in_folder(guess: Reading, folder: FolderReading) -> Reading:
    """Fill in what the folder says of the series and the season."""
    if guess.absolute_numbers and folder.season is not None:
        guess = replace(guess, season_number=folder.season, episode_numbers=guess.absolute_numbers, absolute_numbers=())
    return replace(
        guess,
        title=guess.title or folder.title,
        year=guess.year or folder.year,
        country=guess.country or folder.country,
    )


def _is_episode(evidence: Evidence, number: Reading | None) -> bool:
    """Tell whether an episode is likelier: the clearest mark decides, then the place."""
    read, folder = evidence.structure, evidence.folder
    if number is not None or read.kind == "episode":
        return True
    nfo = evidence.work_nfo
    if nfo is not None:
        return nfo.kind == "tvshow" and read.kind != "movie"
    if read.kind == "movie":
        return False
    return folder.has_season_folder or evidence.clues.library_kind == "series"


def _others(candidate: Candidate, evidence: Evidence) -> tuple[Reading, ...]:
    """List what single readers read otherwise, likeliest first: further choices for the user."""
    folder = evidence.folder
    readings: list[Reading] = []
    if (guess := guessed(evidence.guess)) and guess.title:
        readings.append(replace(guess, score=0.2, evidence=("guessit alone reads it so",)))
    if folder.title and folder.year and folder.kind != "episode":
        readings.append(
            Reading(
                kind="movie", title=folder.title, year=folder.year, score=0.1, evidence=("the folder alone says so",)
            )
        )
    seen = {_identity(candidate.reading)}
    others: list[Reading] = []
    for reading in readings:
        if _identity(reading) not in seen:
            seen.add(_identity(reading))
            others.append(reading)
    return tuple(others[:MOST_CANDIDATES])


def _identity(reading: Reading) -> tuple[object, ...]:
    number = (reading.season_number, reading.episode_numbers, reading.absolute_numbers, reading.air_date)
    return (reading.kind, title_key(reading.title or ""), reading.year, number if has_number(reading) else None)
