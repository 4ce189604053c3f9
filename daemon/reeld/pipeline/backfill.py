"""Queue known files for the stages that have never run for them: a stage that is new, or has a new version."""

from collections.abc import Sequence

from reeld.catalog import queue
from reeld.pipeline.stages import Stage


def enqueue_backfill(stages: Sequence[Stage], now_ms: int) -> int:
    """Queue every known file at the first of these stages that it lacks; return how many files.

    Runs within the caller's transaction, once at each start. A file that has a job comes to these stages with that. A
    job queued here waits until no other job of its lane is due.
    """
    return sum(
        queue.enqueue_lacking(
            stage=stage.name,
            lane=stage.lane,
            version=stage.version,
            also_in_doubt=stage.reads_all,
            now_ms=now_ms,
        )
        for stage in stages
        if stage.columns
    )


def enqueue_doubts(stages: Sequence[Stage], now_ms: int) -> int:
    """Queue the files whose hashes are still in doubt, since they were read for that a day ago; return how many.

    Runs within the caller's transaction, now and then.
    """
    return sum(
        queue.enqueue_in_doubt(stage=stage.name, lane=stage.lane, now_ms=now_ms) for stage in stages if stage.reads_all
    )
