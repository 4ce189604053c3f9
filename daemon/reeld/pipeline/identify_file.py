"""Identify a file: collect its name, folders, siblings and .nfo files, and have them read by a child process."""

import contextlib
import errno
import os
import time
from collections.abc import Iterable, Iterator
from functools import lru_cache

from reeld.domain.identity import Accepted, ClueDigests, Clues, Ignored, Judged, Sidecar, Uncertain, Verdict
from reeld.domain.records import FileRecord
from reeld.errors import ClueUnreadable, FileUnreadable, FileVanished, MachineExhausted
from reeld.identify.batch import identify_all
from reeld.identify.nfo import LARGEST_BYTES, is_nfo
from reeld.log import get_logger
from reeld.pipeline.context import StageContext
from reeld.pipeline.surroundings import FolderFiles, Mark, mark_of, nfos_about, nfos_above

log = get_logger()

# These prove that there is no such file: no file has a name that is too long, and a link or a socket is no file.
_NO_FILE = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.ENXIO)
_DENIED = (errno.EACCES, errno.EPERM)

# A file that came within a tick of the kernel's clock after the listing leaves the folder's times as they are.
YOUNG_NS = 3_000_000_000

_Unread = dict[str, OSError]
"""Evidence that cannot be read: the error, by path."""


def identify_file(record: FileRecord, tools: StageContext) -> Judged:
    """Return the verdict about a file from its name, folders, siblings, .nfo files and content.

    Raises ClueUnreadable if one of those cannot be read for now, which may pass by itself.
    """
    unread: _Unread = {}
    clues, digests = gather_clues(record, unread)
    _require_there(record.absolute_path)
    (by_name,) = identify_all([clues], tools.ask_identifier)
    verdict = _with_regard_to_unread(with_regard_to_content(by_name, record), unread)
    _tell(verdict)
    return Judged(verdict=verdict, digests=None if unread else digests)


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
    return f"{FileUnreadable(path, err).with_hint}{', or remove it' if is_nfo(path) else ''}"


def _tell(verdict: Verdict) -> None:
    match verdict:
        case Accepted(reading=reading):
            log.info("verdict.accepted", kind=reading.kind, title=reading.title, year=reading.year)
        case Uncertain(reason=reason):
            log.info("verdict.uncertain", reason=reason)
        case Ignored(reason=reason):
            log.info("verdict.ignored", reason=reason)


def gather_clues(record: FileRecord, unread: dict[str, OSError]) -> tuple[Clues, ClueDigests]:
    """Read what lies beside and above a file. What cannot be read is added to `unread`, by path."""
    directory, name = os.path.split(record.absolute_path)
    inside = os.path.dirname(record.path)
    files = FolderFiles(inside, (), {}, _no_size)
    sizes: dict[str, int] = {}
    with _noting(directory, unread):
        files, sizes = _files_in(directory, inside)
    siblings = [other for other in files.near(name) if other != name]
    contents, marks = _read_nfos(record, nfos_about(record.path, files.names), unread)
    clues = Clues(
        path=record.path,
        library_kind=record.library_kind,
        siblings=tuple(siblings),
        size_bytes=record.stamp.size_bytes,
        sibling_sizes=tuple(sizes[other] for other in siblings),
        sidecars=tuple(Sidecar(path=path, content=content) for path, content in contents.items()),
        duration_ms=record.duration_ms,
    )
    above = {path: marks.get(path) for path in nfos_above(inside)}
    kind = record.library_kind
    return clues, ClueDigests(file=files.digest_of(name, kind, marks), folder=files.digest(kind, above))


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


# --- the files beside it -----------------------------------------------------------------------------------


def _files_in(directory: str, inside: str) -> tuple[FolderFiles, dict[str, int]]:
    """Return the regular files there, and their sizes by name. Raises OSError."""
    status = os.stat(directory)
    if time.time_ns() - status.st_ctime_ns > YOUNG_NS:
        found = _listed(directory, inside, status.st_mtime_ns, status.st_ctime_ns)
        if not found[0].are_sizes_evidence:  # a file that grows leaves the folder's times as they are
            return found
    return _list(directory, inside)


@lru_cache(maxsize=8)
def _listed(directory: str, inside: str, _mtime_ns: int, _ctime_ns: int) -> tuple[FolderFiles, dict[str, int]]:
    # A season's files come one after the other, so list their folder once while it does not change.
    return _list(directory, inside)


def _list(directory: str, inside: str) -> tuple[FolderFiles, dict[str, int]]:
    sizes: dict[str, int] = {}
    nfos: dict[str, Mark] = {}
    with os.scandir(directory) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):  # skip a file that disappears meanwhile
                if entry.is_file(follow_symlinks=False):
                    status = entry.stat(follow_symlinks=False)
                    sizes[entry.name] = status.st_size
                    if is_nfo(entry.name) and (mark := mark_of(status)):
                        nfos[entry.name] = mark
    return FolderFiles(inside, sizes, nfos, sizes.get), sizes


def _no_size(_name: str) -> None:
    return None


# --- .nfo files ------------------------------------------------------------------------------------------


def _read_nfos(
    record: FileRecord, paths: Iterable[str], unread: _Unread
) -> tuple[dict[str, bytes], dict[str, Mark | None]]:
    """Return the contents and the marks of those that there are, by path."""
    contents: dict[str, bytes] = {}
    marks: dict[str, Mark | None] = {}
    for path in paths:
        absolute = os.path.join(record.library_path, path)
        with _noting(absolute, unread):
            content, marks[path] = _content(absolute)
            if content is not None:
                contents[path] = content
    return contents, marks


def _content(path: str) -> tuple[bytes | None, Mark | None]:
    """Return the bytes, up to one more than are read, and the mark of a regular file. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        mark = mark_of(os.fstat(descriptor))
        if mark is None:
            return None, mark
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(LARGEST_BYTES + 1), mark
    finally:
        os.close(descriptor)
