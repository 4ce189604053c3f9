"""Reads which episode a file is, and weighs that number."""

import re
from dataclasses import replace

from reeld.domain.identity import Reading
from reeld.identify.candidate import Candidate, has_number
from reeld.identify.days import are_named_by_days
from reeld.identify.evidence import Evidence, same_title
from reeld.identify.extra_words import special_behind_number
from reeld.identify.folders import FolderReading
from reeld.identify.names import is_dotted, spaced, split_path, words_of
from reeld.identify.ranges import why_more_numbers
from reeld.identify.season import FAR, ranges
from reeld.identify.sequence import Sequence, counts_seasons, holds_season, is_no_title
from reeld.identify.siblings import is_one_of_a_series
from reeld.identify.structure import Structure
from reeld.identify.words import STRONG_QUALITY

# `01`, `01 - Pilot`, `01. Pilot`, `10 Pilot`: a number in front, in the folder of a season.
_LEADING_NUMBER = re.compile(
    r"(?:#|e|ep)?(?P<number>\d{1,3})(?:v\d)?(?P<join>\s*[-–._]\s*|(?<=\d\d)\s+|$)(?P<title>.*)", re.IGNORECASE
)

MOST_EPISODES = 30
"""The length of most seasons. `42.mkv` alone in a season's folder may be an episode of that title,
too.
"""
LATEST_FIRST = 6
"""The lowest number in the folder of a later season whose first files are missing. Few seasons have less than six
episodes, so a higher one may follow on the season before.
"""


def numbered(evidence: Evidence) -> Reading | None:
    """Read the episode's number from marker, season folder, siblings and .nfo, without a title."""
    read, nfo = evidence.structure, evidence.episode_nfo
    blank = Reading(kind="episode", title=None)
    if nfo and read.kind != "episode":
        return replace(blank, season_number=nfo.season, episode_numbers=nfo.episodes, episode_title=nfo.episode_title)
    if evidence.sequence:
        return _number_of(evidence.sequence, replace(blank, episode_title=_episode_title(evidence)))
    if read.kind == "episode" and read.style != "pack":
        return _marked_number(evidence, replace(blank, episode_title=read.episode_title))
    return _bare_number(evidence, blank)


def _number_of(sequence: Sequence, blank: Reading) -> Reading:
    """Return the number within its season; where none is known, it counts from the first one on."""
    if sequence.season is None:
        return replace(blank, absolute_numbers=(sequence.number,))
    return replace(blank, season_number=sequence.season, episode_numbers=(sequence.number,))


def _episode_title(evidence: Evidence) -> str | None:
    if evidence.structure.style in ("episode", "dash") or evidence.sequence is None:
        return evidence.structure.episode_title
    return _words_before_quality(evidence.sequence.behind)


def _marked_number(evidence: Evidence, blank: Reading) -> Reading:
    """Return the number of the marker, in the season that it names or that the folder is of."""
    read, folder = evidence.structure, evidence.folder
    season = read.season if read.season is not None else folder.season
    if read.air_date:
        return replace(blank, air_date=read.air_date)
    if _is_coded_by_folder(evidence) or (
        read.absolute
        and not folder.has_season_folder
        and evidence.run
        and evidence.run.is_season_coded()
        and not read.group
    ):
        return _coded(blank, read.absolute[0])
    if read.absolute and folder.has_season_folder and not folder.has_several_seasons:
        return replace(blank, season_number=season, episode_numbers=read.absolute)
    if _is_in_own_folder(evidence) and read.episodes:
        return replace(blank, absolute_numbers=read.episodes)
    if season is None and read.style == "of" and _is_one_of_a_series(evidence):
        season = 1  # databases list a series that was made in one piece as season 1
    return replace(blank, season_number=season, episode_numbers=read.episodes, absolute_numbers=read.absolute)


def _is_in_own_folder(evidence: Evidence) -> bool:
    """Tell whether `Show E05` lies in the folder of that series, beside no season: it counts from the first one on."""
    read, folder = evidence.structure, evidence.folder
    is_series = folder.in_tv_place or evidence.clues.library_kind == "series"
    is_own = is_series and not folder.has_season_folder and folder.title is not None
    return is_own and read.style == "episode" and (read.title is None or same_title(read.title, folder.title))


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
    if run is None or is_no_title(run.prefix) or counts_seasons(run):
        return None
    return _coded(blank, run.number) if run.is_season_coded() and re.search(r"[ ._-]$", run.prefix) else None


def _is_coded_by_folder(evidence: Evidence) -> bool:
    """Tell whether `305` in the folder of season 3 is its fifth episode: no sibling has another season's number."""
    read, folder, run = evidence.structure, evidence.folder, evidence.run
    number = read.absolute[0] if len(read.absolute) == 1 and not read.group else 0
    return folder.season is not None and all(
        holds_season(other, folder.season) for other in (number, *(run.numbers if run else ()))
    )


def _coded(blank: Reading, number: int) -> Reading:
    return replace(blank, season_number=number // 100, episode_numbers=(number % 100,))


def _words_before_quality(text: str) -> str | None:
    end = STRONG_QUALITY.search(text)
    return spaced(re.split(r"[\[({]", text[: end.start()] if end else text, maxsplit=1)[0]) or None


def weigh_number(candidate: Candidate, evidence: Evidence) -> None:
    """Weigh the number: which readers see it, and what else it may count."""
    read, folder, reading, guess = evidence.structure, evidence.folder, candidate.reading, evidence.guess
    if not has_number(reading):
        if reading.season_number is None and reading.episode_numbers:
            candidate.add_objection("the season is not known")
        return
    _count_own_number(candidate, evidence)
    if folder.is_part_of_season and read.season is None and not read.air_date and not read.group:
        candidate.add_objection("the folder is one disc of a season, and its numbers may begin with 1 on each")
    if guess and _same_number(guess.reading, reading):
        candidate.supports("guessit reads the same number", "number")
    elif guess and read.style == "words" and _same_number(guess.reading, _first_of(reading)):
        # It knows no range behind words, and takes the rest of `Season 2 Episode 3-4` for a title.
        candidate.supports("guessit reads the first of these numbers", "number")
    if evidence.release and _same_number(evidence.release, reading):
        candidate.supports("every word has its place in a release of that number", "number")
    _weigh_season_folder(candidate, read, folder)
    if read.air_date:
        _weigh_day(candidate, evidence)
    if evidence.run and evidence.run.number in (*reading.episode_numbers, *reading.absolute_numbers):
        candidate.supports(f"the siblings differ in this number: {ranges(evidence.run.numbers)}", "number")


def _weigh_day(candidate: Candidate, evidence: Evidence) -> None:
    """Weigh a day: the series' folder and siblings that are named by days speak for an episode."""
    read, folder = evidence.structure, evidence.folder
    is_own_folder = same_title(folder.title, read.title)
    if are_named_by_days(evidence.clues.siblings):
        candidate.supports("its siblings are named by days, too", "number")
    if folder.in_tv_place and is_own_folder:
        candidate.supports("the day stands behind the title of the series' own folder", "number")
    # `Birthday 2019-05-12` is a typical name for home videos; `60.Minutes.2024.03.10` is not.
    is_like_a_release = read.has_quality or (is_dotted(evidence.name) and len(words_of(read.title or "")) > 1)
    is_of_folder = folder.in_tv_place and read.title is None and folder.title is not None
    if not (is_like_a_release or is_of_folder or is_own_folder):
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
    if evidence.sequence:
        _weigh_sequence(candidate, evidence, evidence.sequence)
    elif read.kind == "episode":
        candidate.supports(f"the name carries the mark of {_described(reading)}", "number")
        if read.style in ("episode", "of", "dash") and folder.season is not None:
            _weigh_number_in_season_folder(candidate, evidence, folder.season)
        if _is_in_own_folder(evidence):
            candidate.supports("it lies in the series' own folder, and none of a season", "number")
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


def _weigh_sequence(candidate: Candidate, evidence: Evidence, sequence: Sequence) -> None:
    """Weigh a number that runs through the siblings: it is the episode's, if the folder is a series'."""
    folder, where = evidence.folder, "behind the folder's title" if sequence.has_title else "in front"
    candidate.supports(f"the number stands {where}", "number")
    if len(sequence.numbers) > 1:
        candidate.supports(f"its siblings run in numbers like it: {ranges(sequence.numbers)}", "number")
    else:
        candidate.supports(f"its first digits are the folder's season, {sequence.season}", "number")
    is_series = folder.has_season_folder or folder.in_tv_place or evidence.clues.library_kind == "series"
    if not is_series and not evidence.structure.group:
        candidate.add_objection("the files are numbered, but nothing says that the folder is a series'")
    if folder.season is not None and sequence.season != folder.season:
        candidate.add_objection(f"the folder says season {folder.season}, the name season {sequence.season}")
    if sequence.season is None and folder.has_several_seasons:
        candidate.add_objection("the season is not known")
    if _may_hold_season(sequence, evidence):
        candidate.add_objection("the number may hold a season and an episode")
    elif (
        not (sequence.is_coded or sequence.says_season)
        and (folder.season or 0) > 1
        and sequence.numbers[0] > LATEST_FIRST
    ):
        candidate.add_objection("the number may count from the first season on")
    if why := why_more_numbers(sequence.behind, 0, sequence.number):
        candidate.add_objection(why)
    if word := special_behind_number(sequence.behind):
        candidate.add_objection(f"{word!r} behind the number says that it is none of the numbered episodes")


def _may_hold_season(sequence: Sequence, evidence: Evidence) -> bool:
    """Tell whether a number that is taken as a whole, such as 105, may as well be season 1, episode 5."""
    if sequence.is_coded:
        return False
    if evidence.folder.season is not None:
        return sequence.numbers[0] > 99
    is_coded = evidence.run is not None and evidence.run.is_season_coded()
    return sequence.season is None and not evidence.structure.group and is_coded


def _weigh_number_in_season_folder(candidate: Candidate, evidence: Evidence, season: int) -> None:
    """Weigh a number without a season, in the folder of one: it counts in it, holds it, or counts on."""
    read = evidence.structure
    candidate.supports(f"the season is that of the folder, {season}", "number")
    if _is_coded_by_folder(evidence):
        candidate.supports(f"the first digits of {read.absolute[0]} are the folder's season", "number")
    elif read.absolute and read.absolute[0] > 99 and not read.group and not _has_lower_numbers(evidence):
        candidate.add_objection("the number may hold a season and an episode")
    elif read.absolute and season > 1 and not _counts_from_one(evidence):
        candidate.add_objection("the number may count from the first season on")


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


def _has_lower_numbers(evidence: Evidence) -> bool:
    return evidence.run is not None and evidence.run.numbers[0] < 100


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


def _described(reading: Reading) -> str:
    if reading.air_date:
        return f"the day {reading.air_date}"
    if reading.absolute_numbers:
        return f"episode {shown(reading.absolute_numbers)}"
    return f"season {reading.season_number} episode {shown(reading.episode_numbers)}"


def shown(numbers: tuple[int, ...]) -> str:
    """Return the first numbers for a sentence."""
    text = ", ".join(str(number) for number in numbers[:6])
    return f"{text}, …" if len(numbers) > 6 else text
