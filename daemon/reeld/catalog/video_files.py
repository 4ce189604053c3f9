"""Read and write the rows of video files: what a scan knows of them, and what it changes."""

import json
import os
from array import array
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from random import Random
from typing import Any

from peewee import chunked

from reeld.catalog import assignments, copies, history, media, queue
from reeld.catalog.folders import files_inside, is_inside
from reeld.catalog.models import Library, VideoFile
from reeld.database.base import Row
from reeld.database.fields import utc_from_ms
from reeld.database.statements import change, insert_row, rows, rows_in, update_row
from reeld.domain.files import Completeness, FileStamp
from reeld.domain.records import FileRecord, KnownFile, Relocation, evicted
from reeld.domain.states import DecidedBy, FileState

_KNOWN = """
    SELECT id, library_id, path, size_bytes, mtime_ns, ctime_ns, inode, device, links, state, decided_by, reason,
        fingerprint, COALESCE(missing_since, '')
    FROM video_files WHERE
"""

# Uses the index on (library_id, directory). No value is converted, so it is cheap for 200,000 rows.
_AS_SEEN = """
    SELECT filename, size_bytes, mtime_ns, ctime_ns, inode, device,
           decided_by IS 'rules' OR (decided_by IS 'reeld' AND folder_clues IS NOT ?) OR links IS NULL
    FROM video_files WHERE library_id = ? AND directory = ? AND state = 'present'
"""

_RECORDS = f"""
    SELECT video_files.id, libraries.path, libraries.kind, video_files.path,
           size_bytes, mtime_ns, ctime_ns, inode, device, links,
           duration_ms, codec_video IS NOT NULL, media_problem, container, fingerprint, file_hash, is_in_doubt,
           {assignments.IS_FINAL}, stages_done,
           IIF(links > 1, (SELECT link.file_hash FROM {media.KNOWN_LINK} LIMIT 1), NULL)
    FROM video_files JOIN libraries ON libraries.id = video_files.library_id
    WHERE video_files.id IN (SELECT value FROM json_each(?))
"""  # noqa: S608 - ours


# --- reading ---------------------------------------------------------------------------------------------


def file_record(video_file_id: int) -> FileRecord:
    return file_records([video_file_id])[video_file_id]


def file_records(video_file_ids: Collection[int]) -> dict[int, FileRecord]:
    """The records of these files, by id, in one query."""
    return {record.id: record for record in map(_record, rows(_RECORDS, json.dumps(list(video_file_ids))))}


def _record(row: tuple[Any, ...]) -> FileRecord:
    row_id, root, kind, path, size_bytes, mtime_ns, ctime_ns, inode, device, links, *known = row
    duration_ms, has_video, problem, container, fingerprint, file_hash, is_in_doubt, is_final, done, of_link = known
    return FileRecord(
        id=row_id,
        library_path=Library.path.python_value(root),
        library_kind=kind,
        path=VideoFile.path.python_value(path),
        stamp=_stamp(size_bytes, mtime_ns, ctime_ns, inode, device, links),
        hash_of_link=of_link,
        duration_ms=duration_ms,
        has_video=bool(has_video),
        media_problem=problem,
        container=container,
        fingerprint=fingerprint,
        file_hash=file_hash,
        is_in_doubt=bool(is_in_doubt),
        is_verdict_final=bool(is_final),
        stages_done=json.loads(done),
    )


def known_in_directory(library_id: int, directory: str) -> dict[str, KnownFile]:
    """The rows of files directly in this folder, by path, including missing ones."""
    here = _known("library_id = ? AND directory = ?", library_id, VideoFile.directory.db_value(directory))
    return {known.path: known for known in here}


def as_seen_in_directory(library_id: int, directory: str, folder_clues: int) -> list[tuple[Any, ...]]:
    """Name, size, mtime, ctime, inode, device of the folder's present files, and whether the full comparison is needed.

    It is for a file that a rule skips, for one whose verdict was made from other clues than the folder holds, and for
    one of an older schema, which did not count names. The
    values are as SQLite has them: a name that is no UTF-8, or an inode beyond its numbers, equals nothing that `stat`
    says.
    """
    return rows(_AS_SEEN, folder_clues, library_id, VideoFile.directory.db_value(directory))


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedFile:
    """A file about which reeld decided, and what it decided from."""

    id: int
    name: str
    clues: int | None
    """None: the verdict is older than the digests, or a clue could not be read."""
    identified_at: datetime | None
    is_pending: bool


def judged_otherwise(library_id: int, directory: str, folder_clues: int) -> list[JudgedFile]:
    """The folder's present files about which reeld decided, and whose folder is not known to be as it was then."""
    found = rows(
        "SELECT id, filename, clues, identified_at, verdict = 'pending' FROM video_files WHERE library_id = ? "
        "AND directory = ? AND state = 'present' AND decided_by = 'reeld' AND folder_clues IS NOT ?",
        library_id,
        VideoFile.directory.db_value(directory),
        folder_clues,
    )
    return [
        JudgedFile(
            id=row_id,
            name=VideoFile.filename.python_value(name),
            clues=clues,
            identified_at=VideoFile.identified_at.python_value(identified_at),
            is_pending=bool(is_pending),
        )
        for row_id, name, clues, identified_at, is_pending in found
    ]


def judged_by_size(library_id: int, directory: str, *, is_disc: bool) -> list[int]:
    """The ids of the folder's present files about which reeld decided by the sizes of the others.

    Those are all files of a disc, and elsewhere the samples.
    """
    found = rows(
        "SELECT id FROM video_files WHERE library_id = ? AND directory = ? AND state = 'present' "
        "AND decided_by = 'reeld' AND (? OR filename LIKE '%sample%')",
        library_id,
        VideoFile.directory.db_value(directory),
        is_disc,
    )
    return [row_id for (row_id,) in found]


def known_at(library_id: int, path: str) -> KnownFile | None:
    """The row of this path, present or missing."""
    return next(iter(_known("library_id = ? AND path = ?", library_id, VideoFile.path.db_value(path))), None)


def known_by_id(video_file_ids: Sequence[int]) -> dict[int, KnownFile]:
    return {known.id: known for known in _known_in("id", "", video_file_ids)}


def are_as_known(files: Collection[KnownFile]) -> bool:
    """Whether these rows still have the path, the stamp and the state with which they were read."""
    now = known_by_id([known.id for known in files])
    return all(
        (row := now.get(known.id)) is not None and _place_and_stamp(row) == _place_and_stamp(known) for known in files
    )


def _place_and_stamp(known: KnownFile) -> tuple[object, ...]:
    return (known.library_id, known.path, known.stamp, known.is_present)


def known_at_paths(library_id: int, paths: Sequence[str]) -> list[KnownFile]:
    """The rows of these paths, present or missing."""
    return _known_in("path", f"library_id = {library_id:d} AND", [VideoFile.path.db_value(path) for path in paths])


def known_with_stamps(stamps: Collection[FileStamp]) -> list[KnownFile]:
    """The rows of all libraries with the inode, size and mtime of one of these: such a file may have been moved."""
    wanted = {(stamp.inode, stamp.size_bytes, stamp.mtime_ns) for stamp in stamps}
    inodes = {inode for inode, _, _ in wanted if inode}
    found = _known_in("inode", "", [VideoFile.inode.db_value(inode) for inode in inodes])
    found += _known_in("size_bytes", "inode = 0 AND", [size for inode, size, _ in wanted if not inode])
    return [row for row in found if (row.stamp.inode, row.stamp.size_bytes, row.stamp.mtime_ns) in wanted]


def twins_among(files: Iterable[tuple[int, int]]) -> set[tuple[int, int]]:
    """Those of these sizes and mtimes that several known files without inode numbers have, missing ones included."""
    sizes = {size for size, _ in files}
    sql = "SELECT size_bytes, mtime_ns FROM video_files WHERE inode = 0 AND size_bytes"
    counted = Counter(rows_in(sql, sorted(sizes)))
    return {alike for alike, count in counted.items() if count > 1}


def links_of_before(stamps: Collection[FileStamp]) -> list[str]:
    """The absolute paths of other hard links of these files whose rows still have the stamp of before.

    Its ctime counts: a writer that puts the mtime back cannot forge it.
    """
    now = {(stamp.inode, stamp.device): stamp for stamp in stamps}
    known = present_links(stamps)
    roots = dict(Library.select(Library.id, Library.path).tuples())
    return [
        os.path.join(roots[each.library_id], each.path)
        for each in known
        if (stamp := now.get((each.stamp.inode, each.stamp.device))) and each.stamp != stamp
    ]


def present_links(stamps: Collection[FileStamp]) -> list[KnownFile]:
    """The present rows of all libraries with the inodes of these files."""
    return _known_in(
        "inode", "state = 'present' AND", [VideoFile.inode.db_value(stamp.inode) for stamp in stamps if stamp.inode]
    )


def present_with_sizes(sizes: Collection[int]) -> list[KnownFile]:
    """The present rows of all libraries without inode numbers whose files have one of these sizes."""
    return _known_in("size_bytes", "inode = 0 AND state = 'present' AND", list(set(sizes)))


def present_directories(library_id: int, below: str, *, after: str | None = None, most: int = -1) -> list[str]:
    """The folders at and below `below` with present files, in the catalogue's order; "" is the whole library.

    `after` is the last one that is known already, and `most` of those behind it are returned; -1 is all.
    """
    asked = _present_inside(library_id, below)
    if after is not None:
        asked &= VideoFile.directory > after
    query = VideoFile.select(VideoFile.directory).where(asked).distinct().order_by(VideoFile.directory).limit(most)
    sql, parameters = query.sql()
    return [VideoFile.directory.python_value(directory) for (directory,) in rows(sql, *parameters)]


def present_count(library_id: int) -> int:
    return int(VideoFile.select().where(_present_inside(library_id, "")).count())


def sample_of_present(
    library_id: int, below: str, *, without: Iterable[str], count: int, rng: Random
) -> list[KnownFile]:
    """Draw present files at and below a folder by chance, none from the folders `without`.

    Of a library that is not configured any more, draw the files that were present when it was.
    """
    states = (FileState.PRESENT, FileState.LIBRARY_REMOVED)
    inside = files_inside(library_id, below) & VideoFile.state.in_(states)
    for folder in without:
        inside &= ~is_inside(folder)
    ids = array("q", (row_id for (row_id,) in VideoFile.select(VideoFile.id).where(inside).tuples()))
    drawn = rng.sample(ids, min(count, len(ids)))
    return [known for row_id in drawn for known in _known("id = ?", row_id)]


def missing_count(video_file_ids: Sequence[int]) -> int:
    """Count those of these that are missing."""
    missing = VideoFile.state == FileState.MISSING
    return sum(VideoFile.select().where(VideoFile.id.in_(ids), missing).count() for ids in chunked(video_file_ids, 500))


def present_in_directory(library_id: int, directory: str) -> list[int]:
    here = (VideoFile.library == library_id) & (VideoFile.directory == directory)
    return [
        row_id
        for (row_id,) in VideoFile.select(VideoFile.id).where(here, VideoFile.state == FileState.PRESENT).tuples()
    ]


def read_by_reeld(library_id: int) -> list[int]:
    """The ids of present files that were identified, and about which neither the user nor a rule decided."""
    by_reeld = VideoFile.decided_by.is_null() | VideoFile.decided_by.not_in((DecidedBy.USER, DecidedBy.RULES))
    wanted = (
        (VideoFile.library == library_id) & (VideoFile.state == FileState.PRESENT) & VideoFile.verdict.is_null(False)
    )
    return [row_id for (row_id,) in VideoFile.select(VideoFile.id).where(wanted, by_reeld).tuples()]


# --- writing ---------------------------------------------------------------------------------------------


def record_settled(
    library_id: int, path: str, stamp: FileStamp, now_ms: int, completeness: Completeness | None = None
) -> int:
    """Write a file that is new, or has new content, and forget what was read from the old content. Returns its id."""
    values = stamp_columns(stamp) | media.forgotten() | {"state": FileState.PRESENT, "missing_since": None}
    values["completeness"] = None if completeness is None else asdict(completeness)
    known = known_at(library_id, path)
    if known is None:
        return _insert(library_id, path, values, now_ms)
    _record_change(known, stamp, now_ms)
    if known.is_skipped:
        values |= {"verdict": None, "decided_by": None, "reason": None}
    update_row(VideoFile, known.id, changed_at=utc_from_ms(now_ms), **values)
    if not known.is_present:
        assignments.count_again([known.id], now_ms)
    return known.id


def record_skipped(library_id: int, path: str, stamp: FileStamp, reason: str, now_ms: int) -> None:
    """Write a video that the library's rules skip. The user's decision about it stays."""
    values = stamp_columns(stamp) | {"state": FileState.PRESENT, "missing_since": None}
    known = known_at(library_id, path)
    row_id = _insert(library_id, path, values, now_ms) if known is None else known.id
    if known is not None:
        _record_change(known, stamp, now_ms)
        if not known.stamp.has_same_content_as(stamp):
            values |= media.forgotten()
    queue.drop([row_id])
    update_row(VideoFile, row_id, **values)
    assignments.ignore_by_rules([row_id], reason, now_ms)


def record_seen(known: KnownFile, stamp: FileStamp, now_ms: int) -> None:
    """Write that a file is at its path with the size and mtime of before, perhaps back again. Nothing is forgotten.

    A changed ctime says that the file was touched, not how: a permission, or its bytes by a program that put the mtime
    back. So its hashes are in doubt until it is read again, also under its other names. A hard link that came or went
    explains it, unless another name of the file is in doubt.
    """
    _record_change(known, stamp, now_ms)
    is_doubtful = known.stamp.ctime_ns != stamp.ctime_ns and not (
        stamp.has_got_or_lost_a_name(known.stamp) and not media.is_link_in_doubt(known.id)
    )
    doubt = {"is_in_doubt": True} if is_doubtful else {}
    update_row(VideoFile, known.id, state=FileState.PRESENT, missing_since=None, **stamp_columns(stamp), **doubt)
    if is_doubtful:
        media.doubt_links(known.id)
    if not known.is_present:
        assignments.count_again([known.id], now_ms)


def record_compared(files: Mapping[int, tuple[int | None, int]], folder_clues: int) -> None:
    """Write that these files were compared with what their folder holds, and that their verdicts stand.

    `files` are the digests before and now, by id. A file that has another verdict by now is left alone.
    """
    for row_id, (before, now) in files.items():
        change(
            "UPDATE video_files SET clues = ?, folder_clues = ? WHERE id = ? AND clues IS ?",
            now,
            folder_clues,
            row_id,
            before,
        )


def record_links(links: Mapping[int, int]) -> None:
    """Write how many names these unchanged files have, by id, where an older schema did not count them."""
    for row_id, count in links.items():
        change("UPDATE video_files SET links = ? WHERE id = ? AND links IS NULL", count, row_id)


def forget_inodes(library_id: int, below: str, *, without: Iterable[str], device: int) -> None:
    """Write that inode numbers prove nothing on this mount, at and below a folder, which is on that device."""
    here = files_inside(library_id, below)
    for folder in without:
        here &= ~is_inside(folder)
    is_otherwise = (VideoFile.inode != 0) | (VideoFile.device != device)
    VideoFile.update(inode=0, device=device).where(here, is_otherwise).execute()


def shift_times(library_id: int, below: str, *, without: Iterable[str], shift_ns: int) -> None:
    """Write that the times of all files on this mount, at and below a folder, are told later by so much now."""
    here = files_inside(library_id, below)
    for folder in without:
        here &= ~is_inside(folder)
    later = {"mtime_ns": VideoFile.mtime_ns + shift_ns, "ctime_ns": VideoFile.ctime_ns + shift_ns}
    VideoFile.update(**later).where(here).execute()


def record_missing(video_file_ids: Sequence[int], library_id: int, directory: str, now_ms: int) -> None:
    """Mark these files of a folder missing. Their rows and decisions stay.

    A file that has another path by now (another library's thread saw it there) is left alone.
    """
    here = (VideoFile.library == library_id) & (VideoFile.directory == directory)
    evidence = ("two scans of its folder did not find it, in a library that can be read",)
    for ids in chunked(video_file_ids, 500):
        found = VideoFile.select(VideoFile.id, VideoFile.path, VideoFile.state).where(VideoFile.id.in_(ids), here)
        gone = list(found.tuples())
        queue.drop([row_id for row_id, *_ in gone])
        were_present = {row_id: (library_id, path) for row_id, path, state in gone if state == FileState.PRESENT}
        mark_missing(were_present, evidence, now_ms)


def mark_missing(gone: Mapping[int, tuple[int, str]], evidence: Sequence[str], now_ms: int) -> None:
    """Mark files missing, by id, that certainly left their library and path. They have no job.

    Their content may have been seen at another path before, see `copies.py`. All are marked before the copies are
    matched, since none of them is a copy that is still there.
    """
    for row_id, (library_id, path) in gone.items():
        update_row(VideoFile, row_id, state=FileState.MISSING, missing_since=utc_from_ms(now_ms))
        history.record(row_id, "missing", library_id=library_id, path=path, evidence=evidence, now_ms=now_ms)
    assignments.count_again(list(gone), now_ms)
    for row_id in gone:
        copies.ask_copies(row_id, now_ms)


def record_left_behind(video_file_ids: Sequence[int], now_ms: int) -> None:
    """Mark these files of removed libraries missing, since they certainly left their places.

    One that has another state by now is left alone: its library is configured again, or its file was seen elsewhere.
    """
    left = VideoFile.select(VideoFile.id, VideoFile.library_id, VideoFile.path).where(
        VideoFile.id.in_(video_file_ids), VideoFile.state == FileState.LIBRARY_REMOVED
    )
    gone = {row_id: (library_id, path) for row_id, library_id, path in left.tuples()}
    evidence = ("its library is not configured any more, but its disk is there, and the old path was gone",)
    mark_missing(gone, evidence, now_ms)


def record_all_skipped(video_file_ids: Sequence[int], reason: str, now_ms: int) -> None:
    """Write that the rules skip these files now. The user's decisions about them stay."""
    for ids in chunked(video_file_ids, 500):
        queue.drop(ids)
    assignments.ignore_by_rules(video_file_ids, reason, now_ms)


def needing_work(video_file_ids: Sequence[int], *, with_full_hash: bool) -> set[int]:
    """The ids of files with content that was never read, or must be read again.

    Such a file went missing before its stages were done, or its hashes are in doubt: then it is read in full, because
    its ends may differ, too. One whose job is at a reading stage counts as well.
    """
    unread = "fingerprint IS NULL OR verdict IS NULL OR is_in_doubt"
    if with_full_hash:
        unread += " OR file_hash IS NULL"
    found = rows_in(f"SELECT id FROM video_files WHERE ({unread}) AND id", video_file_ids)  # noqa: S608
    stages = ", ".join(f"'{stage}'" for stage in queue.NOT_READING_STAGES)
    reading = f"(stage NOT IN ({stages}) OR resumes IS NOT NULL) AND NOT is_backfill"
    awaited = rows_in(f"SELECT video_file_id FROM jobs WHERE {reading} AND video_file_id", video_file_ids)  # noqa: S608
    return {row_id for (row_id,) in (*found, *awaited)}


def _record_change(known: KnownFile, stamp: FileStamp, now_ms: int) -> None:
    """Write into its history what a file's new stamp means; nothing if it is present with the same content."""
    before = known.stamp
    evidence = ["it was missing, and there is a file at its path again"] if not known.is_present else []
    event: history.Event = "returned"
    has_inodes = bool(before.inode and stamp.inode)
    if before.has_other_inode(stamp):
        event = "replaced"
        evidence.append(f"its path has the inode {stamp.inode} instead of {before.inode}")
    elif not before.has_same_content_as(stamp) and has_inodes:
        event = "changed"
        evidence.append(f"the inode {stamp.inode} is the same, its size or its mtime is not")
    elif not before.has_same_content_as(stamp):
        # A rewrite or another file: without inode numbers they look alike.
        event = "replaced"
        evidence.append("its size or its mtime is another one")
    elif not known.is_present:
        alike = f"the inode {stamp.inode}, the size" if has_inodes else "the size"
        evidence.append(f"{alike} and the mtime are the same as before")
    if not evidence:
        return
    # The number of an inode may go to the next file when its file is gone.
    is_another = event == "replaced" or not known.is_present
    is_forgotten = is_another and not before.has_same_content_as(stamp)
    history.record(
        known.id,
        event,
        library_id=known.library_id,
        path=known.path,
        evidence=evidence,
        now_ms=now_ms,
        content_before=media.of_row(known.id) if is_forgotten else None,
    )


def _insert(library_id: int, path: str, values: Row, now_ms: int) -> int:
    now = utc_from_ms(now_ms)
    place = place_columns(library_id, path)
    return insert_row(VideoFile, first_seen_at=now, changed_at=now, **place, **values)


def place_columns(library_id: int, path: str) -> Row:
    directory, filename = os.path.split(path)
    return {"library": library_id, "path": path, "directory": directory, "filename": filename}


def _present_inside(library_id: int, folder: str) -> Any:
    return files_inside(library_id, folder) & (VideoFile.state == FileState.PRESENT)


def stamp_columns(stamp: FileStamp) -> Row:
    return {
        "size_bytes": stamp.size_bytes,
        "mtime_ns": stamp.mtime_ns,
        "ctime_ns": stamp.ctime_ns,
        "inode": stamp.inode,
        "device": stamp.device,
        "links": stamp.links,
    }


def _stamp(size_bytes: int, mtime_ns: int, ctime_ns: int, inode: int, device: int, links: int | None) -> FileStamp:
    return FileStamp(
        size_bytes=size_bytes,
        mtime_ns=mtime_ns,
        ctime_ns=ctime_ns,
        inode=VideoFile.inode.python_value(inode),
        device=VideoFile.device.python_value(device),
        links=links,
    )


def _known_in(column: str, also: str, values: Sequence[object]) -> list[KnownFile]:
    """The rows with one of these values in the column; `also` is a condition, followed by AND."""
    return [_known_file(row) for row in rows_in(f"{_KNOWN} {also} {column}", values)]


def _known(condition: str, *parameters: object) -> list[KnownFile]:
    return [_known_file(row) for row in rows(_KNOWN + condition, *parameters)]


def _known_file(row: tuple[Any, ...]) -> KnownFile:
    row_id, library_id, path, *stamp, state, decided_by, reason, fingerprint, missing_since = row
    return KnownFile(
        id=row_id,
        library_id=library_id,
        path=VideoFile.path.python_value(path),
        stamp=_stamp(*stamp),
        is_present=state != FileState.MISSING,
        is_skipped=decided_by == DecidedBy.RULES,
        is_decided_by_user=decided_by == DecidedBy.USER,
        reason=reason,
        fingerprint=fingerprint,
        missing_since=missing_since,
    )


def relocate(relocations: Sequence[Relocation], evicted_files: Collection[KnownFile], now_ms: int) -> bool:
    """Give these rows their new paths. False, and nothing was written, if a row changed since the moves were decided.

    `evicted_files` are the rows at those paths that do not move: other content occupies their paths, so they are
    missing and keep their decisions.
    """
    movers = {each.known.id: each.known for each in relocations}
    expected = movers | {known.id: known for known in evicted_files}
    if known_by_id(list(expected)) != expected:
        return False  # another library's thread or a worker was faster, or the user decided
    occupants = _occupants(relocations)
    if any(row.id not in expected for row in occupants):
        return False
    for row in occupants:
        update_row(VideoFile, row.id, path=evicted(row.path, row.id))
    back = rows_in("SELECT id FROM video_files WHERE state <> 'present' AND id", list(movers))
    for each in relocations:
        place, stamp = place_columns(each.library_id, each.path), stamp_columns(each.stamp)
        update_row(VideoFile, each.known.id, state=FileState.PRESENT, missing_since=None, **place, **stamp)
        if each.is_doubtful:
            media.compare_ends_again(each.known.id)
        _record_move(each, now_ms)
    queue.drop([row.id for row in occupants if row.id not in movers])
    gone = {row.id: (row.library_id, row.path) for row in occupants if row.id not in movers and row.is_present}
    mark_missing(gone, ("another known file occupies its path",), now_ms)
    assignments.count_again([row_id for (row_id,) in back], now_ms)
    return True


def evict_decided(video_file_id: int, library_id: int, path: str, now_ms: int) -> None:
    """Free this path of the file that the user decided about, for the other file that is there now.

    The known one is missing and keeps the decision: it exists at a name that is not listed.
    """
    known = known_at(library_id, path)
    if known is None or known.id != video_file_id or not known.is_decided_by_user:
        return
    update_row(VideoFile, known.id, path=evicted(path, known.id))
    queue.drop([known.id])
    if known.is_present:
        mark_missing({known.id: (library_id, path)}, ("it exists at a name that reeld does not list",), now_ms)


def _occupants(relocations: Sequence[Relocation]) -> list[KnownFile]:
    by_library: dict[int, list[str]] = defaultdict(list)
    for each in relocations:
        by_library[each.library_id].append(each.path)
    return [row for library, paths in by_library.items() for row in known_at_paths(library, paths)]


def _record_move(moved: Relocation, now_ms: int) -> None:
    known = moved.known
    evidence = (
        f"the same inode {moved.stamp.inode}, device, size and mtime"
        if moved.stamp.inode
        else f"the same fingerprint {known.fingerprint}, device, size and mtime",
        _why_not_at_the_old_path(moved),
    )
    history.record(
        known.id,
        "moved",
        library_id=moved.library_id,
        path=moved.path,
        before=(known.library_id, known.path),
        evidence=evidence,
        now_ms=now_ms,
    )


def _why_not_at_the_old_path(moved: Relocation) -> str:
    if not moved.known.is_present:
        return "it was missing: not at the old path when that could be read"
    if moved.stamp == moved.known.stamp:
        return (
            "its ctime is the same as well: a folder above it was renamed, or the library that it was in is not "
            "configured any more"
        )
    return "the old path does not show this file any more, in a library that can be read or is not configured any more"
