-- When a file's name, and what lies beside it, was last read. What came to its folder since may settle a question.
ALTER TABLE video_files ADD COLUMN identified_at TEXT;
UPDATE video_files SET identified_at = changed_at WHERE verdict IS NOT NULL;
