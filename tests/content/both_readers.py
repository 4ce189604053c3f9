"""Probes a file as the daemon does, and has the prober say the same of what reeld reads itself."""

import os
from dataclasses import replace
from pathlib import Path

from reeld.content.probing import ask_prober
from reeld.content.readings import Ask
from reeld.domain.content import MediaFacts
from reeld.domain.files import FileStamp
from tests.content.reading import probe

ROUNDING_MS = 2
"""libmediainfo computes how long sound of a constant rate in an AVI lasts, and loses as much."""


def probe_by_both(path: Path, ask: Ask) -> MediaFacts:
    """Return the facts. Fails if the prober would say something else."""
    found = probe(str(path), FileStamp.of(path.stat()), ask)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        asked = ask_prober(descriptor, ask)
        is_near = abs((found.duration_ms or 0) - (asked.duration_ms or 0)) <= ROUNDING_MS
        assert is_near, f"{found.duration_ms}, but the prober says {asked.duration_ms}"
        assert replace(found, duration_ms=asked.duration_ms) == asked, f"{found}, but the prober says {asked}"
    finally:
        os.close(descriptor)
    return found
