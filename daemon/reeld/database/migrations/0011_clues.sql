-- What each verdict was made from, so that a change of it is noticed, also one that happened while reeld did not run.
-- NULL for the verdicts of before: the next scan asks the times of the folder whether they stand.
ALTER TABLE video_files ADD COLUMN clues INTEGER;
ALTER TABLE video_files ADD COLUMN folder_clues INTEGER;
-- Whether the name must be read again once the job's running stage is over.
ALTER TABLE jobs ADD COLUMN is_name_stale INTEGER NOT NULL DEFAULT 0;
