"""The tables of the catalogue. Each docstring says what one row means.

Users and their scripts rely on the names of tables and columns. `database/migrations/` holds the same schema as SQL; a
test proves that the two are equal.
"""

from peewee import (
    SQL,
    BooleanField,
    CompositeKey,
    FloatField,
    ForeignKeyField,
    IntegerField,
    JSONField,
    TextField,
    fn,
)
from playhouse.sqlite_ext import AutoIncrementField

from reeld.database.base import BaseModel, Health
from reeld.database.fields import PathField, PlainTextField, Unsigned64Field, UtcField
from reeld.domain.states import FileState, JobState, LibraryState, ValidationStatus


class Library(BaseModel):
    """A watched folder. `state` is that of the last scan."""

    # A folder that was given to a command is named by its path.
    name = PathField(unique=True)
    path = PathField()
    kind = TextField(default="auto")
    state = TextField(default=LibraryState.OFFLINE)
    """online, offline (cannot be read: nothing is known about its files), unverified (another directory or file system
    is at its path), on_hold (so many files are gone that the user must confirm) or removed (not configured)."""
    state_reason = PlainTextField(null=True)
    checked_at = UtcField(null=True)
    filesystem_identity = JSONField(null=True)
    """The root's identity when it was last seen, see `watch/fs_identity.py`; NULL until then."""
    is_accepted = BooleanField(default=False, constraints=[SQL("DEFAULT 0")])
    """Whether the user accepted what is there now as the library, and what is not there as gone."""

    class Meta:
        table_name = "libraries"


class Movie(BaseModel):
    """A film, with any number of files, editions and parts."""

    id = AutoIncrementField()
    """Never given twice, as in all tables whose rows may be deleted: a row in the trash keeps its id."""
    title = PlainTextField(index=True)
    title_key = PlainTextField()
    """The title without its spelling; equal keys are one title."""
    original_title = PlainTextField(null=True)
    year = IntegerField(null=True)
    tmdb_id = IntegerField(null=True, index=True)
    tvdb_id = IntegerField(null=True, index=True)
    imdb_id = TextField(null=True, index=True)
    genres = JSONField(default=list)
    created_at = UtcField()
    updated_at = UtcField()
    sort_key = TextField(default="", constraints=[SQL("DEFAULT ''")])
    """The title key with numbers that sort by their size; empty until the search index has the title."""

    class Meta:
        table_name = "movies"
        # Is this film known already? Which comes next in the order of titles?
        indexes = ((("title_key", "year"), False), (("sort_key", "year"), False))


class Series(BaseModel):
    """A series. Two that share a title differ in year, country or ids."""

    id = AutoIncrementField()
    title = PlainTextField(index=True)
    title_key = PlainTextField()
    original_title = PlainTextField(null=True)
    year = IntegerField(null=True)
    country = TextField(null=True)
    tmdb_id = IntegerField(null=True, index=True)
    tvdb_id = IntegerField(null=True, index=True)
    imdb_id = TextField(null=True, index=True)
    genres = JSONField(default=list)
    created_at = UtcField()
    updated_at = UtcField()
    tvmaze_id = IntegerField(null=True, index=True)
    sort_key = TextField(default="", constraints=[SQL("DEFAULT ''")])
    """As that of a film."""

    class Meta:
        table_name = "series"
        # Is this series known already? Which comes next in the order of titles?
        indexes = ((("title_key", "year"), False), (("sort_key", "year"), False))


class Episode(BaseModel):
    """An episode, identified by season and number, by absolute number, or by air date.

    What the names do not say is NULL: reeld never invents a season.
    """

    id = AutoIncrementField()
    series = ForeignKeyField(Series, backref="episodes", on_delete="RESTRICT")
    season_number = IntegerField(null=True)
    episode_number = IntegerField(null=True)
    absolute_number = IntegerField(null=True)
    air_date = TextField(null=True)
    title = PlainTextField(null=True, index=True)
    created_at = UtcField()
    updated_at = UtcField()

    class Meta:
        table_name = "episodes"
        indexes = (
            # Is this episode known already? By any of the three.
            (("series", "season_number", "episode_number"), True),
            (("series", "absolute_number"), False),
            (("series", "air_date"), False),
        )


class StageColumns(BaseModel):
    """The columns of `video_files` that stages fill; `columns` in `pipeline/stages.py` says which stage fills which.

    They describe the file's bytes. All are forgotten when the bytes change, and go with the bytes to another row.
    """

    fingerprint = TextField(null=True)
    oshash = TextField(null=True)
    file_hash = TextField(null=True)

    container = TextField(null=True)
    duration_ms = IntegerField(null=True)
    resolution_width = IntegerField(null=True)
    resolution_height = IntegerField(null=True)
    codec_video = TextField(null=True)
    codec_audio = TextField(null=True)
    hdr = TextField(null=True)
    dolby_vision = TextField(null=True)
    hdr_fallback = TextField(null=True)
    languages = JSONField(default=list)
    subtitle_languages = JSONField(default=list)
    media_problem = PlainTextField(null=True)


def stage_columns() -> tuple[str, ...]:
    """The names of all columns that stages fill."""
    fields = StageColumns._meta.sorted_fields  # noqa: SLF001 - peewee's documented way to ask
    return tuple(field.name for field in fields if not field.primary_key)


class VideoFile(StageColumns):
    """A video on disk, or one that was there: `state` is present or missing.

    A row is never deleted, except when its file turns out to be one that was known before (`copies.py`).
    """

    id = AutoIncrementField()
    library = ForeignKeyField(Library, backref="files", on_delete="RESTRICT", index=False)
    path = PathField(index=True)
    """Relative to the library, so that a library that moves to another disk keeps its files. An evicted file, at whose
    path there is another one, has its old path, `//` and its id, which no file can have."""
    directory = PathField()
    filename = PathField()

    size_bytes = IntegerField()
    mtime_ns = IntegerField()
    ctime_ns = IntegerField()
    inode = Unsigned64Field()
    device = Unsigned64Field()
    links = IntegerField(null=True)
    links_seen_at = UtcField(null=True)
    """When this number of names was first seen, by a trigger; None: when the file was."""
    """How many names the file has."""
    state = TextField(default=FileState.PRESENT)
    first_seen_at = UtcField()
    changed_at = UtcField()
    missing_since = UtcField(null=True)

    completeness = JSONField(null=True)
    """The results of the completeness checks when the file settled, see `watch/completeness.py`."""
    is_in_doubt = BooleanField(default=False, constraints=[SQL("DEFAULT 0")])
    """Whether only the ctime changed since the bytes were read: they may have changed, and are read again."""
    reread_at = UtcField(null=True)
    """When all its bytes were last read only because they were in doubt."""
    verified_at = UtcField(null=True)
    """When all its bytes were last compared with its full hash."""
    verify_problem = TextField(null=True)
    """damaged, unstable or unreadable, as it was when it was last read for that; NULL: nothing was wrong."""
    verify_details = JSONField(null=True)
    """Of such a problem: `since`, the `hash` that was found, the `offset` of the error, and the system's `reason`."""
    stages_done = JSONField(default=dict, constraints=[SQL("DEFAULT '{}'")])
    """The stages that have run for these bytes, each with its version, also those that found nothing."""

    kind = TextField(null=True)
    """movie or episode, once that is decided."""
    movie = ForeignKeyField(Movie, null=True, backref="files", on_delete="RESTRICT", index=False)
    part = IntegerField(null=True)
    edition = PlainTextField(null=True)
    verdict = TextField(null=True)
    """accepted, pending, rejected or ignored; NULL until the name was read."""
    decided_by = TextField(null=True)
    """rules (the library's, before the file was read), reeld or user. Only the user changes what the user decided."""
    identified_at = UtcField(null=True)
    """When its name, and the files beside it, were last read; NULL: never, or not all could be read."""
    confidence = FloatField(null=True)
    evidence = JSONField(default=list)
    reason = PlainTextField(null=True)
    claimed_work = JSONField(null=True)
    """What the file says about its film or series, and about its episodes, see `claims.py`."""
    claimed_episode = JSONField(null=True)
    claimed_title_key = PlainTextField(null=True)
    """The title key in `claimed_work`. An index on JSON would need functions that older SQLite forbids in a schema."""
    claimed_otherwise = JSONField(null=True)
    """What else a question about the file must say, if its work becomes one of several that fit."""
    clues = IntegerField(null=True)
    """A digest of what the verdict was made from, see `pipeline/surroundings.py`; NULL: the name is read again."""
    folder_clues = IntegerField(null=True)
    """A digest of all that its folder offered for that, when the two were last compared."""

    class Meta:
        table_name = "video_files"
        indexes = (
            (("library", "path"), True),
            # Which files are in this folder?
            (("library", "directory"), False),
            # Was this file moved here?
            (("inode", "size_bytes"), False),
            # Which files are ignored, pending or missing?
            (("verdict", "state"), False),
        )


class EpisodeFile(BaseModel):
    """This file holds this episode. A file may hold several episodes, and an episode may have several files."""

    episode = ForeignKeyField(Episode, backref="links", on_delete="RESTRICT", index=False)
    video_file = ForeignKeyField(VideoFile, backref="episode_links", on_delete="RESTRICT")

    class Meta:
        table_name = "episode_files"
        primary_key = CompositeKey("episode", "video_file")


class FileHistory(BaseModel):
    """An event of a file after it was first seen, with the evidence for it."""

    video_file = ForeignKeyField(VideoFile, backref="history", on_delete="CASCADE")
    happened_at = UtcField()
    event = TextField()
    """changed, moved, missing, returned, paired, replaced, damaged or whole (not damaged any more)."""
    library_id = IntegerField()
    path = PathField()
    library_id_before = IntegerField(null=True)
    path_before = PathField(null=True)
    evidence = JSONField(default=list)
    """Sentences for the user."""
    content_before = JSONField(null=True)
    """Of a replaced file: what was known about the bytes before, see `media.py`."""

    class Meta:
        table_name = "file_history"


class PendingValidation(BaseModel):
    """A pending validation of a file, or one that is resolved. At most one of a file is pending."""

    video_file = ForeignKeyField(VideoFile, backref="validations", on_delete="RESTRICT")
    candidates = JSONField(default=list)
    """Readings as dicts, best first, each with `id`, `score` and `evidence`; see `candidates.py`. An `id` (1, 2, ...)
    never comes to mean another reading. Behind the others stand those that reeld withdrew, with `is_withdrawn`.
    """
    reason = PlainTextField()
    auto_validated = BooleanField(default=False)
    """Whether later evidence resolved it, not the user."""
    validation_status = TextField(default=ValidationStatus.PENDING)
    """pending, validated or rejected."""
    selected_candidate_id = IntegerField(null=True)
    created_at = UtcField()
    resolved_at = UtcField(null=True)

    class Meta:
        table_name = "pending_validations"
        # What waits for the user, oldest first?
        indexes = ((("validation_status", "created_at"), False),)


class Sidecar(BaseModel):
    """A subtitle, a .nfo or a picture of a video, a season or a series, as its folder was last listed.

    It holds no decision, and goes with its file. What the name says is read by `identify/sidecar_names.py`.
    """

    library = ForeignKeyField(Library, backref="sidecars", on_delete="RESTRICT", index=False)
    path = PathField()
    """Relative to the library."""
    directory = PathField()
    filename = PathField()
    kind = TextField()
    owner = TextField()
    """video, folder (a film's, a season's or a series' as a whole), several (videos that fit equally), or none."""
    video_path = PathField(null=True)
    """Of the owner `video`: its path. It is no id, since the video may not have settled yet, may be a link, or may get
    another row. The row at this path, if there is one, is that of the video."""
    language = TextField(null=True)
    is_forced = BooleanField(default=False, constraints=[SQL("DEFAULT 0")])
    is_sdh = BooleanField(default=False, constraints=[SQL("DEFAULT 0")])
    is_default = BooleanField(default=False, constraints=[SQL("DEFAULT 0")])
    title = PlainTextField(null=True)
    size_bytes = IntegerField()
    mtime_ns = IntegerField()
    clues = IntegerField()
    """A digest of the names around it, and of the rules of reading them, by which its owner was found."""

    class Meta:
        table_name = "sidecars"
        # Which sidecars are in this folder?
        indexes = ((("library", "directory", "filename"), True),)


class Trash(BaseModel):
    """A removed row, complete, so that it can be restored."""

    id = AutoIncrementField()
    entity_type = TextField()
    original_id = IntegerField()
    entity_metadata = JSONField(default=dict)
    deleted_at = UtcField()
    deletion_reason = PlainTextField()

    class Meta:
        table_name = "trash"
        indexes = ((("entity_type", "original_id"), False),)


class JobRow(BaseModel):
    """Work that a file still needs. A file has at most one job; none means that all is done."""

    video_file = ForeignKeyField(VideoFile, unique=True, backref="jobs", on_delete="CASCADE")
    stage = TextField()
    lane = TextField()
    state = TextField(default=JobState.WAITING)
    """waiting, running, paused (it, or its library, cannot be read) or failed (`last_error` says why)."""
    token = TextField(null=True)
    """Identifies the run. The result of a worker whose token is no longer here is discarded."""
    due_at_ms = IntegerField()
    """UTC, milliseconds since 1970."""
    attempts = IntegerField(default=0)
    last_error = PlainTextField(null=True)
    created_at = UtcField()
    is_denied = BooleanField(default=False, constraints=[SQL("DEFAULT 0")])
    """Of a failed job: whether only the right to read the file is missing."""
    awaited_until_ms = IntegerField(null=True)
    """The file ends before its container does: until when reeld waits for its end, in milliseconds since 1970."""
    interruptions = IntegerField(default=0, constraints=[SQL("DEFAULT 0")])
    """How often reeld ended, or was restarted, while it ran this stage for this file."""
    changes = IntegerField(default=0, constraints=[SQL("DEFAULT 0")])
    """How often the file changed while this job read it."""
    is_backfill = BooleanField(default=False, constraints=[SQL("DEFAULT 0")])
    """Whether it fills in what a known file lacks; it waits until no other job of its lane is due."""
    is_name_stale = BooleanField(default=False, constraints=[SQL("DEFAULT 0")])
    """Whether the name must be read again once the running stage is over."""
    resumes = TextField(null=True)
    """Of a job that reads the name in between: the columns that it has again after that."""

    class Meta:
        table_name = "jobs"
        # Which job of this lane is next?
        indexes = ((("lane", "state", "is_backfill", "due_at_ms"), False),)


# Rules for every row that SQLite enforces.
Episode.add_index(
    Episode.index(
        Episode.series,
        Episode.absolute_number,
        unique=True,
        where=SQL("season_number IS NULL AND absolute_number IS NOT NULL"),
        name="episode_only_by_absolute_number",
    )
)
Episode.add_index(
    Episode.index(
        Episode.series,
        Episode.air_date,
        unique=True,
        where=SQL("season_number IS NULL AND air_date IS NOT NULL"),
        name="episode_only_by_air_date",
    )
)
# Which files have this content, and which are of this film? A first scan writes rows that have neither yet.
for name, columns in (
    ("video_files_file_hash", (VideoFile.file_hash,)),
    ("video_files_size_bytes_file_hash", (VideoFile.size_bytes, VideoFile.file_hash)),
    ("video_files_movie_id", (VideoFile.movie,)),
):
    is_set = SQL(f"{columns[-1].column_name} IS NOT NULL")
    VideoFile.add_index(VideoFile.index(*columns, where=is_set, name=name))
# Which files must be read again?
VideoFile.add_index(VideoFile.index(VideoFile.reread_at, where=SQL("is_in_doubt"), name="video_files_in_doubt"))
# Which files meet a query? All that it may ask of a file is in this index, so none of the rows is read.
VideoFile.add_index(
    VideoFile.index(
        VideoFile.first_seen_at,
        VideoFile.state,
        VideoFile.verdict,
        VideoFile.library,
        VideoFile.kind,
        VideoFile.movie,
        VideoFile.codec_video,
        VideoFile.resolution_width,
        VideoFile.resolution_height,
        VideoFile.hdr,
        VideoFile.size_bytes,
        VideoFile.duration_ms,
        VideoFile.languages,
        VideoFile.subtitle_languages,
        VideoFile.links,
        VideoFile.inode,
        name="video_files_facts",
    )
)
# Which files may be copies, without a full hash?
VideoFile.add_index(
    VideoFile.index(
        VideoFile.size_bytes,
        VideoFile.fingerprint,
        where=SQL("file_hash IS NULL AND fingerprint IS NOT NULL"),
        name="video_files_unhashed",
    )
)
# Which names may be of one file?
VideoFile.add_index(
    VideoFile.index(VideoFile.device, VideoFile.inode, where=SQL("links > 1"), name="video_files_linked")
)
# Which of the few files have an edition, or a problem?
VideoFile.add_index(VideoFile.index(VideoFile.edition, where=SQL("edition IS NOT NULL"), name="video_files_edition"))
VideoFile.add_index(
    VideoFile.index(VideoFile.id, where=SQL("media_problem IS NOT NULL"), name="video_files_media_problem")
)
# Which files of a library that can be read were not compared with their hashes for the longest time?
VideoFile.add_index(
    VideoFile.index(
        VideoFile.library,
        fn.COALESCE(VideoFile.verified_at, VideoFile.changed_at),
        where=SQL("file_hash IS NOT NULL AND NOT is_in_doubt AND state = 'present'"),
        name="video_files_verified_at",
    )
)
# Which files are damaged?
VideoFile.add_index(
    VideoFile.index(
        VideoFile.verify_problem, where=SQL("verify_problem IS NOT NULL"), name="video_files_verify_problem"
    )
)
# Which files say that they are of a film or series with this title?
VideoFile.add_index(
    VideoFile.index(
        VideoFile.claimed_title_key,
        where=SQL("claimed_title_key IS NOT NULL"),
        name="video_files_claimed_title",
    )
)
# Which files fit several works?
VideoFile.add_index(
    VideoFile.index(
        VideoFile.verdict,
        where=SQL("verdict = 'pending' AND claimed_work IS NOT NULL"),
        name="video_files_ambiguous",
    )
)
# Which sidecars does this video have, which are of this language, and which are orphans?
Sidecar.add_index(
    Sidecar.index(Sidecar.library, Sidecar.video_path, where=SQL("video_path IS NOT NULL"), name="sidecars_video")
)
Sidecar.add_index(
    Sidecar.index(Sidecar.language, Sidecar.kind, where=SQL("language IS NOT NULL"), name="sidecars_language")
)
Sidecar.add_index(
    Sidecar.index(Sidecar.library, Sidecar.path, where=SQL("owner IN ('none', 'several')"), name="sidecars_orphaned")
)
PendingValidation.add_index(
    PendingValidation.index(
        PendingValidation.video_file,
        unique=True,
        where=SQL("validation_status = 'pending'"),
        name="one_open_question_per_file",
    )
)

ALL_MODELS: tuple[type[BaseModel], ...] = (
    Library,
    Movie,
    Series,
    Episode,
    VideoFile,
    EpisodeFile,
    FileHistory,
    PendingValidation,
    Sidecar,
    Trash,
    JobRow,
    Health,
)
