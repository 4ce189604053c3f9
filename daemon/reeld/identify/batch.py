"""Identifies many names in processes that can be killed, so that a hostile name costs only itself."""

from collections.abc import Callable, Sequence
from typing import Any

from reeld.domain.identity import Clues, Uncertain, Verdict
from reeld.errors import WorkerDied, WorkerTimeout
from reeld.identify.json_codec import clues_to_wire, verdict_from_wire

Ask = Callable[[dict[str, Any]], dict[str, Any]]
"""Sends one request to a process that runs `child.py`; raises WorkerTimeout or WorkerDied."""

LARGEST_BATCH = 64
"""Names in one message: enough to hide the message's own cost, few enough for a time limit in
seconds.
"""


def identify_all(clues: Sequence[Clues], ask: Ask) -> list[Verdict]:
    """Return the verdicts on `clues`, in their order. Other errors of `ask` reach the caller."""
    verdicts: list[Verdict] = []
    for start in range(0, len(clues), LARGEST_BATCH):
        verdicts += _answered(clues[start : start + LARGEST_BATCH], ask)
    return verdicts


def _answered(batch: Sequence[Clues], ask: Ask) -> list[Verdict]:
    """Ask for a batch. A batch that fails is halved until the guilty name is alone."""
    try:
        answered = ask({"clues": [clues_to_wire(clues) for clues in batch]})
    except (WorkerTimeout, WorkerDied) as err:
        if len(batch) == 1:
            return [_unreadable(err)]
        half = len(batch) // 2
        return _answered(batch[:half], ask) + _answered(batch[half:], ask)
    return [verdict_from_wire(verdict) for verdict in answered["verdicts"]]


def _unreadable(err: WorkerTimeout | WorkerDied) -> Uncertain:
    what = "in time" if isinstance(err, WorkerTimeout) else f"without harm ({err})"
    return Uncertain(reason=f"the name could not be read {what}; rename the file, or say which work it is")
