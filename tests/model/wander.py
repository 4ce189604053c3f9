"""How is the model walked for as long as one likes? By plain chance: hypothesis' examples are short, to be made small.

The same seed draws the same operations; what they meet may differ, since times and inodes are real.
"""

import random
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from reeld.domain.identity import LibraryKind
from tests.fuse import Numbering
from tests.model.disk import OPERATIONS
from tests.model.machine import PASSED_S, Model, Untrue


@dataclass(slots=True)
class Walk:
    """What became of one walk through the model. `problem` is None where all was well."""

    seed: int
    said: list[str] = field(default_factory=list)
    steps: Counter[str] = field(default_factory=Counter)
    compared: int = 0
    problem: str | None = None
    kinds: set[str] = field(default_factory=set)


class WideModel(Model):
    """Also with what costs too much for the examples of a test."""

    has_flash_drive = True


def wander(seed: int, steps: int, model: type[Model] = WideModel) -> Walk:
    """One walk of so many steps, from empty libraries to a last quiet."""
    rng, walk = random.Random(seed), Walk(seed)
    machine = model()
    walk.said = machine.said
    try:
        try:
            for _ in range(steps):
                name, step = rng.choices(_STEPS, _WEIGHTS)[0]
                walk.steps[name] += 1
                step(machine, rng)
        finally:
            machine.teardown()
    except Untrue as err:
        walk.problem, walk.kinds = str(err), err.kinds
    except Exception:  # noqa: BLE001 - whatever it is, it is to be told with its seed
        walk.problem, walk.kinds = traceback.format_exc(), {"crash"}
    walk.compared = machine.compared
    return walk


def walks(seed: int, minutes: float, steps: int) -> Iterator[Walk]:
    """One walk after the other until the time is over."""
    end = time.monotonic() + 60 * minutes
    while time.monotonic() < end:
        yield wander(seed, steps)
        seed += 1


NUMBERINGS: tuple[Numbering, ...] = ("shuffle", "count", "path")
KINDS: tuple[LibraryKind, ...] = ("auto", "movies", "series")

Step = Callable[[Model, random.Random], None]

_WEIGHTED: tuple[tuple[float, str, Step], ...] = (
    (40, "operate", lambda model, rng: model.operate(rng.choice(sorted(OPERATIONS)), rng, rng.random() < 0.6)),
    (20, "create", lambda model, rng: model.create(rng)),
    (12, "run", lambda model, rng: model.run(rng.randrange(6))),
    (8, "time", lambda model, rng: model.let_time_pass(rng.choice(PASSED_S))),
    (5, "decide", lambda model, rng: model.decide(rng)),
    (3, "kill", lambda model, rng: model.kill(rng.randrange(30), rng.choice(PASSED_S[:2]))),
    (1, "kind", lambda model, rng: model.change_kind(rng.choice(("films", "series")), rng.choice(KINDS))),
    (1, "renumber", lambda model, rng: model.renumber(rng.choice(NUMBERINGS))),
    (1, "restart", lambda model, _rng: model.restart()),
    (2, "lose", lambda model, rng: model.lose_events(rng.random() < 0.5)),
    (2, "unplug", lambda model, rng: model.unplug(rng.choice(("films", "series", "disk")), rng)),
    (3, "plug", lambda model, rng: model.plug(rng.choice(("films", "series", "disk")))),
    (2, "below", lambda model, rng: model.unplug_or_plug_below(rng)),
    (2, "quiet", lambda model, _rng: model.be_quiet()),
)
_WEIGHTS = [weight for weight, _, _ in _WEIGHTED]
_STEPS = [(name, step) for _, name, step in _WEIGHTED]
