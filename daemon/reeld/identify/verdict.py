"""Which film or episodes is this file: accepted, uncertain or ignored, and why?

A proposal is made from the clearest mark (an episode's marker, a year, a season folder), every voice is heard
on each of its fields, and it is accepted when at least two independent voices stand behind each field and no
doubt is left. A doubt can only be laid to rest by evidence, never outvoted.
"""

from dataclasses import replace

from reeld.domain.identity import Accepted, Clues, Ignored, Reading, Uncertain, Verdict
from reeld.identify.candidate import Case, has_number
from reeld.identify.discs import DiscFile, read_disc_file
from reeld.identify.evidence import Survey, guessed, survey
from reeld.identify.extras import why_ignored, why_sample
from reeld.identify.films import film_case
from reeld.identify.names import split_path
from reeld.identify.shows import numbered, show_case
from reeld.identify.titles import title_key

MOST_CANDIDATES = 5


def identify(clues: Clues) -> Verdict:
    """The verdict on one file. It never raises for any name, and it is a pure function of `clues`."""
    folders, base = split_path(clues.path)
    if not base:
        return Uncertain(reason="the file has no name")
    sizes = _sizes(clues, base)
    disc = read_disc_file(folders, base, sizes)
    if reason := why_ignored(folders, base) or why_sample(base, sizes) or (disc and disc.ignored):
        return Ignored(reason=reason)
    known = survey(clues)
    # Where all others agree guessit can neither add to that nor take it away; it takes a hundred times as long as they.
    verdict = _judge(known, disc)
    return verdict if isinstance(verdict, Accepted) else _judge(known.with_guess(), disc)


def _judge(known: Survey, disc: DiscFile | None) -> Accepted | Uncertain:
    number = numbered(known)
    case = show_case(known, number) if _is_episode(known, number) else film_case(known)
    if known.structure.kind is None and number is None and not known.folder.title:
        _offer_guess(case, known)
    if disc:
        _weigh_disc(case, disc)
    if known.ids.conflicts:
        case.doubt(f"the names carry two different {' and '.join(known.ids.conflicts)} ids")
    if known.substituted:
        case.evidence.insert(0, f"the file's own name says nothing: its folder {known.name!r} was read instead")
    if any("\udc80" <= char <= "\udcff" for char in case.reading.title or ""):
        case.doubt("the title holds bytes that are not UTF-8")
    return case.settle(_others(case, known))


def _sizes(clues: Clues, base: str) -> dict[str, int]:
    """Sizes in bytes by name, of the file and its siblings; none where they are not known."""
    if clues.size_bytes is None or len(clues.sibling_sizes) != len(clues.siblings):
        return {}
    return {**dict(zip(clues.siblings, clues.sibling_sizes, strict=True)), base: clues.size_bytes}


def _weigh_disc(case: Case, disc: DiscFile) -> None:
    if disc.doubt:
        case.doubt(disc.doubt)
    if disc.evidence:
        case.says(disc.evidence)


def _offer_guess(case: Case, known: Survey) -> None:
    """Where nothing but guessit sees an episode, that is the best there is to offer; it is never accepted."""
    heard = guessed(known.guess)
    if heard and heard.title and (has_number(heard) or heard.kind == "episode"):
        case.reading = replace(heard, evidence=())
        case.doubt("guessit alone sees an episode's number" if has_number(heard) else "guessit alone sees a series")


def _is_episode(known: Survey, number: Reading | None) -> bool:
    """Whether an episode is the likelier proposal: the clearest mark decides, then the place."""
    read, folder = known.structure, known.folder
    if number is not None or read.kind == "episode":
        return True
    nfo = known.work_nfo
    if nfo is not None:
        return nfo.kind == "tvshow" and read.kind != "movie"
    if read.kind == "movie":
        return False
    return folder.has_season_folder or known.clues.library_kind == "series"


def _others(case: Case, known: Survey) -> tuple[Reading, ...]:
    """What single voices said otherwise, likeliest first: the choices of a person who reviews."""
    folder = known.folder
    said: list[Reading] = []
    if (heard := guessed(known.guess)) and heard.title:
        said.append(replace(heard, score=0.2, evidence=("guessit alone reads it so",)))
    if folder.title and folder.year and folder.kind != "episode":
        said.append(
            Reading(
                kind="movie", title=folder.title, year=folder.year, score=0.1, evidence=("the folder alone says so",)
            )
        )
    seen = {_identity(case.reading)}
    others: list[Reading] = []
    for reading in said:
        if _identity(reading) not in seen:
            seen.add(_identity(reading))
            others.append(reading)
    return tuple(others[:MOST_CANDIDATES])


def _identity(reading: Reading) -> tuple[object, ...]:
    number = (reading.season_number, reading.episode_numbers, reading.absolute_numbers, reading.air_date)
    return (reading.kind, title_key(reading.title or ""), reading.year, number if has_number(reading) else None)
