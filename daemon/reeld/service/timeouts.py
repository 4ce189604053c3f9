"""What does a disk say, if it answers at all?

Nothing ends a call on a dead network mount, and no other library should have to wait for it: so whoever must not wait
has it made by a thread that may be left behind.
"""

import os
import threading
from collections.abc import Callable
from typing import TypeVar

# A command that only looks has to wait for this as well.
LONGEST_ANSWER_S = 5.0

Answer = TypeVar("Answer")


def in_time(ask: Callable[[], Answer], patience_s: float) -> Answer | None:
    """What `ask` gives; None when it has not answered by then. What it raises is raised here."""
    answers: list[Answer] = []
    errors: list[Exception] = []

    def run() -> None:
        try:
            answers.append(ask())
        except Exception as err:  # noqa: BLE001 - it is raised where somebody waits for it
            errors.append(err)

    asking = threading.Thread(target=run, daemon=True)
    asking.start()
    asking.join(patience_s)
    if errors:
        raise errors[0]
    return answers[0] if answers else None


def real_path_in_time(path: str) -> str:
    """The path without its symbolic links; as it is spelled where a disk does not answer."""
    return in_time(lambda: os.path.realpath(path), LONGEST_ANSWER_S) or path
