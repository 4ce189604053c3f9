"""Which video files do we know, and how does what a walk saw change that?"""

import os
from collections.abc import Sequence

from peewee import Value, chunked

from reeld.catalog import filing, queue
from reeld.catalog.clock import utc_from_ms
from reeld.catalog.models import JobRow, Library, Row, VideoFile
from reeld.catalog.statements import rows, update_row
from reeld.domain.files import FileStamp
from reeld.domain.records import FileRecord, KnownFile

_KNOWN = """
    SELECT id, library_id, path, size_bytes, mtime_ns, ctime_ns, inode, device, state, decided_by, reason
    FROM video_files WHERE
"""

_RECORD = """
    SELECT libraries.path, libraries.kind, video_files.path, size_bytes, mtime_ns, ctime_ns, inode, device,
           duration_ms, codec_video, media_problem
    FROM video_files JOIN libraries ON libraries.id = video_files.library_id
    WHERE video_files.id = ?
"""

# What was read from bytes that are not there any more. What was decided about the file stays until it is
# identified again.
_CONTENT_FORGOTTEN: Row = {
    "fingerprint": None,
    "oshash": None,
    "file_hash": None,
    "container": None,
    "duration_ms": None,
    "resolution_width": None,
    "resolution_height": None,
    "codec_video": None,
    "codec_audio": None,
    "hdr": None,
    "languages": [],
    "subtitle_languages": [],
    "media_problem": None,
}


# --- looking ---------------------------------------------------------------------------------------------


def file_record(video_file_id: int) -> FileRecord:
    ((root, kind, path, size, mtime, ctime, inode, device, duration_ms, codec_video, problem),) = rows(
        _RECORD, video_file_id
    )
    return FileRecord(
        id=video_file_id,
        library_path=Library.path.python_value(root),
        library_kind=kind,
        path=VideoFile.path.python_value(path),
        stamp=_stamp(size, mtime, ctime, inode, device),
        duration_ms=duration_ms,
        has_video=codec_video is not None,
        media_problem=problem,
    )


def known_in_directory(library_id: int, directory: str) -> dict[str, KnownFile]:
    """The files directly in this folder by their path, those that are missing included."""
    here = _known("library_id = ? AND directory = ?", library_id, VideoFile.directory.db_value(directory))
    return {known.path: known for known in here}


def known_at(library_id: int, path: str) -> KnownFile | None:
    """The file that we know under this path, present or missing."""
    return next(iter(_known("library_id = ? AND path = ?", library_id, VideoFile.path.db_value(path))), None)


def known_with_stamp(stamp: FileStamp) -> list[KnownFile]:
    """Files that had this inode, size and time when last seen, wherever: one may have been moved."""
    inode = VideoFile.inode.db_value(stamp.inode)
    return _known("inode = ? AND size_bytes = ? AND mtime_ns = ?", inode, stamp.size_bytes, stamp.mtime_ns)


def present_directories(library_id: int, below: str) -> list[str]:
    """The folders at and below `below` that hold files which we believe present; "" is the whole library."""
    inside = (VideoFile.library == library_id) & (VideoFile.state == "present")
    if below:
        # From "a/" to "a0" is all that begins with "a/"; once among the names that are text and once among
        # those that are raw bytes: SQLite sorts every BLOB behind every text.
        field, raw = VideoFile.directory, os.fsencode(below)
        as_text = (field >= f"{below}/") & (field < f"{below}0")
        as_bytes = (field >= Value(raw + b"/", converter=False)) & (field < Value(raw + b"0", converter=False))
        inside &= (field == below) | as_text | as_bytes
    return [directory for (directory,) in VideoFile.select(VideoFile.directory).where(inside).distinct().tuples()]


def sample_of_present(library_id: int, count: int) -> list[KnownFile]:
    """Some files of the library that we believe present, spread over it: the newest and the oldest rows."""
    of_library = "library_id = ? AND state = 'present' ORDER BY id"
    oldest = _known(f"{of_library} LIMIT ?", library_id, count // 2)
    return oldest + _known(f"{of_library} DESC LIMIT ?", library_id, count - count // 2)


def present_in_directory(library_id: int, directory: str) -> list[int]:
    here = (VideoFile.library == library_id) & (VideoFile.directory == directory)
    return [row_id for (row_id,) in VideoFile.select(VideoFile.id).where(here, VideoFile.state == "present").tuples()]


def without_full_hash() -> list[int]:
    """Files that went through all other stages, yet were never hashed as a whole."""
    done = VideoFile.id.not_in(JobRow.select(JobRow.video_file))
    looked_at = VideoFile.fingerprint.is_null(False) & VideoFile.verdict.is_null(False)
    unhashed = (VideoFile.state == "present") & VideoFile.file_hash.is_null()
    configured = VideoFile.library.in_(Library.select(Library.id).where(Library.state != "removed"))
    wanted = VideoFile.select(VideoFile.id).where(unhashed, looked_at, done, configured)
    return [row_id for (row_id,) in wanted.tuples()]


# --- recording -------------------------------------------------------------------------------------------


def record_settled(library_id: int, path: str, stamp: FileStamp, now_ms: int) -> int:
    """A file that is new, or whose content is; its id. What was read from the old content is forgotten."""
    values = _stamp_columns(stamp) | _CONTENT_FORGOTTEN | {"state": "present", "missing_since": None}
    known = known_at(library_id, path)
    if known is None:
        return _insert(library_id, path, values, now_ms)
    if known.is_skipped:
        values |= {"verdict": None, "decided_by": None, "reason": None}
    update_row(VideoFile, known.id, changed_at=utc_from_ms(now_ms), **values)
    return known.id


def record_skipped(library_id: int, path: str, stamp: FileStamp, reason: str, now_ms: int) -> None:
    """A video that the library's rules leave alone. A person's decision about it stands."""
    values = _stamp_columns(stamp) | {"state": "present", "missing_since": None}
    known = known_at(library_id, path)
    row_id = _insert(library_id, path, values, now_ms) if known is None else known.id
    if known is not None and not known.stamp.has_same_content_as(stamp):
        values |= _CONTENT_FORGOTTEN
    queue.drop([row_id])
    update_row(VideoFile, row_id, **values)
    filing.ignore_by_rules([row_id], reason, now_ms)


def record_seen(known: KnownFile, library_id: int, path: str, stamp: FileStamp) -> None:
    """The same content as before, perhaps back again, perhaps under another name. Nothing is read anew."""
    values = _place_columns(library_id, path) | _stamp_columns(stamp)
    update_row(VideoFile, known.id, state="present", missing_since=None, **values)


def record_missing(video_file_ids: Sequence[int], library_id: int, directory: str, now_ms: int) -> None:
    """These are not in this folder any more. Their rows, and what was decided about them, stay.

    One that has another place by now (another library's thread saw it there) is left alone.
    """
    here = (VideoFile.library == library_id) & (VideoFile.directory == directory)
    for ids in chunked(video_file_ids, 500):
        gone = [row_id for (row_id,) in VideoFile.select(VideoFile.id).where(VideoFile.id.in_(ids), here).tuples()]
        queue.drop(gone)
        VideoFile.update(state="missing", missing_since=utc_from_ms(now_ms)).where(
            VideoFile.id.in_(gone), VideoFile.state == "present"
        ).execute()


def record_all_skipped(video_file_ids: Sequence[int], reason: str, now_ms: int) -> None:
    """These lie in a folder that the rules leave alone now."""
    for ids in chunked(video_file_ids, 500):
        queue.drop(ids)
    filing.ignore_by_rules(video_file_ids, reason, now_ms)


def needs_work(video_file_id: int, *, with_full_hash: bool) -> bool:
    """Whether something about the file was never read: it went missing before its stages were done."""
    unread = VideoFile.fingerprint.is_null() | VideoFile.verdict.is_null()
    if with_full_hash:
        unread |= VideoFile.file_hash.is_null()
    return bool(VideoFile.select().where(VideoFile.id == video_file_id, unread).exists())


def _insert(library_id: int, path: str, values: Row, now_ms: int) -> int:
    now = utc_from_ms(now_ms)
    place = _place_columns(library_id, path)
    return int(VideoFile.insert(first_seen_at=now, changed_at=now, **place, **values).execute())


def _place_columns(library_id: int, path: str) -> Row:
    directory, filename = os.path.split(path)
    return {"library": library_id, "path": path, "directory": directory, "filename": filename}


def _stamp_columns(stamp: FileStamp) -> Row:
    return {
        "size_bytes": stamp.size_bytes,
        "mtime_ns": stamp.mtime_ns,
        "ctime_ns": stamp.ctime_ns,
        "inode": stamp.inode,
        "device": stamp.device,
    }


def _stamp(size_bytes: int, mtime_ns: int, ctime_ns: int, inode: int, device: int) -> FileStamp:
    return FileStamp(
        size_bytes=size_bytes,
        mtime_ns=mtime_ns,
        ctime_ns=ctime_ns,
        inode=VideoFile.inode.python_value(inode),
        device=VideoFile.device.python_value(device),
    )


def _known(condition: str, *parameters: object) -> list[KnownFile]:
    return [
        KnownFile(
            id=row_id,
            library_id=library_id,
            path=VideoFile.path.python_value(path),
            stamp=_stamp(size, mtime, ctime, inode, device),
            is_present=state == "present",
            is_skipped=decided_by == "rules",
            is_decided_by_person=decided_by == "person",
            reason=reason,
        )
        for row_id, library_id, path, size, mtime, ctime, inode, device, state, decided_by, reason in rows(
            _KNOWN + condition, *parameters
        )
    ]
