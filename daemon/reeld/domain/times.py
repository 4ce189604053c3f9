"""Moments and durations as output shows them."""

from datetime import UTC, datetime


def coarsely(seconds: float) -> str:
    """Round a duration as people say it: 40 s, 12 min, 3 h, 2 days."""
    whole = max(0, round(seconds))
    for unit, length_s, most in (("s", 1, 120), ("min", 60, 120), ("h", 3600, 48)):
        if whole < most * length_s:
            return f"{whole // length_s} {unit}"
    return f"{whole // 86_400} days"


def rfc3339(at: datetime) -> str:
    """Write a moment in UTC, to the second: `2026-11-22T15:51:15Z`."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
