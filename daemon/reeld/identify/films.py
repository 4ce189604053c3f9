"""Proposes the film that a file may be, and weighs it."""

import re
from dataclasses import replace

from reeld.domain.identity import Reading
from reeld.domain.titles import title_key
from reeld.identify.candidate import Candidate, has_number
from reeld.identify.evidence import Evidence, abbreviates, guess_has_title, plain_title, same_title, title_to_offer
from reeld.identify.names import words_of
from reeld.identify.structure import Structure
from reeld.identify.words import GENERIC_STEMS, STRONG_QUALITY

_BOX = re.compile(
    r"collection|trilogy|tetralogy|quadrilogy|saga|anthology|box ?set|duology|filmography|pack|complete", re.IGNORECASE
)


def film_candidate(evidence: Evidence) -> Candidate:
    """Build the film candidate, with its support and all its objections."""
    candidate = (
        _from_own_name(evidence)
        if evidence.structure.kind == "movie" and evidence.structure.title
        else _from_folder(evidence)
    )
    _weigh_ids_and_nfo(candidate, evidence)
    _weigh_place(candidate, evidence)
    _weigh_part(candidate, evidence)
    return candidate


def _from_own_name(evidence: Evidence) -> Candidate:
    """Use a name with title and year. Another reader, the folder or a .nfo must agree."""
    read, folder = _own_reading(evidence), evidence.folder
    evidence = replace(evidence, structure=read)
    candidate = Candidate(Reading(kind="movie", title=read.title, year=read.year, edition=read.edition))
    candidate.supports(f"the name has the title {read.title!r} and the year {read.year}", "title", "year")
    folder_agrees = same_title(folder.title, read.title)
    folder_confirms = folder_agrees and not folder.is_release_name
    if folder_confirms:
        candidate.supports(f"the folder {folder.name!r} has the same title", "title")
    if folder_confirms and folder.year == read.year:
        candidate.supports("the folder has the same year", "year")
    objection = _weigh_other_readers(candidate, evidence)
    both = folder_confirms and folder.year == read.year
    confirmed = folder_confirms or _nfo_agrees(evidence) or (bool(evidence.ids) and not _has_addition(read.title))
    candidate.add_objections(() if confirmed else read.title_ambiguities)
    if read.title_ambiguities and not confirmed:
        addition = _has_addition(read.title) and read.likely_title
        candidate.reading = replace(candidate.reading, title=addition or title_to_offer(evidence.guess, read))
    candidate.add_objections(() if both else read.ambiguities)
    candidate.add_objections(
        (f"{read.extra!r} behind the year says that it may be an extra of the film",) if read.extra else ()
    )
    if read.extra_at_end and not evidence.ids and not _nfo_agrees(evidence):
        candidate.add_objection(f"{read.extra_at_end!r} at the end of the title may say that it is an extra")
    if objection and not both:
        candidate.add_objection(objection)
    if (
        not read.is_release
        and not folder_agrees
        and evidence.clues.library_kind != "movies"
        and not evidence.folder.in_film_place
    ):
        candidate.add_objection("nothing but a number like a year says that it is a film")
    _weigh_other_folder(candidate, evidence, folder_agrees=folder_agrees)
    return candidate


def _own_reading(evidence: Evidence) -> Structure:
    """Return what the name says; if it has an alternate title, or tags, the folder says which words are the title."""
    read, folder = evidence.structure, evidence.folder
    is_likely = same_title(read.likely_title, folder.title) and not same_title(read.title, folder.title)
    if is_likely and folder.year == read.year and folder.is_firm and not folder.is_release_name:
        return replace(read, title=read.likely_title, title_ambiguities=())
    return read


def _weigh_other_readers(candidate: Candidate, evidence: Evidence) -> str | None:
    """Add what the release reader or guessit says. Return an objection if neither sees a film."""
    read, guess, release = evidence.structure, evidence.guess, evidence.release
    if release and release.kind == "movie" and same_title(release.title, read.title) and release.year == read.year:
        candidate.supports("every word has its place in a release of that title and year", "title", "year")
        return None
    if not evidence.is_guess_asked:
        return "guessit was not asked"
    if guess is None:
        return None
    if not _is_film(guess.reading, read.edition):
        return "guessit reads it as an episode"
    if guess_has_title(guess, read):
        candidate.supports(_agreement(guess.reading.title, read.title), "title")
    if guess.reading.year == read.year:
        candidate.supports("guessit reads the same year", "year")
    return None


def _has_addition(title: str | None) -> bool:
    """Recognize a running number or an alternate title, which guessit does not remove either."""
    return re.match(r"\d+(?:\.| -) |0\d|.+ aka ", title or "", re.IGNORECASE) is not None


def _weigh_other_folder(candidate: Candidate, evidence: Evidence, *, folder_agrees: bool) -> None:
    folder, read = evidence.folder, evidence.structure
    if not folder.is_firm or folder.name is None or _BOX.search(folder.name):
        return
    if folder_agrees and folder.year not in (None, read.year):
        candidate.add_objection(f"the folder says {folder.year}, the name {read.year}")
    if not folder_agrees and folder.year is not None and folder.year == read.year and evidence.ids:
        # One work, called by two titles, as the id and the year say.
        candidate.reading = replace(candidate.reading, title=folder.title)
        candidate.supports(f"the folder {folder.name!r} has the year, and the work's id", "title", "year")
        candidate.drop_objections(evidence.structure.title_ambiguities)
    elif not folder_agrees and folder.year is not None:
        if folder.year == read.year and read.title and folder.title and abbreviates(read.title, folder.title):
            candidate.supports(f"the folder {folder.name!r} has the year, and the title in full", "year")
        candidate.add_objection(f"the folder is named for {folder.title!r} ({folder.year})")


def _from_folder(evidence: Evidence) -> Candidate:
    """Use a name without a year: the folder names the film, unless the name contradicts it."""
    folder, guess = evidence.folder, evidence.folder_guess
    own = plain_title(evidence.name)
    candidate = Candidate(
        Reading(
            kind="movie",
            title=folder.title if folder.year else own or None,
            year=folder.year,
            edition=evidence.structure.edition,
        )
    )
    if folder.year is None or folder.title is None:
        return _without_year(candidate, evidence, own)
    candidate.supports(
        f"the folder {folder.name!r} has the title {folder.title!r} and the year {folder.year}", "title", "year"
    )
    if guess and guess.reading.year == folder.year:
        candidate.supports("guessit reads the same year in the folder's name", "year")
        if same_title(guess.reading.title, folder.title):
            candidate.supports("guessit reads the same title in the folder's name", "title")
    _weigh_own_words(candidate, evidence, own)
    if not folder.is_firm:
        candidate.add_objection("the folder's year is not in brackets")
    return candidate


def _without_year(candidate: Candidate, evidence: Evidence, own: str) -> Candidate:
    title = evidence.guess.reading.title if evidence.guess else None
    if own:
        candidate.supports(f"the name has the words {own!r}", "title")
    if same_title(title, own):
        candidate.supports(f"guessit reads the title {title!r}", "title")
    elif title and (not own or _begins_with(own, title)):
        candidate.reading = replace(candidate.reading, title=title)
    if same_title(evidence.folder.title, own):
        candidate.supports("the folder has the same title", "title")
    elif not STRONG_QUALITY.search(evidence.name):
        telling = [word for word in words_of(own) if word.isalpha() and word not in GENERIC_STEMS]
        candidate.is_bare_name = evidence.is_generic_name or len(telling) < 2
    return candidate


def _agreement(guess: str | None, title: str | None) -> str:
    if guess is None:
        return "guessit reads the only word as a year, which it may be"
    return "guessit reads the same title" if same_title(guess, title) else f"guessit's {guess!r} fits"


def _is_film(guess: Reading, edition: str | None) -> bool:
    """Tell whether guessit reads a film. It reads `The Final Cut` as an episode's title without a
    number.
    """
    return guess.kind == "movie" or (edition is not None and guess.season_number is None and not has_number(guess))


def _begins_with(words: str, title: str) -> bool:
    """Tell whether guessit's title begins the words. It knows more release words, so what it keeps
    is rarely too much.
    """
    return len(title) > 1 and title_key(words).startswith(title_key(title))


def _weigh_own_words(candidate: Candidate, evidence: Evidence, own: str) -> None:
    """Compare the words of the file's own name with the folder's film, as support or objection."""
    folder = evidence.folder
    is_same = same_title(own, folder.title)
    candidate.add_objections(
        folder.title_ambiguities if not evidence.ids and not (is_same and not folder.is_release_name) else ()
    )
    if is_same:
        candidate.supports("the file's name has the same title", "title")
        return
    if own.isdigit() and not folder.is_disc:
        candidate.add_objection("a bare number may be an episode's")
    elif evidence.is_generic_name or evidence.substituted or folder.is_disc:
        candidate.supports("the file's own name says nothing of another work")
    elif folder.title and own and abbreviates(own, folder.title, folder.name or ""):
        candidate.supports(f"the file's name {own!r} shortens the folder's title")
    elif own:
        candidate.add_objection(f"the file's name {own!r} does not speak of {folder.title!r}")
    if evidence.clues.siblings and evidence.stacked is None and not folder.is_disc:
        candidate.add_objection("several videos lie in the folder, and their names do not say which is the film")


def _nfo_agrees(evidence: Evidence) -> bool:
    nfo = evidence.work_nfo
    return bool(
        nfo
        and nfo.kind == "movie"
        and any(same_title(title, evidence.structure.title) for title in (nfo.title, nfo.original_title))
    )


def _weigh_ids_and_nfo(candidate: Candidate, evidence: Evidence) -> None:
    if evidence.ids.tvmaze:
        candidate.add_objection("it carries an id of TVmaze, which knows no films")
    candidate.identify(replace(evidence.ids, tvmaze=None))
    links = evidence.link_nfo
    if links and links.linked_kind == "tv":
        candidate.add_objection(f"{links.path!r} links to a series")
    elif links and not evidence.ids:
        candidate.identify(replace(links.ids, tvdb=None, tvmaze=None), source=links.path)
    nfo = evidence.work_nfo
    if nfo is None:
        return
    if nfo.kind == "tvshow":
        candidate.add_objection(f"{nfo.path!r} says that it belongs to a series")
        return
    agrees = any(same_title(title, candidate.reading.title) for title in (nfo.title, nfo.original_title))
    year = candidate.reading.year
    if year and nfo.year and abs(year - nfo.year) > 1:
        candidate.add_objection(f"{nfo.path!r} says {nfo.year}, the names say {year}")
    elif nfo.title and not agrees and (year is None or nfo.year != year) and not evidence.is_generic_name:
        candidate.add_objection(f"{nfo.path!r} is about {nfo.title!r}, which the names do not speak of")
    candidate.take_nfo(nfo, agrees=agrees, known_ids=evidence.ids)


def _weigh_place(candidate: Candidate, evidence: Evidence) -> None:
    folder = evidence.folder
    if evidence.clues.library_kind == "series":
        candidate.add_objection("the library holds series, and no episode's number was found")
    if folder.has_season_folder or folder.kind == "episode":
        candidate.add_objection("it lies in the folder of a season, and no episode's number was found")
    elif folder.in_tv_place and not folder.in_film_place:
        candidate.add_objection("it lies among series, and no episode's number was found")
    if folder.is_disc and not (folder.is_firm and folder.year):
        candidate.add_objection("it belongs to a disc whose folder does not say which film it is")


def _weigh_part(candidate: Candidate, evidence: Evidence) -> None:
    read = evidence.structure
    if evidence.folder.part is not None and evidence.folder.is_disc:
        candidate.set_part(evidence.folder.part)
    elif evidence.stacked is not None:
        if read.title_part is not None and read.part is None:
            candidate.add_objection(
                "a sibling differs by the number in the title alone: parts of one film, or two films"
            )
        else:
            candidate.set_part(evidence.stacked)
    elif read.part is not None and read.is_disc:
        candidate.set_part(read.part)
    elif read.part is not None and read.kind == "movie":
        candidate.add_objection(f"it may be part {read.part} of a film, but no other part lies beside it")
