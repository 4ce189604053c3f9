"""Confines the process so that it can write to its catalogue and its metrics, and nowhere else."""

import contextlib
import os

from reeld.database.file_owner import make_folder
from reeld.log import get_logger
from reeld.sandbox import forbid_writing_outside

log = get_logger()


def write_only_the_catalogue(database_path: str, metrics_directory: str = "") -> None:
    """Give up, for good, the right to write outside the catalogue's folder. Call it before any thread starts.

    The metrics' folder, if configured and present, stays writable too.

    systemd's ProtectSystem= does not cover a disk that is mounted later, nor a reeld that is started by hand. Landlock
    covers both. Without Landlock reeld still works, and logs a warning.
    """
    state_directory = os.path.dirname(os.path.abspath(database_path))
    with contextlib.suppress(OSError):
        make_folder(state_directory)
    if not os.path.isdir(state_directory):
        return  # opening the catalogue fails next, with the reason
    more = [metrics_directory] if metrics_directory and os.path.isdir(metrics_directory) else []
    if abi := forbid_writing_outside(state_directory, *more):
        log.info("process.confined", path=state_directory, landlock_abi=abi)
    else:
        log.warning("process.not_confined", reason="this kernel has no Landlock, or a filter around reeld forbids it")
