"""Writes values for people: sizes, durations, moments, episodes and works."""

from collections.abc import Sequence
from typing import Any

from reeld.domain.files import readable

Row = dict[str, Any]


def shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, (list, tuple)):
        return ",".join(shown(item) for item in value)
    return readable(str(value))


def size(size_bytes: int) -> str:
    """Write a size for people: 1536 is "1.5 KiB"."""
    number = float(size_bytes)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} TiB"


def resolution(row: Row) -> str | None:
    """Write the size of a picture: `1920x800`."""
    width, height = row["resolution_width"], row["resolution_height"]
    return f"{width}x{height}" if width and height else None


def duration(duration_ms: int | None) -> str | None:
    """Write a duration for people: 5025000 is "1:23:45"."""
    if duration_ms is None:
        return None
    minutes, seconds = divmod(round(duration_ms / 1000), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


def minute(moment: str) -> str:
    """Write a moment, given as RFC 3339, as 2026-11-22 15:51 UTC."""
    return f"{moment[:10]} {moment[11:16]} UTC"


def second(moment: str) -> str:
    """Write a moment, given as RFC 3339, as 2026-11-22 15:51:15 UTC."""
    return f"{moment[:10]} {moment[11:19]} UTC"


def episode_code(season: int | None, numbers: Sequence[int] | None, absolute: Sequence[int] | None) -> str | None:
    """Write an episode as `S01E02E03`, or as `#366` when only its absolute number is known."""
    if season is not None and numbers:
        return f"S{season:02}" + "".join(f"E{number:02}" for number in numbers)
    if absolute:
        return " ".join(f"#{number}" for number in absolute)
    return None


def work_name(row: Row) -> str:
    """Name the work that a reading, a candidate or a file has: `Heat (1995)`, `Severance S02E01`.

    Without a title the name is `?`. Country, air date, edition and part follow where they are known.
    """
    name = str(row.get("series") or row.get("title") or "?")
    if row.get("country"):
        name += f" ({row['country']})"
    if row.get("year") is not None:
        name += f" ({row['year']})"
    code = episode_code(row.get("season_number"), row.get("episode_numbers"), row.get("absolute_numbers"))
    extras = [
        code,
        row.get("air_date"),
        row.get("edition"),
        f"part {row['part']}" if row.get("part") else None,
    ]
    return readable(" ".join([name, *(str(extra) for extra in extras if extra)]))


def sidecar_kind(row: Row) -> str:
    """Write what a sidecar is, and what a subtitle's name says beside its language: `subtitle, forced`."""
    flags = (("forced", row["is_forced"]), ("SDH", row["is_sdh"]), ("default", row["is_default"]))
    return ", ".join((row["kind"].replace("_", " "), *(word for word, is_said in flags if is_said)))
