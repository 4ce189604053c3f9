"""Is it a film, which one, and what speaks against filing it unseen?"""

import re
from dataclasses import replace

from reeld.domain.identity import Reading
from reeld.identify.candidate import Case, has_number
from reeld.identify.evidence import Survey, abbreviates, guess_says_title, plain_title, same_title, title_to_offer
from reeld.identify.titles import title_key

_BOX = re.compile(
    r"collection|trilogy|tetralogy|quadrilogy|saga|anthology|box ?set|duology|filmography|pack|complete", re.IGNORECASE
)


def film_case(known: Survey) -> Case:
    """The film that the voices speak of, with every doubt that stands."""
    case = _from_own_name(known) if known.structure.kind == "movie" and known.structure.title else _from_folder(known)
    _weigh_ids_and_nfo(case, known)
    _weigh_place(case, known)
    _weigh_part(case, known)
    return case


def _from_own_name(known: Survey) -> Case:
    """A name that holds title and year itself: guessit, the folder or a .nfo must say the same."""
    read, folder, said = known.structure, known.folder, known.guess
    case = Case(Reading(kind="movie", title=read.title, year=read.year, edition=read.edition))
    case.says(f"the name has the title {read.title!r} and the year {read.year}", "title", "year")
    folder_agrees = same_title(folder.title, read.title)
    folder_confirms = folder_agrees and not folder.is_release_name
    if folder_confirms:
        case.says(f"the folder {folder.name!r} has the same title", "title")
    if folder_confirms and folder.year == read.year:
        case.says("the folder has the same year", "year")
    is_film_to_guessit = said is not None and _is_film(said.reading, read.edition)
    if said and is_film_to_guessit:
        if guess_says_title(said, read):
            case.says(_agreement(said.reading.title, read.title), "title")
        if said.reading.year == read.year:
            case.says("guessit reads the same year", "year")
    both = folder_confirms and folder.year == read.year
    confirmed = folder_confirms or _nfo_agrees(known) or (bool(known.ids) and not _has_addition(read.title))
    case.doubt_all(() if confirmed else read.title_risks)
    if read.title_risks and not confirmed:
        addition = _has_addition(read.title) and read.likely_title
        case.reading = replace(case.reading, title=addition or title_to_offer(said, read))
    case.doubt_all(() if both else read.risks)
    case.doubt_all((f"{read.extra!r} behind the year says that it may be an extra of the film",) if read.extra else ())
    if not both and not known.is_guess_asked:
        case.doubt("guessit was not asked")
    elif not both and said and not is_film_to_guessit:
        case.doubt("guessit takes it for an episode")
    if (
        not read.is_release
        and not folder_agrees
        and known.clues.library_kind != "movies"
        and not known.folder.in_film_place
    ):
        case.doubt("nothing but a number like a year says that it is a film")
    _weigh_other_folder(case, known, folder_agrees=folder_agrees)
    return case


def _has_addition(title: str | None) -> bool:
    """A running number or an alternate title, which guessit does not take off either."""
    return re.match(r"\d+(?:\.| -) |0\d|.+ aka ", title or "", re.IGNORECASE) is not None


def _weigh_other_folder(case: Case, known: Survey, *, folder_agrees: bool) -> None:
    folder, read = known.folder, known.structure
    if not folder.is_firm or folder.name is None or _BOX.search(folder.name):
        return
    if folder_agrees and folder.year not in (None, read.year):
        case.doubt(f"the folder says {folder.year}, the name {read.year}")
    if not folder_agrees and folder.year is not None:
        if folder.year == read.year and read.title and folder.title and abbreviates(read.title, folder.title):
            case.says(f"the folder {folder.name!r} has the year, and the title in full", "year")
        case.doubt(f"the folder is named for {folder.title!r} ({folder.year})")


def _from_folder(known: Survey) -> Case:
    """A name without a year: the folder says which film, if the name does not speak of another one."""
    folder, said = known.folder, known.folder_guess
    own = plain_title(known.name)
    case = Case(
        Reading(
            kind="movie",
            title=folder.title if folder.year else own or None,
            year=folder.year,
            edition=known.structure.edition,
        )
    )
    if folder.year is None or folder.title is None:
        return _without_year(case, known, own)
    case.says(f"the folder {folder.name!r} has the title {folder.title!r} and the year {folder.year}", "title", "year")
    if said and said.reading.year == folder.year:
        case.says("guessit reads the same year in the folder's name", "year")
        if same_title(said.reading.title, folder.title):
            case.says("guessit reads the same title in the folder's name", "title")
    _weigh_own_words(case, known, own)
    if not folder.is_firm:
        case.doubt("the folder's year is not in brackets")
    return case


def _without_year(case: Case, known: Survey, own: str) -> Case:
    title = known.guess.reading.title if known.guess else None
    if own:
        case.says(f"the name has the words {own!r}", "title")
    if same_title(title, own):
        case.says(f"guessit reads the title {title!r}", "title")
    elif title and (not own or _begins_with(own, title)):
        case.reading = replace(case.reading, title=title)
    if same_title(known.folder.title, own):
        case.says("the folder has the same title", "title")
    return case


def _agreement(said: str | None, title: str | None) -> str:
    if said is None:
        return "guessit takes the only word for a year, which it may be"
    return "guessit reads the same title" if same_title(said, title) else f"guessit's {said!r} fits"


def _is_film(said: Reading, edition: str | None) -> bool:
    """Whether guessit takes it for a film. It takes `The Final Cut` for the title of an episode without a number."""
    return said.kind == "movie" or (edition is not None and said.season_number is None and not has_number(said))


def _begins_with(words: str, title: str) -> bool:
    """Whether guessit's title is the beginning: it knows more words of releases, and what it leaves is rarely more."""
    return len(title) > 1 and title_key(words).startswith(title_key(title))


def _weigh_own_words(case: Case, known: Survey, own: str) -> None:
    """Whether the words of the file's own name fit the film that the folder names."""
    folder = known.folder
    is_same = same_title(own, folder.title)
    case.doubt_all(folder.title_risks if not known.ids and not (is_same and not folder.is_release_name) else ())
    if is_same:
        case.says("the file's name has the same title", "title")
        return
    if own.isdigit() and not folder.is_disc:
        case.doubt("a bare number may be an episode's")
    elif known.is_thin or known.substituted or folder.is_disc:
        case.says("the file's own name says nothing of another work")
    elif folder.title and own and abbreviates(own, folder.title, folder.name or ""):
        case.says(f"the file's name {own!r} shortens the folder's title")
    elif own:
        case.doubt(f"the file's name {own!r} does not speak of {folder.title!r}")
    if known.clues.siblings and known.stacked is None and not folder.is_disc:
        case.doubt("several videos lie in the folder, and their names do not say which is the film")


def _nfo_agrees(known: Survey) -> bool:
    nfo = known.work_nfo
    return bool(
        nfo
        and nfo.kind == "movie"
        and any(same_title(title, known.structure.title) for title in (nfo.title, nfo.original_title))
    )


def _weigh_ids_and_nfo(case: Case, known: Survey) -> None:
    if known.ids.tvmaze:
        case.doubt("it carries an id of TVmaze, which knows no films")
    case.identify(replace(known.ids, tvmaze=None))
    links = known.link_nfo
    if links and links.linked_kind == "tv":
        case.doubt(f"{links.path!r} links to a series")
    elif links and not known.ids:
        case.identify(replace(links.ids, tvdb=None, tvmaze=None), source=links.path)
    nfo = known.work_nfo
    if nfo is None:
        return
    if nfo.kind == "tvshow":
        case.doubt(f"{nfo.path!r} says that it belongs to a series")
        return
    agrees = any(same_title(title, case.reading.title) for title in (nfo.title, nfo.original_title))
    year = case.reading.year
    if year and nfo.year and abs(year - nfo.year) > 1:
        case.doubt(f"{nfo.path!r} says {nfo.year}, the names say {year}")
    elif nfo.title and not agrees and (year is None or nfo.year != year) and not known.is_thin:
        case.doubt(f"{nfo.path!r} is about {nfo.title!r}, which the names do not speak of")
    case.take_nfo(nfo, agrees=agrees, known_ids=known.ids)


def _weigh_place(case: Case, known: Survey) -> None:
    folder = known.folder
    if known.clues.library_kind == "series":
        case.doubt("the library holds series, and no episode's number was found")
    if folder.has_season_folder or folder.kind == "episode":
        case.doubt("it lies in the folder of a season, and no episode's number was found")
    elif folder.in_tv_place and not folder.in_film_place:
        case.doubt("it lies among series, and no episode's number was found")
    if folder.is_disc and not (folder.is_firm and folder.year):
        case.doubt("it belongs to a disc whose folder does not say which film it is")


def _weigh_part(case: Case, known: Survey) -> None:
    read = known.structure
    if known.stacked is not None:
        if read.title_part is not None and read.part is None:
            case.doubt("a sibling differs by the number in the title alone: parts of one film, or two films")
        else:
            case.set_part(known.stacked)
    elif read.part is not None and read.is_disc:
        case.set_part(read.part)
    elif read.part is not None and read.kind == "movie":
        case.doubt(f"it may be part {read.part} of a film, but no other part lies beside it")
