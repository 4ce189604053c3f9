-- Contents, by size and full hash, that several files have. A row may stay too long: whoever reads it looks at the files.
-- Copies must not be taken for different works unless a user says so: `is_to_compare` says that one of them was decided,
-- moved, changed, or came or went since they were compared.
CREATE TABLE copied_contents (
    size_bytes INTEGER NOT NULL,
    file_hash TEXT NOT NULL,
    is_to_compare INTEGER NOT NULL,
    PRIMARY KEY (size_bytes, file_hash)
) WITHOUT ROWID;
CREATE INDEX copied_contents_to_compare ON copied_contents (is_to_compare) WHERE is_to_compare = 1;
CREATE TRIGGER video_files_copied_new AFTER INSERT ON video_files WHEN NEW.file_hash IS NOT NULL BEGIN INSERT INTO copied_contents SELECT NEW.size_bytes, NEW.file_hash, 1 WHERE EXISTS (SELECT 1 FROM video_files WHERE size_bytes = NEW.size_bytes AND file_hash = NEW.file_hash AND id <> NEW.id) ON CONFLICT DO UPDATE SET is_to_compare = 1; END;
CREATE TRIGGER video_files_copied AFTER UPDATE OF verdict, decided_by, claimed_work, claimed_episode, confidence, state, file_hash, is_in_doubt, path, library_id ON video_files WHEN NEW.file_hash IS NOT NULL BEGIN INSERT INTO copied_contents SELECT NEW.size_bytes, NEW.file_hash, 1 WHERE EXISTS (SELECT 1 FROM video_files WHERE size_bytes = NEW.size_bytes AND file_hash = NEW.file_hash AND id <> NEW.id) ON CONFLICT DO UPDATE SET is_to_compare = 1; END;
CREATE TRIGGER video_files_copied_before AFTER UPDATE OF file_hash, size_bytes ON video_files WHEN OLD.file_hash IS NOT NULL AND (NEW.file_hash, NEW.size_bytes) IS NOT (OLD.file_hash, OLD.size_bytes) BEGIN UPDATE copied_contents SET is_to_compare = 1 WHERE size_bytes = OLD.size_bytes AND file_hash = OLD.file_hash; END;
CREATE TRIGGER video_files_copied_gone AFTER DELETE ON video_files WHEN OLD.file_hash IS NOT NULL BEGIN UPDATE copied_contents SET is_to_compare = 1 WHERE size_bytes = OLD.size_bytes AND file_hash = OLD.file_hash; END;
INSERT INTO copied_contents SELECT size_bytes, file_hash, 1 FROM video_files WHERE file_hash IS NOT NULL GROUP BY size_bytes, file_hash HAVING count(*) > 1;
