-- A file that is pending because it fits several works keeps its claims, so that it is assigned when one work is left.
ALTER TABLE video_files ADD COLUMN claimed_otherwise TEXT;
-- Which files say that they are of a film or series with this title?
ALTER TABLE video_files ADD COLUMN claimed_title_key TEXT;
UPDATE video_files SET claimed_title_key = json_extract(claimed_work, '$.title_key') WHERE claimed_work IS NOT NULL;
CREATE INDEX video_files_claimed_title ON video_files (claimed_title_key) WHERE claimed_title_key IS NOT NULL;
-- Which files fit several works?
CREATE INDEX video_files_ambiguous ON video_files (verdict) WHERE verdict = 'pending' AND claimed_work IS NOT NULL;
-- Such files of an earlier schema have no claims: the next scan reads their names again.
UPDATE video_files SET identified_at = NULL, clues = NULL, folder_clues = NULL
    WHERE verdict = 'pending' AND decided_by = 'reeld' AND reason LIKE '% works called % are known, of %';
