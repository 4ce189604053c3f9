"""Identifies many names, in parallel where that is worth it, and keeps their order."""

import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

from reeld.config import Config
from reeld.domain.identity import Clues, Verdict
from reeld.identify.batch import LARGEST_BATCH, identify_all
from reeld.service.stage_context import cores, identifier_pool

WORTH_ANOTHER_PROCESS_S = 1.0
"""Of a batch, the start of the first process included. Where names are read faster, one process is done with hundreds
of them before another has started, which takes 0.4 s of processor time.
"""


def identify_in_parallel(clues: Iterable[Clues], config: Config) -> Iterator[tuple[Clues, Verdict]]:
    """Yield each of `clues` with its verdict, in order. Reads few batches ahead, so the input may be endless.

    One process reads while it is fast; from the first slow batch on, one on each core.
    """
    pool = identifier_pool(config)

    def read(batch: list[Clues]) -> list[tuple[Clues, Verdict]]:
        verdicts = identify_all(batch, lambda request: pool.call(request, timeout_s=config.identify.timeout_s))
        return list(zip(batch, verdicts, strict=True))

    source = iter(clues)
    batches = iter(lambda: list(islice(source, LARGEST_BATCH)), [])
    try:
        for batch in batches:
            start = time.monotonic()
            verdicts = read(batch)
            is_slow = time.monotonic() - start > WORTH_ANOTHER_PROCESS_S
            yield from verdicts
            if is_slow:
                break
        with ThreadPoolExecutor(cores()) as executor:
            under_way: deque[Future[list[tuple[Clues, Verdict]]]] = deque()
            under_way.extend(executor.submit(read, batch) for batch in islice(batches, 2 * cores()))
            while under_way:
                verdicts = under_way.popleft().result()
                under_way.extend(executor.submit(read, batch) for batch in islice(batches, 1))
                yield from verdicts
    finally:
        pool.close()
