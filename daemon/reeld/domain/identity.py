"""Which film or episodes a file may be, how likely that is, and why."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["movie", "episode"]
LibraryKind = Literal["auto", "movies", "series"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sidecar:
    """A .nfo file near a video. `path` is relative to the same folder as the video's path."""

    path: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Clues:
    """All that may be known about one file before it is identified. Only `path` is required."""

    path: str
    """The path relative to the library, `/`-separated, including folders that may help."""
    library_kind: LibraryKind = "auto"
    siblings: tuple[str, ...] = ()
    """Base names of the other videos of the same folder, in any order."""
    size_bytes: int | None = None
    sibling_sizes: tuple[int, ...] = ()
    """In bytes, in the order of `siblings`, empty if unknown."""
    sidecars: tuple[Sidecar, ...] = ()
    duration_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One thing that a file may be. `title` is the film's or the series', never the episode's."""

    kind: Kind
    title: str | None
    year: int | None = None
    country: str | None = None
    """ISO 3166-1 alpha-2, upper case, if the name has one: `The Office (US)`."""
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
    """For series only: TVmaze has no films."""
    score: float = 0.0
    """0 to 1: how likely this reading is among those considered."""
    evidence: tuple[str, ...] = ()
    """One plain sentence for each fact that supports or contradicts this reading."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The evidence suffices to assign the file without the user."""

    reading: Reading
    others: tuple[Reading, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncertain:
    """The user must decide. `reason` says what is missing or contradictory."""

    reason: str
    candidates: tuple[Reading, ...] = ()
    """Best first, empty if the name says nothing at all."""
    is_provisional: bool = False
    """Whether a clue could not be read. Then each scan of the folder tries again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    """A sample, a trailer or an extra: a video, but no work of the library."""

    reason: str
    evidence: tuple[str, ...] = field(default=())


Verdict = Accepted | Uncertain | Ignored


@dataclass(frozen=True, slots=True, kw_only=True)
class ClueDigests:
    """What a verdict was made from, in two numbers. Another number means that the name must be read again."""

    file: int
    """Of the clues about this file."""
    folder: int
    """Of all that the verdicts of its folder depend on."""


Mark = tuple[int, int, int]
"""Size, mtime and ctime of a .nfo file: another mark may mean another content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClueTimes:
    """What shows that all clues are as they were, without reading them."""

    folder: tuple[int, int]
    """The mtime and ctime of the file's folder."""
    nfos: Mapping[str, Mark | None]
    """The .nfo files whose coming, change or end these times do not show, by path in the library."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A verdict, and the digests of its clues; None where a clue could not be read."""

    verdict: Verdict
    digests: ClueDigests | None
    times: ClueTimes | None = None
    """None where the times prove nothing."""
