"""How is one proposal weighed: who supports which of its fields, and what speaks against it?"""

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Literal

from reeld.domain.identity import Accepted, Reading, Uncertain
from reeld.identify.ids import Ids
from reeld.identify.nfo import Nfo
from reeld.identify.titles import title_key

Field = Literal["title", "year", "number"]
VOICES_NEEDED = 2
"""One reader alone is right in four names of five; two that agree and see no risk, in more than 998 of 1000."""


@dataclass(slots=True)
class Case:
    """A reading that is being weighed: its supporters by field, its doubts, and what was heard."""

    reading: Reading
    support: Counter[Field] = field(default_factory=Counter)
    doubts: list[str] = field(default_factory=list)
    evidence: list[str] = field(default_factory=list)
    has_explicit_id: bool = False

    def says(self, sentence: str, *fields: Field) -> None:
        """One voice, in a sentence for a person, and the fields for which it stands."""
        self.evidence.append(sentence)
        self.support.update(fields)

    def doubt(self, sentence: str) -> None:
        if sentence not in self.doubts:
            self.doubts.append(sentence)

    def doubt_all(self, sentences: tuple[str, ...]) -> None:
        for sentence in sentences:
            self.doubt(sentence)

    def identify(self, ids: Ids, *, source: str | None = None) -> None:
        """Take the ids of a name, or of the .nfo at `source`; what is known already stays."""
        if not ids:
            return
        self._learn(ids)
        sentence = f"{source!r} links to the work" if source else "the name or a folder carries the work's id"
        self.says(sentence, "title", "year")

    def take_nfo(self, nfo: Nfo, *, agrees: bool, known_ids: Ids) -> None:
        """A .nfo of the work: its ids, and its title and year where the names have none of their own."""
        theirs = nfo.ids.by_kind()
        differs = [kind for kind, ours in known_ids.by_kind().items() if theirs.get(kind, ours) != ours]
        if differs:
            self.doubt(f"{nfo.path!r} has another {differs[0]} id than the names")
        # Of two spellings of one title the .nfo's was looked up by somebody; of a film's two titles ours stays.
        is_ours_to_keep = nfo.title is None or (agrees and title_key(nfo.title) != title_key(self.reading.title or ""))
        title = self.reading.title if is_ours_to_keep else nfo.title
        self.reading = replace(self.reading, title=title, year=self.reading.year or nfo.year)
        self._learn(nfo.ids)
        # What a media manager wrote beside the file was looked up by it, or by a person.
        fields: list[Field] = ["title", "title"] if nfo.title else []
        fields += ["year", "year"] if nfo.year else []
        self.says(f"{nfo.path!r} says {nfo.title!r}" + (f" ({nfo.year})" if nfo.year else ""), *fields)

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
        self.says(f"it is part {part}")

    def settle(self, others: tuple[Reading, ...]) -> Accepted | Uncertain:
        """Accept when every field that the kind needs has its supporters and no doubt stands."""
        missing = list(self._missing())
        reasons = [*self.doubts, *missing]
        if not reasons:
            return Accepted(reading=self._scored(0.99), others=others)
        candidates = (self._scored(max(0.3, 0.9 - 0.15 * len(reasons))),) if self._says_something() else ()
        return Uncertain(reason="; ".join(reasons), candidates=(*candidates, *others))

    def _missing(self) -> list[str]:
        reading, missing = self.reading, []
        if not reading.title:
            missing.append("the title is not known")
        elif self.support["title"] < VOICES_NEEDED:
            missing.append("nobody else confirms the title")
        if reading.kind == "movie":
            if reading.year is None and not self.has_explicit_id:
                missing.append("the year is not known")
            elif reading.year is not None and self.support["year"] < VOICES_NEEDED:
                missing.append("nobody else confirms the year")
        elif not has_number(reading):
            missing.append("the episode's number is not known")
        elif self.support["number"] < VOICES_NEEDED:
            missing.append("nobody else confirms the episode's number")
        return missing

    def _says_something(self) -> bool:
        return bool(self.reading.title or has_number(self.reading))

    def _scored(self, score: float) -> Reading:
        against = tuple(f"against: {doubt}" for doubt in self.doubts)
        return replace(self.reading, score=score, evidence=(*self.evidence, *against))


def has_number(reading: Reading) -> bool:
    """Whether an episode's place is known: season and episodes, absolute number, or air date."""
    in_season = reading.season_number is not None and bool(reading.episode_numbers)
    return in_season or bool(reading.absolute_numbers) or reading.air_date is not None
