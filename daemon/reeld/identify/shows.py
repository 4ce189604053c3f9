"""Proposes the episode that a file may be, and weighs it."""

import re
from dataclasses import replace

from reeld.domain.identity import Reading
from reeld.identify.candidate import Candidate, has_number
from reeld.identify.evidence import Evidence, abbreviates, guess_has_title, same_title, title_to_offer
from reeld.identify.folders import FolderReading
from reeld.identify.names import is_dotted, spaced, split_path, words_of
from reeld.identify.ranges import why_more_numbers
from reeld.identify.season import FAR, MOST_FOR_GAPS, gaps, likely_spelling, ranges, same_episode, sibling_episodes
from reeld.identify.siblings import has_other_half, is_one_of_a_series
from reeld.identify.strict_reader import Structure
from reeld.identify.title_text import IN_TWO_HALVES, objection_to_end
from reeld.identify.words import STRONG_QUALITY

# `01`, `01 - Pilot`, `01. Pilot`, `10 Pilot`: a number in front, in the folder of a season.
_LEADING_NUMBER = re.compile(
    r"(?:#|e|ep)?(?P<number>\d{1,3})(?:v\d)?(?P<join>\s*[-–._]\s*|(?<=\d\d)\s+|$)(?P<title>.*)", re.IGNORECASE
)

MOST_EPISODES = 30
"""The length of most seasons. `42.mkv` alone in a season's folder may be an episode of that title,
too.
"""

_ENDS_OF_TITLES = ("cut", "edition", "episode", "episodes", "chapter", "part", "season", "unknown")
"""Words that end tags as well as titles of series."""


def numbered(evidence: Evidence) -> Reading | None:
    """Read the episode's number from marker, season folder, siblings and .nfo, without a title."""
    read, folder, nfo = evidence.structure, evidence.folder, evidence.episode_nfo
    season = read.season if read.season is not None else folder.season
    blank = Reading(kind="episode", title=None)
    if nfo and read.kind != "episode":
        return replace(blank, season_number=nfo.season, episode_numbers=nfo.episodes, episode_title=nfo.episode_title)
    if read.kind == "episode" and read.style != "pack":
        if read.air_date:
            return replace(blank, air_date=read.air_date, episode_title=read.episode_title)
        if read.absolute and folder.has_season_folder and not folder.has_several_seasons:
            return replace(blank, season_number=season, episode_numbers=read.absolute, episode_title=read.episode_title)
        if read.absolute and evidence.run and evidence.run.is_season_coded() and not read.group:
            return _coded(blank, read.absolute[0])
        if season is None and read.style == "of" and _is_one_of_a_series(evidence):
            season = 1  # databases list a series that was made in one piece as season 1
        return replace(
            blank,
            season_number=season,
            episode_numbers=read.episodes,
            absolute_numbers=read.absolute,
            episode_title=read.episode_title,
        )
    return _bare_number(evidence, blank)


def _is_one_of_a_series(evidence: Evidence) -> bool:
    return is_one_of_a_series(split_path(evidence.clues.path)[1], evidence.clues.siblings)


def _bare_number(evidence: Evidence, blank: Reading) -> Reading | None:
    """Read a bare number: in front, in a season folder, or the one number that differs between
    siblings.
    """
    folder, run = evidence.folder, evidence.run
    if evidence.structure.kind == "movie":
        return None
    leading = _LEADING_NUMBER.fullmatch(evidence.name)
    if folder.has_season_folder and leading and int(leading["number"]) > 0:
        number, season = int(leading["number"]), folder.season or 0
        if number > 99 and number // 100 == season and run and run.is_season_coded():
            number %= 100
        return replace(
            blank,
            season_number=folder.season,
            episode_numbers=(number,),
            episode_title=_words_before_quality(leading["title"]),
        )
    if run and run.prefix.strip(" ._-") and run.is_season_coded() and re.search(r"[ ._-]$", run.prefix):
        return _coded(blank, run.number)
    return None


def _coded(blank: Reading, number: int) -> Reading:
    return replace(blank, season_number=number // 100, episode_numbers=(number % 100,))


def _words_before_quality(text: str) -> str | None:
    end = STRONG_QUALITY.search(text)
    return spaced(re.split(r"[\[({]", text[: end.start()] if end else text, maxsplit=1)[0]) or None


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
        _weigh_half(candidate, evidence, read.part)
    _weigh_title(candidate, evidence)
    _weigh_number(candidate, evidence)
    _weigh_ids_and_nfo(candidate, evidence)
    _weigh_place(candidate, evidence)
    candidate.add_objections(read.ambiguities if read.kind == "episode" else ())
    _weigh_siblings(candidate, evidence)
    return candidate


def _weigh_half(candidate: Candidate, evidence: Evidence, half: int) -> None:
    """Weigh `S01E01a`: half an episode if the other half lies beside it, else perhaps something
    else.
    """
    candidate.reading = replace(candidate.reading, part=half)
    if has_other_half(split_path(evidence.clues.path)[1], evidence.clues.siblings):
        candidate.supports("the other half of the episode lies beside it", "title", "number")
    else:
        candidate.add_objection("the file holds half an episode, and the other half is not beside it")


def _own_title(evidence: Evidence) -> Structure:
    """Return the series as the file's own name has it; for a number found by siblings, the words
    before it.
    """
    read, folder = evidence.structure, evidence.folder
    if read.likely_year and read.likely_year == folder.year and same_title(read.likely_title, folder.title):
        # `Doctor.Who.1963.S01E01` in `Doctor Who (1963)`: by the folder, the year is no part of
        # the title.
        return replace(read, title=read.likely_title, year=read.likely_year, likely_title=None, likely_year=None)
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


def _weigh_number(candidate: Candidate, evidence: Evidence) -> None:
    read, folder, reading, guess = evidence.structure, evidence.folder, candidate.reading, evidence.guess
    if not has_number(reading):
        if reading.season_number is None and reading.episode_numbers:
            candidate.add_objection("the season is not known")
        return
    _count_own_number(candidate, evidence)
    if folder.is_part_of_season and read.season is None and not read.air_date and not read.group:
        candidate.add_objection("the folder is one disc of a season, and its numbers may begin anew")
    if guess and _same_number(guess.reading, reading):
        candidate.supports("guessit reads the same number", "number")
    elif guess and read.style == "words" and _same_number(guess.reading, _first_of(reading)):
        # It knows no range behind words, and takes the rest of `Season 2 Episode 3-4` for a title.
        candidate.supports("guessit reads the first of these numbers", "number")
    if evidence.release and _same_number(evidence.release, reading):
        candidate.supports("every word has its place in a release of that number", "number")
    _weigh_season_folder(candidate, read, folder)
    if evidence.run and evidence.run.number in (*reading.episode_numbers, *reading.absolute_numbers):
        candidate.supports(f"the siblings differ in this number: {ranges(evidence.run.numbers)}", "number")
    # `Birthday 2019-05-12` is a typical name for home videos; `60.Minutes.2024.03.10` is not.
    is_like_a_release = read.has_quality or (is_dotted(evidence.name) and len(words_of(read.title or "")) > 1)
    if read.air_date and not is_like_a_release and not same_title(folder.title, read.title):
        candidate.add_objection("nothing but the date says that it is an episode")


def _weigh_season_folder(candidate: Candidate, read: Structure, folder: FolderReading) -> None:
    season = int(read.air_date[:4]) if read.air_date else read.season
    if season is not None and folder.has_season_folder and not folder.has_several_seasons:
        if folder.season == season:
            candidate.supports(
                f"the folder says season {folder.season} too", *(() if folder.is_release_name else ("number",))
            )
        elif not read.air_date:
            candidate.add_objection(f"the folder says season {folder.season}, the name season {season}")
    if folder.season_conflict:
        candidate.add_objection("the folders name two different seasons")


def _count_own_number(candidate: Candidate, evidence: Evidence) -> None:
    read, folder, reading = evidence.structure, evidence.folder, candidate.reading
    if read.kind == "episode":
        candidate.supports(f"the name carries the mark of {_described(reading)}", "number")
        if read.style in ("episode", "of", "dash") and folder.season is not None:
            candidate.supports(f"the season is that of the folder, {folder.season}", "number")
            if read.absolute and (folder.season or 0) > 1 and not _counts_from_one(evidence):
                candidate.add_objection("the number may count from the first season on")
        if read.style == "of" and not folder.has_season_folder:
            candidate.supports("the others of the same number lie beside it: a series of one season", "number")
        if read.style == "dash" and read.season is not None and same_title(folder.title, read.title):
            candidate.supports("the season stands before it, and the series' own folder around it", "number")
        if read.style == "dash" and reading.absolute_numbers and not read.group:
            _weigh_lone_number(candidate, evidence, read.absolute[0])
    elif folder.has_season_folder and not evidence.nfos:
        candidate.supports(f"the number stands in front, in the folder of season {folder.season}", "number", "number")
        _weigh_leading_number(candidate, evidence, reading.episode_numbers[0])
    elif evidence.run:
        candidate.supports(f"its siblings are numbered by season and episode: {ranges(evidence.run.numbers)}", "number")


def _weigh_leading_number(candidate: Candidate, evidence: Evidence, number: int) -> None:
    """Weigh `12 - Title` in the folder of a season: 12 may count something else than the siblings'
    numbers.
    """
    if number > 99:
        candidate.add_objection("the number may hold a season and an episode")
    run, leading = evidence.run, _LEADING_NUMBER.fullmatch(evidence.name)
    if run is None and evidence.clues.siblings:
        candidate.add_objection("the siblings are not numbered like it")
    if run and number > run.numbers[-2] + FAR:
        candidate.add_objection(f"the number lies far behind those of its siblings: {ranges(run.numbers[:-1])}")
    if leading is None:
        return
    if why := why_more_numbers(evidence.name, leading.start("join"), int(leading["number"])):
        candidate.add_objection(why)
    if run and run.number != int(leading["number"]):
        candidate.add_objection("the siblings differ in another number")
    if run is None and (number > MOST_EPISODES or not _is_plainly_in_front(leading)):
        candidate.add_objection("the number may belong to the title, and no sibling is numbered like it")


def _is_plainly_in_front(leading: re.Match[str]) -> bool:
    """Recognize `01 - Pilot`, `1. Pilot`, `01-Pilot`; `24 Hours` and `4-D` are titles as well."""
    join = leading["join"]
    if not leading["title"]:
        return True
    return bool(join.strip()) and (len(leading["number"]) > 1 or "." in join or join != join.strip())


def _weigh_lone_number(candidate: Candidate, evidence: Evidence, number: int) -> None:
    """Weigh `Show - 366` without a group in front: 366 may also mean season 3, episode 66."""
    known_series = same_title(evidence.folder.title, evidence.structure.title) and (
        evidence.folder.in_tv_place or evidence.clues.library_kind == "series"
    )
    if known_series or evidence.run:
        candidate.supports("the series' own folder, or its siblings, number it like this", "number")
    else:
        candidate.add_objection("a number behind a dash may be an episode's or a part of the title")
    could_be_coded = 100 < number < 1000 and 0 < number % 100 <= 30
    if could_be_coded and not (evidence.run and evidence.run.numbers[0] <= 100):
        candidate.add_objection("the number may hold a season and an episode")


def _counts_from_one(evidence: Evidence) -> bool:
    return evidence.run is not None and evidence.run.numbers[0] <= 2


def _first_of(reading: Reading) -> Reading:
    return replace(reading, episode_numbers=reading.episode_numbers[:1])


def _same_number(guess: Reading, reading: Reading) -> bool:
    if reading.air_date:
        return guess.air_date == reading.air_date
    if reading.absolute_numbers:
        return reading.absolute_numbers == guess.absolute_numbers
    if guess.season_number is None and guess.absolute_numbers:
        return guess.absolute_numbers == reading.episode_numbers
    return (guess.season_number, guess.episode_numbers) == (reading.season_number, reading.episode_numbers)


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
        candidate.add_objection(f"{path!r} says season {number[0]} episode {_shown(number[1])}")
    else:
        candidate.reading = replace(reading, season_number=number[0], episode_numbers=number[1])
        candidate.supports(f"{path!r} says season {number[0]} episode {_shown(number[1])}", "number", "number")


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


def _described(reading: Reading) -> str:
    if reading.air_date:
        return f"the day {reading.air_date}"
    if reading.absolute_numbers:
        return f"episode {_shown(reading.absolute_numbers)}"
    return f"season {reading.season_number} episode {_shown(reading.episode_numbers)}"


def _shown(numbers: tuple[int, ...]) -> str:
    text = ", ".join(str(number) for number in numbers[:6])
    return f"{text}, …" if len(numbers) > 6 else text
