"""Store what stages read from a file's bytes, forget it when the bytes change, and hand it from row to row."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from reeld.catalog import history
from reeld.catalog.models import VideoFile, stage_columns
from reeld.database.base import Row
from reeld.database.fields import utc_from_ms
from reeld.database.statements import change, rows, update_many, update_row
from reeld.domain.content import MediaFacts, QuickHashes

_STAMP = ("size_bytes", "mtime_ns", "ctime_ns", "inode", "device", "links")

# Since when the row describes these bytes, and since when they are gone.
_MOMENTS = ("changed_at", "missing_since")

# How the bytes compared with the hash when they were last read for that, see `verification.py`.
VERIFIED = ("verified_at", "verify_problem", "verify_details")

# Between two such readings a file's bytes stay in doubt.
REREAD_PAUSE_MS = 86_400_000

_SAME_LINK = """
    video_files AS link WHERE video_files.links > 1 AND link.id <> video_files.id
        AND link.inode = video_files.inode AND link.size_bytes = video_files.size_bytes
        AND link.mtime_ns = video_files.mtime_ns AND link.ctime_ns = video_files.ctime_ns
        AND link.device = video_files.device AND link.state = 'present' AND link.file_hash IS NOT NULL
        AND link.inode <> 0
"""
"""Other names of the file of a row, with the same stamp: neither was touched since the other was seen."""

KNOWN_LINK = (
    f"{_SAME_LINK} AND NOT link.is_in_doubt AND link.verify_problem IS NULL "
    "AND link.fingerprint = video_files.fingerprint"
)
"""Those whose hash is certainly that of the bytes."""


def content_columns() -> tuple[str, ...]:
    """The columns that describe a file's bytes. What the file is assigned to is another matter."""
    return (*_STAMP, *stage_columns(), "completeness", "is_in_doubt", "stages_done", *VERIFIED)


def forgotten() -> Row:
    """The values of a row whose bytes no stage has read, by field, as the model takes them."""
    return empty(stage_columns()) | {"stages_done": {}, "is_in_doubt": False} | dict.fromkeys(VERIFIED)


def of_row(video_file_id: int) -> Row:
    """All that is known of a file's bytes, and their moments, as SQLite stores it."""
    names = (*content_columns(), *_MOMENTS)
    (values,) = rows(f"SELECT {', '.join(names)} FROM video_files WHERE id = ?", video_file_id)  # noqa: S608 - ours
    return dict(zip(names, values, strict=True))


def give_to_row(video_file_id: int, known: Row) -> None:
    """Let the row describe these bytes, as `of_row` read them, perhaps before a column was added. Its moments stay."""
    update_row(VideoFile, video_file_id, **forgotten())
    names = [name for name in content_columns() if name in known]
    places = ", ".join("?" * len(names))
    sql = f"UPDATE video_files SET ({', '.join(names)}) = ({places}) WHERE id = ?"  # noqa: S608 - names of ours
    change(sql, *(known[name] for name in names), video_file_id)


# --- which stages have run -------------------------------------------------------------------------------


def stages_done(video_file_id: int) -> dict[str, int]:
    """The stages that have run for the file's bytes, each with its version."""
    ((text,),) = rows("SELECT stages_done FROM video_files WHERE id = ?", video_file_id)
    done: dict[str, int] = json.loads(text)
    return done


def mark_done(video_file_id: int, stage: str, version: int) -> None:
    """Record that this version of the stage has run for the file's bytes, also if it found nothing."""
    sql = "UPDATE video_files SET stages_done = json_set(stages_done, ?, ?) WHERE id = ?"
    change(sql, f"$.{stage}", version, video_file_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """What stages found out about a file, where that changes nothing but their own columns."""

    video_file_id: int
    columns: Row
    end: str | None
    """The check of the file's end, which belongs to the completeness checks. None: it was not made."""
    stages_done: Mapping[str, int]


def fill(files: Iterable[Filled]) -> None:
    """Store what stages found out about many files, and that these stages have run for them."""
    alike: dict[tuple[bool, tuple[str, ...]], list[Filled]] = defaultdict(list)
    for file in files:
        alike[file.end is not None, tuple(file.columns)].append(file)
    for (has_end, names), group in alike.items():
        # NULL where an earlier schema recorded no completeness checks: then there is nothing to add to.
        also = ("stages_done = ?", *(["completeness = json_set(completeness, '$.end', ?)"] if has_end else []))
        update_many(
            VideoFile,
            names,
            also,
            (
                (
                    file.video_file_id,
                    file.columns.values(),
                    (json.dumps(file.stages_done, separators=(",", ":")), *([file.end] if has_end else [])),
                )
                for file in group
            ),
        )


def compare_ends_again(video_file_id: int) -> None:
    """Have the fingerprint read again, though it is stored: the row may have been moved to another file."""
    change("UPDATE video_files SET stages_done = json_remove(stages_done, '$.fingerprint') WHERE id = ?", video_file_id)


def forget_stage(video_file_id: int, stage: str, columns: Iterable[str]) -> None:
    """Forget what the stage found, so that it runs again."""
    update_row(VideoFile, video_file_id, **empty(columns))
    sql = "UPDATE video_files SET stages_done = json_remove(stages_done, ?) WHERE id = ?"
    change(sql, f"$.{stage}", video_file_id)


def empty(columns: Iterable[str]) -> Row:
    """The values of these columns before their stage has run, as the model takes them."""
    fields = VideoFile._meta.fields  # noqa: SLF001 - peewee's documented way to ask
    return {name: _default(fields[name]) for name in columns}


def _default(field: Any) -> Any:
    return field.default() if callable(field.default) else field.default


# --- hashes ----------------------------------------------------------------------------------------------


def save_quick_hashes(video_file_id: int, hashes: QuickHashes) -> None:
    """Store the hashes of the file's ends. They resolve a doubt about its bytes only where no full hash is stored."""
    change(
        "UPDATE video_files SET fingerprint = ?, oshash = ?, is_in_doubt = is_in_doubt AND file_hash IS NOT NULL "
        "WHERE id = ?",
        hashes.fingerprint,
        hashes.oshash,
        video_file_id,
    )


def save_full_hash(video_file_id: int, file_hash: str) -> None:
    """Store the hash of all bytes, which resolves a doubt about them, and a problem that they had."""
    nothing = {"verify_problem": None, "verify_details": None}
    update_row(VideoFile, video_file_id, file_hash=file_hash, is_in_doubt=False, **nothing)


def keep_damage(video_file_id: int, file_hash: str) -> bool:
    """Whether all bytes are still those that were found damaged: then the stored hash stays, and they are in no doubt.

    Something that touched a damaged file, such as a chmod, must not make its damage what it should be. A damaged file
    of an older catalogue has no hash of what it holds: then any hash but its own is that.
    """
    sql = (
        "UPDATE video_files SET is_in_doubt = 0, verify_details = json_set(verify_details, '$.hash', ?1) "
        "WHERE id = ?2 AND verify_problem = 'damaged' AND file_hash <> ?1 "
        "AND COALESCE(json_extract(verify_details, '$.hash'), ?1) = ?1"
    )
    return bool(change(sql, file_hash, video_file_id))


def is_damaged(video_file_id: int) -> bool:
    """Whether the bytes were found damaged, so that the stored hashes are not theirs."""
    return bool(rows("SELECT 1 FROM video_files WHERE id = ? AND verify_problem = 'damaged'", video_file_id))


def note_reread(video_file_id: int, now_ms: int) -> None:
    """Record that all bytes were read because they are in doubt. Call it before the doubt is resolved."""
    change(
        "UPDATE video_files SET reread_at = ? WHERE id = ? AND is_in_doubt AND file_hash IS NOT NULL",
        VideoFile.reread_at.db_value(utc_from_ms(now_ms)),
        video_file_id,
    )


def was_reread_lately(video_file_id: int, now_ms: int) -> bool:
    """Whether the doubt must wait, since the file was read for one within a day, and no other name of it helps."""
    sql = (
        "SELECT 1 FROM video_files WHERE id = ? AND is_in_doubt AND file_hash IS NOT NULL "  # noqa: S608 - ours
        f"AND reread_at BETWEEN ? AND ? AND NOT EXISTS (SELECT 1 FROM {KNOWN_LINK})"
    )
    return bool(rows(sql, video_file_id, *reread_lately(now_ms)))


def reread_lately(now_ms: int) -> tuple[object, object]:
    """Between which moments a reading for a doubt was lately. A later one means that the clock was put back."""
    first, last = (VideoFile.reread_at.db_value(utc_from_ms(ms)) for ms in (now_ms - REREAD_PAUSE_MS, now_ms))
    return first, last


def tell_links(video_file_id: int) -> list[int]:
    """Let the other names of a file whose hash was just stored know it. Return the ids of those with another hash.

    Those with the same hash are in doubt no more. The others are now, and must be read, however lately they were.
    """
    sql = (
        "SELECT link.id, link.file_hash = video_files.file_hash, video_files.reread_at "  # noqa: S608 - ours
        f"FROM video_files, {_SAME_LINK} AND video_files.id = ?"
    )
    links = rows(sql, video_file_id)
    for link_id, is_same, reread_at in links:
        change(
            "UPDATE video_files SET is_in_doubt = ?, reread_at = IIF(?, COALESCE(?, reread_at), NULL) WHERE id = ?",
            not is_same,
            is_same,
            reread_at,
            link_id,
        )
    return [link_id for link_id, is_same, _ in links if not is_same]


_LINK = (
    "link.inode = video_files.inode AND link.device = video_files.device AND link.id <> video_files.id "
    "AND link.inode <> 0"
)


def is_link_in_doubt(video_file_id: int) -> bool:
    """Whether the hash under another name of the file is in doubt."""
    sql = f"SELECT 1 FROM video_files AS link, video_files WHERE {_LINK} AND link.is_in_doubt AND video_files.id = ?"  # noqa: S608
    return bool(rows(sql, video_file_id))


def doubt_links(video_file_id: int) -> None:
    """Put the hashes under other names of a file in doubt that were not seen since it was touched, as its row says."""
    change(
        "UPDATE video_files SET is_in_doubt = 1 WHERE id IN (SELECT link.id FROM video_files AS link, video_files "  # noqa: S608
        f"WHERE {_LINK} AND link.ctime_ns <> video_files.ctime_ns AND video_files.links > 1 AND video_files.id = ?)",
        video_file_id,
    )


def doubt(video_file_id: int) -> None:
    """Record that the stored hash may be of other bytes: they should have been read, and cannot be."""
    change("UPDATE video_files SET is_in_doubt = 1 WHERE id = ? AND file_hash IS NOT NULL", video_file_id)


def contradict(video_file_id: int, name: Literal["fingerprint", "file_hash"], found: str, now_ms: int) -> None:
    """If this hash differs from the stored one, the bytes changed: forget all that stages read, so that all run again.

    The caller stores the new hash in the same transaction.
    """
    sql = (
        f"SELECT library_id, path, {name} FROM video_files "  # noqa: S608 - one of two names of ours
        f"WHERE id = ? AND {name} <> ?"
    )
    for library_id, path, before in rows(sql, video_file_id, found):
        update_row(VideoFile, video_file_id, **forgotten())
        # The only one of the completeness checks that reads the bytes.
        change("UPDATE video_files SET completeness = json_remove(completeness, '$.end') WHERE id = ?", video_file_id)
        evidence = (
            "its size and time are as before, its ctime was not",
            f"its {name.replace('_', ' ')} was {before} and is {found}",
        )
        place = VideoFile.path.python_value(path)
        history.record(video_file_id, "changed", library_id=library_id, path=place, evidence=evidence, now_ms=now_ms)


# --- media facts -----------------------------------------------------------------------------------------


def media_columns(facts: MediaFacts) -> Row:
    """The columns of what the prober read."""
    return {
        "container": facts.container,
        "duration_ms": facts.duration_ms,
        "resolution_width": facts.width,
        "resolution_height": facts.height,
        "codec_video": facts.codec_video,
        "codec_audio": facts.codec_audio,
        "hdr": facts.hdr,
        "dolby_vision": facts.dolby_vision,
        "hdr_fallback": facts.hdr_fallback,
        "languages": list(facts.languages),
        "subtitle_languages": list(facts.subtitle_languages),
        "media_problem": facts.problem,
    }


def save_media_facts(video_file_id: int, facts: MediaFacts) -> None:
    """Store what the prober read, and its check of the file's end with the other completeness checks."""
    update_row(VideoFile, video_file_id, **media_columns(facts))
    # NULL where an earlier schema recorded no completeness checks: then there is nothing to add to.
    change(
        "UPDATE video_files SET completeness = json_set(completeness, '$.end', ?) WHERE id = ?",
        facts.end,
        video_file_id,
    )
