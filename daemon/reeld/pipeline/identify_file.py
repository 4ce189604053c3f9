"""Identify files: collect the name, folders, siblings and .nfo files of each, and have them read by a child process."""

import contextlib
import errno
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from reeld.domain.identity import (
    Accepted,
    ClueDigests,
    Clues,
    ClueTimes,
    Ignored,
    Judged,
    Mark,
    Sidecar,
    Uncertain,
    Verdict,
)
from reeld.domain.records import FileRecord
from reeld.errors import ClueUnreadable, FileUnreadable, FileVanished, MachineExhausted
from reeld.identify.batch import identify_all
from reeld.identify.nfo import LARGEST_BYTES, is_nfo
from reeld.log import get_logger
from reeld.pipeline.context import StageContext
from reeld.pipeline.surroundings import FolderFiles, mark_of, nfos_about, nfos_above

log = get_logger()

# These prove that there is no such file: no file has a name that is too long, and a link or a socket is no file.
_NO_FILE = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.ENXIO)
_DENIED = (errno.EACCES, errno.EPERM)

# A file that came within a tick of the kernel's clock after the listing leaves the folder's times as they are.
YOUNG_NS = 3_000_000_000

_Unread = dict[str, OSError]
"""Evidence that cannot be read: the error, by path."""


def identify_file(record: FileRecord, _tools: StageContext) -> "NameQuestion":
    """Collect what a name reader needs to tell what a file is: its name, folders, siblings and .nfo files."""
    unread: _Unread = {}
    found = _gather(record, unread)
    _require_there(record.absolute_path)
    return NameQuestion(record=record, found=found, unread=unread)


def judge_names(questions: Sequence["NameQuestion"], tools: StageContext) -> list[Judged | Exception]:
    """Return the verdict about each file from its clues and its content, or its error. A child reads all names at once.

    The error is ClueUnreadable if evidence cannot be read for now, which may pass by itself.
    """
    by_name = identify_all([question.found.clues for question in questions], tools.ask_identifier)
    return [_judged(question, verdict) for question, verdict in zip(questions, by_name, strict=True)]


def _judged(question: "NameQuestion", by_name: Verdict) -> Judged | Exception:
    record, found, unread = question.record, question.found, question.unread
    try:
        verdict = _with_regard_to_unread(with_regard_to_content(by_name, record), unread)
    except ClueUnreadable as err:
        return err
    _tell(record.path, verdict)
    return Judged(verdict=verdict, digests=None if unread else found.digests, times=None if unread else found.times)


def have_clues_changed(record: FileRecord, judged: Judged) -> bool:
    """Tell whether what the verdict was made from has changed since. Clues that could not be read count as the same."""
    if judged.digests is None or (judged.times is not None and _are_as_before(record, judged.times)):
        return False
    try:
        return gather_clues(record, {})[1] != judged.digests
    except MachineExhausted:
        return True


def _are_as_before(record: FileRecord, times: ClueTimes) -> bool:
    """Tell whether these times certainly are as before."""
    try:
        status = os.stat(os.path.dirname(record.absolute_path))
        if (status.st_mtime_ns, status.st_ctime_ns) != times.folder:
            return False
        return all(_mark_at(os.path.join(record.library_path, path)) == mark for path, mark in times.nfos.items())
    except OSError:
        return False


def _mark_at(path: str) -> Mark | None:
    try:
        return mark_of(os.lstat(path))
    except FileNotFoundError:
        return None


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


def _tell(path: str, verdict: Verdict) -> None:
    match verdict:
        case Accepted(reading=reading):
            log.info("verdict.accepted", path=path, kind=reading.kind, title=reading.title, year=reading.year)
        case Uncertain(reason=reason):
            log.info("verdict.uncertain", path=path, reason=reason)
        case Ignored(reason=reason):
            log.info("verdict.ignored", path=path, reason=reason)


def gather_clues(record: FileRecord, unread: dict[str, OSError]) -> tuple[Clues, ClueDigests]:
    """Read what lies beside and above a file. What cannot be read is added to `unread`, by path."""
    found = _gather(record, unread)
    return found.clues, found.digests


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gathered:
    clues: Clues
    digests: ClueDigests
    times: ClueTimes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NameQuestion:
    """What lies around a file, which a name reader is asked about."""

    record: FileRecord
    found: _Gathered
    unread: _Unread


def _gather(record: FileRecord, unread: _Unread) -> _Gathered:
    directory, name = os.path.split(record.absolute_path)
    inside = os.path.dirname(record.path)
    try:
        beside = _files_beside(directory, inside)
    except OSError as err:
        _note(err, directory, unread)
        beside = _Beside(files=FolderFiles(inside, (), {}, _no_size), sizes={}, may_have_nfo=True)
    files, sizes = beside.files, beside.sizes
    siblings = [other for other in files.near(name) if other != name]
    above = nfos_above(inside)
    # Each is opened by its path, since a file system may take HEAT.nfo for Heat.nfo.
    about = nfos_about(record.path, files.names) if beside.may_have_nfo else above
    contents, marks = _read_nfos(record, about, unread)
    clues = Clues(
        path=record.path,
        library_kind=record.library_kind,
        siblings=tuple(siblings),
        size_bytes=record.stamp.size_bytes,
        sibling_sizes=tuple(sizes[other] for other in siblings),
        sidecars=tuple(Sidecar(path=path, content=content) for path, content in contents.items()),
        duration_ms=record.duration_ms,
    )
    kind = record.library_kind
    of_above = {path: marks.get(path) for path in above}
    return _Gathered(
        clues=clues,
        digests=ClueDigests(file=files.digest_of(name, kind, marks), folder=files.digest(kind, of_above)),
        times=beside.times and ClueTimes(folder=beside.times, nfos={path: marks.get(path) for path in about}),
    )


def _note(err: OSError, path: str, unread: _Unread) -> None:
    """Note an error, unless it says that there is nothing to read."""
    if err.errno in MachineExhausted.ERRNOS:
        raise MachineExhausted(err) from err
    if err.errno not in _NO_FILE:
        unread[path] = err


# --- the files beside it -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Beside:
    """The regular files of a folder."""

    files: FolderFiles
    sizes: dict[str, int]
    """By name."""
    may_have_nfo: bool
    times: tuple[int, int] | None = None
    """The folder's mtime and ctime if they will show each change of this; else None."""


def _files_beside(directory: str, inside: str) -> _Beside:
    """List the regular files there. Raises OSError."""
    status = os.stat(directory)
    if time.time_ns() - status.st_ctime_ns > YOUNG_NS:
        found = _listed(directory, inside, status.st_mtime_ns, status.st_ctime_ns)
        if not found.files.are_sizes_evidence:  # a file that grows leaves the folder's times as they are
            return found
    return _list(directory, inside, None)


@lru_cache(maxsize=8)
def _listed(directory: str, inside: str, mtime_ns: int, ctime_ns: int) -> _Beside:
    # A season's files come one after the other, so list their folder once while it does not change.
    return _list(directory, inside, (mtime_ns, ctime_ns))


def _list(directory: str, inside: str, times: tuple[int, int] | None) -> _Beside:
    sizes: dict[str, int] = {}
    nfos: dict[str, Mark] = {}
    may_have_nfo = False
    with os.scandir(directory) as entries:
        for entry in entries:
            has_nfo_name = is_nfo(entry.name)
            may_have_nfo = may_have_nfo or has_nfo_name
            with contextlib.suppress(OSError):  # skip a file that disappears meanwhile
                if entry.is_file(follow_symlinks=False):
                    status = entry.stat(follow_symlinks=False)
                    sizes[entry.name] = status.st_size
                    if has_nfo_name and (mark := mark_of(status)):
                        nfos[entry.name] = mark
    return _Beside(
        files=FolderFiles(inside, sizes, nfos, sizes.get), sizes=sizes, may_have_nfo=may_have_nfo, times=times
    )


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
        try:
            content, marks[path] = _content(absolute)
        except OSError as err:
            _note(err, absolute, unread)
            continue
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
