"""Decide what follows from an error, by its type alone. Nothing else decides this."""

import errno
import random
from dataclasses import dataclass

from reeld.domain.records import Job
from reeld.errors import (
    FileChanged,
    FileIncomplete,
    FileNotRegular,
    FileUnreadable,
    FileVanished,
    Interrupted,
    MachineExhausted,
    ReeldError,
    WorkerDied,
    WorkerError,
    WorkerTimeout,
)

MAX_ATTEMPTS = 3

# A kill or a power cut ends the attempts of innocent files, of large ones most often. A file can end reeld only through
# a bug, since children do the parsing. So this takes many more attempts, ever further apart: 5 s, 10 s, 20 s up to
# 10 minutes. Innocent files succeed in between, and a guilty one fails alone.
MAX_DEATHS = 10
LONGEST_DEATH_DELAY_S = 600.0

# A worker that hung has used up its time limit already, and a disk error that passes needs seconds: 5 s, then 20 s.
FIRST_DELAY_S = 5.0
DELAY_FACTOR = 4.0

# A scan finds out what became of a file that is gone or changed. This is for the case that it does not.
RECHECK_S = 30.0

# A file that ends too early is checked again after a minute, then each time after half as long as it has not changed.
# When it changes, a scan notices, and it settles again.
FIRST_LOOK_S = 60.0
LONGEST_LOOK_S = 3600.0

# Longer than another program should hold a lock, and short enough to notice that disk space was freed.
CATALOG_DELAY_S = 2.0

# A right is missing, the path is too long for one call, another program has a lease, the folder is not decrypted.
_NOT_THE_DISKS = (errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.EAGAIN, errno.ENOKEY)

# A watcher waits at most so long while it cannot write to the catalogue.
LONGEST_CATALOG_DELAY_S = 60.0


@dataclass(frozen=True, slots=True)
class Retry:
    """Run the same stage again after `delay_s`. `counts`: this was an attempt of the file's."""

    delay_s: float
    counts: bool = True


@dataclass(frozen=True, slots=True)
class Rescan:
    """The file changed or is gone: scan its folder. The job waits for the result."""

    delay_s: float = RECHECK_S


@dataclass(frozen=True, slots=True)
class WaitForData:
    """The rest of the file may still come: store nothing, and run the same stage again after `delay_s`.

    reeld waits for `left_s` at most.
    """

    delay_s: float
    left_s: float


@dataclass(frozen=True, slots=True)
class Fail:
    """No attempt will succeed: save the stage's substitute, or fail the job, so that the user sees it."""


@dataclass(frozen=True, slots=True)
class Release:
    """reeld ends: release the job, which waits for the next start."""


Consequence = Retry | Rescan | WaitForData | Fail | Release


def consequence(error: Exception, job: Job, rng: random.Random, *, is_the_disks_fault: bool = False) -> Consequence:
    """Return what to do with `job` after `error`. `is_the_disks_fault`: other files there could not be read either."""
    match error:
        case Interrupted():
            return Release()
        case FileVanished() | FileChanged():
            return Rescan()
        case FileIncomplete(unchanged_s=unchanged_s, patience_s=patience_s):
            return WaitForData(_until_next_look_s(unchanged_s, patience_s), left_s=patience_s - unchanged_s)
        case FileNotRegular():
            return Fail()
        case _ if is_the_disks_fault or _is_the_machines_fault(error) or _is_leased(error):
            return Retry(_delay_s(1, rng), counts=False)
        case _:
            return _retry_or_give_up(job, rng)


def _is_the_machines_fault(error: Exception) -> bool:
    """Whether memory, descriptors or processes ran out, so that every file would fail."""
    is_bare = isinstance(error, WorkerError) and not isinstance(error, (WorkerTimeout, WorkerDied))
    return is_bare or isinstance(error, (MachineExhausted, MemoryError))


def _is_leased(error: Exception) -> bool:
    """Whether another program has a lease on the file for a while, as the servers of Samba and NFS take."""
    return isinstance(error, FileUnreadable) and error.errno == errno.EAGAIN


def is_denied(error: Exception) -> bool:
    """Whether only the right to read the file is missing."""
    return isinstance(error, FileUnreadable) and error.errno in (errno.EACCES, errno.EPERM)


def is_read_error(error: Exception) -> bool:
    """Whether the disk failed to read the file. A missing right is not the disk's fault."""
    return isinstance(error, FileUnreadable) and error.errno not in _NOT_THE_DISKS


def delay_after_death_s(attempts: int) -> float:
    """Return how long a job waits that was running when reeld ended, after so many attempts."""
    return 0.0 if attempts < 2 else min(FIRST_DELAY_S * 2.0 ** (attempts - 2), LONGEST_DEATH_DELAY_S)


def explanation(error: Exception) -> str:
    """Return the error as a sentence for the user. An error that is not ours is a bug."""
    if isinstance(error, ReeldError):
        return error.with_hint
    if isinstance(error, MemoryError):
        return "reeld was given no memory; leave it more, or close other programs"
    return f"an error in reeld itself ({type(error).__name__}: {error}); please report it with the log"


def _retry_or_give_up(job: Job, rng: random.Random) -> Consequence:
    if job.attempts >= MAX_ATTEMPTS:
        return Fail()
    return Retry(_delay_s(job.attempts, rng))


def _until_next_look_s(unchanged_s: float, patience_s: float) -> float:
    pause_s = min(max(FIRST_LOOK_S, unchanged_s / 2), LONGEST_LOOK_S)
    # Not before the patience is over: the job's time is in whole milliseconds.
    return min(pause_s, patience_s - unchanged_s + 0.01)


def _delay_s(attempt: int, rng: random.Random) -> float:
    # Jitter, so that a hundred files that failed together do not come back together.
    return FIRST_DELAY_S * DELAY_FACTOR ** (attempt - 1) * rng.uniform(0.5, 1.5)
