"""Calls a function with a time limit, for disks that may not answer.

A call on a dead network mount cannot be ended. So a thread makes the call, and is abandoned if it takes too long.
"""

import os
import threading
from collections.abc import Callable
from typing import TypeVar

# A command that only reads waits this long as well.
LONGEST_ANSWER_S = 5.0

Answer = TypeVar("Answer")


def in_time(ask: Callable[[], Answer], patience_s: float) -> Answer | None:
    """Return what `ask` returns, or None after `patience_s`. Its exception is raised here."""
    answers: list[Answer] = []
    errors: list[Exception] = []

    def run() -> None:
        try:
            answers.append(ask())
        except Exception as err:  # noqa: BLE001 - it is raised in the waiting thread
            errors.append(err)

    asking = threading.Thread(target=run, daemon=True)
    asking.start()
    asking.join(patience_s)
    if errors:
        raise errors[0]
    return answers[0] if answers else None


def real_path_in_time(path: str) -> str:
    """Resolve symbolic links. If a disk does not answer, return the path unchanged."""
    return in_time(lambda: os.path.realpath(path), LONGEST_ANSWER_S) or path
