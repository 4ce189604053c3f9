"""How is what was read from a file's bytes stored with its row?"""

from reeld.catalog.models import VideoFile
from reeld.catalog.statements import rows, update_row
from reeld.domain.content import MediaFacts, QuickHashes


def save_quick_hashes(video_file_id: int, hashes: QuickHashes) -> None:
    update_row(VideoFile, video_file_id, fingerprint=hashes.fingerprint, oshash=hashes.oshash)


def save_full_hash(video_file_id: int, file_hash: str) -> None:
    update_row(VideoFile, video_file_id, file_hash=file_hash)


def has_full_hash(video_file_id: int) -> bool:
    return bool(rows("SELECT 1 FROM video_files WHERE id = ? AND file_hash IS NOT NULL", video_file_id))


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
