-- What a library is known by, why a file was believed to be complete, what happened to a file, how the catalogue fares.

-- The passport holds more than the root's device and inode, which become its first two facts.
ALTER TABLE libraries ADD COLUMN passport TEXT;
UPDATE libraries SET passport = json_object('device', root_device, 'inode', root_inode) WHERE root_inode IS NOT NULL;
ALTER TABLE libraries DROP COLUMN root_device;
ALTER TABLE libraries DROP COLUMN root_inode;

-- Whether a person said that what is there now is the library, and that what is not there is gone.
ALTER TABLE libraries ADD COLUMN is_accepted INTEGER NOT NULL DEFAULT 0;

-- The row of a copy goes when its file turns out to be one that was known before: its id must never mean another file.
CREATE TABLE video_files_new (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
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
INSERT INTO video_files_new SELECT * FROM video_files;
DROP TABLE video_files;
ALTER TABLE video_files_new RENAME TO video_files;
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

-- What each witness said when the file had settled; NULL for files of an earlier schema.
ALTER TABLE video_files ADD COLUMN completeness TEXT;

-- Whether a file's ctime alone has changed since its bytes were read.
ALTER TABLE video_files ADD COLUMN is_in_doubt INTEGER NOT NULL DEFAULT 0;

-- Whether a file was given up because reeld may not read it.
ALTER TABLE jobs ADD COLUMN is_denied INTEGER NOT NULL DEFAULT 0;

-- What happened to a file after it was first seen, and how reeld knows.
CREATE TABLE file_history (
    id INTEGER NOT NULL PRIMARY KEY,
    video_file_id INTEGER NOT NULL,
    happened_at TEXT NOT NULL,
    event TEXT NOT NULL,
    library_id INTEGER NOT NULL,
    path TEXT NOT NULL,
    library_id_before INTEGER,
    path_before TEXT,
    evidence TEXT NOT NULL,
    FOREIGN KEY (video_file_id) REFERENCES video_files (id) ON DELETE CASCADE
);
CREATE INDEX file_history_video_file_id ON file_history (video_file_id);

-- How the catalogue itself fares: one row.
CREATE TABLE catalog_health (
    id INTEGER NOT NULL PRIMARY KEY,
    is_open INTEGER NOT NULL DEFAULT 1,
    checked_at TEXT
);
INSERT INTO catalog_health (id) VALUES (1);
