-- A file's number of names explains a ctime that moved alone. Other such files are read again as a whole, at most once a
-- day each. A job counts how often its file changed while it was read.
ALTER TABLE video_files ADD COLUMN links INTEGER;
ALTER TABLE video_files ADD COLUMN reread_at TEXT;
CREATE INDEX video_files_in_doubt ON video_files (reread_at) WHERE is_in_doubt;
ALTER TABLE jobs ADD COLUMN changes INTEGER NOT NULL DEFAULT 0;
