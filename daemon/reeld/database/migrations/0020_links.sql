-- When the number of a file's names was first seen as it is now. NULL: when the file was first seen. Each scan compares
-- the number with the disk's.
ALTER TABLE video_files ADD COLUMN links_seen_at TEXT;
CREATE TRIGGER video_files_links_changed AFTER UPDATE OF links ON video_files WHEN NEW.links IS NOT OLD.links BEGIN UPDATE video_files SET links_seen_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now') WHERE id = NEW.id; END;
-- The number of names counts where the file has a lasting inode number.
DROP INDEX video_files_facts;
CREATE INDEX video_files_facts ON video_files (
    first_seen_at, state, verdict, library_id, kind, movie_id, codec_video, resolution_width, resolution_height, hdr,
    size_bytes, duration_ms, languages, subtitle_languages, links, inode
);
