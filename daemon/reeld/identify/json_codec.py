"""Converts clues and verdicts to JSON and back without loss.

Names keep their surrogate escapes (JSON writes a lone one as \\udcXX); the bytes of a .nfo become
base64.
"""

import base64
from typing import Any

from reeld.domain.identity import Accepted, Clues, Ignored, Reading, Sidecar, Uncertain, Verdict


def clues_to_wire(clues: Clues) -> dict[str, Any]:
    return {
        "path": clues.path,
        "library_kind": clues.library_kind,
        "siblings": list(clues.siblings),
        "size_bytes": clues.size_bytes,
        "sibling_sizes": list(clues.sibling_sizes),
        "sidecars": [[sidecar.path, base64.b64encode(sidecar.content).decode()] for sidecar in clues.sidecars],
        "duration_ms": clues.duration_ms,
    }


def clues_from_wire(message: dict[str, Any]) -> Clues:
    return Clues(
        path=message["path"],
        library_kind=message["library_kind"],
        siblings=tuple(message["siblings"]),
        size_bytes=message["size_bytes"],
        sibling_sizes=tuple(message["sibling_sizes"]),
        sidecars=tuple(Sidecar(path=path, content=base64.b64decode(content)) for path, content in message["sidecars"]),
        duration_ms=message["duration_ms"],
    )


def verdict_to_wire(verdict: Verdict) -> dict[str, Any]:
    match verdict:
        case Accepted(reading=reading, others=others):
            return {"verdict": "accepted", "reading": _values(reading), "others": [_values(other) for other in others]}
        case Uncertain(candidates=candidates):
            return {"verdict": "uncertain", **_values(verdict), "candidates": [_values(each) for each in candidates]}
        case Ignored():
            return {"verdict": "ignored", **_values(verdict)}


def _values(flat: Reading | Uncertain | Ignored) -> dict[str, Any]:
    # Not `asdict`, which copies every value deeply: that takes ten times as long.
    return {name: getattr(flat, name) for name in flat.__slots__}


def verdict_from_wire(message: dict[str, Any]) -> Verdict:
    """Rebuild the verdict from `verdict_to_wire`; KeyError or ValueError for anything else."""
    match message["verdict"]:
        case "accepted":
            return Accepted(reading=_reading(message["reading"]), others=_readings(message["others"]))
        case "uncertain":
            return Uncertain(reason=message["reason"], candidates=_readings(message["candidates"]))
        case "ignored":
            return Ignored(reason=message["reason"], evidence=tuple(message["evidence"]))
        case other:
            raise ValueError(f"no verdict is called {other!r}")


def _readings(messages: list[dict[str, Any]]) -> tuple[Reading, ...]:
    return tuple(_reading(message) for message in messages)


def _reading(message: dict[str, Any]) -> Reading:
    lists = {key: tuple(value) for key, value in message.items() if isinstance(value, (list, tuple))}
    return Reading(**{**message, **lists})
