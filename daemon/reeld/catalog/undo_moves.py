"""Undo a move when the bytes at the new path are not those of the row that was moved there.

A row follows its file's inode number, which another file may have by now: because the number was free, or because the
disk's numbers do not last though the user trusts them. The ends of a moved file are read soon. If they are others, the
row goes back, as missing, with all that is known and decided about its own bytes. The file that was read gets a row of
its own.
"""

from typing import Literal

from reeld.catalog import assignments, copies, history, media, queue
from reeld.catalog.models import VideoFile
from reeld.catalog.video_files import file_record, place_columns, stamp_columns
from reeld.database.fields import utc_from_ms
from reeld.database.statements import insert_row, rows, update_row
from reeld.domain.files import readable
from reeld.domain.records import evicted
from reeld.domain.states import FileState

_MOVED = """
    SELECT video_files.library_id, video_files.path, library_id_before, path_before, fingerprint
    FROM video_files JOIN file_history ON file_history.id =
        (SELECT MAX(id) FROM file_history WHERE video_file_id = video_files.id)
    WHERE video_files.id = ? AND event = 'moved' AND fingerprint <> ?
        AND json_extract(stages_done, '$.fingerprint') IS NULL AND library_id_before IS NOT NULL
"""


def undo_move(
    video_file_id: int, fingerprint: str, *, stage: str, lane: Literal["names", "light", "heavy"], now_ms: int
) -> bool:
    """Whether the file with this fingerprint is another one than the row that was moved to it; if so, part the two.

    The other file begins at this stage. Only the first reading after a move counts: later ones find a rewrite.
    """
    found = rows(_MOVED, video_file_id, fingerprint)
    if not found:
        return False
    ((library_id, raw_path, library_before, raw_before, known),) = found
    path, before = VideoFile.path.python_value(raw_path), VideoFile.path.python_value(raw_before)
    now = utc_from_ms(now_ms)
    stamp = stamp_columns(file_record(video_file_id).stamp)
    queue.drop([video_file_id])
    update_row(
        VideoFile,
        video_file_id,
        **place_columns(library_before, before) | {"path": evicted(before, video_file_id)},
        state=FileState.MISSING,
        missing_since=now,
        # The number is the other file's.
        inode=0,
    )
    other_id = insert_row(
        VideoFile,
        state=FileState.PRESENT,
        first_seen_at=now,
        changed_at=now,
        **place_columns(library_id, path),
        **media.forgotten(),
        **stamp,
    )
    queue.enqueue(other_id, stage=stage, lane=lane, now_ms=now_ms)
    evidence = (
        f"the file at {readable(path)} only has its inode number: the fingerprint there is {fingerprint}",
        f"its own fingerprint is {known}",
    )
    history.record(video_file_id, "missing", library_id=library_before, path=before, evidence=evidence, now_ms=now_ms)
    assignments.count_again([video_file_id], now_ms)
    copies.ask_copies(video_file_id, now_ms)
    return True
