"""Makes the JSON objects of `--json` that the catalogue's views do not make themselves; `daemon/JSON.md` lists all."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from reeld.domain.times import rfc3339

if TYPE_CHECKING:
    from reeld.diagnose.health import Finding
    from reeld.domain.status import Estimate

Row = dict[str, Any]

WHY_AWAITED = "it ends before its container does; if its copy has stopped, fetch it again"


def state_in_words(state: str) -> str:
    """Write a library's state for people: `on_hold` is "on hold"."""
    return state.replace("_", " ")


def moment(at_s: float | None) -> str | None:
    """Write a moment, given in seconds since 1970, as RFC 3339."""
    return None if at_s is None else rfc3339(datetime.fromtimestamp(at_s, UTC))


def counts_row(counts: Row) -> Row:
    """The counts of `overview.counts`, flat."""
    files, verdicts = counts["files"], counts["verdicts"]
    return {
        "present_count": files["present"],
        "missing_count": files["missing"],
        "library_removed_count": files["library_removed"],
        **{f"{verdict}_count": number for verdict, number in verdicts.items()},
        "movie_count": counts["movies"],
        "series_count": counts["series"],
        "episode_count": counts["episodes"],
        "queue": [{"stage": stage, "file_count": number} for stage, number in counts["queue"].items()],
        "in_doubt_count": counts["in_doubt"],
        "changing_count": counts["changing"],
        **{f"{problem}_count": number for problem, number in counts["problems"].items()},
        "awaited_count": counts["awaited"],
        "paused_count": counts["paused"],
        "failed_count": counts["failed"],
        "orphan_count": counts["orphans"],
    }


def library_row(library: Row) -> Row:
    """A library as `overview.libraries` has it."""
    return {
        "name": library["name"],
        "path": library["path"],
        "kind": library["kind"],
        "state": library["state"],
        "reason": library["state_reason"],
        "checked_at": library["checked_at"],
        "is_accepted": library["is_accepted"],
        "file_count": library["files"],
    }


def finding_row(finding: "Finding") -> Row:
    """One finding of the health checks."""
    return {
        "check": finding.check,
        "level": finding.level,
        "library": finding.about,
        "message": finding.message,
        "hint": finding.hint,
    }


def estimate_row(work: "Estimate") -> Row:
    """What is left, and when it may be done."""
    rate, hashed, seconds = work.files_per_s, work.hashed_bytes_per_s, work.seconds_left
    return {
        "file_count": work.files,
        "bytes_to_hash": work.bytes_to_hash,
        "files_per_s": None if rate is None else round(rate, 1),
        "hashed_bytes_per_s": None if hashed is None else round(hashed),
        "seconds_left": None if seconds is None else round(seconds, 1),
    }
