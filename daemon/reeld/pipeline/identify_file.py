"""Identify a file: collect its name, folders, siblings and .nfo files, and have them read by a child process."""

import contextlib
import errno
import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from reeld.domain.identity import Accepted, Clues, Ignored, Sidecar, Uncertain, Verdict
from reeld.domain.records import FileRecord
from reeld.errors import ClueUnreadable, FileUnreadable, FileVanished, MachineExhausted
from reeld.identify.batch import identify_all
from reeld.identify.folders import is_disc_folder
from reeld.identify.names import is_video
from reeld.identify.nfo import LARGEST_BYTES, lone_nfo, sidecar_names
from reeld.log import get_logger
from reeld.pipeline.context import StageContext

log = get_logger()

# As many names on each side, in order, as a season has episodes. More siblings would add no evidence, and this limits
# the cost of each file in a folder of 10,000.
NEIGHBOURS_EACH_SIDE = 50

# These prove that there is no such file: no file has a name that is too long, and a link or a socket is no file.
_NO_FILE = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.ENXIO)
_DENIED = (errno.EACCES, errno.EPERM)

_Unread = dict[str, OSError]
"""Evidence that cannot be read: the error, by path."""


def identify_file(record: FileRecord, tools: StageContext) -> Verdict:
    """Return the verdict about a file from its name, folders, siblings, .nfo files and content.

    Raises ClueUnreadable if one of those cannot be read for now, which may pass by itself.
    """
    unread: _Unread = {}
    clues = _clues(record, unread)
    _require_there(record.absolute_path)
    (by_name,) = identify_all([clues], tools.ask_identifier)
    verdict = _with_regard_to_unread(with_regard_to_content(by_name, record), unread)
    _tell(verdict)
    return verdict


def _require_there(path: str) -> None:
    """Raise FileError if the file is gone. Called after the clues were read: a folder without its disk seems empty."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError) as err:
        raise FileVanished(path) from err
    except OSError as err:
        raise FileUnreadable(path, err) from err


def with_regard_to_content(verdict: Verdict, record: FileRecord) -> Verdict:
    """Let the user decide about a file that holds no video, also if its name is a film's."""
    if record.has_video or record.media_problem is None or not isinstance(verdict, Accepted):
        return verdict
    return Uncertain(reason=record.media_problem, candidates=(verdict.reading, *verdict.others))


def _with_regard_to_unread(verdict: Verdict, unread: _Unread) -> Verdict:
    """Let the user decide, with a hint, while a .nfo cannot be read: it may say that the name is wrong."""
    match verdict:
        case Accepted(reading=reading, others=others):
            reasons, candidates = [], (reading, *others)
        case Uncertain(reason=reason, candidates=candidates):
            reasons = [reason]
        case Ignored():
            return verdict
    if not unread:
        return verdict
    why = (_why_unread(path, err) for path, err in unread.items())
    question = Uncertain(reason="; ".join((*why, *reasons)), candidates=candidates, is_provisional=True)
    for path, err in unread.items():
        if err.errno not in _DENIED:
            raise ClueUnreadable(path, err, question) from err
    return question


def _why_unread(path: str, err: OSError) -> str:
    is_nfo = path.casefold().endswith(".nfo")
    return f"{FileUnreadable(path, err).with_hint}{', or remove it' if is_nfo else ''}"


def _tell(verdict: Verdict) -> None:
    match verdict:
        case Accepted(reading=reading):
            log.info("verdict.accepted", kind=reading.kind, title=reading.title, year=reading.year)
        case Uncertain(reason=reason):
            log.info("verdict.uncertain", reason=reason)
        case Ignored(reason=reason):
            log.info("verdict.ignored", reason=reason)


def _clues(record: FileRecord, unread: _Unread) -> Clues:
    directory, name = os.path.split(record.absolute_path)
    sizes: Mapping[str, int] = {}
    with _noting(directory, unread):
        sizes = _sizes_in(directory)
    siblings = _siblings(directory, name, sizes)
    return Clues(
        path=record.path,
        library_kind=record.library_kind,
        siblings=tuple(siblings),
        size_bytes=record.stamp.size_bytes,
        sibling_sizes=tuple(siblings.values()),
        sidecars=_sidecars(record, sizes, unread),
        duration_ms=record.duration_ms,
    )


@contextlib.contextmanager
def _noting(path: str, unread: _Unread) -> Iterator[None]:
    """Note an error in the block, unless it says that there is nothing to read."""
    try:
        yield
    except OSError as err:
        if err.errno in MachineExhausted.ERRNOS:
            raise MachineExhausted(err) from err
        if err.errno not in _NO_FILE:
            unread[path] = err


# --- siblings --------------------------------------------------------------------------------------------


def _siblings(directory: str, name: str, sizes: Mapping[str, int]) -> dict[str, int]:
    """Return the names and sizes of the sibling videos."""
    videos = [other for other in sizes if is_video(other)]
    # Only all files of a disc together show which one is the film.
    near = videos if is_disc_folder(os.path.basename(directory)) else _around(videos, name)
    return {other: sizes[other] for other in near if other != name}


def _around(names: Sequence[str], name: str) -> Sequence[str]:
    position = names.index(name) if name in names else 0
    return names[max(0, position - NEIGHBOURS_EACH_SIDE) : position + 1 + NEIGHBOURS_EACH_SIDE]


def _sizes_in(directory: str) -> Mapping[str, int]:
    """Return names and sizes of all files there that are not hidden, sorted by name. Raises OSError."""
    return _listed(directory, os.stat(directory).st_mtime_ns)


@lru_cache(maxsize=8)
def _listed(directory: str, _mtime_ns: int) -> Mapping[str, int]:
    # A season's files come one after the other, so list their folder once while it does not change. Skip a file that
    # disappears meanwhile.
    sizes: dict[str, int] = {}
    with os.scandir(directory) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):
                if not entry.name.startswith(".") and entry.is_file(follow_symlinks=False):
                    sizes[entry.name] = entry.stat(follow_symlinks=False).st_size
    return dict(sorted(sizes.items()))


# --- .nfo files ------------------------------------------------------------------------------------------


def _sidecars(record: FileRecord, names: Iterable[str], unread: _Unread) -> tuple[Sidecar, ...]:
    paths = sidecar_names(record.path)
    if lone := lone_nfo(record.path, names):
        paths = (*paths, lone)
    found: dict[str, bytes | None] = {}
    for path in paths:
        absolute = os.path.join(record.library_path, path)
        with _noting(absolute, unread):
            found[path] = _content(absolute)
    return tuple(Sidecar(path=path, content=content) for path, content in found.items() if content is not None)


def _content(path: str) -> bytes | None:
    """Return the bytes of a small regular file; None if it is no such file. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST_BYTES:
            return None
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(LARGEST_BYTES)
    finally:
        os.close(descriptor)
