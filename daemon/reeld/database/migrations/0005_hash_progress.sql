-- How far the full hash of a large file is, so that a restart does not begin it anew.
ALTER TABLE jobs ADD COLUMN hash_progress TEXT;
