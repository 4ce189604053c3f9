-- One row is a subtitle, a .nfo or a picture of a video, a season or a series, as its folder was last listed. They are
-- rows of the disk alone: they hold no decision, and go with their files.
CREATE TABLE sidecars (
    id INTEGER NOT NULL PRIMARY KEY,
    library_id INTEGER NOT NULL REFERENCES libraries (id) ON DELETE RESTRICT,
    path TEXT NOT NULL,
    directory TEXT NOT NULL,
    filename TEXT NOT NULL,
    kind TEXT NOT NULL,
    owner TEXT NOT NULL,
    video_path TEXT,
    language TEXT,
    is_forced INTEGER NOT NULL DEFAULT 0,
    is_sdh INTEGER NOT NULL DEFAULT 0,
    is_default INTEGER NOT NULL DEFAULT 0,
    title TEXT,
    size_bytes INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    clues INTEGER NOT NULL
);
-- Which sidecars are in this folder?
CREATE UNIQUE INDEX sidecars_library_id_directory_filename ON sidecars (library_id, directory, filename);
-- Which sidecars does this video have?
CREATE INDEX sidecars_video ON sidecars (library_id, video_path) WHERE video_path IS NOT NULL;
-- Which are orphans?
CREATE INDEX sidecars_orphaned ON sidecars (library_id, path) WHERE owner IN ('none', 'several');
-- Which videos have subtitles of this language beside them?
CREATE INDEX sidecars_language ON sidecars (language, kind) WHERE language IS NOT NULL;
