"""Counts who read the headers of files, and has the prober read one of many, too, that reeld read itself.

What the bytes say is stored either way. A difference shows that one of both readers is wrong, and is logged.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

from reeld.domain.content import MediaFacts
from reeld.domain.files import readable
from reeld.log import get_logger

log = get_logger()

Ask = Callable[[dict[str, Any], Sequence[int]], dict[str, Any]]
"""Sends a request, with descriptors, to `content/probe_child.py`: `call` of a worker pool."""

COMPARE_EVERY = 1000
"""Of so many files one is read twice: a thousandth of the work, and no child for a small library."""

_TOLERANCE_MS = 120
"""A header may count the padding of the last sound, or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """How many files, since the process started."""

    own: int = 0
    """reeld read them itself."""
    prober: int = 0
    """The prober read them."""
    compared: int = 0
    """Both did."""
    disagreed: int = 0
    """Both did, and found something else."""


class Readings:
    """The counts of the process. Any thread may add to them."""

    def __init__(self, compare_every: int = COMPARE_EVERY) -> None:
        self._compare_every = compare_every
        self._lock = threading.Lock()
        self._own = self._prober = self._compared = self._disagreed = 0

    @property
    def read(self) -> Read:
        return Read(own=self._own, prober=self._prober, compared=self._compared, disagreed=self._disagreed)

    def count_own(self) -> bool:
        """Count a file that reeld read itself. Tell whether it is to be compared."""
        with self._lock:
            self._own += 1
            return self._own % self._compare_every == 0

    def counting(self, ask: Ask) -> Ask:
        """Wrap `ask` to count each file that the prober reads."""

        def counted(request: dict[str, Any], descriptors: Sequence[int]) -> dict[str, Any]:
            with self._lock:
                self._prober += 1
            return ask(request, descriptors)

        return counted

    def compare(self, path: str, own: MediaFacts, prober: MediaFacts) -> None:
        """Count a comparison, and log what differs."""
        names = differences(own, prober)
        with self._lock:
            self._compared += 1
            self._disagreed += bool(names)
        if names:
            both = {name: [getattr(own, name), getattr(prober, name)] for name in names}
            log.warning("headers.disagreed", path=readable(path), facts=both)


READINGS = Readings()
"""Those of the daemon, or of the scan."""


def differences(own: MediaFacts, prober: MediaFacts) -> Sequence[str]:
    """Name the facts that differ. Lengths may differ by the padding of sound."""
    are_near = own.duration_ms and prober.duration_ms and abs(own.duration_ms - prober.duration_ms) <= _TOLERANCE_MS
    names = [field.name for field in fields(MediaFacts)]
    if are_near:
        names.remove("duration_ms")
    return [name for name in names if getattr(own, name) != getattr(prober, name)]
