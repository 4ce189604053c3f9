"""Takes a file out of its film or its episodes, and moves works without a file to the trash."""

from collections.abc import Sequence
from functools import partial

from reeld.catalog.claims import NO_CLAIMS, held_by
from reeld.catalog.models import Episode, EpisodeFile, VideoFile
from reeld.catalog.trash import discard
from reeld.database.statements import rows
from reeld.domain.states import DecidedBy

LAST_FILE = "its last file is assigned to another work now, or to none"
LAST_EPISODE = "its last episode was removed"

Works = Sequence[tuple[str, int]]
"""Types (movie, series, episode) and ids."""

_WORKS = """
    SELECT 'movie', movie_id FROM video_files WHERE id = ? AND movie_id IS NOT NULL
    UNION
    SELECT 'series', series_id FROM episode_files JOIN episodes ON episodes.id = episode_id WHERE video_file_id = ?
    UNION
    SELECT 'episode', episode_id FROM episode_files WHERE video_file_id = ?
"""


def works_of(video_file_id: int) -> Works:
    """Return the works that the file belongs to."""
    return rows(_WORKS, video_file_id, video_file_id, video_file_id)


def unlink(
    video_file_id: int, now_ms: int, *, keep_movie: int | None = None, keep_episodes: Sequence[int] = ()
) -> Works:
    """Unassign the file from other works than these, and return those that it left.

    What they are called is not recomputed yet. A work without a file goes to the trash, except one
    that was created by this file's name alone before it was known to hold no video.
    """
    ((movie_id, codec, problem, changed_at, part, edition, decided_by),) = rows(
        "SELECT movie_id, codec_video, media_problem, changed_at, part, edition, decided_by "
        "FROM video_files WHERE id = ?",
        video_file_id,
    )
    wrong_movie = movie_id if movie_id != keep_movie else None
    links = rows("SELECT episode_id FROM episode_files WHERE video_file_id = ?", video_file_id)
    wrong = [episode_id for (episode_id,) in links if episode_id not in keep_episodes]
    if wrong_movie is None and not wrong:
        return ()
    before = works_of(video_file_id)
    is_by_name_alone = codec is None and problem is not None and decided_by != DecidedBy.USER
    made_since = VideoFile.changed_at.python_value(changed_at) if is_by_name_alone else None
    claims = held_by(video_file_id).claims
    throw_away = partial(
        discard,
        reason=LAST_FILE,
        now_ms=now_ms,
        file_id=video_file_id,
        taken_for={"part": part, "edition": edition, **{name: claims[name] for name in NO_CLAIMS}},
        made_since=made_since,
    )
    if wrong_movie is not None:
        VideoFile.update(movie=None).where(VideoFile.id == video_file_id).execute()
        if not VideoFile.select().where(VideoFile.movie == wrong_movie).exists():
            throw_away("movie", [wrong_movie])
    if wrong:
        EpisodeFile.delete().where(EpisodeFile.video_file == video_file_id, EpisodeFile.episode.in_(wrong)).execute()
        linked = EpisodeFile.select(EpisodeFile.episode).where(EpisodeFile.episode.in_(wrong))
        empty = list(Episode.select().where(Episode.id.in_(wrong), Episode.id.not_in(linked)))
        throw_away("episode", [row.id for row in empty], left_with=wrong)
        for series_id in {row.series_id for row in empty}:
            if not Episode.select().where(Episode.series == series_id).exists():
                discard("series", [series_id], LAST_EPISODE, now_ms, made_since=made_since)
    after = works_of(video_file_id)
    return [work for work in before if work not in after]
