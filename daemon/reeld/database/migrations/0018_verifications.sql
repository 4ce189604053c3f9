-- What `verify` found of each file, by the hash that it was compared with.
CREATE TABLE verifications (
    video_file_id INTEGER NOT NULL PRIMARY KEY REFERENCES video_files (id) ON DELETE CASCADE,
    verified_at TEXT NOT NULL,
    result TEXT NOT NULL,
    file_hash TEXT NOT NULL,
    offset_bytes INTEGER
);
CREATE INDEX verifications_result ON verifications (result);
