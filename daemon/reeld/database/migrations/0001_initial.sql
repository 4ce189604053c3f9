-- The first schema. Migrations run in the order of their numbers, each in one transaction together with
-- `PRAGMA user_version`; a released one is never changed. What a row means: catalog/models.py.

-- A watched root. `state` speaks of the last time that reeld looked.
CREATE TABLE libraries (
    id INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    path TEXT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    state_reason TEXT,
    checked_at TEXT,
    root_device INTEGER,
    root_inode INTEGER
);
CREATE UNIQUE INDEX libraries_name ON libraries (name);

-- AUTOINCREMENT where rows may be deleted: their numbers, which the trash remembers, are never given twice.

-- A film, whatever number of files, editions and parts of it there are.
CREATE TABLE movies (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    title TEXT NOT NULL,
    title_key TEXT NOT NULL,
    original_title TEXT,
    year INTEGER,
    tmdb_id INTEGER,
    tvdb_id INTEGER,
    imdb_id TEXT,
    genres TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);
CREATE INDEX movies_title ON movies (title);
CREATE INDEX movies_tmdb_id ON movies (tmdb_id);
CREATE INDEX movies_tvdb_id ON movies (tvdb_id);
CREATE INDEX movies_imdb_id ON movies (imdb_id);
CREATE INDEX movies_title_key_year ON movies (title_key, year);

-- A series. Two that share a title differ in year, country or ids.
CREATE TABLE series (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    title TEXT NOT NULL,
    title_key TEXT NOT NULL,
    original_title TEXT,
    year INTEGER,
    country TEXT,
    tmdb_id INTEGER,
    tvdb_id INTEGER,
    imdb_id TEXT,
    genres TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);
CREATE INDEX series_title ON series (title);
CREATE INDEX series_tmdb_id ON series (tmdb_id);
CREATE INDEX series_tvdb_id ON series (tvdb_id);
CREATE INDEX series_imdb_id ON series (imdb_id);
CREATE INDEX series_title_key_year ON series (title_key, year);

-- An episode, known by season and number, or by absolute number, or by the day it was aired.
CREATE TABLE episodes (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    series_id INTEGER NOT NULL,
    season_number INTEGER,
    episode_number INTEGER,
    absolute_number INTEGER,
    air_date TEXT,
    title TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    FOREIGN KEY (series_id) REFERENCES series (id) ON DELETE RESTRICT
);
CREATE INDEX episodes_series_id ON episodes (series_id);
CREATE INDEX episodes_title ON episodes (title);
CREATE UNIQUE INDEX episodes_series_id_season_number_episode_number
    ON episodes (series_id, season_number, episode_number);
CREATE INDEX episodes_series_id_absolute_number ON episodes (series_id, absolute_number);
CREATE INDEX episodes_series_id_air_date ON episodes (series_id, air_date);
CREATE UNIQUE INDEX episode_only_by_absolute_number
    ON episodes (series_id, absolute_number)
    WHERE season_number IS NULL AND absolute_number IS NOT NULL;
CREATE UNIQUE INDEX episode_only_by_air_date
    ON episodes (series_id, air_date)
    WHERE season_number IS NULL AND air_date IS NOT NULL;

-- A video on disk, or one that was there: `state` is present or missing, and a row is never deleted.
CREATE TABLE video_files (
    id INTEGER NOT NULL PRIMARY KEY,
    library_id INTEGER NOT NULL,
    path TEXT NOT NULL,
    directory TEXT NOT NULL,
    filename TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    ctime_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    device INTEGER NOT NULL,
    state TEXT NOT NULL,
    first_seen_at TEXT NOT NULL,
    changed_at TEXT NOT NULL,
    missing_since TEXT,
    fingerprint TEXT,
    oshash TEXT,
    file_hash TEXT,
    container TEXT,
    duration_ms INTEGER,
    resolution_width INTEGER,
    resolution_height INTEGER,
    codec_video TEXT,
    codec_audio TEXT,
    hdr TEXT,
    languages TEXT NOT NULL,
    subtitle_languages TEXT NOT NULL,
    media_problem TEXT,
    kind TEXT,
    movie_id INTEGER,
    part INTEGER,
    edition TEXT,
    verdict TEXT,
    decided_by TEXT,
    confidence REAL,
    evidence TEXT NOT NULL,
    reason TEXT,
    FOREIGN KEY (library_id) REFERENCES libraries (id) ON DELETE RESTRICT,
    FOREIGN KEY (movie_id) REFERENCES movies (id) ON DELETE RESTRICT
);
CREATE INDEX video_files_library_id ON video_files (library_id);
CREATE INDEX video_files_path ON video_files (path);
CREATE INDEX video_files_fingerprint ON video_files (fingerprint);
CREATE INDEX video_files_file_hash ON video_files (file_hash);
CREATE INDEX video_files_movie_id ON video_files (movie_id);
CREATE UNIQUE INDEX video_files_library_id_path ON video_files (library_id, path);
CREATE INDEX video_files_library_id_directory ON video_files (library_id, directory);
CREATE INDEX video_files_size_bytes_file_hash ON video_files (size_bytes, file_hash);
CREATE INDEX video_files_inode_size_bytes ON video_files (inode, size_bytes);
CREATE INDEX video_files_verdict_state ON video_files (verdict, state);

-- This file holds this episode. A file may hold several, an episode may lie in several files.
CREATE TABLE episode_files (
    episode_id INTEGER NOT NULL,
    video_file_id INTEGER NOT NULL,
    PRIMARY KEY (episode_id, video_file_id),
    FOREIGN KEY (episode_id) REFERENCES episodes (id) ON DELETE RESTRICT,
    FOREIGN KEY (video_file_id) REFERENCES video_files (id) ON DELETE RESTRICT
);
CREATE INDEX episode_files_video_file_id ON episode_files (video_file_id);

-- A question to a person, asked or answered. At most one is open for a file.
CREATE TABLE pending_validations (
    id INTEGER NOT NULL PRIMARY KEY,
    video_file_id INTEGER NOT NULL,
    candidates TEXT NOT NULL,
    reason TEXT NOT NULL,
    auto_validated INTEGER NOT NULL,
    validation_status TEXT NOT NULL,
    selected_candidate_id INTEGER,
    created_at TEXT NOT NULL,
    resolved_at TEXT,
    FOREIGN KEY (video_file_id) REFERENCES video_files (id) ON DELETE RESTRICT
);
CREATE INDEX pending_validations_video_file_id ON pending_validations (video_file_id);
CREATE INDEX pending_validations_validation_status_created_at
    ON pending_validations (validation_status, created_at);
CREATE UNIQUE INDEX one_open_question_per_file
    ON pending_validations (video_file_id)
    WHERE validation_status = 'pending';

-- A row that was removed, whole, so that it can come back.
CREATE TABLE trash (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    entity_type TEXT NOT NULL,
    original_id INTEGER NOT NULL,
    entity_metadata TEXT NOT NULL,
    deleted_at TEXT NOT NULL,
    deletion_reason TEXT NOT NULL
);
CREATE INDEX trash_entity_type_original_id ON trash (entity_type, original_id);

-- Work that a file still needs. A file has at most one; none means that all is done.
CREATE TABLE jobs (
    id INTEGER NOT NULL PRIMARY KEY,
    video_file_id INTEGER NOT NULL,
    stage TEXT NOT NULL,
    lane TEXT NOT NULL,
    state TEXT NOT NULL,
    token TEXT,
    due_at_ms INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    last_error TEXT,
    created_at TEXT NOT NULL,
    FOREIGN KEY (video_file_id) REFERENCES video_files (id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX jobs_video_file_id ON jobs (video_file_id);
CREATE INDEX jobs_lane_state_due_at_ms ON jobs (lane, state, due_at_ms);
