"""Which film or which episodes is this file, given all that lies around it?"""

import contextlib
import os
import stat
from collections.abc import Mapping, Sequence
from functools import lru_cache

from reeld.domain.identity import Accepted, Clues, Ignored, Sidecar, Uncertain, Verdict
from reeld.domain.records import FileRecord
from reeld.errors import FileUnreadable, FileVanished
from reeld.identify.asking import identify_all
from reeld.identify.folders import is_disc_folder
from reeld.identify.names import is_video
from reeld.identify.nfo import LARGEST_BYTES, lone_nfo, sidecar_names
from reeld.log import get_logger
from reeld.pipeline.tools import Tools

log = get_logger()

# As many names on each side, in order, as a season has episodes: what a file's neighbours can tell is told by
# those, and a folder of 10,000 files costs no more than this for each.
NEIGHBOURS_EACH_SIDE = 50


def identify_file(record: FileRecord, tools: Tools) -> Verdict:
    """The verdict about a file from its name, folders, neighbours, .nfo files and content."""
    clues = _clues(record)
    _require_there(record.absolute_path)
    (by_name,) = identify_all([clues], tools.ask_identifier)
    verdict = with_regard_to_content(by_name, record)
    _tell(verdict)
    return verdict


def _require_there(path: str) -> None:
    """After the clues were read: a folder whose disk has gone seems to have no neighbours and no .nfo."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError) as err:
        raise FileVanished(path) from err
    except OSError as err:
        raise FileUnreadable(path, err) from err


def with_regard_to_content(verdict: Verdict, record: FileRecord) -> Verdict:
    """No name makes a film of a file that holds no video: that is for a person to look at."""
    if record.has_video or record.media_problem is None or not isinstance(verdict, Accepted):
        return verdict
    return Uncertain(reason=record.media_problem, candidates=(verdict.reading, *verdict.others))


def _tell(verdict: Verdict) -> None:
    match verdict:
        case Accepted(reading=reading):
            log.info("verdict.accepted", kind=reading.kind, title=reading.title, year=reading.year)
        case Uncertain(reason=reason):
            log.info("verdict.uncertain", reason=reason)
        case Ignored(reason=reason):
            log.info("verdict.ignored", reason=reason)


def _clues(record: FileRecord) -> Clues:
    siblings = _siblings(record.absolute_path)
    return Clues(
        path=record.path,
        library_kind=record.library_kind,
        siblings=tuple(siblings),
        size_bytes=record.stamp.size_bytes,
        sibling_sizes=tuple(siblings.values()),
        sidecars=_sidecars(record),
        duration_ms=record.duration_ms,
    )


# --- neighbours ------------------------------------------------------------------------------------------


def _siblings(absolute_path: str) -> dict[str, int]:
    """Names of the neighbouring videos, and their sizes; none when the folder cannot be listed."""
    directory, name = os.path.split(absolute_path)
    sizes = _sizes_in(directory)
    videos = [other for other in sizes if is_video(other)]
    # Only all files of a disc together tell which of them is the film.
    near = videos if is_disc_folder(os.path.basename(directory)) else _around(videos, name)
    return {other: sizes[other] for other in near if other != name}


def _around(names: Sequence[str], name: str) -> Sequence[str]:
    position = names.index(name) if name in names else 0
    return names[max(0, position - NEIGHBOURS_EACH_SIDE) : position + 1 + NEIGHBOURS_EACH_SIDE]


def _sizes_in(directory: str) -> Mapping[str, int]:
    """Names and sizes of all files there that are not hidden, sorted by name; none when it cannot be listed."""
    try:
        return _listed(directory, os.stat(directory).st_mtime_ns)
    except OSError:
        return {}


@lru_cache(maxsize=8)
def _listed(directory: str, _mtime_ns: int) -> Mapping[str, int]:
    # A season's files come one after the other: listing their folder once is enough while it does not change. Of a
    # file that goes meanwhile nothing is said.
    sizes: dict[str, int] = {}
    with os.scandir(directory) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                if not entry.name.startswith(".") and entry.is_file(follow_symlinks=False):
                    sizes[entry.name] = entry.stat(follow_symlinks=False).st_size
    return dict(sorted(sizes.items()))


# --- .nfo files ------------------------------------------------------------------------------------------


def _sidecars(record: FileRecord) -> tuple[Sidecar, ...]:
    paths = sidecar_names(record.path)
    if lone := lone_nfo(record.path, _sizes_in(os.path.dirname(record.absolute_path))):
        paths = (*paths, lone)
    found = [(path, _content(os.path.join(record.library_path, path))) for path in paths]
    return tuple(Sidecar(path=path, content=content) for path, content in found if content is not None)


def _content(path: str) -> bytes | None:
    """A small regular file's bytes; None if it is not there, is something else, or is too large to be one."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST_BYTES:
            return None
        try:
            return file.read(LARGEST_BYTES)
        except OSError:
            return None
