"""What do stages need of the world around them? service/ makes one for the daemon, tests make their own."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class StageContext:
    """The outside world as functions."""

    ask_prober: Callable[[dict[str, Any], Sequence[int]], dict[str, Any]]
    """Question and descriptors to the media prober's child process; raises WorkerError."""
    ask_identifier: Callable[[dict[str, Any]], dict[str, Any]]
    """Question to the name reader's child process; raises WorkerError."""
    should_stop: Callable[[], bool]
    """Whether reeld was asked to end; long work gives up then."""
    on_bytes_hashed: Callable[[int], None]
    """Told of each piece that was read, in bytes."""
    patience_s: Callable[[str], float] = lambda _library_path: 0.0
    """For how long a file of this library that ends too early is waited for, counted from its last change."""
    keep_pace: Callable[[int], None] = lambda _count: None
    """Told of each piece of a whole file that was read, in bytes; waits where more would be too fast."""
    wall_ns: Callable[[], int] = time.time_ns
    interrupt: Callable[[], None] = lambda: None
    """End the child processes now: whoever waits for one gets Interrupted."""
