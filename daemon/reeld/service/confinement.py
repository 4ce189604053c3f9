"""What may the process that works on the libraries write to? Its catalogue, its metrics, and nothing else."""

import contextlib
import os

from reeld.database.file_owner import make_folder
from reeld.log import get_logger
from reeld.sandbox import forbid_writing_outside

log = get_logger()


def write_only_the_catalogue(database_path: str, metrics_directory: str = "") -> None:
    """Give up, for good, the right to write anywhere but in the catalogue's folder; before any thread is started.

    The metrics' folder, if one is configured and there, may be written to as well.

    systemd's ProtectSystem= does not cover a disk that is mounted after the start, and nothing covers a reeld that is
    started by hand: this does both. A kernel without Landlock is no reason not to work, only to say so.
    """
    state_directory = os.path.dirname(os.path.abspath(database_path))
    with contextlib.suppress(OSError):
        make_folder(state_directory)
    if not os.path.isdir(state_directory):
        return  # whoever opens the catalogue next says why, and ends
    more = [metrics_directory] if metrics_directory and os.path.isdir(metrics_directory) else []
    if abi := forbid_writing_outside(state_directory, *more):
        log.info("process.confined", path=state_directory, landlock_abi=abi)
    else:
        log.warning("process.not_confined", reason="this kernel has no Landlock, or a filter around reeld forbids it")
