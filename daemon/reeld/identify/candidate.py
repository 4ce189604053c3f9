"""Weighs one candidate: which readers support its fields, and which objections remain."""

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Literal

from reeld.domain.identity import Accepted, Reading, Uncertain
from reeld.domain.titles import title_key
from reeld.identify.confidence import ACCEPTED, Doubts, confidence
from reeld.identify.ids import Ids
from reeld.identify.nfo import Nfo
from reeld.identify.title_text import IN_TWO_HALVES

Field = Literal["title", "year", "number"]
READERS_NEEDED = 2
"""One reader alone is right in four names of five. Two that agree, without an ambiguity, are right
in more than 998 of 1000.
"""


@dataclass(slots=True)
class Candidate:
    """A reading that is being weighed: its support by field, its objections, and its evidence."""

    reading: Reading
    support: Counter[Field] = field(default_factory=Counter)
    objections: list[str] = field(default_factory=list)
    evidence: list[str] = field(default_factory=list)
    has_explicit_id: bool = False
    is_bare_name: bool = False
    """Its title is a word of the name, and nothing else says that it is one."""

    def supports(self, sentence: str, *fields: Field) -> None:
        """Add a reader's support for these fields, with a sentence for the user."""
        self.evidence.append(sentence)
        self.support.update(fields)

    def add_objection(self, sentence: str) -> None:
        if sentence not in self.objections:
            self.objections.append(sentence)

    def add_objections(self, sentences: tuple[str, ...]) -> None:
        for sentence in sentences:
            self.add_objection(sentence)

    def drop_objections(self, sentences: tuple[str, ...]) -> None:
        """Take back objections that something resolved."""
        self.objections = [objection for objection in self.objections if objection not in sentences]

    def identify(self, ids: Ids, *, source: str | None = None) -> None:
        """Add the ids of a name, or of the .nfo at `source`. Ids that are known already stay."""
        if not ids:
            return
        self._learn(ids)
        sentence = f"{source!r} links to the work" if source else "the name or a folder carries the work's id"
        self.supports(sentence, "title", "year")

    def take_nfo(self, nfo: Nfo, *, agrees: bool, known_ids: Ids) -> None:
        """Add a .nfo of the work: its ids, and its title and year if the names have none of their
        own.
        """
        theirs = nfo.ids.by_kind()
        differs = [kind for kind, ours in known_ids.by_kind().items() if theirs.get(kind, ours) != ours]
        if differs:
            self.add_objection(f"{nfo.path!r} has another {differs[0]} id than the names")
        # A media manager looked up the .nfo's spelling, so it wins over ours. Of a film's two
        # titles ours stays.
        is_ours_to_keep = nfo.title is None or (agrees and title_key(nfo.title) != title_key(self.reading.title or ""))
        title = self.reading.title if is_ours_to_keep else nfo.title
        self.reading = replace(self.reading, title=title, year=self.reading.year or nfo.year)
        self._learn(nfo.ids)
        # A media manager, or the user, looked up what the .nfo says.
        fields: list[Field] = ["title", "title"] if nfo.title else []
        fields += ["year", "year"] if nfo.year else []
        self.supports(f"{nfo.path!r} says {nfo.title!r}" + (f" ({nfo.year})" if nfo.year else ""), *fields)

    def _learn(self, ids: Ids) -> None:
        reading = self.reading
        self.reading = replace(
            reading,
            tmdb_id=reading.tmdb_id or ids.tmdb,
            tvdb_id=reading.tvdb_id or ids.tvdb,
            imdb_id=reading.imdb_id or ids.imdb,
            tvmaze_id=reading.tvmaze_id or ids.tvmaze,
        )
        self.has_explicit_id = self.has_explicit_id or bool(ids)

    def set_part(self, part: int) -> None:
        self.reading = replace(self.reading, part=part)
        self.supports(f"it is part {part}")

    def is_doubtful(self) -> bool:
        """Tell whether it would not be accepted as it is."""
        return bool(self.objections) or any(self._missing())

    def decide(self, others: tuple[Reading, ...]) -> Accepted | Uncertain:
        """Accept the candidate if each required field has its support and no objection is left."""
        missing = list(self._missing())
        reasons = [*self.objections, *missing]
        if not reasons:
            return Accepted(reading=self._scored(ACCEPTED), others=others)
        candidates = (self._scored(confidence(self._doubts())),) if self._is_partly_known() else ()
        return Uncertain(reason="; ".join(reasons), candidates=(*candidates, *others))

    def _missing(self) -> list[str]:
        reading, missing = self.reading, []
        if not reading.title:
            missing.append("the title is not known")
        elif self.support["title"] < READERS_NEEDED:
            missing.append("only one reader found this title")
        if reading.kind == "movie":
            if reading.year is None and not self.has_explicit_id:
                missing.append("the year is not known")
            elif reading.year is not None and self.support["year"] < READERS_NEEDED:
                missing.append("only one reader found this year")
        elif not has_number(reading):
            missing.append("the episode number is not known")
        elif self.support["number"] < READERS_NEEDED:
            missing.append("only one reader found this episode number")
        return missing

    def _doubts(self) -> Doubts:
        reading, is_film = self.reading, self.reading.kind == "movie"
        has_halves = IN_TWO_HALVES in self.objections
        return Doubts(
            has_title=bool(reading.title),
            lacks_year=is_film and reading.year is None,
            has_year_of_one_reader=is_film and reading.year is not None and self.support["year"] < READERS_NEEDED,
            lacks_number=not is_film and not has_number(reading),
            is_bare_name=self.is_bare_name,
            has_title_in_two_halves=has_halves,
            objections=len(self.objections) - has_halves,
        )

    def _is_partly_known(self) -> bool:
        return bool(self.reading.title or has_number(self.reading))

    def _scored(self, score: float) -> Reading:
        against = tuple(f"against: {objection}" for objection in self.objections)
        return replace(self.reading, score=score, evidence=(*self.evidence, *against))


def has_number(reading: Reading) -> bool:
    """Tell whether the episode is known: season and episodes, absolute number, or air date."""
    in_season = reading.season_number is not None and bool(reading.episode_numbers)
    return in_season or bool(reading.absolute_numbers) or reading.air_date is not None
