"""How is what was read from a file's bytes stored with its row?"""

from typing import Literal

from reeld.catalog import history
from reeld.catalog.models import VideoFile
from reeld.database.base import Row
from reeld.database.statements import change, rows, update_row
from reeld.domain.content import MediaFacts, QuickHashes

# What a row says of the bytes that it speaks of. What they are taken for is another matter.
COLUMNS = (
    "size_bytes, mtime_ns, ctime_ns, inode, device, fingerprint, oshash, file_hash, container, duration_ms, "
    "resolution_width, resolution_height, codec_video, codec_audio, hdr, languages, subtitle_languages, "
    "media_problem, completeness, is_in_doubt"
)


# Since when it speaks of them, and since when they are gone.
MOMENTS = "changed_at, missing_since"


def of_row(video_file_id: int) -> Row:
    """All that is known of a file's bytes, and of their moments, as SQLite has it."""
    (values,) = rows(f"SELECT {COLUMNS}, {MOMENTS} FROM video_files WHERE id = ?", video_file_id)  # noqa: S608 - ours
    return dict(zip(f"{COLUMNS}, {MOMENTS}".split(", "), values, strict=True))


def give_to_row(video_file_id: int, known: Row) -> None:
    """The row speaks of these bytes now, of which this is known, see `of_row`; its moments stay."""
    values = [known[name] for name in COLUMNS.split(", ")]
    places = ", ".join("?" * len(values))
    change(f"UPDATE video_files SET ({COLUMNS}) = ({places}) WHERE id = ?", *values, video_file_id)  # noqa: S608 - ours


def save_quick_hashes(video_file_id: int, hashes: QuickHashes) -> None:
    """The hashes of its ends, which settle a doubt about its bytes only if nothing says more of them."""
    change(
        "UPDATE video_files SET fingerprint = ?, oshash = ?, is_in_doubt = is_in_doubt AND file_hash IS NOT NULL "
        "WHERE id = ?",
        hashes.fingerprint,
        hashes.oshash,
        video_file_id,
    )


def save_full_hash(video_file_id: int, file_hash: str) -> None:
    update_row(VideoFile, video_file_id, file_hash=file_hash, is_in_doubt=False)


def has_full_hash(video_file_id: int) -> bool:
    """Whether the hash that is stored is certainly that of its bytes."""
    sql = "SELECT 1 FROM video_files WHERE id = ? AND file_hash IS NOT NULL AND NOT is_in_doubt"
    return bool(rows(sql, video_file_id))


def doubt(video_file_id: int) -> None:
    """Its bytes should have been read, and cannot be: whether the hash that is stored is still theirs nobody knows."""
    change("UPDATE video_files SET is_in_doubt = 1 WHERE id = ? AND file_hash IS NOT NULL", video_file_id)


def contradict(video_file_id: int, name: Literal["fingerprint", "file_hash"], found: str, now_ms: int) -> None:
    """If a hash is another than the one that is stored, the bytes are others: what the old ones said is forgotten.

    The facts of its headers stay until the same job has read them anew, which the missing container calls for.
    """
    sql = (
        f"SELECT library_id, path, {name} FROM video_files "  # noqa: S608 - one of two names of ours
        f"WHERE id = ? AND {name} <> ?"
    )
    for library_id, path, before in rows(sql, video_file_id, found):
        update_row(VideoFile, video_file_id, file_hash=None, container=None, media_problem=None, is_in_doubt=False)
        evidence = (
            "its size and time are as before, its ctime was not",
            f"its {name.replace('_', ' ')} was {before} and is {found}",
        )
        place = VideoFile.path.python_value(path)
        history.record(video_file_id, "changed", library_id=library_id, path=place, evidence=evidence, now_ms=now_ms)


def has_media_facts(video_file_id: int) -> bool:
    """Whether its headers were read, and nothing was wrong with them: what was may be mended."""
    return bool(
        rows(
            "SELECT 1 FROM video_files WHERE id = ? AND container IS NOT NULL AND media_problem IS NULL", video_file_id
        )
    )


def lacks_media_facts(video_file_id: int) -> bool:
    """Whether nothing is known of its headers, also not what is wrong with them."""
    return bool(
        rows("SELECT 1 FROM video_files WHERE id = ? AND container IS NULL AND media_problem IS NULL", video_file_id)
    )


def save_media_facts(video_file_id: int, facts: MediaFacts) -> None:
    update_row(
        VideoFile,
        video_file_id,
        container=facts.container,
        duration_ms=facts.duration_ms,
        resolution_width=facts.width,
        resolution_height=facts.height,
        codec_video=facts.codec_video,
        codec_audio=facts.codec_audio,
        hdr=facts.hdr,
        languages=list(facts.languages),
        subtitle_languages=list(facts.subtitle_languages),
        media_problem=facts.problem,
    )
    # What the other witnesses said came with the file; a file of an earlier schema has no testimony to add to.
    change(
        "UPDATE video_files SET completeness = json_set(completeness, '$.end', ?) WHERE id = ?",
        facts.end,
        video_file_id,
    )
