"""Reads fields of libmediainfo's tracks. Texts that are missing, or of another type, are empty."""

from collections.abc import Sequence
from typing import Any

Track = dict[str, Any]


def text(track: object, name: str) -> str:
    """Return a text field; empty if it is missing, or an object, as MediaInfo returns invalid text."""
    value = track.get(name) if isinstance(track, dict) else None
    return value if isinstance(value, str) else ""


def number(track: Track, field: str, factor: int = 1) -> int | None:
    """Return a number field in units of 1/`factor`; None if it is missing, no number, or infinite."""
    try:
        return round(float(text(track, field)) * factor)
    except (ValueError, OverflowError):
        return None


def of_kind(tracks: Sequence[Track], kind: str) -> list[Track]:
    """Return the tracks of a kind: "General", "Video", "Audio", "Text"."""
    return [track for track in tracks if track["@type"] == kind]


def first(tracks: Sequence[Track], kind: str) -> Track:
    """Return the first track of a kind, or an empty one."""
    return next(iter(of_kind(tracks, kind)), {})


def preferred(tracks: Sequence[Track]) -> Track:
    """Return the track that players choose: one that is marked as default, else the first that is
    not marked as no default, else the first. An empty one if there is none.
    """
    return min(tracks, key=lambda track: _PREFERENCE.get(text(track, "Default"), 1), default={})


_PREFERENCE = {"Yes": 0, "No": 2}
