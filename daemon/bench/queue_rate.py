"""Measures how many jobs pass through the queue a second, against sqlite3 with the same statements.

Both use the same pragmas and transactions: 200 jobs enqueued, 32 claimed and 32 finished per
commit.
"""

import contextlib
import secrets
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from peewee import sqlite3 as driver

from bench.measure import Line, alternate, compared, speeds
from bench.world import World
from reeld.catalog import queue
from reeld.database.connection import close_catalog, open_catalog, writing
from reeld.pipeline.runner import MOST_TOGETHER
from reeld.scanner.new_files import BATCH

NOW_MS = 1_800_000_000_000
CREATED = "2027-01-15T08:00:00.000Z"


def run(world: World) -> Iterator[Line]:
    jobs = world.sizes.jobs
    ways = {"reeld": lambda: _with_reeld(world, jobs), "bare": lambda: _with_sqlite(world, jobs)}
    taken = alternate(world.sizes.rounds, ways)
    yield compared(
        f"queue: {jobs:,} jobs enqueued, claimed and finished",
        speeds(jobs, taken["reeld"].figures),
        "jobs/s",
        "the same SQL by bare sqlite3",
        speeds(jobs, taken["bare"].figures),
    )


def _with_reeld(world: World, jobs: int) -> float:
    with _catalogue(world, jobs) as path:
        open_catalog(str(path), create=True)
        try:
            started = time.perf_counter()
            for first in range(1, jobs + 1, BATCH):
                with writing():
                    for file_id in range(first, min(first + BATCH, jobs + 1)):
                        queue.enqueue(file_id, stage="identify", lane="light", now_ms=NOW_MS)
            while _take_and_finish():
                pass
            return time.perf_counter() - started
        finally:
            close_catalog()


def _take_and_finish() -> bool:
    with writing():
        claimed = queue.claim("light", NOW_MS, most=MOST_TOGETHER)
    with writing():
        for job in claimed:
            if queue.holds(job):
                queue.finish([job])
    return bool(claimed)


def _with_sqlite(world: World, jobs: int) -> float:
    with _catalogue(world, jobs) as path, contextlib.closing(driver.connect(str(path), isolation_level=None)) as bare:
        for pragma in ("journal_mode = wal", "synchronous = full", "foreign_keys = on"):
            bare.execute(f"PRAGMA {pragma}")
        started = time.perf_counter()
        for first in range(1, jobs + 1, BATCH):
            bare.execute("BEGIN IMMEDIATE")
            for file_id in range(first, min(first + BATCH, jobs + 1)):
                bare.execute(_ENQUEUE, (file_id, "identify", "light", NOW_MS, CREATED))
            bare.execute("COMMIT")
        while _bare_take_and_finish(bare):
            pass
        return time.perf_counter() - started


_ENQUEUE = """
    INSERT INTO jobs (video_file_id, stage, lane, due_at_ms, created_at, state, token, attempts, last_error)
    VALUES (?, ?, ?, ?, ?, 'waiting', NULL, 0, NULL)
    ON CONFLICT (video_file_id) DO UPDATE SET stage = excluded.stage, state = 'waiting', token = NULL, attempts = 0
"""
_DUE = """
    SELECT jobs.id, video_file_id, stage, attempts, library_id, size_bytes
    FROM jobs JOIN video_files ON video_files.id = video_file_id
    WHERE lane = 'light' AND jobs.state = 'waiting' AND due_at_ms BETWEEN 0 AND ? ORDER BY due_at_ms, jobs.id LIMIT ?
"""


def _bare_take_and_finish(bare: sqlite3.Connection) -> bool:
    token = secrets.token_hex(8)
    bare.execute("BEGIN IMMEDIATE")
    due = bare.execute(_DUE, (NOW_MS, MOST_TOGETHER * queue.SHARERS)).fetchall()
    mine = due[: max(1, min(MOST_TOGETHER, len(due) // queue.SHARERS))]
    for job in mine:
        bare.execute(
            "UPDATE jobs SET state = 'running', token = ?, attempts = attempts + 1 WHERE id = ?", (token, job[0])
        )
    bare.execute("COMMIT")
    bare.execute("BEGIN IMMEDIATE")
    for job in mine:
        if bare.execute("SELECT 1 FROM jobs WHERE id = ? AND token = ?", (job[0], token)).fetchone():
            bare.execute("DELETE FROM jobs WHERE id = ? AND token = ?", (job[0], token))
    bare.execute("COMMIT")
    return bool(mine)


@contextlib.contextmanager
def _catalogue(world: World, files: int) -> Iterator[Path]:
    """Make a closed catalogue of so many files without work."""
    with world.corner("queue") as corner:
        path = corner / "reeld.db"
        open_catalog(str(path), create=True)
        close_catalog()
        with contextlib.closing(driver.connect(str(path))) as connection, connection:
            connection.execute(
                "INSERT INTO libraries (id, name, path, kind, state) VALUES (1, 'bench', '/bench', 'auto', 'online')"
            )
            connection.executemany(
                "INSERT INTO video_files (id, library_id, path, directory, filename, size_bytes, mtime_ns, ctime_ns, "
                "inode, device, state, first_seen_at, changed_at, languages, subtitle_languages, evidence) "
                "VALUES (?, 1, ?, '', ?, 1, 1, 1, 1, 1, 'present', ?, ?, '[]', '[]', '[]')",
                ((number, *[f"{number}.mkv"] * 2, CREATED, CREATED) for number in range(1, files + 1)),
            )
        yield path
