-- Columns and states get the words that commands and documents use.
ALTER TABLE libraries RENAME COLUMN passport TO filesystem_identity;
ALTER TABLE video_files RENAME COLUMN said_of_work TO claimed_work;
ALTER TABLE video_files RENAME COLUMN said_of_episode TO claimed_episode;
UPDATE libraries SET state = 'unverified' WHERE state = 'suspect';
UPDATE libraries SET state = 'on_hold' WHERE state = 'held';
UPDATE video_files SET decided_by = 'user' WHERE decided_by = 'person';
UPDATE jobs SET state = 'failed' WHERE state = 'set_aside';
UPDATE jobs SET stage = 'match_copies' WHERE stage = 'pair';
