"""Tells the film of a copied disc from its menus and bonus material.

A DVD's folder holds title sets, `VTS_01_1.VOB` and so on, each cut into pieces of a gigabyte. A
Blu-ray's holds streams. The film is by far the largest, and its first piece stands for it, so
that a disc is one item. If a second one is as large (episodes of a series, two cuts of a film),
the user must decide.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# A title of less than half the largest is no second film.
COMPARABLE = 0.5

_DVD = re.compile(r"VTS_(?P<set>\d\d)_(?P<piece>\d)\.VOB", re.IGNORECASE)
_DVD_MENU = re.compile(r"VIDEO_TS\.VOB", re.IGNORECASE)
_STREAM = re.compile(r"\d{5}\.(?:m2ts|mts)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscFile:
    """One file of a disc. Without `ignored` and `objection` it is the film."""

    ignored: str | None = None
    objection: str | None = None
    evidence: str | None = None


def read_disc_file(folders: Sequence[str], base: str, sizes: Mapping[str, int]) -> DiscFile | None:
    """Classify the file `base` in the last of `folders`, or return None if that is no folder of a disc.

    `sizes` are those of all files there, by name, including `base`; empty if unknown.
    """
    folder = folders[-1].casefold() if folders else ""
    if folder == "video_ts":
        return _read_dvd(base, sizes)
    if folder == "stream" and len(folders) > 1 and folders[-2].casefold() == "bdmv":
        return _read_stream(base, sizes)
    return None


def _read_dvd(base: str, sizes: Mapping[str, int]) -> DiscFile | None:
    found = _DVD.fullmatch(base)
    if _DVD_MENU.fullmatch(base) or (found and found["piece"] == "0"):
        return DiscFile(ignored="it is a menu of the disc")
    if found is None:
        return None
    if found["piece"] != "1":
        return DiscFile(ignored=f"it continues {base[: found.start('piece')]}1.VOB, which stands for the disc's title")
    totals: Counter[str] = Counter()
    for name, size in sizes.items():
        if (other := _DVD.fullmatch(name)) and other["piece"] != "0":
            totals[other["set"]] += size
    return _compare(found["set"], totals)


def _read_stream(base: str, sizes: Mapping[str, int]) -> DiscFile | None:
    if _STREAM.fullmatch(base) is None:
        return None
    return _compare(base, Counter({name: size for name, size in sizes.items() if _STREAM.fullmatch(name)}))


def _compare(own: str, totals: Counter[str]) -> DiscFile:
    if len(totals) < 2:
        return DiscFile()
    # Sorted by hand: `most_common` imports a module when called, and the child that reads names
    # may not.
    (largest, most), (_, second) = sorted(totals.items(), key=lambda item: -item[1])[:2]
    if totals[own] < COMPARABLE * most:
        return DiscFile(ignored=f"it is a shorter title of the disc, whose longest is {largest}")
    if second >= COMPARABLE * most:
        return DiscFile(objection="the disc holds several titles of that size: episodes, or two versions of a film")
    return DiscFile(evidence="it is by far the largest title of the disc")
