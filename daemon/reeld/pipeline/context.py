"""What stages need from outside, as functions. service/ makes one for reeld, tests make their own."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from reeld.content.opening import OpenVideo, opened
from reeld.domain.records import FileRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class StageContext:
    """The functions that stages call to reach child processes, the clock and the stop event."""

    ask_prober: Callable[[dict[str, Any], Sequence[int]], dict[str, Any]]
    """Send a request and descriptors to the media prober's child process. Raises WorkerError."""
    ask_identifier: Callable[[dict[str, Any]], dict[str, Any]]
    """Send a request to the name reader's child process. Raises WorkerError."""
    should_stop: Callable[[], bool]
    """Whether reeld was asked to end. Long work checks it and stops."""
    on_bytes_hashed: Callable[[int], None]
    """Count the bytes of a piece that was read."""
    patience_s: Callable[[str], float] = lambda _library_path: 0.0
    """How long to wait for the end of a file of this library, counted from its last change."""
    limit_rate: Callable[[int], None] = lambda _count: None
    """Count the bytes of a piece of a whole file, and wait if the rate limit says so."""
    wall_ns: Callable[[], int] = time.time_ns
    gone_from_former_place: Callable[[FileRecord], Sequence[int]] = lambda _record: ()
    """Return the known files of removed libraries that this file may be a copy of and that left their places."""
    video: Callable[[FileRecord], AbstractContextManager[OpenVideo]] = lambda record: opened(
        record.absolute_path, record.stamp
    )
    """Open the file that settled. Stages that run together share one opening."""
    at_disk: Callable[[FileRecord], AbstractContextManager[None]] = lambda _record: nullcontext()
    """A context within which the calling thread may wait for the file's disk for any time."""
    interrupt: Callable[[], None] = lambda: None
    """End the child processes now. A call that waits for one raises Interrupted."""
