"""A process that works on a catalogue as fast as it can, is killed at any moment, and says what it committed.

`python -m tests.faults.writer work DATABASE`: goes on with the queue where the last one was killed. Each line on
standard output was printed after its commit: `settled NUMBER` or `done NUMBER`. The file of number N is `N.mkv`; its
job files it as a movie called `N`, whose year counts how often that happened.

`python -m tests.faults.writer harry DATABASE SEED COUNT`: forks COUNT such processes, one after the other, kills each
at a random moment, and lets one more finish what they left.

`python -m tests.faults.writer migrate TEMPLATE FOLDER SEED COUNT`: forks a child for each of COUNT copies of TEMPLATE
that brings it to the latest schema, and kills it at a random moment.
"""

import math
import os
import random
import select
import shutil
import signal
import sys
import time
from collections.abc import Callable, Sequence

from reeld.catalog import queue, video_files
from reeld.catalog.libraries import sync_libraries
from reeld.catalog.models import Movie, VideoFile
from reeld.config import Library
from reeld.database.connection import open_catalog, writing
from reeld.database.fields import utc_from_ms
from reeld.domain.files import FileStamp
from reeld.domain.records import Job
from tests.catalog.rows import claim_one

NOW_MS = 1_750_000_000_000

# A kill comes after up to so many commits, and so much later: within the next transaction, or the one after.
MOST_COMMITS = 12
LONGEST_PAUSE_S = 0.01

Say = Callable[[str], None]
"""Called after each commit."""


def work(path: str, count: float, say: Say) -> None:
    """Until there are `count` files, and no job is left."""
    open_catalog(path, create=True)
    with writing():
        (library_id,) = sync_libraries([Library(name="L", path="/l", quiet_s=0.0)], NOW_MS).values()
        queue.recover(lambda _attempts: NOW_MS)
        number = VideoFile.select().count()
    while number < count or _live_jobs():
        if number < count:
            _settle(library_id, number, say)
            number += 1
        with writing():
            job = claim_one("names", NOW_MS)
        if job is not None:
            _finish(job, say)


def _live_jobs() -> int:
    with writing():
        return queue.live_count(1 << 62, most=1)


def _settle(library_id: int, number: int, say: Say) -> None:
    stamp = FileStamp(size_bytes=1, mtime_ns=1, ctime_ns=1, inode=number + 1, device=1)
    with writing():
        file_id = video_files.record_settled(library_id, f"{number}.mkv", stamp, NOW_MS)
        queue.enqueue(file_id, stage="name", lane="names", now_ms=NOW_MS)
    say(f"settled {number}")


def _finish(job: Job, say: Say) -> None:
    with writing():
        assert queue.holds(job)
        title = VideoFile.get_by_id(job.video_file_id).path.removesuffix(".mkv")
        if Movie.update(year=Movie.year + 1).where(Movie.title == title).execute() == 0:
            now = utc_from_ms(NOW_MS)
            Movie.insert(title=title, title_key=title, year=1, created_at=now, updated_at=now).execute()
        queue.finish([job])
    say(f"done {title}")


def print_line(what: str) -> None:
    os.write(sys.stdout.fileno(), f"{what}\n".encode())


def harry(path: str, seed: int, count: int) -> None:
    rng = random.Random(seed)
    for _ in range(count):
        commits, pause_s = rng.randrange(MOST_COMMITS), rng.uniform(0.0, LONGEST_PAUSE_S)
        _fork(lambda tell: work(path, math.inf, _loudly(tell)), signs=1 + commits, kill_after_s=pause_s)
    work(path, 0, print_line)


def _loudly(tell: int) -> Say:
    def say(what: str) -> None:
        print_line(what)
        os.write(tell, b".")

    return say


def migrate(template: str, folder: str, seed: int, count: int) -> None:
    rng = random.Random(seed)
    whole_s = _migrate_one(template, f"{folder}/whole/reeld.db", None)
    for number in range(count):
        # From before the backup to after the commit.
        _migrate_one(template, f"{folder}/{number}/reeld.db", rng.uniform(0.0, whole_s))


def _migrate_one(template: str, path: str, kill_after_s: float | None) -> float:
    os.mkdir(os.path.dirname(path))
    shutil.copy(template, path)
    return _fork(lambda _tell: open_catalog(path, create=True), signs=1, kill_after_s=kill_after_s)


def _fork(do: Callable[[int], object], *, signs: int, kill_after_s: float | None) -> float:
    """Do it in a process of its own, which is killed so long after its signs of life; how long it lived after them.

    It gives one sign when it begins, and others by writing a byte to the descriptor that `do` gets.
    """
    hear, tell = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(tell, b".")
        do(tell)
        os._exit(0)  # nothing is closed: as if killed right after
    for _ in range(signs):
        os.read(hear, 1)
    began = time.monotonic()
    if kill_after_s is not None:
        select.select([], [], [], kill_after_s)
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(hear)
    os.close(tell)
    return time.monotonic() - began


def main(arguments: Sequence[str]) -> None:
    match arguments:
        case ["work", path]:
            work(path, math.inf, print_line)
        case ["harry", path, seed, count]:
            harry(path, int(seed), int(count))
        case ["migrate", template, folder, seed, count]:
            migrate(template, folder, int(seed), int(count))


if __name__ == "__main__":
    main(sys.argv[1:])
