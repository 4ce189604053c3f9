"""For how long does nothing go wrong? `make soak`, or `python -m tests.model.soak --minutes 60 --seed N`.

A quarter of the time the model wanders through reeld's real parts, faster than time itself; for the rest the real
daemon runs and everything happens to it. The first difference ends it: the seed, the world's folder and its logs are
shown.
"""

import argparse
import json
import random
import shutil
import signal
import sys
import tempfile
import time

from tests.model.disk import remove_tree
from tests.model.mounts import CAN_MOUNT
from tests.model.rounds import Rounds
from tests.model.wander import walks

STEPS = 150
"""Of one walk through the model: enough for a past, few enough to be read."""


def main() -> int:
    arguments = _arguments()
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))  # so that the disks are put away
    started = time.monotonic()
    _tell(f"seed {arguments.seed}")
    if not CAN_MOUNT:
        _tell("not root: disks are not mounted and pulled, and the kernel's limits stay as they are")
    share = {"model": (1.0, 0.0), "daemon": (0.0, 1.0), None: (0.25, 0.75)}[arguments.only]
    totals: dict[str, object] = {"seed": arguments.seed}
    is_well = _wander(arguments.seed, arguments.minutes * share[0], totals) if share[0] else True
    if is_well and share[1]:
        is_well = _rounds(arguments.seed, arguments.minutes * share[1], totals)
    totals["minutes"] = round((time.monotonic() - started) / 60, 1)
    _tell(json.dumps(totals))
    return 0 if is_well else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--only", choices=("model", "daemon"), help="one of the two parts, for all of the time")
    return parser.parse_args()


def _wander(seed: int, minutes: float, totals: dict[str, object]) -> bool:
    count = steps = compared = 0
    for walk in walks(seed, minutes, STEPS):
        count += 1
        steps += walk.steps.total()
        compared += walk.compared
        if walk.problem is not None:
            _tell("\n".join([*walk.said, walk.problem, f"in the walk of seed {walk.seed}"]))
            totals["model"] = {"walks": count, "steps": steps, "files_compared": compared, "differences": 1}
            return False
        if count % 50 == 0:
            _tell(f"model: {count} walks, {steps} steps, {compared} files compared, 0 differences")
    totals["model"] = {"walks": count, "steps": steps, "files_compared": compared, "differences": 0}
    return True


def _rounds(seed: int, minutes: float, totals: dict[str, object]) -> bool:
    end = time.monotonic() + 60 * minutes
    # Short: a socket's path is limited to 107 bytes.
    root = tempfile.mkdtemp(prefix="reeld-soak-")
    is_well = True
    with Rounds(root, seed, _tell) as rounds:
        while is_well and time.monotonic() < end:
            is_well = rounds.round()
        is_well = is_well and rounds.compare_with_fresh()
        if not is_well:
            # Before the disks are put away.
            for problem in rounds.problems[:50]:
                _tell(f"  {problem.kind}: {problem.text}")
            shutil.copytree(f"{root}/state", f"{root}/state at the difference")
        seen = rounds.totals
    totals["daemon"] = {
        "rounds": seen.rounds,
        "operations": seen.operations,
        "kills": seen.kills,
        "faults": dict(seen.faults),
        "files_compared": seen.files_compared,
        "decisions_compared": seen.decisions_compared,
        "late": seen.late,
        "excused": dict(seen.excused),
        "differences": seen.differences,
    }
    if is_well:
        remove_tree(root)
    else:
        _tell(f"seed {seed}, round {seen.rounds}; see operations.log, daemon.log and the catalogue in {root}")
    return is_well


def _tell(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - it is for a person who watches


if __name__ == "__main__":
    sys.exit(main())
