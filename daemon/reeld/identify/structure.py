"""Defines what the strict reader found in a name."""

from dataclasses import dataclass

from reeld.domain.identity import Kind
from reeld.identify.markers import Style


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """The marks of a name, with the fields of a Reading.

    A reader with the same title resolves `title_ambiguities`; nothing resolves `ambiguities`.
    `is_release` means that the name has marks which home videos lack: quality words, dots for
    spaces, a bracketed year.
    """

    kind: Kind | None
    style: Style | None = None
    title: str | None = None
    likely_title: str | None = None
    """The title to offer if `title_ambiguities` remain and no other reader finds `title`."""
    likely_year: int | None = None
    year: int | None = None
    country: str | None = None
    season: int | None = None
    episodes: tuple[int, ...] = ()
    absolute: tuple[int, ...] = ()
    air_date: str | None = None
    has_quality: bool = False
    episode_title: str | None = None
    edition: str | None = None
    part: int | None = None
    is_split: bool = False
    """Whether a word says that an episode is in parts: `pt2`, not `S01E01b`."""
    is_disc: bool = False
    title_part: int | None = None
    group: bool = False
    year_is_bracketed: bool = False
    is_release: bool = False
    extra: str | None = None
    """The words after a film's year that mark it as an extra of the film, not a version."""
    extra_at_end: str | None = None
    """The last words of a film's title that as often mark an extra of a film."""
    counted_title: str | None = None
    """A series' title without the number beside it that may count all its episodes."""
    title_ambiguities: tuple[str, ...] = ()
    ambiguities: tuple[str, ...] = ()
