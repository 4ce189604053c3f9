"""Reads database ids in names: `{tmdb-603}`, `[imdbid=tt0133093]`, `(tvdb-371980)`."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

IdKind = Literal["tmdb", "tvdb", "imdb", "tvmaze"]

# One bracketed id: a word of the field, `-`, `=` or `:`, and a number (`tt` and 7 to 10 digits
# for IMDb).
_TAG = re.compile(
    r"\s*[\[({]\s*(?P<kind>tmdb|tvdb|imdb|tvmaze)(?:id)?\s*[-=:]\s*(?P<value>tt\d{7,10}|\d{1,9})\s*[\])}]",
    re.IGNORECASE,
)
_BARE_IMDB = re.compile(r"\s*[\[({](?P<value>tt\d{7,10})[\])}]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ids:
    """Ids found near a file. `conflicts` lists the kinds with two different ids."""

    tmdb: int | None = None
    tvdb: int | None = None
    imdb: str | None = None
    tvmaze: int | None = None
    conflicts: tuple[IdKind, ...] = ()

    def by_kind(self) -> dict[IdKind, int | str]:
        """Return the known ids."""
        pairs: tuple[tuple[IdKind, int | str | None], ...] = (
            ("tmdb", self.tmdb), ("tvdb", self.tvdb), ("imdb", self.imdb), ("tvmaze", self.tvmaze)
        )  # fmt: skip
        return {kind: value for kind, value in pairs if value}

    def __bool__(self) -> bool:
        return bool(self.by_kind())


NO_IDS = Ids()


def ids_in(names: Sequence[str]) -> Ids:
    """Read the ids in `names`, outermost folder first. The last one wins; contradictions are listed."""
    nearest: dict[str, str] = {}
    conflicts: set[IdKind] = set()
    for name in reversed(names):
        for kind, value in _tags(name):
            if nearest.setdefault(kind, value) != value:
                conflicts.add(kind)
    return Ids(
        tmdb=_number(nearest.get("tmdb")),
        tvdb=_number(nearest.get("tvdb")),
        imdb=nearest.get("imdb"),
        tvmaze=_number(nearest.get("tvmaze")),
        conflicts=tuple(sorted(conflicts)),
    )


def without_ids(name: str) -> str:
    """Return `name` without its ids, for the other readers."""
    return _BARE_IMDB.sub("", _TAG.sub("", name))


def _tags(name: str) -> list[tuple[IdKind, str]]:
    found: list[tuple[IdKind, str]] = []
    for tag in _TAG.finditer(name):
        kind, value = tag["kind"].casefold(), tag["value"].casefold()
        if kind == "imdb":
            found.append(("imdb", value if value.startswith("tt") else f"tt{int(value):07d}"))
        elif not value.startswith("tt"):
            found.append((kind, str(int(value))))  # type: ignore[arg-type]  # the pattern allows these four only
    found.extend(("imdb", tag["value"].casefold()) for tag in _BARE_IMDB.finditer(name))
    return found


def _number(value: str | None) -> int | None:
    return int(value) if value else None
