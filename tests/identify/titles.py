"""Generates names of works whose titles look like something else, in every shape of names."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from reeld.domain.identity import Clues
from tests.identify.rows import Row

FILE = "titles.toml"
_YEAR_OR_COUNTRY = re.compile(r" \((?:\d{4}|US|UK)\)$")


def dotted(title: str) -> str:
    """Write a title as release groups do."""
    bare = re.sub(r"[:,?!/()\[\]']", "", title).replace("&", "and")
    return re.sub(r"\s+", ".", bare).strip(".").replace("..", ".")


def on_disk(title: str) -> str:
    """Write a title as media managers do, whose file systems allow neither slash nor colon."""
    return title.replace("/", "-").replace(":", " -").replace("?", "")


# The shape, what its title looks like, and the path of a film of that title and year.
FILMS: dict[str, tuple[Callable[[str], str], str]] = {
    "titles: releases": (dotted, "{0}.{1}.1080p.BluRay.x264-GRP.mkv"),
    "titles: releases with a language": (dotted, "{0}.{1}.GERMAN.DL.720p.WEB-DL.DD5.1.H264-GRP.mkv"),
    "titles: film folders": (on_disk, "Movies/{0} ({1})/{0} ({1}).mkv"),
    "titles: film folders with quality": (on_disk, "Movies/{0} ({1})/{0} ({1}) [Bluray-1080p].mkv"),
    "titles: bare names": (on_disk, "{0} ({1}) [1080p] [YTS.MX].mp4"),
}
SERIES: dict[str, tuple[Callable[[str], str], str, int, int]] = {
    "titles: episodes": (dotted, "{0}.S01E02.720p.HDTV.x264-GRP.mkv", 1, 2),
    "titles: episodes with titles": (dotted, "{0}.S03E11.Some.Title.1080p.WEB-DL.DD5.1.H264-GRP.mkv", 3, 11),
    "titles: season folders": (on_disk, "TV/{0}/Season 01/{0} - S01E02 - The Title.mkv", 1, 2),
    "titles: season folders, thin names": (on_disk, "TV/{0}/Season 02/S02E05.mkv", 2, 5),
    "titles: bare episodes": (on_disk, "{0} - 3x10 - Name.avi", 3, 10),
}


def generated(titles: dict[str, Any]) -> Iterator[Row]:
    """Yield each title in each shape. It may wait for the user, but must never be accepted as
    another.
    """
    for shape, (spelled, form) in FILMS.items():
        for title, year in titles["films"]:
            expected = {"kind": "movie", "title": spelled(title), "year": year}
            yield _row(shape, form.format(spelled(title), year), expected, f"the film {title!r}")
    for shape, (spelled, form, season, episode) in SERIES.items():
        for title in titles["series"]:
            bare = spelled(_YEAR_OR_COUNTRY.sub("", title))
            expected = {"kind": "episode", "title": bare, "season_number": season, "episode_numbers": (episode,)}
            yield _row(shape, form.format(spelled(title)), expected, f"the series {title!r}")


def _row(shape: str, path: str, expected: dict[str, Any], why: str) -> Row:
    return Row(file=FILE, shape=shape, clues=Clues(path=path), must="may", expected=expected, why=why)
