"""Which film or which episodes a file may be, how sure we are, and why."""

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["movie", "episode"]
LibraryKind = Literal["auto", "movies", "series"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sidecar:
    """A .nfo file that lies near a video. `path` is relative to the same place as the video's path."""

    path: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Clues:
    """Everything that may be known of one file before it is identified; only `path` must be."""

    path: str
    """The file's path with the folders that may say something, `/`-separated: relative to its library."""
    library_kind: LibraryKind = "auto"
    siblings: tuple[str, ...] = ()
    """Base names of the other videos of the same folder, in any order."""
    size_bytes: int | None = None
    sibling_sizes: tuple[int, ...] = ()
    """In bytes, in the order of `siblings`; empty where they are not known."""
    sidecars: tuple[Sidecar, ...] = ()
    duration_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One thing that a file may be. `title` is the film's, or the series', never the episode's."""

    kind: Kind
    title: str | None
    year: int | None = None
    country: str | None = None
    """ISO 3166-1 alpha-2, upper case, where the name carries one: `The Office (US)`."""
    season_number: int | None = None
    episode_numbers: tuple[int, ...] = ()
    """Within `season_number`, ascending."""
    absolute_numbers: tuple[int, ...] = ()
    air_date: str | None = None
    """ISO 8601, for shows that are named by date."""
    episode_title: str | None = None
    edition: str | None = None
    part: int | None = None
    tmdb_id: int | None = None
    tvdb_id: int | None = None
    imdb_id: str | None = None
    """`tt` and at least seven digits. For an episode all ids are those of its series."""
    tvmaze_id: int | None = None
    """Of series only: TVmaze knows no films."""
    score: float = 0.0
    """0 to 1: how likely this reading is among those considered."""
    evidence: tuple[str, ...] = ()
    """One plain sentence for each thing that speaks for, or against, this reading."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """Evidence enough: the file may be filed while nobody watches."""

    reading: Reading
    others: tuple[Reading, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncertain:
    """A person must decide. `reason` says in plain words what is missing or contradictory."""

    reason: str
    candidates: tuple[Reading, ...] = ()
    """Best first; empty when the name says nothing at all."""
    is_provisional: bool = False
    """Whether something that may tell could not be read: it is tried again whenever somebody looks there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    """A sample, a trailer, an extra: a video, but not one of the works of the library."""

    reason: str
    evidence: tuple[str, ...] = field(default=())


Verdict = Accepted | Uncertain | Ignored
