"""Proposes the episode that a file may be, and weighs it."""

from dataclasses import replace

from reeld.domain.identity import Reading
from reeld.identify.candidate import Candidate, has_number
from reeld.identify.evidence import Evidence, abbreviates, guess_has_title, same_title, title_to_offer
from reeld.identify.extras import why_ignored
from reeld.identify.folders import FolderReading
from reeld.identify.names import spaced, split_path, words_of
from reeld.identify.season import (
    MOST_FOR_GAPS,
    gaps,
    is_part_a_title,
    likely_spelling,
    ranges,
    same_episode,
    sibling_episodes,
)
from reeld.identify.show_numbers import shown, weigh_number
from reeld.identify.siblings import has_other_half
from reeld.identify.structure import Structure
from reeld.identify.title_text import IN_TWO_HALVES, objection_to_end

_ENDS_OF_TITLES = ("cut", "edition", "episode", "episodes", "chapter", "part", "season", "unknown")
"""Words that end tags as well as titles of series."""


def show_candidate(evidence: Evidence, number: Reading | None) -> Candidate:
    """Build the episode candidate, with its support and all its objections."""
    read = evidence.structure
    candidate = Candidate(
        number
        or Reading(
            kind="episode", title=None, season_number=read.season if read.season is not None else evidence.folder.season
        )
    )
    if read.part:
        _weigh_part(candidate, evidence, read.part)
    _weigh_title(candidate, evidence)
    weigh_number(candidate, evidence)
    _weigh_ids_and_nfo(candidate, evidence)
    _weigh_place(candidate, evidence)
    candidate.add_objections(read.ambiguities if read.kind == "episode" else ())
    _weigh_siblings(candidate, evidence)
    return candidate


def _weigh_part(candidate: Candidate, evidence: Evidence, part: int) -> None:
    """Weigh `S01E01b`, which may be something else unless the other half lies beside it, and `S01E01 pt2`."""
    base, siblings = split_path(evidence.clues.path)[1], evidence.clues.siblings
    if evidence.structure.is_split:
        if evidence.stacked is None and is_part_a_title(evidence.structure, sibling_episodes(siblings)):
            candidate.reading = replace(candidate.reading, episode_title=f"Part {part}")
        else:
            candidate.set_part(part)
        return
    candidate.reading = replace(candidate.reading, part=part)
    if has_other_half(base, siblings):
        candidate.supports("the other half of the episode lies beside it", "title", "number")
    else:
        candidate.add_objection("the file holds half an episode, and the other half is not beside it")


def _own_title(evidence: Evidence) -> Structure:
    """Return the series as the file's own name has it; for a number found by siblings, the words
    before it.
    """
    read, folder = evidence.structure, evidence.folder
    if evidence.sequence:
        title = folder.title if evidence.sequence.has_title else None
        return replace(read, title=title, year=None, country=None, likely_title=None, title_ambiguities=())
    if read.likely_year and read.likely_year == folder.year and same_title(read.likely_title, folder.title):
        # `Doctor.Who.1963.S01E01` in `Doctor Who (1963)`: by the folder, the year is no part of
        # the title.
        return replace(read, title=read.likely_title, year=read.likely_year, likely_title=None, likely_year=None)
    for title in (read.counted_title, read.likely_title):
        is_confirmed = same_title(title, folder.title) and not folder.is_release_name and not read.likely_year
        if read.kind == "episode" and is_confirmed:
            # The folder says which of the words are the title.
            return replace(read, title=title, likely_title=None, likely_year=None, title_ambiguities=())
    if read.kind is None and evidence.run and evidence.run.is_season_coded():
        return replace(read, title=spaced(evidence.run.prefix) or None)
    return read if read.kind == "episode" else replace(read, title=None)


def _weigh_title(candidate: Candidate, evidence: Evidence) -> None:
    own, folder, guess = _own_title(evidence), evidence.folder, evidence.guess
    candidate.reading = replace(
        candidate.reading,
        title=own.title or folder.title,
        year=own.year or folder.year,
        country=own.country or folder.country,
    )
    if own.title is None:
        _title_of_folder(candidate, evidence)
        return
    candidate.supports(f"the name has the title {own.title!r}", "title")
    if guess_has_title(guess, own):
        candidate.supports("guessit reads the same title", "title")
    elif guess and guess.reading.title:
        candidate.supports(f"guessit reads the title {guess.reading.title!r}")
    if evidence.release and same_title(evidence.release.title, own.title):
        candidate.supports("every word has its place in a release of that title", "title")
    folder_confirms = same_title(folder.title, own.title) and not folder.is_release_name
    if same_title(folder.title, own.title):
        _weigh_same_folder(candidate, own, folder)
    else:
        _weigh_other_folder(candidate, evidence, own)
    confirmed = folder_confirms or evidence.ids or _nfo_agrees(evidence, own.title)
    if not confirmed and own.title_ambiguities and candidate.reading.title == own.title:
        candidate.reading = replace(candidate.reading, title=title_to_offer(guess, own))
    candidate.add_objections(() if confirmed else own.title_ambiguities)
    if own.likely_year and not evidence.ids:
        candidate.add_objection(f"{own.likely_year} may be the year, or the end of the title")
        if not folder_confirms:
            candidate.reading = replace(candidate.reading, title=own.likely_title, year=own.likely_year)


def _title_of_folder(candidate: Candidate, evidence: Evidence) -> None:
    folder = evidence.folder
    if folder.title is None:
        return
    candidate.supports(f"the folder {folder.name!r} has the title {folder.title!r}", "title")
    if folder.has_season_folder or folder.is_firm:
        candidate.supports("only the folder of a series holds one of a season, or carries a year", "title")
    elif folder.is_direct and (folder.in_tv_place or evidence.clues.library_kind == "series"):
        candidate.supports("the folder lies among series", "title")
    # A folder around season folders is called by the whole title: `CSI - NY`, `The Final Cut`.
    harmless = (
        (IN_TWO_HALVES, *(objection_to_end(word) for word in _ENDS_OF_TITLES)) if folder.has_season_folder else ()
    )
    candidate.add_objections(
        tuple(ambiguity for ambiguity in folder.title_ambiguities if not evidence.ids and ambiguity not in harmless)
    )


def _weigh_same_folder(candidate: Candidate, own: Structure, folder: FolderReading) -> None:
    if not folder.is_release_name:
        candidate.supports(f"the folder {folder.name!r} has the same title", "title")
    for mine, theirs in ((own.year, folder.year), (own.country, folder.country)):
        if mine and theirs and mine != theirs:
            candidate.add_objection(f"the folder says {theirs}, the name {mine}")


def _weigh_other_folder(candidate: Candidate, evidence: Evidence, own: Structure) -> None:
    """Weigh a folder with another title: a place, a longer spelling, or a contradiction."""
    folder = evidence.folder
    if folder.title is None or own.title is None:
        candidate.reading = replace(candidate.reading, year=own.year, country=own.country)
        return
    # "Star Trek" in the folder of "Star Trek Voyager" is another series, "Daredevil" in "Marvel's
    # Daredevil" is not.
    is_beginning = folder.title.casefold().startswith(own.title.casefold())
    if folder.is_firm and abbreviates(own.title, folder.title) and not is_beginning:
        candidate.reading = replace(candidate.reading, title=folder.title)
        candidate.supports(f"the folder {folder.name!r} has the title in full", "title", "title")
    else:
        candidate.reading = replace(candidate.reading, year=own.year, country=own.country)
        if folder.is_firm and folder.kind != "movie":
            candidate.add_objection(f"the folder is named for {folder.title!r}")


def _nfo_agrees(evidence: Evidence, title: str | None) -> bool:
    nfo = evidence.work_nfo
    return bool(
        nfo and nfo.kind == "tvshow" and any(same_title(text, title) for text in (nfo.title, nfo.original_title))
    )


def _weigh_siblings(candidate: Candidate, evidence: Evidence) -> None:
    """Weigh the other episodes of the folder: another version, another spelling, a repeated number,
    gaps.
    """
    reading, read, others = candidate.reading, evidence.structure, sibling_episodes(evidence.clues.siblings)
    if reading.title is None or reading.season_number is None or not reading.episode_numbers or not others:
        return
    season, episodes = reading.season_number, reading.episode_numbers
    folders = split_path(evidence.clues.path)[0]
    # An extra of the episode carries its number: `Show - S02E01 - Cast Talk-featurette`.
    others = tuple(
        other
        for other in others
        if other.season != season
        or not {*other.episodes}.intersection(episodes)
        or not why_ignored(folders, other.name)
    )
    agrees = evidence.ids or same_title(evidence.folder.title, reading.title)
    if not agrees and (spelling := likely_spelling(reading.title, season, episodes, others)):
        candidate.add_objection(
            f"the files beside it are called {spelling!r}; {reading.title!r} may be a misspelling of that"
        )
        candidate.reading = replace(reading, title=spelling)
        return
    if read.part is None:
        same, contrary = same_episode(reading.title, season, episodes, reading.episode_title, others)
        if contrary:
            candidate.add_objection(f"{contrary!r} beside it has the same number and another title")
        elif same:
            candidate.supports(f"another file of the episode lies beside it: {same[0]!r}")
    numbers = {number for sibling in others if sibling.season == season for number in sibling.episodes} | set(episodes)
    if (missing := gaps(numbers)) and len(evidence.clues.siblings) < MOST_FOR_GAPS:
        candidate.supports(f"beside it lie the episodes {ranges(numbers)}; missing between them: {ranges(missing)}")


def _weigh_ids_and_nfo(candidate: Candidate, evidence: Evidence) -> None:
    candidate.identify(evidence.ids)
    links = evidence.link_nfo
    if links and links.linked_kind == "movie":
        candidate.add_objection(f"{links.path!r} links to a film")
    elif links and not evidence.ids:
        # An IMDb link beside an episode may be the episode's own page. The other sites link to
        # the series.
        candidate.identify(replace(links.ids, imdb=None), source=links.path)
    if episode := evidence.episode_nfo:
        _weigh_episode_nfo(candidate, (episode.season, episode.episodes), episode.path)
        if episode.title and not candidate.reading.title:
            candidate.reading = replace(candidate.reading, title=episode.title)
        if same_title(episode.title, candidate.reading.title):
            candidate.supports(f"{episode.path!r} names the same series", "title")
    if nfo := evidence.work_nfo:
        if nfo.kind == "movie":
            candidate.add_objection(f"{nfo.path!r} says that it is a film")
            return
        agrees = any(same_title(title, candidate.reading.title) for title in (nfo.title, nfo.original_title))
        if (
            nfo.title
            and candidate.reading.title
            and not agrees
            and not candidate.has_explicit_id
            and evidence.structure.title
        ):
            candidate.add_objection(f"{nfo.path!r} is about {nfo.title!r}")
        candidate.take_nfo(nfo, agrees=agrees, known_ids=evidence.ids)


def _weigh_episode_nfo(candidate: Candidate, number: tuple[int | None, tuple[int, ...]], path: str) -> None:
    reading = candidate.reading
    if (reading.season_number, reading.episode_numbers) == number:
        candidate.supports(f"{path!r} says the same number", "number", "number")
    elif has_number(reading) and not reading.air_date and not reading.absolute_numbers:
        candidate.add_objection(f"{path!r} says season {number[0]} episode {shown(number[1])}")
    else:
        candidate.reading = replace(reading, season_number=number[0], episode_numbers=number[1])
        candidate.supports(f"{path!r} says season {number[0]} episode {shown(number[1])}", "number", "number")


def _weigh_place(candidate: Candidate, evidence: Evidence) -> None:
    folder = evidence.folder
    if evidence.clues.library_kind == "movies":
        candidate.add_objection("the library holds films, but the name is an episode's")
    elif folder.in_film_place and not folder.in_tv_place and not folder.has_season_folder:
        candidate.add_objection("it lies among films, but the name is an episode's")
    if folder.is_disc:
        candidate.add_objection("it belongs to a disc")
    last = words_of(evidence.structure.episode_title or "")[-1:]
    if last and last[0] in ("trailer", "teaser", "sample", "featurette"):
        candidate.add_objection(f"{last[0]!r} at its end may say that it is one")
