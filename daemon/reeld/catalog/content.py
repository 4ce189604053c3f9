"""How is what was read from a file's bytes stored with its row?"""

from reeld.catalog.models import VideoFile
from reeld.domain.content import MediaFacts, QuickHashes


def save_quick_hashes(video_file_id: int, hashes: QuickHashes) -> None:
    _update(video_file_id, fingerprint=hashes.fingerprint, oshash=hashes.oshash)


def save_full_hash(video_file_id: int, file_hash: str) -> None:
    _update(video_file_id, file_hash=file_hash)


def has_full_hash(video_file_id: int) -> bool:
    return bool(VideoFile.select().where(VideoFile.id == video_file_id, VideoFile.file_hash.is_null(False)).exists())


def save_media_facts(video_file_id: int, facts: MediaFacts) -> None:
    _update(
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


def _update(video_file_id: int, **values: object) -> None:
    VideoFile.update(**values).where(VideoFile.id == video_file_id).execute()
