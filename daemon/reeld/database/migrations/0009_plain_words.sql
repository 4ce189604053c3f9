-- Columns and states get the words that commands and documents use.
ALTER TABLE libraries RENAME COLUMN passport TO filesystem_identity;
ALTER TABLE video_files RENAME COLUMN said_of_work TO claimed_work;
ALTER TABLE video_files RENAME COLUMN said_of_episode TO claimed_episode;
UPDATE libraries SET state = 'unverified' WHERE state = 'suspect';
UPDATE libraries SET state = 'on_hold' WHERE state = 'held';
UPDATE video_files SET decided_by = 'user' WHERE decided_by = 'person';
UPDATE jobs SET state = 'failed' WHERE state = 'set_aside';
UPDATE jobs SET stage = 'match_copies' WHERE stage = 'pair';
-- A work in the trash keeps the claims of its last file, by the names of their columns.
UPDATE trash SET entity_metadata = json_remove(
    json_set(
        entity_metadata,
        '$.taken_for.claimed_work', json_extract(entity_metadata, '$.taken_for.said_of_work'),
        '$.taken_for.claimed_episode', json_extract(entity_metadata, '$.taken_for.said_of_episode')
    ),
    '$.taken_for.said_of_work', '$.taken_for.said_of_episode'
) WHERE json_type(entity_metadata, '$.taken_for.said_of_work') IS NOT NULL;
