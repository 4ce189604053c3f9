-- Each file says which stages have run for its bytes, so that a stage that is new, or has a new version, runs once for
-- every known file. What the stages of this day have found is marked as done.
ALTER TABLE video_files ADD COLUMN stages_done TEXT NOT NULL DEFAULT '{}';
UPDATE video_files SET stages_done = json_patch(json_patch(
    IIF(fingerprint IS NULL, '{}', '{"fingerprint":1}'),
    IIF(container IS NULL AND media_problem IS NULL, '{}', '{"probe":1}')),
    IIF(file_hash IS NULL, '{}', '{"hash":1}'));
-- The same for the content that a file had before another one took its row.
UPDATE file_history SET content_before = json_set(content_before, '$.stages_done', '' || json_patch(json_patch(
    IIF(json_extract(content_before, '$.fingerprint') IS NULL, '{}', '{"fingerprint":1}'),
    IIF(json_extract(content_before, '$.container') IS NULL AND json_extract(content_before, '$.media_problem') IS NULL,
        '{}', '{"probe":1}')),
    IIF(json_extract(content_before, '$.file_hash') IS NULL, '{}', '{"hash":1}')))
    WHERE content_before IS NOT NULL;
-- A job counts how often reeld ended while it ran, and gives way to new work if it only fills in what a file lacks.
ALTER TABLE jobs ADD COLUMN interruptions INTEGER NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN is_backfill INTEGER NOT NULL DEFAULT 0;
DROP INDEX jobs_lane_state_due_at_ms;
CREATE INDEX jobs_lane_state_is_backfill_due_at_ms ON jobs (lane, state, is_backfill, due_at_ms);
-- A full hash begins again after a restart.
ALTER TABLE jobs DROP COLUMN hash_progress;
