"""Is it an episode, of which series, with which number, and what speaks against filing it unseen?"""

import re
from dataclasses import replace

from reeld.domain.identity import Reading
from reeld.identify.candidate import Case, has_number
from reeld.identify.evidence import Survey, abbreviates, guess_says_title, same_title, title_to_offer
from reeld.identify.folders import FolderReading
from reeld.identify.markers import why_more_numbers
from reeld.identify.names import is_dotted, spaced, split_path, words_of
from reeld.identify.season import FAR, MOST_FOR_GAPS, gaps, likely_spelling, mates, ranges, same_episode
from reeld.identify.siblings import has_other_half, is_one_of_a_series
from reeld.identify.strict_reader import Structure
from reeld.identify.title_text import IN_TWO_HALVES, doubt_of_end
from reeld.identify.words import STRONG_QUALITY

# `01`, `01 - Pilot`, `01. Pilot`, `10 Pilot`: a number in front, in the folder of a season.
_LEADING_NUMBER = re.compile(
    r"(?:#|e|ep)?(?P<number>\d{1,3})(?:v\d)?(?P<join>\s*[-–._]\s*|(?<=\d\d)\s+|$)(?P<title>.*)", re.IGNORECASE
)

MOST_EPISODES = 30
"""Of most seasons. `42.mkv` alone in the folder of one is an episode of that title as well as one of that number."""

_ENDS_OF_TITLES = ("cut", "edition", "episode", "episodes", "chapter", "part", "season", "unknown")
"""Words that tags end in, and titles of series."""


def numbered(known: Survey) -> Reading | None:
    """The episode's number as marker, season folder, siblings and .nfo give it; no title yet."""
    read, folder, nfo = known.structure, known.folder, known.episode_nfo
    season = read.season if read.season is not None else folder.season
    blank = Reading(kind="episode", title=None)
    if nfo and read.kind != "episode":
        return replace(blank, season_number=nfo.season, episode_numbers=nfo.episodes, episode_title=nfo.episode_title)
    if read.kind == "episode" and read.style != "pack":
        if read.air_date:
            return replace(blank, air_date=read.air_date, episode_title=read.episode_title)
        if read.absolute and folder.has_season_folder:
            return replace(blank, season_number=season, episode_numbers=read.absolute, episode_title=read.episode_title)
        if read.absolute and known.run and known.run.is_season_coded() and not read.group:
            return _coded(blank, read.absolute[0])
        if season is None and read.style == "of" and _is_one_of_a_series(known):
            season = 1  # as databases have a series that was made in one piece
        return replace(
            blank,
            season_number=season,
            episode_numbers=read.episodes,
            absolute_numbers=read.absolute,
            episode_title=read.episode_title,
        )
    return _thin_number(known, blank)


def _is_one_of_a_series(known: Survey) -> bool:
    return is_one_of_a_series(split_path(known.clues.path)[1], known.clues.siblings)


def _thin_number(known: Survey, blank: Reading) -> Reading | None:
    """A bare number: at the front in a season folder, or the one run in which the siblings differ."""
    folder, run = known.folder, known.run
    if known.structure.kind == "movie":
        return None
    leading = _LEADING_NUMBER.fullmatch(known.name)
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


def show_case(known: Survey, number: Reading | None) -> Case:
    """The episode that the voices speak of, with every doubt that stands."""
    read = known.structure
    case = Case(
        number
        or Reading(
            kind="episode", title=None, season_number=read.season if read.season is not None else known.folder.season
        )
    )
    if read.part:
        _weigh_half(case, known, read.part)
    _weigh_title(case, known)
    _weigh_number(case, known)
    _weigh_ids_and_nfo(case, known)
    _weigh_place(case, known)
    case.doubt_all(read.risks if read.kind == "episode" else ())
    _weigh_mates(case, known)
    return case


def _weigh_half(case: Case, known: Survey, half: int) -> None:
    """`S01E01a`: a half of an episode if the other one lies beside it, else perhaps something else."""
    case.reading = replace(case.reading, part=half)
    if has_other_half(split_path(known.clues.path)[1], known.clues.siblings):
        case.says("the other half of the episode lies beside it", "title", "number")
    else:
        case.doubt("the file holds half an episode, and the other half is not beside it")


def _own_title(known: Survey) -> Structure:
    """What the file's own name says of the series; for a number told by siblings, the words in front of it."""
    read, folder = known.structure, known.folder
    if read.likely_year and read.likely_year == folder.year and same_title(read.likely_title, folder.title):
        # `Doctor.Who.1963.S01E01` in `Doctor Who (1963)`: the folder says that it is no part of the title.
        return replace(read, title=read.likely_title, year=read.likely_year, likely_title=None, likely_year=None)
    if read.kind is None and known.run and known.run.is_season_coded():
        return replace(read, title=spaced(known.run.prefix) or None)
    return read if read.kind == "episode" else replace(read, title=None)


def _weigh_title(case: Case, known: Survey) -> None:
    own, folder, said = _own_title(known), known.folder, known.guess
    case.reading = replace(
        case.reading,
        title=own.title or folder.title,
        year=own.year or folder.year,
        country=own.country or folder.country,
    )
    if own.title is None:
        _title_of_folder(case, known)
        return
    case.says(f"the name has the title {own.title!r}", "title")
    if guess_says_title(said, own):
        case.says("guessit reads the same title", "title")
    elif said and said.reading.title:
        case.says(f"guessit reads the title {said.reading.title!r}")
    folder_confirms = same_title(folder.title, own.title) and not folder.is_release_name
    if same_title(folder.title, own.title):
        _weigh_same_folder(case, own, folder)
    else:
        _weigh_other_folder(case, known, own)
    confirmed = folder_confirms or known.ids or _nfo_agrees(known, own.title)
    if not confirmed and own.title_risks and case.reading.title == own.title:
        case.reading = replace(case.reading, title=title_to_offer(said, own))
    case.doubt_all(() if confirmed else own.title_risks)
    if own.likely_year and not known.ids:
        case.doubt(f"{own.likely_year} may be the year, or the end of the title")
        if not folder_confirms:
            case.reading = replace(case.reading, title=own.likely_title, year=own.likely_year)


def _title_of_folder(case: Case, known: Survey) -> None:
    folder = known.folder
    if folder.title is None:
        return
    case.says(f"the folder {folder.name!r} has the title {folder.title!r}", "title")
    if folder.has_season_folder or folder.is_firm:
        case.says("only the folder of a series holds one of a season, or carries a year", "title")
    elif folder.is_direct and (folder.in_tv_place or known.clues.library_kind == "series"):
        case.says("the folder lies among series", "title")
    # Who makes a folder for each season calls the one around them by the whole title: `CSI - NY`, `The Final Cut`.
    harmless = (IN_TWO_HALVES, *(doubt_of_end(word) for word in _ENDS_OF_TITLES)) if folder.has_season_folder else ()
    case.doubt_all(tuple(risk for risk in folder.title_risks if not known.ids and risk not in harmless))


def _weigh_same_folder(case: Case, own: Structure, folder: FolderReading) -> None:
    if not folder.is_release_name:
        case.says(f"the folder {folder.name!r} has the same title", "title")
    for mine, theirs in ((own.year, folder.year), (own.country, folder.country)):
        if mine and theirs and mine != theirs:
            case.doubt(f"the folder says {theirs}, the name {mine}")


def _weigh_other_folder(case: Case, known: Survey, own: Structure) -> None:
    """A folder with another title: a place, a longer spelling, or a contradiction."""
    folder = known.folder
    if folder.title is None or own.title is None:
        case.reading = replace(case.reading, year=own.year, country=own.country)
        return
    # "Star Trek" in the folder of "Star Trek Voyager" is another series, "Daredevil" in "Marvel's Daredevil" is not.
    is_beginning = folder.title.casefold().startswith(own.title.casefold())
    if folder.is_firm and abbreviates(own.title, folder.title) and not is_beginning:
        case.reading = replace(case.reading, title=folder.title)
        case.says(f"the folder {folder.name!r} has the title in full", "title", "title")
    else:
        case.reading = replace(case.reading, year=own.year, country=own.country)
        if folder.is_firm and folder.kind != "movie":
            case.doubt(f"the folder is named for {folder.title!r}")


def _weigh_number(case: Case, known: Survey) -> None:
    read, folder, reading, said = known.structure, known.folder, case.reading, known.guess
    if not has_number(reading):
        if reading.season_number is None and reading.episode_numbers:
            case.doubt("the season is not known")
        return
    _count_own_number(case, known)
    if said and _same_number(said.reading, reading):
        case.says("guessit reads the same number", "number")
    _weigh_season_folder(case, read, folder)
    if known.run and known.run.number in (*reading.episode_numbers, *reading.absolute_numbers):
        case.says(f"the siblings differ in this number: {ranges(known.run.numbers)}", "number")
    # `Birthday 2019-05-12` is what people call their own videos; `60.Minutes.2024.03.10` is not.
    is_like_a_release = read.has_quality or (is_dotted(known.name) and len(words_of(read.title or "")) > 1)
    if read.air_date and not is_like_a_release and not same_title(folder.title, read.title):
        case.doubt("nothing but the date says that it is an episode")


def _weigh_season_folder(case: Case, read: Structure, folder: FolderReading) -> None:
    season = int(read.air_date[:4]) if read.air_date else read.season
    if season is not None and folder.has_season_folder:
        if folder.season == season:
            case.says(f"the folder says season {folder.season} too", *(() if folder.is_release_name else ("number",)))
        elif not read.air_date:
            case.doubt(f"the folder says season {folder.season}, the name season {season}")
    if folder.season_conflict:
        case.doubt("the folders name two different seasons")


def _count_own_number(case: Case, known: Survey) -> None:
    read, folder, reading = known.structure, known.folder, case.reading
    if read.kind == "episode":
        case.says(f"the name carries the mark of {_described(reading)}", "number")
        if read.style in ("episode", "of", "dash") and folder.has_season_folder:
            case.says(f"the season is that of the folder, {folder.season}", "number")
            if read.absolute and (folder.season or 0) > 1 and not _counts_from_one(known):
                case.doubt("the number may count from the first season on")
        if read.style == "of" and not folder.has_season_folder:
            case.says("the others of the same number lie beside it: a series of one season", "number")
        if read.style == "dash" and reading.absolute_numbers and not read.group:
            _weigh_lone_number(case, known, read.absolute[0])
    elif folder.has_season_folder and not known.nfos:
        case.says(f"the number stands in front, in the folder of season {folder.season}", "number", "number")
        _weigh_leading_number(case, known, reading.episode_numbers[0])
    elif known.run:
        case.says(f"its siblings are numbered by season and episode: {ranges(known.run.numbers)}", "number")


def _weigh_leading_number(case: Case, known: Survey, number: int) -> None:
    """`12 - Title` in the folder of a season: 12 may count something else than its siblings' numbers do."""
    if number > 99:
        case.doubt("the number may hold a season and an episode")
    run, leading = known.run, _LEADING_NUMBER.fullmatch(known.name)
    if run is None and known.clues.siblings:
        case.doubt("the siblings are not numbered like it")
    if run and number > run.numbers[-2] + FAR:
        case.doubt(f"the number lies far behind those of its siblings: {ranges(run.numbers[:-1])}")
    if leading is None:
        return
    if why := why_more_numbers(known.name, leading.start("join"), int(leading["number"])):
        case.doubt(why)
    if run and run.number != int(leading["number"]):
        case.doubt("the siblings differ in another number")
    if run is None and (number > MOST_EPISODES or not _is_plainly_in_front(leading)):
        case.doubt("the number may belong to the title, and no sibling is numbered like it")


def _is_plainly_in_front(leading: re.Match[str]) -> bool:
    """`01 - Pilot`, `1. Pilot`, `01-Pilot`; `24 Hours` and `4-D` are titles as well."""
    join = leading["join"]
    if not leading["title"]:
        return True
    return bool(join.strip()) and (len(leading["number"]) > 1 or "." in join or join != join.strip())


def _weigh_lone_number(case: Case, known: Survey, number: int) -> None:
    """`Show - 366` without a group in front: 366 may also mean season 3, episode 66."""
    known_series = same_title(known.folder.title, known.structure.title) and (
        known.folder.in_tv_place or known.clues.library_kind == "series"
    )
    if known_series or known.run:
        case.says("the series' own folder, or its siblings, number it like this", "number")
    else:
        case.doubt("a number behind a dash may be an episode's or a part of the title")
    could_be_coded = 100 < number < 1000 and 0 < number % 100 <= 30
    if could_be_coded and not (known.run and known.run.numbers[0] <= 100):
        case.doubt("the number may hold a season and an episode")


def _counts_from_one(known: Survey) -> bool:
    return known.run is not None and known.run.numbers[0] <= 2


def _same_number(said: Reading, reading: Reading) -> bool:
    if reading.air_date:
        return said.air_date == reading.air_date
    if reading.absolute_numbers:
        return reading.absolute_numbers == said.absolute_numbers
    if said.season_number is None and said.absolute_numbers:
        return said.absolute_numbers == reading.episode_numbers
    return (said.season_number, said.episode_numbers) == (reading.season_number, reading.episode_numbers)


def _nfo_agrees(known: Survey, title: str | None) -> bool:
    nfo = known.work_nfo
    return bool(
        nfo and nfo.kind == "tvshow" and any(same_title(text, title) for text in (nfo.title, nfo.original_title))
    )


def _weigh_mates(case: Case, known: Survey) -> None:
    """What the episodes beside it say: another version of it, another spelling, a number given twice, gaps."""
    reading, read, others = case.reading, known.structure, mates(known.clues.siblings)
    if reading.title is None or reading.season_number is None or not reading.episode_numbers or not others:
        return
    season, episodes = reading.season_number, reading.episode_numbers
    agrees = known.ids or same_title(known.folder.title, reading.title)
    if not agrees and (spelling := likely_spelling(reading.title, season, episodes, others)):
        case.doubt(f"the files beside it are called {spelling!r}, of which {reading.title!r} may be a misspelling")
        case.reading = replace(reading, title=spelling)
        return
    if read.part is None:
        same, contrary = same_episode(reading.title, season, episodes, reading.episode_title, others)
        if contrary:
            case.doubt(f"{contrary!r} beside it has the same number and another title")
        elif same:
            case.says(f"another file of the episode lies beside it: {same[0]!r}")
    numbers = {number for mate in others if mate.season == season for number in mate.episodes} | set(episodes)
    if (missing := gaps(numbers)) and len(known.clues.siblings) < MOST_FOR_GAPS:
        case.says(f"beside it lie the episodes {ranges(numbers)}; missing between them: {ranges(missing)}")


def _weigh_ids_and_nfo(case: Case, known: Survey) -> None:
    case.identify(known.ids)
    links = known.link_nfo
    if links and links.linked_kind == "movie":
        case.doubt(f"{links.path!r} links to a film")
    elif links and not known.ids:
        # An IMDb link beside an episode may be the episode's own page; the others name the series.
        case.identify(replace(links.ids, imdb=None), source=links.path)
    if episode := known.episode_nfo:
        _weigh_episode_nfo(case, (episode.season, episode.episodes), episode.path)
        if episode.title and not case.reading.title:
            case.reading = replace(case.reading, title=episode.title)
        if same_title(episode.title, case.reading.title):
            case.says(f"{episode.path!r} names the same series", "title")
    if nfo := known.work_nfo:
        if nfo.kind == "movie":
            case.doubt(f"{nfo.path!r} says that it is a film")
            return
        agrees = any(same_title(title, case.reading.title) for title in (nfo.title, nfo.original_title))
        if nfo.title and case.reading.title and not agrees and not case.has_explicit_id and known.structure.title:
            case.doubt(f"{nfo.path!r} is about {nfo.title!r}")
        case.take_nfo(nfo, agrees=agrees, known_ids=known.ids)


def _weigh_episode_nfo(case: Case, number: tuple[int | None, tuple[int, ...]], path: str) -> None:
    reading = case.reading
    if (reading.season_number, reading.episode_numbers) == number:
        case.says(f"{path!r} says the same number", "number", "number")
    elif has_number(reading) and not reading.air_date and not reading.absolute_numbers:
        case.doubt(f"{path!r} says season {number[0]} episode {_shown(number[1])}")
    else:
        case.reading = replace(reading, season_number=number[0], episode_numbers=number[1])
        case.says(f"{path!r} says season {number[0]} episode {_shown(number[1])}", "number", "number")


def _weigh_place(case: Case, known: Survey) -> None:
    folder = known.folder
    if known.clues.library_kind == "movies":
        case.doubt("the library holds films, but the name is an episode's")
    elif folder.in_film_place and not folder.in_tv_place and not folder.has_season_folder:
        case.doubt("it lies among films, but the name is an episode's")
    if folder.is_disc:
        case.doubt("it belongs to a disc")
    last = words_of(known.structure.episode_title or "")[-1:]
    if last and last[0] in ("trailer", "teaser", "sample", "featurette"):
        case.doubt(f"{last[0]!r} at its end may say that it is one")


def _described(reading: Reading) -> str:
    if reading.air_date:
        return f"the day {reading.air_date}"
    if reading.absolute_numbers:
        return f"episode {_shown(reading.absolute_numbers)}"
    return f"season {reading.season_number} episode {_shown(reading.episode_numbers)}"


def _shown(numbers: tuple[int, ...]) -> str:
    text = ", ".join(str(number) for number in numbers[:6])
    return f"{text}, …" if len(numbers) > 6 else text
