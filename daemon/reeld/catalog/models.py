"""What do the tables hold? Each starts with a sentence on what one row means.

Names of tables and columns are relied upon by users and their scripts; `migrations/` holds the same
schema as SQL, and a test proves that the two are equal.
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
)
from playhouse.sqlite_ext import AutoIncrementField

from reeld.database.base import BaseModel, Health
from reeld.database.fields import PathField, PlainTextField, Unsigned64Field, UtcField


class Library(BaseModel):
    """A watched root. `state` speaks of the last time that reeld looked."""

    # The name of a folder that was given to a command is its path.
    name = PathField(unique=True)
    path = PathField()
    kind = TextField(default="auto")
    state = TextField(default="offline")
    """online, offline (cannot be looked at: nothing is known of its files), suspect (another directory or file
    system is at its path), held (so much is gone that a person must say so) or removed (not configured)."""
    state_reason = PlainTextField(null=True)
    checked_at = UtcField(null=True)
    filesystem_identity = JSONField(null=True)
    """What the root was known by when it was last seen, as `watch/fs_identity.py` has it; NULL until then."""
    is_accepted = BooleanField(default=False, constraints=[SQL("DEFAULT 0")])
    """Whether a person said that what is there now is the library, and that what is not there is gone."""

    class Meta:
        table_name = "libraries"


class Movie(BaseModel):
    """A film, whatever number of files, editions and parts of it there are."""

    id = AutoIncrementField()
    """As that of all that may be deleted, never given twice: what is in the trash keeps its own."""
    title = PlainTextField(index=True)
    title_key = PlainTextField()
    """The title with spelling taken away; equal keys are one title."""
    original_title = PlainTextField(null=True)
    year = IntegerField(null=True)
    tmdb_id = IntegerField(null=True, index=True)
    tvdb_id = IntegerField(null=True, index=True)
    imdb_id = TextField(null=True, index=True)
    genres = JSONField(default=list)
    created_at = UtcField()
    updated_at = UtcField()

    class Meta:
        table_name = "movies"
        # Is this film known already?
        indexes = ((("title_key", "year"), False),)


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

    class Meta:
        table_name = "series"
        # Is this series known already?
        indexes = ((("title_key", "year"), False),)


class Episode(BaseModel):
    """An episode, known by season and number, or by absolute number, or by the day it was aired.

    What the names do not say is NULL: a season is never invented.
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
            # Is this episode known already? By whichever of the three it is named.
            (("series", "season_number", "episode_number"), True),
            (("series", "absolute_number"), False),
            (("series", "air_date"), False),
        )


class StageColumns(BaseModel):
    """The columns of `video_files` that stages fill; `columns` in `pipeline/stages.py` says which stage fills which.

    They describe the file's bytes. All are forgotten when the bytes change, and go with the bytes to another row.
    """

    fingerprint = TextField(null=True, index=True)
    oshash = TextField(null=True)
    file_hash = TextField(null=True, index=True)

    container = TextField(null=True)
    duration_ms = IntegerField(null=True)
    resolution_width = IntegerField(null=True)
    resolution_height = IntegerField(null=True)
    codec_video = TextField(null=True)
    codec_audio = TextField(null=True)
    hdr = TextField(null=True)
    languages = JSONField(default=list)
    subtitle_languages = JSONField(default=list)
    media_problem = PlainTextField(null=True)


def stage_columns() -> tuple[str, ...]:
    """The names of all columns that stages fill."""
    fields = StageColumns._meta.sorted_fields  # noqa: SLF001 - peewee's documented way to ask
    return tuple(field.name for field in fields if not field.primary_key)


class VideoFile(StageColumns):
    """A video on disk, or one that was there: `state` is present or missing.

    A row is never deleted, but for that of a file which turns out to be one that was known before (`copies.py`).
    """

    id = AutoIncrementField()
    library = ForeignKeyField(Library, backref="files", on_delete="RESTRICT")
    path = PathField(index=True)
    """Relative to the library: one that moves to another disk keeps its identity. Of a missing file whose place another
    took: where it was, `//`, and its id, which is the path of nothing."""
    directory = PathField()
    filename = PathField()

    size_bytes = IntegerField()
    mtime_ns = IntegerField()
    ctime_ns = IntegerField()
    inode = Unsigned64Field()
    device = Unsigned64Field()
    state = TextField(default="present")
    first_seen_at = UtcField()
    changed_at = UtcField()
    missing_since = UtcField(null=True)

    completeness = JSONField(null=True)
    """What each witness said when the file had settled, as `watch/completeness.py` has it."""
    is_in_doubt = BooleanField(default=False, constraints=[SQL("DEFAULT 0")])
    """Whether its ctime alone has changed since its bytes were read: they may be others, and are read again."""
    stages_done = JSONField(default=dict, constraints=[SQL("DEFAULT '{}'")])
    """The stages that have run for these bytes, each with its version, also those that found nothing."""

    kind = TextField(null=True)
    """movie or episode, once somebody decided."""
    movie = ForeignKeyField(Movie, null=True, backref="files", on_delete="RESTRICT")
    part = IntegerField(null=True)
    edition = PlainTextField(null=True)
    verdict = TextField(null=True)
    """accepted, pending, rejected or ignored; NULL until the name was read."""
    decided_by = TextField(null=True)
    """rules (the library's, before anything was read), reeld or person; a person's word stands."""
    identified_at = UtcField(null=True)
    """When its name, and what lies beside it, was last read; NULL: never, or not all of that could be."""
    confidence = FloatField(null=True)
    evidence = JSONField(default=list)
    reason = PlainTextField(null=True)
    claimed_work = JSONField(null=True)
    """What it says of the film or series that it is taken for, and of its episodes, see `titles.py`."""
    claimed_episode = JSONField(null=True)

    class Meta:
        table_name = "video_files"
        indexes = (
            (("library", "path"), True),
            # What does the catalogue say is in this folder?
            (("library", "directory"), False),
            # Which files have the same content?
            (("size_bytes", "file_hash"), False),
            # Was this file moved here from somewhere else?
            (("inode", "size_bytes"), False),
            # Which files were ignored, or wait, or are missing?
            (("verdict", "state"), False),
        )


class EpisodeFile(BaseModel):
    """This file holds this episode. A file may hold several, an episode may lie in several files."""

    episode = ForeignKeyField(Episode, backref="links", on_delete="RESTRICT", index=False)
    video_file = ForeignKeyField(VideoFile, backref="episode_links", on_delete="RESTRICT")

    class Meta:
        table_name = "episode_files"
        primary_key = CompositeKey("episode", "video_file")


class FileHistory(BaseModel):
    """Something that happened to a file after it was first seen, and how reeld knows."""

    video_file = ForeignKeyField(VideoFile, backref="history", on_delete="CASCADE")
    happened_at = UtcField()
    event = TextField()
    """changed, moved, missing, returned, paired or replaced."""
    library_id = IntegerField()
    path = PathField()
    library_id_before = IntegerField(null=True)
    path_before = PathField(null=True)
    evidence = JSONField(default=list)
    """Sentences for a person."""
    content_before = JSONField(null=True)
    """Of one that was replaced: what was known of the bytes that were there, see `media.py`."""

    class Meta:
        table_name = "file_history"


class PendingValidation(BaseModel):
    """A question to a person, asked or answered. At most one is open for a file."""

    video_file = ForeignKeyField(VideoFile, backref="validations", on_delete="RESTRICT")
    candidates = JSONField(default=list)
    """Readings as dicts, best first, each with `id` (1, 2, ...), `score` and `evidence`."""
    reason = PlainTextField()
    auto_validated = BooleanField(default=False)
    """Whether it was answered by later evidence, not by a person."""
    validation_status = TextField(default="pending")
    """pending, validated or rejected."""
    selected_candidate_id = IntegerField(null=True)
    created_at = UtcField()
    resolved_at = UtcField(null=True)

    class Meta:
        table_name = "pending_validations"
        # What waits for a person, oldest first?
        indexes = ((("validation_status", "created_at"), False),)


class Trash(BaseModel):
    """A row that was removed, whole, so that it can come back."""

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
    """Work that a file still needs. A file has at most one; none means that all is done."""

    video_file = ForeignKeyField(VideoFile, unique=True, backref="jobs", on_delete="CASCADE")
    stage = TextField()
    lane = TextField()
    state = TextField(default="waiting")
    """waiting, running, paused (its library is away) or failed (given up; `last_error` says why)."""
    token = TextField(null=True)
    """Who runs it. A worker whose token is not here any more works in vain: its result is thrown away."""
    due_at_ms = IntegerField()
    """UTC, milliseconds since 1970."""
    attempts = IntegerField(default=0)
    last_error = PlainTextField(null=True)
    created_at = UtcField()
    is_denied = BooleanField(default=False, constraints=[SQL("DEFAULT 0")])
    """Of one that is set aside: whether only the right to read the file is missing."""
    awaited_until_ms = IntegerField(null=True)
    """The file ends before its container does: until when its end is awaited, in milliseconds since 1970. NULL: not."""
    interruptions = IntegerField(default=0, constraints=[SQL("DEFAULT 0")])
    """How often reeld ended, or was restarted, while it ran this stage for this file."""
    is_backfill = BooleanField(default=False, constraints=[SQL("DEFAULT 0")])
    """Whether it fills in what a known file lacks; it waits until no other job of its lane is due."""

    class Meta:
        table_name = "jobs"
        # Which job of this lane is next?
        indexes = ((("lane", "state", "is_backfill", "due_at_ms"), False),)


# Facts that hold for every row and that SQLite can enforce beside its columns' types.
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
    Trash,
    JobRow,
    Health,
)
