"""What a file claims about its work: the columns `claimed_...` of its row, and a reading from them.

`claimed_work` says it of the film or series, `claimed_episode` of each episode. A film claims no
episode. `claimed_otherwise` holds what is needed only for a question, and is NULL for most files.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal

from reeld.catalog.models import VideoFile
from reeld.catalog.works import FACTS, IDS, Facts, contradict
from reeld.database.base import Row
from reeld.database.statements import rows
from reeld.domain.identity import Reading

WorkKind = Literal["movie", "series"]

NO_CLAIMS: Row = {"claimed_work": None, "claimed_episode": None, "claimed_otherwise": None}

CLAIM_COLUMNS = (*NO_CLAIMS, "claimed_title_key")

_FIELDS = tuple(field.name for field in fields(Reading))

_COLUMNS = ", ".join(NO_CLAIMS)

COUNTS = "(state = 'present' OR decided_by IS 'user')"
"""Whether the claims of a file count: it is there, or the user decided what it is."""

SERIES_OF_FILE = """(
    SELECT series_id FROM episode_files JOIN episodes ON episodes.id = episode_id
    WHERE video_file_id = video_files.id LIMIT 1
)"""


@dataclass(frozen=True, slots=True)
class Held:
    """What a file claims, and the film or series that it belongs to."""

    claims: Row
    decided_by: str | None
    kind: WorkKind | None
    """None if it claims nothing, and belongs to no work."""
    row_id: int | None


def held_by(video_file_id: int) -> Held:
    """Return what the file claims, and its work."""
    ((of_work, of_episode, otherwise, decided_by, movie, series),) = rows(
        f"SELECT {_COLUMNS}, decided_by, movie_id, {SERIES_OF_FILE} FROM video_files WHERE id = ?",  # noqa: S608
        video_file_id,
    )
    claims = {name: parsed(text) for name, text in zip(NO_CLAIMS, (of_work, of_episode, otherwise), strict=True)}
    kind: WorkKind | None = None
    if series is not None or of_episode is not None:
        kind = "series"
    elif movie is not None or of_work is not None:
        kind = "movie"
    return Held(claims, decided_by, kind, movie if series is None else series)


def parsed(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def claims_of(reading: Reading, others: Sequence[Reading], title_key: str) -> Row:
    """Return the claim columns of a file with this reading. `others` are further candidates of a question."""
    facts: Row = {"title": reading.title or "", "title_key": title_key}
    facts |= {name: getattr(reading, name) for name in FACTS}
    episodes = None
    if reading.kind == "episode":
        episodes = [names | {"title": _episode_title(reading)} for names in _episode_names(reading)] or None
    rebuilt = _rebuilt(reading, facts, episodes)
    lost = {name: value for name in _FIELDS if (value := getattr(reading, name)) != getattr(rebuilt, name)}
    otherwise = {"reading": lost, "others": [asdict(other) for other in others]} if lost or others else None
    return {"claimed_work": facts, "claimed_episode": episodes, "claimed_otherwise": otherwise}


def as_columns(claims: Row) -> Row:
    """Return these claims as columns of `video_files`, with the title key by which they are found."""
    if "claimed_work" not in claims:
        return claims
    facts = claims["claimed_work"] or {}
    return claims | {"claimed_title_key": facts.get("title_key")}


def facts_in(claimed: Row) -> Facts:
    """Return the facts that this claim, or this row of a work, states."""
    return {name: claimed[name] for name in FACTS if claimed.get(name) is not None}


def may_be_one(first: Row, second: Row) -> bool:
    """Tell whether two claims may be of one work, as far as they say."""
    facts, others = facts_in(first), facts_in(second)
    if any(others.get(name) == facts[name] for name in IDS if name in facts):
        return not contradict(facts, others, IDS)
    return bool(first["title_key"] == second["title_key"]) and not contradict(facts, others)


def readings_by(video_file_id: int) -> tuple[Reading, ...]:
    """Return the reading of this accepted file, and the other candidates, from its claims."""
    row = VideoFile.get_by_id(video_file_id)
    known = Reading(
        kind=row.kind,
        title=None,
        part=row.part,
        edition=row.edition,
        score=row.confidence or 0.0,
        evidence=tuple(row.evidence or ()),
    )
    rebuilt = _rebuilt(known, row.claimed_work, row.claimed_episode)
    otherwise = row.claimed_otherwise or {"reading": {}, "others": []}
    return replace(rebuilt, **_with_tuples(otherwise["reading"])), *map(reading_from, otherwise["others"])


def reading_from(values: Row) -> Reading:
    """Return the reading with these fields, as JSON has them."""
    return Reading(**_with_tuples(values))


def _with_tuples(values: Row) -> Row:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


def _rebuilt(known: Reading, facts: Row, episodes: Sequence[Row] | None) -> Reading:
    """Return the reading as far as these columns tell; `known` has what other columns hold."""
    names = episodes or [{}]
    return Reading(
        kind=known.kind,
        title=facts["title"],
        **{name: facts.get(name) for name in FACTS},
        season_number=names[0].get("season_number"),
        episode_numbers=tuple(_stated(names, "episode_number")),
        absolute_numbers=tuple(_stated(names, "absolute_number")),
        air_date=names[0].get("air_date"),
        episode_title=names[0].get("title"),
        part=known.part,
        edition=known.edition,
        score=known.score,
        evidence=known.evidence,
    )


def _stated(names: Iterable[Row], name: str) -> list[Any]:
    return [each[name] for each in names if each.get(name) is not None]


# --- episodes --------------------------------------------------------------------------------------------


def _episode_title(reading: Reading) -> str | None:
    """Return the title of a single episode: a file of several has one title, which is no episode's."""
    is_single = len(reading.episode_numbers) <= 1 and len(reading.absolute_numbers) <= 1
    return reading.episode_title if is_single else None


def _episode_names(reading: Reading) -> list[Row]:
    """Return each episode's number: season and number, else absolute number, else air date."""
    if reading.season_number is not None and reading.episode_numbers:
        absolute = _paired(reading)
        return [
            {
                "season_number": reading.season_number,
                "episode_number": number,
                "absolute_number": absolute.get(number),
            }
            for number in reading.episode_numbers
        ]
    if reading.absolute_numbers:
        return [{"absolute_number": number} for number in reading.absolute_numbers]
    return [{"air_date": reading.air_date}] if reading.air_date is not None else []


def _paired(reading: Reading) -> dict[int, int]:
    if len(reading.absolute_numbers) != len(reading.episode_numbers):
        return {}
    return dict(zip(reading.episode_numbers, reading.absolute_numbers, strict=True))
