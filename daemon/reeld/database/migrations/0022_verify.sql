-- When all bytes of a file were last compared with its full hash, and what was wrong when they were last read for that:
-- damaged, unstable or unreadable, with details. NULL: nothing.
ALTER TABLE video_files ADD COLUMN verified_at TEXT;
ALTER TABLE video_files ADD COLUMN verify_problem TEXT;
ALTER TABLE video_files ADD COLUMN verify_details TEXT;
-- What was found until now, of the files that still have the bytes that it was found of. A file that could not be read
-- was not compared. The hash of what a damaged one holds was not kept; the next reading finds it out.
UPDATE video_files SET
    verified_at = CASE WHEN found.result <> 'unreadable' THEN found.verified_at END,
    verify_problem = CASE WHEN found.result <> 'same' THEN found.result END,
    verify_details = CASE WHEN found.result <> 'same' THEN json_object(
        'since', substr(found.verified_at, 1, 19) || 'Z',
        'hash', NULL,
        'offset', found.offset_bytes,
        'reason', CASE WHEN found.result = 'unreadable' THEN 'the disk answered with an error' END
    ) END
FROM verifications AS found
WHERE found.video_file_id = video_files.id AND found.file_hash = video_files.file_hash
    AND found.verified_at > video_files.changed_at;
DROP TABLE verifications;
-- Which files of a library that can be read were not compared for the longest time? A file was read as a whole when its
-- bytes came, too.
CREATE INDEX video_files_verified_at ON video_files (library_id, COALESCE(verified_at, changed_at))
    WHERE file_hash IS NOT NULL AND NOT is_in_doubt AND state = 'present';
-- Which files are damaged?
CREATE INDEX video_files_verify_problem ON video_files (verify_problem) WHERE verify_problem IS NOT NULL;
