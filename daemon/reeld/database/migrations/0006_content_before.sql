-- What the bytes were that other ones replaced, so that a file which lost its row to them gets it back.
ALTER TABLE file_history ADD COLUMN content_before TEXT;
